//! Where a request comes from: lists of networks, and the caller's address behind proxies that are trusted.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName};
use ipnet::IpNet;

/// Networks, at least one. An IPv4 address within IPv6 (`::ffff:10.0.0.1`) is the IPv4 address, in the list and in question; an IPv6
/// network never holds IPv4 addresses, not even `::/0`.
#[derive(Clone, PartialEq, Eq)]
pub struct AddressList(Vec<IpNet>);

/// The proxies whose word about the caller's address counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedProxies(Option<AddressList>);

/// What limits per address are kept under: an IPv4 address, or the /64 of an IPv6 address, which is what one caller has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LimitKey {
    /// The address.
    V4([u8; 4]),
    /// The first 64 bits of the address.
    V6([u8; 8]),
}

/// Which entry of a list is no network, and why. The operator is to blame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("has a fault in entry {number}: {reason}")]
pub struct AddressListFault {
    /// Its place in the list, from 1.
    pub number: usize,
    /// Why it is no network.
    pub reason: NetworkFault,
}

/// Why a text is no network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NetworkFault {
    /// No text.
    #[error("it is empty; write such as 203.0.113.0/24")]
    Empty,
    /// What stands before the `/`, or alone, is no address.
    #[error("it is not an IP address; write such as 203.0.113.0/24, 2001:db8::/32 or 203.0.113.7, a name does not do")]
    NoAddress,
    /// What stands after the `/` is no number of bits of this address.
    #[error("what follows the slash is not a number of bits from 0 to {most}; write such as /{most} for one address")]
    NoPrefix {
        /// 32 or 128.
        most: u8,
    },
    /// An address within a network, written as a network.
    #[error("it has bits set behind its prefix; write {network}")]
    HostBits {
        /// The network that it lies in.
        network: IpNet,
    },
}

impl AddressList {
    /// Reads a comma list of networks (`203.0.113.0/24, 2001:db8::/32`) and addresses; spaces around each are dropped.
    ///
    /// # Errors
    /// [`AddressListFault`] names the first entry that is none.
    pub fn parse(list: &str) -> Result<Self, AddressListFault> {
        Self::of(list.split(','))
    }

    /// Reads one network or address from each text; spaces around it are dropped.
    ///
    /// # Errors
    /// [`AddressListFault`] names the first entry that is none; no entry at all is an empty first one.
    pub fn of<'t>(networks: impl IntoIterator<Item = &'t str>) -> Result<Self, AddressListFault> {
        let numbered = networks.into_iter().zip(1..);
        let networks: Vec<IpNet> = numbered
            .map(|(text, number)| network(text.trim()).map_err(|reason| AddressListFault { number, reason }))
            .collect::<Result<_, _>>()?;
        if networks.is_empty() {
            return Err(AddressListFault { number: 1, reason: NetworkFault::Empty });
        }
        Ok(Self(networks))
    }

    /// Every address there is.
    #[must_use]
    pub fn everyone() -> Self {
        Self(vec![IpNet::V4(ipnet::Ipv4Net::default()), IpNet::V6(ipnet::Ipv6Net::default())])
    }

    /// Whether the address lies in one of the networks.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

impl TrustedProxies {
    /// Nobody is trusted: the TCP peer is the caller, whatever it says.
    #[must_use]
    pub const fn none() -> Self {
        Self(None)
    }

    /// Trusts these.
    #[must_use]
    pub const fn of(proxies: AddressList) -> Self {
        Self(Some(proxies))
    }

    /// Whether the word of this address counts.
    #[must_use]
    pub fn trusts(&self, address: IpAddr) -> bool {
        self.0.as_ref().is_some_and(|proxies| proxies.contains(address))
    }

    /// The caller's address: `tcp_peer`, or what a trusted one says about it in `X-Forwarded-For`.
    ///
    /// The fields are one list, the nearest hop last. It is read from there: each trusted hop is believed about the one before it, and the
    /// first that is not trusted is the caller. Where the list ends, or an entry is no address, the last hop that is known is the caller:
    /// nothing further away can be vouched for. An entry is `address`, `v4:port`, `[v6]` or `[v6]:port`.
    #[must_use]
    pub fn real_peer(&self, tcp_peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut nearest = tcp_peer.to_canonical();
        let fields = headers.get_all(X_FORWARDED_FOR);
        let mut hops = fields.iter().rev().flat_map(|field| field.as_bytes().rsplit(|byte| *byte == b','));
        while self.trusts(nearest) {
            match hops.next().and_then(hop) {
                Some(address) => nearest = address,
                None => break,
            }
        }
        nearest
    }
}

impl LimitKey {
    /// The network that an address is limited with.
    #[must_use]
    pub fn network_of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address.octets()),
            IpAddr::V6(address) => {
                let [a, b, c, d, e, f, g, h, ..] = address.octets();
                Self::V6([a, b, c, d, e, f, g, h])
            }
        }
    }
}

/// One entry of `X-Forwarded-For`.
fn hop(entry: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(entry.trim_ascii()).ok()?;
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok().map(IpAddr::V6);
    let with_port = || text.parse().ok().map(|address: SocketAddr| address.ip());
    text.parse().ok().or_else(bracketed).or_else(with_port).map(|address: IpAddr| address.to_canonical())
}

/// Stricter than ipnet's own reader: addresses as the standard library reads them, plain prefixes, nothing behind the prefix.
fn network(text: &str) -> Result<IpNet, NetworkFault> {
    if text.is_empty() {
        return Err(NetworkFault::Empty);
    }
    let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
    let address: IpAddr = address.parse().map_err(|_| NetworkFault::NoAddress)?;
    let Some(prefix) = prefix else { return Ok(IpNet::from(address.to_canonical())) };
    let no_prefix = NetworkFault::NoPrefix { most: if address.is_ipv4() { 32 } else { 128 } };
    let plain = prefix.bytes().all(|byte| byte.is_ascii_digit()) && (prefix == "0" || !prefix.starts_with('0'));
    let prefix: u8 = prefix.parse().ok().filter(|_| plain).ok_or(no_prefix)?;
    let written = IpNet::new(address, prefix).map_err(|_| no_prefix)?;
    let network = match (address.to_canonical(), prefix.checked_sub(MAPPED_BITS)) {
        (IpAddr::V4(inner), Some(prefix)) if address.is_ipv6() => {
            IpNet::new(IpAddr::V4(inner), prefix).unwrap_or(written)
        }
        _ => written,
    };
    if network != network.trunc() {
        return Err(NetworkFault::HostBits { network: network.trunc() });
    }
    Ok(network)
}

impl fmt::Display for AddressList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, network) in self.0.iter().enumerate() {
            write!(f, "{}{network}", if index == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

impl fmt::Debug for AddressList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AddressList({self})")
    }
}

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// The bits of IPv6 that stand before an IPv4 address within it. Source: RFC 4291, section 2.5.5.2.
const MAPPED_BITS: u8 = 96;

#[cfg(test)]
mod tests;
