//! Dates as people write them (RFC 3339, or only the date) and as reports have them.

/// Gives seconds since 1970 in UTC. A date without a time means the last second of that day. Fractions of a second are
/// dropped.
pub fn parse(text: &str) -> Option<i64> {
    let (date, time) = match text.find(['T', 't', ' ']) {
        Some(at) => (text.get(..at)?, Some(text.get(at + 1..)?)),
        None => (text, None),
    };
    let [year, month, day] = numbers::<3>(date, '-', [4, 2, 2])?;
    if !(1..=12).contains(&month) || day < 1 || day > days_of(year, month) {
        return None;
    }
    let midnight = days_since_1970(year, month, day) * DAY;
    let Some(time) = time else { return Some(midnight + DAY - 1) };
    let zone_at = time.find(['Z', 'z', '+', '-'])?;
    let (clock, zone) = time.split_at(zone_at);
    let clock = match clock.split_once('.') {
        Some((clock, fraction)) if !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit()) => clock,
        Some(_) => return None,
        None => clock,
    };
    let [hour, minute, second] = numbers::<3>(clock, ':', [2, 2, 2])?;
    // A leap second counts as the last second of its minute.
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    Some(midnight + hour * 3600 + minute * 60 + second.min(59) - offset(zone)?)
}

/// Writes milliseconds since 1970 as a date of RFC 3339, in UTC. The year is from 0 to 9999. Milliseconds are left out
/// if they are 0.
pub fn date_text(milliseconds: i64) -> String {
    let (seconds, millisecond) = (milliseconds.div_euclid(1000), milliseconds.rem_euclid(1000));
    let (mut day, second) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
    // Begin with a year that is not after the year of the day.
    let mut year = (1970 + day.div_euclid(if day < 0 { 365 } else { 366 })).max(0);
    while days_since_1970(year + 1, 1, 1) <= day {
        year += 1;
    }
    day -= days_since_1970(year, 1, 1);
    let mut month = 1;
    while day >= days_of(year, month) {
        day -= days_of(year, month);
        month += 1;
    }
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let fraction = if millisecond == 0 { String::new() } else { format!(".{millisecond:03}") };
    format!("{year:04}-{month:02}-{:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z", day + 1)
}

const DAY: i64 = 24 * 3600;

fn offset(zone: &str) -> Option<i64> {
    if zone.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let [hours, minutes] = numbers::<2>(zone.get(1..)?, ':', [2, 2])?;
    let seconds = (hours <= 23 && minutes <= 59).then_some(hours * 3600 + minutes * 60)?;
    Some(if zone.starts_with('-') { -seconds } else { seconds })
}

/// Numbers that each have exactly this many digits.
fn numbers<const N: usize>(text: &str, between: char, digits: [usize; N]) -> Option<[i64; N]> {
    let mut parts = text.split(between);
    let mut numbers = [0; N];
    for (number, digits) in numbers.iter_mut().zip(digits) {
        let part = parts.next()?;
        let is_number = part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit());
        *number = is_number.then(|| part.parse().ok())??;
    }
    parts.next().is_none().then_some(numbers)
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The days from 1970 to a date in the Gregorian calendar, from the year 0 on.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let before_year = |year: i64| 365 * year + (year + 3) / 4 - (year + 99) / 100 + (year + 399) / 400;
    let before_month: i64 = (1..month).map(|month| days_of(year, month)).sum();
    before_year(year) - before_year(1970) + before_month + day - 1
}

#[cfg(test)]
mod tests {
    use super::{date_text, parse};

    // The expected values are those of `date -u -d TEXT +%s`.
    #[test]
    fn dates() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("1970-01-01", 86_399),
            ("2026-11-29T12:30:00Z", 1_795_955_400),
            ("2026-11-29t12:30:00.999z", 1_795_955_400),
            ("2026-11-29 12:30:00+01:30", 1_795_950_000),
            ("2026-11-29T12:30:00-01:30", 1_795_960_800),
            ("2000-02-29T23:59:60Z", 951_868_799),
            ("2000-03-01T00:00:00Z", 951_868_800),
            ("2100-03-01T00:00:00Z", 4_107_542_400),
            ("1900-01-01T00:00:00Z", -2_208_988_800),
            ("0000-01-01T00:00:00Z", -62_167_219_200),
            ("9999-12-31", 253_402_300_799),
        ] {
            assert_eq!(parse(text), Some(seconds), "{text}");
        }
    }

    #[test]
    fn dates_are_written_as_they_are_read() {
        assert_eq!(date_text(1_795_955_400_000), "2026-11-29T12:30:00Z");
        assert_eq!(date_text(-1), "1969-12-31T23:59:59.999Z");
        assert_eq!(date_text(951_868_799_050), "2000-02-29T23:59:59.050Z");
        // The first and the last date that a record may have, and many between them.
        assert_eq!(date_text(-62_167_219_200_000), "0000-01-01T00:00:00Z");
        assert_eq!(date_text(253_402_300_799_999), "9999-12-31T23:59:59.999Z");
        for seconds in (-62_167_219_200..=253_402_300_799).step_by(31_415_927) {
            assert_eq!(parse(&date_text(seconds * 1000)), Some(seconds));
        }
    }

    #[test]
    fn what_is_no_date() {
        for text in [
            "",
            "today",
            "2026-13-01",
            "2026-00-01",
            "2026-11-31",
            "2100-02-29",
            "26-11-29",
            "2026-11-29T",
            "2026-11-29T12:30Z",
            "2026-11-29T12:30:00",
            "2026-11-29T24:00:00Z",
            "2026-11-29T12:30:00.Z",
            "2026-11-29T12:30:00+1:00",
            "2026-11-29T12:30:00Z0",
            "2026-11-2٣",
            "+026-11-29",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
