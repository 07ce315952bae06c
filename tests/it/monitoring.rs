//! Holds `deploy/monitoring/` to the metrics that the program has: a rule on a series that does not exist never fires.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use bearergate::metrics::{
    Warning,
    label::{Handshake, Label, Outcome, Part, Reason, Reload, Unreadable},
    table::{Kind, Row, TABLE},
};
use serde_json::Value;

use crate::kit;

const FILES: [&str; 3] = ["alerts.yaml", "alerts_test.yaml", "dashboard.json"];

#[test]
fn every_series_and_label_that_is_named_exists() {
    for file in FILES {
        let text = read(file).replace("\\\"", "\"");
        let named = selectors(&text);
        assert!(named.len() > 20, "{file} names only {named:?}");
        let faults: Vec<_> = named.iter().filter_map(fault).collect();
        assert!(faults.is_empty(), "{file}: {faults:#?}");
        let known = known_labels();
        let unknown: Vec<_> = grouped_by(&text).into_iter().filter(|label| !known.contains(label.as_str())).collect();
        assert!(unknown.is_empty(), "{file} groups by {unknown:?}");
    }
}

#[test]
fn a_series_that_does_not_exist_is_told() {
    for (text, expected) in [
        ("sum(bearergate_nope)", Some("no metric bearergate_nope")),
        ("bearergate_upstream_up == 0", None),
        ("bearergate_upstream_up_bucket", Some("no metric")),
        ("bearergate_request_duration_seconds_bucket{le=\"1\"}", None),
        ("bearergate_request_duration_seconds{}", Some("a histogram has no series of its own name")),
        ("process_cpu_seconds_total{job=~\"$job\"}", None),
        ("bearergate_refusals_total{reason=\"bad_path\"}", None),
        ("bearergate_refusals_total{reason=\"bad_paths\"}", Some("no value bad_paths of reason")),
        ("bearergate_refusals_total{reason=~\"bad_path|nope\"}", Some("no value nope of reason")),
        ("bearergate_refusals_total{reason=~\"upstream_.*\"}", None),
        ("bearergate_refusals_total{reason=~\"downstream_.*\"}", Some("no value")),
        ("bearergate_refusals_total{result=\"ok\"}", Some("no label result")),
        ("bearergate_reloads_total{what=\"keys\",result=\"failed\"}", None),
        ("bearergate_reloads_total{what=\"keys\",result=\"left\"}", Some("no value left of result")),
        ("bearergate_handshakes_total{result=\"left\"}", None),
    ] {
        let named = selectors(text);
        assert_eq!(named.len(), 1, "{text}: {named:?}");
        let fault = fault(&named[0]);
        assert_eq!(fault.is_some(), expected.is_some(), "{text}: {fault:?}");
        assert!(fault.unwrap_or_default().contains(expected.unwrap_or_default()), "{text}");
    }
    assert_eq!(grouped_by("sum by (job, nope) (x) and on (a) y"), ["job", "nope", "a"].map(str::to_owned));
}

#[test]
fn every_alert_says_what_to_do_and_is_seen_to_fire_and_to_clear() {
    let (rules, tests) = (read("alerts.yaml"), read("alerts_test.yaml"));
    let alerts: Vec<(&str, &str)> =
        rules.split("- alert: ").skip(1).filter_map(|alert| alert.split_once('\n')).collect();
    assert!(alerts.len() >= 15, "{alerts:?}");
    for (name, body) in alerts {
        for part in ["expr: ", "severity: ", "summary: '", "action: '"] {
            assert!(body.contains(part), "{name} has no {part}");
        }
        let seen: Vec<&str> = tests.split(&format!("- alertname: {name}\n")).skip(1).collect();
        let ends = |text: &str| text.lines().nth(1).is_some_and(|line| line.trim() == "exp_alerts: []");
        let clears = seen.iter().filter(|text| ends(text)).count();
        assert!(clears >= 1 && seen.len() > clears, "{name}: {} tests, {clears} of them of its end", seen.len());
    }
}

#[test]
fn every_variable_that_is_named_exists() {
    let vars = Command::new(env!("CARGO_BIN_EXE_bearergate")).arg("vars").output().expect("the program runs");
    let vars = String::from_utf8(vars.stdout).expect("it writes text");
    let known: BTreeSet<&str> = words(&vars).filter(|word| word.starts_with("BEARERGATE_")).collect();
    for file in FILES.iter().chain(&["README.md"]) {
        let text = read(file);
        let unknown: Vec<_> =
            words(&text).filter(|word| word.starts_with("BEARERGATE_") && !known.contains(word)).collect();
        assert!(unknown.is_empty(), "{file}: {unknown:?}");
    }
}

#[test]
fn the_dashboard_is_whole() {
    let dashboard: Value = serde_json::from_str(&read("dashboard.json")).expect("it is JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let ids: BTreeSet<_> = panels.iter().filter_map(|panel| panel["id"].as_u64()).collect();
    assert_eq!(ids.len(), panels.len());
    let place = |panel: &Value, side: &str| panel["gridPos"][side].as_u64().expect("a place");
    for (at, panel) in panels.iter().enumerate() {
        assert!(place(panel, "x") + place(panel, "w") <= 24, "{panel}");
        assert!(panel["description"].as_str().is_some_and(|text| text.ends_with('.')), "{panel}");
        for other in &panels[..at] {
            let apart = |from, size| {
                place(panel, from) >= place(other, from) + place(other, size)
                    || place(other, from) >= place(panel, from) + place(panel, size)
            };
            assert!(apart("x", "w") || apart("y", "h"), "{} lies over {}", panel["title"], other["title"]);
        }
    }
    let text = dashboard.to_string();
    for (what, series) in [
        ("traffic", "requests_total"),
        ("refusals by reason", "refusals_total"),
        ("how long requests take", "request_duration_seconds_bucket"),
        ("how long the upstream takes", "upstream_duration_seconds_bucket"),
        ("tokens", "tokens_issued_total"),
        ("failed logins", "token_failures_total"),
        ("the upstream", "upstream_up"),
        ("days of the certificate", "certificate_not_after_timestamp_seconds"),
        ("reload failures", "reloads_total"),
        ("connections", "connections{"),
        ("in flight", "in_flight"),
        ("memory", "process_resident_memory_bytes"),
        ("warnings", "bearergate_warnings"),
    ] {
        assert!(text.contains(series), "the dashboard does not show {what}");
    }
}

/// Debian: the package `prometheus`.
#[test]
fn promtool_passes_the_rules_and_their_tests() {
    for arguments in [["check", "rules", "alerts.yaml"], ["test", "rules", "alerts_test.yaml"]] {
        let Ok(said) = Command::new("promtool").args(arguments).current_dir(folder()).output() else {
            kit::skipped("there is no promtool to try the alerts with (Debian: apt-get install prometheus)");
            return;
        };
        let text = String::from_utf8_lossy(&[said.stdout, said.stderr].concat()).into_owned();
        assert!(said.status.success(), "promtool {arguments:?}: {text}");
    }
}

/// A metric that is named in an expression, and what is asked of its labels.
#[derive(Debug, PartialEq, Eq)]
struct Selector {
    metric: String,
    labels: Vec<(String, String)>,
}

/// Every `bearergate_…` and `process_…` of a text, with the braces behind it.
fn selectors(text: &str) -> Vec<Selector> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut found = Vec::new();
    for prefix in ["bearergate_", "process_"] {
        for (at, _) in text.match_indices(prefix) {
            if text[..at].ends_with(is_word) {
                continue;
            }
            let length = text[at..].find(|c| !is_word(c)).unwrap_or(text.len() - at);
            let (metric, rest) = text[at..].split_at(length);
            let braces = rest.strip_prefix('{').and_then(|rest| rest.split_once('}')).map_or("", |(inside, _)| inside);
            found.push(Selector { metric: metric.to_owned(), labels: matchers(braces) });
        }
    }
    found
}

/// `a="b",c=~"d|e"`. No value here holds a comma or a quotation mark.
fn matchers(braces: &str) -> Vec<(String, String)> {
    let split = |each: &str| {
        let (label, value) = each.split_once('=').unwrap_or_else(|| panic!("{each:?} in {braces:?}"));
        let value = value.trim_start_matches('~').trim_matches('"');
        (label.trim().trim_end_matches('!').to_owned(), value.to_owned())
    };
    braces.split(',').filter(|each| !each.trim().is_empty()).map(split).collect()
}

/// What is wrong with it.
fn fault(selector: &Selector) -> Option<String> {
    let name = selector.metric.as_str();
    let base = |name: &str| TABLE.iter().find(|row| row.name == name);
    let of_histogram =
        ["_bucket", "_sum", "_count"].iter().find_map(|end| base(name.strip_suffix(end)?)).filter(is_histogram);
    let row = match (base(name), of_histogram) {
        (Some(row), _) if row.kind == Kind::Histogram => {
            return Some(format!("{name}: a histogram has no series of its own name"));
        }
        (Some(row), _) | (None, Some(row)) => row,
        (None, None) => return Some(format!("no metric {name}")),
    };
    selector.labels.iter().find_map(|(label, values)| wrong_label(row, label, values))
}

fn is_histogram(row: &&Row) -> bool {
    row.kind == Kind::Histogram
}

fn wrong_label(row: &Row, label: &str, values: &str) -> Option<String> {
    if ["job", "instance"].contains(&label) || (row.kind == Kind::Histogram && label == "le") {
        return None;
    }
    if !row.labels.contains(&label) {
        return Some(format!("{} has no label {label}", row.name));
    }
    let closed = closed(row, label)?;
    let exists = |value: &str| match value.strip_suffix(".*") {
        Some(begin) => closed.iter().any(|word| word.starts_with(begin)),
        None => closed.contains(&value),
    };
    let wrong = values.split('|').find(|value| !exists(value))?;
    Some(format!("{} has no value {wrong} of {label}", row.name))
}

/// The values that a label may have, where that is a closed list.
fn closed(row: &Row, label: &str) -> Option<Vec<&'static str>> {
    fn all<L: Label>() -> Option<Vec<&'static str>> {
        Some(L::VARIANTS.iter().map(|word| word.name()).collect())
    }
    match (row.name, label) {
        (_, "reason") => all::<Reason>(),
        (_, "outcome") => all::<Outcome>(),
        (_, "what") => all::<Part>(),
        (_, "why") => all::<Unreadable>(),
        (_, "warning") => all::<Warning>(),
        ("bearergate_handshakes_total", "result") => all::<Handshake>(),
        ("bearergate_reloads_total", "result") => all::<Reload>(),
        _ => None,
    }
}

fn known_labels() -> BTreeSet<&'static str> {
    TABLE.iter().flat_map(|row| row.labels).copied().chain(["job", "instance", "le"]).collect()
}

/// The labels of every `by (…)`, `without (…)` and `on (…)`.
fn grouped_by(text: &str) -> Vec<String> {
    let groups = [" by (", " without (", " on ("].into_iter().flat_map(|word| text.split(word).skip(1));
    let labels = groups.filter_map(|rest| rest.split_once(')')).flat_map(|(labels, _)| labels.split(','));
    labels.map(|label| label.trim().to_owned()).collect()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/monitoring")
}

fn read(file: &str) -> String {
    fs::read_to_string(folder().join(file)).unwrap_or_else(|fault| panic!("{file}: {fault}"))
}
