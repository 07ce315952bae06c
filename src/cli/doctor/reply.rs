//! What came back for one request, as far as a finding may speak of it.

use http::StatusCode;
use http::header::{CONTENT_TYPE, LOCATION};

use crate::network::{Answer, Ending};

/// What became of one request.
#[derive(Debug)]
pub(super) enum Reply {
    /// An answer.
    Heard(Answer),
    /// None: the connection or the answer failed, and how.
    Silent(String),
    /// It was not sent, and why.
    Unsent(&'static str),
}

impl Reply {
    pub(super) fn answer(&self) -> Option<&Answer> {
        if let Self::Heard(answer) = self { Some(answer) } else { None }
    }

    pub(super) fn status(&self) -> Option<StatusCode> {
        self.answer().map(|answer| answer.status)
    }

    /// Status, size, type, and where it redirects to.
    pub(super) fn evidence(&self) -> String {
        match self {
            Self::Heard(answer) => described(answer),
            Self::Silent(why) => why.clone(),
            Self::Unsent(why) => (*why).to_owned(),
        }
    }
}

fn described(answer: &Answer) -> String {
    let mut text = format!("status {}, {} bytes", answer.status.as_u16(), answer.body.len());
    if let Some(kind) = answer.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()) {
        text += &format!(" of {}", plain(kind, 60));
    }
    if let Some(place) = answer.headers.get(LOCATION).and_then(|place| place.to_str().ok()) {
        // Without its query: a careless endpoint puts secrets there.
        let place = place.split(['?', '#']).next().unwrap_or_default();
        text += &format!(", to {}", plain(place, 100));
    }
    match answer.ending {
        Ending::Whole => {}
        Ending::TooLarge => text += " and more",
        Ending::BrokenOff => text += ", broken off",
        Ending::Unpackable => text += ", said to be gzip and is not",
    }
    text
}

/// The beginning of a text, without what a terminal would obey.
pub(super) fn plain(text: &str, most: usize) -> String {
    let cut: String = text.chars().take(most).map(|c| if c.is_control() { '?' } else { c }).collect();
    if text.chars().count() > most { format!("{cut}...") } else { cut }
}

#[cfg(test)]
pub(super) fn heard(status: u16, headers: &[(&str, &str)], body: &str) -> Reply {
    let headers = headers.iter().map(|(name, value)| {
        (name.parse::<http::HeaderName>().expect("a row's name"), value.parse().expect("a row's value"))
    });
    Reply::Heard(Answer {
        status: StatusCode::from_u16(status).expect("a row's status"),
        headers: headers.collect(),
        body: body.to_owned().into(),
        ending: Ending::Whole,
        took: std::time::Duration::ZERO,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_is_of_the_head_alone() {
        let reply = heard(302, &[("content-type", "text/html"), ("location", "/login?token=s3cret")], "the s3cret");
        assert_eq!(reply.evidence(), "status 302, 10 bytes of text/html, to /login");
        assert_eq!(plain("a\u{1b}[31mb", 100), "a?[31mb");
        assert_eq!(plain("abc", 2), "ab...");
    }
}
