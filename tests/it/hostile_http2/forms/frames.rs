//! Frames other than HEADERS: their streams, lengths, padding and contents, and what a connection begins with.

use super::{
    Act::{self, Answered, Bytes, Data, Frame, Head},
    CLEAN, DATA, FLOW_CONTROL_ERROR, FRAME_SIZE_ERROR, Form, GOAWAY, HALF, HELD, Last, PROTOCOL_ERROR, RST_STREAM,
    STREAM_CLOSED,
    Then::{self, Clean, GoAway, Ignored, Reset},
    kit::frames::{ACK, END_STREAM, PADDED, PING, PRIORITY, PUSH_PROMISE, SETTINGS, WINDOW_UPDATE},
    ordinary,
};

/// Every row.
pub(super) fn forms() -> Vec<Form> {
    let rows = [data(), resets(), settings(), windows(), others()].concat();
    rows.into_iter().map(|(name, source, acts, then)| Form { name, source, acts, then }).collect()
}

type Row = (&'static str, &'static str, Vec<Act>, Then);

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<Act> {
    vec![Frame(kind, flags, stream, payload.to_vec())]
}

/// A request that gets no answer, and then this.
fn held(then: Vec<Act>) -> Vec<Act> {
    [vec![Head(ordinary("GET", HELD, &[]), Last::Yes)], then].concat()
}

/// A request whose body has begun, and then this.
fn half(then: Vec<Act>) -> Vec<Act> {
    [vec![Head(ordinary("POST", HALF, &[]), Last::No), Data(1, "half", Last::No)], then].concat()
}

/// A request that was answered, and then this.
fn answered(then: Vec<Act>) -> Vec<Act> {
    [vec![Head(ordinary("GET", "/good", &[]), Last::Yes), Answered(1)], then].concat()
}

fn data() -> Vec<Row> {
    let states = "RFC 9113, 5.1; h2spec 5.1";
    let six_one = "RFC 9113, 6.1; h2spec 6.1";
    let post = |flags, payload: &[u8]| {
        vec![Head(ordinary("POST", HALF, &[]), Last::No), Frame(DATA, flags, 1, payload.to_vec())]
    };
    let padded = [&[6][..], b"half", &[0; 6]].concat();
    vec![
        ("DATA on stream 0", six_one, frame(DATA, END_STREAM, 0, b"x"), GoAway(PROTOCOL_ERROR)),
        ("DATA on an idle stream", states, frame(DATA, END_STREAM, 5, b"x"), GoAway(PROTOCOL_ERROR)),
        ("DATA on an even stream", states, frame(DATA, END_STREAM, 2, b"x"), GoAway(PROTOCOL_ERROR)),
        ("DATA on a half-closed stream", states, held(frame(DATA, END_STREAM, 1, b"x")), GoAway(PROTOCOL_ERROR)),
        ("DATA on a closed stream", states, answered(frame(DATA, END_STREAM, 1, b"x")), Reset(STREAM_CLOSED)),
        (
            "padding as long as DATA",
            six_one,
            post(PADDED | END_STREAM, &[5, b'h', b'a', b'l', b'f']),
            GoAway(PROTOCOL_ERROR),
        ),
        ("padding longer than DATA", six_one, post(PADDED | END_STREAM, &[255, b'x']), GoAway(PROTOCOL_ERROR)),
        ("padded DATA without a length of padding", six_one, post(PADDED | END_STREAM, &[]), GoAway(PROTOCOL_ERROR)),
        (
            "padded DATA",
            six_one,
            vec![Head(ordinary("POST", CLEAN, &[]), Last::No), Frame(DATA, PADDED | END_STREAM, 1, padded)],
            Clean(vec![], "half"),
        ),
        (
            "DATA over the announced frame size",
            "RFC 9113, 4.2; h2spec 4.2/2",
            post(END_STREAM, &vec![b'x'; (16 << 10) + 1]),
            GoAway(FRAME_SIZE_ERROR),
        ),
    ]
}

fn resets() -> Vec<Row> {
    let reset = "RFC 9113, 6.4; h2spec 6.4";
    let priority = "RFC 9113, 6.3; h2spec 6.3";
    vec![
        ("RST_STREAM on stream 0", reset, frame(RST_STREAM, 0, 0, &[0, 0, 0, 8]), GoAway(PROTOCOL_ERROR)),
        ("RST_STREAM on an idle stream", reset, frame(RST_STREAM, 0, 5, &[0, 0, 0, 8]), GoAway(PROTOCOL_ERROR)),
        ("RST_STREAM of 3 bytes", reset, half(frame(RST_STREAM, 0, 1, &[0, 0, 8])), GoAway(FRAME_SIZE_ERROR)),
        ("RST_STREAM of 5 bytes", reset, half(frame(RST_STREAM, 0, 1, &[0, 0, 0, 8, 0])), GoAway(FRAME_SIZE_ERROR)),
        (
            "RST_STREAM on a closed stream",
            "RFC 9113, 5.1; h2spec 5.1",
            answered(frame(RST_STREAM, 0, 1, &[0, 0, 0, 8])),
            Ignored,
        ),
        ("RST_STREAM of an unknown code", "RFC 9113, 7; h2spec 7", half(frame(RST_STREAM, 0, 1, &[0xff; 4])), Ignored),
        ("PRIORITY on stream 0", priority, frame(PRIORITY, 0, 0, &[0, 0, 0, 0, 7]), GoAway(PROTOCOL_ERROR)),
        ("PRIORITY of 4 bytes", priority, frame(PRIORITY, 0, 1, &[0, 0, 0, 0]), GoAway(FRAME_SIZE_ERROR)),
        (
            "PRIORITY on an idle stream",
            "RFC 9113, 5.1; h2spec generic/2",
            frame(PRIORITY, 0, 5, &[0, 0, 0, 0, 7]),
            Ignored,
        ),
        (
            "PRIORITY that depends on itself",
            "RFC 7540, 5.3.1; h2spec 5.3.1",
            half(frame(PRIORITY, 0, 1, &[0, 0, 0, 1, 7])),
            Reset(PROTOCOL_ERROR),
        ),
        (
            "PRIORITY on a closed stream",
            "RFC 9113, 5.1; h2spec generic/2",
            answered(frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 7])),
            Ignored,
        ),
    ]
}

fn settings() -> Vec<Row> {
    let source = "RFC 9113, 6.5; h2spec 6.5";
    let value = "RFC 9113, 6.5.2; h2spec 6.5.2";
    vec![
        ("SETTINGS on a stream", source, frame(SETTINGS, 0, 1, &[]), GoAway(PROTOCOL_ERROR)),
        ("SETTINGS of 5 bytes", source, frame(SETTINGS, 0, 0, &[0, 3, 0, 0, 0]), GoAway(FRAME_SIZE_ERROR)),
        (
            "an acknowledgement of SETTINGS with contents",
            source,
            frame(SETTINGS, ACK, 0, &[0, 3, 0, 0, 0, 1]),
            GoAway(FRAME_SIZE_ERROR),
        ),
        ("SETTINGS_ENABLE_PUSH of 2", value, frame(SETTINGS, 0, 0, &[0, 2, 0, 0, 0, 2]), GoAway(PROTOCOL_ERROR)),
        (
            "SETTINGS_INITIAL_WINDOW_SIZE over the most",
            value,
            frame(SETTINGS, 0, 0, &[0, 4, 0x80, 0, 0, 0]),
            GoAway(FLOW_CONTROL_ERROR),
        ),
        (
            "SETTINGS_MAX_FRAME_SIZE under the least",
            value,
            frame(SETTINGS, 0, 0, &[0, 5, 0, 0, 0x3f, 0xff]),
            GoAway(PROTOCOL_ERROR),
        ),
        (
            "SETTINGS_MAX_FRAME_SIZE over the most",
            value,
            frame(SETTINGS, 0, 0, &[0, 5, 1, 0, 0, 0]),
            GoAway(PROTOCOL_ERROR),
        ),
        ("an unknown setting", value, frame(SETTINGS, 0, 0, &[0xfe, 0xdc, 0, 0, 0, 1]), Ignored),
        (
            "SETTINGS that make a window overflow",
            "RFC 9113, 6.9.2; h2spec 6.9.2",
            held(
                [
                    frame(WINDOW_UPDATE, 0, 1, &[0x7f, 0xff, 0, 0]),
                    frame(SETTINGS, 0, 0, &[0, 4, 0x7f, 0xff, 0xff, 0xff]),
                ]
                .concat(),
            ),
            GoAway(FLOW_CONTROL_ERROR),
        ),
    ]
}

fn windows() -> Vec<Row> {
    let source = "RFC 9113, 6.9; h2spec 6.9";
    let most = "RFC 9113, 6.9.1; h2spec 6.9.1";
    vec![
        ("WINDOW_UPDATE of 0 for the connection", source, frame(WINDOW_UPDATE, 0, 0, &[0; 4]), GoAway(PROTOCOL_ERROR)),
        ("WINDOW_UPDATE of 0 for a stream", source, half(frame(WINDOW_UPDATE, 0, 1, &[0; 4])), GoAway(PROTOCOL_ERROR)),
        ("WINDOW_UPDATE of 3 bytes", source, frame(WINDOW_UPDATE, 0, 0, &[0, 0, 1]), GoAway(FRAME_SIZE_ERROR)),
        (
            "WINDOW_UPDATE for an idle stream",
            "RFC 9113, 5.1; h2spec 5.1",
            frame(WINDOW_UPDATE, 0, 5, &[0, 0, 0, 1]),
            GoAway(PROTOCOL_ERROR),
        ),
        (
            "WINDOW_UPDATE for a closed stream",
            "RFC 9113, 5.1; h2spec 5.1",
            answered(frame(WINDOW_UPDATE, 0, 1, &[0, 0, 0, 1])),
            Ignored,
        ),
        (
            "a window of the connection over the most",
            most,
            frame(WINDOW_UPDATE, 0, 0, &[0x7f, 0xff, 0xff, 0xff]),
            GoAway(FLOW_CONTROL_ERROR),
        ),
        (
            "a window of a stream over the most",
            most,
            half(frame(WINDOW_UPDATE, 0, 1, &[0x7f, 0xff, 0xff, 0xff])),
            Reset(FLOW_CONTROL_ERROR),
        ),
    ]
}

fn others() -> Vec<Row> {
    let promise = [&[0, 0, 0, 2][..], &[0x82, 0x87, 0x84]].concat();
    vec![
        (
            "PUSH_PROMISE from a client",
            "RFC 9113, 8.4; h2spec 8.2",
            half(frame(PUSH_PROMISE, 4, 1, &promise)),
            GoAway(PROTOCOL_ERROR),
        ),
        ("PING on a stream", "RFC 9113, 6.7; h2spec 6.7", frame(PING, 0, 1, &[0; 8]), GoAway(PROTOCOL_ERROR)),
        ("PING of 7 bytes", "RFC 9113, 6.7; h2spec 6.7", frame(PING, 0, 0, &[0; 7]), GoAway(FRAME_SIZE_ERROR)),
        ("an acknowledgement of no PING", "RFC 9113, 6.7; h2spec 6.7", frame(PING, ACK, 0, &[0; 8]), Ignored),
        ("GOAWAY on a stream", "RFC 9113, 6.8; h2spec 6.8", frame(GOAWAY, 0, 1, &[0; 8]), GoAway(PROTOCOL_ERROR)),
        ("GOAWAY of 7 bytes", "RFC 9113, 6.8", frame(GOAWAY, 0, 0, &[0; 7]), GoAway(FRAME_SIZE_ERROR)),
        (
            "a frame of unknown type",
            "RFC 9113, 4.1 and 5.5; h2spec 4.1, 5.5",
            frame(0xbe, 0xff, 0, b"smuggled"),
            Ignored,
        ),
        (
            "a frame of unknown type on a stream",
            "RFC 9113, 5.5; h2spec 5.5",
            half(frame(0xbe, 0xff, 1, b"smuggled")),
            Ignored,
        ),
        ("undefined flags", "RFC 9113, 4.1; h2spec 4.1/2", frame(PING, 0x16, 0, &[0; 8]), Ignored),
        (
            "a second preface",
            "RFC 9113, 3.4",
            vec![Bytes(super::kit::frames::PREFACE.to_vec())],
            GoAway(FRAME_SIZE_ERROR),
        ),
        (
            "a request of HTTP/1.1 between the frames",
            "RFC 7301; contract, 3",
            vec![Bytes(b"GET /crossed HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec())],
            GoAway(FRAME_SIZE_ERROR),
        ),
    ]
}
