//! Operations in their JSON form, as imports, peers and repairs send them.

#![no_main]

use fuzz::{accepted, has_form, json};
use libfuzzer_sys::fuzz_target;
use quire_core::hash::Hash;
use quire_core::json::canonical;
use quire_core::op::Op;
use quire_core::settings::{LARGEST_MAX_ASSET_BYTES, LARGEST_MAX_FILE_BYTES};
use serde_json::Value;

/// Whether it tells of a snapshot by a number that canonical JSON does not hold.
fn has_number_without_form(op: &Value) -> bool {
    let members = ["seq", "since_seq", "size", "file_count"];
    op["op"] == "snapshot.ready"
        && members.iter().filter_map(|key| op[key].as_i64()).any(|number| !has_form(number))
}

fuzz_target!(|data: &[u8]| {
    let Some(given) = json(data) else { return };
    let Some(op) = accepted(Op::parse("op", &given)) else { return };
    if has_number_without_form(&given) {
        return;
    }
    assert_eq!(given["op"], op.name());
    assert!(Op::is_known(op.name()) && !op.describe().is_empty());
    let form = canonical(&op).expect("an operation has a form");
    let again = Op::parse("op", &json(&form).expect("a form is JSON")).expect("a form is read");
    assert_eq!(again, op);
    assert_eq!(canonical(&again).expect("the same"), form, "a form is its own form");
    // An operation's checksum is that of its form, however it is computed.
    assert_eq!(op.checksum().expect("a checksum"), Hash::of(&form));
    if let Some((_, size)) = op.content() {
        let most = if op.name() == "file.put" { LARGEST_MAX_FILE_BYTES } else { LARGEST_MAX_ASSET_BYTES };
        assert!((0..=most).contains(&size), "a size that no content can have: {size}");
    }
});
