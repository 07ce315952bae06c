//! WebSockets: when a request may ask the upstream to switch protocols, and what is on the other side once it has.
//!
//! No other protocol is ever asked for. Nothing is carried before the upstream's `101`. Source: contract, section 3; RFC 9110, section 7.8;
//! RFC 6455, section 4.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CONNECTION, HeaderMap, HeaderValue, UPGRADE};
use http::request::Parts;
use http::{Method, Version};
use http_body::Body;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::headers::tokens;
use super::socket::Socket;

/// What a request asks the connection to become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Upgrade {
    /// A WebSocket.
    Websocket,
    /// Nothing else than it is, or nothing that passes here.
    Not,
}

impl Upgrade {
    /// Whether this request asks for a WebSocket in a way that passes: `GET` over HTTP/1.1, without a body.
    pub(super) fn wanted(parts: &Parts, body: &impl Body) -> Self {
        let asks = parts.method == Method::GET
            && parts.version == Version::HTTP_11
            && parts.headers.contains_key(UPGRADE)
            && body.is_end_stream()
            && is_named(&parts.headers);
        if asks { Self::Websocket } else { Self::Not }
    }

    /// Asks the upstream for it: these two fields are of each hop's own.
    pub(super) fn ask(self, headers: &mut HeaderMap) {
        if self == Self::Websocket {
            headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
            headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        }
    }

    /// Whether the head of a `101` switches to what was asked for.
    pub(super) fn is_granted(self, headers: &HeaderMap) -> bool {
        self == Self::Websocket && is_named(headers)
    }
}

/// `Connection: Upgrade` and `Upgrade: websocket`, among others.
fn is_named(headers: &HeaderMap) -> bool {
    tokens(headers, &CONNECTION).any(|token| token.eq_ignore_ascii_case(b"upgrade"))
        && tokens(headers, &UPGRADE).any(|token| token.eq_ignore_ascii_case(b"websocket"))
}

/// The upstream after its `101`: bytes, no longer HTTP. Dropping it ends the connection.
#[derive(Debug)]
pub struct FarSide {
    socket: Socket,
    ahead: Bytes,
}

impl FarSide {
    pub(super) fn of(socket: Socket, ahead: Bytes) -> Self {
        Self { socket, ahead }
    }

    /// What came together with the `101` and has to be handed over first.
    #[must_use]
    pub fn take_ahead(&mut self) -> Bytes {
        std::mem::take(&mut self.ahead)
    }
}

impl AsyncRead for FarSide {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(cx, buffer)
    }
}

impl AsyncWrite for FarSide {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}
