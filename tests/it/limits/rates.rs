//! `CLIENT_RATE`, `TOKEN_RATE`, and a client's own in the file.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{client, is_over, statuses};
use crate::kit::{
    self, ClientsFile, RequestText, Sidecar, Upstream,
    clients_file::sha256_of,
    forge,
    h2::H2Body,
    sidecar::{PASSWORD, TOKEN_KEY, USERNAME},
};

const ONE: &str = "one-password-51c0a7";
const TWO: &str = "two-password-e83b19";
const FREE: &str = "free-password-07d2f4";
const FIXED: &str = "fixed-token-of-one.Hq7";

#[tokio::test]
async fn what_is_over_a_client_s_rate_is_refused_and_never_seen_upstream() {
    let (upstream, sidecar, token) = kit::guarded([("CLIENT_RATE", "3/h")]).await;
    assert_eq!(statuses(5, async || sidecar.get_with(&token, "/a").await).await, [200, 200, 200, 429, 429]);
    is_over(&sidecar, &sidecar.get_with(&token, "/a").await, "too_many_requests", 1000, 1200).await;
    assert_eq!(upstream.seen(), 3);
    // Another token is the same client, and so is another protocol; a token may be had all the same.
    let another = sidecar.token().await;
    assert_eq!(sidecar.get_with(&another, "/a").await.status(), 429);
    let h2 = sidecar.h2().await;
    let request = h2.request("GET", "/a").header("authorization", format!("Bearer {another}"));
    assert_eq!(h2.send(request.body(H2Body::empty()).expect("a request")).await.status(), 429);
    assert_eq!(upstream.seen(), 3);
}

#[tokio::test]
async fn a_burst_is_what_may_come_at_once() {
    for (rate, burst) in [("1/h", 1), ("10/h burst 2", 2), ("1/h burst 5", 5)] {
        let (upstream, sidecar, token) = kit::guarded([("CLIENT_RATE", rate)]).await;
        let mut expected = vec![200; burst];
        expected.push(429);
        assert_eq!(statuses(burst + 1, async || sidecar.get_with(&token, "/a").await).await, expected, "{rate}");
        assert_eq!(upstream.seen(), burst, "{rate}");
    }
}

#[tokio::test]
async fn who_waits_as_long_as_retry_after_says_is_let_through() {
    let (upstream, sidecar, token) = kit::guarded([("CLIENT_RATE", "1/s")]).await;
    let first = Instant::now();
    assert_eq!(sidecar.get_with(&token, "/a").await.status(), 200);
    let refused = sidecar.get_with(&token, "/a").await;
    // A machine that took a second for this has had its wait.
    if first.elapsed() < Duration::from_secs(1) {
        is_over(&sidecar, &refused, "too_many_requests", 1, 1).await;
        let until = Instant::now() + Duration::from_secs(1);
        kit::wait_until("Retry-After to be over", || Instant::now() >= until).await;
        assert_eq!(sidecar.get_with(&token, "/a").await.status(), 200);
        assert_eq!(upstream.seen(), 2);
    }
}

#[tokio::test]
async fn what_is_over_the_rate_of_tokens_is_refused_and_requests_are_not() {
    let (upstream, sidecar, token) = kit::guarded([("TOKEN_RATE", "2/h")]).await;
    assert_eq!(statuses(2, async || sidecar.ask_token(USERNAME, PASSWORD).await).await, [200, 429]);
    let refused = sidecar.ask_token(USERNAME, PASSWORD).await;
    is_over(&sidecar, &refused, "too_many_tokens", 1700, 1800).await;
    assert_eq!(sidecar.page_of(&refused).await["client"], USERNAME);
    assert_eq!(upstream.seen(), 0);
    assert_eq!(statuses(5, async || sidecar.get_with(&token, "/a").await).await, [200; 5]);
    // Who is wrong hears that, however much is used: nothing of the client's rate.
    assert_eq!(sidecar.ask_token(USERNAME, "wrong-password-771").await.status(), 401);
}

/// A sidecar with clients of every kind of rate, and theirs for everybody: two requests and two tokens an hour.
async fn rated(file: &ClientsFile) -> (Upstream, Sidecar) {
    let upstream = Upstream::recording().await;
    let building = Sidecar::guarding(&upstream).clients(file).var("CLIENT_RATE", "2/h").var("TOKEN_RATE", "2/h");
    (upstream, building.start().await)
}

fn rates() -> serde_json::Value {
    json!([
        client("one", json!({ "passwords": [sha256_of(ONE)], "static_tokens": [sha256_of(FIXED)] })),
        client("two", json!({ "passwords": [sha256_of(TWO)], "rate": "4/h", "token_rate": "3/h" })),
        client("free", json!({ "passwords": [sha256_of(FREE)], "rate": "off", "token_rate": "off" })),
    ])
}

#[tokio::test]
async fn a_client_s_own_rate_stands_in_for_everybody_s_and_is_its_own() {
    let file = ClientsFile::of(rates());
    let (upstream, sidecar) = rated(&file).await;
    let mut seen = 0;
    for (name, password, tokens, requests) in [("one", ONE, 2, 2), ("two", TWO, 3, 4), ("free", FREE, 9, 9)] {
        let token = sidecar.token_in(&sidecar.ask_token(name, password).await);
        let asked = statuses(8, async || sidecar.ask_token(name, password).await).await;
        assert_eq!(asked.iter().filter(|status| **status == 200).count(), tokens - 1, "{name}: {asked:?}");
        let sent = statuses(9, async || sidecar.get_with(&token, "/a").await).await;
        let passed = sent.iter().position(|status| *status == 429).unwrap_or(sent.len());
        assert_eq!(passed, requests, "{name}: {sent:?}");
        seen += requests;
        assert_eq!(upstream.seen(), seen, "{name}");
    }
}

#[tokio::test]
async fn a_static_token_and_an_issued_one_are_the_same_client() {
    let file = ClientsFile::of(rates());
    let (upstream, sidecar) = rated(&file).await;
    let token = sidecar.token_in(&sidecar.ask_token("one", ONE).await);
    for (token, status) in [(FIXED, 200), (&token, 200), (FIXED, 429), (&token, 429)] {
        assert_eq!(sidecar.get_with(token, "/a").await.status(), status);
    }
    assert_eq!(upstream.seen(), 2);
}

#[tokio::test]
async fn only_what_the_client_itself_was_let_do_counts() {
    let file = ClientsFile::of(json!([client("one", json!({ "passwords": [sha256_of(ONE)], "allow": ["GET /a"] }))]));
    let (upstream, sidecar) = rated(&file).await;
    let token = sidecar.token_in(&sidecar.ask_token("one", ONE).await);
    let now = forge::part(&token, 1)["iat"].as_u64().expect("a token has a time");
    let claims = forge::claims("one", now);
    let mut expired = forge::claims("one", now - 900);
    expired["jti"] = json!("forged-2");
    for (row, token) in [
        ("a forged signature", forge::hs256(&claims, b"another key")),
        ("no signature", forge::unsigned(forge::HS256, &claims.to_string())),
        ("no algorithm", forge::unsigned(r#"{"alg":"none","typ":"JWT"}"#, &claims.to_string())),
        ("expired", forge::hs256(&expired, TOKEN_KEY.as_bytes())),
        ("of nobody", forge::hs256(&forge::claims("nobody", now), TOKEN_KEY.as_bytes())),
        ("a name", "one".to_owned()),
    ] {
        assert_eq!(statuses(3, async || sidecar.get_with(&token, "/a").await).await, [401; 3], "{row}");
    }
    for (row, path, status) in [("another path", "/b", 403), ("a bad path", "/../a", 400)] {
        assert_eq!(statuses(3, async || sidecar.get_with(&token, path).await).await, [status; 3], "{row}");
    }
    assert_eq!(statuses(3, async || sidecar.ask_token("one", "wrong-password-52").await).await, [401; 3]);
    assert_eq!(
        statuses(2, async || sidecar.exchange(RequestText::new("GET", "/api/token_generate")).await).await,
        [405; 2]
    );
    assert_eq!(upstream.seen(), 0);
    assert_eq!(statuses(3, async || sidecar.get_with(&token, "/a").await).await, [200, 200, 429]);
    assert_eq!(statuses(2, async || sidecar.ask_token("one", ONE).await).await, [200, 429]);
    assert_eq!(upstream.seen(), 2);
}

#[tokio::test]
async fn what_is_used_of_a_rate_stays_used_when_the_clients_change() {
    let file = ClientsFile::of(rates());
    let (upstream, sidecar) = rated(&file).await;
    assert_eq!(statuses(3, async || sidecar.get_with(FIXED, "/a").await).await, [200, 200, 429]);
    let mut changed = rates();
    changed[0]["passwords"] = json!([sha256_of(TWO)]);
    sidecar.reloading(|| file.write(changed)).await;
    assert_eq!(sidecar.get_with(FIXED, "/a").await.status(), 429);
    let mut changed = rates();
    changed[0]["rate"] = json!("off");
    sidecar.reloading(|| file.write(changed)).await;
    assert_eq!(statuses(3, async || sidecar.get_with(FIXED, "/a").await).await, [200; 3]);
    assert_eq!(upstream.seen(), 5);
}

#[tokio::test]
async fn without_rates_nobody_is_held() {
    let (upstream, sidecar, token) = kit::guarded([("CLIENT_RATE", "off"), ("TOKEN_RATE", "off")]).await;
    assert_eq!(statuses(40, async || sidecar.get_with(&token, "/a").await).await, [200; 40]);
    assert_eq!(statuses(40, async || sidecar.ask_token(USERNAME, PASSWORD).await).await, [200; 40]);
    assert_eq!(upstream.seen(), 40);
}
