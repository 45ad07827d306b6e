//! SQL of tokens, as the gate asks for them.

use crate::db::clock::from_pg;
use crate::db::{self, Row};
use crate::gate::role::StoredRole;
use crate::ids::{ActorId, KeyId, Pg, ProjectId, TokenId};
use pgrx::Uuid;
use quire_core::error::Result;
use quire_core::timestamp::Micros;
use quire_core::token::Root;
use quire_core::ucan::Did;

/// What is kept of a token.
pub struct StoredToken {
    pub key: KeyId,
    pub minted_by: ActorId,
    pub admin_role: Option<StoredRole>,
    pub is_revoked: bool,
    pub abilities: Vec<String>,
    pub audience: Option<String>,
    pub max_uses: Option<i32>,
    pub expires_at: Micros,
}

impl StoredToken {
    /// Whether the text of a token says what was given out.
    pub fn is_of(&self, root: &Root) -> bool {
        self.key == root.key
            && self.abilities.iter().map(String::as_str).eq(root.abilities.texts())
            && self.audience == root.audience
            && self.max_uses.map(i64::from) == root.max_uses.map(i64::from)
            && self.expires_at == root.expires_at
    }
}

pub fn find(project: ProjectId, token: TokenId) -> Result<Option<StoredToken>> {
    // One that was made in a project of the same id, before this one, is none.
    const SQL: &str = "SELECT t.key_id, t.minted_by, t.admin_role,
            EXISTS (SELECT FROM quire_store.token_revocation r WHERE r.project_id = $1 AND r.token_id = $2) AS is_revoked,
            t.abilities, t.audience, t.max_uses, t.expires_at, t.admin_oid, t.admin_cluster
        FROM quire_store.token t
        JOIN quire_store.project p ON p.project_id = $1 AND p.created_at <= t.minted_at
        WHERE t.project_id = $1 AND t.token_id = $2";
    db::read_one(SQL, &[project.pg().into(), token.pg().into()], |row| {
        Ok(StoredToken {
            key: row.get("key_id")?,
            minted_by: row.get("minted_by")?,
            admin_role: admin_role(row)?,
            is_revoked: row.get("is_revoked")?,
            abilities: row.get("abilities")?,
            audience: row.opt("audience")?,
            max_uses: row.opt("max_uses")?,
            expires_at: row.get("expires_at").map(from_pg)?,
        })
    })
}

/// Where the rights of UCANs of a project come from.
pub struct StoredRoot {
    /// Whose rights it carries.
    pub set_by: ActorId,
    /// Whether one of the tokens that were asked for was revoked.
    pub is_revoked: bool,
}

/// The root of a project, if it is this one, for a token with these ids in its chain. Of others nothing is looked at.
pub fn find_root(
    project: ProjectId,
    root: &Did,
    chain: impl IntoIterator<Item = TokenId>,
) -> Result<Option<StoredRoot>> {
    const SQL: &str = "SELECT p.did_by,
            EXISTS (SELECT FROM quire_store.token_revocation r WHERE r.project_id = $1 AND r.token_id = ANY ($2)) AS is_revoked
        FROM quire_store.project p WHERE p.project_id = $1 AND p.did = $3";
    let chain: Vec<Uuid> = chain.into_iter().map(Pg::pg).collect();
    db::read_one(SQL, &[project.pg().into(), chain.into(), root.as_str().into()], |row| {
        Ok(StoredRoot { set_by: row.get("did_by")?, is_revoked: row.get("is_revoked")? })
    })
}

/// The role with which an administrator made it, from the row of [`find`].
fn admin_role(row: &Row) -> Result<Option<StoredRole>> {
    let Some(name) = row.opt("admin_role")? else { return Ok(None) };
    Ok(Some(StoredRole { name, oid: row.get("admin_oid")?, cluster: row.get("admin_cluster")? }))
}
