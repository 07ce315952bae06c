//! SIGTERM and SIGINT: what runs is finished, nothing new is begun.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::Value;
use tokio::task::JoinSet;

use crate::kit::{
    self, Answer, Ca, Caller, Closing, DEADLINE, H2, Program, RequestText, Sidecar, Signal, Upstream,
    h2::H2Body,
    program::{self, Running},
    wait_until, wait_until_within, within,
};

pub(super) fn guarding(upstream: &Upstream) -> Program {
    Sidecar::guarding(upstream).program(["run"])
}

/// An upstream that holds back its answers until the signal fires.
pub(super) async fn holding(signal: &Signal) -> Upstream {
    let held = signal.clone();
    Upstream::answering(move |_| Answer::booked().after(&held)).await
}

/// The line that says that it is not ready any more and still serves.
pub(super) fn is_leaving(line: &Value) -> bool {
    line["message"].as_str().is_some_and(|said| said.starts_with("leaving"))
}

fn last_message(running: &Running) -> String {
    running.log_lines().last().map(|line| line["message"].as_str().unwrap_or_default().to_owned()).unwrap_or_default()
}

/// M68.
#[tokio::test]
async fn it_ends_with_0_on_each_signal_and_idle_connections_are_told_goodbye() {
    let upstream = Upstream::recording().await;
    for (signal, workers) in [("TERM", "1"), ("INT", "1"), ("TERM", "2"), ("INT", "2")] {
        let mut running = guarding(&upstream).var("WORKERS", workers).start();
        let caller = Caller::of(running.address().await);
        let mut idle = caller.connect().await;
        idle.write(RequestText::new("GET", "/").bytes()).await;
        assert_eq!(idle.read_response().await.status(), 401);
        running.signal(signal);
        assert_eq!(idle.expect_closed(DEADLINE).await, Closing::Orderly, "{signal} with {workers}");
        drop(idle);
        assert_eq!(running.exit().await, 0, "{signal} with {workers}: {}", running.err());
        assert_eq!((last_message(&running), running.err()), ("stopped".to_owned(), String::new()));
    }
    assert_eq!(upstream.seen(), 0);
}

/// M68.
#[tokio::test]
async fn requests_in_flight_are_finished_and_new_connections_are_refused() {
    let go = Signal::new();
    let upstream = holding(&go).await;
    let mut running = guarding(&upstream).start();
    let caller = Caller::of(running.address().await);
    let (token, mut waiting) = (caller.token().await, Vec::new());
    for at in 0..3 {
        let mut raw = caller.connect().await;
        raw.write(RequestText::new("POST", &format!("/{at}")).bearer(&token).json("{}").bytes()).await;
        waiting.push(raw);
    }
    upstream.wait_for("all requests", |seen| seen.len() == 3 && seen.iter().all(|each| each.complete())).await;
    running.signal("TERM");
    wait_until("new connections to be refused", || caller.is_refused()).await;
    go.fire();
    for mut raw in waiting {
        let response = raw.read_response().await;
        assert_eq!((response.status(), response.header("connection")), (200, Some("close")), "{response:?}");
        assert_eq!(raw.expect_closed(DEADLINE).await, Closing::Orderly);
    }
    assert_eq!(running.exit().await, 0, "{}", running.err());
    assert_eq!(upstream.seen(), 3);
    let delivered = running.log_lines().iter().filter(|line| line["outcome"] == "delivered").count();
    assert_eq!(delivered, 3, "{}", running.out());
}

#[tokio::test]
async fn requests_that_outlast_the_drain_are_cut_and_counted() {
    let upstream = holding(&Signal::new()).await;
    let mut running = guarding(&upstream).var("DRAIN_TIMEOUT", "300ms").start();
    let caller = Caller::of(running.address().await);
    let (token, mut waiting) = (caller.token().await, Vec::new());
    for at in 0..2 {
        let mut raw = caller.connect().await;
        raw.write(RequestText::new("GET", &format!("/{at}")).bearer(&token).bytes()).await;
        waiting.push(raw);
    }
    upstream.wait_for("both requests", |seen| seen.len() == 2).await;
    running.signal("TERM");
    assert_eq!(running.exit().await, 1, "{}", running.err());
    let mut lines = running.log_lines();
    let last = lines.pop().unwrap_or_default();
    assert_eq!((&last["cut"], &last["level"]), (&2.into(), &"error".into()), "{}", running.out());
    let doubtful = lines.iter().filter(|line| line["upstream_may_have_done_it"] == true).count();
    assert_eq!(doubtful, 2, "a request that was cut has its line before the last one: {}", running.out());
    for mut raw in waiting {
        assert!(raw.try_read_response_to("GET").await.is_err());
    }
}

/// M68. Whoever asks twice does not want to wait; what that costs is counted.
#[tokio::test]
async fn a_second_signal_cuts_what_still_runs() {
    for (first, second) in [("TERM", "TERM"), ("TERM", "INT"), ("INT", "TERM"), ("INT", "INT")] {
        let upstream = holding(&Signal::new()).await;
        let mut running = guarding(&upstream).var("DRAIN_TIMEOUT", "10m").start();
        let caller = Caller::of(running.address().await);
        let token = caller.token().await;
        let mut raw = caller.connect().await;
        raw.write(RequestText::new("GET", "/").bearer(&token).bytes()).await;
        upstream.wait_for("the request", |seen| seen.len() == 1).await;
        running.signal(first);
        wait_until("new connections to be refused", || caller.is_refused()).await;
        running.signal(second);
        assert_eq!(running.exit().await, 1, "{first}, {second}: {}", running.err());
        assert!(raw.try_read_response_to("GET").await.is_err(), "{first}, {second}");
        assert_eq!(running.log_lines().last().map(|line| line["cut"].clone()), Some(1.into()), "{first}, {second}");
    }
}

#[tokio::test]
async fn a_second_signal_ends_the_delay_too_and_nothing_is_cut_where_nothing_runs() {
    let upstream = Upstream::recording().await;
    let mut running = guarding(&upstream).var("DRAIN_DELAY", "10m").start();
    let caller = Caller::of(running.address().await);
    running.signal("TERM");
    running.wait_for_log("the delay", is_leaving).await;
    assert_eq!(caller.exchange(RequestText::new("GET", "/")).await.status(), 401, "it still serves");
    running.signal("TERM");
    assert_eq!(running.exit().await, 0, "{}", running.err());
    assert_eq!(upstream.seen(), 0);
}

/// M68. The delay is for load balancers that have not noticed yet; Ctrl-C comes from somebody who has none.
#[tokio::test]
async fn sigterm_waits_for_the_delay_and_sigint_does_not() {
    let upstream = Upstream::recording().await;
    let mut running = guarding(&upstream).var("DRAIN_DELAY", "700ms").start();
    let caller = Caller::of(running.address().await);
    let began = Instant::now();
    running.signal("TERM");
    wait_until("new connections to be refused", || caller.is_refused()).await;
    assert!(began.elapsed() >= Duration::from_millis(700), "refused after {:?}", began.elapsed());
    assert_eq!(running.exit().await, 0, "{}", running.err());

    let mut running = guarding(&upstream).var("DRAIN_DELAY", "10m").start();
    running.address().await;
    running.signal("INT");
    assert_eq!(running.exit().await, 0, "{}", running.err());
    assert_eq!(upstream.seen(), 0);
}

/// M68. Over HTTP/1 each is told `Connection: close`, over HTTP/2 the connection `GOAWAY`.
#[tokio::test]
async fn five_hundred_requests_in_flight_are_answered_and_it_ends_with_0() {
    for (connections, streams) in [(500, 1), (10, 50)] {
        let go = Signal::new();
        let upstream = holding(&go).await;
        let mut running = guarding(&upstream).var("DRAIN_TIMEOUT", "10m").var("WORKERS", "2").start();
        let (address, token) = {
            let caller = Caller::of(running.address().await);
            (running.address().await, caller.token().await)
        };
        let mut callers: JoinSet<usize> = JoinSet::new();
        for _ in 0..connections {
            let token = token.clone();
            match streams {
                1 => callers.spawn(alone(address, token)),
                _ => callers.spawn(side_by_side(address, token, streams)),
            };
        }
        wait_until_within(4 * DEADLINE, "500 requests to reach the upstream", || upstream.seen() == 500).await;
        running.signal("TERM");
        let caller = Caller::of(address);
        wait_until("new connections to be refused", || caller.is_refused()).await;
        go.fire();
        let answered: usize = within(4 * DEADLINE, "every answer", callers.join_all()).await.into_iter().sum();
        assert_eq!((answered, upstream.seen()), (500, 500), "{streams} streams");
        assert_eq!(running.exit().await, 0, "{streams} streams: {}", running.err());
        let delivered = running.log_lines().iter().filter(|line| line["outcome"] == "delivered").count();
        assert_eq!(delivered, 500, "{streams} streams");
    }
}

/// A payment on a connection of its own. Gives 1 when it was answered as it should be.
async fn alone(address: SocketAddr, token: String) -> usize {
    let mut raw = Caller::of(address).connect().await;
    raw.write(RequestText::new("POST", "/pays").bearer(&token).json("{}").bytes()).await;
    let response = raw.read_response().await;
    assert_eq!((response.status(), response.header("connection")), (200, Some("close")), "{response:?}");
    assert_eq!(raw.expect_closed(DEADLINE).await, Closing::Orderly);
    1
}

/// So many payments side by side on one connection. Gives how many were answered.
async fn side_by_side(address: SocketAddr, token: String, streams: usize) -> usize {
    let h2 = Arc::new(H2::connect(address, &Ca::shared().client()).await);
    let mut answers = JoinSet::new();
    for _ in 0..streams {
        let h2 = Arc::clone(&h2);
        let request = h2.request("POST", "/pays").header("authorization", format!("Bearer {token}"));
        let request = request.body(H2Body::whole("{}")).expect("it is a request");
        answers.spawn(async move { h2.send(request).await.status() });
    }
    let answered = answers.join_all().await.into_iter().filter(|status| *status == 200).count();
    let h2 = Arc::into_inner(h2).expect("every answer has come");
    assert!(h2.ended().await.is_none(), "the connection ends orderly");
    answered
}

/// What is known of a token is in the token and in the key: nothing is lost with the process.
#[tokio::test]
async fn after_kill_9_and_a_new_start_the_next_payment_passes_with_the_token_issued_before() {
    let upstream = Upstream::recording().await;
    let first = guarding(&upstream).start();
    let address = first.address().await;
    let token = Caller::of(address).token().await;
    let delivery = || RequestText::new("POST", "/pays").bearer(&token).json("{}");
    assert_eq!(Caller::of(address).exchange(delivery()).await.status(), 200);
    first.signal("KILL");
    drop(first);
    let second = guarding(&upstream).var("LISTEN", address.to_string()).start();
    assert_eq!(second.address().await, address, "on the same port, at once");
    assert_eq!(Caller::of(address).exchange(delivery()).await.status(), 200);
    assert_eq!(upstream.seen(), 2);
}

/// As process 1 of a container, for which the kernel has no default action: whoever has no handler ignores SIGTERM.
#[tokio::test]
async fn it_ends_as_process_1_too() {
    let mut way = None;
    for unshare in ["unshare --pid --fork", "unshare --user --map-root-user --pid --fork"] {
        if Program::with([]).by_shell(&format!("{unshare} true")).run().await.code == 0 {
            way = Some(unshare);
            break;
        }
    }
    let Some(unshare) = way else {
        kit::skipped("this machine does not let a test make a process 1 (unshare --pid --fork)");
        return;
    };
    let upstream = Upstream::recording().await;
    for signal in ["TERM", "INT"] {
        let mut outer = guarding(&upstream).by_shell(&format!(r#"exec {unshare} "$0" "$@""#)).start();
        let caller = Caller::of(outer.address().await);
        assert_eq!(caller.exchange(RequestText::new("GET", "/")).await.status(), 401);
        let inner = program::children(outer.id());
        assert_eq!(inner.len(), 1, "{inner:?}");
        program::signal(inner[0], signal);
        assert_eq!(outer.exit().await, 0, "{signal}: {}", outer.err());
        assert_eq!(last_message(&outer), "stopped");
    }
    assert_eq!(upstream.seen(), 0);
}
