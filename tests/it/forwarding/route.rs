//! Where a request goes: below which base path, to which host. The upstream is the configured one, whatever a request says.

use crate::kit::{
    self, Frames, RequestText, Sidecar, Upstream,
    frames::{Last, head},
};

#[tokio::test]
async fn only_what_lies_below_a_base_path_passes_and_it_passes_raw() {
    for (list, path, forwarded) in [
        ("/vqr", "/vqr/a", Some("/vqr/a")),
        ("/vqr", "/vqr", Some("/vqr")),
        ("/vqr", "/vqr?a", Some("/vqr?a")),
        ("/vqr", "/vqr/", Some("/vqr/")),
        ("/vqr", "/vqr//a//", Some("/vqr//a//")),
        ("/vqr", "/", None),
        ("/vqr", "/a", None),
        ("/vqr", "/vqrx", None),
        ("/vqr", "/VQR/a", None),
        ("/vqr", "/v%71r/a", None),
        ("/vqr", "//vqr/a", None),
        ("/vqr", "/vqr;x/a", None),
        ("/vqr", "/a?/vqr/a", None),
        ("/vqr,/vietqr", "/vietqr/a", Some("/vietqr/a")),
        ("/vqr,/vietqr", "/vqr/a", Some("/vqr/a")),
        ("/vqr,/vietqr", "/qr/a", None),
    ] {
        check(list, "false", path, forwarded).await;
    }
}

#[tokio::test]
async fn the_longest_base_path_is_stripped_and_the_rest_passes_raw() {
    for (list, path, forwarded) in [
        ("/vqr", "/vqr/a/b?c=d", Some("/a/b?c=d")),
        ("/vqr", "/vqr", Some("/")),
        ("/vqr", "/vqr/", Some("/")),
        ("/vqr", "/vqr?a=%zz", Some("/?a=%zz")),
        ("/vqr", "/vqr?", Some("/?")),
        ("/vqr", "/vqr//a", Some("//a")),
        ("/vqr", "/vqr//evil.example/a", Some("//evil.example/a")),
        ("/vqr", "/vqr/vqr/a", Some("/vqr/a")),
        ("/vqr", "/vqr/%41;p=1/", Some("/%41;p=1/")),
        ("/vqr", "/a", None),
        ("/a,/a/b", "/a/b/c", Some("/c")),
        ("/a,/a/b", "/a/c", Some("/c")),
        ("/a,/a/b", "/a/bc", Some("/bc")),
        ("/,/a", "/a/c", Some("/c")),
        ("/,/a", "/c", Some("/c")),
    ] {
        check(list, "true", path, forwarded).await;
    }
}

/// The token is checked before the base path: without one the answer is 401 on either side of it.
async fn check(list: &str, strip: &str, path: &str, forwarded: Option<&str>) {
    let shown = format!("{path} below {list}, stripped {strip}");
    let (upstream, sidecar, token) = kit::guarded([("BASE_PATH", list), ("STRIP_BASE_PATH", strip)]).await;
    assert_eq!(sidecar.get(path).await.status(), 401, "{shown}");
    assert_eq!(upstream.seen(), 0, "{shown}");
    let response = sidecar.get_with(&token, path).await;
    match forwarded {
        Some(target) => {
            assert_eq!(response.status(), 200, "{shown}");
            assert_eq!(upstream.only().target(), target, "{shown}");
        }
        None => {
            assert_eq!((response.status(), response.refusal().as_str()), (403, "NOT_ALLOWED"), "{shown}");
            assert_eq!(upstream.seen(), 0, "{shown}");
            sidecar.wait_for_log("why", |line| line["reason"] == "outside_base_path").await;
        }
    }
}

// 21
#[tokio::test]
async fn an_absolute_target_s_authority_replaces_host_and_only_the_configured_upstream_is_contacted() {
    let elsewhere = Upstream::recording().await;
    let (upstream, sidecar, token) = kit::guarded([]).await;
    let other = elsewhere.address();
    for (target, host, seen_target, seen_host) in [
        (format!("http://{other}/a?b"), "localhost".to_owned(), "/a?b", other.to_string()),
        (format!("https://{other}/a"), "localhost".to_owned(), "/a", other.to_string()),
        (format!("http://{other}"), "localhost".to_owned(), "/", other.to_string()),
        (format!("http://{other}?q"), "localhost".to_owned(), "/?q", other.to_string()),
        ("HTTP://Shop.example/a".to_owned(), other.to_string(), "/a", "Shop.example".to_owned()),
        ("/a".to_owned(), other.to_string(), "/a", other.to_string()),
        (format!("/http://{other}/a"), "localhost".to_owned(), &*format!("/http://{other}/a"), "localhost".to_owned()),
        (format!("//{other}/a"), "localhost".to_owned(), &*format!("//{other}/a"), "localhost".to_owned()),
    ] {
        let request = RequestText::new("GET", &target).host(&host).bearer(&token);
        assert_eq!(sidecar.exchange(request).await.status(), 200, "{target}");
        let seen = upstream.requests().pop().expect("it was forwarded");
        assert_eq!(seen.target(), seen_target, "{target}");
        assert_eq!(seen.values("Host"), [&seen_host], "{target}");
        assert_eq!(seen.values("X-Forwarded-Host"), [&seen_host], "{target}");
    }
    assert_eq!(elsewhere.connections().len(), 0);
}

// 35
#[tokio::test]
async fn over_http2_the_authority_becomes_the_one_host() {
    let (upstream, sidecar, token) = kit::guarded([]).await;
    let bearer = format!("Bearer {token}");
    let authorization = ("authorization", bearer.as_str());
    let pseudo = [(":method", "GET"), (":scheme", "https"), (":path", "/a")];
    for (fields, host) in [
        (vec![(":authority", "shop.example")], Ok("shop.example")),
        (vec![(":authority", "shop.example:8443")], Ok("shop.example:8443")),
        (vec![(":authority", "shop.example"), ("host", "shop.example")], Ok("shop.example")),
        (vec![(":authority", "shop.example"), ("host", "SHOP.example")], Ok("shop.example")),
        (vec![("host", "shop.example")], Ok("shop.example")),
        (vec![], Err(())),
        (vec![(":authority", "")], Err(())),
        (vec![(":authority", "shop.example"), ("host", "evil.example")], Err(())),
        (vec![(":authority", "shop.example"), ("host", "shop.example:443")], Err(())),
        (vec![(":authority", "shop.example"), ("host", "shop.example"), ("host", "shop.example")], Err(())),
        (vec![(":authority", "user@shop.example")], Err(())),
        (vec![("host", "a"), ("host", "b")], Err(())),
        (vec![("host", "a b")], Err(())),
    ] {
        let before = upstream.seen();
        let mut frames = Frames::connect(&sidecar).await;
        let request: Vec<_> = pseudo.into_iter().chain(fields.clone()).chain([authorization]).collect();
        let stream = frames.open(&request, Last::Yes).await;
        let told = frames.told(stream).await;
        match host {
            Ok(host) => {
                assert_eq!(told.status, Some(200), "{fields:?}: {told:?}");
                let seen = upstream.requests().pop().expect("it was forwarded");
                assert_eq!(
                    (seen.values("Host"), seen.values("X-Forwarded-Host")),
                    (vec![host], vec![host]),
                    "{fields:?}"
                );
            }
            Err(()) => {
                assert!(matches!(told.status, Some(400) | None), "{fields:?}: {told:?}");
                assert_eq!(upstream.seen(), before, "{fields:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_cleartext_front_says_so() {
    let upstream = Upstream::recording().await;
    let sidecar = Sidecar::guarding(&upstream).without_tls().start().await;
    let token = sidecar.token().await;
    assert_eq!(sidecar.get_with(&token, "/a").await.status(), 200);
    assert_eq!(upstream.only().values("X-Forwarded-Proto"), ["http"]);
}

#[tokio::test]
async fn a_request_by_hand_made_frames_arrives_like_any_other() {
    let (upstream, sidecar, token) = kit::guarded([]).await;
    let bearer = format!("Bearer {token}");
    let mut frames = Frames::connect(&sidecar).await;
    let stream = frames.open(&head("POST", "/a?b", &[("authorization", &bearer)]), Last::No).await;
    frames.data(stream, b"hel", Last::No).await;
    frames.data(stream, b"lo", Last::Yes).await;
    let told = frames.told(stream).await;
    assert_eq!((told.status, told.end), (Some(200), kit::frames::StreamEnd::Whole));
    let seen = upstream.only();
    assert_eq!((seen.method(), seen.target(), seen.text().as_str()), ("POST", "/a?b", "hello"));
}
