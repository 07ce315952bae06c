//! What somebody needs to call the demo, as it is printed.

use std::path::PathBuf;

use super::kind::Kind;
use crate::secret::Secret;

/// What somebody needs to call the demo.
pub(super) struct Invitation {
    pub(super) url: String,
    pub(super) page: String,
    pub(super) ca: PathBuf,
    pub(super) password: Secret<String>,
    pub(super) kind: Kind,
}

impl Invitation {
    /// Lines for a shell, and what is to be seen.
    pub(super) fn curl_lines(&self) -> String {
        let (url, page, ca, password) = (&self.url, &self.page, &self.ca, self.password.expose());
        let curl = format!("curl --cacert '{}'", ca.display());
        let token = format!("{curl} -sS -X POST -u '{USERNAME}:{password}' {url}/api/token_generate");
        let json = "-H 'Content-Type: application/json'";
        let lesson = self.kind.lesson().lines(&self.kind.name());
        format!(
            "# bearergate demo is serving {url} in front of a sample API. Ctrl-C ends it, and nothing is kept.

# 1. get a token, as the payment network does before every delivery
{token}

# 2. deliver a payment with a token
TOKEN=$({token} | sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/')
{curl} -sS {json} -H \"Authorization: Bearer $TOKEN\" -d '{PAYMENT}' {url}{SYNC_PATH}

# 3. deliver without a token: 401, and the sample API hears nothing of it
{curl} -sS -i {json} -d '{PAYMENT}' {url}{SYNC_PATH}

{lesson}
# other kinds: bearergate demo --upstream down, hanging, wrong ...; bearergate demo --help has them all

# see what is going on in a browser: {page}

# also behind the gate: /counts says how many payments were booked, and how many twice; /stream?mb=100 sends 100 MiB,
# /slow?ms=3000 answers late, any other path is echoed
# one line of log for each request follows on standard error
"
        )
    }

    /// `name=value` lines for a script.
    pub(super) fn env_lines(&self) -> String {
        let Self { url, page, ca, password, .. } = self;
        format!("url={url}\nusername={USERNAME}\npassword={}\npage={page}\nca={}", password.expose(), ca.display())
    }
}

/// The demo's only client.
pub(super) const USERNAME: &str = "vietqr-demo";
const SYNC_PATH: &str = "/bank/api/transaction-sync";
/// The 13 members of a delivery, with invented values.
const PAYMENT: &str = concat!(
    r#"{"amount":150000,"orderId":"DH1001","serviceCode":"","referencenumber":"FT26327000001","bankaccount":"0123456789","sign":"","#,
    r#""transactionid":"T-1001","content":"DH1001 thanh toan","transType":"C","subTerminalCode":"","terminalCode":"","#,
    r#""transactiontime":1795420800000,"urlLink":""}"#
);
