//! Rows as lines of JSON, while the bundle is read. [`HELP`](crate::arguments::HELP) has the layout of the lines.

use crate::arguments::Bundle;
use crate::bindings::lifeboat::recovery::recovery::{Batch, Encoding, Error, LongValue, Row, Rows, Summary, Value};
use crate::chain::{Intake, done};
use crate::fail::{Fail, IoContext};
use crate::report::encoding_name;
use serde_json::json;
use std::cell::RefCell;
use std::io::{self, Write};

/// Takes a bundle or a chain in, and writes its rows to `out`.
pub struct RowWriter<'a, W> {
    rows: Rows,
    bundles: &'a [Bundle],
    /// The writer, and the table whose rows are being written.
    out: RefCell<(W, Option<String>)>,
}

impl<'a, W: Write> RowWriter<'a, W> {
    /// # Errors
    /// Misuse: `key` is no recovery key, or `expect` no state id.
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

/// Writes the rows of a batch; `table`: the one whose rows came before. `pull` gives the bytes of the long values.
fn write_batch<W: Write>(
    out: &mut W,
    table: &mut Option<String>,
    batch: &Batch,
    mut pull: impl FnMut() -> Result<Option<Vec<u8>>, Fail>,
) -> Result<(), Fail> {
    let written = |result: io::Result<()>| result.context("cannot write to", "the standard output");
    if table.as_ref() != Some(&batch.table) {
        *table = Some(batch.table.clone());
        written(writeln!(out, "{}", json!({ "table": batch.table, "columns": batch.columns })))?;
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
                value => written(write_value(out, value))?,
            }
        }
        written(out.write_all(b"]\n"))?;
    }
    Ok(())
}

fn write_value(out: &mut impl Write, value: &Value) -> io::Result<()> {
    match value {
        Value::Null => out.write_all(b"null"),
        Value::Integer(integer) => write!(out, "{integer}"),
        // As SQLite's own JSON functions write it, and `backup_rows`.
        Value::Real(real) if real.is_infinite() => out.write_all(if *real > 0.0 { b"9e999" } else { b"-9e999" }),
        Value::Real(real) => Ok(serde_json::to_writer(out, real)?),
        Value::Text(text) => Ok(serde_json::to_writer(out, text)?),
        Value::Blob(bytes) => write_bytes(out, None, |out| write_hex(out, bytes)),
        Value::IllFormedText(text) => write_bytes(out, Some(text.encoding), |out| write_hex(out, &text.bytes)),
        // Its bytes are not here: `write_long`.
        Value::Long(_) => Err(io::ErrorKind::InvalidInput.into()),
    }
}

/// Writes a value as its pieces come, so that the memory stays flat.
fn write_long(
    out: &mut impl Write,
    value: &LongValue,
    pull: &mut impl FnMut() -> Result<Option<Vec<u8>>, Fail>,
) -> Result<(), Fail> {
    let (mut left, mut failed) = (value.length, None);
    let written = write_bytes(out, value.text, |out| {
        while left > 0 {
            match pull() {
                Ok(Some(piece)) => {
                    left = left.saturating_sub(piece.len() as u64);
                    write_hex(out, &piece)?;
                }
                Ok(None) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Err(fail) => {
                    failed = Some(fail);
                    return Ok(());
                }
            }
        }
        Ok(())
    });
    match failed {
        Some(fail) => Err(fail),
        None => written.context("cannot write to", "the standard output"),
    }
}

/// A blob, or a text in this encoding, whose bytes `content` writes.
fn write_bytes<W: Write>(
    out: &mut W,
    text: Option<Encoding>,
    content: impl FnOnce(&mut W) -> io::Result<()>,
) -> io::Result<()> {
    out.write_all(if text.is_some() { br#"{"text":""# } else { br#"{"blob":""# })?;
    content(out)?;
    match text {
        Some(encoding) => write!(out, r#"","encoding":"{}"}}"#, encoding_name(encoding)),
        None => out.write_all(br#""}"#),
    }
}

fn write_hex(out: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut hex = [0; 4096];
    for part in bytes.chunks(hex.len() / 2) {
        for (pair, byte) in hex.chunks_exact_mut(2).zip(part) {
            pair.copy_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
        }
        out.write_all(&hex[..2 * part.len()])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::lifeboat::recovery::recovery::IllFormedText;

    fn batch(table: &str, rowid: Option<i64>, values: Vec<Value>) -> Batch {
        let columns = (0..values.len()).map(|number| format!("c{number}")).collect();
        Batch { table: table.to_owned(), columns, rows: vec![Row { rowid, values }] }
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
            Value::IllFormedText(IllFormedText { encoding: Encoding::Utf16le, bytes: vec![0, 0xd8] }),
        ];
        let line = written(&mut Some("t".to_owned()), &batch("t", Some(-1), values), &[]).unwrap();
        let expected = "[-1,null,-9223372036854775808,1.0,-0.0,0.30000000000000004,1e+300,-9e999,\"a\\\"\\u0000\u{1f600}\",\
                        {\"blob\":\"00ff\"},{\"text\":\"00d8\",\"encoding\":\"UTF-16le\"}]\n";
        assert_eq!(line, expected);
    }

    #[test]
    fn a_table_is_named_where_it_begins() {
        let mut table = None;
        let rows = |table: &mut _, name| written(table, &batch(name, None, vec![Value::Null]), &[]).unwrap();
        assert_eq!(rows(&mut table, "a"), "{\"columns\":[\"c0\"],\"table\":\"a\"}\n[null,null]\n");
        assert_eq!(rows(&mut table, "a"), "[null,null]\n");
        assert_eq!(rows(&mut table, "b"), "{\"columns\":[\"c0\"],\"table\":\"b\"}\n[null,null]\n");
    }

    #[test]
    fn a_long_value_is_written_as_it_comes() {
        let long = |text, length| Value::Long(LongValue { text, length });
        let values = vec![long(None, 3), Value::Integer(7), long(Some(Encoding::Utf8), 1)];
        let mut table = Some("t".to_owned());
        let line = written(&mut table, &batch("t", Some(1), values.clone()), &[&[1, 2], &[3], &[65]]).unwrap();
        assert_eq!(line, "[1,{\"blob\":\"010203\"},7,{\"text\":\"41\",\"encoding\":\"UTF-8\"}]\n");
        assert!(written(&mut table, &batch("t", Some(1), values), &[&[1, 2]]).is_err());
    }
}
