//! Which header fields cross, each way.
//!
//! To the upstream: the caller's own, without those of this hop and without any that could pass for ours; then ours.
//! To the caller: the upstream's own, without those of its hop. Source: contract, section 3; RFC 9110, section 7.6.1.

use std::net::IpAddr;

use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, COOKIE, EXPECT, HOST, HeaderName, HeaderValue, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, Version};

use super::AuthorizationPolicy;
use crate::auth::accounts::Caller;

/// What is said to the upstream about a request besides the caller's own fields.
#[derive(Clone, Debug)]
pub struct Introduction {
    /// The address the request came from, as far as it can be trusted.
    pub peer: IpAddr,
    /// Whether a proxy that is trusted brought it.
    pub hop: Hop,
    /// How it came.
    pub scheme: Scheme,
    /// `X-Request-Id`.
    pub request_id: HeaderValue,
    /// `traceparent` (W3C Trace Context, level 1), well-formed.
    pub traceparent: HeaderValue,
    /// Whether the caller's `tracestate` belongs to that `traceparent`.
    pub tracestate: TraceState,
}

impl Introduction {
    /// The trace id within `traceparent`, 32 hexadecimal digits.
    #[must_use]
    pub fn trace_id(&self) -> &str {
        // It was judged when it came, or made here: what is well-formed has all its parts in their places.
        self.traceparent.to_str().ok().and_then(|text| text.get(3..35)).unwrap_or_default()
    }
}

/// Who spoke to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hop {
    /// The caller: what it says of where it comes from is not passed on.
    Caller,
    /// A trusted proxy at this address: what it says is passed on, and its address is added.
    Proxy(IpAddr),
}

/// How the request reached us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Over TLS.
    Https,
    /// In the clear.
    Http,
}

/// What happens to the caller's `tracestate`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TraceState {
    /// It passes: it goes with the caller's `traceparent`.
    Passed,
    /// It stays here: the `traceparent` is ours.
    Dropped,
}

/// The fields the upstream is to see.
pub(super) fn to_upstream(
    mut from: HeaderMap,
    caller: &Caller,
    host: HeaderValue,
    introduction: &Introduction,
    policy: &AuthorizationPolicy,
) -> HeaderMap {
    let nominated = nominated(&from);
    let authorization = from.get(AUTHORIZATION).cloned();
    let forwarded = forwarded(&from, &host, introduction);
    let mut to = HeaderMap::with_capacity(from.len() + 8);
    to.insert(HOST, host);
    let mut current = None;
    for (name, value) in from.drain() {
        // A repeated field comes without its name.
        if let Some(name) = name {
            current = crosses(&name, &nominated, introduction).then_some(name);
        }
        match &current {
            Some(name) if *name == CONTENT_LENGTH => add(&mut to, name, plain_length(value)),
            Some(name) => add(&mut to, name, value),
            None => {}
        }
    }
    match policy {
        AuthorizationPolicy::Strip => {}
        AuthorizationPolicy::Keep => {
            if let Some(value) = authorization {
                to.insert(AUTHORIZATION, value);
            }
        }
        AuthorizationPolicy::Fixed(value) => {
            to.insert(AUTHORIZATION, value.clone());
        }
    }
    introduce(&mut to, caller, introduction);
    to.extend(forwarded);
    to
}

/// `X-Forwarded-For`, `-Proto` and `-Host`: ours, or a trusted proxy's with its own address added.
fn forwarded(from: &HeaderMap, host: &HeaderValue, introduction: &Introduction) -> [(HeaderName, HeaderValue); 3] {
    let ours = match introduction.scheme {
        Scheme::Https => HeaderValue::from_static("https"),
        Scheme::Http => HeaderValue::from_static("http"),
    };
    let Hop::Proxy(proxy) = introduction.hop else {
        let peer = address(introduction.peer);
        return [(X_FORWARDED_FOR, peer), (X_FORWARDED_PROTO, ours), (X_FORWARDED_HOST, host.clone())];
    };
    let theirs = |name: &HeaderName| from.get(name).cloned();
    let mut hops: Vec<&[u8]> = from.get_all(X_FORWARDED_FOR).iter().map(HeaderValue::as_bytes).collect();
    let proxy = address(proxy);
    hops.push(proxy.as_bytes());
    let hops = HeaderValue::from_bytes(&hops.join(&b", "[..])).unwrap_or_else(|_| proxy.clone());
    [
        (X_FORWARDED_FOR, hops),
        (X_FORWARDED_PROTO, theirs(&X_FORWARDED_PROTO).unwrap_or(ours)),
        (X_FORWARDED_HOST, theirs(&X_FORWARDED_HOST).unwrap_or_else(|| host.clone())),
    ]
}

fn address(address: IpAddr) -> HeaderValue {
    let text = match address.to_canonical() {
        // By hand: formatting is a hundredth of what a request costs.
        IpAddr::V4(address) => dotted(address.octets()),
        IpAddr::V6(address) => address.to_string(),
    };
    HeaderValue::try_from(text).expect("digits, letters, dots and colons are a header value")
}

fn dotted(octets: [u8; 4]) -> String {
    let mut text = String::with_capacity("255.255.255.255".len());
    for (at, octet) in octets.into_iter().enumerate() {
        if at > 0 {
            text.push('.');
        }
        for place in [100, 10, 1] {
            if octet >= place || place == 1 {
                text.push(char::from(b'0' + octet / place % 10));
            }
        }
    }
    text
}

/// The fields the caller is to see: all but those of the upstream's hop. Trailers are announced only to who reads them.
pub(super) fn to_caller(headers: &mut HeaderMap, trailers: Trailers) {
    if headers.contains_key(TRANSFER_ENCODING) {
        // hyper has read the chunks and left the length that they overrule: kept, it would cut the answer short for the caller.
        // Source: RFC 9112, section 6.3.
        headers.remove(CONTENT_LENGTH);
    }
    for name in nominated(headers) {
        if !FRAMING.contains(&name) {
            headers.remove(name);
        }
    }
    let of_this_hop = [CONNECTION, KEEP_ALIVE, PROXY_CONNECTION, TE, TRANSFER_ENCODING, UPGRADE, TRAILER];
    for name in of_this_hop {
        // Looked for by hand: an answer has few fields, and each hash costs more than all of them.
        if headers.keys().any(|field| *field == name) && (name != TRAILER || trailers == Trailers::Dropped) {
            headers.remove(name);
        }
    }
}

/// What happens to an answer's trailers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trailers {
    /// The caller said `TE: trailers`.
    Passed,
    /// It did not.
    Dropped,
}

impl Trailers {
    /// What the caller asked for. Source: RFC 9110, section 6.5.1.
    pub(super) fn wanted(headers: &HeaderMap) -> Self {
        let asked = tokens(headers, &TE).any(|token| {
            let coding = token.split(|byte| *byte == b';').next().unwrap_or_default();
            coding.trim_ascii().eq_ignore_ascii_case(b"trailers")
        });
        if asked { Self::Passed } else { Self::Dropped }
    }
}

/// True for a transfer coding other than a single `chunked`: hyper reads the last one alone and would have the encoded bytes, or what
/// another program could frame differently, pass for the content. Source: RFC 9112, section 6.1.
#[must_use]
pub fn is_encoded(headers: &HeaderMap) -> bool {
    let mut codings = tokens(headers, &TRANSFER_ENCODING);
    codings.next().is_some_and(|coding| !coding.eq_ignore_ascii_case(b"chunked")) || codings.next().is_some()
}

fn introduce(to: &mut HeaderMap, caller: &Caller, introduction: &Introduction) {
    to.insert(X_REQUEST_ID, introduction.request_id.clone());
    to.insert(TRACEPARENT, introduction.traceparent.clone());
    if let Ok(user) = HeaderValue::from_str(caller.client().as_str()) {
        to.insert(X_FORWARDED_USER, user);
    }
}

/// A length without the zeros before it: `010` is 8 to a program that reads numbers as C does. Source: RFC 9110, section 8.6.
fn plain_length(length: HeaderValue) -> HeaderValue {
    let digits = length.as_bytes();
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count().min(digits.len().saturating_sub(1));
    if zeros == 0 {
        return length;
    }
    HeaderValue::from_bytes(&digits[zeros..]).unwrap_or(length)
}

fn add(to: &mut HeaderMap, name: &HeaderName, value: HeaderValue) {
    // hyper lets a repeated length pass when all agree; one is enough. Source: RFC 9110, section 8.6.
    if name == CONTENT_LENGTH {
        to.insert(CONTENT_LENGTH, value);
        return;
    }
    // HTTP/2 may send a cookie in crumbs; HTTP/1.1 has one field. Source: RFC 9113, section 8.2.3.
    if name == COOKIE
        && let Some(first) = to.get(COOKIE)
        && let Ok(joined) = HeaderValue::from_bytes(&[first.as_bytes(), b"; ", value.as_bytes()].concat())
    {
        to.insert(COOKIE, joined);
        return;
    }
    to.append(name, value);
}

fn crosses(name: &HeaderName, nominated: &[HeaderName], introduction: &Introduction) -> bool {
    // Naming a framing field in Connection must not unframe the request. Source: RFC 9110, section 7.6.1.
    if FRAMING.contains(name) {
        return *name == CONTENT_LENGTH;
    }
    if nominated.contains(name) {
        return false;
    }
    let text = name.as_str();
    if text == "tracestate" {
        return introduction.tracestate == TraceState::Passed;
    }
    let stays = if text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        let is_a_proxys = introduction.hop != Hop::Caller && FROM_PROXIES.contains(&text);
        STAYS.contains(&text) && !is_a_proxys
    } else {
        // Old upstreams (CGI, WSGI, PHP) read `X_Forwarded_User` and `X-Forwarded-User` as the same.
        let plain: String =
            text.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).collect();
        STAYS.contains(&plain.as_str()) || ALSO_STAYS_IN_DISGUISE.contains(&plain.as_str())
    };
    !stays
}

/// The fields that `Connection` names.
fn nominated(headers: &HeaderMap) -> Vec<HeaderName> {
    tokens(headers, &CONNECTION).filter_map(|token| HeaderName::from_bytes(token).ok()).collect()
}

/// The members of a comma list. Bytes, because one member that is not text must not hide the others.
pub(super) fn tokens<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h [u8]> {
    let members = headers.get_all(name).into_iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    members.map(<[u8]>::trim_ascii)
}

/// True for an `X-Request-Id` that is passed on: 1 to 128 visible ASCII characters.
#[must_use]
pub fn is_request_id(value: &HeaderValue) -> bool {
    let bytes = value.as_bytes();
    (1..=MOST_REQUEST_ID).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic)
}

/// The trace id of a well-formed `traceparent` of version 00. Source: W3C Trace Context, section 3.2.
#[must_use]
pub fn trace_id(value: &HeaderValue) -> Option<&str> {
    let text = value.to_str().ok()?;
    let mut parts = text.split('-');
    let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_hex =
        |part: &str, length| part.len() == length && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let is_set = |part: &str| part.bytes().any(|byte| byte != b'0');
    let whole =
        version == "00" && is_hex(trace, 32) && is_hex(parent, 16) && is_hex(flags, 2) && parts.next().is_none();
    (whole && is_set(trace) && is_set(parent)).then_some(trace)
}

/// True for a request that asks for an answer before it sends its body: reading the body would give that answer.
#[must_use]
pub fn expects_continue(headers: &HeaderMap, version: Version) -> bool {
    version == Version::HTTP_11 && headers.contains_key(EXPECT)
}

/// `X-Request-Id`.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// `traceparent`.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_USER: HeaderName = HeaderName::from_static("x-forwarded-user");
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// Fields that say where a message ends and whom it is for: hyper or we decide on them, never `Connection`.
const FRAMING: [HeaderName; 3] = [CONTENT_LENGTH, TRANSFER_ENCODING, HOST];

/// Fields that do not cross as they came: of this hop, ours to set, or able to retarget a request behind the gate's back.
const STAYS: [&str; 33] = [
    // of this hop
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "upgrade",
    "http2-settings",
    "expect",
    "proxy-authorization",
    // the credential of the gate
    "authorization",
    // who the caller is
    "forwarded",
    "x-forwarded",
    "x-forwarded-by",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-port",
    "x-forwarded-server",
    "x-forwarded-user",
    "x-forwarded-client-cert",
    "x-real-ip",
    "true-client-ip",
    "x-request-id",
    "traceparent",
    // what is asked for
    "x-original-url",
    "x-rewrite-url",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "proxy",
    "x-forwarded-prefix",
    "x-forwarded-path",
    "x-forwarded-uri",
];

/// Of those, the ones that a trusted proxy may send.
const FROM_PROXIES: [&str; 5] =
    ["forwarded", "x-real-ip", "true-client-ip", "x-forwarded-port", "x-forwarded-client-cert"];

/// Fields that cross under their own name, but not under another spelling of it.
const ALSO_STAYS_IN_DISGUISE: [&str; 4] = ["content-length", "transfer-encoding", "host", "tracestate"];

/// The longest `X-Request-Id` that is passed on.
const MOST_REQUEST_ID: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traceparent_is_passed_on_only_when_it_is_well_formed() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        for (value, expected) in [
            (good, Some("4bf92f3577b34da6a3ce929d0e0e4736")),
            ("00-00000000000000000000000000000000-00f067aa0ba902b7-01", None),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", None),
            ("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", None),
            ("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", None),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x", None),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7", None),
            ("", None),
        ] {
            assert_eq!(trace_id(&HeaderValue::from_static(value)), expected, "{value}");
        }
    }

    #[test]
    fn an_address_is_written_as_everybody_writes_it() {
        for octets in [[0, 0, 0, 0], [10, 9, 100, 101], [127, 0, 0, 1], [255, 199, 20, 255]] {
            assert_eq!(dotted(octets), std::net::Ipv4Addr::from(octets).to_string());
        }
        for text in ["2001:db8::1", "::1", "10.0.0.7"] {
            assert_eq!(address(text.parse().expect("an address")), text);
        }
        assert_eq!(address("::ffff:10.0.0.7".parse().expect("an address")), "10.0.0.7");
    }

    #[test]
    fn trailers_are_wanted_only_when_te_says_so() {
        for (te, expected) in [
            (Some("trailers"), Trailers::Passed),
            (Some("gzip, Trailers"), Trailers::Passed),
            (Some("trailers;q=0.5"), Trailers::Passed),
            (Some("gzip"), Trailers::Dropped),
            (Some("xtrailers"), Trailers::Dropped),
            (None, Trailers::Dropped),
        ] {
            let headers = te.map(|te| (TE, HeaderValue::from_static(te))).into_iter().collect();
            assert_eq!(Trailers::wanted(&headers), expected, "{te:?}");
        }
    }
}
