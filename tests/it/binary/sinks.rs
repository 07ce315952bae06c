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

/// The lines that there was no room for are left out, and a line says how many: nothing is lost unseen.
#[tokio::test]
async fn what_a_sink_that_stood_still_has_missed_is_counted() {
    let upstream = Upstream::recording().await;
    let (reader, writer) = std::io::pipe().expect("a test machine has pipes");
    let mut running = Sidecar::guarding(&upstream).program(["run"]).output_to(writer).start();
    let caller = Caller::of(running.address_by_kernel().await);
    let path = format!("/{}", "x".repeat(500));
    // Of a client that is known: lines about strangers are bounded by other rules.
    let requests = RequestText::new("GET", &path).bearer(&caller.token().await).bytes().repeat(50);
    let (mut raw, mut sent) = (caller.connect().await, 0);
    for _ in 0..MOST_WAITING / (50 * path.len()) {
        raw.write(&requests).await;
        for _ in 0..50 {
            assert_eq!(raw.read_response().await.status(), 200);
            sent += 1;
        }
    }
    drop(raw);
    running.signal("TERM");
    let lines: Vec<serde_json::Value> = BufReader::new(reader)
        .lines()
        .map(|line| serde_json::from_str(&line.expect("the pipe is read")).expect("every line is whole"))
        .collect();
    assert_eq!(running.exit().await, 0, "{}", running.err());
    let written = lines.iter().filter(|line| line["path"] == path.as_str()).count();
    let is_count =
        |line: &&serde_json::Value| line["message"].as_str().is_some_and(|said| said.contains("were left out"));
    let left_out: u64 = lines.iter().filter(is_count).filter_map(|line| line["lines"].as_u64()).sum();
    assert!(left_out > 0 && written > 0, "{written} lines written, {left_out} left out");
    // The two lines about the end may be among them.
    let accounted = written as u64 + left_out;
    assert!((sent..=sent + 2).contains(&accounted), "{sent} requests, {written} lines written, {left_out} left out");
    assert_eq!(upstream.seen() as u64, sent);
}

/// More bytes of log than wait for a sink (1 MiB), by far.
const MOST_WAITING: usize = 2 << 20;
