//! `bearergate health`: asks the running gate how it is, for probes of a container without a shell.
//!
//! Reads one variable, opens one connection and reads one line: no key, no certificate, no other setting is touched, so that it takes
//! milliseconds and says nothing but what the gate says.

use std::env;
use std::fmt;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use clap::Args;

use super::{Exit, print, say};
use crate::config::{AdminListen, Problem};

/// The arguments of `bearergate health`.
#[derive(Args)]
pub(super) struct Wishes {
    /// Ask only whether it is alive, not whether it is ready: a gate that drains, or whose upstream is down, is alive
    #[arg(long)]
    live: bool,
}

/// Why the gate is not known to be well.
#[derive(Debug, thiserror::Error)]
enum Ill {
    /// The variable is wrong.
    #[error("{0}")]
    Variable(#[from] Problem),
    /// There is nobody to ask.
    #[error("BEARERGATE_ADMIN_LISTEN is off, so there is nobody to ask; set it to an address, such as 127.0.0.1:9090")]
    Off,
    /// Nobody answers.
    #[error("no answer from {0}: {1}; is the gate running, with the same BEARERGATE_ADMIN_LISTEN?")]
    Silent(SocketAddr, #[source] io::Error),
    /// Somebody else answers.
    #[error("what answers at {0} is not the gate; is the port of BEARERGATE_ADMIN_LISTEN another program's?")]
    Stranger(SocketAddr),
    /// The gate says no.
    #[error("not {asked}: {said}")]
    No { asked: Question, said: String },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Question {
    Ready,
    Live,
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ready => "ready",
            Self::Live => "live",
        })
    }
}

pub(super) fn health(wishes: &Wishes) -> Exit {
    let question = if wishes.live { Question::Live } else { Question::Ready };
    match ask(question) {
        Ok(()) => print(&question.to_string()),
        Err(ill) => {
            say(&format!("bearergate: {ill}"));
            Exit::Failed
        }
    }
}

fn ask(asked: Question) -> Result<(), Ill> {
    let address = match AdminListen::read_alone(env::vars_os())? {
        AdminListen::Off => return Err(Ill::Off),
        AdminListen::At(address) => reachable(address),
    };
    let answer = exchange(address, asked).map_err(|error| Ill::Silent(address, error))?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or(Ill::Stranger(address))?;
    match head.split(' ').nth(1) {
        Some("200") => Ok(()),
        Some("503") => Err(Ill::No { asked, said: body.trim().to_owned() }),
        _ => Err(Ill::Stranger(address)),
    }
}

/// One request, and everything that comes back, at most 4 KiB.
fn exchange(address: SocketAddr, asked: Question) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let path = match asked {
        Question::Ready => "/readyz",
        Question::Live => "/livez",
    };
    // In one piece: what answers the first word and hangs up is to be heard.
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").as_bytes())?;
    let mut answer = String::new();
    stream.take(4096).read_to_string(&mut answer)?;
    Ok(answer)
}

/// Who listens on every address is asked on the loopback.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// Longer than the gate takes to try its upstream.
const PATIENCE: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_listens_everywhere_is_asked_on_the_loopback() {
        for (listens, asked) in [
            ("0.0.0.0:9090", "127.0.0.1:9090"),
            ("[::]:9090", "[::1]:9090"),
            ("127.0.0.1:1", "127.0.0.1:1"),
            ("10.1.2.3:9090", "10.1.2.3:9090"),
        ] {
            let (listens, asked): (SocketAddr, SocketAddr) = (listens.parse().unwrap(), asked.parse().unwrap());
            assert_eq!(reachable(listens), asked);
        }
    }
}
