-- What may be called about projects made from others: each function with its description and with who may call it.

SET LOCAL search_path TO pg_catalog, pg_temp;

COMMENT ON FUNCTION quire.create_template(uuid, text, bigint) IS
'Makes a template of a project: a new private project of kind template, owned by the caller. It gets the files,
entities, assets and documents of main as they were at a seq, the settings and the schemas. Owners and editors change a
template like any project; archive_project makes it immutable and update_project makes it public.

Who: readers.
Token: none.
Arguments:
- project_uuid: the project to copy.
- name: the name of the template, 1 to 255 characters.
- at_seq: the state to copy. By default it is the newest.
Returns: the id of the new project. The details of its first bundle, of kind import, are {from_project, from_seq}.
  There is no bundle when there was nothing to copy.
Errors:
- 22004: project_uuid or name is NULL.
- 22023: the name is not allowed, or at_seq is not a seq of the project.
- 42501: nobody is signed in, or the caller uses a token.
- PT404: the project does not exist, or the caller may not know of it.
- PT410: content of that seq is collected, or content of a file is archived.
- PT413: a file or an asset is larger than the settings allow now, or there are more than max_files or
  max_project_bytes.
- XX001: what is stored is corrupt.';
GRANT EXECUTE ON FUNCTION quire.create_template(uuid, text, bigint) TO quire_user;
ALTER FUNCTION quire.create_template(uuid, text, bigint) SET plan_cache_mode = force_generic_plan;

COMMENT ON FUNCTION quire.create_project_from_template(uuid, text) IS
'Makes a new private project of kind workspace with what a template holds now, its settings and its schemas. The caller
owns the new project.

Who: readers.
Token: none.
Arguments:
- template_id: a project of kind template.
- name: the name of the new project, 1 to 255 characters.
Returns: the id of the new project. The details of its first bundle are those of create_template.
Errors:
- 22004: an argument is NULL.
- 22023: the project is not a template, or the name is not allowed.
- 42501: nobody is signed in, or the caller uses a token.
- PT404: the template does not exist, or the caller may not know of it.
- PT410: content is collected, or content of a file is archived.
- PT413: a file or an asset is larger than the settings allow now, or there are more than max_files or
  max_project_bytes.
- XX001: what is stored is corrupt.';
GRANT EXECUTE ON FUNCTION quire.create_project_from_template(uuid, text) TO quire_user;
ALTER FUNCTION quire.create_project_from_template(uuid, text) SET plan_cache_mode = force_generic_plan;

COMMENT ON FUNCTION quire.clone_project(uuid, text) IS
'Makes a new private project of the same kind with the current files, entities, assets and documents of main, the
settings and the schemas. The caller owns the clone. It has no history but that of documents, and no members, tags,
tokens, subscriptions or snapshots. An asset whose content is archived arrives archived.

Who: readers.
Token: none.
Arguments:
- project_uuid: the project to copy.
- name: the name of the clone, 1 to 255 characters.
Returns: the id of the new project. The details of its first bundle are those of create_template.
Errors:
- 22004: an argument is NULL.
- 22023: the name is not allowed.
- 42501: nobody is signed in, or the caller uses a token.
- PT404: the project does not exist, or the caller may not know of it.
- PT410: content is collected, or content of a file is archived.
- PT413: a file or an asset is larger than the settings allow now, or there are more than max_files or
  max_project_bytes.
- XX001: what is stored is corrupt.';
GRANT EXECUTE ON FUNCTION quire.clone_project(uuid, text) TO quire_user;
ALTER FUNCTION quire.clone_project(uuid, text) SET plan_cache_mode = force_generic_plan;

COMMENT ON FUNCTION quire.import_from_library(uuid, uuid, text[], jsonb, uuid, text[]) IS
'Copies files, entities and assets of a library into a project, as one bundle of kind import. What the project has
already becomes what it is in the library: a file gets a new version, and fields that the entity of the library does
not have are cleared. undo takes the import back.

Who: editors.
Token: none.
Arguments:
- project_uuid: the project to copy into.
- library_uuid: a project of kind library that the caller may read.
- paths: files, or directories with everything below them. An empty path is all files of the library. The array may be
  empty.
- entities: an array of {entity_type, entity_id}.
- correlation_id: an id that the caller chooses for the request. The same id again returns the first answer and
  changes nothing. NULL: none.
- assets: content hashes of assets. An asset whose content is archived arrives archived.
Returns: the receipt, as commit_bundle returns it. The details of the bundle are {from_project, from_seq}.
Errors:
- 22004: a required argument is NULL.
- 22023: nothing is asked for, an argument has a wrong form, the source is not a library, or it is the project itself.
- 42501: the caller may not write the project, or uses a token.
- PT404: the project or the library does not exist or is hidden from the caller, or the library lacks a path, an
  entity or an asset.
- PT409 path_conflict: a path would be a file and a directory.
- PT409 correlation_reused: the correlation_id belongs to another request.
- PT410: content that is copied was collected meanwhile.
- PT413: a file is larger than max_file_bytes, an asset is larger than that and max_asset_bytes, or there are more
  than max_files, max_project_bytes or quire.max_bundle_ops.
- PT422 bound: a file would be no text, and is bound to a document (bind_doc_to_file).
- PT422 invariant_failed: a document that a file is bound to would not satisfy a schema.
- PT423: the project is archived.
- PT429: the caller writes faster than the setting rate_limit allows.
- XX001: what is stored is corrupt.';
GRANT EXECUTE ON FUNCTION quire.import_from_library(uuid, uuid, text[], jsonb, uuid, text[]) TO quire_user;
ALTER FUNCTION quire.import_from_library(uuid, uuid, text[], jsonb, uuid, text[]) SET plan_cache_mode = force_generic_plan;

COMMENT ON FUNCTION quire.export_project(uuid) IS
'Packs everything that a project is and was into a zip archive that can be read without quire; its README.txt explains
it. The archive has the current files, every content by its BLAKE3, and as JSON Lines bundles, operations, versions,
entities, assets, conflicts, tags, members, and the contents that are archived, collected or in quarantine and
therefore missing. An operation that does not match its checksum is in the archive as it is stored, and
history/damaged names it; import_project refuses such an archive. Tokens, keys, receipts, subscriptions and snapshots
are not in it. The same state gives the same bytes.

Who: owners.
Token: none.
Arguments:
- project_uuid: the project.
Returns: the archive. The server makes it in memory. Printed as hex digits, as psql does, up to 500 MiB can be sent.
Errors:
- 22004: project_uuid is NULL.
- 42501: the caller is not an owner of the project.
- PT404: the project does not exist, or the caller may not know of it.
- PT413: the archive is larger than one value can be (1 GiB).
- XX001: what is stored is corrupt.';
GRANT EXECUTE ON FUNCTION quire.export_project(uuid) TO quire_user;
ALTER FUNCTION quire.export_project(uuid) SET plan_cache_mode = force_generic_plan;

COMMENT ON FUNCTION quire.import_project(bytea, text) IS
'Makes a new private project from an archive of export_project, with its past. The caller owns it. Bundle n of the
archive becomes bundle n of the project: of kind import, by the caller, with the same operations and message.
details.imported of a bundle has what it was: {project_id, seq, bundle_id, kind, actor, author, committed_at,
base_seq, correlation_id, checksum, details}. Kind, settings and tags come along; members and conflicts do not.
Content that the archive lists as archived or collected is so in the project, too (PT410 to read it). The limits of
the settings hold from then on. Every content, operation and bundle is verified against its checksum before anything
is written.

Who: actors.
Token: none.
Arguments:
- archive: the archive.
- name: the name of the new project. By default it is the name in the archive.
Returns: the id of the new project.
Errors:
- 22004: archive is NULL.
- 22023: the archive is not an export, is damaged, or has a path, link, name or setting that is not allowed.
- 42501: nobody is signed in, or the caller uses a token.
- PT413: the archive has more than 1,000,000 files, 512 MiB in a file, 4 GiB in all, 1,000,000 bundles, 1,000,000
  operations, 512 MiB of history, 100,000 tags or 8,000,000 JSON values in a line.
- PT422: the archive contradicts itself, or lacks the content of a symlink that ever was.';
GRANT EXECUTE ON FUNCTION quire.import_project(bytea, text) TO quire_user;
ALTER FUNCTION quire.import_project(bytea, text) SET plan_cache_mode = force_generic_plan;

SET LOCAL search_path TO quire, pg_temp;
