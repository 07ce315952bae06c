//! The page of metrics: gathers the numbers from where they are kept. Every series of a closed list is there from the start.

use std::fmt::Display;

use strum::VariantArray as _;

use super::Shown;
use crate::auth::accounts::Caller;
use crate::metrics::label::{Handshake, Label, Outcome, Part, Reason, Reload, Taken, Unreadable};
use crate::metrics::process::Process;
use crate::metrics::table::{self, Row};
use crate::metrics::text::Page;
use crate::metrics::{ClientMeter, LastUsed, Warning};

/// The whole page.
pub(super) async fn page(shown: &Shown) -> String {
    let mut page = Page::default();
    requests(&mut page, shown);
    upstream(&mut page, shown).await;
    connections(&mut page, shown);
    files(&mut page, shown);
    logins(&mut page, shown);
    page.single(&table::LOG_LINES_DROPPED, shown.log.lost());
    page.single(&table::REFUSAL_LINES_LEFT_OUT, shown.metrics.unlogged());
    page.single(&table::DRAINING, u8::from((shown.is_draining)()));
    page.family(&table::BUILD_INFO).sample(&[env!("CARGO_PKG_VERSION")], 1);
    process(&mut page, &Process::read());
    page.finish()
}

fn requests(page: &mut Page, shown: &Shown) {
    let (metrics, clients) = (&shown.metrics, shown.clients.read());
    let callers = sorted(clients.accounts().callers());
    let mut family = page.family(&table::REQUESTS);
    for outcome in Outcome::VARIANTS {
        family.sample(&["", outcome.name()], metrics.requests_of_nobody(*outcome));
    }
    for caller in &callers {
        for outcome in Outcome::VARIANTS {
            family.sample(&[caller.client().as_str(), outcome.name()], caller.meter().requests(*outcome));
        }
    }
    each(page, &table::REFUSALS, Reason::VARIANTS, |reason| metrics.refusals(reason));
    let mut family = page.family(&table::TOKENS_ISSUED);
    callers.iter().for_each(|caller| family.sample(&[caller.client().as_str()], caller.meter().tokens_issued()));
    let mut family = page.family(&table::TOKEN_FAILURES);
    for reason in Reason::VARIANTS {
        let count = metrics.token_failures(*reason);
        if reason.is_of_token_endpoint() || count > 0 {
            family.sample(&[reason.name()], count);
        }
    }
    page.histogram(&table::REQUEST_DURATION, &metrics.request_durations());
}

async fn upstream(page: &mut Page, shown: &Shown) {
    let reached = shown.upstream.ask().await;
    page.histogram(&table::UPSTREAM_DURATION, &shown.metrics.upstream_durations());
    page.single(&table::UPSTREAM_UP, u8::from(reached.fault.is_none()));
    page.single(&table::UPSTREAM_PROBE, reached.took.as_secs_f64());
    page.single(&table::UPSTREAM_STALE, shown.metrics.stale());
    each(page, &table::DELIVERIES, Taken::VARIANTS, |taken| shown.metrics.deliveries(taken));
    page.single(&table::DELIVERIES_RETRIED, shown.metrics.retried());
    each(page, &table::WARNINGS, Warning::VARIANTS, |warning| u8::from(shown.metrics.is_raised(warning)));
}

fn connections(page: &mut Page, shown: &Shown) {
    let metrics = &shown.metrics;
    page.single(&table::CONNECTIONS, metrics.connections());
    page.single(&table::CONNECTIONS_MAX, shown.max_connections);
    page.single(&table::IN_FLIGHT, metrics.in_flight());
    each(page, &table::HANDSHAKES, Handshake::VARIANTS, |result| metrics.handshakes(result));
    each(page, &table::UNREADABLE, Unreadable::VARIANTS, |why| metrics.unreadable(why));
}

fn files(page: &mut Page, shown: &Shown) {
    let mut family = page.family(&table::RELOADS);
    for part in Part::VARIANTS {
        for result in Reload::VARIANTS {
            family.sample(&[part.name(), result.name()], shown.metrics.reloads(*part, *result));
        }
    }
    each(page, &table::RELOAD_FAILING, Part::VARIANTS, |part| u8::from(shown.metrics.failing(part).is_some()));
    let not_after = shown.tls.as_ref().map_or(0, |tls| tls.read().certificate.not_after_unix_s);
    page.single(&table::CERTIFICATE_NOT_AFTER, not_after);
}

fn logins(page: &mut Page, shown: &Shown) {
    let clients = shown.clients.read();
    last_used(page, &table::PASSWORD_LAST_USED, clients.accounts().callers(), ClientMeter::passwords);
    last_used(page, &table::STATIC_TOKEN_LAST_USED, clients.accounts().callers(), ClientMeter::static_tokens);
    page.single(&table::LOGINS_HASHED, shown.metrics.hashed_logins());
    page.single(&table::LOGINS_HASHING, shown.issuer.hashing());
    page.single(&table::LOGINS_REMEMBERED, clients.accounts().remembered());
}

fn process(page: &mut Page, process: &Process) {
    page.single(&table::PROCESS_START, process.start_unix_s);
    page.single(&table::PROCESS_CPU, process.cpu_s);
    page.single(&table::PROCESS_MEMORY, process.resident_bytes);
    page.single(&table::PROCESS_OPEN_FDS, process.open_fds);
    page.single(&table::PROCESS_MAX_FDS, process.max_fds);
    page.single(&table::PROCESS_THREADS, process.threads);
}

/// A metric with one label of a closed list.
fn each<L: Label, N: Display>(page: &mut Page, row: &'static Row, labels: &[L], number: impl Fn(L) -> N) {
    let mut family = page.family(row);
    labels.iter().for_each(|label| family.sample(&[label.name()], number(*label)));
}

/// A metric of a client's secrets, by their position in its list.
fn last_used<'c>(
    page: &mut Page,
    row: &'static Row,
    callers: impl Iterator<Item = &'c Caller>,
    secrets: impl Fn(&ClientMeter) -> &[LastUsed],
) {
    let mut family = page.family(row);
    for caller in sorted(callers) {
        for (position, used) in secrets(caller.meter()).iter().enumerate() {
            family.sample(&[caller.client().as_str(), &position.to_string()], used.unix_s());
        }
    }
}

/// The same order in every scrape.
fn sorted<'c>(callers: impl Iterator<Item = &'c Caller>) -> Vec<&'c Caller> {
    let mut callers: Vec<_> = callers.collect();
    callers.sort_by_key(|caller| caller.client().as_str());
    callers
}
