//! The PROXY protocol: the header with which a load balancer that passes TCP on says whose connection it is.
//!
//! Reads exactly the header, not one byte of what follows it. Who may send one, and how long it may take, is for the caller to say.
//! Source: <https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt>, version 1 in section 2.1, version 2 in section 2.2.

use std::io;
use std::net::SocketAddr;

use proxy_header::{ParseConfig, ProxyHeader};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

/// Why a connection has no header that can be used. Its TCP peer is to blame.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProxyFault {
    /// It begins with something else, such as a TLS or HTTP request.
    #[error("does not begin with a PROXY header; switch it on at the load balancer")]
    Absent,
    /// It begins like one and does not go on like one.
    #[error("begins with a PROXY header that is malformed")]
    Malformed,
    /// It is longer than any that is in use.
    #[error("begins with a PROXY header that is too long")]
    TooLong,
    /// It is of a family without IP addresses or ports of TCP.
    #[error("begins with a PROXY header that is not about TCP over IPv4 or IPv6")]
    Unsupported,
    /// It closed before the header was whole; a load balancer's probe often sends nothing at all.
    #[error("was closed before its PROXY header was whole")]
    Ended,
    /// It broke.
    #[error("broke before its PROXY header was whole: {0}")]
    Broken(#[from] io::Error),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    /// A line of text.
    One,
    /// A head of 16 bytes that says how much follows.
    Two,
}

/// Reads the one header at the beginning of a connection and says who is at its other end: `None` when the header leaves that to the TCP
/// peer (`LOCAL`, `UNKNOWN`), as for the load balancer's own probes. IPv4 within IPv6 is said as IPv4.
///
/// Shape: version 1 up to 107 bytes with its CRLF, ports without leading zeros; version 2 up to [`LONGEST_V2`], its TLVs skipped unread.
/// Nothing behind the header is read. Waits as long as it takes.
/// # Errors
/// [`ProxyFault`]; the connection is then of no use.
pub(super) async fn read_header(tcp: &mut TcpStream) -> Result<Option<SocketAddr>, ProxyFault> {
    let mut header = Vec::with_capacity(LONGEST_V1);
    let version = loop {
        read_some(tcp, &mut header, SHORTEST).await?;
        if let Some(version) = version(&header)? {
            break version;
        }
    };
    match version {
        Version::One => {
            read_line(tcp, &mut header).await?;
            source_of_v1(&header)
        }
        Version::Two => {
            read_to(tcp, &mut header, HEAD).await?;
            let length = HEAD + judge_head(&header)?;
            read_to(tcp, &mut header, length).await?;
            source_of_v2(&header)
        }
    }
}

/// Which version the first bytes begin, `None` as long as it can be either or too little is there.
fn version(begin: &[u8]) -> Result<Option<Version>, ProxyFault> {
    for (signature, version) in [(V1, Version::One), (V2, Version::Two)] {
        if begin.starts_with(signature) {
            return Ok(Some(version));
        }
        if signature.starts_with(begin) {
            return Ok(None);
        }
    }
    Err(ProxyFault::Absent)
}

/// Reads on to the end of the line, which is looked for before it is taken.
async fn read_line(tcp: &mut TcpStream, header: &mut Vec<u8>) -> Result<(), ProxyFault> {
    while !header.contains(&b'\n') {
        let mut ahead = [0; LONGEST_V1];
        let room = &mut ahead[header.len()..];
        if room.is_empty() {
            return Err(ProxyFault::TooLong);
        }
        let seen = tcp.peek(room).await?;
        let line = room[..seen].iter().position(|byte| *byte == b'\n').map_or(seen, |end| end + 1);
        // Without an end all that was seen is the header's; taken, it lets the next look wait for more.
        read_some(tcp, header, header.len() + line).await?;
    }
    Ok(())
}

async fn read_to(tcp: &mut TcpStream, header: &mut Vec<u8>, length: usize) -> Result<(), ProxyFault> {
    while header.len() < length {
        read_some(tcp, header, length).await?;
    }
    Ok(())
}

/// Reads what is there, at least one byte and up to a length of `length` in all.
async fn read_some(tcp: &mut TcpStream, header: &mut Vec<u8>, length: usize) -> Result<(), ProxyFault> {
    let missing = u64::try_from(length.saturating_sub(header.len())).unwrap_or(0);
    match tcp.take(missing).read_buf(header).await? {
        0 => Err(ProxyFault::Ended),
        _ => Ok(()),
    }
}

fn source_of_v1(line: &[u8]) -> Result<Option<SocketAddr>, ProxyFault> {
    let (parsed, length) = ProxyHeader::parse(line, ParseConfig::default()).map_err(|_| ProxyFault::Malformed)?;
    if length != line.len() {
        return Err(ProxyFault::Malformed);
    }
    // The parser takes `UNKNOWNX`, and ports such as `+80` and `080`, which the protocol does not.
    let (exact, source) = match parsed.proxied_address() {
        None => (line.starts_with(b"PROXY UNKNOWN ") || line == b"PROXY UNKNOWN\r\n", None),
        Some(address) => {
            let ports = format!(" {} {}\r\n", address.source.port(), address.destination.port());
            (line.ends_with(ports.as_bytes()), Some(canonical(address.source)))
        }
    };
    if exact { Ok(source) } else { Err(ProxyFault::Malformed) }
}

/// How much follows the first 16 bytes of a version 2 header.
fn judge_head(head: &[u8]) -> Result<usize, ProxyFault> {
    let [.., command, family, high, low] = *head else { return Err(ProxyFault::Malformed) };
    let length = usize::from(u16::from_be_bytes([high, low]));
    match (command, family) {
        (LOCAL, _) | (PROXY, UNSPECIFIED | TCP_OVER_IPV4 | TCP_OVER_IPV6) => {}
        (PROXY, UDP_OVER_IPV4 | UDP_OVER_IPV6 | UNIX_STREAM | UNIX_DATAGRAM) => return Err(ProxyFault::Unsupported),
        _ => return Err(ProxyFault::Malformed),
    }
    if HEAD + length > LONGEST_V2 { Err(ProxyFault::TooLong) } else { Ok(length) }
}

fn source_of_v2(header: &[u8]) -> Result<Option<SocketAddr>, ProxyFault> {
    // Whatever else a LOCAL header says is to be ignored, its family too.
    if header.get(V2.len()) == Some(&LOCAL) {
        return Ok(None);
    }
    let unread = ParseConfig { include_tlvs: false, ..ParseConfig::default() };
    let (parsed, _) = ProxyHeader::parse(header, unread).map_err(|_| ProxyFault::Malformed)?;
    Ok(parsed.proxied_address().map(|address| canonical(address.source)))
}

fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

const V1: &[u8] = b"PROXY ";
const V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// `PROXY UNKNOWN` and its CRLF: no header of either version is shorter.
const SHORTEST: usize = 15;
/// With its CRLF. Source: the protocol, section 2.1.
const LONGEST_V1: usize = 107;
/// Of version 2: signature, command, family, length.
const HEAD: usize = 16;
/// With all that a load balancer says about the caller's TLS; nginx has the same limit.
const LONGEST_V2: usize = 4096;

const LOCAL: u8 = 0x20;
const PROXY: u8 = 0x21;
const UNSPECIFIED: u8 = 0x00;
const TCP_OVER_IPV4: u8 = 0x11;
const UDP_OVER_IPV4: u8 = 0x12;
const TCP_OVER_IPV6: u8 = 0x21;
const UDP_OVER_IPV6: u8 = 0x22;
const UNIX_STREAM: u8 = 0x31;
const UNIX_DATAGRAM: u8 = 0x32;

#[cfg(test)]
mod tests;
