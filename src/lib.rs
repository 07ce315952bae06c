//! The gate in front of a VietQR partner API.

pub mod app;
pub mod auth;
pub mod body;
pub mod clock;
pub mod config;
pub mod gate;
pub mod gateway;
pub mod issue;
pub mod journal;
pub mod log;
pub mod refusal;
pub mod rules;
pub mod secret;
pub mod server;
pub mod tls;
pub mod units;
pub mod upstream;
