//! What the fuzz targets under `tests/fuzz` look for, with random input in bounded number, and with every seed of theirs.

use std::{fs, path::Path};

use proptest::prelude::*;

use crate::holds;

type Holds = fn(&[u8]);

/// Each target's folder of seeds, and what it holds.
const TARGETS: [(&str, Holds); 7] = [
    ("allow_pattern", holds::allow::holds),
    ("basic", holds::basic::holds),
    ("bearer_verify", holds::bearer::holds),
    ("connection", holds::connection::holds),
    ("path", holds::path::holds),
    ("proxy_header", holds::proxy::holds),
    ("variables", holds::variables::holds),
];

/// What a fuzzer once found is a seed, too.
#[test]
fn every_seed_of_the_fuzz_targets_holds() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz");
    for (target, holds) in TARGETS {
        assert!(fuzz.join("targets").join(target).with_extension("rs").is_file(), "{target} is no target");
        let seeds: Vec<_> = fs::read_dir(fuzz.join("seeds").join(target)).expect("a folder of seeds").collect();
        assert!(!seeds.is_empty(), "{target} has no seed");
        for seed in seeds {
            let seed = seed.expect("the folder stays readable").path();
            let bytes = fs::read(&seed).expect("a seed can be read");
            let held = std::panic::catch_unwind(|| holds(&bytes));
            assert!(held.is_ok(), "{} does not hold", seed.display());
        }
    }
}

#[test]
fn every_fuzz_target_has_a_property_here() {
    let targets = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/targets");
    for target in fs::read_dir(targets).expect("a folder of targets") {
        let name = target.expect("the folder stays readable").path();
        let name = name.file_stem().expect("a file has a name").to_string_lossy().into_owned();
        assert!(TARGETS.iter().any(|(target, _)| **target == name), "{name} is not among the properties");
    }
}

const SEGMENT: &str = "([a-b./;%\\\\ ]|%2e|%2E|%2f|%5c|%25|%3b|%00|%c0|%af|%f8|%80|2e|\\.\\.|[ -~é]){0,10}";
const RULE: &str = "(GET|\\*) (/(a|b|ab|\\*|%61|;x|)){1,4}(/\\*\\*)?";
const SENT: &str = "(/(a|b|ab|A|%61|;x|a;x|%3b|\\.\\.|\\.\\.;|%2e|%252e|x%3b|)){0,5}";

/// A value of `Authorization`, near one of this scheme.
fn field(scheme: &'static str, credentials: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let near = format!("({scheme}|(?i:{scheme})|Digest|)( {{0,2}}|\\t){credentials}");
    let near = proptest::string::string_regex(&near).expect("a pattern").prop_map(String::into_bytes);
    prop_oneof![4 => near, 1 => proptest::collection::vec(any::<u8>(), 0..80)]
}

fn base64_of(plain: impl Strategy<Value = Vec<u8>>, scheme: &'static str) -> impl Strategy<Value = Vec<u8>> {
    use base64::{Engine, engine::general_purpose::STANDARD};
    plain.prop_map(move |plain| format!("{scheme} {}", STANDARD.encode(plain)).into_bytes())
}

/// Claims that are ours, of any time, but for one.
fn claims() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        Just("null".to_owned()),
        Just("1.8e9".to_owned()),
        "[0-9]{1,20}",
        "18000000[0-9]{2}",
        "\"[a-z]{0,10}\"",
        "\\[[0-9]{1,3}\\]",
    ];
    let name = proptest::sample::select(vec!["iss", "sub", "aud", "iat", "nbf", "exp", "jti", "scope"]);
    let times = (1_799_999_600..1_800_000_010_u64, 0..310_u64);
    (times, name, value, any::<bool>()).prop_map(|((iat, life), name, value, replaced)| {
        let (iat, exp) = (iat.to_string(), (iat + life).to_string());
        let good = [("iss", "\"bearergate\""), ("sub", "\"vietqr\""), ("iat", &iat), ("exp", &exp), ("jti", "\"1\"")];
        let kept = good.iter().filter(|(other, _)| !(replaced && *other == name));
        let mut members: Vec<String> = kept.map(|(name, value)| format!("\"{name}\":{value}")).collect();
        if replaced {
            members.push(format!("\"{name}\":{value}"));
        }
        format!("{{{}}}", members.join(","))
    })
}

/// Pieces that a connection may be made of, in HTTP/1.1.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let piece = proptest::sample::select(vec![
        "GET /pay/x HTTP/1.1\r\n",
        "POST /pay/../x HTTP/1.1\r\n",
        "POST http://h/pay HTTP/1.1\r\n",
        "POST /api/token_generate HTTP/1.1\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "Host: h\r\n",
        "Authorization: Bearer fixed-token\r\n",
        "Authorization : Bearer fixed-token\r\n",
        " Authorization: Bearer fixed-token\r\n",
        "Content-Length: 5\r\n",
        "Content-Length: 0\r\n",
        "Content-Length: +5\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding:\u{b}chunked\r\n",
        "Connection: Authorization, close\r\n",
        "Connection: keep-alive\r\n",
        "Expect: 100-continue\r\n",
        "X_Forwarded_User: root\r\n",
        "X-Forwarded-User: root\r\n",
        "Trailer: x\r\n",
        "\r\n",
        "\n",
        "\r",
        "\0",
        "5\r\nhello\r\n",
        "5;x=\"\r\n\"\r\nhello\r\n",
        "0\r\n\r\n",
        "0\r\nX-Forwarded-User: root\r\n\r\n",
        "ffffffffffffffff\r\n",
        "hello",
    ]);
    proptest::collection::vec(piece, 0..14).prop_map(|pieces| [b"\0".as_slice(), pieces.concat().as_bytes()].concat())
}

/// Frames of HTTP/2: their kinds, flags and streams, with any payload.
fn frames() -> impl Strategy<Value = Vec<u8>> {
    let request = [
        (":method", "GET"),
        (":scheme", "https"),
        (":authority", "h"),
        (":path", "/pay/x"),
        ("authorization", "Bearer fixed-token"),
    ];
    let mut block = Vec::new();
    for (name, value) in request {
        for text in [name, value] {
            if text == name {
                block.push(0);
            }
            block.push(u8::try_from(text.len()).expect("a short text"));
            block.extend_from_slice(text.as_bytes());
        }
    }
    let payload = prop_oneof![Just(block), proptest::collection::vec(any::<u8>(), 0..30)];
    let frame = (0..11_u8, proptest::sample::select(vec![0_u8, 1, 4, 5, 8, 0x20, 0x25]), 0..6_u8, payload);
    proptest::collection::vec(frame, 0..6).prop_map(|frames| {
        let mut bytes = vec![1];
        for (kind, flags, stream, payload) in frames {
            let length = u8::try_from(payload.len()).expect("a short payload");
            bytes.extend_from_slice(&[0, 0, length, kind, flags, 0, 0, 0, stream]);
            bytes.extend_from_slice(&payload);
        }
        bytes
    })
}

/// A PROXY header or something like it.
fn headers() -> impl Strategy<Value = Vec<u8>> {
    let address = "(198\\.51\\.100\\.7|198\\.051\\.100\\.7|2001:db8::7|::ffff:198\\.51\\.100\\.7|host)";
    let line =
        format!("PROXY (TCP4|TCP6|UNKNOWN|UDP4) {address} {address} (4711|04711|65536|0) (443|0)(\\r\\n|\\n|\\r)");
    let line = proptest::string::string_regex(&line).expect("a pattern").prop_map(String::into_bytes);
    let kinds =
        (proptest::sample::select(vec![0x20_u8, 0x21, 0x22]), proptest::sample::select(vec![0_u8, 0x11, 0x21, 0x31]));
    let binary = (kinds, proptest::collection::vec(any::<u8>(), 0..60)).prop_map(|((command, family), rest)| {
        let length = u8::try_from(rest.len()).expect("a short rest");
        [b"\r\n\r\n\0\r\nQUIT\n".as_slice(), &[command, family, 0, length], &rest].concat()
    });
    prop_oneof![3 => line, 3 => binary, 1 => proptest::collection::vec(any::<u8>(), 0..30)]
}

/// Variables, known and unknown, with values that some of them take.
fn variables() -> impl Strategy<Value = Vec<u8>> {
    use bearergate::config::vars::TABLE;
    let names: Vec<String> = TABLE.iter().map(|row| row.name.trim_start_matches("BEARERGATE_").to_owned()).collect();
    let name = prop_oneof![8 => proptest::sample::select(names), 1 => "[A-Z_]{1,12}"];
    let value = prop_oneof![
        Just("true".to_owned()),
        Just("on".to_owned()),
        Just("off".to_owned()),
        Just("self-signed".to_owned()),
        "[0-9]{1,6}(ms|s|m|h|KiB|MiB|/s|/m| burst 5)?",
        "/[a-z/]{0,8}",
        "(10\\.0\\.0\\.0/8|::1|\\[::\\]:8443|http://127\\.0\\.0\\.1:1|unix:/x)",
        "(sha256:[0-9a-f]{64}|[a-z0-9+/=-]{0,40})",
        "[ -~é]{0,20}",
    ];
    proptest::collection::vec((name, value), 0..6).prop_map(|pairs| {
        let lines: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
        format!("+{}", lines.join("\n")).into_bytes()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn a_safe_path_reads_one_way(path in prop_oneof![SEGMENT.prop_map(|rest| format!("/{rest}")), ".{0,30}"]) {
        holds::path::holds(path.as_bytes());
    }

    #[test]
    fn rules_agree_with_a_slower_judge_and_with_every_reader(rules in RULE, method in "GET|POST", path in SENT) {
        holds::allow::holds(format!("{rules}\n{method}\n{path}").as_bytes());
    }

    #[test]
    fn credentials_are_read_as_they_were_written(value in prop_oneof![
        field("Basic", "[A-Za-z0-9+/]{0,12}={0,3}"),
        base64_of(proptest::collection::vec(any::<u8>(), 0..40), "Basic"),
        base64_of("[ -~é\\x00]{0,30}".prop_map(String::into_bytes), "basic"),
    ]) {
        holds::basic::holds(&value);
    }

    #[test]
    fn no_token_verifies_that_was_not_minted(kind in 0..4_u8, value in prop_oneof![
        field("Bearer", "[A-Za-z0-9_.-]{0,60}"),
        proptest::collection::vec(any::<u8>(), 0..15),
    ]) {
        holds::bearer::holds(&[&[kind], value.as_slice()].concat());
    }

    #[test]
    fn no_claims_verify_that_we_would_not_have_written(claims in claims()) {
        holds::bearer::holds(format!("\u{1}{{\"alg\":\"HS256\",\"typ\":\"JWT\"}}\n{claims}").as_bytes());
    }
}

proptest! {
    // Some load files, or make a key.
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn variables_are_good_as_a_whole_or_refused_without_a_secret(variables in variables()) {
        holds::variables::holds(&variables);
    }
}

proptest! {
    // Each is a connection.
    #![proptest_config(ProptestConfig { max_shrink_iters: 200, ..ProptestConfig::with_cases(120) })]

    #[test]
    fn no_bytes_of_a_connection_bring_anything_up_without_a_token(bytes in prop_oneof![pieces(), frames()]) {
        holds::connection::holds(&bytes);
    }

    #[test]
    fn whom_a_proxy_header_names_is_whom_the_upstream_hears_of(header in headers()) {
        holds::proxy::holds(&header);
    }
}
