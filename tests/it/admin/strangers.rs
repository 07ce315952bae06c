//! Lines about callers that nobody knows are bounded in rate; what was left out is counted in the log and in the metrics.

use crate::kit::{RequestText, Sidecar, Upstream, wait_until};

/// Sends so many requests without a token over one connection.
async fn flood(sidecar: &Sidecar, requests: usize) {
    let mut raw = sidecar.connect().await;
    for _ in 0..requests {
        raw.write(RequestText::new("GET", "/flood").bytes()).await;
        assert_eq!(raw.read_response().await.status(), 401);
    }
}

#[tokio::test]
async fn a_flood_of_refusals_costs_the_log_a_bounded_number_of_lines() {
    let upstream = Upstream::recording().await;
    let sidecar = Sidecar::guarding(&upstream).admin().start().await;
    let token = sidecar.token().await;
    let begun = std::time::Instant::now();
    flood(&sidecar, 3000).await;
    let metrics = sidecar.admin().metrics_when("refusals_total{reason=\"bearer_absent\"}", 3000.0).await;
    let left_out = metrics.value("refusal_lines_left_out_total");
    // A thousand, and a hundred more for each second that it took.
    let most = 1000.0 + 100.0 * begun.elapsed().as_secs_f64().ceil();
    assert!(left_out >= 3000.0 - most && left_out <= 2000.0, "{left_out} of 3000 in {:?}", begun.elapsed());

    // Clients that are known keep their lines.
    assert_eq!(sidecar.deliver(&token, "/books", "{}").await.status(), 200);
    assert_eq!(sidecar.get_with(&token, "/a/..").await.status(), 400);
    wait_until("the line of the delivery", || sidecar.log_text().contains("/books")).await;

    let (log, seen) = (sidecar.log_lines(), upstream.seen());
    drop(sidecar);
    assert_eq!(seen, 1);
    let lines = log.iter().filter(|line| line["path"] == "/flood").count();
    assert_eq!(lines as f64 + left_out, 3000.0);
}

/// The count is said in the log at the latest when the process ends.
#[tokio::test]
async fn the_log_says_how_many_lines_were_left_out() {
    let upstream = Upstream::recording().await;
    let mut sidecar = Sidecar::guarding(&upstream).admin().start().await;
    flood(&sidecar, 1500).await;
    let left_out = sidecar.admin().metrics().await.value("refusal_lines_left_out_total");
    sidecar.shut_down();
    sidecar.ended().await;
    let said = sidecar.log_lines().iter().filter_map(|line| line["left_out"].as_u64()).sum::<u64>();
    assert!(said > 0 && said as f64 == left_out, "{said} {left_out}");
    assert_eq!(upstream.seen(), 0);
}
