//! The commands beside `run`: what one prints, the next one takes.

use serde_json::Value;

use super::{complete, shown};
use crate::kit::{Caller, Program, Sidecar, Upstream};

/// A `run` or `check` that has everything but `name`, and with it `value` in its place.
fn with(upstream: &Upstream, arguments: [&str; 1], unset: &str, vars: &[(&str, &str)]) -> Program {
    let program = Sidecar::guarding(upstream).without(unset).program(arguments);
    vars.iter().fold(program, |program, (name, value)| program.var(name, *value))
}

#[tokio::test]
async fn vars_prints_the_table_in_three_formats() {
    let table = |format: &str| Program::with_all(&["vars", "--format", format]).run();
    let json: Vec<Value> = serde_json::from_str(&table("json").await.out).expect("it is an array");
    assert!(json.len() > 25, "{json:?}");
    let (text, markdown) = (table("text").await, table("markdown").await);
    assert!(markdown.out.starts_with("| variable | default | meaning |\n|---|---|---|\n| `BEARERGATE_UPSTREAM_URL` |"));
    assert_eq!(text.out, Program::with(["vars"]).run().await.out);
    for row in &json {
        let name = row["name"].as_str().expect("a row has a name");
        assert!(text.out.contains(&format!("{name}\n")) && markdown.out.contains(&format!("| `{name}` |")), "{name}");
        assert!(row["meaning"].is_string() && row["default"].is_string() && row["secret"].is_boolean(), "{row}");
    }
}

#[tokio::test]
async fn a_new_key_of_each_kind_is_accepted_and_signs() {
    let upstream = Upstream::recording().await;
    for (alg, name) in [("hs256", "HS256"), ("es256", "ES256"), ("eddsa", "EdDSA")] {
        let made = Program::with(["new-key", "--alg", alg]).run().await;
        let key = &*made.out;
        assert!(made.code == 0 && key.ends_with('\n') && !made.err.contains(key.trim()), "{alg}: {}", made.err);
        let checked = with(&upstream, ["check"], "TOKEN_KEY", &[("TOKEN_KEY", key.trim_end())]).run().await;
        assert_eq!(checked.code, 0, "{alg}: {}", shown(&checked));

        let running = with(&upstream, ["run"], "TOKEN_KEY", &[("TOKEN_KEY", key.trim_end())]).start();
        let token = Caller::of(running.address().await).token().await;
        assert_eq!(crate::kit::forge::part(&token, 0)["alg"], name);
    }
    let made = [Program::with(["new-key"]).run().await, Program::with(["new-key"]).run().await];
    assert_ne!(made[0].out, made[1].out);
    assert_eq!(upstream.seen(), 0);
}

/// Standard output of `new-client` is `name=value` lines: two for the network, two for the gate.
#[tokio::test]
async fn a_new_client_is_accepted_by_the_gate_and_gets_a_token() {
    let upstream = Upstream::recording().await;
    let made = Program::with(["new-client", "vietqr-new"]).run().await;
    let value = |name: &str| {
        let lines = made.out.lines().filter_map(|line| line.split_once('='));
        lines.filter(|(each, _)| *each == name).map(|(_, value)| value.to_owned()).next().unwrap_or_default()
    };
    let (username, password) = (value("username"), value("password"));
    assert_eq!((made.code, &*username), (0, "vietqr-new"), "{}", made.err);
    let (name, hash) = (value("BEARERGATE_CLIENT_USERNAME"), value("BEARERGATE_CLIENT_PASSWORD_HASH"));
    let vars = [("CLIENT_USERNAME", &*name), ("CLIENT_PASSWORD_HASH", &hash)];
    assert!(!made.err.contains(&password) && hash.starts_with("sha256:") && !hash.contains(&password));
    let checked = with(&upstream, ["check"], "CLIENT_PASSWORD", &vars).run().await;
    assert_eq!(checked.code, 0, "{}", shown(&checked));

    let running = with(&upstream, ["run"], "CLIENT_PASSWORD", &vars).start();
    let caller = Caller::of(running.address().await);
    for (password, status) in [(&*password, 200), (&*hash, 401), ("wrong", 401)] {
        assert_eq!(caller.ask_token(&username, password).await.status(), status);
    }
    assert!(!running.out().contains(&password));
    assert_eq!(upstream.seen(), 0);
}

#[tokio::test]
async fn a_hashed_password_is_accepted_by_the_gate_and_logs_in() {
    let upstream = Upstream::recording().await;
    let password = "một mật khẩu: dài";
    let made = Program::with(["hash-password"]).input(format!("{password}\n")).run().await;
    assert!(made.code == 0 && made.out.starts_with("$argon2id$v=19$") && !made.err.contains(password), "{}", made.err);
    let vars = [("CLIENT_PASSWORD_HASH", made.out.trim_end())];
    let checked = with(&upstream, ["check"], "CLIENT_PASSWORD", &vars).run().await;
    assert_eq!(checked.code, 0, "{}", shown(&checked));

    let running = with(&upstream, ["run"], "CLIENT_PASSWORD", &vars).start();
    let caller = Caller::of(running.address().await);
    for (password, status) in [(password, 200), (made.out.trim_end(), 401), ("wrong", 401)] {
        assert_eq!(caller.ask_token("vietqr-live", password).await.status(), status, "{password}");
    }
    assert_eq!(upstream.seen(), 0);
}

#[tokio::test]
async fn a_short_password_is_a_warning_where_it_is_hashed_and_where_it_is_set() {
    let hashed = Program::with(["hash-password"]).input("short").run().await;
    assert!(hashed.code == 0 && hashed.err.contains("shorter than 12"), "{}", shown(&hashed));
    let checked = complete(["check"]).var("CLIENT_PASSWORD", "short").run().await;
    let warning = "warning: BEARERGATE_CLIENT_PASSWORD is shorter than 12 characters";
    assert!(checked.code == 0 && checked.out.contains(warning), "{}", shown(&checked));
}

#[tokio::test]
async fn a_reader_that_has_seen_enough_is_no_failure() {
    let said = Program::with(["vars"]).by_shell(r#"exec "$0" "$@" | head -n 1"#).run().await;
    assert_eq!((said.code, said.out.lines().count(), &*said.err), (0, 1, ""), "{}", shown(&said));
    let said = Program::with(["vars"]).by_shell(r#"exec "$0" "$@" >/dev/full"#).run().await;
    assert!(said.code == 1 && said.err.contains("standard output cannot be written"), "{}", shown(&said));
}
