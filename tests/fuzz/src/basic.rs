//! Basic credentials: what is read is what was written, and everything else is refused.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bearergate::auth::basic;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};

/// The input is the value of `Authorization`; each line is a field of its own.
pub fn holds(data: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in data.split(|byte| *byte == b'\n') {
        let Ok(value) = HeaderValue::from_bytes(line) else { return };
        headers.append(AUTHORIZATION, value);
    }
    let read = basic::parse(&headers);
    let only = (headers.len() == 1).then(|| headers[AUTHORIZATION].as_bytes());
    let written = only.and_then(plain);
    assert_eq!(read.is_ok(), written.is_some(), "{}", String::from_utf8_lossy(data));
    let (Ok(read), Some(written)) = (read, written) else { return };
    let (username, password) = (read.username(), read.password().expose());
    assert_eq!(format!("{username}:{password}"), written);
    assert!(!username.contains(':'));
    let other = basic_of(&format!("{username}:{}", "x".repeat(password.len())));
    assert_eq!(format!("{read:?}"), format!("{other:?}"), "what is shown does not depend on the password");
}

fn basic_of(plain: &str) -> basic::Credentials {
    let mut headers = HeaderMap::new();
    let value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(plain)));
    headers.insert(AUTHORIZATION, value.expect("Base64 can stand in a field"));
    basic::parse(&headers).expect("good credentials")
}

/// RFC 7617, section 2, and the contract's section 2, word by word.
fn plain(field: &[u8]) -> Option<String> {
    let scheme = field.get(..6)?;
    let encoded = str::from_utf8(field.get(6..)?).ok()?.trim_start_matches(' ');
    if !scheme.eq_ignore_ascii_case(b"basic ") || encoded.is_empty() {
        return None;
    }
    let decoded = STANDARD.decode(encoded).ok().filter(|decoded| decoded.len() <= 1024)?;
    // There is one way to write the same bytes.
    let text = (STANDARD.encode(&decoded) == encoded).then(|| String::from_utf8(decoded).ok())??;
    (text.contains(':') && !text.chars().any(char::is_control)).then_some(text)
}
