//! The network's side of the load scripts beside this folder: callers that are timed, an upstream that counts, certificates to rotate.
//!
//! In Rust rather than in the scripts, because what is measured here is often less than a shell needs to start a program. Everything stays on
//! loopback, and every run ends by itself.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "what it prints is what it is for")]

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use thread_priority::{
    NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy, set_thread_priority_and_policy, thread_native_id,
};
use tokio::task::LocalSet;

mod addresses;
mod caller;
mod certificates;
mod clock;
mod flood;
mod payments;
mod peers;
mod program;
mod slow;
mod soak;
mod traffic;
mod upstream;

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write an authority (`ca.pem`) and two server certificates of it (`1/tls.crt`, `1/tls.key`, `2/…`) into a folder
    Certificates { folder: PathBuf },
    /// Make payments without a pause through the instances that standard input names; print the counts when it ends
    Payments {
        /// The authority of the instances' certificates
        #[arg(long)]
        ca: PathBuf,
        /// A file with `username=…` and `password=…`, read anew for each payment
        #[arg(long)]
        credentials: PathBuf,
        /// Where the API behind the gates listens, for gates in containers
        #[arg(long, default_value = "127.0.0.1:0")]
        upstream: SocketAddr,
        /// How many milliseconds the API takes for a payment
        #[arg(long, default_value_t)]
        upstream_ms: u64,
    },
    /// Time bearer traffic with and without a flood of wrong logins through this program
    Flood { program: PathBuf },
    /// Fail a login from a million addresses at this program
    Addresses { program: PathBuf },
    /// Time bearer traffic without and with 5,000 slow connections to this program
    Slow { program: PathBuf },
    /// Move the clock of this program forth and back with this libfaketime
    Clock { program: PathBuf, libfaketime: PathBuf },
    /// Make payments through this program for so many minutes while everything around it fails
    Soak { program: PathBuf, minutes: u64 },
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Certificates { folder } => certificates::write(&folder).map(|_| Verdict::Good),
        Command::Payments { ca, credentials, upstream, upstream_ms } => {
            run(payments::run(ca, credentials, upstream, Duration::from_millis(upstream_ms)))
        }
        Command::Flood { program } => run(flood::run(program)),
        Command::Addresses { program } => run(addresses::run(program)),
        Command::Slow { program } => run(slow::run(program)),
        Command::Soak { program, minutes } => run(soak::run(program, minutes)),
        Command::Clock { program, libfaketime } => run(clock::run(program, libfaketime)),
    };
    match outcome {
        Ok(Verdict::Good) => ExitCode::SUCCESS,
        Ok(Verdict::Bad) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("failed: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether what was measured is what the project promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Good,
    Bad,
}

impl Verdict {
    /// Good when the promise holds.
    fn of(holds: bool) -> Self {
        if holds { Self::Good } else { Self::Bad }
    }
}

/// Runs one job on this thread.
fn run(job: impl Future<Output = io::Result<Verdict>>) -> io::Result<Verdict> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, job)
}

/// Attackers have machines of their own: what this thread computes for them is not to take what the callers and the gate need. `SCHED_IDLE`, since a
/// thread of `nice` 19 keeps the processor for its whole slice of some milliseconds once it has it (5,000 slow connections, 2 processors: a p99 of
/// 8.6 ms instead of 0.8).
fn machine_of_their_own() {
    let policy = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
    if let Err(error) = set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, policy) {
        eprintln!("the attackers share the callers' machine, so expect more than there is: {error}");
    }
}
