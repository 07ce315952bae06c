//! The bodies of the sample upstream: the beginning of what came in, and zeros going out.

use std::convert::Infallible;
use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;

/// The start of a body, the length of what came of it, and whether that was all.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) kept: Vec<u8>,
    pub(super) length: u64,
    pub(super) end: End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Reached,
    BrokenOff,
}

impl Received {
    /// Reads a body to its end and keeps its first `most` bytes.
    pub(super) async fn read<B>(mut body: B, most: usize) -> Self
    where
        B: Body<Data = Bytes> + Unpin,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let mut received = Self { kept: Vec::new(), length: 0, end: End::Reached };
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else {
                received.end = End::BrokenOff;
                break;
            };
            let Ok(bytes) = frame.into_data() else { continue };
            let room = most.saturating_sub(received.kept.len()).min(bytes.len());
            received.kept.extend_from_slice(&bytes[..room]);
            received.length += bytes.len() as u64;
        }
        received
    }

    pub(super) fn is_whole(&self) -> bool {
        self.end == End::Reached && self.kept.len() as u64 == self.length
    }
}

/// So many zero bytes, none of them held in memory twice.
#[derive(Debug)]
pub(super) struct Zeros {
    pub(super) left: u64,
}

impl Body for Zeros {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let now = usize::try_from(self.left).unwrap_or(usize::MAX).min(PIECE.len());
        self.left -= now as u64;
        Poll::Ready((now > 0).then(|| Ok(Frame::data(Bytes::from_static(&PIECE[..now])))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

static PIECE: [u8; 16 << 10] = [0; 16 << 10];

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stream_is_as_long_as_it_says() {
        let body = Zeros { left: (1 << 20) + 3 };
        assert_eq!(body.size_hint().exact(), Some((1 << 20) + 3));
        let received = Received::read(body, 10).await;
        assert_eq!((received.length, received.kept.len()), ((1 << 20) + 3, 10));
    }
}
