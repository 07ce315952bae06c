//! The one client whose user name and password are variables; and what holds for the passwords of every client.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use zeroize::Zeroizing;

use super::clients::{ClientSummary, Listed};
use super::problems::{Problem, Warning};
use super::reader::Reader;
use super::vars;
use crate::auth::accounts::{Account, Accounts, AccountsFault, ClientName, HashingRoom, Login, PasswordHash};
use crate::auth::basic;
use crate::policy::Policy;
use crate::secret::Secret;

/// The three variables as they were read; `None` where a problem waits in the reader.
pub(super) struct Given {
    username: Option<Option<String>>,
    plain: Option<Option<Secret<String>>>,
    hash: Option<Option<PasswordHash>>,
}

impl Given {
    pub(super) fn read(r: &mut Reader) -> Self {
        Self {
            username: r.read(&vars::CLIENT_USERNAME),
            plain: r.read(&vars::CLIENT_PASSWORD),
            hash: r.read(&vars::CLIENT_PASSWORD_HASH),
        }
    }

    /// The client, and the variable that its password came from.
    pub(super) fn client(self, r: &mut Reader) -> Option<(&'static str, Listed)> {
        let name = vars::CLIENT_USERNAME.name;
        if !r.was_set(name) {
            let remedy = format!(
                "`bearergate new-client NAME` prints a user name and a password; or name a file in {}",
                vars::CLIENTS_FILE.name
            );
            r.problem(Problem::missing(name, remedy));
        }
        let password = kept(r, self.plain, self.hash);
        let (username, (variable, password)) = (self.username??, password?);
        let name = ClientName::for_username(&username);
        let account = match is_sample(&name, &username, &password) {
            Ok(true) => {
                r.refuse(variable, IS_SAMPLE, "`bearergate new-client NAME` prints a good one");
                return None;
            }
            Ok(false) => Account::new(name.clone(), username.clone(), vec![password]),
            Err(fault) => Err(fault),
        };
        match account {
            Ok(account) => {
                let summary = ClientSummary { name, username: Some(username), passwords: 1, static_tokens: 0 };
                Some((variable, Listed { account, policy: Policy::default(), summary }))
            }
            Err(fault) => {
                r.refuse(variable, format!("is refused: {fault}"), "");
                None
            }
        }
    }
}

/// The password as it is kept, and the variable that it came from.
fn kept(
    r: &mut Reader,
    plain: Option<Option<Secret<String>>>,
    hash: Option<Option<PasswordHash>>,
) -> Option<(&'static str, PasswordHash)> {
    let (plain_name, hash_name) = (vars::CLIENT_PASSWORD.name, vars::CLIENT_PASSWORD_HASH.name);
    match (r.was_set(plain_name), r.was_set(hash_name)) {
        (true, true) => {
            r.refuse(plain_name, format!("is set, and {hash_name} too"), "keep the hash and unset this");
            return None;
        }
        (false, false) => {
            let remedy = format!("set it or {hash_name}; `bearergate new-client NAME` prints both");
            r.problem(Problem::missing(plain_name, remedy));
            return None;
        }
        (true, false) | (false, true) => {}
    }
    if let Some(plain) = plain? {
        if is_short(plain.expose()) {
            let what =
                "is shorter than 12 characters, so it can be guessed; `bearergate new-client NAME` prints a good one";
            r.warn(Warning::new(plain_name, what));
        }
        return Some((plain_name, PasswordHash::of_plain(&plain)));
    }
    Some((hash_name, hash??))
}

/// Whether the Base64 of the user name, in any of its alphabets, is this password. Asked like a login, so it holds for every kind of hash;
/// an argon2id hash costs one to four logins.
pub(super) fn is_sample(name: &ClientName, username: &str, password: &PasswordHash) -> Result<bool, AccountsFault> {
    let account = match Account::new(name.clone(), username.to_owned(), vec![password.clone()]) {
        Err(AccountsFault::PasswordIsUsername { .. }) => return Ok(true),
        account => account?,
    };
    let accounts = Accounts::new(vec![account])?;
    let mut samples = [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD].map(|form| form.encode(username)).to_vec();
    samples.sort();
    samples.dedup();
    Ok(samples.into_iter().any(|sample| logs_in(&accounts, username, &Secret::new(sample))))
}

fn logs_in(accounts: &Accounts, username: &str, password: &Secret<String>) -> bool {
    let pair = Zeroizing::new(format!("{username}:{}", password.expose()));
    let Ok(header) = HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(&*pair))) else {
        return false;
    };
    let headers = HeaderMap::from_iter([(AUTHORIZATION, header)]);
    match basic::parse(&headers).map(|credentials| accounts.begin(&credentials)) {
        Ok(Login::Accepted(_)) => true,
        Ok(Login::NeedsHashing(slow)) => slow.run(&mut HashingRoom::default()).is_some(),
        Ok(Login::Refused) | Err(_) => false,
    }
}

/// Why no caller could log in with a password. It never repeats it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unsendable {
    /// Basic credentials may hold none. Source: RFC 7617, section 2.
    #[error("has a control character, perhaps a line end, which no caller can send")]
    ControlCharacter,
    /// Together with the user name it must fit into the 1 KiB that [`basic`] reads.
    #[error("is longer than 512 bytes")]
    TooLong,
}

/// Whether a caller can send this password at all.
pub(crate) fn check_sendable(password: &str) -> Result<(), Unsendable> {
    if password.contains(char::is_control) {
        return Err(Unsendable::ControlCharacter);
    }
    if password.len() > LONGEST_PASSWORD { Err(Unsendable::TooLong) } else { Ok(()) }
}

/// Whether a plain password is so short that people warn each other of it.
pub(crate) fn is_short(password: &str) -> bool {
    password.chars().count() < SHORTEST_GOOD_PASSWORD
}

const LONGEST_PASSWORD: usize = 512;

/// Below this a plain password is a warning. Source: contract, "Refused at start".
const SHORTEST_GOOD_PASSWORD: usize = 12;

/// The rest of a sentence that begins with such a password.
pub(super) const IS_SAMPLE: &str =
    "is the Base64 of the user name, as in the documentation's sample: whoever has read it can log in";
