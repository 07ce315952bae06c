//! A token that a caller was registered with is good to the byte.

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{FIXED, FIXED_TOO, five, gate, said};
use crate::kit::{Refused, RequestText, Sidecar, Upstream, clients_file::sha256_of};

const PATH: &str = "/vqr/bank/callback/7";

#[tokio::test]
async fn a_static_token_is_good_and_none_of_its_neighbours_is() {
    let file = five();
    let (upstream, sidecar) = gate(&file).await;
    let digest = sha256_of(FIXED);
    let mut first = None;
    for token in [
        &FIXED[..FIXED.len() - 1],
        &FIXED[1..],
        &format!("{FIXED}x"),
        &format!("x{FIXED}"),
        &format!("{FIXED}="),
        &FIXED.to_uppercase(),
        &FIXED.to_lowercase(),
        &FIXED.replace('_', "-"),
        &FIXED.replace('/', "%2F"),
        &FIXED.replace('+', "-"),
        &format!("{FIXED}{FIXED_TOO}"),
        &FIXED.chars().rev().collect::<String>(),
        &digest,
        &digest[7..],
        &STANDARD.encode(FIXED),
        "null",
        "undefined",
        "x",
    ] {
        let request = RequestText::new("GET", PATH).bearer(token);
        let response = sidecar.peer("127.0.0.4").exchange(request).await;
        said("token_malformed").check(&response, token);
        assert_eq!(sidecar.page_of(&response).await["reason"], "token_malformed", "{token}");
        let telltale = response.telltale();
        assert_eq!(first.get_or_insert_with(|| telltale.clone()), &telltale, "{token} is told apart outside");
        assert_eq!(upstream.seen(), 0, "{token}");
    }
    for token in [FIXED, FIXED_TOO] {
        let request = RequestText::new("GET", PATH).bearer(token);
        assert_eq!(sidecar.peer("127.0.0.4").exchange(request).await.status(), 200, "{token}");
    }
    assert_eq!(upstream.seen(), 2);
}

// 47
#[tokio::test]
async fn a_static_token_elsewhere_than_behind_bearer_is_none() {
    let file = five();
    let (upstream, sidecar) = gate(&file).await;
    let get = |target: &str| RequestText::new("GET", target);
    for (row, request, said) in [
        ("in the query", get(&format!("{PATH}?access_token={FIXED}")), Refused::NO_BEARER),
        ("in a cookie", get(PATH).header("Cookie", &format!("token={FIXED}")), Refused::NO_BEARER),
        ("in another field", get(PATH).header("X-Api-Key", FIXED), Refused::NO_BEARER),
        ("without a scheme", get(PATH).header("Authorization", FIXED), Refused::NO_BEARER),
        ("behind Basic", get(PATH).header("Authorization", &format!("Basic {FIXED}")), Refused::NO_BEARER),
        ("as a user name", get(PATH).basic(FIXED, ""), Refused::NO_BEARER),
        ("as a password", get(PATH).basic("fixed", FIXED), Refused::NO_BEARER),
        ("twice", get(PATH).bearer(FIXED).bearer(FIXED), Refused::NO_BEARER),
    ] {
        let response = sidecar.peer("127.0.0.4").exchange(request).await;
        said.check(&response, row);
        assert_eq!(upstream.seen(), 0, "{row}");
    }
}

#[tokio::test]
async fn without_a_static_token_in_the_file_no_text_is_one() {
    let upstream = Upstream::recording().await;
    let sidecar = Sidecar::guarding(&upstream).start().await;
    for token in [FIXED, "null", "x"] {
        Refused::BAD_TOKEN.check(&sidecar.get_with(token, "/").await, token);
    }
    assert_eq!(upstream.seen(), 0);
}
