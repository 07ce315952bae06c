//! Files that change at noon on a working day: what is new serves at once, what is bad leaves the old one serving, and no payment is lost.

use serde_json::json;

use crate::kit::{Answer, RequestText, Signal, sidecar::PASSWORD};

mod certificates;
mod clients;
mod keys;
mod limits;
mod mount;
mod program;
mod secrets;
mod workday;

use mount::{Entry, Mount};
use workday::{Told, Workday};

#[tokio::test]
async fn a_request_in_flight_survives_every_reload() {
    let go = Signal::new();
    let mut mounts = Vec::new();
    let day = Workday::begin(|building, folder| {
        let clients =
            Mount::new(folder.join("clients"), &[("clients.json", &clients_json(&[("vietqr", PASSWORD), OTHER]))]);
        let keys = Mount::new(folder.join("keys"), &[("2026-10", keys::FIRST)]);
        let pair = certificates::pair(&["localhost"], "in-flight-1");
        let tls = Mount::new(folder.join("tls"), &[("tls.crt", &pair.0), ("tls.key", &pair.1)]);
        let building = building
            .without("CLIENT_USERNAME")
            .without("CLIENT_PASSWORD")
            .without("TOKEN_KEY")
            .var("CLIENTS_FILE", clients.path("clients.json"))
            .var("TOKEN_KEYS_DIR", keys.path(""))
            .var("TOKEN_AUDIENCE", "kit")
            .var("TLS_CERT_FILE", tls.path("tls.crt"))
            .var("TLS_KEY_FILE", tls.path("tls.key"));
        mounts.extend([clients, keys, tls]);
        building
    })
    .await;
    let [clients, keys, tls] = &mounts[..] else { panic!("three folders are watched") };
    let (held, token) = (go.clone(), day.token("vietqr", PASSWORD).await);
    day.upstream.answer_with(move |seen| match seen.target() {
        "/held" => Answer::booked().after(&held),
        _ => Answer::booked(),
    });
    let mut waiting = day.sidecar.connect().await;
    waiting.write(RequestText::new("POST", "/held").bearer(&token).json("{}").bytes()).await;
    day.upstream.wait_for("the request", |seen| seen.iter().any(|seen| seen.target() == "/held")).await;

    // The client of the request itself goes, and so does the key of its token; other payments wait for that.
    day.pause().await.pay_as(OTHER.0, OTHER.1);
    clients.swap(&[("clients.json", Entry::Text(&clients_json(&[OTHER])))]);
    day.told(Told::Reloaded, "clients", 1).await;
    let pause = day.pause().await;
    keys.swap(&[("2026-11", Entry::Text(keys::SECOND))]);
    day.told(Told::Reloaded, "keys", 1).await;
    drop(pause);
    let pair = certificates::pair(&["localhost"], "in-flight-2");
    tls.swap(&[("tls.crt", Entry::Text(&pair.0)), ("tls.key", Entry::Text(&pair.1))]);
    day.told(Told::Reloaded, "certificate", 1).await;
    go.fire();
    assert_eq!(waiting.read_response().await.status(), 200);
    // The connection stays; its next request is judged by what holds now.
    waiting.write(RequestText::new("POST", "/next").bearer(&token).json("{}").bytes()).await;
    assert_eq!(waiting.read_response().await.refusal(), "INVALID_TOKEN");
    day.end().await;
}

/// A client that stays when the other goes.
const OTHER: (&str, &str) = ("other", "other-password-1");

/// A clients file with these names, which are user names too, and passwords.
fn clients_json(clients: &[(&str, &str)]) -> String {
    let clients: Vec<_> = clients
        .iter()
        .map(|(name, password)| json!({"name": name, "username": name, "passwords": [clients::digest(password)]}))
        .collect();
    json!({ "clients": clients }).to_string()
}
