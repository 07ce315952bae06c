//! The payment network, with its retries in fast motion.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use http::HeaderValue;
use http::header::AUTHORIZATION;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::files::{PASSWORD, USERNAME};
use super::ledger::{HUNG, Judged, Ledger};
use crate::caller::{Caller, Tls, delivery};

/// Pays, each payment in a task of its own.
pub(super) struct Network {
    address: SocketAddr,
    tls: Tls,
    ledger: Rc<Ledger>,
    /// Token connections that are kept; deliveries have one each.
    pool: RefCell<Vec<Caller>>,
    under_way: RefCell<JoinSet<()>>,
}

impl Network {
    pub(super) fn new(address: SocketAddr, tls: Tls, ledger: Rc<Ledger>) -> Rc<Self> {
        Rc::new(Self { address, tls, ledger, pool: RefCell::default(), under_way: RefCell::default() })
    }

    /// Begins payments at a fixed rate.
    pub(super) async fn pay_until(self: Rc<Self>, ended: &Cell<bool>) {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !ended.get() {
            ticks.tick().await;
            let network = Rc::clone(&self);
            let mut under_way = self.under_way.borrow_mut();
            under_way.spawn_local(async move { network.pay().await });
            while under_way.try_join_next().is_some() {}
        }
    }

    /// Waits until every payment is done or lost.
    pub(super) async fn finish(&self) {
        let mut under_way = self.under_way.take();
        while under_way.join_next().await.is_some() {}
        self.pool.take();
    }

    async fn pay(&self) {
        let payment = format!("T{}", self.ledger.payment());
        for (attempt, wait) in WAITS_MS.into_iter().enumerate() {
            sleep(Duration::from_millis(wait)).await;
            self.ledger.attempt();
            match self.attempt(&payment, attempt).await {
                Judged::Done => return self.ledger.done(payment),
                Judged::GivenUp => return self.ledger.lost(payment),
                Judged::Again => {}
            }
        }
        self.ledger.lost(payment);
    }

    /// A token, and the delivery; without a token the delivery is sent without `Authorization`, as the network does.
    async fn attempt(&self, payment: &str, attempt: usize) -> Judged {
        let token = timeout(MOST, self.token()).await.ok().flatten();
        let mut request = delivery(token.as_deref().unwrap_or_default(), payment);
        if token.is_none() {
            request.headers_mut().remove(AUTHORIZATION);
        }
        let name = format!("{payment}-{attempt}");
        request.headers_mut().insert("X-Attempt", HeaderValue::from_str(&name).expect("it is plain text"));
        let sent = async {
            let mut caller = Caller::connect(self.address, Some(&self.tls)).await?;
            let answer = caller.send(request).await?;
            caller.leave();
            Ok::<_, io::Error>(answer)
        };
        match timeout(MOST, sent).await {
            Ok(Ok((status, body))) => self.ledger.answer(status, &body),
            Ok(Err(_)) => self.ledger.no_answer("broken"),
            Err(_) => self.ledger.no_answer(HUNG),
        }
    }

    /// Over a connection that is kept, or a new one when that has been closed meanwhile.
    async fn token(&self) -> Option<String> {
        let kept = self.pool.borrow_mut().pop();
        for caller in [kept, None] {
            let mut caller = match caller {
                Some(caller) => caller,
                None => Caller::connect(self.address, Some(&self.tls)).await.ok()?,
            };
            if let Ok(token) = caller.token(USERNAME, PASSWORD).await {
                self.pool.borrow_mut().push(caller);
                return Some(token);
            }
        }
        None
    }
}

/// Forty payments a second.
const EVERY: Duration = Duration::from_millis(25);
/// Before each attempt: the network's 0, 1, 3, 6, 10, 70, … 310 s in fast motion.
const WAITS_MS: [u64; 10] = [0, 100, 200, 300, 400, 3000, 3000, 3000, 3000, 3000];
/// More than all of the program's timeouts together.
const MOST: Duration = Duration::from_secs(20);
