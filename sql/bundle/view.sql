-- Views of the log. They run with the caller's rights, as those of files do (file/view.sql), and none is updatable.

SET LOCAL search_path TO pg_catalog, pg_temp;

CREATE VIEW quire.bundles WITH (security_invoker = true) AS
SELECT b.project_id,
       b.seq,
       b.kind,
       b.actor_id AS actor,
       b.message,
       b.op_count,
       pg_catalog.encode(b.checksum, 'hex') AS checksum,
       b.committed_at,
       b.bundle_id,
       pg_catalog.encode(b.prev_checksum, 'hex') AS prev_checksum,
       b.correlation_id,
       b.base_seq,
       b.undoes_seq,
       b.details
FROM quire_store.bundle b CROSS JOIN (SELECT 1) AS not_updatable
WHERE (SELECT quire_store.flushed());
COMMENT ON VIEW quire.bundles IS
'The log of the projects that the caller may read: one row for each bundle.';
COMMENT ON COLUMN quire.bundles.project_id IS 'The project.';
COMMENT ON COLUMN quire.bundles.seq IS 'The number of the bundle: 1, 2, 3, ... in the project, without gaps and in the order of commits.';
COMMENT ON COLUMN quire.bundles.kind IS 'What made it: user_edit, job_output, import, merge_resolution, undo, redo, rollback or system.';
COMMENT ON COLUMN quire.bundles.actor IS 'The actor who committed it. Of a bundle from a peer, the author that the peer named.';
COMMENT ON COLUMN quire.bundles.message IS 'What its author said of it, or NULL.';
COMMENT ON COLUMN quire.bundles.op_count IS 'The number of its operations.';
COMMENT ON COLUMN quire.bundles.checksum IS 'BLAKE3 of prev_checksum, the header of the bundle and the checksums of its operations, 64 hex digits.';
COMMENT ON COLUMN quire.bundles.committed_at IS 'When it was committed: never before an earlier bundle of the project.';
COMMENT ON COLUMN quire.bundles.bundle_id IS 'The id of the bundle, which it keeps in other databases.';
COMMENT ON COLUMN quire.bundles.prev_checksum IS 'The checksum of the bundle before it; 64 zeros for the first.';
COMMENT ON COLUMN quire.bundles.correlation_id IS 'The id that the caller gave the request, or NULL.';
COMMENT ON COLUMN quire.bundles.base_seq IS 'The seq that its author had seen, or NULL.';
COMMENT ON COLUMN quire.bundles.undoes_seq IS 'The bundle that this one takes back, or NULL.';
COMMENT ON COLUMN quire.bundles.details IS 'What else is known of it as JSON, such as where an import comes from, or NULL.';

-- Every operation. What a domain logs, a view of that domain shows, with these columns; flushed() is asked in each.
CREATE VIEW quire.oplog WITH (security_invoker = true) AS
SELECT project_id, seq, ordinal, op, target, actor, before, after, checksum, committed_at, entity FROM quire_store.file_oplog
UNION ALL
SELECT project_id, seq, ordinal, op, target, actor, before, after, checksum, committed_at, entity FROM quire_store.entity_oplog
UNION ALL
SELECT project_id, seq, ordinal, op, target, actor, before, after, checksum, committed_at, entity FROM quire_store.asset_oplog
UNION ALL
SELECT project_id, seq, ordinal, op, target, actor, before, after, checksum, committed_at, entity FROM quire_store.doc_oplog
UNION ALL
SELECT project_id, seq, ordinal, op, target, actor, before, after, checksum, committed_at, entity FROM quire_store.branch_oplog
UNION ALL
SELECT project_id, seq, ordinal, op, target, actor, before, after, checksum, committed_at, entity FROM quire_store.snapshot_oplog;
COMMENT ON VIEW quire.oplog IS
'Every operation of the projects that the caller may read.';
COMMENT ON COLUMN quire.oplog.project_id IS 'The project.';
COMMENT ON COLUMN quire.oplog.seq IS 'The bundle that the operation belongs to.';
COMMENT ON COLUMN quire.oplog.ordinal IS 'The place of the operation in its bundle, from 1.';
COMMENT ON COLUMN quire.oplog.op IS 'The kind of operation: file.put, file.delete, file.move, field.set, field.unset, entity.delete, asset.put, asset.delete, doc.change, doc.delete, branch.create, branch.update or snapshot.ready.';
COMMENT ON COLUMN quire.oplog.target IS 'What it changed: a path, entity_type/entity_id/field, entity_type/entity_id, the hash of an asset, the name of a document (branch/name where the branch is not main), the name of a branch, or the id of a snapshot.';
COMMENT ON COLUMN quire.oplog.actor IS 'The actor who committed the bundle.';
COMMENT ON COLUMN quire.oplog.before IS 'The state of the target before, as JSON. NULL when there was none. Of a deleted entity with more than 64 MiB of fields it has fields_omitted: true. Of a document it has the heads, and the branch if that is not main; NULL where nobody had written it on the branch.';
COMMENT ON COLUMN quire.oplog.after IS 'The state of the target after, as JSON. NULL when there is none. Of a document it has the heads, how many changes came, and the branch if that is not main.';
COMMENT ON COLUMN quire.oplog.checksum IS 'BLAKE3 of the canonical JSON (RFC 8785) of the operation, 64 hex digits.';
COMMENT ON COLUMN quire.oplog.committed_at IS 'When the bundle was committed.';
COMMENT ON COLUMN quire.oplog.entity IS 'The entity of an operation on fields, as {entity_type, entity_id, field?}. NULL for other operations.';

SET LOCAL search_path TO quire, pg_temp;
