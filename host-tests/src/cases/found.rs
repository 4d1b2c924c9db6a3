//! Bundles that lie in the tree: a golden one, and the vectors of the format, most of which are wrong in one place and sealed and
//! signed as they should be. `core/tests/vectors/README.md` says what their fields mean.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::{Job, Maker, all};
use crate::corpus::workspace;

pub(super) fn add(maker: &mut Maker) {
    let golden = fs::read(workspace().join("core/tests/golden/1-empty.bundle")).expect("a golden bundle");
    let file = maker.file("golden.bundle", &golden);
    maker.case("golden/empty", &[&file], all("ok"));

    let vectors = Vector::read_all(&workspace().join("core/tests/vectors"));
    for vector in vectors.values() {
        maker.file(&vector.file(), &vector.bytes);
    }
    for vector in vectors.values().filter(|vector| vector.field("form").is_none()) {
        vector.add(maker, &vectors);
    }
}

struct Vector {
    fields: BTreeMap<String, String>,
    bytes: Vec<u8>,
}

impl Vector {
    /// The vectors of a directory by their names.
    fn read_all(directory: &Path) -> BTreeMap<String, Self> {
        let files =
            fs::read_dir(directory).expect("the vectors are there").map(|entry| entry.expect("it is readable").path());
        let files = files.filter(|file| file.extension().is_some_and(|extension| extension == "vector"));
        let read = |file| Self::read(&fs::read_to_string(file).expect("a vector is text"));
        files.map(read).map(|vector| (vector.is("name").to_owned(), vector)).collect()
    }

    fn read(text: &str) -> Self {
        let (fields, digits) = text.split_once("\n\n").unwrap_or((text.trim_end(), ""));
        let field = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned()));
        let digits: Vec<u8> =
            digits.bytes().filter_map(|byte| char::from(byte).to_digit(16)).map(|digit| digit as u8).collect();
        let (pairs, rest) = digits.as_chunks::<2>();
        assert!(rest.is_empty(), "half a byte: {fields}");
        Self {
            fields: fields.lines().filter_map(field).collect(),
            bytes: pairs.iter().map(|[high, low]| high << 4 | low).collect(),
        }
    }

    fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }

    fn is(&self, name: &str) -> &str {
        self.field(name).unwrap_or_else(|| panic!("a vector without {name}: {:?}", self.fields))
    }

    fn file(&self) -> String {
        format!("vector-{}.bundle", self.is("name"))
    }

    /// The kind of an error, or `ok`.
    fn outcome(&self, field: &str) -> &str {
        match self.is(field) {
            "success" => "ok",
            kind => kind,
        }
    }

    fn add(&self, maker: &mut Maker, vectors: &BTreeMap<String, Self>) {
        let mut chain = Vec::new();
        for run in self.field("after").unwrap_or("").split_whitespace() {
            let (name, count) = run.split_once('*').unwrap_or((run, "1"));
            chain.extend(std::iter::repeat_n(&vectors[name], count.parse().expect("a number")));
        }
        chain.push(self);
        let files: Vec<String> = chain.iter().map(|vector| vector.file()).collect();
        let files: Vec<&str> = files.iter().map(String::as_str).collect();

        // What is wrong with one by itself is told before whether they follow one another.
        let keyless = chain.iter().map(|vector| vector.outcome("keyless")).find(|outcome| *outcome != "ok");
        let links = self.field("links").map(|_| self.outcome("links"));
        let read = self.outcome("outcome");
        let built = self.field("database").map_or(read, |_| self.outcome("database"));
        // There are many: what another job shows is not asked for.
        let mut outcome = vec![(Job::Recover, built)];
        if let Some(kind) = keyless.or(links) {
            outcome.push((Job::Audit, kind));
        }
        // What no restore takes, an inspection refuses as far as that shows without building anything.
        if built == "ok" {
            outcome.push((Job::Inspect, built));
        }
        // What only a table that is built would refuse, is given row by row; but each row has the columns of its table.
        let is_misshapen = ["row-key-", "row-rowid-for-a-key", "row-unreachable-rowid-", "row-value", "state-s"]
            .iter()
            .any(|shape| self.is("name").starts_with(shape));
        if built == "ok" || (is_misshapen && built == "corrupt" && self.field("database").is_some()) {
            outcome.push((Job::Rows, built));
        }
        let outcome = outcome.into_iter().map(|(job, kind)| (job, kind.to_owned())).collect();
        let case = maker.case(&format!("vector/{}", self.is("name")), &files, outcome);
        case.key = self.is("key").to_owned();
        case.state.state_id = self.field("state").map(str::to_owned);
    }
}
