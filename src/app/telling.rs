//! What the service manager hears of a server: that it serves, that it has been told to stop, and, for as long as every worker turns, that it is
//! alive.

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::sleep;

use crate::manager::Manager;
use crate::phase::{Order, Watch};

/// Tells the service manager how a server goes.
pub(super) struct Telling {
    pub(super) manager: Manager,
    pub(super) orders: Watch<Order>,
    /// From the order to stop to the end.
    pub(super) longest: Duration,
    pub(super) workers: Workers,
}

impl Telling {
    /// Tells it, for as long as it is polled. It is polled by the thread that hears signals, so that this one has to turn, too.
    pub(super) async fn go_on(mut self) -> Infallible {
        self.manager.serving();
        let stopping = async {
            self.orders.reaches(Order::Stop).await;
            self.manager.stopping(self.longest);
        };
        let Some(patience) = self.manager.patience() else {
            stopping.await;
            return pending().await;
        };
        let living = async {
            loop {
                sleep(patience / 2).await;
                if self.workers.have_turned() {
                    self.manager.alive();
                }
            }
        };
        tokio::join!(stopping, living).1
    }
}

/// The workers, as seen from outside.
#[derive(Debug, Default)]
pub(super) struct Workers(Vec<Seen>);

#[derive(Debug)]
struct Seen {
    turns: Arc<AtomicU64>,
    last: u64,
}

/// A worker's sign of life, which it moves from within its own loop. Dropped, it says that the worker has ended.
#[derive(Debug)]
pub(super) struct Hand {
    turns: Arc<AtomicU64>,
    every: Option<Duration>,
}

impl Workers {
    /// One more worker, which shows often enough that it turns.
    pub(super) fn enrol(&mut self, manager: &Manager) -> Hand {
        let turns = Arc::new(AtomicU64::new(0));
        self.0.push(Seen { turns: Arc::clone(&turns), last: 0 });
        Hand { turns, every: manager.patience().map(|patience| patience / 4) }
    }

    /// Whether each has turned since the last call, or has ended.
    fn have_turned(&mut self) -> bool {
        let turned = |seen: &mut Seen| {
            let now = seen.turns.load(Ordering::Relaxed);
            let before = std::mem::replace(&mut seen.last, now);
            now != before || now == ENDED
        };
        // Every one is looked at, also behind one that stands still.
        self.0.iter_mut().map(turned).filter(|turned| !turned).count() == 0
    }
}

impl Hand {
    /// Moves, for as long as it is polled.
    pub(super) async fn turn(self) -> Infallible {
        let Some(every) = self.every else { return pending().await };
        loop {
            self.turns.fetch_add(1, Ordering::Relaxed);
            sleep(every).await;
        }
    }
}

impl Drop for Hand {
    fn drop(&mut self) {
        self.turns.store(ENDED, Ordering::Relaxed);
    }
}

/// What a hand shows that has been dropped.
const ENDED: u64 = u64::MAX;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_worker_that_stands_still_is_enough_to_be_seen_and_one_that_has_ended_is_not_missed() {
        let mut workers = Workers::default();
        let hands: Vec<Hand> = (0..3).map(|_| workers.enrol(&Manager::nobody())).collect();
        for (turned, expected) in
            [(&[0, 1, 2][..], true), (&[0, 1], false), (&[1, 2], false), (&[], false), (&[0, 1, 2, 2], true)]
        {
            for at in turned {
                hands[*at].turns.fetch_add(1, Ordering::Relaxed);
            }
            assert_eq!(workers.have_turned(), expected, "{turned:?}");
        }
        drop(hands);
        assert!(workers.have_turned() && workers.have_turned(), "they have ended");
    }
}
