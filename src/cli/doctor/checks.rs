//! What an endpoint's answers mean: each check a small function of what was heard.

pub(super) mod addresses;
pub(super) mod gate;
pub(super) mod leaks;
pub(super) mod logins;
pub(super) mod pace;
pub(super) mod sample;
pub(super) mod token;
