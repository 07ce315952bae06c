//! The keys that tokens are signed and checked with. No cache of verdicts: every token is checked every time.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::auth::accounts::ClientName;
use crate::auth::bearer::RawToken;
use crate::auth::token::{self, Claims, Expected, Header, Parts, TokenFault, Written};

pub use crate::auth::key::{Algorithm, KeyFault, TokenKey};

/// What tokens say besides their client, and how long they live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRules {
    /// How long a token is good, in whole seconds (a fraction is dropped).
    pub ttl: Duration,
    /// `iss`, set and checked.
    pub issuer: String,
    /// `aud`, set and checked; when `None`, a token must not have one.
    pub audience: Option<String>,
}

/// Every key, of which one signs and all check.
#[derive(Debug)]
pub struct KeyRing {
    signing: Arc<TokenKey>,
    checking: Vec<Arc<TokenKey>>,
    /// The header of every token that `signing` signs, as it stands in the token.
    header: String,
    rules: TokenRules,
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
    /// A ring of one key without a name: it signs, it checks, and a token with a `kid` is of an unknown key.
    #[must_use]
    pub fn new(key: TokenKey, rules: TokenRules) -> Self {
        let key = Arc::new(key);
        let header = format!(r#"{{"alg":"{}","typ":"JWT"}}"#, key.algorithm().name());
        Self { checking: vec![Arc::clone(&key)], signing: key, header: URL_SAFE_NO_PAD.encode(header), rules }
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
        let mut token = String::with_capacity(self.header.len() + claims.len() * 2 + 100);
        token.push_str(&self.header);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims, &mut token);
        let signature = self.signing.sign(token.as_bytes()).map_err(|_| MintFault::Signing)?;
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

    /// Tries every key of the token's algorithm.
    fn check_signature(&self, parts: &Parts<'_>) -> Result<(), TokenFault> {
        let algorithm = self.algorithm_of(parts.header)?;
        let mut fault = TokenFault::WrongAlgorithm;
        for key in self.checking.iter().filter(|key| key.algorithm() == algorithm) {
            match key.check(parts.signature, parts.message.as_bytes()) {
                Ok(true) => return Ok(()),
                Ok(false) => fault = TokenFault::Signature,
                Err(_) => return Err(TokenFault::Malformed),
            }
        }
        Err(fault)
    }

    /// The algorithm that a header names, when the header is one that we could have written.
    fn algorithm_of(&self, header: &str) -> Result<Algorithm, TokenFault> {
        if header == self.header {
            return Ok(self.signing.algorithm());
        }
        let header = token::decode(header)?;
        let header = Header::read(&header)?;
        if header.kid.is_some() {
            return Err(TokenFault::UnknownKey);
        }
        Algorithm::ALL.into_iter().find(|known| header.alg == known.name()).ok_or(TokenFault::WrongAlgorithm)
    }
}

impl std::fmt::Debug for Minted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Minted").field("token", &"[secret]").field("expires_in", &self.expires_in).finish()
    }
}

#[cfg(test)]
mod tests;
