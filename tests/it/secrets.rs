//! Nothing secret is in any line of log, whatever the level: not what the operator configured, not what callers sent, right or wrong.
//!
//! Every sidecar of the kit is held to this when it is dropped; here it is made to handle every kind of secret, and the check is shown to
//! be one that can fail.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bearergate::{
    auth::{
        accounts::hash_chosen,
        keyring::{Algorithm, TokenKey},
    },
    secret::Secret,
};

use crate::kit::{
    Answer, RequestText, Sidecar, Upstream, forge,
    h2::H2Body,
    sidecar::{Building, PASSWORD, TOKEN_KEY, USERNAME},
    text,
};

const NOW: u64 = 1_800_000_000;
const UPSTREAM_AUTHORIZATION: &str = "Basic bGVnYWN5Om9sZC1wYXNzd29yZC05OTEx";

fn argon2id() -> String {
    hash_chosen(&Secret::new(PASSWORD.to_owned())).expect("a test machine can hash")
}

fn key(algorithm: Algorithm) -> String {
    TokenKey::generate(algorithm).expect("a test machine can make a key").expose().clone()
}

/// Sidecars that between them hold every kind of secret, each with the name it goes by here.
fn kinds(upstream: &Upstream) -> Vec<(&'static str, Building)> {
    let guarding = || Sidecar::guarding(upstream).clock(NOW).var("LOG_REFERENCE", "on");
    let hashed = |hash: String| guarding().without("CLIENT_PASSWORD").var("CLIENT_PASSWORD_HASH", hash);
    vec![
        ("a password in clear, HS256", guarding()),
        ("HS256 of 43 letters", guarding().var("TOKEN_KEY", key(Algorithm::Hs256))),
        ("argon2id, ES256", hashed(argon2id()).var("TOKEN_KEY", key(Algorithm::Es256))),
        ("EdDSA, a fixed header", {
            let building = guarding().var("TOKEN_KEY", key(Algorithm::EdDsa));
            building.var("UPSTREAM_AUTHORIZATION", UPSTREAM_AUTHORIZATION)
        }),
        ("the caller's header kept", guarding().var("UPSTREAM_AUTHORIZATION", "keep")),
        ("a password with letters that JSON escapes", guarding().var("CLIENT_PASSWORD", "ở \"đây\" có \\ gạch")),
        ("a log of text", guarding().var("LOG_FORMAT", "text")),
        ("without TLS", guarding().without_tls()),
    ]
}

/// Every kind of request with something secret in it.
fn requests(password: &str, token: &str) -> Vec<(&'static str, Vec<u8>)> {
    let basic = text::basic(USERNAME, password);
    let encoded = basic.replace("Basic ", "");
    let signed = |claims: &serde_json::Value| forge::hs256(claims, TOKEN_KEY.as_bytes());
    let mut endless = forge::claims(USERNAME, NOW);
    endless["exp"] = "never".into();
    let post = |target: &str| RequestText::new("POST", target);
    let ask =
        |authorization: &str| post("/api/token_generate").header("Authorization", authorization).json("{}").bytes();
    let get = |target: &str| RequestText::new("GET", target);
    let delivery = r#"{"referencenumber":"FT123","transactionid":"T1","sign":"kept-out-of-every-log-0001"}"#;
    vec![
        ("good credentials", ask(&basic)),
        ("a wrong password", ask(&text::basic(USERNAME, "guessed-password-0001"))),
        ("an unknown user", ask(&text::basic("somebody-else", password))),
        ("credentials in clear", ask(&format!("Basic {USERNAME}:plain-password-0002"))),
        ("credentials without a scheme", ask(&encoded)),
        ("credentials with the wrong scheme", ask(&format!("Bearer {encoded}"))),
        ("credentials that are cut off", ask(&format!("Basic {}", &encoded[..encoded.len() - 3]))),
        ("credentials twice", {
            post("/api/token_generate").header("Authorization", &basic).header("Authorization", &basic).bytes()
        }),
        ("credentials to GET", get("/api/token_generate").header("Authorization", &basic).bytes()),
        ("credentials in the query", post(&format!("/api/token_generate?password={encoded}")).bytes()),
        ("credentials at the gate", get("/orders").header("Authorization", &basic).bytes()),
        ("credentials in the target", get(&format!("http://u:{encoded}@localhost/orders")).bytes()),
        ("credentials in Host", get("/orders").host(&format!("u:{encoded}@localhost")).bytes()),
        ("credentials that break the parser", get("/orders").header("Authorization", &format!("{basic}\0")).bytes()),
        ("a good delivery", post("/bank/api/transaction-sync").bearer(token).json(delivery).bytes()),
        ("a delivery that is not answered", post("/broken").bearer(token).json(delivery).bytes()),
        ("a delivery that is not understood", post("/empty").bearer(token).json(delivery).bytes()),
        ("a good token twice", get("/orders").bearer(token).bearer(token).bytes()),
        ("a good token on a bad path", get("/a/../b").bearer(token).bytes()),
        ("a good token without Host", get("/orders").bearer(token).without_host().bytes()),
        ("a good token to TRACE", RequestText::new("TRACE", "/orders").bearer(token).bytes()),
        ("a good token to CONNECT", RequestText::new("CONNECT", "localhost:80").bearer(token).bytes()),
        ("a good token without a scheme", get("/orders").header("Authorization", token).bytes()),
        ("a good token in the query", get(&format!("/orders?access_token={token}")).bytes()),
        ("a good token in a cookie", get("/orders").header("Cookie", &format!("token={token}")).bytes()),
        ("a good token in another field", get("/orders").header("X-Access-Token", token).bytes()),
        ("a good token in the body", post("/orders").json(&format!(r#"{{"access_token":"{token}"}}"#)).bytes()),
        ("a good token in a request id", get("/orders").header("X-Request-Id", token).bytes()),
        ("a good token in a trace", get("/orders").header("traceparent", token).header("tracestate", token).bytes()),
        ("a token that expired", get("/orders").bearer(&signed(&forge::claims(USERNAME, NOW - 300))).bytes()),
        ("a token with a bad claim", get("/orders").bearer(&signed(&endless)).bytes()),
        ("a token of nobody", get("/orders").bearer(&signed(&forge::claims("nobody", NOW))).bytes()),
        ("a forged token", get("/orders").bearer(&forge::hs256(&forge::claims(USERNAME, NOW), b"guess")).bytes()),
        ("a token that is none", get("/orders").bearer("a-fixed-token-0003").bytes()),
        ("a token over 8 KiB", get("/orders").bearer(&format!("{token}{}", "x".repeat(9 << 10))).bytes()),
    ]
}

#[tokio::test]
async fn at_trace_no_line_of_log_holds_a_secret() {
    let upstream = Upstream::answering(|seen| match seen.target() {
        "/broken" => Answer::close(),
        "/empty" => Answer::status(200),
        _ => Answer::booked(),
    })
    .await;
    for (kind, building) in kinds(&upstream) {
        let password = building.value("CLIENT_PASSWORD").unwrap_or_else(|| PASSWORD.to_owned());
        let mut sidecar = building.start().await;
        let asked = sidecar.ask_token(USERNAME, &password).await;
        let token = asked.json()["access_token"].as_str().map(str::to_owned);
        let token = token.unwrap_or_else(|| panic!("{kind}: no token: {asked:?}"));
        for secret in [&token, "kept-out-of-every-log-0001", "plain-password-0002"] {
            sidecar.keep_secret(secret);
        }
        let requests = requests(&password, &token);
        let sent = requests.len();
        for (row, request) in requests {
            let response = sidecar.exchange(request).await;
            assert!(response.status() >= 200, "{kind}, {row}: {response:?}");
        }
        sidecar.shut_down();
        sidecar.ended().await;
        let log = sidecar.log_text();
        assert!(log.lines().count() >= sent, "{kind}: the log tells too little to prove anything:\n{log}");
        let knows_the_forged = log.contains("token_signature") || log.contains("token_wrong_algorithm");
        assert!(log.contains("FT123") && knows_the_forged, "{kind}:\n{log}");
        assert_eq!(sidecar.leaks(), [] as [String; 0], "{kind}:\n{log}");
    }
}

#[tokio::test]
async fn over_http2_no_line_of_log_holds_a_secret() {
    let upstream = Upstream::recording().await;
    let sidecar = Sidecar::guarding(&upstream).clock(NOW).start().await;
    let token = sidecar.token().await;
    let h2 = sidecar.h2().await;
    for (row, method, path, value) in [
        ("good credentials", "POST", "/api/token_generate", text::basic(USERNAME, PASSWORD)),
        ("wrong credentials", "POST", "/api/token_generate", text::basic(USERNAME, "guessed-password-0004")),
        ("a good token", "GET", "/orders?access_token=in-the-query-0005", format!("Bearer {token}")),
        ("a bad token", "GET", "/orders", format!("Bearer {token}x")),
        ("no scheme", "GET", "/orders", token.clone()),
    ] {
        let request = h2.request(method, path).header("authorization", value).body(H2Body::empty());
        assert!(h2.send(request.expect("a request")).await.status() >= 200, "{row}");
    }
    sidecar.keep_secret("in-the-query-0005");
    sidecar.wait_for_log("the last request", |line| line["reason"] == "not_bearer").await;
    assert_eq!(sidecar.leaks(), [] as [String; 0]);
}

/// A path is in the log by design, so a secret that is sent as a path is how a leak looks.
#[tokio::test]
async fn the_check_for_secrets_fails_when_a_secret_is_in_the_log() {
    let upstream = Upstream::recording().await;
    let (hash, basic) = (argon2id(), text::basic(USERNAME, PASSWORD).replace("Basic ", ""));
    let password = text::basic("", PASSWORD).replace("Basic ", "");
    let es256 = key(Algorithm::Es256);
    let pem_line = es256.lines().nth(1).unwrap_or_default().to_owned();
    let forged = forge::hs256(&forge::claims(USERNAME, NOW), b"another key");
    let guarding = || Sidecar::guarding(&upstream).clock(NOW);
    let fixed = UPSTREAM_AUTHORIZATION.replace("Basic ", "");
    let rows: Vec<(&str, Building, Vec<u8>, String)> = vec![
        ("the key", guarding(), Vec::new(), TOKEN_KEY.to_owned()),
        ("a line of the key", guarding().var("TOKEN_KEY", es256), Vec::new(), pem_line),
        ("the password", guarding().var("CLIENT_PASSWORD", "p4ssw0rd-of-the-client"), Vec::new(), {
            "p4ssw0rd-of-the-client".to_owned()
        }),
        ("the credentials in Base64", guarding(), Vec::new(), basic),
        ("the hash", guarding().without("CLIENT_PASSWORD").var("CLIENT_PASSWORD_HASH", &hash), Vec::new(), hash),
        ("the upstream's credentials", guarding().var("UPSTREAM_AUTHORIZATION", UPSTREAM_AUTHORIZATION), Vec::new(), {
            fixed
        }),
        ("the upstream's password", guarding().var("UPSTREAM_AUTHORIZATION", UPSTREAM_AUTHORIZATION), Vec::new(), {
            "old-password-9911".to_owned()
        }),
        (
            "credentials that were sent",
            guarding(),
            { RequestText::new("GET", "/").header("Authorization", &format!("Basic {password}")).bytes() },
            password,
        ),
        (
            "a password that was sent",
            guarding(),
            { RequestText::new("GET", "/").basic("somebody", "guessed-password-0006").bytes() },
            "guessed-password-0006".to_owned(),
        ),
        ("a forged token", guarding(), RequestText::new("GET", "/").bearer(&forged).bytes(), forged.clone()),
        ("its signature", guarding(), RequestText::new("GET", "/").bearer(&forged).bytes(), {
            forged.rsplit('.').next().unwrap_or_default().to_owned()
        }),
        ("a token that is none", guarding(), RequestText::new("GET", "/").bearer("a-fixed-token-0007").bytes(), {
            "a-fixed-token-0007".to_owned()
        }),
    ];
    for (row, building, first, secret) in rows {
        let sidecar = building.start().await;
        if !first.is_empty() {
            sidecar.exchange(first).await;
        }
        assert_eq!(sidecar.leaks(), [] as [String; 0], "{row}");
        let response = sidecar.get(&format!("/{secret}")).await;
        sidecar.page_of(&response).await;
        assert!(sidecar.leaks().contains(&secret), "{row}: {secret} is not found in\n{}", sidecar.log_text());
        assert_eq!(upstream.seen(), 0, "{row}");
        let dropped = catch_unwind(AssertUnwindSafe(|| drop(sidecar)));
        assert!(dropped.is_err(), "{row}: a test that leaks this passes");
    }
}

#[tokio::test]
async fn the_check_for_secrets_knows_a_token_that_was_issued() {
    let upstream = Upstream::recording().await;
    let sidecar = Sidecar::guarding(&upstream).start().await;
    let token = sidecar.token().await;
    let response = sidecar.get(&format!("/{token}")).await;
    sidecar.page_of(&response).await;
    assert!(sidecar.leaks().contains(&token));
    assert!(catch_unwind(AssertUnwindSafe(|| drop(sidecar))).is_err());
    assert_eq!(upstream.seen(), 0);
}
