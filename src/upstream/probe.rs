//! Whether the upstream takes connections, for those who ask about our health.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::Settings;
use super::origin::Origin;
use super::way::reach;
use crate::refusal::UpstreamFault;

/// Tries the upstream when asked, at most once a second. A request never waits for it.
#[derive(Debug)]
pub struct Probe {
    settings: Arc<Settings>,
    last: Mutex<Option<(Instant, Reached)>>,
}

/// What a try came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reached {
    /// How long it took, resolving the name included.
    pub took: Duration,
    /// Why there was no connection; `None` when there was one.
    pub fault: Option<UpstreamFault>,
}

impl Probe {
    /// A probe of this upstream.
    #[must_use]
    pub fn of(settings: Arc<Settings>) -> Self {
        Self { settings, last: Mutex::const_new(None) }
    }

    /// What is tried.
    #[must_use]
    pub fn origin(&self) -> Origin {
        self.settings.way.origin()
    }

    /// Connects and hangs up, or says what it came to less than a second ago. Who asks meanwhile waits for the same try.
    pub async fn ask(&self) -> Reached {
        let mut last = self.last.lock().await;
        if let Some((when, reached)) = *last
            && when.elapsed() < KEPT
        {
            return reached;
        }
        let began = Instant::now();
        let limit = self.settings.connect_timeout.min(LONGEST);
        let fault = match timeout(limit, reach(&self.settings.way, limit)).await {
            Ok(connected) => connected.err(),
            Err(_) => Some(UpstreamFault::ConnectTimeout),
        };
        let reached = Reached { took: began.elapsed(), fault };
        *last = Some((Instant::now(), reached));
        reached
    }
}

/// How long an answer is good. Source: contract, section 5.
const KEPT: Duration = Duration::from_secs(1);
/// Whoever probes us gives up after a second (the default of Kubernetes): the answer must come sooner.
const LONGEST: Duration = Duration::from_millis(750);
