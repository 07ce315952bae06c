//! A connection's socket, held so that it can be looked at while hyper owns the stream.

use std::cell::{Cell, RefCell};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::AsFd;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::BufMut;
use socket2::SockRef;
use tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::Instant;
use tokio_rustls::client::TlsStream;

/// What the upstream is spoken to through.
#[derive(Debug)]
pub(super) enum Line {
    /// `http://`.
    Tcp(TcpStream),
    /// `unix:`.
    Unix(UnixStream),
    /// `https://`, after the handshake.
    Tls(Box<TlsStream<TcpStream>>),
}

/// A line with a second handle. Both live on one thread.
#[derive(Clone, Debug)]
pub(super) struct Socket(Rc<Held>);

#[derive(Debug)]
struct Held {
    line: RefCell<Line>,
    /// What is read at once.
    most: Cell<usize>,
    wrote_at: Cell<Instant>,
}

impl Socket {
    pub(super) fn new(line: Line) -> Self {
        Self(Rc::new(Held { line: RefCell::new(line), most: Cell::new(NARROW), wrote_at: Cell::new(Instant::now()) }))
    }

    /// Reads at most so many bytes at once from now on: [`NARROW`] at first.
    pub(super) fn read_at_most(&self, bytes: usize) {
        self.0.most.set(bytes);
    }

    /// When bytes last went out.
    pub(super) fn wrote_at(&self) -> Instant {
        self.0.wrote_at.get()
    }

    fn wrote(&self, polled: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if matches!(polled, Poll::Ready(Ok(1..))) {
            self.0.wrote_at.set(Instant::now());
        }
        polled
    }

    /// True when the other side has neither closed nor said anything: asks the kernel, because the news may lie in its queue while
    /// the runtime has not looked yet. Most upstreams close idle connections, and a request sent into a closed one is an avoidable 502.
    pub(super) fn is_quiet(&self) -> bool {
        match &mut *self.0.line.borrow_mut() {
            Line::Tcp(tcp) => has_nothing(tcp),
            Line::Unix(unix) => has_nothing(unix),
            Line::Tls(tls) => is_quiet_below(tls),
        }
    }
}

/// What a read has come to, if the readiness before it was more than a rumour.
fn unless_blocked(read: io::Result<usize>) -> Option<io::Result<()>> {
    match read {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
        read => Some(read.map(drop)),
    }
}

fn has_nothing(socket: &impl AsFd) -> bool {
    let mut byte = [MaybeUninit::uninit()];
    let peeked = SockRef::from(socket).peek(&mut byte);
    peeked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}

/// Takes what has come and looks whether any of it was meant for us: a session ticket may arrive at any time and says nothing, content or
/// close_notify end the quiet.
fn is_quiet_below(tls: &mut TlsStream<TcpStream>) -> bool {
    let (tcp, session) = tls.get_mut();
    while !has_nothing(tcp) {
        match session.read_tls(&mut &*SockRef::from(&*tcp)) {
            Ok(1..) if session.process_new_packets().is_ok() => {}
            Ok(_) | Err(_) => return false,
        }
    }
    let state = session.process_new_packets();
    state.is_ok_and(|state| state.plaintext_bytes_to_read() == 0 && !state.peer_has_closed())
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let most = self.0.most.get();
        let is_within = buffer.remaining() <= most;
        match &mut *self.0.line.borrow_mut() {
            Line::Tcp(tcp) if is_within => Pin::new(tcp).poll_read(cx, buffer),
            Line::Tcp(tcp) => loop {
                ready!(tcp.poll_read_ready(cx))?;
                if let Some(read) = unless_blocked(tcp.try_read_buf(&mut buffer.limit(most))) {
                    return Poll::Ready(read);
                }
            },
            Line::Unix(unix) if is_within => Pin::new(unix).poll_read(cx, buffer),
            Line::Unix(unix) => loop {
                ready!(unix.poll_read_ready(cx))?;
                if let Some(read) = unless_blocked(unix.try_read_buf(&mut buffer.limit(most))) {
                    return Poll::Ready(read);
                }
            },
            Line::Tls(tls) if is_within => Pin::new(tls).poll_read(cx, buffer),
            Line::Tls(tls) => {
                let bytes = ready!(Pin::new(&mut *tls).poll_fill_buf(cx))?;
                let count = bytes.len().min(most);
                buffer.put_slice(&bytes[..count]);
                Pin::new(tls).consume(count);
                Poll::Ready(Ok(()))
            }
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = match &mut *self.0.line.borrow_mut() {
            Line::Tcp(tcp) => Pin::new(tcp).poll_write(cx, bytes),
            Line::Unix(unix) => Pin::new(unix).poll_write(cx, bytes),
            Line::Tls(tls) => Pin::new(tls).poll_write(cx, bytes),
        };
        self.wrote(polled)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self.0.line.borrow_mut() {
            Line::Tcp(tcp) => Pin::new(tcp).poll_flush(cx),
            Line::Unix(unix) => Pin::new(unix).poll_flush(cx),
            Line::Tls(tls) => Pin::new(tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self.0.line.borrow_mut() {
            Line::Tcp(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Line::Unix(unix) => Pin::new(unix).poll_shutdown(cx),
            Line::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = match &mut *self.0.line.borrow_mut() {
            Line::Tcp(tcp) => Pin::new(tcp).poll_write_vectored(cx, bytes),
            Line::Unix(unix) => Pin::new(unix).poll_write_vectored(cx, bytes),
            Line::Tls(tls) => Pin::new(tls).poll_write_vectored(cx, bytes),
        };
        self.wrote(polled)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }
}

/// What is read at once of most answers.
pub(super) const NARROW: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::fd::OwnedFd;

    use socket2::{Domain, Socket as Raw, Type};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio_rustls::{TlsAcceptor, TlsConnector, server};

    use super::*;
    use crate::tls::{Ending, Trust, throw_away_ca};

    /// Two ends of a connection; nothing is awaited once they are there, so the runtime has not looked.
    fn ends(domain: Domain) -> (Socket, Raw) {
        let (near, far) = if domain == Domain::UNIX {
            Raw::pair(domain, Type::STREAM, None).expect("a pair")
        } else {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
            let near = std::net::TcpStream::connect(listener.local_addr().expect("an address")).expect("it listens");
            (Raw::from(near), Raw::from(listener.accept().expect("somebody came").0))
        };
        near.set_nonblocking(true).expect("a socket can be non-blocking");
        let near = OwnedFd::from(near);
        let line = if domain == Domain::UNIX {
            Line::Unix(UnixStream::from_std(near.into()).expect("a runtime"))
        } else {
            Line::Tcp(TcpStream::from_std(near.into()).expect("a runtime"))
        };
        (Socket::new(line), far)
    }

    #[tokio::test]
    async fn a_line_is_quiet_until_the_other_side_says_something_or_ends() {
        for domain in [Domain::IPV4, Domain::UNIX] {
            let (near, mut far) = ends(domain);
            assert!(near.is_quiet(), "{domain:?}: nothing was said");
            far.write_all(b"x").expect("it is open");
            assert!(!near.is_quiet(), "{domain:?}: a byte was said");
            let (near, far) = ends(domain);
            drop(far);
            assert!(!near.is_quiet(), "{domain:?}: it was closed");
            let (near, far) = ends(domain);
            far.shutdown(std::net::Shutdown::Write).expect("it is open");
            assert!(!near.is_quiet(), "{domain:?}: it was half closed");
        }
        let (near, far) = ends(Domain::IPV4);
        far.set_linger(Some(std::time::Duration::ZERO)).expect("it is open");
        drop(far);
        assert!(!near.is_quiet(), "it was reset");
    }

    /// What each read brings until `length` bytes have come.
    async fn reads(near: &mut Socket, length: usize) -> Vec<usize> {
        let (mut reads, mut room) = (Vec::new(), Vec::with_capacity(1 << 20));
        while reads.iter().sum::<usize>() < length {
            room.clear();
            reads.push(near.read_buf(&mut room).await.expect("it is open"));
            assert!(room.iter().all(|byte| *byte == b'x'), "bytes that nobody sent");
        }
        reads
    }

    #[tokio::test]
    async fn no_more_is_read_at_once_than_is_allowed() {
        for domain in [Domain::IPV4, Domain::UNIX] {
            let (mut near, far) = ends(domain);
            let (long, piece) = (4 << 20, vec![b'x'; 4 << 20]);
            let mut far = std::io::BufWriter::with_capacity(long, far);
            let writer = std::thread::spawn(move || far.write_all(&piece).and_then(|()| far.flush()));
            let reads = reads(&mut near, long).await;
            assert!(reads.iter().all(|read| *read <= NARROW), "{domain:?}: {reads:?}");
            writer.join().expect("it does not panic").expect("it is open");
        }
        let (mut near, mut far) = ends(Domain::UNIX);
        far.set_nonblocking(true).expect("a socket can be non-blocking");
        let mut written = 0;
        while let Ok(count) = far.write(&[b'x'; 4096]) {
            written += count;
        }
        assert!(written > 2 * NARROW, "what waits is more than one read may bring: {written}");
        assert_eq!(reads(&mut near, 1).await, [NARROW]);
        near.read_at_most(written);
        assert_eq!(reads(&mut near, 1).await, [written - NARROW]);
    }

    #[tokio::test]
    async fn when_bytes_last_went_out_is_told() {
        let (mut near, mut far) = ends(Domain::UNIX);
        let before = near.wrote_at();
        let (piece, mut taken) = (vec![b'x'; 4 << 20], vec![0; 64 << 10]);
        let mut cx = Context::from_waker(std::task::Waker::noop());
        assert!(near.write(&piece).await.expect("it is open") < piece.len());
        let first = near.wrote_at();
        assert!(first > before);
        assert!(Pin::new(&mut near).poll_write(&mut cx, &piece).is_pending(), "nobody reads");
        assert_eq!(near.wrote_at(), first);
        while Pin::new(&mut near).poll_write_vectored(&mut cx, &[io::IoSlice::new(&piece)]).is_pending() {
            far.read_exact(&mut taken).expect("as much has been written");
            tokio::task::yield_now().await;
        }
        assert!(near.wrote_at() > first);
    }

    #[tokio::test]
    async fn below_tls_too_no_more_is_read_at_once_than_is_allowed() {
        let (mut near, mut far) = tls_ends().await;
        let sent = vec![b'x'; 1 << 20];
        let writing = async { far.write_all(&sent).await.and(far.flush().await) };
        let (reads, written) = tokio::join!(reads(&mut near, sent.len()), writing);
        written.expect("it is open");
        assert!(reads.iter().all(|read| *read <= NARROW), "{reads:?}");
    }

    async fn tls_ends() -> (Socket, server::TlsStream<TcpStream>) {
        let (identity, authority) = throw_away_ca(&[]).expect("a certificate");
        let acceptor = TlsAcceptor::from(Ending::new(identity, None).expect("a good identity").config);
        let connector = TlsConnector::from(Trust::from_pem(authority.as_bytes()).expect("an authority").handshake());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let near = TcpStream::connect(listener.local_addr().expect("an address")).await.expect("it listens");
        let far = listener.accept().await.expect("somebody came").0;
        far.set_nodelay(true).expect("it is open");
        let far = acceptor.accept(far);
        let name = "localhost".try_into().expect("a name");
        let (near, far) = tokio::join!(connector.connect(name, near), far);
        (Socket::new(Line::Tls(Box::new(near.expect("a handshake")))), far.expect("a handshake"))
    }

    #[tokio::test]
    async fn below_tls_tickets_are_quiet_and_content_and_goodbyes_are_not() {
        let (near, far) = tls_ends().await;
        // The server's tickets have come and nobody has read them.
        assert!(near.is_quiet() && near.is_quiet(), "only tickets were sent");
        drop(far);
        assert!(!near.is_quiet(), "it ended without close_notify");
        let (near, mut far) = tls_ends().await;
        far.write_all(b"x").await.expect("it is open");
        far.flush().await.expect("it is open");
        let first = near.is_quiet();
        assert_eq!((first, near.is_quiet()), (false, false), "a byte was said");
        let (near, mut far) = tls_ends().await;
        far.shutdown().await.expect("it is open");
        assert!(!near.is_quiet() && !near.is_quiet(), "it said goodbye");
    }
}
