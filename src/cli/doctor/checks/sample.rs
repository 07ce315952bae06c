//! The one delivery that is made on demand: 0 VND, marked as what it is.

use crate::cli::doctor::check::Check;
use crate::cli::doctor::finding::Finding;
use crate::cli::doctor::reply::Reply;
use crate::journal::verdict::Verdict;
use crate::network::{ATTEMPTS, COLUMN, Payment};

/// The sample. Everything in it says that it is none.
pub(in crate::cli::doctor) fn payment(now_unix_ms: u64) -> Payment {
    Payment {
        amount: 0,
        order_id: "BEARERGATE-DOCTOR".to_owned(),
        reference_number: format!("BEARERGATE-DOCTOR-{now_unix_ms}"),
        bank_account: "0000000000".to_owned(),
        transaction_id: format!("BEARERGATE-DOCTOR-{now_unix_ms}"),
        content: "bearergate doctor sample, not a payment".to_owned(),
        trans_type: "C".to_owned(),
        transaction_time: now_unix_ms,
        ..Payment::default()
    }
}

/// Judges the answer to the sample as the network would.
pub(in crate::cli::doctor) fn judge(reply: &Reply) -> Finding {
    let check = Check::Sample;
    let answer = match reply {
        Reply::Heard(answer) => answer,
        Reply::Unsent(why) => return Finding::skipped(check, *why),
        Reply::Silent(why) => {
            return Finding::fail(check, format!("{why}: retried, {}", cost()), "answer the delivery, within seconds");
        }
    };
    let judgement = answer.as_delivery();
    let evidence = format!("{}: {}", reply.evidence(), judgement.ground);
    let length = String::from_utf8_lossy(&answer.body).chars().count();
    match judgement.verdict {
        Verdict::Done if length > COLUMN => {
            let evidence =
                format!("{evidence}: done, but {length} characters are more than the {COLUMN} that the network stores");
            Finding::warn(check, evidence, "answer with less")
        }
        Verdict::Done => Finding::pass(check, format!("{evidence}: done")),
        Verdict::Retried => Finding::fail(check, format!("{evidence}: retried, {}", cost()), DOCUMENTED),
        Verdict::Final => Finding::fail(check, format!("{evidence}: final, the payment is lost at once"), DOCUMENTED),
    }
}

fn cost() -> String {
    let last = ATTEMPTS.last().map(std::time::Duration::as_secs).unwrap_or_default();
    format!(
        "{} attempts within {last} s, each booked anew by an API that knows no doubles; then the notice is lost",
        ATTEMPTS.len()
    )
}

const DOCUMENTED: &str = r#"answer 200 with {"error":false,"errorReason":"000","toastMessage":"","object":{"reftransactionid":"..."}}; a 0 VND sample that your API refuses on purpose says nothing of real ones"#;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::finding::Mark;
    use crate::cli::doctor::reply::heard;

    #[test]
    fn the_answer_to_a_sample_is_judged_with_what_it_costs() {
        let good = r#"{"error":false,"errorReason":"000","toastMessage":"","object":{"reftransactionid":"R1"}}"#;
        let long = good.replace("\"\"", &format!("\"{}\"", "x".repeat(255)));
        for (status, body, mark, said) in [
            (200, good, Mark::Pass, "done"),
            (200, &long, Mark::Warn, "255"),
            (200, "", Mark::Fail, "10 attempts within 310 s"),
            (200, r#"{"object":null}"#, Mark::Fail, "retried"),
            (401, "{}", Mark::Fail, "retried"),
            (400, "{}", Mark::Fail, "final"),
            (301, "{}", Mark::Fail, "final"),
        ] {
            let finding = judge(&heard(status, &[("content-type", "application/json")], body));
            assert_eq!(finding.mark, mark, "{status} {body}");
            assert!(finding.evidence.contains(said), "{status}: {}", finding.evidence);
        }
    }

    #[test]
    fn the_sample_is_marked_and_worth_nothing() {
        let text = payment(7).json();
        assert!(
            text.contains(r#""amount":0,"#) && text.contains("not a payment") && text.contains("BEARERGATE-DOCTOR-7"),
            "{text}"
        );
    }
}
