//! Endpoints that are hardly there, and arguments that make no sense: what the doctor says, and that it comes to an end.

use std::time::{Duration, Instant};

use super::endpoint::{USERNAME, assert_harmless, examine, has_password, is_token_call, sound};
use crate::kit::{Answer, Ca, Door, Program, Upstream, ca::Life, upstream::Seen};

async fn behind(names: &[&str], answer: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Upstream {
    Upstream::behind(Door::Tls(Ca::shared().server(names, Life::Good)), answer).await
}

fn ca() -> std::path::PathBuf {
    Ca::shared().ca_file()
}

#[tokio::test]
async fn an_endpoint_that_nobody_serves_fails_in_one_place() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let free = listener.local_addr().expect("an address").port();
    drop(listener);
    for (url, said) in [
        (format!("https://127.0.0.1:{free}"), "no TCP connection to 127.0.0.1:"),
        ("https://nobody.invalid".to_owned(), "the name nobody.invalid cannot be resolved"),
    ] {
        let card = examine(&url, None, &[]).await;
        assert_eq!((card.said.code, card.with("fail"), card.with("pass").len()), (1, vec!["reachable"], 0), "{url}");
        assert!(card.evidence("reachable").contains(said), "{}", card.evidence("reachable"));
    }
}

#[tokio::test]
async fn a_certificate_for_another_name_is_named_and_the_password_kept_back() {
    let endpoint = behind(&["pay.example"], sound).await;
    let card = examine(&endpoint.url(), Some(&ca()), &[]).await;
    assert_eq!(card.with("fail"), ["certificate"], "{}", card.said.out);
    assert!(card.evidence("certificate").contains("it is for another name: pay.example"));
    assert!(card.evidence("token-status").contains("the password is not sent"), "{}", card.evidence("token-status"));
    assert!(!endpoint.requests().iter().any(has_password), "the password was sent to who knows whom");
    let port = endpoint.address().port();
    let resolve = format!("pay.example:{port}:127.0.0.1");
    let card = examine(&format!("https://pay.example:{port}"), Some(&ca()), &["--resolve", &resolve]).await;
    assert_eq!((card.said.code, card.with("fail")), (0, vec![]), "{}", card.said.out);
}

#[tokio::test]
async fn a_wrong_password_fails_the_token_call_alone() {
    let endpoint =
        behind(&["localhost"], |seen| if has_password(seen) { Answer::json(401, "{}") } else { sound(seen) }).await;
    let card = examine(&endpoint.url(), Some(&ca()), &[]).await;
    assert_eq!(card.with("fail"), ["token-status"], "{}", card.said.out);
    assert_eq!(card.evidence("token-status"), "status 401, 2 bytes of application/json");
}

#[tokio::test]
async fn an_endpoint_in_the_clear_is_examined_and_warned_of() {
    let endpoint = Upstream::answering(sound).await;
    let card = examine(&endpoint.url(), None, &[]).await;
    assert_eq!((card.with("fail"), card.warnings()), (vec![], vec!["plain-http"]), "{}", card.said.out);
    assert_harmless(&endpoint, "plain HTTP");
}

#[tokio::test]
async fn what_an_endpoint_tells_of_itself_is_warned_of() {
    let trace = "java.lang.NullPointerException\n\tat vn.partner.Api.check(Api.java:12)\n";
    let endpoint = behind(&["localhost"], move |seen| {
        let bad = !is_token_call(seen) && seen.header("authorization").is_some();
        if bad { Answer::status(401).header("Server", "Apache/2.4.1").body(trace.repeat(4)) } else { sound(seen) }
    })
    .await;
    let card = examine(&endpoint.url(), Some(&ca()), &[]).await;
    assert_eq!(
        (card.with("fail"), card.warnings()),
        (vec![], vec!["software", "traces", "refusal-size"]),
        "{}",
        card.said.out
    );
    assert!(!card.said.out.contains("NullPointer"), "{}", card.said.out);
}

#[tokio::test]
async fn an_endpoint_that_hangs_or_babbles_ends_within_the_time_it_is_given() {
    for (name, answer) in [
        ("hangs", Answer::hang as fn() -> Answer),
        ("resets", Answer::reset),
        ("babbles", || Answer::raw(vec![0xff; 100_000])),
        ("never ends", || Answer::status(200).repeat(b'x', 1 << 40)),
        ("redirects in a ring", || Answer::status(302).header("Location", "/api/token_generate").body("")),
    ] {
        let endpoint = behind(&["localhost"], move |_| answer()).await;
        let begun = Instant::now();
        let card = examine(&endpoint.url(), Some(&ca()), &["--within", "2s"]).await;
        assert!(begun.elapsed() < Duration::from_secs(10), "{name} took {:?}", begun.elapsed());
        assert!(
            card.said.code == 1 && card.with("fail").iter().any(|id| id.starts_with("token") || *id == "access-token"),
            "{name}: {}",
            card.said.out
        );
        assert_harmless(&endpoint, name);
    }
}

#[tokio::test]
async fn wrong_arguments_are_told_before_anybody_is_called() {
    let endpoint = behind(&["localhost"], sound).await;
    let url = endpoint.url();
    for (arguments, said) in [
        (vec!["doctor", "localhost:8443"], "the URL must begin with https://"),
        (vec!["doctor", "https://u:s3cret@localhost"], "the URL holds a user name"),
        (vec!["doctor", &url, "--token-path", "token"], "a path must begin with /"),
        (vec!["doctor", &url, "--ca-file", "/nowhere/ca.pem"], "/nowhere/ca.pem: "),
        (vec!["doctor", &url, "--username", "a:b"], "the user name is empty, or holds a colon"),
        (vec!["doctor", &url, "--username", USERNAME], "the password is empty"),
        (vec!["doctor", &url, "--username", USERNAME, "--password-file", "/nowhere/password"], "/nowhere/password: "),
    ] {
        let program = Program::with_all(&arguments).input("");
        let answer = program.run().await;
        assert!(answer.code == 2 && answer.err.contains(said), "{arguments:?}: {answer:?}");
        assert!(!answer.err.contains("s3cret"), "{answer:?}");
    }
    assert_eq!(endpoint.connections().len(), 0);
}

#[tokio::test]
async fn without_a_user_name_the_rest_is_examined() {
    let endpoint = behind(&["localhost"], sound).await;
    let ca = ca().display().to_string();
    let said = Program::with_all(&["doctor", &endpoint.url(), "--ca-file", &ca]).run().await;
    assert!(said.code == 0 && said.out.contains("  skipped  status: no --username was given"), "{said:?}");
    assert!(said.out.contains("  pass     forged token: status 401"), "{}", said.out);
}
