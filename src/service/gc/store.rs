//! SQL of garbage collection.

use crate::blob::store::{byte_array, forget_chunks};
use crate::db::clock::pg_now;
use crate::db::{self, Answer, Arg};
use crate::gate;
use crate::ids::{ActorId, Pg, ProjectId, Seq};
use quire_core::error::{Error, Result};
use quire_core::hash::Hash;

/// A round, locked.
pub struct Round {
    pub as_of_seq: Seq,
    pub terms: String,
    /// Candidates up to this one are dealt with.
    pub done: i64,
    /// Number of the last one.
    pub last: i64,
}

fn round_from_row(row: &db::Row) -> Result<Round> {
    Ok(Round {
        as_of_seq: row.get("as_of_seq")?,
        terms: row.get("terms")?,
        done: row.get("done")?,
        last: row.get("last")?,
    })
}

/// Locks the round that is going on, or one that has not begun. Who deletes the project does so before taking the head lock, as a
/// collector does: otherwise each could wait for the other. It is a row's lock, which no SQL but quire's own takes, so that a
/// statement over very many projects does not fill the table of locks.
pub fn lock_round(project: ProjectId) -> Result<Round> {
    const SQL: &str = "SELECT g.as_of_seq, g.terms, g.done, g.last FROM quire_store.gc_round g
        WHERE g.project_id = $1 FOR UPDATE";
    // Waits for whoever is doing the same.
    const MAKE: &str = "INSERT INTO quire_store.gc_round (project_id, as_of_seq, terms, done, last)
        VALUES ($1, 0, '', 0, 0) ON CONFLICT DO NOTHING";
    loop {
        db::exec(MAKE, &[project.pg().into()])?;
        // It may have ended in the meantime.
        if let Some(round) = db::write_one(SQL, &[project.pg().into()], round_from_row)? {
            return Ok(round);
        }
        pgrx::check_for_interrupts!();
    }
}

/// Tags and settings, which decide what is kept beside bundles; PT404 when the project is gone.
pub fn terms(project: ProjectId) -> Result<String> {
    const SQL: &str = "SELECT md5(concat_ws(E'\\x01', r.days, r.asset_days,
            (SELECT string_agg(t.tag || E'\\x02' || t.seq, E'\\x01' ORDER BY t.tag) FROM quire_store.project_tag t
             WHERE t.project_id = $1))) AS terms
        FROM quire_store.retention r WHERE r.project_id = $1";
    db::write_one(SQL, &[project.pg().into()], |row| row.get("terms"))?
        .ok_or_else(|| gate::no_project(project))
}

/// Looks at everything and makes a list of what nothing refers to. `as_of` and `terms` must have been read before. One aggregate,
/// because a join could be planned as a loop over a loop.
pub fn begin_round(project: ProjectId, as_of: Seq, terms: &str) -> Result<Round> {
    const FORGET: &str = "DELETE FROM quire_store.gc_candidate WHERE project_id = $1";
    const BEGIN: &str = "UPDATE quire_store.gc_round SET as_of_seq = $2, terms = $3, done = 0, last = 0
        WHERE project_id = $1";
    const LOOK: &str = "INSERT INTO quire_store.gc_candidate (project_id, ordinal, hash, last_seq)
        SELECT $1, row_number() OVER (ORDER BY c.last_seq, c.hash), c.hash, c.last_seq
        FROM (SELECT a.hash, COALESCE(max(a.seq), 0) AS last_seq
              FROM (SELECT b.hash, true AS is_present, false AS is_kept, NULL::bigint AS seq
                    FROM quire_store.blob b WHERE b.project_id = $1 AND b.state = 0
                    UNION ALL
                    SELECT r.hash, false, true, NULL FROM quire_store.blob_reference r WHERE r.project_id = $1
                    UNION ALL
                    SELECT u.hash, false, false, u.seq FROM quire_store.blob_use u WHERE u.project_id = $1) a
              GROUP BY a.hash
              HAVING bool_or(a.is_present) AND NOT bool_or(a.is_kept)) c";
    const COUNT: &str = "UPDATE quire_store.gc_round g SET last = (
            SELECT COALESCE(max(c.ordinal), 0) FROM quire_store.gc_candidate c WHERE c.project_id = $1)
        WHERE g.project_id = $1
        RETURNING g.as_of_seq, g.terms, g.done, g.last";
    let this: [Arg; 1] = [project.pg().into()];
    db::exec(FORGET, &this)?;
    db::exec(BEGIN, &[project.pg().into(), as_of.pg().into(), terms.into()])?;
    db::exec(LOOK, &this)?;
    db::write_one(COUNT, &this, round_from_row)?.ok_or_else(|| Error::internal("a round vanished"))
}

/// Removes candidates that an earlier call has dealt with.
pub fn forget_done(project: ProjectId, done: i64) -> Result<()> {
    const SQL: &str = "DELETE FROM quire_store.gc_candidate WHERE project_id = $1 AND ordinal <= $2";
    if done == 0 {
        return Ok(());
    }
    db::exec(SQL, &[project.pg().into(), done.into()])
}

/// Takes candidates off the list that a bundle after a seq and up to another names.
pub fn forget_used(project: ProjectId, after: Seq, up_to: Seq) -> Result<()> {
    const SQL: &str = "WITH used AS MATERIALIZED (
            SELECT DISTINCT u.hash FROM quire_store.blob_use u
            WHERE u.project_id = $1 AND u.seq > $2 AND u.seq <= $3)
        DELETE FROM quire_store.gc_candidate c USING used WHERE c.project_id = $1 AND c.hash = used.hash";
    db::exec(SQL, &[project.pg().into(), after.pg().into(), up_to.pg().into()])
}

/// Content that may be collected.
pub struct Candidate {
    pub hash: Hash,
    /// The last bundle that named it.
    pub last_seq: Seq,
    /// Bytes it takes, compressed.
    pub stored_bytes: i64,
}

/// The candidates after one and up to another. A range, because with a LIMIT the planner, which knows nothing of a list that
/// was just made, may read and sort all of it.
pub fn candidates(project: ProjectId, after: i64, up_to: i64) -> Result<Vec<Candidate>> {
    const SQL: &str = "SELECT c.hash, c.last_seq, b.stored_bytes
        FROM quire_store.gc_candidate c
        CROSS JOIN LATERAL (
            SELECT octet_length(f.bytes) + CASE WHEN f.chunk_count > 0 THEN (
                       SELECT sum(octet_length(k.bytes)) FROM quire_store.blob_chunk k
                       WHERE k.project_id = $1 AND k.hash = c.hash) ELSE 0 END AS stored_bytes
            FROM quire_store.blob f WHERE f.project_id = $1 AND f.hash = c.hash OFFSET 0) b
        WHERE c.project_id = $1 AND c.ordinal > $2 AND c.ordinal <= $3
        ORDER BY c.ordinal";
    db::write(SQL, &[project.pg().into(), after.into(), up_to.into()], |row| {
        Ok(Candidate {
            hash: row.get("hash")?,
            last_seq: row.get("last_seq")?,
            stored_bytes: row.get("stored_bytes")?,
        })
    })
}

/// Which of `hashes` a bundle after a seq names; an index finds the bundles, which are few.
pub fn used_since(project: ProjectId, after: Seq, hashes: &[Hash]) -> Result<Vec<Hash>> {
    const SQL: &str = "SELECT DISTINCT u.hash FROM quire_store.blob_use u
        WHERE u.project_id = $1 AND u.seq > $2 AND u.hash = ANY ($3)";
    db::write(SQL, &[project.pg().into(), after.pg().into(), byte_array(hashes)], |row| row.get("hash"))
}

/// Which of `hashes` something else than a version of a file refers to.
pub fn held(project: ProjectId, hashes: &[Hash]) -> Result<Vec<Hash>> {
    const SQL: &str = "SELECT w.hash FROM unnest($2::bytea[]) AS w (hash)
        WHERE EXISTS (SELECT FROM quire_store.blob_hold h
                      WHERE h.project_id = $1 AND h.hash = w.hash OFFSET 0)";
    db::write(SQL, &[project.pg().into(), byte_array(hashes)], |row| row.get("hash"))
}

/// Empties blobs and says why; how many.
pub fn collect(project: ProjectId, gone: &[&Candidate], by: ActorId) -> Result<i64> {
    const SQL: &str = "WITH collected AS (
            UPDATE quire_store.blob b
            SET state = 2, state_at = $5, codec = 0, chunk_count = 0, bytes = '',
                state_reason = format('unreferenced; last used in bundle %s; retention %s days; collected by %s',
                    w.last_seq, r.days, $4::uuid)
            FROM unnest($2::bytea[], $3::bigint[]) AS w (hash, last_seq), quire_store.retention r
            WHERE b.project_id = $1 AND b.hash = w.hash AND b.state = 0 AND r.project_id = $1
            RETURNING 1)
        SELECT count(*) AS collected FROM collected";
    if gone.is_empty() {
        return Ok(0);
    }
    let hashes: Vec<Hash> = gone.iter().map(|candidate| candidate.hash).collect();
    let seqs: Vec<i64> = gone.iter().map(|candidate| candidate.last_seq.pg()).collect();
    forget_chunks(project, &hashes)?;
    let args: [Arg; 5] =
        [project.pg().into(), byte_array(&hashes), seqs.into(), by.pg().into(), pg_now()?.into()];
    Ok(db::write_one(SQL, &args, |row| row.get("collected"))?.unwrap_or(0))
}

/// Keeps how far the round is, or ends it.
pub fn end_call(project: ProjectId, round: &Round) -> Result<()> {
    const KEEP: &str = "UPDATE quire_store.gc_round SET as_of_seq = $2, done = $3 WHERE project_id = $1";
    const END: &str = "DELETE FROM quire_store.gc_round WHERE project_id = $1";
    if round.done >= round.last {
        return db::exec(END, &[project.pg().into()]);
    }
    db::exec(KEEP, &[project.pg().into(), round.as_of_seq.pg().into(), round.done.into()])
}

/// Whether a current file has this content.
pub fn is_in_a_live_file(project: ProjectId, hash: &Hash) -> Result<bool> {
    const SQL: &str = "SELECT EXISTS (SELECT FROM quire_store.file_head h
        WHERE h.project_id = $1 AND h.content_hash = $2 AND NOT h.is_deleted) AS is_live";
    let args: [Arg; 2] = [project.pg().into(), hash.as_bytes().as_slice().into()];
    Ok(db::read_one(SQL, &args, |row| row.get("is_live"))?.unwrap_or(false))
}

/// Takes the bytes of a blob away and says who has them.
pub fn archive(project: ProjectId, hash: &Hash, by: ActorId) -> Result<()> {
    const SQL: &str = "UPDATE quire_store.blob
        SET state = 1, state_at = $4, state_reason = format('archived by %s', $3::uuid), codec = 0,
            chunk_count = 0, bytes = ''
        WHERE project_id = $1 AND hash = $2 AND state = 0";
    forget_chunks(project, std::slice::from_ref(hash))?;
    let args: [Arg; 4] =
        [project.pg().into(), hash.as_bytes().as_slice().into(), by.pg().into(), pg_now()?.into()];
    db::exec(SQL, &args)
}

/// What garbage collection would do with each content. One aggregate over everything, because a join could be planned as a
/// loop over a loop.
pub fn plan(answer: Answer, project: ProjectId) -> Result<()> {
    const SQL: &str = "SELECT encode(g.hash, 'hex'),
            g.size,
            g.stored_bytes,
            (ARRAY['present', 'archived', 'collected', 'quarantined'])[g.state + 1],
            g.state = 0 AND g.kinds IS NULL,
            CASE WHEN g.state <> 0 THEN g.state_reason
                 WHEN g.kinds IS NULL THEN format('unreferenced; last used in bundle %s; retention %s days',
                                               g.last_seq, r.days)
                 ELSE g.kinds END,
            g.refs
        FROM (SELECT b.hash,
                     max(b.size)::bigint AS size,
                     max(b.stored_bytes)::bigint AS stored_bytes,
                     max(b.state) AS state,
                     max(b.state_reason) AS state_reason,
                     max(b.last_seq) AS last_seq,
                     string_agg(b.kind, ', ' ORDER BY b.kind) AS kinds,
                     COALESCE(jsonb_agg(jsonb_build_object('kind', b.kind, 'count', b.count, 'detail', b.detail)
                                  ORDER BY b.kind) FILTER (WHERE b.kind IS NOT NULL), '[]') AS refs
              FROM (SELECT s.hash, s.size,
                           octet_length(s.bytes) + CASE WHEN s.chunk_count > 0 THEN (
                               SELECT sum(octet_length(c.bytes)) FROM quire_store.blob_chunk c
                               WHERE c.project_id = $1 AND c.hash = s.hash) ELSE 0 END AS stored_bytes,
                           s.state, s.state_reason, NULL::text AS kind, NULL::bigint AS count, NULL::text AS detail,
                           NULL::bigint AS last_seq
                    FROM quire_store.blob s WHERE s.project_id = $1
                    UNION ALL
                    SELECT f.hash, NULL, NULL, NULL, NULL, f.kind, count(*), min(f.detail), NULL
                    FROM quire_store.blob_reference f WHERE f.project_id = $1 GROUP BY f.hash, f.kind
                    UNION ALL
                    SELECT u.hash, NULL, NULL, NULL, NULL, NULL, NULL, NULL, max(u.seq)
                    FROM quire_store.blob_use u WHERE u.project_id = $1 GROUP BY u.hash) b
              GROUP BY b.hash
              HAVING max(b.state) IS NOT NULL) g
        CROSS JOIN (SELECT t.days FROM quire_store.retention t WHERE t.project_id = $1) r
        ORDER BY g.hash";
    answer.fill(SQL, &[project.pg().into()])
}
