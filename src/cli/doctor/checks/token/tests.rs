use super::*;
use crate::cli::doctor::finding::Mark;
use crate::cli::doctor::reply::heard;

const JSON: &[(&str, &str)] = &[("content-type", "application/json"), ("cache-control", "no-store")];
const GOOD: &str = r#"{"access_token":"aa.bb.cc","token_type":"Bearer","expires_in":300}"#;

/// The finding of one check about one answer.
fn of(check: Check, reply: &Reply) -> Finding {
    let found = judge(reply).into_iter().find(|finding| finding.check == check);
    found.unwrap_or_else(|| panic!("{check:?} is not judged"))
}

#[test]
fn each_field_of_a_token_answer_is_judged_by_itself() {
    let pass = judge(&heard(200, JSON, GOOD));
    assert!(pass.iter().all(|finding| finding.mark == Mark::Pass), "{pass:?}");
    for (check, body, mark, said) in [
        (Check::AccessToken, r#"{"accessToken":"a","expires_in":1}"#, Mark::Fail, "there is accessToken"),
        (Check::AccessToken, r#"{"token":"a"}"#, Mark::Fail, "there is token"),
        (Check::AccessToken, r#"{"data":{"access_token":"a"}}"#, Mark::Fail, "inside another member"),
        (Check::AccessToken, r#"{"status":"ok"}"#, Mark::Fail, "there is status"),
        (Check::AccessToken, r#"{"access_token":null}"#, Mark::Fail, "null"),
        (Check::AccessToken, r#"{"access_token":{}}"#, Mark::Fail, "an object"),
        (Check::AccessToken, r#"{"access_token":"Bearer a"}"#, Mark::Fail, "cannot stand in a header"),
        (Check::AccessToken, "<html>", Mark::Fail, "not a JSON object"),
        (Check::TokenType, r#"{"token_type":"bearer"}"#, Mark::Pass, "another letter case"),
        (Check::TokenType, r#"{"token_type":"JWT"}"#, Mark::Warn, "JWT"),
        (Check::TokenType, r#"{"tokenType":"Bearer"}"#, Mark::Warn, "tokenType"),
        (Check::TokenType, "{}", Mark::Warn, "missing"),
        (Check::ExpiresIn, r#"{"expires_in":"59s"}"#, Mark::Fail, r#"the text "59s""#),
        (Check::ExpiresIn, r#"{"expires_in":"300"}"#, Mark::Warn, "a text of digits"),
        (Check::ExpiresIn, r#"{"expires_in":1795420800000}"#, Mark::Fail, "does not fit 32 bits"),
        (Check::ExpiresIn, r#"{"expires_in":31536000}"#, Mark::Warn, "more than a day"),
        (Check::ExpiresIn, r#"{"expires_in":5}"#, Mark::Warn, "5 s"),
        (Check::ExpiresIn, r#"{"expires_in":0}"#, Mark::Warn, "0"),
        (Check::ExpiresIn, r#"{"expires_in":299.5}"#, Mark::Warn, "not whole"),
        (Check::ExpiresIn, r#"{"expires_in":true}"#, Mark::Fail, "a truth value"),
        (Check::ExpiresIn, r#"{"expiresIn":300}"#, Mark::Warn, "expiresIn"),
        (Check::ExpiresIn, "{}", Mark::Warn, "missing"),
    ] {
        let finding = of(check, &heard(200, JSON, body));
        assert_eq!(finding.mark, mark, "{body}: {finding:?}");
        assert!(finding.evidence.contains(said), "{body}: {finding:?}");
    }
    let large = format!(r#"{{"access_token":"{}"}}"#, "a".repeat(5000));
    assert_eq!(of(Check::TokenSize, &heard(200, JSON, &large)).mark, Mark::Warn);
}

#[test]
fn the_head_of_a_token_answer_is_judged_too() {
    for (check, status, headers, mark) in [
        (Check::TokenContentType, 200, &[("content-type", "text/plain")][..], Mark::Fail),
        (Check::TokenContentType, 200, &[], Mark::Fail),
        (Check::TokenCache, 200, &[("content-type", "application/json")], Mark::Warn),
        (Check::TokenStatus, 201, JSON, Mark::Pass),
        (Check::TokenStatus, 302, JSON, Mark::Fail),
        (Check::TokenStatus, 401, JSON, Mark::Fail),
        (Check::TokenStatus, 404, JSON, Mark::Fail),
        (Check::TokenStatus, 500, JSON, Mark::Fail),
        (Check::AccessToken, 401, JSON, Mark::Skipped),
    ] {
        assert_eq!(of(check, &heard(status, headers, GOOD)).mark, mark, "{check:?} {status} {headers:?}");
    }
    assert_eq!(of(Check::TokenStatus, &Reply::Silent("nothing".to_owned())).mark, Mark::Fail);
    assert_eq!(of(Check::TokenStatus, &Reply::Unsent("why")).mark, Mark::Skipped);
    assert_eq!(judge_http11(&Reply::Silent("nothing".to_owned())).mark, Mark::Fail);
    assert_eq!(judge_http11(&heard(401, &[], "")).mark, Mark::Pass);
}

#[test]
fn a_body_must_not_matter() {
    let good = || heard(200, JSON, GOOD);
    for (nothing, form, mark) in [
        (good(), good(), Mark::Pass),
        (heard(400, &[], ""), good(), Mark::Warn),
        (good(), heard(415, &[], ""), Mark::Warn),
        (Reply::Unsent("why"), Reply::Unsent("why"), Mark::Skipped),
    ] {
        assert_eq!(judge_bodies(&nothing, &form).mark, mark, "{nothing:?} {form:?}");
    }
}

#[test]
fn no_finding_repeats_a_token() {
    let body = r#"{"access_token":"s3cret","token_type":"s3cret","expires_in":"s3cret-s3cret-s3cret"}"#;
    for finding in judge(&heard(200, JSON, body)) {
        let repeats = finding.evidence.contains("s3cret") && finding.check == Check::AccessToken;
        assert!(!repeats, "{finding:?}");
    }
    assert_eq!(life_s(&heard(200, JSON, GOOD)), Some(300));
    assert!(token_of(&heard(200, JSON, GOOD)).is_some());
}
