//! A step of the sync protocol with anybody. Input: a state, and behind the length of it in two bytes before both, a message.

#![no_main]

use fuzz::{DOC_LIMITS, DOC_MEMORY, accepted, peak, spare_automerge};
use libfuzzer_sys::fuzz_target;
use quire_core::doc::{ActorId, Author, Loaded, sync};
use serde_json::json;

/// A document as every run has it.
fn document() -> Loaded {
    let actor = ActorId::from(b"fuzzer".as_slice());
    let mut loaded = Loaded::new();
    for number in 0..3 {
        let author = Author { actor: &actor, time: 0, message: None };
        loaded.put(&author, &json!({"number": number, "text": "a text"}), &DOC_LIMITS).expect("puts");
    }
    loaded
}

fuzz_target!(|data: &[u8]| {
    spare_automerge();
    let Some(([low, high], rest)) = data.split_first_chunk() else { return };
    let Some((state, message)) = rest.split_at_checked(usize::from(u16::from_le_bytes([*low, *high]))) else {
        return;
    };
    let mut loaded = document();
    let before = loaded.heads();
    let (outcome, peak) = peak(|| sync::step(&mut loaded, Some(message), state, &DOC_LIMITS));
    assert!(peak <= DOC_MEMORY, "{peak} bytes of memory for {}", data.len());
    let Some(step) = accepted(outcome) else { return };
    assert_eq!(step.heads, before.advance_all(&step.new));
    // What was answered is a message, and the state is one.
    let again = sync::step(&mut loaded, None, &step.state, &DOC_LIMITS).expect("its own state");
    assert_eq!(again.heads, step.heads);
    if let Some(answer) = step.message {
        let mut peer = Loaded::new();
        accepted(sync::step(&mut peer, Some(&answer), b"", &DOC_LIMITS));
    }
});
