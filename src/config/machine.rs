//! What this machine, or this container, grants: the only input of a configuration that nobody writes down.
//!
//! Which default follows from which reading is for [`super`] to say. Everything is read once, at start, from `/proc` and
//! `/sys/fs/cgroup`; what cannot be read counts as unlimited.

use std::fs;
use std::io::{self, IsTerminal as _};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::thread;

use crate::clock::Clock;

/// The readings that defaults depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// CPUs this process may use: the cgroup's quota rounded up, else those it may run on.
    pub cpus: NonZeroUsize,
    /// The memory limit of the container in bytes.
    pub memory_limit: Option<u64>,
    /// How many files and sockets this process may have open (the soft limit).
    pub descriptors: Option<u64>,
    /// Whether a person reads standard output.
    pub terminal: bool,
    /// The time by the system's clock, in seconds since the Unix epoch: when the first keys were first seen.
    pub unix_now: u64,
}

impl Machine {
    /// How many chosen passwords are hashed at a time: at most two, one where memory is scarce, and always a processor less than there are,
    /// for those who answer. Each hash takes 7 MiB, up to 64.
    pub(super) fn hashing(&self) -> usize {
        let most = if self.memory_limit.is_some_and(|limit| limit < SCARCE_MEMORY) { 1 } else { 2 };
        most.min(self.cpus.get() - 1).max(1)
    }

    /// Reads the machine that this process runs on.
    pub fn detect() -> Self {
        let runnable = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let terminal = io::stdout().is_terminal();
        Self { terminal, unix_now: Clock::system().unix(), ..Self::below(Path::new("/"), runnable) }
    }

    /// Reads the `/proc` and `/sys` below `root`; `runnable` is what the standard library says, which rounds quotas down.
    fn below(root: &Path, runnable: NonZeroUsize) -> Self {
        let groups = Groups::of_this_process(root);
        let quota = groups.cpu_quota();
        // Below the rounded-down quota the process is pinned to fewer CPUs than its quota would pay for.
        let pinned = |quota: &Quota| (runnable.get() as u64) < (quota.per_period / quota.period).max(1);
        let cpus = match quota {
            Some(quota) if !pinned(&quota) => quota.cpus(),
            _ => runnable,
        };
        Self {
            cpus,
            memory_limit: groups.memory_limit(),
            descriptors: soft_descriptor_limit(&read(&root.join("proc/self/limits"))),
            terminal: false,
            unix_now: 0,
        }
    }
}

/// CPU time per period, both in microseconds and above zero.
#[derive(Clone, Copy)]
struct Quota {
    per_period: u64,
    period: u64,
}

impl Quota {
    fn new(per_period: &str, period: &str) -> Option<Self> {
        // "max" in version 2 and -1 in version 1 mean unlimited, and neither parses.
        let (per_period, period) = (per_period.parse().ok()?, period.parse().ok()?);
        (per_period > 0 && period > 0).then_some(Self { per_period, period })
    }

    fn cpus(self) -> NonZeroUsize {
        let whole = usize::try_from(self.per_period.div_ceil(self.period)).unwrap_or(usize::MAX);
        NonZeroUsize::new(whole).unwrap_or(NonZeroUsize::MIN)
    }
}

/// The directories of the control groups this process is in, each with its ancestors: a limit on any of them binds.
struct Groups {
    unified: Vec<PathBuf>,
    memory: Vec<PathBuf>,
    cpu: Vec<PathBuf>,
}

impl Groups {
    fn of_this_process(root: &Path) -> Self {
        let mounts = root.join("sys/fs/cgroup");
        let membership = read(&root.join("proc/self/cgroup"));
        let within = |controller: &str, mount: &str| -> Vec<PathBuf> {
            let path = membership.lines().find_map(|line| {
                let mut fields = line.splitn(3, ':').skip(1);
                let controllers = fields.next()?;
                controllers.split(',').any(|name| name == controller).then(|| fields.next())?
            });
            lineage(&mounts.join(mount), path.unwrap_or("/"))
        };
        Self { unified: within("", ""), memory: within("memory", "memory"), cpu: within("cpu", "cpu") }
    }

    fn memory_limit(&self) -> Option<u64> {
        let unified = self.unified.iter().map(|group| group.join("memory.max"));
        let single = self.memory.iter().map(|group| group.join("memory.limit_in_bytes"));
        unified
            .chain(single)
            .filter_map(|file| read(&file).trim().parse().ok())
            .filter(|limit| *limit < UNLIMITED_MEMORY)
            .min()
    }

    fn cpu_quota(&self) -> Option<Quota> {
        let unified = self.unified.iter().filter_map(|group| {
            let text = read(&group.join("cpu.max"));
            let (per_period, period) = text.trim().split_once(' ')?;
            Quota::new(per_period, period)
        });
        let single = self.cpu.iter().filter_map(|group| {
            let per_period = read(&group.join("cpu.cfs_quota_us"));
            let period = read(&group.join("cpu.cfs_period_us"));
            Quota::new(per_period.trim(), period.trim())
        });
        unified.chain(single).min_by_key(|quota| quota.cpus())
    }
}

/// `mount/a/b`, `mount/a`, `mount` for the group `/a/b`. In a container the path may be one of the host's: what is not
/// there reads as no limit, and the mount itself is then the container's own group.
fn lineage(mount: &Path, group: &str) -> Vec<PathBuf> {
    let group = if group.contains("..") { "" } else { group.trim_start_matches('/') };
    let depth = Path::new(group).components().count();
    mount.join(group).ancestors().take(depth + 1).map(Path::to_owned).collect()
}

/// The soft limit of the line `Max open files  1024  524288  files` of `/proc/self/limits`.
fn soft_descriptor_limit(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// Version 1 writes "no limit" as a number near 2^63; no container has a pebibyte.
const UNLIMITED_MEMORY: u64 = 1 << 50;

/// Below this a container has no room for two hashes at once.
const SCARCE_MEMORY: u64 = 128 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    type Files<'a> = &'a [(&'a str, &'a str)];

    fn machine(runnable: usize, files: Files<'_>) -> Machine {
        let root = tempfile::tempdir().expect("a directory for the test");
        for (path, content) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().expect("the row has a folder")).expect("a folder");
            fs::write(path, content).expect("a file");
        }
        Machine::below(root.path(), NonZeroUsize::new(runnable).expect("the row has a CPU"))
    }

    #[test]
    fn the_smallest_memory_limit_of_the_group_and_its_ancestors_counts() {
        let own_group = ("proc/self/cgroup", "0::/pod/app\n");
        let rows: [(Files<'_>, Option<u64>); 6] = [
            (&[], None),
            (&[("sys/fs/cgroup/memory.max", "max\n")], None),
            (&[("sys/fs/cgroup/memory.max", "134217728\n")], Some(134_217_728)),
            (
                &[own_group, ("sys/fs/cgroup/pod/app/memory.max", "max\n"), ("sys/fs/cgroup/pod/memory.max", "1000\n")],
                Some(1000),
            ),
            (
                &[("proc/self/cgroup", "4:memory:/\n0::/\n"), ("sys/fs/cgroup/memory/memory.limit_in_bytes", "2000\n")],
                Some(2000),
            ),
            (&[("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n")], None),
        ];
        for (files, limit) in rows {
            assert_eq!(machine(1, files).memory_limit, limit, "{files:?}");
        }
    }

    #[test]
    fn a_cpu_quota_is_rounded_up_and_never_exceeds_what_the_process_is_pinned_to() {
        for (runnable, quota, cpus) in [
            (1, "150000 100000\n", 2),
            (8, "max 100000\n", 8),
            (1, "20000 100000\n", 1),
            (2, "800000 100000\n", 2),
            (4, "0 100000\n", 4),
        ] {
            let machine = machine(runnable, &[("sys/fs/cgroup/cpu.max", quota)]);
            assert_eq!(machine.cpus.get(), cpus, "{quota:?} with {runnable}");
        }
        let first_version = [
            ("proc/self/cgroup", "3:cpu,cpuacct:/app\n"),
            ("sys/fs/cgroup/cpu/app/cpu.cfs_quota_us", "250000\n"),
            ("sys/fs/cgroup/cpu/app/cpu.cfs_period_us", "100000\n"),
            ("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n"),
            ("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"),
        ];
        assert_eq!(machine(2, &first_version).cpus.get(), 3);
    }

    #[test]
    fn a_group_path_that_leads_out_of_the_mount_is_not_followed() {
        let files = [
            ("proc/self/cgroup", "0::/../../other\n"),
            ("other/memory.max", "1\n"),
            ("sys/fs/cgroup/memory.max", "4096\n"),
        ];
        assert_eq!(machine(1, &files).memory_limit, Some(4096));
    }

    #[test]
    fn the_soft_limit_of_open_files_is_read() {
        let limits = "Max processes             96365     96365     processes\n\
                      Max open files            1024      524288    files     \n";
        assert_eq!(machine(1, &[("proc/self/limits", limits)]).descriptors, Some(1024));
        let unlimited = limits.replace("1024 ", "unlimited ");
        assert_eq!(machine(1, &[("proc/self/limits", &unlimited)]).descriptors, None);
    }

    #[test]
    fn this_machine_can_be_read() {
        assert!(Machine::detect().cpus.get() >= 1);
    }
}
