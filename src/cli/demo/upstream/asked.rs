//! What a request asks the sample upstream for.

use std::time::Duration;

use http::{Method, Uri};

/// What a request asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Booking,
    Counts,
    Stream { mebibytes: u64 },
    LateAnswer { after: Duration },
    Echo,
}

impl Asked {
    /// `POST …/bank/api/transaction-sync`, `GET …/counts`, `GET …/stream?mb=N`, any `…/slow?ms=N`; below whatever base path.
    pub(super) fn read(method: &Method, uri: &Uri) -> Self {
        let path = uri.path();
        if method == Method::POST && path.ends_with(BOOKING_PATH) {
            Self::Booking
        } else if method == Method::GET && path.ends_with("/counts") {
            Self::Counts
        } else if method == Method::GET && path.ends_with("/stream") {
            Self::Stream { mebibytes: number(uri, "mb").unwrap_or(1).clamp(1, MOST_MEBIBYTES) }
        } else if path.ends_with("/slow") {
            Self::LateAnswer { after: Duration::from_millis(number(uri, "ms").unwrap_or(1000).min(MOST_MILLISECONDS)) }
        } else {
            Self::Echo
        }
    }
}

fn number(uri: &Uri, key: &str) -> Option<u64> {
    let pairs = uri.query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(name, _)| *name == key).find_map(|(_, value)| value.parse().ok())
}

/// The one path of the Transaction Sync API, below the base path.
const BOOKING_PATH: &str = "/bank/api/transaction-sync";
const MOST_MEBIBYTES: u64 = 4096;
const MOST_MILLISECONDS: u64 = 600_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_says_what_is_asked_for_whatever_the_base_path_is() {
        let stream = |mebibytes| Asked::Stream { mebibytes };
        let late = |ms| Asked::LateAnswer { after: Duration::from_millis(ms) };
        for (method, uri, asked) in [
            (Method::POST, "/bank/api/transaction-sync", Asked::Booking),
            (Method::POST, "/vqr/bank/api/transaction-sync?x=1", Asked::Booking),
            (Method::GET, "/bank/api/transaction-sync", Asked::Echo),
            (Method::GET, "/vqr/counts", Asked::Counts),
            (Method::POST, "/counts", Asked::Echo),
            (Method::GET, "/stream?mb=7", stream(7)),
            (Method::GET, "/stream", stream(1)),
            (Method::GET, "/vqr/stream?a=b&mb=0", stream(1)),
            (Method::GET, "/stream?mb=99999", stream(4096)),
            (Method::GET, "/stream?mb=-1", stream(1)),
            (Method::POST, "/stream?mb=7", Asked::Echo),
            (Method::GET, "/slow?ms=20", late(20)),
            (Method::POST, "/slow?ms=9999999", late(600_000)),
            (Method::GET, "/orders", Asked::Echo),
        ] {
            assert_eq!(Asked::read(&method, &uri.parse().expect("the row has a URI")), asked, "{method} {uri}");
        }
    }
}
