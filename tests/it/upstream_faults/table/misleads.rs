//! Upstreams whose answer is good and whose connection is not: what is left on it must answer nobody, and a good answer is not lost.

use super::{Fault, Gets, Play, ok};
use crate::kit::Answer;

pub(super) fn rows() -> Vec<Fault> {
    let mut rows = early();
    rows.extend(leftovers());
    rows.extend(unusual());
    rows.extend(stale());
    rows
}

fn at_head(what: &'static str, answer: fn() -> Answer, gets: Gets) -> Fault {
    Fault::new(
        what,
        "RFC 9110, section 9.3: an answer may come before the end of its request",
        Play::AtHead(answer),
        gets,
    )
}

fn early() -> Vec<Fault> {
    vec![
        at_head(
            "answers 200 before it reads, then reads",
            || Answer::status(200).body("early"),
            Gets::Whole(200, "early"),
        ),
        at_head("answers 403 before it reads, then reads", || Answer::status(403).body("no"), Gets::Whole(403, "no")),
        at_head(
            "answers 403, says FIN and reads on",
            || Answer::status(403).body("no").then_half_close(),
            Gets::Whole(403, "no"),
        ),
        at_head(
            "answers 413 with Connection: close and reads on",
            || Answer::status(413).header("Connection", "close").body("no").then_hang(),
            Gets::Whole(413, "no"),
        ),
        // Its kernel may answer what it has not read with a reset that overtakes the answer.
        at_head(
            "answers 200 before it reads, then closes",
            || Answer::status(200).body("early").then_close(),
            Gets::WholeOrBroken(200, "early"),
        ),
        at_head(
            "answers 413 before it reads, then closes",
            || Answer::status(413).body("no").then_close(),
            Gets::WholeOrBroken(413, "no"),
        ),
    ]
}

fn leftover(what: &'static str, answer: fn() -> Answer, status: u16, text: &'static str) -> Fault {
    Fault::answering(
        what,
        "RFC 9112, section 9.2: nobody asked for what follows",
        answer,
        Gets::WholeOrBroken(status, text),
    )
}

/// An answer that somebody else must not get.
const STOLEN: &str = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstolen";

fn leftovers() -> Vec<Fault> {
    vec![
        leftover("says more than its length", || ok(&format!("Content-Length: 2\r\n\r\nok{STOLEN}")), 200, "ok"),
        leftover(
            "answers twice in chunks",
            || ok(&format!("Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n{STOLEN}")),
            200,
            "ok",
        ),
        leftover("says a line end too many", || ok("Content-Length: 2\r\n\r\nok\r\n"), 200, "ok"),
        leftover(
            "says 408 of its own accord after the answer",
            || ok("Content-Length: 2\r\n\r\nokHTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"),
            200,
            "ok",
        ),
        leftover("has content after 204", || Answer::raw(format!("HTTP/1.1 204 No Content\r\n\r\n{STOLEN}")), 204, ""),
        leftover(
            "has content after 304",
            || Answer::raw(format!("HTTP/1.1 304 Not Modified\r\nContent-Length: 45\r\n\r\n{STOLEN}")),
            304,
            "",
        ),
        leftover("has content after an answer to HEAD", || ok(&format!("Content-Length: 45\r\n\r\n{STOLEN}")), 200, "")
            .asked_with("HEAD"),
    ]
}

fn unusual() -> Vec<Fault> {
    let interim = "RFC 9110, section 15.2: interim answers are of this hop";
    vec![
        Fault::answering(
            "says 100 unasked",
            interim,
            || Answer::raw("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
            Gets::Whole(200, "ok"),
        ),
        Fault::answering(
            "says 103 three times",
            interim,
            || {
                Answer::raw(format!(
                    "{}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
                    "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n".repeat(3)
                ))
            },
            Gets::Whole(200, "ok"),
        ),
        Fault::answering(
            "has a length and chunks",
            "RFC 9112, section 6.3: the chunks overrule the length",
            || ok("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
            Gets::Whole(200, "hello"),
        ),
        Fault::answering(
            "says Connection: close",
            "RFC 9112, section 9.6",
            || Answer::status(200).header("Connection", "close").body("ok").then_close(),
            Gets::Whole(200, "ok"),
        ),
        Fault::answering(
            "says Connection: close and stays",
            "RFC 9112, section 9.6",
            || Answer::status(200).header("Connection", "close").body("ok").then_hang(),
            Gets::Whole(200, "ok"),
        ),
        Fault::answering(
            "answers in HTTP/1.0",
            "RFC 9112, section 9.3",
            || Answer::raw("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok").then_close(),
            Gets::Whole(200, "ok"),
        ),
        Fault::answering(
            "answers in HTTP/1.0 and never closes",
            "RFC 9112, section 9.3",
            || Answer::raw("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok").then_hang(),
            Gets::Whole(200, "ok"),
        ),
        Fault::answering(
            "answers in HTTP/1.0 without a length",
            "RFC 9112, section 6.3",
            || Answer::raw("HTTP/1.0 200 OK\r\n\r\nuntil the close").then_close(),
            Gets::Whole(200, "until the close"),
        ),
        Fault::answering(
            "answers whole, says FIN and reads on",
            "RFC 9112, section 9.6",
            || Answer::status(200).body("ok").then_half_close(),
            Gets::Whole(200, "ok"),
        ),
        Fault::answering(
            "sends a redirect",
            "contract, section 3: no redirects, ever",
            || Answer::status(308).header("Location", "http://127.0.0.1:1/elsewhere").body("there"),
            Gets::Whole(308, "there"),
        ),
    ]
}

fn stale() -> Vec<Fault> {
    let before = |what, answer: fn() -> Answer| {
        let because = "RFC 9112, section 9.3.1: not one byte was written to it, so another connection may be tried";
        Fault::new(what, because, Play::Before(answer), Gets::Whole(200, "as it should"))
    };
    vec![
        before("closed a connection that was kept", || Answer::status(200).body("before").then_close()),
        before("reset a connection that was kept", || Answer::status(200).body("before").then_reset()),
        before("says FIN on a connection that was kept", || Answer::status(200).body("before").then_half_close()),
        before("said 408 on a connection that was kept", || {
            ok("Content-Length: 6\r\n\r\nbeforeHTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n").then_close()
        }),
    ]
}
