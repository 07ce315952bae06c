//! What one variable is: its line in the table, its type, and how it is refused.

use std::borrow::Cow;

/// One line of the table, as `bearergate vars` prints it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Row {
    /// The whole name, `BEARERGATE_…`.
    pub name: &'static str,
    /// What holds when it is unset.
    pub default: DefaultText,
    /// What it is for and what may be written.
    pub meaning: &'static str,
    /// Whether it is a secret: then [`Row::file_variable`] may name a file that holds it, and its value is never shown.
    pub secret: bool,
}

impl Row {
    /// The variable that may hold a path in its place, `<name>_FILE`; secrets alone have one.
    #[must_use]
    pub fn file_variable(&self) -> Option<String> {
        self.secret.then(|| format!("{}_FILE", self.name))
    }
}

/// What holds when a variable is unset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(untagged)]
pub enum DefaultText {
    /// The same as if this had been written.
    Value(&'static str),
    /// What this says; literal values in it stand between backticks.
    Rule(&'static str),
}

/// A variable of the table whose value is a `T`.
pub(super) struct Var<T> {
    pub(super) name: &'static str,
    pub(super) unset: Unset<T>,
    /// Takes a text that is not empty.
    pub(super) parse: fn(&str) -> Result<T, Complaint>,
    meaning: &'static str,
    secret: bool,
}

/// What an unset variable stands for.
pub(super) enum Unset<T> {
    /// A problem.
    Missing { remedy: &'static str },
    /// The same as if this had been written.
    As(&'static str),
    /// A value that no text of its own stands for; `text` says the rule.
    Rule { text: &'static str, value: fn() -> T },
}

/// What a value is refused for; it never repeats the value.
#[derive(Debug)]
pub(super) struct Complaint {
    /// The rest of a sentence that begins with the variable and its value.
    pub(super) what: Cow<'static, str>,
    pub(super) remedy: Cow<'static, str>,
    /// The value of a variable that is no secret may hold one all the same.
    pub(super) hides_value: bool,
}

impl Complaint {
    pub(super) fn new(what: impl Into<Cow<'static, str>>, remedy: impl Into<Cow<'static, str>>) -> Self {
        Self { what: what.into(), remedy: remedy.into(), hides_value: false }
    }

    pub(super) fn hiding_the_value(mut self) -> Self {
        self.hides_value = true;
        self
    }
}

type Parse<T> = fn(&str) -> Result<T, Complaint>;

impl<T> Var<T> {
    /// A variable that must be set.
    pub(super) const fn required(
        name: &'static str,
        remedy: &'static str,
        meaning: &'static str,
        parse: Parse<T>,
    ) -> Self {
        Self::new(name, Unset::Missing { remedy }, meaning, parse)
    }

    /// A variable whose default can be written like any other value.
    pub(super) const fn defaulted(
        name: &'static str,
        text: &'static str,
        meaning: &'static str,
        parse: Parse<T>,
    ) -> Self {
        Self::new(name, Unset::As(text), meaning, parse)
    }

    /// The same variable as a secret.
    pub(super) const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    /// Its line in the table.
    pub(super) const fn row(&self) -> Row {
        Row {
            name: self.name,
            default: match self.unset {
                Unset::Missing { .. } => DefaultText::Rule("required"),
                Unset::As(text) => DefaultText::Value(text),
                Unset::Rule { text, .. } => DefaultText::Rule(text),
            },
            meaning: self.meaning,
            secret: self.secret,
        }
    }

    const fn new(name: &'static str, unset: Unset<T>, meaning: &'static str, parse: Parse<T>) -> Self {
        Self { name, unset, parse, meaning, secret: false }
    }
}

impl<T> Var<Option<T>> {
    /// A variable that may stay unset; `rule` says what holds then.
    pub(super) const fn optional(
        name: &'static str,
        rule: &'static str,
        meaning: &'static str,
        parse: Parse<Option<T>>,
    ) -> Self {
        let unset = Unset::Rule { text: rule, value: || None };
        Self::new(name, unset, meaning, parse)
    }
}
