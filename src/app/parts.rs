//! The parts that change while the server runs, and how each is loaded again.

use std::path::PathBuf;
use std::sync::Arc;

use crate::auth::keyring::{KeyRing, RingFault};
use crate::clock::Clock;
use crate::config::{Problems, Reloadable, Tls};
use crate::live::Live;
use crate::metrics::label;
use crate::policy::Clients;
use crate::reload::Source;
use crate::tls::{self, TlsFault, Trust};
use crate::upstream::AuthorizationPolicy;

/// A part that can be loaded again, with where it is swapped in.
pub(super) struct Part {
    files: Arc<Reloadable>,
    place: Place,
}

/// Where a part is swapped in.
pub(super) enum Place {
    /// The certificate pair.
    Tls(Arc<Live<tls::Ending>>),
    /// The keys that sign and verify tokens.
    Keys(Arc<Live<KeyRing>>, Clock),
    /// The clients.
    Clients(Arc<Live<Clients>>),
    /// What the upstream sees as `Authorization`.
    Authorization(Arc<Live<AuthorizationPolicy>>),
    /// Whom an `https://` upstream is believed.
    Trust(Arc<Live<Trust>>),
}

/// Why a part could not be loaded again.
#[derive(Debug, thiserror::Error)]
pub(super) enum PartFault {
    /// What the files hold is no good.
    #[error("{}", .0.in_one_line())]
    Problems(#[from] Problems),
    /// The certificate pair cannot be served.
    #[error("{0}")]
    Tls(#[from] TlsFault),
    /// The keys do not go together.
    #[error("{0}")]
    Ring(#[from] RingFault),
}

impl Part {
    /// The part, if anything of it comes from a file.
    pub(super) fn watched(files: &Arc<Reloadable>, place: Place) -> Option<Self> {
        let part = Self { files: Arc::clone(files), place };
        (!part.files().is_empty()).then_some(part)
    }
}

impl Source for Part {
    type Fault = PartFault;

    fn part(&self) -> label::Part {
        match self.place {
            Place::Tls(_) => label::Part::Certificate,
            Place::Keys(..) => label::Part::Keys,
            Place::Clients(_) => label::Part::Clients,
            Place::Authorization(_) => label::Part::UpstreamAuthorization,
            Place::Trust(_) => label::Part::UpstreamCa,
        }
    }

    fn files(&self) -> Vec<PathBuf> {
        match self.place {
            Place::Tls(_) => self.files.tls_files(),
            Place::Keys(..) => self.files.key_files(),
            Place::Clients(_) => self.files.clients_files(),
            Place::Authorization(_) => self.files.authorization_files(),
            Place::Trust(_) => self.files.trust_files(),
        }
    }

    fn load(&mut self) -> Result<(), PartFault> {
        match &self.place {
            Place::Tls(live) => {
                if let Some(ending) = ending(self.files.tls()?)? {
                    live.swap(ending);
                }
            }
            Place::Keys(live, clock) => {
                let ring = live.read().reloaded(self.files.keys()?, clock.unix())?;
                live.swap(ring);
            }
            Place::Clients(live) => {
                let mut clients = self.files.clients()?;
                clients.inherit(&live.read());
                live.swap(clients);
            }
            Place::Authorization(live) => live.swap(self.files.authorization()?),
            Place::Trust(live) => live.swap(self.files.trust()?),
        }
        Ok(())
    }
}

/// What ends TLS with this pair; `None` when callers connect in the clear.
pub(super) fn ending(tls: Tls) -> Result<Option<tls::Ending>, TlsFault> {
    match tls {
        Tls::Off => Ok(None),
        Tls::With(identity, callers) => tls::Ending::new(identity, callers).map(Some),
    }
}
