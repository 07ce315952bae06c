//! Which argon2id logins are remembered, for whom, and when they are forgotten.

use super::tests::{account, accounts, argon2id, credentials, plain, said};
use super::*;

/// Logs in, by argon2id if need be, and says how it went at first.
fn login(accounts: &Accounts, username: &str, password: &str) -> String {
    let begun = accounts.begin(&credentials(username, password));
    let said = said(&begun);
    if let Login::NeedsHashing(slow) = begun {
        // Whether it was right shows in the next login.
        let _ = slow.run(&mut HashingRoom::default());
    }
    said
}

/// One person with these passwords, and a program beside.
fn clients(username: &str, passwords: Vec<PasswordHash>) -> Accounts {
    let program = account("made", "program", vec![plain("made by a program")]);
    accounts(vec![account("chosen", username, passwords), program])
}

#[test]
fn a_success_is_remembered_and_nothing_else() {
    let clients = clients("person", vec![argon2id("first", 1), plain("made"), argon2id("second", 2)]);
    // In this order: each row is a login.
    for (username, password, expected) in [
        ("person", "wrong", "needs hashing"),
        ("person", "wrong", "needs hashing"),
        ("nobody", "first", "needs hashing"),
        ("nobody", "first", "needs hashing"),
        ("program", "first", "needs hashing"),
        ("program", "first", "needs hashing"),
        ("person", "first", "needs hashing"),
        ("person", "first", "chosen 0"),
        ("person", "first", "chosen 0"),
        ("person", "second", "needs hashing"),
        ("person", "second", "chosen 2"),
        ("person", "first", "chosen 0"),
        ("person", "made", "chosen 1"),
        ("person", "wrong", "needs hashing"),
        ("Person", "first", "needs hashing"),
        ("nobody", "first", "needs hashing"),
        ("program", "first", "needs hashing"),
        ("person", "", "refused"),
        ("nobody", "", "refused"),
    ] {
        assert_eq!(login(&clients, username, password), expected, "{username}:{password}");
    }
}

#[test]
fn a_login_is_remembered_over_a_reload_while_its_hash_and_user_name_stay() {
    let (kept, other) = (|| argon2id("kept", 1), || argon2id("other", 1));
    for (username, passwords, expected) in [
        ("person", vec![kept()], "chosen 0"),
        ("person", vec![other(), kept()], "chosen 1"),
        ("person", vec![plain("made"), other(), kept()], "chosen 2"),
        ("person", vec![argon2id("kept", 2)], "needs hashing"),
        ("person", vec![other()], "needs hashing"),
        ("someone", vec![kept()], "needs hashing"),
    ] {
        let old = clients("person", vec![kept()]);
        login(&old, "person", "kept");
        assert_eq!(login(&old, "person", "kept"), "chosen 0");
        let mut new = clients(username, passwords);
        new.inherit(&old);
        assert_eq!(login(&new, username, "kept"), expected, "{username}");
        assert_eq!(login(&new, username, "wrong"), "needs hashing", "{username}");
    }
}

#[test]
fn a_hash_that_was_gone_for_one_reload_is_forgotten() {
    let passwords = || vec![argon2id("kept", 1)];
    for between in [clients("person", vec![argon2id("other", 1)]), clients("person", vec![plain("made")])] {
        let old = clients("person", passwords());
        login(&old, "person", "kept");
        let (mut between, mut new) = (between, clients("person", passwords()));
        between.inherit(&old);
        new.inherit(&between);
        assert_eq!(login(&new, "person", "kept"), "needs hashing");
        assert_eq!(login(&new, "person", "kept"), "chosen 0");
    }
}

#[test]
fn a_hash_that_moves_to_another_user_takes_no_memory_with_it() {
    let shared = || argon2id("shared", 1);
    let old = accounts(vec![account("one", "first", vec![shared()]), account("two", "second", vec![shared()])]);
    login(&old, "first", "shared");
    assert_eq!(login(&old, "first", "shared"), "one 0");
    assert_eq!(said(&old.begin(&credentials("second", "shared"))), "needs hashing");
    let mut new = accounts(vec![account("two", "second", vec![shared()])]);
    new.inherit(&old);
    assert_eq!(said(&new.begin(&credentials("second", "shared"))), "needs hashing");
    assert_eq!(said(&new.begin(&credentials("first", "shared"))), "needs hashing");
}

#[test]
fn a_login_that_began_before_a_reload_is_remembered_after_it() {
    let old = clients("person", vec![argon2id("kept", 1)]);
    let Login::NeedsHashing(slow) = old.begin(&credentials("person", "kept")) else { panic!("needs no hashing") };
    let mut new = clients("person", vec![argon2id("kept", 1)]);
    new.inherit(&old);
    drop(old);
    assert!(slow.run(&mut HashingRoom::default()).is_some());
    assert_eq!(said(&new.begin(&credentials("person", "kept"))), "chosen 0");
}
