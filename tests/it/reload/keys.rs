//! The keys that sign tokens: a folder in which they overlap, and a single file in which they do not.

use std::{cell::RefCell, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bearergate::{
    auth::{
        accounts::ClientName,
        keyring::{KeyId, KeyRing, NamedKey, TokenKey, TokenRules},
    },
    clock::Clock,
    secret::Secret,
};
use serde_json::Value;

use crate::kit::sidecar::PASSWORD;

use super::{Entry, Mount, Told, Workday, mount::Named};

pub(super) const FIRST: &str = "key-of-october-5f0c9d2ab47e81366ce2f1d09a8b7c54";
pub(super) const SECOND: &str = "key-of-november-31c2e09b7d5f4a868f6b0c7d12e3a495";
const START: u64 = 1_800_000_000;

/// A day whose keys are the files of a folder as Kubernetes mounts it, with a clock that stands at `now`.
async fn day_with(keys: &[(&str, &str)], now: u64) -> (Workday, Mount) {
    let mount = RefCell::new(None);
    let day = Workday::begin(|building, folder| {
        let folder = Mount::new(folder.join("keys"), keys);
        let building = building.without("TOKEN_KEY").var("TOKEN_KEYS_DIR", folder.path("")).clock(now);
        mount.replace(Some(folder));
        building.var("TOKEN_AUDIENCE", "kit")
    })
    .await;
    let mount = mount.take().expect("it was made");
    (day, mount)
}

/// A token as another replica would sign it, one that has nothing but this key.
fn foreign_token(id: &str, key: &str, now: u64) -> String {
    let rules = TokenRules {
        ttl: Duration::from_secs(300),
        issuer: "bearergate".to_owned(),
        audience: Some("kit".to_owned()),
        settle: Duration::ZERO,
    };
    let key = TokenKey::parse(&Secret::new(key.to_owned())).expect("the key is good");
    let named = NamedKey { id: Some(KeyId::parse(id).expect("the name is good")), key, first_seen: 0 };
    let ring = KeyRing::new(vec![named], rules).expect("one key makes a ring");
    let client = ClientName::parse("vietqr").expect("the name is good");
    ring.mint(&client, now).expect("the key signs").token
}

/// The key that signs now.
async fn signer(day: &Workday) -> String {
    let token = day.token("vietqr", PASSWORD).await;
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap_or_default()).expect("a header");
    let header: Value = serde_json::from_slice(&header).expect("a header");
    header["kid"].as_str().unwrap_or_default().to_owned()
}

// 50
// Checklist M50.
#[tokio::test]
async fn a_new_key_checks_at_once_and_signs_when_it_has_settled() {
    let (day, mount) = day_with(&[("2026-10", FIRST)], START).await;
    let status = async |token: &str| day.sidecar.get_with(token, "/a").await.status();
    let of_second = foreign_token("2026-11", SECOND, START);
    assert_eq!((signer(&day).await.as_str(), status(&of_second).await), ("2026-10", 401));

    mount.swap(&[("2026-10", Entry::Text(FIRST)), ("2026-11", Entry::Text(SECOND))]);
    day.told(Told::Reloaded, "keys", 1).await;
    assert_eq!((signer(&day).await.as_str(), status(&of_second).await), ("2026-10", 200));
    day.sidecar.set_clock(START + 299);
    day.pay_once_more().await;
    assert_eq!(signer(&day).await, "2026-10");
    let of_first = day.token("vietqr", PASSWORD).await;
    day.sidecar.set_clock(START + 300);
    day.pay_once_more().await;
    assert_eq!((signer(&day).await.as_str(), status(&of_first).await), ("2026-11", 200));

    mount.swap(&[("2026-11", Entry::Text(SECOND))]);
    day.told(Told::Reloaded, "keys", 2).await;
    let gone = day.sidecar.get_with(&of_first, "/a").await;
    assert_eq!((gone.status(), gone.refusal().as_str()), (401, "INVALID_TOKEN"));
    assert_eq!(day.sidecar.page_of(&gone).await["reason"], "token_unknown_key");
    day.end().await;
}

#[tokio::test]
async fn a_signing_key_that_is_removed_stops_at_once_and_the_one_before_it_signs() {
    // Keys that are there at the start are first seen then, by the clock of the system.
    let start = Clock::system().unix();
    let (day, mount) = day_with(&[("2026-10", FIRST), ("2026-11", SECOND)], start).await;
    // Just started, it cannot know whether the others have seen the last.
    assert_eq!(signer(&day).await, "2026-10");
    day.sidecar.set_clock(start + 290);
    day.pay_once_more().await;
    assert_eq!(signer(&day).await, "2026-10");
    // Far enough for a start that took its time.
    day.sidecar.set_clock(start + 400);
    day.pay_once_more().await;
    assert_eq!(signer(&day).await, "2026-11");
    let leaked = day.token("vietqr", PASSWORD).await;
    // Tokens that are under way are lost with it: that is what stopping at once means.
    let pause = day.pause().await;
    mount.swap(&[("2026-10", Entry::Text(FIRST))]);
    day.told(Told::Reloaded, "keys", 1).await;
    drop(pause);
    assert_eq!(day.sidecar.get_with(&leaked, "/a").await.status(), 401);
    assert_eq!(signer(&day).await, "2026-10");
    day.end().await;
}

#[tokio::test]
async fn a_bad_folder_leaves_the_old_keys_until_it_is_mended() {
    let (day, mount) = day_with(&[("2026-10", FIRST)], START).await;
    let before = day.token("vietqr", PASSWORD).await;
    let first = ("2026-10", Entry::Text(FIRST));
    let rows: [(&str, Vec<Named<'_>>, &str); 7] = [
        ("half-written", vec![first, ("2026-11", Entry::Text(&SECOND[..31]))], "2026-11"),
        ("empty", vec![first, ("2026-11", Entry::Text(""))], "2026-11"),
        ("a sample", vec![first, ("2026-11", Entry::Text("your-256-bit-secret"))], "2026-11"),
        (
            "half of PEM",
            vec![first, ("2026-11", Entry::Text("-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqG"))],
            "2026-11",
        ),
        ("no name for a key", vec![first, ("two words", Entry::Text(SECOND))], "whose name is not"),
        ("none", vec![], "has no key in it"),
        ("a folder for the only key", vec![("2026-10", Entry::Folder)], "has no key in it"),
    ];
    for ((row, entries, expected), number) in rows.into_iter().zip(1..) {
        mount.swap(&entries);
        let line = day.told(Told::Failed, "keys", number).await;
        let error = line["error"].as_str().unwrap_or_default();
        assert!(error.contains(expected) && error.contains("BEARERGATE_TOKEN_KEYS_DIR"), "{row}: {error}");
        assert!(!error.contains(&SECOND[..31]), "{row}: {error}");
        day.look().await;
        day.pay_once_more().await;
        assert_eq!((signer(&day).await.as_str(), day.sidecar.get_with(&before, "/a").await.status()), ("2026-10", 200));
        day.was_told(Told::Failed, "keys", number);
        // Mended by another key that is good.
        let (name, key) = (format!("2026-12-{number}"), format!("{SECOND}-{number}"));
        mount.swap(&[first, (&name, Entry::Text(&key))]);
        day.told(Told::Reloaded, "keys", number).await;
        assert_eq!(day.sidecar.get_with(&foreign_token(&name, &key, START), "/a").await.status(), 200, "{row}");
    }
    day.end().await;
}

#[tokio::test]
async fn a_single_key_in_a_file_is_replaced_without_an_overlap() {
    let day = Workday::begin(|building, folder| {
        super::workday::replace(&folder.join("token.key"), FIRST);
        building.without("TOKEN_KEY").var("TOKEN_KEY_FILE", folder.join("token.key").display().to_string())
    })
    .await;
    let before = day.token("vietqr", PASSWORD).await;
    for (text, number) in [("", 1), (&SECOND[..31], 2), ("your-256-bit-secret", 3)] {
        super::workday::replace(&day.path("token.key"), text);
        let line = day.told(Told::Failed, "keys", number).await;
        assert!(line["error"].as_str().unwrap_or_default().contains("BEARERGATE_TOKEN_KEY"), "{line}");
        day.look().await;
        assert_eq!(day.sidecar.get_with(&before, "/a").await.status(), 200, "{text}");
        day.was_told(Told::Failed, "keys", number);
    }
    // A payment between its two requests would be lost, and made again by the network.
    let pause = day.pause().await;
    super::workday::replace(&day.path("token.key"), SECOND);
    day.told(Told::Reloaded, "keys", 1).await;
    drop(pause);
    assert_eq!(day.sidecar.get_with(&before, "/a").await.status(), 401);
    let after = day.token("vietqr", PASSWORD).await;
    assert_eq!(day.sidecar.get_with(&after, "/a").await.status(), 200);
    day.end().await;
}
