//! Who came to the door and did not get as far as a request. The journal knows only requests; these are counted here, and warned of at most
//! once a minute for each kind.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::{AlertDescription, Error as TlsError};
use strum::EnumCount as _;

use super::proxy::ProxyFault;
use crate::log::{Level, Log, Seldom};
use crate::metrics::label::{Handshake, Label as _, Unreadable};
use crate::metrics::{Open, Tally};

/// When each kind was last warned of. Shared by all workers.
#[derive(Debug)]
pub(super) struct Warnings {
    handshakes: [Seldom; Handshake::COUNT],
    unreadable: [Seldom; Unreadable::COUNT],
}

/// One worker's page of the book.
#[derive(Debug)]
pub(super) struct Doorbook {
    tally: Tally,
    warnings: Arc<Warnings>,
    log: Log,
}

impl Default for Warnings {
    fn default() -> Self {
        let seldom = |_| Seldom::every(WARN_EVERY);
        Self { handshakes: std::array::from_fn(seldom), unreadable: std::array::from_fn(seldom) }
    }
}

impl Doorbook {
    pub(super) fn new(tally: Tally, warnings: Arc<Warnings>, log: Log) -> Self {
        Self { tally, warnings, log }
    }

    /// Counts a connection for as long as the result lives.
    pub(super) fn connection(&self) -> Open {
        self.tally.connection()
    }

    /// Notes how the beginning of a connection from `peer` ended.
    pub(super) fn handshake(&self, result: Handshake, peer: IpAddr) {
        self.tally.handshake(result);
        let Some(message) = what_it_means(result) else { return };
        let Some(more) = self.warnings.handshakes[result as usize].due() else { return };
        let line = self.log.line(Level::Warn, message).field("result", result.name()).field("peer", peer);
        line.field("also_since_the_last_warning", more).write();
    }

    /// Notes what hyper ended a connection from `peer` for. What it answered itself (400, 414, 431) never became a request.
    pub(super) fn ended(&self, error: &hyper::Error, peer: IpAddr) {
        let why = match error {
            error if error.is_parse_too_large() => Unreadable::TooLarge,
            error if error.is_parse() => Unreadable::Malformed,
            _ => return,
        };
        self.tally.unreadable(why);
        let Some(more) = self.warnings.unreadable[why as usize].due() else { return };
        let line = self.log.line(Level::Warn, UNREADABLE).field("why", why.name()).field("peer", peer);
        line.field("error", error.to_string()).field("also_since_the_last_warning", more).write();
    }

    /// Notes that a stranger's connection from `peer` was cut, for strangers hold all that they may.
    pub(super) fn too_heavy(&self, peer: IpAddr) {
        let why = Unreadable::TooHeavy;
        self.tally.unreadable(why);
        let Some(more) = self.warnings.unreadable[why as usize].due() else { return };
        let line = self.log.line(Level::Warn, TOO_HEAVY).field("why", why.name()).field("peer", peer);
        line.field("also_since_the_last_warning", more).write();
    }
}

/// What a failed handshake was.
pub(super) fn failed(error: &io::Error) -> Handshake {
    if error.kind() == io::ErrorKind::OutOfMemory {
        return Handshake::MadeRoom;
    }
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>());
    match tls {
        Some(TlsError::AlertReceived(alert)) if is_about_our_certificate(*alert) => Handshake::CertificateRefused,
        Some(TlsError::NoCertificatesPresented | TlsError::InvalidCertificate(_)) => Handshake::ClientCertificate,
        Some(_) => Handshake::Failed,
        None => Handshake::Left,
    }
}

/// What a connection without a usable PROXY header was.
pub(super) fn unintroduced(fault: &ProxyFault) -> Handshake {
    match fault {
        ProxyFault::Absent | ProxyFault::Malformed | ProxyFault::TooLong | ProxyFault::Unsupported => {
            Handshake::ProxyHeader
        }
        ProxyFault::Ended | ProxyFault::Broken(_) => Handshake::Left,
    }
}

/// Source: RFC 8446, section 6.2. Java and most others say one of these when a certificate is self-signed, expired, incomplete in its
/// chain or for another name.
const fn is_about_our_certificate(alert: AlertDescription) -> bool {
    matches!(
        alert,
        AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            // An authority of the same name with another key.
            | AlertDescription::DecryptError
    )
}

/// The warning for a result; none for what is as it should be, and for those who only look whether the port is open.
const fn what_it_means(result: Handshake) -> Option<&'static str> {
    Some(match result {
        Handshake::Ok | Handshake::Left | Handshake::MadeRoom => return None,
        Handshake::CertificateRefused => {
            "a caller did not accept our certificate; the payment network then sends deliveries without a token: is it from a public \
             authority, with its full chain, for this host name, and not expired?"
        }
        Handshake::ClientCertificate => {
            "a caller presented no certificate that BEARERGATE_TLS_CLIENT_CA_FILE accepts, and was not let in"
        }
        Handshake::Failed => "a TLS handshake failed: what came was no TLS, or shares no version or suite with us",
        Handshake::Timeout => {
            "a connection had not finished its TLS handshake within BEARERGATE_HANDSHAKE_TIMEOUT and was closed"
        }
        Handshake::ProxyHeader => {
            "a connection from a trusted proxy began without a good PROXY header and was closed; switch it on at the load balancer, or \
             BEARERGATE_PROXY_PROTOCOL off here"
        }
        Handshake::ProxyUntrusted => {
            "a connection came from an address that is not in BEARERGATE_TRUSTED_PROXIES and was closed, because \
             BEARERGATE_PROXY_PROTOCOL is on"
        }
    })
}

const UNREADABLE: &str = "what came over a connection was no request, or had too large a head; it was answered with 400, 414 or 431, and has no \
     line of its own";
const TOO_HEAVY: &str = "callers that have shown no good token or password hold all the memory that they may hold together; a connection of \
     theirs was cut";
const WARN_EVERY: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_handshake_is_told_by_what_rustls_says() {
        let wrapped = |error: TlsError| io::Error::new(io::ErrorKind::InvalidData, error);
        for (error, expected) in [
            (wrapped(TlsError::AlertReceived(AlertDescription::UnknownCA)), Handshake::CertificateRefused),
            (wrapped(TlsError::AlertReceived(AlertDescription::CertificateUnknown)), Handshake::CertificateRefused),
            (wrapped(TlsError::AlertReceived(AlertDescription::DecryptError)), Handshake::CertificateRefused),
            (wrapped(TlsError::AlertReceived(AlertDescription::HandshakeFailure)), Handshake::Failed),
            (wrapped(TlsError::NoCertificatesPresented), Handshake::ClientCertificate),
            (wrapped(TlsError::HandshakeNotComplete), Handshake::Failed),
            (io::ErrorKind::UnexpectedEof.into(), Handshake::Left),
            (io::ErrorKind::ConnectionReset.into(), Handshake::Left),
            (io::ErrorKind::OutOfMemory.into(), Handshake::MadeRoom),
        ] {
            assert_eq!(failed(&error), expected, "{error:?}");
        }
    }
}
