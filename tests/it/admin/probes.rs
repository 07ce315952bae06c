//! `/livez` and `/readyz`, and what the listener does not do.

use std::net::TcpListener;

use crate::kit::{Answer, DEADLINE, Refused, RequestText, Sidecar, Signal, Upstream, wait_until, within};

/// An address of this machine where nobody listens.
fn nowhere() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    format!("http://{}", listener.local_addr().expect("a bound socket has an address"))
}

#[tokio::test]
async fn a_gate_that_can_serve_is_alive_and_ready() {
    let upstream = Upstream::recording().await;
    let sidecar = Sidecar::guarding(&upstream).admin().start().await;
    let live = sidecar.admin().get("/livez").await;
    assert_eq!((live.status(), live.text().as_str()), (200, "ok\n"));
    assert_eq!(sidecar.admin().ready().await, (200, vec![]));
    assert_eq!(upstream.seen(), 0, "a probe is a connection, never a request");
}

/// The answer is kept for a second, and right again after it.
#[tokio::test]
async fn a_gate_whose_upstream_is_down_is_not_ready_but_alive() {
    let url = nowhere();
    let sidecar = Sidecar::before(&url).admin().start().await;
    assert_eq!(sidecar.admin().ready().await, (503, vec!["upstream".to_owned()]));
    assert_eq!(sidecar.admin().get("/livez").await.status(), 200);
    sidecar.admin().metrics_when("upstream_up", 0.0).await;

    let listener = TcpListener::bind(url.trim_start_matches("http://")).expect("the port is still free");
    sidecar.admin().metrics_when("upstream_up", 1.0).await;
    assert_eq!(sidecar.admin().ready().await, (200, vec![]));
    drop(listener);
    sidecar.admin().metrics_when("upstream_up", 0.0).await;
    assert_eq!(sidecar.admin().ready().await, (503, vec!["upstream".to_owned()]));
}

/// The kit's certificate is good from 1975 to 4096 at most, as `rcgen` makes them.
#[tokio::test]
async fn a_gate_whose_certificate_is_not_valid_now_is_not_ready_but_alive() {
    let upstream = Upstream::recording().await;
    let sidecar = Sidecar::guarding(&upstream).admin().clock(1_900_000_000).start().await;
    let not_after = sidecar.admin().metrics().await.value("certificate_not_after_timestamp_seconds");
    assert!(not_after > 1_900_000_000.0, "{not_after}");
    let not_after = not_after as u64;
    for (now, ready) in
        [(0, false), (1_900_000_000, true), (not_after, true), (not_after + 1, false), (1_900_000_000, true)]
    {
        sidecar.set_clock(now);
        let expected = if ready { (200, vec![]) } else { (503, vec!["certificate".to_owned()]) };
        assert_eq!(sidecar.admin().ready().await, expected, "{now}");
        assert_eq!(sidecar.admin().get("/livez").await.status(), 200, "{now}");
    }
}

#[tokio::test]
async fn a_gate_that_drains_is_not_ready_at_once_and_alive_to_the_end() {
    let go = Signal::new();
    let held = go.clone();
    let upstream = Upstream::answering(move |_| Answer::booked().after(&held)).await;
    let mut sidecar = Sidecar::guarding(&upstream).admin().start().await;
    let (admin, token) = (sidecar.admin(), sidecar.token().await);
    let mut waiting = sidecar.connect().await;
    waiting.write(RequestText::new("POST", "/held").bearer(&token).json("{}").bytes()).await;
    upstream.wait_for("the request", |seen| seen.len() == 1).await;
    assert_eq!(admin.ready().await, (200, vec![]));

    sidecar.shut_down();
    sidecar.wait_for_log("the drain to begin", |line| line["message"].as_str().is_some_and(is_about_stopping)).await;
    assert_eq!(admin.ready().await, (503, vec!["draining".to_owned()]));
    assert_eq!(admin.get("/livez").await.status(), 200);
    let metrics = admin.metrics().await;
    assert_eq!((metrics.value("draining"), metrics.value("in_flight")), (1.0, 1.0));
    go.fire();
    assert_eq!(waiting.read_response().await.status(), 200);
    assert_eq!(sidecar.ended().await.cut, 0);
    wait_until("the admin listener to close", || std::net::TcpStream::connect(admin.address()).is_err()).await;
}

fn is_about_stopping(message: &str) -> bool {
    message.starts_with("stopping")
}

#[tokio::test]
async fn nothing_there_can_be_changed() {
    let upstream = Upstream::recording().await;
    let sidecar = Sidecar::guarding(&upstream).admin().start().await;
    for path in ["/", "/livez", "/readyz", "/metrics", "/status.json", "/no-such-page"] {
        for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"] {
            let refused = sidecar.admin().exchange(RequestText::new(method, path).body("x")).await;
            assert_eq!((refused.status(), refused.header("Allow")), (405, Some("GET, HEAD")), "{method} {path}");
        }
        let known = path != "/no-such-page";
        let head = sidecar.admin().exchange(RequestText::new("HEAD", path)).await;
        assert_eq!((head.status(), head.text().as_str()), (if known { 200 } else { 404 }, ""), "{path}");
        let get = sidecar.admin().get(&format!("{path}?query")).await;
        assert_eq!((get.status(), get.header("Cache-Control")), (head.status(), Some("no-store")), "{path}");
        assert_eq!(get.header("X-Content-Type-Options"), Some("nosniff"), "{path}");
    }
    assert_eq!(upstream.seen(), 0);
}

/// M57.
#[tokio::test]
async fn callers_find_nothing_of_it() {
    let upstream = Upstream::recording().await;
    let sidecar = Sidecar::guarding(&upstream).admin().start().await;
    for path in ["/livez", "/readyz", "/metrics", "/status.json", "/"] {
        Refused::NO_BEARER.check(&sidecar.get(path).await, path);
    }
    assert_eq!(upstream.seen(), 0);
}

/// DNS rebinding: another site's page must not read the status page under a name of its own.
#[tokio::test]
async fn a_public_name_opens_probes_and_metrics_but_not_the_page() {
    let upstream = Upstream::recording().await;
    let sidecar = Sidecar::guarding(&upstream).admin().start().await;
    for (host, page) in
        [("127.0.0.1:9090", 200), ("localhost:9090", 200), ("gate.payments.svc", 200), ("evil.example.com:9090", 421)]
    {
        for (path, status) in
            [("/", page), ("/status.json", page), ("/metrics", 200), ("/readyz", 200), ("/livez", 200)]
        {
            let response = sidecar.admin().exchange(RequestText::new("GET", path).host(host)).await;
            assert_eq!(response.status(), status, "{host} {path}");
        }
    }
}

/// 100 who say nothing, and one who asks.
#[tokio::test]
async fn who_says_nothing_does_not_keep_a_probe_out_for_long() {
    let upstream = Upstream::recording().await;
    let sidecar = Sidecar::guarding(&upstream).admin().start().await;
    let silent: Vec<_> = (0..100).map(|_| std::net::TcpStream::connect(sidecar.admin().address())).collect();
    let live = within(DEADLINE, "a probe among silent connections", sidecar.admin().get("/livez")).await;
    assert_eq!((live.status(), silent.len()), (200, 100));
}
