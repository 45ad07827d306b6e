//! SQL of actors and of the gate.

use super::principal::{Caller, Registered};
use crate::db::{self, Arg, Row};
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

/// A project as its caller may see it, together with the caller's actor: by subject, or by role.
pub fn project_access(
    project: ProjectId,
    caller: &Caller,
) -> Result<Option<(ProjectAccess, Option<Registered>)>> {
    macro_rules! access {
        ($actor_is:literal) => {
            concat!(
                "SELECT p.visibility = 'public', p.status = 'archived', p.settings::text, p.name, m.role,
                    h.access_version, a.actor_id, a.display_name
                 FROM quire_store.project p
                 JOIN quire_store.project_head h ON h.project_id = p.project_id
                 LEFT JOIN quire_store.actor a ON ",
                $actor_is,
                " LEFT JOIN quire_store.project_member m ON m.project_id = p.project_id AND m.actor_id = a.actor_id
                 WHERE p.project_id = $1"
            )
        };
    }
    const BY_SUBJECT: &str = access!("a.actor_id = $2");
    const BY_ROLE: &str = access!("a.db_role = $2");
    let (sql, key): (_, Arg) = match caller.subject {
        Some(subject) => (BY_SUBJECT, subject.pg().into()),
        None => (BY_ROLE, caller.db_role.as_str().into()),
    };
    db::read_one(sql, &[project.pg().into(), key], |row| {
        let access = ProjectAccess {
            is_public: row.get(1)?,
            is_archived: row.get(2)?,
            settings: row.get(3)?,
            name: row.get(4)?,
            role: row.opt(5)?,
            access_version: row.get(6)?,
        };
        Ok((access, registered(row, 7)?))
    })
}

/// The actor's row: of the subject, or of the actor mapped to the role.
pub fn find_actor(caller: &Caller) -> Result<Option<Registered>> {
    const BY_SUBJECT: &str = "SELECT actor_id, display_name FROM quire_store.actor WHERE actor_id = $1";
    const BY_ROLE: &str = "SELECT actor_id, display_name FROM quire_store.actor WHERE db_role = $1";
    let (sql, key): (_, Arg) = match caller.subject {
        Some(subject) => (BY_SUBJECT, subject.pg().into()),
        None => (BY_ROLE, caller.db_role.as_str().into()),
    };
    Ok(db::read_one(sql, &[key], |row| registered(row, 1))?.flatten())
}

fn registered(row: &Row, at: usize) -> Result<Option<Registered>> {
    let actor = row.opt::<Uuid>(at)?.map(ActorId::from_pg);
    let display_name = row.opt(at + 1)?;
    Ok(actor.map(|actor| Registered { actor, display_name }))
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
