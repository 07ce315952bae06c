//! Where the network calls: a partner's URL as it was registered, and the two targets below it.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use http::Uri;

use super::{SYNC_PATH, TOKEN_PATH};

/// How an endpoint is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// In the clear.
    Http,
    /// Over TLS.
    Https,
}

/// What stands below the URL; a part that is not given is the usual one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Paths<'a> {
    /// The base path, when the URL itself has none.
    pub base: Option<&'a str>,
    /// The token path, below the base path.
    pub token: Option<&'a str>,
    /// The path of deliveries, below the base path.
    pub sync: Option<&'a str>,
}

/// A partner's endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    scheme: Scheme,
    host: String,
    port: u16,
    token_target: String,
    sync_target: String,
    pinned: Option<IpAddr>,
}

/// Why a text names no endpoint. None repeats the text: it may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointFault {
    /// Not a URL.
    #[error("the URL cannot be read; write https://HOST, https://HOST:PORT or https://HOST/BASE-PATH")]
    Unreadable,
    /// Neither `http` nor `https`.
    #[error("the URL must begin with https:// or http://")]
    Scheme,
    /// A user name in it, and maybe a password.
    #[error("the URL holds a user name; leave it out, it is an argument of its own (and a password never is one)")]
    Credentials,
    /// A query.
    #[error("the URL has a query; leave it out")]
    Query,
    /// Two base paths.
    #[error("the base path is given twice: in the URL and beside it")]
    TwoBases,
    /// A path that is none.
    #[error("a path must begin with / and hold neither spaces, nor ?, nor #, nor what is not ASCII")]
    Path,
}

impl Endpoint {
    /// Reads `https://host[:port][/base]`, or the complete URL of the token endpoint. Paths are joined by hand, as at the network's registration:
    /// a base path of `/` is none, and one final slash of it is dropped.
    ///
    /// # Errors
    /// [`EndpointFault`].
    pub fn parse(url: &str, paths: Paths<'_>) -> Result<Self, EndpointFault> {
        let uri: Uri = url.parse().map_err(|_| EndpointFault::Unreadable)?;
        let scheme = match uri.scheme_str() {
            Some("https") => Scheme::Https,
            Some("http") => Scheme::Http,
            _ => return Err(EndpointFault::Scheme),
        };
        let authority = uri.authority().ok_or(EndpointFault::Unreadable)?;
        if authority.as_str().contains('@') {
            return Err(EndpointFault::Credentials);
        }
        if uri.query().is_some() {
            return Err(EndpointFault::Query);
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        if host.is_empty() || authority.as_str().ends_with(':') {
            return Err(EndpointFault::Unreadable);
        }
        let token = path(paths.token.unwrap_or(TOKEN_PATH))?;
        let sync = path(paths.sync.unwrap_or(SYNC_PATH))?;
        let written = uri.path();
        let below = written.trim_end_matches('/');
        let base = match (below.strip_suffix(token.trim_end_matches('/')), paths.base) {
            (Some(base), _) => base,
            (None, Some(_)) if !below.is_empty() => return Err(EndpointFault::TwoBases),
            (None, Some(base)) => path(base)?,
            (None, None) => below,
        };
        let base = base.trim_end_matches('/');
        Ok(Self {
            scheme,
            host,
            port: authority.port_u16().unwrap_or(scheme.usual_port()),
            token_target: format!("{base}{token}"),
            sync_target: format!("{base}{sync}"),
            pinned: None,
        })
    }

    /// The same, at the address that one of these gives for its host and port.
    #[must_use]
    pub fn resolved_by(mut self, pins: &[Resolve]) -> Self {
        let pin = pins.iter().find(|pin| pin.host.eq_ignore_ascii_case(&self.host) && pin.port == self.port);
        self.pinned = pin.map(|pin| pin.address).or(self.pinned);
        self
    }

    /// The same host, and address where it was given, spoken to in another way.
    #[must_use]
    pub fn by(&self, scheme: Scheme, port: u16) -> Self {
        Self { scheme, port, ..self.clone() }
    }

    /// How it is spoken to.
    #[must_use]
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host: a name in lower case, or an address without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The path of the token endpoint, base path and all.
    #[must_use]
    pub fn token_target(&self) -> &str {
        &self.token_target
    }

    /// The path of deliveries, base path and all.
    #[must_use]
    pub fn sync_target(&self) -> &str {
        &self.sync_target
    }

    /// What stands in `Host`: the port only where it is not the scheme's own.
    #[must_use]
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == self.scheme.usual_port() { host } else { format!("{host}:{}", self.port) }
    }

    /// The addresses behind the host, the first to be tried first.
    ///
    /// # Errors
    /// When the name has none.
    pub async fn addresses(&self) -> io::Result<Vec<SocketAddr>> {
        if let Some(pinned) = self.pinned.or_else(|| self.host.parse().ok()) {
            return Ok(vec![SocketAddr::new(pinned, self.port)]);
        }
        let found: Vec<_> = tokio::net::lookup_host((self.host.as_str(), self.port)).await?.collect();
        if found.is_empty() { Err(io::ErrorKind::NotFound.into()) } else { Ok(found) }
    }
}

/// Shows the scheme and the authority.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.name(), self.authority())
    }
}

impl Scheme {
    /// As it stands in a URL.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    const fn usual_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// A path that can be sent as it is.
fn path(text: &str) -> Result<&str, EndpointFault> {
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#' | b'"' | b'<' | b'>'));
    if text.starts_with('/') && plain { Ok(text) } else { Err(EndpointFault::Path) }
}

/// `HOST:PORT:ADDRESS`: where to connect to for a host and port, in place of asking the resolver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolve {
    host: String,
    port: u16,
    address: IpAddr,
}

/// Not `HOST:PORT:ADDRESS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write HOST:PORT:ADDRESS, such as pay.example.com:443:203.0.113.7")]
pub struct ResolveFault;

impl FromStr for Resolve {
    type Err = ResolveFault;

    fn from_str(text: &str) -> Result<Self, ResolveFault> {
        let mut parts = text.splitn(3, ':');
        let (Some(host), Some(port), Some(address)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(ResolveFault);
        };
        let address = address.trim_start_matches('[').trim_end_matches(']');
        match (port.parse(), address.parse()) {
            (Ok(port), Ok(address)) if !host.is_empty() => Ok(Self { host: host.to_owned(), port, address }),
            _ => Err(ResolveFault),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registered_url_gives_both_targets() {
        let none = Paths::default();
        let based = Paths { base: Some("/vqr/"), ..none };
        let own = Paths { token: Some("/get-token"), sync: Some("/pay"), ..none };
        for (url, paths, shown, token, sync) in [
            ("https://a.vn", none, "https://a.vn", "/api/token_generate", "/bank/api/transaction-sync"),
            ("https://A.vn/", none, "https://a.vn", "/api/token_generate", "/bank/api/transaction-sync"),
            (
                "https://a.vn:443/vqr/",
                none,
                "https://a.vn",
                "/vqr/api/token_generate",
                "/vqr/bank/api/transaction-sync",
            ),
            (
                "https://a.vn:8443/vqr",
                none,
                "https://a.vn:8443",
                "/vqr/api/token_generate",
                "/vqr/bank/api/transaction-sync",
            ),
            (
                "https://a.vn/vqr/api/token_generate/",
                none,
                "https://a.vn",
                "/vqr/api/token_generate",
                "/vqr/bank/api/transaction-sync",
            ),
            (
                "http://10.0.0.1:8080",
                based,
                "http://10.0.0.1:8080",
                "/vqr/api/token_generate",
                "/vqr/bank/api/transaction-sync",
            ),
            ("http://[::1]:80", own, "http://[::1]", "/get-token", "/pay"),
        ] {
            let endpoint = Endpoint::parse(url, paths).unwrap_or_else(|fault| panic!("{url}: {fault}"));
            let read = (endpoint.to_string(), endpoint.token_target(), endpoint.sync_target());
            assert_eq!(read, (shown.to_owned(), token, sync), "{url}");
        }
    }

    #[test]
    fn what_names_no_endpoint_is_refused_without_repeating_it() {
        let none = Paths::default();
        let based = Paths { base: Some("/vqr"), ..none };
        let bad = Paths { token: Some("token"), ..none };
        for (url, paths, fault) in [
            ("a.vn", none, EndpointFault::Scheme),
            ("ftp://a.vn", none, EndpointFault::Scheme),
            ("", none, EndpointFault::Unreadable),
            ("https://", none, EndpointFault::Unreadable),
            ("https://a.vn:", none, EndpointFault::Unreadable),
            ("https://u:p@a.vn", none, EndpointFault::Credentials),
            ("https://a.vn/?x=1", none, EndpointFault::Query),
            ("https://a.vn/vqr", based, EndpointFault::TwoBases),
            ("https://a.vn", bad, EndpointFault::Path),
        ] {
            assert_eq!(Endpoint::parse(url, paths).err(), Some(fault), "{url}");
        }
    }

    #[test]
    fn a_pin_counts_for_its_host_and_port_alone() {
        let pin: Resolve = "pay.vn:443:203.0.113.7".parse().unwrap();
        for (url, pinned) in [("https://PAY.vn", true), ("https://pay.vn:8443", false), ("https://a.vn", false)] {
            let endpoint = Endpoint::parse(url, Paths::default()).unwrap().resolved_by(std::slice::from_ref(&pin));
            assert_eq!(endpoint.pinned.is_some(), pinned, "{url}");
            assert_eq!(endpoint.by(Scheme::Http, 80).pinned.is_some(), pinned, "{url}");
        }
        let six: Resolve = "pay.vn:443:[2001:db8::1]".parse().unwrap();
        assert_eq!(six.address, "2001:db8::1".parse::<IpAddr>().unwrap());
        for text in ["pay.vn:443", "pay.vn:x:1.2.3.4", ":443:1.2.3.4", "pay.vn:443:host"] {
            assert_eq!(text.parse::<Resolve>(), Err(ResolveFault), "{text}");
        }
    }
}
