//! Proxies before the gate: whose word about the caller's address counts, over HTTP and before TLS.

mod forwarded_for;
mod introduced;
mod protocol;
