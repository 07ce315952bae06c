//! Dot segments in every disguise.

use super::Form;

const DOTS: &str = "RFC 3986, 5.2.4: resolved by the upstream";

pub(super) const PLAIN: &[Form] = &[
    Form::unclear("/.", DOTS),
    Form::unclear("/..", DOTS),
    Form::unclear("/../bank/api/sync", DOTS),
    Form::unclear("/./bank/api/sync", DOTS),
    Form::unclear("/bank/..", DOTS),
    Form::unclear("/bank/../admin", DOTS),
    Form::unclear("/bank/./api/sync", DOTS),
    Form::unclear("/bank/api/sync/.", DOTS),
    Form::unclear("/bank/api/sync/..", DOTS),
    Form::unclear("/bank/api/sync/../../../admin", DOTS),
    Form::unclear("/bank/api/../api/sync", "RFC 3986, 6.2.2.3: another spelling of what is allowed"),
    Form::unclear("/admin/../bank/api/sync", "RFC 3986, 6.2.2.3: allowed once it is resolved"),
    Form::unclear("/bank//../admin", "doubled slashes hide how far it climbs"),
    Form::unclear("/bank/..//admin", "doubled slashes hide how far it climbs"),
    Form::unclear("//../bank/api/sync", "RFC 3986, 4.2: nothing before the slashes"),
    Form::unclear("/bank/..?/admin", "the segment ends where the query begins"),
    Form::unclear("/bank/..#/admin", "the segment ends where the fragment begins"),
];

const DECODED: &str = "RFC 3986, 6.2.2.2: decoded, then resolved";

pub(super) const ENCODED: &[Form] = &[
    Form::unclear("/bank/%2e%2e/admin", DECODED),
    Form::unclear("/bank/%2E%2E/admin", DECODED),
    Form::unclear("/bank/%2e%2E/admin", DECODED),
    Form::unclear("/bank/.%2e/admin", DECODED),
    Form::unclear("/bank/%2e./admin", DECODED),
    Form::unclear("/bank/%2e/api/sync", DECODED),
    Form::unclear("/bank/api/sync/%2E%2e", DECODED),
    Form::unclear("/%2e%2e/bank/api/sync", DECODED),
    Form::unclear("/%2e", DECODED),
    Form::unclear("/bank/api/%2e%2e/%2e%2e/admin", DECODED),
];

const MATRIX: &str = "servlet containers cut matrix parameters before they resolve dots (CVE-2020-5902 and its kind)";

pub(super) const WITH_PARAMETERS: &[Form] = &[
    Form::unclear("/bank/..;/admin", MATRIX),
    Form::unclear("/bank/..;x=1/admin", MATRIX),
    Form::unclear("/bank/..;x=1;y=2/admin", MATRIX),
    Form::unclear("/bank/.;/api/sync", MATRIX),
    Form::unclear("/bank/.;.;/admin", MATRIX),
    Form::unclear("/bank/api/..;..;/admin", MATRIX),
    Form::unclear("/bank/..;", MATRIX),
    Form::unclear("/bank/..;%20/admin", MATRIX),
    Form::unclear("/bank/%2e%2e;x/admin", MATRIX),
    Form::unclear("/bank/..%3b/admin", "the semicolon is decoded, then cut"),
    Form::unclear("/bank/..%3Bx=y/admin", "the semicolon is decoded, then cut"),
    Form::unclear("/bank/.%2e%3b/admin", "the semicolon is decoded, then cut"),
];

/// Not dot segments for anybody who reads as RFC 3986 does; `.github/SECURITY.md` names who might.
pub(super) const NEARLY: &[Form] = &[
    Form::below("/bank/.../admin", "three dots are a name"),
    Form::below("/bank/..../admin", "four dots are a name"),
    Form::below("/bank/.%2e./admin", "three dots are a name"),
    Form::below("/bank/..admin", "a name that begins with dots"),
    Form::below("/bank/admin..", "a name that ends in dots"),
    Form::below("/bank/%2e%2eadmin", "a name that begins with dots"),
    Form::below("/bank/.well-known/x", "RFC 8615"),
    Form::below("/bank/x;../admin", "dots within a parameter are no segment"),
    Form::below("/bank/x;a=..;b/admin", "dots within a parameter are no segment"),
    Form::below("/bank/;../admin", "a parameter of nothing is no dot segment"),
    Form::below("/bank/..%20/admin", "only file systems that trim names read two dots"),
    Form::below("/bank/%EF%BC%8E%EF%BC%8E/admin", "full-width dots are dots only after compatibility folding (NFKC)"),
    Form::below("/bank/%E2%80%A5/admin", "a two dot leader is two dots only after compatibility folding (NFKC)"),
    Form::below("/bank/%25u002e%25u002e/admin", "%u is an encoding only for one old server, and only decoded twice"),
];
