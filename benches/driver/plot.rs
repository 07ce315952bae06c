//! The ratios as a picture: one row for each figure, HAProxy is the line at 1, left of it is cheaper.

use crate::figures::{Figure, Series};
use crate::peers::Peer;
use crate::run::Record;

const FIGURES: [Figure; 11] = [
    Figure::Payment,
    Figure::Connection,
    Figure::KeepAlive,
    Figure::Http2,
    Figure::Up,
    Figure::Down,
    Figure::AddedP50,
    Figure::RateP99,
    Figure::Start,
    Figure::Idle,
    Figure::Per5000,
];

const PEERS: [(Peer, &str); 4] =
    [(Peer::Relay, "relay"), (Peer::Nginx, "nginx"), (Peer::Node, "node"), (Peer::Bearergate, "ours")];

const WIDTH: f64 = 880.0;
const LEFT: f64 = 260.0;
const RIGHT: f64 = 840.0;
const TOP: f64 = 92.0;
const STEP: f64 = 30.0;

/// The scale is logarithmic: twice as much is as far as half as much.
const SCALE: (f64, f64) = (0.0625, 32.0);

/// The picture. Its colours follow the reader's light or dark scheme; it needs nothing from outside.
pub(crate) fn svg(record: &Record) -> String {
    let height = TOP + STEP * FIGURES.len() as f64 + 58.0;
    let mut picture = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="Cost relative to HAProxy">
<style>
svg {{ font: 13px system-ui, sans-serif; --ink: #1f2328; --faint: #d1d9e0; --soft: #59636e; --ours: #0969da; --node: #bc4c00; --nginx: #1a7f37; --relay: #8250df }}
@media (prefers-color-scheme: dark) {{ svg {{ --ink: #f0f6fc; --faint: #3d444d; --soft: #9198a1; --ours: #4493f8; --node: #f0883e; --nginx: #3fb950; --relay: #ab7df8 }} }}
text {{ fill: var(--ink) }} .soft {{ fill: var(--soft) }} .grid {{ stroke: var(--faint) }} .one {{ stroke: var(--ink); stroke-width: 1.5 }}
.ours {{ fill: var(--ours); stroke: var(--ours) }} .node {{ fill: var(--node); stroke: var(--node) }}
.nginx {{ fill: var(--nginx); stroke: var(--nginx) }} .relay {{ fill: var(--relay); stroke: var(--relay) }}
</style>
<text x="20" y="26" font-size="16" font-weight="600">What it costs, relative to HAProxy that checks the token (= 1)</text>
"#
    );
    legend(&mut picture);
    grid(&mut picture, height);
    for (index, figure) in FIGURES.into_iter().enumerate() {
        let y = TOP + STEP * (index as f64 + 0.5);
        picture +=
            &format!("<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\n", LEFT - 14.0, y + 4.0, figure.title());
        for (peer, class) in PEERS {
            mark(&mut picture, &record.series, figure, (peer, class), y);
        }
    }
    let machine = &record.machine;
    picture += &format!(
        "<text class=\"soft\" x=\"20\" y=\"{}\" font-size=\"11\">Less is better. One core each, TLS 1.3, median of the rounds, least to most; {}, Linux {}, {}</text>\n</svg>\n",
        height - 12.0,
        escaped(&machine.processor),
        escaped(&machine.kernel),
        machine.date.get(..10).unwrap_or_default()
    );
    picture
}

fn legend(picture: &mut String) {
    let names = [
        ("ours", "bearergate"),
        ("relay", "TLS relay, no HTTP"),
        ("nginx", "nginx, no check"),
        ("node", "Node gateway by hand"),
    ];
    for (index, (class, name)) in names.into_iter().enumerate() {
        let x = 28.0 + 180.0 * index as f64;
        *picture += &format!(
            "<circle class=\"{class}\" cx=\"{x}\" cy=\"50\" r=\"5\"/><text x=\"{}\" y=\"54\">{name}</text>\n",
            x + 12.0
        );
    }
}

fn grid(picture: &mut String, height: f64) {
    let bottom = height - 52.0;
    for (ratio, name) in [
        (0.0625, "1/16"),
        (0.125, "1/8"),
        (0.25, "1/4"),
        (0.5, "1/2"),
        (1.0, "1"),
        (2.0, "2"),
        (4.0, "4"),
        (8.0, "8"),
        (16.0, "16"),
        (32.0, "32"),
    ] {
        let (x, class) = (across(ratio), if ratio == 1.0 { "one" } else { "grid" });
        *picture +=
            &format!("<line class=\"{class}\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{}\" y2=\"{bottom}\"/>\n", TOP - 6.0);
        *picture += &format!(
            "<text class=\"soft\" x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\" font-size=\"11\">{name}</text>\n",
            bottom + 16.0
        );
    }
}

/// A dot at the median, a line from the least to the most; ours has its number.
fn mark(picture: &mut String, series: &Series, figure: Figure, (peer, class): (Peer, &str), y: f64) {
    if figure == Figure::RateP99 && peer == Peer::Node {
        return;
    }
    let Some(ratio) = series.ratio(figure, peer, Peer::Haproxy) else { return };
    let (x, least, most) = (across(ratio.median), across(ratio.least), across(ratio.most));
    let radius = if peer == Peer::Bearergate { 6.0 } else { 4.0 };
    *picture += &format!(
        "<g class=\"{class}\"><title>{}: {:.2}</title><line x1=\"{least:.1}\" x2=\"{most:.1}\" y1=\"{y}\" y2=\"{y}\" stroke-width=\"2\"/><circle cx=\"{x:.1}\" cy=\"{y}\" r=\"{radius}\"/></g>\n",
        peer.title(),
        ratio.median
    );
    if peer == Peer::Bearergate {
        *picture += &format!(
            "<text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\" font-size=\"11\" font-weight=\"600\">{:.2}</text>\n",
            y - 8.0,
            ratio.median
        );
    }
}

fn across(ratio: f64) -> f64 {
    let (least, most) = SCALE;
    let part = (ratio.clamp(least, most) / least).ln() / (most / least).ln();
    LEFT + (RIGHT - LEFT) * part
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
