//! Of several faults the first is said, in the contract's order: path, address, token, allow rule, rate.

use serde_json::json;

use super::{FIXED, FIXED_TOO, said};
use crate::kit::{ClientsFile, RequestText, Sidecar, Upstream, clients_file::sha256_of};

#[tokio::test]
async fn of_several_faults_the_first_in_the_contract_s_order_is_said() {
    let file = ClientsFile::of(json!([
        { "name": "spent", "static_tokens": [sha256_of(FIXED)], "allow": ["GET /a"], "rate": "1/h" },
        { "name": "homely", "static_tokens": [sha256_of(FIXED_TOO)], "allow": ["GET /a"], "addresses": ["127.0.0.3"] },
    ]));
    let upstream = Upstream::recording().await;
    let building = Sidecar::guarding(&upstream).clients(&file).var("BASE_PATH", "/vqr");
    let sidecar = building.var("ALLOW_ADDRESSES", "127.0.0.0/29").start().await;
    assert_eq!(sidecar.get_with(FIXED, "/vqr/a").await.status(), 200, "the one request of this hour");
    let spent = Some(FIXED);
    let homely = Some(FIXED_TOO);
    for (token, path, last, reason) in [
        (spent, "/vqr/a", 1, "too_many_requests"),
        (spent, "/vqr/b", 1, "rule_not_allowed"),
        (spent, "/vqr/a/", 1, "trailing_slash_differs"),
        (spent, "/a", 1, "outside_base_path"),
        (spent, "/vqr/b", 9, "address_not_allowed"),
        (spent, "/vqr/../b", 1, "bad_path"),
        (spent, "/vqr/../b", 9, "bad_path"),
        (homely, "/vqr/b", 1, "client_address_not_allowed"),
        (homely, "/vqr/b", 3, "rule_not_allowed"),
        (homely, "/vqr/b", 9, "address_not_allowed"),
        (Some("of-nobody"), "/vqr/a", 1, "token_malformed"),
        (Some("of-nobody"), "/vqr/b", 1, "token_malformed"),
        (Some("of-nobody"), "/a", 1, "token_malformed"),
        (Some("of-nobody"), "/vqr/a", 9, "address_not_allowed"),
        (Some("of-nobody"), "/vqr/%2e%2e/a", 9, "bad_path"),
        (None, "/vqr/b", 1, "bearer_absent"),
        (None, "/a", 1, "bearer_absent"),
        (None, "/a", 9, "address_not_allowed"),
        (None, "/vqr/a%2Fb", 9, "bad_path"),
    ] {
        let row = format!("{token:?} {path} from 127.0.0.{last}");
        let request = RequestText::new("GET", path);
        let request = if let Some(token) = token { request.bearer(token) } else { request };
        let response = sidecar.peer(&format!("127.0.0.{last}")).exchange(request).await;
        said(reason).check(&response, &row);
        assert_eq!(sidecar.page_of(&response).await["reason"], reason, "{row}");
        assert_eq!(upstream.seen(), 1, "{row}");
    }
}
