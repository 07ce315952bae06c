//! `https://` upstreams: whom they must prove to be, and that a handshake costs little and hides nothing.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener},
    sync::Arc,
    time::{Duration, Instant},
};

use rustls::{
    ProtocolVersion, ServerConfig,
    version::{TLS12, TLS13},
};
use serde_json::Value;

use crate::kit::{
    Answer, Ca, Closing, Door, End, RequestText, Sidecar, Upstream, ca::Life, h2::H2Body, sidecar::Building,
};

fn good() -> Arc<ServerConfig> {
    Ca::shared().server(&["localhost", "127.0.0.1"], Life::Good)
}

async fn https(config: Arc<ServerConfig>) -> Upstream {
    Upstream::behind(Door::Tls(config), |_| Answer::booked()).await
}

fn trusting(building: Building, ca: &Ca) -> Building {
    building.var("UPSTREAM_CA_FILE", ca.ca_file().display().to_string())
}

async fn guarding(upstream: &Upstream) -> Sidecar {
    let sidecar = trusting(Sidecar::guarding(upstream), &Ca::shared()).start().await;
    sidecar.looked().await;
    sidecar
}

#[tokio::test]
async fn an_https_upstream_gets_the_same_request_over_tls_1_2_or_1_3_and_a_kept_connection() {
    for (versions, agreed) in [(&[&TLS12][..], ProtocolVersion::TLSv1_2), (&[&TLS13, &TLS12], ProtocolVersion::TLSv1_3)]
    {
        let upstream = https(Ca::shared().server_of(&["localhost"], Life::Good, versions)).await;
        let sidecar = guarding(&upstream).await;
        let token = sidecar.token().await;
        for _ in 0..10 {
            assert_eq!(sidecar.deliver(&token, "/a?b", "{\"a\":1}").await.status(), 200, "{agreed:?}");
        }
        let connections = upstream.connections();
        assert_eq!(connections.len(), 1, "{agreed:?}: the connection was to be kept");
        let shaken = connections[0].shaken.as_ref().expect("the handshake was made");
        assert_eq!((shaken.version, shaken.alpn.as_deref()), (Some(agreed), Some("http/1.1")));
        assert_eq!(shaken.name.as_deref(), Some("localhost"));
        assert!(upstream.requests().iter().all(|seen| seen.target() == "/a?b" && seen.text() == "{\"a\":1}"));
        assert_eq!(upstream.requests()[0].header("host"), Some("localhost"));
    }
}

#[tokio::test]
async fn an_upstream_called_by_its_address_must_have_it_in_its_certificate() {
    for (names, status, reason) in [
        (&["127.0.0.1"][..], 200, Value::Null),
        (&["localhost"], 502, Value::from("upstream_certificate_wrong_name")),
        (&["127.0.0.2"], 502, Value::from("upstream_certificate_wrong_name")),
    ] {
        let upstream = https(Ca::shared().server(names, Life::Good)).await;
        let url = format!("https://{}", upstream.address());
        let sidecar = trusting(Sidecar::before(&url), &Ca::shared()).start().await;
        let token = sidecar.token().await;
        assert_eq!(sidecar.deliver(&token, "/a", "{}").await.status(), status, "{names:?}");
        let line = sidecar.wait_for_log("the request's line", |line| line["path"] == "/a").await;
        assert_eq!(line["reason"], reason, "{names:?}");
        assert_eq!(upstream.seen(), usize::from(status == 200), "{names:?}");
    }
}

#[tokio::test]
async fn a_new_connection_resumes_the_session_of_the_last() {
    for version in [&TLS12, &TLS13] {
        let upstream = https(Ca::shared().server_of(&["localhost"], Life::Good, &[version])).await;
        upstream.answer_with(|_| Answer::booked().then_close());
        let sidecar = guarding(&upstream).await;
        let token = sidecar.token().await;
        for _ in 0..5 {
            assert_eq!(sidecar.deliver(&token, "/", "{}").await.status(), 200);
            upstream.wait_idle().await;
        }
        let resumed: Vec<_> = upstream
            .connections()
            .iter()
            .map(|each| each.shaken.as_ref().is_some_and(|shaken| shaken.resumed))
            .collect();
        assert_eq!(resumed, [false, true, true, true, true], "{:?}", version.version);
    }
}

// 62
#[tokio::test]
async fn a_handshake_that_hangs_is_cut_within_the_connect_timeout() {
    // The kernel accepts, and nobody ever says a word.
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
    let url = format!("https://localhost:{}", silent.local_addr().expect("it is bound").port());
    let building = trusting(Sidecar::before(&url), &Ca::shared()).var("UPSTREAM_CONNECT_TIMEOUT", "300ms");
    let sidecar = building.start().await;
    let token = sidecar.token().await;
    let began = Instant::now();
    let response = sidecar.deliver(&token, "/a", "{}").await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!((response.status(), response.refusal().as_str()), (502, "UPSTREAM_UNREACHABLE"));
    let line = sidecar.page_of(&response).await;
    assert_eq!((&line["reason"], line.get("upstream_may_have_done_it")), (&"upstream_connect_timeout".into(), None));
}

#[tokio::test]
async fn an_upstream_that_speaks_no_tls_hears_no_request() {
    let upstream = Upstream::recording().await;
    let url = format!("https://localhost:{}", upstream.address().port());
    let building = trusting(Sidecar::before(&url), &Ca::shared()).var("UPSTREAM_CONNECT_TIMEOUT", "1s");
    let sidecar = building.start().await;
    let token = sidecar.token().await;
    let response = sidecar.deliver(&token, "/a", "{}").await;
    assert_eq!(response.status(), 502);
    assert_eq!(upstream.seen(), 0);
    for connection in upstream.connections() {
        let said = String::from_utf8_lossy(connection.raw.kept()).into_owned();
        assert!(!said.contains("POST") && !said.contains(&token), "{said}");
    }
}

// 60
#[tokio::test]
async fn an_answer_without_a_length_is_whole_only_with_close_notify() {
    for (answer, is_whole) in [
        (Answer::status(200).until_close("hello"), true),
        (Answer::status(200).until_close("hello").then_truncate(), false),
        (Answer::status(200).until_close("hello").then_reset(), false),
        // With a length, nothing is missing.
        (Answer::status(200).body("hello").then_truncate(), true),
        (Answer::status(200).chunks(["hello"]).then_truncate(), true),
    ] {
        let shown = format!("{answer:?}");
        let upstream = Upstream::behind(Door::Tls(good()), move |_| answer.clone()).await;
        let sidecar = guarding(&upstream).await;
        let token = sidecar.token().await;
        for version in ["HTTP/1.1", "HTTP/1.0"] {
            let mut caller = sidecar.connect().await;
            caller.write(format!("GET /a {version}\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n")).await;
            let response = caller.try_read_response_to("GET").await;
            let is_cut = response.as_ref().map_or(true, |response| response.end() == End::Cut);
            assert_eq!(!is_cut, is_whole, "{version}: {shown}: {response:?}");
        }
        let h2 = sidecar.h2().await;
        let request = h2.request("GET", "/a").header("authorization", format!("Bearer {token}"));
        let opened = h2.try_open(request.body(H2Body::empty()).expect("good fields")).await;
        let is_cut = match opened {
            Ok(answer) => crate::kit::h2::collect(answer).await.end() == End::Cut,
            Err(_) => true,
        };
        assert_eq!(!is_cut, is_whole, "HTTP/2: {shown}");
        let outcome = if is_whole { "delivered" } else { "broken_off" };
        sidecar.wait_for_log(outcome, |line| line["path"] == "/a" && line["outcome"] == outcome).await;
        assert_eq!(upstream.seen(), 3, "{shown}");
    }
}

// 59
#[tokio::test]
async fn a_tls_connection_that_the_upstream_closed_while_it_was_idle_is_replaced() {
    for bent in [Answer::then_close, Answer::then_truncate, Answer::then_reset] {
        let upstream = Upstream::behind(Door::Tls(good()), move |_| bent(Answer::booked())).await;
        let sidecar =
            trusting(Sidecar::guarding(&upstream), &Ca::shared()).var("UPSTREAM_POOL_IDLE", "20s").start().await;
        let token = sidecar.token().await;
        for turn in 1..=10 {
            assert_eq!(sidecar.deliver(&token, "/", "{}").await.status(), 200, "delivery {turn}");
            upstream.wait_idle().await;
        }
        assert_eq!((upstream.seen(), upstream.connections().len()), (10, 10));
    }
}

#[tokio::test]
async fn a_changed_authority_holds_for_new_and_for_kept_connections() {
    let (ours, theirs) = (Ca::shared(), Ca::new());
    let folder = tempfile::tempdir().expect("a test machine has a temporary directory");
    let file = folder.path().join("ca.pem");
    let put = |ca: &Ca| {
        let new = folder.path().join("new");
        fs::copy(ca.ca_file(), &new).expect("the folder can be written");
        fs::rename(&new, &file).expect("the folder can be written");
    };
    put(&ours);
    let upstream = https(good()).await;
    let building = Sidecar::guarding(&upstream).var("UPSTREAM_CA_FILE", file.display().to_string());
    let sidecar = building.var("UPSTREAM_POOL_IDLE", "1h").start().await;
    let token = sidecar.token().await;
    assert_eq!(sidecar.deliver(&token, "/one", "{}").await.status(), 200);
    sidecar.reloading(|| put(&theirs)).await;
    let refused = sidecar.deliver(&token, "/two", "{}").await;
    assert_eq!(refused.status(), 502, "the kept connection and the known session are of an authority that is gone");
    assert_eq!(sidecar.page_of(&refused).await["reason"], "upstream_certificate_unknown_issuer");
    sidecar.reloading(|| put(&ours)).await;
    assert_eq!(sidecar.deliver(&token, "/three", "{}").await.status(), 200);
    // A bad file changes nothing, and is said.
    fs::write(&file, "no certificate").expect("the folder can be written");
    sidecar.reload();
    let failed = |line: &Value| line["level"] == "error" && line["what"] == "upstream_ca";
    let line = sidecar.wait_for_log("that it is bad", failed).await;
    assert!(line["error"].as_str().is_some_and(|text| text.contains("BEARERGATE_UPSTREAM_CA_FILE")), "{line}");
    assert_eq!(sidecar.deliver(&token, "/four", "{}").await.status(), 200);
    let targets: Vec<_> = upstream.requests().iter().map(|seen| seen.target().to_owned()).collect();
    assert_eq!(targets, ["/one", "/three", "/four"]);
}

#[tokio::test]
async fn without_a_file_the_system_s_authorities_count_and_without_those_there_is_no_start() {
    let upstream = https(good()).await;
    let building = Sidecar::guarding(&upstream);
    let roots = |file: &str| format!("export SSL_CERT_FILE={file} SSL_CERT_DIR=/nonexistent; exec \"$0\" \"$@\"");
    let none = building.program(["check"]).by_shell(&roots("/dev/null")).run().await;
    assert_eq!(none.code, 78, "{}", none.err);
    let said = none.err;
    assert!(said.contains("BEARERGATE_UPSTREAM_CA_FILE is unset and the system has no root certificates"), "{said}");
    let some = building.program(["check"]).by_shell(&roots(&Ca::shared().ca_file().display().to_string())).run().await;
    assert_eq!(some.code, 0, "{}", some.err);
}

#[tokio::test]
async fn a_caller_over_tls_gets_an_orderly_end_of_what_came_whole() {
    let upstream = Upstream::behind(Door::Tls(good()), |_| Answer::status(200).until_close("hello")).await;
    let sidecar = guarding(&upstream).await;
    let token = sidecar.token().await;
    let mut caller = sidecar.connect().await;
    let request = RequestText::new("GET", "/").bearer(&token).header("Connection", "close");
    caller.write(request.bytes()).await;
    assert_eq!(
        (caller.read_response().await.text().as_str(), caller.read_to_end().await.1),
        ("hello", Closing::Orderly)
    );
}
