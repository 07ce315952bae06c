//! What a flood of wrong logins costs those who have a token: bearer traffic at a fixed rate, timed without and with it in turns.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::json;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::Instant;

use crate::caller::{Caller, Tls, login};
use crate::certificates;
use crate::program::{Program, hash};
use crate::traffic::{Traffic, middle, percentile, print};
use crate::upstream::{self, Booked};
use crate::{Verdict, machine_of_their_own};

/// Prints what bearer traffic feels without and with the flood; bad when the median of the ratios of p99 is above 2 with the default limit.
pub(crate) async fn run(program: PathBuf) -> io::Result<Verdict> {
    let folder = tempfile::tempdir()?;
    let pair = &certificates::write(folder.path())?[0];
    let tls = Tls::trusting(&folder.path().join("ca.pem"))?;
    let upstream = format!("http://{}", upstream::start(Booked::default()).await?);
    let hash = hash(&program, PASSWORD)?;
    println!("password {}", hash.split('$').take(4).collect::<Vec<_>>().join("$"));
    let clients = folder.path().join("clients.json");
    std::fs::write(&clients, json!({"clients": [{"name": "c", "username": "c", "passwords": [hash]}]}).to_string())?;
    let path = |path: &Path| path.display().to_string();
    let (chain, key, clients) = (path(&pair.chain), path(&pair.key), path(&clients));
    let mut verdict = Verdict::Good;
    for (failures, judged) in [("off", Judged::No), ("30/m", Judged::Yes)] {
        println!("LOGIN_FAILURES={failures}");
        let vars = [
            ("UPSTREAM_URL", upstream.as_str()),
            ("TLS_CERT_FILE", &chain),
            ("TLS_KEY_FILE", &key),
            ("CLIENTS_FILE", &clients),
            ("TOKEN_KEY", "load-key-0123456789abcdef0123456789abcdef"),
            ("TOKEN_TTL", "30m"),
            ("LOGIN_FAILURES", failures),
        ];
        let program = Program::start(&program, &vars)?;
        let felt = compare(&program, &tls).await?;
        if judged == Judged::Yes {
            verdict = felt;
        }
    }
    Ok(verdict)
}

/// The promise is of the default. Without the limit every burst reaches the hashes, and 200 answers at once, whatever they say, are in the way of
/// about one bearer request in a hundred: that figure is shown, so that nobody switches the limit off unknowing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Judged {
    Yes,
    No,
}

/// Rounds without and with the flood in turns, so that a change of the machine falls on both.
async fn compare(program: &Program, tls: &Tls) -> io::Result<Verdict> {
    let address = program.address();
    let token = Caller::connect(address, Some(tls)).await?.token("c", PASSWORD).await?;
    let mut traffic = Traffic::of(address, tls, token).await?;
    let flooding = Arc::new(AtomicBool::new(false));
    let flooder = Flooder::start(address, tls.clone(), Arc::clone(&flooding));
    traffic.measure(ROUND).await?;
    let before = program.resident_kib()?;
    let (mut quiet, mut flooded, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let without = traffic.measure(ROUND).await?;
        flooding.store(true, Ordering::Relaxed);
        let with = traffic.measure(ROUND).await?;
        flooding.store(false, Ordering::Relaxed);
        ratios.push(percentile(&with, 99) / percentile(&without, 99));
        quiet.extend(without);
        flooded.extend(with);
        // What was begun is still being hashed.
        traffic.measure(PAUSE).await?;
    }
    let answers = flooder.end()?;
    print("  bearer without flood", &mut quiet);
    print("  bearer with flood   ", &mut flooded);
    let shown: Vec<String> = ratios.iter().map(|ratio| format!("{ratio:.2}")).collect();
    let median = middle(&mut ratios);
    println!("  p99 ratio by round: {}; median {median:.2}, allowed are {MOST_RATIO}", shown.join(" "));
    println!("  wrong logins by answer: {answers:?}");
    println!("  resident {before} KiB before, {} KiB after", program.resident_kib()?);
    Ok(Verdict::of(median <= MOST_RATIO))
}

/// Wrong logins from a thread of its own, so that the clock of the bearer traffic does not wait for them.
struct Flooder {
    ended: Arc<AtomicBool>,
    thread: thread::JoinHandle<io::Result<BTreeMap<u16, usize>>>,
}

impl Flooder {
    fn start(address: SocketAddr, tls: Tls, flooding: Arc<AtomicBool>) -> Self {
        let ended = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&ended);
        let thread = thread::spawn(move || {
            machine_of_their_own();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            LocalSet::new().block_on(&runtime, flood(address, tls, flooding, told))
        });
        Self { ended, thread }
    }

    /// How many logins had which answer.
    fn end(self) -> io::Result<BTreeMap<u16, usize>> {
        self.ended.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| io::Error::other("the flood's thread panicked"))?
    }
}

/// Two hundred at once, again and again while `flooding`; the connections are made before.
async fn flood(
    address: SocketAddr,
    tls: Tls,
    flooding: Arc<AtomicBool>,
    ended: Arc<AtomicBool>,
) -> io::Result<BTreeMap<u16, usize>> {
    let (mut callers, mut answers) = (Vec::new(), BTreeMap::new());
    while !ended.load(Ordering::Relaxed) {
        while callers.len() < AT_ONCE {
            callers.push(Caller::connect(address, Some(&tls)).await?);
        }
        let next = Instant::now() + BURST_EVERY;
        if flooding.load(Ordering::Relaxed) {
            let mut tasks = JoinSet::new();
            for mut caller in callers.drain(..) {
                tasks.spawn_local(async move {
                    let answer = caller.send(login("c", "not the password")).await;
                    answer.map(|(status, _)| (caller, status))
                });
            }
            // A connection that broke is made anew.
            for (caller, status) in tasks.join_all().await.into_iter().flatten() {
                *answers.entry(status.as_u16()).or_default() += 1;
                callers.push(caller);
            }
        }
        tokio::time::sleep_until(next).await;
    }
    Ok(answers)
}

const PASSWORD: &str = "a password that a person chose";
const AT_ONCE: usize = 200;
const BURST_EVERY: Duration = Duration::from_millis(500);
const ROUND: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(500);
const ROUNDS: usize = 25;
const MOST_RATIO: f64 = 2.0;
