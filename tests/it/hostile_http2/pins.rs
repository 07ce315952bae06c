//! The limits of HTTP/2: announced, enforced, and kept by an upgrade of hyper or h2.

use std::{collections::BTreeMap, fs, path::Path};

use super::counted;
use crate::kit::{
    self, AtHead, Frames, Sidecar, Signal, Upstream,
    frames::{
        CONTINUATION, DATA, END_HEADERS, END_STREAM, Frame, GOAWAY, HEADERS, Last, PING, RST_STREAM, StreamEnd,
        WINDOW_UPDATE, code, frame, head,
    },
    hpack::block,
    wait_until,
};

/// What we announce: the setting's number and name, and its value. Source: RFC 9113, section 6.5.2; RFC 8441, section 3.
const ANNOUNCED: [(u16, &str, Option<u32>); 7] = [
    (1, "HEADER_TABLE_SIZE", Some(4096)),
    (2, "ENABLE_PUSH", None),
    (3, "MAX_CONCURRENT_STREAMS", Some(100)),
    (4, "INITIAL_WINDOW_SIZE", Some(256 << 10)),
    (5, "MAX_FRAME_SIZE", Some(16 << 10)),
    (6, "MAX_HEADER_LIST_SIZE", Some(32 << 10)),
    (8, "ENABLE_CONNECT_PROTOCOL", None),
];

/// The window of a connection that nobody has widened. Source: RFC 9113, section 6.9.2.
const FIRST_WINDOW: u32 = 65_535;
const CONNECTION_WINDOW: u32 = 1 << 20;
const REFUSED_STREAM: u32 = 7;
const FLOW_CONTROL_ERROR: u32 = 3;
const FRAME_SIZE_ERROR: u32 = 6;
const ENHANCE_YOUR_CALM: u32 = 11;

// 37
#[tokio::test]
async fn the_limits_are_announced() {
    let upstream = Upstream::recording().await;
    let sidecar = Sidecar::guarding(&upstream).start().await;
    let mut caller = Frames::connect(&sidecar).await;
    for (setting, name, value) in ANNOUNCED {
        assert_eq!(caller.announced(setting), value, "SETTINGS_{name}");
    }
    let widened = loop {
        let Frame { kind, stream, payload, .. } = caller.next().await.expect("the connection goes on");
        if (kind, stream) == (WINDOW_UPDATE, 0) {
            break code(&payload);
        }
    };
    assert_eq!(FIRST_WINDOW + widened, CONNECTION_WINDOW, "the window of the connection");
    let smaller = Sidecar::guarding(&upstream).var("MAX_HEADERS", "8KiB").start().await;
    assert_eq!(Frames::connect(&smaller).await.announced(6), Some(8 << 10), "MAX_HEADERS is announced");
    counted("announced settings of HTTP/2", ANNOUNCED.len());
}

/// `POST` with a token, whose body is still to come.
fn post(token: &str) -> Vec<u8> {
    request("POST", &[("authorization", &format!("Bearer {token}"))])
}

fn request(method: &str, more: &[(&str, &str)]) -> Vec<u8> {
    block(&head(method, "/a", more).iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect::<Vec<_>>())
}

/// An upstream that reads no body before the signal, a sidecar, a token, and a connection.
async fn unread() -> (Upstream, Sidecar, String, Frames) {
    let (upstream, sidecar, token) = kit::guarded([]).await;
    let never = Signal::new();
    upstream.at_head(move |_| AtHead::ReadAfter(never.clone()));
    let caller = Frames::connect(&sidecar).await;
    (upstream, sidecar, token, caller)
}

/// Every frame up to the answer to a ping, or up to the end of the connection.
async fn until_pong(caller: &mut Frames) -> Vec<Frame> {
    caller.write(PING, 0, 0, b"are you?").await;
    let mut frames = Vec::new();
    while let Some(frame) = caller.next().await {
        if (frame.kind, frame.flags) == (PING, 1) {
            break;
        }
        frames.push(frame);
    }
    frames
}

fn resets(frames: &[Frame]) -> Vec<(u32, u32)> {
    frames.iter().filter(|frame| frame.kind == RST_STREAM).map(|frame| (frame.stream, code(&frame.payload))).collect()
}

fn go_away(frames: &[Frame]) -> Option<u32> {
    frames.iter().filter(|frame| frame.kind == GOAWAY).map(|frame| code(&frame.payload[4..])).find(|code| *code != 0)
}

// 37
#[tokio::test]
async fn one_stream_more_than_announced_is_refused_and_is_not_forwarded() {
    let (upstream, _sidecar, token, mut caller) = unread().await;
    for number in 0..101 {
        caller.write(HEADERS, END_HEADERS, 2 * number + 1, &post(&token)).await;
    }
    assert_eq!(resets(&until_pong(&mut caller).await), [(201, REFUSED_STREAM)]);
    upstream.wait_for("100 requests", |seen| seen.len() == 100).await;
    // A stream that ends makes room for another.
    caller.reset(1, 8).await;
    caller.write(HEADERS, END_HEADERS, 203, &post(&token)).await;
    assert_eq!(resets(&until_pong(&mut caller).await), []);
    upstream.wait_for("one more", |seen| seen.len() == 101).await;
}

// 37
#[tokio::test]
async fn a_head_over_the_announced_size_is_refused_and_a_far_longer_one_ends_the_connection() {
    let (upstream, sidecar, token) = kit::guarded([("MAX_HEADERS", "8KiB")]).await;
    // A field counts with its name, its value and 32 bytes more.
    let bearer = format!("Bearer {token}");
    let rest = |value: &str| request("GET", &[("authorization", &bearer), ("x-long", value)]);
    for (length, status, end) in [
        (7000, Some(200), StreamEnd::Whole),
        (8192, Some(431), StreamEnd::Whole),
        (30_000, Some(431), StreamEnd::Whole),
        (4 * 8192, None, StreamEnd::GoAway(ENHANCE_YOUR_CALM)),
    ] {
        let mut caller = Frames::connect(&sidecar).await;
        let block = rest(&"y".repeat(length));
        let pieces: Vec<_> = block.chunks(16 << 10).collect();
        for (at, piece) in pieces.iter().enumerate() {
            let flags = if at == 0 { END_STREAM } else { 0 } | if at + 1 == pieces.len() { END_HEADERS } else { 0 };
            caller.write(if at == 0 { HEADERS } else { CONTINUATION }, flags, 1, piece).await;
        }
        let told = caller.told(1).await;
        assert_eq!((told.status, told.end), (status, end), "{length}");
    }
    assert_eq!(upstream.seen(), 1);
}

#[tokio::test]
async fn a_frame_over_the_announced_size_ends_the_connection() {
    let (upstream, sidecar, token) = kit::guarded([]).await;
    for (length, ends) in [(16 << 10, None), ((16 << 10) + 1, Some(FRAME_SIZE_ERROR))] {
        let mut caller = Frames::connect(&sidecar).await;
        caller.write(HEADERS, END_HEADERS, 1, &post(&token)).await;
        caller.write(DATA, 0, 1, &vec![b'x'; length]).await;
        assert_eq!(go_away(&until_pong(&mut caller).await), ends, "{length}");
    }
    assert!(upstream.requests().iter().all(|seen| !seen.complete()));
}

#[tokio::test]
async fn more_than_the_windows_hold_is_refused() {
    let (upstream, _sidecar, token, mut caller) = unread().await;
    let piece = frame(DATA, 0, 1, &[b'x'; 16 << 10]);
    caller.write(HEADERS, END_HEADERS, 1, &post(&token)).await;
    let mut sent = 0;
    // We grant no more than was taken: whoever sends on regardless has its stream reset, and no more than the window is ever kept.
    let reset = loop {
        caller.send(&piece.repeat(16)).await;
        sent += 16 << 14;
        let frames = until_pong(&mut caller).await;
        if let Some(reset) = resets(&frames).first() {
            break *reset;
        }
        assert_eq!(go_away(&frames), None, "after {sent} bytes");
        assert!(sent < 64 << 20, "{sent} bytes were taken that nobody reads");
    };
    assert_eq!(reset, (1, FLOW_CONTROL_ERROR));
    assert!(upstream.requests().iter().all(|seen| !seen.complete()));
}

/// How many pieces the server takes, one after the other, before it ends the connection with ENHANCE_YOUR_CALM.
async fn taken_before_the_end(sidecar: &Sidecar, piece: impl Fn(u32) -> Vec<u8>) -> u32 {
    let mut caller = Frames::connect(sidecar).await;
    for number in 0..2000 {
        caller.send(&piece(2 * number + 1)).await;
        let frames = until_pong(&mut caller).await;
        if let Some(code) = go_away(&frames) {
            assert_eq!(code, ENHANCE_YOUR_CALM);
            return number;
        }
    }
    panic!("2000 pieces were taken");
}

#[tokio::test]
async fn only_so_many_resets_may_be_provoked() {
    let (upstream, sidecar, _) = kit::guarded([]).await;
    let malformed = |stream| frame(HEADERS, END_HEADERS | END_STREAM, stream, &request("GET", &[("te", "gzip")]));
    assert_eq!(taken_before_the_end(&sidecar, malformed).await, 256);
    assert_eq!(upstream.seen(), 0);
}

#[tokio::test]
async fn only_so_many_streams_may_be_reset_before_they_are_looked_at() {
    let (upstream, sidecar, _) = kit::guarded([]).await;
    for (count, ends) in [(20, None), (21, Some(ENHANCE_YOUR_CALM))] {
        let mut caller = Frames::connect(&sidecar).await;
        let pair = |number: u32| {
            let stream = 2 * number + 1;
            [
                frame(HEADERS, END_HEADERS | END_STREAM, stream, &request("GET", &[])),
                frame(RST_STREAM, 0, stream, &[0, 0, 0, 8]),
            ]
            .concat()
        };
        // In one record of TLS: the server reads all of it before it looks at a stream.
        caller.send(&(0..count).flat_map(pair).collect::<Vec<_>>()).await;
        assert_eq!(go_away(&until_pong(&mut caller).await), ends, "{count}");
    }
    assert_eq!(upstream.seen(), 0);
}

#[tokio::test]
async fn little_of_an_answer_that_is_not_taken_is_kept() {
    let upstream = Upstream::answering(|_| kit::Answer::status(200).repeat(b'x', 64 << 20)).await;
    let sidecar = Sidecar::guarding(&upstream).start().await;
    let bearer = format!("Bearer {}", sidecar.token().await);
    let mut caller = Frames::connect_to(sidecar.address(), &sidecar.tls(), &[(4, 0)]).await;
    let stream = caller.open(&head("GET", "/a", &[("authorization", &bearer)]), Last::Yes).await;
    while caller.next().await.is_some_and(|frame| (frame.kind, frame.stream) != (HEADERS, stream)) {}
    until_pong(&mut caller).await;
    // The two sockets between the upstream and us hold most of this.
    let written = || upstream.connections()[0].written;
    let mut before = u64::MAX;
    wait_until("the upstream to be stopped", || std::mem::replace(&mut before, written()) == written()).await;
    assert!(written() < 16 << 20, "{} bytes were taken of the upstream", written());
}

/// The least versions that hold what these tests ask. Source: the design's section 3.
const LEAST: [(&str, [u64; 3]); 6] = [
    ("h2", [0, 4, 20]),
    ("hyper", [1, 11, 0]),
    ("rustls", [0, 23, 45]),
    ("rustls-webpki", [0, 103, 13]),
    ("jsonwebtoken", [10, 3, 0]),
    ("bytes", [1, 11, 1]),
];

#[test]
fn the_lock_file_holds_no_version_older_than_what_is_safe() {
    let lock = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock")).expect("it is committed");
    let mut versions: BTreeMap<&str, Vec<Vec<u64>>> = BTreeMap::new();
    let mut name = "";
    for line in lock.lines() {
        let value = |key: &str| line.strip_prefix(key).map(|text| text.trim_matches(['"', ' ', '=']));
        if let Some(text) = value("name = ") {
            name = text;
        } else if let Some(text) = value("version = ") {
            let core = text.split(['-', '+']).next().unwrap_or_default();
            versions.entry(name).or_default().push(core.split('.').filter_map(|part| part.parse().ok()).collect());
        }
    }
    for (package, least) in LEAST {
        let found = versions.get(package).unwrap_or_else(|| panic!("{package} is not in the lock file"));
        assert!(found.iter().all(|version| version[..] >= least[..]), "{package} {found:?} is older than {least:?}");
    }
}
