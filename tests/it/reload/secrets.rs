//! Secrets that stand in a file of their own: the one client's password or its hash, and the upstream's `Authorization`.

use bearergate::{auth::accounts::hash_chosen, secret::Secret};

use crate::kit::sidecar::PASSWORD;

use super::{Told, Workday, clients::digest, workday::replace};

const NEXT: &str = "the-next-password-Zk41";

#[tokio::test]
async fn the_one_clients_password_changes_with_its_file() {
    let argon2id = hash_chosen(&Secret::new(NEXT.to_owned())).expect("a test machine can hash");
    for (variable, first, second, bad) in [
        ("CLIENT_PASSWORD_HASH", digest(PASSWORD), digest(NEXT), "sha256:12"),
        ("CLIENT_PASSWORD_HASH", digest(PASSWORD), argon2id, "=19=7168,t=5,p=1"),
        ("CLIENT_PASSWORD", PASSWORD.to_owned(), NEXT.to_owned(), "a\u{7}b"),
    ] {
        let day = Workday::begin(|building, folder| {
            replace(&folder.join("password"), &first);
            let building = building.without("CLIENT_PASSWORD");
            building.var(&format!("{variable}_FILE"), folder.join("password").display().to_string())
        })
        .await;
        for (text, number) in [("", 1), (bad, 2)] {
            replace(&day.path("password"), text);
            let line = day.told(Told::Failed, "clients", number).await;
            let error = line["error"].as_str().unwrap_or_default();
            assert!(error.contains(variable) && (text.is_empty() || !error.contains(text)), "{variable}: {error}");
            day.look().await;
            day.pay_once_more().await;
            day.was_told(Told::Failed, "clients", number);
        }
        // There is room for one: who still sends the old one is refused from here on.
        let pause = day.pause().await;
        replace(&day.path("password"), &second);
        day.told(Told::Reloaded, "clients", 1).await;
        assert_eq!(day.sidecar.ask_token("vietqr", PASSWORD).await.status(), 401, "{variable}");
        pause.pay_as("vietqr", NEXT);
        day.end().await;
    }
}

#[tokio::test]
async fn the_authorization_for_the_upstream_changes_with_its_file() {
    let day = Workday::begin(|building, _| building).await;
    let token = day.token("vietqr", PASSWORD).await;
    let sees = async |value: &str| {
        assert_eq!(day.sidecar.get_with(&token, "/a").await.status(), 200);
        let seen = day.upstream.requests();
        let last = seen.iter().rev().find(|seen| seen.target() == "/a").expect("it was just sent");
        assert_eq!(last.values("authorization"), [value]);
    };
    let file = day.path("authorization");
    let what = "upstream_authorization";
    let reloads = day.sidecar.log_text().matches(r#""message":"reloaded""#).count();
    replace(&file, "Basic Zm9yLXRoZS11cHN0cmVhbQ==");
    day.told(Told::Reloaded, what, reloads + 1).await;
    sees("Basic Zm9yLXRoZS11cHN0cmVhbQ==").await;
    for (bad, number) in [("", 1), ("two\nlines", 2)] {
        replace(&file, bad);
        let line = day.told(Told::Failed, what, number).await;
        assert!(line["error"].as_str().unwrap_or_default().starts_with("BEARERGATE_UPSTREAM_AUTHORIZATION"), "{line}");
        sees("Basic Zm9yLXRoZS11cHN0cmVhbQ==").await;
    }
    std::fs::remove_file(&file).expect("it is there");
    day.told(Told::Failed, what, 3).await;
    sees("Basic Zm9yLXRoZS11cHN0cmVhbQ==").await;
    replace(&file, "Basic bWVuZGVkLXVwc3RyZWFt");
    day.told(Told::Reloaded, what, reloads + 2).await;
    sees("Basic bWVuZGVkLXVwc3RyZWFt").await;
    day.end().await;
}
