//! The gate in front of a VietQR partner API.

pub mod auth;
pub mod body;
pub mod clock;
pub mod log;
pub mod rules;
pub mod secret;
pub mod tls;
pub mod units;
