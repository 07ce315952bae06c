//! `bearergate` stands in front of a VietQR partner's API: it ends TLS, answers the payment network's token call itself, checks the bearer
//! token of every other request, and streams what may pass to the untouched upstream. The README is for its users; this page is for those
//! who change it.
//!
//! # Rooms and floors
//! A file imports from lower floors only, and inside its own folder; `tests/it/layers.rs` holds the sources to this table.
//! ```text
//! 9  main  cli/*                              give the process its arguments and exit code; only cli prints
//! 8  app                                      build the parts, tie their lives together, serve until told to stop
//! 7  config  config/*                         the table of variables; read all, then fail once with every problem
//! 6  server  server/*  reload                 accept, handshake, hyper, limits; drain; notice changed files
//! 5  gateway  admin  admin/*                  THE PIPELINE, one request top to bottom; live, ready, metrics, status page
//! 4  upstream  upstream/*                     forward an Admitted and stream back; which headers cross; connections per core
//!    network  network/*                       the payment network as a caller, for the commands that play it
//! 3  gate  issue  journal                     the order of the rules; the token endpoint; one log line a request
//! 2  refusal  policy/*                        every way we say no, and how each is said; what each client may do, how often
//! 1  auth/*  rules/*  tls  body  manager      who is calling; what a request may look like; certificates; bodies; whom systemd tells
//! 0  secret  units  clock  log  live  phase  metrics/*
//! ```
//! `auth` and `rules` are pure: no sockets, no async, no configuration, no counting.
//!
//! # The route of a request
//! slot ([`server`]) → TLS handshake (deadline) → read head (deadline, limits) → the [`journal`] opens a page → aim
//! ([`rules::path::SafePath`]: token endpoint or upstream) → token endpoint ([`issue`]: method, Basic, account, mint) or
//! [`gate`] (bearer, verify, client still known, base path → [`gate::Admitted`]) and [`upstream`] (clean headers, connect, stream both
//! ways) → refusals become answers in one place ([`gateway`]) → the journal closes the page with the last body byte, also when the caller
//! hangs up. Open [`gateway`] first.
//!
//! # Recipes
//! * **A new variable** is a row in `config/vars.rs`, a field in its module's settings and one read in `config`. Forgotten: a test of
//!   `config` fails when a row is never read, and `tests/it/docs.rs` when the README's table differs.
//! * **A new rule** is a file in `rules/`, a [`refusal::Refusal`] variant, one line in `Gate::judge` and a row in the refusals table of
//!   `tests/it/refusals.rs`. Forgotten: the matches in `refusal` and in that test do not compile.
//! * **A new metric** is a row in `metrics/table.rs`, a cell where it is counted, one line in `admin/exposition.rs` and the README's row.
//!   Forgotten: tests of `tests/it/admin/` and `tests/it/docs.rs` fail. A new value of a label is a variant in `metrics/label.rs`.
//! * **A new fact in the log** is a field of [`journal::Entry`] and one line in its `line`.

pub mod admin;
pub mod app;
pub mod auth;
pub mod body;
pub mod cli;
pub mod clock;
pub mod config;
pub mod gate;
pub mod gateway;
pub mod issue;
pub mod journal;
pub mod live;
pub mod log;
pub mod manager;
pub mod metrics;
pub mod network;
pub mod phase;
pub mod policy;
pub mod refusal;
pub mod reload;
pub mod rules;
pub mod secret;
pub mod server;
pub mod tls;
pub mod units;
pub mod upstream;
