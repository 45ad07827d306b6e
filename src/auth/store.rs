//! SQL of actors and of the gate.

use crate::db::{self, Arg};
use crate::error::Result;
use crate::ids::{ActorId, ProjectId};
use pgrx::Uuid;

/// What the gate needs to know of a project.
pub struct ProjectAccess {
    pub is_public: bool,
    pub is_archived: bool,
    pub settings: String,
    pub name: String,
    pub role: Option<String>,
    pub access_version: i64,
}

pub fn project_access(project: ProjectId, actor: Option<ActorId>) -> Result<Option<ProjectAccess>> {
    const SQL: &str =
        "SELECT p.visibility = 'public', p.status = 'archived', p.settings::text, p.name, m.role,
            h.access_version
        FROM quire_store.project p
        JOIN quire_store.project_head h ON h.project_id = p.project_id
        LEFT JOIN quire_store.project_member m ON m.project_id = p.project_id AND m.actor_id = $2
        WHERE p.project_id = $1";
    db::read_one(SQL, &[project.pg().into(), actor.map(ActorId::pg).into()], |row| {
        Ok(ProjectAccess {
            is_public: row.get(1)?,
            is_archived: row.get(2)?,
            settings: row.get(3)?,
            name: row.get(4)?,
            role: row.opt(5)?,
            access_version: row.get(6)?,
        })
    })
}

/// Display name of a registered actor.
pub fn actor_by_id(actor: ActorId) -> Result<Option<Option<String>>> {
    const SQL: &str = "SELECT display_name FROM quire_store.actor WHERE actor_id = $1";
    db::read_one(SQL, &[actor.pg().into()], |row| row.opt(1))
}

/// The actor mapped to a database role.
pub fn actor_by_role(role: &str) -> Result<Option<(ActorId, Option<String>)>> {
    const SQL: &str = "SELECT actor_id, display_name FROM quire_store.actor WHERE db_role = $1";
    db::read_one(SQL, &[role.into()], |row| Ok((ActorId::from_pg(row.get::<Uuid>(1)?), row.opt(2)?)))
}

pub fn register_actor(actor: ActorId) -> Result<()> {
    const SQL: &str = "INSERT INTO quire_store.actor (actor_id) VALUES ($1) ON CONFLICT DO NOTHING";
    db::exec(SQL, &[actor.pg().into()])
}

/// Whether the cluster has a role of this name.
pub fn role_exists(role: &str) -> Result<bool> {
    const SQL: &str = "SELECT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = $1)";
    Ok(db::read_one(SQL, &[role.into()], |row| row.get(1))?.unwrap_or(false))
}

/// Gives `role` to `actor` alone.
pub fn map_role(role: &str, actor: ActorId, display_name: Option<&str>) -> Result<()> {
    const ONE_AT_A_TIME: &str = "LOCK TABLE quire_store.actor IN SHARE ROW EXCLUSIVE MODE";
    const RELEASE: &str = "UPDATE quire_store.actor SET db_role = NULL WHERE db_role = $1 AND actor_id <> $2";
    const MAP: &str =
        "INSERT INTO quire_store.actor AS a (actor_id, display_name, db_role) VALUES ($2, $3, $1)
        ON CONFLICT (actor_id) DO UPDATE
        SET db_role = EXCLUDED.db_role, display_name = COALESCE(EXCLUDED.display_name, a.display_name)";
    db::exec(ONE_AT_A_TIME, &[])?;
    db::exec(RELEASE, &[role.into(), actor.pg().into()])?;
    db::exec(MAP, &[role.into(), actor.pg().into(), display_name.into()])
}

/// Projects an actor may read; all of them for an administrator.
pub fn readable_projects(actor: Option<ActorId>, is_admin: bool) -> Result<Vec<Uuid>> {
    const SQL: &str = "SELECT p.project_id FROM quire_store.project p WHERE $2 OR p.visibility = 'public'
        UNION
        SELECT m.project_id FROM quire_store.project_member m WHERE m.actor_id = $1";
    let args: [Arg; 2] = [actor.map(ActorId::pg).into(), is_admin.into()];
    db::read(SQL, &args, |row| row.get(1))
}
