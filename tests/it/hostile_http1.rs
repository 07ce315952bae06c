//! Hostile callers over HTTP/1: each form is sent over a socket with a good token and without one, with a good request right behind it.
//!
//! What is malformed is refused and its connection closed, so that nothing behind it is ever heard; what passes goes up in one plain form
//! of ours. The tables say which, with a source and the statements of the checklist that each row stands for.

mod chunks;
mod endings;
mod fields;
mod form;
mod framing;
mod lines;
mod mutations;
mod turns;

use std::time::Duration;

use tokio::time::timeout;

use self::form::{Clean, Ends, Form, Marks};
use crate::kit::{
    Closing, Raw, RequestText, Response, Sidecar, Upstream,
    sidecar::USERNAME,
    strict::{self, Plain},
};

fn forms() -> Vec<Form> {
    [framing::forms(), chunks::forms(), lines::forms(), fields::forms(), turns::forms()].into_iter().flatten().collect()
}

/// What callers connect over.
#[derive(Clone, Copy, Debug)]
enum Over {
    Tls,
    TheClear,
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "the count is a figure that is asked for")]
async fn no_hostile_form_crosses_over_tls() {
    let forms = forms();
    println!("{} HTTP/1 forms", forms.len());
    assert!(forms.len() >= 100, "{} forms are too few", forms.len());
    play(&forms, Over::Tls).await;
}

#[tokio::test]
async fn no_hostile_form_crosses_in_the_clear() {
    play(&forms(), Over::TheClear).await;
}

/// Every statement of the checklist on HTTP/1 that a form can show has one.
#[test]
fn each_statement_on_http1_has_its_forms() {
    let forms = forms();
    for statement in (13..=27).chain(29..=32) {
        assert!(forms.iter().any(|form| form.checklist.contains(&statement)), "no form for statement {statement}");
    }
    let mut names: Vec<&str> = forms.iter().map(|form| form.name.as_str()).collect();
    names.sort_unstable();
    let doubled: Vec<_> = names.windows(2).filter(|pair| pair[0] == pair[1]).collect();
    assert!(doubled.is_empty(), "two rows of one name: {doubled:?}");
}

/// Whose request it is.
#[derive(Clone, Copy, Debug)]
enum Token {
    Good,
    None,
}

/// A form, with or without a token, and what becomes of it then.
type Play<'f> = (&'f Form, Token, Ends);

async fn play(forms: &[Form], over: Over) {
    let mut faults = Vec::new();
    let plays = forms.iter().flat_map(|form| [(form, Token::Good, form.ends), (form, Token::None, form.ends_bare())]);
    let (cut, whole): (Vec<Play>, Vec<Play>) = plays.partition(|(_, _, ends)| matches!(ends, Ends::Cut(_)));
    for plays in [whole, cut] {
        let stage = Stage::set(over).await;
        let mut expected = 0;
        for (form, token, ends) in plays {
            match stage.check(form, stage.marks(token), ends).await {
                Ok(count) => expected += count,
                Err(fault) => {
                    let fault: String = fault.chars().take(600).collect();
                    faults.push(format!("{} ({}, {token:?}, {over:?}): {fault}", form.name, form.source));
                }
            }
        }
        stage.close(&mut faults, expected).await;
    }
    assert!(faults.is_empty(), "{} rows ended otherwise:\n{}", faults.len(), faults.join("\n"));
}

/// One sidecar before one upstream, for many forms.
struct Stage {
    upstream: Upstream,
    sidecar: Sidecar,
    with_token: Marks,
    without_token: Marks,
    behind: Vec<u8>,
}

impl Stage {
    async fn set(over: Over) -> Self {
        let upstream = Upstream::recording().await;
        let building = Sidecar::guarding(&upstream).var("MAX_BODY", "100KiB").var("ALLOW", ALLOW);
        let building = match over {
            Over::Tls => building,
            Over::TheClear => building.without_tls(),
        };
        let sidecar = building.start().await;
        let token = sidecar.token().await;
        let behind = RequestText::new("GET", "/next").bearer(&token).header("Connection", "close").bytes();
        let (with_token, without_token) = (Marks::new(Some(&token), &token), Marks::new(None, &token));
        Self { upstream, sidecar, with_token, without_token, behind }
    }

    fn marks(&self, token: Token) -> &Marks {
        match token {
            Token::Good => &self.with_token,
            Token::None => &self.without_token,
        }
    }

    /// Sends a form and what is behind it. Gives the number of whole requests that were to go up and did.
    async fn check(&self, form: &Form, marks: &Marks, ends: Ends) -> Result<usize, String> {
        let before = self.upstream.seen();
        let bytes = form.bytes(marks);
        let method = String::from_utf8_lossy(&bytes).split(' ').next().unwrap_or_default().to_owned();
        let mut caller = self.sidecar.connect().await;
        // The other side may close while this is written; what it said before is what counts.
        let _ = caller.try_write([&bytes[..], &self.behind].concat()).await;
        let heard = timeout(PATIENCE, self.hear(&mut caller, &method, ends)).await;
        heard.unwrap_or_else(|_| Err("was kept waiting".to_owned()))?;
        let seen = self.upstream.requests();
        let mut seen = seen[before.min(seen.len())..].iter();
        if matches!(ends, Ends::Cut(_)) {
            return match seen.find(|seen| seen.complete() || seen.target() != "/a") {
                Some(seen) => Err(format!("went up: {seen:?}")),
                None => Ok(0),
            };
        }
        let expected = usize::from(ends.clean().is_some()) + usize::from(ends.goes_on());
        if seen.len() != expected {
            return Err(format!("{} requests went up, not {expected}: {seen:?}", seen.len()));
        }
        if let Some(clean) = ends.clean() {
            let first = seen.next().ok_or("nothing went up")?;
            let bytes = [first.raw_head(), first.body().kept()].concat();
            hold(first.raw_head(), first.body().kept(), first.complete(), clean, marks)
                .map_err(|fault| format!("{fault}: {:?}", String::from_utf8_lossy(&bytes)))?;
        }
        if seen.any(|seen| (seen.method(), seen.target()) != ("GET", "/next")) {
            return Err(format!("went up: {seen:?}"));
        }
        Ok(expected)
    }

    /// Holds what the caller hears to what was to be.
    async fn hear(&self, caller: &mut Raw, method: &str, ends: Ends) -> Result<(), String> {
        let first = caller.try_read_response_to(method).await;
        match (&first, ends.status()) {
            (Ok(response), Some(status)) if response.status() == status => {}
            (Err(_), None) => {}
            _ => return Err(format!("heard {:?}, not {:?}", shown(&first), ends.status())),
        }
        if let (Ok(response), Ends::Open(_, reason)) = (&first, ends)
            && method != "HEAD"
            && response.refusal() != reason
        {
            return Err(format!("heard {:?}, not {reason}", response.text()));
        }
        let said_100 = first.as_ref().is_ok_and(|response| !response.interim().is_empty());
        if said_100 && ends.clean().is_none() {
            return Err("was asked to go on before it was refused".to_owned());
        }
        if ends.goes_on() {
            let next = caller.try_read_response_to("GET").await;
            if !next.as_ref().is_ok_and(|next| next.status() == 200) {
                return Err(format!("the request behind it heard {:?}", shown(&next)));
            }
        }
        let (rest, closing) = caller.read_to_end().await;
        if !rest.is_empty() {
            return Err(format!("heard more: {:?}", String::from_utf8_lossy(&rest)));
        }
        if closing != Closing::Orderly {
            return Err(format!("ended with {closing:?}"));
        }
        Ok(())
    }

    /// After everything: all that went up is plain, and it is no more than was to.
    async fn close(self, faults: &mut Vec<String>, expected: usize) {
        self.sidecar.stop().await;
        self.upstream.wait_idle().await;
        let plain = self.upstream.plain("all forms");
        let whole = plain.iter().filter(|plain| plain.complete).count();
        if faults.is_empty() && whole != expected {
            faults.push(format!("{whole} whole requests went up, not {expected}"));
        }
        faults.extend(plain.iter().filter_map(|plain| ours(plain).err()));
    }
}

/// Holds a request that went up to what it was to be.
fn hold(head: &[u8], body: &[u8], complete: bool, clean: Clean, marks: &Marks) -> Result<(), String> {
    let filled = |text: &str| String::from_utf8_lossy(&marks.fill(text.as_bytes())).into_owned();
    let read = strict::read(head)?;
    let plain = read.first().ok_or("no head")?;
    let line = format!("{} {}", plain.method, plain.target);
    if line != filled(clean.line) || plain.framing() != filled(clean.framing) {
        return Err(format!("{line} with {:?} went up", plain.framing()));
    }
    if body != marks.fill(clean.body.as_bytes()) || !complete {
        return Err("another body went up".to_owned());
    }
    ours(plain)
}

/// What every request says of its caller and its host, and nothing of its hop. Source: contract, section 3.
fn ours(plain: &Plain) -> Result<(), String> {
    let host = plain.values("Host");
    if host != ["a"] && host != ["localhost"] {
        return Err(format!("the hosts {host:?} went up: {plain:?}"));
    }
    hold_fields(plain)
}

/// What holds for every host.
fn hold_fields(plain: &Plain) -> Result<(), String> {
    let host = plain.values("Host");
    if host.len() != 1 || plain.values("X-Forwarded-Host") != host {
        return Err(format!("the hosts {host:?} went up: {plain:?}"));
    }
    for (name, value) in [("X-Forwarded-User", USERNAME), ("X-Forwarded-For", "127.0.0.1")] {
        if read_as(plain, name) != [value] {
            return Err(format!("{name} is {:?}: {plain:?}", read_as(plain, name)));
        }
    }
    match NEVER.iter().find(|name| !read_as(plain, name).is_empty()) {
        Some(name) => Err(format!("{name} went up: {plain:?}")),
        None => Ok(()),
    }
}

/// The values of every field that a CGI, WSGI or PHP upstream would read as `name`.
fn read_as<'p>(plain: &'p Plain, name: &str) -> Vec<&'p str> {
    let spelled = |name: &str| name.replace(|letter: char| !letter.is_ascii_alphanumeric(), "-").to_ascii_lowercase();
    let fields = plain.fields.iter().filter(|(own, _)| spelled(own) == spelled(name));
    fields.map(|(_, value)| value.as_str()).collect()
}

fn shown(heard: &Result<Response, Closing>) -> String {
    match heard {
        Ok(response) => format!("{} {}", response.status(), response.text()),
        Err(closing) => format!("{closing:?}"),
    }
}

/// Shorter than what a read of the kit waits, so that the row is named.
const PATIENCE: Duration = Duration::from_secs(15);

const ALLOW: &str = "* /a/**, * /next, * //evil/a, * /http://evil/a";

/// Fields that never go up. Source: contract, section 3; RFC 9110, section 7.6.1.
const NEVER: [&str; 12] = [
    "Authorization",
    "Connection",
    "Expect",
    "HTTP2-Settings",
    "Keep-Alive",
    "Proxy-Connection",
    "TE",
    "Trailer",
    "Upgrade",
    "X-Original-URL",
    "X-Rewrite-URL",
    "Proxy",
];
