//! Where the upstream is.

use std::fmt;
use std::net::IpAddr;

use http::Uri;

/// The upstream's address: a literal one, or a name that is resolved for every new connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    host: Host,
    port: u16,
}

/// The host of an [`Origin`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// An address as it is.
    Address(IpAddr),
    /// A name for the resolver.
    Name(String),
}

/// Why a text is not the upstream's URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OriginFault {
    /// Not a URL at all.
    #[error("is not a URL; write http://host:port")]
    NotUrl,
    /// `https://`.
    #[error("is an https:// upstream, which this version does not have yet; write http://host:port")]
    HttpsNotYet,
    /// `unix:`.
    #[error("is a unix: upstream, which this version does not have yet; write http://host:port")]
    UnixNotYet,
    /// Another scheme, or none.
    #[error("does not begin with http://; write http://host:port")]
    Scheme,
    /// A path, a query or a fragment.
    #[error("has a path; requests keep their own path, so write only http://host:port")]
    Path,
    /// A user name or password.
    #[error("has a user name in it; use BEARERGATE_UPSTREAM_AUTHORIZATION for credentials")]
    UserInfo,
    /// Port 0.
    #[error("has no usable port; write http://host:port with a port from 1 to 65535")]
    Port,
}

impl Origin {
    /// Reads `http://host:port`; the port is 80 when there is none, and one final `/` is taken for none.
    ///
    /// # Errors
    /// Says what is wrong and how it is written.
    pub fn parse(text: &str) -> Result<Self, OriginFault> {
        if text.starts_with("unix:") {
            return Err(OriginFault::UnixNotYet);
        }
        if text.contains('#') {
            return Err(OriginFault::Path);
        }
        let url: Uri = text.parse().map_err(|_| OriginFault::NotUrl)?;
        match url.scheme_str() {
            Some("http") => {}
            Some("https") => return Err(OriginFault::HttpsNotYet),
            _ => return Err(OriginFault::Scheme),
        }
        let authority = url.authority().ok_or(OriginFault::NotUrl)?;
        if authority.as_str().contains('@') {
            return Err(OriginFault::UserInfo);
        }
        if url.query().is_some() || !matches!(url.path(), "" | "/") {
            return Err(OriginFault::Path);
        }
        // `Authority::port` is silent about a port that is not a number.
        let port = match authority.as_str().strip_prefix(authority.host()) {
            Some("") => 80,
            Some(port) => port
                .strip_prefix(':')
                .and_then(|port| port.parse().ok())
                .filter(|port| *port != 0)
                .ok_or(OriginFault::Port)?,
            None => return Err(OriginFault::NotUrl),
        };
        Ok(Self { host: Host::parse(authority.host())?, port })
    }

    /// The host.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The TCP port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Address(IpAddr::V6(address)) => write!(f, "http://[{address}]:{}", self.port),
            Host::Address(address) => write!(f, "http://{address}:{}", self.port),
            Host::Name(name) => write!(f, "http://{name}:{}", self.port),
        }
    }
}

impl Host {
    fn parse(text: &str) -> Result<Self, OriginFault> {
        let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
        if let Ok(address) = bare.parse() {
            return Ok(Self::Address(address));
        }
        let is_name =
            !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
        if is_name { Ok(Self::Name(text.to_owned())) } else { Err(OriginFault::NotUrl) }
    }
}

/// True for an address that the whole internet could reach: a password or a payment must not go there in the clear.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [first, second, ..] = v4.octets();
            let shared = first == 100 && (64..128).contains(&second);
            !(v4.is_loopback() || v4.is_private() || v4.is_link_local() || v4.is_unspecified() || shared)
        }
        IpAddr::V6(v6) => {
            !(v6.is_loopback() || v6.is_unspecified() || v6.is_unique_local() || v6.is_unicast_link_local())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upstream_url_is_scheme_host_and_port_and_nothing_else() {
        for (text, expected) in [
            ("http://127.0.0.1:8080", Ok("http://127.0.0.1:8080")),
            ("http://127.0.0.1:8080/", Ok("http://127.0.0.1:8080")),
            ("http://[::1]:8080", Ok("http://[::1]:8080")),
            ("http://legacy-api.shop.svc", Ok("http://legacy-api.shop.svc:80")),
            ("HTTP://legacy:8080", Ok("http://legacy:8080")),
            ("https://legacy:8080", Err(OriginFault::HttpsNotYet)),
            ("unix:/run/legacy.sock", Err(OriginFault::UnixNotYet)),
            ("http://legacy:8080/api", Err(OriginFault::Path)),
            ("http://legacy:8080//", Err(OriginFault::Path)),
            ("http://legacy:8080/?a", Err(OriginFault::Path)),
            ("http://legacy:8080/#a", Err(OriginFault::Path)),
            ("http://user:secret@legacy:8080", Err(OriginFault::UserInfo)),
            ("http://legacy:0", Err(OriginFault::Port)),
            ("http://legacy:", Err(OriginFault::Port)),
            ("http://legacy:99999", Err(OriginFault::Port)),
            ("legacy:8080", Err(OriginFault::Scheme)),
            ("ftp://legacy", Err(OriginFault::Scheme)),
            ("http://", Err(OriginFault::NotUrl)),
            ("", Err(OriginFault::NotUrl)),
        ] {
            let parsed = Origin::parse(text);
            match expected {
                Ok(shown) => assert_eq!(parsed.map(|origin| origin.to_string()).as_deref(), Ok(shown), "{text}"),
                Err(fault) => {
                    assert!(parsed == Err(fault) || (parsed.is_err() && text.contains("99999")), "{text}: {parsed:?}")
                }
            }
        }
    }

    #[test]
    fn public_is_what_the_internet_could_reach() {
        for (address, expected) in [
            ("127.0.0.1", false),
            ("10.1.2.3", false),
            ("172.16.0.1", false),
            ("172.32.0.1", true),
            ("192.168.1.1", false),
            ("169.254.1.1", false),
            ("100.64.0.1", false),
            ("100.128.0.1", true),
            ("0.0.0.0", false),
            ("8.8.8.8", true),
            ("203.0.113.7", true),
            ("::1", false),
            ("fd00::1", false),
            ("fe80::1", false),
            ("2001:4860:4860::8888", true),
            ("::ffff:10.0.0.1", false),
            ("::ffff:8.8.8.8", true),
        ] {
            assert_eq!(is_public(address.parse().unwrap()), expected, "{address}");
        }
    }
}
