//! `MAX_CONNECTIONS`: every connection has a slot, and who has been idle longest gives its own up.
//!
//! The payment network opens a connection for every delivery and never closes it, so idle connections pile up by design. Over half full,
//! those idle for five seconds go; when full, the longest idle makes room; a connection in use never does. Each worker knows its own
//! connections; a full worker without an idle one asks a neighbour for room.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::burden::{Burden, Reserve};
use super::pulse::{Order, Pulse};
use crate::gateway::Room;

/// What all workers share: how many connections there are, and who has idle ones.
#[derive(Debug)]
pub(super) struct House {
    most: usize,
    open: AtomicUsize,
    over: AtomicUsize,
    workers: Box<[Neighbour]>,
    reserve: Arc<Reserve>,
}

#[derive(Debug, Default)]
struct Neighbour {
    idle: AtomicUsize,
    /// Connections it was asked to close and has not closed yet.
    asked_for: AtomicUsize,
    make_room: Notify,
}

/// One worker's connections.
#[derive(Debug)]
pub(super) struct Slots {
    house: Arc<House>,
    worker: usize,
    here: RefCell<HashMap<u64, Rc<Pulse>>>,
    idle: RefCell<VecDeque<(u64, Instant)>>,
    next: Cell<u64>,
    left: Notify,
}

/// A connection's slot; dropping it frees the slot.
#[derive(Debug)]
pub(super) struct Slot {
    slots: Rc<Slots>,
    id: u64,
    pulse: Rc<Pulse>,
    room: Room,
}

/// A connection's place in its worker's queue of the idle.
#[derive(Debug)]
pub(super) struct Idle {
    slots: Weak<Slots>,
    id: u64,
}

impl House {
    pub(super) fn new(most: usize, workers: usize) -> Arc<Self> {
        let workers = (0..workers).map(|_| Neighbour::default()).collect();
        let reserve = Reserve::of(most);
        Arc::new(Self { most, open: AtomicUsize::new(0), over: AtomicUsize::new(0), workers, reserve })
    }

    fn is_crowded(&self) -> bool {
        self.open.load(Ordering::Relaxed) * 2 > self.most
    }

    /// Those within the limit and those over it: only the former fill it.
    fn count(&self, room: Room) -> &AtomicUsize {
        match room {
            Room::Within => &self.open,
            Room::Over => &self.over,
        }
    }
}

impl Neighbour {
    fn to_spare(&self) -> usize {
        self.idle.load(Ordering::Relaxed).saturating_sub(self.asked_for.load(Ordering::Relaxed))
    }
}

impl Slots {
    pub(super) fn new(house: Arc<House>, worker: usize) -> Rc<Self> {
        Rc::new(Self {
            house,
            worker,
            here: RefCell::default(),
            idle: RefCell::default(),
            next: Cell::new(0),
            left: Notify::new(),
        })
    }

    /// A slot for a new connection; `None` when there are so many over the limit that not even a refusal can be said.
    pub(super) fn enter(self: &Rc<Self>) -> Option<Slot> {
        let now = Instant::now();
        if self.house.is_crowded() {
            while self.oldest().is_some_and(|(_, since)| now.duration_since(since) >= CROWDED_IDLE) {
                self.make_room();
            }
        }
        let open = self.house.open.load(Ordering::Relaxed);
        let mut room = Room::Within;
        if open >= self.house.most && !self.make_room() {
            // Whatever a neighbour promises, there is an end to it.
            let has_lent = open < self.house.most + self.house.most.min(MOST_OVER) && self.ask_neighbours();
            room = if has_lent { Room::Within } else { Room::Over };
        }
        if room == Room::Over && self.house.over.load(Ordering::Relaxed) >= self.house.most.min(MOST_OVER) {
            return None;
        }
        self.house.count(room).fetch_add(1, Ordering::Relaxed);
        let id = self.next.replace(self.next.get() + 1);
        let pulse = Rc::new(Pulse::new(now, Burden::new(Arc::clone(&self.house.reserve))));
        self.here.borrow_mut().insert(id, Rc::clone(&pulse));
        // Who is over the limit has no room to give up.
        if room == Room::Within {
            let idle = Idle { slots: Rc::downgrade(self), id };
            idle.entered(now);
            pulse.enrol(idle);
        }
        Some(Slot { slots: Rc::clone(self), id, pulse, room })
    }

    /// How long a connection that has been idle for `idle` may stay, or until when to ask again.
    pub(super) fn idle_limit(&self, idle_timeout: Duration, idle: Duration) -> Duration {
        if idle < CROWDED_IDLE || self.house.is_crowded() { idle_timeout.min(CROWDED_IDLE) } else { idle_timeout }
    }

    /// Closes the connection that has been idle longest; false when none is idle.
    pub(super) fn make_room(&self) -> bool {
        let Some((id, _)) = self.oldest() else { return false };
        self.idle.borrow_mut().pop_front();
        self.neighbour().idle.fetch_sub(1, Ordering::Relaxed);
        if let Some(pulse) = self.here.borrow_mut().remove(&id) {
            self.house.open.fetch_sub(1, Ordering::Relaxed);
            pulse.order(Order::Leave);
        }
        true
    }

    /// Makes room for neighbours whenever they ask for it.
    pub(super) async fn lend_for_ever(&self) {
        loop {
            self.neighbour().make_room.notified().await;
            for _ in 0..self.neighbour().asked_for.swap(0, Ordering::Relaxed) {
                self.make_room();
            }
        }
    }

    /// Tells every connection to finish.
    pub(super) fn finish_all(&self) {
        for pulse in self.here.borrow().values() {
            pulse.order(Order::Finish);
        }
    }

    /// Waits until no connection is left.
    pub(super) async fn all_left(&self) {
        while !self.here.borrow().is_empty() {
            self.left.notified().await;
        }
    }

    /// Cuts every connection that is left, and says how many requests were in flight on them.
    pub(super) fn cut_all(&self) -> usize {
        let here = self.here.borrow();
        here.values().for_each(|pulse| pulse.fate().cut());
        here.values().map(|pulse| pulse.in_flight()).sum()
    }

    fn ask_neighbours(&self) -> bool {
        let others = self.house.workers.iter().enumerate().filter(|(worker, _)| *worker != self.worker);
        let Some(richest) = others.map(|(_, other)| other).max_by_key(|other| other.to_spare()) else { return false };
        if richest.to_spare() == 0 {
            return false;
        }
        richest.asked_for.fetch_add(1, Ordering::Relaxed);
        richest.make_room.notify_one();
        true
    }

    /// The connection that has been idle longest. Entries of connections that were used since are dropped on the way.
    fn oldest(&self) -> Option<(u64, Instant)> {
        let (here, mut idle) = (self.here.borrow(), self.idle.borrow_mut());
        while let Some((id, since)) = idle.front().copied() {
            if here.get(&id).is_some_and(|pulse| pulse.is_idle() && pulse.idle_since() == since) {
                return Some((id, since));
            }
            idle.pop_front();
        }
        None
    }

    fn has(&self, id: u64) -> bool {
        self.here.borrow().contains_key(&id)
    }

    fn neighbour(&self) -> &Neighbour {
        &self.house.workers[self.worker]
    }
}

impl Idle {
    /// The connection has nothing to do since `since`.
    pub(super) fn entered(&self, since: Instant) {
        let Some(slots) = self.slots.upgrade().filter(|slots| slots.has(self.id)) else { return };
        slots.neighbour().idle.fetch_add(1, Ordering::Relaxed);
        let (here, mut idle) = (slots.here.borrow(), slots.idle.borrow_mut());
        idle.push_back((self.id, since));
        if idle.len() > here.len() * 2 + SLACK {
            idle.retain(|(id, since)| {
                here.get(id).is_some_and(|pulse| pulse.is_idle() && pulse.idle_since() == *since)
            });
        }
    }

    /// The connection has something to do.
    pub(super) fn left(&self) {
        if let Some(slots) = self.slots.upgrade().filter(|slots| slots.has(self.id)) {
            slots.neighbour().idle.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Slot {
    pub(super) fn pulse(&self) -> &Rc<Pulse> {
        &self.pulse
    }

    pub(super) fn room(&self) -> Room {
        self.room
    }

    /// Takes the slot back: a request came in the moment its connection was chosen to make room.
    pub(super) fn keep(&self) {
        let replaced = self.slots.here.borrow_mut().insert(self.id, Rc::clone(&self.pulse));
        if replaced.is_none() {
            self.slots.house.count(self.room).fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let still_here = self.slots.here.borrow_mut().remove(&self.id).is_some();
        if still_here {
            self.slots.house.count(self.room).fetch_sub(1, Ordering::Relaxed);
            if self.room == Room::Within && self.pulse.is_idle() {
                self.slots.neighbour().idle.fetch_sub(1, Ordering::Relaxed);
            }
        }
        self.slots.left.notify_one();
    }
}

/// Over half full, a connection may be idle this long.
const CROWDED_IDLE: Duration = Duration::from_secs(5);
/// Connections over the limit that are let in to be told so.
const MOST_OVER: usize = 64;
/// Outdated entries that the queue of the idle may hold before it is swept.
const SLACK: usize = 64;
