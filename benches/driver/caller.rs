//! Callers that cost little: HTTP/1.1 by hand, HTTP/2 by hyper.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper::rt::Executor;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::spawn_local;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::upstream::{content_length, head_length};

/// An HTTP/1.1 connection, over TLS or in the clear.
pub(crate) struct Caller<S> {
    stream: S,
    buffer: Vec<u8>,
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// Its status code.
    pub(crate) status: u16,
    /// Its head as text.
    pub(crate) head: String,
    /// Its body, as far as it was kept.
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// Its body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A new connection to a port of loopback.
///
/// # Errors
/// It cannot be made.
pub(crate) async fn connect_tcp(port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn connect_tls(port: u16, tls: &TlsConnector) -> io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
    tls.connect(name, connect_tcp(port).await?).await
}

impl Caller<TlsStream<TcpStream>> {
    /// A new connection with a full handshake.
    ///
    /// # Errors
    /// It cannot be made, or the certificate is not the benchmark's.
    pub(crate) async fn connect(port: u16, tls: &TlsConnector) -> io::Result<Self> {
        Ok(Self::over(connect_tls(port, tls).await?))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Caller<S> {
    /// A caller on this connection.
    pub(crate) fn over(stream: S) -> Self {
        Self { stream, buffer: Vec::new() }
    }

    /// Sends a request and reads the answer to its end. Says its length.
    ///
    /// # Errors
    /// The connection breaks, or the answer is not 200.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> io::Result<u64> {
        self.stream.write_all(request).await?;
        self.stream.flush().await?;
        let (head, length) = self.head().await?;
        let status = status(&self.buffer)?;
        if status != 200 {
            return Err(io::Error::other(format!("answered {status}")));
        }
        let mut left = length.saturating_sub(self.buffer.len() - head);
        while left > 0 {
            self.buffer.clear();
            self.buffer.reserve(64 * 1024);
            match self.stream.read_buf(&mut self.buffer).await? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => left = left.saturating_sub(read),
            }
        }
        self.buffer.clear();
        Ok(length as u64)
    }

    /// Sends a request and gives the whole answer, whatever it is.
    ///
    /// # Errors
    /// The connection breaks.
    pub(crate) async fn ask_whole(&mut self, request: &[u8]) -> io::Result<Answer> {
        self.stream.write_all(request).await?;
        self.stream.flush().await?;
        let (head, length) = self.head().await?;
        while self.buffer.len() < head + length {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let body = self.buffer.split_off(head);
        let head = std::mem::take(&mut self.buffer);
        Ok(Answer { status: status(&head)?, head: String::from_utf8_lossy(&head).into_owned(), body })
    }

    /// Reads the head into the buffer; says its length and that of the body.
    async fn head(&mut self) -> io::Result<(usize, usize)> {
        self.buffer.reserve(4 * 1024);
        loop {
            if let Some(head) = head_length(&self.buffer) {
                let length = content_length(&self.buffer[..head]);
                return Ok((head, length.ok_or_else(|| io::Error::other("an answer without Content-Length"))?));
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Ends the connection in good order.
    ///
    /// # Errors
    /// It is broken.
    pub(crate) async fn close(mut self) -> io::Result<()> {
        self.stream.shutdown().await
    }
}

fn status(head: &[u8]) -> io::Result<u16> {
    let code = head.get(9..12).and_then(|code| str::from_utf8(code).ok()).and_then(|code| code.parse().ok());
    code.ok_or_else(|| io::Error::other("not an answer"))
}

/// The text that a port answers to a plain `GET /`, to its end.
///
/// # Errors
/// The connection breaks.
pub(crate) async fn read_page(port: u16) -> io::Result<String> {
    let mut stream = connect_tcp(port).await?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").await?;
    let mut page = Vec::new();
    stream.read_to_end(&mut page).await?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}

/// An HTTP/2 connection; its clones share it.
#[derive(Clone)]
pub(crate) struct Caller2(SendRequest<Full<Bytes>>);

impl Caller2 {
    /// A new connection with a full handshake.
    ///
    /// # Errors
    /// It cannot be made, or the peer does not speak HTTP/2.
    pub(crate) async fn connect(port: u16, tls: &TlsConnector) -> io::Result<Self> {
        let stream = connect_tls(port, tls).await?;
        if stream.get_ref().1.alpn_protocol() != Some(b"h2") {
            return Err(io::Error::other("the peer does not speak HTTP/2"));
        }
        let (sender, connection) = handshake(Local, TokioIo::new(stream)).await.map_err(io::Error::other)?;
        // How it ended, the next request says.
        spawn_local(async move { connection.await.ok() });
        Ok(Self(sender))
    }

    /// Sends a request and reads the answer to its end. Says its length.
    ///
    /// # Errors
    /// The connection breaks, or the answer is not 200.
    pub(crate) async fn ask(&mut self, request: Request<Full<Bytes>>) -> io::Result<u64> {
        self.0.ready().await.map_err(io::Error::other)?;
        let answer = self.0.send_request(request).await.map_err(io::Error::other)?;
        if answer.status() != 200 {
            return Err(io::Error::other(format!("answered {}", answer.status())));
        }
        let body = answer.into_body().collect().await.map_err(io::Error::other)?;
        Ok(body.to_bytes().len() as u64)
    }
}

/// Runs tasks on this thread.
#[derive(Clone, Copy, Debug)]
struct Local;

impl<F: Future<Output = ()> + 'static> Executor<F> for Local {
    fn execute(&self, task: F) {
        spawn_local(task);
    }
}
