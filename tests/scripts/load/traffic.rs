//! Callers with a token at a fixed rate, timed.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::caller::{Caller, Tls, delivery};

/// Bearer traffic on connections that stay.
pub(crate) struct Traffic {
    callers: Vec<Caller>,
    token: String,
}

impl Traffic {
    /// Connects; every request will carry this token.
    ///
    /// # Errors
    /// A connection cannot be made.
    pub(crate) async fn of(address: SocketAddr, tls: &Tls, token: String) -> io::Result<Self> {
        let mut callers = Vec::new();
        for _ in 0..CONNECTIONS {
            callers.push(Caller::connect(address, Some(tls)).await?);
        }
        Ok(Self { callers, token })
    }

    /// Sends at the fixed rate for this long. Gives each answer's time in milliseconds, in ascending order.
    ///
    /// # Errors
    /// A request fails.
    pub(crate) async fn measure(&mut self, long: Duration) -> io::Result<Vec<f64>> {
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

/// Prints what these times come to.
pub(crate) fn print(what: &str, times: &mut [f64]) {
    times.sort_by(f64::total_cmp);
    let (p50, p90, p99, count) = (percentile(times, 50), percentile(times, 90), percentile(times, 99), times.len());
    println!("{what}: {count} requests, p50 {p50:.3} ms, p90 {p90:.3} ms, p99 {p99:.3} ms");
}

/// Of an ascending list.
pub(crate) fn percentile(times: &[f64], percent: usize) -> f64 {
    times.get((times.len() * percent / 100).min(times.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}

/// The median.
pub(crate) fn middle(numbers: &mut [f64]) -> f64 {
    numbers.sort_by(f64::total_cmp);
    percentile(numbers, 50)
}

/// Together 400 requests a second.
const CONNECTIONS: u32 = 8;
const EVERY: Duration = Duration::from_millis(20);
