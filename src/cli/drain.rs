//! `bearergate drain`: has the running instance of this user finish what runs, and returns when nothing is in flight.
//!
//! Meant for a container's preStop hook, where there is no shell and no file to leave a number in: the instance is found in `/proc`, and that
//! it is done is seen from its threads, since those that serve callers end when the last answer has gone. So nothing is written, no port is asked,
//! and `ADMIN_LISTEN=off` makes no difference.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use zeroize::Zeroizing;

use super::{Exit, say};
use crate::app::WORKER_THREAD;
use crate::config::{Vars, longest_drain};

pub(super) fn drain(wanted: Option<u32>) -> Exit {
    match find(wanted).and_then(|instance| instance.drain()) {
        Ok(()) => Exit::Done,
        Err(fault) => {
            say(&format!("bearergate drain: {fault}"));
            Exit::Failed
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum DrainFault {
    #[error("no bearergate of this user is running")]
    None,
    #[error("process {0} is no running bearergate of this user")]
    NotOurs(u32),
    #[error("several are running, choose one with --pid: {}", .0.iter().map(u32::to_string).collect::<Vec<_>>().join(", "))]
    Several(Vec<u32>),
    #[error("process {0} does not know the signal: it is still starting, or a version that cannot be drained")]
    Deaf(u32),
    #[error("process {0} cannot be signalled")]
    Signal(u32, #[source] io::Error),
    #[error("process {0} still has requests in flight after {1:?}, which is more than its variables allow")]
    TooLong(u32, Duration),
}

/// A process that serves.
struct Instance {
    id: u32,
    folder: PathBuf,
}

fn find(wanted: Option<u32>) -> Result<Instance, DrainFault> {
    let mut found = instances();
    match (wanted, found.len()) {
        (Some(id), _) => found.into_iter().find(|instance| instance.id == id).ok_or(DrainFault::NotOurs(id)),
        (None, 2..) => Err(DrainFault::Several(found.iter().map(|instance| instance.id).collect())),
        (None, _) => found.pop().ok_or(DrainFault::None),
    }
}

/// Every process of this user that runs this program in order to serve.
fn instances() -> Vec<Instance> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let mut found: Vec<_> =
        ids.map(Instance::of).filter(|each| each.id != std::process::id() && each.is_ours()).collect();
    found.sort_by_key(|instance| instance.id);
    found
}

impl Instance {
    fn of(id: u32) -> Self {
        Self { id, folder: Path::new("/proc").join(id.to_string()) }
    }

    fn is_ours(&self) -> bool {
        let owner = |folder: &Path| fs::metadata(folder).map(|folder| folder.uid()).ok();
        let own = Path::new("/proc/self");
        owner(own).is_some() && owner(&self.folder) == owner(own) && self.runs_this_program() && self.serves()
    }

    /// The same file, or one that was at the same place before an update.
    fn runs_this_program(&self) -> bool {
        let own = Path::new("/proc/self/exe");
        let file = |link: &Path| fs::metadata(link).map(|file| (file.dev(), file.ino())).ok();
        let place = |link: &Path| {
            let place = fs::read_link(link).ok()?.into_os_string().into_vec();
            Some(place.strip_suffix(b" (deleted)").unwrap_or(&place).to_owned())
        };
        let theirs = self.folder.join("exe");
        place(&theirs).is_some() && (file(&theirs) == file(own) || place(&theirs) == place(own))
    }

    fn serves(&self) -> bool {
        let line = fs::read(self.folder.join("cmdline")).unwrap_or_default();
        is_serving(&line)
    }

    fn drain(&self) -> Result<(), DrainFault> {
        let longest = longest_drain(self.vars()) + GOODBYES;
        if !self.hears(Signal::USR1) {
            return Err(DrainFault::Deaf(self.id));
        }
        let id = i32::try_from(self.id).ok().and_then(Pid::from_raw).ok_or(DrainFault::NotOurs(self.id))?;
        kill_process(id, Signal::USR1).map_err(|error| DrainFault::Signal(self.id, error.into()))?;
        let end = Instant::now() + longest;
        while self.has_workers() {
            if Instant::now() > end {
                return Err(DrainFault::TooLong(self.id, longest));
            }
            sleep(LOOK_EVERY);
        }
        Ok(())
    }

    /// Whether the process has a handler: without one the signal would end it, or as process 1 be lost.
    fn hears(&self, signal: Signal) -> bool {
        let status = fs::read_to_string(self.folder.join("status")).unwrap_or_default();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
        caught >> (signal.as_raw() - 1) & 1 == 1
    }

    /// What it was started with, which need not be ours. Its secrets are none of our business.
    fn vars(&self) -> Vars {
        let block = Zeroizing::new(fs::read(self.folder.join("environ")).unwrap_or_default());
        let pairs = block.split(|byte| *byte == 0).filter_map(|pair| std::str::from_utf8(pair).ok()?.split_once('='));
        Vars::from_pairs(pairs.filter(|(name, _)| name.starts_with("BEARERGATE_DRAIN_")))
    }

    /// Whether it still serves callers; a process that has ended does not.
    fn has_workers(&self) -> bool {
        let threads = fs::read_dir(self.folder.join("task")).into_iter().flatten().flatten();
        let names = threads.filter_map(|thread| fs::read_to_string(thread.path().join("comm")).ok());
        names.into_iter().any(|name| name.starts_with(WORKER_THREAD))
    }
}

/// Whether a command line, each argument ended by a zero byte, is one of `bearergate`, `bearergate run` and `bearergate demo`.
fn is_serving(line: &[u8]) -> bool {
    matches!(line.split(|byte| *byte == 0).nth(1), None | Some(b"" | b"run" | b"demo"))
}

/// How long idle connections may take to part, and the process to notice.
const GOODBYES: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_is_told_from_a_command_by_its_arguments() {
        for (line, expected) in [
            (&b"/usr/local/bin/bearergate\0"[..], true),
            (b"bearergate\0run\0", true),
            (b"bearergate\0demo\0--listen\x00127.0.0.1:1\0", true),
            (b"bearergate\0drain\0", false),
            (b"bearergate\0check\0", false),
            (b"bearergate\0health\0--live\0", false),
            (b"bearergate\0runner\0", false),
        ] {
            assert_eq!(is_serving(line), expected, "{:?}", String::from_utf8_lossy(line));
        }
    }
}
