//! The way back: bundle → opened chunks → changes → rows. The same steps as `export.rs` and `writer.rs` in reverse; to
//! verify with the key is the same walk with a sink that keeps nothing.

use crate::chain::Deltas;
use crate::chunk::ChunkKind;
use crate::decoder::{Decoder, Report};
use crate::head::Form;
use crate::reader::{Item, Place, PublicReport, Splitter};
use crate::seal::Seal;
use crate::{DomainKeys, Error, RecoveryKey, Result, StateSink};
use subtle::ConstantTimeEq;

/// What comes out of an [`Opener`], for a [`Decoder`] that may run on another thread.
pub enum Opened {
    /// The recovery key is the right one; these are the keys of the bundle's domain.
    Keys(Box<DomainKeys>),
    /// The plaintext of a chunk.
    Chunk {
        /// What it holds.
        kind: ChunkKind,
        /// At most [`limits::CHUNK_MAX`](crate::limits::CHUNK_MAX) bytes.
        plaintext: Vec<u8>,
        /// For errors.
        place: Place,
    },
    /// All bytes have come, and each is what the exporter wrote.
    End(PublicReport),
}

/// Splits a bundle, checks its bytes and opens its chunks. The first half of [`Restore`].
pub struct Opener {
    key: RecoveryKey,
    splitter: Splitter,
    domain: Option<OpenDomain>,
}

struct OpenDomain {
    keys: DomainKeys,
    seal: Seal,
    head_hash: [u8; 32],
}

impl Opener {
    /// Nothing has been pushed yet.
    pub fn new(key: &RecoveryKey) -> Self {
        Self { key: key.clone(), splitter: Splitter::new(Form::Bundle), domain: None }
    }

    /// Takes the next bytes of the bundle, in pieces of any size, and hands out what they open.
    ///
    /// # Errors
    /// Wrong key, before anything is opened; corrupt or unsupported as soon as it shows; those of `emit`.
    pub fn push(&mut self, bytes: &[u8], mut emit: impl FnMut(Opened) -> Result<()>) -> Result<()> {
        let Self { key, splitter, domain } = self;
        splitter.push(bytes, |item| match (item, domain.as_ref()) {
            (Item::Head { head, hash }, _) => {
                let keys = key.domain(head.domain_id);
                if !bool::from(keys.commitment.ct_eq(&head.commitment)) {
                    return Err(Error::wrong_key("this recovery key did not make this bundle; nothing was opened"));
                }
                let seal = Seal::new(&keys);
                *domain = Some(OpenDomain { keys: keys.clone(), seal, head_hash: hash });
                emit(Opened::Keys(Box::new(keys)))
            }
            (Item::Chunk { kind, sealed, place }, Some(domain)) => {
                let plaintext = domain.seal.open(kind, sealed, &domain.head_hash).map_err(|error| error.at(place))?;
                emit(Opened::Chunk { kind, plaintext, place })
            }
            (Item::End(report), Some(domain)) => {
                // The signature was checked against the key that stands in the tail: it must be the domain's.
                if report.verify_key != domain.keys.verify_key() {
                    return Err(Error::corrupt("the bundle was signed by another key than its domain's"));
                }
                emit(Opened::End(report))
            }
            (Item::Chunk { .. } | Item::End(_), None) => Err(Error::corrupt("the head is missing")),
        })
    }

    /// The bundle is complete.
    ///
    /// # Errors
    /// Truncated when it is not.
    pub fn finish(&self) -> Result<()> {
        self.splitter.finish()
    }
}

/// Opens a full bundle, checks everything in it, and hands its state to a sink; or the state to which deltas lead on from
/// it.
///
/// Push the bundle in pieces of any size, then call [`Restore::finish`]. What the sink was given counts only after that has
/// succeeded: until then the bundle may turn out to be damaged. Holds one item of the bundle, one chunk, and one row.
pub struct Restore<'s, S> {
    opener: Opener,
    decoder: Decoder<'s, S>,
}

impl<'s, S: StateSink> Restore<'s, S> {
    /// Nothing has been pushed yet.
    pub fn new(key: &RecoveryKey, sink: S) -> Self {
        Self::over(key, Deltas::none(), sink)
    }

    /// The same for a chain: its full bundle is pushed, and these deltas lead on from it.
    pub fn over(key: &RecoveryKey, deltas: Deltas<'s>, sink: S) -> Self {
        Self { opener: Opener::new(key), decoder: Decoder::over(key, deltas, sink) }
    }

    /// Takes the next bytes of the bundle.
    ///
    /// # Errors
    /// Wrong key, corrupt, unsupported or too big as soon as it shows; those of the sink.
    pub fn push(&mut self, bytes: &[u8]) -> Result<()> {
        let Self { opener, decoder } = self;
        opener.push(bytes, |opened| decoder.take(opened))
    }

    /// The bundle is complete: the sink has the whole state, and it is the one that the bundle names.
    ///
    /// # Errors
    /// Truncated when it is not complete.
    pub fn finish(self) -> Result<(Report, S)> {
        self.opener.finish()?;
        self.decoder.finish()
    }

    /// The sink, to look at what it has got so far.
    pub fn sink(&mut self) -> &mut S {
        self.decoder.sink()
    }
}

/// A sink that keeps nothing: restoring into it verifies a bundle with its key.
#[derive(Clone, Copy, Debug, Default)]
pub struct Discard;

impl StateSink for Discard {
    fn settings(&mut self, _: &crate::Settings) -> Result<()> {
        Ok(())
    }
    fn schema(&mut self, _: &[crate::SchemaRow]) -> Result<()> {
        Ok(())
    }
    fn selection(&mut self, _: &crate::Selection) -> Result<()> {
        Ok(())
    }
    fn table(&mut self, _: &str) -> Result<()> {
        Ok(())
    }
    fn row(&mut self, _: crate::Key<'_>, _: &[crate::Value<'_>]) -> Result<()> {
        Ok(())
    }
    fn system_table(&mut self, _: &str, _: &[Vec<crate::Value<'_>>]) -> Result<()> {
        Ok(())
    }
}
