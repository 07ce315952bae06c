//! Follows the frame boundaries of HTTP/2, to tell a head that does not come from a connection that is idle, and a caller that takes its
//! answers from one that takes only our pings.
//!
//! hyper's own parser judges the frames; this only skips from one to the next by its length. Source: RFC 9113, sections 3.4, 4.1, 6.10.

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
}

impl Frames {
    /// The bytes of a caller, who begins with the preface.
    pub(super) fn of_client() -> Self {
        Self::default()
    }

    /// Our own bytes.
    pub(super) fn of_server() -> Self {
        Self { begun: true, ..Self::default() }
    }

    /// Bytes of content that have passed so far.
    pub(super) fn data(&self) -> u64 {
        self.data
    }

    /// Takes the next bytes.
    pub(super) fn feed(&mut self, mut bytes: &[u8]) {
        if !self.begun && !bytes.is_empty() {
            self.begun = true;
            self.skip = PREFACE;
        }
        while !bytes.is_empty() {
            if self.skip > 0 {
                let skipped = self.skip.min(bytes.len());
                self.skip -= skipped;
                self.data += if self.skips_data { skipped as u64 } else { 0 };
                bytes = &bytes[skipped..];
                continue;
            }
            let taken = (HEAD - self.have).min(bytes.len());
            self.head[self.have..self.have + taken].copy_from_slice(&bytes[..taken]);
            self.have += taken;
            bytes = &bytes[taken..];
            if self.have == HEAD {
                self.begin_frame();
            }
        }
    }

    /// True while a frame other than DATA, or a header block, has begun and not ended.
    pub(super) fn is_amid_head(&self) -> bool {
        self.block_is_open || self.have > 0 || (self.skip > 0 && !self.skips_data)
    }

    fn begin_frame(&mut self) {
        let [high, middle, low, kind, flags, ..] = self.head;
        self.have = 0;
        self.skip = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
        self.skips_data = kind == DATA;
        if kind == HEADERS || kind == CONTINUATION {
            self.block_is_open = flags & END_HEADERS == 0;
        }
    }
}

const PREFACE: usize = 24;
const HEAD: usize = 9;
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 4;

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
        for (parts, amid) in [
            (vec![], false),
            (vec![preface[..5].to_vec()], true),
            (vec![preface.clone()], false),
            (vec![preface.clone(), frame(4, 0, 6)], false),
            (vec![preface.clone(), frame(4, 0, 6)[..12].to_vec()], true),
            (vec![preface.clone(), frame(HEADERS, END_HEADERS, 20)], false),
            (vec![preface.clone(), frame(HEADERS, 0, 20)], true),
            (vec![preface.clone(), frame(HEADERS, 0, 20), frame(CONTINUATION, 0, 1)], true),
            (vec![preface.clone(), frame(HEADERS, 0, 20), frame(CONTINUATION, END_HEADERS, 1)], false),
            (vec![preface.clone(), frame(HEADERS, END_HEADERS, 9), frame(DATA, 0, 50)[..20].to_vec()], false),
            (vec![preface.clone(), frame(6, 0, 8), frame(8, 0, 4)], false),
            (vec![preface, frame(6, 0, 8), vec![0]], true),
        ] {
            let bytes = parts.concat();
            for step in [1, 3, 1000] {
                let mut frames = Frames::of_client();
                bytes.chunks(step).for_each(|chunk| frames.feed(chunk));
                assert_eq!(frames.is_amid_head(), amid, "{bytes:?} by {step}");
            }
        }
    }

    #[test]
    fn content_is_counted_and_nothing_else_is() {
        let bytes =
            [frame(4, 0, 6), frame(HEADERS, END_HEADERS, 9), frame(DATA, 0, 50), frame(6, 1, 8), frame(DATA, 1, 7)];
        for step in [1, 3, 1000] {
            let mut frames = Frames::of_server();
            bytes.concat().chunks(step).for_each(|chunk| frames.feed(chunk));
            assert_eq!(frames.data(), 57, "by {step}");
        }
    }
}
