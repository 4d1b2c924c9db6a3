//! Text as a recovery key, a verify key and a state id: what is accepted is written the same way again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lifeboat_core::keys::VerifyKey;
use lifeboat_core::{RecoveryKey, StateId};

fuzz_target!(|input: &str| {
    if let Ok(key) = RecoveryKey::from_text(input) {
        assert!(key.to_text().eq_ignore_ascii_case(input.trim()));
    }
    if let Ok(key) = VerifyKey::from_text(input) {
        assert!(key.to_string().eq_ignore_ascii_case(input.trim()));
    }
    if let Ok(id) = input.parse::<StateId>() {
        assert!(id.to_string().eq_ignore_ascii_case(input.trim()));
    }
});
