//! What is done to each peer.

use std::cell::Cell;
use std::io;
use std::rc::Rc;

use clap::ValueEnum;
use tokio::task::{JoinHandle, spawn_local};

use crate::figures::Figure;
use crate::peers::{Peer, Server, Stage};

mod bulk;
mod crosscheck;
mod latency;
mod memory;
mod traffic;

pub(crate) use latency::rate;

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Suite {
    /// From the start to the first answer, and the memory after it
    Start,
    /// Memory for each idle connection
    Memory,
    /// New connection and token, new connection and delivery
    Payment,
    /// New connection and one request
    Newconn,
    /// Requests on 64 kept connections
    Keepalive,
    /// Requests over HTTP/2
    Http2,
    /// Uploads of 10 MB
    Up,
    /// Downloads of 100 MB
    Down,
    /// One request after another on one connection
    Sequence,
    /// A fixed rate
    Rate,
    /// Sizes of files
    Size,
    /// The CPU figures again, with wrk and h2load as callers
    Crosscheck,
}

/// What one suite has found about one peer in one round.
pub(crate) type Found = Vec<(Figure, f64)>;

impl Suite {
    /// Whether it starts peers of its own, one at a time, with nobody beside them.
    pub(crate) fn is_alone(self) -> bool {
        matches!(self, Self::Start | Self::Memory)
    }

    /// Whether it can be asked of this peer.
    pub(crate) fn suits(self, peer: Peer) -> bool {
        self != Self::Http2 || peer.speaks_http2()
    }

    /// Measures a peer; one that is started for it where the suite is alone.
    ///
    /// # Errors
    /// A request fails, or the upstream has not seen as many as were sent.
    pub(crate) async fn measure(self, stage: &Stage, server: &Server, times: f64) -> io::Result<Found> {
        let count = Count { times, peer: server.peer };
        match self {
            Self::Start => memory::start(server).await,
            Self::Memory => memory::connections(stage, server).await,
            Self::Payment => traffic::payment(stage, server, count.of(400)).await,
            Self::Newconn => traffic::connection(stage, server, count.of(1_000)).await,
            Self::Keepalive => traffic::keep_alive(stage, server, count.of(12_800)).await,
            Self::Http2 => traffic::http2(stage, server, count.of(12_800)).await,
            Self::Up => bulk::up(stage, server, count.of(20)).await,
            Self::Down => bulk::down(stage, server, count.of(3)).await,
            Self::Sequence => latency::sequence(stage, server, count.of(3_000)).await,
            Self::Rate => latency::fixed_rate(stage, server, times).await,
            Self::Size => memory::size(server),
            Self::Crosscheck => crosscheck::run(stage, server, count.of(1)).await,
        }
    }
}

/// Calls a peer until it is as fast as it gets: what compiles while it runs has then compiled. Nothing is counted.
///
/// # Errors
/// A request fails.
pub(crate) async fn warm_up(stage: &Stage, server: &Server) -> io::Result<()> {
    traffic::payment(stage, server, 200).await?;
    traffic::keep_alive(stage, server, 3_200).await?;
    if Suite::Http2.suits(server.peer) {
        traffic::http2(stage, server, 3_200).await?;
    }
    Ok(())
}

/// How many requests: fewer for who takes long.
struct Count {
    times: f64,
    peer: Peer,
}

impl Count {
    fn of(&self, usual: usize) -> usize {
        let part = if self.peer == Peer::Node { 0.25 } else { 1.0 };
        ((usual as f64 * self.times * part) as usize).max(1)
    }
}

/// What is done over and over, a fixed number of times in all.
#[derive(Clone, Debug)]
struct Turns(Rc<Cell<usize>>);

impl Turns {
    fn of(count: usize) -> Self {
        Self(Rc::new(Cell::new(count)))
    }

    /// Takes one; `false` when there is none left.
    fn take(&self) -> bool {
        let left = self.0.get();
        self.0.set(left.saturating_sub(1));
        left > 0
    }
}

/// Runs these side by side to their end.
///
/// # Errors
/// One of them fails.
async fn all<T: 'static>(
    jobs: impl IntoIterator<Item = impl Future<Output = io::Result<T>> + 'static>,
) -> io::Result<Vec<T>> {
    let running: Vec<JoinHandle<io::Result<T>>> = jobs.into_iter().map(spawn_local).collect();
    let mut done = Vec::with_capacity(running.len());
    for job in running {
        done.push(job.await.map_err(io::Error::other)??);
    }
    Ok(done)
}

/// Runs a job of this many requests; says what each has cost the server, in µs. What the upstream has seen is counted.
///
/// # Errors
/// The job fails, or the upstream has not seen as many as `seen`.
async fn cost_of<T>(
    stage: &Stage,
    server: &Server,
    requests: usize,
    seen: usize,
    job: impl Future<Output = io::Result<T>>,
) -> io::Result<f64> {
    let (before, seen_before) = (server.process.spent().await?, stage.upstream.seen());
    // What it gives lives on until the bill is made: connections that are kept open do not end on it.
    let _kept = job.await?;
    let spent = server.process.spent().await?.since(before)?;
    let really = stage.upstream.seen() - seen_before;
    match really == seen as u64 {
        true => Ok(spent.as_secs_f64() * 1e6 / requests as f64),
        false => Err(io::Error::other(format!("the upstream has seen {really} requests of {seen}"))),
    }
}
