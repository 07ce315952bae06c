//! Who may call what, from where, and with what: the clients file of contract section 4, judged as section 3 says.

mod logins;
mod order;
mod statics;
mod who;

use serde_json::{Value, json};

use crate::kit::{
    ClientsFile, Refused, Sidecar, Upstream,
    clients_file::{argon2id_of, sha256_of},
};

/// The passwords and tokens of these clients.
const OLD: &str = "network-old-5b1f77e0c2";
const NEW: &str = "network-new-9d03aa41e6";
const CHOSEN: &str = "network: mật khẩu đã chọn";
const SHOP: &str = "shop, chosen by a person";
const BOTH: &str = "both-4c86e1b7d0";
const NARROW: &str = "narrow-2e90cf63a8";
const FIXED: &str = "fixed-Token.7fK2_live~Zq90/3+a";
const FIXED_TOO: &str = "fixed-Token.other_live~Xw41";
const BOTH_FIXED: &str = "both-Token.8aa1f0";

/// Five clients: one as the network is, one with a chosen password, one with static tokens alone, one with both, one whose rules lie
/// beyond those for everybody.
fn five() -> ClientsFile {
    ClientsFile::of(json!([
        client("network", "network-live", json!({
            "passwords": [sha256_of(OLD), sha256_of(NEW), argon2id_of(CHOSEN)],
            "allow": ["POST /bank/api/transaction-sync"],
            "addresses": ["127.0.0.2", "127.0.0.3"],
        })),
        client("shop", "shop-1", json!({
            "passwords": [argon2id_of(SHOP)],
            "allow": ["GET /shop/**", "POST /shop/orders", "PUT /shop/%41;b"],
        })),
        { "name": "fixed", "static_tokens": [sha256_of(FIXED), sha256_of(FIXED_TOO)],
          "allow": ["* /bank/callback/*"], "addresses": ["127.0.0.4/31"] },
        client("both", "both", json!({
            "passwords": [sha256_of(BOTH)], "static_tokens": [sha256_of(BOTH_FIXED)],
        })),
        client("narrow", "narrow", json!({ "passwords": [sha256_of(NARROW)], "allow": ["GET /beyond", "GET /bank/list/"] })),
    ]))
}

fn client(name: &str, username: &str, mut fields: Value) -> Value {
    (fields["name"], fields["username"]) = (name.into(), username.into());
    fields
}

/// A sidecar for the five: two base paths, rules and addresses for everybody.
async fn gate(file: &ClientsFile) -> (Upstream, Sidecar) {
    let upstream = Upstream::recording().await;
    let building = Sidecar::guarding(&upstream).clients(file).var("BASE_PATH", "/vqr, /vietqr");
    let building = building.var("ALLOW", "* /bank/**, * /shop/**, GET /open").var("ALLOW_ADDRESSES", "127.0.0.0/29");
    let sidecar = building.var("LOGIN_FAILURES", "off").start().await;
    (upstream, sidecar)
}

/// What the gate says for each reason in the log that these tests bring about.
fn said(reason: &str) -> Refused {
    match reason {
        "bad_path" => Refused::gate(400, "BAD_PATH"),
        "bearer_absent" => Refused::NO_BEARER,
        "client_gone" | "token_signature" | "token_malformed" => Refused::BAD_TOKEN,
        "address_not_allowed"
        | "client_address_not_allowed"
        | "outside_base_path"
        | "rule_not_allowed"
        | "trailing_slash_differs" => Refused::gate(403, "NOT_ALLOWED"),
        "too_many_requests" => Refused::gate(429, "RATE_LIMITED").retry_after(),
        other => panic!("no row has the reason {other}"),
    }
}
