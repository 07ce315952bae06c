//! How long things took: counted in steps fine enough for a percentile, and small however many there are.

use std::time::Duration;

/// Durations, from a microsecond to an hour, each to within an eighth.
#[derive(Clone, Debug)]
pub(super) struct Latencies {
    counts: Box<[u64; STEPS]>,
    longest: Duration,
}

impl Default for Latencies {
    fn default() -> Self {
        Self { counts: Box::new([0; STEPS]), longest: Duration::ZERO }
    }
}

impl Latencies {
    /// Counts one.
    pub(super) fn add(&mut self, took: Duration) {
        self.counts[step(took.as_micros() as u64)] += 1;
        self.longest = self.longest.max(took);
    }

    /// How many there are.
    pub(super) fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// What this share of all, from 0 to 1, is not longer than; zero where there is none.
    pub(super) fn quantile(&self, share: f64) -> Duration {
        let wanted = (self.count() as f64 * share).ceil() as u64;
        let mut sum = 0;
        for (at, count) in self.counts.iter().enumerate() {
            sum += count;
            if sum >= wanted && sum > 0 {
                return Duration::from_micros(end(at)).min(self.longest);
            }
        }
        Duration::ZERO
    }

    /// The longest.
    pub(super) fn longest(&self) -> Duration {
        self.longest
    }

    /// How many are in each bin: up to the first bound, up to the next, and so on; the last bin has no bound.
    pub(super) fn bins(&self, bounds: &[Duration]) -> Vec<u64> {
        let mut bins = vec![0; bounds.len() + 1];
        for (at, count) in self.counts.iter().enumerate() {
            let middle = Duration::from_micros(end(at));
            bins[bounds.iter().position(|bound| middle <= *bound).unwrap_or(bounds.len())] += count;
        }
        bins
    }
}

/// Eight steps for each doubling.
fn step(micros: u64) -> usize {
    let micros = micros.clamp(8, (8 << OCTAVES) - 1);
    let octave = micros.ilog2() - 3;
    (octave * 8) as usize + ((micros >> octave) - 8) as usize
}

/// The last microsecond of a step.
fn end(step: usize) -> u64 {
    let (octave, part) = (step / 8, step as u64 % 8);
    ((part + 9) << octave) - 1
}

/// 8 µs times two to the 29th is more than an hour.
const OCTAVES: u32 = 29;
const STEPS: usize = OCTAVES as usize * 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_ends_where_the_next_begins_and_holds_what_is_in_it() {
        for micros in (0..5000).chain([9_999, 1_000_000, 60_000_000, 3_600_000_000]) {
            let (at, last) = (step(micros), end(step(micros)));
            assert!(last >= micros && last <= micros.max(8) + micros / 8, "{micros}: {last}");
            assert!(step(last) == at && step(last + 1) == at + 1, "{micros}");
        }
        assert_eq!(step(u64::MAX), STEPS - 1);
    }

    #[test]
    fn quantiles_and_bins_are_those_of_what_was_counted() {
        let mut latencies = Latencies::default();
        assert_eq!((latencies.quantile(0.5), latencies.count()), (Duration::ZERO, 0));
        for ms in 1..=100 {
            latencies.add(Duration::from_millis(ms));
        }
        for (share, ms) in [(0.5, 50), (0.9, 90), (0.99, 99), (1.0, 100)] {
            let found = latencies.quantile(share).as_secs_f64() * 1000.0;
            assert!((f64::from(ms)..=f64::from(ms) * 1.13).contains(&found), "{share}: {found}");
        }
        assert_eq!(latencies.longest(), Duration::from_millis(100));
        let bins = latencies.bins(&[Duration::from_millis(20), Duration::from_millis(1000)]);
        assert!(bins.len() == 3 && bins.iter().sum::<u64>() == 100 && (17..=20).contains(&bins[0]), "{bins:?}");
    }
}
