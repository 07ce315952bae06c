//! Tells the service manager (systemd) how this process goes: serving, reloading, stopping, alive.
//!
//! Who started it may want to hear by a datagram to the socket that `NOTIFY_SOCKET` names (sd_notify(3)). In a container, or started by hand,
//! there is nobody, and nothing is sent. When something is true is for the callers to know.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::log::{Level, Log};

/// The service manager, if there is one.
#[derive(Clone, Debug)]
pub struct Manager(Option<Listener>);

#[derive(Clone, Debug)]
struct Listener {
    socket: OsString,
    patience: Option<Duration>,
    log: Log,
    has_failed: Arc<AtomicBool>,
}

impl Manager {
    /// Whom the environment names: `NOTIFY_SOCKET`, and `WATCHDOG_USEC` and `WATCHDOG_PID` where it wants to hear regularly.
    #[must_use]
    pub fn of_environment(log: Log) -> Self {
        let text = |name: &str| env::var(name).ok();
        let patience = patience(text("WATCHDOG_USEC").as_deref(), text("WATCHDOG_PID").as_deref());
        let socket = env::var_os("NOTIFY_SOCKET").filter(|socket| !socket.is_empty());
        Self(socket.map(|socket| Listener { socket, patience, log, has_failed: Arc::default() }))
    }

    /// Nobody listens.
    #[must_use]
    pub const fn nobody() -> Self {
        Self(None)
    }

    /// How long it waits for the next [`Manager::alive`] before it takes this process for dead; `None`: it does not wait.
    #[must_use]
    pub fn patience(&self) -> Option<Duration> {
        self.0.as_ref().and_then(|listener| listener.patience)
    }

    /// Callers are served, with everything that was to be loaded.
    pub fn serving(&self) {
        self.tell("READY=1\nSTATUS=serving");
    }

    /// Files are loaded again; [`Manager::serving`] says when that is done.
    pub fn reloading(&self) {
        let now = clock_gettime(ClockId::Monotonic);
        // By the time the manager sees which of its requests this answers. Source: sd_notify(3), MONOTONIC_USEC.
        self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={}", now.tv_sec * 1_000_000 + now.tv_nsec / 1_000));
    }

    /// The process has been told to end, and may take so long for it, whatever the manager would allow by itself.
    pub fn stopping(&self, longest: Duration) {
        let longest = longest.as_micros();
        self.tell(&format!("STOPPING=1\nEXTEND_TIMEOUT_USEC={longest}\nSTATUS=leaving: what runs is finished"));
    }

    /// The process still does its work.
    pub fn alive(&self) {
        self.tell("WATCHDOG=1");
    }

    /// Says it, and warns once where it cannot be said: the manager would end a process from which it hears nothing.
    fn tell(&self, states: &str) {
        let Some(listener) = &self.0 else { return };
        if let Err(error) = send(&listener.socket, states)
            && !listener.has_failed.swap(true, Ordering::Relaxed)
        {
            let line =
                listener.log.line(Level::Warn, "the service manager cannot be told how it goes; see NOTIFY_SOCKET");
            line.field("error", error.to_string()).write();
        }
    }
}

/// One datagram to a path, or, behind an `@`, to a name that is no file.
fn send(socket: &OsStr, states: &str) -> io::Result<()> {
    let address = match socket.as_bytes().split_first() {
        Some((b'@', name)) => SocketAddr::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(socket)?,
    };
    UnixDatagram::unbound()?.send_to_addr(states.as_bytes(), &address).map(drop)
}

/// What the two variables ask of this process. Source: sd_watchdog_enabled(3).
fn patience(microseconds: Option<&str>, process: Option<&str>) -> Option<Duration> {
    let is_ours = process.is_none_or(|id| id.parse() == Ok(process::id()));
    let microseconds = microseconds?.parse().ok().filter(|microseconds| *microseconds > 0);
    microseconds.filter(|_| is_ours).map(Duration::from_micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watchdog_is_waited_for_only_when_it_is_meant_for_this_process() {
        let own = process::id().to_string();
        for (microseconds, process, expected_ms) in [
            (Some("30000000"), None, Some(30_000)),
            (Some("30000000"), Some(&*own), Some(30_000)),
            (Some("30000000"), Some("0"), None),
            (Some("30000000"), Some("x"), None),
            (Some("0"), None, None),
            (Some("30s"), None, None),
            (None, Some(&*own), None),
        ] {
            let expected = expected_ms.map(Duration::from_millis);
            assert_eq!(patience(microseconds, process), expected, "{microseconds:?} {process:?}");
        }
    }
}
