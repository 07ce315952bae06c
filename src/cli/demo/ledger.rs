//! What the sample upstream has booked: how many payments, and how many of them again.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The bookings so far. With a file they outlive the process.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    counts: Counts,
    /// Digests of the identifiers booked, so that a long run stays small. That two of a million meet is a chance of 1 in 30 million.
    known: HashSet<u64>,
    digests: RandomState,
    file: Option<File>,
}

/// What was booked. Also the answer of `GET …/counts`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counts {
    /// Bookings, all in all.
    pub(crate) bookings: u64,
    /// Payments: bookings whose `transactionid` and `referencenumber` were new.
    pub(crate) payments: u64,
    /// Bookings too many: one of the two was known already.
    pub(crate) doubled: u64,
}

/// By what a payment is known again. An empty one says nothing.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Booking {
    pub(super) transactionid: String,
    pub(super) referencenumber: String,
}

impl Booking {
    /// What a payment's JSON says of itself.
    pub(super) fn of(payment: &Value) -> Self {
        let text = |key: &str| payment[key].as_str().unwrap_or_default().chars().take(MOST_CHARACTERS).collect();
        Self { transactionid: text("transactionid"), referencenumber: text("referencenumber") }
    }
}

impl Ledger {
    /// Goes on with this file: what is in it has been booked.
    ///
    /// # Errors
    /// It cannot be read, made or written.
    pub(super) fn kept_in(path: &Path) -> io::Result<Self> {
        let mut file = OpenOptions::new().create(true).read(true).append(true).open(path)?;
        let mut ledger = Self::default();
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        for line in text.lines() {
            // A line that was cut off when the process was killed was not answered either.
            if let Ok(booking) = serde_json::from_str(line) {
                ledger.count(&booking);
            }
        }
        if !text.is_empty() && !text.ends_with('\n') {
            file.write_all(b"\n")?;
        }
        ledger.file = Some(file);
        Ok(ledger)
    }

    /// Books it, whether or not it was booked before: that is what an upstream does that does not look.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn book(&mut self, booking: &Booking) -> io::Result<()> {
        if let Some(file) = &mut self.file {
            file.write_all(format!("{}\n", serde_json::to_string(booking)?).as_bytes())?;
        }
        self.count(booking);
        Ok(())
    }

    fn count(&mut self, booking: &Booking) {
        let parts = [("t", &booking.transactionid), ("r", &booking.referencenumber)];
        let digests: Vec<u64> =
            parts.iter().filter(|(_, text)| !text.is_empty()).map(|part| self.digests.hash_one(part)).collect();
        let is_known = digests.iter().any(|digest| self.known.contains(digest));
        if self.known.len() < MOST_KNOWN {
            self.known.extend(digests);
        }
        self.counts.bookings += 1;
        if is_known {
            self.counts.doubled += 1;
        } else {
            self.counts.payments += 1;
        }
    }

    /// What was booked so far.
    pub(super) fn counts(&self) -> Counts {
        self.counts
    }
}

impl Counts {
    /// One line for a person.
    pub(super) fn sentence(self) -> String {
        let Self { bookings, payments, doubled } = self;
        let plural = |count: u64, noun: &str| format!("{count} {noun}{}", if count == 1 { "" } else { "s" });
        match doubled {
            0 => format!("the sample upstream booked {}, none twice", plural(payments, "payment")),
            _ => format!(
                "the sample upstream booked {} in {}: {doubled} too many",
                plural(payments, "payment"),
                plural(bookings, "booking")
            ),
        }
    }
}

/// Identifiers kept, some 20 MB: beyond, doubles of new payments are no longer seen.
const MOST_KNOWN: usize = 1 << 20;
/// An identifier is a few dozen characters long.
const MOST_CHARACTERS: usize = 256;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn booked(rows: &[(&str, &str)]) -> Counts {
        let mut ledger = Ledger::default();
        for (transaction, reference) in rows {
            let payment = json!({ "transactionid": transaction, "referencenumber": reference });
            ledger.book(&Booking::of(&payment)).expect("nothing is written");
        }
        ledger.counts()
    }

    #[test]
    fn a_payment_is_known_again_by_either_of_its_two_numbers() {
        for (rows, bookings, payments, doubled) in [
            (&[][..], 0, 0, 0),
            (&[("T1", "FT1"), ("T2", "FT2")], 2, 2, 0),
            (&[("T1", "FT1"), ("T1", "FT1"), ("T1", "FT1")], 3, 1, 2),
            (&[("T1", "FT1"), ("T2", "FT1")], 2, 1, 1),
            (&[("T1", "FT1"), ("T1", "FT2")], 2, 1, 1),
            (&[("X", "Y"), ("Y", "X")], 2, 2, 0),
            (&[("", ""), ("", "")], 2, 2, 0),
        ] {
            assert_eq!(booked(rows), Counts { bookings, payments, doubled }, "{rows:?}");
        }
        assert_eq!(booked(&[("T1", "")]).sentence(), "the sample upstream booked 1 payment, none twice");
        let twice = booked(&[("T1", ""), ("T1", "")]);
        assert_eq!(twice.sentence(), "the sample upstream booked 1 payment in 2 bookings: 1 too many");
    }

    #[test]
    fn a_ledger_on_disk_goes_on_where_it_was_killed() {
        let folder = tempfile::tempdir().expect("a directory for the test");
        let path = folder.path().join("ledger");
        let booking = |id: &str| Booking { transactionid: id.to_owned(), ..Booking::default() };
        let mut first = Ledger::kept_in(&path).expect("it can be made");
        first.book(&booking("T1")).expect("it is written");
        first.book(&booking("T\n2")).expect("it is written");
        std::fs::write(&path, std::fs::read_to_string(&path).expect("text") + "{\"transactionid\":\"T3")
            .expect("cut off");
        let mut second = Ledger::kept_in(&path).expect("it is there");
        assert_eq!(second.counts(), Counts { bookings: 2, payments: 2, doubled: 0 });
        second.book(&booking("T1")).expect("it is written");
        assert_eq!(second.counts(), Counts { bookings: 3, payments: 2, doubled: 1 });
        let third = Ledger::kept_in(&path).expect("it is there");
        assert_eq!(third.counts(), second.counts());
    }
}
