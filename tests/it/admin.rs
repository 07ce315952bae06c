//! The admin listener, for those who run the gate: probes, metrics, status. Contract, section 5.

mod counts;
mod doors;
mod health;
mod incidents;
mod metrics;
mod page;
mod probes;
mod status;
mod strangers;
mod warnings;
