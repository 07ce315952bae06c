//! What is wrong with a configuration, said so that the operator can mend all of it in one go.

use std::borrow::Cow;
use std::fmt;

/// One thing that is wrong: which variable, what about it, and what to do.
///
/// Displayed as one line, `BEARERGATE_TOKEN_TTL "5" has no unit; write 5s, 5m or 5h (allowed 30s to 24h)`. A secret's value
/// is never part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    variable: String,
    shown: Option<String>,
    what: Cow<'static, str>,
    remedy: Cow<'static, str>,
    kind: Kind,
}

/// Whether something was said wrongly or not said at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Wrong,
    Missing,
}

impl Problem {
    /// A problem whose line shows no value: of a secret, or of a variable that has none.
    pub(super) fn new(
        variable: impl Into<String>,
        what: impl Into<Cow<'static, str>>,
        remedy: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { variable: variable.into(), shown: None, what: what.into(), remedy: remedy.into(), kind: Kind::Wrong }
    }

    /// A variable that must be set and is not.
    pub(super) fn missing(variable: &str, remedy: impl Into<Cow<'static, str>>) -> Self {
        Self { kind: Kind::Missing, ..Self::new(variable, "is missing", remedy) }
    }

    /// Shows the value, escaped and cut after 80 characters.
    pub(super) fn showing(mut self, value: &str) -> Self {
        const LONGEST: usize = 80;
        let mut shown: String = value.chars().take(LONGEST).collect();
        if shown.len() < value.len() {
            shown.push('…');
        }
        self.shown = Some(format!("{shown:?}"));
        self
    }

    /// The whole name of the variable, `BEARERGATE_…`.
    pub fn variable(&self) -> &str {
        &self.variable
    }

    /// What is wrong, as the rest of a sentence that begins with the variable.
    pub fn what(&self) -> &str {
        &self.what
    }

    /// What to do about it; empty where the problem says it already.
    pub fn remedy(&self) -> &str {
        &self.remedy
    }
}

impl std::error::Error for Problem {}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.variable)?;
        if let Some(value) = &self.shown {
            write!(f, " {value}")?;
        }
        write!(f, " {}", self.what)?;
        if self.remedy.is_empty() {
            return Ok(());
        }
        write!(f, "; {}", self.remedy)
    }
}

/// Everything that is wrong with a configuration, at least one thing.
///
/// Displayed as a header line and one line for each problem.
#[derive(Debug, thiserror::Error)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// `None` when there are none.
    pub(super) fn of(problems: Vec<Problem>) -> Option<Self> {
        (!problems.is_empty()).then_some(Self(problems))
    }

    /// The problems, in the order of the table of variables; unknown names come last.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Problem> {
        self.0.iter()
    }

    /// All problems without the header line, divided by ` | `: for a field of a log line.
    pub fn in_one_line(&self) -> String {
        let lines: Vec<_> = self.0.iter().map(Problem::to_string).collect();
        lines.join(" | ")
    }

    /// Whether a variable that must be set is not: then this may be somebody's first try.
    pub fn something_is_missing(&self) -> bool {
        self.0.iter().any(|problem| problem.kind == Kind::Missing)
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.0.len() == 1 { "" } else { "s" };
        write!(f, "bearergate: {} problem{plural} in the configuration", self.0.len())?;
        for problem in &self.0 {
            write!(f, "\n{problem}")?;
        }
        Ok(())
    }
}

/// Something that is allowed and seldom meant. Displayed as one line, like a [`Problem`]; it never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    variable: &'static str,
    what: Cow<'static, str>,
}

impl Warning {
    /// `what` is the rest of a sentence that begins with the variable.
    pub(super) fn new(variable: &'static str, what: impl Into<Cow<'static, str>>) -> Self {
        Self { variable, what: what.into() }
    }

    /// The whole name of the variable, `BEARERGATE_…`.
    pub fn variable(&self) -> &str {
        self.variable
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.variable, self.what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_one_line_of_variable_value_fact_and_remedy() {
        let problem = Problem::new("BEARERGATE_A", "has no unit", "write 5s").showing("5");
        assert_eq!(problem.to_string(), r#"BEARERGATE_A "5" has no unit; write 5s"#);
        let problem = Problem::new("BEARERGATE_A", "is odd", "").showing("one\ntwo");
        assert_eq!(problem.to_string(), r#"BEARERGATE_A "one\ntwo" is odd"#);
    }

    #[test]
    fn problems_fit_a_field_of_a_log_line() {
        let problem = |name| Problem::new(name, "is odd", "");
        let problems = Problems(vec![problem("BEARERGATE_A"), problem("BEARERGATE_B")]);
        assert_eq!(problems.in_one_line(), "BEARERGATE_A is odd | BEARERGATE_B is odd");
    }

    #[test]
    fn a_long_value_is_cut() {
        let problem = Problem::new("BEARERGATE_A", "is odd", "").showing(&"ư".repeat(90));
        assert_eq!(problem.to_string(), format!("BEARERGATE_A \"{}…\" is odd", "ư".repeat(80)));
    }

    #[test]
    fn the_report_counts_and_lists() {
        let report = |count: usize| {
            let problems = (0..count).map(|n| Problem::missing(&format!("BEARERGATE_{n}"), "set it"));
            Problems::of(problems.collect()).map(|problems| problems.to_string())
        };
        assert_eq!(report(0), None);
        let one = "bearergate: 1 problem in the configuration\nBEARERGATE_0 is missing; set it";
        assert_eq!(report(1).as_deref(), Some(one));
        assert_eq!(report(2).map(|text| text.lines().count()), Some(3));
    }
}
