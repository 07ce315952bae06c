use std::time::Duration;

use http::header::CONTENT_TYPE;

use super::*;

fn answer(status: u16, kind: &str, body: &str, ending: Ending) -> Answer {
    let headers = HeaderMap::from_iter([(CONTENT_TYPE, kind.parse().expect("the row has a header"))]);
    let status = StatusCode::from_u16(status).expect("the row has a status");
    Answer { status, headers, body: body.to_owned().into(), ending, took: Duration::ZERO }
}

fn read(answer: &Answer) -> Result<String, Option<TokenWant>> {
    match judge_token(answer) {
        TokenStep::Token(token) => Ok(token.expose().clone()),
        TokenStep::Null => Err(None),
        TokenStep::Nothing(want) => Err(Some(want)),
    }
}

#[test]
fn a_token_answer_is_read_as_the_networks_json_library_reads_it() {
    let bad = |want| Err(Some(want));
    for (body, expected) in [
        (r#"{"access_token":"a.b.c","token_type":"Bearer","expires_in":300}"#, Ok("a.b.c".to_owned())),
        (r#"{"access_token":"a","expires_in":"300"}"#, Ok("a".to_owned())),
        (r#"{"access_token":"a","expires_in":300.5}"#, Ok("a".to_owned())),
        (r#"{"access_token":"a","expires_in":null}"#, Ok("a".to_owned())),
        (r#"{"access_token":"a"}"#, Ok("a".to_owned())),
        (r#"{"access_token":7}"#, Ok("7".to_owned())),
        (r#"{"accessToken":"a","expires_in":300}"#, Err(None)),
        (r#"{"access_token":null}"#, Err(None)),
        (r#"{"access_token":{}}"#, bad(TokenWant::TokenType)),
        (r#"{"access_token":""}"#, bad(TokenWant::Unsendable)),
        (r#"{"access_token":"a b"}"#, bad(TokenWant::Unsendable)),
        (r#"{"access_token":"a","expires_in":"59s"}"#, bad(TokenWant::ExpiresIn)),
        (r#"{"access_token":"a","expires_in":2147483648}"#, bad(TokenWant::ExpiresIn)),
        (r#"{"access_token":"a","expires_in":true}"#, bad(TokenWant::ExpiresIn)),
        (r#"["a"]"#, bad(TokenWant::NotAnObject)),
        ("", bad(TokenWant::NotAnObject)),
    ] {
        assert_eq!(read(&answer(200, "application/json", body, Ending::Whole)), expected, "{body}");
    }
    let good = r#"{"access_token":"a","expires_in":300}"#;
    for (status, kind, ending, want) in [
        (401, "application/json", Ending::Whole, TokenWant::Status(StatusCode::UNAUTHORIZED)),
        (302, "application/json", Ending::Whole, TokenWant::Status(StatusCode::FOUND)),
        (200, "text/plain", Ending::Whole, TokenWant::ContentType),
        (200, "application/json", Ending::BrokenOff, TokenWant::BrokenOff),
    ] {
        assert_eq!(read(&answer(status, kind, good, ending)), bad(want), "{status} {kind} {ending:?}");
    }
}

#[test]
fn a_delivery_is_done_only_with_a_reference() {
    let documented = r#"{"error":false,"errorReason":"000","toastMessage":"","object":{"reftransactionid":"R1"}}"#;
    let json = "application/json";
    let status = |code| Ground::Status(StatusCode::from_u16(code).expect("the row has a status"));
    for (code, kind, body, ground, verdict) in [
        (200, json, documented, Ground::Documented, Verdict::Done),
        (200, "application/json;charset=UTF-8", documented, Ground::Documented, Verdict::Done),
        (200, "text/plain", documented, Ground::NotJson, Verdict::Retried),
        (200, json, "", Ground::Empty, Verdict::Retried),
        (200, json, "ok", Ground::NotJson, Verdict::Retried),
        (200, json, r#"{"object":null}"#, Ground::ObjectNull, Verdict::Retried),
        (200, json, "{}", Ground::ObjectNull, Verdict::Retried),
        (200, json, r#"{"object":{}}"#, Ground::NoReference, Verdict::Retried),
        (200, json, r#"{"object":"done"}"#, Ground::NoReference, Verdict::Retried),
        (400, json, documented, status(400), Verdict::Final),
        (307, json, documented, status(307), Verdict::Final),
        (401, json, documented, status(401), Verdict::Retried),
        (503, json, documented, status(503), Verdict::Retried),
    ] {
        let judgement = answer(code, kind, body, Ending::Whole).as_delivery();
        assert_eq!(judgement, Judgement { verdict, ground }, "{code} {kind} {body}");
    }
    let cut = answer(200, json, documented, Ending::BrokenOff).as_delivery();
    assert_eq!(cut, Judgement { verdict: Verdict::Retried, ground: Ground::BrokenOff });
}
