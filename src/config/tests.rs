//! The configuration as a whole: what is good, what is refused, and what the report says.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use tempfile::TempDir;

use super::*;
use crate::auth::accounts::{PasswordHash, hash_chosen};
use crate::secret::Secret;
use crate::upstream::AuthorizationPolicy;

mod callers;
mod reloadable;
mod upstream;

const KEY: &str = "q6Zr0fPzU9r1m3m0lSxH5c3vJw8kT2yN";
const SECRETS: [&str; 3] = [KEY, "correct horse battery", "hunter2"];

/// Good variables, to be spoilt one by one.
struct Given {
    vars: BTreeMap<String, String>,
    folder: TempDir,
}

impl Given {
    fn good() -> Self {
        let given = Self { vars: BTreeMap::new(), folder: tempfile::tempdir().expect("a directory for the test") };
        given
            .with("UPSTREAM_URL", "http://127.0.0.1:8080")
            .with("CLIENT_USERNAME", "vietqr-live")
            .with("CLIENT_PASSWORD", "correct horse battery")
            .with("TOKEN_KEY", KEY)
            .with("TLS", "off")
    }

    fn nothing() -> Self {
        Self { vars: BTreeMap::new(), ..Self::good() }
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.vars.insert(format!("BEARERGATE_{name}"), value.to_owned());
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.vars.remove(&format!("BEARERGATE_{name}"));
        self
    }

    fn with_file(self, name: &str, content: &[u8]) -> Self {
        let path = self.folder.path().join(name);
        fs::write(&path, content).expect("the file is written");
        self.with(name, &path.to_string_lossy())
    }

    fn config(&self) -> Result<Config, Problems> {
        Config::from_vars(Vars::from_pairs(self.vars.clone()), &machine())
    }

    fn read(&self) -> Config {
        match self.config() {
            Ok(config) => config,
            Err(problems) => panic!("{problems}"),
        }
    }

    /// The report's lines without its header; none is a good configuration. Never with a secret in it.
    fn problems(&self) -> Vec<String> {
        let lines: Vec<String> = match self.config() {
            Ok(_) => Vec::new(),
            Err(problems) => problems.iter().map(ToString::to_string).collect(),
        };
        for secret in SECRETS {
            assert!(!lines.iter().any(|line| line.contains(secret)), "{secret} in {lines:?}");
        }
        lines
    }

    fn warned_of(&self) -> Vec<String> {
        let name = |warning: &Warning| warning.variable().trim_start_matches("BEARERGATE_").to_owned();
        self.read().warnings.iter().map(name).collect()
    }
}

fn machine() -> Machine {
    let cpus = NonZeroUsize::new(3).expect("3 is not zero");
    Machine { cpus, memory_limit: None, descriptors: None, terminal: false, unix_now: NOW }
}

const NOW: u64 = 1_700_000_000;

/// One problem, which begins with this.
fn assert_one_problem(given: &Given, beginning: &str) {
    let problems = given.problems();
    assert!(
        matches!(&*problems, [line] if line.starts_with(&format!("BEARERGATE_{beginning}"))),
        "{beginning}: {problems:#?}"
    );
}

#[test]
fn every_variable_of_the_table_is_read_and_every_variable_read_is_in_the_table() {
    let read: BTreeSet<&str> = Given::good().read().settings.iter().map(|setting| setting.name).collect();
    let table: BTreeSet<&str> = vars::TABLE.iter().map(|row| row.name).collect();
    assert_eq!(read, table);
}

#[test]
fn five_broken_variables_give_five_problems_in_one_report_with_no_secret_in_it() {
    let given = Given::good()
        .with("TOKEN_TTL", "5")
        .with("UPSTREAM_URL", "https//api")
        .with("CLIENT_PASSWORD", "hunter2\n")
        .with("TOKEN_KEY", "hunter2")
        .with("LISTN", "hunter2");
    let problems = given.problems();
    assert_eq!(problems.len(), 5, "{problems:#?}");
    let ttl = r#"BEARERGATE_TOKEN_TTL "5" has no unit; write 5s, 5m or 5h (allowed 30s to 24h)"#;
    assert!(problems.contains(&ttl.to_owned()), "{problems:#?}");
    let last = "BEARERGATE_LISTN is not known; did you mean BEARERGATE_LISTEN?";
    assert_eq!(problems.last().map(String::as_str), Some(last));
    let report = given.config().err().map(|problems| problems.to_string());
    assert!(report.is_some_and(|report| report.starts_with("bearergate: 5 problems in the configuration\n")));
}

#[test]
fn without_any_variable_all_that_is_missing_is_listed() {
    let Err(problems) = Given::nothing().config() else { panic!("nothing was set") };
    assert!(problems.something_is_missing());
    let missing: BTreeSet<&str> = problems.iter().map(Problem::variable).collect();
    let expected = ["CLIENT_PASSWORD", "CLIENT_USERNAME", "TLS_CERT_FILE", "TLS_KEY_FILE", "TOKEN_KEY", "UPSTREAM_URL"];
    assert_eq!(missing, expected.map(|name| format!("BEARERGATE_{name}")).iter().map(String::as_str).collect());
    assert_eq!(problems.iter().len(), expected.len());
}

#[test]
fn what_the_contract_refuses_at_start_is_refused() {
    for (name, value, beginning) in [
        ("TOKEN_KEY", "your-256-bit-secret", "TOKEN_KEY is"),
        ("TOKEN_KEY", "31-bytes-are-one-fewer-than-32.", "TOKEN_KEY has"),
        ("CLIENT_USERNAME", "", "CLIENT_USERNAME is empty"),
        ("CLIENT_USERNAME", "vietqr:live", "CLIENT_USERNAME \"vietqr:live\" has a colon"),
        ("CLIENT_USERNAME", "vietqr\u{7}", "CLIENT_USERNAME \"vietqr\\u{7}\" has a control character"),
        ("CLIENT_PASSWORD", "", "CLIENT_PASSWORD is empty"),
        ("UPSTREAM_URL", "http://203.0.113.9:8080", "UPSTREAM_URL"),
        ("UPSTREAM_URL", "http://[2001:4860:4860::8888]:8080", "UPSTREAM_URL"),
        ("UPSTREAM_URL", "http://user:hunter2@127.0.0.1:8080", "UPSTREAM_URL "),
        (
            "UPSTREAM_URL",
            "http://localhost:8443",
            "UPSTREAM_URL \"http://localhost:8443\" is where the gate itself listens",
        ),
        ("TOKEN_TTL", "25h", "TOKEN_TTL \"25h\" is too much"),
        ("MAX_HEADERS", "4KiB", "MAX_HEADERS \"4KiB\" is too little"),
        ("WORKERS", "1025", "WORKERS \"1025\" is out of range"),
        ("MAX_CONNECTIONS", "0", "MAX_CONNECTIONS \"0\" is out of range"),
        ("IDLE_TIMEOUT", "0s", "IDLE_TIMEOUT \"0s\" is too little"),
        ("LOG_LEVEL", "verbose", "LOG_LEVEL \"verbose\" is none of its values"),
        ("ADMIN_LISTEN", "127.0.0.1:8443", "ADMIN_LISTEN \"127.0.0.1:8443\" is where BEARERGATE_LISTEN listens"),
        ("ADMIN_LISTEN", "9090", "ADMIN_LISTEN \"9090\" is not an address and a port"),
    ] {
        let problems = Given::good().with(name, value).problems();
        let said = problems.first().is_some_and(|line| line.starts_with(&format!("BEARERGATE_{beginning}")));
        assert!(said, "{name}={value:?}: {problems:#?}");
    }
}

#[test]
fn a_password_that_is_the_base64_of_its_user_name_is_refused_in_every_form() {
    // `Pj4+Pz8/Pg==` and `Pj4-Pz8_Pg` are both Base64 of this user name.
    for (username, password) in [
        ("customer-vietqrtest-user2468", "Y3VzdG9tZXItdmlldHFydGVzdC11c2VyMjQ2OA=="),
        ("customer-vietqrtest-user2468", "Y3VzdG9tZXItdmlldHFydGVzdC11c2VyMjQ2OA"),
        (">>>???>", "Pj4+Pz8/Pg=="),
        (">>>???>", "Pj4-Pz8_Pg"),
    ] {
        let secret = Secret::new(password.to_owned());
        let given = Given::good().with("CLIENT_USERNAME", username);
        assert_one_problem(&given.with("CLIENT_PASSWORD", password), "CLIENT_PASSWORD is the Base64");
        for hash in [PasswordHash::of_plain(&secret).text(), hash_chosen(&secret).expect("a hash")] {
            let given = Given::good().without("CLIENT_PASSWORD").with("CLIENT_USERNAME", username);
            assert_one_problem(&given.with("CLIENT_PASSWORD_HASH", &hash), "CLIENT_PASSWORD_HASH is the Base64");
        }
    }
}

#[test]
fn a_hash_stands_for_the_password_and_both_are_a_problem() {
    let hash = PasswordHash::of_plain(&Secret::new("correct horse battery".to_owned())).text();
    let both = Given::good().with("CLIENT_PASSWORD_HASH", &hash);
    assert_one_problem(&both, "CLIENT_PASSWORD is set, and BEARERGATE_CLIENT_PASSWORD_HASH too");
    assert_eq!(both.without("CLIENT_PASSWORD").problems(), [""; 0]);
    let broken_too = Given::good().with("CLIENT_PASSWORD_HASH", "hunter2").problems();
    assert_eq!(broken_too.len(), 2, "{broken_too:#?}");
}

#[test]
fn secrets_may_come_from_files() {
    let given = Given::good().without("TOKEN_KEY").without("CLIENT_PASSWORD");
    let given = given.with_file("TOKEN_KEY_FILE", format!("{KEY}\r\n").as_bytes());
    let given = given.with_file("CLIENT_PASSWORD_FILE", b"correct horse battery\n");
    let settings = given.read().settings;
    let key = settings.iter().find(|setting| setting.name == "BEARERGATE_TOKEN_KEY").expect("the key was read");
    assert_eq!((&*key.value, &key.source), ("set", &Source::File(given.folder.path().join("TOKEN_KEY_FILE"))));
    assert_one_problem(
        &given.with("TOKEN_KEY_FILE", "/nowhere/key"),
        "TOKEN_KEY_FILE names \"/nowhere/key\", which cannot",
    );
}

#[test]
fn a_public_upstream_needs_to_be_allowed() {
    for (url, public) in [
        ("http://203.0.113.9:8080", true),
        ("http://8.8.8.8", true),
        ("http://[::ffff:8.8.8.8]:80", true),
        ("http://10.1.2.3:8080", false),
        ("http://[fd00::1]:8080", false),
        ("http://api.internal:8080", false),
    ] {
        let given = Given::good().with("UPSTREAM_URL", url);
        assert_eq!(given.problems().len(), usize::from(public), "{url}");
        assert_eq!(given.with("UPSTREAM_INSECURE", "true").problems(), [""; 0], "{url}");
    }
}

#[test]
fn tls_on_needs_its_two_files_and_the_other_modes_refuse_them() {
    let on = || Given::good().without("TLS");
    assert_eq!(on().problems().len(), 2);
    let key_only = on().with("TLS_KEY_FILE", "/nowhere/key.pem").problems();
    assert_eq!(key_only.len(), 2, "{key_only:#?}");
    assert!(key_only.iter().any(|line| line.contains("\"/nowhere/key.pem\", which cannot be read")), "{key_only:#?}");
    for mode in ["off", "self-signed"] {
        let problems = on().with("TLS", mode).with("TLS_CERT_FILE", "/a").with("TLS_KEY_FILE", "/b").problems();
        assert_eq!(problems.len(), 2, "{problems:#?}");
        assert!(problems.iter().all(|line| line.contains(&format!("BEARERGATE_TLS is {mode}"))), "{problems:#?}");
    }
}

#[test]
fn a_key_that_does_not_match_its_certificate_is_refused() {
    let made = || {
        let made = rcgen::generate_simple_self_signed(["gate".to_owned()]).expect("a certificate");
        let text = |tag: &str, der: &[u8]| pem::encode(&pem::Pem::new(tag, der));
        (text("CERTIFICATE", made.cert.der()), text("PRIVATE KEY", &made.signing_key.serialize_der()))
    };
    let ((certificate, key), (_, another_key)) = (made(), made());
    let on = |certificate: &str, key: &str| {
        let given = Given::good().without("TLS").with_file("TLS_CERT_FILE", certificate.as_bytes());
        given.with_file("TLS_KEY_FILE", key.as_bytes())
    };
    assert_eq!(on(&certificate, &key).problems(), [""; 0]);
    assert_one_problem(&on(&certificate, &another_key), "TLS_KEY_FILE \"");
    assert_one_problem(&on(&certificate, "no pem"), "TLS_KEY_FILE \"");
    assert_one_problem(&on("no pem", &key), "TLS_CERT_FILE \"");
}

#[test]
fn what_is_seldom_meant_is_a_warning() {
    for (name, value, warned) in [
        ("TLS", "off", &["TLS"][..]),
        ("TLS", "self-signed", &["TLS"]),
        ("CLIENT_PASSWORD", "eleven char", &["TLS", "CLIENT_PASSWORD"]),
        ("CLIENT_PASSWORD", "twelve chars", &["TLS"]),
        ("UPSTREAM_AUTHORIZATION", "keep", &["TLS", "UPSTREAM_AUTHORIZATION"]),
        ("UPSTREAM_INSECURE", "true", &["TLS", "UPSTREAM_INSECURE"]),
    ] {
        assert_eq!(Given::good().with(name, value).warned_of(), warned, "{name}={value}");
    }
}

#[test]
fn defaults_are_those_of_the_table() {
    let config = Given::good().read();
    assert_eq!(config.listen, ListenAddress::default());
    assert_eq!(config.listen.address.to_string(), "[::]:8443");
    assert_eq!(config.listen.fallback.map(|address| address.to_string()).as_deref(), Some("0.0.0.0:8443"));
    assert!(matches!(config.upstream.authorization, AuthorizationPolicy::Strip));
    assert_eq!((config.upstream.max_body, config.server.max_head), (10 << 20, 32 << 10));
    assert_eq!((config.server.max_connections, config.server.workers.get()), (10_000, 3));
    assert_eq!(config.log, log::Settings { level: log::Level::Info, format: log::Format::Json });
    let chosen = Given::good().with("LISTEN", "[::]:8443").read();
    assert_eq!(chosen.listen.fallback, None);
}

#[test]
fn the_machine_decides_what_nobody_did() {
    for (memory_limit, descriptors, expected) in [
        (None, None, 10_000),
        (Some(64 << 20), None, 1024),
        (None, Some(1024), 512),
        (Some(64 << 20), Some(1024), 512),
        (Some(1 << 40), Some(1 << 20), 10_000),
        (Some(1), Some(1), 1),
    ] {
        let machine = Machine { memory_limit, descriptors, ..machine() };
        assert_eq!(default_max_connections(&machine).get(), expected, "{machine:?}");
    }
    let terminal = Machine { terminal: true, ..machine() };
    let config = Config::from_vars(Vars::from_pairs(Given::good().vars), &terminal);
    assert!(config.is_ok_and(|config| config.log.format == log::Format::Text));
}

#[test]
fn no_secret_is_in_debug() {
    let shown = format!("{:?}", Given::good().with("UPSTREAM_AUTHORIZATION", "Bearer hunter2").read());
    for secret in SECRETS {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}
