//! What the kernel knows of this process. Read from `/proc` when asked; what cannot be read is zero.

use std::fs;

/// A reading.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Process {
    /// When it started, in seconds since the Unix epoch.
    pub start_unix_s: f64,
    /// Processor time it has used, in seconds.
    pub cpu_s: f64,
    /// Memory it holds, in bytes.
    pub resident_bytes: u64,
    /// Files and sockets it has open.
    pub open_fds: u64,
    /// How many it may have open.
    pub max_fds: u64,
    /// Its threads.
    pub threads: u64,
}

impl Process {
    /// Reads what is true now.
    #[must_use]
    pub fn read() -> Self {
        let text = |file: &str| fs::read_to_string(file).unwrap_or_default();
        let open_fds = fs::read_dir("/proc/self/fd").map_or(0, |entries| entries.count() as u64);
        let [stat, status, limits, system] =
            ["/proc/self/stat", "/proc/self/status", "/proc/self/limits", "/proc/stat"].map(text);
        Self { open_fds, ..Self::of(&stat, &status, &limits, &system) }
    }

    fn of(stat: &str, status: &str, limits: &str, system: &str) -> Self {
        // The name before the last parenthesis may hold blanks; the state behind it is field 3 of proc_pid_stat(5).
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split_whitespace().collect();
        let ticks = |number: usize| number_of(fields.get(number - 3).copied()) / TICKS_PER_S;
        let (user, kernel, started) = (ticks(14), ticks(15), ticks(22));
        Self {
            start_unix_s: number_of(after(system, "btime ")) + started,
            cpu_s: user + kernel,
            resident_bytes: number_of(after(status, "VmRSS:")) as u64 * 1024,
            open_fds: 0,
            max_fds: number_of(after(limits, "Max open files")) as u64,
            threads: number_of(after(status, "Threads:")) as u64,
        }
    }
}

/// The first word behind `name` on the line that begins with it.
fn after<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    text.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()
}

fn number_of(word: Option<&str>) -> f64 {
    word.and_then(|word| word.parse().ok()).unwrap_or(0.0)
}

/// `USER_HZ`: 100 on every architecture that this program is built for. Source: proc(5).
const TICKS_PER_S: f64 = 100.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_texts_are_read() {
        let stat = "7 (a (b) c) S 1 7 7 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 5 0 12345 1000 200 1 1";
        let read = Process::of(
            stat,
            "Name:\tx\nVmRSS:\t    2048 kB\nThreads:\t5\n",
            "Max open files            1024      4096     files\n",
            "cpu 1\nbtime 1700000000\n",
        );
        let expected = Process {
            start_unix_s: 1_700_000_123.45,
            cpu_s: 3.0,
            resident_bytes: 2 << 20,
            open_fds: 0,
            max_fds: 1024,
            threads: 5,
        };
        assert_eq!(read, expected);
        assert_eq!(Process::of("", "", "", ""), Process::default());
    }

    #[test]
    fn this_process_can_be_read() {
        let read = Process::read();
        assert!(
            read.start_unix_s > 1e9 && read.resident_bytes > 0 && read.open_fds > 2 && read.threads > 0,
            "{read:?}"
        );
    }
}
