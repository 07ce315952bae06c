//! `demo --upstream KIND` and `--only-upstream`: what is printed for each kind is what the caller, the log and the page then show.

use std::{
    net::{SocketAddr, TcpListener},
    path::Path,
};

use serde_json::Value;

use super::{demo, folder, named};
use crate::kit::{
    Admin, ClientTls, Program, Raw, RequestText, Response, Sidecar,
    program::{Caller, Running},
    wait_until,
};

/// A kind: the status the caller hears with a part of its answer, a part of the line of log, the verdict or a notice of the page, and what the
/// upstream has booked when the same payment was sent twice.
type Row = (&'static str, u16, &'static str, &'static str, &'static str, &'static str);

const ROWS: [Row; 11] = [
    ("good", 200, "reftransactionid", r#"verdict="done""#, "Payments are coming in", TWICE),
    ("slow", 200, "reftransactionid", r#"verdict="done""#, "Payments are coming in", TWICE),
    ("hanging", 504, "UPSTREAM_TIMEOUT", r#"reason="upstream_timeout""#, "The API behind the gate fails", TWICE),
    ("down", 502, "UPSTREAM_UNREACHABLE", r#"reason="upstream_refused""#, "The API behind the gate is down", NOTHING),
    (
        "full",
        502,
        "UPSTREAM_UNREACHABLE",
        r#"reason="upstream_connect_timeout""#,
        "The API behind the gate is down",
        NOTHING,
    ),
    ("resets", 502, "UPSTREAM_UNREACHABLE", r#"reason="upstream_broken""#, "The API behind the gate fails", TWICE),
    (
        "wrong",
        200,
        "OK, thank you",
        r#"verdict="retried""#,
        "The upstream answers deliveries with success but not with JSON",
        TWICE,
    ),
    ("null", 200, r#""object":null"#, r#"verdict="done""#, "Payments are coming in", TWICE),
    ("errors", 500, "E500", r#"verdict="retried""#, "The API does not take payments", NOTHING),
    ("final", 400, "E01", r#"verdict="final""#, "The API does not take payments", NOTHING),
    ("redirect", 301, "{}", r#"verdict="final""#, "The API does not take payments", NOTHING),
];
const NOTHING: &str = "booked 0 payments, none twice";
const TWICE: &str = "booked 1 payment in 2 bookings: 1 too many";
const PAYMENT: &str = r#"{"transactionid":"T-7","referencenumber":"FT-7"}"#;

/// A demo, and what it takes to call it.
struct Shown {
    running: Running,
    address: SocketAddr,
    page: Admin,
    bearer: String,
    tls: ClientTls,
    _directory: tempfile::TempDir,
}

impl Shown {
    async fn of(kind: &str) -> Self {
        let directory = folder();
        let running = demo(directory.path(), ["--upstream", kind, "--format", "env"]);
        let named = named(&running).await;
        let address = named["url"].replace("https://localhost", "127.0.0.1").parse().expect("the URL has a port");
        let page = named["page"].trim_start_matches("http://").trim_end_matches('/').parse().expect("an address");
        let tls = ClientTls::trusting(Path::new(&named["ca"]));
        let mut shown =
            Self { running, address, page: Admin::at(page), bearer: String::new(), tls, _directory: directory };
        let asked = RequestText::new("POST", "/api/token_generate").basic(&named["username"], &named["password"]);
        shown.bearer = shown.exchange(asked).await.json()["access_token"].as_str().unwrap_or_default().to_owned();
        shown
    }

    async fn exchange(&self, request: RequestText) -> Response {
        let mut raw = Raw::tls(self.address, &self.tls).await;
        raw.write(request.bytes()).await;
        raw.read_response().await
    }

    async fn deliver(&self) -> Response {
        self.exchange(RequestText::new("POST", "/bank/api/transaction-sync").bearer(&self.bearer).json(PAYMENT)).await
    }

    /// The lines of log about deliveries.
    fn log(&self) -> Vec<String> {
        self.running
            .err()
            .lines()
            .filter(|line| line.contains(" request ") && line.contains("transaction-sync"))
            .map(str::to_owned)
            .collect()
    }
}

#[tokio::test]
async fn each_kind_shows_what_is_printed_of_it() {
    let help = Program::with(["demo", "--help"]).run().await.out;
    for (kind, ..) in ROWS {
        assert!(help.contains(&format!("- {kind}:")), "{kind}: {help}");
    }
    let all = ROWS.map(|row| tokio::spawn(each(row)));
    for (one, (kind, ..)) in all.into_iter().zip(ROWS) {
        one.await.unwrap_or_else(|fault| panic!("{kind}: {fault}"));
    }
}

async fn each((kind, status, says, log, page, booked): Row) {
    let mut shown = Shown::of(kind).await;
    for _ in 0..2 {
        let answer = shown.deliver().await;
        assert_eq!((answer.status(), answer.text().contains(says)), (status, true), "{kind}: {answer:?}");
    }
    wait_until("the lines of both deliveries", || shown.log().len() == 2).await;
    for line in shown.log() {
        assert!(line.contains(log), "{kind}: {line}");
    }
    let on_page = |status: &Value| {
        let notices = status["notices"].as_array().into_iter().flatten();
        let mut texts = notices.map(|notice| &notice["text"]).chain([&status["verdict"]["sentence"]]);
        texts.any(|text| text.as_str().is_some_and(|text| text.contains(page)))
    };
    shown.page.status_when(kind, on_page).await;
    shown.running.signal("INT");
    assert_eq!(shown.running.exit().await, 0, "{kind}");
    assert!(shown.running.err().contains(booked), "{kind}: {}", shown.running.err());

    let said = Program::with_all(&["demo", "--listen", "127.0.0.1:0", "--upstream", kind]);
    let directory = folder();
    let running = said.in_directory(directory.path()).start();
    let printed = super::printed(&running, "standard error\n").await;
    let lesson = printed.lines().skip_while(|line| !line.contains(&format!("`{kind}`"))).take(4);
    let lesson = lesson.collect::<Vec<_>>().join("\n");
    for part in [&*status.to_string(), log, page] {
        assert!(lesson.contains(part), "{kind}: {part} is not printed: {printed}");
    }
}

#[tokio::test]
async fn a_flapping_upstream_is_down_and_comes_back_by_itself() {
    let shown = Shown::of("flapping").await;
    assert_eq!(shown.deliver().await.status(), 502);
    wait_until("its line of log", || !shown.log().is_empty()).await;
    assert!(shown.log()[0].contains(r#"reason="upstream_refused""#), "{:?}", shown.log());
    shown.page.status_when("up again", |status| status["upstream"]["up"] == true).await;
    assert_eq!(shown.deliver().await.status(), 200);
    let counts = shown.exchange(RequestText::new("GET", "/counts").bearer(&shown.bearer)).await;
    assert_eq!(counts.json(), serde_json::json!({ "bookings": 1, "payments": 1, "doubled": 0 }));
}

/// The sample upstream alone, killed and started again with its ledger, behind a gate of its own.
#[tokio::test]
async fn the_sample_upstream_alone_serves_a_gate_and_remembers_what_it_has_booked() {
    let directory = folder();
    let free = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").to_string();
    let alone = || {
        let program = Program::with_all(&["demo", "--only-upstream", &free, "--ledger", "ledger"]);
        program.in_directory(directory.path()).start()
    };
    let first = alone();
    super::printed(&first, "Ctrl-C ends it.\n").await;
    let url = format!("http://{free}");
    let gate = Sidecar::before(&url).program(["run"]).start();
    let caller = Caller::of(gate.address().await);
    let token = caller.token().await;
    let delivery = || RequestText::new("POST", "/bank/api/transaction-sync").bearer(&token).json(PAYMENT);
    assert_eq!(caller.exchange(delivery()).await.status(), 200);
    drop(first);
    assert_eq!(caller.exchange(delivery()).await.status(), 502);

    let mut second = alone();
    super::printed(&second, "Ctrl-C ends it.\n").await;
    assert_eq!(caller.exchange(delivery()).await.status(), 200);
    second.signal("TERM");
    assert_eq!(second.exit().await, 0);
    assert!(second.err().contains(TWICE), "{}", second.err());
}

#[tokio::test]
async fn the_sample_upstream_is_never_open_to_others() {
    for (arguments, says) in [
        (&["--only-upstream", "0.0.0.0:0"][..], "listens on loopback alone"),
        (&["--only-upstream", "8080"], "write an address and a port"),
        (&["--only-upstream", "127.0.0.1:0", "--listen", "127.0.0.1:0"], "cannot be used with"),
        (&["--upstream", "sideways"], "possible values: good, slow"),
    ] {
        let arguments: Vec<&str> = ["demo"].into_iter().chain(arguments.iter().copied()).collect();
        let said = Program::with_all(&arguments).run().await;
        assert!(said.code == 2 && said.err.contains(says), "{arguments:?}: {said:?}");
    }
}
