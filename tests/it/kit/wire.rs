//! Reading HTTP/1.1 off a socket byte by byte, for the recording upstream (requests) and for [`super::Raw`] (responses).
//!
//! Deliberately none of the libraries that the sidecar is built from: a mistake they share with the sidecar would not be seen.

use std::{fmt, io, time::Duration};

use aws_lc_rs::digest;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::timeout,
};

/// A header or trailer field: the name in the case it was sent in, the value without the blanks around it.
pub(crate) type Field = (String, String);

/// The start line and the fields of a message, with the exact bytes they came as.
#[derive(Clone)]
pub(crate) struct Head {
    /// Everything up to and including the empty line.
    pub(crate) raw: Vec<u8>,
    /// The first line, without its line end.
    pub(crate) start_line: String,
    /// The fields in the order they came in.
    pub(crate) fields: Vec<Field>,
}

impl Head {
    fn parse(raw: Vec<u8>) -> Self {
        let text = String::from_utf8_lossy(&raw).into_owned();
        let mut lines = text.split("\r\n");
        let start_line = lines.next().unwrap_or_default().to_owned();
        let fields = lines.filter(|line| !line.is_empty()).map(field).collect();
        Self { raw, start_line, fields }
    }

    /// Word `at` of the start line, empty when there is none.
    pub(crate) fn word(&self, at: usize) -> &str {
        self.start_line.splitn(3, ' ').nth(at).unwrap_or_default()
    }
}

impl fmt::Debug for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&String::from_utf8_lossy(&self.raw), f)
    }
}

/// The values of every field called `name`, whatever its case.
pub(crate) fn values<'f>(fields: &'f [Field], name: &str) -> Vec<&'f str> {
    fields.iter().filter(|(each, _)| each.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str()).collect()
}

fn field(line: &str) -> Field {
    let (name, value) = line.split_once(':').unwrap_or((line, ""));
    (name.to_owned(), value.trim_matches([' ', '\t']).to_owned())
}

/// How the end of a body is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// There is no body.
    None,
    /// By `Content-Length`.
    Length(u64),
    /// By the chunk of length zero.
    Chunked,
    /// By the end of the connection.
    UntilClose,
}

impl Framing {
    /// The framing of a request, RFC 9112 section 6.3.
    pub(crate) fn of_request(head: &Head) -> Self {
        Self::declared(head).unwrap_or(Self::None)
    }

    /// The framing of the answer `status` to a request of method `asked`, RFC 9112 section 6.3.
    pub(crate) fn of_response(head: &Head, status: u16, asked: &str) -> Self {
        match status {
            _ if asked == "HEAD" => Self::None,
            100..=199 | 204 | 304 => Self::None,
            _ => Self::declared(head).unwrap_or(Self::UntilClose),
        }
    }

    fn declared(head: &Head) -> Option<Self> {
        let codings = values(&head.fields, "transfer-encoding").join(",").to_ascii_lowercase();
        if codings.ends_with("chunked") {
            return Some(Self::Chunked);
        }
        let length = values(&head.fields, "content-length");
        length.first().and_then(|text| text.parse().ok()).map(Self::Length)
    }
}

/// A body as it came in: its first 4 MiB, and length and SHA-256 of the whole.
#[derive(Clone)]
pub(crate) struct Body {
    kept: Vec<u8>,
    length: u64,
    digest: digest::Context,
}

impl Body {
    const KEPT: usize = 4 << 20;

    /// A body of which nothing has come yet.
    pub(crate) fn new() -> Self {
        Self { kept: Vec::new(), length: 0, digest: digest::Context::new(&digest::SHA256) }
    }

    /// Adds the next bytes.
    pub(crate) fn take(&mut self, bytes: &[u8]) {
        let room = Self::KEPT.saturating_sub(self.kept.len()).min(bytes.len());
        self.kept.extend_from_slice(&bytes[..room]);
        self.length += bytes.len() as u64;
        self.digest.update(bytes);
    }

    /// The first 4 MiB.
    pub(crate) fn kept(&self) -> &[u8] {
        &self.kept
    }

    /// How many bytes came in all.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// SHA-256 of the whole.
    pub(crate) fn sha256(&self) -> Vec<u8> {
        self.digest.clone().finish().as_ref().to_vec()
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = &self.kept[..self.kept.len().min(200)];
        write!(f, "{} bytes: {:?}", self.length, String::from_utf8_lossy(start))
    }
}

/// What is shown every byte that was read.
type Tap = Box<dyn FnMut(&[u8]) + Send>;

/// One end of a connection, with what was read ahead.
pub(crate) struct Wire<S> {
    socket: S,
    ahead: Vec<u8>,
    patience: Option<Duration>,
    tap: Tap,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    /// Reads that wait at most `patience` for the next byte, then fail with [`io::ErrorKind::TimedOut`].
    pub(crate) fn impatient(socket: S, patience: Duration) -> Self {
        Self { socket, ahead: Vec::new(), patience: Some(patience), tap: Box::new(|_| ()) }
    }

    /// Reads that wait for ever and show every byte to `tap` first.
    pub(crate) fn tapped(socket: S, tap: impl FnMut(&[u8]) + Send + 'static) -> Self {
        Self { socket, ahead: Vec::new(), patience: None, tap: Box::new(tap) }
    }

    /// The socket under it.
    pub(crate) fn socket(&mut self) -> &mut S {
        &mut self.socket
    }

    /// Writes all of `bytes` and flushes them.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let writing = async {
            self.socket.write_all(bytes).await?;
            self.socket.flush().await
        };
        match self.patience {
            Some(patience) => timeout(patience, writing).await?,
            None => writing.await,
        }
    }

    /// The next head; `None` when the other side ended orderly before its first byte.
    pub(crate) async fn head(&mut self) -> io::Result<Option<Head>> {
        let mut searched = 0;
        loop {
            if let Some(at) = find(&self.ahead[searched..], b"\r\n\r\n") {
                let end = searched + at + 4;
                return Ok(Some(Head::parse(self.ahead.drain(..end).collect())));
            }
            searched = self.ahead.len().saturating_sub(3);
            if self.fill().await? == 0 {
                return if self.ahead.is_empty() { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
            }
        }
    }

    /// Hands the body's bytes to `take` as they come and gives the trailers.
    ///
    /// # Errors
    /// [`io::ErrorKind::UnexpectedEof`] when the connection ends before the body does, [`io::ErrorKind::InvalidData`] on a bad chunk.
    pub(crate) async fn body(&mut self, framing: Framing, mut take: impl FnMut(&[u8])) -> io::Result<Vec<Field>> {
        match framing {
            Framing::None => {}
            Framing::Length(length) => self.counted(length, &mut take).await?,
            Framing::Chunked => return self.chunks(&mut take).await,
            Framing::UntilClose => self.rest(take).await?,
        }
        Ok(Vec::new())
    }

    /// Hands everything up to the orderly end of the connection to `take`.
    pub(crate) async fn rest(&mut self, mut take: impl FnMut(&[u8])) -> io::Result<()> {
        loop {
            take(&self.ahead);
            self.ahead.clear();
            if self.fill().await? == 0 {
                return Ok(());
            }
        }
    }

    /// What comes next, as soon as something does; empty at the orderly end.
    pub(crate) async fn some(&mut self) -> io::Result<Vec<u8>> {
        if self.ahead.is_empty() {
            self.fill().await?;
        }
        Ok(std::mem::take(&mut self.ahead))
    }

    async fn chunks(&mut self, take: &mut impl FnMut(&[u8])) -> io::Result<Vec<Field>> {
        loop {
            let line = self.line().await?;
            let digits = line.split(';').next().unwrap_or_default().trim();
            let size = u64::from_str_radix(digits, 16).map_err(|_| io::ErrorKind::InvalidData)?;
            if size == 0 {
                return self.trailers().await;
            }
            self.counted(size, take).await?;
            if !self.line().await?.is_empty() {
                return Err(io::ErrorKind::InvalidData.into());
            }
        }
    }

    async fn trailers(&mut self) -> io::Result<Vec<Field>> {
        let mut trailers = Vec::new();
        loop {
            let line = self.line().await?;
            if line.is_empty() {
                return Ok(trailers);
            }
            trailers.push(field(&line));
        }
    }

    async fn counted(&mut self, mut left: u64, take: &mut impl FnMut(&[u8])) -> io::Result<()> {
        loop {
            let now = usize::try_from(left).unwrap_or(usize::MAX).min(self.ahead.len());
            take(&self.ahead[..now]);
            self.ahead.drain(..now);
            left -= now as u64;
            if left == 0 {
                return Ok(());
            }
            self.more().await?;
        }
    }

    async fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(at) = find(&self.ahead, b"\r\n") {
                let line: Vec<u8> = self.ahead.drain(..at + 2).collect();
                return Ok(String::from_utf8_lossy(&line[..at]).into_owned());
            }
            self.more().await?;
        }
    }

    async fn more(&mut self) -> io::Result<()> {
        match self.fill().await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    async fn fill(&mut self) -> io::Result<usize> {
        let mut piece = [0; 16 << 10];
        let reading = self.socket.read(&mut piece);
        let count = match self.patience {
            Some(patience) => timeout(patience, reading).await??,
            None => reading.await?,
        };
        (self.tap)(&piece[..count]);
        self.ahead.extend_from_slice(&piece[..count]);
        Ok(count)
    }
}

fn find(hay: &[u8], needle: &[u8]) -> Option<usize> {
    hay.windows(needle.len()).position(|window| window == needle)
}
