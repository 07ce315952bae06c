//! Bearer tokens that never change, kept as SHA-256 digests, for a caller that was registered with one and never asks for another.

use crate::auth::password::{HashFault, Sha256Hash};
use crate::secret::Secret;

/// The digest of a token that is good as long as it is configured. Its `Debug` does not show it.
#[derive(Clone, Copy, Debug)]
pub struct StaticToken(Sha256Hash);

impl StaticToken {
    /// Reads `sha256:<64 hex>` (any case): the digest of the token's own bytes, without a line end.
    ///
    /// # Errors
    /// [`HashFault::NotDigest`] and [`HashFault::NotHex`] for every other text; [`HashFault::GuessableToken`] for the digest of an
    /// empty text, of what programs send when they have no token (`null`, `undefined`), and of tokens in documentation.
    pub fn parse(text: &str) -> Result<Self, HashFault> {
        let hex = text.strip_prefix("sha256:").ok_or(HashFault::NotDigest)?;
        let hash = Sha256Hash::from_hex(hex)?;
        if is_guessable(&hash) { Err(HashFault::GuessableToken) } else { Ok(Self(hash)) }
    }

    /// What is kept of a token that a program has just generated.
    #[must_use]
    pub fn of_plain(token: &Secret<String>) -> Self {
        Self(Sha256Hash::of(token.expose()))
    }

    /// The text that [`StaticToken::parse`] reads, for the clients file.
    #[must_use]
    pub fn text(&self) -> String {
        self.0.text()
    }

    pub(super) const fn digest(&self) -> &Sha256Hash {
        &self.0
    }
}

/// Whether `hash` is that of a sample as people write it: in any of three cases, as a placeholder, in quotes, with its scheme, with the
/// line end that `echo` adds.
fn is_guessable(hash: &Sha256Hash) -> bool {
    let written = |sample: &str| {
        let cases = [sample.to_owned(), sample.to_lowercase(), sample.to_uppercase()];
        cases.into_iter().flat_map(|text| FORMS.map(|(before, after)| format!("{before}{text}{after}")))
    };
    let mut texts = SAMPLES.iter().flat_map(|sample| written(sample));
    texts.any(|text| bool::from(hash.is(&Sha256Hash::of(&text)) | hash.is(&Sha256Hash::of(&format!("{text}\n")))))
}

/// What stands before and after a sample.
const FORMS: [(&str, &str); 12] = [
    ("", ""),
    ("Bearer ", ""),
    ("bearer ", ""),
    ("<", ">"),
    ("{", "}"),
    ("{{", "}}"),
    ("[", "]"),
    ("$", ""),
    ("${", "}"),
    ("%", "%"),
    ("\"", "\""),
    ("'", "'"),
];

/// What is sent for want of a token, and what stands for one in documentation: of the payment network (`bearer_token`, and the password
/// of its Basic sample), RFC 6750, RFC 7519 and jwt.io.
const SAMPLES: [&str; 47] = [
    "",
    "null",
    "undefined",
    "none",
    "nil",
    "NaN",
    "true",
    "false",
    "[object Object]",
    "string",
    "bearer",
    "token",
    "jwt",
    "bearer_token",
    "bearer-token",
    "bearerToken",
    "access_token",
    "access-token",
    "accessToken",
    "auth_token",
    "api_token",
    "api_key",
    "apikey",
    "static_token",
    "static-token",
    "fixed_token",
    "mytoken",
    "my_token",
    "my-token",
    "your_token",
    "your-token",
    "your_token_here",
    "your_access_token",
    "your-access-token",
    "your_bearer_token",
    "secret",
    "password",
    "changeme",
    "change-me",
    "test",
    "example",
    "xxx",
    "123456",
    "Y3VzdG9tZXItdmlldHFydGVzdC11c2VyMjQ2OA==",
    "mF_9.B5f-4.1JqM",
    "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(token: &str) -> String {
        Sha256Hash::of(token).text()
    }

    #[test]
    fn a_digest_is_read_in_either_case_and_written_back() {
        let text = digest("a token that nobody can guess");
        let token = StaticToken::of_plain(&Secret::new("a token that nobody can guess".to_owned()));
        assert_eq!(token.text(), text);
        for form in [text.clone(), format!("sha256:{}", text[7..].to_uppercase())] {
            assert_eq!(StaticToken::parse(&form).expect("a digest").text(), text, "{form}");
        }
        assert_eq!(format!("{token:?}"), "StaticToken([digest])");
    }

    #[test]
    fn what_is_not_the_digest_of_a_secret_is_refused() {
        let good = digest("a token that nobody can guess");
        for (text, fault) in [
            (String::new(), HashFault::NotDigest),
            ("a token in clear".to_owned(), HashFault::NotDigest),
            (good[7..].to_owned(), HashFault::NotDigest),
            (good.replace("sha256", "SHA256"), HashFault::NotDigest),
            ("$argon2id$v=19$m=7168,t=5,p=1$c2FsdA$aGFzaA".to_owned(), HashFault::NotDigest),
            (good[..70].to_owned(), HashFault::NotHex),
            (format!("{good}0"), HashFault::NotHex),
            (format!("{good}\n"), HashFault::NotHex),
        ] {
            assert_eq!(StaticToken::parse(&text).err(), Some(fault), "{text:?}");
        }
        for token in [
            "",
            "\n",
            "null",
            "NULL",
            "null\n",
            "undefined",
            "Bearer null",
            "bearer_token",
            "\"bearer_token\"",
            "access_token",
            "ACCESS_TOKEN",
            "accessToken",
            "token",
            "<token>",
            "{{access_token}}",
            "${TOKEN}",
            "<YOUR_ACCESS_TOKEN>",
            "Y3VzdG9tZXItdmlldHFydGVzdC11c2VyMjQ2OA==",
            "mF_9.B5f-4.1JqM",
        ] {
            assert_eq!(StaticToken::parse(&digest(token)).err(), Some(HashFault::GuessableToken), "{token:?}");
        }
        assert!(StaticToken::parse(&good).is_ok());
    }
}
