//! A caller that breaks off in the middle of a body: half a payment must not look like a whole one.

use super::{only_saw_a_part, still_serves};
use crate::kit::{
    self, Frames,
    frames::{CANCEL, Last, NO_ERROR, head},
    h2::H2Body,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    SaysNothingMore,
    EndsItsSide,
    HangsUp,
}

// 19
#[tokio::test]
async fn a_body_that_breaks_off_over_http1_never_yields_a_whole_request() {
    for (framing, start, then) in [
        ("Content-Length: 10", "half", Then::EndsItsSide),
        ("Content-Length: 10", "half", Then::HangsUp),
        ("Transfer-Encoding: chunked", "4\r\nhalf\r\n", Then::EndsItsSide),
        ("Transfer-Encoding: chunked", "4\r\nhalf\r\n", Then::HangsUp),
        ("Transfer-Encoding: chunked", "a\r\nhalf", Then::EndsItsSide),
        ("Transfer-Encoding: chunked", "a\r\nhalf", Then::HangsUp),
        ("Transfer-Encoding: chunked", "4\r\nhalf\r\n0\r\n", Then::EndsItsSide),
        ("Transfer-Encoding: chunked", "4\r\nhalf\r\n0", Then::HangsUp),
        ("Transfer-Encoding: chunked", "4\r\nhalf\r\nzz\r\n", Then::SaysNothingMore),
        ("Transfer-Encoding: chunked", "4\r\nhalf\r\n-1\r\n", Then::SaysNothingMore),
        ("Transfer-Encoding: chunked", "4\r\nhalf\r\n\r\n", Then::SaysNothingMore),
        ("Transfer-Encoding: chunked", "4\r\nhalf\r\n0x0\r\n\r\n", Then::SaysNothingMore),
        ("Transfer-Encoding: chunked", "4\r\nhalfXX0\r\n\r\n", Then::SaysNothingMore),
        ("Transfer-Encoding: chunked", "4\r\nhalf\r\n10000000000000000\r\n", Then::SaysNothingMore),
        ("Transfer-Encoding: chunked", "4\r\nhalf\r\n0\r\nbad trailer\r\n\r\n", Then::SaysNothingMore),
    ] {
        let shown = format!("{framing} {start:?}, then {then:?}");
        let (upstream, sidecar, token) = kit::guarded([]).await;
        let mut caller = sidecar.connect().await;
        let head = format!("POST /a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n{framing}\r\n\r\n");
        // The good part first and alone, so that the upstream has it when the rest breaks.
        let good = start.find("half").map_or(0, |at| at + 4);
        caller.write(head + &start[..good]).await;
        upstream.wait_for("half a body", |seen| seen.first().is_some_and(|seen| seen.body().length() == 4)).await;
        caller.write(&start[good..]).await;
        match then {
            Then::SaysNothingMore => {
                let response = caller.try_read_response_to("POST").await;
                let status = response.as_ref().map_or(400, kit::Response::status);
                assert_eq!(status, 400, "{shown}: {response:?}");
            }
            Then::EndsItsSide => caller.finish().await,
            Then::HangsUp => drop(caller),
        }
        only_saw_a_part(&upstream, &shown).await;
        still_serves(&sidecar, &token, &shown).await;
    }
}

// 19
#[tokio::test]
async fn a_stream_that_is_reset_never_yields_a_whole_request() {
    for (code, length) in [(NO_ERROR, None), (NO_ERROR, Some("10")), (CANCEL, None), (CANCEL, Some("10")), (2, None)] {
        let shown = format!("RST_STREAM with code {code}, content-length {length:?}");
        let (upstream, sidecar, token) = kit::guarded([]).await;
        let bearer = format!("Bearer {token}");
        let mut frames = Frames::connect(&sidecar).await;
        let mut fields = head("POST", "/a", &[("authorization", &bearer)]);
        fields.extend(length.map(|length| ("content-length", length)));
        let stream = frames.open(&fields, Last::No).await;
        frames.data(stream, b"half", Last::No).await;
        upstream.wait_for("half a body", |seen| seen.first().is_some_and(|seen| seen.body().length() == 4)).await;
        frames.reset(stream, code).await;
        only_saw_a_part(&upstream, &shown).await;
        // Only the stream is gone.
        let next = frames.open(&head("GET", "/b", &[("authorization", &bearer)]), Last::Yes).await;
        assert_eq!(frames.told(next).await.status, Some(200), "{shown}");
    }
}

// 19
#[tokio::test]
async fn a_reset_right_behind_the_data_never_yields_a_whole_request() {
    // The sidecar may meet all three frames at once; whatever it made of them, the upstream has no whole request.
    for code in [NO_ERROR, CANCEL] {
        let (upstream, sidecar, token) = kit::guarded([]).await;
        let bearer = format!("Bearer {token}");
        for turn in 0..20 {
            let mut frames = Frames::connect(&sidecar).await;
            let stream = frames.open(&head("POST", "/a", &[("authorization", &bearer)]), Last::No).await;
            frames.data(stream, b"half", Last::No).await;
            frames.reset(stream, code).await;
            let next = frames.open(&head("GET", "/b", &[("authorization", &bearer)]), Last::Yes).await;
            assert_eq!(frames.told(next).await.status, Some(200), "code {code}, {turn}");
        }
        let whole = upstream.requests().iter().filter(|seen| seen.complete() && seen.method() == "POST").count();
        assert_eq!(whole, 0, "code {code}");
    }
}

// 34: the length is complete, and the stream breaks all the same. Each row: the declared length, the pieces, how the stream goes on.
#[tokio::test]
async fn a_stream_that_breaks_behind_its_declared_length_never_yields_a_whole_request() {
    for (declared, pieces, reset) in [
        ("4", &["half"][..], Some(NO_ERROR)),
        ("4", &["half"], Some(CANCEL)),
        ("4", &["ha", "lf"], Some(CANCEL)),
        ("4", &["half", "more"], None),
        ("0", &["more"], None),
        ("0", &[], Some(CANCEL)),
    ] {
        let shown = format!("content-length {declared}, {pieces:?}, reset {reset:?}");
        let (upstream, sidecar, token) = kit::guarded([]).await;
        let bearer = format!("Bearer {token}");
        let mut frames = Frames::connect(&sidecar).await;
        let fields = head("POST", "/a", &[("authorization", &bearer), ("content-length", declared)]);
        let stream = frames.open(&fields, Last::No).await;
        for piece in pieces {
            frames.data(stream, piece.as_bytes(), Last::No).await;
        }
        if let Some(code) = reset {
            frames.reset(stream, code).await;
        }
        still_serves(&sidecar, &token, &shown).await;
        let whole = upstream.requests().iter().filter(|seen| seen.complete() && seen.method() == "POST").count();
        assert_eq!(whole, 0, "{shown}");
    }
}

#[tokio::test]
async fn a_stream_that_ends_behind_its_declared_length_is_whole() {
    for (declared, pieces) in [("4", &["half", ""][..]), ("4", &["ha", "lf", "", ""]), ("0", &[""])] {
        let (upstream, sidecar, token) = kit::guarded([]).await;
        let bearer = format!("Bearer {token}");
        let mut frames = Frames::connect(&sidecar).await;
        let fields = head("POST", "/a", &[("authorization", &bearer), ("content-length", declared)]);
        let stream = frames.open(&fields, Last::No).await;
        for (number, piece) in pieces.iter().enumerate() {
            let last = if number + 1 == pieces.len() { Last::Yes } else { Last::No };
            frames.data(stream, piece.as_bytes(), last).await;
        }
        assert_eq!(frames.told(stream).await.status, Some(200), "{declared} {pieces:?}");
        let seen = upstream.only();
        assert!(seen.complete(), "{declared} {pieces:?}");
        assert_eq!(seen.text(), pieces.concat(), "{declared} {pieces:?}");
    }
}

#[tokio::test]
async fn a_stream_with_more_or_less_than_it_declared_never_yields_a_whole_request() {
    for (declared, sent) in [("10", "half"), ("2", "more")] {
        let (upstream, sidecar, token) = kit::guarded([]).await;
        let bearer = format!("Bearer {token}");
        let mut frames = Frames::connect(&sidecar).await;
        let fields = head("POST", "/a", &[("authorization", &bearer), ("content-length", declared)]);
        let stream = frames.open(&fields, Last::No).await;
        frames.data(stream, sent.as_bytes(), Last::Yes).await;
        let told = frames.told(stream).await;
        assert_ne!(told.status, Some(200), "{declared} {sent}: {told:?}");
        still_serves(&sidecar, &token, declared).await;
        let whole = upstream.requests().iter().filter(|seen| seen.complete() && seen.method() == "POST").count();
        assert_eq!(whole, 0, "{declared} {sent}");
    }
}

#[tokio::test]
async fn a_well_behaved_client_that_gives_up_mid_body_never_yields_a_whole_request() {
    let (upstream, sidecar, token) = kit::guarded([]).await;
    let h2 = sidecar.h2().await;
    let (feed, body) = H2Body::fed();
    let request = h2.request("POST", "/a").header("authorization", format!("Bearer {token}"));
    let giving_up = async {
        feed.data("half").await;
        upstream.wait_for("half a body", |seen| seen.first().is_some_and(|seen| seen.body().length() == 4)).await;
        feed.abort().await;
    };
    let (answer, ()) = tokio::join!(h2.try_open(request.body(body).unwrap()), giving_up);
    assert!(answer.map_or(true, |answer| answer.status() == 400));
    only_saw_a_part(&upstream, "aborted by the client").await;
}
