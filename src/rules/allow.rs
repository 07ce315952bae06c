//! What may be called: methods and path patterns, compared with the path as it was sent.

use std::fmt;

use crate::rules::path::{PathFault, SafePath};

/// A list of rules, at least one: what none of them permits is denied.
///
/// A rule is a method, a space and a path pattern, such as `POST /bank/api/transaction-sync`. The method is compared exactly (`HEAD` is
/// not `GET`), `*` is any. A pattern begins with `/`; its segments are compared byte for byte, so `/a%62` is not `/ab` and `/A` is not
/// `/a`. `*` stands for exactly one segment with a name, `**` at the end for the rest: `/a/**` permits `/a` and everything below it.
#[derive(Clone, PartialEq, Eq)]
pub struct AllowRules(Vec<Rule>);

/// What a list of rules says about a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// A rule permits it.
    Permitted,
    /// No rule permits it.
    Denied,
    /// No rule permits it, but one would with one slash more or less at the end. For the log: it is denied.
    OnlyTrailingSlashDiffers,
}

/// Which rule of a list is none, and why. The operator is to blame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("has a fault in rule {number}: {reason}")]
pub struct AllowFault {
    /// Its place in the list, from 1.
    pub number: usize,
    /// Why it is no rule.
    pub reason: RuleFault,
}

/// Why a text is no rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RuleFault {
    /// No text.
    #[error("it is empty; write * /** to permit everything")]
    Empty,
    /// One word only.
    #[error("it is not a method and a path; write such as POST /a/b, or * /a/b for any method")]
    OneWord,
    /// A method in small letters: methods are compared exactly.
    #[error("the method is not in capital letters; write such as POST")]
    SmallMethod,
    /// Something that is no method.
    #[error("the method is not made of capital letters; write such as POST, or * for any")]
    NoMethod,
    /// A space after the path has begun.
    #[error("there is a space within or behind the path; write one method and one path")]
    ThirdWord,
    /// `**` before the last segment.
    #[error("** stands before the end of the path; it means the rest, so write it as the last segment")]
    RestWithin,
    /// A `*` beside other characters, or three.
    #[error("a * is part of a segment; it stands for a whole one, ** at the end for the rest")]
    StarWithin,
    /// No request with it would get as far as this rule.
    #[error("no request can match it: {0}; write the path plainly, such as /a/b")]
    Path(#[from] PathFault),
}

/// One method, or any, and one pattern.
#[derive(Clone, PartialEq, Eq)]
struct Rule {
    method: String,
    /// Begins with `/`.
    pattern: String,
}

impl AllowRules {
    /// Reads a comma list of rules; spaces around each are dropped. A pattern with a comma does not fit here, only into [`Self::of`].
    ///
    /// # Errors
    /// [`AllowFault`] names the first rule that is none.
    pub fn parse(list: &str) -> Result<Self, AllowFault> {
        Self::of(list.split(','))
    }

    /// Reads one rule from each text; spaces around it are dropped.
    ///
    /// # Errors
    /// [`AllowFault`] names the first rule that is none; no rule at all is an empty first one.
    pub fn of<'t>(rules: impl IntoIterator<Item = &'t str>) -> Result<Self, AllowFault> {
        let numbered = rules.into_iter().zip(1..);
        let rules: Vec<Rule> = numbered
            .map(|(text, number)| Rule::parse(text.trim()).map_err(|reason| AllowFault { number, reason }))
            .collect::<Result<_, _>>()?;
        if rules.is_empty() {
            return Err(AllowFault { number: 1, reason: RuleFault::Empty });
        }
        Ok(Self(rules))
    }

    /// The one rule `* /**`.
    #[must_use]
    pub fn everything() -> Self {
        Self(vec![Rule { method: "*".to_owned(), pattern: "/**".to_owned() }])
    }

    /// Judges a method and the raw path below the base path, before any decoding. `below` is empty or begins with `/`; empty, that is the
    /// base path itself, counts as `/`.
    #[must_use]
    pub fn permits(&self, method: &str, below: &str) -> Verdict {
        let path = if below.is_empty() { "/" } else { below };
        if self.permit(method, path) {
            return Verdict::Permitted;
        }
        let differs = match path.strip_suffix('/') {
            // The base path itself counts as `/` already.
            Some("") => false,
            Some(shorter) => self.permit(method, shorter),
            None => self.permit(method, &format!("{path}/")),
        };
        if differs { Verdict::OnlyTrailingSlashDiffers } else { Verdict::Denied }
    }

    fn permit(&self, method: &str, path: &str) -> bool {
        self.0.iter().any(|rule| rule.names(method) && rule.covers(path))
    }
}

impl Rule {
    fn parse(text: &str) -> Result<Self, RuleFault> {
        if text.is_empty() {
            return Err(RuleFault::Empty);
        }
        let (method, pattern) = text.split_once(char::is_whitespace).ok_or(RuleFault::OneWord)?;
        check_method(method)?;
        let pattern = pattern.trim_start();
        if pattern.contains(char::is_whitespace) {
            return Err(RuleFault::ThirdWord);
        }
        check_stars(SafePath::parse(pattern)?.as_str())?;
        Ok(Self { method: method.to_owned(), pattern: pattern.to_owned() })
    }

    fn names(&self, method: &str) -> bool {
        self.method == "*" || self.method == method
    }

    fn covers(&self, path: &str) -> bool {
        if !path.starts_with('/') {
            return false;
        }
        let mut sent = path.split('/');
        for wanted in self.pattern.split('/') {
            match (wanted, sent.next()) {
                ("**", _) => return true,
                ("*", Some(segment)) if has_a_name(segment) => {}
                ("*", _) => return false,
                (literal, Some(segment)) if literal == segment => {}
                _ => return false,
            }
        }
        sent.next().is_none()
    }
}

/// Whether something is left of a segment for an upstream that cuts its parameters: for such a one `/a/;x` is `/a/`.
fn has_a_name(segment: &str) -> bool {
    !segment.is_empty() && !segment.starts_with(';') && !starts_with_encoded_semicolon(segment)
}

/// The encoded form counts too: who decodes first and cuts then sees the same.
fn starts_with_encoded_semicolon(segment: &str) -> bool {
    segment.get(..3).is_some_and(|begin| begin.eq_ignore_ascii_case("%3b"))
}

fn check_method(method: &str) -> Result<(), RuleFault> {
    let letters = |method: &str| {
        method.split('-').all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_uppercase()))
    };
    if method == "*" || letters(method) {
        Ok(())
    } else if letters(&method.to_ascii_uppercase()) {
        Err(RuleFault::SmallMethod)
    } else {
        Err(RuleFault::NoMethod)
    }
}

fn check_stars(pattern: &str) -> Result<(), RuleFault> {
    let mut segments = pattern.split('/').peekable();
    while let Some(segment) = segments.next() {
        match segment {
            "*" => {}
            "**" if segments.peek().is_some() => return Err(RuleFault::RestWithin),
            "**" => {}
            _ if segment.contains('*') => return Err(RuleFault::StarWithin),
            _ => {}
        }
    }
    Ok(())
}

impl fmt::Display for AllowRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Rule { method, pattern }) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{method} {pattern}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for AllowRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AllowRules({self})")
    }
}

#[cfg(test)]
mod tests;
