//! What a request may look like, before anybody asks who sent it.
//!
//! Pure: no sockets, no async, no configuration, no counting. A rule judges and never rewrites: what passes is forwarded byte for
//! byte. What a fault becomes outside is decided by `refusal`.

pub mod base;
pub mod path;
pub mod target;
