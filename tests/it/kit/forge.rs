//! Tokens made by hand: any header, any claims, any key. None of the sidecar's own code takes part.

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

/// The header of an ordinary token.
pub(crate) const HS256: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

/// The claims of an ordinary token of `sub`, issued at `now` for 300 s.
pub(crate) fn claims(sub: &str, now: u64) -> Value {
    json!({ "iss": "bearergate", "sub": sub, "iat": now, "exp": now + 300, "jti": "forged-1" })
}

/// An ordinary token with these claims.
pub(crate) fn hs256(claims: &Value, key: &[u8]) -> String {
    token(HS256, &claims.to_string(), key)
}

/// A token with this header and these claims, byte for byte, under an HS256 signature whatever the header says.
pub(crate) fn token(header: &str, claims: &str, key: &[u8]) -> String {
    signed_by(header, claims, |message| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message).as_ref().to_vec())
}

/// A token with this header and these claims, byte for byte, and what `sign` makes of them as its signature.
pub(crate) fn signed_by(header: &str, claims: &str, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let signed = format!("{}.{}", encode(header), encode(claims));
    let signature = sign(signed.as_bytes());
    format!("{signed}.{}", encode(signature))
}

/// A token with this header and these claims and an empty signature.
pub(crate) fn unsigned(header: &str, claims: &str) -> String {
    format!("{}.{}.", encode(header), encode(claims))
}

/// Base64url without padding, as each part of a token is written.
pub(crate) fn encode(part: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(part)
}

/// Part `at` of a token (0 header, 1 claims), decoded and parsed.
///
/// # Panics
/// When the token has no such part of JSON.
pub(crate) fn part(token: &str, at: usize) -> Value {
    let part = token.split('.').nth(at).unwrap_or_else(|| panic!("a token has three parts"));
    let bytes = URL_SAFE_NO_PAD.decode(part).unwrap_or_else(|fault| panic!("part {at} is not base64url: {fault}"));
    serde_json::from_slice(&bytes).unwrap_or_else(|fault| panic!("part {at} is not JSON: {fault}"))
}
