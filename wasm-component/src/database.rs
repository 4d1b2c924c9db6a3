//! Recovers the database file. SQLite builds it in memory, and it is handed out page by page, without a second copy.

use crate::incoming::Incoming;
use crate::scratch::Scratch;
use crate::work::{PIECE_MAX, Work, expected};
use lifeboat_core::state::{TextEncoding, Value};
use lifeboat_core::{AccessKey, Error, Report, Result, StateId};
use lifeboat_sqlite::{Api, Rebuild, RebuildOptions, Rebuilt, prove};

/// The result of [`Database::finish`].
#[derive(Clone, Debug)]
pub struct Recovered {
    /// What is in it.
    pub report: Report,
    /// The file.
    pub built: Built,
}

/// A database file that was built.
#[derive(Clone, Debug)]
pub struct Built {
    /// Size of the file in bytes.
    pub size: u64,
    /// What this SQLite had to compute, because it is not a part of a state.
    pub rebuilt: Rebuilt,
    /// Its version.
    pub sqlite_version: String,
}

/// How the file is laid out.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// `PRAGMA page_size`: a power of two from 512 to 65536.
    pub page_size: u32,
    /// Leave out the indexes that this SQLite cannot build.
    pub skip_indexes: bool,
}

impl Layout {
    /// The options of a rebuild that has this layout.
    ///
    /// # Errors
    /// Misuse when SQLite has no pages of this size.
    pub(crate) fn options(self) -> Result<RebuildOptions> {
        let Self { page_size, skip_indexes } = self;
        if !(512..=65536).contains(&page_size) || !page_size.is_power_of_two() {
            return Err(Error::misuse(format!("page size {page_size}: give a power of two from 512 to 65536")));
        }
        Ok(RebuildOptions { page_size, skip_indexes, ..RebuildOptions::default() })
    }
}

impl Default for Layout {
    /// Pages of 4096 bytes, all indexes.
    fn default() -> Self {
        Self { page_size: 4096, skip_indexes: false }
    }
}

/// Recovers a database file.
pub struct Database {
    work: Work<Building, Pages>,
}

struct Building {
    // This field comes before the scratch that it works on, so that it is dropped first.
    incoming: Incoming<Rebuild<'static>>,
    scratch: Scratch,
    key: AccessKey,
    expect: Option<StateId>,
}

/// The pages of a finished database, beginning with `next` (the first page is 1).
pub(crate) struct Pages {
    scratch: Scratch,
    size: usize,
    count: i64,
    next: i64,
}

impl Database {
    /// Begins. If `expect` is given, the state must be this one.
    ///
    /// # Errors
    /// Misuse when `key` is not the text of a key that opens bundles, when `expect` is not a state id, or when SQLite
    /// has no pages of this size. Too big when there is not enough memory.
    pub fn open(api: Api, key: &str, expect: Option<&str>, layout: Layout) -> Result<Self> {
        let key = AccessKey::from_text(key)?;
        let expect = expect.map(str::parse).transpose()?;
        let options = layout.options()?;
        let scratch = Scratch::open(api)?;
        let rebuild = Rebuild::new(scratch.connection(), options)?;
        let incoming = Incoming::new(&key, rebuild);
        Ok(Self { work: Work::Taking(Building { incoming, scratch, key, expect }) })
    }

    /// Begins the next delta. Deltas come oldest first, and all of them before the first [`Database::push`].
    ///
    /// # Errors
    /// Truncated when the delta before it is not complete; too big; misuse when it is called out of order.
    pub fn begin_delta(&mut self) -> Result<()> {
        self.work.taking("begin-delta", |building| building.incoming.begin_delta())
    }

    /// Takes the next piece of the delta that has begun. All deltas come before the first [`Database::push`].
    ///
    /// # Errors
    /// Those of [`DeltaIntake::push`](lifeboat_core::chain::DeltaIntake::push), and misuse out of order.
    pub fn push_delta(&mut self, piece: &[u8]) -> Result<()> {
        self.work.push_delta(piece, |building, piece| {
            building.incoming.sink().into_iter().for_each(|rebuild| rebuild.add_input(piece.len() as u64));
            building.incoming.push_delta(piece)
        })
    }

    /// Takes the next piece of the full bundle.
    ///
    /// # Errors
    /// Those of [`Deltas::open`](lifeboat_core::chain::Deltas::open), of [`Restore::push`](lifeboat_core::stream::Restore::push) and of SQLite, and misuse out of order.
    pub fn push(&mut self, piece: &[u8]) -> Result<()> {
        self.work.push(piece, |building, piece| {
            building.incoming.sink().into_iter().for_each(|rebuild| rebuild.add_input(piece.len() as u64));
            building.incoming.push(piece)
        })
    }

    /// Call this when the full bundle is complete. It builds what is left to build and proves the result.
    ///
    /// # Errors
    /// Those of [`Restore::finish`](lifeboat_core::stream::Restore::finish) and of SQLite; mismatch for another state than the expected one; corrupt when what
    /// SQLite gives back is not the state of the bundle; misuse out of order.
    pub fn finish(&mut self) -> Result<Recovered> {
        self.work.finish(|Building { incoming, scratch, key, expect }| {
            let (report, rebuild) = incoming.finish()?;
            expected(report.public.state_id, expect)?;
            let rebuilt = rebuild.finish()?;
            rebuilt.examine(scratch.connection(), || prove(scratch.connection(), &key, &report, &rebuilt.left_out))?;
            let (pages, built) = Pages::of(scratch, rebuilt)?;
            Ok((pages, Recovered { report, built }))
        })
    }

    /// The next piece of the file. None: the file has ended.
    ///
    /// # Errors
    /// Misuse before [`Database::finish`]; those of SQLite.
    pub fn pull(&mut self) -> Result<Option<Vec<u8>>> {
        self.work.done("pull", Pages::pull)
    }
}

impl Pages {
    /// All pages of the database that was built in `scratch`.
    ///
    /// # Errors
    /// Those of SQLite.
    pub fn of(scratch: Scratch, rebuilt: Rebuilt) -> Result<(Self, Built)> {
        let connection = scratch.connection();
        let count = connection.query_i64("PRAGMA page_count")?;
        let page_size = connection.query_i64("PRAGMA page_size")?;
        let sqlite_version = connection.query_text("SELECT sqlite_version()")?;
        let size = usize::try_from(page_size).unwrap_or(PIECE_MAX);
        let bytes = size as u64 * u64::try_from(count).unwrap_or(0);
        Ok((Self { scratch, size, count, next: 1 }, Built { size: bytes, rebuilt, sqlite_version }))
    }

    /// The next piece of the file. None: the file has ended.
    ///
    /// # Errors
    /// Those of SQLite; too big when there is not enough memory.
    pub fn pull(&mut self) -> Result<Option<Vec<u8>>> {
        if self.next > self.count {
            return Ok(None);
        }
        let mut piece = Vec::new();
        piece.try_reserve_exact(PIECE_MAX).map_err(|_| Error::too_big("pull: no memory for a piece of 1 MiB"))?;
        let last = self.count.min(self.next + (PIECE_MAX / self.size) as i64 - 1);
        let mut pages = self.scratch.connection().prepare(&format!(
            "WITH RECURSIVE wanted(n) AS (VALUES({}) UNION ALL SELECT n + 1 FROM wanted WHERE n < {last})
             SELECT pgno, data FROM wanted CROSS JOIN sqlite_dbpage WHERE pgno = n",
            self.next
        ))?;
        while pages.step()? {
            match pages.value(1, TextEncoding::Utf8) {
                Value::Blob(data) if pages.integer(0) == self.next && data.len() == self.size => {
                    piece.extend_from_slice(data);
                }
                _ => return Err(Error::host(format!("pull: SQLite did not give page {}", self.next))),
            }
            self.next += 1;
        }
        if self.next != last + 1 {
            return Err(Error::host(format!("pull: SQLite did not give page {}", self.next)));
        }
        Ok(Some(piece))
    }
}
