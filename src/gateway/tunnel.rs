//! The bytes after a `101`: both ways between caller and upstream until one of them ends, breaks or both fall silent.

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, sleep_until};

use crate::journal::{Entry, Outcome};
use crate::upstream::FarSide;

/// A connection that the upstream has switched to another protocol, and the open page of the request that asked for it. Dropping it ends
/// the upstream's connection and closes the page.
#[derive(Debug)]
pub struct Tunnel {
    far: FarSide,
    entry: Entry,
}

/// How long a tunnel may go without progress.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Without a byte either way.
    pub silence: Duration,
    /// With bytes that one side does not take.
    pub stuck: Duration,
}

/// How a tunnel ended, for the caller's side of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parting {
    /// The upstream has ended it, and everything it said was handed over: what is left is a goodbye.
    Orderly,
    /// The upstream has ended it without a goodbye of TLS: nor does the caller get one. A WebSocket has a goodbye of its own, so whether
    /// something is missing shows there, and what was said must not be lost to a reset.
    Unsaid,
    /// It was broken off: the caller must see that.
    Broken,
}

impl Tunnel {
    pub(super) fn new(far: FarSide, entry: Entry) -> Self {
        Self { far, entry }
    }

    /// Carries bytes between `near`, of which `ahead` was read already, and the upstream.
    ///
    /// A caller that has said its last is told to the upstream, which may still answer; an upstream that has ends the tunnel.
    pub async fn carry<N>(self, near: &mut N, ahead: Bytes, patience: Patience) -> Parting
    where
        N: AsyncRead + AsyncWrite + Unpin,
    {
        let Self { mut far, mut entry } = self;
        let (mut up, mut down) = (Flow::beginning_with(&ahead), Flow::beginning_with(&far.take_ahead()));
        let mut moved_at = Instant::now();
        let mut timer = pin!(sleep_until(moved_at + patience.silence));
        let (outcome, parting) = poll_fn(|cx| {
            let before = up.moved + down.moved;
            // First what the upstream says: its end is then seen before an attempt to write to it fails.
            let downward = down.poll(cx, &mut far, near, Farewell::Unsaid);
            let upward = if up.is_over { Poll::Pending } else { up.poll(cx, near, &mut far, Farewell::Said) };
            entry.carried(up.moved, down.moved);
            match (downward, upward) {
                (Poll::Ready(Ok(())), _) => return Poll::Ready((Outcome::Delivered, Parting::Orderly)),
                (Poll::Ready(Err(Broke::Silently)), _) => return Poll::Ready((Outcome::BrokenOff, Parting::Unsaid)),
                (Poll::Ready(Err(Broke::Source)), _) | (_, Poll::Ready(Err(Broke::Sink))) => {
                    return Poll::Ready((Outcome::BrokenOff, Parting::Broken));
                }
                (Poll::Ready(Err(Broke::Sink)), _) | (_, Poll::Ready(Err(Broke::Source | Broke::Silently))) => {
                    return Poll::Ready((Outcome::HungUp, Parting::Broken));
                }
                (Poll::Pending, _) => {}
            }
            if up.moved + down.moved > before {
                moved_at = Instant::now();
            }
            let stuck = [up.waits_since, down.waits_since].into_iter().flatten().map(|since| since + patience.stuck);
            let due = stuck.fold(moved_at + patience.silence, Instant::min);
            if due < timer.deadline() {
                timer.as_mut().reset(due);
            }
            while timer.as_mut().poll(cx).is_ready() {
                if due <= Instant::now() {
                    return Poll::Ready((Outcome::Cut, Parting::Broken));
                }
                // Most bytes never touch the timer: it is set later only when it has fired.
                timer.as_mut().reset(due);
            }
            Poll::Pending
        })
        .await;
        entry.end(outcome);
        parting
    }
}

/// One direction.
struct Flow {
    buffer: Vec<u8>,
    unwritten: std::ops::Range<usize>,
    /// Bytes handed over so far.
    moved: u64,
    waits_since: Option<Instant>,
    has_ended: bool,
    is_unflushed: bool,
    is_over: bool,
}

/// Which end of a flow broke.
enum Broke {
    Source,
    /// The source, by an end without close_notify.
    Silently,
    Sink,
}

/// Whether the end of a flow is passed on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Farewell {
    Said,
    /// Somebody else does.
    Unsaid,
}

impl Flow {
    fn beginning_with(ahead: &[u8]) -> Self {
        let mut buffer = ahead.to_vec();
        buffer.resize(ahead.len().max(PIECE), 0);
        let unwritten = 0..ahead.len();
        let (has_ended, is_unflushed, is_over) = (false, false, false);
        Self { buffer, unwritten, moved: 0, waits_since: None, has_ended, is_unflushed, is_over }
    }

    /// Ready when the source has ended and the sink has everything.
    fn poll<R, W>(
        &mut self,
        cx: &mut Context<'_>,
        source: &mut R,
        sink: &mut W,
        farewell: Farewell,
    ) -> Poll<Result<(), Broke>>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        loop {
            ready!(self.poll_hand_over(cx, sink))?;
            if self.has_ended {
                if farewell == Farewell::Said {
                    ready!(Pin::new(sink).poll_shutdown(cx)).map_err(|_| Broke::Sink)?;
                }
                self.is_over = true;
                return Poll::Ready(Ok(()));
            }
            let mut piece = ReadBuf::new(&mut self.buffer);
            match Pin::new(&mut *source).poll_read(cx, &mut piece) {
                Poll::Ready(Ok(())) => {
                    self.unwritten = 0..piece.filled().len();
                    self.has_ended = self.unwritten.is_empty();
                }
                Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return Poll::Ready(Err(Broke::Silently));
                }
                Poll::Ready(Err(_)) => return Poll::Ready(Err(Broke::Source)),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Writes and flushes what was read.
    fn poll_hand_over<W: AsyncWrite + Unpin>(&mut self, cx: &mut Context<'_>, sink: &mut W) -> Poll<Result<(), Broke>> {
        while !self.unwritten.is_empty() {
            let polled = Pin::new(&mut *sink).poll_write(cx, &self.buffer[self.unwritten.clone()]);
            if polled.is_pending() {
                self.waits_since.get_or_insert_with(Instant::now);
            }
            match ready!(polled) {
                Ok(count @ 1..) => {
                    self.unwritten.start += count;
                    self.moved += count as u64;
                    (self.waits_since, self.is_unflushed) = (None, true);
                }
                Ok(0) | Err(_) => return Poll::Ready(Err(Broke::Sink)),
            }
        }
        if self.is_unflushed {
            let polled = Pin::new(sink).poll_flush(cx);
            if polled.is_pending() {
                self.waits_since.get_or_insert_with(Instant::now);
            }
            ready!(polled).map_err(|_| Broke::Sink)?;
            (self.waits_since, self.is_unflushed) = (None, false);
        }
        Poll::Ready(Ok(()))
    }
}

/// What is read at a time: one record of TLS.
const PIECE: usize = 16 << 10;
