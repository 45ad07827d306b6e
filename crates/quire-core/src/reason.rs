//! Why a call was refused, where its code alone does not say it: the `reason` of DETAIL.

use crate::code::Code;

/// A reason, as a closed list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    /// A file is not at `expected_version`. DETAIL has `current`, the file as it is, and `expected_version`.
    StaleVersion,
    /// A path of the bundle changed after `base_seq`. DETAIL has `files`.
    BaseChanged,
    /// Somebody else changed a field after `base_seq` to another value. DETAIL has `conflicts`.
    FieldConflict,
    /// A document has other heads than `base_heads`. DETAIL has `heads`, those it has.
    StaleHeads,
    /// A change of a document depends on one that is not there, or comes after others of its actor that are not. DETAIL has `change` and what is `missing`.
    MissingDependency,
    /// An actor has made another change of this number of the document. DETAIL has `change`, `actor` and `actor_seq`.
    DuplicateChange,
    /// A document would not satisfy a schema of its project. DETAIL has `doc`, `branch`, `schema` and the `path` inside of the document.
    InvariantFailed,
    /// A document or a file is bound already, a file is not what its document says, or a write would make them different. DETAIL has `doc` and `file_path`.
    Bound,
    /// The operation `test` of a JSON Patch finds another value. DETAIL has `path` and the number of the `operation`.
    TestFailed,
    /// What an undo would restore has become something else since. DETAIL has `conflicts`.
    ChangedSince,
    /// A path would be a file and a directory at once.
    PathConflict,
    /// A file is moved to a path that has a file.
    DestinationExists,
    /// A path occurs twice in a list.
    DuplicatePath,
    /// A project with this id, a tag of this name at another seq, a subscription or a branch of this name, or other bytes for this piece of an upload exist already.
    Duplicate,
    /// The file that an edit is merged into was deleted.
    Deleted,
    /// The `correlation_id` belongs to another request, or to somebody else's.
    CorrelationReused,
    /// Somebody has resolved the conflict. DETAIL has the bundle.
    AlreadyResolved,
    /// The entry in quarantine was repaired or discarded before.
    AlreadyEnded,
    /// The job was finished or cancelled. DETAIL has `status`.
    JobEnded,
    /// A piece of the upload is missing.
    Incomplete,
    /// A current file has the content that is to be archived, or somebody else is using the snapshot or the subscription.
    InUse,
    /// Somebody else is making the same snapshot.
    Concurrent,
    /// The log at a seq is another one than the caller knows, because the database was set back to a backup. PT409 answers who writes or exchanges bundles, PT410 who reads. DETAIL has `seq`, the newest one.
    MustRefetch,
    /// The private channel has another name now.
    Renamed,
    /// The token has expired.
    Expired,
    /// The token was revoked.
    Revoked,
    /// The token was presented as often as it may be.
    UsedUp,
    /// The last owner would go or lose the role.
    LastOwner,
    /// A call would take more memory than `quire.max_call_memory`.
    CallMemory,
    /// The server has no more memory.
    OutOfMemory,
}

/// What is documented of a reason.
struct Entry {
    word: &'static str,
    codes: &'static [Code],
    meaning: &'static str,
    remedy: &'static str,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 30] = [
        Self::StaleVersion,
        Self::BaseChanged,
        Self::FieldConflict,
        Self::StaleHeads,
        Self::MissingDependency,
        Self::DuplicateChange,
        Self::InvariantFailed,
        Self::Bound,
        Self::TestFailed,
        Self::ChangedSince,
        Self::PathConflict,
        Self::DestinationExists,
        Self::DuplicatePath,
        Self::Duplicate,
        Self::Deleted,
        Self::CorrelationReused,
        Self::AlreadyResolved,
        Self::AlreadyEnded,
        Self::JobEnded,
        Self::Incomplete,
        Self::InUse,
        Self::Concurrent,
        Self::MustRefetch,
        Self::Renamed,
        Self::Expired,
        Self::Revoked,
        Self::UsedUp,
        Self::LastOwner,
        Self::CallMemory,
        Self::OutOfMemory,
    ];

    /// The word in DETAIL.
    pub const fn as_str(self) -> &'static str {
        self.entry().word
    }

    /// The codes of the errors that have it.
    pub const fn codes(self) -> &'static [Code] {
        self.entry().codes
    }

    /// When it is given, and what else DETAIL has then; in Markdown.
    pub const fn meaning(self) -> &'static str {
        self.entry().meaning
    }

    /// What the caller can do about it; in Markdown.
    pub const fn remedy(self) -> &'static str {
        self.entry().remedy
    }

    const fn entry(self) -> Entry {
        match self {
            Self::StaleVersion => Entry {
                word: "stale_version",
                codes: &[Code::Conflict],
                meaning: "A file is not at `expected_version`. DETAIL has `current`, the file as it is, and `expected_version`.",
                remedy: "Read the file, or merge with `merge_project_file`, and write again.",
            },
            Self::BaseChanged => Entry {
                word: "base_changed",
                codes: &[Code::Conflict],
                meaning: "A path of the bundle changed after `base_seq`. DETAIL has `files`.",
                remedy: "Fetch what changed since `base_seq`, merge, and commit again with the new seq.",
            },
            Self::FieldConflict => Entry {
                word: "field_conflict",
                codes: &[Code::Conflict],
                meaning: "Somebody else changed a field after `base_seq` to another value. DETAIL has `conflicts`.",
                remedy: "Decide, and commit again; or use `on_conflict` with `record` or `skip`.",
            },
            Self::StaleHeads => Entry {
                word: "stale_heads",
                codes: &[Code::Conflict],
                meaning: "A document has other heads than `base_heads`. DETAIL has `heads`, those it has.",
                remedy: "Read the document, and make the edit again on what it is now; or leave `base_heads` out, and Automerge merges.",
            },
            Self::MissingDependency => Entry {
                word: "missing_dependency",
                codes: &[Code::Conflict],
                meaning: "A change of a document depends on one that is not there, or comes after others of its actor that are not. DETAIL has `change` and, of dependencies, `missing`.",
                remedy: "Send the missing changes first, or in the same call before it.",
            },
            Self::DuplicateChange => Entry {
                word: "duplicate_change",
                codes: &[Code::Conflict],
                meaning: "An actor has made another change of this number of the document. DETAIL has `change`, `actor` and `actor_seq`.",
                remedy: "Use an actor id in one place at a time: load the document with a new one, and make the edit again.",
            },
            Self::InvariantFailed => Entry {
                word: "invariant_failed",
                codes: &[Code::Invariant],
                meaning: "A document would not satisfy a schema of its project. DETAIL has `doc`, `branch`, `schema` and the `path` inside of the document.",
                remedy: "Write what satisfies the schema; `list_schemas` shows it.",
            },
            Self::Bound => Entry {
                word: "bound",
                codes: &[Code::Conflict, Code::Invariant],
                meaning: "A document or a file is bound already, a file is not what its document says, or a write would make them different. DETAIL has `doc` and `file_path`.",
                remedy: "`list_doc_bindings` shows what is bound, and `unbind_doc` ends it; `keep` of `bind_doc_to_file` says which side stays.",
            },
            Self::TestFailed => Entry {
                word: "test_failed",
                codes: &[Code::Conflict],
                meaning: "The operation `test` of a JSON Patch finds another value. DETAIL has `path` and the number of the `operation`.",
                remedy: "Read the document, and make the patch for what it is now.",
            },
            Self::ChangedSince => Entry {
                word: "changed_since",
                codes: &[Code::Conflict],
                meaning: "What an undo would restore has become something else since. DETAIL has `conflicts`.",
                remedy: "Use `on_conflict` with `skip` or `record`, or edit by hand.",
            },
            Self::PathConflict => Entry {
                word: "path_conflict",
                codes: &[Code::Conflict],
                meaning: "A path would be a file and a directory at once.",
                remedy: "Delete or move what is in the way, in the same bundle if you like.",
            },
            Self::DestinationExists => Entry {
                word: "destination_exists",
                codes: &[Code::Conflict],
                meaning: "A file is moved to a path that has a file.",
                remedy: "Delete that file first, or choose another path.",
            },
            Self::DuplicatePath => Entry {
                word: "duplicate_path",
                codes: &[Code::Conflict],
                meaning: "A path occurs twice in a list.",
                remedy: "Name each path once.",
            },
            Self::Duplicate => Entry {
                word: "duplicate",
                codes: &[Code::Conflict],
                meaning: "A project with this id, a tag of this name at another seq, a subscription or a branch of this name, or other bytes for this piece of an upload exist already.",
                remedy: "Choose another name, or use what exists.",
            },
            Self::Deleted => Entry {
                word: "deleted",
                codes: &[Code::Conflict],
                meaning: "The file that an edit is merged into was deleted.",
                remedy: "Write the file as a new one, or give the edit up.",
            },
            Self::CorrelationReused => Entry {
                word: "correlation_reused",
                codes: &[Code::Conflict],
                meaning: "The `correlation_id` belongs to another request, or to somebody else's.",
                remedy: "Use a new id for each request, and the same one only to repeat it.",
            },
            Self::AlreadyResolved => Entry {
                word: "already_resolved",
                codes: &[Code::Conflict],
                meaning: "Somebody has resolved the conflict. DETAIL has the bundle.",
                remedy: "Look at the value; to change it, write the field.",
            },
            Self::AlreadyEnded => Entry {
                word: "already_ended",
                codes: &[Code::Conflict],
                meaning: "The entry in quarantine was repaired or discarded before.",
                remedy: "Nothing is left to do.",
            },
            Self::JobEnded => Entry {
                word: "job_ended",
                codes: &[Code::Conflict],
                meaning: "The job was finished or cancelled. DETAIL has `status`.",
                remedy: "Begin another job if the work is still to be done.",
            },
            Self::Incomplete => Entry {
                word: "incomplete",
                codes: &[Code::Conflict],
                meaning: "A piece of the upload is missing.",
                remedy: "Send the piece, and finish again.",
            },
            Self::InUse => Entry {
                word: "in_use",
                codes: &[Code::Conflict],
                meaning: "A current file has the content that is to be archived, or somebody else is using the snapshot or the subscription.",
                remedy: "Try again later; of content, delete or change the file first.",
            },
            Self::Concurrent => Entry {
                word: "concurrent",
                codes: &[Code::Conflict],
                meaning: "Somebody else is making the same snapshot.",
                remedy: "Call again.",
            },
            Self::MustRefetch => Entry {
                word: "must_refetch",
                codes: &[Code::Conflict, Code::Gone],
                meaning: "The log at a seq is another one than the caller knows, because the database was set back to a backup. PT409 answers who writes or exchanges bundles, PT410 who reads. DETAIL has `seq`, the newest one.",
                remedy: "Fetch the project again and go on from its seq and checksum; see [events](guide/events.md#when-the-database-was-set-back) and [peers](guide/peers.md#when-one-side-was-set-back).",
            },
            Self::Renamed => Entry {
                word: "renamed",
                codes: &[Code::Gone],
                meaning: "The private channel has another name now.",
                remedy: "Call `open_channel`, listen, and poll.",
            },
            Self::Expired => Entry {
                word: "expired",
                codes: &[Code::Gone],
                meaning: "The token has expired.",
                remedy: "Get a new token.",
            },
            Self::Revoked => Entry {
                word: "revoked",
                codes: &[Code::Gone],
                meaning: "The token was revoked.",
                remedy: "Ask whoever gave it to you.",
            },
            Self::UsedUp => Entry {
                word: "used_up",
                codes: &[Code::Gone],
                meaning: "The token was presented as often as it may be.",
                remedy: "Get a new token.",
            },
            Self::LastOwner => Entry {
                word: "last_owner",
                codes: &[Code::Invariant],
                meaning: "The last owner would go or lose the role.",
                remedy: "Make somebody else an owner first.",
            },
            Self::CallMemory => Entry {
                word: "call_memory",
                codes: &[Code::Limit],
                meaning: "A call would take more memory than `quire.max_call_memory`.",
                remedy: "Ask for less: a page, a part, without content.",
            },
            Self::OutOfMemory => Entry {
                word: "out_of_memory",
                codes: &[Code::Limit],
                meaning: "The server has no more memory.",
                remedy: "Try again later, with less; tell whoever runs the server.",
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_reason_has_a_word_of_its_own_and_says_what_to_do() {
        let words: BTreeSet<&str> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
        assert_eq!(words.len(), Reason::ALL.len());
        for reason in Reason::ALL {
            assert!(!reason.codes().is_empty(), "{reason:?}");
            assert!(reason.meaning().ends_with('.') && reason.remedy().ends_with('.'), "{reason:?}");
        }
    }
}
