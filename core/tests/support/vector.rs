//! The files of `core/tests/vectors`, read and written. Their README says what the fields mean.
//!
//! Stands by itself, so that other crates can include it.

use std::fmt::Write;
use std::path::Path;

/// One vector: a bundle or a ledger, and what readers must say of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vector {
    pub name: String,
    /// What is wrong, in one sentence; "nothing" where nothing is, with what it shows.
    pub fault: String,
    /// The section of FORMAT.md.
    pub section: String,
    /// The rule of FORMAT.md, "Rules", that it shows.
    pub rule: Option<String>,
    pub is_ledger: bool,
    pub key: String,
    /// The vectors that it leads on from, oldest first.
    pub after: Vec<String>,
    pub outcome: String,
    pub state: Option<String>,
    pub alone: Option<String>,
    pub keyless: String,
    pub signer: Option<String>,
    pub links: Option<String>,
    pub database: Option<String>,
    pub bytes: Vec<u8>,
}

impl Vector {
    /// The text of its file.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        let mut field = |name: &str, value: &str| writeln!(text, "{name}: {value}").expect("memory");
        field("name", &self.name);
        field("fault", &self.fault);
        field("section", &self.section);
        if let Some(rule) = &self.rule {
            field("rule", rule);
        }
        if self.is_ledger {
            field("form", "ledger");
        }
        field("key", &self.key);
        if !self.after.is_empty() {
            field("after", &joined(&self.after));
        }
        field("outcome", &self.outcome);
        let optional = [
            ("state", &self.state),
            ("alone", &self.alone),
            ("keyless", &Some(self.keyless.clone())),
            ("signer", &self.signer),
            ("links", &self.links),
            ("database", &self.database),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                field(name, value);
            }
        }
        text.push('\n');
        for line in self.bytes.chunks(64) {
            line.iter().for_each(|byte| write!(text, "{byte:02x}").expect("memory"));
            text.push('\n');
        }
        text
    }

    /// Reads the text of a file. `None`: it is not one.
    pub fn from_text(text: &str) -> Option<Self> {
        let (fields, digits) = text.split_once("\n\n").or_else(|| Some((text.strip_suffix('\n')?, "")))?;
        let mut vector = Self::default();
        for line in fields.lines() {
            let (name, value) = line.split_once(": ")?;
            let value = value.to_owned();
            match name {
                "name" => vector.name = value,
                "fault" => vector.fault = value,
                "section" => vector.section = value,
                "rule" => vector.rule = Some(value),
                "form" => vector.is_ledger = value == "ledger",
                "key" => vector.key = value,
                "after" => vector.after = parted(&value)?,
                "outcome" => vector.outcome = value,
                "state" => vector.state = Some(value),
                "alone" => vector.alone = Some(value),
                "keyless" => vector.keyless = value,
                "signer" => vector.signer = Some(value),
                "links" => vector.links = Some(value),
                "database" => vector.database = Some(value),
                _ => return None,
            }
        }
        let digits: Vec<u8> = digits.bytes().filter(|byte| *byte != b'\n').collect();
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let pairs = digits.chunks(2).map(|pair| Some(digit(pair[0])? << 4 | digit(*pair.get(1)?)?));
        vector.bytes = pairs.collect::<Option<_>>()?;
        Some(vector)
    }

    /// All vectors of a directory, by name.
    pub fn read_all(directory: &Path) -> Vec<Self> {
        let files = std::fs::read_dir(directory).expect("the vectors are there");
        let files = files.map(|file| file.expect("readable").path());
        let vectors = files.filter(|file| file.extension().is_some_and(|extension| extension == "vector"));
        let mut vectors: Vec<Self> = vectors
            .map(|file| {
                let text = std::fs::read_to_string(&file).expect("readable");
                let vector = Self::from_text(&text).unwrap_or_else(|| panic!("{} is no vector", file.display()));
                assert_eq!(Some(vector.name.as_str()), file.file_stem().and_then(|name| name.to_str()));
                vector
            })
            .collect();
        vectors.sort_by(|a, b| a.name.cmp(&b.name));
        vectors
    }

    /// The bundles of its chain, oldest first, out of all vectors: itself the last.
    pub fn chain<'v>(&'v self, all: &'v [Self]) -> Vec<&'v [u8]> {
        let find = |name: &String| all.iter().find(|vector| vector.name == *name).expect("it leads on from a vector");
        self.after.iter().map(find).chain([self]).map(|vector| vector.bytes.as_slice()).collect()
    }
}

/// Names with spaces between them; one that follows itself stands once, with a count.
fn joined(names: &[String]) -> String {
    let runs = names.chunk_by(|a, b| a == b).map(|run| match run.len() {
        1 => run[0].clone(),
        count => format!("{}*{count}", run[0]),
    });
    runs.collect::<Vec<_>>().join(" ")
}

fn parted(text: &str) -> Option<Vec<String>> {
    let mut names = Vec::new();
    for run in text.split(' ') {
        let (name, count) = run.split_once('*').unwrap_or((run, "1"));
        names.extend(std::iter::repeat_n(name.to_owned(), count.parse().ok()?));
    }
    Some(names)
}
