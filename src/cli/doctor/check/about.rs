//! What is said of each check: its part, its name for programs, its name for people, and why it matters.

use super::{Check, Group};

impl Check {
    pub(super) const fn about(self) -> (Group, &'static str, &'static str, &'static str) {
        match self {
            Self::Reachable
            | Self::Certificate
            | Self::JavaRoots
            | Self::Key
            | Self::Tls12
            | Self::Tls13
            | Self::Http11 => self.about_connection(),
            Self::TokenStatus
            | Self::TokenContentType
            | Self::AccessToken
            | Self::TokenType
            | Self::ExpiresIn
            | Self::TokenSecret
            | Self::TokenSize
            | Self::TokenCache
            | Self::TokenBodies => self.about_token(),
            Self::WrongPassword | Self::UnknownUser | Self::NoLogin | Self::LoginsAlike => self.about_logins(),
            Self::NoToken
            | Self::BearerNull
            | Self::Forged
            | Self::AlgNone
            | Self::SampleSecret
            | Self::Expired
            | Self::PresenceOnly => self.about_gate(),
            _ => self.about_addresses(),
        }
    }

    const fn about_connection(self) -> (Group, &'static str, &'static str, &'static str) {
        let of = Group::Connection;
        match self {
            Self::Reachable => (
                of,
                "reachable",
                "takes connections",
                "a delivery that finds nobody is tried 10 times within 310 s, then the notice is lost",
            ),
            Self::Certificate => (
                of,
                "certificate",
                "certificate",
                "the network verifies it on the token call; if that fails, it delivers without a token, and nobody sees why",
            ),
            Self::JavaRoots => (
                of,
                "java-roots",
                "root known to Java 8",
                "the token call is verified by a Java 8; a root that its update does not know yet is no root",
            ),
            Self::Key => (
                of,
                "key",
                "key and signature",
                "Java 8 refuses short keys, SHA-1 and MD5 signatures, and does not know Ed25519",
            ),
            Self::Tls12 => (
                of,
                "tls-1.2",
                "TLS 1.2",
                "Java 8 calls by TLS 1.2; TLS 1.3 came with its update 261 and was off for callers at first",
            ),
            Self::Tls13 => {
                (of, "tls-1.3", "TLS 1.3", "newer callers prefer it; it takes one round trip less for each delivery")
            }
            _ => (
                of,
                "http-1.1",
                "HTTP/1.1 without ALPN",
                "the network speaks HTTP/1.1 and offers no other protocol by ALPN",
            ),
        }
    }

    const fn about_token(self) -> (Group, &'static str, &'static str, &'static str) {
        let of = Group::Token;
        match self {
            Self::TokenStatus => (
                of,
                "token-status",
                "status",
                "every status but 2xx fails the token call; the delivery then comes without a token",
            ),
            Self::TokenContentType => (
                of,
                "token-content-type",
                "content type",
                "the network reads JSON only where the answer says application/json",
            ),
            Self::AccessToken => (
                of,
                "access-token",
                "access_token",
                "without the member of this very name the delivery carries the text `Bearer null`",
            ),
            Self::TokenType => {
                (of, "token-type", "token_type", "the documentation says Bearer, and the network sends nothing else")
            }
            Self::ExpiresIn => (
                of,
                "expires-in",
                "expires_in",
                "it is read into a 32-bit number; what does not fit fails the whole token call",
            ),
            _ => self.about_token_itself(),
        }
    }

    const fn about_token_itself(self) -> (Group, &'static str, &'static str, &'static str) {
        let of = Group::Token;
        match self {
            Self::TokenSecret => (
                of,
                "token-secret",
                "what the token is made of",
                "who can make or guess a token can report payments that never were",
            ),
            Self::TokenSize => (
                of,
                "token-size",
                "size of the token",
                "it travels in a header of every delivery; many servers take 8 KiB of headers",
            ),
            Self::TokenCache => (
                of,
                "token-cache",
                "Cache-Control: no-store",
                "a cache on the way that keeps the answer hands the token to others",
            ),
            _ => (
                of,
                "token-bodies",
                "any body or none",
                "the network sends {}; samples of its documentation send nothing, or an empty form",
            ),
        }
    }

    const fn about_logins(self) -> (Group, &'static str, &'static str, &'static str) {
        let of = Group::Logins;
        match self {
            Self::WrongPassword => (
                of,
                "wrong-password",
                "wrong password",
                "who gets a token without the password can report payments that never were",
            ),
            Self::UnknownUser => (
                of,
                "unknown-user",
                "unknown user",
                "who gets a token without a password can report payments that never were",
            ),
            Self::NoLogin => (
                of,
                "no-login",
                "no Authorization header",
                "who gets a token without a password can report payments that never were",
            ),
            _ => (
                of,
                "logins-alike",
                "wrong logins are answered alike",
                "a difference tells strangers which user names exist",
            ),
        }
    }

    const fn about_gate(self) -> (Group, &'static str, &'static str, &'static str) {
        let of = Group::Gate;
        match self {
            Self::NoToken => (
                of,
                "no-token",
                "no token",
                "this is how a delivery comes when the token call has failed: 401 is tried again, 400 and 3xx lose the payment for good, 2xx is an open gate",
            ),
            Self::BearerNull => (
                of,
                "bearer-null",
                "Bearer null",
                "this is how a delivery comes after a token answer without access_token",
            ),
            Self::Forged => (
                of,
                "forged",
                "forged token",
                "a token with one changed character proves that the signature is looked at",
            ),
            Self::AlgNone => {
                (of, "alg-none", "token without a signature", "a token that says alg none can be written by anybody")
            }
            Self::SampleSecret => (
                of,
                "sample-secret",
                "token signed with a sample secret",
                "secrets from documentation are known to everybody",
            ),
            Self::Expired => (
                of,
                "expired",
                "expired token",
                "a token that is good for ever is a password that everybody on the way has seen",
            ),
            _ => (
                of,
                "presence-only",
                "more than the presence of a token is checked",
                "a gate that any bearer token opens is no gate",
            ),
        }
    }

    const fn about_addresses(self) -> (Group, &'static str, &'static str, &'static str) {
        match self {
            Self::TokenSlash => (
                Group::Addresses,
                "token-slash",
                "token path with a final slash",
                "URLs are typed by hand at registration; the network does not follow redirects, so the POST is dropped",
            ),
            Self::DeliverySlash => (
                Group::Addresses,
                "delivery-slash",
                "delivery path with a final slash",
                "URLs are typed by hand at registration; a redirect loses the payment for good",
            ),
            Self::DoubleSlash => (
                Group::Addresses,
                "double-slash",
                "token path with //",
                "host and path are joined by hand; the network's library collapses //, other callers do not",
            ),
            Self::PlainHttp => (
                Group::Addresses,
                "plain-http",
                "plain HTTP",
                "in the clear everybody on the way reads the password and the tokens",
            ),
            _ => self.about_pace_and_leaks(),
        }
    }

    const fn about_pace_and_leaks(self) -> (Group, &'static str, &'static str, &'static str) {
        match self {
            Self::TokenPace => (
                Group::Pace,
                "token-pace",
                "time of a token call",
                "there is one before every delivery, and the network waits without a limit",
            ),
            Self::ConnectionPace => (
                Group::Pace,
                "connection-pace",
                "20 new connections",
                "every delivery is a new connection with a whole handshake",
            ),
            Self::LoginPace => (
                Group::Pace,
                "login-pace",
                "known and unknown users take as long",
                "a difference tells strangers which user names exist",
            ),
            Self::Software => {
                (Group::Leaks, "software", "names of software", "versions tell an attacker which holes to try")
            }
            Self::Traces => (
                Group::Leaks,
                "traces",
                "stack traces",
                "they tell an attacker how the program is built, and may hold secrets",
            ),
            Self::RefusalSize => (
                Group::Leaks,
                "refusal-size",
                "size of refusals",
                "the network stores an answer in 255 characters; 200 bytes leave room",
            ),
            _ => (
                Group::Delivery,
                "sample",
                "a delivery of 0 VND",
                "only a delivery shows whether the API's answer is one that the network takes for done",
            ),
        }
    }
}
