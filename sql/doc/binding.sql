-- What may be called about documents that are bound to files: each function with its description and with who may call it.

SET LOCAL search_path TO pg_catalog, pg_temp;

COMMENT ON FUNCTION quire.bind_doc_to_file(uuid, text, text, text, text) IS
'Makes a text of a document of main and a file one thing: who changes the text writes the next version of the file in
the same bundle, and who saves the file changes the text, by the smallest change. A token that may write one of them
changes the other by it. What is missing is made: the text, or the document, from the file, and the file from the text.
The binding follows the file when it is moved, and ends when the file or the document is deleted. Who binds again what
is bound so already changes nothing.

Who: editors.
Token: none.
Arguments:
- project_uuid: the project.
- doc: the name of the document.
- p_file_path: the path of the file.
- path: the text in the document: a key of the document, or a JSON Pointer, which begins with a slash. 1 to 1000 bytes.
  A number in it is a position in a list.
- keep: when both are there and differ, the one that stays as it is: doc or file. NULL: the one that is not empty.
Returns: an object.
    {seq: integer, bundle_id: uuid | null, checksum: text, ops: array,
     doc: text, path: text, file_path: text, is_new: boolean}
- bundle_id: the bundle that made both equal; null when they were.
- path: the text in the document, as a JSON Pointer.
- is_new: false when it was bound so already.
Errors:
- 22004: project_uuid, doc, p_file_path or path is NULL.
- 22023: a name, a path or keep has a wrong form; the file is a symlink or no text; what is at path is no text.
- 42501: the caller may not write the project, or uses a token.
- PT404: the project does not exist, or the caller may not know of it; the document is deleted; neither text nor file is
  there.
- PT409 bound: the document or the file is bound to another one, or both differ and keep does not say which stays.
- PT410: the content of the file was collected.
- PT413: the text is too long for a document or a file, or the project has 1000 bindings.
- PT422 invariant_failed: the document would not satisfy a schema that it is bound to. DETAIL has doc, branch, schema
  and path.
- PT423: the project is archived.
- PT429: the caller writes faster than the setting rate_limit allows.
- XX001: what is stored is corrupt.';
GRANT EXECUTE ON FUNCTION quire.bind_doc_to_file(uuid, text, text, text, text) TO quire_user;

COMMENT ON FUNCTION quire.unbind_doc(uuid, text) IS
'Ends the binding of a document to a file. Both stay as they are.

Who: editors.
Token: none.
Arguments:
- project_uuid: the project.
- doc: the name of the document.
Returns: nothing.
Errors:
- 22004: an argument is NULL.
- 22023: the name has a wrong form.
- 42501: the caller may not write the project, or uses a token.
- PT404: the project does not exist, the caller may not know of it, or the document is not bound.
- PT423: the project is archived.';
GRANT EXECUTE ON FUNCTION quire.unbind_doc(uuid, text) TO quire_user;

COMMENT ON FUNCTION quire.list_doc_bindings(uuid) IS
'Lists the documents of a project that are bound to files, ordered by name.

Who: readers.
Token: doc:read.
Arguments:
- project_uuid: the project.
Returns: rows.
- doc: the name of the document.
- path: the text in the document, as a JSON Pointer.
- file_path: the path of the file.
- created_by: the actor who bound it.
- display_name: what the actor is called.
- created_at: when that was.
Errors:
- 22004: project_uuid is NULL.
- PT404: the project does not exist, or the caller may not know of it.';
GRANT EXECUTE ON FUNCTION quire.list_doc_bindings(uuid) TO quire_user, quire_guest;

SET LOCAL search_path TO quire, pg_temp;
