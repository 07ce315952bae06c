//! Tokens that this program would not have written: damaged, forged, or with a header or claims that are not ours.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::json;

use super::{KEY, NOW, Row, all_are_refused_alike, all_pass, signed, with, without};
use crate::kit::{
    Sidecar, Upstream, forge,
    sidecar::{PASSWORD, USERNAME},
    text,
};

const MOST: usize = 8 << 10;

fn claims() -> String {
    forge::claims(USERNAME, NOW).to_string()
}

/// A good token under another header.
fn under(header: &str) -> String {
    forge::token(header, &claims(), KEY)
}

/// A good token of exactly `length` bytes, filled with a claim that nobody knows.
fn of_length(length: usize) -> String {
    let token = |fill: usize| signed(&with("fill", &format!("\"{}\"", "x".repeat(fill))));
    (0..length)
        .rev()
        .map(|fill| (fill * 3 / 4).min(length))
        .find_map(|fill| {
            let token = token(fill);
            (token.len() == length).then_some(token)
        })
        .unwrap_or_else(|| panic!("no token is {length} bytes long"))
}

async fn gate() -> (Upstream, Sidecar) {
    let upstream = Upstream::recording().await;
    let sidecar = Sidecar::guarding(&upstream).clock(NOW).start().await;
    (upstream, sidecar)
}

#[tokio::test]
async fn what_is_not_a_token_of_three_parts_is_refused() {
    let (upstream, sidecar) = gate().await;
    let good = sidecar.token().await;
    let rows = shapes(&good);
    all_are_refused_alike(&upstream, &sidecar, &rows).await;
    all_pass(&upstream, &sidecar, &[("exactly 8 KiB", of_length(MOST)), ("the ordinary one", good)]).await;
}

/// Text in the shape of a token, and in no shape at all. Source: RFC 7515, section 7.1.
pub(super) fn shapes(good: &str) -> Vec<Row> {
    let parts: Vec<&str> = good.split('.').collect();
    let [header, claims, signature] = parts[..] else { panic!("a token has three parts") };
    let joined = |parts: &[&str]| parts.join(".");
    let mut rows: Vec<Row> = [
        ("null", "null".to_owned()),
        ("undefined", "undefined".to_owned()),
        ("None", "None".to_owned()),
        ("[object Object]", "[object Object]".to_owned()),
        ("{{token}}", "{{access_token}}".to_owned()),
        ("one letter", "x".to_owned()),
        ("a dot", ".".to_owned()),
        ("two dots", "..".to_owned()),
        ("three dots", "...".to_owned()),
        ("one part", header.to_owned()),
        ("two parts", joined(&[header, claims])),
        ("four parts", joined(&[header, claims, signature, signature])),
        ("five parts, as an encrypted one has", joined(&[header, "", claims, signature, signature])),
        ("without a header", joined(&["", claims, signature])),
        ("without claims", joined(&[header, "", signature])),
        ("a dot before", format!(".{good}")),
        ("a dot after", format!("{good}.")),
        ("quotes around", format!("\"{good}\"")),
        ("angle brackets around", format!("<{good}>")),
        ("Bearer twice", format!("Bearer {good}")),
        ("a space within", format!("{header}.{claims}. {signature}")),
        ("a tab before", format!("\t{good}")),
        ("a comma after", format!("{good},")),
        ("twice in one header", format!("{good}, Bearer {good}")),
        ("twice in one header, without a scheme", format!("{good},{good}")),
        ("a padded signature", format!("{good}=")),
        ("JSON", json!({ "payload": claims, "protected": header, "signature": signature }).to_string()),
        ("the members of the answer", json!({ "access_token": good }).to_string()),
        ("percent-encoded dots", good.replace('.', "%2E")),
        ("letters beyond ASCII", format!("{header}.{claims}.đ")),
        ("standard Base64 for the signature", joined(&[header, claims, "+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/8"])),
        ("Base64 of the token", STANDARD.encode(good)),
        ("the credentials", text::basic(USERNAME, PASSWORD).replace("Basic ", "")),
    ]
    .map(|(row, token)| (row, token, "token_malformed"))
    .into();
    rows.push(("a byte over 8 KiB", of_length(MOST + 1), "token_too_long"));
    rows.push(("over 8 KiB and no token", "x".repeat(MOST + 1), "token_too_long"));
    rows.push(("20 KB", format!("{good}{}", "x".repeat(20_000)), "token_too_long"));
    rows
}

#[tokio::test]
async fn a_signature_that_is_not_ours_is_refused() {
    let (upstream, sidecar) = gate().await;
    let good = sidecar.token().await;
    let rows = signatures(&good);
    all_are_refused_alike(&upstream, &sidecar, &rows).await;
}

/// Damaged and forged signatures of a good token. Source: RFC 7515, section 5.2.
pub(super) fn signatures(good: &str) -> Vec<Row> {
    let (message, signature) = good.rsplit_once('.').expect("a token has three parts");
    let other = forge::hs256(&forge::claims(USERNAME, NOW), b"another key, which is not the sidecar's");
    let changed = |at: usize| {
        let mut letters: Vec<char> = signature.chars().collect();
        letters[at] = if letters[at] == 'A' { 'B' } else { 'A' };
        format!("{message}.{}", letters.into_iter().collect::<String>())
    };
    let header = forge::encode(forge::HS256);
    let other_claims = forge::encode(with("sub", r#""admin""#));
    let forge = |key: &[u8]| forge::hs256(&forge::claims(USERNAME, NOW), key);
    let rows = [
        ("another key", other, "token_signature"),
        ("a key of nothing", forge(b"\0"), "token_signature"),
        ("the key of the documentation", forge(b"your-256-bit-secret"), "token_signature"),
        ("the user name for a key", forge(USERNAME.as_bytes()), "token_signature"),
        ("the password for a key", forge(PASSWORD.as_bytes()), "token_signature"),
        ("our key and a line feed", forge(&[KEY, b"\n"].concat()), "token_signature"),
        (
            "our key decoded",
            forge(&STANDARD.decode("a2l0LWtleS01ZjBjOWQyYWI0N2U4MTM2").expect("base64")),
            "token_signature",
        ),
        ("no signature", format!("{message}."), "token_signature"),
        ("half a signature", format!("{message}.{}", &signature[..20]), "token_signature"),
        ("a signature and more", format!("{message}.{signature}AAAA"), "token_signature"),
        ("another first letter", changed(0), "token_signature"),
        ("another letter within", changed(21), "token_signature"),
        ("zeros", format!("{message}.{}", "A".repeat(43)), "token_signature"),
        ("a space before the claims", good.replacen('.', ". ", 1), "token_signature"),
        ("other claims under it", format!("{header}.{other_claims}.{signature}"), "token_signature"),
        ("our secret as the signature", format!("{message}.{}", forge::encode(KEY)), "token_signature"),
        ("a digest of nothing secret", signed_with_a_digest(message), "token_signature"),
        ("stray bits at its end", stray_bits(good), "token_malformed"),
    ];
    rows.into()
}

fn signed_with_a_digest(message: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, message.as_bytes());
    format!("{message}.{}", forge::encode(digest.as_ref()))
}

/// The same signature written in another way: 43 letters carry 258 bits, of which the last two mean nothing.
fn stray_bits(token: &str) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (start, last) = token.split_at(token.len() - 1);
    let value = LETTERS.iter().position(|letter| letter == &last.as_bytes()[0]).expect("a letter of base64url");
    format!("{start}{}", char::from(LETTERS[value | 1]))
}

// Checklist M39 (one algorithm), M40 (what a token says of keys is never followed), M43 (crit, b64).
#[tokio::test]
async fn a_header_that_is_not_ours_is_refused_and_nothing_it_names_is_looked_up() {
    let (upstream, sidecar) = gate().await;
    let elsewhere = Upstream::recording().await;
    let key_set = format!("{}/jwks.json", elsewhere.url());
    let rows = headers(&key_set);
    all_are_refused_alike(&upstream, &sidecar, &rows).await;
    let issuer = [("an issuer that is an address", signed(&with("iss", &json!(key_set).to_string())), "token_issuer")];
    all_are_refused_alike(&upstream, &sidecar, &issuer).await;
    assert_eq!(elsewhere.connections().len(), 0);
    let good = [
        ("spaces in the header", under(r#"{ "alg" : "HS256", "typ" : "JWT" }"#)),
        ("another order", under(r#"{"typ":"JWT","alg":"HS256"}"#)),
        ("escapes in the header", under(r#"{"alg":"\u0048S256","typ":"JWT"}"#)),
    ];
    all_pass(&upstream, &sidecar, &good).await;
}

/// Headers with more, less or something else than ours. Source: RFC 7515, section 4; RFC 8725, section 3.10.
pub(super) fn headers(key_set: &str) -> Vec<Row> {
    let jwk = json!({ "kty": "oct", "k": forge::encode(KEY) });
    let member = |member: &str| under(&format!(r#"{{"alg":"HS256","typ":"JWT",{member}}}"#));
    let named = |name: &str, value: serde_json::Value| member(&format!("\"{name}\":{value}"));
    let unknown = "token_header";
    let rows = [
        ("crit with exp", member(r#""crit":["exp"],"exp":1"#), unknown),
        ("crit with something unknown", member(r#""crit":["x"],"x":true"#), unknown),
        ("crit of nothing", member(r#""crit":[]"#), unknown),
        ("crit null", member(r#""crit":null"#), unknown),
        ("crit with b64", member(r#""crit":["b64"],"b64":false"#), unknown),
        ("b64 false", member(r#""b64":false"#), unknown),
        ("b64 true", member(r#""b64":true"#), unknown),
        ("jku", named("jku", json!(key_set)), unknown),
        ("x5u", named("x5u", json!(key_set)), unknown),
        ("jwk", named("jwk", jwk.clone()), unknown),
        ("x5c", named("x5c", json!(["MIIB"])), unknown),
        ("x5t", named("x5t", json!("0")), unknown),
        ("jku as kid", named("kid", json!(key_set)), "token_unknown_key"),
        ("kid", named("kid", json!("1")), "token_unknown_key"),
        ("an empty kid", named("kid", json!("")), "token_unknown_key"),
        ("kid of a file", named("kid", json!("../../../../dev/null")), "token_unknown_key"),
        ("kid with SQL", named("kid", json!("x' UNION SELECT 'key'--")), "token_unknown_key"),
        ("kid null", member(r#""kid":null"#), unknown),
        ("kid a number", member(r#""kid":1"#), unknown),
        ("kid twice", member(r#""kid":"1","kid":"2""#), unknown),
        ("cty", named("cty", json!("JWT")), unknown),
        ("zip", named("zip", json!("DEF")), unknown),
        ("enc", named("enc", json!("A128GCM")), unknown),
        ("something unknown", named("x", json!(1)), unknown),
        ("alg twice", member(r#""alg":"HS256""#), unknown),
        ("alg twice, none first", under(r#"{"alg":"none","typ":"JWT","alg":"HS256"}"#), unknown),
        ("no alg", under(r#"{"typ":"JWT"}"#), unknown),
        ("alg null", under(r#"{"alg":null,"typ":"JWT"}"#), unknown),
        ("alg a list", under(r#"{"alg":["HS256"],"typ":"JWT"}"#), unknown),
        ("ALG", under(r#"{"ALG":"HS256","typ":"JWT"}"#), unknown),
        ("no typ", under(r#"{"alg":"HS256"}"#), unknown),
        ("typ jwt", under(r#"{"alg":"HS256","typ":"jwt"}"#), unknown),
        ("typ at+jwt", under(r#"{"alg":"HS256","typ":"at+jwt"}"#), unknown),
        ("typ null", under(r#"{"alg":"HS256","typ":null}"#), unknown),
        ("no member", under("{}"), unknown),
        ("a list", under(r#"["HS256","JWT"]"#), unknown),
        ("null", under("null"), unknown),
        ("no JSON", under("HS256"), unknown),
        ("JSON and more", under(r#"{"alg":"HS256","typ":"JWT"}x"#), unknown),
        ("deep JSON", under(&"[".repeat(3000)), unknown),
    ];
    rows.into()
}

// Checklist M41 (numbers that are numbers), M42 (all that is issued is required, and compared exactly).
#[tokio::test]
async fn claims_that_are_not_ours_are_refused_though_the_key_is() {
    let (upstream, sidecar) = gate().await;
    let rows = claim_sets();
    all_are_refused_alike(&upstream, &sidecar, &rows).await;
    let good = [
        ("as forged by the kit", signed(&claims())),
        ("a claim that nobody knows", signed(&with("scope", r#"{"a":[1,null]}"#))),
        (
            "another order and spaces",
            signed(&format!("{{ \"jti\" : \"x\", {}", &claims()[1..].replace(r#""jti":"forged-1","#, ""))),
        ),
    ];
    all_pass(&upstream, &sidecar, &good).await;
}

/// Claims that the right key has signed, and we would not have written. Source: RFC 7519, section 4.1.
pub(super) fn claim_sets() -> Vec<Row> {
    let (text, float) = (format!("\"{}\"", NOW + 300), format!("{}.0", NOW + 300));
    let cases: Vec<Row> = vec![
        ("no exp", without("exp"), "token_claims"),
        ("exp a text", with("exp", &text), "token_claims"),
        ("exp a float", with("exp", &float), "token_claims"),
        ("exp with an exponent", with("exp", "18000003e2"), "token_claims"),
        ("exp negative", with("exp", "-1"), "token_claims"),
        ("exp null", with("exp", "null"), "token_claims"),
        ("exp true", with("exp", "true"), "token_claims"),
        ("exp a list", with("exp", "[1800000300]"), "token_claims"),
        ("exp 0", with("exp", "0"), "token_claims"),
        ("exp beyond 64 bits", with("exp", "18446744073709551616"), "token_claims"),
        ("exp far beyond", with("exp", "1e300"), "token_claims"),
        ("exp twice", claims().replacen('{', r#"{"exp":1800000300,"#, 1), "token_claims"),
        ("exp a date", with("exp", r#""2027-01-15T08:05:00Z""#), "token_claims"),
        ("EXP", without("exp").replacen('{', r#"{"EXP":1800000300,"#, 1), "token_claims"),
        ("no iat", without("iat"), "token_claims"),
        ("iat a text", with("iat", &format!("\"{NOW}\"")), "token_claims"),
        ("iat a float", with("iat", &format!("{NOW}.5")), "token_claims"),
        ("iat negative", with("iat", "-1"), "token_claims"),
        ("iat null", with("iat", "null"), "token_claims"),
        ("nbf a text", with("nbf", &format!("\"{NOW}\"")), "token_claims"),
        ("nbf a float", with("nbf", "1.5"), "token_claims"),
        ("nbf negative", with("nbf", "-1"), "token_claims"),
        ("nbf null", with("nbf", "null"), "token_claims"),
        ("no iss", without("iss"), "token_claims"),
        ("iss null", with("iss", "null"), "token_claims"),
        ("iss a list", with("iss", r#"["bearergate"]"#), "token_claims"),
        ("iss empty", with("iss", r#""""#), "token_issuer"),
        ("iss of another", with("iss", r#""another""#), "token_issuer"),
        ("iss in capitals", with("iss", r#""Bearergate""#), "token_issuer"),
        ("iss and a space", with("iss", r#""bearergate ""#), "token_issuer"),
        ("iss and a NUL", with("iss", r#""bearergate\u0000""#), "token_issuer"),
        ("no sub", without("sub"), "token_claims"),
        ("sub null", with("sub", "null"), "token_claims"),
        ("sub a number", with("sub", "1"), "token_claims"),
        ("sub empty", with("sub", r#""""#), "token_claims"),
        ("sub of nobody", with("sub", r#""admin""#), "client_gone"),
        ("no jti", without("jti"), "token_claims"),
        ("jti null", with("jti", "null"), "token_claims"),
        ("jti empty", with("jti", r#""""#), "token_claims"),
        ("jti a number", with("jti", "1"), "token_claims"),
        ("aud where none is configured", with("aud", r#""partner""#), "token_audience"),
        ("aud empty", with("aud", r#""""#), "token_audience"),
        ("aud null", with("aud", "null"), "token_claims"),
        ("aud a list", with("aud", r#"["partner"]"#), "token_claims"),
        ("no claim", "{}".to_owned(), "token_claims"),
        ("a list", "[]".to_owned(), "token_claims"),
        ("null", "null".to_owned(), "token_claims"),
        ("no JSON", "x".to_owned(), "token_claims"),
        ("JSON and more", claims() + "x", "token_claims"),
        ("cut JSON", claims().trim_end_matches('}').to_owned(), "token_claims"),
        ("deep JSON", with("deep", "1").replace(":1,", &format!(":{},", "[".repeat(3000))), "token_claims"),
        ("another token", forge::encode(claims()), "token_claims"),
    ];
    cases.into_iter().map(|(row, claims, reason)| (row, signed(&claims), reason)).collect()
}

// Checklist M42.
#[tokio::test]
async fn issuer_and_audience_are_compared_exactly() {
    let upstream = Upstream::recording().await;
    let building = Sidecar::guarding(&upstream).clock(NOW).var("TOKEN_ISSUER", "gate.example/vqr");
    let sidecar = building.var("TOKEN_AUDIENCE", "partner").start().await;
    let of = |issuer: &str, audience: Option<&str>| {
        let mut claims = forge::claims(USERNAME, NOW);
        claims["iss"] = issuer.into();
        if let Some(audience) = audience {
            claims["aud"] = serde_json::from_str(audience).expect("JSON");
        }
        forge::hs256(&claims, KEY)
    };
    let ours = "gate.example/vqr";
    let rows = [
        ("no audience", of(ours, None), "token_audience"),
        ("another audience", of(ours, Some(r#""other""#)), "token_audience"),
        ("the audience in capitals", of(ours, Some(r#""Partner""#)), "token_audience"),
        ("the audience and a space", of(ours, Some(r#""partner ""#)), "token_audience"),
        ("an empty audience", of(ours, Some(r#""""#)), "token_audience"),
        (
            "claims in a list",
            signed(&format!(r#"["{ours}","{USERNAME}","partner",{NOW},{NOW},{},"1"]"#, NOW + 300)),
            "token_claims",
        ),
        ("a list with the audience", of(ours, Some(r#"["partner"]"#)), "token_claims"),
        ("a list with more", of(ours, Some(r#"["other","partner"]"#)), "token_claims"),
        ("the default issuer", of("bearergate", Some(r#""partner""#)), "token_issuer"),
        ("the issuer and a slash", of("gate.example/vqr/", Some(r#""partner""#)), "token_issuer"),
        ("half the issuer", of("gate.example", Some(r#""partner""#)), "token_issuer"),
        ("the two swapped", of("partner", Some(r#""gate.example/vqr""#)), "token_issuer"),
    ];
    all_are_refused_alike(&upstream, &sidecar, &rows).await;
    all_pass(&upstream, &sidecar, &[("ours", of(ours, Some(r#""partner""#))), ("its own", sidecar.token().await)])
        .await;
}
