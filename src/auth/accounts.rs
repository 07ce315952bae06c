//! The clients that may call, and whether a login or a static token is one of theirs.
//!
//! Known and unknown users, and every kind of wrong password, take the same work. What is dear is handed out as a [`SlowLogin`]
//! for the caller to run off the event loop; bounding how many run at once is the token endpoint's. What a client may do is not
//! decided here.

use std::collections::HashMap;
use std::fmt;

use crate::auth::basic::Credentials;
use crate::auth::bearer::RawToken;
use crate::auth::login::{Candidate, Work};
use crate::auth::memory::FingerprintKey;
use crate::auth::password::Sha256Hash;
use crate::auth::token::MAX_TOKEN;
use crate::metrics::{ClientMeter, LastUsed};

pub use crate::auth::account::{Account, AccountsFault};
pub use crate::auth::client::{Caller, ClientName, NameFault};
pub use crate::auth::login::{Accepted, SlowLogin};
pub use crate::auth::password::{HashFault, HashingRoom, PasswordHash, hash_chosen};
pub use crate::auth::static_token::StaticToken;

/// Every account, ready for logins. Never empty; names, user names and static tokens belong to one client each.
pub struct Accounts {
    clients: HashMap<ClientName, Caller>,
    by_username: HashMap<String, Candidate>,
    nobody: Candidate,
    /// There when any account has an argon2id hash.
    fingerprints: Option<FingerprintKey>,
    static_tokens: Vec<KnownToken>,
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

/// A static token, whose it is, and at which position in that client's list.
struct KnownToken {
    token: StaticToken,
    caller: Caller,
    position: usize,
}

impl Accounts {
    /// # Errors
    /// [`AccountsFault`] for no account at all, for two of one name, user name or static token, and when the system fails us.
    pub fn new(accounts: Vec<Account>) -> Result<Self, AccountsFault> {
        if accounts.is_empty() {
            return Err(AccountsFault::NoAccount);
        }
        let logins = accounts.iter().filter_map(|account| account.login.as_ref());
        let work = Work::of(logins.map(|login| login.passwords.as_slice()));
        let mut all = Self {
            clients: HashMap::new(),
            by_username: HashMap::new(),
            nobody: work.candidate(None, &[])?,
            fingerprints: None,
            static_tokens: Vec::new(),
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
        let Account { name, login, static_tokens } = account;
        let passwords = login.as_ref().map_or(0, |login| login.passwords.len());
        let caller = Caller::proven(name.clone(), ClientMeter::new(passwords, static_tokens.len()));
        if self.clients.insert(name.clone(), caller.clone()).is_some() {
            return Err(AccountsFault::SameName { name });
        }
        if let Some(login) = login {
            let candidate = work.candidate(Some(caller.clone()), &login.passwords)?;
            let before = self.by_username.insert(login.username, candidate);
            if let Some(first) = before.as_ref().and_then(Candidate::caller) {
                return Err(AccountsFault::SameUsername { first: first.client().clone(), second: name });
            }
        }
        for (position, token) in static_tokens.into_iter().enumerate() {
            match self.whose(token.digest()) {
                Some(first) if first.caller != caller => {
                    return Err(AccountsFault::SameStaticToken { first: first.caller.client().clone(), second: name });
                }
                // A client may list a token twice; the first is the one that is reported.
                _ => self.static_tokens.push(KnownToken { token, caller: caller.clone(), position }),
            }
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
        self.clients.get(client_name).cloned()
    }

    /// Every client, in no order.
    pub fn callers(&self) -> impl Iterator<Item = &Caller> {
        self.clients.values()
    }

    /// How many argon2id passwords were right before, so that they are not hashed again.
    #[must_use]
    pub fn remembered(&self) -> usize {
        self.by_username.values().map(Candidate::remembered).sum()
    }

    /// The client whose static token this is, and the token's position in that client's list.
    ///
    /// One SHA-256 and a comparison with every digest, in constant time; nothing when no client has a static token.
    #[must_use]
    pub fn find_static(&self, token: &RawToken<'_>) -> Option<(Caller, usize)> {
        if self.static_tokens.is_empty() || token.as_str().len() > MAX_TOKEN {
            return None;
        }
        self.whose(&Sha256Hash::of(token.as_str())).map(|known| (known.caller.clone(), known.position))
    }

    /// Takes over from `old`, which these accounts are about to replace, what it remembers of argon2id hashes that are still here under
    /// the same user name, and what was counted of clients that are still here. Everything else goes with it.
    pub fn inherit(&mut self, old: &Self) {
        if let (Some(own), Some(before)) = (&mut self.fingerprints, &old.fingerprints) {
            *own = before.clone();
            for (username, candidate) in &mut self.by_username {
                if let Some(before) = old.by_username.get(username) {
                    candidate.inherit(before);
                }
            }
        }
        self.inherit_meters(old);
    }

    /// A client's counts go on; each password and static token keeps when it was last used, wherever it stands in the list by now.
    fn inherit_meters(&mut self, old: &Self) {
        let continued: Vec<_> = self.clients.values().filter_map(|caller| self.continued(caller, old)).collect();
        for caller in continued {
            let is_its = |other: &Caller| *other == caller;
            let logins = self.by_username.values_mut().filter(|candidate| candidate.caller().is_some_and(is_its));
            logins.for_each(|candidate| candidate.proves(caller.clone()));
            let tokens = self.static_tokens.iter_mut().filter(|known| is_its(&known.caller));
            tokens.for_each(|known| known.caller = caller.clone());
            self.clients.insert(caller.client().clone(), caller);
        }
    }

    fn continued(&self, caller: &Caller, old: &Self) -> Option<Caller> {
        let before = old.clients.get(caller.client())?;
        let (own, others) = (self.candidate_of(caller), old.candidate_of(before));
        let same_password = |position| own?.position_in(others?, position);
        let same_token = |position| {
            let known =
                self.static_tokens.iter().find(|known| known.caller == *caller && known.position == position)?;
            old.whose(known.token.digest()).filter(|other| other.caller == *caller).map(|other| other.position)
        };
        let taken = |count: usize, from: &[LastUsed], same: &dyn Fn(usize) -> Option<usize>| -> Vec<LastUsed> {
            (0..count).map(|position| same(position).and_then(|at| from.get(at).cloned()).unwrap_or_default()).collect()
        };
        let (now, then) = (caller.meter(), before.meter());
        let passwords = taken(now.passwords().len(), then.passwords(), &same_password);
        let tokens = taken(now.static_tokens().len(), then.static_tokens(), &same_token);
        Some(Caller::proven(caller.client().clone(), ClientMeter::continuing(then, passwords, tokens)))
    }

    fn candidate_of(&self, caller: &Caller) -> Option<&Candidate> {
        self.by_username.values().find(|candidate| candidate.caller() == Some(caller))
    }

    /// All are compared: it takes the same time whichever it is, or none.
    fn whose(&self, digest: &Sha256Hash) -> Option<&KnownToken> {
        self.static_tokens.iter().fold(None, |found, known| {
            let right = known.token.digest().is(digest);
            found.or(Some(known).filter(|_| bool::from(right)))
        })
    }
}

impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accounts")
            .field("clients", &self.clients.keys())
            .field("static_tokens", &self.static_tokens.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod memory_tests;
#[cfg(test)]
mod tests;
