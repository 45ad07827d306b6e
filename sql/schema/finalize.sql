-- Ownership, grants and comments. Runs last.

SET LOCAL search_path TO pg_catalog, pg_temp;

-- Everything that the script has made belongs to quire_owner, so that what functions do is done with its rights and never as
-- superuser, and nobody may do anything with it but the roles that this file names, whatever default privileges the installing
-- role has. Only that: while the script waited for somebody, an object of theirs may have come next to it, and must not become
-- quire_owner's. Schema quire itself stays with the installing role: it is no member of the extension, and a dump that named
-- quire_owner before CREATE EXTENSION makes it could not be restored into a fresh cluster.
ALTER SCHEMA quire_store OWNER TO quire_owner;
DO $$
DECLARE
    extension CONSTANT oid := (SELECT e.oid FROM pg_extension e WHERE e.extname = 'quire');
    item      record;
    target    text;
BEGIN
    -- Whatever is in a schema depends on it.
    FOR item IN
        SELECT i.type, i.schema, i.identity,
            CASE d.classid WHEN 'pg_class'::regclass THEN (SELECT c.relacl FROM pg_class c WHERE c.oid = d.objid)
                WHEN 'pg_proc'::regclass THEN (SELECT p.proacl FROM pg_proc p WHERE p.oid = d.objid)
                WHEN 'pg_type'::regclass THEN (SELECT t.typacl FROM pg_type t WHERE t.oid = d.objid) END AS acl,
            EXISTS (SELECT FROM pg_depend e WHERE e.classid = d.classid AND e.objid = d.objid AND e.deptype = 'e'
                      AND e.refclassid = 'pg_extension'::regclass AND e.refobjid = extension) AS is_member
        FROM pg_depend d CROSS JOIN LATERAL pg_identify_object(d.classid, d.objid, 0) i
        WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid IN ('quire'::regnamespace, 'quire_store'::regnamespace)
          AND NOT (d.classid = 'pg_extension'::regclass AND d.objid = extension)
        UNION ALL
        SELECT 'schema', NULL, n.nspname, n.nspacl, true FROM pg_namespace n WHERE n.nspname IN ('quire', 'quire_store')
    LOOP
        IF NOT item.is_member THEN
            RAISE EXCEPTION 'schemas quire and quire_store must hold nothing else: % %', item.type, item.identity;
        END IF;
        IF item.type <> 'schema' THEN
            EXECUTE format('ALTER %s %s OWNER TO quire_owner', item.type, item.identity);
        END IF;
        target := format('%s %s', CASE item.type WHEN 'view' THEN 'table' ELSE item.type END, item.identity);
        EXECUTE format('REVOKE ALL ON %s FROM %s CASCADE', target,
            (SELECT string_agg(g.grantee::regrole::text, ', ') || ', PUBLIC' FROM (SELECT 'quire_owner'::regrole::oid AS grantee
                 UNION SELECT a.grantee FROM aclexplode(item.acl) a WHERE a.grantee <> 0) AS g));
        EXECUTE format('GRANT ALL ON %s TO %s', target, CASE item.identity
            WHEN 'quire' THEN (SELECT n.nspowner::regrole::text FROM pg_namespace n WHERE n.nspname = 'quire') ELSE 'quire_owner' END);
        -- What each role may call. Functions for quire_admin only and those for quire_guest, too, are below.
        IF item.schema = 'quire' AND item.type IN ('function', 'view') THEN
            EXECUTE format('GRANT %s ON %s TO quire_user', CASE item.type WHEN 'view' THEN 'SELECT' ELSE 'EXECUTE' END, target);
        END IF;
    END LOOP;
END
$$;

GRANT USAGE ON SCHEMA quire TO quire_owner, quire_guest;
GRANT USAGE ON TYPE quire.project_file_head, quire."*/*" TO quire_guest;
REVOKE EXECUTE ON FUNCTION quire.map_role_to_actor(text, uuid, text), quire.unmap_role(text), quire.list_actors(),
    quire.rotate_secret() FROM quire_user;
GRANT EXECUTE ON FUNCTION quire.map_role_to_actor(text, uuid, text), quire.unmap_role(text), quire.list_actors(),
    quire.rotate_secret() TO quire_admin;

-- What the security_invoker views touch on behalf of the caller; row level security decides which rows. Nobody but
-- quire_owner has USAGE on quire_store, so none of this can be named directly.
GRANT SELECT ON quire_store.project_files, quire_store.file_head, quire_store.bundle, quire_store.blob,
    quire_store.blob_chunk, quire_store.entity_op, quire_store.asset_op TO quire_user;
GRANT EXECUTE ON FUNCTION quire_store.is_readable(uuid), quire_store.may_read_project(uuid),
    quire_store.readable_projects(), quire_store.flushed(),
    quire_store.blob_text(uuid, bytea, smallint, bigint, timestamp with time zone, text, smallint, integer, bytea),
    quire_store.missing_text(bytea), quire_store.gone_text(bytea, smallint, bigint, timestamp with time zone, text),
    quire_store.chunked_text(uuid, bytea, bigint),
    quire_store.decode_text(smallint, bigint, bytea, bytea),
    quire_store.decode_text_chunks(smallint[], bigint[], bytea[], bigint, bytea) TO quire_user;

-- What realtime.messages runs, it runs as quire_sink.
ALTER FUNCTION quire_store.send_as_sink(text, text, jsonb) OWNER TO quire_sink;
GRANT EXECUTE ON FUNCTION quire_store.send_as_sink(text, text, jsonb) TO quire_owner;

-- What a holder of a token may call with nothing but quire_guest. Without a token these refuse such a role.
DO $$
DECLARE
    item record;
BEGIN
    FOR item IN
        SELECT p.oid::pg_catalog.regprocedure::text AS name FROM pg_catalog.pg_proc p
        WHERE p.pronamespace = 'quire'::pg_catalog.regnamespace AND p.proowner = 'quire_owner'::pg_catalog.regrole
          AND p.proname IN ('authenticate', 'attenuate_token', 'whoami', 'get_project',
              'list_current_files', 'list_files_at', 'read_project_file', 'read_project_file_bytes',
              'project_file_history', 'diff_project_file', 'diff_project', 'list_project_tags', 'poll_events',
              'upsert_project_file', 'upsert_project_file_bytes', 'delete_project_file', 'move_project_file',
              'bulk_upsert_project_files', 'bulk_delete_project_files', 'commit_bundle', 'merge_project_file',
              'restore_project_file', 'restore_project', 'read_snapshot', 'read_snapshot_chunk', 'get_snapshot_manifest',
              'list_snapshots', 'verify_snapshot', 'download_snapshot', 'plan_hydration', 'restore_snapshot', 'open_channel',
              'keep_channel', 'get_entity', 'list_entities', 'entity_history', 'entities_at', 'explain_entity',
              'list_conflicts', 'conflict_history', 'search_ops', 'bundle_details', 'get_asset', 'list_assets', 'read_asset_range')
    LOOP
        EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION %s TO quire_guest', item.name);
    END LOOP;
END
$$;

-- To the planner a project it has no statistics of yet has one row, and a plan for that reads the whole project once per
-- file. What reads whole projects is planned for an average one.
DO $$
DECLARE
    item record;
BEGIN
    FOR item IN
        SELECT p.oid::pg_catalog.regprocedure::text AS name FROM pg_catalog.pg_proc p
        WHERE p.pronamespace = 'quire'::pg_catalog.regnamespace AND p.proowner = 'quire_owner'::pg_catalog.regrole
          AND p.proname IN ('create_template', 'create_project_from_template', 'clone_project', 'import_from_library',
              'export_project', 'import_project', 'restore_project', 'restore_snapshot', 'diff_project', 'plan_hydration',
              'create_project_snapshot', 'undo', 'redo', 'revert_bundle', 'verify_project', 'replay_project', 'sync_pull')
    LOOP
        EXECUTE pg_catalog.format('ALTER FUNCTION %s SET plan_cache_mode = force_generic_plan', item.name);
    END LOOP;
END
$$;

COMMENT ON SCHEMA quire_store IS 'Storage of quire. Not an interface: use the functions and views of schema quire.';
COMMENT ON TYPE quire.project_file_head IS
'A file as a writer leaves it: id (of the version), file_path, file_type, content_hash (64 hex digits of BLAKE3; NULL when deleted), version (from 1), parent_version_id, size (bytes), is_deleted, is_binary, seq (of the bundle that made the version), updated_at, checksum (of that bundle).';

-- Projects and people -----------------------------------------------------------------------------------------------

COMMENT ON FUNCTION quire.create_project(text, uuid, text, jsonb, text) IS
'Creates a project; the caller becomes its owner.
Arguments: name (1 to 255 characters); project_uuid (default: a new UUIDv7); visibility (private or public: everybody may read); settings (see update_project); kind (workspace, or library: what import_from_library copies from).
Returns: the project''s id.
Errors: 22004, 22023, 42501 nobody is signed in, PT409 the id is taken.';
COMMENT ON FUNCTION quire.get_project(uuid) IS
'A project as JSON.
Returns: {project_id, name, kind, visibility, status, settings, role, created_by, created_at, updated_at, seq, checksum, file_count, total_bytes, asset_bytes}; role is the caller''s, or null; seq and checksum are those of the newest bundle; file_count and total_bytes (bytes) count current files, asset_bytes live assets.
Errors: 22004, PT404.';
COMMENT ON FUNCTION quire.list_projects() IS
'The projects the caller is a member of, by name; all of them for an administrator.
Returns: rows (project_id, name, kind, visibility, status, role, seq, changed_at, checksum).';
COMMENT ON FUNCTION quire.project_stats(uuid) IS
'How much a project holds, counted now: takes time with its size. Members only.
Returns: {project_id, seq, bundles, files, file_bytes, versions, blobs, blob_bytes, stored_bytes, archived_blobs, collected_blobs, assets, asset_bytes, snapshots, snapshot_bytes, members, realtime_sink: {failures, last_seq, last_error, last_at}}; file_bytes of the current files, blobs and blob_bytes of all contents that are present, stored_bytes as compressed; assets and asset_bytes of the live ones; realtime_sink is null when nothing failed.
Errors: 22004, 42501, PT404.';
COMMENT ON FUNCTION quire.update_project(uuid, jsonb) IS
'Changes a project''s name, visibility or settings. Owners only.
Arguments: changes, an object with any of name, visibility, settings; settings are laid over the current ones, null takes one back to its default.
Settings: max_file_bytes (default 67108864, at most 536870912), max_asset_bytes (of an asset that arrives in pieces; default 1073741824, at most 68719476736), max_entity_bytes (of the fields of one entity, each counted with 1024 at least; default 16777216, at most 67108864), max_project_bytes (of current files and live assets, each with its size; default unlimited), max_files (current ones; default unlimited), rate_limit {"per_minute": n, "burst": n} (writes per actor; default off), broadcast (hint, full or off; default hint), realtime_sink (none or supabase: events also go to Supabase Realtime''s private topic project:<project id>; default none), retention_days (how long content stays after it was replaced or deleted, for points in time and restores; 0 to 36500, default 90), asset_retention_days ({asset_type: days}, for deleted assets of these types), snapshots_kept (default 10), snapshots_max_age (days, default 30).
Returns: like get_project. Errors: 22004, 22023 unknown member or bad value, 42501, PT404, PT423.';
COMMENT ON FUNCTION quire.archive_project(uuid) IS
'Makes a project read only: writers answer PT423. It waits for no writer; what a transaction has written before may still be committed. Owners only.
Returns: like get_project. Errors: 22004, 42501, PT404.';
COMMENT ON FUNCTION quire.unarchive_project(uuid) IS
'Makes an archived project writable again. Owners only.
Returns: like get_project. Errors: 22004, 42501, PT404.';
COMMENT ON FUNCTION quire.delete_project(uuid, text) IS
'Deletes a project with its files, history, log and members. Cannot be undone. Owners only.
Arguments: confirm_name, the project''s exact name.
Errors: 22004, 22023 the name differs, 42501, PT404.';
COMMENT ON FUNCTION quire.set_project_member(uuid, uuid, text) IS
'Adds a member or changes their role. Owners only.
Arguments: member (an actor id; they need not have come yet); role (owner: manages, editor: writes, viewer: reads).
Returns: {member, role}. Errors: 22004, 22023, 42501, PT404, PT422 the last owner cannot be demoted.';
COMMENT ON FUNCTION quire.remove_project_member(uuid, uuid) IS
'Removes a member; what they did stays in the history. It waits for no writer; what a transaction of theirs has written before may still be committed. Owners only; anybody may remove themselves.
Errors: 22004, 22023, 42501, PT404 no such member, PT422 the last owner cannot go.';
COMMENT ON FUNCTION quire.list_project_members(uuid) IS
'Members of a project, strongest role first. Members only, also in a public project.
Returns: rows (member, display_name, role, added_by, added_at). Errors: 22004, 42501, PT404.';
COMMENT ON FUNCTION quire.map_role_to_actor(text, uuid, text) IS
'Makes a database role act as an actor; a role has one actor and an actor one role. A NOTICE says whose mapping this takes away. The role stays that actor when it is renamed. Administrators only.
Arguments: db_role (must exist); actor (default: the one the role acts as, else a new one); display_name (the person''s own name; default: unchanged).
Returns: the actor''s id. Errors: 22004, 22023 also for the built-in actor and for a name that says system, 42501, PT404 no such role.';
COMMENT ON FUNCTION quire.unmap_role(text) IS
'Takes a role''s actor away: the role is nobody then, and the actor keeps name, projects and history. Also for a role that is gone. Administrators only.
Returns: the actor''s id. Errors: 22004, 22023, 42501, PT404 the role acts as nobody.';
COMMENT ON FUNCTION quire.list_actors() IS
'Everybody who has ever been registered, in the order in which they were. Administrators only.
Returns: rows (actor, display_name, db_role, created_at); db_role as it is called now, NULL when the role is gone or there is none. Errors: 42501.';
COMMENT ON FUNCTION quire.set_display_name(text, uuid) IS
'Says what the caller is called, from now on and in what they did before. A name that was said so is replaced neither by claims nor by peers.
Arguments: name (1 to 255 characters, of which one shows and none is hidden); actor (somebody else, for administrators; default: the caller).
Errors: 22004, 22023 also for a name that says system, here or of another database, and for the built-in actor, 42501 nobody is signed in, a token, or somebody else''s name; PT404 no such actor.';
COMMENT ON FUNCTION quire.whoami() IS
'Who the caller is to quire.
Returns: {actor_id, display_name, via, db_role, is_admin}; via is token, jwt, db_role, system or anonymous. Errors: 42501 the JWT claims are not those of a user: no JSON object, a sub that is no string, is empty, has more than 255 bytes or control characters, or is that of a built-in actor.';

-- Projects made from others ----------------------------------------------------------------------------------------

COMMENT ON FUNCTION quire.create_template(uuid, text, bigint) IS
'Makes a template of a project: a new private project of kind template, owned by the caller, with the files, entities and assets as they were at a seq, and the settings. For whoever may read the project. A template is changed by its owners and editors like any project; archive_project makes it immutable, update_project public.
Arguments: name (1 to 255 characters); at_seq (default: the newest).
Returns: the new project''s id. Its first bundle, of kind import, says {from_project, from_seq} in details; there is none when there was nothing to copy.
Errors: 22004, 22023, 42501 also for a token and when nobody is signed in, PT404, PT410 content of that seq is collected, or archived and a file''s; PT413 a file or an asset is larger than the settings now allow, or more than max_files or max_project_bytes; XX001.';
COMMENT ON FUNCTION quire.create_project_from_template(uuid, text) IS
'Makes a new private project of kind workspace, owned by the caller, with what a template holds now, and its settings. For whoever may read the template.
Arguments: template (a project of kind template); name. Returns: the new project''s id; details as in create_template.
Errors: as create_template, and 22023 the project is not a template.';
COMMENT ON FUNCTION quire.clone_project(uuid, text) IS
'Makes a new private project of the same kind, owned by the caller, with the current files, entities and assets and the settings; an asset whose content is archived arrives archived; without history, members, tags, tokens, subscriptions and snapshots. For whoever may read the project.
Arguments: name. Returns: the new project''s id; details as in create_template. Errors: as create_template.';
COMMENT ON FUNCTION quire.import_from_library(uuid, uuid, text[], jsonb, uuid, text[]) IS
'Copies files, entities and assets of a library into a project, as one bundle of kind import. What is there already becomes what it is in the library: a new version of a file; fields that the library''s entity does not have are cleared. undo takes it back.
Arguments: library_uuid (a project of kind library that the caller may read); paths (files, or directories with everything below; an empty one is all files of the library; may be an empty array); entities (an array of {entity_type, entity_id}); correlation_id; assets (content hashes; one whose content is archived arrives archived).
Returns: like commit_bundle; details of the bundle say {from_project, from_seq}.
Errors: 22004, 22023 nothing is asked for, not a library, or the project itself; 42501 also for a token; PT404 also for a path, an entity or an asset that the library does not have; PT409 path_conflict, correlation_reused; PT413 a file is larger than max_file_bytes, an asset than that and max_asset_bytes, more than max_files, max_project_bytes or quire.max_bundle_ops; PT423, PT429, XX001.';

COMMENT ON FUNCTION quire.export_project(uuid) IS
'Everything that the project is and was, as a zip archive that can be read without quire; its README.txt explains it: current files, every content of files and assets by its BLAKE3, and as JSON Lines bundles, operations, versions, entities, assets, conflicts, tags, members, and the contents that are archived, collected or in quarantine and therefore not in it. An operation that does not match its checksum is in it as it is stored, and history/damaged says so; import_project refuses such an archive. No tokens, keys, receipts, subscriptions or snapshots. The same state gives the same bytes. Owners only.
Returns: the archive. It is made in memory; printed as hex digits, as psql does, up to 500 MiB can be sent.
Errors: 22004, 42501, PT404, PT413 larger than one value can be (1 GiB), XX001 stored data is corrupt.';
COMMENT ON FUNCTION quire.import_project(bytea, text) IS
'Makes a new private project, owned by the caller, from an archive of export_project, with its past: bundle n of the archive becomes bundle n of the project, of kind import, by the caller, with the same operations and message; details.imported says what it was: {project_id, seq, bundle_id, kind, actor, author, committed_at, base_seq, correlation_id, checksum, details}. Kind, settings and tags come along; members and conflicts do not. Content that the archive says is archived or collected is so in the project, too (PT410 to read it). Limits of the settings hold from then on.
Every content, operation and bundle is verified against its checksum before anything is written.
Arguments: archive; name (default: as in the archive). Returns: the new project''s id.
Errors: 22004; 22023 not an export, damaged, or a path, link, name or setting that is not allowed; 42501 also for a token and when nobody is signed in; PT413 more than 1,000,000 files, 512 MiB each, 4 GiB together, 1,000,000 bundles, 1,000,000 operations, 512 MiB of history, 100,000 tags or 8,000,000 JSON values in a line; PT422 the archive contradicts itself, or lacks the content of a symlink that ever was.';

-- Writing files -----------------------------------------------------------------------------------------------------

COMMENT ON FUNCTION quire.upsert_project_file(uuid, text, text, text, integer, uuid) IS
'Writes a text file. Unchanged content makes no version and no event.
Arguments: p_file_path (relative, /-separated, at most 1024 bytes, 255 a segment; stored in Unicode form NFC); p_content; p_file_type (default: kept, or inferred from the path); the mode is kept, but a symlink becomes a regular file; expected_version (NULL: last write wins, 0: must not exist, n: head must be n); correlation_id (the same id again returns the first answer and changes nothing).
Returns: the file as quire.project_file_head.
Errors: 22004, 22023, 42501, PT404, PT409 stale_version, path_conflict, correlation_reused; PT413, PT423, PT429.';
COMMENT ON FUNCTION quire.upsert_project_file_bytes(uuid, text, bytea, text, integer, uuid) IS
'Writes a file of any bytes; is_binary says whether they are text (UTF-8 without NUL). Otherwise like upsert_project_file.
Returns: the file as quire.project_file_head. Errors: as upsert_project_file.';
COMMENT ON FUNCTION quire.delete_project_file(uuid, text, integer, uuid) IS
'Deletes a file: a tombstone version is added and the history stays.
Arguments: as upsert_project_file. Returns: the tombstone as quire.project_file_head.
Errors: 22004, 22023, 42501, PT404 no such file, PT409, PT423, PT429.';
COMMENT ON FUNCTION quire.move_project_file(uuid, text, text, integer, uuid) IS
'Gives a file another path, where no file is. The history of the new path names where it came from.
Arguments: from_path, to_path; expected_version is that of from_path. Returns: the file at to_path as quire.project_file_head.
Errors: 22004, 22023, 42501, PT404, PT409 stale_version, destination_exists, path_conflict; PT423, PT429.';
COMMENT ON FUNCTION quire.bulk_upsert_project_files(uuid, jsonb, uuid) IS
'Writes many files: all or nothing, one bundle, one event.
Arguments: files, an array of {file_path, content | content_base64, file_type?, mode?, expected_version?}; mode is 100644, 100755 or 120000 (symlink; content is its target, relative, inside the project, .. only at its beginning).
Returns: {success, seq, checksum, files: [{file_path, version, content_hash}]}.
Errors: as upsert_project_file, and PT409 duplicate_path, PT413 more items than quire.max_bundle_ops.';
COMMENT ON FUNCTION quire.bulk_delete_project_files(uuid, text[], uuid) IS
'Deletes many files: all or nothing, one bundle, one event.
Returns: {success, seq, checksum, files: [{file_path, version, content_hash}]}; content_hash is null.
Errors: as delete_project_file, and PT409 duplicate_path, PT413 more items than quire.max_bundle_ops.';
COMMENT ON FUNCTION quire.commit_bundle(uuid, jsonb, text, text, bigint, uuid, text, text) IS
'Commits any mix of operations as one bundle: all or nothing, one seq, one event. Operations apply in order.
Arguments: ops, an array of {"op": "file.put", file_path, content | content_base64, file_type?, mode?, expected_version?}, {"op": "file.delete", file_path, expected_version?}, {"op": "file.move", from_path, to_path, expected_version?}, {"op": "field.set", entity_type, entity_id, field, value, base_seq?}, {"op": "field.unset", entity_type, entity_id, field, base_seq?}, {"op": "entity.delete", entity_type, entity_id, base_seq?}, {"op": "asset.put", filename, media_type, asset_type, content_base64 | content_hash}, {"op": "asset.delete", content_hash, reason?}; an asset''s content_hash alone suffices when the project has that content; kind (user_edit, import, job_output or merge_resolution); message (at most 64 KiB); base_seq (what the author had seen: a path changed after it, or a field changed after it by another actor to another value, is in conflict); base_checksum (the checksum as it went with base_seq: 16 to 64 hex digits; the log there must be the one that the caller knows); correlation_id; on_conflict (reject; record: fields are written and the conflict is kept, see list_conflicts, paths are refused; skip: left out). Entity types have at most 128 bytes, ids and field names 255, values 1 MiB and 100 levels.
Returns: {seq, bundle_id, checksum, ops: [{op, file_path, from_path?, version, content_hash, status} or {op, entity_type, entity_id, field?, status, skipped?, conflicts?} or {op, content_hash, filename, media_type, asset_type, size, status}], advice?}; bundle_id is null when nothing changed, seq and checksum are then the newest; skipped and conflicts name fields; advice is there above 1000 operations, with a notice, unless kind is job_output or import.
Errors: as upsert_project_file, and 22023 a number that a double cannot hold, 42501 a token does not allow operations on fields and assets, PT404 no such asset, or content that the project does not have; PT410 content given by its hash is archived or collected; PT409 must_refetch (the log at base_seq is another one: the database was set back), base_changed, field_conflict (DETAIL lists conflicts: entity, field, both values, actors and bundles), PT413 more operations than quire.max_bundle_ops, or a value too long.';
COMMENT ON FUNCTION quire.merge_project_file(uuid, text, text, integer, text, uuid) IS
'Writes an edit that was made on an older version, merged with what came after it.
Arguments: p_content (the edit); base_version (what it was made on); strategy (lines: diff3, conflicting hunks are returned and nothing is written; automerge: character merge, of at most 256 KiB a side, which conflicts only when it takes longer than quire.diff_deadline).
Returns: {status, version, seq, checksum, conflicts}; status is merged, unchanged or conflict; conflicts: [{base_start, base_lines, ours_start, ours, theirs_start, theirs}] with lines from 1, ours being p_content; after 8 MiB of such lines, {base_start, ours_start, theirs_start, lines_omitted: true, base_count, ours_count, theirs_count}.
Errors: as upsert_project_file, and 22023 not a text file, PT409 deleted.';
COMMENT ON FUNCTION quire.restore_project_file(uuid, text, integer, uuid) IS
'Makes an older version current again, as a new version.
Returns: the file as quire.project_file_head. Errors: as upsert_project_file, and 22023 the version is a deletion, PT404 no such version, PT410 its content is archived or collected, XX001.';
COMMENT ON FUNCTION quire.restore_project(uuid, bigint, boolean, uuid) IS
'Makes the whole tree what it was at a seq, as one new bundle; nothing is rewritten.
Arguments: to_seq (0: empty); dry_run (true: only say what would be done).
Returns: {dry_run, to_seq, seq, bundle_id, checksum, files: [{file_path, op, content_hash, version?}]}.
Errors: as commit_bundle, and PT410 some content is archived or collected: then nothing is written; XX001.';
COMMENT ON FUNCTION quire.tag_project(uuid, text, bigint, uuid) IS
'Gives a seq a name. A tag does not move: the same name at another seq is refused.
Arguments: tag (1 to 255 characters); at_seq (default: the newest). Returns: the seq.
Errors: 22004, 22023, 42501, PT404, PT409, PT423.';
COMMENT ON FUNCTION quire.import_legacy_files(uuid, regclass, name, name, name, uuid) IS
'Brings the files of an existing table in, in bundles of at most 1,000. Reads the table with the caller''s own rights.
Arguments: source (a table or view); path_column, content_column, type_column (default: types are inferred).
Returns: {imported, seq}. Errors: as commit_bundle, and PostgreSQL''s own of reading the table, such as 42703 it has no such column.';

-- Entities ----------------------------------------------------------------------------------------------------------

COMMENT ON FUNCTION quire.get_entity(uuid, text, text) IS
'One entity as it is now.
Returns: {entity_type, entity_id, fields: {name: value}, seq, checksum}; seq is of the last bundle that changed it. Errors: 22004, 22023, PT404 also when all its fields are cleared.';
COMMENT ON FUNCTION quire.list_entities(uuid, text, jsonb) IS
'The entities of a type, by id.
Arguments: matching (an object that the fields must contain, as jsonb @> tells; default: all).
Returns: rows (entity_id, fields, seq, updated_at, checksum). Errors: 22004, 22023, PT404.';
COMMENT ON FUNCTION quire.entity_history(uuid, text, text, bigint, integer) IS
'Changes of an entity''s fields, newest first.
Arguments: before_seq (exclusive; default: from the newest); max_changes (1 to 10000, default 100; of the last bundle it is all): for reading in pages, the seq of the last row of one is before_seq of the next.
Returns: rows (seq, op, field, value, is_unset, actor, display_name, kind, message, bundle_id, committed_at); deleting an entity shows one row per field. Errors: 22004, 22023, PT404.';
COMMENT ON FUNCTION quire.entities_at(uuid, bigint) IS
'All entities as they were at a seq, by type and id.
Arguments: at_seq (0: none). Returns: rows (entity_type, entity_id, fields, seq, checksum). Errors: 22004, 22023, PT404.';
COMMENT ON FUNCTION quire.explain_entity(uuid, text, text) IS
'Who set each field of an entity, when, and in which bundle; cleared fields included.
Returns: rows (field, value, is_unset, actor, display_name, seq, bundle_id, kind, message, committed_at, conflict_id), by field; conflict_id names the open conflict the field is in. Errors: 22004, 22023, PT404.';
COMMENT ON FUNCTION quire.list_conflicts(uuid, boolean) IS
'Conflicts that were recorded and nobody has resolved, oldest first.
Arguments: include_resolved (default false).
Returns: rows (conflict_id, entity_type, entity_id, field, shown, values: [{actor, display_name, value, is_unset, seq, bundle_id}], opened_seq, resolved_seq); shown is the field''s value now; values has the last one of each actor. Errors: 22004, PT404.';
COMMENT ON FUNCTION quire.resolve_conflict(uuid, uuid, jsonb, uuid) IS
'Settles a conflict: a bundle of kind merge_resolution gives the field its value, also when it has it already. The first resolution wins; a later edit by somebody unaware of it (on_conflict record, an older base_seq) opens the conflict again, and so does undoing it.
Arguments: value (NULL clears the field; any JSON, need not be one of those in conflict); correlation_id.
Returns: like commit_bundle, with conflict_id. Errors: 22004, 22023, 42501, PT404, PT409 already_resolved; PT413, PT423, PT429.';
COMMENT ON FUNCTION quire.conflict_history(uuid, uuid) IS
'What happened to a conflict, in order.
Returns: rows (event, actor, display_name, value, is_unset, seq, bundle_id, committed_at); event is opened, value, resolved or reopened. Errors: 22004, PT404.';

-- Undo and inspection -----------------------------------------------------------------------------------------------

COMMENT ON FUNCTION quire.undo(uuid, text, uuid) IS
'Takes back the caller''s newest bundle that is not taken back: a new bundle of kind undo restores the files, fields and assets it touched; nothing is rewritten. Bundles of others, and bundles of kind system, are passed over.
Arguments: on_conflict, about what has become something else since (reject; skip: left as it is, and so is what has no content any more; record: fields are restored all the same and the conflict is kept, see list_conflicts, files and assets are refused); correlation_id.
Returns: like commit_bundle, with undoes_seq and skipped: [{file_path | entity_type, entity_id, field | content_hash, seq, actor, bundle_id, in_words}]; seq, actor and bundle_id are of whoever changed it, null when its content is archived or collected. The bundle is written even if nothing was left to do, so that the walk goes on.
Errors: 22004, 22023, 42501 also for a token, PT404 nothing to undo, PT409 changed_since (DETAIL lists conflicts as skipped does), path_conflict; PT410 a content is collected, PT413, PT423, PT429, XX001 an operation of the kinds it would bring back is in quarantine.';
COMMENT ON FUNCTION quire.redo(uuid, text, uuid) IS
'Takes back the caller''s newest undo, unless they have edited since; revert_bundle then brings an undone bundle back.
Arguments, result and errors: as undo; PT404 nothing to redo.';
COMMENT ON FUNCTION quire.revert_bundle(uuid, bigint, text, uuid) IS
'Takes back any bundle, anybody''s: a new bundle of kind rollback, which is an edit of the caller and can itself be undone. Of an undo, it brings back what that took away.
Arguments: seq (of the bundle); otherwise as undo. Returns: as undo. Errors: as undo, and PT404 no such bundle, PT422 a bundle of kind system cannot be taken back.';
COMMENT ON FUNCTION quire.list_undoable(uuid, integer, bigint) IS
'The caller''s edits, newest first, and whether they are taken back.
Arguments: max_bundles (1 to 10000, default 100); before_seq (exclusive; default: from the newest): for reading in pages, the seq of the last row of one is before_seq of the next.
Returns: rows (seq, kind, message, op_count, committed_at, state, undone_by, next); state is done or undone; undone_by is the seq of what takes it back now; next is undo or redo at the bundle that such a call would take next.
Errors: 22004, 22023, 42501, PT404.';
COMMENT ON FUNCTION quire.search_ops(uuid, jsonb, integer) IS
'Operations of the log, newest first.
Arguments: filter, an object with any of op, kind, actor (uuid), target (exact), target_prefix, entity_type, entity_id, field, after_seq, before_seq (exclusive), before_ordinal (with before_seq: also the operations of that bundle before this one), since, until (times; since inclusive), message (part of the bundle''s message); max_ops (1 to 10000, default 100): for reading in pages, seq and ordinal of the last row of one are before_seq and before_ordinal of the next.
Returns: rows (seq, ordinal, op, target, actor, display_name, kind, message, bundle_id, before, after, checksum, committed_at, from_peer); from_peer is the peer that the bundle came from, whose word the author is, or NULL. Errors: 22004, 22023, PT404.';
COMMENT ON FUNCTION quire.bundle_details(uuid, bigint) IS
'One bundle with everything it says.
Returns: {seq, bundle_id, kind, actor, display_name, from_peer, message, correlation_id, base_seq, undoes_seq, undone_by: [seq], op_count, checksum, prev_checksum, details, committed_at, ops: [{ordinal, op, target, entity?, checksum, before, after}]}; from_peer is the peer it came from, whose word the author is, or null; at most 1000 of its operations, and values_omitted: true instead of before and after once these have 32 MiB together: search_ops has all. Errors: 22004, PT404 no such bundle.';

-- Corruption --------------------------------------------------------------------------------------------------------

COMMENT ON FUNCTION quire.verify_project(uuid, text) IS
'Checks everything that is stored against its checksums. What is wrong is recorded in quarantine and not raised; nothing else changes. Owners only.
Arguments: depth (log: operations, bundles, their chain; state: and the current files, fields and assets, totals, and what versions say beside their operations, against the log; content: and every content against its hash, default).
Returns: {project_id, seq, is_sound, bundles, ops, files, fields, assets, blobs, blob_bytes, findings: [{quarantine_id, kind, key, fault, in_words}]}; what was rejected before is not found again, unless it changes once more.
Errors: 22004, 22023, 42501, PT404.';
COMMENT ON FUNCTION quire.replay_project(uuid, bigint) IS
'Makes files and fields anew from the operations alone and compares them with the tables. Members only; changes nothing.
Arguments: to_seq (default: the newest).
Returns: {project_id, seq, bundles, ops, files, fields, assets, is_equal, differences: [operations that the tables lack, at most 1000], impossible: [{seq, ordinal, why}]}. Errors: 22004, 22023, 42501, PT404.';
COMMENT ON FUNCTION quire.list_quarantine(uuid, boolean) IS
'What was found corrupt, oldest first. Reading it raises XX001 with the quarantine_id. Members only.
Arguments: include_ended (default false).
Returns: rows (quarantine_id, kind, key, fault, in_words, expected, status, found_at, ended_at, ended_by, reason); kind is blob, file_op, field_op, asset_op, bundle, project_head, file_head, entity_field, asset or peer_bundle; key names the row; expected is the recorded checksum; status is open, repaired or rejected. Errors: 22004, 42501, PT404.';
COMMENT ON FUNCTION quire.repair(uuid, uuid, jsonb) IS
'Mends a row in quarantine. A copy, from a backup or a peer, is accepted only when it has the checksum that was recorded; what other rows prove needs none. Owners only.
Arguments: supply: {content | content_base64} for a blob; {op: canonical form} for an operation; {header: {project_id, seq, bundle_id, kind, actor_id, message, correlation_id, base_seq, undoes_seq, committed_at (microseconds since 1970)}} for a bundle; not needed for file_head, entity_field, asset, project_head, for the faults row, checksum and prev_checksum, and for content that was written again since.
Returns: {quarantine_id, kind, key, status, repaired_from}; repaired_from is supply, the log or a later write.
Errors: 22004 a copy is needed, 22023, 42501, PT404, PT409 already_ended, PT422 the copy is another one, or rows are missing.';
COMMENT ON FUNCTION quire.reject_quarantined(uuid, uuid, text) IS
'Gives a row in quarantine up: it is taken as it is, and not found again unless it changes once more. Content is unavailable (PT410) until it is written again. Owners only.
Arguments: reason (1 to 1000 characters; kept). Returns: {quarantine_id, kind, key, status}.
Errors: 22004, 22023, 42501, PT404, PT409 already_ended.';
-- Jobs --------------------------------------------------------------------------------------------------------------

COMMENT ON FUNCTION quire.begin_job(uuid, text, interval) IS
'Begins a job: operations are staged over time, and complete_job commits them as one bundle. Until then nothing of them is seen.
Arguments: name (what it is, 1 to 255 characters; need not be unique); lease (1 second to 1 day: how long it lives without a heartbeat).
Returns: the job''s id. Errors: 22004, 22023, 42501, PT404, PT423.';
COMMENT ON FUNCTION quire.stage_job_ops(uuid, uuid, jsonb) IS
'Adds operations at the end of a job. Their shape is checked now, what they meet when the job completes. Waits for nobody but who works on the same job.
Arguments: job; ops (as for commit_bundle). Who began the job, or an owner.
Returns: how many operations the job has now. Not idempotent: after a lost answer, op_count in list_jobs tells whether they were staged.
Errors: 22004, 22023, 42501, PT404, PT409 job_ended, PT410 its lease is over, PT413 more than quire.max_bundle_ops operations or 1 GiB in the job, a file over max_file_bytes; PT423.';
COMMENT ON FUNCTION quire.heartbeat_job(uuid, uuid, interval) IS
'Extends the lease of a job; never shortens it, and revives no job whose lease is over.
Arguments: job; lease (1 second to 1 day, from now). Who began the job, or an owner.
Returns: until when it lives. Errors: 22004, 22023, 42501, PT404, PT409 job_ended, PT410 its lease is over.';
COMMENT ON FUNCTION quire.complete_job(uuid, uuid, text, bigint, text, text) IS
'Commits what a job has staged, in that order, as one bundle of kind job_output by the caller, and ends it. Again, it returns the same and changes nothing. When it is refused the job stays as it was.
Arguments: job; message (of the bundle; default: the job''s name); base_seq, base_checksum and on_conflict as for commit_bundle (default: the last write wins; began_seq of list_jobs, with began_checksum, is what the job had seen at its beginning). Who began the job, or an owner.
Returns: like commit_bundle, with job_id and never with advice; bundle_id is null when nothing was staged or nothing changed.
Errors: as commit_bundle, and PT404 no such job, PT409 job_ended (it has failed), PT410 its lease is over.';
COMMENT ON FUNCTION quire.fail_job(uuid, uuid, text) IS
'Ends a job, also one whose lease is over, and drops what it has staged.
Arguments: job; error (why, at most 64 KiB, for list_jobs). Who began the job, or an owner.
Errors: 22004, 42501, PT404, PT409 job_ended, PT413.';
COMMENT ON FUNCTION quire.list_jobs(uuid, boolean) IS
'The jobs that nobody has ended, newest first. Members only.
Arguments: include_ended (default false: neither completed nor failed ones).
Returns: rows (job_id, name, status, actor, display_name, began_seq, began_at, leased_until, ended_at, op_count, op_bytes, context, error, seq, bundle_id, began_checksum); status is running, expired (its lease is over; it can only be failed), completed or failed; began_seq is where the project stood; op_count and op_bytes are what was staged, context {counts: {op: n}, first: [{op, target}]} tells of it, of the first 20 one by one without content, also when the operations are gone; seq and bundle_id are of the bundle it made.
Errors: 22004, 42501, PT404.';

-- Peers -------------------------------------------------------------------------------------------------------------

COMMENT ON FUNCTION quire.sync_pull(uuid, text, integer, bigint, text) IS
'The next whole bundles for another database that holds the same project, after what it has acknowledged. Each is checked before it goes out; what is corrupt here is recorded in quarantine and the answer ends before it. Owners only.
Arguments: peer (a name for the other database, 1 to 255 characters); max_ops (1 to 1000000: so many operations together, but always one bundle; at most 32 MiB of operations and contents); after_seq (default: from the acknowledged seq on, without the peer''s own bundles; given: from there on, all of them, such as to mend the peer); after_checksum (the checksum as it went with after_seq: 16 to 64 hex digits; the log there must be the one that the peer knows).
Returns: {project_id, peer, after, after_checksum, checkpoint, checkpoint_checksum, has_more, bundles: [{seq, log: {seq, checksum, after_seq, after_checksum, passed: [[seq, checksum]]}, header, prev_checksum, checksum, display_name, undoes_bundle_id, undoes_made_as, ops: [{op, base, ...}], contents: [{content_hash, content_base64}]}], corrupt}; checkpoint is the seq to hand to sync_push and sync_ack; log says where a bundle stands in the log here, after what of it it is to be applied, and what of it does not travel; corrupt is null or what was found.
Errors: 22004, 22023, 42501, PT404, PT409 must_refetch: the log here is not the one that the peer has followed, because one of the two was set back (common_seq, if it is there, is what the peer has acknowledged; see sync_reset); PT413 a bundle that has more than 240 MiB with its contents.';
COMMENT ON FUNCTION quire.sync_ack(uuid, text, bigint, text) IS
'Notes that a peer has everything up to a seq; never goes back. Owners only.
Arguments: seq (the checkpoint of the sync_pull that was applied there, or the one of sync_status there if that is less); checksum (as it went with that seq). Returns: what is acknowledged now. Errors: 22004, 22023, 42501, PT404, PT409 as sync_pull.';
COMMENT ON FUNCTION quire.sync_push(uuid, text, bigint, jsonb, text, bigint, text) IS
'Applies bundles of a peer, in order, in this transaction: all of a checkpoint shows or nothing. A path or field becomes what the latest write says. The bundles keep their authors, who are the peers word: readers see from_peer. Owners only.
Arguments: checkpoint, bundles, checkpoint_checksum and, as after_seq and after_checksum, after and after_checksum of the peer''s sync_pull. Without after_seq a page without bundles does not move the checkpoint.
Returns: rows (bundle_id, seq, status, reasons); seq is its seq here; status is applied, duplicate (known already; reasons tell what was corrupt here and is mended from the copy), conflict (applied; reasons tell what both sides changed, fields are in list_conflicts) or quarantined (its checksums do not hold, or it comes after such a one; nothing of it is applied, and the checkpoint stays before it).
Errors: 22004, 22023 no such bundles or another project''s, 42501, PT404, PT409 must_refetch: the bundles leave out some of the peer''s that are not here, or are of another log than the one that was followed, because one of the two was set back; nothing is applied; common_seq and common_checksum are the newest place of the peer''s log that is known here (see sync_reset); PT413 more than quire.max_bundle_ops operations, or a file or the project too large; PT423.';
COMMENT ON FUNCTION quire.sync_status(uuid, text) IS
'How far the exchange with a peer has come. Owners only.
Returns: {peer, seq, checksum, acked_seq, acked_checksum, checkpoint, checkpoint_checksum}: our newest seq, up to where the peer has ours, up to where we have the peer''s, and the checksums there; checkpoint_checksum is null when nobody has told it. Errors: 22004, 22023, 42501, PT404.';
COMMENT ON FUNCTION quire.sync_reset(uuid, text, bigint, bigint, text) IS
'Sets the exchange with a peer back, after one of the two databases was set back to an older state (PT409 must_refetch): what comes again is recognised bundle by bundle. Never goes forward. Owners only.
Arguments: acked_seq (up to where the peer has our log; NULL: as it is) and checkpoint (up to where we have the peer''s; NULL: as it is), both 0 by default: from the beginning; checkpoint_checksum (as it went with the checkpoint).
Returns: like sync_status. Errors: 22004, 22023, 42501, PT404.';
-- Assets ------------------------------------------------------------------------------------------------------------

COMMENT ON FUNCTION quire.put_asset(uuid, text, bytea, text, text, uuid) IS
'Keeps content as an asset, known by its hash. The same content again changes its name and types, or brings a deleted one back.
Arguments: filename (1 to 255 bytes, no path); bytes (at most the setting max_file_bytes); media_type (like image/png, at most 255 bytes); asset_type (what it is to the application, 1 to 128 bytes); correlation_id.
Returns: {content_hash, filename, media_type, asset_type, size, seq, checksum, status}; status is created, updated, unchanged or restored.
Errors: 22004, 22023, 42501 also for every token, PT404, PT409 correlation_reused, PT413, PT423, PT429.';
COMMENT ON FUNCTION quire.delete_asset(uuid, text, text, uuid) IS
'Keeps an asset no longer. Its bytes stay until nothing needs them, see gc_run.
Arguments: hash (64 hex digits); reason (at most 1024 bytes); correlation_id.
Returns: like put_asset, with status deleted. Errors: 22004, 22023, 42501 also for every token, PT404, PT409, PT423, PT429.';
COMMENT ON FUNCTION quire.get_asset(uuid, text) IS
'What is known of an asset, also of a deleted one.
Arguments: hash (64 hex digits).
Returns: {content_hash, filename, media_type, asset_type, size, is_deleted, reason, seq, checksum, actor, updated_at, state}; seq, actor and updated_at of its last change; state of its bytes is present, archived, collected or quarantined. Errors: 22004, 22023, PT404, XX001.';
COMMENT ON FUNCTION quire.read_asset_range(uuid, text, bigint, bigint) IS
'Bytes of an asset, at most 64 MiB a call. Reads only the chunks it needs. The hash is verified when the asset has at most 1 MiB or is read whole; of a part, each chunk against a checksum of its own.
Arguments: hash (64 hex digits); offset (bytes, from 0); length (bytes; default: to the end). Beyond the end there is nothing.
Returns: the bytes. Errors: 22004, 22023, PT404 also when it is deleted, PT410 archived, PT413, XX001.';
COMMENT ON FUNCTION quire.list_assets(uuid, text) IS
'The live assets, by type, filename and hash.
Arguments: asset_type (default: all). Returns: rows (content_hash, filename, media_type, asset_type, size, seq, actor, updated_at, checksum). Errors: 22004, 22023, PT404, XX001.';
COMMENT ON FUNCTION quire.begin_upload(uuid, text, text, text, interval) IS
'Begins an asset that arrives in pieces. Removes expired uploads.
Arguments: filename, media_type, asset_type (as put_asset); lease (1 second to 7 days: how long it may take).
Returns: the upload''s id. Errors: 22004, 22023, 42501 also for every token, PT404, PT413 the caller has 100 open in the project, PT423.';
COMMENT ON FUNCTION quire.append_upload(uuid, uuid, integer, bytea) IS
'Adds a piece to an upload, in any order. The same piece again changes nothing. Whoever began it, or an owner.
Arguments: ordinal (1 to 1000000); bytes (at most 16 MiB; all pieces together at most the setting max_asset_bytes; what is being uploaded counts into max_project_bytes).
Returns: bytes so far. Errors: 22004, 22023, 42501, PT404, PT409 the piece has other bytes already, PT410 the upload has expired, PT413, PT423.';
COMMENT ON FUNCTION quire.finish_upload(uuid, uuid, text, uuid) IS
'Makes an asset of the pieces of an upload, in order of their ordinals, in bounded memory. Whoever began it, or an owner.
Arguments: content_hash (what it must be; default: anything); correlation_id.
Returns: like put_asset. Errors: as put_asset, and 22023 the content has another hash, PT404 no such upload, PT409 incomplete: a piece is missing; PT410 the upload has expired.';

-- The end of content --------------------------------------------------------------------------------------------------

COMMENT ON FUNCTION quire.gc_plan(uuid) IS
'What the project stores, each content with why it is kept or that it can be collected. Looks at everything: takes time with the project''s size. Owners only.
Returns: rows (content_hash, size, stored_bytes, state, is_collectable, reason, references: [{kind, count, detail}]), by hash; size and stored_bytes (compressed) in bytes; state is present, archived or collected; kind is live_file, recent_version (was current inside the setting retention_days), tagged_version, live_asset or recent_asset (deleted inside the retention); detail names one of count.
Errors: 22004, 42501, PT404.';
COMMENT ON FUNCTION quire.gc_run(uuid, integer) IS
'Collects content that nothing needs: its bytes go, its hash, size, and when and why stay. Call it until remaining is 0. The first call looks at everything without a lock; each holds the project''s lock only to check its share again and to empty it. It makes no bundle. Also removes expired uploads. Owners only.
Arguments: max_blobs (1 to 10000, default 100: the more, the longer writers wait).
Returns: {collected, freed_bytes, remaining}; freed_bytes as stored; remaining candidates, at most. Errors: 22004, 22023, 42501, PT404, PT423.';
COMMENT ON FUNCTION quire.archive_blob(uuid, text, text) IS
'Takes content away that the caller keeps elsewhere. Read it first, store it, read it back, and give its SHA-256, which shows that you have it. What a current file has stays. Owners only.
Arguments: hash (64 hex digits, BLAKE3); sha256 (64 hex digits, of the same bytes).
Returns: {content_hash, state, size, freed_bytes}. Errors: 22004, 22023 also when sha256 is another, 42501, PT404, PT409 in_use, PT410 it is collected, PT423, XX001.';
COMMENT ON FUNCTION quire.restore_blob(uuid, text, bytea) IS
'Takes content back that was archived or collected. Larger than one value can be, upload it as an asset: that brings it back, too. Owners only.
Arguments: hash (64 hex digits); bytes (exactly that content).
Returns: {content_hash, state, size, freed_bytes}. Errors: 22004, 22023 other bytes, 42501, PT404, PT423.';

-- Reading files -----------------------------------------------------------------------------------------------------

COMMENT ON FUNCTION quire.list_current_files(uuid, text, text, integer, boolean) IS
'The current files, by path.
Arguments: path_prefix (a file, or a directory with everything below it; no character is a wildcard); after_path (only later paths), max_files (1 to 10000; a page with more than 32 MiB of content ends early; default: all files): for reading in pages, the last path of one is after_path of the next, and a page without rows is the end; with_content (false: content is NULL, and nothing is decoded).
Returns: rows (file_path, file_type, content, content_hash, version, updated_at); content is NULL for binary files.
Errors: 22004, 22023, PT404, PT410 some content is archived or collected, PT413 more content in one call than quire.max_call_memory, XX001.';
COMMENT ON FUNCTION quire.list_files_at(uuid, bigint, timestamp with time zone, text, text, integer) IS
'The files at a point in time, by path.
Arguments: exactly one of at_seq (0: empty), at_time, at_tag; after_path and max_files as for list_current_files.
Returns: like list_current_files, and seq and checksum (of the bundle that made the version): to ask for the same moment again, give it as at_seq, because clients may round times.
Errors: 22004, 22023, PT404 no such project or tag, PT410 some content is archived or collected, PT413 more content in one call than quire.max_call_memory, XX001.';
COMMENT ON FUNCTION quire.read_project_file(uuid, text, integer, bigint, text, timestamptz) IS
'One file, current, at a version or at a point in time.
Arguments: at most one of version (a tombstone, too), at_seq (0 to the project''s), at_tag and at_time (as list_files_at); default: the file as it is now. Now and at a point in time a deleted file is not found.
Returns: one row (file_path, file_type, content, content_hash, version, updated_at, size, mode, is_deleted, is_binary, seq, checksum); content is NULL for binary files and tombstones.
Errors: 22004, 22023, PT404, PT410 its content is archived or collected, XX001.';
COMMENT ON FUNCTION quire.read_project_file_bytes(uuid, text, integer, bigint, text, timestamptz) IS
'Bytes of one file, current, at a version or at a point in time; length and hash are verified.
Arguments: as read_project_file.
Returns: the bytes. Errors: 22004, 22023, PT404 also for a tombstone, PT410 its content is archived or collected, XX001.';
COMMENT ON FUNCTION quire.project_file_history(uuid, text, integer, integer) IS
'Versions of a path, newest first; none for a path never used.
Arguments: before_version (exclusive; default: from the newest); max_versions (1 to 10000, default 100): for reading in pages, the version of the last row of one is before_version of the next.
Returns: rows (version, op, content_hash, size, file_type, mode, is_deleted, is_binary, moved_from, moved_from_version, moved_to, actor, kind, message, seq, committed_at).
Errors: 22004, 22023, PT404.';
COMMENT ON FUNCTION quire.diff_project_file(uuid, text, integer, integer, integer) IS
'A unified diff of two versions of a file, as git prints it; patch and git apply accept it. Empty when they are equal; a notice for binary files.
Arguments: from_version, to_version (0: before the file); context_lines (default 3).
Errors: 22004, 22023, PT404, XX001.';
COMMENT ON FUNCTION quire.diff_project(uuid, bigint, bigint) IS
'Paths that differ between two seqs, by path; from_seq may be the later one.
Returns: rows (file_path, change, from_path, from_version, to_version, from_hash, to_hash); change is added, modified, deleted or moved; from_path is set for moved.
Errors: 22004, 22023, PT404, XX001.';
COMMENT ON FUNCTION quire.list_project_tags(uuid) IS
'Tags, by seq. Returns: rows (tag, seq, created_by, created_at, checksum). Errors: 22004, PT404.';

-- Capability tokens -------------------------------------------------------------------------------------------------

COMMENT ON FUNCTION quire.mint_token(uuid, text[], interval, text, integer) IS
'Makes a capability token: a part of the caller''s own rights in one project, for a while, for whoever holds the text. Members only.
Arguments: abilities (1 to 64 of project:read, events:read, snapshot:read, snapshot:read:<snapshot id>, file:write, file:write:<glob>; none implies another; in globs * and ? stay inside a segment, ** crosses them); ttl (above 0, at most 366 days); audience (the only database role that may present it; default: any); max_uses (how often it may be presented; a use counts when its transaction commits).
Returns: the token, which is stored nowhere. It is worth what its maker''s role in the project is worth at the time of use.
Errors: 22004, 22023, 42501 no member, or no editor for file:write; PT404; PT413 more than 64 abilities; 40001 in a REPEATABLE READ transaction, when the key it sees has been deleted since.';
COMMENT ON FUNCTION quire.attenuate_token(text, text[], interval) IS
'Makes a weaker token of a token, with the text alone: nothing is looked up or stored. Revoking the first revokes it, too.
Arguments: token; abilities (each covered by one of the token''s); ttl (ends with the token''s own at the latest). At most 8 times in a row.
Returns: the weaker token. Errors: 22004, 22023 an ability the token does not have, 42501 not a token, PT413.';
COMMENT ON FUNCTION quire.authenticate(text) IS
'Binds a token to the current transaction: until its end, or until the savepoint is rolled back, the caller has the rights of the token, in its project, and no others. Call it in the transaction of each request, with the token as a parameter and not as part of the statement''s text, which servers log.
Returns: {project_id, token_id, actor_id, abilities, expires_at}.
Errors: 22004; 42501 this token is not valid, for whatever is wrong with its text, key or audience; PT410 it has expired, been revoked or been used up.';
COMMENT ON FUNCTION quire.revoke_token(uuid, uuid) IS
'Revokes a token and everything narrowed from it, at once, also where it is bound. (A REPEATABLE READ transaction reads on in the state it began with, and can write nothing any more.) Its maker, or an owner.
Returns: when it was revoked first. Errors: 22004, 42501, PT404.';
COMMENT ON FUNCTION quire.list_tokens(uuid) IS
'The tokens the caller made, newest first; all of them for an owner. Kept for 30 days after they expire.
Returns: rows (token_id, abilities, audience, max_uses, uses, minted_by, minted_at, expires_at, revoked_at, status); status is valid, expired, revoked, used, or void: its key is gone, as after a restore.
Errors: 22004, 42501, PT404.';
COMMENT ON FUNCTION quire.rotate_secret() IS
'Makes a new key for tokens. Tokens made with older keys stay valid until they expire; keys without such tokens are deleted, unless somebody is just making a token: then by the next rotation. Administrators only.
Returns: the new key''s id. Errors: 42501.';

-- Snapshots ---------------------------------------------------------------------------------------------------------

COMMENT ON DOMAIN quire."*/*" IS
'Bytes of a media type that the function names in the setting response.headers, as PostgREST expects it.';
COMMENT ON FUNCTION quire.create_project_snapshot(uuid, text, bigint, bigint, interval, text, text) IS
'Makes an archive of a project, or finds the one that is there: the same files, paths, modes and times of change give the same bytes, which are made once. Members only.
Arguments: format (zip, or tar.zst: faster, for GNU tar and zstd); at_seq (default: the newest); since_seq (a delta: only files changed since, and a first entry .quire/delta.json {since_seq, seq, deleted}; default: everything); at_checksum and since_checksum (the checksums as they went with at_seq and since_seq: 16 to 64 hex digits; the log there must be the one that the caller knows); ttl (of the token, above 0, at most 366 days).
Returns: {snapshot_id, project_id, seq, checksum, since_seq, format, size, content_hash, file_count, chunk_count, created_at, manifest: [{file_path, content_hash, size, version, file_type, mode}], deleted, url, token, expires_at, cached}; content_hash is BLAKE3 of the archive, size its bytes; url is quire.public_url and the path of download_snapshot with the token, which is for this snapshot only; deleted is null unless it is a delta; since_seq is the last bundle up to the one asked for that changed a file.
A new one of somebody who can write makes a bundle of kind system, whose event is snapshot:ready; that of a viewer is not announced. Those beyond the setting snapshots_kept or older than snapshots_max_age go, unless an unexpired token names them.
Errors: 22004, 22023, 42501 no member, PT404, PT410 must_refetch: the log is another one there, because the database was set back; PT423, PT429, XX001 (of contents, in a zip; a tar.zst holds stored frames as they are, see verify_snapshot); 40001 in a REPEATABLE READ transaction, when somebody else has made it.';
COMMENT ON FUNCTION quire.read_snapshot(uuid, uuid) IS
'The archive''s bytes. Errors: 22004, 42501, PT404, PT410 it was deleted meanwhile, PT413 over 500 MiB: use read_snapshot_chunk; XX001 a part of it is missing or unreadable.';
COMMENT ON FUNCTION quire.read_snapshot_chunk(uuid, uuid, integer) IS
'A piece of the archive; all of them, in order, are the archive.
Arguments: ordinal (1 to chunk_count; every chunk but the last has 1 MiB). Errors: 22004, 42501, PT404, XX001.';
COMMENT ON FUNCTION quire.get_snapshot_manifest(uuid, uuid) IS
'What a snapshot holds.
Returns: like create_project_snapshot, without url, token, expires_at and cached; seq is that of the last bundle that changed a file. Errors: 22004, 42501, PT404.';
COMMENT ON FUNCTION quire.list_snapshots(uuid) IS
'Snapshots, newest first.
Returns: rows (snapshot_id, seq, since_seq, format, size, content_hash, file_count, chunk_count, created_by, created_at, checksum). Errors: 22004, 42501, PT404.';
COMMENT ON FUNCTION quire.delete_snapshot(uuid, uuid) IS
'Deletes a snapshot; who holds a token for it gets PT410. Whoever made it (a viewer only one that is not announced), or an owner. Errors: 22004, 42501, PT404, PT409 somebody else is using it.';
COMMENT ON FUNCTION quire.download_snapshot(text) IS
'The bytes of the one snapshot a token is for: the target of its URL. Sets response.headers (Content-Type application/zip or application/zstd, Content-Disposition, Cache-Control) for PostgREST.
Errors: 22004; 42501 this token is not valid, or not for exactly one snapshot; PT404 its maker may not read the project any more; PT410 it has expired, been revoked or been used up, or the snapshot has been deleted; PT413 over 500 MiB; XX001.';
COMMENT ON FUNCTION quire.verify_snapshot(uuid, uuid) IS
'Hashes a snapshot and every file in it again, and compares with the manifest.
Returns: {ok, snapshot_id, file_count, problem_count, problems: [{file_path?, problem, expected?, actual?}]} (the first 100). Errors: 22004, 42501, PT404.';
COMMENT ON FUNCTION quire.restore_snapshot(uuid, bytea, uuid) IS
'Makes the tree what an archive holds, as one bundle of kind import: files that are not in it are deleted; of a delta, those it names. Takes any zip (stored or deflated) or tar.zst whose entries obey the rules of paths; directories are left out. Checks the checksums it has: in an archive of quire''s a byte that changed is refused, or changes no file.
Arguments: archive; correlation_id. Returns: like commit_bundle.
Errors: 22004; 22023 not an archive, damaged, or a path, link, duplicate or kind of entry that is not allowed; 42501, PT404, PT409, PT413 more than 1,000,000 files, max_file_bytes, max_project_bytes or 2 GiB; PT423, PT429.';
COMMENT ON FUNCTION quire.plan_hydration(uuid, jsonb, bigint, text) IS
'The least work that makes a copy of the project''s files complete.
Arguments: have, an object {path: {content_hash, mode}} of what is there, or {path: content_hash} for regular files; at_seq (default: the newest); at_checksum (the checksum as it went with at_seq: 16 to 64 hex digits; the log there must be the one that the caller knows).
Returns: {seq, checksum, put: [{file_path, content | content_base64 | content_omitted, content_hash, version, file_type, mode, size, is_binary}], delete: [path], keep}; content_omitted: true beyond 32 MiB together: read_project_file_bytes has it. Errors: 22004, 22023, 42501, PT404, PT410 must_refetch: the log at at_seq is another one, XX001.';
COMMENT ON FUNCTION quire.start_session(uuid, interval, text) IS
'Everything a container needs to come up with the project''s files and follow its edits. Members only.
Arguments: ttl (of its tokens, at most 366 days); format (of the snapshot).
Returns: {PROJECT_ID, SESSION_ID, SNAPSHOT_URL, REALTIME_TOKEN, SEQ, SEQ_CHECKSUM}; the token is for project:read, events:read and this snapshot; SEQ and SEQ_CHECKSUM are the cursor to start polling from.
Errors: as create_project_snapshot.';
COMMENT ON FUNCTION quire.end_session(uuid, uuid) IS
'Revokes the tokens of a session. Whoever started it, or an owner. Errors: 22004, 42501, PT404.';

-- Events ------------------------------------------------------------------------------------------------------------

COMMENT ON FUNCTION quire.poll_events(uuid, bigint, integer, boolean, text) IS
'The events after a cursor, in seq order, one per bundle; keep the last seq as the next cursor. Gap-free: a later event never appears before an earlier one.
Arguments: after_seq (0: from the beginning); max_events (1 to 1000; a page with more than 32 MiB of content ends early); with_content; after_checksum (the checksum as it went with after_seq: 16 to 64 hex digits; the log there must be the one that the caller knows).
Returns: rows (seq, event, payload, committed_at, checksum); event is file:update, file:delete, entity:update, asset:update, bulk:apply or snapshot:ready; content of binary files is in content_base64; content_omitted: true says that it was too large, or, with content_unavailable, that it is archived or collected; from_peer names the peer that the bundle came from, if it did; checksum is the first 16 hex digits of the bundle''s.
Errors: 22004, 22023, PT404, PT410 must_refetch: the cursor is ahead of the log, or of another log, because the database was set back; fetch the project again and go on from its seq.';
COMMENT ON FUNCTION quire.open_channel(uuid, interval) IS
'Opens the project''s private NOTIFY channel and tells its name, which cannot be guessed. While somebody holds it open, every bundle is sent there as {event, seq, checksum, timestamp, payload} with the payload of poll_events; content that does not fit into 7,900 bytes is left out (content_omitted). It is a wake-up: poll_events has what was missed. Readers, and tokens with events:read.
The name changes when a member is removed, a token is revoked, a token with which it was opened expires, the project becomes private, rotate_channel is called, and every day; the last message of a name is {"event":"channel:closed"}, at the latest with the next bundle.
Arguments: lease (1 second to 1 hour: how long to hold it open). Returns: the channel for LISTEN, in double quotes.
Errors: 22004, 22023, 42501, PT404.';
COMMENT ON FUNCTION quire.keep_channel(uuid, text, interval) IS
'Holds the private channel open for longer.
Arguments: channel (as open_channel told it); lease (1 second to 1 hour). Returns: until when it is open.
Errors: 22004, 22023, 42501, PT404, PT410 the channel has another name now: open it again.';
COMMENT ON FUNCTION quire.rotate_channel(uuid) IS
'Gives the private channel another name. Owners only. Errors: 22004, 42501, PT404.';
COMMENT ON FUNCTION quire.create_subscription(uuid, text, jsonb, bigint, text) IS
'Starts a durable subscription of the caller''s. Members only, also in a public project.
Arguments: name (unique in the project, 1 to 255 characters); filter {"paths": [glob, ...], "events": [name, ...]} (absent: everything; in globs * and ? stay inside a segment, ** crosses them); after_seq (default 0: from the beginning); after_checksum as for poll_events. The subscription keeps the checksum of its cursor itself.
Errors: 22004, 22023, 42501 not a member, PT404, PT409 the name is taken, PT410 as poll_events.';
COMMENT ON FUNCTION quire.poll_subscription(uuid, text, integer, interval, bigint, text) IS
'Hands out the next matching events and leases them: until they are acknowledged or the lease ends, further polls get nothing; after it they are handed out again.
Arguments: max_events (1 to 1000); lease (0 seconds to 1 day); after_seq and after_checksum (the event that the caller has come to, which is checked, and moves nothing).
Returns: rows like poll_events; of a bulk:apply only the matching files. Errors: 22004, 22023, PT404, PT410 must_refetch: the log is not the one that was handed out; common_seq, if it is there, is up to where it is. Drop the subscription then, and create it again.';
COMMENT ON FUNCTION quire.ack_subscription(uuid, text, bigint, text) IS
'Acknowledges everything up to a seq: it is never handed out again. When that moves the cursor the lease ends, and what is left is handed out again.
Arguments: seq; checksum (of the event with this seq, as poll_subscription gave it). Returns: the cursor. Errors: 22004, 22023 beyond what was handed out, PT404, PT410 as poll_subscription.';
COMMENT ON FUNCTION quire.list_subscriptions(uuid) IS
'The caller''s subscriptions; all of them for an owner.
Returns: rows (name, actor, filter, cursor_seq, behind, leased_until, created_at, cursor_checksum); behind is in bundles. Errors: 22004, PT404.';
COMMENT ON FUNCTION quire.drop_subscription(uuid, text) IS
'Ends a subscription: the caller''s of this name, or for an owner anybody''s. Errors: 22004, PT404, PT409 somebody else is using it.';

SET LOCAL search_path TO quire, pg_temp;
