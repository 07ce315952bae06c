//! As much of HPACK as the kit needs: fields without a table and without Huffman coding, and the status of an answer. Source: RFC 7541,
//! sections 5 and 6.

/// A block of fields of any bytes: literals without indexing, new names.
pub(crate) fn block(fields: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        string(&mut block, name);
        string(&mut block, value);
    }
    block
}

/// A string literal without Huffman coding.
pub(crate) fn string(block: &mut Vec<u8>, text: &[u8]) {
    let mut length = text.len();
    if length < 127 {
        block.push(u8::try_from(length).expect("under 127"));
    } else {
        block.push(127);
        length -= 127;
        while length >= 128 {
            block.push(u8::try_from(length % 128).expect("under 128") | 128);
            length /= 128;
        }
        block.push(u8::try_from(length).expect("under 128"));
    }
    block.extend_from_slice(text);
}

/// The status that a response's header block begins with.
pub(crate) fn status(block: &[u8]) -> u16 {
    let sized = block.iter().take_while(|byte| **byte & 0xe0 == 0x20).count();
    let block = &block[sized..];
    if let at @ 0x88..=0x8e = block[0] {
        return [200, 204, 206, 304, 400, 404, 500][usize::from(at - 0x88)];
    }
    assert!(matches!(block[0], 0x48 | 0x08 | 0x18), "a response begins with its status: {block:x?}");
    let value = &block[2..2 + usize::from(block[1] & 127)];
    let digits = if block[1] & 128 == 0 { String::from_utf8_lossy(value).into_owned() } else { unpacked(value) };
    digits.parse().unwrap_or_else(|_| panic!("not a status: {digits:?}"))
}

/// Huffman-coded digits: 0, 1 and 2 have five bits, the others six.
fn unpacked(bytes: &[u8]) -> String {
    let bits: Vec<u32> = bytes.iter().flat_map(|byte| (0..8).rev().map(move |at| u32::from(*byte >> at & 1))).collect();
    let number = |bits: &[u32]| bits.iter().fold(0, |sum, bit| sum * 2 + bit);
    let (mut rest, mut digits) = (&bits[..], String::new());
    while rest.len() >= 5 {
        let (value, length) = match number(&rest[..5]) {
            short @ 0..=2 => (short, 5),
            _ if rest.len() < 6 => break,
            _ => (number(&rest[..6]).wrapping_sub(22), 6),
        };
        let Some(digit) = char::from_digit(value, 10) else { break };
        digits.push(digit);
        rest = &rest[length..];
    }
    digits
}
