//! What somebody who is not the instance itself has to know of its drain.

use std::sync::Arc;
use std::time::Duration;

use super::reader::{Reader, Vars};
use super::vars;

/// How long an instance with these variables may take from the order to drain until nothing is in flight. A variable that is no good counts with
/// its default: no instance runs with it.
#[must_use]
pub fn longest_drain(vars: Vars) -> Duration {
    let (mut theirs, mut defaults) = (Reader::new(Arc::new(vars)), Reader::new(Arc::default()));
    [&vars::DRAIN_DELAY, &vars::DRAIN_TIMEOUT]
        .map(|var| theirs.read(var).or_else(|| defaults.read(var)).unwrap_or_default())
        .into_iter()
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drain_lasts_as_long_as_the_variables_of_the_instance_allow() {
        for (pairs, expected_s) in [
            (&[][..], 35),
            (&[("BEARERGATE_DRAIN_DELAY", "0s")], 30),
            (&[("BEARERGATE_DRAIN_DELAY", "10s"), ("BEARERGATE_DRAIN_TIMEOUT", "2m")], 130),
            (&[("BEARERGATE_DRAIN_TIMEOUT", "soon")], 35),
        ] {
            let longest = longest_drain(Vars::from_pairs(pairs.iter().copied()));
            assert_eq!(longest, Duration::from_secs(expected_s), "{pairs:?}");
        }
    }
}
