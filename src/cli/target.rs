//! Whom the commands that play the network call, and as whom: arguments that they share.

use std::env;
use std::fs::{self, File};
use std::io::{self, IsTerminal as _, Read};
use std::path::PathBuf;

use clap::Args;
use zeroize::Zeroizing;

use super::hash_password::{InputFault, read_password};
use super::say;
use crate::network::{Endpoint, EndpointFault, Paths, Resolve, Roots, RootsFault};
use crate::secret::Secret;

/// An endpoint and how it is reached.
#[derive(Args)]
pub(super) struct Target {
    /// The endpoint as it is registered with the network: https://HOST, with port and base path where there are any
    url: String,
    /// A file with the password
    #[arg(long, value_name = "FILE", requires = "username")]
    password_file: Option<PathBuf>,
    /// Believe the authorities in this PEM file too, for an endpoint that is not public yet
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Connect to this address for this host and port; may be given more than once
    #[arg(long, value_name = "HOST:PORT:ADDRESS")]
    resolve: Vec<Resolve>,
    /// The base path, when the URL has none
    #[arg(long, value_name = "PATH")]
    base_path: Option<String>,
    /// Where tokens are, below the base path [default: /api/token_generate]
    #[arg(long, value_name = "PATH")]
    token_path: Option<String>,
    /// Where payments are delivered, below the base path [default: /bank/api/transaction-sync]
    #[arg(long, value_name = "PATH")]
    sync_path: Option<String>,
}

/// Why nobody can be called: the arguments, or a file that one names.
#[derive(Debug, thiserror::Error)]
pub(super) enum TargetFault {
    /// The URL, or a path.
    #[error(transparent)]
    Endpoint(#[from] EndpointFault),
    /// A file.
    #[error("{}: {source}", .file.display())]
    Unreadable {
        /// Which.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The authorities.
    #[error("--ca-file {}: {source}", .file.display())]
    Roots {
        /// Which file.
        file: PathBuf,
        /// What is wrong with it.
        source: RootsFault,
    },
    /// The user name.
    #[error("the user name is empty, or holds a colon or a control character")]
    Username,
    /// The password.
    #[error("the password {0}")]
    Password(#[from] InputFault),
}

impl Target {
    /// Where to call.
    pub(super) fn endpoint(&self) -> Result<Endpoint, TargetFault> {
        let paths = Paths {
            base: self.base_path.as_deref(),
            token: self.token_path.as_deref(),
            sync: self.sync_path.as_deref(),
        };
        Ok(Endpoint::parse(&self.url, paths)?.resolved_by(&self.resolve))
    }

    /// Whose certificates are believed.
    pub(super) fn roots(&self) -> Result<Roots, TargetFault> {
        let Some(file) = &self.ca_file else { return Ok(Roots::public()) };
        let pem = fs::read(file).map_err(|source| TargetFault::Unreadable { file: file.clone(), source })?;
        Roots::public().and_pem(&pem).map_err(|source| TargetFault::Roots { file: file.clone(), source })
    }

    /// The password of this user: from the file, else from this variable, else from standard input.
    pub(super) fn password(&self, username: &str, variable: &str) -> Result<Secret<String>, TargetFault> {
        if username.is_empty() || username.contains(|c: char| c == ':' || c.is_control()) {
            return Err(TargetFault::Username);
        }
        let mut source: Box<dyn Read> = match (&self.password_file, env::var(variable)) {
            (Some(file), _) => {
                Box::new(File::open(file).map_err(|source| TargetFault::Unreadable { file: file.clone(), source })?)
            }
            (None, Ok(password)) => Box::new(io::Cursor::new(Zeroizing::new(password.into_bytes()))),
            (None, Err(_)) => {
                if io::stdin().is_terminal() {
                    say("Password, then Enter and Ctrl-D. It is shown as you type; pipe it in to avoid that:");
                }
                Box::new(io::stdin().lock())
            }
        };
        Ok(read_password(&mut source)?)
    }
}
