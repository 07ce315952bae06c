//! `bearergate init`: a ready folder works as it is, holds no password, and overwrites nothing.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use crate::kit::{
    self, ClientTls, Program, RequestText, Upstream,
    program::{Caller, Said},
    text::basic,
};

mod manifests;

/// A temporary directory with a folder `gate` that `init` has made, and what it said.
struct Ready {
    directory: tempfile::TempDir,
    said: Said,
}

impl Ready {
    async fn with(more: &[&str]) -> Self {
        let directory = tempfile::tempdir().expect("a test machine has a temporary directory");
        let said = init(directory.path(), more).await;
        assert_eq!(said.code, 0, "{said:?}");
        Self { directory, said }
    }

    fn folder(&self) -> PathBuf {
        self.directory.path().join("gate").canonicalize().expect("it was made")
    }

    /// The value of a line that it printed.
    fn printed(&self, name: &str) -> String {
        let lines = self.said.out.lines().filter_map(|line| line.split_once('='));
        lines.filter(|(each, _)| *each == name).map(|(_, value)| value.to_owned()).next().unwrap_or_default()
    }

    fn text(&self, path: &str) -> String {
        fs::read_to_string(self.folder().join(path)).unwrap_or_else(|fault| panic!("{path}: {fault}"))
    }

    /// Every file, by its path below the folder.
    fn files(&self) -> BTreeMap<String, String> {
        fn walk(folder: &Path, below: &str, found: &mut BTreeMap<String, String>) {
            for entry in fs::read_dir(folder).expect("a folder").flatten() {
                let name = format!("{below}{}", entry.file_name().to_string_lossy());
                if entry.path().is_dir() {
                    walk(&entry.path(), &format!("{name}/"), found);
                } else {
                    found.insert(name, fs::read_to_string(entry.path()).expect("it is text"));
                }
            }
        }
        let mut found = BTreeMap::new();
        walk(&self.folder(), "", &mut found);
        found
    }

    /// The program with this command, in a shell that has read the `env` file as its first lines say.
    fn program(&self, command: &str) -> Program {
        let line = format!(r#"set -a; . {}/env; set +a; exec "$0" "$@""#, self.folder().display());
        Program::with_all(&[command]).by_shell(&line)
    }
}

async fn init(directory: &Path, more: &[&str]) -> Said {
    let arguments: Vec<&str> = ["init", "gate"].into_iter().chain(more.iter().copied()).collect();
    Program::with_all(&arguments).in_directory(directory).run().await
}

/// What a new user does: `init`, `check`, `run`, a token, a delivery.
#[tokio::test]
async fn the_gate_serves_in_a_fresh_folder_as_it_is() {
    let upstream = Upstream::recording().await;
    let ready = Ready::with(&["--upstream", &upstream.url(), "--url", "https://localhost:8443/vqr"]).await;
    let checked = ready.program("check").run().await;
    assert!(checked.code == 0 && checked.out.starts_with("ok\nclient vietqr-live: "), "{checked:?}");

    let running = ready.program("run").var("LISTEN", "127.0.0.1:0").var("ADMIN_LISTEN", "off").start();
    let tls = ClientTls::trusting(&ready.folder().join("tls/ca.pem"));
    let caller = Caller::trusting(running.address().await, tls);
    let login = |password: &str| {
        RequestText::new("POST", "/vqr/api/token_generate").header("Authorization", &basic("vietqr-live", password))
    };
    assert_eq!(caller.exchange(login("not the password")).await.status(), 401);
    let token = caller.exchange(login(&ready.printed("password"))).await;
    assert_eq!(token.status(), 200, "{token:?}");
    let token = token.json()["access_token"].as_str().unwrap_or_default().to_owned();
    assert_eq!(crate::kit::forge::part(&token, 1)["aud"], "https://localhost:8443/vqr");
    let call = |path: &str| RequestText::new("POST", path).bearer(&token).json("{}");
    assert_eq!(caller.exchange(call("/vqr/orders")).await.status(), 403, "the network's path alone is allowed");
    assert_eq!(upstream.seen(), 0);
    assert_eq!(caller.exchange(call("/vqr/bank/api/transaction-sync")).await.status(), 200);
    assert_eq!(upstream.seen(), 1);
}

#[tokio::test]
async fn the_env_file_is_read_alike_by_a_shell_and_by_whoever_takes_lines_as_they_are() {
    let ready = Ready::with(&["--url", "https://pay.example.com:9443/vqr"]).await;
    let env = ready.text("env");
    let mut names = Vec::new();
    for line in env.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.split_once('=').unwrap_or_else(|| panic!("{line}"));
        assert!(value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~:/[]+@".contains(&byte)), "{line}");
        let shell = Program::with([]).by_shell(&format!(". {}/env; printf %s \"${name}\"", ready.folder().display()));
        assert_eq!(shell.run().await.out, value, "{name}");
        names.push(name);
    }
    assert!(names.contains(&"BEARERGATE_LISTEN") && names.contains(&"BEARERGATE_TOKEN_AUDIENCE"), "{names:?}");
}

#[tokio::test]
async fn no_file_holds_the_password_and_only_the_owner_reads_a_secret() {
    for more in [&[][..], &["--for", "compose"], &["--for", "kubernetes"]] {
        let ready = Ready::with(more).await;
        let (password, files) = (ready.printed("password"), ready.files());
        assert!(password.len() == 32 && files.len() >= 7, "{more:?}: {files:?}");
        assert_eq!(ready.printed("username"), "vietqr-live");
        assert!(!ready.said.err.contains(&password), "{more:?}");
        for (path, text) in &files {
            assert!(
                !text.contains(&password) && !text.contains("{{") && text.ends_with('\n'),
                "{more:?} {path}: {text}"
            );
            assert!(ready.said.err.contains(path.as_str()), "{path} is not said");
        }
        let mode = |path: &str| fs::metadata(ready.folder().join(path)).expect("it is there").permissions().mode();
        for (path, expected) in [
            ("", 0o700),
            ("secret", 0o700),
            ("tls", 0o700),
            ("secret/token.key", 0o600),
            ("secret/clients.json", 0o600),
            ("tls/tls.key", 0o600),
            ("HANDOVER.md", 0o644),
        ] {
            assert_eq!(mode(path) & 0o7777, expected, "{more:?} {path}");
        }
        let clients: serde_json::Value = serde_json::from_str(&files["secret/clients.json"]).expect("it is JSON");
        assert_eq!(clients["clients"][0]["username"], "vietqr-live");
    }
}

#[tokio::test]
async fn the_page_for_the_network_has_what_it_takes_and_no_secret() {
    let ready = Ready::with(&["--url", "https://pay.example.com/vqr/", "--username", "vietqr-7"]).await;
    let page = ready.text("HANDOVER.md");
    for part in [
        "`POST https://pay.example.com/vqr/api/token_generate`",
        "`POST https://pay.example.com/vqr/bank/api/transaction-sync`",
        "`vietqr-7`",
        "host `pay.example.com`, base path `/vqr`",
        "`expires_in` 300 (seconds)",
        "[how, by whom, to whom; never by the same mail]",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let key = ready.text("secret/token.key");
    assert!(!page.contains(key.trim()) && !page.contains("sha256:"), "{page}");
    assert!(ready.said.err.contains("certificate for pay.example.com from a public authority"), "{}", ready.said.err);
}

#[tokio::test]
async fn nothing_is_ever_overwritten() {
    let ready = Ready::with(&[]).await;
    let before = ready.files();
    let again = init(ready.directory.path(), &["--for", "compose"]).await;
    assert!(again.code == 1 && again.err.contains("is not empty") && again.out.is_empty(), "{again:?}");
    assert_eq!(ready.files(), before);

    let other = tempfile::tempdir().expect("a test machine has a temporary directory");
    fs::create_dir(other.path().join("gate")).expect("it can be made");
    assert_eq!(init(other.path(), &[]).await.code, 0, "an empty folder is taken");
    fs::write(other.path().join("file"), "mine").expect("it can be written");
    let file = Program::with(["init", "file"]).in_directory(other.path()).run().await;
    assert!(file.code == 1 && file.err.contains("cannot be made"), "{file:?}");
    let odd = Program::with(["init", "a folder"]).in_directory(other.path()).run().await;
    assert!(odd.code == 1 && odd.err.contains("cannot stand unquoted"), "{odd:?}");
    assert!(!other.path().join("a folder").exists());
}

#[tokio::test]
async fn wrong_wishes_are_refused_and_nothing_is_made() {
    for (more, says) in [
        (&["--for", "nomad"][..], "possible values: compose, kubernetes"),
        (&["--url", "http://pay.example.com"], "must not travel in the clear"),
        (&["--url", "https://pay.example.com/api/token_generate"], "leave out the path of the call"),
        (&["--url", "pay.example.com"], "must begin with https://"),
        (&["--upstream", "127.0.0.1:8080"], "write http://host:port"),
        (&["--upstream", "http://127.0.0.1:8080/api"], "has a path"),
        (&["--upstream", "unix:/a b"], "may hold only letters"),
        (&["--username", "a:b"], "A-Z a-z 0-9"),
        (
            &["--for", "compose", "--upstream", "https://api.internal:443"],
            "give its port as --upstream http://127.0.0.1:PORT",
        ),
    ] {
        let directory = tempfile::tempdir().expect("a test machine has a temporary directory");
        let said = init(directory.path(), more).await;
        assert!(said.code == 2 && said.err.contains(says) && said.out.is_empty(), "{more:?}: {said:?}");
        assert_eq!(fs::read_dir(directory.path()).expect("it is there").count(), 0, "{more:?}");
    }
}

/// Runs a command that a machine may lack.
async fn tool(line: &str) -> Option<Said> {
    let name = line.split(' ').next().unwrap_or_default();
    if Program::with([]).by_shell(&format!("command -v {name}")).run().await.code != 0 {
        kit::skipped(&format!("there is no {name}"));
        return None;
    }
    Some(Program::with([]).by_shell(line).run().await)
}

#[tokio::test]
async fn a_url_without_a_port_comes_with_the_advice_to_lead_443_to_the_gate() {
    for (url, is_told) in [("https://pay.example.com/vqr", true), ("https://pay.example.com:8443/vqr", false)] {
        let ready = Ready::with(&["--url", url]).await;
        assert_eq!(ready.said.err.contains("Lead port 443"), is_told, "{url}: {:?}", ready.said);
    }
}
