//! Inside a chunked body: sizes, line ends, extensions, trailers.

use super::form::{CHUNKED_HELLO, Clean, Ends, Form, Why};

pub(super) fn forms() -> Vec<Form> {
    [sizes(), extensions(), trailers()].into_iter().flatten().collect()
}

fn chunked(name: &str, why: Why, body: &str, ends: Ends) -> Form {
    Form::post(name, why, "Transfer-Encoding: chunked\r\n", body, ends)
}

/// Source: RFC 9112, section 7.1: `1*HEXDIG`, CRLF, that many bytes, CRLF.
fn sizes() -> Vec<Form> {
    let why: Why = ("RFC 9112, 7.1 and 8", &[19]);
    let mut forms: Vec<Form> = [
        ("a chunk size with 0x", "0x5\r\nhello\r\n0\r\n\r\n"),
        ("a chunk size with a sign", "+5\r\nhello\r\n0\r\n\r\n"),
        ("a negative chunk size", "-5\r\nhello\r\n0\r\n\r\n"),
        ("a blank before the chunk size", " 5\r\nhello\r\n0\r\n\r\n"),
        ("no chunk size", "\r\nhello\r\n0\r\n\r\n"),
        ("a chunk size that is no number", "five\r\nhello\r\n0\r\n\r\n"),
        ("a chunk size in a fraction", "5.0\r\nhello\r\n0\r\n\r\n"),
        ("a chunk size with a blank inside", "5 5\r\nhello\r\n0\r\n\r\n"),
        ("a chunk size with an underscore inside", "0_5\r\nhello\r\n0\r\n\r\n"),
        ("a chunk size over 64 bits", "10000000000000005\r\nhello\r\n0\r\n\r\n"),
        ("a chunk size of a thousand digits", &format!("{}\r\nhello\r\n0\r\n\r\n", "f".repeat(1000))),
        ("a chunk longer than its size", "4\r\nhello\r\n0\r\n\r\n"),
        ("a chunk without its end", "5\r\nhello0\r\n\r\n"),
        ("a chunk that ends with LF", "5\r\nhello\n0\r\n\r\n"),
        ("a chunk that ends with CR", "5\r\nhello\r0\r\n\r\n"),
        ("a size that ends with LF", "5\nhello\r\n0\r\n\r\n"),
        ("a size that ends with CR", "5\rhello\r\n0\r\n\r\n"),
        ("a NUL behind the size", "5\0\r\nhello\r\n0\r\n\r\n"),
        ("a last size that ends with LF", "5\r\nhello\r\n0\n\n"),
        ("a last chunk that ends with LF", "5\r\nhello\r\n0\r\n\n"),
        ("a last chunk with 0x", "5\r\nhello\r\n0x0\r\n\r\n"),
        ("no last chunk, but an empty line", "5\r\nhello\r\n\r\n"),
        ("no last chunk, but a request", "5\r\nhello\r\n{inside}"),
    ]
    .into_iter()
    .map(|(name, body)| chunked(name, why, body, Ends::Cut(400)))
    .collect();
    let over = format!("{:x}\r\n{}\r\n0\r\n\r\n", 200_000, "x".repeat(200_000));
    let undeclared: Why = ("contract, 3: an undeclared body over the limit", &[19, 26]);
    forms.push(chunked("a chunk over MAX_BODY", undeclared, &over, Ends::Cut(413)));
    for (name, body) in [
        ("a chunk size with zeros before it", "0000000000000000000005\r\nhello\r\n000\r\n\r\n"),
        ("chunks of one byte", "1\r\nh\r\n1\r\ne\r\n1\r\nl\r\n1\r\nl\r\n1\r\no\r\n0\r\n\r\n"),
        ("a blank behind the chunk size", "5 \t\r\nhello\r\n0 \r\n\r\n"),
    ] {
        forms.push(chunked(name, why, body, Ends::Passes(CHUNKED_HELLO)));
    }
    forms
}

/// Source: RFC 9112, section 7.1.1: a recipient ignores them, and bounds them.
fn extensions() -> Vec<Form> {
    let why: Why = ("RFC 9112, 7.1.1", &[19, 27]);
    let giant = format!("5;{}\r\nhello\r\n0\r\n\r\n", "x".repeat(20_000));
    let many = format!("{}0\r\n\r\n", "1;xxxxxxxx\r\nh\r\n".repeat(3000));
    let passes = Ends::Passes(CHUNKED_HELLO);
    vec![
        chunked("an extension", why, "5;name=value\r\nhello\r\n0;last\r\n\r\n", passes),
        chunked("an extension without a name", why, "5;\r\nhello\r\n0;;\r\n\r\n", passes),
        chunked("a quoted extension", why, "5;a=\"b; c\\\"\"\r\nhello\r\n0\r\n\r\n", passes),
        chunked("an extension like a size", why, "5;0\r\nhello\r\n0;5\r\n\r\n", passes),
        chunked("a giant extension", why, &giant, Ends::Cut(400)),
        chunked("many extensions", why, &many, Ends::Cut(400)),
        chunked("a line feed in an extension", why, "5;a\n0\r\n\r\n{inside}", Ends::Cut(400)),
        chunked("a line feed in a quoted extension", why, "5;a=\"\n\"\r\nhello\r\n0\r\n\r\n", Ends::Cut(400)),
        chunked("a carriage return in an extension", why, "5;a\rb\r\nhello\r\n0\r\n\r\n", Ends::Cut(400)),
    ]
}

/// Source: RFC 9110, section 6.5.1: a trailer is no field of the head; contract, section 3: none of the caller's goes up.
fn trailers() -> Vec<Form> {
    let why: Why = ("RFC 9110, 6.5.1", &[19, 24, 32]);
    let sized: Why = ("RFC 9112, 7.1.2", &[19, 27]);
    let mut forms: Vec<Form> = [
        ("a trailer named like our own field", "X-Forwarded-User: root\r\n"),
        (
            "trailers named like all of ours",
            "X-Forwarded-For: 8.8.8.8\r\nX-Forwarded-Host: evil\r\nX-Request-Id: 1\r\n",
        ),
        ("a trailer with a token", "Authorization: Bearer null\r\n"),
        ("trailers that frame", "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n"),
        ("trailers that aim", "Host: evil\r\nX-Original-URL: /admin\r\n"),
        ("trailers that end a connection", "Connection: close\r\nTE: gzip\r\n"),
        ("an ordinary trailer", "X-Sum: 1\r\n"),
        ("a trailer, and an empty line of LF before a request", "X: 1\r\n\n{inside}"),
        ("a trailer that ends with LF, and an empty line of LF", "X: 1\n\n{inside}"),
    ]
    .into_iter()
    .map(|(name, trailers)| {
        let body = format!("5\r\nhello\r\n0\r\n{trailers}\r\n");
        chunked(name, why, &body, Ends::PassesLast(CHUNKED_HELLO))
    })
    .collect();
    for (name, trailers) in [
        ("an empty line of LF before a request", "\n{inside}".to_owned()),
        ("a trailer without a colon", "bad trailer\r\n".to_owned()),
        ("a blank before a trailer's colon", "X : 1\r\n".to_owned()),
        ("a folded trailer", "X: 1\r\n 2\r\n".to_owned()),
        ("a trailer with a NUL", "X: \0\r\n".to_owned()),
        ("a giant trailer", format!("X: {}\r\n", "x".repeat(40_000))),
        ("5000 trailers", "X: y\r\n".repeat(5000)),
    ] {
        let body = format!("5\r\nhello\r\n0\r\n{trailers}\r\n");
        forms.push(chunked(name, sized, &body, Ends::Cut(400)));
    }
    let announced = "Trailer: X-Forwarded-User\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\n";
    let body = "5\r\nhello\r\n0\r\nX-Forwarded-User: root\r\n\r\n";
    forms.push(Form::post("an announced trailer", why, announced, body, Ends::PassesLast(CHUNKED_HELLO)));
    let body = "0\r\nX-Forwarded-User: root\r\n\r\n";
    let nothing = Clean { body: "", ..CHUNKED_HELLO };
    forms.push(chunked("a trailer behind nothing", why, body, Ends::PassesLast(nothing)));
    forms
}
