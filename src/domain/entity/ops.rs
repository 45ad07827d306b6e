//! How operations on fields arrive as JSON.

use quire_core::error::Result;
use quire_core::field::FieldEdit;
use quire_core::json::Members;
use quire_core::key::EntityKey;
use quire_core::value::value;

/// One of `field.set`, `field.unset` and `entity.delete`.
pub fn edit(op: &str, mut members: Members) -> Result<FieldEdit> {
    let entity = EntityKey::parse(members.str("entity_type")?, members.str("entity_id")?)?;
    let base_seq = members.opt_seq("base_seq")?;
    if op == "entity.delete" {
        members.finish()?;
        return Ok(FieldEdit::Delete { entity, base_seq });
    }
    let key = entity.field(members.str("field")?)?;
    let value = match op {
        "field.set" => Some(value("value", members.value("value")?)?),
        _ => None,
    };
    members.finish()?;
    Ok(FieldEdit::Write { key, value, base_seq, always: false })
}
