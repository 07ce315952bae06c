//! `bearergate doctor` against endpoints that are sound, wrong in one way each, or hardly there.

mod chains;
mod endpoint;
mod faults;
mod hardly;
mod sound;
