//! The names a request goes by: `X-Request-Id` and `traceparent`, the caller's where they are well-formed, else made here.

use http::header::{HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;

use super::Visit;
use crate::rules::peer::TrustedProxies;
use crate::upstream::headers::{Hop, Introduction, TRACEPARENT, TraceState, X_REQUEST_ID, is_request_id, trace_id};

/// What the upstream is told about a request that came by this visit.
pub(super) fn introduction(headers: &HeaderMap, visit: &Visit, proxies: &TrustedProxies) -> Introduction {
    let hop = if proxies.trusts(visit.peer) { Hop::Proxy(visit.peer) } else { Hop::Caller };
    let request_id = single(headers, &X_REQUEST_ID).filter(|value| is_request_id(value)).cloned();
    let traceparent = single(headers, &TRACEPARENT).filter(|value| trace_id(value).is_some()).cloned();
    let tracestate = if traceparent.is_some() { TraceState::Passed } else { TraceState::Dropped };
    Introduction {
        peer: proxies.real_peer(visit.peer, headers),
        hop,
        scheme: visit.scheme,
        request_id: request_id.unwrap_or_else(made_request_id),
        traceparent: traceparent.unwrap_or_else(made_traceparent),
        tracestate,
    }
}

fn made_request_id() -> HeaderValue {
    header(Uuid::now_v7().hyphenated().encode_lower(&mut Uuid::encode_buffer()).as_bytes())
}

/// A new trace, sampled, so that an upstream that traces its callers' requests goes on doing so. Source: W3C Trace Context, section 3.2.
fn made_traceparent() -> HeaderValue {
    let mut text = *b"00-00000000000000000000000000000000-0000000000000000-01";
    Uuid::new_v4().simple().encode_lower(&mut text[3..35]);
    let mut parent = Uuid::encode_buffer();
    // The half with the variant's bits is never all zeros.
    text[36..52].copy_from_slice(&Uuid::new_v4().simple().encode_lower(&mut parent).as_bytes()[16..]);
    header(&text)
}

fn single<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h HeaderValue> {
    let mut values = headers.get_all(name).into_iter();
    values.next().filter(|_| values.next().is_none())
}

fn header(text: &[u8]) -> HeaderValue {
    HeaderValue::from_bytes(text).expect("hexadecimal digits and dashes are a header value")
}
