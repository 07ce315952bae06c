//! How long things take, as the caller would wait for them.

use std::time::Duration;

use crate::cli::doctor::check::Check;
use crate::cli::doctor::finding::Finding;

/// Judges how long token calls with the right password took.
pub(in crate::cli::doctor) fn judge_token(times: &[Duration]) -> Finding {
    let check = Check::TokenPace;
    let Some((median, worst)) = summary(times) else {
        return Finding::skipped(check, "no token call was answered with a token");
    };
    let evidence = format!("{} calls: median {}, worst {}", times.len(), milliseconds(median), milliseconds(worst));
    if median < SLOW {
        return Finding::pass(check, evidence);
    }
    Finding::warn(check, evidence, "make issuing cheap: keep a generated password as SHA-256, not as a slow hash")
}

/// Judges how long new connections took, and how many failed.
pub(in crate::cli::doctor) fn judge_connections(times: &[Duration], failed: &[String]) -> Finding {
    let check = Check::ConnectionPace;
    if let Some(why) = failed.first() {
        let evidence = format!("{} of {} failed: {why}", failed.len(), failed.len() + times.len());
        let mend = "raise the limit on connections: every delivery is a new one";
        return if failed.len() > times.len() {
            Finding::fail(check, evidence, mend)
        } else {
            Finding::warn(check, evidence, mend)
        };
    }
    let Some((median, worst)) = summary(times) else { return Finding::skipped(check, "none was opened") };
    let evidence = format!("median {}, worst {}, with the handshake", milliseconds(median), milliseconds(worst));
    if median < SLOW {
        return Finding::pass(check, evidence);
    }
    Finding::warn(
        check,
        evidence,
        "look at the way to the endpoint and at its processors: a handshake takes a millisecond or two of one",
    )
}

/// Judges whether wrong logins of a known user take longer than those of an unknown one: never by a few tries alone, only where they
/// lie apart altogether.
pub(in crate::cli::doctor) fn judge_logins(known: &[Duration], unknown: &[Duration]) -> Finding {
    let check = Check::LoginPace;
    let (Some((one, _)), Some((other, _))) = (summary(known), summary(unknown)) else {
        return Finding::skipped(check, "there are no times to compare");
    };
    let apart = |low: &[Duration], high: &[Duration]| low.iter().max() < high.iter().min();
    let evidence = format!(
        "known {}, unknown {} (medians of {} and {})",
        milliseconds(one),
        milliseconds(other),
        known.len(),
        unknown.len()
    );
    if one.abs_diff(other) > TELLING && (apart(known, unknown) || apart(unknown, known)) {
        return Finding::warn(check, evidence, "hash a password for unknown users too, and compare in constant time");
    }
    Finding::pass(check, evidence)
}

/// Median and worst.
fn summary(times: &[Duration]) -> Option<(Duration, Duration)> {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    Some((*sorted.get(sorted.len() / 2)?, *sorted.last()?))
}

pub(in crate::cli::doctor) fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

const SLOW: Duration = Duration::from_secs(1);
/// More than a network's noise; argon2id takes some 20 ms, bcrypt some 100 ms.
const TELLING: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::finding::Mark;

    fn ms(times: &[u64]) -> Vec<Duration> {
        times.iter().map(|&time| Duration::from_millis(time)).collect()
    }

    #[test]
    fn times_are_judged_by_their_median() {
        for (times, mark) in [(&[5, 7, 3000][..], Mark::Pass), (&[1500, 1200], Mark::Warn), (&[], Mark::Skipped)] {
            assert_eq!(judge_token(&ms(times)).mark, mark, "{times:?}");
        }
        assert_eq!(judge_token(&ms(&[5, 7, 3000])).evidence, "3 calls: median 7.0 ms, worst 3000.0 ms");
        let why = |count| vec!["refused".to_owned(); count];
        for (times, failed, mark) in
            [(&[1][..], 0, Mark::Pass), (&[1, 1], 1, Mark::Warn), (&[1], 19, Mark::Fail), (&[2000], 0, Mark::Warn)]
        {
            assert_eq!(judge_connections(&ms(times), &why(failed)).mark, mark, "{times:?} {failed}");
        }
    }

    #[test]
    fn users_are_told_apart_only_where_all_times_lie_apart() {
        for (known, unknown, mark) in [
            (&[100, 110, 120][..], &[1, 2, 3][..], Mark::Warn),
            (&[1, 2, 3], &[100, 110, 120], Mark::Warn),
            (&[100, 110, 2], &[1, 2, 3], Mark::Pass),
            (&[20, 21, 22], &[1, 2, 3], Mark::Pass),
            (&[1, 2], &[1, 2], Mark::Pass),
            (&[], &[1], Mark::Skipped),
        ] {
            assert_eq!(judge_logins(&ms(known), &ms(unknown)).mark, mark, "{known:?} {unknown:?}");
        }
    }
}
