//! How the sample upstream behaves, and what is then to be seen.

use clap::ValueEnum;

/// How the sample upstream takes deliveries. Other calls are answered as ever, save where there is nobody to answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Kind {
    /// Books and answers as documented
    #[default]
    Good,
    /// Books, and answers after 2 seconds
    Slow,
    /// Books, and never answers
    Hanging,
    /// Refuses connections
    Down,
    /// Takes no more connections: its queue is full
    Full,
    /// Refuses connections for the first 5 seconds of every 20
    Flapping,
    /// Books, and breaks off before it answers
    Resets,
    /// Books, and answers 200 with a text in place of JSON
    Wrong,
    /// Books, and answers 200 with `"object":null`
    Null,
    /// Answers 500
    Errors,
    /// Answers 400
    Final,
    /// Answers 301, as frameworks do that want a slash at the end
    Redirect,
}

/// What a kind shows, in the words that are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lesson {
    /// What the upstream does.
    pub(super) does: &'static str,
    /// What the caller hears, and what the network then does.
    pub(super) caller: &'static str,
    /// What the line of log has.
    pub(super) log: &'static str,
    /// What the status page says.
    pub(super) page: &'static str,
}

impl Kind {
    /// What is to be seen.
    pub(super) const fn lesson(self) -> Lesson {
        match self {
            Self::Good => Lesson {
                does: "books and answers as documented",
                caller: "200 with a reftransactionid: the network is done",
                log: r#"outcome="delivered" verdict="done""#,
                page: "Payments are coming in",
            },
            Self::Slow => Lesson {
                does: "books, and answers after 2 seconds",
                caller: "200 after 2 seconds: the network is done; it waits for up to 700 seconds",
                log: r#"outcome="delivered" verdict="done", and duration_ms above 2000"#,
                page: "Payments are coming in; under Upstream, answers take 2 s",
            },
            Self::Hanging => Lesson {
                does: "books, and never answers",
                caller: "504 UPSTREAM_TIMEOUT after 3 seconds (here; 30 unless set): the network sends it again, up to ten bookings of one payment",
                log: r#"reason="upstream_timeout" upstream_may_have_done_it=true verdict="retried""#,
                page: "The API behind the gate fails",
            },
            Self::Down => Lesson {
                does: "refuses connections",
                caller: "502 UPSTREAM_UNREACHABLE at once: the network sends it again, for 5 minutes; a longer outage loses payments",
                log: r#"reason="upstream_refused" verdict="retried""#,
                page: "The API behind the gate is down",
            },
            Self::Full => Lesson {
                does: "takes no more connections: its queue is full",
                caller: "502 UPSTREAM_UNREACHABLE after 2 seconds: the network sends it again",
                log: r#"reason="upstream_connect_timeout" verdict="retried""#,
                page: "The API behind the gate is down",
            },
            Self::Flapping => Lesson {
                does: "refuses connections for the first 5 seconds of every 20",
                caller: "502 UPSTREAM_UNREACHABLE, and 200 a little later: the second or fifth attempt of the network arrives, nothing is lost",
                log: r#"reason="upstream_refused" verdict="retried", then verdict="done""#,
                page: "The API behind the gate is down, then fails, then Payments are coming in",
            },
            Self::Resets => Lesson {
                does: "books, and breaks off before it answers",
                caller: "502 UPSTREAM_UNREACHABLE: the network sends it again, up to ten bookings of one payment",
                log: r#"reason="upstream_broken" upstream_may_have_done_it=true verdict="retried""#,
                page: "The API behind the gate fails",
            },
            Self::Wrong => Lesson {
                does: "books, and answers 200 with a text in place of JSON",
                caller: "200, passed on as it is: the network cannot read it and sends it again, up to ten bookings of one payment",
                log: r#"status=200 verdict="retried", and a warning"#,
                page: "The API does not take payments; within half a minute also: The upstream answers deliveries with success but not with JSON",
            },
            Self::Null => Lesson {
                does: r#"books, and answers 200 with "object":null"#,
                caller: "200, passed on as it is: the network takes it for a failure and sends it again, up to ten bookings of one payment",
                log: r#"verdict="done": answers are not read here; the same transactionid comes again and again"#,
                page: "Payments are coming in: nothing here tells it, so test your API's answer with doctor --send-sample",
            },
            Self::Errors => Lesson {
                does: "answers 500",
                caller: "500, passed on as it is: the network sends it again, up to 10 times",
                log: r#"status=500 verdict="retried""#,
                page: "The API does not take payments",
            },
            Self::Final => Lesson {
                does: "answers 400",
                caller: "400, passed on as it is: the network gives up on this payment for good",
                log: r#"status=400 verdict="final""#,
                page: "The API does not take payments",
            },
            Self::Redirect => Lesson {
                does: "answers 301, as frameworks do that want a slash at the end",
                caller: "301, passed on as it is: the network follows no redirect and gives up on this payment for good",
                log: r#"status=301 verdict="final""#,
                page: "The API does not take payments",
            },
        }
    }

    /// The name on the command line.
    pub(super) fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

impl Lesson {
    /// The lines to print, each a comment of the shell.
    pub(super) fn lines(&self, name: &str) -> String {
        let Self { does, caller, log, page } = self;
        format!(
            "# the sample API is `{name}`: it {does}\n#   the caller hears    {caller}\n#   the log has         {log}\n\
             #   the status page     {page}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lesson_is_lines_of_comment_and_says_what_the_help_says() {
        for kind in Kind::value_variants() {
            let lesson = kind.lesson();
            let lines = lesson.lines(&kind.name());
            assert!(lines.lines().count() == 4 && lines.lines().all(|line| line.starts_with('#')), "{lines}");
            let help = kind.to_possible_value().and_then(|value| value.get_help().map(ToString::to_string));
            let help = help.unwrap_or_default().to_lowercase().replace('`', "");
            assert_eq!(help, lesson.does.to_lowercase(), "{}", kind.name());
        }
    }
}
