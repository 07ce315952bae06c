//! Lines of log: one JSON object or one line of text each, handed to a thread of their own.
//!
//! Whoever writes a line never waits for the sink. A sink that blocks, is full or is closed costs lines, never requests:
//! what does not fit into 1 MiB of waiting lines is left out and counted, and the count is logged as soon as lines flow again.
//! What may not be in a log (secrets, tokens) is not this module's business: it never gets them.

use std::fmt;
use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use serde::Serialize;

mod seldom;

pub use seldom::Seldom;

/// What [`Log`] needs to know, from `LOG_LEVEL` and `LOG_FORMAT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The least important level that is still written.
    pub level: Level,
    /// The shape of a line.
    pub format: Format,
}

/// How important a line is, the most important first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Something is broken and needs somebody.
    Error,
    /// Something will break, or costs money unseen.
    Warn,
    /// What an operator wants to have seen.
    Info,
    /// What a developer asks for.
    Debug,
    /// Everything.
    Trace,
}

/// The shape of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON object: `{"time":"…","level":"info","message":"…",…}`.
    Json,
    /// `time LEVEL message key=value …`, values as JSON.
    Text,
}

impl Level {
    /// The level's name in lower case, as in `LOG_LEVEL` and in the lines.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

impl Format {
    /// The format's name, as in `LOG_FORMAT`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Text => "text",
        }
    }
}

/// A handle on the log; clones write to the same sink.
#[derive(Clone)]
pub struct Log(Arc<Shared>);

struct Shared {
    settings: Settings,
    pending: Mutex<Pending>,
    arrived: Condvar,
    written: Condvar,
    lost: AtomicU64,
}

#[derive(Default)]
struct Pending {
    bytes: Vec<u8>,
    left_out: u64,
    writer_waits: bool,
    writing: bool,
}

impl Log {
    /// Writes to `sink` from a thread of its own, which lives as long as the process.
    #[must_use]
    pub fn to(settings: Settings, sink: impl Write + Send + 'static) -> Self {
        let shared = Arc::new(Shared {
            settings,
            pending: Mutex::default(),
            arrived: Condvar::new(),
            written: Condvar::new(),
            lost: AtomicU64::new(0),
        });
        let writer = Arc::clone(&shared);
        // A process that cannot have one more thread serves without a log rather than not at all.
        let _ = thread::Builder::new().name("log".into()).spawn(move || writer.write_for_ever(sink));
        Self(shared)
    }

    /// Begins a line, which is written by [`Line::write`] if `level` is wanted.
    pub fn line(&self, level: Level, message: &str) -> Line<'_> {
        if level > self.0.settings.level {
            return Line { log: self, text: None };
        }
        self.always(level, message)
    }

    /// Begins a line that `LOG_LEVEL` does not hold back: the access log has a setting of its own.
    pub fn always(&self, level: Level, message: &str) -> Line<'_> {
        let time = humantime::format_rfc3339_millis(SystemTime::now());
        let mut text = Vec::with_capacity(512);
        let begun = match self.0.settings.format {
            Format::Json => write!(text, r#"{{"time":"{time}","level":"{}","message":"#, level.name())
                .and(write_json(&mut text, message)),
            Format::Text => write!(text, "{time} {:5} {message}", level.name().to_ascii_uppercase()),
        };
        debug_assert!(begun.is_ok(), "a Vec takes every write");
        Line { log: self, text: Some(text) }
    }

    /// Lines that never reached the sink, because it was slow, full or closed.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.0.lost.load(Ordering::Relaxed)
    }

    /// Waits until everything has reached the sink, at most `within`: a blocked sink must not keep a process from ending.
    pub fn flush(&self, within: Duration) {
        let end = Instant::now() + within;
        let mut pending = self.0.lock();
        while pending.writing || !pending.bytes.is_empty() {
            let Some(left) = end.checked_duration_since(Instant::now()) else { return };
            pending = self.0.written.wait_timeout(pending, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Log").field(&self.0.settings).finish()
    }
}

/// A line being put together.
#[must_use = "a line is written by `write`"]
pub struct Line<'l> {
    log: &'l Log,
    text: Option<Vec<u8>>,
}

impl Line<'_> {
    /// Adds a member. Control characters in it are escaped as JSON escapes them, in both formats.
    pub fn field(mut self, key: &str, value: impl Serialize) -> Self {
        if let Some(text) = &mut self.text {
            let [before, after] = match self.log.0.settings.format {
                Format::Json => [",\"", "\":"],
                Format::Text => [" ", "="],
            };
            // Not `write!`: there are fifteen fields in a line, and formatting costs more than the values.
            for part in [before, key, after] {
                text.extend_from_slice(part.as_bytes());
            }
            let added = write_json(text, value);
            debug_assert!(added.is_ok(), "{key} is plain data");
        }
        self
    }

    /// Adds a member when there is a value.
    pub fn maybe(self, key: &str, value: Option<impl Serialize>) -> Self {
        match value {
            Some(value) => self.field(key, value),
            None => self,
        }
    }

    /// Hands the line over.
    pub fn write(self) {
        if let Some(mut text) = self.text {
            text.extend_from_slice(match self.log.0.settings.format {
                Format::Json => b"}\n",
                Format::Text => b"\n",
            });
            self.log.0.take(&text);
        }
    }
}

fn write_json(text: &mut Vec<u8>, value: impl Serialize) -> std::io::Result<()> {
    serde_json::to_writer(text, &value).map_err(std::io::Error::from)
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, line: &[u8]) {
        let mut pending = self.lock();
        if pending.bytes.len() + line.len() > MOST_PENDING {
            pending.left_out += 1;
            self.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let were_few = pending.bytes.len() < MANY_PENDING;
        pending.bytes.extend_from_slice(line);
        let are_many = were_few && pending.bytes.len() >= MANY_PENDING;
        if std::mem::take(&mut pending.writer_waits) || are_many {
            self.arrived.notify_one();
        }
    }

    fn write_for_ever(&self, mut sink: impl Write) {
        let mut batch = Vec::new();
        loop {
            let left_out = self.next_batch(&mut batch);
            if left_out > 0 {
                batch.extend_from_slice(&self.left_out_line(left_out));
            }
            let is_lost = sink.write_all(&batch).and_then(|()| sink.flush()).is_err();
            let lost = if is_lost { lines_in(&batch) + left_out } else { 0 };
            self.lost.fetch_add(lost.saturating_sub(left_out), Ordering::Relaxed);
            batch.clear();
            batch.shrink_to(MOST_KEPT);
            let mut pending = self.lock();
            pending.writing = false;
            pending.left_out += lost;
            self.written.notify_all();
            // Nobody is waited for here but the clock, unless lines come so fast that they would not fit until it is time.
            let has_room = |pending: &mut Pending| pending.bytes.len() < MANY_PENDING;
            let paused = self.arrived.wait_timeout_while(pending, BATCH_PAUSE, has_room);
            drop(paused.unwrap_or_else(PoisonError::into_inner));
        }
    }

    fn next_batch(&self, batch: &mut Vec<u8>) -> u64 {
        let mut pending = self.lock();
        while pending.bytes.is_empty() {
            pending.writer_waits = true;
            pending = self.arrived.wait(pending).unwrap_or_else(PoisonError::into_inner);
        }
        pending.writing = true;
        std::mem::swap(&mut pending.bytes, batch);
        std::mem::take(&mut pending.left_out)
    }

    fn left_out_line(&self, count: u64) -> Vec<u8> {
        let time = humantime::format_rfc3339_millis(SystemTime::now());
        match self.settings.format {
            Format::Json => {
                format!("{{\"time\":\"{time}\",\"level\":\"warn\",\"message\":\"{LEFT_OUT}\",\"lines\":{count}}}\n")
            }
            Format::Text => format!("{time} WARN  {LEFT_OUT} lines={count}\n"),
        }
        .into_bytes()
    }
}

fn lines_in(batch: &[u8]) -> u64 {
    batch.iter().filter(|byte| **byte == b'\n').count() as u64
}

const LEFT_OUT: &str = "log lines were left out because the log's sink was slow, full or closed";
/// What may wait for a slow sink, about 2,500 lines.
const MOST_PENDING: usize = 1 << 20;
/// What the writer keeps of its buffer between batches.
const MOST_KEPT: usize = 64 << 10;
/// So much that the writer does not wait until its pause is over.
const MANY_PENDING: usize = MOST_PENDING / 4;
/// Under load lines go out in batches: one write in so long instead of one a line. A thread that wakes is dearer than a line.
const BATCH_PAUSE: Duration = Duration::from_millis(5);

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    struct Channel(mpsc::SyncSender<Vec<u8>>);

    impl Write for Channel {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.send(bytes.to_vec()).map_err(std::io::Error::other)?;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn log(format: Format, room: usize) -> (Log, mpsc::Receiver<Vec<u8>>) {
        let (sender, receiver) = mpsc::sync_channel(room);
        (Log::to(Settings { level: Level::Info, format }, Channel(sender)), receiver)
    }

    #[test]
    fn a_json_line_is_one_object_with_escaped_control_characters() {
        let (log, lines) = log(Format::Json, 10);
        log.line(Level::Warn, "hello")
            .field("path", "/a\r\n\u{1b}[31m")
            .maybe("none", None::<u8>)
            .field("n", 3)
            .write();
        let line = String::from_utf8(lines.recv().unwrap()).unwrap();
        assert_eq!(line.matches('\n').count(), 1);
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!((&value["level"], &value["message"], &value["n"]), (&"warn".into(), &"hello".into(), &3.into()));
        assert_eq!(value["path"], "/a\r\n\u{1b}[31m");
        assert!(value["time"].as_str().unwrap().ends_with('Z') && value.get("none").is_none());
    }

    #[test]
    fn a_text_line_stays_one_line() {
        let (log, lines) = log(Format::Text, 10);
        log.line(Level::Info, "hello").field("path", "/a\nb").write();
        let line = String::from_utf8(lines.recv().unwrap()).unwrap();
        assert!(line.ends_with("INFO  hello path=\"/a\\nb\"\n"), "{line}");
    }

    #[test]
    fn a_level_that_is_not_wanted_is_not_written() {
        let (log, lines) = log(Format::Json, 10);
        log.line(Level::Debug, "quiet").write();
        log.line(Level::Info, "loud").write();
        log.flush(Duration::from_secs(10));
        assert!(String::from_utf8(lines.recv().unwrap()).unwrap().contains("loud"));
        assert!(lines.try_recv().is_err());
    }

    #[test]
    fn a_blocked_sink_blocks_nobody_and_what_it_missed_is_counted() {
        let (log, lines) = log(Format::Json, 0);
        let long = "x".repeat(1000);
        for _ in 0..3000 {
            log.line(Level::Info, &long).write();
        }
        let mut said = None;
        while said.is_none() {
            let batch = String::from_utf8(lines.recv().unwrap()).unwrap();
            said = batch.lines().find(|line| line.contains(LEFT_OUT)).map(str::to_owned);
            log.line(Level::Info, "one more").write();
        }
        let value: serde_json::Value = serde_json::from_str(&said.unwrap()).unwrap();
        assert!(value["lines"].as_u64().unwrap() > 1000);
    }

    #[test]
    fn a_closed_sink_blocks_nobody() {
        let (log, lines) = log(Format::Json, 0);
        drop(lines);
        for _ in 0..10 {
            log.line(Level::Info, "nobody reads this").write();
        }
        log.flush(Duration::from_secs(10));
    }
}
