//! What callers send: tokens, good and bad, and requests as bytes.

use std::io;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use jsonwebtoken::{Algorithm, EncodingKey, crypto};

/// The key of every peer that checks tokens: 32 bytes or more of text, HS256.
pub(crate) const TOKEN_KEY: &str = "bench-0f1e2d3c4b5a69788796a5b4c3d2e1f0";

/// The client of every peer that issues tokens.
pub(crate) const USERNAME: &str = "bench";

/// Its password.
pub(crate) const PASSWORD: &str = "N5Yw2rT8uVqX1zKd7LsE4hJm";

/// The path of a delivery.
const DELIVERY: &str = "/bank/api/transaction-sync";

/// How good a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quality {
    /// As it should be.
    Good,
    /// Signed with another key.
    Forged,
    /// Signed with the right key, out of date since a minute.
    Expired,
}

/// A token as bearergate writes its own: the same header, the same claims, in the same order.
///
/// # Errors
/// It cannot be signed.
pub(crate) fn token(quality: Quality) -> io::Result<String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(io::Error::other)?.as_secs();
    let issued = if quality == Quality::Expired { now - 240 } else { now };
    let expires = if quality == Quality::Expired { now - 60 } else { now + 300 };
    let claims = format!(
        r#"{{"iss":"bearergate","sub":"{USERNAME}","iat":{issued},"exp":{expires},"jti":"kDdPzF0T3cW9uZqYt4rJ1A"}}"#
    );
    let key = if quality == Quality::Forged { "another-key-of-thirty-two-bytes-or-more" } else { TOKEN_KEY };
    let key = EncodingKey::from_secret(key.as_bytes());
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
    let message = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims));
    let signature = crypto::sign(message.as_bytes(), &key, Algorithm::HS256).map_err(io::Error::other)?;
    Ok(format!("{message}.{signature}"))
}

/// The value of `Authorization` with a good token.
///
/// # Errors
/// It cannot be signed.
pub(crate) fn bearer() -> io::Result<String> {
    Ok(format!("Bearer {}", token(Quality::Good)?))
}

/// A delivery of 300 bytes.
pub(crate) fn delivery(authorization: &str) -> Vec<u8> {
    post(DELIVERY, authorization, &payment())
}

/// A delivery of 300 bytes over HTTP/2.
///
/// # Errors
/// The authorization is not a header's value.
pub(crate) fn delivery2(authorization: &str, port: u16) -> io::Result<Request<Full<Bytes>>> {
    let request = Request::post(format!("https://localhost:{port}{DELIVERY}"))
        .header("authorization", authorization)
        .header("content-type", "application/json");
    request.body(Full::new(Bytes::from(payment()))).map_err(io::Error::other)
}

/// A call of the token endpoint.
pub(crate) fn login() -> Vec<u8> {
    let credentials = STANDARD.encode(format!("{USERNAME}:{PASSWORD}"));
    post("/api/token_generate", &format!("Basic {credentials}"), b"{}")
}

/// An upload of this many bytes.
pub(crate) fn upload(authorization: &str, length: usize) -> Vec<u8> {
    post("/up", authorization, &vec![b'x'; length])
}

/// A request without a body.
pub(crate) fn get(path: &str, authorization: Option<&str>) -> Vec<u8> {
    let authorization = authorization.map(|value| format!("Authorization: {value}\r\n")).unwrap_or_default();
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{authorization}Accept: */*\r\n\r\n").into_bytes()
}

fn post(path: &str, authorization: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {authorization}\r\nContent-Type: application/json\r\n\
         Accept: application/json\r\nUser-Agent: bench/1\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// A payment as the network reports it, filled up to 300 bytes.
pub(crate) fn payment() -> Vec<u8> {
    const LENGTH: usize = 300;
    let start = r#"{"transactionid":"FT26327000000001","transactiontime":1700000000000,"referencenumber":"FT26327000000001","amount":1000,"content":""#;
    let end = r#"","bankaccount":"0123456789","transType":"C","orderId":""}"#;
    let filling = "x".repeat(LENGTH - start.len() - end.len());
    format!("{start}{filling}{end}").into_bytes()
}
