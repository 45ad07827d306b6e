//! SQL of actors and of the gate.

pub mod token;

use crate::db::{self, Answer, Arg, ObjectLock, Row};
use crate::gate::Role;
use crate::gate::principal::PrincipalKey;
use crate::gate::role::{DbRole, StoredRole, cluster};
use crate::ids::{ActorId, Pg, ProjectId};
use pgrx::Uuid;
use pgrx::pg_sys::Oid;
use quire_core::error::{Error, Result};
use quire_core::settings::Settings;

/// What the gate needs to know of a project and its caller.
#[derive(Clone)]
pub struct ProjectAccess {
    pub is_public: bool,
    pub is_archived: bool,
    pub settings: Settings,
    pub name: String,
    /// Another one when members, settings or status are others.
    pub access_version: i64,
    /// The caller's actor, if it is registered.
    pub actor: Option<ActorId>,
    /// Their role, if they are a member.
    pub role: Option<Role>,
    pub known: Known,
}

/// What is registered of a caller, beside their id.
#[derive(Clone, Default, Debug)]
pub struct Known {
    pub display_name: Option<String>,
    /// They or an administrator have said what they are called.
    pub has_own_name: bool,
    /// The role they came with is stored under another name, or of another cluster.
    pub is_role_behind: bool,
}

impl Known {
    /// From the columns of [`known!`].
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            display_name: row.opt("display_name")?,
            has_own_name: row.opt("has_own_name")?.unwrap_or(false),
            is_role_behind: row.opt("is_role_behind")?.unwrap_or(false),
        })
    }
}

/// What is known of the actor `a`, who was found by the parameters $2 to $4 of [`by`].
macro_rules! known {
    () => {
        "a.display_name, a.name_from = 'person' AS has_own_name, a.role_cluster <> $3 OR a.db_role <> $4 AS is_role_behind"
    };
}

/// The actor mapped to the role with the oid $2 in this cluster, $3; or, of those mapped in another one, the only one mapped to a role
/// of its name, $4. One look-up in an index where there is the first: what comes after it is not run.
macro_rules! actor_of_role {
    () => {
        "(SELECT o.actor_id, o.display_name, o.name_from, o.db_role, o.role_oid, o.role_cluster
          FROM quire_store.actor o WHERE o.role_oid = $2 AND o.role_cluster = $3
          UNION ALL
          SELECT n.actor_id, n.display_name, n.name_from, n.db_role, n.role_oid, n.role_cluster
          FROM quire_store.actor n WHERE n.db_role = $4 AND n.role_cluster <> $3
            AND NOT EXISTS (SELECT FROM quire_store.actor o WHERE o.role_oid = $2 AND o.role_cluster = $3)
            AND (SELECT count(*) FROM quire_store.actor m WHERE m.db_role = $4 AND m.role_cluster <> $3) = 1
          LIMIT 1)"
    };
}

/// A project as its caller may see it, together with the caller's actor: by subject, or by role. Every function asks, so a role is
/// looked for by its oid, and in full only where nobody has it and somebody a role of its name.
pub fn project_access(project: ProjectId, caller: PrincipalKey) -> Result<Option<ProjectAccess>> {
    macro_rules! access {
        ($known:expr, $is_elsewhere:literal, $actor:expr, $member_is:literal) => {
            concat!(
                "SELECT p.visibility = 'public' AS is_public, p.status = 'archived' AS is_archived, p.settings::text, p.name,
                    p.access_version, a.actor_id, m.role, ",
                $known,
                ", ",
                $is_elsewhere,
                " AS is_elsewhere FROM quire_store.project p LEFT JOIN ",
                $actor,
                " LEFT JOIN quire_store.membership m ON m.project_id = $1 AND m.actor_id = ",
                $member_is,
                " WHERE p.project_id = $1"
            )
        };
    }
    // A member need not be registered yet.
    const BY_SUBJECT: &str = access!(
        "a.display_name, a.name_from = 'person' AS has_own_name, false AS is_role_behind",
        "false",
        "quire_store.actor a ON a.actor_id = $2",
        "$2"
    );
    const BY_OID: &str = access!(
        known!(),
        "a.actor_id IS NULL AND EXISTS (SELECT FROM quire_store.actor n WHERE n.db_role = $4)",
        "quire_store.actor a ON a.role_oid = $2 AND a.role_cluster = $3",
        "a.actor_id"
    );
    const BY_ROLE: &str = access!(known!(), "false", concat!(actor_of_role!(), " a ON true"), "a.actor_id");
    let By { sql, key, name } = by(caller, BY_SUBJECT, BY_OID);
    let args: [Arg; 4] = [project.pg().into(), key, cluster().into(), name.into()];
    let read = |sql| read_access(sql, &args);
    match read(sql)? {
        Some((_, true)) => Ok(read(BY_ROLE)?.map(|(access, _)| access)),
        found => Ok(found.map(|(access, _)| access)),
    }
}

/// What such a statement finds, and whether somebody else may be meant.
fn read_access(sql: &'static str, args: &[Arg]) -> Result<Option<(ProjectAccess, bool)>> {
    db::read_one(sql, args, |row| {
        let settings = serde_json::from_str(row.get("settings")?)
            .map_err(|_| Error::internal("stored settings are not JSON"))
            .and_then(|value| Settings::parse(&value))?;
        let access = ProjectAccess {
            is_public: row.get("is_public")?,
            is_archived: row.get("is_archived")?,
            settings,
            name: row.get("name")?,
            access_version: row.get("access_version")?,
            actor: row.opt("actor_id")?,
            role: row.opt::<&str>("role")?.map(Role::parse).transpose()?,
            known: Known::from_row(row)?,
        };
        Ok((access, row.get("is_elsewhere")?))
    })
}

/// $1 of a statement that is about no project.
const NO_PROJECT: Option<Uuid> = None;

/// How a caller's actor is found.
pub struct By<'a> {
    pub sql: &'static str,
    /// The subject, or the oid of the role.
    pub key: Arg<'a>,
    /// The role's name, by which it is found when it was mapped in another cluster.
    pub name: Option<String>,
}

/// The statement and arguments that find the caller's actor.
pub fn by<'a>(caller: PrincipalKey, by_subject: &'static str, by_role: &'static str) -> By<'a> {
    match caller {
        PrincipalKey::Subject(subject) => By { sql: by_subject, key: subject.pg().into(), name: None },
        PrincipalKey::Role(role) => By { sql: by_role, key: role.into(), name: Some(DbRole::of(role).name) },
    }
}

/// The actor's row: of the subject, or of the actor mapped to the role.
pub fn find_actor(caller: PrincipalKey) -> Result<Option<(ActorId, Known)>> {
    const BY_SUBJECT: &str =
        "SELECT a.actor_id, a.display_name, a.name_from = 'person' AS has_own_name, false AS is_role_behind
        FROM quire_store.actor a WHERE a.actor_id = $2";
    const BY_ROLE: &str = concat!("SELECT a.actor_id, ", known!(), " FROM ", actor_of_role!(), " a");
    let By { sql, key, name } = by(caller, BY_SUBJECT, BY_ROLE);
    let args: [Arg; 4] = [NO_PROJECT.into(), key, cluster().into(), name.into()];
    db::read_one(sql, &args, |row| Ok((row.get("actor_id")?, Known::from_row(row)?)))
}

/// What an actor is called in the answers of project $1: as they are called here, or else as its peers say, which is true of it alone.
macro_rules! called {
    ($actor:literal) => {
        concat!(
            "COALESCE((SELECT own.display_name FROM quire_store.actor own WHERE own.actor_id = ",
            $actor,
            "), (SELECT said.display_name FROM quire_store.peer_actor said WHERE said.project_id = $1 AND said.actor_id = ",
            $actor,
            "))"
        )
    };
}
pub(crate) use called;

/// Registers the caller, by the name that their claims give. Of others nobody registers any: their own first write would wait for it.
pub fn register_actor(actor: ActorId, claimed_name: Option<&str>) -> Result<()> {
    const SQL: &str = "INSERT INTO quire_store.actor (actor_id, display_name, name_from)
        VALUES ($1, $2, CASE WHEN $2 IS NOT NULL THEN 'claim' END) ON CONFLICT DO NOTHING";
    db::exec(SQL, &[actor.pg().into(), claimed_name.into()])
}

/// Keeps the name that somebody's claims give, unless they have one of their own. Whoever does so at the same time does not wait.
pub fn follow_claim(actor: ActorId, name: &str) -> Result<()> {
    const SQL: &str = "UPDATE quire_store.actor SET display_name = $2, name_from = 'claim'
        WHERE actor_id = (SELECT a.actor_id FROM quire_store.actor a
                          WHERE a.actor_id = $1 AND a.name_from IS DISTINCT FROM 'person'
                            AND a.display_name IS DISTINCT FROM $2
                          FOR NO KEY UPDATE SKIP LOCKED)";
    db::exec(SQL, &[actor.pg().into(), name.into()])
}

/// Keeps what somebody's role is called now, and which one it is in this cluster. Not while somebody says whose the role is, or finds
/// out, too: another write will do it.
pub fn follow_role(actor: ActorId, role: &StoredRole) -> Result<()> {
    const SQL: &str = "UPDATE quire_store.actor SET db_role = $2, role_oid = $3, role_cluster = $4
        WHERE actor_id = (SELECT a.actor_id FROM quire_store.actor a
                          WHERE a.actor_id = $1
                            AND (a.role_oid = $3 AND a.role_cluster = $4
                                 OR a.db_role = $2 AND a.role_cluster <> $4
                                    AND NOT EXISTS (SELECT FROM quire_store.actor o
                                                    WHERE o.role_oid = $3 AND o.role_cluster = $4))
                          FOR NO KEY UPDATE SKIP LOCKED)";
    if !role_lock(role.oid)?.take_if_free() {
        return Ok(());
    }
    let args: [Arg; 4] = [actor.pg().into(), role.name.as_str().into(), role.oid.into(), role.cluster.into()];
    db::exec(SQL, &args)
}

/// Gives a person their own name; `false` when there is nobody of this id.
pub fn set_name(actor: ActorId, name: &str) -> Result<bool> {
    const SQL: &str = "UPDATE quire_store.actor SET display_name = $2, name_from = 'person' WHERE actor_id = $1 RETURNING true";
    db::writes(SQL, &[actor.pg().into(), name.into()])
}

/// Everybody, in the order in which they came.
pub fn list_actors(answer: Answer, cluster: i64) -> Result<()> {
    const SQL: &str = "SELECT a.actor_id, a.display_name,
            CASE WHEN a.role_cluster = $1
                 THEN (SELECT r.rolname::text FROM pg_catalog.pg_roles r WHERE r.oid = a.role_oid)
                 ELSE a.db_role END,
            a.created_at
        FROM quire_store.actor a ORDER BY a.created_at, a.actor_id";
    answer.fill(SQL, &[cluster.into()])
}

/// Has administrators who change what is known of people come one after the other, until the end of the transaction, and makes nobody
/// else wait. What they all change is a row that nobody else changes, so that whoever sees an older state gets 40001 and not a
/// duplicate key.
pub fn hold_people() -> Result<()> {
    const SQL: &str = "UPDATE quire_store.actor SET created_at = created_at WHERE actor_id = $1";
    db::exec(SQL, &[ActorId::SYSTEM.pg().into()])
}

/// Has nobody find a role by its name meanwhile and keep what they find, and waits for who does.
pub fn hold_role(role: &DbRole) -> Result<()> {
    role_lock(role.oid).map(|lock| lock.wait())
}

fn role_lock(role: Oid) -> Result<ObjectLock> {
    ObjectLock::of(c"actor", "quire role ", &role.to_u32().to_be_bytes())
}

/// Who a role acts as, while that is held.
pub fn mapped(role: &DbRole) -> Result<Option<ActorId>> {
    const SQL: &str = concat!("SELECT a.actor_id FROM ", actor_of_role!(), " a");
    let args: [Arg; 4] = [NO_PROJECT.into(), role.oid.into(), cluster().into(), role.name.as_str().into()];
    db::write_one(SQL, &args, |row| row.get("actor_id"))
}

/// The role that acts as an actor.
pub fn role_of(actor: ActorId) -> Result<Option<StoredRole>> {
    const SQL: &str = "SELECT a.db_role, a.role_oid, a.role_cluster FROM quire_store.actor a
        WHERE a.actor_id = $1 AND a.role_oid IS NOT NULL";
    db::write_one(SQL, &[actor.pg().into()], |row| {
        Ok(StoredRole {
            name: row.get("db_role")?,
            oid: row.get("role_oid")?,
            cluster: row.get("role_cluster")?,
        })
    })
}

/// Somebody whose role was taken away.
pub struct Released {
    pub actor: ActorId,
    pub display_name: Option<String>,
}

/// Takes a role away from whoever acts with it, but for one: by its oid here, and by its name elsewhere and where a role of that name is
/// gone.
pub fn release_role(role: &DbRole, keeps: Option<ActorId>) -> Result<Vec<Released>> {
    const SQL: &str = "WITH lost AS MATERIALIZED (
            SELECT a.actor_id, a.role_oid, a.role_cluster, a.role_oid = $2 AND a.role_cluster = $3 AS is_here
            FROM quire_store.actor a
            WHERE a.actor_id IS DISTINCT FROM $4
              AND (a.role_oid = $2 AND a.role_cluster = $3
                   OR a.db_role = $1
                      AND (a.role_cluster <> $3
                           OR NOT EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.oid = a.role_oid)))),
        released AS (
            UPDATE quire_store.actor u SET db_role = NULL, role_oid = NULL, role_cluster = NULL
            FROM lost l
            -- Who was found by name, and meanwhile as another role, keeps that.
            WHERE u.actor_id = l.actor_id AND u.role_oid = l.role_oid AND u.role_cluster = l.role_cluster
            RETURNING u.actor_id, u.display_name, l.is_here)
        SELECT r.actor_id, r.display_name FROM released r ORDER BY r.is_here DESC, r.actor_id";
    let args: [Arg; 4] =
        [role.name.as_str().into(), role.oid.into(), cluster().into(), keeps.map(ActorId::pg).into()];
    db::write(SQL, &args, |row| {
        Ok(Released { actor: row.get("actor_id")?, display_name: row.opt("display_name")? })
    })
}

/// Gives a role that nobody acts with to an actor.
pub fn map_role(role: &DbRole, actor: ActorId, display_name: Option<&str>) -> Result<()> {
    const SQL: &str = "INSERT INTO quire_store.actor AS a (actor_id, display_name, name_from, db_role, role_oid, role_cluster)
        VALUES ($2, $3, CASE WHEN $3 IS NOT NULL THEN 'person' END, $1, $4, $5)
        ON CONFLICT (actor_id) DO UPDATE
        SET db_role = EXCLUDED.db_role, role_oid = EXCLUDED.role_oid, role_cluster = EXCLUDED.role_cluster,
            display_name = COALESCE(EXCLUDED.display_name, a.display_name),
            name_from = COALESCE(EXCLUDED.name_from, a.name_from)";
    let args: [Arg; 5] = [
        role.name.as_str().into(),
        actor.pg().into(),
        display_name.into(),
        role.oid.into(),
        cluster().into(),
    ];
    db::exec(SQL, &args)
}

/// Keeps what the roles of this cluster are called now, of people and of the makers of tokens. Of whoever is changing their row
/// themselves not yet.
pub fn refresh_names() -> Result<()> {
    const PEOPLE: &str = "UPDATE quire_store.actor u SET db_role = free.rolname
        FROM (SELECT a.actor_id, r.rolname::text FROM quire_store.actor a
              JOIN pg_catalog.pg_roles r ON r.oid = a.role_oid
              WHERE a.role_cluster = $1 AND a.db_role::name <> r.rolname FOR NO KEY UPDATE OF a SKIP LOCKED) free
        WHERE u.actor_id = free.actor_id";
    const MAKERS: &str = "UPDATE quire_store.token u SET admin_role = free.rolname
        FROM (SELECT t.project_id, t.token_id, r.rolname::text FROM quire_store.token t
              JOIN pg_catalog.pg_roles r ON r.oid = t.admin_oid
              WHERE t.admin_cluster = $1 AND t.admin_role::name <> r.rolname FOR NO KEY UPDATE OF t SKIP LOCKED) free
        WHERE u.project_id = free.project_id AND u.token_id = free.token_id";
    db::exec(PEOPLE, &[cluster().into()])?;
    db::exec(MAKERS, &[cluster().into()])
}

/// Projects an actor may read; all of them for an administrator.
pub fn readable_projects(actor: Option<ActorId>, is_admin: bool) -> Result<Vec<Uuid>> {
    const SQL: &str = "SELECT p.project_id FROM quire_store.project p WHERE $2 OR p.visibility = 'public'
        UNION
        SELECT m.project_id FROM quire_store.membership m WHERE m.actor_id = $1";
    let args: [Arg; 2] = [actor.map(ActorId::pg).into(), is_admin.into()];
    db::read(SQL, &args, |row| row.get("project_id"))
}

/// Whether an actor may read a project; an administrator any.
pub fn is_readable(project: Uuid, actor: Option<ActorId>, is_admin: bool) -> Result<bool> {
    const SQL: &str = "SELECT EXISTS (SELECT FROM quire_store.project p
            WHERE p.project_id = $1 AND ($3 OR p.visibility = 'public'))
        OR EXISTS (SELECT FROM quire_store.membership m WHERE m.project_id = $1 AND m.actor_id = $2) AS is_readable";
    let args: [Arg; 3] = [project.into(), actor.map(ActorId::pg).into(), is_admin.into()];
    Ok(db::read_one(SQL, &args, |row| row.get("is_readable"))?.unwrap_or(false))
}

/// Locks what owners change of a project; `false` when it has been deleted.
pub fn lock_project(project: ProjectId) -> Result<bool> {
    const SQL: &str = "SELECT true FROM quire_store.project p WHERE p.project_id = $1 FOR NO KEY UPDATE";
    db::writes(SQL, &[project.pg().into()])
}

/// Waits for who is changing the settings, and has who comes next wait.
pub fn hold_settings(project: ProjectId) -> Result<()> {
    const SQL: &str = "SELECT FROM quire_store.project p WHERE p.project_id = $1 FOR SHARE";
    db::exec(SQL, &[project.pg().into()])
}
