//! `bearergate init DIR`: a folder with everything that it takes to begin, and the one page to send to the network. It asks nothing.
//!
//! With a certificate of an authority of its own, so that `check`, `run` and `doctor` work in the folder as it is; the network needs a public
//! one, which takes its place.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use rustix::process::{getgid, getuid};

use super::{Exit, print, say};
use crate::auth::accounts::ClientName;
use crate::auth::keyring::{Algorithm, KeyFault, TokenKey};
use crate::tls::{self, TlsFault};
use crate::upstream::origin::{Host, Origin, OriginFault};

mod files;
mod folder;
mod site;

use files::{Made, Plan};
use folder::{Folder, FolderFault};
use site::Site;

use super::new_client::NoRandom;

/// The arguments of `bearergate init`.
#[derive(Args)]
pub(super) struct Wishes {
    /// The folder to make; it must not exist, or be empty
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Also write what this takes to run the gate
    #[arg(long = "for", value_enum, value_name = "PLATFORM")]
    platform: Option<Platform>,
    /// Where the network is to call: https://HOST, with the port and the base path if there are any
    #[arg(long, value_name = "URL", default_value = "https://localhost:8443")]
    url: Site,
    /// The API behind the gate
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080", value_parser = upstream)]
    upstream: String,
    /// The user name given to the network: 1 to 64 of A-Z a-z 0-9 . _ @ -
    #[arg(long, value_name = "NAME", default_value = "vietqr-live", value_parser = ClientName::parse)]
    username: ClientName,
}

/// What runs the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Platform {
    /// A compose file
    Compose,
    /// A Kustomize folder
    Kubernetes,
}

/// As whom a container runs, so that it can read what only its owner may.
#[derive(Clone, Copy)]
struct Run {
    user: u32,
    group: u32,
}

/// Why there is no ready folder.
#[derive(Debug, thiserror::Error)]
enum InitFault {
    /// The folder.
    #[error("{0}")]
    Folder(#[from] FolderFault),
    /// The password.
    #[error("{0}")]
    Password(#[from] NoRandom),
    /// The signing key.
    #[error("the key {0}")]
    Key(#[from] KeyFault),
    /// The certificate.
    #[error("{0}")]
    Tls(#[from] TlsFault),
}

pub(super) fn init(wishes: &Wishes) -> Exit {
    let upstream_port = beside(&wishes.upstream);
    if let (Some(platform), None) = (wishes.platform, upstream_port) {
        let name = platform.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
        say(&format!(
            "bearergate init: for {name} the API runs beside the gate; give its port as --upstream http://127.0.0.1:PORT"
        ));
        return Exit::WrongArguments;
    }
    match make(wishes, upstream_port) {
        Ok(exit) => exit,
        Err(fault) => {
            say(&format!("bearergate init: {fault}"));
            Exit::Failed
        }
    }
}

fn make(wishes: &Wishes, upstream_port: Option<u16>) -> Result<Exit, InitFault> {
    let folder = Folder::new(&wishes.folder)?;
    let made = Made {
        password: super::new_client::password()?,
        token_key: TokenKey::generate(Algorithm::Hs256)?,
        tls: tls::trial(&[wishes.url.endpoint().host().to_owned()])?,
    };
    let is_root = getuid().is_root();
    let run = match is_root {
        true => Run { user: IMAGE_USER, group: IMAGE_USER },
        false => Run { user: getuid().as_raw(), group: getgid().as_raw() },
    };
    let path = folder.path().display().to_string();
    let plan = Plan {
        folder: &path,
        site: &wishes.url,
        upstream: &wishes.upstream,
        upstream_port,
        username: &wishes.username,
        platform: wishes.platform,
        run,
    };
    let files = plan.files(&made);
    folder.fill(&files)?;
    if is_root && wishes.platform == Some(Platform::Compose) {
        folder.give(&["secret", "tls"], IMAGE_USER)?;
    }
    say(&format!("{path} is ready:"));
    for file in &files {
        say(&format!("  {}", file.path));
    }
    say(
        "\nTo the payment network, over a safe channel. The password is shown only this once, and is in none of these files:",
    );
    let exit = print(&format!("username={}\npassword={}", wishes.username, made.password.expose()));
    say(&plan.next_steps());
    Ok(exit)
}

impl Plan<'_> {
    /// What to do next, as lines for a shell and words for a person.
    fn next_steps(&self) -> String {
        let (folder, port) = (self.folder, self.site.named_port().unwrap_or(8443));
        let base = self.site.base().trim_end_matches('/');
        let start = match self.platform {
            None => {
                let stand_in = self.upstream_port.map(|port| {
                    format!("  bearergate demo --only-upstream 127.0.0.1:{port} &    # stands for your API until that is there\n")
                });
                let stand_in = stand_in.unwrap_or_default();
                format!("  set -a; . {folder}/env; set +a\n  bearergate check\n{stand_in}  bearergate &")
            }
            Some(Platform::Compose) => format!("  docker compose --project-directory {folder} up -d"),
            Some(Platform::Kubernetes) => format!(
                "  kubectl apply -k {folder}
  kubectl port-forward service/bearergate {port}:{} &",
                self.site.endpoint().port()
            ),
        };
        let usual_port = match (self.platform, self.site.named_port()) {
            (None, None) => USUAL_PORT,
            _ => "",
        };
        let port = if self.platform == Some(Platform::Compose) { self.site.endpoint().port() } else { port };
        format!(
            "
Try it:
{start}
  bearergate doctor https://localhost:{port}{base} --username {} --ca-file {folder}/tls/ca.pem

Before the network calls:
  - Put a certificate for {} from a public authority into tls/tls.crt (full chain) and tls/tls.key. The one that is
    there is for trying, for 30 days: the network does not accept it.
{usual_port}  - Fill in what stands in [brackets] in HANDOVER.md, send that page, and hand the password over apart from it.
  - Keep secret/ and tls/tls.key out of git.",
            self.username,
            self.site.endpoint().host()
        )
    }
}

/// The port of an API on the gate's own loopback.
fn beside(upstream: &str) -> Option<u16> {
    match Origin::parse(upstream) {
        Ok(Origin::Http(site)) => match site.host() {
            Host::Address(address) if address.is_loopback() => Some(site.port()),
            Host::Name(name) if name == "localhost" => Some(site.port()),
            _ => None,
        },
        _ => None,
    }
}

/// An upstream as `UPSTREAM_URL` takes it, which can also stand unquoted in every file.
fn upstream(text: &str) -> Result<String, String> {
    Origin::parse(text).map_err(|fault: OriginFault| fault.to_string())?;
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~:/[]".contains(&byte));
    plain.then(|| text.to_owned()).ok_or_else(|| "it may hold only letters, digits and - . _ ~ : / [ ]".to_owned())
}

/// A URL without a port means one that only root may listen on.
const USUAL_PORT: &str = "  - Lead port 443, which the URL means, to the gate's 8443 (a load balancer, a rule of the firewall), or name the port in --url.
";
/// The user and group of the image.
const IMAGE_USER: u32 = 65532;
