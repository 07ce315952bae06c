//! What is counted of one client. It belongs to the client as it is configured, and goes with it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use strum::EnumCount as _;

use super::label::Outcome;

/// What is counted of one client. Clones count together.
#[derive(Clone, Debug)]
pub struct ClientMeter {
    lanes: Arc<[Lane; LANES]>,
    passwords: Arc<[LastUsed]>,
    static_tokens: Arc<[LastUsed]>,
}

/// The counts of the workers that share a lane, in a cache line of their own.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Lane {
    outcomes: [AtomicU64; Outcome::COUNT],
    tokens_issued: AtomicU64,
}

/// When a secret was last used, in seconds since the Unix epoch; 0 for never. Clones are one.
#[derive(Clone, Debug, Default)]
pub struct LastUsed(Arc<AtomicU64>);

impl LastUsed {
    fn mark(&self, unix_s: u64) {
        // Most logins fall into a second that is marked already, and a line that is not written stays with every processor.
        if self.unix_s() != unix_s {
            self.0.store(unix_s, Ordering::Relaxed);
        }
    }

    /// When that was, in seconds since the Unix epoch; 0 for never.
    #[must_use]
    pub fn unix_s(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl ClientMeter {
    /// A meter of a client with so many passwords and static tokens.
    #[must_use]
    pub fn new(passwords: usize, static_tokens: usize) -> Self {
        let unused = |count| (0..count).map(|_| LastUsed::default()).collect();
        Self { lanes: Arc::default(), passwords: unused(passwords), static_tokens: unused(static_tokens) }
    }

    /// The meter that takes the place of `before` for the same client: goes on counting, with the secrets that it has now.
    #[must_use]
    pub fn continuing(before: &Self, passwords: Vec<LastUsed>, static_tokens: Vec<LastUsed>) -> Self {
        Self { lanes: Arc::clone(&before.lanes), passwords: passwords.into(), static_tokens: static_tokens.into() }
    }

    /// When each password was last used, in the order of the client's list.
    #[must_use]
    pub fn passwords(&self) -> &[LastUsed] {
        &self.passwords
    }

    /// When each static token was last used, in the order of the client's list.
    #[must_use]
    pub fn static_tokens(&self) -> &[LastUsed] {
        &self.static_tokens
    }

    /// Marks the password at this position as used now.
    pub fn password_used(&self, position: usize, unix_s: u64) {
        self.passwords.get(position).into_iter().for_each(|used| used.mark(unix_s));
    }

    /// Marks the static token at this position as used now.
    pub fn static_token_used(&self, position: usize, unix_s: u64) {
        self.static_tokens.get(position).into_iter().for_each(|used| used.mark(unix_s));
    }

    /// Requests that ended so.
    #[must_use]
    pub fn requests(&self, outcome: Outcome) -> u64 {
        self.sum(|lane| &lane.outcomes[outcome as usize])
    }

    /// Tokens that were issued.
    #[must_use]
    pub fn tokens_issued(&self) -> u64 {
        self.sum(|lane| &lane.tokens_issued)
    }

    pub(super) fn count(&self, worker: usize, outcome: Outcome) {
        self.lanes[worker % LANES].outcomes[outcome as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_token(&self, worker: usize) {
        self.lanes[worker % LANES].tokens_issued.fetch_add(1, Ordering::Relaxed);
    }

    fn sum(&self, cell: impl Fn(&Lane) -> &AtomicU64) -> u64 {
        self.lanes.iter().map(|lane| cell(lane).load(Ordering::Relaxed)).sum()
    }
}

/// Workers up to this number have a lane each: there may be a thousand clients, so lanes are few.
const LANES: usize = 8;
