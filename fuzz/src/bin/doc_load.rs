//! A whole document of anybody, read, written, packed and edited. Input: the type of a chunk and its content, for which the chunk is made;
//! after a byte of 255, all bytes.

#![no_main]

use fuzz::{DOC_LIMITS, DOC_MEMORY, accepted, chunk, peak, spare_automerge};
use libfuzzer_sys::fuzz_target;
use quire_core::doc::{ActorId, ChangeHash, DocAuthor, DocChange, Heads, Loaded, pack};
use quire_core::json::shape;

fuzz_target!(|data: &[u8]| {
    spare_automerge();
    let bytes = match data {
        [0xff, whole @ ..] => whole.to_vec(),
        [kind, content @ ..] => chunk(*kind, content),
        [] => return,
    };
    let (outcome, peak) = peak(|| Loaded::read(&bytes, &DOC_LIMITS));
    assert!(peak <= DOC_MEMORY, "{peak} bytes of memory for {}", bytes.len());
    let Some(loaded) = accepted(outcome) else { return };
    accepted(loaded.conflicts(None, &DOC_LIMITS));
    let json = accepted(loaded.to_json(None, &DOC_LIMITS));
    if let Some(json) = &json {
        let shape = shape(json.to_string().as_bytes()).expect("nothing interrupts");
        assert!(!shape.has_nul, "jsonb cannot hold {json}");
    }
    if let Some(saved) = accepted(loaded.save())
        && let Some(again) = accepted(Loaded::read(&saved, &DOC_LIMITS))
    {
        assert_eq!(again.heads(), loaded.heads());
        assert_eq!(accepted(again.to_json(None, &DOC_LIMITS)), json);
    }
    let Some(changes) = accepted(loaded.changes_after(&Heads::default(), &DOC_LIMITS)) else { return };
    if !changes.is_empty() {
        let hashes: Vec<ChangeHash> = changes.iter().map(DocChange::hash).collect();
        if let Some(Some(packed)) = accepted(pack::pack(&loaded, &hashes, &DOC_LIMITS)) {
            let back = pack::unpack(&packed, &DOC_LIMITS).expect("what was packed");
            assert_eq!(Heads::new(back.iter().map(DocChange::hash)), Heads::new(hashes));
        }
    }
    // An edit that changes nothing makes no change. Where a change puts a mark into a map, in which it has no place, Automerge lists a
    // value that it does not find by its key: the first edit makes it one, and the next changes nothing.
    // The changes of a document need not have the hashes that its bytes say: it is edited as the document that they make.
    let Some(mut made) = accepted(Loaded::of(&changes)) else { return };
    let actor = ActorId::from(b"fuzzer".as_slice());
    let author = DocAuthor { actor: &actor, time: 0, message: None };
    if let Some(json) = accepted(made.to_json(None, &DOC_LIMITS))
        && accepted(made.put(&author, &json, &DOC_LIMITS)).is_some()
        && let Some(now) = accepted(made.to_json(None, &DOC_LIMITS))
    {
        assert_eq!(now, json);
        assert_eq!(accepted(made.put(&author, &json, &DOC_LIMITS)), Some(None), "{json}");
    }
});
