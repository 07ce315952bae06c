//! `/metrics`: which series there are. What they count is in `counts` and `doors`.

use std::{
    collections::BTreeSet,
    io::Write as _,
    process::{Command, Stdio},
};

use bearergate::metrics::{
    Warning,
    label::{Handshake, Label, Outcome, Part, Reason, Reload, Taken, Unreadable},
    table::{Kind, TABLE},
};
use strum::VariantArray as _;

use crate::kit::{
    self, RequestText, Sidecar, Upstream,
    sidecar::{PASSWORD, TOKEN_KEY, USERNAME},
};

#[tokio::test]
async fn the_page_has_the_metrics_of_the_table_and_no_other() {
    let upstream = Upstream::recording().await;
    let sidecar = Sidecar::guarding(&upstream).admin().start().await;
    let page = sidecar.admin().get("/metrics").await;
    assert_eq!(page.header("Content-Type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let text = page.text();
    let announced: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
    let expected: Vec<String> = TABLE.iter().map(|row| format!("{} {}", row.name, row.kind.name())).collect();
    let sets = [announced.iter().map(ToString::to_string).collect::<BTreeSet<_>>(), expected.into_iter().collect()];
    assert_eq!(sets[0], sets[1]);
    assert_eq!(announced.len(), TABLE.len(), "each is announced once");
    for row in TABLE {
        assert!(text.contains(&format!("# HELP {} {}\n# TYPE", row.name, row.help)), "{}", row.name);
    }
    let names = TABLE.iter().map(|row| row.name).collect::<BTreeSet<_>>();
    for series in sidecar.admin().metrics().await.names() {
        let name = series.split('{').next().unwrap_or_default();
        let of_histogram = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
        assert!(names.contains(name) || of_histogram.is_some_and(|name| names.contains(name)), "{series}");
    }
    assert_eq!(upstream.seen(), 0);
}

fn words<L: Label>(all: &[L]) -> Vec<&'static str> {
    all.iter().map(|label| label.name()).collect()
}

/// A rule that compares with zero needs the series before the first event.
#[tokio::test]
async fn every_series_of_a_closed_list_is_there_from_the_start() {
    let upstream = Upstream::recording().await;
    let metrics = Sidecar::guarding(&upstream).admin().start().await.admin().metrics().await;
    let with = |name: &str, label: &str, words: Vec<&str>| -> Vec<String> {
        words.iter().map(|word| format!("{name}{{{label}=\"{word}\"}}")).collect()
    };
    let token_reasons: Vec<_> =
        Reason::VARIANTS.iter().copied().filter(|reason| reason.is_of_token_endpoint()).collect();
    let mut expected = [
        with("refusals_total", "reason", words(Reason::VARIANTS)),
        with("token_failures_total", "reason", words(&token_reasons)),
        with("handshakes_total", "result", words(Handshake::VARIANTS)),
        with("unreadable_requests_total", "why", words(Unreadable::VARIANTS)),
        with("reload_failing", "what", words(Part::VARIANTS)),
        with("warnings", "warning", words(Warning::VARIANTS)),
    ]
    .concat();
    for what in words(Part::VARIANTS) {
        expected.extend(
            words(Reload::VARIANTS)
                .iter()
                .map(|result| format!("reloads_total{{what=\"{what}\",result=\"{result}\"}}")),
        );
    }
    expected.extend(words(Taken::VARIANTS).iter().map(|taken| format!("deliveries_total{{verdict=\"{taken}\"}}")));
    for client in ["", USERNAME] {
        let outcomes = words(Outcome::VARIANTS);
        expected.extend(
            outcomes.iter().map(|outcome| format!("requests_total{{client=\"{client}\",outcome=\"{outcome}\"}}")),
        );
    }
    expected.push(format!("tokens_issued_total{{client=\"{USERNAME}\"}}"));
    expected.push(format!("password_last_used_timestamp_seconds{{client=\"{USERNAME}\",password=\"0\"}}"));
    for series in &expected {
        assert_eq!(metrics.value(series), 0.0, "{series}");
    }
    let labelled =
        metrics.names().filter(|name| name.contains('{') && !name.contains("_bucket{") && !name.contains("build_info"));
    assert_eq!(labelled.count(), expected.len());
    for name in ["request_duration_seconds", "upstream_duration_seconds"] {
        for bound in ["0.0005", "0.001", "0.1", "1", "30", "+Inf"] {
            assert_eq!(metrics.value(&format!("{name}_bucket{{le=\"{bound}\"}}")), 0.0);
        }
        assert_eq!((metrics.value(&format!("{name}_sum")), metrics.value(&format!("{name}_count"))), (0.0, 0.0));
    }
    assert_eq!(metrics.value(&format!("build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"))), 1.0);
    assert_eq!(upstream.seen(), 0);
}

/// Whatever a stranger sends: user names, paths, methods, hosts and tokens make no label.
#[tokio::test]
async fn a_stranger_can_make_no_series() {
    let upstream = Upstream::recording().await;
    let sidecar = Sidecar::guarding(&upstream).admin().start().await;
    let before: BTreeSet<String> = sidecar.admin().metrics().await.names().map(str::to_owned).collect();
    for username in ["admin", "vietqr-live2", "a\"b", "{client=\"x\"}", "ư"] {
        sidecar.ask_token(username, "planted-password").await;
        let forged =
            kit::forge::hs256(&kit::forge::claims(username, 1_900_000_000), b"a key of somebody else, long enough");
        sidecar.get_with(&forged, "/planted-path").await;
    }
    for method in ["BREW", "DELETE", "TRACE"] {
        sidecar.exchange(RequestText::new(method, "/planted-path?planted-query").host("planted-host")).await;
    }
    let after = sidecar.admin().metrics().await;
    assert_eq!(after.names().map(str::to_owned).collect::<BTreeSet<_>>(), before);
    assert!(!after.text.contains("planted"), "{}", after.text);
    assert_eq!(upstream.seen(), 0);
}

#[tokio::test]
async fn no_page_shows_a_secret() {
    let upstream = Upstream::recording().await;
    let building = Sidecar::guarding(&upstream).admin().var("UPSTREAM_AUTHORIZATION", "Basic cGxhbnRlZDpwbGFudGVk");
    let sidecar = building.start().await;
    let token = sidecar.token().await;
    sidecar.deliver(&token, "/bank?planted-query", "{\"planted\":\"planted-body\"}").await;
    sidecar.ask_token(USERNAME, "planted-password").await;
    for path in ["/", "/status.json", "/metrics", "/readyz"] {
        let text = sidecar.admin().get(path).await.text();
        for secret in [PASSWORD, TOKEN_KEY, &token, "cGxhbnRlZDpwbGFudGVk", "planted"] {
            assert!(!text.contains(secret), "{path} shows {secret}");
        }
    }
    let settings = &sidecar.admin().status().await["settings"];
    let shown = |name: &str| settings.as_array().and_then(|all| all.iter().find(|each| each["name"] == name)).cloned();
    for name in ["BEARERGATE_TOKEN_KEY", "BEARERGATE_CLIENT_PASSWORD", "BEARERGATE_UPSTREAM_AUTHORIZATION"] {
        assert_eq!(shown(name).map(|setting| setting["value"].clone()), Some("set".into()), "{name}");
    }
}

/// Debian: the package `prometheus`.
#[tokio::test]
async fn promtool_finds_nothing_to_complain_of() {
    if Command::new("promtool").arg("--version").output().is_err() {
        kit::skipped("there is no promtool to check the metrics with (Debian: apt-get install prometheus)");
        return;
    }
    let upstream = Upstream::recording().await;
    let sidecar = Sidecar::guarding(&upstream).admin().start().await;
    sidecar.get("/").await;
    let text = sidecar.admin().metrics().await.text;
    let mut promtool = Command::new("promtool");
    let promtool =
        promtool.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = promtool.spawn().expect("it is there");
    running.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("it reads");
    let output = running.wait_with_output().expect("it ends");
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success() && said.is_empty(), "{}", String::from_utf8_lossy(&said));
}

#[test]
fn histograms_have_no_labels() {
    assert!(TABLE.iter().all(|row| row.kind != Kind::Histogram || row.labels.is_empty()));
}
