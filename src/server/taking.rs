//! How the caller takes one answer over HTTP/2, piece by piece.
//!
//! A caller can read and still take nothing of an answer: it grants its stream no window. So that one stream which goes on does not hold up
//! all others for ever, each answer has to make progress by itself: hyper and h2 say through [`Piece`] how much of it has gone out.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use bytes::{Buf, Bytes};
use hyper::rt::Executor;
use tokio::task::{AbortHandle, spawn_local};
use tokio::time::Instant;

use crate::journal::Fate;

/// One answer on its way.
#[derive(Debug)]
pub(super) struct Taking {
    since: Cell<Instant>,
    pieces: Cell<u32>,
    task: RefCell<Option<AbortHandle>>,
    fate: Fate,
}

/// Runs the tasks of HTTP/2 streams on the worker's own thread.
#[derive(Clone, Debug, Default)]
pub(super) struct Local(Rc<RefCell<Option<Rc<Taking>>>>);

impl Local {
    /// The next task is this answer's: hyper asks the service for an answer and has it written in one breath.
    pub(super) fn next_writes(&self, taking: &Rc<Taking>) {
        *self.0.borrow_mut() = Some(Rc::clone(taking));
    }
}

impl<F: Future<Output = ()> + 'static> Executor<F> for Local {
    fn execute(&self, task: F) {
        let task = spawn_local(task);
        if let Some(taking) = self.0.borrow_mut().take() {
            taking.written_by(task.abort_handle());
        }
    }
}

/// A piece of an answer. It is dropped when the caller has all of it, or nobody wants it any more.
#[derive(Debug)]
pub(super) struct Piece {
    bytes: Bytes,
    taking: Rc<Taking>,
}

/// The answers of one connection that are not taken whole.
#[derive(Debug, Default)]
pub(super) struct Takings(RefCell<Vec<Rc<Taking>>>);

/// What was done about an answer that makes no progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GivenUp {
    /// Its stream was reset; the others go on.
    Stream,
    /// hyper has handed over all of it and has no hold on the stream any more: only the connection can end.
    Connection,
}

impl Taking {
    /// An answer of which there is nothing yet. Its time, which begins with its first piece, is until then any in the past.
    pub(super) fn new(fate: Fate, past: Instant) -> Rc<Self> {
        Rc::new(Self { since: Cell::new(past), pieces: Cell::new(0), task: RefCell::default(), fate })
    }

    /// The task that writes it: without it, the stream is reset.
    pub(super) fn written_by(&self, task: AbortHandle) {
        *self.task.borrow_mut() = Some(task);
    }

    /// Whether it is an answer over HTTP/2, which a caller need not take although it reads.
    pub(super) fn is_watched(&self) -> bool {
        self.task.borrow().is_some()
    }

    /// The next piece, for the caller to take.
    pub(super) fn piece(self: &Rc<Self>, bytes: Bytes) -> Piece {
        if self.pieces.replace(self.pieces.get() + 1) == 0 {
            self.since.set(Instant::now());
        }
        Piece { bytes, taking: Rc::clone(self) }
    }

    fn deadline(&self, limit: Duration) -> Option<Instant> {
        (self.pieces.get() > 0).then(|| self.since.get() + limit)
    }

    fn give_up(&self) -> GivenUp {
        match self.task.borrow_mut().take() {
            Some(task) if !task.is_finished() => {
                self.fate.cut();
                task.abort();
                GivenUp::Stream
            }
            Some(_) | None => GivenUp::Connection,
        }
    }
}

impl Takings {
    /// Watches this answer too.
    pub(super) fn add(&self, taking: &Rc<Taking>) {
        self.0.borrow_mut().push(Rc::clone(taking));
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        let mut takings = self.0.borrow_mut();
        // Nobody else knows of an answer that is over.
        takings.retain(|taking| Rc::strong_count(taking) > 1);
        takings.len()
    }

    /// Does away with all of them: their connection has been cut.
    pub(super) fn abandon(&self) {
        for taking in self.0.take() {
            taking.give_up();
        }
    }

    /// When the first of them is overdue, if none of it is taken for `limit`.
    pub(super) fn deadline(&self, limit: Duration) -> Option<Instant> {
        self.count();
        self.0.borrow().iter().filter_map(|taking| taking.deadline(limit)).min()
    }

    /// Does away with those that are overdue, the streams alone where that is possible.
    pub(super) fn give_up(&self, limit: Duration) -> GivenUp {
        let now = Instant::now();
        let overdue = |taking: &Rc<Taking>| taking.deadline(limit).is_some_and(|when| when <= now);
        let (overdue, rest) = self.0.borrow_mut().drain(..).partition::<Vec<_>, _>(overdue);
        let mut given_up = GivenUp::Stream;
        for taking in overdue {
            if taking.give_up() == GivenUp::Connection {
                given_up = GivenUp::Connection;
                // It gets as long again as the connection that ends for its sake.
                taking.since.set(now);
                self.add(&taking);
            }
        }
        self.0.borrow_mut().extend(rest);
        given_up
    }
}

impl Buf for Piece {
    fn remaining(&self) -> usize {
        self.bytes.len()
    }

    fn chunk(&self) -> &[u8] {
        &self.bytes
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
        self.taking.since.set(Instant::now());
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        self.taking.pieces.set(self.taking.pieces.get() - 1);
    }
}
