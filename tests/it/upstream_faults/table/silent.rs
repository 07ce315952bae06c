//! Upstreams from which no answer comes.

use super::{BROKEN, Fault, Gets, LATE, NONSENSE, Place, Play};
use crate::kit::Answer;
use crate::upstream_faults::FullBacklog;

pub(super) fn rows() -> Vec<Fault> {
    let mut rows = unreachable();
    rows.extend(silent());
    rows.extend(garbled());
    rows
}

fn unreachable() -> Vec<Fault> {
    let refused = Gets::Unsent(502, &["upstream_refused"]);
    let late = Gets::Unsent(502, &["upstream_connect_timeout"]);
    // A resolver without a network may be slower than the timeout.
    let unresolved = Gets::Unsent(502, &["upstream_unresolved", "upstream_connect_timeout"]);
    let public = Gets::Unsent(502, &["upstream_public_address"]);
    let nobody = "contract, section 3: the upstream refuses";
    vec![
        Fault::new("refuses the connection", nobody, Play::Elsewhere(|| at(&format!("http://{}", vacant()))), refused),
        Fault::new("refuses it at every address of its name", nobody, Play::Elsewhere(vacant_name), refused),
        Fault::new("never takes the connection", "UPSTREAM_CONNECT_TIMEOUT", Play::Elsewhere(black_hole), late)
            .by_timeout(),
        Fault::new("has no address", nobody, Play::Elsewhere(|| at("http://no-such-host.invalid:80")), unresolved)
            .by_timeout(),
        // What the resolver takes for 8.8.8.8: no packet leaves.
        Fault::new(
            "moves to a public address",
            "contract, UPSTREAM_INSECURE",
            Play::Elsewhere(|| at("http://134744072:80")),
            public,
        ),
        Fault::new("its socket is gone", nobody, Play::Elsewhere(|| at("unix:/nonexistent/api.sock")), refused),
        Fault::new("its socket has nobody behind it", nobody, Play::Elsewhere(orphaned_socket), refused),
    ]
}

fn silent() -> Vec<Fault> {
    let ended = "RFC 9112, section 9.5: nobody knows whether it acted, so nothing is sent again";
    let waits = "contract, UPSTREAM_RESPONSE_TIMEOUT: until the whole head is there";
    vec![
        Fault::answering("closes before the head", ended, Answer::close, BROKEN),
        Fault::answering("says FIN before the head and reads on", ended, || Answer::raw("").then_half_close(), BROKEN),
        Fault::answering("resets before the head", ended, Answer::reset, BROKEN),
        Fault::answering("closes within the status line", ended, || Answer::raw("HTTP/1.1 200").then_close(), BROKEN),
        Fault::answering(
            "resets within the head",
            ended,
            || Answer::raw("HTTP/1.1 200 OK\r\nContent-Le").then_reset(),
            BROKEN,
        ),
        Fault::answering(
            "closes after 100",
            ended,
            || Answer::raw("HTTP/1.1 100 Continue\r\n\r\n").then_close(),
            BROKEN,
        ),
        Fault::answering("hangs before the head", waits, Answer::hang, LATE).by_timeout(),
        Fault::answering(
            "hangs within the head",
            waits,
            || Answer::raw("HTTP/1.1 200 OK\r\nX-Slow: ").then_hang(),
            LATE,
        )
        .by_timeout(),
        Fault::answering("hangs after 100", waits, || Answer::raw("HTTP/1.1 100 Continue\r\n\r\n").then_hang(), LATE)
            .by_timeout(),
        Fault::answering(
            "hangs after 103",
            waits,
            || Answer::raw("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n").then_hang(),
            LATE,
        )
        .by_timeout(),
    ]
}

fn garbled() -> Vec<Fault> {
    let syntax = "RFC 9112, section 4: this is no status line";
    let field = "RFC 9112, section 5: this is no field";
    let length = "RFC 9112, section 6.3: a length that cannot be trusted";
    let raw = |what, because, bytes: fn() -> Answer| Fault::answering(what, because, bytes, NONSENSE);
    vec![
        raw("says garbage", syntax, || Answer::raw("garbage\r\n\r\n").then_hang()),
        raw("speaks SSH", syntax, || Answer::raw("SSH-2.0-OpenSSH_9.2\r\n").then_hang()),
        raw("sends a TLS alert", syntax, || Answer::raw("\x15\x03\x01\x00\x02\x02\x46").then_hang()),
        raw("answers in HTTP/0.9", syntax, || Answer::raw("<html>hello</html>").then_close()),
        raw("claims HTTP/2 in the clear", syntax, || Answer::raw("HTTP/2.0 200 OK\r\n\r\n").then_hang()),
        raw("has no number for a status", syntax, || Answer::raw("HTTP/1.1 abc OK\r\n\r\n").then_hang()),
        raw("has a status of two digits", syntax, || Answer::raw("HTTP/1.1 20 OK\r\n\r\n").then_hang()),
        raw("has a status below 100", syntax, || Answer::raw("HTTP/1.1 099 OK\r\n\r\n").then_hang()),
        raw("has a space in a field's name", field, || super::ok("bad name: 1\r\n\r\n").then_hang()),
        raw("has a NUL in a field", field, || super::ok("X-Nul: a\0b\r\n\r\n").then_hang()),
        raw("has a head over 64 KiB", "contract, section 5: heads are bounded", || {
            super::ok(&format!("X-Long: {}\r\nContent-Length: 0\r\n\r\n", "x".repeat(70_000))).then_hang()
        }),
        raw("has over 100 fields", "contract, section 5: fields are bounded", || {
            super::ok(&format!("{}Content-Length: 0\r\n\r\n", "X-A: 1\r\n".repeat(200))).then_hang()
        }),
        raw("has two lengths that differ", length, || {
            super::ok("Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello").then_hang()
        }),
        raw("has a length that is no number", length, || super::ok("Content-Length: five\r\n\r\nhello").then_hang()),
        raw("has a length below zero", length, || super::ok("Content-Length: -5\r\n\r\nhello").then_hang()),
        raw("uses a transfer coding nobody accepted", "RFC 9112, section 6.1", || {
            super::ok("Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n").then_hang()
        }),
        raw("switches protocols unasked", "RFC 9110, section 15.2.2", || {
            Answer::raw("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n").then_hang()
        }),
        raw("switches to a WebSocket unasked", "RFC 9110, section 15.2.2", || Answer::upgrade("websocket")),
    ]
}

fn at(url: &str) -> Place {
    Place { url: url.to_owned(), trusts_kit: false, upstream: None, _keep: None }
}

fn vacant() -> std::net::SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    listener.local_addr().expect("a bound socket has an address")
}

fn vacant_name() -> Place {
    at(&format!("http://localhost:{}", vacant().port()))
}

fn black_hole() -> Place {
    let full = FullBacklog::new();
    Place { url: format!("http://{}", full.address), trusts_kit: false, upstream: None, _keep: Some(Box::new(full)) }
}

fn orphaned_socket() -> Place {
    let folder = tempfile::tempdir().expect("a test machine has a temporary directory");
    let path = folder.path().join("api.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).expect("the path is free"));
    Place { _keep: Some(Box::new(folder)), ..at(&format!("unix:{}", path.display())) }
}
