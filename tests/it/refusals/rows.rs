//! The rows of the table: for each variant of `Refusal`, how callers and upstreams bring it about.

use bearergate::refusal::{Desk, Full503, Refusal, UpstreamFault};

use super::{
    By, Row, Saw,
    scenes::{self, NOW},
};
use crate::kit::{
    Answer, Refused, RequestText, forge,
    sidecar::{PASSWORD, TOKEN_KEY, USERNAME},
    text,
};

/// A row that a scene provokes.
macro_rules! played {
    ($what:expr, $said:expr, $reason:expr, $saw:expr, $scene:expr $(,)?) => {
        Row { what: $what, said: $said, reason: $reason, saw: $saw, by: By::Scene(|| Box::pin($scene)) }
    };
}

pub(super) mod certificates;
mod policy;

pub(super) use policy::{
    address_not_allowed, client_address_not_allowed, rule_not_allowed, too_many_failures, too_many_requests,
    too_many_tokens, trailing_slash_differs,
};

pub(super) fn bad_path() -> Vec<Row> {
    vec![
        path_row("/a/../b", |token| get("/a/../b", token)),
        path_row("/a/..;x/b", |token| get("/a/..;x/b", token)),
        path_row("/a\\b", |token| get("/a\\b", token)),
        path_row("/a%2Fb", |token| get("/a%2Fb", token)),
        path_row("/a%00b", |token| get("/a%00b", token)),
        path_row("/a%252eb", |token| get("/a%252eb", token)),
        path_row("/é", |token| get("/é", token)),
        path_row("/a%zz", |token| get("/a%zz", token)),
        path_row("/a%c0%af", |token| get("/a%c0%af", token)),
        path_row("/a/../b without a token", |_| RequestText::new("GET", "/a/../b").bytes()),
    ]
}

pub(super) fn bad_target() -> Vec<Row> {
    vec![
        target_row("no Host", |token| RequestText::new("GET", "/").bearer(token).without_host().bytes()),
        target_row("an empty Host", |token| RequestText::new("GET", "/").bearer(token).host("").bytes()),
        target_row("two Hosts", |token| RequestText::new("GET", "/").bearer(token).header("Host", "localhost").bytes()),
        target_row("a Host that is none", |token| RequestText::new("GET", "/").bearer(token).host("a b").bytes()),
        target_row("a user in Host", |token| RequestText::new("GET", "/").bearer(token).host("u@localhost").bytes()),
        target_row("a user in the target", |token| get("http://u:p@localhost/", token)),
        target_row("a foreign scheme", |token| get("ftp://localhost/", token)),
        target_row("a host alone", |token| get("localhost:80", token)),
        target_row("an asterisk", |token| RequestText::new("OPTIONS", "*").bearer(token).bytes()),
        played!(
            "two hosts over HTTP/2",
            Refused::gate(400, "BAD_REQUEST"),
            "bad_target",
            Saw::Nothing,
            scenes::differing_hosts()
        ),
    ]
}

pub(super) fn too_many_fields() -> Vec<Row> {
    vec![played!(
        "101 fields over HTTP/2",
        Refused::gate(431, "BAD_REQUEST"),
        "too_many_fields",
        Saw::Nothing,
        scenes::too_many_fields()
    )]
}

pub(super) fn padded_field() -> Vec<Row> {
    vec![played!(
        "a blank before a value over HTTP/2",
        Refused::gate(400, "BAD_REQUEST"),
        "padded_field",
        Saw::Nothing,
        scenes::padded_field()
    )]
}

pub(super) fn method_not_served() -> Vec<Row> {
    vec![
        asked("TRACE", NOT_SERVED, "method_not_served", |token| RequestText::new("TRACE", "/").bearer(token).bytes()),
        asked("CONNECT", NOT_SERVED, "method_not_served", |token| {
            RequestText::new("CONNECT", "localhost:80").bearer(token).bytes()
        }),
    ]
}

pub(super) fn bearer_absent() -> Vec<Row> {
    vec![bearer_row("no header", "bearer_absent", |_| RequestText::new("GET", "/").bytes())]
}

pub(super) fn bearer_repeated() -> Vec<Row> {
    vec![bearer_row("two headers", "bearer_repeated", |token| {
        RequestText::new("GET", "/").bearer(token).bearer(token).bytes()
    })]
}

pub(super) fn not_bearer() -> Vec<Row> {
    vec![bearer_row("Basic", "not_bearer", |_| RequestText::new("GET", "/").basic(USERNAME, PASSWORD).bytes())]
}

pub(super) fn token_malformed() -> Vec<Row> {
    vec![token_row("Bearer null", "token_malformed", |_| get("/", "null"))]
}

pub(super) fn token_too_long() -> Vec<Row> {
    vec![token_row("9 KiB", "token_too_long", |_| get("/", &"x".repeat(9 << 10)))]
}

pub(super) fn token_header() -> Vec<Row> {
    vec![token_row("crit", "token_header", |_| get_with(r#"{"alg":"HS256","typ":"JWT","crit":["exp"]}"#, |_| ()))]
}

pub(super) fn token_unknown_key() -> Vec<Row> {
    vec![token_row("kid", "token_unknown_key", |_| get_with(r#"{"alg":"HS256","typ":"JWT","kid":"1"}"#, |_| ()))]
}

pub(super) fn token_wrong_algorithm() -> Vec<Row> {
    vec![token_row("alg none", "token_wrong_algorithm", |_| get_with(r#"{"alg":"none","typ":"JWT"}"#, |_| ()))]
}

pub(super) fn token_signature() -> Vec<Row> {
    vec![token_row("forged", "token_signature", |_| get("/", &forge::hs256(&forge::claims(USERNAME, NOW), b"another")))]
}

pub(super) fn token_claims() -> Vec<Row> {
    vec![token_row("exp as text", "token_claims", |_| get_claiming("exp", (NOW + 300).to_string()))]
}

pub(super) fn token_expired() -> Vec<Row> {
    vec![token_row("expired", "token_expired", |_| {
        get("/", &forge::hs256(&forge::claims(USERNAME, NOW - 300), TOKEN_KEY.as_bytes()))
    })]
}

pub(super) fn token_not_yet() -> Vec<Row> {
    vec![token_row("from the future", "token_not_yet", |_| {
        get("/", &forge::hs256(&forge::claims(USERNAME, NOW + 6), TOKEN_KEY.as_bytes()))
    })]
}

pub(super) fn token_too_long_lived() -> Vec<Row> {
    vec![token_row("for 301 s", "token_too_long_lived", |_| get_claiming("exp", NOW + 301))]
}

pub(super) fn token_issuer() -> Vec<Row> {
    vec![token_row("of another issuer", "token_issuer", |_| get_claiming("iss", "another"))]
}

pub(super) fn token_audience() -> Vec<Row> {
    vec![token_row("for an audience", "token_audience", |_| get_claiming("aud", "partner"))]
}

pub(super) fn client_gone() -> Vec<Row> {
    vec![token_row("of another client", "client_gone", |_| get_claiming("sub", "another"))]
}

pub(super) fn outside_base_path() -> Vec<Row> {
    vec![
        played!(
            "outside the base path",
            Refused::gate(403, "NOT_ALLOWED"),
            "outside_base_path",
            Saw::Nothing,
            scenes::outside("/orders")
        ),
        played!(
            "beside the base path",
            Refused::gate(403, "NOT_ALLOWED"),
            "outside_base_path",
            Saw::Nothing,
            scenes::outside("/vqrx/orders")
        ),
    ]
}

pub(super) fn basic_absent() -> Vec<Row> {
    vec![asked("no header", Refused::NO_BASIC, "basic_absent", |_| {
        RequestText::new("POST", "/api/token_generate").bytes()
    })]
}

pub(super) fn basic_malformed() -> Vec<Row> {
    vec![
        asked("two headers", Refused::NO_BASIC, "basic_malformed", |_| {
            let basic = text::basic(USERNAME, PASSWORD);
            RequestText::new("POST", "/api/token_generate")
                .header("Authorization", &basic)
                .header("authorization", &basic)
                .bytes()
        }),
        asked("Bearer", Refused::NO_BASIC, "basic_malformed", |token| login(&format!("Bearer {token}"))),
        asked("over 1 KiB", Refused::NO_BASIC, "basic_malformed", |_| login_with(&[b':'; 1025])),
        asked("not Base64", Refused::NO_BASIC, "basic_malformed", |_| login("Basic user:password")),
        asked("not UTF-8", Refused::NO_BASIC, "basic_malformed", |_| login_with(b"user:\xff")),
        asked("no colon", Refused::NO_BASIC, "basic_malformed", |_| login_with(b"user")),
        asked("a control character", Refused::NO_BASIC, "basic_malformed", |_| login_with(b"user:pass\nword")),
    ]
}

pub(super) fn wrong_credentials() -> Vec<Row> {
    vec![
        asked("a wrong password", Refused::WRONG_CREDENTIALS, "wrong_credentials", |_| {
            login(&text::basic(USERNAME, "wrong"))
        }),
        asked("an unknown user", Refused::WRONG_CREDENTIALS, "wrong_credentials", |_| {
            login(&text::basic("nobody", PASSWORD))
        }),
    ]
}

pub(super) fn not_post() -> Vec<Row> {
    vec![asked("GET", Refused::NOT_POST, "not_post", |_| RequestText::new("GET", "/api/token_generate").bytes())]
}

pub(super) fn body_too_large() -> Vec<Row> {
    vec![
        played!(
            "a declared body",
            Refused::gate(413, "BODY_TOO_LARGE"),
            "body_too_large",
            Saw::Nothing,
            scenes::too_large_declared()
        ),
        played!(
            "an undeclared body",
            Refused::gate(413, "BODY_TOO_LARGE"),
            "body_too_large",
            Saw::NothingWhole,
            scenes::too_large_undeclared()
        ),
        asked("a body of a token call", Refused::token(413, "BODY_TOO_LARGE"), "body_too_large", |_| {
            RequestText::new("POST", "/api/token_generate")
                .basic(USERNAME, PASSWORD)
                .body(vec![b'x'; (64 << 10) + 1])
                .bytes()
        }),
    ]
}

pub(super) fn body_timeout() -> Vec<Row> {
    vec![
        played!(
            "half a body",
            Refused::gate(408, "BODY_TIMEOUT"),
            "body_timeout",
            Saw::NothingWhole,
            scenes::stalled("/orders")
        ),
        played!(
            "half a body of a token call",
            Refused::token(408, "BODY_TIMEOUT"),
            "body_timeout",
            Saw::Nothing,
            scenes::stalled("/api/token_generate")
        ),
    ]
}

pub(super) fn body_broken() -> Vec<Row> {
    vec![
        played!(
            "a malformed chunk",
            Refused::gate(400, "BAD_REQUEST"),
            "body_broken",
            Saw::NothingWhole,
            scenes::broken_body("/orders")
        ),
        played!(
            "a malformed chunk of a token call",
            Refused::token(400, "BAD_REQUEST"),
            "body_broken",
            Saw::Nothing,
            scenes::broken_body("/api/token_generate")
        ),
    ]
}

pub(super) fn connections_full() -> Vec<Row> {
    vec![
        played!(
            "one connection too many",
            Refused::gate(503, "OVERLOADED").retry_after(),
            "connections_full",
            Saw::Nothing,
            scenes::full("/orders")
        ),
        played!(
            "one too many, for a token",
            Refused::token(503, "OVERLOADED").retry_after(),
            "connections_full",
            Saw::Nothing,
            scenes::full("/api/token_generate")
        ),
    ]
}

pub(super) fn hashing_full() -> Vec<Row> {
    vec![played!(
        "too many chosen passwords",
        Refused::token(503, "OVERLOADED").retry_after(),
        "hashing_full",
        Saw::Nothing,
        scenes::hashing_full()
    )]
}

pub(super) fn signing_failed() -> Vec<Row> {
    vec![never(
        "a key that signed at start does not fail later",
        Refused::token(503, "OVERLOADED").retry_after(),
        "signing_failed",
        Refusal::Overloaded(Full503::Signing),
        Desk::Token,
    )]
}

pub(super) fn upstream_unresolved() -> Vec<Row> {
    vec![played!(
        "a name without address",
        UNREACHABLE,
        "upstream_unresolved",
        Saw::Nothing,
        scenes::before("http://a-label-of-more-than-63-letters-is-a-name-that-no-resolver-asks-for:80")
    )]
}

pub(super) fn upstream_public_address() -> Vec<Row> {
    vec![
        // What every resolver of C takes for 8.8.8.8, and what is a name to us.
        played!(
            "a name with a public address",
            UNREACHABLE,
            "upstream_public_address",
            Saw::Nothing,
            scenes::before("http://134744072:80")
        ),
    ]
}

pub(super) fn upstream_refused() -> Vec<Row> {
    vec![played!("nobody listens", UNREACHABLE, "upstream_refused", Saw::Nothing, scenes::nobody_listens())]
}

pub(super) fn upstream_connect_timeout() -> Vec<Row> {
    vec![played!("nobody accepts", UNREACHABLE, "upstream_connect_timeout", Saw::Nothing, scenes::nobody_accepts())]
}

pub(super) fn upstream_closed_unsent() -> Vec<Row> {
    vec![never(
        "four new connections would each have to close at the right moment",
        UNREACHABLE,
        "upstream_closed_unsent",
        Refusal::UpstreamUnreachable(UpstreamFault::ClosedUnsent),
        Desk::Gate,
    )]
}

pub(super) fn upstream_broken() -> Vec<Row> {
    vec![
        played!("an upstream that closes", UNREACHABLE, "upstream_broken", Saw::Once, scenes::answered(Answer::close)),
        played!("an upstream that resets", UNREACHABLE, "upstream_broken", Saw::Once, scenes::answered(Answer::reset)),
    ]
}

pub(super) fn upstream_nonsense() -> Vec<Row> {
    vec![
        played!(
            "an upstream that talks nonsense",
            UNREACHABLE,
            "upstream_nonsense",
            Saw::Once,
            scenes::answered(|| Answer::raw("220 mail.example ESMTP\r\n\r\n"))
        ),
        played!(
            "an upstream that switches unasked",
            UNREACHABLE,
            "upstream_nonsense",
            Saw::Once,
            scenes::answered(|| Answer::upgrade("websocket"))
        ),
    ]
}

pub(super) fn upstream_stopped_reading() -> Vec<Row> {
    vec![played!(
        "an upstream that stops reading",
        TIMEOUT,
        "upstream_stopped_reading",
        Saw::Part,
        scenes::stopped_reading()
    )]
}

pub(super) fn upstream_timeout() -> Vec<Row> {
    vec![played!("an upstream that hangs", TIMEOUT, "upstream_timeout", Saw::Once, scenes::answered(Answer::hang))]
}

/// A row that one request provokes, of which the upstream sees nothing.
fn asked(what: &'static str, said: Refused, reason: &'static str, request: fn(&str) -> Vec<u8>) -> Row {
    Row { what, said, reason, saw: Saw::Nothing, by: By::Request(request) }
}

/// A row that cannot be provoked from outside, with the reason why.
fn never(why: &'static str, said: Refused, reason: &'static str, refusal: Refusal, desk: Desk) -> Row {
    Row { what: "what nobody can provoke", said, reason, saw: Saw::Nothing, by: By::Nobody(refusal, desk, why) }
}

fn path_row(target: &'static str, request: fn(&str) -> Vec<u8>) -> Row {
    asked(target, Refused::gate(400, "BAD_PATH"), "bad_path", request)
}

fn target_row(what: &'static str, request: fn(&str) -> Vec<u8>) -> Row {
    asked(what, Refused::gate(400, "BAD_REQUEST"), "bad_target", request)
}

fn bearer_row(what: &'static str, reason: &'static str, request: fn(&str) -> Vec<u8>) -> Row {
    asked(what, Refused::NO_BEARER, reason, request)
}

fn token_row(what: &'static str, reason: &'static str, request: fn(&str) -> Vec<u8>) -> Row {
    asked(what, Refused::BAD_TOKEN, reason, request)
}

/// `GET` of this target with this token.
fn get(target: &str, token: &str) -> Vec<u8> {
    RequestText::new("GET", target).bearer(token).bytes()
}

/// `GET` with a token of these claims under this header, signed with the sidecar's own key.
fn get_with(header: &str, change: impl FnOnce(&mut serde_json::Value)) -> Vec<u8> {
    let mut claims = forge::claims(USERNAME, NOW);
    change(&mut claims);
    get("/", &forge::token(header, &claims.to_string(), TOKEN_KEY.as_bytes()))
}

/// `GET` with a good token that has this claim.
fn get_claiming(name: &str, value: impl Into<serde_json::Value>) -> Vec<u8> {
    get_with(forge::HS256, |claims| claims[name] = value.into())
}

/// `POST` to the token endpoint with this `Authorization`.
fn login(authorization: &str) -> Vec<u8> {
    RequestText::new("POST", "/api/token_generate").header("Authorization", authorization).json("{}").bytes()
}

fn login_with(plain: &[u8]) -> Vec<u8> {
    use base64::{Engine, engine::general_purpose::STANDARD};
    login(&format!("Basic {}", STANDARD.encode(plain)))
}

const UNREACHABLE: Refused = Refused::gate(502, "UPSTREAM_UNREACHABLE");
const TIMEOUT: Refused = Refused::gate(504, "UPSTREAM_TIMEOUT");
const NOT_SERVED: Refused = Refused::gate(405, "BAD_REQUEST").allow("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
