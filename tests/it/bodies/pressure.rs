//! A slow side slows the other one down: what is in between is bounded, both ways.

use std::time::Duration;

use http_body_util::BodyExt;

use crate::kit::{self, Answer, AtHead, Signal, h2::H2Body};

/// Far more than sockets and buffers hold on both hops, far less than a body.
const IN_BETWEEN: u64 = 64 << 20;
const BODY: u64 = 1 << 30;
const QUIET: Duration = Duration::from_millis(300);
const VARS: [(&str, &str); 2] = [("MAX_BODY", "2GiB"), ("BODY_TIMEOUT", "60s")];

// 65
#[tokio::test]
async fn an_upstream_that_does_not_read_stops_the_caller_over_http1() {
    let (upstream, sidecar, token) = kit::guarded(VARS).await;
    let go = Signal::new();
    let held = go.clone();
    upstream.at_head(move |_| AtHead::ReadAfter(held.clone()));
    let mut caller = sidecar.connect().await;
    let head =
        format!("POST /a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\nContent-Length: {BODY}\r\n\r\n");
    caller.write(head).await;
    let taken = caller.push(&[b'x'; 1 << 16], BODY, QUIET).await;
    assert!(taken < IN_BETWEEN, "{taken} bytes were taken for an upstream that reads none");
    go.fire();
    upstream.wait_for("what was taken", |seen| seen[0].body().length() > 0).await;
}

// 65
#[tokio::test]
async fn an_upstream_that_does_not_read_stops_the_caller_over_http2() {
    let (upstream, sidecar, token) = kit::guarded(VARS).await;
    let go = Signal::new();
    let held = go.clone();
    upstream.at_head(move |_| AtHead::ReadAfter(held.clone()));
    let h2 = sidecar.h2().await;
    let (feed, body) = H2Body::fed();
    let request = h2.request("POST", "/a").header("authorization", format!("Bearer {token}")).body(body).unwrap();
    let pushing = async {
        let mut taken = 0;
        while taken < BODY && matches!(tokio::time::timeout(QUIET, feed.data(vec![b'x'; 1 << 16])).await, Ok(true)) {
            taken += 1 << 16;
        }
        taken
    };
    let taken = tokio::select! {
        taken = pushing => taken,
        answer = h2.try_open(request) => panic!("an answer before the body: {answer:?}"),
    };
    assert!(taken < IN_BETWEEN, "{taken} bytes were taken for an upstream that reads none");
    go.fire();
}

// 65
#[tokio::test]
async fn a_caller_that_does_not_read_stops_the_upstream_over_http1() {
    let (upstream, sidecar, token) = kit::guarded(VARS).await;
    upstream.answer_with(|_| Answer::status(200).repeat(b'x', BODY));
    let mut caller = sidecar.connect().await;
    caller.write(format!("GET /a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n")).await;
    let written = settled(|| upstream.connections().first().map_or(0, |connection| connection.written)).await;
    assert!(written < IN_BETWEEN, "{written} bytes were taken for a caller that reads none");
    assert!(caller.read_some().await.starts_with(b"HTTP/1.1 200"));
}

// 65
#[tokio::test]
async fn a_caller_that_does_not_read_stops_the_upstream_over_http2_for_its_stream_alone() {
    let (upstream, sidecar, token) = kit::guarded(VARS).await;
    upstream.answer_with(|seen| match seen.target() {
        "/big" => Answer::status(200).repeat(b'x', BODY),
        _ => Answer::booked(),
    });
    let h2 = sidecar.h2().await;
    let request = |path| h2.request("GET", path).header("authorization", format!("Bearer {token}"));
    let mut big = h2.try_open(request("/big").body(H2Body::empty()).unwrap()).await.expect("a head");
    let written = settled(|| upstream.connections().first().map_or(0, |connection| connection.written)).await;
    assert!(written < IN_BETWEEN, "{written} bytes were taken for a caller that reads none");
    let frame = kit::within(kit::DEADLINE, "the first piece", big.frame()).await;
    assert!(frame.is_some_and(|frame| frame.is_ok()));
    assert_eq!(h2.send(request("/small").body(H2Body::empty()).unwrap()).await.status(), 200);
}

/// What `amount` comes to when it has begun to grow and then stays the same for a while.
async fn settled(amount: impl Fn() -> u64) -> u64 {
    kit::wait_until("the first bytes", || amount() > 0).await;
    let (mut last, mut since) = (amount(), std::time::Instant::now());
    kit::wait_until("a standstill", || {
        let now = amount();
        if now != last {
            (last, since) = (now, std::time::Instant::now());
        }
        since.elapsed() > QUIET
    })
    .await;
    last
}
