//! One connection: handshake, protocol, requests, end.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Version};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::spawn_local;
use tokio::time::{Instant, Sleep, sleep_until, timeout};
use tokio_rustls::TlsAcceptor;

use super::doorbook::{failed, unintroduced};
use super::frames::Frames;
use super::proxy::read_header;
use super::pulse::{InFlight, Limits, Offer, Order, Overdue, Pulse};
use super::slots::Slot;
use super::stream::{Lingering, Protocol, Stream, Watched};
use super::taking::{GivenUp, Piece, Taking};
use super::{ProxyProtocol, Worker};
use crate::body::Received;
use crate::gateway::{Answered, Parting, Patience, Room, Visit};
use crate::metrics::label::Handshake;
use crate::upstream::headers::Scheme;

/// Serves a connection until it ends.
pub(super) async fn serve(worker: Rc<Worker>, tcp: TcpStream, peer: SocketAddr, slot: Slot) {
    // Answers are small and whole; a socket that refuses this works all the same.
    let _ = tcp.set_nodelay(true);
    let _open = worker.doorbook.connection();
    let begun = tokio::select! {
        biased;
        begun = timeout(worker.settings.handshake_timeout, begin(&worker, tcp, peer, slot.pulse())) => {
            begun.unwrap_or(Err(Handshake::Timeout))
        }
        () = std::future::poll_fn(|cx| slot.pulse().poll_leave(cx)) => Err(Handshake::MadeRoom),
    };
    let (stream, scheme, peer) = match begun {
        Ok(begun) => begun,
        Err(result) => return worker.doorbook.handshake(result, peer.ip().to_canonical()),
    };
    if scheme == Scheme::Https {
        worker.doorbook.handshake(Handshake::Ok, peer);
    }
    let visit = Visit { peer, scheme, room: slot.room(), fate: slot.pulse().fate().clone() };
    // ALPN alone decides the protocol; without it, it is HTTP/1.1. Source: RFC 7301; contract, section 3.
    let speaks_http2 = matches!(&stream, Stream::Tls(tls) if tls.get_ref().1.alpn_protocol() == Some(b"h2"));
    let protocol = if speaks_http2 {
        Protocol::Http2 { from_caller: Frames::of_client(), to_caller: Frames::of_server() }
    } else {
        Protocol::Http1
    };
    let io = TokioIo::new(Watched::new(stream, protocol, Rc::clone(slot.pulse())));
    let (requests, pulse) = (Rc::clone(&worker), Rc::clone(slot.pulse()));
    let service = service_fn(move |request: Request<Incoming>| {
        let (worker, in_flight) = (Rc::clone(&requests), pulse.begin());
        if visit.room == Room::Over {
            // It has heard that there is no room; over HTTP/2 it would go on hearing it when there is.
            pulse.order(Order::Finish);
        }
        let visit = Visit { fate: visit.fate.of_request(), ..visit.clone() };
        let taking = Taking::new(visit.fate.clone());
        if speaks_http2 {
            pulse.takings().add(&taking);
            worker.local.next_writes(&taking);
        }
        async move {
            let version = request.version();
            let request = request.map(|body| Received::of(body, version));
            let Answered { response, tunnel } = worker.gateway.answer(request, &visit).await;
            if let Some(tunnel) = tunnel {
                in_flight.switch(tunnel);
            }
            Ok::<_, Infallible>(response.map(|body| Held { body, offer: Some(in_flight.offer()), in_flight, taking }))
        }
    });
    if speaks_http2 {
        let connection = pin!(worker.http2.serve_connection(io, service));
        drive(connection, |connection| connection.graceful_shutdown(), Version::HTTP_2, &worker, &slot, peer).await;
    } else {
        let mut connection = worker.http1.serve_connection(io, service);
        let finish = |connection: Pin<&mut http1::Connection<_, _>>| connection.graceful_shutdown();
        let driven = drive(Pin::new(&mut connection), finish, Version::HTTP_11, &worker, &slot, peer).await;
        if driven == Driven::Switched {
            // A task of its own, because it is seldom: to wait for it here would make every connection larger by a third.
            spawn_local(tunnel(connection, worker, slot));
        }
    }
}

/// Carries what comes after a `101`.
async fn tunnel<S, B>(connection: http1::Connection<TokioIo<Watched>, S>, worker: Rc<Worker>, slot: Slot)
where
    S: HttpService<Incoming, ResBody = B, Error = Infallible>,
    B: Body<Error = io::Error> + 'static,
{
    let http1::Parts { io, read_buf, .. } = connection.into_parts();
    let (mut stream, ahead, settings) = (io.into_inner(), read_buf, &worker.settings);
    let pulse = slot.pulse();
    let Some((tunnel, _in_flight)) = pulse.switched() else { return };
    let patience = Patience { silence: settings.idle_timeout, stuck: settings.body_timeout };
    match tunnel.carry(&mut stream, ahead, patience).await {
        // Nobody waits for longer: it is only a goodbye.
        Parting::Orderly => drop(timeout(GOODBYE, stream.shutdown()).await),
        Parting::Unsaid => {}
        Parting::Broken => pulse.tear(),
    }
}

/// Reads the PROXY header, where there has to be one, and ends TLS.
async fn begin(
    worker: &Worker,
    mut tcp: TcpStream,
    peer: SocketAddr,
    pulse: &Rc<Pulse>,
) -> Result<(Stream, Scheme, IpAddr), Handshake> {
    let mut peer = peer.ip();
    if worker.settings.proxy_protocol == ProxyProtocol::On {
        if !worker.settings.proxies.trusts(peer) {
            return Err(Handshake::ProxyUntrusted);
        }
        let source = read_header(&mut tcp).await.map_err(|fault| unintroduced(&fault))?;
        peer = source.map_or(peer, |source| source.ip());
    }
    let peer = peer.to_canonical();
    let tcp = Lingering::new(tcp, Rc::clone(pulse));
    let Some(tls) = &worker.tls else { return Ok((Stream::Plain(tcp), Scheme::Http, peer)) };
    let accepting = TlsAcceptor::from(Arc::clone(&tls.read().config)).accept(tcp);
    let stream = accepting.await.map_err(|error| failed(&error))?;
    Ok((Stream::Tls(stream), Scheme::Https, peer))
}

/// What became of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Driven {
    /// It is at its end.
    Ended,
    /// The upstream has switched protocols: it is a tunnel from now on.
    Switched,
}

/// Polls hyper's connection, and ends it when it is overdue or told to.
async fn drive<C: Future<Output = hyper::Result<()>>>(
    connection: Pin<&mut C>,
    finish: impl Fn(Pin<&mut C>),
    version: Version,
    worker: &Worker,
    slot: &Slot,
    peer: IpAddr,
) -> Driven {
    let timer = pin!(sleep_until(Instant::now() + worker.settings.idle_timeout));
    let pulse = slot.pulse();
    let mut drive =
        Drive { connection, finish, timer, worker, slot, pulse, version, peer, finishing: None, is_parting: false };
    std::future::poll_fn(|cx| drive.poll(cx)).await
}

struct Drive<'d, C, F> {
    connection: Pin<&'d mut C>,
    finish: F,
    timer: Pin<&'d mut Sleep>,
    worker: &'d Worker,
    slot: &'d Slot,
    pulse: &'d Pulse,
    version: Version,
    peer: IpAddr,
    finishing: Option<Finishing>,
    /// Whether hyper has ended once and is polled again for its goodbye.
    is_parting: bool,
}

/// Since when a connection is to end, and how far that has got.
#[derive(Clone, Copy, Debug)]
struct Finishing {
    since: Instant,
    /// How long it may take once there is nothing to do.
    goodbye: Duration,
    /// Whether hyper knows. Over HTTP/1.1 it closes at once what has not sent a whole head, so it is told when there is one.
    is_told: bool,
}

impl<C: Future<Output = hyper::Result<()>>, F: Fn(Pin<&mut C>)> Drive<'_, C, F> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Driven> {
        loop {
            if let Poll::Ready(ended) = self.connection.as_mut().poll(cx) {
                if let (Err(error), false) = (&ended, self.is_parting) {
                    self.worker.doorbook.ended(error, self.peer);
                }
                if ended.is_ok() && self.pulse.is_switched() {
                    return Poll::Ready(Driven::Switched);
                }
                if self.has_parted(&ended) {
                    return Poll::Ready(Driven::Ended);
                }
                continue;
            }
            if self.tell() {
                continue;
            }
            if self.finishing.is_none()
                && let Poll::Ready(order) = self.pulse.poll_order(cx)
            {
                if order == Order::Leave && self.pulse.is_idle() {
                    // One more poll says goodbye; nobody waits for the caller's.
                    (self.finish)(self.connection.as_mut());
                    let _ = self.connection.as_mut().poll(cx);
                    self.pulse.part();
                    return Poll::Ready(Driven::Ended);
                }
                // A request was faster than the order to leave: it is answered, and the connection ends after it.
                self.slot.keep();
                self.finish(self.worker.settings.body_timeout);
                continue;
            }
            match self.overdue(cx) {
                None => return Poll::Pending,
                Some(Overdue::Idle) if self.finishing.is_none() && self.has_a_goodbye() => self.finish(GOODBYE),
                Some(Overdue::Idle) => {
                    self.pulse.part();
                    return Poll::Ready(Driven::Ended);
                }
                Some(Overdue::Taking) if self.gives_up_an_answer() => {}
                Some(Overdue::Head | Overdue::Reading | Overdue::Taking) => {
                    self.pulse.fate().cut();
                    return Poll::Ready(Driven::Ended);
                }
            }
        }
    }

    /// Does away with answers that are not taken; false when the connection has to be cut for it.
    fn gives_up_an_answer(&mut self) -> bool {
        let limit = self.worker.settings.body_timeout;
        match (self.pulse.takings().give_up(limit), self.finishing) {
            (GivenUp::Stream, _) => {}
            (GivenUp::Connection, None) => self.finish(limit),
            (GivenUp::Connection, Some(_)) => return false,
        }
        true
    }

    /// hyper leaves without a goodbye where a request asked for an upgrade (`Upgrade`, CONNECT) or began like HTTP/2: what it has not
    /// written yet would be lost, TLS would end without close_notify, and what the caller still sends would reset the connection before the
    /// answer is read. Polled once more, it writes the rest and closes in order; where it has done so already, that does nothing.
    /// What broke in the middle must go on looking broken.
    fn has_parted(&mut self, ended: &hyper::Result<()>) -> bool {
        let is_broken = ended.as_ref().is_err_and(|error| !error.is_parse());
        self.version == Version::HTTP_2 || is_broken || std::mem::replace(&mut self.is_parting, true)
    }

    /// HTTP/1.1 has none for somebody it has heard nothing of.
    fn has_a_goodbye(&self) -> bool {
        self.version == Version::HTTP_2 || self.pulse.served() > 0
    }

    fn finish(&mut self, goodbye: Duration) {
        let goodbye = if self.version == Version::HTTP_2 { goodbye } else { GOODBYE };
        self.finishing = Some(Finishing { since: Instant::now(), goodbye, is_told: false });
        self.tell();
    }

    /// Tells hyper to finish, when that is wanted and the time for it; true when it was told just now.
    fn tell(&mut self) -> bool {
        let waits = self.version != Version::HTTP_2 && self.pulse.awaits_head();
        match &mut self.finishing {
            Some(finishing) if !finishing.is_told && !waits => finishing.is_told = true,
            Some(_) | None => return false,
        }
        (self.finish)(self.connection.as_mut());
        true
    }

    /// What is overdue now; otherwise the timer is set for what will be next.
    fn overdue(&mut self, cx: &mut Context<'_>) -> Option<Overdue> {
        self.pulse.listen(cx);
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
        match (self.finishing, due) {
            (Some(Finishing { since, goodbye, .. }), Some((_, Overdue::Idle))) => {
                Some((since.max(self.pulse.idle_since()) + goodbye, Overdue::Idle))
            }
            _ => due,
        }
    }
}

/// An answer's body that keeps its connection in use until it has gone, and knows whether the caller or the upstream is waited for.
struct Held<B> {
    body: B,
    offer: Option<Offer>,
    in_flight: InFlight,
    taking: Rc<Taking>,
}

impl<B: Body<Data = Bytes> + Unpin> Body for Held<B> {
    type Data = Piece;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Piece>, B::Error>>> {
        // hyper asks for a piece when there is room for it.
        self.offer = None;
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(_))) => {
                self.offer = Some(self.in_flight.offer());
                if self.taking.is_watched() {
                    self.in_flight.look();
                }
            }
            Poll::Ready(Some(Err(_))) => self.in_flight.tear(),
            Poll::Ready(None) | Poll::Pending => {}
        }
        polled.map_ok(|frame| frame.map_data(|bytes| self.taking.piece(bytes)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A connection in use has no deadline of its own.
const FAR: Duration = Duration::from_secs(24 * 3600);
/// How long a connection that was told to finish may take to close once it has nothing to do.
const GOODBYE: Duration = Duration::from_secs(2);
