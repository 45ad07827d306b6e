-- What may be called about schemas of documents: each function with its description and with who may call it.

SET LOCAL search_path TO pg_catalog, pg_temp;

COMMENT ON FUNCTION quire.register_schema(uuid, text, jsonb, text) IS
'Adds a JSON Schema (draft 2020-12) to a project, or puts it in the place of the one of its name. Documents whose names
match docs are bound to it: whatever leaves one of them, on any branch, so that it does not satisfy the schema is
refused. What documents hold already stays, and is looked at when it is written next. So are changes that come from a
peer, a clone or an import: somebody has accepted them elsewhere.

Who: owners.
Token: none.
Arguments:
- project_uuid: the project.
- name: the name of the schema, 1 to 255 bytes without control characters.
- schema: the schema, at most 64 KiB, 64 deep, with 2000 subschemas and 100 patterns. It is about the JSON that read_doc
  shows. $ref leads to a subschema inside of it, such as #/$defs/name; nothing is fetched. It has no $anchor and no
  $dynamicRef, and $id and $schema as a whole only. A pattern is a regular expression without look-around and
  back-references. format and contentMediaType describe, and refuse nothing.
- docs: the documents that are bound to it, as a glob of their names: * and ? stay inside of a segment, ** crosses
  segments. NULL: none; it is asked for by its name, in submit_tx and query_docs.
Returns: an object.
    {name: text, docs: text | null, is_new: boolean, looked_at: integer,
     violating: integer,
     violations: [{doc: text, branch: text, path: text, message: text}],
     is_complete: boolean}
- is_new: false when it has replaced another one.
- looked_at: how many documents that are bound to it were looked at, as they are on each branch that has written them.
- violating: how many of them do not satisfy it.
- violations: the first 20 of these. path is the JSON Pointer of what is wrong.
- is_complete: false when there are more documents than were looked at, which are 1000 at most.
Errors:
- 22004: project_uuid, name or schema is NULL.
- 22023: the schema is none of draft 2020-12, or has what no schema here may have; docs is no glob; the name has a wrong
  form. DETAIL names the argument.
- 42501: the caller is not an owner, or uses a token.
- PT404: the project does not exist, or the caller may not know of it.
- PT413: the schema is too large, or the project has 100 schemas.
- PT423: the project is archived.
- XX001: what is stored of a document is corrupt.';
GRANT EXECUTE ON FUNCTION quire.register_schema(uuid, text, jsonb, text) TO quire_user;

COMMENT ON FUNCTION quire.delete_schema(uuid, text) IS
'Deletes a schema. Documents that were bound to it may hold anything then.

Who: owners.
Token: none.
Arguments:
- project_uuid: the project.
- name: the name of the schema, 1 to 255 bytes without control characters.
Returns: nothing.
Errors:
- 22004: an argument is NULL.
- 22023: the name has a wrong form.
- 42501: the caller is not an owner, or uses a token.
- PT404: the project does not exist, the caller may not know of it, or there is no such schema.
- PT423: the project is archived.';
GRANT EXECUTE ON FUNCTION quire.delete_schema(uuid, text) TO quire_user;

COMMENT ON FUNCTION quire.list_schemas(uuid) IS
'Lists the schemas of a project, ordered by name.

Who: readers.
Token: doc:read.
Arguments:
- project_uuid: the project.
Returns: rows.
- name: the name.
- docs: the glob of the names of the documents that are bound to it, or NULL.
- schema: the schema.
- created_by: the actor who registered it last.
- display_name: what the actor is called.
- created_at: when that was.
Errors:
- 22004: project_uuid is NULL.
- PT404: the project does not exist, or the caller may not know of it.';
GRANT EXECUTE ON FUNCTION quire.list_schemas(uuid) TO quire_user, quire_guest;

SET LOCAL search_path TO quire, pg_temp;
