//! `bearergate doctor URL`: plays the payment network against a running endpoint, anybody's, and says what it would make of it.
//!
//! Everything is asked first and judged afterwards, each check by a small function of what was heard. Nothing that is posted is a payment,
//! save one sample of 0 VND on demand; the password goes only to an endpoint whose certificate is believed; no secret is printed.

use std::fs::{self, File};
use std::io::{self, IsTerminal as _, Read};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use clap::Args;

use super::hash_password::{InputFault, read_password};
use super::run::with_runtime;
use super::{Exit, print, say};
use crate::network::{Endpoint, EndpointFault, Paths, Resolve, Roots, RootsFault};
use crate::secret::Secret;
use crate::units::{UnitFault, parse_duration};

mod certificate;
mod check;
mod checks;
mod examination;
mod finding;
mod forgery;
mod heard;
mod java;
mod reply;
mod report;
mod visit;

use examination::{Means, Sample, examine};
use finding::Mark;
use report::{Colour, ReportFormat, Subject};

/// The arguments of `bearergate doctor`.
#[derive(Args)]
pub(super) struct Wishes {
    /// The endpoint as it is registered with the network: https://HOST, with port and base path where there are any
    url: String,
    /// The network's user name; its password is read from --password-file, else from the variable DOCTOR_PASSWORD, else from standard input
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
    /// A file with the password
    #[arg(long, value_name = "FILE", requires = "username")]
    password_file: Option<PathBuf>,
    /// Believe the authorities in this PEM file too, for an endpoint that is not public yet
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Connect to this address for this host and port; may be given more than once
    #[arg(long, value_name = "HOST:PORT:ADDRESS")]
    resolve: Vec<Resolve>,
    /// The base path, when the URL has none
    #[arg(long, value_name = "PATH")]
    base_path: Option<String>,
    /// Where tokens are, below the base path [default: /api/token_generate]
    #[arg(long, value_name = "PATH")]
    token_path: Option<String>,
    /// Where payments are delivered, below the base path [default: /bank/api/transaction-sync]
    #[arg(long, value_name = "PATH")]
    sync_path: Option<String>,
    /// Deliver one sample of 0 VND, marked as such, and judge the answer
    #[arg(long, requires = "username")]
    send_sample: bool,
    /// The longest that all of it may take
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = within)]
    within: Duration,
    /// How to print the scorecard
    #[arg(long, value_enum, default_value_t)]
    format: ReportFormat,
}

/// Why nothing is examined: the arguments, or a file that one names.
#[derive(Debug, thiserror::Error)]
enum WishFault {
    #[error(transparent)]
    Endpoint(#[from] EndpointFault),
    #[error("{}: {source}", .file.display())]
    Unreadable { file: PathBuf, source: io::Error },
    #[error("--ca-file {}: {source}", .file.display())]
    Roots { file: PathBuf, source: RootsFault },
    #[error("the user name is empty, or holds a colon or a control character")]
    Username,
    #[error("the password {0}")]
    Password(#[from] InputFault),
}

pub(super) fn doctor(wishes: &Wishes) -> Exit {
    let (endpoint, roots, login) = match prepare(wishes) {
        Ok(prepared) => prepared,
        Err(fault) => {
            say(&format!("bearergate: {fault}"));
            return Exit::WrongArguments;
        }
    };
    let sample = if wishes.send_sample { Sample::Send } else { Sample::DoNotSend };
    let means = Means { endpoint: &endpoint, roots, login, sample, within: wishes.within };
    with_runtime(async {
        let outcome = examine(&means).await;
        let base = endpoint.sync_target().strip_suffix(crate::network::SYNC_PATH).unwrap_or_default();
        let url = format!("{endpoint}{base}");
        let subject = Subject { url, username: wishes.username.as_deref(), time: SystemTime::now() };
        let printed = print(&match wishes.format {
            ReportFormat::Text => outcome.text(&subject, colour()),
            ReportFormat::Json => outcome.json(&subject),
            ReportFormat::Markdown => outcome.markdown(&subject),
        });
        Ok(if outcome.count(Mark::Fail) > 0 { Exit::Failed } else { printed })
    })
}

type Prepared = (Endpoint, Roots, Option<(String, Secret<String>)>);

fn prepare(wishes: &Wishes) -> Result<Prepared, WishFault> {
    let paths = Paths {
        base: wishes.base_path.as_deref(),
        token: wishes.token_path.as_deref(),
        sync: wishes.sync_path.as_deref(),
    };
    let endpoint = Endpoint::parse(&wishes.url, paths)?.resolved_by(&wishes.resolve);
    let roots = match &wishes.ca_file {
        None => Roots::public(),
        Some(file) => {
            let pem = fs::read(file).map_err(|source| WishFault::Unreadable { file: file.clone(), source })?;
            Roots::public().and_pem(&pem).map_err(|source| WishFault::Roots { file: file.clone(), source })?
        }
    };
    let login = match &wishes.username {
        None => None,
        Some(username) if username.is_empty() || username.contains(|c: char| c == ':' || c.is_control()) => {
            return Err(WishFault::Username);
        }
        Some(username) => Some((username.clone(), password(wishes)?)),
    };
    Ok((endpoint, roots, login))
}

fn password(wishes: &Wishes) -> Result<Secret<String>, WishFault> {
    let mut source: Box<dyn Read> = match (&wishes.password_file, std::env::var(PASSWORD_VARIABLE)) {
        (Some(file), _) => {
            Box::new(File::open(file).map_err(|source| WishFault::Unreadable { file: file.clone(), source })?)
        }
        (None, Ok(password)) => Box::new(io::Cursor::new(zeroize::Zeroizing::new(password.into_bytes()))),
        (None, Err(_)) => {
            if io::stdin().is_terminal() {
                say("Password, then Enter and Ctrl-D. It is shown as you type; pipe it in to avoid that:");
            }
            Box::new(io::stdin().lock())
        }
    };
    Ok(read_password(&mut source)?)
}

fn within(text: &str) -> Result<Duration, UnitFault> {
    parse_duration(text)
}

fn colour() -> Colour {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if io::stdout().is_terminal() && !refused { Colour::On } else { Colour::Off }
}

/// Without our prefix: a name with it would have to be a setting, and a gate refuses to start with one that is not.
const PASSWORD_VARIABLE: &str = "DOCTOR_PASSWORD";
