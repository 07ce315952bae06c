//! The gate in front of a VietQR partner API.

pub mod auth;
pub mod clock;
pub mod log;
pub mod secret;
pub mod units;
