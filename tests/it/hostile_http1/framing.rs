//! Where a body ends: `Content-Length` and `Transfer-Encoding` that two programs could read in two ways.

use super::form::{CHUNKED, CHUNKED_HELLO, Clean, Ends, Form, HELLO, Why};

pub(super) fn forms() -> Vec<Form> {
    [lengths(), codings(), both(), smuggled()].into_iter().flatten().collect()
}

/// Source: RFC 9110, section 8.6: `1*DIGIT`, once; a list of equal ones may be refused.
fn lengths() -> Vec<Form> {
    let why: Why = ("RFC 9112, 6.3; RFC 9110, 8.6", &[16]);
    let mut forms: Vec<Form> = [
        ("a length with a sign", "Content-Length: +5\r\n"),
        ("a negative length", "Content-Length: -5\r\n"),
        ("a length of minus nothing", "Content-Length: -0\r\n"),
        ("a hexadecimal length", "Content-Length: 0x5\r\n"),
        ("a length in hexadecimal digits", "Content-Length: a\r\n"),
        ("a length in octal of another language", "Content-Length: 0o5\r\n"),
        ("a list of equal lengths", "Content-Length: 5, 5\r\n"),
        ("a list of unequal lengths", "Content-Length: 5, 6\r\n"),
        ("a list with an empty member", "Content-Length: 5,\r\n"),
        ("a list that begins empty", "Content-Length: ,5\r\n"),
        ("no length at all", "Content-Length:\r\n"),
        ("a blank length", "Content-Length: \t \r\n"),
        ("an exponent", "Content-Length: 1e1\r\n"),
        ("a fraction", "Content-Length: 5.0\r\n"),
        ("a thousands separator", "Content-Length: 1_000\r\n"),
        ("a length with a blank inside", "Content-Length: 5 5\r\n"),
        ("a length with a tab inside", "Content-Length: 5\t5\r\n"),
        ("a parameter", "Content-Length: 5;q=1\r\n"),
        ("a quoted length", "Content-Length: \"5\"\r\n"),
        ("a length in letters", "Content-Length: five\r\n"),
        ("digits that are not ASCII", "Content-Length: \u{ff15}\r\n"),
        ("a length and a no-break space", "Content-Length: 5\u{a0}\r\n"),
        ("a length over 64 bits", "Content-Length: 18446744073709551616\r\n"),
        ("a length that wraps to 5", "Content-Length: 18446744073709551621\r\n"),
        ("a length of a thousand digits", &format!("Content-Length: {}\r\n", "9".repeat(1000))),
        ("two unequal lengths", "Content-Length: 5\r\nContent-Length: 6\r\n"),
        ("two unequal lengths in two cases", "Content-Length: 6\r\ncontent-length: 5\r\n"),
        ("a good length and a bad one", "Content-Length: 5\r\nContent-Length: +5\r\n"),
        ("a good length and an empty one", "Content-Length: 5\r\nContent-Length:\r\n"),
    ]
    .into_iter()
    .map(|(name, lines)| Form::post(name, why, lines, "hello", Ends::Closed(400)))
    .collect();
    for (name, lines) in [
        ("the same length twice", "Content-Length: 5\r\nContent-Length: 5\r\n"),
        ("the same length written in two ways", "Content-Length: 5\r\nContent-Length: 005\r\n"),
        ("a length with a zero before it", "Content-Length: 05\r\n"),
        ("a length with a thousand zeros", &format!("Content-Length: {}5\r\n", "0".repeat(1000))),
        ("a length amid blanks", "Content-Length: \t 5 \t\r\n"),
        ("a name that a CGI reads as the length", "Content-Length: 5\r\nContent_Length: 0\r\n"),
    ] {
        forms.push(Form::post(name, why, lines, "hello", Ends::Passes(HELLO)));
    }
    let line = "Content-Length: 18446744073709551615\r\n";
    forms.push(Form::post("the largest length there is", why, line, "hello", Ends::Closed(431)));
    let huge = ("contract, 3: a declared body over the limit", &[16, 26][..]);
    for (name, length) in [("a length over MAX_BODY", "200000"), ("a length of many exabytes", "9223372036854775807")] {
        let line = format!("Content-Length: {length}\r\n");
        forms.push(Form::post(name, huge, &line, "{inside}", Ends::Closed(413)).bare(Ends::Closed(401)));
    }
    forms
}

/// Source: RFC 9112, section 6.1: `chunked` is last, once, and the only coding that is served here.
fn codings() -> Vec<Form> {
    let why: Why = ("RFC 9112, 6.1", &[14]);
    let body = "5\r\nhello\r\n0\r\n\r\n";
    let mut forms = Vec::new();
    for (name, lines) in [
        ("chunked not last", "Transfer-Encoding: chunked, identity\r\n"),
        ("chunked, then gzip", "Transfer-Encoding: chunked, gzip\r\n"),
        ("identity", "Transfer-Encoding: identity\r\n"),
        ("gzip alone", "Transfer-Encoding: gzip\r\n"),
        ("an unknown coding", "Transfer-Encoding: xchunked\r\n"),
        ("a coding that begins like chunked", "Transfer-Encoding: chunkedx\r\n"),
        ("half of chunked", "Transfer-Encoding: chunk\r\n"),
        ("a parameter of chunked", "Transfer-Encoding: chunked;q=1\r\n"),
        ("chunked with a semicolon", "Transfer-Encoding: chunked;\r\n"),
        ("chunked in quotes", "Transfer-Encoding: \"chunked\"\r\n"),
        ("chunked in single quotes", "Transfer-Encoding: 'chunked'\r\n"),
        ("no coding", "Transfer-Encoding:\r\n"),
        ("a list of nothing", "Transfer-Encoding: ,\r\n"),
        ("chunked and an empty member", "Transfer-Encoding: chunked,\r\n"),
        ("chunked and a no-break space", "Transfer-Encoding: chunked\u{a0}\r\n"),
        ("chunked with a blank inside", "Transfer-Encoding: chun ked\r\n"),
        ("chunked and a colon", "Transfer-Encoding: : chunked\r\n"),
        ("a vertical tab before chunked", "Transfer-Encoding: \u{b}chunked\r\n"),
        ("a form feed before chunked", "Transfer-Encoding: \u{c}chunked\r\n"),
        ("a NUL behind chunked", "Transfer-Encoding: chunked\0\r\n"),
        ("chunked, then identity on another line", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"),
        ("chunked and an empty line of it", "Transfer-Encoding: chunked\r\nTransfer-Encoding:\r\n"),
    ] {
        forms.push(Form::post(name, why, lines, body, Ends::Closed(400)));
    }
    for (name, lines) in [
        ("chunked twice", "Transfer-Encoding: chunked, chunked\r\n"),
        ("chunked on two lines", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
        ("chunked on two lines of two cases", "Transfer-Encoding: chunked\r\ntransfer-encoding: CHUNKED\r\n"),
        ("gzip, then chunked", "Transfer-Encoding: gzip, chunked\r\n"),
        ("identity, then chunked", "Transfer-Encoding: identity, chunked\r\n"),
        ("gzip and chunked on two lines", "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n"),
        ("an empty member, then chunked", "Transfer-Encoding: , chunked\r\n"),
        ("an empty line, then chunked", "Transfer-Encoding:\r\nTransfer-Encoding: chunked\r\n"),
    ] {
        // hyper reads the last coding alone; that these are refused is our own doing.
        forms.push(Form::post(name, why, lines, body, Ends::Closed(400)));
    }
    for (name, lines) in [
        ("chunked in odd case", "tRANSFER-eNCODING: cHuNkEd\r\n"),
        ("chunked amid blanks and tabs", "Transfer-Encoding:\t  chunked \t \r\n"),
        ("chunked without a blank", "Transfer-Encoding:chunked\r\n"),
    ] {
        forms.push(Form::post(name, why, lines, body, Ends::Passes(CHUNKED_HELLO)));
    }
    forms
}

/// Source: RFC 9112, sections 6.1 and 6.3: the coding overrules the length, and the connection ends.
fn both() -> Vec<Form> {
    let why: Why = ("RFC 9112, 6.1 and 6.3", &[13]);
    let old: Why = ("RFC 9112, 6.1", &[15]);
    let body = "5\r\nhello\r\n0\r\n\r\n";
    let mut forms = Vec::new();
    for (name, lines) in [
        ("a length, then a coding", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
        ("a coding, then a length", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"),
        ("a coding and a malformed length", "Transfer-Encoding: chunked\r\nContent-Length: +5\r\n"),
        ("a coding between two lengths", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\nContent-Length: 6\r\n"),
        ("both, and keep-alive", "Connection: keep-alive\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n"),
    ] {
        forms.push(Form::post(name, why, lines, body, Ends::PassesLast(CHUNKED_HELLO)));
    }
    for (name, lines) in [
        ("a malformed length, then a coding", "Content-Length: +5\r\nTransfer-Encoding: chunked\r\n"),
        ("a length and a coding with a blank before its colon", "Content-Length: 5\r\nTransfer-Encoding : chunked\r\n"),
        ("a length and a coding that is none", "Content-Length: 5\r\nTransfer-Encoding: identity\r\n"),
    ] {
        forms.push(Form::post(name, why, lines, body, Ends::Closed(400)));
    }
    for (name, lines) in [
        ("a coding in HTTP/1.0", "Transfer-Encoding: chunked\r\n"),
        ("a coding and a length in HTTP/1.0", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
        ("a coding and keep-alive in HTTP/1.0", "Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n"),
        ("identity in HTTP/1.0", "Content-Length: 5\r\nTransfer-Encoding: identity\r\n"),
    ] {
        let text = format!("POST /a HTTP/1.0\r\nHost: a\r\n{{auth}}{lines}\r\n{body}");
        forms.push(Form::new(name, old, text, Ends::Closed(400)));
    }
    forms
}

/// A whole request with a good token stands where one of two readings ends the body too early.
fn smuggled() -> Vec<Form> {
    let why: Why = ("RFC 9112, 11.2", &[13, 14, 26]);
    let inside = |framing| Clean { line: "POST /a", framing, body: "{inside}" };
    let in_a_chunk = "{hex}\r\n{inside}\r\n0\r\n\r\n";
    vec![
        Form::post(
            "CL.TE: what is behind the last chunk is a request to whoever reads the coding",
            why,
            "Content-Length: 1000\r\nTransfer-Encoding: chunked\r\n",
            "0\r\n\r\n{inside}",
            Ends::PassesLast(Clean { body: "", ..CHUNKED_HELLO }),
        ),
        Form::post(
            "TE.CL: what is in the chunk is a request to whoever reads the length",
            why,
            "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
            in_a_chunk,
            Ends::PassesLast(inside(CHUNKED)),
        ),
        Form::post(
            "TE.TE: a second coding that one of two does not know",
            why,
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: cow\r\nContent-Length: 4\r\n",
            in_a_chunk,
            Ends::Closed(400),
        ),
        Form::post(
            "TE.0: whoever does not read the coding takes the body for a request",
            why,
            "Transfer-Encoding: chunked\r\n",
            in_a_chunk,
            Ends::Passes(inside(CHUNKED)),
        ),
        Form::post(
            "CL.0: whoever does not read the length takes the body for a request",
            why,
            "Content-Length: {length}\r\n",
            "{inside}",
            // The length depends on the token, so the row's own check is that of the bytes.
            Ends::Passes(inside("Content-Length: {length}")),
        ),
        Form::new(
            "a GET whose body is a request",
            why,
            "GET /a HTTP/1.1\r\nHost: a\r\n{auth}Content-Length: {length}\r\n\r\n{inside}",
            Ends::Passes(Clean { line: "GET /a", framing: "Content-Length: {length}", body: "{inside}" }),
        ),
        Form::new(
            "a chunked GET whose body is a request",
            why,
            format!("GET /a HTTP/1.1\r\nHost: a\r\n{{auth}}Transfer-Encoding: chunked\r\n\r\n{in_a_chunk}"),
            Ends::Passes(Clean { line: "GET /a", ..inside(CHUNKED) }),
        ),
        Form::new(
            "a DELETE whose body is a request",
            why,
            "DELETE /a HTTP/1.1\r\nHost: a\r\n{auth}Content-Length: {length}\r\n\r\n{inside}",
            Ends::Passes(Clean { line: "DELETE /a", framing: "Content-Length: {length}", body: "{inside}" }),
        ),
        Form::post(
            "a coding disguised by an underscore",
            why,
            "Content-Length: {length}\r\nTransfer_Encoding: chunked\r\n",
            "{inside}",
            Ends::Passes(inside("Content-Length: {length}")),
        ),
    ]
}
