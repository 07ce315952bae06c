//! The admin listener: is it alive, is it ready, what has it counted, what is going on. For those who run the gate, never for its callers.
//!
//! Plain HTTP/1.1 on a thread of its own, so that a probe is answered however busy the workers are. Read-only: nothing here changes
//! anything, and nothing here is a secret. Source: contract, section 5.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HOST, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use tokio::sync::oneshot;

use crate::auth::keyring::KeyRing;
use crate::clock::Clock;
use crate::issue::Issuer;
use crate::journal;
use crate::live::Live;
use crate::log::Log;
use crate::metrics::{Metrics, text};
use crate::policy::Clients;
use crate::tls;
use crate::upstream::probe::Probe;

mod exposition;
mod history;
mod host;
mod listener;
mod lookout;
mod readiness;
mod status;

pub use lookout::Lookout;

use history::History;

/// What the admin listener shows.
pub struct Shown {
    /// What was counted.
    pub metrics: Arc<Metrics>,
    /// Who the clients are, and when their secrets were used.
    pub clients: Arc<Live<Clients>>,
    /// Which keys sign and check.
    pub keys: Arc<Live<KeyRing>>,
    /// The certificate; `None` without TLS.
    pub tls: Option<Arc<Live<tls::Ending>>>,
    /// How many logins are hashed.
    pub issuer: Arc<Issuer>,
    /// Whether the upstream takes connections.
    pub upstream: Probe,
    /// The last refused calls.
    pub journal: Arc<journal::Shared>,
    /// How many connections there may be.
    pub max_connections: usize,
    /// What the variables came to.
    pub settings: Vec<Setting>,
    /// Whether the process was told to stop.
    pub is_draining: Box<dyn Fn() -> bool + Send + Sync>,
    /// Whether certificate and tokens are valid now.
    pub clock: Clock,
    /// What the log has lost.
    pub log: Log,
}

/// What a variable came to. A secret is `set` or `unset`.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Setting {
    /// The variable.
    pub name: &'static str,
    /// What it came to.
    pub value: String,
    /// Whether that is the default.
    pub is_default: bool,
}

/// The admin listener while it serves. Dropping it ends it.
#[derive(Debug)]
pub struct Admin {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Admin {
    /// Serves on `listener` from a thread of its own.
    ///
    /// # Errors
    /// When there can be no such thread.
    pub fn start(listener: TcpListener, shown: Arc<Shown>) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(1).build()?;
        let (stop, stopped) = oneshot::channel();
        let serving = move || {
            runtime.block_on(listener::serve(listener, Arc::new(Desk::open(shown)), stopped));
            runtime.shutdown_background();
        };
        let thread = thread::Builder::new().name("admin".into()).spawn(serving)?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Admin {
    fn drop(&mut self) {
        // Dropping the sender is the signal.
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // A panic there is no reason for one here.
            let _ = thread.join();
        }
    }
}

/// What is shown, and what the listener's own thread keeps of it.
struct Desk {
    shown: Arc<Shown>,
    history: History,
}

type Answer = Response<Full<Bytes>>;

impl Desk {
    fn open(shown: Arc<Shown>) -> Self {
        Self { history: History::begun(&shown), shown }
    }

    /// Remembers the totals, step by step, for as long as it is polled.
    async fn remember_for_ever(&self) {
        let mut steps = tokio::time::interval(history::EVERY);
        // The first is over at once, and that is where the history begins.
        steps.tick().await;
        loop {
            steps.tick().await;
            self.history.take(&self.shown);
        }
    }

    /// Answers one request, always.
    async fn answer<B>(&self, request: &Request<B>) -> Answer {
        if request.method() != Method::GET && request.method() != Method::HEAD {
            let mut answer =
                plain(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD: nothing here changes anything\n");
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return answer;
        }
        match request.uri().path() {
            "/livez" => plain(StatusCode::OK, "ok\n"),
            "/readyz" => self.ready().await,
            "/metrics" => said(StatusCode::OK, text::CONTENT_TYPE, exposition::page(&self.shown).await),
            "/" | "/status.json" if !host::is_ours(request.headers().get(HOST)) => {
                plain(StatusCode::MISDIRECTED_REQUEST, host::REFUSED)
            }
            "/" => status::page(),
            "/status.json" => said(StatusCode::OK, JSON, status::json(&self.shown, &self.history).await),
            _ => plain(StatusCode::NOT_FOUND, "here are /, /status.json, /metrics, /readyz and /livez\n"),
        }
    }

    async fn ready(&self) -> Answer {
        let lacking = readiness::lacking(&self.shown).await;
        let status = if lacking.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        let names: Vec<&str> = lacking.iter().map(|lack| lack.name()).collect();
        said(status, JSON, serde_json::Value::from(names).to_string())
    }
}

fn plain(status: StatusCode, body: &'static str) -> Answer {
    said(status, "text/plain; charset=utf-8", body)
}

fn said(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    for (name, value) in &FOR_BROWSERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    answer
}

const JSON: &str = "application/json";

/// Another site's page may neither show nor read what is here.
const FOR_BROWSERS: [(HeaderName, &str); 4] = [
    (http::header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (http::header::REFERRER_POLICY, "no-referrer"),
    (http::header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];
