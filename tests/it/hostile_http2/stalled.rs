//! Each answer has to make progress by itself: one that goes on does not hold up the others for ever.

use std::time::{Duration, Instant};

use crate::kit::{
    Answer, DEADLINE, Frames, Sidecar, Upstream,
    frames::{CANCEL, DATA, Frame, GOAWAY, Last, NO_ERROR, PING, RST_STREAM, WINDOW_UPDATE, code, head},
    wait_until, within,
};

const BODY_TIMEOUT: Duration = Duration::from_millis(1000);
const PACE: Duration = Duration::from_millis(100);
const INITIAL_WINDOW_SIZE: u16 = 4;

/// An upstream with one long answer and many short ones, a sidecar with this body timeout, and a caller that grants no window.
async fn stingy() -> (Upstream, Sidecar, String, Frames) {
    let upstream = Upstream::answering(|seen| match seen.target() {
        "/long" => Answer::status(200).repeat(b'x', 8 << 20),
        _ => Answer::booked(),
    })
    .await;
    let building = Sidecar::guarding(&upstream).var("BODY_TIMEOUT", format!("{}ms", BODY_TIMEOUT.as_millis()));
    let sidecar = building.var("IDLE_TIMEOUT", "10m").start().await;
    let bearer = format!("Bearer {}", sidecar.token().await);
    let caller = Frames::connect_to(sidecar.address(), &sidecar.tls(), &[(INITIAL_WINDOW_SIZE, 0)]).await;
    (upstream, sidecar, bearer, caller)
}

/// Grants stream 1 a few bytes, and gives what the server said until it has answered a ping; `None` at the end of the connection.
async fn feed(caller: &mut Frames) -> Option<Vec<Frame>> {
    for stream in [0, 1] {
        caller.write(WINDOW_UPDATE, 0, stream, &[0, 0, 0, 100]).await;
    }
    caller.write(PING, 0, 0, b"are you?").await;
    let mut frames = Vec::new();
    loop {
        let frame = caller.next().await?;
        match (frame.kind, frame.flags) {
            (PING, 1) if frame.payload == b"are you?" => return Some(frames),
            (PING, 0) => caller.write(PING, 1, 0, &frame.payload).await,
            _ => frames.push(frame),
        }
    }
}

#[tokio::test]
async fn a_stream_that_goes_on_does_not_keep_those_that_stand_still() {
    let (upstream, sidecar, bearer, mut caller) = stingy().await;
    let began = Instant::now();
    for _ in 0..100 {
        caller.open(&head("GET", "/long", &[("authorization", &bearer)]), Last::Yes).await;
    }
    let (mut resets, mut taken, mut pace) = (Vec::new(), 0, tokio::time::interval(PACE));
    while resets.len() < 99 {
        pace.tick().await;
        let frames = feed(&mut caller).await.expect("the connection goes on");
        let of_kind = |kind| frames.iter().filter(move |frame| frame.kind == kind);
        resets.extend(of_kind(RST_STREAM).map(|frame| (frame.stream, code(&frame.payload))));
        taken += of_kind(DATA).map(|frame| frame.payload.len()).sum::<usize>();
        assert!(
            began.elapsed() < DEADLINE,
            "{} streams were reset, and {taken} bytes taken of the first",
            resets.len()
        );
    }
    assert!(began.elapsed() >= BODY_TIMEOUT, "reset after {:?}", began.elapsed());
    resets.sort_unstable();
    assert_eq!(resets, (1..100).map(|number| (2 * number + 1, CANCEL)).collect::<Vec<_>>());
    wait_until("99 connections to the upstream to end", || {
        upstream.connections().iter().filter(|connection| connection.ended).count() == 99
    })
    .await;
    wait_until("the log to say so", || {
        sidecar.log_lines().iter().filter(|line| line["outcome"] == "cut").count() == 99
    })
    .await;
    // The first has had its progress all along, and goes on.
    let more = feed(&mut caller).await.expect("the connection goes on");
    assert!(taken > 0 && more.iter().all(|frame| frame.kind != RST_STREAM && frame.kind != GOAWAY), "{more:?}");
}

/// Of an answer that is in the queue to its last byte hyper knows nothing any more: the connection finishes, and is cut when that is not enough.
#[tokio::test]
async fn an_answer_whose_last_bytes_are_not_taken_ends_the_connection() {
    let (_upstream, sidecar, bearer, mut caller) = stingy().await;
    for path in ["/long", "/short"] {
        caller.open(&head("GET", path, &[("authorization", &bearer)]), Last::Yes).await;
    }
    caller.write(WINDOW_UPDATE, 0, 3, &[0, 0, 0, 1]).await;
    let (began, mut farewell) = (Instant::now(), None);
    let ending = async {
        let mut pace = tokio::time::interval(PACE);
        while let Some(frames) = feed(&mut caller).await {
            let go_away = frames.iter().find(|frame| frame.kind == GOAWAY).map(|frame| code(&frame.payload[4..]));
            farewell = farewell.or(go_away.map(|code| (code, began.elapsed())));
            pace.tick().await;
        }
    };
    within(DEADLINE, "the end of the connection", ending).await;
    let (code, after) = farewell.expect("the end is announced");
    assert_eq!(code, NO_ERROR);
    assert!(after >= BODY_TIMEOUT && began.elapsed() >= 2 * BODY_TIMEOUT, "{after:?}, {:?}", began.elapsed());
    let line = sidecar.wait_for_log("the long answer", |line| line["path"] == "/long").await;
    assert_eq!(line["outcome"], "cut", "{line}");
}
