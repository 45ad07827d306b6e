//! Verification, quarantine, repair and replay.

use crate::call::{calls, objects, rows};
use quire_core::id::{ActorId, ProjectId, QuarantineId};
use serde_json::Value;
use std::time::SystemTime;

rows! {
    /// A row that was found corrupt.
    Quarantined {
        /// The id of the entry.
        quarantine_id: QuarantineId,
        /// Blob, file_op, field_op, asset_op, bundle, project_head, file_head, entity_field, asset or peer_bundle.
        kind: String,
        /// Which row it is, as an object.
        key: Value,
        /// What is wrong, as one word for programs.
        fault: String,
        /// What is wrong, as a sentence.
        description: String,
        /// The checksum that was recorded.
        expected: Option<String>,
        /// Open, repaired or discarded.
        status: String,
        /// When it was found.
        found_at: SystemTime,
        /// When it was repaired or discarded.
        ended_at: Option<SystemTime>,
        /// The actor who did so.
        ended_by: Option<ActorId>,
        /// Why it was discarded.
        reason: Option<String>,
    }
}

objects! {
    /// An entry of the quarantine that was discarded.
    EndedQuarantine {
        /// The entry.
        quarantine_id: QuarantineId,
        /// The kind of row.
        kind: String,
        /// Which row it is, as an object.
        key: Value,
        /// Discarded.
        status: String,
    }

    /// An entry of the quarantine that was repaired.
    Repaired {
        /// The entry.
        quarantine_id: QuarantineId,
        /// The kind of row.
        kind: String,
        /// Which row it is, as an object.
        key: Value,
        /// Repaired.
        status: String,
        /// What it was repaired from.
        repaired_from: String,
    }

    /// What came of a replay.
    Replay {
        /// The project.
        project_id: ProjectId,
        /// The seq up to which the operations were replayed.
        seq: i64,
        /// The number of bundles.
        bundles: i64,
        /// The number of operations.
        ops: i64,
        /// The number of files.
        files: i64,
        /// The number of fields.
        fields: i64,
        /// The number of assets.
        assets: i64,
        /// Whether the tables hold the same.
        is_equal: bool,
        /// What is different, as objects.
        differences: Vec<Value>,
        /// The operations that cannot be replayed.
        impossible: Vec<ImpossibleOp>,
    }

    /// An operation that cannot be replayed.
    ImpossibleOp {
        /// The bundle.
        seq: i64,
        /// The place of the operation in its bundle, from 1.
        ordinal: i32,
        /// Why.
        why: String,
    }

    /// What was found when everything was checked.
    Verification {
        /// The project.
        project_id: ProjectId,
        /// The newest bundle.
        seq: i64,
        /// Whether nothing is wrong.
        is_sound: bool,
        /// The number of bundles.
        bundles: i64,
        /// The number of operations.
        ops: i64,
        /// The number of files.
        files: i64,
        /// The number of fields.
        fields: i64,
        /// The number of assets.
        assets: i64,
        /// The number of contents.
        blobs: i64,
        /// Their size in bytes.
        blob_bytes: i64,
        /// What is wrong.
        findings: Vec<Finding>,
        /// Bindings whose file is not what the document says.
        unequal_bindings: Vec<UnequalBinding>,
    }

    /// A binding whose file is not what the document says.
    UnequalBinding {
        /// The document.
        doc: String,
        /// The text in the document, as a JSON Pointer.
        path: String,
        /// The path of the file.
        file_path: String,
    }

    /// A row that is corrupt.
    Finding {
        /// Its entry in the quarantine.
        quarantine_id: QuarantineId,
        /// The kind of row.
        kind: String,
        /// Which row it is, as an object.
        key: Value,
        /// What is wrong, as one word for programs.
        fault: String,
        /// What is wrong, as a sentence.
        description: String,
    }
}

calls! {
    /// Discards a row in quarantine: it is taken as it is, and not found again unless it changes once more. Content is
    /// unavailable (PT410) until it is written again.
    fn discard_quarantined(
        project_uuid: ProjectId, quarantine_id: QuarantineId, reason: &str
    ) -> EndedQuarantine;

    /// Lists what was found corrupt, the oldest first. Reading such a row raises XX001 with its quarantine_id.
    fn list_quarantine(project_uuid: ProjectId; include_ended: bool) -> Vec<Quarantined>;

    /// Repairs a row in quarantine. A copy from a backup or a peer is accepted only when it has the checksum that was
    /// recorded. What other rows prove needs no copy.
    fn repair(project_uuid: ProjectId, quarantine_id: QuarantineId; supply: &Value) -> Repaired;

    /// Makes files and fields anew from the operations alone and compares them with the tables. Nothing changes.
    fn replay_project(project_uuid: ProjectId; to_seq: i64) -> Replay;

    /// Checks everything that is stored against its checksums. What is wrong is recorded in quarantine and not raised.
    /// Nothing else changes. What was discarded before is not found again, unless it changes once more.
    fn verify_project(project_uuid: ProjectId; depth: &str) -> Verification;
}
