//! The keys that tokens are made with. They are made by the server itself and appear in no statement's arguments, so that
//! no log of statements can hold one.

use crate::db;
use crate::error::{Error, Result};
use crate::ids::uuid_from_pg;
use crate::pure::hash::Hash;
use pgrx::Uuid as PgUuid;
use uuid::Uuid;

/// The key new tokens are made with; made when there is none.
pub fn signing() -> Result<(Uuid, [u8; 32])> {
    const HOLD: &str = "LOCK TABLE quire_store.secret IN ROW SHARE MODE";
    // Until the token is there for everybody to see, no key may be deleted for want of tokens.
    db::exec(HOLD, &[])?;
    const SQL: &str = "SELECT key_id, secret FROM quire_store.secret WHERE retired_at IS NULL
        ORDER BY created_at DESC, key_id LIMIT 1";
    // 40001 where an older state shows a key that has been deleted since.
    const STILL_THERE: &str = "SELECT key_id, secret FROM quire_store.secret WHERE retired_at IS NULL
        ORDER BY created_at DESC, key_id LIMIT 1 FOR KEY SHARE";
    let sql = if db::sees_older_state() { STILL_THERE } else { SQL };
    let newest = || {
        db::write_one(sql, &[], |row| {
            Ok((uuid_from_pg(row.get::<PgUuid>(1)?), *Hash::from_bytes(row.get::<&[u8]>(2)?)?.as_bytes()))
        })
    };
    if let Some(found) = newest()? {
        return Ok(found);
    }
    create()?;
    newest()?.ok_or_else(|| Error::internal("no secret could be made"))
}

/// The key of an id.
pub fn find(key: Uuid) -> Result<Option<[u8; 32]>> {
    const SQL: &str = "SELECT secret FROM quire_store.secret WHERE key_id = $1";
    db::read_one(SQL, &[crate::ids::uuid_to_pg(key).into()], |row| {
        Ok(*Hash::from_bytes(row.get::<&[u8]>(1)?)?.as_bytes())
    })
}

/// Makes a key of 366 random bits, from the server's strong source.
fn create() -> Result<Option<PgUuid>> {
    const SQL: &str = "INSERT INTO quire_store.secret (key_id, secret)
        VALUES (gen_random_uuid(), sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
            || uuid_send(gen_random_uuid()))) RETURNING key_id";
    db::write_one(SQL, &[], |row| row.get(1))
}

/// Makes a new key, retires the others, and deletes those whose tokens have all expired.
pub fn rotate() -> Result<PgUuid> {
    const RETIRE: &str = "UPDATE quire_store.secret SET retired_at = clock_timestamp()
        WHERE key_id <> $1 AND retired_at IS NULL";
    const DELETE: &str = "DELETE FROM quire_store.secret s WHERE s.retired_at IS NOT NULL
        AND NOT EXISTS (SELECT FROM quire_store.token t WHERE t.key_id = s.key_id AND t.expires_at > clock_timestamp())";
    const ALONE: &str = "LOCK TABLE quire_store.secret IN EXCLUSIVE MODE";
    db::exec(ALONE, &[])?;
    let key = create()?.ok_or_else(|| Error::internal("no secret could be made"))?;
    db::exec(RETIRE, &[key.into()])?;
    db::exec(DELETE, &[])?;
    Ok(key)
}
