//! Whether callers should be sent here.
//!
//! That every file was loaded is certain once there is a listener: without it the process does not start. Files that have changed and do not
//! load leave the old ones serving, so they do not make a process unready: a bad file sent to every replica would otherwise take all of them
//! out at once. They are shown on the status page and counted.

use super::Shown;

/// What is missing for serving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::admin) enum Lack {
    /// The process was told to stop.
    Draining,
    /// The certificate is not valid now.
    Certificate,
    /// The upstream takes no connection.
    Upstream,
}

impl Lack {
    /// Its name in the answer of `/readyz`.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Draining => "draining",
            Self::Certificate => "certificate",
            Self::Upstream => "upstream",
        }
    }
}

/// Everything that is missing now; nothing when it is ready.
pub(super) async fn lacking(shown: &Shown) -> Vec<Lack> {
    let now = shown.clock.unix();
    let is_invalid = |tls: &crate::tls::Ending| !tls.certificate.is_valid_at(now);
    let mut lacking = Vec::new();
    if (shown.is_draining)() {
        lacking.push(Lack::Draining);
    }
    if shown.tls.as_ref().is_some_and(|tls| is_invalid(&tls.read())) {
        lacking.push(Lack::Certificate);
    }
    if shown.upstream.ask().await.fault.is_some() {
        lacking.push(Lack::Upstream);
    }
    lacking
}
