//! Who is too slow is cut, who is only quiet is told goodbye, and who waits for the upstream is neither.
//!
//! In each test the timeout under test is short and the others are longer than [`DEADLINE`]: that the end comes at all says which it was.

use std::time::{Duration, Instant};

use crate::kit::{Answer, Closing, DEADLINE, Raw, RequestText, Sidecar, Signal, Upstream, sidecar::Building, within};

const SHORT: Duration = Duration::from_millis(300);
const IDLE: Duration = Duration::from_millis(900);

/// Everything may take longer than a test waits, except what `short` names.
fn patient(upstream: &Upstream, short: &[&str]) -> Building {
    let timeouts = ["HANDSHAKE_TIMEOUT", "HEADER_TIMEOUT", "BODY_TIMEOUT", "IDLE_TIMEOUT"];
    timeouts.into_iter().fold(Sidecar::guarding(upstream), |building, name| {
        building.var(name, if short.contains(&name) { "300ms" } else { "10m" })
    })
}

/// Runs the rows of a table side by side: they only wait.
async fn side_by_side<F: Future<Output = ()> + Send + 'static>(rows: impl IntoIterator<Item = F>) {
    let mut running: tokio::task::JoinSet<()> = rows.into_iter().collect();
    while let Some(row) = running.join_next().await {
        row.expect("the row holds");
    }
}

/// Sends bytes one by one, slowly, until the other side has gone.
async fn trickle(raw: &mut Raw, bytes: impl IntoIterator<Item = Vec<u8>>) {
    let mut pace = tokio::time::interval(SHORT / 6);
    for piece in bytes {
        pace.tick().await;
        if raw.try_write(piece).await.is_err() {
            return;
        }
    }
    panic!("every byte was taken");
}

/// A frame of HTTP/2.
fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let length = payload.len() as u32;
    [&length.to_be_bytes()[1..], &[kind, flags, 0, 0, 0, stream], payload].concat()
}

/// The preface of an HTTP/2 client, its settings, and its word that it has seen ours.
fn preface() -> Vec<u8> {
    [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &frame(SETTINGS, 0, 0, &[]), &frame(SETTINGS, ACK, 0, &[])].concat()
}

/// `GET / HTTP/2` to localhost, by the static table of HPACK.
const GET: &[u8] = b"\x82\x87\x84\x41\x09localhost";
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const INITIAL_WINDOW_SIZE: u8 = 4;
const CONTINUATION: u8 = 9;
const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// The field `authorization` with a value of 127 bytes or more, by HPACK: no table, no Huffman.
fn authorization(value: &str) -> Vec<u8> {
    let (name, rest) = ([0x0f, 23 - 15], value.len() - 127);
    let length = if rest < 128 { vec![rest as u8] } else { vec![rest as u8 | 0x80, (rest >> 7) as u8] };
    [&name[..], &[127], &length, value.as_bytes()].concat()
}

/// Reads until a frame of this kind has begun; what came is kept in `seen`.
async fn read_frame(raw: &mut Raw, seen: &mut Vec<u8>, kind: u8) {
    while !frames(seen).any(|(each, ..)| each == kind) {
        let more = raw.read_some().await;
        assert!(!more.is_empty(), "the connection ended before a frame of kind {kind}: {seen:?}");
        seen.extend(more);
    }
}

/// The frames that have begun in these bytes: kind, flags and what has come of the payload.
fn frames(mut bytes: &[u8]) -> impl Iterator<Item = (u8, u8, &[u8])> {
    std::iter::from_fn(move || {
        let [high, middle, low, kind, flags, _, _, _, _, rest @ ..] = bytes else { return None };
        let length = u32::from_be_bytes([0, *high, *middle, *low]) as usize;
        let (payload, next) = rest.split_at(length.min(rest.len()));
        bytes = next;
        Some((*kind, *flags, payload))
    })
}

async fn h2(sidecar: &Sidecar) -> Raw {
    let mut raw = Raw::tls(sidecar.address(), &sidecar.tls().alpn(["h2"])).await;
    raw.write(preface()).await;
    raw
}

/// M7, M64.
#[tokio::test]
async fn a_handshake_that_does_not_come_is_cut() {
    let upstream = Upstream::recording().await;
    let sidecar = patient(&upstream, &["HANDSHAKE_TIMEOUT"]).start().await;
    let half = [22, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3, 7, 7, 7];
    for (name, sent) in [("nothing", &half[..0]), ("half a ClientHello", &half)] {
        let began = Instant::now();
        let mut raw = Raw::plain(sidecar.address()).await;
        raw.write(sent).await;
        raw.expect_closed(DEADLINE).await;
        assert!(began.elapsed() >= SHORT, "{name} was cut after {:?}", began.elapsed());
    }
    let began = Instant::now();
    let mut raw = Raw::plain(sidecar.address()).await;
    let pieces = half.iter().chain(&[7; 186]).map(|byte| vec![*byte]);
    within(DEADLINE, "a trickled ClientHello to be cut", trickle(&mut raw, pieces)).await;
    assert!(began.elapsed() >= SHORT);
    assert_eq!(upstream.seen(), 0);
}

/// M64. The head of the first request and of a later one, over each protocol, stopped or trickled.
#[tokio::test]
async fn a_head_that_does_not_end_is_cut() {
    let upstream = Upstream::recording().await;
    let mut rows = Vec::new();
    for (is_h2, is_later) in [(false, false), (false, true), (true, false), (true, true)] {
        for is_trickled in [false, true] {
            let name = format!("HTTP/2 {is_h2}, a later request {is_later}, trickled {is_trickled}");
            let sidecar = patient(&upstream, &["HEADER_TIMEOUT"]).start().await;
            rows.push(async move {
                let mut raw = if is_h2 { h2(&sidecar).await } else { sidecar.connect().await };
                if is_later && is_h2 {
                    raw.write(frame(HEADERS, END_STREAM | END_HEADERS, 1, GET)).await;
                    read_frame(&mut raw, &mut Vec::new(), HEADERS).await;
                } else if is_later {
                    raw.write(RequestText::new("GET", "/").bytes()).await;
                    assert_eq!(raw.read_response().await.status(), 401, "{name}");
                }
                let (begun, endless) = if is_h2 {
                    (frame(HEADERS, END_STREAM, 3, &GET[..1]), frame(CONTINUATION, 0, 3, &[]))
                } else {
                    (b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ".to_vec(), b"x".to_vec())
                };
                let began = Instant::now();
                raw.write(begun).await;
                if is_trickled {
                    within(DEADLINE, &name, trickle(&mut raw, std::iter::repeat_n(endless, 1000))).await;
                } else {
                    within(DEADLINE, &name, raw.read_to_end()).await;
                }
                assert!(began.elapsed() >= SHORT, "{name}: cut after {:?}", began.elapsed());
            });
        }
    }
    side_by_side(rows).await;
    assert_eq!(upstream.seen(), 0);
}

/// M64, M12.
#[tokio::test]
async fn an_idle_connection_outlives_the_header_timeout_and_ends_orderly() {
    let upstream = Upstream::recording().await;
    let building = || patient(&upstream, &["HEADER_TIMEOUT"]).var("IDLE_TIMEOUT", "900ms");
    let sidecars = [building().start().await, building().without_tls().start().await];
    side_by_side(sidecars.map(|sidecar| async move {
        let (mut raw, mut began) = (sidecar.connect().await, Instant::now());
        for _ in 0..2 {
            began = Instant::now();
            raw.write(RequestText::new("GET", "/").bytes()).await;
            assert_eq!(raw.read_response().await.status(), 401);
        }
        assert_eq!(raw.expect_closed(DEADLINE).await, Closing::Orderly);
        assert!(began.elapsed() >= IDLE, "ended after {:?}", began.elapsed());
    }))
    .await;
    assert_eq!(upstream.seen(), 0);
}

/// M64, M12.
#[tokio::test]
async fn a_connection_that_never_asks_for_anything_ends_too() {
    let upstream = Upstream::recording().await;
    let sidecar = patient(&upstream, &["IDLE_TIMEOUT"]).start().await;
    side_by_side(["http/1.1", "h2"].map(|alpn| {
        let (address, tls) = (sidecar.address(), sidecar.tls().alpn([alpn]));
        async move {
            let began = Instant::now();
            let mut raw = Raw::tls(address, &tls).await;
            let (_, closing) = within(DEADLINE, "the end of an unused connection", raw.read_to_end()).await;
            assert!(began.elapsed() >= SHORT, "{alpn}: ended after {:?}", began.elapsed());
            assert_eq!(closing, Closing::Orderly, "{alpn}");
        }
    }))
    .await;
    assert_eq!(upstream.seen(), 0);
}

/// M64. Frames that are no request are neither a head that is slow nor a reason to stay.
#[tokio::test]
async fn an_http_2_connection_that_only_pings_is_idle_and_ends_with_goaway() {
    let upstream = Upstream::recording().await;
    let building = || patient(&upstream, &["HEADER_TIMEOUT"]).var("IDLE_TIMEOUT", "900ms");
    let rows = [(true, building().start().await), (false, building().start().await)];
    side_by_side(rows.map(|(is_used, sidecar)| async move {
        let mut began = Instant::now();
        let (mut raw, mut seen) = (h2(&sidecar).await, Vec::new());
        if is_used {
            began = Instant::now();
            raw.write(frame(HEADERS, END_STREAM | END_HEADERS, 1, GET)).await;
            read_frame(&mut raw, &mut seen, HEADERS).await;
        }
        let mut pace = tokio::time::interval(SHORT / 6);
        while !frames(&seen).any(|(kind, ..)| kind == GOAWAY) {
            pace.tick().await;
            raw.write(frame(PING, 0, 0, b"are you?")).await;
            seen.extend(raw.read_some().await);
            assert!(began.elapsed() < DEADLINE, "a connection that only pings lives for ever");
        }
        assert!(began.elapsed() >= IDLE, "ended after {:?}", began.elapsed());
        // GOAWAY comes with a ping of its own; whoever answers it need not wait for the end.
        while !frames(&seen).any(|(kind, flags, payload)| (kind, flags, payload.len()) == (PING, 0, 8)) {
            seen.extend(raw.read_some().await);
        }
        let asked = frames(&seen).filter(|(kind, flags, _)| (*kind, *flags) == (PING, 0)).last();
        raw.write(frame(PING, ACK, 0, asked.map(|(.., payload)| payload).unwrap_or_default())).await;
        let (_, closing) = within(DEADLINE, "the end after GOAWAY", raw.read_to_end()).await;
        assert_eq!(closing, Closing::Orderly, "used: {is_used}");
    }))
    .await;
    assert_eq!(upstream.seen(), 0);
}

/// M64. The caller takes a few bytes of a long answer and no more.
#[tokio::test]
async fn a_caller_that_does_not_read_is_cut() {
    let upstream = Upstream::answering(|_| Answer::status(200).repeat(b'x', 64 << 20)).await;
    for tls in [true, false] {
        let building = patient(&upstream, &["BODY_TIMEOUT"]);
        let sidecar = if tls { building.start().await } else { building.without_tls().start().await };
        let token = sidecar.token().await;
        let mut raw = sidecar.connect().await;
        raw.write(RequestText::new("GET", "/long").bearer(&token).bytes()).await;
        let line = sidecar.wait_for_log("the end of the request", |line| line["path"] == "/long").await;
        assert_eq!(line["outcome"], "cut", "{line}");
        assert!(line["duration_ms"].as_f64() >= Some(300.0), "{line}");
        upstream.wait_idle().await;
        let (bytes, _) = raw.read_to_end().await;
        assert!(bytes.len() < 64 << 20, "all of it came");
    }
    assert_eq!(upstream.seen(), 2);
}

/// M64. Over HTTP/2 a caller need not stop reading to stop taking: it grants no window, and still answers pings.
#[tokio::test]
async fn an_http_2_caller_that_grants_no_window_is_cut() {
    let upstream = Upstream::answering(|_| Answer::status(200).repeat(b'x', 64 << 20)).await;
    let sidecar = patient(&upstream, &["BODY_TIMEOUT"]).start().await;
    let token = sidecar.token().await;
    let bearer = authorization(&format!("Bearer {token}"));
    for (name, window, authorization) in [
        ("the upstream's answer and the window of the beginning", 65_535_u32, &bearer[..]),
        ("the upstream's answer and no window at all", 0, &bearer),
        ("a refusal and no window at all", 0, &[]),
    ] {
        let (mut raw, mut seen) = (h2(&sidecar).await, Vec::new());
        raw.write(frame(SETTINGS, 0, 0, &[&[0, INITIAL_WINDOW_SIZE], &window.to_be_bytes()[..]].concat())).await;
        let began = Instant::now();
        raw.write(frame(HEADERS, END_STREAM | END_HEADERS, 1, &[GET, authorization].concat())).await;
        read_frame(&mut raw, &mut seen, HEADERS).await;
        let pings = std::iter::repeat_n(frame(PING, 0, 0, b"are you?"), 1000);
        within(DEADLINE, name, trickle(&mut raw, pings)).await;
        assert!(began.elapsed() >= SHORT, "{name}: cut after {:?}", began.elapsed());
        upstream.wait_idle().await;
    }
    assert_eq!(upstream.seen(), 2);
}

/// A window that is granted in drops lets one piece of the answer last longer than the timeout.
#[tokio::test]
async fn an_http_2_caller_that_goes_on_taking_is_not_cut() {
    let upstream = Upstream::answering(|_| Answer::status(200).repeat(b'x', 64 << 20)).await;
    let sidecar = patient(&upstream, &[]).var("BODY_TIMEOUT", "500ms").start().await;
    let token = sidecar.token().await;
    let mut raw = h2(&sidecar).await;
    let head = [GET, &authorization(&format!("Bearer {token}"))].concat();
    raw.write(frame(HEADERS, END_STREAM | END_HEADERS, 1, &head)).await;
    let (drop, mut taken, began) = (500_u32.to_be_bytes(), 0, Instant::now());
    let mut pace = tokio::time::interval(SHORT / 6);
    while began.elapsed() < 4 * SHORT {
        pace.tick().await;
        raw.write([frame(WINDOW_UPDATE, 0, 0, &drop), frame(WINDOW_UPDATE, 0, 1, &drop)].concat()).await;
        let more = raw.read_some().await;
        assert!(!more.is_empty(), "cut after {:?} and {taken} bytes", began.elapsed());
        taken += more.len();
    }
    assert_eq!(
        sidecar.log_lines().iter().filter(|line| line["outcome"] == "hung_up" || line["outcome"] == "cut").count(),
        0
    );
    within(DEADLINE, "the end of a caller that has stopped", raw.read_to_end()).await;
    assert_eq!(upstream.seen(), 1);
}

/// M73. Tokens live by the wall clock, connections and requests by the monotonic one. tests/clock.sh does the same to the built program.
#[tokio::test]
async fn a_clock_that_jumps_ends_tokens_and_no_connection() {
    const NOW: u64 = 1_800_000_000;
    let go = Signal::new();
    let held = go.clone();
    let upstream = Upstream::answering(move |seen| match seen.target() {
        "/waits" => Answer::booked().after(&held),
        _ => Answer::booked(),
    })
    .await;
    let sidecar = Sidecar::guarding(&upstream).clock(NOW).start().await;
    let (first, mut kept, mut waiting) = (sidecar.token().await, sidecar.connect().await, sidecar.connect().await);
    waiting.write(RequestText::new("POST", "/waits").bearer(&first).json("{}").bytes()).await;
    upstream.wait_for("the request", |seen| seen.len() == 1).await;
    let mut tokens = vec![first];
    for (clock, good) in [
        (NOW + 400, &[false, true][..]),
        (NOW, &[true, false, true]),
        (NOW - 3600, &[false, false, false, true]),
        (NOW + 1, &[true, false, true, false, true]),
    ] {
        sidecar.set_clock(clock);
        tokens.push(sidecar.token().await);
        for (at, good) in good.iter().enumerate() {
            let row = format!("token {at} at {clock}");
            kept.write(RequestText::new("GET", "/").bearer(&tokens[at]).bytes()).await;
            assert_eq!(kept.read_response().await.status(), if *good { 200 } else { 401 }, "{row}");
        }
    }
    go.fire();
    assert_eq!(waiting.read_response().await.status(), 200, "a request from before the jumps");
    assert_eq!(upstream.seen(), 1 + 1 + 2 + 1 + 3);
}

#[tokio::test]
async fn a_request_in_flight_outlives_every_timeout_of_connections() {
    let go = Signal::new();
    let held = go.clone();
    let upstream = Upstream::answering(move |_| Answer::booked().after(&held)).await;
    let all = ["HANDSHAKE_TIMEOUT", "HEADER_TIMEOUT", "BODY_TIMEOUT", "IDLE_TIMEOUT"];
    let sidecar = patient(&upstream, &all).start().await;
    let token = sidecar.token().await;
    let mut waiting = sidecar.connect().await;
    waiting.write(RequestText::new("POST", "/waits").bearer(&token).json("{}").bytes()).await;
    let h2 = sidecar.h2().await;
    let request = h2.request("GET", "/waits-too").header("authorization", format!("Bearer {token}"));
    let request = request.body(crate::kit::h2::H2Body::empty()).expect("it is a request");
    let answer = tokio::spawn(async move { h2.send(request).await.status() });
    upstream.wait_for("both requests", |seen| seen.len() == 2).await;
    // Whoever came later and is idle has gone, so every timeout of the two has passed as well.
    for _ in 0..2 {
        let mut idle = sidecar.connect().await;
        idle.write(RequestText::new("GET", "/").bytes()).await;
        assert_eq!(idle.read_response().await.status(), 401);
        idle.expect_closed(DEADLINE).await;
    }
    go.fire();
    assert_eq!(waiting.read_response().await.status(), 200);
    assert_eq!(within(DEADLINE, "the answer over HTTP/2", answer).await.expect("it is not cut"), 200);
    assert_eq!(upstream.seen(), 2);
}
