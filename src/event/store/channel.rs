//! SQL of the private channel.

use crate::db::clock::{from_pg, pg_now, to_pg};
use crate::db::{self, Arg};
use crate::gate::Access;
use crate::ids::{ActorId, Pg, ProjectId};
use pgrx::Uuid;
use quire_core::error::{Error, Result};
use quire_core::timestamp::Micros;

/// A name of the current epoch.
pub struct Channel {
    pub name: String,
    pub epoch: i64,
    pub leased_until: Micros,
    pub valid_until: Micros,
    /// Somebody who got it may not know it any more.
    pub is_stale: bool,
    /// Its last message was sent.
    pub is_ended: bool,
    /// Until when the caller, who got it then, holds it open.
    pub held_until: Option<Micros>,
}

/// How often the channel has been closed.
pub fn epoch(project: ProjectId) -> Result<i64> {
    const SQL: &str = "SELECT channel_epoch FROM quire_store.project WHERE project_id = $1";
    Ok(db::read_one(SQL, &[project.pg().into()], |row| row.get("channel_epoch"))?.unwrap_or(0))
}

/// The names of the current epoch. There is more than one where two opened the channel at the same time. Rows from before the project
/// was made are of another that had its id.
pub fn channels(project: ProjectId, holder: Option<&Access>) -> Result<Vec<Channel>> {
    const SQL: &str = "SELECT c.name, max(c.epoch) AS epoch, max(c.leased_until) AS leased_until, min(c.valid_until) AS valid_until,
            min(c.valid_until) <= $4
                OR bool_or(EXISTS (SELECT FROM quire_store.token_revocation r
                                   WHERE r.project_id = $1 AND r.token_id = c.token_id))
                OR bool_or(EXISTS (SELECT FROM quire_store.departure d
                                   WHERE d.project_id = $1 AND d.actor_id = c.actor_id AND d.left_at >= c.told_at)) AS is_stale,
            bool_or(c.valid_until = '-infinity') AS is_ended,
            max(c.leased_until) FILTER (WHERE c.actor_id IS NOT DISTINCT FROM $2 AND c.token_id IS NOT DISTINCT FROM $3) AS held_until
        FROM quire_store.channel c
        JOIN quire_store.project p ON p.project_id = $1 AND p.channel_epoch = c.epoch AND p.created_at <= c.told_at
        WHERE c.project_id = $1
        GROUP BY c.name
        ORDER BY min(c.told_at), c.name";
    let [actor, token] = holder.map_or([None::<Uuid>.into(), None::<Uuid>.into()], holder_args);
    db::read(SQL, &[project.pg().into(), actor, token, pg_now()?.into()], |row| {
        Ok(Channel {
            name: row.get("name")?,
            epoch: row.get("epoch")?,
            leased_until: row.get("leased_until").map(from_pg)?,
            valid_until: row.get("valid_until").map(from_pg)?,
            is_stale: row.get("is_stale")?,
            is_ended: row.get("is_ended")?,
            held_until: row.opt("held_until")?.map(from_pg),
        })
    })
}

/// Who gets a name: an actor, by a token or not.
fn holder_args(access: &Access) -> [Arg<'static>; 2] {
    let principal = &access.principal;
    let token = principal.token.as_ref().map(|bound| bound.id().pg());
    [principal.actor.map(ActorId::pg).into(), token.into()]
}

/// Adds that somebody got a name and holds it open, instead of an older row that says so: they have known it since then.
pub fn add(access: &Access, epoch: i64, name: &str, leased_until: Micros, valid_until: Micros) -> Result<()> {
    const ADD: &str =
        "INSERT INTO quire_store.channel (project_id, row_id, name, epoch, actor_id, token_id, leased_until,
            valid_until, told_at)
        SELECT $1, gen_random_uuid(), $2, $3, $4, $5, $6, $7, COALESCE(min(c.told_at), $8)
        FROM quire_store.channel c
        WHERE c.project_id = $1 AND c.name = $2 AND c.epoch = $3
          AND c.actor_id IS NOT DISTINCT FROM $4 AND c.token_id IS NOT DISTINCT FROM $5";
    const REPLACE: &str = "DELETE FROM quire_store.channel d USING (
            SELECT c.row_id FROM quire_store.channel c
            WHERE c.project_id = $1 AND c.name = $2 AND c.epoch = $3
              AND c.actor_id IS NOT DISTINCT FROM $4 AND c.token_id IS NOT DISTINCT FROM $5
              AND c.leased_until < $6 AND c.valid_until >= $7
            FOR UPDATE SKIP LOCKED) free
        WHERE d.project_id = $1 AND d.row_id = free.row_id";
    let [actor, token] = holder_args(access);
    let args: [Arg; 8] = [
        access.project.pg().into(),
        name.into(),
        epoch.into(),
        actor,
        token,
        to_pg(leased_until)?.into(),
        to_pg(valid_until)?.into(),
        pg_now()?.into(),
    ];
    db::exec(ADD, &args)?;
    if db::sees_older_state() { Ok(()) } else { db::exec(REPLACE, &args) }
}

/// Opens a channel under a name of 244 random bits, from the server's strong source.
pub fn add_new(access: &Access, epoch: i64, leased_until: Micros, valid_until: Micros) -> Result<String> {
    const NAME: &str = "SELECT 'quire:'
        || substr(encode(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 'hex'), 1, 48) AS name";
    let name: Option<String> = db::read_one(NAME, &[], |row| row.get("name"))?;
    let name = name.ok_or_else(|| Error::internal("no name was made"))?;
    add(access, epoch, &name, leased_until, valid_until)?;
    Ok(name)
}

/// Notes that the last message of a name is sent. The row makes the name stale for good, also for who holds it open at the same time.
pub fn end(project: ProjectId, channel: &Channel) -> Result<()> {
    const SQL: &str =
        "INSERT INTO quire_store.channel (project_id, row_id, name, epoch, leased_until, valid_until)
        VALUES ($1, gen_random_uuid(), $2, $3, '-infinity', '-infinity')";
    db::exec(SQL, &[project.pg().into(), channel.name.as_str().into(), channel.epoch.into()])
}

/// Removes what says nothing any more: rows of epochs and projects before, of names that are ended, and that a name was ended when all
/// that may be added under it, by who found it open before, has had its time by itself. Waits for nobody, and leaves what somebody
/// else removes.
pub fn sweep(project: ProjectId) -> Result<()> {
    const SQL: &str = "DELETE FROM quire_store.channel d USING (
            SELECT c.row_id FROM quire_store.channel c
            JOIN quire_store.project p ON p.project_id = $1
            WHERE c.project_id = $1
              AND (c.epoch < p.channel_epoch OR c.told_at < p.created_at
                   OR CASE WHEN c.valid_until = '-infinity' THEN c.told_at < $2 - interval '25 hours'
                           ELSE EXISTS (SELECT FROM quire_store.channel e
                                        WHERE e.project_id = $1 AND e.name = c.name AND e.valid_until = '-infinity') END)
            FOR UPDATE OF c SKIP LOCKED) free
        WHERE d.project_id = $1 AND d.row_id = free.row_id";
    if db::sees_older_state() { Ok(()) } else { db::exec(SQL, &[project.pg().into(), pg_now()?.into()]) }
}

/// Begins another epoch and returns the names of the one before that are not ended, as far as they can be seen.
pub fn close(project: ProjectId) -> Result<Vec<String>> {
    const NAMES: &str = "SELECT c.name FROM quire_store.channel c
        JOIN quire_store.project p ON p.project_id = $1 AND p.channel_epoch = c.epoch
        WHERE c.project_id = $1 GROUP BY c.name HAVING min(c.valid_until) > '-infinity'";
    const NEXT: &str =
        "UPDATE quire_store.project SET channel_epoch = channel_epoch + 1 WHERE project_id = $1";
    let this: [Arg; 1] = [project.pg().into()];
    let names = db::write(NAMES, &this, |row| row.get("name"))?;
    db::exec(NEXT, &this)?;
    sweep(project)?;
    Ok(names)
}
