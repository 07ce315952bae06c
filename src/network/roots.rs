//! The authorities that the network's token call believes: public ones, and one's own for a trial.

use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// Trusted authorities: Mozilla's, compiled in (the crate `webpki-roots`), and those that were added.
#[derive(Clone, Debug)]
pub struct Roots {
    store: Arc<RootCertStore>,
    own: Vec<CertificateDer<'static>>,
}

/// Why a file of authorities cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RootsFault {
    /// No certificate.
    #[error("the file of authorities holds no PEM certificate (BEGIN CERTIFICATE)")]
    Empty,
    /// One that cannot be read.
    #[error("the file of authorities is damaged, or a certificate in it is none")]
    Damaged,
}

impl Roots {
    /// The public authorities. Java 8 has a set of its own, which is Oracle's or its distributor's: it is not this one.
    #[must_use]
    pub fn public() -> Self {
        let store = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        Self { store: Arc::new(store), own: Vec::new() }
    }

    /// The same, and the authorities of a PEM bundle.
    ///
    /// # Errors
    /// [`RootsFault`].
    pub fn and_pem(self, bundle: &[u8]) -> Result<Self, RootsFault> {
        let mut store = RootCertStore::clone(&self.store);
        let mut own = self.own;
        for certificate in CertificateDer::pem_slice_iter(bundle) {
            let certificate = certificate.map_err(|_| RootsFault::Damaged)?;
            store.add(certificate.clone()).map_err(|_| RootsFault::Damaged)?;
            own.push(certificate);
        }
        if own.is_empty() { Err(RootsFault::Empty) } else { Ok(Self { store: Arc::new(store), own }) }
    }

    /// As rustls takes them.
    #[must_use]
    pub fn store(&self) -> Arc<RootCertStore> {
        Arc::clone(&self.store)
    }

    /// Those that were added.
    #[must_use]
    pub fn own(&self) -> &[CertificateDer<'static>] {
        &self.own
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_authorities_come_beside_the_public_ones() {
        let public = Roots::public();
        assert!(public.store().len() > 100, "{}", public.store().len());
        let (_, pem) = crate::tls::throw_away_ca(&[]).expect("an authority");
        let both = Roots::public().and_pem(pem.as_bytes()).expect("one certificate");
        assert_eq!((both.store().len(), both.own().len()), (public.store().len() + 1, 1));
        assert_eq!(Roots::public().and_pem(b"").err(), Some(RootsFault::Empty));
        let damaged = pem.replace("MII", "MIJ");
        assert_eq!(Roots::public().and_pem(damaged.as_bytes()).err(), Some(RootsFault::Damaged));
    }
}
