//! One connection: handshake, protocol, requests, end.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use super::Worker;
use super::frames::Frames;
use super::pulse::{InFlight, Limits, Order, Overdue, Pulse};
use super::slots::Slot;
use super::stream::{Lingering, Protocol, Stream, Watched};
use crate::gateway::Visit;
use crate::upstream::headers::Scheme;

/// Serves a connection until it ends.
pub(super) async fn serve(worker: Rc<Worker>, tcp: TcpStream, peer: SocketAddr, slot: Slot) {
    // Answers are small and whole; a socket that refuses this works all the same.
    let _ = tcp.set_nodelay(true);
    let Some((stream, scheme)) = handshake(&worker, tcp, slot.pulse()).await else { return };
    let visit = Visit { peer: peer.ip().to_canonical(), scheme, room: slot.room() };
    // ALPN alone decides the protocol; without it, it is HTTP/1.1. Source: RFC 7301; contract, section 3.
    let speaks_http2 = matches!(&stream, Stream::Tls(tls) if tls.get_ref().1.alpn_protocol() == Some(b"h2"));
    let protocol = if speaks_http2 { Protocol::Http2(Frames::default()) } else { Protocol::Http1 };
    let io = TokioIo::new(Watched::new(stream, protocol, Rc::clone(slot.pulse())));
    let (requests, pulse) = (Rc::clone(&worker), Rc::clone(slot.pulse()));
    let service = service_fn(move |request: Request<Incoming>| {
        let (worker, in_flight) = (Rc::clone(&requests), pulse.begin());
        async move {
            let answer = worker.gateway.answer(request, &visit).await;
            Ok::<_, Infallible>(answer.map(|body| Held::new(body, in_flight)))
        }
    });
    if speaks_http2 {
        let connection = pin!(worker.http2.serve_connection(io, service));
        drive(connection, |connection| connection.graceful_shutdown(), &worker, &slot).await;
    } else {
        let connection = pin!(worker.http1.serve_connection(io, service));
        drive(connection, |connection| connection.graceful_shutdown(), &worker, &slot).await;
    }
}

/// Ends TLS, within the handshake timeout. A caller that sends something else is gone after it.
async fn handshake(worker: &Worker, tcp: TcpStream, pulse: &Rc<Pulse>) -> Option<(Stream, Scheme)> {
    let tcp = Lingering::new(tcp, Rc::clone(pulse));
    let Some(acceptor) = &worker.tls else { return Some((Stream::Plain(tcp), Scheme::Http)) };
    let shaken = timeout(worker.settings.handshake_timeout, acceptor.accept(tcp));
    tokio::select! {
        biased;
        shaken = shaken => shaken.ok()?.ok().map(|tls| (Stream::Tls(tls), Scheme::Https)),
        () = std::future::poll_fn(|cx| pulse.poll_leave(cx)) => None,
    }
}

/// Polls hyper's connection, and ends it when it is overdue or told to.
async fn drive<C: Future>(connection: Pin<&mut C>, finish: impl Fn(Pin<&mut C>), worker: &Worker, slot: &Slot) {
    let timer = pin!(sleep_until(Instant::now() + worker.settings.idle_timeout));
    let mut drive = Drive { connection, finish, timer, worker, pulse: slot.pulse(), finishing: None };
    std::future::poll_fn(|cx| drive.poll(cx)).await;
}

struct Drive<'d, C, F> {
    connection: Pin<&'d mut C>,
    finish: F,
    timer: Pin<&'d mut Sleep>,
    worker: &'d Worker,
    pulse: &'d Pulse,
    finishing: Option<Instant>,
}

impl<C: Future, F: Fn(Pin<&mut C>)> Drive<'_, C, F> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            // Asked before the connection is polled: who is to leave must not take in one more request.
            if self.finishing.is_none()
                && let Poll::Ready(order) = self.pulse.poll_order(cx)
            {
                self.finish();
                if order == Order::Leave {
                    // One poll says goodbye; nobody waits for the caller's.
                    let _ = self.connection.as_mut().poll(cx);
                    return Poll::Ready(());
                }
            }
            if self.connection.as_mut().poll(cx).is_ready() {
                return Poll::Ready(());
            }
            match self.overdue(cx) {
                None => return Poll::Pending,
                Some(Overdue::Idle) if self.finishing.is_none() => self.finish(),
                Some(_) => return Poll::Ready(()),
            }
        }
    }

    fn finish(&mut self) {
        self.finishing = Some(Instant::now());
        (self.finish)(self.connection.as_mut());
    }

    /// What is overdue now; otherwise the timer is set for what will be next.
    fn overdue(&mut self, cx: &mut Context<'_>) -> Option<Overdue> {
        let due = self.due();
        let next = due.map_or_else(|| Instant::now() + FAR, |(when, _)| when);
        if next < self.timer.deadline() {
            self.timer.as_mut().reset(next);
        }
        while self.timer.as_mut().poll(cx).is_ready() {
            if next <= Instant::now() {
                return due.map(|(_, what)| what);
            }
            // The timer is only ever set later when it has fired: most requests never touch it.
            self.timer.as_mut().reset(next);
        }
        None
    }

    fn due(&self) -> Option<(Instant, Overdue)> {
        let settings = &self.worker.settings;
        let idle = self.worker.slots.idle_limit(settings.idle_timeout, self.pulse.idle_since().elapsed());
        let due = self.pulse.deadline(&Limits { head: settings.header_timeout, reading: settings.body_timeout, idle });
        match self.finishing {
            Some(since) if self.pulse.is_idle() => Some((since.max(self.pulse.idle_since()) + GOODBYE, Overdue::Idle)),
            _ => due,
        }
    }
}

/// An answer's body that keeps its connection in use until it has gone, and tells when the caller does not read it.
///
/// An HTTP/2 caller that gives a stream no window stops this body, not the socket: hyper asks for the next piece only when there is room.
struct Held<B> {
    body: B,
    reader: u32,
    in_flight: InFlight,
}

impl<B> Held<B> {
    fn new(body: B, in_flight: InFlight) -> Self {
        Self { body, reader: in_flight.pulse().reader(), in_flight }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Held<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        self.in_flight.pulse().taken(self.reader);
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if matches!(&polled, Poll::Ready(Some(Ok(frame))) if frame.is_data()) && !self.body.is_end_stream() {
            self.in_flight.pulse().handed(self.reader);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B> Drop for Held<B> {
    fn drop(&mut self) {
        self.in_flight.pulse().taken(self.reader);
    }
}

/// A connection in use has no deadline of its own.
const FAR: Duration = Duration::from_secs(24 * 3600);
/// How long a connection that was told to finish may take to close once it has nothing to do.
const GOODBYE: Duration = Duration::from_secs(2);
