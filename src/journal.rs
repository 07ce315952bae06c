//! One line of log and one set of counts a request, written when its last byte has gone, also when the caller hangs up before.
//!
//! An [`Entry`] is opened with the request, learns facts on the way, travels in the answer's body ([`Closing`]) and writes its line when
//! that body is dropped. It is given no header but the ones it names, so no secret can reach the log through it.

use std::cell::Cell;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Method, Response, StatusCode, Version};
use http_body::Body;

use crate::auth::accounts::Caller;
use crate::body::{Glance, Progress, Rest, Stage};
use crate::log::{Level, Log, Seldom};
use crate::metrics::label::{self};
use crate::metrics::{Open, Tally};
use crate::refusal::Refusal;

mod allowance;
mod closing;
mod line;
mod recent;
pub mod reference;
pub mod verdict;

pub use closing::Closing;
pub use recent::{Recent, RefusedCall};

use allowance::Allowance;
use recent::Pace;
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

/// What the journals of all workers share.
#[derive(Debug)]
pub struct Shared {
    log: Log,
    settings: Settings,
    ten_bookings: Seldom,
    refused: Recent,
}

/// Where one worker's requests are written down and counted.
#[derive(Debug)]
pub struct Journal {
    shared: Arc<Shared>,
    tally: Tally,
    strangers: Allowance,
    pace: Pace,
}

impl Shared {
    /// What journals need that write to `log`.
    #[must_use]
    pub fn new(log: Log, settings: Settings) -> Arc<Self> {
        Arc::new(Self { log, settings, ten_bookings: Seldom::every(WARN_EVERY), refused: Recent::default() })
    }

    /// The last refused calls.
    #[must_use]
    pub const fn refused(&self) -> &Recent {
        &self.refused
    }
}

impl Journal {
    /// A worker's journal.
    #[must_use]
    pub fn of(shared: Arc<Shared>, tally: Tally) -> Rc<Self> {
        Rc::new(Self { shared, tally, strangers: Allowance::new(), pace: Pace::new() })
    }

    fn tell_of_strangers(&self, left_out: u64) {
        let line = self.shared.log.line(Level::Warn, STRANGERS);
        line.field("left_out", left_out).write();
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        match self.strangers.rest() {
            0 => {}
            left_out => self.tell_of_strangers(left_out),
        }
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
    /// We ended the connection before the answer's end: the caller did not read it, a drain was over, or this program has a bug.
    Cut,
    /// The upstream's answer broke off, and the caller saw that it did.
    BrokenOff,
}

impl Outcome {
    /// The outcome for counting; its name is the log's too.
    #[must_use]
    pub const fn label(self) -> label::Outcome {
        match self {
            Self::TokenIssued => label::Outcome::TokenIssued,
            Self::Delivered => label::Outcome::Delivered,
            Self::Refused(_) => label::Outcome::Refused,
            Self::HungUp => label::Outcome::HungUp,
            Self::Cut => label::Outcome::Cut,
            Self::BrokenOff => label::Outcome::BrokenOff,
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

/// What becomes of a connection, or of one request on it, and whether somebody known is there. Clones are one.
#[derive(Clone, Debug, Default)]
pub struct Fate {
    own: Rc<Marks>,
    connections: Option<Rc<Marks>>,
}

#[derive(Debug, Default)]
struct Marks {
    is_cut: Cell<bool>,
    is_known: Cell<bool>,
}

impl Fate {
    /// That of one request on this connection, which may end before it.
    #[must_use]
    pub fn of_request(&self) -> Self {
        Self { own: Rc::default(), connections: Some(Rc::clone(&self.own)) }
    }

    /// We end it: a connection with the requests on it, or one request alone.
    pub fn cut(&self) {
        self.own.is_cut.set(true);
    }

    /// Somebody has shown a good token or password; on the same connection nobody is a stranger after that.
    pub fn know(&self) {
        self.connections.as_ref().unwrap_or(&self.own).is_known.set(true);
    }

    /// Whether somebody has.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.connections.as_ref().unwrap_or(&self.own).is_known.get()
    }

    /// Whether we ended it.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.own.is_cut.get() || self.connections.as_ref().is_some_and(|connection| connection.is_cut.get())
    }
}

/// One request's page in the journal.
#[derive(Debug)]
pub struct Entry {
    journal: Rc<Journal>,
    _in_flight: Open,
    started: Instant,
    request_id: String,
    trace_id: String,
    peer: IpAddr,
    method: Method,
    path: String,
    version: Version,
    fate: Fate,
    errand: Errand,
    caller: Option<Caller>,
    password: Option<usize>,
    status: Option<StatusCode>,
    outcome: Outcome,
    upload: Option<Rc<Progress>>,
    bytes_in: u64,
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
    pub fn open(journal: &Rc<Journal>, opening: &Opening<'_>) -> Self {
        let path = opening.path;
        Self {
            journal: Rc::clone(journal),
            _in_flight: journal.tally.in_flight(),
            started: Instant::now(),
            request_id: opening.request_id.to_owned(),
            trace_id: opening.trace_id.to_owned(),
            peer: opening.peer,
            method: opening.method.clone(),
            path: path[..path.floor_char_boundary(MOST_PATH)].to_owned(),
            version: opening.version,
            fate: opening.fate.clone(),
            errand: Errand::Forward,
            caller: None,
            password: None,
            status: None,
            outcome: Outcome::HungUp,
            upload: None,
            bytes_in: 0,
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
    pub fn caller(&mut self, caller: &Caller) {
        self.caller = Some(caller.clone());
        self.fate.know();
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
        let wanted = self.journal.shared.settings.references == LogReference::On && self.method == Method::POST;
        self.glance = wanted.then(|| Glance::at(reference::MOST_SEEN));
        self.glance.clone()
    }

    /// Notes how long the upstream took from the request's start to the answer's head.
    pub fn upstream(&mut self, took: Duration) {
        self.journal.tally.upstream(took);
        self.upstream = Some(took);
    }

    /// Notes that the upstream closed a kept connection under the request.
    pub fn upstream_was_stale(&self) {
        self.journal.tally.stale();
    }

    /// Closes the page with the last byte of this answer; `outcome` holds if the answer gets that far.
    pub fn close_with<B>(mut self, outcome: Outcome, answer: Response<B>) -> Response<Closing<B>>
    where
        B: Body<Data = Bytes>,
    {
        self.status = Some(answer.status());
        self.is_json = verdict::is_json(answer.headers());
        self.count_answer(&outcome);
        answer.map(|body| {
            if body.is_end_stream() || matches!(outcome, Outcome::Refused(_)) {
                self.outcome = outcome;
            }
            Closing { body, outcome, entry: Some(Box::new(self)) }
        })
    }

    /// Keeps the page open beyond the last byte of this answer, which is a `101`: [`Self::end`] closes it.
    pub fn keep_open<B>(mut self, answer: Response<B>) -> (Response<Closing<B>>, Self) {
        self.status = Some(answer.status());
        let outcome = self.outcome;
        (answer.map(|body| Closing { body, outcome, entry: None }), self)
    }

    /// Notes how many bytes have passed each way after a `101`.
    pub fn carried(&mut self, bytes_in: u64, bytes_out: u64) {
        (self.bytes_in, self.bytes_out) = (bytes_in, bytes_out);
    }

    /// Closes the page.
    pub fn end(mut self, outcome: Outcome) {
        self.outcome = outcome;
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

    /// Counts what is certain as soon as the answer is: a token is good although its caller hangs up.
    fn count_answer(&self, outcome: &Outcome) {
        let tally = &self.journal.tally;
        match (outcome, &self.caller) {
            (Outcome::TokenIssued, Some(caller)) => tally.token_issued(caller.meter()),
            (Outcome::Refused(refusal), _) => {
                tally.refusal(refusal.label());
                if self.errand == Errand::Token {
                    tally.token_failure(refusal.label());
                }
            }
            _ => {}
        }
    }

    /// Keeps a refused call for the status page.
    fn keep_refused(&self) {
        let (Outcome::Refused(refusal), Some(status)) = (self.outcome, self.status) else { return };
        if !self.journal.pace.allows(refusal.label()) {
            return;
        }
        let call = || RefusedCall {
            time: RefusedCall::now(),
            peer: self.peer,
            client: self.caller.as_ref().map(|caller| caller.client().clone()),
            method: self.method.clone(),
            path: RefusedCall::shown(&self.path),
            errand: self.errand,
            status,
            refusal,
        };
        self.journal.shared.refused.keep(call, refusal.label());
    }

    fn is_wanted(&self) -> bool {
        let wanted = match self.journal.shared.settings.access_log {
            AccessLog::All => true,
            AccessLog::Refused => !matches!(self.outcome, Outcome::TokenIssued | Outcome::Delivered),
            AccessLog::Off => false,
        };
        // Known clients are the business; what strangers cause is bounded.
        wanted && (self.caller.is_some() || self.strangers_may())
    }

    fn strangers_may(&self) -> bool {
        let may = self.journal.strangers.take();
        if !may {
            self.journal.tally.unlogged();
        }
        may
    }

    fn warn_of_ten_bookings(&self) {
        let unread = self.outcome == Outcome::Delivered
            && self.verdict() == Some(Verdict::Retried)
            && self.status.is_some_and(|status| status.is_success());
        if !unread {
            return;
        }
        self.journal.tally.retried();
        if let Some(more) = self.journal.shared.ten_bookings.due() {
            let line = self.journal.shared.log.line(Level::Warn, TEN_BOOKINGS);
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
        if self.outcome == Outcome::HungUp && (self.fate.is_cut() || std::thread::panicking()) {
            self.outcome = Outcome::Cut;
        }
        let took = self.started.elapsed();
        self.journal.tally.request(self.caller.as_ref().map(Caller::meter), self.outcome.label(), took);
        self.keep_refused();
        if self.is_wanted() {
            self.line(self.journal.shared.log.always(Level::Info, "request"), took).write();
        }
        if let Some(left_out) = self.journal.strangers.left_out() {
            self.journal.tell_of_strangers(left_out);
        }
        if let (Outcome::Delivered, Some(verdict)) = (self.outcome, self.verdict()) {
            self.journal.tally.delivery(verdict.label());
        }
        self.warn_of_ten_bookings();
    }
}

const TEN_BOOKINGS: &str = "the upstream answered a delivery with success but not with JSON: the network takes that for a failure and sends \
     the same payment again, up to 10 times; let the upstream answer 2xx with a JSON body as in the Transaction Sync API";
const STRANGERS: &str = "requests of callers that nobody knows were refused too often for a line of log each; the metric \
     bearergate_refusals_total has all of them";
const WARN_EVERY: Duration = Duration::from_secs(60);
/// What is logged of a path, in bytes.
const MOST_PATH: usize = 512;
