//! `TLS_CLIENT_CA_FILE`: who has no certificate of these authorities gets no connection.

use crate::kit::{
    Ca, Closing, DEADLINE, Raw, RequestText, Sidecar, Upstream,
    ca::{CallerIdentity, ClientTls, Life},
    h2::{H2, H2Body},
    sidecar::{PASSWORD, USERNAME},
    within,
};

/// A sidecar that asks callers for a certificate of this authority, which is not the one that has signed its own.
async fn gate(callers: &Ca) -> (Upstream, Sidecar) {
    let upstream = Upstream::recording().await;
    let file = callers.ca_file().display().to_string();
    let sidecar = Sidecar::guarding(&upstream).var("TLS_CLIENT_CA_FILE", file).start().await;
    (upstream, sidecar)
}

/// Whether a request gets an answer: with TLS 1.3 a caller takes the handshake for done before it is refused.
async fn is_answered(sidecar: &Sidecar, tls: &ClientTls) -> bool {
    let Ok(mut raw) = within(DEADLINE, "the handshake", Raw::try_tls(sidecar.address(), tls)).await else {
        return false;
    };
    // The other side may have closed already.
    if raw.try_write(RequestText::new("GET", "/a").bytes()).await.is_err() {
        return false;
    }
    match raw.try_read_response_to("GET").await {
        Ok(response) => response.status() == 401,
        Err(closing) => {
            assert!(matches!(closing, Closing::Alert | Closing::Reset), "{closing:?}");
            false
        }
    }
}

#[tokio::test]
async fn only_a_good_certificate_of_the_authority_is_let_in() {
    let (callers, others) = (Ca::new(), Ca::new());
    let (upstream, sidecar) = gate(&callers).await;
    let trusting = sidecar.tls();
    let with = |identity: &CallerIdentity| trusting.clone().presenting(identity);
    let own = Ca::shared();
    for (row, tls, answered) in [
        ("a good one", with(&callers.sign_caller(Life::Good)), true),
        ("another good one", with(&callers.sign_caller(Life::Good)), true),
        ("none", trusting.clone(), false),
        ("one of another authority", with(&others.sign_caller(Life::Good)), false),
        ("one of the authority of the gate's own", with(&own.sign_caller(Life::Good)), false),
        ("one that has expired", with(&callers.sign_caller(Life::Over)), false),
        ("one that is not good yet", with(&callers.sign_caller(Life::Ahead)), false),
        ("one for servers", with(&callers.sign_server()), false),
        ("one that signed itself", with(&CallerIdentity::self_signed()), false),
    ] {
        for (version, tls) in [("1.2", tls.clone().only_tls12()), ("1.3", tls.only_tls13())] {
            assert_eq!(is_answered(&sidecar, &tls).await, answered, "{row}, TLS {version}");
            assert_eq!(upstream.seen(), 0, "{row}, TLS {version}");
        }
    }
    // Nobody who was kept out is in the log of requests.
    let requests = sidecar.log_lines().iter().filter(|line| line["message"] == "request").count();
    assert!(requests <= 4, "{}", sidecar.log_text());
}

#[tokio::test]
async fn a_certificate_opens_the_connection_and_no_more() {
    let callers = Ca::new();
    let (upstream, sidecar) = gate(&callers).await;
    let tls = sidecar.tls().presenting(&callers.sign_caller(Life::Good));
    let mut raw = Raw::tls(sidecar.address(), &tls).await;
    let asking = RequestText::new("POST", &sidecar.token_path());
    raw.write(asking.basic(USERNAME, PASSWORD).json("{}").bytes()).await;
    let token = sidecar.token_in(&raw.read_response().await);
    for (row, request, status) in [
        ("no token", RequestText::new("GET", "/a"), 401),
        ("no password", RequestText::new("POST", &sidecar.token_path()), 401),
        ("a token", RequestText::new("GET", "/a").bearer(&token), 200),
    ] {
        raw.write(request.bytes()).await;
        assert_eq!(raw.read_response().await.status(), status, "{row}");
    }
    assert_eq!(upstream.only().values("X-Forwarded-Client-Cert"), [] as [&str; 0]);
    let h2 = H2::connect(sidecar.address(), &tls).await;
    let request = h2.request("GET", "/a").header("authorization", format!("Bearer {token}"));
    assert_eq!(h2.send(request.body(H2Body::empty()).expect("a request")).await.status(), 200);
    assert_eq!(upstream.seen(), 2);
}

#[tokio::test]
async fn without_the_setting_no_certificate_is_asked_for() {
    let upstream = Upstream::recording().await;
    let sidecar = Sidecar::guarding(&upstream).start().await;
    let tls = sidecar.tls();
    for tls in [tls.clone(), tls.presenting(&Ca::new().sign_caller(Life::Over))] {
        assert!(is_answered(&sidecar, &tls).await, "{tls:?}");
    }
    assert_eq!(upstream.seen(), 0);
}

#[tokio::test]
async fn a_new_authority_holds_for_the_next_connection() {
    let (first, second) = (Ca::new(), Ca::new());
    let directory = tempfile::tempdir().expect("a test machine has a temporary directory");
    let file = directory.path().join("callers.pem");
    let swap = |ca: &Ca| {
        let next = directory.path().join("next");
        std::fs::copy(ca.ca_file(), &next).expect("the directory can be written");
        std::fs::rename(next, &file).expect("the directory can be written");
    };
    swap(&first);
    let upstream = Upstream::recording().await;
    let building = Sidecar::guarding(&upstream).var("TLS_CLIENT_CA_FILE", file.display().to_string());
    let sidecar = building.start().await;
    let [of_first, of_second] = [&first, &second].map(|ca| sidecar.tls().presenting(&ca.sign_caller(Life::Good)));
    let mut open = Raw::tls(sidecar.address(), &of_first).await;
    assert!(!is_answered(&sidecar, &of_second).await);
    sidecar.reloading(|| swap(&second)).await;
    assert!(!is_answered(&sidecar, &of_first).await);
    assert!(is_answered(&sidecar, &of_second).await);
    // A connection that was let in stays.
    open.write(RequestText::new("GET", "/a").bytes()).await;
    assert_eq!(open.read_response().await.status(), 401);
    assert_eq!(upstream.seen(), 0);
}
