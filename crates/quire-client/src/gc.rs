//! Collection and archives of content.

use crate::call::{calls, objects, rows};
use quire_core::id::ProjectId;
use serde_json::Value;

rows! {
    /// Content that a project stores, and why.
    StoredContent {
        /// BLAKE3 of the content, 64 hex digits.
        content_hash: String,
        /// The length in bytes.
        size: i64,
        /// The length as compressed.
        stored_bytes: i64,
        /// Present, archived or collected.
        state: String,
        /// Whether `gc_run` would collect it.
        is_collectable: bool,
        /// Why it is kept or not, as a sentence.
        reason: String,
        /// What keeps it, as \[{kind, count, detail}]. kind is live_file, recent_version (it was current inside the
        /// setting retention_days), tagged_version, live_asset, recent_asset (it was deleted inside the retention),
        /// open_job, snapshot or quarantine; detail names one of count.
        references: Value,
    }
}

objects! {
    /// Content whose bytes went or came back.
    BlobState {
        /// BLAKE3 of the content, 64 hex digits.
        content_hash: String,
        /// Present, archived or collected.
        state: String,
        /// The length in bytes.
        size: i64,
        /// How many stored bytes went.
        freed_bytes: i64,
    }

    /// What was collected.
    Collected {
        /// The number of contents.
        collected: i64,
        /// How many stored bytes went.
        freed_bytes: i64,
        /// The number of contents that the next calls collect.
        remaining: i64,
    }
}

calls! {
    /// Takes the bytes of content away that the caller keeps elsewhere. Read the content first, store it, read it back
    /// and give its SHA-256, which shows that you have it. The content of a current file stays.
    fn archive_blob(project_uuid: ProjectId, content_hash: &str, sha256: &str) -> BlobState;

    /// Lists what the project stores: each content, and why it is kept or that it can be collected. The call looks at
    /// everything and takes time with the size of the project. The rows are ordered by hash.
    fn gc_plan(project_uuid: ProjectId) -> Vec<StoredContent>;

    /// Collects content that nothing needs: its bytes go; its hash, its size, and when and why it went stay. Call it
    /// until remaining is 0. The first call looks at everything without a lock; each call holds the lock of the project
    /// only to check its share again and to empty it. The call makes no bundle. Uploads that have expired are removed,
    /// too.
    fn gc_run(project_uuid: ProjectId; max_blobs: i32) -> Collected;

    /// Brings content back that was archived or collected. Content that is larger than one value can be is uploaded as an
    /// asset, which brings it back, too.
    fn restore_blob(project_uuid: ProjectId, content_hash: &str, bytes: &[u8]) -> BlobState;
}
