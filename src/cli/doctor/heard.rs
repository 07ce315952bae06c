//! Everything that an endpoint is asked, in this order, and what it answered. The right password goes only where that is trusted.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;
use uuid::Uuid;

use super::checks::{gate, sample, token};
use super::examination::{Means, Sample, Trust};
use super::forgery::{Pattern, changed};
use super::reply::Reply;
use super::visit::Visit;
use crate::network::{Bearer, Login, Scheme, TokenBody, delivery, delivery_at, token_request};
use crate::secret::Secret;

mod judged;

/// Everything that was answered.
pub(super) struct Heard {
    token: Reply,
    without_body: Reply,
    with_form: Reply,
    wrong: Vec<Reply>,
    unknown: Vec<Reply>,
    no_login: Reply,
    bad: BadTokens,
    expired: Reply,
    token_slash: Reply,
    double_slash: Reply,
    delivery_slash: Reply,
    at_80: Reply,
    sample: Reply,
    good: Option<Secret<String>>,
}

/// What deliveries without a good token were answered.
struct BadTokens {
    none: Reply,
    null: Reply,
    forged: Reply,
    unsigned: Reply,
    samples: Vec<Reply>,
}

impl Heard {
    pub(super) async fn of(visit: &mut Visit<'_>, means: &Means<'_>, trust: Trust) -> Self {
        let login = match (&means.login, trust) {
            (Some((username, password)), Trust::Enough) => Ok(Login::Basic(username, password)),
            (Some(_), Trust::None) => Err(NO_TRUST),
            (None, _) => Err(NO_LOGIN),
        };
        let (at, at_sync) = (means.endpoint.token_target(), means.endpoint.sync_target());
        let asked = Instant::now();
        let token = right(visit, at, &login, TokenBody::Object).await;
        let without_body = right(visit, at, &login, TokenBody::Nothing).await;
        let with_form = right(visit, at, &login, TokenBody::Form).await;
        let token_slash = right(visit, &slash(at), &login, TokenBody::Object).await;
        let double_slash = right(visit, &format!("/{at}"), &login, TokenBody::Object).await;
        let good = token::token_of(&token);
        let (wrong, unknown) = wrong_logins(visit, means).await;
        let no_login = visit.wrong_login(Login::Nothing).await;
        let bad = BadTokens::tried(visit, means, good.as_ref()).await;
        let unarmed = delivery_at(means.endpoint, &slash(at_sync), Bearer::Nothing, gate::NO_PAYMENT.to_owned());
        let delivery_slash = visit.ask(unarmed).await;
        let at_80 = in_the_clear(visit).await;
        let sample = deliver_sample(visit, means.sample, good.as_ref()).await;
        let expired = expired(visit, &token, good.as_ref(), asked).await;
        Self {
            token,
            without_body,
            with_form,
            wrong,
            unknown,
            no_login,
            bad,
            expired,
            token_slash,
            double_slash,
            delivery_slash,
            at_80,
            sample,
            good,
        }
    }
}

impl BadTokens {
    async fn tried(visit: &mut Visit<'_>, means: &Means<'_>, good: Option<&Secret<String>>) -> Self {
        let username = means.login.as_ref().map_or(NOBODY, |(username, _)| username.as_str());
        let pattern = Pattern::of(good, username, unix_ms() / 1000);
        let none = probe(visit, Bearer::Nothing).await;
        let null = probe(visit, Bearer::Null).await;
        let signed = pattern.signed_with_samples();
        let forged = match good.or(signed.first()) {
            Some(token) => probe(visit, Bearer::Token(&changed(token))).await,
            None => Reply::Unsent("there is nothing to forge"),
        };
        let unsigned = probe(visit, Bearer::Token(&pattern.unsigned())).await;
        let mut samples = Vec::new();
        for token in &signed {
            samples.push(probe(visit, Bearer::Token(token)).await);
        }
        Self { none, null, forged, unsigned, samples }
    }
}

fn slash(target: &str) -> String {
    format!("{}/", target.trim_end_matches('/'))
}

/// A token call with the right password, if it may be sent.
async fn right(visit: &mut Visit<'_>, target: &str, login: &Result<Login<'_>, &'static str>, body: TokenBody) -> Reply {
    match login {
        Ok(login) => visit.token_at(target, *login, body).await,
        Err(why) => Reply::Unsent(why),
    }
}

/// Wrong passwords of the known user and of an unknown one, in turn, so that what slows one slows the other.
async fn wrong_logins(visit: &mut Visit<'_>, means: &Means<'_>) -> (Vec<Reply>, Vec<Reply>) {
    let (mut wrong, mut unknown) = (Vec::new(), Vec::new());
    for _ in 0..TRIES {
        let password = Secret::new(format!("wrong-{}", Uuid::now_v7().simple()));
        if let Some((username, _)) = &means.login {
            wrong.push(visit.wrong_login(Login::Basic(username, &password)).await);
        }
        unknown.push(visit.wrong_login(Login::Basic(NOBODY, &password)).await);
    }
    (wrong, unknown)
}

/// A delivery that must be refused. Its body is no payment.
async fn probe(visit: &mut Visit<'_>, bearer: Bearer<'_>) -> Reply {
    visit.ask(delivery(visit.endpoint, bearer, gate::NO_PAYMENT.to_owned())).await
}

/// A token call without credentials at port 80 of the same host.
async fn in_the_clear(visit: &mut Visit<'_>) -> Reply {
    if visit.endpoint.scheme() == Scheme::Http {
        return Reply::Unsent("the URL is http://");
    }
    let clear = visit.endpoint.by(Scheme::Http, 80);
    let request = token_request(&clear, clear.token_target(), Login::Nothing, TokenBody::Object);
    let tls = visit.tls.clone();
    visit.ask_at(&clear, &tls, request).await
}

async fn deliver_sample(visit: &mut Visit<'_>, sample: Sample, good: Option<&Secret<String>>) -> Reply {
    match (sample, good) {
        (Sample::DoNotSend, _) => Reply::Unsent("nothing was posted; --send-sample delivers one sample of 0 VND"),
        (Sample::Send, None) => Reply::Unsent("there is no token to deliver it with"),
        (Sample::Send, Some(token)) => {
            visit.payments += 1;
            visit.ask(delivery(visit.endpoint, Bearer::Token(token), sample::payment(unix_ms()).json())).await
        }
    }
}

/// A probe with a token that was good, two seconds after its end, where that is near.
async fn expired(visit: &mut Visit<'_>, token: &Reply, good: Option<&Secret<String>>, asked: Instant) -> Reply {
    let (Some(life), Some(good)) = (token::life_s(token), good) else { return Reply::Unsent("there is no token") };
    let over = asked + Duration::from_secs(life.min(SHORT_S) + 2);
    let wait = over.saturating_duration_since(Instant::now());
    if life > SHORT_S || !visit.can_wait(wait) {
        return Reply::Unsent("the token lives too long to wait for its end");
    }
    tokio::time::sleep(wait).await;
    probe(visit, Bearer::Token(good)).await
}

fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Of each kind of wrong login; with the one without a header they stay under ten.
const TRIES: usize = 3;
const NOBODY: &str = "bearergate-doctor-nobody";
/// Seconds that are worth waiting for the end of a token.
const SHORT_S: u64 = 5;
pub(super) const NO_LOGIN: &str = "no --username was given";
const NO_TRUST: &str = "the password is not sent to an endpoint whose certificate is not believed; for a trial, --ca-file names its authority";
