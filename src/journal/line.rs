//! What stands in the line of a request.

use std::time::Duration;

use http::Version;

use super::reference::References;
use super::verdict::Verdict;
use super::{Entry, Outcome};
use crate::log::Line;
use crate::metrics::label::Label as _;
use crate::refusal::Refusal;

impl Entry {
    pub(super) fn line<'l>(&self, line: Line<'l>, took: Duration) -> Line<'l> {
        let references = self.glance.as_ref().map(|glance| References::find(&glance.seen())).unwrap_or_default();
        let refusal = if let Outcome::Refused(refusal) = &self.outcome { Some(refusal) } else { None };
        let broke_late =
            matches!(self.outcome, Outcome::HungUp | Outcome::Cut | Outcome::BrokenOff) && self.upload.is_some();
        let maybe_done = broke_late || refusal.is_some_and(Refusal::upstream_may_have_done_it);
        line.field("request_id", &self.request_id)
            .field("trace_id", &self.trace_id)
            .maybe("client", self.caller.as_ref().map(|caller| caller.client().as_str()))
            .maybe("password", self.password)
            .field("peer", self.peer)
            .field("method", self.method.as_str())
            .field("path", &self.path)
            .field("protocol", protocol(self.version))
            .maybe("status", self.status.map(|status| status.as_u16()))
            .field("outcome", self.outcome.label().name())
            .maybe("reason", refusal.map(Refusal::reason))
            .maybe("upstream_may_have_done_it", maybe_done.then_some(true))
            .maybe("verdict", self.verdict().map(Verdict::name))
            .maybe("referencenumber", references.number.as_deref())
            .maybe("transactionid", references.transaction.as_deref())
            .field("bytes_in", self.bytes_in + self.upload.as_ref().map_or(0, |upload| upload.bytes()))
            .field("bytes_out", self.bytes_out)
            .field("duration_ms", milliseconds(took))
            .maybe("upstream_ms", self.upstream.map(milliseconds))
    }
}

fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2",
        _ => "HTTP/1.1",
    }
}

/// Milliseconds with three decimals.
fn milliseconds(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1000.0
}
