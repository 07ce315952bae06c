//! What a token is: its answer, its inside, and where it is good.

use std::collections::HashSet;

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
        UnparsedPublicKey,
    },
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;

use super::{TOKEN, gate, token_of};
use crate::kit::{
    Refused, RequestText, Sidecar, Upstream, forge,
    sidecar::{PASSWORD, TOKEN_KEY, USERNAME},
};

const NOW: u64 = 1_800_000_000;

/// A signing key as `TOKEN_KEY` wants it, and the check that belongs to it.
struct Key {
    algorithm: &'static str,
    text: String,
    check: Check,
}

/// Whether the second is the signature of the first.
type Check = Box<dyn Fn(&[u8], &[u8]) -> bool>;

fn hs256() -> Key {
    let again = |message: &[u8]| {
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, TOKEN_KEY.as_bytes());
        aws_lc_rs::hmac::sign(&key, message).as_ref().to_vec()
    };
    let check = Box::new(move |message: &[u8], signature: &[u8]| again(message) == signature);
    Key { algorithm: "HS256", text: TOKEN_KEY.to_owned(), check }
}

fn es256() -> Key {
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).expect("a key");
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref()).expect("its own key");
    let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, pair.public_key().as_ref().to_vec());
    let check = Box::new(move |message: &[u8], signature: &[u8]| public.verify(message, signature).is_ok());
    Key { algorithm: "ES256", text: pem(document.as_ref()), check }
}

fn ed_dsa() -> Key {
    let document = Ed25519KeyPair::generate_pkcs8v1(&SystemRandom::new()).expect("a key");
    let pair = Ed25519KeyPair::from_pkcs8(document.as_ref()).expect("its own key");
    let public = UnparsedPublicKey::new(&ED25519, pair.public_key().as_ref().to_vec());
    let check = Box::new(move |message: &[u8], signature: &[u8]| public.verify(message, signature).is_ok());
    Key { algorithm: "EdDSA", text: pem(document.as_ref()), check }
}

fn pem(pkcs8: &[u8]) -> String {
    pem::encode(&pem::Pem::new("PRIVATE KEY", pkcs8))
}

// Checklist M42 (iss, aud and sub as configured), M45 (the answer).
#[tokio::test]
async fn a_token_says_who_it_is_for_and_how_long_it_is_good_and_nothing_else() {
    let rows = [
        (hs256(), "300s", 300, "bearergate", None),
        (hs256(), "30s", 30, "bearergate", Some("partner")),
        (hs256(), "24h", 86_400, "một nhà phát hành", None),
        (es256(), "5m", 300, "bearergate", None),
        (es256(), "61s", 61, "gate.example", Some("https://partner.example/vqr")),
        (ed_dsa(), "300s", 300, "bearergate", None),
        (ed_dsa(), "1h", 3600, "bearergate", Some("partner")),
    ];
    for (key, ttl, life_s, issuer, audience) in rows {
        let row = format!("{} {ttl} {issuer} {audience:?}", key.algorithm);
        let upstream = Upstream::recording().await;
        let mut building = Sidecar::guarding(&upstream).clock(NOW).var("TOKEN_KEY", &key.text).var("TOKEN_TTL", ttl);
        building = building.var("TOKEN_ISSUER", issuer);
        if let Some(audience) = audience {
            building = building.var("TOKEN_AUDIENCE", audience);
        }
        let sidecar = building.start().await;
        let token = token_of(&sidecar, &sidecar.ask_token(USERNAME, PASSWORD).await, life_s, &row);
        assert_eq!(upstream.seen(), 0, "{row}");

        assert_eq!(forge::part(&token, 0), json!({ "alg": key.algorithm, "typ": "JWT" }), "{row}");
        let claims = forge::part(&token, 1);
        let id = claims["jti"].as_str().unwrap_or_default();
        let mut expected = json!({ "iss": issuer, "sub": USERNAME, "iat": NOW, "exp": NOW + life_s, "jti": id });
        if let Some(audience) = audience {
            expected["aud"] = json!(audience);
        }
        assert_eq!(claims, expected, "{row}");
        assert!(id.len() >= 16, "{row}: {id:?} can be guessed");
        let (message, signature) = token.rsplit_once('.').expect("a token has three parts");
        let signature = URL_SAFE_NO_PAD.decode(signature).expect("a signature is base64url");
        assert!((key.check)(message.as_bytes(), &signature), "{row}");

        assert_eq!(sidecar.get_with(&token, "/orders").await.status(), 200, "{row}");
        assert_eq!(upstream.seen(), 1, "{row}");
    }
}

#[tokio::test]
async fn with_nothing_set_a_token_is_good_for_300_seconds() {
    let (upstream, sidecar) = gate().await;
    token_of(&sidecar, &sidecar.ask_token(USERNAME, PASSWORD).await, 300, "defaults");
    assert_eq!(upstream.seen(), 0);
}

#[tokio::test]
async fn a_token_is_good_for_many_requests_and_every_token_is_another() {
    let (upstream, sidecar) = gate().await;
    let mut tokens = HashSet::new();
    let mut raw = sidecar.connect().await;
    for _ in 0..5 {
        raw.write(RequestText::new("POST", TOKEN).basic(USERNAME, PASSWORD).json("{}").bytes()).await;
        tokens.insert(token_of(&sidecar, &raw.read_response().await, 300, "the same connection"));
    }
    assert_eq!((tokens.len(), upstream.seen()), (5, 0));
    let ids: HashSet<_> = tokens.iter().map(|token| forge::part(token, 1)["jti"].to_string()).collect();
    assert_eq!(ids.len(), 5);
    for token in tokens.iter().chain(&tokens).chain(&tokens) {
        assert_eq!(sidecar.get_with(token, "/orders").await.status(), 200);
    }
    assert_eq!(upstream.seen(), 15);
}

#[tokio::test]
async fn a_user_name_that_cannot_be_a_client_name_gives_the_client_client() {
    let longest = "n".repeat(64);
    let too_long = "n".repeat(65);
    for (username, client) in [
        ("vietqr", "vietqr"),
        ("A.b_c@d-9", "A.b_c@d-9"),
        (&longest, &longest),
        (&too_long, "client"),
        ("customer vietqr", "client"),
        ("khách-hàng", "client"),
        ("a/b", "client"),
    ] {
        let upstream = Upstream::recording().await;
        let sidecar = Sidecar::guarding(&upstream).var("CLIENT_USERNAME", username).start().await;
        let token = token_of(&sidecar, &sidecar.ask_token(username, PASSWORD).await, 300, username);
        assert_eq!(forge::part(&token, 1)["sub"], client, "{username}");
        assert_eq!(upstream.seen(), 0, "{username}");
        assert_eq!(sidecar.get_with(&token, "/orders").await.status(), 200, "{username}");
        assert_eq!(upstream.only().values("x-forwarded-user"), [client], "{username}");
    }
}

#[tokio::test]
async fn a_token_is_good_on_every_replica_with_the_same_key_and_after_a_restart() {
    for key in [hs256(), es256(), ed_dsa()] {
        let upstream = Upstream::recording().await;
        let replica = || Sidecar::guarding(&upstream).clock(NOW).var("TOKEN_KEY", &key.text);
        let (first, second) = (replica().start().await, replica().start().await);
        let token = token_of(&first, &first.ask_token(USERNAME, PASSWORD).await, 300, key.algorithm);
        assert_eq!(second.get_with(&token, "/").await.status(), 200, "{}", key.algorithm);

        first.stop().await;
        let restarted = replica().start().await;
        assert_eq!(restarted.get_with(&token, "/").await.status(), 200, "{}", key.algorithm);
        assert_eq!(upstream.seen(), 2, "{}", key.algorithm);
    }
}

#[tokio::test]
async fn a_token_of_another_key_is_not_good_here() {
    let upstream = Upstream::recording().await;
    for (theirs, ours, reason) in [
        (hs256(), Key { text: "another-key-of-32-bytes-or-more-0001".to_owned(), ..hs256() }, "token_signature"),
        (es256(), es256(), "token_signature"),
        (ed_dsa(), ed_dsa(), "token_signature"),
        (hs256(), es256(), "token_wrong_algorithm"),
        (es256(), ed_dsa(), "token_wrong_algorithm"),
        (ed_dsa(), hs256(), "token_wrong_algorithm"),
    ] {
        let row = format!("{} at {}", theirs.algorithm, ours.algorithm);
        let replica = |key: &Key| Sidecar::guarding(&upstream).clock(NOW).var("TOKEN_KEY", &key.text);
        let (theirs, ours) = (replica(&theirs).start().await, replica(&ours).start().await);
        let refused = ours.get_with(&theirs.token().await, "/").await;
        Refused::BAD_TOKEN.check(&refused, &row);
        assert_eq!(ours.page_of(&refused).await["reason"], reason, "{row}");
        assert_eq!(upstream.seen(), 0, "{row}");
    }
}

#[tokio::test]
async fn the_log_names_the_client_that_got_a_token() {
    let (upstream, sidecar) = gate().await;
    sidecar.token().await;
    let line = sidecar.wait_for_log("the token's line", |line| line["outcome"] == "token_issued").await;
    assert_eq!((&line["client"], &line["path"], &line["status"]), (&json!(USERNAME), &json!(TOKEN), &json!(200)));
    assert_eq!((&line["method"], &line["verdict"]), (&json!("POST"), &json!(null)));
    assert_eq!(upstream.seen(), 0);
}
