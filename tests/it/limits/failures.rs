//! `LOGIN_FAILURES`: failed logins are counted by address, and nobody who knows a password is kept out by those who do not.

use serde_json::json;

use super::{client, is_over, login_from, statuses};
use crate::kit::{
    self, ClientsFile, Refused, Sidecar, Upstream,
    clients_file::{argon2id_of, sha256_of},
    sidecar::{PASSWORD, USERNAME},
};

const MADE: &str = "made-by-a-program-91f6";
const CHOSEN: &str = "chosen by a person, long";
const LATER: &str = "chosen by another, later";
const GUESS: &str = "a guess, and not a good one";

const OVER: Refused = Refused::token(429, "RATE_LIMITED").retry_after();

/// A sidecar with a generated password and two chosen ones behind a proxy at 127.0.0.1, and so many failures an hour.
async fn gate(file: &ClientsFile, failures: &str) -> (Upstream, Sidecar) {
    let upstream = Upstream::recording().await;
    let building = Sidecar::guarding(&upstream).clients(file).var("TRUSTED_PROXIES", "127.0.0.1");
    (upstream, building.var("LOGIN_FAILURES", failures).start().await)
}

fn three() -> ClientsFile {
    ClientsFile::of(json!([
        client("made", json!({ "passwords": [sha256_of(MADE)] })),
        client("chosen", json!({ "passwords": [argon2id_of(CHOSEN)] })),
        client("later", json!({ "passwords": [argon2id_of(LATER)] })),
    ]))
}

// 52
#[tokio::test]
async fn too_many_failed_logins_from_one_address_are_429() {
    let (upstream, sidecar, _) = kit::guarded([("LOGIN_FAILURES", "3/h")]).await;
    let mut guesses = [(USERNAME, GUESS), ("nobody", GUESS), (USERNAME, ""), ("nobody", PASSWORD), (USERNAME, GUESS)];
    for (at, (username, password)) in guesses.iter_mut().enumerate() {
        let response = sidecar.ask_token(username, password).await;
        let (said, row) = (if at < 3 { Refused::WRONG_CREDENTIALS } else { OVER }, format!("{at}: {username}"));
        said.check(&response, &row);
    }
    is_over(&sidecar, &sidecar.ask_token("nobody", GUESS).await, "too_many_failures", 1000, 1200).await;
    assert_eq!(upstream.seen(), 0);
    // Neither who has a generated password nor who has a token is held.
    let token = sidecar.token().await;
    assert_eq!(sidecar.get_with(&token, "/a").await.status(), 200);
    // And neither is another address.
    Refused::WRONG_CREDENTIALS.check(&sidecar.peer("127.0.0.2").ask_token(USERNAME, GUESS).await, "another address");
}

#[tokio::test]
async fn a_header_that_is_no_login_is_no_failed_one() {
    let (upstream, sidecar, token) = kit::guarded([("LOGIN_FAILURES", "1/h")]).await;
    let empty = || kit::RequestText::new("POST", "/api/token_generate");
    assert_eq!(statuses(3, async || sidecar.exchange(empty()).await).await, [401; 3]);
    assert_eq!(statuses(3, async || sidecar.exchange(empty().bearer(&token)).await).await, [401; 3]);
    assert_eq!(statuses(3, async || sidecar.get_with("of-nobody", "/a").await).await, [401; 3]);
    assert_eq!(statuses(3, async || sidecar.ask_token(USERNAME, PASSWORD).await).await, [200; 3]);
    assert_eq!(statuses(2, async || sidecar.ask_token(USERNAME, GUESS).await).await, [401, 429]);
    assert_eq!(upstream.seen(), 0);
}

// 52
#[tokio::test]
async fn an_attacker_behind_the_same_address_cannot_stop_those_who_have_logged_in_before() {
    let file = three();
    let (upstream, sidecar) = gate(&file, "4/h").await;
    let ask = async |address: &str, username: &str, password: &str| {
        sidecar.exchange(login_from(address, username, password)).await.status()
    };
    // Proved at another address: what is remembered is the login, not from where it came.
    assert_eq!(ask("203.0.113.1", "chosen", CHOSEN).await, 200);
    let here = "203.0.113.7";
    assert_eq!(
        statuses(5, async || sidecar.exchange(login_from(here, "chosen", GUESS)).await).await,
        [401, 401, 401, 401, 429]
    );
    for (row, address, username, password, status) in [
        ("a generated password", here, "made", MADE, 200),
        ("a generated password again", here, "made", MADE, 200),
        ("a chosen one that was right before", here, "chosen", CHOSEN, 200),
        ("a chosen one that was right before, again", here, "chosen", CHOSEN, 200),
        ("a chosen one that was never right before", here, "later", LATER, 429),
        ("a wrong one for the generated", here, "made", GUESS, 429),
        ("a wrong one for the chosen", here, "chosen", GUESS, 429),
        ("another's chosen one", here, "later", CHOSEN, 429),
        ("nobody's", here, "nobody", CHOSEN, 429),
        ("a chosen one that was never right before, elsewhere", "203.0.113.8", "later", LATER, 200),
        ("the same one, now that it was right", here, "later", LATER, 200),
    ] {
        assert_eq!(ask(address, username, password).await, status, "{row}");
        assert_eq!(upstream.seen(), 0, "{row}");
    }
    let over = sidecar.exchange(login_from(here, "chosen", GUESS)).await;
    OVER.check(&over, "the attacker");
    is_over(&sidecar, &over, "too_many_failures", 700, 900).await;
    assert_eq!(sidecar.page_of(&over).await["peer"], here);
}

#[tokio::test]
async fn a_chosen_password_that_is_right_is_no_failure_although_it_has_to_be_hashed() {
    let passwords: Vec<String> = (0..6).map(|at| format!("chosen by person {at}, long")).collect();
    let hashes: Vec<String> = passwords.iter().map(|password| argon2id_of(password)).collect();
    let file = ClientsFile::of(json!([client("chosen", json!({ "passwords": hashes }))]));
    let (upstream, sidecar) = gate(&file, "2/h").await;
    let ask = async |password: &str| sidecar.exchange(login_from("203.0.113.7", "chosen", password)).await.status();
    assert_eq!(ask(GUESS).await, 401);
    for password in &passwords[..5] {
        assert_eq!(ask(password).await, 200, "{password}");
    }
    assert_eq!(ask(GUESS).await, 401);
    assert_eq!(ask(&passwords[5]).await, 429, "two have failed, and nobody knows this one");
    assert_eq!(upstream.seen(), 0);
}

#[tokio::test]
async fn a_chosen_password_is_forgotten_when_its_hash_leaves_the_file() {
    let file = three();
    let (upstream, sidecar) = gate(&file, "3/h").await;
    let ask = async |username: &str, password: &str| {
        sidecar.exchange(login_from("203.0.113.7", username, password)).await.status()
    };
    assert_eq!(ask("chosen", CHOSEN).await, 200);
    assert_eq!(
        statuses(4, async || sidecar.exchange(login_from("203.0.113.7", "chosen", GUESS)).await).await,
        [401, 401, 401, 429]
    );
    let chosen = |hash: String| json!([client("chosen", json!({ "passwords": [sha256_of(MADE), hash] }))]);
    sidecar.reloading(|| file.write(chosen(argon2id_of(CHOSEN)))).await;
    assert_eq!(ask("chosen", CHOSEN).await, 200, "its hash is still there, beside a new password");
    sidecar.reloading(|| file.write(chosen(argon2id_of(LATER)))).await;
    assert_eq!(ask("chosen", CHOSEN).await, 429, "its hash is gone");
    sidecar.reloading(|| file.write(chosen(argon2id_of(CHOSEN)))).await;
    assert_eq!(ask("chosen", CHOSEN).await, 429, "its hash is back, and was not proved since");
    assert_eq!(upstream.seen(), 0);
}

#[tokio::test]
async fn an_address_of_ipv6_is_its_network_of_64_bits() {
    let file = three();
    let (upstream, sidecar) = gate(&file, "2/h").await;
    for (address, status) in [
        ("2001:db8:1:2::1", 401),
        ("2001:db8:1:2:ffff:ffff:ffff:fffe", 401),
        ("2001:db8:1:2::3", 429),
        ("2001:DB8:1:2:0:0:0:4", 429),
        ("[2001:db8:1:2::5]", 429),
        ("[2001:db8:1:2::5]:4711", 429),
        ("2001:db8:1:3::1", 401),
        ("2001:db8:1::1", 401),
        ("2001:db8:1:3::2", 401),
        ("2001:db8:1:3::3", 429),
        // IPv4 within IPv6 is IPv4, each address its own.
        ("203.0.113.7", 401),
        ("::ffff:203.0.113.7", 401),
        ("203.0.113.7:4711", 429),
        ("[::ffff:203.0.113.7]:4711", 429),
        ("::ffff:203.0.113.8", 401),
        ("203.0.113.8", 401),
        ("203.0.113.8", 429),
        ("203.0.113.9", 401),
    ] {
        let response = sidecar.exchange(login_from(address, "nobody", GUESS)).await;
        assert_eq!(response.status(), status, "{address}: {response:?}");
        assert_eq!(upstream.seen(), 0, "{address}");
    }
}

#[tokio::test]
async fn what_a_stranger_says_of_its_address_is_not_counted_for_another() {
    let file = three();
    let (upstream, sidecar) = gate(&file, "2/h").await;
    let stranger = sidecar.peer("127.0.0.2");
    let mut statuses = Vec::new();
    for last in 1..=4 {
        statuses.push(stranger.exchange(login_from(&format!("203.0.113.{last}"), "nobody", GUESS)).await.status());
    }
    assert_eq!(statuses, [401, 401, 429, 429], "each claims another address, and is one");
    for last in 1..=4 {
        let response = sidecar.exchange(login_from(&format!("203.0.113.{last}"), "nobody", GUESS)).await;
        assert_eq!(response.status(), 401, "203.0.113.{last} has not failed yet");
    }
    assert_eq!(upstream.seen(), 0);
}

#[tokio::test]
async fn switched_off_no_number_of_failures_is_too_many() {
    for hash in [sha256_of(PASSWORD), argon2id_of(PASSWORD)] {
        let upstream = Upstream::recording().await;
        let building = Sidecar::guarding(&upstream).without("CLIENT_PASSWORD").var("CLIENT_PASSWORD_HASH", &hash);
        let sidecar = building.var("LOGIN_FAILURES", "off").start().await;
        assert_eq!(statuses(50, async || sidecar.ask_token(USERNAME, GUESS).await).await, [401; 50], "{hash}");
        assert_eq!(sidecar.ask_token(USERNAME, PASSWORD).await.status(), 200, "{hash}");
        assert_eq!(upstream.seen(), 0, "{hash}");
    }
}

#[tokio::test]
async fn without_the_setting_thirty_may_fail_at_once() {
    let (upstream, sidecar, _) = kit::guarded([]).await;
    let statuses = statuses(60, async || sidecar.ask_token(USERNAME, GUESS).await).await;
    // One more every two seconds, on a slow machine.
    assert_eq!(statuses[..30], [401; 30]);
    assert!(statuses[30..].contains(&429), "{statuses:?}");
    assert_eq!(upstream.seen(), 0);
}
