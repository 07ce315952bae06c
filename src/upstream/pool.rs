//! Connections to the upstream, kept by the worker that opened them.
//!
//! Last in, first out: the connection used last is the one least likely to have been closed. A connection is parked only after its
//! request has gone out whole and its answer has come in whole; whatever ends otherwise is cut, so that no byte of one exchange can be
//! taken for a part of the next.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::{Instant, sleep_until};

use super::socket::{Line, NARROW, Socket};
use super::upgrade::FarSide;
use crate::body::{Received, Upload};
use crate::refusal::UpstreamFault;

/// What became of a request that was handed to a connection.
pub(super) type Sent = Result<Response<Incoming>, TrySendError<Request<Upload<Received>>>>;

/// One connection, in use. Dropping it cuts it; [`Lease::park`] gives it back.
#[derive(Debug)]
pub(super) struct Lease {
    connection: Connection,
    pool: Pool,
    origin: LeaseOrigin,
    wide: Option<Wide>,
}

/// One of the few connections that may hold much of an answer.
#[derive(Debug)]
struct Wide {
    socket: Socket,
    pool: Pool,
}

impl Drop for Wide {
    fn drop(&mut self) {
        self.socket.read_at_most(NARROW);
        self.pool.0.wide.set(self.pool.0.wide.get() - 1);
    }
}

/// Where a connection in use comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LeaseOrigin {
    New,
    Parked,
}

#[derive(Debug)]
struct Connection {
    sender: SendRequest<Upload<Received>>,
    socket: Socket,
    /// Ends with the connection, or, after a `101`, with what was read beyond it.
    task: JoinHandle<Option<Bytes>>,
    /// Of which time of the pool it is.
    age: u32,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The idle connections of one worker.
#[derive(Clone, Debug)]
pub(super) struct Pool(Rc<Parked>);

#[derive(Debug)]
struct Parked {
    idle: RefCell<Vec<(Instant, Connection)>>,
    sweeper_runs: Cell<bool>,
    age: Cell<u32>,
    wide: Cell<usize>,
    keep: Duration,
}

impl Pool {
    /// A pool that keeps an unused connection for `keep`.
    pub(super) fn new(keep: Duration) -> Self {
        Self(Rc::new(Parked {
            idle: RefCell::default(),
            sweeper_runs: Cell::new(false),
            age: Cell::new(0),
            wide: Cell::new(0),
            keep,
        }))
    }

    /// The connection that was parked last, if it is good and ready. That is the rule, and then nobody has to wait for it.
    pub(super) fn take_ready(&self) -> Option<Lease> {
        let is_ready = |(_, connection): &mut (Instant, Connection)| connection.sender.is_ready();
        let (since, connection) = self.0.idle.borrow_mut().pop_if(is_ready)?;
        self.is_good(since, &connection).then(|| self.lend(connection))
    }

    /// The connection that was parked last and is still good.
    pub(super) async fn take(&self) -> Option<Lease> {
        loop {
            let (since, mut connection) = self.0.idle.borrow_mut().pop()?;
            if self.is_good(since, &connection) && connection.sender.ready().await.is_ok() {
                return Some(self.lend(connection));
            }
        }
    }

    fn is_good(&self, since: Instant, connection: &Connection) -> bool {
        since.elapsed() < self.0.keep && connection.socket.is_quiet()
    }

    fn lend(&self, connection: Connection) -> Lease {
        Lease { connection, pool: self.clone(), origin: LeaseOrigin::Parked, wide: None }
    }

    /// Speaks HTTP/1.1 over a new connection.
    pub(super) async fn adopt(&self, line: Line) -> Result<Lease, UpstreamFault> {
        let socket = Socket::new(line);
        let handshake = Builder::new()
            .title_case_headers(true)
            .max_buf_size(WIDE)
            .max_header_size(MOST_HEAD)
            .handshake(TokioIo::new(socket.clone()))
            .await;
        let (sender, mut connection) = handshake.map_err(|_| UpstreamFault::Refused)?;
        // How a connection ends is told to the request on it.
        let task =
            spawn_local(async move { (&mut connection).await.is_ok().then(|| connection.into_parts().read_buf) });
        let connection = Connection { sender, socket, task, age: self.0.age.get() };
        Ok(Lease { connection, pool: self.clone(), origin: LeaseOrigin::New, wide: None })
    }

    /// Closes what is idle, and whatever is in use now when it comes back.
    pub(super) fn forget(&self) {
        self.0.age.set(self.0.age.get().wrapping_add(1));
        self.0.idle.borrow_mut().clear();
    }

    fn park(&self, connection: Connection) {
        if connection.age != self.0.age.get()
            || connection.sender.is_closed()
            || self.0.idle.borrow().len() >= MOST_IDLE
        {
            return;
        }
        self.0.idle.borrow_mut().push((Instant::now(), connection));
        if !self.0.sweeper_runs.replace(true) {
            spawn_local(sweep(Rc::clone(&self.0)));
        }
    }
}

impl Lease {
    /// Hands a request to the connection.
    pub(super) fn send(&mut self, request: Request<Upload<Received>>) -> impl Future<Output = Sent> + use<> {
        self.connection.sender.try_send_request(request)
    }

    /// When it last took bytes of a request.
    pub(super) fn wrote_at(&self) -> Instant {
        self.connection.socket.wrote_at()
    }

    /// Whether it has lain idle: then the upstream may have closed it on its own account.
    pub(super) fn was_parked(&self) -> bool {
        self.origin == LeaseOrigin::Parked
    }

    /// Reads more of the answer at once, if no more than [`MOST_WIDE`] do so already: fewer calls and fewer wake-ups a byte, and memory for
    /// a caller who stops reading.
    pub(super) fn widen(&mut self) {
        let wide = &self.pool.0.wide;
        if self.wide.is_none() && wide.get() < MOST_WIDE {
            wide.set(wide.get() + 1);
            let socket = self.connection.socket.clone();
            socket.read_at_most(WIDE);
            self.wide = Some(Wide { socket, pool: self.pool.clone() });
        }
    }

    /// Takes the connection out of HTTP, after a `101`; `None` when it broke meanwhile.
    pub(super) async fn switch(mut self) -> Option<FarSide> {
        let ahead = (&mut self.connection.task).await.ok().flatten()?;
        Some(FarSide::of(self.connection.socket.clone(), ahead))
    }

    /// Gives the connection back for the next request. Only after a whole exchange, and not with the large buffers of a long answer: hyper
    /// keeps them, and a hundred such connections would hold what they were meant for four of.
    pub(super) fn park(self) {
        if self.wide.is_none() {
            self.pool.park(self.connection);
        }
    }
}

/// Closes what nobody has used for long enough; ends when there is nothing left.
async fn sweep(parked: Rc<Parked>) {
    loop {
        let Some(oldest) = parked.idle.borrow().first().map(|(since, _)| *since) else { break };
        sleep_until(oldest + parked.keep).await;
        let now = Instant::now();
        parked.idle.borrow_mut().retain(|(since, _)| now.duration_since(*since) < parked.keep);
    }
    parked.sweeper_runs.set(false);
}

/// Idle connections a worker keeps at most.
const MOST_IDLE: usize = 128;
/// What is read at once of a long answer, and how many a worker reads so at the same time: a caller who stops reading has the worker hold
/// that much three times, as read, as queued and as encrypted.
const WIDE: usize = 512 << 10;
const MOST_WIDE: usize = 4;
/// The head of an answer may be this long.
const MOST_HEAD: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use tokio::net::UnixStream;
    use tokio::task::LocalSet;

    use super::*;

    #[tokio::test]
    async fn only_a_few_connections_hold_much_of_an_answer_and_each_gives_its_place_back() {
        let leases = async {
            let pool = Pool::new(Duration::from_secs(60));
            let mut leases = Vec::new();
            for _ in 0..=MOST_WIDE {
                let (near, far) = UnixStream::pair().expect("a pair");
                leases.push((pool.adopt(Line::Unix(near)).await.expect("it is open"), far));
            }
            for (lease, _) in &mut leases {
                lease.widen();
                lease.widen();
            }
            let wide = |leases: &[(Lease, UnixStream)]| {
                leases.iter().map(|(lease, _)| lease.wide.is_some()).collect::<Vec<_>>()
            };
            assert_eq!(wide(&leases), [true, true, true, true, false]);
            let (first, _far) = leases.remove(0);
            first.park();
            leases[MOST_WIDE - 1].0.widen();
            assert_eq!(wide(&leases), [true; MOST_WIDE]);
            drop(leases);
            assert_eq!(pool.0.wide.get(), 0);
        };
        LocalSet::new().run_until(leases).await;
    }
}
