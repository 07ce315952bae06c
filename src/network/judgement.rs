//! What the network makes of an answer: to its token call, and to a delivery. Source: vietqr-caller.

use std::fmt;

use http::{HeaderMap, StatusCode};
use serde_json::Value;

use super::exchange::{Answer, Ending};
use crate::journal::verdict::{Verdict, is_json};
use crate::secret::Secret;

/// What the network does after the answer to its token call: it delivers in any case.
#[derive(Debug)]
pub enum TokenStep {
    /// With this token.
    Token(Secret<String>),
    /// With the text `Bearer null`: a good answer, and no token in it.
    Null,
    /// Without any `Authorization`.
    Nothing(TokenWant),
}

/// Why the token call has failed for the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenWant {
    /// Another status than 2xx.
    Status(StatusCode),
    /// The body is not announced as JSON.
    ContentType,
    /// The body is not all there.
    BrokenOff,
    /// The body is not a JSON object.
    NotAnObject,
    /// `access_token` is an object or an array.
    TokenType,
    /// `expires_in` is no number that fits 32 bits.
    ExpiresIn,
    /// A token that cannot stand in a header: empty, or with other than visible ASCII.
    Unsendable,
}

/// Judges the answer to a token call.
#[must_use]
pub fn judge_token(answer: &Answer) -> TokenStep {
    match read_token(answer) {
        Ok(Some(token)) => TokenStep::Token(Secret::new(token)),
        Ok(None) => TokenStep::Null,
        Err(want) => TokenStep::Nothing(want),
    }
}

fn read_token(answer: &Answer) -> Result<Option<String>, TokenWant> {
    if !answer.status.is_success() {
        return Err(TokenWant::Status(answer.status));
    }
    if !is_json(&answer.headers) {
        return Err(TokenWant::ContentType);
    }
    if answer.ending != Ending::Whole {
        return Err(TokenWant::BrokenOff);
    }
    let Ok(Value::Object(members)) = serde_json::from_slice(&answer.body) else { return Err(TokenWant::NotAnObject) };
    if !members.get("expires_in").is_none_or(is_taken_for_an_int) {
        return Err(TokenWant::ExpiresIn);
    }
    let token = match members.get("access_token") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => text.clone(),
        // The network's JSON library makes a text of a number or a truth value.
        Some(value @ (Value::Number(_) | Value::Bool(_))) => value.to_string(),
        Some(Value::Array(_) | Value::Object(_)) => return Err(TokenWant::TokenType),
    };
    let sendable = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
    if sendable { Ok(Some(token)) } else { Err(TokenWant::Unsendable) }
}

/// What Jackson reads into a 32-bit field by its defaults: whole numbers, others cut to whole ones, texts of digits, and nothing.
fn is_taken_for_an_int(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Number(number) => {
            number.as_f64().is_some_and(|number| number.trunc() >= -TWO_TO_31 && number.trunc() < TWO_TO_31)
        }
        Value::String(text) => text.trim().is_empty() || text.trim().parse::<i32>().is_ok(),
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => false,
    }
}

const TWO_TO_31: f64 = 2_147_483_648.0;

/// How the network takes the answer to a delivery, and on what ground.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// What it does next.
    pub verdict: Verdict,
    /// Why.
    pub ground: Ground,
}

/// What in an answer decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ground {
    /// 2xx with JSON and an `object` with a `reftransactionid`.
    Documented,
    /// Another status than 2xx. A 400 with an `errorReason` of the partner's declared retry list is retried after all; no list is known here.
    Status(StatusCode),
    /// 2xx without a body.
    Empty,
    /// 2xx that is not announced as JSON, or is none.
    NotJson,
    /// 2xx whose body is not all there.
    BrokenOff,
    /// 2xx with `"object":null`, or without the member.
    ObjectNull,
    /// 2xx whose `object` has no `reftransactionid`. Not known to be taken for done, so it is counted as retried.
    NoReference,
}

/// Judges the answer to a delivery. No answer at all is tried again.
#[must_use]
pub fn judge_delivery(status: StatusCode, headers: &HeaderMap, body: &[u8], ending: Ending) -> Judgement {
    let ground = ground(status, headers, body, ending);
    Judgement { verdict: Verdict::of(status, ground == Ground::Documented), ground }
}

fn ground(status: StatusCode, headers: &HeaderMap, body: &[u8], ending: Ending) -> Ground {
    if !status.is_success() {
        return Ground::Status(status);
    }
    if ending != Ending::Whole {
        return Ground::BrokenOff;
    }
    if body.is_empty() {
        return Ground::Empty;
    }
    if !is_json(headers) {
        return Ground::NotJson;
    }
    let Ok(Value::Object(said)) = serde_json::from_slice(body) else { return Ground::NotJson };
    match said.get("object") {
        None | Some(Value::Null) => Ground::ObjectNull,
        Some(object) if object["reftransactionid"].as_str().is_some_and(|reference| !reference.is_empty()) => {
            Ground::Documented
        }
        Some(_) => Ground::NoReference,
    }
}

impl Answer {
    /// How the network takes it as the answer to a delivery.
    #[must_use]
    pub fn as_delivery(&self) -> Judgement {
        judge_delivery(self.status, &self.headers, &self.body, self.ending)
    }
}

impl fmt::Display for Ground {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Documented => f.write_str("2xx with JSON and a reftransactionid"),
            Self::Status(status) => write!(f, "status {}", status.as_u16()),
            Self::Empty => f.write_str("2xx without a body"),
            Self::NotJson => f.write_str("2xx with a body that is not JSON"),
            Self::BrokenOff => f.write_str("2xx with a body that breaks off"),
            Self::ObjectNull => f.write_str("2xx with \"object\":null"),
            Self::NoReference => f.write_str("2xx with an object that has no reftransactionid"),
        }
    }
}

impl fmt::Display for TokenWant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "status {}", status.as_u16()),
            Self::ContentType => f.write_str("the content type is not application/json"),
            Self::BrokenOff => f.write_str("the body breaks off"),
            Self::NotAnObject => f.write_str("the body is not a JSON object"),
            Self::TokenType => f.write_str("access_token is not a text"),
            Self::ExpiresIn => f.write_str("expires_in is not a number that fits 32 bits"),
            Self::Unsendable => f.write_str("access_token cannot stand in a header"),
        }
    }
}

#[cfg(test)]
mod tests;
