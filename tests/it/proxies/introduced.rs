//! What the upstream is told of where a request came from: by a trusted proxy, and by a stranger.

use crate::kit::{RequestText, Sidecar, Upstream};

/// A field, what a caller sends of it, and what the upstream sees from a stranger at 127.0.0.9 and from a trusted proxy at 127.0.0.2.
type Row = (&'static str, &'static [&'static str], &'static [&'static str], &'static [&'static str]);

// 32, 58
const TABLE: [Row; 26] = [
    ("X-Forwarded-For", &[], &["127.0.0.9"], &["127.0.0.2"]),
    ("X-Forwarded-For", &["203.0.113.7"], &["127.0.0.9"], &["203.0.113.7, 127.0.0.2"]),
    ("X-Forwarded-For", &["198.51.100.1, 203.0.113.7"], &["127.0.0.9"], &["198.51.100.1, 203.0.113.7, 127.0.0.2"]),
    ("X-Forwarded-For", &["198.51.100.1", "203.0.113.7"], &["127.0.0.9"], &["198.51.100.1, 203.0.113.7, 127.0.0.2"]),
    ("X-Forwarded-Proto", &[], &["https"], &["https"]),
    ("X-Forwarded-Proto", &["http"], &["https"], &["http"]),
    ("X-Forwarded-Host", &[], &["localhost"], &["localhost"]),
    ("X-Forwarded-Host", &["shop.example"], &["localhost"], &["shop.example"]),
    ("X-Forwarded-Port", &["443"], &[], &["443"]),
    ("X-Forwarded-Client-Cert", &["Hash=00"], &[], &["Hash=00"]),
    ("Forwarded", &["for=203.0.113.7;proto=http"], &[], &["for=203.0.113.7;proto=http"]),
    ("X-Real-IP", &["203.0.113.7"], &[], &["203.0.113.7"]),
    ("True-Client-IP", &["203.0.113.7"], &[], &["203.0.113.7"]),
    // Nobody may say who the client is, nor ask for something else than what was judged.
    ("X-Forwarded-User", &["root"], &["vietqr-live"], &["vietqr-live"]),
    ("X-Forwarded-Prefix", &["/admin"], &[], &[]),
    ("X-Forwarded-Path", &["/admin"], &[], &[]),
    ("X-Forwarded-Uri", &["/admin"], &[], &[]),
    ("X-Original-URL", &["/admin"], &[], &[]),
    ("X-Rewrite-URL", &["/admin"], &[], &[]),
    ("X-HTTP-Method-Override", &["DELETE"], &[], &[]),
    ("Proxy", &["http://evil.example"], &[], &[]),
    // Nor does a proxy send these names in disguise.
    ("X_Forwarded_For", &["203.0.113.7"], &[], &[]),
    ("X_Forwarded_User", &["root"], &[], &[]),
    ("X_Real_IP", &["203.0.113.7"], &[], &[]),
    ("X.Forwarded.Proto", &["http"], &[], &[]),
    ("X_Forwarded_Port", &["80"], &[], &[]),
];

#[tokio::test]
async fn a_trusted_proxy_s_word_is_passed_on_and_a_stranger_s_is_not() {
    let upstream = Upstream::recording().await;
    let sidecar = Sidecar::guarding(&upstream).var("TRUSTED_PROXIES", "127.0.0.2").start().await;
    let token = sidecar.token().await;
    for (name, sent, from_stranger, from_proxy) in TABLE {
        for (tcp_peer, expected) in [("127.0.0.9", from_stranger), ("127.0.0.2", from_proxy)] {
            let request = RequestText::new("GET", "/a").bearer(&token);
            let request = sent.iter().fold(request, |request, value| request.header(name, value));
            assert_eq!(sidecar.peer(tcp_peer).exchange(request).await.status(), 200, "{name}");
            let seen = upstream.requests().pop().expect("it was forwarded");
            assert_eq!(seen.values(name), expected, "{name}: {sent:?} from {tcp_peer}");
            assert_eq!(seen.values("X-Forwarded-User"), ["vietqr-live"], "{name}");
        }
    }
}

#[tokio::test]
async fn naming_a_proxy_s_field_in_connection_takes_none_of_ours_away() {
    let upstream = Upstream::recording().await;
    let sidecar = Sidecar::guarding(&upstream).var("TRUSTED_PROXIES", "127.0.0.2").start().await;
    let token = sidecar.token().await;
    let names = "X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host, X-Forwarded-User, X-Real-IP";
    let request = RequestText::new("GET", "/a").bearer(&token).header("Connection", names);
    let request = request.header("X-Forwarded-For", "203.0.113.7").header("X-Real-IP", "203.0.113.7");
    assert_eq!(sidecar.peer("127.0.0.2").exchange(request).await.status(), 200);
    let seen = upstream.only();
    for (name, expected) in [
        ("X-Forwarded-For", &["203.0.113.7, 127.0.0.2"][..]),
        ("X-Forwarded-Proto", &["https"]),
        ("X-Forwarded-Host", &["localhost"]),
        ("X-Forwarded-User", &["vietqr-live"]),
        ("X-Real-IP", &[]),
    ] {
        assert_eq!(seen.values(name), expected, "{name}");
    }
}

#[tokio::test]
async fn behind_a_proxy_that_ends_tls_the_upstream_hears_how_the_caller_came() {
    let upstream = Upstream::recording().await;
    let building = Sidecar::guarding(&upstream).without_tls().var("TRUSTED_PROXIES", "127.0.0.2");
    let sidecar = building.start().await;
    let token = sidecar.token().await;
    for (tcp_peer, says, expected) in [
        ("127.0.0.2", Some("https"), "https"),
        ("127.0.0.2", None, "http"),
        ("127.0.0.9", Some("https"), "http"),
        ("127.0.0.9", None, "http"),
    ] {
        let request = RequestText::new("GET", "/a").bearer(&token);
        let request = says.iter().fold(request, |request, says| request.header("X-Forwarded-Proto", says));
        assert_eq!(sidecar.peer(tcp_peer).exchange(request).await.status(), 200, "{tcp_peer} {says:?}");
        let seen = upstream.requests().pop().expect("it was forwarded");
        assert_eq!(seen.values("X-Forwarded-Proto"), [expected], "{tcp_peer} {says:?}");
    }
}
