//! Bodies on their way: dropped within bounds, or passed on piece by piece under a limit.
//!
//! Nothing here is stored: a piece is handed on before the next is asked for, so memory does not grow with a body.

use std::cell::{Cell, Ref, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout, timeout_at};

mod received;

pub use received::{Received, Tail};

/// Why a body did not arrive whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyFault {
    /// More bytes than the limit.
    #[error("the body is over the limit")]
    TooLarge,
    /// No byte for as long as is waited.
    #[error("the body made no progress")]
    Stalled,
    /// It ended before its end, or its framing is malformed.
    #[error("the body ended early")]
    Broken,
}

/// Reads a body to its end and forgets it.
///
/// # Errors
/// [`BodyFault::TooLarge`] over `limit` bytes, [`BodyFault::Stalled`] when `progress` passes without a byte, [`BodyFault::Broken`].
pub async fn swallow<B: Body<Data = Bytes> + Unpin>(
    body: &mut B,
    limit: u64,
    progress: Duration,
) -> Result<(), BodyFault> {
    if body.size_hint().lower() > limit {
        return Err(BodyFault::TooLarge);
    }
    let mut taken = 0;
    while !body.is_end_stream() {
        match timeout(progress, body.frame()).await.map_err(|_| BodyFault::Stalled)? {
            None => break,
            Some(Err(_)) => return Err(BodyFault::Broken),
            Some(Ok(frame)) => taken += frame.data_ref().map_or(0, |data| data.len() as u64),
        }
        if taken > limit {
            return Err(BodyFault::TooLarge);
        }
    }
    Ok(())
}

/// What is left of a body after [`drain`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// It was read to its end: the connection can serve another request.
    Nothing,
    /// There is more: the connection has to end.
    Unread,
}

/// Reads and drops what a refused caller still sends, at most 64 KiB and one second: an answer that overtakes its request
/// is lost on many HTTP/2 clients, and over HTTP/1.1 what is left would be taken for the next request.
pub async fn drain<B: Body<Data = Bytes> + Unpin>(body: &mut B) -> Rest {
    if body.is_end_stream() {
        return Rest::Nothing;
    }
    match timeout_at(Instant::now() + MOST_DRAINED_FOR, swallow(body, MOST_DRAINED, MOST_DRAINED_FOR)).await {
        Ok(Ok(())) => Rest::Nothing,
        Ok(Err(_)) | Err(_) => Rest::Unread,
    }
}

/// Holds what is left of a refused request's body for a second, unread, while its answer is on its way: letting go of it resets the stream,
/// and a reset right behind the answer makes clients that still send throw the answer away (curl 7.88 did every time, with error 92).
/// A caller whose window is full waits, sees the answer and stops. Source: RFC 9113, section 8.1.
pub async fn outlast<B>(body: B) {
    sleep(MOST_DRAINED_FOR).await;
    drop(body);
}

/// How far an upload has come: what a deadline has to know, without asking the body.
#[derive(Debug)]
pub struct Progress {
    stage: Cell<Stage>,
    bytes: Cell<u64>,
    settled: Notify,
}

/// Who is waited for.
#[derive(Clone, Copy, Debug)]
pub enum Stage {
    /// The caller, for the next piece, since then.
    ForCaller(Instant),
    /// The upstream, to take the piece it was handed then.
    ForUpstream(Instant),
    /// Nobody: the last piece was handed over then.
    Whole(Instant),
    /// Nobody: it failed.
    Failed(BodyFault),
}

impl Progress {
    /// Where the upload stands.
    #[must_use]
    pub fn stage(&self) -> Stage {
        self.stage.get()
    }

    /// Waits until the upload becomes whole or fails: what its deadline is changes then.
    pub async fn settled(&self) {
        self.settled.notified().await;
    }

    fn settle_if_whole(&self, stage: Stage) {
        match stage {
            Stage::Whole(_) => self.settle(stage),
            _ => self.stage.set(stage),
        }
    }

    fn settle(&self, stage: Stage) {
        self.stage.set(stage);
        self.settled.notify_one();
    }

    /// The bytes taken from the caller so far.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes.get()
    }
}

/// A request's body on its way to the upstream: the same bytes, at most `limit` of them, without trailers.
///
/// Trailers stop here: what a caller could name in them (`X-Forwarded-User`, …) has passed no check.
pub struct Upload<B> {
    body: B,
    ending: Ending,
    left: u64,
    last: Option<Bytes>,
    progress: Rc<Progress>,
    glance: Option<Glance>,
}

/// What the end of a body's pieces proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// HTTP/1.1: a body that ends early is an error of its own.
    Proven,
    /// HTTP/2: hyper also ends the pieces of a stream that the caller reset with `NO_ERROR`, so the stream is asked whether it
    /// was ended; otherwise half a body would reach the upstream as a whole one.
    Asked,
}

/// Sees the beginning of an upload as it passes. Clones see the same.
#[derive(Clone, Debug)]
pub struct Glance {
    first: Rc<RefCell<Vec<u8>>>,
    most: usize,
}

impl Glance {
    /// Keeps the first `most` bytes.
    #[must_use]
    pub fn at(most: usize) -> Self {
        Self { first: Rc::default(), most }
    }

    /// What has passed so far, up to the most that is kept.
    #[must_use]
    pub fn seen(&self) -> Ref<'_, [u8]> {
        Ref::map(self.first.borrow(), Vec::as_slice)
    }

    fn see(&self, data: &[u8]) {
        let mut first = self.first.borrow_mut();
        let room = self.most - first.len();
        first.extend_from_slice(&data[..data.len().min(room)]);
    }
}

impl<B: Body<Data = Bytes> + Unpin> Upload<B> {
    /// Takes `body` for sending; the progress can be read while it is sent.
    pub fn of(body: B, ending: Ending, limit: u64, glance: Option<Glance>) -> (Self, Rc<Progress>) {
        let now = Instant::now();
        let stage = if body.is_end_stream() { Stage::Whole(now) } else { Stage::ForUpstream(now) };
        let progress = Rc::new(Progress { stage: Cell::new(stage), bytes: Cell::new(0), settled: Notify::new() });
        (Self { body, ending, left: limit, last: None, progress: Rc::clone(&progress), glance }, progress)
    }

    fn fail(&self, fault: BodyFault) -> Poll<Option<Result<Frame<Bytes>, BodyFault>>> {
        self.progress.settle(Stage::Failed(fault));
        Poll::Ready(Some(Err(fault)))
    }

    fn end(&mut self) -> Poll<Option<Result<Frame<Bytes>, BodyFault>>> {
        self.progress.settle(Stage::Whole(Instant::now()));
        Poll::Ready(self.last.take().map(|data| Ok(Frame::data(data))))
    }

    fn count(&mut self, data: &Bytes) -> Result<(), BodyFault> {
        if self.last.is_some() && !data.is_empty() {
            return Err(BodyFault::Broken);
        }
        self.left = self.left.checked_sub(data.len() as u64).ok_or(BodyFault::TooLarge)?;
        self.progress.bytes.set(self.progress.bytes() + data.len() as u64);
        if let Some(glance) = &self.glance {
            glance.see(data);
        }
        Ok(())
    }

    /// Keeps the piece that completes the declared length until the stream has ended: the upstream would take the request for whole with
    /// it, and the caller may yet break it. Source: RFC 9113, section 8.1.1.
    fn is_held_back(&mut self, data: &Bytes) -> bool {
        let completes = self.body.size_hint().exact() == Some(0) && !self.body.is_end_stream();
        let holds = self.ending == Ending::Asked && completes;
        if holds && self.last.is_none() {
            self.last = Some(data.clone());
        }
        holds
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Upload<B> {
    type Data = Bytes;
    type Error = BodyFault;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyFault>>> {
        loop {
            let Poll::Ready(polled) = Pin::new(&mut self.body).poll_frame(cx) else {
                if !matches!(self.progress.stage(), Stage::ForCaller(_)) {
                    self.progress.stage.set(Stage::ForCaller(Instant::now()));
                }
                return Poll::Pending;
            };
            let data = match polled {
                Some(Ok(frame)) => frame.into_data(),
                Some(Err(_)) => return self.fail(BodyFault::Broken),
                None if self.ending == Ending::Asked && !self.body.is_end_stream() => {
                    return self.fail(BodyFault::Broken);
                }
                None => return self.end(),
            };
            // Trailers end a body too.
            let Ok(data) = data else { return self.end() };
            if let Err(fault) = self.count(&data) {
                return self.fail(fault);
            }
            if self.is_held_back(&data) {
                continue;
            }
            let stage = if self.body.is_end_stream() { Stage::Whole } else { Stage::ForUpstream };
            self.progress.settle_if_whole(stage(Instant::now()));
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
    }

    fn is_end_stream(&self) -> bool {
        self.last.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// What is read and dropped of a refused request's body.
const MOST_DRAINED: u64 = 64 << 10;
const MOST_DRAINED_FOR: Duration = Duration::from_secs(1);
