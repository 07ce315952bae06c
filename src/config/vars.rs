//! The table of variables: name, default, meaning and type of each, in one place.
//!
//! A new variable is a constant here, its line in [`TABLE`], and one read in the part of [`config`](super) that needs it; a test
//! holds the three together. How a text becomes a value is said in `config/parse.rs`.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use super::parse::{self, TlsMode};
use super::variable::Var;
use super::{AdminListen, ListenAddress};
use crate::gate::StripBasePath;
use crate::journal::{AccessLog, LogReference};
use crate::log::{Format, Level};
use crate::rules::base::{BasePaths, TokenPath};
use crate::rules::peer::AddressList;
use crate::server::ProxyProtocol;
use crate::units::ByteSize;
use crate::upstream::origin::Origin;
use crate::upstream::{AuthorizationPolicy, PublicAddress};

pub use super::variable::{DefaultText, Row};

mod callers;

pub(super) use callers::*;

pub(super) const UPSTREAM_URL: Var<Origin> = Var::required(
    "BEARERGATE_UPSTREAM_URL",
    "write the address of the API behind the gate, such as http://127.0.0.1:8080",
    "the API behind the gate: `http://host:port`, `https://host:port` or `unix:/path` of a socket, without a path of its own",
    parse::upstream_url,
);
pub(super) const LISTEN: Var<Option<ListenAddress>> = Var::optional(
    "BEARERGATE_LISTEN",
    "`[::]:8443`, IPv4 too; `0.0.0.0:8443` where there is no IPv6",
    "where callers connect: `address:port`",
    |text| parse::listen(text).map(Some),
);
pub(super) const ADMIN_LISTEN: Var<AdminListen> = Var::defaulted(
    "BEARERGATE_ADMIN_LISTEN",
    "127.0.0.1:9090",
    "where those who run the gate connect (health, metrics, status page; plain HTTP): `address:port`, or `off`",
    parse::admin_listen,
);
pub(super) const BASE_PATH: Var<BasePaths> = Var::defaulted(
    "BEARERGATE_BASE_PATH",
    "/",
    "the `<basepath>` registered with the network, such as `/vqr`; a comma list gives aliases",
    parse::base_paths,
);
pub(super) const STRIP_BASE_PATH: Var<StripBasePath> =
    Var::defaulted("BEARERGATE_STRIP_BASE_PATH", "false", "`true` removes the base path before forwarding", |text| {
        parse::one_of(text, &[("true", StripBasePath::Yes), ("false", StripBasePath::No)])
    });
pub(super) const TOKEN_PATH: Var<TokenPath> = Var::defaulted(
    "BEARERGATE_TOKEN_PATH",
    "/api/token_generate",
    "the token endpoint, below the base path",
    parse::token_path,
);
pub(super) const TLS: Var<TlsMode> = Var::defaulted(
    "BEARERGATE_TLS",
    "on",
    "`on` needs the two files; `self-signed` makes a throw-away certificate, which the network does not accept; \
     `off` serves plain HTTP, for use behind a TLS load balancer",
    |text| {
        let modes = [("on", TlsMode::On), ("self-signed", TlsMode::SelfSigned), ("off", TlsMode::Off)];
        parse::one_of(text, &modes)
    },
);
pub(super) const TLS_CERT_FILE: Var<Option<PathBuf>> = Var::optional(
    "BEARERGATE_TLS_CERT_FILE",
    "required with `TLS=on`",
    "path of the certificate: PEM, the full chain, our own first",
    |text| Ok(Some(PathBuf::from(text))),
);
pub(super) const TLS_KEY_FILE: Var<Option<PathBuf>> = Var::optional(
    "BEARERGATE_TLS_KEY_FILE",
    "required with `TLS=on`",
    "path of its private key: PEM, not encrypted",
    |text| Ok(Some(PathBuf::from(text))),
);
pub(super) const TLS_CLIENT_CA_FILE: Var<Option<PathBuf>> = Var::optional(
    "BEARERGATE_TLS_CLIENT_CA_FILE",
    "unset",
    "path of a PEM bundle; when set, callers must present a certificate of one of its authorities",
    |text| Ok(Some(PathBuf::from(text))),
);
pub(super) const TRUSTED_PROXIES: Var<Option<AddressList>> = Var::optional(
    "BEARERGATE_TRUSTED_PROXIES",
    "unset",
    "networks of the proxies before the gate, a comma list such as `10.0.0.0/8, fd00::/8`: what they say about the caller's \
     address (`X-Forwarded-For`, PROXY header) counts",
    |text| parse::addresses(text).map(Some),
);
pub(super) const PROXY_PROTOCOL: Var<ProxyProtocol> = Var::defaulted(
    "BEARERGATE_PROXY_PROTOCOL",
    "off",
    "`on`: every connection must come from a trusted proxy and begin with a PROXY header (version 1 or 2); needs \
     `TRUSTED_PROXIES`",
    |text| parse::one_of(text, &[("on", ProxyProtocol::On), ("off", ProxyProtocol::Off)]),
);
pub(super) const UPSTREAM_CONNECT_TIMEOUT: Var<Duration> = Var::defaulted(
    "BEARERGATE_UPSTREAM_CONNECT_TIMEOUT",
    "2s",
    "how long a connection to the upstream may take to come up",
    parse::timeout,
);
pub(super) const UPSTREAM_RESPONSE_TIMEOUT: Var<Duration> = Var::defaulted(
    "BEARERGATE_UPSTREAM_RESPONSE_TIMEOUT",
    "30s",
    "from the last byte of a request to the head of the upstream's answer",
    parse::timeout,
);
pub(super) const UPSTREAM_POOL_IDLE: Var<Duration> = Var::defaulted(
    "BEARERGATE_UPSTREAM_POOL_IDLE",
    "4s",
    "how long an unused connection to the upstream is kept; less than the upstream keeps it",
    parse::timeout,
);
pub(super) const UPSTREAM_CA_FILE: Var<Option<PathBuf>> = Var::optional(
    "BEARERGATE_UPSTREAM_CA_FILE",
    "the system's root certificates",
    "for an `https://` upstream: path of a PEM bundle; its certificate must be signed by one of these authorities and be for its \
     host name or address",
    |text| Ok(Some(PathBuf::from(text))),
);
pub(super) const UPSTREAM_AUTHORIZATION: Var<AuthorizationPolicy> = Var::defaulted(
    "BEARERGATE_UPSTREAM_AUTHORIZATION",
    "strip",
    "the `Authorization` header that the upstream sees: `strip` for none, `keep` for the caller's, or a fixed value",
    parse::authorization,
)
.secret();
pub(super) const UPSTREAM_INSECURE: Var<PublicAddress> = Var::defaulted(
    "BEARERGATE_UPSTREAM_INSECURE",
    "false",
    "`true` allows a plain `http://` upstream at a public address",
    |text| parse::one_of(text, &[("true", PublicAddress::Allowed), ("false", PublicAddress::Refused)]),
);
pub(super) const HANDSHAKE_TIMEOUT: Var<Duration> =
    Var::defaulted("BEARERGATE_HANDSHAKE_TIMEOUT", "10s", "how long a TLS handshake may take", parse::timeout);
pub(super) const HEADER_TIMEOUT: Var<Duration> =
    Var::defaulted("BEARERGATE_HEADER_TIMEOUT", "10s", "how long a request's head may take", parse::timeout);
pub(super) const BODY_TIMEOUT: Var<Duration> = Var::defaulted(
    "BEARERGATE_BODY_TIMEOUT",
    "30s",
    "how long a body may make no progress, either way",
    parse::timeout,
);
pub(super) const IDLE_TIMEOUT: Var<Duration> = Var::defaulted(
    "BEARERGATE_IDLE_TIMEOUT",
    "60s",
    "how long a caller's connection may be idle between requests",
    parse::timeout,
);
pub(super) const DRAIN_DELAY: Var<Duration> = Var::defaulted(
    "BEARERGATE_DRAIN_DELAY",
    "5s",
    "how long callers are still served after SIGTERM, while `/readyz` says no already; `0s` to `1h`",
    parse::delay,
);
pub(super) const DRAIN_TIMEOUT: Var<Duration> = Var::defaulted(
    "BEARERGATE_DRAIN_TIMEOUT",
    "30s",
    "how long requests may still run after that, when no connection is accepted any more",
    parse::timeout,
);
pub(super) const MAX_BODY: Var<ByteSize> =
    Var::defaulted("BEARERGATE_MAX_BODY", "10MiB", "the largest request body, up to `1TiB`", parse::body_limit);
pub(super) const MAX_HEADERS: Var<ByteSize> = Var::defaulted(
    "BEARERGATE_MAX_HEADERS",
    "32KiB",
    "the largest request head, `8KiB` to `1MiB`; at most 100 fields",
    parse::head_limit,
);
pub(super) const MAX_CONNECTIONS: Var<Option<NonZeroUsize>> = Var::optional(
    "BEARERGATE_MAX_CONNECTIONS",
    "the smallest of 10000, half the container's memory limit / 32 KiB, half the descriptors",
    "callers' connections at a time; when full, the longest idle makes room",
    |text| parse::count(text, 1_000_000).map(Some),
);
pub(super) const WORKERS: Var<Option<NonZeroUsize>> =
    Var::optional("BEARERGATE_WORKERS", "the CPUs this container may use", "worker threads, 1 to 1024", |text| {
        parse::count(text, 1024).map(Some)
    });
pub(super) const LOG_LEVEL: Var<Level> =
    Var::defaulted("BEARERGATE_LOG_LEVEL", "info", "`error`, `warn`, `info`, `debug`, `trace`", |text| {
        let named = [
            ("error", Level::Error),
            ("warn", Level::Warn),
            ("info", Level::Info),
            ("debug", Level::Debug),
            ("trace", Level::Trace),
        ];
        parse::one_of(text, &named)
    });
pub(super) const LOG_FORMAT: Var<Option<Format>> =
    Var::optional("BEARERGATE_LOG_FORMAT", "`json`; `text` on a terminal", "`json`, `text`", |text| {
        parse::one_of(text, &[("json", Format::Json), ("text", Format::Text)]).map(Some)
    });
pub(super) const ACCESS_LOG: Var<AccessLog> =
    Var::defaulted("BEARERGATE_ACCESS_LOG", "all", "which requests have a log line: `all`, `refused`, `off`", |text| {
        let which = [("all", AccessLog::All), ("refused", AccessLog::Refused), ("off", AccessLog::Off)];
        parse::one_of(text, &which)
    });
pub(super) const LOG_REFERENCE: Var<LogReference> = Var::defaulted(
    "BEARERGATE_LOG_REFERENCE",
    "off",
    "`on`: `referencenumber` and `transactionid` of a delivery (its first 16 KiB) go into its log line",
    |text| parse::one_of(text, &[("on", LogReference::On), ("off", LogReference::Off)]),
);

/// Every variable, in the order in which people meet them.
pub const TABLE: &[Row] = &[
    UPSTREAM_URL.row(),
    LISTEN.row(),
    ADMIN_LISTEN.row(),
    BASE_PATH.row(),
    STRIP_BASE_PATH.row(),
    TOKEN_PATH.row(),
    TLS.row(),
    TLS_CERT_FILE.row(),
    TLS_KEY_FILE.row(),
    TLS_CLIENT_CA_FILE.row(),
    CLIENT_USERNAME.row(),
    CLIENT_PASSWORD.row(),
    CLIENT_PASSWORD_HASH.row(),
    CLIENTS_FILE.row(),
    ALLOW.row(),
    TOKEN_KEY.row(),
    TOKEN_KEYS_DIR.row(),
    TOKEN_KEY_SETTLE.row(),
    TOKEN_TTL.row(),
    TOKEN_ISSUER.row(),
    TOKEN_AUDIENCE.row(),
    CLIENT_RATE.row(),
    TOKEN_RATE.row(),
    LOGIN_FAILURES.row(),
    ALLOW_ADDRESSES.row(),
    TRUSTED_PROXIES.row(),
    PROXY_PROTOCOL.row(),
    UPSTREAM_CONNECT_TIMEOUT.row(),
    UPSTREAM_RESPONSE_TIMEOUT.row(),
    UPSTREAM_POOL_IDLE.row(),
    UPSTREAM_CA_FILE.row(),
    UPSTREAM_AUTHORIZATION.row(),
    UPSTREAM_INSECURE.row(),
    HANDSHAKE_TIMEOUT.row(),
    HEADER_TIMEOUT.row(),
    BODY_TIMEOUT.row(),
    IDLE_TIMEOUT.row(),
    DRAIN_DELAY.row(),
    DRAIN_TIMEOUT.row(),
    MAX_BODY.row(),
    MAX_HEADERS.row(),
    MAX_CONNECTIONS.row(),
    WORKERS.row(),
    LOG_LEVEL.row(),
    LOG_FORMAT.row(),
    ACCESS_LOG.row(),
    LOG_REFERENCE.row(),
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_unique_and_begin_with_the_prefix() {
        let mut seen = HashSet::new();
        for row in TABLE {
            assert!(row.name.starts_with("BEARERGATE_"), "{}", row.name);
            assert!(seen.insert(row.name), "{} is there twice", row.name);
        }
    }

    #[test]
    fn texts_fit_a_table() {
        for row in TABLE {
            let (DefaultText::Value(default) | DefaultText::Rule(default)) = row.default;
            for text in [default, row.meaning] {
                assert!(!text.is_empty() && text.trim() == text, "{}: {text:?}", row.name);
                assert!(!text.contains(['|', '\n']), "{}: {text:?}", row.name);
            }
        }
    }

    #[test]
    fn the_secrets_are_those_of_the_contract() {
        let secrets: Vec<&str> = TABLE.iter().filter(|row| row.secret).map(|row| row.name).collect();
        let expected = [
            "BEARERGATE_CLIENT_PASSWORD",
            "BEARERGATE_CLIENT_PASSWORD_HASH",
            "BEARERGATE_TOKEN_KEY",
            "BEARERGATE_UPSTREAM_AUTHORIZATION",
        ];
        assert_eq!(secrets, expected);
    }
}
