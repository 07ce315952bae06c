//! Servers' certificates that are wrong in ways that the kit's own authority does not make.

use std::sync::Arc;

use bearergate::tls::{Ending, self_signed};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivatePkcs8KeyDer;

/// A certificate for `localhost` that has signed itself.
pub(super) fn signed_by_itself() -> Arc<ServerConfig> {
    Ending::new(self_signed(&[]).expect("a certificate"), None).expect("a good identity").config
}

/// A certificate of an intermediate authority that is not sent with it; and the root above that, as PEM.
pub(super) fn without_intermediate() -> (Arc<ServerConfig>, String) {
    let authority = |title: &str| {
        let mut params = CertificateParams::new([]).expect("no names");
        params.distinguished_name.push(DnType::CommonName, title);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        (params, KeyPair::generate().expect("a key"))
    };
    let (root, root_key) = authority("Trial Root");
    let above = root.self_signed(&root_key).expect("a root");
    let pem = pem::encode(&pem::Pem::new("CERTIFICATE", above.der().to_vec()));
    let (middle, middle_key) = authority("Trial Intermediate 7");
    middle.signed_by(&middle_key, &Issuer::new(root, root_key)).expect("an intermediate");
    let key = KeyPair::generate().expect("a key");
    let leaf = CertificateParams::new(["localhost".to_owned()]).expect("a name");
    let leaf = leaf.signed_by(&key, &Issuer::new(middle, middle_key)).expect("a leaf");
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider knows TLS 1.2 and 1.3")
        .with_no_client_auth();
    let key = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
    (Arc::new(config.with_single_cert(vec![leaf.der().clone()], key).expect("a certificate and its own key")), pem)
}
