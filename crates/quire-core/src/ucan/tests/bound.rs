//! Tokens that are bound to one submission.

use super::*;
use crate::doc::{DocChange, DocLimits, Heads};
use crate::op::DocEdit;
use crate::submission::Submission;
use automerge::transaction::Transactable;
use automerge::{ActorId, AutoCommit, ROOT};

/// Two changes, the second after the first, by somebody of this number.
fn changes(number: u8) -> Vec<DocChange> {
    let mut doc = AutoCommit::new().with_actor(ActorId::from([number; 4]));
    for value in [1, 2] {
        doc.put(ROOT, "value", value).expect("put");
        doc.commit();
    }
    let read = |mut change: automerge::Change| DocChange::read(&change.bytes(), &DocLimits::LARGEST);
    doc.get_changes(&[]).into_iter().map(|change| read(change).expect("a change")).collect()
}

/// A write of these changes onto the heads of these.
fn write(doc: &str, changes: &[DocChange], base: Option<&[DocChange]>) -> DocEdit {
    let base_heads = base.map(|base| Heads::new(base.iter().map(DocChange::hash)));
    DocEdit::Change { key: key("main", doc), changes: changes.to_vec(), base_heads }
}

/// The root of what a client writes one after the other, in its hexadecimal digits.
fn root_of(hashes: &[&DocChange]) -> String {
    let bytes: Vec<u8> = hashes.iter().flat_map(|change| change.hash().0).collect();
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn hex(root: [u8; 32]) -> String {
    root.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_submission_is_its_base_heads_sorted_and_its_changes_in_order() {
    let (one, two) = (changes(1), changes(2));
    let submission = Submission::of(&[write("a", &one, Some(&two)), write("b", &two, Some(&one[..1]))]);
    let submission = submission.expect("counted");
    assert_eq!(hex(submission.changes_root), root_of(&[&one[0], &one[1], &two[0], &two[1]]));
    assert_eq!(submission.change_count, 4);
    let mut heads = [&two[0], &two[1], &one[0]];
    heads.sort_by_key(|change| change.hash().0);
    assert_eq!(submission.base_heads_root.map(hex), Some(root_of(&heads)));
    // A head of two documents counts once.
    let twice =
        Submission::of(&[write("a", &one, Some(&two)), write("b", &two, Some(&two))]).expect("counted");
    let once = Submission::of(&[write("a", &one, Some(&two))]).expect("counted");
    assert_eq!(twice.base_heads_root, once.base_heads_root);
    // No heads are some; not to say which is another thing.
    let none = Submission::of(&[write("a", &one, Some(&[]))]).expect("counted");
    assert_eq!(none.base_heads_root.map(hex), Some(root_of(&[])));
    let unsaid = Submission::of(&[write("a", &one, Some(&[])), write("b", &one, None)]).expect("counted");
    assert_eq!(unsaid.base_heads_root, None);
    let delete = DocEdit::Delete { key: key("main", "a"), base_heads: Some(Heads::new([])), heads: None };
    let delete = Submission::of(&[delete]).expect("counted");
    assert_eq!((hex(delete.changes_root), delete.change_count), (root_of(&[]), 0));
}

/// What a token allows of the write of `a/b`, in words.
fn allowed(ucan: &Ucan, submission: &Submission) -> String {
    let key = key("main", "a/b");
    let needs = [
        ("read", Need::ReadDocs),
        ("some", Need::WriteSomeDoc),
        ("submit", Need::SubmitDoc(&key, submission)),
        ("write", Need::WriteDoc(&key)),
        ("any", Need::WriteAny),
        ("branches", Need::WriteBranches),
    ];
    let names = needs.iter().filter(|(_, need)| ucan.allows(*need)).map(|(name, _)| *name);
    names.collect::<Vec<_>>().join(" ")
}

#[test]
fn facts_bind_all_of_a_token_and_caveats_one_capability() {
    let [root, alice, ..] = people();
    let (one, two) = (changes(1), changes(2));
    let submission = Submission::of(&[write("a/b", &one, Some(&two))]).expect("counted");
    let all = json!({
        "changesRoot": hex(submission.changes_root), "baseHeadsRoot": submission.base_heads_root.map(hex), "changeCount": 2
    });
    let everything = "read some submit write any branches";
    let bound_by = |facts: &Value, caveat: &Value| {
        let cap = json!({format!("space:{PROJECT}"): {"space/read": [{}], "space/write": [caveat]}});
        let token = root.delegate(&root, cap, &[], json!({ "fct": facts }));
        verify(&token, &[], &root).map(|ucan| (allowed(&ucan, &submission), ucan.is_bound()))
    };
    let says = |facts: Value, caveat: Value| bound_by(&facts, &caveat).expect("valid");
    assert_eq!(says(json!({}), json!({})), (everything.to_owned(), false));
    assert_eq!(says(json!({"note": "x"}), json!({})), (everything.to_owned(), false));
    assert_eq!(says(all.clone(), json!({})), ("some submit".to_owned(), true));
    assert_eq!(says(json!({}), all.clone()), ("read some submit".to_owned(), true));
    for part in ["changesRoot", "baseHeadsRoot", "changeCount"] {
        let part = json!({ part: all[part] });
        assert_eq!(says(part.clone(), json!({})).0, "some submit", "{part}");
        assert_eq!(says(json!({}), part.clone()).0, "read some submit", "{part}");
    }
    let other = "00".repeat(32);
    for (part, wrong) in
        [("changesRoot", json!(other)), ("baseHeadsRoot", json!(other)), ("changeCount", json!(3))]
    {
        let mut wrong_one = all.clone();
        wrong_one[part] = wrong;
        assert_eq!(says(wrong_one.clone(), json!({})).0, "some", "{part}");
        assert_eq!(says(json!({}), wrong_one).0, "read some", "{part}");
    }
    // What it is made on is not said, and is not what the token says.
    let unsaid = Submission::of(&[write("a/b", &one, None)]).expect("counted");
    let token = root.delegate(&root, cap("space:{p}", "*"), &[], json!({ "fct": all }));
    assert_eq!(allowed(&verify(&token, &[], &root).expect("valid"), &unsaid), "some");
    // A caveat that asks for more than is known.
    let mut more = all.clone();
    more["on"] = json!("monday");
    assert_eq!(says(json!({}), more.clone()), ("read".to_owned(), false));
    assert_eq!(says(more, json!({})).0, "some submit", "other facts are nothing");
    for (part, wrong) in [
        ("changesRoot", json!(null)),
        ("changesRoot", json!(1)),
        ("changesRoot", json!(other[..62])),
        ("changesRoot", json!("AB".repeat(32))),
        ("baseHeadsRoot", json!("")),
        ("changeCount", json!(1.5)),
        ("changeCount", json!(-1)),
        ("changeCount", json!("2")),
    ] {
        let facts = json!({ part: wrong });
        assert!(bound_by(&facts, &json!({})).is_err(), "{facts}");
        assert_eq!(says(json!({}), facts.clone()).0, "read", "{facts}");
    }
    // It stays bound, whatever it is a proof of.
    let proof = root.delegate(&alice, cap("space:{p}", "*"), &[], json!({ "fct": all }));
    let token = alice.delegate(&root, cap("space:{p}", "*"), &[&proof], json!({}));
    let ucan = verify(&token, &[&proof], &root).expect("valid");
    assert_eq!((allowed(&ucan, &submission), ucan.is_bound()), ("some submit".to_owned(), true));
    let token = alice.delegate(&root, cap("space:{p}", "*"), &[&proof], json!({"fct": {"changeCount": 3}}));
    assert_eq!(allowed(&verify(&token, &[&proof], &root).expect("valid"), &submission), "some");
    let limited = json!({format!("doc:{PROJECT}/c"): {"doc/write": [all]}});
    let limited = root.delegate(&root, limited, &[], json!({}));
    let limited = verify(&limited, &[], &root).expect("valid");
    assert_eq!(allowed(&limited, &submission), "some", "it is for another document");
    assert!(limited.abilities().all(|text| text.contains(r#"{"baseHeadsRoot":""#)));
}
