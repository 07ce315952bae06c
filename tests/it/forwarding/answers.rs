//! The upstream's answer as the caller sees it: unchanged, whatever it says.

use crate::kit::{self, Answer, End, H2, RequestText, Response, Sidecar, Upstream, h2::H2Body, wait_until};

struct Front {
    sidecar: Sidecar,
    upstream: Upstream,
    token: String,
    h2: H2,
}

impl Front {
    async fn open() -> Self {
        let (upstream, sidecar, token) = kit::guarded([]).await;
        let h2 = sidecar.h2().await;
        Self { sidecar, upstream, token, h2 }
    }

    /// What a caller of each protocol gets for `answer`; the upstream is asked once by each.
    async fn both(&self, method: &str, te: Option<&str>, answer: Answer) -> [Response; 2] {
        let before = self.upstream.seen();
        self.upstream.answer_with(move |_| answer.clone());
        let request = RequestText::new(method, "/a").bearer(&self.token);
        let request = te.into_iter().fold(request, |request, te| request.header("TE", te));
        let one = self.sidecar.exchange(request).await;
        let request = self.h2.request(method, "/a").header("authorization", format!("Bearer {}", self.token));
        // HTTP/2 knows no other value.
        let te = te.filter(|te| *te == "trailers");
        let request = te.into_iter().fold(request, |request, te| request.header("te", te));
        let two = self.h2.send(request.body(H2Body::empty()).expect("tests give good fields")).await;
        assert_eq!(self.upstream.seen(), before + 2, "each request goes up once, whatever the answer");
        [one, two]
    }
}

// 63
#[tokio::test]
async fn every_status_passes_with_its_fields_and_its_body_and_no_redirect_is_followed() {
    let front = Front::open().await;
    for status in [
        200, 201, 202, 206, 226, 300, 301, 302, 303, 307, 308, 400, 401, 403, 404, 405, 409, 413, 418, 429, 451, 499,
        500, 502, 503, 504, 599, 600, 999,
    ] {
        let answer = Answer::json(status, r#"{"error":true}"#)
            .header("Location", "http://127.0.0.1:1/next")
            .header("WWW-Authenticate", "Digest realm=\"theirs\"")
            .header("Retry-After", "7")
            .header("Server", "old/1.0")
            .header("Date", "Mon, 01 Jan 2024 00:00:00 GMT");
        for response in front.both("POST", None, answer).await {
            assert_eq!((response.status(), response.text().as_str()), (status, r#"{"error":true}"#), "{status}");
            assert_eq!(response.end(), End::Framed, "{status}");
            for (name, value) in [
                ("Location", "http://127.0.0.1:1/next"),
                ("WWW-Authenticate", "Digest realm=\"theirs\""),
                ("Retry-After", "7"),
                ("Server", "old/1.0"),
                ("Date", "Mon, 01 Jan 2024 00:00:00 GMT"),
                ("Content-Type", "application/json"),
                ("Content-Length", "14"),
            ] {
                assert_eq!(response.values(name), [value], "{status} {name}");
            }
        }
    }
}

#[tokio::test]
async fn the_reason_phrase_passes_over_http1() {
    let front = Front::open().await;
    for reason in ["OK", "Fine By Me", "", "Alles klar: 100%", "Not Found"] {
        let answer = Answer::raw(format!("HTTP/1.1 200 {reason}\r\nContent-Length: 2\r\n\r\nok"));
        let [one, two] = front.both("GET", None, answer).await;
        assert_eq!((one.reason(), one.text().as_str()), (reason, "ok"));
        assert_eq!((two.status(), two.text().as_str()), (200, "ok"), "{reason}");
    }
}

#[tokio::test]
async fn repeated_fields_stay_apart_and_in_order() {
    let front = Front::open().await;
    let answer = Answer::booked().header("Set-Cookie", "b=1; Path=/").header("X-A", "1").header("set-cookie", "a=2");
    for response in front.both("GET", None, answer.header("X-a", "0").header("Set-Cookie", "b=1; Path=/")).await {
        assert_eq!(response.values("Set-Cookie"), ["b=1; Path=/", "a=2", "b=1; Path=/"]);
        assert_eq!(response.values("X-A"), ["1", "0"]);
    }
}

#[tokio::test]
async fn an_answer_without_content_has_none_and_the_connection_lives_on() {
    let front = Front::open().await;
    for (method, answer, status, length) in [
        ("GET", "HTTP/1.1 204 No Content\r\n\r\n", 204, None),
        ("POST", "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n", 304, None),
        ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, Some("0")),
        ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n", 200, Some("1234")),
        ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, Some("0")),
        ("HEAD", "HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\n", 404, Some("9")),
        ("HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 200, None),
        ("HEAD", "HTTP/1.1 200 OK\r\n\r\n", 200, None),
    ] {
        front.upstream.answer_with(move |_| Answer::raw(answer));
        let mut caller = front.sidecar.connect().await;
        for turn in 0..2 {
            caller.write(RequestText::new(method, "/a").bearer(&front.token).bytes()).await;
            let response = caller.read_response_to(method).await;
            assert_eq!((response.status(), response.body().length()), (status, 0), "{turn} {method} {answer}");
            assert_eq!(response.header("Content-Length"), length, "{turn} {method} {answer}");
        }
        let [_, two] = front.both(method, None, Answer::raw(answer)).await;
        assert_eq!((two.status(), two.body().length(), two.end()), (status, 0, End::Framed), "{method} {answer}");
        assert_eq!(two.header("Content-Length"), length, "{method} {answer}");
    }
    // A request that got an answer without content has not spoiled its connection.
    assert_eq!(front.upstream.connections().len(), 1);
}

#[tokio::test]
async fn content_passes_under_every_framing() {
    let front = Front::open().await;
    let text = "x".repeat(100_000);
    for (answer, length) in [
        (Answer::status(200).body(&text), Some("100000")),
        (Answer::status(200).chunks([&text[..1], &text[..60_000], "", &text[..39_999]]), None),
        (Answer::status(200).until_close(&text), None),
        (Answer::status(200).header("Connection", "close").body(&text).then_close(), Some("100000")),
        (Answer::status(200).header("Connection", "close").chunks([&text]).then_close(), None),
    ] {
        let shown = format!("{answer:.60?}").chars().take(60).collect::<String>();
        for response in front.both("GET", None, answer.clone()).await {
            assert_eq!((response.status(), response.body().length()), (200, 100_000), "{shown}");
            assert_eq!(response.end(), End::Framed, "a caller of HTTP/1.1 or later can tell the end: {shown}");
            assert_eq!(response.header("Content-Length"), length, "{shown}");
        }
        // HTTP/1.0 knows no chunks: the end of the connection is the end.
        let request = format!("GET /a HTTP/1.0\r\nHost: a\r\nAuthorization: Bearer {}\r\n\r\n", front.token);
        let mut caller = front.sidecar.connect().await;
        caller.write(request).await;
        let response = caller.read_response().await;
        assert_eq!((response.body().length(), response.header("Transfer-Encoding")), (100_000, None), "{shown}");
        let expected = if length.is_some() { End::Framed } else { End::Closed };
        assert_eq!(response.end(), expected, "{shown}");
    }
}

#[tokio::test]
async fn trailers_pass_to_a_caller_that_reads_them_and_to_no_other() {
    let front = Front::open().await;
    let announced = || Answer::status(200).chunks(["hello"]).header("Trailer", "X-Sum").trailer("X-Sum", "42");
    for (te, expected) in [(Some("trailers"), 1), (Some("gzip"), 0), (None, 0)] {
        for (at, response) in front.both("GET", te, announced()).await.into_iter().enumerate() {
            let shown = format!("{te:?}, HTTP/{}", at + 1);
            assert_eq!((response.status(), response.text().as_str()), (200, "hello"), "{shown}");
            assert_eq!(response.trailers().len(), expected, "{shown}: {response:?}");
            assert_eq!(response.values("Trailer").len(), expected, "{shown}");
            assert!(
                response.trailers().iter().all(|(name, value)| { name.eq_ignore_ascii_case("x-sum") && value == "42" })
            );
            assert_eq!(response.end(), End::Framed, "{shown}");
        }
    }
    // Trailers are the end of an exchange like any other: its connection is used again, and it was delivered.
    assert_eq!(front.upstream.connections().len(), 1);
    let outcomes = || {
        front.sidecar.log_lines().into_iter().filter(|line| line["path"] == "/a").map(|line| line["outcome"].clone())
    };
    wait_until("a line for each", || outcomes().count() == 6).await;
    assert!(outcomes().all(|outcome| outcome == "delivered"), "{:?}", outcomes().collect::<Vec<_>>());
}

#[tokio::test]
async fn interim_answers_stay_between_the_upstream_and_us() {
    let front = Front::open().await;
    for interim in [
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n",
        "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n",
    ] {
        let answer = Answer::raw(format!("{interim}HTTP/1.1 201 Created\r\nX-A: 1\r\nContent-Length: 2\r\n\r\nok"));
        for response in front.both("POST", None, answer).await {
            assert_eq!((response.status(), response.text().as_str()), (201, "ok"), "{interim}");
            assert_eq!((response.interim(), response.header("Link")), (&[][..], None), "{interim}");
            assert_eq!(response.values("X-A"), ["1"], "{interim}");
        }
    }
}
