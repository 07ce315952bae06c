//! What a refusal looks like from outside, to the byte. Source: contract, sections 2 and 3.

use super::{End, Response};

/// A refusal as the contract says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    status: u16,
    code: &'static str,
    shape: Shape,
    challenge: Option<&'static str>,
    allow: Option<&'static str>,
    retry_after: RetryAfter,
}

/// Who says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// `{"status":"FAILED","message":"…"}`.
    Token,
    /// `{"error":true,"errorReason":"…","toastMessage":"…","object":null}`.
    Gate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RetryAfter {
    Sent,
    Absent,
}

impl Refused {
    /// The token endpoint without one usable `Authorization: Basic`.
    pub(crate) const NO_BASIC: Self = Self::token(401, "INVALID_AUTH_HEADER").challenge(BASIC);
    /// The token endpoint with another user name or password.
    pub(crate) const WRONG_CREDENTIALS: Self = Self::token(401, "INVALID_CREDENTIALS").challenge(BASIC);
    /// The token endpoint with another method.
    pub(crate) const NOT_POST: Self = Self::token(405, "METHOD_NOT_ALLOWED").allow("POST");
    /// Every other path without one usable `Authorization: Bearer`.
    pub(crate) const NO_BEARER: Self = Self::gate(401, "INVALID_AUTH_HEADER").challenge("Bearer");
    /// Every other path with a bearer token that is not good.
    pub(crate) const BAD_TOKEN: Self = Self::gate(401, "INVALID_TOKEN").challenge(r#"Bearer error="invalid_token""#);

    /// Said by the token endpoint.
    pub(crate) const fn token(status: u16, code: &'static str) -> Self {
        let (shape, retry_after) = (Shape::Token, RetryAfter::Absent);
        Self { status, code, shape, challenge: None, allow: None, retry_after }
    }

    /// Said everywhere else.
    pub(crate) const fn gate(status: u16, code: &'static str) -> Self {
        Self { shape: Shape::Gate, ..Self::token(status, code) }
    }

    /// With this `WWW-Authenticate`.
    pub(crate) const fn challenge(self, challenge: &'static str) -> Self {
        Self { challenge: Some(challenge), ..self }
    }

    /// With this `Allow`.
    pub(crate) const fn allow(self, methods: &'static str) -> Self {
        Self { allow: Some(methods), ..self }
    }

    /// With a `Retry-After` of at least one second.
    pub(crate) const fn retry_after(self) -> Self {
        Self { retry_after: RetryAfter::Sent, ..self }
    }

    /// Holds `response` to this refusal: status, fields, and the body to the byte.
    ///
    /// # Panics
    /// With `row` when something differs.
    pub(crate) fn check(&self, response: &Response, row: &str) {
        self.check_head(response, row);
        let text = response.text();
        assert!(text.len() <= 200, "{row}: {} bytes are more than the network keeps: {text}", text.len());
        assert_eq!(response.end(), End::Framed, "{row}");
        let expected = match self.shape {
            Shape::Token => format!(r#"{{"status":"FAILED","message":"{}"}}"#, self.code),
            Shape::Gate => {
                let toast = response.json()["toastMessage"].as_str().unwrap_or_default().to_owned();
                assert!(toast.len() > 10 && toast.ends_with('.') && toast.is_ascii(), "{row}: no sentence: {toast:?}");
                format!(r#"{{"error":true,"errorReason":"{}","toastMessage":"{toast}","object":null}}"#, self.code)
            }
        };
        assert_eq!(text, expected, "{row}");
    }

    /// Holds all but the body to this refusal: what a HEAD request gets.
    ///
    /// # Panics
    /// With `row` when something differs.
    pub(crate) fn check_head(&self, response: &Response, row: &str) {
        assert_eq!(response.status(), self.status, "{row}: {response:?}");
        assert_eq!(response.values("content-type"), ["application/json"], "{row}");
        assert_eq!(response.values("cache-control"), ["no-store"], "{row}");
        assert_eq!(response.values("www-authenticate"), Vec::from_iter(self.challenge), "{row}");
        assert_eq!(response.values("allow"), Vec::from_iter(self.allow), "{row}");
        assert_eq!(response.values("x-request-id").len(), 1, "{row}: {response:?}");
        let waits: Vec<u32> = response.values("retry-after").iter().filter_map(|text| text.parse().ok()).collect();
        assert_eq!(waits.len(), usize::from(self.retry_after == RetryAfter::Sent), "{row}: {response:?}");
        assert!(waits.iter().all(|&seconds| seconds > 0), "{row}: {response:?}");
        for (name, _) in response.fields() {
            assert!(FIELDS.contains(&name.to_lowercase().as_str()), "{row}: a refusal has no field {name}");
        }
    }
}

const BASIC: &str = r#"Basic realm="bearergate", charset="UTF-8""#;

/// Every field that a refusal may have.
const FIELDS: [&str; 9] = [
    "allow",
    "cache-control",
    "connection",
    "content-length",
    "content-type",
    "date",
    "retry-after",
    "www-authenticate",
    "x-request-id",
];
