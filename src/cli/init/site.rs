//! Where the network is to call: the URL that is registered with it.

use std::str::FromStr;

use crate::network::{Endpoint, EndpointFault, Paths, Scheme, TOKEN_PATH};
use crate::rules::base::{BaseFault, BasePath};

/// A registered URL, `https://host[:port][/base]`, without a final slash.
#[derive(Clone, Debug)]
pub(super) struct Site {
    url: String,
    endpoint: Endpoint,
    base: BasePath,
    port: Option<u16>,
}

/// Why a URL cannot be registered.
#[derive(Debug, thiserror::Error)]
pub(super) enum SiteFault {
    /// It is none.
    #[error("{0}")]
    Url(#[from] EndpointFault),
    /// Tokens and payments would travel in the clear.
    #[error("write https://: the password and the payments must not travel in the clear")]
    InTheClear,
    /// The whole URL of a call.
    #[error("leave out the path of the call; the base path alone belongs to the URL")]
    WholeCall,
    /// A path that is none.
    #[error("its path {0}")]
    Base(#[from] BaseFault),
    /// It could not stand in every file as it is.
    #[error("it may hold only letters, digits and - . _ ~ : / [ ]")]
    Odd,
}

impl FromStr for Site {
    type Err = SiteFault;

    fn from_str(text: &str) -> Result<Self, SiteFault> {
        let endpoint = Endpoint::parse(text, Paths::default())?;
        let url = text.trim_end_matches('/').to_owned();
        if endpoint.scheme() != Scheme::Https {
            return Err(SiteFault::InTheClear);
        }
        if !url.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~:/[]".contains(&byte)) {
            return Err(SiteFault::Odd);
        }
        let uri: http::Uri = url.parse().map_err(|_| EndpointFault::Unreadable)?;
        let base = BasePath::parse(uri.path())?;
        let written = base.as_str().trim_end_matches('/');
        if endpoint.token_target() != format!("{written}{TOKEN_PATH}") {
            return Err(SiteFault::WholeCall);
        }
        Ok(Self { url, endpoint, base, port: uri.port_u16() })
    }
}

impl Site {
    /// As it was given, without a final slash.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Its base path: `/` or such as `/vqr`.
    pub(super) fn base(&self) -> &str {
        self.base.as_str()
    }

    /// The port, where it is named.
    pub(super) fn named_port(&self) -> Option<u16> {
        self.port
    }

    /// Host, port and the targets of both calls.
    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registered_url_gives_the_base_path_and_both_calls() {
        for (text, url, base, port, token) in [
            ("https://pay.vn", "https://pay.vn", "/", None, "/api/token_generate"),
            ("https://pay.vn/", "https://pay.vn", "/", None, "/api/token_generate"),
            ("https://pay.vn:9443/vqr/", "https://pay.vn:9443/vqr", "/vqr", Some(9443), "/vqr/api/token_generate"),
            ("https://[::1]:1/a/b", "https://[::1]:1/a/b", "/a/b", Some(1), "/a/b/api/token_generate"),
        ] {
            let site: Site = text.parse().unwrap_or_else(|fault| panic!("{text}: {fault}"));
            assert_eq!((site.url(), site.base(), site.named_port()), (url, base, port), "{text}");
            assert_eq!(site.endpoint().token_target(), token, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_registered_is_refused() {
        for (text, part) in [
            ("pay.vn", "https://"),
            ("http://pay.vn", "in the clear"),
            ("https://u:p@pay.vn", "user name"),
            ("https://pay.vn/?a=b", "query"),
            ("https://pay.vn/vqr/api/token_generate", "leave out the path of the call"),
            ("https://pay.vn/a%2Fb", "may hold only"),
            ("https://pay.vn/a$b", "may hold only"),
            ("https://pay.vn/../a", "its path"),
        ] {
            let fault = text.parse::<Site>().map(|site| site.url).expect_err(text).to_string();
            assert!(fault.contains(part), "{text}: {fault}");
        }
    }
}
