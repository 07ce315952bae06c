//! Holds `README.vi.md` to `README.md` in what both languages share: levels of headings, code blocks, code in the line, figures,
//! names in capitals, links.
//!
//! Code blocks are equal with their comments. Every place where the two part is printed with the lines of both, so that whoever changes
//! `README.md` sees what to do in `README.vi.md`. Whether the words mean the same no test can know.

use std::{collections::BTreeSet, iter};

use super::{read, root};

const ENGLISH: &str = "README.md";
const VIETNAMESE: &str = "README.vi.md";

#[test]
fn the_vietnamese_readme_shows_what_the_english_one_shows() {
    let faults = differences(&read(ENGLISH), &read(VIETNAMESE));
    assert!(
        faults.is_empty(),
        "{VIETNAMESE} parts from {ENGLISH}, differences: {} (copy code blocks as they are, translate the rest):\n{}",
        faults.len(),
        faults.join("\n")
    );
}

#[test]
fn the_two_readmes_name_each_other_in_their_first_lines() {
    for (page, other) in [(ENGLISH, VIETNAMESE), (VIETNAMESE, ENGLISH)] {
        let text = read(page);
        let first = text.lines().next().unwrap_or_default();
        assert_eq!(links(first), [other], "the first line of {page} is {first:?}");
    }
}

#[test]
fn every_link_of_the_readmes_leads_to_a_file_and_a_heading_that_exist() {
    for page in [ENGLISH, VIETNAMESE] {
        for section in sections(&read(page)) {
            for link in links(&section.prose).into_iter().chain(section.rows.iter().flat_map(|row| links(&row.text))) {
                assert!(leads_somewhere(page, link), "{page}:{}: {:?} links to {link}", section.line, section.heading);
            }
        }
    }
}

#[test]
fn a_page_that_lags_behind_is_told_where() {
    let english = "# Gate\nIt asks `a` 5,000 times, see [b](LICENSE).\n```sh\nrun # it\nstop\n```\n## Table\n| `x` | 30 |\n| `y` | 401 |\n";
    let good = "# Cổng\nXem [b](LICENSE): nó hỏi `a` 5.000 lần.\n```sh\nrun # it\nstop\n```\n## Bảng\n| 30 `x` |\n| `y` | 401 |\n";
    assert_eq!(differences(english, good), Vec::<String>::new());
    for (was, is, told) in [
        ("## Bảng", "### Bảng", "   7 ## Table                                   7 ### Bảng"),
        ("## Bảng\n", "", "   7 ## Table                                   - "),
        ("run # it", "run # nó", "README.md:4 \"run # it\", README.vi.md:4 \"run # nó\""),
        ("stop\n", "", "README.md:5 \"stop\", README.vi.md:5 \"```\""),
        ("```sh\nrun # it\nstop\n```\n", "", "code blocks: 1 in README.md:1, 0 in README.vi.md:1"),
        ("```sh", "```", "README.md:3 \"```sh\", README.vi.md:3 \"```\""),
        ("`a`", "a", "README.vi.md:1 lacks {\"`a`\"}"),
        ("`a`", "`a` `c`", "README.vi.md:1 lacks {} and alone has {\"`c`\"}"),
        ("lần.", "7 lần.", "README.vi.md:1 lacks {} and alone has {\"7\"}"),
        ("lần.", "lần TLS.", "README.vi.md:1 lacks {} and alone has {\"TLS\"}"),
        ("5.000", "500", "README.vi.md:1 lacks {\"5000\"}"),
        ("(LICENSE)", "(src)", "README.vi.md:1 lacks {\"LICENSE\", \"](LICENSE)\"}"),
        (
            "| `y` | 401 |\n",
            "",
            "rows of tables: 2 in README.md:7, 1 in README.vi.md:7; the first that differs is README.md:9",
        ),
        ("401", "403", "README.md:9 has [\"401\", \"`y`\"], README.vi.md:9 [\"403\", \"`y`\"]"),
        ("`y`", "", "README.md:9 has [\"401\", \"`y`\"], README.vi.md:9 [\"401\"]"),
    ] {
        let faults = differences(english, &good.replacen(was, is, 1));
        assert_eq!(faults.len(), 1, "{was:?} -> {is:?}: {faults:#?}");
        assert!(faults[0].contains(told), "{was:?} -> {is:?}: {}", faults[0]);
    }
}

#[test]
fn a_link_that_leads_nowhere_is_told_from_one_that_does() {
    for (link, expected) in [
        ("LICENSE", true),
        (".github/SECURITY.md", true),
        (".github/SECURITY.md#who-attacks-and-what-is-promised", true),
        ("#variables", true),
        ("#biến-môi-trường", false),
        ("README.vi.md#biến-môi-trường", true),
        ("https://example.com/nowhere", true),
        ("NOTHING.md", false),
        (".github/SECURITY.md#nothing", false),
    ] {
        assert_eq!(leads_somewhere(ENGLISH, link), expected, "{link}");
    }
}

/// What a page says under one heading; the first section has none.
struct Section {
    line: usize,
    heading: String,
    blocks: Vec<Passage>,
    rows: Vec<Passage>,
    prose: String,
}

/// Some lines of a page, the first of which is its `line`-th.
struct Passage {
    line: usize,
    text: String,
}

impl Section {
    fn new(line: usize, heading: &str) -> Self {
        Self { line, heading: heading.to_owned(), blocks: Vec::new(), rows: Vec::new(), prose: String::new() }
    }

    fn level(&self) -> usize {
        self.heading.chars().take_while(|&c| c == '#').count()
    }
}

fn sections(page: &str) -> Vec<Section> {
    let mut sections = vec![Section::new(1, "")];
    let mut in_block = false;
    for (line, text) in (1..).zip(page.lines()) {
        let fence = text.trim_start().starts_with("```");
        if !in_block && !fence && text.trim_start_matches('#').starts_with(' ') && text.starts_with('#') {
            sections.push(Section::new(line, text));
            continue;
        }
        let section = sections.last_mut().expect("one was there from the start");
        match section.blocks.last_mut() {
            Some(block) if in_block => block.text.extend(["\n", text]),
            _ if fence => section.blocks.push(Passage { line, text: text.to_owned() }),
            _ if text.starts_with('|') => section.rows.push(Passage { line, text: text.to_owned() }),
            _ => section.prose.extend([text, "\n"]),
        }
        in_block ^= fence;
    }
    sections
}

/// Every place where the pages part, for people. Where the headings do, nothing below them can be compared.
fn differences(english: &str, vietnamese: &str) -> Vec<String> {
    let (english, vietnamese) = (sections(english), sections(vietnamese));
    if !english.iter().map(Section::level).eq(vietnamese.iter().map(Section::level)) {
        return vec![format!("the headings are not of the same levels:\n{}", outlines(&english, &vietnamese))];
    }
    let pairs = english.iter().zip(&vietnamese);
    pairs.flat_map(|(english, vietnamese)| compare(english, vietnamese)).collect()
}

/// Both tables of contents, side by side.
fn outlines(english: &[Section], vietnamese: &[Section]) -> String {
    let entry = |section: Option<&Section>| match section {
        Some(section) => format!("{:>4} {}", section.line, section.heading),
        None => "   - ".to_owned(),
    };
    let lines = english.len().max(vietnamese.len());
    (1..lines).map(|at| format!("{:<44} {}\n", entry(english.get(at)), entry(vietnamese.get(at)))).collect()
}

fn compare(english: &Section, vietnamese: &Section) -> Vec<String> {
    let mut faults = blocks(english, vietnamese);
    faults.extend(rows(english, vietnamese));
    faults.extend(prose(english, vietnamese));
    faults.into_iter().map(|fault| format!("{:?}: {fault}", english.heading)).collect()
}

fn blocks(english: &Section, vietnamese: &Section) -> Vec<String> {
    if english.blocks.len() != vietnamese.blocks.len() {
        return vec![counted("code blocks", &english.blocks, &vietnamese.blocks, english.line, vietnamese.line)];
    }
    let pairs = english.blocks.iter().zip(&vietnamese.blocks);
    pairs.filter_map(|(english, vietnamese)| first_line_that_differs(english, vietnamese)).collect()
}

fn first_line_that_differs(english: &Passage, vietnamese: &Passage) -> Option<String> {
    let end = || iter::repeat("the end of the block");
    let pairs = english.text.lines().chain(end()).zip(vietnamese.text.lines().chain(end()));
    let longer = english.text.lines().count().max(vietnamese.text.lines().count());
    let (at, (ours, theirs)) = pairs.take(longer).enumerate().find(|(_, (ours, theirs))| ours != theirs)?;
    let (ours_at, theirs_at) = (english.line + at, vietnamese.line + at);
    Some(format!("a code block differs from here: {ENGLISH}:{ours_at} {ours:?}, {VIETNAMESE}:{theirs_at} {theirs:?}"))
}

/// Rows pair by their place; each has the same marks.
fn rows(english: &Section, vietnamese: &Section) -> Vec<String> {
    let pairs = english.rows.iter().zip(&vietnamese.rows);
    let pairs = pairs.map(|(ours, theirs)| ((ours.line, marks(&ours.text)), (theirs.line, marks(&theirs.text))));
    let mut differing = pairs.filter(|((_, ours), (_, theirs))| ours != theirs);
    if english.rows.len() == vietnamese.rows.len() {
        let told = |((at, ours), (their_at, theirs))| {
            format!("a row of the table: {ENGLISH}:{at} has {ours:?}, {VIETNAMESE}:{their_at} {theirs:?}")
        };
        return differing.map(told).collect();
    }
    let first = differing.next().map(|((at, _), _)| at);
    let first = first.or_else(|| Some(english.rows.get(vietnamese.rows.len())?.line));
    let first = first.map_or_else(String::new, |at| format!("; the first that differs is {ENGLISH}:{at}"));
    let counts = counted("rows of tables", &english.rows, &vietnamese.rows, english.line, vietnamese.line);
    vec![format!("{counts}{first}")]
}

/// The prose of a section has all marks of the other; what it has besides stands in the other's code blocks or rows.
fn prose(english: &Section, vietnamese: &Section) -> Option<String> {
    let ours: BTreeSet<String> = marks(&english.prose).into_iter().collect();
    let theirs: BTreeSet<String> = marks(&vietnamese.prose).into_iter().collect();
    let shown: Vec<&str> = english.blocks.iter().chain(&english.rows).map(|passage| passage.text.as_str()).collect();
    let shown = shown.join("\n");
    let shown_words: Vec<String> = figures(&shown).into_iter().chain(names(&shown)).collect();
    let is_shown =
        |mark: &&String| shown_words.contains(mark) || mark.starts_with('`') && shown.contains(mark.trim_matches('`'));
    let lacking: BTreeSet<_> = ours.difference(&theirs).collect();
    let alone: BTreeSet<_> = theirs.difference(&ours).filter(|mark| !is_shown(mark)).collect();
    (!lacking.is_empty() || !alone.is_empty()).then(|| {
        let (at, their_at) = (english.line, vietnamese.line);
        format!("prose from {ENGLISH}:{at}: {VIETNAMESE}:{their_at} lacks {lacking:?} and alone has {alone:?}")
    })
}

fn counted(what: &str, ours: &[Passage], theirs: &[Passage], at: usize, their_at: usize) -> String {
    format!("{what}: {} in {ENGLISH}:{at}, {} in {VIETNAMESE}:{their_at}", ours.len(), theirs.len())
}

/// What a text has in any language, sorted: its code with the backticks, its figures, its names in capitals, and the files it links to.
fn marks(text: &str) -> Vec<String> {
    let mut marks: Vec<String> = Vec::new();
    for (at, part) in text.split('`').enumerate() {
        if at % 2 == 1 {
            marks.push(format!("`{}`", part.split_whitespace().collect::<Vec<_>>().join(" ")));
        } else {
            marks.extend(figures(part).into_iter().chain(names(part)));
        }
    }
    let files = links(text).into_iter().filter_map(|link| link.split('#').next());
    marks.extend(files.filter(|file| ![ENGLISH, VIETNAMESE, ""].contains(file)).map(|file| format!("]({file})")));
    marks.sort();
    marks
}

/// The figures of a text without the signs that divide them, which differ: 5,000 and 0.5 here are 5.000 and 0,5 there.
fn figures(text: &str) -> Vec<String> {
    let signs: Vec<char> = text.chars().collect();
    let divides = |at: usize| {
        let digit = |at: Option<usize>| at.and_then(|at| signs.get(at)).is_some_and(char::is_ascii_digit);
        ['.', ','].contains(&signs[at]) && digit(at.checked_sub(1)) && digit(Some(at + 1))
    };
    let plain: String = (0..signs.len()).filter(|&at| !divides(at)).map(|at| signs[at]).collect();
    plain.split(|c: char| !c.is_ascii_digit()).filter(|run| !run.is_empty()).map(str::to_owned).collect()
}

/// The names in capitals, such as TLS and SIGTERM, which are the same everywhere; those of two letters are not (authority, CA).
fn names(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_ascii_uppercase()).filter(|run| run.len() > 2).map(str::to_owned)
}

/// The targets of the links outside of code.
fn links(text: &str) -> Vec<&str> {
    let prose = text.split('`').step_by(2);
    prose.flat_map(|part| part.split("](").skip(1)).filter_map(|rest| Some(rest.split_once(')')?.0)).collect()
}

/// Is it an address, or a file of the tree, and a heading of it where one is named?
fn leads_somewhere(page: &str, link: &str) -> bool {
    if link.starts_with("https://") {
        return true;
    }
    let (file, heading) = link.split_once('#').map_or((link, None), |(file, heading)| (file, Some(heading)));
    let file = if file.is_empty() { page } else { file };
    let has = |wanted: &str| sections(&read(file)).iter().any(|section| anchor(&section.heading) == wanted);
    root().join(file).exists() && heading.is_none_or(has)
}

/// The name that GitHub gives a heading: in lower case, blanks as hyphens, other signs left out.
fn anchor(heading: &str) -> String {
    let title = heading.trim_start_matches('#').trim().to_lowercase();
    title.replace(' ', "-").chars().filter(|&c| c.is_alphanumeric() || c == '-' || c == '_').collect()
}
