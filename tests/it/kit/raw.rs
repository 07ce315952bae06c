//! An HTTP/1.1 client that sends what it is told, byte for byte, over TLS or in the clear.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::timeout,
};
use tokio_rustls::TlsConnector;

use super::{
    ClientTls, DEADLINE, End, Response,
    secrets::Secrets,
    wire::{Body, Framing, Head, Wire},
    within,
};

/// What a connection is made of.
trait Socket: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Socket for S {}

/// One connection. Each step has [`DEADLINE`]; a step that fails ends the test, save where a method says otherwise.
pub(crate) struct Raw {
    wire: Wire<Box<dyn Socket>>,
    local_address: SocketAddr,
    alpn: Option<String>,
    version: Option<rustls::ProtocolVersion>,
    heard_by: Option<Secrets>,
}

/// How the other side ended a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closing {
    /// With close_notify (TLS) or FIN (in the clear).
    Orderly,
    /// With FIN alone, though it was TLS.
    Truncated,
    /// With RST.
    Reset,
    /// With a fatal alert of TLS.
    Alert,
}

impl Raw {
    /// A TCP connection without TLS.
    pub(crate) async fn plain(address: SocketAddr) -> Self {
        Self::plain_over(dial(address, None).await)
    }

    /// This TCP connection without TLS.
    pub(crate) fn plain_over(socket: TcpStream) -> Self {
        let local_address = socket.local_addr().expect("a connected socket has an address");
        Self::over(Box::new(socket), local_address)
    }

    /// A TLS connection.
    pub(crate) async fn tls(address: SocketAddr, tls: &ClientTls) -> Self {
        Self::try_tls(address, tls).await.unwrap_or_else(|fault| panic!("the handshake failed: {fault}"))
    }

    /// A TLS connection, or why there is none.
    pub(crate) async fn try_tls(address: SocketAddr, tls: &ClientTls) -> io::Result<Self> {
        Self::try_tls_over(dial(address, None).await, tls).await
    }

    /// A TLS connection over this one, or why there is none.
    pub(crate) async fn try_tls_over(socket: TcpStream, tls: &ClientTls) -> io::Result<Self> {
        let stream = handshake_over(socket, tls).await?;
        let local_address = stream.get_ref().0.local_addr()?;
        let session = stream.get_ref().1;
        let alpn = session.alpn_protocol().map(|name| String::from_utf8_lossy(name).into_owned());
        let version = session.protocol_version();
        Ok(Self { alpn, version, ..Self::over(Box::new(stream), local_address) })
    }

    fn over(socket: Box<dyn Socket>, local_address: SocketAddr) -> Self {
        let wire = Wire::impatient(socket, DEADLINE);
        Self { wire, local_address, alpn: None, version: None, heard_by: None }
    }

    /// Adds the credentials that are sent from now on to these secrets.
    pub(super) fn heard_by(self, secrets: &Secrets) -> Self {
        Self { heard_by: Some(secrets.clone()), ..self }
    }

    /// The address that the other side sees.
    pub(crate) fn local_address(&self) -> SocketAddr {
        self.local_address
    }

    /// The protocol that ALPN agreed on.
    pub(crate) fn alpn(&self) -> Option<&str> {
        self.alpn.as_deref()
    }

    /// The TLS version that was agreed on.
    pub(crate) fn version(&self) -> Option<rustls::ProtocolVersion> {
        self.version
    }

    /// Sends these bytes.
    pub(crate) async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_write(bytes).await.unwrap_or_else(|fault| panic!("the bytes could not be sent: {fault}"));
    }

    /// Sends these bytes, or says why they could not be sent: the other side may have closed already.
    pub(crate) async fn try_write(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        if let Some(secrets) = &self.heard_by {
            secrets.hear(bytes.as_ref());
        }
        self.wire.write(bytes.as_ref()).await
    }

    /// Sends `piece` again and again until nothing more is taken for `quiet`, at most `limit` bytes. Gives the bytes that were taken.
    pub(crate) async fn push(&mut self, piece: &[u8], limit: u64, quiet: Duration) -> u64 {
        let mut taken = 0;
        while taken < limit {
            match timeout(quiet, self.wire.socket().write(piece)).await {
                Ok(Ok(count)) => taken += count as u64,
                Ok(Err(fault)) => panic!("the bytes could not be sent: {fault}"),
                Err(_) => break,
            }
        }
        taken
    }

    /// Says that nothing more will be sent: close_notify and FIN.
    pub(crate) async fn finish(&mut self) {
        let ending = within(DEADLINE, "the end of sending", self.wire.socket().shutdown()).await;
        ending.unwrap_or_else(|fault| panic!("the sending side could not be ended: {fault}"));
    }

    /// The next final response, to a request that was not HEAD.
    pub(crate) async fn read_response(&mut self) -> Response {
        self.read_response_to("GET").await
    }

    /// The next final response to a request of `method`.
    pub(crate) async fn read_response_to(&mut self, method: &str) -> Response {
        match self.try_read_response_to(method).await {
            Ok(response) => response,
            Err(closing) => panic!("instead of a response the connection ended: {closing:?}"),
        }
    }

    /// The next final response to a request of `method`, or how the connection ended before the end of its head.
    pub(crate) async fn try_read_response_to(&mut self, method: &str) -> Result<Response, Closing> {
        let mut interim = Vec::new();
        loop {
            let head = self.next_head().await?;
            let status = status(&head);
            if (100..200).contains(&status) && status != 101 {
                interim.push(status);
                continue;
            }
            return Ok(Response { interim, ..self.read_content(head, status, method).await });
        }
    }

    /// The status of the next interim response (`100 Continue`), and not a byte beyond it.
    pub(crate) async fn read_interim(&mut self) -> u16 {
        match self.next_head().await {
            Ok(head) => status(&head),
            Err(closing) => panic!("instead of an interim response the connection ended: {closing:?}"),
        }
    }

    /// The next bytes, whatever they are; empty at the orderly end.
    pub(crate) async fn read_some(&mut self) -> Vec<u8> {
        self.wire.some().await.unwrap_or_else(|fault| panic!("nothing could be read: {fault}"))
    }

    /// The next bytes, whatever they are; `None` at the end, however it came.
    ///
    /// # Panics
    /// When nothing comes within [`DEADLINE`].
    pub(crate) async fn try_read_some(&mut self) -> Option<Vec<u8>> {
        match self.wire.some().await {
            Ok(more) => Some(more).filter(|more| !more.is_empty()),
            Err(fault) if fault.kind() == io::ErrorKind::TimedOut => panic!("neither bytes nor an end came"),
            Err(_) => None,
        }
    }

    /// Everything up to the end of the connection, and how it ended.
    pub(crate) async fn read_to_end(&mut self) -> (Vec<u8>, Closing) {
        let mut bytes = Vec::new();
        let ending = self.wire.rest(|more| bytes.extend_from_slice(more)).await;
        (bytes, closing(ending))
    }

    /// Waits for the other side to end the connection without another byte.
    ///
    /// # Panics
    /// When a byte comes, or `deadline` passes first.
    pub(crate) async fn expect_closed(&mut self, deadline: Duration) -> Closing {
        let (bytes, closing) = within(deadline, "the other side to end the connection", self.read_to_end()).await;
        assert!(bytes.is_empty(), "more bytes before the end: {:?}", String::from_utf8_lossy(&bytes));
        closing
    }

    async fn next_head(&mut self) -> Result<Head, Closing> {
        match self.wire.head().await {
            Ok(Some(head)) => Ok(head),
            Ok(None) => Err(Closing::Orderly),
            Err(fault) => Err(closing(Err(fault))),
        }
    }

    async fn read_content(&mut self, head: Head, status: u16, method: &str) -> Response {
        let framing = Framing::of_response(&head, status, method);
        let mut body = Body::new();
        let read = self.wire.body(framing, |bytes| body.take(bytes)).await;
        let (trailers, end) = match read {
            Ok(trailers) if framing == Framing::UntilClose => (trailers, End::Closed),
            Ok(trailers) => (trailers, End::Framed),
            Err(fault) if fault.kind() == io::ErrorKind::TimedOut => panic!("the content stalled after {body:?}"),
            Err(_) => (Vec::new(), End::Cut),
        };
        let reason = head.word(2).to_owned();
        Response { status, reason, fields: head.fields, body, trailers, interim: Vec::new(), end }
    }
}

/// A TLS stream to `address`, or why there is none.
pub(super) async fn handshake(
    address: SocketAddr,
    tls: &ClientTls,
) -> io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    handshake_over(dial(address, None).await, tls).await
}

async fn handshake_over(socket: TcpStream, tls: &ClientTls) -> io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let name = tls.name().to_owned().try_into().expect("tests give good server names");
    let connecting = TlsConnector::from(tls.config()).connect(name, socket);
    within(DEADLINE, "the TLS handshake", connecting).await
}

/// A TCP connection to `address`, from `source` where one is given: every address of 127.0.0.0/8 is this machine's.
pub(crate) async fn dial(address: SocketAddr, source: Option<IpAddr>) -> TcpStream {
    let connecting = async {
        let Some(source) = source else { return TcpStream::connect(address).await };
        let socket = if source.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.bind(SocketAddr::new(source, 0))?;
        socket.connect(address).await
    };
    let socket = within(DEADLINE, "the TCP connection", connecting).await;
    let socket = socket.unwrap_or_else(|fault| panic!("{address} cannot be reached: {fault}"));
    socket.set_nodelay(true).expect("a connected socket has options");
    socket
}

fn status(head: &Head) -> u16 {
    head.word(1).parse().unwrap_or_else(|_| panic!("not a response: {:?}", head.start_line))
}

fn closing(ending: io::Result<()>) -> Closing {
    match ending.map_err(|fault| fault.kind()) {
        Ok(()) => Closing::Orderly,
        Err(io::ErrorKind::UnexpectedEof) => Closing::Truncated,
        Err(io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe) => Closing::Reset,
        Err(io::ErrorKind::InvalidData) => Closing::Alert,
        Err(kind) => panic!("neither bytes nor an end came: {kind}"),
    }
}
