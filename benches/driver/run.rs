//! The order of things: who is measured when.

use std::fs;
use std::io;

use crate::Arguments;
use crate::figures::Series;
use crate::identity;
use crate::machine::Machine;
use crate::peers::{Peer, Room, Server, Stage};
use crate::suites::{Suite, warm_up};
use crate::tls::{Identity, Tls};
use crate::upstream::Upstream;

/// What a run has found.
#[derive(Debug)]
pub(crate) struct Record {
    /// Where and when.
    pub(crate) machine: Machine,
    /// Which version of what each peer is, by what it says itself.
    pub(crate) versions: Vec<(Peer, String)>,
    /// The figures.
    pub(crate) series: Series,
    /// The same figures with other callers.
    pub(crate) crosscheck: Series,
    /// What could not be measured, and why.
    pub(crate) failures: Vec<String>,
}

/// Runs what the arguments ask for.
///
/// # Errors
/// A peer does not start, or is not what it should be.
pub(crate) async fn run(arguments: &Arguments) -> io::Result<Record> {
    let machine = Machine::here();
    fs::create_dir_all(arguments.work.join("groups"))?;
    let identity = Identity::make(&arguments.work)?;
    let stage = Stage {
        program: arguments.program.clone(),
        other: arguments.other.clone(),
        benches: arguments.benches.clone(),
        work: arguments.work.clone(),
        core: arguments.core,
        tls: Tls::pinning(&identity)?,
        identity,
        upstream: Upstream::start().await?,
    };
    let (series, crosscheck) = (Series::default(), Series::default());
    let record = Record { machine, versions: Vec::new(), series, crosscheck, failures: Vec::new() };
    let mut run = Run { arguments, stage, record };
    run.alone().await?;
    run.together().await?;
    Ok(run.record)
}

struct Run<'a> {
    arguments: &'a Arguments,
    stage: Stage,
    record: Record,
}

impl Run<'_> {
    /// The suites for which each peer is started by itself, with nobody to share pages with.
    async fn alone(&mut self) -> io::Result<()> {
        for suite in self.arguments.suites().into_iter().filter(|suite| suite.is_alone()) {
            // Opening 5,000 connections takes long and comes to the same every time: once is enough, unless it is asked for.
            let is_once = suite == Suite::Memory && self.arguments.suite.is_empty();
            let rounds = if is_once { 1 } else { self.arguments.rounds };
            let room = if suite == Suite::Memory { Room::Raised } else { Room::Shipped };
            for round in 0..rounds {
                for peer in rotated(self.arguments.peers(), round) {
                    let server = self.stage.start(peer, room).await?;
                    self.measure(suite, &server, round).await;
                }
            }
        }
        Ok(())
    }

    /// The other suites: all peers run, and are called in turn.
    async fn together(&mut self) -> io::Result<()> {
        let suites: Vec<_> = self.arguments.suites().into_iter().filter(|suite| !suite.is_alone()).collect();
        if suites.is_empty() {
            return Ok(());
        }
        let mut servers = Vec::new();
        for peer in self.arguments.peers() {
            let server = self.stage.start(peer, Room::Shipped).await?;
            let version = identity::check(&self.stage, &server).await?;
            eprintln!("{}: {version}, process {}, port {}", peer.title(), server.process.id(), server.port);
            self.record.versions.push((peer, version));
            warm_up(&self.stage, &server).await?;
            servers.push(server);
        }
        for round in 0..self.arguments.rounds {
            for suite in &suites {
                // A file's size is the same in every round.
                if *suite == Suite::Size && round > 0 {
                    continue;
                }
                for server in rotated(servers.iter().collect(), round) {
                    self.measure(*suite, server, round).await;
                }
            }
        }
        Ok(())
    }

    async fn measure(&mut self, suite: Suite, server: &Server, round: usize) {
        if !suite.suits(server.peer) {
            return;
        }
        match suite.measure(&self.stage, server, self.arguments.times).await {
            Ok(found) => {
                for (figure, value) in found {
                    eprintln!(
                        "{round} {suite:?} {}: {} {value:.2} {}",
                        server.peer.title(),
                        figure.title(),
                        figure.unit()
                    );
                    let crosscheck = suite == Suite::Crosscheck;
                    let series = if crosscheck { &mut self.record.crosscheck } else { &mut self.record.series };
                    series.add(figure, server.peer, round, value);
                }
            }
            Err(error) => {
                let failure = format!("round {round}, {suite:?}, {}: {error}", server.peer.title());
                eprintln!("{failure}");
                self.record.failures.push(failure);
            }
        }
    }
}

/// Who begins is another one in each round.
fn rotated<T>(mut all: Vec<T>, round: usize) -> Vec<T> {
    let by = round % all.len().max(1);
    all.rotate_left(by);
    all
}
