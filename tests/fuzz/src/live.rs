//! The whole server on loopback, before an upstream that trusts nobody.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use std::{fs, thread};

use aws_lc_rs::digest;
use bearergate::app::{self, Outside};
use bearergate::clock::Clock;
use bearergate::config::{Config, Machine, Vars};
use bearergate::log::Log;
use bearergate::manager::Manager;
use bearergate::phase::{Order, ratchet};

use super::upstream::Upstream;

/// The one client.
pub const CLIENT: &str = "fuzz";
/// Its one token: short, so that it survives in what a fuzzer makes of a request.
pub const TOKEN: &str = "fixed-token";

/// A running server.
pub struct Gate {
    address: SocketAddr,
    pub upstream: Upstream,
}

impl Gate {
    /// Starts one, for as long as the process lives; variables are named without `BEARERGATE_`.
    ///
    /// # Panics
    /// When they are wrong.
    #[must_use]
    pub fn start(vars: &[(&str, &str)]) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let upstream = Upstream::start();
        let name = format!("bearergate-live-{}-{}.json", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let clients = std::env::temp_dir().join(name);
        let digest = digest::digest(&digest::SHA256, TOKEN.as_bytes());
        let digest: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        let client = format!(
            r#"{{"name":"{CLIENT}","username":"{CLIENT}","passwords":["sha256:{0}"],"static_tokens":["sha256:{digest}"]}}"#,
            "1f".repeat(32)
        );
        fs::write(&clients, format!(r#"{{"clients":[{client}]}}"#)).expect("there is room for a file");
        let url = format!("http://{}", upstream.address);
        let path = clients.display().to_string();
        let fixed = [
            ("UPSTREAM_URL", url.as_str()),
            ("LISTEN", "127.0.0.1:0"),
            ("ADMIN_LISTEN", "off"),
            ("CLIENTS_FILE", &path),
            ("TOKEN_KEY", "fuzz-key-5f0c9d2ab47e81366ce2f1d09a8b7c54"),
            ("WORKERS", "1"),
            ("ALLOW", "* /pay/**"),
            // Only with what it was asked can the upstream tell who was let in.
            ("UPSTREAM_AUTHORIZATION", "keep"),
        ];
        let pairs = fixed.iter().chain(vars).map(|(name, value)| (format!("BEARERGATE_{name}"), (*value).to_owned()));
        let config = Config::from_vars(Vars::from_pairs(pairs), &Machine::detect());
        let config = config.unwrap_or_else(|problems| panic!("wrong variables:\n{problems}"));
        // It is read once: without somebody who could nudge it, the server does not watch files.
        fs::remove_file(clients).expect("it was written just now");
        let listeners = app::bind(&config).unwrap_or_else(|fault| panic!("cannot listen: {fault}"));
        let address = listeners.callers[0].local_addr().expect("a bound socket has an address");
        let (clock, _) = Clock::set_by_hand(1_800_000_000);
        let outside =
            Outside { clock, log: Log::to(config.log, io::sink()), nudges: app::nudge().1, manager: Manager::nobody() };
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.expect("there is room for a runtime");
            // Nobody ever gives an order.
            let (_, orders) = ratchet(Order::Serve);
            let ended = runtime.block_on(app::serve(config, listeners, outside, orders));
            panic!("the server ended: {ended:?}");
        });
        Self { address, upstream }
    }

    /// Connects. What is closed from here leaves no socket behind that waits.
    ///
    /// # Panics
    /// When it does not listen any more.
    #[must_use]
    pub fn connect(&self) -> TcpStream {
        let tcp = TcpStream::connect(self.address).expect("the server listens");
        let socket = socket2::SockRef::from(&tcp);
        socket.set_linger(Some(Duration::ZERO)).and_then(|()| tcp.set_nodelay(true)).expect("an open socket");
        tcp
    }

    /// Panics with what the upstream should not have seen so far.
    ///
    /// # Panics
    /// When there is something.
    pub fn check(&self) -> Vec<super::upstream::Seen> {
        let record = self.upstream.take();
        assert!(record.faults.is_empty(), "the upstream saw {}", record.faults.join("\n"));
        record.seen
    }
}

/// When a server is told that nothing more comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// When it has said nothing for a moment: it may wait for more. On a busy machine that cuts short what it would have done.
    Little,
    /// Hardly ever: it is to end the connection itself.
    Much,
}

/// Sends `bytes` and reads to the end.
pub fn exchange<S: Read + Write>(stream: &mut S, tcp: &TcpStream, bytes: &[u8], patience: Patience) {
    // A server that has heard enough may have closed.
    let _ = stream.write_all(bytes).and_then(|()| stream.flush());
    let mut buffer = [0; 16 << 10];
    let first = if patience == Patience::Little { QUIET } else { LONG };
    for timeout in [first, END] {
        tcp.set_read_timeout(Some(timeout)).expect("an open socket");
        loop {
            match stream.read(&mut buffer) {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => break,
                Err(_) => return,
            }
        }
        let _ = tcp.shutdown(Shutdown::Write);
    }
}

/// After that long the server waits for more.
const QUIET: Duration = Duration::from_millis(4);
/// After that long it has failed.
const LONG: Duration = Duration::from_secs(20);
/// Nobody waits longer for the end of a connection that was told to end.
const END: Duration = Duration::from_secs(1);
