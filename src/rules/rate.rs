//! How often: rates, and who has used how much of theirs.
//!
//! Time is passed in, as what has passed on a monotonic clock since any one moment, the same for all calls. A bucket is one number, the
//! moment at which it is full again (GCRA, the "virtual scheduling" of ITU-T I.371, annex A).

use std::cmp::Ordering;
use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

/// So many per second, minute or hour, and how many of them may come at once. Never zero.
///
/// Written `100/s`, `600/m` or `3600/h`, each with an optional ` burst 200`; counts up to a million. Without it the burst is the count
/// itself: `30/m` lets 30 come at once, then one every two seconds. In any stretch of time no more pass than the burst and what the rate
/// yields in that time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    count: NonZeroU32,
    period: Period,
    burst: NonZeroU32,
}

/// How much of a rate has been used. A new one is full: nothing has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bucket {
    /// In nanoseconds.
    full_at: u64,
}

/// What is over the rate, and when to come again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryAfter {
    /// Whole seconds, rounded up: who waits so long is let through when nobody else was in between.
    pub seconds: NonZeroU64,
}

/// Buckets by key, at most as many as it was made for. Which rate a key has is said with each call.
///
/// Full, it forgets first whoever could send a whole burst again, then those who are nearest to it, an eighth of all at once: a flood of
/// new keys costs memory that is bounded and time that does not grow with it.
#[derive(Debug)]
pub struct Limiter<K> {
    buckets: HashMap<K, Bucket>,
    most: usize,
}

/// Why a text is no rate. The operator is to blame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RateFault {
    /// What stands before the `/` is no number.
    #[error("does not begin with a whole number; write such as 100/s or 600/m")]
    NoNumber,
    /// Only a number.
    #[error("has no period; write such as 100/s, 600/m or 3600/h")]
    NoPeriod,
    /// What follows the `/` is no period.
    #[error("has a period that is not known; write /s, /m or /h")]
    UnknownPeriod,
    /// Nothing could ever pass.
    #[error("is zero, which would refuse everything; write off for no limit, or a number from 1")]
    Zero,
    /// More than a million.
    #[error("has a number over 1000000; write a smaller one, or off for no limit")]
    TooLarge,
    /// What follows the period is not `burst` and a number.
    #[error("has something behind its period that is not a burst; write such as 50/s burst 100")]
    NoBurst,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Period {
    Second,
    Minute,
    Hour,
}

impl Rate {
    /// Reads `100/s`, `600/m` or `50/s burst 100`.
    ///
    /// # Errors
    /// [`RateFault`] for anything else. `off` is no rate: having none is for the setting to say.
    pub fn parse(text: &str) -> Result<Self, RateFault> {
        let mut words = text.split_whitespace();
        let (count, period) = match words.next().unwrap_or_default().split_once('/') {
            Some((count, period)) => (count_of(count)?, period),
            None => return Err(count_of(text.trim()).err().unwrap_or(RateFault::NoPeriod)),
        };
        let period = match period {
            "s" => Period::Second,
            "m" => Period::Minute,
            "h" => Period::Hour,
            _ => return Err(RateFault::UnknownPeriod),
        };
        let burst = match (words.next(), words.next(), words.next()) {
            (None, ..) => count,
            (Some("burst"), Some(burst), None) => match count_of(burst) {
                Err(RateFault::NoNumber) => return Err(RateFault::NoBurst),
                burst => burst?,
            },
            _ => return Err(RateFault::NoBurst),
        };
        Ok(Self { count, period, burst })
    }

    /// From one to the next, when they come evenly.
    #[must_use]
    pub fn spacing(&self) -> Duration {
        let period = match self.period {
            Period::Second => 1,
            Period::Minute => 60,
            Period::Hour => 3600,
        };
        Duration::from_secs(period) / self.count.get()
    }

    /// Takes one from the bucket.
    ///
    /// # Errors
    /// [`RetryAfter`] when it is empty; it is left as it was.
    pub fn admit(&self, bucket: &mut Bucket, now: Duration) -> Result<(), RetryAfter> {
        *bucket = self.after_one_more(*bucket, now)?;
        Ok(())
    }

    /// Says what [`Self::admit`] would, and takes nothing.
    ///
    /// # Errors
    /// [`RetryAfter`] when the bucket is empty.
    pub fn check(&self, bucket: Bucket, now: Duration) -> Result<(), RetryAfter> {
        self.after_one_more(bucket, now).map(|_| ())
    }

    /// Puts back one that was taken for nothing.
    pub fn give_back(&self, bucket: &mut Bucket) {
        bucket.full_at = bucket.full_at.saturating_sub(self.interval());
    }

    fn after_one_more(&self, bucket: Bucket, now: Duration) -> Result<Bucket, RetryAfter> {
        let (now, interval) = (nanos(now), self.interval());
        let empty_at = now.saturating_add(interval.saturating_mul(u64::from(self.burst.get())));
        // A bucket that a slower rate has emptied further is just empty to this one.
        let full_at = bucket.full_at.clamp(now, empty_at).saturating_add(interval);
        if full_at <= empty_at {
            return Ok(Bucket { full_at });
        }
        let seconds = (full_at - empty_at).div_ceil(SECOND);
        Err(RetryAfter { seconds: NonZeroU64::new(seconds).unwrap_or(NonZeroU64::MIN) })
    }

    /// Nanoseconds for one, rounded up so that no stretch of time holds one too many.
    fn interval(&self) -> u64 {
        self.period.nanos().div_ceil(u64::from(self.count.get()))
    }
}

impl<K: Eq + Hash> Limiter<K> {
    /// For at most `most` keys at a time; 0 counts as 1. Room is taken as keys come.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { buckets: HashMap::new(), most: most.max(1) }
    }

    /// Takes one from the key's bucket.
    ///
    /// # Errors
    /// [`RetryAfter`] when it is empty.
    pub fn admit(&mut self, key: K, rate: &Rate, now: Duration) -> Result<(), RetryAfter> {
        if let Some(bucket) = self.buckets.get_mut(&key) {
            return rate.admit(bucket, now);
        }
        if self.buckets.len() >= self.most {
            self.forget(now);
        }
        let mut bucket = Bucket::default();
        rate.admit(&mut bucket, now)?;
        self.buckets.insert(key, bucket);
        Ok(())
    }

    /// Says what [`Self::admit`] would, and takes nothing.
    ///
    /// # Errors
    /// [`RetryAfter`] when the key's bucket is empty.
    pub fn check(&self, key: &K, rate: &Rate, now: Duration) -> Result<(), RetryAfter> {
        self.buckets.get(key).map_or(Ok(()), |bucket| rate.check(*bucket, now))
    }

    /// Puts back one that was taken from the key's bucket for nothing.
    pub fn give_back(&mut self, key: &K, rate: &Rate) {
        if let Some(bucket) = self.buckets.get_mut(key) {
            rate.give_back(bucket);
        }
    }

    /// Makes room: for an eighth of all keys, at least for one.
    fn forget(&mut self, now: Duration) {
        let now = Bucket { full_at: nanos(now) };
        self.buckets.retain(|_, bucket| *bucket > now);
        let room = self.most.div_ceil(8);
        let surplus = (self.buckets.len() + room).saturating_sub(self.most);
        if surplus == 0 {
            return;
        }
        let mut all: Vec<Bucket> = self.buckets.values().copied().collect();
        let (nearer, last, _) = all.select_nth_unstable(surplus - 1);
        let last = *last;
        // Of those that are as near as the last one, only as many as are needed: a flood may share one moment.
        let mut alike = surplus - nearer.iter().filter(|bucket| **bucket < last).count();
        self.buckets.retain(|_, bucket| match (*bucket).cmp(&last) {
            Ordering::Less => false,
            Ordering::Equal if alike > 0 => {
                alike -= 1;
                false
            }
            Ordering::Equal | Ordering::Greater => true,
        });
    }
}

impl Period {
    const fn nanos(self) -> u64 {
        match self {
            Self::Second => SECOND,
            Self::Minute => 60 * SECOND,
            Self::Hour => 3600 * SECOND,
        }
    }

    const fn letter(self) -> char {
        match self {
            Self::Second => 's',
            Self::Minute => 'm',
            Self::Hour => 'h',
        }
    }
}

/// 584 years fit.
fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn count_of(text: &str) -> Result<NonZeroU32, RateFault> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(RateFault::NoNumber);
    }
    // Digits alone: what does not fit is too large.
    let count: u32 = text.parse().ok().filter(|count| *count <= MOST).ok_or(RateFault::TooLarge)?;
    NonZeroU32::new(count).ok_or(RateFault::Zero)
}

/// The canonical text: the burst only when it is not the count.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.count, self.period.letter())?;
        if self.burst == self.count { Ok(()) } else { write!(f, " burst {}", self.burst) }
    }
}

const SECOND: u64 = 1_000_000_000;
/// An hour of nanoseconds a million times is still 64 bits.
const MOST: u32 = 1_000_000;

#[cfg(test)]
mod tests;
