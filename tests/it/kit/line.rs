//! The upstream's end of a connection, and the door it came in by.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use rustls::{HandshakeKind, ProtocolVersion, ServerConfig};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// How connections come in.
#[derive(Clone)]
pub(crate) enum Door {
    /// Over TCP.
    Tcp,
    /// Over TCP, with TLS as this says.
    Tls(Arc<ServerConfig>),
    /// Over a socket with this path.
    Unix(PathBuf),
}

/// A door that is open.
pub(super) enum Listener {
    Tcp(std::net::TcpListener, Option<Arc<ServerConfig>>),
    Unix(std::os::unix::net::UnixListener),
}

/// An open door within a runtime.
pub(super) enum Accepting {
    Tcp(TcpListener, Option<TlsAcceptor>),
    Unix(UnixListener),
}

/// What was agreed on in a TLS handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shaken {
    /// By ALPN.
    pub(crate) alpn: Option<String>,
    /// The version.
    pub(crate) version: Option<ProtocolVersion>,
    /// Was a session resumed?
    pub(crate) resumed: bool,
    /// The name that was asked for.
    pub(crate) name: Option<String>,
}

/// One connection.
pub(super) enum Line {
    Tcp(TcpStream),
    Unix(UnixStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Door {
    /// Opens it; the URL to it, and its TCP address where it has one.
    pub(super) fn open(self) -> (Listener, String, SocketAddr) {
        let tcp = || {
            let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
            let address = listener.local_addr().expect("a bound socket has an address");
            (listener, address)
        };
        match self {
            Self::Tcp => {
                let (listener, address) = tcp();
                (Listener::Tcp(listener, None), format!("http://{address}"), address)
            }
            Self::Tls(config) => {
                let (listener, address) = tcp();
                (Listener::Tcp(listener, Some(config)), format!("https://localhost:{}", address.port()), address)
            }
            Self::Unix(path) => {
                let url = format!("unix:{}", path.display());
                let listener = std::os::unix::net::UnixListener::bind(path).expect("the path is free");
                (Listener::Unix(listener), url, SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)))
            }
        }
    }
}

impl Listener {
    /// Takes it into the runtime of this thread.
    pub(super) fn accepting(self) -> Accepting {
        match self {
            Self::Tcp(listener, config) => {
                listener.set_nonblocking(true).expect("a socket can be non-blocking");
                let listener = TcpListener::from_std(listener).expect("the runtime takes the socket");
                Accepting::Tcp(listener, config.map(TlsAcceptor::from))
            }
            Self::Unix(listener) => {
                listener.set_nonblocking(true).expect("a socket can be non-blocking");
                Accepting::Unix(UnixListener::from_std(listener).expect("the runtime takes the socket"))
            }
        }
    }
}

/// A connection that has yet to shake hands, where there is TLS.
pub(super) enum Arrived {
    Tcp(TcpStream, Option<TlsAcceptor>),
    Unix(UnixStream),
}

impl Accepting {
    pub(super) async fn accept(&self) -> io::Result<Arrived> {
        match self {
            Self::Tcp(listener, tls) => Ok(Arrived::Tcp(listener.accept().await?.0, tls.clone())),
            Self::Unix(listener) => Ok(Arrived::Unix(listener.accept().await?.0)),
        }
    }
}

impl Arrived {
    pub(super) async fn shake(self) -> io::Result<(Line, Option<Shaken>)> {
        let (tcp, acceptor) = match self {
            Self::Unix(unix) => return Ok((Line::Unix(unix), None)),
            Self::Tcp(tcp, acceptor) => (tcp, acceptor),
        };
        tcp.set_nodelay(true)?;
        let Some(acceptor) = acceptor else { return Ok((Line::Tcp(tcp), None)) };
        let tls = acceptor.accept(tcp).await?;
        let session = tls.get_ref().1;
        let shaken = Shaken {
            alpn: session.alpn_protocol().map(|name| String::from_utf8_lossy(name).into_owned()),
            version: session.protocol_version(),
            resumed: session.handshake_kind() == Some(HandshakeKind::Resumed),
            name: session.server_name().map(str::to_owned),
        };
        Ok((Line::Tls(Box::new(tls)), Some(shaken)))
    }
}

impl Line {
    /// Has its end be a reset.
    pub(super) fn reset_at_end(&self) -> io::Result<()> {
        match self {
            Self::Tcp(tcp) => tcp.set_zero_linger(),
            Self::Tls(tls) => tls.get_ref().0.set_zero_linger(),
            // There is no other end than this one.
            Self::Unix(_) => Ok(()),
        }
    }

    /// Says that nothing more comes, where dropping it would not say so.
    pub(super) async fn say_goodbye(&mut self) -> io::Result<()> {
        match self {
            Self::Tls(tls) => tls.shutdown().await,
            Self::Tcp(_) | Self::Unix(_) => Ok(()),
        }
    }
}

impl AsyncRead for Line {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Tcp(socket) => Pin::new(socket).poll_read(cx, buffer),
            Self::Unix(socket) => Pin::new(socket).poll_read(cx, buffer),
            Self::Tls(socket) => Pin::new(socket).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Line {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut *self {
            Self::Tcp(socket) => Pin::new(socket).poll_write(cx, bytes),
            Self::Unix(socket) => Pin::new(socket).poll_write(cx, bytes),
            Self::Tls(socket) => Pin::new(socket).poll_write(cx, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Tcp(socket) => Pin::new(socket).poll_flush(cx),
            Self::Unix(socket) => Pin::new(socket).poll_flush(cx),
            Self::Tls(socket) => Pin::new(socket).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Tcp(socket) => Pin::new(socket).poll_shutdown(cx),
            Self::Unix(socket) => Pin::new(socket).poll_shutdown(cx),
            Self::Tls(socket) => Pin::new(socket).poll_shutdown(cx),
        }
    }
}
