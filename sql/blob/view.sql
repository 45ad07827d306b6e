-- Content as text, for views.

SET LOCAL search_path TO pg_catalog, pg_temp;

-- Text of a blob that is stored in chunks. Apart from blob_text, because PostgreSQL does not inline a function with a
-- sub-query. Neither takes the row as a whole, which a distributed PostgreSQL hands to no function.
CREATE FUNCTION quire_store.chunked_text(project_id uuid, hash bytea, size bigint) RETURNS text
STABLE PARALLEL SAFE LANGUAGE sql
RETURN (SELECT quire_store.decode_text_chunks(pg_catalog.array_agg(c.codec ORDER BY c.ordinal),
                   pg_catalog.array_agg(c.size ORDER BY c.ordinal),
                   pg_catalog.array_agg(c.bytes ORDER BY c.ordinal), $3, $2)
        FROM quire_store.blob_chunk c WHERE c.project_id = $1 AND c.hash = $2);

-- Text of a blob, NULL when there is no row. Raises XX001 when length or hash are wrong, PT410 when it is not present.
CREATE FUNCTION quire_store.blob_text(project_id uuid, hash bytea, state smallint, size bigint, state_at timestamptz,
    state_reason text, codec smallint, chunk_count integer, bytes bytea) RETURNS text
STABLE PARALLEL SAFE LANGUAGE sql
RETURN CASE WHEN hash IS NULL THEN NULL
       WHEN state <> 0 THEN quire_store.gone_text(hash, state, size, state_at, state_reason)
       WHEN chunk_count = 0 THEN quire_store.decode_text(codec, size, hash, bytes)
       ELSE quire_store.chunked_text(project_id, hash, size) END;

SET LOCAL search_path TO quire, pg_temp;
