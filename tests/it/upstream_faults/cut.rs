//! Answers that break off or stall: the caller must see that they did.

use std::time::Duration;

use crate::kit::{self, Answer, AtHead, End, RequestText, Signal, h2::H2Body};

// 60
#[tokio::test]
async fn over_http2_a_break_is_one_stream_s() {
    let (upstream, sidecar, token) = kit::guarded([]).await;
    upstream.answer_with(|seen| match seen.target() {
        "/cut" => Answer::status(200).body("hello").cut_content_at(2),
        _ => Answer::booked(),
    });
    let h2 = sidecar.h2().await;
    for _ in 0..5 {
        for (path, end) in [("/cut", End::Cut), ("/whole", End::Framed)] {
            let request = h2.request("GET", path).header("authorization", format!("Bearer {token}"));
            let opened = h2.try_open(request.body(H2Body::empty()).expect("good fields")).await;
            // Head and break may come together; then there is no answer at all.
            let got = match opened {
                Ok(answer) => kit::h2::collect(answer).await.end(),
                Err(_) => End::Cut,
            };
            assert_eq!(got, end, "{path}");
        }
    }
    assert_eq!(upstream.seen(), 10);
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
