//! Documents of a project on their way into another one, with their history.

use super::store;
use crate::domain::copying::Copying;
use quire_core::error::Result;
use quire_core::op::{DocEdit, Edit};

/// Adds those of main: branches stay. Who asks for files, entities and assets gets no document.
pub fn copy(copying: &mut Copying) -> Result<()> {
    if copying.selection.is_some() {
        return Ok(());
    }
    for (key, head) in store::docs_at(copying.from, copying.seq)? {
        let changes = store::changes(copying.from, &head.line, 0, head.summary.changes)?;
        copying.edits.push(Edit::Doc(DocEdit::Change { key, changes, base_heads: None }));
    }
    Ok(())
}
