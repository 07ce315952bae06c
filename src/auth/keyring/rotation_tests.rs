//! Several keys: which one signs, which ones check, and what a reload keeps.

use super::*;
use crate::secret::Secret;

use TokenFault::{Header as BadHeader, Malformed, Signature, UnknownKey, WrongAlgorithm};

const NOW: u64 = 1_700_000_000;
const SETTLE: u64 = 300;

fn id(name: &str) -> KeyId {
    KeyId::parse(name).expect("a name")
}

/// An HMAC key whose content follows from `content`.
fn hmac(content: &str) -> TokenKey {
    TokenKey::parse(&Secret::new(format!("the key {content} of the tests, 32 bytes or more"))).expect("a key")
}

fn named(name: &str, key: TokenKey, first_seen: u64) -> NamedKey {
    NamedKey { id: Some(id(name)), key, first_seen }
}

/// Keys whose content follows from their names.
fn keys(names: &[&str]) -> Vec<NamedKey> {
    names.iter().map(|name| named(name, hmac(name), NOW)).collect()
}

fn rules() -> TokenRules {
    TokenRules {
        ttl: Duration::from_secs(300),
        issuer: "bearergate".to_owned(),
        audience: None,
        settle: Duration::from_secs(SETTLE),
    }
}

fn ring(keys: Vec<NamedKey>) -> KeyRing {
    KeyRing::new(keys, rules()).expect("a ring")
}

fn mint(ring: &KeyRing, now: u64) -> String {
    ring.mint(&ClientName::parse("vietqr-live").expect("a name"), now).expect("a token").token
}

fn fault(ring: &KeyRing, token: &str) -> Option<TokenFault> {
    ring.verify(&RawToken::of(token), NOW).err()
}

fn signer(ring: &KeyRing, now: u64) -> String {
    ring.signer(now).id.map_or_else(String::new, |id| id.to_string())
}

fn header(token: &str) -> String {
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().expect("a header")).expect("Base64url");
    String::from_utf8(header).expect("UTF-8")
}

/// A good token but for its header, signed with `key`.
fn signed(key: &TokenKey, header: &str) -> String {
    let claims = format!(r#"{{"iss":"bearergate","sub":"vietqr","iat":{NOW},"exp":{},"jti":"1"}}"#, NOW + 300);
    let message = [header, &claims].map(|part| URL_SAFE_NO_PAD.encode(part)).join(".");
    let signature = key.sign(message.as_bytes()).expect("a signature");
    format!("{message}.{signature}")
}

#[test]
fn the_token_names_the_key_that_signed_it() {
    for (names, now, expected) in [
        (vec!["only"], NOW, r#"{"alg":"HS256","typ":"JWT","kid":"only"}"#),
        (vec!["2", "1"], NOW, r#"{"alg":"HS256","typ":"JWT","kid":"1"}"#),
        (vec!["2", "1"], NOW + SETTLE, r#"{"alg":"HS256","typ":"JWT","kid":"2"}"#),
        (vec!["10", "9"], NOW + SETTLE, r#"{"alg":"HS256","typ":"JWT","kid":"9"}"#),
    ] {
        let ring = ring(keys(&names));
        let token = mint(&ring, now);
        assert_eq!(header(&token), expected, "{names:?}");
        assert_eq!(ring.verify(&RawToken::of(&token), now).err(), None, "{names:?}");
    }
    let single = KeyRing::single(hmac("only"), rules());
    assert_eq!(header(&mint(&single, NOW)), r#"{"alg":"HS256","typ":"JWT"}"#);
}

#[test]
fn every_key_checks_whichever_signs() {
    let both = ring(keys(&["a", "b"]));
    let (of_a, of_b) = (mint(&ring(keys(&["a"])), NOW), mint(&ring(keys(&["b"])), NOW));
    assert_eq!((fault(&both, &of_a), fault(&both, &of_b)), (None, None));
    let mixed = Algorithm::ALL.map(|algorithm| TokenKey::generate(algorithm).expect("a key"));
    let read = || mixed.iter().zip(["1", "2", "3"]).map(|(text, name)| (name, TokenKey::parse(text).expect("a key")));
    let all = ring(read().map(|(name, key)| named(name, key, NOW)).collect());
    for (name, key) in read() {
        let token = mint(&ring(vec![named(name, key, NOW)]), NOW);
        assert_eq!(fault(&all, &token), None, "{name}");
    }
}

#[test]
fn a_token_is_checked_with_the_key_that_it_names_and_no_other() {
    let es256 = TokenKey::generate(Algorithm::Es256).expect("a key");
    let es256 = || TokenKey::parse(&es256).expect("a key");
    let ring = ring(vec![named("a", hmac("a"), NOW), named("b", hmac("b"), NOW), named("c", es256(), NOW)]);
    let (a, b, c, stranger) = (hmac("a"), hmac("b"), es256(), hmac("stranger"));
    for (key, header, expected) in [
        (&a, r#"{"alg":"HS256","typ":"JWT","kid":"a"}"#, None),
        (&b, r#"{"alg":"HS256","typ":"JWT","kid":"b"}"#, None),
        (&c, r#"{"alg":"ES256","typ":"JWT","kid":"c"}"#, None),
        // Written otherwise, so that it is no key's very header.
        (&a, r#"{"kid":"a", "typ":"JWT","alg":"HS256"}"#, None),
        (&b, r#"{"alg":"HS256","typ":"JWT","kid":"\u0062"}"#, None),
        // Of one key, and signed with another.
        (&b, r#"{"alg":"HS256","typ":"JWT","kid":"a"}"#, Some(Signature)),
        (&a, r#"{"alg":"HS256","typ":"JWT","kid":"b"}"#, Some(Signature)),
        (&b, r#"{"kid":"a", "typ":"JWT","alg":"HS256"}"#, Some(Signature)),
        (&c, r#"{"alg":"ES256","typ":"JWT","kid":"a"}"#, Some(WrongAlgorithm)),
        (&a, r#"{"alg":"HS256","typ":"JWT","kid":"c"}"#, Some(WrongAlgorithm)),
        (&c, r#"{"alg":"HS256","typ":"JWT","kid":"c"}"#, Some(WrongAlgorithm)),
        (&a, r#"{"alg":"none","typ":"JWT","kid":"a"}"#, Some(WrongAlgorithm)),
        (&stranger, r#"{"alg":"HS256","typ":"JWT","kid":"a"}"#, Some(Signature)),
        // Of no key here.
        (&a, r#"{"alg":"HS256","typ":"JWT","kid":"A"}"#, Some(UnknownKey)),
        (&a, r#"{"alg":"HS256","typ":"JWT","kid":"a "}"#, Some(UnknownKey)),
        (&a, r#"{"alg":"HS256","typ":"JWT","kid":""}"#, Some(UnknownKey)),
        (&a, r#"{"alg":"HS256","typ":"JWT","kid":"../a"}"#, Some(UnknownKey)),
        (&stranger, r#"{"alg":"HS256","typ":"JWT","kid":"stranger"}"#, Some(UnknownKey)),
        (&a, r#"{"alg":"HS256","typ":"JWT","kid":null}"#, Some(BadHeader)),
        (&a, r#"{"alg":"HS256","typ":"JWT","kid":["a"]}"#, Some(BadHeader)),
        (&a, r#"{"alg":"HS256","typ":"JWT","kid":"b","kid":"a"}"#, Some(BadHeader)),
        // Of any key of its algorithm.
        (&a, r#"{"alg":"HS256","typ":"JWT"}"#, None),
        (&b, r#"{"alg":"HS256","typ":"JWT"}"#, None),
        (&c, r#"{"alg":"ES256","typ":"JWT"}"#, None),
        (&c, r#"{"alg":"HS256","typ":"JWT"}"#, Some(Signature)),
        (&a, r#"{"alg":"ES256","typ":"JWT"}"#, Some(Signature)),
        (&a, r#"{"alg":"EdDSA","typ":"JWT"}"#, Some(WrongAlgorithm)),
        (&stranger, r#"{"alg":"HS256","typ":"JWT"}"#, Some(Signature)),
    ] {
        assert_eq!(fault(&ring, &signed(key, header)), expected, "{key:?} {header}");
    }
    let broken = signed(&a, r#"{"alg":"HS256","typ":"JWT"}"#) + "=";
    assert_eq!(fault(&ring, &broken), Some(Malformed));
}

#[test]
fn a_key_without_a_name_checks_no_token_with_one() {
    let single = KeyRing::single(hmac("a"), rules());
    assert_eq!(fault(&single, &mint(&ring(keys(&["a"])), NOW)), Some(UnknownKey));
    assert_eq!(fault(&ring(keys(&["a"])), &mint(&single, NOW)), None, "on the way from one key to several");
}

#[test]
fn a_key_is_rotated_without_a_gap() {
    // Each row: after so many seconds the keys are these, and from then on that one signs.
    let mut replica = ring(keys(&["a"]));
    let mut last = mint(&replica, NOW);
    for (after, names, signs) in [
        (0, vec!["a"], "a"),
        (1000, vec!["a", "b"], "a"),
        (1299, vec!["a", "b"], "a"),
        (1300, vec!["a", "b"], "b"),
        (1310, vec!["a", "b", "c"], "b"),
        (1609, vec!["b", "c"], "b"),
        (1610, vec!["b", "c"], "c"),
        (1700, vec!["c"], "c"),
        (1800, vec!["c", "a"], "c"),
        (9999, vec!["a", "c"], "c"),
    ] {
        let now = NOW + after;
        replica = replica.reloaded(keys(&names), now).expect("a ring");
        assert_eq!(signer(&replica, now), signs, "{names:?} after {after}");
        let token = mint(&replica, now);
        assert_eq!(replica.verify(&RawToken::of(&token), now).err(), None, "{names:?} after {after}");
        assert_ne!(token, last);
        last = token;
    }
}

#[test]
fn two_replicas_accept_each_others_tokens_whenever_each_sees_the_new_key_or_starts_again() {
    // Both see the key b within the time to settle; meanwhile each may be started again at any second.
    for (sees, restarts) in [(1, 2), (150, 151), (299, 299), (299, 450), (10, 305), (200, 499)] {
        let first = ring(keys(&["a"])).reloaded(keys(&["a", "b"]), NOW).expect("a ring");
        let mut second = ring(keys(&["a"]));
        for after in 0..1000 {
            if after == sees {
                second = second.reloaded(keys(&["a", "b"]), NOW + after).expect("a ring");
            }
            if after == restarts {
                let seen_now = |name: &str| named(name, hmac(name), NOW + after);
                second = ring(vec![seen_now("a"), seen_now("b")]);
            }
            for (mints, checks) in [(&first, &second), (&second, &first)] {
                let token = mint(mints, NOW + after);
                assert_eq!(checks.verify(&RawToken::of(&token), NOW + after).err(), None, "{sees} {restarts} {after}");
            }
        }
        assert_eq!((signer(&first, NOW + 1000), signer(&second, NOW + 1000)), ("b".to_owned(), "b".to_owned()));
    }
}

#[test]
fn a_removed_key_checks_nothing_any_more() {
    let both = ring(keys(&["a", "b"]));
    let token = mint(&both, NOW);
    assert_eq!(signer(&both, NOW), "a");
    let left = both.reloaded(keys(&["b"]), NOW).expect("a ring");
    assert_eq!((fault(&left, &token), signer(&left, NOW)), (Some(UnknownKey), "b".to_owned()));
}

#[test]
fn a_reload_remembers_only_keys_of_the_same_name_and_content() {
    let before = ring(vec![named("a", hmac("a"), NOW - 5000), named("b", hmac("b"), NOW - 1000)]);
    for (key, since) in [
        (named("a", hmac("a"), 0), NOW - 5000),
        (named("b", hmac("b"), NOW), NOW - 1000),
        (named("b", hmac("a"), 0), NOW),
        (named("b", hmac("other"), 0), NOW),
        (named("c", hmac("b"), 0), NOW),
    ] {
        let shown = format!("{key:?}");
        let after = before.reloaded(vec![key], NOW).expect("a ring");
        assert_eq!(after.signer(NOW).since, Some(since), "{shown}");
    }
}

#[test]
fn the_overview_shows_every_key_and_who_signs() {
    let es256 = TokenKey::parse(&TokenKey::generate(Algorithm::Es256).expect("a key")).expect("a key");
    let ring = ring(vec![named("new", es256, NOW), named("live", hmac("a"), NOW - 9000)]);
    let state = |name, algorithm, signs, since| KeyState { id: Some(id(name)), algorithm, signs, since: Some(since) };
    for (now, new_signs) in [(NOW, false), (NOW + SETTLE, true)] {
        let (live, new) =
            (state("live", Algorithm::Hs256, !new_signs, NOW - 9000), state("new", Algorithm::Es256, new_signs, NOW));
        assert_eq!(ring.signer(now), if new_signs { new.clone() } else { live.clone() });
        assert_eq!(ring.overview(now), [live, new]);
    }
    let single = KeyRing::single(hmac("a"), rules());
    assert_eq!(single.overview(NOW), [KeyState { id: None, algorithm: Algorithm::Hs256, signs: true, since: None }]);
}

#[test]
fn keys_that_cannot_be_told_apart_make_no_ring() {
    let unnamed = || NamedKey { id: None, key: hmac("a"), first_seen: NOW };
    let names: Vec<String> = (0..=MOST_KEYS).map(|number| number.to_string()).collect();
    let many = |count: usize| keys(&names[..count].iter().map(String::as_str).collect::<Vec<_>>());
    for (keys, expected) in [
        (vec![], Some(RingFault::NoKey)),
        (vec![unnamed()], None),
        (vec![unnamed(), unnamed()], Some(RingFault::Unnamed)),
        (vec![named("a", hmac("a"), NOW), unnamed()], Some(RingFault::Unnamed)),
        (keys(&["a", "b", "a"]), Some(RingFault::SameName { id: id("a") })),
        (keys(&["a", "A"]), None),
        (many(MOST_KEYS), None),
        (many(MOST_KEYS + 1), Some(RingFault::TooMany { count: MOST_KEYS + 1 })),
    ] {
        let shown = format!("{keys:?}");
        assert_eq!(KeyRing::new(keys, rules()).err(), expected, "{shown}");
    }
}
