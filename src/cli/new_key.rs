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
    "The key of this gate and of nobody else, the same on every replica. Put it into a file of the folder that BEARERGATE_TOKEN_KEYS_DIR
names, where the file's name is the key's and the last by name signs, such as 2026-10-01; or set it as BEARERGATE_TOKEN_KEY, or name a file
with it in BEARERGATE_TOKEN_KEY_FILE. Never in git.";
