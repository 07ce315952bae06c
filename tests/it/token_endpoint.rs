//! The token endpoint from outside: contract section 2, and section 3 where it speaks of this endpoint.

mod bodies;
mod callers;
mod credentials;
mod places;
mod tokens;

use crate::kit::{Response, Sidecar, Upstream};

/// The token endpoint's path without a base path.
const TOKEN: &str = "/api/token_generate";

/// The kit's sidecar, and the upstream that is to see nothing of what is asked of the token endpoint.
async fn gate() -> (Upstream, Sidecar) {
    let upstream = Upstream::recording().await;
    let sidecar = Sidecar::guarding(&upstream).start().await;
    (upstream, sidecar)
}

/// Holds `response` to the answer with a token that lives for `life_s` seconds, to the byte. Gives the token.
fn token_of(sidecar: &Sidecar, response: &Response, life_s: u64, row: &str) -> String {
    assert_eq!(response.status(), 200, "{row}: {response:?}");
    assert_eq!(response.values("content-type"), ["application/json"], "{row}");
    assert_eq!(response.values("cache-control"), ["no-store"], "{row}");
    let known = ["cache-control", "connection", "content-length", "content-type", "date"];
    for (name, _) in response.fields() {
        assert!(known.contains(&name.to_lowercase().as_str()), "{row}: the answer has no field {name}");
    }
    let token = response.json()["access_token"].as_str().unwrap_or_default().to_owned();
    let members = format!(r#"{{"access_token":"{token}","token_type":"Bearer","expires_in":{life_s}}}"#);
    assert_eq!(response.text(), members, "{row}");
    sidecar.keep_secret(&token);
    token
}
