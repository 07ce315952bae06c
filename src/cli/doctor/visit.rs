//! The requests of an examination: each over a connection of its own, within what is left of the time, and counted.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use tokio::time::Instant;

use super::reply::Reply;
use crate::network::{Bounds, Connection, Endpoint, Login, Pace, Tls, TokenBody, Unreached, token_request};

/// How an endpoint is called, and what that has come to so far.
pub(super) struct Visit<'a> {
    pub(super) endpoint: &'a Endpoint,
    pub(super) tls: Tls,
    until: Instant,
    step: Duration,
    pub(super) requests: u32,
    pub(super) connections: u32,
    pub(super) wrong_logins: u32,
    pub(super) payments: u32,
}

impl<'a> Visit<'a> {
    /// A visit that is over after `within`; no single step takes longer than an eighth of it, or 15 s.
    pub(super) fn new(endpoint: &'a Endpoint, within: Duration) -> Self {
        Self {
            endpoint,
            tls: Tls::unverified(),
            until: Instant::now() + within,
            step: (within / 8).min(LONGEST_STEP),
            requests: 0,
            connections: 0,
            wrong_logins: 0,
            payments: 0,
        }
    }

    /// How long the next step may take; nothing when the time is over.
    fn step(&self) -> Option<Duration> {
        let left = self.until.saturating_duration_since(Instant::now());
        (!left.is_zero()).then(|| left.min(self.step))
    }

    /// Whether the time is over.
    pub(super) fn is_over(&self) -> bool {
        self.step().is_none()
    }

    /// Whether there is time to wait so long, and for a step after it.
    pub(super) fn can_wait(&self, so_long: Duration) -> bool {
        self.until.saturating_duration_since(Instant::now()) > so_long + self.step
    }

    /// Opens a connection by these rules.
    pub(super) async fn open(&mut self, tls: &Tls) -> Result<Connection, Unreached> {
        let step = self.step().ok_or(Unreached::Late(Duration::ZERO))?;
        self.connections += 1;
        Connection::open(self.endpoint, tls, step).await
    }

    /// Sends a request over a new connection.
    pub(super) async fn ask(&mut self, request: Request<Full<Bytes>>) -> Reply {
        let (endpoint, tls) = (self.endpoint, self.tls.clone());
        self.ask_at(endpoint, &tls, request).await
    }

    /// The same elsewhere.
    pub(super) async fn ask_at(&mut self, endpoint: &Endpoint, tls: &Tls, request: Request<Full<Bytes>>) -> Reply {
        let Some(step) = self.step() else { return Reply::Unsent(OUT_OF_TIME) };
        self.connections += 1;
        let mut connection = match Connection::open(endpoint, tls, step).await {
            Ok(connection) => connection,
            Err(unreached) => return Reply::Silent(unreached.to_string()),
        };
        let Some(within) = self.step() else { return Reply::Unsent(OUT_OF_TIME) };
        self.requests += 1;
        match connection.exchange(request, Bounds { within, most: MOST_READ }).await {
            Ok(answer) => Reply::Heard(answer),
            Err(broken) => Reply::Silent(broken.to_string()),
        }
    }

    /// A token call.
    pub(super) async fn token(&mut self, login: Login<'_>, body: TokenBody) -> Reply {
        self.token_at(self.endpoint.token_target(), login, body).await
    }

    /// A token call at a variant of the token path.
    pub(super) async fn token_at(&mut self, target: &str, login: Login<'_>, body: TokenBody) -> Reply {
        self.ask(token_request(self.endpoint, target, login, body)).await
    }

    /// A token call that must fail, counted.
    pub(super) async fn wrong_login(&mut self, login: Login<'_>) -> Reply {
        self.wrong_logins += 1;
        self.token(login, TokenBody::Object).await
    }

    /// How long one new connection takes, and nothing on it.
    pub(super) async fn pace(&mut self) -> Result<Pace, String> {
        let tls = self.tls.clone();
        self.open(&tls).await.map(|connection| connection.pace()).map_err(|unreached| unreached.to_string())
    }
}

const LONGEST_STEP: Duration = Duration::from_secs(15);
/// An answer of the network's kind has some hundred bytes.
const MOST_READ: usize = 64 << 10;
pub(super) const OUT_OF_TIME: &str = "the time of this run was over; --within makes it longer";
