//! Each form of a path, with an exact rule and with a `/**` rule, over HTTP/1.1 and HTTP/2.

use super::forms::{self, Fate, Form};
use crate::{
    holds::path::readings,
    kit::{
        self, Frames, RequestText, Sidecar,
        frames::{Last, StreamEnd, head},
    },
};

// Checklist M55.
#[tokio::test]
async fn a_client_that_is_allowed_one_path_reaches_no_other() {
    judge("* /bank/api/sync", |form| form.exact, |path| path == b"/bank/api/sync").await;
}

// Checklist M55.
#[tokio::test]
async fn a_client_that_is_allowed_what_is_below_a_path_gets_no_further() {
    judge("* /bank/**", |form| form.below, |path| path == b"/bank" || path.starts_with(b"/bank/")).await;
}

/// Sends every form and holds what comes of it to its fate; no reader of what went up gets outside of what is `allowed`.
#[expect(clippy::print_stdout, reason = "how many forms there are belongs to the result")]
async fn judge(rule: &str, fate: fn(&Form) -> Fate, allowed: fn(&[u8]) -> bool) {
    let (upstream, sidecar, token) = kit::guarded([("ALLOW", rule)]).await;
    let (mut faults, mut before) = (Vec::new(), 0);
    for form in forms::all() {
        let expected = fate(form);
        let http1 = over_http1(&sidecar, form, &token).await;
        let http2 = over_http2(&sidecar, form, &token, expected).await;
        let target = form.target.split('#').next().unwrap_or_default();
        let wanted = if expected == Fate::Passes { vec![target; 2] } else { Vec::new() };
        let requests = upstream.requests();
        let seen: Vec<&str> = requests[before..].iter().map(|seen| seen.target()).collect();
        before += seen.len();
        let told = http1 == Some(expected) && http2 == Some(expected) && seen == wanted;
        let crossed = seen.iter().any(|seen| !readings(path_of(seen)).iter().all(|reading| allowed(reading)));
        if !told || crossed {
            let Form { target, why, .. } = form;
            faults.push(format!(
                "{target:?} ({why}): {expected:?}, not {http1:?} and {http2:?}; the upstream saw {seen:?}"
            ));
        }
    }
    let count = forms::all().count();
    println!(
        "{count} forms of paths with {rule:?}, each over HTTP/1.1 and HTTP/2; {} not as they should be",
        faults.len()
    );
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(count >= FEWEST, "{count} forms");
    assert!(upstream.connections().len() <= 2, "what was refused opened no connection");
}

/// What becomes of it with a token, provided that without one nobody hears more than whether it is a path.
async fn over_http1(sidecar: &Sidecar, form: &Form, token: &str) -> Option<Fate> {
    let response = sidecar.exchange(RequestText::new("POST", form.target).body("x")).await;
    let without = said(response.status(), &response.refusal());
    let response = sidecar.exchange(RequestText::new("POST", form.target).bearer(token).body("x")).await;
    let with = said(response.status(), &response.refusal())?;
    // A bad path is judged before the token, a rule after it.
    let consistent = match with {
        Fate::BadPath | Fate::Nothing => without == Some(with),
        Fate::Passes | Fate::Denied => without.is_none(),
    };
    consistent.then_some(with)
}

async fn over_http2(sidecar: &Sidecar, form: &Form, token: &str, expected: Fate) -> Option<Fate> {
    let mut frames = Frames::connect(sidecar).await;
    let bearer = format!("Bearer {token}");
    let stream = frames.open(&head("GET", form.target, &[("authorization", &bearer)]), Last::Yes).await;
    let told = frames.told(stream).await;
    match (told.status, told.end) {
        (_, StreamEnd::Reset(_)) if expected == Fate::Nothing => Some(Fate::Nothing),
        // There it is a path to h2, and one of ours to refuse.
        (Some(400), StreamEnd::Whole) if expected == Fate::Nothing => Some(Fate::Nothing),
        (Some(status), StreamEnd::Whole) => said(status, &told.refusal()),
        _ => None,
    }
}

/// The fate that an answer tells; `None` for the answer to a request without a token, and for any other.
fn said(status: u16, refusal: &str) -> Option<Fate> {
    match (status, refusal) {
        (200, "") => Some(Fate::Passes),
        (403, "NOT_ALLOWED") => Some(Fate::Denied),
        (400, "BAD_PATH") => Some(Fate::BadPath),
        (400, "") => Some(Fate::Nothing),
        _ => None,
    }
}

fn path_of(target: &str) -> &[u8] {
    target.split('?').next().unwrap_or_default().as_bytes()
}

const FEWEST: usize = 120;
