//! The keys that tokens are made with. Their halves are made by the server itself and appear in no statement's arguments, so
//! that no log of statements can hold one; that there are two, and where they are, sql/token/table.sql explains.

use crate::db::clock::pg_now;
use crate::db::{self, Row};
use crate::ids::{KeyId, Pg};
use pgrx::Uuid as PgUuid;
use quire_core::error::{Error, Result};
use quire_core::hash::Hash;
use quire_core::token::key_of_halves;

/// The hash of a half and of the one that the server keeps. From it neither can be computed, nor the key, which another function makes.
/// No function in SQL: the half would be its parameter, which auto_explain logs.
macro_rules! halves_hash {
    ($half:literal) => {
        concat!(
            "(SELECT sha256(",
            $half,
            " || int8send(ha.last_value) || int8send(hb.last_value) || int8send(hc.last_value) || int8send(hd.last_value))
              FROM quire_store.secret_half_1 ha, quire_store.secret_half_2 hb, quire_store.secret_half_3 hc,
                  quire_store.secret_half_4 hd)"
        )
    };
}
pub(super) use halves_hash;

/// A statement that reads what a key is computed from: its id and its half, then the half of the server. Not of a key that was
/// made with another half of the server's.
macro_rules! halves {
    ($which:literal) => {
        concat!(
            "SELECT k.key_id, k.half, a.last_value AS a, b.last_value AS b, c.last_value AS c, d.last_value AS d
             FROM quire_store.secret k, quire_store.secret_half_1 a, quire_store.secret_half_2 b,
                 quire_store.secret_half_3 c, quire_store.secret_half_4 d
             WHERE k.halves_hash = ",
            halves_hash!("k.half"),
            " AND ",
            $which
        )
    };
}

/// The key new tokens are made with; made when there is none.
pub fn signing() -> Result<(KeyId, [u8; 32])> {
    const HOLD: &str = "LOCK TABLE quire_store.secret IN ROW SHARE MODE";
    // Until the token is there for everybody to see, no key may be deleted for want of tokens.
    db::exec(HOLD, &[])?;
    const SQL: &str = halves!("k.retired_at IS NULL ORDER BY k.created_at DESC, k.key_id LIMIT 1");
    // 40001 where an older state shows a key that has been deleted since. By itself: rows of sequences cannot be marked.
    const STILL_THERE: &str = concat!(
        "SELECT FROM quire_store.secret k WHERE k.halves_hash = ",
        halves_hash!("k.half"),
        " AND k.retired_at IS NULL ORDER BY k.created_at DESC, k.key_id LIMIT 1 FOR KEY SHARE"
    );
    if db::sees_older_state() {
        db::exec(STILL_THERE, &[])?;
    }
    let newest = || db::write_one(SQL, &[], key);
    if let Some(found) = newest()? {
        return Ok(found);
    }
    create()?;
    newest()?.ok_or_else(|| Error::internal("no secret could be made"))
}

/// The key of an id.
pub fn find(id: KeyId) -> Result<Option<[u8; 32]>> {
    const SQL: &str = halves!("k.key_id = $1");
    Ok(db::read_one(SQL, &[id.pg().into()], key)?.map(|(_, key)| key))
}

fn key(row: &Row) -> Result<(KeyId, [u8; 32])> {
    let parts: [i64; 4] = [row.get("a")?, row.get("b")?, row.get("c")?, row.get("d")?];
    let mut kept = [0; 32];
    for (part, eight) in parts.into_iter().zip(kept.chunks_exact_mut(8)) {
        eight.copy_from_slice(&part.to_be_bytes());
    }
    let stored = row.get::<Hash>("half")?;
    Ok((row.get("key_id")?, key_of_halves(&kept, stored.as_bytes())))
}

/// Makes the half of a key from 366 random bits, from the server's strong source.
fn create() -> Result<Option<PgUuid>> {
    const SQL: &str = concat!(
        "WITH new AS MATERIALIZED (SELECT sha256(uuid_send(gen_random_uuid())
            || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())) AS half)
         INSERT INTO quire_store.secret (key_id, half, halves_hash)
         SELECT gen_random_uuid(), n.half, ",
        halves_hash!("n.half"),
        " FROM new n RETURNING key_id"
    );
    db::write_one(SQL, &[], |row| row.get("key_id"))
}

/// Makes a new key, retires the others, and deletes those whose tokens have all expired.
pub fn rotate() -> Result<PgUuid> {
    const RETIRE: &str = "UPDATE quire_store.secret SET retired_at = $2
        WHERE key_id <> $1 AND retired_at IS NULL";
    const DELETE: &str = "DELETE FROM quire_store.secret s WHERE s.retired_at IS NOT NULL
        AND NOT EXISTS (SELECT FROM quire_store.token t WHERE t.key_id = s.key_id AND t.expires_at > $1)";
    let key = create()?.ok_or_else(|| Error::internal("no secret could be made"))?;
    let now = pg_now()?;
    db::exec(RETIRE, &[key.into(), now.into()])?;
    // Whoever is making a token may be making it with an older key, and is not waited for: the next rotation deletes.
    if db::lock_alone_if_free(c"secret") {
        db::exec(DELETE, &[now.into()])?;
    }
    Ok(key)
}
