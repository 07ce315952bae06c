//! Where a flood of payments may go: to one's own machines, unless somebody vouches for the host.

use std::io;
use std::net::{IpAddr, SocketAddr};

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::PATIENCE;
use crate::network::{Endpoint, Resolve};
use crate::upstream::origin::is_public;

/// Whether an address that the whole internet could reach may be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Loopback and private networks alone.
    OwnNetworks,
    /// Every address: somebody has said that the host is theirs.
    Anywhere,
}

/// Why nobody is called.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unsafe {
    /// The name leads nowhere.
    #[error("{0} cannot be resolved: {1}")]
    Unresolved(String, #[source] io::Error),
    /// It leads to a public address.
    #[error("{0} is {1}, a public address; if that host is yours to flood with payments, say --i-own-this-host")]
    Public(String, IpAddr),
}

/// The endpoint at the one address that was checked, whatever its name leads to later; and that address.
///
/// # Errors
/// [`Unsafe`]: also when only one of several addresses is public, since a name that leads to both is not what it seems.
pub(super) async fn pinned(endpoint: Endpoint, reach: Reach) -> Result<(Endpoint, SocketAddr), Unsafe> {
    let host = endpoint.host().to_owned();
    let found = endpoint.addresses().await.map_err(|error| Unsafe::Unresolved(host.clone(), error))?;
    let address = checked(&host, &found, reach)?;
    let address = match first_to_answer(&found).await {
        Some(answering) => answering,
        None => address,
    };
    let pin = format!("{host}:{}:{}", endpoint.port(), address.ip()).parse::<Resolve>();
    // A literal IPv6 host has no such form, and needs none: it is the address.
    let pins: Vec<Resolve> = pin.into_iter().collect();
    Ok((endpoint.resolved_by(&pins), address))
}

/// The first of these addresses, when each may be called.
fn checked(host: &str, found: &[SocketAddr], reach: Reach) -> Result<SocketAddr, Unsafe> {
    let public = found.iter().map(SocketAddr::ip).find(|address| is_public(*address));
    match (public, found.first()) {
        (Some(public), _) if reach == Reach::OwnNetworks => Err(Unsafe::Public(host.to_owned(), public)),
        (_, Some(first)) => Ok(*first),
        (_, None) => Err(Unsafe::Unresolved(host.to_owned(), io::ErrorKind::NotFound.into())),
    }
}

/// `localhost` is often two addresses, of which one is listened on.
async fn first_to_answer(found: &[SocketAddr]) -> Option<SocketAddr> {
    for address in found {
        if let Ok(Ok(_)) = timeout(PATIENCE, TcpStream::connect(address)).await {
            return Some(*address);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_public_address_is_enough_to_need_somebody_who_vouches() {
        for (found, is_own) in [
            (&["127.0.0.1:1"][..], true),
            (&["[::1]:1", "127.0.0.1:1"], true),
            (&["10.1.2.3:1"], true),
            (&["192.168.0.1:1", "172.31.255.1:1"], true),
            (&["[fd00::1]:1"], true),
            (&["169.254.1.1:1"], true),
            (&["172.32.0.1:1"], false),
            (&["203.0.113.7:1"], false),
            (&["127.0.0.1:1", "203.0.113.7:1"], false),
            (&["[2001:4860:4860::8888]:1"], false),
            (&["[::ffff:8.8.8.8]:1"], false),
        ] {
            let found: Vec<SocketAddr> = found.iter().map(|text| text.parse().expect("an address")).collect();
            assert_eq!(checked("host", &found, Reach::OwnNetworks).is_ok(), is_own, "{found:?}");
            assert_eq!(checked("host", &found, Reach::Anywhere).ok(), found.first().copied(), "{found:?}");
        }
    }
}
