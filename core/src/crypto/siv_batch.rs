//! The seal of several chunks at once. AES-SIV reads its plaintext through CMAC, where each block waits for the one
//! before it. A machine can do four blocks in the time of one, with or without instructions for AES. So four chunks are
//! read side by side.
//!
//! This is RFC 5297 over the cipher of the package `aes` and the counter mode of the package `ctr`, and nothing more.
//! It gives the same bytes as the package `aes-siv`. That package seals and opens each chunk that comes alone, and the
//! tests compare with it.

use aes::Aes256Enc;
use aes::cipher::consts::U16;
use aes::cipher::inout::InOutBuf;
use aes::cipher::{
    Array, BlockCipherEncBackend, BlockCipherEncClosure, BlockCipherEncrypt, BlockSizeUser, InnerIvInit, KeyInit,
    StreamCipherCore,
};
use ctr::CtrCore;
use ctr::flavors::Ctr128BE;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

/// A block of AES.
pub(crate) const BLOCK: usize = 16;
/// The number of blocks that the software form of the package `aes` encrypts at once.
const LANES: usize = 4;

type Block = Array<u8, U16>;

/// AES-SIV with one key, for messages of 16 bytes or more.
pub(crate) struct SideBySide {
    mac: Aes256Enc,
    stream: Aes256Enc,
    /// The subkeys of CMAC: for a last block that is whole, and for one that is not.
    subkeys: [Zeroizing<u128>; 2],
}

/// The state of S2V after the associated data.
#[derive(Clone)]
pub(crate) struct Associated(Zeroizing<u128>);

impl SideBySide {
    pub fn new(key: &[u8; 64]) -> Self {
        let (first, second) = key.split_at(32);
        let cipher = |half: &[u8]| Aes256Enc::new_from_slice(half).expect("half of the key is a key of AES-256");
        let mac = cipher(first);
        let mut zero = Block::default();
        mac.encrypt_block(&mut zero);
        let one = double(u128::from_be_bytes(zero.into()));
        zero.as_mut_slice().zeroize();
        Self { mac, stream: cipher(second), subkeys: [one.into(), double(one).into()] }
    }

    /// Takes in the associated-data strings of a message.
    pub fn associate(&self, strings: &[&[u8]]) -> Associated {
        let mac = |message| self.macs(&[(message, 0)])[0];
        let zero = mac(&[0; BLOCK]);
        Associated(strings.iter().fold(zero, |state, string| double(state) ^ mac(string)).into())
    }

    /// Encrypts each message in place, and gives the SIV of each.
    pub fn encrypt(&self, messages: &mut [(&Associated, &mut [u8])]) -> Vec<[u8; BLOCK]> {
        let tags = self.tags(messages);
        for ((_, message), tag) in messages.iter_mut().zip(&tags) {
            self.apply_stream(tag, message);
        }
        tags
    }

    /// Decrypts each message in place. Its SIV stands before it. False for a message that is not what was sealed: then
    /// its bytes are wiped.
    pub fn decrypt(&self, messages: &mut [(&Associated, &mut [u8])], tags: &[[u8; BLOCK]]) -> Vec<bool> {
        for ((_, message), tag) in messages.iter_mut().zip(tags) {
            self.apply_stream(tag, message);
        }
        let found = self.tags(messages);
        let compared = messages.iter_mut().zip(found.iter().zip(tags)).map(|((_, message), (found, tag))| {
            let is_same = bool::from(found.ct_eq(tag));
            if !is_same {
                message.zeroize();
            }
            is_same
        });
        compared.collect()
    }

    fn tags(&self, messages: &[(&Associated, &mut [u8])]) -> Vec<[u8; BLOCK]> {
        let mut messages: Vec<(&[u8], u128)> =
            messages.iter().map(|(associated, message)| (&**message, *associated.0)).collect();
        let macs = self.macs(&messages);
        messages.iter_mut().for_each(|(_, end)| end.zeroize());
        macs.into_iter().map(u128::to_be_bytes).collect()
    }

    fn apply_stream(&self, tag: &[u8; BLOCK], message: &mut [u8]) {
        let mut counter = *tag;
        counter[8] &= 0x7f;
        counter[12] &= 0x7f;
        CtrCore::<_, Ctr128BE>::inner_iv_init(&self.stream, &counter.into()).apply_keystream_partial(message.into());
    }

    /// CMAC of each message. A number is mixed into the last 16 bytes of a message: S2V's "xorend". A shorter message
    /// has 0.
    fn macs(&self, messages: &[(&[u8], u128)]) -> Vec<u128> {
        // First all whole blocks that the number does not touch, side by side. What is left is a block and a part of
        // one.
        let bodies: Vec<&[Block]> = messages.iter().map(|(message, _)| body(message)).collect();
        let mut macs = vec![0; messages.len()];
        self.mac.encrypt_with_backend(Chains { bodies: &bodies, states: &mut macs });
        for (state, (message, end)) in macs.iter_mut().zip(messages) {
            *state = self.finish(*state, &message[body(message).len() * BLOCK..], *end);
        }
        macs
    }

    /// The last bytes of a message, up to 31.
    fn finish(&self, mut state: u128, message: &[u8], end: u128) -> u128 {
        let mut last = [0; 2 * BLOCK];
        last[..message.len()].copy_from_slice(message);
        if let Some(start) = message.len().checked_sub(BLOCK) {
            last[start..].iter_mut().zip(end.to_be_bytes()).for_each(|(byte, other)| *byte ^= other);
        }
        let is_whole = message.len() == BLOCK;
        if !is_whole {
            last[message.len()] = 0x80;
        }
        let (first, second) = last.split_at(BLOCK);
        let mut block = first;
        if message.len() > BLOCK {
            state = self.step(state ^ number(first));
            block = second;
        }
        let mac = self.step(state ^ number(block) ^ *self.subkeys[usize::from(!is_whole)]);
        last.zeroize();
        mac
    }

    fn step(&self, state: u128) -> u128 {
        let mut block = Block::from(state.to_be_bytes());
        self.mac.encrypt_block(&mut block);
        u128::from_be_bytes(block.into())
    }
}

/// The whole blocks of a message before its last 16 bytes.
fn body(message: &[u8]) -> &[Block] {
    Block::slice_as_chunks(&message[..message.len().saturating_sub(BLOCK)]).0
}

fn number(block: &[u8]) -> u128 {
    u128::from_be_bytes(block.try_into().expect("a block has 16 bytes"))
}

/// Times x in GF(2^128), in constant time.
fn double(number: u128) -> u128 {
    (number << 1) ^ ((number >> 127) * 0x87)
}

/// Chains of blocks. Each block is mixed into the state of its chain, and the state is encrypted. The backend of the
/// cipher runs this, and is chosen once for all of it.
struct Chains<'a> {
    bodies: &'a [&'a [Block]],
    /// The result of each chain.
    states: &'a mut [u128],
}

/// A place in which a chain runs.
#[derive(Clone, Copy, Default)]
struct Lane<'a> {
    chain: usize,
    left: &'a [Block],
}

impl BlockSizeUser for Chains<'_> {
    type BlockSize = U16;
}

impl BlockCipherEncClosure for Chains<'_> {
    #[inline(always)]
    fn call<B: BlockCipherEncBackend<BlockSize = U16>>(self, backend: &B) {
        let mut waiting = self.bodies.iter().enumerate().filter(|(_, body)| !body.is_empty());
        let mut lanes = [Lane::default(); LANES];
        let mut blocks = [Block::default(); LANES];
        loop {
            // A lane whose chain has ended takes the next chain.
            for (lane, block) in lanes.iter_mut().zip(&mut blocks).filter(|(lane, _)| lane.left.is_empty()) {
                if let Some((chain, left)) = waiting.next() {
                    *lane = Lane { chain, left };
                    *block = Block::default();
                }
            }
            // All lanes run together as far as the shortest chain. A lane without a chain runs idle.
            let Some(steps) = lanes.iter().map(|lane| lane.left.len()).filter(|left| *left > 0).min() else { break };
            let idle = [Block::default(); 1];
            for step in 0..steps {
                for (lane, block) in lanes.iter().zip(&mut blocks) {
                    let next = lane.left.get(step).unwrap_or(&idle[0]);
                    block.iter_mut().zip(next).for_each(|(byte, other)| *byte ^= other);
                }
                encrypt(backend, &mut blocks);
            }
            for (lane, block) in lanes.iter_mut().zip(&blocks).filter(|(lane, _)| !lane.left.is_empty()) {
                lane.left = &lane.left[steps..];
                if lane.left.is_empty() {
                    self.states[lane.chain] = u128::from_be_bytes((*block).into());
                }
            }
        }
        blocks.iter_mut().for_each(|block| block.as_mut_slice().zeroize());
    }
}

/// Encrypts these blocks, as many at once as the backend can.
#[inline(always)]
fn encrypt<B: BlockCipherEncBackend<BlockSize = U16>>(backend: &B, blocks: &mut [Block; LANES]) {
    let (chunks, rest) = InOutBuf::from(&mut blocks[..]).into_chunks::<B::ParBlocksSize>();
    for chunk in chunks {
        backend.encrypt_par_blocks(chunk);
    }
    backend.encrypt_tail_blocks(rest);
}

#[cfg(test)]
mod tests {
    use super::{BLOCK, SideBySide};
    use aes_siv::{KeyInit, siv::Aes256Siv};
    use proptest::prelude::*;

    /// The bytes that the package `aes-siv` gives for one message.
    fn alone(key: &[u8; 64], associated: &[u8], message: &[u8]) -> Vec<u8> {
        Aes256Siv::new(key.into()).encrypt([associated], message).expect("it is short")
    }

    proptest! {
        #[test]
        fn it_is_aes_siv(
            key: [u8; 64],
            associated in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 3),
            lengths in prop::collection::vec(BLOCK..1200, 0..12),
            flipped: prop::sample::Index,
        ) {
            let several = SideBySide::new(&key);
            let data: Vec<_> = associated.iter().map(|data| several.associate(&[data])).collect();
            let plain: Vec<Vec<u8>> = lengths
                .iter()
                .enumerate()
                .map(|(place, length)| (0..*length).map(|at| (at * 7 + place * 31) as u8).collect())
                .collect();
            let mut bytes = plain.clone();
            let tags = several.encrypt(&mut with(&data, &mut bytes));
            for (place, (message, tag)) in bytes.iter().zip(&tags).enumerate() {
                let expected = alone(&key, &associated[place % 3], &plain[place]);
                prop_assert_eq!(&[&tag[..], message].concat(), &expected, "message {}", place);
            }
            let sealed = bytes.clone();
            prop_assert_eq!(several.decrypt(&mut with(&data, &mut bytes), &tags), vec![true; plain.len()]);
            prop_assert_eq!(&bytes, &plain);

            // One flipped bit spoils its own message, and leaves nothing of it.
            if plain.is_empty() {
                return Ok(());
            }
            let broken = flipped.index(plain.len());
            let mut bytes = sealed;
            let bit = flipped.index(8 * bytes[broken].len());
            bytes[broken][bit / 8] ^= 1 << (bit % 8);
            let opened = several.decrypt(&mut with(&data, &mut bytes), &tags);
            for (place, is_opened) in opened.into_iter().enumerate() {
                prop_assert_eq!(is_opened, place != broken);
                let expected = if is_opened { plain[place].clone() } else { vec![0; plain[place].len()] };
                prop_assert_eq!(&bytes[place], &expected);
            }
        }
    }

    fn with<'a>(data: &'a [super::Associated], bytes: &'a mut [Vec<u8>]) -> Vec<(&'a super::Associated, &'a mut [u8])> {
        bytes.iter_mut().enumerate().map(|(place, bytes)| (&data[place % 3], bytes.as_mut_slice())).collect()
    }
}
