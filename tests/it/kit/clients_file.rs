//! A clients file, and passwords as it keeps them.

use std::path::PathBuf;

use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version};
use aws_lc_rs::digest;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A clients file in a directory of its own.
pub(crate) struct ClientsFile(TempDir);

impl ClientsFile {
    /// A file with these clients, a list of JSON objects.
    pub(crate) fn of(clients: Value) -> Self {
        let file = Self(tempfile::tempdir().expect("a test machine has a temporary directory"));
        file.write(clients);
        file
    }

    /// Puts these clients in the place of those that were there, all at once.
    pub(crate) fn write(&self, clients: Value) {
        let next = self.0.path().join("next");
        std::fs::write(&next, json!({ "clients": clients }).to_string()).expect("the directory can be written");
        std::fs::rename(next, self.path()).expect("the directory can be written");
    }

    /// Where it is.
    pub(crate) fn path(&self) -> PathBuf {
        self.0.path().join("clients.json")
    }
}

/// A generated password, or a static token, as it is kept.
pub(crate) fn sha256_of(text: &str) -> String {
    let digest = digest::digest(&digest::SHA256, text.as_bytes());
    digest.as_ref().iter().fold("sha256:".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

/// A chosen password as it is kept, with the least work that argon2id can be.
pub(crate) fn argon2id_of(password: &str) -> String {
    argon2id_costing(password, Params::new(64, 1, 1, None).expect("parameters of argon2"))
}

/// A chosen password as it is kept, with this much work.
pub(crate) fn argon2id_costing(password: &str, params: Params) -> String {
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon2.hash_password_with_salt(password.as_bytes(), b"sixteen bytes ok").expect("a hash").to_string()
}
