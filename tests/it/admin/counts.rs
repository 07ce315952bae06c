//! What the metrics count of requests, clients and files.

use serde_json::{Value, json};

use crate::kit::{
    Admin, Answer, ClientsFile, Refused, RequestText, Sidecar, Signal, Upstream,
    clients_file::{argon2id_of, sha256_of},
    sidecar::{PASSWORD, USERNAME},
};

/// Each row: what is asked, and the series that are one higher after it. All others are as they were.
#[tokio::test]
async fn each_request_is_counted_by_client_and_outcome() {
    let upstream = Upstream::answering(|seen| match seen.target() {
        "/breaks" => Answer::booked().body("x".repeat(100)).cut_content_at(40),
        "/nonsense" => Answer::raw("nonsense\r\n\r\n").then_close(),
        _ => Answer::booked(),
    })
    .await;
    let building = Sidecar::guarding(&upstream).admin().var("ALLOW", "GET /**");
    let sidecar = building.var("CLIENT_RATE", "4/h burst 4").start().await;
    let token = sidecar.token().await;
    let get = |path: &str| RequestText::new("GET", path).bearer(&token);
    let ask = |password: &str| RequestText::new("POST", "/api/token_generate").basic(USERNAME, password);
    let (ours, nobodys) = (|outcome: &str| requests(USERNAME, outcome), |outcome: &str| requests("", outcome));
    let refused = |reason: &str| format!("refusals_total{{reason=\"{reason}\"}}");
    let failed = |reason: &str| format!("token_failures_total{{reason=\"{reason}\"}}");
    let answered = "upstream_duration_seconds_count".to_owned();
    let issued = format!("tokens_issued_total{{client=\"{USERNAME}\"}}");
    for (what, request, counted) in [
        ("a delivery", get("/books"), vec![ours("delivered"), answered.clone()]),
        ("an answer cut short", get("/breaks"), vec![ours("broken_off"), answered]),
        ("nonsense", get("/nonsense"), vec![ours("refused"), refused("upstream_nonsense")]),
        ("no rule", RequestText::new("PUT", "/x").bearer(&token), vec![ours("refused"), refused("rule_not_allowed")]),
        ("a token", ask(PASSWORD), vec![ours("token_issued"), issued]),
        (
            "a wrong password",
            ask("no"),
            vec![nobodys("refused"), refused("wrong_credentials"), failed("wrong_credentials")],
        ),
        (
            "no password",
            RequestText::new("POST", "/api/token_generate"),
            vec![nobodys("refused"), refused("basic_absent"), failed("basic_absent")],
        ),
        ("no token", RequestText::new("GET", "/x"), vec![nobodys("refused"), refused("bearer_absent")]),
        (
            "a forged token",
            RequestText::new("GET", "/x").bearer("a.b.c"),
            vec![nobodys("refused"), refused("token_malformed")],
        ),
        ("a bad path", get("/a/../b"), vec![nobodys("refused"), refused("bad_path")]),
        ("the fourth call", get("/books"), vec![ours("delivered"), "upstream_duration_seconds_count".to_owned()]),
        ("one too many", get("/books"), vec![ours("refused"), refused("too_many_requests")]),
    ] {
        let before = settled(sidecar.admin(), 0.0).await;
        sidecar.exchange(request).await;
        let after = settled(sidecar.admin(), before["request_duration_seconds_count"] + 1.0).await;
        let mut risen: Vec<_> =
            after.iter().filter(|(name, value)| before[*name] + 1.0 == **value).map(|(name, _)| name.clone()).collect();
        risen.retain(|name| name != "request_duration_seconds_count");
        let mut expected = counted.clone();
        risen.sort();
        expected.sort();
        assert_eq!(risen, expected, "{what}");
        let same = after.iter().filter(|(name, value)| before[*name] == **value).count();
        assert_eq!(same + counted.len() + 1, after.len(), "{what}");
    }
    assert_eq!(upstream.seen(), 4);
}

fn requests(client: &str, outcome: &str) -> String {
    format!("requests_total{{client=\"{client}\",outcome=\"{outcome}\"}}")
}

/// The counters of requests, once at least so many have ended.
async fn settled(admin: Admin, ended: f64) -> std::collections::BTreeMap<String, f64> {
    let metrics = admin.metrics_until("request_duration_seconds_count", |count| count >= ended).await;
    let wanted = |name: &str| {
        [
            "requests_total{",
            "refusals_total",
            "tokens_issued",
            "token_failures",
            "request_duration_seconds_count",
            "upstream_duration_seconds_count",
        ]
        .iter()
        .any(|begin| name.starts_with(begin))
    };
    let names = metrics.names().filter_map(|name| name.strip_prefix("bearergate_")).filter(|name| wanted(name));
    names.map(|name| (name.to_owned(), metrics.value(name))).collect()
}

#[tokio::test]
async fn gauges_come_down_when_callers_hang_up() {
    let (never, upstream) = held().await;
    let sidecar = Sidecar::guarding(&upstream).admin().start().await;
    let (token, mut callers) = (sidecar.token().await, Vec::new());
    for at in 1..=3 {
        let mut raw = sidecar.connect().await;
        raw.write(RequestText::new("POST", "/held").bearer(&token).json("{}").bytes()).await;
        upstream.wait_for("the request", |seen| seen.len() == at).await;
        callers.push(raw);
    }
    let metrics = sidecar.admin().metrics_when("in_flight", 3.0).await;
    assert!(metrics.value("connections") >= 3.0);
    drop(callers);
    sidecar.admin().metrics_when("in_flight", 0.0).await;
    let metrics = sidecar.admin().metrics_when("connections", 0.0).await;
    assert_eq!(metrics.value(&requests(USERNAME, "hung_up")), 3.0);
    never.fire();
}

async fn held() -> (Signal, Upstream) {
    let never = Signal::new();
    let held = never.clone();
    (never, Upstream::answering(move |_| Answer::booked().after(&held)).await)
}

/// A token whose caller leaves before it has read it was issued all the same.
#[tokio::test]
async fn durations_fall_into_their_buckets() {
    let go = Signal::new();
    let held = go.clone();
    let upstream = Upstream::answering(move |seen| match seen.target() {
        "/slow" => Answer::booked().after(&held),
        _ => Answer::booked(),
    })
    .await;
    let sidecar = Sidecar::guarding(&upstream).admin().start().await;
    let token = sidecar.token().await;
    let mut slow = sidecar.connect().await;
    slow.write(RequestText::new("POST", "/slow").bearer(&token).json("{}").bytes()).await;
    let waited = tokio::time::Instant::now();
    upstream.wait_for("the request", |seen| seen.len() == 1).await;
    tokio::time::sleep_until(waited + std::time::Duration::from_millis(120)).await;
    go.fire();
    assert_eq!(slow.read_response().await.status(), 200);
    let metrics = sidecar.admin().metrics_when("request_duration_seconds_count", 2.0).await;
    for name in ["request_duration_seconds", "upstream_duration_seconds"] {
        let below = metrics.value(&format!("{name}_bucket{{le=\"0.1\"}}"));
        assert_eq!(below + 1.0, metrics.value(&format!("{name}_count")), "{}", metrics.text);
        assert!(metrics.value(&format!("{name}_sum")) > 0.1);
    }
}

const FIXED: &str = "a-token-that-was-registered-once-and-for-all";

fn client(name: &str, secrets: Value) -> Value {
    let mut client = json!({ "name": name, "username": name });
    client.as_object_mut().expect("an object").extend(secrets.as_object().cloned().unwrap_or_default());
    client
}

fn used(client: &str, password: usize) -> String {
    format!("password_last_used_timestamp_seconds{{client=\"{client}\",password=\"{password}\"}}")
}

/// A rotation as an operator watches it: which password was used when, wherever it stands in the list by now.
#[tokio::test]
async fn the_last_use_of_each_secret_is_shown_and_follows_it_through_reloads() {
    let (old, new, chosen) =
        (sha256_of("old-password-1"), sha256_of("new-password-1"), argon2id_of("chosen by a person"));
    let file = ClientsFile::of(json!([
        client("rotating", json!({ "passwords": [old, new, chosen] })),
        json!({ "name": "fixed", "static_tokens": [sha256_of(FIXED), sha256_of("another-token-altogether")] }),
    ]));
    let upstream = Upstream::recording().await;
    let sidecar = Sidecar::guarding(&upstream).admin().clients(&file).clock(1_000).start().await;
    let log_in = async |at: u64, password: &str, status: u16| {
        sidecar.set_clock(at);
        assert_eq!(sidecar.ask_token("rotating", password).await.status(), status, "{password} at {at}");
    };
    log_in(1_000, "old-password-1", 200).await;
    log_in(1_010, "new-password-1", 200).await;
    log_in(1_020, "chosen by a person", 200).await;
    log_in(1_030, "a wrong one", 401).await;
    sidecar.set_clock(1_040);
    assert_eq!(sidecar.get_with(FIXED, "/a").await.status(), 200);
    let metrics = sidecar.admin().metrics().await;
    for (position, at) in [1_000.0, 1_010.0, 1_020.0].into_iter().enumerate() {
        assert_eq!(metrics.value(&used("rotating", position)), at);
    }
    let fixed =
        |position: usize| format!("static_token_last_used_timestamp_seconds{{client=\"fixed\",token=\"{position}\"}}");
    assert_eq!((metrics.value(&fixed(0)), metrics.value(&fixed(1))), (1_040.0, 0.0));
    assert_eq!((metrics.value("logins_hashed_total"), metrics.value("logins_remembered")), (2.0, 1.0));

    // The old password goes, the others move up; a client goes, and its series with it.
    let left = json!([client("rotating", json!({ "passwords": [chosen, new, sha256_of("third-password-1")] }))]);
    sidecar.reloading(|| file.write(left)).await;
    let metrics = sidecar.admin().metrics().await;
    for (position, at) in [1_020.0, 1_010.0, 0.0].into_iter().enumerate() {
        assert_eq!(metrics.value(&used("rotating", position)), at, "{position}");
    }
    assert_eq!(metrics.value("tokens_issued_total{client=\"rotating\"}"), 3.0, "a reload forgets no count");
    assert!(!metrics.text.contains("fixed"), "{}", metrics.text);
    log_in(1_050, "new-password-1", 200).await;
    log_in(1_060, "chosen by a person", 200).await;
    let metrics = sidecar.admin().metrics().await;
    assert_eq!((metrics.value(&used("rotating", 1)), metrics.value(&used("rotating", 0))), (1_050.0, 1_060.0));
    assert_eq!(metrics.value("tokens_issued_total{client=\"rotating\"}"), 5.0);
    assert_eq!(metrics.value("logins_hashed_total"), 2.0, "what was remembered was not hashed again");
}

#[tokio::test]
async fn a_bad_file_is_counted_and_shown_until_it_is_mended() {
    let good = || json!([client("vietqr", json!({ "passwords": [sha256_of("a-password-of-12")] }))]);
    let file = ClientsFile::of(good());
    let upstream = Upstream::recording().await;
    let sidecar = Sidecar::guarding(&upstream).admin().clients(&file).start().await;
    let reloads = |result: &str| format!("reloads_total{{what=\"clients\",result=\"{result}\"}}");
    let failing = "reload_failing{what=\"clients\"}";
    sidecar
        .reloading(|| {
            file.write(
                good()
                    .as_array()
                    .map(|all| json!([all[0], client("b", json!({ "passwords": [sha256_of("another-of-12-x")] }))]))
                    .unwrap_or_default(),
            )
        })
        .await;
    let metrics = sidecar.admin().metrics().await;
    assert_eq!((metrics.value(&reloads("ok")), metrics.value(failing)), (1.0, 0.0));

    file.write(json!([]));
    sidecar.reload();
    let metrics = sidecar.admin().metrics_when(failing, 1.0).await;
    assert_eq!((metrics.value(&reloads("ok")), metrics.value(&reloads("failed"))), (1.0, 1.0));
    assert_eq!(sidecar.admin().ready().await, (200, vec![]), "the old one goes on serving");
    assert_eq!(sidecar.ask_token("vietqr", "a-password-of-12").await.status(), 200);

    file.write(good());
    sidecar.reload();
    let metrics = sidecar.admin().metrics_when(failing, 0.0).await;
    assert_eq!((metrics.value(&reloads("ok")), metrics.value(&reloads("failed"))), (2.0, 1.0));
    Refused::NO_BEARER.check(&sidecar.get("/").await, "it still guards");
    assert_eq!(upstream.seen(), 0);
}
