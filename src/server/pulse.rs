//! What one connection is doing, and how long it may go on doing it.
//!
//! hyper re-arms its own head timeout as soon as an answer ends, so an idle keep-alive connection would die of it; it has none for bodies or
//! readers. So hyper's timers stay off, the connection's bytes pass [`super::stream::Watched`], and this says until when.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::task::{AbortHandle, spawn_local};
use tokio::time::Instant;

use super::burden::Burden;
use super::slots::Idle;
use super::taking::Takings;
use crate::body::{Received, outlast};
use crate::gateway::Tunnel;
use crate::journal::Fate;

/// One connection's state. Shared by its stream, its requests and its slot, all on one thread.
#[derive(Debug)]
pub(super) struct Pulse {
    in_flight: Cell<u32>,
    served: Cell<u32>,
    idle_since: Cell<Instant>,
    head_since: Cell<Option<Instant>>,
    stuck_since: Cell<Option<Instant>>,
    offers: Cell<u32>,
    untaken_since: Cell<Option<Instant>>,
    takings: Takings,
    order: Cell<Option<Order>>,
    parted: Cell<bool>,
    torn: Cell<bool>,
    tunnel: RefCell<Option<Box<Tunnel>>>,
    fate: Fate,
    burden: Burden,
    opened: Cell<usize>,
    was_asked_to_wait: Cell<bool>,
    is_held_back: Cell<bool>,
    leftovers: RefCell<Vec<AbortHandle>>,
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
    /// Nothing, with buffers that it does not need for that.
    Rest,
    /// Sending the head of a request.
    Head,
    /// Not reading what it was sent.
    Reading,
    /// Not taking one answer, while it takes others.
    Taking,
}

/// Whether there is room for what a connection holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    /// There is.
    Fine,
    /// Not now: to be asked again when its requests have had their turn.
    Wait,
    /// It is to be cut.
    TooMuch,
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

/// A piece of an answer that waits until the caller has room for it. Over HTTP/2 a caller can read and still take nothing: it grants no
/// window, and nothing is written that could get stuck.
#[derive(Debug)]
pub(super) struct Offer(Rc<Pulse>);

impl Pulse {
    pub(super) fn new(now: Instant, burden: Burden) -> Self {
        Self {
            in_flight: Cell::new(0),
            served: Cell::new(0),
            idle_since: Cell::new(now),
            head_since: Cell::new(None),
            stuck_since: Cell::new(None),
            offers: Cell::new(0),
            untaken_since: Cell::new(None),
            takings: Takings::default(),
            order: Cell::new(None),
            parted: Cell::new(false),
            torn: Cell::new(false),
            tunnel: RefCell::new(None),
            fate: Fate::default(),
            burden,
            opened: Cell::new(0),
            was_asked_to_wait: Cell::new(false),
            is_held_back: Cell::new(false),
            leftovers: RefCell::default(),
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
        self.opened.set(self.opened.get().saturating_sub(1));
        self.served.set(self.served.get().saturating_add(1));
        self.change(|pulse| pulse.in_flight.set(pulse.in_flight.get() + 1));
        InFlight(Rc::clone(self))
    }

    /// The first bytes of a request's head have arrived, or, with `None`, none are outstanding.
    pub(super) fn head(&self, begun: Option<Instant>) {
        if begun.is_none() || self.head_since.get().is_none() {
            self.head_since.set(begun);
        }
    }

    /// Bytes have arrived that may be kept.
    pub(super) fn arrived(&self, bytes: usize) {
        self.burden.add(bytes);
    }

    /// Heads of so many requests are on their way to hyper.
    pub(super) fn opened(&self, heads: usize) {
        self.opened.set(self.opened.get() + heads);
    }

    /// Bytes are held back until there is room for them: nothing else will have them read.
    pub(super) fn hold_back(&self) {
        self.is_held_back.set(true);
    }

    /// What has arrived is kept no more.
    pub(super) fn forget_arrived(&self) {
        self.opened.set(0);
        self.burden.forget_arrived();
    }

    /// Weighs the connection and says what is to become of it. One that is too heavy gets one turn, if it has a request that has not been
    /// judged: a good token in it makes its caller known.
    pub(super) fn judge_weight(&self) -> Weight {
        let is_held_back = self.is_held_back.take();
        if !self.is_too_heavy() {
            self.was_asked_to_wait.set(false);
            return if is_held_back { Weight::Wait } else { Weight::Fine };
        }
        let has_waited = self.was_asked_to_wait.replace(true);
        if self.in_flight.get() > 0 && !has_waited { Weight::Wait } else { Weight::TooMuch }
    }

    /// Weighs what is kept for a caller whom nobody knows. True when it is more than there is room for.
    pub(super) fn is_too_heavy(&self) -> bool {
        if self.fate.is_known() {
            self.burden.lift();
            return false;
        }
        let mut leftovers = self.leftovers.borrow_mut();
        leftovers.retain(|leftover| !leftover.is_finished());
        // Over HTTP/2 an answer is kept until it has been taken, when its request is long done with.
        let requests = (self.in_flight.get() as usize).max(self.takings.count());
        !self.burden.settle(requests + self.opened.get() + leftovers.len())
    }

    /// Holds what is left of a refused request's body for a moment, at most as long as the connection.
    pub(super) fn outlast(self: &Rc<Self>, body: Received) {
        let pulse = Rc::clone(self);
        let leftover = spawn_local(async move {
            outlast(body).await;
            pulse.look();
        });
        self.leftovers.borrow_mut().push(leftover.abort_handle());
    }

    /// The connection is over: nothing is kept for it any more.
    pub(super) fn let_go(&self) {
        self.leftovers.take().iter().for_each(AbortHandle::abort);
        if self.fate.is_cut() {
            self.takings.abandon();
        }
    }

    /// Has the connection looked after: its deadlines, or what it weighs, may have changed.
    fn look(&self) {
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }

    /// The caller has stopped or gone on reading. What has not gone out is not over: such a connection is in use.
    pub(super) fn stuck(&self, since: Option<Instant>) {
        if since.is_some() != self.stuck_since.get().is_some() {
            self.change(|pulse| pulse.stuck_since.set(since));
        }
    }

    /// Does something to the state, and enters or leaves the queue of the idle where that made a difference.
    fn change(&self, change: impl FnOnce(&Self)) {
        let before = self.is_idle();
        change(self);
        let after = self.is_idle();
        if !before && after {
            self.idle_since.set(Instant::now());
            self.forget_arrived();
        }
        match &*self.idle.borrow() {
            Some(idle) if before && !after => idle.left(),
            Some(idle) if !before && after => idle.entered(self.idle_since.get()),
            Some(_) | None => {}
        }
    }

    /// Bytes of an answer have gone out.
    pub(super) fn took(&self) {
        if self.untaken_since.get().is_some() {
            self.untaken_since.set(Some(Instant::now()));
        }
    }

    /// The connection is left with nothing to do: it may end as orderly as one that was finished.
    pub(super) fn part(&self) {
        self.parted.set(self.is_idle());
    }

    /// The answers that the caller has not taken whole.
    pub(super) fn takings(&self) -> &Takings {
        &self.takings
    }

    /// What was sent last is not whole and cannot be: the caller must not take the connection's end for its end.
    pub(super) fn tear(&self) {
        self.torn.set(true);
    }

    pub(super) fn is_torn(&self) -> bool {
        self.torn.get()
    }

    /// The connection becomes this when its answer has gone; until then it is in use.
    pub(super) fn switch(&self, tunnel: Box<Tunnel>) {
        self.change(|pulse| *pulse.tunnel.borrow_mut() = Some(tunnel));
    }

    /// Whether the connection has become something else.
    pub(super) fn is_switched(&self) -> bool {
        self.tunnel.borrow().is_some()
    }

    /// What the connection has become, and the guard that keeps it in use.
    pub(super) fn switched(self: &Rc<Self>) -> Option<(Box<Tunnel>, InFlight)> {
        let tunnel = self.tunnel.borrow_mut().take()?;
        // It counted as in use before, and does so again without having been idle.
        self.in_flight.set(self.in_flight.get() + 1);
        Some((tunnel, InFlight(Rc::clone(self))))
    }

    /// What the connection's requests know of its end.
    pub(super) fn fate(&self) -> &Fate {
        &self.fate
    }

    pub(super) fn has_parted(&self) -> bool {
        self.parted.get()
    }

    pub(super) fn is_idle(&self) -> bool {
        self.in_flight.get() == 0 && self.stuck_since.get().is_none() && self.tunnel.borrow().is_none()
    }

    /// Requests whose answer has not gone out, one where that is all that is known: over HTTP/1.1 hyper is done with an answer before the
    /// caller has taken the last of it.
    pub(super) fn in_flight(&self) -> usize {
        if self.is_idle() { 0 } else { self.in_flight.get().max(1) as usize }
    }

    pub(super) fn idle_since(&self) -> Instant {
        self.idle_since.get()
    }

    /// Requests that have come so far.
    pub(super) fn served(&self) -> u32 {
        self.served.get()
    }

    /// True for a connection whose next request is on its way or its first is still to come: hyper would close it without a look.
    pub(super) fn awaits_head(&self) -> bool {
        self.in_flight.get() == 0 && (self.served.get() == 0 || self.head_since.get().is_some())
    }

    /// The next moment at which this connection is overdue, and for what.
    pub(super) fn deadline(&self, limits: &Limits) -> Option<(Instant, Overdue)> {
        let head = self.head_since.get().map(|since| (since + limits.head, Overdue::Head));
        let reading = [self.stuck_since.get(), self.untaken_since.get()].into_iter().flatten().min();
        let reading = reading.map(|since| (since + limits.reading, Overdue::Reading));
        let idle = (self.is_idle() && head.is_none()).then(|| (self.idle_since.get() + limits.idle, Overdue::Idle));
        let taking = self.takings.deadline(limits.reading).map(|when| (when, Overdue::Taking));
        // Where two are due at once, the one that ends more comes first.
        [head, reading, idle, taking].into_iter().flatten().min_by_key(|(when, _)| *when)
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
        self.listen(cx);
        Poll::Pending
    }

    /// Has the connection's task looked after when there is an order, or something new that may become overdue.
    pub(super) fn listen(&self, cx: &Context<'_>) {
        let mut waker = self.waker.borrow_mut();
        if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
    }

    /// Ready when this connection is to make room.
    pub(super) fn poll_leave(&self, cx: &mut Context<'_>) -> Poll<()> {
        match self.poll_order(cx) {
            Poll::Ready(Order::Leave) => Poll::Ready(()),
            Poll::Ready(Order::Finish) => {
                self.listen(cx);
                Poll::Pending
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

impl InFlight {
    /// Has the connection look at its deadlines: its timer may be set for something later, or for nothing.
    pub(super) fn look(&self) {
        self.0.look();
    }

    /// The answer, or its next piece, is there for the caller.
    pub(super) fn offer(&self) -> Offer {
        let pulse = &self.0;
        if pulse.offers.replace(pulse.offers.get() + 1) == 0 {
            pulse.untaken_since.set(Some(Instant::now()));
        }
        Offer(Rc::clone(pulse))
    }

    /// The connection becomes this when the answer has gone.
    pub(super) fn switch(&self, tunnel: Box<Tunnel>) {
        self.0.switch(tunnel);
    }

    /// The answer broke off.
    pub(super) fn tear(&self) {
        self.0.tear();
    }
}

impl Drop for Offer {
    fn drop(&mut self) {
        let left = self.0.offers.get() - 1;
        self.0.offers.set(left);
        if left == 0 {
            self.0.untaken_since.set(None);
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.change(|pulse| pulse.in_flight.set(pulse.in_flight.get() - 1));
    }
}
