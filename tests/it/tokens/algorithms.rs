//! One algorithm, that of the key: whatever a token says, it is not checked in another way.

use aws_lc_rs::{
    hmac,
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
    },
};

use super::{KEY, NOW, Row, all_are_refused_alike, all_pass};
use crate::kit::{Sidecar, Upstream, forge, sidecar::USERNAME};

const ES256: &str = r#"{"alg":"ES256","typ":"JWT"}"#;
const ED_DSA: &str = r#"{"alg":"EdDSA","typ":"JWT"}"#;

fn claims() -> String {
    forge::claims(USERNAME, NOW).to_string()
}

fn pem(tag: &str, der: &[u8]) -> String {
    pem::encode(&pem::Pem::new(tag, der))
}

fn header(algorithm: &str) -> String {
    format!(r#"{{"alg":"{algorithm}","typ":"JWT"}}"#)
}

fn es256(pair: &EcdsaKeyPair) -> String {
    forge::signed_by(ES256, &claims(), |message| {
        pair.sign(&SystemRandom::new(), message).expect("a signature").as_ref().to_vec()
    })
}

fn ed_dsa(pair: &Ed25519KeyPair) -> String {
    forge::signed_by(ED_DSA, &claims(), |message| pair.sign(message).as_ref().to_vec())
}

/// A token under the key `TOKEN_KEY` as HMAC, with every name that is not of HMAC, and tokens without a signature.
fn foreign_names() -> Vec<Row> {
    let names = [
        "none", "None", "NONE", "nOnE", "", " ", "HS384", "HS512", "hs256", "Hs256", "HS256 ", "HS1", "RS256", "RS384",
        "RS512", "PS256", "ES384", "ES512", "ES256K", "Ed448", "Ed25519", "eddsa", "A128KW", "dir",
    ];
    let signed = names.map(|name| (name, forge::token(&header(name), &claims(), KEY), "token_wrong_algorithm"));
    let unsigned = names.map(|name| (name, forge::unsigned(&header(name), &claims()), "token_wrong_algorithm"));
    signed.into_iter().chain(unsigned).collect()
}

// Checklist M39.
#[tokio::test]
async fn an_hmac_key_checks_hs256_and_nothing_else() {
    let upstream = Upstream::recording().await;
    let sidecar = Sidecar::guarding(&upstream).clock(NOW).start().await;
    let rows = of_other_algorithms();
    all_are_refused_alike(&upstream, &sidecar, &rows).await;
    all_pass(&upstream, &sidecar, &[("HS256", forge::token(forge::HS256, &claims(), KEY))]).await;
}

/// Tokens that an HMAC key does not check. Source: RFC 8725, section 3.1.
pub(super) fn of_other_algorithms() -> Vec<Row> {
    let sha384 = |message: &[u8]| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA384, KEY), message).as_ref().to_vec();
    let sha512 = |message: &[u8]| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA512, KEY), message).as_ref().to_vec();
    let (pair, _) = p256();
    let edwards = Ed25519KeyPair::generate().expect("a key");
    let mut rows = foreign_names();
    rows.extend([
        ("a true HS384", forge::signed_by(&header("HS384"), &claims(), sha384), "token_wrong_algorithm"),
        ("a true HS512", forge::signed_by(&header("HS512"), &claims(), sha512), "token_wrong_algorithm"),
        ("HS384 that says HS256", forge::signed_by(forge::HS256, &claims(), sha384), "token_signature"),
        ("HS512 that says HS256", forge::signed_by(forge::HS256, &claims(), sha512), "token_signature"),
        ("a true ES256", es256(&pair), "token_wrong_algorithm"),
        ("a true EdDSA", ed_dsa(&edwards), "token_wrong_algorithm"),
        ("HS256 that says ES256", forge::token(ES256, &claims(), KEY), "token_wrong_algorithm"),
        ("HS256 that says EdDSA", forge::token(ED_DSA, &claims(), KEY), "token_wrong_algorithm"),
        ("HS256 without a signature", forge::unsigned(forge::HS256, &claims()), "token_signature"),
    ]);
    rows
}

fn p256() -> (EcdsaKeyPair, Vec<u8>) {
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).expect("a key");
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref()).expect("its own key");
    (pair, document.as_ref().to_vec())
}

/// The public key as other programs write it: `SubjectPublicKeyInfo`.
fn spki(public: &[u8]) -> Vec<u8> {
    const P256: &[u8] = &[
        0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
        0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
    ];
    [P256, public].concat()
}

// Checklist M39: the public key of an asymmetric pair is never an HMAC secret (CVE-2015-9235 and its heirs).
#[tokio::test]
async fn a_p256_key_checks_es256_and_nothing_else() {
    let upstream = Upstream::recording().await;
    let (pair, pkcs8) = p256();
    let private_pem = pem("PRIVATE KEY", &pkcs8);
    let sidecar = Sidecar::guarding(&upstream).clock(NOW).var("TOKEN_KEY", &private_pem).start().await;
    let public = pair.public_key().as_ref().to_vec();
    let public_pem = pem("PUBLIC KEY", &spki(&public));
    let hmac_with = |key: &[u8]| forge::token(forge::HS256, &claims(), key);
    let asn1 = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &pkcs8).expect("its own key");
    let signature = |bytes: Vec<u8>| forge::signed_by(ES256, &claims(), |_| bytes);
    let mut rows = foreign_names();
    rows.extend([
        ("HS256 with the public point", hmac_with(&public), "token_wrong_algorithm"),
        ("HS256 with the public key", hmac_with(&spki(&public)), "token_wrong_algorithm"),
        ("HS256 with its PEM", hmac_with(public_pem.as_bytes()), "token_wrong_algorithm"),
        ("HS256 with its PEM, trimmed", hmac_with(public_pem.trim().as_bytes()), "token_wrong_algorithm"),
        ("HS256 with the private PEM", hmac_with(private_pem.as_bytes()), "token_wrong_algorithm"),
        ("HS256 with nothing", hmac_with(b""), "token_wrong_algorithm"),
        ("EdDSA", ed_dsa(&Ed25519KeyPair::generate().expect("a key")), "token_wrong_algorithm"),
        ("another key", es256(&p256().0), "token_signature"),
        ("another key, said to be in the header", with_its_own_key(), "token_header"),
        ("no signature", forge::unsigned(ES256, &claims()), "token_signature"),
        ("r and s zero", signature(vec![0; 64]), "token_signature"),
        ("r and s of ones", signature(vec![0xff; 64]), "token_signature"),
        ("a byte short", signature(vec![1; 63]), "token_signature"),
        ("a byte long", signature(vec![1; 65]), "token_signature"),
        ("HMAC that says ES256", forge::token(ES256, &claims(), public_pem.as_bytes()), "token_signature"),
        ("in the form of ASN.1", es256(&asn1), "token_signature"),
    ]);
    all_are_refused_alike(&upstream, &sidecar, &rows).await;
    all_pass(&upstream, &sidecar, &[("ES256", es256(&pair)), ("its own", sidecar.token().await)]).await;
}

// Checklist M40: a key in a token is not a key.
fn with_its_own_key() -> String {
    let (pair, _) = p256();
    let point = pair.public_key().as_ref();
    let (x, y) = (forge::encode(&point[1..33]), forge::encode(&point[33..]));
    let jwk = serde_json::json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y });
    let header = serde_json::json!({ "alg": "ES256", "typ": "JWT", "jwk": jwk }).to_string();
    forge::signed_by(&header, &claims(), |message| {
        pair.sign(&SystemRandom::new(), message).expect("a signature").as_ref().to_vec()
    })
}

// Checklist M39.
#[tokio::test]
async fn an_ed25519_key_checks_ed_dsa_and_nothing_else() {
    let upstream = Upstream::recording().await;
    let document = Ed25519KeyPair::generate_pkcs8v1(&SystemRandom::new()).expect("a key");
    let pair = Ed25519KeyPair::from_pkcs8(document.as_ref()).expect("its own key");
    let private_pem = pem("PRIVATE KEY", document.as_ref());
    let sidecar = Sidecar::guarding(&upstream).clock(NOW).var("TOKEN_KEY", &private_pem).start().await;
    let public = pair.public_key().as_ref().to_vec();
    let signature = |bytes: Vec<u8>| forge::signed_by(ED_DSA, &claims(), |_| bytes);
    let mut rows = foreign_names();
    rows.extend([
        ("HS256 with the public key", forge::token(forge::HS256, &claims(), &public), "token_wrong_algorithm"),
        (
            "HS256 with the private PEM",
            forge::token(forge::HS256, &claims(), private_pem.as_bytes()),
            "token_wrong_algorithm",
        ),
        ("ES256", es256(&p256().0), "token_wrong_algorithm"),
        ("another key", ed_dsa(&Ed25519KeyPair::generate().expect("a key")), "token_signature"),
        ("no signature", forge::unsigned(ED_DSA, &claims()), "token_signature"),
        ("zeros", signature(vec![0; 64]), "token_signature"),
        ("a byte short", signature(vec![0; 63]), "token_signature"),
        ("HMAC that says EdDSA", forge::token(ED_DSA, &claims(), &public), "token_signature"),
    ]);
    all_are_refused_alike(&upstream, &sidecar, &rows).await;
    all_pass(&upstream, &sidecar, &[("EdDSA", ed_dsa(&pair)), ("its own", sidecar.token().await)]).await;
}
