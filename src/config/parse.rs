//! From the text of one variable to its type. What several variables mean together is not judged here.

use std::fmt;
use std::net::SocketAddr;
use std::num::{NonZeroUsize, ParseIntError};
use std::ops::RangeInclusive;
use std::time::Duration;

use http::HeaderValue;

use super::client::check_sendable;
use super::variable::Complaint;
use super::vars;
use super::{AdminListen, ListenAddress};
use crate::auth::accounts::PasswordHash;
use crate::auth::keyring::TokenKey;
use crate::rules::allow::AllowRules;
use crate::rules::base::{BasePaths, TokenPath};
use crate::rules::peer::AddressList;
use crate::rules::rate::{Rate, RateFault};
use crate::secret::Secret;
use crate::units::{ByteSize, UnitFault, display_duration, parse_duration};
use crate::upstream::AuthorizationPolicy;
use crate::upstream::origin::Origin;

type Parsed<T> = Result<T, Complaint>;

/// The variable `TLS`, before anybody knows whether its files are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TlsMode {
    On,
    SelfSigned,
    Off,
}

/// One of a few words, exactly as written here.
pub(super) fn one_of<T: Copy>(text: &str, words: &[(&str, T)]) -> Parsed<T> {
    if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
        return Ok(*value);
    }
    let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    let (last, others) = names.split_last().unwrap_or((&"", &[]));
    Err(Complaint::new("is none of its values", format!("write {} or {last}", others.join(", "))))
}

pub(super) fn upstream_url(text: &str) -> Parsed<Origin> {
    Origin::parse(text).map_err(|fault| {
        let complaint = refused(fault);
        // User information and a query are where URLs have their secrets.
        if text.contains(['@', '?']) { complaint.hiding_the_value() } else { complaint }
    })
}

pub(super) fn listen(text: &str) -> Parsed<ListenAddress> {
    let remedy = "write an IP address and a port, such as [::]:8443, 0.0.0.0:8443 or 127.0.0.1:8443";
    let address: SocketAddr = text.parse().map_err(|_| Complaint::new("is not an address and a port", remedy))?;
    Ok(ListenAddress { address, fallback: None })
}

pub(super) fn admin_listen(text: &str) -> Parsed<AdminListen> {
    let remedy = "write an IP address and a port, such as 127.0.0.1:9090 or 0.0.0.0:9090, or off";
    match text {
        "off" => Ok(AdminListen::Off),
        _ => text.parse().map(AdminListen::At).map_err(|_| Complaint::new("is not an address and a port", remedy)),
    }
}

pub(super) fn base_paths(text: &str) -> Parsed<BasePaths> {
    BasePaths::parse(text).map_err(refused)
}

pub(super) fn token_path(text: &str) -> Parsed<TokenPath> {
    TokenPath::parse(text).map_err(refused)
}

pub(super) fn username(text: &str) -> Parsed<String> {
    let what = if text.contains(':') {
        "has a colon, where the password would begin"
    } else if text.contains(char::is_control) {
        "has a control character"
    } else if text.trim() != text {
        "begins or ends with a space"
    } else if text.len() > LONGEST_USERNAME {
        "is longer than 255 bytes"
    } else {
        return Ok(text.to_owned());
    };
    Err(Complaint::new(what, "write a user name such as vietqr-live"))
}

pub(super) fn password(text: &str) -> Parsed<Secret<String>> {
    if PasswordHash::parse(text).is_ok() {
        return Err(Complaint::new(
            "is the hash of a password",
            format!("set it as {}", vars::CLIENT_PASSWORD_HASH.name),
        ));
    }
    check_sendable(text)
        .map(|()| Secret::new(text.to_owned()))
        .map_err(|fault| Complaint::new(fault.to_string(), "`bearergate new-client NAME` prints a good one"))
}

pub(super) fn password_hash(text: &str) -> Parsed<PasswordHash> {
    PasswordHash::parse(text).map_err(refused)
}

pub(super) fn token_key(text: &str) -> Parsed<TokenKey> {
    TokenKey::parse(&Secret::new(text.to_owned())).map_err(refused)
}

pub(super) fn allow(text: &str) -> Parsed<AllowRules> {
    AllowRules::parse(text).map_err(refused)
}

pub(super) fn addresses(text: &str) -> Parsed<AddressList> {
    AddressList::parse(text).map_err(refused)
}

/// `None` is `off`.
pub(super) fn rate(text: &str) -> Parsed<Option<Rate>> {
    match Rate::parse(text) {
        _ if text == "off" => Ok(None),
        Ok(rate) => Ok(Some(rate)),
        Err(RateFault::NoNumber) => Err(Complaint::new(
            "is neither off nor a number and a period",
            "write such as 100/s, 600/m burst 50 or off",
        )),
        Err(fault) => Err(refused(fault)),
    }
}

/// A claim's text: short, so that a token with it stays far below its limit.
pub(super) fn claim(text: &str) -> Parsed<String> {
    let what = if text.contains(char::is_control) {
        "has a control character"
    } else if text.trim() != text {
        "begins or ends with a space"
    } else if text.len() > LONGEST_CLAIM {
        "is longer than 255 bytes"
    } else {
        return Ok(text.to_owned());
    };
    Err(Complaint::new(what, "write a short name"))
}

/// A fixed value must not be a misspelt keyword: it would go to the upstream as it is.
pub(super) fn authorization(text: &str) -> Parsed<AuthorizationPolicy> {
    for (word, policy) in [("strip", AuthorizationPolicy::Strip), ("keep", AuthorizationPolicy::Keep)] {
        if text == word {
            return Ok(policy);
        }
        if strsim::damerau_levenshtein(&text.to_lowercase(), word) <= 2 {
            let remedy = format!("write {word}, or a whole header value such as `Bearer …`");
            return Err(Complaint::new(format!("looks like a misspelt {word}"), remedy));
        }
    }
    let trimmed = text.trim() == text;
    match HeaderValue::from_str(text) {
        Ok(mut value) if trimmed => {
            value.set_sensitive(true);
            Ok(AuthorizationPolicy::Fixed(value))
        }
        _ => Err(Complaint::new(
            "is no header value: it has a control character, or a space at an end",
            "write strip, keep or one line such as `Basic …`",
        )),
    }
}

pub(super) fn timeout(text: &str) -> Parsed<Duration> {
    duration(text, Duration::from_millis(1)..=HOUR, "30s")
}

/// A wait that there need not be.
pub(super) fn delay(text: &str) -> Parsed<Duration> {
    duration(text, Duration::ZERO..=HOUR, "5s")
}

/// Whole seconds, because the claims of a token are.
pub(super) fn token_life(text: &str) -> Parsed<Duration> {
    whole_seconds(text, Duration::from_secs(30)..=24 * HOUR)
}

/// Whole seconds, because the time a key was first seen is.
pub(super) fn settle_time(text: &str) -> Parsed<Duration> {
    whole_seconds(text, Duration::ZERO..=24 * HOUR)
}

fn whole_seconds(text: &str, range: RangeInclusive<Duration>) -> Parsed<Duration> {
    let life = duration(text, range.clone(), "300s")?;
    if life.subsec_nanos() > 0 {
        let remedy = format!("write 300s or the like ({})", allowed_durations(&range));
        return Err(Complaint::new("is not whole seconds", remedy));
    }
    Ok(life)
}

pub(super) fn body_limit(text: &str) -> Parsed<ByteSize> {
    size(text, ByteSize::of_bytes(1)..=ByteSize::of_bytes(1 << 40), "10MiB")
}

pub(super) fn head_limit(text: &str) -> Parsed<ByteSize> {
    size(text, ByteSize::of_bytes(8 << 10)..=ByteSize::of_bytes(1 << 20), "32KiB")
}

/// A whole number from 1 to `most`.
pub(super) fn count(text: &str, most: usize) -> Parsed<NonZeroUsize> {
    let number: Result<NonZeroUsize, ParseIntError> = text.parse();
    let digits_only = text.bytes().all(|byte| byte.is_ascii_digit());
    let remedy = format!("write a number from 1 to {most}");
    match number {
        Ok(number) if digits_only && number.get() <= most => Ok(number),
        _ if digits_only => Err(Complaint::new("is out of range", remedy)),
        _ => Err(Complaint::new("is not a whole number", remedy)),
    }
}

fn duration(text: &str, range: RangeInclusive<Duration>, example: &str) -> Parsed<Duration> {
    let allowed = allowed_durations(&range);
    let parsed = parse_duration(text);
    within(parsed, &range).map_err(|what| {
        let remedy = if parsed == Err(UnitFault::NoUnit) {
            format!("write {text}s, {text}m or {text}h ({allowed})")
        } else {
            format!("write a whole number and ms, s, m or h, such as {example} ({allowed})")
        };
        Complaint::new(what, remedy)
    })
}

fn size(text: &str, range: RangeInclusive<ByteSize>, example: &str) -> Parsed<ByteSize> {
    let allowed = format!("allowed {} to {}", range.start(), range.end());
    let parsed = ByteSize::parse(text);
    within(parsed, &range).map_err(|what| {
        let remedy = if parsed == Err(UnitFault::NoUnit) {
            format!("write {text}KiB, {text}MiB or {text}B ({allowed})")
        } else {
            format!("write a whole number and B, KiB, MiB or GiB, such as {example} ({allowed})")
        };
        Complaint::new(what, remedy)
    })
}

fn within<T: PartialOrd>(parsed: Result<T, UnitFault>, range: &RangeInclusive<T>) -> Result<T, String> {
    match parsed {
        Ok(value) if value < *range.start() => Err("is too little".to_owned()),
        Ok(value) if value > *range.end() => Err("is too much".to_owned()),
        Ok(value) => Ok(value),
        Err(fault) => Err(fault.to_string()),
    }
}

fn allowed_durations(range: &RangeInclusive<Duration>) -> String {
    format!("allowed {} to {}", display_duration(*range.start()), display_duration(*range.end()))
}

/// The complaint of a module whose fault is the rest of the sentence, remedy included.
fn refused(fault: impl fmt::Display) -> Complaint {
    Complaint::new(fault.to_string(), "")
}

const HOUR: Duration = Duration::from_secs(3600);

/// Together with a colon and the longest password within the 1 KiB that [`crate::auth::basic`] reads.
const LONGEST_USERNAME: usize = 255;
const LONGEST_CLAIM: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;

    fn said<T>(parsed: Parsed<T>) -> Option<String> {
        parsed.err().map(|complaint| format!("{}; {}", complaint.what, complaint.remedy))
    }

    #[test]
    fn a_duration_out_of_range_or_without_a_unit_gets_its_remedy() {
        for (text, expected) in [
            ("300s", None),
            ("30s", None),
            ("24h", None),
            ("5", Some("has no unit; write 5s, 5m or 5h (allowed 30s to 24h)")),
            ("29s", Some("is too little; write a whole number and ms, s, m or h, such as 300s (allowed 30s to 24h)")),
            ("25h", Some("is too much; write a whole number and ms, s, m or h, such as 300s (allowed 30s to 24h)")),
            ("30500ms", Some("is not whole seconds; write 300s or the like (allowed 30s to 24h)")),
        ] {
            assert_eq!(said(token_life(text)).as_deref(), expected, "{text}");
        }
        for (text, good) in [("1ms", true), ("1h", true), ("0s", false), ("3601s", false), ("2h", false)] {
            assert_eq!(timeout(text).is_ok(), good, "{text}");
        }
    }

    #[test]
    fn a_key_settles_in_whole_seconds_or_at_once() {
        for (text, good) in
            [("0s", true), ("300s", true), ("24h", true), ("1500ms", false), ("25h", false), ("5", false)]
        {
            assert_eq!(settle_time(text).is_ok(), good, "{text}");
        }
    }

    #[test]
    fn a_rate_is_off_or_a_number_and_a_period() {
        for (text, expected) in [
            ("off", None),
            ("100/s", None),
            ("600/m burst 50", None),
            ("Off", Some("is neither off nor a number and a period; write such as 100/s, 600/m burst 50 or off")),
            ("0/s", Some("is zero, which would refuse everything; write off for no limit, or a number from 1; ")),
            ("100", Some("has no period; write such as 100/s, 600/m or 3600/h; ")),
        ] {
            assert_eq!(said(rate(text)).as_deref(), expected, "{text}");
        }
        assert!(rate("off").is_ok_and(|rate| rate.is_none()));
    }

    #[test]
    fn sizes_have_ranges() {
        for (text, good) in [("8KiB", true), ("1MiB", true), ("8191B", false), ("2MiB", false), ("0B", false)] {
            assert_eq!(head_limit(text).is_ok(), good, "{text}");
        }
        for (text, good) in [("1B", true), ("1TiB", true), ("0B", false), ("2TiB", false), ("10", false)] {
            assert_eq!(body_limit(text).is_ok(), good, "{text}");
        }
        let expected = "has no unit; write 10KiB, 10MiB or 10B (allowed 1B to 1TiB)";
        assert_eq!(said(body_limit("10")).as_deref(), Some(expected));
    }

    #[test]
    fn a_count_is_a_plain_number_within_its_range() {
        for (text, expected) in [
            ("1", None),
            ("1024", None),
            ("0", Some("is out of range; write a number from 1 to 1024")),
            ("1025", Some("is out of range; write a number from 1 to 1024")),
            ("99999999999999999999", Some("is out of range; write a number from 1 to 1024")),
            ("+2", Some("is not a whole number; write a number from 1 to 1024")),
            ("-1", Some("is not a whole number; write a number from 1 to 1024")),
            ("auto", Some("is not a whole number; write a number from 1 to 1024")),
        ] {
            assert_eq!(said(count(text, 1024)).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_word_is_taken_exactly_and_the_others_are_named() {
        let words = [("on", 1), ("self-signed", 2), ("off", 3)];
        assert_eq!(one_of("self-signed", &words).ok(), Some(2));
        for text in ["On", "true", " on", "of"] {
            let expected = "is none of its values; write on, self-signed or off";
            assert_eq!(said(one_of(text, &words)).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn listen_takes_an_address_and_a_port() {
        for (text, good) in [
            ("[::]:8443", true),
            ("0.0.0.0:8443", true),
            ("127.0.0.1:0", true),
            (":8443", false),
            ("8443", false),
            ("localhost:8443", false),
            ("0.0.0.0", false),
            ("0.0.0.0:99999", false),
        ] {
            assert_eq!(listen(text).is_ok(), good, "{text}");
        }
    }

    #[test]
    fn a_user_name_or_password_that_no_caller_can_send_is_refused() {
        let long = "a".repeat(600);
        for (text, good) in [
            ("vietqr-live", true),
            ("khách hàng", true),
            ("a:b", false),
            ("a\nb", false),
            ("a ", false),
            (&*long, false),
        ] {
            assert_eq!(username(text).is_ok(), good, "{text:?}");
        }
        let hash = format!("sha256:{}", "0f".repeat(32));
        for (text, good) in [
            ("a:b c=", true),
            (" spaces ", true),
            ("sha256:hunter2", true),
            ("line\n", false),
            ("\0", false),
            (&*long, false),
            (&*hash, false),
        ] {
            assert_eq!(password(text).is_ok(), good, "{text:?}");
        }
    }

    #[test]
    fn a_misspelt_keyword_is_not_taken_for_a_fixed_header() {
        let policy = |text: &str| match authorization(text) {
            Ok(AuthorizationPolicy::Strip) => "strip",
            Ok(AuthorizationPolicy::Keep) => "keep",
            Ok(AuthorizationPolicy::Fixed(value)) if value.is_sensitive() => "fixed",
            Ok(AuthorizationPolicy::Fixed(_)) => "shown",
            Err(_) => "refused",
        };
        for (text, expected) in [
            ("strip", "strip"),
            ("keep", "keep"),
            ("Bearer abc", "fixed"),
            ("opaque-api-key", "fixed"),
            ("Strip", "refused"),
            ("stirp", "refused"),
            ("KEEP", "refused"),
            ("keeps", "refused"),
            ("Bearer abc\n", "refused"),
            (" Bearer abc", "refused"),
        ] {
            assert_eq!(policy(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_url_with_user_information_is_not_shown() {
        let hides = |text: &str| upstream_url(text).err().map(|complaint| complaint.hides_value);
        assert_eq!(hides("http://user:hunter2@api:8080"), Some(true));
        assert_eq!(hides("ftp://api:8080"), Some(false));
    }
}
