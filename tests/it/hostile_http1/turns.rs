//! Several requests on one connection: what one asks for, or is refused for, says nothing about the next.

use super::form::{Clean, Ends, Form, HELLO, PLAIN, Why, bare};

pub(super) fn forms() -> Vec<Form> {
    [expectations(), upgrades(), early(), tokens(), pipelines()].into_iter().flatten().collect()
}

const NO_TOKEN: Ends = Ends::Open(401, "INVALID_AUTH_HEADER");

/// Source: RFC 9110, section 10.1.1. An answer instead of `100 Continue` ends the connection: nobody knows whether the body comes.
fn expectations() -> Vec<Form> {
    let why: Why = ("RFC 9110, 10.1.1", &[31]);
    let body = "Content-Length: 5\r\n";
    let mut forms: Vec<Form> = [
        ("Expect: 100-continue", "Expect: 100-continue\r\n"),
        ("Expect in odd case", "eXPECT: 100-Continue\r\n"),
        ("an unknown expectation", "Expect: 200-ok\r\n"),
        ("an empty expectation", "Expect:\r\n"),
        ("two expectations", "Expect: 100-continue\r\nExpect: 100-continue\r\n"),
        ("a list of expectations", "Expect: 100-continue, x=y\r\n"),
        ("an expectation with a parameter", "Expect: 100-continue;q=1\r\n"),
    ]
    .into_iter()
    .map(|(name, line)| {
        let ends = Ends::Passes(HELLO);
        Form::post(name, why, &format!("{line}{body}"), "hello", ends).bare(Ends::Closed(401))
    })
    .collect();
    let line = "Expect: 100-continue\r\nContent-Length: {length}\r\n";
    let inside = Clean { framing: "Content-Length: {length}", body: "{inside}", ..HELLO };
    let name = "Expect, and a body that is a request";
    forms.push(Form::post(name, why, line, "{inside}", Ends::Passes(inside)).bare(Ends::Closed(401)));
    forms.push(
        Form::get("Expect without a body", why, "Expect: 100-continue\r\n", Ends::Passes(PLAIN))
            .bare(Ends::Closed(401)),
    );
    let old = "POST /a HTTP/1.0\r\nHost: a\r\n{auth}Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello";
    forms.push(Form::new("Expect in HTTP/1.0", why, old, Ends::PassesLast(HELLO)));
    forms
}

/// Source: RFC 9110, section 7.8; RFC 9113, section 3.1: no upgrade to HTTP/2 in the clear, no tunnel before a 101.
fn upgrades() -> Vec<Form> {
    let why: Why = ("RFC 9110, 7.8; RUSTSEC-2026-0033", &[23, 25]);
    let upgrade = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n";
    vec![
        Form::get("an upgrade to h2c", why, upgrade, Ends::Passes(PLAIN)),
        Form::get("an upgrade without Connection", why, "Upgrade: h2c\r\n", Ends::Passes(PLAIN)),
        Form::get("an upgrade to TLS", why, "Connection: Upgrade\r\nUpgrade: TLS/1.2\r\n", Ends::Passes(PLAIN)),
        Form::post(
            "an upgrade of a POST with a body that is a request",
            why,
            &format!("{upgrade}Content-Length: {{length}}\r\n"),
            "{inside}",
            Ends::Passes(Clean { framing: "Content-Length: {length}", body: "{inside}", ..HELLO }),
        ),
        Form::new(
            "an upgrade in HTTP/1.0",
            why,
            "GET /a HTTP/1.0\r\nHost: a\r\n{auth}Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
            Ends::PassesLast(PLAIN),
        ),
    ]
}

/// A refusal whose body, unread so far, is a whole request with a good token. Source: RUSTSEC-2025-0037; contract, sections 2 and 3.
fn early() -> Vec<Form> {
    let why: Why = ("RUSTSEC-2025-0037", &[26]);
    let mut forms = Vec::new();
    let token = "/api/token_generate";
    for (name, line, ends) in [
        ("403 outside the allow rule", "POST /elsewhere", Ends::Open(403, "NOT_ALLOWED")),
        ("400 for the path", "POST /a/../b", Ends::Open(400, "BAD_PATH")),
        ("405 for TRACE", "TRACE /a", Ends::Open(405, "BAD_REQUEST")),
        ("405 for CONNECT", "CONNECT a:443", Ends::Open(405, "BAD_REQUEST")),
        ("400 for an asterisk", "OPTIONS *", Ends::Open(400, "BAD_REQUEST")),
        ("405 at the token endpoint", "PUT /api/token_generate", Ends::Open(405, "METHOD_NOT_ALLOWED")),
        ("401 at the token endpoint", "POST /api/token_generate", Ends::Open(401, "INVALID_AUTH_HEADER")),
    ] {
        let without = if line.ends_with("elsewhere") { NO_TOKEN } else { ends };
        for (how, head, body) in [
            ("a request for a body", "Content-Length: {length}", "{inside}".to_owned()),
            ("a request in a chunk", "Transfer-Encoding: chunked", "{hex}\r\n{inside}\r\n0\r\n\r\n".to_owned()),
        ] {
            let text = format!("{line} HTTP/1.1\r\nHost: a\r\n{{auth}}{head}\r\n\r\n{body}");
            forms.push(Form::new(format!("{name}, {how}"), why, text, ends).bare(without));
        }
        let many = "{inside}".repeat(600);
        let (head, body) = ("Content-Length: 500000", format!("{many}{}", "x".repeat(500_000)));
        let text = format!("{line} HTTP/1.1\r\nHost: a\r\n{{auth}}{head}\r\n\r\n{body}");
        let closed = |ends: Ends| match ends.status() {
            Some(401) if line == "POST /api/token_generate" => Ends::Closed(413),
            status => Ends::Closed(status.unwrap_or_default()),
        };
        let name = format!("{name}, hundreds of requests for a body");
        forms.push(Form::new(name, why, text, closed(ends)).bare(closed(without)));
    }
    let broken =
        format!("POST {token} HTTP/1.1\r\nHost: a\r\n{{auth}}Transfer-Encoding: chunked\r\n\r\n5\r\n{{inside}}");
    forms.push(Form::new("401 at the token endpoint, a broken chunk", why, broken, Ends::Closed(401)));
    forms
}

/// A token is issued, and the body that is ignored holds a request. Source: contract, section 2: "ignored, whatever it is".
fn tokens() -> Vec<Form> {
    let why: Why = ("contract, 2; RUSTSEC-2025-0037", &[26, 30]);
    [
        ("a request for a body", "Content-Length: {length}\r\n\r\n{inside}", Ends::Open(200, "")),
        ("a request in a chunk", "{te}\r\n{hex}\r\n{inside}\r\n0\r\n\r\n", Ends::Open(200, "")),
        ("a request behind a trailer", "{te}\r\n0\r\nX: 1\r\n\n{inside}", Ends::Closed(200)),
        ("a request for trailers", "{te}\r\n0\r\n\n{inside}", Ends::Closed(400)),
        ("a request for a chunk size", "{te}\r\n{inside}", Ends::Closed(400)),
        ("both framings", "Content-Length: 4\r\n{te}\r\n0\r\n\r\n{inside}", Ends::Closed(200)),
    ]
    .into_iter()
    .map(|(name, rest, ends)| {
        let rest = rest.replace("{te}", "Transfer-Encoding: chunked\r\n");
        let text = format!("POST /api/token_generate HTTP/1.1\r\nHost: a\r\nAuthorization: {{basic}}\r\n{rest}");
        Form::new(format!("a token, and {name}"), why, text, ends)
    })
    .collect()
}

/// Source: RFC 9112, section 9.3.2: each of them is checked by itself.
fn pipelines() -> Vec<Form> {
    let why: Why = ("RFC 9112, 9.3.2 and 9.6", &[26, 30]);
    vec![
        Form::get(
            "a request that closes, and another behind it",
            why,
            "Connection: close\r\n",
            Ends::PassesLast(PLAIN),
        ),
        Form::get(
            "close among other options",
            why,
            "Connection: keep-alive\r\nConnection: x, CLOSE\r\n",
            Ends::PassesLast(PLAIN),
        ),
        Form::new(
            "keep-alive in HTTP/1.0",
            why,
            "GET /a HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n{auth}\r\n",
            Ends::Passes(PLAIN),
        ),
        Form::new(
            "a HEAD with a body that is a request",
            why,
            "HEAD /a HTTP/1.1\r\nHost: a\r\n{auth}Content-Length: {length}\r\n\r\n{inside}",
            Ends::Passes(Clean { line: "HEAD /a", framing: "Content-Length: {length}", body: "{inside}" }),
        ),
        Form::new(
            "a length of nothing before the next request",
            why,
            "POST /a HTTP/1.1\r\nHost: a\r\n{auth}Content-Length: 0\r\n\r\n",
            Ends::Passes(Clean { framing: "Content-Length: 0", ..bare("POST /a") }),
        ),
    ]
}
