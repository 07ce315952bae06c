//! Every client: the one whose user name and password are variables, or those of the clients file.

use super::problems::Problem;
use super::reader::Reader;
use super::{client, clients_file, vars};
use crate::auth::accounts::{Account, AccountsFault, ClientName};
use crate::policy::{Clients, Policy};

/// What people may know of one client besides what it may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientSummary {
    /// What it is called.
    pub name: ClientName,
    /// How it logs in; `None` for one that has static tokens only.
    pub username: Option<String>,
    /// How many passwords it has.
    pub passwords: usize,
    /// How many static tokens it has.
    pub static_tokens: usize,
}

/// A client that is good by itself.
pub(super) struct Listed {
    pub(super) account: Account,
    pub(super) policy: Policy,
    pub(super) summary: ClientSummary,
}

/// All clients, each good and unlike the others.
pub(super) struct Roster {
    pub(super) clients: Clients,
    pub(super) summaries: Vec<ClientSummary>,
}

impl Roster {
    /// Reads the variables, and the clients file if they name one.
    pub(super) fn read(r: &mut Reader) -> Option<Self> {
        let file = r.read(&vars::CLIENTS_FILE);
        let given = client::Given::read(r);
        let name = vars::CLIENTS_FILE.name;
        if !r.was_set(name) {
            let (variable, listed) = given.client(r)?;
            return Self::of(vec![listed]).map_err(|fault| r.refuse(variable, format!("is refused: {fault}"), "")).ok();
        }
        let rivals = [&vars::CLIENT_USERNAME.name, &vars::CLIENT_PASSWORD.name, &vars::CLIENT_PASSWORD_HASH.name];
        for rival in rivals {
            if r.was_set(rival) {
                let remedy = "keep one of them; `bearergate new-client NAME` prints a line for the file";
                r.problem(Problem::new(*rival, format!("is set, and {name} too"), remedy));
            }
        }
        let listed = r.keep(clients_file::load(&file??))?;
        Self::of(listed).map_err(|fault| r.problem(Problem::new(name, format!("is refused: {fault}"), ""))).ok()
    }

    fn of(listed: Vec<Listed>) -> Result<Self, AccountsFault> {
        let mut summaries = Vec::new();
        let clients = listed.into_iter().map(|Listed { account, policy, summary }| {
            summaries.push(summary);
            (account, policy)
        });
        let clients = Clients::new(clients.collect())?;
        Ok(Self { clients, summaries })
    }
}
