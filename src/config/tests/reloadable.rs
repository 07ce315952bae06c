//! What is loaded again: the files as they are now, held to the rules of the start.

use std::path::PathBuf;

use super::callers::clients_json;
use super::*;

impl Given {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn change(&self, name: &str, content: &str) {
        fs::write(self.path(name), content).expect("the file is written");
    }
}

fn pair() -> (String, String) {
    let made = rcgen::generate_simple_self_signed(["gate".to_owned()]).expect("a certificate");
    let text = |tag: &str, der: &[u8]| pem::encode(&pem::Pem::new(tag, der));
    (text("CERTIFICATE", made.cert.der()), text("PRIVATE KEY", &made.signing_key.serialize_der()))
}

fn fault<T>(loaded: Result<T, Problems>) -> String {
    loaded
        .err()
        .map(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
        .unwrap_or_default()
}

#[test]
fn what_comes_from_no_file_has_nothing_to_watch_and_loads_all_the_same() {
    for mode in ["off", "self-signed"] {
        let reloadable = Given::good().with("TLS", mode).read().reloadable;
        let files = [
            reloadable.tls_files(),
            reloadable.clients_files(),
            reloadable.key_files(),
            reloadable.authorization_files(),
        ];
        assert_eq!(files, [const { Vec::<PathBuf>::new() }; 4], "{mode}");
        assert!(reloadable.tls().is_ok() && reloadable.clients().is_ok());
        assert!(reloadable.keys().is_ok_and(|keys| keys.len() == 1) && reloadable.authorization().is_ok());
    }
}

#[test]
fn the_files_that_are_named_are_watched() {
    let (certificate, key) = pair();
    let given = Given::good()
        .without("TLS")
        .with_file("TLS_CERT_FILE", certificate.as_bytes())
        .with_file("TLS_KEY_FILE", key.as_bytes())
        .with_file("TLS_CLIENT_CA_FILE", certificate.as_bytes())
        .without("CLIENT_PASSWORD")
        .with_file("CLIENT_PASSWORD_FILE", b"correct horse battery")
        .without("TOKEN_KEY")
        .with_file("TOKEN_KEY_FILE", KEY.as_bytes())
        .with_file("UPSTREAM_AUTHORIZATION_FILE", b"Bearer hunter2");
    let reloadable = given.read().reloadable;
    assert_eq!(
        reloadable.tls_files(),
        ["TLS_CERT_FILE", "TLS_KEY_FILE", "TLS_CLIENT_CA_FILE"].map(|name| given.path(name))
    );
    assert_eq!(reloadable.clients_files(), [given.path("CLIENT_PASSWORD_FILE")]);
    assert_eq!(reloadable.key_files(), [given.path("TOKEN_KEY_FILE")]);
    assert_eq!(reloadable.authorization_files(), [given.path("UPSTREAM_AUTHORIZATION_FILE")]);

    let given = Given::good().with_clients_file(&clients_json("a")).with_keys(&[("k", &format!("k{KEY}"))]);
    let reloadable = given.read().reloadable;
    assert_eq!(
        (reloadable.clients_files(), reloadable.key_files()),
        (vec![given.path("CLIENTS_FILE")], vec![given.path("keys")])
    );
    let given = Given::good().with("TLS", "self-signed").with_file("TLS_CLIENT_CA_FILE", certificate.as_bytes());
    assert_eq!(given.read().reloadable.tls_files(), [given.path("TLS_CLIENT_CA_FILE")]);
}

#[test]
fn changed_clients_are_loaded_by_the_rules_of_the_start() {
    let given = Given::good().with_clients_file(&clients_json("a"));
    let reloadable = given.read().reloadable;
    given.change("CLIENTS_FILE", &clients_json("b"));
    let clients = reloadable.clients().unwrap_or_else(|problems| panic!("{problems}"));
    assert!(clients.accounts().find("b").is_some() && clients.accounts().find("a").is_none());
    for (content, expected) in [
        ("", "is not JSON"),
        (r#"{"clients":[]}"#, "has no client"),
        (r#"{"clients":[{"name":"a"}]}"#, "could never call"),
    ] {
        given.change("CLIENTS_FILE", content);
        assert!(fault(reloadable.clients()).contains(expected), "{content}");
    }
    fs::remove_file(given.path("CLIENTS_FILE")).expect("the file goes");
    assert!(fault(reloadable.clients()).contains("cannot be read"));

    let given = Given::good().without("CLIENT_PASSWORD").with_file("CLIENT_PASSWORD_FILE", b"correct horse battery");
    let reloadable = given.read().reloadable;
    given.change("CLIENT_PASSWORD_FILE", "dmlldHFyLWxpdmU=\n");
    assert!(fault(reloadable.clients()).contains("is the Base64 of the user name"));
}

#[test]
fn a_changed_pair_is_loaded_when_it_fits() {
    let ((certificate, key), (another, another_key)) = (pair(), pair());
    let given = Given::good().without("TLS").with_file("TLS_CERT_FILE", certificate.as_bytes());
    let given = given.with_file("TLS_KEY_FILE", key.as_bytes());
    let reloadable = given.read().reloadable;
    given.change("TLS_CERT_FILE", &another);
    assert!(fault(reloadable.tls()).contains("does not belong to the certificate"));
    given.change("TLS_KEY_FILE", &another_key);
    assert!(matches!(reloadable.tls(), Ok(Tls::With(_, None))));
    given.change("TLS_KEY_FILE", &another_key[..60]);
    assert!(fault(reloadable.tls()).contains("BEARERGATE_TLS_KEY_FILE"));
}

#[test]
fn changed_keys_and_header_values_are_loaded_when_they_are_good() {
    let given = Given::good()
        .with_keys(&[("a", &format!("a{KEY}"))])
        .with_file("UPSTREAM_AUTHORIZATION_FILE", b"Bearer hunter2");
    let reloadable = given.read().reloadable;
    given.change("keys/b", &format!("b{KEY}"));
    let ids = |reloadable: &Reloadable| {
        let keys = reloadable.keys().unwrap_or_else(|problems| panic!("{problems}"));
        keys.iter().filter_map(|key| key.id.as_ref().map(ToString::to_string)).collect::<Vec<_>>()
    };
    assert_eq!(ids(&reloadable), ["a", "b"]);
    given.change("keys/b", "hunter2");
    let said = fault(reloadable.keys());
    assert!(said.contains("needs 32 or more") && !said.contains("hunter2"), "{said}");
    fs::remove_file(given.path("keys/b")).expect("the file goes");
    assert_eq!(ids(&reloadable), ["a"]);

    given.change("UPSTREAM_AUTHORIZATION_FILE", "Bearer other\n");
    let loaded = reloadable.authorization();
    assert!(matches!(&loaded, Ok(AuthorizationPolicy::Fixed(value)) if value == "Bearer other"), "{loaded:?}");
    given.change("UPSTREAM_AUTHORIZATION_FILE", "stirp");
    assert!(fault(reloadable.authorization()).contains("looks like a misspelt strip"));
}
