//! `bearergate simulate URL`: deliveries as the network makes them, at a rate and for a time, and what becomes of each.
//!
//! Every attempt is a token call over a shared pool of kept connections and a delivery over a new one, which is left open afterwards; what is not
//! done is tried again by the network's clock. What the network does not bound is bounded here: the time, and the descriptors.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use tokio::sync::Semaphore;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{Instant, sleep_until};

use super::demo::Counts;
use super::run::with_runtime;
use super::target::{Target, TargetFault};
use super::{Exit, print, say};
use crate::config::Machine;
use crate::network::{ATTEMPTS, Endpoint, Roots, SYNC_PATH};
use crate::rules::rate::Rate;
use crate::secret::Secret;
use crate::units::{UnitFault, parse_duration};

mod caller;
mod courier;
mod latencies;
mod progress;
mod report;
mod safety;
mod tally;
mod values;

use caller::Caller;
use courier::Courier;
use report::{Booked, Report};
use safety::{Reach, pinned};
use tally::Tally;
use values::Values;

/// The arguments of `bearergate simulate`.
#[derive(Args)]
pub(super) struct Wishes {
    #[command(flatten)]
    target: Target,
    /// The network's user name; its password is read from --password-file, else from the variable SIMULATE_PASSWORD, else from standard input
    #[arg(long, value_name = "NAME")]
    username: String,
    /// How many payments begin: 200/s, 600/m or 3600/h, evenly
    #[arg(long, value_name = "RATE", default_value = "10/s", value_parser = Rate::parse)]
    rate: Rate,
    /// For how long payments begin; what is not done then is tried again by the clock, which takes up to 310 s times --time-scale more, and
    /// 35 s for the last answers
    #[arg(long = "for", value_name = "DURATION", default_value = "10s", value_parser = lasting)]
    lasting: Duration,
    /// The retry clock times this: 0.1 is ten times as fast
    #[arg(long, value_name = "FACTOR", default_value = "1", value_parser = time_scale)]
    time_scale: f64,
    /// Call a public address too: only for a host that is yours
    #[arg(long)]
    i_own_this_host: bool,
    /// How to print the outcome
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Clone, Copy, Default, ValueEnum)]
enum Format {
    /// For a person
    #[default]
    Text,
    /// For a program
    Json,
}

pub(super) fn simulate(wishes: &Wishes) -> Exit {
    let prepared = match prepare(wishes) {
        Ok(prepared) => prepared,
        Err(fault) => {
            say(&format!("bearergate: {fault}"));
            return Exit::WrongArguments;
        }
    };
    with_runtime(async { LocalSet::new().run_until(play(wishes, prepared)).await })
}

type Prepared = (Endpoint, Roots, Secret<String>);

fn prepare(wishes: &Wishes) -> Result<Prepared, TargetFault> {
    let (endpoint, roots) = (wishes.target.endpoint()?, wishes.target.roots()?);
    Ok((endpoint, roots, wishes.target.password(&wishes.username, PASSWORD_VARIABLE)?))
}

async fn play(wishes: &Wishes, (endpoint, roots, password): Prepared) -> io::Result<Exit> {
    let reach = if wishes.i_own_this_host { Reach::Anywhere } else { Reach::OwnNetworks };
    let (endpoint, address) = match pinned(endpoint, reach).await {
        Ok(found) => found,
        Err(refused) => {
            say(&format!("bearergate: {refused}"));
            return Ok(Exit::WrongArguments);
        }
    };
    // Half for connections that are left, a quarter for those in use, two at a time; the rest is for whatever else this process has open.
    let descriptors =
        Machine::detect().descriptors.map_or(MOST_LEFT, |most| usize::try_from(most).unwrap_or(MOST_LEFT));
    let most_left = (descriptors / 2).clamp(1, MOST_LEFT);
    let caller = Rc::new(Caller::new(endpoint, &roots, (wishes.username.clone(), password), most_left));
    let before = counts(&caller).await;
    let tally = Rc::new(RefCell::new(Tally::default()));
    let courier = Courier {
        caller: Rc::clone(&caller),
        tally: Rc::clone(&tally),
        room: Rc::new(Semaphore::new((descriptors / 8).max(1))),
        time_scale: wishes.time_scale,
        ends: Instant::now() + wishes.lasting + retry_clock(wishes.time_scale) + PATIENCE_AT_THE_END,
    };
    let interrupted = tokio::select! {
        () = send(wishes, courier) => false,
        interrupted = tokio::signal::ctrl_c() => interrupted.map(|()| true)?,
        never = progress::show(&tally, wishes.lasting) => match never {},
    };
    progress::clear();
    let booked = booked(before, counts(&caller).await);
    let tally = tally.borrow().clone();
    let endpoint = caller.endpoint();
    let base = endpoint.sync_target().strip_suffix(SYNC_PATH).unwrap_or_default();
    let report = Report {
        url: format!("{endpoint}{base}"),
        address,
        wanted: &wishes.rate.to_string(),
        lasting: wishes.lasting,
        time_scale: wishes.time_scale,
        interrupted,
        most_left,
        tally,
        booked,
    };
    let printed = match wishes.format {
        Format::Text => print(report.text().trim_end()),
        Format::Json => print(&format!("{:#}", report.json())),
    };
    Ok(if report.is_good() { printed } else { Exit::Failed })
}

/// Begins the payments, evenly, and waits for the last of them.
async fn send(wishes: &Wishes, courier: Courier) {
    let (values, spacing) = (Values::new(), wishes.rate.spacing());
    let begun = Instant::now();
    let mut couriers = JoinSet::new();
    for number in 0.. {
        let due = spacing * number;
        if due >= wishes.lasting {
            break;
        }
        sleep_until(begun + due).await;
        couriers.spawn_local(courier.clone().carry(values.payment(number.into())));
        while couriers.try_join_next().is_some() {}
        courier.tally.borrow_mut().sending = begun.elapsed().max(due + spacing);
    }
    while couriers.join_next().await.is_some() {}
}

/// What the sample upstream of `demo` has booked; `None` for any other upstream.
async fn counts(caller: &Caller) -> Option<Counts> {
    let base = caller.endpoint().sync_target().strip_suffix(SYNC_PATH)?;
    let body = caller.get(&format!("{base}/counts"), PATIENCE).await?;
    serde_json::from_slice(&body).ok()
}

/// What was booked between two counts of the same ledger.
fn booked(before: Option<Counts>, after: Option<Counts>) -> Booked {
    let (Some(before), Some(after)) = (before, after) else { return Booked::NotKnown };
    let less = |now: u64, then: u64| now.checked_sub(then);
    let counts = || {
        Some(Counts {
            bookings: less(after.bookings, before.bookings)?,
            payments: less(after.payments, before.payments)?,
            doubled: less(after.doubled, before.doubled)?,
        })
    };
    counts().map_or(Booked::NotKnown, Booked::Known)
}

fn retry_clock(time_scale: f64) -> Duration {
    ATTEMPTS.last().copied().unwrap_or_default().mul_f64(time_scale)
}

fn lasting(text: &str) -> Result<Duration, String> {
    match parse_duration(text) {
        Ok(lasting) if lasting > LONGEST => Err("at most 24h".to_owned()),
        Ok(lasting) if lasting.is_zero() => Err("longer than nothing".to_owned()),
        Ok(lasting) => Ok(lasting),
        Err(fault) => Err(UnitFault::to_string(&fault)),
    }
}

fn time_scale(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(factor) if (0.001..=10.0).contains(&factor) => Ok(factor),
        _ => Err("write a number from 0.001 to 10".to_owned()),
    }
}

/// Without our prefix: a name with it would have to be a setting, and a gate refuses to start with one that is not.
const PASSWORD_VARIABLE: &str = "SIMULATE_PASSWORD";
/// As many as a gate takes unless told otherwise.
const MOST_LEFT: usize = 10_000;
const LONGEST: Duration = Duration::from_hours(24);
/// For what is asked beside the payments.
const PATIENCE: Duration = Duration::from_secs(5);
/// A gate answers by then: BEARERGATE_UPSTREAM_RESPONSE_TIMEOUT is 30 s.
const PATIENCE_AT_THE_END: Duration = Duration::from_secs(35);
