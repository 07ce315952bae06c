//! The whole of what the upstream sees of a head: the rows' own fields, ours, and not one more. Source: contract, section 3.

use std::collections::BTreeMap;

use crate::kit::{
    self, Frames, RequestText,
    frames::{Last, head},
    sidecar::USERNAME,
    strict::{self, Plain},
    upstream::Seen,
};

/// A name for the row, the lines a caller sends besides `Host` and its token, and what of them goes up.
type Row = (&'static str, &'static [(&'static str, &'static str)], &'static [(&'static str, &'static str)]);

/// What a caller says of the connection, of itself and of the request. Source: contract, section 3; RFC 9110, section 7.6.1.
// 23, 24, 25, 28, 32, 36, 47, 58
const TABLE: [Row; 58] = [
    ("nothing", &[], &[]),
    ("an ordinary field", &[("X-Own", "1")], &[("X-Own", "1")]),
    ("an ordinary field in odd case", &[("x-OWN", "1")], &[("X-Own", "1")]),
    ("an ordinary field twice", &[("X-Own", "1"), ("x-own", "2")], &[("X-Own", "1"), ("X-Own", "2")]),
    ("an ordinary field with an underscore", &[("X_Own", "1")], &[("X_own", "1")]),
    ("an empty field", &[("X-Own", "")], &[("X-Own", "")]),
    ("a list with empty members", &[("X-Own", ",, a ,,")], &[("X-Own", ",, a ,,")]),
    ("two cookies", &[("Cookie", "a=1"), ("Cookie", "b=2")], &[("Cookie", "a=1; b=2")]),
    (
        "three cookies in odd case",
        &[("cOOKIE", "a=1"), ("Cookie", "b=2"), ("COOKIE", "c")],
        &[("Cookie", "a=1; b=2; c")],
    ),
    ("a cookie with a token", &[("Cookie", "access_token=x")], &[("Cookie", "access_token=x")]),
    ("an API key", &[("X-Api-Key", "k")], &[("X-Api-Key", "k")]),
    ("Via", &[("Via", "1.0 a")], &[("Via", "1.0 a")]),
    ("Max-Forwards", &[("Max-Forwards", "0")], &[("Max-Forwards", "0")]),
    // Of this hop.
    ("Connection alone", &[("Connection", "keep-alive")], &[]),
    ("Connection names a field", &[("Connection", "X-Own"), ("X-Own", "1")], &[]),
    ("Connection names it after the field", &[("X-Own", "1"), ("Connection", "x-own")], &[]),
    ("Connection names one of two", &[("X-Own", "1"), ("X-Two", "2"), ("Connection", "x-two")], &[("X-Own", "1")]),
    ("Connection names a doubled field", &[("X-Own", "1"), ("X-Own", "2"), ("Connection", "X-OWN")], &[]),
    ("Connection names a field that is not there", &[("Connection", "X-None")], &[]),
    ("two Connections", &[("Connection", "x-own"), ("Connection", "x-two"), ("X-Own", "1"), ("X-Two", "2")], &[]),
    ("Connection names itself", &[("Connection", "Connection")], &[]),
    ("Connection names Cookie", &[("Connection", "cookie"), ("Cookie", "a=1")], &[]),
    ("Connection names Content-Type", &[("Connection", "content-type"), ("Content-Type", "a/b")], &[]),
    ("Connection names Authorization", &[("Connection", "Authorization")], &[]),
    ("Connection names Host", &[("Connection", "Host")], &[]),
    ("Connection names the framing", &[("Connection", "Content-Length, Transfer-Encoding")], &[]),
    ("Connection names what we say of the address", &[("Connection", "X-Forwarded-For, X-Forwarded-Proto")], &[]),
    ("Connection names what we say of the host", &[("Connection", "x-forwarded-host")], &[]),
    ("Connection names what we say of the client", &[("Connection", "X-Forwarded-User")], &[]),
    (
        "Connection names the client and one comes",
        &[("Connection", "X-Forwarded-User"), ("X-Forwarded-User", "root")],
        &[],
    ),
    ("Connection names the request's names", &[("Connection", "X-Request-Id, traceparent")], &[]),
    ("Connection in quotes", &[("Connection", "\"X-Own\""), ("X-Own", "1")], &[("X-Own", "1")]),
    ("Keep-Alive", &[("Keep-Alive", "timeout=5, max=1000")], &[]),
    ("Proxy-Connection", &[("Proxy-Connection", "X-Own"), ("X-Own", "1")], &[("X-Own", "1")]),
    ("TE", &[("TE", "trailers, gzip"), ("Connection", "TE")], &[]),
    ("Trailer", &[("Trailer", "X-Forwarded-User")], &[]),
    ("an upgrade", &[("Connection", "Upgrade"), ("Upgrade", "h2c, foo/1"), ("HTTP2-Settings", "AAMA")], &[]),
    ("an upgrade of TLS", &[("Upgrade", "TLS/1.2")], &[]),
    ("Proxy-Authorization", &[("Proxy-Authorization", "Basic YTpi")], &[]),
    // Who the caller is.
    ("our fields", &[("X-Forwarded-User", "root"), ("X-Forwarded-For", "8.8.8.8"), ("X-Forwarded-Host", "evil")], &[]),
    ("our fields with underscores", &[("X_Forwarded_User", "root"), ("X_FORWARDED_FOR", "8.8.8.8")], &[]),
    ("our fields with one underscore", &[("X-Forwarded_User", "root"), ("X_Forwarded-Host", "evil")], &[]),
    ("our fields with other marks", &[("X.Forwarded.User", "root"), ("X~Forwarded~For", "1"), ("X+Real+Ip", "1")], &[]),
    ("our fields in odd case", &[("x-forwarded-USER", "root"), ("X-fORWARDED-pROTO", "http")], &[]),
    ("our fields twice", &[("X-Forwarded-User", "root"), ("X-Forwarded-User", USERNAME)], &[]),
    ("an empty client", &[("X-Forwarded-User", "")], &[]),
    (
        "what other proxies say",
        &[("Forwarded", "for=1.1.1.1"), ("X-Real-IP", "1.1.1.1"), ("True-Client-IP", "1.1.1.1")],
        &[],
    ),
    ("ports and servers", &[("X-Forwarded-Port", "80"), ("X-Forwarded-Server", "a"), ("X-Forwarded-By", "a")], &[]),
    ("a certificate", &[("X-Forwarded-Client-Cert", "Hash=0"), ("x_forwarded_client_cert", "Hash=0")], &[]),
    ("the old name", &[("X-Forwarded", "for=1.1.1.1")], &[]),
    ("a longer name is not ours", &[("X-Forwarded-User-Agent", "a")], &[("X-Forwarded-User-Agent", "a")]),
    // What is asked for.
    ("another URL", &[("X-Original-URL", "/admin"), ("X-Rewrite-URL", "/admin"), ("x_original_url", "/admin")], &[]),
    (
        "another method",
        &[("X-HTTP-Method-Override", "DELETE"), ("X-Method-Override", "PUT"), ("X-HTTP-Method", "PUT")],
        &[],
    ),
    ("another method in disguise", &[("X_HTTP_Method_Override", "DELETE"), ("x.method.override", "PUT")], &[]),
    ("another prefix", &[("X-Forwarded-Prefix", "/a"), ("X-Forwarded-Path", "/a"), ("X-Forwarded-Uri", "/a")], &[]),
    ("a proxy for CGI", &[("Proxy", "http://evil"), ("PROXY", "http://evil")], &[]),
    (
        "a length in disguise",
        &[("Content_Length", "0"), ("Transfer_Encoding", "chunked"), ("Transfer.Encoding", "a")],
        &[],
    ),
    ("a trace of nobody", &[("tracestate", "a=1"), ("trace_parent", "a")], &[("Trace_parent", "a")]),
];

#[tokio::test]
async fn the_upstream_sees_these_fields_and_not_one_more() {
    let (upstream, sidecar, token) = kit::guarded([]).await;
    for (row, sent, passes) in TABLE {
        let with =
            |request: RequestText| sent.iter().fold(request, |request, (name, value)| request.header(name, value));
        let get = with(RequestText::new("GET", "/a").bearer(&token)).bytes();
        let post = with(RequestText::new("POST", "/a").bearer(&token)).body("hello").bytes();
        let chunked = with(RequestText::new("POST", "/a")).bearer(&token).chunks(["hello"]);
        for (request, framing) in
            [(get, None), (post, Some(("Content-Length", "5"))), (chunked, Some(("Transfer-Encoding", "chunked")))]
        {
            let before = upstream.seen();
            assert_eq!(sidecar.exchange(request).await.status(), 200, "{row}");
            assert_eq!(upstream.seen(), before + 1, "{row}");
            hold(&upstream.requests()[before], passes, framing, row);
        }
    }
    upstream.plain("all rows");
}

#[tokio::test]
async fn the_upstream_sees_the_same_of_a_caller_of_http2() {
    let (upstream, sidecar, token) = kit::guarded([]).await;
    let bearer = format!("Bearer {token}");
    for (row, sent, passes) in TABLE {
        let sent: Vec<(String, &str)> = sent.iter().map(|(name, value)| (name.to_lowercase(), *value)).collect();
        // RFC 9113, section 8.2.2: there they are malformed, which a test of its own holds.
        let of_http1 = ["connection", "keep-alive", "proxy-connection", "te", "upgrade"];
        if sent.iter().any(|(name, _)| of_http1.contains(&name.as_str())) {
            continue;
        }
        let mut fields = vec![("authorization", bearer.as_str())];
        fields.extend(sent.iter().map(|(name, value)| (name.as_str(), *value)));
        let mut frames = Frames::connect(&sidecar).await;
        let stream = frames.open(&head("GET", "/a", &fields), Last::Yes).await;
        assert_eq!(frames.told(stream).await.status, Some(200), "{row}");
        hold(&upstream.requests().pop().expect("it was forwarded"), passes, None, row);
    }
    upstream.plain("all rows");
}

/// Holds all fields of a request that went up to these, to its framing and to ours.
fn hold(seen: &Seen, passes: &[(&str, &str)], framing: Option<(&str, &str)>, row: &str) {
    let plain = strict::read(seen.raw_head()).unwrap_or_else(|fault| panic!("{row}: went up {fault}: {seen:?}"));
    let Plain { fields, .. } = plain.first().expect("it has a head");
    let ours = [
        ("Host", "localhost"),
        ("X-Forwarded-User", USERNAME),
        ("X-Forwarded-For", "127.0.0.1"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Host", "localhost"),
    ];
    let mut expected: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, value) in ours.iter().chain(passes).copied().chain(framing) {
        expected.entry(name).or_default().push(value);
    }
    let mut found: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, value) in fields {
        found.entry(name).or_default().push(value);
    }
    // Those two are made here; their shape is another test's.
    for made in ["X-Request-Id", "Traceparent"] {
        assert_eq!(found.remove(made).map(|values| values.len()), Some(1), "{row}: {made}");
    }
    assert_eq!(found, expected, "{row}");
    assert_eq!(seen.trailers(), [], "{row}");
}
