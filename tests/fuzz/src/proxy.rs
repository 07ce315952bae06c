//! The PROXY header: whom it names is whom the upstream hears of, and what is no header lets nobody in.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{LazyLock, Mutex, PoisonError};

use super::live::{Gate, Patience, exchange};

/// The input is what a load balancer sends first; a good request follows.
pub fn holds(data: &[u8]) {
    // One at a time, each with a target of its own: what the upstream saw is of this input.
    static TURN: Mutex<u64> = Mutex::new(0);
    let mut turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    *turn += 1;
    let target = format!("/pay/{turn}");
    let sent = [data, format!("GET {target} HTTP/1.1\r\n{FIELDS}").as_bytes()].concat();
    let named = header(&sent);
    let is_whole = named.is_some_and(|(_, length)| length == data.len());
    let mut tcp = GATE.connect();
    let own = tcp.try_clone().expect("an open socket");
    exchange(&mut tcp, &own, &sent, if is_whole { Patience::Much } else { Patience::Little });
    let seen = GATE.check();
    let peers: Vec<&str> = seen.iter().filter(|seen| seen.target == target).map(|seen| seen.peer.as_str()).collect();
    let shown = String::from_utf8_lossy(data);
    match named {
        None => assert!(peers.is_empty(), "{shown:?} is no header; the upstream saw {peers:?}"),
        Some((peer, _)) if is_whole => assert_eq!(peers, [peer.to_canonical().to_string()], "{shown:?}"),
        // What is between the header and the request belongs to HTTP, or the header has swallowed the request.
        Some(_) => {}
    }
}

static GATE: LazyLock<Gate> =
    LazyLock::new(|| Gate::start(&[("TLS", "off"), ("PROXY_PROTOCOL", "on"), ("TRUSTED_PROXIES", "127.0.0.1/32")]));

const FIELDS: &str = "Host: h\r\nAuthorization: Bearer fixed-token\r\nConnection: close\r\n\r\n";

/// Whom the header names, and how long it is, as the protocol's text has it.
fn header(sent: &[u8]) -> Option<(IpAddr, usize)> {
    if sent.starts_with(V2) { header_v2(sent) } else { header_v1(sent) }
}

fn header_v1(sent: &[u8]) -> Option<(IpAddr, usize)> {
    let end = sent.windows(2).position(|pair| pair == b"\r\n")?;
    let line = &sent[..end];
    if line.contains(&b'\n') || line.contains(&b'\r') || end + 2 > 107 {
        return None;
    }
    if line == b"PROXY UNKNOWN" || line.starts_with(b"PROXY UNKNOWN ") {
        return Some((LOOPBACK, end + 2));
    }
    let words: Vec<&str> = str::from_utf8(line).ok()?.split(' ').collect();
    let ["PROXY", family, source, destination, ports @ ..] = &words[..] else { return None };
    let address = |text: &str| -> Option<IpAddr> {
        match *family {
            "TCP4" => text.parse().ok().map(IpAddr::V4),
            "TCP6" => text.parse().ok().map(IpAddr::V6),
            _ => None,
        }
    };
    let port = |text: &&str| text.parse::<u16>().is_ok_and(|port| port.to_string() == **text);
    let (source, _) = (address(source)?, address(destination)?);
    (ports.len() == 2 && ports.iter().all(port)).then_some((source, end + 2))
}

fn header_v2(sent: &[u8]) -> Option<(IpAddr, usize)> {
    let [command, family, high, low] = *sent.get(12..16)?.first_chunk()?;
    let length = 16 + usize::from(u16::from_be_bytes([high, low]));
    if length > 4096 {
        return None;
    }
    let rest = sent.get(16..length)?;
    let peer = match (command, family) {
        (0x20, _) | (0x21, 0x00) => LOOPBACK,
        (0x21, 0x11) if rest.len() >= 12 => IpAddr::V4(Ipv4Addr::from(*rest.first_chunk::<4>()?)),
        (0x21, 0x21) if rest.len() >= 36 => IpAddr::V6(Ipv6Addr::from(*rest.first_chunk::<16>()?)),
        _ => return None,
    };
    Some((peer, length))
}

const V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
