//! One line of log a request, written when its last byte has gone, also when the caller hangs up before.
//!
//! An [`Entry`] is opened with the request, learns facts on the way, travels in the answer's body ([`Closing`]) and writes its line when
//! that body is dropped. It is given no header but the ones it names, so no secret can reach the log through it.

use std::cell::Cell;
use std::net::IpAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Method, Response, StatusCode, Version};
use http_body::{Body, Frame, SizeHint};

use crate::auth::accounts::ClientName;
use crate::body::{Glance, Progress, Rest, Stage};
use crate::log::{Level, Line, Log};
use crate::refusal::Refusal;

pub mod reference;
pub mod verdict;

use reference::References;
use verdict::Verdict;

/// What the journal needs to know.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Which requests get a line.
    pub access_log: AccessLog,
    /// Whether a delivery's own numbers go into its line.
    pub references: LogReference,
}

/// Which requests get a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessLog {
    /// Every request.
    All,
    /// Those that did not get what they asked for.
    Refused,
    /// None.
    Off,
}

/// Whether `referencenumber` and `transactionid` of a delivery go into its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogReference {
    /// They do.
    On,
    /// They do not.
    Off,
}

/// Where requests are written down.
#[derive(Debug)]
pub struct Journal {
    log: Log,
    settings: Settings,
    begun: Instant,
    unread: AtomicU64,
    warned_at_s: AtomicU64,
}

impl Journal {
    /// A journal that writes to `log`.
    #[must_use]
    pub fn new(log: Log, settings: Settings) -> Self {
        Self { log, settings, begun: Instant::now(), unread: AtomicU64::new(0), warned_at_s: AtomicU64::new(0) }
    }

    /// True once a minute; says how many were left out since.
    fn may_warn(&self) -> Option<u64> {
        let now_s = self.begun.elapsed().as_secs() + WARN_EVERY_S;
        let last = self.warned_at_s.load(Ordering::Relaxed);
        let due = now_s >= last + WARN_EVERY_S;
        if due && self.warned_at_s.compare_exchange(last, now_s, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            return Some(self.unread.swap(0, Ordering::Relaxed));
        }
        self.unread.fetch_add(1, Ordering::Relaxed);
        None
    }
}

/// What became of a request. Closed, for the log and for counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A token was issued.
    TokenIssued,
    /// The upstream's answer was passed to its end.
    Delivered,
    /// The gate or the upstream's absence said no.
    Refused(Refusal),
    /// The caller went away before the answer's end.
    HungUp,
    /// We ended the connection before the answer's end: the caller did not read it, or a drain was over.
    Cut,
    /// The upstream's answer broke off, and the caller saw that it did.
    BrokenOff,
}

impl Outcome {
    /// The outcome's name in the log.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TokenIssued => "token_issued",
            Self::Delivered => "delivered",
            Self::Refused(_) => "refused",
            Self::HungUp => "hung_up",
            Self::Cut => "cut",
            Self::BrokenOff => "broken_off",
        }
    }
}

/// Which of the two jobs a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Errand {
    /// The token endpoint.
    Token,
    /// Everything else.
    Forward,
}

/// What becomes of a connection, known to the requests on it. Clones are one.
#[derive(Clone, Debug, Default)]
pub struct Fate(Rc<Cell<bool>>);

impl Fate {
    /// We end the connection with requests on it.
    pub fn cut(&self) {
        self.0.set(true);
    }

    /// Whether we ended it.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.0.get()
    }
}

/// One request's page in the journal.
#[derive(Debug)]
pub struct Entry {
    journal: Arc<Journal>,
    started: Instant,
    request_id: String,
    trace_id: String,
    peer: IpAddr,
    method: Method,
    path: String,
    version: Version,
    fate: Fate,
    errand: Errand,
    client: Option<ClientName>,
    password: Option<usize>,
    status: Option<StatusCode>,
    outcome: Outcome,
    upload: Option<Rc<Progress>>,
    bytes_out: u64,
    upstream: Option<Duration>,
    is_json: bool,
    glance: Option<Glance>,
}

/// How a request came in.
#[derive(Clone, Debug)]
pub struct Opening<'r> {
    /// `X-Request-Id`, the caller's or made here.
    pub request_id: &'r str,
    /// The trace id of `traceparent`, 32 hexadecimal digits.
    pub trace_id: &'r str,
    /// The address of the caller.
    pub peer: IpAddr,
    /// The request's method.
    pub method: &'r Method,
    /// The request's path, without its query: people put secrets into queries.
    pub path: &'r str,
    /// The protocol version.
    pub version: Version,
    /// What becomes of its connection.
    pub fate: &'r Fate,
}

impl Entry {
    /// Opens the page of a request.
    #[must_use]
    pub fn open(journal: &Arc<Journal>, opening: &Opening<'_>) -> Self {
        let path = opening.path;
        Self {
            journal: Arc::clone(journal),
            started: Instant::now(),
            request_id: opening.request_id.to_owned(),
            trace_id: opening.trace_id.to_owned(),
            peer: opening.peer,
            method: opening.method.clone(),
            path: path[..path.floor_char_boundary(MOST_PATH)].to_owned(),
            version: opening.version,
            fate: opening.fate.clone(),
            errand: Errand::Forward,
            client: None,
            password: None,
            status: None,
            outcome: Outcome::HungUp,
            upload: None,
            bytes_out: 0,
            upstream: None,
            is_json: false,
            glance: None,
        }
    }

    /// Notes which job the request is for.
    pub fn errand(&mut self, errand: Errand) {
        self.errand = errand;
    }

    /// Notes who the caller has proved to be.
    pub fn client(&mut self, client: &ClientName) {
        self.client = Some(client.clone());
    }

    /// Notes which of its passwords the client used: the position in its list, from 0, to tell when a rotation is done.
    pub fn password(&mut self, position: usize) {
        self.password = Some(position);
    }

    /// Notes the upload, whose bytes are counted as it goes.
    pub fn upload(&mut self, progress: &Rc<Progress>) {
        self.upload = Some(Rc::clone(progress));
    }

    /// What is left of an upload that was begun: nothing, if it was handed over whole.
    #[must_use]
    pub fn rest_of_upload(&self) -> Rest {
        match self.upload.as_ref().map(|upload| upload.stage()) {
            Some(Stage::Whole(_)) => Rest::Nothing,
            _ => Rest::Unread,
        }
    }

    /// Looks for a delivery's numbers in the beginning of its upload, when the settings want that.
    #[must_use]
    pub fn glance(&mut self) -> Option<Glance> {
        let wanted = self.journal.settings.references == LogReference::On && self.method == Method::POST;
        self.glance = wanted.then(|| Glance::at(reference::MOST_SEEN));
        self.glance.clone()
    }

    /// Notes how long the upstream took from the request's start to the answer's head.
    pub fn upstream(&mut self, took: Duration) {
        self.upstream = Some(took);
    }

    /// Closes the page with the last byte of this answer; `outcome` holds if the answer gets that far.
    pub fn close_with<B>(mut self, outcome: Outcome, answer: Response<B>) -> Response<Closing<B>>
    where
        B: Body<Data = Bytes>,
    {
        self.status = Some(answer.status());
        self.is_json = verdict::is_json(answer.headers());
        answer.map(|body| {
            if body.is_end_stream() || matches!(outcome, Outcome::Refused(_)) {
                self.outcome = outcome;
            }
            Closing { body, outcome, entry: self }
        })
    }

    fn verdict(&self) -> Option<Verdict> {
        if self.errand != Errand::Forward || self.method != Method::POST {
            return None;
        }
        if matches!(self.outcome, Outcome::HungUp | Outcome::Cut | Outcome::BrokenOff) {
            return Some(Verdict::Retried);
        }
        self.status.map(|status| Verdict::of(status, self.is_json && self.bytes_out > 0))
    }

    fn is_wanted(&self) -> bool {
        match self.journal.settings.access_log {
            AccessLog::All => true,
            AccessLog::Refused => !matches!(self.outcome, Outcome::TokenIssued | Outcome::Delivered),
            AccessLog::Off => false,
        }
    }

    fn line<'l>(&self, line: Line<'l>) -> Line<'l> {
        let references = self.glance.as_ref().map(|glance| References::find(&glance.seen())).unwrap_or_default();
        let refusal = if let Outcome::Refused(refusal) = &self.outcome { Some(refusal) } else { None };
        let broke_late =
            matches!(self.outcome, Outcome::HungUp | Outcome::Cut | Outcome::BrokenOff) && self.upload.is_some();
        let maybe_done = broke_late || refusal.is_some_and(Refusal::upstream_may_have_done_it);
        line.field("request_id", &self.request_id)
            .field("trace_id", &self.trace_id)
            .maybe("client", self.client.as_ref().map(ClientName::as_str))
            .maybe("password", self.password)
            .field("peer", self.peer)
            .field("method", self.method.as_str())
            .field("path", &self.path)
            .field("protocol", protocol(self.version))
            .maybe("status", self.status.map(|status| status.as_u16()))
            .field("outcome", self.outcome.name())
            .maybe("reason", refusal.map(Refusal::reason))
            .maybe("upstream_may_have_done_it", maybe_done.then_some(true))
            .maybe("verdict", self.verdict().map(Verdict::name))
            .maybe("referencenumber", references.number.as_deref())
            .maybe("transactionid", references.transaction.as_deref())
            .field("bytes_in", self.upload.as_ref().map_or(0, |upload| upload.bytes()))
            .field("bytes_out", self.bytes_out)
            .field("duration_ms", milliseconds(self.started.elapsed()))
            .maybe("upstream_ms", self.upstream.map(milliseconds))
    }

    fn warn_of_ten_bookings(&self) {
        let unread = self.outcome == Outcome::Delivered
            && self.verdict() == Some(Verdict::Retried)
            && self.status.is_some_and(|status| status.is_success());
        if unread && let Some(more) = self.journal.may_warn() {
            let line = self.journal.log.line(Level::Warn, TEN_BOOKINGS);
            line.field("request_id", &self.request_id)
                .field("path", &self.path)
                .field("status", self.status.map(|status| status.as_u16()))
                .field("answer_is_json", self.is_json)
                .field("bytes_out", self.bytes_out)
                .field("also_since_the_last_warning", more)
                .write();
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if self.outcome == Outcome::HungUp && self.fate.is_cut() {
            self.outcome = Outcome::Cut;
        }
        if self.is_wanted() {
            self.line(self.journal.log.always(Level::Info, "request")).write();
        }
        self.warn_of_ten_bookings();
    }
}

/// An answer's body that closes its request's page.
#[derive(Debug)]
pub struct Closing<B> {
    body: B,
    outcome: Outcome,
    entry: Entry,
}

impl<B: Body<Data = Bytes> + Unpin> Body for Closing<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                self.entry.bytes_out += frame.data_ref().map_or(0, |data| data.len() as u64);
                if self.body.is_end_stream() {
                    self.entry.outcome = self.outcome;
                }
            }
            Poll::Ready(None) => self.entry.outcome = self.outcome,
            Poll::Ready(Some(Err(_))) => self.entry.outcome = Outcome::BrokenOff,
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2",
        _ => "HTTP/1.1",
    }
}

/// Milliseconds with three decimals.
fn milliseconds(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1000.0
}

const TEN_BOOKINGS: &str = "the upstream answered a delivery with success but not with JSON: the network takes that for a failure and sends \
     the same payment again, up to 10 times; let the upstream answer 2xx with a JSON body as in the Transaction Sync API";
const WARN_EVERY_S: u64 = 60;
/// What is logged of a path, in bytes.
const MOST_PATH: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::{self, Format};

    #[test]
    fn a_warning_is_due_once_a_minute_and_says_how_many_were_left_out() {
        let log = Log::to(log::Settings { level: Level::Error, format: Format::Json }, std::io::sink());
        let mut journal = Journal::new(log, Settings { access_log: AccessLog::Off, references: LogReference::Off });
        assert_eq!([(); 4].map(|()| journal.may_warn()), [Some(0), None, None, None]);
        for (later_s, due) in [(WARN_EVERY_S - 1, None), (1, Some(4)), (0, None), (2 * WARN_EVERY_S, Some(1))] {
            journal.begun =
                journal.begun.checked_sub(Duration::from_secs(later_s)).expect("the clock counts below zero too");
            assert_eq!(journal.may_warn(), due, "{later_s} s later");
        }
    }
}
