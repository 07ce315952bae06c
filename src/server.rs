//! Accepts connections, ends TLS, lets hyper speak HTTP within limits, and stops without losing what runs.
//!
//! One worker is one thread with a single-threaded runtime and a listener of its own (`SO_REUSEPORT`): a connection stays where it was
//! accepted, and no request crosses threads.

use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::num::NonZeroUsize;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::{http1, http2};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_local;
use tokio::time::{Instant, sleep};

use crate::gateway::Gateway;
use crate::live::Live;
use crate::log::{Level, Log};
use crate::metrics::Tally;
use crate::phase::{Phase, Watch};
use crate::rules::peer::TrustedProxies;
use crate::tls;

mod burden;
mod connection;
mod doorbook;
mod drive;
mod frames;
mod proxy;
mod pulse;
mod slots;
mod stream;
mod taking;
mod turns;

use doorbook::Doorbook;
use pulse::Pulse;
use slots::{House, Slots};
use taking::Local;
use turns::Turns;

/// What serving connections needs to know.
#[derive(Clone, Debug)]
pub struct Settings {
    /// For a TLS handshake.
    pub handshake_timeout: Duration,
    /// For the head of a request, from its first byte.
    pub header_timeout: Duration,
    /// For a caller that does not read.
    pub body_timeout: Duration,
    /// For a connection with nothing to do.
    pub idle_timeout: Duration,
    /// For what runs when the server is told to stop.
    pub drain_timeout: Duration,
    /// The largest head of a request, in bytes; 8 KiB or more.
    pub max_head: usize,
    /// The most connections of all workers together.
    pub max_connections: usize,
    /// Worker threads.
    pub workers: NonZeroUsize,
    /// Whether a connection begins with a PROXY header.
    pub proxy_protocol: ProxyProtocol,
    /// Who may send one.
    pub proxies: TrustedProxies,
}

/// Whether a connection begins with a PROXY header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyProtocol {
    /// It must, and must come from a trusted proxy.
    On,
    /// It does not.
    Off,
}

/// How callers connect: over TLS with a certificate that may change, or, with `None`, in the clear.
pub type LiveTls = Option<Arc<Live<tls::Ending>>>;

/// What all workers of a server share.
#[derive(Clone, Debug)]
pub struct Shared {
    settings: Settings,
    house: Arc<House>,
    turned_away: Arc<doorbook::Warnings>,
    log: Log,
}

impl Shared {
    /// What the workers of one server share.
    #[must_use]
    pub fn new(settings: Settings, log: Log) -> Self {
        let house = House::new(settings.max_connections, settings.workers.get());
        Self { settings, house, turned_away: Arc::default(), log }
    }
}

/// One worker: its listener's connections and all that serves them.
struct Worker {
    settings: Settings,
    slots: Rc<Slots>,
    turns: Turns,
    gateway: Gateway,
    tls: LiveTls,
    http1: http1::Builder,
    http2: http2::Builder<Local>,
    local: Local,
    doorbook: Doorbook,
    log: Log,
}

impl Worker {
    /// Until when a connection may be idle, or when to ask again.
    fn idle_until(&self, pulse: &Pulse) -> Instant {
        let since = pulse.idle_since();
        since + self.slots.idle_limit(self.settings.idle_timeout, since.elapsed())
    }
}

/// Serves the connections of one listener until `phase` says to drain, then until they are done, `drain_timeout` is over, or `phase` says to
/// cut them. Runs inside a `LocalSet`. Says how many requests in flight had to be cut.
///
/// # Errors
/// When the listener cannot be used at all.
pub async fn serve(
    listener: StdListener,
    index: usize,
    shared: Shared,
    gateway: Gateway,
    tls: LiveTls,
    tally: Tally,
    phase: Watch<Phase>,
) -> io::Result<usize> {
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    let Shared { settings, house, turned_away, log } = shared;
    let local = Local::default();
    let (http1, http2) = (http1_builder(&settings), http2_builder(&settings, local.clone()));
    let doorbook = Doorbook::new(tally, turned_away, log.clone());
    let slots = Slots::new(house, index);
    let turns = Turns::default();
    let worker = Rc::new(Worker { slots, turns, settings, gateway, tls, http1, http2, local, doorbook, log });
    let caller = Rc::clone(&worker);
    // As long as the runtime: who has been accepted is served in a drain too.
    spawn_local(async move { caller.turns.call_for_ever().await });
    tokio::select! {
        () = accept_for_ever(&worker, &listener) => {}
        () = worker.slots.lend_for_ever() => {}
        _ = phase.reaches(Phase::Draining) => {}
    }
    accept_the_rest(&worker, listener);
    worker.slots.finish_all();
    tokio::select! {
        () = worker.slots.all_left() => {}
        () = sleep(worker.settings.drain_timeout) => {}
        _ = phase.reaches(Phase::Cutting) => {}
    }
    Ok(worker.slots.cut_all())
}

async fn accept_for_ever(worker: &Rc<Worker>, listener: &TcpListener) {
    loop {
        match listener.accept().await {
            Ok((tcp, peer)) => take_in(worker, tcp, peer),
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                // Out of descriptors or memory: trying again at once would only burn the processor.
                let line = worker.log.line(
                    Level::Error,
                    "no connection can be accepted; raise the limit on open files or lower MAX_CONNECTIONS",
                );
                line.field("error", error.to_string()).write();
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Takes in what the kernel has already accepted for us: closing the listener would reset those connections.
fn accept_the_rest(worker: &Rc<Worker>, listener: TcpListener) {
    let Ok(listener) = listener.into_std() else { return };
    loop {
        match listener.accept() {
            Ok((tcp, peer)) => {
                if tcp.set_nonblocking(true).is_ok()
                    && let Ok(tcp) = TcpStream::from_std(tcp)
                {
                    take_in(worker, tcp, peer);
                }
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(_) => return,
        }
    }
}

fn take_in(worker: &Rc<Worker>, tcp: TcpStream, peer: SocketAddr) {
    if let Some(slot) = worker.slots.enter() {
        spawn_local(connection::serve(Rc::clone(worker), tcp, peer, slot));
    }
}

/// True for an error of the connection that was to be accepted, which says nothing about the next.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

fn http1_builder(settings: &Settings) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .title_case_headers(true)
        .header_read_timeout(None)
        .max_header_size(settings.max_head)
        .max_buf_size(settings.max_head.max(BUFFER));
    builder
}

/// Every limit that hyper has, by name, so that none changes with its defaults; `tests/it/hostile_http2/pins.rs` sees each of them hold.
fn http2_builder(settings: &Settings, local: Local) -> http2::Builder<Local> {
    let mut builder = http2::Builder::new(local);
    builder
        .max_concurrent_streams(MOST_STREAMS)
        .max_header_list_size(u32::try_from(settings.max_head).unwrap_or(u32::MAX))
        .header_table_size(HEADER_TABLE)
        .max_frame_size(FRAME)
        .adaptive_window(false)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .keep_alive_interval(None)
        .max_send_buf_size(BUFFER)
        .max_pending_accept_reset_streams(MOST_PENDING_RESETS)
        .max_local_error_reset_streams(MOST_LOCAL_RESETS);
    builder
}

/// Opens one listener for each worker on the same address.
///
/// The first is bound without `SO_REUSEPORT`, so that an address where somebody listens already is an error instead of a second instance
/// that silently takes half of the connections.
///
/// # Errors
/// The address cannot be had.
pub fn bind(address: SocketAddr, workers: NonZeroUsize) -> io::Result<Vec<StdListener>> {
    let first = socket(address)?;
    first.bind(&address.into())?;
    first.set_reuse_port(true)?;
    let bound = first.local_addr()?;
    let mut sockets = vec![first];
    for _ in 1..workers.get() {
        let next = socket(address)?;
        next.set_reuse_port(true)?;
        next.bind(&bound)?;
        sockets.push(next);
    }
    sockets.iter().try_for_each(|socket| socket.listen(BACKLOG))?;
    Ok(sockets.into_iter().map(StdListener::from).collect())
}

fn socket(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    socket.set_reuse_address(true)?;
    Ok(socket)
}

/// After an accept that failed for want of something.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Connections the kernel may hold for us; it cuts this to its own limit.
const BACKLOG: i32 = 4096;
/// What is buffered of a body in flight, each way.
const BUFFER: usize = 64 << 10;
/// Requests at a time on one HTTP/2 connection.
const MOST_STREAMS: u32 = 100;
/// Bytes of the largest frame of a caller: the least there is.
const FRAME: u32 = 16 << 10;
/// Bytes of the fields that a caller may have us remember: the table that all begin with. Without one, a caller sends its token anew with each
/// request, and unpacking it is a tenth of the work. Source: RFC 7541, section 4.2.
const HEADER_TABLE: u32 = 4096;
/// Bytes of request bodies that may be on their way on a stream, and on a connection.
const STREAM_WINDOW: u32 = 256 << 10;
const CONNECTION_WINDOW: u32 = 1 << 20;
/// Streams a caller may reset before they were looked at (CVE-2023-44487), and make us reset (CVE-2025-8671).
const MOST_PENDING_RESETS: usize = 20;
const MOST_LOCAL_RESETS: usize = 256;
