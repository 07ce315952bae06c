//! How many lines strangers can cause: whoever floods the gate with requests that are refused must not flood the log.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// One worker's allowance of lines about callers that nobody knows.
#[derive(Debug)]
pub(super) struct Allowance {
    begun: Instant,
    /// Until when the lines written so far last, at one every [`EVERY`].
    spent: Cell<Duration>,
    left_out: Cell<u64>,
    told: Cell<Duration>,
}

impl Allowance {
    pub(super) fn new() -> Self {
        let nothing = Cell::new(Duration::ZERO);
        Self { begun: Instant::now(), spent: nothing.clone(), left_out: Cell::new(0), told: nothing }
    }

    /// Whether one more line may be written; otherwise it is counted.
    pub(super) fn take(&self) -> bool {
        self.take_at(self.begun.elapsed())
    }

    /// How many were left out, when it is time to say so: once a second.
    pub(super) fn left_out(&self) -> Option<u64> {
        if self.left_out.get() == 0 { None } else { self.left_out_at(self.begun.elapsed()) }
    }

    /// How many were left out and not yet said.
    pub(super) fn rest(&self) -> u64 {
        self.left_out.take()
    }

    fn take_at(&self, now: Duration) -> bool {
        let spent = self.spent.get().max(now);
        let is_free = spent < now + EVERY * BURST;
        if is_free {
            self.spent.set(spent + EVERY);
        } else {
            self.left_out.set(self.left_out.get() + 1);
        }
        is_free
    }

    fn left_out_at(&self, now: Duration) -> Option<u64> {
        if now < self.told.get() + TOLD_EVERY {
            return None;
        }
        self.told.set(now);
        Some(self.left_out.take())
    }
}

/// One line of strangers every so long, in the long run.
const EVERY: Duration = Duration::from_millis(10);
/// So many at once.
const BURST: u32 = 1000;
const TOLD_EVERY: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_lines_at_once_and_then_a_hundred_a_second() {
        let allowance = Allowance::new();
        let taken =
            |now_ms: u64, tries: usize| (0..tries).filter(|_| allowance.take_at(Duration::from_millis(now_ms))).count();
        assert_eq!([taken(0, 1500), taken(0, 10), taken(1000, 200), taken(1000, 1)], [1000, 0, 100, 0]);
        assert_eq!(allowance.left_out_at(Duration::from_secs(1)), Some(500 + 10 + 100 + 1));
        assert_eq!([taken(1500, 60), taken(60_000, 5000)], [50, 1000]);
        assert_eq!(allowance.left_out_at(Duration::from_millis(1999)), None);
        assert_eq!(allowance.rest(), 10 + 4000);
        assert_eq!(allowance.left_out(), None);
    }
}
