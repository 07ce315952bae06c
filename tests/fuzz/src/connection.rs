//! A whole connection: whatever its bytes, the upstream sees no request without a token, and none that it could read in two ways.

use std::net::TcpStream;
use std::sync::{Arc, LazyLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned};

use super::live::{Gate, Patience, exchange};

/// The first byte chooses the protocol: even for HTTP/1.1 in the clear, odd for HTTP/2 over TLS, behind the preface.
pub fn holds(data: &[u8]) {
    let [kind, bytes @ ..] = data else { return };
    if kind % 2 == 0 {
        let mut tcp = HTTP1.connect();
        let own = tcp.try_clone().expect("an open socket");
        exchange(&mut tcp, &own, &[bytes, LAST].concat(), Patience::Little);
        HTTP1.check();
    } else {
        let tcp = HTTP2.connect();
        let own = tcp.try_clone().expect("an open socket");
        exchange(&mut over_tls(tcp), &own, &[PREFACE, bytes].concat(), Patience::Little);
        HTTP2.check();
    }
}

static HTTP1: LazyLock<Gate> = LazyLock::new(|| Gate::start(&[("TLS", "off")]));
static HTTP2: LazyLock<Gate> = LazyLock::new(|| Gate::start(&[("TLS", "self-signed")]));

/// Without a token: whoever takes it for a part of what was before it lets it in. It also ends the connection.
const LAST: &[u8] = b"GET /pay/last HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";

/// With empty settings, which have to come first.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

fn over_tls(tcp: TcpStream) -> StreamOwned<ClientConnection, TcpStream> {
    static CONFIG: LazyLock<Arc<ClientConfig>> = LazyLock::new(|| {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider));
        let builder = builder.with_safe_default_protocol_versions().expect("the provider has the suites");
        let any = Arc::new(AnyCertificate(provider));
        let mut config = builder.dangerous().with_custom_certificate_verifier(any).with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec()];
        Arc::new(config)
    });
    let name = ServerName::try_from("localhost").expect("a name");
    let tls = ClientConnection::new(Arc::clone(&CONFIG), name).expect("a good configuration");
    StreamOwned::new(tls, tcp)
}

/// The server made its certificate itself; who it is is not in question.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
