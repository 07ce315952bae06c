//! Requests whose end two programs could see in two places never go up, or go up with one plain framing and alone.

use crate::kit::{self, RequestText};

/// A body that is a request of its own to whoever stops reading too early.
const SMUGGLED: &str = "0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\nX: ";

// 13, 14, 15, 16, 17, 18
#[tokio::test]
async fn an_unclear_framing_is_refused_or_goes_up_with_one_plain_framing() {
    let (upstream, sidecar, token) = kit::guarded([]).await;
    let chunked = "5\r\nhello\r\n0\r\n\r\n";
    for (version, fields, body, passes) in [
        ("1.1", "Content-Length: 5\r\nTransfer-Encoding: chunked", chunked, Some("hello")),
        ("1.1", "Transfer-Encoding: chunked\r\nContent-Length: 5", chunked, Some("hello")),
        ("1.1", "Transfer-Encoding: chunked\r\nContent-Length: 50", SMUGGLED, Some("")),
        ("1.1", "Content-Length: 50\r\nTransfer-Encoding: chunked", SMUGGLED, Some("")),
        ("1.1", "Transfer-Encoding: chunked, chunked", chunked, None),
        ("1.1", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", chunked, None),
        ("1.1", "Transfer-Encoding: gzip, chunked", chunked, None),
        ("1.1", "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked", chunked, None),
        ("1.1", "Transfer-Encoding: identity, chunked", chunked, None),
        ("1.1", "Transfer-Encoding: chunked, identity", chunked, None),
        ("1.1", "Transfer-Encoding: identity", chunked, None),
        ("1.1", "Transfer-Encoding: gzip", chunked, None),
        ("1.1", "Transfer-Encoding: xchunked", chunked, None),
        ("1.1", "Transfer-Encoding: chunked;q=1", chunked, None),
        ("1.1", "Transfer-Encoding: \"chunked\"", chunked, None),
        ("1.1", "Transfer-Encoding:", chunked, None),
        ("1.1", "Transfer-Encoding: ,", chunked, None),
        ("1.1", "Transfer-Encoding: ,chunked", chunked, None),
        ("1.1", "Transfer-Encoding: chunked,", chunked, None),
        ("1.1", "Transfer-Encoding: \u{b}chunked", chunked, None),
        ("1.1", "Transfer-Encoding: chunked\u{a0}", chunked, None),
        ("1.1", "Transfer-Encoding : chunked", chunked, None),
        ("1.1", "Transfer-Encoding\t: chunked", chunked, None),
        ("1.1", " Transfer-Encoding: chunked", chunked, None),
        ("1.1", "X: 1\r\n Transfer-Encoding: chunked", chunked, None),
        ("1.1", "X: 1\rTransfer-Encoding: chunked", chunked, None),
        ("1.1", "X: 1\0\r\nTransfer-Encoding: chunked", chunked, None),
        ("1.1", "Transfer-Encoding:\r\n chunked", chunked, None),
        ("1.1", "Transfer_Encoding: chunked\r\nContent-Length: 5", "hello", Some("hello")),
        ("1.0", "Transfer-Encoding: chunked", chunked, None),
        ("1.0", "Transfer-Encoding: chunked\r\nContent-Length: 5", chunked, None),
        ("1.1", "Content-Length: 5\r\nContent-Length: 6", "hello!", None),
        ("1.1", "Content-Length: 5, 6", "hello!", None),
        ("1.1", "Content-Length: 5\r\nContent-Length: 5", "hello", Some("hello")),
        ("1.1", "Content-Length: 5, 5", "hello", None),
        ("1.1", "Content-Length: +5", "hello", None),
        ("1.1", "Content-Length: -5", "hello", None),
        ("1.1", "Content-Length: 0x5", "hello", None),
        ("1.1", "Content-Length: 5 5", "hello", None),
        ("1.1", "Content-Length: 5.0", "hello", None),
        ("1.1", "Content-Length: five", "hello", None),
        ("1.1", "Content-Length:", "hello", None),
        ("1.1", "Content-Length: 99999999999999999999", "hello", None),
        ("1.1", "Content-Length : 5", "hello", None),
        ("1.1", "Content-Length:\r\n 5", "hello", None),
    ] {
        let shown = format!("HTTP/{version} {fields:?} {body:?}");
        let before = upstream.seen();
        let head = format!("POST /a HTTP/{version}\r\nHost: a\r\nAuthorization: Bearer {token}\r\n");
        let mut caller = sidecar.connect().await;
        caller.write(format!("{head}{fields}\r\n\r\n{body}")).await;
        let status = caller.try_read_response_to("POST").await.map_or(400, |response| response.status());
        assert_eq!(status, if passes.is_some() { 200 } else { 400 }, "{shown}");
        let is_closed = passes.is_none() || fields.contains("Length: 5\r\nTransfer") || body == SMUGGLED;
        if is_closed {
            let (rest, _) = kit::within(kit::DEADLINE, &shown, caller.read_to_end()).await;
            assert!(rest.is_empty(), "{shown}: {:?}", String::from_utf8_lossy(&rest));
        }
        let seen = upstream.requests();
        assert_eq!(seen.len(), before + usize::from(passes.is_some()), "{shown}");
        if let Some(text) = passes {
            let seen = &seen[before];
            assert_eq!((seen.complete(), seen.target(), seen.text().as_str()), (true, "/a", text), "{shown}");
            let framings = seen.values("Content-Length").len() + seen.values("Transfer-Encoding").len();
            assert_eq!(framings, 1, "{shown}: {seen:?}");
        }
    }
}

// 27
#[tokio::test]
async fn a_chunked_body_passes_however_its_chunks_are_written_and_without_their_extensions() {
    let (upstream, sidecar, token) = kit::guarded([]).await;
    for body in [
        "5\r\nhello\r\n0\r\n\r\n",
        "5;name=value\r\nhello\r\n0;last\r\n\r\n",
        "5;a=\"quoted; text\"\r\nhello\r\n0\r\n\r\n",
        "0005\r\nhello\r\n000\r\n\r\n",
        "1\r\nh\r\n1\r\ne\r\n3\r\nllo\r\n0\r\n\r\n",
        "5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n",
    ] {
        let mut request = RequestText::new("POST", "/a").bearer(&token).header("Transfer-Encoding", "chunked").bytes();
        request.extend_from_slice(body.as_bytes());
        assert_eq!(sidecar.exchange(request).await.status(), 200, "{body:?}");
        let seen = upstream.requests().pop().expect("it was forwarded");
        assert_eq!((seen.text().as_str(), seen.complete(), seen.trailers()), ("hello", true, &[][..]), "{body:?}");
        let raw = upstream.connections()[seen.connection()].raw.kept().to_vec();
        assert!(!String::from_utf8_lossy(&raw).contains(';'), "{body:?}");
    }
}

// 27
#[tokio::test]
async fn chunk_extensions_and_trailers_are_bounded() {
    for (body, shown) in [
        (format!("5;{}\r\nhello\r\n0\r\n\r\n", "x".repeat(1 << 20)), "an extension of 1 MiB"),
        (format!("{}0\r\n\r\n", "1;xxxxxxxx\r\nh\r\n".repeat(40_000)), "40000 extensions"),
        (format!("5\r\nhello\r\n0\r\nX: {}\r\n\r\n", "x".repeat(1 << 20)), "a trailer of 1 MiB"),
        (format!("5\r\nhello\r\n0\r\n{}\r\n", "X: y\r\n".repeat(5000)), "5000 trailers"),
    ] {
        let (upstream, sidecar, token) = kit::guarded([]).await;
        let mut request = RequestText::new("POST", "/a").bearer(&token).header("Transfer-Encoding", "chunked").bytes();
        request.extend_from_slice(body.as_bytes());
        let mut caller = sidecar.connect().await;
        let _ = caller.try_write(request).await;
        let status = caller.try_read_response_to("POST").await.map_or(400, |response| response.status());
        assert!(matches!(status, 400 | 413 | 431), "{shown}: {status}");
        assert!(upstream.requests().iter().all(|seen| !seen.complete()), "{shown}");
    }
}
