//! What a clients file may say, and what is said about one that may not be used.

use std::fs;

use super::*;
use crate::auth::accounts::hash_chosen;
use crate::rules::rate::Rate;
use crate::secret::Secret;

const ONE: &str = "sha256:1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f";
const TWO: &str = "sha256:2F2F2F2F2F2F2F2F2F2F2F2F2F2F2F2F2F2F2F2F2F2F2F2F2F2F2F2F2F2F2F2F";

fn loaded(content: &str) -> Result<Vec<Listed>, Vec<String>> {
    let folder = tempfile::tempdir().expect("a directory for the test");
    let path = folder.path().join("clients.json");
    fs::write(&path, content).expect("the file is written");
    load(&path).map_err(|problems| {
        let begin = format!("BEARERGATE_CLIENTS_FILE names {path:?}: ");
        let cut = |problem: &Problem| problem.to_string().strip_prefix(&begin).map(str::to_owned);
        problems.iter().map(|problem| cut(problem).unwrap_or_else(|| problem.to_string())).collect()
    })
}

/// The problems of a file whose only client has these fields.
fn problems_of(fields: &str) -> Vec<String> {
    problems(&format!(r#"{{"clients":[{{{fields}}}]}}"#))
}

fn problems(content: &str) -> Vec<String> {
    let problems = loaded(content).err().unwrap_or_default();
    for secret in [ONE, TWO, "hunter2"] {
        let secret = secret.trim_start_matches("sha256:");
        assert!(!problems.iter().any(|line| line.contains(secret)), "{problems:#?}");
    }
    problems
}

#[test]
fn the_sample_of_the_contract_is_read() {
    let chosen = hash_chosen(&Secret::new("a long enough password".to_owned())).expect("a hash");
    let listed = loaded(&format!(
        r#"{{ "clients": [ {{
            "name": "vietqr", "username": "vietqr-live",
            "passwords": ["{ONE}", "{chosen}"],
            "static_tokens": ["{TWO}"],
            "allow": ["POST /bank/api/transaction-sync", "GET /a,b"],
            "addresses": ["203.0.113.0/24", "2001:db8::1"],
            "rate": "50/s burst 100", "token_rate": "off" }},
            {{ "static_tokens": ["{ONE}"], "name": "fixed" }} ] }}"#
    ));
    let listed = listed.unwrap_or_else(|problems| panic!("{problems:#?}"));
    let [vietqr, fixed] = listed.as_slice() else { panic!("two clients") };
    let summary = |name: &str, username: Option<&str>, passwords, static_tokens| ClientSummary {
        name: ClientName::parse(name).expect("a name"),
        username: username.map(str::to_owned),
        passwords,
        static_tokens,
    };
    assert_eq!(vietqr.summary, summary("vietqr", Some("vietqr-live"), 2, 1));
    assert_eq!(fixed.summary, summary("fixed", None, 0, 1));
    let Policy { allow, addresses, rate, token_rate } = &vietqr.policy;
    assert_eq!(allow.to_string(), "POST /bank/api/transaction-sync, GET /a,b");
    assert_eq!(addresses.to_string(), "203.0.113.0/24, 2001:db8::1/128");
    let fifty = Rate::parse("50/s burst 100").expect("a rate");
    assert_eq!((*rate, *token_rate), (RatePolicy::Limited(fifty), RatePolicy::Off));
    let Policy { allow, addresses, rate, token_rate } = &fixed.policy;
    assert_eq!((allow, addresses), (&AllowRules::everything(), &AddressList::everyone()));
    assert_eq!((*rate, *token_rate), (RatePolicy::Inherit, RatePolicy::Inherit));
}

#[test]
fn what_is_not_the_shape_of_a_clients_file_is_refused() {
    for (content, beginning) in [
        ("", "it is not JSON: EOF while parsing a value at line 1 column 0; compare"),
        ("{\"clients\":[", "it is not JSON: EOF"),
        ("{\"clients\":[]} hunter2", "it is not JSON: trailing characters at line 1"),
        ("{\"clients\": hunter2}", "it is not JSON: expected value at line 1"),
        ("\"hunter2\"", "it is a text, not an object"),
        ("[]", "it is a list, not an object"),
        ("{}", "it has no field clients; `bearergate new-client NAME` prints a line for it"),
        ("{\"clients\":[]}", "it has no client in clients"),
        ("{\"clients\":{}}", "it has in clients an object, not a list"),
        ("{\"clients\":null}", "it has in clients null, not a list"),
        ("{\"clients\":[\"hunter2\"]}", "client number 1 is a text, not an object"),
        ("{\"clients\":[{}]}", "client number 1: name is missing; give each client a name"),
    ] {
        let said = problems(content);
        assert!(matches!(&*said, [line] if line.starts_with(beginning)), "{content}: {said:#?}");
    }
    let client = |number| format!(r#"{{"name":"c{number}","username":"c{number}","passwords":["{ONE}"]}}"#);
    let many = |most| format!(r#"{{"clients":[{}]}}"#, (0..most).map(client).collect::<Vec<_>>().join(","));
    assert_eq!(problems(&many(1000)), [""; 0]);
    assert_eq!(problems(&many(1001)), ["it has 1001 clients, allowed are 1000"]);
}

#[test]
fn each_field_of_a_client_is_held_to_its_rule() {
    let good = format!(r#""name":"a","username":"u","passwords":["{ONE}"]"#);
    let nine = vec![format!("{ONE:?}"); 9].join(",");
    for (fields, expected) in [
        (good.clone(), None),
        (
            format!(r#""name":"a b","username":"u","passwords":["{ONE}"]"#),
            Some("client number 1: name is not 1 to 64 of A-Z"),
        ),
        (format!(r#""name":"","username":"u","passwords":["{ONE}"]"#), Some("client number 1: name is empty")),
        (
            format!(r#""name":7,"username":"u","passwords":["{ONE}"]"#),
            Some("client number 1: name is a number, not a text"),
        ),
        (
            format!(r#""name":"a","username":"u:hunter2","passwords":["{ONE}"]"#),
            Some("client a: username is not 1 to 64 of"),
        ),
        (r#""name":"a""#.to_owned(), Some("client a: has neither passwords nor static_tokens, so it could never call")),
        (r#""name":"a","username":"u""#.to_owned(), Some("client a: passwords is missing, and username is of no use")),
        (
            format!(r#""name":"a","passwords":["{ONE}"]"#),
            Some("client a: username is missing, and passwords is of no use"),
        ),
        (r#""name":"a","username":"u","passwords":[]"#.to_owned(), Some("client a: passwords is an empty list")),
        (
            format!(r#""name":"a","username":"u","passwords":["{ONE}","hunter2"]"#),
            Some("client a: passwords entry 2 is neither"),
        ),
        (
            r#""name":"a","username":"u","passwords":"hunter2""#.to_owned(),
            Some("client a: passwords is a text, not a list of texts"),
        ),
        (
            r#""name":"a","username":"u","passwords":[1]"#.to_owned(),
            Some("client a: passwords has as entry 1 a number, not a text"),
        ),
        (
            r#""name":"a","username":"u","passwords":["sha256:00"]"#.to_owned(),
            Some("client a: passwords entry 1 needs exactly 64 hex"),
        ),
        (
            r#""name":"a","username":"u","passwords":["=19=7168,t=5,p=1"]"#.to_owned(),
            Some("client a: passwords entry 1 looks like an argon2id hash whose $ signs were eaten"),
        ),
        (
            format!(r#""name":"a","username":"u","passwords":[{nine}]"#),
            Some("client a: passwords has 9 entries, allowed are 8"),
        ),
        (
            r#""name":"a","static_tokens":["hunter2"]"#.to_owned(),
            Some("client a: static_tokens entry 1 is not \"sha256:\" and 64"),
        ),
        (
            format!(r#"{good},"allow":["post /a"]"#),
            Some("client a: allow has a fault in rule 1: the method is not in capital"),
        ),
        (
            format!(r#"{good},"allow":["GET /a","GET /a/../b"]"#),
            Some("client a: allow has a fault in rule 2: no request can match"),
        ),
        (format!(r#"{good},"allow":[]"#), Some("client a: allow is an empty list")),
        (
            format!(r#"{good},"addresses":["10.0.0.1/8"]"#),
            Some("client a: addresses has a fault in entry 1: it has bits set behind its prefix; write 10.0.0.0/8"),
        ),
        (format!(r#"{good},"rate":"0/s""#), Some("client a: rate is zero")),
        (format!(r#"{good},"rate":null"#), Some("client a: rate is null, not a text")),
        (
            format!(r#"{good},"token_rate":"fast""#),
            Some("client a: token_rate is neither off nor a number and a period; write"),
        ),
        (format!(r#"{good},"username":"v""#), Some("client a has the field username twice; keep one of them")),
        (
            format!(r#"{good},"allows":["GET /a"]"#),
            Some("client a has a field that is not known, allows; did you mean allow?"),
        ),
        (
            format!(r#"{good},"tokens":["{ONE}"]"#),
            Some("client a has a field that is not known, tokens; did you mean static_tokens?"),
        ),
        (
            format!(r#"{good},"{ONE}":1"#),
            Some("client a has a field that is not known; remove it; the fields are name, username"),
        ),
        (format!(r#"{good},"Q":1"#), Some("client a has a field that is not known, Q; remove it")),
    ] {
        let said = problems_of(&fields);
        match expected {
            None => assert_eq!(said, [""; 0], "{fields}"),
            Some(beginning) => {
                assert!(matches!(&*said, [line] if line.starts_with(beginning)), "{fields}: {said:#?}");
            }
        }
    }
}

#[test]
fn a_password_that_is_the_base64_of_its_user_name_is_refused_in_either_form() {
    let sample = Secret::new("dmlldHFyLWxpdmU=".to_owned());
    let chosen = hash_chosen(&sample).expect("a hash");
    let fields = format!(
        r#""name":"a","username":"vietqr-live","passwords":["{ONE}","{}","{chosen}"]"#,
        PasswordHash::of_plain(&sample).text()
    );
    let said = problems_of(&fields);
    for (line, number) in said.iter().zip(2..) {
        let beginning = format!("client a: passwords entry {number} is the Base64 of the user name");
        assert!(line.starts_with(&beginning), "{said:#?}");
    }
    assert_eq!(said.len(), 2, "{said:#?}");
}

#[test]
fn what_belongs_to_one_client_is_refused_to_a_second() {
    let said = problems(&format!(
        r#"{{"clients":[
            {{"name":"a","username":"u","passwords":["{ONE}"],"static_tokens":["{TWO}","{TWO}"]}},
            {{"name":"b","username":"u","passwords":["{ONE}"]}},
            {{"name":"a","static_tokens":["{}"]}}]}}"#,
        TWO.to_lowercase()
    ));
    let expected = [
        "client b: username is what client number 1 has; give each client its own",
        "client a: name is what client number 1 has; give each client its own",
        "client a: static_tokens has a token that client number 1 has; give each client its own",
    ];
    assert_eq!(said, expected);
}

#[test]
fn all_that_is_wrong_is_said_together() {
    let said = problems(
        r#"{"client":[],"clients":[
            {"name":"a","username":"u u","passwords":["x","y"],"allow":["GET"],"rate":"1","extra":0},
            {"static_tokens":[],"addresses":["nowhere"]}]}"#,
    );
    let beginnings = [
        "it has a field that is not known, client; did you mean clients?",
        "client a has a field that is not known, extra",
        "client a: username is not",
        "client a: passwords entry 1",
        "client a: passwords entry 2",
        "client a: allow has a fault in rule 1",
        "client a: rate has no period",
        "client number 2: name is missing",
        "client number 2: static_tokens is an empty list",
        "client number 2: addresses has a fault in entry 1",
    ];
    assert_eq!(said.len(), beginnings.len(), "{said:#?}");
    for (line, beginning) in said.iter().zip(beginnings) {
        assert!(line.starts_with(beginning), "{beginning}: {line}");
    }
}
