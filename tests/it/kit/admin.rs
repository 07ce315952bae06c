//! Somebody who runs the gate: asks its admin listener, in plain HTTP.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use serde_json::Value;

use super::{DEADLINE, Raw, RequestText, Response, raw, within};

/// The admin listener at an address.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Admin(SocketAddr);

/// What `/metrics` said: each series with its labels as written, and its number.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    /// The whole text.
    pub(crate) text: String,
    series: BTreeMap<String, f64>,
}

impl Admin {
    /// The one at this address.
    pub(crate) fn at(address: SocketAddr) -> Self {
        Self(address)
    }

    /// Where it listens.
    pub(crate) fn address(self) -> SocketAddr {
        self.0
    }

    /// Sends one request and reads the response.
    pub(crate) async fn exchange(self, request: RequestText) -> Response {
        let method = String::from_utf8_lossy(&request.clone().bytes()).split(' ').next().unwrap_or_default().to_owned();
        let mut raw = Raw::plain_over(raw::dial(self.0, None).await);
        raw.write(request.bytes()).await;
        raw.read_response_to(&method).await
    }

    /// `GET`.
    pub(crate) async fn get(self, path: &str) -> Response {
        self.exchange(RequestText::new("GET", path)).await
    }

    /// What `/readyz` says: its status and what is not ready.
    pub(crate) async fn ready(self) -> (u16, Vec<String>) {
        let response = self.get("/readyz").await;
        let lacking = response.json();
        let names = lacking.as_array().expect("a list of what is not ready").iter();
        (response.status(), names.map(|name| name.as_str().unwrap_or_default().to_owned()).collect())
    }

    /// What `/metrics` says now.
    pub(crate) async fn metrics(self) -> Metrics {
        let response = self.get("/metrics").await;
        assert_eq!(response.status(), 200, "{response:?}");
        Metrics::of(response.text())
    }

    /// What `/metrics` says as soon as this series is at this number.
    pub(crate) async fn metrics_when(self, series: &str, number: f64) -> Metrics {
        self.metrics_until(series, |value| value == number).await
    }

    /// What `/metrics` says as soon as this holds of the series.
    pub(crate) async fn metrics_until(self, series: &str, holds: impl Fn(f64) -> bool) -> Metrics {
        let waiting = async {
            let mut tick = tokio::time::interval(Duration::from_millis(5));
            loop {
                tick.tick().await;
                let metrics = self.metrics().await;
                if holds(metrics.value(series)) {
                    return metrics;
                }
            }
        };
        within(DEADLINE, &format!("{series} to be what is waited for"), waiting).await
    }

    /// What `/status.json` says now.
    pub(crate) async fn status(self) -> Value {
        let response = self.get("/status.json").await;
        assert_eq!(response.status(), 200, "{response:?}");
        response.json()
    }

    /// What `/status.json` says as soon as this holds of it.
    pub(crate) async fn status_when(self, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let waiting = async {
            let mut tick = tokio::time::interval(Duration::from_millis(5));
            loop {
                tick.tick().await;
                let status = self.status().await;
                if holds(&status) {
                    return status;
                }
            }
        };
        within(DEADLINE, what, waiting).await
    }
}

impl Metrics {
    fn of(text: String) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let series = lines.map(|line| {
            let (name, number) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no series: {line:?}"));
            (name.to_owned(), number.parse().unwrap_or_else(|_| panic!("no number: {line:?}")))
        });
        let series = series.collect();
        Self { text, series }
    }

    /// The number of a series, which is there.
    pub(crate) fn value(&self, series: &str) -> f64 {
        let series = prefixed(series);
        *self.series.get(&series).unwrap_or_else(|| panic!("no series {series} in\n{}", self.text))
    }

    /// The names of all series, with their labels.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.series.keys().map(String::as_str)
    }
}

fn prefixed(series: &str) -> String {
    if series.starts_with("process_") { series.to_owned() } else { format!("bearergate_{series}") }
}
