//! Files: writing, reading, history, differences, restores and merges.

use crate::argument::{Column, Relation};
use crate::call::{calls, objects, one_row, options, rows};
use quire_core::id::{ActorId, BundleId, CorrelationId, ProjectId, VersionId};
use serde_json::Value;
use std::time::SystemTime;

options! {
    /// Optional arguments of [`delete_project_file`](crate::Quire::delete_project_file) and
    /// [`move_project_file`](crate::Quire::move_project_file).
    ChangeFileOptions {
        /// The version that the file must be at; 0: the file must not exist. By default the last write wins.
        expected_version: i32,
        /// An id that the caller chooses for the request. The same id again returns the first answer and changes nothing.
        correlation_id: CorrelationId,
    }

    /// Optional arguments of [`import_legacy_files`](crate::Quire::import_legacy_files).
    ImportLegacyFilesOptions<'a> {
        /// The column with the file types. By default types are inferred from the paths.
        type_column: Column<'a>,
        /// An id that the caller chooses for the request; each bundle gets an id that follows from it.
        correlation_id: CorrelationId,
    }

    /// Optional arguments of [`list_current_files`](crate::Quire::list_current_files).
    ListFilesOptions<'a> {
        /// A file, or a directory with everything below it. No character is a wildcard. By default: all files.
        path_prefix: &'a str,
        /// Only paths after this one are returned. The last path of a page is the after_path of the next.
        after_path: &'a str,
        /// The most rows, 1 to 10000. A page with more than 32 MiB of content ends earlier; a page without rows is the
        /// end. By default: all files.
        max_files: i32,
        /// False leaves content out, and nothing is decoded.
        with_content: bool,
    }

    /// Optional arguments of [`list_files_at`](crate::Quire::list_files_at). At most one point in time is given.
    ListFilesAtOptions<'a> {
        /// A seq; 0 is an empty tree.
        at_seq: i64,
        /// A time; the newest bundle up to it counts.
        at_time: SystemTime,
        /// A tag.
        at_tag: &'a str,
        /// Only paths after this one are returned. The last path of a page is the after_path of the next.
        after_path: &'a str,
        /// The most rows, 1 to 10000, as in `list_current_files`. By default: all files.
        max_files: i32,
    }

    /// Optional arguments of [`merge_project_file`](crate::Quire::merge_project_file).
    MergeOptions<'a> {
        /// Lines or automerge. lines is diff3: hunks in conflict are returned and nothing is written. automerge merges hunks in
        /// conflict word by word, at most 256 KiB a side: edits of different words count, what both sides did alike counts once,
        /// and where that is not sure or takes longer than quire.diff_deadline, the answer is that of lines.
        strategy: &'a str,
        /// An id that the caller chooses for the request. The same id again returns the first answer and changes nothing.
        correlation_id: CorrelationId,
    }

    /// Optional arguments of [`project_file_history`](crate::Quire::project_file_history).
    FileHistoryOptions {
        /// Only older versions are returned. The last version of a page is the before_version of the next. By default the
        /// newest are first.
        before_version: i32,
        /// The most rows, 1 to 10000.
        max_versions: i32,
    }

    /// Optional arguments of [`read_project_file`](crate::Quire::read_project_file) and
    /// [`read_project_file_bytes`](crate::Quire::read_project_file_bytes). At most one of them is given.
    ReadFileOptions<'a> {
        /// A version, which may be a tombstone.
        version: i32,
        /// A seq, from 0 to the newest.
        at_seq: i64,
        /// A tag.
        at_tag: &'a str,
        /// A time; the newest bundle up to it counts.
        at_time: SystemTime,
    }

    /// Optional arguments of [`restore_project`](crate::Quire::restore_project).
    RestoreProjectOptions {
        /// True changes nothing and only returns what would be done.
        dry_run: bool,
        /// An id that the caller chooses for the request. The same id again returns the first answer and changes nothing.
        correlation_id: CorrelationId,
    }

    /// Optional arguments of [`tag_project`](crate::Quire::tag_project).
    TagProjectOptions {
        /// The seq. By default it is the newest.
        at_seq: i64,
        /// An id that the caller chooses for the request. The same id again returns the first answer and changes nothing.
        correlation_id: CorrelationId,
    }

    /// Optional arguments of [`upsert_project_file`](crate::Quire::upsert_project_file) and
    /// [`upsert_project_file_bytes`](crate::Quire::upsert_project_file_bytes).
    WriteFileOptions<'a> {
        /// What the file is to the application. By default the type is kept, or inferred from the path.
        p_file_type: &'a str,
        /// The version that the file must be at; 0: the file must not exist. By default the last write wins.
        expected_version: i32,
        /// An id that the caller chooses for the request. The same id again returns the first answer and changes nothing.
        correlation_id: CorrelationId,
    }
}

rows! {
    /// A file as a writer leaves it.
    FileHead {
        /// The id of the version.
        id: VersionId,
        /// The path, as it is stored.
        file_path: String,
        /// What the file is to the application.
        file_type: String,
        /// BLAKE3 of the content, 64 hex digits. None for tombstones.
        content_hash: Option<String>,
        /// The number of the version: 1, 2, 3, ... for each path.
        version: i32,
        /// The id of the version that this one was made from. None for the first version of a path.
        parent_version_id: Option<VersionId>,
        /// The length of the content in bytes.
        size: i64,
        /// Whether the version is a tombstone.
        is_deleted: bool,
        /// Whether the content is not text.
        is_binary: bool,
        /// The bundle that made the version.
        seq: i64,
        /// When that bundle was committed.
        updated_at: SystemTime,
        /// The checksum of that bundle.
        checksum: String,
    }
}

rows! {
    /// A path that differs between two seqs.
    ChangedPath {
        /// The path.
        file_path: String,
        /// Added, modified, deleted or moved.
        change: String,
        /// The path before, for moved.
        from_path: Option<String>,
        /// The version at from_seq.
        from_version: Option<i32>,
        /// The version at to_seq.
        to_version: Option<i32>,
        /// The hash of the content at from_seq.
        from_hash: Option<String>,
        /// The hash of the content at to_seq.
        to_hash: Option<String>,
    }

    /// A current file in a list.
    CurrentFile {
        /// The path.
        file_path: String,
        /// What the file is to the application.
        file_type: String,
        /// The content as text. None for binary files.
        content: Option<String>,
        /// BLAKE3 of the content, 64 hex digits.
        content_hash: String,
        /// The number of the version.
        version: i32,
        /// When the version was committed.
        updated_at: SystemTime,
    }

    /// A file as it was at a point in time.
    FileAt {
        /// The path.
        file_path: String,
        /// What the file is to the application.
        file_type: String,
        /// The content as text. None for binary files.
        content: Option<String>,
        /// BLAKE3 of the content, 64 hex digits.
        content_hash: String,
        /// The number of the version.
        version: i32,
        /// When the version was committed.
        updated_at: SystemTime,
        /// The bundle that made the version.
        seq: i64,
        /// The checksum of that bundle.
        checksum: String,
    }

    /// A seq that has a name.
    Tag {
        /// The name.
        tag: String,
        /// The bundle that it names.
        seq: i64,
        /// The actor who made the tag.
        created_by: ActorId,
        /// When the tag was made.
        created_at: SystemTime,
        /// The checksum of the bundle.
        checksum: String,
    }

    /// A version of a path.
    FileVersion {
        /// The number of the version.
        version: i32,
        /// File.put, file.delete or file.move.
        op: String,
        /// BLAKE3 of the content, 64 hex digits. None for tombstones.
        content_hash: Option<String>,
        /// The length of the content in bytes.
        size: i64,
        /// What the file is to the application.
        file_type: String,
        /// 100644, 100755 or 120000.
        mode: String,
        /// Whether the version is a tombstone.
        is_deleted: bool,
        /// Whether the content is not text.
        is_binary: bool,
        /// The path that the file had before a move.
        moved_from: Option<String>,
        /// The version it had there.
        moved_from_version: Option<i32>,
        /// The path that the file went to.
        moved_to: Option<String>,
        /// The actor who wrote the version.
        actor: ActorId,
        /// The kind of the bundle.
        kind: String,
        /// The message of the bundle.
        message: Option<String>,
        /// The bundle that made the version.
        seq: i64,
        /// When the bundle was committed.
        committed_at: SystemTime,
    }

    /// A file with its content.
    File {
        /// The path.
        file_path: String,
        /// What the file is to the application.
        file_type: String,
        /// The content as text. None for binary files and tombstones.
        content: Option<String>,
        /// BLAKE3 of the content, 64 hex digits. None for tombstones.
        content_hash: Option<String>,
        /// The number of the version.
        version: i32,
        /// When the version was committed.
        updated_at: SystemTime,
        /// The length of the content in bytes.
        size: i64,
        /// 100644, 100755 or 120000.
        mode: String,
        /// Whether the version is a tombstone.
        is_deleted: bool,
        /// Whether the content is not text.
        is_binary: bool,
        /// The bundle that made the version.
        seq: i64,
        /// The checksum of that bundle.
        checksum: String,
    }
}

one_row!(File, FileHead);

objects! {
    /// What a call about many files did.
    BulkReceipt {
        /// True.
        success: bool,
        /// The bundle.
        seq: i64,
        /// The checksum of the bundle.
        checksum: String,
        /// The files, in the order of the call.
        files: Vec<BulkFile>,
    }

    /// A file of a call about many.
    BulkFile {
        /// The path.
        file_path: String,
        /// The number of the version.
        version: i32,
        /// BLAKE3 of the content, 64 hex digits. None when the file was deleted.
        content_hash: Option<String>,
    }

    /// What was imported from a table.
    LegacyImport {
        /// The number of files.
        imported: i64,
        /// The last bundle. None when nothing was written.
        seq: Option<i64>,
    }

    /// What came of a merge.
    Merged {
        /// What happened; conflict when nothing was written.
        status: String,
        /// The version of the file.
        version: i32,
        /// The bundle that made the version.
        seq: i64,
        /// The checksum of that bundle.
        checksum: String,
        /// What cannot be merged.
        conflicts: Vec<Hunk>,
    }

    /// Lines that both sides changed.
    Hunk {
        /// The first line in the base.
        base_start: i64,
        /// The lines of the base.
        base_lines: String,
        /// The first line in the edit.
        ours_start: i64,
        /// The lines of the edit.
        ours: String,
        /// The first line in the current file.
        theirs_start: i64,
        /// The lines of the current file.
        theirs: String,
    }

    /// What a restore of the tree did, or would do.
    Restored {
        /// Whether nothing was written.
        dry_run: bool,
        /// The seq that was restored.
        to_seq: i64,
        /// The newest bundle afterwards.
        seq: i64,
        /// The id of the bundle. None when nothing was written.
        bundle_id: Option<BundleId>,
        /// The checksum of the bundle at seq.
        checksum: String,
        /// The files that change.
        files: Vec<RestoredFile>,
    }

    /// A file that a restore changes.
    RestoredFile {
        /// The path.
        file_path: String,
        /// The kind of operation.
        op: String,
        /// BLAKE3 of the content, 64 hex digits. None when the file is deleted.
        content_hash: Option<String>,
        /// The number of the new version. None when nothing was written.
        version: Option<i32>,
    }
}

calls! {
    /// Deletes many files as one bundle: all of them or none.
    fn bulk_delete_project_files(
        project_uuid: ProjectId, paths: &[&str]; correlation_id: CorrelationId
    ) -> BulkReceipt;

    /// Writes many files as one bundle: all of them or none.
    fn bulk_upsert_project_files(
        project_uuid: ProjectId, files: &Value; correlation_id: CorrelationId
    ) -> BulkReceipt;

    /// Deletes a file. A tombstone version is added, and the history stays.
    fn delete_project_file(project_uuid: ProjectId, p_file_path: &str; ..ChangeFileOptions) -> FileHead;

    /// Lists the paths that differ between two seqs, ordered by path. from_seq may be the later one.
    fn diff_project(project_uuid: ProjectId, from_seq: i64, to_seq: i64) -> Vec<ChangedPath>;

    /// Compares two versions of a file and returns a unified diff as git prints it; patch and git apply accept it. For
    /// binary files it is a notice.
    fn diff_project_file(
        project_uuid: ProjectId, p_file_path: &str, from_version: i32, to_version: i32; context_lines: i32
    ) -> String;

    /// Writes the files of an existing table into a project, in bundles of at most 1,000 files. The table is read with
    /// the rights of the caller.
    fn import_legacy_files(
        project_uuid: ProjectId, source: Relation<'_>, path_column: Column<'_>, content_column: Column<'_>;
        ..ImportLegacyFilesOptions<'_>
    ) -> LegacyImport;

    /// Lists the current files, ordered by path.
    fn list_current_files(project_uuid: ProjectId; ..ListFilesOptions<'_>) -> Vec<CurrentFile>;

    /// Lists the files as they were at a point in time, ordered by path. Exactly one of at_seq, at_time and at_tag is
    /// given. Clients may round times; a seq is exact.
    fn list_files_at(project_uuid: ProjectId; ..ListFilesAtOptions<'_>) -> Vec<FileAt>;

    /// Lists the tags of a project, ordered by seq.
    fn list_project_tags(project_uuid: ProjectId) -> Vec<Tag>;

    /// Writes an edit that was made on an older version, merged with what came after that version.
    fn merge_project_file(
        project_uuid: ProjectId, p_file_path: &str, p_content: &str, base_version: i32;
        ..MergeOptions<'_>
    ) -> Merged;

    /// Gives a file another path at which there is no file. The history of the new path names the old one.
    fn move_project_file(
        project_uuid: ProjectId, from_path: &str, to_path: &str;
        ..ChangeFileOptions
    ) -> FileHead;

    /// Lists the versions of a path, the newest first. A path that was never used has none.
    fn project_file_history(
        project_uuid: ProjectId, p_file_path: &str;
        ..FileHistoryOptions
    ) -> Vec<FileVersion>;

    /// Returns one file: the current one, a version, or the one at a point in time. At most one of version, at_seq,
    /// at_tag and at_time is given. Now and at a point in time a deleted file is not found.
    fn read_project_file(project_uuid: ProjectId, p_file_path: &str; ..ReadFileOptions<'_>) -> File;

    /// Returns the bytes of one file: of the current one, of a version, or of the one at a point in time. Length and hash
    /// are verified. At most one of version, at_seq, at_tag and at_time is given.
    fn read_project_file_bytes(project_uuid: ProjectId, p_file_path: &str; ..ReadFileOptions<'_>) -> Vec<u8>;

    /// Makes the whole tree what it was at a seq, as one new bundle. Nothing is rewritten.
    fn restore_project(project_uuid: ProjectId, to_seq: i64; ..RestoreProjectOptions) -> Restored;

    /// Makes an older version of a file current again, as a new version.
    fn restore_project_file(
        project_uuid: ProjectId, p_file_path: &str, version: i32; correlation_id: CorrelationId
    ) -> FileHead;

    /// Gives a seq a name. A tag does not move: the same name at another seq is refused.
    fn tag_project(project_uuid: ProjectId, tag: &str; ..TagProjectOptions) -> i64;

    /// Writes a text file. Unchanged content makes no version and no event. The mode of an existing file is kept, but a
    /// symlink becomes a regular file.
    fn upsert_project_file(
        project_uuid: ProjectId, p_file_path: &str, p_content: &str;
        ..WriteFileOptions<'_>
    ) -> FileHead;

    /// Writes a file of any bytes. The column is_binary says whether they are no text (UTF-8 without NUL). Otherwise the
    /// function does what `upsert_project_file` does. Bytes are never decoded: base64 that is passed here is stored as
    /// base64; `commit_bundle` has content_base64 for that.
    fn upsert_project_file_bytes(
        project_uuid: ProjectId, p_file_path: &str, p_bytes: &[u8];
        ..WriteFileOptions<'_>
    ) -> FileHead;
}
