//! Allow rules: matching agrees with a slower one, and what is permitted stays permitted however the upstream reads it.

use bearergate::rules::allow::{AllowRules, Verdict};
use bearergate::rules::path::SafePath;

use super::path::readings;

/// The input is a list of rules, a method and a path, a line each.
pub fn holds(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let mut lines = text.splitn(3, '\n');
    let (Some(list), Some(method), Some(path)) = (lines.next(), lines.next(), lines.next()) else { return };
    let Ok(rules) = AllowRules::parse(list) else { return };
    let shown = rules.to_string();
    assert_eq!(AllowRules::parse(&shown).as_ref(), Ok(&rules), "{list:?} is shown as {shown:?}");
    let verdict = rules.permits(method, path);
    let permitted = verdict == Verdict::Permitted;
    assert_eq!(permitted, permits(list, method, path), "{list:?}: {method:?} {path:?}");
    if verdict == Verdict::OnlyTrailingSlashDiffers {
        let other = path.strip_suffix('/').map_or_else(|| format!("{path}/"), str::to_owned);
        assert!(permits(list, method, &other), "{list:?}: {method:?} {path:?}");
    }
    if permitted && path.len() <= LONGEST && SafePath::parse(path).is_ok() {
        stays_permitted(list, method, path);
    }
}

/// What an upstream reads out of a permitted path is permitted too, where the rules say plainly what they mean.
fn stays_permitted(list: &str, method: &str, path: &str) {
    if list.contains(['%', ';', '\\']) || list.contains("//") {
        return;
    }
    for reading in readings(path.as_bytes()) {
        let shown = String::from_utf8_lossy(&reading);
        assert!(permits(list, method, &shown), "{list:?} permits {method:?} {path:?}, which may be read as {shown:?}");
    }
}

/// The same judgement as the contract describes it, one rule and one segment at a time.
fn permits(list: &str, method: &str, path: &str) -> bool {
    let path = if path.is_empty() { "/" } else { path };
    path.starts_with('/')
        && list.split(',').any(|rule| {
            let words: Vec<&str> = rule.split_whitespace().collect();
            let [wanted, pattern] = words[..] else { return false };
            let (pattern, path): (Vec<&str>, Vec<&str>) = (pattern.split('/').collect(), path.split('/').collect());
            (wanted == "*" || wanted == method) && covers(&pattern, &path)
        })
}

fn covers(pattern: &[&str], path: &[&str]) -> bool {
    match (pattern, path) {
        (["**"], _) => true,
        ([], []) => true,
        (["*", pattern @ ..], [segment, path @ ..]) => !nameless(segment) && covers(pattern, path),
        ([literal, pattern @ ..], [segment, path @ ..]) => literal == segment && covers(pattern, path),
        ([], _) | (_, []) => false,
    }
}

/// Nothing is left of it without its parameters, plain or encoded.
fn nameless(segment: &str) -> bool {
    let decoded = segment.replace("%3b", ";").replace("%3B", ";");
    decoded.split(';').next().is_none_or(str::is_empty)
}

/// A longer path has more readings than a fuzzer has time for.
const LONGEST: usize = 256;
