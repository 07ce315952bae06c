//! What callers may do, from where, and how often: the rules for everybody.

use super::problems::{Problem, Warning};
use super::reader::Reader;
use super::vars;
use crate::policy::{Everybody, limits};
use crate::rules::peer::{AddressList, TrustedProxies};
use crate::server::ProxyProtocol;

/// Reads what everybody may call, and from where.
pub(super) fn read_everybody(r: &mut Reader) -> Option<Everybody> {
    let (allow, addresses) = (r.read(&vars::ALLOW), r.read(&vars::ALLOW_ADDRESSES));
    Some(Everybody { allow: allow?, addresses: addresses?.unwrap_or_else(AddressList::everyone) })
}

/// Reads how often.
pub(super) fn read_limits(r: &mut Reader) -> Option<limits::Settings> {
    let (requests, tokens) = (r.read(&vars::CLIENT_RATE), r.read(&vars::TOKEN_RATE));
    let failures = r.read(&vars::LOGIN_FAILURES);
    Some(limits::Settings { requests: requests?, tokens: tokens?, failures: failures? })
}

/// The proxies before the gate.
#[derive(Clone)]
pub(super) struct Proxies {
    pub(super) trusted: TrustedProxies,
    pub(super) protocol: ProxyProtocol,
}

impl Proxies {
    pub(super) fn read(r: &mut Reader) -> Option<Self> {
        let (trusted, protocol) = (r.read(&vars::TRUSTED_PROXIES), r.read(&vars::PROXY_PROTOCOL));
        let (trusted_name, protocol_name) = (vars::TRUSTED_PROXIES.name, vars::PROXY_PROTOCOL.name);
        if protocol == Some(ProxyProtocol::On) && !r.was_set(trusted_name) {
            let what = format!(
                "is on, but without {trusted_name} nobody may send a PROXY header, and so nobody could connect"
            );
            r.problem(Problem::new(protocol_name, what, format!("set {trusted_name} to the networks of the proxies")));
            return None;
        }
        if trusted.iter().flatten().any(trusts_everybody) {
            let what = "has a network of everybody (/0): any caller may then claim any address";
            r.warn(Warning::new(trusted_name, what));
        }
        let trusted = trusted?.map_or_else(TrustedProxies::none, TrustedProxies::of);
        Some(Self { trusted, protocol: protocol? })
    }
}

fn trusts_everybody(proxies: &AddressList) -> bool {
    proxies.to_string().split(", ").any(|network| network.ends_with("/0"))
}
