//! The test kit: the sidecar in-process on real sockets, a recording upstream behind it, clients before it.
//!
//! Everything that waits has a deadline, so that nothing hangs for ever, and every wait is for a condition: tests hold no sleeps.
//! The kit reads HTTP/1.1 with code of its own ([`wire`]), because the sidecar's parser is under test.

pub(crate) mod admin;
pub(crate) mod answer;
pub(crate) mod ca;
pub(crate) mod captured;
pub(crate) mod clients_file;
pub(crate) mod forge;
pub(crate) mod frames;
pub(crate) mod h2;
pub(crate) mod hpack;
pub(crate) mod line;
pub(crate) mod peer;
pub(crate) mod program;
pub(crate) mod raw;
pub(crate) mod refused;
pub(crate) mod response;
pub(crate) mod secrets;
pub(crate) mod sidecar;
pub(crate) mod strict;
pub(crate) mod text;
pub(crate) mod upstream;
pub(crate) mod wire;

// What tests name most; the rest is found in its module.
pub(crate) use self::{
    admin::Admin,
    answer::Answer,
    ca::{Ca, ClientTls},
    clients_file::ClientsFile,
    frames::Frames,
    h2::H2,
    line::Door,
    program::{Caller, Program},
    raw::{Closing, Raw},
    refused::Refused,
    response::{End, Response},
    sidecar::Sidecar,
    text::RequestText,
    upstream::{AtHead, Upstream},
};

use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// How long anything in a test may wait for its next step before it has failed. Long, because test machines are slow when they are shared.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// A sidecar with these variables (named without `BEARERGATE_`) before a recording upstream, and a token of its client.
pub(crate) async fn guarded<const N: usize>(vars: [(&str, &str); N]) -> (Upstream, Sidecar, String) {
    let upstream = Upstream::recording().await;
    let building =
        vars.into_iter().fold(Sidecar::guarding(&upstream), |building, (name, value)| building.var(name, value));
    let sidecar = building.start().await;
    let token = sidecar.token().await;
    (upstream, sidecar, token)
}

/// Waits until `condition` holds.
///
/// # Panics
/// With `what` when it does not hold within [`DEADLINE`].
pub(crate) async fn wait_until(what: &str, condition: impl FnMut() -> bool) {
    wait_until_within(DEADLINE, what, condition).await;
}

/// Waits until `condition` holds.
///
/// # Panics
/// With `what` when it does not hold within `deadline`.
pub(crate) async fn wait_until_within(deadline: Duration, what: &str, mut condition: impl FnMut() -> bool) {
    let holds = async {
        let mut tick = tokio::time::interval(Duration::from_millis(2));
        while !condition() {
            tick.tick().await;
        }
    };
    within(deadline, what, holds).await;
}

/// What `future` gives.
///
/// # Panics
/// With `what` when it gives nothing within `deadline`.
pub(crate) async fn within<T>(deadline: Duration, what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(deadline, future).await {
        Ok(value) => value,
        Err(_) => panic!("waited {deadline:?} in vain for {what}"),
    }
}

/// Says why a test did not do its work on this machine.
#[expect(clippy::print_stdout, reason = "the test harness shows it")]
pub(crate) fn skipped(reason: &str) {
    println!("skipped: {reason}");
}

/// Something that happens once and stays so: whoever waits for it later need not wait.
#[derive(Clone, Debug)]
pub(crate) struct Signal(CancellationToken);

impl Signal {
    /// A signal that has not fired.
    pub(crate) fn new() -> Self {
        Self(CancellationToken::new())
    }

    /// Fires it, for all its copies.
    pub(crate) fn fire(&self) {
        self.0.cancel();
    }

    /// Waits until it fires.
    pub(crate) async fn fired(&self) {
        self.0.cancelled().await;
    }
}

/// A runtime for a thread of the kit.
fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a test machine can make a runtime")
}
