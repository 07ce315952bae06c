//! What people may know of the certificate that is served.

use rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate, X509Name};

/// What a certificate says of itself. All of it is public.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Certificate {
    /// When it begins to be valid, in seconds since the Unix epoch.
    pub not_before_unix_s: u64,
    /// When it ends, in seconds since the Unix epoch.
    pub not_after_unix_s: u64,
    /// The names and addresses that it is for.
    pub names: Vec<String>,
    /// Who signed it.
    pub issuer: String,
    /// Whether it signed itself: then nobody trusts it who was not told to.
    pub is_self_signed: bool,
    /// Whether who signed it is in the chain too. Of no meaning when it signed itself.
    pub has_issuer: bool,
    /// How many certificates are served, this one included.
    pub chain: usize,
}

/// Not a certificate that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unread;

impl Certificate {
    /// Reads the first certificate of a chain.
    pub(super) fn of(chain: &[CertificateDer<'_>]) -> Result<Self, Unread> {
        let leaf = chain.first().ok_or(Unread)?;
        let (_, certificate) = X509Certificate::from_der(leaf).map_err(|_| Unread)?;
        let names = certificate.subject_alternative_name().ok().flatten();
        let names = names.map(|names| names.value.general_names.iter().filter_map(name).collect());
        let seconds = |time: i64| u64::try_from(time).unwrap_or(0);
        Ok(Self {
            not_before_unix_s: seconds(certificate.validity().not_before.timestamp()),
            not_after_unix_s: seconds(certificate.validity().not_after.timestamp()),
            names: names.unwrap_or_default(),
            issuer: certificate.issuer().to_string(),
            is_self_signed: certificate.issuer() == certificate.subject(),
            has_issuer: chain[1..].iter().any(|other| is_of(other, certificate.issuer())),
            chain: chain.len(),
        })
    }

    /// Whether it is valid at this time. Both ends belong to it. Source: RFC 5280, section 4.1.2.5.
    #[must_use]
    pub const fn is_valid_at(&self, unix_s: u64) -> bool {
        self.not_before_unix_s <= unix_s && unix_s <= self.not_after_unix_s
    }
}

fn is_of(certificate: &CertificateDer<'_>, subject: &X509Name<'_>) -> bool {
    X509Certificate::from_der(certificate).is_ok_and(|(_, certificate)| certificate.subject() == subject)
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => {
            let four = <[u8; 4]>::try_from(*bytes).map(|bytes| std::net::IpAddr::from(bytes).to_string());
            four.or_else(|_| <[u8; 16]>::try_from(*bytes).map(|bytes| std::net::IpAddr::from(bytes).to_string())).ok()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, DnType, KeyPair};

    #[test]
    fn a_certificate_says_for_whom_and_until_when_it_is() {
        let names = ["pay.example.com", "127.0.0.1", "2001:db8::1"].map(str::to_owned);
        let mut params = CertificateParams::new(names.clone()).expect("names");
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "trial");
        params.not_before = rcgen::date_time_ymd(2026, 1, 1);
        params.not_after = rcgen::date_time_ymd(2050, 1, 2);
        let key = KeyPair::generate().expect("a key");
        let der = params.self_signed(&key).expect("a certificate").der().clone();
        let read = Certificate::of(&[der.clone(), der]).expect("a certificate");
        let expected = Certificate {
            not_before_unix_s: 1_767_225_600,
            not_after_unix_s: 2_524_694_400,
            names: names.into(),
            issuer: "CN=trial".to_owned(),
            is_self_signed: true,
            has_issuer: true,
            chain: 2,
        };
        assert_eq!(read, expected);
        for (time, valid) in
            [(1_767_225_599, false), (1_767_225_600, true), (2_524_694_400, true), (2_524_694_401, false)]
        {
            assert_eq!(read.is_valid_at(time), valid, "{time}");
        }
        assert_eq!(Certificate::of(&[]), Err(Unread));
        assert_eq!(Certificate::of(&[CertificateDer::from(vec![1, 2, 3])]), Err(Unread));
    }
}
