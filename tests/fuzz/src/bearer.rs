//! Bearer tokens: nothing verifies that was not minted by a holder of the key, and nothing that says other than what we mint.

use std::sync::LazyLock;
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bearergate::auth::accounts::ClientName;
use bearergate::auth::bearer;
use bearergate::auth::keyring::{Algorithm, KeyRing, TokenKey, TokenRules};
use bearergate::secret::Secret;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use serde_json::Value;

const KEY: &str = "fuzz-key-5f0c9d2ab47e81366ce2f1d09a8b7c54";
const NOW: u64 = 1_800_000_000;
const TTL_S: u64 = 300;

/// The first byte says what the rest is: the field as it is, a header and claims to be signed with the right key, or damage to a token of
/// ours.
pub fn holds(data: &[u8]) {
    let [kind, rest @ ..] = data else { return };
    match kind % 4 {
        0 => field(rest),
        1 => signed(rest),
        _ => damaged(usize::from(kind % 2), rest),
    }
}

/// Whatever stands in the field, only our key's signature makes it a token.
fn field(value: &[u8]) {
    let Some(token) = presented(value) else { return };
    let ring = &RINGS[0].0;
    let Some(verified) = verifies(ring, value) else { return };
    assert!(verified.is_none() || is_signed(&token), "a token that nobody signed: {token}");
}

/// The right key vouches for everything; what is left to refuse is what it says.
fn signed(rest: &[u8]) {
    let Some(at) = rest.iter().position(|byte| *byte == b'\n') else { return };
    let (header, claims) = (&rest[..at], &rest[at + 1..]);
    let token = sign(header, claims);
    let Some(verified) = verifies(&RINGS[0].0, format!("Bearer {token}").as_bytes()) else { return };
    let expected = header_is_ours(header).then(|| name_in(claims)).flatten();
    if let Some(name) = &verified {
        assert_eq!(expected.as_ref(), Some(name), "a token that we would not have written: {token}");
    }
}

/// A token of ours with bytes changed, cut or added verifies only when it still says the same.
fn damaged(ring: usize, damage: &[u8]) {
    let (ring, minted) = &RINGS[ring];
    let mut token = minted.clone().into_bytes();
    for change in damage.chunks_exact(3).take(4) {
        let at = (usize::from(change[0]) << 4 | usize::from(change[1] >> 4)) % token.len().max(1);
        match change[1] % 4 {
            0 => token.truncate(at),
            1 => token.insert(at.min(token.len()), change[2]),
            _ if at < token.len() => token[at] = change[2],
            _ => token.push(change[2]),
        }
    }
    // More blanks before a token are none of it. Source: RFC 9110, section 11.4.
    let blanks = token.iter().take_while(|byte| **byte == b' ').count();
    let same = token[blanks..] == *minted.as_bytes();
    let Some(verified) = verifies(ring, &[b"Bearer ", &token[..]].concat()) else { return };
    assert_eq!(verified.is_some(), same, "{}", String::from_utf8_lossy(&token));
}

/// One token of each kind of key, and the ring that checks it.
static RINGS: LazyLock<[(KeyRing, String); 2]> = LazyLock::new(|| {
    let generated = TokenKey::generate(Algorithm::EdDsa).expect("the system gives random bytes");
    [Secret::new(KEY.to_owned()), generated].map(|text| {
        let key = TokenKey::parse(&text).expect("a good key");
        let rules = TokenRules {
            ttl: Duration::from_secs(TTL_S),
            issuer: "bearergate".to_owned(),
            audience: None,
            settle: Duration::ZERO,
        };
        let ring = KeyRing::single(key, rules);
        let client = ClientName::parse("vietqr").expect("a good name");
        let minted = ring.mint(&client, NOW).expect("the key signs");
        (ring, minted.token)
    })
});

/// The client of the token in this field, when it is good; `None` when it is no field at all.
#[expect(clippy::option_option, reason = "no field, no good token, or a client's name")]
fn verifies(ring: &KeyRing, field: &[u8]) -> Option<Option<String>> {
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, HeaderValue::from_bytes(field).ok()?);
    let token = bearer::parse(&headers).ok()?;
    Some(ring.verify(&token, NOW).ok().map(|claims| claims.client_name().to_owned()))
}

fn presented(field: &[u8]) -> Option<String> {
    let text = str::from_utf8(field).ok()?;
    let scheme = text.get(..7)?;
    scheme.eq_ignore_ascii_case("bearer ").then(|| text[7..].trim_start_matches(' ').to_owned())
}

fn is_signed(token: &str) -> bool {
    let Some((message, _)) = token.rsplit_once('.') else { return false };
    format!("{message}.{}", signature(message)) == token
}

fn sign(header: &[u8], claims: &[u8]) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = signature(&message);
    format!("{message}.{signature}")
}

fn signature(message: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, KEY.as_bytes());
    URL_SAFE_NO_PAD.encode(hmac::sign(&key, message.as_bytes()))
}

fn header_is_ours(header: &[u8]) -> bool {
    let Ok(Value::Object(members)) = serde_json::from_slice(header) else { return false };
    let is = |name: &str, value: &str| members.get(name).is_some_and(|member| member == value);
    members.len() == 2 && is("alg", "HS256") && is("typ", "JWT")
}

/// Whose the claims are, when each says what the contract's section 2 asks.
fn name_in(claims: &[u8]) -> Option<String> {
    let Ok(Value::Object(members)) = serde_json::from_slice(claims) else { return None };
    let (iat, exp) = (members.get("iat")?.as_u64()?, members.get("exp")?.as_u64()?);
    let not_before = members.get("nbf").map_or(Some(0), Value::as_u64)?;
    let sub = members.get("sub")?.as_str()?;
    let good = members.get("iss")? == "bearergate"
        && !members.contains_key("aud")
        && !members.get("jti")?.as_str()?.is_empty()
        && !sub.is_empty()
        && iat < exp
        && exp - iat <= TTL_S
        && NOW < exp
        && iat <= NOW + 5
        && not_before <= NOW + 5;
    good.then(|| sub.to_owned())
}
