//! The clients that may ask for tokens, and whether a login is one of them.
//!
//! Known and unknown users, and every kind of wrong password, take the same work. What is dear is handed out as a [`SlowLogin`]
//! for the caller to run off the event loop; bounding how many run at once is the token endpoint's.

use std::collections::{HashMap, HashSet};
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

use crate::auth::basic::Credentials;
use crate::auth::login::{Candidate, Work};
use crate::auth::password::Sha256Hash;

pub use crate::auth::client::{Caller, ClientName, NameFault};
pub use crate::auth::login::SlowLogin;
pub use crate::auth::password::{HashFault, PasswordHash, hash_chosen};

/// One client and how it logs in.
#[derive(Clone, Debug)]
pub struct Account {
    name: ClientName,
    username: String,
    passwords: Vec<PasswordHash>,
}

/// Every account, ready for logins. Never empty; names and user names are unique.
pub struct Accounts {
    clients: HashSet<ClientName>,
    by_username: HashMap<String, Candidate>,
    nobody: Candidate,
    hashing: Hashing,
}

/// How a login went, as far as the event loop may find out.
#[derive(Debug)]
pub enum Login {
    /// A SHA-256 password was right.
    Accepted(Caller),
    /// Unknown user or wrong password.
    Refused,
    /// Nobody knows before [`SlowLogin::run`].
    NeedsHashing(SlowLogin),
}

/// Why accounts cannot be used. The operator is to blame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccountsFault {
    /// Not one account: nobody could ever call.
    #[error("there is no client; at least one is needed")]
    NoAccount,
    /// Two accounts of one name.
    #[error("two clients are named {name}; give each its own name")]
    SameName {
        /// The name both have.
        name: ClientName,
    },
    /// Two accounts of one user name.
    #[error("the clients {first} and {second} have the same user name; give each its own")]
    SameUsername {
        /// The one that came first.
        first: ClientName,
        /// The one that came later.
        second: ClientName,
    },
    /// An empty user name.
    #[error("the user name is empty; choose one")]
    EmptyUsername,
    /// A user name that RFC 7617 cannot carry.
    #[error("the user name holds a colon or a control character, so no caller could send it; choose another")]
    UnsendableUsername,
    /// An account without a password.
    #[error("the client {name} has no password; give it one")]
    NoPassword {
        /// The account's name.
        name: ClientName,
    },
    /// The documentation's sample: anybody who knows the user name knows the password.
    #[error(
        "the password of client {name} is the Base64 of its user name, as in the documentation's sample; choose another"
    )]
    PasswordIsUsername {
        /// The account's name.
        name: ClientName,
    },
    /// An argon2id hash that cannot be imitated for unknown users.
    #[error("a password hash cannot be used: it {0}")]
    Hash(#[from] HashFault),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hashing {
    Never,
    UnlessAccepted,
}

impl Account {
    /// One client; every one of `passwords` lets it in, so that a password can be changed without a cut.
    ///
    /// # Errors
    /// [`AccountsFault`] for a user name that is empty or cannot be sent, for no password, and for a password in its SHA-256 form
    /// that is the Base64 of the user name.
    pub fn new(name: ClientName, username: String, passwords: Vec<PasswordHash>) -> Result<Self, AccountsFault> {
        if username.is_empty() {
            return Err(AccountsFault::EmptyUsername);
        }
        if username.contains(|letter: char| letter == ':' || letter.is_control()) {
            return Err(AccountsFault::UnsendableUsername);
        }
        if passwords.is_empty() {
            return Err(AccountsFault::NoPassword { name });
        }
        let samples = [STANDARD.encode(&username), STANDARD_NO_PAD.encode(&username)].map(|text| Sha256Hash::of(&text));
        let is_sample = |password: &PasswordHash| match password {
            PasswordHash::Sha256(digest) => samples.iter().any(|sample| bool::from(digest.is(sample))),
            PasswordHash::Argon2id(_) => false,
        };
        if passwords.iter().any(is_sample) {
            return Err(AccountsFault::PasswordIsUsername { name });
        }
        Ok(Self { name, username, passwords })
    }
}

impl Accounts {
    /// # Errors
    /// [`AccountsFault`] for no account at all, and for two of one name or user name.
    pub fn new(accounts: Vec<Account>) -> Result<Self, AccountsFault> {
        if accounts.is_empty() {
            return Err(AccountsFault::NoAccount);
        }
        let work = Work::of(accounts.iter().map(|account| account.passwords.as_slice()));
        let mut clients = HashSet::new();
        let mut by_username: HashMap<String, Candidate> = HashMap::new();
        for account in accounts {
            if !clients.insert(account.name.clone()) {
                return Err(AccountsFault::SameName { name: account.name });
            }
            let caller = Caller::proven(account.name.clone());
            let candidate = work.candidate(Some(caller), &account.passwords)?;
            if let Some(first) = by_username.insert(account.username, candidate).and_then(Candidate::into_caller) {
                return Err(AccountsFault::SameUsername { first: first.client().clone(), second: account.name });
            }
        }
        let nobody = work.candidate(None, &[])?;
        let hashing = if work.needs_hashing() { Hashing::UnlessAccepted } else { Hashing::Never };
        Ok(Self { clients, by_username, nobody, hashing })
    }

    /// Compares with the SHA-256 passwords at once, in constant time, and leaves argon2id to the [`SlowLogin`].
    ///
    /// Cheap: never argon2id on this thread. When any account has an argon2id hash, every login that SHA-256 did not accept needs
    /// hashing, with the same work for known and unknown users. An empty password never gets in, whoever sends it.
    #[must_use]
    pub fn begin(&self, credentials: &Credentials) -> Login {
        let password = credentials.password();
        if password.expose().is_empty() {
            return Login::Refused;
        }
        let candidate = self.by_username.get(credentials.username()).unwrap_or(&self.nobody);
        match (candidate.accepts(&Sha256Hash::of(password.expose())), self.hashing) {
            (Some(caller), _) => Login::Accepted(caller.clone()),
            (None, Hashing::Never) => Login::Refused,
            (None, Hashing::UnlessAccepted) => Login::NeedsHashing(SlowLogin::new(candidate, password)),
        }
    }

    /// The client of a verified token, if it is still there.
    #[must_use]
    pub fn find(&self, client_name: &str) -> Option<Caller> {
        self.clients.get(client_name).map(|client| Caller::proven(client.clone()))
    }
}

impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accounts")
            .field("clients", &self.clients)
            .field("hashing", &self.hashing)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
