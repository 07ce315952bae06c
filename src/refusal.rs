//! Every way this program says no, and how each is said: status, code, challenge and the reason for the log.
//!
//! The caller hears a short stable code and one sentence; the operator's log hears [`Refusal::reason`], which tells apart what the
//! caller must not (expired from forged, unknown user from wrong password stay alike outside). Source: contract, sections 2 and 3.

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Response, StatusCode};
use http_body_util::Full;

use crate::auth::basic::BasicFault;
use crate::auth::bearer::BearerFault;
use crate::auth::token::TokenFault;
use crate::metrics::label::Label as _;
use crate::rules::path::PathFault;
use crate::rules::rate::RetryAfter;
use crate::rules::target::TargetFault;

mod label;

/// Why a request is not served. Closed: a new way to say no must decide everything below before it compiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The path could be read differently by another program.
    BadPath(PathFault),
    /// `Host` or the request target is missing, doubled or malformed.
    BadTarget(TargetFault),
    /// More header fields than are served (HTTP/2; over HTTP/1.1 hyper refuses them while parsing).
    TooManyFields,
    /// A field value with blanks around it (HTTP/2; over HTTP/1.1 they are no part of it).
    PaddedField,
    /// `CONNECT` or `TRACE`.
    MethodNotServed,
    /// No usable `Authorization: Bearer`.
    NoBearer(BearerFault),
    /// A bearer token that is not one of ours, or no longer good.
    BadToken(TokenFault),
    /// A good token of a client that is no longer configured.
    ClientGone,
    /// A good token, but not for this.
    NotAllowed(Denied),
    /// No usable `Authorization: Basic` at the token endpoint.
    NoBasic(BasicFault),
    /// Unknown user or wrong password; nobody outside learns which.
    WrongCredentials,
    /// The token endpoint with another method than POST.
    NotPost,
    /// The client is over its rate of requests.
    TooManyRequests(RetryAfter),
    /// The client is over its rate of tokens.
    TooManyTokens(RetryAfter),
    /// Too many logins have failed from the caller's address.
    TooManyFailures(RetryAfter),
    /// The request's body is over the limit.
    BodyTooLarge,
    /// The request's body made no progress.
    BodyTimeout,
    /// The request's body ended early or was malformed.
    BodyBroken,
    /// No room for this request now.
    Overloaded(Full503),
    /// The upstream gave no answer.
    UpstreamUnreachable(UpstreamFault),
    /// The upstream did not answer in time.
    UpstreamTimeout(Waited),
}

/// Why a caller with a good token may not do this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// The path lies outside every base path.
    OutsideBasePath,
    /// Nobody may come from this address.
    Address,
    /// This client may not come from this address.
    ClientAddress,
    /// No rule permits this method and path.
    Rule,
    /// As before, but with a final slash more or less there would be one.
    TrailingSlash,
}

/// What there is no room in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full503 {
    /// `MAX_CONNECTIONS` are open and all of them are in use.
    Connections,
    /// Too many passwords wait to be hashed.
    Hashing,
    /// The token could not be signed.
    Signing,
}

/// What went wrong between us and the upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpstreamFault {
    /// Its name could not be resolved.
    Unresolved,
    /// Its name leads to a public address, over plain HTTP, without `UPSTREAM_INSECURE`.
    PublicAddress,
    /// No connection could be made.
    Refused,
    /// No connection could be made in time.
    ConnectTimeout,
    /// Its certificate is not good for the name it goes by.
    Certificate(CertificateFault),
    /// It ended the TLS handshake, or speaks no TLS of ours.
    Tls,
    /// The connection was closed before one byte of the request was written.
    ClosedUnsent,
    /// The connection broke before the answer's head: the upstream may have acted.
    Broken,
    /// What it answered is not HTTP: the upstream may have acted.
    Nonsense,
}

/// What is wrong with the upstream's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateFault {
    /// No authority that is trusted has signed it.
    UnknownIssuer,
    /// It is for another name or address.
    WrongName,
    /// It is no longer good.
    Expired,
    /// It is not good yet.
    NotYetValid,
    /// It is damaged, of a kind that is not served, an authority's own, or not for a server.
    Unusable,
}

/// What the upstream was waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waited {
    /// To take the rest of the request's body.
    ToRead,
    /// To answer a request it has whole.
    ToAnswer,
}

/// Who says it: the token endpoint and everything else have bodies of different shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Desk {
    /// `{"status":"FAILED","message":"…"}`.
    Token,
    /// `{"error":true,"errorReason":"…","toastMessage":"…","object":null}`.
    Gate,
}

/// How a refusal is said to the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said {
    /// The status code.
    pub status: StatusCode,
    /// The stable code in the body.
    pub code: &'static str,
    /// One sentence for the partner's developer, at most 90 bytes.
    pub sentence: &'static str,
    /// `WWW-Authenticate`, when there is one.
    pub challenge: Option<&'static str>,
    /// `Allow`, when there is one.
    pub allow: Option<&'static str>,
    /// `Retry-After` in seconds, when there is one.
    pub retry_after_s: Option<u64>,
}

impl Refusal {
    /// How this is said to the caller.
    #[must_use]
    pub const fn said(&self) -> Said {
        match self {
            Self::BadPath(_) => said(400, "BAD_PATH", "This path can be read in more than one way; send it plainly."),
            Self::BadTarget(_) => said(400, "BAD_REQUEST", "Send one valid Host and a plain path."),
            Self::TooManyFields => said(431, "BAD_REQUEST", "Send at most 100 header fields."),
            Self::PaddedField => said(400, "BAD_REQUEST", "Send header values without blanks around them."),
            Self::MethodNotServed => {
                Said { allow: Some(SERVED), ..said(405, "BAD_REQUEST", "This method is not served.") }
            }
            Self::NoBearer(_) => Said {
                challenge: Some("Bearer"),
                ..said(401, "INVALID_AUTH_HEADER", "Send one Authorization header: Bearer and the access token.")
            },
            Self::BadToken(_) | Self::ClientGone => Said {
                challenge: Some(r#"Bearer error="invalid_token""#),
                ..said(401, "INVALID_TOKEN", "Get a new access token and send the request again.")
            },
            Self::NotAllowed(_) => said(403, "NOT_ALLOWED", "This client may not do this."),
            Self::NoBasic(_) => Said {
                challenge: Some(BASIC),
                ..said(401, "INVALID_AUTH_HEADER", "Send one Authorization header: Basic and user:password in Base64.")
            },
            Self::WrongCredentials => {
                Said { challenge: Some(BASIC), ..said(401, "INVALID_CREDENTIALS", "User name or password is wrong.") }
            }
            Self::NotPost => {
                Said { allow: Some("POST"), ..said(405, "METHOD_NOT_ALLOWED", "Use POST to get a token.") }
            }
            Self::TooManyRequests(after) | Self::TooManyTokens(after) | Self::TooManyFailures(after) => Said {
                retry_after_s: Some(after.seconds.get()),
                ..said(429, "RATE_LIMITED", "Too many at once; wait as long as Retry-After says.")
            },
            Self::BodyTooLarge => said(413, "BODY_TOO_LARGE", "The body is larger than is taken here."),
            Self::BodyTimeout => said(408, "BODY_TIMEOUT", "The body did not arrive in time."),
            Self::BodyBroken => said(400, "BAD_REQUEST", "The body ended early or is malformed."),
            Self::Overloaded(_) => Said {
                retry_after_s: Some(1),
                ..said(503, "OVERLOADED", "Too busy at the moment; send the request again.")
            },
            Self::UpstreamUnreachable(_) => {
                said(502, "UPSTREAM_UNREACHABLE", "The service behind this gate gave no answer.")
            }
            Self::UpstreamTimeout(_) => {
                said(504, "UPSTREAM_TIMEOUT", "The service behind this gate did not answer in time.")
            }
        }
    }

    /// The reason for the log: one of a closed list, in snake case.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        self.label().name()
    }

    /// True when the upstream may have acted on the request although the caller hears no.
    #[must_use]
    pub const fn upstream_may_have_done_it(&self) -> bool {
        matches!(
            self,
            Self::UpstreamTimeout(_) | Self::UpstreamUnreachable(UpstreamFault::Broken | UpstreamFault::Nonsense)
        )
    }

    /// The whole answer. The body is at most 200 bytes: the network keeps no more of it (vietqr-caller, "how the answer is judged").
    #[must_use]
    pub fn answer(&self, desk: Desk) -> Response<Full<Bytes>> {
        let said = self.said();
        let body = match desk {
            Desk::Token => format!(r#"{{"status":"FAILED","message":"{}"}}"#, said.code),
            Desk::Gate => format!(
                r#"{{"error":true,"errorReason":"{}","toastMessage":"{}","object":null}}"#,
                said.code, said.sentence
            ),
        };
        let mut answer = Response::new(Full::new(Bytes::from(body)));
        *answer.status_mut() = said.status;
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(challenge) = said.challenge {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        if let Some(allow) = said.allow {
            headers.insert(ALLOW, HeaderValue::from_static(allow));
        }
        if let Some(seconds) = said.retry_after_s {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        answer
    }
}

const fn said(status: u16, code: &'static str, sentence: &'static str) -> Said {
    let Ok(status) = StatusCode::from_u16(status) else { panic!("a status code has three digits") };
    Said { status, code, sentence, challenge: None, allow: None, retry_after_s: None }
}

const BASIC: &str = r#"Basic realm="bearergate", charset="UTF-8""#;
const SERVED: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
