//! A clock that jumps under the program: tokens follow it, timers do not.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::Verdict;
use crate::caller::{Caller, delivery};
use crate::program::Program;
use crate::upstream::{self, Booked};

/// Prints each jump and what becomes of every token; bad when one is judged wrongly, a connection is lost or a timer is late.
pub(crate) async fn run(program: PathBuf, libfaketime: PathBuf) -> io::Result<Verdict> {
    timeout(MOST, jumps(&program, &libfaketime)).await.map_err(|_| io::Error::other("it hangs"))?
}

async fn jumps(program: &Path, libfaketime: &Path) -> io::Result<Verdict> {
    let folder = tempfile::tempdir()?;
    let wall = Wall { file: folder.path().join("offset") };
    wall.jump(0)?;
    let upstream = format!("http://{}", upstream::start(Booked::default()).await?);
    let vars = [
        ("UPSTREAM_URL", upstream.as_str()),
        ("TLS", "off"),
        ("CLIENT_USERNAME", "vietqr"),
        ("CLIENT_PASSWORD", PASSWORD),
        ("TOKEN_KEY", "load-key-0123456789abcdef0123456789abcdef"),
        ("IDLE_TIMEOUT", "3s"),
        ("DRAIN_DELAY", "1s"),
    ];
    let (library, file) = (libfaketime.display().to_string(), wall.file.display().to_string());
    // The monotonic clock never jumps on a real machine either.
    let fake = [
        ("LD_PRELOAD", library.as_str()),
        ("FAKETIME_TIMESTAMP_FILE", &file),
        ("FAKETIME_NO_CACHE", "1"),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
    ];
    let program = Program::start_among(program, &vars, &fake)?;
    let (mut kept, mut half) = (Caller::connect(program.address(), None).await?, None);
    let (mut tokens, mut wrong) = (Vec::new(), 0);
    for (offset_s, good) in JUMPS {
        wall.jump(offset_s)?;
        tokens.push(kept.token("vietqr", PASSWORD).await?);
        if !wall.shows(&tokens[tokens.len() - 1], offset_s) {
            return Err(io::Error::other("libfaketime does not move the program's clock"));
        }
        if half.is_none() {
            half = Some(Half::begin(&program, &tokens[0]).await?);
        }
        let mut answers = Vec::new();
        for token in &tokens {
            answers.push(kept.send(delivery(token, "T1")).await?.0.as_u16());
        }
        let expected: Vec<u16> = good.iter().map(|good| if *good { 200 } else { 401 }).collect();
        println!("clock {offset_s:>+6} s: tokens in the order of their issue {answers:?}");
        wrong += usize::from(answers != expected);
    }
    let status = half.ok_or_else(|| io::Error::other("there was no jump"))?.finish().await?;
    println!("a request from before the jumps, finished after them: {status}");
    let (forth, back) = (idle(&program, &wall, 400).await?, idle(&program, &wall, -3600).await?);
    println!(
        "idle connections with IDLE_TIMEOUT=3s ended after {forth:.1?} and {back:.1?}, the clock jumping meanwhile"
    );
    let are_monotonic = [forth, back].iter().all(|took| (IDLE..IDLE * 4).contains(took));
    wall.jump(400)?;
    let began = Instant::now();
    let code = program.stop().await?;
    println!("SIGTERM: exit code {code} after {:.1?} with DRAIN_DELAY=1s", began.elapsed());
    Ok(Verdict::of(wrong == 0 && status.contains(" 200 ") && are_monotonic && code == 0))
}

/// The clock that the program is shown.
struct Wall {
    file: PathBuf,
}

impl Wall {
    /// Shows the machine's own time and so many seconds more.
    fn jump(&self, offset_s: i64) -> io::Result<()> {
        let new = self.file.with_extension("new");
        fs::write(&new, format!("{offset_s:+}s\n"))?;
        fs::rename(new, &self.file)
    }

    /// Whether a token that was issued just now says so.
    fn shows(&self, token: &str, offset_s: i64) -> bool {
        let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap_or_default()).unwrap_or_default();
        let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap_or_default();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let shown = claims["iat"].as_i64().unwrap_or_default();
        (shown - now as i64 - offset_s).abs() <= 5
    }
}

/// A request of which half has been sent.
struct Half(TcpStream);

impl Half {
    async fn begin(program: &Program, token: &str) -> io::Result<Self> {
        let mut tcp = TcpStream::connect(program.address()).await?;
        let head = format!(
            "POST /half HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nContent-Length: 4\r\nConnection: close\r\n\r\n{{}}"
        );
        tcp.write_all(head.as_bytes()).await?;
        Ok(Self(tcp))
    }

    /// Sends the rest. Gives the first line of the answer.
    async fn finish(mut self) -> io::Result<String> {
        self.0.write_all(b"{}").await?;
        let mut answer = String::new();
        self.0.read_to_string(&mut answer).await?;
        Ok(answer.lines().next().unwrap_or_default().to_owned())
    }
}

/// How long a connection may be idle when the clock jumps while it is.
async fn idle(program: &Program, wall: &Wall, offset_s: i64) -> io::Result<Duration> {
    wall.jump(0)?;
    let began = Instant::now();
    let mut tcp = TcpStream::connect(program.address()).await?;
    wall.jump(offset_s)?;
    tcp.read_to_end(&mut Vec::new()).await?;
    Ok(began.elapsed())
}

/// Each jump, from the machine's own time, and which of the tokens issued so far are good then: one lives for 300 s, and may lie 5 s ahead.
const JUMPS: [(i64, &[bool]); 5] = [
    (0, &[true]),
    (400, &[false, true]),
    (0, &[true, false, true]),
    (-3600, &[false, false, false, true]),
    (0, &[true, false, true, false, true]),
];
const PASSWORD: &str = "a password that is long enough";
const IDLE: Duration = Duration::from_secs(3);
const MOST: Duration = Duration::from_secs(120);
