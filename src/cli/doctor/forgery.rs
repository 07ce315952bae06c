//! Tokens that no gate may let through, made after the pattern of a good one.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};

use crate::auth::keyring::sample_keys;
use crate::secret::Secret;

/// The claims that a token is forged with: those of a good token, or what such a token usually has.
pub(super) struct Pattern(Value);

impl Pattern {
    /// After this token, if it is a JWT; else for this user, good for five minutes.
    pub(super) fn of(token: Option<&Secret<String>>, username: &str, now_unix_s: u64) -> Self {
        let usual = || json!({ "iss": "bearergate", "sub": username, "iat": now_unix_s, "exp": now_unix_s + 300, "jti": "forged" });
        Self(token.and_then(|token| parts(token.expose())).map_or_else(usual, |(_, claims)| Value::Object(claims)))
    }

    /// A token that says that it needs no signature. Source: RFC 8725, section 2.1.
    pub(super) fn unsigned(&self) -> Secret<String> {
        let header = json!({ "alg": "none", "typ": "JWT" });
        Secret::new(format!("{}.{}.", encoded(&header), encoded(&self.0)))
    }

    /// Tokens signed with HS256 and secrets that stand in documentation.
    pub(super) fn signed_with_samples(&self) -> Vec<Secret<String>> {
        let signed = format!("{}.{}", encoded(&json!({ "alg": "HS256", "typ": "JWT" })), encoded(&self.0));
        let keys = MOST_COPIED.iter().map(|secret| secret.as_bytes().to_vec());
        let keys = keys.chain(STANDARD.decode(MOST_COPIED_BASE64));
        keys.map(|key| Secret::new(format!("{signed}.{}", tag(hmac::HMAC_SHA256, &key, &signed)))).collect()
    }
}

/// The token with one character of its signature changed; of a token that is no JWT, one in the middle.
pub(super) fn changed(token: &Secret<String>) -> Secret<String> {
    let text = token.expose();
    // Not the last character of a signature: it may hold bits that nobody reads.
    let at = match text.rfind('.') {
        Some(dot) if dot + 1 < text.len() => dot + 1,
        _ => text.len() / 2,
    };
    let changed = |(place, byte): (usize, char)| match (place == at, byte) {
        (true, 'A') => 'B',
        (true, _) => 'A',
        (false, byte) => byte,
    };
    Secret::new(text.chars().enumerate().map(changed).collect())
}

/// What is wrong with what a token is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Making {
    /// Nothing that is seen from outside.
    Sound,
    /// It is a JWT without a signature.
    Unsigned,
    /// Signed with a secret from documentation.
    SampleKey,
    /// Signed with the password or the user name.
    Credential,
    /// It is the password, or holds it.
    HoldsPassword,
    /// So short that it can be guessed.
    Short,
}

/// Looks at a token as its holder can.
pub(super) fn making(token: &Secret<String>, username: &str, password: &Secret<String>) -> Making {
    let (text, password) = (token.expose().as_str(), password.expose().as_str());
    let held = |text: &str| !password.is_empty() && text.contains(password);
    if held(text) || text.contains(&STANDARD.encode(format!("{username}:{password}"))) {
        return Making::HoldsPassword;
    }
    let Some((header, claims)) = parts(text) else {
        return if text.len() < SHORTEST { Making::Short } else { Making::Sound };
    };
    if held(&Value::Object(claims).to_string()) {
        return Making::HoldsPassword;
    }
    let hash = match header.get("alg").and_then(Value::as_str) {
        Some("HS256") => hmac::HMAC_SHA256,
        Some("HS384") => hmac::HMAC_SHA384,
        Some("HS512") => hmac::HMAC_SHA512,
        Some(none) if none.eq_ignore_ascii_case("none") => return Making::Unsigned,
        _ => return Making::Sound,
    };
    let Some((signed, given)) = text.rsplit_once('.') else { return Making::Sound };
    if given.is_empty() {
        return Making::Unsigned;
    }
    let fits = |key: &[u8]| !key.is_empty() && tag(hash, key, signed) == given;
    let samples = sample_keys().iter().chain(&MOST_COPIED).copied().chain([MOST_COPIED_BASE64]);
    for sample in samples {
        let decoded = STANDARD.decode(sample).unwrap_or_default();
        if fits(sample.as_bytes()) || fits(&decoded) {
            return Making::SampleKey;
        }
    }
    if fits(password.as_bytes()) || fits(username.as_bytes()) { Making::Credential } else { Making::Sound }
}

/// Header and claims of a JWT.
fn parts(token: &str) -> Option<(Map<String, Value>, Map<String, Value>)> {
    let mut parts = token.split('.');
    let (header, claims, _) = (parts.next()?, parts.next()?, parts.next()?);
    let read = |part: &str| match serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()? {
        Value::Object(members) => Some(members),
        _ => None,
    };
    Some((read(header)?, read(claims)?))
}

fn encoded(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn tag(hash: hmac::Algorithm, key: &[u8], signed: &str) -> String {
    URL_SAFE_NO_PAD.encode(hmac::sign(&hmac::Key::new(hash, key), signed.as_bytes()))
}

/// The most copied secrets: of jwt.io, and the password of the network's own documentation sample, both as text.
const MOST_COPIED: [&str; 3] =
    ["your-256-bit-secret", "a-string-secret-at-least-256-bits-long", "Y3VzdG9tZXItdmlldHFydGVzdC11c2VyMjQ2OA=="];
/// The most copied secret of tutorials for Spring, whose library decodes it.
const MOST_COPIED_BASE64: &str = "404E635266556A586E3272357538782F413F4428472B4B6250645367566B5970";
/// 16 characters of Base64 are 96 bits.
const SHORTEST: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    fn signed(alg: &str, hash: hmac::Algorithm, key: &[u8], claims: &Value) -> Secret<String> {
        let signed = format!("{}.{}", encoded(&json!({ "alg": alg })), encoded(claims));
        secret(&format!("{signed}.{}", tag(hash, key, &signed)))
    }

    #[test]
    fn one_character_of_the_signature_is_changed() {
        for (token, expected) in
            [("aa.bb.cc", "aa.bb.Ac"), ("aa.bb.Ac", "aa.bb.Bc"), ("opaque-token", "opaqueAtoken"), ("aa.bb.", "aa.Ab.")]
        {
            assert_eq!(changed(&secret(token)).expose(), expected, "{token}");
        }
    }

    #[test]
    fn a_forgery_keeps_the_claims_of_its_pattern() {
        let good = signed("HS256", hmac::HMAC_SHA256, b"a good key", &json!({ "sub": "u", "exp": 5 }));
        let pattern = Pattern::of(Some(&good), "other", 1);
        let (header, claims) = parts(pattern.unsigned().expose()).expect("a JWT");
        assert_eq!((&header["alg"], &claims["sub"], &claims["exp"]), (&json!("none"), &json!("u"), &json!(5)));
        for forged in pattern.signed_with_samples() {
            assert_eq!(making(&forged, "u", &secret("a long password")), Making::SampleKey);
        }
        assert_eq!(Pattern::of(Some(&secret("opaque")), "me", 7).0["sub"], "me");
        assert_eq!(Pattern::of(None, "me", 7).0["exp"], 307);
    }

    #[test]
    fn what_a_token_is_made_of_is_seen() {
        let claims = json!({ "sub": "u" });
        let password = secret("kx7-Wm2:pQ9 rT4");
        let hs = |key: &[u8]| signed("HS256", hmac::HMAC_SHA256, key, &claims);
        let none = secret(&format!("{}.{}.", encoded(&json!({ "alg": "None" })), encoded(&claims)));
        let telling = signed("HS256", hmac::HMAC_SHA256, b"k", &json!({ "pw": "kx7-Wm2:pQ9 rT4" }));
        for (token, expected) in [
            (hs(b"0123456789-0123456789-0123456789"), Making::Sound),
            (hs(b"your-256-bit-secret"), Making::SampleKey),
            (hs(&STANDARD.decode(MOST_COPIED_BASE64).expect("Base64")), Making::SampleKey),
            (signed("HS512", hmac::HMAC_SHA512, b"your-512-bit-secret", &claims), Making::SampleKey),
            (hs(b"kx7-Wm2:pQ9 rT4"), Making::Credential),
            (none, Making::Unsigned),
            (telling, Making::HoldsPassword),
            (secret("kx7-Wm2:pQ9 rT4"), Making::HoldsPassword),
            (secret("abc"), Making::Short),
            (secret("q2w3e4r5t6z7u8i9"), Making::Sound),
        ] {
            assert_eq!(making(&token, "vietqr-live", &password), expected, "{}", token.expose());
        }
    }
}
