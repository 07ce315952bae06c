//! A request whose task panics, for a test alone: the built program has no such path.

use hyper::Request;

/// Panics for a request that asks for it.
pub(super) fn provoke<B>(request: &Request<B>) {
    assert!(request.uri().path() != PATH, "this request is the test's bug");
}

const PATH: &str = "/panics";

#[cfg(test)]
mod tests {
    use std::io;
    use std::net::SocketAddr;
    use std::sync::{Arc, Mutex};
    use std::thread;
    use std::time::Duration;

    use bytes::Bytes;
    use http_body_util::Empty;
    use hyper::client::conn::{http1, http2};
    use hyper::{Request, StatusCode};
    use hyper_util::rt::{TokioExecutor, TokioIo};
    use rustls::pki_types::ServerName;
    use tokio::net::TcpStream;
    use tokio::time::timeout;
    use tokio_rustls::TlsConnector;
    use tokio_rustls::client::TlsStream;

    use super::PATH;
    use crate::app::{self, Ended, Outside};
    use crate::clock::Clock;
    use crate::config::{Config, Machine, Tls, Vars};
    use crate::log::Log;
    use crate::manager::Manager;
    use crate::phase::{Order, Ratchet, ratchet};
    use crate::tls;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Server {
        address: SocketAddr,
        tls: Arc<rustls::ClientConfig>,
        orders: Ratchet<Order>,
        lines: Lines,
        serving: thread::JoinHandle<Ended>,
    }

    impl Server {
        /// One worker: whatever a panic does, it does to all.
        fn start() -> Self {
            let vars = [
                ("BEARERGATE_UPSTREAM_URL", "http://127.0.0.1:1"),
                ("BEARERGATE_LISTEN", "127.0.0.1:0"),
                ("BEARERGATE_ADMIN_LISTEN", "off"),
                ("BEARERGATE_TLS", "self-signed"),
                ("BEARERGATE_CLIENT_USERNAME", "c"),
                ("BEARERGATE_CLIENT_PASSWORD", "twelve characters"),
                ("BEARERGATE_TOKEN_KEY", "0123456789abcdef0123456789abcdef"),
                ("BEARERGATE_WORKERS", "1"),
                ("BEARERGATE_DRAIN_DELAY", "0s"),
                ("BEARERGATE_LOG_FORMAT", "json"),
            ];
            let mut config = Config::from_vars(Vars::from_pairs(vars), &Machine::detect()).unwrap();
            let (identity, ca) = tls::throw_away_ca(&[]).unwrap();
            config.tls = Tls::With(identity, None);
            let listeners = app::bind(&config).unwrap();
            let address = listeners.callers[0].local_addr().unwrap();
            let (lines, (_nudge, nudges), (orders, ordered)) = (Lines::default(), app::nudge(), ratchet(Order::Serve));
            let log = Log::to(config.log, lines.clone());
            let serving = thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                let outside = Outside { clock: Clock::system(), log: log.clone(), nudges, manager: Manager::nobody() };
                let ended = runtime.block_on(app::serve(config, listeners, outside, ordered)).unwrap();
                log.flush(DEADLINE);
                ended
            });
            Self { address, tls: trusting(&ca), orders, lines, serving }
        }

        async fn connect(&self, alpn: &[u8]) -> TlsStream<TcpStream> {
            let mut tls = (*self.tls).clone();
            tls.alpn_protocols = vec![alpn.to_vec()];
            let tcp = TcpStream::connect(self.address).await.unwrap();
            let name = ServerName::try_from("localhost").unwrap();
            TlsConnector::from(Arc::new(tls)).connect(name, tcp).await.unwrap()
        }

        async fn http1(&self) -> http1::SendRequest<Empty<Bytes>> {
            let (sender, connection) = http1::handshake(TokioIo::new(self.connect(b"http/1.1").await)).await.unwrap();
            tokio::spawn(connection);
            sender
        }

        async fn http2(&self) -> http2::SendRequest<Empty<Bytes>> {
            let io = TokioIo::new(self.connect(b"h2").await);
            let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
            tokio::spawn(connection);
            sender
        }
    }

    fn trusting(ca: &str) -> Arc<rustls::ClientConfig> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(pem::parse(ca).unwrap().contents().to_vec().into()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        Arc::new(config.unwrap().with_root_certificates(roots).with_no_client_auth())
    }

    fn get(path: &str) -> Request<Empty<Bytes>> {
        Request::get(format!("https://localhost{path}")).header("Host", "localhost").body(Empty::new()).unwrap()
    }

    /// Checklist M69.
    #[tokio::test]
    async fn a_panic_in_one_request_ends_neither_the_process_nor_another_connection() {
        let server = Server::start();
        let steps = async {
            let (mut one, mut other, mut many) = (server.http1().await, server.http1().await, server.http2().await);
            for (name, answer) in
                [("one", one.send_request(get("/")).await), ("other", other.send_request(get("/")).await)]
            {
                assert_eq!(answer.unwrap().status(), StatusCode::UNAUTHORIZED, "{name}");
            }
            assert!(one.send_request(get(PATH)).await.is_err(), "the caller sees that there is no answer");
            assert!(many.send_request(get(PATH)).await.is_err(), "so does one over HTTP/2");
            assert_eq!(other.send_request(get("/")).await.unwrap().status(), StatusCode::UNAUTHORIZED);
            assert_eq!(many.send_request(get("/")).await.unwrap().status(), StatusCode::UNAUTHORIZED);
            assert_eq!(server.http1().await.send_request(get("/")).await.unwrap().status(), StatusCode::UNAUTHORIZED);
        };
        timeout(DEADLINE, steps).await.expect("nothing hangs");
        server.orders.advance(Order::Stop);
        let ended = tokio::task::spawn_blocking(|| server.serving.join()).await.unwrap();
        assert_eq!(ended.expect("the server has not panicked"), Ended { cut: 0 }, "no request is in flight for ever");
        let log = String::from_utf8(server.lines.0.lock().unwrap().clone()).unwrap();
        let cut =
            log.lines().filter(|line| line.contains(r#""path":"/panics""#) && line.contains(r#""outcome":"cut""#));
        assert_eq!(cut.count(), 2, "each has its line: {log}");
    }

    const DEADLINE: Duration = Duration::from_secs(20);
}
