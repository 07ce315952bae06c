//! How the network will take the answer to a delivery. Source: vietqr-caller, "How the answer to a delivery is judged".

use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};

use crate::metrics::label::{Label as _, Taken};

/// What the network does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing: the payment has arrived.
    Done,
    /// Nothing: it gives up on this payment for good.
    Final,
    /// It sends the same payment again, up to 10 times.
    Retried,
}

impl Verdict {
    /// Judges an answer by its status and by whether a JSON body came with it.
    #[must_use]
    pub fn of(status: StatusCode, has_json: bool) -> Self {
        match status.as_u16() {
            200..=299 if has_json => Self::Done,
            300..=400 => Self::Final,
            _ => Self::Retried,
        }
    }

    /// The verdict's name in the log.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.label().name()
    }

    /// As what it is counted.
    #[must_use]
    pub const fn label(self) -> Taken {
        match self {
            Self::Done => Taken::Done,
            Self::Final => Taken::Final,
            Self::Retried => Taken::Retried,
        }
    }
}

/// True for `application/json` and every `…+json` type.
#[must_use]
pub fn is_json(headers: &HeaderMap) -> bool {
    let Some(Ok(value)) = headers.get(CONTENT_TYPE).map(|value| value.to_str()) else { return false };
    let kind = value.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json")
        || kind.get(kind.len().saturating_sub(5)..).is_some_and(|end| end.eq_ignore_ascii_case("+json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_judged_as_the_network_judges_it() {
        for (status, has_json, verdict) in [
            (200, true, Verdict::Done),
            (201, true, Verdict::Done),
            (200, false, Verdict::Retried),
            (204, false, Verdict::Retried),
            (301, true, Verdict::Final),
            (304, false, Verdict::Final),
            (400, true, Verdict::Final),
            (401, true, Verdict::Retried),
            (403, true, Verdict::Retried),
            (404, false, Verdict::Retried),
            (405, true, Verdict::Retried),
            (413, true, Verdict::Retried),
            (429, true, Verdict::Retried),
            (500, true, Verdict::Retried),
            (503, false, Verdict::Retried),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(Verdict::of(status, has_json), verdict, "{status} {has_json}");
        }
    }

    #[test]
    fn json_is_known_by_its_content_type() {
        for (value, expected) in [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("application/problem+json", true),
            ("text/html", false),
            ("text/plain; a=application/json", false),
            ("json", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(CONTENT_TYPE, value.parse().unwrap())]);
            assert_eq!(is_json(&headers), expected, "{value}");
        }
        assert!(!is_json(&HeaderMap::new()));
    }
}
