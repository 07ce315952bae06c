//! What we show to callers over TLS: a certificate with its key, and the rules of the handshake; and whom we believe as a caller ([`Trust`]).
//!
//! One provider, aws-lc-rs, given explicitly everywhere: nothing depends on a default of the process. TLS 1.2 and 1.3 with the
//! provider's suites, which are all AEAD with forward secrecy. Reading files is for `config`, handshakes are for `server`.

use std::fmt;
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{RootCertStore, ServerConfig};

mod certificate;
mod made;
mod trust;

pub use certificate::Certificate;
pub use made::{Trial, self_signed, throw_away_ca, trial};
pub use trust::Trust;

/// A certificate chain, the leaf first, and the private key of the leaf. Its `Debug` shows only how long the chain is.
#[derive(Clone)]
pub struct ServerIdentity(CertifiedKey);

/// The authorities of which callers must present a certificate. Its `Debug` shows only how many there are.
#[derive(Clone)]
pub struct ClientCa(Arc<RootCertStore>);

/// Why there is no TLS. The operator is to blame for what is in the files; none holds bytes of a key.
#[derive(Debug, thiserror::Error)]
pub enum TlsFault {
    /// No PEM certificate.
    #[error(
        "the certificate file holds no PEM certificate (BEGIN CERTIFICATE); give the full chain, the server's own first"
    )]
    NoCertificate,
    /// A certificate that cannot be read.
    #[error("the certificate file is damaged; copy the full chain again, the server's own first")]
    BadCertificate,
    /// No PEM private key.
    #[error(
        "the key file holds no PEM private key (BEGIN PRIVATE KEY); give the key that the certificate was made for"
    )]
    NoKey,
    /// More than one private key.
    #[error("the key file holds more than one private key; leave the one that the certificate was made for")]
    SeveralKeys,
    /// An encrypted private key.
    #[error("the private key is encrypted; decrypt it with `openssl pkcs8 -in KEY -out DECRYPTED`")]
    EncryptedKey,
    /// PEM that cannot be read as a key.
    #[error("the key file is damaged; copy the whole file again")]
    BadKey,
    /// A key of a kind that TLS does not use here.
    #[error(
        "the private key is of a kind that is not supported; use ECDSA P-256, P-384 or P-521, Ed25519, or RSA of 2048 bits \
         or more"
    )]
    UnsupportedKey,
    /// The key of another certificate.
    #[error(
        "the private key does not belong to the certificate; give the key that the first certificate of the chain was made for"
    )]
    KeyMismatch,
    /// No PEM certificate of an authority.
    #[error(
        "the file of client authorities holds no PEM certificate (BEGIN CERTIFICATE); give those that sign callers' own"
    )]
    NoClientCa,
    /// An authority's certificate that cannot be read.
    #[error("the file of client authorities is damaged, or a certificate in it is none; copy them again")]
    BadClientCa,
    /// No PEM certificate of an upstream's authority.
    #[error("the file holds no PEM certificate (BEGIN CERTIFICATE); give the authority that signs the upstream's own")]
    NoUpstreamCa,
    /// An upstream's authority that cannot be read.
    #[error("the file is damaged, or a certificate in it is none; copy the authorities of the upstream again")]
    BadUpstreamCa,
    /// Nothing where systems have their root certificates.
    #[error("the system has no root certificates")]
    NoSystemRoots,
    /// A name that a certificate cannot carry.
    #[error("a certificate cannot be made for a name that is not ASCII")]
    BadName,
    /// A certificate could not be made.
    #[error("a certificate could not be made")]
    NotMade(#[source] rcgen::Error),
    /// rustls refuses the setup.
    #[error("TLS could not be set up")]
    Setup(#[source] rustls::Error),
}

impl ServerIdentity {
    /// Reads a PEM chain, the leaf first, and one unencrypted PEM private key (PKCS#8, SEC1 or PKCS#1). Both may stand in one
    /// file.
    ///
    /// # Errors
    /// [`TlsFault`], also when the key is not that of the first certificate.
    pub fn from_pem(chain_pem: &[u8], key_pem: &[u8]) -> Result<Self, TlsFault> {
        let chain: Vec<_> = CertificateDer::pem_slice_iter(chain_pem)
            .collect::<Result<_, _>>()
            .map_err(|_| TlsFault::BadCertificate)?;
        if chain.is_empty() {
            return Err(TlsFault::NoCertificate);
        }
        Self::from_der(chain, only_key(key_pem)?)
    }

    fn from_der(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<Self, TlsFault> {
        let key =
            aws_lc_rs::default_provider().key_provider.load_private_key(key).map_err(|_| TlsFault::UnsupportedKey)?;
        let identity = CertifiedKey::new(chain, key);
        match identity.keys_match() {
            Ok(()) => Ok(Self(identity)),
            Err(rustls::Error::InconsistentKeys(_)) => Err(TlsFault::KeyMismatch),
            Err(_) => Err(TlsFault::BadCertificate),
        }
    }
}

impl ClientCa {
    /// Reads a PEM bundle of one certificate or more.
    ///
    /// # Errors
    /// [`TlsFault::NoClientCa`] and [`TlsFault::BadClientCa`].
    pub fn from_pem(bundle: &[u8]) -> Result<Self, TlsFault> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(bundle) {
            let certificate = certificate.map_err(|_| TlsFault::BadClientCa)?;
            roots.add(certificate).map_err(|_| TlsFault::BadClientCa)?;
        }
        if roots.is_empty() { Err(TlsFault::NoClientCa) } else { Ok(Self(Arc::new(roots))) }
    }
}

fn only_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, TlsFault> {
    // Both forms: BEGIN ENCRYPTED PRIVATE KEY, and the older Proc-Type: 4,ENCRYPTED.
    if pem.windows(ENCRYPTED.len()).any(|window| window == ENCRYPTED) {
        return Err(TlsFault::EncryptedKey);
    }
    let mut keys = PrivateKeyDer::pem_slice_iter(pem);
    let key = keys.next().ok_or(TlsFault::NoKey)?.map_err(|_| TlsFault::BadKey)?;
    match keys.next() {
        None => Ok(key),
        Some(Ok(_)) => Err(TlsFault::SeveralKeys),
        Some(Err(_)) => Err(TlsFault::BadKey),
    }
}

/// How TLS is ended: the rules of the handshake, and what people may know of the certificate in it.
#[derive(Debug)]
pub struct Ending {
    /// The rules.
    pub config: Arc<ServerConfig>,
    /// The certificate.
    pub certificate: Certificate,
}

impl Ending {
    /// Ends TLS with this identity. With `callers`, who presents no certificate of one of these authorities gets no connection.
    ///
    /// # Errors
    /// [`TlsFault::Setup`] when the system fails us; [`TlsFault::BadCertificate`] for a certificate that cannot be read.
    pub fn new(identity: ServerIdentity, callers: Option<ClientCa>) -> Result<Self, TlsFault> {
        let certificate = Certificate::of(&identity.0.cert).map_err(|_| TlsFault::BadCertificate)?;
        Ok(Self { config: server_config(identity, callers)?, certificate })
    }
}

/// The handshake that callers get: TLS 1.2 and 1.3, HTTP/2 or HTTP/1.1 by ALPN, stateless tickets, no early data. With `callers`,
/// who presents no certificate of one of these authorities gets no connection.
///
/// # Errors
/// [`TlsFault::Setup`] when the system fails us, for instance without random bytes.
fn server_config(identity: ServerIdentity, callers: Option<ClientCa>) -> Result<Arc<ServerConfig>, TlsFault> {
    let config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(TlsFault::Setup)?;
    let config = match callers {
        None => config.with_no_client_auth(),
        Some(ClientCa(roots)) => {
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider()).build();
            config.with_client_cert_verifier(verifier.map_err(|_| TlsFault::NoClientCa)?)
        }
    };
    let mut config = config.with_cert_resolver(Arc::new(SingleCertAndKey::from(identity.0)));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.ticketer = aws_lc_rs::Ticketer::new().map_err(TlsFault::Setup)?;
    // Tickets hold what a resumption needs, so nothing is kept per caller.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    // A payment in early data could be sent again by anybody who recorded it.
    config.max_early_data_size = 0;
    Ok(Arc::new(config))
}

/// The one crypto provider.
#[must_use]
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

impl fmt::Debug for ServerIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerIdentity({} certificates)", self.0.cert.len())
    }
}

impl fmt::Debug for ClientCa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientCa({} certificates)", self.0.len())
    }
}

const ENCRYPTED: &[u8] = b"ENCRYPTED";

#[cfg(test)]
mod tests {
    use super::made::{DAY, dated, leaf, pkcs8};
    use super::*;
    use rcgen::{BasicConstraints, ExtendedKeyUsagePurpose, IsCa, KeyPair};
    use rustls::pki_types::ServerName;
    use rustls::{ClientConfig, ClientConnection, ProtocolVersion, ServerConnection};

    fn pem_of(tag: &str, der: &[u8]) -> Vec<u8> {
        pem::encode(&pem::Pem::new(tag, der)).into_bytes()
    }

    /// A certificate and its key as PEM.
    fn pair() -> (Vec<u8>, Vec<u8>) {
        let key = KeyPair::generate().expect("a key");
        let certificate = leaf("test", &[], DAY).expect("params").self_signed(&key).expect("a certificate");
        (pem_of("CERTIFICATE", certificate.der()), pem_of("PRIVATE KEY", &key.serialize_der()))
    }

    fn fault(chain: &[u8], key: &[u8]) -> String {
        format!("{:?}", ServerIdentity::from_pem(chain, key).map(|_| ()))
    }

    fn client(
        ca_pem: &str,
        versions: &[&'static rustls::SupportedProtocolVersion],
        alpn: &[&[u8]],
    ) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(ca_pem.as_bytes()).expect("PEM")).expect("a root");
        let config =
            ClientConfig::builder_with_provider(provider()).with_protocol_versions(versions).expect("versions");
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        Arc::new(config)
    }

    /// A handshake in memory, up to the first ticket; the client's side of it.
    fn handshake(
        server: &Arc<ServerConfig>,
        client: &Arc<ClientConfig>,
        name: &str,
    ) -> Result<ClientConnection, rustls::Error> {
        let name = ServerName::try_from(name.to_owned()).expect("a name");
        let mut client = ClientConnection::new(Arc::clone(client), name)?;
        let mut server = ServerConnection::new(Arc::clone(server))?;
        while client.wants_write() || server.wants_write() {
            let mut wire = Vec::new();
            while client.wants_write() {
                client.write_tls(&mut wire).expect("memory");
            }
            let mut unread = wire.as_slice();
            while !unread.is_empty() {
                server.read_tls(&mut unread).expect("memory");
                server.process_new_packets()?;
            }
            let mut wire = Vec::new();
            while server.wants_write() {
                server.write_tls(&mut wire).expect("memory");
            }
            let mut unread = wire.as_slice();
            while !unread.is_empty() {
                client.read_tls(&mut unread).expect("memory");
                client.process_new_packets()?;
            }
        }
        Ok(client)
    }

    #[test]
    fn a_certificate_with_its_key_is_read_from_two_files_or_one() {
        let (chain, key) = pair();
        let both = [chain.as_slice(), &key].concat();
        let long = [chain.as_slice(), &pair().0].concat();
        for (chain, key) in [(&chain, &key), (&both, &both), (&long, &key)] {
            assert_eq!(fault(chain, key), "Ok(())");
        }
        let identity = ServerIdentity::from_pem(&long, &key).expect("an identity");
        assert_eq!(format!("{identity:?}"), "ServerIdentity(2 certificates)");
    }

    #[test]
    fn files_that_cannot_serve_are_refused_by_what_is_wrong_with_them() {
        let ((chain, key), (other_chain, other_key)) = (pair(), pair());
        let wrong_order = [other_chain.as_slice(), &chain].concat();
        let legacy =
            b"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END RSA PRIVATE KEY-----\n";
        for (chain, key, expected) in [
            (&b""[..], key.as_slice(), "NoCertificate"),
            (b"hello", &key, "NoCertificate"),
            (&key, &key, "NoCertificate"),
            (b"-----BEGIN CERTIFICATE-----\n%%\n-----END CERTIFICATE-----\n", &key, "BadCertificate"),
            (b"-----BEGIN CERTIFICATE-----\nAAAA\n", &key, "BadCertificate"),
            (&pem_of("CERTIFICATE", b"no certificate"), &key, "BadCertificate"),
            (&chain, b"", "NoKey"),
            (&chain, &chain, "NoKey"),
            (&chain, &pem_of("PUBLIC KEY", b"x"), "NoKey"),
            (&chain, b"-----BEGIN PRIVATE KEY-----\n%%\n-----END PRIVATE KEY-----\n", "BadKey"),
            (&chain, &pem_of("PRIVATE KEY", b"no key"), "UnsupportedKey"),
            (&chain, &[key.as_slice(), &other_key].concat(), "SeveralKeys"),
            (&chain, &pem_of("ENCRYPTED PRIVATE KEY", b"x"), "EncryptedKey"),
            (&chain, legacy, "EncryptedKey"),
            (&chain, &other_key, "KeyMismatch"),
            (&wrong_order, &key, "KeyMismatch"),
        ] {
            assert_eq!(fault(chain, key), format!("Err({expected})"), "{}", String::from_utf8_lossy(chain));
        }
    }

    #[test]
    fn callers_get_tls_12_or_13_and_the_protocol_of_their_alpn() {
        let (identity, ca) = throw_away_ca(&["api.example".to_owned(), "localhost".to_owned()]).expect("a certificate");
        let server = server_config(identity, None).expect("a configuration");
        let both: &[&rustls::SupportedProtocolVersion] = &[&rustls::version::TLS13, &rustls::version::TLS12];
        for (name, versions, alpn, version, protocol) in [
            ("localhost", both, &[&b"http/1.1"[..], b"h2"][..], ProtocolVersion::TLSv1_3, Some(&b"h2"[..])),
            ("127.0.0.1", both, &[b"http/1.1"], ProtocolVersion::TLSv1_3, Some(b"http/1.1")),
            ("::1", both, &[], ProtocolVersion::TLSv1_3, None),
            ("api.example", &[&rustls::version::TLS12], &[b"h2"], ProtocolVersion::TLSv1_2, Some(b"h2")),
        ] {
            let connection = handshake(&server, &client(&ca, versions, alpn), name).expect(name);
            assert_eq!(
                (connection.protocol_version(), connection.alpn_protocol()),
                (Some(version), protocol),
                "{name}"
            );
        }
        let foreign = handshake(&server, &client(&ca, both, &[b"acme-tls/1"]), "localhost");
        assert!(matches!(foreign, Err(rustls::Error::NoApplicationProtocol)), "{:?}", foreign.err());
        assert!(handshake(&server, &client(&ca, both, &[]), "other.example").is_err(), "another name");
        let (_, other_ca) = throw_away_ca(&[]).expect("a certificate");
        assert!(handshake(&server, &client(&other_ca, both, &[]), "localhost").is_err(), "another authority");
    }

    #[test]
    fn a_second_handshake_resumes_by_ticket_and_never_with_early_data() {
        let (identity, ca) = throw_away_ca(&[]).expect("a certificate");
        let server = server_config(identity, None).expect("a configuration");
        for version in [&rustls::version::TLS13, &rustls::version::TLS12] {
            let client = client(&ca, &[version], &[]);
            let kinds =
                [(), ()].map(|()| handshake(&server, &client, "localhost").expect("a handshake").handshake_kind());
            assert_eq!(kinds[1], Some(rustls::HandshakeKind::Resumed), "{version:?}");
            assert_ne!(kinds[0], kinds[1], "{version:?}");
        }
        assert_eq!((server.max_early_data_size, server.session_storage.can_cache()), (0, false));
    }

    #[test]
    fn a_self_signed_certificate_is_trusted_by_whoever_is_given_it() {
        let identity = self_signed(&["10.0.0.7".to_owned()]).expect("a certificate");
        let pem = String::from_utf8(pem_of("CERTIFICATE", &identity.0.cert[0])).expect("PEM");
        let server = server_config(identity, None).expect("a configuration");
        for name in ["localhost", "127.0.0.1", "::1", "10.0.0.7"] {
            handshake(&server, &client(&pem, &[&rustls::version::TLS13], &[]), name).expect(name);
        }
        assert!(matches!(self_signed(&["tên".to_owned()]), Err(TlsFault::BadName)));
    }

    #[test]
    fn with_an_authority_for_callers_only_its_own_get_a_connection() {
        let authority = || {
            let key = KeyPair::generate().expect("a key");
            let mut params = dated("callers", DAY);
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            let certificate = params.self_signed(&key).expect("a certificate");
            (pem_of("CERTIFICATE", certificate.der()), rcgen::Issuer::new(params, key))
        };
        let ((ca_pem, ca), (other_pem, other)) = (authority(), authority());
        let caller = |issuer: &rcgen::Issuer<'_, KeyPair>| {
            let key = KeyPair::generate().expect("a key");
            let mut params = dated("caller", DAY);
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            let certificate = params.signed_by(&key, issuer).expect("a certificate");
            (vec![certificate.der().clone()], pkcs8(&key))
        };
        for version in [&rustls::version::TLS13, &rustls::version::TLS12] {
            for (authorities, shown, connects) in [
                (ca_pem.clone(), Some(&ca), true),
                ([other_pem.as_slice(), &ca_pem].concat(), Some(&ca), true),
                (ca_pem.clone(), Some(&other), false),
                (ca_pem.clone(), None, false),
            ] {
                let (identity, server_ca) = throw_away_ca(&[]).expect("a certificate");
                let callers = ClientCa::from_pem(&authorities).expect("authorities");
                let server = server_config(identity, Some(callers)).expect("a configuration");
                let mut config = (*client(&server_ca, &[version], &[])).clone();
                if let Some((chain, key)) = shown.map(caller) {
                    let key = aws_lc_rs::default_provider().key_provider.load_private_key(key).expect("a key");
                    let certified = CertifiedKey::new(chain, key);
                    config.client_auth_cert_resolver = Arc::new(SingleCertAndKey::from(certified));
                }
                let met = handshake(&server, &Arc::new(config), "localhost");
                assert_eq!(met.is_ok(), connects, "{version:?} {:?}", met.err());
            }
        }
    }

    #[test]
    fn a_file_without_usable_authorities_is_refused() {
        let (certificate, key) = pair();
        let damaged = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for (bundle, expected) in [
            (certificate.clone(), "Ok(ClientCa(1 certificates))"),
            ([certificate.as_slice(), &pair().0].concat(), "Ok(ClientCa(2 certificates))"),
            (Vec::new(), "Err(NoClientCa)"),
            (key, "Err(NoClientCa)"),
            (damaged.to_vec(), "Err(BadClientCa)"),
            ([certificate.as_slice(), damaged].concat(), "Err(BadClientCa)"),
        ] {
            assert_eq!(format!("{:?}", ClientCa::from_pem(&bundle)), expected);
        }
    }
}
