//! One key: what is minted and what is refused.

use super::*;
use crate::secret::Secret;
use proptest::prelude::*;

use TokenFault::{
    Claims as BadClaims, Expired, Header as BadHeader, Malformed, NotYet, Signature, TooLong, UnknownKey,
    WrongAlgorithm,
};

const NOW: u64 = 1_700_000_000;
const HS256: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

fn key(text: &str) -> TokenKey {
    TokenKey::parse(&Secret::new(text.to_owned())).expect("a key")
}

fn hmac() -> TokenKey {
    key("k3y of the tests, 32 bytes or more")
}

fn generated(algorithm: Algorithm) -> TokenKey {
    TokenKey::parse(&TokenKey::generate(algorithm).expect("a key")).expect("a key")
}

fn rules(audience: Option<&str>) -> TokenRules {
    TokenRules {
        ttl: Duration::from_secs(300),
        issuer: "bearergate".to_owned(),
        audience: audience.map(str::to_owned),
        settle: Duration::from_secs(300),
    }
}

fn ring(key: TokenKey) -> KeyRing {
    KeyRing::single(key, rules(None))
}

fn client() -> ClientName {
    ClientName::parse("vietqr-live").expect("a name")
}

fn signed(key: &TokenKey, header: &str, claims: &str) -> String {
    let message = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part)).join(".");
    let signature = key.sign(message.as_bytes()).expect("a signature");
    format!("{message}.{signature}")
}

/// The claims of a good token.
fn claims() -> String {
    format!(r#"{{"iss":"bearergate","sub":"vietqr","iat":{NOW},"exp":{},"jti":"1"}}"#, NOW + 300)
}

fn verified(ring: &KeyRing, token: &str) -> Result<Claims, TokenFault> {
    ring.verify(&RawToken::of(token), NOW)
}

#[test]
fn what_is_minted_is_verified_by_every_kind_of_key() {
    for algorithm in Algorithm::ALL {
        for audience in [None, Some("partner")] {
            let ring = KeyRing::single(generated(algorithm), rules(audience));
            let minted = ring.mint(&client(), NOW).expect("a token");
            let claims = verified(&ring, &minted.token).expect("a good token");
            assert_eq!(minted.expires_in, 300);
            assert_eq!((claims.client_name(), claims.expires_at()), ("vietqr-live", NOW + 300), "{algorithm:?}");
            assert_eq!(claims.token_id().len(), 22);
            assert!(!format!("{minted:?} {ring:?}").contains(&minted.token));
        }
    }
}

#[test]
fn a_token_is_written_as_the_contract_says() {
    let ring = KeyRing::single(hmac(), rules(Some("partner")));
    let token = ring.mint(&client(), NOW).expect("a token").token;
    let part = |at| URL_SAFE_NO_PAD.decode(token.split('.').nth(at).expect("a part")).expect("Base64url");
    assert_eq!(part(0), HS256.as_bytes());
    let claims: serde_json::Value = serde_json::from_slice(&part(1)).expect("json");
    let id = claims["jti"].clone();
    let expected = serde_json::json!({
        "iss": "bearergate", "sub": "vietqr-live", "aud": "partner", "iat": NOW, "exp": NOW + 300, "jti": id
    });
    assert_eq!(claims, expected);
}

#[test]
fn a_token_of_300_seconds_is_refused_at_second_300() {
    let ring = ring(hmac());
    let token = ring.mint(&client(), NOW).expect("a token").token;
    let at = |now| ring.verify(&RawToken::of(&token), now).err();
    for (now, fault) in [
        (NOW - 3600, Some(NotYet)),
        (NOW - 6, Some(NotYet)),
        (NOW - 5, None),
        (NOW, None),
        (NOW + 299, None),
        (NOW + 300, Some(Expired { ago_s: 0 })),
        (NOW + 301, Some(Expired { ago_s: 1 })),
        (NOW + 360, Some(Expired { ago_s: 60 })),
        (u64::MAX, Some(Expired { ago_s: u64::MAX - NOW - 300 })),
        (0, Some(NotYet)),
    ] {
        assert_eq!(at(now), fault, "{now}");
    }
}

#[test]
fn a_header_that_we_would_not_have_written_is_refused() {
    let (ring, key) = (ring(hmac()), hmac());
    for (header, fault) in [
        (r#"{"alg":"none","typ":"JWT"}"#, WrongAlgorithm),
        (r#"{"alg":"None","typ":"JWT"}"#, WrongAlgorithm),
        (r#"{"alg":"","typ":"JWT"}"#, WrongAlgorithm),
        (r#"{"alg":"hs256","typ":"JWT"}"#, WrongAlgorithm),
        (r#"{"alg":"HS384","typ":"JWT"}"#, WrongAlgorithm),
        (r#"{"alg":"HS512","typ":"JWT"}"#, WrongAlgorithm),
        (r#"{"alg":"RS256","typ":"JWT"}"#, WrongAlgorithm),
        (r#"{"alg":"ES256","typ":"JWT"}"#, WrongAlgorithm),
        (r#"{"alg":"EdDSA","typ":"JWT"}"#, WrongAlgorithm),
        (r#"{"alg":null,"typ":"JWT"}"#, BadHeader),
        (r#"{"alg":["HS256"],"typ":"JWT"}"#, BadHeader),
        (r#"{"alg":"HS256","alg":"HS256","typ":"JWT"}"#, BadHeader),
        (r#"{"typ":"JWT"}"#, BadHeader),
        (r#"{"alg":"HS256"}"#, BadHeader),
        (r#"{"alg":"HS256","typ":"jwt"}"#, BadHeader),
        (r#"{"alg":"HS256","typ":"at+jwt"}"#, BadHeader),
        (r#"{"alg":"HS256","typ":"JWT","cty":"JWT"}"#, BadHeader),
        (r#"{"alg":"HS256","typ":"JWT","crit":["exp"]}"#, BadHeader),
        (r#"{"alg":"HS256","typ":"JWT","crit":[]}"#, BadHeader),
        (r#"{"alg":"HS256","typ":"JWT","b64":false}"#, BadHeader),
        (r#"{"alg":"HS256","typ":"JWT","b64":false,"crit":["b64"]}"#, BadHeader),
        (r#"{"alg":"HS256","typ":"JWT","jku":"http://127.0.0.1/keys"}"#, BadHeader),
        (r#"{"alg":"HS256","typ":"JWT","jwk":{"kty":"oct","k":"AA"}}"#, BadHeader),
        (r#"{"alg":"HS256","typ":"JWT","x5c":["AA"]}"#, BadHeader),
        (r#"{"alg":"HS256","typ":"JWT","x5u":"http://127.0.0.1/"}"#, BadHeader),
        (r#"{"alg":"HS256","typ":"JWT","zip":"DEF"}"#, BadHeader),
        (r#"{"alg":"HS256","typ":"JWT","kid":"1"}"#, UnknownKey),
        (r#"{"alg":"HS256","typ":"JWT","kid":"../../dev/null"}"#, UnknownKey),
        (r#"{"alg":"HS256","typ":"JWT","kid":""}"#, UnknownKey),
        (r#"{"alg":"HS256","typ":"JWT","kid":null}"#, BadHeader),
        (r#"{"alg":"HS256","typ":"JWT"} x"#, BadHeader),
        (r#"["HS256","JWT",1,2]"#, BadHeader),
        ("null", BadHeader),
        ("{", BadHeader),
        ("\u{feff}{}", BadHeader),
    ] {
        assert_eq!(verified(&ring, &signed(&key, header, &claims())).err(), Some(fault), "{header}");
    }
    let spaced = r#"{ "typ": "JWT", "alg": "HS256" }"#;
    assert_eq!(verified(&ring, &signed(&key, spaced, &claims())).err(), None, "the same header, written otherwise");
}

#[test]
fn what_is_not_three_canonical_parts_is_refused() {
    let ring = ring(hmac());
    let token = ring.mint(&client(), NOW).expect("a token").token;
    let (message, signature) = token.rsplit_once('.').expect("three parts");
    let nested = signed(&hmac(), HS256, &token);
    // The last character of 32 bytes carries 4 bits of the signature and 2 that must be 0.
    let stray = ["A", "E", "I", "M", "Q", "U", "Y", "c", "g", "k", "o", "s", "w", "0", "4", "8"];
    let at = stray.iter().position(|last| signature.ends_with(last)).expect("a canonical last character");
    let noncanonical = format!(
        "{message}.{}{}",
        &signature[..42],
        ["B", "F", "J", "N", "R", "V", "Z", "d", "h", "l", "p", "t", "x", "1", "5", "9"][at]
    );
    for (text, fault) in [
        (String::new(), Malformed),
        ("null".to_owned(), Malformed),
        ("undefined".to_owned(), Malformed),
        (".".to_owned(), Malformed),
        ("..".to_owned(), Malformed),
        ("...".to_owned(), Malformed),
        ("a.b.c".to_owned(), Malformed),
        (format!("{token}."), Malformed),
        (format!(".{token}"), Malformed),
        (format!("{token}.x"), Malformed),
        (format!("{token}.{signature}"), Malformed),
        (message.to_owned(), Malformed),
        (format!("{message}."), Signature),
        (format!("{token}="), Malformed),
        (format!("{token}=="), Malformed),
        (token.replacen('.', "=.", 1), Malformed),
        (format!(" {token}"), Malformed),
        (format!("{token} "), Malformed),
        (format!("{token}\n"), Malformed),
        (format!("{token}, {token}"), Malformed),
        (format!("Bearer {token}"), Malformed),
        (format!("\"{token}\""), Malformed),
        (noncanonical, Malformed),
        // Of a length that no bytes have; 42 would be canonical for one signature in 16.
        (format!("{message}.{}", &signature[..41]), Malformed),
        (format!("{message}.{}", &signature[..40]), Signature),
        (format!("{message}.{}", "A".repeat(43)), Signature),
        (format!("{message}.đ"), Malformed),
        (nested, BadClaims),
        ("a".repeat(8 * 1024), Malformed),
        ("a".repeat(8 * 1024 + 1), TooLong),
        (format!("{token}{}", "A".repeat(8 * 1024 + 1 - token.len())), TooLong),
    ] {
        assert_eq!(verified(&ring, &text).err(), Some(fault), "{text}");
    }
    assert_eq!(verified(&ring, &token).err(), None);
}

#[test]
fn a_token_of_another_key_is_refused() {
    let ring = ring(hmac());
    for (other, fault) in [
        (key("another key of the tests, 32 bytes or more"), Signature),
        (generated(Algorithm::Es256), WrongAlgorithm),
        (generated(Algorithm::EdDsa), WrongAlgorithm),
    ] {
        let token = KeyRing::single(other, rules(None)).mint(&client(), NOW).expect("a token").token;
        assert_eq!(verified(&ring, &token).err(), Some(fault));
    }
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa] {
        let ring = KeyRing::single(generated(algorithm), rules(None));
        let other = KeyRing::single(generated(algorithm), rules(None)).mint(&client(), NOW).expect("a token").token;
        assert_eq!(verified(&ring, &other).err(), Some(Signature));
    }
}

#[test]
fn a_public_key_is_never_an_hmac_secret() {
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
    let text = TokenKey::generate(Algorithm::Es256).expect("a key");
    let pkcs8 = pem::parse(text.expose()).expect("PEM");
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.contents()).expect("a key pair");
    let ring = ring(TokenKey::parse(&text).expect("a key"));
    let message = [HS256, &claims()].map(|part| URL_SAFE_NO_PAD.encode(part)).join(".");
    for public in
        [pair.public_key().as_ref(), pem::encode(&pem::Pem::new("PUBLIC KEY", pair.public_key().as_ref())).as_bytes()]
    {
        let secret = jsonwebtoken::EncodingKey::from_secret(public);
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &secret, jsonwebtoken::Algorithm::HS256)
            .expect("a signature");
        assert_eq!(verified(&ring, &format!("{message}.{signature}")).err(), Some(WrongAlgorithm));
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_check_panic_or_passes(text in "[ -~]{0,40}(\\.[A-Za-z0-9_=-]{0,40}){0,4}") {
        prop_assert!(verified(&ring(hmac()), &text).is_err());
    }

    #[test]
    fn no_signed_json_makes_the_check_panic(header in ".{0,60}", claims in ".{0,60}") {
        let _ = verified(&ring(hmac()), &signed(&hmac(), &header, &claims));
        prop_assert!(verified(&ring(hmac()), &signed(&hmac(), HS256, &claims)).is_err());
    }

    #[test]
    fn a_token_with_one_byte_changed_is_refused(at in any::<prop::sample::Index>(), byte in 0u8..128) {
        for algorithm in Algorithm::ALL {
            let ring = ring(generated(algorithm));
            let token = ring.mint(&client(), NOW).expect("a token").token;
            let mut bytes = token.clone().into_bytes();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let changed = String::from_utf8(bytes).expect("ASCII");
            prop_assert_eq!(verified(&ring, &changed).is_ok(), changed == token, "{} at {}", byte, at);
        }
    }

    #[test]
    fn a_minted_token_is_good_for_its_whole_life(
        name in "[A-Za-z0-9._@-]{1,64}",
        now in 0..u64::MAX / 2,
        ttl in 30u64..86_400,
        age in 0u64..86_400,
    ) {
        let rules = TokenRules { ttl: Duration::from_secs(ttl), ..rules(None) };
        let ring = KeyRing::single(hmac(), rules);
        let client = ClientName::parse(&name).expect("a name");
        let token = ring.mint(&client, now).expect("a token").token;
        let verdict = ring.verify(&RawToken::of(&token), now + age);
        prop_assert_eq!(verdict.is_ok(), age < ttl);
        if let Ok(claims) = verdict {
            prop_assert_eq!(claims.client_name(), name);
        }
    }
}
