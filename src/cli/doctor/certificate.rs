//! What is wrong with a chain of certificates, told apart: the network says nothing when it refuses one.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::RootCertStore;
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::oid_registry::asn1_rs::oid;
use x509_parser::prelude::{FromDer as _, X509Certificate, X509Name};
use x509_parser::public_key::PublicKey;

use super::check::Check;
use super::finding::Finding;
use super::reply::plain;
use crate::network::Roots;
use crate::tls::provider;

mod anchor;

/// Judges the certificates that an endpoint shows for `host`.
pub(super) fn judge(chain: &[CertificateDer<'_>], host: &str, now: SystemTime, roots: &Roots) -> [Finding; 3] {
    let read: Vec<X509Certificate<'_>> = chain
        .iter()
        .filter_map(|der| X509Certificate::from_der(der).ok().map(|(_, certificate)| certificate))
        .collect();
    let Some(leaf) = read.first().filter(|_| read.len() == chain.len()) else {
        let unread = "a certificate that was shown cannot be read";
        return [
            Finding::fail(Check::Certificate, unread, "serve a certificate of a public authority, with its chain"),
            Finding::skipped(Check::JavaRoots, unread),
            Finding::skipped(Check::Key, unread),
        ];
    };
    let faults = faults(chain, &read, host, now, roots);
    let certificate = match faults.as_slice() {
        [] => good(leaf, now),
        faults => {
            let evidence: Vec<String> = faults.iter().map(Fault::evidence).collect();
            let mends: Vec<&str> = faults.iter().map(Fault::mend).collect();
            Finding::fail(Check::Certificate, evidence.join("; "), mends.join("; "))
        }
    };
    let java =
        if faults.is_empty() { anchor::judge(&read, roots) } else { Finding::skipped(Check::JavaRoots, NO_TRUST) };
    [certificate, java, judge_key(&read)]
}

fn good(leaf: &X509Certificate<'_>, now: SystemTime) -> Finding {
    let ends = time(leaf.validity().not_after.timestamp());
    let left = ends.duration_since(now).unwrap_or_default();
    let evidence = format!("good for this name until {}, signed by {}", day(ends), name(leaf.issuer()));
    if left < SOON {
        let mend = "renew it now, and see why that did not happen by itself";
        return Finding::warn(Check::Certificate, evidence, mend);
    }
    Finding::pass(Check::Certificate, evidence)
}

/// Why a chain is not believed.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Fault {
    Expired(String),
    NotYetValid(String),
    WrongName(String),
    SelfSigned,
    Incomplete { issuer: String, place: Option<String> },
    UnknownAuthority(String),
    Other(String),
}

impl Fault {
    fn evidence(&self) -> String {
        match self {
            Self::Expired(day) => format!("it has expired on {day}"),
            Self::NotYetValid(day) => format!("it is not valid yet, only from {day}"),
            Self::WrongName(names) => format!("it is for another name: {names}"),
            Self::SelfSigned => "it has signed itself (self-signed)".to_owned(),
            Self::Incomplete { issuer, place: Some(place) } => {
                format!("the chain is incomplete: the intermediate {issuer} is not sent; it is to be had at {place}")
            }
            Self::Incomplete { issuer, place: None } => {
                format!("the chain is incomplete: the certificate of its issuer {issuer} is not sent")
            }
            Self::UnknownAuthority(root) => format!("its authority {root} is not a public one"),
            Self::Other(what) => format!("it is not believed: {what}"),
        }
    }

    const fn mend(&self) -> &'static str {
        match self {
            Self::Expired(_) => "renew it, and have that happen by itself",
            Self::NotYetValid(_) => "set the clock right, or wait",
            Self::WrongName(_) => "get a certificate for the name that is registered with the network",
            Self::SelfSigned => "get a certificate from a public authority, such as Let's Encrypt",
            Self::Incomplete { .. } => {
                "serve the full chain: the server's own certificate first, then every intermediate (fullchain.pem); or, if the issuer \
                 is an authority of your own, get a certificate from a public one"
            }
            Self::UnknownAuthority(_) => "get a certificate from a public authority, such as Let's Encrypt",
            Self::Other(_) => "get a new certificate from a public authority",
        }
    }
}

fn faults(
    chain: &[CertificateDer<'_>],
    read: &[X509Certificate<'_>],
    host: &str,
    now: SystemTime,
    roots: &Roots,
) -> Vec<Fault> {
    let Some(leaf) = read.first() else { return Vec::new() };
    let mut faults = Vec::new();
    let (begins, ends) = (time(leaf.validity().not_before.timestamp()), time(leaf.validity().not_after.timestamp()));
    if ends < now {
        faults.push(Fault::Expired(day(ends)));
    }
    if now < begins {
        faults.push(Fault::NotYetValid(day(begins)));
    }
    if !is_for(&chain[0], host) {
        faults.push(Fault::WrongName(names(leaf)));
    }
    // As if the time were right, so that a chain that ends nowhere is told apart from one that is over.
    let when = now.clamp(begins, ends.max(begins));
    if let Err(error) = is_trusted(chain, when, &roots.store()) {
        faults.push(untrusted(read, &error));
    }
    faults
}

fn is_for(leaf: &CertificateDer<'_>, host: &str) -> bool {
    let (Ok(parsed), Ok(host)) = (ParsedCertificate::try_from(leaf), ServerName::try_from(host)) else { return false };
    verify_server_name(&parsed, &host).is_ok()
}

fn is_trusted(chain: &[CertificateDer<'_>], when: SystemTime, roots: &Arc<RootCertStore>) -> Result<(), rustls::Error> {
    let leaf = ParsedCertificate::try_from(&chain[0])?;
    let when = UnixTime::since_unix_epoch(when.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default());
    let algorithms = provider().signature_verification_algorithms.all;
    verify_server_cert_signed_by_trust_anchor(&leaf, roots, &chain[1..], when, algorithms)
}

/// Follows the issuers through what was sent, to where it ends.
fn untrusted(read: &[X509Certificate<'_>], error: &rustls::Error) -> Fault {
    let top = top(read);
    let unknown = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
    if is_self_signed(&read[0]) {
        return Fault::SelfSigned;
    }
    if *error != unknown {
        return Fault::Other(error.to_string());
    }
    if is_self_signed(top) {
        return Fault::UnknownAuthority(name(top.subject()));
    }
    Fault::Incomplete { issuer: name(top.issuer()), place: issuer_at(top) }
}

fn top<'r, 'c>(read: &'r [X509Certificate<'c>]) -> &'r X509Certificate<'c> {
    let mut top = &read[0];
    // Each step uses one certificate, so a ring of issuers ends too.
    for _ in read {
        match read.iter().find(|other| other.subject() == top.issuer()) {
            Some(issuer) if !is_self_signed(top) => top = issuer,
            _ => break,
        }
    }
    top
}

fn is_self_signed(certificate: &X509Certificate<'_>) -> bool {
    certificate.subject() == certificate.issuer()
}

/// Where the certificate says that its issuer's is to be had: RFC 5280, section 4.2.2.1.
fn issuer_at(certificate: &X509Certificate<'_>) -> Option<String> {
    certificate.extensions().iter().find_map(|extension| {
        let ParsedExtension::AuthorityInfoAccess(access) = extension.parsed_extension() else { return None };
        let issuers = access.accessdescs.iter().filter(|place| place.access_method == oid!(1.3.6.1.5.5.7.48.2));
        issuers
            .filter_map(
                |place| if let GeneralName::URI(uri) = place.access_location { Some(plain(uri, 120)) } else { None },
            )
            .next()
    })
}

fn judge_key(read: &[X509Certificate<'_>]) -> Finding {
    let mut weak = Vec::new();
    for certificate in read.iter().filter(|certificate| !is_self_signed(certificate) || read.len() == 1) {
        let who = common_name(certificate.subject());
        match certificate.public_key().parsed() {
            Ok(PublicKey::RSA(key)) if key.key_size() < 2048 => {
                weak.push(format!("{who}: RSA of {} bits", key.key_size()))
            }
            Ok(PublicKey::DSA(_)) => weak.push(format!("{who}: DSA")),
            _ => {}
        }
        if certificate.public_key().algorithm.algorithm == oid!(1.3.101.112) {
            weak.push(format!("{who}: Ed25519, which Java 8 does not know"));
        }
        let signed = &certificate.signature_algorithm.algorithm;
        let old = [oid!(1.2.840.113549.1.1.4), oid!(1.2.840.113549.1.1.5), oid!(1.2.840.10045.4.1)];
        if old.contains(signed) {
            weak.push(format!("{who}: signed with SHA-1 or MD5"));
        }
    }
    if weak.is_empty() {
        return Finding::pass(Check::Key, format!("{} certificates shown, none weak", read.len()));
    }
    let mend = "get a new certificate with an ECDSA P-256 or RSA 2048 key, signed with SHA-256";
    Finding::fail(Check::Key, weak.join("; "), mend)
}

fn names(leaf: &X509Certificate<'_>) -> String {
    let names = leaf.subject_alternative_name().ok().flatten();
    let names: Vec<String> = names.iter().flat_map(|names| &names.value.general_names).filter_map(host_name).collect();
    match names.as_slice() {
        [] => "none (no subjectAltName)".to_owned(),
        [names @ .., last] if names.len() < MOST_NAMES => {
            names.iter().chain([last]).cloned().collect::<Vec<_>>().join(", ")
        }
        names => format!("{} and {} more", names[..MOST_NAMES].join(", "), names.len() - MOST_NAMES),
    }
}

fn host_name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some(plain(name, 80)),
        GeneralName::IPAddress(bytes) => {
            let four = <[u8; 4]>::try_from(*bytes).map(|bytes| std::net::IpAddr::from(bytes).to_string());
            four.or_else(|_| <[u8; 16]>::try_from(*bytes).map(|bytes| std::net::IpAddr::from(bytes).to_string())).ok()
        }
        _ => None,
    }
}

fn name(name: &X509Name<'_>) -> String {
    plain(&name.to_string(), 120)
}

/// The common name; for the roots that have none, the whole name.
fn common_name(of: &X509Name<'_>) -> String {
    let common = of.iter_common_name().next().and_then(|common| common.as_str().ok()).map(|common| plain(common, 80));
    common.unwrap_or_else(|| name(of))
}

fn time(unix_s: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(unix_s).unwrap_or(0))
}

fn day(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string().chars().take(10).collect()
}

/// Renewal should have happened by then: the shortest lives that are common end after 90 days and are renewed after 60.
const SOON: Duration = Duration::from_hours(24 * 7);
const MOST_NAMES: usize = 5;
const NO_TRUST: &str = "the certificate is not believed in the first place";

#[cfg(test)]
mod tests;
