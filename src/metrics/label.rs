//! The closed lists of label values.
//!
//! A list is the variants of its enum, so none can be forgotten; whoever maps types of its own onto one does so by a match without `_`.

use strum::{EnumCount, IntoStaticStr, VariantArray};

/// One of a closed list: its words are the values of a label.
pub trait Label: Copy + Into<&'static str> + VariantArray {
    /// The value of the label, in snake case.
    fn name(self) -> &'static str {
        self.into()
    }
}

impl<L: Copy + Into<&'static str> + VariantArray> Label for L {}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumCount, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
#[expect(missing_docs, reason = "`journal::Outcome` says what each is")]
pub enum Outcome {
    TokenIssued,
    Delivered,
    Refused,
    HungUp,
    Cut,
    BrokenOff,
}

/// Why a request was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, EnumCount, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
#[expect(missing_docs, reason = "`refusal::Refusal` says what each is")]
pub enum Reason {
    BadPath,
    BadTarget,
    TooManyFields,
    PaddedField,
    MethodNotServed,
    BearerAbsent,
    BearerRepeated,
    NotBearer,
    TokenMalformed,
    TokenTooLong,
    TokenHeader,
    TokenUnknownKey,
    TokenWrongAlgorithm,
    TokenSignature,
    TokenClaims,
    TokenExpired,
    TokenNotYet,
    TokenTooLongLived,
    TokenIssuer,
    TokenAudience,
    ClientGone,
    OutsideBasePath,
    AddressNotAllowed,
    ClientAddressNotAllowed,
    RuleNotAllowed,
    TrailingSlashDiffers,
    TooManyRequests,
    BasicAbsent,
    BasicMalformed,
    WrongCredentials,
    NotPost,
    TooManyTokens,
    TooManyFailures,
    BodyTooLarge,
    BodyTimeout,
    BodyBroken,
    ConnectionsFull,
    HashingFull,
    SigningFailed,
    UpstreamUnresolved,
    UpstreamPublicAddress,
    UpstreamRefused,
    UpstreamConnectTimeout,
    UpstreamCertificateUnknownIssuer,
    UpstreamCertificateWrongName,
    UpstreamCertificateExpired,
    UpstreamCertificateNotYetValid,
    UpstreamCertificateUnusable,
    UpstreamTlsFailed,
    UpstreamClosedUnsent,
    UpstreamBroken,
    UpstreamNonsense,
    UpstreamStoppedReading,
    UpstreamTimeout,
}

/// How the beginning of a connection ended: the PROXY header, where there has to be one, and the TLS handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumCount, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Handshake {
    /// TLS is up.
    Ok,
    /// The caller said that it does not accept our certificate.
    CertificateRefused,
    /// The caller presented no certificate, or none that `TLS_CLIENT_CA_FILE` accepts.
    ClientCertificate,
    /// What came was no TLS, or not of a version, suite or shape that we speak.
    Failed,
    /// The caller went away before the end.
    Left,
    /// `HANDSHAKE_TIMEOUT` was over.
    Timeout,
    /// We closed it to make room for another connection.
    MadeRoom,
    /// The PROXY header was missing or malformed.
    ProxyHeader,
    /// The peer is not a trusted proxy, and only those may connect.
    ProxyUntrusted,
}

/// Why what came over a connection was no request. Answered by the HTTP library alone, so there is no line of log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumCount, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Unreadable {
    /// It is not HTTP: answered with 400.
    Malformed,
    /// Its head or its target is too large, or has too many fields: answered with 431 or 414.
    TooLarge,
    /// Nobody knows who sent it, and those together held all the memory that they may: cut.
    TooHeavy,
}

/// How the network takes the upstream's answer to a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumCount, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Taken {
    /// The payment has arrived.
    Done,
    /// The network gives up on the payment for good.
    Final,
    /// The network sends the payment again.
    Retried,
}

/// What is loaded again when its files change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumCount, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Part {
    /// The certificate pair.
    Certificate,
    /// The keys of tokens.
    Keys,
    /// The clients.
    Clients,
    /// What the upstream sees as `Authorization`.
    UpstreamAuthorization,
    /// The authorities of an `https://` upstream.
    UpstreamCa,
}

/// How a reload went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumCount, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Reload {
    /// The new one serves.
    Ok,
    /// The old one goes on serving.
    Failed,
}

impl Reason {
    /// Whether the token endpoint can say it.
    #[must_use]
    pub const fn is_of_token_endpoint(self) -> bool {
        match self {
            Self::BasicAbsent
            | Self::BasicMalformed
            | Self::WrongCredentials
            | Self::NotPost
            | Self::TooManyTokens
            | Self::TooManyFailures
            | Self::AddressNotAllowed
            | Self::ClientAddressNotAllowed
            | Self::BodyTooLarge
            | Self::BodyTimeout
            | Self::BodyBroken
            | Self::ConnectionsFull
            | Self::HashingFull
            | Self::SigningFailed => true,
            Self::BadPath
            | Self::BadTarget
            | Self::TooManyFields
            | Self::PaddedField
            | Self::MethodNotServed
            | Self::BearerAbsent
            | Self::BearerRepeated
            | Self::NotBearer
            | Self::TokenMalformed
            | Self::TokenTooLong
            | Self::TokenHeader
            | Self::TokenUnknownKey
            | Self::TokenWrongAlgorithm
            | Self::TokenSignature
            | Self::TokenClaims
            | Self::TokenExpired
            | Self::TokenNotYet
            | Self::TokenTooLongLived
            | Self::TokenIssuer
            | Self::TokenAudience
            | Self::ClientGone
            | Self::OutsideBasePath
            | Self::RuleNotAllowed
            | Self::TrailingSlashDiffers
            | Self::TooManyRequests
            | Self::UpstreamUnresolved
            | Self::UpstreamPublicAddress
            | Self::UpstreamRefused
            | Self::UpstreamConnectTimeout
            | Self::UpstreamCertificateUnknownIssuer
            | Self::UpstreamCertificateWrongName
            | Self::UpstreamCertificateExpired
            | Self::UpstreamCertificateNotYetValid
            | Self::UpstreamCertificateUnusable
            | Self::UpstreamTlsFailed
            | Self::UpstreamClosedUnsent
            | Self::UpstreamBroken
            | Self::UpstreamNonsense
            | Self::UpstreamStoppedReading
            | Self::UpstreamTimeout => false,
        }
    }
}
