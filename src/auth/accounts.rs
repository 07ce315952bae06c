//! The clients that may call, and whether a login is one of theirs.
//!
//! Known and unknown users, and every kind of wrong password, take the same work. What is dear is handed out as a [`SlowLogin`]
//! for the caller to run off the event loop; bounding how many run at once is the token endpoint's. What a client may do is not
//! decided here.

use std::collections::{HashMap, HashSet};
use std::fmt;

use crate::auth::basic::Credentials;
use crate::auth::login::{Candidate, Work};
use crate::auth::memory::FingerprintKey;
use crate::auth::password::Sha256Hash;

pub use crate::auth::account::{Account, AccountsFault};
pub use crate::auth::client::{Caller, ClientName, NameFault};
pub use crate::auth::login::{Accepted, SlowLogin};
pub use crate::auth::password::{HashFault, PasswordHash, hash_chosen};

/// Every account, ready for logins. Never empty; names and user names belong to one client each.
pub struct Accounts {
    clients: HashSet<ClientName>,
    by_username: HashMap<String, Candidate>,
    nobody: Candidate,
    /// There when any account has an argon2id hash.
    fingerprints: Option<FingerprintKey>,
}

/// How a login went, as far as the event loop may find out.
#[derive(Debug)]
pub enum Login {
    /// A SHA-256 password was right, or an argon2id one that has succeeded before.
    Accepted(Accepted),
    /// Unknown user or wrong password.
    Refused,
    /// Nobody knows before [`SlowLogin::run`].
    NeedsHashing(SlowLogin),
}

impl Accounts {
    /// # Errors
    /// [`AccountsFault`] for no account at all, for two of one name or user name, and when the system fails us.
    pub fn new(accounts: Vec<Account>) -> Result<Self, AccountsFault> {
        if accounts.is_empty() {
            return Err(AccountsFault::NoAccount);
        }
        let work = Work::of(accounts.iter().map(|account| account.login.passwords.as_slice()));
        let mut all = Self {
            clients: HashSet::new(),
            by_username: HashMap::new(),
            nobody: work.candidate(None, &[])?,
            fingerprints: None,
        };
        if work.needs_hashing() {
            all.fingerprints = Some(FingerprintKey::random().map_err(|_| AccountsFault::NoRandom)?);
        }
        for account in accounts {
            all.add(account, &work)?;
        }
        Ok(all)
    }

    fn add(&mut self, account: Account, work: &Work) -> Result<(), AccountsFault> {
        let Account { name, login } = account;
        if !self.clients.insert(name.clone()) {
            return Err(AccountsFault::SameName { name });
        }
        let candidate = work.candidate(Some(Caller::proven(name.clone())), &login.passwords)?;
        let before = self.by_username.insert(login.username, candidate);
        if let Some(first) = before.as_ref().and_then(Candidate::caller) {
            return Err(AccountsFault::SameUsername { first: first.client().clone(), second: name });
        }
        Ok(())
    }

    /// Compares with the SHA-256 passwords and the remembered successes at once, in constant time, and leaves the rest to the
    /// [`SlowLogin`].
    ///
    /// Cheap: never argon2id on this thread. When any account has an argon2id hash, every login that was not accepted here needs
    /// hashing, with the same work for known and unknown users. An empty password never gets in, whoever sends it.
    #[must_use]
    pub fn begin(&self, credentials: &Credentials) -> Login {
        let (username, password) = (credentials.username(), credentials.password());
        if password.expose().is_empty() {
            return Login::Refused;
        }
        let candidate = self.by_username.get(username).unwrap_or(&self.nobody);
        if let Some(accepted) = candidate.accepts(&Sha256Hash::of(password.expose())) {
            return Login::Accepted(accepted);
        }
        let Some(fingerprints) = &self.fingerprints else {
            return Login::Refused;
        };
        let fingerprint = fingerprints.of(username, password);
        match candidate.remembers(&fingerprint) {
            Some(accepted) => Login::Accepted(accepted),
            None => Login::NeedsHashing(SlowLogin::new(candidate, password, fingerprint)),
        }
    }

    /// The client of a verified token, if it is still there.
    #[must_use]
    pub fn find(&self, client_name: &str) -> Option<Caller> {
        self.clients.get(client_name).map(|client| Caller::proven(client.clone()))
    }

    /// Takes over from `old`, which these accounts are about to replace, what it remembers of argon2id hashes that are still here under
    /// the same user name. Everything else that it remembers goes with it.
    pub fn inherit(&mut self, old: &Self) {
        let (Some(own), Some(before)) = (&mut self.fingerprints, &old.fingerprints) else { return };
        *own = before.clone();
        for (username, candidate) in &mut self.by_username {
            if let Some(before) = old.by_username.get(username) {
                candidate.inherit(before);
            }
        }
    }
}

impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accounts").field("clients", &self.clients).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod memory_tests;
#[cfg(test)]
mod tests;
