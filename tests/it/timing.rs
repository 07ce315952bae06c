//! Known and unknown users cannot be told apart by time: what a login is worked at from its header to its verdict, without the network.
//!
//! Speed is no matter for a test of every run: `tests/timing.sh` runs this.

use std::time::{Duration, Instant};

use argon2::Params;
use bearergate::{
    auth::{
        accounts::{Account, Accounts, ClientName, HashingRoom, Login, PasswordHash},
        basic,
    },
    secret::Secret,
};
use http::{HeaderMap, header::AUTHORIZATION};

use crate::kit::{clients_file::argon2id_costing, text};

/// Tries of each kind of login in a round. Source: issue 3.
const TRIES: usize = 300;
/// Of so many rounds the median counts: one that was disturbed does not.
const ROUNDS: usize = 9;
/// How far the medians may lie apart. Source: issue 3; checklist, 51.
const APART: f64 = 0.05;

/// The header of a login.
fn header((username, password): (&str, &str)) -> HeaderMap {
    HeaderMap::from_iter([(AUTHORIZATION, text::basic(username, password).parse().expect("a field value"))])
}

fn generated(password: &str) -> PasswordHash {
    PasswordHash::of_plain(&Secret::new(password.to_owned()))
}

/// A tenth of what a chosen password costs, so that thousands of tries take seconds.
fn chosen(password: &str) -> PasswordHash {
    let params = Params::new(700, 1, 1, None).expect("parameters of argon2");
    PasswordHash::parse(&argon2id_costing(password, params)).expect("a hash")
}

fn accounts(clients: Vec<(&str, Vec<PasswordHash>)>) -> Accounts {
    let account = |(name, passwords): (&str, Vec<PasswordHash>)| {
        Account::new(ClientName::parse(name).expect("a name"), name.to_owned(), passwords).expect("an account")
    };
    Accounts::new(clients.into_iter().map(account).collect()).expect("accounts")
}

/// How long one login takes: the mean of as many as the clock can tell.
fn took(accounts: &Accounts, header: &HeaderMap, room: &mut HashingRoom, times: u32) -> Duration {
    let begun = Instant::now();
    for _ in 0..times {
        let credentials = basic::parse(header).expect("good credentials");
        if let Login::NeedsHashing(slow) = accounts.begin(&credentials) {
            std::hint::black_box(slow.run(room));
        }
    }
    begun.elapsed() / times
}

fn median<T: PartialOrd + Copy>(mut all: Vec<T>) -> T {
    all.sort_by(|a, b| a.partial_cmp(b).expect("times can be compared"));
    all[all.len() / 2]
}

/// The median of all rounds' ratios of medians, and the last round's medians. Both are tried in turn, each as often first.
fn ratio(accounts: &Accounts, one: &HeaderMap, other: &HeaderMap, times: u32) -> (f64, Duration, Duration) {
    let mut room = HashingRoom::default();
    let mut last = (Duration::ZERO, Duration::ZERO);
    let mut ratios = Vec::new();
    for _ in 0..ROUNDS {
        let (mut ones, mut others) = (Vec::new(), Vec::new());
        for at in 0..TRIES {
            let mut tries = [(one, &mut ones), (other, &mut others)];
            if at % 2 == 1 {
                tries.reverse();
            }
            for (header, taken) in tries {
                taken.push(took(accounts, header, &mut room, times));
            }
        }
        last = (median(ones), median(others));
        ratios.push(last.0.as_secs_f64() / last.1.as_secs_f64());
    }
    (median(ratios), last.0, last.1)
}

// 51
#[test]
#[ignore = "measures time: run it by tests/timing.sh, on a machine that has nothing else to do"]
#[expect(clippy::print_stdout, reason = "the numbers are what it is run for")]
fn known_and_unknown_users_cannot_be_told_apart_by_time() {
    let quick = accounts(vec![("known", vec![generated("right")]), ("other", vec![generated("a"), generated("b")])]);
    let dear = accounts(vec![("known", vec![chosen("right")]), ("other", vec![chosen("a"), chosen("b")])]);
    let both = accounts(vec![("known", vec![generated("right")]), ("other", vec![chosen("a"), generated("b")])]);
    let mut apart = Vec::new();
    for (row, accounts, one, other, times) in [
        ("sha256: known, unknown", &quick, ("known", "wrong"), ("nobod", "wrong"), 500),
        ("sha256: two passwords, unknown", &quick, ("other", "wrong"), ("nobod", "wrong"), 500),
        ("sha256: known, unknown with its password", &quick, ("known", "wrong"), ("nobod", "right"), 500),
        ("argon2id: known, unknown", &dear, ("known", "wrong"), ("nobod", "wrong"), 1),
        ("argon2id: two passwords, unknown", &dear, ("other", "wrong"), ("nobod", "wrong"), 1),
        ("argon2id: known, unknown with its password", &dear, ("known", "wrong"), ("nobod", "right"), 1),
        ("both: known by sha256, unknown", &both, ("known", "wrong"), ("nobod", "wrong"), 1),
        ("both: known by argon2id, unknown", &both, ("other", "wrong"), ("nobod", "wrong"), 1),
        ("both: known by one, known by the other", &both, ("known", "wrong"), ("other", "wrong"), 1),
    ] {
        let (ratio, first, second) = ratio(accounts, &header(one), &header(other), times);
        println!("{row:45} {first:>12.3?} {second:>12.3?}  {:+.2} %", (ratio - 1.0) * 100.0);
        if (ratio - 1.0).abs() >= APART {
            apart.push(row);
        }
    }
    assert!(apart.is_empty(), "they can be told apart: {apart:?}");
    // What is told apart by design shows that this can tell: a right password is known before anything is hashed.
    let (ratio, ..) = ratio(&both, &header(("known", "right")), &header(("nobod", "wrong")), 1);
    assert!(ratio < 1.0 - APART, "the measure does not see {ratio}");
}
