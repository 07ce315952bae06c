//! `bearergate check`: what `run` would read, judged and shown, without serving.

use std::fmt::Write as _;

use super::{Exit, print, read_config, report};
use crate::auth::keyring::KeyState;
use crate::clock::Clock;
use crate::config::{ClientSummary, Config, Setting, Source};
use crate::policy::{Policy, RatePolicy};
use crate::rules::allow::AllowRules;
use crate::rules::peer::AddressList;

pub(super) fn check() -> Exit {
    match read_config() {
        Ok(config) => print(&overview(&config, Clock::system().unix())),
        Err(problems) => report(&problems),
    }
}

/// `ok`, the warnings, the clients, the keys as they are at `now`, and what every variable came to. No secret: none of these holds one.
fn overview(config: &Config, now: u64) -> String {
    let mut text = "ok".to_owned();
    for warning in &config.warnings {
        let _ = write!(text, "\nwarning: {warning}");
    }
    for client in &config.client_summaries {
        let caller = config.clients.accounts().find(client.name.as_str());
        let policy = caller.as_ref().and_then(|caller| config.clients.policy(caller));
        let _ = write!(text, "\n{}{}", way_in(client), policy.map(rules).unwrap_or_default());
    }
    for key in config.keys.overview(now) {
        let _ = write!(text, "\n{}", key_line(&key));
    }
    for setting in &config.settings {
        let _ = write!(text, "\n{}", line(setting));
    }
    text
}

fn way_in(client: &ClientSummary) -> String {
    let ClientSummary { name, username, passwords, static_tokens } = client;
    let mut text = format!("client {name}:");
    if let Some(username) = username {
        let _ = write!(text, " user name {username} with {},", count(*passwords, "password"));
    }
    if *static_tokens > 0 {
        let _ = write!(text, " {},", count(*static_tokens, "static token"));
    }
    text
}

/// What a client's own rules say; the variables hold for it as well.
fn rules(policy: &Policy) -> String {
    let Policy { allow, addresses, rate, token_rate } = policy;
    let mut text = String::new();
    if *allow == AllowRules::everything() {
        text.push_str(" may call everything");
    } else {
        let _ = write!(text, " may call {allow}");
    }
    if *addresses != AddressList::everyone() {
        let _ = write!(text, ", from {addresses}");
    }
    for (name, rate) in [("rate", rate), ("token rate", token_rate)] {
        match rate {
            RatePolicy::Inherit => {}
            RatePolicy::Off => {
                let _ = write!(text, ", {name} off");
            }
            RatePolicy::Limited(rate) => {
                let _ = write!(text, ", {name} {rate}");
            }
        }
    }
    text
}

fn key_line(key: &KeyState) -> String {
    let name = key.id.as_ref().map(|id| format!(" {id}")).unwrap_or_default();
    let does = if key.signs { "signs and checks" } else { "checks" };
    format!("key{name}: {}, {does}", key.algorithm.name())
}

fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

fn line(setting: &Setting) -> String {
    let Setting { name, value, source } = setting;
    match source {
        Source::Variable => format!("{name}={value}"),
        Source::File(path) => format!("{name}={value} (from {})", path.display()),
        Source::Default => format!("{name}={value} (default)"),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::config::{Machine, Vars};

    const KEY: &str = "q6Zr0fPzU9r1m3m0lSxH5c3vJw8kT2yN";

    fn shown(vars: &[(&str, &str)]) -> String {
        let always = [("BEARERGATE_UPSTREAM_URL", "http://127.0.0.1:8080"), ("BEARERGATE_TLS", "off")];
        let vars = Vars::from_pairs(always.iter().chain(vars).copied());
        let machine = Machine { unix_now: 1_700_000_000, ..Machine::detect() };
        overview(&Config::from_vars(vars, &machine).expect("the variables are good"), 1_700_000_000)
    }

    #[test]
    fn the_overview_shows_warnings_and_every_setting_and_no_secret() {
        let text = shown(&[
            ("BEARERGATE_CLIENT_USERNAME", "vietqr-live"),
            ("BEARERGATE_CLIENT_PASSWORD", "correct horse battery"),
            ("BEARERGATE_TOKEN_KEY", KEY),
        ]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "ok");
        assert!(lines[1].starts_with("warning: BEARERGATE_TLS is off"), "{text}");
        for line in [
            "client vietqr-live: user name vietqr-live with 1 password, may call everything",
            "key: HS256, signs and checks",
            "BEARERGATE_UPSTREAM_URL=http://127.0.0.1:8080",
            "BEARERGATE_LISTEN=[::]:8443 (default)",
            "BEARERGATE_TOKEN_KEY=set",
            "BEARERGATE_CLIENT_PASSWORD=set",
            "BEARERGATE_CLIENT_PASSWORD_HASH=unset (default)",
            "BEARERGATE_TOKEN_TTL=300s (default)",
        ] {
            assert!(lines.contains(&line), "{line} in {text}");
        }
        assert!(!text.contains("correct horse") && !text.contains("q6Zr0f"), "{text}");
    }

    #[test]
    fn the_overview_shows_each_client_and_each_key() {
        let folder = tempfile::tempdir().expect("a directory for the test");
        let digests = ["1f", "2f", "3f", "4f"].map(|pair| format!("sha256:{}", pair.repeat(32)));
        let [one, two, three, four] = &digests;
        let json = format!(
            r#"{{"clients":[{{"name":"vietqr","username":"vietqr-live","passwords":["{one}","{two}"],"static_tokens":["{three}"],
                "allow":["POST /bank/**"],"addresses":["203.0.113.0/24"],"rate":"50/s burst 100","token_rate":"off"}},
                {{"name":"fixed","static_tokens":["{four}"]}}]}}"#
        );
        let (clients, keys) = (folder.path().join("clients.json"), folder.path().join("keys"));
        fs::write(&clients, json).expect("the file is written");
        fs::create_dir(&keys).expect("the folder is made");
        for name in ["2026-10", "2026-11"] {
            fs::write(keys.join(name), format!("{name}{KEY}\n")).expect("the file is written");
        }
        let path = |path: &std::path::Path| path.to_str().expect("the path is text").to_owned();
        let text = shown(&[
            ("BEARERGATE_CLIENTS_FILE", &path(&clients)),
            ("BEARERGATE_TOKEN_KEYS_DIR", &path(&keys)),
            ("BEARERGATE_TOKEN_AUDIENCE", "gate"),
        ]);
        for line in [
            "client vietqr: user name vietqr-live with 2 passwords, 1 static token, may call POST /bank/**, from 203.0.113.0/24, \
             rate 50/s burst 100, token rate off",
            "client fixed: 1 static token, may call everything",
            "key 2026-10: HS256, signs and checks",
            "key 2026-11: HS256, checks",
        ] {
            assert!(text.lines().any(|shown| shown == line), "{line} in {text}");
        }
        assert!(!digests.iter().any(|digest| text.contains(&digest[7..])) && !text.contains(KEY), "{text}");
    }
}
