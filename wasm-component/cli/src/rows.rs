//! Rows as lines of JSON, written while the bundle is read. [`HELP`](crate::arguments::HELP) describes the lines.

use crate::arguments::Bundle;
use crate::bindings::lifeboat::recovery::recovery::{
    Batch, Encoding, Error, LongValue, Row, Rows, Salvage, StoredText, Summary, Value,
};
use crate::chain::{Intake, done};
use crate::fail::{Fail, IoContext, Kind};
use crate::json_value::{write_bytes, write_hex, write_real, write_utf8, write_utf16};
use crate::report::encoding_name;
use serde_json::json;
use std::cell::RefCell;
use std::io::{self, Write};

/// Takes a bundle or a chain, and writes its rows to `out`.
pub struct RowWriter<'a, W> {
    rows: Rows,
    bundles: &'a [Bundle],
    /// The writer, and the table whose rows are being written.
    out: RefCell<(W, Option<String>)>,
}

impl<'a, W: Write> RowWriter<'a, W> {
    /// # Errors
    /// Misuse: `key` is not a recovery key, or `expect` is not a state id.
    pub fn open(bundles: &'a [Bundle], key: &str, expect: Option<&str>, out: W) -> Result<Self, Fail> {
        Ok(Self { rows: Rows::open(key, expect)?, bundles, out: RefCell::new((out, None)) })
    }

    /// Proves that no row is missing.
    ///
    /// # Errors
    /// Those of the interface; host: the lines cannot be written.
    pub fn finish(self) -> Result<Summary, Fail> {
        self.out.borrow_mut().0.flush().context("cannot write to", "the standard output")?;
        done(self.bundles, self.rows.finish())
    }
}

impl<W: Write> Intake for RowWriter<'_, W> {
    fn begin_delta(&self) -> Result<(), Error> {
        self.rows.begin_delta()
    }

    fn push_delta(&self, piece: &[u8]) -> Result<(), Error> {
        self.rows.push_delta(piece)
    }

    fn push(&self, piece: &[u8]) -> Result<(), Error> {
        self.rows.push(piece)
    }

    fn drain(&self) -> Result<(), Fail> {
        let (out, table) = &mut *self.out.borrow_mut();
        while let Some(batch) = done(self.bundles, self.rows.next())? {
            write_batch(out, table, &batch, || done(self.bundles, self.rows.pull()))?;
        }
        Ok(())
    }
}

/// Writes the rows that a salvage gives.
///
/// # Errors
/// Those of the interface; host: the lines cannot be written.
pub fn write_salvaged(bundles: &[Bundle], salvage: &Salvage, mut out: impl Write) -> Result<(), Fail> {
    let mut table = None;
    while let Some(batch) = done(bundles, salvage.next())? {
        write_batch(&mut out, &mut table, &batch, || done(bundles, salvage.pull()))?;
    }
    out.flush().context("cannot write to", "the standard output")
}

/// Writes the rows of a batch. `table`: the table of the rows before it. `pull` gives the bytes of the long values.
fn write_batch<W: Write>(
    out: &mut W,
    table: &mut Option<String>,
    batch: &Batch,
    mut pull: impl FnMut() -> Result<Option<Vec<u8>>, Fail>,
) -> Result<(), Fail> {
    let written = |result: io::Result<()>| result.context("cannot write to", "the standard output");
    if table.as_ref() != Some(&batch.table) {
        *table = Some(batch.table.clone());
        let encoding = encoding_name(batch.encoding);
        let begin = json!({ "table": batch.table, "columns": batch.columns, "encoding": encoding });
        written(writeln!(out, "{begin}"))?;
    }
    for Row { rowid, values } in &batch.rows {
        written(match rowid {
            Some(rowid) => write!(out, "[{rowid}"),
            None => write!(out, "[null"),
        })?;
        for value in values {
            written(out.write_all(b","))?;
            match value {
                Value::Long(value) => write_long(out, value, &mut pull)?,
                value => written(write_value(out, batch.encoding, value))?,
            }
        }
        written(out.write_all(b"]\n"))?;
    }
    Ok(())
}

/// Writes it as `backup_rows` does. `encoding` is that of the database.
fn write_value(out: &mut impl Write, encoding: Encoding, value: &Value) -> io::Result<()> {
    match value {
        Value::Null => out.write_all(b"null"),
        Value::Integer(integer) => write!(out, "{integer}"),
        Value::Real(real) => write_real(out, *real),
        Value::Text(text) => match encoding {
            Encoding::Utf8 => write_utf8(out, text.as_bytes()),
            _ if !text.contains('\0') => Ok(serde_json::to_writer(out, text)?),
            Encoding::Utf16le => write_bytes(out, "text", &utf16(text, u16::to_le_bytes)),
            Encoding::Utf16be => write_bytes(out, "text", &utf16(text, u16::to_be_bytes)),
        },
        Value::Blob(bytes) => write_bytes(out, "blob", bytes),
        Value::IllFormedText(text) => write_stored(out, text),
        // Its bytes are not here; `write_long` writes them.
        Value::Long(_) => Err(io::ErrorKind::InvalidInput.into()),
    }
}

fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(bytes).collect()
}

/// Text from the bytes that are stored.
pub fn write_stored(out: &mut impl Write, text: &StoredText) -> io::Result<()> {
    match text.encoding {
        Encoding::Utf8 => write_utf8(out, &text.bytes),
        Encoding::Utf16le => write_utf16(out, &text.bytes, u16::from_le_bytes),
        Encoding::Utf16be => write_utf16(out, &text.bytes, u16::from_be_bytes),
    }
}

/// Writes a blob piece by piece. A text is collected first: only its end shows whether it is a valid string.
fn write_long(
    out: &mut impl Write,
    value: &LongValue,
    pull: &mut impl FnMut() -> Result<Option<Vec<u8>>, Fail>,
) -> Result<(), Fail> {
    let written = |result: io::Result<()>| result.context("cannot write to", "the standard output");
    let mut left = value.length;
    let mut next = || -> Result<Option<Vec<u8>>, Fail> {
        if left == 0 {
            return Ok(None);
        }
        let piece =
            pull()?.ok_or_else(|| Fail::host("a long value ends too early; use another copy of this command"))?;
        left = left.saturating_sub(piece.len() as u64);
        Ok(Some(piece))
    };
    let Some(encoding) = value.text else {
        written(out.write_all(br#"{"blob":""#))?;
        while let Some(piece) = next()? {
            written(write_hex(out, &piece))?;
        }
        return written(out.write_all(br#""}"#));
    };
    let mut text = StoredText { encoding, bytes: Vec::new() };
    let no_memory = |_| {
        let message =
            format!("there is no memory for a text of {} bytes; recover the database to read it", value.length);
        Fail { kind: Kind::TooBig, message }
    };
    text.bytes.try_reserve_exact(usize::try_from(value.length).unwrap_or(usize::MAX)).map_err(no_memory)?;
    while let Some(piece) = next()? {
        text.bytes.extend_from_slice(&piece);
    }
    written(write_stored(out, &text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(table: &str, rowid: Option<i64>, values: Vec<Value>) -> Batch {
        let columns = (0..values.len()).map(|number| format!("c{number}")).collect();
        Batch { table: table.to_owned(), columns, encoding: Encoding::Utf8, rows: vec![Row { rowid, values }] }
    }

    fn written(table: &mut Option<String>, batch: &Batch, pieces: &[&[u8]]) -> Result<String, Fail> {
        let (mut out, mut pieces) = (Vec::new(), pieces.iter());
        write_batch(&mut out, table, batch, || Ok(pieces.next().map(|piece| piece.to_vec())))?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn each_kind_of_value_can_be_told_from_the_others() {
        let values = vec![
            Value::Null,
            Value::Integer(i64::MIN),
            Value::Real(1.0),
            Value::Real(-0.0),
            Value::Real(0.1 + 0.2),
            Value::Real(1e300),
            Value::Real(f64::NEG_INFINITY),
            Value::Text("a\"\0\u{1f600}".to_owned()),
            Value::Blob(vec![0, 255]),
            Value::IllFormedText(StoredText { encoding: Encoding::Utf16le, bytes: vec![0, 0xd8] }),
        ];
        let line = written(&mut Some("t".to_owned()), &batch("t", Some(-1), values), &[]).unwrap();
        let expected = "[-1,null,-9223372036854775808,1.0,-0.0,0.30000000000000004,1e300,-9e999,{\"text\":\"612200f09f9880\"},\
                        {\"blob\":\"00ff\"},{\"text\":\"00d8\"}]\n";
        assert_eq!(line, expected);
    }

    #[test]
    fn a_table_is_named_where_it_begins() {
        let mut table = None;
        let rows = |table: &mut _, name| written(table, &batch(name, None, vec![Value::Null]), &[]).unwrap();
        assert_eq!(
            rows(&mut table, "a"),
            "{\"columns\":[\"c0\"],\"encoding\":\"UTF-8\",\"table\":\"a\"}\n[null,null]\n"
        );
        assert_eq!(rows(&mut table, "a"), "[null,null]\n");
        assert_eq!(
            rows(&mut table, "b"),
            "{\"columns\":[\"c0\"],\"encoding\":\"UTF-8\",\"table\":\"b\"}\n[null,null]\n"
        );
    }

    #[test]
    fn a_long_value_is_written_as_it_comes() {
        let long = |text, length| Value::Long(LongValue { text, length });
        let values = vec![long(None, 3), Value::Integer(7), long(Some(Encoding::Utf8), 1)];
        let mut table = Some("t".to_owned());
        let line = written(&mut table, &batch("t", Some(1), values.clone()), &[&[1, 2], &[3], &[65]]).unwrap();
        assert_eq!(line, "[1,{\"blob\":\"010203\"},7,\"A\"]\n");
        assert!(written(&mut table, &batch("t", Some(1), values), &[&[1, 2]]).is_err());
    }
}
