//! The last refused calls, for the status page: a few of each reason, so that one that floods does not hide the others.

use std::cell::Cell;
use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use http::{Method, StatusCode};
use strum::EnumCount as _;

use super::Errand;
use crate::auth::accounts::ClientName;
use crate::metrics::label::Reason;
use crate::refusal::Refusal;

/// A call that was refused.
#[derive(Clone, Debug)]
pub struct RefusedCall {
    /// When, since the Unix epoch.
    pub time: Duration,
    /// From where.
    pub peer: IpAddr,
    /// By whom, when that was proved.
    pub client: Option<ClientName>,
    /// What was asked for.
    pub method: Method,
    /// What was asked for, cut at 200 bytes; the caller chose it.
    pub path: String,
    /// At which of the two desks.
    pub errand: Errand,
    /// What the caller heard.
    pub status: StatusCode,
    /// Why.
    pub refusal: Refusal,
}

/// The last calls of each reason. Shared by all workers.
#[derive(Debug)]
pub struct Recent(Mutex<[VecDeque<RefusedCall>; Reason::COUNT]>);

/// How many calls of each reason one worker has kept within this second.
#[derive(Debug)]
pub(super) struct Pace {
    begun: Instant,
    kept: [Cell<(u64, u8)>; Reason::COUNT],
}

impl Default for Recent {
    fn default() -> Self {
        Self(Mutex::new([const { VecDeque::new() }; Reason::COUNT]))
    }
}

impl Recent {
    /// The last calls, the latest first, at most `most` of them.
    #[must_use]
    pub fn latest(&self, most: usize) -> Vec<RefusedCall> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut calls: Vec<_> = kept.iter().flatten().cloned().collect();
        drop(kept);
        calls.sort_by_key(|call| std::cmp::Reverse(call.time));
        calls.truncate(most);
        calls
    }

    /// Keeps a call, if nobody else is at it: a request never waits for a page.
    pub(super) fn keep(&self, call: impl FnOnce() -> RefusedCall, reason: Reason) {
        let Ok(mut kept) = self.0.try_lock() else { return };
        let calls = &mut kept[reason as usize];
        if calls.len() >= usize::from(KEPT) {
            calls.pop_front();
        }
        calls.push_back(call());
    }
}

impl Pace {
    pub(super) fn new() -> Self {
        Self { begun: Instant::now(), kept: [const { Cell::new((0, 0)) }; Reason::COUNT] }
    }

    /// Whether one more is worth the while: those of one second that came after the first few would only push them out.
    pub(super) fn allows(&self, reason: Reason) -> bool {
        self.allows_at(reason, self.begun.elapsed().as_secs())
    }

    fn allows_at(&self, reason: Reason, second: u64) -> bool {
        let kept = &self.kept[reason as usize];
        let (when, so_far) = kept.get();
        let so_far = if when == second { so_far } else { 0 };
        if so_far < KEPT {
            kept.set((second, so_far + 1));
        }
        so_far < KEPT
    }
}

impl RefusedCall {
    pub(super) fn now() -> Duration {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
    }

    pub(super) fn shown(path: &str) -> String {
        path[..path.floor_char_boundary(MOST_PATH)].to_owned()
    }
}

/// Calls of one reason.
const KEPT: u8 = 5;
/// What is kept of a path, in bytes.
const MOST_PATH: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    fn call(number: u64, refusal: Refusal) -> RefusedCall {
        RefusedCall {
            time: Duration::from_secs(number),
            peer: [127, 0, 0, 1].into(),
            client: None,
            method: Method::GET,
            path: RefusedCall::shown(&format!("/{}", "ư".repeat(300))),
            errand: Errand::Forward,
            status: StatusCode::UNAUTHORIZED,
            refusal,
        }
    }

    #[test]
    fn a_flood_of_one_reason_hides_no_other() {
        let recent = Recent::default();
        recent.keep(|| call(1, Refusal::WrongCredentials), Reason::WrongCredentials);
        for number in 2..1000 {
            recent.keep(|| call(number, Refusal::NotPost), Reason::NotPost);
        }
        let times = |most: usize| recent.latest(most).iter().map(|call| call.time.as_secs()).collect::<Vec<_>>();
        assert_eq!((times(40), times(2)), (vec![999, 998, 997, 996, 995, 1], vec![999, 998]));
        assert_eq!(recent.latest(1)[0].path.len(), 199);
    }

    #[test]
    fn a_worker_keeps_five_of_a_reason_in_a_second() {
        let pace = Pace::new();
        let kept = |second, reason| (0..9).filter(|_| pace.allows_at(reason, second)).count();
        let all = [
            (0, Reason::NotPost),
            (0, Reason::BadPath),
            (0, Reason::NotPost),
            (1, Reason::NotPost),
            (9, Reason::NotPost),
        ];
        assert_eq!(all.map(|(second, reason)| kept(second, reason)), [5, 5, 0, 5, 5]);
    }
}
