use http::HeaderValue;
use proptest::prelude::*;

use super::*;

fn list(text: &str) -> AddressList {
    AddressList::parse(text).unwrap_or_else(|fault| panic!("{text:?} {fault}"))
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap_or_else(|_| panic!("{text} is an address"))
}

fn forwarded(fields: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for field in fields {
        headers.append(X_FORWARDED_FOR, HeaderValue::from_bytes(field.as_bytes()).expect("a field value"));
    }
    headers
}

#[test]
fn an_address_is_in_a_list_when_one_of_its_networks_holds_it() {
    for (networks, address, expected) in [
        ("203.0.113.0/24", "203.0.113.0", true),
        ("203.0.113.0/24", "203.0.113.255", true),
        ("203.0.113.0/24", "203.0.114.0", false),
        ("203.0.113.0/24", "203.0.112.255", false),
        ("203.0.113.0/24", "::ffff:203.0.113.9", true),
        ("203.0.113.0/24", "::203.0.113.9", false),
        ("203.0.113.7", "203.0.113.7", true),
        ("203.0.113.7", "203.0.113.6", false),
        ("203.0.113.7/32", "203.0.113.7", true),
        ("10.0.0.0/8,192.168.0.0/16", "192.168.3.4", true),
        ("10.0.0.0/8 , 192.168.0.0/16 ", "11.0.0.1", false),
        ("10.0.0.0/31", "10.0.0.1", true),
        ("10.0.0.0/31", "10.0.0.2", false),
        ("0.0.0.0/0", "255.255.255.255", true),
        ("0.0.0.0/0", "::1", false),
        ("::/0", "2001:db8::1", true),
        ("::/0", "10.0.0.1", false),
        ("::/0", "::ffff:10.0.0.1", false),
        ("2001:db8::/32", "2001:db8:ffff::1", true),
        ("2001:db8::/32", "2001:db9::1", false),
        ("2001:DB8::/32", "2001:db8::1", true),
        ("2001:db8::7", "2001:db8::7", true),
        ("2001:db8::7", "2001:db8::8", false),
        ("::ffff:10.0.0.0/104", "10.200.0.1", true),
        ("::ffff:10.0.0.0/104", "11.0.0.1", false),
        ("::ffff:10.0.0.1", "10.0.0.1", true),
        ("::ffff:0:0/96", "8.8.8.8", true),
        ("::1", "127.0.0.1", false),
    ] {
        assert_eq!(list(networks).contains(ip(address)), expected, "{address} in {networks}");
    }
    for address in ["0.0.0.0", "255.255.255.255", "::", "::1", "::ffff:1.2.3.4", "ffff::"] {
        assert!(AddressList::everyone().contains(ip(address)), "{address}");
    }
}

#[test]
fn what_is_no_network_is_refused_with_its_remedy() {
    use NetworkFault::{Empty, HostBits, NoAddress, NoPrefix};
    let right = |network: &str| HostBits { network: network.parse().expect("a network") };
    for (text, number, reason) in [
        ("", 1, Empty),
        ("10.0.0.0/8,", 2, Empty),
        (",10.0.0.0/8", 1, Empty),
        ("10.0.0.0/8,,::/0", 2, Empty),
        ("localhost", 1, NoAddress),
        ("10.0.0", 1, NoAddress),
        ("10.0.0/8", 1, NoAddress),
        ("10.0.0.256", 1, NoAddress),
        ("010.0.0.1", 1, NoAddress),
        ("10.0.0.1:80", 1, NoAddress),
        ("10.0.0.1-10.0.0.9", 1, NoAddress),
        ("10.0.0.*", 1, NoAddress),
        ("[::1]", 1, NoAddress),
        ("fe80::1%eth0", 1, NoAddress),
        ("/8", 1, NoAddress),
        ("10.0.0.1 10.0.0.2", 1, NoAddress),
        ("10.0.0.0/", 1, NoPrefix { most: 32 }),
        ("10.0.0.0/33", 1, NoPrefix { most: 32 }),
        ("10.0.0.0/-1", 1, NoPrefix { most: 32 }),
        ("10.0.0.0/+8", 1, NoPrefix { most: 32 }),
        ("10.0.0.0/08", 1, NoPrefix { most: 32 }),
        ("10.0.0.0/ 8", 1, NoPrefix { most: 32 }),
        ("10.0.0.0/8/8", 1, NoPrefix { most: 32 }),
        ("10.0.0.0/255.0.0.0", 1, NoPrefix { most: 32 }),
        ("::/129", 1, NoPrefix { most: 128 }),
        ("::/999", 1, NoPrefix { most: 128 }),
        ("::ffff:10.0.0.1/129", 1, NoPrefix { most: 128 }),
        ("10.0.0.1/8", 1, right("10.0.0.0/8")),
        ("::1, 203.0.113.7/24", 2, right("203.0.113.0/24")),
        ("10.0.0.1/0", 1, right("0.0.0.0/0")),
        ("2001:db8::1/32", 1, right("2001:db8::/32")),
        ("::ffff:10.0.0.1/104", 1, right("10.0.0.0/8")),
        ("::ffff:10.0.0.0/64", 1, right("::/64")),
    ] {
        assert_eq!(AddressList::parse(text), Err(AddressListFault { number, reason }), "{text:?}");
    }
    assert_eq!(AddressList::of([]), Err(AddressListFault { number: 1, reason: Empty }));
    let said = AddressList::parse("::1, 203.0.113.7/24").err().map(|fault| fault.to_string());
    let expected = "has a fault in entry 2: it has bits set behind its prefix; write 203.0.113.0/24";
    assert_eq!(said.as_deref(), Some(expected));
    let shown = list("10.0.0.1,::ffff:10.0.0.0/104 , 2001:DB8::/32").to_string();
    assert_eq!(shown, "10.0.0.1/32, 10.0.0.0/8, 2001:db8::/32");
}

#[test]
fn the_caller_is_the_nearest_hop_that_is_not_trusted() {
    let trusted = TrustedProxies::of(list("10.0.0.0/8, 2001:db8::/32"));
    for (tcp_peer, fields, expected) in [
        // Nobody who is not trusted is believed.
        ("203.0.113.1", &["198.51.100.7"][..], "203.0.113.1"),
        ("203.0.113.1", &["10.0.0.1"], "203.0.113.1"),
        ("127.0.0.1", &["198.51.100.7"], "127.0.0.1"),
        ("::ffff:203.0.113.1", &["198.51.100.7"], "203.0.113.1"),
        // One proxy.
        ("10.0.0.1", &[], "10.0.0.1"),
        ("10.0.0.1", &["198.51.100.7"], "198.51.100.7"),
        ("::ffff:10.0.0.1", &["198.51.100.7"], "198.51.100.7"),
        ("2001:db8::1", &["198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", &["  198.51.100.7\t"], "198.51.100.7"),
        ("10.0.0.1", &["::ffff:198.51.100.7"], "198.51.100.7"),
        // What the caller itself wrote stands further left.
        ("10.0.0.1", &["1.1.1.1, 198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", &["10.0.0.9, 198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", &["nonsense,198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", &["1.1.1.1", "198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", &["198.51.100.7", "1.1.1.1"], "1.1.1.1"),
        // Several proxies, on one line or several.
        ("10.0.0.1", &["198.51.100.7, 10.0.0.2, 10.0.0.3"], "198.51.100.7"),
        ("10.0.0.1", &["198.51.100.7", "10.0.0.2,10.0.0.3"], "198.51.100.7"),
        ("10.0.0.1", &["1.1.1.1, 198.51.100.7, 2001:db8::9"], "198.51.100.7"),
        ("10.0.0.1", &["1.1.1.1, 198.51.100.7, ::ffff:10.0.0.3"], "198.51.100.7"),
        ("10.0.0.1", &["10.0.0.4, 10.0.0.3"], "10.0.0.4"),
        // Forms of an entry.
        ("10.0.0.1", &["198.51.100.7:443"], "198.51.100.7"),
        ("10.0.0.1", &["[2001:db9::7]:443"], "2001:db9::7"),
        ("10.0.0.1", &["[2001:db9::7]"], "2001:db9::7"),
        ("10.0.0.1", &["2001:db9::7"], "2001:db9::7"),
        ("10.0.0.1", &["198.51.100.7, 10.0.0.2:1234"], "198.51.100.7"),
        // An entry that is no address ends the walk at the hop before it.
        ("10.0.0.1", &[""], "10.0.0.1"),
        ("10.0.0.1", &["unknown"], "10.0.0.1"),
        ("10.0.0.1", &["_hidden"], "10.0.0.1"),
        ("10.0.0.1", &["198.51.100.7,"], "10.0.0.1"),
        ("10.0.0.1", &["198.51.100.7,,10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", &["198.51.100.7, unknown, 10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", &["198.51.100.7", ""], "10.0.0.1"),
        ("10.0.0.1", &["198.51.100.7:"], "10.0.0.1"),
        ("10.0.0.1", &["198.51.100.7:99999"], "10.0.0.1"),
        ("10.0.0.1", &["198.51.100.7:x"], "10.0.0.1"),
        ("10.0.0.1", &["198.051.100.7"], "10.0.0.1"),
        ("10.0.0.1", &["198.51.100"], "10.0.0.1"),
        ("10.0.0.1", &["[198.51.100.7]:443"], "10.0.0.1"),
        ("10.0.0.1", &["[2001:db9::7"], "10.0.0.1"),
        ("10.0.0.1", &["[2001:db9::7]x"], "10.0.0.1"),
        ("10.0.0.1", &["\"198.51.100.7\""], "10.0.0.1"),
        ("10.0.0.1", &["for=198.51.100.7"], "10.0.0.1"),
        ("10.0.0.1", &["198.51.100.7 198.51.100.8"], "10.0.0.1"),
        ("10.0.0.1", &["198.51.100.7;10.0.0.2"], "10.0.0.1"),
        ("10.0.0.1", &["fe80::1%eth0"], "10.0.0.1"),
        ("10.0.0.1", &["198.51.100.7\u{a0}"], "10.0.0.1"),
    ] {
        let headers = forwarded(fields);
        assert_eq!(trusted.real_peer(ip(tcp_peer), &headers), ip(expected), "{tcp_peer} {fields:?}");
        assert_eq!(TrustedProxies::none().real_peer(ip(tcp_peer), &headers), ip(tcp_peer).to_canonical(), "{tcp_peer}");
    }
    for (address, expected) in [("10.0.0.1", true), ("::ffff:10.0.0.1", true), ("11.0.0.1", false), ("::1", false)] {
        assert_eq!(trusted.trusts(ip(address)), expected, "{address}");
        assert!(!TrustedProxies::none().trusts(ip(address)), "{address}");
    }
}

#[test]
fn a_limit_is_shared_by_an_ipv6_network_of_64_bits() {
    for (one, other, same) in [
        ("203.0.113.7", "203.0.113.7", true),
        ("203.0.113.7", "::ffff:203.0.113.7", true),
        ("203.0.113.7", "203.0.113.8", false),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", true),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", false),
        ("::1", "0.0.0.0", false),
    ] {
        assert_eq!(LimitKey::network_of(ip(one)) == LimitKey::network_of(ip(other)), same, "{one} {other}");
    }
}

proptest! {
    #[test]
    fn an_untrusted_peer_is_the_caller_whatever_it_says(fields in proptest::collection::vec("[ -~]{0,30}", 0..4)) {
        let headers = forwarded(&fields.iter().map(String::as_str).collect::<Vec<_>>());
        let trusted = TrustedProxies::of(list("10.0.0.0/8"));
        prop_assert_eq!(trusted.real_peer(ip("203.0.113.1"), &headers), ip("203.0.113.1"));
    }

    #[test]
    fn a_caller_cannot_hide_behind_what_it_writes(own in "[0-9a-f:.,\\[\\] ]{0,40}") {
        let headers = forwarded(&[&own, "198.51.100.7, 10.0.0.2"]);
        let trusted = TrustedProxies::of(list("10.0.0.0/8"));
        prop_assert_eq!(trusted.real_peer(ip("10.0.0.1"), &headers), ip("198.51.100.7"));
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in ".{0,40}", entry in proptest::collection::vec(any::<u8>(), 0..40)) {
        let _ = AddressList::parse(&text);
        let _ = hop(&entry);
    }
}
