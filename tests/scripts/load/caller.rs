//! A caller as the payment network is one: HTTP/1.1, over TLS or in the clear, credentials in `Authorization`.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::rt::{Read, Write};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::task::spawn_local;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// The TLS of a caller that trusts one authority and never resumes a session.
#[derive(Clone)]
pub(crate) struct Tls(TlsConnector);

impl Tls {
    /// Trusts the authority in this file.
    ///
    /// # Errors
    /// The file cannot be read, or holds no certificate.
    pub(crate) fn trusting(ca: &Path) -> io::Result<Self> {
        let mut roots = RootCertStore::empty();
        let certificate = CertificateDer::from_pem_slice(&fs::read(ca)?).map_err(io::Error::other)?;
        roots.add(certificate).map_err(io::Error::other)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let mut config = versions.map_err(io::Error::other)?.with_root_certificates(roots).with_no_client_auth();
        config.resumption = rustls::client::Resumption::disabled();
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }

    /// The same, asking for this protocol by ALPN.
    pub(crate) fn alpn(&self, protocol: &str) -> Self {
        let mut config = rustls::ClientConfig::clone(self.0.config());
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        Self(TlsConnector::from(Arc::new(config)))
    }

    /// A new TLS connection.
    ///
    /// # Errors
    /// It cannot be made, or the certificate is not good.
    pub(crate) async fn open(&self, address: SocketAddr) -> io::Result<TlsStream<TcpStream>> {
        let tcp = TcpStream::connect(address).await?;
        tcp.set_nodelay(true)?;
        let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
        self.0.connect(name, tcp).await
    }
}

/// One connection.
pub(crate) struct Caller {
    sender: SendRequest<Full<Bytes>>,
    certificate: Option<CertificateDer<'static>>,
}

impl Caller {
    /// A new connection, in the clear without `tls`.
    ///
    /// # Errors
    /// It cannot be made, or the certificate is not good.
    pub(crate) async fn connect(address: SocketAddr, tls: Option<&Tls>) -> io::Result<Self> {
        let Some(tls) = tls else {
            let tcp = TcpStream::connect(address).await?;
            tcp.set_nodelay(true)?;
            return Self::over(TokioIo::new(tcp), None).await;
        };
        let stream = tls.open(address).await?;
        let certificates = stream.get_ref().1.peer_certificates().unwrap_or_default();
        let certificate = certificates.first().cloned().map(CertificateDer::into_owned);
        Self::over(TokioIo::new(stream), certificate).await
    }

    async fn over(
        io: impl Read + Write + Unpin + 'static,
        certificate: Option<CertificateDer<'static>>,
    ) -> io::Result<Self> {
        let (sender, connection) = handshake(io).await.map_err(io::Error::other)?;
        spawn_local(async move {
            // How it ended, the next request says.
            let _ = connection.await;
        });
        Ok(Self { sender, certificate })
    }

    /// The certificate that the other side showed.
    pub(crate) fn certificate(&self) -> Option<&CertificateDer<'static>> {
        self.certificate.as_ref()
    }

    /// Sends a request and reads the answer to its end.
    ///
    /// # Errors
    /// The connection breaks.
    pub(crate) async fn send(&mut self, request: Request<Full<Bytes>>) -> io::Result<(StatusCode, Bytes)> {
        self.sender.ready().await.map_err(io::Error::other)?;
        let answer = self.sender.send_request(request).await.map_err(io::Error::other)?;
        let status = answer.status();
        let body = answer.into_body().collect().await.map_err(io::Error::other)?;
        Ok((status, body.to_bytes()))
    }

    /// Leaves the connection as the network leaves it: open, until the other side closes it.
    pub(crate) fn leave(self) {
        spawn_local(async move {
            let mut look = tokio::time::interval(Duration::from_millis(500));
            while !self.sender.is_closed() {
                look.tick().await;
            }
        });
    }

    /// A token for these credentials.
    ///
    /// # Errors
    /// The connection breaks, or the answer is another than a token; it is said which.
    pub(crate) async fn token(&mut self, username: &str, password: &str) -> io::Result<String> {
        let (status, body) = self.send(login(username, password)).await?;
        let answer: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
        let refused = || io::Error::other(format!("no token: {status} {}", String::from_utf8_lossy(&body)));
        answer["access_token"].as_str().map(str::to_owned).ok_or_else(refused)
    }
}

/// A call of the token endpoint.
pub(crate) fn login(username: &str, password: &str) -> Request<Full<Bytes>> {
    let credentials = STANDARD.encode(format!("{username}:{password}"));
    post("/api/token_generate", &format!("Basic {credentials}"), "{}".to_owned())
}

/// The delivery of a payment.
pub(crate) fn delivery(token: &str, transaction: &str) -> Request<Full<Bytes>> {
    let body = format!(
        r#"{{"amount":1000,"orderId":"","serviceCode":"","referencenumber":"F{transaction}","bankaccount":"0123456789","sign":"","transactionid":"{transaction}","content":"load","transType":"C","subTerminalCode":"","terminalCode":"","transactiontime":1700000000000,"urlLink":""}}"#
    );
    post("/bank/api/transaction-sync", &format!("Bearer {token}"), body)
}

fn post(path: &str, authorization: &str, body: String) -> Request<Full<Bytes>> {
    Request::post(path)
        .header("Host", "localhost")
        .header("Authorization", authorization)
        .header("Content-Type", "application/json")
        .body(Full::new(Bytes::from(body)))
        .expect("every part is plain text")
}
