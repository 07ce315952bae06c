//! What a ready folder has in it.

use serde_json::json;
use zeroize::Zeroizing;

use super::folder::{NewFile, Reader};
use super::site::Site;
use super::{Platform, Run};
use crate::auth::accounts::{ClientName, PasswordHash};
use crate::network::SYNC_PATH;
use crate::secret::Secret;
use crate::tls::Trial;

/// What was made for this folder alone.
pub(super) struct Made {
    pub(super) password: Secret<String>,
    pub(super) token_key: Secret<String>,
    pub(super) tls: Trial,
}

/// What differs from one folder to the next.
pub(super) struct Plan<'p> {
    /// The folder's whole path.
    pub(super) folder: &'p str,
    pub(super) site: &'p Site,
    pub(super) upstream: &'p str,
    pub(super) upstream_port: Option<u16>,
    pub(super) username: &'p ClientName,
    pub(super) platform: Option<Platform>,
    pub(super) run: Run,
}

impl Plan<'_> {
    /// Every file, in the order of a listing.
    pub(super) fn files(&self, made: &Made) -> Vec<NewFile> {
        let secret = |path, content: &str| file(path, content.to_owned(), Reader::Owner);
        let open = |path, content: String| file(path, content, Reader::Everybody);
        let mut files = vec![
            open("HANDOVER.md", self.fill(include_str!("templates/handover.md"))),
            open("env", self.fill(include_str!("templates/env"))),
            secret("secret/clients.json", &self.clients(&made.password)),
            secret("secret/token.key", &format!("{}\n", made.token_key.expose())),
            open("tls/ca.pem", made.tls.authority.clone()),
            open("tls/tls.crt", made.tls.chain.clone()),
            secret("tls/tls.key", made.tls.key.expose()),
        ];
        match self.platform {
            None => {}
            Some(Platform::Compose) => {
                files.push(open("compose.yaml", self.fill(include_str!("templates/compose.yaml"))))
            }
            Some(Platform::Kubernetes) => files.extend([
                open("api.yaml", self.fill(include_str!("templates/api.yaml"))),
                open("gate.yaml", self.fill(include_str!("templates/gate.yaml"))),
                open("kustomization.yaml", self.fill(include_str!("templates/kustomization.yaml"))),
                open("service.yaml", self.fill(include_str!("templates/service.yaml"))),
            ]),
        }
        files
    }

    /// One client, which may do what the network does and no more.
    fn clients(&self, password: &Secret<String>) -> String {
        let (name, hash) = (self.username.as_str(), PasswordHash::of_plain(password).text());
        let allow = format!("POST {SYNC_PATH}");
        let client = json!({ "name": name, "username": name, "passwords": [hash], "allow": [allow] });
        format!("{:#}\n", json!({ "clients": [client] }))
    }

    fn fill(&self, template: &str) -> String {
        let (site, endpoint) = (self.site, self.site.endpoint());
        // The usual port needs no line.
        let listen = match site.named_port() {
            None | Some(8443) => String::new(),
            Some(port) => format!("BEARERGATE_LISTEN=[::]:{port}\n"),
        };
        let Run { user, group } = self.run;
        [
            ("{{folder}}", self.folder.to_owned()),
            ("{{url}}", site.url().to_owned()),
            ("{{host}}", endpoint.host().to_owned()),
            ("{{authority}}", endpoint.authority()),
            ("{{base}}", site.base().to_owned()),
            ("{{port}}", endpoint.port().to_string()),
            ("{{token_url}}", format!("{endpoint}{}", endpoint.token_target())),
            ("{{sync_url}}", format!("{endpoint}{}", endpoint.sync_target())),
            ("{{upstream}}", self.upstream.to_owned()),
            ("{{upstream_port}}", self.upstream_port.map(|port| port.to_string()).unwrap_or_default()),
            ("{{listen}}", listen),
            ("{{username}}", self.username.to_string()),
            ("{{user}}", format!("{user}:{group}")),
            ("{{version}}", env!("CARGO_PKG_VERSION").to_owned()),
        ]
        .iter()
        .fold(template.to_owned(), |text, (mark, value)| text.replace(mark, value))
    }
}

fn file(path: &'static str, content: String, reader: Reader) -> NewFile {
    NewFile { path, content: Zeroizing::new(content), reader }
}
