//! How a tunnel ends, and that each end is told to both sides and to the log.

use std::time::Instant;

use serde_json::Value;

use super::{echoed, handshake, line_of, opened, switched, upstream_saw};
use crate::kit::{self, Answer, Ca, Closing, Door, Raw, RequestText, Sidecar, Upstream, ca::Life};

#[tokio::test]
async fn the_upstream_s_goodbye_reaches_the_caller_whole_and_ends_the_tunnel() {
    for without_tls in [false, true] {
        // What came with the 101 counts too.
        let head = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
        let upstream = Upstream::answering(move |_| Answer::raw(format!("{head}\u{1}bye")).then_close()).await;
        let building = Sidecar::guarding(&upstream);
        let sidecar = if without_tls { building.without_tls() } else { building }.start().await;
        let (mut caller, _) = opened(&sidecar, &sidecar.token().await).await;
        assert_eq!(caller.read_to_end().await, (b"\x01bye".to_vec(), Closing::Orderly));
        let line = line_of(&sidecar).await;
        assert_eq!((&line["outcome"], &line["bytes_out"]), (&"delivered".into(), &4.into()), "{line}");
    }
}

#[tokio::test]
async fn a_caller_that_is_done_sending_still_hears_the_rest() {
    let upstream = Upstream::answering(|_| switched()).await;
    let sidecar = Sidecar::guarding(&upstream).start().await;
    let (mut caller, _) = opened(&sidecar, &sidecar.token().await).await;
    caller.write("last words").await;
    caller.finish().await;
    assert_eq!(caller.read_to_end().await, (b"last words".to_vec(), Closing::Orderly));
}

#[tokio::test]
async fn a_caller_that_hangs_up_ends_the_upstream_s_side_too() {
    let upstream = Upstream::answering(|_| switched()).await;
    let sidecar = Sidecar::guarding(&upstream).start().await;
    let (mut caller, _) = opened(&sidecar, &sidecar.token().await).await;
    echoed(&mut caller, b"hello").await;
    drop(caller);
    upstream.wait_idle().await;
    let line = line_of(&sidecar).await;
    assert_eq!((&line["outcome"], &line["bytes_in"]), (&"hung_up".into(), &5.into()), "{line}");
}

// 60
#[tokio::test]
async fn an_upstream_that_breaks_off_is_not_an_orderly_end() {
    let head = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    for without_tls in [false, true] {
        let upstream = Upstream::answering(move |_| Answer::raw(format!("{head}half")).then_reset()).await;
        let building = Sidecar::guarding(&upstream);
        let sidecar = if without_tls { building.without_tls() } else { building }.start().await;
        let mut caller = sidecar.connect().await;
        caller.write(handshake("/ws", &sidecar.token().await).bytes()).await;
        let (_, closing) = caller.read_to_end().await;
        assert_ne!(closing, Closing::Orderly, "without TLS: {without_tls}");
    }
}

// 60
#[tokio::test]
async fn an_upstream_that_ends_without_close_notify_gives_the_caller_none_and_loses_no_byte() {
    let head = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    let door = Door::Tls(Ca::shared().server(&["localhost"], Life::Good));
    let upstream = Upstream::behind(door, move |_| Answer::raw(format!("{head}bye")).then_truncate()).await;
    let ca_file = Ca::shared().ca_file().display().to_string();
    let sidecar = Sidecar::guarding(&upstream).var("UPSTREAM_CA_FILE", ca_file).start().await;
    let (mut caller, _) = opened(&sidecar, &sidecar.token().await).await;
    assert_eq!(caller.read_to_end().await, (b"bye".to_vec(), Closing::Truncated));
    assert_eq!(line_of(&sidecar).await["outcome"], "broken_off");
}

#[tokio::test]
async fn a_tunnel_without_a_byte_either_way_ends_after_the_idle_timeout() {
    let upstream = Upstream::answering(|_| switched()).await;
    let sidecar = Sidecar::guarding(&upstream).var("IDLE_TIMEOUT", "400ms").var("BODY_TIMEOUT", "100ms").start().await;
    let (mut caller, _) = opened(&sidecar, &sidecar.token().await).await;
    // Longer than either timeout, but never silent for so long.
    let mut tick = tokio::time::interval(std::time::Duration::from_millis(40));
    let began = Instant::now();
    while began.elapsed().as_millis() < 1000 {
        tick.tick().await;
        echoed(&mut caller, b"ping").await;
    }
    assert_ne!(caller.expect_closed(kit::DEADLINE).await, Closing::Orderly);
    upstream.wait_idle().await;
    assert_eq!(line_of(&sidecar).await["outcome"], "cut");
}

#[tokio::test]
async fn a_caller_that_does_not_read_is_cut_after_the_body_timeout() {
    let head = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    let flood = [head.as_bytes(), &vec![b'x'; 64 << 20]].concat();
    let upstream = Upstream::answering(move |_| Answer::raw(flood.clone()).then_hang()).await;
    let sidecar = Sidecar::guarding(&upstream).var("BODY_TIMEOUT", "300ms").start().await;
    let (caller, _) = opened(&sidecar, &sidecar.token().await).await;
    upstream.wait_idle().await;
    let line = line_of(&sidecar).await;
    assert_eq!(line["outcome"], "cut", "{line}");
    assert!(line["bytes_out"].as_u64().is_some_and(|bytes| bytes < 64 << 20), "{line}");
    drop(caller);
}

// 68
#[tokio::test]
async fn a_drain_lets_a_tunnel_run_and_cuts_it_at_its_end() {
    let upstream = Upstream::answering(|_| switched()).await;
    let mut sidecar = Sidecar::guarding(&upstream).var("DRAIN_TIMEOUT", "1s").start().await;
    let (mut caller, _) = opened(&sidecar, &sidecar.token().await).await;
    echoed(&mut caller, b"before").await;
    sidecar.shut_down();
    sidecar
        .wait_for_log("the drain", |line| line["message"].as_str().is_some_and(|said| said.starts_with("stopping")))
        .await;
    echoed(&mut caller, b"during").await;
    assert_eq!(sidecar.ended().await.cut, 1);
    assert_ne!(caller.expect_closed(kit::DEADLINE).await, Closing::Orderly);
    let line = line_of(&sidecar).await;
    assert_eq!((&line["outcome"], &line["bytes_in"]), (&"cut".into(), &12.into()), "{line}");
}

// 68
#[tokio::test]
async fn a_drain_ends_as_soon_as_its_last_tunnel_has() {
    let upstream = Upstream::answering(|_| switched()).await;
    let mut sidecar = Sidecar::guarding(&upstream).var("DRAIN_TIMEOUT", "10m").start().await;
    let (mut caller, _) = opened(&sidecar, &sidecar.token().await).await;
    sidecar.shut_down();
    sidecar
        .wait_for_log("the drain", |line| line["message"].as_str().is_some_and(|said| said.starts_with("stopping")))
        .await;
    echoed(&mut caller, b"during").await;
    caller.finish().await;
    assert_eq!(sidecar.ended().await.cut, 0);
    assert_eq!(line_of(&sidecar).await["outcome"], "delivered");
}

#[tokio::test]
async fn an_open_tunnel_is_in_use_and_gives_its_place_to_nobody() {
    let upstream = Upstream::answering(|seen| if seen.target() == "/ws" { switched() } else { Answer::booked() }).await;
    let sidecar = Sidecar::guarding(&upstream).var("MAX_CONNECTIONS", "2").start().await;
    let token = sidecar.token().await;
    let (mut one, _) = opened(&sidecar, &token).await;
    let (mut other, _) = opened(&sidecar, &token).await;
    let third = sidecar.get_with(&token, "/third").await;
    assert_eq!((third.status(), third.refusal().as_str()), (503, "OVERLOADED"));
    echoed(&mut one, b"still").await;
    echoed(&mut other, b"here").await;
    drop((one, other));
    upstream.wait_idle().await;
    let is_tunnel = |line: &&Value| line["path"] == "/ws" && line["outcome"].is_string();
    kit::wait_until("both lines", || sidecar.log_lines().iter().filter(is_tunnel).count() == 2).await;
    assert_eq!(sidecar.get_with(&token, "/fourth").await.status(), 200);
}

#[tokio::test]
async fn a_websocket_goes_to_an_upstream_over_tls_or_a_socket_too() {
    let folder = tempfile::tempdir().expect("a test machine has a temporary directory");
    let doors =
        [Door::Tls(Ca::shared().server(&["localhost"], Life::Good)), Door::Unix(folder.path().join("upstream.sock"))];
    for door in doors {
        let is_tls = matches!(door, Door::Tls(_));
        let upstream = Upstream::behind(door, |_| switched()).await;
        let building = Sidecar::guarding(&upstream);
        let ca_file = Ca::shared().ca_file().display().to_string();
        let sidecar = if is_tls { building.var("UPSTREAM_CA_FILE", ca_file) } else { building }.start().await;
        let (mut caller, _): (Raw, _) = opened(&sidecar, &sidecar.token().await).await;
        echoed(&mut caller, &[7; 50_000]).await;
        caller.finish().await;
        assert_eq!(caller.expect_closed(kit::DEADLINE).await, Closing::Orderly);
        assert!(upstream_saw(&upstream).ends_with(&[7; 50_000]));
        assert_eq!(line_of(&sidecar).await["outcome"], "delivered");
        // The connection was used up: the next request has another.
        let _ = sidecar.exchange(RequestText::new("GET", "/next").bearer(&sidecar.token().await)).await;
        assert_eq!(upstream.connections().len(), 2);
    }
}
