//! What a part of the benchmark tells.

use lifeboat_host_tests::equal::assert_equal;

use crate::plot::Bar;
use crate::scene::Scene;
use crate::way::{Way, in_turns};

/// A part: its ways, what they were to reach, and its tables.
pub struct Section {
    /// As `BENCH` names it.
    pub name: &'static str,
    /// What there is to know about it, a paragraph.
    pub about: &'static str,
    /// What was measured, run after run; none where a part measures otherwise.
    pub ways: Vec<Way>,
    /// The table, in Markdown.
    pub table: String,
    /// The lines that were measured.
    pub lines: Vec<(&'static str, String)>,
    /// What the plot shows, and its title.
    pub plot: (&'static str, Vec<Bar>),
    /// The goals, met or not.
    pub outcomes: Vec<Outcome>,
}

/// A goal and what became of it.
pub struct Outcome {
    /// What was done.
    pub work: &'static str,
    /// Against what.
    pub against: &'static str,
    /// What it was to reach.
    pub goal: String,
    /// What it reached.
    pub measured: String,
    /// Whether that is enough.
    pub is_met: bool,
}

/// What of two ways is compared.
#[derive(Clone, Copy)]
pub enum What {
    /// Their time.
    Seconds,
    /// What they make.
    Bytes,
}

impl What {
    fn of(self, way: &Way) -> f64 {
        match self {
            Self::Seconds => way.seconds().median,
            Self::Bytes => way.bytes(),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Seconds => "time",
            Self::Bytes => "size",
        }
    }
}

impl Outcome {
    /// The median of a way is to be at most so many times that of another.
    pub fn ratio(
        work: &'static str,
        (own, what): (&Way, What),
        (peer, against): (&Way, &'static str),
        most: f64,
    ) -> Self {
        let ratio = what.of(own) / what.of(peer);
        Self {
            work,
            against,
            goal: format!("at most {} of its {}", plain(most), what.name()),
            measured: plain(ratio),
            is_met: ratio <= most,
        }
    }

    /// The memory of a way is to be at most so many MiB.
    pub fn memory(work: &'static str, own: &Way, most: f64) -> Self {
        let mib = own.mib();
        let (goal, measured) = (format!("at most {most:.0} MiB of memory"), format!("{mib:.0} MiB"));
        Self { work, against: "-", goal, measured, is_met: mib <= most }
    }
}

/// A ratio with what digits it needs: 0.0087, 0.65, 12.
fn plain(ratio: f64) -> String {
    let text = if ratio < 0.1 { format!("{ratio:.4}") } else { format!("{ratio:.2}") };
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

impl Section {
    /// Runs the ways in turns. Those results that are databases must be `app.db` again.
    pub fn of_ways(
        name: &'static str,
        mut ways: Vec<Way>,
        databases: &[&str],
        (scene, rounds): (&Scene, usize),
    ) -> Self {
        in_turns(name, &mut ways, rounds, scene);
        for database in databases {
            assert_equal(&scene.path().join("app.db"), &scene.path().join(database));
        }
        let lines = ways.iter().map(|way| (way.name, way.line.clone())).collect();
        let bars = ways.iter().filter(|way| way.is_timed).map(Bar::of_seconds).collect();
        let table = table(&ways, Unit::Seconds);
        Self { name, about: "", ways, table, lines, plot: ("seconds", bars), outcomes: Vec::new() }
    }

    /// The same, for ways that take a few milliseconds.
    pub fn in_milliseconds(self) -> Self {
        let table = table(&self.ways, Unit::Milliseconds);
        let bars = self.ways.iter().filter(|way| way.is_timed).map(Bar::of_milliseconds).collect();
        Self { table, plot: ("milliseconds", bars), ..self }
    }

    /// The way of this name.
    pub fn way(&self, name: &str) -> &Way {
        self.ways.iter().find(|way| way.name == name).unwrap_or_else(|| panic!("{} has no {name}", self.name))
    }
}

/// Of the times in a table.
#[derive(Clone, Copy)]
enum Unit {
    Seconds,
    Milliseconds,
}

impl Unit {
    fn name(self) -> &'static str {
        match self {
            Self::Seconds => "s",
            Self::Milliseconds => "ms",
        }
    }

    fn text(self, seconds: f64) -> String {
        match self {
            Self::Seconds => format!("{seconds:.3}"),
            Self::Milliseconds => format!("{:.1}", seconds * 1e3),
        }
    }
}

/// Medians; of the times the least and the most, too.
fn table(ways: &[Way], unit: Unit) -> String {
    let mut table = format!("| | {} | least to most | bytes | MiB at the peak |\n|---|--:|--:|--:|--:|\n", unit.name());
    for way in ways {
        let seconds = way.seconds();
        let [median, least, most] = [seconds.median, seconds.least, seconds.most].map(|seconds| unit.text(seconds));
        let (median, range) =
            if way.is_timed { (median, format!("{least} to {most}")) } else { ("-".to_owned(), "-".to_owned()) };
        let bytes = if way.has_bytes() { grouped(way.bytes() as u64) } else { "-".to_owned() };
        table += &format!("| {} | {median} | {range} | {bytes} | {:.0} |\n", way.name, way.mib());
    }
    table
}

/// 55,487,316
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_readable() {
        assert_eq!([0, 999, 1_000, 55_487_316].map(grouped), ["0", "999", "1,000", "55,487,316"]);
        assert_eq!([Unit::Seconds, Unit::Milliseconds].map(|unit| unit.text(0.012_34)), ["0.012", "12.3"]);
        assert_eq!([0.008_71, 0.65, 1.0, 12.0].map(plain), ["0.0087", "0.65", "1", "12"]);
    }
}
