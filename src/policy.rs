//! What each client may do: where to, from where, how often.
//!
//! Who a client is, is decided by `auth`; this says what it may, and is swapped together with the accounts when the clients change.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::auth::accounts::{Account, Accounts, AccountsFault, Caller, ClientName};
use crate::rules::allow::{AllowRules, Verdict};
use crate::rules::peer::AddressList;
use crate::rules::rate::Rate;

pub mod limits;

/// What one client may do. The rules for everybody hold as well.
#[derive(Debug)]
pub struct Policy {
    /// What it may call.
    pub allow: AllowRules,
    /// From where.
    pub addresses: AddressList,
    /// How often.
    pub rate: RatePolicy,
    /// How often it may ask for a token.
    pub token_rate: RatePolicy,
}

/// A client's own rate, or that of everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RatePolicy {
    /// `CLIENT_RATE` or `TOKEN_RATE`.
    Inherit,
    /// No limit.
    Off,
    /// Its own.
    Limited(Rate),
}

/// Every client with what it may do. Changes as a whole.
#[derive(Debug)]
pub struct Clients {
    accounts: Accounts,
    policies: HashMap<ClientName, Policy>,
}

/// Why a client may not do this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forbidden {
    /// The client may not come from this address.
    Address,
    /// No rule permits the method and path.
    Rule,
    /// A final slash more or less would be permitted.
    TrailingSlash,
}

/// What everybody may do: the variables `ALLOW` and `ALLOW_ADDRESSES`.
#[derive(Clone, Debug)]
pub struct Everybody {
    /// What may be called.
    pub allow: AllowRules,
    /// From where.
    pub addresses: AddressList,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            allow: AllowRules::everything(),
            addresses: AddressList::everyone(),
            rate: RatePolicy::Inherit,
            token_rate: RatePolicy::Inherit,
        }
    }
}

impl RatePolicy {
    /// The rate that holds, when `inherited` is everybody's.
    #[must_use]
    pub fn or(self, inherited: Option<Rate>) -> Option<Rate> {
        match self {
            Self::Inherit => inherited,
            Self::Off => None,
            Self::Limited(rate) => Some(rate),
        }
    }
}

impl Clients {
    /// Clients with what they may do.
    ///
    /// # Errors
    /// What [`Accounts::new`] says: none at all, or two with the same name, user name or token.
    pub fn new(clients: Vec<(Account, Policy)>) -> Result<Self, AccountsFault> {
        let (accounts, policies): (Vec<_>, Vec<_>) =
            clients.into_iter().map(|(account, policy)| (account.name().clone(), (account, policy))).map(split).unzip();
        Ok(Self { accounts: Accounts::new(accounts)?, policies: policies.into_iter().collect() })
    }

    /// Who the clients are.
    #[must_use]
    pub fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    /// Takes over what the clients before these had proved: which chosen passwords were right.
    pub fn inherit(&mut self, before: &Self) {
        self.accounts.inherit(&before.accounts);
    }

    /// What a client may do; `None` for one that is not configured.
    #[must_use]
    pub fn policy(&self, caller: &Caller) -> Option<&Policy> {
        self.policies.get(caller.client())
    }
}

fn split((name, (account, policy)): (ClientName, (Account, Policy))) -> (Account, (ClientName, Policy)) {
    (account, (name, policy))
}

impl Everybody {
    /// Whether this may be called from there, by the rules for everybody and the client's own. `below` is the raw path below the base path.
    ///
    /// # Errors
    /// The address before the rules; of the rules, the log learns it when a final slash was all that was wrong with any of them.
    pub fn permit(&self, policy: &Policy, peer: IpAddr, method: &str, below: &str) -> Result<(), Forbidden> {
        if !policy.addresses.contains(peer) {
            return Err(Forbidden::Address);
        }
        match (self.allow.permits(method, below), policy.allow.permits(method, below)) {
            (Verdict::Permitted, Verdict::Permitted) => Ok(()),
            (Verdict::Denied, _) | (_, Verdict::Denied) => Err(Forbidden::Rule),
            (Verdict::OnlyTrailingSlashDiffers, _) | (_, Verdict::OnlyTrailingSlashDiffers) => {
                Err(Forbidden::TrailingSlash)
            }
        }
    }
}
