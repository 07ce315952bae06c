//! Builds the parts, ties their lives together, and serves until told to stop.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::LocalSet;

use crate::admin::{self, Admin, Lookout};
use crate::clock::Clock;
use crate::config::{self, AdminListen, Config, Source};
use crate::gate::{self, Gate};
use crate::gateway::{self, Gateway, LonePeer};
use crate::issue::{self, Issuer};
use crate::journal::{self, Journal};
use crate::live::Live;
use crate::log::Log;
use crate::manager::Manager;
use crate::metrics::{Metrics, Seat};
use crate::phase::{Order, Phase, Watch, ratchet};
use crate::policy::limits::Limits;
use crate::reload;
use crate::server::{self, LiveTls, Shared};
use crate::tls;
use crate::upstream::probe::Probe;
use crate::upstream::{self, AuthorizationPolicy, Upstream};

mod departure;
mod parts;
mod telling;

use departure::Departure;
use parts::{Part, Place};
use telling::{Hand, Telling, Workers};

/// What the process lends to [`serve`].
#[derive(Debug)]
pub struct Outside {
    /// The time by which tokens are judged.
    pub clock: Clock,
    /// Where lines of log go.
    pub log: Log,
    /// When to look at the files at once.
    pub nudges: Nudges,
    /// Who wants to hear how it goes.
    pub manager: Manager,
}

/// Makes a server look at its files at once.
#[derive(Clone, Debug)]
pub struct Nudge(mpsc::Sender<()>);

/// What a [`Nudge`] is heard with. The files are watched for as long as there is a nudge.
#[derive(Debug)]
pub struct Nudges(mpsc::Receiver<()>);

/// A way to make a server look at its files at once.
#[must_use]
pub fn nudge() -> (Nudge, Nudges) {
    let (sender, receiver) = mpsc::channel();
    (Nudge(sender), Nudges(receiver))
}

impl Nudge {
    /// Look now. A server that has ended does not hear it.
    pub fn now(&self) {
        let _ = self.0.send(());
    }
}

/// How a server ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Requests in flight that had to be cut.
    pub cut: usize,
}

/// Why a server could not serve.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The TLS settings were refused.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] tls::TlsFault),
    /// A worker thread could not be started.
    #[error("a worker thread cannot be started")]
    Thread(#[source] io::Error),
    /// A worker came to an end on its own.
    #[error("a worker thread has died; the others cannot stand in for it")]
    WorkerDied,
}

/// Where a server is reached.
#[derive(Debug)]
pub struct Listeners {
    /// By callers: one for each worker.
    pub callers: Vec<TcpListener>,
    /// By those who run it.
    pub admin: Option<TcpListener>,
}

/// Why an address cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum BindFault {
    /// The one for callers.
    #[error("BEARERGATE_LISTEN: cannot listen on {0}: {1}; free the port or choose another")]
    Callers(SocketAddr, #[source] io::Error),
    /// The one for those who run it.
    #[error(
        "BEARERGATE_ADMIN_LISTEN: cannot listen on {0}: {1}; free the port, choose another, or set it to off to do without \
         metrics and health"
    )]
    Admin(SocketAddr, #[source] io::Error),
}

/// Opens the listeners that the configuration asks for.
///
/// # Errors
/// An address cannot be had, for example because somebody listens there already.
pub fn bind(config: &Config) -> Result<Listeners, BindFault> {
    let bound = server::bind(config.listen.address, config.server.workers);
    let callers = match config.listen.fallback {
        Some(fallback) if bound.as_ref().is_err_and(has_no_ipv6) => server::bind(fallback, config.server.workers),
        _ => bound,
    };
    let callers = callers.map_err(|error| BindFault::Callers(config.listen.address, error))?;
    let admin = match config.admin_listen {
        AdminListen::Off => None,
        AdminListen::At(address) => Some(TcpListener::bind(address).map_err(|error| BindFault::Admin(address, error))?),
    };
    Ok(Listeners { callers, admin })
}

/// True when somebody listens on `address` already.
#[must_use]
pub fn is_taken(address: SocketAddr) -> bool {
    server::bind(address, NonZeroUsize::MIN).is_err()
}

/// `EAFNOSUPPORT` and `EADDRNOTAVAIL`: there is no IPv6 on this host.
fn has_no_ipv6(error: &io::Error) -> bool {
    const EAFNOSUPPORT: i32 = 97;
    error.raw_os_error() == Some(EAFNOSUPPORT) || error.kind() == io::ErrorKind::AddrNotAvailable
}

/// Serves on these listeners until it is ordered to end, then finishes what runs.
///
/// # Errors
/// The parts could not be built, or a worker died.
pub async fn serve(
    config: Config,
    listeners: Listeners,
    outside: Outside,
    orders: Watch<Order>,
) -> Result<Ended, Fault> {
    let Outside { clock, log, nudges, manager } = outside;
    let (metrics, seats) = Metrics::new(listeners.callers.len());
    let (ratchet, phase) = ratchet(Phase::Serving);
    let (delay, longest) =
        (config.drain_delay, config.drain_delay.saturating_add(config.server.drain_timeout).saturating_add(LAST_STEPS));
    let (parts, watched, shown) = build(config, &clock, &log, &metrics, phase.clone())?;
    let (files, told) = (log.clone(), manager.clone());
    let watching = move || reload::watch(watched, &nudges.0, &metrics, &files, &told);
    thread::Builder::new().name("reload".into()).spawn(watching).map_err(Fault::Thread)?;
    let own_ports =
        listeners.callers.iter().chain(&listeners.admin).filter_map(|own| Some(own.local_addr().ok()?.port()));
    let lookout = Lookout::start(Arc::clone(&shown), own_ports.collect()).map_err(Fault::Thread)?;
    let admin = listeners.admin.map(|listener| Admin::start(listener, shown)).transpose().map_err(Fault::Thread)?;
    let (mut workers, mut seen) = (Vec::new(), Workers::default());
    for (index, (listener, seat)) in listeners.callers.into_iter().zip(seats).enumerate() {
        workers.push(spawn(index, listener, parts.clone(), seat, phase.clone(), seen.enrol(&manager))?);
    }
    let telling = Telling { manager, orders: orders.clone(), longest, workers: seen };
    let departure = Departure { orders, phase: ratchet, delay, log };
    let ended = tokio::select! {
        // First, so that an end that comes at once is told.
        biased;
        never = telling.go_on() => match never {},
        ended = until_it_ends(departure, workers) => ended?,
    };
    // Until here it says that we are not ready.
    drop((admin, lookout));
    Ok(ended)
}

/// Waits for the order to leave, and then until what runs has finished.
async fn until_it_ends(departure: Departure, mut workers: Vec<oneshot::Receiver<usize>>) -> Result<Ended, Fault> {
    tokio::select! {
        () = departure.leave() => {}
        () = first_to_end(&mut workers) => return Err(Fault::WorkerDied),
    }
    let ended = tokio::select! {
        ended = all_to_end(workers) => ended?,
        never = departure.hurry() => match never {},
    };
    departure.stay().await;
    Ok(ended)
}

/// What every worker gets a share of.
#[derive(Clone)]
struct Parts {
    shared: Shared,
    tls: LiveTls,
    authorization: Arc<Live<AuthorizationPolicy>>,
    gateway: gateway::Settings,
    gate: Arc<Gate>,
    issuer: Arc<Issuer>,
    journal: Arc<journal::Shared>,
    lone: Arc<LonePeer>,
    upstream: Arc<upstream::Settings>,
}

/// Builds the parts, and says which of them can be loaded again.
fn build(
    config: Config,
    clock: &Clock,
    log: &Log,
    metrics: &Arc<Metrics>,
    phase: Watch<Phase>,
) -> Result<(Parts, Vec<Part>, Arc<admin::Shown>), Fault> {
    let clients = Live::new(config.clients);
    let keys = Live::new(config.keys);
    let authorization = Live::new(config.upstream.authorization.clone());
    let tls: LiveTls = parts::ending(config.tls)?.map(Live::new);
    let limits = Arc::new(Limits::new(config.limits));
    let issuing = issue::Settings {
        addresses: config.everybody.addresses.clone(),
        body_timeout: config.server.body_timeout,
        hashing: config.hashing,
    };
    let rules = gate::Rules {
        everybody: config.everybody,
        base_paths: config.gateway.base_paths.clone(),
        strip: config.strip_base_path,
    };
    let (issuer_limits, issuer_clock) = (Arc::clone(&limits), clock.clone());
    let counting = Arc::clone(metrics);
    let issuer = Issuer::new(Arc::clone(&clients), Arc::clone(&keys), issuer_limits, issuer_clock, counting, issuing);
    let issuer = Arc::new(issuer);
    let gate = Gate::new(Arc::clone(&clients), Arc::clone(&keys), limits, clock.clone(), rules);
    let files = Arc::new(config.reloadable);
    let upstream = Arc::new(config.upstream);
    let journal = journal::Shared::new(log.clone(), config.journal);
    let shown = admin::Shown {
        metrics: Arc::clone(metrics),
        clients: Arc::clone(&clients),
        keys: Arc::clone(&keys),
        tls: tls.clone(),
        issuer: Arc::clone(&issuer),
        upstream: Probe::of(Arc::clone(&upstream)),
        journal: Arc::clone(&journal),
        max_connections: config.server.max_connections,
        settings: config.settings.into_iter().map(shown_setting).collect(),
        is_draining: Box::new(move || phase.now() > Phase::Serving),
        clock: clock.clone(),
        log: log.clone(),
    };
    let places = [
        tls.clone().map(Place::Tls),
        Some(Place::Keys(keys, clock.clone())),
        Some(Place::Clients(clients)),
        Some(Place::Authorization(Arc::clone(&authorization))),
        upstream.way.trust().cloned().map(Place::Trust),
    ];
    let watched = places.into_iter().flatten().filter_map(|place| Part::watched(&files, place)).collect();
    let parts = Parts {
        shared: Shared::new(config.server, log.clone()),
        tls,
        authorization,
        lone: Arc::new(LonePeer::watching(&config.gateway.proxies, log.clone())),
        gateway: config.gateway,
        gate: Arc::new(gate),
        issuer,
        journal,
        upstream,
    };
    Ok((parts, watched, Arc::new(shown)))
}

fn shown_setting(setting: config::Setting) -> admin::Setting {
    let config::Setting { name, value, source } = setting;
    admin::Setting { name, value, is_default: source == Source::Default }
}

/// Waits until one of the workers ends, which none does before it is told to.
async fn first_to_end(workers: &mut [oneshot::Receiver<usize>]) {
    std::future::poll_fn(|cx| {
        let ended = workers.iter_mut().any(|worker| std::pin::Pin::new(worker).poll(cx).is_ready());
        if ended { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}

async fn all_to_end(workers: Vec<oneshot::Receiver<usize>>) -> Result<Ended, Fault> {
    let mut cut = 0;
    for worker in workers {
        cut += worker.await.map_err(|_| Fault::WorkerDied)?;
    }
    Ok(Ended { cut })
}

fn spawn(
    index: usize,
    listener: TcpListener,
    parts: Parts,
    seat: Seat,
    phase: Watch<Phase>,
    hand: Hand,
) -> Result<oneshot::Receiver<usize>, Fault> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(MOST_BLOCKING).build();
    let runtime = runtime.map_err(Fault::Thread)?;
    let (tell, told) = oneshot::channel();
    let work = move || {
        let Parts { shared, tls, authorization, gateway, gate, issuer, journal, lone, upstream } = parts;
        let serving = async move {
            let (upstream, tally) = (Upstream::new(upstream, authorization), seat.take());
            let gateway = Gateway::new(gateway, gate, issuer, Journal::of(journal, tally.clone()), lone, upstream);
            tokio::select! {
                served = server::serve(listener, index, shared, gateway, tls, tally, phase) => served,
                never = hand.turn() => match never {},
            }
        };
        // What had to be cut is dropped with the set, and writes its lines of log before anybody hears that this worker is done.
        let served = LocalSet::new().block_on(&runtime, serving);
        if let Ok(cut) = served {
            // The receiver is gone only when the whole server is.
            let _ = tell.send(cut);
        }
        runtime.shutdown_background();
    };
    thread::Builder::new().name(format!("{WORKER_THREAD}{index}")).spawn(work).map_err(Fault::Thread)?;
    Ok(told)
}

/// How the threads are called that serve callers. They end when nothing is in flight any more, which `bearergate drain` sees from outside.
pub const WORKER_THREAD: &str = "worker-";
/// Between the last answer and the end of the process: lines of log, and threads that notice.
const LAST_STEPS: Duration = Duration::from_secs(5);
/// Threads a worker may use for hashing passwords and resolving names.
const MOST_BLOCKING: usize = 8;
