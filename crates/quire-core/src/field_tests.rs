use super::*;
use crate::value::{MAX_VALUE_BYTES, MAX_VALUE_DEPTH, value};
use serde_json::{Value, json};
use uuid::Uuid;

fn key(id: &str, field: &str) -> FieldKey {
    EntityKey::parse("task", id).and_then(|entity| entity.field(field)).expect("valid")
}

fn json_value(value: &Value) -> JsonValue {
    JsonValue::of(value).expect("canonical")
}

fn set(id: &str, field: &str, to: Value, base_seq: Option<i64>) -> FieldEdit {
    FieldEdit::Write {
        key: key(id, field),
        value: Some(json_value(&to)),
        base_seq: base_seq.map(Seq),
        always: false,
    }
}

fn unset(id: &str, field: &str, base_seq: Option<i64>) -> FieldEdit {
    FieldEdit::Write { key: key(id, field), value: None, base_seq: base_seq.map(Seq), always: false }
}

fn delete(id: &str, base_seq: Option<i64>) -> FieldEdit {
    FieldEdit::Delete { entity: key(id, "x").entity, base_seq: base_seq.map(Seq) }
}

fn by(actor: u128, seq: i64, on_conflict: OnConflict) -> FieldAuthor {
    FieldAuthor {
        actor: ActorId(Uuid::from_u128(actor)),
        seq: Seq(seq),
        base_seq: None,
        on_conflict,
        ops_before: 0,
    }
}

fn statuses(applied: &AppliedFields) -> Vec<&str> {
    applied.outcomes.iter().map(|outcome| outcome.status.as_ref()).collect()
}

/// Fields `title` and `done` of task 1, written by actor 1 in bundle 5.
fn fields() -> Fields {
    let mut fields = Fields::new();
    let edits = [set("1", "title", json!("a"), None), set("1", "done", json!(false), None)];
    apply(&mut fields, &edits, &by(1, 5, OnConflict::Reject)).expect("applies");
    fields
}

#[test]
fn a_write_is_logged_and_an_equal_one_is_not() {
    let mut fields = fields();
    let edits = [
        set("1", "title", json!("a"), Some(0)),
        set("1", "title", json!("b"), None),
        unset("1", "absent", None),
        unset("1", "done", None),
    ];
    let applied = apply(&mut fields, &edits, &by(2, 6, OnConflict::Reject)).expect("applies");
    assert_eq!(statuses(&applied), ["unchanged", "set", "unchanged", "unset"]);
    assert_eq!(applied.rows.iter().map(|row| row.ordinal).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(applied.op_checksums.len(), 2);
    assert_eq!(fields[&key("1", "done")].value, None);
    assert!(applied.clashes.is_empty(), "equal values never conflict");
}

#[test]
fn only_the_same_field_changed_by_another_since_is_a_conflict() {
    let clashes = |edit: FieldEdit, actor| {
        let author = by(actor, 6, OnConflict::Record);
        apply(&mut fields(), &[edit], &author).expect("applies").clashes.len()
    };
    assert_eq!(clashes(set("1", "title", json!("b"), Some(4)), 2), 1);
    assert_eq!(clashes(set("1", "title", json!("b"), Some(5)), 2), 0, "seen");
    assert_eq!(clashes(set("1", "title", json!("b"), Some(4)), 1), 0, "own");
    assert_eq!(clashes(set("1", "title", json!("b"), None), 2), 0, "last write wins");
    assert_eq!(clashes(set("1", "note", json!("b"), Some(0)), 2), 0, "another field");
    assert_eq!(clashes(unset("1", "title", Some(4)), 2), 1);
    assert_eq!(clashes(delete("1", Some(4)), 2), 2);
}

#[test]
fn skip_leaves_what_is_in_conflict_and_does_the_rest() {
    let mut fields = fields();
    let mine = [set("1", "done", json!(true), None)];
    apply(&mut fields, &mine, &by(2, 6, OnConflict::Reject)).expect("applies");
    let edits = [set("1", "title", json!("b"), Some(4)), delete("1", Some(5))];
    let applied = apply(&mut fields, &edits, &by(3, 7, OnConflict::Skip)).expect("applies");
    assert_eq!(statuses(&applied), ["skipped", "unset"]);
    assert_eq!(applied.outcomes[1].skipped, ["done"]);
    assert_eq!(fields[&key("1", "done")].value, Some(json_value(&json!(true))));
    assert_eq!(applied.rows.iter().map(|row| row.op).collect::<Vec<_>>(), ["field.unset"]);
}

#[test]
fn deleting_an_entity_clears_every_field_in_one_operation() {
    let mut fields = fields();
    let applied = apply(&mut fields, &[delete("1", None)], &by(2, 6, OnConflict::Reject)).expect("applies");
    let rows: Vec<(i32, i32, bool)> =
        applied.rows.iter().map(|row| (row.ordinal, row.part, row.op_checksum.is_some())).collect();
    assert_eq!(rows, [(1, 1, true), (1, 2, false)]);
    assert_eq!(fields_of(&fields, &key("1", "x").entity).count(), 0);
    let again = apply(&mut fields, &[delete("1", None)], &by(2, 7, OnConflict::Reject));
    assert_eq!(again.expect_err("refused").code(), crate::error::Code::NotFound);
}

#[test]
fn names_are_checked() {
    for (entity_type, entity_id, field) in
        [("", "1", "f"), ("t", "", "f"), ("t", "1", ""), ("t\n", "1", "f"), ("t", "1", "\u{7f}")]
    {
        assert!(EntityKey::parse(entity_type, entity_id).and_then(|entity| entity.field(field)).is_err());
    }
    assert!(EntityKey::parse(&"t".repeat(129), "1").is_err());
    assert!(EntityKey::parse("t", &"1".repeat(256)).is_err());
    assert!(value("value", &json!("x".repeat(MAX_VALUE_BYTES))).is_err());
    let nested = |levels: usize| {
        (0..levels).fold(json!(1), |inner, level| match level % 2 {
            0 => json!([inner]),
            _ => json!({"a": inner}),
        })
    };
    assert!(value("value", &nested(MAX_VALUE_DEPTH)).is_ok());
    assert!(value("value", &nested(MAX_VALUE_DEPTH + 1)).is_err());
}
