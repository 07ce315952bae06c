//! The key that signs and checks tokens: one algorithm per key, proven to work before it is used.

use std::fmt;

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{DecodingKey, EncodingKey};
use zeroize::Zeroizing;

use crate::secret::Secret;

/// How a token is signed. A key has exactly one, whatever a token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// HMAC with SHA-256: whoever can check can also sign.
    Hs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

/// A signing key and its public half. Not `Clone`: keys are shared, not copied. Its `Debug` shows the algorithm alone.
pub struct TokenKey(Material);

#[expect(clippy::large_enum_variant, reason = "there are a handful of keys, and the large variant is the usual one")]
enum Material {
    /// Prepared once: jsonwebtoken takes the text apart for every token anew, which costs as much as the check itself (2026-11, see
    /// the benchmark's README).
    Hmac(hmac::Key),
    Pair {
        algorithm: PairAlgorithm,
        signing: EncodingKey,
        checking: DecodingKey,
    },
}

#[derive(Clone, Copy)]
enum PairAlgorithm {
    Es256,
    EdDsa,
}

/// Why a text is not a key to sign with. The operator is to blame, save for [`KeyFault::NoRandom`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// An HMAC key under 32 bytes.
    #[error("has {bytes} bytes, an HMAC key needs 32 or more; `bearergate new-key` makes one")]
    TooShort {
        /// Its length.
        bytes: usize,
    },
    /// A key from documentation, or one byte repeated.
    #[error("is a sample key or one character repeated, which anybody can guess; `bearergate new-key` makes one")]
    Weak,
    /// A public key.
    #[error("is a public key, which cannot sign; give the private key it belongs to")]
    PublicKey,
    /// A certificate.
    #[error(
        "is a certificate, which cannot sign; give a private key made for tokens, `bearergate new-key --alg es256` makes one"
    )]
    Certificate,
    /// An encrypted private key.
    #[error("is an encrypted private key; decrypt it with `openssl pkcs8 -in KEY -out DECRYPTED`")]
    Encrypted,
    /// A private key in SEC1 form.
    #[error("is an EC key in SEC1 form; turn it into PKCS#8 with `openssl pkcs8 -topk8 -nocrypt -in KEY`")]
    Sec1,
    /// An RSA private key.
    #[error("is an RSA key; use P-256 or Ed25519, `bearergate new-key --alg es256` makes one")]
    Rsa,
    /// An elliptic curve other than P-256 and Ed25519.
    #[error("is on another curve than P-256 and Ed25519; `bearergate new-key --alg es256` makes one that fits")]
    OtherCurve,
    /// PEM of something else.
    #[error("is PEM, but not a PKCS#8 private key (BEGIN PRIVATE KEY); `bearergate new-key --alg es256` makes one")]
    OtherPem,
    /// More than one PEM section.
    #[error("holds more than one PEM section; leave the one private key")]
    SeveralSections,
    /// Begins as PEM and is none, or holds a damaged key.
    #[error("holds a damaged PEM key; copy the whole file again, with its line breaks")]
    Damaged,
    /// The system gave no random bytes.
    #[error("could not be made: the system gave no random bytes")]
    NoRandom,
}

impl Algorithm {
    /// Every algorithm there is a key for.
    pub const ALL: [Self; 3] = [Self::Hs256, Self::Es256, Self::EdDsa];

    /// Its name in a token's header, from RFC 7518, section 3.1 and RFC 8037, section 3.1.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }
}

impl PairAlgorithm {
    const fn in_library(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::Es256 => jsonwebtoken::Algorithm::ES256,
            Self::EdDsa => jsonwebtoken::Algorithm::EdDSA,
        }
    }
}

impl TokenKey {
    /// Reads a key: 32 bytes of text or more, taken as they are and never decoded (HS256), or the PEM of one PKCS#8 private key,
    /// P-256 (ES256) or Ed25519 (EdDSA). Text that holds `-----BEGIN` is never an HMAC key. The key has signed and checked once
    /// when this returns.
    ///
    /// # Errors
    /// [`KeyFault`], which holds nothing of the key.
    pub fn parse(text: &Secret<String>) -> Result<Self, KeyFault> {
        let text = text.expose();
        let key = if text.contains("-----BEGIN") { Self::from_pem(text)? } else { Self::from_bytes(text)? };
        let proof = key.sign(b"proof").map_err(|_| KeyFault::Damaged)?;
        if key.check(&proof, b"proof") != Ok(true) {
            return Err(KeyFault::Damaged);
        }
        Ok(key)
    }

    /// Makes a new key, as text that [`TokenKey::parse`] reads: 43 characters from 32 random bytes for HS256, else PKCS#8 PEM.
    ///
    /// # Errors
    /// [`KeyFault::NoRandom`].
    pub fn generate(algorithm: Algorithm) -> Result<Secret<String>, KeyFault> {
        let pkcs8 = match algorithm {
            Algorithm::Hs256 => {
                let mut bytes = Zeroizing::new([0; 32]);
                aws_lc_rs::rand::fill(&mut *bytes).map_err(|_| KeyFault::NoRandom)?;
                return Ok(Secret::new(URL_SAFE_NO_PAD.encode(bytes.as_slice())));
            }
            Algorithm::Es256 => EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()),
            // Version 1: OpenSSL does not read version 2, which would hold the public key too.
            Algorithm::EdDsa => Ed25519KeyPair::generate_pkcs8v1(&SystemRandom::new()),
        };
        let pkcs8 = pkcs8.map_err(|_| KeyFault::NoRandom)?;
        let lines = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
        Ok(Secret::new(pem::encode_config(&pem::Pem::new("PRIVATE KEY", pkcs8.as_ref()), lines)))
    }

    /// How this key signs.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        match &self.0 {
            Material::Hmac(_) => Algorithm::Hs256,
            Material::Pair { algorithm: PairAlgorithm::Es256, .. } => Algorithm::Es256,
            Material::Pair { algorithm: PairAlgorithm::EdDsa, .. } => Algorithm::EdDsa,
        }
    }

    /// The signature over `message`, as it stands in a token.
    pub(super) fn sign(&self, message: &[u8]) -> jsonwebtoken::errors::Result<String> {
        match &self.0 {
            Material::Hmac(key) => Ok(URL_SAFE_NO_PAD.encode(hmac::sign(key, message))),
            Material::Pair { algorithm, signing, .. } => {
                jsonwebtoken::crypto::sign(message, signing, algorithm.in_library())
            }
        }
    }

    /// Whether `signature` is ours; an error when it is not canonical unpadded Base64url.
    pub(super) fn check(&self, signature: &str, message: &[u8]) -> jsonwebtoken::errors::Result<bool> {
        match &self.0 {
            Material::Hmac(key) => {
                let mut bytes = Vec::with_capacity(signature.len());
                URL_SAFE_NO_PAD.decode_vec(signature, &mut bytes)?;
                // In constant time.
                Ok(hmac::verify(key, message, &bytes).is_ok())
            }
            Material::Pair { algorithm, checking, .. } => {
                jsonwebtoken::crypto::verify(signature, message, checking, algorithm.in_library())
            }
        }
    }

    /// Whether both sign alike: one checks what the other signed.
    pub(super) fn is_same_as(&self, other: &Self) -> bool {
        let checked = |proof: String| other.check(&proof, b"same") == Ok(true);
        self.algorithm() == other.algorithm() && self.sign(b"same").is_ok_and(checked)
    }

    fn from_bytes(text: &str) -> Result<Self, KeyFault> {
        let bytes = text.as_bytes();
        let sample = SAMPLES.iter().any(|sample| text.trim().eq_ignore_ascii_case(sample));
        if sample || bytes.first().is_some_and(|first| bytes.iter().all(|byte| byte == first)) {
            return Err(KeyFault::Weak);
        }
        if bytes.len() < SHORTEST {
            return Err(KeyFault::TooShort { bytes: bytes.len() });
        }
        Ok(Self(Material::Hmac(hmac::Key::new(hmac::HMAC_SHA256, bytes))))
    }

    fn from_pem(text: &str) -> Result<Self, KeyFault> {
        let mut sections = pem::parse_many(text).map_err(|_| without_sections(text))?;
        if let Some(fault) = sections.iter().find_map(|section| of_another_kind(section.tag())) {
            return Err(fault);
        }
        let section = sections.pop().ok_or_else(|| without_sections(text))?;
        if !sections.is_empty() {
            return Err(KeyFault::SeveralSections);
        }
        Self::from_pkcs8(&Zeroizing::new(section.into_contents()))
    }

    fn from_pkcs8(der: &[u8]) -> Result<Self, KeyFault> {
        if let Ok(pair) = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der) {
            return Ok(Self(Material::Pair {
                algorithm: PairAlgorithm::Es256,
                signing: EncodingKey::from_ec_der(der),
                checking: DecodingKey::from_ec_der(pair.public_key().as_ref()),
            }));
        }
        if let Ok(pair) = Ed25519KeyPair::from_pkcs8(der) {
            return Ok(Self(Material::Pair {
                algorithm: PairAlgorithm::EdDsa,
                signing: EncodingKey::from_ed_der(der),
                checking: DecodingKey::from_ed_der(pair.public_key().as_ref()),
            }));
        }
        // The algorithm stands in the first bytes of a PKCS#8 key.
        let head = &der[..der.len().min(40)];
        let names = |oid: &[u8]| head.windows(oid.len()).any(|window| window == oid);
        Err(match () {
            () if names(OID_RSA) => KeyFault::Rsa,
            () if names(OID_P256) || names(OID_ED25519) => KeyFault::Damaged,
            () if names(OID_EC) || OIDS_OTHER_CURVES.iter().any(|oid| names(oid)) => KeyFault::OtherCurve,
            () => KeyFault::Damaged,
        })
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenKey({})", self.algorithm().name())
    }
}

fn of_another_kind(tag: &str) -> Option<KeyFault> {
    match tag {
        "PRIVATE KEY" => None,
        "CERTIFICATE" | "TRUSTED CERTIFICATE" | "X509 CERTIFICATE" => Some(KeyFault::Certificate),
        "ENCRYPTED PRIVATE KEY" => Some(KeyFault::Encrypted),
        "EC PRIVATE KEY" | "EC PARAMETERS" => Some(KeyFault::Sec1),
        "RSA PRIVATE KEY" => Some(KeyFault::Rsa),
        _ if tag.ends_with("PUBLIC KEY") => Some(KeyFault::PublicKey),
        _ => Some(KeyFault::OtherPem),
    }
}

/// What to say of text that holds `-----BEGIN` and yet no section that can be read.
fn without_sections(text: &str) -> KeyFault {
    if text.contains("ENCRYPTED") { KeyFault::Encrypted } else { KeyFault::Damaged }
}

/// The shortest HMAC key, in bytes: the output of its hash. Source: RFC 7518, section 3.2.
const SHORTEST: usize = 32;

/// Keys that stand in documentation, and so are known to everybody.
#[must_use]
pub const fn sample_keys() -> &'static [&'static str] {
    &SAMPLES
}

/// Keys that stand in documentation: of jwt.io, now and before, of RFC 7515 (appendix A.1) and of much copied tutorials.
const SAMPLES: [&str; 12] = [
    "your-256-bit-secret",
    "your-384-bit-secret",
    "your-512-bit-secret",
    "a-string-secret-at-least-256-bits-long",
    "a-valid-string-secret-that-is-at-least-384-bits-long",
    "a-valid-string-secret-that-is-at-least-512-bits-long-which-is-very-long",
    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
    "your-secret-key-must-be-at-least-32-characters",
    "your-secret-key-at-least-32-characters-long",
    "this-is-a-very-long-secret-key-for-jwt-signing",
    "qwertyuiopasdfghjklzxcvbnm123456",
    "404E635266556A586E3272357538782F413F4428472B4B6250645367566B5970",
];

const OID_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01];
const OID_EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const OID_P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const OID_ED25519: &[u8] = &[0x06, 0x03, 0x2b, 0x65, 0x70];
/// X25519, X448 and Ed448.
const OIDS_OTHER_CURVES: [&[u8]; 3] =
    [&[0x06, 0x03, 0x2b, 0x65, 0x6e], &[0x06, 0x03, 0x2b, 0x65, 0x6f], &[0x06, 0x03, 0x2b, 0x65, 0x71]];

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<TokenKey, KeyFault> {
        TokenKey::parse(&Secret::new(text.to_owned()))
    }

    fn pem_of(tag: &str, der: &[u8]) -> String {
        pem::encode(&pem::Pem::new(tag, der))
    }

    #[test]
    fn a_generated_key_is_read_back_and_signs() {
        for algorithm in Algorithm::ALL {
            let text = TokenKey::generate(algorithm).expect("a key");
            let key = TokenKey::parse(&text).expect("a key");
            assert_eq!(key.algorithm(), algorithm);
            let signature = key.sign(b"message").expect("a signature");
            assert_eq!(key.check(&signature, b"message"), Ok(true), "{algorithm:?}");
            assert_eq!(key.check(&signature, b"another"), Ok(false), "{algorithm:?}");
            assert_eq!(format!("{key:?}"), format!("TokenKey({})", algorithm.name()));
            assert_ne!(TokenKey::generate(algorithm).expect("a key").expose(), text.expose());
        }
    }

    #[test]
    fn a_key_is_the_same_when_it_signs_alike() {
        let texts: Vec<_> = Algorithm::ALL.into_iter().chain(Algorithm::ALL).map(TokenKey::generate).collect();
        let read = |at: usize| TokenKey::parse(texts[at].as_ref().expect("a key")).expect("a key");
        for (one, other) in (0..6).flat_map(|one| (0..6).map(move |other| (one, other))) {
            assert_eq!(read(one).is_same_as(&read(other)), one == other, "{one} and {other}");
        }
    }

    #[test]
    fn every_form_of_a_private_key_that_openssl_writes_is_read() {
        let pair = Ed25519KeyPair::generate().expect("a key pair");
        for document in [pair.to_pkcs8v1(), pair.to_pkcs8()] {
            let text = pem_of("PRIVATE KEY", document.expect("PKCS#8").as_ref());
            assert_eq!(parse(&text).expect("a key").algorithm(), Algorithm::EdDsa);
        }
        let text = TokenKey::generate(Algorithm::Es256).expect("a key");
        for form in [
            text.expose().clone(),
            text.expose().trim_end().to_owned(),
            text.expose().replace('\n', "\r\n"),
            format!("Key Attributes: none\n{}", text.expose()),
        ] {
            assert_eq!(parse(&form).expect("a key").algorithm(), Algorithm::Es256, "{}", form.len());
        }
    }

    #[test]
    fn an_hmac_key_is_the_bytes_of_the_text_and_at_least_32() {
        for (text, fault) in [
            ("", Some(KeyFault::TooShort { bytes: 0 })),
            ("short", Some(KeyFault::TooShort { bytes: 5 })),
            ("0123456789abcdef0123456789abcde", Some(KeyFault::TooShort { bytes: 31 })),
            ("0123456789abcdef0123456789abcdef", None),
            ("khóa của chúng tôi, đủ dài", None),
            ("your-256-bit-secret", Some(KeyFault::Weak)),
            ("Your-256-Bit-Secret\n", Some(KeyFault::Weak)),
            ("a-string-secret-at-least-256-bits-long", Some(KeyFault::Weak)),
            ("a-valid-string-secret-that-is-at-least-512-bits-long-which-is-very-long", Some(KeyFault::Weak)),
            (
                "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
                Some(KeyFault::Weak),
            ),
            ("kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk", Some(KeyFault::Weak)),
            ("                                          ", Some(KeyFault::Weak)),
        ] {
            assert_eq!(parse(text).err(), fault, "{text:?}");
        }
    }

    #[test]
    fn pem_that_is_not_one_fitting_private_key_is_refused_with_its_remedy() {
        let es256 = TokenKey::generate(Algorithm::Es256).expect("a key");
        let p384 =
            EcdsaKeyPair::generate_pkcs8(&aws_lc_rs::signature::ECDSA_P384_SHA384_FIXED_SIGNING, &SystemRandom::new());
        let mut broken = pem::parse(es256.expose()).expect("PEM").into_contents();
        broken.truncate(60);
        let rsa_head = [0x30, 0x10, 2, 1, 0, 0x30, 0x0d, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0];
        for (text, fault) in [
            (pem_of("PUBLIC KEY", b"x"), KeyFault::PublicKey),
            (pem_of("RSA PUBLIC KEY", b"x"), KeyFault::PublicKey),
            (pem_of("CERTIFICATE", b"x"), KeyFault::Certificate),
            (format!("{}{}", pem_of("CERTIFICATE", b"x"), es256.expose()), KeyFault::Certificate),
            (pem_of("ENCRYPTED PRIVATE KEY", b"x"), KeyFault::Encrypted),
            (pem_of("EC PRIVATE KEY", b"key"), KeyFault::Sec1),
            (pem_of("EC PARAMETERS", b"x") + &pem_of("EC PRIVATE KEY", b"key"), KeyFault::Sec1),
            (pem_of("RSA PRIVATE KEY", b"x"), KeyFault::Rsa),
            (pem_of("PRIVATE KEY", &rsa_head), KeyFault::Rsa),
            (pem_of("PRIVATE KEY", p384.expect("a key").as_ref()), KeyFault::OtherCurve),
            (pem_of("OPENSSH PRIVATE KEY", b"x"), KeyFault::OtherPem),
            (pem_of("PGP MESSAGE", b"x"), KeyFault::OtherPem),
            (es256.expose().repeat(2), KeyFault::SeveralSections),
            (pem_of("PRIVATE KEY", &broken), KeyFault::Damaged),
            (pem_of("PRIVATE KEY", b"x"), KeyFault::Damaged),
            ("-----BEGIN PRIVATE KEY-----".to_owned(), KeyFault::Damaged),
            (es256.expose().replace('\n', "\\n"), KeyFault::Damaged),
            (format!("a text of 32 bytes or more -----BEGIN and {}", "x".repeat(32)), KeyFault::Damaged),
        ] {
            let result = parse(&text);
            assert_eq!(result.as_ref().err(), Some(&fault), "{text}");
        }
    }

    #[test]
    fn a_key_is_a_start_problem_when_its_halves_do_not_belong_together() {
        let [mine, other] = [(), ()].map(|()| TokenKey::generate(Algorithm::Es256).expect("a key"));
        let [mine, other] = [mine, other].map(|text| pem::parse(text.expose()).expect("PEM").into_contents());
        let mixed = [&mine[..mine.len() - 65], &other[other.len() - 65..]].concat();
        assert_eq!(parse(&pem_of("PRIVATE KEY", &mixed)).err(), Some(KeyFault::Damaged));
    }
}
