//! The status for people: a document, and a page that shows it.

use http::StatusCode;
use serde_json::json;

use super::{Answer, Shown, plain, readiness};

/// The document.
pub(super) async fn json(shown: &Shown) -> String {
    let lacking: Vec<_> = readiness::lacking(shown).await.into_iter().map(readiness::Lack::name).collect();
    json!({ "version": env!("CARGO_PKG_VERSION"), "not_ready": lacking, "settings": shown.settings }).to_string()
}

/// The page.
pub(super) async fn page(_shown: &Shown) -> Answer {
    plain(StatusCode::OK, "bearergate\n\n/status.json  /metrics  /readyz  /livez\n")
}
