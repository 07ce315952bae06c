//! What five thousand slow connections cost those who are not: bearer traffic at a fixed rate, timed before, while they are there, and after.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::task::{JoinSet, LocalSet};
use tokio::time::{sleep, timeout};

use crate::caller::{Caller, Tls};
use crate::certificates;
use crate::peers::{Kind, Peers};
use crate::program::Program;
use crate::traffic::{Traffic, middle, percentile, print};
use crate::upstream::{self, Booked};
use crate::{Verdict, machine_of_their_own};

/// Prints what bearer traffic feels, and how many slow connections of each kind there were; bad when the median p99 of a second more than doubles.
pub(crate) async fn run(program: PathBuf) -> io::Result<Verdict> {
    let folder = tempfile::tempdir()?;
    let pair = &certificates::write(folder.path())?[0];
    let tls = Tls::trusting(&folder.path().join("ca.pem"))?;
    let upstream = format!("http://{}", upstream_of_its_own()?);
    let (chain, key) = (pair.chain.display().to_string(), pair.key.display().to_string());
    let vars = [
        ("UPSTREAM_URL", upstream.as_str()),
        ("TLS_CERT_FILE", &chain),
        ("TLS_KEY_FILE", &key),
        ("CLIENT_USERNAME", "c"),
        ("CLIENT_PASSWORD", PASSWORD),
        ("TOKEN_KEY", "load-key-0123456789abcdef0123456789abcdef"),
        ("TOKEN_TTL", "30m"),
        ("MAX_CONNECTIONS", "10000"),
    ];
    let program = Program::start(&program, &vars)?;
    let token = Caller::connect(program.address(), Some(&tls)).await?.token("c", PASSWORD).await?;
    let mut traffic = Traffic::of(program.address(), &tls, token.clone()).await?;
    traffic.measure(ROUND).await?;
    let before = rounds(&mut traffic).await?;
    report("before", &program, &before)?;

    let peers = Arc::new(Peers::new(program.address(), tls, token));
    let crowd = crowd(Arc::clone(&peers));
    let mut told = 0;
    let is_full = async {
        while peers.open() < SLOW {
            // The callers go on meanwhile, or they would be the ones that are idle.
            traffic.measure(ROUND).await?;
            if peers.open() >= told + 1000 {
                told = peers.open();
                println!("slow connections open: {told}");
            }
        }
        Ok::<_, io::Error>(())
    };
    timeout(MOST_FILLING, is_full).await.map_err(|_| io::Error::other(format!("only {} are open", peers.open())))??;
    let during = rounds(&mut traffic).await?;
    report("during", &program, &during)?;
    peers.print();
    peers.end();
    crowd.join().map_err(|_| io::Error::other("the crowd's thread panicked"))??;
    let is_left = async {
        while program.descriptors().is_ok_and(|open| open > 200) {
            sleep(ROUND).await;
        }
    };
    let is_free = timeout(MOST_FILLING, is_left).await.is_ok();
    let after = rounds(&mut traffic).await?;
    report("after ", &program, &after)?;
    // Both sides of it, so that a change of the machine is not taken for the slow connections' doing.
    let (without, with) = (middle_p99(&[before, after].concat()), middle_p99(&during));
    let ratio = with / without;
    println!(
        "median p99 of a second: {without:.3} ms without, {with:.3} ms with; ratio {ratio:.2}, allowed are {MOST_RATIO}"
    );
    Ok(Verdict::of(ratio <= MOST_RATIO && is_free && program.stop().await? == 0))
}

/// Holds 5,000 slow connections and more, from a thread of its own: the clock of the good callers is not to wait for them.
fn crowd(peers: Arc<Peers>) -> thread::JoinHandle<io::Result<()>> {
    thread::spawn(move || {
        machine_of_their_own();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        LocalSet::new().block_on(&runtime, async move {
            let mut tasks = JoinSet::new();
            for at in 0..SLOW + COMING {
                let peers = Arc::clone(&peers);
                tasks.spawn_local(async move { peers.go_on(Kind::ALL[at % Kind::ALL.len()]).await });
                sleep(OPEN_EVERY).await;
            }
            tasks.join_all().await;
            Ok(())
        })
    })
}

/// Slow bodies and slow readers keep an upstream busy too, which must not be the thread that measures.
fn upstream_of_its_own() -> io::Result<std::net::SocketAddr> {
    let (tell, told) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        LocalSet::new().block_on(&runtime, async move {
            // Nobody hears it only when the whole run has ended.
            let _ = tell.send(upstream::start(Booked::default()).await);
            std::future::pending::<io::Result<()>>().await
        })
    });
    told.recv().map_err(io::Error::other)?
}

async fn rounds(traffic: &mut Traffic) -> io::Result<Vec<Vec<f64>>> {
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        rounds.push(traffic.measure(ROUND).await?);
    }
    Ok(rounds)
}

fn report(when: &str, program: &Program, rounds: &[Vec<f64>]) -> io::Result<()> {
    print(when, &mut rounds.concat());
    println!("        resident {} KiB, descriptors {}", program.resident_kib()?, program.descriptors()?);
    Ok(())
}

fn middle_p99(rounds: &[Vec<f64>]) -> f64 {
    middle(&mut rounds.iter().map(|round| percentile(round, 99)).collect::<Vec<_>>())
}

const PASSWORD: &str = "a password that is long enough";
const SLOW: usize = 5000;
/// Who has been cut is away for a moment.
const COMING: usize = 500;
const OPEN_EVERY: Duration = Duration::from_millis(2);
const ROUND: Duration = Duration::from_secs(1);
const ROUNDS: usize = 20;
const MOST_RATIO: f64 = 2.0;
const MOST_FILLING: Duration = Duration::from_secs(120);
