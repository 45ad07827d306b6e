//! Documents of a project on their way into another one, with their history.

use super::{binding, schema, store};
use crate::domain::copying::Copying;
use quire_core::error::Result;
use quire_core::op::{DocEdit, Edit};

/// Adds those of main, and the schemas and bindings of the project: branches stay. Who asks for files, entities and assets gets none of it.
pub fn copy(copying: &mut Copying) -> Result<()> {
    if copying.selection.is_some() {
        return Ok(());
    }
    schema::copy(copying.from, copying.to)?;
    let bindings = binding::CopiedBindings::of(copying)?;
    for (key, head) in store::docs_at(copying.from, copying.seq)? {
        let changes = store::changes(copying.from, &head.line, 0, head.summary.changes)?;
        bindings.copy(&key, &changes)?;
        copying.edits.push(Edit::Doc(DocEdit::Change { key, changes, base_heads: None }));
    }
    Ok(())
}
