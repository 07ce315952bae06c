//! What answers tell that nobody needs to know.

use crate::cli::doctor::check::Check;
use crate::cli::doctor::finding::Finding;
use crate::cli::doctor::reply::{Reply, plain};
use crate::network::Answer;

/// Judges all answers of a visit, each with the check it was for.
pub(in crate::cli::doctor) fn judge(replies: &[(Check, &Reply)]) -> [Finding; 3] {
    let answers: Vec<(Check, &Answer)> =
        replies.iter().filter_map(|(check, reply)| Some((*check, reply.answer()?))).collect();
    if answers.is_empty() {
        return [Check::Software, Check::Traces, Check::RefusalSize]
            .map(|check| Finding::skipped(check, "there was no answer"));
    }
    [software(&answers), traces(&answers), refusal_size(&answers)]
}

fn software(answers: &[(Check, &Answer)]) -> Finding {
    let told = answers.iter().find_map(|(_, answer)| {
        TELLING.iter().find_map(|name| {
            let value = answer.headers.get(*name)?.to_str().ok()?;
            // A bare product name in Server is common, and tells little.
            (*name != "server" || value.contains(|c: char| c.is_ascii_digit()))
                .then(|| format!("{name}: {}", plain(value, 60)))
        })
    });
    match told {
        Some(evidence) => Finding::warn(Check::Software, evidence, "take the header out, or at least the version"),
        None => Finding::pass(Check::Software, "no version in any header"),
    }
}

fn traces(answers: &[(Check, &Answer)]) -> Finding {
    let found = answers.iter().find_map(|(check, answer)| {
        let text = String::from_utf8_lossy(&answer.body);
        TRACES
            .iter()
            .find(|(mark, _)| text.contains(mark))
            .map(|(_, kind)| format!("{}: looks like {kind}", check.id()))
    });
    match found {
        Some(evidence) => Finding::warn(Check::Traces, evidence, "answer a short JSON, and keep the trace for the log"),
        None => Finding::pass(Check::Traces, "none in any answer"),
    }
}

fn refusal_size(answers: &[(Check, &Answer)]) -> Finding {
    let refusals = answers.iter().filter(|(_, answer)| !answer.status.is_success());
    let Some((check, largest)) = refusals.max_by_key(|(_, answer)| answer.body.len()) else {
        return Finding::skipped(Check::RefusalSize, "nothing was refused");
    };
    let evidence = format!("the largest has {} bytes ({})", largest.body.len(), check.id());
    if largest.body.len() <= LARGEST {
        return Finding::pass(Check::RefusalSize, evidence);
    }
    Finding::warn(Check::RefusalSize, evidence, "answer a JSON of at most 200 bytes")
}

const LARGEST: usize = 200;
const TELLING: [&str; 5] = ["x-powered-by", "x-aspnet-version", "x-aspnetmvc-version", "x-runtime", "server"];

/// What stands in stack traces and in nothing else that an API answers, and whose they are.
const TRACES: [(&str, &str); 12] = [
    ("\tat ", "a trace of Java"),
    (".java:", "a trace of Java"),
    ("org.springframework.", "a trace of Spring"),
    ("Traceback (most recent call last)", "a trace of Python"),
    ("    at Object.", "a trace of Node"),
    ("node_modules/", "a trace of Node"),
    ("    at System.", "a trace of .NET"),
    (".cs:line ", "a trace of .NET"),
    ("Stack trace:", "a trace of PHP"),
    (".php on line ", "a message of PHP"),
    ("goroutine ", "a trace of Go"),
    ("SQLSTATE[", "a message of a database"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::finding::Mark;
    use crate::cli::doctor::reply::heard;

    #[test]
    fn what_nobody_needs_to_know_is_found_in_any_answer() {
        let long = "x".repeat(201);
        let trace = "java.lang.NullPointerException\n\tat a.b.C.d(C.java:7)";
        for (headers, status, body, expected) in [
            (&[("server", "nginx")][..], 401, "{}", [Mark::Pass; 3]),
            (&[("server", "nginx/1.18.0")], 401, "{}", [Mark::Warn, Mark::Pass, Mark::Pass]),
            (&[("x-powered-by", "Express")], 401, "{}", [Mark::Warn, Mark::Pass, Mark::Pass]),
            (&[], 500, trace, [Mark::Pass, Mark::Warn, Mark::Pass]),
            (&[], 401, &long, [Mark::Pass, Mark::Pass, Mark::Warn]),
            (&[], 200, &long, [Mark::Pass, Mark::Pass, Mark::Skipped]),
        ] {
            let (good, bad) = (heard(200, &[], "{}"), heard(status, headers, body));
            let marks = judge(&[(Check::TokenStatus, &good), (Check::Forged, &bad)]).map(|finding| finding.mark);
            assert_eq!(marks, expected, "{headers:?} {status} {body}");
        }
        assert_eq!(judge(&[]).map(|finding| finding.mark), [Mark::Skipped; 3]);
    }

    #[test]
    fn the_text_of_a_trace_is_not_repeated() {
        let reply = heard(500, &[], "Traceback (most recent call last): password='s3cret'");
        let [_, traces, _] = judge(&[(Check::Forged, &reply)]);
        assert_eq!(traces.evidence, "forged: looks like a trace of Python");
    }
}
