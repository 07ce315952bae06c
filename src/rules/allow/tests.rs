use proptest::prelude::*;

use super::Verdict::{Denied, OnlyTrailingSlashDiffers, Permitted};
use super::*;

fn rules(list: &str) -> AllowRules {
    AllowRules::parse(list).unwrap_or_else(|fault| panic!("{list:?} {fault}"))
}

#[test]
fn a_rule_permits_its_method_and_its_path_and_nothing_else() {
    for (list, method, path, expected) in [
        ("POST /a/b", "POST", "/a/b", Permitted),
        ("POST /a/b", "GET", "/a/b", Denied),
        ("POST /a/b", "post", "/a/b", Denied),
        ("POST /a/b", "POS", "/a/b", Denied),
        ("POST /a/b", "POSTS", "/a/b", Denied),
        ("POST /a/b", "*", "/a/b", Denied),
        ("POST /a/b", "", "/a/b", Denied),
        ("GET /a/b", "HEAD", "/a/b", Denied),
        ("* /a/b", "HEAD", "/a/b", Permitted),
        ("* /a/b", "PROPFIND", "/a/b", Permitted),
        ("POST /a/b", "POST", "/a", Denied),
        ("POST /a/b", "POST", "/a/b/c", Denied),
        ("POST /a/b", "POST", "/a/bc", Denied),
        ("POST /a/b", "POST", "/", Denied),
        ("POST /a/b", "POST", "", Denied),
        ("POST /a/b", "POST", "a/b", Denied),
        ("POST /a/b", "POST", "*", Denied),
        ("POST /, GET /x", "POST", "/", Permitted),
        ("POST /, GET /x", "POST", "", Permitted),
        ("POST /, GET /x", "POST", "/x", Denied),
        ("POST /, GET /x", "GET", "/x", Permitted),
        ("POST  /a ,\tGET\t/b ", "GET", "/b", Permitted),
        ("POST /100%25", "POST", "/100%25", Permitted),
        ("POST /a%20b", "POST", "/a%20b", Permitted),
        ("POST /a;v=1/b", "POST", "/a;v=1/b", Permitted),
        ("POST //a", "POST", "//a", Permitted),
        ("POST //a", "POST", "/a", Denied),
    ] {
        assert_eq!(rules(list).permits(method, path), expected, "{list}: {method} {path}");
    }
}

#[test]
fn one_star_is_one_segment_and_two_are_the_rest() {
    for (list, path, expected) in [
        ("* /a/*", "/a/b", Permitted),
        ("* /a/*", "/a/%20", Permitted),
        ("* /a/*", "/a/*", Permitted),
        ("* /a/*", "/a/**", Permitted),
        ("* /a/*", "/a/b;x", Permitted),
        ("* /a/*", "/a", Denied),
        ("* /a/*", "/a/", Denied),
        ("* /a/*", "/a//", Denied),
        ("* /a/*", "/a/b/c", Denied),
        ("* /a/*", "/a//b", Denied),
        ("* /a/*", "/a/;", Denied),
        ("* /a/*", "/a/;x=y", Denied),
        ("* /a/*", "/a/%3B", Denied),
        ("* /a/*", "/a/%3bx", Denied),
        ("* /*", "/", Denied),
        ("* /*", "", Denied),
        ("* /*", "/a", Permitted),
        ("* /*/b", "/a/b", Permitted),
        ("* /*/b", "//b", Denied),
        ("* /*/b", "/b", Denied),
        ("* /*/b", "/a/c", Denied),
        ("* /a/*/c/*", "/a/b/c/d", Permitted),
        ("* /a/*/c/*", "/a/b/d/d", Denied),
        ("* /a/*/", "/a/b/", Permitted),
        ("* /a/**", "/a", Permitted),
        ("* /a/**", "/a/", Permitted),
        ("* /a/**", "/a//", Permitted),
        ("* /a/**", "/a/b/c", Permitted),
        ("* /a/**", "/a/;x", Permitted),
        ("* /a/**", "/", Denied),
        ("* /a/**", "/ab", Denied),
        ("* /a/**", "//a", Denied),
        ("* /a/**", "/b/a", Denied),
        ("* /a/**", "/a;x", Denied),
        ("* /a/*/**", "/a", Denied),
        ("* /a/*/**", "/a/b", Permitted),
        ("* /a/*/**", "/a//b", Denied),
        ("* /a/*/**", "/a/b/c/d", Permitted),
        ("* /**", "", Permitted),
        ("* /**", "/", Permitted),
        ("* /**", "//", Permitted),
        ("* /**", "/a/b/", Permitted),
        ("* /**", "a", Denied),
    ] {
        assert_eq!(rules(list).permits("POST", path), expected, "{list}: {path}");
    }
    assert_eq!(AllowRules::everything(), rules("* /**"));
}

/// What an upstream may read as `/bank/api` is not `/bank/api` here: the rule is about the bytes that are forwarded.
#[test]
fn no_disguise_of_a_permitted_path_is_permitted() {
    let rules = rules("POST /bank/api, POST /open/**");
    for path in [
        "/BANK/api",
        "/bank/API",
        "/Bank/Api",
        "/%62ank/api",
        "/b%61nk/api",
        "/bank/ap%69",
        "/bank/ap%49",
        "/bank%2Fapi",
        "/bank%2fapi",
        "/bank%5Capi",
        "/bank\\api",
        "\\bank\\api",
        "/%2562ank/api",
        "//bank/api",
        "/bank//api",
        "///bank///api",
        "/./bank/api",
        "/bank/./api",
        "/bank/../bank/api",
        "/x/../bank/api",
        "/%2e/bank/api",
        "/bank/%2e%2e/bank/api",
        "/bank;/api",
        "/bank;x=y/api",
        "/bank/api;",
        "/bank/api;x",
        "/bank/api%3Bx",
        "/;/bank/api",
        "/bank/;/api",
        "/bank/api%00",
        "/bank/api\0",
        "/bank/api%20",
        "/bank/api ",
        " /bank/api",
        "/bank/api.",
        "/bank/api.json",
        "/bank/api?",
        "/bank/api?x",
        "/bank/api#x",
        "/bank/api%3F",
        "/bank/api%23",
        "/bank/ａpi",
        "/bank/api\u{200b}",
        "/bank/%C0%AFapi",
        "/bank+/api",
        "bank/api",
        "http://host/bank/api",
        "/http://host/bank/api",
        "/bank/api,/open",
        "/*/api",
        "/**",
        "/OPEN/x",
        "/%6Fpen/x",
        "//open/x",
        "/open%2Fx",
        "/open;/x",
        "/open\\x",
        "/./open/x",
        "/bank/../open/x",
    ] {
        assert_eq!(rules.permits("POST", path), Denied, "{path:?}");
    }
}

#[test]
fn a_trailing_slash_is_another_path_and_said_to_be_all_that_differs() {
    for (list, method, path, expected) in [
        ("POST /a", "POST", "/a/", OnlyTrailingSlashDiffers),
        ("POST /a/", "POST", "/a", OnlyTrailingSlashDiffers),
        ("POST /a/", "POST", "/a/", Permitted),
        ("POST /a/*", "POST", "/a/b/", OnlyTrailingSlashDiffers),
        ("POST /a/*/", "POST", "/a/b", OnlyTrailingSlashDiffers),
        ("POST /a, POST /a/", "POST", "/a/", Permitted),
        ("POST /a", "GET", "/a/", Denied),
        ("POST /a", "POST", "/a//", Denied),
        ("POST /a/", "POST", "/a//", OnlyTrailingSlashDiffers),
        ("POST /", "POST", "//", OnlyTrailingSlashDiffers),
        ("POST //", "POST", "/", Denied),
        ("POST /a", "POST", "/b/", Denied),
        ("POST /a", "POST", "a/", Denied),
    ] {
        assert_eq!(rules(list).permits(method, path), expected, "{list}: {method} {path}");
    }
}

#[test]
fn a_rule_that_could_never_permit_what_it_seems_to_is_refused() {
    use RuleFault::{Empty, NoMethod, OneWord, Path, RestWithin, SmallMethod, StarWithin, ThirdWord};
    for (list, number, reason) in [
        ("", 1, Empty),
        ("POST /a,", 2, Empty),
        (" , POST /a", 1, Empty),
        ("POST", 1, OneWord),
        ("/a", 1, OneWord),
        ("GET /a, POST", 2, OneWord),
        ("post /a", 1, SmallMethod),
        ("Post /a", 1, SmallMethod),
        ("POST|GET /a", 1, NoMethod),
        ("POST: /a", 1, NoMethod),
        ("** /a", 1, NoMethod),
        ("P* /a", 1, NoMethod),
        ("- /a", 1, NoMethod),
        ("/a POST", 1, NoMethod),
        ("POST /a /b", 1, ThirdWord),
        ("POST /a b", 1, ThirdWord),
        ("POST GET /a", 1, ThirdWord),
        ("POST a", 1, Path(PathFault::NotRooted)),
        ("POST *", 1, Path(PathFault::NotRooted)),
        ("POST **", 1, Path(PathFault::NotRooted)),
        ("POST http://h/a", 1, Path(PathFault::NotRooted)),
        ("POST /a?b=c", 1, Path(PathFault::QueryOrFragment)),
        ("POST /a#b", 1, Path(PathFault::QueryOrFragment)),
        ("POST /a/../b", 1, Path(PathFault::DotSegment)),
        ("POST /./a", 1, Path(PathFault::DotSegment)),
        ("POST /%2e%2e/a", 1, Path(PathFault::DotSegment)),
        ("POST /a%2Fb", 1, Path(PathFault::EncodedSlash)),
        ("POST /a%2fb", 1, Path(PathFault::EncodedSlash)),
        ("POST /a\\b", 1, Path(PathFault::Backslash)),
        ("POST /a%5Cb", 1, Path(PathFault::Backslash)),
        ("POST /a%00", 1, Path(PathFault::ControlCharacter)),
        ("POST /a\u{7}b", 1, Path(PathFault::ControlCharacter)),
        ("POST /%2561", 1, Path(PathFault::DoubleEncoding)),
        ("POST /a%2", 1, Path(PathFault::BadEncoding)),
        ("POST /é", 1, Path(PathFault::NonAscii)),
        ("POST /%c0%af", 1, Path(PathFault::Overlong)),
        ("POST /**/a", 1, RestWithin),
        ("POST /a/**/", 1, RestWithin),
        ("POST /**/**", 1, RestWithin),
        ("POST /a*", 1, StarWithin),
        ("POST /*.json", 1, StarWithin),
        ("POST /***", 1, StarWithin),
        ("POST /a, GET /b, PUT /a**", 3, StarWithin),
    ] {
        assert_eq!(AllowRules::parse(list), Err(AllowFault { number, reason }), "{list:?}");
    }
    assert_eq!(AllowRules::of([]), Err(AllowFault { number: 1, reason: Empty }));
    let said = AllowRules::parse("POST /a, get /b").err().map(|fault| fault.to_string());
    let expected = "has a fault in rule 2: the method is not in capital letters; write such as POST";
    assert_eq!(said.as_deref(), Some(expected));
}

#[test]
fn a_list_is_shown_as_it_would_be_written() {
    assert_eq!(rules("POST  /a ,*  /b/**, M-SEARCH /c").to_string(), "POST /a, * /b/**, M-SEARCH /c");
    let listed = AllowRules::of(vec!["POST /a,b"]).expect("a comma is a character of a path");
    assert_eq!(listed.permits("POST", "/a,b"), Permitted);
    assert_eq!(listed.permits("POST", "/a"), Denied);
}

/// A pattern's text up to its first star, without the slash that `**` makes optional.
fn literal_prefix(pattern: &str) -> &str {
    let literal = pattern.split('*').next().unwrap_or_default();
    if pattern.ends_with("**") && pattern.len() == literal.len() + 2 {
        literal.strip_suffix('/').unwrap_or(literal)
    } else {
        literal
    }
}

const PATTERN: &str = "(/(a|b|ab|%61|\\*|;x|)){1,4}(/\\*\\*)?";
const PATH: &str = "(/(a|b|ab|A|%61|\\*|\\*\\*|;x|a;x|\\.\\.|)){0,5}|[/a-b%*;.]{0,9}";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn what_is_permitted_begins_with_the_literal_part_of_the_pattern(pattern in PATTERN, path in PATH) {
        let Ok(rules) = AllowRules::of([format!("POST {pattern}").as_str()]) else { return Ok(()) };
        if rules.permits("POST", &path) == Permitted {
            let path = if path.is_empty() { "/" } else { &path };
            let rest = path.strip_prefix(literal_prefix(&pattern));
            prop_assert!(rest.is_some(), "{pattern} permits {path}");
            if pattern.ends_with("**") && !pattern.trim_end_matches("/**").contains('*') {
                prop_assert!(rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')), "{pattern} permits {path}");
            }
        }
        prop_assert_eq!(rules.permits("GET", &path), Denied);
    }

    #[test]
    fn a_pattern_without_stars_permits_itself_alone(pattern in "(/[ab]{0,2}){1,3}", path in "(/[ab]{0,2}){1,3}") {
        let rules = AllowRules::of([format!("* {pattern}").as_str()]).expect("a rule");
        prop_assert_eq!(rules.permits("GET", &pattern), Permitted);
        prop_assert_eq!(rules.permits("GET", &path) == Permitted, path == pattern);
    }

    #[test]
    fn no_text_makes_the_reader_or_the_judge_panic(list in ".{0,40}", method in ".{0,5}", path in ".{0,40}") {
        let _ = AllowRules::parse(&list);
        let _ = rules("* /a/*/**").permits(&method, &path);
    }
}
