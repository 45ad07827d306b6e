-- What may be called about projects made from others: each function with its description and with who may call it.

SET LOCAL search_path TO pg_catalog, pg_temp;

COMMENT ON FUNCTION quire.create_template(uuid, text, bigint) IS
'Makes a template of a project: a new private project of kind template, owned by the caller, with the files, entities and assets as they were at a seq, and the settings. For whoever may read the project. A template is changed by its owners and editors like any project; archive_project makes it immutable, update_project public.
Arguments: name (1 to 255 characters); at_seq (default: the newest).
Returns: the new project''s id. Its first bundle, of kind import, says {from_project, from_seq} in details; there is none when there was nothing to copy.
Errors: 22004, 22023, 42501 also for a token and when nobody is signed in, PT404, PT410 content of that seq is collected, or archived and a file''s; PT413 a file or an asset is larger than the settings now allow, or more than max_files or max_project_bytes; XX001.';
GRANT EXECUTE ON FUNCTION quire.create_template(uuid, text, bigint) TO quire_user;
ALTER FUNCTION quire.create_template(uuid, text, bigint) SET plan_cache_mode = force_generic_plan;

COMMENT ON FUNCTION quire.create_project_from_template(uuid, text) IS
'Makes a new private project of kind workspace, owned by the caller, with what a template holds now, and its settings. For whoever may read the template.
Arguments: template (a project of kind template); name. Returns: the new project''s id; details as in create_template.
Errors: as create_template, and 22023 the project is not a template.';
GRANT EXECUTE ON FUNCTION quire.create_project_from_template(uuid, text) TO quire_user;
ALTER FUNCTION quire.create_project_from_template(uuid, text) SET plan_cache_mode = force_generic_plan;

COMMENT ON FUNCTION quire.clone_project(uuid, text) IS
'Makes a new private project of the same kind, owned by the caller, with the current files, entities and assets and the settings; an asset whose content is archived arrives archived; without history, members, tags, tokens, subscriptions and snapshots. For whoever may read the project.
Arguments: name. Returns: the new project''s id; details as in create_template. Errors: as create_template.';
GRANT EXECUTE ON FUNCTION quire.clone_project(uuid, text) TO quire_user;
ALTER FUNCTION quire.clone_project(uuid, text) SET plan_cache_mode = force_generic_plan;

COMMENT ON FUNCTION quire.import_from_library(uuid, uuid, text[], jsonb, uuid, text[]) IS
'Copies files, entities and assets of a library into a project, as one bundle of kind import. What is there already becomes what it is in the library: a new version of a file; fields that the library''s entity does not have are cleared. undo takes it back.
Arguments: library_uuid (a project of kind library that the caller may read); paths (files, or directories with everything below; an empty one is all files of the library; may be an empty array); entities (an array of {entity_type, entity_id}); correlation_id; assets (content hashes; one whose content is archived arrives archived).
Returns: like commit_bundle; details of the bundle say {from_project, from_seq}.
Errors: 22004, 22023 nothing is asked for, not a library, or the project itself; 42501 also for a token; PT404 also for a path, an entity or an asset that the library does not have; PT409 path_conflict, correlation_reused; PT413 a file is larger than max_file_bytes, an asset than that and max_asset_bytes, more than max_files, max_project_bytes or quire.max_bundle_ops; PT423, PT429, XX001.';
GRANT EXECUTE ON FUNCTION quire.import_from_library(uuid, uuid, text[], jsonb, uuid, text[]) TO quire_user;
ALTER FUNCTION quire.import_from_library(uuid, uuid, text[], jsonb, uuid, text[]) SET plan_cache_mode = force_generic_plan;

COMMENT ON FUNCTION quire.export_project(uuid) IS
'Everything that the project is and was, as a zip archive that can be read without quire; its README.txt explains it: current files, every content of files and assets by its BLAKE3, and as JSON Lines bundles, operations, versions, entities, assets, conflicts, tags, members, and the contents that are archived, collected or in quarantine and therefore not in it. An operation that does not match its checksum is in it as it is stored, and history/damaged says so; import_project refuses such an archive. No tokens, keys, receipts, subscriptions or snapshots. The same state gives the same bytes. Owners only.
Returns: the archive. It is made in memory; printed as hex digits, as psql does, up to 500 MiB can be sent.
Errors: 22004, 42501, PT404, PT413 larger than one value can be (1 GiB), XX001 stored data is corrupt.';
GRANT EXECUTE ON FUNCTION quire.export_project(uuid) TO quire_user;
ALTER FUNCTION quire.export_project(uuid) SET plan_cache_mode = force_generic_plan;

COMMENT ON FUNCTION quire.import_project(bytea, text) IS
'Makes a new private project, owned by the caller, from an archive of export_project, with its past: bundle n of the archive becomes bundle n of the project, of kind import, by the caller, with the same operations and message; details.imported says what it was: {project_id, seq, bundle_id, kind, actor, author, committed_at, base_seq, correlation_id, checksum, details}. Kind, settings and tags come along; members and conflicts do not. Content that the archive says is archived or collected is so in the project, too (PT410 to read it). Limits of the settings hold from then on.
Every content, operation and bundle is verified against its checksum before anything is written.
Arguments: archive; name (default: as in the archive). Returns: the new project''s id.
Errors: 22004; 22023 not an export, damaged, or a path, link, name or setting that is not allowed; 42501 also for a token and when nobody is signed in; PT413 more than 1,000,000 files, 512 MiB each, 4 GiB together, 1,000,000 bundles, 1,000,000 operations, 512 MiB of history, 100,000 tags or 8,000,000 JSON values in a line; PT422 the archive contradicts itself, or lacks the content of a symlink that ever was.';
GRANT EXECUTE ON FUNCTION quire.import_project(bytea, text) TO quire_user;
ALTER FUNCTION quire.import_project(bytea, text) SET plan_cache_mode = force_generic_plan;

SET LOCAL search_path TO quire, pg_temp;
