//! Chunks as a hostile exporter with the right key would seal them: decoded as changes of a full bundle, and as an index.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lifeboat_core::stream::{Decoder, DigestsAhead, Discard, Opened, Position};
use lifeboat_fuzz::{chunks, key, opened_keys};

fuzz_target!(|input: &[u8]| {
    let mut decoder = Decoder::new(key(), Discard);
    decoder.take(opened_keys()).expect("the right key");
    for (at, (kind, plaintext)) in chunks(input).into_iter().enumerate() {
        let position = Position { item: at + 1, offset: 0 };
        let opened = Opened::Chunk { kind, plaintext: plaintext.to_vec(), ahead: DigestsAhead::default(), position };
        if decoder.take(opened).is_err() {
            return;
        }
    }
    // No end was taken, so that nothing can be complete.
    assert!(decoder.finish().is_err());
});
