//! The upstream's answer on its way to the caller.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep, sleep};

use super::headers::Trailers;
use super::pool::Lease;
use crate::body::{Progress, Stage};

/// An answer's body, piece by piece. Its end gives the connection back; an early drop, an error or silence cuts it.
///
/// A truncated answer ends in an error, so that the caller's connection breaks off too and never looks complete.
#[derive(Debug)]
pub struct Download {
    body: Incoming,
    lease: Option<Lease>,
    upload: Rc<Progress>,
    trailers: Trailers,
    silence: Duration,
    timer: Option<Pin<Box<Sleep>>>,
    waits: bool,
    passed: usize,
}

impl Download {
    pub(super) fn of(
        body: Incoming,
        lease: Lease,
        upload: Rc<Progress>,
        trailers: Trailers,
        silence: Duration,
    ) -> Self {
        Self { body, lease: Some(lease), upload, trailers, silence, timer: None, waits: false, passed: 0 }
    }

    /// The exchange is over: the connection is kept if the request has gone out whole too.
    fn finish(&mut self) {
        if let Some(lease) = self.lease.take()
            && matches!(self.upload.stage(), Stage::Whole(_))
        {
            lease.park();
        }
    }

    /// True when the answer goes on while the caller owes the rest of its request. An upstream need not read it to answer.
    fn upload_stalls(&self) -> bool {
        matches!(self.upload.stage(), Stage::ForCaller(since) if since.elapsed() >= self.silence)
    }

    /// Waits for the upstream, but not for ever. An upload that still goes on is no silence: the rest of the answer may wait for it.
    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let silence = self.silence;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(silence)));
        if !std::mem::replace(&mut self.waits, true) {
            timer.as_mut().reset(Instant::now() + silence);
        }
        loop {
            ready!(timer.as_mut().poll(cx));
            match self.upload.stage() {
                Stage::ForCaller(since) | Stage::ForUpstream(since) | Stage::Whole(since)
                    if since + silence > Instant::now() =>
                {
                    timer.as_mut().reset(since + silence);
                }
                _ => {
                    return Poll::Ready(io::Error::new(
                        io::ErrorKind::TimedOut,
                        "the upstream's answer made no progress",
                    ));
                }
            }
        }
    }
}

impl Body for Download {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let Poll::Ready(polled) = Pin::new(&mut self.body).poll_frame(cx) else {
            let error = ready!(self.poll_silence(cx));
            self.lease = None;
            return Poll::Ready(Some(Err(error)));
        };
        self.waits = false;
        if self.upload_stalls() {
            self.lease = None;
            return Poll::Ready(Some(Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "the request's body made no progress",
            ))));
        }
        Poll::Ready(match polled {
            Some(Ok(frame)) if frame.is_trailers() => {
                // Nothing follows them, and hyper does not ask again.
                self.finish();
                (self.trailers == Trailers::Passed).then_some(Ok(frame))
            }
            Some(Ok(frame)) => {
                self.passed += frame.data_ref().map_or(0, Bytes::len);
                if self.passed >= LONG
                    && let Some(lease) = &mut self.lease
                {
                    lease.widen();
                }
                Some(Ok(frame))
            }
            Some(Err(error)) => {
                self.lease = None;
                Some(Err(io::Error::other(error)))
            }
            None => {
                self.finish();
                None
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Download {
    fn drop(&mut self) {
        // hyper does not ask again for the end of a body of known length.
        if self.body.is_end_stream() {
            self.finish();
        }
    }
}

/// So long is an answer that more of it is read at once, in bytes.
const LONG: usize = 1 << 20;
