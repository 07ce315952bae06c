//! Requests with a body: lengths that do not fit, and trailers.

use super::{
    Act::{self, Data, Frame, Head},
    BEARER, CLEAN, COMPRESSION_ERROR, CROSSED, Form, HALF, HEADERS, Last, NONE, PROTOCOL_ERROR,
    Then::{self, Clean, GoAway, Refused, Reset},
    hpack::block,
    kit::frames::{END_HEADERS, END_STREAM},
    ordinary,
};

/// Every row.
pub(super) fn forms() -> Vec<Form> {
    [lengths(), trailers(), lists()].concat()
}

const LENGTH: &str = "RFC 9113, 8.1.1; h2spec 8.1.2.6";
const TRAILERS: &str = "RFC 9113, 8.1";

fn lengths() -> Vec<Form> {
    let post = |path, lengths: &[&'static str], pieces: &[&'static str]| {
        let lengths: Vec<_> = lengths.iter().map(|length| ("content-length", *length)).collect();
        let mut acts = vec![Head(ordinary("POST", path, &lengths), Last::No)];
        for (at, piece) in pieces.iter().enumerate() {
            acts.push(Data(1, piece, if at + 1 == pieces.len() { Last::Yes } else { Last::No }));
        }
        acts
    };
    let stream = || Reset(PROTOCOL_ERROR);
    [
        ("content-length too short", post(HALF, &["2"], &["more"]), stream()),
        ("content-length too short for two pieces", post(HALF, &["4"], &["half", "more"]), stream()),
        ("content-length too long", post(HALF, &["10"], &["half"]), stream()),
        ("content-length too long for nothing", post(HALF, &["10"], &[""]), stream()),
        ("content-length: 0 and a body", post(HALF, &["0"], &["more"]), stream()),
        ("content-lengths that differ", post(CROSSED, &["4", "5"], &["half"]), stream()),
        (
            "content-lengths that agree",
            post(CLEAN, &["4", "4"], &["half"]),
            Clean(vec![("content-length", "4")], "half"),
        ),
        ("content-length: +4", post(CROSSED, &["+4"], &["half"]), stream()),
        ("content-length: -1", post(CROSSED, &["-1"], &["half"]), stream()),
        ("content-length: 0x4", post(CROSSED, &["0x4"], &["half"]), stream()),
        ("content-length with a blank", post(CROSSED, &["4 "], &["half"]), stream()),
        ("content-length that is a list", post(CROSSED, &["4, 4"], &["half"]), stream()),
        (
            "content-length that is empty",
            vec![Head(ordinary("POST", CROSSED, &[("content-length", "")]), Last::No)],
            Refused(400, "BAD_REQUEST"),
        ),
        ("content-length of 20 digits", post(CROSSED, &["99999999999999999999"], &["half"]), stream()),
        (
            "content-length over the limit",
            vec![Head(ordinary("POST", CROSSED, &[("content-length", "10485761")]), Last::No)],
            Refused(413, "BODY_TOO_LARGE"),
        ),
        ("no content-length", post(CLEAN, &[], &["ha", "lf"]), Clean(vec![("content-length", NONE)], "half")),
    ]
    .map(|(name, acts, then)| Form { name, source: LENGTH, acts, then })
    .into()
}

fn trailers() -> Vec<Form> {
    let post = |path, flags, trailers: &[(&str, &str)]| {
        let trailers: Vec<_> = trailers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
        vec![
            Head(ordinary("POST", path, &[]), Last::No),
            Data(1, "half", Last::No),
            Frame(HEADERS, END_HEADERS | flags, 1, block(&trailers)),
        ]
    };
    let sized = |path, length, trailers| {
        let mut acts: Vec<Act> = post(path, END_STREAM, trailers);
        acts[0] = Head(ordinary("POST", path, &[("content-length", length)]), Last::No);
        acts
    };
    let stream = || Reset(PROTOCOL_ERROR);
    let rows: Vec<(&'static str, &'static str, Vec<Act>, Then)> = vec![
        ("trailers", TRAILERS, post(CLEAN, END_STREAM, &[("x-sum", "smuggled")]), Clean(vec![("x-sum", NONE)], "half")),
        (
            "trailers named like ours",
            TRAILERS,
            post(CLEAN, END_STREAM, &[("x-forwarded-user", "smuggled"), ("authorization", "smuggled")]),
            Clean(vec![("x-forwarded-user", crate::kit::sidecar::USERNAME)], "half"),
        ),
        (
            "trailers that do not end the stream",
            "RFC 9113, 8.1; h2spec 8.1/1",
            post(HALF, 0, &[("x-sum", "1")]),
            stream(),
        ),
        (
            ":path in trailers",
            "RFC 9113, 8.1 and 8.3; h2spec 8.1.2.1/3",
            post(HALF, END_STREAM, &[("x-sum", "1"), (":path", "/smuggled")]),
            GoAway(PROTOCOL_ERROR),
        ),
        (
            ":status in trailers",
            "RFC 9113, 8.1; h2spec 8.1.2.1/3",
            post(HALF, END_STREAM, &[(":status", "200")]),
            GoAway(PROTOCOL_ERROR),
        ),
        (
            "an unknown pseudo-field in trailers",
            TRAILERS,
            post(HALF, END_STREAM, &[(":smuggled", "1")]),
            GoAway(PROTOCOL_ERROR),
        ),
        (
            ":method in trailers behind the declared length",
            TRAILERS,
            sized(HALF, "4", &[(":method", "GET")]),
            GoAway(PROTOCOL_ERROR),
        ),
        (
            ":path in trailers, by its index",
            TRAILERS,
            vec![
                Head(ordinary("POST", HALF, &[]), Last::No),
                Data(1, "half", Last::No),
                Frame(HEADERS, END_HEADERS | END_STREAM, 1, vec![0x84]),
            ],
            GoAway(PROTOCOL_ERROR),
        ),
        (
            "an index into no table in trailers",
            "RFC 9113, 8.1; RFC 7541, 4.2",
            vec![
                Head(ordinary("POST", HALF, &[]), Last::No),
                Data(1, "half", Last::No),
                Frame(HEADERS, END_HEADERS | END_STREAM, 1, vec![0xbe]),
            ],
            GoAway(COMPRESSION_ERROR),
        ),
        (
            "transfer-encoding in trailers",
            "RFC 9113, 8.2.2",
            post(HALF, END_STREAM, &[("transfer-encoding", "chunked")]),
            stream(),
        ),
        ("trailers before the declared length", "RFC 9113, 8.1.1", sized(HALF, "10", &[("x-sum", "1")]), stream()),
    ];
    rows.into_iter().map(|(name, source, acts, then)| Form { name, source, acts, then }).collect()
}

/// Heads that are too much.
fn lists() -> Vec<Form> {
    let many = ordinary("GET", CROSSED, &[("x-many", "1"); 100]);
    let long: &'static str = "smuggled".repeat(5000).leak();
    let wide = [("x-long", long)];
    let head = |fields: Vec<_>| vec![Head(fields, Last::Yes)];
    vec![
        Form {
            name: "101 fields",
            source: "RFC 6585, 5; contract, 4",
            acts: head(many),
            then: Refused(431, "BAD_REQUEST"),
        },
        Form {
            name: "a head over the announced list size",
            source: "RFC 9113, 10.5.1; RFC 6585, 5",
            acts: in_two_frames(&ordinary("GET", CROSSED, &wide)),
            then: Refused(431, ""),
        },
    ]
}

/// A head that no single frame holds.
fn in_two_frames(fields: &[(&'static str, &'static str)]) -> Vec<Act> {
    // No token is needed to be told that a head is too long.
    let fields: Vec<_> = fields.iter().filter(|(_, value)| *value != BEARER).collect();
    let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
    let block = block(&fields);
    let pieces: Vec<_> = block.chunks(16 << 10).collect();
    let count = pieces.len();
    let frame = |(at, piece): (usize, &&[u8])| {
        let kind = if at == 0 { HEADERS } else { super::CONTINUATION };
        let flags = if at == 0 { END_STREAM } else { 0 } | if at + 1 == count { END_HEADERS } else { 0 };
        Frame(kind, flags, 1, piece.to_vec())
    };
    pieces.iter().enumerate().map(frame).collect()
}
