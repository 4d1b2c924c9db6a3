//! Sealing: compress where that is shorter, pad, encrypt. Opening takes the same steps in reverse (`FORMAT.md`,
//! "Seal").

use crate::alloc;
use crate::cbor::{self, Append, put, put_array};
use crate::crypto::schedule::DomainKeys;
use crate::crypto::siv_batch::{self, Associated, SideBySide};
use crate::error::{Error, Result};
use crate::kinds::{ChunkKind, Compression};
use crate::limits;
use aes_siv::{KeyInit, siv::Aes256Siv};
use std::cell::RefCell;

const CHUNK_LABEL: &[u8] = b"lifeboat suite 1 chunk";
const INDEX_LABEL: &[u8] = b"lifeboat suite 1 index";
const TAG: usize = 16;
/// The bytes of a box before its content, at most: array, method, length, head of the byte string.
const BOX_HEAD_MAX: usize = 12;
/// The longest sealed chunk.
pub(crate) const SEALED_MAX: usize = TAG + padded_length(limits::CHUNK_MAX + BOX_HEAD_MAX);
/// The level of the pinned zstd. The result depends on the input alone, on every machine.
const LEVEL: i32 = 1;

/// The largest window of a zstd frame.
const WINDOW_MAX: u64 = 8 << 20;

const STORED: u64 = 0;
const ZSTD: u64 = 1;

/// The Padmé length (Nikitin et al., 2019): it adds at most 12%, and shows only O(log log) of the length.
const fn padded_length(length: usize) -> usize {
    if length < 2 {
        return length;
    }
    let exponent = length.ilog2();
    let kept = exponent.ilog2() + 1;
    if kept > exponent {
        return length;
    }
    let mask = (1_usize << (exponent - kept)) - 1;
    (length + mask) & !mask
}

/// Seals and opens the chunks of one domain.
pub(crate) struct Seal {
    chunk: RefCell<Aes256Siv>,
    index: RefCell<Aes256Siv>,
    /// For several chunks of changes at once, by the number of their kind.
    several: (SideBySide, [Associated; 3]),
    compressor: RefCell<Option<zstd_safe::CCtx<'static>>>,
    opener: RefCell<Option<zstd_safe::DCtx<'static>>>,
}

impl Seal {
    pub fn new(keys: &DomainKeys) -> Self {
        let siv = |key: &[u8; 64]| RefCell::new(Aes256Siv::new(key.into()));
        let several = SideBySide::new(&keys.chunk_seal);
        let kinds = [ChunkKind::Changes, ChunkKind::Part, ChunkKind::LastPart];
        let associated = kinds.map(|kind| several.associate(&[&associated(kind)]));
        Self {
            chunk: siv(&keys.chunk_seal),
            index: siv(&keys.index_seal),
            several: (several, associated),
            compressor: RefCell::new(None),
            opener: RefCell::new(None),
        }
    }

    /// Compresses, pads and encrypts one chunk of changes.
    pub fn seal(&self, kind: ChunkKind, compression: Compression, plain: &[u8]) -> Result<Vec<u8>> {
        let mut sealed = self.pack(compression, plain)?;
        encrypt(&mut self.chunk.borrow_mut(), &[&associated(kind)], &mut sealed)?;
        Ok(sealed)
    }

    /// Pads and encrypts a page of the index. `before`: SHA-256 of the records of all items before it.
    pub fn seal_page(&self, plain: &[u8], before: &[u8; 32]) -> Result<Vec<u8>> {
        // It is never compressed: bounds of keys and names of tables stand side by side here.
        let mut sealed = self.pack(Compression::None, plain)?;
        encrypt(&mut self.index.borrow_mut(), &[&page(before)], &mut sealed)?;
        Ok(sealed)
    }

    /// The same as [`Seal::seal`] for several chunks of changes at once, which takes less time. The bytes are the same.
    pub fn seal_several<'p>(
        &self,
        chunks: impl Iterator<Item = (ChunkKind, Compression, &'p [u8])>,
    ) -> Result<Vec<Vec<u8>>> {
        let mut sealed = Vec::new();
        let mut kinds = Vec::new();
        for (kind, compression, plain) in chunks {
            sealed.push(self.pack(compression, plain)?);
            kinds.push(kind);
        }
        let (several, _) = &self.several;
        let mut messages = Vec::new();
        let mut places = Vec::new();
        for (place, (bytes, kind)) in sealed.iter_mut().zip(&kinds).enumerate() {
            match self.associated(*kind, bytes.len()) {
                Some(associated) => {
                    messages.push((associated, bytes.as_mut_slice()));
                    places.push(place);
                }
                None => encrypt(&mut self.chunk.borrow_mut(), &[&associated(*kind)], bytes)?,
            }
        }
        let tags = several.encrypt(&mut messages);
        for (place, tag) in places.into_iter().zip(tags) {
            sealed[place].splice(..0, tag);
        }
        Ok(sealed)
    }

    /// The associated data of a chunk of this kind and padded length, if it can be sealed beside others.
    fn associated(&self, kind: ChunkKind, padded: usize) -> Option<&Associated> {
        let (_, associated) = &self.several;
        associated.get(usize::from(kind.number())).filter(|_| padded >= siv_batch::BLOCK)
    }

    /// Compresses where that is shorter, boxes, and pads.
    fn pack(&self, compression: Compression, plain: &[u8]) -> Result<Vec<u8>> {
        let packed = match compression {
            Compression::Zstd => self.compress(plain)?,
            Compression::None => None,
        };
        let (method, content) = match &packed {
            Some(packed) => (ZSTD, packed.as_slice()),
            None => (STORED, plain),
        };
        // The memory of all later steps: the tag, too.
        let most = TAG + padded_length(BOX_HEAD_MAX + content.len());
        let mut sealed = alloc::with_room(most, "the next chunk")?;
        let out = &mut Append(&mut sealed);
        put_array(out, 3);
        put(out, method);
        put(out, plain.len() as u64);
        put(out, cbor::Bytes(content));
        let length = padded_length(sealed.len());
        sealed.resize(length, 0);
        Ok(sealed)
    }

    fn compress(&self, plain: &[u8]) -> Result<Option<Vec<u8>>> {
        let failed = |code| match zstd_safe::get_error_name(code) {
            name if name.contains("not enough memory") => no_memory_for_zstd(),
            name => Error::host(format!("zstd: {name}")),
        };
        let mut context = self.compressor.borrow_mut();
        let context = match &mut *context {
            Some(context) => context,
            empty => {
                let mut context = zstd_safe::CCtx::try_create().ok_or_else(no_memory_for_zstd)?;
                context.set_parameter(zstd_safe::CParameter::CompressionLevel(LEVEL)).map_err(failed)?;
                empty.insert(context)
            }
        };
        let mut packed = alloc::zeros(zstd_safe::compress_bound(plain.len()), "the next chunk")?;
        let length = context.compress2(packed.as_mut_slice(), plain).map_err(failed)?;
        packed.truncate(length);
        Ok((length < plain.len()).then_some(packed))
    }

    /// Decrypts, unpads and decompresses one chunk of changes. Allocates at most the sealed length and
    /// [`limits::CHUNK_MAX`].
    ///
    /// # Errors
    /// Corrupt when the bytes are not what [`Seal::seal`] gives for these keys.
    pub fn open(&self, kind: ChunkKind, sealed: &[u8]) -> Result<Vec<u8>> {
        let mut padded = alloc::copy(sealed, "the next chunk")?;
        decrypt(&mut self.chunk.borrow_mut(), &[&associated(kind)], &mut padded)?;
        self.unpack(&padded)
    }

    /// The same for a page of the index. `before`: SHA-256 of the records of all items before it.
    ///
    /// # Errors
    /// As [`Seal::open`].
    pub fn open_page(&self, sealed: &[u8], before: &[u8; 32]) -> Result<Vec<u8>> {
        let mut padded = alloc::copy(sealed, "the next chunk")?;
        decrypt(&mut self.index.borrow_mut(), &[&page(before)], &mut padded)?;
        self.unpack(&padded)
    }

    /// The same as [`Seal::open`] for several chunks at once, which takes less time. All are decrypted at once, then
    /// unpacked one by one.
    pub fn open_several(&self, mut sealed: Vec<(ChunkKind, Vec<u8>)>) -> impl Iterator<Item = Result<Vec<u8>>> {
        let mut messages = Vec::new();
        let mut tags = Vec::new();
        let mut opened = vec![None; sealed.len()];
        let mut places = Vec::new();
        for (place, (kind, bytes)) in sealed.iter_mut().enumerate() {
            let Some((tag, padded)) = bytes.split_first_chunk_mut::<TAG>() else { continue };
            if let Some(associated) = self.associated(*kind, padded.len()) {
                messages.push((associated, padded));
                tags.push(*tag);
                places.push(place);
            }
        }
        // A chunk that is alone goes the way of `open`.
        if messages.len() > 1 {
            let found = self.several.0.decrypt(&mut messages, &tags);
            places.into_iter().zip(found).for_each(|(place, is_opened)| opened[place] = Some(is_opened));
        }
        sealed.into_iter().zip(opened).map(|((kind, bytes), opened)| match opened {
            Some(true) => self.unpack(&bytes[TAG..]),
            Some(false) => Err(broken()),
            None => self.open(kind, &bytes),
        })
    }

    /// Unpads and decompresses.
    fn unpack(&self, padded: &[u8]) -> Result<Vec<u8>> {
        let mut reader = cbor::Reader::new(padded);
        reader.array_of(3)?;
        let (method, length): (u64, u64) = (reader.decode()?, reader.decode()?);
        let content = reader.bytes()?;
        let padding = reader.rest();
        let mut again = Vec::with_capacity(BOX_HEAD_MAX);
        put_array(&mut Append(&mut again), 3);
        put(&mut Append(&mut again), method);
        put(&mut Append(&mut again), length);
        let box_length = padded.len() - padding.len();
        let content_head = box_length - content.len();
        put(&mut Append(&mut again), HeadOf(content.len()));
        if padded[..content_head] != again
            || padded_length(box_length) != padded.len()
            || padding.iter().any(|byte| *byte != 0)
        {
            return Err(Error::corrupt("the padding or the box of a chunk is not in canonical form"));
        }
        let length = usize::try_from(length).ok().filter(|length| *length <= limits::CHUNK_MAX);
        let length = length.ok_or_else(|| {
            Error::too_big(format!("a chunk whose plaintext has more than {} bytes", limits::CHUNK_MAX))
        })?;
        match method {
            STORED if content.len() == length => alloc::copy(content, "the next chunk"),
            STORED => Err(Error::corrupt("the stated length of a chunk is not its length")),
            ZSTD => self.decompress(content, length),
            other => Err(Error::unsupported(format!("the unknown compression method {other}; use a newer version"))),
        }
    }

    fn decompress(&self, content: &[u8], length: usize) -> Result<Vec<u8>> {
        let wrong = || Error::corrupt("the compressed content of a chunk does not give its stated length");
        let mut context = self.opener.borrow_mut();
        let context = match &mut *context {
            Some(context) => context,
            empty => empty.insert(zstd_safe::DCtx::try_create().ok_or_else(no_memory_for_zstd)?),
        };
        if content.len() >= length || zstd_safe::find_frame_compressed_size(content) != Ok(content.len()) {
            return Err(wrong());
        }
        if window(content).is_none_or(|window| window > WINDOW_MAX)
            || zstd_safe::get_dict_id_from_frame(content).is_some()
        {
            return Err(Error::corrupt("a chunk whose zstd frame asks for a dictionary, or for a window above 8 MiB"));
        }
        let mut plain = alloc::zeros(length, "the next chunk")?;
        match context.decompress(plain.as_mut_slice(), content) {
            Ok(written) if written == length => Ok(plain),
            _ => Err(wrong()),
        }
    }
}

fn no_memory_for_zstd() -> Error {
    Error::no_memory("there is no memory for zstd")
}

/// Replaces the bytes by their sealed form: the SIV, then the ciphertext.
pub(crate) fn encrypt(cipher: &mut Aes256Siv, associated: &[&[u8]], bytes: &mut Vec<u8>) -> Result<()> {
    cipher.encrypt_in_place(associated, bytes).map_err(|_| Error::too_big("a chunk that the seal does not take"))
}

/// The same in reverse.
pub(crate) fn decrypt(cipher: &mut Aes256Siv, associated: &[&[u8]], bytes: &mut Vec<u8>) -> Result<()> {
    cipher.decrypt_in_place(associated, bytes).map_err(|_| broken())
}

fn broken() -> Error {
    Error::corrupt("the seal is broken: the bytes are not what the exporter wrote")
}

/// The window that a zstd frame asks for (RFC 8878, 3.1.1.1). It is 0 for a frame of one segment. None: it is not a
/// zstd frame.
fn window(frame: &[u8]) -> Option<u64> {
    let [0x28, 0xb5, 0x2f, 0xfd, descriptor, window, ..] = *frame else { return None };
    if descriptor & 0x20 != 0 {
        return Some(0);
    }
    let base = 1_u64 << (10 + (window >> 3));
    Some(base + base / 8 * u64::from(window & 7))
}

/// The one associated-data string of a page of the index.
fn page(before: &[u8; 32]) -> Vec<u8> {
    [INDEX_LABEL, &[0], before].concat()
}

/// The one associated-data string of a chunk of changes.
fn associated(kind: ChunkKind) -> Vec<u8> {
    [CHUNK_LABEL, &[0], &[kind.number()]].concat()
}

/// The head of a byte string of this length, without its bytes.
struct HeadOf(usize);

impl cbor::Encode for HeadOf {
    fn encode<W: cbor::Write>(&self, writer: &mut W) -> Result<(), cbor4ii::core::enc::Error<W::Error>> {
        cbor4ii::core::types::Bytes::bounded(self.0, writer)
    }
}

#[cfg(test)]
mod tests {
    use super::{LEVEL, Seal, padded_length};
    use crate::error::ErrorKind;
    use crate::kinds::ChunkKind;
    use crate::kinds::Compression;
    use crate::tests::forged::{key, random};

    fn seal() -> Seal {
        let key = key();
        Seal::new(&key.domain("test").expect("it is a name"))
    }

    #[test]
    fn several_are_sealed_and_opened_as_each_alone() {
        let seal = seal();
        let zstd = Compression::Zstd;
        let plain = |length: usize| (0..length).map(|at| ((at * at) >> 3) as u8).collect::<Vec<_>>();
        let chunks = [
            (ChunkKind::Changes, Compression::None, plain(10_000)),
            (ChunkKind::Changes, zstd, Vec::new()),
            (ChunkKind::Part, Compression::None, plain(40_000)),
            (ChunkKind::LastPart, zstd, plain(10)),
            (ChunkKind::LastPart, Compression::None, plain(7_000)),
            (ChunkKind::Changes, zstd, plain(30_001)),
            (ChunkKind::Changes, Compression::None, plain(4)),
        ];
        for count in 0..=chunks.len() {
            let chunks = &chunks[..count];
            let together = seal.seal_several(chunks.iter().map(|(a, b, c)| (*a, *b, c.as_slice())));
            let together = together.expect("they are short");
            let alone = |(kind, compression, plain): &(_, _, Vec<u8>)| seal.seal(*kind, *compression, plain);
            assert!(together == chunks.iter().map(|chunk| alone(chunk).expect("it is short")).collect::<Vec<_>>());

            // One after the other is damaged; the others open.
            for broken in 0..=count {
                let mut sealed: Vec<_> = chunks.iter().map(|(kind, ..)| *kind).zip(together.clone()).collect();
                if let Some((_, bytes)) = sealed.get_mut(broken) {
                    let last = bytes.len() - 1;
                    bytes[last] ^= 1;
                }
                let opened = seal.open_several(sealed);
                for (place, (opened, (_, _, plain))) in opened.zip(chunks).enumerate() {
                    match opened {
                        Ok(opened) => assert!(place != broken && opened == *plain),
                        Err(error) => assert_eq!((place, error.kind()), (broken, ErrorKind::Corrupt)),
                    }
                }
            }
        }
    }

    /// A reader takes no content that is as long as what it unfolds to.
    #[test]
    fn what_does_not_get_shorter_is_stored() {
        let seal = seal();
        let mut random = random();
        let (mut as_long, mut shorter) = (0, 0);
        for length in 1..2000 {
            let mut plain: Vec<u8> = (0..length % 40 + 8).map(|_| random(256) as u8).collect();
            plain.extend(vec![0; length / 40]);
            let mut packed = vec![0; 2 * plain.len() + 64];
            let packed = zstd_safe::compress(packed.as_mut_slice(), &plain, LEVEL).expect("there is room");
            as_long += u32::from(packed == plain.len());
            shorter += u32::from(packed < plain.len());
            let kept = seal.compress(&plain).expect("memory");
            assert_eq!(kept.map(|kept| kept.len()), (packed < plain.len()).then_some(packed));
            let sealed = seal.seal(ChunkKind::Changes, Compression::Zstd, &plain).expect("it is short");
            assert!(seal.open(ChunkKind::Changes, &sealed).expect("it was just sealed") == plain);
        }
        assert!(as_long > 10 && shorter > 10, "{as_long} {shorter}");
    }

    #[test]
    fn a_frame_asks_for_no_large_window() {
        let frame = |descriptor, window| super::window(&[0x28, 0xb5, 0x2f, 0xfd, descriptor, window, 0]);
        // Ten and its exponent, and eighths.
        assert_eq!([frame(0, 13 << 3), frame(0, 0), frame(0x20, 255)], [Some(8 << 20), Some(1 << 10), Some(0)]);
        assert_eq!(frame(0, (13 << 3) + 1), Some(9 << 20));
        assert_eq!(super::window(&[0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0]), None);
    }

    #[test]
    fn padme_lengths_are_those_of_the_paper() {
        for (length, padded) in [(0, 0), (1, 1), (8, 8), (9, 10), (100, 104), (1000, 1024), (1 << 20, 1 << 20)] {
            assert_eq!(padded_length(length), padded, "{length}");
        }
        for length in 1..100_000_usize {
            let padded = padded_length(length);
            assert!(padded >= length && padded * 100 <= length * 112 && padded_length(padded) == padded, "{length}");
        }
    }
}
