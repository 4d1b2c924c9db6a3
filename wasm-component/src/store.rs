//! Finds the bundles that lead to a state, in copies that a host lists and reads.

use crate::PIECE_MAX;
use lifeboat_core::log::copies::{Copies, NAMES_MAX, Plan, ReadingKey, Remarks, Saved, Wanted, Which};
use lifeboat_core::{Error, Result};

/// Memory that reading records takes, in addition to the names.
const READING: usize = 2 << 20;

/// The copies of a series. This adds the limits of the interface to [`Copies`].
pub struct Store {
    copies: Copies,
    /// Memory ran out. Then every later call gives this error.
    failed: Option<Error>,
}

impl Store {
    /// Begins.
    ///
    /// # Errors
    /// Misuse when `key` is not the text of a key.
    pub fn open(key: &str, domain: Option<String>, which: Which) -> Result<Self> {
        Ok(Self { copies: Copies::new(ReadingKey::from_text(key)?, domain, which), failed: None })
    }

    /// Takes names of objects of a copy.
    ///
    /// # Errors
    /// Those of [`Copies::add_name`]; misuse for too many names; too big when there is no memory for them.
    pub fn add_names(&mut self, copy: u32, names: &[String]) -> Result<()> {
        if names.len() > NAMES_MAX {
            let count = names.len();
            return Err(Error::misuse(format!("add-names: {count} names; give at most {NAMES_MAX} at a time")));
        }
        let copy = usize::try_from(copy).unwrap_or(usize::MAX);
        self.call(|copies| {
            copies.add_copy(copy)?;
            crate::memory_room(copies.growth(names.len()) + READING).map_err(|_| {
                Error::too_big(
                    "add-names: there is no memory for so many names: allow this instance more, or give fewer copies",
                )
            })?;
            names.iter().try_for_each(|name| copies.add_name(copy, name))
        })
    }

    /// The object to read next.
    ///
    /// # Errors
    /// Those of [`Copies::next`].
    #[allow(clippy::should_implement_trait)] // It can fail.
    pub fn next(&mut self) -> Result<Option<Wanted>> {
        self.call(Copies::next)
    }

    /// Takes the next piece of the object.
    ///
    /// # Errors
    /// Those of [`Copies::push`]; misuse for a piece that is too long.
    pub fn push(&mut self, piece: &[u8]) -> Result<bool> {
        if piece.len() > PIECE_MAX {
            let length = piece.len();
            return Err(Error::misuse(format!("push: a piece of {length} bytes; give at most {PIECE_MAX} at a time")));
        }
        self.call(|copies| copies.push(piece))
    }

    /// The object cannot be read.
    ///
    /// # Errors
    /// Those of [`Copies::absent`].
    pub fn absent(&mut self, why: &str) -> Result<()> {
        self.call(|copies| copies.absent(why))
    }

    /// The saves that were read since the last call.
    ///
    /// # Errors
    /// Too big when memory ran out.
    pub fn saves(&mut self) -> Result<Vec<Saved>> {
        self.call(|copies| Ok(copies.take_saves()))
    }

    /// The bundles to the state that is meant. None: the log was asked for.
    ///
    /// # Errors
    /// Those of [`Copies::plan`].
    pub fn plan(&mut self) -> Result<Option<Plan>> {
        self.call(|copies| copies.plan())
    }

    /// What was seen.
    ///
    /// # Errors
    /// Those of [`Copies::remarks`].
    pub fn remarks(&mut self) -> Result<Remarks> {
        self.call(|copies| copies.remarks().cloned())
    }

    fn call<R>(&mut self, call: impl FnOnce(&mut Copies) -> Result<R>) -> Result<R> {
        if let Some(failed) = &self.failed {
            return Err(failed.clone());
        }
        let result = call(&mut self.copies);
        if let Err(error) = crate::memory_check() {
            self.failed = Some(error.clone());
            return Err(error);
        }
        result
    }
}
