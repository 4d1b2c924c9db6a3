//! One moment of a live database, row by row.

pub(crate) mod closure;
pub(crate) mod condition;
pub(crate) mod dangling;
pub(crate) mod foreign_key;
pub(crate) mod moment;
pub(crate) mod narrow;
pub(crate) mod page_copy;
pub(crate) mod reload_check;
pub(crate) mod select;
pub(crate) mod selected;
pub(crate) mod selection;
pub(crate) mod source_check;
pub(crate) mod stored_text;
pub(crate) mod walk;
