//! `PROXY_PROTOCOL=on`: a header before TLS says whose connection it is. Trusted proxies must send one; nobody else may connect.

use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;

use crate::kit::{
    Closing, DEADLINE, Raw, Refused, RequestText, Sidecar, Upstream,
    sidecar::{Building, PASSWORD, USERNAME},
    within,
};

/// A proxy at 127.0.0.2, and its network.
const PROXY: &str = "127.0.0.2";
const PROXIES: &str = "127.0.0.2, 10.0.0.0/8";

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
const LOCAL: u8 = 0x20;
const PROXIED: u8 = 0x21;
const TCP4: u8 = 0x11;
const TCP6: u8 = 0x21;

/// A header of version 2 with this command and family and what follows.
fn v2(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).expect("headers are short").to_be_bytes();
    [SIGNATURE, &[command, family], &length, rest].concat()
}

/// What follows for IPv4: the source, us, two ports, and TLVs.
fn ipv4(source: [u8; 4], tlvs: &[u8]) -> Vec<u8> {
    [&source[..], &[192, 0, 2, 1], &[0x12, 0x67, 0x20, 0xfb], tlvs].concat()
}

/// What follows for IPv6.
fn ipv6(source: [u16; 8]) -> Vec<u8> {
    let address = |parts: [u16; 8]| parts.into_iter().flat_map(u16::to_be_bytes).collect::<Vec<u8>>();
    [address(source), address([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1]), vec![0x12, 0x67, 0x20, 0xfb]].concat()
}

fn guarding(upstream: &Upstream) -> Building {
    Sidecar::guarding(upstream).var("PROXY_PROTOCOL", "on").var("TRUSTED_PROXIES", PROXIES)
}

/// A token that was asked for through the proxy.
async fn token(sidecar: &Sidecar) -> String {
    let through = sidecar.peer(PROXY).saying("PROXY TCP4 203.0.113.1 192.0.2.1 4711 8443\r\n");
    sidecar.token_in(&through.ask_token(USERNAME, PASSWORD).await)
}

/// Each row: the header, and who the caller is by it.
#[tokio::test]
async fn the_header_of_a_trusted_proxy_says_who_the_caller_is() {
    let upstream = Upstream::recording().await;
    let sidecar = guarding(&upstream).start().await;
    let token = token(&sidecar).await;
    let long_tlv = [&[0xee, 0x0b, 0xb8][..], &[b'x'; 3000]].concat();
    for (row, header, peer) in [
        ("v1, IPv4", b"PROXY TCP4 203.0.113.7 192.0.2.1 4711 8443\r\n".to_vec(), "203.0.113.7"),
        ("v1, IPv6", b"PROXY TCP6 2001:db8::7 2001:db8::1 4711 8443\r\n".to_vec(), "2001:db8::7"),
        ("v1, IPv4 within IPv6", b"PROXY TCP6 ::ffff:203.0.113.7 2001:db8::1 4711 8443\r\n".to_vec(), "203.0.113.7"),
        ("v1, not known", b"PROXY UNKNOWN\r\n".to_vec(), PROXY),
        ("v1, not known, with addresses", b"PROXY UNKNOWN 203.0.113.7 192.0.2.1 1 2\r\n".to_vec(), PROXY),
        ("v2, IPv4", v2(PROXIED, TCP4, &ipv4([203, 0, 113, 7], &[])), "203.0.113.7"),
        ("v2, IPv4, with TLVs", v2(PROXIED, TCP4, &ipv4([203, 0, 113, 7], &[4, 0, 3, 1, 2, 3])), "203.0.113.7"),
        ("v2, IPv4, with a long TLV", v2(PROXIED, TCP4, &ipv4([203, 0, 113, 7], &long_tlv)), "203.0.113.7"),
        ("v2, IPv6", v2(PROXIED, TCP6, &ipv6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 7])), "2001:db8::7"),
        ("v2, IPv4 within IPv6", v2(PROXIED, TCP6, &ipv6([0, 0, 0, 0, 0, 0xffff, 0xcb00, 0x7107])), "203.0.113.7"),
        ("v2, local", v2(LOCAL, 0, &[]), PROXY),
        ("v2, local, with addresses", v2(LOCAL, TCP4, &ipv4([203, 0, 113, 7], &[])), PROXY),
        ("v2, of no family", v2(PROXIED, 0, &[]), PROXY),
    ] {
        let before = upstream.seen();
        let through = sidecar.peer(PROXY).saying(header);
        let response = through.exchange(RequestText::new("GET", "/a")).await;
        Refused::NO_BEARER.check(&response, row);
        assert_eq!(sidecar.page_of(&response).await["peer"], peer, "{row}");
        assert_eq!(upstream.seen(), before, "{row}");
        assert_eq!(through.exchange(RequestText::new("GET", "/a").bearer(&token)).await.status(), 200, "{row}");
        let seen = upstream.requests().pop().expect("it was forwarded");
        assert_eq!(seen.values("X-Forwarded-For"), [peer], "{row}");
        assert_eq!(seen.values("X-Forwarded-Proto"), ["https"], "{row}");
    }
}

#[tokio::test]
async fn behind_the_header_a_stranger_s_fields_do_not_count_and_a_proxy_s_do() {
    let upstream = Upstream::recording().await;
    let sidecar = guarding(&upstream).start().await;
    let token = token(&sidecar).await;
    for (source, peer, hops) in [
        // The header names a stranger, who is the caller whatever it says.
        ("203.0.113.7", "203.0.113.7", "203.0.113.7"),
        // It names another proxy, which is believed.
        ("10.1.2.3", "198.51.100.1", "198.51.100.1, 10.1.2.3"),
    ] {
        let through = sidecar.peer(PROXY).saying(format!("PROXY TCP4 {source} 192.0.2.1 4711 8443\r\n"));
        let get = RequestText::new("GET", "/a").header("X-Forwarded-For", "198.51.100.1");
        let response = through.exchange(get.clone()).await;
        assert_eq!(sidecar.page_of(&response).await["peer"], peer, "{source}");
        assert_eq!(through.exchange(get.bearer(&token)).await.status(), 200, "{source}");
        let seen = upstream.requests().pop().expect("it was forwarded");
        assert_eq!(seen.values("X-Forwarded-For"), [hops], "{source}");
    }
}

#[tokio::test]
async fn addresses_are_judged_as_the_header_says_for_a_whole_connection() {
    let upstream = Upstream::recording().await;
    let sidecar = guarding(&upstream).var("ALLOW_ADDRESSES", "203.0.113.0/24").start().await;
    let token = token(&sidecar).await;
    for (source, status) in [("203.0.113.7", 200), ("198.51.100.1", 403), ("127.0.0.2", 403)] {
        let through = sidecar.peer(PROXY).saying(format!("PROXY TCP4 {source} 192.0.2.1 4711 8443\r\n"));
        let (before, mut raw) = (upstream.seen(), through.connect().await);
        for _ in 0..2 {
            raw.write(RequestText::new("GET", "/a").bearer(&token).bytes()).await;
            assert_eq!(raw.read_response().await.status(), status, "{source}");
        }
        assert_eq!(through.ask_token(USERNAME, PASSWORD).await.status(), status, "{source}");
        assert_eq!(upstream.seen() - before, if status == 200 { 2 } else { 0 }, "{source}");
    }
}

#[tokio::test]
async fn the_header_may_come_in_pieces_and_with_the_handshake_behind_it() {
    let upstream = Upstream::recording().await;
    let sidecar = guarding(&upstream).start().await;
    let token = token(&sidecar).await;
    for header in [
        b"PROXY TCP4 203.0.113.7 192.0.2.1 4711 8443\r\n".to_vec(),
        v2(PROXIED, TCP4, &ipv4([203, 0, 113, 7], &[4, 0, 3, 1, 2, 3])),
    ] {
        let mut socket = sidecar.peer(PROXY).dial().await;
        for byte in &header {
            socket.write_all(&[*byte]).await.expect("the sidecar reads");
            tokio::task::yield_now().await;
        }
        let mut raw = Raw::try_tls_over(socket, &sidecar.tls()).await.expect("a handshake");
        raw.write(RequestText::new("GET", "/a").bearer(&token).bytes()).await;
        assert_eq!(raw.read_response().await.status(), 200);
    }
    assert_eq!(upstream.seen(), 2);
}

/// What ends a connection without a byte: nobody hears that this is a gate.
async fn is_closed_unheard(mut raw: Raw, row: &str) {
    let closing = raw.expect_closed(DEADLINE / 2).await;
    assert!(matches!(closing, Closing::Orderly | Closing::Reset), "{row}: {closing:?}");
}

/// The timeout of a handshake is far longer than what a test waits: it is not what ends these connections.
#[tokio::test]
async fn who_sends_no_good_header_is_closed_at_once() {
    let upstream = Upstream::recording().await;
    let sidecar = guarding(&upstream).var("HANDSHAKE_TIMEOUT", "60s").start().await;
    let good = b"PROXY TCP4 203.0.113.7 192.0.2.1 4711 8443\r\n".to_vec();
    let hello = [&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3][..], &[7; 64]].concat();
    for (row, tcp_peer, first) in [
        ("an untrusted peer, silent", "127.0.0.1", Vec::new()),
        ("an untrusted peer with a good header", "127.0.0.1", good.clone()),
        ("another untrusted peer", "127.0.0.3", good.clone()),
        ("an untrusted peer with TLS", "127.0.0.3", hello.clone()),
        ("TLS without a header", PROXY, hello),
        ("HTTP without a header", PROXY, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_vec()),
        ("a small proxy", PROXY, b"proxy TCP4 203.0.113.7 192.0.2.1 4711 8443\r\n".to_vec()),
        ("no addresses", PROXY, b"PROXY TCP4\r\nand more\r\n".to_vec()),
        ("an address that is none", PROXY, b"PROXY TCP4 203.0.113.777 192.0.2.1 4711 8443\r\n".to_vec()),
        ("IPv6 for IPv4", PROXY, b"PROXY TCP4 2001:db8::7 2001:db8::1 4711 8443\r\n".to_vec()),
        ("a port too large", PROXY, b"PROXY TCP4 203.0.113.7 192.0.2.1 70000 8443\r\n".to_vec()),
        ("a bare line feed", PROXY, b"PROXY TCP4 203.0.113.7 192.0.2.1 4711 8443\n".to_vec()),
        ("a line without an end", PROXY, [b"PROXY TCP4 ".as_slice(), &[b'1'; 200]].concat()),
        ("version 3", PROXY, v2(0x31, TCP4, &ipv4([203, 0, 113, 7], &[]))),
        ("an unknown command", PROXY, v2(0x22, TCP4, &ipv4([203, 0, 113, 7], &[]))),
        ("UDP", PROXY, v2(PROXIED, 0x12, &ipv4([203, 0, 113, 7], &[]))),
        ("a unix socket", PROXY, v2(PROXIED, 0x31, &[b'x'; 216])),
        ("too short for its family", PROXY, v2(PROXIED, TCP4, &[203, 0, 113, 7])),
        ("over 4 KiB", PROXY, v2(PROXIED, TCP4, &ipv4([203, 0, 113, 7], &[0; 5000]))),
        ("a signature that goes wrong", PROXY, b"\r\n\r\n\0\r\nQUIX\n\x21\x11\0\x0c".to_vec()),
    ] {
        let socket = sidecar.peer(tcp_peer).saying(first).dial().await;
        is_closed_unheard(Raw::plain_over(socket), row).await;
        assert_eq!(upstream.seen(), 0, "{row}");
    }
    assert!(sidecar.log_lines().iter().all(|line| line["message"] != "request"), "{}", sidecar.log_text());
}

#[tokio::test]
async fn a_header_that_is_good_and_then_no_tls_is_no_request() {
    let upstream = Upstream::recording().await;
    let sidecar = guarding(&upstream).start().await;
    let good = b"PROXY TCP4 203.0.113.7 192.0.2.1 4711 8443\r\n";
    let http = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    for second in [&http[..], good] {
        let socket = sidecar.peer(PROXY).saying([&good[..], second].concat()).dial().await;
        let (bytes, _) = within(DEADLINE, "the end", Raw::plain_over(socket).read_to_end()).await;
        // At most an alert of TLS: no HTTP.
        assert!(bytes.first().is_none_or(|first| *first == 0x15), "{bytes:?}");
    }
    assert_eq!(upstream.seen(), 0);
}

// 7
#[tokio::test]
async fn a_slow_header_is_cut_with_the_handshake() {
    let upstream = Upstream::recording().await;
    let sidecar = guarding(&upstream).var("HANDSHAKE_TIMEOUT", "300ms").start().await;
    for (row, first) in [
        ("nothing", &b""[..]),
        ("half a line", b"PROXY TCP4 203.0.113.7 "),
        ("half a signature", b"\r\n\r\n\0\r\n"),
        ("half of version 2", b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xcb\0"),
        ("all of it and no handshake", b"PROXY TCP4 203.0.113.7 192.0.2.1 4711 8443\r\n"),
    ] {
        let begun = Instant::now();
        let socket = sidecar.peer(PROXY).saying(first).dial().await;
        is_closed_unheard(Raw::plain_over(socket), row).await;
        assert!(begun.elapsed() >= Duration::from_millis(300), "{row}: it had no time to go on");
        assert_eq!(upstream.seen(), 0, "{row}");
    }
}

#[tokio::test]
async fn without_the_setting_a_header_is_no_tls() {
    let upstream = Upstream::recording().await;
    let sidecar = Sidecar::guarding(&upstream).var("TRUSTED_PROXIES", PROXIES).start().await;
    for header in [b"PROXY TCP4 203.0.113.7 192.0.2.1 4711 8443\r\n".to_vec(), v2(LOCAL, 0, &[])] {
        let socket = sidecar.peer(PROXY).saying(header).dial().await;
        let met = within(DEADLINE, "the handshake", Raw::try_tls_over(socket, &sidecar.tls())).await;
        assert!(met.is_err(), "a handshake was possible behind a header");
    }
    assert_eq!(upstream.seen(), 0);
}

#[tokio::test]
async fn in_the_clear_the_header_says_who_the_caller_is_too() {
    let upstream = Upstream::recording().await;
    let sidecar = guarding(&upstream).without_tls().start().await;
    let through = sidecar.peer(PROXY).saying("PROXY TCP4 203.0.113.7 192.0.2.1 4711 8443\r\n");
    let response = through.exchange(RequestText::new("GET", "/a")).await;
    assert_eq!(sidecar.page_of(&response).await["peer"], "203.0.113.7");
    // A header and its request in one write.
    let request = [&b"PROXY TCP4 203.0.113.8 192.0.2.1 4711 8443\r\n"[..], &RequestText::new("GET", "/a").bytes()];
    let mut raw = Raw::plain_over(sidecar.peer(PROXY).saying(request.concat()).dial().await);
    let response = raw.read_response().await;
    assert_eq!(sidecar.page_of(&response).await["peer"], "203.0.113.8");
    let token = token(&sidecar).await;
    assert_eq!(through.exchange(RequestText::new("GET", "/a").bearer(&token)).await.status(), 200);
    assert_eq!(upstream.only().values("X-Forwarded-Proto"), ["http"]);
}
