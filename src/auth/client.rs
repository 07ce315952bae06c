//! What a client is called, and the proof of who is calling.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use crate::metrics::ClientMeter;

/// The name of a client in tokens, logs and metrics: 1 to 64 of `A-Z a-z 0-9 . _ @ -`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ClientName(Arc<str>);

/// A client that has proven who it is. Only `Accounts` makes one.
#[derive(Clone, Debug)]
pub struct Caller(Arc<Proven>);

#[derive(Debug)]
struct Proven {
    client: ClientName,
    meter: ClientMeter,
}

/// Why a text is not a client's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not 1 to 64 of A-Z a-z 0-9 . _ @ -")]
pub struct NameFault;

impl ClientName {
    /// # Errors
    /// [`NameFault`] unless it is 1 to 64 of `A-Z a-z 0-9 . _ @ -`.
    pub fn parse(text: &str) -> Result<Self, NameFault> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._@-".contains(&byte);
        if (1..=64).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(Arc::from(text)))
        } else {
            Err(NameFault)
        }
    }

    /// The name of the one client that has no other name than its user name: that, or `client` when it cannot be a name.
    #[must_use]
    pub fn for_username(username: &str) -> Self {
        Self::parse(username).unwrap_or_else(|_| Self(Arc::from("client")))
    }

    /// The name itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Caller {
    pub(super) fn proven(client: ClientName, meter: ClientMeter) -> Self {
        Self(Arc::new(Proven { client, meter }))
    }

    /// Who it is.
    #[must_use]
    pub fn client(&self) -> &ClientName {
        &self.0.client
    }

    /// Where what it does is counted.
    #[must_use]
    pub fn meter(&self) -> &ClientMeter {
        &self.0.meter
    }
}

/// A client is its name, whatever was counted of it.
impl PartialEq for Caller {
    fn eq(&self, other: &Self) -> bool {
        self.client() == other.client()
    }
}

impl Eq for Caller {}

impl Borrow<str> for ClientName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClientName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ClientName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_1_to_64_of_a_small_alphabet() {
        let longest = "n".repeat(64);
        for good in ["a", "vietqr", "vietqr-live", "A.b_c@d-9", &longest] {
            assert_eq!(ClientName::parse(good).expect(good).as_str(), good);
            assert_eq!(ClientName::for_username(good).as_str(), good);
        }
        let too_long = "n".repeat(65);
        for bad in ["", " ", "a b", "a:b", "a/b", "a\n", "é", "a,b", &too_long] {
            assert_eq!(ClientName::parse(bad), Err(NameFault), "{bad:?}");
            assert_eq!(ClientName::for_username(bad).as_str(), "client", "{bad:?}");
        }
    }
}
