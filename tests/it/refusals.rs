//! THE table of refusals: every way this program says no, how it is provoked from outside, and how it is then said.
//!
//! The left side of the table is a match over [`Refusal`] without a catch-all: a new variant does not compile until it has a row.

mod rows;
mod scenes;

use std::{collections::BTreeSet, num::NonZeroU64, pin::Pin};

use bearergate::{
    auth::{basic::BasicFault, bearer::BearerFault, token::TokenFault},
    refusal::{CertificateFault, Denied, Desk, Full503, Refusal, UpstreamFault, Waited},
    rules::{path::PathFault, rate::RetryAfter, target::TargetFault},
};

use self::scenes::Scene;
use crate::kit::{Refused, RequestText, Response, Sidecar, Upstream};

/// One way to be refused.
struct Row {
    /// What the caller did.
    what: &'static str,
    /// What it hears.
    said: Refused,
    /// What the log says.
    reason: &'static str,
    /// What the upstream saw of it.
    saw: Saw,
    /// How it is provoked.
    by: By,
}

/// What the upstream saw of a refused request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Saw {
    /// Not a byte.
    Nothing,
    /// Never a whole request: the connection was cut before its end.
    NothingWhole,
    /// The same, but by its own doing, so the log says that it may have acted.
    Part,
    /// The request, once: it may have acted on it, and the log says so.
    Once,
}

/// How a refusal is provoked.
enum By {
    /// With one request to the kit's sidecar, made of a good token.
    Request(fn(&str) -> Vec<u8>),
    /// With more than that.
    Scene(fn() -> Pin<Box<dyn Future<Output = Scene>>>),
    /// Not from outside, for this reason: so its answer is looked at directly.
    Nobody(Refusal, Desk, &'static str),
}

/// Any wait: which one it is does not change what is said.
const AFTER: RetryAfter = RetryAfter { seconds: NonZeroU64::MIN };

macro_rules! every_refusal {
    ($($variant:pat => $one:expr, $rows:expr;)+) => {
        /// Every variant of [`Refusal`]: its place, one refusal of that place, and its rows.
        fn table() -> Vec<(&'static str, Refusal, Vec<Row>)> {
            vec![$((stringify!($variant), $one, $rows)),+]
        }

        /// Where in the table a refusal stands. There is no arm for the rest: see the head of this file.
        fn place_of(refusal: &Refusal) -> &'static str {
            match refusal {
                $($variant => stringify!($variant)),+
            }
        }
    };
}

every_refusal! {
    Refusal::BadPath(
        PathFault::DotSegment
        | PathFault::Backslash
        | PathFault::EncodedSlash
        | PathFault::ControlCharacter
        | PathFault::DoubleEncoding
        | PathFault::NonAscii
        | PathFault::BadEncoding
        | PathFault::Overlong
        // These two are no target that reaches the rule.
        | PathFault::NotRooted
        | PathFault::QueryOrFragment
    ) => Refusal::BadPath(PathFault::DotSegment), rows::bad_path();
    Refusal::BadTarget(
        TargetFault::MissingHost
        | TargetFault::RepeatedHost
        | TargetFault::InvalidHost
        | TargetFault::DifferingHosts
        | TargetFault::ForeignScheme
        | TargetFault::AuthorityForm
        | TargetFault::Asterisk
        | TargetFault::UserInformation
        | TargetFault::NotAPath
    ) => Refusal::BadTarget(TargetFault::MissingHost), rows::bad_target();
    Refusal::TooManyFields => Refusal::TooManyFields, rows::too_many_fields();
    Refusal::PaddedField => Refusal::PaddedField, rows::padded_field();
    Refusal::MethodNotServed => Refusal::MethodNotServed, rows::method_not_served();
    Refusal::NoBearer(BearerFault::Absent) => Refusal::NoBearer(BearerFault::Absent), rows::bearer_absent();
    Refusal::NoBearer(BearerFault::Repeated) => Refusal::NoBearer(BearerFault::Repeated), rows::bearer_repeated();
    Refusal::NoBearer(BearerFault::NotBearer) => Refusal::NoBearer(BearerFault::NotBearer), rows::not_bearer();
    Refusal::BadToken(TokenFault::Malformed) => Refusal::BadToken(TokenFault::Malformed), rows::token_malformed();
    Refusal::BadToken(TokenFault::TooLong) => Refusal::BadToken(TokenFault::TooLong), rows::token_too_long();
    Refusal::BadToken(TokenFault::Header) => Refusal::BadToken(TokenFault::Header), rows::token_header();
    Refusal::BadToken(TokenFault::UnknownKey) => Refusal::BadToken(TokenFault::UnknownKey), rows::token_unknown_key();
    Refusal::BadToken(TokenFault::WrongAlgorithm) => Refusal::BadToken(TokenFault::WrongAlgorithm), rows::token_wrong_algorithm();
    Refusal::BadToken(TokenFault::Signature) => Refusal::BadToken(TokenFault::Signature), rows::token_signature();
    Refusal::BadToken(TokenFault::Claims) => Refusal::BadToken(TokenFault::Claims), rows::token_claims();
    Refusal::BadToken(TokenFault::Expired { .. }) => Refusal::BadToken(TokenFault::Expired { ago_s: 1 }), rows::token_expired();
    Refusal::BadToken(TokenFault::NotYet) => Refusal::BadToken(TokenFault::NotYet), rows::token_not_yet();
    Refusal::BadToken(TokenFault::TooLongLived) => Refusal::BadToken(TokenFault::TooLongLived), rows::token_too_long_lived();
    Refusal::BadToken(TokenFault::Issuer) => Refusal::BadToken(TokenFault::Issuer), rows::token_issuer();
    Refusal::BadToken(TokenFault::Audience) => Refusal::BadToken(TokenFault::Audience), rows::token_audience();
    Refusal::ClientGone => Refusal::ClientGone, rows::client_gone();
    Refusal::NotAllowed(Denied::OutsideBasePath) => Refusal::NotAllowed(Denied::OutsideBasePath), rows::outside_base_path();
    Refusal::NotAllowed(Denied::Address) => Refusal::NotAllowed(Denied::Address), rows::address_not_allowed();
    Refusal::NotAllowed(Denied::ClientAddress) => Refusal::NotAllowed(Denied::ClientAddress), rows::client_address_not_allowed();
    Refusal::NotAllowed(Denied::Rule) => Refusal::NotAllowed(Denied::Rule), rows::rule_not_allowed();
    Refusal::NotAllowed(Denied::TrailingSlash) => Refusal::NotAllowed(Denied::TrailingSlash), rows::trailing_slash_differs();
    Refusal::TooManyRequests(_) => Refusal::TooManyRequests(AFTER), rows::too_many_requests();
    Refusal::TooManyTokens(_) => Refusal::TooManyTokens(AFTER), rows::too_many_tokens();
    Refusal::TooManyFailures(_) => Refusal::TooManyFailures(AFTER), rows::too_many_failures();
    Refusal::NoBasic(BasicFault::Absent) => Refusal::NoBasic(BasicFault::Absent), rows::basic_absent();
    Refusal::NoBasic(
        BasicFault::Repeated
        | BasicFault::NotBasic
        | BasicFault::TooLong
        | BasicFault::NotBase64
        | BasicFault::NotUtf8
        | BasicFault::NoColon
        | BasicFault::ControlCharacter
    ) => Refusal::NoBasic(BasicFault::NotBasic), rows::basic_malformed();
    Refusal::WrongCredentials => Refusal::WrongCredentials, rows::wrong_credentials();
    Refusal::NotPost => Refusal::NotPost, rows::not_post();
    Refusal::BodyTooLarge => Refusal::BodyTooLarge, rows::body_too_large();
    Refusal::BodyTimeout => Refusal::BodyTimeout, rows::body_timeout();
    Refusal::BodyBroken => Refusal::BodyBroken, rows::body_broken();
    Refusal::Overloaded(Full503::Connections) => Refusal::Overloaded(Full503::Connections), rows::connections_full();
    Refusal::Overloaded(Full503::Hashing) => Refusal::Overloaded(Full503::Hashing), rows::hashing_full();
    Refusal::Overloaded(Full503::Signing) => Refusal::Overloaded(Full503::Signing), rows::signing_failed();
    Refusal::UpstreamUnreachable(UpstreamFault::Unresolved) => Refusal::UpstreamUnreachable(UpstreamFault::Unresolved), rows::upstream_unresolved();
    Refusal::UpstreamUnreachable(UpstreamFault::PublicAddress) => Refusal::UpstreamUnreachable(UpstreamFault::PublicAddress), rows::upstream_public_address();
    Refusal::UpstreamUnreachable(UpstreamFault::Refused) => Refusal::UpstreamUnreachable(UpstreamFault::Refused), rows::upstream_refused();
    Refusal::UpstreamUnreachable(UpstreamFault::ConnectTimeout) => Refusal::UpstreamUnreachable(UpstreamFault::ConnectTimeout), rows::upstream_connect_timeout();
    Refusal::UpstreamUnreachable(UpstreamFault::Certificate(CertificateFault::UnknownIssuer)) => Refusal::UpstreamUnreachable(UpstreamFault::Certificate(CertificateFault::UnknownIssuer)), rows::certificates::unknown_issuer();
    Refusal::UpstreamUnreachable(UpstreamFault::Certificate(CertificateFault::WrongName)) => Refusal::UpstreamUnreachable(UpstreamFault::Certificate(CertificateFault::WrongName)), rows::certificates::wrong_name();
    Refusal::UpstreamUnreachable(UpstreamFault::Certificate(CertificateFault::Expired)) => Refusal::UpstreamUnreachable(UpstreamFault::Certificate(CertificateFault::Expired)), rows::certificates::expired();
    Refusal::UpstreamUnreachable(UpstreamFault::Certificate(CertificateFault::NotYetValid)) => Refusal::UpstreamUnreachable(UpstreamFault::Certificate(CertificateFault::NotYetValid)), rows::certificates::not_yet_valid();
    Refusal::UpstreamUnreachable(UpstreamFault::Certificate(CertificateFault::Unusable)) => Refusal::UpstreamUnreachable(UpstreamFault::Certificate(CertificateFault::Unusable)), rows::certificates::unusable();
    Refusal::UpstreamUnreachable(UpstreamFault::Tls) => Refusal::UpstreamUnreachable(UpstreamFault::Tls), rows::certificates::tls_failed();
    Refusal::UpstreamUnreachable(UpstreamFault::ClosedUnsent) => Refusal::UpstreamUnreachable(UpstreamFault::ClosedUnsent), rows::upstream_closed_unsent();
    Refusal::UpstreamUnreachable(UpstreamFault::Broken) => Refusal::UpstreamUnreachable(UpstreamFault::Broken), rows::upstream_broken();
    Refusal::UpstreamUnreachable(UpstreamFault::Nonsense) => Refusal::UpstreamUnreachable(UpstreamFault::Nonsense), rows::upstream_nonsense();
    Refusal::UpstreamTimeout(Waited::ToRead) => Refusal::UpstreamTimeout(Waited::ToRead), rows::upstream_stopped_reading();
    Refusal::UpstreamTimeout(Waited::ToAnswer) => Refusal::UpstreamTimeout(Waited::ToAnswer), rows::upstream_timeout();
}

#[test]
fn every_refusal_stands_in_the_table_once() {
    let table = table();
    let mut reasons = BTreeSet::new();
    for (place, refusal, rows) in &table {
        assert_eq!(place_of(refusal), *place);
        assert!(!rows.is_empty(), "{place} has no row");
        for row in rows {
            assert_eq!(row.reason, refusal.reason(), "{place}: {}", row.what);
        }
        assert!(reasons.insert(refusal.reason()), "{place} cannot be told from another in the log");
    }
    assert_eq!(reasons.len(), table.len());
}

#[tokio::test]
async fn every_refusal_is_said_as_the_contract_says_and_the_upstream_is_spared() {
    for (place, _, rows) in table() {
        for row in rows {
            let shown = format!("{place}: {}", row.what);
            match row.by {
                By::Request(request) => judge(&shown, &row, scenes::asked(request).await).await,
                By::Scene(scene) => judge(&shown, &row, scene().await).await,
                By::Nobody(refusal, desk, why) => {
                    let answer = Response::of(refusal.answer(desk)).await;
                    row.said.check(&answer, &format!("{shown}, because {why}"));
                }
            }
        }
    }
}

/// Holds what a scene came to against its row.
async fn judge(shown: &str, row: &Row, scene: Scene) {
    let Scene { upstream, sidecar, before, response } = scene;
    row.said.check(&response, shown);
    let page = sidecar.page_of(&response).await;
    assert_eq!((&page["outcome"], &page["reason"]), (&"refused".into(), &row.reason.into()), "{shown}: {page}");
    assert_eq!(page["status"], response.status(), "{shown}: {page}");
    let may_have_acted = matches!(row.saw, Saw::Part | Saw::Once);
    assert_eq!(page["upstream_may_have_done_it"] == true, may_have_acted, "{shown}: {page}");
    let Some(upstream) = upstream else { return };
    let saw = || upstream.requests().split_off(before);
    match row.saw {
        Saw::Nothing => assert_eq!(upstream.seen(), before, "{shown}"),
        Saw::NothingWhole | Saw::Part => {
            upstream.wait_idle().await;
            assert!(saw().iter().all(|seen| !seen.complete()), "{shown}: {:?}", saw());
        }
        Saw::Once => assert_eq!(saw().len(), 1, "{shown}: {:?}", saw()),
    }
}

/// Answered by hyper, before there is a request to refuse. Contract, section 3: no body.
#[tokio::test]
async fn what_is_refused_while_parsing_has_no_body_and_never_reaches_the_upstream() {
    let upstream = Upstream::recording().await;
    let sidecar = Sidecar::guarding(&upstream).start().await;
    let token = sidecar.token().await;
    let get = |target: &str| RequestText::new("GET", target).bearer(&token);
    let fields = (0..101).fold(get("/"), |request, at| request.header(&format!("X-{at}"), "y"));
    for (what, request, status) in [
        ("no HTTP", b"nonsense\r\n\r\n".to_vec(), 400),
        ("a space in a name", get("/").header("X Y", "z").bytes(), 400),
        ("two lengths", get("/").header("Content-Length", "1").header("Content-Length", "2").bytes(), 400),
        ("a length that is none", get("/").header("Content-Length", "-1").bytes(), 400),
        ("101 fields", fields.bytes(), 431),
        ("a head over the limit", get("/").header("X", &"y".repeat(40 << 10)).bytes(), 431),
        ("a target over the limit", get(&format!("/{}", "y".repeat(66_000))).bytes(), 431),
    ] {
        let response = sidecar.exchange(request).await;
        assert_eq!((response.status(), response.text().as_str()), (status, ""), "{what}: {response:?}");
        assert_eq!(upstream.seen(), 0, "{what}");
    }
}
