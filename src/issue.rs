//! The token endpoint: credentials in, a token for 300 seconds out. Source: contract, section 2; RFC 6749, section 5.1; RFC 7617.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::request::Parts;
use http::{Method, Response};
use http_body::Body;
use http_body_util::Full;
use serde::Serialize;
use tokio::sync::Semaphore;

use crate::auth::accounts::{Accepted, Accounts, Caller, Login, SlowLogin};
use crate::auth::basic;
use crate::auth::keyring::KeyRing;
use crate::body::{BodyFault, swallow};
use crate::clock::Clock;
use crate::refusal::{Full503, Refusal};

/// Issues tokens. One for the whole process: the bound on password hashing is a bound on its memory.
pub struct Issuer {
    accounts: Arc<Accounts>,
    keys: Arc<KeyRing>,
    clock: Clock,
    body_timeout: Duration,
    hashing: Semaphore,
    queue: Semaphore,
}

/// A token for a caller that has proved itself.
#[derive(Debug)]
pub struct Issued {
    /// Who it is for.
    pub caller: Caller,
    /// `200` with exactly the members `access_token`, `token_type` and `expires_in`.
    pub answer: Response<Full<Bytes>>,
}

#[derive(Serialize)]
struct TokenAnswer<'t> {
    access_token: &'t str,
    token_type: &'static str,
    expires_in: u64,
}

impl Issuer {
    /// An issuer for these clients that signs with these keys. `body_timeout` is how long a body may stand still.
    #[must_use]
    pub fn new(accounts: Arc<Accounts>, keys: Arc<KeyRing>, clock: Clock, body_timeout: Duration) -> Self {
        let (hashing, queue) = (Semaphore::new(MOST_HASHING), Semaphore::new(MOST_HASHING + MOST_WAITING));
        Self { accounts, keys, clock, body_timeout, hashing, queue }
    }

    /// Answers one call. The body is read only for a caller with good credentials, and forgotten.
    ///
    /// # Errors
    /// The refusals of contract section 2.
    pub async fn issue<B>(&self, parts: &Parts, body: &mut B) -> Result<Issued, Refusal>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        if parts.method != Method::POST {
            return Err(Refusal::NotPost);
        }
        if body.size_hint().lower() > MOST_BODY {
            return Err(Refusal::BodyTooLarge);
        }
        let credentials = basic::parse(&parts.headers).map_err(Refusal::NoBasic)?;
        let caller = match self.accounts.begin(&credentials) {
            Login::Accepted(accepted) => accepted.caller,
            Login::Refused => return Err(Refusal::WrongCredentials),
            Login::NeedsHashing(login) => self.hash(login).await?.caller,
        };
        swallow(body, MOST_BODY, self.body_timeout).await.map_err(|fault| match fault {
            BodyFault::TooLarge => Refusal::BodyTooLarge,
            BodyFault::Stalled => Refusal::BodyTimeout,
            BodyFault::Broken => Refusal::BodyBroken,
        })?;
        self.mint(caller)
    }

    /// Runs argon2id on a thread of its own, a bounded number at a time.
    async fn hash(&self, login: SlowLogin) -> Result<Accepted, Refusal> {
        let full = Refusal::Overloaded(Full503::Hashing);
        let _waiting = self.queue.try_acquire().map_err(|_| full)?;
        let _running = self.hashing.acquire().await.map_err(|_| full)?;
        let found = tokio::task::spawn_blocking(move || login.run()).await.map_err(|_| full)?;
        found.ok_or(Refusal::WrongCredentials)
    }

    fn mint(&self, caller: Caller) -> Result<Issued, Refusal> {
        let failed = Refusal::Overloaded(Full503::Signing);
        let minted = self.keys.mint(caller.client(), self.clock.unix()).map_err(|_| failed)?;
        let members = TokenAnswer { access_token: &minted.token, token_type: "Bearer", expires_in: minted.expires_in };
        let body = serde_json::to_vec(&members).map_err(|_| failed)?;
        let mut answer = Response::new(Full::new(Bytes::from(body)));
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Ok(Issued { caller, answer })
    }
}

/// The body of a token call is ignored, up to this.
const MOST_BODY: u64 = 64 << 10;
/// Hashes computed at a time: each takes 7 MiB (up to 64 MiB for a hash made elsewhere) and a core for some 20 ms.
const MOST_HASHING: usize = 2;
/// Logins that may wait for their turn before the next is told to come back.
const MOST_WAITING: usize = 32;
