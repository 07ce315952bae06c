//! What became of the payments.

use std::collections::BTreeMap;
use std::time::Duration;

use super::latencies::Latencies;

/// Counts of a run.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    /// Payments begun.
    pub(super) sent: u64,
    /// How long it took to begin them all.
    pub(super) sending: Duration,
    /// Payments that the network would call done.
    pub(super) done: u64,
    /// Done payments by the attempt that succeeded, from the first.
    pub(super) done_at: [u64; ATTEMPTS],
    /// Payments given up on after an answer: 400 or 3xx.
    pub(super) finals: u64,
    /// Payments not done after the last attempt.
    pub(super) lost: u64,
    /// Payments that needed more than one attempt, whatever became of them.
    pub(super) retried: u64,
    /// Deliveries sent, or tried.
    pub(super) attempts: u64,
    /// Token calls.
    pub(super) token_calls: u64,
    /// Attempts that had to wait for a free descriptor first.
    pub(super) held_up: u64,
    /// Why attempts failed, in words, and how often.
    pub(super) failures: BTreeMap<String, u64>,
    /// Token calls, from the request's start; a new connection included.
    pub(super) token: Latencies,
    /// Deliveries, from the opening of the connection.
    pub(super) delivery: Latencies,
    /// Payments that were done, from the first token call.
    pub(super) whole: Latencies,
}

impl Tally {
    /// Payments of which nothing more is known: the run was ended before.
    pub(super) fn open(&self) -> u64 {
        self.sent - self.done - self.finals - self.lost
    }

    /// Counts why an attempt failed.
    pub(super) fn fail(&mut self, why: impl Into<String>) {
        *self.failures.entry(why.into()).or_default() += 1;
    }

    /// Payments begun in a second.
    pub(super) fn rate(&self) -> f64 {
        let seconds = self.sending.as_secs_f64();
        if seconds > 0.0 { self.sent as f64 / seconds } else { 0.0 }
    }
}

/// As many as the network makes.
const ATTEMPTS: usize = crate::network::ATTEMPTS.len();
