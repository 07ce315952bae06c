//! THE table of upstream faults: what the upstream does, what the caller gets, and why.
//!
//! The rows are in the files of this folder; [`super::runner`] plays each of them.

mod breaks;
mod misleads;
mod silent;
mod unproven;

use std::any::Any;

use crate::kit::{Answer, Upstream};

/// One way in which an upstream can be broken.
pub(super) struct Fault {
    /// What the upstream does.
    pub(super) what: &'static str,
    /// Why the caller gets what it gets.
    pub(super) because: &'static str,
    /// How it is played.
    pub(super) play: Play,
    /// What the caller asks with.
    pub(super) method: &'static str,
    /// What it gets, over whichever protocol.
    pub(super) gets: Gets,
    /// What ends the wait.
    pub(super) ends: Ends,
}

/// How a fault is played.
pub(super) enum Play {
    /// Reads the request, then answers this.
    Answers(fn() -> Answer),
    /// Answers this when it has the head of the request.
    AtHead(fn() -> Answer),
    /// Answers a request before with this; then every one as it should.
    Before(fn() -> Answer),
    /// Is somewhere else.
    Elsewhere(fn() -> Place),
}

/// Another place for an upstream.
pub(super) struct Place {
    /// Where it is.
    pub(super) url: String,
    /// Whether the sidecar trusts the kit's authority there.
    pub(super) trusts_kit: bool,
    /// The upstream, where there is one.
    pub(super) upstream: Option<Upstream>,
    /// What must not go away while the fault is played.
    pub(super) _keep: Option<Box<dyn Any>>,
}

/// What the caller gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gets {
    /// A refusal with one of these reasons in the log; the upstream may have acted.
    Refusal(u16, &'static [&'static str]),
    /// The same, and the upstream has not seen a byte of the request.
    Unsent(u16, &'static [&'static str]),
    /// An answer that shows that it is not whole.
    Cut,
    /// This, whole.
    Whole(u16, &'static str),
    /// This, whole, or a refusal because the connection broke: which of the two is a race that the upstream has begun.
    WholeOrBroken(u16, &'static str),
}

/// What ends the wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    /// The fault itself: every timeout is much longer than the bound.
    Itself,
    /// A timeout of the sidecar, which is short here.
    Timeout,
}

impl Fault {
    const fn new(what: &'static str, because: &'static str, play: Play, gets: Gets) -> Self {
        Self { what, because, play, method: "POST", gets, ends: Ends::Itself }
    }

    const fn answering(what: &'static str, because: &'static str, answer: fn() -> Answer, gets: Gets) -> Self {
        Self::new(what, because, Play::Answers(answer), gets)
    }

    const fn asked_with(self, method: &'static str) -> Self {
        Self { method, ..self }
    }

    const fn by_timeout(self) -> Self {
        Self { ends: Ends::Timeout, ..self }
    }
}

/// Every row.
pub(super) fn table() -> Vec<Fault> {
    [silent::rows(), breaks::rows(), misleads::rows(), unproven::rows()].into_iter().flatten().collect()
}

/// The connection ended before an answer.
const BROKEN: Gets = Gets::Refusal(502, &["upstream_broken"]);
/// What came is no HTTP.
const NONSENSE: Gets = Gets::Refusal(502, &["upstream_nonsense"]);
/// Nothing came in time.
const LATE: Gets = Gets::Refusal(504, &["upstream_timeout"]);

/// An answer of these bytes after a status line.
fn ok(rest: &str) -> Answer {
    Answer::raw(format!("HTTP/1.1 200 OK\r\n{rest}"))
}
