//! The table of metrics: name, kind, labels and meaning of each, in one place.
//!
//! A new metric is a constant here, its line in [`TABLE`], and one place in `admin` that reads it; tests hold the three and the README together.

/// One line of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The whole name.
    pub name: &'static str,
    /// What its numbers do.
    pub kind: Kind,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// What it says, for Prometheus' `HELP` and for the README.
    pub help: &'static str,
}

/// What a metric's numbers do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// They only grow, until the process ends.
    Counter,
    /// They go up and down.
    Gauge,
    /// They fall into buckets that only grow.
    Histogram,
}

impl Kind {
    /// Its name in Prometheus' text format.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

const fn row(name: &'static str, kind: Kind, labels: &'static [&'static str], help: &'static str) -> Row {
    Row { name, kind, labels, help }
}

/// Every metric, in the order in which people look for them.
pub const TABLE: &[Row] = &[
    REQUESTS,
    REFUSALS,
    TOKENS_ISSUED,
    TOKEN_FAILURES,
    REQUEST_DURATION,
    UPSTREAM_DURATION,
    UPSTREAM_UP,
    UPSTREAM_PROBE,
    UPSTREAM_STALE,
    DELIVERIES,
    DELIVERIES_RETRIED,
    WARNINGS,
    CONNECTIONS,
    CONNECTIONS_MAX,
    IN_FLIGHT,
    HANDSHAKES,
    UNREADABLE,
    RELOADS,
    RELOAD_FAILING,
    CERTIFICATE_NOT_AFTER,
    PASSWORD_LAST_USED,
    STATIC_TOKEN_LAST_USED,
    LOGINS_HASHED,
    LOGINS_HASHING,
    LOGINS_REMEMBERED,
    LOG_LINES_DROPPED,
    REFUSAL_LINES_LEFT_OUT,
    DRAINING,
    BUILD_INFO,
    PROCESS_START,
    PROCESS_CPU,
    PROCESS_MEMORY,
    PROCESS_OPEN_FDS,
    PROCESS_MAX_FDS,
    PROCESS_THREADS,
];

/// The table in Markdown, as the README shows it.
#[must_use]
pub fn markdown() -> String {
    let mut text = "| metric | kind | labels | what it says |\n|---|---|---|---|\n".to_owned();
    for Row { name, kind, labels, help } in TABLE {
        let labels: Vec<_> = labels.iter().map(|label| format!("`{label}`")).collect();
        text += &format!("| `{name}` | {} | {} | {help} |\n", kind.name(), labels.join(", "));
    }
    text
}

use Kind::{Counter, Gauge, Histogram};

/// By what became of them.
pub const REQUESTS: Row = row(
    "bearergate_requests_total",
    Counter,
    &["client", "outcome"],
    "requests that have ended, by the client that was proved (empty: nobody known) and by what became of them",
);
/// By reason.
pub const REFUSALS: Row = row(
    "bearergate_refusals_total",
    Counter,
    &["reason"],
    "requests that were refused, at the token endpoint too, by reason",
);
/// By client.
pub const TOKENS_ISSUED: Row =
    row("bearergate_tokens_issued_total", Counter, &["client"], "tokens that were issued, by client");
/// By reason.
pub const TOKEN_FAILURES: Row = row(
    "bearergate_token_failures_total",
    Counter,
    &["reason"],
    "requests for a token that were refused, by reason; each is one of the refusals too",
);
/// From head to last byte.
pub const REQUEST_DURATION: Row = row(
    "bearergate_request_duration_seconds",
    Histogram,
    &[],
    "from the end of a request's head to the last byte of its answer, refusals and tokens too",
);
/// Head to head.
pub const UPSTREAM_DURATION: Row = row(
    "bearergate_upstream_duration_seconds",
    Histogram,
    &[],
    "from the start of sending a request to the upstream to the head of its answer",
);
/// 1 or 0.
pub const UPSTREAM_UP: Row = row(
    "bearergate_upstream_up",
    Gauge,
    &[],
    "1 when the upstream takes a TCP connection, else 0; tried when asked, kept for 1 s",
);
/// How long that took.
pub const UPSTREAM_PROBE: Row = row(
    "bearergate_upstream_probe_duration_seconds",
    Gauge,
    &[],
    "how long the last try to connect to the upstream took, resolving its name included",
);
/// All of them.
pub const UPSTREAM_STALE: Row = row(
    "bearergate_upstream_stale_total",
    Counter,
    &[],
    "requests that were answered with 502 because the upstream closed a kept connection under them",
);
/// By [`super::label::Taken`].
pub const DELIVERIES: Row = row(
    "bearergate_deliveries_total",
    Counter,
    &["verdict"],
    "POSTs that the upstream has answered, by how the network takes the answer: done, final (it gives up on the payment for good), retried",
);
/// All of them.
pub const DELIVERIES_RETRIED: Row = row(
    "bearergate_deliveries_retried_total",
    Counter,
    &[],
    "POSTs that the upstream answered with 2xx but not so that the network reads success: it sends the payment again",
);
/// 1 or 0.
pub const WARNINGS: Row = row(
    "bearergate_warnings",
    Gauge,
    &["warning"],
    "1 while it holds; the log and the status page say once what it is and what to do about it",
);
/// Open now.
pub const CONNECTIONS: Row = row("bearergate_connections", Gauge, &[], "callers' connections that are open");
/// The limit.
pub const CONNECTIONS_MAX: Row =
    row("bearergate_connections_max", Gauge, &[], "how many there may be: BEARERGATE_MAX_CONNECTIONS");
/// Open now.
pub const IN_FLIGHT: Row = row("bearergate_in_flight", Gauge, &[], "requests whose answer has not ended");
/// By how they ended.
pub const HANDSHAKES: Row = row(
    "bearergate_handshakes_total",
    Counter,
    &["result"],
    "beginnings of connections (PROXY header and TLS handshake) by how they ended; without TLS only those that failed",
);
/// By why.
pub const UNREADABLE: Row = row(
    "bearergate_unreadable_requests_total",
    Counter,
    &["why"],
    "what came over a connection and was no HTTP/1.1 request (malformed: 400) or had too large a head (too_large: 431 or 414), or of callers \
     without a token who together held all the memory that they may (too_heavy: cut); the first two have no line of log",
);
/// By part and result.
pub const RELOADS: Row = row(
    "bearergate_reloads_total",
    Counter,
    &["what", "result"],
    "changed files that were loaded, or could not be, by what they are for",
);
/// 1 or 0.
pub const RELOAD_FAILING: Row = row(
    "bearergate_reload_failing",
    Gauge,
    &["what"],
    "1 while the files on disk cannot be loaded and the old ones go on serving: a restart would fail",
);
/// Unix time.
pub const CERTIFICATE_NOT_AFTER: Row = row(
    "bearergate_certificate_not_after_timestamp_seconds",
    Gauge,
    &[],
    "when the certificate that is served ends, in Unix time; 0 without TLS",
);
/// Unix time.
pub const PASSWORD_LAST_USED: Row = row(
    "bearergate_password_last_used_timestamp_seconds",
    Gauge,
    &["client", "password"],
    "when each password of a client was last right, in Unix time, by its position in the list; 0: not since the start",
);
/// Unix time.
pub const STATIC_TOKEN_LAST_USED: Row = row(
    "bearergate_static_token_last_used_timestamp_seconds",
    Gauge,
    &["client", "token"],
    "when each static token of a client was last sent, in Unix time, by its position in the list; 0: not since the start",
);
/// All of them.
pub const LOGINS_HASHED: Row = row(
    "bearergate_logins_hashed_total",
    Counter,
    &[],
    "logins that had to be hashed with argon2id; a right password is hashed once and then remembered",
);
/// Now.
pub const LOGINS_HASHING: Row = row(
    "bearergate_logins_hashing",
    Gauge,
    &[],
    "logins that are being hashed or wait for it; beyond a bound the next hears 503",
);
/// Now.
pub const LOGINS_REMEMBERED: Row = row(
    "bearergate_logins_remembered",
    Gauge,
    &[],
    "argon2id passwords that were right before and are not hashed again",
);
/// All of them.
pub const LOG_LINES_DROPPED: Row =
    row("bearergate_log_lines_dropped_total", Counter, &[], "lines of log that a slow, full or closed sink has cost");
/// All of them.
pub const REFUSAL_LINES_LEFT_OUT: Row = row(
    "bearergate_refusal_lines_left_out_total",
    Counter,
    &[],
    "lines of log about refused strangers that were left out because there were too many; the log says how many, too",
);
/// 1 or 0.
pub const DRAINING: Row = row("bearergate_draining", Gauge, &[], "1 since the process was told to stop, else 0");
/// Always 1.
pub const BUILD_INFO: Row = row("bearergate_build_info", Gauge, &["version"], "1; the version is in the label");
/// Unix time.
pub const PROCESS_START: Row = row("process_start_time_seconds", Gauge, &[], "when the process started, in Unix time");
/// Seconds.
pub const PROCESS_CPU: Row =
    row("process_cpu_seconds_total", Counter, &[], "processor time that the process has used, in seconds");
/// Bytes.
pub const PROCESS_MEMORY: Row =
    row("process_resident_memory_bytes", Gauge, &[], "memory that the process holds, in bytes");
/// Now.
pub const PROCESS_OPEN_FDS: Row = row("process_open_fds", Gauge, &[], "files and sockets that the process has open");
/// The limit.
pub const PROCESS_MAX_FDS: Row = row("process_max_fds", Gauge, &[], "how many it may have open; 0: no limit known");
/// Now.
pub const PROCESS_THREADS: Row = row("process_threads", Gauge, &[], "threads of the process");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_end_as_prometheus_wants_them() {
        let names: std::collections::HashSet<_> = TABLE.iter().map(|row| row.name).collect();
        assert_eq!(names.len(), TABLE.len());
        for row in TABLE {
            assert_eq!(row.name.ends_with("_total"), row.kind == Counter, "{}", row.name);
            assert!(
                !row.help.contains(['|', '\n', '\\', '"']) && !row.help.ends_with('.'),
                "{}: {}",
                row.name,
                row.help
            );
        }
    }
}
