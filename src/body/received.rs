//! A caller's body as it arrives, and whether what comes behind it may be taken for the next request.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderMap, Version};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::BodyFault;

/// A request's body. Its [`Tail`] can be asked for while somebody else reads it.
#[derive(Debug)]
pub struct Received {
    body: Incoming,
    tail: Rc<Cell<Tail>>,
}

/// How far the end of a body can be trusted to be where the next request begins.
///
/// hyper reads trailers up to an empty line that ends with CRLF, and takes of them what stands before the first empty line, which may end
/// with LF alone: a whole request behind such a line is lost without a trace. A proxy before us that ends the trailers at the LF has sent
/// that request for somebody else, and would give the answer to the next one to him. Source: RFC 9112, sections 2.2, 7.1.2 and 11.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tail {
    /// Nobody else can see it elsewhere: there is no body, its length was declared, it ended without trailers, or it came over HTTP/2.
    Plain,
    /// It has not ended yet, and may do so in trailers.
    Open,
    /// There were trailers.
    Trailers,
}

impl Received {
    /// The body of a request of this version.
    #[must_use]
    pub fn of(body: Incoming, version: Version) -> Self {
        let is_framed = version == Version::HTTP_2 || body.size_hint().exact().is_some();
        let tail = if is_framed { Tail::Plain } else { Tail::Open };
        Self { body, tail: Rc::new(Cell::new(tail)) }
    }

    /// Its tail, now and later.
    #[must_use]
    pub fn tail(&self) -> Rc<Cell<Tail>> {
        Rc::clone(&self.tail)
    }

    /// Trailers in which hyper found nothing were not empty: they began with a line feed.
    fn ended_in(&self, trailers: &HeaderMap) -> Result<(), BodyFault> {
        if self.tail.get() == Tail::Plain {
            return Ok(());
        }
        self.tail.set(Tail::Trailers);
        if trailers.is_empty() { Err(BodyFault::Broken) } else { Ok(()) }
    }
}

impl Body for Received {
    type Data = Bytes;
    type Error = BodyFault;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyFault>>> {
        Poll::Ready(match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
            Some(Ok(frame)) => {
                let fault = frame.trailers_ref().and_then(|trailers| self.ended_in(trailers).err());
                Some(fault.map_or(Ok(frame), Err))
            }
            Some(Err(_)) => Some(Err(BodyFault::Broken)),
            None => {
                if self.tail.get() == Tail::Open {
                    self.tail.set(Tail::Plain);
                }
                None
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
