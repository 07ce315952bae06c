//! How often: requests and tokens by client, failed logins by address.
//!
//! Only names that have been proved are counted, and addresses; both in bounded memory. Counting is per process: with N replicas a client has
//! N times its rate.

use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::auth::accounts::ClientName;
use crate::rules::peer::LimitKey;
use crate::rules::rate::{Limiter, Rate, RetryAfter};

/// The rates for everybody; `None` is no limit.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// `CLIENT_RATE`: requests of one client.
    pub requests: Option<Rate>,
    /// `TOKEN_RATE`: tokens of one client.
    pub tokens: Option<Rate>,
    /// `LOGIN_FAILURES`: failed logins from one address, an IPv6 network of 64 bits counting as one.
    pub failures: Option<Rate>,
}

/// What has been used of the rates. Survives a reload: changing a client does not refill it.
#[derive(Debug)]
pub struct Limits {
    settings: Settings,
    begun: Instant,
    requests: Mutex<Limiter<ClientName>>,
    tokens: Mutex<Limiter<ClientName>>,
    failures: Mutex<Limiter<LimitKey>>,
}

impl Limits {
    /// Nothing is used yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            begun: Instant::now(),
            requests: Mutex::new(Limiter::new(MOST_CLIENTS)),
            tokens: Mutex::new(Limiter::new(MOST_CLIENTS)),
            failures: Mutex::new(Limiter::new(MOST_ADDRESSES)),
        }
    }

    /// The rates for everybody.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Counts a request.
    ///
    /// # Errors
    /// When the client is over its rate.
    pub fn request(&self, client: &ClientName, rate: Option<Rate>) -> Result<(), RetryAfter> {
        self.count(&self.requests, rate, || client.clone())
    }

    /// Counts a token.
    ///
    /// # Errors
    /// When the client is over its rate.
    pub fn token(&self, client: &ClientName, rate: Option<Rate>) -> Result<(), RetryAfter> {
        self.count(&self.tokens, rate, || client.clone())
    }

    /// Counts a login that failed, or that has to be hashed to be known.
    ///
    /// # Errors
    /// When there were too many from this address.
    pub fn failure(&self, peer: IpAddr) -> Result<(), RetryAfter> {
        self.count(&self.failures, self.settings.failures, || LimitKey::network_of(peer))
    }

    /// Takes back a count of [`Self::failure`]: the login has not failed after all.
    pub fn no_failure(&self, peer: IpAddr) {
        if let Some(rate) = &self.settings.failures {
            lock(&self.failures).give_back(&LimitKey::network_of(peer), rate);
        }
    }

    fn count<K: Eq + std::hash::Hash>(
        &self,
        limiter: &Mutex<Limiter<K>>,
        rate: Option<Rate>,
        key: impl FnOnce() -> K,
    ) -> Result<(), RetryAfter> {
        let Some(rate) = rate else { return Ok(()) };
        lock(limiter).admit(key(), &rate, self.begun.elapsed())
    }
}

fn lock<K>(limiter: &Mutex<Limiter<K>>) -> MutexGuard<'_, Limiter<K>> {
    limiter.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Clients come from the operator's file; this only bounds a very long one.
const MOST_CLIENTS: usize = 16_384;
/// Addresses come from anybody.
const MOST_ADDRESSES: usize = 65_536;
