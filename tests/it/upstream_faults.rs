//! What a broken upstream becomes: an answer in time, the truth about a truncated one, and never a second delivery.

mod cut;
mod pooled;
mod runner;
mod table;

use std::{
    net::{Ipv4Addr, SocketAddr, TcpStream},
    time::Duration,
};

use crate::kit::{self, Answer, AtHead, Closing, RequestText, h2::H2Body};

/// Timeouts of the sidecars here.
const SHORT: &str = "300ms";

/// A listener that answers no more connections: its queue is full.
struct FullBacklog {
    address: SocketAddr,
    _listener: socket2::Socket,
    _queued: Vec<TcpStream>,
}

impl FullBacklog {
    fn new() -> Self {
        let listener = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
        listener.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).expect("loopback has a free port");
        listener.listen(0).expect("a bound socket can listen");
        let address = listener.local_addr().ok().and_then(|address| address.as_socket()).expect("it has an address");
        let mut queued = Vec::new();
        while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(100)) {
            queued.push(stream);
        }
        Self { address, _listener: listener, _queued: queued }
    }
}

#[tokio::test]
async fn an_upstream_that_stops_reading_is_504_and_may_have_done_it() {
    let (upstream, sidecar, token) = kit::guarded([("BODY_TIMEOUT", SHORT), ("MAX_BODY", "1GiB")]).await;
    let never = kit::Signal::new();
    upstream.at_head(move |_| AtHead::ReadAfter(never.clone()));
    let mut caller = sidecar.connect().await;
    let head =
        format!("POST /a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\nContent-Length: 500000000\r\n\r\n");
    caller.write(head).await;
    caller.push(&[b'x'; 1 << 16], 500_000_000, Duration::from_millis(200)).await;
    let response = caller.read_response().await;
    assert_eq!((response.status(), response.refusal().as_str()), (504, "UPSTREAM_TIMEOUT"));
    let line = sidecar.wait_for_log("the reason", |line| line["reason"] == "upstream_stopped_reading").await;
    assert_eq!(line["upstream_may_have_done_it"], true);
    assert!(!upstream.only().complete());
}

#[tokio::test]
async fn an_answer_that_comes_before_the_body_was_read_is_passed() {
    let (upstream, sidecar, token) = kit::guarded([]).await;
    upstream.at_head(|_| AtHead::Answer(Answer::json(413, "{\"theirs\":1}").header("Connection", "close").then_hang()));
    for turn in 0..10 {
        let request = RequestText::new("POST", "/a").bearer(&token).body(vec![b'x'; 1 << 20]);
        assert_eq!(sidecar.exchange(request).await.text(), "{\"theirs\":1}", "HTTP/1.1, {turn}");
        let h2 = sidecar.h2().await;
        let request = h2.request("POST", "/a").header("authorization", format!("Bearer {token}"));
        let response = h2.send(request.body(H2Body::whole(vec![b'x'; 1 << 20])).unwrap()).await;
        assert_eq!((response.status(), response.text().as_str()), (413, "{\"theirs\":1}"), "HTTP/2, {turn}");
    }
    assert_eq!(upstream.seen(), 20);
}

#[tokio::test]
async fn a_caller_that_hangs_up_ends_the_upstream_s_request_too() {
    let (upstream, sidecar, token) = kit::guarded([]).await;
    upstream.answer_with(|_| Answer::hang());
    let mut caller = sidecar.connect().await;
    caller.write(RequestText::new("POST", "/a").bearer(&token).body("hi").bytes()).await;
    upstream.wait_for("the request", |seen| seen.len() == 1).await;
    drop(caller);
    upstream.wait_idle().await;
    let line = sidecar.wait_for_log("the request's line", |line| line["outcome"] == "hung_up").await;
    assert_eq!(line["upstream_may_have_done_it"], true, "{line}");
}

#[tokio::test]
async fn a_connection_outlives_the_upstream_s_faults() {
    let (upstream, sidecar, token) = kit::guarded([("UPSTREAM_RESPONSE_TIMEOUT", SHORT)]).await;
    upstream.answer_with(|seen| match seen.target() {
        "/close" => Answer::close(),
        "/garbage" => Answer::raw("garbage\r\n\r\n"),
        "/hang" => Answer::hang(),
        _ => Answer::booked(),
    });
    let mut caller = sidecar.connect().await;
    for (path, status) in [("/close", 502), ("/", 200), ("/garbage", 502), ("/", 200), ("/hang", 504), ("/", 200)] {
        caller.write(RequestText::new("POST", path).bearer(&token).body("hi").bytes()).await;
        assert_eq!(caller.read_response().await.status(), status, "{path}");
    }
    drop(sidecar);
    assert_eq!(caller.expect_closed(kit::DEADLINE).await, Closing::Orderly);
}
