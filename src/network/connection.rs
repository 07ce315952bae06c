//! A connection as the network opens it: HTTP/1.1 without ALPN, over TLS or in the clear.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::rt::{Read, Write};
use hyper_util::rt::TokioIo;
use rustls::ProtocolVersion;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::endpoint::{Endpoint, Scheme};
use super::handshake::{Tls, TlsVersion};

/// What is on the way to an endpoint, and how long it took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pace {
    /// The name's addresses.
    pub resolve: Duration,
    /// TCP.
    pub connect: Duration,
    /// TLS; zero in the clear.
    pub handshake: Duration,
}

impl Pace {
    /// All of it.
    #[must_use]
    pub fn whole(&self) -> Duration {
        self.resolve + self.connect + self.handshake
    }
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum Unreached {
    /// The name has no address.
    #[error("the name {host} cannot be resolved: {source}")]
    Unresolved {
        /// The name.
        host: String,
        /// What the resolver said.
        source: io::Error,
    },
    /// Nobody takes a TCP connection.
    #[error("no TCP connection to {address}: {source}")]
    Tcp {
        /// The last address that was tried.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The handshake failed; [`Self::tls`] says why.
    #[error("the TLS handshake failed: {0}")]
    Handshake(#[source] io::Error),
    /// A host that no certificate can be for.
    #[error("{0} is neither a host name nor an address")]
    Name(String),
    /// It did not come up in time.
    #[error("no connection within {0:?}")]
    Late(Duration),
    /// The connection ended at once.
    #[error("the connection ended before a request: {0}")]
    Ended(#[source] hyper::Error),
}

impl Unreached {
    /// What rustls has against the other side, where it is that.
    #[must_use]
    pub fn tls(&self) -> Option<&rustls::Error> {
        let Self::Handshake(error) = self else { return None };
        error.get_ref().and_then(|inner| inner.downcast_ref())
    }
}

/// A connection that can carry requests, one after another.
#[derive(Debug)]
pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
    chain: Vec<CertificateDer<'static>>,
    version: Option<TlsVersion>,
    address: SocketAddr,
    pace: Pace,
}

impl Connection {
    /// Opens one, within this time. `tls` counts where the endpoint is `https`. In a Tokio runtime.
    ///
    /// # Errors
    /// [`Unreached`].
    pub async fn open(endpoint: &Endpoint, tls: &Tls, within: Duration) -> Result<Self, Unreached> {
        timeout(within, Self::opening(endpoint, tls)).await.unwrap_or(Err(Unreached::Late(within)))
    }

    async fn opening(endpoint: &Endpoint, tls: &Tls) -> Result<Self, Unreached> {
        let begun = Instant::now();
        let unresolved = |source| Unreached::Unresolved { host: endpoint.host().to_owned(), source };
        let addresses = endpoint.addresses().await.map_err(unresolved)?;
        let resolve = begun.elapsed();
        let begun = Instant::now();
        let (tcp, address) = connect(&addresses).await?;
        let connect = begun.elapsed();
        let begun = Instant::now();
        let pace = |handshake| Pace { resolve, connect, handshake };
        match endpoint.scheme() {
            Scheme::Http => {
                let sender = speak(TokioIo::new(tcp)).await?;
                Ok(Self { sender, chain: Vec::new(), version: None, address, pace: pace(Duration::ZERO) })
            }
            Scheme::Https => {
                let name = ServerName::try_from(endpoint.host().to_owned());
                let name = name.map_err(|_| Unreached::Name(endpoint.host().to_owned()))?;
                let connector = TlsConnector::from(tls.config());
                let stream = connector.connect(name, tcp).await.map_err(Unreached::Handshake)?;
                let handshake = begun.elapsed();
                let (_, session) = stream.get_ref();
                let chain = session.peer_certificates().unwrap_or_default().to_vec();
                let version = match session.protocol_version() {
                    Some(ProtocolVersion::TLSv1_2) => Some(TlsVersion::Tls12),
                    Some(ProtocolVersion::TLSv1_3) => Some(TlsVersion::Tls13),
                    _ => None,
                };
                Ok(Self { sender: speak(TokioIo::new(stream)).await?, chain, version, address, pace: pace(handshake) })
            }
        }
    }

    /// The certificates that were shown, the server's own first; none in the clear.
    #[must_use]
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }

    /// The version of TLS that was agreed on.
    #[must_use]
    pub const fn version(&self) -> Option<TlsVersion> {
        self.version
    }

    /// Who is at the other end.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// How long it took to open.
    #[must_use]
    pub const fn pace(&self) -> Pace {
        self.pace
    }

    /// Leaves it as the network leaves the connection of a delivery: open, until the other side closes it.
    pub fn leave(self) {
        tokio::spawn(async move {
            let mut look = tokio::time::interval(LOOK);
            while !self.sender.is_closed() {
                look.tick().await;
            }
        });
    }

    pub(super) const fn sender(&mut self) -> &mut SendRequest<Full<Bytes>> {
        &mut self.sender
    }
}

/// The first address that takes a connection.
async fn connect(addresses: &[SocketAddr]) -> Result<(TcpStream, SocketAddr), Unreached> {
    let mut last = None;
    for &address in addresses {
        match TcpStream::connect(address).await {
            Ok(tcp) => {
                // Small requests in one piece each; where it cannot be set they are late, not lost.
                let _ = tcp.set_nodelay(true);
                return Ok((tcp, address));
            }
            Err(source) => last = Some(Unreached::Tcp { address, source }),
        }
    }
    let nobody = || Unreached::Unresolved { host: String::new(), source: io::ErrorKind::NotFound.into() };
    Err(last.unwrap_or_else(nobody))
}

async fn speak(io: impl Read + Write + Send + Unpin + 'static) -> Result<SendRequest<Full<Bytes>>, Unreached> {
    let mut builder = http1::Builder::new();
    let (sender, connection) = builder.max_buf_size(MOST_HEAD).handshake(io).await.map_err(Unreached::Ended)?;
    // How it ends, the request on it says.
    tokio::spawn(async move { drop(connection.await) });
    Ok(sender)
}

/// Far more than the head of an answer has.
const MOST_HEAD: usize = 64 << 10;
const LOOK: Duration = Duration::from_millis(500);
