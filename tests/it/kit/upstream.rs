//! The recording upstream: a small HTTP/1.1 server of our own on a real socket, which remembers every byte and answers what the test tells it.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
    thread,
};

use super::{
    Answer, Door, Signal,
    answer::Afterwards,
    line::{Accepting, Arrived, Line, Listener, Shaken},
    wait_until,
    wire::{self, Body, Field, Framing, Head, Wire},
};

/// One request as the upstream saw it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    connection: usize,
    head: Head,
    body: Body,
    trailers: Vec<Field>,
    complete: bool,
}

impl Seen {
    /// Which connection it came over: an index into [`Upstream::connections`].
    pub(crate) fn connection(&self) -> usize {
        self.connection
    }

    /// The exact bytes of its head, with the empty line.
    pub(crate) fn raw_head(&self) -> &[u8] {
        &self.head.raw
    }

    /// The first word of the request line.
    pub(crate) fn method(&self) -> &str {
        self.head.word(0)
    }

    /// The second word of the request line, as it was sent.
    pub(crate) fn target(&self) -> &str {
        self.head.word(1)
    }

    /// All fields, in their order and case.
    pub(crate) fn fields(&self) -> &[Field] {
        &self.head.fields
    }

    /// The values of every field called `name`, whatever its case.
    pub(crate) fn values(&self, name: &str) -> Vec<&str> {
        wire::values(&self.head.fields, name)
    }

    /// The value of the first field called `name`.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.values(name).first().copied()
    }

    /// The body, with its length and digest.
    pub(crate) fn body(&self) -> &Body {
        &self.body
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(self.body.kept()).into_owned()
    }

    /// The trailer fields.
    pub(crate) fn trailers(&self) -> &[Field] {
        &self.trailers
    }

    /// Did its body end as its framing says? `false` while it is under way and for ever when it was cut.
    pub(crate) fn complete(&self) -> bool {
        self.complete
    }
}

/// One connection as the upstream saw it.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    /// Every byte that came, at most the first 4 MiB.
    pub(crate) raw: Body,
    /// How many bytes of answers went out.
    pub(crate) written: u64,
    /// Is it over?
    pub(crate) ended: bool,
    /// The handshake, where there was one and it succeeded.
    pub(crate) shaken: Option<Shaken>,
}

/// What the upstream does when the head of a request is there and its body is not yet read.
#[derive(Clone, Debug)]
pub(crate) enum AtHead {
    /// Reads the body, then answers.
    Read,
    /// Reads nothing until the signal fires, then goes on.
    ReadAfter(Signal),
    /// Answers at once, without having read the body.
    Answer(Answer),
}

/// The recording upstream. It runs on a thread of its own until it is dropped.
pub(crate) struct Upstream {
    address: SocketAddr,
    url: String,
    shared: Arc<Shared>,
}

struct Shared {
    record: Mutex<Record>,
    program: Mutex<Program>,
    stop: Signal,
}

#[derive(Default)]
struct Record {
    requests: Vec<Seen>,
    connections: Vec<Connection>,
}

#[derive(Clone)]
struct Program {
    at_head: Arc<dyn Fn(&Seen) -> AtHead + Send + Sync>,
    answer: Arc<dyn Fn(&Seen) -> Answer + Send + Sync>,
}

impl Upstream {
    /// An upstream that books every delivery.
    pub(crate) async fn recording() -> Self {
        Self::answering(|_| Answer::booked()).await
    }

    /// An upstream that answers every complete request with what `answer` makes of it.
    pub(crate) async fn answering(answer: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Self {
        Self::behind(Door::Tcp, answer).await
    }

    /// The same behind another door.
    pub(crate) async fn behind(door: Door, answer: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Self {
        Self::open(door, answer)
    }

    /// The same where nothing can be awaited.
    pub(crate) fn open(door: Door, answer: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Self {
        let (listener, url, address) = door.open();
        let program = Program { at_head: Arc::new(|_| AtHead::Read), answer: Arc::new(answer) };
        let shared = Arc::new(Shared { record: Mutex::default(), program: Mutex::new(program), stop: Signal::new() });
        let own = Arc::clone(&shared);
        thread::spawn(move || serve(listener, own));
        Self { address, url, shared }
    }

    /// Answers from now on with what `answer` makes of each complete request.
    pub(crate) fn answer_with(&self, answer: impl Fn(&Seen) -> Answer + Send + Sync + 'static) {
        lock(&self.shared.program).answer = Arc::new(answer);
    }

    /// Asks `at_head` from now on what to do before the body of each request is read.
    pub(crate) fn at_head(&self, at_head: impl Fn(&Seen) -> AtHead + Send + Sync + 'static) {
        lock(&self.shared.program).at_head = Arc::new(at_head);
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its address as `UPSTREAM_URL` wants it.
    pub(crate) fn url(&self) -> String {
        self.url.clone()
    }

    /// How many requests had a whole head.
    pub(crate) fn seen(&self) -> usize {
        lock(&self.shared.record).requests.len()
    }

    /// Every request whose head came, in the order of their heads.
    pub(crate) fn requests(&self) -> Vec<Seen> {
        lock(&self.shared.record).requests.clone()
    }

    /// The only request there was.
    pub(crate) fn only(&self) -> Seen {
        let mut requests = self.requests();
        assert_eq!(requests.len(), 1, "exactly one request was to reach the upstream: {requests:?}");
        requests.remove(0)
    }

    /// Every connection there was, in the order they were accepted.
    pub(crate) fn connections(&self) -> Vec<Connection> {
        lock(&self.shared.record).connections.clone()
    }

    /// Waits until `condition` holds for the requests seen so far.
    pub(crate) async fn wait_for(&self, what: &str, mut condition: impl FnMut(&[Seen]) -> bool) {
        wait_until(what, || condition(&lock(&self.shared.record).requests)).await;
    }

    /// Waits until every connection is over.
    pub(crate) async fn wait_idle(&self) {
        wait_until("every upstream connection to end", || {
            lock(&self.shared.record).connections.iter().all(|each| each.ended)
        })
        .await;
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.shared.stop.fire();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no thread of the kit panics while it records")
}

fn serve(listener: Listener, shared: Arc<Shared>) {
    let runtime = super::runtime();
    let stop = shared.stop.clone();
    runtime.block_on(async move {
        let listener = listener.accepting();
        tokio::select! {
            () = stop.fired() => {}
            () = accept(listener, shared) => {}
        }
    });
}

async fn accept(listener: Accepting, shared: Arc<Shared>) {
    loop {
        let arrived = listener.accept().await.expect("the upstream of a test can accept");
        let connection = {
            let mut record = lock(&shared.record);
            record.connections.push(Connection { raw: Body::new(), written: 0, ended: false, shaken: None });
            record.connections.len() - 1
        };
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            // A peer that breaks off is what some tests are about: the record tells.
            let _ = converse(arrived, connection, &shared).await;
            lock(&shared.record).connections[connection].ended = true;
        });
    }
}

async fn converse(arrived: Arrived, connection: usize, shared: &Arc<Shared>) -> io::Result<()> {
    let (line, shaken) = arrived.shake().await?;
    lock(&shared.record).connections[connection].shaken = shaken;
    let tap = Arc::clone(shared);
    let mut wire = Wire::tapped(line, move |bytes| lock(&tap.record).connections[connection].raw.take(bytes));
    while let Some(head) = wire.head().await? {
        let framing = Framing::of_request(&head);
        let seen = Seen { connection, head, body: Body::new(), trailers: Vec::new(), complete: false };
        if turn(&mut wire, framing, seen, shared).await? == Afterwards::Over {
            return Ok(());
        }
    }
    Ok(())
}

/// One request, from the end of its head on.
async fn turn(wire: &mut Wire<Line>, framing: Framing, seen: Seen, shared: &Shared) -> io::Result<Afterwards> {
    let at = {
        let mut record = lock(&shared.record);
        record.requests.push(seen.clone());
        record.requests.len() - 1
    };
    let program = lock(&shared.program).clone();
    match (program.at_head)(&seen) {
        AtHead::Read => {}
        AtHead::ReadAfter(signal) => signal.fired().await,
        AtHead::Answer(answer) => {
            let afterwards = say(&answer, wire, &seen, shared).await?;
            if afterwards == Afterwards::KeepAlive {
                read(wire, framing, at, shared).await?;
            }
            return Ok(afterwards);
        }
    }
    let seen = read(wire, framing, at, shared).await?;
    let answer = (program.answer)(&seen);
    say(&answer, wire, &seen, shared).await
}

async fn read(wire: &mut Wire<Line>, framing: Framing, at: usize, shared: &Shared) -> io::Result<Seen> {
    let trailers = wire.body(framing, |bytes| lock(&shared.record).requests[at].body.take(bytes)).await?;
    let seen = &mut lock(&shared.record).requests[at];
    seen.trailers = trailers;
    seen.complete = true;
    Ok(seen.clone())
}

async fn say(answer: &Answer, wire: &mut Wire<Line>, seen: &Seen, shared: &Shared) -> io::Result<Afterwards> {
    let count = |bytes| lock(&shared.record).connections[seen.connection].written += bytes;
    answer.play(wire, seen.method(), count).await
}
