//! The token endpoint: credentials in, a token for 300 seconds out. Source: contract, section 2; RFC 6749, section 5.1; RFC 7617.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::request::Parts;
use http::{HeaderMap, Method, Response};
use http_body::Body;
use http_body_util::Full;
use serde::Serialize;
use thread_priority::{
    NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy, set_thread_priority_and_policy, thread_native_id,
};
use tokio::sync::{Semaphore, oneshot};

use crate::auth::accounts::{Accepted, Caller, HashingRoom, Login, SlowLogin};
use crate::auth::basic;
use crate::auth::keyring::KeyRing;
use crate::body::{BodyFault, swallow};
use crate::clock::Clock;
use crate::live::Live;
use crate::metrics::Metrics;
use crate::policy::Clients;
use crate::policy::limits::Limits;
use crate::refusal::{Denied, Full503, Refusal};
use crate::rules::peer::AddressList;

/// Issues tokens. One for the whole process: the bound on password hashing is a bound on its memory.
pub struct Issuer {
    clients: Arc<Live<Clients>>,
    keys: Arc<Live<KeyRing>>,
    limits: Arc<Limits>,
    clock: Clock,
    settings: Settings,
    hashing: Arc<Semaphore>,
    queue: Arc<Semaphore>,
    rooms: Arc<Mutex<Vec<HashingRoom>>>,
    metrics: Arc<Metrics>,
}

/// What the token endpoint needs to know.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Who may call at all.
    pub addresses: AddressList,
    /// How long a body may stand still.
    pub body_timeout: Duration,
    /// How many passwords are hashed at a time; each takes 7 MiB (up to 64 MiB for a hash made elsewhere) and a core for some 20 ms.
    pub hashing: usize,
}

/// A token for a caller that has proved itself.
#[derive(Debug)]
pub struct Issued {
    /// Who it is for, and which password it was.
    pub accepted: Accepted,
    /// `200` with exactly the members `access_token`, `token_type` and `expires_in`.
    pub answer: Response<Full<Bytes>>,
}

/// A call that gets no token.
#[derive(Debug)]
pub struct NotIssued {
    /// Why.
    pub refusal: Refusal,
    /// Who called, when its credentials were good.
    pub caller: Option<Caller>,
}

#[derive(Serialize)]
struct TokenAnswer<'t> {
    access_token: &'t str,
    token_type: &'static str,
    expires_in: u64,
}

impl Issuer {
    /// An issuer for these clients that signs with these keys.
    #[must_use]
    pub fn new(
        clients: Arc<Live<Clients>>,
        keys: Arc<Live<KeyRing>>,
        limits: Arc<Limits>,
        clock: Clock,
        metrics: Arc<Metrics>,
        settings: Settings,
    ) -> Self {
        let hashing = Arc::new(Semaphore::new(settings.hashing));
        let queue = Arc::new(Semaphore::new(settings.hashing + MOST_WAITING));
        Self { clients, keys, limits, clock, settings, hashing, queue, rooms: Arc::default(), metrics }
    }

    /// Logins that are being hashed or wait for it.
    #[must_use]
    pub fn hashing(&self) -> usize {
        self.settings.hashing + MOST_WAITING - self.queue.available_permits()
    }

    /// Answers one call from `peer`. The body is read only for a caller with good credentials, and forgotten.
    ///
    /// # Errors
    /// The refusals of contract section 2.
    pub async fn issue<B>(&self, parts: &Parts, body: &mut B, peer: IpAddr) -> Result<Issued, NotIssued>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        if !self.settings.addresses.contains(peer) {
            return Err(Refusal::NotAllowed(Denied::Address).into());
        }
        if parts.method != Method::POST {
            return Err(Refusal::NotPost.into());
        }
        if body.size_hint().lower() > MOST_BODY {
            return Err(Refusal::BodyTooLarge.into());
        }
        let accepted = self.log_in(&parts.headers, peer).await?;
        accepted.caller.meter().password_used(accepted.password, self.clock.unix());
        let caller = accepted.caller.clone();
        let issued = self.issue_to(accepted, body, peer).await;
        issued.map_err(|refusal| NotIssued { refusal, caller: Some(caller) })
    }

    /// Answers a call with good credentials.
    async fn issue_to<B>(&self, accepted: Accepted, body: &mut B, peer: IpAddr) -> Result<Issued, Refusal>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        self.permit(&accepted.caller, peer)?;
        swallow(body, MOST_BODY, self.settings.body_timeout).await.map_err(|fault| match fault {
            BodyFault::TooLarge => Refusal::BodyTooLarge,
            BodyFault::Stalled => Refusal::BodyTimeout,
            BodyFault::Broken => Refusal::BodyBroken,
        })?;
        self.mint(accepted)
    }

    /// Finds out who it is. A generated password is never held back by failures from its address: it has 128 random bits or more, so
    /// trying is pointless, and an attacker behind the same load balancer must not be able to stop the network's logins.
    async fn log_in(&self, headers: &HeaderMap, peer: IpAddr) -> Result<Accepted, Refusal> {
        let credentials = basic::parse(headers).map_err(Refusal::NoBasic)?;
        let login = self.clients.read().accounts().begin(&credentials);
        match login {
            Login::Accepted(accepted) => Ok(accepted),
            Login::Refused => {
                self.limits.failure(peer).map_err(Refusal::TooManyFailures)?;
                Err(Refusal::WrongCredentials)
            }
            Login::NeedsHashing(login) => {
                // Counted before it is known: a thousand guesses at once must not all be hashed first.
                self.limits.failure(peer).map_err(Refusal::TooManyFailures)?;
                let found = self.hash(login).await;
                if found.as_ref().err() != Some(&Refusal::WrongCredentials) {
                    self.limits.no_failure(peer);
                }
                found
            }
        }
    }

    /// Runs argon2id on a thread of its own that lets all others go first, a bounded number at a time.
    async fn hash(&self, login: SlowLogin) -> Result<Accepted, Refusal> {
        let full = Refusal::Overloaded(Full503::Hashing);
        let waiting = Arc::clone(&self.queue).try_acquire_owned().map_err(|_| full)?;
        let running = Arc::clone(&self.hashing).acquire_owned().await.map_err(|_| full)?;
        self.metrics.hashed_login();
        let rooms = Arc::clone(&self.rooms);
        let (tell, told) = oneshot::channel();
        let hashing = move || {
            step_back();
            // The permits go with the work: a caller that hangs up does not end it.
            let _permits = (waiting, running);
            let mut room = lock(&rooms).pop().unwrap_or_default();
            let found = login.run(&mut room);
            lock(&rooms).push(room);
            // Nobody listens when the caller has hung up.
            let _ = tell.send(found);
        };
        // Not a thread of the runtime's pool: what has stepped back can never step forward again.
        thread::Builder::new().name("hash".into()).spawn(hashing).map_err(|_| full)?;
        let found = told.await.map_err(|_| full)?;
        found.ok_or(Refusal::WrongCredentials)
    }

    /// Whether this client may have a token, from there and now. It may have been removed while its password was hashed.
    fn permit(&self, caller: &Caller, peer: IpAddr) -> Result<(), Refusal> {
        let clients = self.clients.read();
        let policy = clients.policy(caller).ok_or(Refusal::WrongCredentials)?;
        if !policy.addresses.contains(peer) {
            return Err(Refusal::NotAllowed(Denied::ClientAddress));
        }
        let rate = policy.token_rate.or(self.limits.settings().tokens);
        self.limits.token(caller.client(), rate).map_err(Refusal::TooManyTokens)
    }

    fn mint(&self, accepted: Accepted) -> Result<Issued, Refusal> {
        let failed = Refusal::Overloaded(Full503::Signing);
        let minted = self.keys.read().mint(accepted.caller.client(), self.clock.unix()).map_err(|_| failed)?;
        let members = TokenAnswer { access_token: &minted.token, token_type: "Bearer", expires_in: minted.expires_in };
        let body = serde_json::to_vec(&members).map_err(|_| failed)?;
        let mut answer = Response::new(Full::new(Bytes::from(body)));
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Ok(Issued { accepted, answer })
    }
}

impl From<Refusal> for NotIssued {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, caller: None }
    }
}

/// Lets every thread that answers callers go first: this one computes for 20 ms, which is what the others' whole work takes many times over.
/// `SCHED_IDLE` runs only while no other thread wants the processor, and gives it up at once; `nice` alone does not (tests/flood.sh).
fn step_back() {
    // Where the system refuses, hashing competes as any other work does.
    let policy = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
    let _ = set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, policy);
}

fn lock(rooms: &Mutex<Vec<HashingRoom>>) -> MutexGuard<'_, Vec<HashingRoom>> {
    rooms.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The body of a token call is ignored, up to this.
const MOST_BODY: u64 = 64 << 10;
/// Logins that may wait for their turn before the next is told to come back.
const MOST_WAITING: usize = 32;
