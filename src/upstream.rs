//! Sends an [`Admitted`] request to the upstream and streams the answer back. Nothing that was not admitted can be sent.
//!
//! At most once: a request goes to another connection only while hyper still has all of it, that is, when not one byte was written.
//! Everything after that ends in 502 or 504, and the log says that the upstream may have acted.

use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::header::TRANSFER_ENCODING;
use http::uri::Uri;
use http::{HeaderValue, Request, Response, StatusCode, Version};
use http_body::Body;
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use tokio::time::{Instant, sleep_until, timeout};

use crate::body::{BodyFault, Ending, Progress, Received, Stage, Upload, swallow};
use crate::gate::{Admitted, Turned};
use crate::journal::Entry;
use crate::live::Live;
use crate::refusal::{Refusal, UpstreamFault, Waited};

pub mod download;
pub mod headers;
pub mod origin;
mod pool;
pub mod probe;
mod socket;
mod upgrade;
mod way;

use download::Download;
use headers::{Introduction, Trailers};
use pool::{Lease, Pool, Sent};
use upgrade::Upgrade;
use way::Handshakes;

pub use upgrade::FarSide;
pub use way::Way;

/// What forwarding needs to know.
#[derive(Debug)]
pub struct Settings {
    /// Where the upstream is, and how it is spoken to.
    pub way: Way,
    /// What the upstream sees as `Authorization`, to begin with.
    pub authorization: AuthorizationPolicy,
    /// For a connection to be made.
    pub connect_timeout: Duration,
    /// From the request's last byte to the answer's head.
    pub response_timeout: Duration,
    /// How long an unused connection is kept.
    pub pool_idle: Duration,
    /// How long a body may stand still, either way.
    pub body_timeout: Duration,
    /// The largest request body, in bytes.
    pub max_body: u64,
}

/// Whether plain HTTP may go to a public address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublicAddress {
    /// `UPSTREAM_INSECURE=true`.
    Allowed,
    /// A name that leads to one is not followed.
    Refused,
}

/// What the upstream sees as `Authorization`.
#[derive(Clone, Debug)]
pub enum AuthorizationPolicy {
    /// Nothing.
    Strip,
    /// What the caller sent.
    Keep,
    /// Always this, a secret.
    Fixed(HeaderValue),
}

/// What became of a request that was forwarded.
#[derive(Debug)]
pub enum Forwarded {
    /// The upstream's answer.
    Answered(Response<Download>),
    /// Its `101`, and the connection that is no longer HTTP.
    Switched(Response<()>, FarSide),
}

/// One worker's way to the upstream.
#[derive(Debug)]
pub struct Upstream {
    settings: Arc<Settings>,
    authorization: Arc<Live<AuthorizationPolicy>>,
    handshakes: Handshakes,
    pool: Pool,
}

impl Upstream {
    /// A way to the upstream with no connection yet.
    #[must_use]
    pub fn new(settings: Arc<Settings>, authorization: Arc<Live<AuthorizationPolicy>>) -> Self {
        let pool = Pool::new(settings.pool_idle);
        Self { settings, authorization, handshakes: Handshakes::new(), pool }
    }

    /// Sends the request and gives back the answer as soon as its head is there; the bodies stream on.
    ///
    /// # Errors
    /// The refusal, and the request's body where it was not touched.
    pub async fn forward(
        &self,
        admitted: Admitted<Received>,
        introduction: &Introduction,
        entry: &mut Entry,
    ) -> Result<Forwarded, Turned<Option<Received>>> {
        let mut admitted = admitted;
        if let Err(fault) = self.judge_length(admitted.body_mut()).await {
            return Err(Turned::unknown(body_refusal(fault), Some(admitted.into_body())));
        }
        let lease = match self.lease().await {
            Ok(lease) => lease,
            Err(fault) => {
                return Err(Turned::unknown(Refusal::UpstreamUnreachable(fault), Some(admitted.into_body())));
            }
        };
        let Outgoing { request, progress, trailers, upgrade } = self.outgoing(admitted, introduction, entry);
        let sent = self.send(lease, request, upgrade, &progress, entry).await;
        let passed = match sent {
            Ok((response, lease)) if response.status() == StatusCode::SWITCHING_PROTOCOLS => {
                switch(response, lease, upgrade).await
            }
            Ok((response, lease)) => Ok(Forwarded::Answered(self.stream(response, lease, progress, trailers))),
            Err(refusal) => Err(refusal),
        };
        passed.map_err(|refusal| Turned::unknown(refusal, None))
    }

    /// What the upstream is to be sent.
    fn outgoing(&self, admitted: Admitted<Received>, introduction: &Introduction, entry: &mut Entry) -> Outgoing {
        let (request, caller, host, target) = admitted.into_parts();
        let (parts, body) = request.into_parts();
        let (trailers, upgrade) = (Trailers::wanted(&parts.headers), Upgrade::wanted(&parts, &body));
        let ending = if parts.version == Version::HTTP_2 { Ending::Asked } else { Ending::Proven };
        let (upload, progress) = Upload::of(body, ending, self.settings.max_body, entry.glance());
        entry.upload(&progress);
        let is_chunked = !upload.is_end_stream() && upload.size_hint().exact().is_none();
        let mut request = Box::new(Request::new(upload));
        *request.headers_mut() =
            headers::to_upstream(parts.headers, &caller, host, introduction, &self.authorization.read());
        upgrade.ask(request.headers_mut());
        if is_chunked {
            // Left to itself, hyper takes a GET without Content-Length for one without a body, and sends none.
            request.headers_mut().insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        }
        *request.method_mut() = parts.method;
        *request.uri_mut() = Uri::from(target);
        Outgoing { request, progress, trailers, upgrade }
    }

    /// Refuses what is too long by its own account, and over HTTP/2 what has said that it is empty and goes on: hyper would send an empty
    /// request without looking.
    async fn judge_length(&self, body: &mut Received) -> Result<(), BodyFault> {
        let length = body.size_hint();
        if length.lower() > self.settings.max_body {
            return Err(BodyFault::TooLarge);
        }
        if length.exact() == Some(0) && !body.is_end_stream() {
            return swallow(body, 0, self.settings.body_timeout).await;
        }
        Ok(())
    }

    /// Sends until a connection takes the request or is broken by it.
    async fn send(
        &self,
        mut lease: Lease,
        mut request: Box<Request<Upload<Received>>>,
        upgrade: Upgrade,
        progress: &Progress,
        entry: &mut Entry,
    ) -> Result<(Response<Incoming>, Lease), Refusal> {
        for _ in 0..MOST_TRIES {
            let began = Instant::now();
            let sending = lease.send(*request);
            let answered = self.await_head(sending, &lease, upgrade, progress).await;
            match answered {
                Ok(response) => {
                    entry.upstream(began.elapsed());
                    return Ok((response, lease));
                }
                Err(Lost::Refused(refusal)) => {
                    if lease.was_parked() && refusal == Refusal::UpstreamUnreachable(UpstreamFault::Broken) {
                        entry.upstream_was_stale();
                    }
                    return Err(refusal);
                }
                Err(Lost::Unsent(unsent)) => request = unsent,
            }
            lease = self.lease().await.map_err(Refusal::UpstreamUnreachable)?;
        }
        entry.upstream_was_stale();
        Err(Refusal::UpstreamUnreachable(UpstreamFault::ClosedUnsent))
    }

    async fn await_head(
        &self,
        sending: impl Future<Output = Sent>,
        lease: &Lease,
        upgrade: Upgrade,
        progress: &Progress,
    ) -> Result<Response<Incoming>, Lost> {
        let mut sending = pin!(sending);
        let deadline = || self.deadline(progress.stage(), lease.wrote_at());
        let mut timer = pin!(sleep_until(deadline().0));
        loop {
            tokio::select! {
                biased;
                sent = &mut sending => return sent.map_err(|error| lost(error, progress)).and_then(|answer| sensible(answer, upgrade)),
                // The wait for the answer begins here, and may be over sooner than the wait for the body would have been.
                () = progress.settled() => {
                    let (end, _) = deadline();
                    if end < timer.deadline() {
                        timer.as_mut().reset(end);
                    }
                }
                () = &mut timer => {
                    // The upload may have gone on since, or wait for somebody else: a timer is only set later when it has fired.
                    let (end, refusal) = deadline();
                    if end <= Instant::now() {
                        return Err(Lost::Refused(refusal));
                    }
                    timer.as_mut().reset(end);
                }
            }
        }
    }

    /// Until when the present stage of the upload may last, and what its end is called. hyper holds what it was handed until the upstream
    /// takes it, which has until then to begin its wait for an answer: `wrote_at` is when it last took any.
    fn deadline(&self, stage: Stage, wrote_at: Instant) -> (Instant, Refusal) {
        let Settings { body_timeout, response_timeout, .. } = *self.settings;
        match stage {
            Stage::ForCaller(since) => (since + body_timeout, Refusal::BodyTimeout),
            Stage::ForUpstream(since) => (since.max(wrote_at) + body_timeout, Refusal::UpstreamTimeout(Waited::ToRead)),
            Stage::Whole(since) => (since.max(wrote_at) + response_timeout, Refusal::UpstreamTimeout(Waited::ToAnswer)),
            Stage::Failed(fault) => (Instant::now() + body_timeout, body_refusal(fault)),
        }
    }

    fn stream(
        &self,
        answer: Response<Incoming>,
        lease: Lease,
        upload: Rc<Progress>,
        trailers: Trailers,
    ) -> Response<Download> {
        let (mut parts, body) = answer.into_parts();
        parts.version = Version::HTTP_11;
        headers::to_caller(&mut parts.headers, trailers);
        Response::from_parts(parts, Download::of(body, lease, upload, trailers, self.settings.body_timeout))
    }

    async fn lease(&self) -> Result<Lease, UpstreamFault> {
        let limit = self.settings.connect_timeout;
        if self.handshakes.have_changed(&self.settings.way) {
            self.pool.forget();
        }
        if let Some(lease) = self.pool.take_ready() {
            return Ok(lease);
        }
        // A parked connection is ready soon or not at all; one that is neither must not hold the request up.
        if let Ok(Some(lease)) = timeout(limit, self.pool.take()).await {
            return Ok(lease);
        }
        // On the heap, because it is seldom and large: every request would carry room for it.
        Box::pin(self.connect(limit)).await
    }

    async fn connect(&self, limit: Duration) -> Result<Lease, UpstreamFault> {
        let connected = timeout(limit, self.handshakes.connect(&self.settings.way, limit)).await;
        self.pool.adopt(connected.map_err(|_| UpstreamFault::ConnectTimeout)??).await
    }
}

/// A request as the upstream gets it, and what is to be remembered of it.
struct Outgoing {
    request: Box<Request<Upload<Received>>>,
    progress: Rc<Progress>,
    trailers: Trailers,
    upgrade: Upgrade,
}

/// Why there is no answer.
enum Lost {
    /// It is not to be had.
    Refused(Refusal),
    /// Not one byte was written: here is the request again, whole.
    Unsent(Box<Request<Upload<Received>>>),
}

fn lost(mut error: TrySendError<Request<Upload<Received>>>, progress: &Progress) -> Lost {
    if let Some(unsent) = error.take_message() {
        return Lost::Unsent(Box::new(unsent));
    }
    Lost::Refused(match progress.stage() {
        Stage::Failed(fault) => body_refusal(fault),
        _ if error.error().is_parse() => Refusal::UpstreamUnreachable(UpstreamFault::Nonsense),
        _ => Refusal::UpstreamUnreachable(UpstreamFault::Broken),
    })
}

/// An upstream that switches protocols unasked, or encodes although no coding but `chunked` was accepted, talks nonsense.
fn sensible(answer: Response<Incoming>, upgrade: Upgrade) -> Result<Response<Incoming>, Lost> {
    let switches = answer.status() == StatusCode::SWITCHING_PROTOCOLS;
    if (switches && !upgrade.is_granted(answer.headers())) || headers::is_encoded(answer.headers()) {
        return Err(Lost::Refused(Refusal::UpstreamUnreachable(UpstreamFault::Nonsense)));
    }
    Ok(answer)
}

/// Leaves HTTP, as both sides have agreed.
async fn switch(answer: Response<Incoming>, lease: Lease, upgrade: Upgrade) -> Result<Forwarded, Refusal> {
    let far = lease.switch().await.ok_or(Refusal::UpstreamUnreachable(UpstreamFault::Broken))?;
    let (mut parts, _) = answer.into_parts();
    parts.version = Version::HTTP_11;
    headers::to_caller(&mut parts.headers, Trailers::Dropped);
    upgrade.ask(&mut parts.headers);
    Ok(Forwarded::Switched(Response::from_parts(parts, ()), far))
}

fn body_refusal(fault: BodyFault) -> Refusal {
    match fault {
        BodyFault::TooLarge => Refusal::BodyTooLarge,
        BodyFault::Stalled => Refusal::BodyTimeout,
        BodyFault::Broken => Refusal::BodyBroken,
    }
}

/// Connections a request is offered to: each but the last was closed before it took one byte.
const MOST_TRIES: usize = 4;
