//! Valid requests, broken at random: whatever comes, what goes up is whole, plain, ours, and what was admitted.

use std::collections::BTreeMap;

use proptest::{
    prelude::*,
    sample::{Index, select},
    test_runner::TestRunner,
};
use serde_json::Value;
use tokio::task::JoinSet;

use super::{form::Marks, hold_fields};
use crate::kit::{self, Raw, Sidecar, Upstream, strict::Plain};

/// Batches, and requests in each: one after the other they would wait for each other's deadlines.
const BATCHES: u32 = 16;
const BATCH: usize = 48;

/// What is broken. Each is answered 200 as it stands.
const WHOLE: [&str; 7] = [
    "POST /a HTTP/1.1\r\nHost: a\r\n{auth}Content-Length: 5\r\nConnection: close\r\n\r\nhello",
    "POST /b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n{auth}Connection: close\r\n\r\n3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
    "POST /c HTTP/1.1\r\nHost: a\r\n{auth}Content-Length: {length}\r\n\r\n{inside}GET /d HTTP/1.1\r\nHost: a\r\n{auth}\r\n",
    "GET /e HTTP/1.1\r\nHost: a\r\nX-A: 1\r\n{auth}\r\nPOST /f HTTP/1.1\r\nHost: a\r\n{auth}Content-Length: 2\r\n\r\nhi",
    "GET http://b/g?h HTTP/1.1\r\nHost: a\r\n{auth}Cookie: a=1\r\nConnection: close, X-B\r\nX-B: 1\r\n\r\n",
    "PUT /i HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n{auth}\r\n{hex}\r\n{inside}\r\n0\r\nX-Sum: 1\r\n\r\n",
    "HEAD /j HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n{auth}\r\nGET /k HTTP/1.1\r\nHost: a\r\n{auth}\r\n",
];

/// What is put in: the pieces that desynchronise other programs.
const PIECES: [&[u8]; 30] = [
    b"\r\n",
    b"\n",
    b"\r",
    b"\r\n\r\n",
    b"\n\n",
    b"\0",
    b" ",
    b"\t",
    b"\x0b",
    b":",
    b";",
    b",",
    b"0\r\n\r\n",
    b"0",
    b"+",
    b"-",
    b"0x",
    b"\r\n ",
    b"\xff",
    b"#",
    b"%2e%2e/",
    b"chunked, ",
    b"\r\nTransfer-Encoding: chunked",
    b"\r\nTransfer-Encoding : chunked",
    b"\r\nContent-Length: 0",
    b"\r\nContent-Length: 3",
    b"\r\nX-Forwarded-User: root",
    b"\r\nConnection: keep-alive",
    b"\r\nHost: evil",
    b"\nGET /evil HTTP/1.1\r\nHost: a\r\n\r\n",
];

/// What stands for an end of line.
const LINE_ENDS: [&[u8]; 6] = [b"\n", b"\r", b"\n\r", b"", b"\r\r\n", b"\r\n\n"];

#[derive(Clone, Debug)]
enum Mutation {
    Insert(Index, &'static [u8]),
    InsertByte(Index, u8),
    Replace(Index, u8),
    Delete(Index, usize),
    Repeat(Index, usize),
    /// A line of the head or of the body, again.
    RepeatLine(Index),
    LineEnd(Index, &'static [u8]),
    /// Something behind the end of a line, where fields and chunks begin.
    InsertLine(Index, &'static [u8]),
    CutAt(Index),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let at = any::<Index>;
    prop_oneof![
        3 => (at(), select(&PIECES[..])).prop_map(|(at, piece)| Mutation::Insert(at, piece)),
        2 => (at(), any::<u8>()).prop_map(|(at, byte)| Mutation::InsertByte(at, byte)),
        2 => (at(), any::<u8>()).prop_map(|(at, byte)| Mutation::Replace(at, byte)),
        2 => (at(), 1..9_usize).prop_map(|(at, length)| Mutation::Delete(at, length)),
        1 => (at(), 1..40_usize).prop_map(|(at, length)| Mutation::Repeat(at, length)),
        1 => at().prop_map(Mutation::RepeatLine),
        3 => (at(), select(&LINE_ENDS[..])).prop_map(|(at, end)| Mutation::LineEnd(at, end)),
        3 => (at(), select(&PIECES[..])).prop_map(|(at, piece)| Mutation::InsertLine(at, piece)),
        1 => at().prop_map(Mutation::CutAt),
    ]
}

impl Mutation {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let ends: Vec<usize> =
            (1..bytes.len()).filter(|at| bytes[at - 1..].starts_with(b"\r\n")).map(|at| at - 1).collect();
        let spot = |at: &Index| at.index(bytes.len() + 1);
        let line = |at: &Index| if ends.is_empty() { 0 } else { ends[at.index(ends.len())] };
        let (range, with): (std::ops::Range<usize>, Vec<u8>) = match self {
            Self::Insert(at, piece) => (spot(at)..spot(at), piece.to_vec()),
            Self::InsertByte(at, byte) => (spot(at)..spot(at), vec![*byte]),
            Self::Replace(at, byte) => (spot(at)..spot(at) + 1, vec![*byte]),
            Self::Delete(at, length) => (spot(at)..spot(at) + length, Vec::new()),
            Self::Repeat(at, length) => {
                let start = spot(at);
                (start..start, bytes[start..bytes.len().min(start + length)].to_vec())
            }
            Self::RepeatLine(at) => {
                let end = line(at);
                let start = ends.iter().rev().find(|start| **start < end).map_or(0, |start| *start);
                (end..end, bytes[start..end].to_vec())
            }
            Self::LineEnd(at, end) => (line(at)..line(at) + 2, end.to_vec()),
            Self::InsertLine(at, piece) => (line(at)..line(at), piece.to_vec()),
            Self::CutAt(at) => (spot(at)..bytes.len(), Vec::new()),
        };
        let (start, end) = (range.start.min(bytes.len()), range.end.min(bytes.len()));
        bytes.splice(start..end.max(start), with);
    }
}

/// A request of [`WHOLE`] and what is done to it.
type Broken = (usize, Vec<Mutation>);

fn batch() -> impl Strategy<Value = Vec<Broken>> {
    prop::collection::vec((0..WHOLE.len(), prop::collection::vec(mutation(), 0..4)), BATCH)
}

struct Stage {
    upstream: Upstream,
    sidecar: Sidecar,
    marks: Marks,
    token: String,
}

impl Stage {
    async fn set() -> Self {
        let upstream = Upstream::recording().await;
        let timeouts = ["HEADER_TIMEOUT", "BODY_TIMEOUT", "IDLE_TIMEOUT"];
        let building = Sidecar::guarding(&upstream).without_tls();
        let building = timeouts.into_iter().fold(building, |building, name| building.var(name, "300ms"));
        let sidecar = building.start().await;
        let token = sidecar.token().await;
        let marks = Marks::new(Some(&token), &token);
        Self { upstream, sidecar, marks, token }
    }

    /// Sends each over a connection of its own and hears it out. Gives how often the token was sent.
    async fn send(&self, batch: &[Broken]) -> usize {
        let (mut callers, mut tokens) = (JoinSet::new(), 0);
        for (whole, mutations) in batch {
            let mut bytes = self.marks.fill(WHOLE[*whole].as_bytes());
            mutations.iter().for_each(|mutation| mutation.apply(&mut bytes));
            tokens += bytes.windows(self.token.len()).filter(|window| *window == self.token.as_bytes()).count();
            let address = self.sidecar.address();
            callers.spawn(async move {
                let mut caller = Raw::plain(address).await;
                let _ = caller.try_write(bytes).await;
                caller.read_to_end().await
            });
        }
        kit::within(kit::DEADLINE, "the end of every connection", callers.join_all()).await;
        tokens
    }

    /// How many requests of each method and path were admitted so far, as the log has it.
    fn admitted(&self) -> BTreeMap<(String, String), usize> {
        let text = |line: &Value, name: &str| line[name].as_str().unwrap_or_default().to_owned();
        let mut admitted = BTreeMap::new();
        for line in self.sidecar.log_lines() {
            if line["message"] == "request" && line["client"].is_string() {
                *admitted.entry((text(&line, "method"), text(&line, "path"))).or_default() += 1;
            }
        }
        admitted
    }

    /// Holds what has gone up so far to what it may be. Gives how much of it was whole.
    async fn judge(&self, tokens: usize) -> Result<usize, String> {
        let plain = self.upstream.plain("a mutation");
        for each in &plain {
            hold_fields(each)?;
        }
        let mut whole: BTreeMap<(String, String), usize> = BTreeMap::new();
        for each in plain.iter().filter(|plain| plain.complete) {
            *whole.entry((each.method.clone(), path(each))).or_default() += 1;
        }
        // Every one of them stands in the log as admitted, by the method and path that the sidecar judged.
        let is_admitted = || {
            let admitted = self.admitted();
            whole.iter().all(|(key, count)| admitted.get(key).is_some_and(|most| count <= most))
        };
        kit::wait_until("the lines of all that went up", is_admitted).await;
        let count = whole.values().sum();
        if count > tokens {
            return Err(format!("{count} requests went up with {tokens} tokens"));
        }
        Ok(count)
    }
}

fn path(plain: &Plain) -> String {
    plain.target.split('?').next().unwrap_or_default().to_owned()
}

/// Statements 13 to 27 and 30 of the checklist, for forms that nobody thought of.
#[test]
#[expect(clippy::print_stdout, reason = "the count is a figure that is asked for")]
fn no_mutation_of_a_valid_request_crosses() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let stage = runtime.block_on(Stage::set());
    let untouched: Vec<Broken> = (0..WHOLE.len()).map(|whole| (whole, Vec::new())).collect();
    let tokens = runtime.block_on(stage.send(&untouched));
    let passed = runtime.block_on(stage.judge(tokens)).expect("what is whole passes");
    assert_eq!(passed, 10, "every request as it stands passes");
    let (sent, counted) = (std::cell::Cell::new(0), std::cell::Cell::new(tokens));
    let config =
        ProptestConfig { failure_persistence: None, max_shrink_iters: 100, ..ProptestConfig::with_cases(BATCHES) };
    let held = TestRunner::new(config).run(&batch(), |batch| {
        let tokens = runtime.block_on(stage.send(&batch));
        counted.set(counted.get() + tokens);
        sent.set(sent.get() + batch.len());
        runtime.block_on(stage.judge(counted.get())).map_err(TestCaseError::fail)?;
        Ok(())
    });
    held.unwrap_or_else(|fault| panic!("{fault}"));
    let whole = runtime.block_on(stage.judge(counted.get())).expect("it was judged before");
    println!("{} mutations, {whole} whole requests went up", sent.get());
    assert!(whole > passed && whole < 2 * sent.get(), "{whole} of {} say nothing", sent.get());
}
