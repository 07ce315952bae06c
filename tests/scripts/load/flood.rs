//! What a flood of wrong logins costs those who have a token: bearer traffic at a fixed rate, timed without and with it in turns.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::json;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::Verdict;
use crate::caller::{Caller, Tls, delivery, login};
use crate::certificates;
use crate::program::{Program, hash};
use crate::upstream::{self, Booked};

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
    for (what, all) in [("without", &mut quiet), ("with", &mut flooded)] {
        all.sort_by(f64::total_cmp);
        let (p50, p90, p99, count) = (percentile(all, 50), percentile(all, 90), percentile(all, 99), all.len());
        println!("  bearer {what:7} flood: {count} requests, p50 {p50:.3} ms, p90 {p90:.3} ms, p99 {p99:.3} ms");
    }
    let shown: Vec<String> = ratios.iter().map(|ratio| format!("{ratio:.2}")).collect();
    let median = middle(&mut ratios);
    println!("  p99 ratio by round: {}; median {median:.2}, allowed are {MOST_RATIO}", shown.join(" "));
    println!("  wrong logins by answer: {answers:?}");
    println!("  resident {before} KiB before, {} KiB after", program.resident_kib()?);
    Ok(Verdict::of(median <= MOST_RATIO))
}

/// Bearer traffic on connections that stay.
struct Traffic {
    callers: Vec<Caller>,
    token: String,
}

impl Traffic {
    async fn of(address: SocketAddr, tls: &Tls, token: String) -> io::Result<Self> {
        let mut callers = Vec::new();
        for _ in 0..CONNECTIONS {
            callers.push(Caller::connect(address, Some(tls)).await?);
        }
        Ok(Self { callers, token })
    }

    /// Sends at the fixed rate for this long. Gives each answer's time in milliseconds, in ascending order.
    async fn measure(&mut self, long: Duration) -> io::Result<Vec<f64>> {
        let times = Rc::new(RefCell::new(Vec::new()));
        let end = Instant::now() + long;
        let mut tasks = JoinSet::new();
        for (mut caller, number) in self.callers.drain(..).zip(0..) {
            let (times, token) = (Rc::clone(&times), self.token.clone());
            tasks.spawn_local(async move {
                // Spread over the interval: they are not to meet.
                let first = Instant::now() + EVERY * number / CONNECTIONS;
                send_until(end, first, &mut caller, &token, &times).await.map(|()| caller)
            });
        }
        self.callers = tasks.join_all().await.into_iter().collect::<io::Result<_>>()?;
        let mut times = times.take();
        times.sort_by(f64::total_cmp);
        Ok(times)
    }
}

/// A request that had to wait for the one before it is timed from when it was due.
async fn send_until(
    end: Instant,
    first: Instant,
    caller: &mut Caller,
    token: &str,
    times: &RefCell<Vec<f64>>,
) -> io::Result<()> {
    let mut ticks = interval_at(first, EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut free = first;
    loop {
        let due = ticks.tick().await;
        if due >= end {
            return Ok(());
        }
        let begun = if free > due { due } else { Instant::now() };
        let (status, _) = caller.send(delivery(token, "T1")).await?;
        if !status.is_success() {
            return Err(io::Error::other(format!("a delivery was answered {status}")));
        }
        free = Instant::now();
        times.borrow_mut().push((free - begun).as_secs_f64() * 1000.0);
    }
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
            // Attackers have machines of their own: here they are not to take what the callers and the gate need.
            let _ = rustix::process::setpriority_process(None, 19);
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

/// Of an ascending list.
fn percentile(times: &[f64], percent: usize) -> f64 {
    times.get((times.len() * percent / 100).min(times.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}

fn middle(numbers: &mut [f64]) -> f64 {
    numbers.sort_by(f64::total_cmp);
    percentile(numbers, 50)
}

const PASSWORD: &str = "a password that a person chose";
const AT_ONCE: usize = 200;
const BURST_EVERY: Duration = Duration::from_millis(500);
/// Together 400 requests a second.
const CONNECTIONS: u32 = 8;
const EVERY: Duration = Duration::from_millis(20);
const ROUND: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(500);
const ROUNDS: usize = 25;
const MOST_RATIO: f64 = 2.0;
