//! How a connection ends on which an upgrade was asked for, and one on which a body never gets anywhere: like any other.

use crate::kit::{
    self, Answer, Closing, RequestText, Sidecar, Upstream,
    sidecar::{PASSWORD, USERNAME},
};

const LENGTH: u64 = 8 << 20;

// 12, 25
#[tokio::test]
async fn an_answer_to_a_request_that_asked_for_an_upgrade_arrives_whole() {
    for tls in ["on", "off"] {
        let upstream = Upstream::answering(|_| Answer::status(200).repeat(b'x', LENGTH)).await;
        let building = Sidecar::guarding(&upstream);
        let sidecar = if tls == "on" { building } else { building.without_tls() }.start().await;
        let token = sidecar.token().await;
        let request = RequestText::new("GET", "/a").bearer(&token).header("Upgrade", "h2c");
        let mut caller = sidecar.connect().await;
        caller.write(request.header("Connection", "Upgrade, close").bytes()).await;
        // Until then nobody reads, so that the end of the answer has to wait for room.
        upstream.wait_for("the request", |seen| !seen.is_empty()).await;
        let response = caller.read_response().await;
        assert_eq!((response.status(), response.body().length()), (200, LENGTH), "TLS {tls}");
        let (rest, closing) = caller.read_to_end().await;
        assert_eq!((rest.len(), closing), (0, Closing::Orderly), "TLS {tls}");
    }
}

/// Bytes that are no content: no limit on bodies counts them, so the time without progress has to, however fast they come.
// 19, 27
#[tokio::test]
async fn a_chunked_body_of_bytes_that_mean_nothing_ends_in_time() {
    for (row, start, endless) in [
        ("zeros before a chunk size", "0", b'0'),
        ("zeros before a later chunk size", "5\r\nhello\r\n0", b'0'),
        ("blanks behind a chunk size", "5 ", b' '),
        ("tabs behind the last chunk size", "5\r\nhello\r\n0\t", b'\t'),
    ] {
        for (shows, status) in [(Shows::Bearer, 408), (Shows::Nothing, 401), (Shows::Basic, 408)] {
            let (upstream, sidecar, token) = kit::guarded([("BODY_TIMEOUT", "300ms")]).await;
            let shown = format!("{row}, {shows:?}");
            let request = match shows {
                Shows::Bearer => RequestText::new("POST", "/a").bearer(&token),
                Shows::Nothing => RequestText::new("POST", "/a"),
                Shows::Basic => RequestText::new("POST", &sidecar.token_path()).basic(USERNAME, PASSWORD),
            };
            let head = request.header("Transfer-Encoding", "chunked").bytes();
            let mut caller = sidecar.connect().await;
            caller.write([&head, start.as_bytes()].concat()).await;
            let piece = vec![endless; 16 << 10];
            let refused = || sidecar.log_lines().iter().any(|line| line["status"] == status);
            let mut pieces = 0;
            while caller.try_write(&piece).await.is_ok() && !refused() {
                pieces += 1;
                assert!(pieces < MOST_PIECES, "{shown}: {} MiB have been listened to", pieces >> 6);
            }
            let response = caller.read_response().await;
            assert_eq!((response.status(), response.header("Connection")), (status, Some("close")), "{shown}");
            upstream.wait_idle().await;
            assert!(upstream.requests().iter().all(|seen| !seen.complete()), "{shown}");
        }
    }
}

/// What a caller shows of itself.
#[derive(Clone, Copy, Debug)]
enum Shows {
    Bearer,
    Nothing,
    /// At the token endpoint.
    Basic,
}

/// Of 16 KiB each.
const MOST_PIECES: usize = 1 << 14;
