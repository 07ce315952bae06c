//! The clients file: JSON with one client or many. Its shape is in the README; every problem of it is reported, each with its place.

use std::collections::HashMap;
use std::fmt::Display;
use std::path::Path;

use super::client::{IS_SAMPLE, is_sample};
use super::clients::{ClientSummary, Listed};
use super::problems::Problem;
use super::variable::Complaint;
use super::{file, parse, vars};
use crate::auth::accounts::{Account, AccountsFault, ClientName, NameFault, PasswordHash, StaticToken};
use crate::policy::{Policy, RatePolicy};
use crate::rules::allow::{AllowFault, AllowRules};
use crate::rules::peer::{AddressList, AddressListFault};

mod json;
mod page;
#[cfg(test)]
mod tests;

use json::Json;
use page::{Fields, Page};

/// Loads the file, at most 1 MiB. The clients are unlike each other by name, user name and static token; there is one at least.
///
/// # Errors
/// Every problem of the file; none repeats a value.
pub(super) fn load(path: &Path) -> Result<Vec<Listed>, Vec<Problem>> {
    let bytes = file::bytes(vars::CLIENTS_FILE.name, path).map_err(|problem| vec![problem])?;
    let mut book = Book { page: Page::of(path), seen: HashMap::new() };
    let listed = book.read(&bytes);
    if book.page.problems.is_empty() { Ok(listed) } else { Err(book.page.problems) }
}

/// The file as far as it has been read.
struct Book {
    page: Page,
    /// What only one client may have: the field, its value, and the number of that client.
    seen: HashMap<(&'static str, String), usize>,
}

impl Book {
    fn read(&mut self, bytes: &[u8]) -> Vec<Listed> {
        let json: Json<'_> = match serde_json::from_slice(bytes) {
            Ok(json) => json,
            Err(error) => {
                self.page.note(format_args!("it is not JSON: {error}"), "compare it with the sample in the README");
                return Vec::new();
            }
        };
        self.page.place = "it ".to_owned();
        let Some(mut fields) = self.page.fields(json, &["clients"]) else { return Vec::new() };
        let entries = match fields.take("clients") {
            Some(Json::List(entries)) if !entries.is_empty() => entries,
            other => {
                let what = match other {
                    None => "has no field clients".to_owned(),
                    Some(Json::List(_)) => "has no client in clients".to_owned(),
                    Some(other) => format!("has in clients {}, not a list", other.kind()),
                };
                self.page.note(what, "`bearergate new-client NAME` prints a line for it");
                return Vec::new();
            }
        };
        if entries.len() > MOST_CLIENTS {
            self.page.note(format_args!("has {} clients, allowed are {MOST_CLIENTS}", entries.len()), "");
            return Vec::new();
        }
        entries.into_iter().zip(1..).filter_map(|(entry, number)| self.client(entry, number)).collect()
    }

    fn client(&mut self, entry: Json<'_>, number: usize) -> Option<Listed> {
        self.page.place = format!("client number {number} ");
        let name = name_of(&entry);
        if let Some(name) = &name {
            self.page.place = format!("client {name} ");
        }
        let mut fields = self.page.fields(entry, &FIELDS)?;
        // From here on the sentences begin with a field.
        self.page.place = format!("{}: ", self.page.place.trim_end());
        let name = self.name(&mut fields, number);
        let username = self.username(&mut fields, number);
        let passwords = self.page.texts(&mut fields, "passwords", MOST_SECRETS, |text, number| {
            PasswordHash::parse(text).map_err(|fault| entry_of(number, fault))
        });
        let tokens = self.tokens(&mut fields, number);
        let policy = self.policy(&mut fields);
        let (name, username, passwords, tokens) = (name?, username?, passwords?, tokens?);
        let summary = ClientSummary {
            name: name.clone(),
            username: username.clone(),
            passwords: passwords.as_ref().map_or(0, Vec::len),
            static_tokens: tokens.as_ref().map_or(0, Vec::len),
        };
        let account = self.account(name, username, passwords, tokens)?;
        Some(Listed { account, policy: policy?, summary })
    }

    fn name(&mut self, fields: &mut Fields<'_>, number: usize) -> Option<ClientName> {
        let Some(name) = self.page.text(fields, "name", |text| ClientName::parse(text).map_err(said))? else {
            self.page.note("name is missing", "give each client a name");
            return None;
        };
        self.unique("name", name.to_string(), number)?;
        Some(name)
    }

    fn username(&mut self, fields: &mut Fields<'_>, number: usize) -> Option<Option<String>> {
        let parse = |text: &str| ClientName::parse(text).map(|_| text.to_owned()).map_err(said);
        let username = self.page.text(fields, "username", parse)?;
        if let Some(username) = &username {
            self.unique("username", username.clone(), number)?;
        }
        Some(username)
    }

    fn tokens(&mut self, fields: &mut Fields<'_>, number: usize) -> Option<Option<Vec<StaticToken>>> {
        let parse = |text: &str, number| StaticToken::parse(text).map_err(|fault| entry_of(number, fault));
        let tokens = self.page.texts(fields, "static_tokens", MOST_SECRETS, parse)?;
        for token in tokens.iter().flatten() {
            self.unique("static_tokens", token.text(), number)?;
        }
        Some(tokens)
    }

    /// `None`, and a problem, when another client has the same.
    fn unique(&mut self, field: &'static str, value: String, number: usize) -> Option<()> {
        let first = *self.seen.entry((field, value)).or_insert(number);
        if first == number {
            return Some(());
        }
        let what = if field == "static_tokens" { "has a token that" } else { "is what" };
        self.page.note(format_args!("{field} {what} client number {first} has"), "give each client its own");
        None
    }

    fn account(
        &mut self,
        name: ClientName,
        username: Option<String>,
        passwords: Option<Vec<PasswordHash>>,
        tokens: Option<Vec<StaticToken>>,
    ) -> Option<Account> {
        let account = match (username, passwords) {
            (Some(username), Some(passwords)) => {
                self.refuse_samples(&name, &username, &passwords)?;
                Account::new(name, username, passwords)
                    .map(|account| account.with_static_tokens(tokens.unwrap_or_default()))
            }
            (Some(_), None) => return self.lacks("passwords", "username"),
            (None, Some(_)) => return self.lacks("username", "passwords"),
            (None, None) => Account::of_tokens(name, tokens.unwrap_or_default()),
        };
        account.map_err(|fault| self.refuse(&fault)).ok()
    }

    fn lacks(&mut self, missing: &str, given: &str) -> Option<Account> {
        self.page
            .note(format_args!("{missing} is missing, and {given} is of no use without it"), "give both, or neither");
        None
    }

    fn refuse(&mut self, fault: &AccountsFault) {
        match fault {
            AccountsFault::NoWayIn { .. } => {
                let what = "has neither passwords nor static_tokens, so it could never call";
                self.page.note(
                    what,
                    "`bearergate new-client NAME` prints a line for it, with --static one with a fixed token",
                );
            }
            fault => self.page.note(format_args!("is refused: {fault}"), ""),
        }
    }

    /// `None`, and a problem for each password that everybody knows who knows the user name.
    fn refuse_samples(&mut self, name: &ClientName, username: &str, passwords: &[PasswordHash]) -> Option<()> {
        let before = self.page.problems.len();
        for (password, number) in passwords.iter().zip(1..) {
            match is_sample(name, username, password) {
                Ok(false) => {}
                Ok(true) => {
                    let what = format!("passwords {}", entry_of(number, IS_SAMPLE));
                    self.page.note(what, "`bearergate new-client NAME` prints a good one");
                }
                Err(fault) => self.refuse(&fault),
            }
        }
        (self.page.problems.len() == before).then_some(())
    }

    fn policy(&mut self, fields: &mut Fields<'_>) -> Option<Policy> {
        // Rule by rule, so that each that is wrong is named.
        let allow = self.page.texts(fields, "allow", usize::MAX, |text, number| match AllowRules::of([text]) {
            Ok(_) => Ok(text.to_owned()),
            Err(fault) => Err(AllowFault { number, ..fault }.to_string()),
        });
        let addresses =
            self.page.texts(fields, "addresses", usize::MAX, |text, number| match AddressList::of([text]) {
                Ok(_) => Ok(text.to_owned()),
                Err(fault) => Err(AddressListFault { number, ..fault }.to_string()),
            });
        let (rate, token_rate) = (self.rate(fields, "rate"), self.rate(fields, "token_rate"));
        let allow =
            allow?.map_or(Ok(AllowRules::everything()), |rules| AllowRules::of(rules.iter().map(String::as_str)));
        let addresses =
            addresses?.map_or(Ok(AddressList::everyone()), |list| AddressList::of(list.iter().map(String::as_str)));
        Some(Policy { allow: allow.ok()?, addresses: addresses.ok()?, rate: rate?, token_rate: token_rate? })
    }

    fn rate(&mut self, fields: &mut Fields<'_>, name: &str) -> Option<RatePolicy> {
        let parse = |text: &str| parse::rate(text).map_err(sentence);
        Some(match self.page.text(fields, name, parse)? {
            None => RatePolicy::Inherit,
            Some(None) => RatePolicy::Off,
            Some(Some(rate)) => RatePolicy::Limited(rate),
        })
    }
}

/// The name of a client, when it has a good one.
fn name_of(entry: &Json<'_>) -> Option<ClientName> {
    let Json::Object(fields) = entry else { return None };
    fields.iter().find_map(|(field, value)| match value {
        Json::Text(text) if field == "name" => ClientName::parse(text).ok(),
        _ => None,
    })
}

fn entry_of(number: usize, fault: impl Display) -> String {
    format!("entry {number} {fault}")
}

fn said(fault: NameFault) -> String {
    fault.to_string()
}

fn sentence(complaint: Complaint) -> String {
    match &*complaint.remedy {
        "" => complaint.what.into_owned(),
        remedy => format!("{}; {remedy}", complaint.what),
    }
}

/// The fields of a client.
const FIELDS: [&str; 8] =
    ["name", "username", "passwords", "static_tokens", "allow", "addresses", "rate", "token_rate"];

/// Far more than there are callers of one API.
const MOST_CLIENTS: usize = 1000;
/// Passwords, and static tokens, of one client: two during a rotation, and some to spare. Every failed login is compared with as many.
const MOST_SECRETS: usize = 8;
