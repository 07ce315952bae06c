//! The shape that Basic and Bearer share: a scheme, one or more spaces, the credentials.

use http::HeaderValue;

/// What follows `scheme` and its spaces, byte for byte; `None` for another scheme or when nothing follows.
///
/// The scheme is compared without case, only the space divides. Source: RFC 9110, section 11.4.
pub(super) fn after_scheme<'a>(field: &'a HeaderValue, scheme: &str) -> Option<&'a [u8]> {
    let (name, rest) = field.as_bytes().split_at_checked(scheme.len())?;
    if !name.eq_ignore_ascii_case(scheme.as_bytes()) {
        return None;
    }
    let spaces = rest.iter().take_while(|byte| **byte == b' ').count();
    let credentials = &rest[spaces..];
    (spaces > 0 && !credentials.is_empty()).then_some(credentials)
}
