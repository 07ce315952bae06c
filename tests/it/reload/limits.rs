//! What a reload must not give away: used-up rates, and successes of passwords that are dear to check.

use bearergate::{auth::accounts::hash_chosen, secret::Secret};
use serde_json::{Value, json};

use super::{
    Workday,
    clients::{change, day_with, digest, payer},
};

async fn statuses(day: &Workday, token: &str) -> (u16, u16, u16) {
    let request = day.sidecar.get_with(token, "/a").await.status();
    let login = day.sidecar.ask_token("second", "second-password").await.status();
    (request, login, day.sidecar.ask_token("second", "wrong").await.status())
}

#[tokio::test]
async fn a_reload_refills_no_limit() {
    let with = |passwords: Value| {
        let rates =
            json!({"name": "second", "username": "second", "passwords": passwords, "rate": "1/h", "token_rate": "2/h"});
        json!([payer(), rates])
    };
    let one = with(json!([digest("second-password")]));
    let day = day_with(one, |building| building.var("LOGIN_FAILURES", "1/h")).await;
    let token = day.token("second", "second-password").await;
    assert_eq!(statuses(&day, &token).await, (200, 200, 401));
    assert_eq!(statuses(&day, &token).await, (429, 429, 429));
    change(&day, with(json!([digest("second-password"), digest("one-more-password")])), 1).await;
    assert_eq!(statuses(&day, &token).await, (429, 429, 429));
    // Gone and back again is the same client.
    change(&day, json!([payer()]), 2).await;
    change(&day, with(json!([digest("second-password")])), 3).await;
    assert_eq!(statuses(&day, &token).await, (429, 429, 429));
    day.end().await;
}

#[tokio::test]
async fn a_chosen_password_that_was_right_is_remembered_over_a_reload_of_its_hash() {
    let chosen = "a password somebody chose";
    let hash = || hash_chosen(&Secret::new(chosen.to_owned())).expect("a test machine can hash");
    let with = |hash: &str, more: &[Value]| {
        let mut clients = vec![payer(), json!({"name": "second", "username": "second", "passwords": [hash]})];
        clients.extend_from_slice(more);
        Value::from(clients)
    };
    let first = hash();
    // A wrong login uses the address up: from then on what has to be hashed is refused unheard.
    let day = day_with(with(&first, &[]), |building| building.var("LOGIN_FAILURES", "1/h")).await;
    day.token("second", chosen).await;
    assert_eq!(day.sidecar.ask_token("second", "wrong").await.status(), 401);
    assert_eq!(day.sidecar.ask_token("second", "wrong").await.status(), 429);
    day.token("second", chosen).await;

    let third = json!({"name": "third", "username": "third", "passwords": [digest("third-password")]});
    change(&day, with(&first, &[third]), 1).await;
    day.token("second", chosen).await;
    // The same password under a new hash has to prove itself anew.
    change(&day, with(&hash(), &[]), 2).await;
    assert_eq!(day.sidecar.ask_token("second", chosen).await.status(), 429);
    day.end().await;
}
