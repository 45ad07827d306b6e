//! Bundles, and looking into the log.

use crate::answer::time;
use crate::call::{calls, objects, options, rows};
use quire_core::id::{ActorId, BundleId, CorrelationId, ProjectId};
use serde_json::Value;
use std::time::SystemTime;

options! {
    /// Optional arguments of [`commit_bundle`](crate::Quire::commit_bundle).
    CommitOptions<'a> {
        /// User_edit, import, job_output or merge_resolution.
        kind: &'a str,
        /// What the author says of it, at most 64 KiB.
        message: &'a str,
        /// What the author had seen. A path that changed after it is in conflict, and so is a field that another actor
        /// changed after it to another value.
        base_seq: i64,
        /// An id that the caller chooses for the request. The same id again returns the first answer and changes nothing.
        correlation_id: CorrelationId,
        /// Reject; record: fields are written and the conflict is kept (see `list_conflicts`), paths are refused; or
        /// skip: what is in conflict is left out.
        on_conflict: &'a str,
        /// The checksum that went with base_seq, 16 to 64 hex digits. The log at base_seq must be the one that the author
        /// knows.
        base_checksum: &'a str,
    }

    /// Optional arguments of [`search_ops`](crate::Quire::search_ops).
    SearchOptions<'a> {
        /// An object with any of these members. target is compared as a whole, and message is a part of the bundle's
        /// message. after_seq, before_seq and until are exclusive, since is inclusive. With before_ordinal, the
        /// operations of bundle before_seq with a lower ordinal are found, too.
        filter: &'a Value,
        /// The most rows, 1 to 10000. seq and ordinal of the last row of a page are the before_seq and before_ordinal of
        /// the next.
        max_ops: i32,
    }
}

rows! {
    /// An operation of the log.
    LoggedOp {
        /// The bundle of the operation.
        seq: i64,
        /// The place of the operation in its bundle, from 1.
        ordinal: i32,
        /// The kind of operation.
        op: String,
        /// What it changed.
        target: String,
        /// The actor who committed the bundle.
        actor: ActorId,
        /// What the actor is called.
        display_name: Option<String>,
        /// The kind of the bundle.
        kind: String,
        /// The message of the bundle.
        message: Option<String>,
        /// The id of the bundle.
        bundle_id: BundleId,
        /// The state before, as JSON.
        before: Option<Value>,
        /// The state after, as JSON.
        after: Option<Value>,
        /// The checksum of the operation.
        checksum: String,
        /// When the bundle was committed.
        committed_at: SystemTime,
        /// The peer that the bundle came from, whose word the author is;.
        from_peer: Option<String>,
    }
}

objects! {
    /// What a bundle did.
    Receipt {
        /// The bundle, or the newest one when nothing changed.
        seq: i64,
        /// The id of the bundle. None when nothing changed.
        bundle_id: Option<BundleId>,
        /// The checksum of the bundle at seq.
        checksum: String,
        /// A recommendation for large bundles.
        advice: Option<String>,
        /// What became of each operation, in the order of the call.
        ops: Vec<DoneOp>,
    }

    /// An operation about a file.
    DoneFileOp {
        /// The kind of operation.
        op: String,
        /// The path.
        file_path: String,
        /// The path that the file had before a move.
        from_path: Option<String>,
        /// The number of the version.
        version: i32,
        /// BLAKE3 of the content, 64 hex digits. None when the file is deleted.
        content_hash: Option<String>,
        /// What became of the operation.
        status: String,
    }

    /// An operation about an entity.
    DoneEntityOp {
        /// The kind of operation.
        op: String,
        /// The type of the entity.
        entity_type: String,
        /// The id of the entity.
        entity_id: String,
        /// The field. None when the operation is about all of them.
        field: Option<String>,
        /// What became of the operation.
        status: String,
        /// The fields that were left out.
        #[serde(default)]
        skipped: Vec<String>,
        /// The fields whose conflict was kept.
        #[serde(default)]
        conflicts: Vec<String>,
    }

    /// An operation about an asset.
    DoneAssetOp {
        /// The kind of operation.
        op: String,
        /// BLAKE3 of the content, 64 hex digits.
        content_hash: String,
        /// The name.
        filename: String,
        /// The media type.
        media_type: String,
        /// What the asset is to the application.
        asset_type: String,
        /// The length in bytes.
        size: i64,
        /// What became of the operation.
        status: String,
    }

    /// An operation about a document.
    DoneDocOp {
        /// The kind of operation.
        op: String,
        /// The branch.
        branch: String,
        /// The name of the document.
        doc: String,
        /// What became of the operation.
        status: String,
        /// The heads of the document afterwards, 64 hex digits each, sorted.
        heads: Vec<String>,
        /// How many changes the document did not have before.
        applied: i64,
    }

    /// An operation about a branch of documents.
    DoneBranchOp {
        /// The kind of operation.
        op: String,
        /// The branch.
        branch: String,
        /// What became of the operation.
        status: String,
        /// What may be done to it now: open, closed or deleted.
        branch_status: String,
    }

    /// A bundle with everything that it holds.
    Bundle {
        /// The seq.
        seq: i64,
        /// The id.
        bundle_id: BundleId,
        /// The kind.
        kind: String,
        /// The actor who committed it.
        actor: ActorId,
        /// What the actor is called.
        display_name: Option<String>,
        /// The peer that it came from, whose word the author is.
        from_peer: Option<String>,
        /// What the author says of it.
        message: Option<String>,
        /// The id of the request.
        correlation_id: Option<CorrelationId>,
        /// What the author had seen.
        base_seq: Option<i64>,
        /// The bundle that it takes back.
        undoes_seq: Option<i64>,
        /// The bundles that take it back.
        undone_by: Vec<i64>,
        /// The number of its operations.
        op_count: i32,
        /// The checksum.
        checksum: String,
        /// The checksum of the bundle before it.
        prev_checksum: String,
        /// What else is recorded of it, as an object.
        details: Option<Value>,
        /// When it was committed.
        #[serde(deserialize_with = "time")]
        committed_at: SystemTime,
        /// Its operations.
        ops: Vec<BundleOp>,
    }

    /// An operation of a bundle.
    BundleOp {
        /// Its place in the bundle, from 1.
        ordinal: i32,
        /// The kind of operation.
        op: String,
        /// What it changed.
        target: String,
        /// The entity that it changed.
        entity: Option<Value>,
        /// The checksum of the operation.
        checksum: String,
        /// The state before.
        before: Option<Value>,
        /// The state after.
        after: Option<Value>,
    }
}

/// What became of an operation.
#[derive(Clone, PartialEq, Debug, serde::Deserialize)]
#[serde(untagged)]
pub enum DoneOp {
    /// It is about a file.
    File(DoneFileOp),
    /// It is about an entity.
    Entity(DoneEntityOp),
    /// It is about an asset.
    Asset(DoneAssetOp),
    /// It is about a document.
    Doc(DoneDocOp),
    /// It is about a branch.
    Branch(DoneBranchOp),
    /// It is about something that this version of the crate does not know.
    Other(Value),
}

calls! {
    /// Commits any mix of operations as one bundle: all of them or none, with one seq and one event. The operations apply
    /// in order. A token allows operations on files only.
    fn commit_bundle(project_uuid: ProjectId, ops: &Value; ..CommitOptions<'_>) -> Receipt;

    /// Returns one bundle with everything that it holds.
    fn get_bundle(project_uuid: ProjectId, seq: i64) -> Bundle;

    /// Searches the operations of the log, the newest first.
    fn search_ops(project_uuid: ProjectId; ..SearchOptions<'_>) -> Vec<LoggedOp>;
}
