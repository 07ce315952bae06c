//! Who gets in, with what, and which accounts are refused.

use super::*;
use argon2::{Argon2, Params, PasswordHasher};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::{AUTHORIZATION, HeaderValue};

use crate::secret::Secret;

pub(super) fn credentials(username: &str, password: &str) -> Credentials {
    let field = format!("Basic {}", STANDARD.encode(format!("{username}:{password}")));
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, HeaderValue::from_str(&field).expect("a field value"));
    crate::auth::basic::parse(&headers).expect("good credentials")
}

pub(super) fn plain(password: &str) -> PasswordHash {
    PasswordHash::of_plain(&Secret::new(password.to_owned()))
}

/// The argon2id hash of `chosen`, cheap.
fn chosen(passes: u32) -> PasswordHash {
    argon2id("chosen", passes)
}

/// The argon2id hash of `password`, cheap.
pub(super) fn argon2id(password: &str, passes: u32) -> PasswordHash {
    let params = Params::new(64, passes, 1, None).expect("parameters");
    let argon2 = Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
    let hash = argon2.hash_password_with_salt(password.as_bytes(), b"sixteen bytes ok").expect("a hash");
    PasswordHash::parse(&hash.to_string()).expect("a hash")
}

pub(super) fn account(name: &str, username: &str, passwords: Vec<PasswordHash>) -> Account {
    Account::new(ClientName::parse(name).expect("a name"), username.to_owned(), passwords).expect("an account")
}

pub(super) fn accounts(accounts: Vec<Account>) -> Accounts {
    Accounts::new(accounts).expect("accounts")
}

/// The client and the position of its password, when the login was right.
pub(super) fn said(login: &Login) -> String {
    match login {
        Login::Accepted(Accepted { caller, password }) => format!("{} {password}", caller.client()),
        Login::Refused => "refused".to_owned(),
        Login::NeedsHashing(_) => "needs hashing".to_owned(),
    }
}

fn token(text: &str) -> StaticToken {
    StaticToken::of_plain(&Secret::new(text.to_owned()))
}

#[test]
fn a_password_of_a_program_is_known_at_once() {
    let clients = accounts(vec![
        account("one", "user", vec![plain("first password"), plain("second:password "), plain("first password")]),
        account("two", "other", vec![plain("other password")]),
        account("three", "user3", vec![plain("other password")]),
    ]);
    for (username, password, expected) in [
        ("user", "first password", "one 0"),
        ("user", "second:password ", "one 1"),
        ("other", "other password", "two 0"),
        ("user3", "other password", "three 0"),
        ("user", "other password", "refused"),
        ("other", "first password", "refused"),
        ("user", "First password", "refused"),
        ("user", "first password ", "refused"),
        ("user", "second:password", "refused"),
        ("USER", "first password", "refused"),
        ("nobody", "first password", "refused"),
        ("", "first password", "refused"),
        ("one", "first password", "refused"),
        ("user", "", "refused"),
        ("", "", "refused"),
    ] {
        assert_eq!(said(&clients.begin(&credentials(username, password))), expected, "{username}:{password}");
    }
}

#[test]
fn with_one_chosen_password_every_failing_login_needs_hashing() {
    let clients = accounts(vec![
        account("chosen", "person", vec![chosen(1), plain("made in a rotation"), argon2id("other", 1)]),
        account("made", "program", vec![plain("made by a program")]),
        Account::of_tokens(ClientName::parse("tokens").expect("a name"), vec![token("abc")]).expect("an account"),
    ]);
    assert_eq!(said(&clients.begin(&credentials("program", "made by a program"))), "made 0");
    assert_eq!(said(&clients.begin(&credentials("person", "made in a rotation"))), "chosen 1");
    assert_eq!(said(&clients.begin(&credentials("person", ""))), "refused");
    for (username, password, expected) in [
        ("person", "chosen", Some(0)),
        ("person", "other", Some(2)),
        ("person", "wrong", None),
        ("program", "wrong", None),
        ("program", "chosen", None),
        ("nobody", "chosen", None),
        ("tokens", "abc", None),
        ("", "abc", None),
    ] {
        let Login::NeedsHashing(slow) = clients.begin(&credentials(username, password)) else {
            panic!("{username} needs no hashing")
        };
        let accepted = slow
            .run(&mut HashingRoom::default())
            .map(|accepted| (accepted.caller.client().to_string(), accepted.password));
        assert_eq!(accepted, expected.map(|at| ("chosen".to_owned(), at)), "{username}:{password}");
    }
}

#[test]
fn a_slow_login_can_run_on_another_thread_and_shows_no_password() {
    let clients = accounts(vec![account("chosen", "person", vec![chosen(1)])]);
    let login = clients.begin(&credentials("person", "chosen"));
    assert!(format!("{login:?}").contains("password: [secret]"), "{login:?}");
    let Login::NeedsHashing(slow) = login else { panic!("needs no hashing") };
    let accepted =
        std::thread::spawn(move || slow.run(&mut HashingRoom::default())).join().expect("the thread ends well");
    assert_eq!(accepted.expect("accepted").caller.client().as_str(), "chosen");
}

#[test]
fn only_clients_that_are_still_there_are_found() {
    let clients = accounts(vec![account("one", "user", vec![plain("a password")])]);
    assert_eq!(clients.find("one").expect("there").client().as_str(), "one");
    for gone in ["user", "One", "two", ""] {
        assert_eq!(clients.find(gone), None, "{gone}");
    }
}

#[test]
fn a_static_token_is_known_by_its_digest() {
    let name = |text| ClientName::parse(text).expect("a name");
    let long = "a".repeat(MAX_TOKEN + 1);
    let clients = accounts(vec![
        account("both", "user", vec![plain("password")]).with_static_tokens(vec![token("first"), token("second")]),
        Account::of_tokens(name("tokens"), vec![token("third"), token("first "), token(&long)]).expect("an account"),
        account("none", "other", vec![plain("fourth")]),
    ]);
    for (text, expected) in [
        ("first", Some(("both", 0))),
        ("second", Some(("both", 1))),
        ("third", Some(("tokens", 0))),
        ("first ", Some(("tokens", 1))),
        ("First", None),
        ("fourth", None),
        ("password", None),
        ("", None),
        (&token("first").text(), None),
        (&long, None),
    ] {
        let found = clients.find_static(&RawToken::of(text));
        let found = found.as_ref().map(|(caller, position)| (caller.client().as_str(), *position));
        assert_eq!(found, expected, "{text}");
    }
    assert_eq!(clients.find("tokens").expect("there").client().as_str(), "tokens");
    assert_eq!(said(&clients.begin(&credentials("user", "first"))), "refused", "a token is no password");
    let none = accounts(vec![account("none", "other", vec![plain("fourth")])]);
    assert_eq!(none.find_static(&RawToken::of("fourth")), None);
}

#[test]
fn accounts_that_could_be_mistaken_for_each_other_are_refused() {
    let one = || account("one", "user", vec![plain("a")]);
    let name = |text| ClientName::parse(text).expect("a name");
    let tokens = |client, texts: &[&str]| {
        Account::of_tokens(name(client), texts.iter().map(|text| token(text)).collect()).expect("an account")
    };
    for (rows, expected) in [
        (vec![], AccountsFault::NoAccount),
        (vec![one(), account("one", "other", vec![plain("b")])], AccountsFault::SameName { name: name("one") }),
        (
            vec![one(), account("two", "user", vec![plain("b")])],
            AccountsFault::SameUsername { first: name("one"), second: name("two") },
        ),
        (
            vec![tokens("one", &["a", "b", "a"]), one().with_static_tokens(vec![])],
            AccountsFault::SameName { name: name("one") },
        ),
        (
            vec![tokens("two", &["a", "b", "a"]), one().with_static_tokens(vec![token("c"), token("b")])],
            AccountsFault::SameStaticToken { first: name("two"), second: name("one") },
        ),
    ] {
        assert_eq!(Accounts::new(rows).err(), Some(expected));
    }
}
