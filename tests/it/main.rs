//! The gate from outside: real sockets, real TLS, a real recording upstream.

mod access_log;
mod binary;
mod bodies;
mod connections;
mod demo;
mod docs;
mod forwarding;
mod headers;
#[expect(dead_code, reason = "until the tests use the whole kit")]
mod kit;
mod kit_selftest;
mod layers;
mod memory;
mod paths;
mod refusals;
mod secrets;
mod timeouts;
mod tls;
mod token_endpoint;
mod tokens;
mod upstream_faults;
