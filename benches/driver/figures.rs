//! What is measured, and what it comes to: medians, ratios paired within a round, noise, verdicts.

use std::collections::BTreeMap;
use std::fmt;

use crate::peers::Peer;

/// Something that is measured. Less is better, always.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Figure {
    /// CPU of a payment: a new connection for the token, a new connection for the delivery.
    Payment,
    /// CPU of a new connection and one request.
    Connection,
    /// CPU of a request on a kept connection.
    KeepAlive,
    /// CPU of a request over HTTP/2.
    Http2,
    /// CPU of a megabyte up.
    Up,
    /// CPU of a megabyte down.
    Down,
    /// What a peer adds to the median time of one request after another.
    AddedP50,
    /// The 50th percentile at the fixed rate.
    RateP50,
    /// The 99th percentile at the fixed rate.
    RateP99,
    /// From the start to the first good answer.
    Start,
    /// Memory after the first answer.
    Idle,
    /// All pages in memory after the first answer.
    IdleResident,
    /// Memory for each idle connection, 1,000 open.
    Per1000,
    /// Memory for each idle connection, 5,000 open.
    Per5000,
    /// The program file.
    Binary,
}

impl Figure {
    /// All, in the order of the tables.
    pub(crate) const ALL: [Self; 15] = [
        Self::Payment,
        Self::Connection,
        Self::KeepAlive,
        Self::Http2,
        Self::Up,
        Self::Down,
        Self::AddedP50,
        Self::RateP50,
        Self::RateP99,
        Self::Start,
        Self::Idle,
        Self::IdleResident,
        Self::Per1000,
        Self::Per5000,
        Self::Binary,
    ];

    /// Its name in tables.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Payment => "CPU per payment",
            Self::Connection => "CPU per new connection + request",
            Self::KeepAlive => "CPU per keep-alive request",
            Self::Http2 => "CPU per HTTP/2 request",
            Self::Up => "CPU per MB up",
            Self::Down => "CPU per MB down",
            Self::AddedP50 => "added p50, one connection",
            Self::RateP50 => "p50 at the fixed rate",
            Self::RateP99 => "p99 at the fixed rate",
            Self::Start => "start to first answer",
            Self::Idle => "memory idle (PSS)",
            Self::IdleResident => "memory idle (RSS)",
            Self::Per1000 => "memory per idle connection, 1,000",
            Self::Per5000 => "memory per idle connection, 5,000",
            Self::Binary => "binary",
        }
    }

    /// Its unit in tables.
    pub(crate) fn unit(self) -> &'static str {
        match self {
            Self::Payment | Self::Connection | Self::KeepAlive | Self::Http2 => "µs",
            Self::Up | Self::Down | Self::AddedP50 | Self::RateP50 | Self::RateP99 => "µs",
            Self::Start => "ms",
            Self::Per1000 | Self::Per5000 => "KiB",
            Self::Idle | Self::IdleResident => "MiB",
            Self::Binary => "MB",
        }
    }
}

/// A value for each round in which there is one.
pub(crate) type Rounds = BTreeMap<usize, f64>;

/// All that was measured.
#[derive(Clone, Debug, Default)]
pub(crate) struct Series(BTreeMap<(Figure, Peer), Rounds>);

impl Series {
    /// Keeps a value.
    pub(crate) fn add(&mut self, figure: Figure, peer: Peer, round: usize, value: f64) {
        self.0.entry((figure, peer)).or_default().insert(round, value);
    }

    /// The figures of which there is something.
    pub(crate) fn figures(&self) -> Vec<Figure> {
        Figure::ALL.into_iter().filter(|figure| self.0.keys().any(|(known, _)| known == figure)).collect()
    }

    /// The values of a peer.
    pub(crate) fn values(&self, figure: Figure, peer: Peer) -> Option<Spread> {
        Spread::of(self.0.get(&(figure, peer))?.values().copied().collect())
    }

    /// How one peer compares with another, round by round.
    pub(crate) fn ratio(&self, figure: Figure, peer: Peer, to: Peer) -> Option<Spread> {
        let (ours, theirs) = (self.0.get(&(figure, peer))?, self.0.get(&(figure, to))?);
        let pairs = ours.iter().filter_map(|(round, value)| Some(value / theirs.get(round)?));
        Spread::of(pairs.filter(|ratio| ratio.is_finite()).collect())
    }

    /// How far apart two instances of one program have come in any round, as a part of one.
    pub(crate) fn noise(&self, figure: Figure) -> Option<f64> {
        let again = self.ratio(figure, Peer::Again, Peer::Bearergate)?;
        Some((again.most - 1.0).abs().max((1.0 - again.least).abs()))
    }
}

/// The middle and the ends of some values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    /// The median.
    pub(crate) median: f64,
    /// The smallest.
    pub(crate) least: f64,
    /// The largest.
    pub(crate) most: f64,
}

impl Spread {
    fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let (least, most) = (*values.first()?, *values.last()?);
        let (half, is_odd) = (values.len() / 2, values.len() % 2 == 1);
        let median = if is_odd { values[half] } else { (values[half - 1] + values[half]) / 2.0 };
        Some(Self { median, least, most })
    }
}

/// The value below which this part of all lies, of values in any order.
pub(crate) fn percentile(values: &mut [f64], part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let rank = (values.len() as f64 * part).ceil() as usize;
    values.get(rank.max(1) - 1).copied().unwrap_or(f64::NAN)
}

/// What the issue asks of a figure.
pub(crate) struct Goal {
    /// The figure.
    pub(crate) figure: Figure,
    /// What it is compared with; nothing for a value that stands for itself.
    pub(crate) to: Option<Peer>,
    /// The most it may be.
    pub(crate) must: f64,
    /// What it should be.
    pub(crate) aim: f64,
}

/// The table.
pub(crate) const GOALS: [Goal; 14] = [
    goal(Figure::KeepAlive, Some(Peer::Haproxy), 0.75, 0.60),
    goal(Figure::Connection, Some(Peer::Haproxy), 0.50, 0.40),
    goal(Figure::Http2, Some(Peer::Haproxy), 0.75, 0.60),
    goal(Figure::Up, Some(Peer::Haproxy), 0.75, 0.50),
    goal(Figure::Down, Some(Peer::Haproxy), 0.60, 0.40),
    goal(Figure::RateP99, Some(Peer::Haproxy), 1.1, 0.9),
    goal(Figure::AddedP50, Some(Peer::Haproxy), 1.0, 0.85),
    goal(Figure::Idle, Some(Peer::Haproxy), 0.4, 0.25),
    goal(Figure::Per5000, Some(Peer::Haproxy), 1.1, 0.7),
    goal(Figure::KeepAlive, Some(Peer::Relay), 1.3, 1.0),
    goal(Figure::Connection, Some(Peer::Relay), 1.3, 1.0),
    goal(Figure::Payment, Some(Peer::Node), 0.2, 0.2),
    goal(Figure::Start, None, 100.0, 20.0),
    goal(Figure::Binary, None, 8.0, 5.0),
];

const fn goal(figure: Figure, to: Option<Peer>, must: f64, aim: f64) -> Goal {
    Goal { figure, to, must, aim }
}

/// Whether a goal is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// What it should be, beyond the noise.
    AimMet,
    /// What it may be, beyond the noise.
    MustMet,
    /// More than it may be, beyond the noise.
    Short,
    /// The noise is larger than the margin.
    NotDecided,
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::AimMet => "aim met",
            Self::MustMet => "must met",
            Self::Short => "**short**",
            Self::NotDecided => "not decided",
        })
    }
}

impl Goal {
    /// What a median with this noise comes to.
    pub(crate) fn verdict(&self, median: f64, noise: f64) -> Verdict {
        let (best, worst) = (median * (1.0 - noise), median * (1.0 + noise));
        match () {
            () if worst <= self.aim => Verdict::AimMet,
            () if worst <= self.must => Verdict::MustMet,
            () if best > self.must => Verdict::Short,
            () => Verdict::NotDecided,
        }
    }
}
