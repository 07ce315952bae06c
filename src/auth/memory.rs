//! Successes of dear passwords, remembered so that the next login with the same password is cheap.
//!
//! Nothing here opens anything by itself: what is kept is an HMAC under a key that was drawn at random and never leaves the process.
//! Which password a success belongs to, and when it is forgotten, is for `login` and `accounts` to say.

use std::fmt;
use std::sync::{Arc, OnceLock};

use aws_lc_rs::hmac;
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

use crate::secret::Secret;

/// The key of all fingerprints that may be compared with each other. Its copies are the same key, which is wiped with the last.
#[derive(Clone)]
pub(super) struct FingerprintKey(Arc<hmac::Key>);

/// HMAC-SHA256 of a user name and a password: what a success is known by.
pub(super) struct Fingerprint(Secret<[u8; 32]>);

/// Room for the one success of one hash. Its copies are the same room.
///
/// One is enough: a user name and a hash have one password, so the first success is also the last.
#[derive(Clone, Default)]
pub(super) struct Remembered(Arc<OnceLock<Fingerprint>>);

/// The system gave no random bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoRandom;

impl FingerprintKey {
    pub(super) fn random() -> Result<Self, NoRandom> {
        let mut bytes = Zeroizing::new([0; 32]);
        aws_lc_rs::rand::fill(&mut *bytes).map_err(|_| NoRandom)?;
        Ok(Self(Arc::new(hmac::Key::new(hmac::HMAC_SHA256, &*bytes))))
    }

    /// Takes as long for any user and password of the same lengths.
    pub(super) fn of(&self, username: &str, password: &Secret<String>) -> Fingerprint {
        let mut hashing = hmac::Context::with_key(&self.0);
        // With its length before it, no part of the user name can be taken for one of the password.
        hashing.update(&username.len().to_le_bytes());
        hashing.update(username.as_bytes());
        hashing.update(password.expose().as_bytes());
        let mut bytes = [0; 32];
        bytes.copy_from_slice(hashing.sign().as_ref());
        Fingerprint(Secret::new(bytes))
    }
}

impl Remembered {
    /// Whether this success is the one remembered. Takes as long whichever it is, or none.
    pub(super) fn is(&self, success: &Fingerprint) -> Choice {
        let kept = self.0.get().map_or(&NOBODYS, |kept| kept.0.expose());
        kept.ct_eq(success.0.expose())
    }

    /// Whether there is a success to compare with.
    pub(super) fn is_some(&self) -> bool {
        self.0.get().is_some()
    }

    pub(super) fn remember(&self, success: Fingerprint) {
        // Two logins at once have the same success: the later one adds nothing.
        let _ = self.0.set(success);
    }
}

impl fmt::Debug for FingerprintKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[key]")
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[fingerprint]")
    }
}

impl fmt::Debug for Remembered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.get().is_some() { "remembered" } else { "nothing" })
    }
}

/// No success is known to have this fingerprint: it is compared with where nothing is remembered.
const NOBODYS: [u8; 32] = [0; 32];

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    #[test]
    fn only_the_same_user_with_the_same_password_is_remembered() {
        let (key, other_key) = (FingerprintKey::random().expect("a key"), FingerprintKey::random().expect("a key"));
        let room = Remembered::default();
        assert!(!bool::from(room.is(&key.of("user", &secret("password")))));
        room.remember(key.of("user", &secret("password")));
        for (key, username, password, expected) in [
            (&key, "user", "password", true),
            (&key.clone(), "user", "password", true),
            (&other_key, "user", "password", false),
            (&key, "userp", "assword", false),
            (&key, "use", "rpassword", false),
            (&key, "", "userpassword", false),
            (&key, "userpassword", "", false),
            (&key, "User", "password", false),
            (&key, "user", "password ", false),
            (&key, "user", "", false),
            (&key, "", "", false),
        ] {
            assert_eq!(bool::from(room.is(&key.of(username, &secret(password)))), expected, "{username}:{password}");
        }
    }

    #[test]
    fn a_success_is_seen_by_every_copy_and_never_replaced() {
        let key = FingerprintKey::random().expect("a key");
        let (room, copy) = (Remembered::default(), Remembered::default());
        let same = room.clone();
        same.remember(key.of("user", &secret("first")));
        room.remember(key.of("user", &secret("second")));
        let is = |room: &Remembered, password| bool::from(room.is(&key.of("user", &secret(password))));
        assert!(is(&room, "first") && is(&same, "first") && !is(&room, "second") && !is(&copy, "first"));
    }

    #[test]
    fn nothing_of_it_is_shown() {
        let key = FingerprintKey::random().expect("a key");
        let (room, success) = (Remembered::default(), key.of("user", &secret("hunter2")));
        assert_eq!(format!("{key:?} {success:?} {room:?}"), "[key] [fingerprint] nothing");
        room.remember(success);
        assert_eq!(format!("{room:?}"), "remembered");
    }
}
