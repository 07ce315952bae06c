//! `bearergate check`: what `run` would read, judged and shown, without serving.

use std::fmt::Write as _;

use super::{Exit, print, read_config, report};
use crate::config::{Config, Setting, Source};

pub(super) fn check() -> Exit {
    match read_config() {
        Ok(config) => print(&overview(&config)),
        Err(problems) => report(&problems),
    }
}

/// `ok`, the warnings, and what every variable came to. No secret: a setting never holds one.
fn overview(config: &Config) -> String {
    let mut text = "ok".to_owned();
    for warning in &config.warnings {
        let _ = write!(text, "\nwarning: {warning}");
    }
    for setting in &config.settings {
        let _ = write!(text, "\n{}", line(setting));
    }
    text
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
    use super::*;
    use crate::config::{Machine, Vars};

    #[test]
    fn the_overview_shows_warnings_and_every_setting_and_no_secret() {
        let vars = Vars::from_pairs([
            ("BEARERGATE_UPSTREAM_URL", "http://127.0.0.1:8080"),
            ("BEARERGATE_CLIENT_USERNAME", "vietqr-live"),
            ("BEARERGATE_CLIENT_PASSWORD", "correct horse battery"),
            ("BEARERGATE_TOKEN_KEY", "q6Zr0fPzU9r1m3m0lSxH5c3vJw8kT2yN"),
            ("BEARERGATE_TLS", "off"),
        ]);
        let text = overview(&Config::from_vars(vars, &Machine::detect()).expect("the variables are good"));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "ok");
        assert!(lines[1].starts_with("warning: BEARERGATE_TLS is off"), "{text}");
        for line in [
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
}
