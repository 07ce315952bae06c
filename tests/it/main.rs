//! The gate from outside: real sockets, real TLS, a real recording upstream.

mod access_log;
mod admin;
mod binary;
mod bodies;
mod clients;
mod connections;
mod demo;
mod deploy;
mod docs;
mod doctor;
mod forwarding;
mod headers;
// What also the fuzz targets hold the library to.
#[expect(unreachable_pub, reason = "elsewhere it is a library")]
#[path = "../fuzz/src/lib.rs"]
mod holds;
mod hostile_http1;
mod hostile_http2;
mod init;
mod kit;
mod kit_selftest;
mod kubernetes;
mod layers;
mod limits;
mod memory;
mod monitoring;
mod mtls;
mod network;
mod paths;
mod properties;
mod proxies;
mod refusals;
mod reload;
mod resting;
mod secrets;
mod simulate;
mod timeouts;
mod timing;
mod tls;
mod token_endpoint;
mod tokens;
mod upstream_faults;
mod upstreams;
mod websockets;
