//! Slow callers of every kind. Each takes its time until it is cut, and comes again.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{interval, sleep};

use crate::caller::Tls;
use crate::upstream::LONG_PATH;

/// What is slow about a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It says nothing at all.
    Silent,
    /// Its ClientHello comes byte by byte.
    Handshake,
    /// It has nothing to ask.
    Idle,
    /// The head of its request comes byte by byte.
    Head,
    /// The body of its request has begun, and stops.
    Body,
    /// It does not read the answer.
    Reader,
    /// It speaks HTTP/2, and says nothing.
    Http2Silent,
    /// It speaks HTTP/2, asks, and grants no window for the answer.
    Http2Window,
}

impl Kind {
    pub(crate) const ALL: [Self; 8] = [
        Self::Silent,
        Self::Handshake,
        Self::Idle,
        Self::Head,
        Self::Body,
        Self::Reader,
        Self::Http2Silent,
        Self::Http2Window,
    ];
}

/// All of them, counted.
pub(crate) struct Peers {
    address: SocketAddr,
    tls: Tls,
    token: String,
    ended: AtomicBool,
    tallies: [Tally; Kind::ALL.len()],
}

#[derive(Default)]
struct Tally {
    open: AtomicUsize,
    begun: AtomicUsize,
    cut: AtomicUsize,
    failed: AtomicUsize,
}

impl Peers {
    /// Callers of this address; some have a token.
    pub(crate) fn new(address: SocketAddr, tls: Tls, token: String) -> Self {
        Self { address, tls, token, ended: AtomicBool::new(false), tallies: Default::default() }
    }

    /// How many connections are open.
    pub(crate) fn open(&self) -> usize {
        self.tallies.iter().map(|tally| tally.open.load(Ordering::Relaxed)).sum()
    }

    /// How many there were.
    pub(crate) fn begun(&self) -> usize {
        self.tallies.iter().map(|tally| tally.begun.load(Ordering::Relaxed)).sum()
    }

    /// Nobody comes again, and who is there leaves.
    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }

    /// Prints how many of each kind are open, and what became of the others.
    pub(crate) fn print(&self) {
        for (kind, tally) in Kind::ALL.iter().zip(&self.tallies) {
            let [open, begun, cut, failed] =
                [&tally.open, &tally.begun, &tally.cut, &tally.failed].map(|count| count.load(Ordering::Relaxed));
            let kind = format!("{kind:?}");
            println!("  slow {kind:12} begun {begun:5}, open {open:5}, cut {cut:5}, not let in {failed:5}");
        }
    }

    /// Is slow in this way until the end.
    pub(crate) async fn go_on(&self, kind: Kind) {
        let tally = &self.tallies[kind as usize];
        while !self.ended.load(Ordering::Relaxed) {
            tally.begun.fetch_add(1, Ordering::Relaxed);
            let was_open = tokio::select! {
                was_open = self.be_slow(kind, tally) => was_open,
                () = self.the_end() => return,
            };
            let count = if was_open.is_ok() { &tally.cut } else { &tally.failed };
            count.fetch_add(1, Ordering::Relaxed);
            sleep(AGAIN_AFTER).await;
        }
    }

    async fn the_end(&self) {
        while !self.ended.load(Ordering::Relaxed) {
            sleep(Duration::from_millis(500)).await;
        }
    }

    /// One connection, until it is cut. An error means that it never came about.
    async fn be_slow(&self, kind: Kind, tally: &Tally) -> io::Result<()> {
        match kind {
            Kind::Silent => hold(TcpStream::connect(self.address).await?, &[], None, tally).await,
            Kind::Handshake => hold(TcpStream::connect(self.address).await?, HELLO, Some(&[7]), tally).await,
            Kind::Idle => hold(self.tls.open(self.address).await?, &[], None, tally).await,
            Kind::Head => {
                let head = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ";
                hold(self.tls.open(self.address).await?, head, Some(b"x"), tally).await;
            }
            Kind::Body => {
                let head = self.head("POST", "/slow", "Content-Length: 1000\r\n");
                hold(self.tls.open(self.address).await?, &head, None, tally).await;
            }
            Kind::Reader => {
                let mut stream = self.tls.open(self.address).await?;
                let _open = Open::count(tally);
                // The bytes that come are left where they are until it must have been cut.
                stream.write_all(&self.head("GET", LONG_PATH, "")).await?;
                sleep(Duration::from_secs(40)).await;
            }
            Kind::Http2Silent => hold(self.tls.alpn("h2").open(self.address).await?, PREFACE, None, tally).await,
            Kind::Http2Window => {
                let request = [PREFACE, NO_WINDOW, GET].concat();
                hold(self.tls.alpn("h2").open(self.address).await?, &request, None, tally).await;
            }
        }
        Ok(())
    }

    fn head(&self, method: &str, path: &str, more: &str) -> Vec<u8> {
        format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n{more}\r\n", self.token)
            .into()
    }
}

/// Counts a connection as open for as long as it lives.
struct Open<'t>(&'t Tally);

impl<'t> Open<'t> {
    fn count(tally: &'t Tally) -> Self {
        tally.open.fetch_add(1, Ordering::Relaxed);
        Self(tally)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Sends `first`, then `more` every second if there is any, and reads on, until the other side ends the connection.
async fn hold(mut stream: impl AsyncRead + AsyncWrite + Unpin, first: &[u8], more: Option<&[u8]>, tally: &Tally) {
    let _open = Open::count(tally);
    if stream.write_all(first).await.is_err() || stream.flush().await.is_err() {
        return;
    }
    let (mut bytes, mut pace) = ([0; 1024], interval(Duration::from_secs(1)));
    loop {
        tokio::select! {
            read = stream.read(&mut bytes) => match read {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            },
            _ = pace.tick(), if more.is_some() => {
                if stream.write_all(more.unwrap_or_default()).await.is_err() || stream.flush().await.is_err() {
                    return;
                }
            }
        }
    }
}

const AGAIN_AFTER: Duration = Duration::from_millis(500);
/// The beginning of a TLS record that announces a ClientHello of 508 bytes.
const HELLO: &[u8] = &[22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3];
/// The preface of HTTP/2 and empty SETTINGS.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
/// SETTINGS with an initial window of nothing.
const NO_WINDOW: &[u8] = b"\0\0\x06\x04\0\0\0\0\0\0\x04\0\0\0\0";
/// HEADERS that end stream 1: `GET /` at localhost, by the static table of HPACK.
const GET: &[u8] = b"\0\0\x0e\x01\x05\0\0\0\x01\x82\x87\x84\x41\x09localhost";
