//! A line on a terminal that says how far it is; nothing anywhere else.

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::pending;
use std::io::{self, IsTerminal as _, Write as _};
use std::time::Duration;

use tokio::time::{Instant, interval};

use super::tally::Tally;

/// Shows it for as long as it is polled.
pub(super) async fn show(tally: &RefCell<Tally>, lasting: Duration) -> Infallible {
    if !io::stderr().is_terminal() {
        return pending().await;
    }
    let (begun, mut tick) = (Instant::now(), interval(TICK));
    loop {
        tick.tick().await;
        // A terminal that has gone needs no progress.
        let _ = write!(io::stderr().lock(), "\r{}\x1b[K", line(&tally.borrow(), begun.elapsed(), lasting));
    }
}

/// Takes the line away again.
pub(super) fn clear() {
    if io::stderr().is_terminal() {
        let _ = write!(io::stderr().lock(), "\r\x1b[K");
    }
}

fn line(tally: &Tally, elapsed: Duration, lasting: Duration) -> String {
    let share = (elapsed.as_secs_f64() / lasting.as_secs_f64()).min(1.0);
    let full = (share * WIDTH as f64) as usize;
    let bar = "#".repeat(full) + &" ".repeat(WIDTH - full);
    let Tally { sent, done, lost, finals, retried, .. } = tally;
    format!(
        "[{bar}] {:3.0} %  {sent} sent, {done} done, {} open, {retried} retried, {} lost",
        share * 100.0,
        tally.open(),
        lost + finals
    )
}

const TICK: Duration = Duration::from_millis(200);
const WIDTH: usize = 24;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_how_far_it_is() {
        let tally = Tally { sent: 10, done: 7, lost: 1, retried: 2, ..Tally::default() };
        let said = line(&tally, Duration::from_secs(30), Duration::from_secs(60));
        assert_eq!(said, "[############            ]  50 %  10 sent, 7 done, 2 open, 2 retried, 1 lost");
        assert!(line(&tally, Duration::from_secs(90), Duration::from_secs(60)).contains("] 100 %"));
    }
}
