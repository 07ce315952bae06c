//! Payments without a pause through two instances or more, as the network makes them: a new TLS connection and a token from one instance, a
//! new TLS connection and the delivery at the next. One address is enough where a load balancer stands before them.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead as _, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::interval;

use crate::Verdict;
use crate::caller::{Caller, Tls, delivery};
use crate::upstream::{self, Booked};

/// Prints `upstream=URL`, waits for a line `instances ADDRESS ADDRESS` on standard input, and pays until that ends. Prints the counts; bad
/// when a payment failed, was lost or doubled.
pub(crate) async fn run(
    ca: PathBuf,
    credentials: PathBuf,
    upstream: SocketAddr,
    pause: Duration,
) -> io::Result<Verdict> {
    let booked = Booked::default();
    println!("upstream=http://{}", upstream::start_at(upstream, pause, booked.clone()).await?);
    io::stdout().flush()?;
    let mut lines = lines();
    let instances = lines.recv().await.unwrap_or_default();
    let instances: Vec<SocketAddr> = instances.split(' ').filter_map(|word| word.parse().ok()).collect();
    if instances.is_empty() {
        return Err(io::Error::other("standard input names no instances"));
    }
    let network = Rc::new(Network {
        tls: Tls::trusting(&ca)?,
        credentials,
        instances,
        tally: RefCell::default(),
        ended: Cell::default(),
    });
    let mut payers = JoinSet::new();
    for _ in 0..PAYERS {
        let network = Rc::clone(&network);
        payers.spawn_local(async move {
            let mut ticks = interval(EVERY);
            while !network.ended.get() {
                ticks.tick().await;
                network.pay().await;
            }
        });
    }
    while lines.recv().await.is_some() {}
    network.ended.set(true);
    payers.join_all().await;
    let tally = network.tally.borrow();
    tally.print(&booked);
    Ok(Verdict::of(tally.failed == 0 && booked.doubled() == 0 && booked.payments() >= tally.done))
}

/// Standard input, line by line, from a thread that ends with it.
fn lines() -> UnboundedReceiver<String> {
    let (tell, told) = unbounded_channel();
    std::thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            if tell.send(line).is_err() {
                return;
            }
        }
    });
    told
}

struct Network {
    tls: Tls,
    credentials: PathBuf,
    instances: Vec<SocketAddr>,
    tally: RefCell<Tally>,
    ended: Cell<bool>,
}

#[derive(Default)]
struct Tally {
    sent: usize,
    done: usize,
    failed: usize,
    by_password: BTreeMap<String, usize>,
    by_key: BTreeMap<String, usize>,
    certificates: BTreeSet<Vec<u8>>,
}

impl Network {
    /// One payment, tried once: what the network would mend by trying again counts as failed.
    async fn pay(&self) {
        let number = {
            let mut tally = self.tally.borrow_mut();
            tally.sent += 1;
            tally.sent
        };
        let outcome = self.try_to_pay(number).await;
        let mut tally = self.tally.borrow_mut();
        match outcome {
            Ok(()) => tally.done += 1,
            Err(error) => {
                tally.failed += 1;
                eprintln!("payment {number} failed: {error}");
            }
        }
    }

    async fn try_to_pay(&self, number: usize) -> io::Result<()> {
        let at = |offset: usize| self.instances[(number + offset) % self.instances.len()];
        let (username, password) = self.credentials()?;
        let mut caller = Caller::connect(at(0), Some(&self.tls)).await?;
        let token = caller.token(&username, &password).await?;
        self.note(&caller, &password, &token);
        let mut caller = Caller::connect(at(1), Some(&self.tls)).await?;
        let (status, body) = caller.send(delivery(&token, &format!("T{number}"))).await?;
        let refused = || io::Error::other(format!("{status} {}", String::from_utf8_lossy(&body)));
        if status.is_success() { Ok(()) } else { Err(refused()) }
    }

    fn credentials(&self) -> io::Result<(String, String)> {
        let text = std::fs::read_to_string(&self.credentials)?;
        let of = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().to_owned();
        Ok((of("username="), of("password=")))
    }

    /// What a rotation changes: the certificate that was shown, the password that was right, the key that signed.
    fn note(&self, caller: &Caller, password: &str, token: &str) {
        let mut tally = self.tally.borrow_mut();
        let certificate = caller.certificate().map(|certificate| certificate.to_vec());
        tally.certificates.extend(certificate);
        let shown = format!("{}...", password.get(..4).unwrap_or_default());
        *tally.by_password.entry(shown).or_default() += 1;
        let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap_or_default()).unwrap_or_default();
        let header: serde_json::Value = serde_json::from_slice(&header).unwrap_or_default();
        *tally.by_key.entry(header["kid"].as_str().unwrap_or("unnamed").to_owned()).or_default() += 1;
    }
}

impl Tally {
    fn print(&self, booked: &Booked) {
        let (delivered, doubled) = (booked.payments(), booked.doubled());
        println!("payments sent {}, failed {}, delivered {delivered}, doubled {doubled}", self.sent, self.failed);
        println!("tokens by password {:?}, by key {:?}", self.by_password, self.by_key);
        println!("certificates seen {}", self.certificates.len());
    }
}

/// Together 40 payments a second.
const PAYERS: usize = 4;
const EVERY: Duration = Duration::from_millis(100);
