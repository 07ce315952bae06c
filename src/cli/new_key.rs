//! `bearergate new-key`: a key that signs tokens, alone on standard output so that it can go straight into a secret store.

use super::{Exit, print, say};
use crate::auth::keyring::{Algorithm, TokenKey};

pub(super) fn new_key(algorithm: Algorithm) -> Exit {
    let key = match TokenKey::generate(algorithm) {
        Ok(key) => key,
        Err(fault) => {
            say(&format!("bearergate: the key {fault}"));
            return Exit::Failed;
        }
    };
    say(HINT);
    // One line end in all: PEM brings its own.
    print(key.expose().trim_end())
}

const HINT: &str =
    "The key of this gate and of nobody else. Set it as BEARERGATE_TOKEN_KEY, or put it into a file and name that in
BEARERGATE_TOKEN_KEY_FILE; the same on every replica. Never in git.";
