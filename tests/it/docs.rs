//! Holds what is written beside the code to the code: README, file lengths, and that no private key is in the tree.

mod vietnamese;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use bearergate::metrics::label::{Label as _, Reason};
use strum::VariantArray as _;

#[test]
fn the_readme_shows_the_table_of_variables_that_the_program_prints() {
    let readme = read("README.md");
    let (_, rest) = readme.split_once("<!-- vars:begin -->").expect("README.md marks where the table begins");
    let (table, _) = rest.split_once("<!-- vars:end -->").expect("README.md marks where the table ends");
    let printed = bearergate(&["vars", "--format", "markdown"]);
    assert!(
        table.trim() == printed.trim(),
        "the table in README.md is not the one that `bearergate vars --format markdown` prints; put this there:\n{printed}"
    );
}

#[test]
fn the_readme_shows_the_table_of_metrics_that_the_program_has() {
    let readme = read("README.md");
    let (_, rest) = readme.split_once("<!-- metrics:begin -->").expect("README.md marks where the table begins");
    let (table, _) = rest.split_once("<!-- metrics:end -->").expect("README.md marks where the table ends");
    let expected = bearergate::metrics::table::markdown();
    assert!(
        table.trim() == expected.trim(),
        "the table of metrics in README.md is another; put this there:\n{expected}"
    );
}

#[test]
fn every_command_that_the_readme_names_exists() {
    let known = commands(&bearergate(&["--help"]));
    let named = named_commands(&read("README.md"));
    assert!(named.contains(&"demo".to_owned()), "README.md names `bearergate demo`: {named:?}");
    for command in named {
        assert!(known.contains(&command), "README.md names `bearergate {command}`; --help knows {known:?}");
    }
}

#[test]
fn every_refusal_reason_has_a_row_on_its_page_and_the_page_has_no_other() {
    let page = read("deploy/refusals.md");
    let rows: Vec<Vec<&str>> = page
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    let named: Vec<&str> = rows.iter().map(|row| row[0].trim_matches('`')).collect();
    let known: Vec<&str> = Reason::VARIANTS.iter().map(|reason| reason.name()).collect();
    assert_eq!(
        named, known,
        "deploy/refusals.md has a row for each reason, in the order of the list in metrics/label.rs"
    );
    for row in &rows {
        assert!(row.len() == 5 && row.iter().all(|cell| !cell.is_empty()), "{row:?}");
        assert!(["you", "the API", "the caller", "a stranger"].contains(&row[2]), "whose is {row:?}?");
        let (status, code) = row[1].split_once(' ').expect("a status and a code");
        let code = code.trim_matches('`');
        assert!(read("src/refusal.rs").contains(&format!("said({status}, \"{code}\"")), "nobody hears {}", row[1]);
    }
}

#[test]
fn the_readme_names_the_two_commands_of_a_newcomer() {
    let readme = read("README.md");
    for command in ["cargo run --release -- demo", "cargo test"] {
        assert!(readme.contains(command), "README.md lacks `{command}`");
    }
}

#[test]
fn a_source_file_has_at_most_500_lines() {
    let files = files().into_iter().filter(|file| file.extension().is_some_and(|extension| extension == "rs"));
    let long: Vec<_> =
        files.map(|file| (text(&file).lines().count(), file)).filter(|(lines, _)| *lines > 500).collect();
    assert!(long.is_empty(), "too long: {long:?}");
}

#[test]
fn no_file_holds_a_private_key() {
    let keys: Vec<_> = files().into_iter().filter(|file| holds_private_key(file, &text(file))).collect();
    assert!(keys.is_empty(), "a private key has no place in git: {keys:?}");
}

#[test]
fn every_test_that_the_security_page_names_exists() {
    let page = read(".github/SECURITY.md");
    let named = named_tests(&page);
    assert!(named.len() > 80, "only {} tests are named", named.len());
    let missing: Vec<_> = named.into_iter().filter(|name| !is_test(name)).collect();
    assert!(missing.is_empty(), ".github/SECURITY.md names what is no test: {missing:#?}");
}

#[test]
fn every_line_of_the_checklist_is_on_the_security_page() {
    let page = read(".github/SECURITY.md");
    let (page, table) = page.split_once("## Every must").expect("the table of musts");
    let (_, goals) = page.split_once("## Goals").expect("the list of goals");
    let missing: Vec<u32> = (1..=LINES)
        .filter(|line| !table.contains(&format!("\n| {line} |")) && !goals.contains(&format!("**{line}**")))
        .collect();
    assert!(missing.is_empty(), ".github/SECURITY.md lacks lines {missing:?} of the checklist");
}

#[test]
fn a_test_is_told_from_another_function() {
    for (name, expected) in [
        ("docs::a_test_is_told_from_another_function", true),
        ("properties::a_safe_path_reads_one_way", true),
        ("src::tls::a_second_handshake_resumes_by_ticket_and_never_with_early_data", true),
        ("src::rules::allow::no_disguise_of_a_permitted_path_is_permitted", true),
        ("docs::read", false),
        ("docs::a_test_is_told", false),
        ("paths::a_test_is_told_from_another_function", false),
        ("nowhere::a_test", false),
    ] {
        assert_eq!(is_test(name), expected, "{name}");
    }
    let page = "`a::b` and `tests/it`, `c` and `Type::method`; `src::d::e_1`";
    assert_eq!(named_tests(page), ["a::b", "src::d::e_1"]);
}

#[test]
fn a_private_key_is_told_from_a_pattern() {
    let dashes = "-----";
    let key = format!("{dashes}BEGIN PRIVATE KEY{dashes}\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg\n");
    let quoted = key.replace('\n', "\\n\\\n    ");
    let pattern = format!("text.contains(\"{dashes}BEGIN EC PRIVATE KEY{dashes}\")");
    for (file, text, expected) in [
        ("certs/privkey.pem", &key, true),
        ("deploy/secret.yaml", &pattern, true),
        ("src/auth/keyring.rs", &key, true),
        ("src/auth/keyring.rs", &quoted, true),
        ("src/auth/keyring.rs", &pattern, false),
        ("README.md", &"-----BEGIN CERTIFICATE-----".to_owned(), false),
    ] {
        assert_eq!(holds_private_key(Path::new(file), text), expected, "{file}: {text}");
    }
}

#[test]
fn the_commands_of_a_page_are_found_in_its_code_alone() {
    let page = "bearergate is small. Run `bearergate check` and `bearergate vars --format json`, not `bearergate`.\n\
        ```sh\ncargo run --release -- demo # bearergate here\n$ BEARERGATE_TLS=off ./target/release/bearergate run\n\
        docker run bearergate:1 hash-password\n```\nbearergate prose";
    assert_eq!(named_commands(page), ["check", "vars", "demo", "run", "hash-password"]);
}

/// The tests that a page names in inline code, as `module::test`.
fn named_tests(page: &str) -> Vec<&str> {
    let spans = page.split('`').skip(1).step_by(2);
    let is_path = |span: &&str| {
        span.contains("::") && span.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_:".contains(c))
    };
    spans.filter(is_path).collect()
}

/// Is it a function under `#[test]`, or one of those in `proptest!`, in its module of `tests/it` or of `src`?
fn is_test(name: &str) -> bool {
    let Some((module, test)) = name.rsplit_once("::") else { return false };
    let file = match module.strip_prefix("src::") {
        Some(module) => format!("src/{}", module.replace("::", "/")),
        None => format!("tests/it/{}", module.replace("::", "/")),
    };
    [format!("{file}.rs"), format!("{file}/tests.rs")].iter().any(|file| {
        let text = fs::read_to_string(root().join(file)).unwrap_or_default();
        let Some(at) = text.find(&format!("fn {test}(")) else { return false };
        let before = text[..at].trim_end_matches(" async").trim_end_matches("async ");
        let lines = before.lines().rev().map(str::trim).skip_while(|line| line.is_empty());
        let attributes: Vec<&str> = lines.take_while(|line| line.starts_with(['#', '/'])).collect();
        attributes.iter().any(|line| line.starts_with("#[test]") || line.starts_with("#[tokio::test"))
    })
}

/// Of the checklist.
const LINES: u32 = 76;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|fault| panic!("{name}: {fault}"))
}

fn text(file: &Path) -> String {
    let bytes = fs::read(root().join(file)).unwrap_or_else(|fault| panic!("{}: {fault}", file.display()));
    String::from_utf8_lossy(&bytes).into_owned()
}

fn bearergate(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_bearergate")).args(arguments).env_clear().output();
    let output = output.expect("cargo has built the program for this test");
    assert!(output.status.success(), "bearergate {arguments:?} failed: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("the program prints UTF-8")
}

/// The commands that a help text lists.
fn commands(help: &str) -> Vec<String> {
    let listed = help.lines().skip_while(|line| !line.starts_with("Commands:")).skip(1);
    let listed = listed.take_while(|line| line.starts_with("  "));
    // A longer indent goes on with the description above.
    let listed = listed.filter(|line| !line.starts_with("   "));
    listed.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

/// The commands that a page names in inline code and in code blocks.
fn named_commands(page: &str) -> Vec<String> {
    let (mut named, mut in_block) = (Vec::new(), false);
    for line in page.lines() {
        if line.trim_start().starts_with("```") {
            in_block = !in_block;
        } else if in_block {
            named.extend(command(line.split(" #").next().unwrap_or_default()));
        } else {
            named.extend(line.split('`').skip(1).step_by(2).filter_map(command));
        }
    }
    named
}

/// The word after the program's name, or after `cargo run ... --`.
fn command(code: &str) -> Option<String> {
    let mut words = code.split_whitespace().peekable();
    let cargo = words.peek() == Some(&"cargo");
    let program = |word: &str| {
        let file = word.rsplit('/').next().unwrap_or_default();
        let name = file.split([':', '@']).next().unwrap_or_default();
        if cargo { word == "--" } else { name == "bearergate" }
    };
    words.find(|word| program(word))?;
    let next = words.next()?;
    next.chars()
        .all(|c| c.is_ascii_lowercase() || c == '-')
        .then_some(next)
        .filter(|next| !next.starts_with('-'))
        .map(str::to_owned)
}

/// Does the file hold a key? In source the first line of one may stand as a pattern, as long as no key follows it.
fn holds_private_key(file: &Path, text: &str) -> bool {
    let source = file.extension().is_some_and(|extension| extension == "rs");
    text.match_indices("PRIVATE KEY-----").any(|(at, mark)| {
        let after =
            text[at + mark.len()..].trim_start_matches(|c: char| c.is_whitespace() || c == '"').replace("\\n", "");
        let after = after.trim_start_matches(|c: char| c.is_whitespace() || c == '\\' || c == '"');
        let base64 = after.chars().take_while(|&c| c.is_ascii_alphanumeric() || c == '+' || c == '/').count();
        !source || base64 >= 32
    })
}

/// The files of the tree, relative to its root: what git tracks or would track; without git, all but what is built or made by a demo.
fn files() -> Vec<PathBuf> {
    let git = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output();
    match git {
        Ok(output) if output.status.success() => {
            let list = String::from_utf8(output.stdout).expect("file names of this project are UTF-8");
            let files = list.split('\0').filter(|name| !name.is_empty()).map(PathBuf::from);
            files.filter(|file| root().join(file).is_file()).collect()
        }
        _ => walk(Path::new("")),
    }
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(root().join(folder)).unwrap_or_else(|fault| panic!("{}: {fault}", folder.display())) {
        let entry = entry.expect("the folder stays readable");
        let path = folder.join(entry.file_name());
        if [".git", "target", "certs/demo"].iter().any(|skipped| path == Path::new(skipped)) {
            continue;
        }
        if entry.path().is_dir() {
            files.extend(walk(&path));
        } else {
            files.push(path);
        }
    }
    files
}
