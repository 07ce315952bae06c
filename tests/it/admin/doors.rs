//! Who came to the door and did not get as far as a request: counted, and warned of at most once a minute.

use crate::kit::{Ca, DEADLINE, Raw, RequestText, Sidecar, Upstream, raw, within};

fn handshakes(result: &str) -> String {
    format!("handshakes_total{{result=\"{result}\"}}")
}

fn warnings(sidecar: &Sidecar, field: &str, word: &str) -> Vec<serde_json::Value> {
    sidecar.log_lines().into_iter().filter(|line| line["level"] == "warn" && line[field] == word).collect()
}

/// Connects, sends bytes, and waits until the gate has closed.
async fn knock(sidecar: &Sidecar, bytes: &[u8]) {
    let mut raw = Raw::plain(sidecar.address()).await;
    raw.write(bytes).await;
    within(DEADLINE, "the gate to close", raw.read_to_end()).await;
}

#[tokio::test]
async fn each_way_a_handshake_ends_is_counted_and_the_bad_ones_are_warned_of_once() {
    let upstream = Upstream::recording().await;
    let sidecar = Sidecar::guarding(&upstream).admin().var("HANDSHAKE_TIMEOUT", "300ms").start().await;
    sidecar.token().await;
    sidecar.admin().metrics_when(&handshakes("ok"), 1.0).await;
    for times in [1.0, 2.0] {
        knock(&sidecar, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        sidecar.admin().metrics_when(&handshakes("failed"), times).await;
        let stranger = Raw::try_tls(sidecar.address(), &Ca::new().client()).await;
        assert!(stranger.is_err(), "it does not trust us");
        sidecar.admin().metrics_when(&handshakes("certificate_refused"), times).await;
        knock(&sidecar, b"\x16\x03\x01").await;
        sidecar.admin().metrics_when(&handshakes("timeout"), times).await;
        drop(Raw::plain(sidecar.address()).await);
        sidecar.admin().metrics_when(&handshakes("left"), times).await;
    }
    for (result, times) in [("failed", 1), ("certificate_refused", 1), ("timeout", 1), ("left", 0), ("ok", 0)] {
        let lines = warnings(&sidecar, "result", result);
        assert_eq!(lines.len(), times, "{result}: {lines:?}");
        assert!(lines.iter().all(|line| line["peer"] == "127.0.0.1"), "{lines:?}");
    }
    assert_eq!(upstream.seen(), 0);
}

#[tokio::test]
async fn what_is_no_request_is_counted_and_warned_of_once() {
    let upstream = Upstream::recording().await;
    let sidecar = Sidecar::guarding(&upstream).admin().start().await;
    let unreadable = |why: &str| format!("unreadable_requests_total{{why=\"{why}\"}}");
    for times in [1.0, 2.0] {
        assert_eq!(sidecar.exchange("nonsense\r\n\r\n").await.status(), 400);
        sidecar.admin().metrics_when(&unreadable("malformed"), times).await;
        let large = RequestText::new("GET", "/").header("X", &"y".repeat(40 << 10));
        assert_eq!(sidecar.exchange(large).await.status(), 431);
        sidecar.admin().metrics_when(&unreadable("too_large"), times).await;
    }
    for why in ["malformed", "too_large"] {
        assert_eq!(warnings(&sidecar, "why", why).len(), 1, "{why}");
    }
    let metrics = sidecar.admin().metrics().await;
    assert_eq!(metrics.value("request_duration_seconds_count"), 0.0, "they are no requests");
    assert_eq!(upstream.seen(), 0);
}

#[tokio::test]
async fn connections_without_a_good_proxy_header_are_counted_and_warned_of() {
    let upstream = Upstream::recording().await;
    let building = Sidecar::guarding(&upstream).admin().var("PROXY_PROTOCOL", "on").var("TRUSTED_PROXIES", "127.0.0.2");
    let sidecar = building.start().await;
    knock(&sidecar, b"").await;
    sidecar.admin().metrics_when(&handshakes("proxy_untrusted"), 1.0).await;
    let proxy = Some("127.0.0.2".parse().expect("it is an address"));
    let mut raw = Raw::plain_over(raw::dial(sidecar.address(), proxy).await);
    raw.write(b"GET / HTTP/1.1\r\n\r\n").await;
    raw.expect_closed(DEADLINE).await;
    sidecar.admin().metrics_when(&handshakes("proxy_header"), 1.0).await;
    for (result, peer) in [("proxy_untrusted", "127.0.0.1"), ("proxy_header", "127.0.0.2")] {
        let lines = warnings(&sidecar, "result", result);
        assert_eq!((lines.len(), &lines[0]["peer"]), (1, &peer.into()), "{lines:?}");
    }
    assert_eq!(upstream.seen(), 0);
}

#[tokio::test]
async fn without_tls_there_are_no_handshakes_to_count() {
    let upstream = Upstream::recording().await;
    let sidecar = Sidecar::guarding(&upstream).admin().without_tls().start().await;
    assert_eq!(sidecar.get("/").await.status(), 401);
    let metrics = sidecar.admin().metrics_when("request_duration_seconds_count", 1.0).await;
    assert_eq!(
        (metrics.value(&handshakes("ok")), metrics.value("certificate_not_after_timestamp_seconds")),
        (0.0, 0.0)
    );
    assert_eq!(sidecar.admin().ready().await, (200, vec![]));
}
