//! Files that change under the running program, sometimes into something bad.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use rustix::process::Signal;
use serde_json::json;
use tokio::time::sleep;

use crate::certificates::Pair;
use crate::program::Program;

/// The clients file and the certificate pair that the program uses, and two pairs to choose from.
pub(super) struct Files {
    clients: PathBuf,
    used: Pair,
    pairs: [Pair; 2],
}

impl Files {
    /// Writes the first of everything.
    pub(super) fn write(folder: &Path, pairs: [Pair; 2]) -> io::Result<Self> {
        let used = Pair { chain: folder.join("tls.crt"), key: folder.join("tls.key") };
        let files = Self { clients: folder.join("clients.json"), used, pairs };
        replace(&files.clients, clients(1))?;
        files.renew(0)?;
        Ok(files)
    }

    /// The clients file.
    pub(super) fn clients(&self) -> &Path {
        &self.clients
    }

    /// The certificate pair.
    pub(super) fn pair(&self) -> &Pair {
        &self.used
    }

    /// Changes one after another, and has the program look.
    pub(super) async fn change_for_ever(self, program: &Program) {
        for step in 0_usize.. {
            sleep(EVERY).await;
            let changed = match step % 6 {
                0 => replace(&self.clients, clients(500)),
                1 => replace(&self.clients, r#"{"clients": [{"name":"#.to_owned()),
                2 => replace(&self.clients, clients(1)),
                3 => self.renew(1),
                4 => replace(&self.used.key, "no key".to_owned()),
                _ => self.renew(0),
            };
            if let Err(error) = changed.and_then(|()| program.signal(Signal::HUP)) {
                eprintln!("a file could not be changed: {error}");
            }
        }
    }

    fn renew(&self, which: usize) -> io::Result<()> {
        replace(&self.used.key, fs::read_to_string(&self.pairs[which].key)?)?;
        replace(&self.used.chain, fs::read_to_string(&self.pairs[which].chain)?)
    }
}

fn replace(file: &Path, text: String) -> io::Result<()> {
    let new = file.with_extension("new");
    fs::write(&new, text)?;
    fs::rename(new, file)
}

/// So many clients; the first is the network.
fn clients(count: usize) -> String {
    let client = |at: usize, name: String| {
        let hash = digest(&SHA256, if at == 0 { PASSWORD.to_owned() } else { format!("{PASSWORD}{at}") }.as_bytes());
        let hash: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        json!({"name": name, "username": name, "passwords": [format!("sha256:{hash}")]})
    };
    let others = (1..count).map(|at| client(at, format!("client-{at}")));
    let all: Vec<_> = [client(0, USERNAME.to_owned())].into_iter().chain(others).collect();
    json!({ "clients": all }).to_string()
}

pub(super) const USERNAME: &str = "vietqr";
pub(super) const PASSWORD: &str = "a password of many random characters";
const EVERY: Duration = Duration::from_secs(5);
