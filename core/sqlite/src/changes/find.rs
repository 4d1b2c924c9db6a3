//! The rows that the pages since a mark touch.

use super::hashes::{Hashes, PageKey};
use super::moment::Moment;
use super::pages::{Pages, lock_page, read_all};
use super::tree::{INDEX_INTERIOR, INDEX_LEAF, Node, Range, TABLE_INTERIOR, TABLE_LEAF, leaves_below, range_of};
use super::{Doubt, LogEnd, Mark, log};
use crate::ffi::connection::Connection;
use crate::schema::table::{LIMIT_COLUMN, Table, TableKey};
use crate::snapshot::moment::Snapshot;
use lifeboat_core::state::{TextEncoding, is_system_table};
use lifeboat_core::stream::Touched;
use lifeboat_core::{Error, Result};
use std::collections::{BTreeMap, BTreeSet};

/// Above this many pages, an overflow page could begin with the byte of another kind of page: it begins with the
/// number of the next one.
const PAGES_MAX: u32 = 1 << 24;
/// Fewer frames than this are always looked at, however small the database is.
const FRAMES_MIN: u32 = 1_000;
/// Of a larger database, this part.
const FRAMES_PART: u32 = 8;
/// No more than these, since a look is not interrupted.
const FRAMES_MAX: u32 = 50_000;
/// The most searches from a root.
const SEARCHES_MAX: usize = 200_000;
/// In the header of the database: the bytes that SQLite leaves free at the end of each page, the first page of the list
/// of free pages, and the largest root page, which is there in the modes of auto-vacuum.
const RESERVED: usize = 20;
const FIRST_FREE: usize = 32;
const LARGEST_ROOT: usize = 52;
/// There too, with the bytes that each database has in these places. Of an encrypted one some can be plain, but never
/// all: SQLite's encryption works below what it reads, but above the file that is read here.
const FORMAT: &[u8] = b"SQLite format 3\0";
const PAYLOADS: (usize, [u8; 3]) = (21, [64, 32, 32]);
const EMPTY: std::ops::Range<usize> = 72..92;

/// The rows that can have changed.
#[derive(Clone, Debug)]
pub struct Found {
    /// The rows.
    pub touched: Touched,
    /// All pages were read, and compared by their hashes. Otherwise the log told which pages were written.
    pub by_hashes: bool,
    /// The bytes of the pages that have these rows, and the tables that are read as a whole; roughly, without overflow pages.
    pub bytes: u64,
    /// The bytes of all pages.
    pub all_bytes: u64,
}

impl Snapshot<'_> {
    /// The mark of this moment. `end`: where the log ended just before it. None: somebody committed meanwhile, or this
    /// snapshot is not of a whole main database, read in place.
    ///
    /// # Errors
    /// Those of SQLite.
    pub fn mark(&self, end: &LogEnd) -> Result<Option<Mark>> {
        let Some((connection, encoding)) = self.in_place() else { return Ok(None) };
        // The log ends here still, so this transaction, which began in between, sees exactly that.
        if LogEnd::read(connection).as_ref() != Some(end) {
            return Ok(None);
        }
        let Some(moment) = Moment::of(connection, end.0) else { return Ok(None) };
        let first = Pages::new(connection, moment).and_then(|mut pages| pages.read(1));
        let Ok(first) = first else { return Ok(None) };
        let form = (first[RESERVED], encoding);
        let (roots, whole) = roots(connection, encoding)?;
        Ok(Some(Mark { moment, form, schema: self.schema()?, roots, whole, hashes: None }))
    }

    /// The rows that can differ between the two moments. This snapshot must be that of `now`, which gets the hashes of its
    /// pages if `then` has hashes. All pages are read only where the log does not lead from one moment to the other;
    /// `go_on` is asked meanwhile. The error: it cannot be known, so all rows have to be read.
    pub fn touched_since(
        &self,
        then: &Mark,
        now: &mut Mark,
        go_on: &dyn Fn() -> bool,
    ) -> std::result::Result<Found, Doubt> {
        let (connection, _) = self.in_place().ok_or(IS_COPY)?;
        if (&then.schema, &then.roots) != (&now.schema, &now.roots) {
            return Err(Doubt("the schema was changed"));
        }
        if then.form != now.form {
            return Err(Doubt("the same bytes mean other rows"));
        }
        let mut pages = Pages::new(connection, now.moment)?;
        let look = Look::new(&now.roots, &mut pages)?;
        let changed = match (written_since(connection, then, now), &then.hashes) {
            (Err(_), Some(hashes)) => changed_since(connection, hashes, &now.moment, go_on)?,
            (written, _) => written?,
        };
        let found = if changed.pages.len() > worthwhile(now.moment.pages) as usize {
            Err(Doubt("much was written"))
        } else {
            look.run(&changed.pages, &now.whole, &mut pages)
        };
        // All of it was read from one log, which nobody began anew meanwhile.
        pages.finish()?;
        now.hashes = changed.hashes;
        let all_bytes = u64::from(now.moment.pages) * now.moment.page_size as u64;
        found.map(|(touched, bytes)| Found { touched, by_hashes: changed.by_hashes, bytes, all_bytes })
    }

    /// Reads all pages, so that `now`, the mark of this snapshot, has their hashes. They are not taken of a database that
    /// has too many, or whose pages are encrypted, so that their hashes would tell nothing.
    ///
    /// # Errors
    /// Doubt: the pages could not be read. The mark is as good as before.
    pub fn hash_pages(
        &self,
        now: &mut Mark,
        key: &PageKey,
        go_on: &dyn Fn() -> bool,
    ) -> std::result::Result<(), Doubt> {
        let (connection, _) = self.in_place().ok_or(IS_COPY)?;
        now.moment.check_log(connection, now.moment.index(connection)?)?;
        let mut pages = Pages::new(connection, now.moment)?;
        // Where a look is not possible, hashes are of no use.
        Look::new(&now.roots, &mut pages)?;
        now.hashes = Some(hashes(connection, &now.moment, key, go_on)?);
        Ok(())
    }
}

const IS_COPY: Doubt = Doubt("the database is read from a copy");

/// The pages that can differ between two moments.
struct Changed {
    pages: BTreeSet<u32>,
    /// Those of the later moment.
    hashes: Option<Hashes>,
    by_hashes: bool,
}

/// The most pages of so many for which a look is worth its time.
fn worthwhile(pages: u32) -> u32 {
    FRAMES_MIN.max(pages / FRAMES_PART).min(FRAMES_MAX)
}

/// The pages that the log got since.
fn written_since(connection: &Connection<'_>, then: &Mark, now: &Mark) -> Looked<Changed> {
    let (Some(earlier), Some(later)) = (&then.moment.end, &now.moment.end) else {
        return Err(Doubt("no write-ahead log leads from one moment to the other"));
    };
    let count = now.moment.pages;
    let mut hashes = then.hashes.clone().filter(|hashes| hashes.fits(&now.moment));
    if let Some(hashes) = &mut hashes {
        hashes.resize(count);
    }
    let mut pages = log::pages_between(connection, earlier, later, worthwhile(count), |number, page| {
        if let Some(hashes) = &mut hashes {
            hashes.set(number, page);
        }
    })?;
    // Pages behind the end are gone.
    pages.retain(|page| *page <= count);
    Ok(Changed { pages, hashes, by_hashes: false })
}

/// The pages whose hashes are others.
fn changed_since(
    connection: &Connection<'_>,
    earlier: &Hashes,
    now: &Moment,
    go_on: &dyn Fn() -> bool,
) -> Looked<Changed> {
    const INCOMPARABLE: Doubt = Doubt("the pages have another size");
    if !earlier.fits(now) {
        return Err(INCOMPARABLE);
    }
    let later = hashes(connection, now, earlier.key(), go_on)?;
    let pages = earlier.differing(&later).ok_or(INCOMPARABLE)?;
    Ok(Changed { pages, hashes: Some(later), by_hashes: true })
}

/// The hashes of all pages of the moment.
fn hashes(connection: &Connection<'_>, moment: &Moment, key: &PageKey, go_on: &dyn Fn() -> bool) -> Looked<Hashes> {
    let hashes = Hashes::new(key.clone(), moment.page_size, moment.pages);
    let mut hashes = hashes.ok_or(Doubt("the database has too many pages"))?;
    read_all(connection, moment, go_on, |number, page| hashes.set(number, page))?;
    Ok(hashes)
}

/// The root pages of the tables whose rows are read by rowid, and those of the tables that are read as a whole.
fn roots(connection: &Connection<'_>, encoding: TextEncoding) -> Result<(BTreeMap<String, u32>, Vec<u32>)> {
    let mut roots = BTreeMap::new();
    let sql = "SELECT name, rootpage FROM main.sqlite_master WHERE type = 'table' AND rootpage > 1";
    let mut statement = connection.prepare(sql)?;
    while statement.step()? {
        let name = statement.decoded(0, encoding)?;
        let root = u32::try_from(statement.integer(1));
        let root = root.map_err(|_| Error::corrupt(format!("table {name:?}: a root page that cannot be")))?;
        if !is_system_table(&name) {
            roots.insert(name, root);
        }
    }
    let columns_max = usize::try_from(connection.limit(LIMIT_COLUMN, -1)).unwrap_or(0);
    let (mut kept, mut whole) = (BTreeMap::new(), Vec::new());
    for (name, root) in roots {
        let table = Table::read(connection, "main", &name)?;
        let has_rowid = matches!(table.key, TableKey::Alias(_) | TableKey::Rowid(_));
        // The rows of a table this wide, and their rowids, are read by two statements.
        if has_rowid && table.value_columns().len() < columns_max {
            kept.insert(name, root);
        } else {
            whole.push(root);
        }
    }
    Ok((kept, whole))
}

/// What one look is about.
struct Look<'a> {
    roots: &'a BTreeMap<String, u32>,
    page_size: usize,
    reserved: usize,
    is_vacuumed: bool,
}

/// What was found of the changed pages.
struct Searched {
    /// Those of each table, in the order of the roots.
    ranges: Vec<Vec<Range>>,
    /// The pages that these are of.
    found: Vec<u32>,
    /// The pages that belong to no row that was found.
    unknown: BTreeSet<u32>,
}

type Looked<T> = std::result::Result<T, Doubt>;

impl<'a> Look<'a> {
    fn new(roots: &'a BTreeMap<String, u32>, pages: &mut Pages<'_>) -> Looked<Self> {
        if pages.count() >= PAGES_MAX {
            return Err(Doubt("the database has too many pages"));
        }
        let first = pages.read(1)?;
        let (page_size, reserved) = (first.len(), usize::from(first[RESERVED]));
        if !is_plain(&first) || page_size - reserved < 480 {
            return Err(Doubt("the pages have another form"));
        }
        if roots.values().collect::<BTreeSet<_>>().len() < roots.len() {
            return Err(Doubt("two tables have one root page"));
        }
        let is_vacuumed = first[LARGEST_ROOT..LARGEST_ROOT + 4] != [0; 4];
        Ok(Self { roots, page_size, reserved, is_vacuumed })
    }

    /// The rows that these pages have a part in, and the bytes that are read with them.
    fn run(&self, changed: &BTreeSet<u32>, whole: &[u32], pages: &mut Pages<'_>) -> Looked<(Touched, u64)> {
        let Searched { ranges, found, unknown } = self.search(changed, pages)?;
        if !unknown.is_empty() {
            check_free(unknown, pages)?;
        }
        let mut touched = Touched::default();
        for (table, ranges) in self.roots.keys().zip(ranges) {
            touched.set(table, ranges);
        }
        let mut leaves = 0_u64;
        for page in found.iter().chain(whole) {
            leaves = leaves.saturating_add(leaves_below(pages, *page)?);
        }
        Ok((touched, leaves.saturating_mul(self.page_size as u64)))
    }

    /// Looks for the table that has each page. Page 1 holds only the header and a part of the schema, which is compared as a
    /// whole.
    fn search(&self, changed: &BTreeSet<u32>, pages: &mut Pages<'_>) -> Looked<Searched> {
        let roots: Vec<u32> = self.roots.values().copied().collect();
        let mut ranges: Vec<Vec<Range>> = vec![Vec::new(); roots.len()];
        // Pages that only an overflow chain or the list of free pages can have.
        let mut unknown = BTreeSet::new();
        let mut found = Vec::new();
        let (mut searches, mut last) = (0_usize, 0);
        for &number in changed {
            if number == 1 || self.is_apart(number) {
                continue;
            }
            if let Some(table) = roots.iter().position(|root| *root == number) {
                ranges[table].push(i64::MIN..=i64::MAX);
                found.push(number);
                continue;
            }
            let node = Node::of(pages.read(number)?);
            match node.kind() {
                // Indexes, and tables without rowids, which are read as a whole.
                INDEX_INTERIOR | INDEX_LEAF => continue,
                TABLE_INTERIOR | TABLE_LEAF if node.cell_count() > 0 => {}
                _ => {
                    unknown.insert(number);
                    continue;
                }
            }
            let rowid = node.first_rowid()?;
            // Pages that were written together are mostly of one table.
            for table in (0..roots.len()).map(|next| (last + next) % roots.len()) {
                searches += 1;
                if searches > SEARCHES_MAX {
                    return Err(Doubt("too many pages and tables"));
                }
                if let Some(range) = range_of(pages, roots[table], number, rowid)? {
                    ranges[table].push(range);
                    found.push(number);
                    last = table;
                    break;
                }
            }
            // A page that no table has was freed, or is one of the schema or of a table that is read as a whole.
        }
        if !unknown.is_empty() {
            self.take_overflows(&found, &mut unknown, pages)?;
        }
        Ok(Searched { ranges, found, unknown })
    }

    /// Takes away the pages on which these leaves go on: their rows are read anyway.
    fn take_overflows(&self, leaves: &[u32], others: &mut BTreeSet<u32>, pages: &mut Pages<'_>) -> Looked<()> {
        let usable = self.page_size - self.reserved;
        for leaf in leaves {
            let node = Node::of(pages.read(*leaf)?);
            if node.kind() != TABLE_LEAF {
                continue;
            }
            for mut next in node.overflows(usable)? {
                while next != 0 && !others.is_empty() {
                    others.remove(&next);
                    let page = pages.read(next)?;
                    next = u32::from_be_bytes([page[0], page[1], page[2], page[3]]);
                }
            }
        }
        Ok(())
    }

    /// The page of the lock byte, and the pages with pointers back, which say nothing of rows.
    fn is_apart(&self, number: u32) -> bool {
        let size = self.page_size;
        let lock = lock_page(size);
        if number == lock {
            return true;
        }
        if !self.is_vacuumed || number < 2 {
            return false;
        }
        let entries = u32::try_from((size - self.reserved) / 5).unwrap_or(u32::MAX) + 1;
        let mut pointers = (number - 2) / entries * entries + 2;
        if pointers == lock {
            pointers += 1;
        }
        pointers == number
    }
}

/// Whether the first page is one as SQLite reads it. If pages are encrypted, any of them can look like any other.
fn is_plain(first: &[u8]) -> bool {
    let (payloads, values) = PAYLOADS;
    first.starts_with(FORMAT) && first[payloads..].starts_with(&values) && first[EMPTY].iter().all(|byte| *byte == 0)
}

/// Checks that these pages are all in the list of free pages.
fn check_free(mut unknown: BTreeSet<u32>, pages: &mut Pages<'_>) -> Looked<()> {
    let word = |page: &[u8], at: usize| u32::from_be_bytes([page[at], page[at + 1], page[at + 2], page[at + 3]]);
    const TORN: Doubt = Doubt("the list of free pages is not as SQLite writes it");
    let mut trunk = word(&pages.read(1)?, FIRST_FREE);
    let mut left = pages.count() as usize;
    while trunk != 0 && !unknown.is_empty() {
        let page = pages.read(trunk)?;
        unknown.remove(&trunk);
        let leaves = word(&page, 4) as usize;
        // No list has more pages than the database, but one that goes in a circle.
        left = left.checked_sub(1 + leaves).ok_or(TORN)?;
        if leaves > page.len() / 4 - 2 {
            return Err(TORN);
        }
        for leaf in 0..leaves {
            unknown.remove(&word(&page, 8 + 4 * leaf));
        }
        trunk = word(&page, 0);
    }
    if unknown.is_empty() { Ok(()) } else { Err(Doubt("a page was written whose row is not known")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encrypted_pages_are_not_taken_for_plain_ones() {
        let mut plain = vec![0; 512];
        plain[..16].copy_from_slice(FORMAT);
        plain[21..24].copy_from_slice(&[64, 32, 32]);
        plain[92..].fill(7);
        assert!(is_plain(&plain));
        // A salt stands in place of the first bytes, or all is encrypted but the first 32 bytes.
        for encrypted in [0..512, 0..16, 16..512, 32..512] {
            let mut page = plain.clone();
            page[encrypted.clone()].iter_mut().for_each(|byte| *byte ^= 0xa5);
            assert!(!is_plain(&page), "{encrypted:?}");
        }
    }
}
