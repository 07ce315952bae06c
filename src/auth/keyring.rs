//! The keys that tokens are signed and checked with. No cache of verdicts: every token is checked every time.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::auth::accounts::ClientName;
use crate::auth::bearer::RawToken;
use crate::auth::signing_order::SigningOrder;
use crate::auth::token::{self, Claims, Expected, Header, Parts, TokenFault, Written};

pub use crate::auth::key::{Algorithm, KeyFault, TokenKey, sample_keys};
pub use crate::auth::key_id::{KeyId, KeyIdFault};

/// What tokens say besides their client, how long they live, and how long a new key waits before it signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRules {
    /// How long a token is good, in whole seconds (a fraction is dropped).
    pub ttl: Duration,
    /// `iss`, set and checked.
    pub issuer: String,
    /// `aud`, set and checked; when `None`, a token must not have one.
    pub audience: Option<String>,
    /// How long one of several keys must have been seen before it signs, in whole seconds (a fraction is dropped).
    pub settle: Duration,
}

/// A key on its way into a [`KeyRing`].
#[derive(Debug)]
pub struct NamedKey {
    /// The `kid` of the tokens it signs; only a key that is alone may have none.
    pub id: Option<KeyId>,
    /// The key.
    pub key: TokenKey,
    /// When this process first saw it, in seconds since the Unix epoch.
    pub first_seen: u64,
}

/// Every key, of which one signs and all check. Never empty; one key without a name, or keys of different names in their order.
#[derive(Debug)]
pub struct KeyRing {
    keys: Vec<Held>,
    order: SigningOrder,
    rules: TokenRules,
}

/// What people may know of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyState {
    /// Its name; `None` for the one key that has none.
    pub id: Option<KeyId>,
    /// How it signs.
    pub algorithm: Algorithm,
    /// Whether it signs, or only checks.
    pub signs: bool,
    /// When this process first saw it, in seconds since the Unix epoch; `None` for the one key without a name, which waits for nobody.
    pub since: Option<u64>,
}

/// Why keys make no ring. The operator is to blame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RingFault {
    /// Not one key: nobody could sign.
    #[error("there is no key; `bearergate new-key` makes one")]
    NoKey,
    /// More than [`MOST_KEYS`].
    #[error("there are {count} keys, allowed are {MOST_KEYS}; remove those that signed nothing for a token's life")]
    TooMany {
        /// How many there are.
        count: usize,
    },
    /// Several keys, and one of them without a name.
    #[error("one of several keys has no name; give each its own")]
    Unnamed,
    /// Two keys of one name.
    #[error("two keys are named {id}; give each its own name")]
    SameName {
        /// The name both have.
        id: KeyId,
    },
}

/// A key of the ring.
#[derive(Debug)]
struct Held {
    id: Option<KeyId>,
    key: TokenKey,
    /// The header of every token that it signs, as it stands in the token.
    header: String,
}

/// A token that was just made. `Debug` does not show it.
pub struct Minted {
    /// The token.
    pub token: String,
    /// How long it is good, in seconds.
    pub expires_in: u64,
}

/// Why no token could be made. Nobody is to blame but the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MintFault {
    /// The system gave no random bytes.
    #[error("no token could be made: the system gave no random bytes")]
    NoRandom,
    /// The key, which worked at start, did not sign.
    #[error("no token could be made: the key did not sign")]
    Signing,
}

impl KeyRing {
    /// A ring of keys with names, or of one key without.
    ///
    /// The last by name that has been seen for [`TokenRules::settle`] signs. While there is none, it is the one before the last of
    /// those that were seen first: a process that has just started cannot know whether the others have seen the last. One key signs
    /// at once.
    /// # Errors
    /// [`RingFault`] for no key, too many, and keys that cannot be told apart by name.
    pub fn new(mut keys: Vec<NamedKey>, rules: TokenRules) -> Result<Self, RingFault> {
        if keys.len() > MOST_KEYS {
            return Err(RingFault::TooMany { count: keys.len() });
        }
        if keys.len() > 1 && keys.iter().any(|key| key.id.is_none()) {
            return Err(RingFault::Unnamed);
        }
        keys.sort_by(|one, other| one.id.cmp(&other.id));
        if let Some(id) = keys.windows(2).find(|pair| pair[0].id == pair[1].id).and_then(|pair| pair[0].id.clone()) {
            return Err(RingFault::SameName { id });
        }
        let first_seen = keys.iter().map(|key| key.first_seen).collect();
        let order = SigningOrder::new(first_seen, rules.settle).ok_or(RingFault::NoKey)?;
        Ok(Self { keys: keys.into_iter().map(Held::from).collect(), order, rules })
    }

    /// A ring of one key without a name: it signs, it checks, and a token with a `kid` is of an unknown key.
    #[must_use]
    pub fn single(key: TokenKey, rules: TokenRules) -> Self {
        let held = Held::from(NamedKey { id: None, key, first_seen: 0 });
        let order = SigningOrder::new(vec![0], rules.settle).expect("there is one key");
        Self { keys: vec![held], order, rules }
    }

    /// The ring that takes the place of this one at `now`, under the same rules.
    ///
    /// A key that was there, of the same name and content, keeps the time at which it was first seen; every other is new at `now`,
    /// whatever its `first_seen` says. A key that is not among `keys` checks nothing any more.
    /// # Errors
    /// [`RingFault`], as for [`KeyRing::new`].
    pub fn reloaded(&self, mut keys: Vec<NamedKey>, now: u64) -> Result<Self, RingFault> {
        for key in &mut keys {
            key.first_seen = self.first_seen(key).unwrap_or(now);
        }
        Self::new(keys, self.rules.clone())
    }

    /// The key that signs at `now`.
    #[must_use]
    pub fn signer(&self, now: u64) -> KeyState {
        self.state(self.order.signer(now), now)
    }

    /// Every key at `now`, in the order of their names.
    #[must_use]
    pub fn overview(&self, now: u64) -> Vec<KeyState> {
        (0..self.keys.len()).map(|position| self.state(position, now)).collect()
    }

    /// Makes a token for `client` that is good from `now` (seconds since the Unix epoch) for the whole `ttl`.
    ///
    /// # Errors
    /// [`MintFault`] when the system fails us.
    pub fn mint(&self, client: &ClientName, now: u64) -> Result<Minted, MintFault> {
        let mut id = [0; 16];
        aws_lc_rs::rand::fill(&mut id).map_err(|_| MintFault::NoRandom)?;
        let expires_in = self.rules.ttl.as_secs();
        let claims = Written {
            iss: self.rules.issuer.as_str().into(),
            sub: client.as_str().into(),
            aud: self.rules.audience.as_deref().map(Into::into),
            iat: now,
            nbf: None,
            exp: now.saturating_add(expires_in),
            jti: URL_SAFE_NO_PAD.encode(id).into(),
        };
        let claims = serde_json::to_vec(&claims).map_err(|_| MintFault::Signing)?;
        let signer = &self.keys[self.order.signer(now)];
        let mut token = String::with_capacity(signer.header.len() + claims.len() * 2 + 100);
        token.push_str(&signer.header);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims, &mut token);
        let signature = signer.key.sign(token.as_bytes()).map_err(|_| MintFault::Signing)?;
        token.push('.');
        token.push_str(&signature);
        Ok(Minted { token, expires_in })
    }

    /// Checks a token at `now`, in seconds since the Unix epoch: shape, header, signature, then claims. It is refused from the
    /// second of its `exp` on. What it says about keys (`jku`, `jwk`, `x5c`) is never followed but refused.
    ///
    /// # Errors
    /// [`TokenFault`], the first that is found.
    pub fn verify(&self, token: &RawToken<'_>, now: u64) -> Result<Claims, TokenFault> {
        let parts = Parts::split(token.as_str())?;
        self.check_signature(&parts)?;
        let expected = Expected {
            issuer: &self.rules.issuer,
            audience: self.rules.audience.as_deref(),
            ttl_s: self.rules.ttl.as_secs(),
            now,
        };
        Claims::read(&token::decode(parts.claims)?, &expected)
    }

    /// A token with a `kid` is checked with that key alone; one without, with every key of its algorithm.
    fn check_signature(&self, parts: &Parts<'_>) -> Result<(), TokenFault> {
        // Nearly every token has the very header of a key here, and then nothing needs to be decoded. Two headers are alike only when
        // their keys' names are, and a key without a name is alone.
        if let Some(held) = self.keys.iter().find(|held| held.header == parts.header) {
            return held.check(parts);
        }
        let header = token::decode(parts.header)?;
        let header = Header::read(&header)?;
        if let Some(id) = &header.kid {
            let named = |held: &&Held| held.id.as_ref().is_some_and(|own| own.as_str() == id);
            let held = self.keys.iter().find(named).ok_or(TokenFault::UnknownKey)?;
            return if held.algorithm_is(&header.alg) { held.check(parts) } else { Err(TokenFault::WrongAlgorithm) };
        }
        let mut fault = TokenFault::WrongAlgorithm;
        for held in self.keys.iter().filter(|held| held.algorithm_is(&header.alg)) {
            match held.check(parts) {
                Err(TokenFault::Signature) => fault = TokenFault::Signature,
                verdict => return verdict,
            }
        }
        Err(fault)
    }

    fn state(&self, position: usize, now: u64) -> KeyState {
        let Held { id, key, .. } = &self.keys[position];
        KeyState {
            id: id.clone(),
            algorithm: key.algorithm(),
            signs: position == self.order.signer(now),
            since: id.as_ref().map(|_| self.order.first_seen(position)),
        }
    }

    /// When `key` was first seen, if it is here under the same name.
    fn first_seen(&self, key: &NamedKey) -> Option<u64> {
        let is_here = |held: &Held| held.id == key.id && held.key.is_same_as(&key.key);
        self.keys.iter().position(is_here).map(|position| self.order.first_seen(position))
    }
}

impl Held {
    fn check(&self, parts: &Parts<'_>) -> Result<(), TokenFault> {
        match self.key.check(parts.signature, parts.message.as_bytes()) {
            Ok(true) => Ok(()),
            Ok(false) => Err(TokenFault::Signature),
            Err(_) => Err(TokenFault::Malformed),
        }
    }

    fn algorithm_is(&self, name: &str) -> bool {
        self.key.algorithm().name() == name
    }
}

impl From<NamedKey> for Held {
    fn from(named: NamedKey) -> Self {
        let NamedKey { id, key, .. } = named;
        let algorithm = key.algorithm().name();
        let header = match &id {
            Some(id) => format!(r#"{{"alg":"{algorithm}","typ":"JWT","kid":"{id}"}}"#),
            None => format!(r#"{{"alg":"{algorithm}","typ":"JWT"}}"#),
        };
        Self { id, key, header: URL_SAFE_NO_PAD.encode(header) }
    }
}

impl std::fmt::Debug for Minted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Minted").field("token", &"[secret]").field("expires_in", &self.expires_in).finish()
    }
}

/// The most keys of one ring: a token without a `kid` is tried with each of its algorithm.
pub const MOST_KEYS: usize = 32;

#[cfg(test)]
mod rotation_tests;
#[cfg(test)]
mod tests;
