//! Connections that have had nothing to do for a while give hyper's buffers back, and nobody notices.

use std::time::Duration;

use crate::kit::{Closing, DEADLINE, Raw, RequestText, Sidecar, Upstream, sidecar::Building};

/// Longer than a connection takes to rest, by the gate's own clock: a handshake that does not come is cut after it.
const A_WHILE: Duration = Duration::from_millis(400);

fn gate(upstream: &Upstream) -> Building {
    Sidecar::guarding(upstream)
        .var("HANDSHAKE_TIMEOUT", "400ms")
        .var("HEADER_TIMEOUT", "400ms")
        .var("IDLE_TIMEOUT", "10m")
}

/// Waits until every connection with nothing to do rests: a handshake is cut that begins no better than this, or in the clear a head.
async fn a_while(sidecar: &Sidecar, beginning: &str) {
    let mut clock = Raw::plain(sidecar.address()).await;
    clock.write(beginning).await;
    clock.expect_closed(DEADLINE + A_WHILE).await;
}

async fn serves_before_and_after(building: Building, upstream: &Upstream, beginning: &str) {
    let sidecar = building.start().await;
    let token = sidecar.token().await;
    let mut caller = sidecar.connect().await;
    let request = RequestText::new("POST", "/a").bearer(&token).json("{}").bytes();
    // Before its first request, between two, and after a second rest.
    for round in 1..=3 {
        a_while(&sidecar, beginning).await;
        caller.write(&request).await;
        assert_eq!(caller.read_response().await.status(), 200, "round {round}");
        assert_eq!(upstream.seen(), round);
    }
    a_while(&sidecar, beginning).await;
    sidecar.shut_down();
    assert_eq!(caller.expect_closed(DEADLINE).await, Closing::Orderly);
    sidecar.stop().await;
}

#[tokio::test]
async fn a_connection_that_has_rested_serves_and_ends_in_order() {
    let upstream = Upstream::recording().await;
    serves_before_and_after(gate(&upstream), &upstream, "\x16").await;
}

#[tokio::test]
async fn a_connection_in_the_clear_that_has_rested_serves_and_ends_in_order() {
    let upstream = Upstream::recording().await;
    serves_before_and_after(gate(&upstream).without_tls(), &upstream, "GET / HT").await;
}

/// What came behind a request while it was in flight is hyper's already: it must not be lost with hyper's buffers.
#[tokio::test]
async fn half_a_head_behind_a_request_is_kept_and_has_its_time() {
    let upstream = Upstream::recording().await;
    let sidecar = gate(&upstream).var("HEADER_TIMEOUT", "5s").start().await;
    let token = sidecar.token().await;
    let (mut patient, mut quick) = (sidecar.connect().await, sidecar.connect().await);
    let request = RequestText::new("POST", "/a").bearer(&token).json("{}").bytes();
    let (half, rest) = request.split_at(request.len() / 2);
    for caller in [&mut patient, &mut quick] {
        caller.write([&request, half].concat()).await;
        assert_eq!(caller.read_response().await.status(), 200);
    }
    a_while(&sidecar, "\x16").await;
    quick.write(rest).await;
    assert_eq!(quick.read_response().await.status(), 200);
    assert_eq!(upstream.seen(), 3);
    // Half a head is no idleness.
    patient.expect_closed(DEADLINE).await;
    assert_eq!(upstream.seen(), 3);
}
