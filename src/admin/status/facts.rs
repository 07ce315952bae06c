//! What does not change from minute to minute: upstream, certificate, keys, clients, connections, files.

use std::time::Duration;

use serde::Serialize;
use strum::VariantArray as _;

use super::advice;
use crate::admin::Shown;
use crate::admin::history::Totals;
use crate::auth::accounts::Caller;
use crate::auth::keyring::KeyState;
use crate::metrics::label::{Handshake, Label as _, Outcome, Part, Reason, Reload};
use crate::metrics::{Durations, LastUsed};
use crate::refusal::UpstreamFault;
use crate::tls::Certificate;
use crate::upstream::probe::Reached;

#[derive(Serialize)]
pub(super) struct Upstream {
    url: String,
    up: bool,
    fault: Option<&'static str>,
    connect_ms: f64,
    answers: u64,
    p50_ms: Option<f64>,
    p99_ms: Option<f64>,
}

#[derive(Serialize)]
pub(super) struct Certified {
    names: Vec<String>,
    issuer: String,
    is_self_signed: bool,
    chain: usize,
    not_before: u64,
    not_after: u64,
    ends_in_s: u64,
    is_valid: bool,
}

#[derive(Serialize)]
pub(super) struct Key {
    name: Option<String>,
    algorithm: &'static str,
    signs: bool,
    since: Option<u64>,
}

#[derive(Serialize)]
pub(super) struct Client {
    name: String,
    requests: u64,
    passwords: Vec<u64>,
    static_tokens: Vec<u64>,
}

#[derive(Serialize)]
pub(super) struct Door {
    what: &'static str,
    recent: u64,
    total: u64,
    is_bad: bool,
}

#[derive(Serialize)]
pub(super) struct Reloads {
    pub(super) what: &'static str,
    ok: u64,
    failed: u64,
    pub(super) failing: Option<String>,
}

#[derive(Serialize)]
pub(super) struct Lines {
    dropped: u64,
    left_out: u64,
}

pub(super) fn upstream(shown: &Shown, reached: &Reached, recent: &Durations) -> Upstream {
    Upstream {
        url: shown.upstream.origin().to_string(),
        up: reached.fault.is_none(),
        fault: reached.fault.map(UpstreamFault::label).map(Reason::name),
        connect_ms: milliseconds(reached.took),
        answers: recent.count(),
        p50_ms: quantile(recent, 0.5),
        p99_ms: quantile(recent, 0.99),
    }
}

fn quantile(durations: &Durations, share: f64) -> Option<f64> {
    durations.quantile(share).map(milliseconds)
}

pub(super) fn certified(certificate: &Certificate, now: u64) -> Certified {
    Certified {
        names: certificate.names.clone(),
        issuer: certificate.issuer.clone(),
        is_self_signed: certificate.is_self_signed,
        chain: certificate.chain,
        not_before: certificate.not_before_unix_s,
        not_after: certificate.not_after_unix_s,
        ends_in_s: certificate.not_after_unix_s.saturating_sub(now),
        is_valid: certificate.is_valid_at(now),
    }
}

pub(super) fn keys(shown: &Shown, now: u64) -> Vec<Key> {
    let states = shown.keys.read().overview(now);
    let key = |state: KeyState| Key {
        name: state.id.map(|id| id.to_string()),
        algorithm: state.algorithm.name(),
        signs: state.signs,
        since: state.since,
    };
    states.into_iter().map(key).collect()
}

pub(super) fn clients(shown: &Shown) -> Vec<Client> {
    let clients = shown.clients.read();
    let times = |used: &[LastUsed]| used.iter().map(LastUsed::unix_s).collect();
    let client = |caller: &Caller| Client {
        name: caller.client().to_string(),
        requests: Outcome::VARIANTS.iter().map(|outcome| caller.meter().requests(*outcome)).sum(),
        passwords: times(caller.meter().passwords()),
        static_tokens: times(caller.meter().static_tokens()),
    };
    let mut all: Vec<_> = clients.accounts().callers().map(client).collect();
    all.sort_by(|one, other| one.name.cmp(&other.name));
    all
}

pub(super) fn doors(recent: &Totals, totals: &Totals) -> Vec<Door> {
    let handshake = |result: &Handshake| Door {
        what: advice::door(*result),
        recent: recent.handshake(*result),
        total: totals.handshake(*result),
        is_bad: advice::is_bad(*result),
    };
    let unreadable =
        Door { what: "sent what is no request", recent: recent.unreadable, total: totals.unreadable, is_bad: false };
    let all = Handshake::VARIANTS.iter().map(handshake).chain([unreadable]);
    all.filter(|door| door.total > 0).collect()
}

pub(super) fn reloads(shown: &Shown, part: Part) -> Reloads {
    Reloads {
        what: part.name(),
        ok: shown.metrics.reloads(part, Reload::Ok),
        failed: shown.metrics.reloads(part, Reload::Failed),
        failing: shown.metrics.failing(part).map(|failure| failure.to_string()),
    }
}

impl Lines {
    pub(super) fn of(shown: &Shown) -> Self {
        Self { dropped: shown.log.lost(), left_out: shown.metrics.unlogged() }
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1000.0
}
