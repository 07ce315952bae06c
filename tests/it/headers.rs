//! Which header fields cross, each way, on the wire.

mod answers;
mod exact;
mod identity;

use crate::kit::{
    self, Frames, RequestText,
    frames::{Last, StreamEnd, head},
    upstream::Seen,
};

/// The values of every field that a CGI, WSGI or PHP upstream would read as `name`.
fn read_as<'s>(seen: &'s Seen, name: &str) -> Vec<&'s str> {
    let plain = |name: &str| -> String {
        name.chars()
            .map(|letter| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' })
            .collect()
    };
    seen.fields().iter().filter(|(own, _)| plain(own) == plain(name)).map(|(_, value)| value.as_str()).collect()
}

#[tokio::test]
async fn a_caller_s_own_fields_pass_unchanged() {
    let (upstream, sidecar, token) = kit::guarded([]).await;
    let bearer = format!("Bearer {token}");
    let long = "v".repeat(8000);
    for (name, value) in [
        ("Accept", "text/html;q=0.9, */*"),
        ("Accept-Encoding", "gzip, br"),
        ("Cache-Control", "no-cache"),
        ("Content-Encoding", "gzip"),
        ("Content-Type", "multipart/form-data; boundary=\"--x\""),
        ("Cookie", "a=1; b=\"2\""),
        ("Date", "Mon, 01 Jan 2024 00:00:00 GMT"),
        ("If-None-Match", "W/\"1\", \"2\""),
        ("Origin", "https://shop.example"),
        ("Range", "bytes=0-1,5-"),
        ("Referer", "https://shop.example/a?b"),
        ("User-Agent", "curl/8"),
        ("Via", "1.1 other"),
        ("X-Api-Key", "k"),
        ("X-Custom", ""),
        ("X-Custom", "inner \t  blanks, \"quoted\\\""),
        ("X-Long", &long),
        ("X_Custom", "underscore"),
        ("X.Custom", "dot"),
        ("X-Forwarded-Foo", "not one of ours"),
        ("Www-Authenticate", "odd in a request"),
        ("Upgrade-Insecure-Requests", "1"),
    ] {
        assert_eq!(
            sidecar.exchange(RequestText::new("GET", "/a").bearer(&token).header(name, value)).await.status(),
            200
        );
        let lower = name.to_ascii_lowercase();
        let mut frames = Frames::connect(&sidecar).await;
        let stream = frames.open(&head("GET", "/a", &[("authorization", &bearer), (&lower, value)]), Last::Yes).await;
        assert_eq!(frames.told(stream).await.status, Some(200), "{name}");
        for seen in upstream.requests().iter().rev().take(2) {
            assert_eq!(seen.values(name), [value], "{name}: {value}");
        }
    }
}

// 23, 25
#[tokio::test]
async fn fields_of_the_callers_hop_end_here() {
    let (upstream, sidecar, token) = kit::guarded([]).await;
    for (name, value) in [
        ("Connection", "keep-alive"),
        ("Keep-Alive", "timeout=5"),
        ("Proxy-Connection", "keep-alive"),
        ("TE", "trailers"),
        ("TE", "gzip;q=0.5"),
        ("Trailer", "X-Sum"),
        ("Upgrade", "h2c"),
        ("HTTP2-Settings", "AAMAAABkAAQAAP__"),
        ("Proxy-Authorization", "Basic YTpi"),
        ("Expect", "100-continue"),
    ] {
        for spelled in [name.to_owned(), name.to_uppercase(), name.to_lowercase()] {
            let request = RequestText::new("GET", "/a").bearer(&token).header(&spelled, value).header("X-Stays", "1");
            assert_eq!(sidecar.exchange(request).await.status(), 200, "{spelled}: {value}");
            let seen = upstream.requests().pop().expect("it was forwarded");
            assert_eq!((seen.values(name), seen.values("X-Stays")), (vec![], vec!["1"]), "{spelled}: {value}");
        }
    }
}

// 25
#[tokio::test]
async fn no_upgrade_to_http2_in_the_clear_is_offered_upstream() {
    let (upstream, sidecar, token) = kit::guarded([]).await;
    let request = RequestText::new("GET", "/a").bearer(&token).header("Connection", "Upgrade, HTTP2-Settings");
    let request = request.header("Upgrade", "h2c").header("HTTP2-Settings", "AAMAAABkAAQAAP__");
    assert_eq!(sidecar.exchange(request).await.status(), 200);
    let seen = upstream.only();
    for name in ["Connection", "Upgrade", "HTTP2-Settings"] {
        assert_eq!(seen.header(name), None, "{name}");
    }
}

// 23, 24
#[tokio::test]
async fn naming_a_field_in_connection_drops_it_but_never_unframes_or_unauthenticates() {
    let (upstream, sidecar, token) = kit::guarded([("UPSTREAM_AUTHORIZATION", "keep")]).await;
    let authorization = format!("Bearer {token}");
    let ours = ["vietqr-live"];
    for (connection, name, value, expected) in [
        (&["X-Drop"][..], "X-Drop", "1", &[][..]),
        (&["x-drop, close"], "X-Drop", "1", &[]),
        (&["keep-alive,,X-DROP ,\t,"], "X-Drop", "1", &[]),
        (&["X-Other", "X-Drop"], "X-Drop", "1", &[]),
        (&["X-Drop, \u{fffd}"], "X-Drop", "1", &[]),
        (&["\"X-Drop\""], "X-Drop", "1", &["1"]),
        (&["X-Drop-Not"], "X-Drop", "1", &["1"]),
        (&["Content-Type"], "Content-Type", "a/b", &[]),
        (&["Cookie"], "Cookie", "a=1", &[]),
        (&["Content-Length"], "X-A", "1", &["1"]),
        (&["Host"], "X-A", "1", &["1"]),
        (&["Host"], "Host", "", &["localhost"]),
        (&["Authorization"], "Authorization", "", &[authorization.as_str()]),
        (&["X-Forwarded-User"], "X-Forwarded-User", "root", &ours),
        (&["X-Forwarded-For, X-Forwarded-Host"], "X-Forwarded-For", "8.8.8.8", &["127.0.0.1"]),
        (&["X-Forwarded-Host"], "X-Forwarded-Host", "evil", &["localhost"]),
        (&["X-Forwarded-Proto"], "X-Forwarded-Proto", "http", &["https"]),
        (&["X-Request-Id"], "X-Request-Id", "mine", &["mine"]),
    ] {
        let shown = format!("Connection: {connection:?} with {name}");
        let request = RequestText::new("POST", "/a").header("Authorization", &authorization);
        let request = connection.iter().fold(request, |request, value| request.header("Connection", value));
        let request = if value.is_empty() { request } else { request.header(name, value) };
        assert_eq!(sidecar.exchange(request.body("hello")).await.status(), 200, "{shown}");
        let seen = upstream.requests().pop().expect("it was forwarded");
        assert_eq!(seen.values(name), expected, "{shown}");
        assert_eq!(
            (seen.text().as_str(), seen.complete(), seen.header("Connection")),
            ("hello", true, None),
            "{shown}"
        );
        for (name, count) in [("Host", 1), ("X-Forwarded-User", 1), ("X-Request-Id", 1), ("Content-Length", 1)] {
            assert_eq!(seen.values(name).len(), count, "{shown}: {name}");
        }
    }
}

// 24
#[tokio::test]
async fn naming_transfer_encoding_in_connection_does_not_unframe_a_chunked_body() {
    let (upstream, sidecar, token) = kit::guarded([]).await;
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    let request =
        RequestText::new("POST", "/a").bearer(&token).header("Connection", "Transfer-Encoding, Content-Length");
    assert_eq!(sidecar.exchange(request.chunks([smuggled, "rest"])).await.status(), 200);
    let seen = upstream.only();
    assert_eq!((seen.text(), seen.complete()), (format!("{smuggled}rest"), true));
    assert_eq!((seen.values("Transfer-Encoding"), seen.values("Content-Length")), (vec!["chunked"], vec![]));
}

#[tokio::test]
async fn the_upstream_sees_the_authorization_that_the_operator_chose() {
    let fixed = "Basic dXBzdHJlYW06cGFzc3dvcmQ=";
    for (setting, sees_ours) in [("strip", None), ("keep", Some(())), (fixed, None)] {
        let (upstream, sidecar, token) = kit::guarded([("UPSTREAM_AUTHORIZATION", setting)]).await;
        let bearer = format!("Bearer {token}");
        assert_eq!(sidecar.get_with(&token, "/a").await.status(), 200, "{setting}");
        let h2 = sidecar.h2().await;
        let request = h2.request("GET", "/a").header("authorization", &bearer).body(kit::h2::H2Body::empty());
        assert_eq!(h2.send(request.unwrap()).await.status(), 200, "{setting}");
        for seen in upstream.requests() {
            let expected: Vec<&str> = match (sees_ours, setting) {
                (Some(()), _) => vec![&bearer],
                (None, "strip") => vec![],
                (None, fixed) => vec![fixed],
            };
            assert_eq!(seen.values("Authorization"), expected, "{setting}");
        }
        assert_eq!(upstream.seen(), 2, "{setting}");
    }
}

// 36
#[tokio::test]
async fn cookies_in_crumbs_become_one_field() {
    let (upstream, sidecar, token) = kit::guarded([]).await;
    let bearer = format!("Bearer {token}");
    for (crumbs, whole) in
        [(&["a=1"][..], "a=1"), (&["a=1", "b=2", "a=1"], "a=1; b=2; a=1"), (&["a=1; b=2", "c=3"], "a=1; b=2; c=3")]
    {
        let mut fields = vec![("authorization", bearer.as_str())];
        fields.extend(crumbs.iter().map(|crumb| ("cookie", *crumb)));
        let mut frames = Frames::connect(&sidecar).await;
        let stream = frames.open(&head("GET", "/a", &fields), Last::Yes).await;
        assert_eq!(frames.told(stream).await.status, Some(200), "{crumbs:?}");
        assert_eq!(upstream.requests().pop().expect("it was forwarded").values("Cookie"), [whole], "{crumbs:?}");
    }
}

// 34
#[tokio::test]
async fn malformed_http2_fields_are_never_forwarded() {
    let (upstream, sidecar, token) = kit::guarded([]).await;
    let bearer = format!("Bearer {token}");
    let good = head("POST", "/a", &[("authorization", &bearer)]);
    let with = |more: &[(&'static str, &'static str)]| [&good[..], more].concat();
    let without = |name: &str| good.iter().copied().filter(|(own, _)| *own != name).collect::<Vec<_>>();
    for fields in [
        with(&[("connection", "close")]),
        with(&[("keep-alive", "timeout=5")]),
        with(&[("proxy-connection", "close")]),
        with(&[("transfer-encoding", "chunked")]),
        with(&[("upgrade", "websocket")]),
        with(&[("te", "gzip")]),
        with(&[("X-Upper", "1")]),
        with(&[("x-split", "a\r\nX-Forwarded-User: root")]),
        with(&[("x-line", "a\nb")]),
        with(&[("x-return", "a\rb")]),
        with(&[("x-nul", "a\0b")]),
        with(&[("x split", "1")]),
        with(&[("x:colon", "1")]),
        with(&[("x\r\nx-forwarded-user", "root")]),
        with(&[("", "1")]),
        with(&[(":path", "/twice")]),
        with(&[(":status", "200")]),
        with(&[(":unknown", "1")]),
        with(&[("content-length", "1"), ("content-length", "2")]),
        with(&[("content-length", "-1")]),
        with(&[("content-length", "+2")]),
        with(&[("content-length", "3")]),
        with(&[("content-length", "1")]),
        without(":method"),
        without(":path"),
        without(":scheme"),
        [&good[1..], &good[..1]].concat(),
    ] {
        let mut frames = Frames::connect(&sidecar).await;
        let stream = frames.open(&fields, Last::No).await;
        frames.data(stream, b"hi", Last::Yes).await;
        let told = frames.told(stream).await;
        let said_no = matches!(told.status, Some(400)) || !matches!(told.end, StreamEnd::Whole);
        assert!(said_no, "{fields:?}: {told:?}");
        assert!(upstream.requests().iter().all(|seen| !seen.complete()), "{fields:?}");
    }
}

#[tokio::test]
async fn values_beyond_ascii_pass_byte_for_byte() {
    let (upstream, sidecar, token) = kit::guarded([]).await;
    let every: Vec<u8> = (0x80..=0xff).collect();
    for value in [&every[..], "đơn hàng".as_bytes(), b"a\xffb", b"a\tb", b"\xc3\x28"] {
        let mut request =
            format!("GET /a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\nX-Odd: ").into_bytes();
        request.extend_from_slice(value);
        request.extend_from_slice(b"\r\n\r\n");
        assert_eq!(sidecar.exchange(request).await.status(), 200, "{value:x?}");
        let mut frames = Frames::connect(&sidecar).await;
        let bearer = format!("Bearer {token}");
        let fields = head("GET", "/a", &[("authorization", &bearer)]);
        let mut fields: Vec<(&[u8], &[u8])> =
            fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
        fields.push((b"x-odd", value));
        let stream = frames.open_bytes(&fields, Last::Yes).await;
        assert_eq!(frames.told(stream).await.status, Some(200), "{value:x?}");
        let line = [b"\r\nX-Odd: ", value, b"\r\n"].concat();
        for seen in upstream.requests().iter().rev().take(2) {
            assert!(seen.raw_head().windows(line.len()).any(|window| window == line), "{value:x?}: {seen:?}");
        }
    }
}
