//! Undo, redo and reverts.

use crate::bundle::DoneOp;
use crate::call::{calls, objects, options, rows};
use quire_core::id::{ActorId, BundleId, CorrelationId, ProjectId};
use std::time::SystemTime;

options! {
    /// Optional arguments of [`list_undoable`](crate::Quire::list_undoable).
    ListUndoableOptions {
        /// The most rows, 1 to 10000.
        max_bundles: i32,
        /// Only earlier bundles are returned. The seq of the last row of a page is the before_seq of the next. By default
        /// the newest are first.
        before_seq: i64,
    }

    /// Optional arguments of [`undo`](crate::Quire::undo), [`redo`](crate::Quire::redo) and
    /// [`revert_bundle`](crate::Quire::revert_bundle).
    UndoOptions<'a> {
        /// What happens to a file, field or asset that has become something else since: reject, skip or record, as in
        /// undo.
        on_conflict: &'a str,
        /// An id that the caller chooses for the request. The same id again returns the first answer and changes nothing.
        correlation_id: CorrelationId,
    }
}

rows! {
    /// A bundle of the caller.
    UndoableBundle {
        /// The bundle.
        seq: i64,
        /// Its kind.
        kind: String,
        /// Its message.
        message: Option<String>,
        /// The number of its operations.
        op_count: i32,
        /// When it was committed.
        committed_at: SystemTime,
        /// Done or undone.
        state: String,
        /// The bundle that takes it back now.
        undone_by: Option<i64>,
        /// Undo or redo at the bundle that such a call would take next.
        next: Option<String>,
    }
}

objects! {
    /// What a bundle did that takes another back.
    UndoReceipt {
        /// The bundle.
        seq: i64,
        /// Its id.
        bundle_id: BundleId,
        /// Its checksum.
        checksum: String,
        /// What became of its operations.
        ops: Vec<DoneOp>,
        /// The bundle that it takes back.
        undoes_seq: i64,
        /// What was left as it is.
        skipped: Vec<Skipped>,
    }

    /// What an undo left as it is: a file, a field or an asset.
    Skipped {
        /// The path of the file.
        file_path: Option<String>,
        /// The type of the entity.
        entity_type: Option<String>,
        /// The id of the entity.
        entity_id: Option<String>,
        /// The field of the entity.
        field: Option<String>,
        /// The hash of the asset.
        content_hash: Option<String>,
        /// The bundle of the later change. None when the content is archived or collected.
        seq: Option<i64>,
        /// The actor who committed that bundle.
        actor: Option<ActorId>,
        /// The id of that bundle.
        bundle_id: Option<BundleId>,
        /// Why, as a sentence.
        description: String,
    }
}

calls! {
    /// Lists the edits of the caller, the newest first, and whether they are taken back.
    fn list_undoable(project_uuid: ProjectId; ..ListUndoableOptions) -> Vec<UndoableBundle>;

    /// Takes back the newest undo of the caller, unless the caller has edited since. After an edit, `revert_bundle`
    /// brings an undone bundle back.
    fn redo(project_uuid: ProjectId; ..UndoOptions<'_>) -> UndoReceipt;

    /// Takes back any bundle of anybody. A new bundle of kind rollback does so; it is an edit of the caller and can
    /// itself be undone. The revert of an undo brings back what the undo took away.
    fn revert_bundle(project_uuid: ProjectId, seq: i64; ..UndoOptions<'_>) -> UndoReceipt;

    /// Takes back the newest bundle of the caller that is not taken back yet. A new bundle of kind undo restores the
    /// files, fields and assets that it touched; nothing is rewritten. Bundles of others and bundles of kind system are
    /// passed over. The new bundle is written even if nothing was left to do, so that the next call goes further back.
    fn undo(project_uuid: ProjectId; ..UndoOptions<'_>) -> UndoReceipt;
}
