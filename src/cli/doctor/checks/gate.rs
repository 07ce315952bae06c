//! What deliveries without a good token are answered. Their body is no payment: nothing that lets one through can book it.

use crate::cli::doctor::check::Check;
use crate::cli::doctor::finding::{Finding, Mark};
use crate::cli::doctor::reply::Reply;
use crate::network::Ground;

/// The body of a probe: JSON, so that it gets as far as a token check behind a parser; without one member of a payment.
pub(in crate::cli::doctor) const NO_PAYMENT: &str = r#"{"probe":"bearergate doctor: this is not a payment"}"#;

/// Judges the answer to a delivery that must be refused.
pub(in crate::cli::doctor) fn judge(check: Check, reply: &Reply) -> Finding {
    let evidence = reply.evidence();
    let answer = match reply {
        Reply::Heard(answer) => answer,
        Reply::Silent(_) => return Finding::warn(check, evidence, "answer 401 at once"),
        Reply::Unsent(why) => return Finding::skipped(check, *why),
    };
    match answer.status.as_u16() {
        401 => Finding::pass(check, evidence),
        403 => Finding::pass(check, format!("{evidence}; 401 says it better")),
        200..=299 if answer.as_delivery().ground == Ground::ObjectNull => Finding::fail(
            check,
            format!("{evidence}: the gate is open, or a refusal is said with 2xx"),
            "answer 401, and check the token before anything else",
        ),
        200..=299 => Finding::fail(
            check,
            format!("{evidence}: the gate is open"),
            "check the token before anything else, and answer 401",
        ),
        300..=399 => Finding::fail(
            check,
            format!("{evidence}: final, the payment is lost"),
            "answer 401 itself: the network follows no redirect",
        ),
        400 => Finding::fail(
            check,
            format!(
                "{evidence}: final, the payment is lost; or the token was not looked at, and only the probe's body was refused"
            ),
            "check the token before the body, and answer 401: the network tries 401 again, 400 never",
        ),
        404 | 405 => Finding::warn(
            check,
            format!("{evidence}: is this the path of deliveries?"),
            "compare the path, or give --base-path and --sync-path",
        ),
        429 => Finding::warn(check, evidence, "look at the limit: what it refuses is tried 10 times within 310 s"),
        500..=599 => Finding::warn(check, evidence, "answer 401: the check of the token breaks on this one"),
        _ => Finding::warn(check, evidence, "answer 401"),
    }
}

/// The worst of several probes for one check.
pub(in crate::cli::doctor) fn judge_all(check: Check, replies: &[Reply]) -> Finding {
    let worst = |mark| match mark {
        Mark::Fail => 3,
        Mark::Warn => 2,
        Mark::Skipped => 1,
        Mark::Pass => 0,
    };
    let findings = replies.iter().map(|reply| judge(check, reply));
    findings.max_by_key(|finding| worst(finding.mark)).unwrap_or_else(|| Finding::skipped(check, "nothing was sent"))
}

/// Whether a bearer token opens the gate by being there.
pub(in crate::cli::doctor) fn judge_presence(without: &Reply, bad: &[&Reply]) -> Finding {
    let check = Check::PresenceOnly;
    let Some(without) = without.status().map(|status| status.as_u16()) else {
        return Finding::skipped(check, "a delivery without a token was not answered");
    };
    let statuses: Vec<u16> = bad.iter().filter_map(|reply| reply.status()).map(|status| status.as_u16()).collect();
    let is_refusal = |status: u16| matches!(status, 401 | 403);
    let mend = "verify the token: its signature, its time, and that it is yours";
    match statuses.as_slice() {
        [] => Finding::skipped(check, "no bad token was answered"),
        _ if !is_refusal(without) => {
            Finding::skipped(check, "a delivery without a token is not refused in the first place")
        }
        statuses if statuses.iter().all(|status| is_refusal(*status)) => {
            Finding::pass(check, format!("{} bad tokens are refused as a missing one is", statuses.len()))
        }
        statuses if statuses.iter().any(|status| matches!(status, 200..=299)) => Finding::fail(
            check,
            format!("{without} without a token, 2xx with a bad one: only its presence is checked"),
            mend,
        ),
        statuses => {
            let other = statuses.iter().find(|status| !is_refusal(**status)).copied().unwrap_or_default();
            let evidence =
                format!("{without} without a token, {other} with a bad one: maybe only its presence is checked");
            Finding::warn(check, evidence, mend)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::reply::heard;

    const JSON: &[(&str, &str)] = &[("content-type", "application/json")];

    #[test]
    fn a_delivery_without_a_good_token_must_be_refused_so_that_the_network_tries_again() {
        for (status, body, mark, said) in [
            (401, "{}", Mark::Pass, "status 401"),
            (403, "{}", Mark::Pass, "status 403"),
            (200, r#"{"error":false,"object":{"reftransactionid":"R"}}"#, Mark::Fail, "the gate is open"),
            (200, r#"{"error":true,"object":null}"#, Mark::Fail, "or a refusal is said with 2xx"),
            (204, "", Mark::Fail, "the gate is open"),
            (302, "", Mark::Fail, "final"),
            (400, "{}", Mark::Fail, "final"),
            (404, "", Mark::Warn, "is this the path"),
            (429, "", Mark::Warn, "status 429"),
            (500, "", Mark::Warn, "status 500"),
        ] {
            let finding = judge(Check::Forged, &heard(status, JSON, body));
            assert_eq!(finding.mark, mark, "{status} {body}");
            assert!(finding.evidence.contains(said), "{status}: {}", finding.evidence);
        }
    }

    #[test]
    fn the_worst_of_several_probes_counts() {
        let of = |statuses: &[u16]| -> Vec<Reply> { statuses.iter().map(|status| heard(*status, JSON, "")).collect() };
        for (statuses, mark) in [
            (&[401, 401][..], Mark::Pass),
            (&[401, 200, 500], Mark::Fail),
            (&[401, 500], Mark::Warn),
            (&[], Mark::Skipped),
        ] {
            assert_eq!(judge_all(Check::SampleSecret, &of(statuses)).mark, mark, "{statuses:?}");
        }
    }

    #[test]
    fn a_gate_that_any_token_opens_is_told_from_one_that_says_no_in_an_odd_way() {
        for (without, bad, mark) in [
            (401, &[401, 403][..], Mark::Pass),
            (401, &[200, 200], Mark::Fail),
            (401, &[400, 401], Mark::Warn),
            (200, &[200], Mark::Skipped),
            (401, &[], Mark::Skipped),
        ] {
            let bad: Vec<Reply> = bad.iter().map(|status| heard(*status, JSON, "")).collect();
            let finding = judge_presence(&heard(without, JSON, ""), &bad.iter().collect::<Vec<_>>());
            assert_eq!(finding.mark, mark, "{without} {bad:?}");
        }
    }
}
