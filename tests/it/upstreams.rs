//! Upstreams over TLS and over sockets of this machine.

mod sockets;
mod tls;
