//! The caller's address behind trusted proxies: the right-most hop of `X-Forwarded-For` that is not one of them.

use serde_json::json;

use crate::kit::{
    ClientsFile, Refused, RequestText, Sidecar, Upstream,
    clients_file::sha256_of,
    sidecar::{PASSWORD, USERNAME},
};

/// Networks of proxies: two of loopback, and one further away.
const PROXIES: &str = "127.0.0.2, 127.0.0.3, 10.0.0.0/8, fd00::/8";

async fn gate(vars: &[(&str, &str)]) -> (Upstream, Sidecar) {
    let upstream = Upstream::recording().await;
    let building = Sidecar::guarding(&upstream).var("TRUSTED_PROXIES", PROXIES);
    let sidecar = vars.iter().fold(building, |building, (name, value)| building.var(name, *value)).start().await;
    (upstream, sidecar)
}

/// Each row: the TCP peer, the fields in their order, and who the log says it was.
// 32
#[tokio::test]
async fn the_right_most_hop_that_is_not_a_trusted_proxy_is_the_caller() {
    let (upstream, sidecar) = gate(&[]).await;
    for (tcp_peer, fields, peer) in [
        // A stranger may say what it likes.
        ("127.0.0.1", &[][..], "127.0.0.1"),
        ("127.0.0.1", &["203.0.113.7"], "127.0.0.1"),
        ("127.0.0.9", &["10.0.0.1"], "127.0.0.9"),
        ("127.0.0.9", &["203.0.113.7, 10.0.0.1"], "127.0.0.9"),
        // A proxy is believed.
        ("127.0.0.2", &["203.0.113.7"], "203.0.113.7"),
        ("127.0.0.3", &["203.0.113.7"], "203.0.113.7"),
        ("127.0.0.2", &["2001:db8::7"], "2001:db8::7"),
        ("127.0.0.2", &["2001:DB8:0:0::7"], "2001:db8::7"),
        ("127.0.0.2", &["  203.0.113.7\t"], "203.0.113.7"),
        ("127.0.0.2", &["203.0.113.7:4711"], "203.0.113.7"),
        ("127.0.0.2", &["[2001:db8::7]"], "2001:db8::7"),
        ("127.0.0.2", &["[2001:db8::7]:4711"], "2001:db8::7"),
        ("127.0.0.2", &["::ffff:203.0.113.7"], "203.0.113.7"),
        // What stands left of the caller was the caller's to write.
        ("127.0.0.2", &["198.51.100.1, 203.0.113.7"], "203.0.113.7"),
        ("127.0.0.2", &["10.0.0.1, 203.0.113.7"], "203.0.113.7"),
        ("127.0.0.2", &["127.0.0.1,127.0.0.2,203.0.113.7"], "203.0.113.7"),
        ("127.0.0.2", &["198.51.100.1", "203.0.113.7"], "203.0.113.7"),
        ("127.0.0.2", &["nonsense, 203.0.113.7"], "203.0.113.7"),
        ("127.0.0.2", &["198.51.100.1, , 203.0.113.7"], "203.0.113.7"),
        // Proxies behind proxies.
        ("127.0.0.2", &["203.0.113.7, 10.1.2.3"], "203.0.113.7"),
        ("127.0.0.2", &["203.0.113.7, 10.1.2.3, 127.0.0.3, fd00::1"], "203.0.113.7"),
        ("127.0.0.2", &["203.0.113.7, ::ffff:10.1.2.3"], "203.0.113.7"),
        ("127.0.0.2", &["203.0.113.7", "10.1.2.3", "10.1.2.4"], "203.0.113.7"),
        ("127.0.0.2", &["198.51.100.1, 203.0.113.7, 10.1.2.3"], "203.0.113.7"),
        ("127.0.0.2", &["10.9.9.9, 203.0.113.7, 10.1.2.3"], "203.0.113.7"),
        // Where the list ends, the last hop that is known is the caller.
        ("127.0.0.2", &[], "127.0.0.2"),
        ("127.0.0.2", &[""], "127.0.0.2"),
        ("127.0.0.2", &["10.1.2.3"], "10.1.2.3"),
        ("127.0.0.2", &["10.1.2.4, 10.1.2.3"], "10.1.2.4"),
        // Behind what is no address nobody can be vouched for.
        ("127.0.0.2", &["203.0.113.7, unknown"], "127.0.0.2"),
        ("127.0.0.2", &["203.0.113.7, _hidden, 10.1.2.3"], "10.1.2.3"),
        ("127.0.0.2", &["203.0.113.7,"], "127.0.0.2"),
        ("127.0.0.2", &["203.0.113.7", ""], "127.0.0.2"),
        ("127.0.0.2", &["203.0.113.7, 10.1.2"], "127.0.0.2"),
        ("127.0.0.2", &["203.0.113.7, 10.1.2.3.4"], "127.0.0.2"),
        ("127.0.0.2", &["203.0.113.7, 010.1.2.3"], "127.0.0.2"),
        ("127.0.0.2", &["203.0.113.7, 10.1.2.3/8"], "127.0.0.2"),
        ("127.0.0.2", &["203.0.113.7, 10.1.2.3:99999"], "127.0.0.2"),
        ("127.0.0.2", &["203.0.113.7, \"10.1.2.3\""], "127.0.0.2"),
        ("127.0.0.2", &["203.0.113.7 10.1.2.3"], "127.0.0.2"),
        ("127.0.0.2", &["203.0.113.7; 10.1.2.3"], "127.0.0.2"),
        ("127.0.0.2", &["localhost"], "127.0.0.2"),
        ("127.0.0.2", &["fe80::1%eth0"], "127.0.0.2"),
        ("127.0.0.2", &["\u{663}.1.2.3"], "127.0.0.2"),
    ] {
        let row = format!("{tcp_peer} says {fields:?}");
        let request = RequestText::new("GET", "/a");
        let request = fields.iter().fold(request, |request, value| request.header("X-Forwarded-For", value));
        let response = sidecar.peer(tcp_peer).exchange(request).await;
        Refused::NO_BEARER.check(&response, &row);
        assert_eq!(sidecar.page_of(&response).await["peer"], peer, "{row}");
    }
    assert_eq!(upstream.seen(), 0);
}

#[tokio::test]
async fn without_trusted_proxies_nobody_is_believed() {
    let upstream = Upstream::recording().await;
    let sidecar = Sidecar::guarding(&upstream).start().await;
    for tcp_peer in ["127.0.0.1", "127.0.0.2"] {
        let request = RequestText::new("GET", "/a").header("X-Forwarded-For", "203.0.113.7");
        let request = request.header("Forwarded", "for=203.0.113.7").header("X-Real-IP", "203.0.113.7");
        let response = sidecar.peer(tcp_peer).exchange(request).await;
        assert_eq!(sidecar.page_of(&response).await["peer"], tcp_peer);
    }
    assert_eq!(upstream.seen(), 0);
}

#[tokio::test]
async fn no_other_field_says_where_a_caller_is() {
    let (upstream, sidecar) = gate(&[]).await;
    for (name, value) in [
        ("Forwarded", "for=203.0.113.7"),
        ("X-Real-IP", "203.0.113.7"),
        ("True-Client-IP", "203.0.113.7"),
        ("CF-Connecting-IP", "203.0.113.7"),
        ("X-Client-IP", "203.0.113.7"),
        ("X_Forwarded_For", "203.0.113.7"),
        ("X-Forwarded", "for=203.0.113.7"),
    ] {
        let response = sidecar.peer("127.0.0.2").exchange(RequestText::new("GET", "/a").header(name, value)).await;
        assert_eq!(sidecar.page_of(&response).await["peer"], "127.0.0.2", "{name}");
    }
    assert_eq!(upstream.seen(), 0);
}

/// Each row: the TCP peer, what it says, and whether that caller may come in.
#[tokio::test]
async fn addresses_are_judged_as_those_of_the_real_caller() {
    let (upstream, sidecar) = gate(&[("ALLOW_ADDRESSES", "203.0.113.0/24, 127.0.0.1, 2001:db8::/32")]).await;
    let token = sidecar.token().await;
    let mut passed = 0;
    for (tcp_peer, says, may) in [
        ("127.0.0.1", None, true),
        ("127.0.0.1", Some("198.51.100.1"), true),
        ("127.0.0.9", None, false),
        ("127.0.0.9", Some("203.0.113.7"), false),
        ("127.0.0.2", None, false),
        ("127.0.0.2", Some("203.0.113.7"), true),
        ("127.0.0.2", Some("::ffff:203.0.113.7"), true),
        ("127.0.0.2", Some("2001:db8:5::1"), true),
        ("127.0.0.2", Some("203.0.113.7, 10.1.2.3"), true),
        ("127.0.0.2", Some("198.51.100.1"), false),
        ("127.0.0.2", Some("203.0.113.7, 198.51.100.1"), false),
        ("127.0.0.2", Some("203.0.114.7"), false),
        ("127.0.0.2", Some("2001:db9::1"), false),
        ("127.0.0.2", Some("203.0.113.7, unknown"), false),
        ("127.0.0.2", Some("127.0.0.1"), true),
    ] {
        let row = format!("{tcp_peer} says {says:?}");
        let said = |request: RequestText| match says {
            Some(says) => request.header("X-Forwarded-For", says),
            None => request,
        };
        let peer = sidecar.peer(tcp_peer);
        let gate = peer.exchange(said(RequestText::new("GET", "/a").bearer(&token))).await;
        let asking = RequestText::new("POST", "/api/token_generate").basic(USERNAME, PASSWORD);
        let desk = peer.exchange(said(asking).json("{}")).await;
        if may {
            assert_eq!((gate.status(), desk.status()), (200, 200), "{row}: {gate:?} {desk:?}");
            passed += 1;
        } else {
            Refused::gate(403, "NOT_ALLOWED").check(&gate, &row);
            Refused::token(403, "NOT_ALLOWED").check(&desk, &row);
        }
        assert_eq!(upstream.seen(), passed, "{row}");
    }
}

#[tokio::test]
async fn a_client_s_own_addresses_are_those_of_the_real_caller_too() {
    let password = "network-password-3a77";
    let file = ClientsFile::of(json!([
        { "name": "network", "username": "network", "passwords": [sha256_of(password)], "addresses": ["203.0.113.0/24"] },
    ]));
    let upstream = Upstream::recording().await;
    let building = Sidecar::guarding(&upstream).clients(&file).var("TRUSTED_PROXIES", PROXIES);
    let sidecar = building.start().await;
    let ask = async |tcp_peer: &str, says: &str| {
        let asking = RequestText::new("POST", "/api/token_generate").basic("network", password);
        sidecar.peer(tcp_peer).exchange(asking.header("X-Forwarded-For", says).json("{}")).await
    };
    let token = sidecar.token_in(&ask("127.0.0.2", "203.0.113.7").await);
    for (tcp_peer, says, may) in [
        ("127.0.0.2", "203.0.113.8", true),
        ("127.0.0.2", "198.51.100.1", false),
        ("127.0.0.2", "203.0.113.8, 198.51.100.1", false),
        ("127.0.0.1", "203.0.113.8", false),
    ] {
        let (row, before) = (format!("{tcp_peer} says {says}"), upstream.seen());
        let get = RequestText::new("GET", "/a").bearer(&token).header("X-Forwarded-For", says);
        let (gate, desk) = (sidecar.peer(tcp_peer).exchange(get).await, ask(tcp_peer, says).await);
        let expected = if may { 200 } else { 403 };
        assert_eq!((gate.status(), desk.status()), (expected, expected), "{row}");
        assert_eq!(upstream.seen() - before, usize::from(may), "{row}");
    }
}
