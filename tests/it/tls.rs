//! The handshake: versions and suites by a ClientHello made by hand, and ALPN, which alone decides the protocol.

use rustls::{ProtocolVersion, pki_types::CertificateDer};

use crate::kit::{ClientTls, DEADLINE, End, Raw, RequestText, Sidecar, Upstream, h2::H2Body, within};

const TLS13: u16 = 0x0304;
const TLS12: u16 = 0x0303;
const TLS11: u16 = 0x0302;
const TLS10: u16 = 0x0301;
const SSL3: u16 = 0x0300;

/// A ClientHello as a record. `offered` goes into `supported_versions` when it is not empty.
fn client_hello(version: u16, suites: &[u16], offered: &[u16], compressions: &[u8]) -> Vec<u8> {
    let u16s = |numbers: &[u16]| numbers.iter().flat_map(|number| number.to_be_bytes()).collect::<Vec<u8>>();
    let sized = |bytes: &[u8]| [&u16s(&[bytes.len() as u16]), bytes].concat();
    let extension = |kind: u16, bytes: &[u8]| [u16s(&[kind]), sized(bytes)].concat();
    let (x25519, p256) = (0x001d, 0x0017);
    let mut extensions = [
        extension(10, &sized(&u16s(&[x25519, p256]))),
        extension(11, &[1, 0]),
        extension(13, &sized(&u16s(&[0x0403, 0x0804, 0x0401, 0x0201, 0x0203]))),
    ]
    .concat();
    if !offered.is_empty() {
        extensions.extend(extension(43, &[&[2 * offered.len() as u8], &*u16s(offered)].concat()));
    }
    let body = [
        &u16s(&[version]),
        &[7; 32][..],
        &[0],
        &sized(&u16s(suites)),
        &[compressions.len() as u8],
        compressions,
        &sized(&extensions),
    ]
    .concat();
    let message = [&[1, 0], &*sized(&body)].concat();
    [&[22, 3, 1], &*sized(&message)].concat()
}

/// What the gate answers to these first bytes, with the handshake's messages out of their records.
async fn first_flight(sidecar: &Sidecar, hello: &[u8]) -> Vec<u8> {
    let mut raw = Raw::plain(sidecar.address()).await;
    raw.write(hello).await;
    raw.finish().await;
    let (bytes, _) = within(DEADLINE, "the end of a handshake that goes nowhere", raw.read_to_end()).await;
    bytes
}

/// The payloads of the records of a kind.
fn records(bytes: &[u8], kind: u8) -> Vec<u8> {
    let (mut rest, mut payloads) = (bytes, Vec::new());
    while let [each, _, _, high, low, after @ ..] = rest {
        let (payload, next) = after.split_at(usize::from(u16::from_be_bytes([*high, *low])).min(after.len()));
        if *each == kind {
            payloads.extend_from_slice(payload);
        }
        rest = next;
    }
    payloads
}

/// M1, M2, M3.
#[tokio::test]
async fn only_tls_12_and_13_with_aead_and_forward_secrecy_are_accepted() {
    let upstream = Upstream::recording().await;
    let sidecar = Sidecar::guarding(&upstream).start().await;
    let good = &[0xc02b, 0xc02c, 0xcca9];
    let (protocol_version, handshake_failure, any) = (Some(70), Some(40), None);
    for (name, hello, accepted, alert) in [
        ("TLS 1.2 with ECDHE-ECDSA-AES128-GCM", client_hello(TLS12, &[0xc02b], &[], &[0]), true, any),
        ("TLS 1.2 with ECDHE-ECDSA-CHACHA20", client_hello(TLS12, &[0xcca9], &[], &[0]), true, any),
        ("TLS 1.1", client_hello(TLS11, good, &[], &[0]), false, protocol_version),
        ("TLS 1.0", client_hello(TLS10, good, &[], &[0]), false, protocol_version),
        ("SSL 3", client_hello(SSL3, good, &[], &[0]), false, any),
        ("TLS 1.1 as supported version", client_hello(TLS12, good, &[TLS11, TLS10], &[0]), false, protocol_version),
        ("TLS 1.3 with suites of 1.2 alone", client_hello(TLS12, good, &[TLS13], &[0]), false, any),
        ("ECDHE with CBC", client_hello(TLS12, &[0xc009, 0xc00a, 0xc023, 0xc024], &[], &[0]), false, handshake_failure),
        ("RSA key exchange with GCM", client_hello(TLS12, &[0x009c, 0x009d], &[], &[0]), false, handshake_failure),
        (
            "RSA key exchange with CBC",
            client_hello(TLS12, &[0x002f, 0x0035, 0x003c], &[], &[0]),
            false,
            handshake_failure,
        ),
        ("RC4 and 3DES", client_hello(TLS12, &[0x0005, 0xc007, 0x000a, 0xc008], &[], &[0]), false, handshake_failure),
        ("no encryption, export, anonymous", client_hello(TLS12, &[0x0001, 0x0003, 0xc018], &[], &[0]), false, any),
        ("a certificate of another kind", client_hello(TLS12, &[0xc02f], &[], &[0]), false, any),
        ("compression alone", client_hello(TLS12, good, &[], &[1]), false, any),
        ("SSL 2", [&[0x80, 0x2e, 1, 0, 2, 0, 0x15, 0, 0, 0, 0x10][..], &[7; 37]].concat(), false, any),
    ] {
        let bytes = first_flight(&sidecar, &hello).await;
        let is_server_hello = records(&bytes, 22).first() == Some(&2);
        assert_eq!(is_server_hello, accepted, "{name}: {bytes:?}");
        let said = records(&bytes, 21).get(1).copied();
        assert!(alert.is_none() || said == alert, "{name}: alert {said:?}");
    }
    for (tls, version) in [
        (sidecar.tls().only_tls12(), ProtocolVersion::TLSv1_2),
        (sidecar.tls().only_tls13(), ProtocolVersion::TLSv1_3),
        (sidecar.tls(), ProtocolVersion::TLSv1_3),
    ] {
        let mut raw = Raw::tls(sidecar.address(), &tls).await;
        assert_eq!(raw.version(), Some(version));
        raw.write(RequestText::new("GET", "/").bytes()).await;
        assert_eq!(raw.read_response().await.status(), 401, "{version:?}");
    }
    assert_eq!(upstream.seen(), 0);
}

/// M6.
#[tokio::test]
async fn alpn_alone_decides_the_protocol() {
    let upstream = Upstream::recording().await;
    let sidecar = Sidecar::guarding(&upstream).start().await;
    for (offered, agreed) in [
        (&[][..], None),
        (&["http/1.1"], Some("http/1.1")),
        (&["h2"], Some("h2")),
        (&["http/1.1", "h2"], Some("h2")),
        (&["spdy/3", "http/1.1"], Some("http/1.1")),
    ] {
        let raw = Raw::tls(sidecar.address(), &sidecar.tls().alpn_of(offered)).await;
        assert_eq!(raw.alpn(), agreed, "{offered:?}");
    }
    assert!(Raw::try_tls(sidecar.address(), &sidecar.tls().alpn(["spdy/3"])).await.is_err());

    let http1 = RequestText::new("GET", "/").bytes();
    let http2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
    for (offered, sent, answered) in [
        (&["http/1.1"][..], &http1, true),
        (&[], &http1, true),
        (&["h2"], &http1, false),
        (&["http/1.1"], &http2, false),
        (&[], &http2, false),
    ] {
        let mut raw = Raw::tls(sidecar.address(), &sidecar.tls().alpn_of(offered)).await;
        raw.write(sent).await;
        if answered {
            assert_eq!(raw.read_response().await.status(), 401, "{offered:?}");
            continue;
        }
        let (bytes, _) = within(DEADLINE, "the end of a connection in the wrong protocol", raw.read_to_end()).await;
        let is_settings = bytes.get(3) == Some(&4);
        assert!(!bytes.starts_with(b"HTTP/1.1 2") && (offered == ["h2"] || !is_settings), "{offered:?}: {bytes:?}");
        assert!(!String::from_utf8_lossy(&bytes).contains("INVALID_AUTH_HEADER"), "{offered:?} got service");
    }
    let h2 = sidecar.h2().await;
    let request = h2.request("GET", "/").body(H2Body::empty()).expect("it is a request");
    assert_eq!(h2.send(request).await.status(), 401);
    assert_eq!(upstream.seen(), 0);
}

/// M8.
#[tokio::test]
async fn plain_http_on_the_tls_port_gets_no_http() {
    let upstream = Upstream::recording().await;
    let sidecar = Sidecar::guarding(&upstream).start().await;
    for request in [
        RequestText::new("GET", "/").bytes(),
        RequestText::new("POST", "/api/token_generate").basic("vietqr-live", "x").json("{}").bytes(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec(),
        b"\r\n".to_vec(),
        vec![0; 100],
    ] {
        let bytes = first_flight(&sidecar, &request).await;
        let said = String::from_utf8_lossy(&bytes);
        assert!(!said.contains("HTTP") && !said.contains("ocation") && bytes.len() < 10, "{request:?}: {said}");
    }
    assert_eq!(upstream.seen(), 0);
    assert!(!sidecar.log_text().contains(r#""message":"request""#));
}

#[tokio::test]
async fn with_tls_off_it_speaks_http_1_alone() {
    let upstream = Upstream::recording().await;
    let sidecar = Sidecar::guarding(&upstream).without_tls().start().await;
    let token = sidecar.token().await;
    let response = sidecar.deliver(&token, "/books", "{}").await;
    assert_eq!((response.status(), response.end()), (200, End::Framed));
    assert_eq!(upstream.only().header("X-Forwarded-Proto"), Some("http"));
    for bytes in
        [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec(), client_hello(TLS12, &[0xc02b], &[], &[0])]
    {
        let answer = first_flight(&sidecar, &bytes).await;
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 400"), "{answer:?}");
    }
    assert_eq!(upstream.seen(), 1);
}

/// TLS 1.2 shows the certificate in clear, so a ClientHello is enough to get it.
#[tokio::test]
async fn a_self_signed_certificate_is_made_at_start_and_good_for_this_machine() {
    let upstream = Upstream::recording().await;
    let mut certificates = Vec::new();
    for _ in 0..2 {
        let building = Sidecar::guarding(&upstream).var("TLS", "self-signed");
        let sidecar = building.without("TLS_CERT_FILE").without("TLS_KEY_FILE").start().await;
        let flight = records(&first_flight(&sidecar, &client_hello(TLS12, &[0xc02b], &[], &[0])).await, 22);
        let certificate = CertificateDer::from(certificate_in(&flight));
        for (name, works) in [("localhost", true), ("127.0.0.1", true), ("example.com", false)] {
            let tls = ClientTls::of(certificate.clone()).server_name(name);
            assert_eq!(Raw::try_tls(sidecar.address(), &tls).await.is_ok(), works, "{name}");
        }
        assert!(Raw::try_tls(sidecar.address(), &sidecar.tls()).await.is_err(), "the kit's authority did not sign it");
        let mut raw = Raw::tls(sidecar.address(), &ClientTls::of(certificate.clone())).await;
        raw.write(RequestText::new("GET", "/").bytes()).await;
        assert_eq!(raw.read_response().await.status(), 401);
        certificates.push(certificate);
    }
    assert_ne!(certificates[0], certificates[1]);
    assert_eq!(upstream.seen(), 0);
}

/// The first certificate of the message `Certificate` among these messages of a handshake.
fn certificate_in(mut messages: &[u8]) -> Vec<u8> {
    let number = |bytes: &[u8]| bytes.iter().fold(0, |number, byte| number << 8 | usize::from(*byte));
    while let [kind, rest @ ..] = messages {
        let (length, rest) = rest.split_at(3);
        let (message, next) = rest.split_at(number(length));
        if *kind == 11 {
            return message[6..6 + number(&message[3..6])].to_vec();
        }
        messages = next;
    }
    panic!("the gate showed no certificate");
}
