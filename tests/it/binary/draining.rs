//! `bearergate drain` and SIGUSR1: a container's preStop hook, and the SIGTERM that comes after it.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use super::{
    shown,
    stopping::{guarding, holding, is_leaving},
};
use crate::kit::{Caller, Program, RequestText, Signal, Upstream, program::Running, wait_until};

/// A copy of the built program: what other tests run at the same time is then another program.
pub(super) struct Copied {
    _folder: tempfile::TempDir,
    file: PathBuf,
}

impl Copied {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a test machine has a temporary directory");
        let file = folder.path().join("bearergate");
        // By a process of its own: a child that another test forks meanwhile would keep the file open for writing, and nobody could start it.
        let copied = Command::new("cp").arg(env!("CARGO_BIN_EXE_bearergate")).arg(&file).status();
        assert!(copied.is_ok_and(|status| status.success()), "the program cannot be copied");
        Self { _folder: folder, file }
    }

    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    fn of(&self, program: Program) -> Program {
        program.by_shell(&format!(r#"exec '{}' "$@""#, self.file.display()))
    }

    fn serving(&self, upstream: &Upstream) -> Program {
        self.of(guarding(upstream))
    }

    fn drain(&self, arguments: &[&str]) -> Program {
        self.of(Program::with_all(&[&["drain"], arguments].concat()))
    }
}

async fn is_drained(running: &Running) {
    let is_it = |line: &serde_json::Value| line["message"].as_str().is_some_and(|said| said.starts_with("drained"));
    running.wait_for_log("the end of the drain", is_it).await;
}

/// M68. The container must not end before SIGTERM, or it would be started again.
#[tokio::test]
async fn drain_returns_when_nothing_is_in_flight_and_the_instance_stays_until_sigterm() {
    let (copied, go) = (Copied::new(), Signal::new());
    let upstream = holding(&go).await;
    let mut running = copied.serving(&upstream).var("DRAIN_TIMEOUT", "10m").var("WORKERS", "2").start();
    let caller = Caller::of(running.address().await);
    let token = caller.token().await;
    let mut raw = caller.connect().await;
    raw.write(RequestText::new("POST", "/").bearer(&token).json("{}").bytes()).await;
    upstream.wait_for("the request", |seen| seen.len() == 1).await;

    let mut drain = copied.drain(&[]).start();
    wait_until("new connections to be refused", || caller.is_refused()).await;
    assert!(!drain.has_ended(), "a request is in flight: {}", drain.err());
    go.fire();
    let response = raw.read_response().await;
    assert_eq!((response.status(), response.header("connection")), (200, Some("close")));
    drop(raw);
    assert_eq!((drain.exit().await, drain.err()), (0, String::new()));

    is_drained(&running).await;
    assert_eq!(copied.drain(&[]).run().await.code, 0, "who asks again is told the same");
    assert!(!running.has_ended() && caller.is_refused());
    running.signal("TERM");
    assert_eq!(running.exit().await, 0, "{}", running.err());
    assert_eq!(upstream.seen(), 1);
}

/// M68. Not ready, and serving like before; the SIGTERM that follows does not begin the delay anew, it ends it.
#[tokio::test]
async fn during_the_delay_callers_are_served_as_before_and_sigterm_ends_it() {
    let upstream = Upstream::recording().await;
    let mut running = guarding(&upstream).var("DRAIN_DELAY", "10m").start();
    let caller = Caller::of(running.address().await);
    let (token, mut kept) = (caller.token().await, caller.connect().await);
    running.signal("USR1");
    running.wait_for_log("the delay", is_leaving).await;
    for _ in 0..3 {
        kept.write(RequestText::new("GET", "/kept").bearer(&token).bytes()).await;
        let response = kept.read_response().await;
        assert_eq!((response.status(), response.header("connection")), (200, None), "{response:?}");
        assert_eq!(caller.exchange(RequestText::new("GET", "/new").bearer(&token)).await.status(), 200);
    }
    running.signal("USR1");
    assert_eq!(caller.ask_token("vietqr-live", "wrong").await.status(), 401, "a second one changes nothing");
    running.signal("TERM");
    drop(kept);
    assert_eq!(running.exit().await, 0, "{}", running.err());
    assert_eq!(upstream.seen(), 6);
}

/// M68.
#[tokio::test]
async fn what_outlasts_a_drain_is_cut_and_sigterm_then_ends_it_with_1() {
    let copied = Copied::new();
    let upstream = holding(&Signal::new()).await;
    let mut running = copied.serving(&upstream).var("DRAIN_TIMEOUT", "300ms").start();
    let caller = Caller::of(running.address().await);
    let token = caller.token().await;
    let mut raw = caller.connect().await;
    raw.write(RequestText::new("GET", "/").bearer(&token).bytes()).await;
    upstream.wait_for("the request", |seen| seen.len() == 1).await;
    let said = copied.drain(&[]).run().await;
    assert_eq!(said.code, 0, "nothing is in flight any more: {}", shown(&said));
    assert!(raw.try_read_response_to("GET").await.is_err());
    is_drained(&running).await;
    running.signal("TERM");
    assert_eq!(running.exit().await, 1, "{}", running.err());
    assert_eq!(running.log_lines().last().map(|line| line["cut"].clone()), Some(1.into()), "{}", running.out());
}

#[tokio::test]
async fn drain_says_whom_it_cannot_find_and_whom_it_cannot_choose_from() {
    let (copied, upstream) = (Copied::new(), Upstream::recording().await);
    let none = copied.drain(&[]).run().await;
    assert!(none.code == 1 && none.err.contains("no bearergate of this user is running"), "{}", shown(&none));

    let mut first = copied.serving(&upstream).start();
    let second = copied.serving(&upstream).start();
    let callers = [Caller::of(first.address().await), Caller::of(second.address().await)];
    let several = copied.drain(&[]).run().await;
    let are_named = [first.id(), second.id()].iter().all(|id| several.err.contains(&id.to_string()));
    assert!(several.code == 1 && are_named && several.err.contains("--pid"), "{}", shown(&several));
    let stranger = std::process::id().to_string();
    let stranger = copied.drain(&["--pid", &stranger]).run().await;
    assert!(stranger.code == 1 && stranger.err.contains("is no running bearergate"), "{}", shown(&stranger));
    for caller in &callers {
        assert_eq!(caller.exchange(RequestText::new("GET", "/")).await.status(), 401, "nobody was drained");
    }

    let chosen = copied.drain(&["--pid", &first.id().to_string()]).run().await;
    assert_eq!(chosen.code, 0, "{}", shown(&chosen));
    assert!(callers[0].is_refused());
    assert_eq!(callers[1].exchange(RequestText::new("GET", "/")).await.status(), 401);
    first.signal("TERM");
    assert_eq!(first.exit().await, 0);
    assert_eq!(upstream.seen(), 0);
}
