//! `bearergate demo`: the whole job with nothing else needed.
//!
//! Everything is made for this run and forgotten with it: certificate authority, certificate, signing key, client, sample upstream. Only the
//! authority's certificate is written down, for `curl --cacert`. With `--only-upstream` there is the sample upstream and nothing else, for a gate
//! that is started beside it.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use tokio::signal::unix::{SignalKind, signal};

use super::run::{Addresses, Signals, serve, with_runtime};
use super::{Exit, print, report, say};
use crate::app;
use crate::auth::keyring::{Algorithm, TokenKey};
use crate::config::{AdminListen, Config, ListenAddress, Machine, Tls, Vars};
use crate::log::Log;
use crate::secret::Secret;
use crate::tls;

mod invitation;
mod kind;
mod ledger;
mod upstream;

use invitation::{Invitation, USERNAME};
use kind::Kind;
pub(super) use ledger::Counts;
use ledger::Ledger;
use upstream::SampleUpstream;

/// The arguments of `bearergate demo`.
#[derive(Args)]
pub(super) struct Wishes {
    /// Where to listen; without it 127.0.0.1:8443, or a free port when that one is taken
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// What to print: curl lines for people, or name=value lines for a script
    #[arg(long, value_enum, default_value_t)]
    format: DemoFormat,
    /// How the sample API behind the gate takes deliveries
    #[arg(long, value_enum, value_name = "KIND", default_value_t)]
    upstream: Kind,
    /// Serve the sample API alone, without a gate, at this address of loopback: for a gate beside it
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = loopback, conflicts_with_all = ["listen", "format"])]
    only_upstream: Option<SocketAddr>,
    /// Keep what the sample API has booked in this file, and go on with it after a restart
    #[arg(long, value_name = "FILE")]
    ledger: Option<PathBuf>,
}

#[derive(Clone, Copy, Default, ValueEnum)]
enum DemoFormat {
    #[default]
    Curl,
    Env,
}

pub(super) fn demo(wishes: &Wishes) -> Exit {
    with_runtime(async {
        match wishes.only_upstream {
            Some(address) => only_upstream(wishes, address).await,
            None => whole(wishes).await,
        }
    })
}

/// The gate with the sample upstream behind it.
async fn whole(wishes: &Wishes) -> io::Result<Exit> {
    let signals = Signals::install()?;
    let sample = SampleUpstream::start(None, wishes.upstream, wishes.ledger()?)?;
    let (identity, ca) = tls::throw_away_ca(&[]).map_err(io::Error::other)?;
    let password = super::new_client::password().map_err(io::Error::other)?;
    let mut config = match config(&sample, wishes.upstream, &password) {
        Ok(config) => config,
        Err(problems) => return Ok(report(&problems)),
    };
    config.tls = Tls::With(identity, None);
    config.warnings.clear();
    config.listen = listen(wishes, &config);
    config.admin_listen = admin_listen(wishes, &config);
    let ca = write_ca(&ca)?;
    let log = Log::to(config.log, io::stderr());
    let (format, kind) = (wishes.format, wishes.upstream);
    let invite = |addresses: Addresses| {
        let url = format!("https://localhost:{}", addresses.callers.port());
        let page = addresses.admin.map(|admin| format!("http://{admin}/")).unwrap_or_default();
        let invitation = Invitation { url, page, ca, password, kind };
        print(&match format {
            DemoFormat::Curl => invitation.curl_lines(),
            DemoFormat::Env => invitation.env_lines(),
        });
    };
    let exit = serve(config, log, signals, invite).await;
    say(&sample.counts().sentence());
    Ok(exit)
}

/// The sample upstream alone, until SIGTERM or SIGINT.
async fn only_upstream(wishes: &Wishes, address: SocketAddr) -> io::Result<Exit> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let sample = SampleUpstream::start(Some(address), wishes.upstream, wishes.ledger()?);
    let sample = match sample {
        Ok(sample) => sample,
        Err(error) => {
            say(&format!("bearergate: cannot listen on {address}: {error}; free the port or choose another"));
            return Ok(Exit::Failed);
        }
    };
    let name = wishes.upstream.name();
    print(&format!(
        "the sample upstream is at http://{}, of kind {name}: it {}. GET /counts says what it has booked. Ctrl-C ends it.",
        sample.address(),
        wishes.upstream.lesson().does
    ));
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    say(&sample.counts().sentence());
    Ok(Exit::Done)
}

impl Wishes {
    fn ledger(&self) -> io::Result<Ledger> {
        self.ledger.as_deref().map(Ledger::kept_in).unwrap_or_else(|| Ok(Ledger::default()))
    }
}

/// The sample upstream checks no token, so nobody outside this host may reach it.
fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr = text.parse().map_err(|_| "write an address and a port, such as 127.0.0.1:8080")?;
    if address.ip().is_loopback() {
        Ok(address)
    } else {
        Err("it checks no token, so it listens on loopback alone; write 127.0.0.1 and a port".to_owned())
    }
}

fn config(sample: &SampleUpstream, kind: Kind, password: &Secret<String>) -> Result<Config, crate::config::Problems> {
    let key = TokenKey::generate(Algorithm::Hs256).map(|key| key.expose().clone()).unwrap_or_default();
    let upstream = format!("http://{}", sample.address());
    let mut vars = vec![
        ("BEARERGATE_UPSTREAM_URL", upstream.as_str()),
        ("BEARERGATE_TLS", "self-signed"),
        ("BEARERGATE_CLIENT_USERNAME", USERNAME),
        ("BEARERGATE_CLIENT_PASSWORD", password.expose()),
        ("BEARERGATE_TOKEN_KEY", &key),
        ("BEARERGATE_LOG_FORMAT", "text"),
        ("BEARERGATE_LOG_REFERENCE", "on"),
        ("BEARERGATE_DRAIN_DELAY", "0s"),
    ];
    if kind == Kind::Hanging {
        // Nobody who looks on wants to wait for half a minute.
        vars.push(("BEARERGATE_UPSTREAM_RESPONSE_TIMEOUT", "3s"));
    }
    Config::from_vars(Vars::from_pairs(vars), &Machine::detect())
}

/// The address that was asked for; else the usual one if it is free.
fn listen(wishes: &Wishes, config: &Config) -> ListenAddress {
    let usual = SocketAddr::from(([127, 0, 0, 1], config.listen.address.port()));
    let mut listen = ListenAddress { address: wishes.listen.unwrap_or(usual), fallback: None };
    if wishes.listen.is_none() && app::is_taken(usual) {
        listen.address.set_port(0);
    }
    listen
}

/// The usual address if it is free; a free port beside one that was asked for, so that two demos do not meet.
fn admin_listen(wishes: &Wishes, config: &Config) -> AdminListen {
    let AdminListen::At(mut usual) = config.admin_listen else { return AdminListen::Off };
    let any = wishes.listen.is_some_and(|listen| listen.port() == 0);
    if any || app::is_taken(usual) {
        usual.set_port(0);
    }
    AdminListen::At(usual)
}

/// Writes the authority's certificate where the README says, or to the temporary folder where that cannot be written.
fn write_ca(pem: &str) -> io::Result<PathBuf> {
    let write = |folder: &Path| {
        fs::create_dir_all(folder)?;
        let file = folder.join("ca.pem");
        fs::write(&file, pem)?;
        fs::canonicalize(file)
    };
    write(Path::new("certs/demo")).or_else(|_| write(&std::env::temp_dir().join("bearergate-demo")))
}
