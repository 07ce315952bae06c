//! Variables: a configuration is good as a whole or refused with problems that name variables and never a secret.

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bearergate::auth::accounts::ClientName;
use bearergate::config::{Config, Machine, Vars, vars};

/// Each line is `NAME=value`, without `BEARERGATE_`; of a file, the value is the content, with `\n` for line ends. An input that begins
/// with `+` changes variables that are good without it.
pub fn holds(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let (good, text) = text.strip_prefix('+').map_or((&[][..], text), |text| (&GOOD[..], text));
    let folder = Folder::new();
    let said: Vec<(&str, &str)> =
        good.iter().copied().chain(text.lines().filter_map(|line| line.split_once('='))).collect();
    let pairs = said.iter().enumerate().map(|(at, (name, value))| {
        let value = if is_file(name) { folder.file(at, name, value) } else { (*value).to_owned() };
        (format!("BEARERGATE_{name}"), value)
    });
    match Config::from_vars(Vars::from_pairs(pairs), &MACHINE) {
        Ok(config) => is_good(&config),
        Err(problems) => {
            assert!(problems.iter().len() > 0);
            let shown = format!("{problems}\n{problems:?}");
            assert!(problems.iter().all(|problem| problem.variable().starts_with("BEARERGATE_")), "{shown}");
            shows_no_secret(&said, &shown);
        }
    }
}

fn is_good(config: &Config) {
    let client = ClientName::parse("vietqr").expect("a good name");
    let minted = config.keys.mint(&client, 1_800_000_000).expect("a key that was loaded signs");
    assert!((30..=86_400).contains(&minted.expires_in), "tokens live for {} s", minted.expires_in);
    assert!(!config.client_summaries.is_empty(), "nobody could call");
    assert!(config.server.max_head >= 8 << 10);
    assert!(config.server.max_connections > 0);
    for timeout in [config.server.handshake_timeout, config.server.header_timeout, config.server.body_timeout] {
        assert!(timeout > Duration::ZERO);
    }
    let named: Vec<&str> = config.settings.iter().map(|setting| setting.name).collect();
    let table: Vec<&str> = vars::TABLE.iter().map(|row| row.name).collect();
    assert_eq!(named, table, "every variable is read");
}

/// What is long, and no word, is told from the text around it.
fn shows_no_secret(said: &[(&str, &str)], shown: &str) {
    let is_secret = |name: &str| {
        SECRETS.iter().any(|secret| name.strip_prefix(secret).is_some_and(|rest| matches!(rest, "" | "_FILE")))
    };
    let telling = |value: &&str| {
        let kinds = [char::is_numeric, char::is_alphabetic, char::is_whitespace].map(|kind| value.contains(kind));
        value.len() >= 16 && kinds == [true, true, false]
    };
    let elsewhere = |secret: &str| {
        said.iter().any(|(name, value)| name.contains(secret) || !is_secret(name) && value.contains(secret))
    };
    for secret in said.iter().filter(|(name, _)| is_secret(name)).map(|(_, value)| *value).filter(telling) {
        assert!(elsewhere(secret) || !shown.contains(secret), "{secret:?} is shown:\n{shown}");
    }
}

fn is_file(name: &str) -> bool {
    name.ends_with("_FILE") || name.ends_with("_DIR")
}

/// The files of one input; removed with it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("bearergate-fuzz-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        Self(std::env::temp_dir().join(name))
    }

    /// The path of a file with this content, or of a folder that holds it.
    fn file(&self, at: usize, name: &str, content: &str) -> String {
        let path = self.0.join(at.to_string());
        let file = if name.ends_with("_DIR") { path.join("key") } else { path.clone() };
        let folder = file.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(folder).expect("there is room for a folder");
        fs::write(file, content.replace("\\n", "\n")).expect("there is room for a file");
        path.display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // There is none without a file.
        let _ = fs::remove_dir_all(&self.0);
    }
}

const GOOD: [(&str, &str); 6] = [
    ("UPSTREAM_URL", "http://127.0.0.1:8080"),
    ("LISTEN", "127.0.0.1:0"),
    ("TLS", "off"),
    ("CLIENT_USERNAME", "vietqr"),
    ("CLIENT_PASSWORD", "kx7-Wm2:pQ9 rT4=vB8_nZ31"),
    ("TOKEN_KEY", "fuzz-key-5f0c9d2ab47e81366ce2f1d09a8b7c54"),
];

const SECRETS: [&str; 4] = ["TOKEN_KEY", "CLIENT_PASSWORD", "CLIENT_PASSWORD_HASH", "UPSTREAM_AUTHORIZATION"];

const MACHINE: Machine = Machine {
    cpus: NonZeroUsize::MIN,
    memory_limit: Some(256 << 20),
    descriptors: Some(1024),
    terminal: false,
    unix_now: 1_800_000_000,
};
