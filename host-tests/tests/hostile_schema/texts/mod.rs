//! The texts, each with its outcome on SQLite 3.5x (rusqlite's, and the component's) and on 3.40 (Debian 12's).
//!
//! Kept means an exact copy, in which nothing ran; the text acts when the application uses the restored database, as it did in
//! the database that it came from. In the texts `{dir}` is a directory in which no file may appear, `{long}` a name of 100,000
//! letters, `{deep}` an expression in 3,000 parentheses, and `{wide}` the names of 3,000 columns.

mod carried;
mod indexes;
mod statements;
mod tables;

pub use Kind::{Index, Table, Trigger, View};

/// What a row of `sqlite_schema` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A table, virtual ones too.
    Table,
    /// An index.
    Index,
    /// A view.
    View,
    /// A trigger.
    Trigger,
}

impl Kind {
    /// As `sqlite_schema` has it.
    pub fn name(self) -> &'static str {
        match self {
            Table => "table",
            Index => "index",
            View => "view",
            Trigger => "trigger",
        }
    }
}

/// A row of `sqlite_schema`: what it is, its name, its table, its text.
pub type Row = (Kind, &'static str, &'static str, &'static str);

/// What becomes of a bundle.
#[derive(Debug)]
pub enum Outcome {
    /// It is restored exactly.
    Kept,
    /// It is refused with an error of this kind, in these words.
    Refused(&'static str, &'static str),
}

/// A hostile schema.
pub struct Text {
    /// Its rows, beside the table `a(x)`.
    pub rows: &'static [Row],
    /// How many values the rows of table `t` have; 0: it has none.
    pub columns: usize,
    /// On the newer SQLite.
    pub new: Outcome,
    /// On the older one.
    pub old: Outcome,
    /// In the component, where that is another one than on the newer SQLite: it is built without some of its functions.
    pub component: Option<Outcome>,
}

/// All of them.
pub fn all() -> impl Iterator<Item = &'static Text> {
    [tables::TEXTS, indexes::TEXTS, carried::TEXTS, statements::TEXTS].into_iter().flatten()
}

/// Both versions restore it.
const fn kept(rows: &'static [Row], columns: usize) -> Text {
    Text { rows, columns, new: Outcome::Kept, old: Outcome::Kept, component: None }
}

/// Both versions refuse it, with this kind of error and these words.
pub const fn refused(rows: &'static [Row], columns: usize, kind: &'static str, words: &'static str) -> Text {
    Text { rows, columns, new: Outcome::Refused(kind, words), old: Outcome::Refused(kind, words), component: None }
}

/// The two versions do not agree.
const fn differs(rows: &'static [Row], columns: usize, new: Outcome, old: Outcome) -> Text {
    Text { rows, columns, new, old, component: None }
}

/// The component keeps it.
const fn kept_by_component(rows: &'static [Row], columns: usize, new: Outcome, old: Outcome) -> Text {
    Text { rows, columns, new, old, component: Some(Outcome::Kept) }
}

/// A table `t`.
pub const fn t(sql: &'static str) -> Row {
    (Table, "t", "t", sql)
}

/// An index `i` of the table `a`.
const fn i(sql: &'static str) -> Row {
    (Index, "i", "a", sql)
}

/// A trigger `r` of the table `a`.
const fn r(sql: &'static str) -> Row {
    (Trigger, "r", "a", sql)
}

/// A view `v`.
const fn v(sql: &'static str) -> Row {
    (View, "v", "v", sql)
}
