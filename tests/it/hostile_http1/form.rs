//! One form of hostile HTTP/1: its bytes, and what has to become of it.

use crate::kit::{
    self,
    sidecar::{PASSWORD, USERNAME},
};

/// A row of the tables.
pub(super) struct Form {
    /// What is odd about it.
    pub(super) name: String,
    /// Why it has to end so: a section of an RFC, or of the contract.
    pub(super) source: &'static str,
    /// The statements of the checklist that it stands for.
    pub(super) checklist: &'static [u8],
    /// What becomes of it with a good token.
    pub(super) ends: Ends,
    /// What becomes of it without one, where that does not follow from `ends`.
    bare: Option<Ends>,
    text: Vec<u8>,
}

/// What becomes of a form, and of the good request that stands right behind it in the same write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    /// Answered here with this status. The connection is over, the request behind it unheard. The upstream sees nothing.
    Closed(u16),
    /// As before, without an answer.
    Silent,
    /// Answered here with this status, and a reason of ours when it is a refusal. The request behind it is answered by itself.
    Open(u16, &'static str),
    /// Refused with this status, but its beginning may have gone up: never its end. The connection is over.
    Cut(u16),
    /// The upstream sees this instead. The request behind it is answered by itself.
    Passes(Clean),
    /// The upstream sees this instead. The connection is over.
    PassesLast(Clean),
}

/// A request as the upstream has to see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Clean {
    /// Method and target.
    pub(super) line: &'static str,
    /// Its one framing field, or nothing.
    pub(super) framing: &'static str,
    /// Its body, with the marks of [`Marks`].
    pub(super) body: &'static str,
}

/// `POST /a` with `Content-Length: 5` and `hello`.
pub(super) const HELLO: Clean = Clean { line: "POST /a", framing: "Content-Length: 5", body: "hello" };
/// `POST /a` with `hello` in chunks.
pub(super) const CHUNKED_HELLO: Clean = Clean { line: "POST /a", framing: CHUNKED, body: "hello" };
/// `GET /a` without a body.
pub(super) const PLAIN: Clean = bare("GET /a");
/// The framing of a body of unknown length.
pub(super) const CHUNKED: &str = "Transfer-Encoding: chunked";

/// A request without a body.
pub(super) const fn bare(line: &'static str) -> Clean {
    Clean { line, framing: "", body: "" }
}

/// Why a form is odd: a section, and the statements of the checklist.
pub(super) type Why = (&'static str, &'static [u8]);

impl Ends {
    /// The status that is heard.
    pub(super) fn status(self) -> Option<u16> {
        match self {
            Self::Closed(status) | Self::Cut(status) | Self::Open(status, _) => Some(status),
            Self::Passes(_) | Self::PassesLast(_) => Some(200),
            Self::Silent => None,
        }
    }

    /// What goes up instead, when it passes.
    pub(super) fn clean(self) -> Option<Clean> {
        match self {
            Self::Passes(clean) | Self::PassesLast(clean) => Some(clean),
            _ => None,
        }
    }

    /// Is the request behind it answered?
    pub(super) fn goes_on(self) -> bool {
        matches!(self, Self::Open(..) | Self::Passes(_))
    }
}

impl Form {
    /// A form with these bytes, in which [`Marks`] stand for what is known only when it is sent.
    pub(super) fn new(name: impl Into<String>, why: Why, text: impl AsRef<[u8]>, ends: Ends) -> Self {
        let (source, checklist) = why;
        Self { name: name.into(), source, checklist, ends, bare: None, text: text.as_ref().to_vec() }
    }

    /// `POST /a` with these lines of header, each complete, and this body.
    pub(super) fn post(name: &str, why: Why, lines: &str, body: &str, ends: Ends) -> Self {
        Self::new(name, why, format!("POST /a HTTP/1.1\r\nHost: a\r\n{{auth}}{lines}\r\n{body}"), ends)
    }

    /// `GET /a` with these lines of header, each complete.
    pub(super) fn get(name: &str, why: Why, lines: &str, ends: Ends) -> Self {
        Self::new(name, why, format!("GET /a HTTP/1.1\r\nHost: a\r\n{{auth}}{lines}\r\n"), ends)
    }

    /// `GET /a` with this line of header, which need not be text.
    pub(super) fn line(name: &str, why: Why, line: &[u8], ends: Ends) -> Self {
        Self::new(name, why, [b"GET /a HTTP/1.1\r\nHost: a\r\n{auth}", line, b"\r\n\r\n"].concat(), ends)
    }

    /// A request with this line, one good `Host` and nothing else.
    pub(super) fn request_line(name: &str, why: Why, line: impl AsRef<[u8]>, ends: Ends) -> Self {
        Self::new(name, why, [line.as_ref(), b"\r\nHost: a\r\n{auth}\r\n"].concat(), ends)
    }

    /// Without a token it ends so.
    pub(super) fn bare(self, ends: Ends) -> Self {
        Self { bare: Some(ends), ..self }
    }

    /// What becomes of it without a token: what would have passed is 401, and what is refused before the token is looked at is
    /// refused all the same.
    pub(super) fn ends_bare(&self) -> Ends {
        self.bare.unwrap_or(match self.ends {
            Ends::Passes(_) => Ends::Open(401, "INVALID_AUTH_HEADER"),
            Ends::PassesLast(_) | Ends::Cut(_) => Ends::Closed(401),
            refused => refused,
        })
    }

    /// The bytes to send.
    pub(super) fn bytes(&self, marks: &Marks) -> Vec<u8> {
        marks.fill(&self.text)
    }
}

/// What stands in the tables for what is known only when a form is sent.
pub(super) struct Marks {
    auth: String,
    inside: String,
}

impl Marks {
    /// For requests with this token, or without one. What is smuggled inside has a good one in any case.
    pub(super) fn new(token: Option<&str>, good: &str) -> Self {
        let auth = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
        let inside = format!("POST /a/inside HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {good}\r\n\r\n");
        Self { auth, inside }
    }

    /// Puts the token's line for `{auth}`, a whole request for `{inside}`, its length for `{length}` and `{hex}`, the credentials of
    /// the token endpoint for `{basic}`, and 3000 letters for `{long}`.
    pub(super) fn fill(&self, text: &[u8]) -> Vec<u8> {
        let length = self.inside.len();
        let marks = [
            ("{auth}", self.auth.clone()),
            ("{inside}", self.inside.clone()),
            ("{length}", length.to_string()),
            ("{hex}", format!("{length:x}")),
            ("{basic}", kit::text::basic(USERNAME, PASSWORD)),
            ("{long}", "M".repeat(3000)),
        ];
        let mut filled = Vec::with_capacity(text.len());
        let mut rest = text;
        while let Some((first, after)) = rest.split_first() {
            match marks.iter().find(|(mark, _)| rest.starts_with(mark.as_bytes())) {
                Some((mark, value)) => {
                    filled.extend_from_slice(value.as_bytes());
                    rest = &rest[mark.len()..];
                }
                None => {
                    filled.push(*first);
                    rest = after;
                }
            }
        }
        filled
    }
}
