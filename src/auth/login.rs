//! What a login is compared with, so that every login that fails is the same work, whoever it is of.

use std::sync::Arc;

use subtle::Choice;

use crate::auth::client::Caller;
use crate::auth::memory::{Fingerprint, Remembered};
use crate::auth::password::{Argon2idHash, Cost, HashFault, HashingRoom, PasswordHash, Sha256Hash};
use crate::secret::Secret;

/// A login that was right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Who logged in.
    pub caller: Caller,
    /// With which of its passwords: the position in the list it was configured with, from 0.
    pub password: usize,
}

/// A login that must be hashed with argon2id before it is known. Owned, so that another thread can run it.
#[derive(Debug)]
pub struct SlowLogin {
    password: Secret<String>,
    fingerprint: Fingerprint,
    candidate: Candidate,
}

/// What one login is compared with. All candidates of one [`Work`] have equally many digests, and hashes of the same costs.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    /// `None` stands for every user there is not.
    caller: Option<Caller>,
    digests: Arc<[Quick]>,
    hashes: Arc<[Dear]>,
}

/// A password of a program.
#[derive(Debug)]
struct Quick {
    digest: Sha256Hash,
    /// Its position among the account's passwords; `None` only fills up, and lets nobody in.
    position: Option<usize>,
}

/// A password of a person.
#[derive(Clone, Debug)]
struct Dear {
    hash: Argon2idHash,
    /// As in [`Quick`].
    position: Option<usize>,
    remembered: Remembered,
}

/// The work of every login that fails: for each kind of password, as much as the account with most of that kind asks for.
#[derive(Debug)]
pub(super) struct Work {
    digests: usize,
    costs: Vec<Cost>,
}

impl SlowLogin {
    pub(super) fn new(candidate: &Candidate, password: &Secret<String>, fingerprint: Fingerprint) -> Self {
        Self { password: Secret::new(password.expose().clone()), fingerprint, candidate: candidate.clone() }
    }

    /// Hashes with argon2id until one of the client's passwords is right. Blocking: milliseconds of CPU, up to 64 MiB of memory.
    ///
    /// A success is remembered, so that `Accounts::begin` accepts the next one at once.
    #[must_use]
    pub fn run(self, room: &mut HashingRoom) -> Option<Accepted> {
        let right = self.candidate.hashes.iter().find(|dear| dear.hash.is_of(&self.password, room))?;
        let accepted = self.candidate.accepted(right.position)?;
        right.remembered.remember(self.fingerprint);
        Some(accepted)
    }
}

impl Candidate {
    /// The client, when `digest` is that of one of its SHA-256 passwords.
    pub(super) fn accepts(&self, digest: &Sha256Hash) -> Option<Accepted> {
        self.accepted(first_right(self.digests.iter().map(|quick| (quick.digest.is(digest), quick.position))))
    }

    /// The client, when `success` is one that was seen before.
    pub(super) fn remembers(&self, success: &Fingerprint) -> Option<Accepted> {
        self.accepted(first_right(self.hashes.iter().map(|dear| (dear.remembered.is(success), dear.position))))
    }

    /// Takes over what is remembered of the hashes that both have, also what is still to be remembered by a login that runs.
    pub(super) fn inherit(&mut self, before: &Self) {
        let inherited = |own: &Dear| {
            let same = before.hashes.iter().find(|dear| dear.position.is_some() && dear.hash.is_same_as(&own.hash));
            let remembered = same.map_or(&own.remembered, |same| &same.remembered).clone();
            Dear { remembered, ..own.clone() }
        };
        self.hashes = self.hashes.iter().map(inherited).collect();
    }

    pub(super) const fn caller(&self) -> Option<&Caller> {
        self.caller.as_ref()
    }

    /// The same client with another proof of it.
    pub(super) fn proves(&mut self, caller: Caller) {
        self.caller = Some(caller);
    }

    /// Where in the list of `other` the password stands that is at `position` here.
    pub(super) fn position_in(&self, other: &Self, position: usize) -> Option<usize> {
        let is_it = |own: &Option<usize>| *own == Some(position);
        if let Some(own) = self.digests.iter().find(|quick| is_it(&quick.position)) {
            return first_right(other.digests.iter().map(|quick| (quick.digest.is(&own.digest), quick.position)));
        }
        let own = self.hashes.iter().find(|dear| is_it(&dear.position))?;
        other.hashes.iter().find(|dear| dear.hash.is_same_as(&own.hash)).and_then(|dear| dear.position)
    }

    /// How many of the passwords were right before and are not hashed again.
    pub(super) fn remembered(&self) -> usize {
        self.hashes.iter().filter(|dear| dear.remembered.is_some()).count()
    }

    fn accepted(&self, position: Option<usize>) -> Option<Accepted> {
        // The position first: a clone for a wrong password would tell a known user from an unknown one, who has none.
        let password = position?;
        Some(Accepted { caller: self.caller.clone()?, password })
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
        digests.resize_with(self.digests, || Quick { digest: Sha256Hash::NOBODYS, position: None });
        for missing in without(self.costs.clone(), &costs(&hashes)) {
            let hash = Argon2idHash::nobodys(missing)?;
            hashes.push(Dear { hash, position: None, remembered: Remembered::default() });
        }
        Ok(Candidate { caller, digests: digests.into(), hashes: hashes.into() })
    }
}

/// The first position that is right. All are looked at: it takes the same time whichever it is, or none.
fn first_right(all: impl Iterator<Item = (Choice, Option<usize>)>) -> Option<usize> {
    all.fold(None, |found, (right, position)| found.or(position.filter(|_| bool::from(right))))
}

fn kinds(passwords: &[PasswordHash]) -> (Vec<Quick>, Vec<Dear>) {
    let (mut digests, mut hashes) = (Vec::new(), Vec::new());
    for (position, password) in passwords.iter().enumerate() {
        let position = Some(position);
        match password {
            PasswordHash::Sha256(digest) => digests.push(Quick { digest: *digest, position }),
            PasswordHash::Argon2id(hash) => {
                hashes.push(Dear { hash: hash.clone(), position, remembered: Remembered::default() });
            }
        }
    }
    (digests, hashes)
}

fn costs(hashes: &[Dear]) -> Vec<Cost> {
    hashes.iter().map(|dear| dear.hash.cost()).collect()
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
    use crate::auth::memory::FingerprintKey;

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
        let password = Secret::new("a".to_owned());
        let fingerprint = FingerprintKey::random().expect("a key").of("user", &password);
        assert!(candidate.remembers(&fingerprint).is_none());
        assert_eq!(SlowLogin::new(&candidate, &password, fingerprint).run(&mut HashingRoom::default()), None);
    }
}
