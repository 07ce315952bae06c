//! The rows of what clients may not do: from where, what, and how often.

use super::super::{
    By, Row, Saw,
    scenes::{self, TOKEN},
};
use crate::kit::{Refused, sidecar::USERNAME};

pub(in super::super) fn address_not_allowed() -> Vec<Row> {
    vec![
        played!("from elsewhere", NOT_ALLOWED, "address_not_allowed", Saw::Nothing, scenes::from_elsewhere("/orders")),
        played!(
            "from elsewhere, for a token",
            Refused::token(403, "NOT_ALLOWED"),
            "address_not_allowed",
            Saw::Nothing,
            scenes::from_elsewhere(TOKEN)
        ),
    ]
}

pub(in super::super) fn client_address_not_allowed() -> Vec<Row> {
    vec![
        played!(
            "from where another client may come from",
            NOT_ALLOWED,
            "client_address_not_allowed",
            Saw::Nothing,
            scenes::from_anothers_address("/orders")
        ),
        played!(
            "from there, for a token",
            Refused::token(403, "NOT_ALLOWED"),
            "client_address_not_allowed",
            Saw::Nothing,
            scenes::from_anothers_address(TOKEN)
        ),
    ]
}

pub(in super::super) fn rule_not_allowed() -> Vec<Row> {
    vec![played!("another path", NOT_ALLOWED, "rule_not_allowed", Saw::Nothing, scenes::not_a_rule("/accounts"))]
}

pub(in super::super) fn trailing_slash_differs() -> Vec<Row> {
    vec![played!("a final slash", NOT_ALLOWED, "trailing_slash_differs", Saw::Nothing, scenes::not_a_rule("/orders/"))]
}

pub(in super::super) fn too_many_requests() -> Vec<Row> {
    vec![played!(
        "one request too many",
        OVER_AT_GATE,
        "too_many_requests",
        Saw::Nothing,
        scenes::one_request_too_many()
    )]
}

pub(in super::super) fn too_many_tokens() -> Vec<Row> {
    vec![played!("one token too many", OVER_AT_DESK, "too_many_tokens", Saw::Nothing, scenes::one_token_too_many())]
}

pub(in super::super) fn too_many_failures() -> Vec<Row> {
    vec![
        played!(
            "one wrong password too many",
            OVER_AT_DESK,
            "too_many_failures",
            Saw::Nothing,
            scenes::one_failure_too_many(USERNAME)
        ),
        played!(
            "one unknown user too many",
            OVER_AT_DESK,
            "too_many_failures",
            Saw::Nothing,
            scenes::one_failure_too_many("nobody")
        ),
    ]
}

const NOT_ALLOWED: Refused = Refused::gate(403, "NOT_ALLOWED");
const OVER_AT_GATE: Refused = Refused::gate(429, "RATE_LIMITED").retry_after();
const OVER_AT_DESK: Refused = Refused::token(429, "RATE_LIMITED").retry_after();
