//! Paths that mean the same to us and to the upstream.

/// A path that cannot be read in two ways. Only [`SafePath::parse`] makes one, and never changes a byte of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SafePath<'a>(&'a str);

/// Why a path could be read differently by another program. The caller is to blame for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathFault {
    /// It does not begin with `/`.
    #[error("the path does not begin with a slash")]
    NotRooted,
    /// A `?` or `#`: that is where a path ends.
    #[error("the path holds a question mark or a number sign")]
    QueryOrFragment,
    /// A segment that is `.` or `..`, plain or encoded, with or without parameters.
    #[error("a segment of the path is a dot segment")]
    DotSegment,
    /// A `\`, plain or encoded.
    #[error("the path holds a backslash")]
    Backslash,
    /// An encoded `/`.
    #[error("the path holds an encoded slash")]
    EncodedSlash,
    /// A control byte, plain or encoded, or a plain space.
    #[error("the path holds a control character")]
    ControlCharacter,
    /// What is decoded is encoded again.
    #[error("the path is encoded twice")]
    DoubleEncoding,
    /// A byte over 127 that is not encoded.
    #[error("the path holds a byte that must be encoded")]
    NonAscii,
    /// A `%` without two hex digits after it.
    #[error("the path holds a percent sign that encodes nothing")]
    BadEncoding,
    /// Encoded UTF-8 that is longer than it must be, such as `%C0%AF` for `/`.
    #[error("the path holds overlong UTF-8")]
    Overlong,
}

impl<'a> SafePath<'a> {
    /// Judges a path as it stands in the request's target, without query. One pass, no allocation.
    ///
    /// Shape: `/`, then anything but: a segment that is `.` or `..` once parameters (`;…`) are cut and it is decoded, up to
    /// twice; `\` and control bytes, plain or encoded; an encoded `/`; `%25` before two hex digits, however these are written;
    /// overlong UTF-8; a byte over 127; a `%` that encodes nothing. Empty segments pass. Source: contract, section 3, row `BAD_PATH`.
    /// # Errors
    /// The first [`PathFault`] that is found.
    pub fn parse(path: &'a str) -> Result<Self, PathFault> {
        let bytes = path.as_bytes();
        if bytes.first() != Some(&b'/') {
            return Err(PathFault::NotRooted);
        }
        if !bytes.iter().all(|byte| is_plain(*byte)) {
            judge(bytes)?;
        }
        Ok(Self(path))
    }

    /// The path as it was sent.
    #[must_use]
    pub const fn as_str(&self) -> &'a str {
        self.0
    }
}

/// A byte that means itself, wherever it stands: visible ASCII without `# % . ; ? \`.
const fn is_plain(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~') && !matches!(byte, b'#' | b'%' | b'.' | b';' | b'?' | b'\\')
}

fn judge(bytes: &[u8]) -> Result<(), PathFault> {
    let mut reader = Reader::default();
    let mut rest = bytes;
    while let [first, after @ ..] = rest {
        rest = after;
        match first {
            b'%' => {
                let (decoded, after) = decode(after).ok_or(PathFault::BadEncoding)?;
                rest = after;
                reader.take_encoded(decoded)?;
            }
            b'?' | b'#' => return Err(PathFault::QueryOrFragment),
            b'/' => reader.end_segment()?,
            0x80.. => return Err(PathFault::NonAscii),
            b' ' => return Err(PathFault::ControlCharacter),
            _ => reader.take(*first)?,
        }
    }
    reader.end_segment()
}

/// The byte that two hex digits after `%` stand for, and what follows them.
fn decode(after: &[u8]) -> Option<(u8, &[u8])> {
    let [high, low, rest @ ..] = after else { return None };
    let digit = |hex: u8| char::from(hex).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some((digit(*high)? << 4 | digit(*low)?, rest))
}

/// Reads a path as somebody does who decodes it, and notes what somebody would see who decodes it once more.
#[derive(Default)]
struct Reader {
    segment: Segment,
    again: Again,
    /// The encoded byte just before this one; 0 when it was not encoded.
    lead: u8,
}

/// What the segment is so far, up to its parameters.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Segment {
    #[default]
    Empty,
    Dot,
    DotDot,
    Named,
    /// Parameters follow what could have been a dot segment.
    DotsWithParameters,
}

/// How much of another `%` and two hex digits has been decoded.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Again {
    #[default]
    No,
    Percent,
    PercentAndDigit,
}

impl Reader {
    fn take_encoded(&mut self, byte: u8) -> Result<(), PathFault> {
        if byte == b'/' {
            return Err(PathFault::EncodedSlash);
        }
        let overlong = matches!(
            (self.lead, byte),
            (_, 0xC0 | 0xC1) | (0xE0, 0x80..=0x9F) | (0xF0, 0x80..=0x8F) | (0xF8, 0x80..=0x87) | (0xFC, 0x80..=0x83)
        );
        if overlong {
            return Err(PathFault::Overlong);
        }
        self.take(byte)?;
        self.lead = byte;
        Ok(())
    }

    fn take(&mut self, byte: u8) -> Result<(), PathFault> {
        self.lead = 0;
        self.again = match (self.again, byte) {
            (Again::PercentAndDigit, _) if byte.is_ascii_hexdigit() => return Err(PathFault::DoubleEncoding),
            (Again::Percent, _) if byte.is_ascii_hexdigit() => Again::PercentAndDigit,
            (_, b'%') => Again::Percent,
            _ => Again::No,
        };
        match byte {
            b'\\' => return Err(PathFault::Backslash),
            0..=0x1F | 0x7F => return Err(PathFault::ControlCharacter),
            _ => {}
        }
        self.segment = match (self.segment, byte) {
            (Segment::Empty, b'.') => Segment::Dot,
            (Segment::Dot, b'.') => Segment::DotDot,
            (Segment::Dot | Segment::DotDot, b';') => Segment::DotsWithParameters,
            (Segment::DotsWithParameters, _) => Segment::DotsWithParameters,
            _ => Segment::Named,
        };
        Ok(())
    }

    fn end_segment(&mut self) -> Result<(), PathFault> {
        match self.segment {
            Segment::Empty | Segment::Named => {
                *self = Self::default();
                Ok(())
            }
            Segment::Dot | Segment::DotDot | Segment::DotsWithParameters => Err(PathFault::DotSegment),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    use PathFault::{
        Backslash, BadEncoding, ControlCharacter, DotSegment, DoubleEncoding, EncodedSlash, NonAscii, NotRooted,
        Overlong, QueryOrFragment,
    };

    #[test]
    fn a_path_the_upstream_could_read_differently_is_refused() {
        for (raw, fault) in [
            ("", NotRooted),
            ("a", NotRooted),
            ("*", NotRooted),
            ("./a", NotRooted),
            ("%2Fa", NotRooted),
            ("http://h/a", NotRooted),
            ("/a?b", QueryOrFragment),
            ("/a#b", QueryOrFragment),
            ("/.", DotSegment),
            ("/..", DotSegment),
            ("/./a", DotSegment),
            ("/../a", DotSegment),
            ("/a/..", DotSegment),
            ("/a/../b", DotSegment),
            ("/a/./", DotSegment),
            ("//../a", DotSegment),
            ("/%2e/a", DotSegment),
            ("/%2E%2e/a", DotSegment),
            ("/.%2e/a", DotSegment),
            ("/%2e./a", DotSegment),
            ("/a/..;/b", DotSegment),
            ("/a/..;x=y/b", DotSegment),
            ("/a/.;x", DotSegment),
            ("/a/..;%20", DotSegment),
            ("/a/%2e%2e;x/b", DotSegment),
            ("/a/..%3b/b", DotSegment),
            ("/a/..%3Bx/b", DotSegment),
            ("/a/..;.;/b", DotSegment),
            ("/a\\b", Backslash),
            ("/..\\a", Backslash),
            ("/a%5cb", Backslash),
            ("/a%5C..%5Cb", Backslash),
            ("/a%2fb", EncodedSlash),
            ("/a%2Fb", EncodedSlash),
            ("/..%2f..%2fetc", EncodedSlash),
            ("/a\0b", ControlCharacter),
            ("/a\nb", ControlCharacter),
            ("/a\x7fb", ControlCharacter),
            ("/a b", ControlCharacter),
            ("/a%00b", ControlCharacter),
            ("/a%0d%0ab", ControlCharacter),
            ("/a%09b", ControlCharacter),
            ("/a%1fb", ControlCharacter),
            ("/a%7Fb", ControlCharacter),
            ("/%252e%252e/a", DoubleEncoding),
            ("/a%252fb", DoubleEncoding),
            ("/a%2500", DoubleEncoding),
            ("/%25%32%65/a", DoubleEncoding),
            ("/%252%65", DoubleEncoding),
            ("/%25%32e", DoubleEncoding),
            ("/%25%25%32%65", DoubleEncoding),
            ("/a%25ZZ%25aF", DoubleEncoding),
            ("/é", NonAscii),
            ("/a/．．/b", NonAscii),
            ("/%", BadEncoding),
            ("/a%2", BadEncoding),
            ("/a%2/b", BadEncoding),
            ("/a%zz", BadEncoding),
            ("/a%+1", BadEncoding),
            ("/a%u002e", BadEncoding),
            ("/%%32%65", BadEncoding),
            ("/a%é9", BadEncoding),
            ("/a%c0%af", Overlong),
            ("/%c0%ae%c0%ae/a", Overlong),
            ("/a%C1%9C", Overlong),
            ("/a%e0%80%af", Overlong),
            ("/a%f0%80%80%af", Overlong),
            // Of five and six bytes, as UTF-8 was before RFC 3629.
            ("/a%f8%80%80%80%af", Overlong),
            ("/a%FC%80%80%80%80%AF", Overlong),
            ("/a%f8%87%bf%bf%bf", Overlong),
            ("/a%fc%83%bf%bf%bf%bf", Overlong),
        ] {
            assert_eq!(SafePath::parse(raw).err(), Some(fault), "{raw:?}");
        }
    }

    #[test]
    fn a_path_that_reads_one_way_passes_unchanged() {
        for raw in [
            "/",
            "//",
            "/a",
            "/a/",
            "//a///b//",
            "/bank/api/transaction-sync",
            "/a.b/c.html",
            "/.well-known/x",
            "/...",
            "/..a",
            "/a..",
            "/a..b/.c",
            "/a;b",
            "/a;..",
            "/;",
            "/;../a",
            "/a;x=..;y/b",
            "/a%20b",
            "/a%3Fb",
            "/a%23b",
            "/%2e%2ea",
            "/a%2e%2e",
            "/100%25",
            "/100%25/a",
            "/100%25z",
            "/%25a",
            "/%25%25",
            "/a%25/2e",
            "/%C3%A9",
            "/%E1%BA%AD",
            "/%F0%9F%94%91",
            "/%E0/%80",
            "/%e0%a4%85",
            "/M%FCller",
            "/%f8%88",
            "/%fc/%80",
            "/a+b=c&d,e:f@g!h$i'j(k)l*m~n_o-p",
            "/a\"<>^`{|}[]",
        ] {
            assert_eq!(SafePath::parse(raw).map(|path| path.as_str().to_owned()), Ok(raw.to_owned()), "{raw:?}");
        }
    }

    /// What somebody sees who decodes as much as can be decoded.
    fn decoded(path: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut rest = path;
        while let [first, after @ ..] = rest {
            rest = after;
            match decode(after).filter(|_| *first == b'%') {
                Some((byte, after)) => {
                    out.push(byte);
                    rest = after;
                }
                None => out.push(*first),
            }
        }
        out
    }

    fn is_dots(segment: &[u8]) -> bool {
        let name = segment.split(|byte| *byte == b';').next().unwrap_or_default();
        name == b"." || name == b".."
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn what_passes_is_unchanged_and_reads_one_way_however_often_it_is_decoded(
            path in "/([a-f0-9./;%\\\\ ]|%2e|%2E|%2f|%5c|%25|%3b|%00|%c0|\\.\\.|[\\x00-\\x7fé]){0,12}"
        ) {
            let Ok(safe) = SafePath::parse(&path) else { return Ok(()) };
            prop_assert_eq!(safe.as_str().as_bytes(), path.as_bytes());
            let once = decoded(path.as_bytes());
            let twice = decoded(&once);
            prop_assert_eq!(&once, &twice);
            for form in [path.as_bytes(), &once] {
                prop_assert!(!form.contains(&b'\\'));
                prop_assert!(form.iter().all(|byte| !byte.is_ascii_control()));
                prop_assert!(form.split(|byte| *byte == b'/').all(|segment| !is_dots(segment)));
            }
            let slashes = |form: &[u8]| form.iter().filter(|byte| **byte == b'/').count();
            prop_assert_eq!(slashes(path.as_bytes()), slashes(&once));
        }

        #[test]
        fn no_text_makes_the_judge_panic(path in ".{0,60}") {
            let _ = SafePath::parse(&path);
        }

        #[test]
        fn a_path_of_plain_segments_passes(path in "(/[A-Za-z0-9_~-]{0,9}){1,6}") {
            prop_assert!(SafePath::parse(&path).is_ok());
        }
    }
}
