//! The body of a token call: ignored whatever it is, and bounded.

use super::{TOKEN, gate, token_of};
use crate::kit::{
    Refused, RequestText,
    h2::H2Body,
    sidecar::{PASSWORD, USERNAME},
};

const MOST: usize = 64 << 10;

fn asking() -> RequestText {
    RequestText::new("POST", TOKEN).basic(USERNAME, PASSWORD)
}

/// A chunked body of `length` bytes.
fn chunked(length: usize) -> Vec<u8> {
    let text = "x".repeat(length);
    let (first, second) = text.split_at(length / 2);
    asking().chunks([first, second])
}

// Checklist M26: what is left of a token call's body is never read as the next request. Each row asks twice on one connection.
#[tokio::test]
async fn whatever_the_body_is_it_is_ignored() {
    let (upstream, sidecar) = gate().await;
    let form = "application/x-www-form-urlencoded";
    let typed = |content_type, body: &str| asking().header("Content-Type", content_type).body(body).bytes();
    let rows: [(&str, Vec<u8>); 21] = [
        ("no body and no length", asking().bytes()),
        ("length 0", asking().body("").bytes()),
        ("{}", asking().json("{}").bytes()),
        ("{} without a type", asking().body("{}").bytes()),
        ("{} with a charset", typed("application/json; charset=utf-8", "{}")),
        ("an empty form", typed(form, "")),
        ("the form of RFC 6749", typed(form, "grant_type=client_credentials")),
        ("a form with other credentials", typed(form, "username=x&password=y&client_secret=z")),
        ("JSON with other credentials", asking().json(r#"{"username":"x","password":"y"}"#).bytes()),
        ("JSON that is none", asking().json("{").bytes()),
        ("a multipart body that is none", typed("multipart/form-data", "x")),
        ("an empty type", typed("", "{}")),
        ("a type that is none", typed("///;;=", "{}")),
        ("two types", asking().header("Content-Type", "text/plain").json("{}").bytes()),
        ("a coding that it is not in", asking().header("Content-Encoding", "gzip").json("{}").bytes()),
        ("no text", asking().body([0xff, 0x00, 0xfe]).bytes()),
        ("another request", asking().body("GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n").bytes()),
        ("64 KiB", asking().body(vec![b'x'; MOST]).bytes()),
        ("chunks", asking().chunks(["{", "}"])),
        ("no chunk", asking().chunks([])),
        ("64 KiB in chunks", chunked(MOST)),
    ];
    for (row, request) in rows {
        let mut raw = sidecar.connect().await;
        for _ in 0..2 {
            raw.write(&request).await;
            token_of(&sidecar, &raw.read_response().await, 300, row);
        }
        assert_eq!(upstream.seen(), 0, "{row}");
    }
}

#[tokio::test]
async fn a_body_over_64_kib_is_refused() {
    let (upstream, sidecar) = gate().await;
    let refused = Refused::token(413, "BODY_TOO_LARGE");
    let declared = |length: u64| asking().header("Content-Length", &length.to_string()).bytes();
    let rows: [(&str, Vec<u8>); 6] = [
        ("64 KiB and 1, sent", asking().body(vec![b'x'; MOST + 1]).bytes()),
        ("64 KiB and 1, only declared", declared(MOST as u64 + 1)),
        ("the most that can be declared", declared(u64::MAX - 2)),
        ("declared, and waited for", {
            asking().header("Expect", "100-continue").header("Content-Length", "65537").bytes()
        }),
        ("64 KiB and 1 in chunks", chunked(MOST + 1)),
        ("a chunk that never ends", {
            let head = asking().header("Transfer-Encoding", "chunked").bytes();
            [head, b"fffffff\r\n".to_vec(), vec![b'x'; MOST + 1]].concat()
        }),
    ];
    for (row, request) in rows {
        let mut raw = sidecar.connect().await;
        raw.write(request).await;
        let response = raw.read_response().await;
        refused.check(&response, row);
        assert!(response.interim().is_empty(), "{row}: {response:?}");
        assert_eq!(sidecar.page_of(&response).await["reason"], "body_too_large", "{row}");
        assert_eq!(upstream.seen(), 0, "{row}");
    }
}

#[tokio::test]
async fn over_http2_the_same_bodies_are_ignored_and_refused() {
    let (upstream, sidecar) = gate().await;
    let h2 = sidecar.h2().await;
    let basic = crate::kit::text::basic(USERNAME, PASSWORD);
    let request = |body| h2.request("POST", TOKEN).header("authorization", &basic).body(body).expect("a request");
    for (row, length, status) in
        [("nothing", None, 200), ("empty", Some(0), 200), ("64 KiB", Some(MOST), 200), ("and 1", Some(MOST + 1), 413)]
    {
        let body = length.map_or_else(H2Body::empty, |length| H2Body::whole(vec![b'x'; length]));
        let response = h2.send(request(body)).await;
        match status {
            200 => drop(token_of(&sidecar, &response, 300, row)),
            _ => Refused::token(413, "BODY_TOO_LARGE").check(&response, row),
        }
    }
    let (feed, body) = H2Body::fed();
    let feeding = async move {
        let mut sent = 0;
        while sent < MOST + 1 && feed.data(vec![b'x'; 8 << 10]).await {
            sent += 8 << 10;
        }
    };
    let (response, ()) = tokio::join!(h2.send(request(body)), feeding);
    Refused::token(413, "BODY_TOO_LARGE").check(&response, "undeclared");
    assert_eq!(upstream.seen(), 0);
}

// Checklist M31: no deadlock, no lost content, no desync.
#[tokio::test]
async fn a_caller_that_waits_for_100_continue_gets_its_token() {
    let (upstream, sidecar) = gate().await;
    let mut raw = sidecar.connect().await;
    for length in ["2", "0"] {
        raw.write(asking().header("Expect", "100-continue").header("Content-Length", length).bytes()).await;
        if length != "0" {
            assert_eq!(raw.read_interim().await, 100);
            raw.write("{}").await;
        }
        token_of(&sidecar, &raw.read_response().await, 300, length);
    }
    raw.write(asking().header("Expect", "100-continue").body("{}").bytes()).await;
    token_of(&sidecar, &raw.read_response().await, 300, "a body that comes without waiting");
    assert_eq!(upstream.seen(), 0);
}

#[tokio::test]
async fn a_caller_that_is_refused_is_not_asked_for_its_body() {
    let (upstream, sidecar) = gate().await;
    for (row, username, method, refused) in [
        ("wrong password", "nobody", "POST", Refused::WRONG_CREDENTIALS),
        ("another method", USERNAME, "PUT", Refused::NOT_POST),
    ] {
        let mut raw = sidecar.connect().await;
        let request = RequestText::new(method, TOKEN).basic(username, PASSWORD);
        raw.write(request.header("Expect", "100-continue").header("Content-Length", "2").bytes()).await;
        let response = raw.read_response().await;
        refused.check(&response, row);
        assert_eq!(response.interim(), [] as [u16; 0], "{row}");
        assert_eq!(response.values("connection"), ["close"], "{row}: the body may still come");
        assert_eq!(upstream.seen(), 0, "{row}");
    }
}

#[tokio::test]
async fn a_body_that_stops_or_breaks_gets_no_token() {
    let upstream = crate::kit::Upstream::recording().await;
    let sidecar = crate::kit::Sidecar::guarding(&upstream).var("BODY_TIMEOUT", "150ms").start().await;
    let head = |name, value| asking().header(name, value).bytes();
    let rows: [(&str, Vec<u8>, Refused); 4] = [
        ("half a body", [&head("Content-Length", "2")[..], b"{"].concat(), Refused::token(408, "BODY_TIMEOUT")),
        ("no byte of it", head("Content-Length", "2"), Refused::token(408, "BODY_TIMEOUT")),
        (
            "half a chunk",
            [&head("Transfer-Encoding", "chunked")[..], b"5\r\nab"].concat(),
            Refused::token(408, "BODY_TIMEOUT"),
        ),
        (
            "a chunk without a size",
            [&head("Transfer-Encoding", "chunked")[..], b"zz\r\n"].concat(),
            Refused::token(400, "BAD_REQUEST"),
        ),
    ];
    for (row, request, refused) in rows {
        let response = sidecar.exchange(request).await;
        refused.check(&response, row);
        let took_ms = sidecar.page_of(&response).await["duration_ms"].as_f64().unwrap_or(f64::MAX);
        assert!(took_ms < 1000.0, "{row}: after {took_ms} ms, though BODY_TIMEOUT is 150 ms");
        assert_eq!(upstream.seen(), 0, "{row}");
    }
}
