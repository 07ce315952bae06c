//! A request's body is the same bytes upstream, however it is framed on the way.

use crate::kit::{self, RequestText, h2::H2Body};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framed {
    ByNothing,
    ByLength,
    ByLengthOverHttp10,
    ByChunks,
    ByLengthOverHttp2,
    ByFramesOverHttp2,
}

#[tokio::test]
async fn a_body_arrives_byte_for_byte_under_every_framing() {
    let (upstream, sidecar, token) = kit::guarded([]).await;
    let h2 = sidecar.h2().await;
    let every_byte: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let mut five_mib = every_byte.repeat(53);
    five_mib.truncate(5 << 20);
    let framings = [
        Framed::ByLength,
        Framed::ByLengthOverHttp10,
        Framed::ByChunks,
        Framed::ByLengthOverHttp2,
        Framed::ByFramesOverHttp2,
    ];
    let mut rows = vec![(Framed::ByNothing, "GET", &b""[..]), (Framed::ByNothing, "POST", b"")];
    for method in ["POST", "PUT", "PATCH", "DELETE", "GET"] {
        rows.extend(framings.map(|framed| (framed, method, &b"{\"a\":1}\r\n0\r\n\r\n"[..])));
    }
    for body in [&b""[..], &every_byte, &five_mib] {
        rows.extend(framings.map(|framed| (framed, "POST", body)));
    }
    for (framed, method, body) in rows {
        let shown = format!("{framed:?} {method} {} bytes", body.len());
        let status = match framed {
            Framed::ByLengthOverHttp2 | Framed::ByFramesOverHttp2 => {
                let request = h2.request(method, "/a").header("authorization", format!("Bearer {token}"));
                let answer = if framed == Framed::ByLengthOverHttp2 {
                    let length = body.len().to_string();
                    let request = request.header("content-length", length).body(H2Body::whole(body.to_vec()));
                    h2.try_open(request.unwrap()).await
                } else {
                    let (feed, fed) = H2Body::fed();
                    let pieces: Vec<Vec<u8>> = body.chunks(30_000).map(<[u8]>::to_vec).collect();
                    tokio::spawn(async move {
                        for piece in pieces {
                            feed.data(piece).await;
                        }
                    });
                    h2.try_open(request.body(fed).unwrap()).await
                };
                kit::h2::collect(answer.unwrap_or_else(|fault| panic!("{shown}: {fault:?}"))).await.status()
            }
            _ => sidecar.exchange(on_the_wire(framed, method, &token, body)).await.status(),
        };
        assert_eq!(status, 200, "{shown}");
        let seen = upstream.requests().pop().expect("it was forwarded");
        assert_eq!(
            (seen.method(), seen.complete(), seen.body().length()),
            (method, true, body.len() as u64),
            "{shown}"
        );
        let sent = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, body);
        assert_eq!(seen.body().sha256(), sent.as_ref(), "{shown}");
        let declared = match framed {
            Framed::ByLength | Framed::ByLengthOverHttp10 | Framed::ByLengthOverHttp2 => Some(body.len().to_string()),
            _ => None,
        };
        assert_eq!(seen.header("Content-Length"), declared.as_deref(), "{shown}");
        let is_chunked = matches!(framed, Framed::ByChunks | Framed::ByFramesOverHttp2);
        assert_eq!(seen.header("Transfer-Encoding"), is_chunked.then_some("chunked"), "{shown}");
    }
}

fn on_the_wire(framed: Framed, method: &str, token: &str, body: &[u8]) -> Vec<u8> {
    let request = RequestText::new(method, "/a").bearer(token);
    match framed {
        Framed::ByNothing => request.bytes(),
        Framed::ByLength => request.body(body).bytes(),
        Framed::ByLengthOverHttp10 => {
            let bytes = request.body(body).bytes();
            let at = bytes.windows(8).position(|window| window == b"HTTP/1.1").expect("the version");
            [&bytes[..at], b"HTTP/1.0", &bytes[at + 8..]].concat()
        }
        _ => {
            let mut bytes = request.header("Transfer-Encoding", "chunked").bytes();
            for (at, piece) in body.chunks(40_000).enumerate() {
                let extension = if at == 0 { ";name=\"v\"" } else { "" };
                bytes.extend(format!("{:X}{extension}\r\n", piece.len()).into_bytes());
                bytes.extend_from_slice(piece);
                bytes.extend_from_slice(b"\r\n");
            }
            bytes.extend_from_slice(b"0\r\n\r\n");
            bytes
        }
    }
}

#[tokio::test]
async fn a_caller_s_trailers_stop_here() {
    // They could name what no check has seen.
    let (upstream, sidecar, token) = kit::guarded([]).await;
    let head = RequestText::new("POST", "/a").bearer(&token).header("Trailer", "X-Forwarded-User");
    let mut request = head.header("Transfer-Encoding", "chunked").bytes();
    request.extend_from_slice(b"2\r\nhi\r\n0\r\nX-Forwarded-User: root\r\nX-Sum: 1\r\n\r\n");
    assert_eq!(sidecar.exchange(request).await.status(), 200);
    let h2 = sidecar.h2().await;
    let (feed, body) = H2Body::fed();
    let request = h2.request("POST", "/a").header("authorization", format!("Bearer {token}"));
    let request = request.body(body).unwrap();
    let feeding = async move {
        feed.data("hi").await;
        feed.trailers([("x-forwarded-user".parse().unwrap(), "root".parse().unwrap())].into_iter().collect()).await;
    };
    let (response, ()) = tokio::join!(h2.send(request), feeding);
    assert_eq!(response.status(), 200);
    for seen in upstream.requests() {
        assert_eq!((seen.text().as_str(), seen.complete(), seen.trailers()), ("hi", true, &[][..]));
        assert_eq!((seen.values("X-Forwarded-User"), seen.header("Trailer")), (vec!["vietqr-live"], None));
    }
    assert_eq!(upstream.seen(), 2);
}
