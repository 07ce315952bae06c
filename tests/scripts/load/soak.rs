//! Payments for minutes or hours while everything around the program fails: the upstream, the files, other callers.

use std::cell::Cell;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinSet, spawn_local};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};

use crate::Verdict;
use crate::caller::{Caller, Tls};
use crate::certificates::{self, Pair};
use crate::peers::{Kind, Peers};
use crate::program::Program;

mod files;
mod fragile;
mod ledger;
mod mischief;
mod payers;

use files::Files;
use fragile::Fragile;
use ledger::Ledger;
use mischief::Mischief;
use payers::Network;

/// Prints every minute what the program takes and what has been paid; bad when it leaks, a payment was sent twice by it or was lost, a request that
/// it should have refused reached the upstream, or it does not end as it should.
pub(crate) async fn run(program: PathBuf, minutes: u64) -> io::Result<Verdict> {
    let folder = tempfile::tempdir()?;
    let pairs = certificates::write(folder.path())?;
    let tls = Tls::trusting(&folder.path().join("ca.pem"))?;
    let ledger = Rc::new(Ledger::default());
    let upstream = Fragile::start(Rc::clone(&ledger)).await?;
    let files = Files::write(folder.path(), pairs)?;
    let program = Rc::new(start(&program, &upstream, &files)?);
    let token = Caller::connect(program.address(), Some(&tls)).await?.token(files::USERNAME, files::PASSWORD).await?;
    // That connection has gone by then.
    sleep(SECOND).await;
    let at_rest = program.descriptors()?;
    let scene = Scene {
        network: Network::new(program.address(), tls.clone(), Rc::clone(&ledger)),
        peers: Arc::new(Peers::new(program.address(), tls.clone(), token.clone())),
        mischief: Mischief::new(program.address(), tls, token),
        ended: Rc::default(),
    };
    let (network, ended) = (Rc::clone(&scene.network), Rc::clone(&scene.ended));
    let paying = spawn_local(async move { network.pay_until(&ended).await });
    let mut trouble = scene.begin(&program, upstream, files);
    let memory = watch(&program, minutes, &ledger, &scene).await?;

    scene.ended.set(true);
    scene.peers.end();
    // The one that is about to be begun belongs to the count too.
    paying.await.map_err(io::Error::other)?;
    scene.network.finish().await;
    trouble.abort_all();
    scene.peers.print();
    let left = settle(&program, at_rest).await?;
    println!("descriptors at rest: {at_rest} before, {left} after; resident {} KiB", program.resident_kib()?);
    let (before, after) = (memory.first, memory.last);
    let grown = (after as f64 / before as f64 - 1.0) * 100.0;
    println!(
        "resident in minute {}: {before} KiB, in the last: {after} KiB; {grown:+.1} %, allowed are +{MOST_GROWN} %",
        memory.of
    );
    drop(trouble);
    let code =
        Rc::into_inner(program).ok_or_else(|| io::Error::other("somebody still uses the program"))?.stop().await?;
    println!("SIGTERM: exit code {code}");
    // Last of all: the upstream may hear something until the program has ended.
    ledger.print();
    let promises = [
        ("no payment sent twice, lost or left unanswered", ledger.is_clean()),
        ("no memory lost", grown <= MOST_GROWN),
        ("no descriptor left open", left <= at_rest + SLACK),
        ("an orderly end", code == 0),
    ];
    for (promise, is_kept) in promises {
        println!("{promise}: {}", if is_kept { "ok" } else { "NOT SO" });
    }
    Ok(Verdict::of(promises.iter().all(|(_, is_kept)| *is_kept)))
}

fn start(program: &Path, upstream: &Fragile, files: &Files) -> io::Result<Program> {
    let path = |path: &Path| path.display().to_string();
    let (upstream, clients, Pair { chain, key }) = (upstream.url(), path(files.clients()), files.pair());
    let vars = [
        ("UPSTREAM_URL", upstream.as_str()),
        ("UPSTREAM_RESPONSE_TIMEOUT", "2s"),
        ("TLS_CERT_FILE", &path(chain)),
        ("TLS_KEY_FILE", &path(key)),
        ("CLIENTS_FILE", &clients),
        ("TOKEN_KEY", "load-key-0123456789abcdef0123456789abcdef"),
        ("TOKEN_TTL", "24h"),
        ("BODY_TIMEOUT", "5s"),
        ("IDLE_TIMEOUT", "10s"),
        ("DRAIN_DELAY", "1s"),
    ];
    Program::start(program, &vars)
}

/// Everybody who calls.
struct Scene {
    network: Rc<Network>,
    peers: Arc<Peers>,
    mischief: Rc<Mischief>,
    ended: Rc<Cell<bool>>,
}

impl Scene {
    /// Trouble begins.
    fn begin(&self, program: &Rc<Program>, upstream: Fragile, files: Files) -> JoinSet<()> {
        for at in 0..SLOW {
            let peers = Arc::clone(&self.peers);
            spawn_local(async move { peers.go_on(Kind::ALL[at % Kind::ALL.len()]).await });
        }
        let mut trouble = JoinSet::new();
        self.mischief.begin(&mut trouble);
        trouble.spawn_local(upstream.restart_for_ever());
        let program = Rc::clone(program);
        trouble.spawn_local(async move { files.change_for_ever(&program).await });
        trouble
    }
}

/// What the program took in two minutes, in KiB.
struct Memory {
    of: u64,
    first: u64,
    last: u64,
}

/// Looks on, and says each minute what is to be seen. A minute's memory is the median of its seconds.
async fn watch(program: &Program, minutes: u64, ledger: &Ledger, scene: &Scene) -> io::Result<Memory> {
    let of = 5.min(minutes.div_ceil(2));
    let mut medians = Vec::new();
    let mut ticks = interval_at(Instant::now() + SECOND, SECOND);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for minute in 1..=minutes {
        let mut resident = Vec::new();
        while resident.len() < 60 {
            ticks.tick().await;
            resident.push(program.resident_kib()?);
        }
        resident.sort_unstable();
        let median = resident[resident.len() / 2];
        medians.push(median);
        println!(
            "minute {minute:3}: resident {median} KiB, descriptors {}, {}, trouble {} + {} slow",
            program.descriptors()?,
            ledger.summary(),
            scene.mischief.made(),
            scene.peers.begun()
        );
    }
    let at = |minute: u64| medians.get(minute as usize - 1).copied().unwrap_or_default();
    Ok(Memory { of, first: at(of), last: at(minutes) })
}

/// Waits until the program has closed what it had open, and says how much is left.
async fn settle(program: &Program, at_rest: usize) -> io::Result<usize> {
    let end = Instant::now() + MOST_SETTLING;
    while program.descriptors()? > at_rest + SLACK && Instant::now() < end {
        sleep(SECOND).await;
    }
    program.descriptors()
}

const SECOND: Duration = Duration::from_secs(1);
/// Slow callers at a time, of all kinds.
const SLOW: usize = 40;
/// Percent.
const MOST_GROWN: f64 = 10.0;
/// Descriptors that may be open for a moment, for looking at files.
const SLACK: usize = 4;
const MOST_SETTLING: Duration = Duration::from_secs(60);
