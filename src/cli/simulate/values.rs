//! Payments as banks report them: invented, and none twice.

use std::time::{SystemTime, UNIX_EPOCH};

use uuid::Uuid;

use crate::network::Payment;

/// One run's payments, each by its number from 0.
#[derive(Debug)]
pub(super) struct Values {
    /// What tells this run's payments from every other's.
    run: u64,
}

impl Values {
    /// Those of a new run.
    pub(super) fn new() -> Self {
        // A v7 UUID is a time and, behind it, random bits.
        Self { run: Uuid::now_v7().as_u64_pair().1 & 0xff_ffff }
    }

    /// A payment that is made now. Every other one has its time in seconds, the others in milliseconds: the network sends both.
    pub(super) fn payment(&self, number: u64) -> Payment {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let dice = scattered(self.run ^ number.wrapping_mul(GOLDEN));
        let pick = |list: &[&'static str], shift: u32| list[(dice >> shift) as usize % list.len()];
        let order = 100_000 + dice % 900_000;
        let till = 1 + (dice >> 7) % 9;
        let content = match number % 4 {
            0 => format!("DH{order}"),
            1 => format!("{} chuyen tien DH{order}", pick(NAMES, 11)),
            2 => format!("VQR{:08x} {} DH{order}", dice >> 32, pick(REASONS, 19)),
            _ => format!("{} {}. CT tu {:010} {}", pick(REASONS, 23), order, dice % 10_000_000_000, pick(NAMES, 29)),
        };
        Payment {
            amount: amount(dice),
            order_id: if number % 4 == 3 { String::new() } else { format!("DH{order}") },
            service_code: if number.is_multiple_of(5) { pick(SERVICES, 31).to_owned() } else { String::new() },
            reference_number: format!("FT{}{:06x}{number:06}", date(now.as_secs()), self.run),
            bank_account: format!("{:0width$}", dice % 10_000_000_000, width = 10 + (number % 4) as usize),
            sign: String::new(),
            transaction_id: format!("SIM-{:06x}-{number}", self.run),
            content,
            trans_type: "C".to_owned(),
            sub_terminal_code: if number.is_multiple_of(3) { format!("POS{till:02}") } else { String::new() },
            terminal_code: if number.is_multiple_of(2) { format!("CH{till:03}") } else { String::new() },
            transaction_time: if number.is_multiple_of(2) { now.as_secs() } else { now.as_millis() as u64 },
            url_link: String::new(),
        }
    }
}

/// Year and day of the year, as they stand in a bank's reference: `26327` is 23 November 2026.
fn date(unix: u64) -> String {
    let (mut year, mut day) = (1970, unix / 86_400);
    loop {
        let is_leap = year % 4 == 0 && year % 100 != 0 || year % 400 == 0;
        let days = if is_leap { 366 } else { 365 };
        if day < days {
            return format!("{:02}{:03}", year % 100, day + 1);
        }
        (year, day) = (year + 1, day - days);
    }
}

/// Mostly thousands of dong, from a coffee to a motorbike.
fn amount(dice: u64) -> u64 {
    let step = [1_000, 5_000, 10_000, 100_000][(dice % 4) as usize];
    match dice >> 3 & 15 {
        0 => 1 + (dice >> 8) % 99_999,
        1 => 10_000_000 + (dice >> 8) % 400 * 100_000,
        _ => step * (1 + (dice >> 8) % 90),
    }
}

/// Neighbouring numbers, far apart. Source: the finaliser of SplitMix64.
const fn scattered(number: u64) -> u64 {
    let mixed = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
/// Banks take the accents off.
const NAMES: &[&str] = &[
    "NGUYEN VAN AN",
    "TRAN THI BICH",
    "LE HOANG NAM",
    "PHAM MINH CHAU",
    "VO THI THU HA",
    "DANG QUOC DUY",
    "BUI NGOC LAN",
];
const REASONS: &[&str] = &["thanh toan don hang", "tra tien hang", "thanh toan hoa don", "mua hang", "dat coc"];
const SERVICES: &[&str] = &["HOCPHI", "DIEN", "NUOC", "INTERNET"];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_reference_begins_with_the_day_of_the_year() {
        for (unix, date) in [(0, "70001"), (951_782_400, "00060"), (1_735_603_200, "24366"), (1_795_420_800, "26327")] {
            assert_eq!(super::date(unix), date, "{unix}");
        }
    }

    #[test]
    fn no_two_payments_share_a_number_and_all_look_like_payments() {
        let (one, other) = (Values { run: 1 }, Values { run: 2 });
        let mut seen = HashSet::new();
        for number in 0..2000 {
            for payment in [one.payment(number), other.payment(number)] {
                assert!(seen.insert(payment.transaction_id.clone()) && seen.insert(payment.reference_number.clone()));
                assert!((1..=50_000_000).contains(&payment.amount), "{payment:?}");
                assert!((10..=13).contains(&payment.bank_account.len()), "{payment:?}");
                assert!(payment.content.is_ascii() && payment.content.len() <= 80, "{payment:?}");
                assert!(
                    payment.reference_number.starts_with("FT") && payment.reference_number.len() == 19,
                    "{payment:?}"
                );
                assert!(payment.json().len() < 600, "{payment:?}");
            }
        }
        let times = [0, 1].map(|number| one.payment(number).transaction_time);
        assert!((1_600_000_000..10_000_000_000).contains(&times[0]), "in seconds: {times:?}");
        assert!((1_600_000_000_000..10_000_000_000_000).contains(&times[1]), "in milliseconds: {times:?}");
    }
}
