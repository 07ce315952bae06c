//! The scorecard: for people, for programs, for a ticket.

use std::fmt::Write as _;
use std::time::SystemTime;

use serde_json::{Value, json};

use super::examination::Outcome;
use super::finding::{Finding, Mark};

/// How the scorecard is printed.
#[derive(Clone, Copy, Default, clap::ValueEnum)]
pub(super) enum ReportFormat {
    /// For a person, in colour on a terminal unless `NO_COLOR` is set
    #[default]
    Text,
    /// For a program
    Json,
    /// For a ticket or a chat
    Markdown,
}

/// Whether marks are coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Colour {
    On,
    Off,
}

/// Whom the scorecard is about.
pub(super) struct Subject<'a> {
    pub(super) url: String,
    pub(super) username: Option<&'a str>,
    pub(super) time: SystemTime,
}

impl Outcome {
    pub(super) fn count(&self, mark: Mark) -> usize {
        self.findings.iter().filter(|finding| finding.mark == mark).count()
    }

    fn summary(&self) -> String {
        let counts = Mark::ALL.map(|mark| format!("{} {}", self.count(mark), mark.name()));
        counts.join(", ")
    }

    fn conclusion(&self) -> &'static str {
        match (self.count(Mark::Fail), self.count(Mark::Warn)) {
            (0, 0) => "The payment network can work with this endpoint, as far as this can be seen from here.",
            (0, _) => "The payment network can work with this endpoint; the warnings are worth a look.",
            _ => "As it is, payments get lost here, or the gate is open.",
        }
    }

    fn effort(&self) -> String {
        let payments = match self.payments {
            0 => "no payment was posted".to_owned(),
            sent => format!("{sent} sample of 0 VND was posted"),
        };
        let took = self.took.as_secs_f64();
        format!(
            "{} connections, {} requests, {} wrong logins, {took:.1} s; {payments}",
            self.connections, self.requests, self.wrong_logins
        )
    }

    pub(super) fn text(&self, subject: &Subject<'_>, colour: Colour) -> String {
        let mut text = format!("bearergate doctor {}", subject.url);
        if let Some(username) = subject.username {
            let _ = write!(text, " as {username}");
        }
        let mut group = None;
        for finding in &self.findings {
            if group != Some(finding.check.group()) {
                group = Some(finding.check.group());
                let _ = write!(text, "\n\n{}", finding.check.group().title());
            }
            text += &lines(finding, colour);
        }
        let _ = write!(text, "\n\n{}: {}\n{}", self.summary(), self.effort(), self.conclusion());
        text
    }

    pub(super) fn json(&self, subject: &Subject<'_>) -> String {
        let checks: Vec<Value> = self.findings.iter().map(object).collect();
        let counts = Mark::ALL.map(|mark| (mark.name().to_owned(), json!(self.count(mark))));
        let report = json!({
            "url": subject.url,
            "username": subject.username,
            "time": humantime::format_rfc3339_seconds(subject.time).to_string(),
            "version": env!("CARGO_PKG_VERSION"),
            "summary": serde_json::Map::from_iter(counts),
            "connections": self.connections,
            "requests": self.requests,
            "wrong_logins": self.wrong_logins,
            "payments_posted": self.payments,
            "seconds": self.took.as_secs_f64(),
            "checks": checks,
        });
        format!("{report:#}")
    }

    pub(super) fn markdown(&self, subject: &Subject<'_>) -> String {
        let time = humantime::format_rfc3339_seconds(subject.time);
        let mut text =
            format!("# bearergate doctor: {}\n\n{time}. {}. {}\n\n", subject.url, self.summary(), self.conclusion());
        text += "| | check | evidence | what to do |\n|---|---|---|---|";
        for finding in &self.findings {
            let mark = if finding.mark == Mark::Fail { "**fail**" } else { finding.mark.name() };
            let advice = if finding.mend.is_empty() {
                String::new()
            } else {
                format!("{}. Why: {}", finding.mend, finding.check.why())
            };
            let _ = write!(
                text,
                "\n| {mark} | {} | {} | {} |",
                finding.check.title(),
                cell(&finding.evidence),
                cell(&advice)
            );
        }
        let _ = write!(text, "\n\n{}.", self.effort());
        text
    }
}

fn lines(finding: &Finding, colour: Colour) -> String {
    let mark = match finding.mark {
        Mark::Fail => "FAIL",
        mark => mark.name(),
    };
    let painted = match (colour, finding.mark) {
        (Colour::Off, _) => format!("{mark:<7}"),
        (Colour::On, Mark::Pass) => format!("\u{1b}[32m{mark:<7}\u{1b}[0m"),
        (Colour::On, Mark::Warn) => format!("\u{1b}[33m{mark:<7}\u{1b}[0m"),
        (Colour::On, Mark::Fail) => format!("\u{1b}[1;31m{mark:<7}\u{1b}[0m"),
        (Colour::On, Mark::Skipped) => format!("\u{1b}[2m{mark:<7}\u{1b}[0m"),
    };
    let mut text = format!("\n  {painted}  {}: {}", finding.check.title(), finding.evidence);
    if !finding.mend.is_empty() {
        let _ = write!(text, "\n           why:  {}\n           mend: {}", finding.check.why(), finding.mend);
    }
    text
}

fn object(finding: &Finding) -> Value {
    let check = finding.check;
    json!({
        "id": check.id(),
        "group": check.group().title(),
        "title": check.title(),
        "verdict": finding.mark,
        "evidence": finding.evidence,
        "why": check.why(),
        "mend": finding.mend,
    })
}

/// A text that stays in its cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::check::Check;
    use super::*;

    fn outcome() -> Outcome {
        Outcome {
            findings: vec![
                Finding::pass(Check::Certificate, "good"),
                Finding::warn(Check::TokenCache, "a|b<c", "say no-store"),
                Finding::fail(Check::Forged, "status 200", "check it"),
                Finding::skipped(Check::Expired, "too long"),
            ],
            requests: 3,
            connections: 4,
            wrong_logins: 2,
            payments: 0,
            took: Duration::from_millis(1500),
        }
    }

    fn subject() -> Subject<'static> {
        Subject { url: "https://a.vn".to_owned(), username: Some("u"), time: SystemTime::UNIX_EPOCH }
    }

    #[test]
    fn a_person_reads_what_is_wrong_why_it_matters_and_how_to_mend_it() {
        let text = outcome().text(&subject(), Colour::Off);
        let (head, rest) =
            text.split_once("\n\nConnection\n  pass     certificate: good\n\nToken call\n").expect("in groups");
        assert_eq!(head, "bearergate doctor https://a.vn as u");
        let forged = format!(
            "  FAIL     forged token: status 200\n           why:  {}\n           mend: check it\n",
            Check::Forged.why()
        );
        assert!(rest.contains(&forged), "{rest}");
        assert!(rest.contains(
            "1 pass, 1 warn, 1 fail, 1 skipped: 4 connections, 3 requests, 2 wrong logins, 1.5 s; no payment was posted"
        ));
        assert!(!text.contains('\u{1b}') && outcome().text(&subject(), Colour::On).contains("\u{1b}[1;31mFAIL"));
    }

    #[test]
    fn a_program_reads_the_same_as_json_and_a_ticket_as_a_table() {
        let read: Value = serde_json::from_str(&outcome().json(&subject())).expect("JSON");
        assert_eq!(
            (&read["summary"]["fail"], &read["checks"][2]["verdict"], &read["time"]),
            (&json!(1), &json!("fail"), &json!("1970-01-01T00:00:00Z"))
        );
        assert_eq!(read["checks"][2]["id"], "forged");
        let table = outcome().markdown(&subject());
        assert!(table.contains("\n| **fail** | forged token | status 200 | check it. Why: "), "{table}");
        assert!(table.contains(r"a\|b&lt;c"), "{table}");
    }
}
