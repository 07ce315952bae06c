//! The built program from its command line: variables in, exit codes and words out.

use std::fs;

use crate::kit::{Ca, Caller, Program, Sidecar, Upstream, program::Said};

mod commands;
mod confined;
mod draining;
mod notifying;
mod sinks;
mod stopping;

/// A program whose variables are all good; its upstream is never called.
fn complete<const N: usize>(arguments: [&str; N]) -> Program {
    Sidecar::before("http://127.0.0.1:1").program(arguments)
}

fn shown(said: &Said) -> String {
    format!("exit code {}\nstdout:\n{}\nstderr:\n{}", said.code, said.out, said.err)
}

#[tokio::test]
async fn each_way_to_end_has_its_exit_code() {
    for (arguments, code) in [
        (&["--help"][..], 0),
        (&["--version"], 0),
        (&["vars"], 0),
        (&["serve"], 2),
        (&["check", "now"], 2),
        (&["vars", "--format", "xml"], 2),
        (&["new-key", "--alg", "none"], 2),
        (&["new-client", "a:b"], 2),
        (&["demo", "--listen", "8443"], 2),
        (&["hash-password"], 1),
        (&[], 78),
        (&["run"], 78),
        (&["check"], 78),
    ] {
        let said = Program::with_all(arguments).run().await;
        assert_eq!(said.code, code, "{arguments:?}: {}", shown(&said));
        assert!(code == 0 || (said.out.is_empty() && !said.err.is_empty()), "{arguments:?}: {}", shown(&said));
    }
}

#[tokio::test]
async fn without_variables_it_lists_what_is_missing_and_shows_the_demo() {
    for arguments in [&[][..], &["run"], &["check"]] {
        let said = Program::with_all(arguments).run().await;
        let lines: Vec<&str> = said.err.lines().collect();
        assert_eq!((said.code, lines[0]), (78, "bearergate: 6 problems in the configuration"), "{}", shown(&said));
        for name in ["UPSTREAM_URL", "TLS_CERT_FILE", "TLS_KEY_FILE", "CLIENT_USERNAME", "CLIENT_PASSWORD", "TOKEN_KEY"]
        {
            let start = format!("BEARERGATE_{name} is missing; ");
            assert!(lines.iter().any(|line| line.starts_with(&start)), "{name} {}", shown(&said));
        }
        assert_eq!(lines[7..], ["to see it work without any of this: bearergate demo"], "{}", shown(&said));
    }
}

/// M70, M75.
#[tokio::test]
async fn five_broken_variables_give_five_problems_and_show_no_secret() {
    let broken = [
        ("TOKEN_KEY", "planted-1"),
        ("CLIENT_PASSWORD", "planted-2\nplanted-2"),
        ("UPSTREAM_AUTHORIZATION", "Basic planted-3\u{1}"),
        ("UPSTREAM_URL", "http://user:planted-4@api"),
        ("TLS_KEY_FILE", "planted-5"),
    ];
    for command in ["run", "check"] {
        let program = broken.iter().fold(complete([command]), |program, (name, value)| program.var(name, *value));
        let said = program.run().await;
        let lines: Vec<&str> = said.err.lines().collect();
        assert_eq!((said.code, lines.len()), (78, 6), "{}", shown(&said));
        assert_eq!(lines[0], "bearergate: 5 problems in the configuration");
        for (name, _) in broken {
            let begun = lines.iter().filter(|line| line.starts_with(&format!("BEARERGATE_{name} ")));
            assert_eq!(begun.count(), 1, "{name}: {}", shown(&said));
        }
        assert!(said.out.is_empty() && !said.err.contains("planted"), "{}", shown(&said));
    }
}

/// M75.
#[tokio::test]
async fn an_unknown_name_is_a_problem_with_a_suggestion_and_without_its_value() {
    for (name, hint) in [
        ("LISTN", "did you mean BEARERGATE_LISTEN?"),
        ("TOKEN_KEY_FIEL", "did you mean BEARERGATE_TOKEN_KEY_FILE?"),
        ("QWERTY", "`bearergate vars` lists the names"),
    ] {
        let said = complete(["check"]).var(name, "planted").run().await;
        assert_eq!(said.code, 78, "{name}: {}", shown(&said));
        assert!(said.err.contains(&format!("BEARERGATE_{name} ")) && said.err.contains(hint), "{}", shown(&said));
        assert!(!said.err.contains("planted"), "{}", shown(&said));
    }
}

#[tokio::test]
async fn the_names_that_kubernetes_injects_for_a_service_are_ignored() {
    let links = [
        ("SERVICE_HOST", "10.0.0.9"),
        ("SERVICE_PORT", "8443"),
        ("SERVICE_PORT_HTTPS", "8443"),
        ("PORT", "tcp://10.0.0.9:8443"),
        ("PORT_8443_TCP", "tcp://10.0.0.9:8443"),
        ("PORT_8443_TCP_PROTO", "tcp"),
        ("PORT_8443_TCP_PORT", "8443"),
        ("PORT_8443_TCP_ADDR", "10.0.0.9"),
    ];
    let said = links.iter().fold(complete(["check"]), |program, (name, value)| program.var(name, *value)).run().await;
    assert_eq!(said.code, 0, "{}", shown(&said));
}

#[tokio::test]
async fn check_shows_what_every_variable_comes_to_and_no_secret() {
    let said = complete(["check"]).var("TOKEN_TTL", "2m").run().await;
    assert_eq!((said.code, said.out.lines().next()), (0, Some("ok")), "{}", shown(&said));
    for line in ["BEARERGATE_TOKEN_TTL=2m", "BEARERGATE_TOKEN_KEY=set", "BEARERGATE_MAX_BODY=10MiB (default)"] {
        assert!(said.out.lines().any(|each| each == line), "{line}: {}", shown(&said));
    }
    assert!(!said.out.contains(crate::kit::sidecar::PASSWORD) && !said.out.contains(crate::kit::sidecar::TOKEN_KEY));
}

/// M10, M46, M53.
#[tokio::test]
async fn check_and_run_refuse_what_would_not_serve_or_not_be_safe() {
    let other = Ca::new();
    let ca = Ca::shared();
    let directory = tempfile::tempdir().expect("a test machine has a temporary directory");
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        fs::write(&path, text).expect("the temporary directory can be written");
        path.display().to_string()
    };
    let [key, chain, own_key, missing] =
        [other.key_file(), ca.chain_file(), ca.key_file(), directory.path().join("none")]
            .map(|p| p.display().to_string());
    let (empty, weak) = (file("empty", "\n"), file("weak", "your-256-bit-secret\n"));
    let certificate = fs::read_to_string(ca.chain_file()).expect("the kit wrote it");
    for (name, value, what) in [
        ("TLS_KEY_FILE", &*key, "does not belong to the certificate"),
        ("TLS_KEY_FILE", &missing, "cannot be read"),
        ("TLS_KEY_FILE", &chain, "holds no PEM private key"),
        ("TLS_CERT_FILE", &missing, "cannot be read"),
        ("TLS_CERT_FILE", &own_key, "holds no PEM certificate"),
        ("TOKEN_KEY", "your-256-bit-secret", "anybody can guess"),
        ("TOKEN_KEY", "0123456789012345678901234567890", "needs 32"),
        ("TOKEN_KEY", &certificate, "certificate"),
        ("TOKEN_KEY_FILE", &weak, "anybody can guess"),
        ("UPSTREAM_URL", "http://203.0.114.7:8080", "is plain HTTP to a public address"),
        ("UPSTREAM_URL", "http://127.0.0.1:8080/api", "path"),
        ("CLIENT_PASSWORD", "dmlldHFyLWxpdmU=", "is the Base64 of the user name"),
        ("CLIENT_PASSWORD", "", "empty"),
        ("CLIENT_USERNAME", "", "empty"),
        ("CLIENT_PASSWORD_FILE", &empty, "is empty"),
        ("CLIENT_PASSWORD_HASH", "sha256:00", "64 hex"),
        ("TOKEN_TTL", "300", "has no unit"),
        ("WORKERS", "0", "is out of range"),
    ] {
        for command in ["check", "run"] {
            let twin = name.strip_suffix(if name.ends_with("_HASH") { "_HASH" } else { "_FILE" });
            let program = complete([command]).without(twin.unwrap_or_default());
            let said = program.var(name, value).run().await;
            let is_told = said.err.contains(&format!("BEARERGATE_{name} ")) && said.err.contains(what);
            assert!(said.code == 78 && is_told && said.out.is_empty(), "{name}={value}: {}", shown(&said));
        }
    }
}

#[tokio::test]
async fn a_public_upstream_over_plain_http_is_taken_when_that_is_wanted() {
    let program = complete(["check"]).var("UPSTREAM_URL", "http://203.0.114.7:8080").var("UPSTREAM_INSECURE", "true");
    let said = program.run().await;
    assert_eq!(said.code, 0, "{}", shown(&said));
}

#[tokio::test]
async fn a_secret_comes_from_a_file_without_one_final_line_end() {
    let upstream = Upstream::recording().await;
    let directory = tempfile::tempdir().expect("a test machine has a temporary directory");
    let key = "0123456789-0123456789-012345678";
    for (ending, is_good) in [("", false), ("\n", false), ("\r\n", false), ("k", true), ("k\n", true), ("k\r\n", true)]
    {
        let file = directory.path().join("key");
        fs::write(&file, format!("{key}{ending}")).expect("the temporary directory can be written");
        let program = Sidecar::guarding(&upstream).without("TOKEN_KEY").program(["check"]);
        let said = program.var("TOKEN_KEY_FILE", file.display().to_string()).run().await;
        assert_eq!(said.code == 0, is_good, "{ending:?}: {}", shown(&said));
    }

    let file = directory.path().join("password");
    fs::write(&file, "correct horse battery\n").expect("the temporary directory can be written");
    let program = Sidecar::guarding(&upstream).without("CLIENT_PASSWORD").program(["run"]);
    let running = program.var("CLIENT_PASSWORD_FILE", file.display().to_string()).start();
    let caller = Caller::of(running.address().await);
    for (password, status) in [("correct horse battery", 200), ("correct horse battery\n", 401)] {
        assert_eq!(caller.ask_token("vietqr-live", password).await.status(), status, "{password:?}");
    }
    assert_eq!(upstream.seen(), 0);
}

#[tokio::test]
async fn a_port_that_is_taken_ends_it_with_1_and_names_the_variable() {
    let first = Sidecar::before("http://127.0.0.1:1").program(["run"]).var("WORKERS", "2").start();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let stranger = listener.local_addr().expect("a bound socket has an address");
    for (who, address) in [("a stranger", stranger), ("an instance of ours", first.address().await)] {
        for workers in ["1", "2"] {
            let second = complete(["run"]).var("LISTEN", address.to_string()).var("WORKERS", workers).run().await;
            assert_eq!(second.code, 1, "{who}, {workers} workers: {}", shown(&second));
            assert!(
                second.err.contains(&format!("BEARERGATE_LISTEN: cannot listen on {address}")),
                "{}",
                shown(&second)
            );
            assert!(!second.out.contains("serving"), "{}", shown(&second));
        }
    }
    assert_eq!(
        Caller::of(first.address().await).exchange(crate::kit::RequestText::new("GET", "/")).await.status(),
        401
    );
}
