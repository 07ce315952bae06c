//! What should be mended before it costs payments: a closed list, with a sentence and a remedy for each.

use strum::{EnumCount, IntoStaticStr, VariantArray};

/// Something that goes on unseen until it costs payments, or opens a way around the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumCount, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Warning {
    /// The upstream is at loopback, and its port takes connections on another address of this host too.
    UpstreamBypass,
    /// The certificate signed itself.
    CertificateSelfSigned,
    /// The certificate's issuer is not in the file.
    CertificateIncomplete,
    /// The certificate ends within 21 days.
    CertificateEnds,
    /// The certificate has ended.
    CertificateExpired,
    /// Handshakes failed for our certificate, and calls came without a token.
    DeliveriesWithoutToken,
    /// The wall clock went on otherwise than the time did.
    ClockJumped,
    /// Kept connections to the upstream were closed under requests.
    UpstreamStale,
    /// The upstream answers deliveries with success that the network takes for failure.
    DeliveriesRetried,
}

impl Warning {
    /// What is so.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::UpstreamBypass => {
                "The upstream's port takes connections on another address of this host too: the gate can be walked around"
            }
            Self::CertificateSelfSigned => {
                "The certificate is self-signed: the payment network gets no token from us. Fine for a trial, no good for payments"
            }
            Self::CertificateIncomplete => "The certificate's issuer is not in its file: most callers cannot verify it",
            Self::CertificateEnds => "The certificate ends within 21 days",
            Self::CertificateExpired => "The certificate has ended: callers do not accept it, and get no token",
            Self::DeliveriesWithoutToken => {
                "Callers did not accept our certificate, and calls come without a token: deliveries are being lost"
            }
            Self::ClockJumped => {
                "This host's clock has jumped by more than 5 seconds: tokens may be taken for expired, or for too new"
            }
            Self::UpstreamStale => {
                "The upstream closes kept connections while requests are on their way: these are answered with 502"
            }
            Self::DeliveriesRetried => {
                "The upstream answers deliveries with success but not with JSON: the network sends the same payment again, up to 10 times"
            }
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::UpstreamBypass => {
                "Have the upstream listen on 127.0.0.1 alone, or close its port to the outside with a firewall."
            }
            Self::CertificateSelfSigned => {
                "Get one from a public authority for the registered host name, and name it in BEARERGATE_TLS_CERT_FILE."
            }
            Self::CertificateIncomplete => {
                "Put the full chain into BEARERGATE_TLS_CERT_FILE (fullchain.pem), the server's own first. Nothing to do if a root that all \
                 callers know has signed it itself."
            }
            Self::CertificateEnds => "See why its renewal has not run; new files are loaded by themselves.",
            Self::CertificateExpired => {
                "Renew it now; new files are loaded by themselves. If it is in order, this host's clock is wrong."
            }
            Self::DeliveriesWithoutToken => {
                "Ask from outside, bearergate doctor https://HOST: the certificate must be public, complete, for the registered name and \
                 not expired, and it says which it is not."
            }
            Self::ClockJumped => {
                "Check time synchronisation (chronyd, systemd-timesyncd), and whether this machine was halted."
            }
            Self::UpstreamStale => {
                "Set BEARERGATE_UPSTREAM_POOL_IDLE below the upstream's own keep-alive time. It may have booked what it did not answer."
            }
            Self::DeliveriesRetried => {
                "Let the upstream answer 2xx with a JSON body as in the Transaction Sync API, and know a transactionid that it has booked."
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_warning_has_a_sentence_and_a_remedy_of_its_own() {
        let texts = |text: fn(Warning) -> &'static str| Warning::VARIANTS.iter().map(move |warning| text(*warning));
        assert!(texts(Warning::sentence).all(|text| text.len() > 30 && !text.ends_with('.')));
        assert!(texts(Warning::remedy).all(|text| text.len() > 30 && text.ends_with('.')));
        for text in [Warning::sentence as fn(Warning) -> &'static str, Warning::remedy] {
            assert_eq!(texts(text).collect::<HashSet<_>>().len(), Warning::COUNT);
        }
    }
}
