//! The figures that `EVIDENCE.md` publishes are those that the tests count.

use std::fmt::Write;

const PAGE: &str = include_str!("../../EVIDENCE.md");

/// A test has had so many cases of this name, which is the first cell of a row of the page: its second must say so.
///
/// # Panics
/// When it says something else, with the row that it should have.
#[track_caller]
pub fn counted(name: &str, cases: usize) {
    let cases = with_commas(cases);
    let row = PAGE.lines().map(|line| line.split('|').map(str::trim).collect::<Vec<_>>());
    let published = row.into_iter().find(|cells| cells.get(1) == Some(&name)).map(|cells| cells[2].to_owned());
    assert_eq!(published.as_deref(), Some(&*cases), "EVIDENCE.md should say | {name} | {cases} |");
}

fn with_commas(number: usize) -> String {
    let digits = number.to_string();
    digits.char_indices().fold(String::new(), |mut text, (place, digit)| {
        let comma = if place > 0 && (digits.len() - place).is_multiple_of(3) { "," } else { "" };
        write!(text, "{comma}{digit}").expect("a text takes all");
        text
    })
}
