//! One way to do something, run again and again in turns with the others.

use std::fs;
use std::path::Path;

use lifeboat_host_tests::usage::measure;

use crate::line::Line;
use crate::scene::Scene;

/// A line that is measured, and what surrounds it.
pub struct Way {
    /// As the tables have it.
    pub name: &'static str,
    /// What is measured, as one types it.
    pub line: String,
    /// What is done before, for a shell; not measured.
    pub before: &'static str,
    /// The file or directory that it makes, whose bytes count. It is removed before each run, unless `base` is told.
    pub result: Option<&'static str>,
    /// What was there before and does not count.
    pub base: Option<&'static str>,
    /// Instead of a result: the file that has its output, and what finds the bytes in it.
    pub told: Option<(&'static str, Reading)>,
    /// Whether its seconds say something.
    pub is_timed: bool,
    /// Once for each round.
    pub runs: Vec<Run>,
}

/// Finds the bytes in what a program prints.
pub type Reading = fn(&str) -> Option<u64>;

/// What a run took.
#[derive(Clone, Copy)]
pub struct Run {
    /// From the start to the end.
    pub seconds: f64,
    /// Of what it made.
    pub bytes: u64,
    /// The most memory that its processes held, in bytes.
    pub peak: u64,
}

impl Way {
    /// A way that makes nothing.
    pub fn new(name: &'static str, line: impl Into<String>) -> Self {
        Self {
            name,
            line: line.into(),
            before: "",
            result: None,
            base: None,
            told: None,
            is_timed: true,
            runs: Vec::new(),
        }
    }

    /// That makes this.
    pub fn makes(self, result: &'static str) -> Self {
        Self { result: Some(result), ..self }
    }

    /// That adds to what is there, like a directory that is this before.
    pub fn adds(self, result: &'static str, base: &'static str) -> Self {
        Self { result: Some(result), base: Some(base), ..self }
    }

    /// That tells in this file how many bytes it has sent.
    pub fn tells(self, file: &'static str, reading: Reading) -> Self {
        Self { told: Some((file, reading)), ..self }
    }

    /// For which this is done before.
    pub fn after(self, before: &'static str) -> Self {
        Self { before, ..self }
    }

    /// Whose seconds say nothing.
    pub fn untimed(self) -> Self {
        Self { is_timed: false, ..self }
    }

    fn run(&mut self, scene: &Scene) {
        let directory = scene.path();
        if let (Some(result), None) = (self.result, self.base) {
            remove(&directory.join(result));
        }
        scene.shell(self.before);
        // What others wrote is on the disk before this begins to write.
        scene.shell("sync");
        let (commands, output) = Line::parse(&self.line).commands(scene);
        let usage = measure(commands, "", output.as_deref());
        let size = |name: Option<&str>| name.map_or(0, |name| size(&directory.join(name)));
        let bytes = match self.told {
            Some((file, reading)) => {
                let text = fs::read_to_string(directory.join(file)).expect("it is its output");
                reading(&text).unwrap_or_else(|| panic!("{}: no bytes are told: {text}", self.name))
            }
            None => size(self.result) - size(self.base),
        };
        self.runs.push(Run { seconds: usage.time.as_secs_f64(), bytes, peak: usage.peak });
    }

    /// Whether its bytes say something.
    pub fn has_bytes(&self) -> bool {
        self.result.is_some() || self.told.is_some()
    }

    /// Median, least and largest of something.
    pub fn spread(&self, of: fn(&Run) -> f64) -> Spread {
        Spread::of(self.runs.iter().map(of).collect())
    }

    /// Its seconds.
    pub fn seconds(&self) -> Spread {
        self.spread(|run| run.seconds)
    }

    /// Its bytes.
    pub fn bytes(&self) -> f64 {
        self.spread(|run| run.bytes as f64).median
    }

    /// Its memory at the peak, in MiB.
    pub fn mib(&self) -> f64 {
        self.spread(|run| run.peak as f64).median / f64::from(1 << 20)
    }
}

/// Several values of the same thing.
#[derive(Clone, Copy)]
pub struct Spread {
    /// The one in the middle.
    pub median: f64,
    /// The least one.
    pub least: f64,
    /// The largest one.
    pub most: f64,
}

impl Spread {
    /// There must be some.
    pub fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        Self { median: values[values.len() / 2], least: values[0], most: values[values.len() - 1] }
    }
}

/// Runs all of them in turns.
pub fn in_turns(part: &str, ways: &mut [Way], rounds: usize, scene: &Scene) {
    for round in 1..=rounds {
        eprintln!("{part}: round {round} of {rounds}");
        for way in &mut *ways {
            way.run(scene);
        }
    }
}

fn remove(path: &Path) {
    if path.is_dir() {
        fs::remove_dir_all(path).expect("the benchmark made it");
    } else {
        let _ = fs::remove_file(path);
    }
}

/// The bytes of a file, or of all files in a directory.
fn size(path: &Path) -> u64 {
    let metadata = fs::metadata(path).unwrap_or_else(|e| panic!("{} was not made: {e}", path.display()));
    if metadata.is_file() {
        return metadata.len();
    }
    let entries = fs::read_dir(path).expect("it is a directory");
    entries.map(|entry| size(&entry.expect("it is readable").path())).sum()
}
