//! What callers whom nobody knows may have kept in memory beyond their slots.
//!
//! `MAX_CONNECTIONS` reckons with 32 KiB for each connection. A caller without a token can have far more kept for it: a head that does not
//! end, a body that is being refused, a hundred streams over HTTP/2. What all of these hold beyond a share of their own comes from one
//! reserve, and who finds it empty is cut, so that no number of strangers takes the memory of those who pay. Whoever has shown a good token or
//! password is no stranger, for as long as the connection lives, and is never cut for this.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes that all strangers together may still take beyond their own shares. One for all workers.
#[derive(Debug)]
pub(super) struct Reserve {
    left: AtomicUsize,
}

/// What one connection holds, by a rough reckoning, and what of the reserve it has taken for that.
#[derive(Debug)]
pub(super) struct Burden {
    reserve: Arc<Reserve>,
    arrived: Cell<usize>,
    taken: Cell<usize>,
}

impl Reserve {
    /// The reserve of a server with so many connections at most: an eighth of what these are reckoned with.
    pub(super) fn of(most_connections: usize) -> Arc<Self> {
        let left = most_connections.saturating_mul(FOR_EACH).max(LEAST);
        Arc::new(Self { left: AtomicUsize::new(left) })
    }

    fn take(&self, bytes: usize) -> bool {
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes)).is_ok()
    }

    fn give_back(&self, bytes: usize) {
        // Nearly always: then the workers need not share this.
        if bytes == 0 {
            return;
        }
        self.left.fetch_add(bytes, Ordering::Relaxed);
    }
}

impl Burden {
    pub(super) fn new(reserve: Arc<Reserve>) -> Self {
        Self { reserve, arrived: Cell::new(0), taken: Cell::new(0) }
    }

    /// So many bytes have arrived, and may be kept.
    pub(super) fn add(&self, bytes: usize) {
        self.arrived.set(self.arrived.get().saturating_add(bytes).min(MOST_ARRIVED));
    }

    /// What has arrived is kept no more.
    pub(super) fn forget_arrived(&self) {
        self.arrived.set(0);
    }

    /// Takes from the reserve what the connection holds beyond its own share with so many requests, or gives back what it does not hold any
    /// more; false when the reserve does not have as much.
    pub(super) fn settle(&self, requests: usize) -> bool {
        let due = (requests.max(1).saturating_mul(REQUEST) + self.arrived.get()).saturating_sub(OWN);
        let taken = self.taken.get();
        if due > taken && !self.reserve.take(due - taken) {
            return false;
        }
        self.reserve.give_back(taken.saturating_sub(due));
        self.taken.set(due);
        true
    }

    /// The connection is nobody's burden any more.
    pub(super) fn lift(&self) {
        self.reserve.give_back(self.taken.take());
    }
}

impl Drop for Burden {
    fn drop(&mut self) {
        self.lift();
    }
}

/// What a connection holds is its own up to this: one request, with as much of its head and body as hyper reads before it can be judged.
const OWN: usize = REQUEST + (8 << 10);
/// A request that is being refused: over HTTP/2 its stream, head, answer and what it waits with; 5.6 KiB where it was counted.
const REQUEST: usize = 6 << 10;
/// More is not kept of what has arrived: HTTP/2's window of a connection, and the longest `MAX_HEADERS`.
const MOST_ARRIVED: usize = 1 << 20;
/// The reserve for each connection there may be, and the least of it.
const FOR_EACH: usize = 4 << 10;
const LEAST: usize = 2 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn left(reserve: &Reserve) -> usize {
        reserve.left.load(Ordering::Relaxed)
    }

    #[test]
    fn a_connection_takes_what_is_beyond_its_own_share_and_gives_it_back() {
        let reserve = Reserve::of(1024);
        let whole = left(&reserve);
        assert_eq!(whole, 4 << 20);
        let burden = Burden::new(Arc::clone(&reserve));
        for (arrived, requests, taken) in
            [(0, 0, 0), (8 << 10, 1, 0), (0, 2, 6 << 10), (0, 1, 0), (14 << 10, 0, 14 << 10)]
        {
            burden.add(arrived);
            assert!(burden.settle(requests));
            assert_eq!(whole - left(&reserve), taken, "{arrived} bytes, {requests} requests");
        }
        burden.forget_arrived();
        assert!(burden.settle(5));
        assert_eq!(whole - left(&reserve), 16 << 10);
        burden.lift();
        assert_eq!(left(&reserve), whole);
        assert!(burden.settle(5));
        drop(burden);
        assert_eq!(left(&reserve), whole);
    }

    #[test]
    fn who_finds_the_reserve_empty_takes_nothing() {
        let reserve = Reserve::of(1);
        assert_eq!(left(&reserve), LEAST);
        let heavy: Vec<_> = (0..3).map(|_| Burden::new(Arc::clone(&reserve))).collect();
        let settled = heavy.iter().map(|burden| {
            burden.add(usize::MAX);
            burden.settle(0)
        });
        assert_eq!(settled.collect::<Vec<_>>(), [true, true, false]);
        assert_eq!(left(&reserve), LEAST - 2 * (MOST_ARRIVED + REQUEST - OWN));
    }
}
