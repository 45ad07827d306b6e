-- What may be called about peers: each function with its description and with who may call it.

SET LOCAL search_path TO pg_catalog, pg_temp;

COMMENT ON FUNCTION quire.sync_pull(uuid, text, integer, bigint, text) IS
'The next whole bundles for another database that holds the same project, after what it has acknowledged. Each is checked before it goes out; what is corrupt here is recorded in quarantine and the answer ends before it. Owners only.
Arguments: peer (a name for the other database, 1 to 255 characters); max_ops (1 to 1000000: so many operations together, but always one bundle; at most 32 MiB of operations and contents); after_seq (default: from the acknowledged seq on, without the peer''s own bundles; given: from there on, all of them, such as to mend the peer); after_checksum (the checksum as it went with after_seq: 16 to 64 hex digits; the log there must be the one that the peer knows).
Returns: {project_id, peer, after, after_checksum, checkpoint, checkpoint_checksum, has_more, bundles: [{seq, log: {seq, checksum, after_seq, after_checksum, passed: [[seq, checksum]]}, header, prev_checksum, checksum, display_name, undoes_bundle_id, undoes_made_as, ops: [{op, base, ...}], contents: [{content_hash, content_base64}]}], corrupt}; checkpoint is the seq to hand to sync_push and sync_ack; log says where a bundle stands in the log here, after what of it it is to be applied, and what of it does not travel; corrupt is null or what was found.
Errors: 22004, 22023, 42501, PT404, PT409 must_refetch: the log here is not the one that the peer has followed, because one of the two was set back (common_seq, if it is there, is what the peer has acknowledged; see sync_reset); PT413 a bundle that has more than 240 MiB with its contents.';
GRANT EXECUTE ON FUNCTION quire.sync_pull(uuid, text, integer, bigint, text) TO quire_user;
ALTER FUNCTION quire.sync_pull(uuid, text, integer, bigint, text) SET plan_cache_mode = force_generic_plan;

COMMENT ON FUNCTION quire.sync_ack(uuid, text, bigint, text) IS
'Notes that a peer has everything up to a seq; never goes back. Owners only.
Arguments: seq (the checkpoint of the sync_pull that was applied there, or the one of sync_status there if that is less); checksum (as it went with that seq). Returns: what is acknowledged now. Errors: 22004, 22023, 42501, PT404, PT409 as sync_pull.';
GRANT EXECUTE ON FUNCTION quire.sync_ack(uuid, text, bigint, text) TO quire_user;

COMMENT ON FUNCTION quire.sync_push(uuid, text, bigint, jsonb, text, bigint, text) IS
'Applies bundles of a peer, in order, in this transaction: all of a checkpoint shows or nothing. A path or field becomes what the latest write says. The bundles keep their authors, who are the peers word: readers see from_peer. Owners only.
Arguments: checkpoint, bundles, checkpoint_checksum and, as after_seq and after_checksum, after and after_checksum of the peer''s sync_pull. Without after_seq a page without bundles does not move the checkpoint.
Returns: rows (bundle_id, seq, status, reasons); seq is its seq here; status is applied, duplicate (known already; reasons tell what was corrupt here and is mended from the copy), conflict (applied; reasons tell what both sides changed, fields are in list_conflicts) or quarantined (its checksums do not hold, or it comes after such a one; nothing of it is applied, and the checkpoint stays before it).
Errors: 22004, 22023 no such bundles or another project''s, 42501, PT404, PT409 must_refetch: the bundles leave out some of the peer''s that are not here, or are of another log than the one that was followed, because one of the two was set back; nothing is applied; common_seq and common_checksum are the newest place of the peer''s log that is known here (see sync_reset); PT413 more than quire.max_bundle_ops operations, or a file or the project too large; PT423.';
GRANT EXECUTE ON FUNCTION quire.sync_push(uuid, text, bigint, jsonb, text, bigint, text) TO quire_user;

COMMENT ON FUNCTION quire.sync_status(uuid, text) IS
'How far the exchange with a peer has come. Owners only.
Returns: {peer, seq, checksum, acked_seq, acked_checksum, checkpoint, checkpoint_checksum}: our newest seq, up to where the peer has ours, up to where we have the peer''s, and the checksums there; checkpoint_checksum is null when nobody has told it. Errors: 22004, 22023, 42501, PT404.';
GRANT EXECUTE ON FUNCTION quire.sync_status(uuid, text) TO quire_user;

COMMENT ON FUNCTION quire.sync_reset(uuid, text, bigint, bigint, text) IS
'Sets the exchange with a peer back, after one of the two databases was set back to an older state (PT409 must_refetch): what comes again is recognised bundle by bundle. Never goes forward. Owners only.
Arguments: acked_seq (up to where the peer has our log; NULL: as it is) and checkpoint (up to where we have the peer''s; NULL: as it is), both 0 by default: from the beginning; checkpoint_checksum (as it went with the checkpoint).
Returns: like sync_status. Errors: 22004, 22023, 42501, PT404.';
GRANT EXECUTE ON FUNCTION quire.sync_reset(uuid, text, bigint, bigint, text) TO quire_user;

SET LOCAL search_path TO quire, pg_temp;
