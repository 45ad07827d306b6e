//! SQL of projects and members.

use super::ProjectKind;
use crate::db::clock::{from_pg, pg_now};
use crate::db::dirty::{self, UnderKey};
use crate::db::{self, Answer, Arg, ObjectLock};
use crate::domain::DOMAINS;
use crate::gate::Role;
use crate::gate::store::called;
use crate::ids::{ActorId, Pg, ProjectId};
use crate::log::store::mark_of;
use pgrx::{JsonB, Uuid};
use quire_core::error::Result;
use quire_core::timestamp::Micros;
use quire_core::ucan::Did;
use serde_json::{Value, json};

/// Creates a project with its head and its owner; `false` when the id is taken.
pub fn insert(
    project: ProjectId,
    name: &str,
    kind: ProjectKind,
    visibility: &str,
    settings: Value,
    owner: ActorId,
) -> Result<bool> {
    const PROJECT: &str =
        "INSERT INTO quire_store.project (project_id, name, kind, visibility, settings, created_by)
        VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING true";
    const HEAD: &str = "INSERT INTO quire_store.project_head (project_id) VALUES ($1)";
    let args: [Arg; 6] = [
        project.pg().into(),
        name.into(),
        kind.as_str().into(),
        visibility.into(),
        JsonB(settings).into(),
        owner.pg().into(),
    ];
    if !db::writes(PROJECT, &args)? {
        return Ok(false);
    }
    db::exec(HEAD, &[project.pg().into()])?;
    // Of a project that had this id before.
    clear_left_behind(project)?;
    set_member(project, owner, Role::Owner, owner)?;
    Ok(true)
}

/// Creates a project whose id was given; `false` also when somebody is just making one of this id, for whom nobody waits.
pub fn insert_given(
    project: ProjectId,
    name: &str,
    kind: ProjectKind,
    visibility: &str,
    settings: Value,
    owner: ActorId,
) -> Result<bool> {
    let lock = ObjectLock::of(c"project", "quire project id ", project.0.as_bytes())?;
    if !lock.take_if_free() {
        return Ok(false);
    }
    let there = dirty::look(c"project", &[project.pg().into()])?;
    let is_being_made = matches!(there, UnderKey::Uncommitted(_));
    let is_made = !is_being_made && insert(project, name, kind, visibility, settings, owner)?;
    // From here on who looks sees the row.
    lock.release();
    Ok(is_made)
}

/// What a project is, for one that is copied from it, and when it was made.
pub fn kind_and_settings(project: ProjectId) -> Result<Option<(String, Value, Micros)>> {
    const SQL: &str =
        "SELECT p.kind, p.settings, p.created_at FROM quire_store.project p WHERE p.project_id = $1";
    db::read_one(SQL, &[project.pg().into()], |row| {
        Ok((row.get("kind")?, row.get::<JsonB>("settings")?.0, row.get("created_at").map(from_pg)?))
    })
}

/// The project as JSON, with the role of `actor` in it.
pub fn describe(project: ProjectId, actor: Option<ActorId>) -> Result<Option<JsonB>> {
    const SQL: &str = "SELECT jsonb_build_object('project_id', p.project_id, 'name', p.name, 'kind', p.kind,
            'visibility', p.visibility, 'status', p.status, 'settings', p.settings, 'did', p.did, 'role', m.role,
            'created_by', p.created_by, 'created_at', p.created_at, 'updated_at', p.updated_at,
            'seq', h.seq, 'checksum', encode(h.checksum, 'hex'),
            'file_count', h.live_files, 'total_bytes', h.live_bytes,
            'asset_bytes', h.asset_bytes, 'doc_bytes', h.doc_bytes) AS described
        FROM quire_store.project p
        JOIN quire_store.project_head h ON h.project_id = $1
        LEFT JOIN quire_store.membership m ON m.project_id = $1 AND m.actor_id = $2
        WHERE p.project_id = $1";
    db::read_one(SQL, &[project.pg().into(), actor.map(ActorId::pg).into()], |row| row.get("described"))
}

/// How much a project holds, counted now. One look at each table, and no more in the statement than that: of a small project most of what
/// it costs is its beginning.
pub fn stats(project: ProjectId) -> Result<Option<Value>> {
    const SQL: &str = "SELECT h.seq, h.live_files, h.live_bytes, h.asset_bytes, h.doc_bytes, h.storage_bytes,
            (SELECT count(*) FROM quire_store.project_files f WHERE f.project_id = $1) AS versions,
            (SELECT ARRAY[count(*) FILTER (WHERE b.state = 0),
                          LEAST(COALESCE(sum(b.size) FILTER (WHERE b.state = 0), 0), 9223372036854775807),
                          sum(octet_length(b.bytes)),
                          count(*) FILTER (WHERE b.state = 1), count(*) FILTER (WHERE b.state = 2)]::bigint[]
             FROM quire_store.blob b WHERE b.project_id = $1) AS blobs,
            (SELECT sum(octet_length(c.bytes)) FROM quire_store.blob_chunk c WHERE c.project_id = $1) AS chunk_bytes,
            (SELECT count(*) FROM quire_store.asset a WHERE a.project_id = $1 AND NOT a.is_deleted) AS assets,
            (SELECT count(*) FROM quire_store.doc_head d
             WHERE d.project_id = $1 AND d.branch = 'main' AND d.heads <> d.deleted_heads) AS docs,
            (SELECT ARRAY[count(*), LEAST(COALESCE(sum(s.size), 0), 9223372036854775807)]::bigint[]
             FROM quire_store.snapshot s WHERE s.project_id = $1) AS snapshots,
            (SELECT count(*) FROM quire_store.membership m WHERE m.project_id = $1) AS members,
            EXISTS (SELECT FROM quire_store.sink_failure e WHERE e.project_id = $1) AS has_failed
        FROM quire_store.project_head h WHERE h.project_id = $1";
    let counted = db::read_one(SQL, &[project.pg().into()], |row| {
        let several = |column: Vec<Option<i64>>| -> Vec<i64> {
            column.into_iter().map(Option::unwrap_or_default).collect()
        };
        let (blobs, snapshots) = (several(row.get("blobs")?), several(row.get("snapshots")?));
        let value = json!({
            "project_id": project.to_string(), "seq": row.get::<i64>("seq")?, "bundles": row.get::<i64>("seq")?,
            "files": row.get::<i64>("live_files")?, "file_bytes": row.get::<i64>("live_bytes")?, "versions": row.get::<i64>("versions")?,
            "blobs": blobs[0], "blob_bytes": blobs[1], "stored_bytes": blobs[2] + row.opt::<i64>("chunk_bytes")?.unwrap_or(0),
            "archived_blobs": blobs[3], "collected_blobs": blobs[4],
            "assets": row.get::<i64>("assets")?, "asset_bytes": row.get::<i64>("asset_bytes")?,
            "docs": row.get::<i64>("docs")?, "doc_bytes": row.get::<i64>("doc_bytes")?,
            "storage_bytes": row.get::<i64>("storage_bytes")?,
            "snapshots": snapshots[0], "snapshot_bytes": snapshots[1], "members": row.get::<i64>("members")?,
            "realtime_sink": null,
        });
        Ok((value, row.get::<bool>("has_failed")?))
    })?;
    let Some((mut value, has_failed)) = counted else { return Ok(None) };
    if has_failed {
        value["realtime_sink"] = sink_failure(project)?;
    }
    Ok(Some(value))
}

/// What went wrong with the sink of a project, if anything did.
fn sink_failure(project: ProjectId) -> Result<Value> {
    const SQL: &str = "SELECT jsonb_build_object('failures', e.failures, 'last_seq', e.last_seq,
            'last_error', e.last_error, 'last_at', e.last_at) AS failure
        FROM quire_store.sink_failure e WHERE e.project_id = $1";
    let shown = db::read_one(SQL, &[project.pg().into()], |row| row.get::<JsonB>("failure"))?;
    Ok(shown.map_or(Value::Null, |shown| shown.0))
}

/// Members, strongest role first.
pub fn list_members(answer: Answer, project: ProjectId) -> Result<()> {
    const SQL: &str = concat!(
        "SELECT m.actor_id, ",
        called!("m.actor_id"),
        ", m.role, m.added_by, m.added_at
        FROM quire_store.membership m
        WHERE m.project_id = $1
        ORDER BY array_position(ARRAY['owner', 'editor', 'viewer'], m.role), m.added_at, m.actor_id"
    );
    answer.fill(SQL, &[project.pg().into()])
}

/// One row of `list_projects`.
pub type ProjectRow =
    (Uuid, String, String, String, String, Option<String>, i64, pgrx::datum::TimestampWithTimeZone, String);

/// Projects `actor` is a member of; all of them for an administrator.
pub fn list(actor: Option<ActorId>, is_admin: bool) -> Result<Vec<ProjectRow>> {
    const SQL: &str = concat!(
        "SELECT p.project_id, p.name, p.kind, p.visibility, p.status, m.role, h.seq, h.committed_at,
            ",
        mark_of!("h.checksum"),
        " AS checksum
        FROM quire_store.project p
        JOIN quire_store.project_head h ON h.project_id = p.project_id
        LEFT JOIN quire_store.membership m ON m.project_id = p.project_id AND m.actor_id = $1
        WHERE $2 OR m.actor_id IS NOT NULL
        ORDER BY p.name, p.created_at, p.project_id"
    );
    db::read(SQL, &[actor.map(ActorId::pg).into(), is_admin.into()], |row| {
        Ok((
            row.get("project_id")?,
            row.get("name")?,
            row.get("kind")?,
            row.get("visibility")?,
            row.get("status")?,
            row.opt("role")?,
            row.get("seq")?,
            row.get("committed_at")?,
            row.get("checksum")?,
        ))
    })
}

/// Makes writers who passed the gate before, and wait for the lock, ask again.
pub fn bump_access_version(project: ProjectId) -> Result<()> {
    const SQL: &str = "UPDATE quire_store.project SET access_version = DEFAULT WHERE project_id = $1";
    db::exec(SQL, &[project.pg().into()])
}

/// The stored settings, read under the lock.
pub fn settings(project: ProjectId) -> Result<Value> {
    const SQL: &str = "SELECT settings FROM quire_store.project WHERE project_id = $1";
    let settings = db::write_one(SQL, &[project.pg().into()], |row| row.get::<JsonB>("settings"))?;
    Ok(settings.map_or(Value::Null, |settings| settings.0))
}

/// Changes name, visibility and settings; `None` keeps one.
pub fn update(
    project: ProjectId,
    name: Option<&str>,
    visibility: Option<&str>,
    settings: Option<Value>,
) -> Result<()> {
    const SQL: &str = "UPDATE quire_store.project SET name = COALESCE($2, name),
            visibility = COALESCE($3, visibility), settings = COALESCE($4, settings), updated_at = $5
        WHERE project_id = $1";
    let args: [Arg; 5] =
        [project.pg().into(), name.into(), visibility.into(), settings.map(JsonB).into(), pg_now()?.into()];
    db::exec(SQL, &args)?;
    bump_access_version(project)
}

/// Makes somebody's key the root of UCANs of a project, or nobody's.
pub fn set_did(project: ProjectId, did: Option<&Did>, by: ActorId) -> Result<()> {
    const SQL: &str =
        "UPDATE quire_store.project SET did = $2, did_by = $3, updated_at = $4 WHERE project_id = $1";
    let by = did.map(|_| by.pg());
    let args: [Arg; 4] = [project.pg().into(), did.map(Did::as_str).into(), by.into(), pg_now()?.into()];
    db::exec(SQL, &args)?;
    bump_access_version(project)
}

/// Makes a project read only, or writable again.
pub fn set_archived(project: ProjectId, archived: bool) -> Result<()> {
    const SQL: &str = "UPDATE quire_store.project
        SET status = CASE WHEN $2 THEN 'archived' ELSE 'active' END, updated_at = $3
        WHERE project_id = $1";
    db::exec(SQL, &[project.pg().into(), archived.into(), pg_now()?.into()])?;
    bump_access_version(project)
}

/// Deletes the rows of project $1 that nobody has locked, by what tells them apart inside of it.
macro_rules! delete_free {
    ($table:literal, $first:literal $(, $key:literal)*) => {
        concat!(
            "DELETE FROM quire_store.", $table, " d USING (SELECT t.", $first $(, ", t.", $key)*,
            " FROM quire_store.", $table, " t WHERE t.project_id = $1 FOR UPDATE SKIP LOCKED) free
             WHERE d.project_id = $1 AND d.", $first, " = free.", $first $(, " AND d.", $key, " = free.", $key)*
        )
    };
}

/// What people who cannot write a project leave behind in it, and may have locked: it goes as far as nobody has, and is nobody's
/// when the project is gone.
const LEFT_BEHIND: [&str; 7] = [
    delete_free!("channel", "row_id"),
    delete_free!("token_use", "token_id", "lane"),
    delete_free!("token", "token_id"),
    delete_free!("subscription", "name", "actor_id"),
    delete_free!("snapshot", "snapshot_id"),
    delete_free!("token_revocation", "token_id", "revocation_id"),
    delete_free!("departure", "actor_id", "departure_id"),
];

/// Removes what people who cannot write have left behind.
fn clear_left_behind(project: ProjectId) -> Result<()> {
    LEFT_BEHIND.into_iter().try_for_each(|sql| db::exec(sql, &[project.pg().into()]))
}

/// Deletes a project and everything that hangs off it. The project's row goes first: the guard of the append-only tables
/// lets their rows go only when it is gone.
pub fn delete(project: ProjectId) -> Result<()> {
    const PROJECT: &str = "DELETE FROM quire_store.project WHERE project_id = $1";
    const IN_THIS_ORDER: [&str; 3] = [
        "DELETE FROM quire_store.bundle WHERE project_id = $1",
        "DELETE FROM quire_store.blob WHERE project_id = $1",
        "DELETE FROM quire_store.gc_round WHERE project_id = $1",
    ];
    db::exec(PROJECT, &[project.pg().into()])?;
    DOMAINS.iter().try_for_each(|domain| domain.delete_logged(project))?;
    IN_THIS_ORDER.into_iter().try_for_each(|sql| db::exec(sql, &[project.pg().into()]))?;
    clear_left_behind(project)
}

/// Role of a member, read under the lock.
pub fn member_role(project: ProjectId, actor: ActorId) -> Result<Option<Role>> {
    const SQL: &str = "SELECT role FROM quire_store.membership WHERE project_id = $1 AND actor_id = $2";
    db::write_one(SQL, &[project.pg().into(), actor.pg().into()], |row| row.get::<String>("role"))?
        .map(|role| Role::parse(&role))
        .transpose()
}

/// Owners besides `actor`, read under the lock.
pub fn other_owners(project: ProjectId, actor: ActorId) -> Result<i64> {
    const SQL: &str = "SELECT count(*) AS owners FROM quire_store.membership
        WHERE project_id = $1 AND role = 'owner' AND actor_id <> $2";
    Ok(db::write_one(SQL, &[project.pg().into(), actor.pg().into()], |row| row.get("owners"))?.unwrap_or(0))
}

/// Adds a member or changes their role.
pub fn set_member(project: ProjectId, actor: ActorId, role: Role, by: ActorId) -> Result<()> {
    const SQL: &str = "INSERT INTO quire_store.project_member (project_id, actor_id, role, added_by)
        VALUES ($1, $2, $3, $4) ON CONFLICT (project_id, actor_id) DO UPDATE SET role = EXCLUDED.role";
    // Who had left is no member, and comes back as a new one.
    const CLEAR_UP: &str = "WITH gone AS (
            DELETE FROM quire_store.departure d WHERE d.project_id = $1 AND d.actor_id = $2 RETURNING d.left_at)
        DELETE FROM quire_store.project_member m USING gone g
        WHERE m.project_id = $1 AND m.actor_id = $2 AND g.left_at >= m.added_at";
    db::exec(CLEAR_UP, &[project.pg().into(), actor.pg().into()])?;
    db::exec(SQL, &[project.pg().into(), actor.pg().into(), role.as_str().into(), by.pg().into()])?;
    bump_access_version(project)
}

/// Notes that a member has left who cannot write, and touches nothing that somebody else could wait for.
pub fn leave(project: ProjectId, actor: ActorId) -> Result<()> {
    const SQL: &str = "INSERT INTO quire_store.departure (project_id, actor_id, departure_id)
        VALUES ($1, $2, gen_random_uuid())";
    db::exec(SQL, &[project.pg().into(), actor.pg().into()])
}

/// Removes a member.
pub fn remove_member(project: ProjectId, actor: ActorId) -> Result<()> {
    const SQL: &str = "DELETE FROM quire_store.project_member WHERE project_id = $1 AND actor_id = $2";
    db::exec(SQL, &[project.pg().into(), actor.pg().into()])?;
    bump_access_version(project)
}
