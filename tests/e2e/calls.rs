//! One call of every function of the interface, and what it takes to be allowed it. What concerns each of them goes through here.

use postgres::Client;
use std::collections::BTreeSet;

/// What somebody needs for a call to be done. Roles are those of members, and of a public project everybody is a viewer, but where it
/// says otherwise. What is said of abilities is all that a token can do: no other call is done with one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Needs {
    /// To be anybody who may ask: a user, or a guest with a token.
    Nothing,
    /// To be a user, with or without a token: what it is about is the caller's own.
    Value,
    /// The text of a token that is valid.
    Text,
    /// Any text that looks like a token: what comes of it is worth no more.
    Form,
    /// The text of a token for exactly one snapshot.
    Link,
    /// Rights of one's own, be they those of nobody.
    OwnRights,
    /// To be somebody.
    Actor,
    /// The role viewer, or `project:read`.
    Read,
    /// The role viewer, or `doc:read`, which `project:read` includes.
    ReadDocs,
    /// The role viewer, or `events:read`.
    Follow,
    /// The role viewer, or `snapshot:read` of the snapshot.
    Snapshot,
    /// The role viewer, or `snapshot:read` of all.
    Snapshots,
    /// The role viewer, and no token.
    Look,
    /// The role viewer, and to be somebody: who makes a copy owns it.
    Copy,
    /// The role viewer; that the project is public is not enough.
    Belong,
    /// The role editor, or `file:write`. They are told what becomes of the file: its type, version, size and hash.
    Write,
    /// Like [`Needs::Write`], of a function that is for documents, too.
    WriteAny,
    /// Like [`Needs::Write`], but guests may not call it.
    Bring,
    /// The role editor, or `file:write` with `project:read`.
    ReadWrite,
    /// The role editor, or `doc:write`.
    WriteDocs,
    /// The role editor, or `doc:write` with `doc:read`.
    ReadWriteDocs,
    /// The role editor.
    Change,
    /// To have made what it is about and to be a member still, or the role owner.
    Made,
    /// The role owner.
    Manage,
    /// To be an administrator.
    Admin,
}

use Needs::*;

/// Every function, with arguments. `{p}` is the project, `{into}` one to write to, `{lib}` a library, `{template}` a template.
/// `{snapshot}`, `{session}`, `{subscription}`, `{job}`, `{upload}`, `{conflict}`, `{quarantine}` and `{token_id}` name what is in the
/// project, `{hash}` an asset of it, with its `{bytes}` and their `{sha256}`; `{name}` is what it is called, `{archive}` an export of
/// another. `{member}` is who is to be a member or not, `{role}` a database role, `{text}` a token with the ability `{ability}`,
/// `{link}` one for a snapshot.
const CALLS: &[(Needs, &[(&str, &str)])] = &[
    (Nothing, &[("whoami", "")]),
    (
        Value,
        &[
            ("automerge_apply", "'', '{}'"),
            ("automerge_changes", "''"),
            ("automerge_conflicts", "''"),
            ("automerge_diff", "''"),
            ("automerge_from_json", "'{}'"),
            ("automerge_heads", "''"),
            ("automerge_merge", "'', ''"),
            ("automerge_merge_agg", "''"),
            ("automerge_to_json", "''"),
        ],
    ),
    (Text, &[("authenticate", "'{text}'")]),
    (Form, &[("attenuate_token", "'{text}', '{{ability}}', '1 minute'")]),
    (Link, &[("download_snapshot", "'{link}'")]),
    (OwnRights, &[("list_projects", "")]),
    (
        Actor,
        &[("create_project", "'own'"), ("import_project", "'{archive}'"), ("set_display_name", "'Reader'")],
    ),
    (
        Read,
        &[
            ("get_bundle", "'{p}', 1"),
            ("conflict_history", "'{p}', '{conflict}'"),
            ("diff_project", "'{p}', 0, 1"),
            ("diff_project_file", "'{p}', 'a', 0, 1"),
            ("list_entities_at", "'{p}', 1"),
            ("entity_history", "'{p}', 't', '1'"),
            ("explain_entity", "'{p}', 't', '1'"),
            ("get_asset", "'{p}', '{hash}'"),
            ("get_entity", "'{p}', 't', '1'"),
            ("get_project", "'{p}'"),
            ("list_assets", "'{p}'"),
            ("list_conflicts", "'{p}'"),
            ("list_current_files", "'{p}'"),
            ("list_entities", "'{p}', 't'"),
            ("list_files_at", "'{p}', 1"),
            ("list_project_tags", "'{p}'"),
            ("plan_hydration", "'{p}', '{}'"),
            ("project_file_history", "'{p}', 'a'"),
            ("read_asset_range", "'{p}', '{hash}'"),
            ("read_project_file", "'{p}', 'a'"),
            ("read_project_file_bytes", "'{p}', 'a'"),
            ("search_ops", "'{p}'"),
        ],
    ),
    (
        ReadDocs,
        &[
            ("diff_branches", "'{p}', 'main'"),
            ("diff_doc", "'{p}', 'd', '{}'"),
            ("doc_conflicts", "'{p}', 'd'"),
            ("doc_history", "'{p}', 'd'"),
            ("explain_doc", "'{p}', 'd', '/a'"),
            ("export_doc", "'{p}', 'd'"),
            ("explain_query", "'{p}', '{}'"),
            ("get_branch", "'{p}', 'main'"),
            ("list_branches", "'{p}'"),
            ("list_docs", "'{p}'"),
            ("list_doc_bindings", "'{p}'"),
            ("list_schemas", "'{p}'"),
            ("query_docs", "'{p}', '{}'"),
            ("read_doc", "'{p}', 'd'"),
            ("read_doc_bytes", "'{p}', 'd'"),
            ("storage_load", "'{p}', '{d,snapshot,x}'"),
            ("storage_load_range", "'{p}', '{d}'"),
            ("sync_doc", "'{p}', 'd', 'main', NULL, NULL"),
        ],
    ),
    (
        Follow,
        &[
            ("keep_channel", "'{p}', quire.open_channel('{p}'), '1 hour'"),
            ("open_channel", "'{p}', '1 hour'"),
            ("poll_events", "'{p}'"),
        ],
    ),
    (
        Snapshot,
        &[
            ("get_snapshot_manifest", "'{p}', '{snapshot}'"),
            ("read_snapshot", "'{p}', '{snapshot}'"),
            ("read_snapshot_chunk", "'{p}', '{snapshot}', 1"),
            ("verify_snapshot", "'{p}', '{snapshot}'"),
        ],
    ),
    (Snapshots, &[("list_snapshots", "'{p}'")]),
    (Look, &[("list_subscriptions", "'{p}'")]),
    (
        Copy,
        &[
            ("clone_project", "'{p}', 'clone'"),
            ("create_project_from_template", "'{template}', 'from a template'"),
            ("create_template", "'{p}', 'template'"),
        ],
    ),
    (
        Belong,
        &[
            ("create_project_snapshot", "'{p}', 'tar.zst'"),
            ("create_subscription", "'{p}', 'another'"),
            ("list_jobs", "'{p}'"),
            ("list_project_members", "'{p}'"),
            ("list_quarantine", "'{p}'"),
            ("list_tokens", "'{p}'"),
            ("mint_token", "'{p}', '{project:read}', '1 hour'"),
            ("get_project_stats", "'{p}'"),
            ("delete_project_member", "'{p}', '{member}'"),
            ("replay_project", "'{p}'"),
            ("begin_session", "'{p}', format => 'tar.zst'"),
        ],
    ),
    (
        Write,
        &[
            ("bulk_delete_project_files", "'{p}', '{a}'"),
            ("bulk_upsert_project_files", r#"'{p}', '[{"file_path": "b", "content": "x"}]'"#),
            ("delete_project_file", "'{p}', 'a'"),
            ("move_project_file", "'{p}', 'a', 'b'"),
            ("upsert_project_file", "'{p}', 'a', 'y'"),
            ("upsert_project_file_bytes", "'{p}', 'a', 'y'"),
        ],
    ),
    (WriteAny, &[("commit_bundle", r#"'{p}', '[{"op": "file.delete", "file_path": "a"}]'"#)]),
    (Bring, &[("import_legacy_files", "'{into}', 'pg_catalog.pg_am', 'amname', 'amname'")]),
    (
        ReadWrite,
        &[
            ("merge_project_file", "'{p}', 'a', 'x', 1"),
            ("restore_project", "'{p}', 0"),
            ("restore_project_file", "'{p}', 'a', 1"),
            ("restore_snapshot", r"'{p}', '\x504b0506000000000000000000000000000000000000'"),
        ],
    ),
    (
        WriteDocs,
        &[
            (
                "apply_doc_changes",
                "'{p}', 'd', ARRAY['\\x856f4a839a59f20801180010717569726520666972737420646f632e010100000000'::bytea]",
            ),
            (
                "close_branch",
                "'{p}', quire.create_branch('{p}', gen_random_uuid()::text) -> 'ops' -> 0 ->> 'branch'",
            ),
            ("create_branch", "'{p}', 'draft'"),
            (
                "delete_branch",
                "'{p}', quire.create_branch('{p}', gen_random_uuid()::text) -> 'ops' -> 0 ->> 'branch'",
            ),
            ("delete_doc", "'{p}', 'd'"),
            (
                "import_doc",
                r"'{p}', 'd', '\x856f4a839a59f20801180010717569726520666972737420646f632e010100000000'",
            ),
            (
                "submit_tx",
                r#"'{p}', '{"writes": [{"doc": "d", "changes": ["hW9Kg5pZ8ggBGAAQcXVpcmUgZmlyc3QgZG9jLgEBAAAAAA=="]}]}'"#,
            ),
            ("storage_remove", "'{p}', '{storage-adapter-id}'"),
            ("storage_remove_range", "'{p}', '{d,sync-state}'"),
            ("storage_save", "'{p}', '{storage-adapter-id}', 'x'"),
        ],
    ),
    (
        ReadWriteDocs,
        &[
            ("edit_doc", r#"'{p}', 'd', '[{"op": "add", "path": "/b", "value": 1}]'"#),
            (
                "merge_branch",
                "'{p}', quire.create_branch('{p}', gen_random_uuid()::text) -> 'ops' -> 0 ->> 'branch'",
            ),
            ("put_doc", r#"'{p}', 'd', '{"a": 2}'"#),
            ("splice_doc_text", "'{p}', 'd', '/t', 0, 0, 'x'"),
        ],
    ),
    (
        Change,
        &[
            ("begin_job", "'{p}', 'x'"),
            ("begin_upload", "'{p}', 'a.png', 'image/png', 'image'"),
            ("bind_doc_to_file", "'{p}', 'd', 'bound', '/t'"),
            ("delete_asset", "'{p}', '{hash}'"),
            ("import_from_library", "'{into}', '{lib}', '{a}'"),
            ("list_undoable", "'{p}'"),
            ("put_asset", "'{p}', 'a.png', 'x', 'image/png', 'image'"),
            ("redo", "'{p}'"),
            ("resolve_conflict", "'{p}', '{conflict}', '1'"),
            ("revert_bundle", "'{p}', 1"),
            ("tag_project", "'{p}', 'v2'"),
            ("unbind_doc", "'{p}', quire.bind_doc_to_file('{p}', 'd', 'bound', '/t') ->> 'doc'"),
            ("undo", "'{p}'"),
        ],
    ),
    (
        Made,
        &[
            ("ack_subscription", "'{p}', '{subscription}', 0"),
            ("append_upload", "'{p}', '{upload}', 2, 'x'"),
            ("finish_job", "'{p}', '{job}'"),
            ("delete_snapshot", "'{p}', '{snapshot}'"),
            ("delete_subscription", "'{p}', '{subscription}'"),
            ("finish_session", "'{p}', '{session}'"),
            ("cancel_job", "'{p}', '{job}', 'x'"),
            ("finish_upload", "'{p}', '{upload}'"),
            ("heartbeat_job", "'{p}', '{job}'"),
            ("poll_subscription", "'{p}', '{subscription}'"),
            ("revoke_token", "'{p}', '{token_id}'"),
            ("append_job_ops", r#"'{p}', '{job}', '[{"op": "file.delete", "file_path": "a"}]'"#),
        ],
    ),
    (
        Manage,
        &[
            ("archive_blob", "'{p}', '{hash}', '{sha256}'"),
            ("archive_project", "'{p}'"),
            ("delete_project", "'{p}', '{name}'"),
            ("delete_schema", "'{p}', quire.register_schema('{p}', 's', '{}') ->> 'name'"),
            ("export_project", "'{p}'"),
            ("gc_plan", "'{p}'"),
            ("gc_run", "'{p}'"),
            ("pack_docs", "'{p}'"),
            ("discard_quarantined", "'{p}', '{quarantine}', 'x'"),
            ("register_schema", "'{p}', 's', '{}', '**'"),
            ("repair", "'{p}', '{quarantine}'"),
            ("restore_blob", "'{p}', '{hash}', '{bytes}'"),
            ("revoke_ucan", "'{p}', 'bafkreibvv43zt5dfzwr5ejms3oeb5rkazufzkvqs6v3izwwlj64jmrchci'"),
            ("rotate_channel", "'{p}'"),
            ("set_project_member", "'{p}', '{member}', 'owner'"),
            ("sync_ack", "'{p}', 'p', 0"),
            ("sync_pull", "'{p}', 'p'"),
            ("sync_push", "'{p}', 'p', 0, '[]'"),
            ("sync_reset", "'{p}', 'p'"),
            ("sync_status", "'{p}', 'p'"),
            ("unarchive_project", "'{p}'"),
            ("update_project", r#"'{p}', '{"name": "x"}'"#),
            ("verify_project", "'{p}'"),
        ],
    ),
    (
        Admin,
        &[
            ("list_actors", ""),
            ("map_role_to_actor", "'{role}'"),
            ("rotate_secret", ""),
            ("unmap_role", "'{role}'"),
        ],
    ),
];

/// A call.
pub struct Call {
    pub name: &'static str,
    pub needs: Needs,
    arguments: &'static str,
}

impl Call {
    /// The statement, with names that stand for something.
    pub fn statement(&self, names: &Names) -> String {
        names.fill(&self.template())
    }

    /// The statement before that.
    pub fn template(&self) -> String {
        // An aggregate is no source of rows.
        let from = if self.name.ends_with("_agg") { "" } else { "* FROM " };
        format!("SELECT {from}quire.{}({})", self.name, self.arguments)
    }

    /// Whether it is called with what one of these names stands for.
    pub fn mentions(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.arguments.contains(&format!("{{{name}}}")))
    }
}

/// All of them.
pub fn calls() -> impl Iterator<Item = Call> {
    let of_group = |(needs, calls): &'static (Needs, &[(&'static str, &'static str)])| {
        calls.iter().map(|(name, arguments)| Call { name, needs: *needs, arguments })
    };
    CALLS.iter().flat_map(of_group)
}

/// Fails when the catalog has a function that is not called, or the other way round.
pub fn assert_calls_are_complete(client: &mut Client) {
    let sql = "SELECT proname::text FROM pg_proc WHERE pronamespace = 'quire'::regnamespace";
    let rows = client.query(sql, &[]).expect("look at the catalog");
    let in_catalog: BTreeSet<String> = rows.iter().map(|row| row.get(0)).collect();
    let called: BTreeSet<String> = calls().map(|call| call.name.to_owned()).collect();
    assert_eq!(in_catalog, called, "every function is called");
}

/// What a description says of a function that needs so much: who may call it, and what a token must allow.
pub fn described(needs: Needs) -> (&'static str, &'static str) {
    match needs {
        Nothing | Value => ("everybody", "any"),
        Text | Form | Link => ("holders of the token", "the token itself"),
        OwnRights => ("everybody", "none"),
        Actor => ("actors", "none"),
        Read => ("readers", "project:read"),
        ReadDocs => ("readers", "doc:read"),
        Follow => ("readers", "events:read"),
        Snapshot | Snapshots => ("readers", "snapshot:read"),
        Look | Copy => ("readers", "none"),
        Belong => ("members", "none"),
        Write | Bring => ("editors", "file:write"),
        WriteAny => ("editors", "file:write or doc:write"),
        ReadWrite => ("editors", "project:read and file:write"),
        WriteDocs => ("editors", "doc:write"),
        ReadWriteDocs => ("editors", "doc:read and doc:write"),
        Change => ("editors", "none"),
        Made => ("makers and owners", "none"),
        Manage => ("owners", "none"),
        Admin => ("administrators", "none"),
    }
}

/// What the names in the calls stand for; of equal ones the first counts.
#[derive(Clone, Default)]
pub struct Names(Vec<(&'static str, String)>);

impl Names {
    /// These names.
    pub fn of(names: Vec<(&'static str, String)>) -> Self {
        Self(names)
    }

    /// These, and then those.
    pub fn before(&self, others: &Names) -> Self {
        Self(self.0.iter().chain(&others.0).cloned().collect())
    }

    /// What a name stands for.
    pub fn get(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.as_str()).unwrap_or_else(|| panic!("{name} stands for nothing"))
    }

    /// A text with what they stand for.
    pub fn fill(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
    }
}
