//! The cases: schemas, and rows of their table `t`.

use lifeboat_core::state::SchemaKind::{self, Index, Table, Trigger, View};

/// A value of all rows of a group.
#[derive(Clone, Copy, Debug)]
pub enum Cell {
    Null,
    Integer(i64),
    Real(f64),
    /// So many bytes of one letter.
    Text(u8, usize),
    /// So many zeros.
    Blob(usize),
    /// A JSON array of so many numbers, and one object within another, so deep.
    List(usize),
    Nest(usize),
}

/// Rows that are alike.
#[derive(Clone, Debug)]
pub struct Rows {
    pub count: usize,
    pub cells: Vec<Cell>,
}

impl Rows {
    pub fn bytes(&self) -> usize {
        self.cells.iter().map(|cell| cell.bytes()).sum()
    }

    pub fn largest(&self) -> usize {
        self.bytes()
    }
}

impl Cell {
    pub fn bytes(self) -> usize {
        match self {
            Self::Null | Self::Integer(_) | Self::Real(_) => 8,
            Self::Text(_, length) | Self::Blob(length) => length,
            Self::List(count) => 2 * count,
            Self::Nest(depth) => 6 * depth,
        }
    }
}

/// A schema whose table `t` has these rows.
#[derive(Clone, Debug)]
pub struct Case {
    pub name: String,
    pub schema: Vec<(SchemaKind, String, String, String)>,
    pub rows: Vec<Rows>,
    /// One that was found: never left out.
    pub is_known: bool,
}

impl Case {
    fn new(name: impl Into<String>, table: &str) -> Self {
        let name = name.into().replace(['/', ' ', '>'], "_");
        Self { name, schema: Vec::new(), rows: Vec::new(), is_known: false }.with(Table, "t", "t", table)
    }

    fn with(mut self, kind: SchemaKind, name: &str, table: &str, sql: &str) -> Self {
        self.schema.push((kind, name.to_owned(), table.to_owned(), sql.to_owned()));
        self
    }

    fn index(self, name: &str, rest: &str) -> Self {
        self.with(Index, name, "t", &format!("CREATE INDEX {name} ON t({rest}"))
    }

    fn rows(mut self, count: usize, cells: &[Cell]) -> Self {
        self.rows.push(Rows { count, cells: cells.to_vec() });
        self
    }

    fn known(mut self) -> Self {
        self.is_known = true;
        self
    }

    /// The beginning of what it is made of, for messages.
    pub fn about(&self) -> String {
        let texts: Vec<_> = self.schema.iter().take(3).map(|row| row.3.chars().take(160).collect::<String>()).collect();
        format!("{} objects: {texts:?}, rows {:?}", self.schema.len(), self.rows)
    }
}

const A: u8 = b'a';
const PLAIN: &str = "CREATE TABLE t(a, b)";

/// All cases: those that were found, those of each function, those of each kind of object, and so many random ones.
pub fn all(random: usize) -> Vec<Case> {
    let mut all = found();
    all.extend(functions());
    all.extend(objects());
    all.extend(rows());
    let mut numbers = Numbers(0x1f0a_7b0a);
    all.extend((0..random).map(|number| mixture(number, &mut numbers)));
    all
}

/// What was found by others, or by earlier rounds.
fn found() -> Vec<Case> {
    let long = [Cell::Text(A, 200_000), Cell::Text(A, 200_000)];
    let unique = |tables: usize, columns: usize| {
        let mut case = Case::new(format!("unique-{tables}-{columns}"), "CREATE TABLE t(a)");
        for table in 0..tables {
            let name = format!("u{table}");
            let columns: Vec<_> = (0..columns).map(|column| format!("c{column} UNIQUE")).collect();
            case = case.with(Table, &name, &name, &format!("CREATE TABLE {name}({})", columns.join(",")));
        }
        case
    };
    let doubled = |columns: usize| {
        let more: String = (1..columns).map(|n| format!(", c{n} AS (c{m} || c{m})", m = n - 1)).collect();
        Case::new(format!("doubled-{columns}"), &format!("CREATE TABLE t(a, c0 AS (a || a){more})"))
            .index("i", &format!("c{})", columns - 1))
            .rows(1000, &[Cell::Text(A, 10)])
    };
    let listed = |count: usize| {
        let list: Vec<_> = (0..count).map(|n| format!("b+{n}")).collect();
        Case::new(format!("listed-{count}"), PLAIN).index("i", &format!("a IN ({}))", list.join(",")))
    };
    let mut zeros = Case::new("zeros", "CREATE TABLE t(a)");
    for index in 0..10 {
        zeros = zeros.index(&format!("i{index}"), "a || zeroblob(65000))");
    }
    let found = [
        Case::new("trim", PLAIN)
            .index("i", "a) WHERE ltrim(replace(a,'b','a'), substr(a,1,length(a)/4)||'a')='z'")
            .rows(1, &[Cell::Text(A, 1 << 20), Cell::Null]),
        Case::new("instr", PLAIN).index("i", "instr(a||'x', b||'y'))").rows(1, &long),
        Case::new("stored", "CREATE TABLE t(a, b, c AS (rtrim(a, b||'x')) STORED)").rows(1, &long),
        unique(60, 600),
        unique(6, 600),
        zeros.rows(300, &[Cell::Integer(1)]),
        doubled(300),
        doubled(12),
        listed(30_000),
        listed(3_000),
    ];
    found.into_iter().map(Case::known).collect()
}

/// The functions that an expression which is evaluated may call, with how many arguments.
const FUNCTIONS: &[(&str, &[usize])] = &[
    ("abs", &[1]),
    ("char", &[1, 3]),
    ("coalesce", &[2]),
    ("concat", &[3]),
    ("concat_ws", &[3]),
    ("date", &[1, 2]),
    ("datetime", &[1, 3]),
    ("format", &[2, 3]),
    ("glob", &[2]),
    ("hex", &[1]),
    ("ifnull", &[2]),
    ("iif", &[3]),
    ("instr", &[2]),
    ("json", &[1]),
    ("json_array", &[1, 3]),
    ("json_array_insert", &[3]),
    ("json_array_length", &[1, 2]),
    ("json_error_position", &[1]),
    ("json_extract", &[2, 3]),
    ("json_insert", &[3]),
    ("json_object", &[2]),
    ("json_patch", &[2]),
    ("json_pretty", &[1, 2]),
    ("json_quote", &[1]),
    ("json_remove", &[2, 3]),
    ("json_replace", &[3]),
    ("json_set", &[3]),
    ("json_type", &[1, 2]),
    ("json_valid", &[1, 2]),
    ("jsonb", &[1]),
    ("jsonb_array", &[3]),
    ("jsonb_extract", &[2]),
    ("jsonb_insert", &[3]),
    ("jsonb_object", &[2]),
    ("jsonb_patch", &[2]),
    ("jsonb_remove", &[2]),
    ("jsonb_replace", &[3]),
    ("jsonb_set", &[3]),
    ("julianday", &[1, 2]),
    ("length", &[1]),
    ("like", &[2, 3]),
    ("likelihood", &[2]),
    ("likely", &[1]),
    ("ln", &[1]),
    ("lower", &[1]),
    ("ltrim", &[1, 2]),
    ("max", &[2, 3]),
    ("min", &[2, 3]),
    ("mod", &[2]),
    ("nullif", &[2]),
    ("octet_length", &[1]),
    ("pow", &[2]),
    ("printf", &[2, 3]),
    ("quote", &[1]),
    ("replace", &[3]),
    ("round", &[1, 2]),
    ("rtrim", &[1, 2]),
    ("sign", &[1]),
    ("soundex", &[1]),
    ("sqrt", &[1]),
    ("strftime", &[2, 3]),
    ("substr", &[2, 3]),
    ("time", &[1, 2]),
    ("timediff", &[2]),
    ("trim", &[1, 2]),
    ("trunc", &[1]),
    ("typeof", &[1]),
    ("unhex", &[1, 2]),
    ("unicode", &[1]),
    ("unistr", &[1]),
    ("unistr_quote", &[1]),
    ("unixepoch", &[1, 2]),
    ("upper", &[1]),
    ("zeroblob", &[1]),
];

/// What a function may be given.
const ARGUMENTS: [&str; 9] =
    ["a", "b", "a || 'x'", "substr(b, 1, 4000) || '%b'", "60000", "'%60000d'", "'$[0][0][0]'", "'{}' || a", "c"];

/// Each function, in a place where it is evaluated, on a few large rows and on many small ones.
fn functions() -> Vec<Case> {
    let mut all = Vec::new();
    let mut turn = 0;
    for (function, counts) in FUNCTIONS {
        for count in *counts {
            // Each argument in the first place, and others behind it in turn.
            for first in 0..ARGUMENTS.len() {
                turn += 1;
                let argument = |place: usize| ARGUMENTS[(first + place * (1 + turn % 3)) % ARGUMENTS.len()];
                let arguments: Vec<_> = (0..*count).map(argument).collect();
                let call = format!("{function}({})", arguments.join(", "));
                let name = format!("f-{function}-{count}-{first}");
                all.push(placed(&name, &call, turn));
            }
        }
    }
    all
}

/// An expression in one of the places where it is evaluated.
fn placed(name: &str, expression: &str, turn: usize) -> Case {
    let many = vec![expression; 30].join(" || ");
    let table = "CREATE TABLE t(a, b, c)";
    let case = match turn % 6 {
        0 => Case::new(name, table).index("i", &format!("{expression})")),
        1 => Case::new(name, table).index("i", &format!("a) WHERE {expression} = 'z'")),
        2 => Case::new(name, &format!("CREATE TABLE t(a, b, c, d AS ({expression}) STORED)")),
        3 => Case::new(name, &format!("CREATE TABLE t(a, b, c, d AS ({expression}) UNIQUE)")),
        4 => Case::new(name, table).index("i", &format!("{many})")),
        _ => Case::new(name, &format!("CREATE TABLE t(a, b, c, d AS ({many}))")).index("i", "d, d || d)"),
    };
    match turn % 5 {
        0 => case.rows(1, &[Cell::Text(A, 1 << 20), Cell::Text(A, 1 << 20), Cell::List(100_000)]),
        1 => case.rows(20, &[Cell::Text(A, 50_000), Cell::Text(b'%', 50_000), Cell::Nest(900)]),
        2 => case.rows(1, &[Cell::Blob(4 << 20), Cell::Text(b'"', 1 << 20), Cell::Real(1e300)]),
        3 => case.rows(30_000, &[Cell::Integer(7), Cell::Text(A, 20), Cell::Null]),
        _ => case.rows(300, &[Cell::Text(b'1', 4000), Cell::Text(b'\\', 4000), Cell::List(2000)]),
    }
}

/// Each kind of object, many times, and in long texts.
fn objects() -> Vec<Case> {
    let mut all = Vec::new();
    let list = |count: usize, item: &dyn Fn(usize) -> String| (0..count).map(item).collect::<Vec<_>>().join(", ");
    for count in [500, 3_000, 12_000, 30_000] {
        let many = |kind: SchemaKind, what: &str, sql: &dyn Fn(&str) -> String| {
            let mut case = Case::new(format!("{what}-{count}"), PLAIN);
            for number in 0..count {
                let name = format!("x{number}");
                let table = if matches!(kind, Index | Trigger) { "t" } else { &name };
                case = case.with(kind, &name, table, &sql(&name));
            }
            case.rows(3, &[Cell::Integer(1), Cell::Null])
        };
        all.push(many(Table, "tables", &|name| format!("CREATE TABLE {name}(a)")));
        all.push(many(Table, "keyed", &|name| format!("CREATE TABLE {name}(a PRIMARY KEY, b UNIQUE) WITHOUT ROWID")));
        all.push(many(Table, "modules", &|name| format!("CREATE VIRTUAL TABLE {name} USING fts5(a)")));
        all.push(many(Index, "indexes", &|name| format!("CREATE INDEX {name} ON t(a)")));
        all.push(many(Index, "computed", &|name| format!("CREATE INDEX {name} ON t(a + 1) WHERE b")));
        all.push(many(View, "views", &|name| format!("CREATE VIEW {name} AS SELECT * FROM t")));
        all.push(many(Trigger, "triggers", &|name| {
            format!("CREATE TRIGGER {name} AFTER INSERT ON t BEGIN DELETE FROM t; END")
        }));
    }
    for count in [1_000, 10_000, 60_000] {
        let text = |what: &str, sql: String| Case::new(format!("{what}-{count}"), &sql).rows(3, &[Cell::Integer(1)]);
        all.push(text("checks", format!("CREATE TABLE t(a{})", ", CHECK (a > 0)".repeat(count))));
        all.push(text("parents", format!("CREATE TABLE t(a{})", ", FOREIGN KEY (a) REFERENCES p(k)".repeat(count))));
        all.push(text("defaults", format!("CREATE TABLE t(a DEFAULT ({}1))", "1+".repeat(count.min(900)))));
        all.push(text("either", format!("CREATE TABLE t(a CHECK (a IN ({})))", list(count, &|n| format!("a+{n}")))));
        let sorted = list(count.min(1900), &|_| "a".to_owned());
        all.push(Case::new(format!("terms-{count}"), PLAIN).index("i", &format!("{sorted})")));
        let cases = list(count, &|n| format!("WHEN {n} THEN b")).replace(',', "");
        all.push(Case::new(format!("case-{count}"), PLAIN).index("i", &format!("CASE a {cases} END)")));
        let either = vec!["b = 1"; count.min(990)].join(" OR ");
        all.push(Case::new(format!("or-{count}"), PLAIN).index("i", &format!("a) WHERE {either}")));
        let deep = format!("{}a{}", "(".repeat(count.min(90)), ")".repeat(count.min(90)));
        all.push(Case::new(format!("deep-{count}"), PLAIN).index("i", &format!("{deep} + 1)")));
        let view = format!("CREATE VIEW v AS SELECT {}", list(count, &|_| "1".to_owned()));
        all.push(Case::new(format!("view-{count}"), PLAIN).with(View, "v", "v", &view));
        let with: String =
            (1..count.min(5000)).map(|n| format!(", c{n} AS (SELECT * FROM c{m}, c{m})", m = n - 1)).collect();
        let view = format!("CREATE VIEW v AS WITH c0 AS (SELECT 1){with} SELECT * FROM c0");
        all.push(Case::new(format!("with-{count}"), PLAIN).with(View, "v", "v", &view));
        let body = "INSERT INTO t VALUES (1, 2);".repeat(count);
        let trigger = format!("CREATE TRIGGER r AFTER INSERT ON t BEGIN {body} END");
        all.push(Case::new(format!("trigger-{count}"), PLAIN).with(Trigger, "r", "t", &trigger));
    }
    for columns in [200, 1_999] {
        let unique = list(columns, &|n| format!("c{n} UNIQUE"));
        all.push(
            Case::new(format!("wide-{columns}"), &format!("CREATE TABLE t({unique})"))
                .rows(300, &vec![Cell::Integer(1); columns]),
        );
        let chained: String = (1..columns).map(|n| format!(", c{n} AS (c{m} + 1)", m = n - 1)).collect();
        let table = format!("CREATE TABLE t(a, c0 AS (a){chained})");
        all.push(Case::new(format!("chained-{columns}"), &table).index("i", "a)").rows(30, &[Cell::Integer(1)]));
        let stored: String = (1..columns).map(|n| format!(", c{n} AS (c{m} || a) STORED", m = n - 1)).collect();
        let table = format!("CREATE TABLE t(a, c0 AS (a) STORED{stored})");
        all.push(Case::new(format!("stored-{columns}"), &table).rows(30, &[Cell::Text(A, 1000)]));
        // Keys of an index that are much longer than what they are made of.
        let again = format!("{})", vec!["a"; columns.min(1_900)].join(", "));
        all.push(
            Case::new(format!("again-{columns}"), "CREATE TABLE t(a)")
                .index("i", &again)
                .rows(20_000, &[Cell::Text(A, 30)]),
        );
    }
    let constant = format!("a || '{}')", "x".repeat(60_000));
    all.push(
        Case::new("constant".to_owned(), "CREATE TABLE t(a)").index("i", &constant).rows(120_000, &[Cell::Integer(1)]),
    );
    all
}

/// What unfolds.
fn rows() -> Vec<Case> {
    let keys: String = (0..60).map(|n| format!(", FOREIGN KEY (a) REFERENCES p{n}(k)")).collect();
    let mut related = Case::new("related", &format!("CREATE TABLE t(a{keys})"));
    for number in 0..60 {
        let name = format!("p{number}");
        related = related.with(Table, &name, &name, &format!("CREATE TABLE {name}(k PRIMARY KEY)"));
    }
    let mut indexed = Case::new("indexed", "CREATE TABLE t(a)");
    for number in 0..64 {
        indexed = indexed.index(&format!("i{number}"), "a COLLATE NOCASE)");
    }
    vec![
        Case::new("rows-small", "CREATE TABLE t(a)").rows(2_000_000, &[Cell::Null]),
        Case::new("rows-indexed", "CREATE TABLE t(a)").index("i", "a)").rows(1_000_000, &[Cell::Integer(1)]),
        Case::new("rows-long", "CREATE TABLE t(a)").rows(2_000, &[Cell::Text(A, 100_000)]),
        Case::new("value", "CREATE TABLE t(a)").rows(1, &[Cell::Blob(400_000_000)]),
        Case::new("value-indexed", "CREATE TABLE t(a)").index("i", "a)").rows(1, &[Cell::Blob(50_000_000)]),
        related.rows(100_000, &[Cell::Integer(1)]),
        indexed.clone().rows(100, &[Cell::Text(A, 100_000)]),
        indexed.rows(20_000, &[Cell::Text(A, 100)]),
    ]
}

/// Numbers that look random, the same each time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(number).unwrap_or(0) % limit
    }
}

/// A random expression.
fn expression(numbers: &mut Numbers, depth: usize) -> String {
    if depth == 0 || numbers.below(4) == 0 {
        return ARGUMENTS[numbers.below(ARGUMENTS.len())].to_owned();
    }
    let part = |numbers: &mut Numbers| expression(numbers, depth - 1);
    match numbers.below(7) {
        0 => format!("({} || {})", part(numbers), part(numbers)),
        1 => format!("({} LIKE {})", part(numbers), part(numbers)),
        2 => format!("({} -> {})", part(numbers), part(numbers)),
        3 => format!("CAST({} AS TEXT)", part(numbers)),
        _ => {
            let (function, counts) = FUNCTIONS[numbers.below(FUNCTIONS.len())];
            let count = counts[numbers.below(counts.len())];
            let arguments: Vec<_> = (0..count).map(|_| part(numbers)).collect();
            format!("{function}({})", arguments.join(", "))
        }
    }
}

/// A random schema and rows.
fn mixture(number: usize, numbers: &mut Numbers) -> Case {
    let mut columns = "a, b, c".to_owned();
    for column in 0..numbers.below(4) {
        let kind = if numbers.below(2) == 0 { "STORED" } else { "VIRTUAL" };
        let depth = 1 + numbers.below(5);
        columns += &format!(", d{column} AS ({}) {kind}", expression(numbers, depth));
    }
    let mut case = Case::new(format!("mixture-{number}"), &format!("CREATE TABLE t({columns})"));
    for index in 0..numbers.below(6) {
        let depth = 1 + numbers.below(7);
        let mut rest = format!("{})", expression(numbers, depth));
        if numbers.below(3) == 0 {
            rest += &format!(" WHERE {}", expression(numbers, 3));
        }
        case = case.index(&format!("i{index}"), &rest);
    }
    for _ in 0..=numbers.below(2) {
        let size = [10, 1_000, 60_000, 1 << 20][numbers.below(4)];
        let count = 1 + numbers.below(4 * (1 << 20) / size / 8 + 2);
        let cell = |numbers: &mut Numbers| match numbers.below(6) {
            0 => Cell::Null,
            1 => Cell::Integer(60_000),
            2 => Cell::Blob(size),
            3 => Cell::List(size / 2),
            4 => Cell::Nest((size / 6).min(990)),
            _ => Cell::Text(b"a%\"\\1"[numbers.below(5)], size),
        };
        let cells = [cell(numbers), cell(numbers), cell(numbers)];
        case = case.rows(count, &cells);
    }
    case
}
