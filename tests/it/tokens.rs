//! Bearer tokens at the gate: contract section 3, its rows `INVALID_AUTH_HEADER` and `INVALID_TOKEN`.

mod algorithms;
mod forged;
mod headers;
mod life;

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

/// Presents each token as it is; each is refused with the same answer to the byte, the upstream sees none of them, and the log
/// tells its reason.
async fn all_are_refused_alike(upstream: &Upstream, sidecar: &Sidecar, rows: &[(&str, String, &str)]) {
    let mut first = None;
    for (row, token, reason) in rows {
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
