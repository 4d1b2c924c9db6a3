//! Cuts SQL text into tokens as SQLite does, as far as it matters here: where names, strings and comments begin and
//! end. Their meaning is not read.

use std::collections::HashMap;

/// What SQLite skips between tokens. It skips U+000B only after another of them, and refuses it
/// elsewhere. It skips U+FEFF only where a token could begin, so U+FEFF can be part of a word.
const SPACES: [char; 7] = [' ', '\t', '\n', '\u{b}', '\u{c}', '\r', '\u{feff}'];

/// A token of SQL text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// A word or a number, or a name in `"…"`, `` `…` `` or `[…]`, without the quotes.
    Word(String),
    /// A string in `'…'`, without the quotes. SQLite reads it as a name where only a name can be.
    Text(String),
    Open,
    Close,
    Equals,
    Semicolon,
    Comment,
    /// A quote that is never closed.
    Unclosed,
    /// Any other character.
    Other(char),
}

/// The first word of a statement that SQLite has compiled, after all that SQLite skips before
/// a word: spaces, comments, semicolons. None where the statement begins with something else.
pub(crate) fn first_word(sql: &str) -> Option<String> {
    match tokens(sql).find(|token| !matches!(token, Token::Comment | Token::Semicolon))? {
        Token::Word(word) => Some(word),
        _ => None,
    }
}

/// Whether a statement calls the function of this name.
pub(crate) fn calls(sql: &str, function: &str) -> bool {
    let mut is_name = false;
    tokens(sql).filter(|token| *token != Token::Comment).any(|token| {
        let is_call = is_name && token == Token::Open;
        is_name = matches!(token, Token::Word(word) if word.eq_ignore_ascii_case(function));
        is_call
    })
}

/// Whether a statement has this name among its words, called or not. A table function is a table, too: its arguments
/// may be conditions.
pub(crate) fn names(sql: &str, table: &str) -> bool {
    tokens(sql).any(|token| matches!(token, Token::Word(word) if word.eq_ignore_ascii_case(table)))
}

/// The tokens of `sql`.
pub(crate) fn tokens(sql: &str) -> Tokens<'_> {
    Tokens { rest: sql }
}

pub(crate) struct Tokens<'s> {
    rest: &'s str,
}

impl Tokens<'_> {
    /// Removes the first `length` bytes.
    fn skip(&mut self, length: usize) {
        self.rest = self.rest.get(length..).unwrap_or_default();
    }

    /// The text between two quotes, where a doubled quote is one of the text.
    fn quoted(&mut self, quote: char) -> Option<String> {
        let mut text = String::new();
        self.skip(1);
        loop {
            let end = self.rest.find(quote)?;
            text.push_str(&self.rest[..end]);
            self.skip(end + 1);
            if !self.rest.starts_with(quote) || quote == ']' {
                return Some(text);
            }
            text.push(quote);
            self.skip(1);
        }
    }

    /// Skips to the place after `end`, or to the end.
    fn comment(&mut self, end: &str) -> Token {
        let length = self.rest.get(2..).and_then(|rest| rest.find(end)).map(|at| at + 2 + end.len());
        self.skip(length.unwrap_or(self.rest.len()));
        Token::Comment
    }
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        self.rest = self.rest.trim_start_matches(SPACES);
        let first = self.rest.chars().next()?;
        let single = match first {
            '\'' => return Some(self.quoted(first).map_or_else(|| self.unclosed(), Token::Text)),
            '"' | '`' => return Some(self.quoted(first).map_or_else(|| self.unclosed(), Token::Word)),
            '[' => return Some(self.quoted(']').map_or_else(|| self.unclosed(), Token::Word)),
            '-' if self.rest.starts_with("--") => return Some(self.comment("\n")),
            '/' if self.rest.starts_with("/*") => return Some(self.comment("*/")),
            '(' => Token::Open,
            ')' => Token::Close,
            '=' => Token::Equals,
            ';' => Token::Semicolon,
            _ if is_of_word(first) => {
                let length = self.rest.find(|character| !is_of_word(character)).unwrap_or(self.rest.len());
                let word = self.rest[..length].to_owned();
                self.skip(length);
                return Some(Token::Word(word));
            }
            other => Token::Other(other),
        };
        self.skip(first.len_utf8());
        Some(single)
    }
}

impl Tokens<'_> {
    fn unclosed(&mut self) -> Token {
        self.rest = "";
        Token::Unclosed
    }
}

/// SQLite's characters of words: all beyond ASCII, too.
fn is_of_word(character: char) -> bool {
    !character.is_ascii() || character.is_ascii_alphanumeric() || matches!(character, '_' | '$')
}

/// Compiling a text can take memory and time that grow exponentially with it: SQLite expands a common table expression
/// at each place where it is named, also within others. At most this many expansions are compiled.
const EXPANSIONS_MAX: usize = 1 << 16;

/// True for a text whose common table expressions may be too many for that. It counts them, and how often any
/// one word occurs.
pub(crate) fn may_explode(sql: &str) -> bool {
    let (mut counts, mut expressions, mut last_as) = (HashMap::new(), 0_u32, false);
    for token in tokens(sql) {
        let (is_as, begins) = match &token {
            Token::Comment => continue,
            Token::Open => (false, true),
            Token::Word(word) | Token::Text(word) => {
                let word = word.to_ascii_lowercase();
                let kind = (word == "as", matches!(word.as_str(), "not" | "materialized"));
                *counts.entry(word).or_insert(0_usize) += 1;
                kind
            }
            _ => (false, false),
        };
        expressions += u32::from(last_as && begins);
        last_as = is_as;
    }
    let most = counts.into_values().max().unwrap_or(0);
    most.saturating_pow(expressions) > EXPANSIONS_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(text: &str) -> Token {
        Token::Word(text.to_owned())
    }

    #[test]
    fn names_strings_and_comments_end_where_sqlite_ends_them() {
        let all: Vec<Token> = tokens("a.\"b\"\"c\" [d\"] `e` 'f''g' /* ( */ -- )\n =(x'00');").collect();
        let expected = [
            word("a"),
            Token::Other('.'),
            word("b\"c"),
            word("d\""),
            word("e"),
            Token::Text("f'g".to_owned()),
            Token::Comment,
            Token::Comment,
            Token::Equals,
            Token::Open,
            word("x"),
            Token::Text("00".to_owned()),
            Token::Close,
            Token::Semicolon,
        ];
        assert_eq!(all, expected);
        for unclosed in ["'a''", "\"", "[a", "`b"] {
            assert_eq!(tokens(unclosed).last(), Some(Token::Unclosed), "{unclosed}");
        }
        for comment in ["--", "--x", "/*", "/* *", "/*/"] {
            assert_eq!(tokens(comment).collect::<Vec<_>>(), [Token::Comment], "{comment}");
        }
        assert_eq!(tokens("größe $x").collect::<Vec<_>>(), [word("größe"), word("$x")]);
        assert_eq!(tokens("a\u{feff} \u{feff}b\u{b}c").collect::<Vec<_>>(), [word("a\u{feff}"), word("b"), word("c")]);
    }

    #[test]
    fn a_statement_begins_behind_all_that_sqlite_skips() {
        const SKIPPED: [&str; 16] = [
            "",
            " \t\r\n\u{c}",
            "\n\u{b}",
            "-- SELECT 1\n",
            "--\n",
            "/* SELECT */",
            "/**/",
            "/*/ */",
            "/* -- */",
            ";",
            " ;;\n;",
            "\u{feff}",
            "\u{feff}\u{feff}",
            "\t\u{feff} ",
            ";\u{feff}/**/\u{feff};--\r\n",
            "/*\u{feff}*/\u{feff}\u{b}",
        ];
        for skipped in SKIPPED {
            for (statement, word) in [
                ("PRAGMA quick_check", "PRAGMA"),
                ("select 1", "select"),
                ("WITH(a)", "WITH"),
                ("VALUES(1)", "VALUES"),
                ("SELECT/**/1", "SELECT"),
                ("SELECT'a'", "SELECT"),
                ("SELECT;", "SELECT"),
                ("SELECTED", "SELECTED"),
                ("SELECT_ 1", "SELECT_"),
                ("SELECT$ 1", "SELECT$"),
                ("SELECT1", "SELECT1"),
                ("SELECT\u{feff}1", "SELECT\u{feff}1"),
                ("SELECTé", "SELECTé"),
                ("EXPLAIN SELECT 1", "EXPLAIN"),
            ] {
                assert_eq!(
                    first_word(&format!("{skipped}{statement}")).as_deref(),
                    Some(word),
                    "{skipped:?} {statement:?}"
                );
            }
            // SQLite compiles these to nothing, or not at all. A comment that is never closed goes
            // to the end.
            for none in [
                "",
                "/* SELECT 1",
                "--SELECT 1",
                "/",
                "/*",
                "/*/",
                "(SELECT 1)",
                "'SELECT' 1",
                "\u{1}SELECT 1",
                "?SELECT",
            ] {
                assert_eq!(first_word(&format!("{skipped}{none}")), None, "{skipped:?} {none:?}");
            }
        }
    }

    #[test]
    fn a_statement_calls_what_it_names() {
        for sql in [
            "SELECT f()",
            "VALUES (F (1))",
            "WITH a AS (SELECT \"f\"/* */ -- \n (1)) SELECT 1",
            "SELECT [f](1), `f`()",
            "SELECT\u{c}\u{feff}f\u{b}()",
        ] {
            assert!(calls(sql, "f"), "{sql}");
        }
        for sql in [
            "SELECT * FROM f",
            "SELECT * FROM \"f(\"",
            "SELECT 'f('",
            "SELECT f /* ( */, (1)",
            "SELECT ff()",
            "SELECT 1 -- f()",
            "SELECT f\u{feff}()",
        ] {
            assert!(!calls(sql, "f"), "{sql}");
        }
    }

    #[test]
    fn expressions_that_multiply_are_seen() {
        let few = "WITH a AS (SELECT 1), b(x) AS NOT MATERIALIZED (SELECT * FROM a, a) SELECT CAST(x AS TEXT) FROM b";
        assert!(!may_explode(few) && !may_explode("SELECT x AS y FROM x"));
        let mut many = "WITH c0 AS (SELECT 1)".to_owned();
        for n in 1..20 {
            many += &format!(", c{n} AS /**/ MATERIALIZED (SELECT * FROM c{m}, c{m})", m = n - 1);
        }
        assert!(may_explode(&many));
    }
}
