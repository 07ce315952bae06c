//! The sidecar's log, caught line by line.

use std::{io, sync::Arc};

use serde_json::Value;
use tokio::sync::watch;

use super::DEADLINE;

/// A sink for a log, and what was written to it so far. Copies share it.
#[derive(Clone)]
pub(crate) struct Captured(Arc<watch::Sender<Vec<u8>>>);

impl Captured {
    /// A sink without a line.
    pub(crate) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Vec::new())))
    }

    /// Everything that was written.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.borrow()).into_owned()
    }

    /// The whole lines that were written.
    ///
    /// # Panics
    /// When one is not JSON.
    pub(crate) fn lines(&self) -> Vec<Value> {
        whole(&self.0.borrow()).lines().map(parse).collect()
    }

    /// The first line for which `wanted` holds, now or later.
    ///
    /// # Panics
    /// When there is none within [`DEADLINE`].
    pub(crate) async fn wait_for(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut watched = self.0.subscribe();
        let mut found = None;
        let looking = watched.wait_for(|bytes| {
            found = whole(bytes).lines().map(parse).find(|line| wanted(line));
            found.is_some()
        });
        let gone = match tokio::time::timeout(DEADLINE, looking).await {
            Ok(looked) => looked.is_err(),
            Err(_) => panic!("waited {DEADLINE:?} in vain for a log line: {what}; there is only\n{}", self.text()),
        };
        assert!(!gone, "the sink lives as long as this copy of it");
        found.expect("the wait ends with a line")
    }
}

impl io::Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.send_modify(|all| all.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn whole(bytes: &[u8]) -> String {
    let end = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

fn parse(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|fault| panic!("a log line is not JSON ({fault}): {line}"))
}
