//! What it was measured on.

use std::fs;
use std::process::Command;
use std::thread;
use std::time::SystemTime;

/// The machine and the moment, as far as they say something of the figures.
#[derive(Clone, Debug)]
pub(crate) struct Machine {
    /// The processor's name.
    pub(crate) processor: String,
    /// Cores in use by this run and its peers.
    pub(crate) cores: usize,
    /// The kernel's release.
    pub(crate) kernel: String,
    /// UTC, RFC 3339.
    pub(crate) date: String,
    /// The load of the machine before the run, over the last minute.
    pub(crate) load: String,
    /// The commit that was measured, with a `+` when files had been changed.
    pub(crate) commit: String,
}

impl Machine {
    /// This machine, now.
    pub(crate) fn here() -> Self {
        let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let processor = processors.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let flags = if processors.contains("hypervisor") { ", virtual" } else { "" };
        let read = |file| fs::read_to_string(file).unwrap_or_default().trim().to_owned();
        let online = processors.lines().filter(|line| line.starts_with("processor")).count();
        Self {
            processor: processor.map(|(_, name)| format!("{}{flags}", name.trim())).unwrap_or_default(),
            cores: online.max(thread::available_parallelism().map_or(1, usize::from)),
            kernel: read("/proc/sys/kernel/osrelease"),
            date: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
            load: read("/proc/loadavg").split(' ').next().unwrap_or_default().to_owned(),
            commit: commit(),
        }
    }
}

fn commit() -> String {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).output().ok()?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let head = git(&["rev-parse", "--short=12", "HEAD"]).unwrap_or_default();
    let changed = git(&["status", "--porcelain", "--", "src", "Cargo.toml", "Cargo.lock"]).unwrap_or_default();
    if changed.is_empty() { head } else { format!("{head}+") }
}
