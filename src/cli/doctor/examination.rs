//! The examination from its first connection to its last finding.

use std::time::{Duration, SystemTime};

use strum::IntoEnumIterator as _;

use super::certificate;
use super::check::Check;
use super::checks::pace;
use super::finding::{Finding, Mark};
use super::heard::Heard;
use super::visit::{OUT_OF_TIME, Visit};
use crate::network::{Endpoint, Roots, Scheme, Tls, TlsVersion};
use crate::secret::Secret;

/// What an endpoint is examined with.
pub(super) struct Means<'a> {
    pub(super) endpoint: &'a Endpoint,
    pub(super) roots: Roots,
    pub(super) login: Option<(String, Secret<String>)>,
    pub(super) sample: Sample,
    pub(super) within: Duration,
}

/// Whether a sample is delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sample {
    Send,
    DoNotSend,
}

/// What an examination came to. Every check has one finding, in the order of the checks.
pub(super) struct Outcome {
    pub(super) findings: Vec<Finding>,
    pub(super) requests: u32,
    pub(super) connections: u32,
    pub(super) wrong_logins: u32,
    pub(super) payments: u32,
    pub(super) took: Duration,
}

/// Examines an endpoint.
pub(super) async fn examine(means: &Means<'_>) -> Outcome {
    let begun = tokio::time::Instant::now();
    let mut visit = Visit::new(means.endpoint, means.within);
    let mut findings = Vec::new();
    if let Some(trust) = arrive(&mut visit, means, &mut findings).await {
        let heard = Heard::of(&mut visit, means, trust).await;
        findings.extend(heard.judged(means));
        findings.push(connections(&mut visit).await);
    }
    let missing: Vec<Check> =
        Check::iter().filter(|check| findings.iter().all(|finding| finding.check != *check)).collect();
    findings.extend(missing.into_iter().map(|check| Finding::skipped(check, "the endpoint cannot be reached")));
    findings.sort_by_key(|finding| finding.check as usize);
    let Visit { requests, connections, wrong_logins, payments, .. } = visit;
    Outcome { findings, requests, connections, wrong_logins, payments, took: begun.elapsed() }
}

/// Whether the endpoint is who it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// Its certificate says so, or it was asked for in the clear.
    Enough,
    /// Nothing proves it.
    None,
}

/// The first connections: who is there, and by which TLS. Nothing where nobody is.
async fn arrive(visit: &mut Visit<'_>, means: &Means<'_>, findings: &mut Vec<Finding>) -> Option<Trust> {
    let mend =
        "see that the host name, the port and the firewall let the network in, from outside of your own network too";
    let first = match visit.open(&Tls::unverified()).await {
        Ok(first) => first,
        Err(unreached) => {
            let mend = if unreached.tls().is_some() {
                "serve TLS 1.2 and 1.3 with ECDHE (P-256) and AES-GCM at this port"
            } else {
                mend
            };
            findings.push(Finding::fail(Check::Reachable, unreached.to_string(), mend));
            return None;
        }
    };
    findings.push(Finding::pass(
        Check::Reachable,
        format!("{}, in {}", first.address(), pace::milliseconds(first.pace().whole())),
    ));
    if means.endpoint.scheme() == Scheme::Http {
        let checks = [Check::Certificate, Check::JavaRoots, Check::Key, Check::Tls12, Check::Tls13];
        findings.extend(checks.map(|check| Finding::skipped(check, "the URL is http://")));
        return Some(Trust::Enough);
    }
    let verified = Tls::verified(&means.roots);
    let mut judged = certificate::judge(first.chain(), means.endpoint.host(), SystemTime::now(), &means.roots);
    drop(first);
    let refused = visit.open(&verified).await.err();
    if let (Some(refused), Mark::Pass | Mark::Warn) = (&refused, judged[0].mark) {
        judged[0] = Finding::fail(
            Check::Certificate,
            refused.to_string(),
            "look at the certificate that this very server shows",
        );
    }
    let trust = if refused.is_none() { Trust::Enough } else { Trust::None };
    findings.extend(judged);
    let tls = if trust == Trust::Enough { verified } else { Tls::unverified() };
    findings.push(version(visit, &tls, TlsVersion::Tls12).await);
    findings.push(version(visit, &tls, TlsVersion::Tls13).await);
    visit.tls = tls;
    Some(trust)
}

async fn version(visit: &mut Visit<'_>, tls: &Tls, version: TlsVersion) -> Finding {
    let check = match version {
        TlsVersion::Tls12 => Check::Tls12,
        TlsVersion::Tls13 => Check::Tls13,
    };
    if visit.is_over() {
        return Finding::skipped(check, OUT_OF_TIME);
    }
    let refused = visit.open(&tls.only(version)).await.err();
    match (version, refused) {
        (_, None) => Finding::pass(check, "agreed on"),
        (TlsVersion::Tls12, Some(why)) => {
            Finding::fail(check, why.to_string(), "allow TLS 1.2 with ECDHE (P-256) and AES-GCM")
        }
        (TlsVersion::Tls13, Some(why)) => Finding::warn(check, why.to_string(), "allow TLS 1.3 too"),
    }
}

/// New connections, one after another.
async fn connections(visit: &mut Visit<'_>) -> Finding {
    let (mut times, mut failed) = (Vec::new(), Vec::new());
    for _ in 0..CONNECTIONS {
        if visit.is_over() {
            break;
        }
        match visit.pace().await {
            Ok(pace) => times.push(pace.connect + pace.handshake),
            Err(why) => failed.push(why),
        }
        if failed.len() > MOST_FAILED {
            break;
        }
    }
    pace::judge_connections(&times, &failed)
}

const CONNECTIONS: usize = 20;
const MOST_FAILED: usize = 3;
