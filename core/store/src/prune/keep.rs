//! Which states are kept.

use lifeboat_core::log::date::date_text;
use serde::Deserialize;
use std::collections::BTreeSet;

/// How many states each rule keeps. The newest record is always kept. A state stays if at least one rule keeps it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Keep {
    /// The newest ones.
    pub last: u64,
    /// The last state of each of the newest days (in UTC) that have one.
    pub daily: u64,
    /// The same for weeks, which begin on Monday.
    pub weekly: u64,
    /// The same for months.
    pub monthly: u64,
    /// The same for years.
    pub yearly: u64,
}

const DAY: i64 = 24 * 60 * 60 * 1000;

impl Keep {
    /// No rule keeps anything.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Which of these states are kept: their dates (milliseconds from 1970), the newest number first.
    ///
    /// The order is that of the numbers, never that of the dates. Where a rule goes by dates, a state without a date is
    /// kept: nobody knows its period.
    pub(super) fn choose(&self, dates: &[Option<i64>]) -> Vec<bool> {
        let mut rules = [
            (self.daily, day as fn(i64) -> i64, BTreeSet::new()),
            (self.weekly, week, BTreeSet::new()),
            (self.monthly, month, BTreeSet::new()),
            (self.yearly, year, BTreeSet::new()),
        ];
        let goes_by_dates = rules.iter().any(|(count, ..)| *count > 0);
        let chosen = dates.iter().zip(0..).map(|(date, place)| {
            let mut is_kept = place == 0 || place < self.last;
            let Some(date) = *date else { return is_kept || goes_by_dates };
            for (count, period, seen) in &mut rules {
                if (seen.len() as u64) < *count {
                    is_kept |= seen.insert(period(date));
                }
            }
            is_kept
        });
        chosen.collect()
    }
}

fn day(date: i64) -> i64 {
    date.div_euclid(DAY)
}

fn week(date: i64) -> i64 {
    // 1970 began on a Thursday.
    (day(date) + 3).div_euclid(7)
}

fn month(date: i64) -> i64 {
    let text = date_text(date);
    year(date) * 12 + text.get(5..7).and_then(|month| month.parse::<i64>().ok()).unwrap_or(0)
}

fn year(date: i64) -> i64 {
    // A record has only dates from the year 0 to 9999.
    date_text(date).get(..4).and_then(|year| year.parse().ok()).unwrap_or(0)
}
