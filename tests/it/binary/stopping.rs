//! SIGTERM and SIGINT: what runs is finished, nothing new is begun.

use crate::kit::{
    self, Answer, Caller, Closing, DEADLINE, Program, RequestText, Sidecar, Signal, Upstream,
    program::{self, Running},
    wait_until,
};

fn guarding(upstream: &Upstream) -> Program {
    Sidecar::guarding(upstream).program(["run"])
}

/// An upstream that holds back its answers until the signal fires.
async fn holding(signal: &Signal) -> Upstream {
    let held = signal.clone();
    Upstream::answering(move |_| Answer::booked().after(&held)).await
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

#[tokio::test]
async fn a_second_signal_does_not_break_the_drain() {
    let go = Signal::new();
    let upstream = holding(&go).await;
    let mut running = guarding(&upstream).start();
    let caller = Caller::of(running.address().await);
    let token = caller.token().await;
    let mut raw = caller.connect().await;
    raw.write(RequestText::new("GET", "/").bearer(&token).bytes()).await;
    upstream.wait_for("the request", |seen| seen.len() == 1).await;
    running.signal("TERM");
    wait_until("new connections to be refused", || caller.is_refused()).await;
    running.signal("TERM");
    running.signal("INT");
    go.fire();
    assert_eq!(raw.read_response().await.status(), 200);
    drop(raw);
    assert_eq!(running.exit().await, 0, "{}", running.err());
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
