//! Variants of the two addresses, as people type them, and the way in the clear.

use std::net::IpAddr;

use crate::cli::doctor::check::Check;
use crate::cli::doctor::finding::Finding;
use crate::cli::doctor::reply::Reply;
use crate::network::{Endpoint, Scheme};

/// Judges a token call, with the right password, at the token path with a final slash.
pub(in crate::cli::doctor) fn judge_token_slash(reply: &Reply) -> Finding {
    variant(Check::TokenSlash, reply, "answer the path with a final slash as the one without, not by a redirect")
}

/// Judges a token call, with the right password, at the token path behind `//`. What the network's library sends never has one.
pub(in crate::cli::doctor) fn judge_double_slash(reply: &Reply) -> Finding {
    let (check, mend) = (Check::DoubleSlash, "answer // as /, not by a redirect");
    let mut finding = variant(check, reply, mend);
    if reply.status().is_some_and(|status| status.is_redirection()) {
        finding = Finding::warn(check, finding.evidence, mend);
    }
    finding
}

fn variant(check: Check, reply: &Reply, mend: &str) -> Finding {
    let evidence = reply.evidence();
    match reply.status().map(|status| status.as_u16()) {
        Some(200..=299) => Finding::pass(check, evidence),
        Some(300..=399) => Finding::fail(check, format!("{evidence}: a redirect, so the POST is dropped"), mend),
        Some(_) => Finding::warn(check, format!("{evidence}; it works only where it is registered without"), mend),
        None => unanswered(check, reply),
    }
}

/// Judges a delivery without a token at the delivery path with a final slash.
pub(in crate::cli::doctor) fn judge_delivery_slash(reply: &Reply) -> Finding {
    let (check, evidence) = (Check::DeliverySlash, reply.evidence());
    match reply.status().map(|status| status.as_u16()) {
        Some(300..=399) => {
            let mend = "answer the path with a final slash itself, with 401 or as the one without: the network follows no redirect";
            Finding::fail(check, format!("{evidence}: a redirect is final, the payment is lost"), mend)
        }
        Some(400) => {
            Finding::warn(check, format!("{evidence}: final"), "answer 401 or 404: the network tries those again")
        }
        Some(200..=299) => {
            Finding::fail(check, format!("{evidence}: the gate is open here"), "check the token at this path too")
        }
        Some(_) => Finding::pass(check, evidence),
        None => unanswered(check, reply),
    }
}

/// Judges how the endpoint is reached in the clear: by its own URL, or (a token call without credentials) at port 80 beside it.
pub(in crate::cli::doctor) fn judge_plain(endpoint: &Endpoint, at_80: &Reply) -> Finding {
    let (check, mend) = (Check::PlainHttp, "register an https:// URL with a certificate of a public authority");
    if endpoint.scheme() == Scheme::Http {
        let evidence = "the URL is http://: password and tokens go in the clear";
        return if is_near(endpoint.host()) {
            Finding::warn(check, format!("{evidence}, if only within this network"), mend)
        } else {
            Finding::fail(check, evidence, mend)
        };
    }
    let evidence = at_80.evidence();
    match at_80 {
        Reply::Unsent(why) => Finding::skipped(check, *why),
        Reply::Silent(_) => Finding::pass(check, "port 80 does not answer"),
        Reply::Heard(answer) => match answer.status.as_u16() {
            300..=399 => {
                Finding::pass(check, format!("port 80: {evidence}; register the https:// URL, nobody follows this"))
            }
            200..=299 | 401 => Finding::warn(
                check,
                format!("port 80 answers token calls too: {evidence}"),
                "close the token path on port 80",
            ),
            _ => Finding::pass(check, format!("port 80: {evidence}")),
        },
    }
}

fn unanswered(check: Check, reply: &Reply) -> Finding {
    match reply {
        Reply::Unsent(why) => Finding::skipped(check, *why),
        _ => Finding::warn(check, reply.evidence(), "answer it as the path without"),
    }
}

/// On this machine or in a private network.
fn is_near(host: &str) -> bool {
    match host.parse() {
        Ok(IpAddr::V4(ip)) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
        Ok(IpAddr::V6(ip)) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::finding::Mark;
    use crate::cli::doctor::reply::heard;
    use crate::network::Paths;

    #[test]
    fn a_redirect_of_a_slash_drops_the_post() {
        for (status, token, double, delivery) in [
            (200, Mark::Pass, Mark::Pass, Mark::Fail),
            (301, Mark::Fail, Mark::Warn, Mark::Fail),
            (308, Mark::Fail, Mark::Warn, Mark::Fail),
            (400, Mark::Warn, Mark::Warn, Mark::Warn),
            (401, Mark::Warn, Mark::Warn, Mark::Pass),
            (404, Mark::Warn, Mark::Warn, Mark::Pass),
        ] {
            let reply = heard(status, &[], "");
            let marks =
                (judge_token_slash(&reply).mark, judge_double_slash(&reply).mark, judge_delivery_slash(&reply).mark);
            assert_eq!(marks, (token, double, delivery), "{status}");
        }
    }

    #[test]
    fn plain_http_fails_where_strangers_can_listen() {
        for (url, at_80, mark) in [
            ("http://pay.vn", None, Mark::Fail),
            ("http://203.0.113.7:8080", None, Mark::Fail),
            ("http://10.0.0.1", None, Mark::Warn),
            ("http://localhost:8080", None, Mark::Warn),
            ("https://pay.vn", None, Mark::Pass),
            ("https://pay.vn", Some(301), Mark::Pass),
            ("https://pay.vn", Some(404), Mark::Pass),
            ("https://pay.vn", Some(401), Mark::Warn),
        ] {
            let endpoint = Endpoint::parse(url, Paths::default()).expect("the row has a URL");
            let reply = at_80.map_or_else(|| Reply::Silent("refused".to_owned()), |status| heard(status, &[], ""));
            assert_eq!(judge_plain(&endpoint, &reply).mark, mark, "{url} {at_80:?}");
        }
    }
}
