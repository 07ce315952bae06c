//! The body of a refused request: the answer arrives whole all the same, and nothing of it is taken for another request.

use super::still_serves;
use crate::kit::{
    self, Closing, End, Frames, RequestText,
    frames::{Last, StreamEnd, head},
    h2::H2Body,
};

const MANY: usize = 20;

#[tokio::test]
async fn an_early_refusal_of_a_big_body_is_received_whole_over_http1() {
    let (upstream, sidecar, _) = kit::guarded([]).await;
    for (size, turns) in [(10_000, MANY), (1 << 20, MANY), (8 << 20, 5)] {
        let body = vec![b'x'; size];
        for turn in 0..turns {
            let mut caller = sidecar.connect().await;
            // The other side may close while this is written; what it said before is what counts.
            let _ = caller.try_write(RequestText::new("POST", "/a").body(&body).bytes()).await;
            let response = caller.read_response().await;
            assert_eq!((response.status(), response.end()), (401, End::Framed), "{size} bytes, {turn}");
            assert_eq!(response.refusal(), "INVALID_AUTH_HEADER", "{size} bytes, {turn}");
        }
    }
    assert_eq!(upstream.connections().len(), 0);
}

#[tokio::test]
async fn an_early_refusal_of_a_big_body_is_received_whole_over_http2() {
    let (upstream, sidecar, token) = kit::guarded([]).await;
    for (size, turns) in [(10_000, MANY), (1 << 20, MANY), (8 << 20, 5)] {
        for turn in 0..turns {
            let h2 = sidecar.h2().await;
            let request = h2.request("POST", "/a").body(H2Body::whole(vec![b'x'; size])).unwrap();
            let response = h2.send(request).await;
            assert_eq!((response.status(), response.end()), (401, End::Framed), "{size} bytes, {turn}");
            assert_eq!(response.refusal(), "INVALID_AUTH_HEADER", "{size} bytes, {turn}");
            let request = h2.request("GET", "/b").header("authorization", format!("Bearer {token}"));
            assert_eq!(h2.send(request.body(H2Body::empty()).unwrap()).await.status(), 200, "{size} bytes, {turn}");
        }
    }
    assert_eq!(upstream.connections().len(), 1);
}

#[tokio::test]
async fn a_refused_stream_ends_whole_and_is_never_reset_with_an_error() {
    let (upstream, sidecar, _) = kit::guarded([]).await;
    for sent in [0, 1000, 60_000, 200_000] {
        let mut frames = Frames::connect(&sidecar).await;
        let stream = frames.open(&head("POST", "/a", &[]), Last::No).await;
        for _ in 0..sent / 1000 {
            frames.data(stream, &[b'x'; 1000], Last::No).await;
        }
        let told = frames.told(stream).await;
        assert_eq!((told.status, told.end), (Some(401), StreamEnd::Whole), "{sent}: {told:?}");
        // If the rest of the stream is not wanted, that is said without blame.
        frames.data(stream, b"last", Last::Yes).await;
        let next = frames.open(&head("GET", "/b", &[]), Last::Yes).await;
        let told = frames.told(next).await;
        assert_eq!((told.status, told.end), (Some(401), StreamEnd::Whole), "{sent}: {told:?}");
    }
    assert_eq!(upstream.connections().len(), 0);
}

// 31
#[tokio::test]
async fn expect_100_continue_without_a_token_gets_401_and_no_100() {
    let (upstream, sidecar, token) = kit::guarded([("BASE_PATH", "/vqr")]).await;
    for (line, authorization, status) in [
        ("POST /vqr/a", "", 401),
        ("POST /vqr/a", "Authorization: Bearer forged\r\n", 401),
        ("POST /vqr/../a", "", 400),
        ("TRACE /vqr/a", "", 405),
        ("POST /vqr/api/token_generate", "", 401),
        ("POST /vqr/api/token_generate", "Authorization: Basic YTpi\r\n", 401),
        ("PUT /vqr/api/token_generate", "", 405),
        ("POST /other", &format!("Authorization: Bearer {token}\r\n"), 403),
    ] {
        let mut caller = sidecar.connect().await;
        let head =
            format!("{line} HTTP/1.1\r\nHost: a\r\n{authorization}Expect: 100-continue\r\nContent-Length: 5\r\n\r\n");
        caller.write(head).await;
        let response = caller.read_response().await;
        assert_eq!((response.status(), response.interim()), (status, &[][..]), "{line} {authorization}");
        assert_eq!(response.header("Connection"), Some("close"), "{line} {authorization}");
        // A caller that has sent its body without waiting is closed on, not read on.
        let _ = caller.try_write("hello").await;
        let closing = caller.expect_closed(kit::DEADLINE).await;
        assert!(matches!(closing, Closing::Orderly | Closing::Reset), "{line}: {closing:?}");
    }
    assert_eq!(upstream.connections().len(), 0);
}

// 26
#[tokio::test]
async fn the_body_of_a_refused_request_is_never_read_as_a_request() {
    let (upstream, sidecar, token) = kit::guarded([("BASE_PATH", "/vqr"), ("MAX_BODY", "200KiB")]).await;
    let smuggled =
        format!("POST /vqr/smuggled HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\nContent-Length: 0\r\n\r\n");
    let good = format!("Authorization: Bearer {token}\r\n");
    let filler = "x".repeat(100_000);
    let mut expected = 0;
    for (line, authorization, status) in [
        ("POST /vqr/a", "", 401),
        ("GET /vqr/a", "", 401),
        ("POST /vqr/a", "Authorization: Bearer forged\r\n", 401),
        ("POST /other", &good, 403),
        ("POST /vqr/../a", &good, 400),
        ("TRACE /vqr/a", &good, 405),
        ("CONNECT a:443", &good, 405),
        ("POST /vqr/api/token_generate", "", 401),
        ("POST /vqr/api/token_generate", "Authorization: Basic YTpi\r\n", 401),
        ("GET /vqr/api/token_generate", "", 405),
    ] {
        let smuggled_often = smuggled.repeat(400);
        for body in [smuggled.clone(), format!("{filler}{smuggled}"), format!("{smuggled}{filler}"), smuggled_often] {
            for chunked in [false, true] {
                let shown = format!("{line} {authorization:.20} {} bytes, chunked {chunked}", body.len());
                let head = format!("{line} HTTP/1.1\r\nHost: a\r\n{authorization}");
                let request = if chunked {
                    format!("{head}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n", body.len())
                } else {
                    format!("{head}Content-Length: {}\r\n\r\n{body}", body.len())
                };
                let next = format!("GET /vqr/next HTTP/1.1\r\nHost: a\r\n{good}\r\n");
                let mut caller = sidecar.connect().await;
                let _ = caller.try_write(request + &next).await;
                let is_too_large =
                    !chunked && line.starts_with("POST /vqr/api/token_generate") && body.len() > 64 << 10;
                let status = if is_too_large { 413 } else { status };
                assert_eq!(caller.read_response().await.status(), status, "{shown}");
                // Then the next request is answered, or the connection is over.
                if let Ok(response) = caller.try_read_response_to("GET").await {
                    assert_eq!(response.status(), 200, "{shown}");
                    expected += 1;
                }
                assert_eq!(upstream.seen(), expected, "{shown}");
            }
        }
    }
    let limit = 200 << 10;
    let mut caller = sidecar.connect().await;
    let head = format!("POST /vqr/a HTTP/1.1\r\nHost: a\r\n{good}Content-Length: {}\r\n\r\n", limit + 1);
    let _ = caller.try_write(head + &smuggled.repeat(limit / smuggled.len())).await;
    assert_eq!(caller.read_response().await.status(), 413);
    assert!(caller.try_read_response_to("GET").await.is_err());
    assert!(upstream.requests().iter().all(|seen| seen.target() == "/vqr/next"));
    assert_eq!(upstream.seen(), expected);
}

#[tokio::test]
async fn a_small_refused_body_leaves_the_connection_usable() {
    let (upstream, sidecar, token) = kit::guarded([]).await;
    let mut caller = sidecar.connect().await;
    for _ in 0..3 {
        caller.write(RequestText::new("POST", "/a").body(vec![b'x'; 60_000]).bytes()).await;
        assert_eq!(caller.read_response().await.status(), 401);
        caller.write(RequestText::new("POST", "/b").bearer(&token).body("hi").bytes()).await;
        assert_eq!(caller.read_response().await.status(), 200);
    }
    assert_eq!(upstream.seen(), 3);
    still_serves(&sidecar, &token, "after six requests on one connection").await;
}

#[tokio::test]
async fn a_refused_head_request_has_a_status_and_a_length_and_no_body() {
    let (upstream, sidecar, _) = kit::guarded([]).await;
    for (path, status) in [("/a", 401), ("/a/../b", 400), ("/api/token_generate", 405)] {
        let mut caller = sidecar.connect().await;
        caller.write(RequestText::new("HEAD", path).bytes()).await;
        let over_http1 = caller.read_response_to("HEAD").await;
        let h2 = sidecar.h2().await;
        let over_http2 = h2.send(h2.request("HEAD", path).body(H2Body::empty()).unwrap()).await;
        for answer in [over_http1, over_http2] {
            assert_eq!((answer.status(), answer.text().as_str()), (status, ""), "{path}");
            assert!(answer.header("content-length").is_some_and(|length| length != "0"), "{path}");
        }
    }
    assert_eq!(upstream.seen(), 0);
}
