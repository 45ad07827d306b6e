-- What may be called about jobs: each function with its description and with who may call it.

SET LOCAL search_path TO pg_catalog, pg_temp;

COMMENT ON FUNCTION quire.begin_job(uuid, text, interval) IS
'Begins a job: operations are staged over time, and complete_job commits them as one bundle. Until then nothing of them is seen.
Arguments: name (what it is, 1 to 255 characters; need not be unique); lease (1 second to 1 day: how long it lives without a heartbeat).
Returns: the job''s id. Errors: 22004, 22023, 42501, PT404, PT423.';
GRANT EXECUTE ON FUNCTION quire.begin_job(uuid, text, interval) TO quire_user;

COMMENT ON FUNCTION quire.stage_job_ops(uuid, uuid, jsonb) IS
'Adds operations at the end of a job. Their shape is checked now, what they meet when the job completes. Waits for nobody but who works on the same job.
Arguments: job; ops (as for commit_bundle). Who began the job, or an owner.
Returns: how many operations the job has now. Not idempotent: after a lost answer, op_count in list_jobs tells whether they were staged.
Errors: 22004, 22023, 42501, PT404, PT409 job_ended, PT410 its lease is over, PT413 more than quire.max_bundle_ops operations or 1 GiB in the job, a file over max_file_bytes; PT423.';
GRANT EXECUTE ON FUNCTION quire.stage_job_ops(uuid, uuid, jsonb) TO quire_user;

COMMENT ON FUNCTION quire.heartbeat_job(uuid, uuid, interval) IS
'Extends the lease of a job; never shortens it, and revives no job whose lease is over.
Arguments: job; lease (1 second to 1 day, from now). Who began the job, or an owner.
Returns: until when it lives. Errors: 22004, 22023, 42501, PT404, PT409 job_ended, PT410 its lease is over.';
GRANT EXECUTE ON FUNCTION quire.heartbeat_job(uuid, uuid, interval) TO quire_user;

COMMENT ON FUNCTION quire.complete_job(uuid, uuid, text, bigint, text, text) IS
'Commits what a job has staged, in that order, as one bundle of kind job_output by the caller, and ends it. Again, it returns the same and changes nothing. When it is refused the job stays as it was.
Arguments: job; message (of the bundle; default: the job''s name); base_seq, base_checksum and on_conflict as for commit_bundle (default: the last write wins; began_seq of list_jobs, with began_checksum, is what the job had seen at its beginning). Who began the job, or an owner.
Returns: like commit_bundle, with job_id and never with advice; bundle_id is null when nothing was staged or nothing changed.
Errors: as commit_bundle, and PT404 no such job, PT409 job_ended (it has failed), PT410 its lease is over.';
GRANT EXECUTE ON FUNCTION quire.complete_job(uuid, uuid, text, bigint, text, text) TO quire_user;

COMMENT ON FUNCTION quire.fail_job(uuid, uuid, text) IS
'Ends a job, also one whose lease is over, and drops what it has staged.
Arguments: job; error (why, at most 64 KiB, for list_jobs). Who began the job, or an owner.
Errors: 22004, 42501, PT404, PT409 job_ended, PT413.';
GRANT EXECUTE ON FUNCTION quire.fail_job(uuid, uuid, text) TO quire_user;

COMMENT ON FUNCTION quire.list_jobs(uuid, boolean) IS
'The jobs that nobody has ended, newest first. Members only.
Arguments: include_ended (default false: neither completed nor failed ones).
Returns: rows (job_id, name, status, actor, display_name, began_seq, began_at, leased_until, ended_at, op_count, op_bytes, context, error, seq, bundle_id, began_checksum); status is running, expired (its lease is over; it can only be failed), completed or failed; began_seq is where the project stood; op_count and op_bytes are what was staged, context {counts: {op: n}, first: [{op, target}]} tells of it, of the first 20 one by one without content, also when the operations are gone; seq and bundle_id are of the bundle it made.
Errors: 22004, 42501, PT404.';
GRANT EXECUTE ON FUNCTION quire.list_jobs(uuid, boolean) TO quire_user;

SET LOCAL search_path TO quire, pg_temp;
