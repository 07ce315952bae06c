//! One client and how it proves itself, before it stands beside the others.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

use crate::auth::client::ClientName;
use crate::auth::password::{HashFault, PasswordHash, Sha256Hash};
use crate::auth::static_token::StaticToken;

/// One client and how it proves itself: with a user name and passwords, with static tokens, or either way.
#[derive(Clone, Debug)]
pub struct Account {
    pub(super) name: ClientName,
    pub(super) login: Option<UserLogin>,
    pub(super) static_tokens: Vec<StaticToken>,
}

/// How a client asks for tokens.
#[derive(Clone, Debug)]
pub(super) struct UserLogin {
    pub(super) username: String,
    /// Never empty.
    pub(super) passwords: Vec<PasswordHash>,
}

/// Why accounts cannot be used. The operator is to blame, save for [`AccountsFault::NoRandom`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccountsFault {
    /// Not one account: nobody could ever call.
    #[error("there is no client; at least one is needed")]
    NoAccount,
    /// Two accounts of one name.
    #[error("two clients are named {name}; give each its own name")]
    SameName {
        /// The name both have.
        name: ClientName,
    },
    /// Two accounts of one user name.
    #[error("the clients {first} and {second} have the same user name; give each its own")]
    SameUsername {
        /// The one that came first.
        first: ClientName,
        /// The one that came later.
        second: ClientName,
    },
    /// Two accounts of one static token: nobody could say who is calling.
    #[error("the clients {first} and {second} have the same static token; give each its own")]
    SameStaticToken {
        /// The one that came first.
        first: ClientName,
        /// The one that came later.
        second: ClientName,
    },
    /// An empty user name.
    #[error("the user name is empty; choose one")]
    EmptyUsername,
    /// A user name that RFC 7617 cannot carry.
    #[error("the user name holds a colon or a control character, so no caller could send it; choose another")]
    UnsendableUsername,
    /// A user name without a password.
    #[error("the client {name} has no password; give it one")]
    NoPassword {
        /// The account's name.
        name: ClientName,
    },
    /// Neither a user name with a password nor a static token.
    #[error("the client {name} has neither a password nor a static token, so it could never call; give it one")]
    NoWayIn {
        /// The account's name.
        name: ClientName,
    },
    /// The documentation's sample: anybody who knows the user name knows the password.
    #[error(
        "the password of client {name} is the Base64 of its user name, as in the documentation's sample; choose another"
    )]
    PasswordIsUsername {
        /// The account's name.
        name: ClientName,
    },
    /// An argon2id hash that cannot be imitated for unknown users.
    #[error("a password hash cannot be used: it {0}")]
    Hash(#[from] HashFault),
    /// The system gave no random bytes for the key of remembered logins.
    #[error("logins cannot be remembered: the system gave no random bytes")]
    NoRandom,
}

impl Account {
    /// A client with a user name; every one of `passwords` lets it in, so that a password can be changed without a cut.
    ///
    /// # Errors
    /// [`AccountsFault`] for a user name that is empty or cannot be sent, for no password, and for a password in its SHA-256 form
    /// that is the Base64 of the user name, in any of its alphabets.
    pub fn new(name: ClientName, username: String, passwords: Vec<PasswordHash>) -> Result<Self, AccountsFault> {
        if username.is_empty() {
            return Err(AccountsFault::EmptyUsername);
        }
        if username.contains(|letter: char| letter == ':' || letter.is_control()) {
            return Err(AccountsFault::UnsendableUsername);
        }
        if passwords.is_empty() {
            return Err(AccountsFault::NoPassword { name });
        }
        let samples = [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD].map(|form| form.encode(&username));
        let samples = samples.map(|text| Sha256Hash::of(&text));
        let is_sample = |password: &PasswordHash| match password {
            PasswordHash::Sha256(digest) => samples.iter().any(|sample| bool::from(digest.is(sample))),
            PasswordHash::Argon2id(_) => false,
        };
        if passwords.iter().any(is_sample) {
            return Err(AccountsFault::PasswordIsUsername { name });
        }
        Ok(Self { name, login: Some(UserLogin { username, passwords }), static_tokens: Vec::new() })
    }

    /// A client without a user name, which never asks for tokens: each of `tokens` is good for every request.
    ///
    /// # Errors
    /// [`AccountsFault::NoWayIn`] for no token.
    pub fn of_tokens(name: ClientName, tokens: Vec<StaticToken>) -> Result<Self, AccountsFault> {
        if tokens.is_empty() {
            return Err(AccountsFault::NoWayIn { name });
        }
        Ok(Self { name, login: None, static_tokens: tokens })
    }

    /// The same client with these static tokens too.
    #[must_use]
    pub fn with_static_tokens(mut self, tokens: Vec<StaticToken>) -> Self {
        self.static_tokens.extend(tokens);
        self
    }

    /// What it is called.
    #[must_use]
    pub const fn name(&self) -> &ClientName {
        &self.name
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn plain(password: &str) -> PasswordHash {
        PasswordHash::of_plain(&Secret::new(password.to_owned()))
    }

    fn chosen() -> PasswordHash {
        let salt_and_hash = "c29tZXNhbHQxMjM0NTY$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        PasswordHash::parse(&format!("$argon2id$v=19$m=64,t=1,p=1${salt_and_hash}")).expect("a hash")
    }

    #[test]
    fn an_account_nobody_should_use_is_refused() {
        let name = || ClientName::parse("vietqr").expect("a name");
        let is_sample = || AccountsFault::PasswordIsUsername { name: name() };
        let sample = plain("Y3VzdG9tZXItdmlldHFydGVzdC11c2VyMjQ2OA==");
        for (username, passwords, expected) in [
            ("", vec![plain("a")], AccountsFault::EmptyUsername),
            ("a:b", vec![plain("a")], AccountsFault::UnsendableUsername),
            ("a\nb", vec![plain("a")], AccountsFault::UnsendableUsername),
            ("user", vec![], AccountsFault::NoPassword { name: name() }),
            ("customer-vietqrtest-user2468", vec![sample], is_sample()),
            ("user", vec![chosen(), plain("dXNlcg==")], is_sample()),
            ("user", vec![plain("dXNlcg")], is_sample()),
            ("a>?", vec![plain("YT4/")], is_sample()),
            ("a>?", vec![plain("good"), plain("YT4_")], is_sample()),
        ] {
            assert_eq!(Account::new(name(), username.to_owned(), passwords).err(), Some(expected), "{username:?}");
        }
        assert_eq!(Account::of_tokens(name(), vec![]).err(), Some(AccountsFault::NoWayIn { name: name() }));
    }

    #[test]
    fn no_digest_of_an_account_is_shown() {
        let name = ClientName::parse("vietqr").expect("a name");
        let token = StaticToken::of_plain(&Secret::new("abc".to_owned()));
        let account = Account::new(name, "user".to_owned(), vec![plain("abc"), chosen()]).expect("an account");
        let shown = format!("{:?}", account.with_static_tokens(vec![token]));
        assert!(!shown.contains("ba7816bf") && !shown.contains("CTFh") && !shown.contains("186, 120"), "{shown}");
    }
}
