//! What crosses of an answer's head: all but the fields of the upstream's hop.

use crate::kit::{self, Answer, End, RequestText, h2::H2Body};

// 23
#[tokio::test]
async fn fields_of_the_upstream_s_hop_end_here() {
    let (upstream, sidecar, token) = kit::guarded([]).await;
    let h2 = sidecar.h2().await;
    for (fields, gone, kept) in [
        (&[("Connection", "keep-alive"), ("Keep-Alive", "timeout=5, max=100")][..], &["Keep-Alive"][..], &[][..]),
        (&[("Proxy-Connection", "keep-alive")], &["Proxy-Connection"], &[]),
        (&[("TE", "trailers")], &["TE"], &[]),
        (&[("Upgrade", "h2c")], &["Upgrade"], &[]),
        (&[("Trailer", "X-Sum")], &["Trailer"], &[]),
        (&[("Connection", "X-Hop, close"), ("X-Hop", "1"), ("X-End", "1")], &["X-Hop"], &["X-End"]),
        (
            &[("Connection", "x-hop"), ("Connection", "SET-COOKIE"), ("X-Hop", "1"), ("Set-Cookie", "a=1")],
            &["X-Hop", "Set-Cookie"],
            &[],
        ),
        (&[("Connection", "Content-Length, Host, Transfer-Encoding")], &[], &["Content-Length"]),
        (&[("Connection", "Content-Type, Date")], &["Content-Type"], &[]),
        (
            &[("Proxy-Authenticate", "Basic"), ("Via", "1.1 old"), ("Alt-Svc", "h3=\":443\"")],
            &[],
            &["Proxy-Authenticate", "Via", "Alt-Svc"],
        ),
    ] {
        upstream.answer_with(move |_| {
            fields.iter().fold(Answer::booked(), |answer, (name, value)| answer.header(name, value))
        });
        let one = sidecar.get_with(&token, "/a").await;
        let request = h2.request("GET", "/a").header("authorization", format!("Bearer {token}"));
        let two = h2.send(request.body(H2Body::empty()).unwrap()).await;
        for (version, response) in [(1, one), (2, two)] {
            let shown = format!("{fields:?} over HTTP/{version}: {response:?}");
            assert_eq!((response.status(), response.end()), (200, End::Framed), "{shown}");
            assert_eq!(response.json()["object"]["reftransactionid"], "R1", "{shown}");
            assert_eq!(response.header("Connection"), None, "{shown}");
            assert!(gone.iter().all(|name| response.header(name).is_none()), "{shown}");
            assert!(kept.iter().all(|name| response.header(name).is_some()), "{shown}");
        }
    }
}

// 13, 61
#[tokio::test]
async fn an_answer_with_two_framings_cannot_desynchronise_the_caller() {
    let (upstream, sidecar, token) = kit::guarded([]).await;
    let chunked = "5\r\nhello\r\n0\r\n\r\n";
    for (head, status) in [
        ("Content-Length: 3\r\nTransfer-Encoding: chunked", 200),
        ("Transfer-Encoding: chunked\r\nContent-Length: 15", 200),
        ("Content-Length: 0\r\nTransfer-Encoding: Chunked", 200),
        ("Content-Length: 15\r\nContent-Length: 3", 502),
        ("Content-Length: 3, 15", 502),
        ("Content-Length: +15", 502),
        ("Content-Length: 0x0f", 502),
        ("Content-Length:", 502),
        ("Transfer-Encoding: chunked, chunked", 502),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", 502),
        ("Transfer-Encoding: chunked, identity", 502),
        ("Transfer-Encoding: identity", 502),
        ("Transfer-Encoding: gzip, chunked", 502),
        ("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked", 502),
        ("Transfer-Encoding: xchunked", 502),
        ("Transfer-Encoding : chunked", 502),
        ("Transfer-Encoding: chunked;q=1", 502),
    ] {
        upstream.answer_with(move |seen| match seen.target() {
            "/odd" => Answer::raw(format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n{chunked}")).then_close(),
            _ => Answer::status(200).body("the next").then_close(),
        });
        let before = upstream.seen();
        let mut caller = sidecar.connect().await;
        let request = |path| RequestText::new("GET", path).bearer(&token).bytes();
        caller.write(request("/odd")).await;
        let response = caller.read_response().await;
        let lengths = response.values("Content-Length").len() + response.values("Transfer-Encoding").len();
        assert!(lengths <= 1, "{head}: {response:?}");
        assert_eq!(response.status(), status, "{head}: {response:?}");
        let told = if status == 200 { response.text() } else { response.refusal() };
        assert_eq!(told, if status == 200 { "hello" } else { "UPSTREAM_UNREACHABLE" }, "{head}");
        // A kept connection that closes just now would be a 502 of its own.
        upstream.wait_idle().await;
        let next = sidecar.get_with(&token, "/next").await;
        assert_eq!(next.text(), "the next", "{head}");
        upstream.wait_idle().await;
        if response.end() == End::Framed && response.header("Connection").is_none() {
            caller.write(request("/next")).await;
            assert_eq!(caller.read_response().await.text(), "the next", "{head}");
        }
        assert!(upstream.seen() >= before + 2, "{head}");
    }
}

#[tokio::test]
async fn answers_with_values_beyond_ascii_pass_byte_for_byte() {
    let (upstream, sidecar, token) = kit::guarded([]).await;
    let every: Vec<u8> = (0x80..=0xff).collect();
    let line = [b"X-Odd: ", &every[..], b"\r\n"].concat();
    let answer = [b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n", &line[..], b"\r\n"].concat();
    upstream.answer_with(move |_| Answer::raw(answer.clone()));
    let mut caller = sidecar.connect().await;
    caller.write(RequestText::new("GET", "/a").bearer(&token).header("Connection", "close").bytes()).await;
    let (bytes, _) = caller.read_to_end().await;
    assert!(bytes.windows(line.len()).any(|window| window == line), "{:?}", String::from_utf8_lossy(&bytes));
}
