//! Ten endpoints that are wrong in one way each, as partners make them by hand: the doctor names each fault and no other.

use std::sync::Arc;

use rustls::ServerConfig;
use tempfile::TempDir;

use super::chains;
use super::endpoint::{assert_harmless, examine, has_password, has_slash, has_token, is_token_call, sound, token_json};
use crate::kit::{Answer, Ca, Door, Upstream, ca::Life, upstream::Seen};

type Answering = fn(&Seen) -> Answer;

fn redirecting_slash(seen: &Seen) -> Answer {
    if has_slash(seen) {
        return Answer::status(301).header("Location", seen.target().trim_end_matches('/')).body("");
    }
    sound(seen)
}

fn bad_request_for_a_bad_token(seen: &Seen) -> Answer {
    let bad = !is_token_call(seen) && seen.header("authorization").is_some() && !has_token(seen);
    if bad { Answer::json(400, r#"{"error":true}"#) } else { sound(seen) }
}

fn success_for_a_bad_token(seen: &Seen) -> Answer {
    let bad = !is_token_call(seen) && !has_token(seen);
    if bad { Answer::json(200, r#"{"error":true,"object":null}"#) } else { sound(seen) }
}

fn presence_alone(seen: &Seen) -> Answer {
    let present = !is_token_call(seen) && seen.header("authorization").is_some();
    if present { Answer::booked() } else { sound(seen) }
}

/// Another answer to a good token call.
fn token_said(seen: &Seen, otherwise: impl Fn() -> Answer) -> Answer {
    if is_token_call(seen) && has_password(seen) { otherwise() } else { sound(seen) }
}

fn camel_case(seen: &Seen) -> Answer {
    token_said(seen, || token_json(r#"{"accessToken":"TOKEN","token_type":"Bearer","expires_in":300}"#))
}

fn life_with_a_unit(seen: &Seen) -> Answer {
    token_said(seen, || token_json(r#"{"access_token":"TOKEN","token_type":"Bearer","expires_in":"59s"}"#))
}

fn as_text(seen: &Seen) -> Answer {
    let text = r#"{"access_token":"Zx4-vT9_kQ2mWb7LpR5sYc8N","token_type":"Bearer","expires_in":300}"#;
    token_said(seen, || {
        Answer::status(200).header("Content-Type", "text/plain").header("Cache-Control", "no-store").body(text)
    })
}

/// One wrong endpoint: its door, its answers, the checks that fail and what the first of them says.
struct Row {
    name: &'static str,
    tls: Arc<ServerConfig>,
    answer: Answering,
    failing: &'static [&'static str],
    said: &'static str,
}

const BAD_TOKENS: &[&str] = &["bearer-null", "forged", "alg-none", "sample-secret"];
const BAD_TOKENS_AND_PRESENCE: &[&str] = &["bearer-null", "forged", "alg-none", "sample-secret", "presence-only"];
const ANY_TOKEN_OR_NONE: &[&str] =
    &["no-token", "bearer-null", "forged", "alg-none", "sample-secret", "delivery-slash"];

fn rows(good: &Arc<ServerConfig>, expired: Arc<ServerConfig>, alone: Arc<ServerConfig>) -> Vec<Row> {
    let of = |name, answer, failing, said| Row { name, tls: Arc::clone(good), answer, failing, said };
    let shown = |name, tls, said| Row { name, tls, answer: sound, failing: &["certificate"], said };
    vec![
        of(
            "redirecting slash",
            redirecting_slash,
            &["token-slash", "delivery-slash"],
            "a redirect, so the POST is dropped",
        ),
        of("400 for a bad token", bad_request_for_a_bad_token, BAD_TOKENS, "final, the payment is lost"),
        of(
            "200 for a bad token",
            success_for_a_bad_token,
            ANY_TOKEN_OR_NONE,
            "the gate is open, or a refusal is said with 2xx",
        ),
        of("accessToken", camel_case, &["access-token"], "missing; there is accessToken"),
        of("expires_in as \"59s\"", life_with_a_unit, &["expires-in"], "the text \"59s\""),
        of("text content type", as_text, &["token-content-type"], "text/plain"),
        of("presence-only bearer check", presence_alone, BAD_TOKENS_AND_PRESENCE, "the gate is open"),
        shown("self-signed", chains::signed_by_itself(), "self-signed"),
        shown("expired", expired, "it has expired on "),
        shown(
            "chain without intermediate",
            alone,
            "the chain is incomplete: the certificate of its issuer CN=Trial Intermediate 7",
        ),
    ]
}

#[tokio::test]
async fn each_of_ten_wrong_endpoints_is_named_and_sees_no_payment() {
    let ca = Ca::shared();
    let (alone, root) = chains::without_intermediate();
    let folder = TempDir::new().expect("a test machine has a temporary directory");
    let bundle = folder.path().join("ca.pem");
    let own = std::fs::read_to_string(ca.ca_file()).expect("the kit wrote it");
    std::fs::write(&bundle, own + &root).expect("the folder can be written");
    let good = ca.server(&["localhost"], Life::Good);
    for row in rows(&good, ca.server(&["localhost"], Life::Over), alone) {
        let endpoint = Upstream::behind(Door::Tls(row.tls), row.answer).await;
        let card = examine(&endpoint.url(), Some(&bundle), &[]).await;
        assert_eq!(card.with("fail"), row.failing, "{}: {}", row.name, card.said.out);
        assert_eq!(card.said.code, 1, "{}", row.name);
        let first = card.evidence(row.failing[0]);
        assert!(first.contains(row.said), "{}: {first}", row.name);
        assert_harmless(&endpoint, row.name);
    }
}
