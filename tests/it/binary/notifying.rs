//! What a service manager hears by sd_notify(3): ready, reloading, stopping, alive.

use std::{
    os::{
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr, UnixDatagram},
    },
    path::Path,
    time::{Duration, Instant},
};

use super::stopping::guarding;
use crate::kit::{self, Caller, DEADLINE, Program, RequestText, Upstream};

/// A service manager, as far as its ear goes.
struct Ear {
    socket: UnixDatagram,
    name: String,
}

impl Ear {
    fn at(path: &Path) -> Self {
        let socket = UnixDatagram::bind(path).expect("a socket in the test's own directory");
        Self::of(socket, path.display().to_string())
    }

    /// An address that is no file.
    fn abstractly() -> Self {
        let name = format!("bearergate-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).expect("a short name");
        Self::of(UnixDatagram::bind_addr(&address).expect("a name of its own"), format!("@{name}"))
    }

    fn of(socket: UnixDatagram, name: String) -> Self {
        socket.set_read_timeout(Some(DEADLINE)).expect("not zero");
        Self { socket, name }
    }

    /// The program, which is to tell it, by the watchdog too when that has patience in microseconds. `$$` is the program's own number.
    fn before(&self, program: Program, watchdog: &str) -> Program {
        program.by_shell(&format!(r#"NOTIFY_SOCKET='{}' {watchdog} exec "$0" "$@""#, self.name))
    }

    /// What is said next.
    fn hear(&self) -> String {
        let mut bytes = [0; 1024];
        let length = self.socket.recv(&mut bytes).unwrap_or_else(|fault| panic!("nothing was said: {fault}"));
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    }

    /// Whether nothing is said for so long.
    fn is_silent(&self, span: Duration) -> bool {
        self.socket.set_read_timeout(Some(span)).expect("not zero");
        let silent = self.socket.recv(&mut [0; 1024]).is_err();
        self.socket.set_read_timeout(Some(DEADLINE)).expect("not zero");
        silent
    }
}

fn has(said: &str, line: &str) -> bool {
    said.lines().any(|each| each == line)
}

#[tokio::test]
async fn it_says_ready_when_it_serves_and_stopping_with_the_time_it_may_take() {
    let upstream = Upstream::recording().await;
    let directory = tempfile::tempdir().expect("a test machine has a temporary directory");
    for ear in [Ear::at(&directory.path().join("notify")), Ear::abstractly()] {
        let program = guarding(&upstream).var("DRAIN_DELAY", "0s").var("DRAIN_TIMEOUT", "7s");
        let mut running = ear.before(program, "").start();
        let said = ear.hear();
        assert!(has(&said, "READY=1") && !said.contains("STOPPING"), "{}: {said}", ear.name);
        let caller = Caller::of(running.address().await);
        assert_eq!(caller.exchange(RequestText::new("GET", "/")).await.status(), 401);
        running.signal("TERM");
        let said = ear.hear();
        assert!(has(&said, "STOPPING=1") && has(&said, "EXTEND_TIMEOUT_USEC=12000000"), "{}: {said}", ear.name);
        assert_eq!((running.exit().await, running.err()), (0, String::new()));
        assert!(ear.is_silent(Duration::from_millis(1)), "{}", ear.name);
    }
}

/// `Type=notify-reload` waits for both, and for a time that is not before its request.
#[tokio::test]
async fn on_sighup_it_says_reloading_with_the_time_and_ready_when_that_is_done() {
    let upstream = Upstream::recording().await;
    let directory = tempfile::tempdir().expect("a test machine has a temporary directory");
    let ear = Ear::at(&directory.path().join("notify"));
    let password = directory.path().join("password");
    std::fs::write(&password, "the first password").expect("the directory is the test's own");
    let program = guarding(&upstream).without("CLIENT_PASSWORD");
    let running = ear.before(program.var("CLIENT_PASSWORD_FILE", password.display().to_string()), "").start();
    assert!(has(&ear.hear(), "READY=1"));
    let caller = Caller::of(running.address().await);
    std::fs::write(&password, "the second password").expect("the directory is the test's own");
    let before = monotonic_us();
    running.signal("HUP");
    let said = ear.hear();
    let time = said.lines().find_map(|line| line.strip_prefix("MONOTONIC_USEC=")?.parse::<u64>().ok());
    assert!(
        has(&said, "RELOADING=1") && time.is_some_and(|time| (before..=monotonic_us() + HUNDREDTH_US).contains(&time)),
        "{said}"
    );
    assert!(has(&ear.hear(), "READY=1"));
    assert_eq!(caller.ask_token(kit::sidecar::USERNAME, "the second password").await.status(), 200);
}

#[tokio::test]
async fn it_says_that_it_is_alive_more_often_than_asked_and_not_while_it_stands_still() {
    let upstream = Upstream::recording().await;
    let directory = tempfile::tempdir().expect("a test machine has a temporary directory");
    let ear = Ear::at(&directory.path().join("notify"));
    let program = guarding(&upstream).var("WORKERS", "2");
    let running = ear.before(program, "WATCHDOG_PID=$$ WATCHDOG_USEC=1000000").start();
    assert!(has(&ear.hear(), "READY=1"));
    let began = Instant::now();
    for _ in 0..3 {
        assert_eq!(ear.hear(), "WATCHDOG=1");
    }
    assert!(began.elapsed() < Duration::from_secs(3), "three in {:?}", began.elapsed());
    running.halt().await;
    while !ear.is_silent(Duration::from_millis(1)) {}
    assert!(ear.is_silent(Duration::from_secs(1)));
    running.signal("CONT");
    assert_eq!(ear.hear(), "WATCHDOG=1");
}

#[tokio::test]
async fn a_watchdog_of_another_process_and_none_at_all_hear_nothing_more() {
    let upstream = Upstream::recording().await;
    let directory = tempfile::tempdir().expect("a test machine has a temporary directory");
    for (at, watchdog) in ["", "WATCHDOG_PID=1 WATCHDOG_USEC=100000"].into_iter().enumerate() {
        let ear = Ear::at(&directory.path().join(at.to_string()));
        let running = ear.before(guarding(&upstream), watchdog).start();
        assert!(has(&ear.hear(), "READY=1"));
        assert!(ear.is_silent(Duration::from_millis(300)), "{watchdog:?}");
        drop(running);
    }
}

#[tokio::test]
async fn who_cannot_serve_says_nothing_and_a_socket_that_is_gone_costs_a_warning() {
    let directory = tempfile::tempdir().expect("a test machine has a temporary directory");
    let ear = Ear::at(&directory.path().join("notify"));
    let said = ear.before(Program::with(["run"]), "").run().await;
    assert!(said.code == 78 && ear.is_silent(Duration::from_millis(1)), "{}", said.err);
    let upstream = Upstream::recording().await;
    let nobody = directory.path().join("nobody").display().to_string();
    let mut running = guarding(&upstream).by_shell(&format!(r#"NOTIFY_SOCKET='{nobody}' exec "$0" "$@""#)).start();
    running.address().await;
    let is_warning = |line: &serde_json::Value| {
        line["level"] == "warn" && line["message"].as_str().is_some_and(|said| said.contains("NOTIFY_SOCKET"))
    };
    running.wait_for_log("a warning", is_warning).await;
    running.signal("TERM");
    assert_eq!(running.exit().await, 0);
    assert_eq!(running.log_lines().iter().filter(|line| is_warning(line)).count(), 1);
}

/// The time since this machine was started, in microseconds, of which the kernel writes whole hundredths of a second.
fn monotonic_us() -> u64 {
    let uptime = std::fs::read_to_string("/proc/uptime").expect("Linux has /proc");
    let seconds = uptime.split(' ').next().unwrap_or_default();
    seconds.replace('.', "").parse::<u64>().expect("two digits behind the point") * HUNDREDTH_US
}

const HUNDREDTH_US: u64 = 10_000;
