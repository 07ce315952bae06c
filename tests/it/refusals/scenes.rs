//! How refusals are brought about that take more than one request: a sidecar with other variables, an upstream that misbehaves.

use std::{
    net::{SocketAddr, TcpListener},
    sync::Arc,
};

use argon2::Params;
use serde_json::json;
use socket2::{Domain, SockAddr, Socket, Type};

use crate::kit::{
    Answer, AtHead, ClientsFile, RequestText, Response, Sidecar, Signal, Upstream,
    clients_file::{argon2id_costing, sha256_of},
    h2::H2Body,
    sidecar::{Building, PASSWORD, USERNAME},
    text,
};

/// Where the clock of these scenes stands.
pub(super) const NOW: u64 = 1_800_000_000;

/// The token endpoint's path.
pub(super) const TOKEN: &str = "/api/token_generate";

/// A refusal that was provoked.
pub(super) struct Scene {
    /// The recording upstream, when there is one.
    pub(super) upstream: Option<Upstream>,
    /// Who refused.
    pub(super) sidecar: Sidecar,
    /// The requests that the upstream saw before the refused one.
    pub(super) before: usize,
    /// What the caller got.
    pub(super) response: Response,
}

impl Scene {
    /// After a request to a sidecar whose upstream saw none before.
    fn first(upstream: Upstream, sidecar: Sidecar, response: Response) -> Self {
        Self { upstream: Some(upstream), sidecar, before: 0, response }
    }
}

fn guarding(upstream: &Upstream) -> Building {
    Sidecar::guarding(upstream).clock(NOW)
}

fn post(target: &str, token: &str) -> RequestText {
    RequestText::new("POST", target).bearer(token)
}

/// A request with what its target asks for: credentials at the token endpoint, a good token everywhere else.
async fn entitled(sidecar: &Sidecar, target: &str) -> RequestText {
    if target == sidecar.token_path() {
        RequestText::new("POST", target).basic(USERNAME, PASSWORD)
    } else {
        post(target, &sidecar.token().await)
    }
}

/// One request, made of a good token.
pub(super) async fn asked(request: fn(&str) -> Vec<u8>) -> Scene {
    let upstream = Upstream::recording().await;
    let sidecar = guarding(&upstream).start().await;
    let response = sidecar.exchange(request(&sidecar.token().await)).await;
    Scene::first(upstream, sidecar, response)
}

pub(super) async fn differing_hosts() -> Scene {
    let upstream = Upstream::recording().await;
    let sidecar = guarding(&upstream).start().await;
    let (h2, bearer) = (sidecar.h2().await, format!("Bearer {}", sidecar.token().await));
    let request = h2.request("GET", "/").header("authorization", bearer).header("host", "another.example");
    let response = h2.send(request.body(H2Body::empty()).expect("a request")).await;
    Scene::first(upstream, sidecar, response)
}

pub(super) async fn too_many_fields() -> Scene {
    let upstream = Upstream::recording().await;
    let sidecar = guarding(&upstream).start().await;
    let (h2, bearer) = (sidecar.h2().await, format!("Bearer {}", sidecar.token().await));
    let request = h2.request("GET", "/").header("authorization", bearer);
    let request = (0..100).fold(request, |request, at| request.header(format!("x-{at}"), "y"));
    let response = h2.send(request.body(H2Body::empty()).expect("a request")).await;
    Scene::first(upstream, sidecar, response)
}

pub(super) async fn padded_field() -> Scene {
    let upstream = Upstream::recording().await;
    let sidecar = guarding(&upstream).start().await;
    let (h2, bearer) = (sidecar.h2().await, format!("Bearer {}", sidecar.token().await));
    let request = h2.request("GET", "/").header("authorization", bearer).header("x-a", " padded");
    let response = h2.send(request.body(H2Body::empty()).expect("a request")).await;
    Scene::first(upstream, sidecar, response)
}

/// A good token, a base path, and a target that is not below it.
pub(super) async fn outside(target: &str) -> Scene {
    let upstream = Upstream::recording().await;
    let sidecar = guarding(&upstream).var("BASE_PATH", "/vqr").start().await;
    let response = sidecar.get_with(&sidecar.token().await, target).await;
    Scene::first(upstream, sidecar, response)
}

/// A good caller at an address that nobody may come from.
pub(super) async fn from_elsewhere(target: &str) -> Scene {
    let upstream = Upstream::recording().await;
    let sidecar = guarding(&upstream).var("ALLOW_ADDRESSES", "127.0.0.1").start().await;
    let response = sidecar.peer("127.0.0.2").exchange(entitled(&sidecar, target).await.json("{}")).await;
    Scene::first(upstream, sidecar, response)
}

/// A good client at an address that only another client may come from.
pub(super) async fn from_anothers_address(target: &str) -> Scene {
    let upstream = Upstream::recording().await;
    let client = |name: &str, password: &str, address: &str| json!({ "name": name, "username": name, "passwords": [sha256_of(password)], "addresses": [address] });
    let both = [client(USERNAME, PASSWORD, "127.0.0.1"), client("other", "other-password-6604", "127.0.0.2")];
    let sidecar = guarding(&upstream).clients(&ClientsFile::of(json!(both))).start().await;
    let response = sidecar.peer("127.0.0.2").exchange(entitled(&sidecar, target).await.json("{}")).await;
    Scene::first(upstream, sidecar, response)
}

/// A good token, a rule, and a target that it does not permit.
pub(super) async fn not_a_rule(target: &str) -> Scene {
    let upstream = Upstream::recording().await;
    let sidecar = guarding(&upstream).var("ALLOW", "* /orders").start().await;
    let response = sidecar.get_with(&sidecar.token().await, target).await;
    Scene::first(upstream, sidecar, response)
}

pub(super) async fn one_request_too_many() -> Scene {
    let upstream = Upstream::recording().await;
    let sidecar = guarding(&upstream).var("CLIENT_RATE", "1/h").start().await;
    let token = sidecar.token().await;
    assert_eq!(sidecar.get_with(&token, "/orders").await.status(), 200, "the first is within the rate");
    let response = sidecar.get_with(&token, "/orders").await;
    Scene { upstream: Some(upstream), sidecar, before: 1, response }
}

pub(super) async fn one_token_too_many() -> Scene {
    let upstream = Upstream::recording().await;
    let sidecar = guarding(&upstream).var("TOKEN_RATE", "1/h").start().await;
    sidecar.token().await;
    let response = sidecar.ask_token(USERNAME, PASSWORD).await;
    Scene::first(upstream, sidecar, response)
}

pub(super) async fn one_failure_too_many(username: &str) -> Scene {
    let upstream = Upstream::recording().await;
    let sidecar = guarding(&upstream).var("LOGIN_FAILURES", "1/h").start().await;
    let first = sidecar.ask_token(username, "a guess, and not a good one").await;
    assert_eq!(first.status(), 401, "the first is answered: {first:?}");
    let response = sidecar.ask_token(username, "a guess, and no better one").await;
    Scene::first(upstream, sidecar, response)
}

pub(super) async fn too_large_declared() -> Scene {
    let upstream = Upstream::recording().await;
    let sidecar = guarding(&upstream).var("MAX_BODY", "1KiB").start().await;
    let response = sidecar.exchange(post("/orders", &sidecar.token().await).body([b'x'; 1025])).await;
    Scene::first(upstream, sidecar, response)
}

pub(super) async fn too_large_undeclared() -> Scene {
    let upstream = Upstream::recording().await;
    let sidecar = guarding(&upstream).var("MAX_BODY", "1KiB").start().await;
    let half = "x".repeat(513);
    let response = sidecar.exchange(post("/orders", &sidecar.token().await).chunks([&half, &half])).await;
    Scene::first(upstream, sidecar, response)
}

/// A body of which one byte comes.
pub(super) async fn stalled(target: &str) -> Scene {
    let upstream = Upstream::recording().await;
    let sidecar = guarding(&upstream).var("BODY_TIMEOUT", "100ms").start().await;
    let head = entitled(&sidecar, target).await.header("Content-Length", "2").bytes();
    let response = sidecar.exchange([&head[..], b"x"].concat()).await;
    Scene::first(upstream, sidecar, response)
}

/// A body whose second chunk has no size.
pub(super) async fn broken_body(target: &str) -> Scene {
    let upstream = Upstream::recording().await;
    let sidecar = guarding(&upstream).start().await;
    let head = entitled(&sidecar, target).await.header("Transfer-Encoding", "chunked").bytes();
    let response = sidecar.exchange([&head[..], b"1\r\nx\r\nzz\r\n"].concat()).await;
    Scene::first(upstream, sidecar, response)
}

/// A sidecar with room for one connection, which is in use.
pub(super) async fn full(target: &str) -> Scene {
    let (go, upstream) = (Signal::new(), Upstream::recording().await);
    let held = go.clone();
    upstream.answer_with(move |_| Answer::booked().after(&held));
    let sidecar = guarding(&upstream).var("MAX_CONNECTIONS", "1").start().await;
    let (busy, refused) = (post("/busy", &sidecar.token().await), entitled(&sidecar, target).await);
    let mut raw = sidecar.connect().await;
    raw.write(busy.json("{}").bytes()).await;
    upstream.wait_for("the request that keeps it busy", |seen| seen.len() == 1).await;
    let response = sidecar.exchange(refused.json("{}")).await;
    go.fire();
    assert_eq!(raw.read_response().await.status(), 200, "the one that was there is served");
    Scene { upstream: Some(upstream), sidecar, before: 1, response }
}

/// More logins at a time than may wait to be hashed.
pub(super) async fn hashing_full() -> Scene {
    let upstream = Upstream::recording().await;
    // Milliseconds each: dear enough for a queue, cheap enough for a test.
    let hash = argon2id_costing(PASSWORD, Params::new(2048, 2, 1, None).expect("parameters of argon2"));
    let building = guarding(&upstream).without("CLIENT_PASSWORD").var("CLIENT_PASSWORD_HASH", hash);
    let building = building.var("LOGIN_FAILURES", "off");
    // By the machine's processors one or two are hashed at a time; 32 wait.
    let served = building.config().expect("good variables").hashing + 32;
    let sidecar = building.start().await;
    let h2 = Arc::new(sidecar.h2().await);
    let basic = text::basic(USERNAME, "a guess, and not a good one");
    let mut logins = tokio::task::JoinSet::new();
    for _ in 0..60 {
        let request = h2.request("POST", "/api/token_generate").header("authorization", &basic).body(H2Body::empty());
        let (h2, request) = (Arc::clone(&h2), request.expect("a request"));
        logins.spawn(async move { h2.send(request).await });
    }
    let mut answers = logins.join_all().await;
    let refused = answers.iter().filter(|answer| answer.status() == 503).count();
    let judged = answers.iter().filter(|answer| answer.status() == 401).count();
    assert!(refused > 0 && judged >= served && refused + judged == 60, "{refused} were refused, {judged} judged");
    answers.retain(|answer| answer.status() == 503);
    Scene::first(upstream, sidecar, answers.remove(0))
}

/// An upstream at an address that leads nowhere.
pub(super) async fn before(url: &str) -> Scene {
    let sidecar = Sidecar::before(url).clock(NOW).var("UPSTREAM_CONNECT_TIMEOUT", "200ms").start().await;
    let response = sidecar.deliver(&sidecar.token().await, "/bank/api/transaction-sync", "{}").await;
    Scene { upstream: None, sidecar, before: 0, response }
}

pub(super) async fn nobody_listens() -> Scene {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let address = listener.local_addr().expect("a bound socket has an address");
    drop(listener);
    before(&format!("http://{address}")).await
}

/// An upstream whose queue of connections is full.
pub(super) async fn nobody_accepts() -> Scene {
    let socket = || Socket::new(Domain::IPV4, Type::STREAM, None).expect("a test machine has sockets");
    let listener = socket();
    let any: SocketAddr = ([127, 0, 0, 1], 0).into();
    listener.bind(&SockAddr::from(any)).expect("loopback has a free port");
    listener.listen(0).expect("a bound socket can listen");
    let address = listener.local_addr().expect("a bound socket has an address");
    let waiting: Vec<Socket> = (0..4)
        .map(|_| {
            let socket = socket();
            socket.set_nonblocking(true).expect("a socket can be non-blocking");
            // It is under way, or the queue is full already: both are what is wanted.
            let _ = socket.connect(&address);
            socket
        })
        .collect();
    let shown = address.as_socket().expect("an address of IPv4");
    let scene = before(&format!("http://{shown}")).await;
    drop((waiting, listener));
    scene
}

/// An upstream that reads the whole request and answers this.
pub(super) async fn answered(answer: fn() -> Answer) -> Scene {
    let upstream = Upstream::answering(move |_| answer()).await;
    let sidecar = guarding(&upstream).var("UPSTREAM_RESPONSE_TIMEOUT", "200ms").start().await;
    let response = sidecar.deliver(&sidecar.token().await, "/bank/api/transaction-sync", "{}").await;
    Scene::first(upstream, sidecar, response)
}

/// An upstream that reads the head and no more, and a caller that goes on sending.
pub(super) async fn stopped_reading() -> Scene {
    let (go, upstream) = (Signal::new(), Upstream::recording().await);
    let held = go.clone();
    upstream.at_head(move |_| AtHead::ReadAfter(held.clone()));
    let building = guarding(&upstream).var("MAX_BODY", "1GiB").var("BODY_TIMEOUT", "200ms");
    let sidecar = building.start().await;
    let (h2, bearer) = (sidecar.h2().await, format!("Bearer {}", sidecar.token().await));
    let (feed, body) = H2Body::fed();
    let feeding = async move { while feed.data(vec![b'x'; 256 << 10]).await {} };
    let request = h2.request("POST", "/orders").header("authorization", bearer).body(body).expect("a request");
    let (response, ()) = tokio::join!(h2.send(request), feeding);
    go.fire();
    Scene::first(upstream, sidecar, response)
}
