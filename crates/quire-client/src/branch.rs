//! Branches of Automerge documents.

use crate::bundle::Receipt;
use crate::call::{calls, objects, options, rows};
use quire_core::id::{ActorId, CorrelationId, ProjectId};
use serde_json::Value;
use std::time::SystemTime;

options! {
    /// Optional arguments of [`create_branch`](crate::Quire::create_branch).
    CreateBranchOptions<'a> {
        /// The branch that it begins with; main by default.
        from_branch: &'a str,
        /// The last bundle of that branch that it has. By default the newest.
        at_seq: i64,
        /// What the author says of it, at most 64 KiB.
        message: &'a str,
        /// An id that the caller chooses for the request. The same id again returns the first answer and changes nothing.
        correlation_id: CorrelationId,
    }

    /// Optional arguments of [`close_branch`](crate::Quire::close_branch).
    CloseBranchOptions<'a> {
        /// The branch that has all of it.
        merged_into: &'a str,
        /// What the author says of it, at most 64 KiB.
        message: &'a str,
        /// An id that the caller chooses for the request. The same id again returns the first answer and changes nothing.
        correlation_id: CorrelationId,
    }

    /// Optional arguments of [`delete_branch`](crate::Quire::delete_branch).
    DeleteBranchOptions<'a> {
        /// What the author says of it, at most 64 KiB.
        message: &'a str,
        /// An id that the caller chooses for the request. The same id again returns the first answer and changes nothing.
        correlation_id: CorrelationId,
    }

    /// Optional arguments of [`merge_branch`](crate::Quire::merge_branch).
    MergeBranchOptions<'a> {
        /// The branch that gets the changes; main by default.
        target: &'a str,
        /// Whether only to say what would become of it.
        dry_run: bool,
        /// Other branches that are merged with it, at most 99.
        more_sources: &'a [&'a str],
        /// Whether the sources are closed with it.
        close_sources: bool,
        /// What the author says of it, at most 64 KiB.
        message: &'a str,
        /// An id that the caller chooses for the request. The same id again returns the first answer and changes nothing.
        correlation_id: CorrelationId,
    }

    /// Optional arguments of [`list_branches`](crate::Quire::list_branches).
    ListBranchesOptions<'a> {
        /// Only names after this one, for the next page.
        after_branch: &'a str,
        /// How many, 1 to 10000.
        max_branches: i32,
    }

    /// Optional arguments of [`diff_branches`](crate::Quire::diff_branches).
    DiffBranchesOptions<'a> {
        /// The branch that it is compared with; main by default.
        target: &'a str,
        /// Only names after this one, for the next page.
        after_doc: &'a str,
        /// How many, 1 to 10000.
        max_docs: i32,
    }
}

rows! {
    /// A branch in a list.
    ListedBranch {
        /// Its name.
        branch: String,
        /// Open or closed.
        status: String,
        /// The branch that it begins with. None of main.
        from_branch: Option<String>,
        /// The last bundle of that branch that it has. None of main.
        at_seq: Option<i64>,
        /// The newest bundle that wrote a document on it.
        head_seq: i64,
        /// The branch that has all of it, as who closed it said.
        merged_into: Option<String>,
        /// The bundle that made it. None of main.
        created_seq: Option<i64>,
        /// Who made it. None of main.
        created_by: Option<ActorId>,
        /// When it was made. None of main.
        created_at: Option<SystemTime>,
        /// The checksum of the log up to the bundle that made it what it is.
        checksum: String,
    }

    /// A document that is not the same on two branches.
    BranchDifference {
        /// Its name.
        doc: String,
        /// Added, deleted or changed.
        status: String,
        /// Its heads on the source.
        source_heads: Vec<String>,
        /// Its heads on the target.
        target_heads: Vec<String>,
        /// How many changes the source has and the target lacks.
        source_changes: i64,
        /// How many changes the target has and the source lacks.
        target_changes: i64,
    }
}

objects! {
    /// A branch, and those that it begins with.
    BranchInfo {
        /// Its name.
        branch: String,
        /// Open or closed.
        status: String,
        /// The branch that it begins with. None of main.
        from_branch: Option<String>,
        /// The last bundle of that branch that it has. None of main.
        at_seq: Option<i64>,
        /// The newest bundle that wrote a document on it.
        head_seq: i64,
        /// The branch that has all of it, as who closed it said.
        merged_into: Option<String>,
        /// The bundle that made it. None of main.
        created_seq: Option<i64>,
        /// Who made it. None of main.
        created_by: Option<ActorId>,
        /// When it was made. None of main.
        created_at: Option<String>,
        /// The branches that it begins with, the nearest first.
        lineage: Vec<BranchPoint>,
    }

    /// A place on a branch.
    BranchPoint {
        /// The branch.
        branch: String,
        /// The last bundle of it that counts.
        at_seq: i64,
    }

    /// What a merge did, or would do.
    MergeReceipt {
        /// The bundle; the newest one when nothing changed. None of a dry run.
        seq: Option<i64>,
        /// The id of the bundle. None when nothing changed, and of a dry run.
        bundle_id: Option<String>,
        /// The checksum of the log up to that bundle. None of a dry run.
        checksum: Option<String>,
        /// The documents of the target that change.
        docs: Vec<MergedDoc>,
    }

    /// What a merge makes of a document.
    MergedDoc {
        /// Its name.
        doc: String,
        /// How many changes it gets.
        applied: i64,
        /// Its heads then.
        heads: Vec<String>,
        /// Whether it is deleted then.
        is_deleted: bool,
        /// The places with several values, where both had changed it.
        #[serde(default)]
        conflicts: Option<Value>,
        /// Whether there is too much of it to say.
        #[serde(default)]
        conflicts_omitted: Option<bool>,
    }
}

calls! {
    /// Closes a branch. It stays readable and is written no more.
    fn close_branch(project_uuid: ProjectId, name: &str; ..CloseBranchOptions<'_>) -> Receipt;

    /// Makes a branch that begins with what another one is, or was. Nothing is copied.
    fn create_branch(project_uuid: ProjectId, name: &str; ..CreateBranchOptions<'_>) -> Receipt;

    /// Deletes a branch. What was on it stays readable by its seqs.
    fn delete_branch(project_uuid: ProjectId, name: &str; ..DeleteBranchOptions<'_>) -> Receipt;

    /// Lists the documents that are not the same on two branches.
    fn diff_branches(project_uuid: ProjectId, source: &str; ..DiffBranchesOptions<'_>) -> Vec<BranchDifference>;

    /// Describes a branch, and those that it begins with.
    fn get_branch(project_uuid: ProjectId, name: &str) -> BranchInfo;

    /// Lists the branches, ordered by name.
    fn list_branches(project_uuid: ProjectId; ..ListBranchesOptions<'_>) -> Vec<ListedBranch>;

    /// Merges branches into another one: each document gets every change that a source has and the target lacks.
    fn merge_branch(project_uuid: ProjectId, source: &str; ..MergeBranchOptions<'_>) -> MergeReceipt;
}
