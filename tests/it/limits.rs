//! How often: the rates of clients, and failed logins of addresses. Rates are by the hour, so that none is refilled while a test runs.

mod failures;
mod rates;
mod strangers;

use serde_json::{Value, json};

use crate::kit::{RequestText, Response, Sidecar};

/// The statuses of so many requests, one after the other.
async fn statuses(times: usize, mut request: impl AsyncFnMut() -> Response) -> Vec<u16> {
    let mut statuses = Vec::new();
    for _ in 0..times {
        statuses.push(request().await.status());
    }
    statuses
}

/// Holds an answer to 429 with a `Retry-After` from `least` to `most` seconds, and this reason in the log.
async fn is_over(sidecar: &Sidecar, response: &Response, reason: &str, least: u64, most: u64) {
    assert_eq!((response.status(), response.refusal().as_str()), (429, "RATE_LIMITED"), "{response:?}");
    let after = response.header("retry-after").and_then(|text| text.parse().ok()).unwrap_or_default();
    assert!((least..=most).contains(&after), "{least} to {most} seconds were expected: {response:?}");
    assert_eq!(sidecar.page_of(response).await["reason"], reason);
}

/// A call of the token endpoint through a proxy that says it is from there.
fn login_from(address: &str, username: &str, password: &str) -> RequestText {
    let asking = RequestText::new("POST", "/api/token_generate").header("X-Forwarded-For", address);
    asking.basic(username, password).json("{}")
}

fn client(name: &str, mut fields: Value) -> Value {
    (fields["name"], fields["username"]) = (json!(name), json!(name));
    fields
}
