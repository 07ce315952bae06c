//! Holds `deploy/kustomize` and `deploy/helm` to the program: names, versions, what `init` writes, and that the gate starts with what they give it.
//!
//! What the manifests mean to a cluster is checked by `deploy/check-kubernetes.sh`, which needs kubectl and Python.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

const NATIVE: &str = "kustomize/native/container.yaml";
const PLAIN: &str = "kustomize/plain/container.yaml";
const EXAMPLE: &str = "kustomize/examples/legacy-api/kustomization.yaml";

/// What the charts set by themselves, and values may not.
const OF_THE_CHARTS: [&str; 10] = [
    "ADMIN_LISTEN",
    "CLIENTS_FILE",
    "CLIENT_USERNAME",
    "DRAIN_DELAY",
    "DRAIN_TIMEOUT",
    "LISTEN",
    "TLS_CERT_FILE",
    "TLS_KEY_FILE",
    "TOKEN_KEYS_DIR",
    "UPSTREAM_URL",
];

#[test]
fn every_variable_in_a_manifest_or_chart_exists() {
    let known = variables();
    let files: Vec<_> = ["kustomize", "helm"].into_iter().flat_map(|folder| walk(&deploy(folder))).collect();
    assert!(files.len() > 40, "only {files:?}");
    for file in files.iter().filter(|file| !file.components().any(|part| part.as_os_str() == "refused")) {
        let text = fs::read_to_string(file).unwrap_or_else(|fault| panic!("{}: {fault}", file.display()));
        let unknown: Vec<_> = words(&text)
            .filter(|word| word.starts_with("BEARERGATE_") && *word != "BEARERGATE_" && !known.contains_key(*word))
            .collect();
        assert!(unknown.is_empty(), "{}: {unknown:?}", file.display());
    }
}

#[test]
fn the_gate_starts_with_the_examples_variables_and_with_none_of_them_less() {
    let mounted = tempfile::tempdir().expect("a folder");
    fs::create_dir(mounted.path().join("secret")).expect("a folder");
    fs::write(mounted.path().join("secret/token.key"), "a key for this test, of thirty-two bytes or more")
        .expect("a file");
    let clients =
        format!(r#"{{"clients":[{{"name":"a","username":"a","passwords":["sha256:{}"]}}]}}"#, "5a".repeat(32));
    fs::write(mounted.path().join("secret/clients.json"), clients).expect("a file");
    let folder = mounted.path().to_str().expect("a path of text");
    let set: BTreeMap<String, String> = own_variables(NATIVE)
        .into_iter()
        .chain(literals(EXAMPLE))
        .map(|(name, value)| (name, value.replace("/etc/bearergate", folder)))
        .collect();
    let said = check(&set);
    assert!(said.status.success(), "{set:?}: {}", String::from_utf8_lossy(&said.stderr));
    for needed in ["TOKEN_KEY_FILE", "CLIENTS_FILE", "UPSTREAM_URL", "TLS"].map(|name| format!("BEARERGATE_{name}")) {
        let mut less = set.clone();
        assert!(less.remove(&needed).is_some(), "{needed} is not among {set:?}");
        assert_eq!(check(&less).status.code(), Some(78), "without {needed}");
    }
}

#[test]
fn the_two_variants_differ_where_they_must_alone() {
    let plain = read(NATIVE)
        .replace("bearergate.io/variant: native", "bearergate.io/variant: plain")
        .replace("      initContainers:\n", "      containers:\n")
        .replace("          restartPolicy: Always\n", "");
    assert!(plain == read(PLAIN), "{NATIVE} and {PLAIN} differ in more than their list, restartPolicy and label");
}

#[test]
fn the_api_sleeps_longer_than_the_gate_drains_and_the_grace_covers_both() {
    let own = own_variables(NATIVE);
    let drain: u64 =
        ["BEARERGATE_DRAIN_DELAY", "BEARERGATE_DRAIN_TIMEOUT"].map(|name| number(&own[name], "")).iter().sum();
    let grace = number(&read("kustomize/common/pod.yaml"), "terminationGracePeriodSeconds: ");
    for (file, before) in [
        ("kustomize/common/upstream-sleep.yaml", "value: { preStop: { sleep: { seconds: "),
        ("kustomize/options/sleep-by-exec/native.yaml", "[sleep, \""),
        ("kustomize/options/sleep-by-exec/plain.yaml", "[sleep, \""),
    ] {
        let sleep = number(&read(file), before);
        assert!(drain < sleep && sleep < grace, "{file}: drain {drain} s, sleep {sleep} s, grace {grace} s");
    }
}

#[test]
fn what_init_writes_has_the_container_and_the_times_of_the_manifests() {
    let container = |text: &str, end: &str| -> Vec<String> {
        let (_, rest) = text.split_once("      initContainers:\n").expect("it has a sidecar");
        let (block, _) = rest.split_once(end).unwrap_or((rest, ""));
        let is_shared = |line: &&str| {
            // The drain's times are the defaults; images and comments are each file's own.
            !["#", "image: ", "- { name: BEARERGATE_DRAIN_"].iter().any(|own| line.trim().starts_with(own))
        };
        block.lines().filter(is_shared).map(str::to_owned).collect()
    };
    let written = read("../src/cli/init/templates/gate.yaml");
    let ours = container(&read(NATIVE), "\0");
    assert!(ours.len() > 40, "{ours:?}");
    assert_eq!(container(&written, "      volumes:\n"), ours);
    let grace = "terminationGracePeriodSeconds: ";
    assert_eq!(number(&written, grace), number(&read("kustomize/common/pod.yaml"), grace));
    let api = read("../src/cli/init/templates/api.yaml");
    let sleep = "sleep: { seconds: ";
    assert_eq!(number(&api, sleep), number(&read("kustomize/common/upstream-sleep.yaml"), sleep));
}

#[test]
fn the_alerts_of_the_manifest_are_those_of_the_file() {
    let indented = |line: &str| if line.is_empty() { "\n".to_owned() } else { format!("  {line}\n") };
    let rules: String =
        read("monitoring/alerts.yaml").lines().filter(|line| !line.starts_with('#')).map(indented).collect();
    let manifest = read("kustomize/options/monitoring/prometheus-rule.yaml");
    let (_, copy) = manifest.split_once("\nspec:\n").expect("it has a spec");
    assert!(copy == rules, "put monitoring/alerts.yaml under spec of prometheus-rule.yaml, two columns in");
}

#[test]
fn the_charts_schema_takes_the_variables_that_hold_no_secret_and_are_not_its_own() {
    let schema: Value = serde_json::from_str(&read("helm/bearergate/values.schema.json")).expect("it is JSON");
    let taken = schema["properties"]["gate"]["properties"]["variables"]["properties"].as_object().expect("variables");
    let taken: BTreeSet<&str> = taken.keys().map(String::as_str).collect();
    let chart = OF_THE_CHARTS.map(|name| format!("BEARERGATE_{name}"));
    let known = variables();
    // Of the secrets this one alone has words that are none, `strip` and `keep`, or may be in a file.
    let expected: BTreeSet<&str> = known
        .iter()
        .filter(|(name, secret)| !**secret && !chart.contains(name) || name.contains("UPSTREAM_AUTHORIZATION"))
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(taken, expected);
}

#[test]
fn images_and_charts_have_the_programs_version() {
    let version = env!("CARGO_PKG_VERSION");
    for (file, line) in [
        (NATIVE, format!("image: bearergate:{version}\n")),
        (EXAMPLE, format!("newTag: {version} }}\n")),
        ("helm/bearergate/Chart.yaml", format!("\nappVersion: {version}\n")),
        ("helm/bearergate-lib/Chart.yaml", format!("\nappVersion: {version}\n")),
        ("helm/bearergate-lib/templates/_settings.tpl", format!("\"tag\" \"{version}\"")),
    ] {
        assert!(read(file).contains(&line), "{file} lacks {line:?}");
    }
}

/// Every variable that exists and whether it is a secret; `…_FILE` of a secret is none.
fn variables() -> BTreeMap<String, bool> {
    let said = Command::new(env!("CARGO_BIN_EXE_bearergate")).args(["vars", "--format", "json"]).output();
    let rows: Value = serde_json::from_slice(&said.expect("the program runs").stdout).expect("it writes JSON");
    let mut known = BTreeMap::new();
    for row in rows.as_array().expect("rows") {
        let (name, secret) = (row["name"].as_str().expect("a name"), row["secret"] == true);
        known.insert(name.to_owned(), secret);
        if secret {
            known.insert(format!("{name}_FILE"), true);
        }
    }
    known
}

/// `- { name: BEARERGATE_…, value: … }`
fn own_variables(file: &str) -> BTreeMap<String, String> {
    let text = read(file);
    let lines = text.lines().filter_map(|line| line.trim().strip_prefix("- { name: BEARERGATE_")?.strip_suffix(" }"));
    let pairs = lines.filter_map(|line| line.split_once(", value: "));
    pairs.map(|(name, value)| (format!("BEARERGATE_{name}"), value.to_owned())).collect()
}

/// `- BEARERGATE_…=…`
fn literals(file: &str) -> BTreeMap<String, String> {
    let text = read(file);
    let lines = text.lines().filter_map(|line| line.trim().strip_prefix("- ")?.split_once('='));
    lines
        .filter(|(name, _)| name.starts_with("BEARERGATE_"))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn check(variables: &BTreeMap<String, String>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bearergate"));
    command.arg("check").env_clear().envs(variables).output().expect("the program runs")
}

/// The digits behind `before`.
fn number(text: &str, before: &str) -> u64 {
    let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("no {before:?} in {text}"));
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or_else(|fault| panic!("{rest:?}: {fault}"))
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
}

fn deploy(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(path)
}

fn read(path: &str) -> String {
    fs::read_to_string(deploy(path)).unwrap_or_else(|fault| panic!("deploy/{path}: {fault}"))
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|fault| panic!("{}: {fault}", folder.display()));
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}
