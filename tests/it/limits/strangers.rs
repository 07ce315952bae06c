//! What callers without a token may have kept in memory together: whoever wants more is cut, and nobody else feels it.

use std::ops::Range;

use crate::kit::{
    Answer, DEADLINE, Frames, Raw, Sidecar, Upstream,
    frames::{ACK, END_HEADERS, END_STREAM, Frame, GOAWAY, HEADERS, Last, PING, code, frame, head},
    hpack, within,
};

const INITIAL_WINDOW_SIZE: u16 = 4;
const ENHANCE_YOUR_CALM: u32 = 11;
const TOO_HEAVY: &str = "unreadable_requests_total{why=\"too_heavy\"}";
/// Streams that a connection may have.
const ALL: u32 = 100;
/// Strangers whose hundred streams the reserve has room for: 2 MiB, and each takes 100 x 6 KiB beyond its own share.
const MOST: usize = 3;

/// A caller over HTTP/2 who takes nothing of its answers.
async fn caller(sidecar: &Sidecar) -> Frames {
    Frames::connect_to(sidecar.address(), &sidecar.tls(), &[(INITIAL_WINDOW_SIZE, 0)]).await
}

/// Sends so many requests at once, the first on this stream, and says whether the connection is still there when they have been weighed; if
/// not, what it was ended with.
async fn fill(caller: &mut Frames, streams: Range<u32>, fields: &[(&str, &str)]) -> Result<(), Frame> {
    let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
    let request = hpack::block(&fields);
    let heads = streams.map(|stream| frame(HEADERS, END_HEADERS | END_STREAM, 2 * stream + 1, &request));
    caller.send(&heads.collect::<Vec<_>>().concat()).await;
    // Over the first answer the gate may not have weighed them yet.
    ping(caller).await?;
    ping(caller).await
}

/// Whether the connection is still there.
async fn ping(caller: &mut Frames) -> Result<(), Frame> {
    caller.send(&frame(PING, 0, 0, b"are you?")).await;
    loop {
        let frame = within(DEADLINE, "an answer to a ping", caller.next()).await.expect("a GOAWAY comes first");
        match frame.kind {
            PING if frame.flags == ACK => return Ok(()),
            GOAWAY => return Err(frame),
            _ => {}
        }
    }
}

#[tokio::test]
async fn strangers_that_fill_the_memory_over_http2_are_cut_and_payers_are_not() {
    let upstream = Upstream::answering(|_| Answer::status(200).repeat(b'x', 1 << 10)).await;
    let sidecar = Sidecar::guarding(&upstream).admin().var("MAX_CONNECTIONS", "64").start().await;
    let token = sidecar.token().await;
    let bearer = format!("Bearer {token}");
    let nobody = head("POST", "/stranger", &[]);
    let authorized = [("authorization", bearer.as_str())];
    let (first, somebody) = (head("POST", "/first", &authorized), head("POST", "/a", &authorized));
    let mut payer = caller(&sidecar).await;
    assert_eq!(fill(&mut payer, 0..ALL, &somebody).await, Ok(()));

    let mut strangers = Vec::new();
    for _ in 0..MOST {
        let mut stranger = caller(&sidecar).await;
        assert_eq!(fill(&mut stranger, 0..ALL, &nobody).await, Ok(()), "there is room for this one");
        strangers.push(stranger);
    }
    for _ in 0..2 {
        let mut late = caller(&sidecar).await;
        let goodbye = fill(&mut late, 0..ALL, &nobody).await.expect_err("there is no room for this one");
        assert_eq!(code(&goodbye.payload[4..]), ENHANCE_YOUR_CALM, "{goodbye:?}");
    }
    sidecar.admin().metrics_when(TOO_HEAVY, 2.0).await;
    // Not one of their requests was begun: a thousand such callers at once would each hold a hundred before they are cut.
    sidecar.admin().metrics_when("in_flight", f64::from(ALL) * 4.0).await;
    // Whoever is known is served, over a new connection, an old one, and one with as many requests as there may be.
    assert_eq!(sidecar.deliver(&token, "/b", "{}").await.status(), 200);
    sidecar.token().await;
    assert_eq!(ping(&mut payer).await, Ok(()));
    let mut second = caller(&sidecar).await;
    second.open(&first, Last::Yes).await;
    upstream.wait_for("the second payer's first", |seen| seen.iter().any(|seen| seen.target() == "/first")).await;
    assert_eq!(fill(&mut second, 1..ALL, &somebody).await, Ok(()));

    // What one of them lets go of is there for the next.
    let before = sidecar.admin().metrics().await.value("connections");
    drop(strangers.pop());
    sidecar.admin().metrics_until("connections", |open| open < before).await;
    let mut next = caller(&sidecar).await;
    assert_eq!(fill(&mut next, 0..ALL, &nobody).await, Ok(()));
    let warned = sidecar.log_lines().into_iter().filter(|line| line["why"] == "too_heavy").count();
    assert_eq!(warned, 1, "once a minute");
    assert!(upstream.requests().iter().all(|seen| seen.target() != "/stranger"));
}

#[tokio::test]
async fn strangers_with_long_heads_or_greetings_are_cut() {
    let upstream = Upstream::recording().await;
    let sidecar = Sidecar::guarding(&upstream).admin().var("MAX_CONNECTIONS", "200").start().await;
    let token = sidecar.token().await;
    // 2 MiB have room for 88 of these.
    let head = format!("POST / HTTP/1.1\r\nHost: a\r\nX: {}", "x".repeat(32_000));
    let mut strangers = Vec::new();
    for _ in 0..100 {
        let mut stranger = Raw::tls(sidecar.address(), &sidecar.tls()).await;
        // Whoever is cut may hear of it while still speaking.
        let _ = stranger.try_write(&head).await;
        strangers.push(stranger);
    }
    let cut = sidecar.admin().metrics_until(TOO_HEAVY, |cut| cut >= 10.0).await.value(TOO_HEAVY);
    assert!(cut <= 20.0, "{cut} of 100 were cut");
    assert_eq!(sidecar.deliver(&token, "/b", "{}").await.status(), 200);

    // A ClientHello of 60,000 bytes in four records, all but its end.
    let hello = [&[1, 0, 0xff, 0xff, 3, 3][..], &[0; 60_000]].concat();
    let records: Vec<u8> = hello
        .chunks(16_000)
        .flat_map(|piece| {
            [&[22, 3, 1][..], &u16::try_from(piece.len()).expect("it is short").to_be_bytes(), piece].concat()
        })
        .collect();
    let mut greeting = Raw::plain(sidecar.address()).await;
    let _ = greeting.try_write(&records).await;
    greeting.expect_closed(DEADLINE).await;
    sidecar.admin().metrics_when("handshakes_total{result=\"made_room\"}", 1.0).await;
    assert_eq!(sidecar.deliver(&token, "/b", "{}").await.status(), 200);
    assert_eq!(upstream.seen(), 2);
}
