//! Request bodies within bounds: their size, their pace, and what becomes of one that is refused.

mod broken;
mod framing;
mod pressure;
mod refused;

use std::time::{Duration, Instant};

use crate::kit::{self, End, Frames, RequestText, Sidecar, Upstream, frames::Last, h2::H2Body};

const LIMIT: usize = 100_000;
const LIMITED: [(&str, &str); 1] = [("MAX_BODY", "100000B")];

/// What went up, if anything did, never ends, and its connection carries no other.
async fn only_saw_a_part(upstream: &Upstream, shown: &str) {
    upstream.wait_idle().await;
    let seen = upstream.requests();
    assert!(seen.len() <= 1 && seen.iter().all(|seen| !seen.complete()), "{shown}: {seen:?}");
    assert!(upstream.connections().len() <= 1, "{shown}");
}

#[tokio::test]
async fn a_body_that_is_declared_too_large_is_413_and_the_upstream_sees_nothing() {
    let (upstream, sidecar, token) = kit::guarded(LIMITED).await;
    for length in [LIMIT + 1, 10_000_000, 1 << 40, usize::MAX / 2] {
        for extra in ["", "Expect: 100-continue\r\n"] {
            let head = format!("POST /a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n{extra}");
            let mut caller = sidecar.connect().await;
            caller.write(format!("{head}Content-Length: {length}\r\n\r\nsome of it")).await;
            let response = caller.read_response().await;
            assert_eq!((response.status(), response.refusal().as_str()), (413, "BODY_TOO_LARGE"), "{length} {extra}");
            assert_eq!(response.interim(), [] as [u16; 0], "{length} {extra}");
            assert_eq!(response.header("Connection"), Some("close"), "{length} {extra}");
        }
        let mut frames = Frames::connect(&sidecar).await;
        let (bearer, length) = (format!("Bearer {token}"), length.to_string());
        let fields = [("authorization", bearer.as_str()), ("content-length", &length)];
        let stream = frames.open(&kit::frames::head("POST", "/a", &fields), Last::No).await;
        let told = frames.told(stream).await;
        assert_eq!((told.status, told.refusal().as_str()), (Some(413), "BODY_TOO_LARGE"), "{length}");
    }
    assert_eq!(upstream.connections().len(), 0);
}

#[tokio::test]
async fn a_body_as_large_as_the_limit_passes_declared_or_not() {
    let (upstream, sidecar, token) = kit::guarded(LIMITED).await;
    let text = "x".repeat(LIMIT);
    assert_eq!(sidecar.deliver(&token, "/a", &text).await.status(), 200);
    let (one, two) = text.split_at(70_000);
    assert_eq!(sidecar.exchange(RequestText::new("POST", "/a").bearer(&token).chunks([one, two])).await.status(), 200);
    let h2 = sidecar.h2().await;
    let (feed, body) = H2Body::fed();
    let request = h2.request("POST", "/a").header("authorization", format!("Bearer {token}"));
    let (response, fed) = tokio::join!(h2.send(request.body(body).unwrap()), async move { feed.data(text).await });
    assert_eq!((response.status(), fed), (200, true));
    assert!(upstream.requests().iter().all(|seen| seen.complete() && seen.body().length() == LIMIT as u64));
    assert_eq!(upstream.seen(), 3);
}

#[tokio::test]
async fn a_body_that_proves_too_large_is_413_and_the_upstream_never_sees_its_end() {
    for pieces in [[LIMIT + 1, 1].as_slice(), &[LIMIT, 1], &[30_000, 30_000, 30_000, 30_000], &[LIMIT - 1, 1, 1]] {
        let (upstream, sidecar, token) = kit::guarded(LIMITED).await;
        let mut request = RequestText::new("POST", "/a").bearer(&token).header("Transfer-Encoding", "chunked").bytes();
        for piece in pieces {
            request.extend(format!("{piece:x}\r\n{}\r\n", "x".repeat(*piece)).into_bytes());
        }
        request.extend_from_slice(b"0\r\n\r\n");
        let response = sidecar.exchange(request).await;
        assert_eq!((response.status(), response.refusal().as_str()), (413, "BODY_TOO_LARGE"), "{pieces:?}");
        assert_eq!(response.header("Connection"), Some("close"), "{pieces:?}");
        only_saw_a_part(&upstream, &format!("{pieces:?}")).await;
    }
    for size in [LIMIT + 1, 3 * LIMIT] {
        let (upstream, sidecar, token) = kit::guarded(LIMITED).await;
        let h2 = sidecar.h2().await;
        let (feed, body) = H2Body::fed();
        let request = h2.request("POST", "/a").header("authorization", format!("Bearer {token}"));
        let feeding = async move { feed.data(vec![b'x'; size]).await };
        let (response, _) = tokio::join!(h2.send(request.body(body).unwrap()), feeding);
        assert_eq!((response.status(), response.refusal().as_str()), (413, "BODY_TOO_LARGE"), "{size}");
        only_saw_a_part(&upstream, &size.to_string()).await;
    }
}

// 64
#[tokio::test]
async fn an_upload_that_stalls_is_408_in_time_and_the_upstream_never_sees_its_end() {
    for (framing, start) in [
        ("Content-Length: 10", ""),
        ("Content-Length: 10", "half"),
        ("Transfer-Encoding: chunked", ""),
        ("Transfer-Encoding: chunked", "a\r\nhalf"),
        ("Transfer-Encoding: chunked", "4\r\nhalf\r\n"),
        ("Transfer-Encoding: chunked", "4\r\nhalf\r\n0\r\n"),
    ] {
        let shown = format!("{framing} {start:?}");
        let (upstream, sidecar, token) = kit::guarded([("BODY_TIMEOUT", "300ms")]).await;
        let mut caller = sidecar.connect().await;
        let head = format!("POST /a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n{framing}\r\n\r\n");
        caller.write(head + start).await;
        let began = Instant::now();
        let response = caller.read_response().await;
        assert_eq!((response.status(), response.refusal().as_str()), (408, "BODY_TIMEOUT"), "{shown}");
        assert!(began.elapsed() < Duration::from_secs(5), "{shown}: {:?}", began.elapsed());
        assert_eq!(response.header("Connection"), Some("close"), "{shown}");
        only_saw_a_part(&upstream, &shown).await;
        let line = sidecar.wait_for_log("the reason", |line| line["reason"] == "body_timeout").await;
        assert_eq!(line["upstream_may_have_done_it"], serde_json::Value::Null, "it never had it whole: {line}");
    }
}

// 64
#[tokio::test]
async fn an_upload_over_http2_that_stalls_is_408_and_its_connection_lives_on() {
    for start in [None, Some("half")] {
        let (upstream, sidecar, token) = kit::guarded([("BODY_TIMEOUT", "300ms")]).await;
        let h2 = sidecar.h2().await;
        let (feed, body) = H2Body::fed();
        let request = h2.request("POST", "/a").header("authorization", format!("Bearer {token}"));
        let feeding = async {
            match start {
                Some(start) => feed.data(start).await,
                None => true,
            }
        };
        let (response, _) = tokio::join!(h2.send(request.body(body).unwrap()), feeding);
        assert_eq!((response.status(), response.refusal().as_str()), (408, "BODY_TIMEOUT"), "{start:?}");
        assert_eq!(response.end(), End::Framed, "{start:?}");
        only_saw_a_part(&upstream, &format!("{start:?}")).await;
        let request = h2.request("GET", "/b").header("authorization", format!("Bearer {token}"));
        assert_eq!(h2.send(request.body(H2Body::empty()).unwrap()).await.status(), 200, "{start:?}");
    }
}

#[tokio::test]
async fn an_upload_that_is_slow_but_never_stalls_passes() {
    let (upstream, sidecar, token) = kit::guarded([("BODY_TIMEOUT", "1s")]).await;
    let mut caller = sidecar.connect().await;
    let head = format!("POST /a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\nContent-Length: 12\r\n\r\n");
    caller.write(head).await;
    let mut tick = tokio::time::interval(Duration::from_millis(120));
    for at in 1..=12 {
        caller.write("x").await;
        upstream.wait_for("the next byte", |seen| seen.first().is_some_and(|seen| seen.body().length() == at)).await;
        tick.tick().await;
    }
    assert_eq!(caller.read_response().await.status(), 200);
    assert!(upstream.only().complete());
}

/// A request of another caller, to show that the sidecar is as it was.
async fn still_serves(sidecar: &Sidecar, token: &str, shown: &str) {
    assert_eq!(sidecar.get_with(token, "/after").await.status(), 200, "{shown}");
}
