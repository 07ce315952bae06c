//! `bearergate health`, and the listener of the built program.

use std::{io::Write as _, net::TcpListener, thread};

use crate::kit::{Admin, Answer, Program, RequestText, Sidecar, Signal, Upstream, program::Running, program::Said};

/// Where the running program's admin listener is, by its own log.
async fn admin(running: &Running) -> Admin {
    let line = running.wait_for_log("the address of the admin listener", |line| line["message"] == "serving").await;
    let address = line["admin"].as_str().unwrap_or_default();
    Admin::at(address.parse().unwrap_or_else(|fault| panic!("{address:?} is not an address: {fault}: {line}")))
}

async fn health(listens: &str, more: &[&str]) -> Said {
    let arguments: Vec<&str> = ["health"].into_iter().chain(more.iter().copied()).collect();
    Program::with_all(&arguments).var("ADMIN_LISTEN", listens).run().await
}

#[tokio::test]
async fn it_says_0_for_ready_and_1_for_anything_else() {
    let upstream = Upstream::recording().await;
    let well = Sidecar::guarding(&upstream).admin().start().await;
    let address = well.admin().address();
    let taken = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let nowhere = taken.local_addr().expect("a bound socket has an address").to_string();
    drop(taken);
    let ill = Sidecar::before(&format!("http://{nowhere}")).admin().start().await;
    let (ill, port) = (ill.admin().address().to_string(), address.port());
    for (listens, more, code, out, err) in [
        (address.to_string(), &[][..], 0, "ready\n", ""),
        (address.to_string(), &["--live"], 0, "live\n", ""),
        (format!("0.0.0.0:{port}"), &[], 0, "ready\n", ""),
        (ill.clone(), &[], 1, "", "bearergate: not ready: [\"upstream\"]\n"),
        (ill, &["--live"], 0, "live\n", ""),
        (nowhere.clone(), &[], 1, "", "no answer from"),
        (nowhere, &["--live"], 1, "", "no answer from"),
        ("off".to_owned(), &[], 1, "", "BEARERGATE_ADMIN_LISTEN is off"),
        ("9090".to_owned(), &["--live"], 1, "", "BEARERGATE_ADMIN_LISTEN \"9090\" is not an address and a port"),
    ] {
        let said = health(&listens, more).await;
        assert_eq!((said.code, said.out.as_str()), (code, out), "{listens} {more:?}: {said:?}");
        assert!(said.err.contains(err) && said.err.is_empty() == err.is_empty(), "{listens} {more:?}: {said:?}");
    }
}

/// Probes run with the gate's own variables; a wrong one among them is not the probe's business.
#[tokio::test]
async fn it_reads_no_other_variable() {
    let upstream = Upstream::recording().await;
    let sidecar = Sidecar::guarding(&upstream).admin().start().await;
    let program = Program::with(["health"]).var("ADMIN_LISTEN", sidecar.admin().address().to_string());
    let said = program.var("TOKEN_KEY", "short").var("LISTN", "x").var("TLS_CERT_FILE", "/nowhere").run().await;
    assert_eq!(said.code, 0, "{said:?}");
}

#[tokio::test]
async fn who_is_not_the_gate_is_not_taken_for_it() {
    for answer in ["HTTP/1.1 404 Not Found\r\n\r\n", "HTTP/1.1 302 Found\r\n\r\n", "SSH-2.0-x\r\n", ""] {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound socket has an address").to_string();
        let other = thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("somebody connects");
            let mut request = [0; 1024];
            let _ = std::io::Read::read(&mut stream, &mut request);
            stream.write_all(answer.as_bytes()).expect("it is read");
        });
        let said = health(&address, &["--live"]).await;
        other.join().expect("the other program has answered");
        assert!(said.code == 1 && said.err.contains("is not the gate"), "{answer:?}: {said:?}");
    }
}

#[tokio::test]
async fn a_port_that_is_taken_ends_the_start_with_1_and_names_the_variable() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let address = taken.local_addr().expect("a bound socket has an address").to_string();
    let said = Sidecar::before("http://127.0.0.1:1").program(["run"]).var("ADMIN_LISTEN", &*address).run().await;
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.err.contains(&format!("BEARERGATE_ADMIN_LISTEN: cannot listen on {address}: ")), "{said:?}");
    assert!(said.err.contains("off") && !said.out.contains("serving"), "{said:?}");
}

/// The first line says what is served, where, and by which settings, defaults too; of a secret only that it is set.
#[tokio::test]
async fn the_start_line_has_the_version_and_every_setting_and_no_secret() {
    let upstream = Upstream::recording().await;
    for format in ["json", "text"] {
        let program = Sidecar::guarding(&upstream).admin().program(["run"]).var("LOG_FORMAT", format);
        let running = program.var("TOKEN_TTL", "2m").start();
        crate::kit::wait_until("the first line", || running.out().contains("serving")).await;
        let out = running.out();
        let line = out.lines().find(|line| line.contains("serving")).expect("it is there");
        for fact in [
            env!("CARGO_PKG_VERSION"),
            "\"BEARERGATE_TOKEN_TTL\":\"2m\"",
            "\"BEARERGATE_MAX_BODY\":\"10MiB\"",
            "\"BEARERGATE_TOKEN_KEY\":\"set\"",
            "\"BEARERGATE_CLIENT_PASSWORD\":\"set\"",
            "\"BEARERGATE_CLIENT_PASSWORD_HASH\":\"unset\"",
        ] {
            assert!(line.contains(fact), "{format}: {fact} in {line}");
        }
        assert!(!line.contains(crate::kit::sidecar::TOKEN_KEY), "{line}");
        assert!(!line.contains(crate::kit::sidecar::PASSWORD), "{line}");
    }
}

/// SIGTERM to the built program: 503 while it finishes, and `health` says so.
#[tokio::test]
async fn a_draining_program_is_alive_and_not_ready() {
    let go = Signal::new();
    let held = go.clone();
    let upstream = Upstream::answering(move |_| Answer::booked().after(&held)).await;
    let mut running = Sidecar::guarding(&upstream).admin().program(["run"]).start();
    let (admin, caller) = (admin(&running).await, crate::kit::Caller::of(running.address().await));
    let (token, mut waiting) = (caller.token().await, caller.connect().await);
    waiting.write(RequestText::new("POST", "/held").bearer(&token).json("{}").bytes()).await;
    upstream.wait_for("the request", |seen| seen.len() == 1).await;
    running.signal("TERM");
    running
        .wait_for_log("the drain to begin", |line| line["message"].as_str().is_some_and(|m| m.starts_with("stopping")))
        .await;
    let address = admin.address().to_string();
    let (ready, live) = (health(&address, &[]).await, health(&address, &["--live"]).await);
    assert!(ready.code == 1 && ready.err.contains("draining"), "{ready:?}");
    assert_eq!(live.code, 0, "{live:?}");
    go.fire();
    assert_eq!(waiting.read_response().await.status(), 200);
    assert_eq!(running.exit().await, 0);
}
