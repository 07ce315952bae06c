//! Where the upstream is.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use http::Uri;
use rustls::pki_types::ServerName;

/// The upstream's address, as `UPSTREAM_URL` says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// `http://host:port`.
    Http(Site),
    /// `https://host:port`, with the name or address that its certificate must be for.
    Https(Site, ServerName<'static>),
    /// `unix:/path`.
    Unix(PathBuf),
}

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    host: Host,
    port: u16,
}

/// The host of a [`Site`]: a literal address, or a name that is resolved for every new connection.
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
    #[error("is not a URL; write http://host:port, https://host:port or unix:/path")]
    NotUrl,
    /// Another scheme, or none.
    #[error(
        "begins with none of http://, https:// and unix:/; write http://host:port, https://host:port or unix:/path"
    )]
    Scheme,
    /// A path, a query or a fragment.
    #[error("has a path; requests keep their own path, so write only http://host:port or https://host:port")]
    Path,
    /// A user name or password.
    #[error("has a user name in it; use BEARERGATE_UPSTREAM_AUTHORIZATION for credentials")]
    UserInfo,
    /// Port 0.
    #[error("has no usable port; write http://host:port with a port from 1 to 65535")]
    Port,
    /// `https://` and a name that no certificate can be for.
    #[error("has a host name that no certificate can be for; write the name that stands in the upstream's certificate")]
    Name,
    /// `unix:` without an absolute path.
    #[error("names a socket by a path that does not begin with one /; write unix:/path, such as unix:/run/api.sock")]
    NotAbsolute,
    /// `unix:` with a query or a fragment.
    #[error("has a ? or # after the socket's path; requests keep their own query, so write only unix:/path")]
    SocketQuery,
    /// `unix:` with a folder's path.
    #[error("names a folder; write the path of the socket in it, such as unix:/run/api.sock")]
    Folder,
    /// `unix:` with a path that the system cannot take. Source: unix(7), `sun_path`.
    #[error("has a socket path of more than 107 bytes, which no socket can have; use a shorter one")]
    LongPath,
}

impl Origin {
    /// Reads `http://host:port`, `https://host:port` or `unix:/path`; without a port it is 80 or 443, and one final `/` after the port
    /// is taken for none.
    ///
    /// # Errors
    /// Says what is wrong and how it is written.
    pub fn parse(text: &str) -> Result<Self, OriginFault> {
        if let Some(path) = text.strip_prefix("unix:") {
            return socket_path(path).map(Self::Unix);
        }
        if text.contains('#') {
            return Err(OriginFault::Path);
        }
        let url: Uri = text.parse().map_err(|_| OriginFault::NotUrl)?;
        let default_port = match url.scheme_str() {
            Some("http") => 80,
            Some("https") => 443,
            _ => return Err(OriginFault::Scheme),
        };
        let authority = url.authority().ok_or(OriginFault::NotUrl)?;
        if authority.as_str().contains('@') {
            return Err(OriginFault::UserInfo);
        }
        if url.query().is_some() || !matches!(url.path(), "" | "/") {
            return Err(OriginFault::Path);
        }
        // `Authority::port` is silent about a port that is not a number.
        let port = match authority.as_str().strip_prefix(authority.host()) {
            Some("") => default_port,
            Some(port) => port
                .strip_prefix(':')
                .and_then(|port| port.parse().ok())
                .filter(|port| *port != 0)
                .ok_or(OriginFault::Port)?,
            None => return Err(OriginFault::NotUrl),
        };
        let site = Site { host: Host::parse(authority.host())?, port };
        if default_port == 80 {
            return Ok(Self::Http(site));
        }
        let name = site.host.certified_name().ok_or(OriginFault::Name)?;
        Ok(Self::Https(site, name))
    }

    /// Host and port, where there are any.
    #[must_use]
    pub fn site(&self) -> Option<&Site> {
        match self {
            Self::Http(site) | Self::Https(site, _) => Some(site),
            Self::Unix(_) => None,
        }
    }
}

fn socket_path(path: &str) -> Result<PathBuf, OriginFault> {
    if !path.starts_with('/') || path.starts_with("//") {
        return Err(OriginFault::NotAbsolute);
    }
    if path.contains(['?', '#']) {
        return Err(OriginFault::SocketQuery);
    }
    if path.ends_with('/') {
        return Err(OriginFault::Folder);
    }
    if path.len() > LONGEST_SOCKET_PATH { Err(OriginFault::LongPath) } else { Ok(PathBuf::from(path)) }
}

impl Site {
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
        match self {
            Self::Http(site) => write!(f, "http://{site}"),
            Self::Https(site, _) => write!(f, "https://{site}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Address(IpAddr::V6(address)) => write!(f, "[{address}]:{}", self.port),
            Host::Address(address) => write!(f, "{address}:{}", self.port),
            Host::Name(name) => write!(f, "{name}:{}", self.port),
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

    fn certified_name(&self) -> Option<ServerName<'static>> {
        match self {
            Self::Address(address) => Some(ServerName::from(*address)),
            Self::Name(name) => ServerName::try_from(name.clone()).ok(),
        }
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

/// What `sun_path` holds besides its final NUL.
const LONGEST_SOCKET_PATH: usize = 107;

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
            ("https://legacy:8080", Ok("https://legacy:8080")),
            ("https://legacy.shop.example/", Ok("https://legacy.shop.example:443")),
            ("https://10.0.0.5:8443", Ok("https://10.0.0.5:8443")),
            ("https://[::1]", Ok("https://[::1]:443")),
            ("https://legacy..shop", Err(OriginFault::Name)),
            ("https://legacy:8080/api", Err(OriginFault::Path)),
            ("https://user:secret@legacy:8080", Err(OriginFault::UserInfo)),
            ("https://legacy:0", Err(OriginFault::Port)),
            ("https//legacy", Err(OriginFault::NotUrl)),
            ("unix:/run/legacy.sock", Ok("unix:/run/legacy.sock")),
            ("unix:run/legacy.sock", Err(OriginFault::NotAbsolute)),
            ("unix:./legacy.sock", Err(OriginFault::NotAbsolute)),
            ("unix:///run/legacy.sock", Err(OriginFault::NotAbsolute)),
            ("unix:", Err(OriginFault::NotAbsolute)),
            ("unix:/run/legacy.sock?a=b", Err(OriginFault::SocketQuery)),
            ("unix:/run/legacy.sock#a", Err(OriginFault::SocketQuery)),
            ("unix:/run/", Err(OriginFault::Folder)),
            ("unix:/", Err(OriginFault::Folder)),
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
    fn a_socket_path_is_as_long_as_the_system_takes() {
        let path = |length: usize| format!("unix:/{}", "a".repeat(length - 1));
        assert!(Origin::parse(&path(107)).is_ok());
        assert_eq!(Origin::parse(&path(108)), Err(OriginFault::LongPath));
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
