//! What a request may look like, where it may come from, what it may call and how often.
//!
//! Pure: no sockets, no async, no configuration, no metrics, no clock but the time passed in. A rule judges and never rewrites: what
//! passes is forwarded byte for byte. What a fault becomes outside is decided by `refusal`.

pub mod allow;
pub mod base;
pub mod path;
pub mod peer;
pub mod rate;
pub mod target;
