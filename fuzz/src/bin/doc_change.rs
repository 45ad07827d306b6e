//! One change of a document. Input: the content of a change, for which a chunk is made; after a byte of 255, the whole chunk.

#![no_main]

use fuzz::{DOC_LIMITS, DOC_MEMORY, accepted, chunk, peak, spare_automerge};
use libfuzzer_sys::fuzz_target;
use quire_core::doc::{Change, Heads, Loaded};

fuzz_target!(|data: &[u8]| {
    spare_automerge();
    let bytes = match data {
        [0xff, whole @ ..] => whole.to_vec(),
        content => chunk(1, content),
    };
    let (outcome, peak) = peak(|| Change::read(&bytes, &DOC_LIMITS));
    assert!(peak <= DOC_MEMORY, "{peak} bytes of memory for {}", bytes.len());
    let Some(change) = accepted(outcome) else { return };
    assert!(change.ops() <= DOC_LIMITS.max_change_ops);
    assert_eq!(Change::read(change.bytes(), &DOC_LIMITS).as_ref(), Ok(&change));
    let heads = Heads::new([change.hash()]);
    assert_eq!(Heads::parse("heads", heads.to_texts()).as_ref(), Ok(&heads));
    // Applied to nothing: one that depends on others is refused.
    let Some(loaded) = accepted(Loaded::of([&change])) else { return };
    assert!(change.deps().is_empty());
    assert_eq!(loaded.heads(), heads);
    accepted(loaded.to_json(None, &DOC_LIMITS));
});
