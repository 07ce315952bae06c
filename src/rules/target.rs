//! What a request is aimed at: its path and query, and the one host they belong to.
//!
//! hyper passes on requests without `Host`, with several, or with one that contradicts `:authority`; here they end.

use http::header::{HOST, HeaderValue};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, Request, Version};

/// The aim of a request: one host, and a path and query exactly as they were sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    path_and_query: PathAndQuery,
    host: HeaderValue,
}

/// Why a request has no clear aim. The caller is to blame for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TargetFault {
    /// Neither `Host` nor `:authority`.
    #[error("the request names no host")]
    MissingHost,
    /// More than one `Host`.
    #[error("the request has more than one Host header")]
    RepeatedHost,
    /// `Host` or `:authority` is not a host with an optional port.
    #[error("the request's host is not a host name or address with an optional port")]
    InvalidHost,
    /// `:authority` and `Host` name different hosts (HTTP/2).
    #[error("the request's :authority and Host differ")]
    DifferingHosts,
    /// A scheme other than `http` and `https`.
    #[error("the request's scheme is neither http nor https")]
    ForeignScheme,
    /// `host:port` alone, as in CONNECT.
    #[error("the request's target is a host without a path")]
    AuthorityForm,
    /// `*`.
    #[error("the request's target is an asterisk")]
    Asterisk,
    /// A user name or password in the target or in `Host`.
    #[error("the request's host holds user information")]
    UserInformation,
    /// A target that is none of the forms of RFC 9112.
    #[error("the request's target is not a path")]
    NotAPath,
}

impl Target {
    /// Path and query exactly as they were sent, without a fragment.
    #[must_use]
    pub const fn path_and_query(&self) -> &PathAndQuery {
        &self.path_and_query
    }

    /// The path alone, beginning with `/`, not yet judged.
    #[must_use]
    pub fn path(&self) -> &str {
        self.path_and_query.path()
    }

    /// The one host, for the `Host` of the forwarded request: a name or address, maybe with a port.
    #[must_use]
    pub const fn host(&self) -> &HeaderValue {
        &self.host
    }
}

/// Reads the aim of a request.
///
/// Shape: origin-form with exactly one valid `Host`; absolute-form of `http` or `https`, whose authority replaces the one valid
/// `Host` it still needs; over HTTP/2 `:authority`, or without it one `Host`, and never both when they differ.
/// Source: RFC 9112, section 3.2; RFC 9113, section 8.3.1; RFC 9110, section 4.2.
/// # Errors
/// The first [`TargetFault`] that is found; none repeats what was sent.
pub fn read<B>(request: &Request<B>) -> Result<Target, TargetFault> {
    let path_and_query = path_and_query(request)?;
    if request.uri().scheme().is_some_and(|scheme| *scheme != Scheme::HTTP && *scheme != Scheme::HTTPS) {
        return Err(TargetFault::ForeignScheme);
    }
    let field = host_field(request.headers())?;
    let authority = request.uri().authority().map(named_by).transpose()?;
    let host = match (authority, field, request.version()) {
        (Some(authority), Some(field), Version::HTTP_2)
            if !authority.as_bytes().eq_ignore_ascii_case(field.as_bytes()) =>
        {
            return Err(TargetFault::DifferingHosts);
        }
        (Some(authority), None, Version::HTTP_2) | (Some(authority), Some(_), _) => authority,
        (None, Some(field), _) => field.clone(),
        (_, None, _) => return Err(TargetFault::MissingHost),
    };
    Ok(Target { path_and_query, host })
}

fn path_and_query<B>(request: &Request<B>) -> Result<PathAndQuery, TargetFault> {
    let uri = request.uri();
    match uri.path_and_query() {
        None if uri.authority().is_some() => Err(TargetFault::AuthorityForm),
        None => Err(TargetFault::NotAPath),
        Some(sent) if sent.as_str().starts_with('/') => Ok(sent.clone()),
        Some(sent) if sent.as_str() == "*" => Err(TargetFault::Asterisk),
        // `http://host?query`: an empty path is `/` (RFC 9110, section 4.2.3). `:path` has no such form (RFC 9113, section 8.3.1).
        Some(sent) if sent.as_str().starts_with('?') && request.version() != Version::HTTP_2 => {
            PathAndQuery::try_from(format!("/{}", sent.as_str())).map_err(|_| TargetFault::NotAPath)
        }
        Some(_) => Err(TargetFault::NotAPath),
    }
}

fn host_field(headers: &HeaderMap) -> Result<Option<&HeaderValue>, TargetFault> {
    let mut fields = headers.get_all(HOST).iter();
    let Some(field) = fields.next() else { return Ok(None) };
    if fields.next().is_some() {
        return Err(TargetFault::RepeatedHost);
    }
    judge(field.as_bytes()).map(|()| Some(field))
}

fn named_by(authority: &Authority) -> Result<HeaderValue, TargetFault> {
    judge(authority.as_str().as_bytes())?;
    HeaderValue::from_str(authority.as_str()).map_err(|_| TargetFault::InvalidHost)
}

/// `uri-host [":" port]`, where the host is an IPv6 address in brackets or made of letters, digits, `-`, `.`, `_` and `~`.
///
/// Narrower than RFC 3986, section 3.2.2, which allows `%` and `,`: names that a DNS never holds and two programs may read
/// differently.
fn judge(host: &[u8]) -> Result<(), TargetFault> {
    if host.contains(&b'@') {
        return Err(TargetFault::UserInformation);
    }
    let text = str::from_utf8(host).map_err(|_| TargetFault::InvalidHost)?;
    let (name_is_good, port) = match text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        Some((address, port)) => (address.parse::<std::net::Ipv6Addr>().is_ok(), port),
        None => {
            let (name, port) = text.split_at(text.find(':').unwrap_or(text.len()));
            (is_name(name), port)
        }
    };
    if name_is_good && is_port(port) { Ok(()) } else { Err(TargetFault::InvalidHost) }
}

fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    !name.is_empty() && name.bytes().all(allowed) && !name.starts_with('.') && !name.contains("..")
}

/// Nothing, or `:` and a number that a port can be; RFC 3986, section 3.2.3 allows `:` alone.
fn is_port(port: &str) -> bool {
    match port.strip_prefix(':') {
        None => port.is_empty(),
        Some(digits) => {
            digits.is_empty() || digits.bytes().all(|byte| byte.is_ascii_digit()) && digits.parse::<u16>().is_ok()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    use TargetFault::{
        Asterisk, AuthorityForm, DifferingHosts, ForeignScheme, InvalidHost, MissingHost, NotAPath, RepeatedHost,
        UserInformation,
    };

    fn request(version: Version, uri: &str, hosts: &[&str]) -> Request<()> {
        let mut request = Request::builder().version(version).uri(uri);
        for host in hosts {
            request = request.header(HOST, HeaderValue::from_bytes(host.as_bytes()).expect("a field value"));
        }
        request.body(()).expect("a request")
    }

    const ONE: Version = Version::HTTP_11;
    const TWO: Version = Version::HTTP_2;

    #[test]
    fn a_clear_aim_is_read_as_it_was_sent() {
        for (version, uri, hosts, path_and_query, host) in [
            (ONE, "/a?b=c&d", &["api.example"][..], "/a?b=c&d", "api.example"),
            (ONE, "/", &["API.Example:8443"], "/", "API.Example:8443"),
            (ONE, "//a//?", &["localhost"], "//a//?", "localhost"),
            (ONE, "/a%2Fb?%zz", &["127.0.0.1:1"], "/a%2Fb?%zz", "127.0.0.1:1"),
            (ONE, "/a?b#c", &["[::1]:65535"], "/a?b", "[::1]:65535"),
            (ONE, "/http://other/", &["[2001:db8::1]"], "/http://other/", "[2001:db8::1]"),
            (ONE, "/", &["my_service-1.example."], "/", "my_service-1.example."),
            (ONE, "/", &["host:"], "/", "host:"),
            (Version::HTTP_10, "/", &["host"], "/", "host"),
            (ONE, "http://one.example/a?b", &["one.example"], "/a?b", "one.example"),
            (ONE, "http://one.example/a", &["two.example"], "/a", "one.example"),
            (ONE, "https://one.example:8443", &["two.example"], "/", "one.example:8443"),
            (ONE, "http://one.example?b", &["two.example"], "/?b", "one.example"),
            (ONE, "HTTP://one.example/a", &["two.example"], "/a", "one.example"),
            (TWO, "https://one.example/a?b", &[], "/a?b", "one.example"),
            (TWO, "https://one.example/a", &["one.example"], "/a", "one.example"),
            (TWO, "https://one.example/a", &["ONE.example"], "/a", "one.example"),
            (TWO, "/a", &["one.example:1"], "/a", "one.example:1"),
        ] {
            let target = read(&request(version, uri, hosts))
                .unwrap_or_else(|fault| panic!("{version:?} {uri} {hosts:?}: {fault}"));
            assert_eq!(target.path_and_query().as_str(), path_and_query, "{uri}");
            assert_eq!(target.host(), host, "{uri}");
            assert_eq!(target.path(), path_and_query.split('?').next().expect("a path"), "{uri}");
        }
    }

    #[test]
    fn an_unclear_aim_is_refused() {
        for (version, uri, hosts, fault) in [
            (ONE, "/", &[][..], MissingHost),
            (Version::HTTP_10, "/", &[], MissingHost),
            (ONE, "http://one.example/", &[], MissingHost),
            (TWO, "/", &[], MissingHost),
            (ONE, "/", &["a", "a"], RepeatedHost),
            (ONE, "/", &["a", "b"], RepeatedHost),
            (ONE, "http://a/", &["a", "a"], RepeatedHost),
            (TWO, "https://a/", &["a", "a"], RepeatedHost),
            (ONE, "http://a/", &["a b"], InvalidHost),
            (TWO, "https://one.example/", &["two.example"], DifferingHosts),
            (TWO, "https://one.example/", &["one.example:443"], DifferingHosts),
            (ONE, "ftp://one.example/", &["one.example"], ForeignScheme),
            (TWO, "ws://one.example/", &[], ForeignScheme),
            (ONE, "one.example:443", &["one.example"], AuthorityForm),
            (ONE, "one.example", &["one.example"], AuthorityForm),
            (TWO, "one.example:443", &[], AuthorityForm),
            (ONE, "*", &["one.example"], Asterisk),
            (TWO, "*", &["one.example"], Asterisk),
            (TWO, "https://one.example?a", &[], NotAPath),
            (ONE, "http://user@one.example/", &["one.example"], UserInformation),
            (ONE, "http://user:word@one.example/", &["one.example"], UserInformation),
            (TWO, "https://user@one.example/", &[], UserInformation),
        ] {
            assert_eq!(read(&request(version, uri, hosts)).err(), Some(fault), "{version:?} {uri} {hosts:?}");
        }
    }

    #[test]
    fn what_is_not_a_host_with_an_optional_port_is_refused() {
        for host in [
            "",
            " ",
            "a b",
            " a",
            "a ",
            "a,b",
            "a\tb",
            "a/b",
            "a?b",
            "a#b",
            "a\\b",
            "http://a",
            "a:b",
            "a:1:2",
            "a:-1",
            "a:+1",
            "a: 1",
            "a:65536",
            "a:99999999999999999999",
            ":",
            ":80",
            "[",
            "[]",
            "[::1",
            "::1",
            "[::1]x",
            "[::1]:x",
            "[127.0.0.1]",
            "[fe80::1%25eth0]",
            "[v1.a]",
            ".",
            "..",
            ".a",
            "a..b",
            "a%20b",
            "a'b",
            "a;b",
            "é",
            "a*",
            "\"a\"",
            "<a>",
        ] {
            assert_eq!(read(&request(ONE, "/", &[host])).err(), Some(InvalidHost), "{host:?}");
        }
        for host in ["@", "a@b", "user:word@a", "a@"] {
            assert_eq!(read(&request(ONE, "/", &[host])).err(), Some(UserInformation), "{host:?}");
        }
    }

    proptest! {
        #[test]
        fn no_host_makes_the_reader_panic_and_what_passes_is_plain(host in proptest::collection::vec(any::<u8>(), 0..40)) {
            let Ok(value) = HeaderValue::from_bytes(&host) else { return Ok(()) };
            let mut request = request(ONE, "/", &[]);
            request.headers_mut().insert(HOST, value);
            if read(&request).is_ok() {
                prop_assert!(host.iter().all(|byte| byte.is_ascii_graphic() && !b",/@\\".contains(byte)));
            }
        }
    }
}
