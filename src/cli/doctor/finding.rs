//! What was found: one verdict for each check, with its evidence, why it matters, and how to mend it.

use serde::Serialize;

use super::check::Check;

/// How a check came out. What fails loses payments or leaves the gate open; what warns does not, yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Mark {
    Pass,
    Warn,
    Fail,
    Skipped,
}

impl Mark {
    pub(super) const ALL: [Self; 4] = [Self::Pass, Self::Warn, Self::Fail, Self::Skipped];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::Skipped => "skipped",
        }
    }
}

/// One check's outcome. The evidence is made of statuses, sizes, types and names, and never of a body's text, which may hold a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) check: Check,
    pub(super) mark: Mark,
    pub(super) evidence: String,
    /// How to mend it; empty where there is nothing to mend.
    pub(super) mend: String,
}

impl Finding {
    pub(super) fn pass(check: Check, evidence: impl Into<String>) -> Self {
        Self { check, mark: Mark::Pass, evidence: evidence.into(), mend: String::new() }
    }

    pub(super) fn warn(check: Check, evidence: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { check, mark: Mark::Warn, evidence: evidence.into(), mend: mend.into() }
    }

    pub(super) fn fail(check: Check, evidence: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { check, mark: Mark::Fail, evidence: evidence.into(), mend: mend.into() }
    }

    pub(super) fn skipped(check: Check, why_not: impl Into<String>) -> Self {
        Self { check, mark: Mark::Skipped, evidence: why_not.into(), mend: String::new() }
    }
}
