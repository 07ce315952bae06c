//! A line of log that may be due a thousand times a second, and is written once a minute.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Says when a line is due. Shared by all threads.
#[derive(Debug)]
pub struct Seldom {
    begun: Instant,
    every_s: u64,
    /// In seconds since `begun`, `every_s` later; 0 for never.
    said_at_s: AtomicU64,
    unsaid: AtomicU64,
}

impl Seldom {
    /// At most once within `every`, in whole seconds.
    #[must_use]
    pub fn every(every: Duration) -> Self {
        let every_s = every.as_secs();
        Self { begun: Instant::now(), every_s, said_at_s: AtomicU64::new(0), unsaid: AtomicU64::new(0) }
    }

    /// Whether the line is due now; then it is how many were left out since the last.
    #[must_use]
    pub fn due(&self) -> Option<u64> {
        let now_s = self.begun.elapsed().as_secs() + self.every_s;
        let last = self.said_at_s.load(Ordering::Relaxed);
        let due = now_s >= last + self.every_s;
        if due && self.said_at_s.compare_exchange(last, now_s, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            return Some(self.unsaid.swap(0, Ordering::Relaxed));
        }
        self.unsaid.fetch_add(1, Ordering::Relaxed);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_due_once_a_minute_and_says_how_many_were_left_out() {
        let mut seldom = Seldom::every(Duration::from_secs(60));
        assert_eq!([(); 4].map(|()| seldom.due()), [Some(0), None, None, None]);
        for (later_s, due) in [(59, None), (1, Some(4)), (0, None), (120, Some(1))] {
            let earlier = seldom.begun.checked_sub(Duration::from_secs(later_s));
            seldom.begun = earlier.expect("the clock counts below zero too");
            assert_eq!(seldom.due(), due, "{later_s} s later");
        }
    }
}
