//! Upstreams over TLS that cannot prove who they are, or that all was said.

use std::net::TcpListener;

use super::{Fault, Gets, Place, Play};
use crate::kit::{Answer, Ca, Door, Upstream, ca::Life};

pub(super) fn rows() -> Vec<Fault> {
    let proof = "RFC 9110, section 4.3.4: who cannot prove its name gets no request";
    let unproven =
        |what, place: fn() -> Place, reason| Fault::new(what, proof, Play::Elsewhere(place), Gets::Unsent(502, reason));
    let cut = "RFC 8446, section 6.1: without close_notify the end may be anybody's";
    vec![
        unproven(
            "shows a certificate of an unknown authority",
            || showing(&Ca::new(), "localhost", Life::Good),
            &["upstream_certificate_unknown_issuer"],
        ),
        unproven(
            "shows a certificate for another name",
            || showing(&Ca::shared(), "elsewhere.example", Life::Good),
            &["upstream_certificate_wrong_name"],
        ),
        unproven(
            "shows a certificate that is over",
            || showing(&Ca::shared(), "localhost", Life::Over),
            &["upstream_certificate_expired"],
        ),
        unproven(
            "shows a certificate of the future",
            || showing(&Ca::shared(), "localhost", Life::Ahead),
            &["upstream_certificate_not_yet_valid"],
        ),
        unproven("never shakes hands", silent, &["upstream_connect_timeout"]).by_timeout(),
        unproven("resets the handshake", hanging_up, &["upstream_tls_failed", "upstream_refused"]),
        Fault::new(
            "ends an answer over TLS without close_notify",
            cut,
            Play::Elsewhere(|| saying(|| Answer::status(200).until_close("half").then_truncate())),
            Gets::Cut,
        ),
        Fault::new(
            "resets an answer over TLS",
            cut,
            Play::Elsewhere(|| saying(|| Answer::status(200).until_close("half").then_reset())),
            Gets::Cut,
        ),
        Fault::new(
            "ends an answer over TLS with close_notify",
            cut,
            Play::Elsewhere(|| saying(|| Answer::status(200).until_close("whole"))),
            Gets::Whole(200, "whole"),
        ),
    ]
}

fn place(upstream: Upstream) -> Place {
    Place { url: upstream.url(), trusts_kit: true, upstream: Some(upstream), _keep: None }
}

fn showing(ca: &Ca, name: &str, life: Life) -> Place {
    place(Upstream::open(Door::Tls(ca.server(&[name], life)), |_| Answer::booked()))
}

fn saying(answer: fn() -> Answer) -> Place {
    place(Upstream::open(Door::Tls(Ca::shared().server(&["localhost"], Life::Good)), move |_| answer()))
}

/// The kernel accepts, and nobody ever says a word.
fn silent() -> Place {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let url = format!("https://localhost:{}", listener.local_addr().expect("it is bound").port());
    Place { url, trusts_kit: true, upstream: None, _keep: Some(Box::new(listener)) }
}

fn hanging_up() -> Place {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let url = format!("https://localhost:{}", listener.local_addr().expect("it is bound").port());
    // It ends with the test's process.
    std::thread::spawn(move || listener.incoming().for_each(drop));
    Place { url, trusts_kit: true, upstream: None, _keep: None }
}
