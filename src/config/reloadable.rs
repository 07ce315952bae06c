//! What can be loaded again while the process runs: certificates, clients, keys, and the upstream's `Authorization`.
//!
//! The variables stay as they were at start; the files that they name are read anew and held to the same rules. When to load, and what to do
//! with what was loaded, is for `app`.

use std::path::PathBuf;
use std::sync::Arc;

use super::clients::Roster;
use super::reader::{Reader, Setting, Source, Vars};
use super::{Machine, Problems, Tls, edge, keys, upstream, vars};
use crate::auth::keyring::NamedKey;
use crate::policy::Clients;
use crate::tls::{ServerIdentity, Trust};
use crate::upstream::AuthorizationPolicy;

/// The variables of a good configuration, ready to be read again. Its `Debug` shows no secret.
#[derive(Debug)]
pub struct Reloadable {
    vars: Arc<Vars>,
    machine: Machine,
    /// The certificate that this process made itself with `TLS=self-signed`: it stays.
    made: Option<ServerIdentity>,
    tls_files: Vec<PathBuf>,
    clients_files: Vec<PathBuf>,
    key_files: Vec<PathBuf>,
    authorization_files: Vec<PathBuf>,
    trust_files: Vec<PathBuf>,
}

impl Reloadable {
    pub(super) fn new(vars: Arc<Vars>, machine: &Machine, tls: &Tls, settings: &[Setting]) -> Self {
        let tls_files = files(settings, &TLS, &[]);
        let pair = [vars::TLS_CERT_FILE.name, vars::TLS_KEY_FILE.name];
        let made = match tls {
            Tls::With(identity, _) if files(settings, &pair, &[]).is_empty() => Some(identity.clone()),
            _ => None,
        };
        Self {
            vars,
            machine: machine.clone(),
            made,
            tls_files,
            clients_files: files(settings, &[vars::CLIENTS_FILE.name], &PASSWORDS),
            key_files: files(settings, &[vars::TOKEN_KEYS_DIR.name], &[vars::TOKEN_KEY.name]),
            authorization_files: files(settings, &[], &[vars::UPSTREAM_AUTHORIZATION.name]),
            trust_files: files(settings, &[vars::UPSTREAM_CA_FILE.name], &[]),
        }
    }

    /// Certificate, key and the authorities of callers' certificates; a certificate that this process made itself stays.
    ///
    /// # Errors
    /// Every problem of these files and variables.
    pub fn tls(&self) -> Result<Tls, Problems> {
        self.again(|r| {
            let listen = r.read(&vars::LISTEN).map(Option::unwrap_or_default);
            edge::read_tls(r, listen.as_ref(), self.made.as_ref())
        })
    }

    /// Every client and what it may do.
    ///
    /// # Errors
    /// Every problem of the clients file, or of the one client's variables.
    pub fn clients(&self) -> Result<Clients, Problems> {
        self.again(Roster::read).map(|roster| roster.clients)
    }

    /// The keys, never none. Their `first_seen` is that of the start; `KeyRing::reloaded` puts it right.
    ///
    /// # Errors
    /// Every problem of the key, or of the folder and its files.
    pub fn keys(&self) -> Result<Vec<NamedKey>, Problems> {
        self.again(|r| keys::read_keys(r, self.machine.unix_now))
    }

    /// The `Authorization` that the upstream sees.
    ///
    /// # Errors
    /// The problem of its variable or file.
    pub fn authorization(&self) -> Result<AuthorizationPolicy, Problems> {
        self.again(|r| r.read(&vars::UPSTREAM_AUTHORIZATION))
    }

    /// The authorities that an `https://` upstream's certificate may be signed by.
    ///
    /// # Errors
    /// The problem of their file.
    pub fn trust(&self) -> Result<Trust, Problems> {
        self.again(upstream::read_trust)
    }

    /// The files of [`Self::tls`]; none when TLS is off or self-signed, save the authorities of callers' certificates.
    #[must_use]
    pub fn tls_files(&self) -> Vec<PathBuf> {
        self.tls_files.clone()
    }

    /// The file of [`Self::clients`]: the clients file, or the one client's password; none when nothing of it comes from a file.
    #[must_use]
    pub fn clients_files(&self) -> Vec<PathBuf> {
        self.clients_files.clone()
    }

    /// The folder or file of [`Self::keys`]; none when the key is a variable.
    #[must_use]
    pub fn key_files(&self) -> Vec<PathBuf> {
        self.key_files.clone()
    }

    /// The file of [`Self::authorization`]; none when it is a variable or the default.
    #[must_use]
    pub fn authorization_files(&self) -> Vec<PathBuf> {
        self.authorization_files.clone()
    }

    /// The file of [`Self::trust`]; none for the system's root certificates, which are read at start only.
    #[must_use]
    pub fn trust_files(&self) -> Vec<PathBuf> {
        self.trust_files.clone()
    }

    fn again<P>(&self, read: impl FnOnce(&mut Reader) -> Option<P>) -> Result<P, Problems> {
        let mut reader = Reader::new(Arc::clone(&self.vars));
        let parts = read(&mut reader);
        reader.finish_some(parts).map(|read| read.parts)
    }
}

/// The paths that `paths` hold, and the files that `secrets` came from.
fn files(settings: &[Setting], paths: &[&str], secrets: &[&str]) -> Vec<PathBuf> {
    let file = |setting: &Setting| match &setting.source {
        Source::Variable if paths.contains(&setting.name) => Some(PathBuf::from(&setting.value)),
        Source::File(path) if secrets.contains(&setting.name) => Some(path.clone()),
        _ => None,
    };
    settings.iter().filter_map(file).collect()
}

const TLS: [&str; 3] = [vars::TLS_CERT_FILE.name, vars::TLS_KEY_FILE.name, vars::TLS_CLIENT_CA_FILE.name];
const PASSWORDS: [&str; 2] = [vars::CLIENT_PASSWORD.name, vars::CLIENT_PASSWORD_HASH.name];
