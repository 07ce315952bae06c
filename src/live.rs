//! A value that can be swapped while it is read.

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};

/// A value that changes as a whole: who reads it holds one state of it to the end, whatever is swapped in meanwhile.
///
/// Only a complete new value can be swapped in, so a reload that fails changes nothing.
#[derive(Debug)]
pub struct Live<T>(ArcSwap<T>);

impl<T> Live<T> {
    /// A live value that is `value` for now.
    #[must_use]
    pub fn new(value: T) -> Arc<Self> {
        Arc::new(Self(ArcSwap::from_pointee(value)))
    }

    /// The value as it is now; it stays that for as long as it is held. Never waits.
    #[must_use]
    pub fn read(&self) -> Guard<Arc<T>> {
        self.0.load()
    }

    /// Puts a new value in the place of the old one.
    pub fn swap(&self, value: T) {
        self.0.store(Arc::new(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_reads_holds_one_state_to_the_end() {
        let live = Live::new(1);
        let held = live.read();
        live.swap(2);
        assert_eq!((**held, **live.read()), (1, 2));
    }
}
