//! Header fields: their syntax, their number and size, and `Host`.

use super::form::{Ends, Form, PLAIN, Why};

pub(super) fn forms() -> Vec<Form> {
    [names(), values(), hosts(), sizes()].into_iter().flatten().collect()
}

fn names() -> Vec<Form> {
    let colon: Why = ("RFC 9112, 5.1", &[17]);
    let token: Why = ("RFC 9110, 5.1", &[17, 18]);
    let mut forms: Vec<Form> = [
        ("a blank before the colon", &b"X-A : 1"[..]),
        ("a tab before the colon", b"X-A\t: 1"),
        ("a blank before the colon of the length", b"Content-Length : 5"),
        ("a vertical tab before the colon", b"X-A\x0b: 1"),
        ("a NUL before the colon", b"X-A\0: 1"),
    ]
    .into_iter()
    .map(|(name, line)| Form::line(name, colon, line, Ends::Closed(400)))
    .collect();
    for (name, line) in [
        ("no name", &b": 1"[..]),
        ("a name of a blank", b" : 1"),
        ("a line without a colon", b"X-A"),
        ("a line that is a request line", b"GET /b HTTP/1.1"),
        ("a blank in a name", b"X A: 1"),
        ("a NUL in a name", b"X\0A: 1"),
        ("a name with an escape", b"X\x1bA: 1"),
        ("a name beyond ASCII", b"X\xe9A: 1"),
        ("a name in quotes", b"\"X\": 1"),
        ("a name with a slash", b"X/A: 1"),
        ("a name with an at sign", b"X@A: 1"),
        ("a name with brackets", b"X[0]: 1"),
        ("a name with a comma", b"X,A: 1"),
        ("a name with a delete", b"X\x7fA: 1"),
    ] {
        forms.push(Form::line(name, token, line, Ends::Closed(400)));
    }
    forms
}

fn values() -> Vec<Form> {
    let fold: Why = ("RFC 9112, 5.2", &[18]);
    let value: Why = ("RFC 9110, 5.5", &[18]);
    let mut forms: Vec<Form> = [
        ("a folded line", "X-A: 1\r\n 2\r\n"),
        ("a line folded with a tab", "X-A: 1\r\n\t2\r\n"),
        ("a folded line that is a field of ours", "X-A: 1\r\n X-Forwarded-User: root\r\n"),
        ("a folded token", "X-A: 1\r\n Authorization: Bearer null\r\n"),
        ("a folded value that begins on the next line", "X-A:\r\n 1\r\n"),
        ("a folded line of blanks", "X-A: 1\r\n  \r\n"),
        ("a line folded after LF", "X-A: 1\n 2\r\n"),
    ]
    .into_iter()
    .map(|(name, lines)| Form::get(name, fold, lines, Ends::Closed(400)))
    .collect();
    let text = "GET /a HTTP/1.1\r\n Host: a\r\nHost: a\r\n{auth}\r\n";
    forms.push(Form::new("a fold right behind the request line", fold, text, Ends::Closed(400)));
    for (name, line) in [
        ("a NUL in a value", &b"X-A: a\0b"[..]),
        ("a bare CR in a value", b"X-A: a\rb"),
        ("a bare CR before a field of ours", b"X-A: a\rX-Forwarded-User: root"),
        ("a CR before the end of a line", b"X-A: a\r\r"),
        ("a backspace in a value", b"X-A: a\x08b"),
        ("an escape in a value", b"X-A: a\x1b[2Jb"),
        ("a vertical tab in a value", b"X-A: a\x0bb"),
        ("a form feed in a value", b"X-A: a\x0cb"),
        ("a delete in a value", b"X-A: a\x7fb"),
        ("a NUL alone", b"X-A: \0"),
    ] {
        forms.push(Form::line(name, value, line, Ends::Closed(400)));
    }
    for (name, line) in [
        ("a bare LF before another field", &b"X-A: a\nX-B: b"[..]),
        ("a bare LF before a field of ours", b"X-A: a\nX-Forwarded-User: root"),
        ("a value beyond ASCII", b"X-A: \x80\xff"),
        ("a value of blanks", b"X-A: \t  "),
        ("a name in an underscore's disguise", b"X_Forwarded_User: root"),
        ("a name in a dot's disguise", b"X.Forwarded.User: root"),
        ("a name in odd case", b"x-FORWARDED-uSER: root"),
    ] {
        forms.push(Form::line(name, value, line, Ends::Passes(PLAIN)));
    }
    forms
}

/// Source: RFC 9112, section 3.2: exactly one, and it is a host with an optional port.
fn hosts() -> Vec<Form> {
    let why: Why = ("RFC 9112, 3.2", &[20]);
    let absolute: Why = ("RFC 9112, 3.2.2", &[20, 21]);
    let bad = Ends::Open(400, "BAD_REQUEST");
    let hosted =
        |name: &str, lines: &str, ends| Form::new(name, why, format!("GET /a HTTP/1.1\r\n{lines}{{auth}}\r\n"), ends);
    let mut forms: Vec<Form> = [
        ("no Host", ""),
        ("an empty Host", "Host:\r\n"),
        ("a blank Host", "Host: \t \r\n"),
        ("two Hosts", "Host: a\r\nHost: b\r\n"),
        ("the same Host twice", "Host: a\r\nHost: a\r\n"),
        ("two Hosts of two cases", "Host: a\r\nhOST: a\r\n"),
        ("a list of hosts", "Host: a, b\r\n"),
        ("two hosts with a blank", "Host: a b\r\n"),
        ("a user in Host", "Host: user@a\r\n"),
        ("a user and a password in Host", "Host: user:word@a\r\n"),
        ("a port that is no number", "Host: a:b\r\n"),
        ("a port out of range", "Host: a:65536\r\n"),
        ("a negative port", "Host: a:-1\r\n"),
        ("two ports", "Host: a:1:2\r\n"),
        ("a port alone", "Host: :80\r\n"),
        ("a URL for a host", "Host: http://a\r\n"),
        ("a path behind the host", "Host: a/b\r\n"),
        ("a query behind the host", "Host: a?b\r\n"),
        ("a fragment behind the host", "Host: a#b\r\n"),
        ("a backslash behind the host", "Host: a\\b\r\n"),
        ("half a bracket", "Host: [::1\r\n"),
        ("an address without brackets", "Host: ::1\r\n"),
        ("a bracket that holds no address", "Host: [a]\r\n"),
        ("an empty label", "Host: a..b\r\n"),
        ("an escaped NUL", "Host: a%00\r\n"),
        ("a host beyond ASCII", "Host: é\r\n"),
        ("a host in quotes", "Host: \"a\"\r\n"),
    ]
    .into_iter()
    .map(|(name, lines)| hosted(name, lines, bad))
    .collect();
    for (name, lines) in [
        ("a blank before the colon of Host", "Host : a\r\n"),
        ("a NUL in Host", "Host: a\0\r\n"),
        ("a folded Host", "Host:\r\n a\r\n"),
    ] {
        forms.push(hosted(name, lines, Ends::Closed(400)));
    }
    for (name, target, lines, ends) in [
        ("an absolute target without Host", "http://a/a", "", bad),
        ("an absolute target and two Hosts", "http://a/a", "Host: a\r\nHost: a\r\n", bad),
        ("an absolute target and a malformed Host", "http://a/a", "Host: a b\r\n", bad),
        ("an absolute target replaces another Host", "http://a/a", "Host: evil\r\n", Ends::Passes(PLAIN)),
    ] {
        let text = format!("GET {target} HTTP/1.1\r\n{lines}{{auth}}\r\n");
        forms.push(Form::new(name, absolute, text, ends));
    }
    forms
}

fn sizes() -> Vec<Form> {
    let why: Why = ("RFC 6585, 5", &[27]);
    let long = |length: usize| "x".repeat(length);
    let lines = format!("{}GET /a HTTP/1.1\r\nHost: a\r\n{{auth}}\r\n", "\r\n".repeat(50_000));
    vec![
        Form::new("50000 empty lines before it", why, lines, Ends::Closed(431)),
        Form::get("a giant name", why, &format!("{}: 1\r\n", long(40_000)), Ends::Closed(431)),
        Form::get("a name of 64 KiB and more", why, &format!("{}: 1\r\n", long(70_000)), Ends::Closed(431)),
        Form::get("a giant value", why, &format!("X-A: {}\r\n", long(40_000)), Ends::Closed(431)),
        Form::get("a megabyte of a value", why, &format!("X-A: {}\r\n", long(1 << 20)), Ends::Closed(431)),
        Form::get("many long fields", why, &format!("X-A: {}\r\n", long(1000)).repeat(40), Ends::Closed(431)),
        Form::get("101 fields", why, &"X: 1\r\n".repeat(101), Ends::Closed(431)),
        Form::get("20000 fields", why, &"X:\r\n".repeat(20_000), Ends::Closed(431)),
        Form::get("as many fields as pass", why, &"X: 1\r\n".repeat(98), Ends::Passes(PLAIN))
            .bare(Ends::Open(401, "INVALID_AUTH_HEADER")),
    ]
}
