//! Certificates that are made here: one that signs itself, and one of an authority whose key is thrown away.

use std::time::{Duration, SystemTime};

use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::{ServerIdentity, TlsFault};
use crate::secret::Secret;

/// Makes a P-256 certificate that signs itself, for `localhost`, `127.0.0.1`, `::1` and `names`, good from yesterday for a year.
///
/// # Errors
/// [`TlsFault::BadName`], or [`TlsFault::NotMade`] when the system fails us.
pub fn self_signed(names: &[String]) -> Result<ServerIdentity, TlsFault> {
    let key = KeyPair::generate().map_err(TlsFault::NotMade)?;
    let certificate = leaf("bearergate self-signed", names, YEAR)?.self_signed(&key).map_err(TlsFault::NotMade)?;
    ServerIdentity::from_der(vec![certificate.der().clone()], pkcs8(&key))
}

/// Makes a certificate authority, throws its key away, and gives the one certificate it has signed, for `localhost`, `127.0.0.1`,
/// `::1` and `names`, with the authority's own certificate as PEM. Both are P-256 and good from yesterday for 30 days from now.
///
/// # Errors
/// [`TlsFault::BadName`], or [`TlsFault::NotMade`] when the system fails us.
pub fn throw_away_ca(names: &[String]) -> Result<(ServerIdentity, String), TlsFault> {
    let issued = issue("bearergate demo", names)?;
    let ca_pem = pem_text("CERTIFICATE", issued.authority.to_vec());
    let identity = ServerIdentity::from_der(vec![issued.leaf, issued.authority], pkcs8(&issued.key))?;
    Ok((identity, ca_pem))
}

/// A certificate for a trial, as PEM.
#[derive(Debug)]
pub struct Trial {
    /// The certificate, and after it its authority's.
    pub chain: String,
    /// Its private key, PKCS#8.
    pub key: Secret<String>,
    /// The certificate of the authority, which callers are given to trust.
    pub authority: String,
}

/// Makes the same as [`throw_away_ca`], for files.
///
/// # Errors
/// As there.
pub fn trial(names: &[String]) -> Result<Trial, TlsFault> {
    let issued = issue("bearergate trial", names)?;
    let authority = pem_text("CERTIFICATE", issued.authority.to_vec());
    Ok(Trial {
        chain: pem_text("CERTIFICATE", issued.leaf.to_vec()) + &authority,
        key: Secret::new(pem_text("PRIVATE KEY", issued.key.serialize_der())),
        authority,
    })
}

/// A certificate with its key, and its authority's certificate. The authority's key is gone.
struct Issued {
    leaf: CertificateDer<'static>,
    authority: CertificateDer<'static>,
    key: KeyPair,
}

fn issue(title: &str, names: &[String]) -> Result<Issued, TlsFault> {
    let ca_key = KeyPair::generate().map_err(TlsFault::NotMade)?;
    let mut ca = dated("bearergate throw-away CA", MONTH);
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let authority = ca.self_signed(&ca_key).map_err(TlsFault::NotMade)?.der().clone();
    let key = KeyPair::generate().map_err(TlsFault::NotMade)?;
    let mut leaf = leaf(title, names, MONTH)?;
    leaf.use_authority_key_identifier_extension = true;
    let leaf = leaf.signed_by(&key, &rcgen::Issuer::new(ca, ca_key)).map_err(TlsFault::NotMade)?.der().clone();
    Ok(Issued { leaf, authority, key })
}

fn pem_text(tag: &str, der: Vec<u8>) -> String {
    let lines = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
    pem::encode_config(&pem::Pem::new(tag, der), lines)
}

pub(super) fn leaf(title: &str, names: &[String], life: Duration) -> Result<CertificateParams, TlsFault> {
    let mut all: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into();
    for name in names {
        if !all.contains(name) {
            all.push(name.clone());
        }
    }
    let mut params = dated(title, life);
    params.subject_alt_names = CertificateParams::new(all).map_err(|_| TlsFault::BadName)?.subject_alt_names;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(params)
}

pub(super) fn dated(title: &str, life: Duration) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, title);
    let now = SystemTime::now();
    params.not_before = (now - DAY).into();
    params.not_after = (now + life).into();
    params
}

pub(super) fn pkcs8(key: &KeyPair) -> PrivateKeyDer<'static> {
    PrivatePkcs8KeyDer::from(key.serialize_der()).into()
}

pub(super) const DAY: Duration = Duration::from_hours(24);
const MONTH: Duration = Duration::from_hours(24 * 30);
const YEAR: Duration = Duration::from_hours(24 * 365);
