//! `/status.json`: what has happened lately, whose fault it is, and what to do about it.

use serde_json::{Value, json};

use crate::kit::{
    Answer, Ca, ClientsFile, Raw, RequestText, Sidecar, Upstream,
    clients_file::sha256_of,
    sidecar::{PASSWORD, USERNAME},
};

fn calls(status: &Value) -> Vec<Value> {
    status["refused_calls"].as_array().cloned().unwrap_or_default()
}

/// Each row: a call that is refused, and what the status says of it.
#[tokio::test]
async fn a_refused_call_is_shown_with_who_what_why_and_what_to_do() {
    let upstream = Upstream::recording().await;
    let sidecar = Sidecar::guarding(&upstream).admin().clock(1_900_000_000).var("ALLOW", "GET /**").start().await;
    let token = sidecar.token().await;
    let ask = |password: &str| RequestText::new("POST", "/api/token_generate").basic(USERNAME, password);
    for (at, request, client, for_token, status, reason, advice) in [
        (
            1_900_000_000,
            RequestText::new("POST", "/none?planted"),
            None,
            false,
            401,
            "bearer_absent",
            "bearergate doctor",
        ),
        (1_900_000_000, ask("planted"), None, true, 401, "wrong_credentials", "new-client"),
        (
            1_900_000_000,
            RequestText::new("PUT", "/put").bearer(&token),
            Some(USERNAME),
            false,
            403,
            "rule_not_allowed",
            "BEARERGATE_ALLOW",
        ),
        (1_900_000_000, RequestText::new("GET", "/a/../b"), None, false, 400, "bad_path", "scanner"),
        (
            1_900_000_314,
            RequestText::new("GET", "/late").bearer(&token),
            None,
            false,
            401,
            "token_expired",
            "The token expired 14 s ago. Is the caller's clock right",
        ),
    ] {
        sidecar.set_clock(at);
        let shown = String::from_utf8_lossy(&request.clone().bytes()).lines().next().unwrap_or_default().to_owned();
        sidecar.exchange(request).await;
        let seen =
            sidecar.admin().status_when(reason, |seen| calls(seen).iter().any(|call| call["reason"] == reason)).await;
        let call = calls(&seen).into_iter().find(|call| call["reason"] == reason).expect("it was waited for");
        assert_eq!((call["client"].as_str(), &call["for_token"]), (client, &for_token.into()), "{call}");
        assert_eq!((&call["status"], &call["peer"]), (&status.into(), &"127.0.0.1".into()), "{call}");
        let (method, path) = (call["method"].as_str().unwrap_or_default(), call["path"].as_str().unwrap_or_default());
        assert!(shown.starts_with(&format!("{method} {path}")), "{shown}: {call}");
        assert!(call["advice"].as_str().is_some_and(|text| text.contains(advice)), "{advice}: {call}");
        assert!(call["time"].as_f64().is_some_and(|time| time > 1.7e9), "{call}");
        let by_reason =
            seen["refusals"].as_array().and_then(|all| all.iter().find(|each| each["reason"] == reason)).cloned();
        let counts = by_reason.map(|each| (each["recent"].clone(), each["total"].clone()));
        assert_eq!(counts, Some((1.into(), 1.into())), "{reason}");
        assert!(!seen.to_string().contains("planted"), "{seen}");
    }
    assert_eq!(upstream.seen(), 0);
}

#[tokio::test]
async fn the_traffic_of_the_last_minutes_adds_up() {
    let upstream = Upstream::recording().await;
    let sidecar = Sidecar::guarding(&upstream).admin().start().await;
    let token = sidecar.token().await;
    for _ in 0..3 {
        sidecar.deliver(&token, "/a", "{}").await;
    }
    sidecar.get("/").await;
    let status = sidecar
        .admin()
        .status_when("the requests", |status| status["recent"]["refused"] == 1 && status["recent"]["delivered"] == 3)
        .await;
    let sum = |name: &str| -> u64 {
        let points = status["traffic"][name].as_array().expect("points");
        assert_eq!(points.len(), 120);
        points.iter().filter_map(Value::as_u64).sum()
    };
    assert_eq!([sum("delivered"), sum("tokens"), sum("refused"), sum("lost")], [3, 1, 1, 0]);
    assert_eq!((&status["window_s"], &status["recent"]["tokens"]), (&600.into(), &1.into()));
    assert_eq!((&status["upstream"]["answers"], &status["upstream"]["up"]), (&3.into(), &true.into()));
    assert!(status["upstream"]["p50_ms"].as_f64() > Some(0.0));
    assert_eq!(upstream.seen(), 3);
}

/// Each incident can be told from the page alone. Each row: its name, how it comes about, and what is said first.
#[tokio::test]
async fn an_incident_is_named_with_whose_it_is() {
    let nowhere = Sidecar::before("http://127.0.0.1:1").admin().start().await;
    said(&nowhere, "bad", "The API behind the gate is down").await;

    let broken = Upstream::answering(|_| Answer::raw("nonsense\r\n\r\n").then_close()).await;
    let sidecar = Sidecar::guarding(&broken).admin().start().await;
    let token = sidecar.token().await;
    sidecar.deliver(&token, "/a", "{}").await;
    said(&sidecar, "bad", "The API behind the gate fails: 1 of 1 call").await;

    let upstream = Upstream::recording().await;
    let sidecar = Sidecar::guarding(&upstream).admin().start().await;
    said(&sidecar, "quiet", "Nothing has come in for ten minutes").await;
    sidecar.ask_token(USERNAME, "wrong").await;
    said(&sidecar, "bad", "Nobody gets a token: wrong user name or password").await;
    assert!(Raw::try_tls(sidecar.address(), &Ca::new().client()).await.is_err());
    said(&sidecar, "bad", "Callers do not accept our certificate").await;
    sidecar.deliver(&sidecar.token().await, "/a", "{}").await;
    sidecar.deliver(&sidecar.token().await, "/a", "{}").await;
    said(&sidecar, "good", "Payments are coming in").await;

    let sidecar = Sidecar::guarding(&upstream).admin().clock(100).start().await;
    said(&sidecar, "bad", "Our certificate is not valid now").await;

    let building = Sidecar::guarding(&upstream).admin().var("TLS", "self-signed");
    let sidecar = building.without("TLS_CERT_FILE").without("TLS_KEY_FILE").start().await;
    noticed(&sidecar, "self-signed").await;

    let file = ClientsFile::of(json!([{ "name": "a", "username": "a", "passwords": [sha256_of(PASSWORD)] }]));
    let sidecar = Sidecar::guarding(&upstream).admin().clients(&file).start().await;
    file.write(json!([]));
    sidecar.reload();
    noticed(&sidecar, "The changed clients cannot be loaded").await;
    assert_eq!(upstream.seen(), 2);
}

async fn said(sidecar: &Sidecar, level: &str, sentence: &str) {
    let verdict = |status: &Value| (status["verdict"]["level"].clone(), status["verdict"]["sentence"].clone());
    sidecar.admin().status_when(sentence, |status| verdict(status) == (level.into(), sentence.into())).await;
}

async fn noticed(sidecar: &Sidecar, part: &str) {
    let has = |status: &Value| {
        status["notices"]
            .as_array()
            .is_some_and(|all| all.iter().any(|each| each["text"].as_str().is_some_and(|text| text.contains(part))))
    };
    sidecar.admin().status_when(part, has).await;
}
