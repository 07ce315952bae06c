//! The figures as Markdown.

use crate::Arguments;
use crate::figures::{Figure, GOALS, Goal, Series, Spread};
use crate::peers::Peer;
use crate::run::Record;
use crate::suites::rate;

/// The page of results.
pub(crate) fn markdown(record: &Record, arguments: &Arguments) -> String {
    let peers = arguments.peers();
    let mut page = head(record, arguments);
    page += "## Medians of the rounds\n\nLess is better. CPU time is that of the peer alone, all its threads and children.\n\n";
    page += &medians(&record.series, &peers);
    page += &format!(
        "## Ratio to {}\n\nPaired within each round: median (least to most). A/A noise is the most by which two instances of bearergate \
         differed in any round; what lies within it of 1.0 is not decided.\n\n",
        arguments.baseline.title()
    );
    page += &ratios(&record.series, &peers, arguments.baseline);
    if arguments.baseline == Peer::Haproxy && arguments.other.is_none() {
        page += &goals(&record.series, arguments.image_bytes);
    }
    if !record.crosscheck.figures().is_empty() {
        page += "## Cross-check\n\nwrk (64 connections) and h2load (8 connections, 16 streams) as callers.\n\n";
        page += &medians(&record.crosscheck, &peers);
        page += &ratios(&record.crosscheck, &peers, arguments.baseline);
    }
    if !record.failures.is_empty() {
        page += "## Failed\n\n";
        record.failures.iter().for_each(|failure| page += &format!("- {failure}\n"));
    }
    page
}

fn head(record: &Record, arguments: &Arguments) -> String {
    let machine = &record.machine;
    let mut page = format!(
        "# Results\n\nWritten by `benches/run.sh`; how and why is in [README.md](README.md).\n\n{} · {}, {} cores, Linux {}, load before the run \
         {} · commit {} · {} rounds\n\n",
        machine.date, machine.processor, machine.cores, machine.kernel, machine.load, machine.commit, arguments.rounds
    );
    for (peer, version) in &record.versions {
        page += &format!("- {}: {version}\n", peer.title());
    }
    page + "\n"
}

fn medians(series: &Series, peers: &[Peer]) -> String {
    let mut table = header(peers.iter().map(|peer| peer.title()));
    for figure in series.figures() {
        let cell = |peer: &Peer| match series.values(figure, *peer) {
            Some(spread) if slower_rate(figure, *peer) => format!("{} at {}/s", number(spread.median), rate(*peer)),
            Some(spread) => number(spread.median),
            None => "n/a".to_owned(),
        };
        table += &row(&format!("{}, {}", figure.title(), figure.unit()), peers.iter().map(cell));
    }
    table + "\n"
}

fn ratios(series: &Series, peers: &[Peer], baseline: Peer) -> String {
    let compared = |peer: &Peer| *peer != baseline && (*peer != Peer::Again || baseline != Peer::Haproxy);
    let peers: Vec<Peer> = peers.iter().copied().filter(compared).collect();
    let mut table = header(peers.iter().map(|peer| peer.title()).chain(["A/A noise"]));
    for figure in series.figures() {
        let noise = series.noise(figure).filter(|_| baseline != Peer::Again);
        let cells = peers.iter().map(|peer| ratio(series, figure, *peer, baseline, noise));
        table += &row(figure.title(), cells.chain([noise.map_or("unknown".to_owned(), percent)]));
    }
    table + "\n"
}

fn ratio(series: &Series, figure: Figure, peer: Peer, baseline: Peer, noise: Option<f64>) -> String {
    if slower_rate(figure, peer) || slower_rate(figure, baseline) {
        return "n/a".to_owned();
    }
    let Some(Spread { median, least, most }) = series.ratio(figure, peer, baseline) else { return "n/a".to_owned() };
    let undecided = noise.is_some_and(|noise| (median - 1.0).abs() <= noise);
    let verdict = if undecided { ", not decided" } else { "" };
    format!("{median:.2} ({least:.2} to {most:.2}){verdict}")
}

/// What the issue asks for, line by line.
fn goals(series: &Series, image_bytes: Option<u64>) -> String {
    let mut table = "## Against the goals\n\nMet and short by the median, and only beyond the A/A noise; within it of the line that decides, a goal \
                     is not decided.\n\n"
        .to_owned();
    table += &header(["bearergate", "must", "aim", "A/A noise", "verdict"].into_iter());
    for goal in &GOALS {
        let title = match goal.to {
            Some(peer) => format!("{}, to {}", goal.figure.title(), peer.title()),
            None => format!("{}, {}", goal.figure.title(), goal.figure.unit()),
        };
        table += &row(&title, judged(series, goal).into_iter());
    }
    let image = image_bytes.map_or("n/a".to_owned(), |bytes| format!("{:.1}", bytes as f64 / 1e6));
    table += &row("container image, MB", [image, "n/a".into(), "n/a".into(), "none".into(), "n/a".into()].into_iter());
    table + "\n"
}

fn judged(series: &Series, goal: &Goal) -> [String; 5] {
    let value = match goal.to {
        Some(peer) => series.ratio(goal.figure, Peer::Bearergate, peer),
        None => series.values(goal.figure, Peer::Bearergate),
    };
    let noise = if goal.figure == Figure::Binary { Some(0.0) } else { series.noise(goal.figure) };
    let (value, noise) = (value.map(|value| value.median), noise);
    let verdict = match (value, noise) {
        (Some(value), Some(noise)) => goal.verdict(value, noise).to_string(),
        (None, _) => "not measured".to_owned(),
        (_, None) => "not decided: noise unknown".to_owned(),
    };
    let value =
        value.map_or("n/a".to_owned(), |value| if goal.to.is_some() { format!("{value:.2}") } else { number(value) });
    [value, goal.must.to_string(), goal.aim.to_string(), noise.map_or("unknown".to_owned(), percent), verdict]
}

/// Whether this was measured at a rate of the peer's own.
fn slower_rate(figure: Figure, peer: Peer) -> bool {
    matches!(figure, Figure::RateP50 | Figure::RateP99) && rate(peer) != rate(Peer::Haproxy)
}

fn header<'a>(columns: impl Iterator<Item = &'a str>) -> String {
    let columns: Vec<&str> = columns.collect();
    format!("| | {} |\n|---|{}\n", columns.join(" | "), "---:|".repeat(columns.len()))
}

fn row(title: &str, cells: impl Iterator<Item = String>) -> String {
    format!("| {title} | {} |\n", cells.collect::<Vec<_>>().join(" | "))
}

fn percent(part: f64) -> String {
    format!("{:.1} %", part * 100.0)
}

/// Three digits that say something.
pub(crate) fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}
