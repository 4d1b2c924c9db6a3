//! The files of `core/tests/vectors/log`, read and written. The README of the vectors says what the fields mean.

use lifeboat_core::keys::VerifyKey;
use lifeboat_core::log::{BaseRef, Floor, Record, RecordRef, SealedPart};
use lifeboat_core::{AccessKey, Error};
use std::fmt::Write;
use std::path::Path;

/// The names of fields, in the order in which they stand.
const FIELDS: [&str; 9] = ["name", "fault", "section", "rule", "form", "key", "outcome", "keyless", "says"];

/// One record or floor statement, and what readers must say of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogVector {
    /// By the names of [`FIELDS`].
    pub fields: Vec<(String, String)>,
    pub bytes: Vec<u8>,
}

impl LogVector {
    /// What stands in a field; empty where it has none.
    pub fn field(&self, name: &str) -> &str {
        self.fields.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value)
    }

    pub fn set(&mut self, name: &str, value: &str) -> &mut Self {
        assert!(FIELDS.contains(&name), "{name}");
        self.fields.retain(|(field, _)| field != name);
        if !value.is_empty() {
            self.fields.push((name.to_owned(), value.to_owned()));
        }
        self.fields.sort_by_key(|(field, _)| FIELDS.iter().position(|known| known == field));
        self
    }

    pub fn to_text(&self) -> String {
        let mut text = String::new();
        self.fields.iter().for_each(|(name, value)| writeln!(text, "{name}: {value}").expect("memory"));
        for line in self.bytes.chunks(64) {
            write!(text, "\n{}", hex::encode(line)).expect("memory");
        }
        text + "\n"
    }

    /// All vectors of a directory: the names of the files without their ends, and their texts.
    pub fn texts(directory: &Path) -> Vec<(String, String)> {
        let files =
            std::fs::read_dir(directory).expect("the vectors are there").map(|file| file.expect("readable").path());
        let text = |file: &Path| std::fs::read_to_string(file).expect("readable");
        let name = |file: &Path| file.file_stem().and_then(|name| name.to_str()).expect("a name").to_owned();
        let mut texts: Vec<_> = files.map(|file| (name(&file), text(&file))).collect();
        texts.sort();
        texts
    }

    /// What a reader with the key says: the kind of the error, or what it reads.
    pub fn read(&self, key: &str) -> Result<String, Error> {
        if key.starts_with("lifeboatverify") {
            return self.read_for(Some(&VerifyKey::from_text(key)?));
        }
        let key = AccessKey::from_text(key)?;
        if self.field("form") == "floor" {
            let floor = Floor::read(&self.bytes, None)?;
            let expected = key.keys(floor.domain_id())?.verify_key();
            return self.read_for(Some(&expected));
        }
        let record = Record::read(&self.bytes, None)?;
        let part = record.open(&key.keys(record.domain_id())?)?;
        Ok(says(&record, Some(&part)))
    }

    /// The same without a key that opens anything.
    pub fn read_for(&self, expected: Option<&VerifyKey>) -> Result<String, Error> {
        match self.field("form") {
            "floor" => Floor::read(&self.bytes, expected).map(|floor| says_floor(&floor)),
            _ => Record::read(&self.bytes, expected).map(|record| says(&record, None)),
        }
    }
}

fn reference(record: RecordRef) -> String {
    format!("[{},\"{}\"]", record.number, record.hash)
}

fn joined(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(","))
}

/// What a record says, as one line of JSON.
fn says(record: &Record, part: Option<&SealedPart>) -> String {
    let entry = record.entry();
    let base = |base: BaseRef| format!("[{},\"{}\",\"{}\"]", base.record.number, base.record.hash, base.state_id);
    let bundles = entry.bundles.iter().map(|bundle| {
        let base = bundle.base.map_or("null".to_owned(), base);
        format!("[\"{}\",{},{base}]", bundle.sha256, bundle.length)
    });
    let mut text = format!(
        "{{\"name\":\"{}\",\"number\":{},\"previous\":{},\"state\":\"{}\",\"bundles\":{}",
        record.name(),
        entry.number,
        joined(entry.previous.iter().map(|record| reference(*record))),
        entry.state_id,
        joined(bundles)
    );
    if let Some(part) = part {
        let quoted = |text: &String| format!("\"{text}\"");
        let details = [
            part.date.map(|date| date.to_string()),
            part.writer.as_ref().map(quoted),
            part.label.as_ref().map(quoted),
            part.sqlite_version.map(|version| version.to_string()),
            part.page_size.map(|size| size.to_string()),
            part.group.map(|group| format!("\"{}\"", hex::encode(group))),
        ];
        let details = joined(details.into_iter().map(|detail| detail.unwrap_or("null".to_owned())));
        write!(text, ",\"details\":{details}").expect("memory");
    }
    text + "}"
}

fn says_floor(floor: &Floor) -> String {
    format!("{{\"name\":\"{}\",\"record\":{},\"lowest\":{}}}", floor.name(), reference(floor.record()), floor.lowest())
}
