//! The first thing to read: are payments coming in, and if not, whose fault is it.

use serde::Serialize;
use strum::VariantArray as _;

use super::advice;
use crate::admin::history::Totals;
use crate::admin::readiness::Lack;
use crate::metrics::Warning;
use crate::metrics::label::{Handshake, Label as _, Outcome, Reason, Taken};

/// One sentence on how it is, and what to do.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Verdict {
    pub(super) level: Level,
    pub(super) sentence: String,
    pub(super) advice: String,
}

/// Something to look into beside that.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Notice {
    level: Level,
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Level {
    /// Payments come in.
    Good,
    /// Nothing happens, and nothing speaks against it.
    Quiet,
    /// Some are held up.
    Warn,
    /// None comes through.
    Bad,
}

/// What is judged.
pub(super) struct View<'v> {
    pub(super) not_ready: &'v [Lack],
    /// Why the upstream takes no connection now.
    pub(super) fault: Option<Reason>,
    /// The last minutes.
    pub(super) recent: &'v Totals,
    /// What should be mended before it costs payments.
    pub(super) warnings: Vec<Warning>,
    /// Parts whose files cannot be loaded, and why.
    pub(super) failing: Vec<(&'static str, &'v str)>,
    pub(super) lost_lines: u64,
}

impl Verdict {
    fn new(level: Level, sentence: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { level, sentence: sentence.into(), advice: advice.into() }
    }
}

/// The worst that is true.
pub(super) fn of(view: &View<'_>) -> Verdict {
    let Totals { reasons, .. } = view.recent;
    let lacks = |lack: Lack| view.not_ready.contains(&lack);
    let delivered = view.recent.delivered();
    let worst = worst(view.recent, |_| true);
    if lacks(Lack::Draining) {
        return Verdict::new(
            Level::Warn,
            "Stopping",
            "The process was told to stop and finishes what runs; no new calls should come.",
        );
    }
    if lacks(Lack::Certificate) {
        let advice = "The network cannot get a token. Renew the certificate; it is loaded by itself. If it is in order, this host's clock is wrong.";
        return Verdict::new(Level::Bad, "Our certificate is not valid now", advice);
    }
    if lacks(Lack::Upstream) {
        let advice = advice::advice(view.fault.unwrap_or(Reason::UpstreamRefused));
        return Verdict::new(Level::Bad, "The API behind the gate is down", advice);
    }
    let by_upstream = worst_of_upstream(view.recent);
    if let Some((reason, count)) = by_upstream
        && count * 10 > delivered
    {
        let level = if count > delivered { Level::Bad } else { Level::Warn };
        return Verdict::new(
            level,
            format!("The API behind the gate fails: {count} of {}", calls(count + delivered)),
            advice::advice(reason),
        );
    }
    if let Some(verdict) = answers(view.recent) {
        return verdict;
    }
    if delivered == 0 && view.recent.handshake(Handshake::CertificateRefused) > 0 {
        let advice = "Is it from a public authority, with its full chain, for the host name that was registered, and not expired? Ask from \
             outside, where it says which of these it is: bearergate doctor https://HOST.";
        return Verdict::new(Level::Bad, "Callers do not accept our certificate", advice);
    }
    if view.recent.tokens == 0 && delivered == 0 && reasons[Reason::WrongCredentials as usize] > 0 {
        let advice = advice::advice(Reason::WrongCredentials);
        return Verdict::new(Level::Bad, "Nobody gets a token: wrong user name or password", advice);
    }
    let refused = view.recent.refused();
    match worst {
        Some((reason, _)) if delivered == 0 => Verdict::new(
            Level::Warn,
            format!("Nothing is delivered; {} refused", calls(refused)),
            advice::advice(reason),
        ),
        Some((reason, _)) if refused > delivered => Verdict::new(
            Level::Warn,
            format!("More is refused than delivered: {refused} against {delivered}"),
            advice::advice(reason),
        ),
        _ if delivered > 0 => {
            let refused = if refused == 0 { "nothing refused".to_owned() } else { format!("{refused} refused") };
            Verdict::new(
                Level::Good,
                "Payments are coming in",
                format!("{} delivered in the last ten minutes, {refused}.", calls(delivered)),
            )
        }
        _ => Verdict::new(
            Level::Quiet,
            "Nothing has come in for ten minutes",
            "Ready for calls, and nobody has called. If payments are expected: does the network have the right URL, and does it reach this host?",
        ),
    }
}

/// Payments that reach the API and are not taken for done: from one in ten on it is the first thing to say.
fn answers(recent: &Totals) -> Option<Verdict> {
    let [done, given_up, retried] =
        [Taken::Done, Taken::Final, Taken::Retried].map(|taken| recent.deliveries[taken as usize]);
    let (failed, all) = (given_up + retried, done + given_up + retried);
    if failed * 10 <= all {
        return None;
    }
    let level = if failed > done { Level::Bad } else { Level::Warn };
    let advice = if given_up > 0 {
        "It answers with 400 or a redirect, and the network gives these payments up for good. Let it answer 2xx with JSON when it has booked a \
         payment, and 5xx when it is to come again; its own log says why it does not."
    } else {
        "It answers with an error, or with success but no JSON, and the network sends each of these payments up to ten times. Let it answer 2xx \
         with the JSON of the Transaction Sync API when it has booked a payment; its own log says why it does not."
    };
    Some(Verdict::new(level, format!("The API does not take payments: {failed} of {all}"), advice))
}

/// What to look into beside the verdict.
pub(super) fn notices(view: &View<'_>) -> Vec<Notice> {
    let mut notices = Vec::new();
    let mut tell = |level: Level, text: String| notices.push(Notice { level, text });
    for (what, why) in &view.failing {
        let what = what.replace('_', " ");
        tell(
            Level::Bad,
            format!("The changed {what} cannot be loaded, the old goes on serving, and a restart would fail: {why}"),
        );
    }
    for warning in &view.warnings {
        tell(gravity(*warning), format!("{}. {}", warning.sentence(), warning.remedy()));
    }
    if view.recent.handshake(Handshake::CertificateRefused) > 0 {
        let count = view.recent.handshake(Handshake::CertificateRefused);
        tell(
            Level::Warn,
            format!("{} ended because the caller did not accept our certificate.", plural(count, "handshake")),
        );
    }
    if view.recent.handshake(Handshake::ProxyHeader) + view.recent.handshake(Handshake::ProxyUntrusted) > 0 {
        let text = "Connections are closed for want of a PROXY header. Does the load balancer send one, and is it in BEARERGATE_TRUSTED_PROXIES?";
        tell(Level::Warn, text.to_owned());
    }
    if view.lost_lines > 0 {
        tell(
            Level::Warn,
            format!("{} of log were lost. Is the disk full, or its reader slow?", plural(view.lost_lines, "line")),
        );
    }
    notices
}

/// Whether payments are lost already, or somebody may come in.
const fn gravity(warning: Warning) -> Level {
    match warning {
        Warning::UpstreamBypass
        | Warning::CertificateExpired
        | Warning::DeliveriesWithoutToken
        | Warning::DeliveriesRetried => Level::Bad,
        Warning::CertificateSelfSigned
        | Warning::CertificateIncomplete
        | Warning::CertificateEnds
        | Warning::ClockJumped
        | Warning::UpstreamStale => Level::Warn,
    }
}

fn worst(recent: &Totals, wanted: impl Fn(Reason) -> bool) -> Option<(Reason, u64)> {
    let counted = Reason::VARIANTS.iter().map(|reason| (*reason, recent.reasons[*reason as usize]));
    counted.filter(|(reason, count)| *count > 0 && wanted(*reason)).max_by_key(|(_, count)| *count)
}

/// How often the upstream was the reason, and the reason that came most often.
fn worst_of_upstream(recent: &Totals) -> Option<(Reason, u64)> {
    let is_upstream = |reason: Reason| reason.name().starts_with("upstream_");
    let all = Reason::VARIANTS.iter().filter(|reason| is_upstream(**reason));
    let count = all.map(|reason| recent.reasons[*reason as usize]).sum();
    worst(recent, is_upstream).map(|(reason, _)| (reason, count))
}

fn calls(count: u64) -> String {
    plural(count, "call")
}

fn plural(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

impl Totals {
    pub(super) const fn delivered(&self) -> u64 {
        self.outcome(Outcome::Delivered)
    }

    pub(super) const fn refused(&self) -> u64 {
        self.outcome(Outcome::Refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn totals(delivered: u64, tokens: u64, reasons: &[(Reason, u64)], refused_certificates: u64) -> Totals {
        let mut totals = Totals::default();
        totals.outcomes[Outcome::Delivered as usize] = delivered;
        totals.tokens = tokens;
        totals.handshakes[Handshake::CertificateRefused as usize] = refused_certificates;
        for (reason, count) in reasons {
            totals.reasons[*reason as usize] = *count;
            totals.outcomes[Outcome::Refused as usize] += count;
        }
        totals
    }

    /// Each row: what is so, and what is said of it.
    #[test]
    fn the_worst_that_is_true_is_said_and_whose_it_is() {
        use Reason::{BearerAbsent, RuleNotAllowed, UpstreamBroken, UpstreamTimeout, WrongCredentials};
        for (not_ready, recent, level, sentence) in [
            (&[][..], totals(0, 0, &[], 0), Level::Quiet, "Nothing has come in for ten minutes"),
            (&[], totals(5, 5, &[], 0), Level::Good, "Payments are coming in"),
            (&[], totals(5, 5, &[(BearerAbsent, 3)], 9), Level::Good, "Payments are coming in"),
            (&[], totals(5, 5, &[(RuleNotAllowed, 6)], 0), Level::Warn, "More is refused than delivered: 6 against 5"),
            (&[], totals(0, 1, &[(RuleNotAllowed, 1)], 0), Level::Warn, "Nothing is delivered; 1 call refused"),
            (
                &[],
                totals(0, 0, &[(WrongCredentials, 2)], 0),
                Level::Bad,
                "Nobody gets a token: wrong user name or password",
            ),
            (&[], totals(0, 0, &[(BearerAbsent, 2)], 1), Level::Bad, "Callers do not accept our certificate"),
            (
                &[],
                totals(50, 9, &[(UpstreamTimeout, 6)], 0),
                Level::Warn,
                "The API behind the gate fails: 6 of 56 calls",
            ),
            (
                &[],
                totals(1, 9, &[(UpstreamTimeout, 1), (UpstreamBroken, 2)], 0),
                Level::Bad,
                "The API behind the gate fails: 3 of 4 calls",
            ),
            (&[Lack::Upstream], totals(50, 9, &[], 0), Level::Bad, "The API behind the gate is down"),
            (
                &[Lack::Certificate, Lack::Upstream],
                totals(0, 0, &[], 0),
                Level::Bad,
                "Our certificate is not valid now",
            ),
            (&[Lack::Draining, Lack::Upstream], totals(0, 0, &[], 0), Level::Warn, "Stopping"),
        ] {
            let view = View {
                not_ready,
                fault: Some(Reason::UpstreamConnectTimeout),
                recent: &recent,
                warnings: vec![],
                failing: vec![],
                lost_lines: 0,
            };
            let verdict = of(&view);
            assert_eq!((verdict.level, verdict.sentence.as_str()), (level, sentence));
            assert!(verdict.advice.len() > 30, "{sentence}");
        }
    }

    #[test]
    fn payments_that_the_api_does_not_take_are_no_payments_that_come_in() {
        for ([done, given_up, retried], level, sentence, advice) in [
            ([9, 0, 1], Level::Good, "Payments are coming in", "10 calls delivered"),
            ([8, 0, 2], Level::Warn, "The API does not take payments: 2 of 10", "up to ten times"),
            ([4, 1, 5], Level::Bad, "The API does not take payments: 6 of 10", "for good"),
            ([0, 10, 0], Level::Bad, "The API does not take payments: 10 of 10", "for good"),
        ] {
            let mut recent = totals(10, 10, &[], 0);
            recent.deliveries = [done, given_up, retried];
            let view =
                View { not_ready: &[], fault: None, recent: &recent, warnings: vec![], failing: vec![], lost_lines: 0 };
            let verdict = of(&view);
            assert_eq!((verdict.level, verdict.sentence.as_str()), (level, sentence));
            assert!(verdict.advice.contains(advice), "{verdict:?}");
        }
    }

    #[test]
    fn what_should_be_looked_into_is_told_once_each() {
        let recent = totals(1, 1, &[], 2);
        let view = View {
            not_ready: &[],
            fault: None,
            recent: &recent,
            warnings: vec![Warning::CertificateSelfSigned, Warning::CertificateEnds],
            failing: vec![("clients", "no client")],
            lost_lines: 7,
        };
        let told = notices(&view);
        let texts: Vec<&str> = told.iter().map(|notice| notice.text.as_str()).collect();
        assert_eq!(texts.len(), 5, "{texts:?}");
        for (at, part) in
            ["no client", "self-signed", "ends within 21 days", "2 handshakes", "7 lines"].into_iter().enumerate()
        {
            assert!(texts[at].contains(part), "{part}: {texts:?}");
        }
        let well = View { warnings: vec![], failing: vec![], lost_lines: 0, recent: &totals(1, 1, &[], 0), ..view };
        assert_eq!(notices(&well), []);
    }
}
