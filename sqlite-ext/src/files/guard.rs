//! Which file may replace which: the table of `manual/targets.md`.

use super::atomic::{Existing, not_regular};
use super::found::{Call, Found, Whose};
use lifeboat_core::{Error, Result};
use std::path::Path;

/// The kind of file that will be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writing {
    /// A bundle by itself: each export replaces the one before it.
    Bundle,
    /// A bundle of a chain (with `base` or `ledger`), or a bundle that was made of a chain.
    Link,
    Ledger,
    Database,
    /// A file that was saved as it is: as a database, and it never replaces one.
    File,
}

/// What to do with the file that exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Nothing exists. The new file is written.
    Write,
    /// It is replaced.
    Replace,
    /// It is replaced if the new bundle goes on where this one ended.
    Successor,
    /// It is left alone if it has the same bytes. If not, it is refused without the option `replace`.
    Same,
    /// It is refused without the option `replace`.
    Refuse,
    /// It is refused with any options.
    Never,
}

/// Which files may replace this one: a bundle, and one with `replace`; a bundle of a chain, and one with
/// `replace`; a ledger; a database, and one with `replace`.
#[rustfmt::skip]
fn rules(found: &Found) -> [Rule; 7] {
    use Rule::{Never, Refuse, Replace, Same, Successor, Write};
    use Whose::{OtherDomain, OtherKey, Ours, OursDamaged, OursDelta, Unknown};
    match found {
        //                             bundle,    +replace, link,    +replace, ledger,  database, +replace
        Found::Nothing              => [Write,     Write,     Write,   Write,    Write,   Write,    Write],
        Found::Bundle(Ours)         => [Successor, Replace,   Same,    Replace,  Never,   Never,    Never],
        Found::Bundle(OursDelta)    => [Refuse,    Replace,   Same,    Replace,  Never,   Never,    Never],
        Found::Bundle(OursDamaged(_) | OtherDomain | OtherKey | Unknown)
                                    => [Refuse,    Replace,   Refuse,  Replace,  Never,   Never,    Never],
        Found::Ledger(Ours | OursDamaged(_))
                                    => [Never,     Never,     Never,   Never,    Replace, Never,    Never],
        Found::Ledger(OursDelta | OtherDomain | OtherKey | Unknown)
                                    => [Never,     Never,     Never,   Never,    Never,   Never,    Never],
        Found::Remnant              => [Refuse,    Replace,   Refuse,  Replace,  Replace, Refuse,   Replace],
        Found::Database             => [Never,     Never,     Never,   Never,    Never,   Refuse,   Replace],
        Found::Other                => [Refuse,    Replace,   Refuse,  Replace,  Never,   Refuse,   Replace],
        Found::NotRegular(_) | Found::Key(_) | Found::Open | Found::Journal | Found::Read
                                    => [Never,     Never,     Never,   Never,    Never,   Never,    Never],
    }
}

/// The rule for the file that was found.
fn rule(found: &Found, writing: Writing, replace: bool) -> Rule {
    let column = match writing {
        Writing::Bundle => usize::from(replace),
        Writing::Link => 2 + usize::from(replace),
        Writing::Ledger => 4,
        Writing::File if *found == Found::Database => return Rule::Never,
        Writing::Database | Writing::File => 5 + usize::from(replace),
    };
    rules(found)[column]
}

/// Decides for one call which files may be replaced.
pub(crate) struct Guard<'a>(pub Call<'a>);

impl Guard<'_> {
    /// Gives the file at a path, and its rule. Never [`Rule::Refuse`] nor [`Rule::Never`]:
    /// these are errors.
    ///
    /// # Errors
    /// Misuse, which names the file that is there; host when nobody can tell.
    pub fn check(&self, path: &Path, writing: Writing, replace: bool) -> Result<(Found, Rule)> {
        let found = self.0.look(path)?;
        match rule(&found, writing, replace) {
            Rule::Never => Err(never(path, &found, writing)),
            Rule::Refuse => Err(already_exists(path, &found, writing)),
            rule => Ok((found, rule)),
        }
    }
}

impl Rule {
    /// How a new file replaces a file with this rule.
    pub fn existing(self) -> Existing {
        match self {
            Self::Write => Existing::Refuse,
            _ => Existing::Replace,
        }
    }
}

/// The advice where the option helps.
pub(crate) const REPLACE: &str = "give another path, or the option \"replace\": true";

/// The error for a file that the option would replace.
pub(crate) fn already_exists(path: &Path, found: &Found, writing: Writing) -> Error {
    let path = path.display();
    if matches!(writing, Writing::Database | Writing::File) {
        return Error::misuse(format!("'{path}' already exists; {REPLACE}"));
    }
    let what = match found {
        Found::Bundle(Whose::OtherDomain) => "a bundle of another domain of this key",
        Found::Bundle(Whose::OtherKey) => "a bundle of another key",
        Found::Bundle(Whose::Unknown) => "a bundle that this version cannot read",
        Found::Bundle(Whose::OursDelta) => "a delta, without which the chain that it belongs to is of no use",
        Found::Bundle(Whose::OursDamaged(error)) => {
            return Error::misuse(format!(
                "'{path}' already exists and is a damaged bundle of this key ({}), so that nobody can tell what would be lost; keep \
                 a copy of it if there is no other, then {REPLACE}",
                error.message()
            ));
        }
        _ => "not a bundle",
    };
    Error::misuse(format!("'{path}' already exists and is {what}; {REPLACE}"))
}

fn never(path: &Path, found: &Found, writing: Writing) -> Error {
    let shown = path.display();
    let by = match writing {
        Writing::Bundle | Writing::Link => "a bundle",
        Writing::Ledger => "a ledger",
        Writing::Database => "a database",
        Writing::File => "a file",
    };
    let text = match found {
        Found::NotRegular(is) => return not_regular(path, is),
        Found::Key(kind) => format!("'{shown}' holds a {kind} and is never replaced; give another path"),
        Found::Open => return super::database::is_open_error(path),
        Found::Journal => format!(
            "'{shown}' belongs to a database: SQLite would take what is written there for its journal; give another path"
        ),
        Found::Read => format!(
            "'{shown}' is the target, and a bundle that this call reads, too, which would be lost; give another path"
        ),
        // A ledger has its own text for a file that is not a ledger.
        Found::Other | Found::Ledger(_) | Found::Bundle(_) if writing == Writing::Ledger => {
            let why = match found {
                Found::Ledger(Whose::OtherDomain) => "it is a ledger of another domain of this key",
                Found::Ledger(Whose::OtherKey) => "it is a ledger of another key",
                Found::Ledger(_) => "it is a ledger that this version cannot read",
                Found::Bundle(_) => "this is a bundle, not a ledger; give a bundle as the base",
                _ => "this is not a Lifeboat ledger, or its first bytes are damaged",
            };
            format!(
                "'{shown}' is not a ledger of this key and domain, and is left alone ({why}); give another path, or delete it if \
                 nobody needs it"
            )
        }
        found => {
            let is = match found {
                Found::Database => "a database",
                Found::Ledger(_) => "a ledger",
                _ => "a bundle",
            };
            format!("'{shown}' is {is} and is never replaced by {by}; give another path")
        }
    };
    Error::misuse(text)
}
