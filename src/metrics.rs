//! What is counted, cheaply: the request path changes numbers of its own thread, without a lock, an allocation or a look-up by name.
//!
//! Each worker counts in a [`Tally`] of its own; a client's counts belong to the client ([`ClientMeter`]), which the request has found
//! already. [`table`] names the metrics and [`text`] writes them down; who gathers them is `admin`.

use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use strum::EnumCount as _;

mod cells;
mod client;
pub mod label;
pub mod process;
pub mod table;
pub mod text;
mod warning;

pub use cells::{BOUNDS, Bound, Durations};
pub use client::{ClientMeter, LastUsed};
pub use warning::Warning;

use cells::{By, Histogram, Own};
use label::{Handshake, Outcome, Part, Reason, Reload, Taken, Unreadable};

/// Everything that is counted, save what belongs to one client.
#[derive(Debug)]
pub struct Metrics {
    workers: Box<[Shard]>,
    reloads: [[AtomicU64; Reload::COUNT]; Part::COUNT],
    failing: Mutex<[Option<Arc<str>>; Part::COUNT]>,
    hashed_logins: AtomicU64,
    warnings: [AtomicBool; Warning::COUNT],
}

/// What one worker counts, in cache lines of its own.
#[derive(Debug)]
#[repr(align(128))]
struct Shard {
    connections: Own,
    in_flight: Own,
    nobodys: By<Outcome, { Outcome::COUNT }>,
    refusals: By<Reason, { Reason::COUNT }>,
    token_failures: By<Reason, { Reason::COUNT }>,
    requests: Histogram,
    upstream: Histogram,
    handshakes: By<Handshake, { Handshake::COUNT }>,
    unreadable: By<Unreadable, { Unreadable::COUNT }>,
    unlogged: Own,
    stale: Own,
    deliveries: By<Taken, { Taken::COUNT }>,
    retried: Own,
}

/// The right to count as one worker. There is one for each, so that no number is changed by two threads.
#[derive(Debug)]
pub struct Seat {
    metrics: Arc<Metrics>,
    worker: usize,
}

/// Where one worker counts. It stays on its thread; clones are one.
#[derive(Clone, Debug)]
pub struct Tally(Rc<Seat>);

/// One more of something for as long as it lives, however it ends.
#[derive(Debug)]
pub struct Open {
    tally: Tally,
    gauge: fn(&Shard) -> &Own,
}

impl Metrics {
    /// Numbers that all stand at zero, and a seat for each worker.
    #[must_use]
    pub fn new(workers: usize) -> (Arc<Self>, Vec<Seat>) {
        let metrics = Arc::new(Self {
            workers: (0..workers).map(|_| Shard::new()).collect(),
            reloads: Default::default(),
            failing: Mutex::default(),
            hashed_logins: AtomicU64::new(0),
            warnings: Default::default(),
        });
        let seats = (0..workers).map(|worker| Seat { metrics: Arc::clone(&metrics), worker }).collect();
        (metrics, seats)
    }

    /// Connections that are open.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.sum(|shard| shard.connections.read())
    }

    /// Requests whose answer has not ended.
    #[must_use]
    pub fn in_flight(&self) -> u64 {
        self.sum(|shard| shard.in_flight.read())
    }

    /// Requests of nobody known that ended so.
    #[must_use]
    pub fn requests_of_nobody(&self, outcome: Outcome) -> u64 {
        self.sum(|shard| shard.nobodys.read(outcome as usize))
    }

    /// Requests that were refused for this.
    #[must_use]
    pub fn refusals(&self, reason: Reason) -> u64 {
        self.sum(|shard| shard.refusals.read(reason as usize))
    }

    /// Those of them that asked for a token.
    #[must_use]
    pub fn token_failures(&self, reason: Reason) -> u64 {
        self.sum(|shard| shard.token_failures.read(reason as usize))
    }

    /// How long requests took, from the head to the last byte of the answer.
    #[must_use]
    pub fn request_durations(&self) -> Durations {
        self.durations(|shard| &shard.requests)
    }

    /// How long the upstream took to answer, to the head of its answer.
    #[must_use]
    pub fn upstream_durations(&self) -> Durations {
        self.durations(|shard| &shard.upstream)
    }

    /// Connections whose beginning ended so.
    #[must_use]
    pub fn handshakes(&self, result: Handshake) -> u64 {
        self.sum(|shard| shard.handshakes.read(result as usize))
    }

    /// What could not be read as a request.
    #[must_use]
    pub fn unreadable(&self, why: Unreadable) -> u64 {
        self.sum(|shard| shard.unreadable.read(why as usize))
    }

    /// Lines of access log that were left out because strangers were refused too often.
    #[must_use]
    pub fn unlogged(&self) -> u64 {
        self.sum(|shard| shard.unlogged.read())
    }

    /// Requests that a kept connection to the upstream was closed under.
    #[must_use]
    pub fn stale(&self) -> u64 {
        self.sum(|shard| shard.stale.read())
    }

    /// Deliveries that the upstream answered so that the network takes it like this.
    #[must_use]
    pub fn deliveries(&self, taken: Taken) -> u64 {
        self.sum(|shard| shard.deliveries.read(taken as usize))
    }

    /// Deliveries that the upstream answered with success, but so that they are sent again.
    #[must_use]
    pub fn retried(&self) -> u64 {
        self.sum(|shard| shard.retried.read())
    }

    /// Says that a warning holds from now on. True when it did not before.
    pub fn raise(&self, warning: Warning) -> bool {
        !self.warnings[warning as usize].swap(true, Ordering::Relaxed)
    }

    /// Says that a warning no longer holds.
    pub fn lower(&self, warning: Warning) {
        self.warnings[warning as usize].store(false, Ordering::Relaxed);
    }

    /// Whether a warning holds.
    #[must_use]
    pub fn is_raised(&self, warning: Warning) -> bool {
        self.warnings[warning as usize].load(Ordering::Relaxed)
    }

    /// Counts a part that was loaded again, or could not be. `failure` stays to be seen until the part loads.
    pub fn reloaded(&self, part: Part, failure: Option<&str>) {
        let result = if failure.is_some() { Reload::Failed } else { Reload::Ok };
        self.reloads[part as usize][result as usize].fetch_add(1, Ordering::Relaxed);
        self.lock()[part as usize] = failure.map(Arc::from);
    }

    /// How often a part was loaded again, or could not be.
    #[must_use]
    pub fn reloads(&self, part: Part, result: Reload) -> u64 {
        self.reloads[part as usize][result as usize].load(Ordering::Relaxed)
    }

    /// Why the files of a part that has changed cannot be loaded; `None` when they are what serves.
    #[must_use]
    pub fn failing(&self, part: Part) -> Option<Arc<str>> {
        self.lock()[part as usize].clone()
    }

    /// Counts a login whose password was hashed.
    pub fn hashed_login(&self) {
        self.hashed_logins.fetch_add(1, Ordering::Relaxed);
    }

    /// Logins whose password was hashed.
    #[must_use]
    pub fn hashed_logins(&self) -> u64 {
        self.hashed_logins.load(Ordering::Relaxed)
    }

    fn sum(&self, number: impl Fn(&Shard) -> u64) -> u64 {
        // A gauge that one worker has not stored yet may be a step behind, never a whole turn: each sum wraps like its parts.
        self.workers.iter().map(number).fold(0, u64::wrapping_add)
    }

    fn durations(&self, histogram: impl Fn(&Shard) -> &Histogram) -> Durations {
        let mut sum = Durations::default();
        self.workers.iter().for_each(|shard| histogram(shard).add_to(&mut sum));
        sum
    }

    fn lock(&self) -> MutexGuard<'_, [Option<Arc<str>>; Part::COUNT]> {
        self.failing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shard {
    const fn new() -> Self {
        Self {
            connections: Own::new(),
            in_flight: Own::new(),
            nobodys: By::new(),
            refusals: By::new(),
            token_failures: By::new(),
            requests: Histogram::new(),
            upstream: Histogram::new(),
            handshakes: By::new(),
            unreadable: By::new(),
            unlogged: Own::new(),
            stale: Own::new(),
            deliveries: By::new(),
            retried: Own::new(),
        }
    }
}

impl Seat {
    /// Begins to count. From now on it is this thread's.
    #[must_use]
    pub fn take(self) -> Tally {
        Tally(Rc::new(self))
    }

    fn shard(&self) -> &Shard {
        &self.metrics.workers[self.worker]
    }
}

impl Tally {
    /// Counts a connection for as long as the result lives.
    #[must_use]
    pub fn connection(&self) -> Open {
        self.open(|shard| &shard.connections)
    }

    /// Counts a request for as long as the result lives.
    #[must_use]
    pub fn in_flight(&self) -> Open {
        self.open(|shard| &shard.in_flight)
    }

    /// Counts a request that has ended.
    pub fn request(&self, client: Option<&ClientMeter>, outcome: Outcome, took: Duration) {
        match client {
            Some(client) => client.count(self.0.worker, outcome),
            None => self.0.shard().nobodys.count(outcome as usize),
        }
        self.0.shard().requests.observe(took);
    }

    /// Counts a refusal.
    pub fn refusal(&self, reason: Reason) {
        self.0.shard().refusals.count(reason as usize);
    }

    /// Counts a request for a token that was refused; it is a refusal too.
    pub fn token_failure(&self, reason: Reason) {
        self.0.shard().token_failures.count(reason as usize);
    }

    /// Counts a token.
    pub fn token_issued(&self, client: &ClientMeter) {
        client.count_token(self.0.worker);
    }

    /// Counts an answer of the upstream.
    pub fn upstream(&self, took: Duration) {
        self.0.shard().upstream.observe(took);
    }

    /// Counts the beginning of a connection.
    pub fn handshake(&self, result: Handshake) {
        self.0.shard().handshakes.count(result as usize);
    }

    /// Counts what could not be read as a request.
    pub fn unreadable(&self, why: Unreadable) {
        self.0.shard().unreadable.count(why as usize);
    }

    /// Counts a line of access log that was left out.
    pub fn unlogged(&self) {
        self.0.shard().unlogged.add(1);
    }

    /// Counts a request that a kept connection to the upstream was closed under.
    pub fn stale(&self) {
        self.0.shard().stale.add(1);
    }

    /// Counts a delivery that the upstream has answered.
    pub fn delivery(&self, taken: Taken) {
        self.0.shard().deliveries.count(taken as usize);
    }

    /// Counts a delivery that was answered with success, but so that it is sent again.
    pub fn retried(&self) {
        self.0.shard().retried.add(1);
    }

    fn open(&self, gauge: fn(&Shard) -> &Own) -> Open {
        gauge(self.0.shard()).add(1);
        Open { tally: self.clone(), gauge }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        (self.gauge)(self.tally.0.shard()).lower();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::label::Label as _;

    #[test]
    fn what_workers_and_clients_count_adds_up() {
        let (metrics, seats) = Metrics::new(3);
        let client = ClientMeter::new(1, 0);
        let count = |seat: Seat| {
            let tally = seat.take();
            let kept = tally.connection();
            drop(tally.connection());
            tally.request(Some(&client), Outcome::Delivered, Duration::from_millis(2));
            tally.request(None, Outcome::Refused, Duration::from_millis(2));
            tally.refusal(Reason::BearerAbsent);
            tally.token_issued(&client);
            std::mem::forget(kept);
        };
        std::thread::scope(|scope| seats.into_iter().for_each(|seat| drop(scope.spawn(|| count(seat)))));
        assert_eq!((metrics.connections(), metrics.in_flight()), (3, 0));
        assert_eq!((client.requests(Outcome::Delivered), client.tokens_issued()), (3, 3));
        assert_eq!(
            (metrics.requests_of_nobody(Outcome::Refused), metrics.requests_of_nobody(Outcome::Delivered)),
            (3, 0)
        );
        assert_eq!((metrics.refusals(Reason::BearerAbsent), metrics.refusals(Reason::BadPath)), (3, 0));
        assert_eq!(metrics.request_durations().count(), 6);
    }

    #[test]
    fn a_failed_reload_stays_to_be_seen_until_it_is_mended() {
        let (metrics, _) = Metrics::new(1);
        for (failure, seen, counts) in [(None, None, (1, 0)), (Some("no"), Some("no"), (1, 1)), (None, None, (2, 1))] {
            metrics.reloaded(Part::Keys, failure);
            assert_eq!(metrics.failing(Part::Keys).as_deref(), seen);
            assert_eq!(metrics.failing(Part::Clients), None);
            assert_eq!((metrics.reloads(Part::Keys, Reload::Ok), metrics.reloads(Part::Keys, Reload::Failed)), counts);
        }
    }

    #[test]
    fn a_label_value_is_a_word_of_its_own() {
        let words: Vec<&str> = <Reason as strum::VariantArray>::VARIANTS.iter().map(|reason| reason.name()).collect();
        assert_eq!(words.len(), Reason::COUNT);
        assert!(words.contains(&"bad_path") && words.contains(&Reason::BearerAbsent.name()), "{words:?}");
        let distinct: std::collections::HashSet<_> = words.iter().collect();
        assert_eq!(distinct.len(), words.len());
    }
}
