//! An upstream that trusts nobody: it reads every byte strictly and notes what should never have come.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::live::{CLIENT, TOKEN};
use super::path::readings;

/// What reached the upstream.
#[derive(Debug)]
pub struct Seen {
    /// The target, as it was sent.
    pub target: String,
    /// `X-Forwarded-For`.
    pub peer: String,
}

/// What was seen, and what was wrong with it.
#[derive(Debug, Default)]
pub struct Record {
    pub seen: Vec<Seen>,
    pub faults: Vec<String>,
}

/// A running upstream.
#[derive(Debug)]
pub struct Upstream {
    pub address: SocketAddr,
    record: Arc<Mutex<Record>>,
}

impl Upstream {
    /// Starts one, for as long as the process lives.
    #[must_use]
    pub fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let record = Arc::new(Mutex::new(Record::default()));
        let own = Arc::clone(&record);
        thread::spawn(move || {
            for tcp in listener.incoming().flatten() {
                let record = Arc::clone(&own);
                thread::spawn(move || {
                    // A connection that is cut has told nothing whole, which is right.
                    let _ = converse(&tcp, &record);
                });
            }
        });
        Self { address, record }
    }

    /// What came since this was last asked.
    #[must_use]
    pub fn take(&self) -> Record {
        std::mem::take(&mut lock(&self.record))
    }
}

fn lock(record: &Mutex<Record>) -> MutexGuard<'_, Record> {
    record.lock().unwrap_or_else(PoisonError::into_inner)
}

fn converse(tcp: &TcpStream, record: &Mutex<Record>) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    let mut reader = BufReader::new(tcp);
    while let Some(head) = read_head(&mut reader)? {
        let fields = match judge(&head) {
            Ok((seen, fields)) => {
                lock(record).seen.push(seen);
                fields
            }
            Err(fault) => return note(record, fault, &head),
        };
        if let Err(fault) = read_body(&mut reader, &fields)? {
            return note(record, fault, &head);
        }
        let body = if head.starts_with(b"HEAD ") { "" } else { "{}" };
        write!(&mut &*tcp, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{body}")?;
    }
    Ok(())
}

fn note(record: &Mutex<Record>, fault: &str, head: &[u8]) -> io::Result<()> {
    lock(record).faults.push(format!("{fault}:\n{}", String::from_utf8_lossy(head)));
    Ok(())
}

/// Up to the first empty line; `None` when the connection ends before.
fn read_head(reader: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if reader.read_until(b'\n', &mut head)? == 0 {
            return Ok(None);
        }
    }
    Ok(Some(head))
}

type Fields = Vec<(String, String)>;

/// A head as RFC 9112 and the contract have it, and nothing near it.
fn judge(head: &[u8]) -> Result<(Seen, Fields), &'static str> {
    let text: String = head.iter().copied().map(char::from).collect();
    let mut lines = text.strip_suffix("\r\n\r\n").ok_or("no end")?.split("\r\n");
    if text.replace("\r\n", "").contains(['\r', '\n', '\0']) {
        return Err("a bare CR, LF or NUL");
    }
    let words: Vec<&str> = lines.next().unwrap_or_default().split(' ').collect();
    let [method, target, "HTTP/1.1"] = words[..] else { return Err("a request line") };
    if !is_token(method) || !target.starts_with('/') || !target.chars().all(|letter| letter.is_ascii_graphic()) {
        return Err("a request line");
    }
    let mut fields = Vec::new();
    for line in lines {
        let (name, value) = line.split_once(':').filter(|(name, _)| is_token(name)).ok_or("a field")?;
        let value = value.trim_matches([' ', '\t']);
        if value.contains(|letter: char| letter.is_ascii_control() && letter != '\t') {
            return Err("a field's value");
        }
        fields.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    judge_fields(&fields)?;
    let path = target.split('?').next().unwrap_or_default();
    if path.len() <= LONGEST && !readings(path.as_bytes()).iter().all(|reading| is_allowed(reading)) {
        return Err("a path outside of the rule");
    }
    let peer = values(&fields, "x-forwarded-for").join(" | ");
    Ok((Seen { target: target.to_owned(), peer }, fields))
}

fn judge_fields(fields: &Fields) -> Result<(), &'static str> {
    let bearer = |value: &&str| {
        value.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer "))
            && value[7..].trim_start_matches(' ') == TOKEN
    };
    if !matches!(values(fields, "authorization")[..], [value] if bearer(&value)) {
        return Err("a request without a token");
    }
    let aliases: Vec<&str> = fields
        .iter()
        .filter(|(name, _)| name.replace(|letter: char| !letter.is_ascii_alphanumeric(), "-") == "x-forwarded-user")
        .map(|(_, value)| value.as_str())
        .collect();
    if aliases != [CLIENT] {
        return Err("a user that is not ours");
    }
    if values(fields, "host").len() != 1 {
        return Err("not one Host");
    }
    if values(fields, "proxy-connection").len() + values(fields, "keep-alive").len() > 0 {
        return Err("a field of another hop");
    }
    match (&values(fields, "content-length")[..], &values(fields, "transfer-encoding")[..]) {
        ([], [] | ["chunked"]) => Ok(()),
        ([length], []) if !length.is_empty() && length.bytes().all(|digit| digit.is_ascii_digit()) => Ok(()),
        _ => Err("a framing"),
    }
}

/// Whether a body ends where its framing says; no fault when the connection is cut before.
fn read_body(reader: &mut impl BufRead, fields: &Fields) -> io::Result<Result<(), &'static str>> {
    if let [length] = values(fields, "content-length")[..] {
        let length = length.parse().unwrap_or(u64::MAX);
        return exactly(reader, length).map(Ok);
    }
    if values(fields, "transfer-encoding").is_empty() {
        return Ok(Ok(()));
    }
    loop {
        let line = read_line(reader)?;
        let size = line
            .strip_suffix("\r\n")
            .filter(|size| !size.is_empty() && size.bytes().all(|digit| digit.is_ascii_hexdigit()));
        let Some(size) = size.and_then(|size| u64::from_str_radix(size, 16).ok()) else {
            return Ok(Err("a chunk's size"));
        };
        if size == 0 {
            return read_trailers(reader);
        }
        exactly(reader, size)?;
        if read_line(reader)? != "\r\n" {
            return Ok(Err("a chunk's end"));
        }
    }
}

fn read_trailers(reader: &mut impl BufRead) -> io::Result<Result<(), &'static str>> {
    loop {
        let line = read_line(reader)?;
        if line == "\r\n" {
            return Ok(Ok(()));
        }
        let name = line.split_once(':').map(|(name, _)| name.to_ascii_lowercase().replace('_', "-"));
        let good = name.is_some_and(|name| is_token(&name) && !NEVER_TRAILERS.contains(&name.as_str()));
        if !good || !line.ends_with("\r\n") {
            return Ok(Err("a trailer"));
        }
    }
}

fn read_line(reader: &mut impl BufRead) -> io::Result<String> {
    let mut line = Vec::new();
    reader.read_until(b'\n', &mut line)?;
    if line.last() == Some(&b'\n') {
        Ok(line.into_iter().map(char::from).collect())
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

fn exactly(reader: &mut impl BufRead, length: u64) -> io::Result<()> {
    let read = io::copy(&mut reader.take(length), &mut io::sink())?;
    if read == length { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

fn values<'f>(fields: &'f Fields, name: &str) -> Vec<&'f str> {
    fields.iter().filter(|(field, _)| field == name).map(|(_, value)| value.as_str()).collect()
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// `/pay/**`, the one rule there is.
fn is_allowed(path: &[u8]) -> bool {
    path == b"/pay" || path.starts_with(b"/pay/")
}

const NEVER_TRAILERS: [&str; 6] =
    ["authorization", "content-length", "host", "transfer-encoding", "x-forwarded-for", "x-forwarded-user"];

/// A longer path has more readings than a fuzzer has time for.
const LONGEST: usize = 256;
