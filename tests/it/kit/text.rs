//! The text of an HTTP/1.1 request, put together field by field. What is meant to be wrong is better written as raw bytes.

use base64::{Engine, engine::general_purpose::STANDARD};

/// A request on its way to bytes.
#[derive(Clone, Debug)]
pub(crate) struct RequestText {
    head: String,
    host: Option<String>,
    body: Option<Vec<u8>>,
}

impl RequestText {
    /// A request with `Host: localhost` and without a body.
    pub(crate) fn new(method: &str, target: &str) -> Self {
        Self { head: format!("{method} {target} HTTP/1.1\r\n"), host: Some("localhost".to_owned()), body: None }
    }

    /// Adds a field.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.head += &format!("{name}: {value}\r\n");
        self
    }

    /// Another `Host`.
    pub(crate) fn host(self, host: &str) -> Self {
        Self { host: Some(host.to_owned()), ..self }
    }

    /// No `Host`.
    pub(crate) fn without_host(self) -> Self {
        Self { host: None, ..self }
    }

    /// Adds `Authorization: Bearer <token>`.
    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("Authorization", &format!("Bearer {token}"))
    }

    /// Adds `Authorization: Basic` with these credentials.
    pub(crate) fn basic(self, username: &str, password: &str) -> Self {
        self.header("Authorization", &basic(username, password))
    }

    /// A body with its `Content-Length`.
    pub(crate) fn body(self, bytes: impl AsRef<[u8]>) -> Self {
        Self { body: Some(bytes.as_ref().to_vec()), ..self }
    }

    /// A JSON body with its `Content-Type` and `Content-Length`.
    pub(crate) fn json(self, text: &str) -> Self {
        self.header("Content-Type", "application/json").body(text)
    }

    /// A chunked body, one chunk for each text.
    pub(crate) fn chunks<const N: usize>(mut self, chunks: [&str; N]) -> Vec<u8> {
        self.head += "Transfer-Encoding: chunked\r\n";
        let mut bytes = self.bytes();
        for chunk in chunks {
            bytes.extend(format!("{:x}\r\n{chunk}\r\n", chunk.len()).into_bytes());
        }
        bytes.extend_from_slice(b"0\r\n\r\n");
        bytes
    }

    /// The bytes to send.
    pub(crate) fn bytes(self) -> Vec<u8> {
        let mut text = self.head;
        if let Some(host) = self.host {
            text += &format!("Host: {host}\r\n");
        }
        if let Some(body) = &self.body {
            text += &format!("Content-Length: {}\r\n", body.len());
        }
        let mut bytes = (text + "\r\n").into_bytes();
        bytes.extend(self.body.unwrap_or_default());
        bytes
    }
}

impl From<RequestText> for Vec<u8> {
    fn from(request: RequestText) -> Self {
        request.bytes()
    }
}

/// The value of `Authorization` for these credentials.
pub(crate) fn basic(username: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{username}:{password}")))
}
