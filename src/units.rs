//! Numbers with a unit, as operators write them: `300s`, `10MiB`.
//!
//! One whole number, one unit, nothing between them and no number without a unit: `TTL=5` has cost people more
//! than typing an `s`. What range makes sense is for the setting to say.

use std::fmt;
use std::time::Duration;

/// A number of bytes.
///
/// Written as a whole number and `B`, `KB`, `MB`, `GB`, `TB` (powers of 1000) or `KiB`, `MiB`, `GiB`, `TiB` (powers of 1024).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(u64);

impl ByteSize {
    /// So many bytes.
    pub const fn of_bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// The number of bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// Reads `10MiB`.
    ///
    /// # Errors
    /// Says what keeps the text from being a size; units are case-sensitive.
    pub fn parse(text: &str) -> Result<Self, UnitFault> {
        measure(text, &SIZES).map(Self)
    }
}

/// The canonical text: the largest unit that leaves a whole number, powers of 1024 before powers of 1000.
impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_largest(f, self.0, &SIZES)
    }
}

/// What keeps a text from being a number with a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnitFault {
    /// `s`, `-5s`, `abc`: it does not begin with a digit.
    #[error("does not begin with a whole number")]
    NoNumber,
    /// `5`: only a number.
    #[error("has no unit")]
    NoUnit,
    /// `1.5h`: a fraction.
    #[error("has a fraction")]
    Fraction,
    /// `5 s`, `5sec`, `5mib`, `1h30m`: what follows the number is none of the units.
    #[error("has a unit that is not known")]
    UnknownUnit,
    /// More than 64 bits hold.
    #[error("is too large a number")]
    TooLarge,
}

/// Reads a duration: `300ms`, `10s`, `5m`, `24h`.
///
/// # Errors
/// Says what keeps the text from being a duration; units are lower-case.
pub fn parse_duration(text: &str) -> Result<Duration, UnitFault> {
    measure(text, &DURATIONS).map(Duration::from_millis)
}

/// The canonical text of a duration, `5m` for 300 seconds: the largest unit that leaves a whole number.
///
/// Finer parts than a millisecond, which [`parse_duration`] never makes, are left out.
pub fn display_duration(duration: Duration) -> impl fmt::Display {
    DurationText(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

struct DurationText(u64);

impl fmt::Display for DurationText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        write_largest(f, self.0, &DURATIONS)
    }
}

fn measure(text: &str, units: &[Unit]) -> Result<u64, UnitFault> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    if number.is_empty() {
        return Err(UnitFault::NoNumber);
    }
    if unit.is_empty() {
        return Err(UnitFault::NoUnit);
    }
    if unit.starts_with(['.', ',']) {
        return Err(UnitFault::Fraction);
    }
    let (_, factor) = *units.iter().find(|(name, _)| *name == unit).ok_or(UnitFault::UnknownUnit)?;
    let number: u64 = number.parse().map_err(|_| UnitFault::TooLarge)?;
    number.checked_mul(factor).ok_or(UnitFault::TooLarge)
}

fn write_largest(f: &mut fmt::Formatter<'_>, amount: u64, units: &[Unit]) -> fmt::Result {
    let fits = |&&(_, factor): &&Unit| amount >= factor && amount.is_multiple_of(factor);
    let (name, factor) = units.iter().find(fits).unwrap_or(&units[units.len() - 1]);
    write!(f, "{}{name}", amount / factor)
}

/// A unit's name and how many of the smallest unit it is.
type Unit = (&'static str, u64);

/// In the order in which the canonical text tries them; the last is 1.
const SIZES: [Unit; 9] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("KB", 1_000),
    ("B", 1),
];

const DURATIONS: [Unit; 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

#[cfg(test)]
mod tests {
    use super::UnitFault::*;
    use super::*;

    #[test]
    fn a_duration_is_a_whole_number_and_a_unit() {
        let cases = [
            ("300ms", Ok(300)),
            ("10s", Ok(10_000)),
            ("5m", Ok(300_000)),
            ("24h", Ok(86_400_000)),
            ("0s", Ok(0)),
            ("007s", Ok(7_000)),
            ("5", Err(NoUnit)),
            ("", Err(NoNumber)),
            ("s", Err(NoNumber)),
            ("-5s", Err(NoNumber)),
            ("+5s", Err(NoNumber)),
            (" 5s", Err(NoNumber)),
            ("1.5h", Err(Fraction)),
            ("1,5h", Err(Fraction)),
            ("5 s", Err(UnknownUnit)),
            ("5S", Err(UnknownUnit)),
            ("5sec", Err(UnknownUnit)),
            ("1h30m", Err(UnknownUnit)),
            ("5s\n", Err(UnknownUnit)),
            ("99999999999999999999s", Err(TooLarge)),
            ("18446744073709551615h", Err(TooLarge)),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_duration(text), expected.map(Duration::from_millis), "{text:?}");
        }
    }

    #[test]
    fn a_size_is_a_whole_number_and_a_unit() {
        let cases = [
            ("512B", Ok(512)),
            ("64KB", Ok(64_000)),
            ("32KiB", Ok(32_768)),
            ("10MB", Ok(10_000_000)),
            ("10MiB", Ok(10_485_760)),
            ("1GiB", Ok(1 << 30)),
            ("2TiB", Ok(2 << 40)),
            ("10", Err(NoUnit)),
            ("10mib", Err(UnknownUnit)),
            ("10M", Err(UnknownUnit)),
            ("1.5MiB", Err(Fraction)),
            ("MiB", Err(NoNumber)),
            ("16777216TiB", Err(TooLarge)),
        ];
        for (text, expected) in cases {
            assert_eq!(ByteSize::parse(text), expected.map(ByteSize), "{text:?}");
        }
    }

    #[test]
    fn the_canonical_text_has_the_largest_unit_that_leaves_a_whole_number() {
        for (text, canonical) in [("300s", "5m"), ("90s", "90s"), ("1500ms", "1500ms"), ("60m", "1h"), ("0ms", "0s")] {
            let duration = parse_duration(text).expect("the row is a duration");
            assert_eq!(display_duration(duration).to_string(), canonical, "{text}");
        }
        for (text, canonical) in [("10240KiB", "10MiB"), ("64000B", "64KB"), ("1023B", "1023B"), ("0B", "0B")] {
            let size = ByteSize::parse(text).expect("the row is a size");
            assert_eq!(size.to_string(), canonical, "{text}");
        }
    }

    #[test]
    fn the_canonical_text_reads_back_as_the_same_amount() {
        for bytes in [0, 1, 1000, 1024, 1536, 1_000_000, 1 << 20, (1 << 40) + 1, u64::MAX] {
            assert_eq!(ByteSize::parse(&ByteSize(bytes).to_string()), Ok(ByteSize(bytes)));
        }
        for millis in [0, 1, 999, 1000, 61_000, 3_600_000] {
            let duration = Duration::from_millis(millis);
            assert_eq!(parse_duration(&display_duration(duration).to_string()), Ok(duration));
        }
    }
}
