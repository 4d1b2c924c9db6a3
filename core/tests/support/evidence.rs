//! The figures that `EVIDENCE.md` publishes are those that the tests count.

use std::fmt::Write;

const PAGE: &str = include_str!("../../EVIDENCE.md");

/// A test has had so many cases of this name, which is the first cell of a row of the page: its second must say so.
///
/// # Panics
/// When it says something else, with the row that it should have.
#[track_caller]
#[allow(dead_code, reason = "not each test program has such a figure")]
pub fn counted(name: &str, cases: usize) {
    let cases = with_commas(cases);
    assert_eq!(published(name), Some(&*cases), "EVIDENCE.md should say | {name} | {cases} |");
}

/// The same where the number is not the same in each run, or greater in longer ones: the page gives no more than there were.
///
/// # Panics
/// When it gives more, or no number.
#[track_caller]
#[allow(dead_code, reason = "not each test program has such a figure")]
pub fn at_least(name: &str, cases: usize) {
    let published = published(name).and_then(|cell| cell.replace(',', "").parse::<usize>().ok());
    assert!(
        published.is_some_and(|least| least > 0 && cases >= least),
        "EVIDENCE.md gives {published:?}: {name}: {cases}"
    );
}

/// The second cell of the row.
fn published(name: &str) -> Option<&'static str> {
    let mut rows = PAGE.lines().map(|line| line.split('|').map(str::trim).collect::<Vec<_>>());
    rows.find(|cells| cells.get(1) == Some(&name)).map(|cells| cells[2])
}

fn with_commas(number: usize) -> String {
    let digits = number.to_string();
    digits.char_indices().fold(String::new(), |mut text, (place, digit)| {
        let comma = if place > 0 && (digits.len() - place).is_multiple_of(3) { "," } else { "" };
        write!(text, "{comma}{digit}").expect("a text takes all");
        text
    })
}
