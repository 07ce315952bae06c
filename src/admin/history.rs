//! The last minutes: totals taken every few seconds by the admin thread, so that the request path knows nothing of them.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use strum::{EnumCount as _, VariantArray as _};

use super::Shown;
use crate::metrics::Durations;
use crate::metrics::label::{Handshake, Outcome, Reason, Taken, Unreadable};

/// Everything that the page shows of the last minutes, since the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) outcomes: [u64; Outcome::COUNT],
    pub(super) reasons: [u64; Reason::COUNT],
    pub(super) token_failures: u64,
    pub(super) tokens: u64,
    pub(super) handshakes: [u64; Handshake::COUNT],
    pub(super) unreadable: u64,
    pub(super) stale: u64,
    pub(super) deliveries: [u64; Taken::COUNT],
    pub(super) retried: u64,
    pub(super) upstream: Durations,
}

/// The totals of the last minutes, the latest last.
#[derive(Debug)]
pub(super) struct History {
    begun: Totals,
    taken: Mutex<VecDeque<Totals>>,
}

/// Nothing yet.
impl Default for Totals {
    fn default() -> Self {
        Self {
            outcomes: [0; Outcome::COUNT],
            reasons: [0; Reason::COUNT],
            token_failures: 0,
            tokens: 0,
            handshakes: [0; Handshake::COUNT],
            unreadable: 0,
            stale: 0,
            deliveries: [0; Taken::COUNT],
            retried: 0,
            upstream: Durations::default(),
        }
    }
}

impl Totals {
    pub(super) fn of(shown: &Shown) -> Self {
        let (metrics, clients) = (&shown.metrics, shown.clients.read());
        let mut outcomes =
            Outcome::VARIANTS.iter().map(|outcome| metrics.requests_of_nobody(*outcome)).collect::<Vec<_>>();
        let mut tokens = 0;
        for caller in clients.accounts().callers() {
            tokens += caller.meter().tokens_issued();
            for (sum, outcome) in outcomes.iter_mut().zip(Outcome::VARIANTS) {
                *sum += caller.meter().requests(*outcome);
            }
        }
        Self {
            outcomes: std::array::from_fn(|at| outcomes[at]),
            reasons: std::array::from_fn(|at| metrics.refusals(Reason::VARIANTS[at])),
            token_failures: Reason::VARIANTS.iter().map(|reason| metrics.token_failures(*reason)).sum(),
            tokens,
            handshakes: std::array::from_fn(|at| metrics.handshakes(Handshake::VARIANTS[at])),
            unreadable: Unreadable::VARIANTS.iter().map(|why| metrics.unreadable(*why)).sum(),
            stale: metrics.stale(),
            deliveries: std::array::from_fn(|at| metrics.deliveries(Taken::VARIANTS[at])),
            retried: metrics.retried(),
            upstream: metrics.upstream_durations(),
        }
    }

    /// What has been added since `before`. A client that was taken out takes its counts along: that is nothing, not less.
    pub(super) fn since(&self, before: &Self) -> Self {
        fn less<const N: usize>(now: &[u64; N], then: &[u64; N]) -> [u64; N] {
            std::array::from_fn(|at| now[at].saturating_sub(then[at]))
        }
        Self {
            outcomes: less(&self.outcomes, &before.outcomes),
            reasons: less(&self.reasons, &before.reasons),
            token_failures: self.token_failures.saturating_sub(before.token_failures),
            tokens: self.tokens.saturating_sub(before.tokens),
            handshakes: less(&self.handshakes, &before.handshakes),
            unreadable: self.unreadable.saturating_sub(before.unreadable),
            stale: self.stale.saturating_sub(before.stale),
            deliveries: less(&self.deliveries, &before.deliveries),
            retried: self.retried.saturating_sub(before.retried),
            upstream: Durations {
                buckets: less(&self.upstream.buckets, &before.upstream.buckets),
                sum: self.upstream.sum.saturating_sub(before.upstream.sum),
            },
        }
    }

    pub(super) const fn outcome(&self, outcome: Outcome) -> u64 {
        self.outcomes[outcome as usize]
    }

    pub(super) const fn handshake(&self, result: Handshake) -> u64 {
        self.handshakes[result as usize]
    }

    /// Answers that somebody was owed and that did not arrive whole.
    pub(super) const fn lost(&self) -> u64 {
        self.outcome(Outcome::HungUp) + self.outcome(Outcome::Cut) + self.outcome(Outcome::BrokenOff)
    }
}

impl History {
    pub(super) fn begun(shown: &Shown) -> Self {
        Self { begun: Totals::of(shown), taken: Mutex::default() }
    }

    /// Takes the totals; to be called [`EVERY`] so often.
    pub(super) fn take(&self, shown: &Shown) {
        let mut taken = self.lock();
        if taken.len() > STEPS {
            taken.pop_front();
        }
        taken.push_back(Totals::of(shown));
    }

    /// What was added in the last minutes, up to `now`.
    pub(super) fn recent(&self, now: &Totals) -> Totals {
        let taken = self.lock();
        let before = if taken.len() > STEPS { taken.front() } else { None };
        now.since(before.unwrap_or(&self.begun))
    }

    /// What was added in each step, the present one, which is not over, last. Always [`STEPS`] of them.
    pub(super) fn steps(&self, now: &Totals) -> Vec<Totals> {
        let taken = self.lock();
        let mut marks: Vec<&Totals> =
            std::iter::repeat_n(&self.begun, (STEPS + 1).saturating_sub(taken.len() + 1)).collect();
        marks.extend(taken.iter().skip(taken.len().saturating_sub(STEPS)));
        marks.push(now);
        marks.windows(2).map(|pair| pair[1].since(pair[0])).collect()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Totals>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long a step is.
pub(super) const EVERY: Duration = Duration::from_secs(5);
/// So many steps are ten minutes.
pub(super) const STEPS: usize = 120;
