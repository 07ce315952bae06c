use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::task::yield_now;
use tokio::time::timeout;

use super::*;

/// A version 2 header: command, family, and what follows the length.
fn v2(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).expect("a short rest");
    [V2, &[command, family], &length.to_be_bytes(), rest].concat()
}

/// 198.51.100.7:4711 to 203.0.113.1:443.
const IPV4: &[u8] = &[198, 51, 100, 7, 203, 0, 113, 1, 0x12, 0x67, 0x01, 0xbb];

/// [2001:db8::7]:4711 to [2001:db8::1]:443.
fn ipv6() -> Vec<u8> {
    let address = |last: u8| [&[0x20, 0x01, 0x0d, 0xb8], [0; 11].as_slice(), &[last]].concat();
    [address(7), address(1), vec![0x12, 0x67, 0x01, 0xbb]].concat()
}

/// ALPN, authority, checksum (not checked), filling and one of Amazon's own.
fn tlvs() -> Vec<u8> {
    let of = |kind: u8, value: &[u8]| [&[kind, 0, u8::try_from(value.len()).expect("a short value")], value].concat();
    let endpoint = b"\x01vpce-08d2bf15fac5001c9";
    [of(1, b"h2"), of(2, b"api.example"), of(3, &[1, 2, 3, 4]), of(4, &[0; 40]), of(0xEA, endpoint)].concat()
}

async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let (near, far) = tokio::join!(TcpStream::connect(address), listener.accept());
    let near = near.expect("the listener accepts");
    near.set_nodelay(true).expect("an open socket");
    (near, far.expect("a connection").0)
}

/// What is read from a peer that sends `bytes` in pieces and then stays; with the connection, to see what is left in it.
async fn read(bytes: &[u8], piece: usize) -> (Result<Option<SocketAddr>, ProxyFault>, TcpStream, TcpStream) {
    let (mut near, mut far) = pair().await;
    let send = async {
        for piece in bytes.chunks(piece) {
            // A reader that has found a fault has no use for the rest.
            let _ = near.write_all(piece).await;
            yield_now().await;
        }
    };
    let (said, ()) = tokio::join!(timeout(DEADLINE, read_header(&mut far)), send);
    let said = said.unwrap_or_else(|_| panic!("it waits for more than {:?}", String::from_utf8_lossy(bytes)));
    (said, near, far)
}

const DEADLINE: Duration = Duration::from_secs(10);

fn headers() -> Vec<(&'static str, Vec<u8>, Option<&'static str>)> {
    let longest = b"PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535".to_vec();
    let full = format!("PROXY UNKNOWN {}\r\n", "x".repeat(LONGEST_V1 - 16)).into_bytes();
    let mapped = b"PROXY TCP6 ::ffff:198.51.100.7 ::ffff:203.0.113.1 4711 443\r\n";
    let widest =
        b"PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n";
    let mapped_v2 = [&[0; 10], [0xff; 2].as_slice(), &IPV4[..4], &[0; 16], &IPV4[8..]].concat();
    let filling = [4, 0x0f, 0xe1].into_iter().chain([0; LONGEST_V2 - HEAD - IPV4.len() - 3]).collect::<Vec<u8>>();
    vec![
        ("v1 TCP4", b"PROXY TCP4 198.51.100.7 203.0.113.1 4711 443\r\n".to_vec(), Some("198.51.100.7:4711")),
        ("v1 TCP6", b"PROXY TCP6 2001:db8::7 2001:db8::1 4711 443\r\n".to_vec(), Some("[2001:db8::7]:4711")),
        ("v1 TCP6, mapped", mapped.to_vec(), Some("198.51.100.7:4711")),
        ("v1 TCP6, widest", widest.to_vec(), Some("[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535")),
        ("v1 TCP4, port 0", b"PROXY TCP4 198.51.100.7 203.0.113.1 0 0\r\n".to_vec(), Some("198.51.100.7:0")),
        ("v1 UNKNOWN", b"PROXY UNKNOWN\r\n".to_vec(), None),
        ("v1 UNKNOWN with more", [&longest, b"\r\n".as_slice()].concat(), None),
        ("v1 of 107 bytes", full, None),
        ("v2 INET", v2(PROXY, TCP_OVER_IPV4, IPV4), Some("198.51.100.7:4711")),
        ("v2 INET with TLVs", v2(PROXY, TCP_OVER_IPV4, &[IPV4, &tlvs()].concat()), Some("198.51.100.7:4711")),
        ("v2 INET, longest", v2(PROXY, TCP_OVER_IPV4, &[IPV4, &filling].concat()), Some("198.51.100.7:4711")),
        (
            "v2 INET, a newline in it",
            v2(PROXY, TCP_OVER_IPV4, &[IPV4, b"\n\n\r\n"].concat()),
            Some("198.51.100.7:4711"),
        ),
        ("v2 INET6", v2(PROXY, TCP_OVER_IPV6, &ipv6()), Some("[2001:db8::7]:4711")),
        ("v2 INET6 with TLVs", v2(PROXY, TCP_OVER_IPV6, &[ipv6(), tlvs()].concat()), Some("[2001:db8::7]:4711")),
        ("v2 INET6, mapped", v2(PROXY, TCP_OVER_IPV6, &mapped_v2), Some("198.51.100.7:4711")),
        ("v2 unspecified", v2(PROXY, UNSPECIFIED, b""), None),
        ("v2 unspecified with TLVs", v2(PROXY, UNSPECIFIED, &tlvs()), None),
        ("v2 LOCAL", v2(LOCAL, UNSPECIFIED, b""), None),
        ("v2 LOCAL with TLVs", v2(LOCAL, UNSPECIFIED, &tlvs()), None),
        ("v2 LOCAL with addresses", v2(LOCAL, TCP_OVER_IPV4, IPV4), None),
        ("v2 LOCAL of a family nobody knows", v2(LOCAL, 0x7f, b"abc"), None),
    ]
}

/// Alike in its first bytes to the end of a header, to tempt a reader.
const TLS: &[u8] = b"\x16\x03\x01\x02\0\r\n\r\n\r\n\0\r\nQUIT\nPROXY UNKNOWN\r\n\x01";

#[tokio::test]
async fn exactly_the_header_is_read_however_it_arrives() {
    for (name, header, expected) in headers() {
        for piece in [1, 2, 15, 16, 17, 10_000] {
            let (said, mut near, mut far) = read(&[&header, TLS].concat(), piece).await;
            let said = said.unwrap_or_else(|fault| panic!("{name} by {piece}: {fault}"));
            assert_eq!(said.map(|address| address.to_string()).as_deref(), expected, "{name} by {piece}");
            near.shutdown().await.expect("an open socket");
            let mut rest = Vec::new();
            far.read_to_end(&mut rest).await.expect("an open socket");
            assert_eq!(rest, TLS, "{name} by {piece}");
        }
    }
}

#[tokio::test]
async fn a_header_is_enough_without_anything_behind_it() {
    for (name, header, expected) in headers() {
        let (said, _near, _far) = read(&header, 10_000).await;
        let said = said.unwrap_or_else(|fault| panic!("{name}: {fault}"));
        assert_eq!(said.map(|address| address.to_string()).as_deref(), expected, "{name}");
    }
}

fn fault_of(said: Result<Option<SocketAddr>, ProxyFault>) -> &'static str {
    match said {
        Ok(_) => "none",
        Err(ProxyFault::Absent) => "absent",
        Err(ProxyFault::Malformed) => "malformed",
        Err(ProxyFault::TooLong) => "too long",
        Err(ProxyFault::Unsupported) => "unsupported",
        Err(ProxyFault::Ended) => "ended",
        Err(ProxyFault::Broken(_)) => "broken",
    }
}

/// The peer stays: nobody waits for what would not mend it.
async fn expect_fault(expected: &str, rows: Vec<Vec<u8>>) {
    for bytes in rows {
        for piece in [1, 10_000] {
            let (said, _near, _far) = read(&bytes, piece).await;
            let said = fault_of(said);
            assert_eq!(said, expected, "{:?} by {piece}", String::from_utf8_lossy(&bytes));
        }
    }
}

#[tokio::test]
async fn what_is_no_header_is_seen_at_its_first_wrong_byte() {
    let rows = [
        "\x16\x03\x01",
        "GET / HTTP/1.1\r\n",
        "POST / HTTP/1.1\r\n",
        "PUT / HTTP/1.1\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "proxy TCP4",
        "PROXY\t",
        "PROXYTCP4 ",
        " PROXY TCP4",
        "\nPROXY TCP4",
        "\r\nPROXY",
        "\r\n\r\nGET",
        "\r\n\r\n\0\r\nQUIT\r",
        "\0",
    ];
    expect_fault("absent", rows.map(|row| row.as_bytes().to_vec()).to_vec()).await;
}

#[tokio::test]
async fn a_malformed_line_is_refused() {
    let rows = [
        "TCP4 198.51.100.7 203.0.113.1 4711 443\n",
        "TCP4 198.51.100.7 203.0.113.1 4711 443\r\r\n",
        "TCP4 198.51.100.7 203.0.113.1 4711 443 \r\n",
        "TCP4 198.51.100.7 203.0.113.1 4711 443 1\r\n",
        "TCP4 198.51.100.7 203.0.113.1 4711\r\n",
        "TCP4 198.51.100.7 203.0.113.1\r\n",
        "TCP4 198.51.100.7 4711 443\r\n",
        "TCP4 \r\n",
        "TCP4\r\n",
        "\r\n",
        "\n",
        "TCP4  198.51.100.7 203.0.113.1 4711 443\r\n",
        "TCP4\t198.51.100.7 203.0.113.1 4711 443\r\n",
        "TCP4 198.51.100.7  203.0.113.1 4711 443\r\n",
        "TCP4 198.51.100.7 203.0.113.1 4711 65536\r\n",
        "TCP4 198.51.100.7 203.0.113.1 65536 443\r\n",
        "TCP4 198.51.100.7 203.0.113.1 -1 443\r\n",
        "TCP4 198.51.100.7 203.0.113.1 +4711 443\r\n",
        "TCP4 198.51.100.7 203.0.113.1 04711 443\r\n",
        "TCP4 198.51.100.7 203.0.113.1 4711 0443\r\n",
        "TCP4 198.51.100.7 203.0.113.1 0x1267 443\r\n",
        "TCP4 198.51.100.7 203.0.113.1  443\r\n",
        "TCP4 198.51.100.256 203.0.113.1 4711 443\r\n",
        "TCP4 198.051.100.7 203.0.113.1 4711 443\r\n",
        "TCP4 198.51.100 203.0.113.1 4711 443\r\n",
        "TCP4 198.51.100.7 203.0.113 4711 443\r\n",
        "TCP4 2001:db8::7 2001:db8::1 4711 443\r\n",
        "TCP4 198.51.100.7 2001:db8::1 4711 443\r\n",
        "TCP6 198.51.100.7 203.0.113.1 4711 443\r\n",
        "TCP6 [2001:db8::7] [2001:db8::1] 4711 443\r\n",
        "TCP6 2001:db8::7%eth0 2001:db8::1 4711 443\r\n",
        "TCP6 2001:db8:::7 2001:db8::1 4711 443\r\n",
        "tcp4 198.51.100.7 203.0.113.1 4711 443\r\n",
        "TCP5 198.51.100.7 203.0.113.1 4711 443\r\n",
        "UDP4 198.51.100.7 203.0.113.1 4711 443\r\n",
        "TCP4 host.example 203.0.113.1 4711 443\r\n",
        "UNKNOWN\n",
        "UNKNOWNX\r\n",
        "UNKNOWN\t198.51.100.7\r\n",
        "UNKNOWN a\rb\r\n",
        "UNKNOW\r\n",
        " UNKNOWN\r\n",
        "unknown\r\n",
        "T\u{e9}P4 198.51.100.7 203.0.113.1 4711 443\r\n",
    ];
    expect_fault("malformed", rows.map(|row| format!("PROXY {row}").into_bytes()).to_vec()).await;
}

#[tokio::test]
async fn a_malformed_binary_header_is_refused() {
    let rows = [
        v2(0x22, TCP_OVER_IPV4, IPV4),
        v2(0x2f, TCP_OVER_IPV4, IPV4),
        v2(0x11, TCP_OVER_IPV4, IPV4),
        v2(0x31, TCP_OVER_IPV4, IPV4),
        v2(0x01, TCP_OVER_IPV4, IPV4),
        v2(0x00, UNSPECIFIED, b""),
        v2(PROXY, 0x01, b""),
        v2(PROXY, 0x02, b""),
        v2(PROXY, 0x10, IPV4),
        v2(PROXY, 0x13, IPV4),
        v2(PROXY, 0x20, &ipv6()),
        v2(PROXY, 0x41, IPV4),
        v2(PROXY, 0xff, IPV4),
        v2(PROXY, TCP_OVER_IPV4, b""),
        v2(PROXY, TCP_OVER_IPV4, &IPV4[..11]),
        v2(PROXY, TCP_OVER_IPV6, b""),
        v2(PROXY, TCP_OVER_IPV6, IPV4),
        v2(PROXY, TCP_OVER_IPV6, &ipv6()[..35]),
    ];
    expect_fault("malformed", rows.to_vec()).await;
}

#[tokio::test]
async fn a_header_without_addresses_of_tcp_is_not_taken_for_one_of_the_peer_itself() {
    let unix = vec![b'/'; 216];
    let rows = [
        v2(PROXY, UDP_OVER_IPV4, IPV4),
        v2(PROXY, UDP_OVER_IPV6, &ipv6()),
        v2(PROXY, UNIX_STREAM, &unix),
        v2(PROXY, UNIX_DATAGRAM, &unix),
    ];
    expect_fault("unsupported", rows.to_vec()).await;
}

#[tokio::test]
async fn a_header_has_its_longest_length() {
    let filled = |length: usize| format!("PROXY UNKNOWN {}", "x".repeat(length - 14)).into_bytes();
    let rows = [
        filled(LONGEST_V1),
        filled(LONGEST_V1 + 1),
        filled(4000),
        [filled(LONGEST_V1 - 1), b"\r\n".to_vec()].concat(),
        v2(PROXY, TCP_OVER_IPV4, &[0; LONGEST_V2 - HEAD + 1])[..HEAD].to_vec(),
        v2(PROXY, TCP_OVER_IPV4, &[0; 65_535]),
        v2(LOCAL, UNSPECIFIED, &[0; 65_535])[..HEAD].to_vec(),
    ];
    expect_fault("too long", rows.to_vec()).await;
}

#[tokio::test]
async fn a_connection_that_ends_within_its_header_is_seen_to_end() {
    for (name, header, _) in headers() {
        let short = [0, 1, 5, 6, 7, 12, 14, 15, 16, header.len() - 1].map(|length| length.min(header.len() - 1));
        for length in short {
            let (mut near, mut far) = pair().await;
            near.write_all(&header[..length]).await.expect("an open socket");
            near.shutdown().await.expect("an open socket");
            let said = timeout(DEADLINE, read_header(&mut far)).await.expect("the end is seen");
            assert_eq!(fault_of(said), "ended", "{length} bytes of {name}");
        }
    }
}
