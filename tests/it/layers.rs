//! Holds the `crate::` paths of `src` to the floors on the crate's front page: a file imports from lower floors and from its own room.
//!
//! A room is a file of `src` with the folder of the same name. What only tests see (`#[cfg(test)]`) is exempt.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The table of `src/lib.rs`: each floor with its rooms.
const FLOORS: [(u8, &[&str]); 10] = [
    (0, &["secret", "units", "clock", "log", "live", "phase", "metrics"]),
    (1, &["auth", "rules", "tls", "body", "manager"]),
    (2, &["refusal", "policy"]),
    (3, &["gate", "issue", "journal"]),
    (4, &["upstream", "network"]),
    (5, &["gateway", "admin"]),
    (6, &["server", "reload"]),
    (7, &["config"]),
    (8, &["app"]),
    (9, &["main", "cli"]),
];

#[test]
fn every_file_imports_from_lower_floors_and_its_own_room_only() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut faults = Vec::new();
    for file in rust_files(&src) {
        let name = file.strip_prefix(&src).expect("the walk began there").display().to_string();
        let text = fs::read_to_string(&file).unwrap_or_else(|fault| panic!("{name}: {fault}"));
        faults.extend(check(&name, &text));
    }
    assert!(faults.is_empty(), "{} paths climb:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn every_room_is_on_the_front_page() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let page = fs::read_to_string(src.join("lib.rs")).expect("the crate has a library");
    let page: String = page.lines().filter(|line| line.starts_with("//!")).collect();
    for room in FLOORS.iter().flat_map(|(_, rooms)| *rooms) {
        let exists = src.join(format!("{room}.rs")).exists();
        assert!(!exists || page.contains(room), "the table at the head of src/lib.rs lacks the room `{room}`");
    }
}

#[test]
fn a_path_that_climbs_is_found_however_it_is_written() {
    for (file, text) in [
        ("gate.rs", "use crate::server::Slot;"),
        ("gate.rs", "use crate::issue::Minted;"),
        ("rules/path.rs", "use crate::auth::basic;"),
        ("auth/token.rs", "fn f() { let s = '\"'; crate::gateway::run(s) }"),
        ("auth.rs", "use crate::{\n    secret::Secret,\n    tls::{self, Identity},\n};"),
        ("auth.rs", "use crate::{units::{A, B}, config};"),
        ("clock.rs", "use super::app;"),
        ("auth/token.rs", "use super::super::app;"),
        ("tls.rs", "#[cfg(test)] use crate::app; use crate::config::Config;"),
        ("config.rs", "#[cfg(test)]\nmod tests { fn f() { '{'; \"}\"; } }\nuse bearergate::cli;"),
        ("kitchen.rs", ""),
        ("app.rs", "use crate::kitchen::Sink;"),
    ] {
        assert_eq!(check(file, text).len(), 1, "{file}: {text}");
    }
}

#[test]
fn a_path_that_keeps_to_its_floor_is_let_through() {
    for (file, text) in [
        ("gate.rs", "use crate::{auth::{basic, bearer}, rules::path::SafePath, refusal::Refusal};"),
        ("auth/token.rs", "use crate::auth::bearer; use super::bearer::RawToken;"),
        (
            "secret.rs",
            "/// Read by [`crate::config`]; see crate::app.\n// use crate::app;\n/* crate::app /* crate::cli */ */",
        ),
        (
            "units.rs",
            "const A: &str = \"crate::app\"; const B: &str = r#\"\"crate::app\"#; const C: &[u8] = b\"\\\"crate::app\";",
        ),
        (
            "tls.rs",
            "fn f<'a>(x: &'a str) {}\n#[cfg(test)]\nmod tests { use crate::app; use super::*; fn f() { \"}\"; } }",
        ),
        ("tls/tests.rs", "use crate::app;"),
        ("log.rs", "mod inner { use super::Level; }"),
        ("main.rs", "mod cli; use bearergate::app; fn main() { crate::cli::run() }"),
        ("lib.rs", "pub use crate::app;"),
    ] {
        assert_eq!(check(file, text), Vec::<String>::new(), "{file}: {text}");
    }
}

/// What the file `name` (relative to `src`) imports against the table, one line each.
fn check(name: &str, text: &str) -> Vec<String> {
    let own = room_of(name);
    if own == "lib" || name.ends_with("tests.rs") {
        return Vec::new();
    }
    let Some(floor) = floor(&own) else { return vec![unknown(name, &own)] };
    let code = without_tests(&plain_code(text));
    let top_level = !name.contains('/');
    let mut faults = Vec::new();
    for room in named_rooms(&code, top_level) {
        match self::floor(&room) {
            None => faults.push(unknown(name, &room)),
            Some(_) if same_room(&own, &room) => {}
            Some(other) if other < floor => {}
            Some(other) => faults.push(format!("src/{name} on floor {floor} imports from `{room}` on floor {other}")),
        }
    }
    faults
}

fn unknown(name: &str, room: &str) -> String {
    format!(
        "src/{name}: the room `{room}` has no floor; add it to the table in lib.rs and to FLOORS in tests/it/layers.rs"
    )
}

fn room_of(name: &str) -> String {
    name.split('/').next().unwrap_or_default().trim_end_matches(".rs").to_owned()
}

fn floor(room: &str) -> Option<u8> {
    FLOORS.iter().find(|(_, rooms)| rooms.contains(&room)).map(|(floor, _)| *floor)
}

fn same_room(one: &str, other: &str) -> bool {
    // The process: main.rs does no more than call cli.
    let process = |room| room == "main" || room == "cli";
    one == other || process(one) && process(other)
}

/// The rooms that the code's paths begin with.
fn named_rooms(code: &str, top_level: bool) -> Vec<String> {
    // From a file of `src` itself, `super` is the crate's root; deeper inside it is the own room.
    let climbs: &[&str] = if top_level { &[] } else { &["super::super::"] };
    let mut rooms = Vec::new();
    for root in ["crate::", "bearergate::"].iter().chain(climbs) {
        for at in starts(code, root) {
            rooms.extend(first_names(&code[at + root.len()..]));
        }
    }
    if top_level {
        let outside = starts(code, "super::").into_iter().filter(|&at| depth(&code[..at]) == 0);
        rooms.extend(outside.flat_map(|at| first_names(&code[at + "super::".len()..])));
    }
    rooms
}

/// Where `word` stands in the code as a word of its own.
fn starts(code: &str, word: &str) -> Vec<usize> {
    let whole = |at: usize| !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$');
    code.match_indices(word).map(|(at, _)| at).filter(|&at| whole(at)).collect()
}

fn depth(code: &str) -> usize {
    code.matches('{').count().saturating_sub(code.matches('}').count())
}

/// The first name of a path, or of each path of a `{..}` group.
fn first_names(path: &str) -> Vec<String> {
    let path = path.trim_start();
    let Some(group) = path.strip_prefix('{') else { return name(path).into_iter().collect() };
    let (mut names, mut open, mut fresh) = (Vec::new(), 0_usize, true);
    for (at, character) in group.char_indices() {
        match character {
            '}' if open == 0 => break,
            '{' => open += 1,
            '}' => open -= 1,
            ',' if open == 0 => fresh = true,
            _ if fresh && !character.is_whitespace() => {
                names.extend(name(&group[at..]));
                fresh = false;
            }
            _ => {}
        }
    }
    names
}

fn name(path: &str) -> Option<String> {
    let end = path.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(path.len());
    // `crate::Name` and `crate::self` are the front page's own.
    let module = path.starts_with(|c: char| c.is_lowercase()) && !path.starts_with("self");
    module.then(|| path[..end].to_owned())
}

/// The code without what `#[cfg(test)]` stands before.
fn without_tests(code: &str) -> String {
    let (mut kept, mut rest) = (String::new(), code);
    while let Some(at) = rest.find("#[cfg(test)]") {
        kept += &rest[..at];
        rest = after_item(&rest[at + "#[cfg(test)]".len()..]);
    }
    kept + rest
}

/// What follows the first item: it ends with a `;` outside of braces, or with its own closing brace (a `use` group goes on to its `;`).
fn after_item(code: &str) -> &str {
    let import = code.trim_start().starts_with("use ");
    let mut open = 0_usize;
    for (at, character) in code.char_indices() {
        match character {
            '{' => open += 1,
            '}' => open = open.saturating_sub(1),
            _ => {}
        }
        if open == 0 && (character == ';' || character == '}' && !import) {
            return &code[at + 1..];
        }
    }
    ""
}

/// The text with comments taken out and literals emptied.
fn plain_code(text: &str) -> String {
    let (mut code, mut rest) = (String::new(), text);
    while let Some(character) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            block_comment(rest)
        } else if rest.starts_with('"') {
            string(rest)
        } else if starts_raw_string(rest) && !code.ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            raw_string(rest)
        } else if let Some(length) = character_literal(rest) {
            length
        } else {
            code.push(character);
            rest = &rest[character.len_utf8()..];
            continue;
        };
        code.push(' ');
        rest = &rest[length..];
    }
    code
}

fn block_comment(text: &str) -> usize {
    let (mut open, mut at) = (0, 0);
    while at < text.len() {
        match text.get(at..at + 2) {
            Some("/*") => (open, at) = (open + 1, at + 2),
            Some("*/") if open == 1 => return at + 2,
            Some("*/") => (open, at) = (open - 1, at + 2),
            _ => at += 1,
        }
    }
    text.len()
}

fn string(text: &str) -> usize {
    let mut escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn starts_raw_string(text: &str) -> bool {
    let raw = text.strip_prefix('b').unwrap_or(text).strip_prefix('r');
    raw.is_some_and(|rest| rest.trim_start_matches('#').starts_with('"'))
}

fn raw_string(text: &str) -> usize {
    let open = text.find('"').map_or(text.len(), |at| at + 1);
    let end = format!("\"{}", "#".repeat(text[..open].matches('#').count()));
    text[open..].find(&end).map_or(text.len(), |at| open + at + end.len())
}

/// The length of a character literal; a lifetime is none.
fn character_literal(text: &str) -> Option<usize> {
    let inner = text.strip_prefix('\'')?;
    if let Some(escape) = inner.strip_prefix('\\') {
        let skipped = escape.chars().next()?.len_utf8();
        return escape[skipped..].find('\'').map(|at| at + skipped + 3);
    }
    let character = inner.chars().next()?;
    inner[character.len_utf8()..].starts_with('\'').then(|| character.len_utf8() + 2)
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|fault| panic!("{}: {fault}", folder.display()));
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.expect("the folder stays readable").path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}
