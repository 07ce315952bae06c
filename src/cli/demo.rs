//! `bearergate demo`: the whole job with nothing else needed.
//!
//! Everything is made for this run and forgotten with it: certificate authority, certificate, signing key, client, sample upstream. Only the
//! authority's certificate is written down, for `curl --cacert`.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::run::{Addresses, Signals, serve, with_runtime};
use super::{Exit, print, report, say};
use crate::app;
use crate::auth::keyring::{Algorithm, TokenKey};
use crate::config::{AdminListen, Config, ListenAddress, Machine, Tls, Vars};
use crate::log::{self, Log};
use crate::secret::Secret;
use crate::tls;

mod upstream;

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
}

#[derive(Clone, Copy, Default, ValueEnum)]
enum DemoFormat {
    #[default]
    Curl,
    Env,
}

/// What somebody needs to call the demo.
struct Invitation {
    url: String,
    page: String,
    ca: PathBuf,
    password: Secret<String>,
}

pub(super) fn demo(wishes: &Wishes) -> Exit {
    with_runtime(async {
        let signals = Signals::install()?;
        let sample = SampleUpstream::start()?;
        let (identity, ca) = tls::throw_away_ca(&[]).map_err(io::Error::other)?;
        let password = super::new_client::password().map_err(io::Error::other)?;
        let mut config = match config(&sample, &password) {
            Ok(config) => config,
            Err(problems) => return Ok(report(&problems)),
        };
        config.tls = Tls::With(identity, None);
        config.warnings.clear();
        config.listen = listen(wishes, &config);
        config.admin_listen = admin_listen(wishes, &config);
        let ca = write_ca(&ca)?;
        let log = Log::to(log::Settings { format: log::Format::Text, ..config.log }, io::stderr());
        let format = wishes.format;
        let invite = |addresses: Addresses| {
            let url = format!("https://localhost:{}", addresses.callers.port());
            let page = addresses.admin.map(|admin| format!("http://{admin}/")).unwrap_or_default();
            let invitation = Invitation { url, page, ca, password };
            print(&match format {
                DemoFormat::Curl => invitation.curl_lines(),
                DemoFormat::Env => invitation.env_lines(),
            });
        };
        let exit = serve(config, log, signals, invite).await;
        say(&format!("the sample upstream booked {} payments", sample.deliveries()));
        Ok(exit)
    })
}

fn config(sample: &SampleUpstream, password: &Secret<String>) -> Result<Config, crate::config::Problems> {
    let key = TokenKey::generate(Algorithm::Hs256).map(|key| key.expose().clone()).unwrap_or_default();
    let upstream = format!("http://{}", sample.address());
    let vars = [
        ("BEARERGATE_UPSTREAM_URL", upstream.as_str()),
        ("BEARERGATE_TLS", "self-signed"),
        ("BEARERGATE_CLIENT_USERNAME", USERNAME),
        ("BEARERGATE_CLIENT_PASSWORD", password.expose()),
        ("BEARERGATE_TOKEN_KEY", &key),
        ("BEARERGATE_LOG_REFERENCE", "on"),
        ("BEARERGATE_DRAIN_DELAY", "0s"),
    ];
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

impl Invitation {
    fn curl_lines(&self) -> String {
        let (url, page, ca, password) = (&self.url, &self.page, &self.ca, self.password.expose());
        let curl = format!("curl --cacert '{}'", ca.display());
        let token = format!("{curl} -sS -X POST -u '{USERNAME}:{password}' {url}/api/token_generate");
        let json = "-H 'Content-Type: application/json'";
        format!(
            "# bearergate demo is serving {url} in front of a sample API. Ctrl-C ends it, and nothing is kept.

# 1. get a token, as the payment network does before every delivery
{token}

# 2. deliver a payment with a token: the sample API answers with a reftransactionid
TOKEN=$({token} | sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/')
{curl} -sS {json} -H \"Authorization: Bearer $TOKEN\" -d '{PAYMENT}' {url}{SYNC_PATH}

# 3. deliver without a token: 401, and the sample API hears nothing of it
{curl} -sS -i {json} -d '{PAYMENT}' {url}{SYNC_PATH}

# see what is going on in a browser: {page}

# also behind the gate: /stream?mb=100 sends 100 MiB, /slow?ms=3000 answers late, any other path is echoed
# one line of log for each request follows on standard error
"
        )
    }

    fn env_lines(&self) -> String {
        let Self { url, page, ca, password } = self;
        format!("url={url}\nusername={USERNAME}\npassword={}\npage={page}\nca={}", password.expose(), ca.display())
    }
}

const USERNAME: &str = "vietqr-demo";
const SYNC_PATH: &str = "/bank/api/transaction-sync";
/// The 13 members of a delivery, with invented values.
const PAYMENT: &str = concat!(
    r#"{"amount":150000,"orderId":"DH1001","serviceCode":"","referencenumber":"FT26327000001","bankaccount":"0123456789","sign":"","#,
    r#""transactionid":"T-1001","content":"DH1001 thanh toan","transType":"C","subTerminalCode":"","terminalCode":"","#,
    r#""transactiontime":1795420800000,"urlLink":""}"#
);
