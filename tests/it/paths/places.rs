//! Base paths, aliases, the token endpoint below them, and targets in absolute form: what each is, and what of it goes up.

use std::collections::{BTreeMap, btree_map::Entry};

use crate::kit::{
    self, Frames, Refused, RequestText, Sidecar, Upstream,
    frames::{Last, head},
};

/// Whose a path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    /// The upstream's, which sees this target.
    Upstreams(&'static str),
    /// The token endpoint's.
    Token,
    /// Nobody's: 403 `NOT_ALLOWED`.
    Outside,
    /// 400 `BAD_PATH`.
    Unclear,
}

use Whose::{Outside, Token, Unclear, Upstreams};

/// Whether `STRIP_BASE_PATH` is set.
const STRIP: &str = "true";
const KEEP: &str = "false";

/// `BASE_PATH`, `STRIP_BASE_PATH`, the target, whose it is, and why.
const PLACES: [(&str, &str, &str, Whose, &str); 62] = [
    ("/vqr", KEEP, "/vqr/a", Upstreams("/vqr/a"), "below the base path"),
    ("/vqr", KEEP, "/vqr", Upstreams("/vqr"), "the base path is its own root"),
    ("/vqr", KEEP, "/vqr?a=/../b", Upstreams("/vqr?a=/../b"), "the query is not judged"),
    ("/vqr", KEEP, "/vqr/", Upstreams("/vqr/"), "below the base path"),
    ("/vqr", KEEP, "/vqr//a", Upstreams("/vqr//a"), "slashes go up as they came"),
    ("/vqr", KEEP, "/", Outside, "above the base path"),
    ("/vqr", KEEP, "/a", Outside, "beside the base path"),
    ("/vqr", KEEP, "/vqrx/a", Outside, "a segment, not the beginning of one"),
    ("/vqr", KEEP, "/VQR/a", Outside, "case counts"),
    ("/vqr", KEEP, "/%76qr/a", Outside, "compared before decoding"),
    ("/vqr", KEEP, "/vqr;x/a", Outside, "parameters belong to the segment"),
    ("/vqr", KEEP, "/vqr%3b/a", Outside, "parameters belong to the segment"),
    ("/vqr", KEEP, "//vqr/a", Outside, "slashes are forgiven at the token endpoint alone"),
    ("/vqr", KEEP, "/x/vqr/a", Outside, "not at the beginning"),
    ("/vqr", KEEP, "/vqr%2fa", Unclear, "an encoded slash"),
    ("/vqr", KEEP, "/vqr/../admin", Unclear, "climbs out"),
    ("/vqr", KEEP, "/vqr/..;/admin", Unclear, "climbs out"),
    ("/vqr", KEEP, "/vqr/%2e%2e/admin", Unclear, "climbs out"),
    ("/vqr", KEEP, "/x/../vqr/a", Unclear, "climbs in"),
    ("/vqr", KEEP, "/vqr\\a", Unclear, "a backslash"),
    ("/vqr", STRIP, "/vqr/a", Upstreams("/a"), "the base path is removed, nothing else"),
    ("/vqr", STRIP, "/vqr", Upstreams("/"), "a path is never empty (RFC 9112, 3.2.1)"),
    ("/vqr", STRIP, "/vqr?a", Upstreams("/?a"), "a path is never empty (RFC 9112, 3.2.1)"),
    ("/vqr", STRIP, "/vqr/", Upstreams("/"), "the slash is not the base path's"),
    ("/vqr", STRIP, "/vqr/?a=%zz&/..", Upstreams("/?a=%zz&/.."), "the query is not judged"),
    ("/vqr", STRIP, "/vqr//a", Upstreams("//a"), "slashes go up as they came"),
    ("/vqr", STRIP, "/vqr/vqr/a", Upstreams("/vqr/a"), "removed once"),
    ("/vqr", STRIP, "/vqr/%76qr", Upstreams("/%76qr"), "byte for byte"),
    ("/vqr", STRIP, "/vqr/a;x/b%20c", Upstreams("/a;x/b%20c"), "byte for byte"),
    ("/vqr", STRIP, "/vqr#/../x", Upstreams("/"), "a fragment is dropped"),
    ("/vqr", STRIP, "/vqrx", Outside, "what would be left is no path"),
    ("/vqr", STRIP, "/vqr/../a", Unclear, "climbs out before it is removed"),
    ("/vqr", STRIP, "/vqr/.", Unclear, "a dot segment"),
    ("/api/payment/vietqr", STRIP, "/api/payment/vietqr/a", Upstreams("/a"), "several segments"),
    ("/api/payment/vietqr", STRIP, "/api/payment//vietqr/a", Outside, "byte for byte"),
    ("/api/payment/vietqr", KEEP, "/api/payment", Outside, "a part of the base path"),
    ("/vqr,/vietqr", STRIP, "/vqr/a", Upstreams("/a"), "an alias"),
    ("/vqr,/vietqr", STRIP, "/vietqr/a", Upstreams("/a"), "an alias"),
    ("/vqr,/vietqr", STRIP, "/vietqr/vqr/a", Upstreams("/vqr/a"), "one of them is removed, once"),
    ("/vqr,/vietqr", KEEP, "/vietqr/a", Upstreams("/vietqr/a"), "an alias"),
    ("/vqr,/vietqr", KEEP, "/viet/a", Outside, "no alias"),
    ("/a,/a/b", STRIP, "/a/b/c", Upstreams("/c"), "the longest that fits"),
    ("/a,/a/b", STRIP, "/a/bc", Upstreams("/bc"), "the longest that fits"),
    ("/vqr,/", STRIP, "/other/a", Upstreams("/other/a"), "the root fits everything"),
    ("/vqr", KEEP, "/vqr/api/token_generate", Token, "the token endpoint"),
    ("/vqr", KEEP, "/vqr/api/token_generate/", Token, "one trailing slash is ignored"),
    ("/vqr", KEEP, "//vqr//api//token_generate//", Token, "slashes are collapsed"),
    ("/vqr", STRIP, "/vqr/api/token_generate?x", Token, "also where the base path is removed"),
    ("/vqr,/vietqr", STRIP, "/vietqr/api/token_generate", Token, "below every alias"),
    ("/vqr", KEEP, "/vqr/api/token_generate/.", Unclear, "a dot segment is none of the spellings"),
    ("/vqr", KEEP, "/vqr/x/../api/token_generate", Unclear, "a dot segment is none of the spellings"),
    ("/vqr", KEEP, "/vqr/api%2ftoken_generate", Unclear, "an encoded slash is none of the spellings"),
    ("/vqr", KEEP, "/vqr/api/token_generate%00", Unclear, "a control byte is none of the spellings"),
    ("/vqr", KEEP, "/vqr/api/Token_generate", Upstreams("/vqr/api/Token_generate"), "case counts"),
    ("/vqr", KEEP, "/vqr/api/token%5fgenerate", Upstreams("/vqr/api/token%5fgenerate"), "compared before decoding"),
    (
        "/vqr",
        KEEP,
        "/vqr/api/token_generate;x",
        Upstreams("/vqr/api/token_generate;x"),
        "parameters are a spelling of none",
    ),
    ("/vqr", KEEP, "/vqr/api/token_generate/x", Upstreams("/vqr/api/token_generate/x"), "below it is another path"),
    ("/vqr", STRIP, "/vqr/;/api/token_generate", Upstreams("/;/api/token_generate"), "an empty name is a name"),
    ("/vqr", KEEP, "/api/token_generate", Outside, "above the base path"),
    ("/vqr", KEEP, "/vietqr/api/token_generate", Outside, "no alias"),
    ("/vqr", STRIP, "/vqr/vqr/api/token_generate", Upstreams("/vqr/api/token_generate"), "removed once"),
    ("/", KEEP, "/livez", Upstreams("/livez"), "health is not served here: it is a path like any other"),
];

// Checklist M55, M56, M57: what is not the token endpoint needs a bearer, whatever it looks like.
#[tokio::test]
#[expect(clippy::print_stdout, reason = "how many forms there are belongs to the result")]
async fn what_lies_below_a_base_path_goes_up_and_nothing_else_does() {
    let upstream = Upstream::recording().await;
    let mut sidecars: BTreeMap<(&str, &str), (Sidecar, String)> = BTreeMap::new();
    let mut faults = Vec::new();
    for (base, strip, target, whose, why) in PLACES {
        if let Entry::Vacant(place) = sidecars.entry((base, strip)) {
            let building = Sidecar::guarding(&upstream).var("BASE_PATH", base).var("STRIP_BASE_PATH", strip);
            let sidecar = building.start().await;
            let token = sidecar.token().await;
            place.insert((sidecar, token));
        }
        let (sidecar, token) = &sidecars[&(base, strip)];
        let before = upstream.seen();
        let nobody = sidecar.exchange(RequestText::new("GET", target)).await;
        let crossed = upstream.seen() - before;
        let http1 = sidecar.exchange(RequestText::new("GET", target).bearer(token)).await;
        let mut frames = Frames::connect(sidecar).await;
        let bearer = format!("Bearer {token}");
        let stream = frames.open(&head("GET", target, &[("authorization", &bearer)]), Last::Yes).await;
        let http2 = frames.told(stream).await;
        let seen: Vec<String> = upstream.requests()[before..].iter().map(|seen| seen.target().to_owned()).collect();
        let (without, with, goes_up) = match whose {
            Upstreams(target) => ((401, "INVALID_AUTH_HEADER"), (200, ""), vec![target; 2]),
            Token => ((405, "METHOD_NOT_ALLOWED"), (405, "METHOD_NOT_ALLOWED"), vec![]),
            Outside => ((401, "INVALID_AUTH_HEADER"), (403, "NOT_ALLOWED"), vec![]),
            Unclear => ((400, "BAD_PATH"), (400, "BAD_PATH"), vec![]),
        };
        let said = [
            (nobody.status(), nobody.refusal()),
            (http1.status(), http1.refusal()),
            (http2.status.unwrap_or_default(), http2.refusal()),
        ];
        let wanted = [without, with, with].map(|(status, code)| (status, code.to_owned()));
        if said != wanted || seen != goes_up || crossed != 0 {
            faults.push(format!("{target} with {base}, stripped {strip} ({why}): {said:?}, the upstream saw {seen:?}"));
        }
    }
    println!("{} forms below base paths; {} not as they should be", PLACES.len(), faults.len());
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Targets in absolute form, whose authority replaces `Host` (RFC 9112, section 3.2.2) and whose path is judged like any other.
// Checklist M21.
#[tokio::test]
async fn the_path_of_an_absolute_target_is_judged_like_any_other() {
    let (upstream, sidecar, token) = kit::guarded([("ALLOW", "* /bank/**")]).await;
    let (denied, unclear) = (Refused::gate(403, "NOT_ALLOWED"), Refused::gate(400, "BAD_PATH"));
    for (target, expected) in [
        ("http://other.example/bank/a", Ok(("/bank/a", "other.example"))),
        ("https://other.example:8443/bank/a?b#c", Ok(("/bank/a?b", "other.example:8443"))),
        ("HTTP://OTHER.example/bank/a", Ok(("/bank/a", "OTHER.example"))),
        ("http://other.example//bank/a", Err(denied)),
        ("http://other.example/admin", Err(denied)),
        ("http://other.example", Err(denied)),
        ("http://other.example/", Err(denied)),
        ("http://other.example?/bank/a", Err(denied)),
        ("http://other.example#/bank/a", Err(denied)),
        ("http://bank/a", Err(denied)),
        ("http://other.example/http://x/bank/a", Err(denied)),
        ("http://other.example/bank/../admin", Err(unclear)),
        ("http://other.example/bank/%2e%2e/admin", Err(unclear)),
        ("http://other.example/bank/..;/admin", Err(unclear)),
        ("http://other.example/bank%2fa", Err(unclear)),
        ("http://other.example/bank\\a", Err(unclear)),
        ("http://other.example/%252e%252e/bank", Err(unclear)),
    ] {
        let before = upstream.seen();
        let response = sidecar.get_with(&token, target).await;
        match expected {
            Ok((path, host)) => {
                assert_eq!(response.status(), 200, "{target}");
                let seen = upstream.requests().pop().expect("it was forwarded");
                assert_eq!((seen.target(), seen.values("host")), (path, vec![host]), "{target}");
            }
            Err(refused) => {
                refused.check(&response, target);
                assert_eq!(upstream.seen(), before, "{target}");
            }
        }
    }
}
