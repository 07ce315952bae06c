//! Who gets in, with what, and which accounts are refused.

use super::*;
use argon2::{Argon2, Params, PasswordHasher};
use http::HeaderMap;
use http::header::{AUTHORIZATION, HeaderValue};

use crate::secret::Secret;

fn credentials(username: &str, password: &str) -> Credentials {
    let field = format!("Basic {}", STANDARD.encode(format!("{username}:{password}")));
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, HeaderValue::from_str(&field).expect("a field value"));
    crate::auth::basic::parse(&headers).expect("good credentials")
}

fn plain(password: &str) -> PasswordHash {
    PasswordHash::of_plain(&Secret::new(password.to_owned()))
}

/// The argon2id hash of `chosen`, cheap.
fn chosen(passes: u32) -> PasswordHash {
    let params = Params::new(64, passes, 1, None).expect("parameters");
    let argon2 = Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
    let hash = argon2.hash_password_with_salt(b"chosen", b"sixteen bytes ok").expect("a hash");
    PasswordHash::parse(&hash.to_string()).expect("a hash")
}

fn account(name: &str, username: &str, passwords: Vec<PasswordHash>) -> Account {
    Account::new(ClientName::parse(name).expect("a name"), username.to_owned(), passwords).expect("an account")
}

fn accounts(accounts: Vec<Account>) -> Accounts {
    Accounts::new(accounts).expect("accounts")
}

fn said(login: &Login) -> &str {
    match login {
        Login::Accepted(caller) => caller.client().as_str(),
        Login::Refused => "refused",
        Login::NeedsHashing(_) => "needs hashing",
    }
}

#[test]
fn a_password_of_a_program_is_known_at_once() {
    let clients = accounts(vec![
        account("one", "user", vec![plain("first password"), plain("second:password ")]),
        account("two", "other", vec![plain("other password")]),
    ]);
    for (username, password, expected) in [
        ("user", "first password", "one"),
        ("user", "second:password ", "one"),
        ("other", "other password", "two"),
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
        account("chosen", "person", vec![chosen(1)]),
        account("made", "program", vec![plain("made by a program")]),
    ]);
    assert_eq!(said(&clients.begin(&credentials("program", "made by a program"))), "made");
    assert_eq!(said(&clients.begin(&credentials("person", ""))), "refused");
    for (username, password, expected) in [
        ("person", "chosen", Some("chosen")),
        ("person", "wrong", None),
        ("program", "wrong", None),
        ("program", "chosen", None),
        ("nobody", "chosen", None),
    ] {
        let Login::NeedsHashing(slow) = clients.begin(&credentials(username, password)) else {
            panic!("{username} needs no hashing")
        };
        let caller = slow.run();
        assert_eq!(caller.as_ref().map(|caller| caller.client().as_str()), expected, "{username}:{password}");
    }
}

#[test]
fn a_slow_login_can_run_on_another_thread_and_shows_no_password() {
    let clients = accounts(vec![account("chosen", "person", vec![chosen(1)])]);
    let login = clients.begin(&credentials("person", "chosen"));
    assert!(format!("{login:?}").contains("password: [secret]"), "{login:?}");
    let Login::NeedsHashing(slow) = login else { panic!("needs no hashing") };
    let caller = std::thread::spawn(move || slow.run()).join().expect("the thread ends well");
    assert_eq!(caller.expect("accepted").client().as_str(), "chosen");
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
fn an_account_nobody_should_use_is_refused() {
    let name = || ClientName::parse("vietqr").expect("a name");
    let sample = plain("Y3VzdG9tZXItdmlldHFydGVzdC11c2VyMjQ2OA==");
    for (username, passwords, expected) in [
        ("", vec![plain("a")], AccountsFault::EmptyUsername),
        ("a:b", vec![plain("a")], AccountsFault::UnsendableUsername),
        ("a\nb", vec![plain("a")], AccountsFault::UnsendableUsername),
        ("user", vec![], AccountsFault::NoPassword { name: name() }),
        ("customer-vietqrtest-user2468", vec![sample], AccountsFault::PasswordIsUsername { name: name() }),
        ("user", vec![chosen(1), plain("dXNlcg==")], AccountsFault::PasswordIsUsername { name: name() }),
        ("user", vec![plain("dXNlcg")], AccountsFault::PasswordIsUsername { name: name() }),
    ] {
        assert_eq!(Account::new(name(), username.to_owned(), passwords).err(), Some(expected), "{username:?}");
    }
}

#[test]
fn accounts_that_could_be_mistaken_for_each_other_are_refused() {
    let one = || account("one", "user", vec![plain("a")]);
    let name = |text| ClientName::parse(text).expect("a name");
    for (rows, expected) in [
        (vec![], AccountsFault::NoAccount),
        (vec![one(), account("one", "other", vec![plain("b")])], AccountsFault::SameName { name: name("one") }),
        (
            vec![one(), account("two", "user", vec![plain("b")])],
            AccountsFault::SameUsername { first: name("one"), second: name("two") },
        ),
    ] {
        assert_eq!(Accounts::new(rows).err(), Some(expected));
    }
}
