//! What a login is compared with, so that every login that fails is the same work, whoever it is of.

use std::sync::Arc;

use subtle::Choice;

use crate::auth::client::Caller;
use crate::auth::password::{Argon2idHash, Cost, HashFault, PasswordHash, Sha256Hash};
use crate::secret::Secret;

/// A login that must be hashed with argon2id before it is known. Owned, so that another thread can run it.
#[derive(Debug)]
pub struct SlowLogin {
    password: Secret<String>,
    candidate: Candidate,
}

/// What one login is compared with. All candidates of one [`Work`] have equally many digests, and hashes of the same costs.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    /// `None` stands for every user there is not.
    caller: Option<Caller>,
    digests: Arc<[Sha256Hash]>,
    hashes: Arc<[Argon2idHash]>,
}

/// The work of every login that fails: for each kind of password, as much as the account with most of that kind asks for.
#[derive(Debug)]
pub(super) struct Work {
    digests: usize,
    costs: Vec<Cost>,
}

impl SlowLogin {
    pub(super) fn new(candidate: &Candidate, password: &Secret<String>) -> Self {
        Self { password: Secret::new(password.expose().clone()), candidate: candidate.clone() }
    }

    /// Hashes with argon2id until one of the client's passwords is right. Blocking: milliseconds of CPU, up to 64 MiB of memory.
    #[must_use]
    pub fn run(self) -> Option<Caller> {
        let right = self.candidate.hashes.iter().any(|hash| hash.is_of(&self.password));
        self.candidate.caller.filter(|_| right)
    }
}

impl Candidate {
    /// The client, when `digest` is that of one of its SHA-256 passwords. Takes the same time whichever it is, or none.
    pub(super) fn accepts(&self, digest: &Sha256Hash) -> Option<&Caller> {
        let right = self.digests.iter().fold(Choice::from(0), |right, known| right | known.is(digest));
        self.caller.as_ref().filter(|_| bool::from(right))
    }

    pub(super) fn into_caller(self) -> Option<Caller> {
        self.caller
    }
}

impl Work {
    pub(super) fn of<'a>(accounts: impl Iterator<Item = &'a [PasswordHash]>) -> Self {
        let mut work = Self { digests: 1, costs: Vec::new() };
        for passwords in accounts {
            let (digests, hashes) = kinds(passwords);
            work.digests = work.digests.max(digests.len());
            let extra = without(costs(&hashes), &work.costs);
            work.costs.extend(extra);
        }
        work
    }

    pub(super) const fn needs_hashing(&self) -> bool {
        !self.costs.is_empty()
    }

    /// Fills up an account's own passwords with digests and hashes of nobody, the account's own first.
    pub(super) fn candidate(&self, caller: Option<Caller>, own: &[PasswordHash]) -> Result<Candidate, HashFault> {
        let (mut digests, mut hashes) = kinds(own);
        digests.resize(self.digests, Sha256Hash::NOBODYS);
        for missing in without(self.costs.clone(), &costs(&hashes)) {
            hashes.push(Argon2idHash::nobodys(missing)?);
        }
        Ok(Candidate { caller, digests: digests.into(), hashes: hashes.into() })
    }
}

fn kinds(passwords: &[PasswordHash]) -> (Vec<Sha256Hash>, Vec<Argon2idHash>) {
    let (mut digests, mut hashes) = (Vec::new(), Vec::new());
    for password in passwords {
        match password {
            PasswordHash::Sha256(digest) => digests.push(*digest),
            PasswordHash::Argon2id(hash) => hashes.push(hash.clone()),
        }
    }
    (digests, hashes)
}

fn costs(hashes: &[Argon2idHash]) -> Vec<Cost> {
    hashes.iter().map(Argon2idHash::cost).collect()
}

/// `all`, each of `taken` removed once.
fn without(mut all: Vec<Cost>, taken: &[Cost]) -> Vec<Cost> {
    for cost in taken {
        if let Some(position) = all.iter().position(|candidate| candidate == cost) {
            all.swap_remove(position);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(passes: u32) -> PasswordHash {
        let salt_and_hash = "c29tZXNhbHQxMjM0NTY$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        PasswordHash::parse(&format!("$argon2id$v=19$m=64,t={passes},p=1${salt_and_hash}")).expect("a hash")
    }

    fn plain(password: &str) -> PasswordHash {
        PasswordHash::of_plain(&Secret::new(password.to_owned()))
    }

    fn kind(password: &PasswordHash) -> Cost {
        costs(&kinds(std::slice::from_ref(password)).1)[0]
    }

    #[test]
    fn every_login_that_fails_is_the_same_work() {
        let accounts = [
            vec![chosen(1), plain("a"), chosen(1)],
            vec![chosen(2), chosen(1)],
            vec![plain("a"), plain("b"), plain("c")],
            vec![],
        ];
        let work = Work::of(accounts.iter().map(Vec::as_slice));
        assert!(work.needs_hashing());
        for own in &accounts {
            let candidate = work.candidate(None, own).expect("a candidate");
            let costs = costs(&candidate.hashes);
            let count = |passes| costs.iter().filter(|cost| **cost == kind(&chosen(passes))).count();
            assert_eq!((costs.len(), count(1), count(2), candidate.digests.len()), (3, 2, 1, 3), "{own:?}");
        }
    }

    #[test]
    fn without_a_chosen_password_nothing_is_hashed() {
        let accounts = [vec![plain("a")], vec![plain("b"), plain("c")]];
        assert!(!Work::of(accounts.iter().map(Vec::as_slice)).needs_hashing());
    }

    #[test]
    fn nobody_is_let_in_by_what_only_fills_up() {
        let work = Work::of([[chosen(1)].as_slice()].into_iter());
        let candidate = work.candidate(None, &[plain("a")]).expect("a candidate");
        assert!(candidate.accepts(&Sha256Hash::of("a")).is_none());
        assert!(candidate.accepts(&Sha256Hash::NOBODYS).is_none());
        assert_eq!(SlowLogin::new(&candidate, &Secret::new("a".to_owned())).run(), None);
    }
}
