//! The two edges: where and how callers connect, and that the upstream is neither ourselves nor in public in clear.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::parse::TlsMode;
use super::problems::{Problem, Warning};
use super::reader::Reader;
use super::{AdminListen, ListenAddress, file, is_this_machine, vars};
use crate::tls::{self, ClientCa, ServerIdentity, TlsFault};
use crate::upstream::origin::{Host, Origin, Site, is_public};

/// How callers connect.
#[derive(Debug)]
pub enum Tls {
    /// Plain HTTP, behind a load balancer that ends TLS.
    Off,
    /// TLS with this certificate and key; callers must present a certificate of these authorities, if there are any.
    With(ServerIdentity, Option<ClientCa>),
}

/// Reads the four variables and loads the files. A certificate that this process has made itself is not made again.
pub(super) fn read_tls(r: &mut Reader, listen: Option<&ListenAddress>, made: Option<&ServerIdentity>) -> Option<Tls> {
    let mode = r.read(&vars::TLS);
    let (chain, key) = (r.read(&vars::TLS_CERT_FILE), r.read(&vars::TLS_KEY_FILE));
    let callers = r.read(&vars::TLS_CLIENT_CA_FILE);
    let mode = mode?;
    match mode {
        TlsMode::On => {
            let chain = chain.and_then(|path| named(r, vars::TLS_CERT_FILE.name, path));
            let key = key.and_then(|path| named(r, vars::TLS_KEY_FILE.name, path));
            let (identity, callers) = (load(r, chain, key), load_callers(r, callers));
            Some(Tls::With(identity?, callers?))
        }
        TlsMode::SelfSigned => {
            refuse_unused_files(r, &PAIR, "self-signed");
            let what =
                "is self-signed: the payment network does not accept such a certificate, its token request fails";
            r.warn(Warning::new(vars::TLS.name, what));
            let identity = made.cloned().or_else(|| self_signed(r, listen));
            let callers = load_callers(r, callers);
            Some(Tls::With(identity?, callers?))
        }
        TlsMode::Off => {
            refuse_unused_files(r, &PAIR, "off");
            refuse_unused_files(r, &[vars::TLS_CLIENT_CA_FILE.name], "off");
            let what =
                "is off: passwords and tokens arrive as plain HTTP; only for use behind a load balancer that ends TLS";
            r.warn(Warning::new(vars::TLS.name, what));
            Some(Tls::Off)
        }
    }
}

fn named(r: &mut Reader, name: &'static str, path: Option<PathBuf>) -> Option<PathBuf> {
    if path.is_none() {
        let remedy = format!("name the PEM file, or set {}=self-signed for a trial", vars::TLS.name);
        r.problem(Problem::missing(name, remedy));
    }
    path
}

fn load(r: &mut Reader, chain: Option<PathBuf>, key: Option<PathBuf>) -> Option<ServerIdentity> {
    let mut bytes = |name: &'static str, path: &Path| match file::bytes(name, path) {
        Ok(bytes) => Some(bytes),
        Err(problem) => {
            r.problem(problem);
            None
        }
    };
    let chain_pem = chain.as_deref().and_then(|path| bytes(vars::TLS_CERT_FILE.name, path));
    let key_pem = key.as_deref().and_then(|path| bytes(vars::TLS_KEY_FILE.name, path));
    match ServerIdentity::from_pem(&chain_pem?, &key_pem?) {
        Ok(identity) => Some(identity),
        Err(fault) => {
            r.refuse(blamed(&fault), format!("cannot be used: {fault}"), "");
            None
        }
    }
}

/// `None` when a problem waits in the reader; without a file, any caller may connect.
fn load_callers(r: &mut Reader, file: Option<Option<PathBuf>>) -> Option<Option<ClientCa>> {
    let Some(path) = file? else { return Some(None) };
    let bundle = r.keep(file::bytes(vars::TLS_CLIENT_CA_FILE.name, &path).map_err(|problem| vec![problem]))?;
    match ClientCa::from_pem(&bundle) {
        Ok(callers) => Some(Some(callers)),
        Err(fault) => {
            r.refuse(blamed(&fault), format!("cannot be used: {fault}"), "");
            None
        }
    }
}

/// The variable whose file has to be mended.
fn blamed(fault: &TlsFault) -> &'static str {
    match fault {
        TlsFault::NoCertificate | TlsFault::BadCertificate => vars::TLS_CERT_FILE.name,
        TlsFault::NoKey
        | TlsFault::SeveralKeys
        | TlsFault::EncryptedKey
        | TlsFault::BadKey
        | TlsFault::UnsupportedKey
        | TlsFault::KeyMismatch => vars::TLS_KEY_FILE.name,
        TlsFault::NoClientCa | TlsFault::BadClientCa => vars::TLS_CLIENT_CA_FILE.name,
        TlsFault::NoUpstreamCa | TlsFault::BadUpstreamCa | TlsFault::NoSystemRoots => vars::UPSTREAM_CA_FILE.name,
        TlsFault::BadName | TlsFault::NotMade(_) | TlsFault::Setup(_) => vars::TLS.name,
    }
}

/// A file that is named and not used is a setting that somebody believes in.
fn refuse_unused_files(r: &mut Reader, names: &[&'static str], mode: &str) {
    for &name in names {
        if r.was_set(name) {
            let what = format!("is set, but {} is {mode}", vars::TLS.name);
            r.refuse(name, what, format!("unset it, or set {}=on", vars::TLS.name));
        }
    }
}

fn self_signed(r: &mut Reader, listen: Option<&ListenAddress>) -> Option<ServerIdentity> {
    let own = listen.map(|listen| listen.address.ip()).filter(|ip| !is_this_machine(*ip));
    let names: Vec<String> = own.iter().map(ToString::to_string).collect();
    match tls::self_signed(&names) {
        Ok(identity) => Some(identity),
        Err(fault) => {
            r.refuse(vars::TLS.name, format!("cannot be used: {fault}"), "set it to on and name two files");
            None
        }
    }
}

/// A literal public address is refused here; where a name leads to is seen when it is connected to.
pub(super) fn refuse_plain_http_in_public(r: &mut Reader, site: &Site) {
    if let Host::Address(address) = site.host()
        && is_public(*address)
    {
        let remedy =
            format!("use a private address, or set {}=true if the way there is safe", vars::UPSTREAM_INSECURE.name);
        r.refuse(vars::UPSTREAM_URL.name, "is plain HTTP to a public address", remedy);
    }
}

/// A gate that is its own upstream would forward every request until nothing is left.
pub(super) fn refuse_a_loop(r: &mut Reader, listen: &ListenAddress, origin: &Origin) {
    if leads_to(listen.address, origin) {
        let what = format!("is where the gate itself listens ({})", listen.address);
        let remedy = format!("write the API's own port, or change {}", vars::LISTEN.name);
        r.refuse(vars::UPSTREAM_URL.name, what, remedy);
    }
}

/// Callers and operators at one address: the second to be bound would find it taken, and by nobody else.
pub(super) fn refuse_one_address_for_two(r: &mut Reader, listen: &ListenAddress, admin: &AdminListen) {
    if let AdminListen::At(admin) = admin
        && overlap(listen.address, *admin)
    {
        let what = format!("is where {} listens ({})", vars::LISTEN.name, listen.address);
        r.refuse(vars::ADMIN_LISTEN.name, what, "write another port, such as 127.0.0.1:9090");
    }
}

/// Whether two listeners want the same address and port. `[::]` takes IPv4 too; port 0 is any that is free.
fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    let takes = |all: SocketAddr, one: SocketAddr| all.ip().is_unspecified() && (all.is_ipv6() || one.is_ipv4());
    let is_one_port = one.port() == other.port() && one.port() != 0;
    is_one_port && (one.ip() == other.ip() || takes(one, other) || takes(other, one))
}

/// Whether connecting to `host` and `port` on this machine reaches what listens on `listen`.
fn leads_to(listen: SocketAddr, origin: &Origin) -> bool {
    let Some(site) = origin.site().filter(|site| site.port() == listen.port()) else { return false };
    let local = listen.ip().to_canonical();
    let any = local.is_unspecified();
    match site.host() {
        Host::Name(name) => {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            (name == "localhost" || name.ends_with(".localhost")) && is_this_machine(local)
        }
        Host::Address(target) => {
            let target = target.to_canonical();
            // Whoever connects to the address "any" gets the loopback; [::] takes IPv4 too, 0.0.0.0 takes IPv4 only.
            let meets = local == target || (target.is_unspecified() && local.is_loopback());
            let takes = any && is_this_machine(target) && (local.is_ipv6() || target.is_ipv4());
            takes || (meets && local.is_ipv4() == target.is_ipv4())
        }
    }
}

const PAIR: [&str; 2] = [vars::TLS_CERT_FILE.name, vars::TLS_KEY_FILE.name];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_listeners_at_one_address_are_found() {
        for (one, other, expected) in [
            ("127.0.0.1:9", "127.0.0.1:9", true),
            ("[::]:9", "127.0.0.1:9", true),
            ("[::]:9", "[::1]:9", true),
            ("0.0.0.0:9", "127.0.0.1:9", true),
            ("[::]:9", "0.0.0.0:9", true),
            ("0.0.0.0:9", "[::1]:9", false),
            ("127.0.0.1:9", "127.0.0.2:9", false),
            ("[::]:9", "[::]:10", false),
            ("127.0.0.1:0", "127.0.0.1:0", false),
        ] {
            let address = |text: &str| text.parse::<SocketAddr>().expect("the row has an address");
            for (one, other) in [(one, other), (other, one)] {
                assert_eq!(overlap(address(one), address(other)), expected, "{one} {other}");
            }
        }
    }

    #[test]
    fn an_upstream_that_is_the_gate_itself_is_found() {
        for (listen, upstream, expected) in [
            ("[::]:8443", "http://127.0.0.1:8443", true),
            ("[::]:8443", "http://[::1]:8443", true),
            ("[::]:8443", "http://localhost:8443", true),
            ("[::]:8443", "http://LOCALHOST.:8443", true),
            ("[::]:8443", "http://0.0.0.0:8443", true),
            ("0.0.0.0:8443", "http://127.0.0.9:8443", true),
            ("127.0.0.1:8443", "http://127.0.0.1:8443", true),
            ("127.0.0.1:8443", "http://0.0.0.0:8443", true),
            ("10.0.0.5:8443", "http://10.0.0.5:8443", true),
            ("[::]:8443", "http://[::ffff:127.0.0.1]:8443", true),
            ("[::]:8443", "http://127.0.0.1:8080", false),
            ("[::]:8443", "http://api:8443", false),
            ("[::]:8443", "http://10.0.0.5:8443", false),
            ("0.0.0.0:8443", "http://[::1]:8443", false),
            ("127.0.0.1:8443", "http://127.0.0.2:8443", false),
            ("10.0.0.5:8443", "http://127.0.0.1:8443", false),
            ("127.0.0.1:0", "http://127.0.0.1:8080", false),
            ("[::]:8443", "https://localhost:8443", true),
            ("[::]:443", "https://127.0.0.1", true),
            ("[::]:8443", "https://127.0.0.1", false),
            ("[::]:8443", "unix:/run/api.sock", false),
        ] {
            let listen: SocketAddr = listen.parse().expect("the row has an address");
            let origin = Origin::parse(upstream).expect("the row has an upstream");
            assert_eq!(leads_to(listen, &origin), expected, "{listen} {upstream}");
        }
    }
}
