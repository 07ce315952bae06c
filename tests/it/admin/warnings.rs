//! What should be mended before it costs payments: each once in the log, as a metric, and on the page.

use std::{
    collections::BTreeSet,
    fs,
    net::{TcpListener, UdpSocket},
};

use bearergate::metrics::{Warning, label::Label as _};
use serde_json::Value;
use strum::VariantArray as _;

use crate::kit::{self, Answer, Ca, Raw, Sidecar, Upstream, admin::Metrics, ca::Life};

/// A gate in trouble. What it needs lives as long.
struct Scene {
    sidecar: Sidecar,
    _upstream: Option<Upstream>,
    _taken: Option<TcpListener>,
    _ca: Option<Ca>,
}

/// Each row is a [`Warning`]: no other is raised where it is.
#[tokio::test]
async fn each_warning_is_a_metric_a_notice_and_one_line_of_log() {
    let mut scenes = Vec::new();
    for warning in Warning::VARIANTS {
        let Some(scene) = stage(*warning).await else { continue };
        let admin = scene.sidecar.admin();
        let status = admin.status_when(warning.name(), |status| is_noticed(*warning, status)).await;
        let metrics = admin.metrics().await;
        assert_eq!(raised(&metrics), BTreeSet::from([warning.name()]), "{}", metrics.text);
        for other in Warning::VARIANTS {
            assert_eq!(is_noticed(*other, &status), other == warning, "{warning:?} as {other:?}: {status:#}");
        }
        scenes.push((*warning, scene));
    }
    // By now the first have been looked at many times.
    for (warning, scene) in scenes {
        let told = |line: &Value| match warning {
            // Told by the journal, with the request.
            Warning::DeliveriesRetried => line["answer_is_json"] == false,
            _ => line["warning"] == warning.name(),
        };
        scene.sidecar.wait_for_log(warning.name(), told).await;
        let lines: Vec<Value> = scene.sidecar.log_lines().into_iter().filter(told).collect();
        assert_eq!(lines.len(), 1, "{warning:?}: {lines:?}");
        assert_eq!(lines[0]["level"], "warn", "{lines:?}");
        let all = scene.sidecar.log_lines();
        let others = all.iter().filter(|line| line["warning"].is_string() && line["warning"] != warning.name());
        assert_eq!(others.count(), 0, "{warning:?}: {all:?}");
    }
}

#[tokio::test]
async fn a_warning_is_lowered_when_what_it_warned_of_is_mended() {
    let (ca, upstream) = (Ca::new(), Upstream::recording().await);
    let (chain, key) = ca.sign(&["localhost"], "mended");
    let whole = fs::read_to_string(&chain).expect("it was written");
    fs::write(&chain, first_of(&whole)).expect("it can be written");
    let building = Sidecar::guarding(&upstream).admin().var("TLS_CERT_FILE", chain.display().to_string());
    let sidecar = building.var("TLS_KEY_FILE", key.display().to_string()).start().await;
    let series = "warnings{warning=\"certificate_incomplete\"}";
    sidecar.admin().metrics_when(series, 1.0).await;
    sidecar.reloading(|| fs::write(&chain, &whole).expect("it can be written")).await;
    let metrics = sidecar.admin().metrics_when(series, 0.0).await;
    assert_eq!(raised(&metrics), BTreeSet::new());
    assert!(!is_noticed(Warning::CertificateIncomplete, &sidecar.admin().status().await));
    assert_eq!(upstream.seen(), 0);
}

fn is_noticed(warning: Warning, status: &Value) -> bool {
    let expected = format!("{}. {}", warning.sentence(), warning.remedy());
    status["notices"].as_array().is_some_and(|all| all.iter().any(|notice| notice["text"] == expected.as_str()))
}

/// The warnings that the metrics say hold.
fn raised(metrics: &Metrics) -> BTreeSet<&'static str> {
    let holds = |name: &&str| metrics.value(&format!("warnings{{warning=\"{name}\"}}")) == 1.0;
    Warning::VARIANTS.iter().map(|warning| warning.name()).filter(holds).collect()
}

/// `None` where this machine cannot stage it.
async fn stage(warning: Warning) -> Option<Scene> {
    Some(match warning {
        Warning::UpstreamBypass => return bypass().await,
        Warning::CertificateSelfSigned => {
            let upstream = Upstream::recording().await;
            let building = Sidecar::guarding(&upstream).admin().var("TLS", "self-signed");
            let sidecar = building.without("TLS_CERT_FILE").without("TLS_KEY_FILE").start().await;
            Scene { sidecar, _upstream: Some(upstream), _taken: None, _ca: None }
        }
        Warning::CertificateIncomplete => {
            certified(|ca| {
                let (chain, key) = ca.sign(&["localhost"], "leaf");
                let whole = fs::read_to_string(&chain).expect("it was written");
                fs::write(&chain, first_of(&whole)).expect("it can be written");
                (chain, key)
            })
            .await
        }
        Warning::CertificateEnds => certified(|ca| ca.sign_for(&["localhost"], Life::Good, "ends")).await,
        Warning::CertificateExpired => certified(|ca| ca.sign_for(&["localhost"], Life::Over, "ended")).await,
        Warning::DeliveriesWithoutToken => {
            let scene = well(Answer::booked, None).await;
            assert!(Raw::try_tls(scene.sidecar.address(), &Ca::new().client()).await.is_err(), "it trusts us not");
            assert_eq!(scene.sidecar.deliver("", "/bank", "{}").await.status(), 401);
            scene.sidecar.get("/bank").await;
            scene
        }
        Warning::ClockJumped => {
            let scene = well(Answer::booked, Some(1_900_000_000)).await;
            // Who answers has begun to look.
            scene.sidecar.token().await;
            scene.sidecar.set_clock(1_900_000_400);
            scene
        }
        Warning::UpstreamStale => {
            let upstream = Upstream::answering(|seen| match seen.target() {
                "/closes" => Answer::close(),
                _ => Answer::booked(),
            })
            .await;
            let sidecar = Sidecar::guarding(&upstream).admin().start().await;
            let token = sidecar.token().await;
            for _ in 0..5 {
                assert_eq!(sidecar.deliver(&token, "/bank", "{}").await.status(), 200);
                assert_eq!(sidecar.deliver(&token, "/closes", "{}").await.status(), 502);
            }
            Scene { sidecar, _upstream: Some(upstream), _taken: None, _ca: None }
        }
        Warning::DeliveriesRetried => {
            let scene = well(|| Answer::status(200).header("Content-Type", "text/plain").body("OK"), None).await;
            let token = scene.sidecar.token().await;
            assert_eq!(scene.sidecar.deliver(&token, "/bank", "{}").await.status(), 200);
            scene.sidecar.admin().metrics_when("deliveries_retried_total", 1.0).await;
            scene
        }
    })
}

/// A gate that is well, so far.
async fn well(answer: fn() -> Answer, clock: Option<u64>) -> Scene {
    let upstream = Upstream::answering(move |_| answer()).await;
    let building = Sidecar::guarding(&upstream).admin();
    let sidecar = match clock {
        Some(unix_s) => building.clock(unix_s).start().await,
        None => building.start().await,
    };
    Scene { sidecar, _upstream: Some(upstream), _taken: None, _ca: None }
}

/// A gate with a certificate of an authority of its own.
async fn certified(make: impl FnOnce(&Ca) -> (std::path::PathBuf, std::path::PathBuf)) -> Scene {
    let (ca, upstream) = (Ca::new(), Upstream::recording().await);
    let (chain, key) = make(&ca);
    let building = Sidecar::guarding(&upstream).admin().var("TLS_CERT_FILE", chain.display().to_string());
    let sidecar = building.var("TLS_KEY_FILE", key.display().to_string()).start().await;
    Scene { sidecar, _upstream: Some(upstream), _taken: None, _ca: Some(ca) }
}

/// An upstream that was told to listen everywhere, as most are.
async fn bypass() -> Option<Scene> {
    // No packet is sent: the kernel only says from where it would be.
    let route = UdpSocket::bind("0.0.0.0:0").and_then(|udp| udp.connect("192.0.2.1:9").and_then(|()| udp.local_addr()));
    if !route.is_ok_and(|own| !own.ip().is_loopback()) {
        kit::skipped("this machine has no address but loopback on which an upstream could be reached past the gate");
        return None;
    }
    let everywhere = TcpListener::bind("0.0.0.0:0").expect("a free port");
    let port = everywhere.local_addr().expect("a bound socket has an address").port();
    let sidecar = Sidecar::before(&format!("http://127.0.0.1:{port}")).admin().start().await;
    Some(Scene { sidecar, _upstream: None, _taken: Some(everywhere), _ca: None })
}

/// The first certificate of a chain.
fn first_of(chain: &str) -> String {
    let end = "-----END CERTIFICATE-----";
    let (first, _) = chain.split_once(end).expect("a certificate");
    format!("{first}{end}\n")
}
