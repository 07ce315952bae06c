//! The rows of an `https://` upstream that cannot prove who it is.

use std::sync::Arc;

use rustls::{ServerConfig, version::TLS13};

use super::{Row, Saw, UNREACHABLE};
use crate::{
    kit::{Answer, Ca, Door, Sidecar, Upstream, ca::Life},
    refusals::{By, scenes::Scene},
};

/// A row of an upstream with this certificate, of whose refusal the log gives this reason.
macro_rules! shown {
    ($what:expr, $reason:expr, $server:expr $(,)?) => {
        vec![Row {
            what: $what,
            said: UNREACHABLE,
            reason: $reason,
            saw: Saw::Nothing,
            by: By::Scene(|| Box::pin(showing($server))),
        }]
    };
}

async fn showing(config: Arc<ServerConfig>) -> Scene {
    let upstream = Upstream::behind(Door::Tls(config), |_| Answer::booked()).await;
    let ca_file = Ca::shared().ca_file().display().to_string();
    let sidecar = Sidecar::guarding(&upstream).var("UPSTREAM_CA_FILE", ca_file).start().await;
    let response = sidecar.deliver(&sidecar.token().await, "/bank/api/transaction-sync", "{}").await;
    Scene { before: 0, upstream: Some(upstream), sidecar, response }
}

pub(in crate::refusals) fn unknown_issuer() -> Vec<Row> {
    let reason = "upstream_certificate_unknown_issuer";
    shown!("a certificate of nobody we know", reason, Ca::new().server(&["localhost"], Life::Good))
}

pub(in crate::refusals) fn wrong_name() -> Vec<Row> {
    let reason = "upstream_certificate_wrong_name";
    shown!("a certificate for another name", reason, Ca::shared().server(&["elsewhere.example"], Life::Good))
}

pub(in crate::refusals) fn expired() -> Vec<Row> {
    let reason = "upstream_certificate_expired";
    shown!("a certificate that is over", reason, Ca::shared().server(&["localhost"], Life::Over))
}

pub(in crate::refusals) fn not_yet_valid() -> Vec<Row> {
    let reason = "upstream_certificate_not_yet_valid";
    shown!("a certificate that has not begun", reason, Ca::shared().server(&["localhost"], Life::Ahead))
}

pub(in crate::refusals) fn unusable() -> Vec<Row> {
    let reason = "upstream_certificate_unusable";
    shown!("the authority's own certificate", reason, Ca::shared().as_its_own_server())
}

pub(in crate::refusals) fn tls_failed() -> Vec<Row> {
    shown!("a server of another protocol", "upstream_tls_failed", {
        let mut config = ServerConfig::clone(&Ca::shared().server_of(&["localhost"], Life::Good, &[&TLS13]));
        config.alpn_protocols = vec![b"imap".to_vec()];
        Arc::new(config)
    })
}
