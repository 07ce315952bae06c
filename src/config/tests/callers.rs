//! The variables about callers: many clients, many keys, rules, rates, proxies, certificates of callers.

use super::*;
use crate::auth::keyring::KeyState;
use crate::rules::peer::TrustedProxies;
use crate::server::ProxyProtocol;

const DIGEST: &str = "sha256:1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f";

pub(super) fn clients_json(name: &str) -> String {
    format!(r#"{{"clients":[{{"name":"{name}","username":"{name}","passwords":["{DIGEST}"]}}]}}"#)
}

impl Given {
    pub(super) fn with_clients_file(self, json: &str) -> Self {
        let given = self.without("CLIENT_USERNAME").without("CLIENT_PASSWORD");
        given.with_file("CLIENTS_FILE", json.as_bytes())
    }

    /// A folder of keys with these files in place of the one key.
    pub(super) fn with_keys(self, files: &[(&str, &str)]) -> Self {
        let path = self.folder.path().join("keys");
        fs::create_dir_all(&path).expect("the folder is made");
        for (name, content) in files {
            fs::write(path.join(name), content).expect("the file is written");
        }
        self.without("TOKEN_KEY").with("TOKEN_KEYS_DIR", &path.to_string_lossy())
    }
}

fn key_of(letter: char) -> String {
    format!("{letter}{KEY}\n")
}

#[test]
fn clients_come_from_a_file_or_from_variables_and_never_from_both() {
    let config = Given::good().with_clients_file(&clients_json("partner")).read();
    assert_eq!(config.client_summaries.iter().map(|client| client.name.as_str()).collect::<Vec<_>>(), ["partner"]);
    assert!(
        config.clients.accounts().find("partner").is_some() && config.clients.accounts().find("vietqr-live").is_none()
    );
    let config = Given::good().read();
    let summaries: Vec<_> =
        config.client_summaries.iter().map(|client| (client.name.as_str(), client.passwords)).collect();
    assert_eq!(summaries, [("vietqr-live", 1)]);

    let both = Given::good().with_file("CLIENTS_FILE", clients_json("partner").as_bytes()).problems();
    let beginnings =
        ["USERNAME is set, and BEARERGATE_CLIENTS_FILE too", "PASSWORD is set, and BEARERGATE_CLIENTS_FILE too"];
    assert_eq!(both.len(), 2, "{both:#?}");
    for (line, beginning) in both.iter().zip(beginnings) {
        assert!(line.starts_with(&format!("BEARERGATE_CLIENT_{beginning}; keep one")), "{both:#?}");
    }
}

#[test]
fn a_clients_file_with_problems_is_reported_with_the_rest() {
    let given = Given::good().with_clients_file(r#"{"clients":[{"name":"a"},{}]}"#).with("TOKEN_TTL", "5");
    let problems = given.problems();
    assert_eq!(problems.len(), 3, "{problems:#?}");
    assert!(problems[0].contains("client a: has neither passwords nor static_tokens"), "{problems:#?}");
    assert!(problems[1].contains("client number 2: name is missing"), "{problems:#?}");
    let missing =
        Given::good().without("CLIENT_USERNAME").without("CLIENT_PASSWORD").with("CLIENTS_FILE", "/nowhere/c.json");
    assert_one_problem(&missing, "CLIENTS_FILE names \"/nowhere/c.json\", which cannot be read: No such file");
}

#[test]
fn a_hash_whose_dollars_were_eaten_is_recognised() {
    for eaten in ["=19=7168,t=5,p=1", "$$argon2id$$v=19$$m=7168,t=5,p=1$$salt$$hash"] {
        let given = Given::good().without("CLIENT_PASSWORD").with("CLIENT_PASSWORD_HASH", eaten);
        let problems = given.problems();
        assert_eq!(problems.len(), 1, "{problems:#?}");
        assert!(problems[0].contains("$$ for each $, or use the _FILE variable"), "{problems:#?}");
    }
}

#[test]
fn keys_come_from_a_variable_or_from_a_folder_and_never_from_both() {
    let given = Given::good().with_keys(&[("b", &key_of('b')), ("a", &key_of('a')), (".hidden", "")]);
    fs::create_dir(given.folder.path().join("keys/folder")).expect("the folder is made");
    let keys = given.read().keys.overview(NOW);
    let shown: Vec<_> = keys
        .iter()
        .map(|KeyState { id, signs, since, .. }| (id.as_ref().map(|id| id.as_str()), *signs, *since))
        .collect();
    assert_eq!(shown, [(Some("a"), true, Some(NOW)), (Some("b"), false, Some(NOW))]);
    let settled = given.with("TOKEN_KEY_SETTLE", "10s").read().keys.overview(NOW + 10);
    assert_eq!(settled.iter().map(|key| key.signs).collect::<Vec<_>>(), [false, true]);

    let both = Given::good().with_keys(&[("a", &key_of('a'))]).with("TOKEN_KEY", KEY);
    assert_one_problem(&both, "TOKEN_KEY is set, and BEARERGATE_TOKEN_KEYS_DIR too; keep one of them");
    let neither = Given::good().without("TOKEN_KEY");
    assert_one_problem(&neither, "TOKEN_KEY is missing; `bearergate new-key` prints one; or name a folder");
}

#[test]
fn a_folder_without_good_keys_is_refused() {
    let given = |files: &[(&str, &str)]| Given::good().with_keys(files).problems();
    let good = key_of('a');
    for (files, endings) in [
        (&[][..], &["which has no key in it; put a file with what `bearergate new-key` prints into it"][..]),
        (&[(".hidden", &*good)], &["which has no key in it; put a file with what `bearergate new-key` prints into it"]),
        (&[("a", &*good), ("b", "")], &["keys/b\", which is empty; put the secret into it"]),
        (
            &[("a b", &*good), ("b", "hunter2\n")],
            &[
                "which has a file \"a b\" in it, whose name is not 1 to 64 of A-Z a-z 0-9 . _ -; rename or remove it",
                "keys/b\", which has 7 bytes, an HMAC key needs 32 or more; `bearergate new-key` makes one",
            ],
        ),
    ] {
        let problems = given(files);
        assert_eq!(problems.len(), endings.len(), "{problems:#?}");
        for (line, ending) in problems.iter().zip(endings) {
            assert!(line.starts_with("BEARERGATE_TOKEN_KEYS_DIR names ") && line.ends_with(ending), "{ending}: {line}");
        }
    }
    let names: Vec<String> = (0..33).map(|number| format!("k{number}")).collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), good.as_str())).collect();
    let problems = given(&many);
    assert!(matches!(&*problems, [line] if line.contains("has 33 files in it, allowed are 32")), "{problems:#?}");
    let gone = Given::good().without("TOKEN_KEY").with("TOKEN_KEYS_DIR", "/nowhere/keys");
    assert_one_problem(&gone, "TOKEN_KEYS_DIR names \"/nowhere/keys\", which cannot be read");
}

#[test]
fn shared_keys_without_an_audience_and_proxies_that_are_everybody_are_warnings() {
    let given = Given::good().with_keys(&[("a", &key_of('a'))]);
    assert_eq!(given.warned_of(), ["TLS", "TOKEN_AUDIENCE"]);
    assert_eq!(given.with("TOKEN_AUDIENCE", "gate").warned_of(), ["TLS"]);
    for (list, warned) in [("10.0.0.0/8", &["TLS"][..]), ("10.0.0.1, ::/0", &["TLS", "TRUSTED_PROXIES"])] {
        assert_eq!(Given::good().with("TRUSTED_PROXIES", list).warned_of(), warned, "{list}");
    }
}

#[test]
fn rules_rates_and_proxies_reach_those_who_use_them() {
    let config = Given::good().read();
    assert_eq!(config.everybody.allow.to_string(), "* /**");
    assert_eq!(config.everybody.addresses.to_string(), "0.0.0.0/0, ::/0");
    let rates = [config.limits.requests, config.limits.tokens, config.limits.failures];
    assert_eq!(rates.map(|rate| rate.map(|rate| rate.to_string())), [None, None, Some("30/m".to_owned())]);
    assert_eq!(config.server.proxy_protocol, ProxyProtocol::Off);
    assert_eq!((&config.server.proxies, &config.gateway.proxies), (&TrustedProxies::none(), &TrustedProxies::none()));

    let given = Given::good()
        .with("ALLOW", "POST /bank/**, GET /a")
        .with("ALLOW_ADDRESSES", "203.0.113.0/24")
        .with("CLIENT_RATE", "100/s burst 200")
        .with("TOKEN_RATE", "600/m")
        .with("LOGIN_FAILURES", "off")
        .with("TRUSTED_PROXIES", "10.0.0.0/8")
        .with("PROXY_PROTOCOL", "on");
    let config = given.read();
    assert_eq!(config.everybody.allow.to_string(), "POST /bank/**, GET /a");
    assert_eq!(config.everybody.addresses.to_string(), "203.0.113.0/24");
    let rates = [config.limits.requests, config.limits.tokens, config.limits.failures];
    let expected = [Some("100/s burst 200".to_owned()), Some("600/m".to_owned()), None];
    assert_eq!(rates.map(|rate| rate.map(|rate| rate.to_string())), expected);
    let proxy = "10.1.2.3".parse().expect("an address");
    assert!(config.server.proxies.trusts(proxy) && config.gateway.proxies.trusts(proxy));
    assert_eq!(config.server.proxy_protocol, ProxyProtocol::On);
}

#[test]
fn a_rule_that_cannot_be_meant_is_refused() {
    for (name, value, rest) in [
        ("ALLOW", "POST", "has a fault in rule 1: it is not a method and a path"),
        (
            "ALLOW_ADDRESSES",
            "10.0.0.1/8",
            "has a fault in entry 1: it has bits set behind its prefix; write 10.0.0.0/8",
        ),
        ("TRUSTED_PROXIES", "proxy.local", "has a fault in entry 1: it is not an IP address"),
        ("CLIENT_RATE", "0/s", "is zero"),
        ("TOKEN_RATE", "fast", "is neither off nor a number and a period"),
        ("LOGIN_FAILURES", "30", "has no period"),
        ("TOKEN_KEY_SETTLE", "1500ms", "is not whole seconds"),
        ("PROXY_PROTOCOL", "v2", "is none of its values; write on or off"),
    ] {
        assert_one_problem(&Given::good().with(name, value), &format!("{name} {value:?} {rest}"));
    }
    let alone = Given::good().with("PROXY_PROTOCOL", "on");
    assert_one_problem(&alone, "PROXY_PROTOCOL is on, but without BEARERGATE_TRUSTED_PROXIES");
    // A list that was set and is wrong is one problem, not two.
    assert_one_problem(&alone.with("TRUSTED_PROXIES", "10.0.0.0/33"), "TRUSTED_PROXIES \"10.0.0.0/33\"");
}

#[test]
fn certificates_of_callers_need_authorities_and_tls() {
    let made = rcgen::generate_simple_self_signed(["authority".to_owned()]).expect("a certificate");
    let authority = pem::encode(&pem::Pem::new("CERTIFICATE", made.cert.der().to_vec()));
    let given =
        |mode: &str, content: &str| Given::good().with("TLS", mode).with_file("TLS_CLIENT_CA_FILE", content.as_bytes());
    let config = given("self-signed", &authority).read();
    assert!(matches!(config.tls, Tls::With(_, Some(_))), "{:?}", config.tls);
    assert!(matches!(Given::good().with("TLS", "self-signed").read().tls, Tls::With(_, None)));
    for (mode, content, rest) in [
        ("off", &*authority, "is set, but BEARERGATE_TLS is off"),
        ("self-signed", "no pem", "cannot be used: the file"),
    ] {
        let problems = given(mode, content).problems();
        let said =
            matches!(&*problems, [line] if line.starts_with("BEARERGATE_TLS_CLIENT_CA_FILE ") && line.contains(rest));
        assert!(said, "{mode}: {problems:#?}");
    }
    let gone = Given::good().with("TLS", "self-signed").with("TLS_CLIENT_CA_FILE", "/nowhere/ca.pem");
    assert_one_problem(&gone, "TLS_CLIENT_CA_FILE names \"/nowhere/ca.pem\", which cannot be read");
}
