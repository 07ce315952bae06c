//! What the recording upstream is told to answer: a head, a content, and how each may go wrong.

use std::io;

use tokio::io::AsyncWriteExt;

use super::{
    Signal,
    line::Line,
    wire::{Field, Wire},
};

/// One answer of the recording upstream. Built as an ordinary answer, then bent where a test needs it.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    status: u16,
    fields: Vec<Field>,
    content: Content,
    trailers: Vec<Field>,
    before_head: Option<Signal>,
    before_content: Option<Signal>,
    content_cut: Option<usize>,
    ending: Ending,
}

#[derive(Clone, Debug)]
enum Content {
    None,
    Length(Vec<u8>),
    Chunks(Vec<Vec<u8>>),
    UntilClose(Vec<u8>),
    Repeat {
        byte: u8,
        count: u64,
    },
    /// Instead of a head and a content.
    Raw(Vec<u8>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    KeepAlive,
    Close,
    Truncate,
    HalfClose,
    Reset,
    Hang,
    Echo,
}

/// What becomes of the connection after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Afterwards {
    /// The next request is read.
    KeepAlive,
    /// It is over.
    Over,
}

impl Answer {
    /// An answer without content.
    pub(crate) fn status(status: u16) -> Self {
        Self {
            status,
            fields: Vec::new(),
            content: Content::None,
            trailers: Vec::new(),
            before_head: None,
            before_content: None,
            content_cut: None,
            ending: Ending::KeepAlive,
        }
    }

    /// An answer of type `application/json`.
    pub(crate) fn json(status: u16, text: &str) -> Self {
        Self::status(status).header("Content-Type", "application/json").body(text)
    }

    /// What an upstream says to a delivery that it has booked.
    pub(crate) fn booked() -> Self {
        Self::json(200, r#"{"error":false,"errorReason":null,"toastMessage":"ok","object":{"reftransactionid":"R1"}}"#)
    }

    /// These bytes instead of a head and a content; the connection stays open.
    pub(crate) fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self { content: Content::Raw(bytes.into()), ..Self::status(0) }
    }

    /// Not a byte, and an orderly end of the connection.
    pub(crate) fn close() -> Self {
        Self::raw([]).then_close()
    }

    /// Not a byte, and a reset of the connection.
    pub(crate) fn reset() -> Self {
        Self::raw([]).then_reset()
    }

    /// Not a byte, ever; the connection stays open until the other side ends it.
    pub(crate) fn hang() -> Self {
        Self::raw([]).then_hang()
    }

    /// `101` to `protocol`, after which every byte comes back as it was sent.
    pub(crate) fn upgrade(protocol: &str) -> Self {
        let answer = Self::status(101).header("Connection", "Upgrade").header("Upgrade", protocol);
        Self { ending: Ending::Echo, ..answer }
    }

    /// Adds a field to the head.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A content with its `Content-Length`.
    pub(crate) fn body(self, bytes: impl AsRef<[u8]>) -> Self {
        Self { content: Content::Length(bytes.as_ref().to_vec()), ..self }
    }

    /// A content of `count` times `byte` with its `Content-Length`; never held in memory.
    pub(crate) fn repeat(self, byte: u8, count: u64) -> Self {
        Self { content: Content::Repeat { byte, count }, ..self }
    }

    /// A chunked content.
    pub(crate) fn chunks<const N: usize>(self, chunks: [&str; N]) -> Self {
        Self { content: Content::Chunks(chunks.iter().map(|chunk| chunk.as_bytes().to_vec()).collect()), ..self }
    }

    /// Adds a trailer field to a chunked content.
    pub(crate) fn trailer(mut self, name: &str, value: &str) -> Self {
        self.trailers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A content without a length: the connection's end is its end.
    pub(crate) fn until_close(self, bytes: impl AsRef<[u8]>) -> Self {
        Self { content: Content::UntilClose(bytes.as_ref().to_vec()), ending: Ending::Close, ..self }
    }

    /// Holds back the head until `signal` fires.
    pub(crate) fn after(self, signal: &Signal) -> Self {
        Self { before_head: Some(signal.clone()), ..self }
    }

    /// Sends the head and holds back the content until `signal` fires.
    pub(crate) fn content_after(self, signal: &Signal) -> Self {
        Self { before_content: Some(signal.clone()), ..self }
    }

    /// Ends the connection after the first `length` bytes of the content (chunk lines count).
    pub(crate) fn cut_content_at(self, length: usize) -> Self {
        Self { content_cut: Some(length), ending: Ending::Close, ..self }
    }

    /// Ends the connection orderly after the answer.
    pub(crate) fn then_close(self) -> Self {
        Self { ending: Ending::Close, ..self }
    }

    /// Ends the connection after the answer without saying goodbye: TLS without close_notify.
    pub(crate) fn then_truncate(self) -> Self {
        Self { ending: Ending::Truncate, ..self }
    }

    /// Says after the answer that nothing more comes, and goes on reading.
    pub(crate) fn then_half_close(self) -> Self {
        Self { ending: Ending::HalfClose, ..self }
    }

    /// Resets the connection after the answer.
    pub(crate) fn then_reset(self) -> Self {
        Self { ending: Ending::Reset, ..self }
    }

    /// After the answer only reads, until the other side ends the connection.
    pub(crate) fn then_hang(self) -> Self {
        Self { ending: Ending::Hang, ..self }
    }

    /// After the answer every byte that comes is sent back as it came, until the other side ends the connection.
    pub(crate) fn then_echo(self) -> Self {
        Self { ending: Ending::Echo, ..self }
    }

    /// Plays this answer to a request of method `asked`, and counts what was written of it.
    pub(super) async fn play(
        &self,
        wire: &mut Wire<Line>,
        asked: &str,
        mut count: impl FnMut(u64),
    ) -> io::Result<Afterwards> {
        fired(self.before_head.as_ref()).await;
        let head = self.head();
        wire.write(&head).await?;
        count(head.len() as u64);
        fired(self.before_content.as_ref()).await;
        if asked != "HEAD" || matches!(self.content, Content::Raw(_)) {
            self.play_content(wire, &mut count).await?;
        }
        self.end(wire).await
    }

    async fn play_content(&self, wire: &mut Wire<Line>, count: &mut impl FnMut(u64)) -> io::Result<()> {
        let (piece, mut left) = match &self.content {
            Content::Repeat { byte, count } => (vec![*byte; 64 << 10], *count),
            _ => {
                let bytes = self.encoded();
                let length = bytes.len() as u64;
                (bytes, length)
            }
        };
        left = left.min(self.content_cut.map_or(u64::MAX, |cut| cut as u64));
        while left > 0 {
            let now = usize::try_from(left).unwrap_or(usize::MAX).min(piece.len());
            wire.write(&piece[..now]).await?;
            count(now as u64);
            left -= now as u64;
        }
        Ok(())
    }

    async fn end(&self, wire: &mut Wire<Line>) -> io::Result<Afterwards> {
        match self.ending {
            Ending::KeepAlive => return Ok(Afterwards::KeepAlive),
            Ending::Close => wire.socket().say_goodbye().await?,
            Ending::Truncate => {}
            Ending::HalfClose => {
                wire.socket().shutdown().await?;
                wire.rest(|_| ()).await?;
            }
            Ending::Reset => wire.socket().reset_at_end()?,
            Ending::Hang => wire.rest(|_| ()).await?,
            Ending::Echo => {
                echo(wire).await?;
                wire.socket().say_goodbye().await?;
            }
        }
        Ok(Afterwards::Over)
    }

    fn head(&self) -> Vec<u8> {
        if matches!(self.content, Content::Raw(_)) {
            return Vec::new();
        }
        let mut text = format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status));
        for (name, value) in &self.fields {
            text += &format!("{name}: {value}\r\n");
        }
        text += &match &self.content {
            Content::None if matches!(self.status, 100..=199 | 204 | 304) => String::new(),
            Content::None => "Content-Length: 0\r\n".to_owned(),
            Content::Length(bytes) => format!("Content-Length: {}\r\n", bytes.len()),
            Content::Repeat { count, .. } => format!("Content-Length: {count}\r\n"),
            Content::Chunks(_) => "Transfer-Encoding: chunked\r\n".to_owned(),
            Content::UntilClose(_) | Content::Raw(_) => String::new(),
        };
        (text + "\r\n").into_bytes()
    }

    fn encoded(&self) -> Vec<u8> {
        match &self.content {
            Content::None | Content::Repeat { .. } => Vec::new(),
            Content::Length(bytes) | Content::UntilClose(bytes) | Content::Raw(bytes) => bytes.clone(),
            Content::Chunks(chunks) => {
                let mut bytes = Vec::new();
                for chunk in chunks.iter().filter(|chunk| !chunk.is_empty()) {
                    bytes.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
                    bytes.extend_from_slice(chunk);
                    bytes.extend_from_slice(b"\r\n");
                }
                bytes.extend_from_slice(b"0\r\n");
                for (name, value) in &self.trailers {
                    bytes.extend(format!("{name}: {value}\r\n").into_bytes());
                }
                bytes.extend_from_slice(b"\r\n");
                bytes
            }
        }
    }
}

async fn fired(signal: Option<&Signal>) {
    if let Some(signal) = signal {
        signal.fired().await;
    }
}

async fn echo(wire: &mut Wire<Line>) -> io::Result<()> {
    loop {
        let bytes = wire.some().await?;
        if bytes.is_empty() {
            return Ok(());
        }
        wire.write(&bytes).await?;
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        101 => "Switching Protocols",
        200 => "OK",
        400 => "Bad Request",
        404 => "Not Found",
        500 => "Internal Server Error",
        _ => "Whatever",
    }
}
