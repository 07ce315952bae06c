//! Plays the table of faults: each over HTTP/1.1 and HTTP/2, and to callers in the clear that know only HTTP/1.0.

use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::task::LocalSet;

use super::table::{Ends, Fault, Gets, Place, Play, table};
use crate::kit::{
    Answer, AtHead, Ca, End, Response, Sidecar, Upstream,
    h2::{self, H2Body},
    sidecar::Building,
    within,
};

/// How long an answer may take. Where the fault itself ends the wait, every timeout is longer; where a timeout does, it is this short.
const PROMPT: Duration = Duration::from_secs(10);
const SHORT: &str = "600ms";

/// What became of a row's requests.
#[derive(Default)]
struct Tally {
    requests: usize,
    seen: usize,
    doubled: usize,
    answered: usize,
    refused: usize,
    cut: usize,
}

// 59, 60, 61, 62, 63
#[tokio::test]
async fn every_fault_is_told_in_time_and_delivered_at_most_once() {
    let rows = table();
    let (count, mut total) = (rows.len(), Tally::default());
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        let local = LocalSet::new();
        let running: Vec<_> = rows.by_ref().take(AT_A_TIME).map(|row| local.spawn_local(play(row))).collect();
        local.await;
        for played in running {
            let tally = played.await.unwrap_or_else(|fault| std::panic::resume_unwind(fault.into_panic()));
            total.add(&tally);
        }
    }
    let Tally { requests, seen, doubled, answered, refused, cut } = total;
    say(&format!(
        "{count} upstream faults: {requests} requests, {seen} reached an upstream, {doubled} doubled; \
         {answered} answered whole, {refused} refused in time, {cut} cut and seen to be"
    ));
    assert!(count >= 25, "the table has shrunk to {count}");
    assert_eq!(doubled, 0);
    assert_eq!(requests, answered + refused + cut);
}

#[expect(clippy::print_stdout, reason = "the test harness shows it")]
fn say(text: &str) {
    println!("{text}");
}

/// How the caller asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Over {
    Http1,
    Http2,
    /// HTTP/1.0 without TLS: of an answer without a length, only a reset tells that it broke off.
    Http10,
}

async fn play(fault: Fault) -> Tally {
    let mut tally = Tally::default();
    for over in [Over::Http1, Over::Http2, Over::Http10] {
        let row = format!("{} ({}) over {over:?}", fault.what, fault.because);
        let (upstream, building, _keep) = stage(&fault).await;
        let building = if over == Over::Http10 { building.without_tls() } else { building };
        let sidecar = building.start().await;
        let token = sidecar.token().await;
        if let (Play::Before(_), Some(upstream)) = (&fault.play, &upstream) {
            assert_eq!(sidecar.deliver(&token, "/before", "{}").await.text(), "before", "{row}");
            // Until the news has reached this side, and the connection is given up.
            upstream.wait_idle().await;
        }
        let began = Instant::now();
        let got = within(PROMPT, &row, ask(&sidecar, &token, fault.method, over)).await;
        let took = began.elapsed();
        assert!(took < PROMPT, "{row}: {took:?}");
        let line =
            sidecar.wait_for_log(&row, |line| line["request_id"] == "fault" && line["outcome"].is_string()).await;
        judge(&row, fault.gets, got.as_ref(), &line);
        tally.count(fault.gets, got.as_ref());
        if let Some(upstream) = upstream {
            next_is_its_own(&row, &upstream, &sidecar, &token).await;
            let seen = upstream.requests().iter().filter(|seen| seen.header("x-request-id") == Some("fault")).count();
            let most = usize::from(!matches!(fault.gets, Gets::Unsent(..)));
            assert_eq!(seen, most, "{row}: how often the upstream saw the request");
            tally.seen += seen;
            tally.doubled += seen.saturating_sub(1);
        }
    }
    tally
}

/// The upstream, where there is one, and the sidecar before it.
async fn stage(fault: &Fault) -> (Option<Upstream>, Building, Option<Box<dyn std::any::Any>>) {
    let Place { url, trusts_kit, upstream, _keep } = match fault.play {
        Play::Elsewhere(place) => place(),
        Play::Answers(answer) | Play::AtHead(answer) | Play::Before(answer) => {
            let upstream = Upstream::recording().await;
            match fault.play {
                Play::AtHead(_) => upstream.at_head(move |_| AtHead::Answer(answer())),
                Play::Before(_) => upstream.answer_with(move |seen| match seen.target() {
                    "/before" => answer(),
                    _ => Answer::status(200).body("as it should"),
                }),
                _ => upstream.answer_with(move |_| answer()),
            }
            Place { url: upstream.url(), trusts_kit: false, upstream: Some(upstream), _keep: None }
        }
    };
    let mut building = Sidecar::before(&url).var("UPSTREAM_POOL_IDLE", "1h");
    if trusts_kit {
        building = building.var("UPSTREAM_CA_FILE", Ca::shared().ca_file().display().to_string());
    }
    if fault.ends == Ends::Timeout {
        for name in ["UPSTREAM_CONNECT_TIMEOUT", "UPSTREAM_RESPONSE_TIMEOUT", "BODY_TIMEOUT"] {
            building = building.var(name, SHORT);
        }
    } else {
        building = building.var("UPSTREAM_CONNECT_TIMEOUT", "1m").var("BODY_TIMEOUT", "1m");
    }
    (upstream, building, _keep)
}

/// One request; `None` when the connection ended before the head of an answer.
async fn ask(sidecar: &Sidecar, token: &str, method: &str, over: Over) -> Option<Response> {
    if over == Over::Http2 {
        let h2 = sidecar.h2().await;
        let request = h2.request(method, "/fault").header("authorization", format!("Bearer {token}"));
        let body = if method == "HEAD" { H2Body::empty() } else { H2Body::whole("hi") };
        let request = request.header("x-request-id", "fault").body(body).expect("good fields");
        return match h2.try_open(request).await {
            Ok(answer) => Some(h2::collect(answer).await),
            Err(_) => None,
        };
    }
    let version = if over == Over::Http1 { "HTTP/1.1" } else { "HTTP/1.0" };
    let body = if method == "HEAD" { "\r\n" } else { "Content-Length: 2\r\n\r\nhi" };
    let mut caller = sidecar.connect().await;
    let fields = format!("Host: a\r\nAuthorization: Bearer {token}\r\nX-Request-Id: fault\r\n");
    caller.write(format!("{method} /fault {version}\r\n{fields}{body}")).await;
    caller.try_read_response_to(method).await.ok()
}

/// Holds what the caller got, and what the log says of it, to the row.
fn judge(row: &str, gets: Gets, got: Option<&Response>, line: &Value) {
    let shown = format!("{row}: {got:?}\n{line}");
    match gets {
        Gets::Refusal(status, reasons) => {
            judge_refusal(&shown, status, reasons, got, line);
            assert_eq!(line["upstream_may_have_done_it"], true, "{shown}");
        }
        Gets::Unsent(status, reasons) => {
            judge_refusal(&shown, status, reasons, got, line);
            assert_eq!(line["upstream_may_have_done_it"], Value::Null, "{shown}");
        }
        Gets::Cut => {
            assert!(got.is_none_or(|response| response.end() == End::Cut), "looks complete: {shown}");
            assert_eq!((&line["outcome"], &line["verdict"]), (&"broken_off".into(), &"retried".into()), "{shown}");
            assert_eq!(line["upstream_may_have_done_it"], true, "{shown}");
        }
        Gets::Whole(status, text) => {
            let response = got.unwrap_or_else(|| panic!("no answer: {shown}"));
            assert_eq!((response.status(), response.text().as_str()), (status, text), "{shown}");
            assert_ne!(response.end(), End::Cut, "{shown}");
            assert_eq!(line["outcome"], "delivered", "{shown}");
        }
        Gets::WholeOrBroken(status, text) => match got.map(Response::status) {
            Some(502) => judge(row, Gets::Refusal(502, &["upstream_broken", "upstream_nonsense"]), got, line),
            _ => judge(row, Gets::Whole(status, text), got, line),
        },
    }
}

fn judge_refusal(shown: &str, status: u16, reasons: &[&str], got: Option<&Response>, line: &Value) {
    let code = if status == 504 { "UPSTREAM_TIMEOUT" } else { "UPSTREAM_UNREACHABLE" };
    let response = got.unwrap_or_else(|| panic!("no answer: {shown}"));
    assert_eq!((response.status(), response.refusal().as_str()), (status, code), "{shown}");
    assert!(reasons.iter().any(|reason| line["reason"] == *reason), "{shown}");
    assert_eq!((&line["outcome"], &line["verdict"]), (&"refused".into(), &"retried".into()), "{shown}");
}

/// What comes after the fault gets an answer of its own: nothing that was left over, and not the fault again.
async fn next_is_its_own(row: &str, upstream: &Upstream, sidecar: &Sidecar, token: &str) {
    upstream.at_head(|_| AtHead::Read);
    upstream.answer_with(|seen| Answer::status(200).body(seen.target()));
    for path in ["/next", "/and-next"] {
        let next = sidecar.deliver(token, path, "{}").await;
        match next.status() {
            // An upstream that shows a bad certificate is still not believed.
            502 if upstream.seen() == 0 => {}
            status => assert_eq!((status, next.text().as_str()), (200, path), "after {row}"),
        }
    }
}

impl Tally {
    fn count(&mut self, gets: Gets, got: Option<&Response>) {
        self.requests += 1;
        let counter = match gets {
            Gets::Cut => &mut self.cut,
            Gets::Whole(..) => &mut self.answered,
            Gets::WholeOrBroken(..) if got.is_some_and(|response| response.status() != 502) => &mut self.answered,
            Gets::Refusal(..) | Gets::Unsent(..) | Gets::WholeOrBroken(..) => &mut self.refused,
        };
        *counter += 1;
    }

    fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.seen += other.seen;
        self.doubled += other.doubled;
        self.answered += other.answered;
        self.refused += other.refused;
        self.cut += other.cut;
    }
}

/// Rows that are played side by side.
const AT_A_TIME: usize = 8;
