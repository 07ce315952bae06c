//! How a new connection to the upstream is made.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{CertificateError, ClientConfig};
use tokio::net::{TcpStream, UnixStream, lookup_host};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;

use super::PublicAddress;
use super::origin::{Host, Origin, Site, is_public};
use super::socket::Line;
use crate::live::Live;
use crate::refusal::{CertificateFault, UpstreamFault};
use crate::tls::Trust;

/// Where the upstream is and what a connection to it must prove.
#[derive(Clone, Debug)]
pub enum Way {
    /// Plain HTTP over TCP.
    Http(Site, PublicAddress),
    /// HTTP over TLS, with the name its certificate must be for and the authorities that may have signed it.
    Https(Site, ServerName<'static>, Arc<Live<Trust>>),
    /// Plain HTTP over a socket of this machine.
    Unix(PathBuf),
}

impl Way {
    /// Where it leads, as `UPSTREAM_URL` says it.
    #[must_use]
    pub fn origin(&self) -> Origin {
        match self {
            Self::Http(site, _) => Origin::Http(site.clone()),
            Self::Https(site, name, _) => Origin::Https(site.clone(), name.clone()),
            Self::Unix(path) => Origin::Unix(path.clone()),
        }
    }

    /// Whom an `https://` upstream is believed.
    #[must_use]
    pub fn trust(&self) -> Option<&Arc<Live<Trust>>> {
        if let Self::Https(_, _, trust) = self { Some(trust) } else { None }
    }
}

/// One worker's own handshake with an `https://` upstream: sessions are resumed within the worker.
#[derive(Debug)]
pub(super) struct Handshakes {
    own: RefCell<Option<(Trust, Arc<ClientConfig>)>>,
}

impl Handshakes {
    pub(super) fn new() -> Self {
        Self { own: RefCell::new(None) }
    }

    /// True when the upstream is believed by other authorities than at the last call: what they vouched for is no longer good.
    pub(super) fn have_changed(&self, way: &Way) -> bool {
        let Some(live) = way.trust() else { return false };
        let now = live.read();
        let mut own = self.own.borrow_mut();
        if own.as_ref().is_some_and(|(trust, _)| trust.is(&now)) {
            return false;
        }
        own.replace(((**now).clone(), now.handshake())).is_some()
    }

    fn connector(&self) -> Option<TlsConnector> {
        self.own.borrow().as_ref().map(|(_, config)| TlsConnector::from(Arc::clone(config)))
    }

    /// A new connection. How long it may take is for the caller to say, except that each address gets its share of `limit`: the first may
    /// swallow everything that is sent to it.
    pub(super) async fn connect(&self, way: &Way, limit: Duration) -> Result<Line, UpstreamFault> {
        match way {
            Way::Http(site, public) => connect_tcp(site, *public, limit).await.map(Line::Tcp),
            Way::Unix(path) => connect_unix(path).await.map(Line::Unix),
            Way::Https(site, name, _) => {
                let connector = self.connector().ok_or(UpstreamFault::Tls)?;
                let tcp = connect_tcp(site, PublicAddress::Allowed, limit).await?;
                let shaken = connector.connect(name.clone(), tcp).await;
                shaken.map(|tls| Line::Tls(Box::new(tls))).map_err(|error| tls_fault(&error))
            }
        }
    }
}

/// Whether somebody takes connections there; what they can prove is not asked.
pub(super) async fn reach(way: &Way, limit: Duration) -> Result<(), UpstreamFault> {
    match way {
        Way::Http(site, public) => connect_tcp(site, *public, limit).await.map(drop),
        Way::Https(site, ..) => connect_tcp(site, PublicAddress::Allowed, limit).await.map(drop),
        Way::Unix(path) => connect_unix(path).await.map(drop),
    }
}

async fn connect_tcp(site: &Site, public: PublicAddress, limit: Duration) -> Result<TcpStream, UpstreamFault> {
    let addresses: Vec<SocketAddr> = match site.host() {
        Host::Address(address) => vec![SocketAddr::new(*address, site.port())],
        Host::Name(name) => {
            lookup_host((name.as_str(), site.port())).await.map_err(|_| UpstreamFault::Unresolved)?.collect()
        }
    };
    let mut fault = UpstreamFault::Unresolved;
    let share = limit / u32::try_from(addresses.len().max(1)).unwrap_or(u32::MAX);
    for address in addresses {
        if public == PublicAddress::Refused && is_public(address.ip()) {
            fault = UpstreamFault::PublicAddress;
            continue;
        }
        match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // Without it a small request waits for the acknowledgement of the one before; a socket that refuses it works all the same.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Err(_)) => fault = UpstreamFault::Refused,
            Err(_) => fault = UpstreamFault::ConnectTimeout,
        }
    }
    Err(fault)
}

async fn connect_unix(path: &Path) -> Result<UnixStream, UpstreamFault> {
    loop {
        match UnixStream::connect(path).await {
            Ok(stream) => return Ok(stream),
            // TCP waits for room in the listener's queue; here the kernel wants to be asked again. Source: connect(2), EAGAIN.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => sleep(FULL_QUEUE_PAUSE).await,
            Err(_) => return Err(UpstreamFault::Refused),
        }
    }
}

/// What the operator has to mend.
fn tls_fault(error: &io::Error) -> UpstreamFault {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
    let Some(rustls::Error::InvalidCertificate(fault)) = cause else { return UpstreamFault::Tls };
    UpstreamFault::Certificate(match fault {
        // The second: an authority of the same name with another key.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => CertificateFault::UnknownIssuer,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            CertificateFault::WrongName
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => CertificateFault::Expired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => CertificateFault::NotYetValid,
        _ => CertificateFault::Unusable,
    })
}

/// Between two attempts at a socket whose queue is full.
const FULL_QUEUE_PAUSE: Duration = Duration::from_millis(10);
