//! `bearergate doctor URL`: plays the payment network against a running endpoint, anybody's, and says what it would make of it.
//!
//! Everything is asked first and judged afterwards, each check by a small function of what was heard. Nothing that is posted is a payment,
//! save one sample of 0 VND on demand; the password goes only to an endpoint whose certificate is believed; no secret is printed.

use std::io::{self, IsTerminal as _};
use std::time::{Duration, SystemTime};

use clap::Args;

use super::run::with_runtime;
use super::target::{Target, TargetFault};
use super::{Exit, print, say};
use crate::network::{Endpoint, Roots};
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
    #[command(flatten)]
    target: Target,
    /// The network's user name; its password is read from --password-file, else from the variable DOCTOR_PASSWORD, else from standard input
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
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

fn prepare(wishes: &Wishes) -> Result<Prepared, TargetFault> {
    let (endpoint, roots) = (wishes.target.endpoint()?, wishes.target.roots()?);
    let login = match &wishes.username {
        None => None,
        Some(username) => Some((username.clone(), wishes.target.password(username, PASSWORD_VARIABLE)?)),
    };
    Ok((endpoint, roots, login))
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
