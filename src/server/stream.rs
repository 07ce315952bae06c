//! The bytes of a connection, watched on their way to hyper, and an end that does not cut off the last answer.

use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::task::yield_now;
use tokio::time::{Instant, Sleep, sleep};
use tokio_rustls::server::TlsStream;

use super::frames::{ENHANCE_YOUR_CALM, FrameFault, Frames, PROTOCOL_ERROR};
use super::pulse::Pulse;

/// A TCP stream that is closed for writing first and read out for a moment after.
///
/// Closing a socket with unread bytes makes the kernel reset the connection, and a reset can overtake the answer: a caller that is still
/// sending a refused body would never learn why.
#[derive(Debug)]
pub(super) struct Lingering {
    tcp: TcpStream,
    pulse: Rc<Pulse>,
    pace: Pace,
    /// Whether what is read here goes into a TLS handshake, which keeps all of it.
    is_shaking_hands: bool,
    /// Whether every byte that goes out is of an answer, so that the caller takes one as long as bytes go.
    is_all_answers: bool,
    end: Option<End>,
}

#[derive(Debug)]
struct End {
    timer: Pin<Box<Sleep>>,
    left: usize,
}

impl Lingering {
    pub(super) fn new(tcp: TcpStream, pulse: Rc<Pulse>) -> Self {
        Self { tcp, pulse, pace: Pace::default(), is_shaking_hands: false, is_all_answers: false, end: None }
    }

    /// What is read from now on is for a TLS handshake.
    pub(super) fn begin_handshake(&mut self) {
        self.is_shaking_hands = true;
    }

    /// The handshake is done, and what it kept is gone.
    pub(super) fn end_handshake(&mut self) {
        self.is_shaking_hands = false;
        self.pulse.forget_arrived();
    }

    /// A write that waits begins the wait for a slow reader; bytes that the kernel takes end it.
    fn wrote(&self, polled: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        self.pulse.stuck(polled.is_pending().then(Instant::now));
        if self.is_all_answers && matches!(polled, Poll::Ready(Ok(1..))) {
            self.pulse.took();
        }
        polled
    }
}

impl AsyncRead for Lingering {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buffer.filled().len();
        let polled = this.pace.poll(cx, |cx| Pin::new(&mut this.tcp).poll_read(cx, buffer));
        if this.is_shaking_hands {
            this.pulse.arrived(buffer.filled().len() - before);
            if this.pulse.is_too_heavy() {
                return Poll::Ready(Err(io::ErrorKind::OutOfMemory.into()));
            }
        }
        polled
    }
}

/// Pauses after [`MOST_READS`] reads in a row, until the worker has looked at its timers and sockets.
///
/// A caller that always has more would otherwise use up all that tokio's `coop` lets a task do before anything else of it is polled: its
/// own deadlines would never be looked at. It is kept twice, before TLS and behind it: a pause before it is hidden by what has been
/// decrypted already, and behind it nothing is seen of records that are empty.
#[derive(Debug, Default)]
struct Pace {
    in_a_row: u32,
}

impl Pace {
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        read: impl FnOnce(&mut Context<'_>) -> Poll<io::Result<()>>,
    ) -> Poll<io::Result<()>> {
        if self.in_a_row == MOST_READS {
            self.in_a_row = 0;
            // Polled once, it has the task woken later; there is nothing else to wait for.
            let _ = pin!(yield_now()).poll(cx);
            return Poll::Pending;
        }
        let polled = read(cx);
        self.in_a_row = if polled.is_ready() { self.in_a_row + 1 } else { 0 };
        polled
    }
}

impl AsyncWrite for Lingering {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.tcp).poll_write(cx, bytes);
        self.wrote(polled)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.end.is_none() {
            ready!(Pin::new(&mut this.tcp).poll_shutdown(cx))?;
        }
        let end = this.end.get_or_insert_with(|| End { timer: Box::pin(sleep(LINGER_FOR)), left: LINGER_BYTES });
        let mut bytes = [0; 4096];
        while end.left > 0 && end.timer.as_mut().poll(cx).is_pending() {
            let mut buffer = ReadBuf::new(&mut bytes);
            match ready!(Pin::new(&mut this.tcp).poll_read(cx, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => end.left = end.left.saturating_sub(buffer.filled().len()),
                Ok(()) | Err(_) => break,
            }
        }
        Poll::Ready(Ok(()))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.tcp).poll_write_vectored(cx, bytes);
        self.wrote(polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }
}

/// What callers speak through.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly all of them are TLS")]
pub(super) enum Stream {
    /// `TLS=off`.
    Plain(Lingering),
    /// TLS after its handshake.
    Tls(TlsStream<Lingering>),
}

/// Which protocol the bytes are in: it decides how the beginning of a request and the progress of an answer are seen.
#[derive(Debug)]
pub(super) enum Protocol {
    /// A byte that arrives while no request is in flight begins a head.
    Http1,
    /// A frame of the caller other than DATA that is not whole, or a header block that is not, is a head. Our DATA is an answer.
    Http2 { from_caller: Frames, to_caller: Frames },
}

/// A stream that tells its connection's [`Pulse`] what passes.
#[derive(Debug)]
pub(super) struct Watched {
    stream: Box<Stream>,
    protocol: Protocol,
    pulse: Rc<Pulse>,
    fault: Option<FrameFault>,
    pace: Pace,
    ahead: Bytes,
    /// Whether what is ahead was held back, and has been seen already.
    is_held_back: bool,
    /// How much rustls encrypts before it wants it written.
    tls_buffer: usize,
}

impl Watched {
    pub(super) fn new(mut stream: Box<Stream>, protocol: Protocol, pulse: Rc<Pulse>) -> Self {
        let tcp = match &mut *stream {
            Stream::Plain(tcp) => tcp,
            Stream::Tls(tls) => tls.get_mut().0,
        };
        tcp.is_all_answers = matches!(protocol, Protocol::Http1);
        let tls_buffer = TLS_BUFFER;
        let (pace, ahead) = (Pace::default(), Bytes::new());
        Self { stream, protocol, pulse, fault: None, pace, ahead, is_held_back: false, tls_buffer }
    }

    /// Gives bytes back that were read and not used: they are read first.
    pub(super) fn read_again(&mut self, bytes: Bytes) {
        self.ahead = bytes;
    }

    /// Ready when there is something to read, or nothing any more.
    pub(super) fn poll_stir(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.tcp().tcp.poll_read_ready(cx).map(drop)
    }

    /// What is said at the end to a caller whose frames are at fault, or who holds too much, where a frame of ours can begin.
    fn go_away(&self) -> Option<[u8; 17]> {
        match &self.protocol {
            Protocol::Http2 { from_caller, to_caller } if to_caller.is_between() => {
                let why = match self.fault {
                    Some(_) => Some(PROTOCOL_ERROR),
                    None => self.pulse.is_too_heavy().then_some(ENHANCE_YOUR_CALM),
                };
                why.map(|why| from_caller.go_away(why))
            }
            Protocol::Http2 { .. } | Protocol::Http1 => None,
        }
    }

    fn tcp(&self) -> &Lingering {
        match &*self.stream {
            Stream::Plain(tcp) => tcp,
            Stream::Tls(tls) => tls.get_ref().0,
        }
    }

    /// True for an end that a caller could take for the end of an answer without a length, which is missing its own: HTTP/1.0 callers,
    /// and those who do not look for close_notify.
    fn would_look_complete(&self) -> bool {
        let is_http1 = matches!(self.protocol, Protocol::Http1);
        is_http1 && (self.pulse.is_torn() || (matches!(*self.stream, Stream::Plain(_)) && !self.pulse.is_idle()))
    }

    fn saw(&mut self, bytes: &[u8]) -> Result<(), FrameFault> {
        let begun = match &mut self.protocol {
            Protocol::Http1 => {
                self.pulse.arrived(bytes.len());
                if bytes.is_empty() || !self.pulse.is_idle() {
                    return Ok(());
                }
                true
            }
            Protocol::Http2 { from_caller, .. } => {
                let before = from_caller.data();
                from_caller.feed(bytes)?;
                let (is_amid_head, opened) = (from_caller.is_amid_head(), from_caller.opened());
                if is_amid_head || opened > 0 || !self.pulse.is_idle() {
                    let data = usize::try_from(from_caller.data() - before).unwrap_or(usize::MAX);
                    self.pulse.arrived(data + (bytes.len() - data) * KEPT_OF_HEADS);
                    self.pulse.opened(opened);
                } else {
                    self.pulse.forget_arrived();
                }
                is_amid_head
            }
        };
        self.pulse.head(begun.then(Instant::now));
        Ok(())
    }

    /// The first `count` bytes of these were written.
    fn wrote<'b>(&mut self, mut count: usize, pieces: impl IntoIterator<Item = &'b [u8]>) {
        let Protocol::Http2 { to_caller, .. } = &mut self.protocol else { return };
        let before = to_caller.data();
        for piece in pieces {
            let written = count.min(piece.len());
            // Our own frames have no faults.
            let _ = to_caller.feed(&piece[..written]);
            count -= written;
        }
        if to_caller.data() > before {
            self.pulse.took();
        }
    }
}

impl Drop for Watched {
    /// Who was told goodbye and never said so too is left with close_notify all the same. A connection that is cut with a request in flight
    /// is not: without close_notify the caller sees that something is missing. Source: RFC 8446, section 6.1.
    ///
    /// Where even that could be overlooked, the connection is reset. Source: RFC 9112, section 8.
    fn drop(&mut self) {
        let go_away = self.go_away();
        if self.would_look_complete() {
            // A socket that refuses it is gone already.
            let _ = self.tcp().tcp.set_zero_linger();
        } else if let Stream::Tls(tls) = &mut *self.stream
            && (self.pulse.has_parted() || go_away.is_some())
        {
            let (stream, session) = tls.get_mut();
            if let Some(frame) = go_away {
                // The session's buffer takes so little without a fault.
                let _ = io::Write::write_all(&mut session.writer(), &frame);
            }
            session.send_close_notify();
            // As much as the socket takes at once: nobody waits any more.
            let _ = session.write_tls(&mut AtOnce(&stream.tcp));
        }
    }
}

/// Writes what the socket takes without waiting.
struct AtOnce<'s>(&'s TcpStream);

impl io::Write for AtOnce<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsyncRead for Watched {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        if self.is_held_back && self.pulse.is_too_heavy() {
            // Whoever drives the connection asks again, or ends it.
            self.pulse.hold_back();
            return Poll::Pending;
        }
        let this = &mut *self;
        let was_seen = this.is_held_back && !this.ahead.is_empty();
        let polled = if this.ahead.is_empty() {
            this.pace.poll(cx, |cx| match &mut *this.stream {
                Stream::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
                Stream::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
            })
        } else {
            buffer.put_slice(&this.ahead.split_to(this.ahead.len().min(buffer.remaining())));
            Poll::Ready(Ok(()))
        };
        if was_seen {
            this.is_held_back = !this.ahead.is_empty();
            return polled;
        }
        if polled.is_ready()
            && let Err(fault) = self.saw(&buffer.filled()[before..])
        {
            // hyper must not see it; the connection ends as one that broke.
            buffer.set_filled(before);
            self.fault = Some(fault);
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, fault)));
        }
        if buffer.filled().len() > before && self.pulse.is_too_heavy() {
            // hyper would open a hundred streams before anybody could say that there is no room for them.
            self.ahead = [&buffer.filled()[before..], &self.ahead].concat().into();
            self.is_held_back = true;
            self.pulse.hold_back();
            buffer.set_filled(before);
            return Poll::Pending;
        }
        polled
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = match &mut *self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Stream::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        };
        if let Poll::Ready(Ok(count)) = polled {
            self.wrote(count, [bytes]);
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let polled = match &mut *this.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, bytes),
            Stream::Tls(stream) => {
                let length: usize = bytes.iter().map(|piece| piece.len()).sum();
                if length > this.tls_buffer && matches!(this.protocol, Protocol::Http1) {
                    // Long answers come in few large pieces, and go out so. Lowered, it would stop what is still to go out.
                    this.tls_buffer = length;
                    stream.get_mut().1.set_buffer_limit(Some(length));
                }
                Pin::new(stream).poll_write_vectored(cx, bytes)
            }
        };
        if let Poll::Ready(Ok(count)) = polled {
            self.wrote(count, bytes.iter().map(|piece| &**piece));
        }
        polled
    }

    fn is_write_vectored(&self) -> bool {
        match &*self.stream {
            Stream::Plain(stream) => stream.is_write_vectored(),
            Stream::Tls(stream) => stream.is_write_vectored(),
        }
    }
}

/// What rustls encrypts before it wants it written, unless it is told otherwise.
const TLS_BUFFER: usize = 64 << 10;
/// A byte of a header block that has not ended is kept as it came, as it is put together, and in buffers that grow by doubling.
const KEPT_OF_HEADS: usize = 3;
/// Reads of 64 KiB at most. Eight times eight of them are half of what tokio lets a task do before it has to pause.
const MOST_READS: u32 = 8;
/// How long and how much is read of a caller that goes on sending after the end.
const LINGER_FOR: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 4 << 20;

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use socket2::SockRef;
    use tokio::net::TcpListener;
    use tokio_rustls::{TlsAcceptor, TlsConnector};

    use super::super::burden::{Burden, Reserve};
    use super::super::pulse::Limits;
    use super::*;
    use crate::tls::{Ending, Trust, throw_away_ca};

    const READING: Limits = Limits { head: FAR, reading: Duration::from_secs(5), idle: FAR };
    const FAR: Duration = Duration::from_secs(3600);

    /// A connection over TLS whose sockets hold as little as the system allows, and the caller's end of it, after the handshake.
    async fn narrow() -> (Watched, std::net::TcpStream) {
        let (identity, authority) = throw_away_ca(&[]).expect("a certificate");
        let acceptor = TlsAcceptor::from(Ending::new(identity, None).expect("a good identity").config);
        let connector = TlsConnector::from(Trust::from_pem(authority.as_bytes()).expect("an authority").handshake());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        SockRef::from(&listener).set_send_buffer_size(1).expect("a socket has one");
        SockRef::from(&listener).set_recv_buffer_size(1).expect("a socket has one");
        let caller = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
        caller.set_recv_buffer_size(1).expect("a socket has one");
        caller.connect(&listener.local_addr().expect("an address").into()).expect("it listens");
        caller.set_nonblocking(true).expect("a socket can be non-blocking");
        let caller = TcpStream::from_std(caller.into()).expect("a runtime");
        let pulse = Rc::new(Pulse::new(Instant::now(), Burden::new(Reserve::of(1))));
        let near = Lingering::new(listener.accept().await.expect("somebody came").0, Rc::clone(&pulse));
        let name = "localhost".try_into().expect("a name");
        let (near, caller) = tokio::join!(acceptor.accept(near), connector.connect(name, caller));
        let near = Box::new(Stream::Tls(near.expect("a handshake")));
        let caller = caller.expect("a handshake").into_inner().0.into_std().expect("it is open");
        (Watched::new(near, Protocol::Http1, pulse), caller)
    }

    #[tokio::test]
    async fn a_caller_that_takes_a_long_piece_bit_by_bit_is_not_overdue() {
        let (mut near, mut caller) = narrow().await;
        let pulse = Rc::clone(&near.pulse);
        let _offer = pulse.begin().offer();
        let piece = vec![b'x'; 512 << 10];
        let mut cx = Context::from_waker(std::task::Waker::noop());
        let taken = Pin::new(&mut near).poll_write_vectored(&mut cx, &[io::IoSlice::new(&piece)]);
        assert!(
            matches!(taken, Poll::Ready(Ok(count)) if count == piece.len()),
            "rustls takes the whole piece: {taken:?}"
        );
        let (mut bytes, mut read, mut steps) = ([0; 16 << 10], 0, 0);
        let due = || pulse.deadline(&READING).map(|(when, _)| when).expect("an answer is under way");
        let mut before = due();
        while Pin::new(&mut near).poll_flush(&mut cx).is_pending() {
            let now = due();
            assert!(
                steps == 0 || now > before,
                "nothing went out in step {steps}, after {read} of {} bytes",
                piece.len()
            );
            (before, steps) = (now, steps + 1);
            while near.tcp().tcp.poll_write_ready(&mut cx).is_pending() {
                read += caller.read(&mut bytes).unwrap_or_default();
                yield_now().await;
            }
        }
        assert!(steps > 2, "it went out in {steps} steps");
    }
}
