//! One request as the network sends it, and its answer, bounded in size and time.

use std::fmt;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HOST, USER_AGENT,
};
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::connection::Connection;
use super::endpoint::Endpoint;
use super::inflate::gunzip;
use crate::secret::Secret;

/// What a token is asked for with.
#[derive(Clone, Copy, Debug)]
pub enum Login<'a> {
    /// User name and password.
    Basic(&'a str, &'a Secret<String>),
    /// No `Authorization` at all. The network never does this.
    Nothing,
}

/// What a token request has for a body. The network sends `{}`; its documentation shows the other two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenBody {
    /// `{}` as `application/json`.
    Object,
    /// None, and no content type.
    Nothing,
    /// None, as `application/x-www-form-urlencoded`.
    Form,
}

/// What a delivery carries in `Authorization`.
#[derive(Clone, Copy, Debug)]
pub enum Bearer<'a> {
    /// A token.
    Token(&'a Secret<String>),
    /// The text `Bearer null`, after a token answer without a token.
    Null,
    /// No `Authorization`, after a token call that failed.
    Nothing,
}

/// The request of the token call. `target` is the endpoint's own, or a variant of it.
///
/// # Panics
/// Never for the targets of an [`Endpoint`]; for a target that is no path.
#[must_use]
pub fn token_request(endpoint: &Endpoint, target: &str, login: Login<'_>, body: TokenBody) -> Request<Full<Bytes>> {
    let (content, kind) = match body {
        TokenBody::Object => ("{}", Some("application/json")),
        TokenBody::Nothing => ("", None),
        TokenBody::Form => ("", Some("application/x-www-form-urlencoded")),
    };
    let mut request = post(endpoint, target, Bytes::from_static(content.as_bytes()), kind);
    let headers = request.headers_mut();
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    if let Login::Basic(username, password) = login {
        let pair = Zeroizing::new(format!("{username}:{}", password.expose()));
        let value = Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())));
        headers.insert(AUTHORIZATION, sensitive(&value));
    }
    request
}

/// The request of a delivery with this body.
///
/// # Panics
/// Never for the target of an [`Endpoint`] and a token of visible ASCII; else for what cannot stand in a request.
#[must_use]
pub fn delivery(endpoint: &Endpoint, bearer: Bearer<'_>, body: String) -> Request<Full<Bytes>> {
    delivery_at(endpoint, endpoint.sync_target(), bearer, body)
}

/// The same at a variant of the endpoint's target.
///
/// # Panics
/// As [`delivery`].
#[must_use]
pub fn delivery_at(endpoint: &Endpoint, target: &str, bearer: Bearer<'_>, body: String) -> Request<Full<Bytes>> {
    let mut request = post(endpoint, target, Bytes::from(body), Some("application/json"));
    match bearer {
        Bearer::Token(token) => {
            let value = Zeroizing::new(format!("Bearer {}", token.expose()));
            request.headers_mut().insert(AUTHORIZATION, sensitive(&value));
        }
        Bearer::Null => {
            request.headers_mut().insert(AUTHORIZATION, HeaderValue::from_static("Bearer null"));
        }
        Bearer::Nothing => {}
    }
    request
}

fn post(endpoint: &Endpoint, target: &str, content: Bytes, kind: Option<&'static str>) -> Request<Full<Bytes>> {
    let request = Request::post(target)
        .header(USER_AGENT, REACTOR_NETTY)
        .header(HOST, endpoint.authority())
        .header(ACCEPT, "*/*")
        .header(CONTENT_LENGTH, content.len());
    let request = match kind {
        Some(kind) => request.header(CONTENT_TYPE, kind),
        None => request,
    };
    request.body(Full::new(content)).expect("an endpoint has a host and targets that can be sent")
}

/// A value that no `Debug` shows.
fn sensitive(text: &str) -> HeaderValue {
    let mut value = HeaderValue::from_str(text).expect("Base64, or a token that was checked");
    value.set_sensitive(true);
    value
}

/// How much of an answer is waited for.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// From the request's start to the answer's last byte.
    pub within: Duration,
    /// Bytes of the body, as sent and once more unpacked.
    pub most: usize,
}

/// Whether a body is all there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// To its last byte.
    Whole,
    /// It was larger than [`Bounds::most`]; what is kept is its beginning.
    TooLarge,
    /// It broke off, or came too late.
    BrokenOff,
    /// It says gzip and is none.
    Unpackable,
}

/// What came back. Its `Debug` leaves out the body, which may hold a token.
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The header.
    pub headers: HeaderMap,
    /// The body, unpacked when it was gzip.
    pub body: Bytes,
    /// Whether it is all there.
    pub ending: Ending,
    /// From the request's start to the answer's last byte.
    pub took: Duration,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// The head did not come in time.
    #[error("no answer within {0:?}")]
    Silent(Duration),
    /// The connection broke, or what came was no HTTP/1.1.
    #[error("{}", reason(.0))]
    Http(#[source] hyper::Error),
}

/// hyper's own words, and its source's, which tell more.
fn reason(error: &hyper::Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

impl Connection {
    /// Sends a request and reads its answer.
    ///
    /// # Errors
    /// [`Broken`] when there is no answer's head; an answer that breaks off afterwards is an [`Answer`].
    pub async fn exchange(&mut self, request: Request<Full<Bytes>>, bounds: Bounds) -> Result<Answer, Broken> {
        let begun = Instant::now();
        let sending = async {
            self.sender().ready().await.map_err(Broken::Http)?;
            self.sender().send_request(request).await.map_err(Broken::Http)
        };
        let head = timeout(bounds.within, sending).await.unwrap_or(Err(Broken::Silent(bounds.within)))?;
        let (parts, body) = head.into_parts();
        let left = bounds.within.saturating_sub(begun.elapsed());
        let mut kept = Vec::new();
        let reading = timeout(left, read(body, &mut kept, bounds.most));
        let mut ending = reading.await.unwrap_or(Ending::BrokenOff);
        let coding = parts.headers.get(CONTENT_ENCODING).map(HeaderValue::as_bytes).unwrap_or_default();
        if coding.eq_ignore_ascii_case(b"gzip") && ending == Ending::Whole {
            match gunzip(&kept, bounds.most) {
                Ok(content) => kept = content,
                Err(_) => ending = Ending::Unpackable,
            }
        }
        let took = begun.elapsed();
        Ok(Answer { status: parts.status, headers: parts.headers, body: kept.into(), ending, took })
    }
}

async fn read(mut body: Incoming, kept: &mut Vec<u8>, most: usize) -> Ending {
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return Ending::BrokenOff };
        let Ok(bytes) = frame.into_data() else { continue };
        let room = most - kept.len();
        kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
        if bytes.len() > room {
            return Ending::TooLarge;
        }
    }
    Ending::Whole
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Answer({}, {} bytes, {:?})", self.status, self.body.len(), self.ending)
    }
}

/// What the network says it is.
const REACTOR_NETTY: &str = "ReactorNetty/0.9.12.RELEASE";
