//! HTTP/2 frame by frame, for what hyper's client would never send. Source: RFC 9113, sections 4 and 6; RFC 7541, sections 5 and 6.

use super::{Raw, Sidecar};

/// One HTTP/2 connection on which the test writes each frame.
pub(crate) struct Frames {
    raw: Raw,
    ahead: Vec<u8>,
    next_stream: u32,
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
        let raw = Raw::tls(sidecar.address(), &sidecar.tls().alpn(["h2"])).await;
        assert_eq!(raw.alpn(), Some("h2"), "the server was to choose h2");
        let mut frames = Self { raw, ahead: Vec::new(), next_stream: 1 };
        frames.raw.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
        frames.write(SETTINGS, 0, 0, &[0, 1, 0, 0, 0, 0]).await;
        // The server's windows hold from our acknowledgement on.
        while !matches!(frames.read().await, Some((SETTINGS, flags, ..)) if flags & ACK == 0) {}
        frames.write(SETTINGS, ACK, 0, &[]).await;
        frames
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
        let mut block = Vec::new();
        for (name, value) in fields {
            block.push(0);
            string(&mut block, name);
            string(&mut block, value);
        }
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
            let Some((kind, flags, of, payload)) = self.read().await else { return told };
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
        let length = u32::try_from(payload.len()).expect("a frame is short").to_be_bytes();
        let mut frame = vec![length[1], length[2], length[3], kind, flags];
        frame.extend(stream.to_be_bytes());
        frame.extend_from_slice(payload);
        // What the server made of it is read, not guessed from a failed write.
        let _ = self.raw.try_write(frame).await;
    }

    async fn read(&mut self) -> Option<(u8, u8, u32, Vec<u8>)> {
        let head = self.take(9).await?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let payload = self.take(length).await?;
        Some((head[3], head[4], code(&head[5..]) & 0x7fff_ffff, payload))
    }

    async fn take(&mut self, count: usize) -> Option<Vec<u8>> {
        while self.ahead.len() < count {
            let more = self.raw.read_some().await;
            if more.is_empty() {
                return None;
            }
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

fn end_stream(last: Last) -> u8 {
    if last == Last::Yes { END_STREAM } else { 0 }
}

fn code(bytes: &[u8]) -> u32 {
    u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

/// A string literal without Huffman coding.
fn string(block: &mut Vec<u8>, text: &[u8]) {
    let mut length = text.len();
    if length < 127 {
        block.push(u8::try_from(length).expect("under 127"));
    } else {
        block.push(127);
        length -= 127;
        while length >= 128 {
            block.push(u8::try_from(length % 128).expect("under 128") | 128);
            length /= 128;
        }
        block.push(u8::try_from(length).expect("under 128"));
    }
    block.extend_from_slice(text);
}

/// The status that a response's header block begins with.
fn status(block: &[u8]) -> u16 {
    let sized = block.iter().take_while(|byte| **byte & 0xe0 == 0x20).count();
    let block = &block[sized..];
    if let at @ 0x88..=0x8e = block[0] {
        return [200, 204, 206, 304, 400, 404, 500][usize::from(at - 0x88)];
    }
    assert!(matches!(block[0], 0x48 | 0x08 | 0x18), "a response begins with its status: {block:x?}");
    let value = &block[2..2 + usize::from(block[1] & 127)];
    let digits = if block[1] & 128 == 0 { String::from_utf8_lossy(value).into_owned() } else { unpacked(value) };
    digits.parse().unwrap_or_else(|_| panic!("not a status: {digits:?}"))
}

/// Huffman-coded digits: 0, 1 and 2 have five bits, the others six.
fn unpacked(bytes: &[u8]) -> String {
    let bits: Vec<u32> = bytes.iter().flat_map(|byte| (0..8).rev().map(move |at| u32::from(*byte >> at & 1))).collect();
    let number = |bits: &[u32]| bits.iter().fold(0, |sum, bit| sum * 2 + bit);
    let (mut rest, mut digits) = (&bits[..], String::new());
    while rest.len() >= 5 {
        let (value, length) = match number(&rest[..5]) {
            short @ 0..=2 => (short, 5),
            _ if rest.len() < 6 => break,
            _ => (number(&rest[..6]).wrapping_sub(22), 6),
        };
        let Some(digit) = char::from_digit(value, 10) else { break };
        digits.push(digit);
        rest = &rest[length..];
    }
    digits
}

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;
