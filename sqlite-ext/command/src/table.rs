//! Columns under one another. Rows that come one after the other are written as they come.

use crate::words::printable;
use std::io::{self, Write};
use unicode_width::UnicodeWidthStr;

/// So many rows say how wide the columns are.
const SAMPLE: usize = 200;
/// Or so many bytes of rows.
const SAMPLE_BYTES: usize = 1 << 18;
/// No column is wider; a longer cell moves the rest of its line.
const WIDEST: usize = 80;

/// A table that is being written.
pub struct Table<W: Write> {
    out: W,
    /// The first rows, until their widths are known. The head is the first.
    waiting: Vec<Vec<String>>,
    bytes: usize,
    widths: Option<Vec<usize>>,
}

impl<W: Write> Table<W> {
    pub fn new(out: W, head: &[&str]) -> Self {
        Self { out, waiting: vec![head.iter().map(|name| (*name).to_owned()).collect()], bytes: 0, widths: None }
    }

    /// # Errors
    /// Those of the output.
    pub fn row(&mut self, cells: &[String]) -> io::Result<()> {
        let cells: Vec<String> = cells.iter().map(|cell| printable(cell)).collect();
        if let Some(widths) = &self.widths {
            return write_line(&mut self.out, widths, &cells);
        }
        self.bytes += cells.iter().map(String::len).sum::<usize>();
        self.waiting.push(cells);
        if self.waiting.len() > SAMPLE || self.bytes > SAMPLE_BYTES { self.measure() } else { Ok(()) }
    }

    /// Writes what is left.
    ///
    /// # Errors
    /// Those of the output.
    pub fn finish(mut self) -> io::Result<()> {
        if self.widths.is_none() { self.measure() } else { Ok(()) }
    }

    fn measure(&mut self) -> io::Result<()> {
        let rows = std::mem::take(&mut self.waiting);
        let mut widths = vec![0; rows.first().map_or(0, Vec::len)];
        for row in &rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.width().min(WIDEST));
            }
        }
        rows.iter().try_for_each(|row| write_line(&mut self.out, &widths, row))?;
        self.widths = Some(widths);
        Ok(())
    }
}

fn write_line(out: &mut impl Write, widths: &[usize], cells: &[String]) -> io::Result<()> {
    let mut line = String::new();
    for (width, cell) in widths.iter().zip(cells) {
        line.push_str(cell);
        line.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.width()) + 2));
    }
    writeln!(out, "{}", line.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &[[&str; 2]]) -> String {
        let mut out = Vec::new();
        let mut table = Table::new(&mut out, &["name", "rows"]);
        rows.iter().for_each(|row| table.row(&row.map(str::to_owned)).unwrap());
        table.finish().unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn columns_stand_under_one_another() {
        assert_eq!(table(&[["日本", "1"], ["leases", "22"]]), "name    rows\n日本    1\nleases  22\n");
        assert_eq!(table(&[]), "name  rows\n");
    }

    #[test]
    fn many_rows_are_written_as_they_come() {
        let rows = vec![["a", "b"]; 3 * SAMPLE];
        assert_eq!(table(&rows).lines().count(), 3 * SAMPLE + 1);
    }
}
