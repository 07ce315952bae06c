//! Callers who send what must be refused, guess passwords, and break off uploads.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::files::USERNAME;
use crate::caller::{Caller, Tls};

/// Makes trouble, and counts it.
pub(super) struct Mischief {
    address: SocketAddr,
    tls: Tls,
    token: String,
    made: Cell<usize>,
}

impl Mischief {
    pub(super) fn new(address: SocketAddr, tls: Tls, token: String) -> Rc<Self> {
        Rc::new(Self { address, tls, token, made: Cell::default() })
    }

    pub(super) fn made(&self) -> usize {
        self.made.get()
    }

    /// Each kind goes on by itself.
    pub(super) fn begin(self: &Rc<Self>, tasks: &mut JoinSet<()>) {
        let (bad, guess, upload) = (Rc::clone(self), Rc::clone(self), Rc::clone(self));
        tasks.spawn_local(async move {
            let mut ticks = pace(Duration::from_millis(150));
            for at in 0_usize.. {
                ticks.tick().await;
                bad.count(bad.send_bad(BAD[at % BAD.len()]).await);
            }
        });
        tasks.spawn_local(async move {
            let mut ticks = pace(Duration::from_millis(400));
            loop {
                ticks.tick().await;
                guess.count(guess.guess().await);
            }
        });
        tasks.spawn_local(async move {
            let mut ticks = pace(Duration::from_millis(300));
            loop {
                ticks.tick().await;
                upload.count(upload.break_off().await);
            }
        });
    }

    /// How it ended is none of their business.
    fn count(&self, _: io::Result<()>) {
        self.made.set(self.made.get() + 1);
    }

    async fn send_bad(&self, request: &str) -> io::Result<()> {
        let mut stream = self.tls.open(self.address).await?;
        let filled = request.replace("LONG", &"x".repeat(40_000));
        stream.write_all(filled.as_bytes()).await?;
        let mut answer = Vec::new();
        timeout(Duration::from_secs(2), stream.read_to_end(&mut answer)).await.unwrap_or(Ok(0)).map(|_| ())
    }

    async fn guess(&self) -> io::Result<()> {
        Caller::connect(self.address, Some(&self.tls)).await?.token(USERNAME, "not the password").await.map(|_| ())
    }

    /// A megabyte is announced, a part is sent, and the connection is reset.
    async fn break_off(&self) -> io::Result<()> {
        let mut stream = self.tls.open(self.address).await?;
        let head = format!(
            "POST {UPLOAD} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\nContent-Length: 1000000\r\n\r\n",
            self.token
        );
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(&[b'x'; 200_000]).await?;
        stream.flush().await?;
        stream.get_ref().0.set_zero_linger()
    }
}

fn pace(every: Duration) -> tokio::time::Interval {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// Where the uploads go.
pub(super) const UPLOAD: &str = "/upload";
/// None of these may reach the upstream.
const BAD: [&str; 14] = [
    "POST /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}",
    "POST /a HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer null\r\nContent-Length: 2\r\n\r\n{}",
    "POST /a HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer e30.e30.e30\r\nContent-Length: 100000000\r\n\r\n{}",
    "POST /a/../b HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}",
    "POST /a%2fb HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}",
    "POST /a HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}",
    "POST /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /b HTTP/1.1\r\n\r\n",
    "POST /a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "CONNECT localhost:443 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "TRACE /a HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "GET /a HTTP/1.1\r\nHost: localhost\r\nX: LONG\r\n\r\n",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "\u{16}\u{3}\u{1} this is not HTTP\r\n\r\n",
    "GET /",
];
