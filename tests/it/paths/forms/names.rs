//! Other spellings of what is allowed, and what is not.

use super::Form;

const QUERY: &str = "RFC 3986, 3.4: the query is no part of the path and goes up as it is";
const FRAGMENT: &str = "RFC 9110, 4.2.5: a fragment is not sent, and dropped when it is";

pub(super) const SAME: &[Form] = &[
    Form::same("/bank/api/sync", "what is allowed"),
    Form::same("/bank/api/sync?", QUERY),
    Form::same("/bank/api/sync?a=b&c", QUERY),
    Form::same("/bank/api/sync??/admin", QUERY),
    Form::same("/bank/api/sync?/../../admin", QUERY),
    Form::same("/bank/api/sync?;/../admin", QUERY),
    Form::same("/bank/api/sync?a=%2e%2e%2f%00%0d%0a", QUERY),
    Form::same("/bank/api/sync?%252e%252e%252f&%zz&%", QUERY),
    Form::same("/bank/api/sync?a=\\..\\", QUERY),
    Form::same("/bank/api/sync?http://host.example/admin", QUERY),
    Form::same("/bank/api/sync?path=/admin&url=/admin", QUERY),
    Form::same("/bank/api/sync#", FRAGMENT),
    Form::same("/bank/api/sync#/../../admin", FRAGMENT),
    Form::same("/bank/api/sync?a#/../admin", FRAGMENT),
    Form::same("/bank/api/sync##", FRAGMENT),
];

const EMPTY: &str = "RFC 3986, 3.3: an empty segment is a segment; only some collapse it";
const NETWORK: &str = "RFC 3986, 4.2: `//` begins a host where a reference is expected";
const FINAL: &str = "contract, 3: a trailing slash is another path";

pub(super) const SLASHES: &[Form] = &[
    Form::below("/bank//api/sync", EMPTY),
    Form::below("/bank/api//sync", EMPTY),
    Form::below("/bank///api///sync", EMPTY),
    Form::below("/bank//admin", EMPTY),
    Form::below("/bank//host.example/admin", NETWORK),
    Form::below("/bank/http://host.example/admin", NETWORK),
    Form::below("/bank/api/sync/", FINAL),
    Form::below("/bank/api/sync//", FINAL),
    Form::below("/bank/api/sync/?", FINAL),
    Form::below("/bank/", FINAL),
    Form::below("/bank", "contract, 3: `/a/**` matches `/a`"),
    Form::below("/bank/api", "a part of what is allowed"),
    Form::below("/bank/api/sync/x", "more than what is allowed"),
    Form::outside("//bank/api/sync", NETWORK),
    Form::outside("///bank///api///sync", NETWORK),
    Form::outside("//host.example/bank/api/sync", NETWORK),
    Form::outside("/http://host.example/bank/api/sync", NETWORK),
];

const CUT: &str = "RFC 3986, 3.3: parameters belong to the segment; only some cut them";

pub(super) const PARAMETERS: &[Form] = &[
    Form::below("/bank/api/sync;", CUT),
    Form::below("/bank/api/sync;x", CUT),
    Form::below("/bank/api/sync;jsessionid=1", CUT),
    Form::below("/bank/api;x/sync", CUT),
    Form::below("/bank/;/api/sync", CUT),
    Form::below("/bank/api/sync%3B", CUT),
    Form::below("/bank/api/sync,x", CUT),
    Form::outside("/bank;/api/sync", CUT),
    Form::outside("/bank;x=y/api/sync", CUT),
    Form::outside("/bank%3Bx/api/sync", CUT),
    Form::outside("/;/bank/api/sync", CUT),
    Form::outside("/;x=/bank/api/sync", CUT),
    Form::outside("/admin;/bank/api/sync", CUT),
];

const CASE: &str = "RFC 3986, 6.2.2.1: case counts in a path; only some file systems fold it";
const LETTER: &str = "RFC 3986, 6.2.2.2: an encoded letter is that letter for who decodes; rules are compared before";
const DELIMITER: &str = "RFC 3986, 2.2: an encoded delimiter is none; only who decodes too early ends the path there";
const TRIMMED: &str = "only file systems that trim names read what is allowed";
const STAR: &str = "a star is a wildcard in a rule, not in a path";

pub(super) const SPELLINGS: &[Form] = &[
    Form::below("/bank/api/SYNC", CASE),
    Form::below("/bank/Api/sync", CASE),
    Form::below("/bank/api/s%79nc", LETTER),
    Form::below("/bank/%61pi/sync", LETTER),
    Form::below("/bank/api/s%59nc", "case and an encoded letter"),
    Form::below("/bank/api/sync%3f", DELIMITER),
    Form::below("/bank/api/sync%3Fx", DELIMITER),
    Form::below("/bank/api/sync%23", DELIMITER),
    Form::below("/bank/api/sync%26x", DELIMITER),
    Form::below("/bank/api/sync.", TRIMMED),
    Form::below("/bank/api/sync%2e", TRIMMED),
    Form::below("/bank/api/sync%20", TRIMMED),
    Form::below("/bank/api/sync::$DATA", "a stream of a file, on one file system"),
    Form::below("/bank/api/sync.json", "a format for frameworks that cut suffixes"),
    Form::below("/bank/api/sync~", "a name of its own"),
    Form::below("/bank/api/sync*", STAR),
    Form::below("/bank/*/sync", STAR),
    Form::below("/bank/**", STAR),
    Form::below("/bank/api/sync%C2%85", "a control character of Unicode, no control byte"),
    Form::below("/bank/api/sync%E2%80%8B", "a space of no width is a character of its own"),
    Form::below("/bank/+/admin", "RFC 3986, 2.2: a plus sign is no space in a path"),
    Form::outside("/BANK/api/sync", CASE),
    Form::outside("/Bank/Api/Sync", CASE),
    Form::outside("/%62ank/api/sync", LETTER),
    Form::outside("/b%41nk/api/sync", "case and an encoded letter"),
    Form::outside("/bank%3f/api/sync", DELIMITER),
    Form::outside("/bank%23/api/sync", DELIMITER),
    Form::outside("/bank./api/sync", TRIMMED),
    Form::outside("/bank%20/api/sync", TRIMMED),
    Form::outside("/bank%2e/api/sync", TRIMMED),
    Form::outside("/*/api/sync", STAR),
    Form::outside("/**", STAR),
];

const NOT_BELOW: &str = "not below what is allowed";

pub(super) const ELSEWHERE: &[Form] = &[
    Form::outside("/", NOT_BELOW),
    Form::outside("//", NOT_BELOW),
    Form::outside("/admin", NOT_BELOW),
    Form::outside("/bankrupt", "what is allowed is a segment, not the beginning of one"),
    Form::outside("/bankapi/sync", "what is allowed is a segment, not the beginning of one"),
    Form::outside("/x/bank/api/sync", NOT_BELOW),
    Form::outside("/admin?/bank/api/sync", QUERY),
    Form::outside("/admin?/../bank/api/sync", QUERY),
    Form::outside("/admin#/bank/api/sync", FRAGMENT),
    Form::outside("/admin%3f/bank/api/sync", DELIMITER),
    Form::outside("/admin%23/bank/api/sync", DELIMITER),
    Form::outside(
        "/bank%EF%BC%8Fapi%EF%BC%8Fsync",
        "a full-width slash is one only after compatibility folding (NFKC)",
    ),
];
