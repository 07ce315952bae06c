//! An answer's body on its way out, with its request's page.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::{Entry, Outcome};

/// An answer's body that closes its request's page.
#[derive(Debug)]
pub struct Closing<B> {
    pub(super) body: B,
    pub(super) outcome: Outcome,
    /// On the heap: an answer is moved several times on its way out.
    pub(super) entry: Option<Box<Entry>>,
}

impl<B: Body<Data = Bytes> + Unpin> Body for Closing<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = &mut *self;
        let polled = Pin::new(&mut this.body).poll_frame(cx);
        let Some(entry) = &mut this.entry else { return polled };
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                entry.bytes_out += frame.data_ref().map_or(0, |data| data.len() as u64);
                // Nothing follows trailers, and hyper does not ask again.
                if this.body.is_end_stream() || frame.is_trailers() {
                    entry.outcome = this.outcome;
                }
            }
            Poll::Ready(None) => entry.outcome = this.outcome,
            Poll::Ready(Some(Err(_))) => entry.outcome = Outcome::BrokenOff,
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
