//! Looks once a second for what should be mended before it costs payments, whether or not anybody asks.
//!
//! What holds is a metric and a notice on the page for as long as it holds, and a line of log when it begins.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use strum::VariantArray as _;

use super::Shown;
use super::history::{EVERY, History, Totals};
use crate::log::Level;
use crate::metrics::Warning;
use crate::metrics::label::{Handshake, Label as _, Reason};
use crate::tls::Certificate;

mod bypass;

use bypass::Bypass;

/// Somebody who looks. Dropping it ends it.
#[derive(Debug)]
pub struct Lookout {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Lookout {
    /// Looks from a thread of its own. The ports are our own: what answers there is not the upstream.
    ///
    /// # Errors
    /// When there can be no such thread.
    pub fn start(shown: Arc<Shown>, own_ports: Vec<u16>) -> io::Result<Self> {
        let (stop, stopped) = channel();
        let watch = Watch::begun(shown, own_ports);
        let looking = move || watch.keep(&stopped);
        let thread = thread::Builder::new().name("lookout".into()).spawn(looking)?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Lookout {
    fn drop(&mut self) {
        // Dropping the sender is the signal.
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // A panic there is no reason for one here.
            let _ = thread.join();
        }
    }
}

/// What one look needs to know of those before it.
struct Watch {
    history: History,
    stepped: Instant,
    clock: Steady,
    bypass: Bypass,
    shown: Arc<Shown>,
}

/// What is so at one look.
struct Sight {
    recent: Totals,
    certificate: Option<Certificate>,
    now_unix_s: u64,
}

impl Watch {
    fn begun(shown: Arc<Shown>, own_ports: Vec<u16>) -> Self {
        Self {
            history: History::begun(&shown),
            stepped: Instant::now(),
            clock: Steady::at(Instant::now(), shown.clock.unix()),
            bypass: Bypass::of(&shown.upstream.origin(), own_ports),
            shown,
        }
    }

    fn keep(mut self, stopped: &Receiver<()>) {
        loop {
            self.look();
            if stopped.recv_timeout(PAUSE) != Err(RecvTimeoutError::Timeout) {
                return;
            }
        }
    }

    fn look(&mut self) {
        if self.stepped.elapsed() >= EVERY {
            self.history.take(&self.shown);
            self.stepped = Instant::now();
        }
        let now_unix_s = self.shown.clock.unix();
        self.clock.tick(Instant::now(), now_unix_s);
        self.bypass.look();
        let sight = Sight {
            recent: self.history.recent(&Totals::of(&self.shown)),
            certificate: self.shown.tls.as_ref().map(|tls| tls.read().certificate.clone()),
            now_unix_s,
        };
        for warning in Warning::VARIANTS {
            if !self.holds(*warning, &sight) {
                self.shown.metrics.lower(*warning);
            } else if self.shown.metrics.raise(*warning) {
                self.tell(*warning);
            }
        }
    }

    fn holds(&self, warning: Warning, sight: &Sight) -> bool {
        let Sight { recent, certificate, now_unix_s } = sight;
        let certified = |wanted: fn(&Certificate, u64) -> bool| {
            certificate.as_ref().is_some_and(|certificate| wanted(certificate, *now_unix_s))
        };
        match warning {
            Warning::UpstreamBypass => self.bypass.found().is_some(),
            Warning::CertificateSelfSigned => certified(|certificate, _| certificate.is_self_signed),
            Warning::CertificateIncomplete => {
                certified(|certificate, _| !certificate.is_self_signed && !certificate.has_issuer)
            }
            Warning::CertificateEnds => {
                certified(|certificate, now| (now..now.saturating_add(SOON_S)).contains(&certificate.not_after_unix_s))
            }
            Warning::CertificateExpired => certified(|certificate, now| certificate.not_after_unix_s < now),
            Warning::DeliveriesWithoutToken => {
                recent.handshake(Handshake::CertificateRefused) > 0 && recent.reasons[Reason::BearerAbsent as usize] > 0
            }
            Warning::ClockJumped => self.clock.has_jumped(Instant::now()),
            Warning::UpstreamStale => recent.stale >= MANY_STALE,
            Warning::DeliveriesRetried => recent.retried > 0,
        }
    }

    fn tell(&self, warning: Warning) {
        // The journal tells of these, with the request.
        if warning == Warning::DeliveriesRetried {
            return;
        }
        let line = self.shown.log.line(Level::Warn, warning.sentence()).field("warning", warning.name());
        let line = line.field("remedy", warning.remedy());
        match warning {
            Warning::UpstreamBypass => line.maybe("address", self.bypass.found()).write(),
            Warning::ClockJumped => line.field("jumped_s", self.clock.jumped_s()).write(),
            _ => line.write(),
        }
    }
}

/// Whether the wall clock goes on as the time does.
struct Steady {
    last: (Instant, u64),
    /// When, and by how many seconds.
    jump: Option<(Instant, i64)>,
}

impl Steady {
    const fn at(now: Instant, unix_s: u64) -> Self {
        Self { last: (now, unix_s), jump: None }
    }

    fn tick(&mut self, now: Instant, unix_s: u64) {
        let (before, before_unix_s) = self.last;
        let signed = |seconds: u64| i64::try_from(seconds).unwrap_or(i64::MAX);
        let went = signed(unix_s).saturating_sub(signed(before_unix_s));
        let jumped_s = went.saturating_sub(signed(now.duration_since(before).as_secs()));
        if jumped_s.unsigned_abs() > MOST_ASTRAY_S {
            self.jump = Some((now, jumped_s));
        }
        self.last = (now, unix_s);
    }

    fn has_jumped(&self, now: Instant) -> bool {
        self.jump.is_some_and(|(when, _)| now.duration_since(when) < JUMP_SHOWN)
    }

    fn jumped_s(&self) -> i64 {
        self.jump.map_or(0, |(_, jumped_s)| jumped_s)
    }
}

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(1);
/// From here on somebody should look at the renewal.
const SOON_S: u64 = 21 * 86_400;
/// Requests in ten minutes.
const MANY_STALE: u64 = 5;
/// Seconds between the clocks that are no matter. Tokens may be this far ahead. Source: contract, section 2.
const MOST_ASTRAY_S: u64 = 5;
/// How long a jump is shown: as long as the last minutes are.
const JUMP_SHOWN: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests {
    use super::*;

    /// Each row: what the wall clock says after so many seconds, and by how much it is taken to have jumped.
    #[test]
    fn a_jump_of_the_clock_is_more_than_five_seconds_either_way_and_shown_for_ten_minutes() {
        let start = Instant::now();
        for (after_s, unix_s, jumped_s) in [
            (1, 1_001, None),
            (1, 1_006, None),
            (1, 1_007, Some(6)),
            (1, 996, None),
            (1, 995, Some(-6)),
            (100, 1_100, None),
            (100, 1_000, Some(-100)),
            (1, 1_401, Some(400)),
        ] {
            let mut clock = Steady::at(start, 1_000);
            let now = start + Duration::from_secs(after_s);
            clock.tick(now, unix_s);
            assert_eq!(clock.has_jumped(now).then(|| clock.jumped_s()), jumped_s, "{unix_s} after {after_s} s");
            clock.tick(now + Duration::from_secs(1), unix_s + 1);
            assert_eq!(clock.has_jumped(now + Duration::from_secs(599)), jumped_s.is_some(), "it is kept");
            assert!(!clock.has_jumped(now + JUMP_SHOWN), "it is over");
        }
    }
}
