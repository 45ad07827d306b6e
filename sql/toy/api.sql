-- Who may read toys: what the view oplog touches on behalf of its reader (install/policy.sql).

SET LOCAL search_path TO pg_catalog, pg_temp;

GRANT SELECT ON quire_store.toy_op, quire_store.toy_oplog TO quire_user;

SET LOCAL search_path TO quire, pg_temp;
