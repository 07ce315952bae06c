//! The clients file: who is added, who is removed, and passwords that live side by side.

use std::cell::RefCell;

use bearergate::{auth::accounts::PasswordHash, auth::accounts::StaticToken, secret::Secret};
use serde_json::{Value, json};

use crate::kit::sidecar::{Building, PASSWORD};

use super::{Entry, Mount, Told, Workday, clients_json, workday::replace};

/// What the gate keeps of a generated password.
pub(super) fn digest(password: &str) -> String {
    PasswordHash::of_plain(&Secret::new(password.to_owned())).text()
}

/// A sidecar with this file instead of the one client.
pub(super) fn with_file(building: Building, path: String) -> Building {
    building.without("CLIENT_USERNAME").without("CLIENT_PASSWORD").var("CLIENTS_FILE", path)
}

/// A day with a clients file that is an ordinary file.
pub(super) async fn day_with(clients: Value, more: impl FnOnce(Building) -> Building) -> Workday {
    Workday::begin(|building, folder| {
        replace(&folder.join(FILE), &file(clients));
        more(with_file(building, folder.join(FILE).display().to_string()))
    })
    .await
}

/// Replaces the file, and waits until it has been loaded.
pub(super) async fn change(day: &Workday, clients: Value, times: usize) {
    replace(&day.path(FILE), &file(clients));
    day.told(Told::Reloaded, "clients", times).await;
}

/// The client that the payments are made as.
pub(super) fn payer() -> Value {
    json!({"name": "vietqr", "username": "vietqr", "passwords": [digest(PASSWORD)]})
}

fn file(clients: Value) -> String {
    json!({ "clients": clients }).to_string()
}

#[tokio::test]
async fn a_client_is_let_in_when_it_is_added_and_refused_when_it_is_removed() {
    let day = day_with(json!([payer()]), |building| building).await;
    let refused = day.sidecar.ask_token("second", "second-password").await;
    assert_eq!(refused.refusal(), "INVALID_CREDENTIALS");

    let fixed = "a-token-that-was-registered-once-and-for-all";
    let digest_of_fixed = StaticToken::of_plain(&Secret::new(fixed.to_owned())).text();
    let second = json!({"name": "second", "username": "second", "passwords": [digest("second-password")]});
    let third = json!({"name": "third", "static_tokens": [digest_of_fixed]});
    change(&day, json!([payer(), second, third]), 1).await;
    let token = day.token("second", "second-password").await;
    assert_eq!(day.sidecar.get_with(&token, "/a").await.status(), 200);
    assert_eq!(day.sidecar.get_with(fixed, "/a").await.status(), 200);

    change(&day, json!([payer()]), 2).await;
    let before = day.upstream.requests().iter().filter(|seen| seen.target() == "/a").count();
    let gone = day.sidecar.get_with(&token, "/a").await;
    assert_eq!((gone.status(), gone.refusal().as_str()), (401, "INVALID_TOKEN"));
    assert_eq!(day.sidecar.page_of(&gone).await["reason"], "client_gone");
    assert_eq!(day.sidecar.get_with(fixed, "/a").await.refusal(), "INVALID_TOKEN");
    assert_eq!(day.sidecar.ask_token("second", "second-password").await.refusal(), "INVALID_CREDENTIALS");
    let after = day.upstream.requests().iter().filter(|seen| seen.target() == "/a").count();
    assert_eq!((before, after), (2, 2), "what the upstream saw");
    day.end().await;
}

#[tokio::test]
async fn what_a_client_may_do_changes_at_once() {
    let second = |more: Value| {
        let mut client = json!({"name": "second", "username": "second", "passwords": [digest("second-password")]});
        client.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
        json!([payer(), client])
    };
    let day = day_with(second(json!({})), |building| building).await;
    let token = day.token("second", "second-password").await;
    for ((rules, status), times) in [
        (json!({"allow": ["POST /bank/**"]}), 403),
        (json!({"allow": ["GET /a"]}), 200),
        (json!({"addresses": ["203.0.113.0/24"]}), 403),
        (json!({"addresses": ["127.0.0.0/8"]}), 200),
    ]
    .into_iter()
    .zip(1..)
    {
        let shown = rules.to_string();
        change(&day, second(rules), times).await;
        assert_eq!(day.sidecar.get_with(&token, "/a").await.status(), status, "{shown}");
    }
    day.end().await;
}

#[tokio::test]
async fn two_passwords_live_side_by_side_until_one_is_removed() {
    let with = |passwords: &[&str]| {
        let digests: Vec<_> = passwords.iter().map(|password| digest(password)).collect();
        json!([{"name": "vietqr", "username": "vietqr", "passwords": digests}])
    };
    let day = day_with(with(&[PASSWORD]), |building| building).await;
    assert_eq!(day.sidecar.ask_token("vietqr", NEXT).await.status(), 401);

    change(&day, with(&[PASSWORD, NEXT]), 1).await;
    let token = day.token("vietqr", PASSWORD).await;
    day.token("vietqr", NEXT).await;
    // Which of them it was, counted from 0, is in the log.
    for position in [0, 1] {
        let is_token = |line: &Value| line["outcome"] == "token_issued" && line["password"] == position;
        day.sidecar.wait_for_log("a login with each password", is_token).await;
    }
    day.pause().await.pay_as("vietqr", NEXT);

    change(&day, with(&[NEXT]), 2).await;
    assert_eq!(day.sidecar.ask_token("vietqr", PASSWORD).await.status(), 401);
    // A token is the client's, not its password's.
    assert_eq!(day.sidecar.get_with(&token, "/a").await.status(), 200);
    day.end().await;
}

#[tokio::test]
async fn a_bad_file_leaves_the_old_clients_until_it_is_mended() {
    let mount = RefCell::new(None);
    let day = Workday::begin(|building, folder| {
        let clients = Mount::new(folder.join("clients"), &[(FILE, &clients_json(&[("vietqr", PASSWORD)]))]);
        let building = with_file(building, clients.path(FILE));
        mount.replace(Some(clients));
        building
    })
    .await;
    let mount = mount.take().expect("it was made");
    let whole = clients_json(&[("vietqr", PASSWORD), ("bad", "bad-password-1")]);
    let twice = clients_json(&[("vietqr", PASSWORD), ("vietqr", "bad-password-1")]);
    let eaten = r#"{"clients":[{"name":"vietqr","username":"vietqr","passwords":["=19=7168,t=5,p=1"]}]}"#;
    let rows: [(&str, Option<Entry<'_>>, &str); 8] = [
        ("half-written", Some(Entry::Text(&whole[..whole.len() / 2])), "it is not JSON"),
        ("no JSON", Some(Entry::Text("clients: []")), "it is not JSON"),
        ("empty", Some(Entry::Text("")), "it is not JSON"),
        ("nobody", Some(Entry::Text(r#"{"clients":[]}"#)), "has no client"),
        ("twice the same", Some(Entry::Text(&twice)), "name is what client number 1 has"),
        ("a hash without its dollars", Some(Entry::Text(eaten)), "client vietqr: passwords entry 1"),
        ("removed", None, "cannot be read"),
        ("a folder", Some(Entry::Folder), "cannot be read"),
    ];
    for ((row, entry, expected), number) in rows.into_iter().zip(1..) {
        mount.swap(&entry.map(|entry| (FILE, entry)).into_iter().collect::<Vec<_>>());
        let line = day.told(Told::Failed, "clients", number).await;
        let error = line["error"].as_str().unwrap_or_default();
        assert!(error.contains(expected), "{row}: {error}");
        assert!(error.contains("BEARERGATE_CLIENTS_FILE") && error.contains(FILE), "{row}: {error}");
        day.look().await;
        day.pay_once_more().await;
        assert_eq!(day.sidecar.ask_token("bad", "bad-password-1").await.status(), 401, "{row}");
        day.was_told(Told::Failed, "clients", number);
        // Mended by another file that is good.
        let (name, password) = (format!("client-{number}"), format!("password-of-{number}"));
        mount.swap(&[(FILE, Entry::Text(&clients_json(&[("vietqr", PASSWORD), (&name, &password)])))]);
        day.told(Told::Reloaded, "clients", number).await;
        day.token(&name, &password).await;
    }
    day.end().await;
}

const FILE: &str = "clients.json";
const NEXT: &str = "the-next-password-Zk41";
