//! The way out: not ready, still serving, draining, ended; or cut.

use std::convert::Infallible;
use std::future::pending;
use std::time::Duration;

use tokio::time::timeout;

use crate::log::{Level, Log};
use crate::phase::{Order, Phase, Ratchet, Watch};

/// Leads a server out, by what it is told.
pub(super) struct Departure {
    pub(super) orders: Watch<Order>,
    pub(super) phase: Ratchet<Phase>,
    /// `DRAIN_DELAY`.
    pub(super) delay: Duration,
    pub(super) log: Log,
}

impl Departure {
    /// Waits for the order to leave, is not ready from then on, and returns when nothing new is to be accepted.
    pub(super) async fn leave(&self) {
        let order = self.orders.reaches(Order::Drain).await;
        self.phase.advance(Phase::Leaving);
        if order < Order::StopAtOnce && !self.delay.is_zero() {
            let line = self.log.line(Level::Info, "leaving: not ready any more, still serving");
            line.field("delay_ms", self.delay.as_millis()).write();
            // Whatever more is said means that nobody waits for the delay.
            let _ = timeout(self.delay, self.orders.passes(order)).await;
        }
        self.log.line(Level::Info, "stopping: no new connections, what runs is finished").write();
        self.phase.advance(Phase::Draining);
    }

    /// Cuts what still runs when told to.
    pub(super) async fn hurry(&self) -> Infallible {
        self.orders.reaches(Order::Cut).await;
        self.phase.advance(Phase::Cutting);
        pending().await
    }

    /// Waits for the end, if nobody has asked for more than to drain: a container whose process ends is started again.
    pub(super) async fn stay(&self) {
        if self.orders.now() < Order::Stop {
            self.log.line(Level::Info, "drained: nothing is in flight; waiting for SIGTERM").write();
            self.orders.reaches(Order::Stop).await;
        }
    }
}
