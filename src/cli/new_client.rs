//! `bearergate new-client NAME`: credentials for the payment network, and what the gate keeps of them.

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use super::{Exit, print, say};
use crate::auth::accounts::{ClientName, PasswordHash};
use crate::secret::Secret;

pub(super) fn new_client(name: &ClientName) -> Exit {
    let password = match password() {
        Ok(password) => password,
        Err(fault) => {
            say(&format!("bearergate: {fault}"));
            return Exit::Failed;
        }
    };
    say("To the payment network, over a safe channel. The password is shown only this once:");
    let sent = print(&for_the_network(name, &password));
    say("To the gate, as its variables. Nobody can log in with the hash:");
    let kept = print(&for_the_gate(name, &password));
    if sent == Exit::Done { kept } else { sent }
}

fn for_the_network(name: &ClientName, password: &Secret<String>) -> Zeroizing<String> {
    Zeroizing::new(format!("username={name}\npassword={}", password.expose()))
}

fn for_the_gate(name: &ClientName, password: &Secret<String>) -> String {
    let hash = PasswordHash::of_plain(password).text();
    format!("BEARERGATE_CLIENT_USERNAME={name}\nBEARERGATE_CLIENT_PASSWORD_HASH={hash}")
}

/// The system is to blame: it gave no random bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no password can be made: the system gave no random bytes")]
pub(super) struct NoRandom;

/// Makes a password: 192 random bits as 32 characters of `A-Z a-z 0-9 - _`, nothing that a shell, a URL or a form could mangle.
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

    #[test]
    fn a_password_is_long_plain_and_never_the_same() {
        let (one, other) = (password(), password());
        let (one, other) = (one.expect("random bytes"), other.expect("random bytes"));
        assert_eq!(one.expose().len(), 32);
        assert!(one.expose().bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
        assert_ne!(one.expose(), other.expose());
    }

    #[test]
    fn the_network_gets_the_password_and_the_gate_its_hash() {
        let name = ClientName::parse("vietqr-live").expect("the name is good");
        let password = Secret::new("abc".to_owned());
        assert_eq!(*for_the_network(&name, &password), "username=vietqr-live\npassword=abc");
        let expected = "BEARERGATE_CLIENT_USERNAME=vietqr-live\nBEARERGATE_CLIENT_PASSWORD_HASH=\
                        sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(for_the_gate(&name, &password), expected);
    }
}
