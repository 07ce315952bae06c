//! Whether each server is the one it should be, told by what it says, and whether it refuses what it must.

use std::io;
use std::path::Path;
use std::process::Command;

use crate::caller::{Answer, Caller, read_page};
use crate::peers::{Duty, Peer, Server, Stage};
use crate::requests::{Quality, bearer, get, login, token};

/// Checks a server; says which version of what it is.
///
/// # Errors
/// It is not what it should be, or lets through what it must not; it is said how.
pub(crate) async fn check(stage: &Stage, server: &Server) -> io::Result<String> {
    if !server.process.listens_on(server.port)? {
        return Err(wrong(server, "its port belongs to somebody else"));
    }
    let version = version(stage, server).await?;
    let through = ask(stage, server, &get("/whoami/7d1c", Some(&bearer()?))).await?;
    if through.status != 200 || !shows(server.peer, &through) {
        return Err(wrong(server, &format!("the upstream was not reached as it would do it: {through:?}")));
    }
    let bad = [Some(token(Quality::Forged)?), Some(token(Quality::Expired)?), Some("null".to_owned()), None];
    for token in bad {
        let authorization = token.map(|token| format!("Bearer {token}"));
        let answer = ask(stage, server, &get("/whoami/7d1c", authorization.as_deref())).await?;
        let as_it_should = match server.peer.duty() {
            Duty::Passes => answer.status == 200 && answer.text().contains("/whoami/7d1c"),
            Duty::Checks | Duty::Issues => answer.status == 401 && refuses(server.peer, &answer),
        };
        if !as_it_should {
            return Err(wrong(server, &format!("{authorization:?} is answered {answer:?}")));
        }
    }
    if server.peer.duty() == Duty::Issues {
        let answer = ask(stage, server, &login()).await?;
        let issued: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let issued = issued["access_token"].as_str().unwrap_or_default();
        let answer = ask(stage, server, &get("/whoami/7d1c", Some(&format!("Bearer {issued}")))).await?;
        if answer.status != 200 {
            return Err(wrong(server, &format!("its own token is answered {answer:?}")));
        }
    }
    Ok(version)
}

/// What a server says of itself where it says anything, else what its program says.
async fn version(stage: &Stage, server: &Server) -> io::Result<String> {
    let version = match server.peer {
        Peer::Bearergate => of_program(server, &stage.program)?,
        Peer::Again => of_program(server, stage.other.as_ref().unwrap_or(&stage.program))?,
        Peer::Haproxy | Peer::Relay => {
            let page = read_page(server.identity_port).await?;
            let mine = page.contains(&format!("pid {}", server.process.id()))
                || page.contains(&format!("pid = </b> {} ", server.process.id()));
            let version = between(&page, "HAProxy version ", ",").filter(|_| mine);
            version.map(|version| format!("HAProxy {version}"))
        }
        Peer::Nginx => {
            let answer = ask(stage, server, &get("/", None)).await?;
            between(&answer.head, "Server: nginx/", "\r").map(|version| format!("nginx {version}"))
        }
        Peer::Node => {
            let answer = ask(stage, server, &get("/", None)).await?;
            let said: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
            said["gateway"].as_str().map(str::to_owned)
        }
    };
    version.ok_or_else(|| wrong(server, "it does not say what it is"))
}

/// bearergate tells nobody what it is: its process is asked which file it runs, and the file for its version.
fn of_program(server: &Server, program: &Path) -> io::Result<Option<String>> {
    if server.process.executable()? != program.canonicalize()? {
        return Ok(None);
    }
    let output = Command::new(program).arg("--version").env_clear().output()?;
    Ok(Some(String::from_utf8_lossy(&output.stdout).trim().to_owned()))
}

/// Whether what the upstream saw (its answer's body) and the answer's head bear the mark of this peer.
fn shows(peer: Peer, answer: &Answer) -> bool {
    let seen = answer.text();
    let marks: &[&str] = match peer {
        Peer::Bearergate | Peer::Again => &["X-Forwarded-User: bench\r\n", "Traceparent: ", "X-Forwarded-Proto: https"],
        Peer::Haproxy => &["x-forwarded-for: 127.0.0.1\r\n", "authorization: Bearer "],
        Peer::Nginx => &["X-Forwarded-For: 127.0.0.1\r\n", "Authorization: Bearer "],
        Peer::Node => &["x-forwarded-for: ", "x-forwarded-port: "],
        // It changes nothing.
        Peer::Relay => &["HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer "],
    };
    seen.starts_with("GET /whoami/7d1c HTTP/1.1\r\n") && marks.iter().all(|mark| seen.contains(mark))
}

/// Whether a refusal is this peer's own.
fn refuses(peer: Peer, answer: &Answer) -> bool {
    let said = answer.text();
    match peer {
        Peer::Bearergate | Peer::Again => said.contains(r#""errorReason":"INVALID_"#),
        Peer::Node => said.contains(r#""gateway":"node"#),
        Peer::Haproxy => said.contains("<h1>401 Unauthorized</h1>"),
        Peer::Nginx | Peer::Relay => false,
    }
}

async fn ask(stage: &Stage, server: &Server, request: &[u8]) -> io::Result<Answer> {
    let mut caller = Caller::connect(server.port, &stage.tls.http1).await?;
    let answer = caller.ask_whole(request).await?;
    caller.close().await?;
    Ok(answer)
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    Some(text.split_once(before)?.1.split_once(after)?.0.trim())
}

fn wrong(server: &Server, what: &str) -> io::Error {
    io::Error::other(format!("{} on port {}: {what}", server.peer.title(), server.port))
}
