//! What is encoded, and should not be, or not so.

use super::Form;

const TWICE_DECODED: &str = "decoded twice (CWE-174)";

pub(super) const TWICE: &[Form] = &[
    Form::unclear("/bank/%252e%252e/admin", TWICE_DECODED),
    Form::unclear("/bank/%252E%252E/admin", TWICE_DECODED),
    Form::unclear("/bank/.%252e/admin", TWICE_DECODED),
    Form::unclear("/bank/%25%32%65%25%32%65/admin", "each letter of %2e encoded"),
    Form::unclear("/bank/%252%65%252%65/admin", "the last letter of %2e encoded"),
    Form::unclear("/bank/%25%32e/admin", "the middle of %2e encoded"),
    Form::unclear("/bank/%25252e%25252e/admin", "decoded three times"),
    Form::unclear("/bank%252fapi%252fsync", TWICE_DECODED),
    Form::unclear("/bank/..%252fadmin", TWICE_DECODED),
    Form::unclear("/bank/..%255cadmin", TWICE_DECODED),
    Form::unclear("/bank/..%253b/admin", TWICE_DECODED),
    Form::unclear("/bank/api/sync%2500", TWICE_DECODED),
    Form::unclear("/bank/%25c0%25ae/admin", "overlong UTF-8, decoded twice"),
    Form::unclear("/bank/%2541", "even of a letter: what is compared is not what is read"),
    Form::unclear("/bank/api/syn%2563", "even of a letter: what is compared is not what is read"),
    Form::below("/bank/100%25", "a percent sign that encodes nothing more"),
    Form::below("/bank/100%25/x", "a percent sign that encodes nothing more"),
    Form::below("/bank/100%25zz", "a percent sign that encodes nothing more"),
];

const SLASH: &str = "RFC 3986, 2.2: an encoded slash divides for some and not for others";
const BACKSLASH: &str = "a backslash divides on Windows and for browsers (WHATWG URL, 4.4)";

pub(super) const SEPARATORS: &[Form] = &[
    Form::unclear("/bank%2fapi%2fsync", SLASH),
    Form::unclear("/bank%2Fapi%2Fsync", SLASH),
    Form::unclear("/%2fbank/api/sync", SLASH),
    Form::unclear("/bank/%2f", SLASH),
    Form::unclear("/bank/api/sync%2f", SLASH),
    Form::unclear("/bank/..%2fadmin", SLASH),
    Form::unclear("/bank/..%2F..%2Fadmin", SLASH),
    Form::unclear("/bank/%2e%2e%2fadmin", SLASH),
    Form::unclear("/bank/x;a=%2f../admin", SLASH),
    Form::unclear("/bank\\api\\sync", BACKSLASH),
    Form::unclear("/\\bank/api/sync", BACKSLASH),
    Form::unclear("/bank/..\\admin", BACKSLASH),
    Form::unclear("/bank/\\..\\admin", BACKSLASH),
    Form::unclear("/bank%5capi%5csync", BACKSLASH),
    Form::unclear("/bank/..%5cadmin", BACKSLASH),
    Form::unclear("/bank/..%5C..%5Cadmin", BACKSLASH),
    Form::unclear("/bank/api/sync%5C", BACKSLASH),
    Form::below("/bank/%EF%BC%8F..", "a full-width slash is one only after compatibility folding (NFKC)"),
];

const LONGER: &str = "RFC 3629, 10: longer than UTF-8 may be (CVE-2000-0884, CVE-2008-2938)";

pub(super) const OVERLONG: &[Form] = &[
    Form::unclear("/bank/%c0%ae%c0%ae/admin", LONGER),
    Form::unclear("/bank/%C0%AE%C0%AE/admin", LONGER),
    Form::unclear("/bank/%c0%2e%c0%2e/admin", LONGER),
    Form::unclear("/bank/..%c0%afadmin", LONGER),
    Form::unclear("/bank/..%c1%9cadmin", LONGER),
    Form::unclear("/bank/%e0%80%ae%e0%80%ae/admin", LONGER),
    Form::unclear("/bank/..%e0%80%afadmin", LONGER),
    Form::unclear("/bank/%f0%80%80%ae/admin", LONGER),
    Form::unclear("/bank/..%f0%80%80%afadmin", LONGER),
    Form::unclear("/bank/..%f8%80%80%80%afadmin", LONGER),
    Form::unclear("/bank/%f8%80%80%80%ae/admin", LONGER),
    Form::unclear("/bank/..%fc%80%80%80%80%afadmin", LONGER),
    Form::unclear("/bank/api/sync%c0%80", LONGER),
    Form::below("/bank/%c3%a9", "UTF-8 as it should be"),
    Form::below("/bank/%E1%BA%ADn", "UTF-8 as it should be"),
    Form::below("/bank/%F0%9F%94%91", "UTF-8 as it should be"),
    Form::below("/bank/M%FCller", "Latin-1, as old upstreams have it"),
];

const CONTROL: &str = "RFC 3986, 7.3: a control byte ends the name for some";

pub(super) const CONTROLS: &[Form] = &[
    Form::unclear("/bank/api/sync%00", CONTROL),
    Form::unclear("/bank/api/sync%00.json", CONTROL),
    Form::unclear("/bank/..%00/admin", CONTROL),
    Form::unclear("/bank/.%00./admin", CONTROL),
    Form::unclear("/admin%00/bank/api/sync", CONTROL),
    Form::unclear("/bank/..%09/admin", "a tab is cut out of a URL (WHATWG URL, 4.4)"),
    Form::unclear("/bank/.%09./admin", "a tab is cut out of a URL (WHATWG URL, 4.4)"),
    Form::unclear("/bank/api/sync%0a", CONTROL),
    Form::unclear("/bank/api/sync%0D%0AX-Forwarded-User:%20root", "CWE-93: a field of its own for who decodes"),
    Form::unclear("/bank/api/sync%1f", CONTROL),
    Form::unclear("/bank/api/sync%7F", CONTROL),
];

const NOTHING_ENCODED: &str = "RFC 3986, 2.1: a percent sign and two digits, or no path";

pub(super) const BROKEN: &[Form] = &[
    Form::unclear("/bank/%", NOTHING_ENCODED),
    Form::unclear("/bank/%2", NOTHING_ENCODED),
    Form::unclear("/bank/%2/admin", NOTHING_ENCODED),
    Form::unclear("/bank/%zz", NOTHING_ENCODED),
    Form::unclear("/bank/%2g%2g/admin", NOTHING_ENCODED),
    Form::unclear("/bank/%-2e", NOTHING_ENCODED),
    Form::unclear("/bank/%%32%65/admin", NOTHING_ENCODED),
    Form::unclear("/bank/%?/admin", NOTHING_ENCODED),
    Form::unclear("/bank/%u002e%u002e/admin", "an encoding that no RFC knows"),
    Form::unclear("/bank/%U002E%U002E/admin", "an encoding that no RFC knows"),
    Form::unclear("/bank/..%u2216admin", "an encoding that no RFC knows"),
    Form::unclear("/bank/%uff0e%uff0e/admin", "an encoding that no RFC knows"),
];

const NOT_ASCII: &str = "RFC 3986, 2: a path is ASCII";
const NO_TARGET: &str = "RFC 9112, 3: no byte of a request line";

pub(super) const RAW: &[Form] = &[
    Form::unclear("/bank/é", NOT_ASCII),
    Form::unclear("/bank/．．/admin", NOT_ASCII),
    Form::unclear("/bank/‥/admin", NOT_ASCII),
    Form::unclear("/bank∕api∕sync", NOT_ASCII),
    Form::unclear("/bank/api/sync\u{a0}", NOT_ASCII),
    Form::unclear("/bank/api/sync\u{200b}", NOT_ASCII),
    Form::none("/bank/..\t/admin", NO_TARGET),
    Form::none("/bank/.\t./admin", NO_TARGET),
    Form::none("/bank/api/sync\0", NO_TARGET),
    Form::none("/bank/api/sync\u{1}", NO_TARGET),
    Form::none("/bank/api/sync\u{b}", NO_TARGET),
    Form::none("/bank/api/sync\u{1b}[0m", NO_TARGET),
    Form::none("/bank/api/sync\u{7f}", NO_TARGET),
    Form::none("/bank/api/sync /admin", NO_TARGET),
    Form::none("/bank/.. /admin", NO_TARGET),
];
