//! Bodies as gzip: the token request says that it accepts them, so an endpoint may send one.

use miniz_oxide::inflate::decompress_to_vec_with_limit;

/// Not gzip, damaged, or larger than it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotGzip;

/// The content of one gzip member, at most `most` bytes. Its checksum is not looked at: who sends the body sends that too.
///
/// Shape: RFC 1952, section 2.3.
pub(super) fn gunzip(bytes: &[u8], most: usize) -> Result<Vec<u8>, NotGzip> {
    let [0x1f, 0x8b, 8, flags, _, _, _, _, _, _, rest @ ..] = bytes else { return Err(NotGzip) };
    let mut rest = rest;
    if flags & EXTRA != 0 {
        let [low, high, after @ ..] = rest else { return Err(NotGzip) };
        rest = after.get(usize::from(u16::from_le_bytes([*low, *high]))..).ok_or(NotGzip)?;
    }
    for flag in [NAME, COMMENT] {
        if flags & flag != 0 {
            let end = rest.iter().position(|byte| *byte == 0).ok_or(NotGzip)?;
            rest = &rest[end + 1..];
        }
    }
    if flags & HEADER_CHECKSUM != 0 {
        rest = rest.get(2..).ok_or(NotGzip)?;
    }
    decompress_to_vec_with_limit(rest, most).map_err(|_| NotGzip)
}

const HEADER_CHECKSUM: u8 = 1 << 1;
const EXTRA: u8 = 1 << 2;
const NAME: u8 = 1 << 3;
const COMMENT: u8 = 1 << 4;

#[cfg(test)]
mod tests {
    use super::*;
    use miniz_oxide::deflate::compress_to_vec;

    fn gzip(flags: u8, fields: &[u8], content: &[u8]) -> Vec<u8> {
        let head = [0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 3];
        [&head[..], fields, &compress_to_vec(content, 6), &[0; 8]].concat()
    }

    #[test]
    fn gzip_is_read_whatever_its_header_holds() {
        for (flags, fields) in
            [(0, &b""[..]), (NAME, b"a.json\0"), (EXTRA | NAME | COMMENT | HEADER_CHECKSUM, b"\x02\0xyn\0c\0hh")]
        {
            assert_eq!(gunzip(&gzip(flags, fields, b"{\"a\":1}"), 100), Ok(b"{\"a\":1}".to_vec()), "{flags}");
        }
    }

    #[test]
    fn what_is_no_gzip_or_too_large_is_refused() {
        let whole = gzip(0, b"", &[7; 1000]);
        assert!(gunzip(&whole, 1000).is_ok());
        assert_eq!(gunzip(&whole, 999), Err(NotGzip));
        for bytes in [
            &b""[..],
            b"{}",
            &whole[..9],
            &whole[..14],
            &gzip(EXTRA, b"\xff\xff", b"")[..],
            b"\x1f\x8b\x08\x08\0\0\0\0\0\0abc",
        ] {
            assert_eq!(gunzip(bytes, 1000), Err(NotGzip), "{bytes:?}");
        }
    }
}
