//! What one connection is doing, and how long it may go on doing it.
//!
//! hyper re-arms its own head timeout as soon as an answer ends, so an idle keep-alive connection would die of it; it has none for bodies or
//! readers. So hyper's timers stay off, the connection's bytes pass [`super::stream::Watched`], and this says until when.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::Instant;

use super::slots::Idle;

/// One connection's state. Shared by its stream, its requests and its slot, all on one thread.
#[derive(Debug)]
pub(super) struct Pulse {
    in_flight: Cell<u32>,
    idle_since: Cell<Instant>,
    head_since: Cell<Option<Instant>>,
    stuck_since: Cell<Option<Instant>>,
    handed: RefCell<Vec<(u32, Instant)>>,
    next_reader: Cell<u32>,
    order: Cell<Option<Order>>,
    waker: RefCell<Option<Waker>>,
    idle: RefCell<Option<Idle>>,
}

/// What the server wants of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Finish what runs, then close.
    Finish,
    /// Make room now; only ever said to an idle connection.
    Leave,
}

/// What a connection has been doing for too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Overdue {
    /// Nothing.
    Idle,
    /// Sending the head of a request.
    Head,
    /// Not reading what it was sent.
    Reading,
}

/// How long each may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) head: Duration,
    pub(super) reading: Duration,
    pub(super) idle: Duration,
}

/// Lowers the number of requests in flight when it is dropped, also when the caller hangs up.
#[derive(Debug)]
pub(super) struct InFlight(Rc<Pulse>);

impl Pulse {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            in_flight: Cell::new(0),
            idle_since: Cell::new(now),
            head_since: Cell::new(None),
            stuck_since: Cell::new(None),
            handed: RefCell::default(),
            next_reader: Cell::new(0),
            order: Cell::new(None),
            waker: RefCell::new(None),
            idle: RefCell::new(None),
        }
    }

    /// Gives the connection its place in the queue of the idle.
    pub(super) fn enrol(&self, idle: Idle) {
        *self.idle.borrow_mut() = Some(idle);
    }

    /// A request has its head.
    pub(super) fn begin(self: &Rc<Self>) -> InFlight {
        self.head_since.set(None);
        if self.in_flight.replace(self.in_flight.get() + 1) == 0
            && let Some(idle) = &*self.idle.borrow()
        {
            idle.left();
        }
        InFlight(Rc::clone(self))
    }

    /// Takes the place in the queue of the idle away: this connection counts no more. A request may outlive its connection over HTTP/2.
    pub(super) fn retire(&self) {
        *self.idle.borrow_mut() = None;
    }

    /// The first bytes of a request's head have arrived, or, with `None`, none are outstanding.
    pub(super) fn head(&self, begun: Option<Instant>) {
        if begun.is_none() || self.head_since.get().is_none() {
            self.head_since.set(begun);
        }
    }

    /// The caller has stopped or gone on reading.
    pub(super) fn stuck(&self, since: Option<Instant>) {
        if since.is_none() || self.stuck_since.get().is_none() {
            self.stuck_since.set(since);
        }
    }

    /// A number for a new answer, by which it is known as a reader.
    pub(super) fn reader(&self) -> u32 {
        self.next_reader.replace(self.next_reader.get().wrapping_add(1))
    }

    /// A piece of an answer that is not the last was handed out, and the caller has to make room for the next.
    pub(super) fn handed(&self, reader: u32) {
        self.handed.borrow_mut().push((reader, Instant::now()));
    }

    /// The caller has made room, or the answer is over.
    pub(super) fn taken(&self, reader: u32) {
        self.handed.borrow_mut().retain(|(other, _)| *other != reader);
    }

    pub(super) fn is_idle(&self) -> bool {
        self.in_flight.get() == 0
    }

    pub(super) fn idle_since(&self) -> Instant {
        self.idle_since.get()
    }

    /// The next moment at which this connection is overdue, and for what.
    pub(super) fn deadline(&self, limits: &Limits) -> Option<(Instant, Overdue)> {
        let head = self.head_since.get().map(|since| (since + limits.head, Overdue::Head));
        // Pieces are handed out in order of time, so the first is the oldest.
        let handed = self.handed.borrow().first().map(|(_, since)| *since);
        let reading = [self.stuck_since.get(), handed].into_iter().flatten().min();
        let reading = reading.map(|since| (since + limits.reading, Overdue::Reading));
        let idle = (self.is_idle() && head.is_none()).then(|| (self.idle_since.get() + limits.idle, Overdue::Idle));
        [head, reading, idle].into_iter().flatten().min_by_key(|(when, _)| *when)
    }

    /// Tells the connection's task what to do.
    pub(super) fn order(&self, order: Order) {
        if self.order.get() != Some(Order::Leave) {
            self.order.set(Some(order));
        }
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }

    /// What this connection is told to do, if anything.
    pub(super) fn poll_order(&self, cx: &mut Context<'_>) -> Poll<Order> {
        if let Some(order) = self.order.get() {
            return Poll::Ready(order);
        }
        let mut waker = self.waker.borrow_mut();
        if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
        Poll::Pending
    }

    /// Ready when this connection is to make room.
    pub(super) fn poll_leave(&self, cx: &mut Context<'_>) -> Poll<()> {
        match self.poll_order(cx) {
            Poll::Ready(Order::Leave) => Poll::Ready(()),
            Poll::Ready(Order::Finish) => {
                *self.waker.borrow_mut() = Some(cx.waker().clone());
                Poll::Pending
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

impl InFlight {
    pub(super) fn pulse(&self) -> &Pulse {
        &self.0
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let left = self.0.in_flight.get() - 1;
        self.0.in_flight.set(left);
        if left == 0 {
            self.0.idle_since.set(Instant::now());
            if let Some(idle) = &*self.0.idle.borrow() {
                idle.entered(self.0.idle_since.get());
            }
        }
    }
}
