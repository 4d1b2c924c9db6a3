//! The primitives below the format are those of their standards: RFC 5297, RFC 5869, RFC 8032 and RFC 8949.
//! Wycheproof's vectors are in `src/tests/wycheproof.rs`.

use aes_siv::{KeyInit, siv::Aes128Siv};
use hkdf::Hkdf;
use sha2::Sha256;

fn hex(text: &str) -> Vec<u8> {
    hex::decode(text.split_whitespace().collect::<String>()).expect("hexadecimal")
}

#[test]
fn rfc_5297_a_1_deterministic_authenticated_encryption() {
    let key = hex("fffefdfc fbfaf9f8 f7f6f5f4 f3f2f1f0 f0f1f2f3 f4f5f6f7 f8f9fafb fcfdfeff");
    let associated = hex("10111213 14151617 18191a1b 1c1d1e1f 20212223 24252627");
    let plaintext = hex("11223344 55667788 99aabbcc ddee");
    let sealed = Aes128Siv::new_from_slice(&key).unwrap().encrypt([&associated], &plaintext).unwrap();
    assert_eq!(hex::encode(sealed), "85632d07c6e8f37f950acd320a2ecc9340c02b9690c4dc04daef7f6afe5c");
}

#[test]
fn rfc_5297_a_2_nonce_based_authenticated_encryption() {
    let key = hex("7f7e7d7c 7b7a7978 77767574 73727170 40414243 44454647 48494a4b 4c4d4e4f");
    let associated = [
        hex("00112233 44556677 8899aabb ccddeeff deaddada deaddada ffeeddcc bbaa9988 77665544 33221100"),
        hex("10203040 50607080 90a0"),
        hex("09f91102 9d74e35b d84156c5 635688c0"),
    ];
    let plaintext = hex(
        "74686973 20697320 736f6d65 20706c61 696e7465 78742074 6f20656e 63727970 74207573 696e6720 5349562d 414553",
    );
    let sealed = Aes128Siv::new_from_slice(&key).unwrap().encrypt(&associated, &plaintext).unwrap();
    let expected = "7bdb6e3b432667eb06f4d14bff2fbd0f cb900f2fddbe404326601965c889bf17dba77ceb094fa663b7a3f748ba8af829ea64ad544a272e9c485b62a3fd5c0d";
    assert_eq!(hex::encode(sealed), expected.replace(' ', ""));
}

#[test]
fn rfc_5869_a_1_to_a_3() {
    let count = |from: u8, length: u8| (from..=from + (length - 1)).collect::<Vec<u8>>();
    let cases = [
        (
            vec![0x0b; 22],
            count(0, 13),
            count(0xf0, 10),
            42,
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
        ),
        (
            count(0, 80),
            count(0x60, 80),
            count(0xb0, 80),
            82,
            "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87",
        ),
        (
            vec![0x0b; 22],
            vec![],
            vec![],
            42,
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
        ),
    ];
    for (ikm, salt, info, length, expected) in cases {
        let mut okm = vec![0; length];
        Hkdf::<Sha256>::new(Some(&salt), &ikm).expand(&info, &mut okm).unwrap();
        assert_eq!(hex::encode(okm), expected);
    }
}

#[test]
fn rfc_8032_test_2() {
    let seed = hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
    let key = ed25519_dalek::SigningKey::from_bytes(&seed.try_into().unwrap());
    let signature = ed25519_dalek::Signer::sign(&key, &[0x72]);
    let expected = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";
    assert_eq!(hex::encode(signature.to_bytes()), expected);
}

/// RFC 8949 appendix A, of what this format writes.
#[test]
fn rfc_8949_appendix_a() {
    fn encoded(value: impl serde::Serialize) -> String {
        hex::encode(cbor4ii::serde::to_vec(Vec::new(), &value).unwrap())
    }
    let integers: [(i64, &str); 16] = [
        (0, "00"),
        (1, "01"),
        (10, "0a"),
        (23, "17"),
        (24, "1818"),
        (25, "1819"),
        (100, "1864"),
        (1000, "1903e8"),
        (1_000_000, "1a000f4240"),
        (1_000_000_000_000, "1b000000e8d4a51000"),
        (-1, "20"),
        (-10, "29"),
        (-100, "3863"),
        (-1000, "3903e7"),
        (i64::MAX, "1b7fffffffffffffff"),
        (i64::MIN, "3b7fffffffffffffff"),
    ];
    for (integer, expected) in integers {
        assert_eq!(encoded(integer), expected);
    }
    for (real, expected) in [(1.1, "fb3ff199999999999a"), (1.0e300, "fb7e37e43c8800759c"), (-4.1, "fbc010666666666666")]
    {
        assert_eq!(encoded(real), expected);
    }
    for (text, expected) in [
        ("", "60"),
        ("a", "6161"),
        ("IETF", "6449455446"),
        ("\"\\", "62225c"),
        ("ü", "62c3bc"),
        ("水", "63e6b0b4"),
        ("𐅑", "64f0908591"),
    ] {
        assert_eq!(encoded(text), expected);
    }
    assert_eq!(encoded(serde_bytes::Bytes::new(&[1, 2, 3, 4])), "4401020304");
    assert_eq!(encoded(serde_bytes::Bytes::new(&[])), "40");
    assert_eq!(encoded(None::<u8>), "f6");
    assert_eq!(encoded((1, (2, 3), (4, 5))), "8301820203820405");
    assert_eq!(encoded((1..=25).collect::<Vec<_>>()), "98190102030405060708090a0b0c0d0e0f101112131415161718181819");
}
