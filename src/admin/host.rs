//! By which name the status page may be asked for.
//!
//! A page of any site, opened in an operator's browser, can lead a name of its own to 127.0.0.1 (DNS rebinding) and would read the status
//! page as its own. It cannot do that with an address, nor with a name that the public DNS does not give away. Probes and metrics answer to
//! any name: they say nothing of callers, and scrapers know us by names of every kind.

use http::HeaderValue;
use http::uri::Authority;

/// Whether nobody outside could have made the name in `Host` lead here.
pub(super) fn is_ours(host: Option<&HeaderValue>) -> bool {
    let Some(authority) = host.and_then(|host| host.to_str().ok()?.parse::<Authority>().ok()) else { return false };
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    if host.parse::<std::net::IpAddr>().is_ok() {
        return true;
    }
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    let ending = name.rsplit('.').next().unwrap_or_default();
    // A name of one word is of this machine, of a container's network or of a search list.
    (name == ending && !name.is_empty()) || PRIVATE.contains(&ending) || name.ends_with(".home.arpa")
}

/// Top-level names that the public DNS does not have: RFC 6761, RFC 6762, RFC 8375, ICANN's `internal`, and those of clusters.
const PRIVATE: [&str; 6] = ["localhost", "local", "internal", "test", "svc", "lan"];

pub(super) const REFUSED: &str = "ask for this page by an address, by localhost or by a name of one word: \
     a public name could be another site's that leads here (DNS rebinding). /metrics, /readyz and /livez answer to any name\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_a_stranger_could_lead_here_is_refused() {
        for (host, expected) in [
            (Some("127.0.0.1:9090"), true),
            (Some("[::1]:9090"), true),
            (Some("10.1.2.3"), true),
            (Some("localhost:9090"), true),
            (Some("LOCALHOST"), true),
            (Some("gate:9090"), true),
            (Some("gate.localhost:9090"), true),
            (Some("gate.payments.svc:9090"), true),
            (Some("gate.payments.svc.cluster.local:9090"), true),
            (Some("box.lan"), true),
            (Some("box.home.arpa"), true),
            (Some("evil.example.com:9090"), false),
            (Some("evil.com."), false),
            (Some("127.0.0.1.nip.io"), false),
            (Some("localhost.evil.com"), false),
            (Some("home.arpa.evil.com"), false),
            (Some("user@localhost@evil.com"), false),
            (Some(""), false),
            (Some(":9090"), false),
            (None, false),
        ] {
            let value = host.map(|host| HeaderValue::from_str(host).unwrap());
            assert_eq!(is_ours(value.as_ref()), expected, "{host:?}");
        }
    }
}
