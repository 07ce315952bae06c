//! Reads variables one after another and keeps every problem until the end.
//!
//! A variable that is never read is a name nobody knows. What the values mean is in
//! [`super::vars`], what they mean together is for the parts of [`super`] that read them.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::problems::{Problem, Problems, Warning};
use super::variable::{Row, Unset, Var};
use super::vars::TABLE;
use super::{file, unknown};

/// The `BEARERGATE_` variables of an environment. `Debug` shows names only; the values are wiped.
#[derive(Default)]
pub struct Vars(BTreeMap<String, Value>);

enum Value {
    Text(Zeroizing<String>),
    NotUtf8,
}

impl Vars {
    /// Takes the variables whose names begin with `BEARERGATE_` and leaves the rest; of a repeated name the last counts.
    pub fn from_pairs<N, V>(pairs: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: Into<OsString>,
        V: Into<OsString>,
    {
        let ours = pairs.into_iter().filter_map(|(name, value)| {
            let name = name.into().to_string_lossy().into_owned();
            let value = match value.into().into_string() {
                Ok(text) => Value::Text(Zeroizing::new(text)),
                Err(_) => Value::NotUtf8,
            };
            name.starts_with(PREFIX).then_some((name, value))
        });
        Self(ours.collect())
    }
}

impl fmt::Debug for Vars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// What one variable of the table came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The whole name, `BEARERGATE_…`.
    pub name: &'static str,
    /// The value as it was given or worked out; of a secret only the word `set`.
    pub value: String,
    /// Who said so.
    pub source: Source,
}

/// Where a setting comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The variable itself.
    Variable,
    /// The file that `…_FILE` names.
    File(PathBuf),
    /// Nobody set it.
    Default,
}

/// The variables, which of them have been read, and what the reading has found so far.
pub(super) struct Reader {
    vars: Arc<Vars>,
    read: BTreeSet<String>,
    problems: Vec<Problem>,
    warnings: Vec<Warning>,
    settings: Vec<Setting>,
}

impl Reader {
    pub(super) fn new(vars: Arc<Vars>) -> Self {
        Self { vars, read: BTreeSet::new(), problems: Vec::new(), warnings: Vec::new(), settings: Vec::new() }
    }

    /// The variable's value or what stands for it when it is unset. `None`: a problem waits in the reader.
    pub(super) fn read<T>(&mut self, var: &Var<T>) -> Option<T> {
        match self.try_read(var) {
            Ok(value) => Some(value),
            Err(problem) => {
                self.problems.push(problem);
                None
            }
        }
    }

    /// Keeps a problem that its maker has put into words.
    pub(super) fn problem(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// What a maker of problems found good; else its problems are kept.
    pub(super) fn keep<T>(&mut self, found: Result<T, Vec<Problem>>) -> Option<T> {
        found.map_err(|problems| self.problems.extend(problems)).ok()
    }

    /// Refuses what was read without a problem of its own; its value is shown unless it is a secret or nobody's.
    pub(super) fn refuse(
        &mut self,
        name: &'static str,
        what: impl Into<Cow<'static, str>>,
        remedy: impl Into<Cow<'static, str>>,
    ) {
        let problem = Problem::new(name, what, remedy);
        let secret = TABLE.iter().any(|row| row.name == name && row.secret);
        let given = |setting: &&Setting| setting.name == name && setting.source == Source::Variable && !secret;
        self.problems.push(match self.settings.iter().find(given) {
            Some(setting) => problem.showing(&setting.value),
            None => problem,
        });
    }

    /// Keeps a warning.
    pub(super) fn warn(&mut self, warning: Warning) {
        self.warnings.push(warning);
    }

    /// Puts a worked-out default into the overview, in place of the rule.
    pub(super) fn worked_out(&mut self, name: &str, value: impl fmt::Display) {
        let setting = self.settings.iter_mut().find(|setting| setting.name == name);
        if let Some(setting) = setting.filter(|setting| setting.source == Source::Default) {
            setting.value = value.to_string();
        }
    }

    /// Whether somebody set the variable, rightly or wrongly; it must have been read.
    pub(super) fn was_set(&self, name: &str) -> bool {
        let unset = |setting: &Setting| setting.name == name && setting.source == Source::Default;
        !self.settings.iter().any(unset)
    }

    /// Ends the reading: `parts` when nothing at all was wrong.
    ///
    /// # Errors
    /// Every problem, those of unknown names last.
    pub(super) fn finish<P>(mut self, parts: Option<P>) -> Result<Read<P>, Problems> {
        let left: Vec<&str> =
            self.vars.0.keys().filter(|name| !self.read.contains(*name)).map(String::as_str).collect();
        self.problems.extend(unknown::problems(&left));
        self.finish_some(parts)
    }

    /// Ends a reading of some variables only: those that were not read are nobody's business.
    ///
    /// # Errors
    /// Every problem.
    pub(super) fn finish_some<P>(mut self, parts: Option<P>) -> Result<Read<P>, Problems> {
        self.problems.sort_by_key(|problem| place(problem.variable()));
        self.warnings.sort_by_key(|warning| place(warning.variable()));
        self.settings.sort_by_key(|setting| place(setting.name));
        match (Problems::of(self.problems), parts) {
            (Some(problems), _) => Err(problems),
            (None, Some(parts)) => Ok(Read { parts, warnings: self.warnings, settings: self.settings }),
            (None, None) => unreachable!("a part is withheld only when its problem waits in the reader"),
        }
    }

    pub(super) fn try_read<T>(&mut self, var: &Var<T>) -> Result<T, Problem> {
        let row = var.row();
        let Some(given) = self.take(&row)? else {
            return self.unset(var);
        };
        let value = (var.parse)(&given.text).map_err(|complaint| {
            let problem = Problem::new(given.name, complaint.what, complaint.remedy);
            let may_be_seen = !row.secret && !complaint.hides_value && !looks_like_a_key(&given.text);
            if may_be_seen { problem.showing(&given.text) } else { problem }
        })?;
        self.settings.push(Setting {
            name: row.name,
            value: if row.secret { "set".to_owned() } else { (*given.text).clone() },
            source: given.source,
        });
        Ok(value)
    }

    fn unset<T>(&mut self, var: &Var<T>) -> Result<T, Problem> {
        let (value, text) = match var.unset {
            Unset::Missing { remedy } => return Err(Problem::missing(var.name, remedy)),
            Unset::Rule { value, .. } => (value(), "unset"),
            Unset::As(text) => {
                let parsed = (var.parse)(text);
                let refused = |_| Problem::new(var.name, "has a default that is refused", "set it");
                (parsed.map_err(refused)?, text)
            }
        };
        self.settings.push(Setting { name: var.name, value: text.to_owned(), source: Source::Default });
        Ok(value)
    }

    fn take(&mut self, row: &Row) -> Result<Option<Given>, Problem> {
        self.read.insert(row.name.to_owned());
        let inline = self.vars.0.get(row.name);
        let file = row.file_variable().and_then(|name| {
            self.read.insert(name.clone());
            self.vars.0.get(&name).map(|path| (name, path))
        });
        match (inline, file) {
            (None, None) => Ok(None),
            (Some(_), Some((file_name, _))) => {
                let what = format!("is set, and {file_name} too");
                Err(Problem::new(row.name, what, "keep one of them"))
            }
            (Some(value), None) => {
                let text = text_of(row.name, value)?;
                Ok(Some(Given { name: row.name.to_owned(), text, source: Source::Variable }))
            }
            (None, Some((file_name, path))) => {
                let path = PathBuf::from(&*text_of(&file_name, path)?);
                Ok(Some(Given { text: file::secret(&file_name, &path)?, name: file_name, source: Source::File(path) }))
            }
        }
    }
}

/// A value as it was found, not empty.
struct Given {
    name: String,
    text: Zeroizing<String>,
    source: Source,
}

/// What a reading without problems ends with.
#[derive(Debug)]
pub(super) struct Read<P> {
    pub(super) parts: P,
    pub(super) warnings: Vec<Warning>,
    pub(super) settings: Vec<Setting>,
}

fn text_of(name: &str, value: &Value) -> Result<Zeroizing<String>, Problem> {
    match value {
        Value::NotUtf8 => Err(Problem::new(name, "is not UTF-8", "write it as UTF-8 text")),
        // Never silently the default: an empty value is most often a template whose variable was not filled in.
        Value::Text(text) if text.is_empty() => Err(Problem::new(name, "is empty", "unset it or give it a value")),
        Value::Text(text) => Ok(text.clone()),
    }
}

/// Where the table has this name; names that it does not have come last.
fn place(name: &str) -> usize {
    let is_it = |row: &Row| row.name == name || row.file_variable().is_some_and(|file| file == name);
    TABLE.iter().position(is_it).unwrap_or(TABLE.len())
}

/// A key pasted where its path belongs must not reach the report.
fn looks_like_a_key(text: &str) -> bool {
    text.contains("-----BEGIN")
}

/// What every name of ours begins with.
pub(super) const PREFIX: &str = "BEARERGATE_";

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::ffi::OsStringExt as _;

    use super::*;
    use crate::config::variable::Complaint;
    use crate::units::parse_duration;

    const LIFE: Var<std::time::Duration> = Var::defaulted("BEARERGATE_LIFE", "5m", "how long", |text| {
        parse_duration(text).map_err(|fault| Complaint::new(fault.to_string(), "write 5s"))
    });
    const WORD: Var<String> = Var::required("BEARERGATE_WORD", "set it", "the word", |text| match text {
        "open sesame" => Ok(text.to_owned()),
        _ => Err(Complaint::new("is not the word", "ask")),
    })
    .secret();

    fn report<T>(var: &Var<T>, pairs: &[(&str, &str)]) -> String {
        let mut reader = Reader::new(Arc::new(Vars::from_pairs(pairs.iter().copied())));
        let value = reader.read(var);
        reader.finish(value).err().map(|problems| problems.to_string()).unwrap_or_default()
    }

    #[test]
    fn an_empty_value_is_a_problem_and_never_the_default() {
        assert_eq!(report(&LIFE, &[]), "");
        let problems = report(&LIFE, &[("BEARERGATE_LIFE", "")]);
        assert!(problems.contains("BEARERGATE_LIFE is empty; unset it"), "{problems}");
    }

    #[test]
    fn a_value_that_is_not_utf8_is_a_problem() {
        let pair = ("BEARERGATE_LIFE", OsString::from_vec(vec![0xff, b's']));
        let mut reader = Reader::new(Arc::new(Vars::from_pairs([pair])));
        let value = reader.read(&LIFE);
        let problems = reader.finish(value).err().map(|problems| problems.to_string());
        assert!(problems.is_some_and(|text| text.contains("BEARERGATE_LIFE is not UTF-8")));
    }

    #[test]
    fn a_secret_is_given_inline_or_as_a_file_and_never_both() {
        let folder = tempfile::tempdir().expect("a directory for the test");
        let path = folder.path().join("word");
        fs::write(&path, "open sesame\n").expect("the file is written");
        let path = path.to_str().expect("the path is text");
        assert_eq!(report(&WORD, &[("BEARERGATE_WORD", "open sesame")]), "");
        assert_eq!(report(&WORD, &[("BEARERGATE_WORD_FILE", path)]), "");
        let both = report(&WORD, &[("BEARERGATE_WORD_FILE", path), ("BEARERGATE_WORD", "open sesame")]);
        assert!(both.contains("BEARERGATE_WORD is set, and BEARERGATE_WORD_FILE too"), "{both}");
        let neither = report(&WORD, &[]);
        assert!(neither.contains("BEARERGATE_WORD is missing; set it"), "{neither}");
    }

    #[test]
    fn a_malformed_secret_is_not_repeated() {
        let problems = report(&WORD, &[("BEARERGATE_WORD", "hunter2")]);
        assert!(problems.contains("BEARERGATE_WORD is not the word; ask"), "{problems}");
        assert!(!problems.contains("hunter2"), "{problems}");
    }

    #[test]
    fn a_key_pasted_into_another_variable_is_not_repeated() {
        let problems = report(&LIFE, &[("BEARERGATE_LIFE", "-----BEGIN PRIVATE KEY-----\nMIGH")]);
        assert!(problems.contains("BEARERGATE_LIFE does not begin"), "{problems}");
        assert!(!problems.contains("MIGH"), "{problems}");
    }

    #[test]
    fn a_setting_shows_its_source_and_no_secret() {
        let mut reader =
            Reader::new(Arc::new(Vars::from_pairs([("BEARERGATE_WORD", "open sesame"), ("PATH", "/bin")])));
        let values = reader.read(&WORD).zip(reader.read(&LIFE));
        reader.worked_out("BEARERGATE_LIFE", "300s");
        reader.worked_out("BEARERGATE_WORD", "never");
        let read = reader.finish(values).expect("nothing is wrong");
        let shown = |setting: &Setting| (setting.name, setting.value.clone(), setting.source.clone());
        let expected = [
            ("BEARERGATE_WORD", "set".to_owned(), Source::Variable),
            ("BEARERGATE_LIFE", "300s".to_owned(), Source::Default),
        ];
        assert_eq!(read.settings.iter().map(shown).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn debug_of_the_variables_shows_names_only() {
        let vars = Vars::from_pairs([("BEARERGATE_WORD", "open sesame")]);
        assert_eq!(format!("{vars:?}"), r#"{"BEARERGATE_WORD"}"#);
    }
}
