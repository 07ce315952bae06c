//! THE table of who may do what: client, method, path, address and credential, and what comes of it.

use std::collections::HashMap;

use super::{BOTH, BOTH_FIXED, CHOSEN, FIXED, FIXED_TOO, NARROW, NEW, SHOP, five, gate, said};
use crate::kit::{
    ClientsFile, RequestText, Sidecar, Upstream,
    clients_file::sha256_of,
    forge,
    sidecar::{TOKEN_KEY, USERNAME},
};

/// A good call, and how everything else differs from it: the credential, the method, the path, the last byte of the address, and
/// `passes` or the reason in the log. Only what passes is seen by the upstream.
// 55
const TABLE: [(&str, &str, &str, u8, &str); 110] = [
    // The network: one method, one path, two addresses, both base paths.
    ("network", "POST", "/vqr/bank/api/transaction-sync", 2, "passes"),
    ("network", "POST", "/vqr/bank/api/transaction-sync", 3, "passes"),
    ("network", "POST", "/vietqr/bank/api/transaction-sync", 2, "passes"),
    ("network", "POST", "/vqr/bank/api/transaction-sync?a=../b", 2, "passes"),
    ("network", "POST", "/vqr/bank/api/transaction-sync?", 2, "passes"),
    ("network", "POST", "/vqr/bank/api/transaction-sync", 1, "client_address_not_allowed"),
    ("network", "POST", "/vqr/bank/api/transaction-sync", 4, "client_address_not_allowed"),
    ("network", "POST", "/vqr/bank/api/transaction-sync", 9, "address_not_allowed"),
    ("network", "GET", "/vqr/bank/api/transaction-sync", 2, "rule_not_allowed"),
    ("network", "HEAD", "/vqr/bank/api/transaction-sync", 2, "rule_not_allowed"),
    ("network", "PUT", "/vqr/bank/api/transaction-sync", 2, "rule_not_allowed"),
    ("network", "PATCH", "/vqr/bank/api/transaction-sync", 2, "rule_not_allowed"),
    ("network", "DELETE", "/vqr/bank/api/transaction-sync", 2, "rule_not_allowed"),
    ("network", "OPTIONS", "/vqr/bank/api/transaction-sync", 2, "rule_not_allowed"),
    ("network", "post", "/vqr/bank/api/transaction-sync", 2, "rule_not_allowed"),
    ("network", "POSTX", "/vqr/bank/api/transaction-sync", 2, "rule_not_allowed"),
    ("network", "POST", "/vqr/bank/api/transaction-sync/", 2, "trailing_slash_differs"),
    ("network", "POST", "/vqr/bank/api/transaction-sync//", 2, "rule_not_allowed"),
    ("network", "POST", "/vqr/bank/api/transaction-sync/x", 2, "rule_not_allowed"),
    ("network", "POST", "/vqr/bank/api/transaction-syncx", 2, "rule_not_allowed"),
    ("network", "POST", "/vqr/bank/api/transaction-syn", 2, "rule_not_allowed"),
    ("network", "POST", "/vqr/bank/api/Transaction-Sync", 2, "rule_not_allowed"),
    ("network", "POST", "/vqr/bank/API/transaction-sync", 2, "rule_not_allowed"),
    ("network", "POST", "/vqr/bank/api/transaction-sync;x", 2, "rule_not_allowed"),
    ("network", "POST", "/vqr/bank/api/transaction-sync;", 2, "rule_not_allowed"),
    ("network", "POST", "/vqr/bank;x/api/transaction-sync", 2, "rule_not_allowed"),
    ("network", "POST", "/vqr/bank/api/transaction%2Dsync", 2, "rule_not_allowed"),
    ("network", "POST", "/vqr/bank/api/transaction-syn%63", 2, "rule_not_allowed"),
    ("network", "POST", "/vqr/%62ank/api/transaction-sync", 2, "rule_not_allowed"),
    ("network", "POST", "/vqr/bank/api/transaction-sync%20", 2, "rule_not_allowed"),
    ("network", "POST", "/vqr/bank/api/transaction-sync%3Fa", 2, "rule_not_allowed"),
    ("network", "POST", "/vqr/bank/api/transaction-sync.json", 2, "rule_not_allowed"),
    ("network", "POST", "/vqr//bank/api/transaction-sync", 2, "rule_not_allowed"),
    ("network", "POST", "/vqr/bank//api/transaction-sync", 2, "rule_not_allowed"),
    ("network", "POST", "/vqr/bank/api", 2, "rule_not_allowed"),
    ("network", "POST", "/vqr/", 2, "rule_not_allowed"),
    ("network", "POST", "/vqr", 2, "rule_not_allowed"),
    ("network", "POST", "/vqr/bank/api/./transaction-sync", 2, "bad_path"),
    ("network", "POST", "/vqr/bank/api/x/../transaction-sync", 2, "bad_path"),
    ("network", "POST", "/vqr/shop/../bank/api/transaction-sync", 2, "bad_path"),
    ("network", "POST", "/vqr/bank/api/%2e%2e/transaction-sync", 2, "bad_path"),
    ("network", "POST", "/vqr/bank/api/..;a/transaction-sync", 2, "bad_path"),
    ("network", "POST", "/vqr/bank%2Fapi/transaction-sync", 2, "bad_path"),
    ("network", "POST", "/vqr/bank/api\\transaction-sync", 2, "bad_path"),
    ("network", "POST", "/vqr/bank/api/transaction-sync%00", 2, "bad_path"),
    ("network", "POST", "/vqr/bank/api/transaction%252Dsync", 2, "bad_path"),
    ("network", "POST", "/bank/api/transaction-sync", 2, "outside_base_path"),
    ("network", "POST", "/VQR/bank/api/transaction-sync", 2, "outside_base_path"),
    ("network", "POST", "/v%71r/bank/api/transaction-sync", 2, "outside_base_path"),
    ("network", "POST", "//vqr/bank/api/transaction-sync", 2, "outside_base_path"),
    ("network", "POST", "/vqr;x/bank/api/transaction-sync", 2, "outside_base_path"),
    ("network", "POST", "/vqrx/bank/api/transaction-sync", 2, "outside_base_path"),
    ("network", "POST", "/x/vqr/bank/api/transaction-sync", 2, "outside_base_path"),
    ("network", "POST", "/vqr/vietqr/bank/api/transaction-sync", 2, "rule_not_allowed"),
    // What is another client's.
    ("network", "GET", "/vqr/shop/orders", 2, "rule_not_allowed"),
    ("network", "POST", "/vqr/shop/orders", 2, "rule_not_allowed"),
    ("network", "POST", "/vqr/bank/callback/7", 2, "rule_not_allowed"),
    ("network", "GET", "/vqr/beyond", 2, "rule_not_allowed"),
    ("shop", "POST", "/vqr/bank/api/transaction-sync", 2, "rule_not_allowed"),
    ("shop", "GET", "/vqr/bank/list/", 1, "rule_not_allowed"),
    ("fixed", "POST", "/vqr/bank/api/transaction-sync", 4, "rule_not_allowed"),
    ("fixed", "GET", "/vqr/shop/orders", 4, "rule_not_allowed"),
    ("narrow", "POST", "/vqr/bank/api/transaction-sync", 2, "rule_not_allowed"),
    // The shop: a tree, from anywhere that everybody may come from.
    ("shop", "GET", "/vqr/shop", 1, "passes"),
    ("shop", "GET", "/vqr/shop/", 1, "passes"),
    ("shop", "GET", "/vqr/shop/a/b/c/", 6, "passes"),
    ("shop", "GET", "/vqr/shop//a", 7, "passes"),
    ("shop", "GET", "/vqr/shop/%41;b", 1, "passes"),
    ("shop", "GET", "/vqr/shop/a", 8, "address_not_allowed"),
    ("shop", "GET", "/vqr/shopx", 1, "rule_not_allowed"),
    ("shop", "GET", "/vqr/shop;x", 1, "rule_not_allowed"),
    ("shop", "GET", "/vqr/Shop/a", 1, "rule_not_allowed"),
    ("shop", "GET", "/vqr//shop/a", 1, "rule_not_allowed"),
    ("shop", "HEAD", "/vqr/shop/a", 1, "rule_not_allowed"),
    ("shop", "POST", "/vqr/shop/orders", 1, "passes"),
    ("shop", "POST", "/vqr/shop/orders/", 1, "trailing_slash_differs"),
    ("shop", "POST", "/vqr/shop/orders/1", 1, "rule_not_allowed"),
    ("shop", "PUT", "/vqr/shop/%41;b", 1, "passes"),
    ("shop", "PUT", "/vqr/shop/A;b", 1, "rule_not_allowed"),
    ("shop", "PUT", "/vqr/shop/%41", 1, "rule_not_allowed"),
    // A static token.
    ("fixed", "POST", "/vqr/bank/callback/7", 4, "passes"),
    ("fixed", "HEAD", "/vietqr/bank/callback/7", 5, "passes"),
    ("fixed too", "DELETE", "/vqr/bank/callback/%37", 4, "passes"),
    ("fixed", "POST", "/vqr/bank/callback/7", 2, "client_address_not_allowed"),
    ("fixed", "POST", "/vqr/bank/callback/7", 9, "address_not_allowed"),
    ("fixed", "POST", "/vqr/bank/callback/7/", 4, "trailing_slash_differs"),
    ("fixed", "POST", "/vqr/bank/callback/", 4, "rule_not_allowed"),
    ("fixed", "POST", "/vqr/bank/callback", 4, "rule_not_allowed"),
    ("fixed", "POST", "/vqr/bank/callback/;x", 4, "rule_not_allowed"),
    ("fixed", "POST", "/vqr/bank/callback/%3Bx", 4, "rule_not_allowed"),
    ("fixed", "POST", "/vqr/bank/callback/7/8", 4, "rule_not_allowed"),
    ("fixed", "POST", "/vqr/bank/callback/%2e", 4, "bad_path"),
    // A client without rules of its own: those for everybody hold all the same, and either credential is good.
    ("both", "GET", "/vqr/bank/anything", 1, "passes"),
    ("both fixed", "PUT", "/vqr/shop/anything", 7, "passes"),
    ("both", "GET", "/vqr/open", 1, "passes"),
    ("both", "GET", "/vqr/open/", 1, "trailing_slash_differs"),
    ("both", "HEAD", "/vqr/open", 1, "rule_not_allowed"),
    ("both", "GET", "/vqr/elsewhere", 1, "rule_not_allowed"),
    ("both fixed", "GET", "/vqr/", 1, "rule_not_allowed"),
    ("both", "GET", "/open", 1, "outside_base_path"),
    ("both", "GET", "/vqr/open", 8, "address_not_allowed"),
    // A client with rules beyond those for everybody.
    ("narrow", "GET", "/vqr/bank/list/", 1, "passes"),
    ("narrow", "GET", "/vqr/bank/list", 1, "trailing_slash_differs"),
    ("narrow", "GET", "/vqr/beyond", 1, "rule_not_allowed"),
    ("narrow", "GET", "/vqr/beyond/", 1, "rule_not_allowed"),
    ("narrow", "GET", "/vqr/open/", 1, "rule_not_allowed"),
    // Nobody.
    ("nobody", "POST", "/vqr/bank/api/transaction-sync", 2, "bearer_absent"),
    ("forged", "POST", "/vqr/bank/api/transaction-sync", 2, "token_signature"),
    ("gone", "POST", "/vqr/bank/api/transaction-sync", 2, "client_gone"),
    ("kit", "POST", "/vqr/bank/api/transaction-sync", 2, "client_gone"),
];

/// The credentials of the table, by their names there, and whose each is.
async fn credentials(sidecar: &Sidecar) -> HashMap<&'static str, (String, &'static str)> {
    let mut credentials = HashMap::from([
        ("fixed", (FIXED.to_owned(), "fixed")),
        ("fixed too", (FIXED_TOO.to_owned(), "fixed")),
        ("both fixed", (BOTH_FIXED.to_owned(), "both")),
    ]);
    for (name, username, password, last) in [
        ("network", "network-live", NEW, 2),
        ("shop", "shop-1", SHOP, 1),
        ("both", "both", BOTH, 1),
        ("narrow", "narrow", NARROW, 1),
    ] {
        let asked = sidecar.peer(&format!("127.0.0.{last}")).ask_token(username, password).await;
        let token = sidecar.token_in(&asked);
        assert_eq!(forge::part(&token, 1)["sub"], name, "a token is for the client, not for its user name");
        credentials.insert(name, (token, name));
    }
    let now = forge::part(&credentials["both"].0, 1)["iat"].as_u64().expect("a token has a time");
    credentials.insert("forged", (forge::hs256(&forge::claims("network", now), b"another key"), ""));
    for (name, sub) in [("gone", "gone"), ("kit", USERNAME)] {
        credentials.insert(name, (forge::hs256(&forge::claims(sub, now), TOKEN_KEY.as_bytes()), ""));
    }
    credentials
}

#[tokio::test]
async fn each_client_may_do_what_it_may_and_nothing_else() {
    let file = five();
    let (upstream, sidecar) = gate(&file).await;
    let credentials = credentials(&sidecar).await;
    let mut passed = 0;
    for (who, method, path, last, outcome) in TABLE {
        let row = format!("{who}: {method} {path} from 127.0.0.{last}");
        let (request, owner) = match credentials.get(who) {
            Some((token, owner)) => (RequestText::new(method, path).bearer(token), *owner),
            None => (RequestText::new(method, path), ""),
        };
        let response = sidecar.peer(&format!("127.0.0.{last}")).exchange(request).await;
        if outcome == "passes" {
            passed += 1;
            assert_eq!(response.status(), 200, "{row}: {response:?}");
            assert_eq!(upstream.seen(), passed, "{row}");
            let seen = upstream.requests().pop().expect("it was seen");
            assert_eq!((seen.method(), seen.target()), (method, path), "{row}");
            assert_eq!(seen.values("x-forwarded-user"), [owner], "{row}");
            continue;
        }
        if method == "HEAD" {
            said(outcome).check_head(&response, &row);
        } else {
            said(outcome).check(&response, &row);
        }
        let page = sidecar.page_of(&response).await;
        assert_eq!(page["reason"], outcome, "{row}: {page}");
        assert_eq!(page["peer"], format!("127.0.0.{last}"), "{row}: {page}");
        let knows = !owner.is_empty() && !matches!(outcome, "bad_path" | "address_not_allowed");
        assert_eq!(page["client"].as_str(), knows.then_some(owner), "{row}: {page}");
        assert_eq!(upstream.seen(), passed, "{row}");
    }
}

#[tokio::test]
async fn rules_are_compared_below_the_base_path_also_when_the_upstream_does_not_see_it() {
    let file = ClientsFile::of(serde_json::json!([
        { "name": "one", "static_tokens": [sha256_of(FIXED)], "allow": ["GET /a/*", "GET /"] },
    ]));
    let upstream = Upstream::recording().await;
    let building = Sidecar::guarding(&upstream).clients(&file).var("BASE_PATH", "/vqr,/vqr/deep");
    let sidecar = building.var("STRIP_BASE_PATH", "true").start().await;
    for (path, sees) in [
        ("/vqr/a/b?c=%2F", Some("/a/b?c=%2F")),
        ("/vqr/deep/a/b", Some("/a/b")),
        ("/vqr/a/%41", Some("/a/%41")),
        ("/vqr", Some("/")),
        ("/vqr/", Some("/")),
        ("/vqr/deep", Some("/")),
        ("/vqr/a", None),
        ("/vqr/vqr/a/b", None),
        ("/vqr//a/b", None),
        ("/vqr/%61/b", None),
        ("/a/b", None),
        ("/vqrdeep/a/b", None),
    ] {
        let before = upstream.seen();
        let response = sidecar.get_with(FIXED, path).await;
        let seen = upstream.requests().split_off(before);
        let targets: Vec<&str> = seen.iter().map(|seen| seen.target()).collect();
        assert_eq!(
            (response.status(), targets),
            (if sees.is_some() { 200 } else { 403 }, Vec::from_iter(sees)),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_client_that_is_taken_out_of_the_file_is_refused_at_once() {
    let file = five();
    let (upstream, sidecar) = gate(&file).await;
    let credentials = credentials(&sidecar).await;
    let left = serde_json::json!([
        { "name": "shop", "username": "shop-1", "passwords": [sha256_of("shop-7c1e55d0b3")] },
    ]);
    sidecar.reloading(|| file.write(left)).await;
    for (who, path, reason) in [
        ("network", "/vqr/bank/api/transaction-sync", "client_gone"),
        ("both", "/vqr/open", "client_gone"),
        ("fixed", "/vqr/bank/callback/7", "token_malformed"),
        ("both fixed", "/vqr/open", "token_malformed"),
    ] {
        let response =
            sidecar.peer("127.0.0.4").exchange(RequestText::new("GET", path).bearer(&credentials[who].0)).await;
        said(reason).check(&response, who);
        assert_eq!(sidecar.page_of(&response).await["reason"], reason, "{who}");
    }
    let asked = sidecar.peer("127.0.0.2").ask_token("network-live", CHOSEN).await;
    assert_eq!(sidecar.page_of(&asked).await["reason"], "wrong_credentials");
    assert_eq!(upstream.seen(), 0);
    // Its password was changed; its token is as good as before, and it may more.
    assert_eq!(sidecar.get_with(&credentials["shop"].0, "/vqr/bank/a").await.status(), 200);
}
