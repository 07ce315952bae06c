//! `bearergate hash-password`: a password that a person chose becomes the line that the gate keeps.

use std::io::{self, IsTerminal as _, Read};

use zeroize::{Zeroize as _, Zeroizing};

use super::{Exit, print, say};
use crate::auth::accounts::hash_chosen;
use crate::config::{Unsendable, check_sendable, is_short};
use crate::secret::Secret;

pub(super) fn hash_password() -> Exit {
    let input = io::stdin().lock();
    if input.is_terminal() {
        say("Password, then Enter and Ctrl-D. It is shown as you type; pipe it in to avoid that:");
    }
    let password = match read_password(input) {
        Ok(password) => password,
        Err(fault) => {
            say(&format!("bearergate: the password {fault}"));
            return Exit::Failed;
        }
    };
    if is_short(password.expose()) {
        say("warning: the password is shorter than 12 characters, so it can be guessed");
    }
    match hash_chosen(&password) {
        Ok(line) => {
            say(HINT);
            print(&line)
        }
        Err(fault) => {
            say(&format!("bearergate: the password {fault}"));
            Exit::Failed
        }
    }
}

/// Why there is nothing to hash.
#[derive(Debug, thiserror::Error)]
pub(super) enum InputFault {
    #[error("cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    #[error("is not UTF-8")]
    NotUtf8,
    #[error("is empty")]
    Empty,
    #[error(transparent)]
    Unsendable(#[from] Unsendable),
}

/// Everything there is to read, without one final LF or CRLF.
pub(super) fn read_password(input: impl Read) -> Result<Secret<String>, InputFault> {
    // One allocation from the start: a buffer that grows leaves copies of the password behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MOST_READ + 1));
    input.take(MOST_READ as u64).read_to_end(&mut bytes)?;
    let mut text = String::from_utf8(std::mem::take(&mut *bytes)).map_err(|error| {
        error.into_bytes().zeroize();
        InputFault::NotUtf8
    })?;
    let kept = text.strip_suffix("\r\n").or_else(|| text.strip_suffix('\n')).unwrap_or(&text).len();
    text.truncate(kept);
    let password = Secret::new(text);
    if password.expose().is_empty() {
        return Err(InputFault::Empty);
    }
    check_sendable(password.expose())?;
    Ok(password)
}

/// More than any password that [`check_sendable`] lets pass.
const MOST_READ: usize = 4096;

const HINT: &str =
    "To the gate: into \"passwords\" of the clients file, or into a file that BEARERGATE_CLIENT_PASSWORD_HASH_FILE names, or as
BEARERGATE_CLIENT_PASSWORD_HASH: there in single quotes in a shell, and in a compose file with $$ for each $.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_read_whole_but_for_one_final_line_end() {
        for (input, password) in [
            ("secret\n", Some("secret")),
            ("secret\r\n", Some("secret")),
            ("secret", Some("secret")),
            (" se cret: \n", Some(" se cret: ")),
            ("mật khẩu\n", Some("mật khẩu")),
            ("secret\n\n", None),
            ("two\nlines\n", None),
            ("\n", None),
            ("", None),
        ] {
            let read = read_password(input.as_bytes()).ok();
            assert_eq!(read.as_ref().map(|secret| secret.expose().as_str()), password, "{input:?}");
        }
        assert!(read_password(&[0xff, 0xfe][..]).is_err());
        assert!(read_password(&[b'a'; 10_000][..]).is_err());
    }
}
