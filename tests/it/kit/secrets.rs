//! What no log may show. The list grows with every credential that a client of the kit sends, and is looked for at the end of each test.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};

/// The secrets of one sidecar. Copies share them.
#[derive(Clone, Debug)]
pub(crate) struct Secrets {
    username: String,
    held: Arc<Mutex<BTreeSet<String>>>,
}

impl Secrets {
    /// What these variables hold that no log may show.
    pub(super) fn of(vars: &BTreeMap<String, String>) -> Self {
        let value = |name| vars.get(name).map_or("", String::as_str);
        let secrets = Self { username: value("CLIENT_USERNAME").to_owned(), held: Arc::default() };
        for name in ["CLIENT_PASSWORD", "CLIENT_PASSWORD_HASH", "TOKEN_KEY"] {
            secrets.hold(value(name));
        }
        secrets.hold(&format!("{}:{}", value("CLIENT_USERNAME"), value("CLIENT_PASSWORD")));
        value("TOKEN_KEY").lines().filter(|line| !line.starts_with("-----")).for_each(|line| secrets.hold(line));
        if !matches!(value("UPSTREAM_AUTHORIZATION"), "strip" | "keep") {
            secrets.hold_field(value("UPSTREAM_AUTHORIZATION"));
        }
        secrets.hold_clients(value("CLIENTS_FILE"));
        secrets
    }

    /// Holds every password and static token of this clients file, as they are kept.
    fn hold_clients(&self, file: &str) {
        let file = std::fs::read(file).unwrap_or_default();
        let file: serde_json::Value = serde_json::from_slice(&file).unwrap_or_default();
        for client in file["clients"].as_array().into_iter().flatten() {
            let kept = ["passwords", "static_tokens"].into_iter().filter_map(|field| client[field].as_array());
            kept.flatten().filter_map(|text| text.as_str()).for_each(|text| self.hold(text));
        }
    }

    /// Holds a text: as it is, as JSON writes it, in each form of Base64, and the signature at its end if it is a token.
    pub(crate) fn hold(&self, text: &str) {
        let quoted = serde_json::Value::from(text).to_string();
        let forms = [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD].map(|base64| base64.encode(text));
        let signature = text.rsplit_once('.').map_or("", |(_, signature)| signature);
        let mut all = vec![text, quoted.trim_matches('"'), signature];
        all.extend(forms.iter().map(String::as_str));
        let mut held = self.held.lock().expect("nothing panics under it");
        held.extend(all.into_iter().filter(|each| self.is_telling(each)).map(str::to_owned));
    }

    /// Holds the credentials of every `Authorization` field in the bytes of a request.
    pub(super) fn hear(&self, request: &[u8]) {
        for line in String::from_utf8_lossy(request).split("\r\n") {
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("authorization")
            {
                self.hold_field(value.trim());
            }
        }
    }

    /// Holds a value of `Authorization`: whole, without its scheme, and what Basic credentials encode.
    pub(super) fn hold_field(&self, value: &str) {
        self.hold(value);
        let (_, credentials) = value.split_once(' ').unwrap_or_default();
        self.hold(credentials.trim());
        let decoded = STANDARD.decode(credentials.trim()).unwrap_or_default();
        if let Some((username, password)) = String::from_utf8_lossy(&decoded).split_once(':') {
            self.hold(&format!("{username}:{password}"));
            self.hold(password);
        }
    }

    /// Those that are in this text. The name of a field is no secret, although `password` may be one.
    pub(crate) fn found_in(&self, text: &str) -> Vec<String> {
        let held = self.held.lock().expect("nothing panics under it");
        let is_in =
            |secret: &str| text.contains(secret) && text.replace(&format!("\"{secret}\":"), "").contains(secret);
        held.iter().filter(|secret| is_in(secret)).cloned().collect()
    }

    /// Long enough not to be in a log by chance, and not the name that a log is to show.
    fn is_telling(&self, text: &str) -> bool {
        text.len() > 7 && text != self.username
    }
}
