//! A damaged bundle, as far as its footer or its index proves it.

use crate::alloc;
use crate::chain::bundle::Bundle;
use crate::chain::ending::{ItemRecord, items, read_footer, why_no_footer};
use crate::chain::source::Source;
use crate::crypto::digest::{Total, sha256};
use crate::crypto::key::AccessKey;
use crate::crypto::schedule::DomainKeys;
use crate::error::{Error, ErrorKind, Result};
use crate::format::footer::Footer;
use crate::format::header::{HEADER_LENGTH, Header, not_of, wrong_key};
use crate::format::index::{Entry, Summary};
use crate::kinds::{ChunkKind, FileKind};
use crate::read::change_reader::check_ids;
use crate::salvage::header::{candidates, hash_of, is_proven};
use crate::salvage::hole::{Hole, holes_of};
use crate::salvage::rebuild::rebuild;
use crate::salvage::walk::{Walked, walk};
use std::rc::Rc;
use subtle::ConstantTimeEq;

type Interrupt<'i> = &'i mut dyn FnMut() -> Result<()>;

/// The entries of the chunks, and the summary.
type Index = (Vec<Entry>, Summary);

/// The damaged parts of a bundle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Damage {
    /// The header.
    pub header: bool,
    /// Chunks, and items that may have been chunks.
    pub chunks: usize,
    /// The index, or a page of it.
    pub index: bool,
    /// The footer, or the trailer that leads to it.
    pub footer: bool,
}

/// A bundle of which some chunks are proved.
pub(crate) struct Salvaged<'s> {
    pub bundle: Rc<Bundle<'s>>,
    pub holes: Rc<Vec<Hole>>,
    pub damage: Damage,
    /// The index is sound.
    pub is_indexed: bool,
}

/// # Errors
/// As [`Bundle::open`] where neither a footer nor the index proves anything; corrupt or too big for a bundle that no
/// exporter makes.
pub(crate) fn open<'s>(
    key: &AccessKey,
    source: Box<dyn Source + 's>,
    interrupt: Interrupt<'_>,
) -> Result<Salvaged<'s>> {
    let length = source.length()?;
    let header = read_header(&*source, length)?;
    let decoded = Header::decode(FileKind::Bundle, &header);
    let keys = match &decoded {
        Ok(decoded) => {
            let keys = key.keys(decoded.domain_id)?;
            if !bool::from(keys.commitment.ct_eq(&decoded.commitment)) {
                return Err(wrong_key(key));
            }
            vec![keys]
        }
        Err(error) if error.kind() == ErrorKind::Corrupt => candidates(key, &header),
        Err(error) => return Err(error.clone()),
    };
    let mut damage = Damage { header: decoded.is_err(), ..Damage::default() };
    let (footer, found) = match read_footer(&*source, length) {
        Ok(found) => (Some(found), Vec::new()),
        Err(error) if matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Truncated) => {
            damage.footer = true;
            let Walked { items, footer } = walk(&*source, length, interrupt)?;
            (footer, items)
        }
        Err(error) => return Err(error),
    };
    let Some((footer, footer_at)) = footer else {
        return by_index(key, source, keys, &found, damage, interrupt);
    };
    let items = items(&footer, footer_at)?;
    let (_, _, hash) = items[0];
    // The footer has the hash of the lost header.
    match (keys.into_iter().find(|keys| hash_of(keys) == hash), decoded) {
        (Some(keys), _) if footer.verify_key == keys.verify_key() => {
            by_footer(key, Bundle::without_index(source, keys, items, length), &footer, damage, interrupt)
        }
        (Some(_), _) => Err(Error::corrupt("the bundle was signed by another key than its domain's")),
        (None, Ok(_)) => Err(Error::corrupt("the header is not the one that the footer lists")),
        (None, Err(_)) if is_proven(&header, &hash) => Err(wrong_key(key)),
        (None, Err(error)) => Err(error),
    }
}

fn read_header(source: &dyn Source, length: u64) -> Result<[u8; HEADER_LENGTH]> {
    let mut header = [0; HEADER_LENGTH];
    let seen = usize::try_from(length).map_or(HEADER_LENGTH, |length| length.min(HEADER_LENGTH));
    source.read(0, &mut header[..seen])?;
    match seen {
        HEADER_LENGTH => Ok(header),
        _ if Header::may_begin(FileKind::Bundle, &header[..seen]) => {
            Err(Error::truncated(format!("the bundle ends at byte {length}, before it is complete; get it again")))
        }
        _ => Err(not_of(FileKind::Bundle, &header[..seen])),
    }
}

/// The footer lists the items. Those that have the listed hash are proved.
fn by_footer<'s>(
    key: &AccessKey,
    mut bundle: Bundle<'s>,
    footer: &Footer,
    damage: Damage,
    interrupt: Interrupt<'_>,
) -> Result<Salvaged<'s>> {
    bundle.lead(footer.base_id, footer.state_id);
    let mut sound = alloc::with_room(bundle.item_count(), "the list of the bundle's items")?;
    sound.push(true);
    for item in 1..bundle.item_count() {
        interrupt()?;
        sound.push(bundle.is_sound(item)?);
    }
    let (first, index) = index_of(&mut bundle, &sound)?;
    match index {
        Some((entries, summary)) => {
            check_ids(&summary, bundle.public(), &bundle.keys)?;
            bundle.name(key, summary);
            sound.drain(..1);
            sound.truncate(entries.len());
            check_kinds(&bundle, &entries, |chunk| sound[chunk])?;
            let damage = Damage { chunks: damaged(&sound), ..damage };
            let holes = holes_of(&entries, &mut sound)?;
            bundle.describe(entries, |chunk| sound[chunk])?;
            Ok(Salvaged { bundle: Rc::new(bundle), holes: Rc::new(holes), damage, is_indexed: true })
        }
        None => {
            // The last item belongs to the index in any case.
            let end = first.min(bundle.item_count() - 1);
            let (entries, holes) = rebuild(&bundle, end, &sound, interrupt)?;
            let damage = Damage { chunks: damaged(&sound[..=entries.len()]), index: true, ..damage };
            bundle.describe(entries, |_| true)?;
            Ok(Salvaged { bundle: Rc::new(bundle), holes: Rc::new(holes), damage, is_indexed: false })
        }
    }
}

/// Checks that sound items are of the kinds that the index states. Not all of them are read again.
fn check_kinds(bundle: &Bundle<'_>, entries: &[Entry], is_sound: impl Fn(usize) -> bool) -> Result<()> {
    for (chunk, entry) in entries.iter().enumerate().filter(|(chunk, _)| is_sound(*chunk)) {
        if bundle.kind_of(chunk + 1)? != entry.kind {
            return Err(Error::corrupt("the index does not describe the chunks").at_item(bundle.position(chunk + 1)));
        }
    }
    Ok(())
}

fn damaged(sound: &[bool]) -> usize {
    sound.iter().filter(|is_sound| !**is_sound).count()
}

/// The first of the sound pages at the end. Also the index, if these are all of its pages.
fn index_of(bundle: &mut Bundle<'_>, sound: &[bool]) -> Result<(usize, Option<Index>)> {
    let mut first = sound.len();
    while first > 1 && sound[first - 1] && bundle.begins_as(first - 1, ChunkKind::IndexPage)? {
        first -= 1;
    }
    // A damaged item before them may be a page or a chunk.
    let may_lack = first > 1 && !sound[first - 1];
    if first == sound.len() {
        return if may_lack { Ok((first, None)) } else { Err(Error::corrupt("the index is missing")) };
    }
    match bundle.read_index(first) {
        Ok(index) => Ok((first, Some(index))),
        Err(error) if error.kind() == ErrorKind::Corrupt && may_lack => Ok((first, None)),
        Err(error) => Err(error),
    }
}

/// The footer is lost. Where all pages of the index open, the index proves all chunks that it describes.
fn by_index<'s>(
    key: &AccessKey,
    mut source: Box<dyn Source + 's>,
    keys: Vec<DomainKeys>,
    found: &[(u64, usize)],
    damage: Damage,
    interrupt: Interrupt<'_>,
) -> Result<Salvaged<'s>> {
    let length = source.length()?;
    let mut records: Vec<ItemRecord> = alloc::with_room(found.len(), "the list of the bundle's items")?;
    for (offset, length) in found {
        interrupt()?;
        let mut item = alloc::zeros(*length, "the next chunk")?;
        source.read(*offset, &mut item)?;
        records.push((*offset, *length, sha256(&item)));
    }
    for keys in keys {
        let mut items: Vec<ItemRecord> = alloc::with_room(records.len(), "the list of the bundle's items")?;
        items.extend_from_slice(&records);
        items[0].2 = hash_of(&keys);
        let mut bundle = Bundle::without_index(source, keys, items, length);
        let first = bundle.first_page()?;
        match bundle.read_index(first) {
            Ok((entries, summary)) => {
                let id = |total: Total| total.state_id(&bundle.keys);
                let base = (summary.base != Total::default()).then(|| id(summary.base));
                let state = id(summary.target);
                bundle.lead(base, state);
                check_ids(&summary, bundle.public(), &bundle.keys)?;
                bundle.name(key, summary);
                check_kinds(&bundle, &entries, |_| true)?;
                bundle.describe(entries, |_| true)?;
                let holes = Rc::new(Vec::new());
                return Ok(Salvaged { bundle: Rc::new(bundle), holes, damage, is_indexed: true });
            }
            Err(error) if error.kind() == ErrorKind::Corrupt => source = bundle.into_source(),
            Err(error) => return Err(error),
        }
    }
    Err(why_no_footer(FileKind::Bundle, &*source, length)?)
}
