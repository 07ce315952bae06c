//! What a token of ours looks like inside, and what is refused before and after its signature is checked.
//!
//! Strict on purpose: only this program writes these tokens, so everything it would not have written is refused.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize};

/// What a verified token says. Only `KeyRing::verify` makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    client_name: String,
    token_id: String,
    expires_at: u64,
}

/// Why a token is refused. Outside they all look alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenFault {
    /// Not three parts of canonical unpadded Base64url.
    #[error("the token is not three parts of Base64url")]
    Malformed,
    /// Over [`MAX_TOKEN`] bytes.
    #[error("the token is over 8 KiB")]
    TooLong,
    /// The header is not exactly `alg`, `typ: "JWT"` and maybe `kid`.
    #[error("the token's header holds something else than alg, typ JWT and kid")]
    Header,
    /// A `kid` that names no key.
    #[error("the token names a key that is not here")]
    UnknownKey,
    /// An algorithm that no key here has, such as `none`.
    #[error("the token is of another algorithm than the key")]
    WrongAlgorithm,
    /// Forged, damaged, or signed with another key.
    #[error("the token's signature is not ours")]
    Signature,
    /// Signed by us, but a claim is missing, doubled, empty or of the wrong type.
    #[error("a claim of the token is missing, doubled, empty or of the wrong type")]
    Claims,
    /// The time is at or past `exp`.
    #[error("the token expired {ago_s} s ago")]
    Expired {
        /// How long ago, in seconds.
        ago_s: u64,
    },
    /// `iat` or `nbf` is more than [`AHEAD_S`] seconds ahead.
    #[error("the token is from the future; compare the clocks of the replicas")]
    NotYet,
    /// It was made for longer than `TOKEN_TTL`.
    #[error("the token was made for longer than TOKEN_TTL")]
    TooLongLived,
    /// Another `iss`.
    #[error("the token is of another issuer")]
    Issuer,
    /// Another `aud`, one where none is configured, or none where one is.
    #[error("the token is for another audience")]
    Audience,
}

/// What a token is held against.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) audience: Option<&'a str>,
    pub(super) ttl_s: u64,
    pub(super) now: u64,
}

/// The header of a token, as far as it may say anything. Everything else (`crit`, `b64`, `jku`, `jwk`, `x5c`, `zip`) is refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header<'a> {
    #[serde(borrow)]
    pub(super) alg: Cow<'a, str>,
    #[serde(borrow)]
    typ: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(super) kid: Option<Cow<'a, str>>,
}

/// The claims as they are written. Numbers are whole seconds; a doubled claim is refused, an unknown one ignored (RFC 7519,
/// section 4).
#[derive(Serialize, Deserialize)]
pub(super) struct Written<'a> {
    #[serde(borrow)]
    pub(super) iss: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) sub: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub(super) aud: Option<Cow<'a, str>>,
    pub(super) iat: u64,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub(super) nbf: Option<u64>,
    pub(super) exp: u64,
    #[serde(borrow)]
    pub(super) jti: Cow<'a, str>,
}

/// A token taken apart; nothing of it is trusted yet.
#[derive(Clone, Copy)]
pub(super) struct Parts<'a> {
    pub(super) header: &'a str,
    pub(super) claims: &'a str,
    pub(super) signature: &'a str,
    /// What was signed: header, dot, claims.
    pub(super) message: &'a str,
}

impl Claims {
    /// The client it was issued to, the token's `sub`. Whether that client is still there is for `Accounts::find` to say.
    #[must_use]
    pub fn client_name(&self) -> &str {
        &self.client_name
    }

    /// The token's own name, its `jti`. Not a secret: it opens nothing.
    #[must_use]
    pub fn token_id(&self) -> &str {
        &self.token_id
    }

    /// The first second at which the token is no longer good, since the Unix epoch.
    #[must_use]
    pub const fn expires_at(&self) -> u64 {
        self.expires_at
    }

    /// Reads the claims of a token whose signature is ours, with every check after the signature's.
    pub(super) fn read(json: &[u8], expected: &Expected<'_>) -> Result<Self, TokenFault> {
        let written: Written<'_> = object(json).ok_or(TokenFault::Claims)?;
        written.held_against(expected)
    }
}

impl<'a> Parts<'a> {
    pub(super) fn split(token: &'a str) -> Result<Self, TokenFault> {
        if token.len() > MAX_TOKEN {
            return Err(TokenFault::TooLong);
        }
        let (message, signature) = token.rsplit_once('.').ok_or(TokenFault::Malformed)?;
        let (header, claims) = message.split_once('.').ok_or(TokenFault::Malformed)?;
        if header.is_empty() || claims.is_empty() || claims.contains('.') {
            return Err(TokenFault::Malformed);
        }
        Ok(Self { header, claims, signature, message })
    }
}

impl<'a> Header<'a> {
    /// Reads the header of a token, of which nothing is trusted yet.
    pub(super) fn read(json: &'a [u8]) -> Result<Self, TokenFault> {
        let header: Self = object(json).ok_or(TokenFault::Header)?;
        if header.typ == "JWT" { Ok(header) } else { Err(TokenFault::Header) }
    }
}

impl Written<'_> {
    fn held_against(self, expected: &Expected<'_>) -> Result<Claims, TokenFault> {
        if self.sub.is_empty() || self.jti.is_empty() || self.exp <= self.iat {
            return Err(TokenFault::Claims);
        }
        if self.iss != expected.issuer {
            return Err(TokenFault::Issuer);
        }
        if self.aud.as_deref() != expected.audience {
            return Err(TokenFault::Audience);
        }
        if self.exp - self.iat > expected.ttl_s {
            return Err(TokenFault::TooLongLived);
        }
        let latest = expected.now.saturating_add(AHEAD_S);
        if self.iat > latest || self.nbf.is_some_and(|not_before| not_before > latest) {
            return Err(TokenFault::NotYet);
        }
        if expected.now >= self.exp {
            return Err(TokenFault::Expired { ago_s: expected.now - self.exp });
        }
        Ok(Claims { client_name: self.sub.into_owned(), token_id: self.jti.into_owned(), expires_at: self.exp })
    }
}

/// The bytes of one part, which must be canonical: no padding, no stray bits at its end.
pub(super) fn decode(part: &str) -> Result<Vec<u8>, TokenFault> {
    // Not `decode`: it asks for memory of zeros.
    let mut bytes = Vec::with_capacity(part.len());
    URL_SAFE_NO_PAD.decode_vec(part, &mut bytes).map_err(|_| TokenFault::Malformed)?;
    Ok(bytes)
}

/// Reads a JSON object and nothing else: serde also takes an array of a struct's members in their order.
fn object<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Option<T> {
    json.trim_ascii_start().starts_with(b"{").then(|| serde_json::from_slice(json).ok())?
}

/// A member that may be left out, but is not `null` when it is there.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

/// The longest token that is looked at, in bytes.
pub const MAX_TOKEN: usize = 8 * 1024;

/// How far `iat` and `nbf` may lie ahead, in seconds: what clocks of replicas may differ. Nothing is forgiven for `exp`.
pub const AHEAD_S: u64 = 5;

#[cfg(test)]
mod tests {
    use super::*;

    use TokenFault::{Audience, Claims as BadClaims, Header as BadHeader, Issuer, NotYet, TooLongLived};

    const NOW: u64 = 1_700_000_000;

    fn read(claims: &str, audience: Option<&str>) -> Option<TokenFault> {
        let expected = Expected { issuer: "bearergate", audience, ttl_s: 300, now: NOW };
        Claims::read(claims.as_bytes(), &expected).err()
    }

    /// The claims of a good token, `change`d.
    fn claims(change: impl FnOnce(&mut serde_json::Map<String, serde_json::Value>)) -> String {
        let good =
            serde_json::json!({ "iss": "bearergate", "sub": "vietqr", "iat": NOW, "exp": NOW + 300, "jti": "1" });
        let serde_json::Value::Object(mut members) = good else { panic!("an object") };
        change(&mut members);
        serde_json::Value::Object(members).to_string()
    }

    fn with(name: &str, json: &str) -> String {
        claims(|members| drop(members.insert(name.to_owned(), serde_json::from_str(json).expect("json"))))
    }

    fn without(name: &str) -> String {
        claims(|members| drop(members.remove(name)))
    }

    #[test]
    fn claims_that_we_would_not_have_written_are_refused_though_we_signed_them() {
        let good = claims(|_| ());
        for (claims, fault) in [
            (without("exp"), Some(BadClaims)),
            (with("exp", &format!("\"{}\"", NOW + 300)), Some(BadClaims)),
            (with("exp", "1700000300.0"), Some(BadClaims)),
            (with("exp", "1700000300.5"), Some(BadClaims)),
            (with("exp", "1.7e9"), Some(BadClaims)),
            (with("exp", "-1"), Some(BadClaims)),
            (with("exp", "1e300"), Some(BadClaims)),
            (with("exp", "18446744073709551616"), Some(BadClaims)),
            (with("exp", "18446744073709551615"), Some(TooLongLived)),
            (with("exp", "null"), Some(BadClaims)),
            (with("exp", "true"), Some(BadClaims)),
            (with("exp", "0"), Some(BadClaims)),
            (with("exp", "1700000000"), Some(BadClaims)),
            (with("exp", "1700000301"), Some(TooLongLived)),
            (good.replacen('{', r#"{"exp":1700000300,"#, 1), Some(BadClaims)),
            (without("iat"), Some(BadClaims)),
            (with("iat", "1700000005"), None),
            (with("iat", "1700000006"), Some(NotYet)),
            (with("iat", "1699999999"), Some(TooLongLived)),
            (with("iat", "\"1700000000\""), Some(BadClaims)),
            (with("nbf", "1700000005"), None),
            (with("nbf", "1700000006"), Some(NotYet)),
            (with("nbf", "\"1700000000\""), Some(BadClaims)),
            (with("nbf", "null"), Some(BadClaims)),
            (without("iss"), Some(BadClaims)),
            (with("iss", "\"\""), Some(Issuer)),
            (with("iss", "\"Bearergate\""), Some(Issuer)),
            (with("iss", "[\"bearergate\"]"), Some(BadClaims)),
            (without("sub"), Some(BadClaims)),
            (with("sub", "\"\""), Some(BadClaims)),
            (with("sub", "1"), Some(BadClaims)),
            (without("jti"), Some(BadClaims)),
            (with("jti", "\"\""), Some(BadClaims)),
            (with("aud", "\"partner\""), Some(Audience)),
            (with("aud", "\"\""), Some(Audience)),
            (with("aud", "null"), Some(BadClaims)),
            (with("aud", "[]"), Some(BadClaims)),
            (with("later", "{\"a\":[1]}"), None),
            ("null".to_owned(), Some(BadClaims)),
            ("[]".to_owned(), Some(BadClaims)),
            (String::from("{}"), Some(BadClaims)),
            (good.clone() + "x", Some(BadClaims)),
            (format!("{{\"deep\":{}{}}}", "[".repeat(2000), "]".repeat(2000)), Some(BadClaims)),
            (good, None),
        ] {
            assert_eq!(read(&claims, None), fault, "{claims}");
        }
    }

    #[test]
    fn the_header_is_an_object() {
        for (header, fault) in [
            (r#"{"alg":"HS256","typ":"JWT"}"#, None),
            (r#" {"typ":"JWT","alg":"HS256"}"#, None),
            (r#"["HS256","JWT"]"#, Some(BadHeader)),
            (r#" ["HS256","JWT"]"#, Some(BadHeader)),
            (r#"["HS256","JWT","1"]"#, Some(BadHeader)),
            ("null", Some(BadHeader)),
            ("", Some(BadHeader)),
        ] {
            assert_eq!(Header::read(header.as_bytes()).err(), fault, "{header}");
        }
    }

    #[test]
    fn the_audience_is_compared_exactly() {
        for (claims, fault) in [
            (r#"["bearergate","vietqr","partner",1700000000,1700000000,1700000300,"1"]"#.to_owned(), Some(BadClaims)),
            (with("aud", "\"partner\""), None),
            (with("aud", "\"Partner\""), Some(Audience)),
            (with("aud", "\"other\""), Some(Audience)),
            (with("aud", "[\"partner\"]"), Some(BadClaims)),
            (without("aud"), Some(Audience)),
        ] {
            assert_eq!(read(&claims, Some("partner")), fault, "{claims}");
        }
    }
}
