//! The checks that there are: a closed list, each with its name, its title and why it matters to the network's deliveries.

use strum::EnumIter;

mod about;

/// One question to an endpoint. Their order is that of the scorecard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter)]
pub(super) enum Check {
    Reachable,
    Certificate,
    JavaRoots,
    Key,
    Tls12,
    Tls13,
    Http11,
    TokenStatus,
    TokenContentType,
    AccessToken,
    TokenType,
    ExpiresIn,
    TokenSecret,
    TokenSize,
    TokenCache,
    TokenBodies,
    WrongPassword,
    UnknownUser,
    NoLogin,
    LoginsAlike,
    NoToken,
    BearerNull,
    Forged,
    AlgNone,
    SampleSecret,
    Expired,
    PresenceOnly,
    TokenSlash,
    DeliverySlash,
    DoubleSlash,
    PlainHttp,
    TokenPace,
    ConnectionPace,
    LoginPace,
    Software,
    Traces,
    RefusalSize,
    Sample,
}

/// A part of the scorecard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Group {
    Connection,
    Token,
    Logins,
    Gate,
    Addresses,
    Pace,
    Leaks,
    Delivery,
}

impl Group {
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Connection => "Connection",
            Self::Token => "Token call",
            Self::Logins => "Wrong logins",
            Self::Gate => "Deliveries without a good token",
            Self::Addresses => "Addresses",
            Self::Pace => "Pace",
            Self::Leaks => "Leaks",
            Self::Delivery => "Sample delivery",
        }
    }
}

impl Check {
    /// Its name for programs: stable.
    pub(super) const fn id(self) -> &'static str {
        self.about().1
    }

    /// Its name for people.
    pub(super) const fn title(self) -> &'static str {
        self.about().2
    }

    /// Why it matters.
    pub(super) const fn why(self) -> &'static str {
        self.about().3
    }

    /// The part that it belongs to.
    pub(super) const fn group(self) -> Group {
        self.about().0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use strum::IntoEnumIterator as _;

    use super::*;

    #[test]
    fn every_check_has_a_name_of_its_own_and_says_why() {
        let ids: BTreeSet<_> = Check::iter().map(Check::id).collect();
        assert_eq!(ids.len(), Check::iter().count());
        for check in Check::iter() {
            assert!(!check.title().is_empty() && !check.why().is_empty() && !check.why().ends_with('.'), "{check:?}");
        }
    }
}
