//! Where the token endpoint is, and by which method.

use super::{TOKEN, gate, token_of};
use crate::kit::{
    Refused, RequestText, Sidecar, Upstream,
    h2::H2Body,
    sidecar::{PASSWORD, USERNAME},
    text,
};

fn asking(target: &str) -> RequestText {
    RequestText::new("POST", target).basic(USERNAME, PASSWORD).json("{}")
}

/// Whose a path is.
#[derive(Clone, Copy, Debug)]
enum Whose {
    /// The token endpoint's.
    Ours,
    /// The gate's: Basic credentials are none there.
    Gates,
    /// Nobody's.
    Bad,
}

#[tokio::test]
async fn slashes_are_forgiven_at_the_token_endpoint_and_nothing_else_is() {
    use Whose::{Bad, Gates, Ours};
    let rows = [
        ("/", TOKEN, "/api/token_generate", Ours),
        ("/", TOKEN, "/api/token_generate/", Ours),
        ("/", TOKEN, "//api/token_generate", Ours),
        ("/", TOKEN, "/api//token_generate", Ours),
        ("/", TOKEN, "///api///token_generate//", Ours),
        ("/", TOKEN, "/api/token_generate?", Ours),
        ("/", TOKEN, "/api/token_generate?grant_type=client_credentials&x=%2F..", Ours),
        ("/", TOKEN, "/api/token_generate/?a=/api/../b", Ours),
        ("/", TOKEN, "http://localhost/api/token_generate", Ours),
        ("/", TOKEN, "https://localhost:8443//api/token_generate/?x", Ours),
        ("/", TOKEN, "/api/%74oken_generate", Gates),
        ("/", TOKEN, "/api/token%5Fgenerate", Gates),
        ("/", TOKEN, "/%61pi/token_generate", Gates),
        ("/", TOKEN, "/API/token_generate", Gates),
        ("/", TOKEN, "/api/Token_Generate", Gates),
        ("/", TOKEN, "/api/token_generate/x", Gates),
        ("/", TOKEN, "/api/token_generate;x=y", Gates),
        ("/", TOKEN, "/api;x/token_generate", Gates),
        ("/", TOKEN, "/api/token_generat", Gates),
        ("/", TOKEN, "/api/token_generates", Gates),
        ("/", TOKEN, "/x/api/token_generate", Gates),
        ("/", TOKEN, "/vqr/api/token_generate", Gates),
        ("/", TOKEN, "/", Gates),
        ("/", TOKEN, "/api%2Ftoken_generate", Bad),
        ("/", TOKEN, "/x/../api/token_generate", Bad),
        ("/", TOKEN, "/./api/token_generate", Bad),
        ("/", TOKEN, "/api/token_generate/.", Bad),
        ("/", TOKEN, "/api/token_generate/..;/x", Bad),
        ("/", TOKEN, "/api\\token_generate", Bad),
        ("/", TOKEN, "/api/token_generate%00", Bad),
        ("/", TOKEN, "/api/%2574oken_generate", Bad),
        ("/vqr", TOKEN, "/vqr/api/token_generate", Ours),
        ("/vqr", TOKEN, "/vqr//api/token_generate", Ours),
        ("/vqr", TOKEN, "//vqr/api/token_generate/", Ours),
        ("/vqr", TOKEN, "/api/token_generate", Gates),
        ("/vqr", TOKEN, "/vqr/vqr/api/token_generate", Gates),
        ("/vqr", TOKEN, "/VQR/api/token_generate", Gates),
        ("/vqr", TOKEN, "/%76qr/api/token_generate", Gates),
        ("/vqr/", TOKEN, "/vqr/api/token_generate", Ours),
        ("/vqr, /vietqr", TOKEN, "/vqr/api/token_generate", Ours),
        ("/vqr, /vietqr", TOKEN, "/vietqr/api/token_generate", Ours),
        ("/vqr, /vietqr", TOKEN, "/other/api/token_generate", Gates),
        ("/vqr,/", TOKEN, "/api/token_generate", Ours),
        ("/vqr,/", TOKEN, "/vqr/api/token_generate", Ours),
        ("/api/payment/vietqr", TOKEN, "/api/payment/vietqr/api/token_generate", Ours),
        ("/", "/oauth/token", "/oauth/token", Ours),
        ("/", "/oauth/token/", "/oauth//token", Ours),
        ("/", "/oauth/token", TOKEN, Gates),
        ("/vqr", "/t", "/vqr/t/", Ours),
    ];
    for (base, token_path, target, whose) in rows {
        let row = format!("{target} with {base} and {token_path}");
        let upstream = Upstream::recording().await;
        let building = Sidecar::guarding(&upstream).var("BASE_PATH", base).var("TOKEN_PATH", token_path);
        let sidecar = building.start().await;
        let response = sidecar.exchange(asking(target)).await;
        match whose {
            Ours => drop(token_of(&sidecar, &response, 300, &row)),
            Gates => Refused::NO_BEARER.check(&response, &row),
            Bad => Refused::gate(400, "BAD_PATH").check(&response, &row),
        }
        assert_eq!(upstream.seen(), 0, "{row}");
    }
}

#[tokio::test]
async fn the_token_endpoint_stays_ours_when_the_base_path_is_stripped() {
    let upstream = Upstream::recording().await;
    let building = Sidecar::guarding(&upstream).var("BASE_PATH", "/vqr").var("STRIP_BASE_PATH", "true");
    let sidecar = building.start().await;
    let token = token_of(&sidecar, &sidecar.exchange(asking("/vqr/api/token_generate")).await, 300, "stripped");
    let response = sidecar.get_with(&token, "/vqr/api/token_generate/").await;
    Refused::NOT_POST.check(&response, "what is left below the base path is not forwarded either");
    assert_eq!(upstream.seen(), 0);
}

#[tokio::test]
async fn a_spelling_that_is_not_the_token_endpoint_is_forwarded_with_a_bearer() {
    let (upstream, sidecar) = gate().await;
    let token = sidecar.token().await;
    assert_eq!(upstream.seen(), 0);
    assert_eq!(sidecar.deliver(&token, "/api/%74oken_generate", "{}").await.status(), 200);
    assert_eq!(upstream.only().target(), "/api/%74oken_generate");
}

#[tokio::test]
async fn another_method_than_post_is_not_served() {
    let (upstream, sidecar) = gate().await;
    let token = sidecar.token().await;
    let methods = ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "post", "POSTS"];
    for method in methods {
        let request = || RequestText::new(method, "/api//token_generate/?x");
        for (row, request) in [
            ("without credentials", request()),
            ("with good credentials", request().basic(USERNAME, PASSWORD)),
            ("with a wrong password", request().basic(USERNAME, "wrong")),
            ("with a good token", request().bearer(&token)),
            ("with a body", request().basic(USERNAME, PASSWORD).json("{}")),
            ("by another name", request().basic(USERNAME, PASSWORD).header("X-HTTP-Method-Override", "POST")),
        ] {
            let row = format!("{method} {row}");
            let response = sidecar.exchange(request).await;
            match method {
                "HEAD" => Refused::NOT_POST.check_head(&response, &row),
                _ => Refused::NOT_POST.check(&response, &row),
            }
            assert_eq!(sidecar.page_of(&response).await["reason"], "not_post", "{row}");
            assert_eq!(upstream.seen(), 0, "{row}");
        }
    }
}

#[tokio::test]
async fn another_method_over_http2_is_not_served() {
    let (upstream, sidecar) = gate().await;
    let h2 = sidecar.h2().await;
    for method in ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"] {
        let basic = text::basic(USERNAME, PASSWORD);
        let request = h2.request(method, TOKEN).header("authorization", basic).body(H2Body::empty());
        let response = h2.send(request.expect("a request")).await;
        match method {
            "HEAD" => Refused::NOT_POST.check_head(&response, method),
            _ => Refused::NOT_POST.check(&response, method),
        }
        assert_eq!(upstream.seen(), 0, "{method}");
    }
}
