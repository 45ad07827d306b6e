//! Capability tokens.

use crate::answer::time;
use crate::call::{calls, objects, options, rows};
use quire_core::id::{ActorId, KeyId, ProjectId, TokenId};
use std::time::{Duration, SystemTime};

options! {
    /// Optional arguments of [`mint_token`](crate::Quire::mint_token).
    MintTokenOptions<'a> {
        /// The only database role that may present the token. By default any role may.
        audience: &'a str,
        /// How often the token may be presented. A use counts when its transaction commits. By default there is no limit.
        max_uses: i32,
    }
}

rows! {
    /// A token without its text.
    Token {
        /// The id of the token.
        token_id: TokenId,
        /// What it allows.
        abilities: Vec<String>,
        /// The only database role that may present it.
        audience: Option<String>,
        /// How often it may be presented.
        max_uses: Option<i32>,
        /// How often it was presented.
        uses: i32,
        /// The actor who made it.
        minted_by: ActorId,
        /// When it was made.
        minted_at: SystemTime,
        /// When it expires.
        expires_at: SystemTime,
        /// When it was revoked.
        revoked_at: Option<SystemTime>,
        /// Valid, expired, revoked, used, or void: its key is gone, as after a restore.
        status: String,
    }
}

objects! {
    /// What a token allows.
    Presented {
        /// The project.
        project_id: ProjectId,
        /// The token.
        token_id: TokenId,
        /// The actor who made it.
        actor_id: ActorId,
        /// What it allows.
        abilities: Vec<String>,
        /// When it expires.
        #[serde(deserialize_with = "time")]
        expires_at: SystemTime,
        /// Of a UCAN its CID.
        #[serde(default)]
        cid: Option<String>,
        /// Of a UCAN who signed it, as a did:key.
        #[serde(default)]
        issuer: Option<String>,
    }
}

calls! {
    /// Makes a weaker token of a token, from the text alone: nothing is looked up or stored. Whoever revokes the first
    /// token revokes the weaker one, too. This works at most 8 times in a row.
    fn attenuate_token(token: &str, abilities: &[&str], ttl: Duration) -> String;

    /// Binds a token to the current transaction. Until the end of the transaction, or until the savepoint is rolled back,
    /// the caller has the rights of the token in its project and no others. Call it in the transaction of each request,
    /// with the token as a parameter and not as a part of the statement's text, which servers log. A UCAN comes with the
    /// proofs that it rests on.
    fn authenticate(token: &str; proofs: &[&str]) -> Presented;

    /// Lists the tokens that the caller made, the newest first. An owner gets all tokens of the project. Tokens are
    /// listed for 30 days after they expire.
    fn list_tokens(project_uuid: ProjectId) -> Vec<Token>;

    /// Makes a capability token: a part of the caller's own rights in one project, for a while, for whoever holds its
    /// text. The text is stored nowhere. The token is worth what the role of its maker in the project is worth when it is
    /// used.
    fn mint_token(
        project_uuid: ProjectId, abilities: &[&str], ttl: Duration;
        ..MintTokenOptions<'_>
    ) -> String;

    /// Revokes a token and everything that was narrowed from it, at once, also where it is bound. A REPEATABLE READ
    /// transaction reads on in the state that it began with, and can write nothing any more.
    fn revoke_token(project_uuid: ProjectId, token_id: TokenId) -> SystemTime;

    /// Revokes a UCAN by its CID, and every UCAN that rests on it, at once, also where one is bound. That cannot be taken
    /// back.
    fn revoke_ucan(project_uuid: ProjectId, cid: &str) -> SystemTime;

    /// Makes a new key for tokens. Tokens that were made with older keys stay valid until they expire. Keys without such
    /// tokens are deleted, unless somebody is just making a token: then the next rotation deletes them.
    fn rotate_secret() -> KeyId;
}
