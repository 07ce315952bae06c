//! HTTP/2 callers that mean harm: malformed requests and frames, floods, and the limits that hold them.

mod beginnings;
mod curl;
mod floods;
mod forms;
mod pins;
mod stalled;

/// Says how many rows a table had.
#[expect(clippy::print_stdout, reason = "the count is asked for, and the test harness shows it")]
fn counted(what: &str, count: usize) {
    println!("{count} {what}");
}
