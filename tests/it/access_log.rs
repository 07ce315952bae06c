//! One line a request: what is in it, what never is, and how a delivery's answer will be taken.

use serde_json::Value;

use crate::kit::{
    Answer, RequestText, Sidecar, Signal, Upstream,
    sidecar::{PASSWORD, USERNAME},
    wait_until,
};

/// The lines of requests, in the order they were written.
fn requests(sidecar: &Sidecar) -> Vec<Value> {
    sidecar.log_lines().into_iter().filter(|line| line["message"] == "request").collect()
}

async fn line_of(sidecar: &Sidecar, path: &str) -> Value {
    sidecar.wait_for_log(&format!("the request of {path}"), |line| line["path"] == path).await
}

/// What every line of a request has, in its order.
const ALWAYS: [&str; 14] = [
    "time",
    "level",
    "message",
    "request_id",
    "trace_id",
    "peer",
    "method",
    "path",
    "protocol",
    "outcome",
    "bytes_in",
    "bytes_out",
    "duration_ms",
    "status",
];

/// M71.
#[tokio::test]
async fn each_outcome_has_one_line_with_everything_that_is_known_of_it() {
    let never = Signal::new();
    let held = never.clone();
    let upstream = Upstream::answering(move |seen| match seen.target() {
        "/waits" => Answer::booked().after(&held),
        "/breaks" => Answer::booked().body("x".repeat(100)).cut_content_at(40),
        "/nonsense" => Answer::raw("nonsense\r\n\r\n").then_close(),
        _ => Answer::booked(),
    })
    .await;
    let sidecar = Sidecar::guarding(&upstream).start().await;
    let issued = sidecar.ask_token(USERNAME, PASSWORD).await;
    let token = issued.json()["access_token"].as_str().unwrap_or_default().to_owned();
    let answers = [
        issued,
        sidecar.deliver(&token, "/books", "{\"a\":1}").await,
        sidecar.get("/refuses").await,
        sidecar.ask_token(USERNAME, "wrong").await,
        sidecar.deliver(&token, "/breaks", "{}").await,
        sidecar.deliver(&token, "/nonsense", "{}").await,
    ];
    let mut waiting = sidecar.connect().await;
    waiting.write(RequestText::new("POST", "/waits").bearer(&token).json("{}").bytes()).await;
    upstream.wait_for("the request that waits", |seen| seen.last().is_some_and(|seen| seen.target() == "/waits")).await;
    drop(waiting);
    line_of(&sidecar, "/waits").await;

    let lines = requests(&sidecar);
    for (at, path, method, status, outcome, reason, verdict, bytes_in, more) in [
        (0, "/api/token_generate", "POST", 200, "token_issued", None, None, 0, &["client", "password"][..]),
        (1, "/books", "POST", 200, "delivered", None, Some("done"), 7, &["client", "upstream_ms"]),
        (2, "/refuses", "GET", 401, "refused", Some("bearer_absent"), None, 0, &[]),
        (3, "/api/token_generate", "POST", 401, "refused", Some("wrong_credentials"), None, 0, &[]),
        (4, "/breaks", "POST", 200, "broken_off", None, Some("retried"), 2, &["client", "upstream_ms", MAYBE]),
        (5, "/nonsense", "POST", 502, "refused", Some("upstream_nonsense"), Some("retried"), 2, &["client", MAYBE]),
        (6, "/waits", "POST", 0, "hung_up", None, Some("retried"), 2, &["client", MAYBE]),
    ] {
        let line = lines.get(at).unwrap_or_else(|| panic!("there is no line {at}, for {path}"));
        assert_eq!((&line["path"], &line["method"], &line["outcome"]), (&path.into(), &method.into(), &outcome.into()));
        assert_eq!((line["status"].as_u64().unwrap_or(0), line["reason"].as_str()), (status, reason), "{line}");
        assert_eq!((line["verdict"].as_str(), &line["bytes_in"]), (verdict, &bytes_in.into()), "{line}");
        let bytes_out = answers.get(at).map_or(0, |answer| answer.body().length());
        assert_eq!(line["bytes_out"], bytes_out, "{line}");

        let mut expected: Vec<&str> = ALWAYS.iter().copied().filter(|name| status > 0 || *name != "status").collect();
        expected.extend(more);
        expected.extend(reason.map(|_| "reason"));
        expected.extend(verdict.map(|_| "verdict"));
        let mut keys: Vec<&str> =
            line.as_object().map(|line| line.keys().map(String::as_str).collect()).unwrap_or_default();
        expected.sort_unstable();
        keys.sort_unstable();
        assert_eq!(keys, expected, "{path}");

        assert_eq!((&line["peer"], &line["protocol"]), (&"127.0.0.1".into(), &"HTTP/1.1".into()));
        assert!(line["time"].as_str().is_some_and(|time| time.ends_with('Z') && time.len() == 24), "{line}");
        assert!(line["client"].as_str().is_none_or(|client| client == USERNAME), "{line}");
        assert!(line["duration_ms"].as_f64() >= line["upstream_ms"].as_f64(), "{line}");
        assert!(line.get(MAYBE).is_none_or(|maybe| *maybe == true), "{line}");
    }
    assert_eq!((lines.len(), upstream.seen()), (7, 4), "{lines:?}");
}

const MAYBE: &str = "upstream_may_have_done_it";

#[tokio::test]
async fn the_names_of_a_request_are_the_ones_that_the_upstream_and_the_caller_see() {
    let upstream = Upstream::recording().await;
    let sidecar = Sidecar::guarding(&upstream).start().await;
    let token = sidecar.token().await;
    let traced = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let request = RequestText::new("POST", "/named").bearer(&token).json("{}");
    sidecar.exchange(request.header("X-Request-Id", "abc-1").header("traceparent", traced)).await;
    let line = line_of(&sidecar, "/named").await;
    assert_eq!((&line["request_id"], &line["trace_id"]), (&"abc-1".into(), &traced[3..35].into()));

    sidecar.deliver(&token, "/unnamed", "{}").await;
    let line = line_of(&sidecar, "/unnamed").await;
    let seen = &upstream.requests()[1];
    assert_eq!(line["request_id"].as_str(), seen.header("X-Request-Id"));
    assert_eq!(line["trace_id"].as_str(), seen.header("traceparent").map(|traceparent| &traceparent[3..35]));
    let refused = sidecar.get("/refused").await;
    assert_eq!(line_of(&sidecar, "/refused").await["request_id"].as_str(), refused.header("X-Request-Id"));
    assert_eq!(upstream.seen(), 2);
}

/// The table of vietqr-caller, "How the answer to a delivery is judged".
#[tokio::test]
async fn the_verdict_says_how_the_network_takes_the_answer_to_a_delivery() {
    let rows = [
        (200, Some("application/json"), "{}", "done"),
        (200, Some("application/json; charset=utf-8"), "{}", "done"),
        (201, Some("application/vnd.api+json"), "{}", "done"),
        (200, Some("application/json"), "", "retried"),
        (200, Some("text/html"), "<p>ok</p>", "retried"),
        (200, None, "{}", "retried"),
        (200, None, "", "retried"),
        (204, None, "", "retried"),
        (301, None, "", "final"),
        (302, Some("application/json"), "{}", "final"),
        (304, None, "", "final"),
        (400, Some("application/json"), "{}", "final"),
        (401, Some("application/json"), "{}", "retried"),
        (403, None, "", "retried"),
        (404, Some("text/html"), "no", "retried"),
        (409, Some("application/json"), "{}", "retried"),
        (429, None, "", "retried"),
        (500, Some("application/json"), "{}", "retried"),
        (503, None, "", "retried"),
    ];
    let upstream = Upstream::answering(move |seen| {
        let (status, content_type, body, _) = rows[seen.target()[1..].parse::<usize>().unwrap_or_default()];
        let answer =
            content_type.into_iter().fold(Answer::status(status), |answer, kind| answer.header("Content-Type", kind));
        if body.is_empty() { answer } else { answer.body(body) }
    })
    .await;
    let sidecar = Sidecar::guarding(&upstream).start().await;
    let token = sidecar.token().await;
    for (at, row) in rows.iter().enumerate() {
        let path = format!("/{at}");
        assert_eq!(sidecar.deliver(&token, &path, "{}").await.status(), row.0, "{row:?}");
        assert_eq!(line_of(&sidecar, &path).await["verdict"], row.3, "{row:?}");
    }
    sidecar.get_with(&token, "/0?get").await;
    let lines = requests(&sidecar);
    assert!(lines.last().is_some_and(|line| line["method"] == "GET" && line.get("verdict").is_none()), "{lines:?}");
    assert_eq!(upstream.seen(), rows.len() + 1);
}

#[tokio::test]
async fn an_answer_that_means_ten_bookings_is_warned_of_once_a_minute_whatever_is_logged() {
    let upstream = Upstream::answering(|_| Answer::status(200)).await;
    for (access_log, format) in [("all", "json"), ("off", "json")] {
        let sidecar =
            Sidecar::guarding(&upstream).var("ACCESS_LOG", access_log).var("LOG_FORMAT", format).start().await;
        let token = sidecar.token().await;
        for at in 0..5 {
            sidecar.deliver(&token, &format!("/{at}"), "{}").await;
        }
        sidecar.get_with(&token, "/not-a-delivery").await;
        let warned: Vec<Value> = sidecar.log_lines().into_iter().filter(|line| line["level"] == "warn").collect();
        assert_eq!(warned.len(), 1, "{warned:?}");
        let (line, said) = (&warned[0], warned[0]["message"].as_str().unwrap_or_default());
        assert!(said.contains("not with JSON") && said.contains("up to 10 times"), "{said}");
        assert_eq!(
            (&line["path"], &line["status"], &line["answer_is_json"]),
            (&"/0".into(), &200.into(), &false.into())
        );
        assert_eq!((&line["bytes_out"], &line["also_since_the_last_warning"]), (&0.into(), &0.into()));
    }
}

#[tokio::test]
async fn a_deliverys_numbers_are_in_its_line_when_that_is_wanted() {
    let upstream = Upstream::recording().await;
    let pad = |length: usize| {
        format!("{{\"content\":\"{}\",\"referencenumber\":\"FT9\",", " ".repeat(length)) + "\"transactionid\":\"T9\"}"
    };
    let numbers = "{\"amount\":1,\"referencenumber\":\"FT1\",\"content\":\"planted-content\",\"transactionid\":\"T1\"}";
    let rows = [
        (numbers.to_owned(), Some("FT1"), Some("T1")),
        ("{\"transactionid\":77,\"referencenumber\":null}".to_owned(), None, Some("77")),
        ("{\"referencenumber\":\"a\\n\\\"b\"}".to_owned(), Some("a\n\"b"), None),
        (pad(16_000), Some("FT9"), Some("T9")),
        (pad(16_384), None, None),
        (format!("{}{}", &numbers[..numbers.len() - 1], pad(100_000).replacen('{', ",", 1)), Some("FT1"), Some("T1")),
        ("referencenumber=FT1&transactionid=T1".to_owned(), None, None),
        ("[{\"referencenumber\":\"FT1\"}]".to_owned(), None, None),
        ("{\"object\":{\"referencenumber\":\"FT1\"}}".to_owned(), None, None),
        (String::new(), None, None),
    ];
    for (setting, is_on) in [("on", true), ("off", false)] {
        let sidecar = Sidecar::guarding(&upstream).var("LOG_REFERENCE", setting).start().await;
        let token = sidecar.token().await;
        for (at, (body, number, transaction)) in rows.iter().enumerate() {
            let path = format!("/{at}");
            sidecar.deliver(&token, &path, body).await;
            let line = line_of(&sidecar, &path).await;
            let found = (line["referencenumber"].as_str(), line["transactionid"].as_str());
            let expected = if is_on { (*number, *transaction) } else { (None, None) };
            assert_eq!(found, expected, "{setting}: {}", &body[..body.len().min(100)]);
        }
        sidecar.exchange(RequestText::new("PUT", "/put").bearer(&token).json(numbers)).await;
        assert!(line_of(&sidecar, "/put").await.get("referencenumber").is_none());
        sidecar
            .exchange(RequestText::new("POST", "/chunks").bearer(&token).chunks([&numbers[..30], &numbers[30..]]))
            .await;
        assert_eq!(line_of(&sidecar, "/chunks").await["transactionid"].as_str(), is_on.then_some("T1"));
        assert!(!sidecar.log_text().contains("planted-content"));
    }
    assert!(upstream.requests().iter().all(|seen| seen.complete()));
}

#[tokio::test]
async fn which_requests_have_a_line_is_a_setting() {
    let upstream = Upstream::answering(|seen| match seen.target() {
        "/breaks" => Answer::booked().cut_content_at(5),
        _ => Answer::booked(),
    })
    .await;
    for (setting, outcomes) in [
        ("all", &["token_issued", "delivered", "refused", "refused", "broken_off"][..]),
        ("refused", &["refused", "refused", "broken_off"]),
        ("off", &[]),
    ] {
        for level in ["trace", "error"] {
            let sidecar = Sidecar::guarding(&upstream).var("ACCESS_LOG", setting).var("LOG_LEVEL", level).start().await;
            let token = sidecar.token().await;
            sidecar.deliver(&token, "/books", "{}").await;
            sidecar.get("/refuses").await;
            sidecar.ask_token("nobody", "wrong").await;
            sidecar.deliver(&token, "/breaks", "{}").await;
            let lines = requests(&sidecar);
            let written: Vec<&str> = lines.iter().filter_map(|line| line["outcome"].as_str()).collect();
            assert_eq!(written, outcomes, "{setting} at {level}");
        }
    }
    assert_eq!(upstream.seen(), 3 * 2 * 2);
}

/// M70.
#[tokio::test]
async fn what_a_caller_can_choose_cannot_break_a_line_or_bring_a_secret_into_it() {
    let upstream = Upstream::recording().await;
    for format in ["json", "text"] {
        let sidecar = Sidecar::guarding(&upstream).var("LOG_FORMAT", format).var("LOG_LEVEL", "info").start().await;
        let before = sidecar.log_text().lines().count();
        let targets = [
            "/a\"b",
            "/a\\b",
            "/a%0d%0a%22",
            "/{\"level\":\"error\"}",
            "/%1b[31m",
            "/a?planted=planted-query",
            "/\u{1b}",
            "/a\u{7f}",
            "/ưu",
            "http://localhost/a?planted-query",
            "*",
        ];
        for target in targets {
            let refused = sidecar.exchange(RequestText::new("GET", target)).await;
            assert!((400..500).contains(&refused.status()), "{target:?}: {refused:?}");
        }
        for username in ["a\"b", "a\nb", "a\u{1b}[31m", "{\"level\":\"error\"}", "planted-name", "ưu"] {
            let refused = sidecar.ask_token(username, "planted-password").await;
            assert_eq!(refused.status(), 401, "{username:?}");
        }
        let planted =
            [("Cookie", "planted-cookie"), ("Authorization", "Bearer planted-token"), ("User-Agent", "planted-agent")];
        for (name, value) in planted {
            sidecar
                .exchange(RequestText::new("POST", "/a?planted-query").header(name, value).body("planted-body"))
                .await;
        }
        for header in
            [("X-Request-Id", "planted id\""), ("X-Request-Id", &*"p".repeat(300)), ("traceparent", "planted")]
        {
            sidecar.exchange(RequestText::new("GET", "/").header(header.0, header.1)).await;
        }
        let log = sidecar.log_text();
        for line in log.lines().skip(before) {
            let is_whole = match format {
                "json" => serde_json::from_str::<Value>(line)
                    .is_ok_and(|line| line["level"] == "info" || line["why"] == "malformed"),
                _ => line.contains("Z INFO  request request_id=\"") || line.contains(" why=\"malformed\""),
            };
            assert!(is_whole && !line.contains(|c: char| c.is_control()), "{line:?}");
            assert!(!line.contains("planted") && !line.contains("pppp"), "{line}");
        }
        assert!(log.lines().count() >= before + targets.len(), "{log}");
    }
    assert_eq!(upstream.seen(), 0);
}

#[tokio::test]
async fn a_query_is_never_logged_over_http_2_either() {
    let upstream = Upstream::recording().await;
    let sidecar = Sidecar::guarding(&upstream).start().await;
    let (token, h2) = (sidecar.token().await, sidecar.h2().await);
    let request = h2.request("GET", "/a?planted-query").header("authorization", format!("Bearer {token}"));
    assert_eq!(h2.send(request.body(crate::kit::h2::H2Body::empty()).expect("it is a request")).await.status(), 200);
    let line = line_of(&sidecar, "/a").await;
    assert_eq!(line["protocol"], "HTTP/2");
    assert_eq!(upstream.only().target(), "/a?planted-query");
    assert!(!sidecar.log_text().contains("planted"));
}

#[tokio::test]
async fn a_line_of_text_has_the_same_facts() {
    let upstream = Upstream::recording().await;
    let sidecar = Sidecar::guarding(&upstream).var("LOG_FORMAT", "text").start().await;
    let token = sidecar.token().await;
    sidecar.deliver(&token, "/books", "{}").await;
    wait_until("the line", || sidecar.log_text().contains("/books")).await;
    let log = sidecar.log_text();
    let line = log.lines().last().unwrap_or_default();
    for fact in
        ["Z INFO  request ", " client=\"vietqr-live\" ", " path=\"/books\" ", " status=200 ", " verdict=\"done\" "]
    {
        assert!(line.contains(fact), "{fact} in {line}");
    }
    assert!(!log.contains(PASSWORD));
    assert_eq!(upstream.seen(), 1);
}
