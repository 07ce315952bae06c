//! Answers that break off or stall: the caller must see that they did.

use std::time::Duration;

use super::{PROMPT, SHORT};
use crate::kit::{self, Answer, AtHead, End, RequestText, Signal, h2::H2Body};

// 60
#[tokio::test]
async fn a_truncated_answer_is_seen_as_truncated() {
    let never = Signal::new();
    let cut = |head: &str| Answer::raw(format!("HTTP/1.1 200 OK\r\n{head}"));
    for answer in [
        Answer::status(200).body("hello").cut_content_at(2),
        Answer::status(200).body("hello").cut_content_at(0),
        Answer::status(200).body(vec![b'x'; 1 << 20]).cut_content_at((1 << 20) - 1),
        Answer::status(200).chunks(["hello", "world"]).cut_content_at(8),
        Answer::status(200).chunks(["hello", "world"]).cut_content_at(10),
        Answer::status(200).chunks(["hello"]).cut_content_at(13),
        Answer::status(200).chunks(["hello"]).trailer("X-Sum", "1").cut_content_at(16),
        cut("Content-Length: 9\r\n\r\nhalf").then_reset(),
        cut("Transfer-Encoding: chunked\r\n\r\n5\r\nhel").then_reset(),
        cut("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n").then_hang(),
        cut("Transfer-Encoding: chunked\r\n\r\n5\r\nhelloXX").then_hang(),
        cut("Transfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n").then_hang(),
        cut("Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nhello").then_hang(),
        cut("Content-Length: 9\r\n\r\nhalf").then_hang(),
        cut("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n").then_hang(),
        cut("\r\nuntil the close that never comes").then_hang(),
        Answer::status(200).body("hello").content_after(&never),
    ] {
        let shown = format!("{answer:.100?}").chars().take(200).collect::<String>();
        let (upstream, sidecar, token) = kit::guarded([("BODY_TIMEOUT", SHORT)]).await;
        upstream.answer_with(move |_| answer.clone());
        for version in ["HTTP/1.1", "HTTP/1.0"] {
            let request =
                format!("POST /a {version}\r\nHost: a\r\nAuthorization: Bearer {token}\r\nContent-Length: 2\r\n\r\nhi");
            let mut caller = sidecar.connect().await;
            caller.write(request).await;
            let reading = caller.try_read_response_to("POST");
            // Head and break may come together; then there is no answer at all, and that it broke is plain too.
            if let Ok(response) = kit::within(PROMPT, &shown, reading).await {
                assert_eq!(response.end(), End::Cut, "{version}: {shown}: {response:?}");
            }
        }
        let h2 = sidecar.h2().await;
        let request = h2.request("POST", "/a").header("authorization", format!("Bearer {token}"));
        let opened = kit::within(PROMPT, &shown, h2.try_open(request.body(H2Body::whole("hi")).unwrap())).await;
        if let Ok(opened) = opened {
            let response = kit::within(PROMPT, &shown, kit::h2::collect(opened)).await;
            assert_eq!(response.end(), End::Cut, "HTTP/2: {shown}: {response:?}");
        }
        // The break is one stream's.
        upstream.answer_with(|_| Answer::booked());
        let request = h2.request("GET", "/b").header("authorization", format!("Bearer {token}"));
        assert_eq!(h2.send(request.body(H2Body::empty()).unwrap()).await.status(), 200, "{shown}");
        assert_eq!(upstream.seen(), 4, "each request goes up once: {shown}");
        let broke = |line: &serde_json::Value| line["path"] == "/a" && line["outcome"] == "broken_off";
        let line = sidecar.wait_for_log("that it broke", broke).await;
        assert_eq!(
            (&line["upstream_may_have_done_it"], &line["verdict"]),
            (&true.into(), &"retried".into()),
            "{shown}"
        );
    }
}

#[tokio::test]
async fn an_answer_that_pauses_for_less_than_the_timeout_arrives_whole() {
    let (upstream, sidecar, token) = kit::guarded([("BODY_TIMEOUT", "20s")]).await;
    let go = Signal::new();
    let held = go.clone();
    upstream.answer_with(move |_| Answer::status(200).body("hello").content_after(&held));
    let mut caller = sidecar.connect().await;
    caller.write(RequestText::new("GET", "/a").bearer(&token).bytes()).await;
    upstream.wait_for("the request", |seen| seen.len() == 1).await;
    go.fire();
    let response = caller.read_response().await;
    assert_eq!((response.text().as_str(), response.end()), ("hello", End::Framed));
}

#[tokio::test]
async fn an_answer_that_waits_for_a_slow_upload_is_not_taken_for_a_stalled_one() {
    let (upstream, sidecar, token) = kit::guarded([("BODY_TIMEOUT", "1s")]).await;
    let go = Signal::new();
    let held = go.clone();
    upstream.at_head(move |_| AtHead::Answer(Answer::status(200).body("hello").content_after(&held)));
    let mut caller = sidecar.connect().await;
    let head = format!("POST /a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\nContent-Length: 15\r\n\r\n");
    caller.write(head).await;
    let mut tick = tokio::time::interval(Duration::from_millis(100));
    for _ in 0..15 {
        tick.tick().await;
        caller.write("x").await;
    }
    go.fire();
    let response = caller.read_response().await;
    assert_eq!((response.text().as_str(), response.end()), ("hello", End::Framed));
    upstream.wait_for("the whole body", |seen| seen[0].complete()).await;
}
