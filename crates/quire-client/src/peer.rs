//! Exchange of bundles with other databases.

use crate::call::{calls, objects, options, rows};
use quire_core::id::{BundleId, ProjectId};
use serde_json::Value;

options! {
    /// Optional arguments of [`sync_pull`](crate::Quire::sync_pull).
    PullOptions<'a> {
        /// How many operations the answer has together, 1 to 1000000; it has always one bundle at least, and at most 32
        /// MiB of operations and contents.
        max_ops: i32,
        /// The bundle to begin after. By default it is what the peer has acknowledged, and the peer's own bundles are
        /// left out. When it is given, all bundles after it are returned, such as to repair the peer.
        after_seq: i64,
        /// The checksum that went with after_seq, 16 to 64 hex digits. The log there must be the one that the peer knows.
        after_checksum: &'a str,
    }

    /// Optional arguments of [`sync_push`](crate::Quire::sync_push).
    PushOptions<'a> {
        /// The checkpoint_checksum of the peer's `sync_pull`.
        checkpoint_checksum: &'a str,
        /// The after_seq of the peer's `sync_pull`. Without it a page without bundles does not move the checkpoint.
        after_seq: i64,
        /// The after_checksum of the peer's `sync_pull`.
        after_checksum: &'a str,
    }

    /// Optional arguments of [`sync_reset`](crate::Quire::sync_reset).
    ResetOptions<'a> {
        /// The bundle up to which the peer has the log here. `Some(None)` leaves it as it is; 0, the default, is the
        /// beginning.
        acked_seq: Option<i64>,
        /// The bundle up to which this database has the peer's log. `Some(None)` leaves it as it is; 0, the default, is
        /// the beginning.
        checkpoint: Option<i64>,
        /// The checksum that went with checkpoint.
        checkpoint_checksum: &'a str,
    }
}

rows! {
    /// What became of a bundle of a peer.
    PushedBundle {
        /// The id of the bundle.
        bundle_id: BundleId,
        /// Its seq here.
        seq: Option<i64>,
        /// Applied, duplicate (it was known already), conflict (it is applied, and both sides had changed something) or
        /// quarantined (its checksums do not hold, or it comes after such a one; it is not applied, and the checkpoint
        /// stays before it).
        status: String,
        /// Sentences about the status: what both sides changed, or what was corrupt here and is repaired from the copy.
        /// `list_conflicts` has the fields in conflict.
        reasons: Value,
    }
}

objects! {
    /// The next bundles for another database.
    Page {
        /// The project.
        project_id: ProjectId,
        /// The name of the other database.
        peer_id: String,
        /// The seq that the page begins after.
        after_seq: i64,
        /// The checksum of the bundle at after_seq.
        after_checksum: String,
        /// The seq that the page reaches.
        checkpoint: i64,
        /// The checksum of the bundle at checkpoint.
        checkpoint_checksum: String,
        /// Whether there is another page.
        has_more: bool,
        /// The bundles, for [`sync_push`](crate::Quire::sync_push) of the other database.
        bundles: Value,
        /// The bundle that is corrupt and ends the page.
        corrupt: Option<Value>,
    }

    /// How far the exchange with a peer has come.
    SyncState {
        /// The name of the other database.
        peer_id: String,
        /// The newest bundle.
        seq: i64,
        /// The checksum of that bundle.
        checksum: String,
        /// What the peer has acknowledged.
        acked_seq: i64,
        /// The checksum of the bundle at acked_seq.
        acked_checksum: String,
        /// How far the peer's log is applied here.
        checkpoint: i64,
        /// The checksum of the peer's bundle at checkpoint.
        checkpoint_checksum: Option<String>,
    }
}

calls! {
    /// Notes that a peer has everything up to a seq. The seq never goes back.
    fn sync_ack(project_uuid: ProjectId, peer_id: &str, seq: i64; checksum: &str) -> i64;

    /// Returns the next whole bundles for another database that holds the same project, after what that database has
    /// acknowledged. Each bundle is checked before it goes out. What is corrupt here is recorded in quarantine, and the
    /// answer ends before it.
    fn sync_pull(project_uuid: ProjectId, peer_id: &str; ..PullOptions<'_>) -> Page;

    /// Applies bundles of a peer, in order and in this transaction. A path or field becomes what the latest write made
    /// it. The bundles keep their authors, who are the word of the peer: readers see from_peer.
    fn sync_push(
        project_uuid: ProjectId, peer_id: &str, checkpoint: i64, bundles: &Value;
        ..PushOptions<'_>
    ) -> Vec<PushedBundle>;

    /// Sets the exchange with a peer back, after one of the two databases was set back to an older state (PT409
    /// must_refetch). What comes again is recognised bundle by bundle. The call never goes forward.
    fn sync_reset(project_uuid: ProjectId, peer_id: &str; ..ResetOptions<'_>) -> SyncState;

    /// Returns how far the exchange with a peer has come.
    fn sync_status(project_uuid: ProjectId, peer_id: &str) -> SyncState;
}
