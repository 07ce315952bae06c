//! The driver of `benches/run.sh`: starts the peers, calls them, counts what they cost, and writes it down.
//!
//! One thread does it all: it is the callers and the upstream, and runs on a core of its own. What it costs is never counted.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "what it prints is what it is for")]

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use tokio::task::LocalSet;

mod caller;
mod figures;
mod identity;
mod machine;
mod peers;
mod plot;
mod process;
mod report;
mod requests;
mod run;
mod suites;
mod tls;
mod upstream;

use peers::Peer;
use suites::Suite;

/// Measures bearergate beside its peers
#[derive(Parser, Debug)]
struct Arguments {
    /// Suites to run, with commas between them; all but `crosscheck` when left out
    #[arg(long, value_delimiter = ',')]
    suite: Vec<Suite>,
    /// Peers to measure, with commas between them; all when left out
    #[arg(long, value_delimiter = ',')]
    only: Vec<Peer>,
    /// How often everything is measured
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How many times the usual number of requests
    #[arg(long, default_value_t = 1.0)]
    times: f64,
    /// The peer that ratios refer to
    #[arg(long, default_value = "haproxy")]
    baseline: Peer,
    /// Another build, in place of the second instance of this one; nothing is then known of the noise
    #[arg(long)]
    other: Option<PathBuf>,
    /// The size of the container image in bytes, to be written down
    #[arg(long)]
    image_bytes: Option<u64>,
    /// Write the results of this run into that folder, whatever part it is
    #[arg(long)]
    into: Option<PathBuf>,
    /// The build to measure
    #[arg(long)]
    program: PathBuf,
    /// The folder of the benchmark
    #[arg(long)]
    benches: PathBuf,
    /// An empty folder for logs and throw-away certificates
    #[arg(long)]
    work: PathBuf,
    /// The core that the peers share, one at a time
    #[arg(long)]
    core: usize,
}

impl Arguments {
    /// The peers to measure, in their order.
    fn peers(&self) -> Vec<Peer> {
        let wanted = |peer: &Peer| self.only.is_empty() || self.only.contains(peer);
        Peer::value_variants().iter().copied().filter(wanted).collect()
    }

    /// The suites to run, in their order.
    fn suites(&self) -> Vec<Suite> {
        let wanted = |suite: &Suite| match self.suite.is_empty() {
            true => *suite != Suite::Crosscheck,
            false => self.suite.contains(suite),
        };
        Suite::value_variants().iter().copied().filter(wanted).collect()
    }

    /// Where the results go: beside the benchmark's README when everything is measured, as often as it takes.
    fn results(&self) -> Option<&Path> {
        let is_whole = self.suite.is_empty()
            && self.only.is_empty()
            && self.other.is_none()
            && self.rounds >= 5
            && self.times >= 1.0;
        self.into.as_deref().or(is_whole.then_some(&self.benches))
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().event_interval(16).build();
    let outcome = runtime.and_then(|runtime| LocalSet::new().block_on(&runtime, whole(&arguments)));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("failed: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Measures, prints, and writes the results of a whole run down.
async fn whole(arguments: &Arguments) -> io::Result<()> {
    let record = run::run(arguments).await?;
    let report = report::markdown(&record, arguments);
    println!("{report}");
    match arguments.results() {
        Some(folder) => {
            std::fs::write(folder.join("RESULTS.md"), &report)?;
            std::fs::write(folder.join("results.svg"), plot::svg(&record))?;
            eprintln!("written: RESULTS.md and results.svg in {}", folder.display());
        }
        None => eprintln!("not the whole run: nothing is written"),
    }
    match record.failures.is_empty() {
        true => Ok(()),
        false => Err(io::Error::other(format!("{} measurements failed; see the report", record.failures.len()))),
    }
}
