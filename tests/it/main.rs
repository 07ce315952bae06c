//! The gate from outside: real sockets, real TLS, a real recording upstream.

mod access_log;
mod binary;
mod bodies;
mod clients;
mod connections;
mod demo;
mod docs;
mod forwarding;
mod headers;
mod kit;
mod kit_selftest;
mod layers;
mod limits;
mod memory;
mod mtls;
mod paths;
mod proxies;
mod refusals;
mod reload;
mod secrets;
mod timeouts;
mod timing;
mod tls;
mod token_endpoint;
mod tokens;
mod upstream_faults;
