//! The same CPU figures with callers that others have written.

use std::fs;
use std::io;
use std::process::{Command, Stdio};

use super::Found;
use crate::figures::Figure;
use crate::peers::{Server, Stage};
use crate::requests::{bearer, payment};

/// wrk on 64 kept connections for some seconds, h2load on 8 connections with 16 streams.
pub(super) async fn run(stage: &Stage, server: &Server, times: usize) -> io::Result<Found> {
    let authorization = bearer()?;
    let url = format!("https://127.0.0.1:{}/bank/api/transaction-sync", server.port);
    let (body, script) = (stage.work.join("body"), stage.work.join("post.lua"));
    let text = payment();
    fs::write(&body, &text)?;
    fs::write(&script, format!("wrk.method = 'POST'\nwrk.body = [[{}]]\n", String::from_utf8_lossy(&text)))?;
    let header = format!("Authorization: {authorization}");
    let mut wrk = Command::new("wrk");
    wrk.args(["-t1", "-c64", "-s"]).arg(&script).args([format!("-d{times}s").as_str(), "-H", &header, &url]);
    let mut found = vec![(Figure::KeepAlive, cost(server, wrk, before_requests).await?)];
    if server.peer.speaks_http2() {
        let mut h2load = Command::new("h2load");
        h2load.args(["-n", "12800", "-c8", "-m16", "-H", &header, "-d"]).arg(&body).arg(&url);
        found.push((Figure::Http2, cost(server, h2load, after_succeeded).await?));
    }
    Ok(found)
}

/// What each request of a command has cost the server, in µs; its connections and handshakes are counted too.
async fn cost(server: &Server, mut command: Command, requests: fn(&str) -> Option<f64>) -> io::Result<f64> {
    let before = server.process.spent().await?;
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    // The upstream lives on this thread.
    let output = wait(child).await?;
    let spent = server.process.spent().await?.since(before)?;
    let requests = requests(&output).ok_or_else(|| io::Error::other(format!("requests failed: {output}")))?;
    Ok(spent.as_secs_f64() * 1e6 / requests)
}

async fn wait(mut child: std::process::Child) -> io::Result<String> {
    while child.try_wait()?.is_none() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let output = child.wait_with_output()?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// wrk: `12345 requests in 2.00s, …`; a line more when some were not answered with 2xx.
fn before_requests(output: &str) -> Option<f64> {
    if output.contains("Non-2xx") || output.contains("Socket errors") {
        return None;
    }
    output.lines().find_map(|line| line.trim().split_once(" requests in")).and_then(|(count, _)| count.parse().ok())
}

/// h2load: `requests: 100 total, 100 started, 100 done, 100 succeeded, …`; `status codes: 100 2xx, …`.
fn after_succeeded(output: &str) -> Option<f64> {
    let line = output.lines().find_map(|line| line.strip_prefix("status codes: "))?;
    line.contains(" 2xx, 0 3xx, 0 4xx, 0 5xx").then(|| line.split_whitespace().next()?.parse().ok())?
}
