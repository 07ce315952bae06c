//! Malformed requests and frames, one row each: what must happen to the stream or the connection, and that the upstream saw nothing of it,
//! or exactly the clean request. Source: RFC 9113, RFC 7541, RFC 9110; the sections that h2spec asks about are in the rows.

mod blocks;
mod frames;
mod heads;
mod requests;

use std::collections::BTreeSet;

use super::counted;
use crate::kit::{
    self, Answer, DEADLINE, Frames, Sidecar, Upstream,
    frames::{CONTINUATION, DATA, END_STREAM, Frame, GOAWAY, HEADERS, Last, NO_ERROR, RST_STREAM, code},
    hpack,
    upstream::Seen,
    within,
};

/// One thing that no honest caller sends, or that looks like it.
#[derive(Clone)]
struct Form {
    /// What it is.
    name: &'static str,
    /// Who says what must happen.
    source: &'static str,
    /// What the caller does on a connection of its own.
    acts: Vec<Act>,
    /// What must happen.
    then: Then,
}

/// What a caller does.
#[derive(Clone, Debug)]
enum Act {
    /// Opens the next stream with these fields; [`BEARER`] stands for a good token.
    Head(Vec<(&'static str, &'static str)>, Last),
    /// Sends a piece of a body on a stream.
    Data(u32, &'static str, Last),
    /// Sends a frame: type, flags, stream, payload.
    Frame(u8, u8, u32, Vec<u8>),
    /// Sends these bytes.
    Bytes(Vec<u8>),
    /// Waits until the caller's stream has its answer.
    Answered(u32),
}

/// What must happen.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Then {
    /// The stream ends with RST_STREAM of this code, and the connection goes on.
    Reset(u32),
    /// The connection ends with GOAWAY of this code, or of PROTOCOL_ERROR, which h2 says where it does not tell faults apart: the code only
    /// informs (RFC 9113, section 7).
    GoAway(u32),
    /// The request is answered by us with this status and code, and the connection goes on.
    Refused(u16, &'static str),
    /// One clean request for [`CLEAN`] reaches the upstream, with these fields and no others of their names, and this body.
    Clean(Vec<(&'static str, &'static str)>, &'static str),
    /// Nothing; the connection goes on.
    Ignored,
}

/// What did happen.
#[derive(Debug, Default)]
struct Saw {
    reset: Option<u32>,
    go_away: Option<u32>,
    is_closed: bool,
    status: Option<u16>,
    body: Vec<u8>,
    is_answered: bool,
    good: Option<u16>,
}

// 6, 33, 34, 35, 36
#[tokio::test]
async fn no_malformed_form_of_http_2_crosses() {
    let upstream = Upstream::answering(|seen| match seen.target() {
        HELD => Answer::hang(),
        _ => Answer::booked(),
    })
    .await;
    let sidecar = Sidecar::guarding(&upstream).start().await;
    let token = sidecar.token().await;
    let forms = [heads::forms(), requests::forms(), blocks::forms(), frames::forms()].concat();
    let mut faults = Vec::new();
    for form in &forms {
        let before = cleans(&upstream).len();
        let saw = play(&sidecar, &token, form).await;
        let fresh = cleans(&upstream).split_off(before);
        faults.extend(
            judge(form, &saw, &fresh).map(|fault| format!("{} ({}): {fault}; {saw:?}", form.name, form.source)),
        );
    }
    let crossings = crossings(&upstream);
    counted("malformed and odd forms of HTTP/2", forms.len());
    counted("crossings", crossings.len());
    assert!(faults.is_empty(), "{} of {} rows failed:\n{}", faults.len(), forms.len(), faults.join("\n"));
    assert!(forms.len() >= FLOOR, "{} rows are fewer than there were", forms.len());
    assert_eq!(crossings, Vec::<String>::new());
}

/// The sections of h2spec 2.6, and the test beside this table that covers what its rows do not. The numbers are those of RFC 7540.
const H2SPEC: [(&str, &str); 39] = [
    ("generic/1", "every row: its connection begins as it should"),
    ("generic/2", ""),
    (
        "generic/3",
        "every row: DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE and CONTINUATION that are good",
    ),
    ("generic/4", "forwarding: GET, HEAD and POST over HTTP/2, with trailers in bodies"),
    ("generic/5", ""),
    ("3.5", "beginnings::a_connection_of_http_2_that_begins_as_something_else_ends"),
    ("4.1", ""),
    ("4.2", ""),
    ("4.3", ""),
    ("5.1", ""),
    ("5.1.1", ""),
    ("5.1.2", "pins::one_stream_more_than_announced_is_refused_and_is_not_forwarded"),
    ("5.3.1", ""),
    ("5.4.1", "every row that ends with GOAWAY: the connection is closed behind it"),
    ("5.5", ""),
    ("6.1", ""),
    ("6.2", ""),
    ("6.3", ""),
    ("6.4", ""),
    ("6.5", ""),
    ("6.5.2", ""),
    ("6.5.3", "every row: the settings are acknowledged; timeouts, stalled: INITIAL_WINDOW_SIZE holds at once"),
    ("6.7", ""),
    ("6.8", ""),
    ("6.9", ""),
    ("6.9.1", ""),
    ("6.9.2", ""),
    ("6.10", ""),
    ("7", ""),
    ("8.1", ""),
    ("8.1.2", ""),
    ("8.1.2.1", ""),
    ("8.1.2.2", ""),
    ("8.1.2.3", ""),
    ("8.1.2.6", ""),
    ("8.2", ""),
    ("hpack/2.3.3", ""),
    ("hpack/4.2, hpack/5.2", ""),
    ("hpack/6.1, hpack/6.3", ""),
];

/// What a row's source says of h2spec: sections, some with the number of a case.
fn sections(form: &Form) -> impl Iterator<Item = &str> {
    let asked = form.source.split_once("h2spec ").map_or("", |(_, sections)| sections);
    asked.split([',', ';']).map(|section| {
        section.trim().rsplit_once('/').map_or(section.trim(), |(front, case)| {
            if case.contains('.') || front == "generic" { section.trim() } else { front }
        })
    })
}

// 33
#[test]
fn every_section_that_h2spec_asks_about_is_covered() {
    let forms = [heads::forms(), requests::forms(), blocks::forms(), frames::forms()].concat();
    let asked: BTreeSet<&str> = forms.iter().flat_map(sections).collect();
    for (names, elsewhere) in H2SPEC {
        for section in names.split(", ") {
            assert!(asked.contains(section) || !elsewhere.is_empty(), "no row is of h2spec's section {section}");
        }
    }
    let known: BTreeSet<&str> = H2SPEC.iter().flat_map(|(names, _)| names.split(", ")).collect();
    let unknown: Vec<_> = asked.iter().filter(|section| !section.is_empty() && !known.contains(**section)).collect();
    assert!(unknown.is_empty(), "h2spec has no sections {unknown:?}");
}

async fn play(sidecar: &Sidecar, token: &str, form: &Form) -> Saw {
    let mut caller = Frames::connect(sidecar).await;
    let bearer = format!("Bearer {token}");
    for act in &form.acts {
        match act {
            Act::Head(fields, last) => {
                let fields: Vec<_> = fields
                    .iter()
                    .map(|(name, value)| (*name, if *value == BEARER { &bearer } else { *value }))
                    .collect();
                caller.open(&fields, *last).await;
            }
            Act::Data(stream, text, last) => caller.data(*stream, text.as_bytes(), *last).await,
            Act::Frame(kind, flags, stream, payload) => caller.write(*kind, *flags, *stream, payload).await,
            Act::Bytes(bytes) => caller.send(bytes).await,
            Act::Answered(stream) => drop(caller.told(*stream).await),
        }
    }
    let fields = kit::frames::head("GET", "/good", &[("authorization", &bearer)]);
    let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
    caller.write(HEADERS, kit::frames::END_HEADERS | END_STREAM, GOOD, &hpack::block(&fields)).await;
    let waits_for_answer = matches!(form.then, Then::Refused(..) | Then::Clean(..));
    within(DEADLINE, form.name, listen(&mut caller, waits_for_answer)).await
}

/// Reads until it is clear what happened: the good request behind the form is answered, or the connection is over.
async fn listen(caller: &mut Frames, waits_for_answer: bool) -> Saw {
    let mut saw = Saw::default();
    while !(saw.good.is_some() && (saw.is_answered || !waits_for_answer)) {
        let Some(Frame { kind, flags, stream, payload }) = caller.next().await else {
            saw.is_closed = true;
            break;
        };
        match (kind, stream) {
            (GOAWAY, _) if code(&payload[4..]) != NO_ERROR => saw.go_away = Some(code(&payload[4..])),
            (HEADERS, GOOD) => saw.good = Some(hpack::status(&payload)),
            (RST_STREAM, GOOD) => saw.good = Some(0),
            (RST_STREAM, _) => {
                saw.reset = saw.reset.or(Some(code(&payload)));
                saw.is_answered = true;
            }
            (HEADERS, _) => saw.status = Some(hpack::status(&payload)),
            (DATA, stream) if stream != GOOD => saw.body.extend(payload),
            _ => {}
        }
        saw.is_answered |= matches!(kind, HEADERS | DATA) && stream != GOOD && flags & END_STREAM != 0;
    }
    saw
}

fn judge(form: &Form, saw: &Saw, fresh: &[Seen]) -> Option<String> {
    let goes_on = saw.good == Some(200) && !saw.is_closed && saw.go_away.is_none();
    let is_as_wanted = match &form.then {
        Then::Reset(code) => goes_on && saw.reset == Some(*code) && saw.status.is_none(),
        Then::GoAway(code) => {
            saw.go_away.is_some_and(|said| [*code, PROTOCOL_ERROR].contains(&said))
                && saw.is_closed
                && saw.good.is_none()
        }
        Then::Refused(status, reason) => goes_on && saw.status == Some(*status) && says(saw, reason),
        Then::Clean(..) => goes_on && saw.status == Some(200),
        Then::Ignored => goes_on && saw.reset.is_none(),
    };
    if !is_as_wanted {
        return Some(format!("not {:?}", form.then));
    }
    match (&form.then, fresh) {
        (Then::Clean(fields, body), [seen]) => unclean(seen, fields, body),
        (Then::Clean(..), _) => Some(format!("{} requests instead of one", fresh.len())),
        (_, []) => None,
        (_, _) => Some("a clean request that nobody sent".to_owned()),
    }
}

fn says(saw: &Saw, reason: &str) -> bool {
    String::from_utf8_lossy(&saw.body).contains(&format!("\"{reason}\"")) || reason.is_empty()
}

/// What is wrong with a forwarded request.
fn unclean(seen: &Seen, fields: &[(&str, &str)], body: &str) -> Option<String> {
    let odd =
        fields.iter().find(|(name, value)| seen.values(name) != Vec::from_iter((*value != NONE).then_some(*value)));
    let hop = HOP.iter().find(|name| seen.header(name).is_some());
    let repeated = ["host", "content-length", "cookie", "transfer-encoding"];
    let repeated = repeated.iter().find(|name| seen.values(name).len() > 1);
    let is_whole = seen.complete() && seen.text() == body && seen.values("host").len() == 1;
    let fault = format!("{odd:?} {hop:?} {repeated:?} {}", String::from_utf8_lossy(seen.raw_head()));
    (odd.is_some() || hop.is_some() || repeated.is_some() || !is_whole || !seen.trailers().is_empty()).then_some(fault)
}

fn cleans(upstream: &Upstream) -> Vec<Seen> {
    upstream.requests().into_iter().filter(|seen| seen.target() == CLEAN).collect()
}

/// What reached the upstream and should not have: a request for [`CROSSED`], a whole one for [`HALF`], or anything called smuggled.
fn crossings(upstream: &Upstream) -> Vec<String> {
    let known = [CLEAN, HALF, HELD, "/good"];
    let requests = upstream.requests().into_iter();
    let wrong = requests.filter(|seen| !known.contains(&seen.target()) || (seen.target() == HALF && seen.complete()));
    let mut wrong: Vec<String> = wrong.map(|seen| format!("{seen:?}")).collect();
    for connection in upstream.connections() {
        let text = String::from_utf8_lossy(connection.raw.kept()).to_lowercase();
        wrong.extend((text.contains("smuggled") || text.contains(CROSSED)).then_some(text));
    }
    wrong
}

/// The ordinary head of a request with a token and these fields besides.
fn ordinary(
    method: &'static str,
    path: &'static str,
    more: &[(&'static str, &'static str)],
) -> Vec<(&'static str, &'static str)> {
    let mut fields = kit::frames::head(method, path, &[("authorization", BEARER)]);
    fields.extend_from_slice(more);
    fields
}

/// Stands for `Bearer` and a good token.
const BEARER: &str = "{bearer}";
/// In [`Then::Clean`]: no field of this name.
const NONE: &str = "{none}";
/// Where malformed requests are sent: never seen by the upstream.
const CROSSED: &str = "/crossed";
/// Where requests are sent that become malformed after their head: never whole.
const HALF: &str = "/half";
/// Where requests are sent that are odd and good.
const CLEAN: &str = "/clean";
/// Where requests are sent that get no answer.
const HELD: &str = "/held";
/// The stream of the good request behind each form.
const GOOD: u32 = 101;
/// Fields of one hop that no upstream is to see.
const HOP: [&str; 6] = ["connection", "keep-alive", "proxy-connection", "te", "upgrade", "trailer"];
/// The least rows there may be: the issue asks for 40.
const FLOOR: usize = 200;
/// Error codes. Source: RFC 9113, section 7.
const PROTOCOL_ERROR: u32 = 1;
const FLOW_CONTROL_ERROR: u32 = 3;
const STREAM_CLOSED: u32 = 5;
const FRAME_SIZE_ERROR: u32 = 6;
const COMPRESSION_ERROR: u32 = 9;
