//! The floods, as data: what opens the connection, and what is then sent again and again.

use crate::kit::{
    frames::{
        CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PING, PRIORITY, RST_STREAM, SETTINGS, WINDOW_UPDATE,
        frame, head,
    },
    hpack::block,
};

/// One flood.
pub(super) struct Flood {
    /// What it is.
    pub(super) name: &'static str,
    /// Where it was first seen.
    pub(super) source: &'static str,
    /// The caller's settings.
    pub(super) settings: &'static [(u16, u32)],
    /// What it begins with, made of a good token.
    pub(super) opening: fn(&str) -> Vec<u8>,
    /// The piece of this number, made of a good token.
    pub(super) piece: fn(u32, &str) -> Vec<u8>,
    /// How many pieces are sent.
    pub(super) count: u32,
    /// How many of them at once.
    pub(super) batch: usize,
    /// Whether the attacker listens.
    pub(super) pace: Pace,
    /// What must become of its connection.
    pub(super) ends: Ends,
}

/// Whether an attacker reads while it sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// After each few pieces it reads until its ping is answered.
    Pinging,
    /// It reads nothing before all is sent.
    Deaf,
}

/// What becomes of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    /// It ends with GOAWAY of this code.
    GoAway(u32),
    /// It is cut.
    Cut,
    /// It goes on: what it may cost is bounded, for this reason.
    Bounded(&'static str),
}

/// Where a good token gets an answer of 8 MiB.
pub(super) const BIG: &str = "/big";
/// Where nothing gets without a token.
const FLOOD: &str = "/flood";
const CALM: Ends = Ends::GoAway(11);
const MALFORMED: Ends = Ends::GoAway(1);
const INITIAL_WINDOW_SIZE: u16 = 4;
const MOST_WINDOW: u32 = 0x7fff_ffff;

/// The stream of a piece.
fn stream(number: u32) -> u32 {
    2 * number + 1
}

fn nothing(_: &str) -> Vec<u8> {
    Vec::new()
}

fn fields(method: &str, path: &str, more: &[(&str, &str)]) -> Vec<u8> {
    block(&head(method, path, more).iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect::<Vec<_>>())
}

/// A request without a token.
fn ask(stream: u32, flags: u8) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | flags, stream, &fields("POST", FLOOD, &[]))
}

/// A request for the long answer.
fn ask_big(stream: u32, token: &str) -> Vec<u8> {
    let bearer = format!("Bearer {token}");
    frame(HEADERS, END_HEADERS | END_STREAM, stream, &fields("GET", BIG, &[("authorization", &bearer)]))
}

fn ask_for_100_big(token: &str) -> Vec<u8> {
    (0..100).flat_map(|number| ask_big(stream(number), token)).collect()
}

/// A head that has begun and not ended.
fn begun(_: &str) -> Vec<u8> {
    frame(HEADERS, END_STREAM, 1, &fields("POST", FLOOD, &[]))
}

/// A request whose body is still to come.
fn open(_: &str) -> Vec<u8> {
    ask(1, 0)
}

const ORDINARY: Flood = Flood {
    name: "",
    source: "",
    settings: &[],
    opening: nothing,
    piece: |_, _| Vec::new(),
    count: 20_000,
    batch: 64,
    pace: Pace::Pinging,
    ends: CALM,
};

impl Flood {
    /// How often it is repeated: whoever is sent away comes back.
    pub(super) fn rounds(&self) -> u32 {
        if matches!(self.ends, Ends::GoAway(_)) { 20 } else { 1 }
    }
}

/// Every row.
pub(super) fn floods() -> Vec<Flood> {
    [resets(), blocks(), contents(), controls(), windows()].into_iter().flatten().collect()
}

fn resets() -> Vec<Flood> {
    vec![
        Flood {
            name: "rapid reset",
            source: "CVE-2023-44487",
            piece: |number, _| {
                [ask(stream(number), END_STREAM), frame(RST_STREAM, 0, stream(number), &[0, 0, 0, 8])].concat()
            },
            ..ORDINARY
        },
        Flood {
            name: "resets that the server is made to send, by windows",
            source: "CVE-2025-8671",
            piece: |number, _| {
                [ask(stream(number), 0), frame(WINDOW_UPDATE, 0, stream(number), &MOST_WINDOW.to_be_bytes())].concat()
            },
            ..ORDINARY
        },
        Flood {
            name: "resets that the server is made to send, by lengths",
            source: "CVE-2025-8671",
            piece: |number, _| {
                let head = fields("POST", FLOOD, &[("content-length", "1")]);
                [frame(HEADERS, END_HEADERS, stream(number), &head), frame(DATA, 0, stream(number), b"xx")].concat()
            },
            ..ORDINARY
        },
        Flood {
            name: "a queue of resets that nobody reads",
            source: "CVE-2019-9514",
            piece: |number, _| {
                frame(HEADERS, END_HEADERS | END_STREAM, stream(number), &fields("GET", FLOOD, &[("te", "x")]))
            },
            count: 2000,
            pace: Pace::Deaf,
            ..ORDINARY
        },
        Flood {
            name: "more streams than announced",
            source: "RFC 9113, 5.1.2",
            piece: |number, _| ask(stream(number), 0),
            ..ORDINARY
        },
        Flood {
            name: "401 churn",
            source: "checklist, 38",
            opening: |_| frame(WINDOW_UPDATE, 0, 0, &[0x7f, 0, 0, 0]),
            piece: |number, _| ask(stream(number), END_STREAM),
            count: 5000,
            batch: 16,
            ends: Ends::Bounded("each is answered 401 and gone, at most 100 at a time"),
            ..ORDINARY
        },
    ]
}

fn blocks() -> Vec<Flood> {
    vec![
        Flood {
            name: "CONTINUATION without an end",
            source: "RUSTSEC-2024-0332, CVE-2024-27316",
            opening: begun,
            piece: |_, _| frame(CONTINUATION, 0, 1, &block(&[(b"x-a", b"y")])),
            pace: Pace::Deaf,
            count: 5000,
            ..ORDINARY
        },
        Flood {
            name: "empty CONTINUATION",
            source: "CVE-2019-9518",
            opening: begun,
            piece: |_, _| frame(CONTINUATION, 0, 1, &[]),
            pace: Pace::Deaf,
            count: 5000,
            ..ORDINARY
        },
        Flood {
            name: "full CONTINUATION",
            source: "RUSTSEC-2024-0332",
            opening: begun,
            piece: |_, _| frame(CONTINUATION, 0, 1, &block(&[(b"x-a", &[b'y'; 16_000])])),
            pace: Pace::Deaf,
            count: 200,
            ..ORDINARY
        },
        Flood {
            name: "empty HEADERS",
            source: "CVE-2019-9518",
            piece: |number, _| frame(HEADERS, END_HEADERS | END_STREAM, stream(number), &[]),
            ..ORDINARY
        },
        Flood {
            name: "fields without a name",
            source: "CVE-2019-9516",
            piece: |number, _| {
                frame(HEADERS, END_HEADERS | END_STREAM, stream(number), &block(&[(&b""[..], &b""[..]); 1000]))
            },
            count: 100,
            ends: MALFORMED,
            ..ORDINARY
        },
        Flood {
            name: "an HPACK bomb",
            source: "RFC 7541, 7.3; CVE-2016-6581",
            piece: |number, _| frame(HEADERS, END_HEADERS | END_STREAM, stream(number), &bomb()),
            count: 100,
            ..ORDINARY
        },
        Flood {
            name: "heads over the announced size",
            source: "RFC 9113, 10.5.1",
            piece: |number, _| too_long(stream(number)),
            count: 500,
            ends: Ends::Bounded("each is dropped while it is read and answered 431"),
            ..ORDINARY
        },
    ]
}

/// A field of 4000 bytes, put into the table, and its index 12,000 times: 48 MB of fields in 16 KB.
fn bomb() -> Vec<u8> {
    let mut bomb = vec![0x82, 0x87, 0x84, 0x40];
    bomb.extend(block(&[(b"x", &[b'y'; 4000])]).split_off(1));
    bomb.extend([0xbe; 12_000]);
    bomb
}

/// A head of 40 KB.
fn too_long(stream: u32) -> Vec<u8> {
    let head = fields("GET", FLOOD, &[("x-a", &"y".repeat(40_000))]);
    let pieces: Vec<_> = head.chunks(16_000).collect();
    let kind = |at| if at == 0 { HEADERS } else { CONTINUATION };
    let flags = |at| if at == 0 { END_STREAM } else { 0 } | if at + 1 == pieces.len() { END_HEADERS } else { 0 };
    pieces.iter().enumerate().flat_map(|(at, piece)| frame(kind(at), flags(at), stream, piece)).collect()
}

fn contents() -> Vec<Flood> {
    vec![
        Flood {
            name: "empty DATA",
            source: "CVE-2019-9518, RUSTSEC-2026-0258",
            opening: open,
            piece: |_, _| frame(DATA, 0, 1, &[]),
            ..ORDINARY
        },
        Flood {
            name: "padding alone",
            source: "CVE-2019-9518",
            opening: open,
            piece: |_, _| frame(DATA, 8, 1, &[3, 0, 0, 0]),
            ..ORDINARY
        },
        Flood {
            name: "DATA of one byte",
            source: "RUSTSEC-2026-0258",
            opening: open,
            piece: |_, _| frame(DATA, 0, 1, b"x"),
            ends: Ends::Bounded(
                "64 KiB or a second of it is read and forgotten, then the stream is answered 401 and over",
            ),
            ..ORDINARY
        },
    ]
}

fn controls() -> Vec<Flood> {
    let answered = Ends::Bounded(
        "one small answer each, and none more is read while one cannot be sent; it is idle, so IDLE_TIMEOUT ends it",
    );
    let ignored = Ends::Bounded("nothing is kept and nothing answered; it is idle, so IDLE_TIMEOUT ends it");
    vec![
        Flood {
            name: "PING",
            source: "CVE-2019-9512",
            piece: |_, _| frame(PING, 0, 0, &[7; 8]),
            ends: answered,
            ..ORDINARY
        },
        Flood {
            name: "SETTINGS",
            source: "CVE-2019-9515",
            piece: |_, _| frame(SETTINGS, 0, 0, &[]),
            ends: answered,
            ..ORDINARY
        },
        Flood {
            name: "PRIORITY",
            source: "CVE-2019-9513",
            piece: |number, _| frame(PRIORITY, 0, stream(number), &[0, 0, 0, 0, 7]),
            ends: ignored,
            ..ORDINARY
        },
        Flood {
            name: "frames of unknown type",
            source: "RFC 9113, 10.5",
            piece: |number, _| frame(0xbe, 0, number, &[7; 100]),
            ends: ignored,
            ..ORDINARY
        },
        Flood {
            name: "WINDOW_UPDATE",
            source: "RFC 9113, 10.5",
            piece: |_, _| frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1]),
            ends: ignored,
            ..ORDINARY
        },
    ]
}

fn windows() -> Vec<Flood> {
    vec![
        Flood {
            name: "zero windows",
            source: "checklist, 38",
            settings: &[(INITIAL_WINDOW_SIZE, 0)],
            opening: ask_for_100_big,
            count: 0,
            ends: Ends::Cut,
            ..ORDINARY
        },
        Flood {
            name: "internal data buffering",
            source: "CVE-2019-9517",
            settings: &[(INITIAL_WINDOW_SIZE, MOST_WINDOW)],
            opening: |token| [frame(WINDOW_UPDATE, 0, 0, &[0x7f, 0, 0, 0]), ask_for_100_big(token)].concat(),
            count: 0,
            pace: Pace::Deaf,
            ends: Ends::Cut,
            ..ORDINARY
        },
        Flood {
            name: "data dribble: one byte of window at a time",
            source: "CVE-2019-9511",
            settings: &[(INITIAL_WINDOW_SIZE, 1)],
            opening: ask_for_100_big,
            piece: |number, _| frame(WINDOW_UPDATE, 0, stream(number % 100), &[0, 0, 0, 1]),
            count: 20_000,
            ends: Ends::Bounded("at most 100 answers, of which little more than a buffer each is kept"),
            ..ORDINARY
        },
    ]
}
