-- What may be called about jobs: each function with its description and with who may call it.

SET LOCAL search_path TO pg_catalog, pg_temp;

COMMENT ON FUNCTION quire.begin_job(uuid, text, interval) IS
'Begins a job. Operations are added over time, and finish_job commits them as one bundle. Until then nobody sees any
of them.

Who: editors.
Token: none.
Arguments:
- project_uuid: the project.
- name: what the job is, 1 to 255 characters. Several jobs may have the same name.
- lease: how long the job lives without a heartbeat, 1 second to 1 day.
Returns: the id of the job.
Errors:
- 22004: an argument is NULL.
- 22023: the name is not allowed, or lease is out of range.
- 42501: the caller may not write the project, or uses a token.
- PT404: the project does not exist, or the caller may not know of it.
- PT423: the project is archived.';
GRANT EXECUTE ON FUNCTION quire.begin_job(uuid, text, interval) TO quire_user;

COMMENT ON FUNCTION quire.append_job_ops(uuid, uuid, jsonb) IS
'Adds operations at the end of a job. Their form is checked now; what they meet in the project is checked when the job is
finished. The call waits for nobody but callers who work on the same job. It is not idempotent: after a lost answer,
op_count in list_jobs says whether the operations were added.

Who: makers and owners.
Token: none.
Arguments:
- project_uuid: the project.
- job_id: the job. The caller has begun it, or is an owner.
- ops: operations, as for commit_bundle.
Returns: the number of operations that the job has now.
Errors:
- 22004: an argument is NULL.
- 22023: an operation has a wrong form.
- 42501: the caller may not write the project, or has not begun the job and is not an owner.
- PT404: the project does not exist, the caller may not know of it, or it has no such job.
- PT409 job_ended: the job has ended.
- PT410: the lease of the job is over.
- PT413: the job has more than quire.max_bundle_ops operations or 1 GiB, or a file is larger than max_file_bytes.
- PT423: the project is archived.';
GRANT EXECUTE ON FUNCTION quire.append_job_ops(uuid, uuid, jsonb) TO quire_user;

COMMENT ON FUNCTION quire.heartbeat_job(uuid, uuid, interval) IS
'Extends the lease of a job. It never shortens a lease, and it revives no job whose lease is over.

Who: makers and owners.
Token: none.
Arguments:
- project_uuid: the project.
- job_id: the job. The caller has begun it, or is an owner.
- lease: how long the job lives from now on, 1 second to 1 day.
Returns: the time until which the job lives.
Errors:
- 22004: an argument is NULL.
- 22023: lease is out of range.
- 42501: the caller may not write the project, or has not begun the job and is not an owner.
- PT404: the project does not exist, the caller may not know of it, or it has no such job.
- PT409 job_ended: the job has ended.
- PT410: the lease of the job is over.';
GRANT EXECUTE ON FUNCTION quire.heartbeat_job(uuid, uuid, interval) TO quire_user;

COMMENT ON FUNCTION quire.finish_job(uuid, uuid, text, bigint, text, text) IS
'Commits the operations of a job, in their order, as one bundle of kind job_output by the caller, and ends the job. A
second call returns the same receipt and changes nothing. When the bundle is refused the job stays as it was.

Who: makers and owners.
Token: none.
Arguments:
- project_uuid: the project.
- job_id: the job. The caller has begun it, or is an owner.
- message: the message of the bundle. By default it is the name of the job.
- base_seq: what the job had seen, as for commit_bundle. began_seq of list_jobs is the seq of the project when the
  job began. By default the last write wins.
- on_conflict: reject, record or skip, as for commit_bundle.
- base_checksum: the checksum that went with base_seq, such as began_checksum of list_jobs.
Returns: the receipt, as commit_bundle returns it, with job_id and without advice. bundle_id is null when the job
  has no operations or nothing changed.
Errors:
- 22004: project_uuid, job_id or on_conflict is NULL.
- 22023: an argument or an operation is not allowed.
- 42501: the caller may not write the project, or has not begun the job and is not an owner.
- PT404: the project does not exist, the caller may not know of it, it has no such job, or an operation names a file,
  an asset or content that does not exist.
- PT409 job_ended: the job was cancelled.
- PT409 stale_version: a file is not at its expected_version.
- PT409 path_conflict: a path would be a file and a directory.
- PT409 destination_exists: a file has the path that another is moved to.
- PT409 base_changed: a path changed after base_seq.
- PT409 field_conflict: a field is in conflict.
- PT409 bound: a file and the text that it is bound to (bind_doc_to_file) would be different ones.
- PT409 must_refetch: the log at base_seq is another one, because the database was set back to a backup.
- PT410: the lease of the job is over, or content that is named by its hash is archived or collected.
- PT413: a limit of the settings is exceeded, or the message is too long.
- PT422 bound: a file or a text of a document would be none, and is bound to the other (bind_doc_to_file).
- PT422 invariant_failed: a document would not satisfy a schema that it is bound to. DETAIL has doc, branch, schema and
  path.
- PT423: the project is archived.
- PT429: the caller writes faster than the setting rate_limit allows.';
GRANT EXECUTE ON FUNCTION quire.finish_job(uuid, uuid, text, bigint, text, text) TO quire_user;

COMMENT ON FUNCTION quire.cancel_job(uuid, uuid, text) IS
'Ends a job without a bundle and drops its operations. The lease of the job may be over.

Who: makers and owners.
Token: none.
Arguments:
- project_uuid: the project.
- job_id: the job. The caller has begun it, or is an owner.
- reason: why, such as the error that it met, at most 64 KiB. list_jobs shows it.
Returns: nothing.
Errors:
- 22004: an argument is NULL.
- 42501: the caller may not write the project, or has not begun the job and is not an owner.
- PT404: the project does not exist, the caller may not know of it, or it has no such job.
- PT409 job_ended: the job has ended.
- PT413: reason is too long.';
GRANT EXECUTE ON FUNCTION quire.cancel_job(uuid, uuid, text) TO quire_user;

COMMENT ON FUNCTION quire.list_jobs(uuid, boolean) IS
'Lists the jobs that nobody has ended, the newest first.

Who: members.
Token: none.
Arguments:
- project_uuid: the project.
- include_ended: true lists finished and cancelled jobs, too.
Returns: rows.
- job_id: the id of the job.
- name: its name.
- status: running, expired (its lease is over; it can only be cancelled), finished or cancelled.
- actor: the actor who began it.
- display_name: what the actor is called.
- began_seq: the seq of the project when the job began.
- began_at: when it began.
- leased_until: when its lease ends.
- ended_at: when it ended, or NULL.
- op_count: the number of operations that were added.
- op_bytes: their size in bytes.
- context: the operations, as {counts: {op: n}, first: [{op, target}]} with the first 20 without content. It stays
  when the operations are gone.
- reason: why it was cancelled, or NULL.
- seq: the bundle that it made, or NULL.
- bundle_id: the id of that bundle, or NULL.
- began_checksum: the checksum of the bundle at began_seq.
Errors:
- 22004: an argument is NULL.
- 42501: the caller is not a member of the project.
- PT404: the project does not exist, or the caller may not know of it.';
GRANT EXECUTE ON FUNCTION quire.list_jobs(uuid, boolean) TO quire_user;

SET LOCAL search_path TO quire, pg_temp;
