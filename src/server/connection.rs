//! One connection: handshake, protocol, requests, end.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Version};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::spawn_local;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_rustls::TlsAcceptor;

use super::doorbook::{failed, unintroduced};
use super::drive::{Driven, GOODBYE, Rest, drive};
use super::frames::Frames;
use super::proxy::read_header;
use super::pulse::{InFlight, Offer, Order, Pulse};
use super::slots::Slot;
use super::stream::{Lingering, Protocol, Stream, Watched};
use super::taking::{Piece, Taking};
use super::{ProxyProtocol, Worker};
use crate::body::Received;
use crate::gateway::{Answer, Answered, Parting, Patience, Room, Visit};
use crate::journal::Closing;
use crate::metrics::label::Handshake;
use crate::upstream::headers::Scheme;

/// Serves a connection until it ends.
pub(super) async fn serve(worker: Rc<Worker>, tcp: TcpStream, peer: SocketAddr, slot: Slot) {
    // Answers are small and whole; a socket that refuses this works all the same.
    let _ = tcp.set_nodelay(true);
    let _open = worker.doorbook.connection();
    // On the heap, as is all that a connection does but rest: nearly all connections rest nearly always, and each costs what is left.
    let handshake = Box::pin(timeout(worker.settings.handshake_timeout, begin(&worker, tcp, peer, slot.pulse())));
    let begun = tokio::select! {
        biased;
        begun = handshake => begun.unwrap_or(Err(Handshake::Timeout)),
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
    let guest = Guest { worker, slot, visit };
    // ALPN alone decides the protocol; without it, it is HTTP/1.1. Source: RFC 7301; contract, section 3.
    if matches!(&*stream, Stream::Tls(tls) if tls.get_ref().1.alpn_protocol() == Some(b"h2")) {
        Box::pin(guest.speak_http2(stream)).await;
    } else {
        guest.speak_http1(stream).await;
    }
}

/// Who is on the other side of a connection, and where it is served.
struct Guest {
    worker: Rc<Worker>,
    slot: Slot,
    visit: Visit,
}

/// How a stretch of HTTP/1.1 ends.
enum Stretch {
    /// With the connection.
    Ended,
    /// In another protocol; these bytes of it have come already.
    Switched(Box<Watched>, Bytes),
    /// With nothing to do for now.
    Resting(Box<Watched>),
    /// With nothing to do, but bytes of the next head.
    Holding(Box<Watched>),
}

impl Guest {
    async fn speak_http2(self, stream: Box<Stream>) {
        let protocol = Protocol::Http2 { from_caller: Frames::of_client(), to_caller: Frames::of_server() };
        let io = TokioIo::new(Watched::new(stream, protocol, Rc::clone(self.slot.pulse())));
        let connection = pin!(self.worker.http2.serve_connection(io, self.service(Version::HTTP_2)));
        let finish = |connection: Pin<&mut http2::Connection<_, _, _>>| connection.graceful_shutdown();
        drive(connection, finish, Version::HTTP_2, &self.worker, &self.slot, self.visit.peer, Rest::Never).await;
        self.slot.pulse().let_go();
    }

    async fn speak_http1(self, stream: Box<Stream>) {
        let mut stream = Box::new(Watched::new(stream, Protocol::Http1, Rc::clone(self.slot.pulse())));
        let mut rest = Rest::Allowed;
        loop {
            stream = match Box::pin(self.converse(stream, rest)).await {
                Stretch::Ended => return,
                Stretch::Switched(stream, ahead) => {
                    // A task of its own, because it is seldom: to wait for it here would make every connection larger.
                    spawn_local(tunnel(stream, ahead, self.worker, self.slot));
                    return;
                }
                Stretch::Resting(mut stream) => {
                    stir(&mut stream, &self.worker, self.slot.pulse()).await;
                    stream
                }
                Stretch::Holding(stream) => {
                    rest = Rest::Never;
                    stream
                }
            };
        }
    }

    /// Speaks HTTP/1.1 until there is nothing to do.
    async fn converse(&self, stream: Box<Watched>, rest: Rest) -> Stretch {
        let service = self.service(Version::HTTP_11);
        let mut connection = self.worker.http1.serve_connection(TokioIo::new(stream), service);
        let finish = |connection: Pin<&mut http1::Connection<_, _>>| connection.graceful_shutdown();
        let (worker, slot, peer) = (&self.worker, &self.slot, self.visit.peer);
        let driven = drive(Pin::new(&mut connection), finish, Version::HTTP_11, worker, slot, peer, rest).await;
        if driven == Driven::Ended {
            return Stretch::Ended;
        }
        let http1::Parts { io, read_buf, .. } = connection.into_parts();
        let mut stream = io.into_inner();
        match driven {
            Driven::Switched => Stretch::Switched(stream, read_buf),
            _ if read_buf.is_empty() => Stretch::Resting(stream),
            _ => {
                stream.read_again(read_buf);
                Stretch::Holding(stream)
            }
        }
    }

    /// What hyper calls for each request.
    fn service(
        &self,
        version: Version,
    ) -> impl HttpService<Incoming, ResBody = Held<Closing<Answer>>, Error = Infallible, Future: 'static> + use<> {
        let (worker, pulse, visit) = (Rc::clone(&self.worker), Rc::clone(self.slot.pulse()), self.visit.clone());
        service_fn(move |request: Request<Incoming>| {
            let (worker, pulse, in_flight) = (Rc::clone(&worker), Rc::clone(&pulse), pulse.begin());
            if visit.room == Room::Over {
                // It has heard that there is no room; over HTTP/2 it would go on hearing it when there is.
                pulse.order(Order::Finish);
            }
            let visit = Visit { fate: visit.fate.of_request(), ..visit.clone() };
            let taking = Taking::new(visit.fate.clone(), pulse.idle_since());
            if version == Version::HTTP_2 {
                pulse.takings().add(&taking);
                worker.local.next_writes(&taking);
            }
            let version = request.version();
            let request = Box::new(request.map(|body| Received::of(body, version)));
            // On the heap: hyper moves it three times over HTTP/2, and keeps room for one for as long as an HTTP/1.1 connection lives.
            Box::pin(async move {
                let Answered { response, tunnel, rest } = worker.gateway.answer(request, &visit).await;
                if let Some(tunnel) = tunnel {
                    in_flight.switch(tunnel);
                }
                if let Some(rest) = rest {
                    pulse.outlast(rest);
                }
                Ok(response.map(|body| Held { body, offer: Some(in_flight.offer()), in_flight, taking }))
            })
        })
    }
}

/// Waits, with nothing but the stream in memory, until there is something to do: bytes, their end, an order, or that it has been long enough.
async fn stir(stream: &mut Watched, worker: &Worker, pulse: &Pulse) {
    let mut timer = pin!(sleep_until(worker.idle_until(pulse)));
    std::future::poll_fn(|cx| {
        if stream.poll_stir(cx).is_ready() || pulse.poll_order(cx).is_ready() {
            return Poll::Ready(());
        }
        while timer.as_mut().poll(cx).is_ready() {
            let until = worker.idle_until(pulse);
            if until <= Instant::now() {
                return Poll::Ready(());
            }
            timer.as_mut().reset(until);
        }
        Poll::Pending
    })
    .await;
}

/// Carries what comes after a `101`.
async fn tunnel(mut stream: Box<Watched>, ahead: Bytes, worker: Rc<Worker>, slot: Slot) {
    let (pulse, settings) = (slot.pulse(), &worker.settings);
    let Some((tunnel, _in_flight)) = pulse.switched() else { return };
    let patience = Patience { silence: settings.idle_timeout, stuck: settings.body_timeout };
    match tunnel.carry(&mut *stream, ahead, patience).await {
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
) -> Result<(Box<Stream>, Scheme, IpAddr), Handshake> {
    let mut peer = peer.ip();
    if worker.settings.proxy_protocol == ProxyProtocol::On {
        if !worker.settings.proxies.trusts(peer) {
            return Err(Handshake::ProxyUntrusted);
        }
        let source = read_header(&mut tcp).await.map_err(|fault| unintroduced(&fault))?;
        peer = source.map_or(peer, |source| source.ip());
    }
    let peer = peer.to_canonical();
    let Some(tls) = &worker.tls else {
        return Ok((Box::new(Stream::Plain(Lingering::new(tcp, Rc::clone(pulse)))), Scheme::Http, peer));
    };
    // Whoever has nothing to say needs no turn; an error is the handshake's to find.
    let _ = tcp.readable().await;
    let mut tcp = Lingering::new(tcp, Rc::clone(pulse));
    tcp.begin_handshake();
    let accepting = TlsAcceptor::from(Arc::clone(&tls.read().config)).accept(tcp);
    let mut stream = worker.turns.take(accepting).await.map_err(|error| failed(&error))?;
    stream.get_mut().0.end_handshake();
    Ok((Box::new(Stream::Tls(stream)), Scheme::Https, peer))
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
