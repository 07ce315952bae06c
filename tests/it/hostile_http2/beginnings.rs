//! What a connection begins with: ALPN decides the protocol, and nothing else does.

use crate::{
    hostile_http2::counted,
    kit::{
        self, DEADLINE, Frames, Raw,
        frames::{END_HEADERS, END_STREAM, Frame, GOAWAY, HEADERS, PING, PREFACE, SETTINGS, code, frame},
        hpack, within,
    },
};

/// A bad beginning of an HTTP/2 connection: what it is, who says so, the bytes.
type Beginning = (&'static str, &'static str, Vec<u8>);

fn beginnings() -> Vec<Beginning> {
    let request =
        hpack::block(&[(b":method", b"GET"), (b":scheme", b"https"), (b":path", b"/"), (b":authority", b"localhost")]);
    let request = frame(HEADERS, END_HEADERS | END_STREAM, 1, &request);
    let settings = frame(SETTINGS, 0, 0, &[]);
    let http1 = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec();
    vec![
        ("a request of HTTP/1.1", "RFC 7301, 3.2; RFC 9113, 3.4", http1),
        ("a preface with another end", "RFC 9113, 3.4; h2spec 3.5/2", [&b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"[..], &settings].concat()),
        ("a preface of another version", "RFC 9113, 3.4", [&b"PRI * HTTP/3.0\r\n\r\nSM\r\n\r\n"[..], &settings].concat()),
        ("no preface", "RFC 9113, 3.4", [&settings[..], &request, &[0; 24]].concat()),
("a request before the settings", "RFC 9113, 3.4", [PREFACE, &request].concat()),
        ("a ping before the settings", "RFC 9113, 3.4", [PREFACE, &frame(PING, 0, 0, &[0; 8])].concat()),
        ("a frame of unknown type before the settings", "RFC 9113, 3.4", [PREFACE, &frame(0xbe, 0, 0, &[]), &request].concat()),
        ("an upgrade from HTTP/1.1", "RFC 7540, 3.2", b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n".to_vec()),
    ]
}

// 6, 33
#[tokio::test]
async fn a_connection_of_http_2_that_begins_as_something_else_ends() {
    let (upstream, sidecar, token) = kit::guarded([]).await;
    let beginnings = beginnings();
    for (name, source, bytes) in &beginnings {
        let mut caller = Frames::bare(sidecar.address(), &sidecar.tls()).await;
        caller.send(bytes).await;
        let ending = async {
            let mut answered = false;
            let mut said = None;
            while let Some(Frame { kind, payload, .. }) = caller.next().await {
                answered |= kind == HEADERS;
                said = if kind == GOAWAY { Some(code(&payload[4..])) } else { said };
            }
            (answered, said)
        };
        let (answered, said) = within(DEADLINE, name, ending).await;
        assert!(!answered, "{name} ({source}): answered");
        assert_ne!(said, Some(kit::frames::NO_ERROR), "{name} ({source}): ended as if nothing were wrong");
    }
    assert_eq!(upstream.seen(), 0);
    assert_eq!(sidecar.get_with(&token, "/").await.status(), 200);
    counted("beginnings of HTTP/2", beginnings.len());
}

// 6
#[tokio::test]
async fn http_2_on_a_connection_of_http_1_is_refused() {
    let (upstream, sidecar, token) = kit::guarded([]).await;
    let request = hpack::block(&[
        (b":method", b"GET"),
        (b":scheme", b"https"),
        (b":path", b"/"),
        (b":authority", b"localhost"),
        (b"authorization", format!("Bearer {token}").as_bytes()),
    ]);
    let bytes = [PREFACE, &frame(SETTINGS, 0, 0, &[]), &frame(HEADERS, END_HEADERS | END_STREAM, 1, &request)].concat();
    for alpn in [&["http/1.1"][..], &[]] {
        let mut raw = Raw::tls(sidecar.address(), &sidecar.tls().alpn_of(alpn)).await;
        raw.write(&bytes).await;
        let (answer, _) = within(DEADLINE, "the end of the connection", raw.read_to_end()).await;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert!(answer.starts_with("HTTP/1.1 4") || answer.is_empty(), "{alpn:?}: {answer:?}");
        assert!(!answer.contains(" 200 "), "{alpn:?}: {answer:?}");
    }
    assert_eq!(upstream.seen(), 0);
}
