-- What may be called to find documents by what they hold: each function with its description and with who may call it.

SET LOCAL search_path TO pg_catalog, pg_temp;

COMMENT ON FUNCTION quire.query_docs(uuid, jsonb) IS
'Returns the documents for which a condition holds: all of each or a part of it, in pages, in an order that the query
names. A condition is about the JSON that read_doc shows. The guide about documents has a table of the conditions.

Who: readers.
Token: doc:read.
Arguments:
- project_uuid: the project.
- query: an object. Each of its members may be absent.
    {branch?: text, prefix?: text, where?: condition,
     select?: [path] | object, sort?: [{path, desc?: boolean}],
     limit?: integer, after?: text, count?: boolean,
     at_seq?: integer, at_time?: timestamp, expand?: [path], depth?: integer}
  branch is main if it is absent, and every project has main. prefix restricts the names. A path is a JSON Pointer such
  as /items/0/name. The object of select gives a path for each name. sort has at most 3 paths, and the name of the
  document decides last. limit is 1 to 1000, and 100 if it is absent. after is next of the page before. With count the
  answer counts the documents of all pages. at_seq and at_time ask for the documents as they were. expand has at most 10
  paths, along which at most depth references follow each other, 1 to 5, and 1 if it is absent. A condition is one of
    {path, test?: value}, {and?: [condition]}, {or?: [condition]}, {not?: condition},
    {schema?: text}
  schema is the name of a schema of the project, which the documents satisfy, as it is now. The tests of a path are eq,
  ne, lt, le, gt, ge, in, exists, prefix and contains.
Returns: an object.
    {docs: [{doc: text, heads: [text], seq: integer, value: any}], next: text | null,
     count?: integer, missing?: [{doc: text, path?: text}], seq: integer,
     checksum: text}
- docs: the documents of the page. Their values together take at most about 32 MiB, unless it is one document.
- heads: the heads of the document, 64 hex digits each, sorted.
- seq: in docs the bundle of the last operation on the document, else the bundle at which the answer is true.
- value: the document, or what select names of it.
- next: the cursor of the next page; null if there is none. It is good for the same branch, prefix, where, sort and
  point in time.
- missing: the references of expand that lead to nothing; null replaces each.
- checksum: the first 16 digits of the checksum of the bundle at which the answer is true.
Errors:
- 22004: an argument is NULL.
- 22023: the query has a wrong form, a member that no query has, a cursor of another query, more than one point in time,
  or a seq that the project has not. DETAIL names the member.
- PT404: the project does not exist, the caller may not know of it, or there is no such branch or no such schema.
- PT413: the query has more than it may have; DETAIL names the member. Or it follows more than 1000 references, or the
  JSON of a document is larger than quire.max_doc_json_bytes allows.
- PT422: Automerge refuses a change of a document that was stored unseen. DETAIL names the document.
- XX001: what is stored of a document is corrupt.';
GRANT EXECUTE ON FUNCTION quire.query_docs(uuid, jsonb) TO quire_user, quire_guest;

COMMENT ON FUNCTION quire.explain_query(uuid, jsonb) IS
'Returns how query_docs would find documents: the SQL statements, their parameters and the plans of PostgreSQL. It runs
none of them.

Who: readers.
Token: doc:read.
Arguments:
- project_uuid: the project.
- query: the query, as query_docs takes it.
Returns: an object.
    {statements: [{finds: text, sql: text, parameters: [any], plan: json, indexes: [text]}],
     seq: integer, checksum: text}
- finds: page: the documents whose JSON is kept. count: how many of these there are. not kept: the documents whose JSON
  is read from their changes. past: the documents at a point in time. all: all documents, when the condition asks for a
  schema. query_docs itself tests those of the last three.
- sql: the statement. What the query asks is in its parameters only.
- parameters: the values of $1, $2 and so on.
- plan: what EXPLAIN (FORMAT JSON, COSTS off) says of it.
- indexes: the indexes that the plan reads.
- seq: the bundle at which the answer is true.
- checksum: the first 16 digits of the checksum of that bundle.
Errors:
- 22004: an argument is NULL.
- 22023: the query has a wrong form, a member that no query has, a cursor of another query, more than one point in time,
  or a seq that the project has not. DETAIL names the member.
- PT404: the project does not exist, the caller may not know of it, or there is no such branch or no such schema.
- PT413: the query has more than it may have; DETAIL names the member.
- XX001: what is stored of a document is corrupt.';
GRANT EXECUTE ON FUNCTION quire.explain_query(uuid, jsonb) TO quire_user, quire_guest;

SET LOCAL search_path TO quire, pg_temp;
