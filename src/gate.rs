//! The order of the rules: who may pass to the upstream.
//!
//! [`Gate::admit`] is the only maker of [`Admitted`], and forwarding takes nothing else: a request that was not judged cannot be sent.
//! Source of the order (path, address, token, allow rule, rate): contract, section 3.

use std::net::IpAddr;
use std::sync::Arc;

use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Request};

use crate::auth::accounts::Caller;
use crate::auth::bearer;
use crate::auth::keyring::KeyRing;
use crate::clock::Clock;
use crate::live::Live;
use crate::policy::limits::Limits;
use crate::policy::{Clients, Everybody, Forbidden};
use crate::refusal::{Denied, Refusal};
use crate::rules::base::BasePaths;
use crate::rules::path::SafePath;
use crate::rules::target::Target;

/// Judges every request that is not for the token endpoint.
pub struct Gate {
    clients: Arc<Live<Clients>>,
    keys: Arc<Live<KeyRing>>,
    limits: Arc<Limits>,
    clock: Clock,
    rules: Rules,
}

/// The rules that hold for every client.
#[derive(Clone, Debug)]
pub struct Rules {
    /// From where, and what may be called.
    pub everybody: Everybody,
    /// The base paths registered with the network.
    pub base_paths: BasePaths,
    /// Whether the upstream sees them.
    pub strip: StripBasePath,
}

/// Whether the upstream sees the base path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StripBasePath {
    /// It is removed before forwarding.
    Yes,
    /// The upstream sees it.
    No,
}

/// Proof that the gate let this request through; forwarding accepts nothing else.
#[derive(Debug)]
pub struct Admitted<B> {
    request: Box<Request<B>>,
    caller: Caller,
    host: HeaderValue,
    target: PathAndQuery,
}

/// A request that stays outside, with what is left of it: its body still has to be dealt with.
#[derive(Debug)]
pub struct Turned<B> {
    /// Why.
    pub refusal: Refusal,
    /// Who it was found to be, when that was found out here.
    pub caller: Option<Caller>,
    /// The body, unread.
    pub body: B,
}

impl Gate {
    /// A gate for these clients, keys and rules.
    #[must_use]
    pub fn new(
        clients: Arc<Live<Clients>>,
        keys: Arc<Live<KeyRing>>,
        limits: Arc<Limits>,
        clock: Clock,
        rules: Rules,
    ) -> Self {
        Self { clients, keys, limits, clock, rules }
    }

    /// Lets a request from `peer` through, or says why not. `path` is the path of `target`, which is the target of `request`.
    ///
    /// # Errors
    /// The first rule that says no, in the contract's order.
    pub fn admit<B>(
        &self,
        request: Box<Request<B>>,
        peer: IpAddr,
        target: &Target,
        path: &SafePath<'_>,
    ) -> Result<Admitted<B>, Turned<B>> {
        let clients = self.clients.read();
        let caller = match self.prove(request.headers(), peer, &clients) {
            Ok(caller) => caller,
            Err(refusal) => return Err(Turned::unknown(refusal, request.into_body())),
        };
        match self.permit(&caller, &clients, request.method(), peer, target, path) {
            Ok(forwarded) => Ok(Admitted { request, caller, host: target.host().clone(), target: forwarded }),
            Err(refusal) => Err(Turned { refusal, caller: Some(caller), body: request.into_body() }),
        }
    }

    /// Who is calling.
    fn prove(&self, headers: &HeaderMap, peer: IpAddr, clients: &Clients) -> Result<Caller, Refusal> {
        if !self.rules.everybody.addresses.contains(peer) {
            return Err(Refusal::NotAllowed(Denied::Address));
        }
        self.caller(headers, clients)
    }

    /// What is forwarded, when this client may call that from there and now.
    fn permit(
        &self,
        caller: &Caller,
        clients: &Clients,
        method: &Method,
        peer: IpAddr,
        target: &Target,
        path: &SafePath<'_>,
    ) -> Result<PathAndQuery, Refusal> {
        let policy = clients.policy(caller).ok_or(Refusal::ClientGone)?;
        let below = self.rules.base_paths.below(path).ok_or(Refusal::NotAllowed(Denied::OutsideBasePath))?;
        self.rules.everybody.permit(policy, peer, method.as_str(), below).map_err(denied)?;
        let rate = policy.rate.or(self.limits.settings().requests);
        self.limits.request(caller.client(), rate).map_err(Refusal::TooManyRequests)?;
        match self.rules.strip {
            StripBasePath::No => Ok(target.path_and_query().clone()),
            StripBasePath::Yes => stripped(below, target),
        }
    }

    /// Whose token it is: one of ours, or one that a client was registered with.
    fn caller(&self, headers: &HeaderMap, clients: &Clients) -> Result<Caller, Refusal> {
        let token = bearer::parse(headers).map_err(Refusal::NoBearer)?;
        let now = self.clock.unix();
        match self.keys.read().verify(&token, now) {
            Ok(claims) => clients.accounts().find(claims.client_name()).ok_or(Refusal::ClientGone),
            Err(fault) => {
                let (caller, position) = clients.accounts().find_static(&token).ok_or(Refusal::BadToken(fault))?;
                caller.meter().static_token_used(position, now);
                Ok(caller)
            }
        }
    }
}

fn denied(forbidden: Forbidden) -> Refusal {
    Refusal::NotAllowed(match forbidden {
        Forbidden::Address => Denied::ClientAddress,
        Forbidden::Rule => Denied::Rule,
        Forbidden::TrailingSlash => Denied::TrailingSlash,
    })
}

impl<B> Turned<B> {
    /// A request of nobody that is known, or of somebody who has been noted already.
    #[must_use]
    pub const fn unknown(refusal: Refusal, body: B) -> Self {
        Self { refusal, caller: None, body }
    }
}

impl<B> Admitted<B> {
    /// Who was let through.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The request's body.
    pub fn body_mut(&mut self) -> &mut B {
        self.request.body_mut()
    }

    /// The body alone: it is not sent after all.
    #[must_use]
    pub fn into_body(self) -> B {
        self.request.into_body()
    }

    /// Takes the request apart for sending: itself, the `Host` and the target the upstream is to see.
    #[must_use]
    pub fn into_parts(self) -> (Box<Request<B>>, Caller, HeaderValue, PathAndQuery) {
        (self.request, self.caller, self.host, self.target)
    }
}

/// The target with only what stands below the base path, byte for byte.
fn stripped(below: &str, target: &Target) -> Result<PathAndQuery, Refusal> {
    let path = if below.is_empty() { "/" } else { below };
    let text = match target.path_and_query().query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    // What is left of a path that was parsed once begins with a slash and parses again.
    PathAndQuery::try_from(text).map_err(|_| Refusal::NotAllowed(Denied::OutsideBasePath))
}
