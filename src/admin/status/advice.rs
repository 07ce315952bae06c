//! What to do about a refusal: one sentence or two for whoever reads the status page at three in the morning.

use crate::metrics::label::{Handshake, Reason};

/// What to do about a refusal with this reason. `expired_s` is how long ago the token expired, where that was the reason.
pub(super) fn for_reason(reason: Reason, expired_s: Option<u64>) -> String {
    match (reason, expired_s) {
        (Reason::TokenExpired, Some(ago)) => format!("The token expired {} ago. {}", span(ago), advice(reason)),
        _ => advice(reason).to_owned(),
    }
}

fn span(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// The sentence for each reason.
pub(super) const fn advice(reason: Reason) -> &'static str {
    match reason {
        Reason::BadPath => {
            "Two programs could read this path differently, so it goes no further. The payment network never sends such a path: most likely a \
             scanner; else correct the registered URL."
        }
        Reason::BadTarget => {
            "Host is missing, doubled or malformed. The payment network never does this: most likely a scanner, or a proxy before the gate that \
             rewrites Host."
        }
        Reason::TooManyFields => "More than 100 header fields. No payment looks like this: most likely a scanner.",
        Reason::PaddedField => {
            "A field's value begins or ends with white space, over HTTP/2. No proper client does this: most likely somebody probes for gaps between us \
             and the API."
        }
        Reason::MethodNotServed => {
            "CONNECT and TRACE are never served. Most likely a scanner that looks for an open proxy."
        }
        Reason::BearerAbsent => {
            "No token came. If these are deliveries, the caller could not get one, most often because it did not accept our certificate or was \
             registered with another token URL: look at handshakes and token logins here, and from outside with bearergate doctor."
        }
        Reason::BearerRepeated => {
            "Two Authorization headers came. Look for a proxy before the gate that adds one of its own."
        }
        Reason::NotBearer => {
            "Authorization is there, but not Bearer and a token. Was the caller given the password for deliveries too? It must ask for a token first."
        }
        Reason::TokenMalformed => {
            "This is not a token of ours. Bearer null means that our token answer did not reach the caller whole; a fixed token must be in the \
             client's static_tokens."
        }
        Reason::TokenTooLong => "The token is over 8 KiB, and ours are a few hundred bytes: it comes from elsewhere.",
        Reason::TokenHeader => "The token was not made by a gate: its header has more than alg, typ and kid.",
        Reason::TokenUnknownKey => {
            "The token names a key that is not here. Was a key removed before its tokens had expired, or does another replica sign with a key that \
             this one has not got?"
        }
        Reason::TokenWrongAlgorithm => {
            "The token is of another algorithm than our keys. Was the kind of key changed, or is somebody trying?"
        }
        Reason::TokenSignature => {
            "The signature is not ours. Do all replicas have the same token key? Was the key changed within the last minutes? If neither, somebody is \
             trying."
        }
        Reason::TokenClaims => {
            "Signed with our key, but not made by us: who else has the token key? Change it if nobody should."
        }
        Reason::TokenExpired => {
            "Is the caller's clock right, and this host's? The network gets a new token for each attempt, so the retry should pass; a caller that keeps \
             tokens must look at expires_in."
        }
        Reason::TokenNotYet => {
            "The token is from the future: the clocks of the replicas differ. Check time synchronisation."
        }
        Reason::TokenTooLongLived => {
            "The token was made to live longer than BEARERGATE_TOKEN_TTL allows here. Is it the same on every replica?"
        }
        Reason::TokenIssuer => "The token is of another issuer. Is BEARERGATE_TOKEN_ISSUER the same on every replica?",
        Reason::TokenAudience => {
            "The token is for another audience. Is BEARERGATE_TOKEN_AUDIENCE the same on every replica?"
        }
        Reason::ClientGone => {
            "The token is good, but its client is no longer in the clients file. Put it back, if that was not meant."
        }
        Reason::OutsideBasePath => {
            "The path is outside BEARERGATE_BASE_PATH. Compare it with the URL that was registered with the network."
        }
        Reason::AddressNotAllowed => {
            "The caller's address is not in BEARERGATE_ALLOW_ADDRESSES. If it is the network's, add it; if it is a load balancer's, set \
             BEARERGATE_TRUSTED_PROXIES."
        }
        Reason::ClientAddressNotAllowed => {
            "The address is not in this client's addresses. If the client has moved, add it; if it is a load balancer's, set \
             BEARERGATE_TRUSTED_PROXIES."
        }
        Reason::RuleNotAllowed => {
            "No rule lets this client call this method and path. If it should, add it to the client's allow and to BEARERGATE_ALLOW."
        }
        Reason::TrailingSlashDiffers => {
            "Only a slash at the end keeps this call from being allowed. Correct the registered URL, or add the other spelling to the rules."
        }
        Reason::TooManyRequests => {
            "The client is over its rate. If the load is real, raise its rate or BEARERGATE_CLIENT_RATE; the network tries again by itself."
        }
        Reason::BasicAbsent => {
            "Somebody asked for a token without a user name and password. Most likely a scanner, or the network was registered without them."
        }
        Reason::BasicMalformed => {
            "The user name and password cannot be read. They must be Basic, padded standard Base64 of user:password."
        }
        Reason::WrongCredentials => {
            "Unknown user name or wrong password. Compare what the network has with what new-client printed; during a rotation keep both \
             passwords in the list."
        }
        Reason::NotPost => "The token endpoint takes POST alone. Most likely somebody opened the URL in a browser.",
        Reason::TooManyTokens => {
            "The client asks for tokens faster than its token rate. If the load is real, raise token_rate or BEARERGATE_TOKEN_RATE."
        }
        Reason::TooManyFailures => {
            "Too many logins failed from this address. If it is a load balancer's, set BEARERGATE_TRUSTED_PROXIES; else somebody is guessing, and is \
             being held off."
        }
        Reason::BodyTooLarge => {
            "The body is over BEARERGATE_MAX_BODY (64 KiB for a token). A payment is under 1 KiB: raise it only if your API takes files."
        }
        Reason::BodyTimeout => {
            "The caller stopped sending in the middle. A bad line, or somebody holding connections open on purpose."
        }
        Reason::BodyBroken => {
            "The body ended early or was malformed: the caller or the line broke off. The API has not seen a whole request."
        }
        Reason::ConnectionsFull => {
            "BEARERGATE_MAX_CONNECTIONS are open and all are in use. Is the API slow? Else raise the limit, or add a replica."
        }
        Reason::HashingFull => {
            "Too many chosen passwords wait to be hashed, most often because somebody is guessing. Give clients generated passwords (new-client): they \
             are never hashed."
        }
        Reason::SigningFailed => {
            "No token could be signed: the system gave no random bytes. Restart, and look at the host."
        }
        Reason::UpstreamUnresolved => {
            "The name in BEARERGATE_UPSTREAM_URL cannot be resolved. Is it right, and does DNS work here?"
        }
        Reason::UpstreamPublicAddress => {
            "The upstream's name leads to a public address, where payments would travel in the clear. Use a private address, or \
             BEARERGATE_UPSTREAM_INSECURE=true if the way is safe."
        }
        Reason::UpstreamRefused => {
            "The API refuses connections. Is it running, and does it listen where BEARERGATE_UPSTREAM_URL says?"
        }
        Reason::UpstreamConnectTimeout => {
            "The API's host does not answer. Is it up, and does a firewall or network policy let us through?"
        }
        Reason::UpstreamCertificateUnknownIssuer => {
            "No authority that is trusted has signed the API's certificate. If it is your own authority, name it in BEARERGATE_UPSTREAM_CA_FILE."
        }
        Reason::UpstreamCertificateWrongName => {
            "The API's certificate is for another name. Write that name into BEARERGATE_UPSTREAM_URL, or give the API a certificate for this one."
        }
        Reason::UpstreamCertificateExpired => {
            "The API's certificate has expired. Renew it there; if it is in order, this host's clock is wrong."
        }
        Reason::UpstreamCertificateNotYetValid => {
            "The API's certificate is not valid yet: this host's clock is behind, or the certificate was made too early."
        }
        Reason::UpstreamCertificateUnusable => {
            "The API's certificate is damaged, or not one for a server. Look at the API's own TLS settings."
        }
        Reason::UpstreamTlsFailed => {
            "The TLS handshake with the API failed. Does its port speak TLS 1.2 or 1.3? If it speaks plain HTTP, write http:// in BEARERGATE_UPSTREAM_URL."
        }
        Reason::UpstreamClosedUnsent => {
            "The API closed each connection before a byte was sent. It closes idle ones sooner than BEARERGATE_UPSTREAM_POOL_IDLE: lower that."
        }
        Reason::UpstreamBroken => {
            "The API broke off before it answered, and may have booked the payment. Look into its log for a crash at this time; it must know a \
             transactionid that it has booked."
        }
        Reason::UpstreamNonsense => {
            "What the API answered is not HTTP/1.1, and it may have booked the payment. Does BEARERGATE_UPSTREAM_URL lead to the right port?"
        }
        Reason::UpstreamStoppedReading => {
            "The API stopped reading the request. It hangs or is overloaded: look at its own load and log."
        }
        Reason::UpstreamTimeout => {
            "The API did not answer within BEARERGATE_UPSTREAM_RESPONSE_TIMEOUT, and may have booked the payment: the network sends it again. Look at \
             its database and load."
        }
    }
}

/// How a beginning of a connection is named on the page.
pub(super) const fn door(result: Handshake) -> &'static str {
    match result {
        Handshake::Ok => "TLS handshakes",
        Handshake::CertificateRefused => "did not accept our certificate",
        Handshake::ClientCertificate => "had no certificate that we accept",
        Handshake::Failed => "spoke no TLS that we speak",
        Handshake::Left => "left before the handshake was over",
        Handshake::Timeout => "took too long over the handshake",
        Handshake::MadeRoom => "made room for others",
        Handshake::ProxyHeader => "had no good PROXY header",
        Handshake::ProxyUntrusted => "came past the trusted proxies",
    }
}

/// Whether somebody should look into it.
pub(super) const fn is_bad(result: Handshake) -> bool {
    match result {
        Handshake::CertificateRefused
        | Handshake::ClientCertificate
        | Handshake::ProxyHeader
        | Handshake::ProxyUntrusted => true,
        Handshake::Ok | Handshake::Failed | Handshake::Left | Handshake::Timeout | Handshake::MadeRoom => false,
    }
}

#[cfg(test)]
mod tests {
    use strum::VariantArray as _;

    use super::*;

    #[test]
    fn every_reason_has_an_advice_of_its_own_that_fits_a_page() {
        let all: Vec<&str> = Reason::VARIANTS.iter().map(|reason| advice(*reason)).collect();
        for text in &all {
            assert!((40..=260).contains(&text.len()) && text.ends_with(['.', '?']) && !text.contains("  "), "{text}");
        }
        assert_eq!(all.iter().collect::<std::collections::HashSet<_>>().len(), all.len());
    }

    #[test]
    fn an_expired_token_is_told_with_its_age() {
        for (ago, begin) in [
            (14, "The token expired 14 s ago. Is the"),
            (300, "The token expired 5 min ago."),
            (1 << 30, "The token expired 12427 days"),
        ] {
            assert!(for_reason(Reason::TokenExpired, Some(ago)).starts_with(begin), "{ago}");
        }
        assert_eq!(for_reason(Reason::NotPost, None), advice(Reason::NotPost));
    }
}
