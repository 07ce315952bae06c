//! The callers there are, as they put their requests on the wire.

use super::{TOKEN, gate, token_of};
use crate::kit::{
    Closing, DEADLINE, Refused, RequestText, Sidecar, Upstream,
    h2::H2Body,
    sidecar::{PASSWORD, USERNAME},
    text,
};

/// The head that the payment network's own client writes. Source: vietqr-caller, "one delivery = two requests".
fn reactor_netty(path: &str, host: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nuser-agent: ReactorNetty/0.9.12.RELEASE\r\nhost: {host}\r\naccept-encoding: gzip\r\n\
         accept: */*\r\nContent-Type: application/json\r\nAuthorization: {}\r\ncontent-length: 2\r\n\r\n{{}}",
        text::basic(USERNAME, PASSWORD)
    )
}

/// What the Java program of the documentation sends, on the JDK's `HttpURLConnection`.
fn java_sample(path: &str, host: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nAuthorization: {}\r\nUser-Agent: Java/1.8.0_402\r\nHost: {host}\r\n\
         Accept: text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2\r\nConnection: keep-alive\r\n\
         Content-type: application/x-www-form-urlencoded\r\nContent-Length: 0\r\n\r\n",
        text::basic(USERNAME, PASSWORD)
    )
}

/// `curl -X POST -u`, without a body.
fn curl(path: &str, host: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: {}\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n\r\n",
        text::basic(USERNAME, PASSWORD)
    )
}

#[tokio::test]
async fn the_requests_of_the_network_and_of_the_documentation_get_a_token() {
    for base in ["/", "/vqr", "/api/payment/vietqr", "/wp-json/tt-vietqr"] {
        let upstream = Upstream::recording().await;
        let sidecar = Sidecar::guarding(&upstream).var("BASE_PATH", base).start().await;
        let (path, host) = (sidecar.token_path(), format!("localhost:{}", sidecar.address().port()));
        for (row, request) in [
            ("reactor-netty", reactor_netty(&path, &host)),
            ("Java", java_sample(&path, &host)),
            ("curl", curl(&path, &host)),
        ] {
            let row = format!("{row} at {base}");
            let mut raw = sidecar.connect().await;
            // Their connections are pooled: the second call comes over the first one's.
            for _ in 0..2 {
                raw.write(&request).await;
                let response = raw.read_response().await;
                token_of(&sidecar, &response, 300, &row);
                assert_eq!(response.header("content-encoding"), None, "{row}");
            }
            assert_eq!(upstream.seen(), 0, "{row}");
        }
    }
}

#[tokio::test]
async fn a_delivery_of_the_network_passes_with_its_token() {
    let upstream = Upstream::recording().await;
    let sidecar = Sidecar::guarding(&upstream).var("BASE_PATH", "/vqr").start().await;
    let host = format!("localhost:{}", sidecar.address().port());
    let asked = sidecar.exchange(reactor_netty("/vqr/api/token_generate", &host)).await;
    let token = token_of(&sidecar, &asked, 300, "token");
    assert_eq!(upstream.seen(), 0);
    let body =
        r#"{"bankaccount":"0123","amount":50000,"transType":"C","content":"VQR đơn hàng 7","sign":"","urlLink":null}"#;
    let delivery = format!(
        "POST /vqr/bank/api/transaction-sync HTTP/1.1\r\nuser-agent: ReactorNetty/0.9.12.RELEASE\r\nhost: {host}\r\n\
         accept: */*\r\nContent-Type: application/json\r\nAuthorization: Bearer {token}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let response = sidecar.exchange(delivery).await;
    assert_eq!((response.status(), &response.json()["object"]["reftransactionid"]), (200, &"R1".into()));
    assert_eq!((upstream.only().target(), upstream.only().text().as_str()), ("/vqr/bank/api/transaction-sync", body));
    assert_eq!(upstream.only().header("authorization"), None);
}

/// What the network does when its token call failed: the delivery comes all the same.
#[tokio::test]
async fn a_delivery_after_a_failed_token_call_is_refused_so_that_it_is_retried() {
    let (upstream, sidecar) = gate().await;
    let delivery = || RequestText::new("POST", "/bank/api/transaction-sync").json("{}");
    for (row, request, refused) in [
        ("without a header", delivery(), Refused::NO_BEARER),
        ("with the text null", delivery().bearer("null"), Refused::BAD_TOKEN),
    ] {
        let response = sidecar.exchange(request).await;
        refused.check(&response, row);
        assert_eq!(sidecar.page_of(&response).await["verdict"], "retried", "{row}");
        assert_eq!(upstream.seen(), 0, "{row}");
    }
}

#[tokio::test]
async fn every_version_of_http_gets_a_token() {
    let (upstream, sidecar) = gate().await;
    let basic = text::basic(USERNAME, PASSWORD);

    let h2 = sidecar.h2().await;
    for _ in 0..3 {
        let request = h2.request("POST", TOKEN).header("authorization", &basic).body(H2Body::whole("{}"));
        token_of(&sidecar, &h2.send(request.expect("a request")).await, 300, "HTTP/2");
    }

    for protocols in [vec!["http/1.1"], vec!["http/1.0", "spdy/3", "http/1.1"], vec![]] {
        let row = format!("HTTP/1.1 with ALPN {protocols:?}");
        let mut tls = sidecar.tls();
        tls = match protocols[..] {
            [one] => tls.alpn([one]),
            [one, two, three] => tls.alpn([one, two, three]),
            _ => tls,
        };
        let mut raw = crate::kit::Raw::tls(sidecar.address(), &tls).await;
        raw.write(curl(TOKEN, "localhost")).await;
        token_of(&sidecar, &raw.read_response().await, 300, &row);
    }

    for (row, tls) in [("TLS 1.2", sidecar.tls().only_tls12()), ("TLS 1.3", sidecar.tls().only_tls13())] {
        let mut raw = crate::kit::Raw::tls(sidecar.address(), &tls).await;
        raw.write(curl(TOKEN, "localhost")).await;
        token_of(&sidecar, &raw.read_response().await, 300, row);
    }

    let mut raw = sidecar.connect().await;
    raw.write(curl(TOKEN, "localhost").replace("HTTP/1.1", "HTTP/1.0")).await;
    token_of(&sidecar, &raw.read_response().await, 300, "HTTP/1.0");
    assert_eq!(raw.expect_closed(DEADLINE).await, Closing::Orderly, "HTTP/1.0");
    assert_eq!(upstream.seen(), 0);
}

#[tokio::test]
async fn without_tls_a_token_is_issued_as_well() {
    let upstream = Upstream::recording().await;
    let sidecar = Sidecar::guarding(&upstream).without_tls().start().await;
    token_of(&sidecar, &sidecar.exchange(curl(TOKEN, "localhost")).await, 300, "behind a TLS load balancer");
    assert_eq!(upstream.seen(), 0);
}

// Checklist M30: every request of a connection is judged by itself.
#[tokio::test]
async fn pipelined_calls_are_each_answered_for_themselves_in_their_order() {
    let (upstream, sidecar) = gate().await;
    let mut raw = sidecar.connect().await;
    let (good, bad) = (curl(TOKEN, "localhost"), RequestText::new("POST", TOKEN).basic(USERNAME, "wrong").json("{}"));
    let none = RequestText::new("POST", TOKEN);
    raw.write([good.as_bytes(), &bad.bytes(), good.as_bytes(), &none.bytes(), good.as_bytes()].concat()).await;
    token_of(&sidecar, &raw.read_response().await, 300, "first");
    Refused::WRONG_CREDENTIALS.check(&raw.read_response().await, "second");
    token_of(&sidecar, &raw.read_response().await, 300, "third");
    Refused::NO_BASIC.check(&raw.read_response().await, "fourth");
    token_of(&sidecar, &raw.read_response().await, 300, "fifth");
    assert_eq!(upstream.seen(), 0);
}
