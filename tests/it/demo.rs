//! `bearergate demo`: what it prints works as printed, and it leaves one file behind.

use std::{
    collections::BTreeMap,
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
};

mod kinds;

use crate::kit::{
    self, Ca, ClientTls, Program, Raw, RequestText,
    program::{Running, Said},
    wait_until,
};

/// A demo in this directory, on a free port.
pub(super) fn demo<const N: usize>(directory: &Path, more: [&str; N]) -> Running {
    let arguments: Vec<&str> = ["demo", "--listen", "127.0.0.1:0"].into_iter().chain(more).collect();
    Program::with_all(&arguments).in_directory(directory).start()
}

/// What it prints, as soon as it has printed the last line of it.
async fn printed(running: &Running, last: &str) -> String {
    wait_until("the demo to say how it is called", || running.out().contains(last)).await;
    running.out()
}

/// The `name=value` lines of `--format env`.
pub(super) async fn named(running: &Running) -> BTreeMap<String, String> {
    let text = printed(running, "\nca=").await;
    text.lines().filter_map(|line| line.split_once('=')).map(|(name, value)| (name.into(), value.into())).collect()
}

/// The lines below the comment that begins with `# <number>.`.
fn lines_below(text: &str, number: u8) -> String {
    let begun = text.lines().skip_while(|line| !line.starts_with(&format!("# {number}."))).skip(1);
    let lines: Vec<&str> = begun.take_while(|line| !line.is_empty()).collect();
    assert!(!lines.is_empty(), "nothing to paste for {number} in\n{text}");
    lines.join("\n")
}

/// What a shell without a variable of ours makes of pasted lines.
async fn paste(lines: &str) -> Said {
    Program::with([]).by_shell(lines).run().await
}

async fn files_below(directory: &Path) -> Vec<PathBuf> {
    let found = Program::with([]).by_shell("find . -type f").in_directory(directory).run().await;
    found.out.lines().map(PathBuf::from).collect()
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a test machine has a temporary directory")
}

#[tokio::test]
async fn the_printed_lines_work_in_a_shell_as_they_are() {
    if paste("curl --version").await.code != 0 {
        kit::skipped("there is no curl to paste the lines to");
        return;
    }
    let directory = folder();
    let mut running = demo(directory.path(), []);
    let text = printed(&running, "standard error\n").await;

    let token = paste(&lines_below(&text, 1)).await;
    let answer: serde_json::Value = serde_json::from_str(&token.out).unwrap_or_default();
    assert_eq!(
        (token.code, &answer["token_type"], &answer["expires_in"]),
        (0, &"Bearer".into(), &300.into()),
        "{token:?}"
    );

    let delivery = paste(&lines_below(&text, 2)).await;
    let answer: serde_json::Value = serde_json::from_str(&delivery.out).unwrap_or_default();
    assert_eq!((delivery.code, &answer["error"]), (0, &false.into()), "{delivery:?}");
    assert!(answer["object"]["reftransactionid"].as_str().is_some_and(|text| !text.is_empty()), "{delivery:?}");

    let refused = paste(&lines_below(&text, 3)).await;
    assert!(refused.out.contains(" 401") && refused.out.contains("INVALID_AUTH_HEADER"), "{refused:?}");

    let whole = paste(&text).await;
    let found = ["access_token", "reftransactionid", " 401"].map(|part| whole.out.contains(part));
    assert_eq!((whole.code, &*whole.err, found), (0, "", [true; 3]), "what is no command is a comment: {whole:?}");

    running.signal("INT");
    assert_eq!(running.exit().await, 0);
    assert!(
        running.err().contains("the sample upstream booked 1 payment in 2 bookings: 1 too many"),
        "{}",
        running.err()
    );
    assert!(running.err().contains("referencenumber=\"FT26327000001\""), "{}", running.err());
    assert_eq!(running.err().matches(" request ").count(), 8, "{}", running.err());
    let shown = r#""BEARERGATE_LOG_FORMAT":"text""#;
    assert!(running.err().contains(shown), "the log is text, and says so: {}", running.err());
}

/// M70 for the demo: its password and its token are in what it prints, and in no line of its log.
#[tokio::test]
async fn its_certificate_is_verified_with_the_ca_that_it_names_and_with_no_other() {
    let directory = folder();
    let running = demo(directory.path(), ["--format", "env"]);
    let named = named(&running).await;
    assert_eq!(named.keys().map(String::as_str).collect::<Vec<_>>(), ["ca", "page", "password", "url", "username"]);
    let address = named["url"].replace("https://localhost", "127.0.0.1").parse().expect("the URL has a port");
    let ca = Path::new(&named["ca"]);
    assert_eq!(ca, directory.path().canonicalize().expect("it exists").join("certs/demo/ca.pem"));

    let mut raw = Raw::tls(address, &ClientTls::trusting(ca)).await;
    let request = RequestText::new("POST", "/api/token_generate");
    raw.write(request.basic(&named["username"], &named["password"]).bytes()).await;
    let answer = raw.read_response().await;
    assert_eq!(answer.status(), 200);
    for (tls, works) in [
        (ClientTls::trusting(ca).server_name("127.0.0.1"), true),
        (ClientTls::trusting(ca).server_name("example.com"), false),
        (Ca::shared().client(), false),
    ] {
        assert_eq!(Raw::try_tls(address, &tls).await.is_ok(), works, "{}", tls.name());
    }
    wait_until("the line of the token request", || running.err().contains("token_issued")).await;
    let token = answer.json()["access_token"].as_str().unwrap_or_default().to_owned();
    assert!(!token.is_empty() && !running.err().contains(&token) && !running.err().contains(&named["password"]));
}

#[tokio::test]
async fn the_certificate_of_the_ca_is_the_only_file_that_it_leaves() {
    let directory = folder();
    let mut running = demo(directory.path(), ["--format", "env"]);
    named(&running).await;
    running.signal("TERM");
    assert_eq!(running.exit().await, 0, "{}", running.err());
    assert_eq!(files_below(directory.path()).await, [Path::new("./certs/demo/ca.pem")]);
    let text = fs::read_to_string(directory.path().join("certs/demo/ca.pem")).expect("it is text");
    assert!(text.starts_with("-----BEGIN CERTIFICATE-----") && !text.contains("PRIVATE"));
}

#[tokio::test]
async fn where_the_folder_cannot_be_written_the_ca_goes_to_the_temporary_folder() {
    let directory = folder();
    fs::write(directory.path().join("certs"), "a file where the folder would be").expect("it can be written");
    fs::create_dir(directory.path().join("tmp")).expect("it can be made");
    let program = Program::with(["demo", "--listen", "127.0.0.1:0", "--format", "env"]).in_directory(directory.path());
    let running = program.by_shell(r#"export TMPDIR="$PWD/tmp"; exec "$0" "$@""#).start();
    let ca = named(&running).await.remove("ca").unwrap_or_default();
    assert!(ca.ends_with("/tmp/bearergate-demo/ca.pem") && Path::new(&ca).exists(), "{ca}");
}

#[tokio::test]
async fn when_its_usual_port_is_taken_it_takes_a_free_one() {
    // Either this takes the port, or somebody else has it already.
    let _taken = TcpListener::bind("127.0.0.1:8443");
    let directory = folder();
    let running = Program::with(["demo", "--format", "env"]).in_directory(directory.path()).start();
    let url = named(&running).await.remove("url").unwrap_or_default();
    assert!(url.starts_with("https://localhost:") && url != "https://localhost:8443", "{url}");

    let address = url.replace("https://localhost", "127.0.0.1");
    let second = Program::with(["demo", "--listen", &address]).in_directory(directory.path()).run().await;
    assert!(second.code == 1 && second.err.contains(&format!("cannot listen on {address}")), "{second:?}");
}
