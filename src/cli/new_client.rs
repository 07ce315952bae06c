//! `bearergate new-client NAME`: credentials for the payment network, and what the gate keeps of them.

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use zeroize::Zeroizing;

use super::{Exit, print, say};
use crate::auth::accounts::{ClientName, PasswordHash, StaticToken};
use crate::secret::Secret;

/// How a new client is to prove itself.
#[derive(Clone, Copy)]
pub(super) enum Proof {
    /// With a password, for which it gets a token.
    Password,
    /// With one token for ever.
    StaticToken,
}

impl From<bool> for Proof {
    /// The flag `--static`.
    fn from(fixed: bool) -> Self {
        if fixed { Self::StaticToken } else { Self::Password }
    }
}

pub(super) fn new_client(name: &ClientName, proof: Proof) -> Exit {
    // 192 random bits and more: a digest is then enough to keep.
    let secret = match password() {
        Ok(secret) => secret,
        Err(fault) => {
            say(&format!("bearergate: {fault}"));
            return Exit::Failed;
        }
    };
    let lines = Lines::of(name, &secret, proof);
    say(lines.before_theirs);
    let sent = print(&lines.theirs);
    say(lines.before_ours);
    let kept = print(&lines.ours);
    if sent == Exit::Done { kept } else { sent }
}

/// What is printed: theirs holds the secret, ours does not.
struct Lines {
    before_theirs: &'static str,
    theirs: Zeroizing<String>,
    before_ours: &'static str,
    ours: String,
}

/// A client of the clients file.
#[derive(Serialize)]
struct Entry<'e> {
    name: &'e str,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<&'e str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    passwords: &'e [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    static_tokens: &'e [String],
}

impl Lines {
    fn of(name: &ClientName, secret: &Secret<String>, proof: Proof) -> Self {
        match proof {
            Proof::Password => Self::of_password(name, secret),
            Proof::StaticToken => Self::of_token(name, secret),
        }
    }

    fn of_password(name: &ClientName, password: &Secret<String>) -> Self {
        let hash = PasswordHash::of_plain(password).text();
        let variables = format!("BEARERGATE_CLIENT_USERNAME={name}\nBEARERGATE_CLIENT_PASSWORD_HASH={hash}");
        let name = name.as_str();
        let entry = Entry { name, username: Some(name), passwords: &[hash], static_tokens: &[] }.line();
        Self {
            before_theirs: "To the payment network, over a safe channel. The password is shown only this once:",
            theirs: Zeroizing::new(format!("username={name}\npassword={}", password.expose())),
            before_ours: "To the gate: the two variables, or the line among \"clients\" of the clients file. Nobody can log in with the hash:",
            ours: format!("{variables}\n{entry}"),
        }
    }

    fn of_token(name: &ClientName, token: &Secret<String>) -> Self {
        let digest = StaticToken::of_plain(token).text();
        Self {
            before_theirs: "To the caller, over a safe channel. The token is good until it is taken out of the clients file, and shown only \
                            this once:",
            theirs: Zeroizing::new(format!("token={}", token.expose())),
            before_ours: "To the gate, as a line among \"clients\" of the clients file. Nobody can call with the digest:",
            ours: Entry { name: name.as_str(), username: None, passwords: &[], static_tokens: &[digest] }.line(),
        }
    }
}

impl Entry<'_> {
    fn line(&self) -> String {
        serde_json::to_string(self).expect("texts always become JSON")
    }
}

/// The system is to blame: it gave no random bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no password can be made: the system gave no random bytes")]
pub(super) struct NoRandom;

/// Makes a password or token: 192 random bits as 32 characters of `A-Z a-z 0-9 - _`, nothing that a shell, a URL or a form could mangle.
///
/// # Errors
/// [`NoRandom`].
pub(super) fn password() -> Result<Secret<String>, NoRandom> {
    let mut bytes = Zeroizing::new([0; 24]);
    rand::fill(&mut *bytes).map_err(|_| NoRandom)?;
    Ok(Secret::new(URL_SAFE_NO_PAD.encode(*bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Machine, Vars};

    const DIGEST: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn lines(proof: Proof) -> Lines {
        let name = ClientName::parse("vietqr-live").expect("the name is good");
        Lines::of(&name, &Secret::new("abc".to_owned()), proof)
    }

    #[test]
    fn a_password_is_long_plain_and_never_the_same() {
        let (one, other) = (password(), password());
        let (one, other) = (one.expect("random bytes"), other.expect("random bytes"));
        assert_eq!(one.expose().len(), 32);
        assert!(one.expose().bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
        assert_ne!(one.expose(), other.expose());
    }

    #[test]
    fn the_network_gets_the_secret_and_the_gate_its_digest() {
        let printed = lines(Proof::Password);
        assert_eq!(*printed.theirs, "username=vietqr-live\npassword=abc");
        let variables = format!("BEARERGATE_CLIENT_USERNAME=vietqr-live\nBEARERGATE_CLIENT_PASSWORD_HASH={DIGEST}");
        let entry = format!(r#"{{"name":"vietqr-live","username":"vietqr-live","passwords":["{DIGEST}"]}}"#);
        assert_eq!(printed.ours, format!("{variables}\n{entry}"));
        let printed = lines(Proof::StaticToken);
        assert_eq!(*printed.theirs, "token=abc");
        assert_eq!(printed.ours, format!(r#"{{"name":"vietqr-live","static_tokens":["{DIGEST}"]}}"#));
    }

    #[test]
    fn what_is_printed_is_what_the_gate_reads() {
        let folder = tempfile::tempdir().expect("a directory for the test");
        let path = folder.path().join("clients.json");
        let base = [
            ("BEARERGATE_UPSTREAM_URL", "http://127.0.0.1:8080"),
            ("BEARERGATE_TLS", "off"),
            ("BEARERGATE_TOKEN_KEY", "q6Zr0fPzU9r1m3m0lSxH5c3vJw8kT2yN"),
        ];
        let accepts = |more: &[(&str, &str)]| {
            Config::from_vars(Vars::from_pairs(base.iter().chain(more).copied()), &Machine::detect()).is_ok()
        };
        for proof in [Proof::Password, Proof::StaticToken] {
            let printed = lines(proof).ours;
            let (variables, entry): (Vec<&str>, Vec<&str>) = printed.lines().partition(|line| !line.starts_with('{'));
            std::fs::write(&path, format!(r#"{{"clients":[{}]}}"#, entry.join(","))).expect("the file is written");
            assert!(accepts(&[("BEARERGATE_CLIENTS_FILE", path.to_str().expect("the path is text"))]), "{printed}");
            let variables: Vec<_> = variables.iter().filter_map(|line| line.split_once('=')).collect();
            assert!(variables.is_empty() || accepts(&variables), "{printed}");
        }
    }
}
