//! The kit's own parts against each other: what it says about the sidecar is worth as much as these tests.

use std::time::Duration;

use crate::kit::{self, Answer, AtHead, Closing, End, Raw, RequestText, Signal, Upstream, strict};

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

#[test]
fn what_is_not_a_plain_request_is_found_in_what_went_up() {
    let good = "POST /a?b HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi";
    let chunked = "POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n";
    let both = strict::read(format!("{good}{chunked}GET /c HTTP/1.1\r\n\r\n").as_bytes()).expect("they are plain");
    assert_eq!(both.iter().map(|plain| plain.target.as_str()).collect::<Vec<_>>(), ["/a?b", "/a", "/c"]);
    assert!(both.iter().all(|plain| plain.complete) && both[..2].iter().all(|plain| plain.body == b"hi"));
    for cut in 1..chunked.len() {
        let read = strict::read(&chunked.as_bytes()[..cut]).unwrap_or_else(|fault| panic!("cut at {cut}: {fault}"));
        assert!(read.iter().all(|plain| !plain.complete), "cut at {cut}");
    }
    for (row, from, to) in [
        ("a byte too many", "\r\n\r\nhi", "\r\n\r\nhi \r\n\r\n"),
        ("a bare line feed", "/a?b HTTP/1.1\r\n", "/a?b HTTP/1.1\n"),
        ("another version", "HTTP/1.1", "HTTP/1.0"),
        ("two blanks", "POST ", "POST  "),
        ("a target that is no path", "/a?b", "*"),
        ("a control byte in the target", "/a?b", "/a?\u{1}"),
        ("a fragment", "/a?b", "/a#b"),
        ("a blank before the colon", "Host: ", "Host : "),
        ("a name in lower case", "Host: ", "host: "),
        ("no name", "Host: ", ": "),
        ("a NUL in a value", "Host: a", "Host: a\0"),
        ("a folded value", "Host: a", "Host: a\r\n b"),
        ("a blank behind a value", "Host: a", "Host: a "),
        ("two lengths", "Host: a", "Content-Length: 2"),
        ("a length with a sign", "Content-Length: 2", "Content-Length: +2"),
        ("a coding besides the length", "Host: a", "Transfer-Encoding: chunked"),
        ("another coding", "Content-Length: 2", "Transfer-Encoding: gzip, chunked"),
        ("a chunk extension", "2\r\nhi\r\n0", "2;a\r\nhi\r\n0"),
        ("a chunk without its end", "hi\r\n0", "hi0"),
        ("a trailer", "0\r\n\r\n", "0\r\nX: 1\r\n\r\n"),
    ] {
        let text = format!("{good}{chunked}");
        assert!(text.contains(from), "{row}");
        assert!(strict::read(text.replacen(from, to, 1).as_bytes()).is_err(), "{row}");
    }
}
