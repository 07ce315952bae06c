//! The request line: methods, targets, versions, and what stands before and between.

use super::form::{Ends, Form, PLAIN, Why, bare};

pub(super) fn forms() -> Vec<Form> {
    [methods(), targets(), versions(), shapes()].into_iter().flatten().collect()
}

const BAD_TARGET: Ends = Ends::Open(400, "BAD_REQUEST");
const UNSERVED: Ends = Ends::Open(405, "BAD_REQUEST");

fn methods() -> Vec<Form> {
    let why: Why = ("RFC 9110, 9.1 and 9.3", &[22, 29]);
    let known: Why = ("RFC 9112, 3.1", &[22]);
    let mut forms = Vec::new();
    for (name, line, ends) in [
        ("CONNECT", "CONNECT a:443 HTTP/1.1", UNSERVED),
        ("CONNECT to the upstream's neighbour", "CONNECT 127.0.0.1:22 HTTP/1.1", UNSERVED),
        ("CONNECT with a path", "CONNECT /a HTTP/1.1", UNSERVED),
        ("TRACE", "TRACE /a HTTP/1.1", UNSERVED),
        ("TRACE of an absolute target", "TRACE http://a/a HTTP/1.1", UNSERVED),
        ("the preface of HTTP/2 as a method", "PRI * HTTP/1.1", BAD_TARGET),
    ] {
        forms.push(Form::request_line(name, why, line, ends));
    }
    for (name, method) in [
        ("no method", ""),
        ("a method with a NUL", "G\0T"),
        ("a method with a tab", "G\tT"),
        ("a method with brackets", "GET[]"),
        ("a method with a colon", "GET:"),
        ("a method in quotes", "\"GET\""),
        ("a method beyond ASCII", "GÉT"),
        ("a method with an escape", "\u{1b}[0mGET"),
    ] {
        forms.push(Form::request_line(name, known, format!("{method} /a HTTP/1.1"), Ends::Closed(400)));
    }
    forms.push(Form::request_line(
        "a method in lower case is another method",
        known,
        "get /a HTTP/1.1",
        Ends::Passes(bare("get /a")),
    ));
    forms.push(Form::request_line(
        "a method of every letter that one may have",
        known,
        "!#$%&'*+-.^_`|~0 /a HTTP/1.1",
        Ends::Passes(bare("!#$%&'*+-.^_`|~0 /a")),
    ));
    forms.push(Form::request_line("a giant method", known, "{long} /a HTTP/1.1", Ends::Passes(bare("{long} /a"))));
    forms
}

fn targets() -> Vec<Form> {
    let why: Why = ("RFC 9112, 3.2", &[21, 22]);
    let length: Why = ("RFC 9110, 15.5.15", &[27]);
    let mut forms = Vec::new();
    for (name, target, ends) in [
        ("an asterisk with GET", "*", BAD_TARGET),
        ("a host and a port", "a:443", BAD_TARGET),
        ("a host alone", "a", BAD_TARGET),
        ("a relative path", "a/b", Ends::Closed(400)),
        ("a query alone", "?a", Ends::Closed(400)),
        ("a fragment alone", "#a", Ends::Closed(400)),
        ("a dot", ".", BAD_TARGET),
        ("a backslash for a slash", "\\a", Ends::Closed(400)),
        ("a percent sign for a slash", "%2fa", Ends::Closed(400)),
        ("a foreign scheme", "ftp://a/a", BAD_TARGET),
        ("a scheme that reads files", "file:///etc/passwd", Ends::Closed(400)),
        ("a scheme of another protocol", "gopher://a/_a", BAD_TARGET),
        ("a scheme that runs", "javascript://a/%0aalert(1)", BAD_TARGET),
        ("a scheme with a NUL", "ht\0tp://a/a", Ends::Closed(400)),
        ("a scheme without a host", "http:///a", Ends::Closed(400)),
        ("a scheme with one slash", "http:/a", Ends::Closed(400)),
        ("a scheme of 100 letters", &format!("{}://a/a", "s".repeat(100)), Ends::Closed(400)),
        ("a user in an absolute target", "http://user@a/a", BAD_TARGET),
        ("a user and a password in an absolute target", "http://user:word@a/a", BAD_TARGET),
        ("a port that is no number in an absolute target", "http://a:b/a", BAD_TARGET),
        ("a port out of range in an absolute target", "http://a:65536/a", BAD_TARGET),
        ("an absolute target whose path has dots", "http://a/a/../b", Ends::Open(400, "BAD_PATH")),
        ("a NUL in the path", "/a\0b", Ends::Closed(400)),
        ("a tab in the path", "/a\tb", Ends::Closed(400)),
        ("an escape in the path", "/a\u{1b}[2J", Ends::Closed(400)),
        ("a delete in the path", "/a\u{7f}", Ends::Closed(400)),
        ("a blank in the path", "/a b", Ends::Closed(400)),
    ] {
        forms.push(Form::request_line(name, why, format!("GET {target} HTTP/1.1"), ends));
    }
    for (name, line, clean) in [
        ("an absolute target", "GET http://a/a HTTP/1.1", PLAIN),
        ("an absolute target of another case", "GET HTTP://a/a HTTP/1.1", PLAIN),
        ("two slashes and a host are a path", "GET //evil/a HTTP/1.1", bare("GET //evil/a")),
        ("a path that looks absolute", "GET /http://evil/a HTTP/1.1", bare("GET /http://evil/a")),
        ("a fragment is dropped", "GET /a#/../b HTTP/1.1", PLAIN),
    ] {
        forms.push(Form::request_line(name, why, line, Ends::Passes(clean)));
    }
    let giant = format!("GET /{} HTTP/1.1", "x".repeat(70_000));
    forms.push(Form::request_line("a target over 64 KiB", length, giant, Ends::Closed(431)));
    let long = format!("GET /{} HTTP/1.1", "x".repeat(33_000));
    forms.push(Form::request_line("a target over MAX_HEADERS", length, long, Ends::Closed(431)));
    let query = format!("GET /a?{} HTTP/1.1", "x&".repeat(20_000));
    forms.push(Form::request_line("a query over MAX_HEADERS", length, query, Ends::Closed(431)));
    forms.push(Form::request_line("OPTIONS of an asterisk", why, "OPTIONS * HTTP/1.1", BAD_TARGET));
    forms.push(Form::request_line("no target", why, "GET  HTTP/1.1", Ends::Closed(400)));
    forms
}

fn versions() -> Vec<Form> {
    let why: Why = ("RFC 9112, 2.3", &[22]);
    let mut forms: Vec<Form> = [
        ("HTTP/1.2", "GET /a HTTP/1.2"),
        ("HTTP/2.0 in letters", "GET /a HTTP/2.0"),
        ("HTTP/3", "GET /a HTTP/3"),
        ("HTTP/0.9 in letters", "GET /a HTTP/0.9"),
        ("HTTP/1.10", "GET /a HTTP/1.10"),
        ("HTTP/1.", "GET /a HTTP/1."),
        ("HTTP/11", "GET /a HTTP/11"),
        ("a version in lower case", "GET /a http/1.1"),
        ("another protocol", "GET /a ICY/1.1"),
        ("a version with a blank", "GET /a HTTP/1.1 "),
        ("a version and more", "GET /a HTTP/1.1x"),
        ("a comma for the dot", "GET /a HTTP/1,1"),
        ("no version", "GET /a"),
        ("no version, and a blank", "GET /a "),
    ]
    .into_iter()
    .map(|(name, line)| Form::request_line(name, why, line, Ends::Closed(400)))
    .collect();
    forms.push(Form::new("HTTP/0.9", why, "GET /a\r\n", Ends::Closed(400)));
    forms.push(Form::request_line("HTTP/1.0", why, "GET /a HTTP/1.0", Ends::PassesLast(PLAIN)));
    let host: Why = ("contract, 3: a missing Host", &[20]);
    let text = "GET /a HTTP/1.0\r\n{auth}\r\n";
    forms.push(Form::new("HTTP/1.0 without Host", host, text, Ends::Closed(400)));
    forms
}

fn shapes() -> Vec<Form> {
    let why: Why = ("RFC 9112, 2.2 and 3", &[18]);
    let alpn: Why = ("RFC 9113, 3.4; RFC 7301", &[6, 8]);
    let rest = "\r\nHost: a\r\n{auth}\r\n";
    let mut forms: Vec<Form> = [
        ("a blank before the method", " GET /a HTTP/1.1"),
        ("a tab before the method", "\tGET /a HTTP/1.1"),
        ("a NUL before the method", "\0GET /a HTTP/1.1"),
        ("a byte order mark", "\u{feff}GET /a HTTP/1.1"),
        ("two blanks behind the method", "GET  /a HTTP/1.1"),
        ("two blanks before the version", "GET /a  HTTP/1.1"),
        ("tabs for blanks", "GET\t/a\tHTTP/1.1"),
        ("vertical tabs for blanks", "GET\u{b}/a\u{b}HTTP/1.1"),
        ("a bare CR behind the request line", "GET /a HTTP/1.1\rX: 1"),
        ("a CR for a blank", "GET\r/a HTTP/1.1"),
        ("a line of nothing but CR before it", "\rGET /a HTTP/1.1"),
    ]
    .into_iter()
    .map(|(name, line)| Form::new(name, why, format!("{line}{rest}"), Ends::Closed(400)))
    .collect();
    for (name, text) in [
        ("empty lines before it", "\r\n\r\nGET /a HTTP/1.1\r\nHost: a\r\n{auth}\r\n"),
        ("empty lines of LF before it", "\n\nGET /a HTTP/1.1\r\nHost: a\r\n{auth}\r\n"),
        ("a request line that ends with LF", "GET /a HTTP/1.1\nHost: a\r\n{auth}\r\n"),
        ("a head that ends with LF", "GET /a HTTP/1.1\r\nHost: a\r\n{auth}\n"),
        ("a head whose lines end with LF", "GET /a HTTP/1.1\nHost: a\nX: 1\n{auth}\n"),
    ] {
        forms.push(Form::new(name, why, text, Ends::Passes(PLAIN)));
    }
    let preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    forms.push(Form::new("the preface of HTTP/2", alpn, preface, Ends::Silent));
    forms.push(Form::new("half the preface of HTTP/2", alpn, "PRI * HTTP/2.0\r\n\r\n", Ends::Closed(400)));
    forms.push(Form::new("a TLS hello inside", alpn, b"\x16\x03\x01\x00\x05hello\r\n\r\n", Ends::Closed(400)));
    forms.push(Form::new("SSH", alpn, "SSH-2.0-OpenSSH_9.6\r\n", Ends::Closed(400)));
    forms.push(Form::new("bytes of no protocol", alpn, b"\xff\xfe\0\x80\r\n\r\n", Ends::Closed(400)));
    forms
}
