//! A response as a client of the kit got it, over HTTP/1.1 or HTTP/2.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};

use super::wire::{self, Body, Field};

/// How the end of a response showed itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// As its framing announced it (or there was no content).
    Framed,
    /// By an orderly end of the connection, the only mark a response without length has.
    Closed,
    /// Before it was whole.
    Cut,
}

/// One response.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub(super) status: u16,
    pub(super) reason: String,
    pub(super) fields: Vec<Field>,
    pub(super) body: Body,
    pub(super) trailers: Vec<Field>,
    pub(super) interim: Vec<u16>,
    pub(super) end: End,
}

impl Response {
    /// An answer that no socket carried, as a client would have got it; the request id is not its own.
    pub(crate) async fn of(answer: http::Response<Full<Bytes>>) -> Self {
        let (head, whole) = answer.into_parts();
        let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let mut fields: Vec<Field> =
            head.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
        fields.push(("x-request-id".to_owned(), "none".to_owned()));
        let mut body = Body::new();
        whole.collect().await.into_iter().for_each(|collected| body.take(&collected.to_bytes()));
        let (reason, trailers, interim) = (String::new(), Vec::new(), Vec::new());
        Self { status: head.status.as_u16(), reason, fields, body, trailers, interim, end: End::Framed }
    }

    /// The status code.
    pub(crate) fn status(&self) -> u16 {
        self.status
    }

    /// The text after the status code; empty over HTTP/2.
    pub(crate) fn reason(&self) -> &str {
        &self.reason
    }

    /// All fields, in their order and case.
    pub(crate) fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// The values of every field called `name`, whatever its case.
    pub(crate) fn values(&self, name: &str) -> Vec<&str> {
        wire::values(&self.fields, name)
    }

    /// The value of the first field called `name`.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.values(name).first().copied()
    }

    /// The body, with its length and digest.
    pub(crate) fn body(&self) -> &Body {
        &self.body
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(self.body.kept()).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(self.body.kept()).unwrap_or_else(|fault| panic!("not JSON ({fault}): {self:?}"))
    }

    /// The `errorReason` (every path) or `message` (token endpoint) of a refusal, empty when there is none.
    pub(crate) fn refusal(&self) -> String {
        let body = serde_json::from_slice::<serde_json::Value>(self.body.kept()).unwrap_or_default();
        let code = body["errorReason"].as_str().or_else(|| body["message"].as_str());
        code.unwrap_or_default().to_owned()
    }

    /// All that an outsider could tell two answers apart by: everything but `Date` and `X-Request-Id`.
    pub(crate) fn telltale(&self) -> String {
        let differs = |name: &str| name.eq_ignore_ascii_case("date") || name.eq_ignore_ascii_case("x-request-id");
        let fields: Vec<_> = self.fields.iter().filter(|(name, _)| !differs(name)).collect();
        format!("{} {} {fields:?} {:?} {}", self.status, self.reason, self.end, self.text())
    }

    /// The trailer fields.
    pub(crate) fn trailers(&self) -> &[Field] {
        &self.trailers
    }

    /// The status codes of the interim responses before it.
    pub(crate) fn interim(&self) -> &[u16] {
        &self.interim
    }

    /// How its end showed itself.
    pub(crate) fn end(&self) -> End {
        self.end
    }
}
