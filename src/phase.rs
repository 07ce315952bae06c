//! How far a server is from its end, and what it has been told about it. Both only ever move on.

use std::future::pending;

use tokio::sync::watch;

/// How far a server is from its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Ready, and serving.
    Serving,
    /// Not ready any more, and serving all the same: whoever sends callers here needs a moment to notice (`DRAIN_DELAY`).
    Leaving,
    /// Not ready, no connection is accepted, what runs is finished (`DRAIN_TIMEOUT`).
    Draining,
    /// Nothing is waited for any more.
    Cutting,
}

/// What a server is told about its end. A later one overrules an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Order {
    /// Nothing yet.
    Serve,
    /// Leave, finish what runs, and stay there with nothing to do until told to stop.
    Drain,
    /// Leave, finish what runs, and end. What has been drained before is not waited for again.
    Stop,
    /// The same without `DRAIN_DELAY`.
    StopAtOnce,
    /// End now; what still runs is cut.
    Cut,
}

/// Moves a value on, never back; whoever has a [`Watch`] sees it.
#[derive(Clone, Debug)]
pub struct Ratchet<T>(watch::Sender<T>);

/// Sees a value that only moves on. Clones see the same.
#[derive(Clone, Debug)]
pub struct Watch<T>(watch::Receiver<T>);

/// A value that is `first` for now.
#[must_use]
pub fn ratchet<T: Copy + Ord>(first: T) -> (Ratchet<T>, Watch<T>) {
    let (sender, receiver) = watch::channel(first);
    (Ratchet(sender), Watch(receiver))
}

impl<T: Copy + Ord> Ratchet<T> {
    /// Moves on to `value`, if that is further.
    pub fn advance(&self, value: T) {
        self.0.send_if_modified(|now| {
            let is_further = value > *now;
            *now = value.max(*now);
            is_further
        });
    }
}

impl<T: Copy + Ord> Watch<T> {
    /// How far it is now.
    #[must_use]
    pub fn now(&self) -> T {
        *self.0.borrow()
    }

    /// Waits until it is at `value` or further, and says how far. For ever, when nobody is left to move it.
    pub async fn reaches(&self, value: T) -> T {
        self.waits_for(|now| now >= value).await
    }

    /// Waits until it is further than `value`.
    pub async fn passes(&self, value: T) -> T {
        self.waits_for(|now| now > value).await
    }

    async fn waits_for(&self, wanted: impl Fn(T) -> bool) -> T {
        let mut receiver = self.0.clone();
        let reached = receiver.wait_for(|now| wanted(*now)).await.map(|now| *now);
        match reached {
            Ok(now) => now,
            Err(_) => pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_moved_on_does_not_move_back() {
        let (orders, seen) = ratchet(Order::Serve);
        for (order, expected) in [
            (Order::Drain, Order::Drain),
            (Order::Serve, Order::Drain),
            (Order::Cut, Order::Cut),
            (Order::Stop, Order::Cut),
        ] {
            orders.advance(order);
            assert_eq!(seen.now(), expected, "{order:?}");
        }
    }

    #[tokio::test]
    async fn who_waits_for_a_phase_that_was_skipped_does_not_wait() {
        let (phase, seen) = ratchet(Phase::Serving);
        phase.advance(Phase::Cutting);
        drop(phase);
        assert_eq!(seen.reaches(Phase::Draining).await, Phase::Cutting);
        assert_eq!(seen.passes(Phase::Leaving).await, Phase::Cutting);
    }
}
