//! Capability tokens: what a holder may do in one project, narrowed by whoever passes them on.
//!
//! A token is a macaroon (Birgisson et al., "Macaroons: Cookies with Contextual Caveats for Decentralized
//! Authorization in the Cloud", NDSS 2014) whose chain is keyed BLAKE3 and whose caveats can only be narrower
//! abilities and an earlier expiry. Whoever holds one can narrow it without the secret; nobody can undo a narrowing,
//! for each tag is the key of the next and only the last is in the text.
//!
//! This module checks the chain and says what it allows. It keeps no secret and no clock, and counts no uses: the
//! caller finds the secret of [`Unverified::key_id`], asks [`Token::is_expired`], and enforces `audience`, `max_uses`
//! and revocation.
//!
//! # Format
//!
//! ```text
//! text   = "quire1." base64url(bytes)          RFC 4648 section 5, no padding, at most 8,192 bytes in all
//! bytes  = root narrowing{0,8} tag             each block: length (2 bytes, big-endian), then its JSON; tag: 32 bytes
//! root      = {"abilities":[..],"audience":..,"expires_at":..,"key":..,"max_uses":..,"project":..,"token":..}
//! narrowing = {"abilities":[..],"expires_at":..}
//! ```
//!
//! Blocks are canonical JSON (RFC 8785) of exactly these members. `key`, `token` and `project` are lower-case uuids;
//! `abilities` are 1 to 64 canonical texts ([`crate::ability`]), sorted by their UTF-8 bytes, none twice;
//! `expires_at` is in microseconds since 1970 (UTC), 1 to 2^53 - 1. `audience` (1 to 255 bytes) and `max_uses`
//! (1 to 2^31 - 1) are left out where they do not apply.
//!
//! ```text
//! key_0 = BLAKE3 derive_key("quire 2026 capability token v1", secret of 32 bytes)
//! tag_0 = BLAKE3 keyed_hash(key_0,     "quire1.root:" root)
//! tag_i = BLAKE3 keyed_hash(tag_{i-1}, "quire1.narrowing:" narrowing_i)
//! ```
//!
//! where the blocks go in as JSON without their lengths. The secret itself is made of two halves that a server keeps apart,
//! `keyed_hash(half of the server, "quire1.key:" half of the key)`; no token depends on how. For other implementations,
//! `tests/vectors/token.json` holds fixed examples: secrets, blocks, tags, and the texts before and after each narrowing.
//!
//! A token allows what every block of it allows, until the earliest `expires_at`. A hand-made narrowing that asks for
//! more than the blocks before it is therefore valid, and gains nothing.

mod tag;
mod wire;

use crate::ability::{Abilities, Ability, Need};
use crate::error::{Code, Error, Result};
use crate::id::{KeyId, ProjectId, TokenId};
use crate::timestamp::Micros;
use wire::Wire;

pub use tag::key_of_halves;

/// Longest token, in bytes.
pub const MAX_TOKEN_BYTES: usize = 8192;
/// Most narrowings of one token.
pub const MAX_NARROWINGS: usize = 8;
/// Longest audience, in bytes.
pub const MAX_AUDIENCE_BYTES: usize = 255;
/// Most uses a token can be limited to: what a PostgreSQL integer holds.
pub const MAX_USES: u32 = i32::MAX as u32;
/// Latest expiry: the largest integer that canonical JSON carries exactly, in the year 2255.
pub const MAX_EXPIRES_AT: Micros = (1 << 53) - 1;

/// What the issuer of a token grants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// Which secret it is minted with.
    pub key: KeyId,
    /// The token's own id.
    pub token: TokenId,
    /// The only project it is for.
    pub project: ProjectId,
    /// What it lets its holder do.
    pub abilities: Abilities,
    /// From when on it is worthless.
    pub expires_at: Micros,
    /// Who alone may present it; the caller checks.
    pub audience: Option<String>,
    /// How often it may be used; the caller counts.
    pub max_uses: Option<u32>,
}

impl Root {
    /// 22023 for a member out of bounds.
    fn check(&self) -> Result<()> {
        check_expiry(self.expires_at)?;
        if self.audience.as_ref().is_some_and(|text| text.is_empty() || text.len() > MAX_AUDIENCE_BYTES) {
            return Err(Error::validation(format!("audience must have 1 to {MAX_AUDIENCE_BYTES} bytes"))
                .with("argument", "audience"));
        }
        if self.max_uses.is_some_and(|uses| !(1..=MAX_USES).contains(&uses)) {
            return Err(
                Error::validation(format!("max_uses must be 1 to {MAX_USES}")).with("argument", "max_uses")
            );
        }
        Ok(())
    }
}

/// 22023 for a time no token can expire at.
fn check_expiry(expires_at: Micros) -> Result<()> {
    if (1..=MAX_EXPIRES_AT).contains(&expires_at) {
        return Ok(());
    }
    Err(Error::validation("expires_at must be after 1970 and before 2255").with("argument", "expires_at"))
}

/// What a holder restricted a token to.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Narrowing {
    abilities: Abilities,
    expires_at: Micros,
}

/// What a token says, block by block.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Claims {
    root: Root,
    narrowings: Vec<Narrowing>,
}

impl Claims {
    fn sets(&self) -> impl Iterator<Item = &Abilities> {
        std::iter::once(&self.root.abilities).chain(self.narrowings.iter().map(|block| &block.abilities))
    }

    fn abilities(&self) -> impl Iterator<Item = &Ability> {
        let last = self.narrowings.last().map_or(&self.root.abilities, |block| &block.abilities);
        last.iter().filter(|ability| self.sets().all(|set| set.covers_one(ability)))
    }

    fn expires_at(&self) -> Micros {
        self.narrowings.iter().map(|block| block.expires_at).fold(self.root.expires_at, Micros::min)
    }
}

/// The one error for whatever is wrong with a presented token; also for a key that is not known.
///
/// It never says what is wrong: that would tell a forger how far they came.
pub fn invalid() -> Error {
    Error::new(Code::Unauthorized, "this token is not valid")
}

/// A new token, for the holder of `secret` to verify. PT413 if its text would be too long.
pub fn mint(secret: &[u8; 32], root: &Root) -> Result<String> {
    root.check()?;
    Wire::minted(secret, wire::root_block(root)?).to_text()
}

/// The token `text` restricted to `abilities` until `expires_at`; needs no secret, so `text` may be forged still.
///
/// 22023 for an ability that is not certainly covered by the present ones, and for a later expiry; PT413 for a ninth
/// narrowing or too long a text.
pub fn narrow(text: &str, abilities: &Abilities, expires_at: Micros) -> Result<String> {
    let Unverified { claims, wire } = Unverified::parse(text)?;
    if claims.narrowings.len() >= MAX_NARROWINGS {
        return Err(Error::limit(
            format!("a token can be narrowed at most {MAX_NARROWINGS} times"),
            MAX_NARROWINGS,
        ));
    }
    check_expiry(expires_at)?;
    if expires_at > claims.expires_at() {
        return Err(Error::validation("a narrowed token must not expire later")
            .with("expires_at", claims.expires_at()));
    }
    let wider = |ability: &&Ability| !claims.sets().all(|set| set.covers_one(ability));
    if let Some(ability) = abilities.iter().find(wider) {
        return Err(Error::validation("the token does not cover this ability")
            .with("ability", ability.to_string())
            .hint("a glob is covered by the same glob, and below a plain directory by dir/**"));
    }
    wire.narrowed(wire::narrowing_block(abilities, expires_at)?).to_text()
}

/// A well-formed token that anyone may have made up: good for finding the secret to [`verify`](Self::verify) it with.
#[derive(Debug)]
pub struct Unverified {
    claims: Claims,
    wire: Wire,
}

impl Unverified {
    /// Reads the text form; [`invalid`] if it is none.
    pub fn parse(text: &str) -> Result<Self> {
        let wire = Wire::parse(text).ok_or_else(invalid)?;
        let claims = wire.claims().map_err(|_| invalid())?;
        Ok(Self { claims, wire })
    }

    /// Which secret it claims to be minted with.
    pub fn key_id(&self) -> KeyId {
        self.claims.root.key
    }

    /// Which token it claims to be.
    pub fn token_id(&self) -> TokenId {
        self.claims.root.token
    }

    /// Which project it claims to be for.
    pub fn project_id(&self) -> ProjectId {
        self.claims.root.project
    }

    /// What it claims to allow: see [`Token::abilities`].
    pub fn abilities(&self) -> impl Iterator<Item = &Ability> {
        self.claims.abilities()
    }

    /// When it claims to expire.
    pub fn expires_at(&self) -> Micros {
        self.claims.expires_at()
    }

    /// The token, if its chain of tags begins with `secret`; [`invalid`] otherwise. The chain is always computed to its
    /// end and compared in constant time.
    pub fn verify(self, secret: &[u8; 32]) -> Result<Token> {
        if self.wire.is_from(secret) { Ok(Token(self.claims)) } else { Err(invalid()) }
    }
}

/// A token whose chain is sound. It may still be expired, revoked, used up, or meant for someone else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token(Claims);

impl Token {
    /// What the issuer granted, before any narrowing.
    pub fn root(&self) -> &Root {
        &self.0.root
    }

    /// Whether every block allows it. Asks neither the clock nor the audience nor the count of uses.
    pub fn allows(&self, need: Need<'_>) -> bool {
        self.0.sets().all(|set| set.allows(need))
    }

    /// The abilities of the last block, as far as every block before covers them: for showing, never for deciding.
    pub fn abilities(&self) -> impl Iterator<Item = &Ability> {
        self.0.abilities()
    }

    /// How often it was narrowed.
    pub fn narrowings(&self) -> usize {
        self.0.narrowings.len()
    }

    /// The earliest expiry of all blocks.
    pub fn expires_at(&self) -> Micros {
        self.0.expires_at()
    }

    /// Whether it is worthless at `now`: from its expiry on.
    pub fn is_expired(&self, now: Micros) -> bool {
        now >= self.expires_at()
    }
}

#[cfg(test)]
mod tests;
