//! `unix:` upstreams.

use std::{fs, path::PathBuf};

use tempfile::TempDir;

use crate::kit::{Answer, Door, RequestText, Sidecar, Upstream};

fn socket() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a test machine has a temporary directory");
    let path = folder.path().join("api.sock");
    (folder, path)
}

#[tokio::test]
async fn a_unix_upstream_gets_the_same_request_over_a_kept_connection() {
    let (_folder, path) = socket();
    let upstream = Upstream::behind(Door::Unix(path), |_| Answer::booked()).await;
    let sidecar = Sidecar::guarding(&upstream).start().await;
    let token = sidecar.token().await;
    for turn in 0..10 {
        let response = sidecar.deliver(&token, &format!("/bank/api/transaction-sync?turn={turn}"), "{\"a\":1}").await;
        assert_eq!(response.status(), 200, "{response:?}");
    }
    for (turn, seen) in upstream.requests().iter().enumerate() {
        assert_eq!(seen.target(), format!("/bank/api/transaction-sync?turn={turn}"));
        assert_eq!((seen.text().as_str(), seen.header("host")), ("{\"a\":1}", Some("localhost")));
    }
    assert_eq!((upstream.seen(), upstream.connections().len()), (10, 1));
}

// 59
#[tokio::test]
async fn a_stale_connection_to_a_socket_is_replaced() {
    let (_folder, path) = socket();
    let upstream = Upstream::behind(Door::Unix(path), |_| Answer::booked().then_close()).await;
    let sidecar = Sidecar::guarding(&upstream).var("UPSTREAM_POOL_IDLE", "20s").start().await;
    let token = sidecar.token().await;
    for turn in 1..=10 {
        assert_eq!(sidecar.deliver(&token, "/", "{}").await.status(), 200, "delivery {turn}");
        upstream.wait_idle().await;
    }
    assert_eq!((upstream.seen(), upstream.connections().len()), (10, 10));
}

// 62
#[tokio::test]
async fn a_socket_that_comes_back_is_found_again() {
    let (_folder, path) = socket();
    let upstream = Upstream::behind(Door::Unix(path.clone()), |_| Answer::booked().then_close()).await;
    let sidecar = Sidecar::guarding(&upstream).start().await;
    let token = sidecar.token().await;
    assert_eq!(sidecar.deliver(&token, "/one", "{}").await.status(), 200);
    upstream.wait_idle().await;
    drop(upstream);
    fs::remove_file(&path).expect("the socket's name is there");
    let gone = sidecar.deliver(&token, "/two", "{}").await;
    assert_eq!((gone.status(), gone.refusal().as_str()), (502, "UPSTREAM_UNREACHABLE"));
    let line = sidecar.page_of(&gone).await;
    assert_eq!((&line["reason"], line.get("upstream_may_have_done_it")), (&"upstream_refused".into(), None));
    let back = Upstream::behind(Door::Unix(path), |_| Answer::booked()).await;
    assert_eq!(sidecar.deliver(&token, "/three", "{}").await.status(), 200);
    assert_eq!(back.only().target(), "/three");
}

#[tokio::test]
async fn a_body_of_many_pieces_crosses_a_socket_both_ways() {
    let (_folder, path) = socket();
    let upstream = Upstream::behind(Door::Unix(path), |_| Answer::status(200).repeat(b'y', 8 << 20)).await;
    let sidecar = Sidecar::guarding(&upstream).start().await;
    let token = sidecar.token().await;
    let request = RequestText::new("POST", "/").bearer(&token).body(vec![b'x'; 8 << 20]);
    assert_eq!(sidecar.exchange(request).await.body().length(), 8 << 20);
    let seen = upstream.only();
    assert_eq!((seen.body().length(), seen.complete()), (8 << 20, true));
}
