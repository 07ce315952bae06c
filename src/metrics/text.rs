//! Prometheus' text format 0.0.4.
//!
//! Of our own, in a hundred lines: the counts are not kept in anybody's registry but where they cost least, and a registry's way to a
//! counter (a lock and a hash of the label's values) is dearer than everything else that is counted of a request.
//! Source: <https://prometheus.io/docs/instrumenting/exposition_formats/>.

use std::fmt::{Display, Write as _};

use super::cells::{BOUNDS, Durations};
use super::table::{Kind, Row};

/// The content type of a [`Page`].
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A page of metrics that is being written.
#[derive(Debug, Default)]
pub struct Page(String);

/// One metric on a page.
#[derive(Debug)]
pub struct Family<'p> {
    page: &'p mut String,
    row: &'static Row,
}

impl Page {
    /// Begins a metric.
    pub fn family(&mut self, row: &'static Row) -> Family<'_> {
        let Row { name, kind, help, .. } = row;
        // A String takes every write.
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {}\n", kind.name());
        Family { page: &mut self.0, row }
    }

    /// A metric of one number without labels.
    pub fn single(&mut self, row: &'static Row, value: impl Display) {
        self.family(row).sample(&[], value);
    }

    /// A histogram without labels.
    pub fn histogram(&mut self, row: &'static Row, durations: &Durations) {
        debug_assert_eq!(row.kind, Kind::Histogram, "{}", row.name);
        let (page, mut below) = (self.family(row).page, 0);
        let ends = BOUNDS.iter().map(|bound| bound.seconds).chain(["+Inf"]);
        for (end, count) in ends.zip(durations.buckets) {
            below += count;
            let _ = writeln!(page, "{}_bucket{{le=\"{end}\"}} {below}", row.name);
        }
        let _ = writeln!(page, "{}_sum {}\n{}_count {below}", row.name, durations.sum.as_secs_f64(), row.name);
    }

    /// The whole text.
    #[must_use]
    pub fn finish(self) -> String {
        self.0
    }
}

impl Family<'_> {
    /// One number; `values` are those of the metric's labels, in their order.
    pub fn sample(&mut self, values: &[&str], value: impl Display) {
        debug_assert_eq!(values.len(), self.row.labels.len(), "{}", self.row.name);
        self.page.push_str(self.row.name);
        for (at, (label, value)) in self.row.labels.iter().zip(values).enumerate() {
            let _ = write!(self.page, "{}{label}=\"", if at == 0 { '{' } else { ',' });
            value.chars().for_each(|character| match character {
                '\\' => self.page.push_str("\\\\"),
                '"' => self.page.push_str("\\\""),
                '\n' => self.page.push_str("\\n"),
                other => self.page.push(other),
            });
            self.page.push('"');
        }
        let _ = writeln!(self.page, "{} {value}", if values.is_empty() { "" } else { "}" });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::metrics::table;

    #[test]
    fn a_page_is_written_as_the_format_says() {
        let mut page = Page::default();
        let mut family = page.family(&table::TOKENS_ISSUED);
        family.sample(&["a\"b\\c\nd"], 7);
        family.sample(&["vietqr"], 0);
        page.single(&table::IN_FLIGHT, 3);
        let mut durations = Durations { sum: Duration::from_millis(31_500), ..Durations::default() };
        durations.buckets[1] = 2;
        durations.buckets[15] = 1;
        page.histogram(&table::UPSTREAM_DURATION, &durations);
        let text = page.finish();
        for line in [
            "# TYPE bearergate_tokens_issued_total counter",
            "bearergate_tokens_issued_total{client=\"a\\\"b\\\\c\\nd\"} 7",
            "bearergate_tokens_issued_total{client=\"vietqr\"} 0",
            "bearergate_in_flight 3",
            "bearergate_upstream_duration_seconds_bucket{le=\"0.0005\"} 0",
            "bearergate_upstream_duration_seconds_bucket{le=\"0.001\"} 2",
            "bearergate_upstream_duration_seconds_bucket{le=\"30\"} 2",
            "bearergate_upstream_duration_seconds_bucket{le=\"+Inf\"} 3",
            "bearergate_upstream_duration_seconds_sum 31.5",
            "bearergate_upstream_duration_seconds_count 3",
        ] {
            assert!(text.lines().any(|written| written == line), "{line} in\n{text}");
        }
        assert!(text.ends_with('\n'));
    }
}
