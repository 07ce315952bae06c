//! Endpoints with which nothing is wrong, and what the doctor does there.

use super::endpoint::{PASSWORD, USERNAME, assert_harmless, examine, has_token, sound};
use crate::kit::{Answer, Ca, Door, Program, Upstream, ca::Life, wait_until};

async fn partner() -> Upstream {
    Upstream::behind(Door::Tls(Ca::shared().server(&["localhost"], Life::Good)), sound).await
}

#[tokio::test]
async fn a_demo_gets_a_scorecard_that_is_all_green() {
    let folder = tempfile::tempdir().expect("a test machine has a temporary directory");
    let demo =
        Program::with(["demo", "--listen", "127.0.0.1:0", "--format", "env"]).in_directory(folder.path()).start();
    wait_until("the demo to say how it is called", || demo.out().contains("\nca=")).await;
    let out = demo.out();
    let named = |name: &str| out.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().to_owned();
    let (url, ca, username) = (named("url="), named("ca="), named("username="));
    let password = folder.path().join("password");
    std::fs::write(&password, named("password=")).expect("the folder can be written");
    let password = password.display().to_string();
    let arguments =
        ["doctor", &url, "--username", &username, "--password-file", &password, "--ca-file", &ca, "--send-sample"];
    let said = Program::with_all(&arguments).run().await;
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.contains("37 pass, 0 warn, 0 fail, 1 skipped: "), "{}", said.out);
    assert!(said.out.contains("  skipped  expired token: the token lives too long"), "{}", said.out);
    assert!(!said.out.contains('\u{1b}') && said.err.is_empty(), "no colour where there is no terminal: {said:?}");
    assert!(!said.out.contains(&named("password=")), "{}", said.out);
}

#[tokio::test]
async fn without_being_told_to_nothing_that_could_be_a_payment_is_posted() {
    let endpoint = partner().await;
    let card = examine(&endpoint.url(), Some(&Ca::shared().ca_file()), &[]).await;
    assert_eq!((card.said.code, card.with("fail"), card.warnings()), (0, vec![], vec![]), "{}", card.said.out);
    assert_eq!(card.with("skipped"), ["expired", "sample"]);
    assert_eq!((&card.json["payments_posted"], &card.json["wrong_logins"]), (&0.into(), &7.into()));
    assert_harmless(&endpoint, "a sound endpoint");
}

#[tokio::test]
async fn one_sample_is_delivered_on_demand_and_judged_as_the_network_judges() {
    for (answer, verdict, said) in [
        (Answer::booked as fn() -> Answer, "pass", "done"),
        (|| Answer::json(200, r#"{"error":false,"object":null}"#), "fail", "retried, 10 attempts within 310 s"),
        (|| Answer::json(400, "{}"), "fail", "final, the payment is lost at once"),
    ] {
        let endpoint = partner().await;
        endpoint.answer_with(move |seen| if has_token(seen) { answer() } else { sound(seen) });
        let card = examine(&endpoint.url(), Some(&Ca::shared().ca_file()), &["--send-sample"]).await;
        assert_eq!(
            (&card.check("sample")["verdict"], card.with("fail").len()),
            (&verdict.into(), usize::from(verdict == "fail"))
        );
        assert!(card.evidence("sample").contains(said), "{}", card.evidence("sample"));
        let payments: Vec<_> = endpoint.requests().into_iter().filter(has_token).collect();
        let body = payments.first().map(crate::kit::upstream::Seen::text).unwrap_or_default();
        assert_eq!((payments.len(), body.matches("\":").count()), (1, 13), "{body}");
        assert!(body.contains(r#""amount":0,"#) && body.contains("bearergate doctor sample, not a payment"), "{body}");
    }
}

#[tokio::test]
async fn a_token_that_soon_ends_is_tried_after_its_end() {
    let endpoint = partner().await;
    endpoint.answer_with(|seen| {
        let answer = sound(seen);
        let is_good = super::endpoint::is_token_call(seen) && super::endpoint::has_password(seen);
        if is_good {
            super::endpoint::token_json(r#"{"access_token":"TOKEN","token_type":"Bearer","expires_in":1}"#)
        } else {
            answer
        }
    });
    let card = examine(&endpoint.url(), Some(&Ca::shared().ca_file()), &[]).await;
    // This endpoint never forgets a token.
    assert_eq!(card.with("fail"), ["expired"], "{}", card.said.out);
    assert_eq!(endpoint.requests().iter().filter(|seen| has_token(seen)).count(), 1);
}

#[tokio::test]
async fn the_password_may_come_in_a_variable_and_never_as_an_argument() {
    let endpoint = partner().await;
    let ca = Ca::shared().ca_file().display().to_string();
    let arguments = ["doctor", &endpoint.url(), "--username", USERNAME, "--ca-file", &ca, "--format", "markdown"];
    let line = format!("export DOCTOR_PASSWORD='{PASSWORD}'; exec \"$0\" \"$@\" </dev/null");
    let said = Program::with_all(&arguments).by_shell(&line).run().await;
    assert!(said.code == 0 && said.out.contains("\n| pass | access_token | a text of 24 characters |"), "{said:?}");
    let said = Program::with_all(&["doctor", "https://a.vn", "--username", "u", "--password", "p"]).run().await;
    assert!(said.code == 2 && said.err.contains("unexpected argument '--password'"), "{said:?}");
}
