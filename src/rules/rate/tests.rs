use std::net::{IpAddr, Ipv6Addr};

use proptest::prelude::*;

use super::RateFault::{NoBurst, NoNumber, NoPeriod, TooLarge, UnknownPeriod, Zero};
use super::*;
use crate::rules::peer::LimitKey;

fn rate(text: &str) -> Rate {
    Rate::parse(text).unwrap_or_else(|fault| panic!("{text:?} {fault}"))
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn what_is_given_back_can_be_taken_again_and_nothing_more() {
    let (rate, now) = (rate("2/h"), millis(0));
    let mut limiter = Limiter::new(4);
    let takes =
        |limiter: &mut Limiter<&str>, times: u32| (0..times).filter(|_| limiter.admit("a", &rate, now).is_ok()).count();
    assert_eq!(takes(&mut limiter, 3), 2);
    limiter.give_back(&"a", &rate);
    limiter.give_back(&"b", &rate);
    assert_eq!(takes(&mut limiter, 3), 1);
    (0..9).for_each(|_| limiter.give_back(&"a", &rate));
    assert_eq!(takes(&mut limiter, 9), 2);
}

#[test]
fn a_rate_is_a_count_a_period_and_perhaps_a_burst() {
    for (text, expected) in [
        ("100/s", Ok("100/s")),
        ("600/m", Ok("600/m")),
        ("3600/h", Ok("3600/h")),
        ("1/h", Ok("1/h")),
        ("50/s burst 100", Ok("50/s burst 100")),
        ("50/s burst 1", Ok("50/s burst 1")),
        ("50/s burst 50", Ok("50/s")),
        (" 50/s  burst\t100 ", Ok("50/s burst 100")),
        ("007/s", Ok("7/s")),
        ("1000000/s burst 1000000", Ok("1000000/s")),
        ("", Err(NoNumber)),
        ("off", Err(NoNumber)),
        ("/s", Err(NoNumber)),
        ("-1/s", Err(NoNumber)),
        ("+1/s", Err(NoNumber)),
        ("1.5/s", Err(NoNumber)),
        ("1e3/s", Err(NoNumber)),
        ("1_000/s", Err(NoNumber)),
        ("a/s", Err(NoNumber)),
        ("burst 5", Err(NoNumber)),
        ("10 /s", Err(NoNumber)),
        ("10s", Err(NoNumber)),
        ("10", Err(NoPeriod)),
        ("10/", Err(UnknownPeriod)),
        ("10/ s", Err(UnknownPeriod)),
        ("10/S", Err(UnknownPeriod)),
        ("10/d", Err(UnknownPeriod)),
        ("10/sec", Err(UnknownPeriod)),
        ("10/1s", Err(UnknownPeriod)),
        ("10/s/m", Err(UnknownPeriod)),
        ("10/s,20/m", Err(UnknownPeriod)),
        ("0/s", Err(Zero)),
        ("00/m", Err(Zero)),
        ("0", Err(Zero)),
        ("10/s burst 0", Err(Zero)),
        ("1000001/s", Err(TooLarge)),
        ("99999999999999999999/s", Err(TooLarge)),
        ("10/s burst 1000001", Err(TooLarge)),
        ("10/s burst", Err(NoBurst)),
        ("10/s burst x", Err(NoBurst)),
        ("10/s burst -1", Err(NoBurst)),
        ("10/s burst=20", Err(NoBurst)),
        ("10/s Burst 20", Err(NoBurst)),
        ("10/s 20", Err(NoBurst)),
        ("10/s burst 20 30", Err(NoBurst)),
        ("10/s burst 20 burst 20", Err(NoBurst)),
    ] {
        assert_eq!(Rate::parse(text).map(|rate| rate.to_string()), expected.map(str::to_owned), "{text:?}");
    }
}

/// Each row: when, and what the bucket says: 0 for yes, else the seconds to wait.
#[test]
fn a_bucket_lets_a_burst_through_and_then_the_rate() {
    let bursting = [(0, 0), (0, 0), (0, 0), (0, 1), (499, 1), (500, 0), (500, 1), (999, 1), (1000, 0), (1001, 1)];
    let refilled = [(0, 0), (0, 0), (0, 0), (0, 1), (1500, 0), (1500, 0), (1500, 0), (1500, 1), (99_000, 0)];
    let single = [(0, 0), (0, 1), (999, 1), (1000, 0), (1999, 1), (2000, 0), (9000, 0), (9000, 1), (10_000, 0)];
    let minute = [(0, 0), (0, 0), (0, 30), (1, 30), (999, 30), (1000, 29), (29_001, 1), (30_000, 0), (30_000, 30)];
    let hour = [(0, 0), (0, 3600), (3_598_999, 2), (3_599_000, 1), (3_599_999, 1), (3_600_000, 0), (3_600_000, 3600)];
    let late = [(5_000_000, 0), (5_000_000, 0), (5_000_000, 0), (5_000_000, 1), (5_000_500, 0)];
    let fast = [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (3, 0), (3, 1)];
    for (text, line) in [
        ("2/s burst 3", &bursting[..]),
        ("2/s burst 3", &refilled),
        ("2/s burst 3", &late),
        ("1/s", &single),
        ("2/m", &minute),
        ("1/h", &hour),
        ("1000/s burst 1", &fast),
    ] {
        let (rate, mut bucket) = (rate(text), Bucket::default());
        for (step, (at, expected)) in line.iter().enumerate() {
            let seconds = |said: Result<(), RetryAfter>| said.err().map_or(0, |retry| retry.seconds.get());
            let checked = seconds(rate.check(bucket, millis(*at)));
            let admitted = seconds(rate.admit(&mut bucket, millis(*at)));
            assert_eq!((checked, admitted), (*expected, *expected), "{text}, step {step} at {at} ms");
        }
    }
}

#[test]
fn an_interval_that_is_no_whole_number_is_rounded_against_the_caller() {
    for (text, interval) in [("3/s burst 1", 333_333_334), ("7/m burst 1", 8_571_428_572), ("4/s burst 1", 250_000_000)]
    {
        let (rate, mut bucket) = (rate(text), Bucket::default());
        rate.admit(&mut bucket, Duration::ZERO).expect("a full bucket");
        assert!(rate.check(bucket, Duration::from_nanos(interval - 1)).is_err(), "{text}");
        assert!(rate.check(bucket, Duration::from_nanos(interval)).is_ok(), "{text}");
    }
}

#[test]
fn the_default_burst_is_the_whole_count() {
    for (text, burst) in [("5/s", 5), ("30/m", 30), ("600/m", 600), ("3600/h", 3600), ("5/s burst 2", 2)] {
        let (rate, mut bucket) = (rate(text), Bucket::default());
        let admitted = (0..5000).filter(|_| rate.admit(&mut bucket, millis(7)).is_ok()).count();
        assert_eq!(admitted, burst, "{text}");
    }
}

#[test]
fn a_bucket_that_another_rate_has_emptied_is_no_emptier_than_empty() {
    let mut bucket = Bucket::default();
    while rate("1/h burst 100").admit(&mut bucket, millis(0)).is_ok() {}
    let retry = rate("10/s").admit(&mut bucket, millis(1)).err();
    assert_eq!(retry.map(|retry| retry.seconds.get()), Some(1));
    assert!(rate("10/s").check(bucket, millis(0)).is_err());
}

#[test]
fn keys_have_buckets_of_their_own() {
    let mut limiter = Limiter::new(10);
    let rate = rate("1/m");
    assert!(limiter.check(&"a", &rate, millis(0)).is_ok());
    assert!(limiter.admit("a", &rate, millis(0)).is_ok());
    assert!(limiter.check(&"a", &rate, millis(1)).is_err());
    assert!(limiter.admit("a", &rate, millis(1)).is_err());
    assert!(limiter.check(&"b", &rate, millis(1)).is_ok());
    assert!(limiter.admit("b", &rate, millis(1)).is_ok());
    assert!(limiter.admit("a", &rate, millis(60_000)).is_ok());
}

#[test]
fn a_full_limiter_forgets_first_who_could_send_a_burst_again_then_who_is_nearest_to_it() {
    let slow = rate("1/h burst 10");
    let mut limiter = Limiter::new(16);
    for key in 0..8 {
        limiter.admit(key, &rate("1/s"), millis(0)).expect("a new key");
    }
    for key in 8..16 {
        for _ in 0..key - 5 {
            limiter.admit(key, &slow, millis(0)).expect("within the burst");
        }
    }
    limiter.admit(16, &slow, millis(1000)).expect("a new key");
    let mut kept: Vec<i32> = limiter.buckets.keys().copied().collect();
    kept.sort_unstable();
    assert_eq!(kept, (8..=16).collect::<Vec<_>>());
    for key in 17..25 {
        limiter.admit(key, &slow, millis(2000)).expect("a new key");
    }
    // The nearest to full were 16, and one of those that came after it together.
    assert_eq!(limiter.buckets.len(), 15);
    assert!(!limiter.buckets.contains_key(&16));
    assert!((8..16).all(|key| limiter.buckets.contains_key(&key)));
}

#[test]
fn a_million_addresses_fit_into_a_few_megabytes() {
    for step in [0, 1] {
        let mut limiter = Limiter::new(65_536);
        let (rate, mut widest) = (rate("30/m"), 0);
        for number in 0..1_000_000_u64 {
            let address = IpAddr::V6(Ipv6Addr::from(u128::from(number) << 64));
            let now = Duration::from_micros(number * step);
            limiter.admit(LimitKey::network_of(address), &rate, now).expect("a new key");
            widest = widest.max(limiter.buckets.capacity());
            assert!(limiter.buckets.len() <= 65_536);
        }
        // The table has at most 8 slots for 7 keys, a power of two, and a byte beside each; while it grows, the half of it besides.
        let slots = (widest * 8 / 7).next_power_of_two();
        let bytes = slots * (size_of::<(LimitKey, Bucket)>() + 1) * 3 / 2 + 65_536 * size_of::<Bucket>();
        assert!(bytes < 12 << 20, "{bytes} bytes for {widest} keys, {step} µs apart");
    }
}

fn any_rate() -> impl Strategy<Value = Rate> {
    (1..2000_u32, prop_oneof!["s", "m", "h"], 1..50_u32)
        .prop_map(|(count, period, burst)| rate(&format!("{count}/{period} burst {burst}")))
}

proptest! {
    #[test]
    fn no_stretch_of_time_holds_more_than_the_burst_and_the_rate(
        rate in any_rate(),
        gaps in proptest::collection::vec(prop_oneof![0..1000_u64, 0..100_000_000_u64, 0..20_000_000_000_u64], 1..200),
    ) {
        let (mut now, mut bucket, mut admitted) = (0_u64, Bucket::default(), Vec::new());
        for gap in gaps {
            now += gap;
            if rate.admit(&mut bucket, Duration::from_nanos(now)).is_ok() {
                admitted.push(u128::from(now));
            }
        }
        for (first, begin) in admitted.iter().enumerate() {
            for (last, end) in admitted.iter().enumerate().skip(first) {
                let yielded = (end - begin) * u128::from(rate.count.get()) / u128::from(rate.period.nanos());
                let most = u128::from(rate.burst.get()) + yielded;
                prop_assert!((last - first + 1) as u128 <= most, "{rate}: {} in {} ns", last - first + 1, end - begin);
            }
        }
    }

    #[test]
    fn who_waits_as_told_is_let_through(rate in any_rate(), tries in 1..200_u32, at in 0..u64::MAX / 4) {
        let (now, mut bucket) = (Duration::from_nanos(at), Bucket::default());
        for _ in 0..tries {
            if let Err(retry) = rate.admit(&mut bucket, now) {
                prop_assert!(rate.check(bucket, now + Duration::from_secs(retry.seconds.get())).is_ok());
                let sooner = retry.seconds.get() - 1;
                prop_assert!(rate.check(bucket, now + Duration::from_secs(sooner)).is_err());
            }
        }
    }

    #[test]
    fn a_rate_reads_back_from_its_text(rate in any_rate()) {
        prop_assert_eq!(Rate::parse(&rate.to_string()), Ok(rate));
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in ".{0,30}") {
        let _ = Rate::parse(&text);
    }

    #[test]
    fn a_limiter_never_holds_more_keys_than_it_may(
        most in 0..20_usize, calls in proptest::collection::vec((0..100_u8, 0..5000_u64), 0..300)
    ) {
        let (mut limiter, mut now, rate) = (Limiter::new(most), 0, rate("2/s burst 4"));
        for (key, gap) in calls {
            now += gap;
            let _ = limiter.admit(key, &rate, millis(now));
            prop_assert!(limiter.buckets.len() <= most.max(1));
        }
    }
}
