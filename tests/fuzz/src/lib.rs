//! What must hold whatever is sent: each module has one `holds`, which panics when it does not.
//!
//! The fuzz targets call them with bytes of the fuzzer's choice, `cargo test` with random ones (`tests/it/properties.rs`). Everything is
//! reached through what the library offers to everybody; the connection's bytes go over real sockets to the whole server.

pub mod allow;
pub mod basic;
pub mod bearer;
pub mod connection;
pub mod live;
pub mod path;
pub mod proxy;
pub mod upstream;
pub mod variables;
