//! Field blocks: HEADERS and CONTINUATION, and what HPACK makes of them.

use super::{
    Act::{self, Answered, Data, Frame, Head},
    BEARER, CLEAN, COMPRESSION_ERROR, CONTINUATION, CROSSED, DATA, Form, HEADERS, HELD, Last, PROTOCOL_ERROR,
    STREAM_CLOSED,
    Then::{self, Clean, GoAway, Ignored, Reset},
    hpack::block,
    kit::frames::{END_HEADERS, END_STREAM, PADDED, PRIORITY, WITH_PRIORITY},
    ordinary,
};

/// Every row.
pub(super) fn forms() -> Vec<Form> {
    [continuations(), headers(), representations(), compressed()].concat()
}

type Row = (&'static str, &'static str, Vec<Act>, Then);

fn named(rows: Vec<Row>) -> Vec<Form> {
    rows.into_iter().map(|(name, source, acts, then)| Form { name, source, acts, then }).collect()
}

/// `GET /crossed` without a token, as a block.
fn get() -> Vec<u8> {
    let fields = ordinary("GET", CROSSED, &[]);
    let fields: Vec<_> = fields.iter().filter(|(_, value)| *value != BEARER).collect();
    block(&fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect::<Vec<_>>())
}

/// A block that has begun and not ended.
fn begun() -> Act {
    Frame(HEADERS, END_STREAM, 1, get())
}

const SIX_TEN: &str = "RFC 9113, 6.10; h2spec 6.10";

fn continuations() -> Vec<Form> {
    let the_end = |kind, stream| Frame(kind, END_HEADERS, stream, Vec::new());
    named(vec![
        ("CONTINUATION without HEADERS", SIX_TEN, vec![the_end(CONTINUATION, 1)], GoAway(PROTOCOL_ERROR)),
        ("CONTINUATION on stream 0", SIX_TEN, vec![begun(), the_end(CONTINUATION, 0)], GoAway(PROTOCOL_ERROR)),
        ("CONTINUATION of another stream", SIX_TEN, vec![begun(), the_end(CONTINUATION, 3)], GoAway(PROTOCOL_ERROR)),
        (
            "CONTINUATION behind a block that has ended",
            SIX_TEN,
            vec![Frame(HEADERS, END_HEADERS | END_STREAM, 1, get()), the_end(CONTINUATION, 1)],
            GoAway(PROTOCOL_ERROR),
        ),
        (
            "CONTINUATION behind DATA",
            SIX_TEN,
            vec![Frame(HEADERS, END_HEADERS, 1, get()), Data(1, "half", Last::No), the_end(CONTINUATION, 1)],
            GoAway(PROTOCOL_ERROR),
        ),
        (
            "DATA within a block",
            "RFC 9113, 6.2; h2spec 6.2",
            vec![begun(), Data(1, "x", Last::Yes)],
            GoAway(PROTOCOL_ERROR),
        ),
        (
            "PRIORITY within a block",
            "RFC 9113, 4.3; h2spec 4.3",
            vec![begun(), Frame(PRIORITY, 0, 1, vec![0, 0, 0, 0, 7])],
            GoAway(PROTOCOL_ERROR),
        ),
        (
            "HEADERS of another stream within a block",
            "RFC 9113, 4.3; h2spec 4.3",
            vec![begun(), Frame(HEADERS, END_HEADERS | END_STREAM, 3, get())],
            GoAway(PROTOCOL_ERROR),
        ),
        (
            "a frame of unknown type within a block",
            "RFC 9113, 5.5; h2spec 5.5",
            vec![begun(), Frame(0xbe, 0, 0, vec![0; 8])],
            GoAway(PROTOCOL_ERROR),
        ),
    ])
}

const STREAMS: &str = "RFC 9113, 5.1.1; h2spec 5.1.1";

fn headers() -> Vec<Form> {
    let whole = END_HEADERS | END_STREAM;
    let open = |fields| Head(fields, Last::Yes);
    named(vec![
        (
            "HEADERS on stream 0",
            "RFC 9113, 6.2; h2spec 6.2",
            vec![Frame(HEADERS, whole, 0, get())],
            GoAway(PROTOCOL_ERROR),
        ),
        ("HEADERS on an even stream", STREAMS, vec![Frame(HEADERS, whole, 2, get())], GoAway(PROTOCOL_ERROR)),
        (
            "HEADERS on a lower stream",
            STREAMS,
            vec![Frame(HEADERS, whole, 5, get()), Frame(HEADERS, whole, 3, get())],
            GoAway(PROTOCOL_ERROR),
        ),
        (
            "padding as long as HEADERS",
            "RFC 9113, 6.2; h2spec 6.2",
            vec![Frame(HEADERS, whole | PADDED, 1, vec![9, 0x82, 0x87, 0x84])],
            GoAway(PROTOCOL_ERROR),
        ),
        (
            "padded HEADERS without a length of padding",
            "RFC 9113, 6.2; h2spec 4.2",
            vec![Frame(HEADERS, whole | PADDED, 1, Vec::new())],
            GoAway(PROTOCOL_ERROR),
        ),
        (
            "HEADERS too short for their priority",
            "RFC 9113, 6.2; h2spec 4.2",
            vec![Frame(HEADERS, whole | WITH_PRIORITY, 1, vec![0, 0, 0])],
            GoAway(PROTOCOL_ERROR),
        ),
        (
            "HEADERS that depend on themselves",
            "RFC 7540, 5.3.1; h2spec 5.3.1",
            vec![Frame(HEADERS, whole | WITH_PRIORITY, 1, [&[0, 0, 0, 1, 7][..], &get()].concat())],
            Reset(PROTOCOL_ERROR),
        ),
        (
            "HEADERS on a half-closed stream",
            "RFC 9113, 5.1; h2spec 5.1",
            vec![open(ordinary("GET", HELD, &[])), Frame(HEADERS, whole, 1, get())],
            GoAway(STREAM_CLOSED),
        ),
        (
            "HEADERS on a closed stream",
            "RFC 9113, 5.1; h2spec 5.1",
            vec![open(ordinary("GET", "/good", &[])), Answered(1), Frame(HEADERS, whole, 1, get())],
            GoAway(PROTOCOL_ERROR),
        ),
        (
            "HEADERS on a stream that the caller reset",
            "RFC 9113, 5.1; h2spec 5.1",
            vec![
                open(ordinary("GET", HELD, &[])),
                Frame(super::RST_STREAM, 0, 1, vec![0, 0, 0, 8]),
                Frame(HEADERS, whole, 1, get()),
            ],
            GoAway(STREAM_CLOSED),
        ),
        ("a padded and prioritised head", "RFC 9113, 6.2", vec![padded()], Then::Refused(401, "INVALID_AUTH_HEADER")),
        (
            "a head in three frames, one of them empty",
            "RFC 9113, 6.10; h2spec 6.10/1",
            vec![
                begun(),
                Frame(CONTINUATION, 0, 1, Vec::new()),
                Frame(CONTINUATION, END_HEADERS, 1, block(&[(b"x-a", b"1")])),
            ],
            Then::Refused(401, "INVALID_AUTH_HEADER"),
        ),
        ("an odd stream number far ahead", STREAMS, vec![Frame(DATA, 0, 1, Vec::new())], GoAway(PROTOCOL_ERROR)),
        (
            "the reserved bit of a stream number",
            "RFC 9113, 4.1; h2spec 4.1/3",
            vec![Frame(super::kit::frames::PING, 0, 1 << 31, vec![0; 8])],
            Ignored,
        ),
        (
            "an ordinary request",
            "RFC 9113, 8.1",
            vec![open(ordinary("GET", CLEAN, &[]))],
            Clean(vec![("host", "localhost")], ""),
        ),
    ])
}

fn padded() -> Act {
    let payload = [&[4, 0, 0, 0, 0, 7][..], &get(), &[0; 4]].concat();
    Frame(HEADERS, END_HEADERS | END_STREAM | PADDED | WITH_PRIORITY, 1, payload)
}

/// Every way to write a field: understood, so the request without a token is refused as one.
fn representations() -> Vec<Form> {
    let source = "RFC 7541, 6; h2spec generic/5";
    // Huffman codes of "localhost" and "a".
    let localhost = [0x86, 0xa0, 0xe4, 0x1d, 0x13, 0x9d, 0x09];
    let head =
        |authority: &[u8]| Frame(HEADERS, END_HEADERS | END_STREAM, 1, [&[0x82, 0x87, 0x84], authority].concat());
    let plain = |first: u8| [&[first, 9][..], b"localhost"].concat();
    let packed = |first: u8| [&[first][..], &localhost].concat();
    let named = |first: u8| [&packed(0x41)[..], &[first, 1, b'x', 1, b'y', first, 0x81, 0x1f, 0x81, 0x1f]].concat();
    let sized = |sizes: &[u8]| {
        Frame(HEADERS, END_HEADERS | END_STREAM, 1, [sizes, &[0x82, 0x87, 0x84], &packed(0x41)].concat())
    };
    let rows = vec![
        ("indexed names, added to the table", head(&plain(0x41))),
        ("indexed names, added to the table, Huffman", head(&packed(0x41))),
        ("indexed names, not added", head(&plain(0x01))),
        ("indexed names, not added, Huffman", head(&packed(0x01))),
        ("indexed names, never added", head(&plain(0x11))),
        ("indexed names, never added, Huffman", head(&packed(0x11))),
        ("new names, added to the table", head(&named(0x40))),
        ("new names, not added", head(&named(0x00))),
        ("new names, never added", head(&named(0x10))),
        ("a smaller table", sized(&[0x20])),
        ("two sizes of the table", sized(&[0x20, 0x20])),
    ];
    let then = Then::Refused(401, "INVALID_AUTH_HEADER");
    rows.into_iter().map(|(name, act)| Form { name, source, acts: vec![act], then: then.clone() }).collect()
}

/// RFC 9113, section 4.3: a block that cannot be decoded is a connection error of type COMPRESSION_ERROR.
fn compressed() -> Vec<Form> {
    let block = |tail: &[u8]| vec![Frame(HEADERS, END_HEADERS | END_STREAM, 1, [&get(), tail].concat())];
    let before = |front: &[u8]| vec![Frame(HEADERS, END_HEADERS | END_STREAM, 1, [front, &get()].concat())];
    let broken = || GoAway(COMPRESSION_ERROR);
    named(vec![
        ("index 0", "RFC 7541, 6.1; h2spec hpack/6.1", block(&[0x80]), broken()),
        ("an index beyond the tables", "RFC 7541, 2.3.3; h2spec hpack/2.3.3", block(&[0xff, 0x7f]), broken()),
        (
            "a name with an index beyond the tables",
            "RFC 7541, 2.3.3; h2spec hpack/2.3.3",
            block(&[0x7f, 0x7f, 1, b'x']),
            broken(),
        ),
        (
            "an index without an end",
            "RFC 7541, 5.1",
            block(&[0xff, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80]),
            broken(),
        ),
        ("a string longer than its block", "RFC 7541, 5.2; h2spec 4.3/1", block(&[0x00, 0x05, b'x']), broken()),
        (
            "Huffman padding of more than 7 bits",
            "RFC 7541, 5.2; h2spec hpack/5.2",
            block(&[0x00, 0x01, b'x', 0x82, 0x1f, 0xff]),
            broken(),
        ),
        (
            "Huffman padding of zeros",
            "RFC 7541, 5.2; h2spec hpack/5.2",
            block(&[0x00, 0x01, b'x', 0x81, 0x18]),
            broken(),
        ),
        (
            "the EOS symbol of Huffman",
            "RFC 7541, 5.2; h2spec hpack/5.2",
            block(&[0x00, 0x01, b'x', 0x84, 0xff, 0xff, 0xff, 0xfc]),
            broken(),
        ),
        ("a table larger than announced", "RFC 7541, 6.3; h2spec hpack/6.3", before(&[0x3f, 0xe2, 0x1f]), broken()),
        ("a table size at the end of a block", "RFC 7541, 4.2; h2spec hpack/4.2", block(&[0x20]), broken()),
        (
            "a table size between the fields",
            "RFC 7541, 4.2; h2spec hpack/4.2",
            block(&[0x20, 0x00, 0x01, b'x', 0x01, b'y']),
            broken(),
        ),
        (
            "a Huffman name with a colon",
            "RFC 9113, 8.2.1",
            block(&[0x00, 0x81, 0xb9, 0x01, b'y']),
            GoAway(PROTOCOL_ERROR),
        ),
    ])
}
