//! Snapshots, hydration and sessions.

use crate::answer::time;
use crate::bundle::Receipt;
use crate::call::{calls, objects, options, rows};
use quire_core::id::{ActorId, CorrelationId, ProjectId, SessionId, SnapshotId};
use serde_json::Value;
use std::time::{Duration, SystemTime};

options! {
    /// Optional arguments of [`begin_session`](crate::Quire::begin_session).
    BeginSessionOptions<'a> {
        /// How long its tokens are valid, above 0 and at most 366 days.
        ttl: Duration,
        /// The format of the snapshot, zip or tar.zst.
        format: &'a str,
    }

    /// Optional arguments of [`create_project_snapshot`](crate::Quire::create_project_snapshot).
    SnapshotOptions<'a> {
        /// Zip, or tar.zst: faster, for GNU tar and zstd.
        format: &'a str,
        /// The state to pack. By default it is the newest.
        at_seq: i64,
        /// Makes a delta: only files that changed after that seq, behind a first entry .quire/delta.json {since_seq, seq,
        /// deleted}. By default everything is packed.
        after_seq: i64,
        /// How long the token of the URL is valid, above 0 and at most 366 days.
        ttl: Duration,
        /// The checksum that went with at_seq, 16 to 64 hex digits. The log there must be the one that the caller knows.
        at_checksum: &'a str,
        /// The checksum that went with after_seq, in the same way.
        after_checksum: &'a str,
    }

    /// Optional arguments of [`plan_hydration`](crate::Quire::plan_hydration).
    HydrationOptions<'a> {
        /// The state that the copy is to have. By default it is the newest.
        at_seq: i64,
        /// The checksum that went with at_seq, 16 to 64 hex digits. The log there must be the one that the caller knows.
        at_checksum: &'a str,
    }
}

rows! {
    /// A snapshot in a list.
    ListedSnapshot {
        /// The id of the snapshot.
        snapshot_id: SnapshotId,
        /// The last bundle that changed a file of it.
        seq: i64,
        /// The seq that a delta begins after.
        after_seq: Option<i64>,
        /// Zip or tar.zst.
        format: String,
        /// The length of the archive in bytes.
        size: i64,
        /// BLAKE3 of the archive, 64 hex digits.
        content_hash: String,
        /// The number of its files.
        file_count: i64,
        /// The number of pieces that `read_snapshot_chunk` returns.
        chunk_count: i32,
        /// The actor who made it.
        created_by: ActorId,
        /// When it was made.
        created_at: SystemTime,
        /// The checksum of the bundle at seq.
        checksum: String,
    }
}

objects! {
    /// What a container needs to come up with the files of a project and to follow its edits.
    Session {
        /// The project.
        #[serde(rename = "PROJECT_ID")]
        project_id: ProjectId,
        /// The session, which [`finish_session`](crate::Quire::finish_session) ends.
        #[serde(rename = "SESSION_ID")]
        session_id: SessionId,
        /// Where the snapshot is.
        #[serde(rename = "SNAPSHOT_URL")]
        snapshot_url: String,
        /// A token for the events.
        #[serde(rename = "REALTIME_TOKEN")]
        realtime_token: String,
        /// The seq of the snapshot.
        #[serde(rename = "SEQ")]
        seq: i64,
        /// The checksum of the bundle at seq.
        #[serde(rename = "SEQ_CHECKSUM")]
        seq_checksum: String,
    }

    /// An archive, and how it is downloaded.
    Snapshot {
        /// What the archive holds.
        #[serde(flatten)]
        manifest: SnapshotManifest,
        /// Where it is downloaded, with the token.
        url: String,
        /// The token, which is for this snapshot only.
        token: String,
        /// When the token expires.
        #[serde(deserialize_with = "time")]
        expires_at: SystemTime,
        /// Whether the archive existed.
        cached: bool,
    }

    /// What an archive holds.
    SnapshotManifest {
        /// The id of the snapshot.
        snapshot_id: SnapshotId,
        /// The project.
        project_id: ProjectId,
        /// The seq.
        seq: i64,
        /// The checksum of the bundle at seq.
        checksum: String,
        /// The seq that a delta begins after.
        after_seq: Option<i64>,
        /// Zip or tar.zst.
        format: String,
        /// The length of the archive in bytes.
        size: i64,
        /// BLAKE3 of the archive, 64 hex digits.
        content_hash: String,
        /// The number of its files.
        file_count: i64,
        /// The number of pieces that [`read_snapshot_chunk`](crate::Quire::read_snapshot_chunk) returns.
        chunk_count: i32,
        /// When it was made.
        #[serde(deserialize_with = "time")]
        created_at: SystemTime,
        /// Its files.
        manifest: Vec<PackedFile>,
        /// The paths that a delta deletes. None unless it is a delta.
        deleted: Option<Vec<String>>,
    }

    /// A file of an archive.
    PackedFile {
        /// The path.
        file_path: String,
        /// BLAKE3 of the content, 64 hex digits.
        content_hash: String,
        /// The length of the content in bytes.
        size: i64,
        /// The number of the version.
        version: i32,
        /// What the file is to the application.
        file_type: String,
        /// 100644, 100755 or 120000.
        mode: String,
    }

    /// The least work that makes a copy complete.
    Hydration {
        /// The seq that the copy has afterwards.
        seq: i64,
        /// The checksum of the bundle at seq.
        checksum: String,
        /// The files to write.
        put: Vec<HydratedFile>,
        /// The paths to delete.
        delete: Vec<String>,
        /// The number of files that stay.
        keep: i64,
    }

    /// A file to write.
    HydratedFile {
        /// The path.
        file_path: String,
        /// The content as text. None for binary files.
        content: Option<String>,
        /// The content of a binary file in base64.
        content_base64: Option<String>,
        /// Whether the content is left out.
        #[serde(default)]
        content_omitted: bool,
        /// BLAKE3 of the content, 64 hex digits.
        content_hash: String,
        /// The number of the version.
        version: i32,
        /// What the file is to the application.
        file_type: String,
        /// 100644, 100755 or 120000.
        mode: String,
        /// The length of the content in bytes.
        size: i64,
        /// Whether the content is not text.
        is_binary: bool,
    }

    /// Whether a snapshot is what its manifest says.
    SnapshotCheck {
        /// Whether it is.
        ok: bool,
        /// The snapshot.
        snapshot_id: SnapshotId,
        /// The number of its files.
        file_count: i64,
        /// How much is wrong.
        problem_count: i64,
        /// What is wrong.
        problems: Vec<SnapshotProblem>,
    }

    /// What is wrong with a snapshot.
    SnapshotProblem {
        /// The file. None when it is the archive as a whole.
        file_path: Option<String>,
        /// What is wrong.
        problem: String,
        /// What the manifest says.
        expected: Option<Value>,
        /// What the archive holds.
        actual: Option<Value>,
    }
}

calls! {
    /// Returns everything that a container needs to come up with the files of a project and to follow its edits.
    fn begin_session(project_uuid: ProjectId; ..BeginSessionOptions<'_>) -> Session;

    /// Makes an archive of a project, or finds the one that exists. The same files, paths, modes and times of change give
    /// the same bytes, which are made once. A new archive by somebody who can write is a bundle of kind system with the
    /// event snapshot:ready; that of a viewer is not announced. Archives beyond the setting snapshots_kept or older than
    /// snapshots_max_age are removed, unless an unexpired token names them.
    fn create_project_snapshot(project_uuid: ProjectId; ..SnapshotOptions<'_>) -> Snapshot;

    /// Deletes a snapshot. Whoever holds a token for it gets PT410. A viewer deletes only snapshots of their own that are
    /// not announced.
    fn delete_snapshot(project_uuid: ProjectId, snapshot_id: SnapshotId) -> ();

    /// Returns the bytes of the one snapshot that a token is for. It is the target of the snapshot's URL. It sets
    /// response.headers (Content-Type application/zip or application/zstd, Content-Disposition, Cache-Control) for
    /// PostgREST.
    fn download_snapshot(token: &str) -> Vec<u8>;

    /// Revokes the tokens of a session.
    fn finish_session(project_uuid: ProjectId, session_id: SessionId) -> ();

    /// Returns what a snapshot holds.
    fn get_snapshot_manifest(project_uuid: ProjectId, snapshot_id: SnapshotId) -> SnapshotManifest;

    /// Lists the snapshots of a project, the newest first.
    fn list_snapshots(project_uuid: ProjectId) -> Vec<ListedSnapshot>;

    /// Returns the least work that makes a copy of the project's files complete.
    fn plan_hydration(project_uuid: ProjectId, have: &Value; ..HydrationOptions<'_>) -> Hydration;

    /// Returns the bytes of an archive.
    fn read_snapshot(project_uuid: ProjectId, snapshot_id: SnapshotId) -> Vec<u8>;

    /// Returns a piece of an archive. All pieces in order are the archive.
    fn read_snapshot_chunk(project_uuid: ProjectId, snapshot_id: SnapshotId, ordinal: i32) -> Vec<u8>;

    /// Makes the tree what an archive holds, as one bundle of kind import. Files that are not in the archive are deleted;
    /// of a delta, those that it names. Any zip (stored or deflated) and any tar.zst is taken whose entries obey the
    /// rules of paths; directories are left out. The checksums of the archive are checked: in an archive of quire a byte
    /// that changed is refused, or changes no file.
    fn restore_snapshot(project_uuid: ProjectId, archive: &[u8]; correlation_id: CorrelationId) -> Receipt;

    /// Hashes a snapshot and every file in it again, and compares the hashes with the manifest.
    fn verify_snapshot(project_uuid: ProjectId, snapshot_id: SnapshotId) -> SnapshotCheck;
}
