//! The page, and what a browser may do with it.

use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::StatusCode;
use http::header::{CONTENT_SECURITY_POLICY, HeaderValue};

use crate::admin::{Answer, said};

/// The page.
pub(in crate::admin) fn page() -> Answer {
    let mut answer = said(StatusCode::OK, "text/html; charset=utf-8", Bytes::from_static(PAGE.html.as_bytes()));
    answer.headers_mut().insert(CONTENT_SECURITY_POLICY, PAGE.policy.clone());
    answer
}

/// The page as it is sent, and what a browser may do with it: run this one script, use this one style, ask this one origin.
struct Page {
    html: String,
    policy: HeaderValue,
}

static PAGE: LazyLock<Page> = LazyLock::new(|| {
    let hash = |text: &str| STANDARD.encode(digest(&SHA256, text.as_bytes()));
    let policy = format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; connect-src 'self'; img-src data:; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
        hash(SCRIPT),
        hash(STYLE)
    );
    Page {
        html: HTML.replace("/*style*/", STYLE).replace("/*script*/", SCRIPT),
        policy: HeaderValue::try_from(policy).expect("Base64 is text"),
    }
});

const HTML: &str = include_str!("page.html");
const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");
