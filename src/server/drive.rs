//! Drives hyper's connection: ends it when it is overdue or told to, and lets it rest.

use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use http::Version;
use tokio::time::{Instant, Sleep, sleep_until};

use super::Worker;
use super::pulse::{Limits, Order, Overdue, Pulse, Weight};
use super::slots::Slot;
use super::taking::GivenUp;

/// What became of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Driven {
    /// It is at its end.
    Ended,
    /// The upstream has switched protocols: it is a tunnel from now on.
    Switched,
    /// It has nothing to do and has given hyper's buffers back.
    Resting,
}

/// Whether a connection may rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// After [`REST_AFTER`] with nothing to do.
    Allowed,
    /// It has bytes of its own to keep, or speaks HTTP/2, which is never quite idle.
    Never,
}

/// Polls hyper's connection, and ends it when it is overdue or told to.
pub(super) async fn drive<C: Future<Output = hyper::Result<()>>>(
    connection: Pin<&mut C>,
    finish: impl Fn(Pin<&mut C>),
    version: Version,
    worker: &Worker,
    slot: &Slot,
    peer: IpAddr,
    rest: Rest,
) -> Driven {
    let timer = pin!(sleep_until(Instant::now() + worker.settings.idle_timeout));
    let pulse = slot.pulse();
    let mut drive = Drive {
        connection,
        finish,
        timer,
        worker,
        slot,
        pulse,
        version,
        peer,
        rest,
        finishing: None,
        is_parting: false,
    };
    std::future::poll_fn(|cx| drive.poll(cx)).await
}

struct Drive<'d, C, F> {
    connection: Pin<&'d mut C>,
    finish: F,
    timer: Pin<&'d mut Sleep>,
    worker: &'d Worker,
    slot: &'d Slot,
    pulse: &'d Pulse,
    version: Version,
    peer: IpAddr,
    rest: Rest,
    finishing: Option<Finishing>,
    /// Whether hyper has ended once and is polled again for its goodbye.
    is_parting: bool,
}

/// Since when a connection is to end, and how far that has got.
#[derive(Clone, Copy, Debug)]
struct Finishing {
    since: Instant,
    /// How long it may take once there is nothing to do.
    goodbye: Duration,
    /// Whether hyper knows. Over HTTP/1.1 it closes at once what has not sent a whole head, so it is told when there is one.
    is_told: bool,
}

impl<C: Future<Output = hyper::Result<()>>, F: Fn(Pin<&mut C>)> Drive<'_, C, F> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Driven> {
        loop {
            if let Poll::Ready(ended) = self.connection.as_mut().poll(cx) {
                if let (Err(error), false) = (&ended, self.is_parting) {
                    self.worker.doorbook.ended(error, self.peer);
                }
                if ended.is_ok() && self.pulse.is_switched() {
                    return Poll::Ready(Driven::Switched);
                }
                if self.has_parted(&ended) {
                    return Poll::Ready(Driven::Ended);
                }
                continue;
            }
            match self.pulse.judge_weight() {
                Weight::Fine => {}
                Weight::Wait => {
                    // Behind the requests, whose turn comes first.
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Weight::TooMuch => {
                    self.worker.doorbook.too_heavy(self.peer);
                    self.pulse.fate().cut();
                    return Poll::Ready(Driven::Ended);
                }
            }
            if self.tell() {
                continue;
            }
            if self.finishing.is_none()
                && let Poll::Ready(order) = self.pulse.poll_order(cx)
            {
                if order == Order::Leave && self.pulse.is_idle() {
                    // One more poll says goodbye; nobody waits for the caller's.
                    (self.finish)(self.connection.as_mut());
                    let _ = self.connection.as_mut().poll(cx);
                    self.pulse.part();
                    return Poll::Ready(Driven::Ended);
                }
                // A request was faster than the order to leave: it is answered, and the connection ends after it.
                self.slot.keep();
                self.finish(self.worker.settings.body_timeout);
                continue;
            }
            match self.overdue(cx) {
                None => return Poll::Pending,
                Some(Overdue::Rest) => return Poll::Ready(Driven::Resting),
                Some(Overdue::Idle) if self.finishing.is_none() && self.has_a_goodbye() => self.finish(GOODBYE),
                Some(Overdue::Idle) => {
                    self.pulse.part();
                    return Poll::Ready(Driven::Ended);
                }
                Some(Overdue::Taking) if self.gives_up_an_answer() => {}
                Some(Overdue::Head | Overdue::Reading | Overdue::Taking) => {
                    self.pulse.fate().cut();
                    return Poll::Ready(Driven::Ended);
                }
            }
        }
    }

    /// Does away with answers that are not taken; false when the connection has to be cut for it.
    fn gives_up_an_answer(&mut self) -> bool {
        let limit = self.worker.settings.body_timeout;
        match (self.pulse.takings().give_up(limit), self.finishing) {
            (GivenUp::Stream, _) => {}
            (GivenUp::Connection, None) => self.finish(limit),
            (GivenUp::Connection, Some(_)) => return false,
        }
        true
    }

    /// hyper leaves without a goodbye where a request asked for an upgrade (`Upgrade`, CONNECT) or began like HTTP/2: what it has not
    /// written yet would be lost, TLS would end without close_notify, and what the caller still sends would reset the connection before the
    /// answer is read. Polled once more, it writes the rest and closes in order; where it has done so already, that does nothing.
    /// What broke in the middle must go on looking broken.
    fn has_parted(&mut self, ended: &hyper::Result<()>) -> bool {
        let is_broken = ended.as_ref().is_err_and(|error| !error.is_parse());
        self.version == Version::HTTP_2 || is_broken || std::mem::replace(&mut self.is_parting, true)
    }

    /// HTTP/1.1 has none for somebody it has heard nothing of.
    fn has_a_goodbye(&self) -> bool {
        self.version == Version::HTTP_2 || self.pulse.served() > 0
    }

    fn finish(&mut self, goodbye: Duration) {
        let goodbye = if self.version == Version::HTTP_2 { goodbye } else { GOODBYE };
        self.finishing = Some(Finishing { since: Instant::now(), goodbye, is_told: false });
        self.tell();
    }

    /// Tells hyper to finish, when that is wanted and the time for it; true when it was told just now.
    fn tell(&mut self) -> bool {
        let waits = self.version != Version::HTTP_2 && self.pulse.awaits_head();
        match &mut self.finishing {
            Some(finishing) if !finishing.is_told && !waits => finishing.is_told = true,
            Some(_) | None => return false,
        }
        (self.finish)(self.connection.as_mut());
        true
    }

    /// What is overdue now; otherwise the timer is set for what will be next.
    fn overdue(&mut self, cx: &mut Context<'_>) -> Option<Overdue> {
        self.pulse.listen(cx);
        let due = self.due();
        if let Some((when, _)) = due
            && when < self.timer.deadline()
        {
            self.timer.as_mut().reset(when);
        }
        while self.timer.as_mut().poll(cx).is_ready() {
            let now = Instant::now();
            if let Some((when, what)) = due
                && when <= now
            {
                return Some(what);
            }
            // The timer is only ever set later when it has fired: most requests never touch it.
            self.timer.as_mut().reset(due.map_or(now + FAR, |(when, _)| when));
        }
        None
    }

    fn due(&self) -> Option<(Instant, Overdue)> {
        let settings = &self.worker.settings;
        // Reading the clock is dear where it is done at every poll, so it is read at most once, and only while there is nothing to do.
        let now = if self.pulse.is_idle() { Instant::now() } else { self.pulse.idle_since() };
        let idle = self.worker.slots.idle_limit(settings.idle_timeout, now - self.pulse.idle_since());
        let due = self.pulse.deadline(&Limits { head: settings.header_timeout, reading: settings.body_timeout, idle });
        match (self.finishing, due) {
            (Some(Finishing { since, goodbye, .. }), Some((_, Overdue::Idle))) => {
                Some((since.max(self.pulse.idle_since()) + goodbye, Overdue::Idle))
            }
            (None, Some((end, Overdue::Idle))) if self.rest == Rest::Allowed && !self.is_parting => {
                let rest = self.pulse.idle_since() + REST_AFTER;
                // Overdue all the same, it has to end.
                if rest < end && end > now { Some((rest, Overdue::Rest)) } else { due }
            }
            _ => due,
        }
    }
}

/// A connection in use has no deadline of its own.
const FAR: Duration = Duration::from_secs(24 * 3600);
/// How long a connection that was told to finish may take to close once it has nothing to do.
pub(super) const GOODBYE: Duration = Duration::from_secs(2);
/// How long a connection that has nothing to do keeps hyper's buffers: longer than a caller takes between two requests of a series.
const REST_AFTER: Duration = Duration::from_millis(100);
