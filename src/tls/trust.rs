//! Whose certificates we believe when we are the caller: the upstream's side of TLS.

use std::fmt;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use super::{TlsFault, provider};

/// The authorities whose certificates an `https://` upstream may show, and the rules of that handshake: TLS 1.2 and 1.3, HTTP/1.1 by ALPN.
/// Name and address are checked too. Its `Debug` shows nothing.
#[derive(Clone)]
pub struct Trust(Arc<ClientConfig>);

impl Trust {
    /// Trusts the authorities of a PEM bundle, one or more, and nobody else.
    ///
    /// # Errors
    /// [`TlsFault::NoUpstreamCa`] and [`TlsFault::BadUpstreamCa`].
    pub fn from_pem(bundle: &[u8]) -> Result<Self, TlsFault> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(bundle) {
            let certificate = certificate.map_err(|_| TlsFault::BadUpstreamCa)?;
            roots.add(certificate).map_err(|_| TlsFault::BadUpstreamCa)?;
        }
        if roots.is_empty() { Err(TlsFault::NoUpstreamCa) } else { Self::of(roots) }
    }

    /// Trusts whom the system trusts: the bundle at its usual places, or what `SSL_CERT_FILE` and `SSL_CERT_DIR` name.
    ///
    /// # Errors
    /// [`TlsFault::NoSystemRoots`] when there is not one certificate that can be read.
    pub fn of_system() -> Result<Self, TlsFault> {
        let mut roots = RootCertStore::empty();
        // A system's bundle may hold a certificate too odd to be read; the others are as good without it.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() { Err(TlsFault::NoSystemRoots) } else { Self::of(roots) }
    }

    fn of(roots: RootCertStore) -> Result<Self, TlsFault> {
        let config = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(TlsFault::Setup)?;
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(Arc::new(config)))
    }

    /// A handshake with a memory of its own for the sessions that can be resumed: each worker has one, and a new trust forgets them all,
    /// because who resumes a session shows no certificate.
    #[must_use]
    pub fn handshake(&self) -> Arc<ClientConfig> {
        let mut config = ClientConfig::clone(&self.0);
        config.resumption = Resumption::in_memory_sessions(MOST_SESSIONS);
        Arc::new(config)
    }

    /// Whether this is the same as `other`, not merely alike.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Trust(..)")
    }
}

/// Servers whose sessions a worker remembers; there is one upstream, which may have changed its name.
const MOST_SESSIONS: usize = 8;
