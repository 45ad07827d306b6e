//! Runs of changes in one compressed piece, from which each comes back with its bytes and its hash.
//!
//! A piece is one byte, [`VERSION`], and a zstd frame with a checksum around a bundle of Automerge's, which has the columns of all
//! changes together and the hashes of those outside of it that they depend on: nothing else is needed to read it.

use super::merge::in_order;
use super::{ChangeHash, DocChange, DocLimits, Heads, Loaded, document, guarded, malformed};
use crate::error::Result;
use crate::interrupt;
use automerge::Bundle;
use std::io::Read;

/// What a piece begins with.
pub const VERSION: u8 = 1;
/// Most changes of a piece. Those of a typed text take 360 bytes together in a thousand.
pub const MAX_CHANGES: usize = 10_000;
const LEVEL: i32 = 9;
const WHAT: &str = "packed changes are malformed";

/// Packs changes of a document, in any order. `None` when Automerge does not give back the same: then they are to be
/// left as they are.
///
/// Errors: `ValidationError` for a change that the document does not have, or more than [`MAX_CHANGES`].
pub fn pack(loaded: &Loaded, hashes: &[ChangeHash], limits: &DocLimits) -> Result<Option<Vec<u8>>> {
    if hashes.is_empty() || hashes.len() > MAX_CHANGES || hashes.iter().any(|hash| !loaded.has(hash)) {
        return Err(malformed(
            "changes cannot be packed",
            "some are not there, or there are too many or none",
        ));
    }
    let bundled = loaded.view(None, |view| {
        let bundle = view.doc.bundle(hashes.iter().copied()).map_err(|error| malformed(WHAT, error))?;
        interrupt::check()?;
        Ok(bundle.bytes().to_vec())
    });
    let Ok(bundled) = bundled else { return bundled.map(|_| None) };
    let mut encoder = zstd::Encoder::new(vec![VERSION], LEVEL).map_err(|error| malformed(WHAT, error))?;
    encoder.include_checksum(true).map_err(|error| malformed(WHAT, error))?;
    let packed = std::io::Write::write_all(&mut encoder, &bundled)
        .and_then(|()| encoder.finish())
        .map_err(|error| malformed(WHAT, error))?;
    let is_same = match unpack(&packed, limits) {
        Ok(changes) => Heads::new(changes.iter().map(DocChange::hash)) == Heads::new(hashes.iter().copied()),
        Err(_) => false,
    };
    Ok(is_same.then_some(packed))
}

/// The changes of a piece, each after those it depends on, in an order that depends on nothing but them.
///
/// Errors: `ValidationError` when it is none, `LimitError` over a limit.
pub fn unpack(packed: &[u8], limits: &DocLimits) -> Result<Vec<DocChange>> {
    let Some((&VERSION, frame)) = packed.split_first() else {
        return Err(malformed(WHAT, "their version is unknown"));
    };
    let mut decoder = zstd::Decoder::with_buffer(frame).map_err(|error| malformed(WHAT, error))?;
    let mut bundled = Vec::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        interrupt::check()?;
        match decoder.read(&mut buffer).map_err(|error| malformed(WHAT, error))? {
            0 => break,
            read => {
                limits.bytes(bundled.len() + read)?;
                bundled.extend_from_slice(&buffer[..read]);
            }
        }
    }
    document::price(&bundled, limits)?;
    in_order(of_bundle(&bundled, limits)?.into_iter().map(|change| (change.hash(), change)).collect())
}

/// The changes of a bundle whose bytes were priced, in no order.
pub(super) fn of_bundle(bytes: &[u8], limits: &DocLimits) -> Result<Vec<DocChange>> {
    guarded(WHAT, || {
        let bundle = Bundle::try_from(bytes).map_err(|error| malformed(WHAT, error))?;
        interrupt::check()?;
        let changes = bundle.to_changes().map_err(|error| malformed(WHAT, error))?;
        changes.into_iter().map(|change| DocChange::from_decoded(change, limits)).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests_lib::{Dice, edited, limits, read_all};
    use super::*;
    use crate::doc::{ActorId, DocAuthor};
    use crate::error::Code;
    use serde_json::{Value, json};
    use std::collections::BTreeMap;

    /// Packs all changes of a document in runs, and compares every one.
    fn check_runs(changes: &[DocChange], run: usize, limits: &DocLimits) -> usize {
        let loaded = Loaded::of(changes).expect("loads");
        let mut size = 0;
        let mut again = Loaded::new();
        for run in changes.chunks(run) {
            let hashes: Vec<ChangeHash> = run.iter().map(DocChange::hash).collect();
            let packed = pack(&loaded, &hashes, limits).expect("packs").expect("the same comes back");
            size += packed.len();
            let back = unpack(&packed, limits).expect("unpacks");
            assert_eq!(back.len(), run.len());
            for change in run {
                let found =
                    back.iter().find(|other| other.hash() == change.hash()).expect("found by its hash");
                assert_eq!(found.bytes(), change.bytes());
            }
            again.append(&back).expect("appends");
        }
        assert_eq!(again.heads(), loaded.heads());
        assert_eq!(again.to_json(None, limits), loaded.to_json(None, limits));
        size
    }

    #[test]
    fn every_change_comes_back() {
        let mut dice = Dice::new();
        for _ in 0..8 {
            let changes = read_all(&mut edited(&mut dice, 40));
            check_runs(&changes, 1 + dice.throw(changes.len()), &limits());
        }
    }

    #[test]
    fn changes_without_operations_are_packed_too() {
        let first = crate::doc::root::first_change().expect("reads");
        let actor = ActorId::from(b"server".as_slice());
        let merge =
            DocChange::empty(&actor, 1, 1, &Heads::new([first.hash()]), 9, Some("merge")).expect("a change");
        check_runs(&[first.clone(), merge.clone()], 2, &limits());
        check_runs(&[first, merge], 1, &limits());
    }

    #[test]
    fn what_is_no_piece_is_refused() {
        let mut dice = Dice::new();
        let changes = read_all(&mut edited(&mut dice, 20));
        let loaded = Loaded::of(&changes).expect("loads");
        let hashes: Vec<ChangeHash> = changes.iter().map(DocChange::hash).collect();
        let packed = pack(&loaded, &hashes, &limits()).expect("packs").expect("packs");
        assert!(unpack(&packed[1..], &limits()).is_err() && unpack(&[], &limits()).is_err());
        for length in 0..packed.len() {
            assert!(unpack(&packed[..length], &limits()).is_err());
        }
        for _ in 0..300 {
            let mut bytes = packed.clone();
            let at = dice.throw(bytes.len());
            bytes[at] ^= 1 << dice.throw(8);
            if let Ok(back) = unpack(&bytes, &limits()) {
                assert_eq!(back.len(), changes.len(), "a bit that says nothing");
                assert!(back.iter().all(|change| hashes.contains(&change.hash())));
            }
        }
        let mut bomb = vec![VERSION];
        bomb.extend(zstd::encode_all(std::io::repeat(0).take(8 << 20), 1).expect("compresses"));
        let error = unpack(&bomb, &limits()).expect_err("a bomb");
        assert_eq!(error.member("setting"), Some(&json!("quire.max_doc_bytes")));
        for wrong in [vec![], vec![ChangeHash([1; 32])], vec![hashes[0]; MAX_CHANGES + 1]] {
            assert_eq!(pack(&loaded, &wrong, &limits()).expect_err("not there").code(), Code::Validation);
        }
    }

    /// One change for each patch of a text: at, deleted, inserted.
    fn typed(patches: impl Iterator<Item = (usize, usize, String)>) -> Vec<DocChange> {
        let actor = ActorId::from(b"typist".as_slice());
        let author = DocAuthor { actor: &actor, time: 0, message: None };
        let mut loaded = Loaded::new();
        let text: BTreeMap<&str, &str> = BTreeMap::from([("text", "")]);
        let mut changes = Vec::new();
        let first = loaded.put(&author, &json!(text), &limits()).expect("puts");
        changes.extend(first);
        for (at, deleted, inserted) in patches {
            changes.extend(
                loaded.splice_text(&author, "/text", at, deleted, &inserted, &limits()).expect("splices"),
            );
        }
        changes
    }

    #[test]
    fn a_typed_text_takes_a_tenth() {
        let changes = typed((0..600).map(|n| (n, 0, char::from(b'a' + (n % 26) as u8).to_string())));
        let raw: usize = changes.iter().map(|change| change.bytes().len()).sum();
        let size = check_runs(&changes, 300, &limits());
        assert!(size * 10 < raw, "{size} bytes of {raw}");
    }

    /// `QUIRE_TRACES` is the folder with `automerge-paper.json.gz` (github.com/josephg/editing-traces), `QUIRE_TRACE_EDITS` how many of
    /// its edits.
    #[test]
    #[ignore = "needs the trace, and minutes"]
    fn a_recorded_text_takes_little() {
        let folder = std::env::var("QUIRE_TRACES").expect("QUIRE_TRACES is set");
        let file = std::fs::File::open(format!("{folder}/automerge-paper.json.gz")).expect("the trace");
        let trace: Value = serde_json::from_reader(flate2::read::GzDecoder::new(file)).expect("JSON");
        let most =
            std::env::var("QUIRE_TRACE_EDITS").ok().and_then(|most| most.parse().ok()).unwrap_or(usize::MAX);
        let edits = trace["txns"].as_array().expect("transactions").iter().take(most);
        let patches = edits.flat_map(|edit| edit["patches"].as_array().expect("patches")).map(|patch| {
            let number = |n: usize| patch[n].as_u64().expect("a number") as usize;
            (number(0), number(1), patch[2].as_str().expect("a text").to_owned())
        });
        let changes = typed(patches);
        let raw: usize = changes.iter().map(|change| change.bytes().len()).sum();
        let size = check_runs(&changes, 1000, &DocLimits::default());
        println!("{} changes, {raw} bytes, packed {size}", changes.len());
        assert!(size * 20 < raw);
        if most == usize::MAX {
            let loaded = Loaded::of(&changes).expect("loads");
            let now = loaded.to_json(None, &DocLimits::default()).expect("JSON");
            assert_eq!(now["text"], trace["endContent"]);
        }
    }
}
