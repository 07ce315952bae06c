//! The way to the upstream: each kind, and what does not go together.

use super::*;
use crate::upstream::Way;

fn authority() -> String {
    let made = rcgen::generate_simple_self_signed(["upstream".to_owned()]).expect("a certificate");
    pem::encode(&pem::Pem::new("CERTIFICATE", made.cert.der().to_vec()))
}

#[test]
fn an_upstream_is_http_https_or_a_socket() {
    let given = Given::good().with("UPSTREAM_URL", "https://api.example:8443");
    let given = given.with_file("UPSTREAM_CA_FILE", authority().as_bytes());
    for (given, expected) in [
        (Given::good().with("UPSTREAM_URL", "http://10.0.0.5"), "http://10.0.0.5:80"),
        (given, "https://api.example:8443"),
        (Given::good().with("UPSTREAM_URL", "unix:/run/api.sock"), "unix:/run/api.sock"),
    ] {
        let way = given.read().upstream.way;
        assert_eq!(way.origin().to_string(), expected);
        assert_eq!(way.trust().is_some(), matches!(way, Way::Https(..)));
    }
}

#[test]
fn a_socket_is_named_by_a_whole_path_and_nothing_else() {
    for (url, what) in [
        ("unix:api.sock", "names a socket by a path that does not begin with one /"),
        ("unix://run/api.sock", "names a socket by a path that does not begin with one /"),
        ("unix:/run/api.sock?a=b", "has a ? or # after the socket's path"),
        ("unix:/run/", "names a folder"),
    ] {
        let problems = Given::good().with("UPSTREAM_URL", url).problems();
        assert!(matches!(&*problems, [line] if line.contains(what)), "{url}: {problems:?}");
    }
}

#[test]
fn authorities_that_nobody_asks_are_a_problem() {
    for url in ["http://127.0.0.1:8080", "unix:/run/api.sock"] {
        let given = Given::good().with("UPSTREAM_URL", url).with_file("UPSTREAM_CA_FILE", authority().as_bytes());
        assert_one_problem(&given, "UPSTREAM_CA_FILE ");
        assert!(given.problems()[0].contains("BEARERGATE_UPSTREAM_URL is not https://"), "{:?}", given.problems());
    }
}

#[test]
fn a_file_without_authorities_is_a_problem_that_says_what_to_give() {
    let damaged = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (content, what) in
        [("", "holds no PEM certificate"), ("hello", "holds no PEM certificate"), (damaged, "is damaged")]
    {
        let given = Given::good().with("UPSTREAM_URL", "https://api.example");
        let given = given.with_file("UPSTREAM_CA_FILE", content.as_bytes());
        assert_one_problem(&given, "UPSTREAM_CA_FILE ");
        assert!(given.problems()[0].contains(what), "{content:?}: {:?}", given.problems());
    }
    let given = Given::good().with("UPSTREAM_URL", "https://api.example").with("UPSTREAM_CA_FILE", "/nowhere/ca.pem");
    assert_one_problem(&given, "UPSTREAM_CA_FILE names \"/nowhere/ca.pem\", which cannot be read");
}

#[test]
fn https_may_go_to_a_public_address_and_plain_http_may_not() {
    let https =
        Given::good().with("UPSTREAM_URL", "https://8.8.8.8").with_file("UPSTREAM_CA_FILE", authority().as_bytes());
    assert_eq!(https.problems(), Vec::<String>::new());
    assert_one_problem(&Given::good().with("UPSTREAM_URL", "http://8.8.8.8"), "UPSTREAM_URL ");
    // And what is said about plain HTTP in public is not said of other ways.
    assert!(!https.with("UPSTREAM_INSECURE", "true").warned_of().contains(&"UPSTREAM_INSECURE".to_owned()));
}

#[test]
fn authorities_are_watched_and_loaded_again() {
    let given = Given::good().with("UPSTREAM_URL", "https://api.example");
    let given = given.with_file("UPSTREAM_CA_FILE", authority().as_bytes());
    let config = given.read();
    assert_eq!(config.reloadable.trust_files(), [given.folder.path().join("UPSTREAM_CA_FILE")]);
    assert!(config.reloadable.trust().is_ok());
    fs::write(given.folder.path().join("UPSTREAM_CA_FILE"), "no certificate").expect("the file is written");
    let fault = config.reloadable.trust().err().map(|problems| problems.to_string());
    assert!(fault.is_some_and(|text| text.contains("BEARERGATE_UPSTREAM_CA_FILE") && text.contains("holds no PEM")));
}
