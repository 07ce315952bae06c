//! The same TLS for every peer: 1.3, AES-256-GCM, X25519, one P-256 certificate, and never a resumed session.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{CertificateParams, DnType, KeyPair};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs::{self, cipher_suite, kx_group};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use tokio_rustls::TlsConnector;

/// The files that every peer serves.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    /// The certificate, PEM.
    pub(crate) certificate: PathBuf,
    /// Its key, PKCS#8 PEM.
    pub(crate) key: PathBuf,
    /// Both in one file.
    pub(crate) both: PathBuf,
    der: CertificateDer<'static>,
}

impl Identity {
    /// Makes a throw-away pair in this folder.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub(crate) fn make(folder: &Path) -> io::Result<Self> {
        let pair = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).map_err(io::Error::other)?;
        let mut params =
            CertificateParams::new(["localhost", "127.0.0.1"].map(str::to_owned)).map_err(io::Error::other)?;
        params.distinguished_name.push(DnType::CommonName, "bearergate benchmark");
        let der = params.self_signed(&pair).map_err(io::Error::other)?.der().clone();
        let certificate = pem::encode(&pem::Pem::new("CERTIFICATE", der.as_ref()));
        let key = pem::encode(&pem::Pem::new("PRIVATE KEY", pair.serialized_der()));
        let identity = Self {
            certificate: folder.join("tls.crt"),
            key: folder.join("tls.key"),
            both: folder.join("tls.pem"),
            der,
        };
        fs::write(&identity.certificate, &certificate)?;
        fs::write(&identity.key, &key)?;
        fs::write(&identity.both, certificate + &key)?;
        Ok(identity)
    }
}

/// How the callers speak TLS.
#[derive(Clone)]
pub(crate) struct Tls {
    /// Offers HTTP/1.1.
    pub(crate) http1: TlsConnector,
    /// Offers HTTP/2.
    pub(crate) http2: TlsConnector,
}

impl Tls {
    /// Callers that take this certificate and no other.
    ///
    /// # Errors
    /// The library refuses the parameters.
    pub(crate) fn pinning(identity: &Identity) -> io::Result<Self> {
        Ok(Self { http1: connector(identity, b"http/1.1")?, http2: connector(identity, b"h2")? })
    }
}

fn connector(identity: &Identity, protocol: &[u8]) -> io::Result<TlsConnector> {
    let provider = Arc::new(CryptoProvider {
        cipher_suites: vec![cipher_suite::TLS13_AES_256_GCM_SHA384],
        kx_groups: vec![kx_group::X25519],
        ..aws_lc_rs::default_provider()
    });
    let pinned = Pinned { certificate: identity.der.clone(), provider: Arc::clone(&provider) };
    let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(&[&rustls::version::TLS13]);
    let builder = builder.map_err(io::Error::other)?.dangerous().with_custom_certificate_verifier(Arc::new(pinned));
    let mut config = builder.with_no_client_auth();
    config.resumption = rustls::client::Resumption::disabled();
    config.alpn_protocols = vec![protocol.to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

/// Takes one certificate, byte for byte; that its holder has the key is verified as ever.
#[derive(Debug)]
struct Pinned {
    certificate: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        given: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match *given == self.certificate {
            true => Ok(ServerCertVerified::assertion()),
            false => Err(Error::General("not the benchmark's certificate".to_owned())),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ECDSA_NISTP256_SHA256]
    }
}
