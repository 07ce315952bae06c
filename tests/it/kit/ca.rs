//! A throw-away certificate authority, the server certificates it signs, and the settings of clients that trust it.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
    time::{Duration, SystemTime},
};

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, pem::PemObject},
    version::{TLS12, TLS13},
};
use tempfile::TempDir;

/// A certificate authority with one P-256 server certificate for `localhost` and `127.0.0.1`, in files of a temporary directory.
pub(crate) struct Ca {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    directory: TempDir,
}

impl Ca {
    /// The authority that every sidecar of this process uses unless it is given another.
    pub(crate) fn shared() -> Arc<Self> {
        static SHARED: OnceLock<Arc<Ca>> = OnceLock::new();
        Arc::clone(SHARED.get_or_init(|| Arc::new(Self::new())))
    }

    /// A new authority that nobody trusts yet.
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().expect("a test machine can make a key");
        let mut params = CertificateParams::new([]).expect("no names, no bad name");
        params.distinguished_name.push(DnType::CommonName, "bearergate test CA");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key).expect("the parameters are complete").der().clone();
        let directory = tempfile::tempdir().expect("a test machine has a temporary directory");
        let ca = Self { issuer: Issuer::new(params, key), certificate, directory };
        write(&ca.file("ca.pem"), &pem("CERTIFICATE", &ca.certificate));
        ca.sign(&["localhost", "127.0.0.1"], "server");
        ca
    }

    /// Signs a certificate for `names` with a new P-256 key. Gives the files `<stem>.pem` (full chain) and `<stem>.key.pem` (PKCS#8).
    pub(crate) fn sign(&self, names: &[&str], stem: &str) -> (PathBuf, PathBuf) {
        self.sign_params(names, stem, |_| {})
    }

    /// The same with this life.
    pub(crate) fn sign_for(&self, names: &[&str], life: Life, stem: &str) -> (PathBuf, PathBuf) {
        let (from, until) = life.span();
        self.sign_params(names, stem, |params| (params.not_before, params.not_after) = (from.into(), until.into()))
    }

    fn sign_params(
        &self,
        names: &[&str],
        stem: &str,
        change: impl FnOnce(&mut CertificateParams),
    ) -> (PathBuf, PathBuf) {
        let key = KeyPair::generate().expect("a test machine can make a key");
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("tests give good names");
        change(&mut params);
        let leaf = params.signed_by(&key, &self.issuer).expect("the parameters are complete");
        let (chain_file, key_file) = (self.file(&format!("{stem}.pem")), self.file(&format!("{stem}.key.pem")));
        write(&chain_file, &(pem("CERTIFICATE", leaf.der()) + &pem("CERTIFICATE", &self.certificate)));
        write(&key_file, &pem("PRIVATE KEY", key.serialized_der()));
        (chain_file, key_file)
    }

    /// What an upstream needs to show a new certificate for `names` over TLS 1.2 and 1.3.
    pub(crate) fn server(&self, names: &[&str], life: Life) -> Arc<ServerConfig> {
        self.server_of(names, life, &[&TLS13, &TLS12])
    }

    /// The same with these versions of TLS.
    pub(crate) fn server_of(
        &self,
        names: &[&str],
        life: Life,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Arc<ServerConfig> {
        let key = KeyPair::generate().expect("a test machine can make a key");
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("tests give good names");
        let (from, until) = life.span();
        (params.not_before, params.not_after) = (from.into(), until.into());
        let leaf = params.signed_by(&key, &self.issuer).expect("the parameters are complete");
        showing(vec![leaf.der().clone(), self.certificate.clone()], &key, versions)
    }

    /// What an upstream needs to show this authority's own certificate, as people do who have made one with one command.
    pub(crate) fn as_its_own_server(&self) -> Arc<ServerConfig> {
        showing(vec![self.certificate.clone()], self.issuer.key(), &[&TLS13, &TLS12])
    }

    /// Signs a certificate with which a caller proves itself.
    pub(crate) fn sign_caller(&self, life: Life) -> CallerIdentity {
        let key = KeyPair::generate().expect("a test machine can make a key");
        let mut params = CertificateParams::new([]).expect("no names, no bad name");
        params.distinguished_name.push(DnType::CommonName, "bearergate test caller");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let (from, until) = life.span();
        (params.not_before, params.not_after) = (from.into(), until.into());
        CallerIdentity::of(&params.signed_by(&key, &self.issuer).expect("the parameters are complete"), &key)
    }

    /// A good certificate, and its key, that is for servers alone.
    pub(crate) fn sign_server(&self) -> CallerIdentity {
        let key = KeyPair::generate().expect("a test machine can make a key");
        let mut params = CertificateParams::new(["localhost".to_owned()]).expect("a good name");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        CallerIdentity::of(&params.signed_by(&key, &self.issuer).expect("the parameters are complete"), &key)
    }

    /// The authority's own certificate.
    pub(crate) fn ca_file(&self) -> PathBuf {
        self.file("ca.pem")
    }

    /// The chain for `localhost` and `127.0.0.1`.
    pub(crate) fn chain_file(&self) -> PathBuf {
        self.file("server.pem")
    }

    /// The key to [`Self::chain_file`].
    pub(crate) fn key_file(&self) -> PathBuf {
        self.file("server.key.pem")
    }

    /// A client that trusts this authority, calls `localhost`, offers TLS 1.2 and 1.3 and no ALPN.
    pub(crate) fn client(&self) -> ClientTls {
        ClientTls::of(self.certificate.clone())
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

/// What a TLS client of the kit offers and trusts.
#[derive(Clone, Debug)]
pub(crate) struct ClientTls {
    roots: Arc<RootCertStore>,
    alpn: Vec<Vec<u8>>,
    versions: Vec<&'static SupportedProtocolVersion>,
    server_name: String,
    identity: Option<CallerIdentity>,
}

/// A certificate with which a caller proves itself, and its key.
#[derive(Clone, Debug)]
pub(crate) struct CallerIdentity(Arc<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>);

impl CallerIdentity {
    /// One that no authority has signed.
    pub(crate) fn self_signed() -> Self {
        let key = KeyPair::generate().expect("a test machine can make a key");
        let params = CertificateParams::new([]).expect("no names, no bad name");
        Self::of(&params.self_signed(&key).expect("the parameters are complete"), &key)
    }

    fn of(leaf: &Certificate, key: &KeyPair) -> Self {
        Self(Arc::new((vec![leaf.der().clone()], PrivatePkcs8KeyDer::from(key.serialize_der()).into())))
    }
}

/// When a certificate is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    /// Now.
    Good,
    /// No longer.
    Over,
    /// Not yet.
    Ahead,
}

impl Life {
    fn span(self) -> (SystemTime, SystemTime) {
        let now = SystemTime::now();
        match self {
            Self::Good => (now - HOUR, now + HOUR),
            Self::Over => (now - 2 * HOUR, now - HOUR),
            Self::Ahead => (now + HOUR, now + 2 * HOUR),
        }
    }
}

impl ClientTls {
    /// A client that trusts the one authority whose certificate is in this PEM file, calls `localhost`, and sends no ALPN.
    pub(crate) fn trusting(ca_file: &Path) -> Self {
        let certificate = CertificateDer::from_pem_file(ca_file).unwrap_or_else(|fault| panic!("{ca_file:?}: {fault}"));
        Self::of(certificate)
    }

    /// A client that trusts this one authority, or this one certificate that signed itself.
    pub(crate) fn of(authority: CertificateDer<'static>) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(authority).expect("the certificate is one that webpki reads");
        Self {
            roots: Arc::new(roots),
            alpn: Vec::new(),
            versions: vec![&TLS13, &TLS12],
            server_name: "localhost".to_owned(),
            identity: None,
        }
    }

    /// Offers these protocols by ALPN; none sends no ALPN extension.
    pub(crate) fn alpn<const N: usize>(self, protocols: [&str; N]) -> Self {
        self.alpn_of(&protocols)
    }

    /// The same, for a row of a table.
    pub(crate) fn alpn_of(self, protocols: &[&str]) -> Self {
        Self { alpn: protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect(), ..self }
    }

    /// Offers TLS 1.2 alone.
    pub(crate) fn only_tls12(self) -> Self {
        Self { versions: vec![&TLS12], ..self }
    }

    /// Offers TLS 1.3 alone.
    pub(crate) fn only_tls13(self) -> Self {
        Self { versions: vec![&TLS13], ..self }
    }

    /// Expects the certificate to be for `name`.
    pub(crate) fn server_name(self, name: &str) -> Self {
        Self { server_name: name.to_owned(), ..self }
    }

    /// Presents this certificate when it is asked for one.
    pub(crate) fn presenting(self, identity: &CallerIdentity) -> Self {
        Self { identity: Some(identity.clone()), ..self }
    }

    /// The name it expects.
    pub(crate) fn name(&self) -> &str {
        &self.server_name
    }

    /// The settings as rustls takes them. Sessions are not resumed: each call gives a client without memory.
    pub(crate) fn config(&self) -> Arc<ClientConfig> {
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(&self.versions)
            .expect("the provider knows TLS 1.2 and 1.3")
            .with_root_certificates(Arc::clone(&self.roots));
        let mut config = match self.identity.as_ref().map(|identity| &*identity.0) {
            None => config.with_no_client_auth(),
            Some((chain, key)) => {
                config.with_client_auth_cert(chain.clone(), key.clone_key()).expect("a certificate and its own key")
            }
        };
        config.alpn_protocols.clone_from(&self.alpn);
        Arc::new(config)
    }
}

fn showing(
    chain: Vec<CertificateDer<'static>>,
    key: &KeyPair,
    versions: &[&'static SupportedProtocolVersion],
) -> Arc<ServerConfig> {
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(versions)
        .expect("the provider knows TLS 1.2 and 1.3")
        .with_no_client_auth();
    let key = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
    let mut config = config.with_single_cert(chain, key).expect("a certificate and its own key");
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Arc::new(config)
}

fn pem(tag: &str, der: &[u8]) -> String {
    pem::encode(&pem::Pem::new(tag, der))
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).expect("the temporary directory can be written");
}

const HOUR: Duration = Duration::from_hours(1);
