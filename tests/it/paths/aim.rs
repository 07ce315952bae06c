//! Requests without one clear aim: contract, section 3, rows `BAD_REQUEST`.

use crate::kit::{
    self, Frames, RequestText,
    frames::{Last, StreamEnd},
};

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
