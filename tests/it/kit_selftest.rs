//! The kit's own parts against each other: what it says about the sidecar is worth as much as these tests.

use std::time::Duration;

use crate::kit::{self, Answer, AtHead, Closing, End, Raw, RequestText, Signal, Upstream};

#[tokio::test]
async fn the_upstream_remembers_a_request_byte_for_byte() {
    let upstream = Upstream::recording().await;
    let mut raw = Raw::plain(upstream.address()).await;
    let sent = RequestText::new("POST", "/a?b=%2F").header("X-oDD", "  v ").chunks(["he", "llo"]);
    raw.write(&sent).await;
    let response = raw.read_response().await;

    assert_eq!((response.status(), response.reason(), response.end()), (200, "OK", End::Framed));
    assert_eq!(response.json()["object"]["reftransactionid"], "R1");
    let seen = upstream.only();
    assert_eq!((seen.method(), seen.target(), seen.complete()), ("POST", "/a?b=%2F", true));
    assert_eq!(seen.fields()[0], ("X-oDD".to_owned(), "v".to_owned()));
    assert_eq!(seen.text(), "hello");
    assert!(sent.starts_with(seen.raw_head()));
    assert_eq!(upstream.connections()[seen.connection()].raw.kept(), sent);
}

#[tokio::test]
async fn one_connection_carries_many_requests_and_every_kind_of_answer() {
    let upstream = Upstream::answering(|seen| match seen.target() {
        "/chunks" => Answer::status(200).chunks(["a", "", "bc"]).trailer("X-Sum", "1"),
        "/repeat" => Answer::status(200).repeat(b'x', 300_000),
        "/empty" => Answer::status(204),
        "/interim" => {
            Answer::raw("HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nz")
        }
        _ => Answer::status(200).until_close("rest"),
    })
    .await;
    let mut raw = Raw::plain(upstream.address()).await;
    for (method, target, length) in [
        ("GET", "/chunks", 3),
        ("GET", "/repeat", 300_000),
        ("HEAD", "/repeat", 0),
        ("GET", "/empty", 0),
        ("GET", "/interim", 1),
    ] {
        raw.write(RequestText::new(method, target).bytes()).await;
        let response = raw.read_response_to(method).await;
        assert_eq!((response.body().length(), response.end()), (length, End::Framed), "{method} {target}");
        assert_eq!(response.trailers().len(), usize::from(target == "/chunks"), "{target}");
        assert_eq!(response.interim().len(), usize::from(target == "/interim"), "{target}");
    }
    raw.write(RequestText::new("GET", "/rest").bytes()).await;
    assert_eq!(raw.read_response().await.end(), End::Closed);
    assert_eq!((upstream.seen(), upstream.connections().len()), (6, 1));
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_seen_as_broken_off() {
    let cases = [
        (Answer::status(200).body("hello").cut_content_at(2), Ok(End::Cut)),
        (Answer::status(200).chunks(["hello"]).cut_content_at(8), Ok(End::Cut)),
        (Answer::close(), Err(Closing::Orderly)),
        (Answer::reset(), Err(Closing::Reset)),
        (Answer::raw("HTTP/1.1 200").then_close(), Err(Closing::Truncated)),
    ];
    for (answer, expected) in cases {
        let shown = format!("{answer:?}");
        let upstream = Upstream::answering(move |_| answer.clone()).await;
        let mut raw = Raw::plain(upstream.address()).await;
        raw.write(RequestText::new("GET", "/").bytes()).await;
        assert_eq!(raw.try_read_response_to("GET").await.map(|response| response.end()), expected, "{shown}");
    }
}

#[tokio::test]
async fn a_request_that_breaks_off_stays_incomplete() {
    let upstream = Upstream::recording().await;
    let mut raw = Raw::plain(upstream.address()).await;
    raw.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf").await;
    upstream.wait_for("half a body", |seen| seen.first().is_some_and(|seen| seen.body().length() == 4)).await;
    drop(raw);
    upstream.wait_idle().await;
    assert!(!upstream.only().complete());
}

#[tokio::test]
async fn an_answer_waits_for_its_signal() {
    let (go, upstream) = (Signal::new(), Upstream::recording().await);
    let held = go.clone();
    upstream.answer_with(move |_| Answer::booked().after(&held));
    let mut raw = Raw::plain(upstream.address()).await;
    raw.write(RequestText::new("GET", "/").bytes()).await;
    upstream.wait_for("the request", |seen| seen.len() == 1).await;
    assert_eq!(upstream.connections()[0].written, 0);
    go.fire();
    assert_eq!(raw.read_response().await.status(), 200);
}

#[tokio::test]
async fn an_upstream_that_reads_nothing_pushes_back() {
    let (go, upstream) = (Signal::new(), Upstream::recording().await);
    let held = go.clone();
    upstream.at_head(move |_| AtHead::ReadAfter(held.clone()));
    let mut raw = Raw::plain(upstream.address()).await;
    raw.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n").await;
    let taken = raw.push(&[b'x'; 1 << 16], 1_000_000_000, Duration::from_millis(200)).await;
    assert!(taken < 100_000_000, "{taken} bytes went into sockets that nobody reads");
    assert_eq!(upstream.only().body().length(), 0);
    go.fire();
    upstream.wait_for("what was taken", |seen| seen[0].body().length() == taken).await;
}

#[tokio::test]
async fn an_upstream_may_answer_before_the_body_or_switch_protocols() {
    let upstream = Upstream::answering(|_| Answer::upgrade("websocket")).await;
    let mut raw = Raw::plain(upstream.address()).await;
    raw.write(RequestText::new("GET", "/").bytes()).await;
    assert_eq!(raw.read_response().await.status(), 101);
    raw.write("ping").await;
    assert_eq!(raw.read_some().await, b"ping");

    upstream.at_head(|_| AtHead::Answer(Answer::status(413).then_close()));
    let mut raw = Raw::plain(upstream.address()).await;
    raw.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n").await;
    assert_eq!(raw.read_response().await.status(), 413);
    assert_eq!(raw.expect_closed(kit::DEADLINE).await, Closing::Orderly);
}

#[test]
fn a_forged_token_reads_back_as_it_was_forged() {
    let token = kit::forge::hs256(&kit::forge::claims("vietqr-live", 1000), b"key");
    assert_eq!(kit::forge::part(&token, 0)["alg"], "HS256");
    assert_eq!(kit::forge::part(&token, 1)["exp"], 1300);
    assert_eq!(token.split('.').count(), 3);
}
