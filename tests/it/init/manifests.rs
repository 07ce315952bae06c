//! What `init --for` writes: well-formed, with the names that were agreed on, and taken by the tools that are for it where they are installed.

use super::{Ready, tool};

#[tokio::test]
async fn the_compose_file_is_well_formed_and_confines_the_gate() {
    let ready = Ready::with(&["--for", "compose", "--url", "https://pay.example.com/vqr"]).await;
    let text = ready.text("compose.yaml");
    check_yaml("compose.yaml", &text);
    for part in [
        "network_mode: \"service:api\"",
        "read_only: true",
        "cap_drop: [ALL]",
        "stop_grace_period: 45s",
        "- \"443:8443\"",
        "[\"CMD\", \"/usr/local/bin/bearergate\", \"health\"]",
        "BEARERGATE_TOKEN_AUDIENCE: \"https://pay.example.com/vqr\"",
        "BEARERGATE_BASE_PATH: \"/vqr\"",
        concat!("image: bearergate:", env!("CARGO_PKG_VERSION")),
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    // Whoever owns the secrets is whom the gate runs as: they are readable by nobody else.
    let id = owner(&ready, "secret/token.key");
    assert!(text.contains(&format!("user: \"{id}:")), "{id}: {text}");
    if let Some(version) = tool("docker compose version").await
        && version.code == 0
    {
        let said = tool(&format!("docker compose --project-directory {} config -q", ready.folder().display())).await;
        assert!(said.as_ref().is_some_and(|said| said.code == 0), "{said:?}");
    }
}

#[tokio::test]
async fn the_kustomization_is_well_formed_and_has_the_names_agreed_on() {
    let ready = Ready::with(&["--for", "kubernetes", "--upstream", "http://127.0.0.1:9000"]).await;
    for file in ["kustomization.yaml", "gate.yaml", "api.yaml", "service.yaml"] {
        check_yaml(file, &ready.text(file));
    }
    let built = tool(&format!("kubectl kustomize {}", ready.folder().display())).await;
    let text = match &built {
        Some(said) if said.code == 0 => said.out.clone(),
        Some(said) => panic!("{said:?}"),
        None => ready.text("kustomization.yaml") + &ready.text("gate.yaml") + &ready.text("api.yaml"),
    };
    for part in [
        "secretName: bearergate\n",
        "secretName: bearergate-tls\n",
        "mountPath: /etc/bearergate/secret\n",
        "mountPath: /etc/bearergate/tls\n",
        "BEARERGATE_UPSTREAM_URL: http://127.0.0.1:9000\n",
        "- 127.0.0.1:9000\n",
        "type: kubernetes.io/tls\n",
        "restartPolicy: Always\n",
    ] {
        assert!(built.is_none() || text.contains(part), "{part}: {text}");
    }
    for part in ["token.key", "clients.json", "tls.crt", "tls.key", "name: bearergate"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

fn owner(ready: &Ready, path: &str) -> u32 {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata(ready.folder().join(path)).expect("it is there").uid()
}

/// What a reader of YAML trips over most: tabs, odd indents, a deeper line below a value, open quotes and brackets, a key twice.
fn check_yaml(file: &str, text: &str) {
    let mut open: Vec<(usize, Vec<String>)> = Vec::new();
    let mut value_before = None;
    for (number, line) in text.lines().enumerate() {
        let at = format!("{file}:{}: {line}", number + 1);
        let code = line.trim_end();
        if code.trim_start().starts_with('#') || code.is_empty() {
            continue;
        }
        assert!(!code.contains('\t') && code.len() == line.len(), "{at}");
        let count = |c: char| code.matches(c).count();
        assert!(count('"') % 2 == 0 && count('[') == count(']') && count('{') == count('}'), "{at}");
        let mut indent = code.len() - code.trim_start().len();
        assert_eq!(indent % 2, 0, "{at}");
        if let Some(before) = value_before {
            assert!(indent <= before, "deeper than a value: {at}");
        }
        let mut item = code.trim_start();
        let begins = item.starts_with("- ");
        while let Some(rest) = item.strip_prefix("- ") {
            indent += 2;
            item = rest;
        }
        open.retain(|(depth, _)| *depth < indent || *depth == indent && !begins);
        let Some((key, value)) = item.split_once(':').filter(|(key, _)| !key.contains([' ', '"', '{', '/', '=']))
        else {
            value_before = Some(indent);
            continue;
        };
        match open.iter_mut().find(|(depth, _)| *depth == indent) {
            Some((_, keys)) => {
                assert!(!keys.contains(&key.to_owned()), "twice: {at}");
                keys.push(key.to_owned());
            }
            None => open.push((indent, vec![key.to_owned()])),
        }
        value_before = (!value.trim().is_empty()).then_some(indent);
    }
}

#[test]
fn malformed_yaml_is_told() {
    for text in ["a:\n\tb: 1", "a: 1\na: 2", "a: 1\n   b: 2", "a: 1\n  b: 2", "a: \"1", "a: [1", "- a: 1\n  a: 2"] {
        let told = std::panic::catch_unwind(|| check_yaml("row", text));
        assert!(told.is_err(), "{text:?}");
    }
    check_yaml("row", "a:\n  - b: 1\n    c: {d: 2}\n  - b: 2\ne: [\"x:y\"]\nf:\n  - \"1:2\"\n");
}
