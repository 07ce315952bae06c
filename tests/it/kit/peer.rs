//! Callers at other addresses of this machine, and what they say before TLS.

use std::net::IpAddr;

use tokio::{io::AsyncWriteExt, net::TcpStream};

use super::{DEADLINE, Raw, RequestText, Response, Sidecar, raw, within};

/// A caller at one address.
pub(crate) struct Peer<'s> {
    sidecar: &'s Sidecar,
    source: IpAddr,
    preamble: Vec<u8>,
}

impl Sidecar {
    /// A caller at this address of 127.0.0.0/8: all of it is this machine.
    pub(crate) fn peer(&self, source: &str) -> Peer<'_> {
        let source = source.parse().unwrap_or_else(|fault| panic!("{source} is no address: {fault}"));
        Peer { sidecar: self, source, preamble: Vec::new() }
    }
}

impl Peer<'_> {
    /// Sends these bytes before anything else on each connection.
    pub(crate) fn saying(self, preamble: impl Into<Vec<u8>>) -> Self {
        Self { preamble: preamble.into(), ..self }
    }

    /// A new TCP connection on which it has said what it says first.
    pub(crate) async fn dial(&self) -> TcpStream {
        let mut socket = raw::dial(self.sidecar.address(), Some(self.source)).await;
        let saying = within(DEADLINE, "the first bytes", socket.write_all(&self.preamble)).await;
        saying.unwrap_or_else(|fault| panic!("the first bytes could not be sent: {fault}"));
        socket
    }

    /// A new connection, as the sidecar's `TLS` says, without ALPN.
    pub(crate) async fn connect(&self) -> Raw {
        self.sidecar.over(self.dial().await).await
    }

    /// Sends one request over a connection of its own and reads the response.
    pub(crate) async fn exchange(&self, request: impl Into<Vec<u8>>) -> Response {
        let request = request.into();
        let method = String::from_utf8_lossy(&request).split(' ').next().unwrap_or_default().to_owned();
        let mut raw = self.connect().await;
        raw.write(request).await;
        raw.read_response_to(&method).await
    }

    /// Asks for a token with these credentials.
    pub(crate) async fn ask_token(&self, username: &str, password: &str) -> Response {
        let asking = RequestText::new("POST", &self.sidecar.token_path()).basic(username, password);
        self.exchange(asking.json("{}")).await
    }
}
