//! Everything that variables and the files they name decide, read once and found good, or a report of every problem.
//!
//! [`Config::from_vars`] asks neither the environment nor the machine: both are handed in. The table of variables is [`vars`];
//! what each setting is good for is said where it is used, in the `Settings` of its module.

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::sync::Arc;

use crate::auth::keyring::KeyRing;
use crate::gate::StripBasePath;
use crate::policy::{Clients, Everybody, limits};
use crate::{gateway, journal, log, server};

mod callers;
mod client;
mod clients;
mod clients_file;
mod drain;
mod edge;
mod file;
mod keys;
mod machine;
mod parse;
mod problems;
mod reader;
mod reloadable;
#[cfg(test)]
mod tests;
mod unknown;
mod upstream;
mod variable;
pub mod vars;

pub(crate) use client::{Unsendable, check_sendable, is_short};
pub use clients::ClientSummary;
pub use drain::longest_drain;
pub use edge::Tls;
pub use machine::Machine;
pub use problems::{Problem, Problems, Warning};
pub use reader::{Setting, Source, Vars};
pub use reloadable::Reloadable;

use callers::Proxies;
use clients::Roster;
use reader::Reader;

/// A configuration that is good as a whole. Only [`Config::from_vars`] makes one.
#[derive(Debug)]
pub struct Config {
    /// Where callers connect.
    pub listen: ListenAddress,
    /// Where those who run the gate connect.
    pub admin_listen: AdminListen,
    /// How callers connect.
    pub tls: Tls,
    /// Who may call, and what each may do.
    pub clients: Clients,
    /// What people may know of each, in the order of the clients file.
    pub client_summaries: Vec<ClientSummary>,
    /// What holds for every client.
    pub everybody: Everybody,
    /// How often.
    pub limits: limits::Settings,
    /// What signs and verifies tokens.
    pub keys: KeyRing,
    /// For forwarding.
    pub upstream: crate::upstream::Settings,
    /// For connections and workers.
    pub server: server::Settings,
    /// How long callers are served after the order to stop.
    pub drain_delay: std::time::Duration,
    /// For telling the token endpoint from the rest.
    pub gateway: gateway::Settings,
    /// Whether the upstream sees the base path.
    pub strip_base_path: StripBasePath,
    /// How many chosen passwords are hashed at a time.
    pub hashing: usize,
    /// For what is logged of a request.
    pub journal: journal::Settings,
    /// For how it is logged.
    pub log: log::Settings,
    /// What is allowed and seldom meant.
    pub warnings: Vec<Warning>,
    /// What can be loaded again.
    pub reloadable: Reloadable,
    /// Every variable of [`vars::TABLE`] with what it came to, in its order.
    pub settings: Vec<Setting>,
}

/// Where callers connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListenAddress {
    /// The address to bind; `[::]` takes IPv4 too.
    pub address: SocketAddr,
    /// What to bind where the machine has no IPv6; only when nobody chose the address.
    pub fallback: Option<SocketAddr>,
}

/// Where those who run the gate connect: health, metrics, status page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdminListen {
    /// Nowhere.
    Off,
    /// At this address.
    At(SocketAddr),
}

impl AdminListen {
    /// Reads this one variable as [`Config::from_vars`] does, and nothing else: for a probe that must be quick.
    ///
    /// # Errors
    /// What is wrong with it, and the remedy.
    pub fn read_alone(environment: impl IntoIterator<Item = (OsString, OsString)>) -> Result<Self, Problem> {
        let only = environment.into_iter().filter(|(name, _)| name == vars::ADMIN_LISTEN.name);
        Reader::new(Arc::new(Vars::from_pairs(only))).try_read(&vars::ADMIN_LISTEN)
    }
}

impl Default for ListenAddress {
    fn default() -> Self {
        Self {
            address: SocketAddr::from((Ipv6Addr::UNSPECIFIED, DEFAULT_PORT)),
            fallback: Some(SocketAddr::from((Ipv4Addr::UNSPECIFIED, DEFAULT_PORT))),
        }
    }
}

impl Config {
    /// Reads every variable, loads every file they name and judges them together.
    ///
    /// # Errors
    /// Every problem there is, together; none shows a secret.
    pub fn from_vars(vars: Vars, machine: &Machine) -> Result<Self, Problems> {
        let vars = Arc::new(vars);
        let mut reader = Reader::new(Arc::clone(&vars));
        let parts = Parts::read(&mut reader, machine);
        let read = reader.finish(parts)?;
        let parts = read.parts;
        Ok(Self {
            reloadable: Reloadable::new(vars, machine, &parts.tls, &read.settings),
            listen: parts.listen,
            admin_listen: parts.admin_listen,
            tls: parts.tls,
            clients: parts.roster.clients,
            client_summaries: parts.roster.summaries,
            everybody: parts.everybody,
            limits: parts.limits,
            keys: parts.keys,
            upstream: parts.upstream,
            server: parts.server,
            drain_delay: parts.drain_delay,
            gateway: parts.gateway,
            strip_base_path: parts.strip_base_path,
            hashing: machine.hashing(),
            journal: parts.journal,
            log: parts.log,
            warnings: read.warnings,
            settings: read.settings,
        })
    }
}

/// What is known before the last variable is read.
struct Parts {
    listen: ListenAddress,
    admin_listen: AdminListen,
    tls: Tls,
    roster: Roster,
    everybody: Everybody,
    limits: limits::Settings,
    keys: KeyRing,
    upstream: crate::upstream::Settings,
    server: server::Settings,
    drain_delay: std::time::Duration,
    gateway: gateway::Settings,
    strip_base_path: StripBasePath,
    journal: journal::Settings,
    log: log::Settings,
}

impl Parts {
    fn read(r: &mut Reader, machine: &Machine) -> Option<Self> {
        let bodies = BodyLimits::read(r);
        let upstream = upstream::read(r, bodies.as_ref());
        let listen = r.read(&vars::LISTEN).map(Option::unwrap_or_default);
        r.worked_out(vars::LISTEN.name, ListenAddress::default().address);
        let admin_listen = r.read(&vars::ADMIN_LISTEN);
        if let (Some(listen), Some(upstream)) = (&listen, &upstream) {
            edge::refuse_a_loop(r, listen, &upstream.way.origin());
        }
        if let (Some(listen), Some(admin)) = (&listen, &admin_listen) {
            edge::refuse_one_address_for_two(r, listen, admin);
        }
        let proxies = Proxies::read(r);
        let (gateway, strip_base_path) = (read_gateway(r, proxies.clone()), r.read(&vars::STRIP_BASE_PATH));
        let tls = edge::read_tls(r, listen.as_ref(), None);
        let (roster, keys) = (Roster::read(r), keys::read(r, machine.unix_now));
        let (everybody, limits) = (callers::read_everybody(r), callers::read_limits(r));
        let (server, drain_delay) = (read_server(r, bodies.as_ref(), proxies, machine), r.read(&vars::DRAIN_DELAY));
        let (log, journal) = (read_log(r, machine), read_journal(r));
        Some(Self {
            listen: listen?,
            admin_listen: admin_listen?,
            tls: tls?,
            roster: roster?,
            everybody: everybody?,
            limits: limits?,
            keys: keys?,
            upstream: upstream?,
            server: server?,
            drain_delay: drain_delay?,
            gateway: gateway?,
            strip_base_path: strip_base_path?,
            journal: journal?,
            log: log?,
        })
    }
}

/// What several modules need to know about bodies.
struct BodyLimits {
    timeout: std::time::Duration,
    max_bytes: u64,
}

impl BodyLimits {
    fn read(r: &mut Reader) -> Option<Self> {
        let (timeout, largest) = (r.read(&vars::BODY_TIMEOUT), r.read(&vars::MAX_BODY));
        Some(Self { timeout: timeout?, max_bytes: largest?.bytes() })
    }
}

fn read_gateway(r: &mut Reader, proxies: Option<Proxies>) -> Option<gateway::Settings> {
    let (base_paths, token_path) = (r.read(&vars::BASE_PATH), r.read(&vars::TOKEN_PATH));
    Some(gateway::Settings { base_paths: base_paths?, token_path: token_path?, proxies: proxies?.trusted })
}

fn read_server(
    r: &mut Reader,
    body: Option<&BodyLimits>,
    proxies: Option<Proxies>,
    machine: &Machine,
) -> Option<server::Settings> {
    let (handshake, head) = (r.read(&vars::HANDSHAKE_TIMEOUT), r.read(&vars::HEADER_TIMEOUT));
    let (idle, drain) = (r.read(&vars::IDLE_TIMEOUT), r.read(&vars::DRAIN_TIMEOUT));
    let max_head = r.read(&vars::MAX_HEADERS);
    let (max_connections, workers) = (r.read(&vars::MAX_CONNECTIONS), r.read(&vars::WORKERS));

    let max_connections = max_connections.map(|chosen| chosen.unwrap_or_else(|| default_max_connections(machine)));
    if let (Some(most), Some(descriptors)) = (max_connections, machine.descriptors)
        && most.get() as u64 > descriptors
    {
        let what = format!("is {most}, but this process may open no more than {descriptors} files and sockets");
        r.warn(Warning::new(vars::MAX_CONNECTIONS.name, what));
    }
    let workers = workers.map(|chosen| chosen.unwrap_or(machine.cpus.min(MOST_DEFAULT_WORKERS)));
    for (name, number) in [(vars::MAX_CONNECTIONS.name, max_connections), (vars::WORKERS.name, workers)] {
        number.into_iter().for_each(|number| r.worked_out(name, number));
    }
    let proxies = proxies?;
    Some(server::Settings {
        handshake_timeout: handshake?,
        header_timeout: head?,
        body_timeout: body?.timeout,
        idle_timeout: idle?,
        drain_timeout: drain?,
        max_head: usize::try_from(max_head?.bytes()).unwrap_or(usize::MAX),
        max_connections: max_connections?.get(),
        workers: workers?,
        proxy_protocol: proxies.protocol,
        proxies: proxies.trusted,
    })
}

/// Half of what the machine grants, in memory and in descriptors, up to 10000.
fn default_max_connections(machine: &Machine) -> NonZeroUsize {
    let by_memory = machine.memory_limit.map(|limit| limit / 2 / CONNECTION_BYTES);
    let by_descriptors = machine.descriptors.map(|limit| limit / 2);
    let most = [by_memory, by_descriptors].into_iter().flatten().fold(10_000, u64::min);
    usize::try_from(most).ok().and_then(NonZeroUsize::new).unwrap_or(NonZeroUsize::MIN)
}

fn read_log(r: &mut Reader, machine: &Machine) -> Option<log::Settings> {
    let (level, format) = (r.read(&vars::LOG_LEVEL), r.read(&vars::LOG_FORMAT));
    let format = format?.unwrap_or(if machine.terminal { log::Format::Text } else { log::Format::Json });
    r.worked_out(vars::LOG_FORMAT.name, format.name());
    Some(log::Settings { level: level?, format })
}

fn read_journal(r: &mut Reader) -> Option<journal::Settings> {
    let (access_log, references) = (r.read(&vars::ACCESS_LOG), r.read(&vars::LOG_REFERENCE));
    Some(journal::Settings { access_log: access_log?, references: references? })
}

/// Whether an address is one that every machine calls its own.
fn is_this_machine(address: IpAddr) -> bool {
    address.is_loopback() || address.is_unspecified()
}

const DEFAULT_PORT: u16 = 8443;

/// What a connection is reckoned to need. Source: contract, section 4; a prototype needed 24 KB when idle.
const CONNECTION_BYTES: u64 = 32 << 10;

/// The most that `WORKERS` takes.
const MOST_DEFAULT_WORKERS: NonZeroUsize = NonZeroUsize::new(1024).expect("1024 is not zero");
