//! The peers: how each is started, with which settings, and what it can do.

use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use clap::ValueEnum;
use tokio::task::yield_now;
use tokio::time::Instant;

use crate::caller::Caller;
use crate::process::Process;
use crate::requests::{self, PASSWORD, TOKEN_KEY, USERNAME};
use crate::tls::{Identity, Tls};
use crate::upstream::{ANSWER, Upstream};

/// Who is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Peer {
    /// This program.
    Bearergate,
    /// HAProxy that checks the token.
    Haproxy,
    /// nginx as a TLS proxy, without any check.
    Nginx,
    /// HAProxy that only ends TLS and copies bytes.
    Relay,
    /// A gateway written by hand.
    Node,
    /// This program again, or another build of it.
    Again,
}

/// What a peer does with a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Duty {
    /// It issues and checks.
    Issues,
    /// It checks.
    Checks,
    /// It lets everything through.
    Passes,
}

impl Peer {
    /// Its name in tables.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Bearergate => "bearergate",
            Self::Haproxy => "HAProxy",
            Self::Nginx => "nginx, no check",
            Self::Relay => "TLS relay",
            Self::Node => "Node gateway",
            Self::Again => "bearergate again",
        }
    }

    /// What it does with a token.
    pub(crate) fn duty(self) -> Duty {
        match self {
            Self::Bearergate | Self::Again | Self::Node => Duty::Issues,
            Self::Haproxy => Duty::Checks,
            Self::Nginx | Self::Relay => Duty::Passes,
        }
    }

    /// Whether it speaks HTTP/2.
    pub(crate) fn speaks_http2(self) -> bool {
        !matches!(self, Self::Relay | Self::Node)
    }

    fn log_name(self) -> &'static str {
        match self {
            Self::Bearergate => "bearergate",
            Self::Haproxy => "haproxy",
            Self::Nginx => "nginx",
            Self::Relay => "relay",
            Self::Node => "node",
            Self::Again => "again",
        }
    }
}

/// How many connections bearergate is told to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// As shipped.
    Shipped,
    /// More than twice the most that the memory suite opens.
    Raised,
}

/// What is needed to start peers.
pub(crate) struct Stage {
    /// The build to measure.
    pub(crate) program: PathBuf,
    /// The build that takes the place of the second instance.
    pub(crate) other: Option<PathBuf>,
    /// The folder of the benchmark.
    pub(crate) benches: PathBuf,
    /// A folder for logs and the like.
    pub(crate) work: PathBuf,
    /// The core of the peers.
    pub(crate) core: usize,
    /// What they serve.
    pub(crate) identity: Identity,
    /// How they are called.
    pub(crate) tls: Tls,
    /// What is behind them.
    pub(crate) upstream: Upstream,
}

/// A peer that runs.
#[derive(Debug)]
pub(crate) struct Server {
    /// Which it is.
    pub(crate) peer: Peer,
    /// Where it serves.
    pub(crate) port: u16,
    /// Where it says what it is, if that is another port.
    pub(crate) identity_port: u16,
    /// What runs.
    pub(crate) process: Process,
    /// From its start to its first good answer.
    pub(crate) until_first_answer: Duration,
}

impl Stage {
    /// Starts a peer; it has answered once when this returns.
    ///
    /// # Errors
    /// It ends, or does not answer within ten seconds.
    pub(crate) async fn start(&self, peer: Peer, room: Room) -> io::Result<Server> {
        let (port, identity_port) = free_ports()?;
        let mut command = self.command(peer, room, port, identity_port)?;
        let log = self.work.join(format!("{}.log", peer.log_name()));
        let output = File::options().create(true).append(true).open(&log)?;
        command.stdin(Stdio::null()).stderr(output.try_clone()?).stdout(output);
        let asked = requests::delivery(&requests::bearer()?);
        let begun = Instant::now();
        let mut process = Process::start(&mut command, &self.work.join("groups"))?;
        while let Err(error) = self.first_answer(port, &asked).await {
            if let Some(status) = process.ended()? {
                let said = fs::read_to_string(&log).unwrap_or_default();
                return Err(io::Error::other(format!("{} ended with {status}: {said}", peer.title())));
            }
            if begun.elapsed() > Duration::from_secs(10) {
                return Err(io::Error::other(format!("{} does not answer: {error}", peer.title())));
            }
            yield_now().await;
        }
        let until_first_answer = begun.elapsed();
        Ok(Server { peer, port, identity_port, process, until_first_answer })
    }

    async fn first_answer(&self, port: u16, request: &[u8]) -> io::Result<()> {
        let mut caller = Caller::connect(port, &self.tls.http1).await?;
        let answer = caller.ask_whole(request).await?;
        match answer.status == 200 && answer.text() == ANSWER {
            true => caller.close().await,
            false => Err(io::Error::other(format!("{} {}", answer.status, answer.text()))),
        }
    }

    fn command(&self, peer: Peer, room: Room, port: u16, identity_port: u16) -> io::Result<Command> {
        let ports = [("PORT", port), ("IDENTITY", identity_port), ("UPSTREAM", self.upstream.port())];
        let mut command = Command::new("taskset");
        command.arg("-c").arg(self.core.to_string());
        match peer {
            Peer::Bearergate => self.bearergate(&mut command, &self.program, room, port)?,
            Peer::Again => {
                self.bearergate(&mut command, self.other.as_ref().unwrap_or(&self.program), room, port)?;
            }
            Peer::Haproxy => {
                command.args(["haproxy", "-db", "-f"]).arg(self.config("haproxy.cfg", &ports)?);
            }
            Peer::Relay => {
                command.args(["haproxy", "-db", "-f"]).arg(self.config("relay.cfg", &ports)?);
            }
            Peer::Nginx => {
                command.args(["nginx", "-e", "stderr", "-c"]).arg(self.config("nginx.conf", &ports)?);
            }
            Peer::Node => {
                command.arg("node").arg(self.benches.join("node/gateway.js")).env("NODE_ENV", "production");
                command.env("TLS_CERT", &self.identity.certificate).env("TLS_KEY", &self.identity.key);
                command.envs([("TOKEN_KEY", TOKEN_KEY), ("USERNAME", USERNAME), ("PASSWORD", PASSWORD)]);
                command.envs([("PORT", port), ("UPSTREAM_PORT", self.upstream.port())].map(text));
            }
        }
        Ok(command)
    }

    /// bearergate as it is shipped, with what it must be told and one worker.
    fn bearergate(&self, command: &mut Command, program: &Path, room: Room, port: u16) -> io::Result<()> {
        command.arg(program).arg("run").env_clear();
        let hash = digest(&SHA256, PASSWORD.as_bytes());
        let hash: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        let known = Command::new(program).arg("vars").env_clear().output()?;
        let known = String::from_utf8_lossy(&known.stdout).into_owned();
        let mut set = |name: &str, value: &str| {
            command.env(format!("BEARERGATE_{name}"), value);
        };
        set("UPSTREAM_URL", &format!("http://{}", self.upstream.address()));
        set("LISTEN", &format!("127.0.0.1:{port}"));
        set("TLS_CERT_FILE", &self.identity.certificate.display().to_string());
        set("TLS_KEY_FILE", &self.identity.key.display().to_string());
        set("CLIENT_USERNAME", USERNAME);
        set("CLIENT_PASSWORD_HASH", &format!("sha256:{hash}"));
        set("TOKEN_KEY", TOKEN_KEY);
        set("WORKERS", "1");
        if known.contains("BEARERGATE_ADMIN_LISTEN") {
            // Two instances cannot have the same port.
            set("ADMIN_LISTEN", "127.0.0.1:0");
        }
        if room == Room::Raised {
            set("MAX_CONNECTIONS", "12000");
        }
        Ok(())
    }

    /// Fills in a configuration of the folder `peers`; gives the file.
    fn config(&self, name: &str, ports: &[(&str, u16)]) -> io::Result<PathBuf> {
        let mut config = fs::read_to_string(self.benches.join("peers").join(name))?;
        let identity = &self.identity;
        let files =
            [("PEM", &identity.both), ("CERT", &identity.certificate), ("KEY", &identity.key), ("DIR", &self.work)];
        let files = files.map(|(name, file)| (name, file.display().to_string()));
        let ports = ports.iter().map(|(name, port)| (*name, port.to_string()));
        for (name, value) in files.into_iter().chain(ports).chain([("TOKEN_KEY", TOKEN_KEY.to_owned())]) {
            config = config.replace(&format!("@{name}@"), &value);
        }
        let file = self.work.join(name);
        fs::write(&file, config)?;
        Ok(file)
    }
}

fn text((name, port): (&'static str, u16)) -> (&'static str, String) {
    (name, port.to_string())
}

/// Two ports that nobody listens on.
fn free_ports() -> io::Result<(u16, u16)> {
    let (one, two) = (TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?, TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?);
    Ok((one.local_addr()?.port(), two.local_addr()?.port()))
}
