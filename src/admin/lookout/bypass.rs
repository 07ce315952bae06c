//! Whether the upstream can be reached past the gate: it is at loopback, and its port takes connections on another address of this host.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::upstream::origin::{Host, Origin};

/// Looks for a way past the gate, every few minutes.
pub(super) struct Bypass {
    /// The upstream's port; `None` when there is nothing to look for.
    port: Option<u16>,
    looked: Option<Instant>,
    found: Option<SocketAddr>,
}

impl Bypass {
    pub(super) fn of(origin: &Origin, own_ports: Vec<u16>) -> Self {
        let site = origin.site().filter(|site| is_loopback(site.host()));
        // Where we listen ourselves, it is the gate that answers.
        let port = site.map(|site| site.port()).filter(|port| !own_ports.contains(port));
        Self { port, looked: None, found: None }
    }

    /// Tries every address of this host, if it is time to.
    pub(super) fn look(&mut self) {
        let Some(port) = self.port else { return };
        if self.looked.is_some_and(|looked| looked.elapsed() < EVERY) {
            return;
        }
        self.looked = Some(Instant::now());
        let addresses = addresses().into_iter().take(MOST_TRIED).map(|address| SocketAddr::new(address, port));
        self.found = addresses.into_iter().find(|address| TcpStream::connect_timeout(address, LONGEST).is_ok());
    }

    /// Where it was reached.
    pub(super) fn found(&self) -> Option<SocketAddr> {
        self.found
    }
}

fn is_loopback(host: &Host) -> bool {
    match host {
        Host::Address(address) => address.to_canonical().is_loopback(),
        Host::Name(name) => name.eq_ignore_ascii_case("localhost"),
    }
}

/// The addresses of this host that others could reach. Nothing where the kernel does not say.
fn addresses() -> Vec<IpAddr> {
    let text = |file: &str| fs::read_to_string(file).unwrap_or_default();
    let (v4, v6) = (text("/proc/net/fib_trie"), text("/proc/net/if_inet6"));
    let mut all: Vec<IpAddr> = of_fib_trie(&v4).into_iter().map(IpAddr::from).collect();
    all.extend(of_if_inet6(&v6).into_iter().map(IpAddr::from));
    all
}

/// `|-- ADDRESS` followed by `/32 host LOCAL`. Source: `fib_trie_seq_show` of the kernel.
fn of_fib_trie(text: &str) -> Vec<Ipv4Addr> {
    let (mut all, mut last) = (Vec::new(), None);
    for line in text.lines().map(str::trim) {
        if let Some(address) = line.strip_prefix("|-- ") {
            last = address.parse::<Ipv4Addr>().ok();
        } else if line == "/32 host LOCAL"
            && let Some(address) = last
            && !address.is_loopback()
            && !all.contains(&address)
        {
            all.push(address);
        }
    }
    all
}

/// 32 hexadecimal digits begin each line. Link-local ones need a zone to be reached, and are left out.
fn of_if_inet6(text: &str) -> Vec<Ipv6Addr> {
    let digits = text.lines().filter_map(|line| line.split_whitespace().next());
    let all = digits.filter_map(|digits| u128::from_str_radix(digits, 16).ok().map(Ipv6Addr::from));
    all.filter(|address| !address.is_loopback() && !address.is_unicast_link_local()).collect()
}

/// Between two tries.
const EVERY: Duration = Duration::from_secs(300);
/// For one address. They are this host's own, so the answer is there at once unless a firewall swallows the question.
const LONGEST: Duration = Duration::from_millis(200);
/// A host of containers may have hundreds.
const MOST_TRIED: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_lists_of_addresses_are_read() {
        let trie = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 0.0.0.0\n        /0 universe UNICAST\n\
                    Local:\n     |-- 127.0.0.1\n        /32 host LOCAL\n     |-- 10.1.2.3\n        /32 host LOCAL\n\
                    |-- 10.1.2.255\n        /32 link BROADCAST\n     |-- 10.1.2.3\n        /32 host LOCAL\n";
        assert_eq!(of_fib_trie(trie), [Ipv4Addr::new(10, 1, 2, 3)]);
        let v6 = "00000000000000000000000000000001 01 80 10 80       lo\n\
                  fe8000000000000000fc00fffe000001 04 40 20 80     eth0\n\
                  fd000000000000000000000000000002 04 40 00 82     eth0\n";
        assert_eq!(of_if_inet6(v6).iter().map(Ipv6Addr::to_string).collect::<Vec<_>>(), ["fd00::2"]);
        assert!(of_fib_trie("").is_empty() && of_if_inet6("nonsense").is_empty());
    }

    #[test]
    fn it_is_looked_for_only_before_an_upstream_at_loopback() {
        for (url, own, expected) in [
            ("http://127.0.0.1:8080", 8443, Some(8080)),
            ("http://[::1]:8080", 8443, Some(8080)),
            ("https://localhost:8081", 8443, Some(8081)),
            ("http://127.0.0.1:8443", 8443, None),
            ("http://10.0.0.5:8080", 8443, None),
            ("http://api:8080", 8443, None),
            ("unix:/run/api.sock", 8443, None),
        ] {
            let origin = Origin::parse(url).expect("a good URL");
            assert_eq!(Bypass::of(&origin, vec![own]).port, expected, "{url}");
        }
    }
}
