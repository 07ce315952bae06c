//! `bearergate run`: serve until told to stop.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{Exit, read_config, report, say};
use crate::app::{self, Nudge, Outside};
use crate::clock::Clock;
use crate::config::Config;
use crate::log::{Level, Log};
use crate::manager::Manager;
use crate::phase::{Order, Ratchet, ratchet};

pub(super) fn run() -> Exit {
    with_runtime(async {
        // Before anything else: a process with number 1 that has no handler ignores SIGTERM.
        let signals = Signals::install()?;
        let config = match read_config() {
            Ok(config) => config,
            Err(problems) => return Ok(report(&problems)),
        };
        let log = Log::to(config.log, io::stdout());
        Ok(serve(config, log, signals, |_| {}).await)
    })
}

/// Runs a command that waits, and says why where it could not even begin.
pub(super) fn with_runtime(command: impl Future<Output = io::Result<Exit>>) -> Exit {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.and_then(|runtime| runtime.block_on(command)).unwrap_or_else(|error| {
        say(&format!("bearergate: cannot start: {error}"));
        Exit::Failed
    })
}

/// The signals that end a server (SIGTERM, SIGINT), drain it (SIGUSR1), and make it look at its files (SIGHUP).
pub(super) struct Signals {
    hang_up: Signal,
    user_1: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Takes the signals over; from now on they wait instead of ending the process.
    pub(super) fn install() -> io::Result<Self> {
        Ok(Self {
            hang_up: signal(SignalKind::hangup())?,
            user_1: signal(SignalKind::user_defined1())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Makes orders of signals. Who presses Ctrl-C at a terminal has no load balancer to wait for; who asks twice does not want to wait at all.
    async fn heed(mut self, nudge: &Nudge, orders: &Ratchet<Order>) -> Infallible {
        let mut again = None;
        loop {
            let order = tokio::select! {
                _ = self.terminate.recv() => again.replace(Order::Cut).unwrap_or(Order::Stop),
                _ = self.interrupt.recv() => again.replace(Order::Cut).unwrap_or(Order::StopAtOnce),
                _ = self.user_1.recv() => Order::Drain,
                _ = self.hang_up.recv() => {
                    nudge.now();
                    continue;
                }
            };
            orders.advance(order);
        }
    }
}

/// Where a server is reached, with the ports that it has got.
#[derive(Clone, Copy)]
pub(super) struct Addresses {
    pub(super) callers: SocketAddr,
    pub(super) admin: Option<SocketAddr>,
}

/// Binds, says so, and serves until a signal comes and what runs has finished.
pub(super) async fn serve(config: Config, log: Log, signals: Signals, bound: impl FnOnce(Addresses)) -> Exit {
    let listeners = match app::bind(&config) {
        Ok(listeners) => listeners,
        Err(fault) => {
            say(&format!("bearergate: {fault}"));
            return Exit::Failed;
        }
    };
    let address = |listener: &std::net::TcpListener| listener.local_addr().ok();
    let Some(callers) = listeners.callers.first().and_then(address) else { return Exit::Failed };
    let addresses = Addresses { callers, admin: listeners.admin.as_ref().and_then(address) };
    announce(&config, &log, addresses);
    bound(addresses);
    let (nudge, nudges) = app::nudge();
    let manager = Manager::of_environment(log.clone());
    let outside = Outside { clock: Clock::system(), log: log.clone(), nudges, manager };
    let (ratchet, orders) = ratchet(Order::Serve);
    let ended = tokio::select! {
        ended = app::serve(config, listeners, outside, orders) => ended,
        never = signals.heed(&nudge, &ratchet) => match never {},
    };
    let exit = match ended {
        Ok(ended) if ended.cut == 0 => {
            log.line(Level::Info, "stopped").write();
            Exit::Done
        }
        Ok(ended) => {
            let line = log.line(Level::Error, CUT);
            line.field("cut", ended.cut).write();
            Exit::Failed
        }
        Err(fault) => {
            say(&format!("bearergate: {fault}"));
            log.line(Level::Error, "stopped").field("error", fault.to_string()).write();
            Exit::Failed
        }
    };
    log.flush(LAST_WORDS);
    exit
}

/// The first line of a log: what is served, and by which settings. A setting never holds a secret.
fn announce(config: &Config, log: &Log, addresses: Addresses) {
    for warning in &config.warnings {
        log.line(Level::Warn, &warning.to_string()).write();
    }
    let settings: BTreeMap<_, _> = config.settings.iter().map(|setting| (setting.name, &setting.value)).collect();
    log.line(Level::Info, "serving")
        .field("version", env!("CARGO_PKG_VERSION"))
        .field("address", addresses.callers)
        .maybe("admin", addresses.admin)
        .field("upstream", config.upstream.way.origin().to_string())
        .field("workers", config.server.workers)
        .field("settings", settings)
        .write();
}

const CUT: &str =
    "stopped, but requests had to be cut; raise BEARERGATE_DRAIN_TIMEOUT, or give it the time before a second signal";
/// How long a slow log may hold up the end.
const LAST_WORDS: Duration = Duration::from_secs(1);
