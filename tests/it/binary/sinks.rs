//! M67: a log that nobody can take costs lines, never requests, and does not keep the program from ending.

use std::io::{BufRead as _, BufReader};

use crate::kit::{Caller, RequestText, Sidecar, Upstream, program::Running};

/// Requests that the log of a dead sink has to swallow; with their long paths several times what a pipe holds.
const REQUESTS: usize = 400;

/// Sends the requests over one connection, and ends the program.
async fn goes_on(mut running: Running, what: &str) {
    let caller = Caller::of(running.address_by_kernel().await);
    let path = format!("/{}", "x".repeat(500));
    let mut raw = caller.connect().await;
    for at in 0..REQUESTS {
        raw.write(RequestText::new("GET", &path).bytes()).await;
        assert_eq!(raw.read_response().await.status(), 401, "{what}, request {at}");
    }
    drop(raw);
    running.signal("TERM");
    assert_eq!(running.exit().await, 0, "{what}: {}", running.err());
}

#[tokio::test]
async fn requests_go_on_when_the_log_is_full_or_closed_from_the_start() {
    let upstream = Upstream::recording().await;
    for redirection in [">/dev/full", ">&-", ">&- 2>&- <&-", ">/dev/full 2>/dev/full"] {
        let program = Sidecar::guarding(&upstream).program(["run"]);
        goes_on(program.by_shell(&format!(r#"exec "$0" "$@" {redirection}"#)).start(), redirection).await;
    }
    assert_eq!(upstream.seen(), 0);
}

#[tokio::test]
async fn requests_go_on_when_the_reader_of_the_log_goes_away() {
    let upstream = Upstream::recording().await;
    let (reader, writer) = std::io::pipe().expect("a test machine has pipes");
    let running = Sidecar::guarding(&upstream).program(["run"]).output_to(writer).start();
    let mut reader = BufReader::new(reader);
    let mut line = String::new();
    reader.read_line(&mut line).expect("the first line comes");
    assert!(line.contains(r#""message":"serving""#), "{line}");
    drop(reader);
    goes_on(running, "a reader that went away").await;
    assert_eq!(upstream.seen(), 0);
}

#[tokio::test]
async fn requests_go_on_when_the_reader_of_the_log_stops_reading() {
    let upstream = Upstream::recording().await;
    let (reader, writer) = std::io::pipe().expect("a test machine has pipes");
    let running = Sidecar::guarding(&upstream).program(["run"]).output_to(writer).start();
    goes_on(running, "a reader that stands still").await;
    drop(reader);
    assert_eq!(upstream.seen(), 0);
}
