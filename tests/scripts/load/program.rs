//! The built program with variables of its own.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::time::{Instant, sleep};

/// The program while it runs. It is killed when this is dropped.
pub(crate) struct Program {
    child: Child,
    address: SocketAddr,
}

impl Program {
    /// Starts it; it listens when this returns. The variables are named without `BEARERGATE_`.
    ///
    /// # Errors
    /// It cannot be started, or ends without serving.
    pub(crate) fn start(program: &Path, vars: &[(&str, &str)]) -> io::Result<Self> {
        Self::start_among(program, vars, &[])
    }

    /// The same, with other variables beside those of the program.
    ///
    /// # Errors
    /// It cannot be started, or ends without serving.
    pub(crate) fn start_among(program: &Path, vars: &[(&str, &str)], others: &[(&str, &str)]) -> io::Result<Self> {
        let mut command = Command::new(program);
        command
            .env_clear()
            .envs(others.iter().copied())
            .env("BEARERGATE_LISTEN", "127.0.0.1:0")
            .env("BEARERGATE_ADMIN_LISTEN", "off")
            .env("BEARERGATE_LOG_FORMAT", "json");
        command.envs(vars.iter().map(|(name, value)| (format!("BEARERGATE_{name}"), value)));
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let output = child.stdout.take().ok_or_else(|| io::Error::other("no output"))?;
        let mut lines = BufReader::new(output).lines().map_while(Result::ok);
        let serving = lines.find(|line| line.contains(r#""message":"serving""#)).unwrap_or_default();
        let serving: serde_json::Value = serde_json::from_str(&serving).unwrap_or_default();
        let address = serving["address"].as_str().and_then(|text| text.parse().ok());
        let mut program = Self { child, address: SocketAddr::from(([0, 0, 0, 0], 0)) };
        program.address = address.ok_or_else(|| io::Error::other("the program did not say where it serves"))?;
        // A full pipe would cost it log lines.
        thread::spawn(move || lines.for_each(drop));
        Ok(program)
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// How much of it is in memory, in KiB.
    ///
    /// # Errors
    /// It has ended.
    pub(crate) fn resident_kib(&self) -> io::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
        number.ok_or_else(|| io::Error::other("the program has ended"))
    }

    /// How many files and sockets it has open.
    ///
    /// # Errors
    /// It has ended.
    pub(crate) fn descriptors(&self) -> io::Result<usize> {
        Ok(fs::read_dir(format!("/proc/{}/fd", self.child.id()))?.count())
    }

    /// Sends it a signal.
    ///
    /// # Errors
    /// It has ended.
    pub(crate) fn signal(&self, signal: Signal) -> io::Result<()> {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        Ok(kill_process(id.ok_or_else(|| io::Error::other("no process has this number"))?, signal)?)
    }

    /// Ends it with SIGTERM, and gives its exit code.
    ///
    /// # Errors
    /// It does not end within a minute, or not by itself.
    pub(crate) async fn stop(mut self) -> io::Result<i32> {
        self.signal(Signal::TERM)?;
        let end = Instant::now() + Duration::from_secs(60);
        while Instant::now() < end {
            if let Some(status) = self.child.try_wait()? {
                return status.code().ok_or_else(|| io::Error::other(format!("the program ended by {status}")));
            }
            sleep(Duration::from_millis(20)).await;
        }
        Err(io::Error::other("the program does not end"))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may be gone already; then there is nothing to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The argon2id line that `bearergate hash-password` prints for this password.
///
/// # Errors
/// The program fails.
pub(crate) fn hash(program: &Path, password: &str) -> io::Result<String> {
    let mut child = Command::new(program)
        .arg("hash-password")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(password.as_bytes())?;
    }
    let output = child.wait_with_output()?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
