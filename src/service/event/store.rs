//! SQL of subscriptions.

use crate::db::clock::from_pg;
use crate::db::{self, Arg};
use crate::ids::{ActorId, Pg, ProjectId};
use crate::log::Place;
use pgrx::datum::TimestampWithTimeZone;
use pgrx::{JsonB, Uuid};
use quire_core::error::{Error, Result};
use quire_core::reason::Reason;
use quire_core::timestamp::Micros;
use serde_json::Value;

/// A subscription, locked.
pub struct Subscription {
    pub actor: ActorId,
    pub filter: Value,
    pub cursor: Place,
    pub delivered: Place,
    pub leased_until: Option<Micros>,
}

/// Creates a subscription; `false` when the name is taken.
pub fn insert(project: ProjectId, name: &str, actor: ActorId, filter: &Value, after: &Place) -> Result<bool> {
    const SQL: &str = "INSERT INTO quire_store.subscription (project_id, name, actor_id, filter, cursor_seq, cursor_checksum,
            delivered_seq, delivered_checksum)
        SELECT $1, $2, $3, $4, $5, $6, $5, $6
        WHERE NOT EXISTS (SELECT FROM quire_store.subscription s WHERE s.project_id = $1 AND s.name = $2)
        ON CONFLICT DO NOTHING RETURNING true";
    let args: [Arg; 6] = [
        project.pg().into(),
        name.into(),
        actor.pg().into(),
        JsonB(filter.clone()).into(),
        after.seq.pg().into(),
        after.digits().into(),
    ];
    db::writes(SQL, &args)
}

/// Reads and locks a subscription: the caller's own of this name, or anybody's for who may see all. Somebody else's is not waited
/// for while they use it (PT409).
pub fn lock(
    project: ProjectId,
    name: &str,
    actor: Option<ActorId>,
    all: bool,
) -> Result<Option<Subscription>> {
    macro_rules! locked {
        ($how:literal) => {
            concat!(
                "SELECT actor_id, filter, cursor_seq, cursor_checksum, delivered_seq, delivered_checksum, leased_until
                FROM quire_store.subscription WHERE project_id = $1 AND name = $2 AND actor_id = $3
                FOR NO KEY UPDATE",
                $how
            )
        };
    }
    const SQL: &str = locked!("");
    const IF_FREE: &str = locked!(" SKIP LOCKED");
    const WHOSE: &str = "SELECT actor_id FROM quire_store.subscription
        WHERE project_id = $1 AND name = $2 AND ($4 OR actor_id = $3)
        ORDER BY actor_id = $3 DESC, created_at LIMIT 1";
    let args: [Arg; 4] = [project.pg().into(), name.into(), actor.map(ActorId::pg).into(), all.into()];
    let Some(whose) = db::write_one(WHOSE, &args, |row| row.get::<Uuid>("actor_id"))? else {
        return Ok(None);
    };
    let is_own = actor.map(ActorId::pg) == Some(whose);
    let sql = if is_own { SQL } else { IF_FREE };
    let found = db::write_one(sql, &[project.pg().into(), name.into(), whose.into()], |row| {
        Ok(Subscription {
            actor: row.get("actor_id")?,
            filter: row.get::<JsonB>("filter")?.0,
            cursor: Place::kept(row.get("cursor_seq")?, Some(row.get("cursor_checksum")?))?,
            delivered: Place::kept(row.get("delivered_seq")?, Some(row.get("delivered_checksum")?))?,
            leased_until: row.opt("leased_until")?.map(from_pg),
        })
    })?;
    if found.is_none() && !is_own {
        return Err(Error::conflict(Reason::InUse, "the subscription is being used").hint("try again"));
    }
    Ok(found)
}

/// Moves a subscription on.
pub fn update(
    project: ProjectId,
    name: &str,
    whose: ActorId,
    cursor: &Place,
    delivered: &Place,
    leased_until: Option<TimestampWithTimeZone>,
) -> Result<()> {
    const SQL: &str =
        "UPDATE quire_store.subscription SET cursor_seq = $4, cursor_checksum = $5, delivered_seq = $6,
            delivered_checksum = $7, leased_until = $8
        WHERE project_id = $1 AND name = $2 AND actor_id = $3";
    let args: [Arg; 8] = [
        project.pg().into(),
        name.into(),
        whose.pg().into(),
        cursor.seq.pg().into(),
        cursor.digits().into(),
        delivered.seq.pg().into(),
        delivered.digits().into(),
        leased_until.into(),
    ];
    db::exec(SQL, &args)
}

pub fn delete(project: ProjectId, name: &str, whose: ActorId) -> Result<()> {
    const SQL: &str =
        "DELETE FROM quire_store.subscription WHERE project_id = $1 AND name = $2 AND actor_id = $3";
    db::exec(SQL, &[project.pg().into(), name.into(), whose.pg().into()])
}

/// One row of `list_subscriptions`.
pub type SubscriptionRow =
    (String, Uuid, JsonB, i64, i64, Option<TimestampWithTimeZone>, TimestampWithTimeZone, String);

/// Subscriptions of `actor`, or all of them.
pub fn list(project: ProjectId, actor: Option<ActorId>, all: bool) -> Result<Vec<SubscriptionRow>> {
    const SQL: &str = "SELECT s.name, s.actor_id, s.filter, s.cursor_seq, h.seq - s.cursor_seq AS lag, s.leased_until, s.created_at,
            s.cursor_checksum
        FROM quire_store.subscription s
        JOIN quire_store.project_head h ON h.project_id = $1
        WHERE s.project_id = $1 AND ($3 OR s.actor_id = $2)
        ORDER BY s.name";
    db::read(SQL, &[project.pg().into(), actor.map(ActorId::pg).into(), all.into()], |row| {
        Ok((
            row.get("name")?,
            row.get("actor_id")?,
            row.get("filter")?,
            row.get("cursor_seq")?,
            row.get("lag")?,
            row.opt("leased_until")?,
            row.get("created_at")?,
            row.get("cursor_checksum")?,
        ))
    })
}
