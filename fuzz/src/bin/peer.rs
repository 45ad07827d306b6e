//! Bundles as other databases push them.

#![no_main]

use fuzz::{accepted, has_form, json};
use libfuzzer_sys::fuzz_target;
use quire_core::chain::checksum;
use quire_core::hash::Hash;
use quire_core::id::{BundleId, Seq};
use quire_core::json::encode_base64;
use quire_core::op::Change;
use quire_core::peer::{Bundle, SentOp, judge};
use serde_json::{Value, json};
use uuid::Uuid;

/// A bundle as it travels.
fn form(bundle: &Bundle) -> Value {
    let ops = bundle.ops.iter().map(|sent| sent.to_json().expect("an operation has a form"));
    let contents = bundle
        .contents
        .iter()
        .map(|(hash, bytes)| json!({"content_hash": hash.to_hex(), "content_base64": encode_base64(bytes)}));
    json!({
        "log": bundle.standing.as_ref().map(|standing| standing.to_json()),
        "header": bundle.header, "prev_checksum": bundle.previous, "checksum": bundle.checksum,
        "display_name": bundle.display_name, "undoes_bundle_id": bundle.undoes, "undoes_made_as": bundle.undoes_made_as,
        "ops": ops.collect::<Vec<_>>(), "contents": contents.collect::<Vec<_>>(),
    })
}

fuzz_target!(|data: &[u8]| {
    let Some(given) = json(data) else { return };
    let Some(bundle) = accepted(Bundle::parse("bundle", &given)) else { return };
    assert_eq!(Bundle::parse("bundle", &form(&bundle)).as_ref(), Ok(&bundle), "it is its form");
    if let Some(standing) = &bundle.standing {
        assert!((Seq::ZERO..standing.seq).contains(&standing.after_seq));
        assert_eq!(standing.mark_at(standing.seq), Some(&standing.mark));
        assert_eq!(standing.mark_at(standing.after_seq), Some(&standing.after_mark));
    }
    for (sent, given) in bundle.ops.iter().zip(given["ops"].as_array().expect("it was read")) {
        check_bases(sent, given);
        let is_delete = sent.op.name() == "entity.delete";
        assert!(is_delete || sent.writes.len() == if sent.op.name() == "file.move" { 2 } else { 1 });
        let fields = sent.writes.iter().filter(|write| matches!(write.change, Change::Field(..))).count();
        assert!(!is_delete || fields == sent.writes.len());
    }
    check_checksums(bundle.clone());
    check_checksums(with_checksum(bundle));
});

/// Each write has the base that is given for it.
fn check_bases(sent: &SentOp, given: &Value) {
    let given: Vec<Option<&Value>> = match sent.op.name() {
        "entity.delete" => {
            let fields = given["fields"].as_array().expect("it was read");
            fields.iter().map(|field| field.get("base")).collect()
        }
        "file.move" => vec![given.get("from_base"), given.get("base")],
        _ => vec![given.get("base")],
    };
    let given = given.into_iter().map(|base| base.and_then(Value::as_str));
    let given: Vec<Option<BundleId>> =
        given.map(|base| base.map(|base| BundleId::parse(base).expect("it was read"))).collect();
    assert_eq!(sent.writes.iter().map(|write| write.base).collect::<Vec<_>>(), given);
}

/// With the checksum of what it says, which is no secret.
fn with_checksum(mut bundle: Bundle) -> Bundle {
    let ops: Vec<Hash> = bundle.ops.iter().map(|sent| sent.op.checksum().expect("a form")).collect();
    bundle.checksum = checksum(&bundle.previous, &bundle.header, &ops).expect("a form");
    bundle.contents.retain(|hash, bytes| Hash::of(bytes) == *hash);
    bundle
}

/// Of a bundle whose checksums hold, none does when anything that they cover is another.
fn check_checksums(bundle: Bundle) {
    let header = &bundle.header;
    let seqs = [Some(header.seq), header.base_seq, header.undoes_seq].into_iter().flatten();
    let has_form = seqs.map(|seq| seq.0).chain([header.committed_at]).all(has_form);
    let Some(None) = accepted(bundle.fault()).filter(|_| has_form) else { return };
    let fault = |change: fn(&mut Bundle)| {
        let mut bundle = bundle.clone();
        change(&mut bundle);
        bundle.fault().expect("it has a form")
    };
    assert!(fault(|bundle| bundle.header.committed_at ^= 1).is_some());
    assert!(fault(|bundle| bundle.header.seq.0 ^= 1).is_some());
    assert!(
        fault(|bundle| bundle.header.base_seq = bundle.header.base_seq.map_or(Some(Seq::ZERO), |_| None))
            .is_some()
    );
    assert!(fault(|bundle| bundle.header.kind.push(' ')).is_some());
    assert!(fault(|bundle| bundle.previous = Hash::of(b"another")).is_some());
    assert!(bundle.ops.is_empty() || fault(|bundle| drop(bundle.ops.pop())).is_some());
    let spoil = |bundle: &mut Bundle| bundle.contents.values_mut().for_each(|bytes| bytes.push(0));
    assert!(bundle.contents.is_empty() || fault(spoil).is_some());
    // Of two that write one thing, one wins, whoever hears of which first.
    let (stamp, other) = (bundle.stamp(), (bundle.header.committed_at, Uuid::from_u128(1).into()));
    let wins = |here, incoming| judge(Some(here), incoming, None, false).wins;
    assert!(stamp == other || wins(stamp, other) != wins(other, stamp));
}
