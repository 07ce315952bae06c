//! HTTP/2 frame by frame, for what hyper's client would never send. Source: RFC 9113, sections 4 and 6.

use std::{net::SocketAddr, time::Duration};

use super::{
    ClientTls, Raw, Sidecar,
    hpack::{self, status},
};

/// One HTTP/2 connection on which the test writes each frame.
pub(crate) struct Frames {
    raw: Raw,
    ahead: Vec<u8>,
    next_stream: u32,
    announced: Vec<u8>,
}

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    /// Its type.
    pub(crate) kind: u8,
    /// Its flags.
    pub(crate) flags: u8,
    /// Its stream.
    pub(crate) stream: u32,
    /// What it carries.
    pub(crate) payload: Vec<u8>,
}

/// Whether a frame is the last of its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Last {
    /// It carries END_STREAM.
    Yes,
    /// More is to come.
    No,
}

/// How the server ended a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StreamEnd {
    /// With END_STREAM.
    Whole,
    /// With RST_STREAM of this code.
    Reset(u32),
    /// With GOAWAY of this code.
    GoAway(u32),
    /// With the end of the connection.
    Closed,
}

/// What the server said on a stream.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    /// The status, if there was a head.
    pub(crate) status: Option<u16>,
    /// The content.
    pub(crate) body: Vec<u8>,
    /// How it ended.
    pub(crate) end: StreamEnd,
}

impl Told {
    /// The `errorReason` or `message` of a refusal, empty when there is none.
    pub(crate) fn refusal(&self) -> String {
        let body = serde_json::from_slice::<serde_json::Value>(&self.body).unwrap_or_default();
        body["errorReason"].as_str().or_else(|| body["message"].as_str()).unwrap_or_default().to_owned()
    }
}

/// RST_STREAM and GOAWAY codes.
pub(crate) const NO_ERROR: u32 = 0;
pub(crate) const CANCEL: u32 = 8;

impl Frames {
    /// Connects with ALPN `h2` alone and exchanges settings; the server is told to use no dynamic table.
    pub(crate) async fn connect(sidecar: &Sidecar) -> Self {
        Self::connect_to(sidecar.address(), &sidecar.tls(), &[]).await
    }

    /// The same, with these settings too.
    pub(crate) async fn connect_to(address: SocketAddr, tls: &ClientTls, settings: &[(u16, u32)]) -> Self {
        let mut frames = Self::bare(address, tls).await;
        frames.send(PREFACE).await;
        let mut payload = vec![0, 1, 0, 0, 0, 0];
        for (name, value) in settings {
            payload.extend(name.to_be_bytes());
            payload.extend(value.to_be_bytes());
        }
        frames.write(SETTINGS, 0, 0, &payload).await;
        // The server's windows hold from our acknowledgement on.
        while let Some(frame) = frames.next().await {
            if frame.kind == SETTINGS && frame.flags & ACK == 0 {
                frames.announced = frame.payload;
                break;
            }
        }
        frames.write(SETTINGS, ACK, 0, &[]).await;
        frames
    }

    /// Connects with ALPN `h2` alone and says nothing.
    pub(crate) async fn bare(address: SocketAddr, tls: &ClientTls) -> Self {
        let raw = Raw::tls(address, &tls.clone().alpn(["h2"])).await;
        assert_eq!(raw.alpn(), Some("h2"), "the server was to choose h2");
        Self { raw, ahead: Vec::new(), next_stream: 1, announced: Vec::new() }
    }

    /// What the server announced as this setting.
    pub(crate) fn announced(&self, setting: u16) -> Option<u32> {
        let mut settings = self.announced.chunks_exact(6);
        settings.find(|each| each[..2] == setting.to_be_bytes()).map(|each| code(&each[2..]))
    }

    /// Opens a stream with these fields, in this order, names as they are.
    pub(crate) async fn open(&mut self, fields: &[(&str, &str)], last: Last) -> u32 {
        let bytes: Vec<(&[u8], &[u8])> =
            fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
        self.open_bytes(&bytes, last).await
    }

    /// Opens a stream with fields of any bytes.
    pub(crate) async fn open_bytes(&mut self, fields: &[(&[u8], &[u8])], last: Last) -> u32 {
        let stream = self.next_stream;
        self.next_stream += 2;
        let block = hpack::block(fields);
        self.write(HEADERS, END_HEADERS | end_stream(last), stream, &block).await;
        stream
    }

    /// Sends a piece of a body.
    pub(crate) async fn data(&mut self, stream: u32, bytes: &[u8], last: Last) {
        self.write(DATA, end_stream(last), stream, bytes).await;
    }

    /// Breaks a stream off.
    pub(crate) async fn reset(&mut self, stream: u32, code: u32) {
        self.write(RST_STREAM, 0, stream, &code.to_be_bytes()).await;
    }

    /// Reads until the server ends `stream`.
    pub(crate) async fn told(&mut self, stream: u32) -> Told {
        let mut told = Told { status: None, body: Vec::new(), end: StreamEnd::Closed };
        loop {
            let Some(Frame { kind, flags, stream: of, payload }) = self.next().await else { return told };
            match kind {
                SETTINGS if flags & ACK == 0 => self.write(SETTINGS, ACK, 0, &[]).await,
                PING if flags & ACK == 0 => self.write(PING, ACK, 0, &payload).await,
                GOAWAY if code(&payload[4..]) != NO_ERROR => {
                    told.end = StreamEnd::GoAway(code(&payload[4..]));
                    return told;
                }
                HEADERS if of == stream && told.status.is_none() => told.status = Some(status(&payload)),
                DATA if of == stream => {
                    told.body.extend_from_slice(&payload);
                    self.widen(stream, payload.len()).await;
                }
                RST_STREAM if of == stream => {
                    told.end = StreamEnd::Reset(code(&payload));
                    return told;
                }
                _ => {}
            }
            if of == stream && matches!(kind, HEADERS | DATA) && flags & END_STREAM != 0 {
                told.end = StreamEnd::Whole;
                return told;
            }
        }
    }

    async fn widen(&mut self, stream: u32, length: usize) {
        let step = u32::try_from(length).expect("a frame is short").to_be_bytes();
        if length > 0 {
            self.write(WINDOW_UPDATE, 0, 0, &step).await;
            self.write(WINDOW_UPDATE, 0, stream, &step).await;
        }
    }

    /// Sends one frame; the server may have closed already.
    pub(crate) async fn write(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        self.send(&frame(kind, flags, stream, payload)).await;
    }

    /// Sends bytes; the server may have closed already.
    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        // What the server made of it is read, not guessed from a failed write.
        let _ = self.raw.try_write(bytes).await;
    }

    /// Sends this again and again, and reads nothing, until the server has gone.
    pub(crate) async fn send_until_gone(&mut self, bytes: &[u8], pace: Duration) {
        let mut pace = tokio::time::interval(pace);
        while self.raw.try_write(bytes).await.is_ok() {
            pace.tick().await;
        }
    }

    /// The next frame of the server; `None` at the end of the connection, however it came.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        let head = self.take(9).await?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let payload = self.take(length).await?;
        Some(Frame { kind: head[3], flags: head[4], stream: code(&head[5..]) & 0x7fff_ffff, payload })
    }

    async fn take(&mut self, count: usize) -> Option<Vec<u8>> {
        while self.ahead.len() < count {
            let more = self.raw.try_read_some().await?;
            self.ahead.extend(more);
        }
        Some(self.ahead.drain(..count).collect())
    }
}

/// The fields of a request head: the four pseudo fields, then these.
pub(crate) fn head<'f>(method: &'f str, path: &'f str, more: &[(&'f str, &'f str)]) -> Vec<(&'f str, &'f str)> {
    let mut fields = vec![(":method", method), (":scheme", "https"), (":authority", "localhost"), (":path", path)];
    fields.extend_from_slice(more);
    fields
}

/// The bytes of a frame.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a frame is short").to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend(stream.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

fn end_stream(last: Last) -> u8 {
    if last == Last::Yes { END_STREAM } else { 0 }
}

/// The number in the first four bytes.
pub(crate) fn code(bytes: &[u8]) -> u32 {
    u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

/// What a client begins with, before its settings.
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const PRIORITY: u8 = 2;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PUSH_PROMISE: u8 = 5;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;
pub(crate) const END_STREAM: u8 = 1;
pub(crate) const ACK: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;
pub(crate) const PADDED: u8 = 8;
pub(crate) const WITH_PRIORITY: u8 = 0x20;
