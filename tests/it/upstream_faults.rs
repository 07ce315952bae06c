//! What a broken upstream becomes: an answer in time, the truth about a truncated one, and never a second delivery.

mod cut;
mod pooled;

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::kit::{self, Answer, AtHead, Closing, RequestText, Response, Sidecar, h2::H2Body};

/// Timeouts of the sidecars here, and the longest that an answer may take when one of them is what ends the wait.
const SHORT: &str = "300ms";
const PROMPT: Duration = Duration::from_secs(5);

/// A POST over each protocol, each answered in time: status, reason, and what the log says of it.
async fn refused_over_both(sidecar: &Sidecar, token: &str, shown: &str) -> [(u16, String, Value); 2] {
    let began = Instant::now();
    let one =
        sidecar.exchange(RequestText::new("POST", "/a").bearer(token).header("X-Request-Id", "one").body("hi")).await;
    assert!(began.elapsed() < PROMPT, "{shown}: {:?}", began.elapsed());
    let h2 = sidecar.h2().await;
    let request =
        h2.request("POST", "/a").header("authorization", format!("Bearer {token}")).header("x-request-id", "two");
    let began = Instant::now();
    let two = h2.send(request.body(H2Body::whole("hi")).expect("good fields")).await;
    assert!(began.elapsed() < PROMPT, "{shown}: {:?}", began.elapsed());
    let log = |id: &'static str| sidecar.wait_for_log("the request's line", move |line| line["request_id"] == id);
    let said = |response: &Response, line| (response.status(), response.refusal(), line);
    [said(&one, log("one").await), said(&two, log("two").await)]
}

// 59, 61, 62
#[tokio::test]
async fn an_upstream_that_gives_no_answer_is_502_or_504_in_time_and_is_asked_once() {
    let long_head = format!("HTTP/1.1 200 OK\r\nX-Long: {}\r\nContent-Length: 0\r\n\r\n", "x".repeat(70_000));
    let many_fields = format!("HTTP/1.1 200 OK\r\n{}Content-Length: 0\r\n\r\n", "X-A: 1\r\n".repeat(200));
    let (broken, nonsense) =
        ((502, "UPSTREAM_UNREACHABLE", "upstream_broken"), (502, "UPSTREAM_UNREACHABLE", "upstream_nonsense"));
    for (answer, (status, reason, logged)) in [
        (Answer::close(), broken),
        (Answer::reset(), broken),
        (Answer::raw("HTTP/1.1 200").then_close(), broken),
        (Answer::raw("HTTP/1.1 200 OK\r\nContent-Le").then_reset(), broken),
        (Answer::raw("HTTP/1.1 100 Continue\r\n\r\n").then_close(), broken),
        (Answer::raw("garbage\r\n\r\n").then_hang(), nonsense),
        (Answer::raw("SSH-2.0-OpenSSH_9.2\r\n").then_hang(), nonsense),
        (Answer::raw("\x15\x03\x01\x00\x02\x02\x46").then_hang(), nonsense),
        (Answer::raw("HTTP/2.0 200 OK\r\n\r\n").then_hang(), nonsense),
        (Answer::raw("HTTP/1.1 abc OK\r\n\r\n").then_hang(), nonsense),
        (Answer::raw("HTTP/1.1 20 OK\r\n\r\n").then_hang(), nonsense),
        (Answer::raw("HTTP/1.1 099 OK\r\n\r\n").then_hang(), nonsense),
        (Answer::raw("HTTP/1.1 200 OK\r\nbad name: 1\r\n\r\n").then_hang(), nonsense),
        (Answer::raw("HTTP/1.1 200 OK\r\nX-Nul: a\0b\r\n\r\n").then_hang(), nonsense),
        (
            Answer::raw("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n").then_hang(),
            nonsense,
        ),
        (Answer::upgrade("websocket"), nonsense),
        (Answer::raw(long_head).then_hang(), nonsense),
        (Answer::raw(many_fields).then_hang(), nonsense),
        (Answer::hang(), (504, "UPSTREAM_TIMEOUT", "upstream_timeout")),
        (Answer::raw("HTTP/1.1 200 OK\r\nX-Slow: ").then_hang(), (504, "UPSTREAM_TIMEOUT", "upstream_timeout")),
        (Answer::raw("HTTP/1.1 100 Continue\r\n\r\n").then_hang(), (504, "UPSTREAM_TIMEOUT", "upstream_timeout")),
    ] {
        let shown = format!("{answer:.200?}").chars().take(300).collect::<String>();
        let (upstream, sidecar, token) = kit::guarded([("UPSTREAM_RESPONSE_TIMEOUT", SHORT)]).await;
        upstream.answer_with(move |_| answer.clone());
        for (at, (got, said, line)) in refused_over_both(&sidecar, &token, &shown).await.into_iter().enumerate() {
            assert_eq!((got, said.as_str()), (status, reason), "{shown}");
            assert_eq!((&line["reason"], &line["outcome"]), (&Value::from(logged), &Value::from("refused")), "{shown}");
            assert_eq!(line["upstream_may_have_done_it"], true, "{shown}: {line}");
            assert_eq!(line["verdict"], "retried", "{shown}");
            let seen = &upstream.requests()[at];
            assert_eq!((seen.text().as_str(), seen.complete()), ("hi", true), "{shown}");
        }
        assert_eq!(upstream.seen(), 2, "each request goes up once: {shown}");
    }
}

// 62
#[tokio::test]
async fn an_upstream_that_cannot_be_reached_is_502_in_time_and_cannot_have_done_it() {
    let vacant = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let full = FullBacklog::new();
    for (url, logged) in [
        (format!("http://{vacant}"), &["upstream_refused"][..]),
        (format!("http://localhost:{}", vacant.port()), &["upstream_refused"]),
        (format!("http://{}", full.address), &["upstream_connect_timeout"]),
        // A resolver without a network may be slower than the timeout.
        ("http://no-such-host.invalid:80".to_owned(), &["upstream_unresolved", "upstream_connect_timeout"]),
        // A name that the resolver takes for 8.8.8.8: no packet leaves.
        ("http://134744072:80".to_owned(), &["upstream_public_address"]),
    ] {
        let sidecar = Sidecar::before(&url).var("UPSTREAM_CONNECT_TIMEOUT", SHORT).start().await;
        let token = sidecar.token().await;
        for (status, reason, line) in refused_over_both(&sidecar, &token, &url).await {
            assert_eq!((status, reason.as_str()), (502, "UPSTREAM_UNREACHABLE"), "{url}");
            assert!(logged.iter().any(|logged| line["reason"] == *logged), "{url}: {line}");
            assert_eq!(line["upstream_may_have_done_it"], Value::Null, "{url}: {line}");
        }
    }
}

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
