-- What may be called about projects and their members: each function with its description and with who may call it.

SET LOCAL search_path TO pg_catalog, pg_temp;

COMMENT ON FUNCTION quire.create_project(text, uuid, text, jsonb, text) IS
'Creates a project; the caller becomes its owner.
Arguments: name (1 to 255 characters); project_uuid (default: a new UUIDv7); visibility (private or public: everybody may read); settings (see update_project); kind (workspace, or library: what import_from_library copies from).
Returns: the project''s id.
Errors: 22004, 22023, 42501 nobody is signed in, PT409 the id is taken.';
GRANT EXECUTE ON FUNCTION quire.create_project(text, uuid, text, jsonb, text) TO quire_user;

COMMENT ON FUNCTION quire.get_project(uuid) IS
'A project as JSON.
Returns: {project_id, name, kind, visibility, status, settings, role, created_by, created_at, updated_at, seq, checksum, file_count, total_bytes, asset_bytes}; role is the caller''s, or null; seq and checksum are those of the newest bundle; file_count and total_bytes (bytes) count current files, asset_bytes live assets.
Errors: 22004, PT404.';
GRANT EXECUTE ON FUNCTION quire.get_project(uuid) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.list_projects() IS
'The projects the caller is a member of, by name; all of them for an administrator.
Returns: rows (project_id, name, kind, visibility, status, role, seq, changed_at, checksum).';
GRANT EXECUTE ON FUNCTION quire.list_projects() TO quire_user;

COMMENT ON FUNCTION quire.project_stats(uuid) IS
'How much a project holds, counted now: takes time with its size. Members only.
Returns: {project_id, seq, bundles, files, file_bytes, versions, blobs, blob_bytes, stored_bytes, archived_blobs, collected_blobs, assets, asset_bytes, snapshots, snapshot_bytes, members, realtime_sink: {failures, last_seq, last_error, last_at}}; file_bytes of the current files, blobs and blob_bytes of all contents that are present, stored_bytes as compressed; assets and asset_bytes of the live ones; realtime_sink is null when nothing failed.
Errors: 22004, 42501, PT404.';
GRANT EXECUTE ON FUNCTION quire.project_stats(uuid) TO quire_user;

COMMENT ON FUNCTION quire.update_project(uuid, jsonb) IS
'Changes a project''s name, visibility or settings. Owners only.
Arguments: changes, an object with any of name, visibility, settings; settings are laid over the current ones, null takes one back to its default.
Settings: max_file_bytes (default 67108864, at most 536870912), max_asset_bytes (of an asset that arrives in pieces; default 1073741824, at most 68719476736), max_entity_bytes (of the fields of one entity, each counted with 1024 at least; default 16777216, at most 67108864), max_project_bytes (of current files and live assets, each with its size; default unlimited), max_files (current ones; default unlimited), rate_limit {"per_minute": n, "burst": n} (writes per actor; default off), broadcast (hint, full or off; default hint), realtime_sink (none or supabase: events also go to Supabase Realtime''s private topic project:<project id>; default none), retention_days (how long content stays after it was replaced or deleted, for points in time and restores; 0 to 36500, default 90), asset_retention_days ({asset_type: days}, for deleted assets of these types), snapshots_kept (default 10), snapshots_max_age (days, default 30).
Returns: like get_project. Errors: 22004, 22023 unknown member or bad value, 42501, PT404, PT423.';
GRANT EXECUTE ON FUNCTION quire.update_project(uuid, jsonb) TO quire_user;

COMMENT ON FUNCTION quire.archive_project(uuid) IS
'Makes a project read only: writers answer PT423. It waits for no writer; what a transaction has written before may still be committed. Owners only.
Returns: like get_project. Errors: 22004, 42501, PT404.';
GRANT EXECUTE ON FUNCTION quire.archive_project(uuid) TO quire_user;

COMMENT ON FUNCTION quire.unarchive_project(uuid) IS
'Makes an archived project writable again. Owners only.
Returns: like get_project. Errors: 22004, 42501, PT404.';
GRANT EXECUTE ON FUNCTION quire.unarchive_project(uuid) TO quire_user;

COMMENT ON FUNCTION quire.delete_project(uuid, text) IS
'Deletes a project with its files, history, log and members. Cannot be undone. Owners only.
Arguments: confirm_name, the project''s exact name.
Errors: 22004, 22023 the name differs, 42501, PT404.';
GRANT EXECUTE ON FUNCTION quire.delete_project(uuid, text) TO quire_user;

COMMENT ON FUNCTION quire.set_project_member(uuid, uuid, text) IS
'Adds a member or changes their role. Owners only.
Arguments: member (an actor id; they need not have come yet); role (owner: manages, editor: writes, viewer: reads).
Returns: {member, role}. Errors: 22004, 22023, 42501, PT404, PT422 the last owner cannot be demoted.';
GRANT EXECUTE ON FUNCTION quire.set_project_member(uuid, uuid, text) TO quire_user;

COMMENT ON FUNCTION quire.remove_project_member(uuid, uuid) IS
'Removes a member; what they did stays in the history. It waits for no writer; what a transaction of theirs has written before may still be committed. Owners only; anybody may remove themselves.
Errors: 22004, 22023, 42501, PT404 no such member, PT422 the last owner cannot go.';
GRANT EXECUTE ON FUNCTION quire.remove_project_member(uuid, uuid) TO quire_user;

COMMENT ON FUNCTION quire.list_project_members(uuid) IS
'Members of a project, strongest role first. Members only, also in a public project.
Returns: rows (member, display_name, role, added_by, added_at). Errors: 22004, 42501, PT404.';
GRANT EXECUTE ON FUNCTION quire.list_project_members(uuid) TO quire_user;

SET LOCAL search_path TO quire, pg_temp;
