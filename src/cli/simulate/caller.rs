//! The network's side of the wires: a shared pool for tokens, a new connection for every delivery, which is then left.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use http_body_util::Full;

use crate::journal::verdict::Verdict;
use crate::network::{
    Answer, Bearer, Bounds, Broken, Connection, Endpoint, Login, Roots, Tls, TokenBody, TokenStep, Unreached, delivery,
    judge_token, token_request,
};
use crate::secret::Secret;

/// The network, with what it keeps open.
pub(super) struct Caller {
    endpoint: Endpoint,
    believing: Tls,
    unbelieving: Tls,
    username: String,
    password: Secret<String>,
    /// Connections of token calls that may carry another, the latest used last.
    pool: RefCell<Vec<Connection>>,
    /// Connections of deliveries, the oldest first.
    left: RefCell<VecDeque<Connection>>,
    most_left: usize,
}

/// How an attempt ended.
pub(super) struct Attempted {
    pub(super) verdict: Verdict,
    /// Why it is not done.
    pub(super) why: Option<String>,
}

impl Caller {
    pub(super) fn new(endpoint: Endpoint, roots: &Roots, login: (String, Secret<String>), most_left: usize) -> Self {
        let (username, password) = login;
        Self {
            endpoint,
            believing: Tls::verified(roots),
            unbelieving: Tls::unverified(),
            username,
            password,
            pool: RefCell::default(),
            left: RefCell::default(),
            most_left,
        }
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Asks for a token over a connection of the pool. One that was closed meanwhile is replaced and the request sent once more, as the
    /// network's library does.
    ///
    /// # Errors
    /// Why there is no answer, in words.
    pub(super) async fn token(&self, within: Duration) -> Result<TokenStep, String> {
        let until = Instant::now() + within;
        let ask = || {
            let login = Login::Basic(&self.username, &self.password);
            token_request(&self.endpoint, self.endpoint.token_target(), login, TokenBody::Object)
        };
        let pooled = self.pool.borrow_mut().pop();
        if let Some(mut connection) = pooled {
            match connection.exchange(ask(), bounds(until)).await {
                Err(Broken::Http(_)) => {}
                answer => return Ok(self.kept(connection, answer.map_err(broken)?)),
            }
        }
        let mut connection = self.open(&self.believing, until).await?;
        let answer = connection.exchange(ask(), bounds(until)).await.map_err(broken)?;
        Ok(self.kept(connection, answer))
    }

    /// Judges the answer, and puts the connection back when it is at an end.
    fn kept(&self, connection: Connection, answer: Answer) -> TokenStep {
        if answer.ending == crate::network::Ending::Whole {
            self.pool.borrow_mut().push(connection);
        }
        judge_token(&answer)
    }

    /// Delivers over a new connection, which stays open when it is answered.
    pub(super) async fn deliver(&self, token: &Result<TokenStep, String>, body: String, within: Duration) -> Attempted {
        let bearer = match token {
            Ok(TokenStep::Token(token)) => Bearer::Token(token),
            Ok(TokenStep::Null) => Bearer::Null,
            // The network delivers all the same, without a token.
            Ok(TokenStep::Nothing(_)) | Err(_) => Bearer::Nothing,
        };
        let until = Instant::now() + within;
        let heard = async {
            let mut connection = self.open(&self.unbelieving, until).await?;
            let request = delivery(&self.endpoint, bearer, body);
            let answer = connection.exchange(request, bounds(until)).await.map_err(broken)?;
            self.leave(connection);
            Ok::<_, String>(answer)
        };
        match heard.await {
            Ok(answer) => {
                let judged = answer.as_delivery();
                let why = (judged.verdict != Verdict::Done).then(|| judged.ground.to_string());
                Attempted { verdict: judged.verdict, why }
            }
            Err(why) => Attempted { verdict: Verdict::Retried, why: Some(why) },
        }
    }

    /// `GET` with a token, over a connection of its own; the body of a 200.
    pub(super) async fn get(&self, path: &str, within: Duration) -> Option<Bytes> {
        let Ok(TokenStep::Token(token)) = self.token(within).await else { return None };
        let until = Instant::now() + within;
        let mut connection = self.open(&self.unbelieving, until).await.ok()?;
        let request = Request::get(path)
            .header("host", self.endpoint.authority())
            .header("authorization", format!("Bearer {}", token.expose()))
            .body(Full::default());
        let answer = connection.exchange(request.ok()?, bounds(until)).await.ok()?;
        (answer.status == http::StatusCode::OK).then_some(answer.body)
    }

    async fn open(&self, tls: &Tls, until: Instant) -> Result<Connection, String> {
        let left = until.saturating_duration_since(Instant::now());
        Connection::open(&self.endpoint, tls, left).await.map_err(|unreached| match unreached {
            Unreached::Unresolved { .. } | Unreached::Name(_) => "the name cannot be resolved".to_owned(),
            Unreached::Tcp { source, .. } => format!("no TCP connection: {}", source.kind()),
            Unreached::Handshake(error) => format!("the TLS handshake failed: {error}"),
            Unreached::Late(_) => "no connection in time".to_owned(),
            Unreached::Ended(_) => "the connection ended before a request".to_owned(),
        })
    }

    /// Leaves a connection as the network does, until the other side closes it; of too many the oldest is closed here.
    fn leave(&self, connection: Connection) {
        let mut left = self.left.borrow_mut();
        if left.len() >= self.most_left {
            left.pop_front();
        }
        left.push_back(connection);
    }
}

fn bounds(until: Instant) -> Bounds {
    Bounds { within: until.saturating_duration_since(Instant::now()), most: MOST_READ }
}

fn broken(broken: Broken) -> String {
    match broken {
        Broken::Silent(_) => "no answer in time".to_owned(),
        Broken::Http(_) => "the connection broke before an answer".to_owned(),
    }
}

/// An answer of the network's kind has some hundred bytes.
const MOST_READ: usize = 64 << 10;
