//! The order of the rules: who may pass to the upstream.
//!
//! [`Gate::admit`] is the only maker of [`Admitted`], and forwarding takes nothing else: a request that was not judged cannot be sent.
//! Source of the order (path, address, token, allow rule, rate): contract, section 3.

use std::sync::Arc;

use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Request};

use crate::auth::accounts::{Accounts, Caller};
use crate::auth::bearer;
use crate::auth::keyring::KeyRing;
use crate::clock::Clock;
use crate::refusal::{Denied, Refusal};
use crate::rules::base::BasePaths;
use crate::rules::path::SafePath;
use crate::rules::target::Target;

/// Judges every request that is not for the token endpoint.
pub struct Gate {
    accounts: Arc<Accounts>,
    keys: Arc<KeyRing>,
    clock: Clock,
    base_paths: BasePaths,
    strip: StripBasePath,
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
    request: Request<B>,
    caller: Caller,
    host: HeaderValue,
    target: PathAndQuery,
}

/// A request that stays outside, with what is left of it: its body still has to be dealt with.
#[derive(Debug)]
pub struct Turned<B> {
    /// Why.
    pub refusal: Refusal,
    /// The body, unread.
    pub body: B,
}

impl Gate {
    /// A gate for these clients, keys and base paths.
    #[must_use]
    pub fn new(
        accounts: Arc<Accounts>,
        keys: Arc<KeyRing>,
        clock: Clock,
        base_paths: BasePaths,
        strip: StripBasePath,
    ) -> Self {
        Self { accounts, keys, clock, base_paths, strip }
    }

    /// Lets a request through, or says why not. `path` is the path of `target`, which is the target of `request`.
    ///
    /// # Errors
    /// The first rule that says no, in the contract's order.
    pub fn admit<B>(
        &self,
        request: Request<B>,
        target: &Target,
        path: &SafePath<'_>,
    ) -> Result<Admitted<B>, Turned<B>> {
        match self.judge(request.headers(), target, path) {
            Ok((caller, forwarded)) => Ok(Admitted { request, caller, host: target.host().clone(), target: forwarded }),
            Err(refusal) => Err(Turned { refusal, body: request.into_body() }),
        }
    }

    fn judge(
        &self,
        headers: &HeaderMap,
        target: &Target,
        path: &SafePath<'_>,
    ) -> Result<(Caller, PathAndQuery), Refusal> {
        let token = bearer::parse(headers).map_err(Refusal::NoBearer)?;
        let claims = self.keys.verify(&token, self.clock.unix()).map_err(Refusal::BadToken)?;
        let caller = self.accounts.find(claims.client_name()).ok_or(Refusal::ClientGone)?;
        let below = self.base_paths.below(path).ok_or(Refusal::NotAllowed(Denied::OutsideBasePath))?;
        let forwarded = match self.strip {
            StripBasePath::No => target.path_and_query().clone(),
            StripBasePath::Yes => stripped(below, target)?,
        };
        Ok((caller, forwarded))
    }
}

impl<B> Admitted<B> {
    /// Who was let through.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Takes the request apart for sending: itself, the `Host` and the target the upstream is to see.
    #[must_use]
    pub fn into_parts(self) -> (Request<B>, Caller, HeaderValue, PathAndQuery) {
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
