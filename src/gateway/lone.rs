//! Notices that all requests come from one private address: most likely a proxy that nobody has named.
//!
//! Then every caller has the proxy's address, in the log, in address rules and in limits, and one attacker is held for all.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::log::{Level, Log};
use crate::rules::peer::TrustedProxies;
use crate::upstream::origin::is_public;

/// Watches where requests come from, until it is known whether one address is all there is. One for the whole process.
#[derive(Debug)]
pub struct LonePeer {
    log: Log,
    settled: AtomicBool,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    peer: Option<IpAddr>,
    requests: u32,
}

impl LonePeer {
    /// Watches, unless an operator has thought of proxies already.
    #[must_use]
    pub fn watching(proxies: &TrustedProxies, log: Log) -> Self {
        let settled = AtomicBool::new(*proxies != TrustedProxies::none());
        Self { log, settled, seen: Mutex::default() }
    }

    /// Takes note of a request from `peer`, and warns once, when it is clear that there is nobody else. This machine itself is nobody.
    pub(super) fn see(&self, peer: IpAddr) {
        if self.settled.load(Ordering::Relaxed) || peer.is_loopback() {
            return;
        }
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let is_alone = !is_public(peer) && *seen.peer.get_or_insert(peer) == peer;
        seen.requests += 1;
        let is_clear = seen.requests >= ENOUGH;
        if is_alone && !is_clear {
            return;
        }
        // Under the lock: of two workers, one warns.
        if !self.settled.swap(true, Ordering::Relaxed) && is_alone {
            self.log.line(Level::Warn, WARNING).field("peer", peer).field("requests", seen.requests).write();
        }
    }
}

/// So many requests from one address and none from another are no chance.
const ENOUGH: u32 = 20;

const WARNING: &str = "all requests come from one private address, most likely a proxy: limits, address rules and the log take every caller \
     for it; set BEARERGATE_TRUSTED_PROXIES to its network, if it sends X-Forwarded-For";

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::log::{Format, Settings};
    use crate::rules::peer::AddressList;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// How often it warns of these peers, each of which comes so many times.
    fn warnings(proxies: &TrustedProxies, peers: &[(&str, u32)]) -> usize {
        let lines = Lines::default();
        let log = Log::to(Settings { level: Level::Warn, format: Format::Json }, lines.clone());
        let lone = LonePeer::watching(proxies, log.clone());
        for (peer, times) in peers {
            (0..*times).for_each(|_| lone.see(peer.parse().unwrap()));
        }
        log.flush(Duration::from_secs(20));
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        text.matches("BEARERGATE_TRUSTED_PROXIES").count()
    }

    #[test]
    fn one_private_address_and_no_other_is_warned_of_once() {
        for (peers, expected) in [
            (&[("10.0.0.1", 19)][..], 0),
            (&[("10.0.0.1", 20)], 1),
            (&[("10.0.0.1", 500)], 1),
            (&[("192.168.7.7", 20)], 1),
            (&[("172.17.0.1", 20)], 1),
            (&[("100.64.0.1", 20)], 1),
            (&[("169.254.1.1", 20)], 1),
            (&[("fd00::1", 20)], 1),
            (&[("fe80::1", 20)], 1),
            (&[("10.0.0.1", 10), ("127.0.0.1", 5), ("::1", 5), ("10.0.0.1", 10)], 1),
            (&[("127.0.0.1", 500)], 0),
            (&[("127.0.0.1", 19), ("10.0.0.1", 1)], 0),
            (&[("::1", 500)], 0),
            (&[("203.0.113.7", 500)], 0),
            (&[("2a00::1", 500)], 0),
            (&[("203.0.113.7", 1), ("10.0.0.1", 500)], 0),
            (&[("10.0.0.1", 19), ("10.0.0.2", 500)], 0),
            (&[("10.0.0.1", 1), ("10.0.0.2", 1), ("10.0.0.1", 500)], 0),
            (&[("10.0.0.1", 20), ("10.0.0.2", 20)], 1),
        ] {
            assert_eq!(warnings(&TrustedProxies::none(), peers), expected, "{peers:?}");
        }
    }

    #[test]
    fn who_has_named_a_proxy_is_not_warned() {
        let proxies = TrustedProxies::of(AddressList::parse("10.0.0.0/8").unwrap());
        assert_eq!(warnings(&proxies, &[("172.17.0.1", 500)]), 0);
    }
}
