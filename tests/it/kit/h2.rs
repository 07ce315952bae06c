//! An HTTP/2 client over TLS. It is hyper's own: what a well-behaved HTTP/2 peer sends; frames by hand go through [`super::Raw`].

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::{
    HeaderMap, Request,
    body::{Frame, Incoming, SizeHint},
    client::conn::http2::SendRequest,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::sync::mpsc;

use super::{
    ClientTls, DEADLINE, End, Response, raw,
    secrets::Secrets,
    wire::{Body, Field},
    within,
};

/// One HTTP/2 connection; requests run side by side on it. It ends when it is dropped.
pub(crate) struct H2 {
    sender: SendRequest<H2Body>,
    authority: String,
    connection: tokio::task::JoinHandle<Result<(), hyper::Error>>,
    heard_by: Option<Secrets>,
}

impl H2 {
    /// Connects, with ALPN `h2` alone.
    pub(crate) async fn connect(address: SocketAddr, tls: &ClientTls) -> Self {
        let tls = tls.clone().alpn(["h2"]);
        let stream =
            raw::handshake(address, &tls).await.unwrap_or_else(|fault| panic!("the handshake failed: {fault}"));
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]), "the server was to choose h2");
        let shaking = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
        let shaken = within(DEADLINE, "the HTTP/2 preface", shaking).await;
        let (sender, connection) = shaken.unwrap_or_else(|fault| panic!("no HTTP/2 connection: {fault}"));
        let authority = format!("{}:{}", tls.name(), address.port());
        Self { sender, authority, connection: tokio::spawn(connection), heard_by: None }
    }

    /// Adds the credentials that are sent from now on to these secrets.
    pub(super) fn heard_by(self, secrets: &Secrets) -> Self {
        Self { heard_by: Some(secrets.clone()), ..self }
    }

    /// A request to this connection's authority.
    pub(crate) fn request(&self, method: &str, path: &str) -> http::request::Builder {
        Request::builder().method(method).uri(format!("https://{}{path}", self.authority))
    }

    /// Sends the request and reads the whole response.
    pub(crate) async fn send(&self, request: Request<H2Body>) -> Response {
        let answer = self.try_open(request).await.unwrap_or_else(|fault| panic!("no response: {fault:?}"));
        collect(answer).await
    }

    /// Sends the request and gives the response as soon as its head is there, or why there is none.
    pub(crate) async fn try_open(&self, request: Request<H2Body>) -> Result<http::Response<Incoming>, hyper::Error> {
        if let Some(secrets) = &self.heard_by {
            let values = request.headers().get_all("authorization").iter();
            values.for_each(|value| secrets.hold_field(&String::from_utf8_lossy(value.as_bytes())));
        }
        let mut sender = self.sender.clone();
        within(DEADLINE, "the HTTP/2 connection", sender.ready()).await?;
        within(DEADLINE, "the head of a response", sender.send_request(request)).await
    }

    /// Waits until the server has ended the connection; the error is `None` after an orderly GOAWAY.
    pub(crate) async fn ended(self) -> Option<hyper::Error> {
        let Self { sender, connection, .. } = self;
        let ended = within(DEADLINE, "the end of the HTTP/2 connection", connection).await;
        drop(sender);
        ended.unwrap_or_else(|fault| panic!("the connection's task broke: {fault}")).err()
    }
}

/// Reads a response to its end.
pub(crate) async fn collect(answer: http::Response<Incoming>) -> Response {
    let (head, mut incoming) = answer.into_parts();
    let (mut body, mut trailers, mut end) = (Body::new(), Vec::new(), End::Framed);
    while let Some(frame) = within(DEADLINE, "the next frame of a response", incoming.frame()).await {
        match frame.map(Frame::into_data) {
            Ok(Ok(bytes)) => body.take(&bytes),
            Ok(Err(frame)) => trailers.extend(frame.into_trailers().iter().flat_map(fields)),
            Err(_) => {
                end = End::Cut;
                break;
            }
        }
    }
    let status = head.status.as_u16();
    Response { status, reason: String::new(), fields: fields(&head.headers), body, trailers, interim: Vec::new(), end }
}

fn fields(map: &HeaderMap) -> Vec<Field> {
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    map.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect()
}

/// The body of an HTTP/2 request: whole, or fed piece by piece.
#[derive(Debug)]
pub(crate) struct H2Body {
    whole: Option<Bytes>,
    pieces: Option<mpsc::Receiver<io::Result<Frame<Bytes>>>>,
}

impl H2Body {
    /// No body: the head ends the stream.
    pub(crate) fn empty() -> Self {
        Self { whole: None, pieces: None }
    }

    /// A body whose length is announced.
    pub(crate) fn whole(bytes: impl Into<Bytes>) -> Self {
        Self { whole: Some(bytes.into()), pieces: None }
    }

    /// A body of unannounced length, and the hand that feeds it.
    pub(crate) fn fed() -> (Feed, Self) {
        let (sender, pieces) = mpsc::channel(1);
        (Feed(sender), Self { whole: None, pieces: Some(pieces) })
    }
}

impl hyper::body::Body for H2Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match (self.whole.take(), &mut self.pieces) {
            (Some(bytes), _) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            (None, Some(pieces)) => pieces.poll_recv(cx),
            (None, None) => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.whole.is_none() && self.pieces.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        match (&self.whole, &self.pieces) {
            (_, Some(_)) => SizeHint::default(),
            (whole, None) => SizeHint::with_exact(whole.as_ref().map_or(0, |bytes| bytes.len() as u64)),
        }
    }
}

/// Feeds the body of a request that is under way. Dropping it ends the body orderly.
#[derive(Debug)]
pub(crate) struct Feed(mpsc::Sender<io::Result<Frame<Bytes>>>);

impl Feed {
    /// Sends the next bytes; `false` when the request is no longer read.
    pub(crate) async fn data(&self, bytes: impl Into<Bytes>) -> bool {
        self.put(Ok(Frame::data(bytes.into()))).await
    }

    /// Ends the body with trailers.
    pub(crate) async fn trailers(self, trailers: HeaderMap) {
        self.put(Ok(Frame::trailers(trailers))).await;
    }

    /// Breaks the body off: the stream is reset.
    pub(crate) async fn abort(self) {
        self.put(Err(io::ErrorKind::Interrupted.into())).await;
    }

    async fn put(&self, piece: io::Result<Frame<Bytes>>) -> bool {
        within(DEADLINE, "room for the next piece of a body", self.0.send(piece)).await.is_ok()
    }
}
