//! The signature, and who made it.

use super::{Area, signer};
use crate::support::cbor::blob;
use crate::support::keys::{FileKind, Keys, other_recovery, recovery, sha256};
use crate::support::spec::{BundleSpec, FooterParts};
use crate::support::state::worked;
use crate::support::vector::Vector;
use curve25519_dalek::{EdwardsPoint, Scalar, constants::EIGHT_TORSION, traits::Identity};
use sha2::{Digest, Sha512};

/// The order of the group, in little-endian bytes.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

fn with(fault: impl Fn(&mut FooterParts) + 'static) -> BundleSpec {
    BundleSpec::full(&worked()).with_footer(fault)
}

/// All that the signature is over.
fn signed(footer: &FooterParts) -> Vec<u8> {
    let fields = footer.fields.iter().flat_map(|field| field.encode());
    footer.array_head.iter().copied().chain(fields).collect()
}

fn message(footer: &FooterParts) -> Vec<u8> {
    [b"lifeboat suite 1 signature\0", &sha256(&signed(footer))[..]].concat()
}

/// S and the order of the group, added: the same number for who does not compare.
fn plus_order(signature: &mut [u8]) {
    let mut carry = 0;
    for (byte, order) in signature[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        (*byte, carry) = (sum as u8, sum >> 8);
    }
}

/// The two halves of RFC 8032's private key: the scalar, and what nonces are made with.
fn secret(keys: &Keys) -> (Scalar, Vec<u8>) {
    let hash = Sha512::digest(keys.seed);
    let mut secret: [u8; 32] = hash[..32].try_into().expect("half of it");
    (secret[0], secret[31]) = (secret[0] & 248, secret[31] & 127 | 64);
    (Scalar::from_bytes_mod_order(secret), hash[32..].to_vec())
}

fn challenge(r: &[u8; 32], key: &[u8; 32], message: &[u8]) -> Scalar {
    Scalar::from_bytes_mod_order_wide(&Sha512::digest([r, &key[..], message].concat()).into())
}

/// A signature of the domain's key whose R has a part of small order: one that a check with the cofactor takes.
fn with_torsion(keys: &Keys, message: &[u8]) -> Vec<u8> {
    let (secret, prefix) = secret(keys);
    let nonce = Scalar::from_bytes_mod_order_wide(&Sha512::digest([&prefix, message].concat()).into());
    let r = (EdwardsPoint::mul_base(&nonce) + EIGHT_TORSION[1]).compress().to_bytes();
    let s = nonce + challenge(&r, &keys.verify_key(), message) * secret;
    [r, s.to_bytes()].concat()
}

/// A verify key of order 8, and a signature that it verifies unless keys and R of small order are refused.
fn with_small_key(footer: &mut FooterParts) {
    for (key, r) in [1, 3, 5, 7].into_iter().flat_map(|key| EIGHT_TORSION.map(|r| (EIGHT_TORSION[key], r))) {
        let (key_bytes, r_bytes) = (key.compress().to_bytes(), r.compress().to_bytes());
        footer.fields[3] = blob(key_bytes);
        if r + key * challenge(&r_bytes, &key_bytes, &message(footer)) == EdwardsPoint::identity() {
            footer.signature = Some([r_bytes, [0; 32]].concat());
            return;
        }
    }
    panic!("none of 32 fits");
}

pub fn cases() -> Vec<Vector> {
    let mut area = Area::new("signature", "Footer");
    let mut public = |name: &str, fault: &str, spec: BundleSpec| {
        area.public(name, fault, "corrupt", spec.bytes());
    };
    public("zero", "the signature is 64 zero bytes", with(|footer| footer.signature = Some(vec![0; 64])));
    public("damaged", "a byte of the signature is another", {
        with(move |footer| {
            let mut signature = footer.signer.sign(&footer.label, &signed(footer)).to_vec();
            signature[40] ^= 1;
            footer.signature = Some(signature);
        })
    });
    public(
        "s-not-reduced",
        "S of the signature is not below the order of the group",
        with(|footer| {
            let mut signature = footer.signer.sign(&footer.label, &signed(footer)).to_vec();
            plus_order(&mut signature);
            footer.signature = Some(signature);
        }),
    );
    public(
        "r-with-torsion",
        "R has a part of small order, so that only a check with the cofactor takes the signature",
        with(|footer| footer.signature = Some(with_torsion(&footer.signer, &message(footer)))),
    );
    public(
        "of-another-purpose",
        "the signature is over another label",
        with(|footer| footer.label = "lifeboat ledger 1 signature".to_owned()),
    );
    public(
        "without-label",
        "the signature is over the footer's hash alone",
        with(|footer| {
            use ed25519_dalek::Signer;
            let key = ed25519_dalek::SigningKey::from_bytes(&footer.signer.seed);
            footer.signature = Some(key.sign(&sha256(&signed(footer))).to_vec());
        }),
    );
    public(
        "of-the-footer-itself",
        "the signature is over the footer, not its hash",
        with(|footer| {
            use ed25519_dalek::Signer;
            let key = ed25519_dalek::SigningKey::from_bytes(&footer.signer.seed);
            footer.signature =
                Some(key.sign(&[b"lifeboat suite 1 signature\0", &signed(footer)[..]].concat()).to_vec());
        }),
    );
    let other = Keys::new(FileKind::Bundle, other_recovery(), "default");
    let signer_of = other.clone();
    public(
        "of-another-key",
        "the signature is another key's, the verify key the domain's",
        with(move |footer| footer.signer = signer_of.clone()),
    );
    let old = BundleSpec::full(&worked()[..3]).bytes();
    let old = old[old.len() - 9 - 64..old.len() - 9].to_vec();
    public(
        "of-another-bundle",
        "the signature is that of another bundle of the domain",
        with(move |footer| footer.signature = Some(old.clone())),
    );
    // [S]B = R + [h]A holds for all messages where A and R are the neutral element, and S is 0.
    let mut neutral = [0; 32];
    neutral[0] = 1;
    let forged = move |footer: &mut FooterParts| {
        footer.fields[3] = blob(neutral);
        footer.signature = Some([neutral, [0; 32]].concat());
    };
    public(
        "key-of-order-1",
        "the verify key is the neutral element, of which every message has a signature",
        with(forged),
    );
    public("key-of-order-8", "the verify key is of order 8, and so is R", with(with_small_key));
    let mut not_canonical = [0xff; 32];
    (not_canonical[0], not_canonical[31]) = (0xee, 0x7f);
    public(
        "key-not-canonical",
        "the verify key is the neutral element, with a coordinate that is not reduced",
        with(move |footer| {
            footer.fields[3] = blob(not_canonical);
            footer.signature = Some([neutral, [0; 32]].concat());
        }),
    );
    public("key-no-point", "the verify key is no point of the curve", with(|footer| footer.fields[3] = blob([2; 32])));
    public(
        "r-of-order-1",
        "R is the neutral element",
        with(move |footer| {
            let s = challenge(&neutral, &footer.signer.verify_key(), &message(footer)) * secret(&footer.signer).0;
            footer.signature = Some([neutral, s.to_bytes()].concat());
        }),
    );
    // Consistent, but signed by somebody else: who expects no verify key cannot tell.
    for (name, fault, keys) in [
        ("and-key-of-another-recovery-key", "verify key and signature are another recovery key's", other),
        (
            "and-key-of-another-domain",
            "verify key and signature are another domain's",
            Keys::new(FileKind::Bundle, recovery(), "another"),
        ),
        ("and-key-of-a-ledger", "verify key and signature are those of the domain's ledgers", Keys::ledger()),
    ] {
        let name_of_signer = signer(&keys);
        let vector = area.wrong(
            name,
            fault,
            "corrupt",
            &with(move |footer| {
                footer.fields[3] = blob(keys.verify_key());
                footer.signer = keys.clone();
            }),
        );
        vector.signer = Some(name_of_signer);
    }
    area.vectors
}
