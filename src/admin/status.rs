//! The status for people: a document, and a page that shows it and asks for it again.
//!
//! The page is three files that never change while the process runs; it makes text nodes of what the document says, so that no path or name
//! that a caller chose can become markup, and a policy holds the browser to that.

use serde::Serialize;
use strum::VariantArray as _;

use super::{Setting, Shown};
use crate::auth::token::TokenFault;
use crate::journal::{Errand, RefusedCall};
use crate::metrics::Warning;
use crate::metrics::label::{Label as _, Part, Reason};
use crate::metrics::process::Process;
use crate::refusal::{Refusal, UpstreamFault};

mod advice;
mod facts;
mod page;
mod verdict;

use super::history::{EVERY, History, STEPS, Totals};
pub(super) use page::page;

use facts::{Certified, Client, Door, Key, Lines, Reloads, Upstream};
use verdict::{Notice, Verdict};

/// Everything that the page shows.
#[derive(Serialize)]
struct Status<'s> {
    version: &'static str,
    now: u64,
    started: u64,
    window_s: u64,
    not_ready: Vec<&'static str>,
    verdict: Verdict,
    notices: Vec<Notice>,
    recent: Recent,
    traffic: Traffic,
    refusals: Vec<Refusals>,
    refused_calls: Vec<Call>,
    upstream: Upstream,
    certificate: Option<Certified>,
    keys: Vec<Key>,
    clients: Vec<Client>,
    connections: u64,
    connections_max: usize,
    in_flight: u64,
    doors: Vec<Door>,
    reloads: Vec<Reloads>,
    log: Lines,
    settings: &'s [Setting],
}

/// Counts of the last minutes.
#[derive(Serialize)]
struct Recent {
    delivered: u64,
    refused: u64,
    lost: u64,
    tokens: u64,
    token_failures: u64,
}

/// The same, step by step, for the plot.
#[derive(Serialize)]
struct Traffic {
    every_s: u64,
    ends: u64,
    delivered: Vec<u64>,
    tokens: Vec<u64>,
    refused: Vec<u64>,
    lost: Vec<u64>,
}

#[derive(Serialize)]
struct Refusals {
    reason: &'static str,
    recent: u64,
    total: u64,
    advice: &'static str,
}

#[derive(Serialize)]
struct Call {
    /// Seconds since the Unix epoch.
    time: f64,
    peer: String,
    client: Option<String>,
    method: String,
    path: String,
    for_token: bool,
    status: u16,
    reason: &'static str,
    advice: String,
}

/// The document.
pub(super) async fn json(shown: &Shown, history: &History) -> String {
    let status = status(shown, history).await;
    // Plain data has nothing that could fail to be written.
    serde_json::to_string(&status).unwrap_or_default()
}

async fn status<'s>(shown: &'s Shown, history: &History) -> Status<'s> {
    let (now, totals) = (shown.clock.unix(), Totals::of(shown));
    let (recent, reached) = (history.recent(&totals), shown.upstream.ask().await);
    let not_ready = super::readiness::lacking(shown).await;
    let certificate = shown.tls.as_ref().map(|tls| facts::certified(&tls.read().certificate, now));
    let reloads: Vec<Reloads> = Part::VARIANTS.iter().map(|part| facts::reloads(shown, *part)).collect();
    let view = verdict::View {
        not_ready: &not_ready,
        fault: reached.fault.map(UpstreamFault::label),
        recent: &recent,
        warnings: Warning::VARIANTS.iter().copied().filter(|warning| shown.metrics.is_raised(*warning)).collect(),
        failing: reloads.iter().filter_map(|each| Some((each.what, each.failing.as_deref()?))).collect(),
        lost_lines: shown.log.lost(),
    };
    Status {
        version: env!("CARGO_PKG_VERSION"),
        now,
        started: Process::read().start_unix_s as u64,
        window_s: EVERY.as_secs() * STEPS as u64,
        verdict: verdict::of(&view),
        notices: verdict::notices(&view),
        not_ready: not_ready.iter().map(|lack| lack.name()).collect(),
        traffic: traffic(history, &totals, now),
        refusals: refusals(&recent, &totals),
        refused_calls: shown.journal.refused().latest(MOST_CALLS).into_iter().map(call).collect(),
        upstream: facts::upstream(shown, &reached, &recent.upstream),
        certificate,
        keys: facts::keys(shown, now),
        clients: facts::clients(shown),
        connections: shown.metrics.connections(),
        connections_max: shown.max_connections,
        in_flight: shown.metrics.in_flight(),
        doors: facts::doors(&recent, &totals),
        reloads,
        log: Lines::of(shown),
        settings: &shown.settings,
        recent: Recent::of(&recent),
    }
}

impl Recent {
    fn of(totals: &Totals) -> Self {
        Self {
            delivered: totals.delivered(),
            refused: totals.refused(),
            lost: totals.lost(),
            tokens: totals.tokens,
            token_failures: totals.token_failures,
        }
    }
}

fn traffic(history: &History, totals: &Totals, now: u64) -> Traffic {
    let steps = history.steps(totals);
    let each = |number: fn(&Totals) -> u64| steps.iter().map(number).collect();
    Traffic {
        every_s: EVERY.as_secs(),
        // To the step, so that the axis does not creep.
        ends: now.next_multiple_of(EVERY.as_secs()),
        delivered: each(Totals::delivered),
        tokens: each(|step| step.tokens),
        refused: each(Totals::refused),
        lost: each(Totals::lost),
    }
}

fn refusals(recent: &Totals, totals: &Totals) -> Vec<Refusals> {
    let each = Reason::VARIANTS.iter().map(|reason| Refusals {
        reason: reason.name(),
        recent: recent.reasons[*reason as usize],
        total: totals.reasons[*reason as usize],
        advice: advice::advice(*reason),
    });
    let mut refusals: Vec<_> = each.filter(|each| each.total > 0).collect();
    refusals.sort_by_key(|each| std::cmp::Reverse((each.recent, each.total)));
    refusals
}

fn call(call: RefusedCall) -> Call {
    let reason = call.refusal.label();
    let expired_s = match call.refusal {
        Refusal::BadToken(TokenFault::Expired { ago_s }) => Some(ago_s),
        _ => None,
    };
    Call {
        time: call.time.as_millis() as f64 / 1000.0,
        peer: call.peer.to_string(),
        client: call.client.map(|client| client.to_string()),
        method: call.method.to_string(),
        path: call.path,
        for_token: call.errand == Errand::Token,
        status: call.status.as_u16(),
        reason: reason.name(),
        advice: advice::for_reason(reason, expired_s),
    }
}

/// Calls that the page shows.
const MOST_CALLS: usize = 40;
