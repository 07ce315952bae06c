//! A clients file being read: its problems, each with its place, and fields that are taken out one by one.

use std::borrow::Cow;
use std::fmt::Display;
use std::path::Path;

use super::json::Json;
use crate::config::problems::Problem;
use crate::config::{file, vars};

/// Where in the file the reading is, and what was wrong so far.
pub(super) struct Page {
    file: String,
    /// What the sentences begin with, such as `client vietqr: `.
    pub(super) place: String,
    pub(super) problems: Vec<Problem>,
}

/// The fields of one object that are still to be read.
pub(super) struct Fields<'f>(Vec<(String, Json<'f>)>);

impl Page {
    pub(super) fn of(path: &Path) -> Self {
        Self { file: file::shown(path), place: String::new(), problems: Vec::new() }
    }

    /// Keeps a problem of this place. Neither text may repeat a value: it may be a secret at the wrong place.
    pub(super) fn note(&mut self, what: impl Display, remedy: impl Into<Cow<'static, str>>) {
        let what = format!("names {}: {}{what}", self.file, self.place);
        self.problems.push(Problem::new(vars::CLIENTS_FILE.name, what, remedy));
    }

    /// The fields of an object. One that is not `known`, or is there twice, is a problem; of the latter the first is read.
    pub(super) fn fields<'f>(&mut self, json: Json<'f>, known: &[&str]) -> Option<Fields<'f>> {
        let object = match json {
            Json::Object(object) => object,
            other => {
                self.note(format_args!("is {}, not an object", other.kind()), "write { and } around its fields");
                return None;
            }
        };
        let mut fields: Vec<(String, Json<'f>)> = Vec::new();
        for (name, value) in object {
            if !known.contains(&name.as_str()) {
                let remedy = match nearest(&name, known) {
                    Some(near) => format!("did you mean {near}?"),
                    None => format!("remove it; the fields are {}", known.join(", ")),
                };
                self.note(format_args!("has a field that is not known{}", shown(&name)), remedy);
            } else if fields.iter().any(|(before, _)| *before == name) {
                self.note(format_args!("has the field {name} twice"), "keep one of them");
            } else {
                fields.push((name, value));
            }
        }
        Some(Fields(fields))
    }

    /// A text that `parse` takes; it says the rest of a sentence that begins with the field. The outer `None`: a problem was noted.
    pub(super) fn text<T>(
        &mut self,
        fields: &mut Fields<'_>,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<Option<T>> {
        let found = match fields.take(name) {
            None => return Some(None),
            Some(Json::Text(text)) if text.is_empty() => Err("is empty".to_owned()),
            Some(Json::Text(text)) => parse(&text),
            Some(other) => Err(format!("is {}, not a text", other.kind())),
        };
        found.map_err(|fault| self.note(format_args!("{name} {fault}"), "")).ok().map(Some)
    }

    /// A list of 1 to `most` texts that `parse` takes, each with its number from 1; it says the rest of a sentence that begins with the
    /// field. The outer `None`: a problem was noted.
    pub(super) fn texts<T>(
        &mut self,
        fields: &mut Fields<'_>,
        name: &str,
        most: usize,
        parse: impl Fn(&str, usize) -> Result<T, String>,
    ) -> Option<Option<Vec<T>>> {
        let list = match fields.take(name) {
            None => return Some(None),
            Some(Json::List(list)) => list,
            Some(other) => {
                self.note(format_args!("{name} is {}, not a list of texts", other.kind()), "write [ and ] around it");
                return None;
            }
        };
        if list.is_empty() {
            self.note(format_args!("{name} is an empty list"), "put something into it, or remove it");
            return None;
        }
        if list.len() > most {
            self.note(format_args!("{name} has {} entries, allowed are {most}", list.len()), "remove old ones");
            return None;
        }
        let mut found = Vec::new();
        let count = list.len();
        for (json, number) in list.into_iter().zip(1..) {
            let entry = match json {
                Json::Text(text) => parse(&text, number),
                other => Err(format!("has as entry {number} {}, not a text", other.kind())),
            };
            match entry {
                Ok(entry) => found.push(entry),
                Err(fault) => self.note(format_args!("{name} {fault}"), ""),
            }
        }
        (found.len() == count).then_some(Some(found))
    }
}

impl<'f> Fields<'f> {
    /// The field, which is then no longer there.
    pub(super) fn take(&mut self, name: &str) -> Option<Json<'f>> {
        let position = self.0.iter().position(|(field, _)| field == name)?;
        Some(self.0.swap_remove(position).1)
    }
}

/// A field's name in a message, unless it is long or odd enough to be something else at the wrong place.
fn shown(name: &str) -> String {
    let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
    if is_name && (1..=24).contains(&name.len()) { format!(", {name}") } else { String::new() }
}

fn nearest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    let name = name.to_lowercase();
    let likeness = |known: &str| {
        let extends = !name.is_empty() && (known.starts_with(&*name) || known.ends_with(&*name));
        let distance = strsim::normalized_damerau_levenshtein(&name, known);
        if extends { distance + 1.0 } else { distance }
    };
    let scored = known.iter().map(|known| (likeness(known), *known));
    let (score, near) = scored.max_by(|one, other| one.0.total_cmp(&other.0))?;
    (score >= LIKE_ENOUGH).then_some(near)
}

/// Below this, a suggestion confuses more than it helps.
const LIKE_ENOUGH: f64 = 0.6;
