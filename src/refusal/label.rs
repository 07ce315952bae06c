//! The reason of a refusal for counting and for the log. Without `_`: a new way to say no needs a label before it compiles.

use super::{CertificateFault, Denied, Full503, Refusal, UpstreamFault, Waited};
use crate::auth::basic::BasicFault;
use crate::auth::bearer::BearerFault;
use crate::auth::token::TokenFault;
use crate::metrics::label::Reason;

impl Refusal {
    /// The reason for counting.
    #[must_use]
    pub const fn label(&self) -> Reason {
        match self {
            Self::BadPath(_) => Reason::BadPath,
            Self::BadTarget(_) => Reason::BadTarget,
            Self::TooManyFields => Reason::TooManyFields,
            Self::PaddedField => Reason::PaddedField,
            Self::MethodNotServed => Reason::MethodNotServed,
            Self::NoBearer(BearerFault::Absent) => Reason::BearerAbsent,
            Self::NoBearer(BearerFault::Repeated) => Reason::BearerRepeated,
            Self::NoBearer(BearerFault::NotBearer) => Reason::NotBearer,
            Self::BadToken(fault) => token_label(*fault),
            Self::ClientGone => Reason::ClientGone,
            Self::NotAllowed(Denied::OutsideBasePath) => Reason::OutsideBasePath,
            Self::NotAllowed(Denied::Address) => Reason::AddressNotAllowed,
            Self::NotAllowed(Denied::ClientAddress) => Reason::ClientAddressNotAllowed,
            Self::NotAllowed(Denied::Rule) => Reason::RuleNotAllowed,
            Self::NotAllowed(Denied::TrailingSlash) => Reason::TrailingSlashDiffers,
            Self::TooManyRequests(_) => Reason::TooManyRequests,
            Self::TooManyTokens(_) => Reason::TooManyTokens,
            Self::TooManyFailures(_) => Reason::TooManyFailures,
            Self::NoBasic(BasicFault::Absent) => Reason::BasicAbsent,
            Self::NoBasic(_) => Reason::BasicMalformed,
            Self::WrongCredentials => Reason::WrongCredentials,
            Self::NotPost => Reason::NotPost,
            Self::BodyTooLarge => Reason::BodyTooLarge,
            Self::BodyTimeout => Reason::BodyTimeout,
            Self::BodyBroken => Reason::BodyBroken,
            Self::Overloaded(Full503::Connections) => Reason::ConnectionsFull,
            Self::Overloaded(Full503::Hashing) => Reason::HashingFull,
            Self::Overloaded(Full503::Signing) => Reason::SigningFailed,
            Self::UpstreamUnreachable(fault) => fault.label(),
            Self::UpstreamTimeout(Waited::ToRead) => Reason::UpstreamStoppedReading,
            Self::UpstreamTimeout(Waited::ToAnswer) => Reason::UpstreamTimeout,
        }
    }
}

impl UpstreamFault {
    /// The reason for counting.
    #[must_use]
    pub const fn label(self) -> Reason {
        match self {
            Self::Unresolved => Reason::UpstreamUnresolved,
            Self::PublicAddress => Reason::UpstreamPublicAddress,
            Self::Refused => Reason::UpstreamRefused,
            Self::ConnectTimeout => Reason::UpstreamConnectTimeout,
            Self::Certificate(CertificateFault::UnknownIssuer) => Reason::UpstreamCertificateUnknownIssuer,
            Self::Certificate(CertificateFault::WrongName) => Reason::UpstreamCertificateWrongName,
            Self::Certificate(CertificateFault::Expired) => Reason::UpstreamCertificateExpired,
            Self::Certificate(CertificateFault::NotYetValid) => Reason::UpstreamCertificateNotYetValid,
            Self::Certificate(CertificateFault::Unusable) => Reason::UpstreamCertificateUnusable,
            Self::Tls => Reason::UpstreamTlsFailed,
            Self::ClosedUnsent => Reason::UpstreamClosedUnsent,
            Self::Broken => Reason::UpstreamBroken,
            Self::Nonsense => Reason::UpstreamNonsense,
        }
    }
}

const fn token_label(fault: TokenFault) -> Reason {
    match fault {
        TokenFault::Malformed => Reason::TokenMalformed,
        TokenFault::TooLong => Reason::TokenTooLong,
        TokenFault::Header => Reason::TokenHeader,
        TokenFault::UnknownKey => Reason::TokenUnknownKey,
        TokenFault::WrongAlgorithm => Reason::TokenWrongAlgorithm,
        TokenFault::Signature => Reason::TokenSignature,
        TokenFault::Claims => Reason::TokenClaims,
        TokenFault::Expired { .. } => Reason::TokenExpired,
        TokenFault::NotYet => Reason::TokenNotYet,
        TokenFault::TooLongLived => Reason::TokenTooLongLived,
        TokenFault::Issuer => Reason::TokenIssuer,
        TokenFault::Audience => Reason::TokenAudience,
    }
}
