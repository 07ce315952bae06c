//! The sidecar under test: the whole of [`bearergate::app::serve`] on a thread of its own, with variables, clock and log of the test's choice.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, thread};

use bearergate::{
    app::{self, Ended, Fault, Nudge, Outside},
    clock::{Clock, Hand},
    config::{Config, Machine, Problems, Vars},
    log::Log,
    manager::Manager,
    phase::{Order, Ratchet, ratchet},
};
use serde_json::Value;
use tokio::{net::TcpStream, sync::oneshot};

use super::{
    Admin, Ca, ClientTls, ClientsFile, DEADLINE, H2, Program, Raw, RequestText, Response, Upstream, captured::Captured,
    raw, secrets::Secrets, within,
};

/// The user name of the kit's one client; its client name too.
pub(crate) const USERNAME: &str = "vietqr-live";
/// The password to it.
pub(crate) const PASSWORD: &str = "kx7-Wm2:pQ9 rT4=vB8_nZ31";
/// The key that signs the kit's tokens.
pub(crate) const TOKEN_KEY: &str = "kit-key-5f0c9d2ab47e81366ce2f1d09a8b7c54";

/// A sidecar that is being put together.
pub(crate) struct Building {
    vars: BTreeMap<String, String>,
    clock: Option<u64>,
    ca: Arc<Ca>,
}

impl Building {
    /// Sets a variable, named without `BEARERGATE_`.
    pub(crate) fn var(mut self, name: &str, value: impl Into<String>) -> Self {
        self.vars.insert(name.to_owned(), value.into());
        self
    }

    /// Takes a variable away, named without `BEARERGATE_`.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.vars.remove(name);
        self
    }

    /// Takes its clients from this file alone.
    pub(crate) fn clients(self, file: &ClientsFile) -> Self {
        let own = self.without("CLIENT_USERNAME").without("CLIENT_PASSWORD");
        own.var("CLIENTS_FILE", file.path().display().to_string())
    }

    /// What a variable is set to, named without `BEARERGATE_`.
    pub(crate) fn value(&self, name: &str) -> Option<String> {
        self.vars.get(name).cloned()
    }

    /// Serves plain HTTP.
    pub(crate) fn without_tls(self) -> Self {
        self.var("TLS", "off").without("TLS_CERT_FILE").without("TLS_KEY_FILE")
    }

    /// Gives it an admin listener, on a free port.
    pub(crate) fn admin(self) -> Self {
        self.var("ADMIN_LISTEN", "127.0.0.1:0")
    }

    /// Stops the clock at this Unix time, in seconds; [`Sidecar::set_clock`] moves it.
    pub(crate) fn clock(self, unix_s: u64) -> Self {
        Self { clock: Some(unix_s), ..self }
    }

    /// Serves a certificate of this authority.
    pub(crate) fn ca(self, ca: Arc<Ca>) -> Self {
        let files = (ca.chain_file(), ca.key_file());
        let building = Self { ca, ..self };
        building.var("TLS_CERT_FILE", files.0.display().to_string()).var("TLS_KEY_FILE", files.1.display().to_string())
    }

    /// The built program with the same variables.
    pub(crate) fn program<const N: usize>(&self, arguments: [&str; N]) -> Program {
        Program::with(arguments).vars(&self.vars)
    }

    /// What the library makes of the variables.
    pub(crate) fn config(&self) -> Result<Config, Problems> {
        let pairs = self.vars.iter().map(|(name, value)| (format!("BEARERGATE_{name}"), value.clone()));
        Config::from_vars(Vars::from_pairs(pairs), &Machine::detect())
    }

    /// Starts it; it listens when this returns.
    ///
    /// # Panics
    /// When the library finds a problem in the variables.
    pub(crate) async fn start(self) -> Sidecar {
        let config = self.config().unwrap_or_else(|problems| panic!("the kit's variables are wrong:\n{problems}"));
        let listeners = app::bind(&config).unwrap_or_else(|fault| panic!("cannot listen: {fault}"));
        let address = listeners.callers[0].local_addr().expect("a bound socket has an address");
        let admin =
            listeners.admin.as_ref().map(|listener| listener.local_addr().expect("a bound socket has an address"));
        let (clock, hand) = match self.clock {
            Some(unix_s) => {
                let (clock, hand) = Clock::set_by_hand(unix_s);
                (clock, Some(hand))
            }
            None => (Clock::system(), None),
        };
        let (captured, (orders, ordered), (tell, ended)) = (Captured::new(), ratchet(Order::Serve), oneshot::channel());
        let log = Log::to(config.log, captured.clone());
        let own_log = log.clone();
        let (nudge, nudges) = app::nudge();
        let serving = move || {
            let outside = Outside { clock, log, nudges, manager: Manager::nobody() };
            let ended = super::runtime().block_on(app::serve(config, listeners, outside, ordered));
            // Most tests do not ask how it ended.
            let _ = tell.send(ended);
        };
        thread::Builder::new().name("sidecar".to_owned()).spawn(serving).expect("a test machine has room for a thread");
        let secrets = Secrets::of(&self.vars);
        Sidecar {
            address,
            admin,
            vars: self.vars,
            ca: self.ca,
            hand,
            nudge,
            log: own_log,
            captured,
            orders,
            ended,
            secrets,
        }
    }
}

/// A sidecar that serves. Dropping it shuts it down, and fails the test when its log holds a secret.
pub(crate) struct Sidecar {
    address: SocketAddr,
    admin: Option<SocketAddr>,
    vars: BTreeMap<String, String>,
    ca: Arc<Ca>,
    hand: Option<Hand>,
    nudge: Nudge,
    log: Log,
    captured: Captured,
    orders: Ratchet<Order>,
    ended: oneshot::Receiver<Result<Ended, Fault>>,
    secrets: Secrets,
}

impl Sidecar {
    /// A sidecar before this upstream: TLS with the kit's certificate, one client, one worker, every log line.
    pub(crate) fn guarding(upstream: &Upstream) -> Building {
        Self::before(&upstream.url())
    }

    /// A sidecar before whatever is at this URL.
    pub(crate) fn before(upstream_url: &str) -> Building {
        let building = Building { vars: BTreeMap::new(), clock: None, ca: Ca::shared() };
        let ca = Arc::clone(&building.ca);
        building
            .var("UPSTREAM_URL", upstream_url)
            .var("LISTEN", "127.0.0.1:0")
            .var("ADMIN_LISTEN", "off")
            .var("TLS", "on")
            .ca(ca)
            .var("CLIENT_USERNAME", USERNAME)
            .var("CLIENT_PASSWORD", PASSWORD)
            .var("TOKEN_KEY", TOKEN_KEY)
            .var("WORKERS", "1")
            .var("DRAIN_DELAY", "0s")
            .var("DRAIN_TIMEOUT", "5s")
            .var("LOG_LEVEL", "trace")
            .var("LOG_FORMAT", "json")
    }

    /// Has it look at its files now instead of within two seconds.
    pub(crate) fn reload(&self) {
        self.nudge.now();
    }

    /// Has `change` change its files, and waits until it has loaded them again.
    pub(crate) async fn reloading(&self, change: impl FnOnce()) {
        self.looked().await;
        let before = self.lines("reloaded");
        change();
        self.reload();
        super::wait_until("the changed files to be loaded", || self.lines("reloaded") > before).await;
    }

    /// Waits until it has loaded its files once more, as it does when it has started: connections to an upstream and sessions from before
    /// are given up then.
    pub(crate) async fn looked(&self) {
        super::wait_until("the first look at the files", || self.lines("watching files") == 1).await;
    }

    fn lines(&self, message: &str) -> usize {
        self.log_lines().iter().filter(|line| line["message"] == message).count()
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its admin listener, which [`Building::admin`] asked for.
    pub(crate) fn admin(&self) -> Admin {
        Admin::at(self.admin.expect("this sidecar was started without an admin listener"))
    }

    /// A client that trusts its certificate, without ALPN.
    pub(crate) fn tls(&self) -> ClientTls {
        self.ca.client()
    }

    /// A new connection, as its `TLS` says, without ALPN.
    pub(crate) async fn connect(&self) -> Raw {
        self.over(raw::dial(self.address, None).await).await
    }

    /// This TCP connection, with TLS as its `TLS` says, without ALPN.
    pub(super) async fn over(&self, socket: TcpStream) -> Raw {
        let raw = match self.vars.get("TLS").map(String::as_str) {
            Some("off") => Raw::plain_over(socket),
            _ => Raw::try_tls_over(socket, &self.tls()).await.unwrap_or_else(|fault| panic!("no TLS: {fault}")),
        };
        raw.heard_by(&self.secrets)
    }

    /// A new HTTP/2 connection.
    pub(crate) async fn h2(&self) -> H2 {
        H2::connect(self.address, &self.tls()).await.heard_by(&self.secrets)
    }

    /// Sends one request over a connection of its own and reads the response.
    pub(crate) async fn exchange(&self, request: impl Into<Vec<u8>>) -> Response {
        let request = request.into();
        let method = String::from_utf8_lossy(&request).split(' ').next().unwrap_or_default().to_owned();
        let mut raw = self.connect().await;
        raw.write(request).await;
        raw.read_response_to(&method).await
    }

    /// `GET` without a token.
    pub(crate) async fn get(&self, path: &str) -> Response {
        self.exchange(RequestText::new("GET", path)).await
    }

    /// `GET` with a token.
    pub(crate) async fn get_with(&self, token: &str, path: &str) -> Response {
        self.exchange(RequestText::new("GET", path).bearer(token)).await
    }

    /// `POST` of a JSON text with a token.
    pub(crate) async fn deliver(&self, token: &str, path: &str, body: &str) -> Response {
        self.exchange(RequestText::new("POST", path).bearer(token).json(body)).await
    }

    /// The token endpoint's path, below the first base path.
    pub(crate) fn token_path(&self) -> String {
        let of = |name, default: &'static str| self.vars.get(name).map_or(default, String::as_str);
        let base = of("BASE_PATH", "/").split(',').next().unwrap_or_default().trim().trim_end_matches('/');
        format!("{base}{}", of("TOKEN_PATH", "/api/token_generate"))
    }

    /// Asks for a token with these credentials.
    pub(crate) async fn ask_token(&self, username: &str, password: &str) -> Response {
        self.exchange(RequestText::new("POST", &self.token_path()).basic(username, password).json("{}")).await
    }

    /// A new token of the kit's client.
    pub(crate) async fn token(&self) -> String {
        self.token_in(&self.ask_token(USERNAME, PASSWORD).await)
    }

    /// The token in an answer of the token endpoint.
    ///
    /// # Panics
    /// When there is none.
    pub(crate) fn token_in(&self, response: &Response) -> String {
        assert_eq!(response.status(), 200, "no token: {response:?}");
        let token = response.json()["access_token"].as_str().unwrap_or_default().to_owned();
        assert!(!token.is_empty(), "no token: {response:?}");
        self.keep_secret(&token);
        token
    }

    /// Fails the test when this text is in the log at the end.
    pub(crate) fn keep_secret(&self, text: &str) {
        self.secrets.hold(text);
    }

    /// The secrets that are in the log so far.
    pub(crate) fn leaks(&self) -> Vec<String> {
        self.secrets.found_in(&self.log_text())
    }

    /// Moves the clock.
    ///
    /// # Panics
    /// When [`Building::clock`] did not stop it.
    pub(crate) fn set_clock(&self, unix_s: u64) {
        self.hand.as_ref().expect("this sidecar was started with a clock of the test's own").set(unix_s);
    }

    /// The log so far, as text.
    pub(crate) fn log_text(&self) -> String {
        self.log.flush(DEADLINE);
        self.captured.text()
    }

    /// The log's lines so far.
    pub(crate) fn log_lines(&self) -> Vec<Value> {
        self.log.flush(DEADLINE);
        self.captured.lines()
    }

    /// The first log line for which `wanted` holds, now or later.
    pub(crate) async fn wait_for_log(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        self.captured.wait_for(what, wanted).await
    }

    /// The log's line of the request that got this response, which is a refusal: only those name their request.
    pub(crate) async fn page_of(&self, response: &Response) -> Value {
        let request_id = response.header("x-request-id").unwrap_or_else(|| panic!("no request id: {response:?}"));
        self.wait_for_log(request_id, |line| line["request_id"] == request_id && line["outcome"].is_string()).await
    }

    /// Tells it to shut down, and returns at once.
    pub(crate) fn shut_down(&self) {
        self.orders.advance(Order::Stop);
    }

    /// Waits until it has shut down.
    pub(crate) async fn ended(&mut self) -> Ended {
        let ended = within(DEADLINE, "the sidecar to end", &mut self.ended).await;
        let ended = ended.unwrap_or_else(|_| panic!("the sidecar's thread panicked"));
        ended.unwrap_or_else(|fault| panic!("the sidecar could not serve: {fault}"))
    }

    /// Shuts it down.
    pub(crate) async fn stop(mut self) -> Ended {
        self.shut_down();
        self.ended().await
    }
}

impl Drop for Sidecar {
    fn drop(&mut self) {
        self.orders.advance(Order::Stop);
        if thread::panicking() {
            return;
        }
        let leaks = self.leaks();
        assert!(leaks.is_empty(), "the log holds secrets: {leaks:?}\n{}", self.log_text());
    }
}
