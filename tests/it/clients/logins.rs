//! Which client gets a token, with which of its passwords, from where.

use super::{BOTH, BOTH_FIXED, CHOSEN, FIXED, NEW, OLD, SHOP, five, gate};
use crate::kit::{Refused, RequestText, clients_file::sha256_of, forge};

#[tokio::test]
async fn each_client_gets_its_own_token_with_each_of_its_passwords() {
    let file = five();
    let (upstream, sidecar) = gate(&file).await;
    for (at, (username, password, last, name, position)) in [
        ("network-live", OLD, 2, "network", 0),
        ("network-live", NEW, 2, "network", 1),
        ("network-live", CHOSEN, 3, "network", 2),
        ("network-live", CHOSEN, 3, "network", 2),
        ("network-live", OLD, 3, "network", 0),
        ("shop-1", SHOP, 7, "shop", 0),
        ("both", BOTH, 1, "both", 0),
    ]
    .into_iter()
    .enumerate()
    {
        for base in ["/vqr", "/vietqr"] {
            let row = format!("{username} with {password:?} from 127.0.0.{last} at {base}");
            let id = format!("login-{at}-at-{base}");
            let request = RequestText::new("POST", &format!("{base}/api/token_generate")).basic(username, password);
            let request = request.header("X-Request-Id", &id).json("{}");
            let token = sidecar.token_in(&sidecar.peer(&format!("127.0.0.{last}")).exchange(request).await);
            assert_eq!(forge::part(&token, 1)["sub"], name, "{row}");
            let page = sidecar.wait_for_log(&row, |line| line["request_id"] == id.as_str()).await;
            assert_eq!((&page["outcome"], &page["client"]), (&"token_issued".into(), &name.into()), "{row}: {page}");
            assert_eq!(page["password"], position, "{row}: {page}");
            assert_eq!(page["peer"], format!("127.0.0.{last}"), "{row}: {page}");
        }
    }
    assert_eq!(upstream.seen(), 0);
}

#[tokio::test]
async fn nobody_gets_a_token_with_what_is_another_s_or_from_elsewhere() {
    let file = five();
    let (upstream, sidecar) = gate(&file).await;
    let wrong = (Refused::WRONG_CREDENTIALS, "wrong_credentials");
    let not_from_here = (Refused::token(403, "NOT_ALLOWED"), "client_address_not_allowed");
    let nobody_from_here = (Refused::token(403, "NOT_ALLOWED"), "address_not_allowed");
    let (old_digest, empty) = (sha256_of(OLD), String::new());
    for (username, password, last, (said, reason)) in [
        ("network-live", SHOP, 2, wrong),
        ("network-live", BOTH, 2, wrong),
        ("network-live", FIXED, 2, wrong),
        ("network-live", &old_digest, 2, wrong),
        ("network-live", &empty, 2, wrong),
        ("network", NEW, 2, wrong),
        ("Network-live", NEW, 2, wrong),
        ("shop-1", NEW, 1, wrong),
        ("shop-1", CHOSEN, 1, wrong),
        ("shop", SHOP, 1, wrong),
        ("both", BOTH_FIXED, 1, wrong),
        // A client with static tokens alone has no way to ask.
        ("fixed", FIXED, 4, wrong),
        ("fixed", &empty, 4, wrong),
        ("", FIXED, 4, wrong),
        (FIXED, &empty, 4, wrong),
        (FIXED, FIXED, 4, wrong),
        // The right password.
        ("network-live", NEW, 1, not_from_here),
        ("network-live", CHOSEN, 4, not_from_here),
        ("network-live", NEW, 9, nobody_from_here),
        ("shop-1", SHOP, 8, nobody_from_here),
        // The wrong one: where it comes from decides what is said.
        ("network-live", "guessed-password-7719", 1, wrong),
        ("network-live", "guessed-password-7719", 9, nobody_from_here),
        ("nobody", NEW, 9, nobody_from_here),
    ] {
        let row = format!("{username:?} with {password:?} from 127.0.0.{last}");
        let response = sidecar.peer(&format!("127.0.0.{last}")).ask_token(username, password).await;
        said.check(&response, &row);
        let page = sidecar.page_of(&response).await;
        assert_eq!((&page["reason"], &page["peer"]), (&reason.into(), &format!("127.0.0.{last}").into()), "{row}");
        let proved = reason == "client_address_not_allowed";
        assert_eq!(page["client"].as_str(), proved.then_some("network"), "{row}: {page}");
        assert_eq!(upstream.seen(), 0, "{row}");
    }
}

#[tokio::test]
async fn a_static_token_asks_for_no_other() {
    let file = five();
    let (upstream, sidecar) = gate(&file).await;
    for token in [FIXED, BOTH_FIXED] {
        let request = RequestText::new("POST", "/vqr/api/token_generate").bearer(token);
        let response = sidecar.peer("127.0.0.4").exchange(request.json("{}")).await;
        Refused::NO_BASIC.check(&response, token);
    }
    assert_eq!(upstream.seen(), 0);
}
