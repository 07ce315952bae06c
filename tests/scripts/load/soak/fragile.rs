//! An API that fails in every way, and is restarted again and again on the same port.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::ledger::Ledger;
use crate::upstream::{BOOKED, LONG, LONG_PATH};

/// The API while it runs. All its connections end with it.
pub(super) struct Fragile {
    address: SocketAddr,
    ledger: Rc<Ledger>,
    running: JoinSet<()>,
}

impl Fragile {
    pub(super) async fn start(ledger: Rc<Ledger>) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let mut fragile = Self { address, ledger, running: JoinSet::new() };
        fragile.running.spawn_local(serve(listener, Rc::clone(&fragile.ledger)));
        Ok(fragile)
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Goes down with everything that is under way, and comes back.
    pub(super) async fn restart_for_ever(mut self) {
        loop {
            sleep(UP).await;
            self.running.shutdown().await;
            sleep(DOWN).await;
            match TcpListener::bind(self.address).await {
                Ok(listener) => {
                    self.running.spawn_local(serve(listener, Rc::clone(&self.ledger)));
                    self.ledger.restart();
                }
                Err(error) => eprintln!("the upstream cannot come back: {error}"),
            }
        }
    }
}

async fn serve(listener: TcpListener, ledger: Rc<Ledger>) {
    let mut connections = JoinSet::new();
    while let Ok((tcp, _)) = listener.accept().await {
        let ledger = Rc::clone(&ledger);
        let service = service_fn(move |request: Request<Incoming>| answer(request, Rc::clone(&ledger)));
        connections.spawn_local(async move {
            // Most of them end badly: that is what they are for.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(tcp), service).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

/// An error here ends the connection without an answer.
async fn answer(request: Request<Incoming>, ledger: Rc<Ledger>) -> io::Result<Response<Pieces>> {
    let path = request.uri().path();
    if path == LONG_PATH {
        return Ok(Response::new(Pieces::whole(LONG)));
    }
    let attempt = request.headers().get("X-Attempt").and_then(|name| name.to_str().ok()).map(str::to_owned);
    match &attempt {
        Some(attempt) => ledger.saw(attempt),
        None if path == super::mischief::UPLOAD || path == "/slow" => ledger.upload(),
        None => ledger.stranger(format!("{} {path}", request.method())),
    }
    let fault = attempt.as_deref().map_or(Fault::None, befalls);
    if fault == Fault::CloseAtHead {
        return Err(io::Error::other("as if it had crashed"));
    }
    let body = request.into_body().collect().await.map_err(io::Error::other)?.to_bytes();
    if attempt.is_some() {
        ledger.booked(&body);
    }
    match fault {
        Fault::CloseAfterBooking => return Err(io::Error::other("as if it had crashed")),
        Fault::Slow => sleep(Duration::from_millis(300)).await,
        Fault::Hang => sleep(Duration::from_secs(4)).await,
        _ => {}
    }
    let mut answer = Response::new(Pieces::whole(BOOKED.as_bytes()));
    answer.headers_mut().insert("Content-Type", http::HeaderValue::from_static("application/json"));
    match fault {
        Fault::Status500 => *answer.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR,
        Fault::NoJson => *answer.body_mut() = Pieces::whole(b"ok"),
        Fault::Close => {
            answer.headers_mut().insert("Connection", http::HeaderValue::from_static("close"));
        }
        Fault::Truncated => {
            answer.headers_mut().insert("Content-Length", http::HeaderValue::from(BOOKED.len()));
            *answer.body_mut() = Pieces([Ok(Bytes::from_static(&BOOKED.as_bytes()[..20])), Err(())].into());
        }
        _ => {}
    }
    Ok(answer)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    CloseAtHead,
    CloseAfterBooking,
    Slow,
    Hang,
    Status500,
    NoJson,
    Close,
    Truncated,
}

/// What befalls an attempt: always the same, and as good as chance.
fn befalls(attempt: &str) -> Fault {
    let mut hasher = DefaultHasher::new();
    attempt.hash(&mut hasher);
    FAULTS[hasher.finish() as usize % FAULTS.len()]
}

/// An answer's body that may break off.
struct Pieces(VecDeque<Result<Bytes, ()>>);

impl Pieces {
    fn whole(bytes: &'static [u8]) -> Self {
        Self([Ok(Bytes::from_static(bytes))].into())
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let piece = self.0.pop_front();
        Poll::Ready(piece.map(|piece| piece.map(Frame::data).map_err(|()| io::Error::other("it breaks off"))))
    }
}

/// One of these befalls each attempt.
const FAULTS: [Fault; 64] = {
    let mut faults = [Fault::None; 64];
    faults[0] = Fault::CloseAtHead;
    faults[1] = Fault::CloseAfterBooking;
    faults[2] = Fault::Slow;
    faults[3] = Fault::Slow;
    faults[4] = Fault::Hang;
    faults[5] = Fault::Status500;
    faults[6] = Fault::NoJson;
    faults[7] = Fault::Close;
    faults[8] = Fault::Truncated;
    faults
};
const UP: Duration = Duration::from_secs(10);
const DOWN: Duration = Duration::from_millis(300);
