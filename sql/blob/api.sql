-- Grants about content.

SET LOCAL search_path TO pg_catalog, pg_temp;

-- What the views touch on behalf of their reader: see install/policy.sql.
GRANT SELECT ON quire_store.blob, quire_store.blob_chunk TO quire_user;
GRANT EXECUTE ON FUNCTION
    quire_store.blob_text(uuid, bytea, smallint, bigint, timestamp with time zone, text, smallint, integer, bytea),
    quire_store.missing_text(bytea), quire_store.gone_text(bytea, smallint, bigint, timestamp with time zone, text),
    quire_store.chunked_text(uuid, bytea, bigint),
    quire_store.decode_text(smallint, bigint, bytea, bytea),
    quire_store.decode_text_chunks(smallint[], bigint[], bytea[], bigint, bytea) TO quire_user;

SET LOCAL search_path TO quire, pg_temp;
