//! What a signing key is called: its file's name, and the `kid` of the tokens it signs.

use std::fmt;
use std::sync::Arc;

/// The name of a key: 1 to 64 of `A-Z a-z 0-9 . _ -`, not beginning with a dot. Ordered byte by byte.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyId(Arc<str>);

/// Why a text is not a key's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not 1 to 64 of A-Z a-z 0-9 . _ - beginning with another character than a dot")]
pub struct KeyIdFault;

impl KeyId {
    /// # Errors
    /// [`KeyIdFault`] unless it is 1 to 64 of `A-Z a-z 0-9 . _ -` and begins with another character than a dot.
    pub fn parse(text: &str) -> Result<Self, KeyIdFault> {
        // Nothing of this alphabet is escaped in JSON, so an id stands in a token's header as it is.
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if (1..=64).contains(&text.len()) && !text.starts_with('.') && text.bytes().all(allowed) {
            Ok(Self(Arc::from(text)))
        } else {
            Err(KeyIdFault)
        }
    }

    /// The name itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_1_to_64_of_a_small_alphabet_and_no_hidden_file() {
        let longest = "k".repeat(64);
        for good in ["a", "2026-10-01", "2026_10.pem", "-", "_", "A.", "a..b", &longest] {
            assert_eq!(KeyId::parse(good).expect(good).as_str(), good);
        }
        let too_long = "k".repeat(65);
        for bad in ["", ".", "..", "..data", ".2026", " ", "a b", "a/b", "a\\b", "a\"b", "a\n", "é", "a@b", &too_long]
        {
            assert_eq!(KeyId::parse(bad), Err(KeyIdFault), "{bad:?}");
        }
    }

    #[test]
    fn names_are_ordered_byte_by_byte() {
        let mut names =
            ["b", "a", "B", "10", "2", "a-1", "a.1", "a_1", "a0"].map(|name| KeyId::parse(name).expect(name));
        names.sort();
        assert_eq!(names.each_ref().map(KeyId::as_str), ["10", "2", "B", "a", "a-1", "a.1", "a0", "a_1", "b"]);
    }
}
