//! The API behind the gate: it books every payment and counts how often it was told of each.

use std::cell::RefCell;
use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::spawn_local;
use tokio::time::sleep;

/// How often each `transactionid` came. Copies share it.
#[derive(Clone, Default)]
pub(crate) struct Booked(Rc<RefCell<HashMap<String, u32>>>);

impl Booked {
    /// How many payments came at all.
    pub(crate) fn payments(&self) -> usize {
        self.0.borrow().len()
    }

    /// How many came more than once.
    pub(crate) fn doubled(&self) -> usize {
        self.0.borrow().values().filter(|times| **times > 1).count()
    }

    fn book(&self, body: &[u8]) {
        let payment: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
        let transaction = payment["transactionid"].as_str().unwrap_or_default().to_owned();
        *self.0.borrow_mut().entry(transaction).or_default() += 1;
    }
}

/// Serves on this thread from now on, on loopback; says where.
///
/// # Errors
/// Nobody can listen on loopback.
pub(crate) async fn start(booked: Booked) -> io::Result<SocketAddr> {
    start_at(SocketAddr::from(([127, 0, 0, 1], 0)), Duration::ZERO, booked).await
}

/// Serves at this address, and takes so long for each payment.
///
/// # Errors
/// Nobody can listen there.
pub(crate) async fn start_at(address: SocketAddr, pause: Duration, booked: Booked) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    spawn_local(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let booked = booked.clone();
            let service = service_fn(move |request: Request<Incoming>| answer(request, pause, booked.clone()));
            // A gate that closes a pooled connection is no fault.
            spawn_local(async move { http1::Builder::new().serve_connection(TokioIo::new(tcp), service).await.ok() });
        }
    });
    Ok(address)
}

async fn answer(
    request: Request<Incoming>,
    pause: Duration,
    booked: Booked,
) -> Result<Response<Full<Bytes>>, Infallible> {
    if request.uri().path() == LONG_PATH {
        return Ok(Response::new(Full::from(LONG)));
    }
    // A body that breaks off is a payment that was not made.
    if let Ok(body) = request.into_body().collect().await {
        booked.book(&body.to_bytes());
        // A timer of nothing takes a millisecond.
        if !pause.is_zero() {
            sleep(pause).await;
        }
    }
    let mut answer = Response::new(Full::from(BOOKED));
    answer.headers_mut().insert("Content-Type", http::HeaderValue::from_static("application/json"));
    Ok(answer)
}

/// Where there is more than anybody's buffers hold.
pub(crate) const LONG_PATH: &str = "/long";
/// It.
pub(crate) const LONG: &[u8] = &[b'x'; 32 << 20];
/// What it says to a payment.
pub(crate) const BOOKED: &str =
    r#"{"error":false,"errorReason":null,"toastMessage":"ok","object":{"reftransactionid":"R1"}}"#;
