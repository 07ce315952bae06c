//! Who the caller is and what it asks for is said to the upstream by us alone.

use super::read_as;
use crate::kit::{
    self, Frames, RequestText,
    frames::{Last, head},
};

/// Fields that no caller can put before the upstream, and what the upstream sees under any spelling of each.
// 32, 58
const OURS: [(&str, Option<&str>); 23] = [
    ("X-Forwarded-User", Some("vietqr-live")),
    ("X-Forwarded-For", Some("127.0.0.1")),
    ("X-Forwarded-Host", Some("localhost")),
    ("X-Forwarded-Proto", Some("https")),
    ("X-Forwarded-Port", None),
    ("X-Forwarded-Server", None),
    ("X-Forwarded-By", None),
    ("X-Forwarded", None),
    ("X-Forwarded-Client-Cert", None),
    ("Forwarded", None),
    ("X-Real-IP", None),
    ("True-Client-IP", None),
    ("X-Original-URL", None),
    ("X-Rewrite-URL", None),
    ("X-HTTP-Method", None),
    ("X-HTTP-Method-Override", None),
    ("X-Method-Override", None),
    ("Proxy", None),
    ("X-Forwarded-Prefix", None),
    ("X-Forwarded-Path", None),
    ("X-Forwarded-Uri", None),
    ("Proxy-Authorization", None),
    ("HTTP2-Settings", None),
];

/// The name as it is, and as other programs would read it the same.
fn spellings(name: &str) -> Vec<String> {
    let mixed: String = name
        .char_indices()
        .map(|(at, letter)| if at % 2 == 0 { letter.to_ascii_uppercase() } else { letter.to_ascii_lowercase() })
        .collect();
    let mut spellings = vec![name.to_owned(), name.to_lowercase(), name.to_uppercase(), mixed];
    spellings.extend(["_", ".", "~", "!", "+", "|"].map(|mark| name.replace('-', mark)));
    spellings.push(name.replacen('-', "_", 1));
    spellings.sort_unstable();
    spellings.dedup();
    spellings
}

#[tokio::test]
async fn no_spelling_of_our_fields_comes_from_the_caller() {
    let (upstream, sidecar, token) = kit::guarded([]).await;
    let mut caller = sidecar.connect().await;
    for (name, expected) in OURS {
        for spelled in spellings(name) {
            let request = RequestText::new("GET", "/a").bearer(&token).header(&spelled, "forged");
            caller.write(request.header(&spelled, "again").bytes()).await;
            assert_eq!(caller.read_response().await.status(), 200, "{spelled}");
            let seen = upstream.requests().pop().expect("it was forwarded");
            assert_eq!(read_as(&seen, name), Vec::from_iter(expected), "{spelled}");
        }
    }
}

#[tokio::test]
async fn no_spelling_of_our_fields_comes_from_a_caller_of_http2() {
    let (upstream, sidecar, token) = kit::guarded([]).await;
    let bearer = format!("Bearer {token}");
    let mut frames = Frames::connect(&sidecar).await;
    for (name, expected) in OURS {
        let mut lower: Vec<String> = spellings(name).iter().map(|spelled| spelled.to_lowercase()).collect();
        lower.sort_unstable();
        lower.dedup();
        for spelled in lower {
            let fields = head("GET", "/a", &[("authorization", &bearer), (&spelled, "forged")]);
            let stream = frames.open(&fields, Last::Yes).await;
            let told = frames.told(stream).await;
            assert_eq!(told.status, Some(200), "{spelled}");
            let seen = upstream.requests().pop().expect("it was forwarded");
            assert_eq!(read_as(&seen, name), Vec::from_iter(expected), "{spelled}");
        }
    }
}

#[tokio::test]
async fn disguised_framing_hosts_and_traces_stay_here() {
    let (upstream, sidecar, token) = kit::guarded([]).await;
    for (name, value, read_as_name, expected) in [
        ("Content_Length", "0", "Content-Length", vec!["5"]),
        ("Content.Length", "0", "Content-Length", vec!["5"]),
        ("Transfer_Encoding", "chunked", "Transfer-Encoding", vec![]),
        ("X_Request_Id", "forged", "X-Request-Id", vec!["mine"]),
        ("X_Request-Id", "forged", "X-Request-Id", vec!["mine"]),
    ] {
        let request = RequestText::new("POST", "/a").bearer(&token).header("X-Request-Id", "mine").header(name, value);
        assert_eq!(sidecar.exchange(request.body("hello")).await.status(), 200, "{name}");
        let seen = upstream.requests().pop().expect("it was forwarded");
        assert_eq!(read_as(&seen, read_as_name), expected, "{name}");
        assert_eq!((seen.text().as_str(), seen.complete()), ("hello", true), "{name}");
    }
}
