//! Ten incidents, each staged, and told from all the others by `/status.json` and its page, and by `/metrics` alone.

use std::{fs, net::TcpListener};

use bearergate::metrics::label::{Label as _, Reason};
use serde_json::{Value, json};
use strum::VariantArray;

use crate::kit::{
    Admin, Answer, Ca, ClientsFile, RequestText, Sidecar, Signal, Upstream,
    admin::Metrics,
    ca::Life,
    clients_file::sha256_of,
    program::{Caller, Running},
    sidecar::{PASSWORD, TOKEN_KEY, USERNAME},
};

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, VariantArray)]
enum Incident {
    UpstreamDown,
    UpstreamSlow,
    WrongPassword,
    ExpiredCertificate,
    SelfSignedCertificate,
    KeyRemoved,
    ClientOverItsRate,
    PathNotAllowed,
    BadReload,
    DiskOfTheLogFull,
}

/// Each row of the table is a variant of [`Incident`]: how it is staged, and by what it is told. No sign of an incident shows in another.
#[tokio::test]
async fn each_of_ten_incidents_is_told_from_the_page_and_from_the_metrics_alone() {
    assert_eq!(Incident::VARIANTS.len(), 10);
    for staged in Incident::VARIANTS {
        let scene = staged.stage().await;
        let status = scene.admin().status_when(&format!("{staged:?}"), |status| staged.is_on_page(status)).await;
        let (series, _) = staged.sign();
        let metrics = scene.admin().metrics_until(series, |_| true).await;
        let metrics = if staged.is_in(&metrics) {
            metrics
        } else {
            scene.admin().metrics_until(series, |number| number > 0.0).await
        };
        for incident in Incident::VARIANTS {
            let expected = incident == staged;
            assert_eq!(incident.is_on_page(&status), expected, "{staged:?} on the page as {incident:?}: {status:#}");
            assert_eq!(incident.is_in(&metrics), expected, "{staged:?} as {incident:?} in\n{}", metrics.text);
        }
    }
}

/// No sign shows while all is well, and the page shows what the signs are read from.
#[tokio::test]
async fn a_gate_that_is_well_shows_no_incident() {
    let upstream = Upstream::recording().await;
    let sidecar = Sidecar::guarding(&upstream).admin().start().await;
    sidecar.deliver(&sidecar.token().await, "/bank", "{}").await;
    let delivered = |status: &Value| status["verdict"]["sentence"] == "Payments are coming in";
    let status = sidecar.admin().status_when("a delivery", delivered).await;
    let metrics = sidecar.admin().metrics().await;
    for incident in Incident::VARIANTS {
        assert!(!incident.is_on_page(&status), "{incident:?}: {status:#}");
        assert!(!incident.is_in(&metrics), "{incident:?} in\n{}", metrics.text);
    }
    let page = sidecar.admin().get("/").await.text();
    for shown in ["status.verdict", "status.notices", "status.refusals", "status.refused_calls", "call.advice"] {
        assert!(page.contains(shown), "the page does not show {shown}");
    }
    assert_eq!(upstream.seen(), 1);
}

/// An incident while it lasts. What it needs lives as long.
struct Scene {
    admin: Admin,
    _props: Props,
}

#[derive(Default)]
#[expect(dead_code, reason = "they are kept for what their end would do")]
struct Props {
    sidecar: Option<Sidecar>,
    running: Option<Running>,
    upstream: Option<Upstream>,
    clients: Option<ClientsFile>,
    folder: Option<tempfile::TempDir>,
    never: Option<Signal>,
    ca: Option<Ca>,
}

impl Scene {
    fn of(sidecar: Sidecar, props: Props) -> Self {
        Self { admin: sidecar.admin(), _props: Props { sidecar: Some(sidecar), ..props } }
    }

    fn admin(&self) -> Admin {
        self.admin
    }
}

impl Incident {
    async fn stage(self) -> Scene {
        match self {
            Self::UpstreamDown => upstream_down().await,
            Self::UpstreamSlow => upstream_slow().await,
            Self::WrongPassword => {
                refused(&[], async |sidecar| {
                    sidecar.ask_token(USERNAME, "not the password").await;
                })
                .await
            }
            Self::ExpiredCertificate => expired_certificate().await,
            Self::SelfSignedCertificate => self_signed().await,
            Self::KeyRemoved => key_removed().await,
            Self::ClientOverItsRate => {
                refused(&[("CLIENT_RATE", "1/h burst 1")], async |sidecar| {
                    let token = sidecar.token().await;
                    for _ in 0..2 {
                        sidecar.deliver(&token, "/bank", "{}").await;
                    }
                })
                .await
            }
            Self::PathNotAllowed => {
                refused(&[("ALLOW", "POST /bank/**")], async |sidecar| {
                    sidecar.deliver(&sidecar.token().await, "/bnak/api", "{}").await;
                })
                .await
            }
            Self::BadReload => bad_reload().await,
            Self::DiskOfTheLogFull => disk_full().await,
        }
    }

    /// What a person reads on the page.
    fn is_on_page(self, status: &Value) -> bool {
        let says = |sentence: &str| status["verdict"]["sentence"].as_str().is_some_and(|said| said.contains(sentence));
        let listed = |list: &str, member: &str, part: &str| {
            let all = status[list].as_array().into_iter().flatten();
            all.into_iter().any(|each| each[member].as_str().is_some_and(|text| text.contains(part)))
        };
        let notice = |part: &str| listed("notices", "text", part);
        let refused = |reason: Reason, todo: &str| {
            listed("refusals", "reason", reason.name()) && listed("refused_calls", "advice", todo)
        };
        match self {
            Self::UpstreamDown => says("The API behind the gate is down"),
            Self::UpstreamSlow => {
                says("The API behind the gate fails") && refused(Reason::UpstreamTimeout, "did not answer within")
            }
            Self::WrongPassword => says("Nobody gets a token: wrong user name or password"),
            Self::ExpiredCertificate => says("Our certificate is not valid now"),
            Self::SelfSignedCertificate => notice("The certificate is self-signed"),
            Self::KeyRemoved => refused(Reason::TokenUnknownKey, "Was a key removed"),
            Self::ClientOverItsRate => refused(Reason::TooManyRequests, "over its rate"),
            Self::PathNotAllowed => refused(Reason::RuleNotAllowed, "No rule lets this client"),
            Self::BadReload => notice("The changed clients cannot be loaded"),
            Self::DiskOfTheLogFull => notice("of log were lost. Is the disk full"),
        }
    }

    /// The series that tells it, and what its number is then.
    fn sign(self) -> (&'static str, Sign) {
        match self {
            Self::UpstreamDown => ("upstream_up", Sign::Zero),
            Self::UpstreamSlow => ("refusals_total{reason=\"upstream_timeout\"}", Sign::Some),
            Self::WrongPassword => ("token_failures_total{reason=\"wrong_credentials\"}", Sign::Some),
            Self::ExpiredCertificate => ("certificate_not_after_timestamp_seconds", Sign::Past),
            Self::SelfSignedCertificate => ("warnings{warning=\"certificate_self_signed\"}", Sign::Some),
            Self::KeyRemoved => ("refusals_total{reason=\"token_unknown_key\"}", Sign::Some),
            Self::ClientOverItsRate => ("refusals_total{reason=\"too_many_requests\"}", Sign::Some),
            Self::PathNotAllowed => ("refusals_total{reason=\"rule_not_allowed\"}", Sign::Some),
            Self::BadReload => ("reload_failing{what=\"clients\"}", Sign::Some),
            Self::DiskOfTheLogFull => ("log_lines_dropped_total", Sign::Some),
        }
    }

    fn is_in(self, metrics: &Metrics) -> bool {
        let (series, sign) = self.sign();
        sign.holds(metrics.value(series))
    }
}

#[derive(Clone, Copy, Debug)]
enum Sign {
    Zero,
    Some,
    Past,
}

impl Sign {
    fn holds(self, number: f64) -> bool {
        match self {
            Self::Zero => number == 0.0,
            Self::Some => number > 0.0,
            Self::Past => number > 0.0 && number < unix_now(),
        }
    }
}

fn unix_now() -> f64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("it is later").as_secs_f64()
}

/// A gate before an upstream that is well, to which something is done.
async fn refused(vars: &[(&str, &str)], done: impl AsyncFnOnce(&Sidecar)) -> Scene {
    let upstream = Upstream::recording().await;
    let building = Sidecar::guarding(&upstream).admin();
    let building = vars.iter().fold(building, |building, (name, value)| building.var(name, *value));
    let sidecar = building.start().await;
    done(&sidecar).await;
    Scene::of(sidecar, Props { upstream: Some(upstream), ..Props::default() })
}

async fn upstream_down() -> Scene {
    let sidecar = Sidecar::before("http://127.0.0.1:1").admin().start().await;
    let token = sidecar.token().await;
    assert_eq!(sidecar.deliver(&token, "/bank", "{}").await.status(), 502);
    Scene::of(sidecar, Props::default())
}

async fn upstream_slow() -> Scene {
    let never = Signal::new();
    let held = never.clone();
    let upstream = Upstream::answering(move |_| Answer::booked().after(&held)).await;
    let sidecar = Sidecar::guarding(&upstream).admin().var("UPSTREAM_RESPONSE_TIMEOUT", "200ms").start().await;
    let token = sidecar.token().await;
    assert_eq!(sidecar.deliver(&token, "/bank", "{}").await.status(), 504);
    Scene::of(sidecar, Props { upstream: Some(upstream), never: Some(never), ..Props::default() })
}

async fn expired_certificate() -> Scene {
    let (ca, upstream) = (Ca::new(), Upstream::recording().await);
    let (chain, key) = ca.sign_for(&["localhost"], Life::Over, "expired");
    let building = Sidecar::guarding(&upstream).admin().var("TLS_CERT_FILE", chain.display().to_string());
    let sidecar = building.var("TLS_KEY_FILE", key.display().to_string()).start().await;
    Scene::of(sidecar, Props { upstream: Some(upstream), ca: Some(ca), ..Props::default() })
}

async fn self_signed() -> Scene {
    let upstream = Upstream::recording().await;
    let building = Sidecar::guarding(&upstream).admin().var("TLS", "self-signed");
    let sidecar = building.without("TLS_CERT_FILE").without("TLS_KEY_FILE").start().await;
    Scene::of(sidecar, Props { upstream: Some(upstream), ..Props::default() })
}

/// A key goes while a token that it has signed is still good.
async fn key_removed() -> Scene {
    let upstream = Upstream::recording().await;
    let folder = tempfile::tempdir().expect("a test machine has a temporary directory");
    let put = |name: &str, key: &str| fs::write(folder.path().join(name), key).expect("it can be written");
    put("2026-10", TOKEN_KEY);
    let building = Sidecar::guarding(&upstream).admin().without("TOKEN_KEY");
    let sidecar = building.var("TOKEN_KEYS_DIR", folder.path().display().to_string()).start().await;
    let token = sidecar.token().await;
    sidecar.reloading(|| put("2026-11", "key-of-november-31c2e09b7d5f4a868f6b0c7d12e3a495")).await;
    sidecar.reloading(|| fs::remove_file(folder.path().join("2026-10")).expect("it is there")).await;
    assert_eq!(sidecar.deliver(&token, "/bank", "{}").await.status(), 401);
    Scene::of(sidecar, Props { upstream: Some(upstream), folder: Some(folder), ..Props::default() })
}

async fn bad_reload() -> Scene {
    let upstream = Upstream::recording().await;
    let file = ClientsFile::of(json!([{ "name": "a", "username": "a", "passwords": [sha256_of(PASSWORD)] }]));
    let sidecar = Sidecar::guarding(&upstream).admin().clients(&file).start().await;
    file.write(json!([]));
    sidecar.reload();
    Scene::of(sidecar, Props { upstream: Some(upstream), clients: Some(file), ..Props::default() })
}

/// The built program with a log that no disk takes. It cannot say where it listens, so it is told.
async fn disk_full() -> Scene {
    let upstream = Upstream::recording().await;
    let free = || TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port");
    let (callers, admin) = (free(), free());
    let program = Sidecar::guarding(&upstream).program(["run"]).var("LISTEN", callers.to_string());
    let running = program.var("ADMIN_LISTEN", admin.to_string()).by_shell(r#"exec "$0" "$@" >/dev/full"#).start();
    let listens = || std::net::TcpStream::connect(callers).is_ok() && std::net::TcpStream::connect(admin).is_ok();
    crate::kit::wait_until("the program to listen", listens).await;
    let mut raw = Caller::of(callers).connect().await;
    raw.write(RequestText::new("GET", "/").bytes()).await;
    assert_eq!(raw.read_response().await.status(), 401);
    let props = Props { running: Some(running), upstream: Some(upstream), ..Props::default() };
    Scene { admin: Admin::at(admin), _props: props }
}
