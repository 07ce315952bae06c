//! When a token is good: to the second, by a clock that the test sets.

use super::{KEY, NOW, Row, all_are_refused_alike, all_pass, signed, with};
use crate::kit::{
    Refused, Sidecar, Upstream, forge,
    sidecar::{PASSWORD, USERNAME},
};

// Checklist M41, M44: no leeway on exp.
#[tokio::test]
async fn a_token_is_good_to_the_last_second_of_its_life_and_not_one_longer() {
    let upstream = Upstream::recording().await;
    for (ttl, life) in [("300s", 300), ("30s", 30), ("24h", 86_400)] {
        let sidecar = Sidecar::guarding(&upstream).clock(NOW).var("TOKEN_TTL", ttl).start().await;
        let token = sidecar.token().await;
        for (after, good) in [
            (0, true),
            (1, true),
            (life - 1, true),
            (life, false),
            (life + 1, false),
            (life + 60, false),
            (life + 86_400 * 3650, false),
            (life - 1, true),
        ] {
            let row = format!("a token of {ttl} at second {after}");
            let before = upstream.seen();
            sidecar.set_clock(NOW + after);
            let response = sidecar.get_with(&token, "/orders").await;
            if good {
                assert_eq!((response.status(), upstream.seen()), (200, before + 1), "{row}");
            } else {
                Refused::BAD_TOKEN.check(&response, &row);
                assert_eq!(sidecar.page_of(&response).await["reason"], "token_expired", "{row}");
                assert_eq!(upstream.seen(), before, "{row}");
            }
        }
    }
}

// Checklist M44: replicas' clocks may differ by five seconds.
#[tokio::test]
async fn a_token_may_come_from_a_replica_whose_clock_is_five_seconds_ahead() {
    let upstream = Upstream::recording().await;
    let sidecar = Sidecar::guarding(&upstream).clock(NOW).start().await;
    let token = sidecar.token().await;
    for (behind, good) in [(0, true), (4, true), (5, true), (6, false), (7, false), (3600, false), (NOW, false)] {
        let row = format!("{behind} s behind");
        let before = upstream.seen();
        sidecar.set_clock(NOW - behind);
        let response = sidecar.get_with(&token, "/orders").await;
        if good {
            assert_eq!((response.status(), upstream.seen()), (200, before + 1), "{row}");
        } else {
            Refused::BAD_TOKEN.check(&response, &row);
            assert_eq!(sidecar.page_of(&response).await["reason"], "token_not_yet", "{row}");
            assert_eq!(upstream.seen(), before, "{row}");
        }
    }
}

// Checklist M41, M44.
#[tokio::test]
async fn times_that_we_would_not_have_written_are_refused_though_the_key_is_ours() {
    let upstream = Upstream::recording().await;
    let sidecar = Sidecar::guarding(&upstream).clock(NOW).start().await;
    let rows = times();
    all_are_refused_alike(&upstream, &sidecar, &rows).await;
    let good = [
        ("the ordinary one", between(NOW, NOW + 300)),
        ("iat 5 s ahead", between(NOW + 5, NOW + 305)),
        ("nbf now", signed(&with("nbf", &NOW.to_string()))),
        ("nbf 5 s ahead", signed(&with("nbf", &(NOW + 5).to_string()))),
        ("nbf in 1970", signed(&with("nbf", "0"))),
        ("its last second", between(NOW - 299, NOW + 1)),
        ("a life of one second", between(NOW, NOW + 1)),
    ];
    all_pass(&upstream, &sidecar, &good).await;
}

/// A token of ours with these times.
fn between(iat: u64, exp: u64) -> String {
    let mut claims = forge::claims(USERNAME, NOW);
    (claims["iat"], claims["exp"]) = (iat.into(), exp.into());
    forge::hs256(&claims, KEY)
}

/// Times that we would not have written, or not now. Source: RFC 7519, sections 4.1.4 to 4.1.6; contract, section 2.
pub(super) fn times() -> Vec<Row> {
    [
        ("expired this second", between(NOW - 300, NOW), "token_expired"),
        ("expired a second ago", between(NOW - 301, NOW - 1), "token_expired"),
        ("expired a minute ago", between(NOW - 360, NOW - 60), "token_expired"),
        ("expired in 1970", between(0, 300), "token_expired"),
        ("iat 6 s ahead", between(NOW + 6, NOW + 300), "token_not_yet"),
        ("iat a day ahead", between(NOW + 86_400, NOW + 86_700), "token_not_yet"),
        ("nbf 6 s ahead", signed(&with("nbf", &(NOW + 6).to_string())), "token_not_yet"),
        ("nbf at the end of time", signed(&with("nbf", "18446744073709551615")), "token_not_yet"),
        ("a second longer than TOKEN_TTL", between(NOW, NOW + 301), "token_too_long_lived"),
        ("a year", between(NOW, NOW + 86_400 * 365), "token_too_long_lived"),
        ("for ever", between(NOW, u64::MAX), "token_too_long_lived"),
        ("an old one for ever", between(0, NOW + 300), "token_too_long_lived"),
        ("exp at iat", between(NOW, NOW), "token_claims"),
        ("exp before iat", between(NOW + 5, NOW + 4), "token_claims"),
        ("iat at the end of time", between(u64::MAX, u64::MAX), "token_claims"),
    ]
    .into()
}

#[tokio::test]
async fn a_token_of_a_longer_life_is_refused_where_the_life_is_short() {
    let upstream = Upstream::recording().await;
    let long = Sidecar::guarding(&upstream).clock(NOW).var("TOKEN_TTL", "301s").start().await;
    let short = Sidecar::guarding(&upstream).clock(NOW).start().await;
    let refused = short.get_with(&long.token().await, "/").await;
    Refused::BAD_TOKEN.check(&refused, "301 s where 300 s are allowed");
    assert_eq!(short.page_of(&refused).await["reason"], "token_too_long_lived");
    assert_eq!(upstream.seen(), 0);
    assert_eq!(long.get_with(&short.token().await, "/").await.status(), 200);
    assert_eq!(upstream.seen(), 1);
}

/// The caller learns nothing from which of the two it was; the operator does.
#[tokio::test]
async fn expired_and_forged_look_alike_outside_and_differ_in_the_log() {
    let upstream = Upstream::recording().await;
    let sidecar = Sidecar::guarding(&upstream).clock(NOW).start().await;
    let expired = sidecar.token().await;
    let forged = forge::hs256(&forge::claims(USERNAME, NOW + 300), b"a key that is not the sidecar's 0001");
    sidecar.set_clock(NOW + 300);
    let (expired, forged) = (sidecar.get_with(&expired, "/a").await, sidecar.get_with(&forged, "/a").await);
    assert_eq!(expired.telltale(), forged.telltale());
    assert_eq!(sidecar.page_of(&expired).await["reason"], "token_expired");
    assert_eq!(sidecar.page_of(&forged).await["reason"], "token_signature");
    assert_eq!(upstream.seen(), 0);
}

#[tokio::test]
async fn a_client_that_is_no_longer_configured_is_refused_though_its_token_has_not_expired() {
    let upstream = Upstream::recording().await;
    let before = Sidecar::guarding(&upstream).clock(NOW).start().await;
    let after = Sidecar::guarding(&upstream).clock(NOW).var("CLIENT_USERNAME", "another-client").start().await;
    let token = before.token().await;
    let rows = [
        ("a client that is gone", token.clone(), "client_gone"),
        ("a client in capitals", signed(&with("sub", r#""Another-Client""#)), "client_gone"),
        ("a client and a space", signed(&with("sub", r#""another-client ""#)), "client_gone"),
        ("a name too long for one", signed(&with("sub", &format!("\"{}\"", "n".repeat(4000)))), "client_gone"),
        ("another key", forge::hs256(&forge::claims("another-client", NOW), b"some other key"), "token_signature"),
    ];
    all_are_refused_alike(&upstream, &after, &rows).await;
    assert_eq!(before.get_with(&token, "/").await.status(), 200, "where the client still is");
    assert_eq!(after.ask_token("another-client", PASSWORD).await.status(), 200);
    assert_eq!(upstream.seen(), 1);
}
