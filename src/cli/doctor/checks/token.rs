//! The answer to a token call with the right password, field by field.

use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use serde_json::{Map, Value};

use crate::cli::doctor::check::Check;
use crate::cli::doctor::finding::Finding;
use crate::cli::doctor::forgery::Making;
use crate::cli::doctor::reply::{Reply, plain};
use crate::journal::verdict::is_json;
use crate::network::{Answer, TokenStep, judge_token};
use crate::secret::Secret;

/// The findings about one answer to the right password, from its status to its caching.
pub(in crate::cli::doctor) fn judge(reply: &Reply) -> Vec<Finding> {
    let mut findings = vec![status(reply)];
    let Some(answer) = reply.answer().filter(|answer| answer.status.is_success()) else {
        let rest = [
            Check::TokenContentType,
            Check::AccessToken,
            Check::TokenType,
            Check::ExpiresIn,
            Check::TokenSize,
            Check::TokenCache,
        ];
        findings.extend(rest.map(|check| Finding::skipped(check, "there is no token answer to look at")));
        return findings;
    };
    findings.push(content_type(answer));
    findings.extend(members(answer));
    findings.push(cache(answer));
    findings
}

/// Whether HTTP/1.1 is spoken: any answer of the token endpoint shows it.
pub(in crate::cli::doctor) fn judge_http11(reply: &Reply) -> Finding {
    let check = Check::Http11;
    match reply {
        Reply::Heard(_) => Finding::pass(check, "answered over HTTP/1.1, no protocol offered by ALPN"),
        Reply::Silent(why) => {
            Finding::fail(check, why, "serve HTTP/1.1 to callers that offer nothing by ALPN, and answer at once")
        }
        Reply::Unsent(why) => Finding::skipped(check, *why),
    }
}

fn status(reply: &Reply) -> Finding {
    let (check, evidence) = (Check::TokenStatus, reply.evidence());
    match reply {
        Reply::Unsent(why) => Finding::skipped(check, *why),
        Reply::Silent(_) => Finding::fail(check, evidence, "see that the token path answers, and within a second"),
        Reply::Heard(answer) => match answer.status.as_u16() {
            200..=299 => Finding::pass(check, evidence),
            300..=399 => Finding::fail(
                check,
                evidence,
                "answer the path itself: the network follows no redirect, so its POST is dropped here",
            ),
            401 | 403 => Finding::fail(
                check,
                evidence,
                "compare user name and password with what was registered; a password may hold colons, and only the first divides",
            ),
            404 | 405 => Finding::fail(
                check,
                evidence,
                "compare the path, or give --base-path and --token-path; it must take POST",
            ),
            415 | 400 | 422 => Finding::fail(
                check,
                evidence,
                "take the body {} and ask for nothing in it: the credentials are in the header",
            ),
            429 => {
                Finding::fail(check, evidence, "raise the limit: the network asks for a token before every delivery")
            }
            _ => Finding::fail(check, evidence, "see the endpoint's log for the reason"),
        },
    }
}

fn content_type(answer: &Answer) -> Finding {
    let check = Check::TokenContentType;
    let said = answer.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("no content type");
    let said = plain(said, 60);
    if is_json(&answer.headers) {
        Finding::pass(check, said)
    } else {
        Finding::fail(check, said, "say Content-Type: application/json")
    }
}

fn members(answer: &Answer) -> Vec<Finding> {
    let read: Option<Map<String, Value>> = serde_json::from_slice(&answer.body).ok();
    let Some(members) = read else {
        let evidence = format!("{} bytes that are not a JSON object", answer.body.len());
        let mend = r#"answer {"access_token":"...","token_type":"Bearer","expires_in":300} and nothing around it"#;
        let mut findings = vec![Finding::fail(Check::AccessToken, evidence, mend)];
        findings.extend(
            [Check::TokenType, Check::ExpiresIn, Check::TokenSize]
                .map(|check| Finding::skipped(check, "the answer is not JSON")),
        );
        return findings;
    };
    vec![access_token(&members), token_type(&members), expires_in(&members), size(&members)]
}

fn access_token(members: &Map<String, Value>) -> Finding {
    let check = Check::AccessToken;
    match members.get("access_token") {
        Some(Value::String(text)) if text.is_empty() => Finding::fail(check, "an empty text", "put the token there"),
        Some(Value::String(text)) if !text.bytes().all(|byte| byte.is_ascii_graphic()) => Finding::fail(
            check,
            "a text that cannot stand in a header",
            "use visible ASCII without spaces; no `Bearer ` before it",
        ),
        Some(Value::String(text)) => Finding::pass(check, format!("a text of {} characters", text.len())),
        Some(Value::Null) => {
            Finding::fail(check, "null", "put the token there: the delivery would carry `Bearer null`")
        }
        Some(other) => Finding::fail(check, kind(other), "make it a text"),
        None => {
            let wrong =
                ["accessToken", "AccessToken", "accesstoken", "token", "access-token", "jwt", "id_token", "bearer"];
            let found = wrong.iter().find(|name| members.contains_key(**name));
            let (evidence, mend) = match found {
                Some(name) => (
                    format!("missing; there is {name}"),
                    format!("rename {name} to access_token: the network reads that name alone"),
                ),
                None if members.values().any(|value| value.get("access_token").is_some()) => (
                    "missing; it is inside another member".to_owned(),
                    "put access_token at the top of the JSON".to_owned(),
                ),
                None => (format!("missing; there is {}", listed(members)), "add the member access_token".to_owned()),
            };
            Finding::fail(check, evidence, mend)
        }
    }
}

fn token_type(members: &Map<String, Value>) -> Finding {
    let (check, mend) = (Check::TokenType, r#"say "token_type":"Bearer""#);
    match members.get("token_type") {
        Some(Value::String(text)) if text == "Bearer" => Finding::pass(check, "Bearer"),
        Some(Value::String(text)) if text.eq_ignore_ascii_case("bearer") => {
            Finding::pass(check, "Bearer, in another letter case")
        }
        Some(Value::String(text)) if text.len() <= 10 => Finding::warn(check, plain(text, 10), mend),
        Some(other) => Finding::warn(check, kind(other), mend),
        None if members.contains_key("tokenType") => Finding::warn(check, "missing; there is tokenType", mend),
        None => Finding::warn(check, "missing", mend),
    }
}

fn expires_in(members: &Map<String, Value>) -> Finding {
    let (check, mend) = (Check::ExpiresIn, r#"say the remaining life in seconds as a JSON number: "expires_in":300"#);
    match members.get("expires_in") {
        Some(Value::Number(number)) => match number.as_i64() {
            Some(seconds @ 30..=86_400) => Finding::pass(check, format!("{seconds}, a number")),
            Some(seconds @ 1..=29) => Finding::warn(
                check,
                format!("{seconds} s"),
                "let it live longer than a delivery takes: 300 s are usual",
            ),
            Some(seconds @ 86_401..=2_147_483_647) => Finding::warn(
                check,
                format!("{seconds} s, more than a day"),
                "let it live shorter: every delivery fetches a new one",
            ),
            Some(seconds @ -2_147_483_648..=0) => Finding::warn(check, format!("{seconds}"), mend),
            Some(seconds) => Finding::fail(
                check,
                format!("{seconds}, which does not fit 32 bits"),
                "say seconds that are left, not a time or milliseconds",
            ),
            None => Finding::warn(check, "a number that is not whole, or too large", mend),
        },
        Some(Value::String(text)) if text.trim().parse::<i32>().is_ok() => {
            Finding::warn(check, "a text of digits, which the network's library takes for a number", mend)
        }
        Some(Value::String(text)) => Finding::fail(check, format!("the text {:?}", plain(text, 12)), mend),
        Some(other) if !other.is_null() => Finding::fail(check, kind(other), mend),
        _ if members.contains_key("expiresIn") => {
            Finding::warn(check, "missing; there is expiresIn", "rename expiresIn to expires_in")
        }
        _ => Finding::warn(check, "missing", mend),
    }
}

fn size(members: &Map<String, Value>) -> Finding {
    let check = Check::TokenSize;
    let Some(token) = members.get("access_token").and_then(Value::as_str) else {
        return Finding::skipped(check, "there is no token");
    };
    let evidence = format!("{} bytes", token.len());
    if token.len() <= LARGE {
        Finding::pass(check, evidence)
    } else {
        Finding::warn(check, evidence, "put less into the token")
    }
}

fn cache(answer: &Answer) -> Finding {
    let check = Check::TokenCache;
    let said = answer.headers.get(CACHE_CONTROL).and_then(|said| said.to_str().ok()).unwrap_or("no Cache-Control");
    let kept = !said.to_ascii_lowercase().contains("no-store");
    if kept {
        Finding::warn(check, plain(said, 60), "say Cache-Control: no-store")
    } else {
        Finding::pass(check, plain(said, 60))
    }
}

/// Whether the samples of the documentation get a token too: without a body, and with an empty form.
pub(in crate::cli::doctor) fn judge_bodies(nothing: &Reply, form: &Reply) -> Finding {
    let check = Check::TokenBodies;
    let is_good =
        |reply: &Reply| reply.answer().is_some_and(|answer| matches!(judge_token(answer), TokenStep::Token(_)));
    match (is_good(nothing), is_good(form)) {
        (true, true) => Finding::pass(check, "a token for {}, for no body, for an empty form"),
        (good, _) => {
            if let (Reply::Unsent(why), _) | (_, Reply::Unsent(why)) = (nothing, form) {
                return Finding::skipped(check, *why);
            }
            let (what, reply) = if good { ("an empty form", form) } else { ("no body", nothing) };
            Finding::warn(
                check,
                format!("{what}: {}", reply.evidence()),
                "ignore the body and its type: the credentials are in the header",
            )
        }
    }
}

/// What the token is made of, as its holder sees it.
pub(in crate::cli::doctor) fn judge_making(making: Option<Making>) -> Finding {
    let check = Check::TokenSecret;
    match making {
        None => Finding::skipped(check, "there is no token"),
        Some(Making::Sound) => Finding::pass(check, "no secret that is known to others"),
        Some(Making::Unsigned) => {
            Finding::fail(check, "a JWT without a signature", "sign it with HS256, ES256 or EdDSA")
        }
        Some(Making::SampleKey) => Finding::fail(
            check,
            "signed with a secret from documentation",
            "sign with a key of 32 random bytes or more",
        ),
        Some(Making::Credential) => Finding::fail(
            check,
            "signed with the password or the user name",
            "sign with a key of 32 random bytes or more",
        ),
        Some(Making::HoldsPassword) => Finding::fail(
            check,
            "the token is the password, or holds it",
            "make a token that says nothing of the password",
        ),
        Some(Making::Short) => {
            Finding::warn(check, "under 16 characters: it can be guessed", "make it of 128 random bits or more")
        }
    }
}

/// The token in a good answer.
pub(in crate::cli::doctor) fn token_of(reply: &Reply) -> Option<Secret<String>> {
    match judge_token(reply.answer()?) {
        TokenStep::Token(token) => Some(token),
        TokenStep::Null | TokenStep::Nothing(_) => None,
    }
}

/// How long the token in this answer is good, by its own word.
pub(in crate::cli::doctor) fn life_s(reply: &Reply) -> Option<u64> {
    serde_json::from_slice::<Value>(&reply.answer()?.body).ok()?.get("expires_in")?.as_u64()
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

fn listed(members: &Map<String, Value>) -> String {
    let names: Vec<String> = members.keys().take(8).map(|name| plain(name, 30)).collect();
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}

/// Half of what many servers take as a whole head.
const LARGE: usize = 4096;

#[cfg(test)]
mod tests;
