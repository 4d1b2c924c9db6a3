//! The schema of a selection: what comes back with the kept tables, so that the restored database works.
//!
//! The kept tables are carried, and so are the tables that carried ones need: the parents of their foreign keys and the
//! tables that their triggers name. These come **without rows**, and so on. Each carried table has its indexes and
//! triggers. A view (with its triggers) is carried if all that it names is. A virtual table without its rows would be
//! damaged. So a trigger that names a virtual table which is left out is also left out. A text that names nothing left
//! out stays as it is, however broken it may be.
//!
//! A text can name only what occurs among its words, so most texts need no closer look. Some views and triggers have a
//! word that is the name of something left out. SQLite then tells what they name: each is compiled in a trial database
//! with the chosen schema, in memory, by the [`Validator`], which has validated every text in it. Nothing is run. If
//! SQLite stops before it has seen all names, all names that occur count as named. The result does not depend on the
//! modules, functions or collations that exist.

use crate::Budget;
use crate::ffi::connection::Connection;
use crate::ffi::interrupt::Interrupt;
use crate::ffi::quote::{quote_name, quote_text};
use crate::ffi::sqlite_error;
use crate::ffi::tokens::{Token, may_explode, tokens};
use crate::rebuild::plan::{entry, validate_system_table};
use crate::schema::guard;
use crate::schema::shadow::is_virtual;
use crate::schema::stored_schema::{Class, class};
use crate::schema::trees;
use crate::schema::validate::Validator;
use crate::schema::write_schema::{Entry, write};
use lifeboat_core::state::{SchemaKind, SchemaRow, is_system_table};
use lifeboat_core::{Error, ErrorKind, Result};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::rc::Rc;

/// What comes back with the kept tables.
#[derive(Default)]
pub(crate) struct Carried {
    /// The rows, in the order of the whole schema.
    pub schema: Vec<SchemaRow>,
    /// Tables that are carried but were not kept: they have no rows.
    pub carried_empty: Vec<String>,
    /// Views, and triggers of what is carried, that are left out.
    pub left_out: Vec<String>,
}

/// Narrows `schema` to the tables `kept` (in the schema's spelling) and what they need.
///
/// [`Unsupported`](ErrorKind::Unsupported) or [`Corrupt`](ErrorKind::Corrupt) when the text of a table that is carried
/// cannot be validated. [`Interrupted`](ErrorKind::Interrupted) when the app wants to stop on `source`, its connection:
/// views of views of views can take long to compile.
pub(crate) fn narrow(
    source: &Connection<'_>,
    budget: &Rc<Budget>,
    schema: &[SchemaRow],
    kept: &BTreeSet<String>,
) -> Result<Carried> {
    let validate = Validator::new(*source.api(), budget)?;
    let carried = Interrupt::of(source)?.watch(budget, || {
        let mut builder = CarriedBuilder::new(&validate, schema, kept)?;
        loop {
            let before = builder.carried.len();
            builder.carry_parents()?;
            builder.find_standing_views()?;
            builder.supply_triggers()?;
            if builder.carried.len() == before {
                return Ok(builder.finish(kept));
            }
        }
    });
    carried.map_err(|error| budget.explain(error))
}

struct CarriedBuilder<'s> {
    validate: &'s Validator,
    schema: &'s [SchemaRow],
    /// Tables and views, which share one set of names: places in `schema` by lower-case name.
    places: HashMap<String, usize>,
    /// Tables whose text cannot be validated.
    unusable: HashMap<usize, Error>,
    /// Tables with a counter in `sqlite_sequence`.
    counting: HashSet<usize>,
    /// For each table, the parents of its foreign keys.
    parents: HashMap<usize, Vec<usize>>,
    carried: BTreeSet<usize>,
    views: Vec<usize>,
    /// The tables whose text was validated.
    validated_views: HashSet<usize>,
    standing: BTreeSet<usize>,
    dropped: BTreeSet<usize>,
    mentioned: HashMap<usize, BTreeSet<usize>>,
    /// The root of a b-tree that nobody opens.
    root: i64,
}

/// What SQLite said about the names of a text that was compiled in the trial database.
enum Names {
    /// All of them exist.
    Found,
    /// This table or view of the whole schema is missing.
    Missing(usize),
    /// SQLite stopped for another reason.
    Unclear,
}

impl<'s> CarriedBuilder<'s> {
    fn new(validate: &'s Validator, schema: &'s [SchemaRow], kept: &BTreeSet<String>) -> Result<Self> {
        let of = |kind: SchemaKind| {
            let rows = schema.iter().enumerate();
            rows.filter(move |(_, row)| row.kind == kind).map(|(place, _)| place).collect::<Vec<_>>()
        };
        let (tables, views) = (of(SchemaKind::Table), of(SchemaKind::View));
        let name = |place: &usize| (schema[*place].name.to_ascii_lowercase(), *place);
        let places = tables.iter().chain(&views).map(name).collect();
        let carried = tables.iter().copied().filter(|place| kept.contains(&schema[*place].name)).collect();
        let (mut unusable, mut counting) = (HashMap::new(), HashSet::new());
        for place in tables.iter().copied().filter(|place| class(&schema[*place]) == Class::Table) {
            if is_system_table(&schema[place].name) {
                validate_system_table(&schema[place])?;
                continue;
            }
            match validate.validate(&schema[place]) {
                Ok(outcome) if outcome.autoincrement => drop(counting.insert(place)),
                Ok(_) => {}
                Err(error) if sqlite_error::is_of_machine(&error) || kept.contains(&schema[place].name) => {
                    return Err(error);
                }
                Err(error) => drop(unusable.insert(place, error)),
            }
        }
        let connection = validate.connection();
        connection.execute("BEGIN")?;
        let roots = trees::make(connection, ["CREATE TABLE x(x)".to_owned()]).map_err(|(_, error)| error)?;
        let mut validated_views = HashSet::new();
        for place in views.iter().copied() {
            match validate.validate(&schema[place]) {
                Ok(_) => drop(validated_views.insert(place)),
                Err(error) if sqlite_error::is_of_machine(&error) => return Err(error),
                Err(_) => {}
            }
        }
        guard::let_compile(connection);
        let mut builder = Self {
            validate,
            schema,
            places,
            unusable,
            counting,
            parents: HashMap::new(),
            carried,
            views,
            validated_views,
            standing: BTreeSet::new(),
            dropped: BTreeSet::new(),
            mentioned: HashMap::new(),
            root: roots.first().copied().unwrap_or_default(),
        };
        builder.learn_parents(&tables)?;
        Ok(builder)
    }

    fn learn_parents(&mut self, tables: &[usize]) -> Result<()> {
        let usable = |place: &usize| class(&self.schema[*place]) == Class::Table && !self.unusable.contains_key(place);
        let usable: Vec<usize> = tables.iter().copied().filter(usable).collect();
        let connection = self.validate.connection();
        write(connection, true, usable.iter().map(|place| entry(&self.schema[*place], self.root)))?;
        for place in usable {
            let name = quote_text(&self.schema[place].name);
            let mut keys = connection.prepare(&format!("PRAGMA main.foreign_key_list({name})"))?;
            let mut parents = Vec::new();
            while keys.step()? {
                parents.extend(self.places.get(&keys.text(2)?.to_ascii_lowercase()));
            }
            if !parents.is_empty() {
                self.parents.insert(place, parents);
            }
        }
        Ok(())
    }

    /// Carries the parents of foreign keys, and their parents.
    fn carry_parents(&mut self) -> Result<()> {
        let mut waiting: Vec<usize> = self.carried.iter().copied().collect();
        while let Some(place) = waiting.pop() {
            for parent in self.parents.get(&place).cloned().unwrap_or_default() {
                if class(&self.schema[parent]) == Class::Table && !self.carried.contains(&parent) {
                    self.carry(parent)?;
                    waiting.push(parent);
                }
            }
        }
        Ok(())
    }

    /// Carries a table without its rows, or what a view names. False when that cannot be: for a virtual table.
    fn carry(&mut self, place: usize) -> Result<bool> {
        let before = self.standing.clone();
        let mut waiting = vec![place];
        while let Some(place) = waiting.pop() {
            let row = &self.schema[place];
            if self.carried.contains(&place) {
                continue;
            }
            if let Some(error) = self.unusable.get(&place) {
                return Err(error.clone().at("a table that the selection leaves out, but needs without its rows"));
            }
            if is_virtual(row) || row.kind == SchemaKind::View && !self.validated_views.contains(&place) {
                self.standing = before;
                return Ok(false);
            }
            if row.kind == SchemaKind::Table {
                self.carried.insert(place);
                continue;
            }
            // It counts as carried while the tables that it names are being carried.
            self.standing.insert(place);
            if let Names::Missing(missing) = self.names_of_view(place)? {
                waiting.extend([place, missing]);
            }
        }
        if self.standing != before {
            self.find_standing_views()?;
        }
        Ok(true)
    }

    /// Which views are carried: those that compile among what is carried.
    fn find_standing_views(&mut self) -> Result<()> {
        self.standing = self.views.iter().copied().collect();
        loop {
            let before = self.standing.len();
            for place in self.views.clone() {
                if self.standing.contains(&place)
                    && !self.suspects(place).is_empty()
                    && !(self.validated_views.contains(&place) && matches!(self.names_of_view(place)?, Names::Found))
                {
                    self.standing.remove(&place);
                }
            }
            if self.standing.len() == before {
                return Ok(());
            }
        }
    }

    /// Carries what the triggers of carried tables and views name.
    fn supply_triggers(&mut self) -> Result<()> {
        for (place, row) in self.schema.iter().enumerate() {
            if row.kind != SchemaKind::Trigger || self.dropped.contains(&place) || !self.is_carried(&row.table) {
                continue;
            }
            while !self.suspects(place).is_empty() {
                let (wanted, is_all) = match self.names_of_trigger(place)? {
                    Names::Found => break,
                    Names::Missing(missing) => (vec![missing], false),
                    // Everything that it could name.
                    Names::Unclear => (self.suspects(place), true),
                };
                let mut carried = true;
                for wanted in wanted {
                    carried &= self.carry(wanted)?;
                }
                if !carried {
                    self.dropped.insert(place);
                }
                if is_all || !carried {
                    break;
                }
            }
        }
        Ok(())
    }

    fn is_carried(&self, name: &str) -> bool {
        let place = self.places.get(&name.to_ascii_lowercase());
        place.is_some_and(|place| self.carried.contains(place) || self.standing.contains(place))
    }

    /// The tables and views whose names occur in the text of a view or trigger. It can name no other.
    fn mentioned(&mut self, place: usize) -> BTreeSet<usize> {
        let (row, places) = (&self.schema[place], &self.places);
        let mentioned = self.mentioned.entry(place).or_insert_with(|| {
            let words = tokens(&row.sql).filter_map(|token| match token {
                Token::Word(word) | Token::Text(word) => places.get(&word.to_ascii_lowercase()).copied(),
                _ => None,
            });
            words.filter(|other| *other != place).collect()
        });
        mentioned.clone()
    }

    /// Those of them that are left out.
    fn suspects(&mut self, place: usize) -> Vec<usize> {
        let mentioned = self.mentioned(place);
        mentioned.into_iter().filter(|place| !self.is_there(place)).collect()
    }

    fn is_there(&self, place: &usize) -> bool {
        self.carried.contains(place) || self.standing.contains(place) || is_system_table(&self.schema[*place].name)
    }

    /// Writes a trial database with what these texts can name, as far as it is carried, and with the views among that.
    /// There, views and virtual tables are ordinary tables: so no module is asked, and views of views are not expanded.
    fn write_trial(&mut self, texts: &[usize]) -> Result<()> {
        let mut names = BTreeSet::new();
        for place in texts {
            names.extend(self.mentioned(*place));
        }
        let sequence = self.places.get("sqlite_sequence");
        names.extend(sequence);
        names.retain(|place| self.is_there(place) && !texts.contains(place));
        let stub = |place: &usize| {
            let row = &self.schema[*place];
            let is_ordinary = row.kind == SchemaKind::Table && !is_virtual(row);
            (!is_ordinary).then(|| format!("CREATE TABLE {}(x)", quote_name(&row.name)))
        };
        let names: Vec<(usize, Option<String>)> = names.into_iter().map(|place| (place, stub(&place))).collect();
        let tables = names.iter().map(|(place, stub)| {
            let row = entry(&self.schema[*place], self.root);
            stub.as_ref().map_or(row, |stub| Entry { kind: "table", sql: Some(stub), ..row })
        });
        let views = texts.iter().map(|place| &self.schema[*place]).filter(|row| row.kind == SchemaKind::View);
        write(self.validate.connection(), true, tables.chain(views.map(|row| entry(row, 0))))
    }

    fn names_of_view(&mut self, place: usize) -> Result<Names> {
        if may_explode(&self.schema[place].sql) {
            return Ok(Names::Unclear);
        }
        self.write_trial(&[place])?;
        let sql = format!("SELECT * FROM main.{}", quote_name(&self.schema[place].name));
        Ok(match self.validate.compile(&sql) {
            Ok(()) => Names::Found,
            Err(error) if ends_the_work(&error) => return Err(error),
            Err(error) if error.message().contains(NO_SUCH_TABLE) => {
                self.missing(&error).map_or(Names::Unclear, Names::Missing)
            }
            // SQLite gives this error for one table before it looks for the next.
            Err(error) if BEFORE_ALL_TABLES.iter().any(|part| error.message().contains(part)) => Names::Unclear,
            // SQLite looks for columns once it has all tables. Those of stubs are not known here.
            Err(_) => Names::Found,
        })
    }

    fn names_of_trigger(&mut self, place: usize) -> Result<Names> {
        let row = &self.schema[place];
        let view = self.places.get(&row.table.to_ascii_lowercase()).copied();
        let view = view.filter(|place| self.schema[*place].kind == SchemaKind::View);
        let texts: Vec<usize> = [place].into_iter().chain(view).collect();
        if texts.iter().any(|place| may_explode(&self.schema[*place].sql))
            || view.is_some_and(|view| !self.validated_views.contains(&view))
        {
            return Ok(Names::Unclear);
        }
        self.write_trial(&texts)?;
        let connection = self.validate.connection();
        match self.validate.validate(row).and_then(|_| write(connection, false, [entry(row, 0)])) {
            Ok(()) => {}
            Err(error) if sqlite_error::is_of_machine(&error) => return Err(error),
            Err(_) => return Ok(Names::Unclear),
        }
        let table = format!("main.{}", quote_name(&row.table));
        let mut columns = Vec::new();
        let info = connection.prepare(&format!("PRAGMA main.table_xinfo({})", quote_text(&row.table)));
        let mut info = match info {
            Ok(info) => info,
            Err(error) if sqlite_error::is_of_machine(&error) => return Err(error),
            Err(_) => return Ok(Names::Unclear),
        };
        while info.step()? {
            // Generated columns cannot be set.
            if info.integer(6) == 0 {
                let column = quote_name(&info.text(1)?);
                columns.push(format!("{column} = {column}"));
            }
        }
        drop(info);
        let columns = columns.join(", ");
        for sql in [
            format!("INSERT INTO {table} DEFAULT VALUES"),
            format!("UPDATE {table} SET {columns}"),
            format!("DELETE FROM {table}"),
        ] {
            match self.validate.compile(&sql) {
                Ok(()) => {}
                // The trigger is for another kind of statement.
                Err(error) if error.message().contains("because it is a view") => {}
                Err(error) if ends_the_work(&error) => return Err(error),
                Err(error) => return Ok(self.missing(&error).map_or(Names::Unclear, Names::Missing)),
            }
        }
        Ok(Names::Found)
    }

    /// The table or view of the whole schema that SQLite did not find in the trial database.
    fn missing(&self, error: &Error) -> Option<usize> {
        let (_, name) = error.message().split_once(NO_SUCH_TABLE)?;
        let name = name.rsplit_once(sqlite_error::CODE)?.0.to_ascii_lowercase();
        let place = self.places.get(&name).or_else(|| self.places.get(name.strip_prefix("main.")?));
        place.copied().filter(|place| !self.is_there(place))
    }

    fn finish(self, kept: &BTreeSet<String>) -> Carried {
        let counts = self.counting.iter().any(|place| self.carried.contains(place));
        let (mut schema, mut left_out) = (Vec::new(), Vec::new());
        for (place, row) in self.schema.iter().enumerate() {
            let carried = match row.kind {
                SchemaKind::Table if row.name == "sqlite_sequence" => counts,
                SchemaKind::Table if is_system_table(&row.name) => true,
                SchemaKind::Table => self.carried.contains(&place),
                SchemaKind::View => self.standing.contains(&place),
                SchemaKind::Index => self.is_carried(&row.table),
                SchemaKind::Trigger => self.is_carried(&row.table) && !self.dropped.contains(&place),
            };
            if carried {
                schema.push(row.clone());
            } else if row.kind == SchemaKind::View || self.dropped.contains(&place) {
                left_out.push(format!("{} {:?}", row.kind.name(), row.name));
            }
        }
        let empty = self.carried.iter().map(|place| &self.schema[*place].name).filter(|name| !kept.contains(*name));
        Carried { schema, carried_empty: empty.cloned().collect(), left_out }
    }
}

const NO_SUCH_TABLE: &str = "no such table: ";

/// SQLite's message about a FROM clause while it goes through its tables.
const BEFORE_ALL_TABLES: [&str; 5] =
    ["cannot join using column", "a NATURAL join may not", "is not a function", "no such index", "circular"];

/// The message says nothing about the text that was compiled.
fn ends_the_work(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::TooBig) || sqlite_error::is_of_machine(error)
}
