//! The API behind every peer: answers at once, and is as cheap as it can be.

use std::cell::Cell;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_local;

/// The body of an ordinary answer.
pub(crate) const ANSWER: &str =
    r#"{"error":false,"errorReason":null,"toastMessage":"ok","object":{"reftransactionid":"0123456789abcdef"}}"#;

/// The length of the answer at `/down`, in bytes.
pub(crate) const DOWNLOAD: u64 = 100_000_000;

/// The upstream while it runs.
#[derive(Clone, Debug)]
pub(crate) struct Upstream {
    address: SocketAddr,
    seen: Rc<Cell<u64>>,
}

impl Upstream {
    /// Serves on a free port of loopback until the program ends.
    ///
    /// # Errors
    /// There is no port.
    pub(crate) async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let upstream = Self { address: listener.local_addr()?, seen: Rc::default() };
        let seen = Rc::clone(&upstream.seen);
        spawn_local(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let visit = Visit { stream, buffer: Vec::with_capacity(64 * 1024), seen: Rc::clone(&seen) };
                // How a connection ends is the peer's affair; a request that was not answered is missed by its caller.
                spawn_local(async move { visit.serve().await.ok() });
            }
        });
        Ok(upstream)
    }

    /// Its port.
    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many requests it has seen to their end.
    pub(crate) fn seen(&self) -> u64 {
        self.seen.get()
    }
}

/// One connection to the upstream.
struct Visit {
    stream: TcpStream,
    buffer: Vec<u8>,
    seen: Rc<Cell<u64>>,
}

impl Visit {
    async fn serve(mut self) -> io::Result<()> {
        self.stream.set_nodelay(true)?;
        let ordinary = answer(ANSWER.as_bytes(), "application/json");
        while let Some(length) = self.head().await? {
            let head = self.buffer[..length].to_vec();
            self.buffer.drain(..length);
            self.body(content_length(&head).unwrap_or(0)).await?;
            self.seen.set(self.seen.get() + 1);
            match path(&head) {
                path if path.starts_with(b"/down") => self.download().await?,
                path if path.starts_with(b"/whoami") => self.stream.write_all(&answer(&head, "text/plain")).await?,
                _ => self.stream.write_all(&ordinary).await?,
            }
        }
        Ok(())
    }

    /// Reads a whole head; says its length. `None` at the end of the connection.
    async fn head(&mut self) -> io::Result<Option<usize>> {
        loop {
            if let Some(length) = head_length(&self.buffer) {
                return Ok(Some(length));
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Ok(None);
            }
        }
    }

    /// Reads and drops a body.
    async fn body(&mut self, mut length: usize) -> io::Result<()> {
        loop {
            let here = length.min(self.buffer.len());
            self.buffer.drain(..here);
            length -= here;
            if length == 0 {
                return Ok(());
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    async fn download(&mut self) -> io::Result<()> {
        let head =
            format!("HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: {DOWNLOAD}\r\n\r\n");
        self.stream.write_all(head.as_bytes()).await?;
        let piece = [b'x'; 64 * 1024];
        let mut left = DOWNLOAD as usize;
        while left > 0 {
            let length = left.min(piece.len());
            self.stream.write_all(&piece[..length]).await?;
            left -= length;
        }
        Ok(())
    }
}

fn answer(body: &[u8], kind: &str) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn path(head: &[u8]) -> &[u8] {
    head.split(|byte| *byte == b' ').nth(1).unwrap_or_default()
}

/// The length of the head that the buffer begins with, its empty line included.
pub(crate) fn head_length(buffer: &[u8]) -> Option<usize> {
    buffer.windows(4).position(|window| window == b"\r\n\r\n").map(|start| start + 4)
}

/// What a head says of the length of its body.
pub(crate) fn content_length(head: &[u8]) -> Option<usize> {
    const NAME: &[u8] = b"content-length:";
    let mut lines = head.split(|byte| *byte == b'\n');
    let line = lines.find(|line| line.get(..NAME.len()).is_some_and(|name| name.eq_ignore_ascii_case(NAME)))?;
    str::from_utf8(&line[NAME.len()..]).ok()?.trim().parse().ok()
}
