//! The built program, told by a signal.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::kit::{
    self, Ca, DEADLINE, Raw, RequestText, Response, Upstream,
    sidecar::{PASSWORD, TOKEN_KEY},
};

use super::{clients_json, workday::replace};

#[tokio::test]
async fn sighup_has_the_files_looked_at_at_once() {
    let upstream = Upstream::recording().await;
    let folder = tempfile::tempdir().expect("a temporary directory");
    let file = folder.path().join("clients.json");
    replace(&file, &clients_json(&[("vietqr", PASSWORD)]));
    let program = Program::start(&upstream, &file.display().to_string());
    assert_eq!(program.ask_token("vietqr", PASSWORD).await.status(), 200);

    let mut begun = Instant::now();
    for number in 0..=5 {
        let (name, password) = (format!("client-{number}"), format!("password-of-client-{number}"));
        replace(&file, &clients_json(&[("vietqr", PASSWORD), (&name, &password)]));
        program.hang_up();
        let let_in = async { while program.ask_token(&name, &password).await.status() != 200 {} };
        kit::within(DEADLINE, &name, let_in).await;
        if number == 0 {
            // Each look begins a new wait of two seconds.
            begun = Instant::now();
        }
    }
    let took = begun.elapsed();
    assert!(
        took < Duration::from_secs(6),
        "five looks took {took:?}; without the signal they take eight seconds or more"
    );
}

/// The program with a clients file. It is killed when this is dropped.
struct Program {
    child: Child,
    address: SocketAddr,
}

impl Program {
    fn start(upstream: &Upstream, clients: &str) -> Self {
        let ca = Ca::shared();
        let mut child = Command::new(env!("CARGO_BIN_EXE_bearergate"))
            .env_clear()
            .env("BEARERGATE_UPSTREAM_URL", upstream.url())
            .env("BEARERGATE_LISTEN", "127.0.0.1:0")
            .env("BEARERGATE_ADMIN_LISTEN", "off")
            .env("BEARERGATE_TLS_CERT_FILE", ca.chain_file())
            .env("BEARERGATE_TLS_KEY_FILE", ca.key_file())
            .env("BEARERGATE_CLIENTS_FILE", clients)
            .env("BEARERGATE_TOKEN_KEY", TOKEN_KEY)
            .env("BEARERGATE_LOG_FORMAT", "json")
            .stdout(Stdio::piped())
            .spawn()
            .expect("cargo has built the program");
        let output = BufReader::new(child.stdout.take().expect("it was piped"));
        let mut lines = output.lines().map_while(Result::ok);
        let serving = lines.find(|line| line.contains(r#""message":"serving""#)).expect("it says that it serves");
        let serving: serde_json::Value = serde_json::from_str(&serving).expect("a log line is JSON");
        let address = serving["address"].as_str().and_then(|text| text.parse().ok()).expect("it says where");
        // A full pipe would hold up its log.
        thread::spawn(move || lines.for_each(drop));
        Self { child, address }
    }

    fn hang_up(&self) {
        // The shell's own: there need be no program of this name.
        let status = Command::new("sh").arg("-c").arg(format!("kill -HUP {}", self.child.id())).status();
        assert!(status.is_ok_and(|status| status.success()), "the signal could not be sent");
    }

    async fn ask_token(&self, username: &str, password: &str) -> Response {
        let mut caller = Raw::tls(self.address, &Ca::shared().client()).await;
        let request = RequestText::new("POST", "/api/token_generate").basic(username, password).json("{}");
        caller.write(request.bytes()).await;
        caller.read_response().await
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may be gone already; then there is nothing to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
