//! Items → a state: the last step of the way back. Checks the items by the rules of a state, counts them, and hands
//! them to a [`StateSink`].

use crate::crypto::digest::{Digest, Total};
use crate::error::{Error, Result};
use crate::read::change_reader::Refusal;
use crate::state::key_order::{KeyOrder, Step};
use crate::state::rules::Rules;
use crate::state::selection::Selection;
use crate::state::sink::{SchemaRow, Settings, StateSink, Table, schema_from_value, system_table_from_value};
use crate::state::value::{Key, NewRow};

/// Takes the items of a state in canonical order.
pub(crate) struct Output<S> {
    pub sink: S,
    rules: Rules,
    /// The primary keys of a table whose rows come from several bundles.
    keys: KeyOrder,
    pub total: Total,
    pub settings: Option<Settings>,
    pub schema: Option<Vec<SchemaRow>>,
    pub selection: Option<Selection>,
    /// The tables that have rows, and how many.
    pub tables: Vec<(String, u64)>,
}

impl<S: StateSink> Output<S> {
    pub fn new(sink: S) -> Self {
        Self {
            sink,
            rules: Rules::default(),
            keys: KeyOrder::default(),
            total: Total::default(),
            settings: None,
            schema: None,
            selection: None,
            tables: Vec::new(),
        }
    }

    /// The next items are of this table.
    pub fn begin(&mut self, table: &Table<'_>) -> Result<(), Refusal> {
        self.rules.begin(table)?;
        self.keys.restart();
        if let Table::Named(name) = table {
            self.tables.push(((*name).to_owned(), 0));
            if !table.is_one_item() {
                self.sink.table(name).map_err(Refusal::Sink)?;
            }
        }
        Ok(())
    }

    /// A row of the table last begun. `step`: how its key stands to the one before it.
    pub fn row(&mut self, row: &NewRow<'_>, step: Step, digest: Digest) -> Result<(), Refusal> {
        step.check_distinct()?;
        self.rules.check_row(row)?;
        self.total.add(digest);
        if let Some((_, count)) = self.tables.last_mut() {
            *count += 1;
        }
        self.sink.row(row.key, row.values).map_err(Refusal::Sink)
    }

    /// A row of the table last begun, of a chain. `key`: its canonical key. `step`: how the key stands to the one before it, if
    /// that is known. It is not where the row before came from another bundle.
    pub fn row_of_chain(
        &mut self,
        row: &NewRow<'_>,
        key: &[u8],
        step: Option<Step>,
        digest: Digest,
    ) -> Result<(), Refusal> {
        let step = match (row.key, step) {
            // Two different rowids have different values.
            (Key::Rowid(_), _) => Some(Step::Higher),
            (Key::Primary(_), Some(step)) => {
                self.keys.note(key);
                Some(step)
            }
            (Key::Primary(_), None) => self.keys.step(key)?,
        };
        let step = step.ok_or_else(|| Error::corrupt("the keys of a table are not in order"))?;
        self.row(row, step, digest)
    }

    /// The one item of the table last begun.
    pub fn item(&mut self, table: &Table<'_>, value: &[u8], digest: Digest) -> Result<(), Refusal> {
        self.total.add(digest);
        match table {
            Table::Settings => {
                let settings = Settings::from_value(value)?;
                self.rules.learn_settings(&settings);
                self.settings = Some(settings);
                self.sink.settings(&settings).map_err(Refusal::Sink)
            }
            Table::Schema => {
                let schema = schema_from_value(value)?;
                self.rules.learn_schema(&schema);
                self.sink.schema(&schema).map_err(Refusal::Sink)?;
                self.schema = Some(schema);
                Ok(())
            }
            Table::Selection => {
                let selection = Selection::from_value(value)?;
                self.sink.selection(&selection).map_err(Refusal::Sink)?;
                self.selection = Some(selection);
                Ok(())
            }
            Table::Named(name) => {
                let rows = system_table_from_value(value)?;
                rows.iter().flatten().try_for_each(|value| self.rules.check_value(value))?;
                if let Some((_, count)) = self.tables.last_mut() {
                    *count = rows.len() as u64;
                }
                self.sink.system_table(name, &rows).map_err(Refusal::Sink)
            }
        }
    }

    /// # Errors
    /// Corrupt when no settings or no schema have come.
    pub fn take_schema(&mut self) -> Result<(Settings, Vec<SchemaRow>)> {
        match (self.settings, self.schema.take()) {
            (Some(settings), Some(schema)) => Ok((settings, schema)),
            _ => Err(Error::corrupt("the bundle holds no settings or no schema")),
        }
    }
}
