//! The names a request goes by: `X-Request-Id`, `traceparent`, `tracestate`.

use crate::kit::{self, RequestText};

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[tokio::test]
async fn a_request_id_is_passed_when_it_is_plain_and_made_when_not() {
    let (upstream, sidecar, token) = kit::guarded([]).await;
    let (longest, too_long) = ("x".repeat(128), "x".repeat(129));
    for (sent, passes) in [
        (vec![], false),
        (vec!["abc-1.2_3"], true),
        (vec!["0190f1f3-7a5b-7c3d-8e9f-0a1b2c3d4e5f"], true),
        (vec!["{\"a\"}:/<>"], true),
        (vec![longest.as_str()], true),
        (vec![too_long.as_str()], false),
        (vec![""], false),
        (vec!["a b"], false),
        (vec!["a\tb"], false),
        (vec!["ä"], false),
        (vec!["one", "two"], false),
        (vec!["one", "one"], false),
    ] {
        let request = RequestText::new("GET", "/a").bearer(&token);
        let request = sent.iter().fold(request, |request, value| request.header("x-request-id", value));
        assert_eq!(sidecar.exchange(request).await.status(), 200, "{sent:?}");
        let seen = upstream.requests().pop().expect("it was forwarded");
        let ids = seen.values("X-Request-Id");
        assert_eq!(ids.len(), 1, "{sent:?}: {ids:?}");
        assert_eq!(ids == sent, passes, "{sent:?}: {ids:?}");
        assert!(passes || (ids[0].len() == 36 && !sent.contains(&ids[0])), "{sent:?}: {ids:?}");
        let id = ids[0].to_owned();
        sidecar.wait_for_log("the request's line", |line| line["request_id"] == id.as_str()).await;
    }
}

#[tokio::test]
async fn a_trace_is_passed_when_it_is_well_formed_and_begun_when_not() {
    let (upstream, sidecar, token) = kit::guarded([]).await;
    let upper = TRACE.to_uppercase();
    for (parent, state, passes) in [
        (vec![], vec![], false),
        (vec![], vec!["a=1"], false),
        (vec![TRACE], vec![], true),
        (vec![TRACE], vec!["a=1,b=2", "c=3"], true),
        (vec!["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"], vec!["a=1"], true),
        (vec![TRACE, TRACE], vec!["a=1"], false),
        (vec![upper.as_str()], vec!["a=1"], false),
        (vec!["00-00000000000000000000000000000000-00f067aa0ba902b7-01"], vec!["a=1"], false),
        (vec!["00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"], vec!["a=1"], false),
        (vec!["ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"], vec!["a=1"], false),
        (vec!["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more"], vec!["a=1"], false),
        (vec!["00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01"], vec!["a=1"], false),
        (vec!["nonsense"], vec!["a=1"], false),
        (vec![""], vec!["a=1"], false),
    ] {
        let shown = format!("{parent:?} {state:?}");
        let request = RequestText::new("GET", "/a").bearer(&token);
        let request = parent.iter().fold(request, |request, value| request.header("traceparent", value));
        let request = state.iter().fold(request, |request, value| request.header("TraceState", value));
        assert_eq!(sidecar.exchange(request).await.status(), 200, "{shown}");
        let seen = upstream.requests().pop().expect("it was forwarded");
        let (parents, states) = (seen.values("Traceparent"), seen.values("Tracestate"));
        if passes {
            assert_eq!((&parents, &states), (&parent, &state), "{shown}");
        } else {
            // Another trace's state is not ours to pass on.
            assert_eq!((parents.len(), states.len()), (1, 0), "{shown}: {parents:?} {states:?}");
            assert!(!parent.contains(&parents[0]) && is_traceparent(parents[0]), "{shown}: {parents:?}");
        }
        let trace_id = parents[0][3..35].to_owned();
        sidecar.wait_for_log("the trace id in the log", |line| line["trace_id"] == trace_id.as_str()).await;
    }
}

#[tokio::test]
async fn a_refusal_names_the_request_too() {
    let (upstream, sidecar, _) = kit::guarded([]).await;
    let response = sidecar.exchange(RequestText::new("GET", "/a").header("X-Request-Id", "mine-1")).await;
    assert_eq!((response.status(), response.values("X-Request-Id")), (401, vec!["mine-1"]));
    let made = sidecar.get("/a").await;
    assert_eq!(made.header("X-Request-Id").map(str::len), Some(36));
    assert_eq!(upstream.seen(), 0);
}

fn is_traceparent(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    let is_hex = |part: &&str| part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    lengths == [2, 32, 16, 2] && parts.iter().all(is_hex) && parts[0] == "00"
}
