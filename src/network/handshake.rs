//! The handshake as the network's Java 8 makes it: TLS 1.2 or 1.3, no ALPN, no resumption; with and without a look at the certificate.

use std::fmt;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs::kx_group};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};

use super::roots::Roots;
use crate::tls;

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsVersion {
    /// TLS 1.2.
    Tls12,
    /// TLS 1.3.
    Tls13,
}

/// The rules of a handshake. Its `Debug` shows which certificates are taken.
#[derive(Clone)]
pub struct Tls {
    config: Arc<ClientConfig>,
    roots: Option<Roots>,
}

impl Tls {
    /// As for the token call: the certificate must come from one of these authorities and be for the host.
    #[must_use]
    pub fn verified(roots: &Roots) -> Self {
        Self::of(Some(roots.clone()), BOTH)
    }

    /// As for a delivery: any certificate will do, and nothing proves who is at the other end.
    #[must_use]
    pub fn unverified() -> Self {
        Self::of(None, BOTH)
    }

    /// The same with one version alone.
    #[must_use]
    pub fn only(&self, version: TlsVersion) -> Self {
        let versions = match version {
            TlsVersion::Tls12 => &[&rustls::version::TLS12],
            TlsVersion::Tls13 => &[&rustls::version::TLS13],
        };
        Self::of(self.roots.clone(), versions)
    }

    pub(super) fn config(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.config)
    }

    fn of(roots: Option<Roots>, versions: &[&'static rustls::SupportedProtocolVersion]) -> Self {
        let provider = Arc::new(java_8());
        let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(versions)
            .expect("the provider has suites and groups for TLS 1.2 and 1.3");
        let mut config = match &roots {
            Some(roots) => config.with_root_certificates(roots.store()).with_no_client_auth(),
            None => {
                let anybody = Arc::new(Anybody(provider));
                config.dangerous().with_custom_certificate_verifier(anybody).with_no_client_auth()
            }
        };
        config.resumption = Resumption::disabled();
        Self { config: Arc::new(config), roots }
    }
}

/// Our provider with the key exchanges that Java 8 has too: X25519 came with Java 13, hybrids with ML-KEM later.
fn java_8() -> CryptoProvider {
    CryptoProvider {
        kx_groups: vec![kx_group::SECP256R1, kx_group::SECP384R1],
        ..CryptoProvider::clone(&tls::provider())
    }
}

/// Takes any certificate, and its signature unseen: certificates too odd for us are read elsewhere.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.roots.is_some() { "Tls(verified)" } else { "Tls(unverified)" })
    }
}

const BOTH: &[&rustls::SupportedProtocolVersion] = &[&rustls::version::TLS13, &rustls::version::TLS12];
