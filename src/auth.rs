//! Who is calling: credentials and bearer tokens are read, proven and issued here.
//!
//! Pure: no sockets, no async, no configuration, no counting. Time is an argument. What a fault becomes outside is decided by
//! `refusal`; where passwords are hashed, and how many at once, by the token endpoint.

mod account;
pub mod accounts;
pub mod basic;
pub mod bearer;
mod client;
mod key;
mod key_id;
pub mod keyring;
mod login;
mod memory;
mod password;
mod scheme;
mod signing_order;
mod static_token;
pub mod token;
