//! The closure over foreign keys, on random schemas, rows and selections, against an oracle: which row is the parent of
//! which is what SQLite's own `PRAGMA foreign_key_check` says where the parent's table has that one row alone.

mod common;
#[path = "../../tests/support/evidence.rs"]
mod evidence;

use common::borrow;
use common::selecting::*;
use lifeboat_core::state::Selection;
use lifeboat_sqlite::{Now, SelectionRequest, Snapshot};
use rusqlite::Connection;
use std::collections::{BTreeMap, BTreeSet};

/// SplitMix64: numbers below a bound.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }

    fn one<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }

    fn some<T: Clone>(&mut self, list: &[T], of: usize) -> Vec<T> {
        list.iter().filter(|_| self.below(of) == 0).cloned().collect()
    }
}

/// Names that the text of a closure has itself, or that need quotes.
const TABLES: [&str; 6] = ["closure", "c", "p", "we\"ird --", "x", "Te'xt;"];
const COLUMNS: [&str; 3] = ["k1", "t", "Co\"l"];
const TYPES: [&str; 7] = ["INT", "TEXT", "REAL", "NUMERIC", "BLOB", "", "VARCHAR(9)"];
const COLLATIONS: [&str; 3] = ["", " COLLATE NOCASE", " COLLATE RTRIM"];
const VALUES: [&str; 16] =
    ["NULL", "0", "1", "2", "'1'", "'A'", "'a'", "'a '", "1.0", "'2.0'", "x'61'", "'b'", "2.5", "'B'", "'0'", "3"];

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn list(names: &[String]) -> String {
    names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ")
}

struct Made {
    name: String,
    columns: Vec<String>,
    /// The declared columns of it, for the judge.
    declared: Vec<String>,
    /// Sets of columns that a foreign key may refer to; the first may be the primary key.
    keys: Vec<Vec<String>>,
    has_primary: bool,
    constraints: Vec<String>,
    without_rowid: bool,
    /// The first column is the rowid.
    is_alias: bool,
    foreign: Vec<(String, String)>,
}

impl Made {
    fn new(random: &mut Random, name: &str) -> Self {
        let mut columns: Vec<String> = COLUMNS.iter().map(|name| (*name).to_owned()).collect();
        let kind = random.below(8);
        let ordinal = ["rowid", "OID", "_rowid_"];
        match kind {
            6 => columns = ordinal.iter().map(|name| (*name).to_owned()).collect(),
            7 => columns[1] = "RowId".to_owned(),
            _ => {}
        }
        let declared: Vec<String> = columns
            .iter()
            .map(|column| format!("{} {}{}", quoted(column), random.one(&TYPES), random.one(&COLLATIONS)))
            .collect();
        let mut made = Self {
            name: name.to_owned(),
            declared,
            keys: Vec::new(),
            has_primary: false,
            constraints: Vec::new(),
            without_rowid: false,
            is_alias: false,
            foreign: Vec::new(),
            columns,
        };
        let of = |places: &[usize]| places.iter().map(|place| made.columns[*place].clone()).collect::<Vec<_>>();
        let (first, pair, last) = (of(&[0]), of(&[1, 2]), of(&[2]));
        let two = of(&[0, 1]);
        match kind {
            0 => {
                made.is_alias = true;
                made.declared[0] = format!("{} INTEGER", quoted(&made.columns[0]));
                (made.has_primary, made.keys) = (true, vec![first, pair]);
            }
            1 => (made.has_primary, made.keys) = (true, vec![first, last]),
            2 => (made.has_primary, made.without_rowid, made.keys) = (true, true, vec![two, last]),
            3 => (made.has_primary, made.without_rowid, made.keys) = (true, true, vec![first, pair]),
            // A primary key with a collation that is not that of its column: no foreign key may refer to it.
            4 => {
                made.without_rowid = true;
                made.declared[0] = format!("{} TEXT COLLATE NOCASE", quoted(&made.columns[0]));
                made.constraints.push(format!("PRIMARY KEY({} COLLATE BINARY DESC)", quoted(&made.columns[0])));
                made.keys = vec![pair, last];
            }
            _ => made.keys = vec![first, pair],
        }
        for (place, key) in made.keys.iter().enumerate() {
            let word = if made.has_primary && place == 0 { "PRIMARY KEY" } else { "UNIQUE" };
            made.constraints.push(format!("{word}({})", list(key)));
        }
        made
    }

    fn create(&self) -> String {
        let foreign = self.foreign.iter().map(|(_, sql)| sql.clone());
        let all: Vec<String> = std::iter::once("tag INTEGER".to_owned())
            .chain(self.declared.clone())
            .chain(self.constraints.clone())
            .chain(foreign)
            .collect();
        let end = if self.without_rowid { "WITHOUT ROWID" } else { "" };
        format!("CREATE TABLE {}({}) {end};", quoted(&self.name), all.join(", "))
    }

    /// A table with the same values and foreign keys, and rowids. No two of its rows are in conflict.
    fn create_judge(&self) -> String {
        let foreign = self.foreign.iter().map(|(_, sql)| sql.clone());
        let all: Vec<String> =
            std::iter::once("tag INTEGER PRIMARY KEY".to_owned()).chain(self.declared.clone()).chain(foreign).collect();
        let name = quoted(&self.judge());
        format!("CREATE TABLE {name}({}); INSERT INTO {name} SELECT * FROM {};", all.join(", "), quoted(&self.name))
    }

    fn judge(&self) -> String {
        format!("judge of {}", self.name)
    }
}

fn make(random: &mut Random) -> (Vec<Made>, Connection) {
    let count = 2 + random.below(4);
    let mut tables: Vec<Made> = TABLES.iter().take(count).map(|name| Made::new(random, name)).collect();
    for place in 0..count {
        for _ in 0..random.below(5) {
            let (parent, implicit) = (&tables[random.below(count)], random.below(3) == 0);
            let number = random.below(parent.keys.len());
            let mut key = parent.keys[number].clone();
            let to = if implicit && number == 0 && parent.has_primary {
                String::new()
            } else {
                if random.below(2) == 0 {
                    key.reverse();
                }
                format!("({})", list(&key).to_ascii_uppercase())
            };
            let from: Vec<String> = (0..key.len()).map(|_| random.one(&tables[place].columns).clone()).collect();
            let deferred = if random.below(4) == 0 { " DEFERRABLE INITIALLY DEFERRED" } else { "" };
            let sql = format!("FOREIGN KEY({}) REFERENCES {}{to}{deferred}", list(&from), quoted(&parent.name));
            let parent = parent.name.clone();
            tables[place].foreign.push((parent, sql));
        }
    }
    let source = source(&tables.iter().map(Made::create).collect::<String>());
    let mut tag = 0;
    for table in &tables {
        for _ in 0..3 + random.below(20) {
            tag += 1;
            let values: Vec<&str> = (0..table.columns.len())
                .map(|place| match (table.is_alias, place) {
                    (true, 0) => *random.one(&["0", "1", "2", "3", "-1"]),
                    _ => *random.one(&VALUES),
                })
                .collect();
            let sql = format!("INSERT OR IGNORE INTO {} VALUES({tag}, {})", quoted(&table.name), values.join(", "));
            source.execute_batch(&sql).expect("insert");
        }
    }
    (tables, source)
}

fn request(random: &mut Random, tables: &[Made]) -> SelectionRequest {
    let all: Vec<String> = tables.iter().map(|table| table.name.clone()).collect();
    let chosen = (random.below(3) > 0).then(|| random.some(&all, 2));
    let exclude = random.some(&all, 8);
    let is_kept = |name: &String| chosen.as_ref().is_none_or(|chosen| chosen.contains(name)) && !exclude.contains(name);
    let kept: Vec<String> = all.iter().filter(|name| is_kept(name)).cloned().collect();
    let cache = random.some(&kept, 8);
    let mut conditions = Vec::new();
    for table in tables.iter().filter(|table| kept.contains(&table.name) && !cache.contains(&table.name)) {
        let (column, other) = (quoted(random.one(&table.columns).as_str()), quoted(random.one(&all).as_str()));
        conditions.extend(
            match random.below(7) {
                0 => Some("tag % 3 = 1".to_owned()),
                1 => Some(format!("{column} = 'A' OR {column} > 2")),
                2 => Some("tag > :now".to_owned()),
                3 => Some(format!("tag - 3 IN (SELECT tag FROM {other})")),
                4 => Some(format!("{column} IS NULL")),
                5 => Some(format!("(SELECT max(tag) FROM {other}) % 2 = {}.tag % 2", quoted(&table.name))),
                _ => None,
            }
            .map(|condition| (table.name.clone(), condition)),
        );
    }
    let selection = Selection { tables: chosen, exclude, conditions, cache };
    SelectionRequest { selection, now: Some(Now::Integer(random.below(30) as i64)), closure: true }
}

fn tags(connection: &Connection, sql: &str, now: Option<i64>) -> BTreeSet<i64> {
    let mut statement = connection.prepare(sql).expect(sql);
    if let (Some(now), 1) = (now, statement.parameter_count()) {
        statement.raw_bind_parameter(1, now).expect("bind");
    }
    let (mut rows, mut found) = (statement.raw_query(), BTreeSet::new());
    while let Some(row) = rows.next().expect(sql) {
        found.insert(row.get(0).expect("a tag"));
    }
    found
}

/// The rows that `PRAGMA foreign_key_check` lists for a judge, by the number of the foreign key.
fn violations(connection: &Connection, table: &Made) -> BTreeSet<(usize, i64)> {
    let sql = format!("PRAGMA foreign_key_check({})", quoted(&table.judge()));
    let mut statement = connection.prepare(&sql).expect(&sql);
    let rows = statement.query_map([], |row| Ok((row.get(3)?, row.get(1)?))).expect(&sql);
    // SQLite numbers them from the last one.
    let last = table.foreign.len().wrapping_sub(1);
    rows.map(|row| row.map(|(number, tag): (u32, i64)| (last - number as usize, tag)).expect(&sql)).collect()
}

/// For each table and foreign key: the rows that refer to something, and to which rows.
type Parents = BTreeMap<(String, usize), BTreeMap<i64, BTreeSet<i64>>>;

fn parents(connection: &Connection, tables: &[Made]) -> Parents {
    connection.execute_batch(&tables.iter().map(Made::create_judge).collect::<String>()).expect("judges");
    let mut found = Parents::new();
    for parent in tables {
        let name = quoted(&parent.name);
        let all = tags(connection, &format!("SELECT tag FROM {name}"), None);
        for only in std::iter::once(None).chain(all.iter().copied().map(Some)) {
            let condition = only.map_or("1".to_owned(), |only| format!("tag <> {only}"));
            connection.execute_batch(&format!("SAVEPOINT one; DELETE FROM {name} WHERE {condition}")).expect("delete");
            for child in tables {
                let missing = violations(connection, child);
                for (number, _) in child.foreign.iter().enumerate().filter(|(_, (to, _))| *to == parent.name) {
                    let parents = found.entry((child.name.clone(), number)).or_default();
                    match only {
                        // Without any parent: the rows that refer to something.
                        None => {
                            let rows = missing.iter().filter(|(key, _)| *key == number);
                            parents.extend(rows.map(|(_, tag)| (*tag, BTreeSet::new())));
                        }
                        Some(only) => {
                            let found = parents.iter_mut().filter(|(tag, _)| !missing.contains(&(number, **tag)));
                            found.for_each(|(_, parents)| parents.extend([only]));
                        }
                    }
                }
            }
            connection.execute_batch("ROLLBACK TO one; RELEASE one").expect("rollback");
        }
    }
    found
}

/// The rows of each table that a selection keeps with its closure, and the number of references that dangle.
fn oracle(
    source: &Connection,
    tables: &[Made],
    request: &SelectionRequest,
    parents: &Parents,
) -> (BTreeMap<String, BTreeSet<i64>>, u64, bool) {
    let Selection { tables: chosen, exclude, conditions, cache } = &request.selection;
    let Some(Now::Integer(now)) = request.now else { unreachable!("the request has a number") };
    let (mut kept, mut may_grow) = (BTreeMap::new(), BTreeSet::new());
    for Made { name, .. } in tables {
        let is_chosen = chosen.as_ref().is_none_or(|chosen| chosen.contains(name));
        let condition = conditions.iter().find(|(table, _)| table == name).map(|(_, condition)| condition.as_str());
        if !exclude.contains(name) && !cache.contains(name) && (!is_chosen || condition.is_some()) {
            may_grow.insert(name.clone());
        }
        let has_rows = is_chosen && !exclude.contains(name) && !cache.contains(name);
        let condition = if has_rows { condition.unwrap_or("1") } else { "0" };
        let sql = format!("SELECT tag FROM {} WHERE ({condition})", quoted(name));
        kept.insert(name.clone(), tags(source, &sql, Some(now)));
    }
    let before = kept.clone();
    loop {
        let mut more = false;
        for ((child, number), rows) in parents {
            let parent = &tables.iter().find(|table| table.name == *child).expect("a child").foreign[*number].0;
            let wanted: BTreeSet<i64> = kept[child].iter().filter_map(|tag| rows.get(tag)).flatten().copied().collect();
            if may_grow.contains(parent) {
                let rows = kept.get_mut(parent).expect("a parent");
                more |= !wanted.is_subset(rows);
                rows.extend(wanted);
            }
        }
        if !more {
            break;
        }
    }
    let mut dangling = 0;
    for ((child, number), rows) in parents {
        let parent = &tables.iter().find(|table| table.name == *child).expect("a child").foreign[*number].0;
        let lost = kept[child].iter().filter(|tag| rows.get(tag).is_some_and(|to| to.is_disjoint(&kept[parent])));
        dangling += lost.count() as u64;
    }
    let grown = kept != before;
    (kept, dangling, grown)
}

fn one_case(seed: u64) -> bool {
    let mut random = Random(seed);
    let (tables, shop) = make(&mut random);
    let request = std::iter::repeat_with(|| request(&mut random, &tables));
    let request = { request }.find(|request| !request.selection.is_whole()).expect("a part");
    // The same again, for the oracle.
    let (_, judge) = make(&mut Random(seed));
    let (wanted, dangling, grown) = oracle(&shop, &tables, &request, &parents(&judge, &tables));
    let place = format!("seed {seed}: {:?}", request.selection);
    let restored = restore(&shop, &request);
    for (name, wanted) in &wanted {
        let is_there = objects(&restored).contains(name);
        let sql = format!("SELECT tag FROM {}", quoted(name));
        let found = if is_there { tags(&restored, &sql, None) } else { BTreeSet::new() };
        assert_eq!(found, *wanted, "table {name:?} of {place}");
    }
    let connection = borrow(&shop);
    let snapshot = Snapshot::open_selected(&connection, "main", Some(&request)).expect(&place);
    let listed: u64 = snapshot.dangling().expect(&place).iter().map(|key| key.rows).sum();
    assert_eq!(listed, dangling, "dangling of {place}");
    let mut check = restored.prepare("SELECT count(*) FROM pragma_foreign_key_check").expect("check");
    let violations = check.query_row([], |row| row.get::<_, i64>(0)).expect("count");
    assert_eq!(violations, dangling as i64, "{place}");
    // What is recorded is a selection like any other: it keeps the same rows without the closure.
    let selection = snapshot.selection().expect("a part").clone();
    let again = SelectionRequest { selection, now: request.now.clone(), closure: false };
    assert_eq!(record(&shop, &again).expect(&place), record(&shop, &request).expect(&place), "{place}");
    grown
}

#[test]
fn random_selections_keep_the_closure_and_nothing_more() {
    // More of them: CLOSURE_CASES=20000.
    let more = std::env::var("CLOSURE_CASES").map(|cases| cases.parse().expect("a number"));
    let cases = more.as_ref().map_or(400, |cases| *cases);
    let grown = (0..cases).filter(|seed| one_case(*seed)).count() as u64;
    assert!(grown * 4 > cases, "only {grown} of {cases} selections needed rows of parents");
    if more.is_err() {
        evidence::counted("selections closed over foreign keys", cases as usize);
    }
}
