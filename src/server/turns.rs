//! Handshakes take turns, so that many at once do not stand in the way of those who are connected already.
//!
//! A step of a TLS handshake keeps the processor for about a quarter of a millisecond, ten times as long as a request. A hundred callers who come
//! at the same moment would hold everybody else up for 25 ms. So between two handshakes a worker looks at everything else that is ready.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::yield_now;
use tokio::time::Instant;

/// One worker's queue of handshakes that have something to do.
#[derive(Debug, Default)]
pub(super) struct Turns {
    waiting: RefCell<VecDeque<Rc<Turn>>>,
    somebody_came: Notify,
}

/// The place of one handshake.
#[derive(Debug)]
struct Turn {
    place: Cell<Place>,
    since: Cell<Instant>,
    waker: RefCell<Option<Waker>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Away,
    Queued,
    Called,
}

impl Turns {
    /// Drives `handshake`, each of its steps when its turn has come.
    pub(super) async fn take<F: Future>(&self, handshake: F) -> F::Output {
        let mut handshake = pin!(handshake);
        let turn = Leaving(Rc::new(Turn::default()));
        poll_fn(|cx| match self.place(&turn.0, cx) {
            Place::Called => handshake.as_mut().poll(cx),
            Place::Away | Place::Queued => Poll::Pending,
        })
        .await
    }

    /// Whether the turn has come; whoever is not in the queue gets into it.
    fn place(&self, turn: &Rc<Turn>, cx: &mut Context<'_>) -> Place {
        match turn.place.get() {
            Place::Called => turn.place.replace(Place::Away),
            Place::Queued => Place::Queued,
            Place::Away => {
                turn.place.set(Place::Queued);
                turn.since.set(Instant::now());
                turn.waker.replace(Some(cx.waker().clone()));
                self.waiting.borrow_mut().push_back(Rc::clone(turn));
                self.somebody_came.notify_one();
                Place::Queued
            }
        }
    }

    /// Calls one after the other, and between two of them lets the worker do what else there is. Who has waited for [`LONGEST`] is called at once:
    /// a worker that is busy with requests all the time is not to keep new callers out.
    pub(super) async fn call_for_ever(&self) {
        loop {
            if self.call_next() {
                yield_now().await;
                let now = Instant::now();
                while self.next_has_waited_since(now) >= LONGEST {
                    self.call_next();
                }
            } else {
                self.somebody_came.notified().await;
            }
        }
    }

    /// Calls the next; `false` when nobody waits.
    fn call_next(&self) -> bool {
        loop {
            let Some(turn) = self.waiting.borrow_mut().pop_front() else { return false };
            if turn.place.get() == Place::Queued {
                turn.place.set(Place::Called);
                if let Some(waker) = turn.waker.take() {
                    waker.wake();
                }
                return true;
            }
        }
    }

    fn next_has_waited_since(&self, now: Instant) -> Duration {
        self.waiting.borrow().front().map_or(Duration::ZERO, |turn| now.duration_since(turn.since.get()))
    }
}

impl Default for Turn {
    fn default() -> Self {
        Self { place: Cell::new(Place::Away), since: Cell::new(Instant::now()), waker: RefCell::default() }
    }
}

/// Who gives up is not called any more.
struct Leaving(Rc<Turn>);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.place.set(Place::Away);
    }
}

/// How long a handshake may be made to wait for others' requests.
const LONGEST: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use tokio::task::{LocalSet, spawn_local};

    use super::*;

    /// What happened, in its order.
    type Diary = Rc<RefCell<Vec<&'static str>>>;

    async fn write(diary: Diary, word: &'static str) {
        diary.borrow_mut().push(word);
    }

    #[tokio::test]
    async fn between_two_handshakes_everything_else_that_is_ready_has_its_turn() {
        let diary = Diary::default();
        LocalSet::new()
            .run_until(async {
                let turns = Rc::new(Turns::default());
                let (caller, other) = (Rc::clone(&turns), Rc::clone(&diary));
                spawn_local(async move { caller.call_for_ever().await });
                let tasks: Vec<_> = (0..3)
                    .map(|_| {
                        let (turns, diary) = (Rc::clone(&turns), Rc::clone(&diary));
                        spawn_local(async move { turns.take(write(diary, "handshake")).await })
                    })
                    .collect();
                spawn_local(async move {
                    for _ in 0..20 {
                        write(Rc::clone(&other), "request").await;
                        yield_now().await;
                    }
                })
                .await
                .expect("it has not panicked");
                for task in tasks {
                    task.await.expect("it has not panicked");
                }
            })
            .await;
        let diary = diary.borrow();
        assert_eq!(diary.iter().filter(|word| **word == "handshake").count(), 3, "{diary:?}");
        assert!(!diary.windows(2).any(|two| two == ["handshake", "handshake"]), "{diary:?}");
    }

    #[tokio::test]
    async fn who_gives_up_does_not_hold_up_the_next() {
        LocalSet::new()
            .run_until(async {
                let turns = Rc::new(Turns::default());
                let mut given_up = Box::pin(turns.take(std::future::pending::<()>()));
                assert!(poll_fn(|cx| Poll::Ready(given_up.as_mut().poll(cx))).await.is_pending());
                drop(given_up);
                let caller = Rc::clone(&turns);
                spawn_local(async move { caller.call_for_ever().await });
                turns.take(async {}).await;
            })
            .await;
    }

    #[tokio::test]
    async fn a_handshake_of_many_steps_queues_for_each() {
        LocalSet::new()
            .run_until(async {
                let turns = Rc::new(Turns::default());
                let caller = Rc::clone(&turns);
                spawn_local(async move { caller.call_for_ever().await });
                let mut steps = 0;
                turns
                    .take(poll_fn(|cx| {
                        steps += 1;
                        cx.waker().wake_by_ref();
                        if steps < 5 { Poll::Pending } else { Poll::Ready(()) }
                    }))
                    .await;
                assert_eq!(steps, 5);
            })
            .await;
    }
}
