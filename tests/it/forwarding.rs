//! What the upstream sees of a request that passed, and over which connection: the same request, once.

mod answers;
mod bodies;
mod names;
mod route;

use std::time::Duration;

use http_body_util::BodyExt;

use crate::kit::{self, Answer, AtHead, End, Raw, RequestText, Sidecar, Upstream, h2::H2Body};

/// As the network's client writes it (vietqr-caller): names in any case, no ALPN, HTTP/1.1.
const DELIVERY: &str = r#"{"amount":150000,"orderId":"A 1","serviceCode":"","referencenumber":"FT24001","bankaccount":"0123456789","sign":"","transactionid":"T-1","content":"Thanh toán đơn 1","transType":"C","subTerminalCode":"","terminalCode":"","transactiontime":1700000000000,"urlLink":""}"#;

#[tokio::test]
async fn a_delivery_as_the_network_makes_it_arrives_byte_for_byte() {
    let (upstream, sidecar, token) = kit::guarded([]).await;
    let head = format!(
        "POST /bank/api/transaction-sync?a=1&a=%2F HTTP/1.1\r\nuser-agent: ReactorNetty/0.9.12.RELEASE\r\n\
         host: Partner.example:8443\r\naccept: */*\r\nAuthorization: Bearer {token}\r\nX-MANY: one\r\n\
         content-type: application/json\r\nx-many: two,  three\r\ncontent-length: {}\r\nx-MaNy: one\r\n\r\n",
        DELIVERY.len()
    );
    let mut caller = sidecar.connect().await;
    let peer = caller.local_address().ip().to_string();
    caller.write(head + DELIVERY).await;
    let response = caller.read_response().await;

    assert_eq!((response.status(), response.end()), (200, End::Framed));
    assert_eq!(response.json()["object"]["reftransactionid"], "R1");
    let seen = upstream.only();
    assert_eq!((seen.method(), seen.target()), ("POST", "/bank/api/transaction-sync?a=1&a=%2F"));
    assert_eq!((seen.text().as_str(), seen.complete()), (DELIVERY, true));
    assert_eq!(seen.header("Host"), Some("Partner.example:8443"));
    assert_eq!(seen.values("x-many"), ["one", "two,  three", "one"]);
    // Old upstreams compare the case of names: every name is Title-Case, and there are exactly these.
    let mut names: Vec<&str> = seen.fields().iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    let expected = [
        "Accept",
        "Content-Length",
        "Content-Type",
        "Host",
        "Traceparent",
        "User-Agent",
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "X-Forwarded-User",
        "X-Many",
        "X-Many",
        "X-Many",
        "X-Request-Id",
    ];
    assert_eq!(names, expected);
    for (name, value) in [
        ("User-Agent", "ReactorNetty/0.9.12.RELEASE"),
        ("Accept", "*/*"),
        ("Content-Type", "application/json"),
        ("X-Forwarded-For", &peer),
        ("X-Forwarded-Host", "Partner.example:8443"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-User", "vietqr-live"),
    ] {
        assert_eq!(seen.values(name), [value], "{name}");
    }
}

#[tokio::test]
async fn every_method_but_connect_and_trace_passes_as_it_is() {
    let (upstream, sidecar, token) = kit::guarded([]).await;
    let h2 = sidecar.h2().await;
    for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "get", "X-1"] {
        let mut caller = sidecar.connect().await;
        caller.write(RequestText::new(method, "/a").bearer(&token).bytes()).await;
        assert_eq!(caller.read_response_to(method).await.status(), 200, "{method}");
        let request = h2.request(method, "/a").header("authorization", format!("Bearer {token}"));
        assert_eq!(h2.send(request.body(H2Body::empty()).unwrap()).await.status(), 200, "{method}");
        let seen: Vec<String> = upstream.requests().iter().rev().take(2).map(|seen| seen.method().to_owned()).collect();
        assert_eq!(seen, [method, method]);
    }
}

#[tokio::test]
async fn the_upstreams_connection_is_used_again_for_other_callers_and_other_protocols() {
    let (upstream, sidecar, token) = kit::guarded([("UPSTREAM_POOL_IDLE", "20s")]).await;
    for _ in 0..3 {
        assert_eq!(sidecar.deliver(&token, "/a", "{}").await.status(), 200);
        let h2 = sidecar.h2().await;
        let request = h2.request("POST", "/b").header("authorization", format!("Bearer {token}"));
        assert_eq!(h2.send(request.body(H2Body::whole("{}")).unwrap()).await.status(), 200);
    }
    assert_eq!((upstream.seen(), upstream.connections().len()), (6, 1));
}

#[tokio::test]
async fn a_connection_that_brought_a_long_answer_is_not_kept() {
    let upstream = Upstream::answering(|seen| match seen.target() {
        "/long" => Answer::status(200).repeat(b'x', 2 << 20),
        _ => Answer::booked(),
    })
    .await;
    let sidecar = Sidecar::guarding(&upstream).start().await;
    let token = sidecar.token().await;
    for path in ["/short", "/long", "/short", "/short"] {
        assert_eq!(sidecar.get_with(&token, path).await.status(), 200);
    }
    // hyper keeps the buffer that it has read a long answer into for as long as the connection lives.
    assert_eq!(upstream.requests().iter().map(|seen| seen.connection()).collect::<Vec<_>>(), [0, 0, 1, 1]);
}

#[tokio::test]
async fn an_unused_connection_is_closed_after_the_pool_s_idle_time() {
    let (upstream, sidecar, token) = kit::guarded([("UPSTREAM_POOL_IDLE", "100ms")]).await;
    assert_eq!(sidecar.get_with(&token, "/a").await.status(), 200);
    upstream.wait_idle().await;
    assert_eq!(sidecar.get_with(&token, "/b").await.status(), 200);
    assert_eq!((upstream.seen(), upstream.connections().len()), (2, 2));
}

// 30
#[tokio::test]
async fn pipelined_and_kept_alive_requests_are_each_checked_and_answered_in_order() {
    let upstream = kit::Upstream::answering(|seen| Answer::status(200).body(seen.target())).await;
    let sidecar = kit::Sidecar::guarding(&upstream).start().await;
    let token = sidecar.token().await;
    let mut caller = sidecar.connect().await;
    let good = |path: &str| RequestText::new("POST", path).bearer(&token).body("x").bytes();
    let pipelined = [good("/1"), RequestText::new("GET", "/2").bytes(), good("/3"), good("/4?a/../b")].concat();
    caller.write(pipelined).await;
    for (status, text) in [(200, "/1"), (401, ""), (200, "/3"), (200, "/4?a/../b")] {
        let response = caller.read_response().await;
        assert_eq!(response.status(), status, "{text}");
        assert!(status != 200 || response.text() == text, "{text}: {response:?}");
    }
    let seen: Vec<String> = upstream.requests().iter().map(|seen| seen.target().to_owned()).collect();
    assert_eq!(seen, ["/1", "/3", "/4?a/../b"]);
}

#[tokio::test]
async fn both_directions_stream_at_once_over_http1() {
    let (upstream, sidecar, token) = kit::guarded([]).await;
    upstream.at_head(|_| AtHead::Answer(Answer::status(200).until_close("").then_echo()));
    let mut caller = sidecar.connect().await;
    caller
        .write(format!("POST /a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\nContent-Length: 8\r\n\r\n"))
        .await;
    assert!(read_until(&mut caller, "\r\n\r\n").await.starts_with("HTTP/1.1 200"));
    for word in ["ping", "pong"] {
        caller.write(word).await;
        read_until(&mut caller, word).await;
    }
    assert_eq!(upstream.seen(), 1);
}

#[tokio::test]
async fn both_directions_stream_at_once_over_http2() {
    let (upstream, sidecar, token) = kit::guarded([]).await;
    upstream.at_head(|_| AtHead::Answer(Answer::status(200).until_close("").then_echo()));
    let h2 = sidecar.h2().await;
    let (feed, body) = H2Body::fed();
    let request =
        h2.request("POST", "/a").header("authorization", format!("Bearer {token}")).header("content-length", "12");
    let mut answer = h2.try_open(request.body(body).unwrap()).await.expect("the head comes before the body");
    for word in ["ping", "pong"] {
        assert!(feed.data(word).await);
        let frame = kit::within(kit::DEADLINE, word, answer.frame()).await.expect("a frame").expect("no break");
        assert_eq!(frame.into_data().expect("data"), word);
    }
    assert_eq!(upstream.seen(), 1);
}

// 31
#[tokio::test]
async fn expect_100_continue_with_a_good_token_gets_it_and_then_the_answer() {
    let (upstream, sidecar, token) = kit::guarded([]).await;
    let mut caller = sidecar.connect().await;
    for _ in 0..2 {
        let head = format!("POST /a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n");
        caller.write(head + "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n").await;
        assert_eq!(kit::within(kit::DEADLINE, "100 Continue", caller.read_interim()).await, 100);
        caller.write("hello").await;
        assert_eq!(caller.read_response().await.status(), 200);
    }
    let seen = upstream.requests();
    assert_eq!(seen.len(), 2);
    for seen in seen {
        assert_eq!((seen.text().as_str(), seen.complete(), seen.header("Expect")), ("hello", true, None));
    }
}

#[tokio::test]
async fn a_request_that_the_upstream_has_whole_is_forwarded_before_the_answer_to_an_earlier_stream_ends() {
    let (upstream, sidecar, token) = kit::guarded([]).await;
    let go = kit::Signal::new();
    let held = go.clone();
    upstream.answer_with(move |seen| match seen.target() {
        "/slow" => Answer::status(200).body("slow").content_after(&held),
        _ => Answer::status(200).body("fast"),
    });
    let h2 = sidecar.h2().await;
    let request = |path| h2.request("GET", path).header("authorization", format!("Bearer {token}"));
    let slow = h2.try_open(request("/slow").body(H2Body::empty()).unwrap()).await.expect("a head");
    let fast = h2.send(request("/fast").body(H2Body::empty()).unwrap()).await;
    assert_eq!(fast.text(), "fast");
    go.fire();
    assert_eq!(kit::h2::collect(slow).await.text(), "slow");
    assert_eq!(upstream.connections().len(), 2);
}

/// What the other side says, up to and including `end`.
async fn read_until(raw: &mut Raw, end: &str) -> String {
    let mut text = String::new();
    while !text.contains(end) {
        let more = kit::within(Duration::from_secs(10), end, raw.read_some()).await;
        assert!(!more.is_empty(), "the connection ended after {text:?}");
        text += &String::from_utf8_lossy(&more);
    }
    text
}
