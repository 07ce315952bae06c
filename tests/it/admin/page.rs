//! The page: what a browser is allowed to do with it. What it shows is tried in a browser by `tests/page.sh`.

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::STANDARD};

use crate::kit::{Sidecar, Upstream};

/// What stands in the one element of this name.
fn inside<'p>(page: &'p str, element: &str) -> &'p str {
    let (open, close) = (format!("<{element}>"), format!("</{element}>"));
    assert_eq!((page.matches(&format!("<{element}")).count(), page.matches(&close).count()), (1, 1), "{element}");
    let (_, rest) = page.split_once(&open).unwrap_or_else(|| panic!("no {open}"));
    rest.split_once(&close).expect("it was counted").0
}

#[tokio::test]
async fn a_browser_may_run_the_one_script_and_ask_the_one_origin() {
    let upstream = Upstream::recording().await;
    let sidecar = Sidecar::guarding(&upstream).admin().start().await;
    let response = sidecar.admin().get("/").await;
    assert_eq!((response.status(), response.header("Content-Type")), (200, Some("text/html; charset=utf-8")));
    let page = response.text();
    let policy = response.header("Content-Security-Policy").unwrap_or_default();
    for element in ["script", "style"] {
        let hash = STANDARD.encode(digest(&SHA256, inside(&page, element).as_bytes()));
        assert!(policy.contains(&format!("{element}-src 'sha256-{hash}';")), "{element} {hash}: {policy}");
    }
    for part in [
        "default-src 'none'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    ] {
        assert!(policy.split(';').any(|each| each.trim() == part), "{part}: {policy}");
    }
    assert!(!policy.contains("unsafe") && !policy.contains("http") && !policy.contains('*'), "{policy}");
    for (name, value) in [
        ("X-Frame-Options", "DENY"),
        ("Referrer-Policy", "no-referrer"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
    ] {
        assert_eq!(response.header(name), Some(value), "{name}");
    }
    // No asset of anybody's, and no way to make markup of text.
    for sink in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "style=", "src="] {
        assert!(!page.contains(sink), "{sink}");
    }
    let outside = page.match_indices("http").filter(|(at, _)| !page[*at..].starts_with("http://www.w3.org/2000/svg"));
    assert_eq!(outside.count(), 0);
    assert_eq!(upstream.seen(), 0);
}
