//! Names that begin with ours and mean nothing to us: a misspelt setting would otherwise be silently the default.

use super::problems::Problem;
use super::reader::PREFIX;
use super::vars::{Row, TABLE};

/// One problem for each name, save those that Kubernetes injects for Services.
pub(super) fn problems(names: &[&str]) -> Vec<Problem> {
    let services = services(names);
    names
        .iter()
        .filter(|name| !services.iter().any(|service| is_service_link(name, service)))
        .map(|name| problem(name))
        .collect()
}

fn problem(name: &str) -> Problem {
    let remedy = match nearest(name) {
        Some(known) => format!("did you mean {known}?"),
        None => "unset it; `bearergate vars` lists the names".to_owned(),
    };
    // Without the value: the name is wrong, so nobody knows whether it is a secret.
    Problem::new(name, "is not known", remedy)
}

fn nearest(name: &str) -> Option<String> {
    let known = TABLE.iter().map(|row| row.name.to_owned());
    let files = TABLE.iter().filter_map(Row::file_variable);
    let scored = known.chain(files).map(|known| (likeness(name, &known), known));
    let (score, known) = scored.max_by(|one, other| one.0.total_cmp(&other.0))?;
    (score >= LIKE_ENOUGH).then_some(known)
}

/// 0 to 1, over what follows the prefix, letter case aside. A name with a word too few or too many counts as near.
fn likeness(given: &str, known: &str) -> f64 {
    let bare = |name: &str| name.strip_prefix(PREFIX).unwrap_or(name).to_ascii_uppercase();
    let (given, known) = (bare(given), bare(known));
    let extends = |long: &str, short: &str| {
        !short.is_empty() && (long.ends_with(&format!("_{short}")) || long.starts_with(&format!("{short}_")))
    };
    let distance = strsim::normalized_damerau_levenshtein(&given, &known);
    if extends(&known, &given) || extends(&given, &known) {
        return distance.max(LIKE_ENOUGH + distance / 10.0);
    }
    distance
}

/// The Services whose links are among the names: ours, and each whose own name begins with ours and which left both
/// `…_SERVICE_HOST` and `…_SERVICE_PORT`.
fn services<'a>(names: &[&'a str]) -> Vec<&'a str> {
    let linked = names.iter().filter_map(|name| {
        let service = name.strip_suffix("_SERVICE_HOST")?;
        names.contains(&&*format!("{service}_SERVICE_PORT")).then_some(service)
    });
    linked.chain([PREFIX.trim_end_matches('_')]).collect()
}

/// Whether Kubernetes injects this name for that Service (named as in the variables: `BEARERGATE`).
///
/// Source: kubernetes.io/docs/concepts/services-networking/service, "Environment variables", and the Docker links it imitates.
fn is_service_link(name: &str, service: &str) -> bool {
    let Some(rest) = name.strip_prefix(service) else {
        return false;
    };
    if ["_SERVICE_HOST", "_SERVICE_PORT", "_PORT"].contains(&rest) {
        return true;
    }
    if let Some(port_name) = rest.strip_prefix("_SERVICE_PORT_") {
        return !port_name.is_empty();
    }
    let Some(port) = rest.strip_prefix("_PORT_") else {
        return false;
    };
    let digits = port.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, protocol) = port.split_at(digits);
    let endings = ["", "_PROTO", "_PORT", "_ADDR"];
    let is_link = |protocol_name| {
        let ending = protocol.strip_prefix(protocol_name);
        ending.is_some_and(|ending| endings.contains(&ending))
    };
    !digits.is_empty() && ["_TCP", "_UDP", "_SCTP"].into_iter().any(is_link)
}

/// Below this, a suggestion confuses more than it helps.
const LIKE_ENOUGH: f64 = 0.7;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_gets_a_suggestion() {
        for (name, suggestion) in [
            ("BEARERGATE_LISTN", Some("BEARERGATE_LISTEN")),
            ("BEARERGATE_UPSTREAM", Some("BEARERGATE_UPSTREAM_URL")),
            ("BEARERGATE_UPSTREAM_URI", Some("BEARERGATE_UPSTREAM_URL")),
            ("BEARERGATE_listen", Some("BEARERGATE_LISTEN")),
            ("BEARERGATE_TOKEN_KEY_FIEL", Some("BEARERGATE_TOKEN_KEY_FILE")),
            ("BEARERGATE_TLS_CERT", Some("BEARERGATE_TLS_CERT_FILE")),
            ("BEARERGATE_USERNAME", Some("BEARERGATE_CLIENT_USERNAME")),
            ("BEARERGATE_CLIENT_PASSWORD_HASHES", Some("BEARERGATE_CLIENT_PASSWORD_HASH")),
            ("BEARERGATE_MAX_CONNECTION", Some("BEARERGATE_MAX_CONNECTIONS")),
            ("BEARERGATE_CLIENT_FILE", Some("BEARERGATE_CLIENTS_FILE")),
            ("BEARERGATE_QWERTY", None),
            ("BEARERGATE_", None),
        ] {
            assert_eq!(nearest(name).as_deref(), suggestion, "{name}");
        }
    }

    #[test]
    fn the_links_kubernetes_injects_are_no_problem() {
        let links = [
            "BEARERGATE_SERVICE_HOST",
            "BEARERGATE_SERVICE_PORT",
            "BEARERGATE_SERVICE_PORT_HTTPS",
            "BEARERGATE_PORT",
            "BEARERGATE_PORT_8443_TCP",
            "BEARERGATE_PORT_8443_TCP_PROTO",
            "BEARERGATE_PORT_8443_TCP_PORT",
            "BEARERGATE_PORT_8443_TCP_ADDR",
            "BEARERGATE_PORT_53_UDP",
            "BEARERGATE_PORT_53_UDP_ADDR",
            "BEARERGATE_ADMIN_SERVICE_HOST",
            "BEARERGATE_ADMIN_SERVICE_PORT",
            "BEARERGATE_ADMIN_PORT_9090_TCP_ADDR",
        ];
        assert_eq!(problems(&links), []);
        for link in &links[..10] {
            assert_eq!(problems(&[*link]), [], "{link}");
        }
    }

    #[test]
    fn a_name_that_only_resembles_a_link_is_a_problem() {
        for name in [
            "BEARERGATE_PORTS",
            "BEARERGATE_PORT_",
            "BEARERGATE_PORT_TCP",
            "BEARERGATE_PORT_8443",
            "BEARERGATE_PORT_8443_TCP_NAME",
            "BEARERGATE_SERVICE",
            "BEARERGATE_SERVICE_PORT_",
            "BEARERGATE_LISTEN_PORT",
            "BEARERGATE_ADMIN_SERVICE_HOST",
        ] {
            assert_eq!(problems(&[name]).len(), 1, "{name}");
        }
    }
}
