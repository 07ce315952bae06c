//! One payment on its way: attempts by the network's clock, each with a token of its own, until it is done, given up on, or lost.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until};

use super::caller::Caller;
use super::tally::Tally;
use crate::journal::verdict::Verdict;
use crate::network::{ATTEMPTS, LONGEST_WAIT, Payment, TokenStep};

/// What every payment's courier shares.
#[derive(Clone)]
pub(super) struct Courier {
    pub(super) caller: Rc<Caller>,
    pub(super) tally: Rc<RefCell<Tally>>,
    /// So many attempts at a time, as descriptors allow.
    pub(super) room: Rc<Semaphore>,
    pub(super) time_scale: f64,
    /// When the run is over, whatever is still open.
    pub(super) ends: Instant,
}

impl Courier {
    /// Takes one payment there.
    pub(super) async fn carry(self, payment: Payment) {
        let (begun, body) = (Instant::now(), payment.json());
        self.tally.borrow_mut().sent += 1;
        for (number, at) in ATTEMPTS.iter().enumerate() {
            sleep_until(begun + at.mul_f64(self.time_scale)).await;
            if self.left().is_zero() {
                break;
            }
            if number == 1 {
                self.tally.borrow_mut().retried += 1;
            }
            match self.attempt(body.clone()).await {
                Verdict::Done => {
                    let mut tally = self.tally.borrow_mut();
                    tally.done += 1;
                    tally.done_at[number] += 1;
                    tally.whole.add(begun.elapsed());
                    return;
                }
                Verdict::Final => {
                    self.tally.borrow_mut().finals += 1;
                    return;
                }
                Verdict::Retried => {}
            }
        }
        self.tally.borrow_mut().lost += 1;
    }

    async fn attempt(&self, body: String) -> Verdict {
        if self.room.available_permits() == 0 {
            self.tally.borrow_mut().held_up += 1;
        }
        let Ok(_room) = self.room.acquire().await else { return Verdict::Retried };
        let asked = Instant::now();
        let token = self.caller.token(self.left()).await;
        let token_took = asked.elapsed();
        let sent = Instant::now();
        let attempted = self.caller.deliver(&token, body, self.left()).await;
        let mut tally = self.tally.borrow_mut();
        tally.token_calls += 1;
        tally.attempts += 1;
        tally.token.add(token_took);
        tally.delivery.add(sent.elapsed());
        match &token {
            Ok(TokenStep::Token(_)) => {}
            Ok(TokenStep::Null) => tally.fail("token call: no access_token, so the delivery said Bearer null"),
            Ok(TokenStep::Nothing(want)) => tally.fail(format!("token call: {want}")),
            Err(why) => tally.fail(format!("token call: {why}")),
        }
        if let Some(why) = attempted.why {
            tally.fail(format!("delivery: {why}"));
        }
        attempted.verdict
    }

    /// How long the next step may take.
    fn left(&self) -> Duration {
        self.ends.saturating_duration_since(Instant::now()).min(LONGEST_WAIT)
    }
}
