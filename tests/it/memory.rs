//! What the built program needs for bodies of any size: the same as for small ones.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    thread,
};

use crate::kit::{
    self, Answer, Ca, H2, Raw, RequestText, Response, Upstream,
    h2::H2Body,
    sidecar::{PASSWORD, TOKEN_KEY, USERNAME},
};

const GIB: u64 = 1 << 30;
const MOST_RESIDENT_KIB: u64 = 40 << 10;
const PIECE: usize = 256 << 10;

// 65
#[tokio::test]
async fn a_gibibyte_each_way_over_each_protocol_passes_within_40_mib() {
    let upstream = Upstream::answering(|seen| match seen.method() {
        "GET" => Answer::status(200).repeat(b'x', GIB),
        _ => Answer::booked(),
    })
    .await;
    let program = Program::start(&upstream);
    let token = program.token().await;

    let mut caller = program.connect().await;
    caller
        .write(format!("POST /a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\nContent-Length: {GIB}\r\n\r\n"))
        .await;
    let piece = vec![b'x'; PIECE];
    for _ in 0..GIB / PIECE as u64 {
        caller.write(&piece).await;
    }
    program.took_it_well("an upload over HTTP/1.1", &upstream, &caller.read_response().await);

    caller.write(RequestText::new("GET", "/a").bearer(&token).bytes()).await;
    let down = caller.read_response().await;
    program.took_it_well("a download over HTTP/1.1", &upstream, &down);
    assert_eq!((down.body().length(), down.body().sha256()), (GIB, upstream.requests()[0].body().sha256()));

    let h2 = H2::connect(program.address, &Ca::shared().client()).await;
    let (feed, body) = H2Body::fed();
    let request = h2.request("POST", "/a").header("authorization", format!("Bearer {token}")).body(body).unwrap();
    let feeding = async move {
        let piece = bytes::Bytes::from(piece);
        for _ in 0..GIB / PIECE as u64 {
            assert!(feed.data(piece.clone()).await, "the upload is read to its end");
        }
    };
    let (answer, ()) = tokio::join!(h2.try_open(request), feeding);
    program.took_it_well("an upload over HTTP/2", &upstream, &kit::h2::collect(answer.expect("an answer")).await);

    let request = h2.request("GET", "/a").header("authorization", format!("Bearer {token}"));
    let down = h2.send(request.body(H2Body::empty()).unwrap()).await;
    program.took_it_well("a download over HTTP/2", &upstream, &down);
    assert_eq!((down.body().length(), down.body().sha256()), (GIB, upstream.requests()[0].body().sha256()));
    assert_eq!(upstream.seen(), 4);
}

/// The built program as its users run it, with variables. It is killed when this is dropped.
struct Program {
    child: Child,
    address: SocketAddr,
}

impl Program {
    fn start(upstream: &Upstream) -> Self {
        let ca = Ca::shared();
        let mut child = Command::new(env!("CARGO_BIN_EXE_bearergate"))
            .env_clear()
            .env("BEARERGATE_UPSTREAM_URL", upstream.url())
            .env("BEARERGATE_LISTEN", "127.0.0.1:0")
            .env("BEARERGATE_ADMIN_LISTEN", "off")
            .env("BEARERGATE_TLS_CERT_FILE", ca.chain_file())
            .env("BEARERGATE_TLS_KEY_FILE", ca.key_file())
            .env("BEARERGATE_CLIENT_USERNAME", USERNAME)
            .env("BEARERGATE_CLIENT_PASSWORD", PASSWORD)
            .env("BEARERGATE_TOKEN_KEY", TOKEN_KEY)
            .env("BEARERGATE_MAX_BODY", "2GiB")
            .env("BEARERGATE_LOG_FORMAT", "json")
            .stdout(Stdio::piped())
            .spawn()
            .expect("cargo has built the program");
        let mut lines = BufReader::new(child.stdout.take().expect("it was piped")).lines().map_while(Result::ok);
        let serving = lines.find(|line| line.contains(r#""message":"serving""#)).expect("it says that it serves");
        let serving: serde_json::Value = serde_json::from_str(&serving).expect("a log line is JSON");
        let address = serving["address"].as_str().and_then(|text| text.parse().ok()).expect("it says where");
        // A full pipe would hold up its log.
        thread::spawn(move || lines.for_each(drop));
        Self { child, address }
    }

    async fn connect(&self) -> Raw {
        Raw::tls(self.address, &Ca::shared().client()).await
    }

    async fn token(&self) -> String {
        let mut caller = self.connect().await;
        let path = "/api/token_generate";
        caller.write(RequestText::new("POST", path).basic(USERNAME, PASSWORD).json("{}").bytes()).await;
        let response = caller.read_response().await;
        response.json()["access_token"].as_str().expect("a token").to_owned()
    }

    /// The exchange went well, and the most memory that the program ever had is within the limit.
    fn took_it_well(&self, what: &str, upstream: &Upstream, response: &Response) {
        assert_eq!((response.status(), response.end()), (200, kit::End::Framed), "{what}");
        let seen = upstream.requests().pop().expect("it was forwarded");
        let expected = if seen.method() == "POST" { GIB } else { 0 };
        assert_eq!((seen.body().length(), seen.complete()), (expected, true), "{what}");
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux says so");
        let most: u64 = most.trim().trim_end_matches(" kB").parse().expect("a number of KiB");
        assert!(most < MOST_RESIDENT_KIB, "{what}: {most} KiB resident");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may be gone already; then there is nothing to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
