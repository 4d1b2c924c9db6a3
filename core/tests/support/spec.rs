//! A bundle (or a ledger) by its parts: what an exporter with the key would write of them, and wrong where a vector wants
//! it, with all that comes after the fault sealed, hashed and signed as it should be.
//!
//! Written from FORMAT.md, apart from the writer under test.

use super::cbor::{Cbor, NULL, blob, head, list};
use super::keys::{FileKind, Keys, Total, padme, seal, sha256};
use super::state::{Change, Item, bound, total};

pub const MIB: usize = 1 << 20;

/// A chunk before it is sealed.
#[derive(Clone, Debug)]
pub struct Part {
    pub kind: u8,
    pub plaintext: Vec<u8>,
    /// Its entry in the index; null for a page of the index.
    pub entry: Cbor,
    /// The padded box, if it is not that of the plaintext.
    pub padded: Option<Vec<u8>>,
    /// The key of the seal and the associated data, if they are not those of the kind.
    pub seal_key: Option<[u8; 64]>,
    pub associated: Option<Vec<u8>>,
    /// Packed without compression.
    pub stored: bool,
}

/// The footer before it is encoded, and how it is signed.
#[derive(Clone, Debug)]
pub struct FooterParts {
    /// Base id, state id, records, verify key.
    pub fields: Vec<Cbor>,
    pub array_head: Vec<u8>,
    pub label: String,
    pub signer: Keys,
    pub signature_head: Vec<u8>,
    /// In the place of the signature that `signer` gives for the bytes before it.
    pub signature: Option<Vec<u8>>,
    /// Bytes between the signature and the trailer, which counts them.
    pub after: Vec<u8>,
}

type Fault<T> = Option<Box<dyn Fn(&mut T)>>;

/// Changes that share a chunk, or one that is cut into parts.
#[derive(Clone, Debug)]
pub enum Chunk {
    Small(Vec<Change>),
    Large(Change),
}

pub struct BundleSpec {
    pub keys: Keys,
    pub base: Total,
    pub chunks: Vec<Chunk>,
    head: Fault<Vec<u8>>,
    parts: Fault<Vec<Part>>,
    index: Fault<Vec<Cbor>>,
    pages: Fault<Vec<Part>>,
    items: Fault<Vec<Vec<u8>>>,
    footer: Fault<FooterParts>,
    trailer: Fault<Vec<u8>>,
}

macro_rules! faults {
    ($($(#[$doc:meta])* $name:ident $field:ident $type:ty),* $(,)?) => {$(
        $(#[$doc])*
        #[must_use]
        pub fn $name(mut self, fault: impl Fn(&mut $type) + 'static) -> Self {
            self.$field = Some(Box::new(fault));
            self
        }
    )*};
}

impl BundleSpec {
    /// A full bundle of this state, in one chunk.
    pub fn full(items: &[Item]) -> Self {
        Self::of(Keys::bundle(), Total::default(), vec![Chunk::Small(items.iter().map(Change::write).collect())])
    }

    /// A delta of these changes, in one chunk, that leads on from this state.
    pub fn delta(base: &[Item], changes: Vec<Change>) -> Self {
        let chunks = if changes.is_empty() { vec![] } else { vec![Chunk::Small(changes)] };
        Self::of(Keys::bundle(), total(&Keys::bundle(), base), chunks)
    }

    /// A ledger of this state: digests in the place of most values.
    pub fn ledger(items: &[Item]) -> Self {
        let keys = Keys::ledger();
        let changes = items.iter().map(|item| Change::noted(&keys, item)).collect();
        Self::of(keys, Total::default(), vec![Chunk::Small(changes)])
    }

    pub fn of(keys: Keys, base: Total, chunks: Vec<Chunk>) -> Self {
        let (head, parts, index, pages, items, footer, trailer) = (None, None, None, None, None, None, None);
        Self { keys, base, chunks, head, parts, index, pages, items, footer, trailer }
    }

    faults! {
        /// the header, all of which is sealed and hashed as it stands afterwards.
        with_head head Vec<u8>,
        /// The chunks of changes: what is not made of the entries here is that of the chunks as they were.
        with_parts parts Vec<Part>,
        /// The entries of the index and its summary.
        with_index index Vec<Cbor>,
        /// The pages of the index.
        with_pages pages Vec<Part>,
        /// The encoded items, from the header to the last page of the index: what the footer lists.
        with_items items Vec<Vec<u8>>,
        with_footer footer FooterParts,
        with_trailer trailer Vec<u8>,
    }

    /// One fault of the plaintext of the first chunk.
    #[must_use]
    pub fn with_plaintext(self, fault: impl Fn(&mut Vec<u8>) + 'static) -> Self {
        self.with_parts(move |parts| fault(&mut parts[0].plaintext))
    }

    /// One fault of the summary.
    #[must_use]
    pub fn with_summary(self, fault: impl Fn(&mut Cbor) + 'static) -> Self {
        self.with_index(move |index| fault(index.last_mut().expect("an index has a summary")))
    }

    fn changes(&self) -> impl Iterator<Item = &Change> {
        self.chunks.iter().flat_map(|chunk| match chunk {
            Chunk::Small(changes) => changes.as_slice(),
            Chunk::Large(change) => std::slice::from_ref(change),
        })
    }

    /// What the changes lead to.
    pub fn target(&self) -> Total {
        self.changes().fold(self.base, |total, change| {
            let (sum, items) = change.adds(&self.keys);
            Total { sum: total.sum.wrapping_add(sum), items: total.items + items }
        })
    }

    pub fn base_id(&self) -> Option<[u8; 32]> {
        (self.base != Total::default()).then(|| self.keys.state_id(&self.base))
    }

    pub fn state_id(&self) -> [u8; 32] {
        self.keys.state_id(&self.target())
    }

    fn parts(&self) -> Vec<Part> {
        self.chunks.iter().flat_map(|chunk| self.parts_of(chunk)).collect()
    }

    fn parts_of(&self, chunk: &Chunk) -> Vec<Part> {
        match chunk {
            Chunk::Small(changes) => vec![Part::new(0, plaintext(changes), self.entry(0, changes))],
            Chunk::Large(change) => {
                let change = std::slice::from_ref(change);
                let whole = plaintext(change);
                let pieces =
                    whole.chunks(MIB).map(|piece| Part::new(1, piece.to_vec(), list![1, blob([0; 16]), list![]]));
                let mut parts: Vec<Part> = pieces.collect();
                let last = parts.last_mut().expect("a change has bytes");
                (last.kind, last.entry) = (2, self.entry(2, change));
                parts
            }
        }
    }

    fn entry(&self, kind: i64, changes: &[Change]) -> Cbor {
        let mut runs: Vec<Cbor> = Vec::new();
        let (mut sum, mut last, mut counts) = (0_u128, None, [0_i64; 2]);
        for change in changes {
            sum = sum.wrapping_add(change.adds(&self.keys).0);
            if last.replace(&change.table) != Some(&change.table) {
                counts = [0; 2];
                runs.push(list![change.table.clone(), 0, 0, bound(&change.key)]);
            }
            counts[usize::from(change.new != NULL)] += 1;
            let run = runs.last_mut().expect("one was begun").items();
            (run[1], run[2]) = (counts[0].into(), counts[1].into());
        }
        list![kind, blob(sum.to_be_bytes()), runs]
    }

    /// The encoded items, from the header to the last page of the index.
    pub fn items(&self) -> Vec<Vec<u8>> {
        let mut parts = self.parts();
        apply(&self.parts, &mut parts);
        let total = |total: Total| list![blob(total.sum.to_be_bytes()), Cbor::Int(total.items)];
        let mut index: Vec<Cbor> = parts.iter().map(|part| part.entry.clone()).collect();
        let (base, target) = (total(self.base), total(self.target()));
        index.push(list![self.keys.domain.as_str(), base, target]);
        apply(&self.index, &mut index);
        let index: Vec<u8> = index.iter().flat_map(Cbor::encode).collect();
        let mut pages: Vec<Part> = index.chunks(MIB).map(Part::page).collect();
        apply(&self.pages, &mut pages);
        let mut head = self.head();
        apply(&self.head, &mut head);
        let mut items = vec![head];
        for part in parts.iter().chain(&pages) {
            let records: Vec<u8> = items.iter().flat_map(|item| record(item)).collect();
            items.push(part.item(&self.keys, &records));
        }
        apply(&self.items, &mut items);
        items
    }

    /// The whole bundle.
    pub fn bytes(&self) -> Vec<u8> {
        let items = self.items();
        let footer = self.footer(&items);
        let mut trailer = [&[0x48][..], &(footer.len() as u64).to_be_bytes()].concat();
        apply(&self.trailer, &mut trailer);
        [items.concat(), footer, trailer].concat()
    }

    fn head(&self) -> Vec<u8> {
        let magic = match self.keys.form {
            FileKind::Bundle => "lifeboat",
            FileKind::Ledger => "lbledger",
        };
        checked(
            &[
                &[0xd9, 0xd9, 0xf7, 0x86, 0x68][..],
                magic.as_bytes(),
                &[1, 1, 0x50],
                &self.keys.domain_id,
                &[0x58, 0x20],
                &self.keys.commitment,
            ]
            .concat(),
        )
    }

    /// Base id, state id, records, verify key.
    pub fn footer_fields(&self) -> Vec<Cbor> {
        self.fields_for(&self.items())
    }

    fn fields_for(&self, items: &[Vec<u8>]) -> Vec<Cbor> {
        let records: Vec<u8> = items.iter().flat_map(|item| record(item)).collect();
        vec![self.base_id().map_or(NULL, blob), blob(self.state_id()), blob(records), blob(self.keys.verify_key())]
    }

    fn footer(&self, items: &[Vec<u8>]) -> Vec<u8> {
        let mut footer = FooterParts {
            fields: self.fields_for(items),
            array_head: vec![0x85],
            label: "lifeboat suite 1 signature".to_owned(),
            signer: self.keys.clone(),
            signature_head: vec![0x58, 0x40],
            signature: None,
            after: Vec::new(),
        };
        apply(&self.footer, &mut footer);
        let mut encoded = footer.array_head;
        footer.fields.iter().for_each(|field| encoded.extend(field.encode()));
        let signature = footer.signature.unwrap_or_else(|| footer.signer.sign(&footer.label, &encoded).to_vec());
        [encoded, footer.signature_head, signature, footer.after].concat()
    }
}

fn apply<T>(fault: &Fault<T>, part: &mut T) {
    if let Some(fault) = fault {
        fault(part);
    }
}

/// A header with its check.
pub fn checked(fields: &[u8]) -> Vec<u8> {
    [fields, &[0x48], &sha256(fields)[..8]].concat()
}

/// The record of an item.
pub fn record(item: &[u8]) -> Vec<u8> {
    [&(item.len() as u32).to_be_bytes()[..], &sha256(item)].concat()
}

/// The plaintext of a chunk of changes: heads of runs, steps in the place of rowids.
pub fn plaintext(changes: &[Change]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut last: Option<&Change> = None;
    for change in changes {
        let previous = last.filter(|last| last.table == change.table);
        if previous.is_none() {
            bytes.extend(change.table.encode());
        }
        let key = match (&change.key, previous.map(|last| &last.key)) {
            (Cbor::Int(rowid), Some(Cbor::Int(before))) => Cbor::Int(rowid - before - 1),
            (key, _) => key.clone(),
        };
        bytes.extend(change.written(key));
        last = Some(change);
    }
    bytes
}

/// A box with these fields, padded.
pub fn padded(method: u64, length: u64, content: &[u8]) -> Vec<u8> {
    pad(list![method, length, blob(content)].encode())
}

pub fn pad(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.resize(padme(bytes.len()), 0);
    bytes
}

/// One zstd frame, as a writer makes it.
pub fn zstd(plaintext: &[u8]) -> Vec<u8> {
    let mut frame = vec![0; zstd_safe::compress_bound(plaintext.len())];
    let length = zstd_safe::compress(frame.as_mut_slice(), plaintext, 1).expect("there is room");
    frame.truncate(length);
    frame
}

impl Part {
    pub fn new(kind: u8, plaintext: Vec<u8>, entry: Cbor) -> Self {
        Self { kind, plaintext, entry, padded: None, seal_key: None, associated: None, stored: kind == 3 }
    }

    pub fn page(plaintext: &[u8]) -> Self {
        Self::new(3, plaintext.to_vec(), NULL)
    }

    /// The chunk as it stands in the bundle, behind items of these records.
    fn item(&self, keys: &Keys, records: &[u8]) -> Vec<u8> {
        let sealed = self.sealed(keys, records);
        [&[0x82, self.kind][..], &head(2, sealed.len() as u64), &sealed].concat()
    }

    pub fn sealed(&self, keys: &Keys, records: &[u8]) -> Vec<u8> {
        let (key, associated) = match self.kind {
            3 => (keys.index_seal, [&b"lifeboat suite 1 index\0"[..], &sha256(records)].concat()),
            kind => (keys.chunk_seal, [&b"lifeboat suite 1 chunk\0"[..], &[kind]].concat()),
        };
        let associated = self.associated.as_ref().unwrap_or(&associated);
        seal(&self.seal_key.unwrap_or(key), associated, &self.padded.clone().unwrap_or_else(|| self.boxed()))
    }

    fn boxed(&self) -> Vec<u8> {
        let length = self.plaintext.len() as u64;
        let packed = Some(zstd(&self.plaintext)).filter(|packed| !self.stored && packed.len() < self.plaintext.len());
        match packed {
            Some(packed) => padded(1, length, &packed),
            None => padded(0, length, &self.plaintext),
        }
    }
}
