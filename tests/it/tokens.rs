//! Bearer tokens at the gate: contract section 3, its rows `INVALID_AUTH_HEADER` and `INVALID_TOKEN`.

mod algorithms;
mod forged;
mod headers;
mod life;

use std::collections::HashSet;

use serde_json::{Map, Value};

use crate::kit::{
    Refused, Sidecar, Upstream, forge,
    sidecar::{TOKEN_KEY, USERNAME},
};

/// Where the clock of these tests stands.
const NOW: u64 = 1_800_000_000;

const KEY: &[u8] = TOKEN_KEY.as_bytes();

/// The claims of a good token, changed.
fn changed(change: impl FnOnce(&mut Map<String, Value>)) -> String {
    let Value::Object(mut members) = forge::claims(USERNAME, NOW) else { panic!("claims are an object") };
    change(&mut members);
    Value::Object(members).to_string()
}

/// The claims of a good token with this one, as JSON text.
fn with(name: &str, json: &str) -> String {
    let value = serde_json::from_str(json).unwrap_or_else(|fault| panic!("{json} is not JSON: {fault}"));
    changed(|members| drop(members.insert(name.to_owned(), value)))
}

/// The claims of a good token without this one.
fn without(name: &str) -> String {
    changed(|members| drop(members.remove(name)))
}

/// An ordinary header over these claims, signed with the kit's key.
fn signed(claims: &str) -> String {
    forge::token(forge::HS256, claims, KEY)
}

/// A token that must not pass: what it is, its text, and the reason in the log, which has a [`source`].
type Row = (&'static str, String, &'static str);

/// Why a token of this reason in the log must be refused.
fn source(reason: &str) -> &'static str {
    match reason {
        "token_malformed" => "RFC 7515, 3.1 and 7.1; RFC 7519, 7.2",
        "token_too_long" => "RFC 9110, 17.5",
        "token_header" => "RFC 7515, 4.1.11; RFC 7797, 7; RFC 8725, 3.10 and 3.11",
        "token_unknown_key" => "RFC 8725, 3.10",
        "token_wrong_algorithm" => "RFC 8725, 3.1 and 3.2",
        "token_signature" => "RFC 7515, 5.2; RFC 8725, 3.5",
        "token_claims" => "RFC 7519, 2 and 4.1",
        "token_expired" => "RFC 7519, 4.1.4",
        "token_not_yet" => "RFC 7519, 4.1.5 and 4.1.6",
        "token_too_long_lived" => "contract, 2: exp - iat may not exceed TOKEN_TTL",
        "token_issuer" => "RFC 7519, 4.1.1; RFC 8725, 3.8",
        "token_audience" => "RFC 7519, 4.1.3; RFC 8725, 3.9",
        "client_gone" => "contract, 2: the client must still exist",
        _ => panic!("no source is written down for {reason}"),
    }
}

// Checklist M39 to M44.
#[test]
#[expect(clippy::print_stdout, reason = "how many there are belongs to the result")]
fn there_are_enough_forged_damaged_and_confused_tokens() {
    let good = forge::hs256(&forge::claims(USERNAME, NOW), KEY);
    let rows = [
        forged::shapes(&good),
        forged::signatures(&good),
        forged::headers("http://127.0.0.1/jwks.json"),
        forged::claim_sets(),
        algorithms::of_other_algorithms(),
        life::times(),
    ]
    .concat();
    println!("{} forged, damaged and confused tokens", rows.len());
    let tokens: HashSet<&str> = rows.iter().map(|(_, token, _)| token.as_str()).collect();
    // Some are alike on purpose, such as those without a signature.
    assert!(tokens.len() >= 60, "{} tokens that differ", tokens.len());
    assert!(!tokens.contains(good.as_str()));
    assert!(rows.iter().all(|(_, _, reason)| !source(reason).is_empty()));
}

/// Presents each token as it is; each is refused with the same answer to the byte, the upstream sees none of them, and the log
/// tells its reason.
async fn all_are_refused_alike(upstream: &Upstream, sidecar: &Sidecar, rows: &[Row]) {
    let mut first = None;
    for (row, token, reason) in rows {
        let row = &format!("{row} ({})", source(reason));
        let response = sidecar.get_with(token, "/orders").await;
        Refused::BAD_TOKEN.check(&response, row);
        assert_eq!(sidecar.page_of(&response).await["reason"], *reason, "{row}: {token:?}");
        assert_eq!(upstream.seen(), 0, "{row}");
        let telltale = response.telltale();
        assert_eq!(first.get_or_insert_with(|| telltale.clone()), &telltale, "{row} is told apart outside");
    }
}

/// Presents each token as it is; each passes.
async fn all_pass(upstream: &Upstream, sidecar: &Sidecar, rows: &[(&str, String)]) {
    let before = upstream.seen();
    for (at, (row, token)) in rows.iter().enumerate() {
        let response = sidecar.get_with(token, "/orders").await;
        assert_eq!(response.status(), 200, "{row}: {response:?}");
        assert_eq!(upstream.seen(), before + at + 1, "{row}");
    }
}
