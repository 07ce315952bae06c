//! A sidecar whose files change while payments go on: each payment is a token and a delivery, over a new TLS connection each.

use std::{
    cell::Cell,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    sync::{Mutex, MutexGuard},
    task::JoinHandle,
};

use crate::kit::{
    self, Sidecar, Upstream,
    sidecar::{Building, PASSWORD},
};

/// The sidecar, its upstream and the payments. A payment that fails fails the test at the next step, and at [`Workday::end`].
pub(super) struct Workday {
    pub(super) upstream: Upstream,
    pub(super) sidecar: Arc<Sidecar>,
    folder: TempDir,
    canaries: Cell<usize>,
    login: Arc<Mutex<(String, String)>>,
    paid: Arc<AtomicUsize>,
    stop: kit::Signal,
    payments: JoinHandle<()>,
}

/// What the log says of files that have changed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Told {
    Reloaded,
    Failed,
}

/// No payment is under way while this is held.
pub(super) struct Pause<'d>(MutexGuard<'d, (String, String)>);

impl Workday {
    /// Starts a sidecar whose files `prepare` puts into a folder, and the payments, as the client `vietqr` with the kit's password.
    pub(super) async fn begin(prepare: impl FnOnce(Building, &Path) -> Building) -> Self {
        let (upstream, folder) = (Upstream::recording().await, tempfile::tempdir().expect("a temporary directory"));
        let canary = folder.path().join(CANARY);
        replace(&canary, "canary-of-the-start");
        let building = Sidecar::guarding(&upstream)
            .var("CLIENT_USERNAME", "vietqr")
            .var("UPSTREAM_AUTHORIZATION_FILE", canary.display().to_string());
        let sidecar = Arc::new(prepare(building, folder.path()).start().await);
        let login = Arc::new(Mutex::new(("vietqr".to_owned(), PASSWORD.to_owned())));
        let (paid, stop) = (Arc::new(AtomicUsize::new(0)), kit::Signal::new());
        let payments = tokio::spawn(pay(Arc::clone(&sidecar), Arc::clone(&login), Arc::clone(&paid), stop.clone()));
        let day = Self { upstream, sidecar, folder, canaries: Cell::new(0), login, paid, stop, payments };
        // From here on every change is one that the sidecar has not begun with.
        day.look().await;
        day
    }

    /// A file of this name in the day's own folder.
    pub(super) fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// Waits until every file has been looked at once more, and loaded where it had changed.
    pub(super) async fn look(&self) {
        // The `Authorization` for the upstream is looked at last. The first of two may have met a look that was half over.
        for _ in 0..2 {
            let canary = format!("canary-{}", self.canaries.replace(self.canaries.get() + 1));
            replace(&self.path(CANARY), &canary);
            self.sidecar.reload();
            let waiting = self.upstream.wait_for(&canary, |seen| {
                self.assert_well();
                seen.iter().rev().any(|seen| seen.header("authorization") == Some(&canary))
            });
            waiting.await;
        }
    }

    /// Nudges, waits until the log has said it of `what` so often, and gives its last line of that kind. It has not said it once more.
    pub(super) async fn told(&self, told: Told, what: &str, times: usize) -> Value {
        self.sidecar.reload();
        let text = format!(r#"{}","what":"{what}""#, told.message());
        kit::wait_until(&format!("{told:?} {what}, {times} times"), || {
            self.assert_well();
            self.sidecar.log_text().matches(&text).count() >= times
        })
        .await;
        self.was_told(told, what, times);
        self.lines(told, what).pop().expect("it was waited for")
    }

    /// The log has said it of `what` so often.
    pub(super) fn was_told(&self, told: Told, what: &str, times: usize) {
        assert_eq!(self.lines(told, what).len(), times, "{told:?} {what}: {}", self.sidecar.log_text());
    }

    fn lines(&self, told: Told, what: &str) -> Vec<Value> {
        let is_wanted =
            |line: &Value| line["level"] == told.level() && line["message"] == told.message() && line["what"] == what;
        self.sidecar.log_lines().into_iter().filter(is_wanted).collect()
    }

    /// Waits until a whole payment has been made from now on.
    pub(super) async fn pay_once_more(&self) {
        let enough = self.paid.load(Ordering::Relaxed) + 2;
        kit::wait_until("a payment", || {
            self.assert_well();
            self.paid.load(Ordering::Relaxed) >= enough
        })
        .await;
    }

    /// Waits until no payment is under way, and keeps it so.
    pub(super) async fn pause(&self) -> Pause<'_> {
        Pause(self.login.lock().await)
    }

    /// A token for these credentials.
    pub(super) async fn token(&self, username: &str, password: &str) -> String {
        let response = self.sidecar.ask_token(username, password).await;
        assert_eq!(response.status(), 200, "no token for {username}: {response:?}");
        response.json()["access_token"].as_str().unwrap_or_default().to_owned()
    }

    /// Ends the payments: none has failed, and the upstream saw each exactly once.
    pub(super) async fn end(self) {
        self.pay_once_more().await;
        self.stop.fire();
        self.payments.await.expect("no payment failed");
        let seen = self.upstream.requests();
        let mut targets: Vec<_> = seen.iter().map(|seen| seen.target()).filter(|to| to.starts_with("/pay/")).collect();
        let count = targets.len();
        targets.sort_unstable();
        targets.dedup();
        let paid = self.paid.load(Ordering::Relaxed);
        assert_eq!((count, targets.len()), (paid, paid), "payments delivered, and different ones");
    }

    fn assert_well(&self) {
        assert!(!self.payments.is_finished(), "a payment has failed");
    }
}

impl Pause<'_> {
    /// Makes the payments that follow with these credentials, and lets them go on.
    pub(super) fn pay_as(mut self, username: &str, password: &str) {
        *self.0 = (username.to_owned(), password.to_owned());
    }
}

impl Told {
    fn level(self) -> &'static str {
        match self {
            Self::Reloaded => "info",
            Self::Failed => "error",
        }
    }

    fn message(self) -> &'static str {
        match self {
            Self::Reloaded => "reloaded",
            Self::Failed => "what has changed cannot be loaded; the old one goes on serving",
        }
    }
}

/// Puts a whole file in the place of another, as a careful operator does: written beside it, then renamed.
pub(super) fn replace(path: &Path, text: &str) {
    // Outside of the folder that may be watched as a whole.
    let beside = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(beside.path(), text).expect("the temporary file can be written");
    beside.persist(path).expect("both are below the same temporary directory");
}

async fn pay(sidecar: Arc<Sidecar>, login: Arc<Mutex<(String, String)>>, paid: Arc<AtomicUsize>, stop: kit::Signal) {
    // Not faster: every token is looked for in the log at the end.
    let mut ticks = tokio::time::interval(Duration::from_millis(10));
    loop {
        tokio::select! {
            () = stop.fired() => return,
            _ = ticks.tick() => {}
        }
        let login = login.lock().await;
        let (username, password) = &*login;
        let number = paid.load(Ordering::Relaxed);
        let answer = sidecar.ask_token(username, password).await;
        assert_eq!(answer.status(), 200, "payment {number} got no token: {answer:?}");
        let token = answer.json()["access_token"].as_str().unwrap_or_default().to_owned();
        let answer = sidecar.deliver(&token, &format!("/pay/{number}"), "{}").await;
        if answer.status() != 200 {
            panic!("payment {number} was not taken: {}", sidecar.page_of(&answer).await);
        }
        paid.fetch_add(1, Ordering::Relaxed);
    }
}

const CANARY: &str = "authorization";
