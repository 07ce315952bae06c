//! What time it is. Everything that judges a token asks a [`Clock`], so that a test can say when "now" is.
//!
//! Deadlines and durations are not here: they run on the monotonic clock of the runtime, so a jump of the wall clock ends no connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// The wall clock, as seconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Hand(Arc<AtomicU64>),
}

/// Moves a [`Clock`] that was made by [`Clock::set_by_hand`].
#[derive(Clone, Debug)]
pub struct Hand(Arc<AtomicU64>);

impl Clock {
    /// The clock of the operating system.
    #[must_use]
    pub const fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands still at `unix_s` until its [`Hand`] is moved.
    #[must_use]
    pub fn set_by_hand(unix_s: u64) -> (Self, Hand) {
        let shown = Arc::new(AtomicU64::new(unix_s));
        (Self(Source::Hand(Arc::clone(&shown))), Hand(shown))
    }

    /// Whole seconds since the epoch; 0 for a system clock that stands before it.
    #[must_use]
    pub fn unix(&self) -> u64 {
        match &self.0 {
            Source::System => SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
            Source::Hand(shown) => shown.load(Ordering::Relaxed),
        }
    }
}

impl Hand {
    /// Puts the clock to `unix_s`, forwards or back.
    pub fn set(&self, unix_s: u64) {
        self.0.store(unix_s, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_set_by_hand_shows_what_its_hand_says() {
        let (clock, hand) = Clock::set_by_hand(100);
        assert_eq!(clock.unix(), 100);
        hand.set(40);
        assert_eq!(clock.clone().unix(), 40);
    }
}
