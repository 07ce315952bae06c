//! What is printed of a run: for a person, or as JSON.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};

use super::latencies::Latencies;
use super::tally::Tally;
use crate::cli::demo::Counts;
use crate::units::display_duration;

/// A run that has ended.
pub(super) struct Report<'r> {
    pub(super) url: String,
    pub(super) address: SocketAddr,
    pub(super) wanted: &'r str,
    pub(super) lasting: Duration,
    pub(super) time_scale: f64,
    pub(super) interrupted: bool,
    pub(super) most_left: usize,
    pub(super) tally: Tally,
    pub(super) booked: Booked,
}

/// What the upstream has booked meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Booked {
    /// By its own count.
    Known(Counts),
    /// It counts nothing, or has forgotten.
    NotKnown,
}

impl Report<'_> {
    /// Whether every payment arrived, and none twice, as far as is known.
    pub(super) fn is_good(&self) -> bool {
        self.tally.lost + self.tally.finals + self.doubled().unwrap_or_default() == 0
    }

    fn doubled(&self) -> Option<u64> {
        match self.booked {
            Booked::Known(counts) => Some(counts.doubled),
            Booked::NotKnown => None,
        }
    }

    /// For a person.
    pub(super) fn text(&self) -> String {
        let Self { url, address, wanted, tally, .. } = self;
        let mut text = String::new();
        let lasting = display_duration(self.lasting);
        let clock = if self.time_scale == 1.0 { "as it is".to_owned() } else { format!("times {}", self.time_scale) };
        let _ = writeln!(text, "{url} at {address}: {wanted} for {lasting}, retry clock {clock}");
        if self.interrupted {
            text.push_str("interrupted: this is what is known so far\n");
        }
        let mut row = |name: &str, count: u64, says: &str| {
            let _ = writeln!(text, "{name:<9}{count:>9}  {says}");
        };
        let sending = tally.sending.as_secs_f64();
        row("sent", tally.sent, &format!("payments in {sending:.1} s: {:.1}/s", tally.rate()));
        row("done", tally.done, &format!("by attempt: {}", attempts(&tally.done_at)));
        row("retried", tally.retried, "needed more than one attempt");
        row("final", tally.finals, "given up on by the network after an answer (400, 3xx): lost too");
        row("lost", tally.lost, "not done after the last attempt");
        if tally.open() > 0 {
            row("open", tally.open(), "still on their way when this was ended");
        }
        match self.booked {
            Booked::Known(Counts { bookings, payments, doubled }) => {
                row(
                    "doubled",
                    doubled,
                    &format!("by the upstream's own count: {bookings} bookings of {payments} payments"),
                );
            }
            Booked::NotKnown => {
                text.push_str("doubled  not known  the upstream has no count of its own at /counts, or it began anew, or may not be asked\n");
            }
        }
        let _ = writeln!(text, "attempts {:>9}  each with a token call and a connection of its own", tally.attempts);
        if tally.held_up > 0 {
            let _ = writeln!(text, "waited   {:>9}  attempts began late, for want of descriptors here", tally.held_up);
        }
        for (why, count) in &tally.failures {
            let _ = writeln!(text, "  {count:>15}  {why}");
        }
        let _ = writeln!(text, "connections are left open after an answer, the latest {} of them", self.most_left);
        text.push_str(&self.latencies());
        text
    }

    fn latencies(&self) -> String {
        let Tally { token, delivery, whole, .. } = &self.tally;
        let all = [("token", token), ("delivery", delivery), ("whole", whole)];
        let mut text = format!("\n{:<9}{:>10}{:>10}{:>10}{:>10}\n", "", "p50", "p90", "p99", "longest");
        for (name, latencies) in all {
            if latencies.count() == 0 {
                let _ = writeln!(text, "{name:<9}{:>10}", "none");
                continue;
            }
            let [p50, p90, p99] = [0.5, 0.9, 0.99].map(|share| milliseconds(latencies.quantile(share)));
            let _ = writeln!(text, "{name:<9}{p50:>10}{p90:>10}{p99:>10}{:>10}", milliseconds(latencies.longest()));
        }
        let bins = all.map(|(_, latencies)| latencies.bins(&BOUNDS));
        let most = bins.iter().flatten().copied().max().unwrap_or_default().max(1);
        let _ = writeln!(text, "\n{:<11}{:<24}{:<24}whole", "", "token", "delivery");
        let labels = BOUNDS.iter().map(|bound| format!("<= {}", display_duration(*bound))).chain(["longer".to_owned()]);
        let rows: Vec<(String, [u64; 3])> =
            labels.enumerate().map(|(at, label)| (label, [bins[0][at], bins[1][at], bins[2][at]])).collect();
        let used = |(_, counts): &(String, [u64; 3])| counts.iter().any(|count| *count > 0);
        let (first, last) = (rows.iter().position(used), rows.iter().rposition(used));
        for (label, counts) in
            rows.iter().skip(first.unwrap_or(rows.len())).take(last.unwrap_or(0) + 1 - first.unwrap_or(0))
        {
            let bars = counts.map(|count| bar(count, most)).concat();
            let _ = writeln!(text, "{label:<11}{}", bars.trim_end());
        }
        text
    }

    /// For a program.
    pub(super) fn json(&self) -> Value {
        let tally = &self.tally;
        json!({
            "url": self.url, "address": self.address.to_string(), "rate": self.wanted,
            "for_s": self.lasting.as_secs_f64(), "time_scale": self.time_scale, "interrupted": self.interrupted,
            "achieved_per_s": tally.rate(), "sending_s": tally.sending.as_secs_f64(),
            "sent": tally.sent, "done": tally.done, "done_at_attempt": tally.done_at, "retried": tally.retried,
            "final": tally.finals, "lost": tally.lost, "open": tally.open(), "doubled": self.doubled(),
            "booked": match self.booked { Booked::Known(counts) => json!(counts), Booked::NotKnown => Value::Null },
            "attempts": tally.attempts, "token_calls": tally.token_calls, "waited_for_descriptors": tally.held_up,
            "failures": tally.failures, "connections_left_at_most": self.most_left,
            "latency": { "token": latency(&tally.token), "delivery": latency(&tally.delivery), "whole": latency(&tally.whole) },
        })
    }
}

/// `1: 11800, 3: 200`.
fn attempts(done_at: &[u64]) -> String {
    let some = done_at.iter().enumerate().filter(|(_, count)| **count > 0);
    let some: Vec<String> = some.map(|(at, count)| format!("{}: {count}", at + 1)).collect();
    if some.is_empty() { "none".to_owned() } else { some.join(", ") }
}

fn latency(latencies: &Latencies) -> Value {
    let ms = |duration: Duration| duration.as_micros() as f64 / 1000.0;
    let bins = latencies.bins(&BOUNDS).into_iter().zip(BOUNDS.map(|bound| Some(ms(bound))).into_iter().chain([None]));
    json!({
        "count": latencies.count(),
        "p50_ms": ms(latencies.quantile(0.5)), "p90_ms": ms(latencies.quantile(0.9)), "p99_ms": ms(latencies.quantile(0.99)),
        "longest_ms": ms(latencies.longest()),
        "histogram": bins.map(|(count, bound)| json!({ "le_ms": bound, "count": count })).collect::<Vec<_>>(),
    })
}

fn milliseconds(duration: Duration) -> String {
    let ms = duration.as_micros() as f64 / 1000.0;
    if ms < 100.0 { format!("{ms:.1} ms") } else { format!("{ms:.0} ms") }
}

/// A count and its bar, 24 columns wide; what is there shows as one sign at least.
fn bar(count: u64, most: u64) -> String {
    let length = (count * 14).div_ceil(most) as usize;
    if count == 0 { format!("{:24}", "") } else { format!("{count:>7} {:<16}", "#".repeat(length)) }
}

/// The upper bounds of the bins that are shown.
const BOUNDS: [Duration; 14] = [
    Duration::from_millis(1),
    Duration::from_millis(2),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(20),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(60),
];
