//! A peer's process with all its children and threads: what it costs, what it holds, which ports are its own.

use std::fs;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::time::{Instant, sleep};

/// A process and its children, which are a process group of their own. They are killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    /// Exists as long as the group does: whoever ends the benchmark by force knows what is left to end.
    note: PathBuf,
}

/// CPU time since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spent {
    /// Of the threads that live, by `schedstat`: exact.
    living: Duration,
    /// Of all threads there ever were, by `stat`: in steps of 10 ms.
    ever: Duration,
}

/// Memory in use, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    /// What it has for itself, and its share of what it shares.
    pub(crate) proportional: u64,
    /// All of its pages that are in memory.
    pub(crate) resident: u64,
}

impl Process {
    /// Starts this command as a group of its own, noted in `groups`.
    ///
    /// # Errors
    /// It cannot be started.
    pub(crate) fn start(command: &mut Command, groups: &Path) -> io::Result<Self> {
        let child = command.process_group(0).spawn()?;
        let note = groups.join(child.id().to_string());
        let process = Self { child, note };
        fs::write(&process.note, "")?;
        Ok(process)
    }

    /// Its number, which is its group's.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    /// The system does not say.
    pub(crate) fn ended(&mut self) -> io::Result<Option<std::process::ExitStatus>> {
        self.child.try_wait()
    }

    /// The file that it runs.
    ///
    /// # Errors
    /// It has ended.
    pub(crate) fn executable(&self) -> io::Result<PathBuf> {
        fs::read_link(format!("/proc/{}/exe", self.id()))
    }

    /// What it has cost so far, read when it rests.
    ///
    /// # Errors
    /// It has ended.
    pub(crate) async fn spent(&self) -> io::Result<Spent> {
        let deadline = Instant::now() + Duration::from_millis(300);
        let mut before = self.spent_now()?;
        loop {
            sleep(Duration::from_millis(8)).await;
            let now = self.spent_now()?;
            // What a timer costs does not matter; what is being worked off does.
            if now.living.abs_diff(before.living) < Duration::from_micros(50) || Instant::now() > deadline {
                return Ok(now);
            }
            before = now;
        }
    }

    fn spent_now(&self) -> io::Result<Spent> {
        let mut spent = Spent { living: Duration::ZERO, ever: Duration::ZERO };
        for member in self.members()? {
            for thread in fs::read_dir(format!("/proc/{member}/task"))? {
                spent.living += on_cpu(&thread?.path().join("schedstat")).unwrap_or_default();
            }
            spent.ever += ticks(member).unwrap_or_default();
        }
        Ok(spent)
    }

    /// What it holds.
    ///
    /// # Errors
    /// It has ended.
    pub(crate) fn memory(&self) -> io::Result<Memory> {
        let mut memory = Memory { proportional: 0, resident: 0 };
        for member in self.members()? {
            let rollup = fs::read_to_string(format!("/proc/{member}/smaps_rollup"))?;
            let bytes = |name| {
                let line = rollup.lines().find_map(|line| line.strip_prefix(name));
                line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) * 1024
            };
            memory.proportional += bytes("Pss:");
            memory.resident += bytes("Rss:");
        }
        Ok(memory)
    }

    /// Whether one of its sockets listens on this port.
    ///
    /// # Errors
    /// It has ended.
    pub(crate) fn listens_on(&self, port: u16) -> io::Result<bool> {
        let tables = [fs::read_to_string("/proc/net/tcp")?, fs::read_to_string("/proc/net/tcp6").unwrap_or_default()];
        let sockets: Vec<String> = tables.iter().flat_map(|table| listeners(table, port)).collect();
        for member in self.members()? {
            for descriptor in fs::read_dir(format!("/proc/{member}/fd"))? {
                let target = fs::read_link(descriptor?.path()).unwrap_or_default();
                if sockets.iter().any(|socket| target.as_os_str() == socket.as_str()) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// The processes of the group.
    fn members(&self) -> io::Result<Vec<u32>> {
        let mut members = Vec::new();
        for entry in fs::read_dir("/proc")? {
            let Some(id) = entry?.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
            let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
            if field(&stat, GROUP) == Some(u64::from(self.id())) {
                members.push(id);
            }
        }
        match members.is_empty() {
            true => Err(io::Error::other("the process has ended")),
            false => Ok(members),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let group = i32::try_from(self.id()).ok().and_then(Pid::from_raw);
        // It may be gone already; then there is nothing to end.
        let _ = group.map(|group| kill_process_group(group, Signal::KILL));
        let _ = self.child.wait();
        let _ = fs::remove_file(&self.note);
    }
}

impl Spent {
    /// The CPU time between two readings.
    ///
    /// # Errors
    /// Threads have ended in between and taken what they cost with them.
    pub(crate) fn since(self, before: Self) -> io::Result<Duration> {
        let (exact, coarse) = (self.living.saturating_sub(before.living), self.ever.saturating_sub(before.ever));
        match coarse > exact.mul_f64(1.05) + Duration::from_millis(30) {
            true => Err(io::Error::other(format!("threads ended while they were measured: {exact:?} of {coarse:?}"))),
            false => Ok(exact),
        }
    }
}

/// The time on a CPU: the first field, in nanoseconds. Source: Documentation/scheduler/sched-stats.rst of the kernel.
fn on_cpu(schedstat: &Path) -> Option<Duration> {
    let text = fs::read_to_string(schedstat).ok()?;
    text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

/// User and system time of all threads, also those that have ended. Source: proc_pid_stat(5).
fn ticks(process: u32) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let ticks = field(&stat, USER)? + field(&stat, SYSTEM)?;
    Some(Duration::from_millis(ticks * 10))
}

/// A number of `/proc/PID/stat`, counted from behind the name, which may hold spaces.
fn field(stat: &str, index: usize) -> Option<u64> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(index)?.parse().ok()
}

const GROUP: usize = 2;
const USER: usize = 11;
const SYSTEM: usize = 12;

/// The sockets of a table that listen on this port, as links of `/proc/PID/fd` name them.
fn listeners(table: &str, port: u16) -> Vec<String> {
    const LISTEN: &str = "0A";
    let port = format!(":{port:04X}");
    let rows = table.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    let ours = rows.filter(|row| row.len() > 9 && row[1].ends_with(&port) && row[3] == LISTEN);
    ours.map(|row| format!("socket:[{}]", row[9])).collect()
}
