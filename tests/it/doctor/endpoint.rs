//! Tiny endpoints of partners, and what the doctor says of them.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::kit::{Answer, Program, Upstream, program::Said, upstream::Seen};

pub(super) const USERNAME: &str = "vietqr-live";
pub(super) const PASSWORD: &str = "kx7-Wm2:pQ9 rT4=vB8";
/// A token that is no JWT: what a partner makes of it is the partner's affair.
const TOKEN: &str = "Zx4-vT9_kQ2mWb7LpR5sYc8N";

/// Does it carry the one good token?
pub(super) fn has_token(seen: &Seen) -> bool {
    seen.header("authorization") == Some(&format!("Bearer {TOKEN}"))
}

/// Is it for the token endpoint, however the path is written?
pub(super) fn is_token_call(seen: &Seen) -> bool {
    seen.target().trim_end_matches('/').ends_with("/api/token_generate")
}

/// Does the path end with a slash?
pub(super) fn has_slash(seen: &Seen) -> bool {
    seen.target().ends_with('/')
}

/// The answer to a good token call, as this JSON.
pub(super) fn token_json(text: &str) -> Answer {
    Answer::json(200, &text.replace("TOKEN", TOKEN)).header("Cache-Control", "no-store")
}

/// A partner who has done everything right.
pub(super) fn sound(seen: &Seen) -> Answer {
    match is_token_call(seen) {
        true if has_password(seen) => token_json(r#"{"access_token":"TOKEN","token_type":"Bearer","expires_in":300}"#),
        false if has_token(seen) => Answer::booked(),
        _ => Answer::json(401, r#"{"error":true}"#),
    }
}

/// Does a token call carry the right password?
pub(super) fn has_password(seen: &Seen) -> bool {
    let right = format!("Basic {}", STANDARD.encode(format!("{USERNAME}:{PASSWORD}")));
    seen.header("authorization") == Some(&right)
}

/// What the doctor prints of the endpoint at this URL: with the password on its standard input, as JSON.
pub(super) async fn examine(url: &str, ca: Option<&Path>, more: &[&str]) -> Scorecard {
    let ca = ca.map(|ca| ca.display().to_string());
    let mut arguments = vec!["doctor", url, "--username", USERNAME, "--format", "json"];
    if let Some(ca) = &ca {
        arguments.extend(["--ca-file", ca]);
    }
    arguments.extend(more);
    let said = Program::with_all(&arguments).input(format!("{PASSWORD}\n")).run().await;
    Scorecard::of(said)
}

/// What it said, read.
#[derive(Debug)]
pub(super) struct Scorecard {
    pub(super) said: Said,
    pub(super) json: Value,
}

impl Scorecard {
    fn of(said: Said) -> Self {
        let json = serde_json::from_str(&said.out).unwrap_or_else(|fault| panic!("no JSON ({fault}): {said:?}"));
        for secret in [PASSWORD, TOKEN, &STANDARD.encode(format!("{USERNAME}:{PASSWORD}"))] {
            assert!(!said.out.contains(secret) && !said.err.contains(secret), "a secret is printed: {said:?}");
        }
        Self { said, json }
    }

    /// The ids of the checks that came out so.
    pub(super) fn with(&self, verdict: &str) -> Vec<&str> {
        let checks = self.json["checks"].as_array().expect("a list of checks").iter();
        checks.filter(|check| check["verdict"] == verdict).filter_map(|check| check["id"].as_str()).collect()
    }

    /// The ids of the checks that warn; without the certificate's, because those of the kit end within an hour.
    pub(super) fn warnings(&self) -> Vec<&str> {
        self.with("warn").into_iter().filter(|id| *id != "certificate").collect()
    }

    /// The evidence of one check.
    pub(super) fn evidence(&self, id: &str) -> &str {
        self.check(id)["evidence"].as_str().unwrap_or_default()
    }

    /// One check.
    pub(super) fn check(&self, id: &str) -> &Value {
        let mut checks = self.json["checks"].as_array().expect("a list of checks").iter();
        checks.find(|check| check["id"] == id).unwrap_or_else(|| panic!("no check {id}: {}", self.said.out))
    }
}

/// Nothing that was posted has a member of a payment, and at most ten logins were wrong.
pub(super) fn assert_harmless(endpoint: &Upstream, name: &str) {
    let seen = endpoint.requests();
    for request in &seen {
        let body = request.text();
        for member in ["amount", "transactionid", "referencenumber", "bankaccount", "transactiontime"] {
            assert!(!body.contains(member), "{name}: a body with {member} was posted: {body}");
        }
        assert!(is_token_call(request) || !has_token(request), "{name}: a good token was sent to {}", request.target());
    }
    let wrong = seen.iter().filter(|request| is_token_call(request) && !has_password(request)).count();
    assert!(wrong <= 10, "{name}: {wrong} wrong logins");
}
