//! The way back: bundle → opened chunks → changes → rows. These are the steps of `export/items.rs` and
//! `export/writer.rs` in reverse. Verifying with a key is the same walk, with a sink that keeps nothing.

use crate::alloc;
use crate::chain::links::Deltas;
use crate::crypto::digest::Digester;
use crate::crypto::key::AccessKey;
use crate::crypto::schedule::DomainKeys;
use crate::error::{Error, Position, Result};
use crate::format::header::wrong_key;
use crate::format::seal::Seal;
use crate::kinds::{ChunkKind, FileKind};
use crate::read::change_reader::digests;
use crate::read::reader::{DigestsAhead, Item, Opened, Splitter};
use crate::restore::decoder::{Decoder, Report};
use crate::state::sink::StateSink;
use subtle::ConstantTimeEq;

/// About this many bytes of sealed chunks are opened together.
const WAITING_MAX: usize = 3 << 20;

/// Computes the digests of opened chunks, for a [`Decoder`] on another thread. They are a third of its work.
pub struct LookAhead(Digester);

impl LookAhead {
    /// Takes the keys that the [`Opener`] gave.
    pub fn new(keys: &DomainKeys) -> Self {
        Self(Digester::new(keys))
    }

    /// Gives the chunk with its digests, for the [`Decoder`].
    #[must_use]
    pub fn prepare(&mut self, mut opened: Opened) -> Opened {
        if let Opened::Chunk { kind: ChunkKind::Changes, plaintext, ahead, .. } = &mut opened {
            ahead.0 = digests(&mut self.0, plaintext);
        }
        opened
    }
}

/// Splits a bundle, checks its bytes and opens its chunks. This is the first half of [`Restore`].
///
/// It opens the chunks of one push together, which takes less time. Push pieces of 1 MiB where that matters.
pub struct Opener {
    key: AccessKey,
    splitter: Splitter,
    domain: Option<OpenDomain>,
}

struct OpenDomain {
    keys: DomainKeys,
    seal: Seal,
}

impl OpenDomain {
    /// Opens the waiting chunks, and hands them out in their order.
    fn open(&self, waiting: &mut Waiting, emit: &mut impl FnMut(Opened) -> Result<()>) -> Result<()> {
        let Waiting { sealed, places } = std::mem::take(waiting);
        let opened = self.seal.open_several(sealed);
        opened.zip(places).try_for_each(|(opened, (kind, position))| {
            let plaintext = opened.map_err(|error| error.at_item(position))?;
            emit(Opened::Chunk { kind, plaintext, ahead: DigestsAhead::default(), position })
        })
    }
}

/// Sealed chunks of one push.
#[derive(Default)]
struct Waiting {
    sealed: Vec<(ChunkKind, Vec<u8>)>,
    places: Vec<(ChunkKind, Position)>,
}

impl Waiting {
    /// True when there are enough chunks to open side by side. More would only take memory.
    fn is_full(&self) -> bool {
        self.sealed.iter().map(|(_, sealed)| sealed.len()).sum::<usize>() >= WAITING_MAX
    }
}

impl Opener {
    /// Nothing has been pushed yet.
    pub fn new(key: impl Into<AccessKey>) -> Self {
        Self { key: key.into(), splitter: Splitter::new(FileKind::Bundle), domain: None }
    }

    /// Takes the next bytes of the bundle, in pieces of any size, and hands out what was opened.
    ///
    /// # Errors
    /// Wrong key, before anything is opened; corrupt or unsupported as soon as that shows; those of `emit`.
    pub fn push(&mut self, bytes: &[u8], mut emit: impl FnMut(Opened) -> Result<()>) -> Result<()> {
        let Self { key, splitter, domain } = self;
        let mut waiting = Waiting::default();
        let pushed = splitter.push(bytes, |item| match (item, domain.as_ref()) {
            (Item::Header(header), _) => {
                let keys = key.keys(header.domain_id)?;
                if !bool::from(keys.commitment.ct_eq(&header.commitment)) {
                    return Err(wrong_key(key));
                }
                let seal = Seal::new(&keys);
                *domain = Some(OpenDomain { keys: keys.clone(), seal });
                emit(Opened::Keys(Box::new(keys)))
            }
            (Item::Chunk { kind, sealed, position }, Some(domain)) => {
                waiting.sealed.push((kind, alloc::copy(sealed, "the next chunk")?));
                waiting.places.push((kind, position));
                if waiting.is_full() { domain.open(&mut waiting, &mut emit) } else { Ok(()) }
            }
            (Item::Extension { kind, position }, Some(domain)) => {
                domain.open(&mut waiting, &mut emit)?;
                emit(Opened::Chunk { kind, plaintext: Vec::new(), ahead: DigestsAhead::default(), position })
            }
            (Item::Page { sealed, before, position }, Some(domain)) => {
                domain.open(&mut waiting, &mut emit)?;
                let plaintext = domain.seal.open_page(sealed, &before).map_err(|error| error.at_item(position))?;
                emit(Opened::Chunk { kind: ChunkKind::IndexPage, plaintext, ahead: DigestsAhead::default(), position })
            }
            (Item::End(report), Some(domain)) => {
                domain.open(&mut waiting, &mut emit)?;
                // The signature was checked against the key in the footer. That key must be the domain's.
                if report.verify_key != domain.keys.verify_key() {
                    return Err(Error::corrupt("the bundle was signed by another key than its domain's"));
                }
                emit(Opened::End(report))
            }
            (Item::Chunk { .. } | Item::Extension { .. } | Item::Page { .. } | Item::End(_), None) => {
                Err(Error::corrupt("the header is missing"))
            }
        });
        // These chunks came before the error, so they are handed out.
        if let Some(domain) = domain {
            domain.open(&mut waiting, &mut emit).map_err(|error| splitter.fail(error))?;
        }
        pushed
    }

    /// The bundle is complete.
    ///
    /// # Errors
    /// Truncated when it is not.
    pub fn finish(&self) -> Result<()> {
        self.splitter.finish()
    }
}

/// Opens a full bundle, checks everything in it, and hands its state to a sink. With deltas, the sink gets the state to
/// which they lead.
///
/// Push the bundle in pieces of any size, then call [`Restore::finish`]. What the sink got counts only after that has
/// succeeded: until then the bundle may still prove damaged. Holds one item of the bundle, one chunk, and one row.
pub struct Restore<'s, S> {
    opener: Opener,
    decoder: Decoder<'s, S>,
}

impl<'s, S: StateSink> Restore<'s, S> {
    /// Nothing has been pushed yet.
    pub fn new(key: impl Into<AccessKey>, sink: S) -> Self {
        Self::over(key, Deltas::none(), sink)
    }

    /// The same for a chain. Push its full bundle; these deltas lead on from it.
    pub fn over(key: impl Into<AccessKey>, deltas: Deltas<'s>, sink: S) -> Self {
        let key = key.into();
        Self { opener: Opener::new(&key), decoder: Decoder::over(key, deltas, sink) }
    }

    /// Takes the next bytes of the bundle.
    ///
    /// # Errors
    /// Wrong key, corrupt, unsupported or too big as soon as that shows; those of the sink.
    pub fn push(&mut self, bytes: &[u8]) -> Result<()> {
        let Self { opener, decoder } = self;
        opener.push(bytes, |opened| decoder.take(opened))
    }

    /// The bundle is complete. The sink has the whole state, and it is the state that the bundle names.
    ///
    /// # Errors
    /// Truncated when it is not complete.
    pub fn finish(self) -> Result<(Report, S)> {
        self.opener.finish()?;
        self.decoder.finish()
    }

    /// The sink, so that a caller can see what it has got so far.
    pub fn sink(&mut self) -> &mut S {
        self.decoder.sink()
    }
}

/// A sink that keeps nothing. Restoring into it verifies a bundle with its key.
#[derive(Clone, Copy, Debug, Default)]
pub struct Discard;

impl StateSink for Discard {
    fn settings(&mut self, _: &crate::state::sink::Settings) -> Result<()> {
        Ok(())
    }
    fn schema(&mut self, _: &[crate::state::sink::SchemaRow]) -> Result<()> {
        Ok(())
    }
    fn selection(&mut self, _: &crate::state::selection::Selection) -> Result<()> {
        Ok(())
    }
    fn table(&mut self, _: &str) -> Result<()> {
        Ok(())
    }
    fn row(&mut self, _: crate::state::value::Key<'_>, _: &[crate::state::value::Value<'_>]) -> Result<()> {
        Ok(())
    }
    fn system_table(&mut self, _: &str, _: &[Vec<crate::state::value::Value<'_>>]) -> Result<()> {
        Ok(())
    }
}
