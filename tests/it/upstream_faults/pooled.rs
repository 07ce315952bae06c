//! Connections that went bad while nobody used them: the next request must not pay for it, and must not go up twice.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::kit::{self, Answer, RequestText};

// 59
#[tokio::test]
async fn a_post_after_the_upstream_closed_its_idle_connection_is_delivered_once_over_a_new_one() {
    for bent in [Answer::then_close, Answer::then_reset] {
        let (upstream, sidecar, token) = kit::guarded([("UPSTREAM_POOL_IDLE", "20s")]).await;
        upstream.answer_with(move |_| bent(Answer::booked()));
        for turn in 1..=10 {
            let response = sidecar.deliver(&token, &format!("/{turn}"), "{}").await;
            assert_eq!(response.status(), 200, "delivery {turn}");
            upstream.wait_idle().await;
        }
        let targets: Vec<String> = upstream.requests().iter().map(|seen| seen.target().to_owned()).collect();
        assert_eq!(targets, (1..=10).map(|turn| format!("/{turn}")).collect::<Vec<_>>());
        assert_eq!(upstream.connections().len(), 10);
    }
}

// 59
#[tokio::test]
async fn a_post_that_a_used_connection_took_and_then_broke_is_not_sent_again() {
    for fault in [Answer::close, Answer::reset] {
        let (upstream, sidecar, token) = kit::guarded([("UPSTREAM_POOL_IDLE", "20s")]).await;
        let turns = AtomicUsize::new(0);
        upstream
            .answer_with(move |_| if turns.fetch_add(1, Ordering::Relaxed) == 0 { Answer::booked() } else { fault() });
        assert_eq!(sidecar.deliver(&token, "/1", "{}").await.status(), 200);
        assert_eq!(sidecar.deliver(&token, "/2", "{}").await.status(), 502);
        assert_eq!((upstream.seen(), upstream.connections().len()), (2, 1));
        let line = sidecar.wait_for_log("the second", |line| line["path"] == "/2").await;
        assert_eq!(line["upstream_may_have_done_it"], true);
    }
}

// 61
#[tokio::test]
async fn what_the_upstream_says_unasked_never_answers_another_request() {
    let stolen = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstolen";
    for unasked in [
        format!("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok{stolen}"),
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n{stolen}"),
        format!("HTTP/1.1 204 No Content\r\n\r\n{stolen}"),
        format!("HTTP/1.1 304 Not Modified\r\nContent-Length: 40\r\n\r\n{stolen}"),
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"
            .to_owned(),
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok\r\n".to_owned(),
    ] {
        let (upstream, sidecar, token) = kit::guarded([("UPSTREAM_POOL_IDLE", "20s")]).await;
        let answer = unasked.clone();
        upstream.answer_with(move |seen| match seen.target() {
            "/first" => Answer::raw(answer.clone()),
            target => Answer::status(200).body(target),
        });
        for turn in 0..5 {
            let first = sidecar.get_with(&token, "/first").await;
            assert!(matches!(first.status(), 200 | 204 | 304 | 502), "{turn} {unasked}: {first:?}");
            assert!(matches!(first.text().as_str(), "ok" | "") || first.status() == 502, "{turn} {unasked}: {first:?}");
            let next = sidecar.deliver(&token, "/next", "{}").await;
            assert_eq!((next.status(), next.text().as_str()), (200, "/next"), "{turn} {unasked}");
        }
        assert_eq!(upstream.seen(), 10, "{unasked}");
    }
}

// 61
#[tokio::test]
async fn content_of_an_answer_to_head_never_answers_another_request() {
    let (upstream, sidecar, token) = kit::guarded([("UPSTREAM_POOL_IDLE", "20s")]).await;
    upstream.answer_with(|seen| match seen.method() {
        "HEAD" => Answer::raw(
            "HTTP/1.1 200 OK\r\nContent-Length: 45\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstolen",
        ),
        _ => Answer::status(200).body(seen.target()),
    });
    for _ in 0..5 {
        let head = sidecar.exchange(RequestText::new("HEAD", "/first").bearer(&token)).await;
        assert!(matches!(head.status(), 200 | 502), "{head:?}");
        assert_eq!(sidecar.get_with(&token, "/next").await.text(), "/next");
    }
    assert_eq!(upstream.seen(), 10);
}
