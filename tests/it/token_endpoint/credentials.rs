//! Who gets a token, and how everybody else is told no.

mod forms;

use aws_lc_rs::digest;
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD},
};
use bearergate::{auth::accounts::hash_chosen, secret::Secret};

use super::{TOKEN, gate, token_of};
use crate::kit::{
    Frames, Refused, RequestText, Sidecar, Upstream,
    frames::{Last, Told},
    sidecar::{PASSWORD, USERNAME},
    text,
};

/// A token call with these values of `Authorization`, byte for byte.
fn asking(values: &[&[u8]]) -> Vec<u8> {
    let mut bytes = format!("POST {TOKEN} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n").into_bytes();
    for value in values {
        bytes.extend_from_slice(b"Authorization: ");
        bytes.extend_from_slice(value);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"\r\n{}");
    bytes
}

/// `Basic` and the Base64 of these bytes.
fn basic(plain: &[u8]) -> Vec<u8> {
    format!("Basic {}", STANDARD.encode(plain)).into_bytes()
}

fn sha256_of(password: &str) -> String {
    let digest = digest::digest(&digest::SHA256, password.as_bytes());
    digest.as_ref().iter().fold("sha256:".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

fn argon2id_of(password: &str) -> String {
    hash_chosen(&Secret::new(password.to_owned())).expect("a test machine can hash")
}

// Checklist M48.
#[tokio::test]
#[expect(clippy::print_stdout, reason = "how many forms there are belongs to the result")]
async fn every_fault_of_the_authorization_header_is_refused_alike() {
    let (upstream, sidecar) = gate().await;
    let token = sidecar.token().await;
    let (forms, mut first) = (forms::all(&token), None);
    println!("{} forms of credentials that are none", forms.len());
    assert!(forms.len() >= 60, "{} forms", forms.len());
    for form in &forms {
        let row = format!("{} ({})", form.what, form.source);
        let values: Vec<&[u8]> = form.values.iter().map(Vec::as_slice).collect();
        let response = sidecar.exchange(asking(&values)).await;
        Refused::NO_BASIC.check(&response, &row);
        assert_eq!(sidecar.page_of(&response).await["reason"], form.reason(), "{row}");
        let telltale = response.telltale();
        assert_eq!(first.get_or_insert_with(|| telltale.clone()), &telltale, "{row} is told apart outside");
        let http2 = over_http2(&sidecar, &values).await;
        // Blanks around a value make it malformed there: RFC 9113, section 8.2.1.
        let blank = |value: &&[u8]| value.trim_ascii() != *value;
        let said = if values.iter().any(blank) { (400, "BAD_REQUEST") } else { (401, "INVALID_AUTH_HEADER") };
        assert_eq!((http2.status, http2.refusal().as_str()), (Some(said.0), said.1), "{row} over HTTP/2");
        assert_eq!(upstream.seen(), 0, "{row}");
    }
}

async fn over_http2(sidecar: &Sidecar, values: &[&[u8]]) -> Told {
    let mut fields: Vec<(&[u8], &[u8])> = vec![
        (b":method", b"POST"),
        (b":scheme", b"https"),
        (b":authority", b"localhost"),
        (b":path", TOKEN.as_bytes()),
    ];
    fields.extend(values.iter().map(|value| (b"authorization".as_slice(), *value)));
    let mut frames = Frames::connect(sidecar).await;
    let stream = frames.open_bytes(&fields, Last::Yes).await;
    frames.told(stream).await
}

#[tokio::test]
async fn credentials_elsewhere_than_in_the_header_are_none() {
    let (upstream, sidecar) = gate().await;
    let basic = text::basic(USERNAME, PASSWORD);
    let form = format!("username={USERNAME}&password={PASSWORD}");
    let plain = |target: &str| RequestText::new("POST", target);
    for (row, request) in [
        ("Proxy-Authorization", plain(TOKEN).header("Proxy-Authorization", &basic)),
        ("X-Authorization", plain(TOKEN).header("X-Authorization", &basic)),
        ("X-Forwarded-Authorization", plain(TOKEN).header("X-Forwarded-Authorization", &basic)),
        ("a cookie", plain(TOKEN).header("Cookie", &format!("Authorization={basic}"))),
        ("the query", plain(&format!("{TOKEN}?username={USERNAME}&password=kx7-Wm2"))),
        ("a form", plain(TOKEN).header("Content-Type", "application/x-www-form-urlencoded").body(form)),
        ("JSON", plain(TOKEN).json(&format!(r#"{{"username":"{USERNAME}","password":"{PASSWORD}"}}"#))),
    ] {
        let response = sidecar.exchange(request).await;
        Refused::NO_BASIC.check(&response, row);
        assert_eq!(sidecar.page_of(&response).await["reason"], "basic_absent", "{row}");
        assert_eq!(upstream.seen(), 0, "{row}");
    }
}

#[tokio::test]
async fn credentials_are_never_read_from_a_target_with_user_information() {
    let (upstream, sidecar) = gate().await;
    sidecar.keep_secret("kx7-Wm2-pQ9rT4");
    let target = format!("http://{USERNAME}:kx7-Wm2-pQ9rT4@localhost{TOKEN}");
    let response = sidecar.exchange(RequestText::new("POST", &target)).await;
    Refused::gate(400, "BAD_REQUEST").check(&response, &target);
    assert_eq!(sidecar.page_of(&response).await["reason"], "bad_target");
    assert_eq!(upstream.seen(), 0);
}

/// Not refused by us but while parsing, without a body: contract, section 3.
#[tokio::test]
async fn a_header_that_http_does_not_allow_is_no_request() {
    let (upstream, sidecar) = gate().await;
    let good = text::basic(USERNAME, PASSWORD);
    for (row, line) in [
        ("a NUL", format!("Authorization: {good}\0")),
        ("a bare CR", format!("Authorization: {good}\rX: y")),
        ("a folded line", format!("Authorization: Basic\r\n {}", &good[6..])),
        ("a space before the colon", format!("Authorization : {good}")),
        ("a space before the name", format!("X: y\r\n Authorization: {good}")),
    ] {
        let request = format!("POST {TOKEN} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n{line}\r\n\r\n{{}}");
        let response = sidecar.exchange(request).await;
        assert_eq!((response.status(), response.text().as_str()), (400, ""), "{row}: {response:?}");
        assert_eq!(upstream.seen(), 0, "{row}");
    }
}

// Checklist M51.
#[tokio::test]
async fn whichever_of_user_and_password_is_wrong_the_answer_is_the_same() {
    let rows = |username: &str, password: &str| -> Vec<(&'static str, String, String)> {
        let row = |what, username: &str, password: &str| (what, username.to_owned(), password.to_owned());
        vec![
            row("an unknown user", "nobody", password),
            row("a wrong password", username, "wrong password"),
            row("both wrong", "nobody", "wrong password"),
            row("no password", username, ""),
            row("no user", "", password),
            row("neither", "", ""),
            row("the user in capitals", &username.to_uppercase(), password),
            row("a space after the user", &format!("{username} "), password),
            row("a space before the user", &format!(" {username}"), password),
            row("a space after the password", username, &format!("{password} ")),
            row("a space before the password", username, &format!(" {password}")),
            row("a letter less", username, &password[..password.len() - 1]),
            row("a letter more", username, &format!("{password}x")),
            row("another case", username, &password.to_uppercase()),
            row("only up to the second colon", username, password.split(':').next().unwrap_or_default()),
            row("swapped", password.split(':').next().unwrap_or_default(), username),
            row("the digest for the password", username, &sha256_of(password)),
            row("the digest's digits", username, &sha256_of(password)[7..]),
            row("the documentation's pattern", username, &STANDARD.encode(username)),
            row("without padding", username, &STANDARD_NO_PAD.encode(username)),
            row("a long user", &"u".repeat(900), password),
            row("a long password", username, &"p".repeat(900)),
            row("a user in another alphabet", "vіetqr-live", password),
        ]
    };
    for (kept, hash, password) in [
        ("in clear", None, PASSWORD),
        ("as SHA-256", Some(sha256_of(PASSWORD)), PASSWORD),
        ("as argon2id", Some(argon2id_of(PASSWORD)), PASSWORD),
    ] {
        let upstream = Upstream::recording().await;
        let mut building = Sidecar::guarding(&upstream);
        if let Some(hash) = hash {
            building = building.without("CLIENT_PASSWORD").var("CLIENT_PASSWORD_HASH", hash);
        }
        let sidecar = building.start().await;
        let mut said = Vec::new();
        for (row, username, password) in rows(USERNAME, password) {
            let row = format!("{row}, the password kept {kept}");
            let response = sidecar.ask_token(&username, &password).await;
            Refused::WRONG_CREDENTIALS.check(&response, &row);
            assert_eq!(sidecar.page_of(&response).await["reason"], "wrong_credentials", "{row}");
            assert_eq!(upstream.seen(), 0, "{row}");
            said.push((row, response.telltale()));
        }
        for (row, telltale) in &said {
            assert_eq!(telltale, &said[0].1, "{row}");
        }
        token_of(&sidecar, &sidecar.ask_token(USERNAME, password).await, 300, kept);
        assert_eq!(upstream.seen(), 0, "{kept}");
    }
}

// Checklist M54.
#[tokio::test]
async fn a_password_may_hold_whatever_can_be_sent() {
    let (longest, long) = ("p".repeat(512), "0123456789abcdef".repeat(8));
    for password in [
        "twelve-chars",
        "with:one-colon",
        "with:more:than:one:",
        ":begins-with-one",
        "with spaces within",
        " spaces around ",
        "padded==like=base64==",
        "quotes\"and'and\\and`",
        "$dollars ${HOME} %20 %s {}",
        "mật khẩu rất dài",
        "пароль пароль",
        "🔑🔑🔑🔑",
        "e\u{301} is not \u{e9}",
        "64 characters and more, which some systems cut off silently 012345678",
        &long,
        &longest,
    ] {
        for hash in [None, Some(sha256_of(password))] {
            let row = format!("{password:?} as {hash:?}");
            let upstream = Upstream::recording().await;
            let building = Sidecar::guarding(&upstream);
            let building = match hash {
                None => building.var("CLIENT_PASSWORD", password),
                Some(hash) => building.without("CLIENT_PASSWORD").var("CLIENT_PASSWORD_HASH", hash),
            };
            let sidecar = building.start().await;
            token_of(&sidecar, &sidecar.ask_token(USERNAME, password).await, 300, &row);
            let last = password.char_indices().next_back().map_or(0, |(at, _)| at);
            Refused::WRONG_CREDENTIALS.check(&sidecar.ask_token(USERNAME, &password[..last]).await, &row);
            assert_eq!(upstream.seen(), 0, "{row}");
        }
    }
}

#[tokio::test]
async fn a_chosen_password_is_kept_as_argon2id() {
    let password = "chosen by a person: mật khẩu";
    let upstream = Upstream::recording().await;
    let building = Sidecar::guarding(&upstream).without("CLIENT_PASSWORD");
    let sidecar = building.var("CLIENT_PASSWORD_HASH", argon2id_of(password)).start().await;
    let token = token_of(&sidecar, &sidecar.ask_token(USERNAME, password).await, 300, "right");
    Refused::WRONG_CREDENTIALS.check(&sidecar.ask_token(USERNAME, "chosen by another").await, "wrong");
    assert_eq!(upstream.seen(), 0);
    assert_eq!(sidecar.get_with(&token, "/").await.status(), 200);
    assert_eq!(upstream.seen(), 1);
}

#[tokio::test]
async fn the_scheme_may_be_in_any_case_and_followed_by_spaces() {
    let (upstream, sidecar) = gate().await;
    let encoded = text::basic(USERNAME, PASSWORD).replace("Basic ", "");
    for (name, before, after) in [
        ("Authorization", "Basic ", ""),
        ("authorization", "basic ", ""),
        ("AUTHORIZATION", "BASIC ", ""),
        ("aUtHoRiZaTiOn", "bAsIc ", ""),
        ("Authorization", "Basic   ", ""),
        // Blanks around a value belong to HTTP, not to the value: RFC 9110, section 5.5.
        ("Authorization", "  \tBasic ", ""),
        ("Authorization", "Basic ", " \t "),
    ] {
        let row = format!("{name}: {before}…{after:?}");
        let request = format!(
            "POST {TOKEN} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n{name}:{before}{encoded}{after}\r\n\r\n"
        );
        token_of(&sidecar, &sidecar.exchange(request).await, 300, &row);
        assert_eq!(upstream.seen(), 0, "{row}");
    }
}
