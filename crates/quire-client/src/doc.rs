//! Automerge documents of a project.

use crate::bundle::Receipt;
use crate::call::{calls, objects, options, rows};
use quire_core::id::{ActorId, BundleId, CorrelationId, ProjectId};
use serde_json::Value;
use std::time::SystemTime;

options! {
    /// Optional arguments of the functions that change a document, such as [`edit_doc`](crate::Quire::edit_doc).
    DocWriteOptions<'a> {
        /// The branch; main by default.
        branch: &'a str,
        /// The heads that the caller has seen. The document must have exactly these.
        base_heads: &'a [&'a str],
        /// What the author says of it, at most 64 KiB.
        message: &'a str,
        /// An id that the caller chooses for the request. The same id again returns the first answer and changes nothing.
        correlation_id: CorrelationId,
    }

    /// Optional arguments of [`read_doc`](crate::Quire::read_doc).
    ReadDocOptions<'a> {
        /// The branch; main by default.
        branch: &'a str,
        /// As it was at a bundle.
        at_seq: i64,
        /// As it was at a time.
        at_time: SystemTime,
        /// As it was at heads that it has had.
        at_heads: &'a [&'a str],
        /// JSON Pointers, at most 1000. By default everything.
        paths: &'a [&'a str],
    }

    /// Optional arguments of [`read_doc_bytes`](crate::Quire::read_doc_bytes).
    ReadDocBytesOptions<'a> {
        /// The branch; main by default.
        branch: &'a str,
        /// As it was at a bundle.
        at_seq: i64,
        /// As it was at a time.
        at_time: SystemTime,
        /// As it was at heads that it has had.
        at_heads: &'a [&'a str],
    }

    /// Optional arguments of [`diff_doc`](crate::Quire::diff_doc).
    DiffDocOptions<'a> {
        /// The heads of the state to end with. By default as it is now.
        to_heads: &'a [&'a str],
        /// The branch; main by default.
        branch: &'a str,
    }

    /// Optional arguments of [`bind_doc_to_file`](crate::Quire::bind_doc_to_file).
    BindDocToFileOptions<'a> {
        /// The text in the document: a key, or a JSON Pointer; text by default.
        path: &'a str,
        /// When both are there and differ, the one that stays as it is: doc or file.
        keep: &'a str,
    }

    /// Optional arguments of [`register_schema`](crate::Quire::register_schema).
    RegisterSchemaOptions<'a> {
        /// The glob of the names of the documents that are bound to it. By default none are.
        docs: &'a str,
    }

    /// Optional arguments of [`doc_conflicts`](crate::Quire::doc_conflicts).
    DocConflictsOptions<'a> {
        /// The branch; main by default.
        branch: &'a str,
        /// As it was at heads that it has had.
        at_heads: &'a [&'a str],
    }

    /// Optional arguments of [`list_docs`](crate::Quire::list_docs).
    ListDocsOptions<'a> {
        /// The branch; main by default.
        branch: &'a str,
        /// Only names that begin so.
        prefix: &'a str,
        /// Only names after this one, for the next page.
        after_doc: &'a str,
        /// How many, 1 to 10000.
        max_docs: i32,
    }

    /// Optional arguments of [`doc_history`](crate::Quire::doc_history).
    DocHistoryOptions<'a> {
        /// The branch; main by default.
        branch: &'a str,
        /// Only bundles before this one, for the next page.
        before_seq: i64,
        /// How many, 1 to 10000, and what else the bundle of the last one did.
        max_ops: i32,
    }
}

rows! {
    /// A document in a list.
    ListedDoc {
        /// Its name.
        doc: String,
        /// Its heads, 64 hex digits each, sorted.
        heads: Vec<String>,
        /// How many changes it has.
        change_count: i64,
        /// The size of its changes in bytes.
        change_bytes: i64,
        /// The bundle of its last change.
        seq: i64,
        /// When that bundle was committed.
        updated_at: SystemTime,
        /// Who committed it.
        actor: ActorId,
        /// What the actor is called.
        display_name: Option<String>,
        /// The checksum of that bundle.
        checksum: String,
    }

    /// Bytes under a key.
    StoredPair {
        /// The key.
        key: Vec<String>,
        /// The bytes.
        data: Vec<u8>,
    }

    /// A document that is bound to a file.
    ListedDocBinding {
        /// The document.
        doc: String,
        /// The text in the document, as a JSON Pointer.
        path: String,
        /// The path of the file.
        file_path: String,
        /// Who bound it.
        created_by: ActorId,
        /// What the actor is called.
        display_name: Option<String>,
        /// When that was.
        created_at: SystemTime,
    }

    /// A schema in a list.
    ListedSchema {
        /// Its name.
        name: String,
        /// The glob of the names of the documents that are bound to it.
        docs: Option<String>,
        /// The schema.
        schema: Value,
        /// Who registered it last.
        created_by: ActorId,
        /// What the actor is called.
        display_name: Option<String>,
        /// When that was.
        created_at: SystemTime,
    }

    /// An operation on a document.
    DocEvent {
        /// The bundle.
        seq: i64,
        /// Doc.change or doc.delete.
        op: String,
        /// The heads after it; of doc.delete those that were deleted.
        heads: Vec<String>,
        /// How many changes it brought.
        change_count: i32,
        /// Who committed the bundle.
        actor: ActorId,
        /// What the actor is called.
        display_name: Option<String>,
        /// The kind of the bundle.
        kind: String,
        /// The message of the bundle.
        message: Option<String>,
        /// The id of the bundle.
        bundle_id: BundleId,
        /// When the bundle was committed.
        committed_at: SystemTime,
    }

    /// The answer to a message of the sync protocol.
    DocSync {
        /// For the peer. None when there is nothing to say.
        message: Option<Vec<u8>>,
        /// What the peer gives with its next message.
        state: Vec<u8>,
        /// The heads of the document now, 64 hex digits each, sorted.
        heads: Vec<String>,
    }
}

objects! {
    /// What a write of a document did.
    DocReceipt {
        /// The heads of the document afterwards, 64 hex digits each, sorted.
        heads: Vec<String>,
        /// How many changes the document did not have before.
        applied: i64,
        /// What the bundle did.
        #[serde(flatten)]
        receipt: Receipt,
    }

    /// A document that was bound to a file.
    BoundDoc {
        /// The document.
        doc: String,
        /// The text in the document, as a JSON Pointer.
        path: String,
        /// The path of the file.
        file_path: String,
        /// False when it was bound so already.
        is_new: bool,
        /// What the bundle did.
        #[serde(flatten)]
        receipt: Receipt,
    }

    /// What packing did.
    PackedDocs {
        /// In how many documents something was packed, a branch's part of one counting for itself.
        docs: i64,
        /// How many changes were packed.
        changes: i64,
        /// The bytes that they had in their rows.
        change_bytes: i64,
        /// The bytes that they have now, beside 4 or more of each hash.
        stored_bytes: i64,
        /// How many changes keep their rows, because they would not get smaller or cannot be packed.
        left: i64,
        /// How many documents were not looked at.
        remaining: i64,
        /// How many documents have got a snapshot.
        snapshots: i64,
    }

    /// What became of a transaction.
    TxReceipt {
        /// The seq of the bundle. None when nothing was committed.
        tx_id: Option<i64>,
        /// The newest bundle.
        seq: i64,
        /// The checksum of the bundle.
        checksum: Option<String>,
        /// Of each write.
        results: Vec<TxResult>,
        /// What is in the way.
        conflicts: Vec<TxResult>,
    }

    /// What became of one document of a transaction.
    TxResult {
        /// Its name.
        doc: String,
        /// Its branch.
        branch: String,
        /// Ok, conflict or rejected.
        status: String,
        /// How many changes it did not have before.
        applied: i64,
        /// Its heads now.
        #[serde(default)]
        heads: Vec<String>,
        /// Why it is not ok.
        #[serde(default)]
        reason: Option<String>,
        /// The schema that refuses the document.
        #[serde(default)]
        schema: Option<String>,
        /// The JSON Pointer of what is wrong in it.
        #[serde(default)]
        path: Option<String>,
        /// The JSON Patch from what it was to what it is.
        #[serde(default)]
        patch: Option<Value>,
        /// Whether the patch was left out.
        #[serde(default)]
        patch_omitted: Option<bool>,
    }

    /// A schema that was registered, and what documents that are bound to it are like.
    RegisteredSchema {
        /// Its name.
        name: String,
        /// The glob of the documents that are bound to it.
        docs: Option<String>,
        /// False when it has replaced another one.
        is_new: bool,
        /// How many documents were looked at.
        looked_at: i64,
        /// How many of them do not satisfy it.
        violating: i64,
        /// The first of these.
        violations: Vec<SchemaViolation>,
        /// False when there are more documents than were looked at.
        is_complete: bool,
    }

    /// A document that does not satisfy a schema.
    SchemaViolation {
        /// Its name.
        doc: String,
        /// The branch on which it is so.
        branch: String,
        /// The JSON Pointer of what is wrong.
        path: String,
        /// What is wrong there.
        message: String,
    }

    /// A page of the documents that a query found.
    FoundDocs {
        /// The documents.
        docs: Vec<FoundDoc>,
        /// The cursor of the next page.
        next: Option<String>,
        /// How many documents there are on all pages, if the query counts.
        #[serde(default)]
        count: Option<i64>,
        /// The references that lead to nothing, if the query follows some.
        #[serde(default)]
        missing: Vec<Value>,
        /// The bundle at which this is true.
        seq: i64,
        /// The first 16 digits of its checksum.
        checksum: String,
    }

    /// A document that a query found.
    FoundDoc {
        /// Its name.
        doc: String,
        /// Its heads, 64 hex digits each, sorted.
        heads: Vec<String>,
        /// The bundle of the last operation on it.
        seq: i64,
        /// The document, or what the query names of it.
        value: Value,
    }

    /// Who wrote what is at a path of a document.
    DocOrigin {
        /// The path.
        path: String,
        /// What is there. None of a character in a text.
        value: Option<Value>,
        /// The hash of the change. None of the document itself, and so are those below.
        #[serde(default)]
        change: Option<String>,
        /// The Automerge actor who made it.
        #[serde(default)]
        doc_actor: Option<String>,
        /// When it was made, as its maker says.
        #[serde(default)]
        changed_at: Option<i64>,
        /// What its maker said of it.
        #[serde(default)]
        change_message: Option<String>,
        /// The bundle with which it came.
        #[serde(default)]
        seq: Option<i64>,
        /// The id of that bundle.
        #[serde(default)]
        bundle_id: Option<BundleId>,
        /// Who committed it.
        #[serde(default)]
        actor: Option<ActorId>,
        /// What the actor is called.
        #[serde(default)]
        display_name: Option<String>,
    }
}

calls! {
    /// Adds Automerge changes to a document, which is made if it does not exist.
    fn apply_doc_changes(
        project_uuid: ProjectId, doc: &str, changes: &[&[u8]]; ..DocWriteOptions<'_>
    ) -> DocReceipt;

    /// Deletes a document. Its history stays.
    fn delete_doc(project_uuid: ProjectId, doc: &str; ..DocWriteOptions<'_>) -> DocReceipt;

    /// Returns what is different between two states of a document as a JSON Patch.
    fn diff_doc(project_uuid: ProjectId, doc: &str, from_heads: &[&str]; ..DiffDocOptions<'_>) -> Value;

    /// Lists the places of a document that several wrote at once.
    fn doc_conflicts(project_uuid: ProjectId, doc: &str; ..DocConflictsOptions<'_>) -> Value;

    /// Lists the operations on a document, newest first.
    fn doc_history(project_uuid: ProjectId, doc: &str; ..DocHistoryOptions<'_>) -> Vec<DocEvent>;

    /// Edits a document by a JSON Patch as one change.
    fn edit_doc(project_uuid: ProjectId, doc: &str, patch: &Value; ..DocWriteOptions<'_>) -> DocReceipt;

    /// Returns who wrote what is at a path of a document.
    fn explain_doc(project_uuid: ProjectId, doc: &str, path: &str; branch: &str) -> DocOrigin;

    /// Returns a document as Automerge saves it, with its whole history.
    fn export_doc(project_uuid: ProjectId, doc: &str; branch: &str) -> Vec<u8>;

    /// Adds what a document has that was saved elsewhere by an Automerge library, with its whole history.
    fn import_doc(project_uuid: ProjectId, doc: &str, bytes: &[u8]; ..DocWriteOptions<'_>) -> DocReceipt;

    /// Makes a text of a document of main and a file one thing: who changes one side changes the other one in the same bundle.
    fn bind_doc_to_file(
        project_uuid: ProjectId, doc: &str, p_file_path: &str; ..BindDocToFileOptions<'_>
    ) -> BoundDoc;

    /// Ends the binding of a document to a file.
    fn unbind_doc(project_uuid: ProjectId, doc: &str) -> ();

    /// Lists the documents of a project that are bound to files, ordered by name.
    fn list_doc_bindings(project_uuid: ProjectId) -> Vec<ListedDocBinding>;

    /// Adds a JSON Schema to a project, or puts it in the place of the one of its name.
    fn register_schema(
        project_uuid: ProjectId, name: &str, schema: &Value; ..RegisterSchemaOptions<'_>
    ) -> RegisteredSchema;

    /// Deletes a schema of a project.
    fn delete_schema(project_uuid: ProjectId, name: &str) -> ();

    /// Lists the schemas of a project, ordered by name.
    fn list_schemas(project_uuid: ProjectId) -> Vec<ListedSchema>;

    /// Returns how `query_docs` would find documents: statements, their parameters and the plans of PostgreSQL.
    fn explain_query(project_uuid: ProjectId, query: &Value) -> Value;

    /// Lists the documents of a branch, ordered by name.
    fn list_docs(project_uuid: ProjectId; ..ListDocsOptions<'_>) -> Vec<ListedDoc>;

    /// Packs old changes of documents: runs of 1000 to 10000 changes, which had a row each, become one compressed row.
    fn pack_docs(project_uuid: ProjectId; max_changes: i32) -> PackedDocs;

    /// Makes a document hold a value, by the smallest change that does it.
    fn put_doc(project_uuid: ProjectId, doc: &str, value: &Value; ..DocWriteOptions<'_>) -> DocReceipt;

    /// Returns the documents for which a condition holds, in pages.
    fn query_docs(project_uuid: ProjectId, query: &Value) -> FoundDocs;

    /// Returns what a document holds, now or at any point in its history.
    fn read_doc(project_uuid: ProjectId, doc: &str; ..ReadDocOptions<'_>) -> Value;

    /// Returns a document as Automerge saves it.
    fn read_doc_bytes(project_uuid: ProjectId, doc: &str; ..ReadDocBytesOptions<'_>) -> Vec<u8>;

    /// Deletes a part of a text in a document and inserts another one in its place.
    fn splice_doc_text(
        project_uuid: ProjectId, doc: &str, path: &str, index: i32, delete_count: i32, insert: &str;
        ..DocWriteOptions<'_>
    ) -> DocReceipt;

    /// Returns the bytes that were saved under a key.
    fn storage_load(project_uuid: ProjectId, key: &[&str]) -> Option<Vec<u8>>;

    /// Returns all pairs whose keys begin with some parts.
    fn storage_load_range(project_uuid: ProjectId, key_prefix: &[&str]) -> Vec<StoredPair>;

    /// Forgets a key. What went into a document stays in it.
    fn storage_remove(project_uuid: ProjectId, key: &[&str]) -> ();

    /// Forgets all keys that begin with some parts, and deletes the document that they are of.
    fn storage_remove_range(project_uuid: ProjectId, key_prefix: &[&str]) -> ();

    /// Keeps bytes under a key. What an Automerge library has written of a document becomes changes of it.
    fn storage_save(project_uuid: ProjectId, key: &[&str], data: &[u8]) -> ();

    /// Commits changes of several documents as one bundle, all or none, if the documents are what their author has read. What is
    /// in the way is answered and is no error.
    fn submit_tx(project_uuid: ProjectId, tx: &Value) -> TxReceipt;

    /// Takes a message of Automerge's sync protocol and answers it.
    fn sync_doc(
        project_uuid: ProjectId, doc: &str, branch: &str, message: Option<&[u8]>, state: Option<&[u8]>
    ) -> Vec<DocSync>;
}
