-- What may be called about projects and their members: each function with its description and with who may call it.

SET LOCAL search_path TO pg_catalog, pg_temp;

COMMENT ON FUNCTION quire.create_project(text, uuid, text, jsonb, text) IS
'Creates a project. The caller becomes its owner.

Who: actors.
Token: none.
Arguments:
- name: the name, 1 to 255 characters.
- project_uuid: the id of the new project. By default the server makes a UUIDv7.
- visibility: private, or public: everybody may read it.
- settings: an object of settings; update_project lists them.
- kind: workspace, or library: a project that import_from_library copies from.
Returns: the id of the project.
Errors:
- 22004: name, visibility, settings or kind is NULL.
- 22023: the name is not allowed, or visibility, settings or kind has a value that is not known.
- 42501: nobody is signed in, or the caller uses a token.
- PT409 duplicate: another project has this id.';
GRANT EXECUTE ON FUNCTION quire.create_project(text, uuid, text, jsonb, text) TO quire_user;

COMMENT ON FUNCTION quire.get_project(uuid) IS
'Returns a project with its settings and its totals.

Who: readers.
Token: project:read.
Arguments:
- project_uuid: the project.
Returns: an object.
    {project_id: uuid, name: text, kind: text, visibility: text, status: text,
     settings: object, did: text | null, role: text | null, created_by: uuid,
     created_at: timestamp, updated_at: timestamp, seq: integer, checksum: text,
     file_count: integer, total_bytes: integer, asset_bytes: integer,
     doc_bytes: integer}
- kind: workspace, template or library.
- status: active or archived.
- did: the did:key that is the root of its UCANs, or null.
- role: the caller''s role (owner, editor or viewer), or null.
- seq: the newest bundle; checksum is that of the same bundle.
- file_count: the number of current files; total_bytes is their size in bytes.
- asset_bytes: the size of all live assets in bytes.
- doc_bytes: the size of all changes of documents in bytes.
Errors:
- 22004: project_uuid is NULL.
- PT404: the project does not exist, or the caller may not know of it.';
GRANT EXECUTE ON FUNCTION quire.get_project(uuid) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.list_projects() IS
'Lists the projects that the caller is a member of, ordered by name. An administrator gets all projects.

Who: everybody.
Token: none.
Arguments: none.
Returns: rows.
- project_id: the id of the project.
- name: its name.
- kind: workspace, template or library.
- visibility: private or public.
- status: active or archived.
- role: the caller''s role, or NULL for an administrator who is no member.
- seq: the newest bundle.
- changed_at: when the newest bundle was committed.
- checksum: the checksum of the newest bundle.
Errors:
- 42501: the caller uses a token, or has only the role quire_guest.';
GRANT EXECUTE ON FUNCTION quire.list_projects() TO quire_user;

COMMENT ON FUNCTION quire.get_project_stats(uuid) IS
'Counts how much a project holds. The call takes time with the size of the project.

Who: members.
Token: none.
Arguments:
- project_uuid: the project.
Returns: an object.
    {project_id: uuid, seq: integer, bundles: integer, files: integer, file_bytes: integer,
     versions: integer, blobs: integer, blob_bytes: integer, stored_bytes: integer,
     archived_blobs: integer, collected_blobs: integer, assets: integer,
     asset_bytes: integer, docs: integer, doc_bytes: integer, storage_bytes: integer,
     snapshots: integer, snapshot_bytes: integer, members: integer,
     realtime_sink: {failures: integer, last_seq: integer, last_error: text,
                     last_at: timestamp} | null}
- files: the number of current files; file_bytes is their size.
- blobs: the number of contents that are present; blob_bytes is their size, stored_bytes their size as compressed.
- assets: the number of live assets; asset_bytes is their size.
- docs: the number of documents; doc_bytes is the size of all their changes.
- storage_bytes: the size of what storage_save has kept beside documents, with its keys.
- realtime_sink: what failed while events were sent to Supabase Realtime, or null.
Errors:
- 22004: project_uuid is NULL.
- 42501: the caller is not a member of the project.
- PT404: the project does not exist, or the caller may not know of it.';
GRANT EXECUTE ON FUNCTION quire.get_project_stats(uuid) TO quire_user;

COMMENT ON FUNCTION quire.update_project(uuid, jsonb) IS
'Changes the name, the visibility, the settings or the root of UCANs of a project.

These settings exist:
- max_file_bytes: the largest file, 67108864 by default and at most 536870912.
- max_asset_bytes: the largest asset that arrives in pieces, 1073741824 by default and at most 68719476736.
- max_entity_bytes: the fields of one entity together, each counted with at least 1024 bytes; 16777216 by default and
  at most 67108864.
- max_project_bytes: current files, live assets and changes of documents together; no limit by default.
- max_files: the number of current files; no limit by default.
- rate_limit: {"per_minute": n, "burst": n}, the writes of one actor; off by default.
- server_merge: whether merge_branch may write in the name of the server; true by default.
- broadcast: what goes out by NOTIFY: hint (default), full or off.
- realtime_sink: supabase sends events to the private topic project:<project id> of Supabase Realtime, too; none by
  default.
- retention_days: how long content stays after it was replaced or deleted, 0 to 36500 days, 90 by default.
- asset_retention_days: {asset_type: days}, the same for deleted assets of these types.
- snapshots_kept: how many snapshots are kept, 10 by default.
- snapshots_max_age: for how many days snapshots are kept, 30 by default.

Who: owners.
Token: none.
Arguments:
- project_uuid: the project.
- changes: an object with any of name, visibility, settings and did. The settings are laid over the current ones; null
  takes one back to its default. did is the did:key of an Ed25519 key, whose UCANs have the rights of the caller in the
  documents of the project from then on; null takes that away.
Returns: the project as get_project returns it.
Errors:
- 22004: an argument is NULL.
- 22023: changes has a member that is not known, or a value that is not allowed.
- 42501: the caller is not an owner of the project.
- PT404: the project does not exist, or the caller may not know of it.
- PT423: the project is archived, and more is changed than that did becomes null.';
GRANT EXECUTE ON FUNCTION quire.update_project(uuid, jsonb) TO quire_user;

COMMENT ON FUNCTION quire.archive_project(uuid) IS
'Makes a project read only: writers get PT423 from then on. The call waits for no writer; what a transaction has
written before may still be committed.

Who: owners.
Token: none.
Arguments:
- project_uuid: the project.
Returns: the project as get_project returns it.
Errors:
- 22004: project_uuid is NULL.
- 42501: the caller is not an owner of the project.
- PT404: the project does not exist, or the caller may not know of it.';
GRANT EXECUTE ON FUNCTION quire.archive_project(uuid) TO quire_user;

COMMENT ON FUNCTION quire.unarchive_project(uuid) IS
'Makes an archived project writable again.

Who: owners.
Token: none.
Arguments:
- project_uuid: the project.
Returns: the project as get_project returns it.
Errors:
- 22004: project_uuid is NULL.
- 42501: the caller is not an owner of the project.
- PT404: the project does not exist, or the caller may not know of it.';
GRANT EXECUTE ON FUNCTION quire.unarchive_project(uuid) TO quire_user;

COMMENT ON FUNCTION quire.delete_project(uuid, text) IS
'Deletes a project with its files, history, log and members. Nothing brings it back.

Who: owners.
Token: none.
Arguments:
- project_uuid: the project.
- confirm_name: the exact name of the project.
Returns: nothing.
Errors:
- 22004: an argument is NULL.
- 22023: confirm_name is not the name of the project.
- 42501: the caller is not an owner of the project.
- PT404: the project does not exist, or the caller may not know of it.';
GRANT EXECUTE ON FUNCTION quire.delete_project(uuid, text) TO quire_user;

COMMENT ON FUNCTION quire.set_project_member(uuid, uuid, text) IS
'Adds a member to a project, or changes the role of a member.

Who: owners.
Token: none.
Arguments:
- project_uuid: the project.
- member: the id of the actor. The person need not have been registered yet.
- role: owner (manages), editor (writes) or viewer (reads).
Returns: an object.
    {member: uuid, role: text}
Errors:
- 22004: an argument is NULL.
- 22023: the role is not known, or the member is a built-in actor.
- 42501: the caller is not an owner of the project.
- PT404: the project does not exist, or the caller may not know of it.
- PT422 last_owner: the member is the last owner and would lose that role.';
GRANT EXECUTE ON FUNCTION quire.set_project_member(uuid, uuid, text) TO quire_user;

COMMENT ON FUNCTION quire.delete_project_member(uuid, uuid) IS
'Deletes a member. Owners delete anybody; every member may leave. What the member did stays in the history.
The call waits for no writer; what a transaction of the member has written before may still be committed.

Who: members.
Token: none.
Arguments:
- project_uuid: the project.
- member: the id of the actor.
Returns: nothing.
Errors:
- 22004: an argument is NULL.
- 22023: the member is a built-in actor.
- 42501: the caller is not an owner and removes somebody else.
- PT404: the project does not exist, the caller may not know of it, or the actor is no member.
- PT422 last_owner: the member is the last owner.';
GRANT EXECUTE ON FUNCTION quire.delete_project_member(uuid, uuid) TO quire_user;

COMMENT ON FUNCTION quire.list_project_members(uuid) IS
'Lists the members of a project, the strongest role first. Only members see the list, also in a public project.

Who: members.
Token: none.
Arguments:
- project_uuid: the project.
Returns: rows.
- member: the id of the actor.
- display_name: what the person is called, or NULL.
- role: owner, editor or viewer.
- added_by: the actor who added the member.
- added_at: when the member was added.
Errors:
- 22004: project_uuid is NULL.
- 42501: the caller is not a member of the project.
- PT404: the project does not exist, or the caller may not know of it.';
GRANT EXECUTE ON FUNCTION quire.list_project_members(uuid) TO quire_user;

SET LOCAL search_path TO quire, pg_temp;
