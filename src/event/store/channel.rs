//! SQL of the private channel.

use crate::auth::Access;
use crate::bundle::store::{from_pg, to_pg};
use crate::db::{self, Arg};
use crate::error::{Error, Result};
use crate::ids::{ActorId, ProjectId, uuid_to_pg};
use crate::pure::timestamp::Micros;

/// A name of the current epoch.
pub struct Channel {
    pub name: String,
    pub leased_until: Micros,
    pub valid_until: Micros,
    /// Somebody who was told it may not know it any more.
    pub is_stale: bool,
    /// What says so.
    pub rows: i64,
}

/// How often the channel has been closed.
pub fn epoch(project: ProjectId) -> Result<i64> {
    const SQL: &str = "SELECT channel_epoch FROM quire_store.project WHERE project_id = $1";
    Ok(db::read_one(SQL, &[project.pg().into()], |row| row.get(1))?.unwrap_or(0))
}

/// The names of the current epoch. There is more than one where two opened the channel at the same time.
pub fn channels(project: ProjectId) -> Result<Vec<Channel>> {
    const SQL: &str = "SELECT c.name, max(c.leased_until), min(c.valid_until),
            min(c.valid_until) <= clock_timestamp()
                OR bool_or(EXISTS (SELECT FROM quire_store.token_revocation r
                                   WHERE r.project_id = $1 AND r.token_id = c.token_id))
                OR bool_or(EXISTS (SELECT FROM quire_store.departure d
                                   WHERE d.project_id = $1 AND d.actor_id = c.actor_id AND d.left_at >= c.told_at)),
            count(*)
        FROM quire_store.channel c
        JOIN quire_store.project p ON p.project_id = $1 AND p.channel_epoch = c.epoch
        WHERE c.project_id = $1
        GROUP BY c.name
        ORDER BY min(c.told_at), c.name";
    db::read(SQL, &[project.pg().into()], |row| {
        Ok(Channel {
            name: row.get(1)?,
            leased_until: row.get(2).map(from_pg)?,
            valid_until: row.get(3).map(from_pg)?,
            is_stale: row.get(4)?,
            rows: row.get(5)?,
        })
    })
}

/// Adds that somebody was told a name and holds it open.
pub fn add(access: &Access, epoch: i64, name: &str, leased_until: Micros, valid_until: Micros) -> Result<()> {
    const SQL: &str =
        "INSERT INTO quire_store.channel (project_id, row_id, name, epoch, actor_id, token_id, leased_until,
            valid_until)
        VALUES ($1, gen_random_uuid(), $2, $3, $4, $5, $6, $7)";
    let principal = &access.principal;
    let args: [Arg; 7] = [
        access.project.pg().into(),
        name.into(),
        epoch.into(),
        principal.actor.map(ActorId::pg).into(),
        principal.token.as_ref().map(|bound| uuid_to_pg(bound.id())).into(),
        to_pg(leased_until)?.into(),
        to_pg(valid_until)?.into(),
    ];
    db::exec(SQL, &args)
}

/// Opens a channel under a name of 244 random bits, from the server's strong source.
pub fn add_new(access: &Access, epoch: i64, leased_until: Micros, valid_until: Micros) -> Result<String> {
    const NAME: &str = "SELECT 'quire:'
        || substr(encode(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 'hex'), 1, 48)";
    let name: Option<String> = db::read_one(NAME, &[], |row| row.get(1))?;
    let name = name.ok_or_else(|| Error::internal("no name was made"))?;
    add(access, epoch, &name, leased_until, valid_until)?;
    Ok(name)
}

/// Begins another epoch and returns the names of the one before, as far as they can be seen.
pub fn close(project: ProjectId) -> Result<Vec<String>> {
    const NEXT: &str =
        "UPDATE quire_store.project SET channel_epoch = channel_epoch + 1 WHERE project_id = $1";
    const FORGET: &str = "WITH gone AS (
            DELETE FROM quire_store.channel c WHERE c.project_id = $1 RETURNING c.name, c.epoch)
        SELECT DISTINCT g.name FROM gone g
        JOIN quire_store.project p ON p.project_id = $1 AND p.channel_epoch = g.epoch + 1";
    const ANY: &str = "SELECT EXISTS (SELECT FROM quire_store.channel WHERE project_id = $1)";
    let this: [Arg; 1] = [project.pg().into()];
    db::exec(NEXT, &this)?;
    if !db::write_one(ANY, &this, |row| row.get::<bool>(1))?.unwrap_or(false) {
        return Ok(Vec::new());
    }
    db::write(FORGET, &this, |row| row.get(1))
}

/// Removes rows that say no more than others: that the same people know the same name for as long and hold it open for less.
pub fn thin_out(project: ProjectId) -> Result<()> {
    const SQL: &str = "DELETE FROM quire_store.channel c USING quire_store.channel o
        WHERE c.project_id = $1 AND o.project_id = $1 AND o.name = c.name AND o.epoch = c.epoch
          AND o.actor_id IS NOT DISTINCT FROM c.actor_id AND o.token_id IS NOT DISTINCT FROM c.token_id
          AND o.valid_until <= c.valid_until AND (o.leased_until, o.row_id) > (c.leased_until, c.row_id)";
    db::exec(SQL, &[project.pg().into()])
}
