//! Paths: what passes `SafePath` is what was sent, and no lenient reader finds a dot segment in it.

use std::collections::BTreeSet;

use bearergate::rules::path::SafePath;

/// Holds the judge of paths to a slower one that was written from the contract, and to every reader.
pub fn holds(data: &[u8]) {
    let Ok(path) = str::from_utf8(data) else { return };
    let judged = SafePath::parse(path);
    assert_eq!(judged.is_ok(), reads_one_way(path.as_bytes()), "{path:?} is {judged:?}");
    let Ok(safe) = judged else { return };
    assert_eq!(safe.as_str(), path, "a judge changes nothing");
    if path.len() > LONGEST {
        return;
    }
    for reading in readings(path.as_bytes()) {
        let shown = String::from_utf8_lossy(&reading);
        assert!(reading.starts_with(b"/"), "{path:?} is read as {shown:?}");
        assert!(!reading.contains(&b'\\'), "{path:?} is read as {shown:?}");
        assert!(!reading.iter().any(u8::is_ascii_control), "{path:?} is read as {shown:?}");
        assert!(!reading.split(is_slash).any(|segment| is_dots(named(segment))), "{path:?} is read as {shown:?}");
    }
}

/// What the contract says of paths, section 3, row `BAD_PATH`, one sentence after the other.
fn reads_one_way(path: &[u8]) -> bool {
    let Some(bytes) = taken_apart(path) else { return false };
    let decoded: Vec<u8> = bytes.iter().map(|(byte, _)| *byte).collect();
    let plain = |byte: &u8| byte.is_ascii_graphic() && !b"?#\\".contains(byte);
    // The first byte says how many there are, the second that fewer would have been enough.
    let overlong = |pair: &[(u8, Written)]| {
        let most = |lead| match lead {
            0xE0 => 0x9F,
            0xF0 => 0x8F,
            0xF8 => 0x87,
            0xFC => 0x83,
            _ => 0,
        };
        pair.iter().all(|(_, written)| *written == Written::Encoded) && (0x80..=most(pair[0].0)).contains(&pair[1].0)
    };
    path.first() == Some(&b'/')
        && path.iter().all(plain)
        && !bytes.contains(&(b'/', Written::Encoded))
        && !decoded.iter().any(|byte| *byte == b'\\' || byte.is_ascii_control())
        && !decoded.windows(3).any(|three| three[0] == b'%' && three[1..].iter().all(u8::is_ascii_hexdigit))
        && !bytes.iter().any(|byte| matches!(byte, (0xC0 | 0xC1, Written::Encoded)))
        && !bytes.windows(2).any(overlong)
        && !decoded.split(is_slash).any(|segment| is_dots(named(segment)))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Written {
    Plainly,
    Encoded,
}

/// Each byte that a path stands for; `None` when a `%` encodes nothing.
fn taken_apart(path: &[u8]) -> Option<Vec<(u8, Written)>> {
    let mut bytes = Vec::new();
    let mut at = 0;
    while let Some(byte) = path.get(at) {
        if *byte == b'%' {
            let digits = path.get(at + 1..at + 3).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))?;
            let digits = str::from_utf8(digits).ok()?;
            bytes.push((u8::from_str_radix(digits, 16).ok()?, Written::Encoded));
            at += 3;
        } else {
            bytes.push((*byte, Written::Plainly));
            at += 1;
        }
    }
    Some(bytes)
}

/// Every way in which a lenient upstream may read a path: in any order, each as often as it likes, it cuts parameters, makes one slash of
/// many, takes `\` for `/`, resolves dot segments, ends at a NUL, and decodes, up to twice.
#[must_use]
pub fn readings(path: &[u8]) -> BTreeSet<Vec<u8>> {
    let mut known = BTreeSet::from([(path.to_vec(), 0)]);
    let mut fresh: Vec<_> = known.iter().cloned().collect();
    while let Some((reading, decodings)) = fresh.pop() {
        let mut next: Vec<_> = [without_parameters, collapsed, with_slashes, resolved, up_to_nul]
            .map(|step| (step(&reading), decodings))
            .into();
        if decodings < 2 {
            next.push((decoded(&reading), decodings + 1));
        }
        fresh.extend(next.into_iter().filter(|reading| known.insert(reading.clone())));
    }
    known.into_iter().map(|(reading, _)| reading).collect()
}

fn without_parameters(path: &[u8]) -> Vec<u8> {
    path.split(is_slash).map(named).collect::<Vec<_>>().join(&b'/')
}

fn collapsed(path: &[u8]) -> Vec<u8> {
    let mut out = path.to_vec();
    out.dedup_by(|next, last| *next == b'/' && *last == b'/');
    out
}

fn with_slashes(path: &[u8]) -> Vec<u8> {
    path.iter().map(|byte| if *byte == b'\\' { b'/' } else { *byte }).collect()
}

fn up_to_nul(path: &[u8]) -> Vec<u8> {
    path.split(|byte| *byte == 0).next().unwrap_or_default().to_vec()
}

/// RFC 3986, section 5.2.4.
fn resolved(path: &[u8]) -> Vec<u8> {
    let segments: Vec<&[u8]> = path.split(is_slash).collect();
    let mut kept: Vec<&[u8]> = Vec::new();
    for (at, segment) in segments.iter().enumerate() {
        if is_dots(segment) {
            if *segment == b".." && kept.len() > 1 {
                kept.pop();
            }
            if at + 1 == segments.len() {
                kept.push(b"");
            }
        } else {
            kept.push(segment);
        }
    }
    kept.join(&b'/')
}

/// Decodes what can be decoded and leaves the rest.
fn decoded(path: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(byte) = path.get(at) {
        match path.get(at..at + 3).and_then(taken_apart).as_deref() {
            Some([(encoded, Written::Encoded)]) => {
                out.push(*encoded);
                at += 3;
            }
            _ => {
                out.push(*byte);
                at += 1;
            }
        }
    }
    out
}

/// A segment without its parameters.
fn named(segment: &[u8]) -> &[u8] {
    segment.split(|byte| *byte == b';').next().unwrap_or_default()
}

fn is_dots(segment: &[u8]) -> bool {
    segment == b"." || segment == b".."
}

fn is_slash(byte: &u8) -> bool {
    *byte == b'/'
}

/// A longer path has more readings than a fuzzer has time for.
const LONGEST: usize = 256;
