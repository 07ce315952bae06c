//! What was sent, what arrived and how often: both sides write here, and neither is the program's.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};

use http::StatusCode;

/// The books of a run.
#[derive(Default)]
pub(super) struct Ledger(RefCell<Books>);

#[derive(Default)]
struct Books {
    payments: usize,
    done: HashSet<String>,
    lost: Vec<String>,
    attempts: usize,
    hung: usize,
    by_answer: BTreeMap<String, usize>,
    seen: HashMap<String, u32>,
    booked: HashSet<String>,
    strangers: Vec<String>,
    uploads: usize,
    restarts: usize,
}

/// What the network makes of an answer. Source: vietqr-caller, "How the answer to a delivery is judged".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Judged {
    Done,
    GivenUp,
    Again,
}

impl Ledger {
    pub(super) fn payment(&self) -> usize {
        let mut books = self.0.borrow_mut();
        books.payments += 1;
        books.payments
    }

    pub(super) fn attempt(&self) {
        self.0.borrow_mut().attempts += 1;
    }

    /// An answer to a delivery came.
    pub(super) fn answer(&self, status: StatusCode, body: &[u8]) -> Judged {
        *self.0.borrow_mut().by_answer.entry(status.as_u16().to_string()).or_default() += 1;
        let json: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
        match status.as_u16() {
            200..=299 if !json["object"].is_null() => Judged::Done,
            300..=400 => Judged::GivenUp,
            _ => Judged::Again,
        }
    }

    /// None came: the connection broke, or, for too long, nothing happened at all.
    pub(super) fn no_answer(&self, what: &str) -> Judged {
        let mut books = self.0.borrow_mut();
        books.hung += usize::from(what == HUNG);
        *books.by_answer.entry(what.to_owned()).or_default() += 1;
        Judged::Again
    }

    pub(super) fn done(&self, payment: String) {
        self.0.borrow_mut().done.insert(payment);
    }

    pub(super) fn lost(&self, payment: String) {
        self.0.borrow_mut().lost.push(payment);
    }

    /// The upstream has the head of an attempt.
    pub(super) fn saw(&self, attempt: &str) {
        *self.0.borrow_mut().seen.entry(attempt.to_owned()).or_default() += 1;
    }

    /// The upstream has a whole payment.
    pub(super) fn booked(&self, body: &[u8]) {
        let payment: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
        let transaction = payment["transactionid"].as_str().unwrap_or_default().to_owned();
        self.0.borrow_mut().booked.insert(transaction);
    }

    /// The upstream has the head of an upload that will break off.
    pub(super) fn upload(&self) {
        self.0.borrow_mut().uploads += 1;
    }

    /// The upstream has something that nobody with a token has sent.
    pub(super) fn stranger(&self, what: String) {
        self.0.borrow_mut().strangers.push(what);
    }

    pub(super) fn restart(&self) {
        self.0.borrow_mut().restarts += 1;
    }

    /// One line of what there is so far.
    pub(super) fn summary(&self) -> String {
        let books = self.0.borrow();
        let (sent, done, attempts) = (books.payments, books.done.len(), books.attempts);
        format!("payments sent {sent}, done {done}, attempts {attempts}, upstream restarts {}", books.restarts)
    }

    pub(super) fn print(&self) {
        let books = self.0.borrow();
        println!("{}", self.summary());
        println!(
            "deliveries by answer {:?}; uploads broken off that the upstream saw {}",
            books.by_answer, books.uploads
        );
        println!(
            "attempts that the upstream saw {}, sent twice by us {}; payments lost {}, done and not booked {}, hung {}, strangers let through {}",
            books.seen.len(),
            books.doubled(),
            books.lost.len(),
            books.unbooked(),
            books.hung,
            books.strangers.len()
        );
        for what in books.lost.iter().chain(&books.strangers).take(10) {
            println!("  {what}");
        }
    }

    /// Whether everything is as it should be.
    pub(super) fn is_clean(&self) -> bool {
        let books = self.0.borrow();
        let faults = [books.doubled(), books.unbooked(), books.lost.len(), books.hung, books.strangers.len()];
        faults == [0; 5] && books.done.len() == books.payments && books.payments > 0
    }
}

impl Books {
    fn doubled(&self) -> usize {
        self.seen.values().filter(|times| **times > 1).count()
    }

    fn unbooked(&self) -> usize {
        self.done.difference(&self.booked).count()
    }
}

/// No answer within any time that is allowed.
pub(super) const HUNG: &str = "hung";
