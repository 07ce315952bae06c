//! Fields and pseudo-fields of a request head.

use super::{
    Act::Head,
    BEARER, CLEAN, CROSSED, Form, Last, NONE, PROTOCOL_ERROR,
    Then::{self, Clean, GoAway, Refused, Reset},
    ordinary,
};

type Field = (&'static str, &'static str);

/// Every row.
pub(super) fn forms() -> Vec<Form> {
    let mut forms: Vec<Form> = FIELDS.iter().map(with_one_more).collect();
    forms.extend(heads().into_iter().map(with_this_head));
    forms
}

fn with_one_more((name, source, field, then): &(&'static str, &'static str, Field, Fate)) -> Form {
    let (path, then) = match then {
        Fate::Stream => (CROSSED, Reset(PROTOCOL_ERROR)),
        Fate::Connection => (CROSSED, GoAway(PROTOCOL_ERROR)),
        Fate::BadRequest => (CROSSED, Refused(400, "BAD_REQUEST")),
        Fate::Crosses(value) => (CLEAN, Clean(vec![(field.0, value)], "")),
    };
    let acts = vec![Head(ordinary("GET", path, &[*field]), Last::Yes)];
    Form { name, source, acts, then }
}

fn with_this_head((name, source, mut fields, then): Row) -> Form {
    fields.push(("authorization", BEARER));
    Form { name, source, acts: vec![Head(fields, Last::Yes)], then }
}

/// What becomes of a request with one more field.
enum Fate {
    Stream,
    Connection,
    BadRequest,
    /// It is forwarded, with this value of the field.
    Crosses(&'static str),
}

const OF_THE_CONNECTION: &str = "RFC 9113, 8.2.2; h2spec 8.1.2.2";
const NAME: &str = "RFC 9113, 8.2.1; h2spec 8.1.2/1";
const VALUE: &str = "RFC 9113, 8.2.1";
const LENGTH: &str = "RFC 9113, 8.1.1; RFC 9110, 8.6";

/// An ordinary GET and one field more.
const FIELDS: &[(&str, &str, Field, Fate)] = &[
    ("connection: close", OF_THE_CONNECTION, ("connection", "close"), Fate::Stream),
    ("connection naming ours", OF_THE_CONNECTION, ("connection", "x-forwarded-user"), Fate::Stream),
    ("keep-alive", OF_THE_CONNECTION, ("keep-alive", "timeout=5"), Fate::Stream),
    ("proxy-connection", OF_THE_CONNECTION, ("proxy-connection", "keep-alive"), Fate::Stream),
    ("transfer-encoding: chunked", OF_THE_CONNECTION, ("transfer-encoding", "chunked"), Fate::Stream),
    ("transfer-encoding: identity", OF_THE_CONNECTION, ("transfer-encoding", "identity"), Fate::Stream),
    ("upgrade: h2c", OF_THE_CONNECTION, ("upgrade", "h2c"), Fate::Stream),
    ("te: gzip", OF_THE_CONNECTION, ("te", "gzip"), Fate::Stream),
    ("te: trailers, gzip", OF_THE_CONNECTION, ("te", "trailers, gzip"), Fate::Stream),
    ("te: trailers", OF_THE_CONNECTION, ("te", "trailers"), Fate::Crosses(NONE)),
    ("http2-settings", "RFC 7540, 3.2.1", ("http2-settings", "AAMAAABk"), Fate::Crosses(NONE)),
    ("an upper-case name", NAME, ("X-Smuggled", "1"), Fate::Connection),
    ("an upper-case letter within", NAME, ("x-smugglEd", "1"), Fate::Connection),
    ("a blank in a name", NAME, ("x smuggled", "1"), Fate::Connection),
    ("a blank before the colon", NAME, ("x-smuggled ", "1"), Fate::Connection),
    ("a colon in a name", NAME, ("x-smuggled: 1\r\nx", "1"), Fate::Connection),
    ("a colon at the end of a name", NAME, ("x-smuggled:", "1"), Fate::Connection),
    ("no name", NAME, ("", "smuggled"), Fate::Connection),
    ("CR in a name", NAME, ("x\rsmuggled", "1"), Fate::Connection),
    ("LF in a name", NAME, ("x\nsmuggled", "1"), Fate::Connection),
    ("NUL in a name", NAME, ("x\0smuggled", "1"), Fate::Connection),
    ("DEL in a name", NAME, ("x\x7fsmuggled", "1"), Fate::Connection),
    ("bytes over 0x7f in a name", NAME, ("x-é-smuggled", "1"), Fate::Connection),
    ("CR in a value", VALUE, ("x-a", "1\rsmuggled: 1"), Fate::Connection),
    ("LF in a value", VALUE, ("x-a", "1\nsmuggled: 1"), Fate::Connection),
    ("CRLF in a value", VALUE, ("x-a", "1\r\nsmuggled: 1"), Fate::Connection),
    ("a whole request in a value", VALUE, ("x-a", "1\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n"), Fate::Connection),
    ("NUL in a value", VALUE, ("x-a", "1\0smuggled"), Fate::Connection),
    ("a control byte in a value", VALUE, ("x-a", "1\x01smuggled"), Fate::Connection),
    ("DEL in a value", VALUE, ("x-a", "1\x7fsmuggled"), Fate::Connection),
    ("a blank before a value", VALUE, ("x-a", " smuggled"), Fate::BadRequest),
    ("a blank behind a value", VALUE, ("x-a", "smuggled "), Fate::BadRequest),
    ("a tab before a value", VALUE, ("x-a", "\tsmuggled"), Fate::BadRequest),
    ("a tab behind a value", VALUE, ("x-a", "smuggled\t"), Fate::BadRequest),
    ("an empty value", VALUE, ("x-a", ""), Fate::Crosses("")),
    ("content-length on a GET that has ended", LENGTH, ("content-length", "5"), Fate::Stream),
    ("content-length: 0 on a GET that has ended", LENGTH, ("content-length", "0"), Fate::Crosses("0")),
    ("host that differs", "RFC 9113, 8.3.1", ("host", "smuggled.example"), Fate::BadRequest),
    ("host that differs by its port", "RFC 9113, 8.3.1", ("host", "localhost:1"), Fate::BadRequest),
    ("host with user information", "RFC 9110, 4.2.4", ("host", "smuggled@localhost"), Fate::BadRequest),
    ("host with a path", "RFC 9110, 7.2", ("host", "localhost/smuggled"), Fate::BadRequest),
    ("host as in :authority", "RFC 9113, 8.3.1", ("host", "localhost"), Fate::Crosses("localhost")),
    ("a late :path", "RFC 9113, 8.3; h2spec 8.1.2.1/4", (":path", "/smuggled"), Fate::Stream),
    ("a late :scheme of its own", "RFC 9113, 8.3; h2spec 8.1.2.1/4", (":scheme", "https"), Fate::Stream),
    ("a late :status", "RFC 9113, 8.3; h2spec 8.1.2.1/2", (":status", "200"), Fate::Stream),
];

const METHOD: Field = (":method", "GET");
const SCHEME: Field = (":scheme", "https");
const AUTHORITY: Field = (":authority", "localhost");
const PATH: Field = (":path", CROSSED);
const UNDEFINED: &str = "RFC 9113, 8.3; h2spec 8.1.2.1";
const REQUIRED: &str = "RFC 9113, 8.3.1; h2spec 8.1.2.3";

type Row = (&'static str, &'static str, Vec<Field>, Then);

/// Heads of their own, to which only the token is added.
fn heads() -> Vec<Row> {
    [pseudo_fields(), paths_and_methods(), authorities(), methods_not_served(), odd_and_good()].concat()
}

fn stream() -> Then {
    Reset(PROTOCOL_ERROR)
}

fn bad_request() -> Then {
    Refused(400, "BAD_REQUEST")
}

fn pseudo_fields() -> Vec<Row> {
    vec![
        ("no :method", REQUIRED, vec![SCHEME, AUTHORITY, PATH], stream()),
        ("no :scheme", REQUIRED, vec![METHOD, AUTHORITY, PATH], stream()),
        ("no :path", REQUIRED, vec![METHOD, SCHEME, AUTHORITY], stream()),
        ("no pseudo-field at all", REQUIRED, vec![("host", "localhost")], stream()),
        ("two :method", REQUIRED, vec![METHOD, METHOD, SCHEME, AUTHORITY, PATH], stream()),
        ("two :scheme", REQUIRED, vec![METHOD, SCHEME, SCHEME, AUTHORITY, PATH], stream()),
        ("two :path", REQUIRED, vec![METHOD, SCHEME, AUTHORITY, PATH, PATH], stream()),
        ("two :authority", REQUIRED, vec![METHOD, SCHEME, AUTHORITY, AUTHORITY, PATH], stream()),
        (
            "an unknown pseudo-field",
            UNDEFINED,
            vec![METHOD, SCHEME, AUTHORITY, PATH, (":smuggled", "1")],
            GoAway(PROTOCOL_ERROR),
        ),
        (":status in a request", UNDEFINED, vec![METHOD, SCHEME, AUTHORITY, PATH, (":status", "200")], stream()),
        ("a field before :path", UNDEFINED, vec![METHOD, SCHEME, AUTHORITY, ("x-a", "1"), PATH], stream()),
        ("a field before everything", UNDEFINED, vec![("x-a", "1"), METHOD, SCHEME, AUTHORITY, PATH], stream()),
    ]
}

fn paths_and_methods() -> Vec<Row> {
    let path = |path| vec![METHOD, SCHEME, AUTHORITY, (":path", path)];
    vec![
        ("an empty :path", REQUIRED, path(""), stream()),
        (":path without a slash", "RFC 9113, 8.3.1", path("crossed"), stream()),
        (":path that is a whole URL", "RFC 9113, 8.3.1", path("https://localhost/crossed"), stream()),
        (":path that is a query", "RFC 9113, 8.3.1", path("?crossed"), bad_request()),
        (":path * with GET", "RFC 9113, 8.3.1", path("*"), bad_request()),
        ("a blank in :path", "RFC 9113, 8.3.1", path("/crossed HTTP/1.1"), stream()),
        ("CRLF in :path", "RFC 9113, 8.2.1", path("/crossed HTTP/1.1\r\nsmuggled: 1"), stream()),
        ("NUL in :path", "RFC 9113, 8.2.1", path("/crossed\0"), stream()),
        ("a dot segment in :path", "contract, 3", path("/a/../crossed"), Refused(400, "BAD_PATH")),
        (
            "a blank in :method",
            "RFC 9110, 9.1",
            vec![(":method", "GET /smuggled"), SCHEME, AUTHORITY, PATH],
            GoAway(PROTOCOL_ERROR),
        ),
        ("an empty :method", "RFC 9110, 9.1", vec![(":method", ""), SCHEME, AUTHORITY, PATH], GoAway(PROTOCOL_ERROR)),
        (
            "CRLF in :method",
            "RFC 9110, 9.1",
            vec![(":method", "GET\r\nsmuggled"), SCHEME, AUTHORITY, PATH],
            GoAway(PROTOCOL_ERROR),
        ),
        ("a foreign :scheme", "RFC 9110, 4.2", vec![METHOD, (":scheme", "ftp"), AUTHORITY, PATH], bad_request()),
        ("a :scheme that is none", "RFC 3986, 3.1", vec![METHOD, (":scheme", "ht tp"), AUTHORITY, PATH], stream()),
        ("an empty :scheme", "RFC 3986, 3.1", vec![METHOD, (":scheme", ""), AUTHORITY, PATH], bad_request()),
    ]
}

fn authorities() -> Vec<Row> {
    let authority = |authority| vec![METHOD, SCHEME, (":authority", authority), PATH];
    vec![
        ("no authority", "RFC 9113, 8.3.1", vec![METHOD, SCHEME, PATH], bad_request()),
        ("an empty :authority", "RFC 9113, 8.3.1", authority(""), stream()),
        (":authority with user information", "RFC 9113, 8.3.1", authority("smuggled@localhost"), bad_request()),
        (":authority with a password", "RFC 9113, 8.3.1", authority("a:smuggled@localhost"), bad_request()),
        (":authority with a path", "RFC 9113, 8.3.1", authority("localhost/smuggled"), stream()),
        (":authority with CRLF", "RFC 9113, 8.2.1", authority("localhost\r\nsmuggled: 1"), stream()),
        (":authority with a bad port", "RFC 3986, 3.2.3", authority("localhost:99999"), bad_request()),
        (":authority of two hosts", "RFC 9113, 8.3.1", authority("localhost,smuggled"), bad_request()),
        (
            "two host",
            "RFC 9110, 7.2",
            vec![METHOD, SCHEME, PATH, ("host", "localhost"), ("host", "localhost")],
            bad_request(),
        ),
        (
            "host alone",
            "RFC 9113, 8.3.1",
            vec![METHOD, SCHEME, (":path", CLEAN), ("host", "alone")],
            Clean(vec![("host", "alone")], ""),
        ),
    ]
}

fn methods_not_served() -> Vec<Row> {
    let not_served = || Refused(405, "BAD_REQUEST");
    vec![
        (
            "CONNECT",
            "RFC 9113, 8.5; contract, 3",
            vec![(":method", "CONNECT"), (":authority", "smuggled:443")],
            not_served(),
        ),
        ("CONNECT with :path", "RFC 9113, 8.5", vec![(":method", "CONNECT"), SCHEME, AUTHORITY, PATH], stream()),
        ("CONNECT without :authority", "RFC 9113, 8.5", vec![(":method", "CONNECT")], not_served()),
        (
            "extended CONNECT that was not offered",
            "RFC 8441, 3 and 4",
            vec![(":method", "CONNECT"), (":protocol", "websocket"), SCHEME, AUTHORITY, PATH],
            stream(),
        ),
        (
            ":protocol on GET",
            "RFC 8441, 4",
            vec![METHOD, (":protocol", "websocket"), SCHEME, AUTHORITY, PATH],
            stream(),
        ),
        ("TRACE", "RFC 9110, 9.3.8; contract, 3", vec![(":method", "TRACE"), SCHEME, AUTHORITY, PATH], not_served()),
    ]
}

fn odd_and_good() -> Vec<Row> {
    vec![
        (
            "cookie crumbs",
            "RFC 9113, 8.2.3",
            vec![
                METHOD,
                SCHEME,
                AUTHORITY,
                (":path", CLEAN),
                ("cookie", "a=1"),
                ("x-a", "1"),
                ("cookie", "b=2"),
                ("cookie", "c=3"),
            ],
            Clean(vec![("cookie", "a=1; b=2; c=3")], ""),
        ),
        (
            "x-forwarded-user of the caller's",
            "contract, 3",
            vec![
                METHOD,
                SCHEME,
                AUTHORITY,
                (":path", CLEAN),
                ("x-forwarded-user", "smuggled"),
                ("x_forwarded_user", "smuggled"),
            ],
            Clean(vec![("x-forwarded-user", crate::kit::sidecar::USERNAME), ("x_forwarded_user", NONE)], ""),
        ),
    ]
}
