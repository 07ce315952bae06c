//! `Authorization: Basic`, read into [`Credentials`]. Whether they are right is for `accounts` to say.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use zeroize::Zeroizing;

use crate::auth::scheme::after_scheme;
use crate::secret::Secret;

/// A user name and a password as a caller sent them, not yet compared with anything.
#[derive(Debug)]
pub struct Credentials {
    username: String,
    password: Secret<String>,
}

/// Why a request carries no usable Basic credentials. The caller is to blame for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BasicFault {
    /// No `Authorization` field.
    #[error("no Authorization header was sent")]
    Absent,
    /// More than one `Authorization` field.
    #[error("the Authorization header was sent more than once")]
    Repeated,
    /// Another scheme, or the scheme alone.
    #[error("the Authorization header is not Basic credentials")]
    NotBasic,
    /// More than [`MAX_DECODED`] bytes.
    #[error("the Basic credentials are over 1 KiB")]
    TooLong,
    /// Not standard Base64 in its one canonical, padded form.
    #[error("the Basic credentials are not padded standard Base64")]
    NotBase64,
    /// Not UTF-8 once decoded.
    #[error("the Basic credentials are not UTF-8")]
    NotUtf8,
    /// Nothing divides user name and password.
    #[error("the Basic credentials hold no colon")]
    NoColon,
    /// A control character in the user name or password.
    #[error("the Basic credentials hold a control character")]
    ControlCharacter,
}

impl Credentials {
    /// The user name: everything before the first colon, maybe empty.
    #[must_use]
    pub fn username(&self) -> &str {
        &self.username
    }

    /// The password: everything after the first colon, maybe empty.
    #[must_use]
    pub const fn password(&self) -> &Secret<String> {
        &self.password
    }
}

/// Reads the one `Authorization: Basic` field.
///
/// Shape: the scheme in any case, one or more spaces, then canonical padded standard Base64 of `user ":" password`, UTF-8, at
/// most 1 KiB decoded, no control characters; the first colon divides. Source: RFC 7617, section 2.
/// # Errors
/// [`BasicFault::Absent`] and [`BasicFault::Repeated`] count the fields, the others name what is wrong with the one field; none
/// repeats what was sent.
pub fn parse(headers: &HeaderMap) -> Result<Credentials, BasicFault> {
    let mut fields = headers.get_all(AUTHORIZATION).iter();
    let field = fields.next().ok_or(BasicFault::Absent)?;
    if fields.next().is_some() {
        return Err(BasicFault::Repeated);
    }
    let encoded = after_scheme(field, "basic").ok_or(BasicFault::NotBasic)?;
    decode(encoded)
}

fn decode(encoded: &[u8]) -> Result<Credentials, BasicFault> {
    if encoded.len() > MAX_ENCODED {
        return Err(BasicFault::TooLong);
    }
    let mut decoded = Zeroizing::new(Vec::with_capacity(encoded.len()));
    STANDARD.decode_vec(encoded, &mut decoded).map_err(|_| BasicFault::NotBase64)?;
    if decoded.len() > MAX_DECODED {
        return Err(BasicFault::TooLong);
    }
    let text = str::from_utf8(&decoded).map_err(|_| BasicFault::NotUtf8)?;
    let (username, password) = text.split_once(':').ok_or(BasicFault::NoColon)?;
    if text.contains(char::is_control) {
        return Err(BasicFault::ControlCharacter);
    }
    Ok(Credentials { username: username.to_owned(), password: Secret::new(password.to_owned()) })
}

/// The longest `user:password` that is read, in bytes.
pub const MAX_DECODED: usize = 1024;

const MAX_ENCODED: usize = MAX_DECODED.div_ceil(3) * 4;

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    use BasicFault::{Absent, ControlCharacter, NoColon, NotBase64, NotBasic, NotUtf8, Repeated, TooLong};

    fn headers(fields: &[&[u8]]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append(AUTHORIZATION, HeaderValue::from_bytes(field).expect("a field value"));
        }
        headers
    }

    fn basic(plain: &[u8]) -> Vec<u8> {
        format!("Basic {}", STANDARD.encode(plain)).into_bytes()
    }

    #[test]
    fn credentials_are_read_as_they_were_written() {
        let encoded = |scheme: &str, plain: &str| format!("{scheme}{}", STANDARD.encode(plain));
        let longest = format!("u:{}", "p".repeat(MAX_DECODED - 2));
        for (field, username, password) in [
            (encoded("Basic ", "user:password"), "user", "password"),
            (encoded("basic ", "user:password"), "user", "password"),
            (encoded("BASIC ", "user:password"), "user", "password"),
            (encoded("bAsIc ", "user:password"), "user", "password"),
            (encoded("Basic   ", "user:password"), "user", "password"),
            (encoded("Basic ", "user:pass:word:"), "user", "pass:word:"),
            (encoded("Basic ", "user::"), "user", ":"),
            (encoded("Basic ", "user:pass word"), "user", "pass word"),
            (encoded("Basic ", "user: pass "), "user", " pass "),
            (encoded("Basic ", "user:pass=word=="), "user", "pass=word=="),
            (encoded("Basic ", "người:mật khẩu"), "người", "mật khẩu"),
            (encoded("Basic ", "user:🔑"), "user", "🔑"),
            (encoded("Basic ", "a@b.example:p"), "a@b.example", "p"),
            (encoded("Basic ", "user:"), "user", ""),
            (encoded("Basic ", ":password"), "", "password"),
            (encoded("Basic ", ":"), "", ""),
            (encoded("Basic ", "a:b"), "a", "b"),
            (encoded("Basic ", "aa:b"), "aa", "b"),
            (encoded("Basic ", "aaa:b"), "aaa", "b"),
            ("Basic dTo+Pz8/".to_owned(), "u", ">???"),
            (
                "Basic Y3VzdG9tZXItdmlldHFydGVzdC11c2VyMjQ2ODpZM1Z6ZEc5dFpYSXRkbWxsZEhGeWRHVnpkQzExYzJWeU1qUTJPQT09"
                    .to_owned(),
                "customer-vietqrtest-user2468",
                "Y3VzdG9tZXItdmlldHFydGVzdC11c2VyMjQ2OA==",
            ),
            (encoded("Basic ", &longest), "u", &longest[2..]),
        ] {
            let read = parse(&headers(&[field.as_bytes()])).unwrap_or_else(|fault| panic!("{field}: {fault}"));
            assert_eq!((read.username(), read.password().expose().as_str()), (username, password), "{field}");
        }
    }

    #[test]
    fn what_is_not_one_set_of_basic_credentials_is_refused() {
        let too_long = basic(format!("u:{}", "p".repeat(MAX_DECODED - 1)).as_bytes());
        let far_too_long = basic(&[b'a'; 70_000]);
        let rows: [(&[&[u8]], BasicFault); 37] = [
            (&[], Absent),
            (&[b"Basic dTpw", b"Basic dTpw"], Repeated),
            (&[b"Basic dTpw", b"Bearer x"], Repeated),
            (&[b""], NotBasic),
            (&[b"Basic"], NotBasic),
            (&[b"Basic "], NotBasic),
            (&[b"Basic    "], NotBasic),
            (&[b"Bearer dTpw"], NotBasic),
            (&[b"Digest username=\"u\""], NotBasic),
            (&[b"Basicx dTpw"], NotBasic),
            (&[b"Basi dTpw"], NotBasic),
            (&[b"BasicdTpw"], NotBasic),
            (&[b"Basic\tdTpw"], NotBasic),
            (&[b" Basic dTpw"], NotBasic),
            (&[b"dTpw"], NotBasic),
            (&[b"Basic:dTpw"], NotBasic),
            (&[b"Basic user:password"], NotBase64),
            (&[b"Basic dTpw "], NotBase64),
            (&[b"Basic \tdTpw"], NotBase64),
            (&[b"Basic dT pw"], NotBase64),
            (&[b"Basic dTpw, Basic dTpw"], NotBase64),
            (&[b"Basic \"dTpw\""], NotBase64),
            (&[b"Basic YTpi=="], NotBase64),
            (&[b"Basic YWE6Yg"], NotBase64),
            (&[b"Basic YWE6Yg="], NotBase64),
            (&[b"Basic YWE6Yh=="], NotBase64),
            (&[b"Basic YWE6Yg==="], NotBase64),
            (&[b"Basic dTo-Pz8_"], NotBase64),
            (&[b"Basic dTp\xff"], NotBase64),
            (&[b"Basic ===="], NotBase64),
            (&[&basic(b"userpassword")], NoColon),
            (&[&basic("user：password".as_bytes())], NoColon),
            (&[&basic(b"user:\xff\xfe")], NotUtf8),
            (&[&basic(b"user:pass\0word")], ControlCharacter),
            (&[&basic(b"us\r\ner:password")], ControlCharacter),
            (&[&basic(b"user:password\n")], ControlCharacter),
            (&[&basic(b"user:\x7f")], ControlCharacter),
        ];
        for (fields, fault) in rows {
            let shown: Vec<_> = fields.iter().map(|field| String::from_utf8_lossy(field)).collect();
            assert_eq!(parse(&headers(fields)).err(), Some(fault), "{shown:?}");
        }
        assert_eq!(parse(&headers(&[&too_long])).err(), Some(TooLong), "one byte over");
        assert_eq!(parse(&headers(&[&far_too_long])).err(), Some(TooLong), "far over");
    }

    #[test]
    fn the_password_is_not_shown() {
        let read = parse(&headers(&[&basic(b"user:hunter2")])).expect("good credentials");
        assert!(!format!("{read:?}").contains("hunter2"));
    }

    proptest! {
        #[test]
        fn any_user_and_password_come_back_as_they_were_sent(user in "[^:\\p{Cc}]{0,40}", password in "[^\\p{Cc}]{0,80}") {
            let read = parse(&headers(&[&basic(format!("{user}:{password}").as_bytes())])).expect("good credentials");
            prop_assert_eq!(read.username(), user);
            prop_assert_eq!(read.password().expose(), &password);
        }

        #[test]
        fn no_field_makes_the_reader_panic(field in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(value) = HeaderValue::from_bytes(&[b"Basic ", field.as_slice()].concat()) {
                let mut headers = HeaderMap::new();
                headers.insert(AUTHORIZATION, value);
                let _ = parse(&headers);
            }
        }
    }
}
