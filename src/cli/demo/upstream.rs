//! The API that `bearergate demo` puts behind the sidecar: it books payments, echoes, streams, and is slow on demand.
//!
//! It listens on loopback alone and checks no token: that is the sidecar's part, and seeing it done is the point of a demo.

use std::{
    convert::Infallible,
    error::Error,
    io,
    net::{Ipv4Addr, SocketAddr},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    thread,
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri, header::CONTENT_TYPE, request::Parts};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Either, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use uuid::Uuid;

/// A sample upstream that runs on a thread of its own until the process ends.
#[derive(Clone, Debug)]
pub(crate) struct SampleUpstream {
    address: SocketAddr,
    deliveries: Arc<AtomicU64>,
}

impl SampleUpstream {
    /// Starts one on a free port of 127.0.0.1; it accepts connections when this returns.
    ///
    /// # Errors
    /// When there is no port, thread or descriptor to be had.
    pub(crate) fn start() -> io::Result<Self> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let sample = Self { address: listener.local_addr()?, deliveries: Arc::default() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let deliveries = Arc::clone(&sample.deliveries);
        let serving = move || runtime.block_on(serve(listener, deliveries));
        thread::Builder::new().name("sample-upstream".to_owned()).spawn(serving)?;
        Ok(sample)
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many payments it has booked.
    pub(crate) fn deliveries(&self) -> u64 {
        self.deliveries.load(Ordering::Relaxed)
    }
}

/// What a request asks for.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Booking,
    Stream { mebibytes: u64 },
    LateAnswer { after: Duration },
    Echo,
}

impl Asked {
    /// `POST …/bank/api/transaction-sync`, `GET …/stream?mb=N`, any `…/slow?ms=N`; below whatever base path.
    fn read(method: &Method, uri: &Uri) -> Self {
        let path = uri.path();
        if method == Method::POST && path.ends_with(BOOKING_PATH) {
            Self::Booking
        } else if method == Method::GET && path.ends_with("/stream") {
            Self::Stream { mebibytes: number(uri, "mb").unwrap_or(1).clamp(1, MOST_MEBIBYTES) }
        } else if path.ends_with("/slow") {
            Self::LateAnswer { after: Duration::from_millis(number(uri, "ms").unwrap_or(1000).min(MOST_MILLISECONDS)) }
        } else {
            Self::Echo
        }
    }
}

async fn serve(listener: std::net::TcpListener, deliveries: Arc<AtomicU64>) {
    let Ok(listener) = TcpListener::from_std(listener) else { return };
    loop {
        let Ok((socket, _)) = listener.accept().await else {
            // Out of descriptors, most likely: they come back when connections end.
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let deliveries = Arc::clone(&deliveries);
        let service = service_fn(move |request| answer(request, Arc::clone(&deliveries)));
        let connection = http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(socket), service);
        // How a connection ends is the sidecar's affair; nothing is lost here.
        tokio::spawn(async move { drop(connection.await) });
    }
}

async fn answer(request: Request<Incoming>, deliveries: Arc<AtomicU64>) -> Result<Response<SampleBody>, Infallible> {
    let (parts, body) = request.into_parts();
    Ok(match Asked::read(&parts.method, &parts.uri) {
        Asked::Booking => {
            let (status, said) = book(&Received::read(body, MOST_BOOKED).await);
            if status == StatusCode::OK {
                deliveries.fetch_add(1, Ordering::Relaxed);
            }
            json_answer(status, &said)
        }
        Asked::Stream { mebibytes } => {
            let mut response = Response::new(Either::Right(Zeros { left: mebibytes << 20 }));
            response.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static("application/octet-stream"));
            response
        }
        Asked::LateAnswer { after } => {
            tokio::time::sleep(after).await;
            json_answer(StatusCode::OK, &echo(&parts, &Received::read(body, MOST_ECHOED).await))
        }
        Asked::Echo => json_answer(StatusCode::OK, &echo(&parts, &Received::read(body, MOST_ECHOED).await)),
    })
}

/// The answer to a delivery, as the documentation of the Transaction Sync API shows it.
fn book(received: &Received) -> (StatusCode, Value) {
    let payment = serde_json::from_slice::<Value>(&received.kept).ok().filter(Value::is_object);
    let Some(payment) = payment.filter(|_| received.is_whole()) else {
        let said = json!({
            "error": true, "errorReason": "INVALID_BODY", "toastMessage": "The body is not a JSON object", "object": null,
        });
        return (StatusCode::BAD_REQUEST, said);
    };
    let said = json!({
        "error": false, "errorReason": "000", "toastMessage": "Transaction processed successfully",
        "object": { "reftransactionid": reference_of(&payment) },
    });
    (StatusCode::OK, said)
}

/// The same payment gets the same reference, as a booking that guards against doubles gives it.
fn reference_of(payment: &Value) -> String {
    let text = |key: &str| payment[key].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    match text("referencenumber").or_else(|| text("transactionid")) {
        Some(reference) => format!("REF-{}", reference.chars().take(MOST_REFERENCE).collect::<String>()),
        None => format!("REF-{}", Uuid::now_v7().simple()),
    }
}

/// What came in, so that a person sees what the sidecar took out and put in.
fn echo(parts: &Parts, received: &Received) -> Value {
    json!({
        "method": parts.method.as_str(),
        "path": parts.uri.to_string(),
        "headers": fields(&parts.headers),
        "body_length": received.length,
        "body": String::from_utf8_lossy(&received.kept),
    })
}

fn fields(headers: &HeaderMap) -> Vec<(&str, String)> {
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.as_str(), text(value))).collect()
}

fn number(uri: &Uri, key: &str) -> Option<u64> {
    let pairs = uri.query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(name, _)| *name == key).find_map(|(_, value)| value.parse().ok())
}

fn json_answer(status: StatusCode, said: &Value) -> Response<SampleBody> {
    let mut response = Response::new(Either::Left(Full::from(said.to_string())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    response
}

/// The start of a body, the length of what came of it, and whether that was all.
#[derive(Debug)]
struct Received {
    kept: Vec<u8>,
    length: u64,
    end: End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Reached,
    BrokenOff,
}

impl Received {
    /// Reads a body to its end and keeps its first `most` bytes.
    async fn read<B>(mut body: B, most: usize) -> Self
    where
        B: Body<Data = Bytes> + Unpin,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let mut received = Self { kept: Vec::new(), length: 0, end: End::Reached };
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else {
                received.end = End::BrokenOff;
                break;
            };
            let Ok(bytes) = frame.into_data() else { continue };
            let room = most.saturating_sub(received.kept.len()).min(bytes.len());
            received.kept.extend_from_slice(&bytes[..room]);
            received.length += bytes.len() as u64;
        }
        received
    }

    fn is_whole(&self) -> bool {
        self.end == End::Reached && self.kept.len() as u64 == self.length
    }
}

type SampleBody = Either<Full<Bytes>, Zeros>;

/// So many zero bytes, none of them held in memory twice.
#[derive(Debug)]
struct Zeros {
    left: u64,
}

impl Body for Zeros {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let now = usize::try_from(self.left).unwrap_or(usize::MAX).min(PIECE.len());
        self.left -= now as u64;
        Poll::Ready((now > 0).then(|| Ok(Frame::data(Bytes::from_static(&PIECE[..now])))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// The one path of the Transaction Sync API, below the base path.
const BOOKING_PATH: &str = "/bank/api/transaction-sync";
const MOST_MEBIBYTES: u64 = 4096;
const MOST_MILLISECONDS: u64 = 600_000;
const MOST_ECHOED: usize = 64 << 10;
/// A delivery has 13 short members; 1 MiB is far beyond any.
const MOST_BOOKED: usize = 1 << 20;
const MOST_REFERENCE: usize = 64;
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
static PIECE: [u8; 64 << 10] = [0; 64 << 10];

#[cfg(test)]
mod tests {
    use super::*;

    fn received(body: &str) -> Received {
        Received { kept: body.as_bytes().to_vec(), length: body.len() as u64, end: End::Reached }
    }

    #[test]
    fn the_path_says_what_is_asked_for_whatever_the_base_path_is() {
        let stream = |mebibytes| Asked::Stream { mebibytes };
        let late = |ms| Asked::LateAnswer { after: Duration::from_millis(ms) };
        for (method, uri, asked) in [
            (Method::POST, "/bank/api/transaction-sync", Asked::Booking),
            (Method::POST, "/vqr/bank/api/transaction-sync?x=1", Asked::Booking),
            (Method::GET, "/bank/api/transaction-sync", Asked::Echo),
            (Method::GET, "/stream?mb=7", stream(7)),
            (Method::GET, "/stream", stream(1)),
            (Method::GET, "/vqr/stream?a=b&mb=0", stream(1)),
            (Method::GET, "/stream?mb=99999", stream(4096)),
            (Method::GET, "/stream?mb=-1", stream(1)),
            (Method::POST, "/stream?mb=7", Asked::Echo),
            (Method::GET, "/slow?ms=20", late(20)),
            (Method::POST, "/slow?ms=9999999", late(600_000)),
            (Method::GET, "/orders", Asked::Echo),
        ] {
            assert_eq!(Asked::read(&method, &uri.parse().expect("the row has a URI")), asked, "{method} {uri}");
        }
    }

    #[test]
    fn a_payment_is_booked_under_a_reference_of_its_own() {
        for (body, reference) in [
            (r#"{"referencenumber":"FT123","transactionid":"T1"}"#, "REF-FT123"),
            (r#"{"referencenumber":"","transactionid":"T1"}"#, "REF-T1"),
            (r#"{"referencenumber":"\"<é"}"#, "REF-\"<é"),
        ] {
            let (status, said) = book(&received(body));
            assert_eq!((status, &said["error"]), (StatusCode::OK, &json!(false)), "{body}");
            assert_eq!(said["object"]["reftransactionid"], reference, "{body}");
        }
        let unnamed = book(&received("{}")).1["object"]["reftransactionid"].clone();
        assert_ne!(unnamed, book(&received("{}")).1["object"]["reftransactionid"]);
    }

    #[test]
    fn what_is_not_a_json_object_is_not_booked() {
        let long = Received { length: 9, ..received("{}") };
        let cut = Received { end: End::BrokenOff, ..received("{}") };
        for received in [received(""), received("amount=1"), received("[1]"), received("{"), long, cut] {
            let (status, said) = book(&received);
            assert_eq!((status, &said["error"]), (StatusCode::BAD_REQUEST, &json!(true)), "{received:?}");
        }
    }

    #[test]
    fn an_echo_shows_repeated_headers_and_the_length_of_the_whole_body() {
        let request = Request::put("/a?b=c").header("x-one", "1").header("x-one", "2").body(());
        let (parts, ()) = request.expect("the request is well formed").into_parts();
        let said = echo(&parts, &Received { length: 70_000, ..received("start") });
        assert_eq!((&said["method"], &said["path"]), (&json!("PUT"), &json!("/a?b=c")));
        assert_eq!(said["headers"], json!([["x-one", "1"], ["x-one", "2"]]));
        assert_eq!((&said["body_length"], &said["body"]), (&json!(70_000), &json!("start")));
    }

    #[tokio::test]
    async fn a_stream_is_as_long_as_it_says() {
        let body = Zeros { left: (1 << 20) + 3 };
        assert_eq!(body.size_hint().exact(), Some((1 << 20) + 3));
        let received = Received::read(body, 10).await;
        assert_eq!((received.length, received.kept.len()), ((1 << 20) + 3, 10));
    }
}
