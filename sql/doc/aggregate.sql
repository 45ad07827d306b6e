-- The aggregate over documents, which pgrx does not declare. The state are the documents themselves; they are merged at the end, at once.

SET LOCAL search_path TO pg_catalog, pg_temp;

CREATE AGGREGATE quire.automerge_merge_agg(doc bytea) (
    SFUNC = array_append,
    STYPE = bytea[],
    FINALFUNC = quire_store.merge_docs,
    COMBINEFUNC = array_cat,
    PARALLEL = SAFE
);

SET LOCAL search_path TO quire, pg_temp;
