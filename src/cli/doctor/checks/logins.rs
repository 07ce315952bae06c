//! What wrong logins are answered.

use crate::cli::doctor::check::Check;
use crate::cli::doctor::finding::Finding;
use crate::cli::doctor::reply::Reply;
use crate::network::{TokenStep, judge_token};

/// Judges the answer to a login that must fail.
pub(in crate::cli::doctor) fn judge(check: Check, reply: &Reply) -> Finding {
    let evidence = reply.evidence();
    let answer = match reply {
        Reply::Heard(answer) => answer,
        Reply::Silent(_) => return Finding::warn(check, evidence, "answer 401"),
        Reply::Unsent(why) => return Finding::skipped(check, *why),
    };
    match answer.status.as_u16() {
        200..=299 if matches!(judge_token(answer), TokenStep::Token(_)) => Finding::fail(
            check,
            format!("{evidence}, and a token: the gate is open"),
            "check user name and password, and answer 401",
        ),
        200..=299 => Finding::fail(
            check,
            evidence,
            "answer 401: after a 2xx without a token the network delivers with the text `Bearer null`",
        ),
        401 => Finding::pass(check, evidence),
        300..=399 => Finding::warn(check, evidence, "answer 401 itself: nobody follows the redirect"),
        429 => Finding::warn(
            check,
            evidence,
            "the limit on wrong logins holds already; the network's right ones must still pass it",
        ),
        500..=599 => Finding::warn(check, evidence, "answer 401: a wrong login is no fault of the server"),
        _ => Finding::warn(check, evidence, "answer 401"),
    }
}

/// Whether a wrong password and an unknown user are answered alike.
pub(in crate::cli::doctor) fn judge_alike(wrong: &Reply, unknown: &Reply) -> Finding {
    let check = Check::LoginsAlike;
    match (wrong, unknown) {
        (Reply::Heard(one), Reply::Heard(other)) if one.status != other.status => {
            let evidence =
                format!("{} for a wrong password, {} for an unknown user", one.status.as_u16(), other.status.as_u16());
            Finding::warn(check, evidence, "answer both with the same 401")
        }
        (Reply::Heard(one), Reply::Heard(other)) if one.body != other.body => {
            Finding::warn(check, "the same status, another body", "answer both with the same body")
        }
        (Reply::Heard(_), Reply::Heard(_)) => Finding::pass(check, "the same status and body"),
        (Reply::Unsent(why), _) | (_, Reply::Unsent(why)) => Finding::skipped(check, *why),
        _ => Finding::skipped(check, "one of the two was not answered"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::finding::Mark;
    use crate::cli::doctor::reply::heard;

    #[test]
    fn a_wrong_login_is_judged_by_what_the_network_would_do_with_the_answer() {
        let json = &[("content-type", "application/json")][..];
        for (status, body, mark) in [
            (401, "{}", Mark::Pass),
            (200, r#"{"access_token":"a.b.c","expires_in":300}"#, Mark::Fail),
            (200, r#"{"error":"no"}"#, Mark::Fail),
            (302, "", Mark::Warn),
            (400, "{}", Mark::Warn),
            (403, "{}", Mark::Warn),
            (429, "{}", Mark::Warn),
            (500, "{}", Mark::Warn),
        ] {
            assert_eq!(judge(Check::WrongPassword, &heard(status, json, body)).mark, mark, "{status} {body}");
        }
        assert_eq!(judge(Check::NoLogin, &Reply::Unsent("why")).mark, Mark::Skipped);
    }

    #[test]
    fn a_difference_between_wrong_logins_is_told() {
        let one = || heard(401, &[], "a");
        for (other, mark) in
            [(one(), Mark::Pass), (heard(401, &[], "b"), Mark::Warn), (heard(404, &[], "a"), Mark::Warn)]
        {
            assert_eq!(judge_alike(&one(), &other).mark, mark, "{other:?}");
        }
        assert_eq!(judge_alike(&one(), &Reply::Unsent("why")).mark, Mark::Skipped);
    }
}
