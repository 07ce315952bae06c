//! Whether a field block names a pseudo-field, without decoding it.
//!
//! h2 drops pseudo-fields that come in trailers; they make the request malformed. Source: RFC 9113, section 8.1. A block tells a name by its
//! place in the static table, in letters, or by its place in the dynamic one. Source: RFC 7541, section 6. That one only h2 knows: a
//! pseudo-field which is named by it is not seen here. It reaches nobody all the same: h2 drops it, and no trailers cross.

/// True for a block of trailers that names a pseudo-field by letters or from the static table. What is broken is h2's to judge.
pub(super) fn names_a_pseudo_field(block: &[u8]) -> bool {
    let mut rest = block;
    while let Some(first) = rest.first() {
        let representation = match first {
            0x80.. => Representation::Indexed(7),
            0x40.. => Representation::Literal(6),
            0x20.. => Representation::TableSize(5),
            _ => Representation::Literal(4),
        };
        match pseudo(representation, &mut rest) {
            Some(false) => {}
            Some(true) => return true,
            None => return false,
        }
    }
    false
}

/// What a byte begins, and how many of its bits belong to a number.
#[derive(Clone, Copy)]
enum Representation {
    Indexed(u32),
    Literal(u32),
    TableSize(u32),
}

/// Takes one field from the block, and says whether it is a pseudo-field; `None` when the block breaks off.
fn pseudo(representation: Representation, rest: &mut &[u8]) -> Option<bool> {
    match representation {
        Representation::TableSize(bits) => number(rest, bits).map(|_| false),
        Representation::Indexed(bits) => number(rest, bits).map(is_pseudo),
        Representation::Literal(bits) => {
            let index = number(rest, bits)?;
            let is_pseudo = if index == 0 { begins_with_colon(text(rest)?) } else { is_pseudo(index) };
            text(rest)?;
            Some(is_pseudo)
        }
    }
}

/// The static table begins with the pseudo-fields. Source: RFC 7541, appendix A.
fn is_pseudo(index: usize) -> bool {
    (1..=14).contains(&index)
}

/// The bytes of a string, and how they are written.
struct Text<'b> {
    bytes: &'b [u8],
    is_huffman: bool,
}

fn begins_with_colon(name: Text<'_>) -> bool {
    match name.bytes.first() {
        // The seven bits of a colon. Source: RFC 7541, appendix B.
        Some(first) if name.is_huffman => first >> 1 == 0x5c,
        first => first == Some(&b':'),
    }
}

fn text<'b>(rest: &mut &'b [u8]) -> Option<Text<'b>> {
    let is_huffman = rest.first()? & 0x80 != 0;
    let length = number(rest, 7)?;
    let (bytes, behind) = rest.split_at_checked(length)?;
    *rest = behind;
    Some(Text { bytes, is_huffman })
}

/// A number of which so many bits are in the first byte. Source: RFC 7541, section 5.1.
fn number(rest: &mut &[u8], bits: u32) -> Option<usize> {
    let (first, mut behind) = rest.split_first()?;
    let most = (1 << bits) - 1;
    let mut number = usize::from(*first) & most;
    if number == most {
        for shift in [0, 7, 14, 21] {
            let (next, after) = behind.split_first()?;
            behind = after;
            number += usize::from(next & 0x7f) << shift;
            if next & 0x80 == 0 {
                *rest = behind;
                return Some(number);
            }
        }
        return None;
    }
    *rest = behind;
    Some(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_pseudo_field_is_seen_however_it_is_written() {
        for (block, expected) in [
            (&b""[..], false),
            (b"\x00\x01x\x01y", false),
            (b"\x40\x01x\x01y", false),
            (b"\x10\x01x\x01y", false),
            (b"\x00\x05:path\x01/", true),
            (b"\x40\x05:path\x01/", true),
            (b"\x10\x05:path\x01/", true),
            (b"\x00\x02:x\x01y", true),
            (b"\x84", true),
            (b"\x88", true),
            (b"\x8e", true),
            (b"\x8f", false),
            (b"\xbd", false),
            (b"\xbe", false),
            (b"\xff\x00", false),
            (b"\x44\x01/", true),
            (b"\x04\x01/", true),
            (b"\x14\x01/", true),
            (b"\x0f\x00\x01x", false),
            (b"\x0f\x2e\x01x", false),
            (b"\x0f\x2f\x01x", false),
            (b"\x7f\x00\x01x", false),
            (b"\x20\x84", true),
            (b"\x3f\xe1\x1f\x00\x01x\x01y", false),
            // ":path" and "x-y" by Huffman.
            (b"\x00\x84\xb9\x58\xd3\x3f\x01/", true),
            (b"\x00\x83\xf2\xb7\xaf\x01/", false),
            (b"\x00\x01x\x01y\x00\x05:path\x01/", true),
            (b"\x0f\x0d\x011\x84", true),
            // Broken blocks are h2's to judge.
            (b"\x00", false),
            (b"\x00\x05:pa", false),
            (b"\x00\x01x", false),
            (b"\x00\x7f\x80\x80\x80\x80\x80", false),
        ] {
            assert_eq!(names_a_pseudo_field(block), expected, "{block:x?}");
        }
    }

    proptest! {
        #[test]
        fn no_block_makes_the_reader_panic(block in proptest::collection::vec(any::<u8>(), 0..200)) {
            names_a_pseudo_field(&block);
        }
    }
}
