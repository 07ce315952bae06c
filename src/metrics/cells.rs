//! Numbers that cost next to nothing to change: each is written by one thread and read by any.
//!
//! A plain load and store in a cache line of the thread's own, instead of a locked instruction on a line that all threads fight for.

use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::label::Label;

/// A number that only one thread changes.
#[derive(Debug, Default)]
pub(super) struct Own(AtomicU64);

impl Own {
    pub(super) const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    pub(super) fn add(&self, more: u64) {
        self.0.store(self.read().wrapping_add(more), Ordering::Relaxed);
    }

    pub(super) fn lower(&self) {
        self.0.store(self.read().wrapping_sub(1), Ordering::Relaxed);
    }

    pub(super) fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// One number for each value of a label; `N` is how many it has.
#[derive(Debug)]
pub(super) struct By<L, const N: usize> {
    cells: [Own; N],
    label: PhantomData<L>,
}

impl<L: Label, const N: usize> By<L, N> {
    pub(super) const fn new() -> Self {
        Self { cells: [const { Own::new() }; N], label: PhantomData }
    }

    pub(super) fn count(&self, index: usize) {
        self.cells[index].add(1);
    }

    pub(super) fn read(&self, index: usize) -> u64 {
        self.cells[index].read()
    }
}

/// How many durations fell between which bounds.
#[derive(Debug)]
pub(super) struct Histogram {
    buckets: [Own; BOUNDS.len() + 1],
    nanoseconds: Own,
}

/// A reading of one histogram, or of several together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Durations {
    /// How many were at most as long as each of [`BOUNDS`] and longer than the one before, and how many were longer than all.
    pub buckets: [u64; BOUNDS.len() + 1],
    /// All of them together.
    pub sum: Duration,
}

impl Histogram {
    pub(super) const fn new() -> Self {
        Self { buckets: [const { Own::new() }; BOUNDS.len() + 1], nanoseconds: Own::new() }
    }

    pub(super) fn observe(&self, took: Duration) {
        let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        // Nearly always the first or second.
        let bucket = BOUNDS.iter().position(|bound| nanoseconds <= bound.nanoseconds).unwrap_or(BOUNDS.len());
        self.buckets[bucket].add(1);
        self.nanoseconds.add(nanoseconds);
    }

    pub(super) fn add_to(&self, sum: &mut Durations) {
        for (total, bucket) in sum.buckets.iter_mut().zip(&self.buckets) {
            *total += bucket.read();
        }
        sum.sum += Duration::from_nanos(self.nanoseconds.read());
    }
}

impl Durations {
    /// How long the quickest `share` of them took at most, between 0 and 1; `None` when there were none. Within a bucket it is a guess.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let wanted = share * self.count() as f64;
        let (mut below, mut begin) = (0, 0);
        for (count, end) in self.buckets.iter().zip(BOUNDS.iter().map(|bound| bound.nanoseconds).chain([u64::MAX])) {
            if *count > 0 && (below + count) as f64 >= wanted {
                // What is longer than all bounds is somewhere beyond the last.
                let width = if end == u64::MAX { 0 } else { end - begin };
                let within = (wanted - below as f64) / *count as f64;
                return Some(Duration::from_nanos(begin) + Duration::from_nanos(width).mul_f64(within));
            }
            below += count;
            begin = end;
        }
        None
    }

    /// How many there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }
}

/// The upper end of a bucket.
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    /// In seconds, as Prometheus is told it.
    pub seconds: &'static str,
    nanoseconds: u64,
}

const fn bound(seconds: &'static str, microseconds: u64) -> Bound {
    Bound { seconds, nanoseconds: microseconds * 1000 }
}

/// The ends of the buckets of every histogram, from half a millisecond to half a minute.
pub const BOUNDS: [Bound; 15] = [
    bound("0.0005", 500),
    bound("0.001", 1_000),
    bound("0.0025", 2_500),
    bound("0.005", 5_000),
    bound("0.01", 10_000),
    bound("0.025", 25_000),
    bound("0.05", 50_000),
    bound("0.1", 100_000),
    bound("0.25", 250_000),
    bound("0.5", 500_000),
    bound("1", 1_000_000),
    bound("2.5", 2_500_000),
    bound("5", 5_000_000),
    bound("10", 10_000_000),
    bound("30", 30_000_000),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_lies_in_the_bucket_that_it_falls_into() {
        let histogram = Histogram::new();
        let quantile = |share: f64| {
            let mut seen = Durations::default();
            histogram.add_to(&mut seen);
            seen.quantile(share).map(|took| took.as_micros())
        };
        assert_eq!(quantile(0.5), None);
        (0..98).for_each(|_| histogram.observe(Duration::from_micros(700)));
        histogram.observe(Duration::from_millis(300));
        histogram.observe(Duration::from_secs(60));
        assert_eq!([0.49, 0.99, 1.0].map(quantile), [Some(750), Some(500_000), Some(30_000_000)]);
    }

    #[test]
    fn a_duration_falls_into_the_first_bucket_that_holds_it() {
        let bounds: Vec<f64> = BOUNDS.iter().map(|bound| bound.seconds.parse().unwrap()).collect();
        assert!(bounds.windows(2).all(|pair| pair[0] < pair[1]));
        for (at, bound) in BOUNDS.iter().enumerate() {
            assert_eq!(
                Duration::from_secs_f64(bounds[at]),
                Duration::from_nanos(bound.nanoseconds),
                "{}",
                bound.seconds
            );
            let histogram = Histogram::new();
            let end = Duration::from_nanos(bound.nanoseconds);
            histogram.observe(end);
            histogram.observe(end + Duration::from_nanos(1));
            let mut seen = Durations::default();
            histogram.add_to(&mut seen);
            assert_eq!((seen.buckets[at], seen.buckets[at + 1], seen.count()), (1, 1, 2), "{}", bound.seconds);
            assert_eq!(seen.sum, end * 2 + Duration::from_nanos(1));
        }
    }
}
