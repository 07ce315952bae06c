//! WebSockets through the gate: nothing before the check, nothing before a `101`, every byte after it, one line of log at the end.

mod ends;

use serde_json::Value;

use crate::kit::{self, Answer, Frames, Raw, RequestText, Response, Sidecar, Upstream, frames};

/// The key and its proof that RFC 6455 shows in section 1.3.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const PROOF: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// A handshake as browsers send it.
fn handshake(path: &str, token: &str) -> RequestText {
    RequestText::new("GET", path)
        .bearer(token)
        .header("Connection", "keep-alive, Upgrade")
        .header("Upgrade", "WebSocket")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", KEY)
        .header("Sec-WebSocket-Protocol", "chat")
}

/// What an upstream says that switches and then sends everything back.
fn switched() -> Answer {
    Answer::upgrade("websocket").header("Sec-WebSocket-Accept", PROOF).header("Sec-WebSocket-Protocol", "chat")
}

/// A connection that has become a WebSocket, and the head by which it did.
async fn opened(sidecar: &Sidecar, token: &str) -> (Raw, Response) {
    let mut caller = sidecar.connect().await;
    caller.write(handshake("/ws", token).bytes()).await;
    let response = caller.read_response().await;
    assert_eq!(response.status(), 101, "{response:?}");
    (caller, response)
}

/// As many bytes as were sent, read back.
async fn echoed(caller: &mut Raw, sent: &[u8]) {
    caller.write(sent).await;
    let mut back = Vec::new();
    while back.len() < sent.len() {
        let more = caller.read_some().await;
        assert!(!more.is_empty(), "the tunnel ended after {} of {} bytes", back.len(), sent.len());
        back.extend(more);
    }
    assert!(back == sent, "what came back is not what was sent");
}

/// The log's line of the handshake, when the tunnel has ended.
async fn line_of(sidecar: &Sidecar) -> Value {
    sidecar.wait_for_log("the tunnel's line", |line| line["path"] == "/ws" && line["outcome"].is_string()).await
}

fn upstream_saw(upstream: &Upstream) -> Vec<u8> {
    upstream.connections()[0].raw.kept().to_vec()
}

// 25
#[tokio::test]
async fn a_websocket_passes_after_the_check_and_carries_every_byte_both_ways() {
    for without_tls in [false, true] {
        let upstream = Upstream::answering(|_| switched()).await;
        let building = Sidecar::guarding(&upstream);
        let sidecar = if without_tls { building.without_tls() } else { building }.start().await;
        let token = sidecar.token().await;
        let (mut caller, response) = opened(&sidecar, &token).await;
        assert_eq!(response.values("upgrade"), ["websocket"]);
        assert_eq!(response.values("connection"), ["Upgrade"]);
        assert_eq!(response.values("sec-websocket-accept"), [PROOF]);
        assert_eq!(response.values("sec-websocket-protocol"), ["chat"]);
        assert_eq!(response.values("content-length"), Vec::<&str>::new());
        let seen = upstream.only();
        for (name, value) in [
            ("Connection", "Upgrade"),
            ("Upgrade", "websocket"),
            ("Host", "localhost"),
            ("Sec-Websocket-Version", "13"),
            ("Sec-Websocket-Key", KEY),
            ("Sec-Websocket-Protocol", "chat"),
            ("X-Forwarded-User", "vietqr-live"),
        ] {
            assert_eq!(seen.values(name), [value], "{name}");
        }
        assert_eq!(seen.header("authorization"), None);
        // A text frame, masked as a client's must be, and more than any buffer on the way holds.
        echoed(&mut caller, b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58").await;
        let long: Vec<u8> = (0..1_000_000_u32).map(|at| at.to_le_bytes()[at as usize % 3]).collect();
        let (head, tail) = long.split_at(300_000);
        for piece in [head, tail] {
            for part in piece.chunks(20_000) {
                echoed(&mut caller, part).await;
            }
        }
        caller.finish().await;
        assert_eq!(caller.read_to_end().await.0, b"");
        upstream.wait_idle().await;
        let line = line_of(&sidecar).await;
        assert_eq!((&line["status"], &line["outcome"]), (&101.into(), &"delivered".into()), "{line}");
        assert_eq!((&line["bytes_in"], &line["bytes_out"]), (&1_000_011.into(), &1_000_011.into()), "{line}");
        assert_eq!(line["client"], "vietqr-live");
        assert_eq!(upstream.seen(), 1);
    }
}

#[tokio::test]
async fn a_websocket_without_a_good_token_never_reaches_the_upstream() {
    let upstream = Upstream::answering(|_| switched()).await;
    let sidecar = Sidecar::guarding(&upstream).var("ALLOW", "GET /ws").start().await;
    let token = sidecar.token().await;
    for (request, status) in [
        (handshake("/ws", "forged"), 401),
        (handshake("/other", &token), 403),
        (handshake("/ws/../ws", &token), 400),
        (handshake("/ws?access_token=x", "null"), 401),
    ] {
        assert_eq!(sidecar.exchange(request).await.status(), status);
    }
    assert_eq!(upstream.seen(), 0);
    assert_eq!(upstream.connections().len(), 0);
}

// 25
#[tokio::test]
async fn no_other_upgrade_passes() {
    let (upstream, sidecar, token) = kit::guarded([]).await;
    let get = |connection: &str, upgrade: &str| {
        RequestText::new("GET", "/a").bearer(&token).header("Connection", connection).header("Upgrade", upgrade).bytes()
    };
    let other = |method: &str, version: &str, length: &str| {
        format!(
            "{method} /a {version}\r\nHost: a\r\nAuthorization: Bearer {token}\r\nConnection: Upgrade\r\n\
             Upgrade: websocket\r\nContent-Length: {length}\r\n\r\n{}",
            "x".repeat(length.parse().unwrap())
        )
    };
    for request in [
        get("Upgrade", "h2c"),
        get("Upgrade", "TLS/1.0"),
        get("Upgrade", "connect-udp"),
        get("Upgrade", "websocket/13"),
        get("Upgrade", "xwebsocket"),
        get("keep-alive", "websocket"),
        other("POST", "HTTP/1.1", "0").into_bytes(),
        other("PUT", "HTTP/1.1", "0").into_bytes(),
        other("GET", "HTTP/1.0", "0").into_bytes(),
        other("GET", "HTTP/1.1", "2").into_bytes(),
    ] {
        let shown = String::from_utf8_lossy(&request).replace(&token, "…");
        let before = upstream.seen();
        assert_eq!(sidecar.exchange(request).await.status(), 200, "{shown}");
        let seen = &upstream.requests()[before];
        assert_eq!((seen.header("upgrade"), seen.header("connection")), (None, None), "{shown}");
    }
    // Of several, only the one.
    let _ = sidecar.exchange(get("Upgrade", "h2c, websocket")).await;
    assert_eq!(upstream.requests().last().map(|seen| seen.values("upgrade").concat()).as_deref(), Some("websocket"));
}

// 25
#[tokio::test]
async fn an_upstream_that_switches_to_something_else_talks_nonsense() {
    for answer in [
        Answer::upgrade("h2c"),
        Answer::status(101).header("Upgrade", "websocket").then_hang(),
        Answer::status(101).header("Connection", "Upgrade").then_hang(),
        Answer::status(101).then_hang(),
    ] {
        let (upstream, sidecar, token) = kit::guarded([]).await;
        upstream.answer_with(move |_| answer.clone());
        let mut caller = sidecar.connect().await;
        caller.write(handshake("/ws", &token).bytes()).await;
        let response = caller.read_response().await;
        assert_eq!((response.status(), response.refusal().as_str()), (502, "UPSTREAM_UNREACHABLE"));
        assert_eq!(line_of(&sidecar).await["reason"], "upstream_nonsense");
        upstream.wait_idle().await;
    }
}

// 25, 30
#[tokio::test]
async fn nothing_passes_before_the_101_and_what_came_early_follows_it() {
    let (upstream, sidecar, token) = kit::guarded([]).await;
    let go = kit::Signal::new();
    let held = go.clone();
    upstream.answer_with(move |_| switched().after(&held));
    let mut caller = sidecar.connect().await;
    let early = b"\x81\x02early bytes that are no request";
    caller.write([&handshake("/ws", &token).bytes()[..], early].concat()).await;
    upstream.wait_for("the handshake", |seen| seen.len() == 1).await;
    // More than enough to have come by, if it were to come.
    let (other, _) = (sidecar.token().await, sidecar.token().await);
    assert!(!other.is_empty());
    assert!(upstream_saw(&upstream).ends_with(b"\r\n\r\n"), "bytes passed before the 101");
    go.fire();
    assert_eq!(caller.read_response().await.status(), 101);
    let mut back = Vec::new();
    while back.len() < early.len() {
        back.extend(caller.read_some().await);
    }
    assert_eq!(back, early);
    echoed(&mut caller, b"and more").await;
}

// 25, 30
#[tokio::test]
async fn an_answer_that_does_not_switch_is_an_ordinary_one_and_the_next_request_is_checked() {
    let (upstream, sidecar, token) = kit::guarded([]).await;
    upstream.answer_with(|seen| match seen.target() {
        "/ws" => Answer::json(426, "{\"theirs\":1}").header("Upgrade", "websocket"),
        _ => Answer::booked(),
    });
    let mut caller = sidecar.connect().await;
    let smuggled = RequestText::new("GET", "/smuggled").bytes();
    caller.write([handshake("/ws", &token).bytes(), smuggled].concat()).await;
    let response = caller.read_response().await;
    assert_eq!((response.status(), response.text().as_str()), (426, "{\"theirs\":1}"));
    assert_eq!(response.header("upgrade"), None);
    assert_eq!(caller.read_response().await.status(), 401);
    caller
        .write(RequestText::new("POST", "/next").bearer(&token).body("hi").header("Connection", "close").bytes())
        .await;
    assert_eq!(caller.read_response().await.status(), 200);
    // A connection on which an upgrade was asked for and not granted still ends in an orderly way.
    assert_eq!(caller.expect_closed(kit::DEADLINE).await, kit::Closing::Orderly);
    let targets: Vec<_> = upstream.requests().iter().map(|seen| seen.target().to_owned()).collect();
    assert_eq!(targets, ["/ws", "/next"]);
    let line = line_of(&sidecar).await;
    assert_eq!((&line["status"], &line["outcome"]), (&426.into(), &"delivered".into()));
}

#[tokio::test]
async fn over_http2_no_websocket_is_offered_or_taken() {
    let (upstream, sidecar, token) = kit::guarded([]).await;
    let mut raw = Raw::tls(sidecar.address(), &sidecar.tls().alpn(["h2"])).await;
    raw.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await;
    let mut said = Vec::new();
    while said.len() < 9 || said.len() < 9 + usize::from(said[2]) {
        said.extend(raw.read_some().await);
    }
    assert_eq!((said[0], said[1], said[3]), (0, 0, 4), "the first frame is SETTINGS");
    let identifiers: Vec<_> = said[9..9 + usize::from(said[2])].chunks(6).map(|one| one[1]).collect();
    // SETTINGS_ENABLE_CONNECT_PROTOCOL. Source: RFC 8441, section 3.
    assert!(!identifiers.is_empty() && !identifiers.contains(&8), "{identifiers:?}");
    let mut frames = Frames::connect(&sidecar).await;
    let bearer = format!("Bearer {token}");
    let fields = [
        (":method", "CONNECT"),
        (":protocol", "websocket"),
        (":scheme", "https"),
        (":path", "/ws"),
        (":authority", "localhost"),
        ("authorization", &*bearer),
    ];
    let stream = frames.open(&fields, frames::Last::No).await;
    let told = frames.told(stream).await;
    assert_eq!((told.status, told.end), (None, frames::StreamEnd::Reset(PROTOCOL_ERROR)), "{told:?}");
    assert_eq!(upstream.seen(), 0);
}

const PROTOCOL_ERROR: u32 = 1;
