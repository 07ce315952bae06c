//! The variables that say who may call, what, and how often; and what tokens are made with.

use std::path::PathBuf;
use std::time::Duration;

use crate::auth::accounts::PasswordHash;
use crate::auth::keyring::TokenKey;
use crate::config::parse;
use crate::config::variable::Var;
use crate::rules::allow::AllowRules;
use crate::rules::peer::AddressList;
use crate::rules::rate::Rate;
use crate::secret::Secret;

pub(in crate::config) const CLIENT_USERNAME: Var<Option<String>> = Var::optional(
    "BEARERGATE_CLIENT_USERNAME",
    "this or `CLIENTS_FILE`",
    "the user name given to the network; no colon",
    |text| parse::username(text).map(Some),
);
pub(in crate::config) const CLIENT_PASSWORD: Var<Option<Secret<String>>> = Var::optional(
    "BEARERGATE_CLIENT_PASSWORD",
    "this or the hash",
    "the password given to the network; fewer than 12 characters are warned of",
    |text| parse::password(text).map(Some),
)
.secret();
pub(in crate::config) const CLIENT_PASSWORD_HASH: Var<Option<PasswordHash>> = Var::optional(
    "BEARERGATE_CLIENT_PASSWORD_HASH",
    "this or the password",
    "a hash of the password instead: `sha256:` and 64 hex digits for a generated one (`bearergate new-client`), \
     argon2id for a chosen one (`bearergate hash-password`)",
    |text| parse::password_hash(text).map(Some),
)
.secret();
pub(in crate::config) const CLIENTS_FILE: Var<Option<PathBuf>> = Var::optional(
    "BEARERGATE_CLIENTS_FILE",
    "unset",
    "path of a JSON file with one client or many, in place of user name and password here",
    |text| Ok(Some(PathBuf::from(text))),
);
pub(in crate::config) const ALLOW: Var<AllowRules> = Var::defaulted(
    "BEARERGATE_ALLOW",
    "* /**",
    "what clients may call: a comma list of a method and a path below the base path, such as \
     `POST /bank/api/transaction-sync`; `*` is any method or one segment of a path, `**` the rest",
    parse::allow,
);
pub(in crate::config) const TOKEN_KEY: Var<Option<TokenKey>> = Var::optional(
    "BEARERGATE_TOKEN_KEY",
    "this or `TOKEN_KEYS_DIR`",
    "the key that signs tokens: 32 bytes of text or more (HS256, the text's own bytes, never Base64-decoded), or a PKCS#8 PEM \
     private key (P-256: ES256, Ed25519: EdDSA); the same on every replica",
    |text| parse::token_key(text).map(Some),
)
.secret();
pub(in crate::config) const TOKEN_KEYS_DIR: Var<Option<PathBuf>> = Var::optional(
    "BEARERGATE_TOKEN_KEYS_DIR",
    "unset",
    "path of a folder with one key in each file, in place of `TOKEN_KEY`; the file's name is the `kid`, names that begin with \
     a dot are skipped; all keys check, the last by name signs",
    |text| Ok(Some(PathBuf::from(text))),
);
pub(in crate::config) const TOKEN_KEY_SETTLE: Var<Duration> = Var::defaulted(
    "BEARERGATE_TOKEN_KEY_SETTLE",
    "300s",
    "how long a new key of the folder only checks, so that every replica knows it before one signs with it; whole seconds, up \
     to `24h`",
    parse::settle_time,
);
pub(in crate::config) const TOKEN_TTL: Var<Duration> = Var::defaulted(
    "BEARERGATE_TOKEN_TTL",
    "300s",
    "how long a token is good; whole seconds, `30s` to `24h`",
    parse::token_life,
);
pub(in crate::config) const TOKEN_ISSUER: Var<String> =
    Var::defaulted("BEARERGATE_TOKEN_ISSUER", "bearergate", "the `iss` claim, set and checked", parse::claim);
pub(in crate::config) const TOKEN_AUDIENCE: Var<Option<String>> = Var::optional(
    "BEARERGATE_TOKEN_AUDIENCE",
    "unset",
    "the `aud` claim, set and checked; unset: no token may have one",
    |text| parse::claim(text).map(Some),
);
pub(in crate::config) const CLIENT_RATE: Var<Option<Rate>> = Var::defaulted(
    "BEARERGATE_CLIENT_RATE",
    "off",
    "requests of one client: `100/s`, `600/m` or `3600/h`, optionally ` burst 200`; each replica counts for itself",
    parse::rate,
);
pub(in crate::config) const TOKEN_RATE: Var<Option<Rate>> =
    Var::defaulted("BEARERGATE_TOKEN_RATE", "off", "tokens of one client, written like `CLIENT_RATE`", parse::rate);
pub(in crate::config) const LOGIN_FAILURES: Var<Option<Rate>> = Var::defaulted(
    "BEARERGATE_LOGIN_FAILURES",
    "30/m",
    "failed logins from one address (IPv6: one /64) before 429, or `off`; right `sha256:` passwords, and argon2id ones that \
     have been right before, are never kept out",
    parse::rate,
);
pub(in crate::config) const ALLOW_ADDRESSES: Var<Option<AddressList>> = Var::optional(
    "BEARERGATE_ALLOW_ADDRESSES",
    "unset: all",
    "networks that may call, a comma list such as `203.0.113.0/24, 2001:db8::/32`; it holds for the token endpoint too",
    |text| parse::addresses(text).map(Some),
);
