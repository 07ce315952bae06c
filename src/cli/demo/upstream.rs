//! The API that `bearergate demo` puts behind the sidecar: it books payments, echoes, streams, is slow on demand, and fails in every way that
//! costs payments ([`Kind`]).
//!
//! It listens on loopback alone and checks no token: that is the sidecar's part, and seeing it done is the point of a demo.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::{Domain, SockRef, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::kind::Kind;
use super::ledger::{Booking, Counts, Ledger};

mod answers;
mod asked;
mod bodies;

/// A sample upstream that runs until the process ends.
#[derive(Debug)]
pub(super) struct SampleUpstream {
    address: SocketAddr,
    book: Arc<Book>,
    /// What keeps its port, or its queue, from anybody else.
    _held: Vec<Socket>,
}

/// The ledger, shared by all connections.
#[derive(Debug, Default)]
struct Book(Mutex<Ledger>);

impl SampleUpstream {
    /// Starts one at an address, where `None` is a free port of 127.0.0.1; what it takes from then on is as its kind has it.
    ///
    /// # Errors
    /// When there is no port, thread or descriptor to be had.
    pub(super) fn start(at: Option<SocketAddr>, kind: Kind, ledger: Ledger) -> io::Result<Self> {
        let socket = bound(at.unwrap_or_else(|| (Ipv4Addr::LOCALHOST, 0).into()))?;
        let address = socket.local_addr()?.as_socket().ok_or(io::ErrorKind::Unsupported)?;
        let book = Arc::new(Book(Mutex::new(ledger)));
        let held = match kind {
            // A port that is bound and not listened on refuses, and nobody else gets it.
            Kind::Down => vec![socket],
            Kind::Full => full(socket, address)?,
            Kind::Flapping => {
                spawn(flap(socket, address, Arc::clone(&book)))?;
                Vec::new()
            }
            kind => {
                socket.listen(BACKLOG)?;
                spawn(serve(socket, kind, Arc::clone(&book)))?;
                Vec::new()
            }
        };
        Ok(Self { address, book, _held: held })
    }

    /// Where it listens, or would.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it has booked.
    pub(super) fn counts(&self) -> Counts {
        self.book.counts()
    }
}

impl Book {
    fn book(&self, booking: &Booking) -> io::Result<()> {
        self.lock().book(booking)
    }

    fn counts(&self) -> Counts {
        self.lock().counts()
    }

    fn lock(&self) -> MutexGuard<'_, Ledger> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn bound(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    // As every server does: the connections of the one before must not keep the port.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

/// A queue of one that nobody takes from, and one who stands in it: whoever comes after is not answered.
fn full(socket: Socket, address: SocketAddr) -> io::Result<Vec<Socket>> {
    socket.listen(0)?;
    let first = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    first.connect(&address.into())?;
    Ok(vec![socket, first])
}

/// Runs on a thread of its own, for as long as the process.
fn spawn(serving: impl Future<Output = io::Result<()>> + Send + 'static) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // What ends it is that the system gives no more descriptors; then connections to it fail, and the log of the gate says so.
    thread::Builder::new().name("sample-upstream".to_owned()).spawn(move || drop(runtime.block_on(serving)))?;
    Ok(())
}

async fn serve(socket: Socket, kind: Kind, book: Arc<Book>) -> io::Result<()> {
    socket.set_nonblocking(true)?;
    let listener = TcpListener::from_std(socket.into())?;
    let mut connections = JoinSet::new();
    loop {
        let Ok((socket, _)) = listener.accept().await else {
            // Out of descriptors, most likely: they come back when connections end.
            sleep(ACCEPT_PAUSE).await;
            continue;
        };
        connections.spawn(converse(socket, kind, Arc::clone(&book)));
        while connections.try_join_next().is_some() {}
    }
}

/// Down, then up, and so on. At the end of each time up every connection is broken off.
async fn flap(mut held: Socket, address: SocketAddr, book: Arc<Book>) -> io::Result<()> {
    loop {
        sleep(DOWN).await;
        held.listen(BACKLOG)?;
        // The time is over; that it ended otherwise cannot be.
        let _ = timeout(UP, serve(held, Kind::Flapping, Arc::clone(&book))).await;
        held = loop {
            match bound(address) {
                Ok(socket) => break socket,
                // Somebody else was given the port: it comes back when that one is done.
                Err(_) => sleep(ACCEPT_PAUSE).await,
            }
        };
    }
}

async fn converse(socket: TcpStream, kind: Kind, book: Arc<Book>) {
    if kind == Kind::Resets {
        // An end without a goodbye, as of a process that has crashed.
        let _ = SockRef::from(&socket).set_linger(Some(Duration::ZERO));
    }
    let service = service_fn(move |request| answers::answer(request, kind, Arc::clone(&book)));
    let connection = http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(socket), service);
    // How a connection ends is the sidecar's affair; nothing is lost here.
    drop(connection.await);
}

const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
const BACKLOG: i32 = 1024;
const DOWN: Duration = Duration::from_secs(5);
const UP: Duration = Duration::from_secs(15);
