//! `Authorization: Bearer`, read into a [`RawToken`]. Whether the token is worth anything is for the `keyring` to say.

use std::fmt;

use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::auth::scheme::after_scheme;

/// What a caller sent as a token: unverified text of any length and shape. Its `Debug` does not show it.
#[derive(Clone, Copy)]
pub struct RawToken<'a>(&'a str);

/// Why a request carries no bearer token at all. The caller is to blame for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BearerFault {
    /// No `Authorization` field.
    #[error("no Authorization header was sent")]
    Absent,
    /// More than one `Authorization` field.
    #[error("the Authorization header was sent more than once")]
    Repeated,
    /// Another scheme, the scheme alone, or not UTF-8.
    #[error("the Authorization header is not a Bearer token")]
    NotBearer,
}

impl<'a> RawToken<'a> {
    /// The text after the scheme and its spaces.
    #[must_use]
    pub const fn as_str(&self) -> &'a str {
        self.0
    }

    #[cfg(test)]
    pub(super) const fn of(text: &'a str) -> Self {
        Self(text)
    }
}

impl fmt::Debug for RawToken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RawToken([{} bytes])", self.0.len())
    }
}

/// Reads the one `Authorization: Bearer` field.
///
/// Shape: the scheme in any case, one or more spaces, then the token, whatever it is: `null`, `a b` and 9 KiB are tokens here and
/// refused by `KeyRing::verify`, so that the caller hears `INVALID_TOKEN`. Source: RFC 6750, section 2.1; contract, section 3.
/// A token in the query, a form, a cookie or another field is not a token.
/// # Errors
/// [`BearerFault::Absent`] and [`BearerFault::Repeated`] count the fields; none repeats what was sent.
pub fn parse(headers: &HeaderMap) -> Result<RawToken<'_>, BearerFault> {
    let mut fields = headers.get_all(AUTHORIZATION).iter();
    let field = fields.next().ok_or(BearerFault::Absent)?;
    if fields.next().is_some() {
        return Err(BearerFault::Repeated);
    }
    let token = after_scheme(field, "bearer").ok_or(BearerFault::NotBearer)?;
    str::from_utf8(token).map(RawToken).map_err(|_| BearerFault::NotBearer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    use BearerFault::{Absent, NotBearer, Repeated};

    fn headers(fields: &[&[u8]]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append(AUTHORIZATION, HeaderValue::from_bytes(field).expect("a field value"));
        }
        headers
    }

    #[test]
    fn everything_after_the_scheme_is_the_token() {
        let long = format!("Bearer {}", "a".repeat(9 * 1024));
        for (field, token) in [
            ("Bearer abc.def.ghi", "abc.def.ghi"),
            ("bearer abc", "abc"),
            ("BEARER abc", "abc"),
            ("beArEr abc", "abc"),
            ("Bearer   abc", "abc"),
            ("Bearer null", "null"),
            ("Bearer undefined", "undefined"),
            ("Bearer a b", "a b"),
            ("Bearer abc ", "abc "),
            ("Bearer Bearer abc", "Bearer abc"),
            ("Bearer \tabc", "\tabc"),
            ("Bearer abc, Bearer def", "abc, Bearer def"),
            ("Bearer \"abc\"", "\"abc\""),
            ("Bearer đ", "đ"),
            (&long, &long[7..]),
        ] {
            let fields = headers(&[field.as_bytes()]);
            let read = parse(&fields).unwrap_or_else(|fault| panic!("{field}: {fault}"));
            assert_eq!(read.as_str(), token, "{field}");
        }
    }

    #[test]
    fn what_is_not_one_bearer_token_is_refused() {
        let rows: [(&[&[u8]], BearerFault); 16] = [
            (&[], Absent),
            (&[b"Bearer a", b"Bearer a"], Repeated),
            (&[b"Bearer a", b"Basic dTpw"], Repeated),
            (&[b"", b"Bearer a"], Repeated),
            (&[b""], NotBearer),
            (&[b"Bearer"], NotBearer),
            (&[b"Bearer "], NotBearer),
            (&[b"Bearer   "], NotBearer),
            (&[b"Bearer\tabc"], NotBearer),
            (&[b"Bearerabc"], NotBearer),
            (&[b"Bearer=abc"], NotBearer),
            (&[b" Bearer abc"], NotBearer),
            (&[b"Basic dTpw"], NotBearer),
            (&[b"Token abc"], NotBearer),
            (&[b"abc.def.ghi"], NotBearer),
            (&[b"Bearer \xff\xfe"], NotBearer),
        ];
        for (fields, fault) in rows {
            let shown: Vec<_> = fields.iter().map(|field| String::from_utf8_lossy(field)).collect();
            assert_eq!(parse(&headers(fields)).err(), Some(fault), "{shown:?}");
        }
    }

    #[test]
    fn a_token_in_another_field_is_not_a_token() {
        let mut headers = HeaderMap::new();
        for name in ["proxy-authorization", "x-authorization", "cookie", "access-token"] {
            headers.insert(name, HeaderValue::from_static("Bearer abc"));
        }
        assert_eq!(parse(&headers).err(), Some(Absent));
    }

    #[test]
    fn the_token_is_not_shown() {
        let fields = headers(&[b"Bearer abc.def.ghi"]);
        assert_eq!(format!("{:?}", parse(&fields)), "Ok(RawToken([11 bytes]))");
    }

    proptest! {
        #[test]
        fn no_field_makes_the_reader_panic(field in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(value) = HeaderValue::from_bytes(&field) {
                let mut headers = HeaderMap::new();
                headers.insert(AUTHORIZATION, value);
                let _ = parse(&headers);
            }
        }
    }
}
