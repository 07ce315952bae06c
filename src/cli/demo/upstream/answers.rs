//! What the sample upstream says: to deliveries by its kind, to everything else as it is asked.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue, LOCATION};
use http::request::Parts;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use serde_json::{Value, json};
use uuid::Uuid;

use super::asked::Asked;
use super::bodies::{Received, Zeros};
use super::{Book, Kind};
use crate::cli::demo::ledger::Booking;

pub(super) type SampleBody = Either<Full<Bytes>, Zeros>;

/// There is no answer: the connection is to be broken off.
#[derive(Debug, thiserror::Error)]
#[error("the sample upstream breaks off on purpose")]
pub(super) struct BreakOff;

pub(super) async fn answer(
    request: Request<Incoming>,
    kind: Kind,
    book: Arc<Book>,
) -> Result<Response<SampleBody>, BreakOff> {
    let (parts, body) = request.into_parts();
    Ok(match Asked::read(&parts.method, &parts.uri) {
        Asked::Booking => match payment(&Received::read(body, MOST_BOOKED).await) {
            Some(payment) => take(kind, &payment, &parts, &book).await?,
            None => json_answer(StatusCode::BAD_REQUEST, &failed("INVALID_BODY", "The body is not a JSON object")),
        },
        Asked::Counts => json_answer(StatusCode::OK, &json!(book.counts())),
        Asked::Stream { mebibytes } => {
            let mut response = Response::new(Either::Right(Zeros { left: mebibytes << 20 }));
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
            response
        }
        Asked::LateAnswer { after } => {
            tokio::time::sleep(after).await;
            json_answer(StatusCode::OK, &echo(&parts, &Received::read(body, MOST_ECHOED).await))
        }
        Asked::Echo => json_answer(StatusCode::OK, &echo(&parts, &Received::read(body, MOST_ECHOED).await)),
    })
}

/// Takes a payment as this kind does.
async fn take(kind: Kind, payment: &Value, parts: &Parts, book: &Book) -> Result<Response<SampleBody>, BreakOff> {
    match kind {
        Kind::Errors => return Ok(json_answer(StatusCode::INTERNAL_SERVER_ERROR, &failed("E500", "Out of order"))),
        Kind::Final => return Ok(json_answer(StatusCode::BAD_REQUEST, &failed("E01", "Unknown order"))),
        Kind::Redirect => return Ok(redirect(parts)),
        _ => {}
    }
    if book.book(&Booking::of(payment)).is_err() {
        return Ok(json_answer(StatusCode::INTERNAL_SERVER_ERROR, &failed("LEDGER", "The ledger cannot be written")));
    }
    match kind {
        Kind::Slow => tokio::time::sleep(SLOW).await,
        Kind::Hanging => pending().await,
        Kind::Resets => return Err(BreakOff),
        _ => {}
    }
    Ok(match kind {
        Kind::Wrong => {
            let mut response = Response::new(Either::Left(Full::from("OK, thank you")));
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
            response
        }
        Kind::Null => json_answer(StatusCode::OK, &failed("E00", "Received")),
        _ => json_answer(StatusCode::OK, &booked(payment)),
    })
}

/// The payment, when what came is one whole JSON object.
fn payment(received: &Received) -> Option<Value> {
    let payment = serde_json::from_slice::<Value>(&received.kept).ok().filter(Value::is_object);
    payment.filter(|_| received.is_whole())
}

/// The answer to a delivery, as the documentation of the Transaction Sync API shows it.
fn booked(payment: &Value) -> Value {
    json!({
        "error": false, "errorReason": "000", "toastMessage": "Transaction processed successfully",
        "object": { "reftransactionid": reference_of(payment) },
    })
}

fn failed(reason: &str, sentence: &str) -> Value {
    json!({ "error": true, "errorReason": reason, "toastMessage": sentence, "object": null })
}

/// The same path with a slash at its end.
fn redirect(parts: &Parts) -> Response<SampleBody> {
    let mut response = json_answer(StatusCode::MOVED_PERMANENTLY, &json!({}));
    // A path that has come in is one that can be sent.
    if let Ok(location) = HeaderValue::from_str(&format!("{}/", parts.uri.path())) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
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
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.as_str(), text(value))).collect()
}

fn json_answer(status: StatusCode, said: &Value) -> Response<SampleBody> {
    let mut response = Response::new(Either::Left(Full::from(said.to_string())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

const MOST_ECHOED: usize = 64 << 10;
/// A delivery has 13 short members; 1 MiB is far beyond any.
const MOST_BOOKED: usize = 1 << 20;
const MOST_REFERENCE: usize = 64;
const SLOW: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::super::bodies::End;
    use super::*;

    fn received(body: &str) -> Received {
        Received { kept: body.as_bytes().to_vec(), length: body.len() as u64, end: End::Reached }
    }

    #[test]
    fn a_payment_is_booked_under_a_reference_of_its_own() {
        for (body, reference) in [
            (r#"{"referencenumber":"FT123","transactionid":"T1"}"#, "REF-FT123"),
            (r#"{"referencenumber":"","transactionid":"T1"}"#, "REF-T1"),
            (r#"{"referencenumber":"\"<é"}"#, "REF-\"<é"),
        ] {
            let said = booked(&payment(&received(body)).expect("it is one"));
            assert_eq!(said["error"], false, "{body}");
            assert_eq!(said["object"]["reftransactionid"], reference, "{body}");
        }
        let unnamed = booked(&json!({}))["object"]["reftransactionid"].clone();
        assert_ne!(unnamed, booked(&json!({}))["object"]["reftransactionid"]);
    }

    #[test]
    fn what_is_not_a_json_object_is_no_payment() {
        let long = Received { length: 9, ..received("{}") };
        let cut = Received { end: End::BrokenOff, ..received("{}") };
        for received in [received(""), received("amount=1"), received("[1]"), received("{"), long, cut] {
            assert_eq!(payment(&received), None, "{received:?}");
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
}
