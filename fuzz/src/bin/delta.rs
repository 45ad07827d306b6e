//! What an archive of changes says about itself.

#![no_main]

use fuzz::{BUFFERS, FACTOR, LIMITS, accepted, peak};
use libfuzzer_sys::fuzz_target;
use quire_core::archive::Delta;
use quire_core::id::Seq;

fuzz_target!(|data: &[u8]| {
    let (outcome, peak) = peak(|| Delta::parse(data, &LIMITS));
    assert!(peak <= FACTOR * data.len() + BUFFERS, "{peak} bytes of memory for {}", data.len());
    let Some(delta) = accepted(outcome) else { return };
    assert!(delta.since_seq >= Seq::ZERO && delta.since_seq <= delta.seq);
    assert!(delta.deleted.len() as u64 <= LIMITS.max_files);
    assert!(delta.deleted.windows(2).all(|pair| pair[0] < pair[1]), "sorted, none twice");
    let bytes = delta.to_bytes().expect("a delta has a form");
    assert_eq!(Delta::parse(&bytes, &LIMITS).as_ref(), Ok(&delta));
});
