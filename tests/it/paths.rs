//! Paths, targets and hosts on the wire: what could be read in two ways never goes up, and what goes up is what was sent.

use crate::kit::{
    self, Frames, RequestText,
    frames::{Last, StreamEnd, head},
};

/// Paths that two programs could read differently; hyper itself already refuses those that are marked, without a body.
// 55
const UNCLEAR: [(&str, Hears); 70] = [
    ("/.", Hears::BadPath),
    ("/..", Hears::BadPath),
    ("/./a", Hears::BadPath),
    ("/../a", Hears::BadPath),
    ("/a/.", Hears::BadPath),
    ("/a/..", Hears::BadPath),
    ("/a/../b", Hears::BadPath),
    ("/a/./b", Hears::BadPath),
    ("/a/..?q", Hears::BadPath),
    ("//..//a", Hears::BadPath),
    ("/%2e", Hears::BadPath),
    ("/%2E%2e/a", Hears::BadPath),
    ("/.%2e/a", Hears::BadPath),
    ("/%2e./a", Hears::BadPath),
    ("/a/%2E%2E", Hears::BadPath),
    ("/..;/a", Hears::BadPath),
    ("/..;x=1/a", Hears::BadPath),
    ("/.;/a", Hears::BadPath),
    ("/a/..;", Hears::BadPath),
    ("/%2e%2e;p/a", Hears::BadPath),
    ("/..%3Ba/b", Hears::BadPath),
    ("/.%2e%3b/b", Hears::BadPath),
    ("/%252e%252e/a", Hears::BadPath),
    ("/%25%32%65/a", Hears::BadPath),
    ("/a%252fb", Hears::BadPath),
    ("/a%255cb", Hears::BadPath),
    ("/a%2500", Hears::BadPath),
    ("/%2541", Hears::BadPath),
    ("/a%25%34%31", Hears::BadPath),
    ("/%25%35%63", Hears::BadPath),
    ("/a\\b", Hears::BadPath),
    ("/\\..\\a", Hears::BadPath),
    ("/..\\a", Hears::BadPath),
    ("/a%5cb", Hears::BadPath),
    ("/a%5Cb", Hears::BadPath),
    ("/%5c..%5ca", Hears::BadPath),
    ("/a%2fb", Hears::BadPath),
    ("/a%2Fb", Hears::BadPath),
    ("/%2f", Hears::BadPath),
    ("/..%2fa", Hears::BadPath),
    ("/%2e%2e%2fa", Hears::BadPath),
    ("/a%00", Hears::BadPath),
    ("/a%00.json", Hears::BadPath),
    ("/a%0a", Hears::BadPath),
    ("/a%0D%0AX-Forwarded-User:%20root", Hears::BadPath),
    ("/a%09", Hears::BadPath),
    ("/a%1f", Hears::BadPath),
    ("/a%7f", Hears::BadPath),
    ("/a%", Hears::BadPath),
    ("/a%4", Hears::BadPath),
    ("/a%zz", Hears::BadPath),
    ("/a%4g", Hears::BadPath),
    ("/a%u002e", Hears::BadPath),
    ("/%%41", Hears::BadPath),
    ("/a%?b", Hears::BadPath),
    ("/%c0%ae%c0%ae/a", Hears::BadPath),
    ("/%c0%af", Hears::BadPath),
    ("/%e0%80%ae", Hears::BadPath),
    ("/%f0%80%80%ae", Hears::BadPath),
    ("/đơn", Hears::BadPath),
    ("/a\u{a0}b", Hears::BadPath),
    ("/．．/a", Hears::BadPath),
    ("/a\u{7f}", Hears::Nothing),
    ("/a\u{1}", Hears::Nothing),
    ("/a\tb", Hears::Nothing),
    ("/a\0b", Hears::Nothing),
    ("/a\u{b}", Hears::Nothing),
    ("/a\u{1f}", Hears::Nothing),
    ("/a\u{1b}[0m", Hears::Nothing),
    ("/a b", Hears::Nothing),
];

/// Paths that read one way only. They go up as they came.
const CLEAR: [&str; 48] = [
    "/",
    "//",
    "///a",
    "/a//b",
    "/a/",
    "/a//",
    "//host.example/a",
    "/a/...",
    "/.../a",
    "/..a",
    "/a..",
    "/.well-known/a",
    "/a.b.c",
    "/a;p=1/b",
    "/a;x=../b",
    "/;/a",
    "/a;",
    "/a;..",
    "/%41",
    "/%61%7e",
    "/%7E",
    "/a%20b",
    "/a%2eb",
    "/a%2Eb",
    "/%2e%2ea",
    "/a%3fb%23c",
    "/a%3Bb",
    "/a%26b%3d",
    "/100%25",
    "/100%25/a",
    "/100%25z",
    "/%C3%A9",
    "/%e1%ba%ad",
    "/%F0%9F%94%91",
    "/a+b=c&d,e:f@g!h$i'j(k)l*m~n_o-p",
    "/a|b[c]{d}^e",
    "/A/b/C",
    "/a?",
    "/a??",
    "/a?b=%zz&c=%",
    "/a?../..",
    "/a?b=/../c&d=%2f%00%0a",
    "/a?%252e%5c",
    "/a?b;c:d@e!f$g'(h)*i,j[k]l|m^n`o{p}",
    "/?",
    "/?/a",
    "/a?b\\c",
    "/a?http://evil.example/",
];

/// What a caller of HTTP/1.1 hears with the 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hears {
    /// Our reason.
    BadPath,
    /// hyper's 400 has no body.
    Nothing,
}

#[tokio::test]
async fn a_path_that_two_programs_could_read_differently_never_goes_up() {
    let (upstream, sidecar, token) = kit::guarded([]).await;
    for (path, hears) in UNCLEAR {
        for request in [RequestText::new("POST", path).bearer(&token).body("x"), RequestText::new("GET", path)] {
            // A bad path is a bad path with a token and without: it is judged first.
            let response = sidecar.exchange(request).await;
            let expected = if hears == Hears::BadPath { "BAD_PATH" } else { "" };
            assert_eq!((response.status(), response.refusal().as_str()), (400, expected), "{path:?}");
        }
    }
    assert_eq!(upstream.connections().len(), 0);
}

#[tokio::test]
async fn a_path_that_two_programs_could_read_differently_never_goes_up_from_http2() {
    let (upstream, sidecar, token) = kit::guarded([]).await;
    let bearer = format!("Bearer {token}");
    for (path, hears) in UNCLEAR {
        let mut frames = Frames::connect(&sidecar).await;
        let stream = frames.open(&head("POST", path, &[("authorization", &bearer)]), Last::Yes).await;
        let told = frames.told(stream).await;
        if hears == Hears::BadPath {
            assert_eq!((told.status, told.refusal().as_str()), (Some(400), "BAD_PATH"), "{path:?}");
        } else {
            let said_no = told.status == Some(400) || matches!(told.end, StreamEnd::Reset(_));
            assert!(said_no, "{path:?}: {told:?}");
        }
    }
    assert_eq!(upstream.connections().len(), 0);
}

#[tokio::test]
async fn a_clear_path_goes_up_byte_for_byte() {
    let (upstream, sidecar, token) = kit::guarded([]).await;
    let bearer = format!("Bearer {token}");
    let mut frames = Frames::connect(&sidecar).await;
    let mut caller = sidecar.connect().await;
    for path in CLEAR {
        caller.write(RequestText::new("GET", path).bearer(&token).bytes()).await;
        assert_eq!(caller.read_response().await.status(), 200, "{path}");
        let stream = frames.open(&head("GET", path, &[("authorization", &bearer)]), Last::Yes).await;
        assert_eq!(frames.told(stream).await.status, Some(200), "{path} over HTTP/2");
        let targets: Vec<String> =
            upstream.requests().iter().rev().take(2).map(|seen| seen.target().to_owned()).collect();
        assert_eq!(targets, [path, path]);
    }
    // One connection, one head after the other: no path grew a second request.
    assert_eq!(upstream.seen(), 2 * CLEAR.len());
}

#[tokio::test]
async fn a_fragment_is_dropped_and_what_is_before_it_passes() {
    let (upstream, sidecar, token) = kit::guarded([]).await;
    for (sent, target) in [("/a#b", "/a"), ("/a?b#c", "/a?b"), ("/a#/../b", "/a"), ("/a##", "/a"), ("/#", "/")] {
        assert_eq!(sidecar.get_with(&token, sent).await.status(), 200, "{sent}");
        assert_eq!(upstream.requests().pop().expect("it was forwarded").target(), target, "{sent}");
    }
    assert_eq!(sidecar.get_with(&token, "/a/..#b").await.refusal(), "BAD_PATH");
    assert_eq!(upstream.seen(), 5);
}

// 20, 22, 29
#[tokio::test]
async fn a_request_without_one_clear_aim_is_refused() {
    let (upstream, sidecar, token) = kit::guarded([]).await;
    let (bad, unserved) = (Some((400, "BAD_REQUEST")), Some((405, "BAD_REQUEST")));
    for (method, target, hosts, expected) in [
        ("GET", "/a", &[][..], bad),
        ("GET", "/a", &["a", "a"], bad),
        ("GET", "/a", &["a", "b"], bad),
        ("GET", "/a", &[""], bad),
        ("GET", "/a", &["a b"], bad),
        ("GET", "/a", &["a,b"], bad),
        ("GET", "/a", &["a/b"], bad),
        ("GET", "/a", &["a?b"], bad),
        ("GET", "/a", &["a#b"], bad),
        ("GET", "/a", &["a\\b"], bad),
        ("GET", "/a", &["user@a"], bad),
        ("GET", "/a", &["user:word@a"], bad),
        ("GET", "/a", &["a:b"], bad),
        ("GET", "/a", &["a:1:2"], bad),
        ("GET", "/a", &["a:65536"], bad),
        ("GET", "/a", &["a:-1"], bad),
        ("GET", "/a", &[":80"], bad),
        ("GET", "/a", &["[::1"], bad),
        ("GET", "/a", &["::1"], bad),
        ("GET", "/a", &["http://a"], bad),
        ("GET", "/a", &["a..b"], bad),
        ("GET", "/a", &["é"], bad),
        ("GET", "/a", &["a%00"], bad),
        ("GET", "a", &["a"], bad),
        ("GET", "*", &["a"], bad),
        ("OPTIONS", "*", &["a"], bad),
        ("GET", "a:443", &["a"], bad),
        ("GET", "a.example:443", &["a.example:443"], bad),
        ("GET", "?a", &["a"], None),
        ("GET", "#a", &["a"], None),
        ("GET", "", &["a"], None),
        ("GET", "ftp://a/b", &["a"], bad),
        ("GET", "file:///etc/passwd", &["a"], None),
        ("GET", "javascript://a/b", &["a"], bad),
        ("GET", "http:///b", &["a"], None),
        ("GET", "http:/b", &["a"], None),
        ("GET", "http://user@a/b", &["a"], bad),
        ("GET", "http://a b/c", &["a"], None),
        ("GET", "http://a:b/c", &["a"], bad),
        ("GET", "http://a/b", &[], bad),
        ("GET", "http://a/b", &["a", "a"], bad),
        ("CONNECT", "a:443", &["a:443"], unserved),
        ("CONNECT", "/a", &["a"], unserved),
        ("CONNECT", "127.0.0.1:22", &["127.0.0.1:22"], unserved),
        ("TRACE", "/a", &["a"], unserved),
        ("TRACE", "http://a/b", &["a"], unserved),
    ] {
        let shown = format!("{method} {target} {hosts:?}");
        let request = RequestText::new(method, target).without_host().bearer(&token);
        let request = hosts.iter().fold(request, |request, host| request.header("Host", host));
        let response = sidecar.exchange(request).await;
        let (status, reason) = expected.unwrap_or((400, ""));
        assert_eq!((response.status(), response.refusal().as_str()), (status, reason), "{shown}: {response:?}");
        assert_eq!(response.header("Allow").is_some(), status == 405, "{shown}");
    }
    assert_eq!(upstream.connections().len(), 0);
}

// 22, 29
#[tokio::test]
async fn a_request_without_one_clear_aim_is_refused_over_http2() {
    let (upstream, sidecar, token) = kit::guarded([]).await;
    let bearer = format!("Bearer {token}");
    let at = |method, scheme, authority, path| {
        let pseudo = [(":method", method), (":scheme", scheme), (":authority", authority), (":path", path)];
        pseudo.into_iter().filter(|(_, value): &(&str, &str)| *value != "-").collect::<Vec<_>>()
    };
    for fields in [
        at("GET", "https", "a", "*"),
        at("OPTIONS", "https", "a", "*"),
        at("GET", "https", "a", ""),
        at("GET", "https", "a", "a"),
        at("GET", "https", "a", "http://b/c"),
        at("GET", "https", "a", "?a"),
        at("GET", "ftp", "a", "/b"),
        at("GET", "https", "a b", "/b"),
        at("GET", "https", "a/b", "/b"),
        at("GET", "https", "user@a", "/b"),
        at("GET", "https", "a:b", "/b"),
        at("GET", "https", "-", "/b"),
        at("CONNECT", "-", "a:443", "-"),
        at("CONNECT", "https", "a", "/b"),
        at("TRACE", "https", "a", "/b"),
    ] {
        let mut frames = Frames::connect(&sidecar).await;
        let request = [&fields[..], &[("authorization", bearer.as_str())]].concat();
        let stream = frames.open(&request, Last::Yes).await;
        let told = frames.told(stream).await;
        let said_no =
            matches!(told.status, Some(400 | 405)) || matches!(told.end, StreamEnd::Reset(_) | StreamEnd::GoAway(_));
        assert!(said_no, "{fields:?}: {told:?}");
    }
    assert_eq!(upstream.connections().len(), 0);
}
