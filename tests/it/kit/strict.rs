//! What went up, read byte for byte and without mercy: a request that another program could frame or read in another way is a fault,
//! and so is a byte that belongs to no request.

use super::{Upstream, wire::Field};

/// One request in its plainest form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plain {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) fields: Vec<Field>,
    pub(crate) body: Vec<u8>,
    /// Did it end? A connection may be cut within its last request, never before.
    pub(crate) complete: bool,
}

impl Plain {
    /// The values of every field called `name`, whatever its case.
    pub(crate) fn values(&self, name: &str) -> Vec<&str> {
        super::wire::values(&self.fields, name)
    }

    /// Its framing field, as `Name: value`; empty when it has none.
    pub(crate) fn framing(&self) -> String {
        let is_framing = |name: &str| name == "Content-Length" || name == "Transfer-Encoding";
        let framing = self.fields.iter().find(|(name, _)| is_framing(name));
        framing.map(|(name, value)| format!("{name}: {value}")).unwrap_or_default()
    }
}

impl Upstream {
    /// Every request that went up, connection by connection.
    ///
    /// # Panics
    /// With `row` when a byte is not that of a plain request.
    pub(crate) fn plain(&self, row: &str) -> Vec<Plain> {
        let read = |raw: &[u8]| {
            read(raw).unwrap_or_else(|fault| panic!("{row}: went up {fault}: {:?}", String::from_utf8_lossy(raw)))
        };
        self.connections().iter().flat_map(|connection| read(connection.raw.kept())).collect()
    }
}

/// The requests in all the bytes of one connection, or what is wrong with them.
pub(crate) fn read(bytes: &[u8]) -> Result<Vec<Plain>, String> {
    let (mut rest, mut requests) = (bytes, Vec::new());
    while !rest.is_empty() {
        match request(rest)? {
            Some((plain, after)) => {
                rest = after;
                requests.push(plain);
            }
            None => break,
        }
    }
    Ok(requests)
}

/// The next request and what is behind it; `None` when not even its head is whole.
fn request(bytes: &[u8]) -> Result<Option<(Plain, &[u8])>, String> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let head = &bytes[..end + 2];
    let mut lines = Vec::new();
    for line in head.split_inclusive(|byte| *byte == b'\n') {
        lines.push(line.strip_suffix(b"\r\n").ok_or("a bare line feed")?);
    }
    let (method, target) = request_line(lines[0])?;
    let fields = lines[1..].iter().map(|line| field(line)).collect::<Result<Vec<_>, _>>()?;
    let mut plain = Plain { method, target, fields, body: Vec::new(), complete: false };
    let rest = content(&mut plain, &bytes[end + 4..])?;
    Ok(Some((plain, rest)))
}

fn request_line(line: &[u8]) -> Result<(String, String), String> {
    let words: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
    let [method, target, b"HTTP/1.1"] = words[..] else { return Err("a request line of other words".to_owned()) };
    if method.is_empty() || !method.iter().copied().all(is_token) {
        return Err("a method that is no token".to_owned());
    }
    let path = target.split(|byte| *byte == b'?').next().unwrap_or_default();
    let is_plain = path.starts_with(b"/") && path.iter().all(u8::is_ascii_graphic);
    if !is_plain || target.iter().any(|byte| *byte <= b' ' || *byte == 0x7f || *byte == b'#') {
        return Err("a target that is no path".to_owned());
    }
    Ok((text(method), text(target)))
}

fn field(line: &[u8]) -> Result<Field, String> {
    let colon = line.iter().position(|byte| *byte == b':').ok_or("a line without a colon")?;
    let (name, value) = (&line[..colon], &line[colon + 1..]);
    if name.is_empty() || !name.iter().copied().all(is_token) {
        return Err(format!("the name {:?}", text(name)));
    }
    let begins_a_word = |at: usize| at == 0 || name[at - 1] == b'-';
    if name.iter().enumerate().any(|(at, letter)| begins_a_word(at) && letter.is_ascii_lowercase()) {
        return Err(format!("the name {:?}, which old upstreams do not know in this case", text(name)));
    }
    let value = value.strip_prefix(b" ").ok_or("a value without a blank before it")?;
    let is_clean = value.iter().all(|byte| *byte == b'\t' || *byte >= b' ' && *byte != 0x7f);
    if !is_clean || value.trim_ascii() != value {
        return Err(format!("the value {:?}", text(value)));
    }
    Ok((text(name), text(value)))
}

fn content<'b>(plain: &mut Plain, bytes: &'b [u8]) -> Result<&'b [u8], String> {
    let lengths = plain.values("Content-Length");
    let codings = plain.values("Transfer-Encoding");
    match (&lengths[..], &codings[..]) {
        ([], []) => {
            plain.complete = true;
            Ok(bytes)
        }
        ([length], []) if length.bytes().all(|digit| digit.is_ascii_digit()) => {
            let length: usize = length.parse().map_err(|_| "a length that is no number")?;
            let (body, rest) = bytes.split_at(length.min(bytes.len()));
            plain.complete = body.len() == length;
            plain.body = body.to_vec();
            Ok(rest)
        }
        ([], ["chunked"]) => chunks(plain, bytes),
        _ => Err(format!("the framing {lengths:?} {codings:?}")),
    }
}

fn chunks<'b>(plain: &mut Plain, mut bytes: &'b [u8]) -> Result<&'b [u8], String> {
    loop {
        let Some(end) = bytes.windows(2).position(|window| window == b"\r\n") else { return unended(bytes) };
        let digits = &bytes[..end];
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(format!("the chunk size {:?}", text(digits)));
        }
        let size = usize::from_str_radix(&text(digits), 16).map_err(|_| "a chunk size that is no number")?;
        bytes = &bytes[end + 2..];
        plain.body.extend_from_slice(&bytes[..size.min(bytes.len())]);
        if bytes.len() < size + 2 {
            return Ok(&[]);
        }
        if &bytes[size..size + 2] != b"\r\n" {
            return Err("a chunk without an end, or a trailer".to_owned());
        }
        bytes = &bytes[size + 2..];
        if size == 0 {
            plain.complete = true;
            return Ok(bytes);
        }
    }
}

/// What a cut connection may leave of a chunk size.
fn unended(bytes: &[u8]) -> Result<&[u8], String> {
    let digits = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    if digits.iter().all(u8::is_ascii_hexdigit) { Ok(&[]) } else { Err("half a chunk size that is none".to_owned()) }
}

/// Source: RFC 9110, section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
