//! `bearergate simulate`: it counts what became of its payments as the network would, and keeps to its bounds.

use std::{
    collections::HashSet,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::kit::{Answer, Ca, Program, Sidecar, Upstream, program::Said, sidecar};

/// A run against this URL, as the kit's client, a hundred times as fast as the network's clock.
fn simulate(url: &str, more: &[&str]) -> Program {
    let ca = Ca::shared().ca_file().display().to_string();
    let mut arguments = vec!["simulate", url, "--username", sidecar::USERNAME, "--ca-file", &ca, "--format", "json"];
    if !more.contains(&"--time-scale") {
        arguments.extend(["--time-scale", "0.01"]);
    }
    arguments.extend(more);
    Program::with_all(&arguments).input(sidecar::PASSWORD)
}

fn outcome(said: &Said) -> Value {
    serde_json::from_str(&said.out).unwrap_or_else(|fault| panic!("{fault}: {said:?}"))
}

fn counts(outcome: &Value) -> [u64; 6] {
    ["sent", "done", "retried", "final", "lost", "attempts"].map(|name| outcome[name].as_u64().expect("a count"))
}

/// The built program before the sample upstream of a `demo`: the same as `tests/simulate.sh`, short.
#[tokio::test]
async fn payments_through_a_demo_arrive_once_each() {
    let directory = tempfile::tempdir().expect("a test machine has a temporary directory");
    let demo = super::demo::demo(directory.path(), ["--format", "env"]);
    let named = super::demo::named(&demo).await;
    let arguments = ["simulate", &named["url"], "--username", &named["username"], "--ca-file", &named["ca"]];
    let arguments: Vec<&str> = arguments.into_iter().chain(["--rate", "20/s", "--for", "2s"]).collect();
    let json = [&arguments[..], &["--format", "json"]].concat();
    let said = Program::with_all(&json).input(&named["password"]).run().await;
    assert_eq!(said.code, 0, "{said:?}");
    let outcome = outcome(&said);
    assert_eq!(counts(&outcome), [40, 40, 0, 0, 0, 40], "{outcome:#}");
    assert_eq!(outcome["booked"], serde_json::json!({ "bookings": 40, "payments": 40, "doubled": 0 }));
    let rate = outcome["achieved_per_s"].as_f64().expect("a number");
    assert!((19.0..=20.1).contains(&rate), "{rate}");
    for what in ["token", "delivery", "whole"] {
        assert_eq!(outcome["latency"][what]["count"], 40, "{what}");
    }

    let said = Program::with_all(&arguments).input(&named["password"]).run().await;
    for part in [
        "sent            40  payments in",
        "done            40  by attempt: 1: 40",
        "40 bookings of 40 payments",
        "\n<= ",
    ] {
        assert!(said.code == 0 && said.out.contains(part) && said.err.is_empty(), "{part}: {said:?}");
    }
}

/// What the upstream sees is what the network sends; a failed attempt is tried again with a token and a connection of its own.
#[tokio::test]
async fn what_is_not_done_is_tried_again_with_a_fresh_token_and_connection() {
    let upstream = Upstream::recording().await;
    let delivered = AtomicUsize::new(0);
    upstream.answer_with(move |seen| match seen.method() {
        "POST" if delivered.fetch_add(1, Relaxed) < 3 => Answer::status(503),
        _ => Answer::booked(),
    });
    let gate = Sidecar::guarding(&upstream).admin().start().await;
    let said = simulate(&url(&gate), &["--rate", "1/s", "--for", "1s"]).run().await;
    let outcome = outcome(&said);
    assert_eq!((said.code, counts(&outcome)), (0, [1, 1, 1, 0, 0, 4]), "{outcome:#}");
    assert_eq!(outcome["done_at_attempt"][3], 1);
    assert_eq!(outcome["failures"]["delivery: status 503"], 3);
    assert_eq!(outcome["doubled"], Value::Null, "this upstream counts nothing");
    let metrics = gate.admin().metrics().await;
    // Before and after, the counts are asked for too.
    assert_eq!(metrics.value(&format!("tokens_issued_total{{client=\"{}\"}}", sidecar::USERNAME)), 6.0);
    let deliveries = upstream.requests().into_iter().filter(|seen| seen.method() == "POST");
    let bodies: HashSet<String> = deliveries.map(|seen| seen.text()).collect();
    assert_eq!(bodies.len(), 1, "the same payment each time: {bodies:?}");
    let payment: Value = serde_json::from_str(bodies.iter().next().expect("it is there")).expect("it is JSON");
    assert_eq!(payment.as_object().map(serde_json::Map::len), Some(13), "{payment:#}");
}

/// Each row: what the upstream answers, and what becomes of one payment.
#[tokio::test]
async fn a_payment_that_does_not_arrive_is_told_by_the_network_s_rule() {
    for (answer, finals, lost, attempts, why) in [
        (Answer::json(400, "{}"), 1, 0, 1, "delivery: status 400"),
        (Answer::status(302).header("Location", "/"), 1, 0, 1, "delivery: status 302"),
        (Answer::status(500), 0, 1, 10, "delivery: status 500"),
        (Answer::status(200).body("OK"), 0, 1, 10, "delivery: 2xx with a body that is not JSON"),
        (Answer::json(200, r#"{"error":true,"object":null}"#), 0, 1, 10, "delivery: 2xx with \"object\":null"),
    ] {
        let upstream = Upstream::answering(move |_| answer.clone()).await;
        let gate = Sidecar::guarding(&upstream).start().await;
        let said = simulate(&url(&gate), &["--rate", "1/s", "--for", "1s"]).run().await;
        let outcome = outcome(&said);
        let retried = u64::from(attempts > 1);
        assert_eq!((said.code, counts(&outcome)), (1, [1, 0, retried, finals, lost, attempts]), "{why}: {outcome:#}");
        assert_eq!(outcome["failures"][why], attempts, "{outcome:#}");
    }
}

#[tokio::test]
async fn who_gets_no_token_delivers_without_one_as_the_network_does() {
    let upstream = Upstream::recording().await;
    let gate = Sidecar::guarding(&upstream).start().await;
    let said = simulate(&url(&gate), &["--rate", "1/s", "--for", "1s"]).input("not the password").run().await;
    let outcome = outcome(&said);
    assert_eq!((said.code, counts(&outcome)), (1, [1, 0, 1, 0, 1, 10]), "{outcome:#}");
    assert_eq!(outcome["failures"]["token call: status 401"], 10, "{outcome:#}");
    assert_eq!(outcome["failures"]["delivery: status 401"], 10, "{outcome:#}");
    assert_eq!(upstream.seen(), 0);
}

#[tokio::test]
async fn ctrl_c_prints_what_is_known_so_far() {
    let upstream = Upstream::answering(|_| Answer::status(503)).await;
    let gate = Sidecar::guarding(&upstream).start().await;
    let begun = Instant::now();
    let mut running = simulate(&url(&gate), &["--rate", "50/s", "--for", "1h", "--time-scale", "1"]).start();
    upstream.wait_for("a delivery", |seen| seen.iter().any(|each| each.method() == "POST")).await;
    running.signal("INT");
    assert_eq!(running.exit().await, 0, "nothing is lost yet: {}", running.err());
    assert!(begun.elapsed() < Duration::from_secs(30));
    let outcome: Value = serde_json::from_str(&running.out()).expect("it is JSON");
    assert_eq!(outcome["interrupted"], true);
    assert!(outcome["open"].as_u64() > Some(0) && outcome["open"] == outcome["sent"], "{outcome:#}");
}

/// By the address, not by the name: nothing is sent, and nothing is resolved again afterwards.
#[tokio::test]
async fn a_public_address_is_called_only_by_who_vouches_for_it() {
    for (url, resolve, says) in [
        ("https://203.0.113.7", None, "203.0.113.7 is 203.0.113.7, a public address"),
        ("https://[2001:4860:4860::8888]", None, "a public address"),
        ("https://localhost", Some("localhost:443:198.51.100.9"), "localhost is 198.51.100.9, a public address"),
    ] {
        let resolve: Vec<&str> = resolve.into_iter().flat_map(|pin| ["--resolve", pin]).collect();
        let said = simulate(url, &resolve).run().await;
        assert!(said.code == 2 && said.err.contains(says) && said.err.contains("--i-own-this-host"), "{url}: {said:?}");
    }
}

#[tokio::test]
async fn wrong_wishes_are_refused() {
    for (url, more, says) in [
        ("localhost:8443", &[][..], "must begin with https://"),
        ("https://u:p@localhost", &[], "holds a user name"),
        ("https://localhost", &["--rate", "fast"], "--rate"),
        ("https://localhost", &["--for", "60"], "--for"),
        ("https://localhost", &["--for", "0s"], "longer than nothing"),
        ("https://localhost", &["--time-scale", "100"], "0.001 to 10"),
        ("https://localhost", &["--password-file", "/nowhere"], "/nowhere"),
        ("https://localhost", &["--password", "x"], "unexpected argument"),
    ] {
        let said = simulate(url, more).run().await;
        assert!(said.code == 2 && said.err.contains(says) && said.out.is_empty(), "{url} {more:?}: {said:?}");
    }
}

fn url(gate: &Sidecar) -> String {
    format!("https://localhost:{}", gate.address().port())
}
