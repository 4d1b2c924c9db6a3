//! What damaged bundles can still prove: rows, a database, and a list of what is missing (`core/FORMAT.md`, "Salvage").

use crate::batches::{Batch, Long, Queue};
use crate::database::{Built, Layout, Pages};
use crate::held::Held;
use crate::scratch::Scratch;
use crate::work::Work;
use lifeboat_core::salvage::{Damage, LISTED_MAX, Missing, Salvage, SalvagedRows};
use lifeboat_core::state::{SchemaRow, Selection, Settings, is_system_table};
use lifeboat_core::{AccessKey, Error, Result, StateSink};
use lifeboat_sqlite::{Api, Findings, Rebuild, RebuildOptions, foreign_key_check, is_of_machine, prove_salvaged};

/// What comes back, and what is missing. `M` is the type that the caller makes from each range.
#[derive(Clone, Debug, PartialEq)]
pub struct Salvaged<M> {
    /// The name of the domain. None: the index of the last bundle is damaged.
    pub domain: Option<String>,
    /// None: they are missing.
    pub settings: Option<Settings>,
    /// None: it is missing.
    pub schema: Option<Vec<SchemaRow>>,
    /// None: it is a whole database, or this is missing.
    pub selection: Option<Selection>,
    /// The tables that have rows that come back, with the number of these rows.
    pub tables: Vec<(String, u64)>,
    /// The numbers of the damaged bundles, from 1, and which parts of them are damaged.
    pub damaged: Vec<(usize, Damage)>,
    /// The first ranges that are missing.
    pub missing: Vec<M>,
    /// How many more there are.
    pub missing_more: usize,
}

/// A database built from what came back.
#[derive(Clone, Debug)]
pub struct SalvagedDatabase {
    /// The file.
    pub built: Built,
    /// What `PRAGMA foreign_key_check` finds in it.
    pub foreign_keys: Findings,
}

/// Salvages a chain.
pub struct Rescue {
    work: Work<Taking, Opened>,
}

struct Taking {
    api: Api,
    key: AccessKey,
    bundles: Vec<Held>,
}

struct Opened {
    api: Api,
    key: AccessKey,
    salvage: Salvage<'static>,
    rows: Option<Reading>,
    long: Long,
    pages: Option<Pages>,
}

impl Rescue {
    /// Begins.
    ///
    /// # Errors
    /// Misuse when `key` is not the text of a key that opens bundles.
    pub fn open(api: Api, key: &str) -> Result<Self> {
        let key = AccessKey::from_text(key)?;
        Ok(Self { work: Work::Taking(Taking { api, key, bundles: Vec::new() }) })
    }

    /// Begins the next bundle. Bundles come oldest first.
    ///
    /// # Errors
    /// Misuse when it is called out of order.
    pub fn begin_bundle(&mut self) -> Result<()> {
        self.work.taking("begin-bundle", |taking| {
            taking.bundles.push(Held::default());
            Ok(())
        })
    }

    /// Takes the next piece of the bundle that has begun.
    ///
    /// # Errors
    /// Too big when there is no memory for it; misuse out of order.
    pub fn push(&mut self, piece: &[u8]) -> Result<()> {
        self.work.push(piece, |taking, piece| {
            if taking.bundles.is_empty() {
                taking.bundles.push(Held::default());
            }
            taking.bundles.last_mut().map_or(Ok(()), |bundle| bundle.push(piece))
        })
    }

    /// Call this when the bundles are complete. It says what comes back, and what is missing. `each` converts each
    /// range.
    ///
    /// # Errors
    /// Those of [`Salvage::open`] and of `each`; misuse out of order.
    pub fn finish<M>(&mut self, each: impl FnMut(&Missing<'_>) -> Result<M>) -> Result<Salvaged<M>> {
        self.work.taking("finish", |taking| {
            if taking.bundles.is_empty() {
                return Err(Error::misuse("finish: no bundle came; push the full bundle first"));
            }
            Ok(())
        })?;
        self.work.finish(|Taking { api, key, bundles }| {
            let salvage = Salvage::open(key.clone(), bundles, || Ok(()))?;
            let salvaged = report(&salvage, each)?;
            Ok((Opened { api, key, salvage, rows: None, long: Long::default(), pages: None }, salvaged))
        })
    }

    /// The next rows of one table. None: there are no more.
    ///
    /// # Errors
    /// Those of [`Salvage::rows`]; corrupt for a row that its table cannot have; misuse while [`Rescue::pull`] has more, and out of
    /// order.
    #[allow(clippy::should_implement_trait)] // It can fail.
    pub fn next(&mut self) -> Result<Option<Batch>> {
        self.work.done("next", Opened::next)
    }

    /// The next piece of the long values of the last batch. None: there are no more.
    ///
    /// # Errors
    /// Misuse when it is called out of order.
    pub fn pull(&mut self) -> Result<Option<Vec<u8>>> {
        self.work.done("pull", |opened| Ok(opened.long.pull()))
    }

    /// Builds a database of everything that comes back, and proves that it holds exactly that.
    ///
    /// # Errors
    /// Those of [`Salvage::walk`] and of SQLite; corrupt when what SQLite gives back is something else; misuse when it
    /// is called for a second time or out of order.
    pub fn build(&mut self, layout: Layout) -> Result<SalvagedDatabase> {
        self.work.done("build", |opened| opened.build(layout))
    }

    /// The next piece of the file. None: the file has ended.
    ///
    /// # Errors
    /// Misuse before [`Rescue::build`]; those of SQLite.
    pub fn pull_file(&mut self) -> Result<Option<Vec<u8>>> {
        self.work.done("pull-file", |opened| match &mut opened.pages {
            Some(pages) => pages.pull(),
            None => Err(Error::misuse("pull-file: no database was built; call build first")),
        })
    }
}

fn report<M>(salvage: &Salvage<'_>, mut each: impl FnMut(&Missing<'_>) -> Result<M>) -> Result<Salvaged<M>> {
    let mut tables = Vec::new();
    for name in salvage.tables() {
        let (mut rows, mut count) = (salvage.rows(name)?, 0);
        while let Some(row) = rows.next()? {
            count += if is_system_table(name) { row.system_rows(|rows| Ok(rows.len() as u64))? } else { 1 };
        }
        if count > 0 {
            tables.push((name.to_owned(), count));
        }
    }
    let is_damaged = |(_, damage): &(usize, Damage)| *damage != Damage::default();
    Ok(Salvaged {
        domain: salvage.domain().map(str::to_owned),
        settings: salvage.settings()?,
        schema: salvage.schema()?,
        selection: salvage.selection()?,
        tables,
        damaged: (1..).zip(salvage.damage()).filter(is_damaged).collect(),
        missing: salvage.missing().take(LISTED_MAX).map(|missing| each(&missing)).collect::<Result<_>>()?,
        missing_more: salvage.missing().skip(LISTED_MAX).count(),
    })
}

/// The rows that were not taken yet.
struct Reading {
    queue: Queue,
    /// The tables that are still to come. The next one is the last in the list.
    tables: Vec<String>,
    table: Option<Coming>,
}

/// The table whose rows come now.
struct Coming {
    name: String,
    rows: SalvagedRows<'static>,
    /// It had a row. If a later bundle removed the table, it has no rows, and the schema does not know it.
    has_begun: bool,
}

impl Opened {
    fn next(&mut self) -> Result<Option<Batch>> {
        if !self.long.is_empty() {
            return Err(Error::misuse("next: long values wait; call pull until it gives none"));
        }
        let Self { api, salvage, rows, long, .. } = self;
        let reading = match rows {
            Some(reading) => reading,
            rows => rows.insert(Reading::new(*api, salvage)?),
        };
        while !reading.queue.has_full() && reading.step(salvage)? {}
        Ok(reading.queue.take().map(|(batch, values)| {
            *long = values;
            batch
        }))
    }

    fn build(&mut self, layout: Layout) -> Result<SalvagedDatabase> {
        if self.pages.is_some() {
            return Err(Error::misuse(
                "build: the database was built before; call pull-file, or open another resource",
            ));
        }
        let options = RebuildOptions { input_bytes: self.salvage.length(), ..layout.options()? };
        let scratch = Scratch::open(self.api)?;
        let connection = scratch.connection();
        let (report, rebuild) = self.salvage.walk(Rebuild::new(connection, options)?, || Ok(()))?;
        let rebuilt = rebuild.finish()?;
        let foreign_keys = rebuilt.examine(connection, || {
            prove_salvaged(connection, &self.key, &report, &rebuilt.left_out)?;
            match foreign_key_check(connection, "main") {
                // A wrong declaration of a foreign key is legal until it is used.
                Err(error) if !is_of_machine(&error) => {
                    Ok(Findings { count: 1, first: vec![error.message().to_owned()] })
                }
                findings => findings,
            }
        })?;
        let (pages, built) = Pages::of(scratch, rebuilt)?;
        self.pages = Some(pages);
        Ok(SalvagedDatabase { built, foreign_keys })
    }
}

impl Reading {
    fn new(api: Api, salvage: &Salvage<'static>) -> Result<Self> {
        let mut queue = Queue::of_remains(api);
        if let (Some(settings), Some(schema)) = (salvage.settings()?, salvage.schema()?) {
            queue.settings(&settings)?;
            queue.schema(&schema)?;
        }
        let mut tables: Vec<String> = salvage.tables().map(str::to_owned).collect();
        tables.reverse();
        Ok(Self { queue, tables, table: None })
    }

    /// Puts the next row into the queue. False: there are no more rows.
    fn step(&mut self, salvage: &Salvage<'static>) -> Result<bool> {
        let Self { queue, tables, table } = self;
        let Some(coming) = table else {
            let Some(name) = tables.pop() else { return Ok(false) };
            let rows = salvage.rows(&name)?;
            *table = Some(Coming { name, rows, has_begun: false });
            return Ok(true);
        };
        let Some(row) = coming.rows.next()? else {
            *table = None;
            return Ok(true);
        };
        if is_system_table(&coming.name) {
            row.system_rows(|rows| queue.system_table(&coming.name, rows))?;
            return Ok(true);
        }
        if !std::mem::replace(&mut coming.has_begun, true) {
            queue.table(&coming.name)?;
        }
        row.row(|key, values| queue.row(key, values))?;
        Ok(true)
    }
}
