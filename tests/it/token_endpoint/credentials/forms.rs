//! Forms of `Authorization` that are no credentials, as many as there are ways to get them wrong.

use base64::{Engine, engine::general_purpose::URL_SAFE};

use super::basic;
use crate::kit::{
    sidecar::{PASSWORD, USERNAME},
    text,
};

/// What does not let anybody in.
pub(super) struct Form {
    /// What it is.
    pub(super) what: &'static str,
    /// The values of `Authorization`, one for each field.
    pub(super) values: Vec<Vec<u8>>,
    /// What it breaks.
    pub(super) source: &'static str,
}

impl Form {
    /// The reason in the log.
    pub(super) fn reason(&self) -> &'static str {
        if self.values.is_empty() { "basic_absent" } else { "basic_malformed" }
    }
}

const ABSENT: &str = "RFC 9110, 11.6.1";
const SCHEME: &str = "RFC 9110, 11.4; RFC 7617, 2";
const ONE: &str = "RFC 9110, 5.3 and 11.6.2: one field, one value";
const BASE64: &str = "RFC 4648, 3.2, 3.3, 3.5 and 4";
const UTF8: &str = "RFC 7617, 2.1; RFC 3629, 3";
const USER_PASS: &str = "RFC 7617, 2: a colon, and no control characters";
const LONG: &str = "RFC 9110, 17.5";

/// All of them; `token` is a good one of ours, which is none here.
pub(super) fn all(token: &str) -> Vec<Form> {
    let good = text::basic(USERNAME, PASSWORD);
    let encoded = good.replace("Basic ", "");
    let good = good.as_bytes();
    let with = |before: &str, after: &str| format!("{before}{encoded}{after}").into_bytes();
    let forms: Vec<(&str, Vec<Vec<u8>>, &str)> = vec![
        ("no header", vec![], ABSENT),
        ("an empty header", vec![b"".to_vec()], SCHEME),
        ("the scheme alone", vec![b"Basic".to_vec()], SCHEME),
        ("the scheme and spaces", vec![b"Basic    ".to_vec()], SCHEME),
        ("no scheme", vec![with("", "")], SCHEME),
        ("Bearer and the credentials", vec![with("Bearer ", "")], SCHEME),
        ("Bearer and a token of ours", vec![format!("Bearer {token}").into_bytes()], SCHEME),
        ("Basic and a token of ours", vec![format!("Basic {token}").into_bytes()], BASE64),
        ("Digest", vec![br#"Digest username="vietqr-live", response="0""#.to_vec()], SCHEME),
        ("Negotiate", vec![with("Negotiate ", "")], SCHEME),
        ("a longer scheme", vec![with("Basics ", "")], SCHEME),
        ("a shorter scheme", vec![with("Basi ", "")], SCHEME),
        ("a scheme in two words", vec![with("Ba sic ", "")], SCHEME),
        ("no space after the scheme", vec![with("Basic", "")], SCHEME),
        ("a colon after the scheme", vec![with("Basic: ", "")], SCHEME),
        ("an equals sign after the scheme", vec![with("Basic=", "")], SCHEME),
        ("a tab after the scheme", vec![with("Basic\t", "")], SCHEME),
        ("a space and a tab after the scheme", vec![with("Basic \t", "")], BASE64),
        ("the scheme twice", vec![with("Basic Basic ", "")], BASE64),
        ("in clear", vec![format!("Basic {USERNAME}:{PASSWORD}").into_bytes()], BASE64),
        ("a space within", vec![format!("Basic {} {}", &encoded[..8], &encoded[8..]).into_bytes()], BASE64),
        ("quotes around", vec![with("Basic \"", "\"")], BASE64),
        ("a comma after", vec![with("Basic ", ",")], BASE64),
        ("a semicolon after", vec![with("Basic ", ";")], BASE64),
        ("a parameter after", vec![with("Basic ", ", realm=\"bearergate\"")], SCHEME),
        ("twice in one header", vec![with("Basic ", &format!(", Basic {encoded}"))], ONE),
        ("twice", vec![good.to_vec(), good.to_vec()], ONE),
        ("Basic and Bearer", vec![good.to_vec(), format!("Bearer {token}").into_bytes()], ONE),
        ("Bearer and Basic", vec![format!("Bearer {token}").into_bytes(), good.to_vec()], ONE),
        ("an empty one and a good one", vec![b"".to_vec(), good.to_vec()], ONE),
        ("Base64 with too much padding", vec![with("Basic ", "=")], BASE64),
        ("Base64 without its padding", vec![b"Basic YWE6Yg".to_vec()], BASE64),
        ("Base64 without half of its padding", vec![b"Basic YWE6Yg=".to_vec()], BASE64),
        ("Base64 with stray bits", vec![b"Basic YWE6Yh==".to_vec()], BASE64),
        ("Base64 of one letter", vec![b"Basic Y".to_vec()], BASE64),
        ("padding alone", vec![b"Basic ====".to_vec()], BASE64),
        ("url-safe Base64", vec![format!("Basic {}", URL_SAFE.encode("u:>>>???")).into_bytes()], BASE64),
        ("no letters of Base64", vec!["Basic mật khẩu".as_bytes().to_vec()], BASE64),
        ("a byte that is no UTF-8", vec![b"Basic dTpw\xff\xfe".to_vec()], BASE64),
        ("percent-encoded Base64", vec![b"Basic YWE6Yg%3D%3D".to_vec()], BASE64),
        ("Base64 of Base64", vec![basic(encoded.as_bytes())], BASE64),
        ("no colon", vec![basic(USERNAME.as_bytes())], USER_PASS),
        ("another colon", vec![basic("user：password".as_bytes())], USER_PASS),
        ("nothing but the encoding of nothing", vec![basic(b"")], USER_PASS),
        ("Latin-1 within", vec![basic(b"user:p\xe4ssword")], UTF8),
        ("UTF-16 within", vec![basic(b"u\0s\0e\0r\0:\0p\0")], USER_PASS),
        ("overlong UTF-8 within", vec![basic(b"user\xc0\xba:p")], UTF8),
        ("a NUL within", vec![basic(format!("{USERNAME}:{PASSWORD}\0").as_bytes())], USER_PASS),
        ("a line feed at the end", vec![basic(format!("{USERNAME}:{PASSWORD}\n").as_bytes())], USER_PASS),
        ("CR LF in the user name", vec![basic(b"us\r\ner:password")], USER_PASS),
        ("DEL within", vec![basic(b"user:pass\x7fword")], USER_PASS),
        ("C1 control within", vec![basic("user:pass\u{85}word".as_bytes())], USER_PASS),
        ("over 1 KiB", vec![basic(format!("u:{}", "p".repeat(1023)).as_bytes())], LONG),
        ("far over 1 KiB", vec![basic(format!("u:{}", "p".repeat(8000)).as_bytes())], LONG),
        ("a longer name of the scheme", vec![with("BasicAuth ", "")], SCHEME),
        ("the scheme in quotes", vec![with("\"Basic\" ", "")], SCHEME),
        ("the scheme after a comma", vec![with(", Basic ", "")], SCHEME),
        ("a percent-encoded space", vec![with("Basic%20", "")], SCHEME),
        ("a plus sign for a space", vec![with("Basic+", "")], SCHEME),
        ("a space of Unicode after the scheme", vec![with("Basic\u{a0}", "")], SCHEME),
        ("the name of the field again", vec![with("Authorization: Basic ", "")], SCHEME),
        ("null", vec![b"Basic null".to_vec()], UTF8),
        ("undefined", vec![b"Basic undefined".to_vec()], BASE64),
        ("a placeholder", vec![b"Basic {{base64(user:password)}}".to_vec()], BASE64),
        ("hexadecimal", vec![format!("Basic {}", hex(PASSWORD)).into_bytes()], UTF8),
        ("padding first", vec![with("Basic =", "")], BASE64),
        ("padding within", vec![format!("Basic {}={}", &encoded[..8], &encoded[8..]).into_bytes()], BASE64),
        ("a line broken as in mail", vec![format!("Basic {}\t{}", &encoded[..8], &encoded[8..]).into_bytes()], BASE64),
        ("a letter cut off", vec![format!("Basic {}", &encoded[1..]).into_bytes()], BASE64),
        ("a byte order mark in UTF-16", vec![basic(b"\xff\xfeu\0:\0p\0")], UTF8),
        ("half a character", vec![basic(b"user:\xe1\xba")], UTF8),
        ("half a pair of surrogates", vec![basic(b"user:\xed\xa0\xbd")], UTF8),
        ("a tab within", vec![basic(b"user:pass\tword")], USER_PASS),
        ("an escape within", vec![basic(b"user:\x1b[2J")], USER_PASS),
    ];
    forms.into_iter().map(|(what, values, source)| Form { what, values, source }).collect()
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}
