//! SQL of tokens.

pub mod secret;

use crate::db::clock::{from_pg, now, pg_now, to_pg};
use crate::db::dirty::{self, OtherWriter, UnderKey};
use crate::db::{self, Arg, ObjectLock};
use crate::gate::role::StoredRole;
use crate::ids::{ActorId, Pg, ProjectId, SessionId, TokenId};
use pgrx::Uuid as PgUuid;
use pgrx::datum::TimestampWithTimeZone;
use quire_core::error::{Error, Result};
use quire_core::timestamp::Micros;
use quire_core::token::Root;
use secret::halves_hash;
use std::collections::HashSet;

pub fn insert(
    root: &Root,
    minted_by: ActorId,
    admin_role: Option<&StoredRole>,
    session: Option<SessionId>,
) -> Result<()> {
    const SQL: &str =
        "INSERT INTO quire_store.token (project_id, token_id, key_id, abilities, audience, max_uses,
            minted_by, admin_role, expires_at, snapshot_ids, session_id, admin_oid, admin_cluster)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
    let snapshots: Vec<PgUuid> = root.abilities.snapshots().map(Pg::pg).collect();
    let args: [Arg; 13] = [
        root.project.pg().into(),
        root.token.pg().into(),
        root.key.pg().into(),
        root.abilities.texts().collect::<Vec<&str>>().into(),
        root.audience.as_deref().into(),
        root.max_uses.and_then(|uses| i32::try_from(uses).ok()).into(),
        minted_by.pg().into(),
        admin_role.map(|role| role.name.as_str()).into(),
        to_pg(root.expires_at)?.into(),
        snapshots.into(),
        session.map(Pg::pg).into(),
        admin_role.map(|role| role.oid).into(),
        admin_role.map(|role| role.cluster).into(),
    ];
    db::exec(SQL, &args)?;
    Ok(())
}

/// Counts a use; `false` when there is none left.
///
/// Uses are counted in lanes, each of which may hold a share of them. A transaction that has counted one holds its lane until it ends,
/// and whoever comes meanwhile takes another, so that nobody waits while there are more uses left than transactions that use it. Who
/// cannot know whether one is left waits for one of those who have taken what there is.
pub fn take_use(project: ProjectId, token: TokenId, most: u32) -> Result<bool> {
    /// More transactions than this do not go on at the same time.
    const MOST_LANES: u32 = 1024;
    // Looked for once: a join could look again for each lane, and count in more than one.
    const COUNT: &str = "WITH free AS MATERIALIZED (
            SELECT f.lane FROM quire_store.token_use f
            WHERE f.project_id = $1 AND f.token_id = $2 AND f.uses < $3 / $4 + (f.lane <= $3 % $4)::int
            ORDER BY f.lane LIMIT 1 FOR UPDATE SKIP LOCKED)
        UPDATE quire_store.token_use u SET uses = u.uses + 1 FROM free
        WHERE u.project_id = $1 AND u.token_id = $2 AND u.lane = free.lane RETURNING true";
    const WAIT: &str = "SELECT true FROM quire_store.token_use f
        WHERE f.project_id = $1 AND f.token_id = $2 AND f.uses < $3 / $4 + (f.lane <= $3 % $4)::int
        ORDER BY f.lane LIMIT 1 FOR UPDATE";
    let lanes = most.min(MOST_LANES);
    let number = |n: u32| i32::try_from(n).map_err(|_| Error::internal("too many uses"));
    let args: [Arg; 4] =
        [project.pg().into(), token.pg().into(), number(most)?.into(), number(lanes)?.into()];
    let is_found = |sql| db::writes(sql, &args);
    loop {
        if is_found(COUNT)? {
            return Ok(true);
        }
        match open_lane(project, token, number(lanes)?)? {
            Lane::Opened => return Ok(true),
            Lane::Held(writer) => writer.wait(),
            Lane::None if is_found(WAIT)? => {}
            Lane::None => return Ok(false),
        }
    }
}

/// Another lane for the uses of a token.
enum Lane {
    /// With one use in it.
    Opened,
    /// Somebody is opening one, who may take that back.
    Held(OtherWriter),
    None,
}

fn open_lane(project: ProjectId, token: TokenId, lanes: i32) -> Result<Lane> {
    const USED: &str =
        "SELECT u.lane FROM quire_store.token_use u WHERE u.project_id = $1 AND u.token_id = $2";
    const OPEN: &str =
        "INSERT INTO quire_store.token_use (project_id, token_id, lane, uses) VALUES ($1, $2, $3, 1)
        ON CONFLICT DO NOTHING RETURNING true";
    let open = |lane: i32| -> Result<bool> {
        let args: [Arg; 3] = [project.pg().into(), token.pg().into(), lane.into()];
        db::writes(OPEN, &args)
    };
    // Who opens one looks first whether somebody else is, so that nobody waits for who did: one after the other.
    let lock = ObjectLock::of(c"token_use", "quire token use ", token.0.as_bytes())?;
    lock.wait();
    let used: HashSet<i32> =
        db::write(USED, &[project.pg().into(), token.pg().into()], |row| row.get("lane"))?
            .into_iter()
            .collect();
    let (mut found, mut unseen) = (Lane::None, None);
    for lane in (1..=lanes).filter(|lane| !used.contains(lane)) {
        let key: [Arg; 3] = [project.pg().into(), token.pg().into(), lane.into()];
        match dirty::look(c"token_use", &key)? {
            UnderKey::Nothing if open(lane)? => {
                found = Lane::Opened;
                break;
            }
            UnderKey::Uncommitted(writer) if matches!(found, Lane::None) => found = Lane::Held(writer),
            UnderKey::Row => unseen = Some(lane),
            _ => {}
        }
    }
    lock.release();
    // A transaction that sees an older state cannot know what is left in a lane that it does not see: 40001.
    match unseen {
        Some(lane) if matches!(found, Lane::None) && db::sees_older_state() => open(lane).map(|_| Lane::None),
        _ => Ok(found),
    }
}

/// Revokes; the first time counts. When that was.
pub fn revoke(project: ProjectId, token: TokenId, by: ActorId) -> Result<Micros> {
    const NOTE: &str = "INSERT INTO quire_store.token_revocation (project_id, token_id, revocation_id, revoked_by)
        SELECT $1, $2, gen_random_uuid(), $3
        WHERE NOT EXISTS (SELECT FROM quire_store.token_revocation r WHERE r.project_id = $1 AND r.token_id = $2)";
    const FIRST: &str = "SELECT min(r.revoked_at) AS revoked_at FROM quire_store.token_revocation r
        WHERE r.project_id = $1 AND r.token_id = $2";
    let id = token.pg();
    db::exec(NOTE, &[project.pg().into(), id.into(), by.pg().into()])?;
    let first =
        db::write_one(FIRST, &[project.pg().into(), id.into()], |row| row.opt("revoked_at"))?.flatten();
    first.map(from_pg).ok_or_else(|| Error::internal("a revocation vanished"))
}

/// Revokes the tokens of a session, if `actor` made them or may see all; how many there are.
pub fn revoke_session(project: ProjectId, session: SessionId, actor: ActorId, all: bool) -> Result<i64> {
    const SQL: &str = "WITH revoked AS MATERIALIZED (
            SELECT t.token_id FROM quire_store.token t
            WHERE t.project_id = $1 AND t.session_id = $2 AND ($4 OR t.minted_by = $3)),
        noted AS (
            INSERT INTO quire_store.token_revocation (project_id, token_id, revocation_id, revoked_by)
            SELECT $1, v.token_id, gen_random_uuid(), $3 FROM revoked v
            WHERE NOT EXISTS (SELECT FROM quire_store.token_revocation r
                              WHERE r.project_id = $1 AND r.token_id = v.token_id))
        SELECT count(*) AS tokens FROM revoked";
    let args: [Arg; 4] = [project.pg().into(), session.pg().into(), actor.pg().into(), all.into()];
    Ok(db::write_one(SQL, &args, |row| row.get("tokens"))?.unwrap_or(0))
}

/// Forgets tokens of a project that expired more than 30 days ago, a few at a time and but for those that somebody else
/// has at hand, which a transaction that sees an older state cannot tell.
pub fn delete_expired(project: ProjectId) -> Result<()> {
    // In microseconds. The smallest is looked up first, because the plan is kept and may be made while the table is small.
    const KEPT: Micros = 30 * 24 * 3600 * 1_000_000;
    const SQL: &str = "WITH gone AS (
            DELETE FROM quire_store.token d
            USING (SELECT t.token_id FROM quire_store.token t
                   WHERE t.project_id = $1 AND t.expires_at < $2
                     AND (SELECT min(e.expires_at) FROM quire_store.token e WHERE e.project_id = $1) < $2
                   ORDER BY t.expires_at LIMIT 100
                   FOR UPDATE SKIP LOCKED) old
            WHERE d.project_id = $1 AND d.token_id = old.token_id
            RETURNING d.token_id),
        revocations AS (
            DELETE FROM quire_store.token_revocation r USING gone g WHERE r.project_id = $1 AND r.token_id = g.token_id)
        DELETE FROM quire_store.token_use d
        USING (SELECT u.token_id, u.lane FROM quire_store.token_use u JOIN gone g ON u.project_id = $1 AND u.token_id = g.token_id
               FOR UPDATE OF u SKIP LOCKED) free
        WHERE d.project_id = $1 AND d.token_id = free.token_id AND d.lane = free.lane";
    if db::sees_older_state() {
        return Ok(());
    }
    db::exec(SQL, &[project.pg().into(), to_pg(now() - KEPT)?.into()])
}

/// One row of `list_tokens`.
pub type TokenRow = (
    PgUuid,
    Vec<String>,
    Option<String>,
    Option<i32>,
    i32,
    PgUuid,
    TimestampWithTimeZone,
    TimestampWithTimeZone,
    Option<TimestampWithTimeZone>,
    String,
);

/// Tokens that `actor` made, or all of them, newest first.
pub fn list(project: ProjectId, actor: Option<ActorId>, all: bool) -> Result<Vec<TokenRow>> {
    const SQL: &str = concat!(
        "SELECT t.token_id, t.abilities, t.audience, t.max_uses, COALESCE(u.uses, 0) AS uses, t.minted_by, t.minted_at,
            t.expires_at, r.revoked_at,
            CASE WHEN r.revoked_at IS NOT NULL THEN 'revoked'
                 WHEN t.expires_at <= $4 THEN 'expired'
                 WHEN NOT EXISTS (SELECT FROM quire_store.secret s WHERE s.key_id = t.key_id
                                    AND s.halves_hash = ",
        halves_hash!("s.half"),
        ") THEN 'void'
                 WHEN u.uses >= t.max_uses THEN 'used'
                 ELSE 'valid' END AS state
        FROM quire_store.token t
        CROSS JOIN LATERAL (
            SELECT sum(n.uses)::int AS uses FROM quire_store.token_use n
            WHERE n.project_id = $1 AND n.token_id = t.token_id) u
        CROSS JOIN LATERAL (
            SELECT min(v.revoked_at) AS revoked_at FROM quire_store.token_revocation v
            WHERE v.project_id = $1 AND v.token_id = t.token_id) r
        WHERE t.project_id = $1 AND ($3 OR t.minted_by = $2)
        ORDER BY t.minted_at DESC, t.token_id"
    );
    let args: [Arg; 4] = [project.pg().into(), actor.map(ActorId::pg).into(), all.into(), pg_now()?.into()];
    db::read(SQL, &args, |row| {
        Ok((
            row.get("token_id")?,
            row.get("abilities")?,
            row.opt("audience")?,
            row.opt("max_uses")?,
            row.get("uses")?,
            row.get("minted_by")?,
            row.get("minted_at")?,
            row.get("expires_at")?,
            row.opt("revoked_at")?,
            row.get("state")?,
        ))
    })
}
