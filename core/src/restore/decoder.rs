//! Opened chunks → the state of a full bundle, or of a chain that begins with it. This is the second half of
//! [`Restore`](crate::stream::Restore), and the mirror of `export/items.rs`.

use crate::chain::links::{Deltas, incomplete};
use crate::chain::overlay::{BaseItem, Overlay};
use crate::crypto::digest::Digest;
use crate::crypto::key::AccessKey;
use crate::crypto::schedule::DomainKeys;
use crate::error::{Error, ErrorKind, Position, Result};
use crate::format::change::NO_KEY;
use crate::read::change_reader::{ChangeDecoder, ChangeSink, Digests, Refusal};
use crate::read::reader::{Opened, PublicReport};
use crate::read::state_output::Output;
use crate::state::key_order::Step;
use crate::state::selection::Selection;
use crate::state::sink::{SchemaRow, Settings, StateSink, Table};
use crate::state::value::NewRow;

/// The content of a bundle or a chain. All of it was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// What anybody can read in the bundle. For a chain: in its last bundle.
    pub public: PublicReport,
    /// What anybody can read in each bundle of the chain, oldest first.
    pub bundles: Vec<PublicReport>,
    /// The name that the maker of the bundle gave its domain: a label. For a chain: the name in its last bundle.
    pub domain: String,
    /// Whether the domain has this name. None: only the holder of the recovery key can tell.
    pub domain_is_proven: Option<bool>,
    /// The settings of the state.
    pub settings: Settings,
    /// The schema of the state.
    pub schema: Vec<SchemaRow>,
    /// The part of a database that the state is. None for a whole database.
    pub selection: Option<Selection>,
    /// The tables that have rows, and how many; `sqlite_sequence` and `sqlite_stat*` included.
    pub tables: Vec<(String, u64)>,
    /// The number of all items: settings, schema, rows, and the tables that are one item.
    pub items: u64,
}

/// Reads changes out of opened chunks and hands the state that they make to a sink.
///
/// Trusts its caller: what it takes must come from an [`Opener`](crate::stream::Opener), in order.
pub struct Decoder<'s, S> {
    key: AccessKey,
    domain: Option<(Box<DomainKeys>, ChangeDecoder)>,
    items: Items<'s, S>,
    deltas: Deltas<'s>,
    report: Option<Report>,
}

impl<'s, S: StateSink> Decoder<'s, S> {
    /// Nothing has been taken yet.
    pub fn new(key: impl Into<AccessKey>, sink: S) -> Self {
        Self::over(key, Deltas::none(), sink)
    }

    /// The same, with deltas that lead on from the state of the bundle. The sink gets the last state.
    pub fn over(key: impl Into<AccessKey>, deltas: Deltas<'s>, sink: S) -> Self {
        let overlay = (!deltas.is_empty()).then(|| Overlay::new(deltas.bundles().to_vec()));
        Self {
            key: key.into(),
            domain: None,
            items: Items {
                out: Output::new(sink),
                overlay,
                has_settings: false,
                has_schema: false,
                is_delta: false,
                position: None,
                misfit: None,
            },
            deltas,
            report: None,
        }
    }

    /// Takes what an [`Opener`](crate::stream::Opener) handed out, in its order.
    ///
    /// # Errors
    /// Corrupt, unsupported or too big; mismatch for a delta; those of the sink, unchanged.
    pub fn take(&mut self, opened: Opened) -> Result<()> {
        match opened {
            Opened::Keys(keys) => {
                let decoder = ChangeDecoder::new(&keys);
                self.domain = Some((keys, decoder));
                Ok(())
            }
            Opened::Chunk { kind, plaintext, ahead, position } => {
                let (_, decoder) = self.domain.as_mut().ok_or_else(no_header)?;
                decoder.look_ahead(ahead.0);
                self.items.position = Some(position);
                decoder.chunk(kind, &plaintext, &mut self.items).map_err(|refusal| refusal.at(position))
            }
            Opened::End(public) => self.end(public),
        }
    }

    /// The sink got the whole state, and it is the state that the bundle names. For a chain: the one that its last
    /// bundle names.
    ///
    /// # Errors
    /// Truncated when the end has not come.
    pub fn finish(self) -> Result<(Report, S)> {
        let report = self.report.ok_or_else(|| Error::truncated("the bundle has no end"))?;
        Ok((report, self.items.out.sink))
    }

    /// The sink, so that a caller can see what it has got so far.
    pub fn sink(&mut self) -> &mut S {
        &mut self.items.out.sink
    }

    fn end(&mut self, public: PublicReport) -> Result<()> {
        let (keys, decoder) = self.domain.as_mut().ok_or_else(no_header)?;
        let summary = decoder.finish(&public, keys)?;
        // This is said only when all bytes have come and are right. A missing chunk can make a full bundle look like a
        // delta.
        if let Some(base) = public.base_id {
            return Err(incomplete(base, 1 + self.deltas.bundles().len()));
        }
        if self.items.is_delta {
            return Err(Error::corrupt("a full bundle without settings or schema, or with old values"));
        }
        self.deltas.check_follow(&public)?;
        if let Some(misfit) = self.items.misfit.take() {
            return Err(misfit);
        }
        let out = &mut self.items.out;
        if let Some(overlay) = &mut self.items.overlay {
            overlay.finish(out).map_err(Refusal::into_error)?;
        }
        let (settings, schema) = out.take_schema()?;
        let newest = self.deltas.bundles().last();
        let domain = newest.map_or(summary.domain, |bundle| bundle.domain().to_owned());
        let mut bundles = vec![public];
        bundles.extend(self.deltas.bundles().iter().map(|bundle| bundle.public().clone()));
        let public = bundles.last().ok_or_else(no_header)?.clone();
        if out.total.state_id(keys) != public.state_id {
            return Err(Error::corrupt("the changes do not lead to the state that the footer names"));
        }
        self.report = Some(Report {
            public,
            bundles,
            domain_is_proven: self.key.is_name_of(&domain, keys.domain_id),
            domain,
            settings,
            schema,
            selection: out.selection.take(),
            tables: std::mem::take(&mut out.tables),
            items: out.total.count,
        });
        Ok(())
    }
}

/// The items of a full bundle, on their way to the sink.
struct Items<'s, S> {
    out: Output<S>,
    overlay: Option<Overlay<'s>>,
    has_settings: bool,
    has_schema: bool,
    /// The bundle is a delta, as far as its changes tell so far.
    is_delta: bool,
    /// The chunk that is being read.
    position: Option<Position>,
    /// The error when the deltas contradict the bundle. It is given only at the end: until then they may still lead on
    /// from another state.
    misfit: Option<Error>,
}

impl<S: StateSink> ChangeSink for Items<'_, S> {
    fn table(&mut self, table: &Table<'_>) -> std::result::Result<(), Refusal> {
        // Before settings and schema only these can come in a full bundle.
        match table {
            Table::Settings => self.has_settings = true,
            Table::Schema if self.has_settings => self.has_schema = true,
            _ => self.is_delta |= !self.has_schema,
        }
        if self.is_delta || self.misfit.is_some() {
            return Ok(());
        }
        let handed = match &mut self.overlay {
            Some(overlay) => overlay.table(table, &mut self.out),
            None => self.out.begin(table),
        };
        self.defer(handed)
    }

    fn row(
        &mut self,
        row: &NewRow<'_>,
        key: &[u8],
        step: Step,
        _: Option<&[u8]>,
        digests: Digests,
    ) -> std::result::Result<(), Refusal> {
        let Some(digest) = self.only_new(digests) else { return Ok(()) };
        let handed = match &mut self.overlay {
            Some(overlay) => overlay.item(key, BaseItem::Row(row, step), digest, &mut self.out),
            None => self.out.row(row, step, digest),
        };
        self.defer(handed)
    }

    fn item(&mut self, table: &Table<'_>, new: Option<&[u8]>, digests: Digests) -> std::result::Result<(), Refusal> {
        let (Some(digest), Some(value)) = (self.only_new(digests), new) else { return Ok(()) };
        let handed = match &mut self.overlay {
            Some(overlay) => overlay.item(&NO_KEY, BaseItem::Item(value), digest, &mut self.out),
            None => self.out.item(table, value, digest),
        };
        self.defer(handed)
    }
}

impl<S> Items<'_, S> {
    /// The digest of a new item that had no old value, as all items of a full bundle.
    fn only_new(&mut self, digests: Digests) -> Option<Digest> {
        self.is_delta |= digests.old.is_some();
        digests.new.filter(|_| !self.is_delta && self.misfit.is_none())
    }

    /// Keeps the first error that the deltas may explain until the end, and hands on nothing more.
    fn defer(&mut self, handed: std::result::Result<(), Refusal>) -> std::result::Result<(), Refusal> {
        let Err(refusal) = handed else { return Ok(()) };
        let position = self.position.filter(|_| self.overlay.is_some());
        let (Some(position), ErrorKind::Corrupt) = (position, refusal.kind()) else { return Err(refusal) };
        self.misfit = Some(refusal.at(position));
        Ok(())
    }
}

fn no_header() -> Error {
    Error::corrupt("a chunk comes before the header")
}
