//! What the text of a table or of an index says about the expressions in it, as far as tokens show it: the number of
//! operations of an expression, the columns and the collations that it names. SQLite has no interface that tells this.
//! Nothing here needs to be exact: where a text cannot be followed, the cost is assumed to be higher than the text
//! says.

use crate::ffi::tokens::{Token, tokens};
use lifeboat_core::state::SchemaKind;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Functions whose result may have several times as many bytes as their arguments, as they quote and indent.
const BUILDERS: &[&str] = &[
    "json",
    "json_array",
    "json_array_insert",
    "json_insert",
    "json_object",
    "json_patch",
    "json_quote",
    "json_replace",
    "json_set",
    "jsonb_array",
    "jsonb_array_insert",
    "jsonb_insert",
    "jsonb_object",
    "jsonb_patch",
    "jsonb_replace",
    "jsonb_set",
    "strftime",
    "unistr_quote",
];
/// Functions whose result may have as many bytes as a value can have.
const UNBOUNDED: &[&str] = &["json_pretty", "randomblob"];

/// The content of a run of tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Expression {
    /// The most operations: each token may be one.
    pub operations: u64,
    /// How often values are joined to longer ones.
    pub joins: u64,
    /// The cost of that, in operations. Values that are joined one after the other grow, so it is the square of their
    /// number.
    pub growth: u64,
    /// Calls of functions that make their arguments longer.
    pub builders: u64,
    /// The bytes of all constants and names in it.
    pub literals: u64,
    /// A function may make the value as long as it likes.
    pub is_unbounded: bool,
    /// Words in lower case, and how often each of them occurs. All columns that it names are among them.
    pub words: BTreeMap<String, u64>,
    /// The collations that it names, in lower case.
    pub collations: BTreeSet<String>,
}

impl Expression {
    fn of<'t>(tokens: impl IntoIterator<Item = &'t Token>) -> Self {
        let (mut found, mut last_bar, mut last_collate) = (Self::default(), false, false);
        let (mut bars, mut calls) = (0_u64, 0_u64);
        for token in tokens {
            found.operations += 1;
            found.literals += match token {
                Token::Text(text) => text.len() as u64,
                _ => 0,
            };
            let bar = *token == Token::Other('|');
            bars += u64::from(bar && last_bar);
            last_bar = bar && !last_bar;
            if *token == Token::Other(',') {
                found.joins += bars;
                found.growth += bars * bars;
                bars = 0;
            }
            let mut collate = false;
            if let Token::Word(word) | Token::Text(word) = token {
                let word = word.to_ascii_lowercase();
                if std::mem::take(&mut last_collate) {
                    found.collations.insert(word.clone());
                }
                collate = word == "collate";
                found.builders += u64::from(BUILDERS.contains(&word.as_str()));
                calls += u64::from(matches!(word.as_str(), "concat" | "concat_ws"));
                found.is_unbounded |= UNBOUNDED.contains(&word.as_str());
                *found.words.entry(word).or_default() += 1;
            }
            last_collate = collate;
        }
        found.joins += bars + calls;
        found.growth += bars * bars + calls * calls;
        found
    }

    /// How often it names a column.
    pub fn names(&self, column: &str) -> u64 {
        self.words.get(&column.to_ascii_lowercase()).copied().unwrap_or(0)
    }
}

/// One column as a CREATE TABLE defines it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ColumnDefinition {
    /// The text after `AS`, where the column is generated.
    pub generated: Option<Expression>,
    /// The collations that the rest of its definition names.
    pub collations: BTreeSet<String>,
}

/// The definitions of the first `count` columns of a CREATE TABLE, in order. `None` when the text has fewer.
pub(crate) fn columns(sql: &str, count: usize) -> Option<Vec<ColumnDefinition>> {
    let all: Vec<Token> = tokens(sql).filter(|token| *token != Token::Comment).collect();
    let start = all.iter().position(|token| *token == Token::Open)?;
    let columns: Vec<_> = items(&all[start..]).into_iter().take(count).map(column).collect();
    (columns.len() == count).then_some(columns)
}

fn column(tokens: &[Token]) -> ColumnDefinition {
    let (mut definition, mut outside, mut place) = (ColumnDefinition::default(), Vec::new(), 0);
    while let Some(token) = tokens.get(place) {
        let is_as = matches!(token, Token::Word(word) if word.eq_ignore_ascii_case("as"));
        if is_as && tokens.get(place + 1) == Some(&Token::Open) {
            let end = closing(tokens, place + 1);
            definition.generated = Some(Expression::of(&tokens[place + 2..end]));
            place = end;
        } else {
            outside.push(token.clone());
        }
        place += 1;
    }
    definition.collations = Expression::of(&outside).collations;
    definition
}

/// Compiling a statement can take memory and time that grow exponentially with a table: SQLite expands a virtual
/// generated column at each place where it is named, also within others. At most this many tokens are compiled.
const EXPANSION_MAX: u64 = 1 << 16;

/// The limit for all columns of a table: some statements name them all.
const EXPANSIONS_MAX: u64 = 1 << 18;

/// The most columns of a table, unless SQLite was compiled otherwise.
const GENERATED_MAX: usize = 2_000;

/// The limit of tokens in the statements that build an index, or fill a table: SQLite's time grows with
/// their square. It is 50 ms at this many.
const COMPILED_MAX: usize = 1 << 14;

/// The tokens of a CREATE INDEX, or of a CREATE TABLE with generated columns. 0 for other texts, which are only parsed.
pub(crate) fn compiled(kind: SchemaKind, sql: &str) -> usize {
    let is_generated = |all: &[Token]| {
        let is_as =
            |pair: &[Token]| matches!(pair, [Token::Word(word), Token::Open] if word.eq_ignore_ascii_case("as"));
        all.windows(2).any(is_as)
    };
    let all = || tokens(sql).filter(|token| *token != Token::Comment).collect::<Vec<Token>>();
    match kind {
        SchemaKind::Index => all().len(),
        SchemaKind::Table => Some(all()).filter(|all| is_generated(all)).map_or(0, |all| all.len()),
        SchemaKind::View | SchemaKind::Trigger => 0,
    }
}

/// True where that is too much.
pub(crate) fn is_too_long(compiled: usize) -> bool {
    compiled > COMPILED_MAX
}

/// True for a CREATE TABLE whose generated columns may be too many for that.
pub(crate) fn may_explode(sql: &str) -> bool {
    let all: Vec<Token> = tokens(sql).filter(|token| *token != Token::Comment).collect();
    let mut columns: Vec<(String, &[Token])> = Vec::new();
    let Some(start) = all.iter().position(|token| *token == Token::Open) else { return false };
    for item in items(&all[start..]) {
        let Some(Token::Word(name) | Token::Text(name)) = item.first() else { continue };
        let is_as =
            |pair: &[Token]| matches!(pair, [Token::Word(word), Token::Open] if word.eq_ignore_ascii_case("as"));
        if let Some(place) = item.windows(2).position(is_as) {
            let end = closing(item, place + 1);
            columns.push((name.to_ascii_lowercase(), &item[place + 2..end]));
        }
    }
    // Nothing is followed deeper than this.
    if columns.len() > GENERATED_MAX {
        return true;
    }
    let numbers: HashMap<&str, usize> = columns.iter().enumerate().map(|(at, (name, _))| (name.as_str(), at)).collect();
    let mut sizes = vec![None; columns.len()];
    let mut all = 0_u64;
    (0..columns.len()).any(|column| {
        let size = expanded(column, &columns, &numbers, &mut sizes);
        all = all.saturating_add(size);
        size > EXPANSION_MAX || all > EXPANSIONS_MAX
    })
}

/// The number of tokens of a generated column when all that it names is expanded. SQLite refuses a column that names
/// itself.
fn expanded(
    column: usize,
    columns: &[(String, &[Token])],
    numbers: &HashMap<&str, usize>,
    sizes: &mut Vec<Option<u64>>,
) -> u64 {
    if let Some(size) = sizes[column] {
        return size;
    }
    sizes[column] = Some(0);
    let mut size = 0_u64;
    for token in columns[column].1 {
        let named = match token {
            Token::Word(word) | Token::Text(word) => numbers.get(word.to_ascii_lowercase().as_str()),
            _ => None,
        };
        size = size.saturating_add(1);
        if let Some(named) = named {
            size = size.saturating_add(expanded(*named, columns, numbers, sizes));
        }
    }
    sizes[column] = Some(size);
    size
}

/// The texts between the commas of a parenthesis, which is the first of the tokens.
fn items(tokens: &[Token]) -> Vec<&[Token]> {
    let (mut items, mut first, mut depth) = (Vec::new(), 1, 0_usize);
    for (place, token) in tokens.iter().enumerate() {
        match token {
            Token::Open => depth += 1,
            Token::Close => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 || depth == 1 && *token == Token::Other(',') {
            items.push(&tokens[first.min(place)..place]);
            first = place + 1;
        }
        if depth == 0 {
            break;
        }
    }
    items
}

/// Where the parenthesis that opens at `open` is closed, or the end.
fn closing(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0_usize;
    for (place, token) in tokens.iter().enumerate().skip(open) {
        match token {
            Token::Open => depth += 1,
            Token::Close => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return place;
        }
    }
    tokens.len()
}

/// All of a text. For an index: its terms and its condition.
pub(crate) fn whole(sql: &str) -> Expression {
    let all: Vec<Token> = tokens(sql).filter(|token| *token != Token::Comment).collect();
    Expression::of(&all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_a_table() {
        let sql = "CREATE TABLE \"t(\"(a TEXT COLLATE Uni, \"b,\" DECIMAL(10, 2) DEFAULT (1 || ','), \
                   c GENERATED ALWAYS AS (a || \"b,\" || json_quote(a) COLLATE x) STORED, d AS(c), CHECK (a AS b), UNIQUE(a))";
        let found = columns(sql, 4).expect("four columns");
        assert_eq!(found[0].collations, BTreeSet::from(["uni".to_owned()]));
        assert_eq!((&found[0].generated, &found[1]), (&None, &ColumnDefinition::default()));
        let generated = found[2].generated.as_ref().expect("generated");
        assert_eq!((generated.joins, generated.growth, generated.builders, generated.is_unbounded), (2, 4, 1, false));
        assert_eq!((generated.names("B,"), generated.names("a"), generated.names("c")), (1, 2, 0));
        assert_eq!(generated.collations, BTreeSet::from(["x".to_owned()]));
        assert!(found[3].generated.as_ref().is_some_and(|d| d.names("c") == 1));
        assert_eq!(columns("CREATE TABLE t(a)", 2), None);
        assert_eq!(columns("CREATE TABLE t", 1), None);
    }

    #[test]
    fn columns_that_multiply_are_seen() {
        let table = |columns: usize| {
            let doubled = (1..columns).map(|n| format!(", C{n} AS (c{m} || c{m})", m = n - 1)).collect::<String>();
            format!("CREATE TABLE t(a, c0 AS (a || a){doubled}, CHECK (a <> 1))")
        };
        assert!(!may_explode(&table(12)) && may_explode(&table(20)) && may_explode(&table(1000)));
        let backwards = (0..20).map(|n| format!("c{n} AS (c{m} + c{m}), ", m = n + 1)).collect::<String>();
        assert!(
            may_explode(&format!("CREATE TABLE t({backwards} c20)"))
                != may_explode("CREATE TABLE t(a AS (b), b AS (a))")
        );
        let chained = |columns: usize| {
            let each = (1..columns).map(|n| format!(", c{n} AS (c{m} + 1)", m = n - 1)).collect::<String>();
            format!("CREATE TABLE t(a, c0 AS (a){each})")
        };
        assert!(!may_explode(&chained(300)) && may_explode(&chained(1999)));
        let deep = (0..60_000).map(|n| format!("c{n} AS (c{m}), ", m = n + 1)).collect::<String>();
        assert!(may_explode(&format!("CREATE TABLE t({deep} c60000)")));
        assert!(!may_explode("CREATE TABLE t") && !may_explode("CREATE VIRTUAL TABLE t USING x"));
    }

    #[test]
    fn what_an_index_names() {
        let found = whole("CREATE INDEX i ON t(lower(a) COLLATE NOCASE, b || c || d) WHERE json_pretty(e) = '|'");
        assert_eq!((found.joins, found.growth, found.is_unbounded), (2, 4, true));
        assert!(["a", "b", "c", "d", "e", "lower"].iter().all(|word| found.names(word) == 1));
        assert_eq!(found.collations, BTreeSet::from(["nocase".to_owned()]));
    }
}
