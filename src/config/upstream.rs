//! The way to the upstream: its address, whom it is believed, what it is given.

use std::path::PathBuf;

use super::problems::Warning;
use super::reader::Reader;
use super::{BodyLimits, edge, file, vars};
use crate::live::Live;
use crate::tls::{TlsFault, Trust};
use crate::upstream::origin::Origin;
use crate::upstream::{AuthorizationPolicy, PublicAddress, Settings, Way};

/// Reads what forwarding needs to know.
pub(super) fn read(r: &mut Reader, body: Option<&BodyLimits>) -> Option<Settings> {
    let (way, authorization) = (read_way(r), r.read(&vars::UPSTREAM_AUTHORIZATION));
    let (connect, response) = (r.read(&vars::UPSTREAM_CONNECT_TIMEOUT), r.read(&vars::UPSTREAM_RESPONSE_TIMEOUT));
    let pool_idle = r.read(&vars::UPSTREAM_POOL_IDLE);
    if matches!(authorization, Some(AuthorizationPolicy::Keep)) {
        r.warn(Warning::new(vars::UPSTREAM_AUTHORIZATION.name, "is keep: the upstream sees every caller's token"));
    }
    Some(Settings {
        way: way?,
        authorization: authorization?,
        connect_timeout: connect?,
        response_timeout: response?,
        pool_idle: pool_idle?,
        body_timeout: body?.timeout,
        max_body: body?.max_bytes,
    })
}

fn read_way(r: &mut Reader) -> Option<Way> {
    let (origin, public) = (r.read(&vars::UPSTREAM_URL), r.read(&vars::UPSTREAM_INSECURE));
    let authorities = r.read(&vars::UPSTREAM_CA_FILE);
    let origin = origin?;
    if !matches!(origin, Origin::Https(..)) && r.was_set(vars::UPSTREAM_CA_FILE.name) {
        let what = format!("is set, but {} is not https://", vars::UPSTREAM_URL.name);
        r.refuse(vars::UPSTREAM_CA_FILE.name, what, "unset it, or write the upstream as https://host:port");
    }
    if public == Some(PublicAddress::Allowed) && matches!(origin, Origin::Http(_)) {
        let what = "is true: payments may cross a public network as plain HTTP";
        r.warn(Warning::new(vars::UPSTREAM_INSECURE.name, what));
    }
    match origin {
        Origin::Http(site) => {
            let public = public?;
            if public == PublicAddress::Refused {
                edge::refuse_plain_http_in_public(r, &site);
            }
            Some(Way::Http(site, public))
        }
        Origin::Https(site, name) => {
            let trust = authorities.and_then(|file| load_trust(r, file))?;
            Some(Way::Https(site, name, Live::new(trust)))
        }
        Origin::Unix(path) => Some(Way::Unix(path)),
    }
}

/// Reads whom an `https://` upstream is believed, once more.
pub(super) fn read_trust(r: &mut Reader) -> Option<Trust> {
    let file = r.read(&vars::UPSTREAM_CA_FILE)?;
    load_trust(r, file)
}

/// Without a file, whom the system trusts.
fn load_trust(r: &mut Reader, file: Option<PathBuf>) -> Option<Trust> {
    let name = vars::UPSTREAM_CA_FILE.name;
    let trust = match file {
        Some(path) => {
            let bundle = r.keep(file::bytes(name, &path).map_err(|problem| vec![problem]))?;
            Trust::from_pem(&bundle)
        }
        None => Trust::of_system(),
    };
    match trust {
        Ok(trust) => Some(trust),
        Err(fault @ TlsFault::NoSystemRoots) => {
            let remedy =
                "name a PEM file with the upstream's authority, or install the system's (package ca-certificates)";
            r.refuse(name, format!("is unset and {fault}, so no https:// upstream can be believed"), remedy);
            None
        }
        Err(fault) => {
            r.refuse(name, format!("cannot be used: {fault}"), "");
            None
        }
    }
}
