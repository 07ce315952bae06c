//! The forms of paths, and what is to become of each: where `/bank/api/sync` alone is allowed, and where `/bank/**` is.
//!
//! Source of what is refused: contract, section 3, row `BAD_PATH`; of what is permitted: the same section, on allow rules.

mod dots;
mod encodings;
mod names;

use Fate::{BadPath, Denied, Nothing, Passes};

/// One form of a path.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form {
    /// The target as it is sent.
    pub(super) target: &'static str,
    /// Where the exact path is allowed.
    pub(super) exact: Fate,
    /// Where everything below `/bank` is.
    pub(super) below: Fate,
    /// Why: an RFC's section, or who reads it otherwise.
    pub(super) why: &'static str,
}

/// What becomes of a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Forwarded byte for byte, without its fragment.
    Passes,
    /// 403 `NOT_ALLOWED`.
    Denied,
    /// 400 `BAD_PATH`.
    BadPath,
    /// 400 without a body: hyper does not take it for a request; over HTTP/2 the stream may be reset instead.
    Nothing,
}

impl Form {
    /// The allowed path itself.
    const fn same(target: &'static str, why: &'static str) -> Self {
        Self { target, exact: Passes, below: Passes, why }
    }

    /// Another path below `/bank`.
    const fn below(target: &'static str, why: &'static str) -> Self {
        Self { target, exact: Denied, below: Passes, why }
    }

    /// A path that is not below `/bank` as it stands.
    const fn outside(target: &'static str, why: &'static str) -> Self {
        Self { target, exact: Denied, below: Denied, why }
    }

    /// A path that can be read in two ways.
    const fn unclear(target: &'static str, why: &'static str) -> Self {
        Self { target, exact: BadPath, below: BadPath, why }
    }

    /// No path at all.
    const fn none(target: &'static str, why: &'static str) -> Self {
        Self { target, exact: Nothing, below: Nothing, why }
    }
}

/// All forms.
pub(super) fn all() -> impl Iterator<Item = &'static Form> {
    [dots::PLAIN, dots::ENCODED, dots::WITH_PARAMETERS, dots::NEARLY, encodings::TWICE, encodings::SEPARATORS]
        .into_iter()
        .chain([encodings::OVERLONG, encodings::CONTROLS, encodings::BROKEN, encodings::RAW])
        .chain([names::SAME, names::SLASHES, names::PARAMETERS, names::SPELLINGS, names::ELSEWHERE])
        .flatten()
}
