//! SQL of actors and of the gate.

use super::Role;
use super::principal::Key;
use crate::db::{self, Arg, Row};
use crate::error::{Error, Result};
use crate::ids::{ActorId, ProjectId};
use crate::pure::settings::Settings;
use pgrx::Uuid;

/// What a caller is in a project. While it stays the same, so does the answer of the gate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Standing {
    /// Counts changes of members, settings and status.
    pub access_version: i64,
    /// The caller's actor, if it is registered.
    pub actor: Option<ActorId>,
    /// Their role, if they are a member.
    pub role: Option<Role>,
}

impl Standing {
    /// From the columns `access_version, actor_id, role`, starting at `at`.
    pub fn from_row(row: &Row, at: usize) -> Result<Self> {
        Ok(Self {
            access_version: row.get(at)?,
            actor: row.opt::<Uuid>(at + 1)?.map(ActorId::from_pg),
            role: row.opt::<&str>(at + 2)?.map(Role::parse).transpose()?,
        })
    }
}

/// What the gate needs to know of a project and its caller.
#[derive(Clone)]
pub struct ProjectAccess {
    pub is_public: bool,
    pub is_archived: bool,
    pub settings: Settings,
    pub name: String,
    pub standing: Standing,
    pub display_name: Option<String>,
}

/// A project as its caller may see it, together with the caller's actor: by subject, or by role.
pub fn project_access(project: ProjectId, caller: Key) -> Result<Option<ProjectAccess>> {
    macro_rules! access {
        ($actor_is:literal, $member_is:literal) => {
            concat!(
                "SELECT p.visibility = 'public', p.status = 'archived', p.settings::text, p.name, a.display_name,
                    p.access_version, a.actor_id, m.role
                 FROM quire_store.project p
                 LEFT JOIN quire_store.actor a ON ",
                $actor_is,
                " LEFT JOIN quire_store.membership m ON m.project_id = p.project_id AND m.actor_id = ",
                $member_is,
                " WHERE p.project_id = $1"
            )
        };
    }
    // A member need not be registered yet.
    const BY_SUBJECT: &str = access!("a.actor_id = $2", "$2");
    const BY_ROLE: &str = access!("a.db_role = $2", "a.actor_id");
    let (sql, key) = by(caller, BY_SUBJECT, BY_ROLE);
    db::read_one(sql, &[project.pg().into(), key], |row| {
        let settings = serde_json::from_str(row.get(3)?)
            .map_err(|_| Error::internal("stored settings are not JSON"))
            .and_then(|value| Settings::parse(&value))?;
        Ok(ProjectAccess {
            is_public: row.get(1)?,
            is_archived: row.get(2)?,
            settings,
            name: row.get(4)?,
            display_name: row.opt(5)?,
            standing: Standing::from_row(row, 6)?,
        })
    })
}

/// The statement and argument that find the caller's actor.
pub fn by<'a>(caller: Key<'a>, by_subject: &'static str, by_role: &'static str) -> (&'static str, Arg<'a>) {
    match caller {
        Key::Subject(subject) => (by_subject, subject.pg().into()),
        Key::Role(role) => (by_role, role.into_owned().into()),
    }
}

/// The actor's row: of the subject, or of the actor mapped to the role.
pub fn find_actor(caller: Key) -> Result<Option<(ActorId, Option<String>)>> {
    const BY_SUBJECT: &str = "SELECT actor_id, display_name FROM quire_store.actor WHERE actor_id = $1";
    const BY_ROLE: &str = "SELECT actor_id, display_name FROM quire_store.actor WHERE db_role = $1";
    let (sql, key) = by(caller, BY_SUBJECT, BY_ROLE);
    db::read_one(sql, &[key], |row| Ok((row.get(1).map(ActorId::from_pg)?, row.opt(2)?)))
}

pub fn register_actor(actor: ActorId, display_name: Option<&str>) -> Result<()> {
    const SQL: &str =
        "INSERT INTO quire_store.actor (actor_id, display_name) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    db::exec(SQL, &[actor.pg().into(), display_name.into()])
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
        SELECT m.project_id FROM quire_store.membership m WHERE m.actor_id = $1";
    let args: [Arg; 2] = [actor.map(ActorId::pg).into(), is_admin.into()];
    db::read(SQL, &args, |row| row.get(1))
}
