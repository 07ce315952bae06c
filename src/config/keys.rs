//! The keys that tokens are signed and checked with: one in a variable, or a folder of them.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::problems::{Problem, Warning};
use super::reader::Reader;
use super::{file, parse, vars};
use crate::auth::keyring::{KeyId, KeyRing, MOST_KEYS, NamedKey, TokenRules};

/// Reads the keys and what their tokens say.
pub(super) fn read(r: &mut Reader, now: u64) -> Option<KeyRing> {
    let keys = read_keys(r, now);
    let (ttl, settle) = (r.read(&vars::TOKEN_TTL), r.read(&vars::TOKEN_KEY_SETTLE));
    let (issuer, audience) = (r.read(&vars::TOKEN_ISSUER), r.read(&vars::TOKEN_AUDIENCE));
    if r.was_set(NAME) && matches!(audience, Some(None)) {
        let what =
            "is unset: a token of any other gate that is given one of these keys is good here too; give each its own";
        r.warn(Warning::new(vars::TOKEN_AUDIENCE.name, what));
    }
    let rules = TokenRules { ttl: ttl?, issuer: issuer?, audience: audience?, settle: settle? };
    match KeyRing::new(keys?, rules) {
        Ok(ring) => Some(ring),
        Err(fault) => {
            r.problem(Problem::new(NAME, format!("is refused: {fault}"), ""));
            None
        }
    }
}

/// Reads the keys alone, all of them first seen `now`. Never empty.
pub(super) fn read_keys(r: &mut Reader, now: u64) -> Option<Vec<NamedKey>> {
    let (single, folder) = (r.read(&vars::TOKEN_KEY), r.read(&vars::TOKEN_KEYS_DIR));
    let single_name = vars::TOKEN_KEY.name;
    match (r.was_set(single_name), r.was_set(NAME)) {
        (true, true) => {
            let remedy = "keep one of them; the key may become a file of the folder";
            r.problem(Problem::new(single_name, format!("is set, and {NAME} too"), remedy));
        }
        (false, false) => {
            let remedy = format!("`bearergate new-key` prints one; or name a folder of keys in {NAME}");
            r.problem(Problem::missing(single_name, remedy));
            return None;
        }
        (true, false) | (false, true) => {}
    }
    let from_folder = folder?.map(|folder| r.keep(load_folder(&folder, now)));
    let single = single?.map(|key| NamedKey { id: None, key, first_seen: now });
    match (single, from_folder) {
        (Some(key), None) => Some(vec![key]),
        (None, Some(keys)) => keys,
        _ => None,
    }
}

/// Loads one key from each file. Hidden files are skipped (Kubernetes and editors have some), and so are sub-folders.
fn load_folder(folder: &Path, now: u64) -> Result<Vec<NamedKey>, Vec<Problem>> {
    let files = files_in(folder).map_err(|error| vec![file::unreadable(NAME, folder, &error)])?;
    let names = |what: String, remedy: &'static str| {
        vec![Problem::new(NAME, format!("names {}, which {what}", file::shown(folder)), remedy)]
    };
    if files.is_empty() {
        return Err(names("has no key in it".to_owned(), "put a file with what `bearergate new-key` prints into it"));
    }
    if files.len() > MOST_KEYS {
        let remedy = "remove those that have signed nothing for a token's life";
        return Err(names(format!("has {} files in it, allowed are {MOST_KEYS}", files.len()), remedy));
    }
    let (mut keys, mut problems) = (Vec::new(), Vec::new());
    for name in files {
        match load(&folder.join(&name), &name, now) {
            Ok(key) => keys.push(key),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() { Ok(keys) } else { Err(problems) }
}

/// The names of the files that should be keys, in their order.
fn files_in(folder: &Path) -> io::Result<Vec<OsString>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        // What cannot be asked stays in the list: reading it says why.
        if !is_hidden && !entry.path().is_dir() {
            names.push(entry.file_name());
        }
    }
    names.sort();
    Ok(names)
}

fn load(path: &Path, name: &OsStr, now: u64) -> Result<NamedKey, Problem> {
    let which = |fault: String, remedy: &'static str| {
        Problem::new(NAME, format!("names {}, which {fault}", file::shown(path)), remedy)
    };
    let id = name.to_str().map(KeyId::parse).and_then(Result::ok).ok_or_else(|| {
        let name = PathBuf::from(name);
        let what = format!("has a file {name:?} in it, whose name is not 1 to 64 of A-Z a-z 0-9 . _ -");
        let folder = path.parent().unwrap_or(path);
        Problem::new(NAME, format!("names {}, which {what}", file::shown(folder)), "rename or remove it")
    })?;
    let text = file::secret(NAME, path)?;
    let key = parse::token_key(&text).map_err(|complaint| which(complaint.what.into_owned(), ""))?;
    Ok(NamedKey { id: Some(id), key, first_seen: now })
}

const NAME: &str = vars::TOKEN_KEYS_DIR.name;
