//! The pipeline: one request from top to bottom.
//!
//! [`Gateway::answer`] opens the journal's page, lets `serve` find the answer, turns a refusal into one in the only place that
//! does, and closes the page with the answer's last byte.

use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, HeaderValue};
use http::{Method, Request, Response, Version};
use http_body::Body;
use http_body_util::Full;

use crate::auth::accounts::Caller;
use crate::body::{Received, Rest, Tail, drain};
use crate::gate::{Gate, Turned};
use crate::issue::{Issuer, NotIssued};
use crate::journal::{Closing, Entry, Errand, Fate, Journal, Opening, Outcome};
use crate::refusal::{Desk, Full503, Refusal};
use crate::rules::base::{BasePaths, TokenPath};
use crate::rules::path::SafePath;
use crate::rules::peer::TrustedProxies;
use crate::rules::target::{self, Target};
use crate::upstream::headers::{Introduction, Scheme, X_REQUEST_ID, expects_continue, is_encoded};
use crate::upstream::{FarSide, Forwarded, Upstream};

mod answer;
mod lone;
#[cfg(test)]
mod panics;
mod trace;
mod tunnel;

pub use answer::Answer;
pub use lone::LonePeer;
pub use tunnel::{Parting, Patience, Tunnel};

/// What routing needs to know.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The base paths registered with the network.
    pub base_paths: BasePaths,
    /// The token endpoint, below each base path.
    pub token_path: TokenPath,
    /// Whose `X-Forwarded-For` counts.
    pub proxies: TrustedProxies,
}

/// One worker's pipeline. The gate and the issuer are shared by all workers; the journal and the way to the upstream are its own.
pub struct Gateway {
    settings: Settings,
    gate: Arc<Gate>,
    issuer: Arc<Issuer>,
    journal: Rc<Journal>,
    lone: Arc<LonePeer>,
    upstream: Upstream,
}

/// What the connection knows of its requests.
#[derive(Clone, Debug)]
pub struct Visit {
    /// The caller's address.
    pub peer: IpAddr,
    /// How the caller reached us.
    pub scheme: Scheme,
    /// Whether there is room for its requests.
    pub room: Room,
    /// What becomes of it.
    pub fate: Fate,
}

/// Whether a connection is within `MAX_CONNECTIONS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// It is.
    Within,
    /// It was let in only to be told that there is no room.
    Over,
}

/// What a request has come to.
#[derive(Debug)]
pub struct Answered {
    /// For the caller.
    pub response: Response<Closing<Answer>>,
    /// What the connection becomes after it, when the response is a `101`.
    pub tunnel: Option<Box<Tunnel>>,
    /// What was not read of a refused request's body, to be held while the answer is on its way. See [`outlast`](crate::body::outlast).
    pub rest: Option<Received>,
}

/// What was found for a request that was not refused.
enum Found {
    Answer(Outcome, Response<Answer>),
    Tunnel(Response<()>, FarSide),
}

/// Where a refusal happened, and what is left of the request.
struct No {
    desk: Desk,
    turned: Turned<Option<Received>>,
}

impl Gateway {
    /// A pipeline of these parts.
    #[must_use]
    pub fn new(
        settings: Settings,
        gate: Arc<Gate>,
        issuer: Arc<Issuer>,
        journal: Rc<Journal>,
        lone: Arc<LonePeer>,
        upstream: Upstream,
    ) -> Self {
        Self { settings, gate, issuer, journal, lone, upstream }
    }

    /// Answers one request, always. It is on the heap, for it is handed from one to the next.
    pub async fn answer(&self, request: Box<Request<Received>>, visit: &Visit) -> Answered {
        self.lone.see(visit.peer);
        let manners = Manners::of(&request, visit);
        let introduction = trace::introduction(request.headers(), visit, &self.settings.proxies);
        let mut entry = Entry::open(&self.journal, &opening(&request, &introduction, visit));
        let tail = request.body().tail();
        let mut unread = None;
        let mut response = match self.serve(request, visit, &introduction, &mut entry).await {
            Ok(Found::Answer(outcome, answer)) => entry.close_with(outcome, answer),
            Ok(Found::Tunnel(head, far)) => {
                let (response, entry) = entry.keep_open(head.map(|()| Answer::Own(Full::default())));
                return Answered { response, tunnel: Some(Box::new(Tunnel::new(far, entry))), rest: None };
            }
            Err(No { desk, turned }) => {
                let refusal = turned.refusal;
                let (rest, body) = manners.rest_of(turned, &entry).await;
                unread = body;
                let mut answer = manners.refuse(&refusal, desk, rest);
                answer.headers_mut().insert(X_REQUEST_ID, introduction.request_id.clone());
                entry.close_with(Outcome::Refused(refusal), answer.map(Answer::Own))
            }
        };
        if tail.get() != Tail::Plain {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Answered { response, tunnel: None, rest: unread }
    }

    /// Finds the answer: the token endpoint's, or the upstream's for what the gate lets through.
    async fn serve(
        &self,
        request: Box<Request<Received>>,
        visit: &Visit,
        introduction: &Introduction,
        entry: &mut Entry,
    ) -> Result<Found, No> {
        #[cfg(test)]
        panics::provoke(&request);
        // Whose connection has been cut would never hear of a delivery, and send it again.
        if visit.room == Room::Over || visit.fate.is_cut() {
            return Err(self.overloaded(request, entry));
        }
        let target = match target_of(&request) {
            Ok(target) => target,
            Err(refusal) => return Err(No::at_gate(refusal, request.into_body())),
        };
        match SafePath::parse(target.path()) {
            Err(fault) => Err(No::at_gate(Refusal::BadPath(fault), request.into_body())),
            Ok(path) if self.settings.token_path.matches(&self.settings.base_paths, &path) => {
                self.issue(request, introduction, entry).await
            }
            Ok(_) if request.method() == Method::TRACE => {
                Err(No::at_gate(Refusal::MethodNotServed, request.into_body()))
            }
            Ok(path) => self.pass(request, &target, &path, introduction, entry).await,
        }
    }

    /// No room for this request, said in the shape of whom it asked.
    fn overloaded(&self, request: Box<Request<Received>>, entry: &mut Entry) -> No {
        let path = SafePath::parse(request.uri().path());
        let for_token = path.is_ok_and(|path| self.settings.token_path.matches(&self.settings.base_paths, &path));
        if for_token {
            entry.errand(Errand::Token);
        }
        let desk = if for_token { Desk::Token } else { Desk::Gate };
        let (refusal, body) = (Refusal::Overloaded(Full503::Connections), Some(request.into_body()));
        No { desk, turned: Turned::unknown(refusal, body) }
    }

    /// The token endpoint.
    async fn issue(
        &self,
        request: Box<Request<Received>>,
        introduction: &Introduction,
        entry: &mut Entry,
    ) -> Result<Found, No> {
        entry.errand(Errand::Token);
        let (parts, mut body) = request.into_parts();
        match self.issuer.issue(&parts, &mut body, introduction.peer).await {
            Ok(issued) => {
                entry.caller(&issued.accepted.caller);
                entry.password(issued.accepted.password);
                Ok(Found::Answer(Outcome::TokenIssued, issued.answer.map(Answer::Own)))
            }
            Err(NotIssued { refusal, caller }) => {
                note(entry, caller.as_ref());
                Err(No { desk: Desk::Token, turned: Turned::unknown(refusal, Some(body)) })
            }
        }
    }

    /// Everything else: through the gate, to the upstream.
    async fn pass(
        &self,
        request: Box<Request<Received>>,
        target: &Target,
        path: &SafePath<'_>,
        introduction: &Introduction,
        entry: &mut Entry,
    ) -> Result<Found, No> {
        let admitted = match self.gate.admit(request, introduction.peer, target, path) {
            Ok(admitted) => admitted,
            Err(Turned { refusal, caller, body }) => {
                note(entry, caller.as_ref());
                return Err(No::at_gate(refusal, body));
            }
        };
        entry.caller(admitted.caller());
        match self.upstream.forward(admitted, introduction, entry).await {
            Ok(Forwarded::Answered(answer)) => Ok(Found::Answer(Outcome::Delivered, answer.map(Answer::Upstream))),
            Ok(Forwarded::Switched(head, far)) => Ok(Found::Tunnel(head, far)),
            Err(turned) => Err(No { desk: Desk::Gate, turned }),
        }
    }
}

/// How a refusal must be said to this request.
struct Manners {
    version: Version,
    is_head: bool,
    may_drain: bool,
    room: Room,
}

impl Manners {
    fn of(request: &Request<Received>, visit: &Visit) -> Self {
        let (headers, version) = (request.headers(), request.version());
        let may_drain = !expects_continue(headers, version) && !is_encoded(headers);
        Self { version, is_head: request.method() == Method::HEAD, may_drain, room: visit.room }
    }

    /// Deals with what a refused caller still sends; what is left of it then must not be let go of before the answer is out.
    async fn rest_of(&self, turned: Turned<Option<Received>>, entry: &Entry) -> (Rest, Option<Received>) {
        match turned.body {
            // It has been waited for already.
            Some(_) if turned.refusal == Refusal::BodyTimeout => (Rest::Unread, None),
            Some(mut body) if self.may_drain => {
                let rest = drain(&mut body).await;
                let is_left = rest == Rest::Unread && self.version == Version::HTTP_2;
                (rest, is_left.then_some(body))
            }
            Some(_) => (Rest::Unread, None),
            None => (entry.rest_of_upload(), None),
        }
    }

    fn refuse(&self, refusal: &Refusal, desk: Desk, rest: Rest) -> Response<Full<Bytes>> {
        let mut answer = refusal.answer(desk);
        if self.is_head {
            // hyper leaves out the body for HTTP/1.1 only; over HTTP/2 one is an error that hides the status.
            let length = answer.body().size_hint().lower();
            answer.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
            *answer.body_mut() = Full::default();
        }
        if self.version != Version::HTTP_2 && (rest == Rest::Unread || self.room == Room::Over) {
            answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        answer
    }
}

impl No {
    fn at_gate(refusal: Refusal, body: Received) -> Self {
        Self { desk: Desk::Gate, turned: Turned::unknown(refusal, Some(body)) }
    }
}

/// A refused client is worth knowing, when it has proved to be one.
fn note(entry: &mut Entry, caller: Option<&Caller>) {
    if let Some(caller) = caller {
        entry.caller(caller);
    }
}

/// Reads the target, when the request is of a kind that is served at all.
fn target_of(request: &Request<Received>) -> Result<Target, Refusal> {
    if request.headers().len() > MOST_FIELDS {
        return Err(Refusal::TooManyFields);
    }
    if request.version() == Version::HTTP_2 && request.headers().values().any(is_padded) {
        return Err(Refusal::PaddedField);
    }
    // h2 takes a length of no digits for zero, hyper for none at all. Source: RFC 9110, section 8.6.
    if is_encoded(request.headers()) || request.headers().get(CONTENT_LENGTH).is_some_and(HeaderValue::is_empty) {
        return Err(Refusal::BodyBroken);
    }
    if request.method() == Method::CONNECT {
        return Err(Refusal::MethodNotServed);
    }
    target::read(request).map_err(Refusal::BadTarget)
}

/// True for blanks around a value, which HTTP/2 must not have and HTTP/1.1 would take away. Source: RFC 9113, section 8.2.1.
fn is_padded(value: &HeaderValue) -> bool {
    value.as_bytes().trim_ascii().len() != value.len()
}

fn opening<'r>(request: &'r Request<Received>, introduction: &'r Introduction, visit: &'r Visit) -> Opening<'r> {
    Opening {
        request_id: introduction.request_id.to_str().unwrap_or_default(),
        trace_id: introduction.trace_id(),
        peer: introduction.peer,
        method: request.method(),
        path: request.uri().path(),
        version: request.version(),
        fate: &visit.fate,
    }
}

/// Fields a request may have; hyper holds HTTP/1.1 to the same number while parsing.
const MOST_FIELDS: usize = 100;
