//! Which of several keys signs, and when a new one takes over. Which keys check is not decided here: all of them do.

use std::time::Duration;

/// When each key was first seen, in the order of their names, and the choice that follows from it. Never empty.
///
/// Every replica sees a new key file at its own time, so a new key only checks until it has been seen for `settle`: by then every
/// replica knows it. Source: contract, section 4, `TOKEN_KEYS_DIR` and `TOKEN_KEY_SETTLE`.
#[derive(Debug)]
pub(super) struct SigningOrder {
    /// Seconds since the Unix epoch.
    first_seen: Vec<u64>,
    settle_s: u64,
    until_one_settles: usize,
}

impl SigningOrder {
    /// `None` without a key.
    pub(super) fn new(first_seen: Vec<u64>, settle: Duration) -> Option<Self> {
        let until_one_settles = last_but_one_of_the_oldest(&first_seen)?;
        Some(Self { first_seen, settle_s: settle.as_secs(), until_one_settles })
    }

    /// The position of the key that signs at `now`: the last by name that has settled.
    pub(super) fn signer(&self, now: u64) -> usize {
        if self.first_seen.len() == 1 {
            return 0;
        }
        let settled = |first_seen: &u64| now.checked_sub(*first_seen).is_some_and(|seen_s| seen_s >= self.settle_s);
        self.first_seen.iter().rposition(settled).unwrap_or(self.until_one_settles)
    }

    /// When the key at `position` was first seen.
    pub(super) fn first_seen(&self, position: usize) -> u64 {
        self.first_seen[position]
    }
}

/// Who signs while no key has settled: the process has just started.
///
/// A key that was added later is new to others too, so it is one of those that were there first; of these the last by name may have
/// been put there a moment before the start, and the one before it is the one that the other replicas sign with until they are sure.
fn last_but_one_of_the_oldest(first_seen: &[u64]) -> Option<usize> {
    let oldest = first_seen.iter().min()?;
    let mut oldest =
        first_seen.iter().enumerate().rev().filter(|(_, seen)| *seen == oldest).map(|(position, _)| position);
    let last = oldest.next()?;
    Some(oldest.next().unwrap_or(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: u64 = 1_700_000_000;
    const LONG_AGO: u64 = START - 86_400;

    /// When the keys were first seen, in the order of their names; then at which second which of them signs.
    type Row = (&'static [u64], &'static [(u64, usize)]);

    #[test]
    fn the_last_by_name_that_has_settled_signs() {
        let rows: [Row; 13] = [
            // One key signs at once.
            (&[START], &[(START, 0), (START + 300, 0), (START - 1, 0)]),
            // A process has just started: the last may be new to the others.
            (&[START, START], &[(START, 0), (START + 299, 0), (START + 300, 1), (START + 9999, 1)]),
            (&[START, START, START], &[(START, 1), (START + 299, 1), (START + 300, 2)]),
            // A key is added beside one that signs.
            (&[LONG_AGO, START], &[(START, 0), (START + 299, 0), (START + 300, 1)]),
            (&[LONG_AGO, LONG_AGO, START], &[(START, 1), (START + 299, 1), (START + 300, 2)]),
            // Two are added at once: neither is the one before the last that all know.
            (&[LONG_AGO, START, START], &[(START, 0), (START + 299, 0), (START + 300, 2)]),
            // One after the other.
            (
                &[LONG_AGO, START, START + 100],
                &[(START + 299, 0), (START + 300, 1), (START + 399, 1), (START + 400, 2)],
            ),
            // The new one comes first by name: it never signs.
            (&[START, LONG_AGO], &[(START, 1), (START + 300, 1)]),
            (&[START, LONG_AGO, LONG_AGO], &[(START, 2), (START + 300, 2)]),
            // Added before the first has settled, behind it, before it, and between two.
            (&[START, START + 10], &[(START + 10, 0), (START + 300, 0), (START + 309, 0), (START + 310, 1)]),
            (&[START + 10, START], &[(START + 10, 1), (START + 300, 1), (START + 310, 1)]),
            (&[START, START + 10, START], &[(START + 10, 0), (START + 299, 0), (START + 300, 2)]),
            // The clock was put back: nothing has settled, and nobody panics.
            (&[START, START], &[(0, 0), (START - 1, 0), (u64::MAX, 1)]),
        ];
        for (first_seen, signers) in rows {
            let order = SigningOrder::new(first_seen.to_vec(), Duration::from_secs(300)).expect("keys");
            for (now, signer) in signers {
                assert_eq!(order.signer(*now), *signer, "{first_seen:?} at {now}");
            }
        }
    }

    #[test]
    fn without_a_time_to_settle_a_new_key_signs_at_once() {
        let order = SigningOrder::new(vec![LONG_AGO, START], Duration::ZERO).expect("keys");
        assert_eq!((order.signer(START - 1), order.signer(START)), (0, 1));
    }

    #[test]
    fn without_a_key_there_is_no_order() {
        assert!(SigningOrder::new(Vec::new(), Duration::ZERO).is_none());
    }
}
