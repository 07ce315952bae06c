//! The payment network as the commands play it: what it sends, and to whom it gives the password.

use std::time::Duration;

use bearergate::network::{
    Bearer, Bounds, Connection, Endpoint, Ground, Login, Paths, Payment, Roots, Tls, TlsVersion, TokenBody, TokenStep,
    delivery, judge_token, token_request,
};
use bearergate::secret::Secret;

use crate::kit::{
    self, Ca, DEADLINE, Sidecar, Upstream,
    sidecar::{PASSWORD, USERNAME},
};

const BOUNDS: Bounds = Bounds { within: DEADLINE, most: 64 << 10 };

fn endpoint(url: &str) -> Endpoint {
    Endpoint::parse(url, Paths::default()).expect("the test gives a URL")
}

fn trusted() -> Tls {
    let ca = std::fs::read(Ca::shared().ca_file()).expect("the kit wrote it");
    Tls::verified(&Roots::public().and_pem(&ca).expect("one certificate"))
}

fn token_of(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

#[tokio::test]
async fn its_two_requests_have_the_headers_of_the_network_and_no_others() {
    let upstream = Upstream::recording().await;
    let endpoint = endpoint(&format!("{}/vqr", upstream.url()));
    let mut connection = Connection::open(&endpoint, &Tls::unverified(), DEADLINE).await.expect("it listens");
    let password = token_of("pass:word");
    for body in [TokenBody::Object, TokenBody::Nothing, TokenBody::Form] {
        let request = token_request(&endpoint, endpoint.token_target(), Login::Basic("user", &password), body);
        connection.exchange(request, BOUNDS).await.expect("an answer");
    }
    let token = token_of("a.b.c");
    let payment = Payment { amount: 1000, transaction_id: "T1".to_owned(), ..Payment::default() };
    for bearer in [Bearer::Token(&token), Bearer::Null, Bearer::Nothing] {
        let answer = connection.exchange(delivery(&endpoint, bearer, payment.json()), BOUNDS).await.expect("an answer");
        assert_eq!(answer.as_delivery().ground, Ground::Documented);
    }
    let host = format!("host: {}", upstream.address());
    let agent = "user-agent: ReactorNetty/0.9.12.RELEASE";
    let (basic, json, gzip) =
        ("authorization: Basic dXNlcjpwYXNzOndvcmQ=", "content-type: application/json", "accept-encoding: gzip");
    let long = format!("content-length: {}", payment.json().len());
    let expected: [Vec<&str>; 6] = [
        vec!["accept: */*", gzip, basic, "content-length: 2", json, &host, agent],
        vec!["accept: */*", gzip, basic, "content-length: 0", &host, agent],
        vec![
            "accept: */*",
            gzip,
            basic,
            "content-length: 0",
            "content-type: application/x-www-form-urlencoded",
            &host,
            agent,
        ],
        vec!["accept: */*", "authorization: Bearer a.b.c", &long, json, &host, agent],
        vec!["accept: */*", "authorization: Bearer null", &long, json, &host, agent],
        vec!["accept: */*", &long, json, &host, agent],
    ];
    let seen = upstream.requests();
    assert_eq!(seen.len(), expected.len());
    for (seen, mut expected) in seen.iter().zip(expected) {
        expected.sort_unstable();
        let head = String::from_utf8_lossy(seen.raw_head()).into_owned();
        let mut fields: Vec<&str> = head.trim_end().lines().skip(1).collect();
        fields.sort_unstable();
        assert_eq!(fields, expected, "{head}");
    }
    assert_eq!((seen[0].target(), &*seen[0].text()), ("/vqr/api/token_generate", "{}"));
    assert_eq!((seen[3].target(), seen[3].text()), ("/vqr/bank/api/transaction-sync", payment.json()));
}

#[tokio::test]
async fn a_token_and_a_delivery_pass_the_gate_over_either_version_of_tls() {
    let upstream = Upstream::recording().await;
    let sidecar = Sidecar::guarding(&upstream).start().await;
    let endpoint = endpoint(&format!("https://localhost:{}", sidecar.address().port()));
    for version in [TlsVersion::Tls12, TlsVersion::Tls13] {
        let mut connection =
            Connection::open(&endpoint, &trusted().only(version), DEADLINE).await.expect("a connection");
        assert_eq!((connection.version(), connection.chain().len()), (Some(version), 2));
        let password = token_of(PASSWORD);
        let login = Login::Basic(USERNAME, &password);
        let request = token_request(&endpoint, endpoint.token_target(), login, TokenBody::Object);
        let TokenStep::Token(token) = judge_token(&connection.exchange(request, BOUNDS).await.expect("an answer"))
        else {
            panic!("no token over {version:?}");
        };
        let mut connection = Connection::open(&endpoint, &Tls::unverified(), DEADLINE).await.expect("a connection");
        let request = delivery(&endpoint, Bearer::Token(&token), Payment::default().json());
        let answer = connection.exchange(request, BOUNDS).await.expect("an answer");
        assert_eq!(answer.as_delivery().ground, Ground::Documented, "{version:?}");
        connection.leave();
    }
    assert_eq!(upstream.seen(), 2);
}

#[tokio::test]
async fn a_verified_connection_is_refused_where_the_authority_is_not_known_or_the_name_is_another() {
    let upstream = Upstream::recording().await;
    let sidecar = Sidecar::guarding(&upstream).start().await;
    let port = sidecar.address().port();
    let elsewhere = endpoint(&format!("https://other.example:{port}"));
    let elsewhere = elsewhere.resolved_by(&[format!("other.example:{port}:127.0.0.1").parse().expect("a pin")]);
    let here = endpoint(&format!("https://localhost:{port}"));
    for (endpoint, tls) in [(&elsewhere, trusted()), (&here, Tls::verified(&Roots::public()))] {
        let refused = Connection::open(endpoint, &tls, DEADLINE).await.expect_err("no trust");
        assert!(matches!(refused.tls(), Some(rustls::Error::InvalidCertificate(_))), "{refused}");
    }
    assert!(Connection::open(&elsewhere, &Tls::unverified(), DEADLINE).await.is_ok());
}

#[tokio::test]
async fn an_endpoint_that_says_nothing_or_too_much_is_bounded() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = |scheme: &str| format!("{scheme}://{}", silent.local_addr().expect("an address"));
    let short = Duration::from_millis(200);
    let late = Connection::open(&endpoint(&url("https")), &trusted(), short).await;
    assert!(matches!(late, Err(bearergate::network::Unreached::Late(_))), "{late:?}");
    let here = endpoint(&url("http"));
    let mut connection = Connection::open(&here, &trusted(), DEADLINE).await.expect("the kernel takes it");
    let request = token_request(&here, here.token_target(), Login::Nothing, TokenBody::Object);
    let silence = connection.exchange(request, Bounds { within: short, ..BOUNDS }).await;
    assert!(matches!(silence, Err(bearergate::network::Broken::Silent(_))), "{silence:?}");

    let loud = Upstream::answering(|_| kit::Answer::status(200).repeat(b'x', 70_000)).await;
    let here = endpoint(&loud.url());
    let mut connection = Connection::open(&here, &trusted(), DEADLINE).await.expect("it listens");
    let request = token_request(&here, here.token_target(), Login::Nothing, TokenBody::Object);
    let answer = connection.exchange(request, BOUNDS).await.expect("a head");
    assert_eq!((answer.ending, answer.body.len()), (bearergate::network::Ending::TooLarge, BOUNDS.most));
}
