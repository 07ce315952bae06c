//! A throw-away authority and two server certificates of it, to renew one with the other.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};

/// The files of a server certificate.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    /// The full chain.
    pub(crate) chain: PathBuf,
    /// The private key.
    pub(crate) key: PathBuf,
}

/// Writes `ca.pem`, and `tls.crt` and `tls.key` in the folders `1` and `2`. Gives the two pairs.
///
/// # Errors
/// The folder cannot be written.
pub(crate) fn write(folder: &Path) -> io::Result<[Pair; 2]> {
    let key = KeyPair::generate().map_err(io::Error::other)?;
    let mut params = CertificateParams::new([]).map_err(io::Error::other)?;
    params.distinguished_name.push(DnType::CommonName, "bearergate load CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let ca = pem("CERTIFICATE", params.self_signed(&key).map_err(io::Error::other)?.der());
    fs::create_dir_all(folder)?;
    fs::write(folder.join("ca.pem"), &ca)?;
    let issuer = Issuer::new(params, key);
    Ok([sign(&issuer, &ca, &folder.join("1"))?, sign(&issuer, &ca, &folder.join("2"))?])
}

fn sign(issuer: &Issuer<'_, KeyPair>, ca: &str, folder: &Path) -> io::Result<Pair> {
    let key = KeyPair::generate().map_err(io::Error::other)?;
    let names = ["localhost", "127.0.0.1"].map(str::to_owned);
    let leaf = CertificateParams::new(names).and_then(|params| params.signed_by(&key, issuer));
    let leaf = leaf.map_err(io::Error::other)?;
    let pair = Pair { chain: folder.join("tls.crt"), key: folder.join("tls.key") };
    fs::create_dir_all(folder)?;
    fs::write(&pair.chain, pem("CERTIFICATE", leaf.der()) + ca)?;
    fs::write(&pair.key, pem("PRIVATE KEY", key.serialized_der()))?;
    Ok(pair)
}

fn pem(tag: &str, der: &[u8]) -> String {
    pem::encode(&pem::Pem::new(tag, der))
}
