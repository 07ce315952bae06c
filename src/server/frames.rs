//! Follows the frame boundaries of HTTP/2, to tell a head that does not come from a connection that is idle, and a caller that takes its
//! answers from one that takes only our pings.
//!
//! hyper's own parser judges the frames; this only skips from one to the next by its length, save for what h2 lets pass: a connection that
//! does not begin with SETTINGS, and pseudo-fields in trailers. Source: RFC 9113, sections 3.4, 4.1, 6.10, 8.1.

mod block;

use block::names_a_pseudo_field;

/// Where in the stream of frames one side of a connection stands.
#[derive(Debug, Default)]
pub(super) struct Frames {
    begun: bool,
    data: u64,
    head: [u8; HEAD],
    have: usize,
    skip: usize,
    skips_data: bool,
    block_is_open: bool,
    whose: Whose,
    is_settled: bool,
    newest: u32,
    heads: usize,
    trailers: Option<Vec<u8>>,
}

/// Whose frames they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Whose {
    /// The caller's: not all that it sends reaches h2.
    #[default]
    Callers,
    /// Our own.
    Ours,
}

/// What a caller must not send and h2 would let pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum FrameFault {
    /// The first frame is not SETTINGS.
    #[error("the connection does not begin with SETTINGS")]
    NoSettings,
    /// Trailers with a pseudo-field.
    #[error("the trailers hold a pseudo-field")]
    PseudoInTrailers,
    /// More than any trailers have.
    #[error("the trailers are too long")]
    LongTrailers,
}

impl Frames {
    /// The bytes of a caller, who begins with the preface.
    pub(super) fn of_client() -> Self {
        Self::default()
    }

    /// Our own bytes.
    pub(super) fn of_server() -> Self {
        Self { begun: true, whose: Whose::Ours, ..Self::default() }
    }

    /// Bytes of content that have passed so far.
    pub(super) fn data(&self) -> u64 {
        self.data
    }

    /// How many streams were opened since the last time this was asked.
    pub(super) fn opened(&mut self) -> usize {
        std::mem::take(&mut self.heads)
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// What must not reach h2; our own frames have no faults.
    pub(super) fn feed(&mut self, mut bytes: &[u8]) -> Result<(), FrameFault> {
        if !self.begun && !bytes.is_empty() {
            self.begun = true;
            self.skip = PREFACE;
        }
        while !bytes.is_empty() {
            if self.skip > 0 {
                let skipped = self.skip.min(bytes.len());
                self.skip -= skipped;
                self.data += if self.skips_data { skipped as u64 } else { 0 };
                if let Some(trailers) = &mut self.trailers {
                    trailers.extend_from_slice(&bytes[..skipped]);
                }
                bytes = &bytes[skipped..];
            } else {
                let taken = (HEAD - self.have).min(bytes.len());
                self.head[self.have..self.have + taken].copy_from_slice(&bytes[..taken]);
                self.have += taken;
                bytes = &bytes[taken..];
                if self.have == HEAD {
                    self.begin_frame()?;
                }
            }
            if self.skip == 0 && self.have == 0 && self.trailers.is_some() {
                self.end_frame_of_trailers()?;
            }
        }
        Ok(())
    }

    /// GOAWAY with this error code, after the newest stream. Source: RFC 9113, sections 6.8 and 7.
    pub(super) fn go_away(&self, why: u8) -> [u8; 17] {
        let mut frame = [0; 17];
        (frame[2], frame[3], frame[16]) = (8, GOAWAY, why);
        frame[HEAD..HEAD + 4].copy_from_slice(&self.newest.to_be_bytes());
        frame
    }

    /// True where no frame has begun.
    pub(super) fn is_between(&self) -> bool {
        self.have == 0 && self.skip == 0
    }

    /// True while a frame other than DATA, or a header block, has begun and not ended.
    pub(super) fn is_amid_head(&self) -> bool {
        self.block_is_open || self.have > 0 || (self.skip > 0 && !self.skips_data)
    }

    fn begin_frame(&mut self) -> Result<(), FrameFault> {
        let [high, middle, low, kind, flags, stream @ ..] = self.head;
        self.have = 0;
        self.skip = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
        self.skips_data = kind == DATA;
        if kind == HEADERS || kind == CONTINUATION {
            self.block_is_open = flags & END_HEADERS == 0;
        }
        if self.whose == Whose::Ours {
            return Ok(());
        }
        if !std::mem::replace(&mut self.is_settled, true) && kind != SETTINGS {
            return Err(FrameFault::NoSettings);
        }
        if kind == HEADERS {
            let stream = u32::from_be_bytes(stream) & !RESERVED;
            // A stream has a head and then, maybe, trailers; a head always opens a newer stream.
            self.trailers = (stream <= self.newest).then(Vec::new);
            self.heads += usize::from(self.trailers.is_none());
            self.newest = self.newest.max(stream);
        }
        Ok(())
    }

    /// Looks at trailers when all of them are there. They are held until then: few callers send any.
    fn end_frame_of_trailers(&mut self) -> Result<(), FrameFault> {
        let Some(trailers) = &mut self.trailers else { return Ok(()) };
        let [.., kind, flags, _, _, _, _] = self.head;
        if kind == HEADERS {
            unwrap_block(trailers, flags);
        }
        if trailers.len() > MOST_TRAILERS {
            return Err(FrameFault::LongTrailers);
        }
        let is_whole = !self.block_is_open;
        if is_whole && self.trailers.take().is_some_and(|trailers| names_a_pseudo_field(&trailers)) {
            return Err(FrameFault::PseudoInTrailers);
        }
        Ok(())
    }
}

/// Takes padding and priority from the payload of HEADERS; what does not fit is h2's to judge. Source: RFC 9113, section 6.2.
fn unwrap_block(payload: &mut Vec<u8>, flags: u8) {
    let is_padded = flags & PADDED != 0;
    let padding = if is_padded { payload.first().map_or(0, |length| usize::from(*length)) } else { 0 };
    let front = usize::from(is_padded) + if flags & PRIORITY != 0 { 5 } else { 0 };
    payload.truncate(payload.len().saturating_sub(padding));
    payload.drain(..front.min(payload.len()));
}

const PREFACE: usize = 24;
const HEAD: usize = 9;
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
/// Source: RFC 9113, section 7.
pub(super) const PROTOCOL_ERROR: u8 = 1;
pub(super) const ENHANCE_YOUR_CALM: u8 = 11;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;
const PRIORITY: u8 = 0x20;
/// The first bit of a stream's number, which means nothing.
const RESERVED: u32 = 1 << 31;
/// Bytes of trailers; h2 takes fewer.
const MOST_TRAILERS: usize = 128 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, length: u8) -> Vec<u8> {
        let mut frame = vec![0, 0, length, kind, flags, 0, 0, 0, 1];
        frame.resize(HEAD + usize::from(length), 7);
        frame
    }

    #[test]
    fn a_head_is_amid_until_its_last_byte() {
        let preface = vec![b'P'; PREFACE];
        let settled = [preface.clone(), frame(SETTINGS, 0, 6)].concat();
        for (parts, amid) in [
            (vec![], false),
            (vec![preface[..5].to_vec()], true),
            (vec![preface.clone()], false),
            (vec![preface.clone(), frame(4, 0, 6)], false),
            (vec![preface.clone(), frame(4, 0, 6)[..12].to_vec()], true),
            (vec![settled.clone(), frame(HEADERS, END_HEADERS, 20)], false),
            (vec![settled.clone(), frame(HEADERS, 0, 20)], true),
            (vec![settled.clone(), frame(HEADERS, 0, 20), frame(CONTINUATION, 0, 1)], true),
            (vec![settled.clone(), frame(HEADERS, 0, 20), frame(CONTINUATION, END_HEADERS, 1)], false),
            (vec![settled.clone(), frame(HEADERS, END_HEADERS, 9), frame(DATA, 0, 50)[..20].to_vec()], false),
            (vec![settled.clone(), frame(6, 0, 8), frame(8, 0, 4)], false),
            (vec![settled, frame(6, 0, 8), vec![0]], true),
        ] {
            let bytes = parts.concat();
            for step in [1, 3, 1000] {
                let mut frames = Frames::of_client();
                bytes.chunks(step).for_each(|chunk| frames.feed(chunk).unwrap());
                assert_eq!(frames.is_amid_head(), amid, "{bytes:?} by {step}");
            }
        }
    }

    #[test]
    fn what_h2_would_let_pass_is_a_fault_however_it_arrives() {
        let settled = || [vec![b'P'; PREFACE], frame(4, 0, 6), frame(HEADERS, END_HEADERS, 20)].concat();
        let trailers = |kind, flags, payload: &[u8]| {
            [&[0, 0, u8::try_from(payload.len()).unwrap(), kind, flags, 0, 0, 0, 1], payload].concat()
        };
        let pseudo = Err(FrameFault::PseudoInTrailers);
        for (frames, expected) in [
            (vec![], Ok(())),
            (vec![trailers(HEADERS, 5, b"\x00\x01x\x01y")], Ok(())),
            (vec![trailers(HEADERS, 5, b"\x84")], pseudo),
            (vec![trailers(HEADERS, 1, b""), trailers(CONTINUATION, 4, b"\x84")], pseudo),
            (vec![trailers(HEADERS, 1, b"\x00\x05:pa"), trailers(CONTINUATION, 4, b"th\x01/")], pseudo),
            (
                vec![
                    trailers(HEADERS, 1, b"\x00\x01x"),
                    trailers(CONTINUATION, 0, b""),
                    trailers(CONTINUATION, 4, b"\x01y"),
                ],
                Ok(()),
            ),
            (vec![trailers(HEADERS, 5 | PADDED, b"\x02\x00\x01x\x01y\x84\x84")], Ok(())),
            (vec![trailers(HEADERS, 5 | PADDED, b"\x02\x84\x00\x00")], pseudo),
            (vec![trailers(HEADERS, 5 | PRIORITY, b"\x84\x84\x84\x84\x84\x00\x01x\x01y")], Ok(())),
            (vec![trailers(HEADERS, 5 | PADDED | PRIORITY, b"\x01\x00\x00\x00\x00\x00\x84\x00")], pseudo),
            (vec![trailers(HEADERS, 5, b"")], Ok(())),
        ] {
            let bytes = [settled(), frames.concat()].concat();
            for step in [1, 3, 1000] {
                let mut frames = Frames::of_client();
                let fed = bytes.chunks(step).try_for_each(|chunk| frames.feed(chunk));
                assert_eq!(fed, expected, "{bytes:?} by {step}");
            }
        }
        let unsettled = [vec![b'P'; PREFACE], frame(HEADERS, END_HEADERS, 20)].concat();
        assert_eq!(Frames::of_client().feed(&unsettled), Err(FrameFault::NoSettings));
        let trailers_of_ours = [frame(HEADERS, END_HEADERS, 1), trailers(HEADERS, 5, b"\x88")].concat();
        assert_eq!(Frames::of_server().feed(&trailers_of_ours), Ok(()));
    }

    #[test]
    fn content_is_counted_and_nothing_else_is() {
        let bytes =
            [frame(4, 0, 6), frame(HEADERS, END_HEADERS, 9), frame(DATA, 0, 50), frame(6, 1, 8), frame(DATA, 1, 7)];
        for step in [1, 3, 1000] {
            let mut frames = Frames::of_server();
            bytes.concat().chunks(step).for_each(|chunk| frames.feed(chunk).unwrap());
            assert_eq!(frames.data(), 57, "by {step}");
        }
    }
}
