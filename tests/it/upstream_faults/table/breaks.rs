//! Upstreams whose answer begins and does not end: the caller must see that it did not. Source: RFC 9112, section 8.

use super::{Fault, Gets, ok};
use crate::kit::Answer;

pub(super) fn rows() -> Vec<Fault> {
    let mut rows = with_a_length();
    rows.extend(in_chunks());
    rows.extend(until_the_end());
    rows
}

fn cut(what: &'static str, answer: fn() -> Answer) -> Fault {
    Fault::answering(what, "RFC 9112, section 8: an incomplete message is not treated as complete", answer, Gets::Cut)
}

fn with_a_length() -> Vec<Fault> {
    vec![
        cut("closes within the content", || Answer::status(200).body("hello").cut_content_at(2)),
        cut("closes before the content", || Answer::status(200).body("hello").cut_content_at(0)),
        cut("closes one byte before the end of a long content", || {
            Answer::status(200).body(vec![b'x'; 1 << 20]).cut_content_at((1 << 20) - 1)
        }),
        cut("resets within the content", || ok("Content-Length: 9\r\n\r\nhalf").then_reset()),
        cut("says FIN within the content and reads on", || ok("Content-Length: 9\r\n\r\nhalf").then_half_close()),
        cut("hangs within the content", || ok("Content-Length: 9\r\n\r\nhalf").then_hang()).by_timeout(),
        cut("hangs before the content", || ok("Content-Length: 9\r\n\r\n").then_hang()).by_timeout(),
    ]
}

fn in_chunks() -> Vec<Fault> {
    vec![
        cut("closes within a chunk", || Answer::status(200).chunks(["hello", "world"]).cut_content_at(8)),
        cut("closes between two chunks", || Answer::status(200).chunks(["hello", "world"]).cut_content_at(10)),
        cut("leaves out the last chunk", || ok("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n").then_close()),
        cut("closes within the last chunk", || Answer::status(200).chunks(["hello"]).cut_content_at(13)),
        cut("closes within the trailers", || {
            Answer::status(200).chunks(["hello"]).trailer("X-Sum", "1").cut_content_at(16)
        }),
        cut("resets within a chunk", || ok("Transfer-Encoding: chunked\r\n\r\n5\r\nhel").then_reset()),
        cut("hangs between two chunks", || ok("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n").then_hang())
            .by_timeout(),
        cut("has a chunk size that is no number", || {
            ok("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n").then_hang()
        }),
        cut("has a chunk longer than its size", || ok("Transfer-Encoding: chunked\r\n\r\n5\r\nhelloXX").then_hang()),
        cut("has a chunk size below zero", || {
            ok("Transfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n").then_hang()
        }),
        cut("has a chunk size beyond 64 bits", || {
            ok("Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nhello").then_hang()
        }),
    ]
}

fn until_the_end() -> Vec<Fault> {
    vec![
        cut("resets an answer without a length", || ok("\r\nuntil the close").then_reset()),
        cut("hangs within an answer without a length", || ok("\r\nuntil the close").then_hang()).by_timeout(),
        cut("resets an HTTP/1.0 answer without a length", || Answer::raw("HTTP/1.0 200 OK\r\n\r\nhalf").then_reset()),
    ]
}
