//! Dates as people write them: RFC 3339, or the date alone; and as JSON has them.

/// Seconds since 1970 in UTC. A date alone means the last second of that day. A fraction of a second
/// is left out.
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
    // A leap second is the last one of its minute.
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    Some(midnight + hour * 3600 + minute * 60 + second.min(59) - offset(zone)?)
}

/// The date of so many milliseconds since 1970, as RFC 3339 writes it in UTC: `2026-11-29T12:30:00.000Z`. For the years 0 to
/// 9999, which records are limited to.
pub fn text(milliseconds: i64) -> String {
    let (days, rest) = (milliseconds.div_euclid(DAY * 1000), milliseconds.rem_euclid(DAY * 1000));
    // The year that this day is in, or the one before or after it.
    let near = 1970 + days.div_euclid(366);
    let year = (near..).take_while(|year| days_since_1970(*year, 1, 1) <= days).last().unwrap_or(near);
    let month = (1..=12).take_while(|month| days_since_1970(year, *month, 1) <= days).last().unwrap_or(1);
    let day = days - days_since_1970(year, month, 1) + 1;
    let (second, thousandth) = (rest / 1000, rest % 1000);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{thousandth:03}Z")
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

/// Numbers of exactly so many digits.
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

/// Of a date in the Gregorian calendar, from the year 0 on.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let before_year = |year: i64| 365 * year + (year + 3) / 4 - (year + 99) / 100 + (year + 399) / 400;
    let before_month: i64 = (1..month).map(|month| days_of(year, month)).sum();
    before_year(year) - before_year(1970) + before_month + day - 1
}

#[cfg(test)]
mod tests {
    use super::{parse, text};

    // What `date -u -d TEXT +%s` says.
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
        for seconds in (-62_167_219_200..=253_402_300_799).step_by(7_777_777).chain([253_402_300_799, -1, 0]) {
            let written = text(seconds * 1000);
            assert_eq!(parse(&written), Some(seconds), "{written}");
        }
        assert_eq!(text(1_795_955_400_007), "2026-11-29T12:30:00.007Z");
        assert_eq!(text(-1), "1969-12-31T23:59:59.999Z");
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
