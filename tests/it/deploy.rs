//! Holds `deploy/` to the program: every variable that is named there exists, and what is complete there starts.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use bearergate::config::{Config, Machine, Vars, longest_drain, vars::TABLE};

use crate::kit::Ca;

/// A whole set of variables: the files that make it up, the later ones over the earlier, and what allows the end its time.
struct Manifest {
    files: &'static [&'static str],
    grace: Grace,
}

/// The word before the seconds that whoever runs the gate gives it for its end, in the first of its files.
struct Grace(&'static str);

const MANIFESTS: [Manifest; 3] = [
    Manifest { files: &["compose.yaml"], grace: Grace("stop_grace_period: ") },
    Manifest { files: &["compose.yaml", "compose.tls.yaml"], grace: Grace("stop_grace_period: ") },
    Manifest { files: &["systemd/bearergate.service", "systemd/bearergate.env"], grace: Grace("TimeoutStopSec=") },
];

#[test]
fn every_variable_that_is_named_exists() {
    let known = known_variables();
    let mut named_at_all = 0;
    for file in files(&root()) {
        let text = fs::read_to_string(&file).unwrap_or_else(|fault| panic!("{}: {fault}", file.display()));
        let named = named_variables(&text);
        named_at_all += named.len();
        let unknown: Vec<_> = named.into_iter().filter(|name| !known.contains(name)).collect();
        assert!(unknown.is_empty(), "{} names {unknown:?}, which the program does not know", file.display());
    }
    assert!(named_at_all > 20, "only {named_at_all} variables are named in deploy/");
}

#[test]
fn every_manifest_has_all_that_is_required_and_starts_without_a_problem() {
    for manifest in &MANIFESTS {
        let pairs = manifest.pairs();
        let config = config(&pairs).unwrap_or_else(|problems| panic!("{:?}: {problems}", manifest.files));
        assert!(config.upstream.way.origin().to_string().contains("127.0.0.1"), "{:?}", manifest.files);
    }
}

#[test]
fn every_manifest_gives_the_drain_its_time() {
    for manifest in &MANIFESTS {
        let pairs = manifest.pairs();
        for name in ["BEARERGATE_DRAIN_DELAY", "BEARERGATE_DRAIN_TIMEOUT"] {
            assert!(pairs.contains_key(name), "{:?} leaves {name} to its default", manifest.files);
        }
        let longest = longest_drain(Vars::from_pairs(pairs));
        let grace = manifest.grace();
        assert!(grace > longest, "{:?}: a drain of {longest:?} is cut after {grace:?}", manifest.files);
    }
}

/// The rolling restart shows what manifests promise only with their settings.
#[test]
fn the_rolling_restart_has_the_drain_settings_of_the_manifests() {
    let (script, compose) = (read("rolling.sh"), MANIFESTS[0].pairs());
    for (shell, name) in [("drain_delay", "BEARERGATE_DRAIN_DELAY"), ("drain_timeout", "BEARERGATE_DRAIN_TIMEOUT")] {
        assert!(script.contains(&format!("\n{shell}={}\n", compose[name])), "{name} is {}", compose[name]);
    }
    assert!(script.contains(&format!("\ngrace={}\n", MANIFESTS[0].grace().as_secs())));
}

#[test]
fn a_manifest_that_lacks_something_is_told() {
    for (name, what) in [
        ("BEARERGATE_UPSTREAM_URL", "is missing"),
        ("BEARERGATE_CLIENTS_FILE", "is missing"),
        ("BEARERGATE_TOKEN_KEY_FILE", "is missing"),
        ("BEARERGATE_TLS_KEY_FILE", "is missing"),
    ] {
        let mut pairs = MANIFESTS[1].pairs();
        assert!(pairs.remove(name).is_some(), "{name}");
        let problems = config(&pairs).err().unwrap_or_else(|| panic!("it starts without {name}"));
        assert!(problems.to_string().contains(what), "{name}: {problems}");
    }
}

#[test]
fn pairs_are_found_however_a_file_writes_them() {
    let text = "  BEARERGATE_A: one\nBEARERGATE_B=two\nEnvironment=BEARERGATE_C=%d/three\n# BEARERGATE_D=four\n\
                  BEARERGATE_E: \"on\"  # why\n  see BEARERGATE_F_FILE, BEARERGATE_… and BEARERGATE_G=h\n";
    let found: Vec<_> = pairs_of(text).into_iter().collect();
    let expected = [("A", "one"), ("B", "two"), ("C", "%d/three"), ("E", "on")];
    assert_eq!(found, expected.map(|(name, value)| (format!("BEARERGATE_{name}"), value.to_owned())));
    let named = ["A", "B", "C", "D", "E", "F_FILE", "G"].map(|name| format!("BEARERGATE_{name}"));
    assert_eq!(named_variables(text), named);
}

#[test]
fn the_image_has_the_version_of_the_program_at_the_path_that_is_written_everywhere() {
    let dockerfile = read("Dockerfile");
    assert!(dockerfile.contains(&format!("\nARG VERSION={}\n", env!("CARGO_PKG_VERSION"))));
    assert!(dockerfile.contains("\nENTRYPOINT [\"/usr/local/bin/bearergate\"]\n"));
    for file in ["compose.yaml", "systemd/bearergate.service", "rolling.sh"] {
        assert!(read(file).contains("/usr/local/bin/bearergate"), "{file}");
    }
}

impl Manifest {
    fn pairs(&self) -> BTreeMap<String, String> {
        self.files.iter().flat_map(|file| pairs_of(&read(file))).collect()
    }

    fn grace(&self) -> Duration {
        let text = read(self.files[0]);
        let value = text.lines().find_map(|line| line.trim().strip_prefix(self.grace.0));
        let seconds = value.and_then(|value| value.trim_end_matches('s').parse().ok());
        Duration::from_secs(seconds.unwrap_or_else(|| panic!("{} has no {}seconds", self.files[0], self.grace.0)))
    }
}

/// What the program makes of the variables, with files of the kit in place of those that they name.
fn config(pairs: &BTreeMap<String, String>) -> Result<Config, bearergate::config::Problems> {
    let (folder, ca) = (tempfile::tempdir().expect("a test machine has a temporary directory"), Ca::shared());
    let digest = "0".repeat(63) + "1";
    let clients = format!(r#"{{"clients":[{{"name":"a","username":"a","passwords":["sha256:{digest}"]}}]}}"#);
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("the directory is the test's own");
        path
    };
    let stand_ins = [
        ("BEARERGATE_TLS_CERT_FILE", ca.chain_file()),
        ("BEARERGATE_TLS_KEY_FILE", ca.key_file()),
        ("BEARERGATE_CLIENTS_FILE", file("clients.json", &clients)),
        ("BEARERGATE_TOKEN_KEY_FILE", file("token.key", "q6Zr0fPzU9r1m3m0lSxH5c3vJw8kT2yN\n")),
    ];
    let mut pairs = pairs.clone();
    for (name, path) in stand_ins {
        if let Some(value) = pairs.get_mut(name) {
            *value = path.display().to_string();
        }
    }
    Config::from_vars(Vars::from_pairs(pairs), &Machine::detect())
}

/// `NAME: value` and `NAME=value`, each on a line of its own, maybe behind `Environment=`.
fn pairs_of(text: &str) -> BTreeMap<String, String> {
    let pair = |line: &str| {
        let line = line.trim();
        let line = line.strip_prefix("Environment=").unwrap_or(line);
        let (name, value) = line.split_once(": ").or_else(|| line.split_once('='))?;
        let is_name = named_variables(name).first().is_some_and(|named| named == name);
        let value = value.split(" #").next().unwrap_or_default().trim().trim_matches('"');
        is_name.then(|| (name.to_owned(), value.to_owned()))
    };
    text.lines().filter_map(pair).collect()
}

/// Every `BEARERGATE_NAME` of a text; the prefix alone names none.
fn named_variables(text: &str) -> Vec<String> {
    let starts = text.match_indices("BEARERGATE_").map(|(at, _)| &text[at..]);
    let word = |rest: &str| {
        let is_part = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        rest[..rest.find(|c| !is_part(c)).unwrap_or(rest.len())].trim_end_matches('_').to_owned()
    };
    starts.map(word).filter(|name| name != "BEARERGATE").collect()
}

fn known_variables() -> Vec<String> {
    TABLE.iter().flat_map(|row| [Some(row.name.to_owned()), row.file_variable()]).flatten().collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy")
}

fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|fault| panic!("deploy/{file}: {fault}"))
}

/// The files below a folder, save what Python leaves behind.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|fault| panic!("{}: {fault}", folder.display()));
    let paths = entries.map(|entry| entry.expect("the folder stays readable").path());
    paths
        // What the chart must refuse is wrong on purpose.
        .filter(|path| !path.ends_with("__pycache__") && !path.ends_with("tests/refused"))
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .collect()
}
